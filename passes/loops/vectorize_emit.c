/* Emits a classified loop body with vectors. Uniform values stay scalars, linear ones are kept as
 * their scalar at lane 0 and the step from lane to lane, the others become vectors. */
#include "passes/loops/vectorize.h"

#include <assert.h>
#include <math.h>

typedef struct Emitter {
    const LoopValues *shape;
    int lanes;
    int copies;
    Inst **coefs; /* by old id: of LINEAR values */
    Cell **cells; /* by old cell id: the vector cell of the copy that is being emitted, or NULL */
    Cell **copy_cells[VECTORIZE_COPIES];
} Emitter;

static Emitter *emitter(const Rewriter *rw)
{
    return rw->user;
}

static Varies shape_of(const Rewriter *rw, const Inst *old)
{
    return vectorize_varies(emitter(rw)->shape, old);
}

/* ---- Linear values. ---- */

static Inst *coef_of(Rewriter *rw, const Inst *old)
{
    if (shape_of(rw, old).kind != VARIES_LINEAR) return kb_i64(&rw->b, 0);
    return emitter(rw)->coefs[old->id];
}

static void emit_linear(Rewriter *rw, Inst *old)
{
    Builder *b = &rw->b;
    Inst *x = old->arg[0], *y = old->arg[1], *coef = NULL;
    bool left = shape_of(rw, x).kind == VARIES_LINEAR;
    switch (old->op) {
    case LI_ADD:
    case LI_SUB: coef = kb_op(b, old->op, coef_of(rw, x), coef_of(rw, y)); break;
    case LI_MUL:
        coef = left ? kb_mul(b, coef_of(rw, x), rewrite_get(rw, y))
                    : kb_mul(b, coef_of(rw, y), rewrite_get(rw, x));
        break;
    case LI_SHL: coef = kb_op(b, LI_SHL, coef_of(rw, x), rewrite_get(rw, y)); break;
    case LI_NEG: coef = kb_op1(b, LI_NEG, coef_of(rw, x)); break;
    default: assert(0 && "a linear instruction"); break;
    }
    rewrite_copy(rw, old);
    emitter(rw)->coefs[old->id] = coef;
}

/* All lanes of a linear value, in an integer type at most as wide (where it wraps the same way). */
static Inst *linear_vector(Rewriter *rw, Inst *old, DType dtype)
{
    Builder *b = &rw->b;
    Inst *coef = kb_cast(b, dtype, coef_of(rw, old));
    Inst *steps = kb_mul(b, kb_iota(b, dtype, emitter(rw)->lanes), coef);
    return kb_add(b, kb_cast(b, dtype, rewrite_get(rw, old)), steps);
}

/* An operand as it can stand in an instruction beside vectors. */
static Inst *operand(Rewriter *rw, Inst *old)
{
    if (!old) return NULL;
    if (shape_of(rw, old).kind == VARIES_LINEAR) return linear_vector(rw, old, DT_I64);
    return rewrite_get(rw, old);
}

/* ---- Comparisons of indices: lane numbers against one clamped scalar, in 32 bits. ---- */

static InstOp mirrored(InstOp op)
{
    switch (op) {
    case LI_LT: return LI_GT;
    case LI_LE: return LI_GE;
    case LI_GT: return LI_LT;
    case LI_GE: return LI_LE;
    default: return op;
    }
}

/* Index arithmetic stays far below 2^62; what it is compared with may be anything. */
static Inst *tame(Rewriter *rw, Inst *old)
{
    Builder *b = &rw->b;
    Inst *value = rewrite_get(rw, old);
    if (shape_of(rw, old).kind == VARIES_LINEAR || value->op == LI_SIZE) return value;
    value = kb_op(b, LI_MIN, value, kb_i64(b, (int64_t)1 << 61));
    return kb_op(b, LI_MAX, value, kb_i64(b, -((int64_t)1 << 61)));
}

/* a op c for i64 values whose difference is d + lane or d - lane: lane op -d, or lane mirrored d.
 */
static Inst *compare_lanes(Rewriter *rw, Inst *old)
{
    Builder *b = &rw->b;
    Varies a = shape_of(rw, old->arg[0]), c = shape_of(rw, old->arg[1]);
    if (a.kind == VARIES_VECTOR || c.kind == VARIES_VECTOR) return NULL;
    if ((a.kind == VARIES_LINEAR && !a.known) || (c.kind == VARIES_LINEAR && !c.known)) return NULL;
    int64_t coef = (a.kind == VARIES_LINEAR ? a.coef : 0) - (c.kind == VARIES_LINEAR ? c.coef : 0);
    if (coef != 1 && coef != -1) return NULL;
    int lanes = emitter(rw)->lanes;
    Inst *x = tame(rw, old->arg[0]), *y = tame(rw, old->arg[1]);
    Inst *bound = coef == 1 ? kb_sub(b, y, x) : kb_sub(b, x, y);
    bound = kb_op(b, LI_MIN, bound, kb_i64(b, lanes));
    bound = kb_cast(b, DT_I32, kb_op(b, LI_MAX, bound, kb_i64(b, -1)));
    InstOp op = coef == 1 ? old->op : mirrored(old->op);
    bound = kb_splat(b, bound, lanes);
    return kb_op(b, op, kb_iota(b, DT_I32, lanes), bound);
}

