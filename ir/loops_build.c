/* Building kernels: a Builder appends instructions to its current block.
 *
 * Every function that makes a pure instruction first tries to do without it: constants fold (with
 * the evaluator's own functions, so that folding never changes a bit) and trivial cases disappear.
 * Lowerings can therefore be written for the general case. What must hold for each rule here: the
 * result is the same for every operand value, -0, infinities and NaN included. */
#include "ir/loops.h"
#include "ir/loops_lanes.h"

#include <assert.h>
#include <string.h>

void builder_init(Builder *b, Kernel *kernel)
{
    *b = (Builder){.kernel = kernel,
                   .arena = kernel->program->arena,
                   .code = kernel->program->code,
                   .sizes = kernel->program->sizes,
                   .block = &kernel->body};
}

static Inst *inst_new(Builder *b, Arena *arena, InstOp op, LType type)
{
    Inst *inst = arena_alloc(arena, sizeof *inst);
    inst->op = op;
    inst->type = type;
    inst->id = b->kernel->next_id++;
    return inst;
}

void inst_append(Builder *b, Inst *inst)
{
    arena_push(b->code, b->block->items, b->block->count) = inst;
}

Inst *inst_copy(Builder *b, const Inst *like)
{
    Inst *inst = arena_alloc(b->code, sizeof *inst);
    *inst = *like;
    inst->id = b->kernel->next_id++;
    inst->body = inst->els = (Block){NULL, 0};
    inst->user = NULL;
    return inst;
}

/* Appends an instruction with up to three operands. */
static Inst *emit(Builder *b, InstOp op, LType type, Inst *a, Inst *c, Inst *d)
{
    Inst *inst = inst_new(b, b->code, op, type);
    inst->arg[0] = a;
    inst->arg[1] = c;
    inst->arg[2] = d;
    inst_append(b, inst);
    return inst;
}

/* ---- Parameters and cells. ---- */

static Param *param_new(Builder *b, const char *name, DType dtype)
{
    Kernel *kernel = b->kernel;
    Param *param = arena_alloc(b->arena, sizeof *param);
    param->name = arena_strdup(b->arena, name);
    param->dtype = dtype;
    param->index = kernel->param_count;
    param->align = (int)dtype_size(dtype);
    arena_push(b->arena, kernel->params, kernel->param_count) = param;
    return param;
}

Param *kb_param(Builder *b, const char *name, DType dtype, bool read, bool written)
{
    Param *param = param_new(b, name, dtype);
    param->is_read = read;
    param->is_written = written;
    return param;
}

Param *kb_param_view(Builder *b, const char *name, DType dtype, DType viewed)
{
    Param *param = kb_param(b, name, dtype, true, false);
    param->viewed = viewed;
    return param;
}

void kb_reach(Builder *b, Param *param, const Size *first, const Size *end)
{
    param->first = param->end ? size_min(b->sizes, param->first, first) : first;
    param->end = param->end ? size_max(b->sizes, param->end, end) : end;
}

Param *kb_local(Builder *b, const char *name, DType dtype, int64_t elements)
{
    assert(elements > 0);
    Param *param = param_new(b, name, dtype);
    param->is_read = param->is_written = param->noalias = true;
    param->local = elements;
    param->align = 64;
    return param;
}

Cell *kb_cell(Builder *b, const char *name, LType type, Inst *initial)
{
    Kernel *kernel = b->kernel;
    Cell *cell = arena_alloc(b->arena, sizeof *cell);
    cell->name = arena_strdup(b->arena, name);
    cell->type = type;
    cell->id = kernel->cell_count;
    cell->reduce = LI_COUNT;
    arena_push(b->arena, kernel->cells, kernel->cell_count) = cell;
    if (initial) kb_set(b, cell, initial);
    return cell;
}

/* ---- Constants: one object for each, in no block. ---- */

static bool same_const(const Inst *x, const Inst *y)
{
    if (x->op != y->op || x->type.dtype != y->type.dtype) return false;
    if (x->op == LI_INT) return x->value == y->value;
    if (x->op == LI_SIZE) return x->size == y->size;
    return !memcmp(&x->number, &y->number, sizeof x->number); /* -0 is not 0, a NaN is itself */
}

