/* Counting what a kernel costs (loops_cost.h has the rules).
 *
 * First each value is looked at once: is it an element, on which of the loops around it does it
 * depend, does a trip count or a branch depend on it? Then the loops are walked: only what decides
 * trips and branches is computed, and a body is walked again only for loops on whose variable that
 * depends. Last, the addresses of loads and stores. */
#include "ir/loops_cost.h"
#include "ir/custom.h"
#include "ir/loops_range.h"

#include <math.h>
#include <string.h>

/* ---- What each value is ---- */

typedef struct Body {
    double flops;      /* of its own instructions, once */
    const Inst **runs; /* what the walk looks at: its loops and branches, and what decides them */
    int count;
    uint64_t varies; /* on which loops around it its cost depends */
} Body;

typedef struct Counter {
    const Kernel *kernel;
    Arena *arena;
    int64_t *symbols;
    bool *stored, *loaded; /* by id: reaches a stored value; comes from a load */
    bool *cell_stored, *cell_loaded;
    bool *decides;         /* by id: a trip count or a branch depends on it */
    uint64_t *at, *known;  /* by id: loops around (bits by depth) on which it depends; without those
                            * through memory and cells */
    Range *values;         /* by id */
    Body *bodies, *others; /* by id of FOR and IF: body, els */
    double *entries, *trips; /* by id of FOR: how often it was entered, its iterations in all */
    double budget;           /* how many more values of loops around may be asked for one by one */
    bool changed;
} Counter;

static uint64_t loops_to(int depth)
{
    return depth >= 64 ? UINT64_MAX : ((uint64_t)1 << depth) - 1;
}

static void mark(Counter *c, bool *flag)
{
    c->changed = c->changed || !*flag;
    *flag = true;
}

/* Backward: what is stored. */
static void mark_stored(Counter *c, const Block *block)
{
    for (int i = block->count - 1; i >= 0; i--) {
        const Inst *inst = block->items[i];
        mark_stored(c, &inst->els);
        mark_stored(c, &inst->body);
        char class = inst_class(inst->op);
        const Inst *value = inst->op == LI_STORE ? inst->arg[1] : inst->arg[0];
        if (inst->op == LI_STORE)
            c->stored[value->id] = true;
        else if (inst->op == LI_SET && c->cell_stored[inst->cell->id])
            c->stored[value->id] = true;
        else if (inst->op == LI_GET && c->stored[inst->id])
            mark(c, &c->cell_stored[inst->cell->id]);
        else if (c->stored[inst->id] && class != 'M' && class != 'C')
            for (int k = 0; k < 3; k++)
                if (inst->arg[k]) c->stored[inst->arg[k]->id] = true;
    }
}

/* Forward: what comes from memory. */
static void mark_loaded(Counter *c, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        char class = inst_class(inst->op);
        bool *loaded = &c->loaded[inst->id];
        if (inst->op == LI_LOAD)
            *loaded = true;
        else if (inst->op == LI_GET)
            *loaded = c->cell_loaded[inst->cell->id];
        else if (class != 'M' && class != 'C')
            for (int k = 0; k < 3; k++)
                *loaded = *loaded || (inst->arg[k] && c->loaded[inst->arg[k]->id]);
        if (inst->op == LI_SET && c->loaded[inst->arg[0]->id])
            mark(c, &c->cell_loaded[inst->cell->id]);
        mark_loaded(c, &inst->body);
        mark_loaded(c, &inst->els);
    }
}

static void find_elements(Counter *c)
{
    do {
        c->changed = false;
        mark_stored(c, &c->kernel->body);
        mark_loaded(c, &c->kernel->body);
    } while (c->changed);
}

static void find_loops(Counter *c, const Block *block, int depth)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        uint64_t at = 0, known = 0;
        for (int k = 0; k < 3; k++) {
            if (!inst->arg[k]) continue;
            at |= c->at[inst->arg[k]->id];
            known |= c->known[inst->arg[k]->id];
        }
        if (inst->op == LI_GET) at = loops_to(depth);
        if (inst->op == LI_FOR) {
            at |= depth < 64 ? (uint64_t)1 << depth : 0;
            known |= depth < 64 ? (uint64_t)1 << depth : 0;
        }
        c->at[inst->id] = at;
        c->known[inst->id] = inst->op == LI_GET || inst->op == LI_LOAD ? 0 : known;
        find_loops(c, &inst->body, depth + (inst->op == LI_FOR));
        find_loops(c, &inst->els, depth);
    }
}

