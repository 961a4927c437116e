/* Older and irregular forms of operators brought to the newest one.
 *
 * Here are the rules that replace an operator or change what it computes on; canon_attr.c has those
 * that only move attributes to inputs, decompose.c writes operators out as others. */
#include "frontend/import.h"

#include <string.h>

static const Rule *find_rule(const char *op, int64_t opset)
{
    const Rule *const tables[] = {canon_old_rules, canon_rules, canon_attr_rules, decompose_rules};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const Rule *rule = tables[t]; rule->op; rule++) {
            if (!strcmp(rule->op, op) && (!rule->before || opset < rule->before)) return rule;
        }
    }
    return NULL;
}

bool canon_knows(const char *op, int64_t opset)
{
    return find_rule(op, opset) != NULL;
}

int canon_call(Call *call)
{
    const Rule *rule = find_rule(call->op, call->opset);
    return rule ? rule->rewrite(call) : LPC_OK;
}

/* The call goes on as another operator, whose own opset does not matter. */
static void become(Call *call, const char *op)
{
    call->op = op;
    call->opset = 0;
}

/* ---- Constant ---- */

static int constant_from(Call *call, const Attr *attr, const char *name, Tensor **out)
{
    Import *im = call->im;
    int rank = attr->kind == ATTR_INTS || attr->kind == ATTR_FLOATS || attr->kind == ATTR_STRINGS;
    Elements elements = {.rank = rank, .is_literal = true};
    elements.dims[0] = attr->count;
    if (attr->kind == ATTR_TENSOR) {
        elements.dtype = attr->tensor->dtype;
        elements.rank = attr->tensor->rank;
        for (int i = 0; i < elements.rank; i++) elements.dims[i] = attr->tensor->dims[i]->value;
        elements.data = attr->tensor->data->data;
    } else if (attr->kind == ATTR_INT || attr->kind == ATTR_INTS) {
        elements.dtype = DT_I64;
        elements.data = attr->ints;
    } else if (attr->kind == ATTR_STRING || attr->kind == ATTR_STRINGS) {
        TRY(tensor_of_words(im, &call->origin, attr->name, rank, attr->count, attr->strings,
                            &elements));
    } else {
        float *data = arena_array(im->arena, (size_t)attr->count, sizeof *data);
        for (int i = 0; i < attr->count; i++) data[i] = (float)attr->floats[i];
        elements.dtype = DT_F32;
        elements.data = data;
    }
    *out = elements_tensor(im, name, &elements);
    return LPC_OK;
}

static int canon_constant(Call *call)
{
    static const struct {
        const char *name;
        AttrKind kind;
    } forms[] = {{"value", ATTR_TENSOR},        {"sparse_value", ATTR_TENSOR},
                 {"value_int", ATTR_INT},       {"value_ints", ATTR_INTS},
                 {"value_float", ATTR_FLOAT},   {"value_floats", ATTR_FLOATS},
                 {"value_string", ATTR_STRING}, {"value_strings", ATTR_STRINGS}};
    if (call->in_count || call->out_count != 1)
        return call_fail(call, "expected no inputs and 1 output");
    if (call->attr_count != 1)
        return call_fail(call, "expected one value, got %d", call->attr_count);
    const Attr *attr = &call->attrs[0];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(forms[i].name, attr->name) || forms[i].kind != attr->kind) continue;
        Tensor *value = NULL;
        TRY(constant_from(call, attr, scope_name(call->scope, call->proto->output[0]), &value));
        return call_alias(call, 0, value);
    }
    return call_fail(call, "attribute '%s' is not known or of the wrong kind", attr->name);
}

/* ---- Softmax, LogSoftmax, Hardmax before 13: on the input seen as a matrix ----
 *     y = Softmax(x) axis=1   ->   m = Flatten(x) axis=1; s = Softmax(m) axis=-1;
 *                                  y = Reshape(s, Shape(x))
 * Plain when axis is the last one. */

static int canon_softmax(Call *call)
{
    int64_t axis = attr_int(call, "axis", 1);
    if (call->in_count != 1 || !call->in[0]) return call_fail(call, "expected 1 input");
    int rank = scope_rank(call->scope, call->proto->input[0]);
    attr_set_int(call, "axis", -1);
    if (axis == -1 || (rank >= 0 && axis == rank - 1)) return LPC_OK;
    OpCode op = op_find(call->op, strlen(call->op));
    Tensor *matrix = call_make(call, OP_FLATTEN, call->in[0], NULL, NULL);
    node_set_int(call->im->graph, call_last(call), "axis", axis);
    Tensor *result = call_make(call, op, matrix, NULL, NULL);
    node_set_int(call->im->graph, call_last(call), "axis", -1);
    Tensor *in[] = {result, call_make(call, OP_SHAPE, call->in[0], NULL, NULL)};
    Tensor *out = call_out(call, 0);
    call_emit(call, OP_RESHAPE, 2, in, 1, &out);
    call->done = true;
    return LPC_OK;
}

/* ---- BatchNormalization: outputs after the first are for training ---- */

static int canon_batch_norm(Call *call)
{
    if (attr_int(call, "training_mode", 0)) return decompose_batch_norm(call);
    if (call->out_count > 1) return call_fail(call, "training outputs are not supported");
    if (attr_int(call, "spatial", 1) != 1) return call_fail(call, "spatial=0 is not supported");
    attr_delete(call, "spatial");
    attr_delete(call, "training_mode");
    attr_delete(call, "momentum");
    return LPC_OK;
}

/* ---- Upsample and Resize ---- */

