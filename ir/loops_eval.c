/* The evaluator: runs kernels and whole programs one instruction at a time, and checks every
 * access. It folds constants and is the oracle that the backends are tested against, so it is plain
 * rather than fast: what an instruction computes is in loops_lanes.c, and each value has its own
 * place in memory, found by the instruction's id. */
#include "ir/custom.h"
#include "ir/loops.h"
#include "ir/loops_lanes.h"
#include "ir/loops_races.h"
#include "runtime/lpc_model.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { STRAY = -1 };

/* How a block ended. */
typedef enum Flow { FLOW_NEXT, FLOW_BREAK, FLOW_RETURN } Flow;

typedef struct Memory {
    uint8_t *data;
    int64_t elements; /* of the parameter's type: as many as it says, or up to the buffer's end */
    int64_t before;   /* as many lie before them: a view that is reversed begins at its end */
} Memory;

typedef struct Eval {
    const Kernel *kernel;
    Diag *diag;
    Arena *arena;
    int64_t *sizes;
    void **values; /* by instruction id */
    void **cells;  /* by cell id */
    bool *cell_set;
    Memory *memory;       /* by parameter index */
    const Inst *parallel; /* the loop that may run on threads; NULL: there is none */
    Races races;          /* of its iterations */
    int code;             /* with FLOW_RETURN */
} Eval;

static Flow run_block(Eval *e, const Block *block);

/* ---- Places for values. ---- */

static size_t type_bytes(LType type)
{
    size_t bytes = type.dtype == DT_NONE ? 0 : dtype_size(type.dtype) * (size_t)type.lanes;
    return (bytes + 7) & ~(size_t)7;
}

static void count_block(const Block *block, size_t *bytes)
{
    for (int i = 0; i < block->count; i++) {
        *bytes += type_bytes(block->items[i]->type);
        count_block(&block->items[i]->body, bytes);
        count_block(&block->items[i]->els, bytes);
    }
}

static void place_block(Eval *e, const Block *block, uint8_t **at)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        e->values[inst->id] = *at;
        *at += type_bytes(inst->type);
        place_block(e, &inst->body, at);
        place_block(e, &inst->els, at);
    }
}

static void place_values(Eval *e)
{
    const Kernel *kernel = e->kernel;
    size_t bytes = 8;
    count_block(&kernel->body, &bytes);
    uint8_t *at = arena_alloc(e->arena, bytes);
    e->values = arena_array(e->arena, (size_t)kernel->next_id + 1, sizeof *e->values);
    place_block(e, &kernel->body, &at);
    for (int i = 0; i < kernel->const_count; i++) {
        const Inst *constant = kernel->consts[i];
        LaneValue *value = arena_alloc(e->arena, sizeof *value);
        if (constant->op == LI_SIZE)
            value->i64 = size_eval(constant->size, e->sizes);
        else
            lane_from_const(constant, value);
        e->values[constant->id] = value;
    }
    e->cells = arena_array(e->arena, (size_t)kernel->cell_count + 1, sizeof *e->cells);
    e->cell_set = arena_array(e->arena, (size_t)kernel->cell_count + 1, sizeof *e->cell_set);
    for (int i = 0; i < kernel->cell_count; i++)
        e->cells[i] = arena_alloc(e->arena, type_bytes(kernel->cells[i]->type) + 8);
}

static void *value_of(const Eval *e, const Inst *inst)
{
    return e->values[inst->id];
}

static int64_t i64_of(const Eval *e, const Inst *inst)
{
    return *(const int64_t *)e->values[inst->id];
}

/* ---- Memory. ---- */

static Flow stray(Eval *e, const Inst *inst, const char *what)
{
    diag_error(e->diag, "kernel '%s': %s %%%d: %s", e->kernel->name, inst_name(inst->op), inst->id,
               what);
    e->code = STRAY;
    return FLOW_RETURN;
}

static bool is_inside(const Memory *memory, int64_t index)
{
    return index >= -memory->before && index < memory->elements;
}

static Flow stray_access(Eval *e, const Inst *inst, int64_t index)
{
    const char *what =
        arena_printf(e->diag->arena, "%s[%" PRId64 "] is outside its %" PRId64 " elements",
                     inst->param->name, index, e->memory[inst->param->index].elements);
    return stray(e, inst, what);
}