/* ---- Instructions that become vectors. ---- */

static Inst *emit_pure(Rewriter *rw, Inst *old)
{
    Builder *b = &rw->b;
    if (inst_class(old->op) == 'R' && old->arg[0]->type.dtype == DT_I64) {
        Inst *mask = compare_lanes(rw, old);
        if (mask) return mask;
    }
    DType to = old->type.dtype;
    if (old->op == LI_CAST && shape_of(rw, old->arg[0]).kind == VARIES_LINEAR && dtype_is_int(to))
        return linear_vector(rw, old->arg[0], to);
    Inst *arg[3];
    for (int i = 0; i < 3; i++) arg[i] = operand(rw, old->arg[i]);
    switch (old->op) {
    case LI_FMA: return kb_fma(b, arg[0], arg[1], arg[2]);
    case LI_SELECT: return kb_select(b, arg[0], arg[1], arg[2]);
    case LI_CAST: return kb_cast(b, to, arg[0]);
    case LI_BITCAST: return kb_bitcast(b, to, arg[0]);
    case LI_DOT4: return kb_dot4(b, arg[0], arg[1], arg[2], old->value == 1);
    default: break;
    }
    return inst_args(old->op) == 2 ? kb_op(b, old->op, arg[0], arg[1]) : kb_op1(b, old->op, arg[0]);
}

/* A uniform limit lets all lanes pass or none; a falling one is the vector's own limit. */
static Inst *vector_limit(Rewriter *rw, Inst *old)
{
    Builder *b = &rw->b;
    if (!old) return NULL;
    Inst *limit = rewrite_get(rw, old);
    if (shape_of(rw, old).kind == VARIES_LINEAR) return limit;
    return kb_select(b, kb_op(b, LI_GT, limit, kb_i64(b, 0)), kb_i64(b, emitter(rw)->lanes),
                     kb_i64(b, 0));
}

static Inst *emit_memory(Rewriter *rw, Inst *old)
{
    Builder *b = &rw->b;
    int lanes = emitter(rw)->lanes;
    Inst *limit = vector_limit(rw, old->limit);
    Inst *stride = coef_of(rw, old->arg[0]);
    Inst *index = rewrite_get(rw, old->arg[0]);
    if (old->op == LI_LOAD) return kb_load_ex(b, old->param, index, lanes, stride, limit);
    Inst *value = kb_splat(b, operand(rw, old->arg[1]), lanes);
    kb_store_ex(b, old->param, index, value, stride, limit);
    return NULL;
}

static void emit_inner(Rewriter *rw, const Block *old, Block *to)
{
    Block *outer = rw->b.block;
    rw->b.block = to;
    rewrite_block(rw, old);
    rw->b.block = outer;
}

/* FOR and IF with uniform operands, with vectors inside. */
static void emit_control(Rewriter *rw, Inst *old)
{
    Inst *copy = inst_copy(&rw->b, old);
    for (int i = 0; i < 3; i++) copy->arg[i] = rewrite_get(rw, old->arg[i]);
    if (copy->kind != LOOP_UNROLLED) copy->kind = LOOP_SERIAL;
    inst_append(&rw->b, copy);
    rewrite_set(rw, old, copy);
    emit_inner(rw, &old->body, &copy->body);
    emit_inner(rw, &old->els, &copy->els);
}

static bool emit_hook(Rewriter *rw, Inst *old)
{
    Emitter *e = emitter(rw);
    if (old->op == LI_FOR || old->op == LI_IF) {
        emit_control(rw, old);
        return true;
    }
    VariesKind kind = shape_of(rw, old).kind;
    Inst *value = NULL;
    if (kind == VARIES_LINEAR) {
        emit_linear(rw, old);
        return true;
    }
    if (old->op == LI_GET && e->cells[old->cell->id])
        value = kb_get(&rw->b, e->cells[old->cell->id]);
    else if (old->op == LI_SET && e->cells[old->cell->id])
        kb_set(&rw->b, e->cells[old->cell->id], operand(rw, old->arg[0]));
    else if (kind == VARIES_UNIFORM && old->op != LI_STORE)
        return false;
    else if (old->op == LI_LOAD || old->op == LI_STORE)
        value = emit_memory(rw, old);
    else
        value = kb_splat(&rw->b, emit_pure(rw, old), e->lanes);
    if (value) rewrite_set(rw, old, value);
    return true;
}

