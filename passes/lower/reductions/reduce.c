/* Reduce*: one accumulator over the reduced axes. */
#include "passes/lower/frame/scalar.h"
#include "passes/lower/reductions/reduction.h"

#include <math.h>

static bool is_log_sum_exp(const Node *node)
{
    return node->op == OP_REDUCE_LOG_SUM_EXP;
}

/* The type that is accumulated: integers where only a float makes sense go through f64. */
static DType accumulator_type(const Node *node)
{
    DType type = lower_type(node->in[0]->dtype);
    if (dtype_is_float(type)) return type;
    if (node->op == OP_REDUCE_LOG_SUM || is_log_sum_exp(node)) return DT_F64;
    return type;
}

static Inst *initial_value(Lower *lw, const Node *node, DType type)
{
    switch (node->op) {
    case OP_REDUCE_PROD: return kb_const(&lw->b, type, 1);
    default: return kb_const(&lw->b, type, 0);
    }
}

static InstOp reduce_op(const Node *node)
{
    switch (node->op) {
    case OP_REDUCE_PROD: return LI_MUL;
    default: return LI_ADD;
    }
}

/* The accumulator after one more element. `peak` is what ReduceLogSumExp subtracts. */
static Inst *step(Lower *lw, const Node *node, Inst *sum, Inst *x, Inst *peak)
{
    Builder *b = &lw->b;
    switch (node->op) {
    case OP_REDUCE_PROD: return kb_mul(b, sum, x);
    case OP_REDUCE_L1:
        return kb_add(b, sum, dtype_is_signed(x->type.dtype) ? kb_op1(b, LI_ABS, x) : x);
    case OP_REDUCE_L2:
    case OP_REDUCE_SUM_SQUARE: return lower_fma(lw, x, x, sum);
    case OP_REDUCE_LOG_SUM_EXP: return kb_add(b, sum, kb_op1(b, LI_EXP, kb_sub(b, x, peak)));
    default: return kb_add(b, sum, x);
    }
}

static Inst *finish(Lower *lw, const Node *node, Reduction *r, Inst *sum, Inst *peak)
{
    Builder *b = &lw->b;
    DType type = sum->type.dtype;
    bool is_float = dtype_is_float(type);
    switch (node->op) {
    case OP_REDUCE_MEAN: return kb_op(b, LI_DIV, sum, reduction_count(r, type, is_float ? 0 : 1));
    case OP_REDUCE_L2:
        if (is_float) return kb_op1(b, LI_SQRT, sum);
        return scalar_to_int(b, type, kb_op1(b, LI_SQRT, kb_cast(b, DT_F64, sum)));
    case OP_REDUCE_LOG_SUM: return kb_op1(b, LI_LOG, sum);
    case OP_REDUCE_LOG_SUM_EXP: return kb_add(b, kb_op1(b, LI_LOG, sum), peak);
    default: return sum;
    }
}

/* The largest element, so that exp cannot overflow; 0 where that is infinite. */
static Inst *find_peak(Reduction *r, DType type)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    Cell *most = reduction_cell(r, "most", LI_MAX, lower_extreme(lw, type, false));
    reduction_each(r, true);
    cell_update(lw, most, LI_MAX, kb_cast(b, type, reduction_load(r)));
    reduction_each_end(r);
    Inst *peak = kb_get(b, most);
    Inst *infinite = kb_op(b, LI_EQ, kb_op1(b, LI_ABS, peak), kb_float(b, type, INFINITY));
    return kb_select(b, infinite, kb_float(b, type, 0), peak);
}

/* Coordinates of the result: without reduced axes unless keepdims. */
static void result_idx(const Node *node, const Reduction *r, Inst **idx)
{
    int to = 0;
    for (int i = 0; i < r->x->rank; i++) {
        if (!r->reduced[i] || node_int(node, "keepdims")) idx[to++] = r->idx[i];
    }
}

static void reduced_axes(Arena *arena, const Node *node, bool *reduced)
{
    const int64_t *axes = NULL;
    int count = 0, rank = node->in[0]->rank;
    bool known = tensor_known_ints(arena, node_in(node, 1), &count, &axes);
    if (!known || (count == 0 && !node_int(node, "noop_with_empty_axes"))) {
        for (int i = 0; i < rank; i++) reduced[i] = true;
        return;
    }
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis >= 0 && axis < rank) reduced[axis] = true;
    }
}

static Inst *reduce_all(Lower *lw, const Node *node, Reduction *r, DType compute)
{
    Builder *b = &lw->b;
    bool largest = node->op == OP_REDUCE_MAX;
    if (largest || node->op == OP_REDUCE_MIN) return reduction_extreme(r, compute, largest);
    Inst *peak = is_log_sum_exp(node) ? find_peak(r, compute) : NULL;
    InstOp op = reduce_op(node);
    Cell *cell = reduction_cell(r, "sum", op, initial_value(lw, node, compute));
    reduction_each(r, op != LI_MUL);
    Inst *value = kb_cast(b, compute, reduction_load(r));
    kb_set(b, cell, step(lw, node, kb_get(b, cell), value, peak));
    reduction_each_end(r);
    return finish(lw, node, r, kb_get(b, cell), peak);
}

int lower_reduce(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    Builder *b = &lw->b;
    DType type = accumulator_type(node);
    /* min and max of bool, as vectors, are those of integers */
    DType compute = type == DT_BOOL ? DT_I32 : type;
    bool reduced[MAX_RANK] = {false};
    Reduction r;
    reduced_axes(lw->arena, node, reduced);
    lower_begin(lw, NULL);
    reduction_init(&r, lw, x, reduced);
    reduction_open(&r, is_log_sum_exp(node) ? 10 : 1);
    Inst *result = reduce_all(lw, node, &r, compute);
    Inst *idx[MAX_RANK] = {0};
    result_idx(node, &r, idx);
    bool is_int = dtype_is_int(lower_type(x->dtype));
    DType made = is_int ? lower_type(x->dtype) : type;
    lower_store(lw, idx, is_int ? scalar_to_int(b, made, result) : kb_cast(b, made, result));
    reduction_close(&r);
    lower_end(lw);
    return 0;
}