static Inst *intern(Builder *b, Inst wanted)
{
    Kernel *kernel = b->kernel;
    for (int i = 0; i < kernel->const_count; i++)
        if (same_const(kernel->consts[i], &wanted)) return kernel->consts[i];
    Inst *inst = inst_new(b, b->arena, wanted.op, wanted.type);
    inst->value = wanted.value;
    inst->number = wanted.number;
    inst->size = wanted.size;
    arena_push(b->arena, kernel->consts, kernel->const_count) = inst;
    return inst;
}

Inst *kb_int(Builder *b, DType dtype, int64_t value)
{
    assert(dtype_is_int(dtype) || dtype == DT_BOOL);
    return intern(b, (Inst){.op = LI_INT, .type = {dtype, 1}, .value = int_wrap(dtype, value)});
}

Inst *kb_i64(Builder *b, int64_t value)
{
    return kb_int(b, DT_I64, value);
}

Inst *kb_float(Builder *b, DType dtype, double value)
{
    if (dtype == DT_F32) value = (double)(float)value;
    if (dtype == DT_F16 || dtype == DT_BF16) return kb_cast(b, dtype, kb_float(b, DT_F32, value));
    assert(dtype == DT_F32 || dtype == DT_F64);
    return intern(b, (Inst){.op = LI_FLT, .type = {dtype, 1}, .number = value});
}

Inst *kb_const(Builder *b, DType dtype, double value)
{
    if (dtype_is_float(dtype)) return kb_float(b, dtype, value);
    LaneValue lane = {.u64 = 0};
    lanes_cast(DT_F64, dtype, 1, &value, &lane);
    return kb_int(b, dtype, lane_to_int(dtype, &lane));
}

Inst *kb_size(Builder *b, const Size *size)
{
    if (size_is_const(size)) return kb_i64(b, size->value);
    return intern(b, (Inst){.op = LI_SIZE, .type = {DT_I64, 1}, .size = size});
}

static bool is_literal(const Inst *inst)
{
    return inst->op == LI_INT || inst->op == LI_FLT;
}

/* The literal that all lanes of inst hold, or NULL. */
static const Inst *uniform_literal(const Inst *inst)
{
    if (inst->op == LI_SPLAT) inst = inst->arg[0];
    return is_literal(inst) ? inst : NULL;
}

static bool is_int_value(const Inst *inst, int64_t value)
{
    const Inst *literal = uniform_literal(inst);
    return literal && literal->op == LI_INT && literal->value == value;
}

static bool is_flt_value(const Inst *inst, double value)
{
    const Inst *literal = uniform_literal(inst);
    return literal && literal->op == LI_FLT &&
           !memcmp(&literal->number, &value, sizeof literal->number);
}

/* The constant of this type whose element is at `lane`, as a vector when lanes > 1. */
static Inst *literal_from_lane(Builder *b, DType dtype, const LaneValue *lane, int lanes)
{
    Inst *scalar;
    if (dtype == DT_F32)
        scalar = kb_float(b, dtype, (double)lane->f32);
    else if (dtype == DT_F64)
        scalar = kb_float(b, dtype, lane->f64);
    else
        scalar = kb_int(b, dtype, lane_to_int(dtype, lane));
    return kb_splat(b, scalar, lanes);
}

/* ---- Memory. ---- */

static bool depends(const Inst *inst, const Inst *on)
{
    if (!inst) return false;
    if (inst == on) return true;
    char class = inst_class(inst->op);
    if (class == 'K' || class == 'C') return false;
    for (int i = 0; i < 3; i++) {
        if (depends(inst->arg[i], on)) return true;
    }
    return false;
}

Limit kb_limit(Builder *b, Limit limit)
{
    Limit before = b->limit;
    b->limit = limit;
    return before;
}

static Inst *limit_of(const Builder *b, const Inst *index, Inst *own)
{
    return !own && b->limit.value && depends(index, b->limit.lane) ? b->limit.value : own;
}

Inst *kb_load_ex(Builder *b, Param *from, Inst *index, int lanes, Inst *stride, Inst *limit)
{
    assert(index->type.dtype == DT_I64 && index->type.lanes == 1);
    assert(lanes >= 1 && lanes <= LANES_MAX);
    Inst *inst = emit(b, LI_LOAD, (LType){from->dtype, lanes}, index, NULL, NULL);
    inst->param = from;
    inst->stride = lanes == 1 || (stride && is_int_value(stride, 1)) ? NULL : stride;
    inst->limit = limit_of(b, index, limit);
    return inst;
}

