/* Gradients of operators that move elements, sum over axes, or multiply matrices. */
#include "passes/expand/build/gradient.h"

/* ---- Moves ---- */

int gradient_reshape(Backward *b)
{
    const Tensor *from = b->n->in[0];
    b->to[0] = x_reshape(b->x, b->g, from->rank, from->dims);
    return 0;
}

/* What was repeated is summed where the gradient is brought to the input's shape. */
int gradient_expand(Backward *b)
{
    b->to[0] = b->g;
    return 0;
}

int gradient_transpose(Backward *b)
{
    const int64_t *perm;
    int back[MAX_RANK], rank = b->n->in[0]->rank, given = node_ints(b->n, "perm", &perm);
    for (int i = 0; i < rank; i++) back[given ? (int)perm[i] : rank - 1 - i] = i;
    b->to[0] = x_transpose(b->x, b->g, back);
    return 0;
}

int gradient_concat(Backward *b)
{
    int axis = (int)node_int(b->n, "axis");
    const Size *at = x_size(b->x, 0);
    for (int i = 0; i < b->n->in_count; i++) {
        const Size *end = size_add(b->x->g->sizes, at, x_dim(b->x, b->n->in[i], axis));
        if (b_wants(b, i)) b->to[i] = x_slice(b->x, b->g, axis, at, end);
        at = end;
    }
    return 0;
}

/* Adds each row of g where it came from; rows of axis 0 alone. */
int gradient_gather(Backward *b)
{
    Expand *x = b->x;
    Tensor *from = b->n->in[0];
    if (node_int(b->n, "axis"))
        return x_fail(x, "y depends on xs through Gather along another axis than 0, which has no "
                         "derivative here");
    Tensor *zeros = x_expand(x, x_like(x, from, 0), from->rank, from->dims);
    Tensor *rows = x_unsqueeze(x, b->n->in[1], -1);
    x_string(x, "reduction", "add");
    b->to[0] = x_op3(x, OP_SCATTER_ND, zeros, rows, b->g);
    return 0;
}

/* ---- Reductions ---- */

/* The axes that are summed over, as bits; -1 after an error. */
static int reduced_axes(const Backward *b)
{
    const int64_t *axes;
    const Tensor *given = node_in(b->n, 1);
    int rank = b->n->in[0]->rank, count = 0, set = 0;
    if (given && !tensor_known_ints(b->x->g->arena, given, &count, &axes)) {
        x_fail(b->x, "axes of %s are not known at compile time", op_info(b->n->op)->name);
        return -1;
    }
    if (!count) return node_int(b->n, "noop_with_empty_axes") ? 0 : (1 << rank) - 1;
    for (int i = 0; i < count; i++) set |= 1 << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    return set;
}

/* g with the reduced axes as axes of size 1. */
int gradient_reduce_sum(Backward *b)
{
    const Tensor *from = b->n->in[0];
    const Size *dims[MAX_RANK];
    int set = reduced_axes(b);
    if (set < 0) return LPC_ERROR;
    for (int i = 0; i < from->rank; i++) dims[i] = set >> i & 1 ? x_size(b->x, 1) : from->dims[i];
    b->to[0] = x_reshape(b->x, b->g, from->rank, dims);
    return 0;
}

/* t over a number of elements, which may be known at run time only. */
static Tensor *share(const Backward *b, Tensor *t, const Size *count)
{
    Tensor *many = x_reshape(b->x, x_sizes(b->x, 1, &count), 0, NULL);
    return x_div(b->x, t, x_cast(b->x, many, b->g->dtype));
}

int gradient_reduce_mean(Backward *b)
{
    const Tensor *from = b->n->in[0];
    const Size *count = x_size(b->x, 1);
    TRY(gradient_reduce_sum(b));
    int set = reduced_axes(b);
    for (int i = 0; i < from->rank; i++)
        if (set >> i & 1) count = size_mul(b->x->g->sizes, count, from->dims[i]);
    b->to[0] = share(b, b->to[0], count);
    return 0;
}

