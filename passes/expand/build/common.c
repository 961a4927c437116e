/* Expressions that many rules write. */
#include "passes/expand/build/build.h"

#include <string.h>

/* ---- Arithmetic ---- */

Tensor *x_add(Expand *x, Tensor *a, Tensor *b)
{
    return x_op2(x, OP_ADD, a, b);
}

Tensor *x_sub(Expand *x, Tensor *a, Tensor *b)
{
    return x_op2(x, OP_SUB, a, b);
}

Tensor *x_mul(Expand *x, Tensor *a, Tensor *b)
{
    return x_op2(x, OP_MUL, a, b);
}

Tensor *x_div(Expand *x, Tensor *a, Tensor *b)
{
    return x_op2(x, OP_DIV, a, b);
}

Tensor *x_scale(Expand *x, Tensor *a, double factor)
{
    return x_mul(x, a, x_like(x, a, factor));
}

Tensor *x_shift(Expand *x, Tensor *a, double term)
{
    return x_add(x, a, x_like(x, a, term));
}

Tensor *x_cast(Expand *x, Tensor *a, DType type)
{
    if (!x_ok(x) || a->dtype == type) return a;
    x_int(x, "to", dtype_to_onnx(type));
    return x_op1(x, OP_CAST, a);
}

Tensor *x_matmul(Expand *x, Tensor *a, Tensor *b)
{
    return x_op2(x, OP_MAT_MUL, a, b);
}

/* ---- Shapes ---- */

static int from_front(const Expand *x, const Tensor *a, int axis)
{
    return axis < 0 ? axis + x_rank(x, a) : axis;
}

Tensor *x_reshape(Expand *x, Tensor *a, int rank, const Size *const *dims)
{
    x_int(x, "allowzero", 1); /* sizes are what they are, 0 too */
    return x_op2(x, OP_RESHAPE, a, x_sizes(x, rank, dims));
}

Tensor *x_transpose(Expand *x, Tensor *a, const int *order)
{
    int64_t perm[MAX_RANK];
    int rank = x_rank(x, a);
    for (int i = 0; i < rank; i++) perm[i] = order[i];
    x_ints(x, "perm", rank, perm);
    return x_op1(x, OP_TRANSPOSE, a);
}

Tensor *x_swap(Expand *x, Tensor *a, int one, int other)
{
    int order[MAX_RANK];
    one = from_front(x, a, one);
    other = from_front(x, a, other);
    for (int i = 0; i < MAX_RANK; i++) order[i] = i == one ? other : i == other ? one : i;
    return x_transpose(x, a, order);
}

Tensor *x_expand(Expand *x, Tensor *a, int rank, const Size *const *dims)
{
    return x_op2(x, OP_EXPAND, a, x_sizes(x, rank, dims));
}

Tensor *x_unsqueeze(Expand *x, Tensor *a, int axis)
{
    int64_t at = axis < 0 ? axis + x_rank(x, a) + 1 : axis;
    return x_op2(x, OP_UNSQUEEZE, a, x_i64(x, 1, &at));
}

Tensor *x_squeeze(Expand *x, Tensor *a, int axis)
{
    int64_t at = from_front(x, a, axis);
    return x_op2(x, OP_SQUEEZE, a, x_i64(x, 1, &at));
}

Tensor *x_slice(Expand *x, Tensor *a, int axis, const Size *begin, const Size *end)
{
    int64_t at = from_front(x, a, axis);
    Tensor *from = x_sizes(x, 1, &begin);
    Tensor *to = x_sizes(x, 1, &end);
    Tensor *in[] = {a, from, to, x_i64(x, 1, &at)};
    return x_op(x, OP_SLICE, 4, in);
}

Tensor *x_concat(Expand *x, int axis, int count, Tensor *const *parts)
{
    if (count == 1) return parts[0];
    x_int(x, "axis", axis);
    return x_op(x, OP_CONCAT, count, parts);
}

void x_split(Expand *x, Tensor *a, int axis, int count, Tensor **parts)
{
    for (int i = 0; i < count; i++) parts[i] = NULL;
    x_int(x, "axis", axis);
    x_int(x, "num_outputs", count);
    x_op_many(x, OP_SPLIT, 1, &a, count, parts);
}

Tensor *x_gather(Expand *x, Tensor *a, Tensor *indices, int axis)
{
    x_int(x, "axis", axis);
    return x_op2(x, OP_GATHER, a, indices);
}