Inst *kb_load(Builder *b, Param *from, Inst *index)
{
    return kb_load_ex(b, from, index, 1, NULL, NULL);
}

void kb_store_ex(Builder *b, Param *to, Inst *index, Inst *value, Inst *stride, Inst *limit)
{
    assert(index->type.dtype == DT_I64 && index->type.lanes == 1);
    assert(value->type.dtype == to->dtype);
    Inst *inst = emit(b, LI_STORE, (LType){DT_NONE, 1}, index, value, NULL);
    inst->param = to;
    bool unit = value->type.lanes == 1 || (stride && is_int_value(stride, 1));
    inst->stride = unit ? NULL : stride;
    inst->limit = limit_of(b, index, limit);
}

void kb_store(Builder *b, Param *to, Inst *index, Inst *value)
{
    kb_store_ex(b, to, index, value, NULL, NULL);
}

Inst *kb_get(Builder *b, Cell *cell)
{
    Inst *inst = emit(b, LI_GET, cell->type, NULL, NULL, NULL);
    inst->cell = cell;
    return inst;
}

void kb_set(Builder *b, Cell *cell, Inst *value)
{
    value = kb_splat(b, value, cell->type.lanes);
    assert(value->type.dtype == cell->type.dtype && value->type.lanes == cell->type.lanes);
    emit(b, LI_SET, (LType){DT_NONE, 1}, value, NULL, NULL)->cell = cell;
}

/* ---- Arithmetic. ---- */

static bool commutes(InstOp op)
{
    return op == LI_ADD || op == LI_MUL || op == LI_AND || op == LI_OR || op == LI_XOR ||
           op == LI_EQ || op == LI_NE;
}

/* An extreme of a value and the end of its type's range decides nothing; a C compiler would warn of
 * it. */
static Inst *within_type(InstOp op, Inst *a, Inst *c)
{
    if (a->type.dtype == DT_U64) return NULL; /* whose end is beyond int64_t */
    int64_t low = dtype_min(a->type.dtype), high = dtype_max(a->type.dtype);
    int64_t keeps = op == LI_MIN ? high : low, wins = op == LI_MIN ? low : high;
    if (is_int_value(c, keeps) || is_int_value(a, wins)) return a;
    if (is_int_value(a, keeps) || is_int_value(c, wins)) return c;
    return NULL;
}

/* Nor does a comparison with that end, when it is always true or never. */
static Inst *always_or_never(Builder *b, InstOp op, const Inst *a, const Inst *c)
{
    if (a->type.dtype == DT_U64) return NULL;
    bool low = is_int_value(c, dtype_min(a->type.dtype)),
         high = is_int_value(c, dtype_max(a->type.dtype));
    bool never = (low && op == LI_LT) || (high && op == LI_GT);
    bool always = (low && op == LI_GE) || (high && op == LI_LE);
    return never || always ? kb_splat(b, kb_int(b, DT_BOOL, always), a->type.lanes) : NULL;
}

/* Rules for integers with a literal on the right, or operands that are the same value. */
static Inst *simplify_int(Builder *b, InstOp op, Inst *a, Inst *c)
{
    LType type = a->type;
    bool zero = is_int_value(c, 0), one = is_int_value(c, 1);
    switch (op) {
    case LI_ADD:
    case LI_SUB:
    case LI_SHL:
    case LI_SHR:
    case LI_OR:
    case LI_XOR:
        if (zero) return a;
        if (a == c && (op == LI_SUB || op == LI_XOR)) break;
        return NULL;
    case LI_MUL: return zero ? c : one ? a : NULL;
    case LI_DIV: return one ? a : NULL;
    case LI_REM:
        if (one) break;
        return NULL;
    case LI_AND: return zero ? c : a == c ? a : NULL;
    case LI_MIN:
    case LI_MAX: return a == c ? a : within_type(op, a, c);
    case LI_LT:
    case LI_LE:
    case LI_GT:
    case LI_GE: return always_or_never(b, op, a, c);
    default: return NULL;
    }
    return kb_splat(b, kb_int(b, type.dtype, 0), type.lanes);
}

/* Can a literal be moved into `a`? Sums of positions take part, so that those that differ by a
 * constant have one product in common and a C compiler sees how far they are apart. */
