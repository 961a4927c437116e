/* Checks of inputs (column CHECKS of ir/ops.def) that determine no output size, but that kernels index
 * by sizes of others: a model that gets them wrong must be told, not read out of bounds. */
#include "passes/shape/shape.h"

#include <string.h>

int need_vector(Graph *g, Node *n, int in, const char *name, const Size *size)
{
    if (!node_in(n, in)) return 0;
    const Size *both;
    TRY(need_rank(g, n, in, 1));
    return dims_unify(g, n, name, n->in[in]->dims[0], size, &both);
}

int need_dims(Graph *g, Node *n, int in, const char *name, const Dims *want)
{
    if (!node_in(n, in)) return 0;
    const Size *both;
    TRY(need_rank(g, n, in, want->rank));
    for (int i = 0; i < want->rank; i++)
        TRY(dims_unify(g, n, name, n->in[in]->dims[i], want->at[i], &both));
    return 0;
}

int need_elements(Graph *g, Node *n, int in, const char *name, int64_t count)
{
    if (!node_in(n, in)) return 0;
    const Size *elements = tensor_elements(g->sizes, n->in[in]);
    if (size_is(elements, count)) return 0;
    return diag_node(g->diag, &n->origin, "%s: expected %lld elements, got %s", name,
                     (long long)count, size_text(g->sizes, elements));
}

int need_broadcast(Graph *g, Node *n, int in, const char *name, const Dims *into)
{
    if (!node_in(n, in)) return 0;
    const Tensor *x = n->in[in];
    int shift = into->rank - x->rank;
    for (int i = 0; i < x->rank; i++) {
        const Size *both, *own = x->dims[i];
        if (shift < 0 || (size_is_const(own) && !size_is(own, 1) && i + shift >= 0 &&
                          size_is(into->at[i + shift], 1)))
            return diag_node(g->diag, &n->origin, "%s: does not broadcast to %s", name,
                             dims_text(g, into));
        if (!size_is(own, 1)) TRY(dims_unify(g, n, name, own, into->at[i + shift], &both));
    }
    return 0;
}

/* One value, or one for each of `size` channels. */
int need_channels(Graph *g, Node *n, int in, const char *name, const Size *size)
{
    const Tensor *x = node_in(n, in);
    if (!x || size_is(tensor_elements(g->sizes, x), 1)) return 0;
    return need_vector(g, n, in, name, size);
}

int need_float(Graph *g, Node *n, int in)
{
    const Tensor *x = node_in(n, in);
    if (!x || dtype_is_float(x->dtype)) return 0;
    return diag_node(g->diag, &n->origin, "input %d: expected a floating type, got %s", in,
                     dtype_name(x->dtype));
}

/* What is moved only has no sums. */
static int check_reduction(Graph *g, const Node *n)
{
    const char *reduction = node_string(n, "reduction");
    if (!dtype_is_opaque(n->in[0]->dtype) || !strcmp(reduction, "none")) return 0;
    return diag_node(g->diag, &n->origin, "reduction '%s' of elements of %s is not supported",
                     reduction, dtype_name(n->in[0]->dtype));
}

/* data, indices, updates */
int check_scatter_elements(Graph *g, Node *n)
{
    TRY(check_reduction(g, n));
    Dims index = dims_of(n->in[1]);
    TRY(need_rank(g, n, 1, n->in[0]->rank));
    return need_dims(g, n, 2, "updates", &index);
}

/* cache, update, write_indices: the update is as wide as the cache, and there is an index for each batch */
int check_tensor_scatter(Graph *g, Node *n)
{
    Dims want = dims_of(n->in[0]);
    int axis = (int)node_int(n, "axis");
    TRY(need_rank(g, n, 1, want.rank));
    want.at[axis] = n->in[1]->dims[axis];
    TRY(need_dims(g, n, 1, "update", &want));
    return need_vector(g, n, 2, "write_indices", want.at[0]);
}

int check_scatter_nd(Graph *g, Node *n)
{
    const Tensor *x = n->in[0], *index = n->in[1];
    TRY(check_reduction(g, n));
    TRY(need_rank_min(g, n, 1, 1));
    const Size *last = index->dims[index->rank - 1];
    if (!size_is_const(last) || last->value < 0 || last->value > x->rank)
        return diag_node(g->diag, &n->origin, "indices: the last size, %s, must be in 0..%d",
                         size_text(g->sizes, last), x->rank);
    Dims want = {0};
    for (int i = 0; i < index->rank - 1; i++) dims_push(&want, index->dims[i]);
    for (int i = (int)last->value; i < x->rank; i++) dims_push(&want, x->dims[i]);
    return need_dims(g, n, 2, "updates", &want);
}

/* scale and bias of the axes from `axis` on */
int check_norm(Graph *g, Node *n)
{
    Dims all = dims_of(n->in[0]);
    TRY(need_float(g, n, 0));
    TRY(need_broadcast(g, n, 1, "scale", &all));
    return need_broadcast(g, n, 2, "bias", &all);
}

int check_channel_norm(Graph *g, Node *n)
{
    TRY(need_float(g, n, 0));
    TRY(need_rank_min(g, n, 0, 2));
    const Size *channels = n->in[0]->dims[1];
    TRY(need_vector(g, n, 1, "scale", channels));
    return need_vector(g, n, 2, "bias", channels);
}

int check_group_norm(Graph *g, Node *n)
{
    TRY(check_channel_norm(g, n));
    const Size *channels = n->in[0]->dims[1];
    int64_t groups = node_int(n, "num_groups");
    if (groups > 0 && (!size_is_const(channels) || channels->value % groups == 0)) return 0;
    return diag_node(g->diag, &n->origin, "num_groups: %lld does not divide %s channels",
                     (long long)groups, size_text(g->sizes, channels));
}

int check_reverse_sequence(Graph *g, Node *n)
{
    int batch, time;
    TRY(need_rank_min(g, n, 0, 2));
    TRY(shape_axis(g, n, "batch_axis", n->in[0]->rank, &batch));
    TRY(shape_axis(g, n, "time_axis", n->in[0]->rank, &time));
    return need_vector(g, n, 1, "sequence_lens", n->in[0]->dims[batch]);
}

int check_one_hot(Graph *g, Node *n)
{
    return need_elements(g, n, 2, "values", 2);
}

int check_cumulate(Graph *g, Node *n)
{
    return need_elements(g, n, 1, "axis", 1);
}

int check_trilu(Graph *g, Node *n)
{
    TRY(need_rank_min(g, n, 0, 2));
    return need_elements(g, n, 1, "k", 1);
}

int check_pad(Graph *g, Node *n)
{
    return need_elements(g, n, 2, "constant_value", 1);
}

/* x, its scale and zero point, the weights with theirs (one for each channel), the output's */
int check_qlinear(Graph *g, Node *n)
{
    static const int single[] = {1, 2, 6, 7};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        TRY(need_elements(g, n, single[i], "scales and zero points", 1));
    return 0;
}

int check_max_unpool(Graph *g, Node *n)
{
    Dims x = dims_of(n->in[0]);
    return need_dims(g, n, 1, "indices", &x);
}

int check_clip(Graph *g, Node *n)
{
    TRY(need_elements(g, n, 1, "min", 1));
    return need_elements(g, n, 2, "max", 1);
}