static void mark_deciding(Counter *c, const Block *block)
{
    for (int i = block->count - 1; i >= 0; i--) {
        const Inst *inst = block->items[i];
        mark_deciding(c, &inst->els);
        mark_deciding(c, &inst->body);
        bool asks = inst->op == LI_FOR || inst->op == LI_IF;
        if (!asks && (!c->decides[inst->id] || inst_class(inst->op) == 'M')) continue;
        for (int k = 0; k < 3; k++)
            if (inst->arg[k]) c->decides[inst->arg[k]->id] = true;
    }
}

/* ---- What an instruction counts ---- */

static bool is_element(const Counter *c, const Inst *inst)
{
    DType type = inst->arg[0]->type.dtype;
    if (inst->op == LI_SELECT) type = inst->type.dtype;
    return dtype_is_float(type) || (c->stored[inst->id] && c->loaded[inst->id]);
}

static double inst_flops(const Counter *c, const Inst *inst)
{
    if (!inst->arg[0] || !is_element(c, inst)) return 0;
    double lanes = inst->type.lanes;
    switch (inst_class(inst->op)) {
    case 'B':
    case 'R':
    case 'U': return lanes;
    case 'F': return lanes * LOOPS_COST_MATH;
    case 'G': return lanes * LOOPS_COST_MATH2;
    default: break;
    }
    switch (inst->op) {
    case LI_FMA: return 2 * lanes;
    case LI_SELECT: return lanes;
    case LI_DOT4: return 8 * lanes;
    case LI_HADD:
    case LI_HMIN:
    case LI_HMAX: return inst->arg[0]->type.lanes - 1;
    default: return 0;
    }
}

static void prepare(Counter *c, const Block *block, Body *body, int depth)
{
    body->runs = arena_array(c->arena, (size_t)block->count + 1, sizeof *body->runs);
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        body->flops += inst_flops(c, inst);
        if (inst->op == LI_FOR || inst->op == LI_IF) {
            bool loop = inst->op == LI_FOR;
            Body *own = &c->bodies[inst->id], *other = &c->others[inst->id];
            prepare(c, &inst->body, own, depth + loop);
            prepare(c, &inst->els, other, depth);
            for (int k = 0; k < 2; k++)
                if (inst->arg[k]) body->varies |= c->known[inst->arg[k]->id];
            body->varies |= (own->varies | other->varies) & loops_to(depth);
        } else if (!c->decides[inst->id]) {
            continue;
        }
        body->runs[body->count++] = inst;
    }
}

/* ---- The walk ---- */

enum { ENDS = 4, MIDDLE = 8, BUDGET = 256 };

static double walk(Counter *c, const Body *body, int depth, double times);

static double trips_of(const Counter *c, const Inst *loop, double *first)
{
    Range lo = c->values[loop->arg[0]->id], hi = c->values[loop->arg[1]->id];
    *first = isinf(lo.lo) ? 0 : lo.lo;
    double trips = ceil((hi.hi - *first) / (double)loop->value);
    if (isinf(hi.hi)) return 1; /* nothing is known: as if it ran once */
    return trips > 0 ? trips : 0;
}

static double walk_at(Counter *c, const Inst *loop, int depth, double at, double times)
{
    c->values[loop->id] = range_at(at);
    return walk(c, &c->bodies[loop->id], depth + 1, times);
}

/* Lies as symmetric as can be, so that what grows evenly is counted exactly. */
static double walk_middle(Counter *c, const Inst *loop, int depth, double first, double trips,
                          double times)
{
    double share = (trips - 2 * ENDS) / MIDDLE, sum = 0;
    for (int k = 0; k < MIDDLE; k++) {
        double i = ENDS + floor(((k < MIDDLE / 2 ? k : MIDDLE - 1 - k) + 0.5) * share);
        if (k >= MIDDLE / 2) i = trips - 1 - i;
        sum += share * walk_at(c, loop, depth, first + i * (double)loop->value, times * share);
    }
    return sum;
}

