/* Can a VECTOR loop be vectorized, and what does each of its values look like across lanes?
 *
 * Values are classified along the code; a cell that is given a varying value becomes varying, which
 * may change values before it, so this repeats until nothing changes. Whatever is not understood
 * makes the loop serial: never wrong, only slower. */
#include "passes/loops/vectorize.h"

typedef struct Classifier {
    LoopValues *shape;
    int *uses_in, *uses_all; /* by cell id: accesses in the loop and in the kernel */
    bool failed, changed;
} Classifier;

static void count_cells(const Block *block, int *uses, bool *set)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->cell) uses[inst->cell->id]++;
        if (inst->op == LI_SET) set[inst->cell->id] = true;
        count_cells(&inst->body, uses, set);
        count_cells(&inst->els, uses, set);
    }
}

static const Inst *first_access(const Block *block, const Cell *cell)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->cell == cell) return inst;
        const Inst *inner = first_access(&inst->body, cell);
        if (!inner) inner = first_access(&inst->els, cell);
        if (inner) return inner;
    }
    return NULL;
}

/* A reduction reads the cell first: one that is set anew in each iteration is something else. */
static bool is_reduction(const Inst *loop, const Cell *cell)
{
    InstOp op = cell->reduce;
    return (op == LI_ADD || op == LI_FMA || op == LI_MIN || op == LI_MAX) &&
           first_access(&loop->body, cell)->op == LI_GET;
}

/* A cell that is accessed nowhere else lives in one iteration, since it is set before it is read.
 */
static void find_roles(Arena *arena, const Kernel *kernel, const Block *body, Classifier *c)
{
    size_t count = (size_t)kernel->cell_count + 1;
    bool *set = arena_array(arena, count, sizeof *set);
    bool *set_all = arena_array(arena, count, sizeof *set_all);
    c->uses_in = arena_array(arena, count, sizeof *c->uses_in);
    c->uses_all = arena_array(arena, count, sizeof *c->uses_all);
    count_cells(&c->shape->loop->body, c->uses_in, set);
    count_cells(body, c->uses_all, set_all);
    for (int i = 0; i < kernel->cell_count; i++) {
        const Cell *cell = kernel->cells[i];
        if (!set[i]) continue;
        if (c->uses_in[i] == c->uses_all[i])
            c->shape->roles[i] = CELL_UNIFORM;
        else if (is_reduction(c->shape->loop, cell))
            c->shape->roles[i] = CELL_REDUCED;
        else
            c->failed = true;
        if (cell->type.lanes > 1) c->failed = true;
    }
}

Varies vectorize_varies(const LoopValues *shape, const Inst *inst)
{
    if (!inst || inst->id >= shape->shape_count) return (Varies){.kind = VARIES_UNIFORM};
    return shape->shapes[inst->id];
}

static bool is_uniform(const Classifier *c, const Inst *inst)
{
    return vectorize_varies(c->shape, inst).kind == VARIES_UNIFORM;
}

static Varies linear(bool known, int64_t coef)
{
    const int64_t most = (int64_t)1 << 60; /* sums of two cannot overflow */
    if (known && coef == 0) return (Varies){.kind = VARIES_UNIFORM};
    return (Varies){VARIES_LINEAR, known && coef < most && coef > -most, coef};
}

/* A uniform value is linear with coefficient 0. */
static Varies as_linear(Varies shape)
{
    return shape.kind == VARIES_UNIFORM ? (Varies){VARIES_LINEAR, true, 0} : shape;
}

static Varies scaled(Varies shape, const Inst *by, bool shift)
{
    if (by->op != LI_INT || (shift && (by->value < 0 || by->value > 62))) {
        if (shift) return (Varies){.kind = VARIES_VECTOR};
        return linear(false, 0);
    }
    int64_t factor = shift ? (int64_t)1 << by->value : by->value;
    bool known = shape.known && factor > -(1 << 20) && factor < (1 << 20) &&
                 shape.coef > -((int64_t)1 << 40) && shape.coef < (int64_t)1 << 40;
    return linear(known, known ? shape.coef * factor : 0);
}

/* The shape of i64 arithmetic whose operands are linear or uniform, one at least linear. */
static Varies linear_arithmetic(const Inst *inst, Varies a, Varies c)
{
    bool both = a.kind == VARIES_LINEAR && c.kind == VARIES_LINEAR;
    Varies x = as_linear(a), y = as_linear(c);
    bool known = x.known && y.known;
    switch (inst->op) {
    case LI_ADD: return linear(known, known ? x.coef + y.coef : 0);
    case LI_SUB: return linear(known, known ? x.coef - y.coef : 0);
    case LI_MUL:
        if (both) break;
        return a.kind == VARIES_LINEAR ? scaled(x, inst->arg[1], false)
                                       : scaled(y, inst->arg[0], false);
    case LI_SHL:
        if (c.kind != VARIES_UNIFORM) break;
        return scaled(x, inst->arg[1], true);
    case LI_NEG: return linear(x.known, x.known ? -x.coef : 0);
    default: break;
    }
    return (Varies){.kind = VARIES_VECTOR};
}