/* Elements in a row; false: another iteration of the parallel loop has to do with them. */
static bool is_alone(Eval *e, const Inst *inst, const uint8_t *place, size_t bytes)
{
    if (!e->parallel || inst->param->local) return true;
    return races_touch(&e->races, place, bytes, inst->op == LI_STORE);
}

static Flow race(Eval *e, const Inst *inst, int64_t index)
{
    const char *what =
        arena_printf(e->diag->arena,
                     "%s[%" PRId64 "] is written by one iteration of the parallel loop and touched "
                     "by another, %" PRId64,
                     inst->param->name, index, e->races.iteration);
    return stray(e, inst, what);
}

/* LOAD and STORE: `value` is the vector of `lanes` elements that is filled or stored. */
static Flow access_memory(Eval *e, const Inst *inst, uint8_t *value, int lanes)
{
    const Memory *memory = &e->memory[inst->param->index];
    size_t size = dtype_size(inst->param->dtype);
    bool store = inst->op == LI_STORE;
    int64_t index = i64_of(e, inst->arg[0]);
    int64_t active = lanes;
    if (inst->limit) {
        int64_t limit = i64_of(e, inst->limit);
        active = limit < 0 ? 0 : limit < lanes ? limit : lanes;
        if (!store) memset(value + (size_t)active * size, 0, (size_t)(lanes - active) * size);
    }
    if (active == 0) return FLOW_NEXT;
    uint64_t stride = inst->stride ? (uint64_t)i64_of(e, inst->stride) : 1;
    if (stride == 1) {
        int64_t last = (int64_t)((uint64_t)index + (uint64_t)active - 1);
        if (!is_inside(memory, index)) return stray_access(e, inst, index);
        if (!is_inside(memory, last)) return stray_access(e, inst, last);
        uint8_t *place = memory->data + index * (int64_t)size;
        if (!is_alone(e, inst, place, (size_t)active * size)) return race(e, inst, index);
        memcpy(store ? place : value, store ? value : place, (size_t)active * size);
        return FLOW_NEXT;
    }
    for (int64_t i = 0; i < active; i++) {
        int64_t at = (int64_t)((uint64_t)index + (uint64_t)i * stride);
        if (!is_inside(memory, at)) return stray_access(e, inst, at);
        uint8_t *place = memory->data + at * (int64_t)size;
        uint8_t *lane = value + (size_t)i * size;
        if (!is_alone(e, inst, place, size)) return race(e, inst, at);
        memcpy(store ? place : lane, store ? lane : place, size);
    }
    return FLOW_NEXT;
}

/* ---- Instructions. ---- */

static Flow run_for(Eval *e, const Inst *loop)
{
    int64_t *variable = value_of(e, loop);
    int64_t hi = i64_of(e, loop->arg[1]);
    int64_t i = i64_of(e, loop->arg[0]);
    while (i < hi) {
        *variable = i;
        if (loop == e->parallel) e->races.iteration = i;
        Flow flow = run_block(e, &loop->body);
        if (flow == FLOW_BREAK) break; /* the verifier sees to it that the loop is SERIAL */
        if (flow == FLOW_RETURN) return flow;
        if (i > INT64_MAX - loop->value) break;
        i += loop->value;
    }
    return FLOW_NEXT;
}

static void iota(DType dtype, int lanes, void *out)
{
    int64_t numbers[LANES_MAX];
    for (int i = 0; i < lanes; i++) numbers[i] = i;
    lanes_cast(DT_I64, dtype, lanes, numbers, out);
}

/* The classes of arithmetic; the hottest types first. */
static Flow run_arithmetic(Eval *e, const Inst *inst)
{
    const void *a = value_of(e, inst->arg[0]);
    const void *c = inst->arg[1] ? value_of(e, inst->arg[1]) : NULL;
    LType type = inst->arg[0]->type;
    void *out = value_of(e, inst);
    if (lanes_divides_by_zero(inst->op, type, c)) return stray(e, inst, "division by 0");
    lanes_op(inst->op, type, a, c, out);
    return FLOW_NEXT;
}

