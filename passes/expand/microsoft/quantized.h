/* What rules of quantised operators share: integers are written out as DequantizeLinear, the operator,
 * QuantizeLinear, and products as MatMulInteger with what follows it, so that the passes that fuse these
 * make the same kernels of every spelling. (quantized.c) */
#ifndef LPC_PASSES_EXPAND_MICROSOFT_QUANTIZED_H
#define LPC_PASSES_EXPAND_MICROSOFT_QUANTIZED_H

#include "passes/expand/build/build.h"

/* The node's attributes of these names, where it has them, become those of the next node. */
void xq_attrs(Expand *x, int count, const char *const *names);
bool xq_has(const Expand *x, const char *attr);

/* Input `in`, reported when it is absent. */
Tensor *xq_need(Expand *x, int in);
/* A scale of the whole tensor, in f32. */
Tensor *xq_scale(Expand *x, int in);
/* Input `in`, which must be one value, as a scalar; of the given type unless that is DT_NONE. NULL: absent. */
Tensor *xq_single(Expand *x, int in, DType type);
/* Input `in`, which must have 8 bits. */
Tensor *xq_bytes(Expand *x, int in);

/* scale * (t - zero); zero may be NULL. */
Tensor *xq_dequantize(Expand *x, Tensor *t, Tensor *scale, Tensor *zero);
/* t / scale + zero, saturated to `type`; zero NULL: 0. */
Tensor *xq_quantize(Expand *x, Tensor *t, Tensor *scale, Tensor *zero, DType type);

/* Input `in` (8 bits), its scale and its zero point, as real numbers. */
Tensor *xq_in(Expand *x, int in, int scale, int zero);
/* t with the scale and zero point of these inputs, in the type of `type`. */
Tensor *xq_out(Expand *x, Tensor *t, int scale, int zero, DType type);

/* Channels from the last axis to axis 1, and back, when `channels_last`. */
Tensor *xq_channels_first(Expand *x, Tensor *t, bool channels_last);
Tensor *xq_channels_last(Expand *x, Tensor *t, bool channels_last);

/* A product of integers as real numbers: a and b as MatMulInteger takes them, `scale` of both, and a bias;
 * zero points and the bias may be NULL. */
Tensor *xq_product(Expand *x, Tensor *a, Tensor *b, Tensor *a_zero, Tensor *b_zero, Tensor *scale,
                   Tensor *bias);

#endif
