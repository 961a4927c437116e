/* Normalisations: moments of the reduced axes in two passes, then every element. All compute in the
 * accumulator's type (f32, or f64 for f64). */
#include "passes/lower/reductions/reduction.h"

enum { FLOPS = 8 /* per element */ };

static void norm_open(Reduction *r, Lower *lw, const Node *node, const bool *reduced)
{
    const Tensor *x = node->in[0];
    lower_begin(lw, NULL);
    reduction_init(r, lw, x, reduced);
}

static int norm_close(Reduction *r)
{
    reduction_close(r);
    lower_end(r->lw);
    return 0;
}

static Inst *mean_of(Reduction *r)
{
    Builder *b = &r->lw->b;
    DType type = lower_type(r->x->dtype);
    Cell *sum = reduction_cell(r, "sum", LI_ADD, kb_float(b, type, 0));
    reduction_each(r, true);
    cell_update(r->lw, sum, LI_ADD, reduction_load(r));
    reduction_each_end(r);
    Inst *count = reduction_count(r, type, 0);
    return kb_op(b, LI_DIV, kb_get(b, sum), count);
}

/* The mean of (x - mean)^2; mean may be NULL for 0. */
static Inst *variance_of(Reduction *r, Inst *mean)
{
    Builder *b = &r->lw->b;
    DType type = lower_type(r->x->dtype);
    Cell *sum = reduction_cell(r, "squares", LI_ADD, kb_float(b, type, 0));
    reduction_each(r, true);
    Inst *x = reduction_load(r);
    if (mean) x = kb_sub(b, x, mean);
    kb_set(b, sum, lower_fma(r->lw, x, x, kb_get(b, sum)));
    reduction_each_end(r);
    Inst *count = reduction_count(r, type, 0);
    return kb_op(b, LI_DIV, kb_get(b, sum), count);
}

/* 1 / sqrt(variance + epsilon). */
static Inst *inverse_deviation(Lower *lw, const Node *node, Inst *variance)
{
    Builder *b = &lw->b;
    DType type = variance->type.dtype;
    Inst *sum = kb_add(b, variance, kb_float(b, type, node_float(node, "epsilon")));
    return kb_op(b, LI_DIV, kb_float(b, type, 1), kb_op1(b, LI_SQRT, sum));
}

/* A parameter, as the type of `like`. */
static Inst *parameter(Lower *lw, const Tensor *tensor, int rank, Inst *const *idx, Inst *like)
{
    return kb_cast(&lw->b, like->type.dtype, lower_load_broadcast(lw, tensor, rank, idx));
}

/* Over the axes from the node's own on. */
static void norm_open_axes(Reduction *r, Lower *lw, const Node *node)
{
    bool reduced[MAX_RANK] = {false};
    int rank = node->in[0]->rank;
    int64_t axis = node_int(node, "axis");
    for (int64_t i = axis < 0 ? axis + rank : axis; i < rank; i++) reduced[i] = true;
    norm_open(r, lw, node, reduced);
    reduction_open(r, FLOPS);
}

int lower_layer_norm(Lower *lw, Node *node)
{
    Reduction r;
    Builder *b = &lw->b;
    norm_open_axes(&r, lw, node);
    Inst *mean = mean_of(&r);
    Inst *scale = inverse_deviation(lw, node, variance_of(&r, mean));
    if (node_has_output(node, 1)) lower_store_to(lw, node->out[1], r.idx, mean);
    if (node_has_output(node, 2)) lower_store_to(lw, node->out[2], r.idx, scale);
    reduction_each(&r, true);
    Inst *x = kb_mul(b, kb_sub(b, reduction_load(&r), mean), scale);
    Inst *gamma = parameter(lw, node->in[1], r.x->rank, r.idx, x);
    if (node_in(node, 2))
        x = lower_fma(lw, x, gamma, parameter(lw, node->in[2], r.x->rank, r.idx, x));
    else
        x = kb_mul(b, x, gamma);
    lower_store(lw, r.idx, x);
    reduction_each_end(&r);
    return norm_close(&r);
}

int lower_rms_norm(Lower *lw, Node *node)
{
    Reduction r;
    Builder *b = &lw->b;
    norm_open_axes(&r, lw, node);
    Inst *scale = inverse_deviation(lw, node, variance_of(&r, NULL));
    reduction_each(&r, true);
    Inst *x = kb_mul(b, reduction_load(&r), scale);
    lower_store(lw, r.idx, kb_mul(b, x, parameter(lw, node->in[1], r.x->rank, r.idx, x)));
    reduction_each_end(&r);
    return norm_close(&r);
}

