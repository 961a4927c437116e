/* Gradients of losses by their scores. */
#include "passes/expand/build/gradient.h"

#include <string.h>

/* The classes, with class 0 for those that are ignored; and each one's weight, 0 for those. */
static Tensor *labels_and_weights(Backward *b, Tensor **weights)
{
    Expand *x = b->x;
    Tensor *labels = x_cast(x, b->n->in[1], DT_I64), *given = node_in(b->n, 2);
    DType type = b->g->dtype;
    Tensor *counts = NULL;
    if (node_attr(b->n, "ignore_index")) {
        Tensor *ignored = x_scalar(x, DT_I64, (double)node_int(b->n, "ignore_index"));
        counts = x_op1(x, OP_NOT, x_op2(x, OP_EQUAL, labels, ignored));
        labels = x_op3(x, OP_WHERE, counts, labels, x_scalar(x, DT_I64, 0));
    }
    *weights = x_scalar(x, type, 1);
    if (given) *weights = x_gather(x, given, labels, 0);
    if (counts) *weights = x_mul(x, *weights, x_cast(x, counts, type));
    return labels;
}

/* What each label's part of the loss has to do with the loss, times g: [N, 1, d...]. */
static Tensor *shares(Backward *b, const Tensor *labels, Tensor *weights)
{
    Expand *x = b->x;
    Tensor *part = x_mul(x, b->g, weights);
    if (!x_ok(x)) return NULL;
    weights = x_expand(x, weights, labels->rank, labels->dims);
    if (!strcmp(node_string(b->n, "reduction"), "mean")) {
        int64_t axes[MAX_RANK];
        for (int i = 0; i < labels->rank; i++) axes[i] = i;
        Tensor *all = x_reduce_many(x, OP_REDUCE_SUM, weights, labels->rank, axes, false);
        part = x_div(x, part, all);
    }
    if (!x_ok(x)) return NULL;
    return x_unsqueeze(x, x_expand(x, part, labels->rank, labels->dims), 1);
}

/* 1 at each label's class. */
static Tensor *one_hot(Backward *b, Tensor *labels)
{
    Expand *x = b->x;
    Tensor *numbers[2];
    for (int i = 0; i < 2; i++) numbers[i] = x_unsqueeze(x, x_scalar(x, b->g->dtype, i), 0);
    Tensor *off_on = x_concat(x, 0, 2, numbers);
    const Size *classes = x_dim(x, b->n->in[0], 1);
    Tensor *depth = x_size_scalar(x, classes);
    x_int(x, "axis", 1);
    return x_op3(x, OP_ONE_HOT, labels, depth, off_on);
}

/* - one_hot, a share each */
int gradient_nll_loss(Backward *b)
{
    Tensor *weights, *labels = labels_and_weights(b, &weights);
    if (!x_ok(b->x)) return b->x->code;
    Tensor *share = shares(b, labels, weights);
    b->to[0] = x_op1(b->x, OP_NEG, x_mul(b->x, one_hot(b, labels), share));
    return 0;
}

/* Softmax(scores) - one_hot, a share each */
int gradient_sce_loss(Backward *b)
{
    Tensor *weights, *labels = labels_and_weights(b, &weights);
    if (!x_ok(b->x)) return b->x->code;
    Tensor *share = shares(b, labels, weights);
    Tensor *p = x_softmax(b->x, b->n->in[0], 1);
    b->to[0] = x_mul(b->x, x_sub(b->x, p, one_hot(b, labels)), share);
    return 0;
}