/* ---- Reductions. ---- */

static Inst *identity(Builder *b, const Cell *cell)
{
    DType dtype = cell->type.dtype;
    if (cell->reduce == LI_ADD || cell->reduce == LI_FMA) return kb_const(b, dtype, 0);
    bool least = cell->reduce == LI_MAX;
    if (dtype_is_float(dtype)) return kb_float(b, dtype, least ? -INFINITY : INFINITY);
    if (dtype == DT_BOOL) return kb_int(b, dtype, !least);
    if (dtype == DT_U64) return kb_int(b, dtype, least ? 0 : -1);
    return kb_int(b, dtype, least ? dtype_min(dtype) : dtype_max(dtype));
}

static Cell *make_cell(Rewriter *rw, const Cell *like, CellRole role)
{
    int lanes = emitter(rw)->lanes;
    Inst *initial = NULL;
    if (role == CELL_REDUCED) initial = kb_splat(&rw->b, identity(&rw->b, like), lanes);
    return kb_cell(&rw->b, like->name, (LType){like->type.dtype, lanes}, initial);
}

/* What lives in one iteration can be shared by the copies, which follow each other. */
static void make_cells(Rewriter *rw)
{
    Emitter *e = emitter(rw);
    size_t count = (size_t)e->shape->role_count + 1;
    for (int k = 0; k < e->copies; k++)
        e->copy_cells[k] = arena_array(rw->b.code, count, sizeof(Cell *));
    for (int i = 0; i < e->shape->role_count; i++) {
        CellRole role = e->shape->roles[i];
        if (role != CELL_PRIVATE && role != CELL_REDUCED) continue;
        const Cell *cell = rw->b.kernel->cells[i];
        for (int k = 0; k < e->copies; k++) {
            bool shared = k > 0 && role == CELL_PRIVATE;
            e->copy_cells[k][i] = shared ? e->copy_cells[0][i] : make_cell(rw, cell, role);
        }
    }
}

/* The partial results of all copies and lanes go into the scalar cell. */
static void finish_cells(Rewriter *rw)
{
    Emitter *e = emitter(rw);
    Builder *b = &rw->b;
    for (int i = 0; i < e->shape->role_count; i++) {
        if (e->shape->roles[i] != CELL_REDUCED) continue;
        Cell *cell = b->kernel->cells[i];
        InstOp op = cell->reduce == LI_FMA ? LI_ADD : cell->reduce;
        InstOp across = op == LI_ADD ? LI_HADD : op == LI_MIN ? LI_HMIN : LI_HMAX;
        Inst *sums[VECTORIZE_COPIES];
        for (int k = 0; k < e->copies; k++) sums[k] = kb_get(b, e->copy_cells[k][i]);
        for (int n = e->copies / 2; n >= 1; n /= 2)
            for (int k = 0; k < n; k++) sums[k] = kb_op(b, op, sums[k], sums[k + n]);
        Inst *lanes = kb_horizontal(b, across, sums[0]);
        kb_set(b, cell, kb_op(b, op, kb_get(b, cell), lanes));
    }
}

bool vectorize_reduces(const LoopValues *shape)
{
    for (int i = 0; i < shape->role_count; i++)
        if (shape->roles[i] == CELL_REDUCED) return true;
    return false;
}

void vectorize_emit(Rewriter *rw, const LoopValues *shape, int lanes, int copies, Inst *lo,
                    Inst *hi)
{
    Builder *b = &rw->b;
    const Inst *loop = shape->loop;
    Emitter e = {.shape = shape, .lanes = lanes, .copies = copies};
    assert(copies >= 1 && copies <= VECTORIZE_COPIES && (copies & (copies - 1)) == 0);
    e.coefs = arena_array(b->code, (size_t)shape->shape_count + 1, sizeof *e.coefs);
    bool (*outer_hook)(Rewriter *, Inst *) = rw->hook;
    void *outer_user = rw->user;
    rw->hook = emit_hook;
    rw->user = &e;
    make_cells(rw);
    e.coefs[loop->id] = kb_i64(b, loop->value);
    int64_t step = loop->value * lanes;
    Inst *variable = hi ? kb_for(b, LOOP_SERIAL, lo, hi, step * copies) : lo;
    for (int k = 0; k < copies; k++) {
        e.cells = e.copy_cells[k];
        rewrite_set(rw, loop, kb_addi(b, variable, step * k));
        rewrite_block(rw, &loop->body);
    }
    if (hi) kb_end(b);
    finish_cells(rw);
    rw->hook = outer_hook;
    rw->user = outer_user;
}
