/* Resampling of one axis: which input elements make an output element, and with what weights. */
#ifndef LPC_PASSES_LOWER_RESIZE_H
#define LPC_PASSES_LOWER_RESIZE_H

#include "passes/lower/frame/lower.h"

typedef enum ResizeKind {
    RESIZE_SAME,   /* index x */
    RESIZE_REPEAT, /* index x / factor */
    RESIZE_STRIDE, /* index x * factor + first */
    RESIZE_TABLE,  /* tables made at compile time: sizes are constant */
    RESIZE_FORMULA /* computed at run time: sizes are symbolic */
} ResizeKind;

typedef struct ResizeAxis {
    ResizeKind kind;
    int64_t factor, first;
    const Size *in, *out;
    double scale; /* output per input; 0: out / in at run time */
    double roi_begin, roi_end;
    int taps;
    int64_t *index;   /* TABLE: [out][taps], within the input */
    double *weight;   /* TABLE: [out][taps] */
    uint8_t *outside; /* TABLE: [out], extrapolated; NULL: none */
} ResizeAxis;

typedef struct Resize {
    const Node *node;
    const char *mode, *coordinates, *nearest;
    bool nearest_mode, cubic, antialias, exclude_outside, crop;
    double cubic_a, extrapolation;
    ResizeAxis axis[MAX_RANK];
} Resize;

/* What node (a Resize) does; LPC_ERROR after a report when it cannot be compiled. */
int resize_read(Lower *lw, const Node *node, Resize *r);
/* How coordinates of the axis become whole: the node's nearest_mode, or what that says here. */
const char *resize_nearest(const Resize *r, const ResizeAxis *a);

#endif