static Varies classify_pure(const Classifier *c, const Inst *inst)
{
    bool uniform = true, vector = false;
    for (int i = 0; i < inst_args(inst->op); i++) {
        VariesKind kind = vectorize_varies(c->shape, inst->arg[i]).kind;
        uniform = uniform && kind == VARIES_UNIFORM;
        vector = vector || kind == VARIES_VECTOR;
    }
    if (uniform) return (Varies){.kind = VARIES_UNIFORM};
    if (vector || inst->type.dtype != DT_I64 || inst_args(inst->op) > 2)
        return (Varies){.kind = VARIES_VECTOR};
    return linear_arithmetic(inst, vectorize_varies(c->shape, inst->arg[0]),
                             vectorize_varies(c->shape, inst->arg[1]));
}

/* Lanes at and over `limit` are left out: it can be uniform (all or none) or fall by one per lane,
 * which is what a vector's limit means. */
static bool limit_fits(const Classifier *c, const Inst *limit)
{
    if (!limit || is_uniform(c, limit)) return true;
    Varies shape = vectorize_varies(c->shape, limit);
    return shape.kind == VARIES_LINEAR && shape.known && shape.coef == -1;
}

static Varies classify_memory(Classifier *c, const Inst *inst)
{
    Varies index = vectorize_varies(c->shape, inst->arg[0]);
    bool fits = index.kind != VARIES_VECTOR && limit_fits(c, inst->limit) && !inst->stride;
    if (inst->op == LI_STORE && index.kind != VARIES_LINEAR) fits = false;
    if (!fits) c->failed = true;
    bool uniform = index.kind == VARIES_UNIFORM && is_uniform(c, inst->limit);
    return (Varies){.kind = uniform ? VARIES_UNIFORM : VARIES_VECTOR};
}

static Varies classify_cell(Classifier *c, const Inst *inst)
{
    CellRole *role = &c->shape->roles[inst->cell->id];
    if (inst->op == LI_SET && *role == CELL_UNIFORM && !is_uniform(c, inst->arg[0])) {
        *role = CELL_PRIVATE;
        c->changed = true;
    }
    bool vector = *role == CELL_PRIVATE || *role == CELL_REDUCED;
    return (Varies){.kind = vector ? VARIES_VECTOR : VARIES_UNIFORM};
}

static void classify_block(Classifier *c, const Block *block);

static Varies classify_control(Classifier *c, const Inst *inst)
{
    bool fits = inst->op == LI_FAIL || inst->op == LI_FOR || inst->op == LI_IF;
    if (inst->op == LI_FOR && !is_uniform(c, inst->arg[1])) fits = false;
    if (inst->op != LI_FAIL && fits && !is_uniform(c, inst->arg[0])) fits = false;
    if (!fits) c->failed = true;
    classify_block(c, &inst->body);
    classify_block(c, &inst->els);
    return (Varies){.kind = VARIES_UNIFORM};
}

static void classify_block(Classifier *c, const Block *block)
{
    for (int i = 0; i < block->count && !c->failed; i++) {
        const Inst *inst = block->items[i];
        Varies shape;
        if (inst->op == LI_LOAD || inst->op == LI_STORE)
            shape = classify_memory(c, inst);
        else if (inst->op == LI_GET || inst->op == LI_SET)
            shape = classify_cell(c, inst);
        else if (inst_class(inst->op) == 'C')
            shape = classify_control(c, inst);
        else
            shape = classify_pure(c, inst);
        if (inst->type.lanes > 1) c->failed = true; /* has vectors of its own */
        c->shape->shapes[inst->id] = shape;
    }
}

static bool is_wide(const LoopValues *shape, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        bool vector = vectorize_varies(shape, inst).kind == VARIES_VECTOR;
        if (vector && inst->type.dtype != DT_NONE && dtype_size(inst->type.dtype) == 8) return true;
        if (is_wide(shape, &inst->body) || is_wide(shape, &inst->els)) return true;
    }
    return false;
}

bool vectorize_classify(Arena *arena, const Kernel *kernel, const Block *body, const Inst *loop,
                        int old_count, LoopValues *out)
{
    *out = (LoopValues){.loop = loop, .shape_count = old_count, .role_count = kernel->cell_count};
    out->shapes = arena_array(arena, (size_t)old_count + 1, sizeof *out->shapes);
    out->roles = arena_array(arena, (size_t)kernel->cell_count + 1, sizeof *out->roles);
    Classifier c = {.shape = out};
    find_roles(arena, kernel, body, &c);
    out->shapes[loop->id] = (Varies){VARIES_LINEAR, true, loop->value};
    do {
        c.changed = false;
        classify_block(&c, &loop->body);
    } while (c.changed && !c.failed);
    if (c.failed) return false;
    out->wide = is_wide(out, &loop->body);
    return true;
}