static bool distributes(InstOp op, const Inst *a)
{
    return a->op == op ||
           (op == LI_MUL && a->op == LI_ADD && a->type.dtype == DT_I64 && a->type.lanes == 1);
}

/* (x op k1) op k2 -> x op (k1 op k2) for wrapping sums and products, (x + k1) * k2 -> x * k2 + k1 *
 * k2; also x - k -> x + (-k). */
static Inst *reassociate(Builder *b, InstOp op, Inst *a, Inst *c)
{
    if (op == LI_SUB) {
        Inst *minus = kb_op1(b, LI_NEG, c);
        return kb_op(b, LI_ADD, a, minus);
    }
    if ((op != LI_ADD && op != LI_MUL) || !distributes(op, a) || !uniform_literal(a->arg[1]))
        return NULL;
    if (a->op == op) return kb_op(b, op, a->arg[0], kb_op(b, op, a->arg[1], c));
    Inst *product = kb_op(b, LI_MUL, a->arg[0], c);
    return kb_op(b, LI_ADD, product, kb_op(b, LI_MUL, a->arg[1], c));
}

/* x + 0 is not here: it turns -0 into 0. */
static Inst *simplify_float(InstOp op, Inst *a, Inst *c)
{
    switch (op) {
    case LI_ADD: return is_flt_value(c, -0.0) ? a : NULL;
    case LI_SUB: return is_flt_value(c, 0.0) ? a : NULL;
    case LI_MUL:
    case LI_DIV: return is_flt_value(c, 1.0) ? a : NULL;
    default: return NULL;
    }
}

static Inst *fold_binary(Builder *b, InstOp op, Inst *a, Inst *c)
{
    const Inst *x = uniform_literal(a), *y = uniform_literal(c);
    if (!x || !y) return NULL;
    LaneValue p, q, r = {.u64 = 0};
    lane_from_const(x, &p);
    lane_from_const(y, &q);
    LType type = {a->type.dtype, 1};
    if (lanes_divides_by_zero(op, type, &q)) return NULL;
    lanes_op(op, type, &p, &q, &r);
    DType result = inst_class(op) == 'R' ? DT_BOOL : type.dtype;
    return literal_from_lane(b, result, &r, a->type.lanes);
}

static void match_lanes(Builder *b, Inst **a, Inst **c)
{
    if ((*a)->type.lanes > 1) *c = kb_splat(b, *c, (*a)->type.lanes);
    if ((*c)->type.lanes > 1) *a = kb_splat(b, *a, (*c)->type.lanes);
}

Inst *kb_op(Builder *b, InstOp op, Inst *a, Inst *c)
{
    char class = inst_class(op);
    assert(inst_args(op) == 2 && (class == 'B' || class == 'R' || class == 'G'));
    assert(a->type.dtype == c->type.dtype);
    /* Folds before splatting, so that no dead SPLAT is left behind. */
    if (class != 'G' && a->type.lanes == 1 && c->type.lanes == 1) {
        Inst *folded = fold_binary(b, op, a, c);
        if (folded) return folded;
    }
    match_lanes(b, &a, &c);
    assert(a->type.lanes == c->type.lanes);
    if (commutes(op) && uniform_literal(a) && !uniform_literal(c)) {
        Inst *swap = a;
        a = c;
        c = swap;
    }
    Inst *simple = class != 'G' && a->type.lanes > 1 ? fold_binary(b, op, a, c) : NULL;
    if (!simple && dtype_is_float(a->type.dtype)) simple = simplify_float(op, a, c);
    if (!simple && dtype_is_int(a->type.dtype)) {
        simple = simplify_int(b, op, a, c);
        if (!simple && uniform_literal(c)) simple = reassociate(b, op, a, c);
    }
    if (simple) return simple;
    LType type = class == 'R' ? (LType){DT_BOOL, a->type.lanes} : a->type;
    return emit(b, op, type, a, c, NULL);
}

