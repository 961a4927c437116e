/* Attributes that became inputs in a later opset: they become constant inputs. */
#include "frontend/import.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The ints of an attribute as a constant, NULL when absent; the attribute goes. */
static int take_ints(Call *call, const char *name, Tensor **tensor)
{
    const Attr *attr = attr_find(call, name);
    *tensor = NULL;
    if (!attr) return LPC_OK;
    if (attr->kind != ATTR_INTS && attr->kind != ATTR_INT) {
        return call_fail(call, "%s: expected integers", name);
    }
    *tensor = call_i64(call, attr->count, attr->ints);
    attr_delete(call, name);
    return LPC_OK;
}

static int take_input(Call *call, const char *name, int i)
{
    Tensor *tensor;
    if (call->in_count > i) {
        return call_fail(call, "expected %d inputs at opset %lld, got %d", i,
                         (long long)call->opset, call->in_count);
    }
    TRY(take_ints(call, name, &tensor));
    if (tensor) call_set_in(call, i, tensor);
    return LPC_OK;
}

/* Squeeze, Unsqueeze, reductions: axes */
static int canon_axes(Call *call)
{
    return take_input(call, "axes", 1);
}

int canon_split(Call *call)
{
    return take_input(call, "split", 1);
}

static int canon_top_k(Call *call)
{
    return take_input(call, "k", 1);
}

static int canon_slice(Call *call)
{
    if (!attr_find(call, "starts") || !attr_find(call, "ends")) {
        return call_fail(call, "attribute 'starts' or 'ends' is missing");
    }
    TRY(take_input(call, "starts", 1));
    TRY(take_input(call, "ends", 2));
    return take_input(call, "axes", 3);
}

/* Input i becomes a float of an attribute, in the type of input 0. */
static int set_like_input(Call *call, int i, double value)
{
    DType dtype = scope_dtype(call->scope, call->proto->input[0]);
    if (dtype_is_string(dtype)) return call_fail(call, "expected numbers, got strings");
    Tensor *scalar = call_scalar(call, dtype == DT_NONE ? DT_F32 : dtype, value);
    if (dtype == DT_NONE) scalar = call_make(call, OP_CAST_LIKE, scalar, call->in[0], NULL);
    call_set_in(call, i, scalar);
    return LPC_OK;
}

int canon_pad(Call *call)
{
    double value = attr_float(call, "value", 0);
    if (!call_in(call, 0)) return call_fail(call, "expected 1 input");
    TRY(take_input(call, "pads", 1));
    attr_delete(call, "value");
    return value != 0 ? set_like_input(call, 2, value) : LPC_OK;
}

static int canon_clip(Call *call)
{
    double min = attr_float(call, "min", -(double)FLT_MAX);
    double max = attr_float(call, "max", (double)FLT_MAX);
    if (call->in_count != 1) return call_fail(call, "expected 1 input, got %d", call->in_count);
    attr_delete(call, "min");
    attr_delete(call, "max");
    if (min > -(double)FLT_MAX) TRY(set_like_input(call, 1, min));
    if (max < (double)FLT_MAX) TRY(set_like_input(call, 2, max));
    return LPC_OK;
}

static int canon_dft(Call *call)
{
    int64_t axis = attr_int(call, "axis", 1);
    attr_delete(call, "axis");
    call_set_in(call, 2, call_scalar(call, DT_I64, (double)axis));
    return LPC_OK;
}

/* Before 9: each channel of the whole batch by itself, or with across_channels all together. */
static int canon_mvn_old(Call *call)
{
    static const int64_t apart[] = {0, 2, 3}, across[] = {0, 1, 2, 3};
    bool all = attr_int(call, "across_channels", 0) != 0;
    const int64_t *axes = all ? across : apart;
    int count = all ? 4 : 3;
    if (call->in_count != 1 || !call->in[0]) return call_fail(call, "expected 1 input");
    if (attr_int(call, "normalize_variance", 1)) {
        attr_delete(call, "across_channels");
        attr_delete(call, "normalize_variance");
        attr_set_ints(call, "axes", count, axes);
        return LPC_OK;
    }
    Tensor *over = call_i64(call, count, axes), *out = call_out(call, 0);
    Tensor *in[] = {call->in[0], call_make(call, OP_REDUCE_MEAN, call->in[0], over, NULL)};
    if (out) call_emit(call, OP_SUB, 2, in, 1, &out);
    call->done = true;
    return LPC_OK;
}

static int canon_mvn(Call *call)
{
    static const int64_t axes[] = {0, 2, 3};
    if (attr_find(call, "axes")) return LPC_OK;
    attr_set_ints(call, "axes", 3, axes);
    return LPC_OK;
}

/* An element of a list goes. */
static void attr_remove(Attr *list, int at)
{
    size_t rest = (size_t)(--list->count - at);
    if (list->ints) memmove(&list->ints[at], &list->ints[at + 1], rest * sizeof *list->ints);
    if (list->floats)
        memmove(&list->floats[at], &list->floats[at + 1], rest * sizeof *list->floats);
    if (list->strings)
        memmove(&list->strings[at], &list->strings[at + 1], rest * sizeof *list->strings);
}

/* LabelEncoder of before opset 4: a key that is a NaN is equal to nothing, so it is no key. */
static int canon_label_encoder(Call *call)
{
    Attr *keys = attr_find(call, "keys_floats");
    static const char *const lists[] = {"values_floats", "values_int64s", "values_strings"};
    for (int i = keys ? keys->count - 1 : -1; i >= 0; i--) {
        if (keys->kind != ATTR_FLOATS || !isnan(keys->floats[i])) continue;
        attr_remove(keys, i);
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
            Attr *values = attr_find(call, lists[k]);
            if (values && values->count == keys->count + 1) attr_remove(values, i);
        }
    }
    return LPC_OK;
}

const Rule canon_attr_rules[] = {
    {"ai.onnx.ml::LabelEncoder", 4, canon_label_encoder},
    {"Squeeze", 13, canon_axes},
    {"Unsqueeze", 13, canon_axes},
    {"ReduceSum", 13, canon_axes},
    {"ReduceMean", 18, canon_axes},
    {"ReduceMax", 18, canon_axes},
    {"ReduceMin", 18, canon_axes},
    {"ReduceProd", 18, canon_axes},
    {"ReduceL1", 18, canon_axes},
    {"ReduceL2", 18, canon_axes},
    {"ReduceLogSum", 18, canon_axes},
    {"ReduceLogSumExp", 18, canon_axes},
    {"ReduceSumSquare", 18, canon_axes},
    {"Split", 13, canon_split},
    {"TopK", 10, canon_top_k},
    {"Slice", 10, canon_slice},
    {"Pad", 11, canon_pad},
    {"Clip", 11, canon_clip},
    {"DFT", 20, canon_dft},
    {"MeanVarianceNormalization", 9, canon_mvn_old},
    {"MeanVarianceNormalization", 0, canon_mvn},
    {NULL, 0, NULL},
};
