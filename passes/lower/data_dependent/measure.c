/* lpc.Measure: numbers that determine sizes are read into symbols, once they are what they may be. */
#include "passes/lower/moves/move.h"

#include <string.h>

typedef struct Numbers {
    const Node *node;
    int count;
    const Size *const *limits; /* NULL: only the symbols' own bounds */
    Inst *at[2 * MAX_RANK];
} Numbers;

static void read_numbers(Lower *lw, Numbers *n)
{
    const Tensor *x = n->node->in[0];
    for (int k = 0; k < n->count; k++) {
        Inst *idx[MAX_RANK] = {0};
        lower_unflatten(lw, kb_i64(&lw->b, k), x->rank, x->dims, idx);
        n->at[k] = kb_cast(&lw->b, DT_I64, lower_load(lw, x, idx));
    }
}

static void fail_if(Builder *b, Inst *condition)
{
    kb_if(b, condition);
    kb_fail(b, RUN_VALUE);
    kb_end(b);
}

/* Negative places count from the end, all are brought onto the axis. */
static Inst *place(Builder *b, Inst *at, const Size *size)
{
    Inst *zero = kb_i64(b, 0), *end = kb_size(b, size);
    Inst *from_end = kb_add(b, at, end);
    Inst *is_negative = kb_op(b, LI_LT, at, zero);
    at = kb_select(b, is_negative, from_end, at);
    at = kb_op(b, LI_MAX, at, zero);
    return kb_op(b, LI_MIN, at, end);
}

/* 0 stands for the axis of what is reshaped, one -1 for what is left of its elements; together they are as
 * many. */
static void complete_shape(Lower *lw, Numbers *n)
{
    Builder *b = &lw->b;
    Inst *product = kb_i64(b, 1), *one = kb_i64(b, 1), *minus = kb_i64(b, -1), *zero = kb_i64(b, 0);
    Inst *total = kb_size(b, n->limits[0]);
    for (int k = 0; k < n->count; k++) {
        if (node_int(n->node, "zero")) {
            Inst *axis = kb_size(b, n->limits[n->count + k]),
                 *is_zero = kb_op(b, LI_EQ, n->at[k], zero);
            n->at[k] = kb_select(b, is_zero, axis, n->at[k]);
        }
        Inst *is_rest = kb_op(b, LI_EQ, n->at[k], minus);
        Inst *factor = kb_select(b, is_rest, one, n->at[k]);
        product = kb_mul(b, product, factor);
    }
    Inst *divisor = kb_op(b, LI_MAX, product, one), *whole = kb_i64(b, 1);
    Inst *rest = kb_op(b, LI_DIV, total, divisor);
    for (int k = 0; k < n->count; k++) {
        Inst *is_rest = kb_op(b, LI_EQ, n->at[k], minus);
        n->at[k] = kb_select(b, is_rest, rest, n->at[k]);
        whole = kb_mul(b, whole, n->at[k]);
    }
    fail_if(b, kb_op(b, LI_NE, whole, total));
}

static void check(Lower *lw, Numbers *n)
{
    Builder *b = &lw->b;
    const char *as = node_string(n->node, "as");
    if (!n->limits) return;
    if (!strcmp(as, "shape")) {
        complete_shape(lw, n);
        return;
    }
    for (int k = 0; k < n->count; k++) {
        if (!strcmp(as, "place")) {
            n->at[k] = place(b, n->at[k], n->limits[k]);
            continue;
        }
        Inst *most = kb_size(b, n->limits[k]);
        fail_if(b, kb_op(b, LI_GT, n->at[k], most));
    }
}

int lower_measure(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    Numbers n = {.node = node, .count = out->value_count};
    if (node_in(node, 1)) n.limits = tensor_values(lw->graph, node->in[1], NULL);
    lower_begin(lw, NULL);
    read_numbers(lw, &n);
    check(lw, &n);
    for (int k = 0; k < n.count; k++) {
        Inst *idx[MAX_RANK] = {0};
        if (out->values[k]->kind == SIZE_SYM) kb_setsym(&lw->b, out->values[k]->sym, n.at[k]);
        lower_unflatten(lw, kb_i64(&lw->b, k), out->rank, out->dims, idx);
        lower_store(lw, idx, kb_cast(&lw->b, lower_type(out->dtype), n.at[k]));
    }
    lower_end(lw);
    return 0;
}
