/* Sorting, TopK, CumSum and CumProd. */
#include "passes/lower/moves/move.h"

/* ---- Merge sort ---- */

Inst *move_less(Builder *b, Inst *a, Inst *c)
{
    Inst *less = kb_op(b, LI_LT, a, c);
    if (!dtype_is_float(a->type.dtype)) return less;
    Inst *a_nan = kb_op(b, LI_NE, a, a), *c_nan = kb_op(b, LI_NE, c, c);
    Inst *above = kb_op(b, LI_AND, c_nan, kb_op1(b, LI_NOT, a_nan));
    return kb_op(b, LI_OR, less, above);
}

typedef struct Merge {
    Param *items, *spare;
    Inst *low, *middle, *high;
    BeforeRule *before;
    void *data;
} Merge;

/* spare[low, high) = the two sorted runs of items, merged. */
static void merge_runs(Lower *lw, const Merge *m)
{
    Builder *b = &lw->b;
    LType i64 = {DT_I64, 1};
    Cell *left = kb_cell(b, "left", i64, m->low), *right = kb_cell(b, "right", i64, m->middle);
    Inst *k = kb_for(b, LOOP_SERIAL, m->low, m->high, 1);
    Inst *i = kb_get(b, left), *j = kb_get(b, right);
    Inst *safe_i = kb_op(b, LI_MIN, i, kb_addi(b, m->middle, -1));
    Inst *safe_j = kb_op(b, LI_MIN, j, kb_addi(b, m->high, -1));
    Inst *a = kb_load(b, m->items, safe_i), *c = kb_load(b, m->items, safe_j);
    Inst *left_empty = kb_op(b, LI_GE, i, m->middle), *right_full = kb_op(b, LI_LT, j, m->high);
    Inst *before = kb_op(b, LI_OR, left_empty, m->before(lw, m->data, c, a));
    Inst *take = kb_op(b, LI_AND, right_full, before);
    kb_store(b, m->spare, k, kb_select(b, take, c, a));
    Inst *step = kb_cast(b, DT_I64, take);
    kb_set(b, right, kb_add(b, j, step));
    kb_set(b, left, kb_add(b, i, kb_sub(b, kb_i64(b, 1), step)));
    kb_end(b);
}

void move_sort(Lower *lw, Param *items, Param *spare, Inst *n, int64_t max, BeforeRule *before,
               void *data)
{
    Builder *b = &lw->b;
    int passes = 0;
    while (passes < 62 && (int64_t)1 << passes < max) passes++;
    Inst *pass = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, passes), 1);
    Inst *width = kb_op(b, LI_SHL, kb_i64(b, 1), pass), *twice = kb_muli(b, width, 2);
    kb_if(b, kb_op(b, LI_LT, width, n));
    Inst *runs = kb_op(b, LI_DIV, kb_addi(b, kb_add(b, n, twice), -1), twice);
    Inst *run = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), runs, 1);
    Inst *low = kb_mul(b, run, twice);
    Inst *middle = kb_op(b, LI_MIN, kb_add(b, low, width), n);
    Inst *high = kb_op(b, LI_MIN, kb_add(b, low, twice), n);
    Merge merge = {items, spare, low, middle, high, before, data};
    merge_runs(lw, &merge);
    kb_end(b);
    Inst *k = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), n, 1);
    kb_store(b, items, k, kb_load(b, spare, k));
    kb_end(b);
    kb_end(b);
    kb_end(b);
}

/* ---- TopK ---- */

typedef struct TopK {
    const Node *node;
    const Tensor *x;
    int axis;
    bool largest;
    Inst *idx[MAX_RANK]; /* of the row; idx[axis] is set by the loops */
} TopK;

static Inst *top_element(Lower *lw, TopK *t, Inst *at)
{
    t->idx[t->axis] = at;
    return lower_load(lw, t->x, t->idx);
}

static Inst *better(Builder *b, const TopK *t, Inst *a, Inst *c)
{
    return t->largest ? move_less(b, c, a) : move_less(b, a, c);
}

static Inst *top_before(Lower *lw, void *data, Inst *c, Inst *a)
{
    TopK *t = data;
    Inst *x = top_element(lw, t, c), *y = top_element(lw, t, a);
    return better(&lw->b, t, x, y);
}

static void store_top(Lower *lw, TopK *t, Inst *at, Inst *value, Inst *index)
{
    t->idx[t->axis] = at;
    if (node_has_output(t->node, 0)) lower_store_to(lw, t->node->out[0], t->idx, value);
    if (node_has_output(t->node, 1)) lower_store_to(lw, t->node->out[1], t->idx, index);
}

/* A list of the k best so far, best first, which begins with the row's first element: the rest is
 * looked at once. */
