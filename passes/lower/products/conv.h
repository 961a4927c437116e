/* What the convolution rules share. */
#ifndef LPC_PASSES_LOWER_CONV_H
#define LPC_PASSES_LOWER_CONV_H

#include "passes/lower/products/matrix.h"

/* A convolution's attributes and operands; columns and depth are output and input channels of one
 * group. Spatial axis i is axis i + 2 of x and out. */
typedef struct Conv {
    Lower *lw;
    const Tensor *x, *w, *bias, *out; /* bias may be NULL */
    int rank;                         /* spatial axes */
    int64_t group, columns, depth, taps;
    int64_t kernel[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK], pad[MAX_RANK];
    int64_t pad_end[MAX_RANK];
} Conv;

void conv_read(Conv *c, Lower *lw, const Tensor *x, const Tensor *w, const Tensor *bias);
Axis conv_axis(const Conv *c, int i);
Pack conv_pack(const Conv *c, int64_t width, bool transposed, bool depthwise);
/* Operands and sizes of the product; axes and loops are left to the caller. */
void conv_product(const Conv *c, Product *p);
/* winograd.c: lowers a 3x3 convolution through Winograd where that is faster; false: nothing done. */
bool conv_winograd(const Conv *c);
/* A per-tensor or per-channel scale or zero point. */
void conv_parameter(Operand *o, const Tensor *tensor);

#endif