/* Normalises what is open, with scale[c] and bias[c] of inputs 1 and 2, whatever the rank of x. */
static int norm_channels(Reduction *r, Node *node)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    reduction_open(r, FLOPS);
    Inst *mean = mean_of(r);
    Inst *deviation = inverse_deviation(lw, node, variance_of(r, mean));
    reduction_each(r, true);
    Inst *x = kb_mul(b, kb_sub(b, reduction_load(r), mean), deviation);
    Inst *scale = parameter(lw, node->in[1], 1, &r->idx[1], x);
    Inst *bias = parameter(lw, node->in[2], 1, &r->idx[1], x);
    lower_store(lw, r->idx, lower_fma(lw, x, scale, bias));
    reduction_each_end(r);
    return norm_close(r);
}

int lower_instance_norm(Lower *lw, Node *node)
{
    Reduction r;
    bool reduced[MAX_RANK] = {false};
    for (int i = 2; i < node->in[0]->rank; i++) reduced[i] = true;
    norm_open(&r, lw, node, reduced);
    return norm_channels(&r, node);
}

/* Axis 1 is [groups, channels of a group]: the second is reduced. */
int lower_group_norm(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    Reduction r;
    bool reduced[MAX_RANK] = {false};
    int64_t groups = node_int(node, "num_groups");
    if (groups < 1 || (size_is_const(x->dims[1]) && x->dims[1]->value % groups))
        return diag_node(lw->diag, &node->origin, "num_groups: %lld does not divide the channels",
                         (long long)groups);
    for (int i = 1; i < x->rank; i++) reduced[i] = true;
    norm_open(&r, lw, node, reduced);
    r.split = 1;
    r.groups = groups;
    return norm_channels(&r, node);
}

int lower_lp_norm(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    Reduction r;
    Builder *b = &lw->b;
    bool reduced[MAX_RANK] = {false};
    int64_t axis = node_int(node, "axis"), p = node_int(node, "p");
    if (p != 1 && p != 2)
        return diag_node(lw->diag, &node->origin, "p: expected 1 or 2, got %lld", (long long)p);
    reduced[axis < 0 ? axis + x->rank : axis] = true;
    norm_open(&r, lw, node, reduced);
    reduction_open(&r, FLOPS);
    DType type = lower_type(x->dtype);
    Cell *sum = reduction_cell(&r, "sum", LI_ADD, kb_float(b, type, 0));
    reduction_each(&r, true);
    Inst *value = reduction_load(&r), *old = kb_get(b, sum);
    kb_set(b, sum,
           p == 1 ? kb_add(b, old, kb_op1(b, LI_ABS, value)) : lower_fma(lw, value, value, old));
    reduction_each_end(&r);
    Inst *norm = p == 1 ? kb_get(b, sum) : kb_op1(b, LI_SQRT, kb_get(b, sum));
    Inst *zero = kb_float(b, type, 0);
    norm = kb_select(b, kb_op(b, LI_EQ, norm, zero), kb_float(b, type, 1), norm);
    reduction_each(&r, true);
    lower_store(lw, r.idx, kb_op(b, LI_DIV, reduction_load(&r), norm));
    reduction_each_end(&r);
    return norm_close(&r);
}

/* (x - mean) / (deviation + 1e-9), as the operator's function body has it. */
int lower_mvn(Lower *lw, Node *node)
{
    static const int64_t usual[] = {0, 2, 3};
    const Tensor *x = node->in[0];
    Reduction r;
    Builder *b = &lw->b;
    bool reduced[MAX_RANK] = {false};
    const int64_t *axes = NULL;
    int count = node_ints(node, "axes", &axes);
    if (count == 0) {
        axes = usual;
        count = 3;
    }
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + x->rank : axes[i];
        if (axis < 0 || axis >= x->rank)
            return diag_node(lw->diag, &node->origin, "axes: %lld is out of range",
                             (long long)axes[i]);
        reduced[axis] = true;
    }
    norm_open(&r, lw, node, reduced);
    reduction_open(&r, FLOPS);
    DType type = lower_type(x->dtype);
    Inst *mean = mean_of(&r);
    Inst *deviation = kb_op1(b, LI_SQRT, variance_of(&r, mean));
    deviation = kb_add(b, deviation, kb_float(b, type, 1e-9));
    reduction_each(&r, true);
    lower_store(lw, r.idx, kb_op(b, LI_DIV, kb_sub(b, reduction_load(&r), mean), deviation));
    reduction_each_end(&r);
    return norm_close(&r);
}
