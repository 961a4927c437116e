/* Opsets 1 to 6, which converted models still have: broadcasting by attributes, is_test, attributes
 * that became inputs or changed their kind. */
#include "frontend/import.h"

#include <string.h>

static int rank_of(const Call *call, int i)
{
    return scope_rank(call->scope, call->proto->input[i]);
}

/* Appends `count` axes of size 1 to input i of rank `rank`. */
static void append_axes(Call *call, int i, int rank, int count)
{
    int64_t axes[MAX_RANK];
    for (int k = 0; k < count; k++) axes[k] = rank + k;
    call->in[i] = call_make(call, OP_UNSQUEEZE, call->in[i], call_i64(call, count, axes), NULL);
}

/* In int64. */
static Tensor *wide(Call *call, Tensor *tensor)
{
    Tensor *out = call_make(call, OP_CAST, tensor, NULL, NULL);
    node_set_int(call->im->graph, call_last(call), "to", dtype_to_onnx(DT_I64));
    return out;
}

static int unknown_rank(const Call *call)
{
    return call_fail(call, "the number of dimensions is not known here; convert the model to "
                           "opset 7 or newer");
}

/* Add(a, b) broadcast=1 axis=1: b's axes stand for a's axes from 1 on. Without axis for the last
 * ones, which is today's rule. */
static int old_binary(Call *call)
{
    int64_t axis = attr_int(call, "axis", -1);
    bool aligned = attr_int(call, "broadcast", 0) && attr_find(call, "axis");
    if (call->in_count != 2 || !call->in[0] || !call->in[1])
        return call_fail(call, "expected 2 inputs");
    if (aligned) {
        int rank = rank_of(call, 0), own = rank_of(call, 1);
        if (rank < 0 || own < 0) return unknown_rank(call);
        if (axis < 0) axis += rank;
        if (axis < 0 || axis + own > rank)
            return call_fail(call, "axis %lld does not fit", (long long)axis);
        if (axis + own < rank) append_axes(call, 1, own, rank - own - (int)axis);
    }
    attr_delete(call, "axis");
    attr_delete(call, "broadcast");
    call->opset = 0;
    return LPC_OK;
}

static int old_gemm(Call *call)
{
    attr_delete(call, "broadcast");
    call->opset = 0;
    return LPC_OK;
}

/* The slope goes along axis 1, whatever comes after it. */
static int old_prelu(Call *call)
{
    if (call->in_count != 2 || !call->in[0] || !call->in[1])
        return call_fail(call, "expected 2 inputs");
    Tensor *slope = call->in[1];
    int rank = rank_of(call, 0);
    call->opset = 0;
    if (slope->data && tensor_static_elements(slope) == 1) return LPC_OK;
    if (rank < 0 || rank_of(call, 1) != 1) return unknown_rank(call);
    if (rank > 2) append_axes(call, 1, 1, rank - 2);
    return LPC_OK;
}

/* ---- Before 7: recurrent layers ---- */

static int old_recurrent(Call *call)
{
    attr_delete(call, "output_sequence"); /* which outputs there are says it */
    if (!strcmp(attr_string(call, "direction", "forward"), "foward")) /* the default of opset 1 */
        attr_delete(call, "direction");
    call->opset = 0;
    return LPC_OK;
}

/* ---- Normalisation ---- */

static int old_batch_norm(Call *call)
{
    if (!attr_int(call, "is_test", 0) && call->out_count > 1) {
        return call_fail(call, "training is not supported");
    }
    if (attr_int(call, "spatial", 1) != 1) return call_fail(call, "spatial=0 is not supported");
    attr_delete(call, "is_test");
    attr_delete(call, "spatial");
    attr_delete(call, "momentum");
    call->opset = 0;
    return LPC_OK;
}

static int old_dropout(Call *call)
{
    attr_delete(call, "is_test");
    return decompose_dropout(call);
}

/* ---- Before 6 ---- */

/* to: "FLOAT16", as TensorProto's enumeration has it. */
static int old_cast(Call *call)
{
    static const struct {
        const char *name;
        DType type;
    } types[] = {{"FLOAT", DT_F32},   {"UINT8", DT_U8},   {"INT8", DT_I8},    {"UINT16", DT_U16},
                 {"INT16", DT_I16},   {"INT32", DT_I32},  {"INT64", DT_I64},  {"BOOL", DT_BOOL},
                 {"FLOAT16", DT_F16}, {"DOUBLE", DT_F64}, {"UINT32", DT_U32}, {"UINT64", DT_U64}};
    const char *to = attr_string(call, "to", "");
    call->opset = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, to) != 0) continue;
        attr_set_int(call, "to", dtype_to_onnx(types[i].type));
        return LPC_OK;
    }
    return call_fail(call, "to: element type '%s' is not supported", to);
}