/* ---- Reductions ---- */

Tensor *x_reduce_many(Expand *x, OpCode op, Tensor *a, int count, const int64_t *axes, bool keep)
{
    x_int(x, "keepdims", keep);
    return x_op2(x, op, a, x_i64(x, count, axes));
}

Tensor *x_reduce(Expand *x, OpCode op, Tensor *a, int axis)
{
    int64_t at = from_front(x, a, axis);
    return x_reduce_many(x, op, a, 1, &at, true);
}

Tensor *x_softmax(Expand *x, Tensor *a, int axis)
{
    x_int(x, "axis", axis);
    return x_op1(x, OP_SOFTMAX, a);
}

Tensor *x_size_scalar(Expand *x, const Size *size)
{
    return x_reshape(x, x_sizes(x, 1, &size), 0, NULL);
}

Tensor *x_range(Expand *x, DType type, const Size *count)
{
    Tensor *zero = x_scalar(x, DT_I64, 0);
    Tensor *one = x_scalar(x, DT_I64, 1);
    Tensor *end = x_size_scalar(x, count);
    return x_cast(x, x_op3(x, OP_RANGE, zero, end, one), type);
}

/* ---- Activations ---- */

typedef struct Activation {
    const char *name;
    OpCode op;
    const char *first, *second; /* attributes of its parameters; NULL: none */
} Activation;

/* Those that are no single operator, or have one with other parameters; NULL: `name` is none of them. */
static Tensor *composed_activation(Expand *x, Tensor *a, const char *name, int count,
                                   const double *parameters)
{
    double alpha = count > 0 ? parameters[0] : 1, beta = count > 1 ? parameters[1] : 1;
    if (!strcmp(name, "Clip") && count == 2) {
        Tensor *low = x_like(x, a, alpha);
        return x_op3(x, OP_CLIP, a, low, x_like(x, a, beta));
    }
    if (!strcmp(name, "Gelu") || !strcmp(name, "FastGelu")) { /* a parameter: 1 for the tanh form */
        bool tanh = count > 0 ? alpha != 0 : !strcmp(name, "FastGelu");
        x_string(x, "approximate", tanh ? "tanh" : "none");
        return x_op1(x, OP_GELU, a);
    }
    if (!strcmp(name, "Affine")) return x_shift(x, x_scale(x, a, alpha), count > 1 ? beta : 0);
    if (!strcmp(name, "ScaledTanh"))
        return x_scale(x, x_op1(x, OP_TANH, x_scale(x, a, beta)), alpha);
    if (!strcmp(name, "ParametricSoftplus"))
        return x_scale(x, x_op1(x, OP_SOFTPLUS, x_scale(x, a, beta)), alpha);
    return NULL;
}

Tensor *x_activation(Expand *x, Tensor *a, const char *name, int count, const double *parameters)
{
    static const Activation known[] = {
        {"Relu", OP_RELU, NULL, NULL},
        {"Tanh", OP_TANH, NULL, NULL},
        {"Sigmoid", OP_SIGMOID, NULL, NULL},
        {"Softplus", OP_SOFTPLUS, NULL, NULL},
        {"Softsign", OP_SOFTSIGN, NULL, NULL},
        {"LeakyRelu", OP_LEAKY_RELU, "alpha", NULL},
        {"Elu", OP_ELU, "alpha", NULL},
        {"ThresholdedRelu", OP_THRESHOLDED_RELU, "alpha", NULL},
        {"HardSigmoid", OP_HARD_SIGMOID, "alpha", "beta"},
        {"Selu", OP_SELU, "alpha", "gamma"},
        {"Celu", OP_CELU, "alpha", NULL},
        {"HardSwish", OP_HARD_SWISH, NULL, NULL},
        {"Mish", OP_MISH, NULL, NULL},
        {"Erf", OP_ERF, NULL, NULL},
        {"Swish", OP_SWISH, "alpha", NULL},
        {"QuickGelu", OP_SWISH, "alpha", NULL},
    };
    if (!*name) return a;
    Tensor *result = composed_activation(x, a, name, count, parameters);
    if (result || !x_ok(x)) return result;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        if (known[i].first && count > 0) x_float(x, known[i].first, parameters[0]);
        if (known[i].second && count > 1) x_float(x, known[i].second, parameters[1]);
        return x_op1(x, known[i].op, a);
    }
    x_fail(x, "activation '%s' is not supported", name);
    return NULL;
}