static void run_other(Eval *e, const Inst *inst)
{
    void *out = value_of(e, inst);
    const void *arg[3] = {NULL, NULL, NULL};
    for (int i = 0; i < inst_args(inst->op); i++) arg[i] = value_of(e, inst->arg[i]);
    LType type = inst->type;
    size_t size = dtype_size(type.dtype);
    switch (inst->op) {
    case LI_FMA: lanes_fma(type, arg[0], arg[1], arg[2], out); return;
    case LI_SELECT: lanes_select(type, arg[0], arg[1], arg[2], out); return;
    case LI_CAST: lanes_cast(inst->arg[0]->type.dtype, type.dtype, type.lanes, arg[0], out); return;
    case LI_BITCAST: memcpy(out, arg[0], size * (size_t)type.lanes); return;
    case LI_SPLAT:
        for (int i = 0; i < type.lanes; i++)
            memcpy((uint8_t *)out + (size_t)i * size, arg[0], size);
        return;
    case LI_IOTA: iota(type.dtype, type.lanes, out); return;
    case LI_LANE: memcpy(out, (const uint8_t *)arg[0] + (size_t)inst->value * size, size); return;
    case LI_HADD:
    case LI_HMIN:
    case LI_HMAX: lanes_horizontal(inst->op, inst->arg[0]->type, arg[0], out); return;
    case LI_DOT4: lanes_dot4(type.lanes, arg[0], arg[1], arg[2], inst->value == 1, out); return;
    default: assert(0 && "an instruction"); return;
    }
}

static Flow run_inst(Eval *e, const Inst *inst)
{
    switch (inst->op) {
    case LI_LOAD: return access_memory(e, inst, value_of(e, inst), inst->type.lanes);
    case LI_STORE:
        return access_memory(e, inst, value_of(e, inst->arg[1]), inst->arg[1]->type.lanes);
    case LI_GET:
        if (!e->cell_set[inst->cell->id]) return stray(e, inst, "the cell was never set");
        memcpy(value_of(e, inst), e->cells[inst->cell->id], type_bytes(inst->type));
        return FLOW_NEXT;
    case LI_SET:
        e->cell_set[inst->cell->id] = true;
        memcpy(e->cells[inst->cell->id], value_of(e, inst->arg[0]), type_bytes(inst->cell->type));
        return FLOW_NEXT;
    case LI_FOR: return run_for(e, inst);
    case LI_IF:
        return run_block(e, *(uint8_t *)value_of(e, inst->arg[0]) ? &inst->body : &inst->els);
    case LI_BREAK: return FLOW_BREAK;
    case LI_FAIL: e->code = (int)inst->value; return FLOW_RETURN;
    case LI_SETSYM: e->sizes[inst->sym] = i64_of(e, inst->arg[0]); return FLOW_NEXT;
    default: break;
    }
    switch (inst_class(inst->op)) {
    case 'B':
    case 'R':
    case 'U':
    case 'F':
    case 'G': return run_arithmetic(e, inst);
    case 'O': run_other(e, inst); return FLOW_NEXT;
    default: return stray(e, inst, "cannot stand in a kernel's block");
    }
}

static Flow run_block(Eval *e, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        Flow flow = run_inst(e, block->items[i]);
        if (flow != FLOW_NEXT) return flow;
    }
    return FLOW_NEXT;
}

/* ---- Kernels and programs. ---- */

/* All that the kernel writes: what is read elsewhere does not matter. */
static void watch_races(Eval *e)
{
    const Kernel *kernel = e->kernel;
    size_t piece = 8;
    e->parallel = kernel_parallel(kernel);
    if (!e->parallel) return;
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        const Memory *memory = &e->memory[i];
        if (param->local) continue;
        size_t size = dtype_size(param->dtype);
        if (size < piece) piece = size;
        if (param->is_written)
            races_watch(&e->races, e->arena, memory->data - memory->before * (int64_t)size,
                        memory->data + memory->elements * (int64_t)size);
    }
    races_start(&e->races, e->arena, piece);
}