Inst *kb_op1(Builder *b, InstOp op, Inst *a)
{
    char class = inst_class(op);
    assert(inst_args(op) == 1 && (class == 'U' || class == 'F'));
    DType dtype = a->type.dtype;
    bool is_int = dtype_is_int(dtype) || dtype == DT_BOOL;
    if (is_int && op >= LI_FLOOR && op <= LI_TRUNC) return a;
    if (op == LI_ABS && is_int && !dtype_is_signed(dtype)) return a;
    const Inst *literal = uniform_literal(a);
    if (literal && class == 'U') {
        LaneValue p, r = {.u64 = 0};
        lane_from_const(literal, &p);
        lanes_op(op, (LType){dtype, 1}, &p, NULL, &r);
        return literal_from_lane(b, dtype, &r, a->type.lanes);
    }
    if ((op == LI_NEG || op == LI_NOT) && a->op == op) return a->arg[0];
    return emit(b, op, a->type, a, NULL, NULL);
}

Inst *kb_fma(Builder *b, Inst *a, Inst *c, Inst *plus)
{
    assert(a->type.dtype == c->type.dtype && a->type.dtype == plus->type.dtype);
    match_lanes(b, &a, &c);
    match_lanes(b, &a, &plus);
    match_lanes(b, &c, &plus);
    if (dtype_is_int(a->type.dtype)) return kb_add(b, kb_mul(b, a, c), plus);
    const Inst *x = uniform_literal(a), *y = uniform_literal(c), *z = uniform_literal(plus);
    if (x && y && z) {
        LaneValue p, q, s, r = {.u64 = 0};
        lane_from_const(x, &p);
        lane_from_const(y, &q);
        lane_from_const(z, &s);
        lanes_fma((LType){a->type.dtype, 1}, &p, &q, &s, &r);
        return literal_from_lane(b, a->type.dtype, &r, a->type.lanes);
    }
    if (is_flt_value(c, 1.0)) return kb_add(b, a, plus);
    if (is_flt_value(a, 1.0)) return kb_add(b, c, plus);
    return emit(b, LI_FMA, a->type, a, c, plus);
}

Inst *kb_select(Builder *b, Inst *cond, Inst *then, Inst *other)
{
    assert(cond->type.dtype == DT_BOOL && then->type.dtype == other->type.dtype);
    match_lanes(b, &then, &other);
    if (cond->type.lanes > 1) {
        then = kb_splat(b, then, cond->type.lanes);
        other = kb_splat(b, other, cond->type.lanes);
    }
    if (then == other) return then;
    const Inst *literal = uniform_literal(cond);
    if (literal) return literal->value ? then : other;
    return emit(b, LI_SELECT, then->type, kb_splat(b, cond, then->type.lanes), then, other);
}

static bool is_half(DType type)
{
    return type == DT_F16 || type == DT_BF16;
}

Inst *kb_cast(Builder *b, DType to, Inst *value)
{
    DType from = value->type.dtype;
    if (from == to) return value;
    const Inst *literal = uniform_literal(value);
    if (literal && !is_half(to)) {
        LaneValue p, r = {.u64 = 0};
        lane_from_const(literal, &p);
        lanes_cast(from, to, 1, &p, &r);
        return literal_from_lane(b, to, &r, value->type.lanes);
    }
    return emit(b, LI_CAST, (LType){to, value->type.lanes}, value, NULL, NULL);
}

Inst *kb_bitcast(Builder *b, DType to, Inst *value)
{
    assert(dtype_size(to) == dtype_size(value->type.dtype));
    if (value->type.dtype == to) return value;
    if (value->op == LI_BITCAST) return kb_bitcast(b, to, value->arg[0]);
    const Inst *literal = uniform_literal(value);
    if (literal && !is_half(to)) {
        LaneValue lane;
        lane_from_const(literal, &lane);
        /* A NaN's payload does not survive `number` being a double: those stay instructions. */
        bool nan =
            (to == DT_F32 && !(lane.f32 == lane.f32)) || (to == DT_F64 && !(lane.f64 == lane.f64));
        if (!nan) return literal_from_lane(b, to, &lane, value->type.lanes);
    }
    return emit(b, LI_BITCAST, (LType){to, value->type.lanes}, value, NULL, NULL);
}

/* ---- Vectors. ---- */

Inst *kb_splat(Builder *b, Inst *value, int lanes)
{
    assert(lanes >= 1 && lanes <= LANES_MAX);
    if (value->type.lanes == lanes) return value;
    assert(value->type.lanes == 1);
    return emit(b, LI_SPLAT, (LType){value->type.dtype, lanes}, value, NULL, NULL);
}