/* To the elements that are the largest (smallest), in equal shares. */
int gradient_reduce_extreme(Backward *b)
{
    Expand *x = b->x;
    int64_t axes[MAX_RANK];
    int count = 0, set = reduced_axes(b), rank = b->n->in[0]->rank;
    TRY(gradient_reduce_sum(b));
    for (int i = 0; i < rank; i++)
        if (set >> i & 1) axes[count++] = i;
    Tensor *g = b->to[0];
    if (!x_ok(x)) return x->code;
    Tensor *peak = x_reshape(x, b->y, g->rank, g->dims);
    Tensor *is_peak = x_cast(x, x_op2(x, OP_EQUAL, b->n->in[0], peak), g->dtype);
    Tensor *many = x_reduce_many(x, OP_REDUCE_SUM, is_peak, count, axes, true);
    b->to[0] = x_mul(x, is_peak, x_div(x, g, many));
    return 0;
}

int gradient_global_average(Backward *b)
{
    const Tensor *from = b->n->in[0];
    const Size *count = x_size(b->x, 1);
    for (int i = 2; i < from->rank; i++) count = size_mul(b->x->g->sizes, count, from->dims[i]);
    b->to[0] = share(b, b->g, count);
    return 0;
}

/* y (g - sum of y g) */
int gradient_softmax(Backward *b)
{
    int axis = (int)node_int(b->n, "axis");
    Tensor *sum = x_reduce(b->x, OP_REDUCE_SUM, x_mul(b->x, b->g, b->y), axis);
    b->to[0] = x_mul(b->x, b->y, x_sub(b->x, b->g, sum));
    return 0;
}

/* g - exp(y) sum of g */
int gradient_log_softmax(Backward *b)
{
    int axis = (int)node_int(b->n, "axis");
    Tensor *sum = x_reduce(b->x, OP_REDUCE_SUM, b->g, axis);
    b->to[0] = x_sub(b->x, b->g, x_mul(b->x, x_op1(b->x, OP_EXP, b->y), sum));
    return 0;
}

/* ---- Products ---- */

/* A vector stands for a matrix of one row (left) or one column (right). */
static Tensor *as_matrix(Expand *x, Tensor *t, bool left)
{
    return x_rank(x, t) == 1 ? x_unsqueeze(x, t, left ? 0 : 1) : t;
}

/* g B^T and A^T g; batch axes that were broadcast are summed over after it. */
int gradient_matmul(Backward *b)
{
    Expand *x = b->x;
    Tensor *left = b->n->in[0], *right = b->n->in[1], *g = b->g;
    bool row = left->rank == 1, column = right->rank == 1;
    Tensor *a = as_matrix(x, left, true), *c = as_matrix(x, right, false);
    if (column) g = x_unsqueeze(x, g, -1);
    if (row) g = x_unsqueeze(x, g, -2);
    if (b_wants(b, 0)) {
        Tensor *to = x_matmul(x, g, x_swap(x, c, -1, -2));
        b->to[0] = row ? x_squeeze(x, to, -2) : to;
    }
    if (b_wants(b, 1)) {
        Tensor *to = x_matmul(x, x_swap(x, a, -1, -2), g);
        b->to[1] = column ? x_squeeze(x, to, -1) : to;
    }
    return 0;
}

static Tensor *turned(Expand *x, Tensor *t, bool turn)
{
    return turn ? x_swap(x, t, 0, 1) : t;
}

/* y = alpha A' B' + beta C, where A' and B' may be transposes. */
int gradient_gemm(Backward *b)
{
    Expand *x = b->x;
    bool turn_a = node_int(b->n, "transA"), turn_b = node_int(b->n, "transB");
    Tensor *g = x_scale(x, b->g, node_float(b->n, "alpha"));
    if (b_wants(b, 0)) {
        Tensor *to = x_matmul(x, g, turned(x, b->n->in[1], !turn_b));
        b->to[0] = turned(x, to, turn_a);
    }
    if (b_wants(b, 1)) {
        Tensor *to = x_matmul(x, turned(x, b->n->in[0], !turn_a), g);
        b->to[1] = turned(x, to, turn_b);
    }
    if (b_wants(b, 2)) b->to[2] = x_scale(x, b->g, node_float(b->n, "beta"));
    return 0;
}