/* A user's own function. */
static int run_external(const Kernel *kernel, Diag *diag, const Memory *memory,
                        const int64_t *sizes)
{
    if (!kernel->external) {
        diag_error(diag, "kernel '%s' is elsewhere: it cannot be evaluated", kernel->name);
        return STRAY;
    }
    Arena *arena = arena_new();
    void **args = arena_array(arena, (size_t)kernel->param_count + 1, sizeof *args);
    for (int i = 0; i < kernel->param_count; i++) args[i] = memory[i].data;
    int code = custom_run(kernel->external, kernel->program->sizes, diag, args, sizes);
    arena_free(arena);
    return code;
}

/* memory: by parameter index; local arrays are added here, filled with a pattern. */
static int run_kernel(const Kernel *kernel, Diag *diag, Memory *memory, int64_t *sizes)
{
    if (kernel->is_extern) return run_external(kernel, diag, memory, sizes);
    Arena *arena = arena_new();
    Eval e = {.kernel = kernel, .diag = diag, .arena = arena, .sizes = sizes, .memory = memory};
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        if (!param->local) continue;
        size_t bytes = (size_t)param->local * dtype_size(param->dtype);
        memory[i] = (Memory){arena_alloc(arena, bytes), param->local, 0};
        memset(memory[i].data, 0xcb, bytes);
    }
    place_values(&e);
    watch_races(&e);
    Flow flow = run_block(&e, &kernel->body);
    arena_free(arena);
    return flow == FLOW_RETURN ? e.code : LPC_RUN_OK;
}

int loops_eval_kernel(const Kernel *kernel, Diag *diag, void *const *args,
                      const int64_t *arg_elements, int64_t *sizes)
{
    Arena *arena = arena_new();
    Memory *memory = arena_array(arena, (size_t)kernel->param_count + 1, sizeof *memory);
    int at = 0;
    for (int i = 0; i < kernel->param_count; i++) {
        if (kernel->params[i]->local) continue;
        memory[i] = (Memory){args[at], arg_elements[at], 0};
        at++;
    }
    int code = run_kernel(kernel, diag, memory, sizes);
    arena_free(arena);
    return code;
}

typedef struct ProgramMemory {
    const void *const *in;
    void *const *out;
    int64_t *sizes;
    void *workspace, *state;
    const void *weights;
} ProgramMemory;

static uint8_t *buffer_data(const ProgramMemory *m, const Buffer *buffer)
{
    size_t offset = buffer->offset < 0 ? 0 : (size_t)buffer->offset;
    switch (buffer->class) {
    case BUFFER_INPUT: return (uint8_t *)(uintptr_t)m->in[buffer->index];
    case BUFFER_OUTPUT: return m->out[buffer->index];
    case BUFFER_WORK: return (uint8_t *)m->workspace + offset;
    case BUFFER_CONST: return (uint8_t *)(uintptr_t)m->weights + offset;
    case BUFFER_STATE: return (uint8_t *)m->state + offset;
    }
    return NULL;
}

static bool node_defines_size(SizeTable *sizes, const Size *size)
{
    if (!size) return false;
    if (size->kind == SIZE_SYM) return sizes_symbol_at(sizes, size->sym)->source == SYM_NODE;
    return size->kind != SIZE_CONST &&
           (node_defines_size(sizes, size->a) || node_defines_size(sizes, size->b));
}

/* Bytes of a buffer at the actual size; at its bound when a node may not have told the size yet. */
static int64_t buffer_bytes(const Program *program, const ProgramMemory *m, const Buffer *buffer)
{
    if (node_defines_size(program->sizes, buffer->elements)) return buffer->max_bytes;
    return size_eval(buffer->elements, m->sizes) * (int64_t)dtype_size(buffer->dtype);
}

/* Memory that a noalias parameter promises to have for itself, when one of the two writes. */
static int check_aliases(const Kernel *kernel, Diag *diag, const Memory *memory,
                         Buffer *const *buffers)
{
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *one = kernel->params[i];
        for (int k = 0; k < kernel->param_count && one->noalias && !one->local; k++) {
            const Param *other = kernel->params[k];
            if (k == i || other->local || (!one->is_written && !other->is_written)) continue;
            const uint8_t *a = memory[i].data, *b = memory[k].data;
            size_t a_size = (size_t)memory[i].elements * dtype_size(one->dtype);
            size_t b_size = (size_t)memory[k].elements * dtype_size(other->dtype);
            /* Parts of one buffer: only the kernel knows how far they reach. */
            bool apart = a + a_size <= b || b + b_size <= a || buffers[i] == buffers[k];
            if (apart && a != b) continue;
            if (a_size == 0 || b_size == 0) continue;
            diag_error(diag, "call of '%s': '%s' overlaps noalias '%s'", kernel->name, other->name,
                       one->name);
            return STRAY;
        }
    }
    return LPC_RUN_OK;
}