Inst *kb_horizontal(Builder *b, InstOp op, Inst *vector)
{
    assert(op == LI_HADD || op == LI_HMIN || op == LI_HMAX);
    if (vector->type.lanes == 1) return vector;
    assert((vector->type.lanes & (vector->type.lanes - 1)) == 0);
    if (vector->op == LI_SPLAT && op != LI_HADD) return vector->arg[0];
    return emit(b, op, (LType){vector->type.dtype, 1}, vector, NULL, NULL);
}

Inst *kb_lane(Builder *b, Inst *vector, int lane)
{
    assert(lane >= 0 && lane < vector->type.lanes);
    if (vector->type.lanes == 1) return vector;
    if (vector->op == LI_SPLAT) return vector->arg[0];
    Inst *inst = emit(b, LI_LANE, (LType){vector->type.dtype, 1}, vector, NULL, NULL);
    inst->value = lane;
    return inst;
}

Inst *kb_iota(Builder *b, DType dtype, int lanes)
{
    assert(dtype_is_int(dtype));
    if (lanes == 1) return kb_int(b, dtype, 0);
    return emit(b, LI_IOTA, (LType){dtype, lanes}, NULL, NULL, NULL);
}

Inst *kb_dot4(Builder *b, Inst *acc, Inst *a, Inst *c, bool a_unsigned)
{
    assert(acc->type.dtype == DT_I32 && a->type.dtype == DT_I32 && c->type.dtype == DT_I32);
    match_lanes(b, &a, &c);
    match_lanes(b, &acc, &a);
    match_lanes(b, &acc, &c);
    Inst *inst = emit(b, LI_DOT4, acc->type, acc, a, c);
    inst->value = a_unsigned;
    return inst;
}

static bool is_small_mask(const Inst *inst)
{
    const Inst *mask = uniform_literal(inst);
    return mask && !(mask->value & (int64_t)0x80808080);
}

DotLeft inst_dot_left(const Inst *dot)
{
    const Inst *a = dot->arg[1];
    if (a->op == LI_AND && (is_small_mask(a->arg[0]) || is_small_mask(a->arg[1])))
        return LEFT_SMALL;
    return dot->value == 1 ? LEFT_UNSIGNED : LEFT_SIGNED;
}

/* ---- Control. ---- */

static void enter(Builder *b, Block *block)
{
    arena_push(b->code, b->stack, b->depth) = b->block; /* room is not given back by kb_end */
    b->block = block;
}

Inst *kb_for(Builder *b, LoopKind kind, Inst *lo, Inst *hi, int64_t step)
{
    assert(step > 0 && lo->type.dtype == DT_I64 && hi->type.dtype == DT_I64);
    Inst *loop = emit(b, LI_FOR, (LType){DT_I64, 1}, lo, hi, NULL);
    loop->kind = kind;
    loop->value = step;
    enter(b, &loop->body);
    return loop;
}

Inst *kb_for_n(Builder *b, LoopKind kind, const Size *count)
{
    return kb_for(b, kind, kb_i64(b, 0), kb_size(b, count), 1);
}

void kb_if(Builder *b, Inst *cond)
{
    assert(cond->type.dtype == DT_BOOL && cond->type.lanes == 1);
    enter(b, &emit(b, LI_IF, (LType){DT_NONE, 1}, cond, NULL, NULL)->body);
}

void kb_else(Builder *b)
{
    assert(b->depth > 0);
    Block *outer = b->stack[b->depth - 1];
    Inst *branch = outer->items[outer->count - 1];
    assert(branch->op == LI_IF && b->block == &branch->body);
    b->block = &branch->els;
}

void kb_end(Builder *b)
{
    assert(b->depth > 0);
    b->block = b->stack[--b->depth];
}

void kb_break(Builder *b)
{
    emit(b, LI_BREAK, (LType){DT_NONE, 1}, NULL, NULL, NULL);
}

void kb_fail(Builder *b, int code)
{
    emit(b, LI_FAIL, (LType){DT_NONE, 1}, NULL, NULL, NULL)->value = code;
}

void kb_setsym(Builder *b, int sym, Inst *value)
{
    assert(value->type.dtype == DT_I64 && value->type.lanes == 1);
    emit(b, LI_SETSYM, (LType){DT_NONE, 1}, value, NULL, NULL)->sym = sym;
}
