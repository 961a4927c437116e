/* Comparing what a model gave with what it should have given. */
#ifndef LPC_LIB_CHECK_COMPARE_H
#define LPC_LIB_CHECK_COMPARE_H

#include "lib/files/tensor_io.h"

typedef struct Tolerance {
    double rtol, atol; /* of floats: |got - want| <= atol + rtol * |want| */
    double steps;      /* of integers */
} Tolerance;

typedef struct Difference {
    double largest_absolute, largest_relative;
    int64_t wrong, elements,
        worst;               /* elements outside the tolerance, all, index of the worst one */
    const char *shape_error; /* NULL, or why nothing was compared; the first string that differs */
} Difference;

/* True when got matches want within the tolerance. NaN matches NaN, infinities their equals. */
bool compare_tensors(const HostTensor *got, const HostTensor *want, const Tolerance *tolerance,
                     Arena *arena, Difference *difference);

#endif