static double walk_loop(Counter *c, const Inst *loop, int depth, double times)
{
    double first, step = (double)loop->value, trips = trips_of(c, loop, &first), sum = 0;
    c->entries[loop->id] += times;
    c->trips[loop->id] += times * trips;
    if (trips == 0) return 0;
    bool varies = depth < 64 && c->bodies[loop->id].varies >> depth & 1;
    if (!varies) {
        c->values[loop->id] = (Range){first, first + (trips - 1) * step};
        return trips * walk(c, &c->bodies[loop->id], depth + 1, times * trips);
    }
    double before = c->budget;
    bool all = trips <= 2 * ENDS + MIDDLE || trips <= before;
    c->budget = before / (all ? trips : 2 * ENDS + MIDDLE);
    for (double i = 0; i < trips; i++) {
        if (!all && i == ENDS) {
            sum += walk_middle(c, loop, depth, first, trips, times);
            i = trips - ENDS;
        }
        sum += walk_at(c, loop, depth, first + i * step, times);
    }
    c->budget = before;
    return sum;
}

static double walk_if(Counter *c, const Inst *inst, int depth, double times)
{
    Range cond = c->values[inst->arg[0]->id];
    const Body *then = &c->bodies[inst->id], *other = &c->others[inst->id];
    if (range_is_exact(cond)) return walk(c, cond.lo != 0 ? then : other, depth, times);
    double a = walk(c, then, depth, times), b = walk(c, other, depth, times);
    return a > b ? a : b;
}

/* FLOPs of one run; `times` is how often that happens in all. */
static double walk(Counter *c, const Body *body, int depth, double times)
{
    double flops = body->flops;
    for (int i = 0; i < body->count; i++) {
        const Inst *inst = body->runs[i];
        if (inst->op == LI_FOR)
            flops += walk_loop(c, inst, depth, times);
        else if (inst->op == LI_IF)
            flops += walk_if(c, inst, depth, times);
        else
            c->values[inst->id] = range_of(inst, c->values, c->symbols);
    }
    return flops;
}

/* ---- Bytes ---- */

typedef struct Touched {
    double elements[2]; /* different ones read, written: the sum over accesses */
    Range span[2];
} Touched;

static void add_access(const Counter *c, const Inst *inst, const double *iterations, int depth,
                       Touched *touched)
{
    bool write = inst->op == LI_STORE;
    Touched *t = &touched[inst->param->index];
    Range index = c->values[inst->arg[0]->id];
    double lanes = write ? inst->arg[1]->type.lanes : inst->type.lanes, elements = lanes;
    for (int d = 0; d < depth && d < 64; d++)
        if (c->at[inst->arg[0]->id] >> d & 1) elements *= iterations[d];
    if (inst->stride)
        index.hi += (lanes - 1) * c->values[inst->stride->id].hi;
    else
        index.hi += lanes - 1;
    if (t->elements[write] == 0) t->span[write] = index;
    t->span[write].lo = fmin(t->span[write].lo, index.lo);
    t->span[write].hi = fmax(t->span[write].hi, index.hi);
    t->elements[write] += elements;
}

/* iterations[depth]: mean trips of the loops around. */
static void find_accesses(Counter *c, const Block *block, double *iterations, int depth,
                          Touched *touched)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_FOR) {
            double entries = c->entries[inst->id], lo = c->values[inst->arg[0]->id].lo;
            double hi = c->values[inst->arg[1]->id].hi;
            if (entries <= 0 || c->trips[inst->id] <= 0) continue;
            c->values[inst->id] = (Range){lo, fmax(lo, hi - 1)};
            if (depth < 64) iterations[depth] = c->trips[inst->id] / entries;
            find_accesses(c, &inst->body, iterations, depth + 1, touched);
            continue;
        }
        c->values[inst->id] = range_of(inst, c->values, c->symbols);
        if (inst->op == LI_LOAD || inst->op == LI_STORE)
            add_access(c, inst, iterations, depth, touched);
        find_accesses(c, &inst->body, iterations, depth, touched);
        find_accesses(c, &inst->els, iterations, depth, touched);
    }
}

static double count_bytes(Counter *c, const int64_t *most)
{
    const Kernel *k = c->kernel;
    double iterations[64], bytes = 0;
    Touched *touched = arena_array(c->arena, (size_t)k->param_count + 1, sizeof *touched);
    find_accesses(c, &k->body, iterations, 0, touched);
    for (int i = 0; i < k->param_count; i++) {
        const Param *param = k->params[i];
        if (param->local > 0) continue;
        for (int w = 0; w < 2; w++) {
            const Touched *t = &touched[param->index];
            double size = (double)dtype_size(param->dtype), all = t->elements[w] * size;
            if (all <= 0) continue;
            all = fmin(all, (t->span[w].hi - t->span[w].lo + 1) * size);
            if (most && most[i] >= 0) all = fmin(all, (double)most[i]);
            bytes += all;
        }
    }
    return bytes;
}

