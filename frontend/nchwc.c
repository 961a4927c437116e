/* com.microsoft.nchwc, which ONNX Runtime writes at its optimisation level 'all'.
 *
 * Its kernels work on blocks of 8 channels (AVX) or 16 (AVX-512, ARM), and the file has weights in that
 * order without saying which. It follows from the numbers of channels: they are filled up to whole blocks, and
 * an input of fewer channels than a block is read as it is. Here it is found and becomes an attribute; what
 * the operators are is in passes/expand/microsoft/nchwc.c, where tensors are plain NCHW.
 *
 * One thing in such models knows how tensors lie: where sizes are symbols, ONNX Runtime adds tensors in
 * their true shape,
 *     a5 = Reshape(a, [0, C / block, 0, 0, block]); s = Add(a5, b5); y = Reshape(s, [0, C, 0, 0])
 * so that the last axis has the channels of a block. Those become transposes around the reshapes. */
#include "frontend/import.h"

#include <string.h>

#define DOMAIN "com.microsoft.nchwc"

/* ---- The size of blocks ---- */

/* What was seen that is only so with blocks of 8, of 16. */
typedef struct Evidence {
    bool eight, sixteen;
} Evidence;

static bool is_op(const Onnx__NodeProto *node, const char *op)
{
    return node->domain && node->op_type && !strcmp(node->domain, DOMAIN) &&
           !strcmp(node->op_type, op);
}

static int64_t int_attribute(const Onnx__NodeProto *node, const char *name, int64_t otherwise)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__AttributeProto *attr = node->attribute[i];
        if (attr->name && !strcmp(attr->name, name)) return attr->i;
    }
    return otherwise;
}

static const Onnx__TensorProto *find_weights(const Onnx__GraphProto *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *tensor = graph->initializer[i];
        if (tensor->name && !strcmp(tensor->name, name)) return tensor;
    }
    return NULL;
}

static bool is_made_here(const Onnx__GraphProto *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        bool here = node->domain && !strcmp(node->domain, DOMAIN) && !is_op(node, "ReorderOutput");
        for (size_t k = 0; here && k < node->n_output; k++)
            if (!strcmp(node->output[k], name)) return true;
    }
    return false;
}

/* Of 8 to 15 channels: read as they are, where a block has 16; filled up to 8 or 16 before, where it has 8.
 * What comes from element-wise operators on blocks has been seen where those were made. */
static void see_conv(Evidence *seen, const Onnx__GraphProto *graph, const Onnx__NodeProto *node)
{
    const Onnx__TensorProto *weights =
        node->n_input > 1 ? find_weights(graph, node->input[1]) : NULL;
    if (!weights || weights->n_dims != 4) return;
    int64_t filters = weights->dims[0], channels = weights->dims[1];
    bool grouped = int_attribute(node, "group", 1) > 1;
    if (filters % 16 == 8) seen->eight = true;
    if (channels % 16 == 8 && (grouped || channels > 8)) seen->eight = true;
    if (grouped || channels < 8 || channels >= 16) return;
    if (channels == 8 && is_made_here(graph, node->input[0]))
        seen->eight = true;
    else
        seen->sixteen = true;
}

static void see_graph(Evidence *seen, const Onnx__GraphProto *graph, int depth)
{
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        if (is_op(node, "Conv")) see_conv(seen, graph, node);
        /* rounded up to an odd number of eights; filters of that number would have been seen */
        if (is_op(node, "ReorderOutput") && (int_attribute(node, "channels", 1) + 7) / 8 % 2)
            seen->sixteen = true;
        for (size_t k = 0; k < node->n_attribute && depth < MAX_INLINE_DEPTH; k++)
            if (node->attribute[k]->g) see_graph(seen, node->attribute[k]->g, depth + 1);
    }
}

static int64_t block_of(Import *im)
{
    Evidence seen = {0};
    if (im->options->nchwc_block) im->nchwc_block = im->options->nchwc_block;
    if (im->nchwc_block) return im->nchwc_block;
    see_graph(&seen, im->model->graph, 0);
    if (!seen.eight && !seen.sixteen)
        diag_note(im->diag,
                  "the model does not say whether its NCHWc weights are in blocks of 8 or "
                  "of 16 channels: 8 is assumed (--nchwc-block)");
    im->nchwc_block = seen.sixteen && !seen.eight ? 16 : 8;
    return im->nchwc_block;
}

