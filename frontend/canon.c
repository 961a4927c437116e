/* Older and irregular forms of operators brought to the newest one.
 *
 * Here are the rules that replace an operator or change what it computes on; canon_attr.c has those
 * that only move attributes to inputs, canon_resize.c those of Resize, canon_old.c those of opsets before 7;
 * decompose.c writes operators out as others. */
#include "frontend/value.h"

#include <string.h>

static const Rule *const tables[] = {canon_old_rules,  canon_rules,     canon_resize_rules,
                                     canon_attr_rules, decompose_rules, nchwc_rules,
                                     value_rules};

static const Rule *find_rule(const char *op, int64_t opset)
{
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

int canon_newest(const char *op, int64_t opset)
{
    int newest = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const Rule *rule = tables[t]; rule->op; rule++) {
            bool is_newer = rule->before > opset && rule->before > newest;
            if (is_newer && !strcmp(rule->op, op)) newest = (int)rule->before;
        }
    }
    return newest;
}

int canon_call(Call *call)
{
    const Rule *rule = find_rule(call->op, call->opset);
    if (!strchr(call->op, ':') && call->opset < 6)
        attr_delete(call, "consumed_inputs"); /* a hint to run in place */
    return rule ? rule->rewrite(call) : LPC_OK;
}

/* ---- Constant ---- */

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
        TRY(attr_constant(call, attr, scope_name(call->scope, call->proto->output[0]), &value));
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
    call_become(call, "ScatterElements");
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

/* Values in the order of their first places, where each element's is, and how many there are of each. */
static int canon_unique_ms(Call *call)
{
    if (call->in_count != 1 || !call->in[0]) return call_fail(call, "expected 1 input");
    Tensor *flat[] = {call->in[0]};
    Tensor *values = call_out(call, 0), *places = call_out(call, 1), *counts = call_out(call, 2);
    Tensor *out[] = {values, NULL, places, counts};
    call_emit(call, OP_UNIQUE, 1, flat, 4, out);
    node_set_int(call->im->graph, call_last(call), "sorted", 0);
    call->done = true;
    return LPC_OK;
}

const Rule canon_rules[] = {
    {"Constant", 0, canon_constant},
    {"Softmax", 13, canon_softmax},
    {"LogSoftmax", 13, canon_softmax},
    {"Hardmax", 13, canon_softmax},
    {"Dropout", 0, decompose_dropout},
    {"BatchNormalization", 0, canon_batch_norm},
    {"GroupNormalization", 21, canon_group_norm},
    {"Scatter", 0, canon_scatter},
    {"RoiAlign", 16, canon_roi_align},
    {"GridSample", 20, canon_grid_sample},
    {"com.microsoft::Unique", 0, canon_unique_ms},
    {"RandomUniform", 0, canon_random},
    {"RandomNormal", 0, canon_random},
    {"RandomUniformLike", 0, canon_random},
    {"RandomNormalLike", 0, canon_random},
    {"Bernoulli", 0, canon_random},
    {"Multinomial", 0, canon_random},
    {NULL, 0, NULL},
};