static void top_by_insertion(Lower *lw, TopK *t, int64_t k)
{
    Builder *b = &lw->b;
    DType type = lower_type(t->x->dtype);
    Param *values = kb_local(b, "best", type == DT_BOOL ? DT_U8 : type, k);
    Param *indices = kb_local(b, "best_index", DT_I64, k);
    Inst *one = kb_i64(b, 1), *zero = kb_i64(b, 0), *limit = kb_i64(b, k);
    Cell *count = kb_cell(b, "count", (LType){DT_I64, 1}, one);
    Cell *at = kb_cell(b, "at", (LType){DT_I64, 1}, NULL);
    kb_store(b, values, zero, top_element(lw, t, zero));
    kb_store(b, indices, zero, zero);
    Inst *i = kb_for(b, LOOP_SERIAL, one, kb_size(b, t->x->dims[t->axis]), 1);
    Inst *x = top_element(lw, t, i), *have = kb_get(b, count);
    Inst *full = kb_op(b, LI_GE, have, limit);
    Inst *last = kb_load(b, values, kb_sub(b, have, one));
    Inst *enters = better(b, t, x, last);
    enters = kb_op(b, LI_OR, kb_op1(b, LI_NOT, full), enters);
    kb_if(b, enters);
    Inst *end = kb_op(b, LI_MIN, have, kb_i64(b, k - 1));
    kb_set(b, at, end);
    Inst *step = kb_for(b, LOOP_SERIAL, zero, end, 1);
    Inst *p = kb_sub(b, kb_sub(b, end, step), one);
    Inst *y = kb_load(b, values, p);
    kb_if(b, kb_op1(b, LI_NOT, better(b, t, x, y)));
    kb_break(b);
    kb_end(b);
    kb_store(b, values, kb_addi(b, p, 1), y);
    Inst *index = kb_load(b, indices, p);
    kb_store(b, indices, kb_addi(b, p, 1), index);
    kb_set(b, at, p);
    kb_end(b);
    kb_store(b, values, kb_get(b, at), x);
    kb_store(b, indices, kb_get(b, at), i);
    kb_set(b, count, kb_op(b, LI_MIN, kb_add(b, have, one), limit));
    kb_end(b);
    kb_end(b);
    Inst *j = kb_for(b, LOOP_SERIAL, zero, limit, 1);
    Inst *place = kb_load(b, indices, j);
    store_top(lw, t, j, kb_load(b, values, j), place);
    kb_end(b);
}

static void top_by_sorting(Lower *lw, TopK *t, const Size *k, Buffer *scratch, int64_t most)
{
    Builder *b = &lw->b;
    const Size *part = size_const(lw->sizes, most);
    Param *items = lower_part(lw, scratch, size_const(lw->sizes, 0), part, true);
    Param *spare = lower_part(lw, scratch, part, part, true);
    items->is_read = spare->is_read = true;
    Inst *n = kb_size(b, t->x->dims[t->axis]);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), n, 1);
    kb_store(b, items, i, i);
    kb_end(b);
    move_sort(lw, items, spare, n, most, top_before, t);
    Inst *j = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_op(b, LI_MIN, kb_size(b, k), n), 1);
    Inst *index = kb_load(b, items, j);
    store_top(lw, t, j, top_element(lw, t, index), index);
    kb_end(b);
}

int lower_top_k(Lower *lw, Node *node)
{
    enum { FEW = 64 };
    TopK t = {.node = node, .x = node->in[0]};
    t.axis = (int)node_int(node, "axis");
    t.largest = node_int(node, "largest") != 0;
    const Tensor *out = node->out[node_has_output(node, 0) ? 0 : 1];
    const Size *dims[MAX_RANK], *k = out->dims[t.axis];
    if (size_is(k, 0) || move_is_empty(t.x)) return 0;
    for (int i = 0; i < t.x->rank; i++) dims[i] = t.x->dims[i];
    dims[t.axis] = size_const(lw->sizes, 1);
    int64_t most = size_upper(lw->sizes, t.x->dims[t.axis]);
    /* A run-time k may exceed the axis; then the list would not fill. */
    bool few = size_is_const(k) && k->value <= FEW && size_is_const(t.x->dims[t.axis]) &&
               t.x->dtype != DT_BOOL;
    Buffer *scratch = NULL;
    if (!few) scratch = lower_scratch(lw, "order", DT_I64, size_const(lw->sizes, 2 * most));
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, t.x->rank, dims, NULL, false, few ? 4 * (double)most : 0, t.idx);
    if (few)
        top_by_insertion(lw, &t, k->value);
    else
        top_by_sorting(lw, &t, k, scratch, most);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

/* ---- CumSum, CumProd ---- */

int lower_cumulate(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node_result(node);
    Builder *b = &lw->b;
    const int64_t *axes = NULL;
    int count = 0;
    if (!tensor_known_ints(lw->arena, node->in[1], &count, &axes) || count != 1 ||
        axes[0] < -x->rank || axes[0] >= x->rank)
        return diag_node(lw->diag, &node->origin, "axis: must be known and in [%d, %d]", -x->rank,
                         x->rank - 1);
    int axis = (int)(axes[0] < 0 ? axes[0] + x->rank : axes[0]);
    bool product = node->op == OP_CUM_PROD, reverse = node_int(node, "reverse") != 0;
    bool exclusive = node_int(node, "exclusive") != 0;
    DType type = lower_type(x->dtype);
    const Size *dims[MAX_RANK];
    Inst *idx[MAX_RANK] = {0};
    uint8_t order[MAX_RANK];
    for (int i = 0; i < x->rank; i++) dims[i] = x->dims[i];
    dims[axis] = size_const(lw->sizes, 1);
    lower_begin(lw, NULL);
    lower_order(lw, out, order);
    double row = (double)size_upper(lw->sizes, x->dims[axis]);
    int loops = lower_nest(lw, x->rank, dims, order, order[x->rank - 1] != axis, row, idx);
    Cell *sum = kb_cell(b, "sum", (LType){type, 1}, kb_const(b, type, product ? 1 : 0));
    Inst *n = kb_size(b, x->dims[axis]);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), n, 1);
    idx[axis] = reverse ? kb_addi(b, kb_sub(b, n, i), -1) : i;
    Inst *before = kb_get(b, sum);
    Inst *after = kb_op(b, product ? LI_MUL : LI_ADD, before, lower_load(lw, x, idx));
    kb_set(b, sum, after);
    lower_store(lw, idx, exclusive ? before : after);
    kb_end(b);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