static int old_selu(Call *call)
{
    attr_set_float(call, "alpha", attr_float(call, "alpha", 1.6732));
    attr_set_float(call, "gamma", attr_float(call, "gamma", 1.0507));
    return LPC_OK;
}

/* Tile(x, tiles, axis): repeats are 1, but `tiles` along the axis. */
static int old_tile(Call *call)
{
    static const int64_t one = 1;
    int64_t ones[MAX_RANK];
    if (call->in_count != 3 || !call->in[0] || !call->in[1] || !call->in[2])
        return call_fail(call, "expected 3 inputs");
    int rank = rank_of(call, 0);
    if (rank < 1) return unknown_rank(call);
    for (int i = 0; i < rank; i++) ones[i] = 1;
    Tensor *tiles = call_make(call, OP_RESHAPE, call->in[1], call_i64(call, 1, &one), NULL);
    Tensor *axis = call_make(call, OP_RESHAPE, call->in[2], call_i64(call, 1, &one), NULL);
    Tensor *start = call_i64(call, rank, ones), *at = wide(call, axis), *count = wide(call, tiles);
    Tensor *repeats = call_make(call, OP_SCATTER_ELEMENTS, start, at, count);
    node_set_int(call->im->graph, call_last(call), "axis", 0);
    call->in[1] = repeats;
    call->in_count = 2;
    call->opset = 0;
    return LPC_OK;
}

/* ---- Before 5, 4, 2 ---- */

static int old_reshape(Call *call)
{
    const Attr *shape = attr_find(call, "shape");
    if (call->in_count != 1 || !shape || shape->kind != ATTR_INTS)
        return call_fail(call, "expected 1 input and the attribute 'shape'");
    call_set_in(call, 1, call_i64(call, shape->count, shape->ints));
    attr_delete(call, "shape");
    call->opset = 0;
    return LPC_OK;
}

static int old_concat(Call *call)
{
    attr_set_int(call, "axis", attr_int(call, "axis", 1));
    call->opset = 0;
    return LPC_OK;
}

static int old_pad(Call *call)
{
    const Attr *pads = attr_find(call, "paddings");
    if (!pads || pads->kind != ATTR_INTS) return call_fail(call, "attribute 'paddings' is missing");
    attr_set_ints(call, "pads", pads->count, pads->ints);
    attr_delete(call, "paddings");
    return canon_pad(call);
}

/* The lengths are an attribute or an input, which had the type of what is split. */
static int old_split(Call *call)
{
    if (call->in_count > 1) {
        attr_delete(call, "split");
        if (call->in[1]) call->in[1] = wide(call, call->in[1]);
        return LPC_OK;
    }
    return canon_split(call);
}

/* p was a float. */
static int old_lp_pool(Call *call)
{
    double p = attr_float(call, "p", 2);
    if (p != (double)(int64_t)p) return call_fail(call, "p: expected a whole number, got %g", p);
    attr_set_int(call, "p", (int64_t)p);
    call->opset = 0;
    return LPC_OK;
}

/* Factors of the last two axes of NCHW. */
static int old_upsample(Call *call)
{
    const double scales[] = {1, 1, attr_float(call, "height_scale", 0),
                             attr_float(call, "width_scale", 0)};
    if (!(scales[2] >= 1) || !(scales[3] >= 1))
        return call_fail(call, "expected height_scale and width_scale of 1 or more");
    attr_delete(call, "height_scale");
    attr_delete(call, "width_scale");
    attr_set_floats(call, "scales", 4, scales);
    return canon_upsample(call);
}

const Rule canon_old_rules[] = {
    {"Add", 7, old_binary},
    {"Sub", 7, old_binary},
    {"Mul", 7, old_binary},
    {"Div", 7, old_binary},
    {"Pow", 7, old_binary},
    {"And", 7, old_binary},
    {"Or", 7, old_binary},
    {"Xor", 7, old_binary},
    {"Equal", 7, old_binary},
    {"Less", 7, old_binary},
    {"Greater", 7, old_binary},
    {"Gemm", 7, old_gemm},
    {"PRelu", 7, old_prelu},
    {"BatchNormalization", 7, old_batch_norm},
    {"Dropout", 7, old_dropout},
    {"LSTM", 7, old_recurrent},
    {"GRU", 7, old_recurrent},
    {"RNN", 7, old_recurrent},
    {"Cast", 6, old_cast},
    {"Selu", 6, old_selu},
    {"Tile", 6, old_tile},
    {"Reshape", 5, old_reshape},
    {"Concat", 4, old_concat},
    {"Pad", 2, old_pad},
    {"Split", 2, old_split},
    {"LpPool", 2, old_lp_pool},
    {"GlobalLpPool", 2, old_lp_pool},
    {"Upsample", 7, old_upsample},
    {NULL, 0, NULL},
};
