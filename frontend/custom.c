/* Nodes of a user's own operators (--custom): taken as the model has them, whatever else is known of that
 * name. */
#include "frontend/value.h"
#include "ir/custom.h"

#include <string.h>

const CustomOp *custom_find(const Import *im, const char *op)
{
    const ImportOptions *options = im->options;
    for (int i = 0; i < options->custom_count; i++) {
        if (strcmp(options->customs[i].name, op) != 0) continue;
        if (options->custom_used) options->custom_used[i] = true;
        return &options->customs[i];
    }
    return NULL;
}

static int check_node(const Call *call)
{
    const OpInfo *info = op_info(OP_CUSTOM);
    for (size_t i = 0; i < call->proto->n_attribute; i++) {
        const Onnx__AttributeProto *proto = call->proto->attribute[i];
        if (proto->g)
            return call_fail(call, "attribute '%s' is a graph: --custom takes none", proto->name);
    }
    if (call->in_count > info->in_max || call->out_count > info->out_max)
        return call_fail(call, "--custom takes up to %d inputs and outputs", info->in_max);
    return LPC_OK;
}

int custom_emit(Call *call, const CustomOp *op)
{
    Arena *arena = call->im->arena;
    TRY(check_node(call));
    TRY(value_refuse(call));
    if (!call->out_count) return call_fail(call, "a node needs an output");
    Tensor **out = arena_array(arena, (size_t)call->out_count, sizeof *out);
    for (int i = 0; i < call->out_count; i++) out[i] = call_out(call, i);
    Node *node = call_emit(call, OP_CUSTOM, call->in_count, call->in, call->out_count, out);
    node->attrs = call->attrs;
    node->attr_count = call->attr_count;
    node->custom = arena_alloc(arena, sizeof *node->custom);
    *node->custom = (CustomUse){.op = op, .opset = (int)call->opset};
    return LPC_OK;
}

int custom_missing(Call *call)
{
    Import *im = call->im;
    if (!im->told_custom)
        diag_note(im->diag,
                  "lpc: what lpc lacks can be a C function of yours: --custom %s=FILE.c "
                  "(docs/custom-operators.md)",
                  call->op);
    im->told_custom = true;
    return call_unknown(call);
}
