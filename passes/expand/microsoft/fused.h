/* What rules of fused operators share. */
#ifndef LPC_PASSES_EXPAND_FUSED_H
#define LPC_PASSES_EXPAND_FUSED_H

#include "passes/expand/build/build.h"

/* The attributes activation and activation_params. */
Tensor *fused_activation(Expand *x, Tensor *a);
/* Attributes of the node for the one that is made next: a list; those of a window. */
void fused_copy_ints(Expand *x, const char *name);
void fused_window(Expand *x);
/* The convolution with the bias and the term of inputs 2 and 3. */
Tensor *fused_conv(Expand *x, Tensor *a, Tensor *weights);

#endif