static bool is_empty(const Tensor *tensor)
{
    return tensor && tensor->data && tensor_static_elements(tensor) == 0;
}

static void drop_trailing_inputs(Call *call)
{
    while (call->in_count && !call->in[call->in_count - 1]) call->in_count--;
}

/* Before 11 resizing took coordinates x_out / scale, rounded down. */
static void old_coordinates(Call *call)
{
    attr_set_string(call, "coordinate_transformation_mode", "asymmetric");
    if (!strcmp(attr_string(call, "mode", "nearest"), "nearest")) {
        attr_set_string(call, "nearest_mode", "floor");
    }
    if (!strcmp(attr_string(call, "mode", ""), "bilinear")) attr_set_string(call, "mode", "linear");
}

static int canon_upsample(Call *call)
{
    Tensor *scales = call_in(call, 1);
    Attr *attr = attr_find(call, "scales");
    if (!call_in(call, 0)) return call_fail(call, "expected 1 or 2 inputs");
    if (attr && attr->kind == ATTR_FLOATS) {
        TRY(constant_from(call, attr, NULL, &scales));
        attr_delete(call, "scales");
    }
    if (!scales) return call_fail(call, "scales are missing");
    call_set_in(call, 1, NULL);
    call_set_in(call, 2, scales);
    old_coordinates(call);
    become(call, "Resize");
    return LPC_OK;
}

static int canon_resize_10(Call *call)
{
    if (call->in_count != 2 || !call->in[0] || !call->in[1])
        return call_fail(call, "expected 2 inputs");
    return canon_upsample(call);
}

/* Inputs that do not take part may be given as empty tensors. */
static int canon_resize(Call *call)
{
    const char *mode = attr_string(call, "coordinate_transformation_mode", "");
    for (int i = 1; i < call->in_count; i++) {
        if (is_empty(call->in[i])) call->in[i] = NULL;
    }
    if (strcmp(mode, "tf_crop_and_resize") && call->in_count > 1) call->in[1] = NULL;
    drop_trailing_inputs(call);
    if (call->in_count < 3) return call_fail(call, "neither scales nor sizes are given");
    if (call_in(call, 3) && call->in[2]) return call_fail(call, "both scales and sizes are given");
    return LPC_OK;
}

/* ---- GroupNormalization before 21: scale and bias per group, not per channel ----
 * Each is repeated: Reshape(Expand(Unsqueeze(s, [1]), [groups, channels / groups]), [-1]). */

static int canon_group_norm(Call *call)
{
    static const int64_t one = 1, all = -1;
    Graph *graph = call->im->graph;
    int64_t groups = attr_int(call, "num_groups", 0);
    if (call->in_count != 3 || !call->in[0] || !call->in[1] || !call->in[2] || groups < 1) {
        return call_fail(call, "expected 3 inputs and num_groups");
    }
    Tensor *count = call_i64(call, 1, &groups);
    Tensor *channels = call_make(call, OP_SHAPE, call->in[0], NULL, NULL);
    node_set_int(graph, call_last(call), "start", 1);
    node_set_int(graph, call_last(call), "end", 2);
    Tensor *each = call_make(call, OP_DIV, channels, count, NULL);
    Tensor *shape = call_make(call, OP_CONCAT, count, each, NULL);
    node_set_int(graph, call_last(call), "axis", 0);
    for (int i = 1; i <= 2; i++) {
        Tensor *column = call_make(call, OP_UNSQUEEZE, call->in[i], call_i64(call, 1, &one), NULL);
        Tensor *repeated = call_make(call, OP_EXPAND, column, shape, NULL);
        call->in[i] = call_make(call, OP_RESHAPE, repeated, call_i64(call, 1, &all), NULL);
    }
    return LPC_OK;
}

/* ---- Names and defaults that changed ---- */

static int canon_scatter(Call *call)
{
    become(call, "ScatterElements");
    return LPC_OK;
}

static int canon_roi_align(Call *call)
{
    attr_set_string(call, "coordinate_transformation_mode", "output_half_pixel");
    return LPC_OK;
}

static int canon_grid_sample(Call *call)
{
    const char *mode = attr_string(call, "mode", "bilinear");
    if (!strcmp(mode, "bilinear")) attr_set_string(call, "mode", "linear");
    if (!strcmp(mode, "bicubic")) attr_set_string(call, "mode", "cubic");
    return LPC_OK;
}

/* ---- Optional values: a tensor is there or it is not ---- */

static int canon_has_element(Call *call)
{
    Tensor *value = graph_scalar(call->im->graph, NULL, DT_BOOL, call_in(call, 0) != NULL);
    return call_alias(call, 0, value);
}

static int canon_get_element(Call *call)
{
    if (!call_in(call, 0)) return call_fail(call, "there is no element");
    become(call, "Identity");
    return LPC_OK;
}

const Rule canon_rules[] = {
    {"Constant", 0, canon_constant},
    {"Softmax", 13, canon_softmax},
    {"LogSoftmax", 13, canon_softmax},
    {"Hardmax", 13, canon_softmax},
    {"Dropout", 0, decompose_dropout},
    {"BatchNormalization", 0, canon_batch_norm},
    {"Upsample", 0, canon_upsample},
    {"Resize", 11, canon_resize_10},
    {"Resize", 0, canon_resize},
    {"GroupNormalization", 21, canon_group_norm},
    {"Scatter", 0, canon_scatter},
    {"RoiAlign", 16, canon_roi_align},
    {"GridSample", 20, canon_grid_sample},
    {"OptionalHasElement", 0, canon_has_element},
    {"OptionalGetElement", 0, canon_get_element},
    {NULL, 0, NULL},
};