/* ---- Kernels and programs ---- */

static void counter_init(Counter *c, Arena *arena, const Kernel *kernel)
{
    size_t ids = (size_t)kernel->next_id + 1, cells = (size_t)kernel->cell_count + 1;
    SizeTable *sizes = kernel->program->sizes;
    int symbols = sizes_symbol_count(sizes);
    *c = (Counter){.kernel = kernel, .arena = arena, .budget = BUDGET};
    c->symbols = arena_array(arena, (size_t)symbols + 1, sizeof *c->symbols);
    for (int i = 0; i < symbols; i++) {
        int64_t max = sizes_symbol_at(sizes, i)->max;
        c->symbols[i] = max < 0 ? INT64_MAX : max;
    }
    c->stored = arena_array(arena, ids, sizeof *c->stored);
    c->loaded = arena_array(arena, ids, sizeof *c->loaded);
    c->cell_stored = arena_array(arena, cells, sizeof *c->cell_stored);
    c->cell_loaded = arena_array(arena, cells, sizeof *c->cell_loaded);
    c->decides = arena_array(arena, ids, sizeof *c->decides);
    c->at = arena_array(arena, ids, sizeof *c->at);
    c->known = arena_array(arena, ids, sizeof *c->known);
    c->values = arena_array(arena, ids, sizeof *c->values);
    c->bodies = arena_array(arena, ids, sizeof *c->bodies);
    c->others = arena_array(arena, ids, sizeof *c->others);
    c->entries = arena_array(arena, ids, sizeof *c->entries);
    c->trips = arena_array(arena, ids, sizeof *c->trips);
    for (int i = 0; i < kernel->const_count; i++)
        c->values[kernel->consts[i]->id] = range_of(kernel->consts[i], c->values, c->symbols);
}

KernelCost loops_cost(const Kernel *kernel, const int64_t *most)
{
    Arena *arena = arena_new();
    Counter c;
    Body body = {0};
    counter_init(&c, arena, kernel);
    find_elements(&c);
    find_loops(&c, &kernel->body, 0);
    mark_deciding(&c, &kernel->body);
    prepare(&c, &kernel->body, &body, 0);
    KernelCost cost = {.flops = rint(walk(&c, &body, 0, 1))};
    cost.bytes = rint(count_bytes(&c, most));
    arena_free(arena);
    return cost;
}

/* As its own description has it, and each parameter's bytes once. */
static KernelCost extern_cost(const Kernel *kernel, const int64_t *most)
{
    KernelCost cost = {.flops = kernel->external ? kernel->external->flops : 0};
    SizeTable *sizes = kernel->program->sizes;
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        double bytes = most[i] < 0 ? 0 : (double)most[i];
        if (param->end) {
            double reach = (double)size_upper(sizes, param->end) * (double)dtype_size(param->dtype);
            bytes = fmin(bytes, reach);
        }
        cost.bytes += bytes;
    }
    return cost;
}

static void count_call(const Inst *call, double times)
{
    Kernel *kernel = call->callee;
    Arena *arena = arena_new();
    int64_t *most = arena_array(arena, (size_t)kernel->param_count + 1, sizeof *most);
    for (int i = 0, at = 0; i < kernel->param_count; i++) {
        most[i] = -1;
        if (kernel->params[i]->local <= 0 && at < call->arg_count)
            most[i] = call->args[at++].buffer->max_bytes;
    }
    KernelCost cost = kernel->is_extern ? extern_cost(kernel, most) : loops_cost(kernel, most);
    kernel->cost.flops += times * cost.flops;
    kernel->cost.bytes += times * cost.bytes;
    arena_free(arena);
}

void loops_count(Program *program)
{
    Arena *arena = arena_new();
    MainStep *steps;
    int count = main_steps(program, arena, &steps);
    for (int i = 0; i < program->kernel_count; i++) program->kernels[i]->cost = (KernelCost){0};
    for (int i = 0; i < count; i++)
        if (steps[i].inst->op == LI_CALL) count_call(steps[i].inst, steps[i].times);
    arena_free(arena);
}

KernelCost loops_total(const Program *program)
{
    KernelCost sum = {0};
    for (int i = 0; i < program->kernel_count; i++) {
        sum.flops += program->kernels[i]->cost.flops;
        sum.bytes += program->kernels[i]->cost.bytes;
    }
    return sum;
}