/* Leaves the part of the memory that the parameter says it reaches, which has to be all there. */
static int narrow(Diag *diag, const Kernel *kernel, const Param *param, const int64_t *sizes,
                  Memory *memory)
{
    if (!param->end) return LPC_RUN_OK;
    int64_t first = size_eval(param->first, sizes), end = size_eval(param->end, sizes);
    if (first >= end) first = end = 0;
    if (-first > memory->before || end > memory->elements) {
        diag_error(diag,
                   "call of '%s': '%s' reaches elements %" PRId64 " to %" PRId64
                   ", the buffer has %" PRId64 " to %" PRId64,
                   kernel->name, param->name, first, end - 1, -memory->before,
                   memory->elements - 1);
        return STRAY;
    }
    memory->before = -first;
    memory->elements = end;
    return LPC_RUN_OK;
}

static int find_argument(const Program *program, Diag *diag, const ProgramMemory *m,
                         const Kernel *kernel, const CallArg *arg, const Param *param, Memory *out)
{
    const Buffer *buffer = arg->buffer;
    bool outside = buffer->class == BUFFER_INPUT || buffer->class == BUFFER_OUTPUT;
    int64_t bytes = buffer_bytes(program, m, buffer);
    int64_t offset = size_eval(arg->offset, m->sizes) * (int64_t)dtype_size(buffer->dtype);
    if (!bytes && offset > 0) offset = 0; /* a view of nothing */
    if (!outside && buffer->offset < 0)
        diag_error(diag, "call of '%s': buffer '%s' has no place yet", kernel->name, buffer->name);
    else if (offset < 0 || offset > bytes)
        diag_error(diag, "call of '%s': the offset into buffer '%s' is outside it", kernel->name,
                   buffer->name);
    else {
        out->data = buffer_data(m, buffer) + offset;
        out->elements = (bytes - offset) / (int64_t)dtype_size(param->dtype);
        out->before = offset / (int64_t)dtype_size(param->dtype);
        return LPC_RUN_OK;
    }
    return STRAY;
}

static int call_kernel(const Program *program, Diag *diag, const ProgramMemory *m, const Inst *call)
{
    const Kernel *kernel = call->callee;
    Arena *arena = arena_new();
    Memory *memory = arena_array(arena, (size_t)kernel->param_count + 1, sizeof *memory);
    Buffer **buffers = arena_array(arena, (size_t)kernel->param_count + 1, sizeof *buffers);
    int at = 0;
    int code = LPC_RUN_OK;
    for (int i = 0; i < kernel->param_count && code == LPC_RUN_OK; i++) {
        if (kernel->params[i]->local) continue;
        const CallArg *arg = &call->args[at++];
        buffers[i] = arg->buffer;
        code = find_argument(program, diag, m, kernel, arg, kernel->params[i], &memory[i]);
        if (code == LPC_RUN_OK)
            code = narrow(diag, kernel, kernel->params[i], m->sizes, &memory[i]);
    }
    if (code == LPC_RUN_OK) code = check_aliases(kernel, diag, memory, buffers);
    if (code == LPC_RUN_OK) code = run_kernel(kernel, diag, memory, m->sizes);
    arena_free(arena);
    return code;
}

/* ---- Main ---- */

static int run_main(const Program *program, Diag *diag, const ProgramMemory *m, const Block *block);

static int check_symbol(const Program *program, const ProgramMemory *m, int sym)
{
    int64_t max = sizes_symbol_at(program->sizes, sym)->max, value = m->sizes[sym];
    return value < 0 || (max >= 0 && value > max) ? LPC_RUN_BOUND : LPC_RUN_OK;
}

