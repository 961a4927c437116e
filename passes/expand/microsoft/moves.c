/* Operators of com.microsoft that move elements. */
#include "passes/expand/build/build.h"

#include <string.h>

int expand_ms_sample_op(Expand *x)
{
    x_result(x, 0, x_in(x, 0));
    return 0;
}

/* The integers of an input that says where to and how far; reports when they are not known. */
static int known_ints(Expand *x, int in, const char *what, int *count, const int64_t **values)
{
    if (tensor_known_ints(x->g->arena, x_in(x, in), count, values)) return 0;
    return x_fail(x, "%s: must be known at compile time, bind it with --bind-input", what);
}

int expand_ms_expand_dims(Expand *x)
{
    const int64_t *axis;
    int count, rank = x_in(x, 0)->rank;
    TRY(known_ints(x, 1, "axis", &count, &axis));
    if (count != 1 || axis[0] < -rank - 1 || axis[0] > rank)
        return x_fail(x, "axis: expected one in [%d, %d]", -rank - 1, rank);
    x_result(x, 0, x_unsqueeze(x, x_in(x, 0), (int)axis[0]));
    return 0;
}

/* A list of one element as that element; one that is there already stays. */
static Tensor *as_scalar(Expand *x, Tensor *a)
{
    return a && a->rank == 1 ? x_reshape(x, a, 0, NULL) : a;
}

/* Pads may be a matrix of one row. */
int expand_ms_pad(Expand *x)
{
    const int64_t *pads;
    int count;
    TRY(known_ints(x, 1, "pads", &count, &pads));
    Tensor *value = as_scalar(x, x_in(x, 2)), *list = x_i64(x, count, pads);
    x_string(x, "mode", node_string(x->n, "mode"));
    x_result(x, 0, x_op3(x, OP_PAD, x_in(x, 0), list, value));
    return 0;
}

int expand_ms_trilu(Expand *x)
{
    x_int(x, "upper", node_int(x->n, "upper"));
    x_result(x, 0, x_op2(x, OP_TRILU, x_in(x, 0), x_in(x, 1)));
    return 0;
}

int expand_ms_gather_nd(Expand *x)
{
    x_result(x, 0, x_op2(x, OP_GATHER_ND, x_in(x, 0), x_in(x, 1)));
    return 0;
}

int expand_ms_range(Expand *x)
{
    Tensor *start = x_in(x, 0), *step = x_in(x, 2);
    if (!step) step = x_like(x, start, 1);
    x_result(x, 0, x_op3(x, OP_RANGE, start, x_in(x, 1), step));
    return 0;
}

int expand_ms_torch_embedding(Expand *x)
{
    x_result(x, 0, x_gather(x, x_in(x, 0), x_in(x, 1), 0));
    return 0;
}

/* Windows of an axis, `step` apart: element [.., i, .., k] is x[.., i * step + k, ..]. */
int expand_ms_unfold_tensor(Expand *x)
{
    Tensor *a = x_in(x, 0);
    int64_t dim = node_int(x->n, "dim"), size = node_int(x->n, "size");
    int64_t step = node_int(x->n, "step");
    if (dim < -a->rank || dim >= a->rank)
        return x_fail(x, "dim: %lld is out of range for %d dimensions", (long long)dim, a->rank);
    if (size < 1 || step < 1) return x_fail(x, "size, step: must be positive");
    int axis = (int)(dim < 0 ? dim + a->rank : dim), order[MAX_RANK];
    const Size *length = a->dims[axis];
    if (size_is_const(length) && length->value < size)
        return x_fail(x, "size: %lld is more than the axis has, %lld", (long long)size,
                      (long long)length->value);
    if (a->rank == MAX_RANK) return x_fail(x, "more than %d dimensions", MAX_RANK);
    SizeTable *t = x->g->sizes;
    const Size *windows = size_addi(t, size_divi(t, size_addi(t, length, -size), step), 1);
    if (size_lower(t, windows) < 0) windows = size_max(t, windows, x_size(x, 0));
    Tensor *starts = x_scale(x, x_range(x, DT_I64, windows), (double)step);
    Tensor *within = x_range(x, DT_I64, x_size(x, size));
    Tensor *at = x_add(x, x_unsqueeze(x, starts, 1), within);
    for (int i = 0; i < a->rank; i++) order[i] = i <= axis ? i : i + 1;
    order[a->rank] = axis + 1;
    x_result(x, 0, x_transpose(x, x_gather(x, a, at, axis), order));
    return 0;
}

/* The names of modes are those of opset 16. */
int expand_ms_grid_sample(Expand *x)
{
    const char *mode = node_string(x->n, "mode"), *pads = node_string(x->n, "padding_mode");
    TRY(x_need_rank(x, 0, 4));
    if (*mode && strcmp(mode, "bilinear") && strcmp(mode, "bicubic") && strcmp(mode, "nearest"))
        return x_fail(x, "mode '%s' is unknown", mode);
    if (strcmp(pads, "zeros") && strcmp(pads, "border") && strcmp(pads, "reflection"))
        return x_fail(x, "padding_mode '%s' is unknown", pads);
    x_string(x, "mode",
             !*mode || !strcmp(mode, "bilinear") ? "linear"
             : !strcmp(mode, "bicubic")          ? "cubic"
                                                 : mode);
    x_string(x, "padding_mode", pads);
    x_int(x, "align_corners", node_int(x->n, "align_corners"));
    x_result(x, 0, x_op2(x, OP_GRID_SAMPLE, x_in(x, 0), x_in(x, 1)));
    return 0;
}
