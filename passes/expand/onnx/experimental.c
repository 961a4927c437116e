/* Operators that were experimental in ai.onnx before opset 10. ONNX Runtime still has them, and old models
 * of converters still use them. */
#include "passes/expand/build/build.h"

static int by_name(Expand *x, const char *activation)
{
    double parameters[] = {node_float(x->n, "alpha"), node_float(x->n, "beta")};
    x_result(x, 0, x_activation(x, x_in(x, 0), activation, 2, parameters));
    return 0;
}

/* alpha * x + beta */
int expand_affine(Expand *x)
{
    return by_name(x, "Affine");
}

/* alpha * log(1 + exp(beta * x)) */
int expand_parametric_softplus(Expand *x)
{
    return by_name(x, "ParametricSoftplus");
}

/* alpha * tanh(beta * x) */
int expand_scaled_tanh(Expand *x)
{
    return by_name(x, "ScaledTanh");
}

int expand_scale(Expand *x)
{
    x_result(x, 0, x_scale(x, x_in(x, 0), node_float(x->n, "scale")));
    return 0;
}

/* x * scale + bias[channel] */
int expand_image_scaler(Expand *x)
{
    const Attr *bias = node_attr(x->n, "bias");
    TRY(x_need_rank(x, 0, 4));
    Tensor *y = x_scale(x, x_in(x, 0), node_float(x->n, "scale"));
    if (!bias) {
        x_result(x, 0, y);
        return 0;
    }
    const Size *channels = x_dim(x, y, 1);
    if (size_is_const(channels) && channels->value != bias->count)
        return x_fail(x, "bias: expected %lld values, got %d", (long long)channels->value,
                      bias->count);
    float *values = arena_array(x->g->arena, (size_t)bias->count + 1, sizeof *values);
    for (int i = 0; i < bias->count; i++) values[i] = (float)bias->floats[i];
    Tensor *column = x_constant(x, DT_F32, 3, (int64_t[]){bias->count, 1, 1}, values);
    x_result(x, 0, x_add(x, y, x_cast(x, column, x_in(x, 0)->dtype)));
    return 0;
}

/* border: what goes left, above, right, below; scale: height and width of what stays, instead of the last
 * two. */
int expand_crop(Expand *x)
{
    const int64_t *border, *scale;
    int count = node_ints(x->n, "border", &border), sides = node_ints(x->n, "scale", &scale);
    SizeTable *t = x->g->sizes;
    TRY(x_need_rank(x, 0, 4));
    if (count != 4 || (sides && sides != 2))
        return x_fail(x, "expected 4 values of border and none or 2 of scale");
    for (int i = 0; i < count; i++)
        if (border[i] < 0) return x_fail(x, "border: must not be negative");
    Tensor *y = x_in(x, 0);
    for (int i = 0; i < 2; i++) {
        int64_t first = border[1 - i];
        const Size *all = x_dim(x, y, 2 + i);
        const Size *end = sides ? x_size(x, first + scale[i]) : size_addi(t, all, -border[3 - i]);
        if (size_is_const(all) && size_is_const(end) &&
            (end->value > all->value || end->value < first))
            return x_fail(x, "border, scale: more than the image has");
        y = x_slice(x, y, 2 + i, x_size(x, first), end);
    }
    x_result(x, 0, y);
    return 0;
}

int expand_dynamic_slice(Expand *x)
{
    Tensor *in[] = {x_in(x, 0), x_in(x, 1), x_in(x, 2), x_in(x, 3)};
    x_result(x, 0, x_op(x, OP_SLICE, 4, in));
    return 0;
}