static int check_symbols(const Program *program, const ProgramMemory *m, const bool *which)
{
    for (int i = 0; i < sizes_symbol_count(program->sizes); i++)
        if (which[i] && check_symbol(program, m, i)) return LPC_RUN_BOUND;
    return LPC_RUN_OK;
}

static int run_call(const Program *program, Diag *diag, const ProgramMemory *m, const Inst *inst)
{
    int code = call_kernel(program, diag, m, inst);
    if (code != LPC_RUN_OK) return code;
    Arena *arena = arena_new();
    bool *set = arena_array(arena, (size_t)sizes_symbol_count(program->sizes) + 1, sizeof *set);
    block_sets(&inst->callee->body, set);
    code = check_symbols(program, m, set);
    arena_free(arena);
    return code;
}

/* The element of a buffer that a condition or SETSYM reads; NULL after a report. */
static const uint8_t *find_element(const Program *program, Diag *diag, const ProgramMemory *m,
                                   const CallArg *arg)
{
    const Buffer *buffer = arg->buffer;
    int64_t size = (int64_t)dtype_size(buffer->dtype), at = size_eval(arg->offset, m->sizes);
    if (at >= 0 && at < buffer_bytes(program, m, buffer) / size)
        return buffer_data(m, buffer) + at * size;
    diag_error(diag, "main: element %" PRId64 " is outside buffer '%s'", at, buffer->name);
    return NULL;
}

static int run_if(const Program *program, Diag *diag, const ProgramMemory *m, const Inst *inst)
{
    bool yes;
    if (inst->size) {
        yes = main_size_holds(inst, m->sizes);
    } else {
        const uint8_t *cond = find_element(program, diag, m, &inst->args[0]);
        if (!cond) return STRAY;
        yes = (*cond != 0) == (inst->value != 0);
    }
    return run_main(program, diag, m, yes ? &inst->body : &inst->els);
}

static int run_loop(const Program *program, Diag *diag, const ProgramMemory *m, const Inst *inst)
{
    int64_t count = size_eval(inst->size, m->sizes), *done = &m->sizes[inst->sym];
    int64_t max = sizes_symbol_at(program->sizes, inst->sym)->max;
    *done = 0;
    if (max >= 0 && count > max) return LPC_RUN_BOUND;
    for (; *done < count; (*done)++) {
        const uint8_t *cond = NULL;
        if (inst->arg_count && !(cond = find_element(program, diag, m, &inst->args[0])))
            return STRAY;
        if (cond && !*cond) break;
        int code = run_main(program, diag, m, &inst->body);
        if (code != LPC_RUN_OK) return code;
    }
    return LPC_RUN_OK;
}

static int run_set(const Program *program, Diag *diag, const ProgramMemory *m, const Inst *inst)
{
    int64_t *value = &m->sizes[inst->sym];
    if (inst->size) {
        *value = size_eval(inst->size, m->sizes);
    } else {
        const uint8_t *element = find_element(program, diag, m, &inst->args[0]);
        if (!element) return STRAY;
        memcpy(value, element, sizeof *value);
    }
    return check_symbol(program, m, inst->sym);
}

static int run_main(const Program *program, Diag *diag, const ProgramMemory *m, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        int code;
        switch (inst->op) {
        case LI_CALL: code = run_call(program, diag, m, inst); break;
        case LI_FOR: code = run_loop(program, diag, m, inst); break;
        case LI_SETSYM: code = run_set(program, diag, m, inst); break;
        default: code = run_if(program, diag, m, inst); break;
        }
        if (code != LPC_RUN_OK) return code;
    }
    return LPC_RUN_OK;
}

int loops_eval(const Program *program, Diag *diag, const void *const *in, void *const *out,
               int64_t *sizes, void *workspace, void *state, const void *weights)
{
    ProgramMemory memory = {in, out, sizes, workspace, state, weights};
    Arena *arena = arena_new();
    bool *set = program_sets(program, arena);
    for (int i = 0; i < sizes_symbol_count(program->sizes); i++)
        if (set[i] && sizes_symbol_at(program->sizes, i)->source == SYM_NODE) sizes[i] = 0;
    int code = check_symbols(program, &memory, program_given(program, arena));
    arena_free(arena);
    return code ? code : run_main(program, diag, &memory, &program->main->body);
}
