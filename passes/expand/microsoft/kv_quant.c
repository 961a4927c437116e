/* Caches of keys and values as integers of 8 bits, or of 4, two in a byte: the even element in the low
 * bits, 8 added to each. value = integer * scale, with one scale or one for each channel. */
#include "passes/expand/microsoft/attend.h"

/* [.., depth] as [.., depth / 2, 2] */
static Tensor *pairs(Expand *x, Tensor *a)
{
    const Size *dims[5];
    for (int i = 0; i < 3; i++) dims[i] = x_dim(x, a, i);
    dims[3] = size_divi(x->g->sizes, x_dim(x, a, 3), 2);
    dims[4] = x_size(x, 2);
    return x_reshape(x, a, 5, dims);
}

static Tensor *pick(Expand *x, Tensor *a, int i)
{
    return x_squeeze(x, x_slice(x, a, 4, x_size(x, i), x_size(x, i + 1)), 4);
}

Tensor *kv_quantize(Expand *x, Tensor *fresh, const KvQuant *q)
{
    Tensor *scaled = x_div(x, x_cast(x, fresh, DT_F32), q->scale);
    double most = q->bits == 4 ? 7 : 127;
    Tensor *low = x_scalar(x, DT_F32, -most - 1), *high = x_scalar(x, DT_F32, most);
    Tensor *whole = x_op3(x, OP_CLIP, x_op1(x, OP_ROUND, scaled), low, high);
    if (q->bits == 8) return x_cast(x, whole, DT_I8);
    Tensor *both = pairs(x, x_cast(x, x_shift(x, whole, 8), DT_U8));
    Tensor *low_half = pick(x, both, 0), *high_half = pick(x, both, 1);
    return x_add(x, low_half, x_mul(x, high_half, x_scalar(x, DT_U8, 16)));
}

/* The elements of bytes, in their order. */
static Tensor *nibbles(Expand *x, Tensor *cache)
{
    Tensor *low = x_op2(x, OP_BITWISE_AND, cache, x_scalar(x, DT_U8, 15));
    x_string(x, "direction", "RIGHT");
    Tensor *high = x_op2(x, OP_BIT_SHIFT, cache, x_scalar(x, DT_U8, 4));
    low = x_unsqueeze(x, low, 4), high = x_unsqueeze(x, high, 4);
    Tensor *both[] = {low, high};
    Tensor *all = x_concat(x, 4, 2, both);
    const Size *dims[] = {x_dim(x, cache, 0), x_dim(x, cache, 1), x_dim(x, cache, 2),
                          size_muli(x->g->sizes, x_dim(x, cache, 3), 2)};
    return x_shift(x, x_cast(x, x_reshape(x, all, 4, dims), DT_F32), -8);
}

Tensor *kv_dequantize(Expand *x, Tensor *cache, const KvQuant *q, DType type)
{
    if (cache->dtype != (q->bits == 4 ? DT_U8 : DT_I8)) {
        x_fail(x, "a cache of %lld bits is %s, not %s", (long long)q->bits,
               dtype_name(q->bits == 4 ? DT_U8 : DT_I8), dtype_name(cache->dtype));
        return NULL;
    }
    Tensor *whole = q->bits == 4 ? nibbles(x, cache) : x_cast(x, cache, DT_F32);
    return x_cast(x, x_mul(x, whole, q->scale), type);
}