static int canon_block(Call *call)
{
    attr_set_int(call, "block", block_of(call->im));
    return LPC_OK;
}

/* ---- Reshapes into blocks and back ---- */

/* Where a tensor's channels are: nowhere in particular; filled up to whole blocks, axis 1; blocks and those
 * of a block, axes 1 and 4. */
static ChannelOrder noted_order(const Import *im, const Tensor *tensor)
{
    for (int i = 0; i < im->ordered_count; i++)
        if (im->ordered[i].tensor == tensor) return im->ordered[i].order;
    return CHANNELS_ANY;
}

static void note_order(Import *im, Tensor *tensor, ChannelOrder order)
{
    arena_push(im->arena, im->ordered, im->ordered_count) =
        (OrderedTensor){.tensor = tensor, .order = order};
}

/* Element-wise operators and Concat take and give the same order. */
static ChannelOrder order_of(const Import *im, const Tensor *tensor)
{
    while (tensor) {
        ChannelOrder noted = noted_order(im, tensor);
        const Node *node = tensor->producer;
        if (noted != CHANNELS_ANY || !node || node->op == OP_NCHWC_REORDER_OUTPUT) return noted;
        const OpInfo *info = op_info(node->op);
        if (!strncmp(info->name, DOMAIN "::", strlen(DOMAIN "::"))) return CHANNELS_FILLED;
        bool follows = (info->traits & T_ELEMENTWISE) || node->op == OP_CONCAT;
        tensor = follows ? node_in(node, 0) : NULL;
    }
    return CHANNELS_ANY;
}

static Tensor *transposed(Call *call, Tensor *a, int rank, const int64_t *order)
{
    Tensor *result = call_make(call, OP_TRANSPOSE, a, NULL, NULL);
    node_set_ints(call->im->graph, call_last(call), "perm", rank, order);
    return result;
}

/* between the transposes channels are last, so that a reshape splits or joins them */
static int reshape_blocks(Call *call, const int64_t *shape, bool splits)
{
    static const int64_t last[] = {0, 2, 3, 1}, blocks[] = {0, 3, 1, 2, 4};
    static const int64_t blocks_last[] = {0, 2, 3, 1, 4}, first[] = {0, 3, 1, 2};
    const int64_t to[] = {0, 0, 0, -1, splits ? shape[4] : 0};
    Tensor *a = transposed(call, call->in[0], splits ? 4 : 5, splits ? last : blocks_last);
    a = call_make(call, OP_RESHAPE, a, call_i64(call, splits ? 5 : 4, to), NULL);
    a = transposed(call, a, splits ? 5 : 4, splits ? blocks : first);
    note_order(call->im, a, splits ? CHANNELS_BLOCKS : CHANNELS_FILLED);
    Tensor *out = call_out(call, 0);
    if (out) call_emit(call, OP_IDENTITY, 1, &a, 1, &out);
    if (out) note_order(call->im, out, splits ? CHANNELS_BLOCKS : CHANNELS_FILLED);
    call->done = true;
    return LPC_OK;
}

static int canon_reshape(Call *call)
{
    const Tensor *target = call_in(call, 1);
    if (!scope_opset(call->scope, DOMAIN) || !target || !target->data || !call->in[0])
        return LPC_OK;
    int64_t count = tensor_static_elements(target), shape[5] = {0};
    if (target->dtype != DT_I64 || count < 4 || count > 5) return LPC_OK;
    for (int i = 0; i < count; i++) shape[i] = const_i64_at(target, i);
    if (shape[0] || shape[2] || shape[3]) return LPC_OK;
    ChannelOrder order = order_of(call->im, call->in[0]);
    if (count == 5 && order == CHANNELS_FILLED && shape[4] == block_of(call->im))
        return reshape_blocks(call, shape, true);
    if (count == 4 && order == CHANNELS_BLOCKS) return reshape_blocks(call, shape, false);
    return LPC_OK;
}

const Rule nchwc_rules[] = {
    {DOMAIN "::Conv", 0, canon_block},
    {DOMAIN "::ReorderInput", 0, canon_block},
    {"Reshape", 0, canon_reshape},
    {NULL, 0, NULL},
};
