/* Loading and storing single elements: places, broadcasting, inlined producers, epilogues. */
#include "passes/lower/frame/lower.h"
#include "passes/lower/frame/narrow.h"

#include <string.h>

Inst *lower_index(Lower *lw, const Tensor *tensor, Inst *const *idx)
{
    const Place *place = lower_place(lw, tensor);
    Builder *b = &lw->b;
    Inst *sum = kb_i64(b, 0);
    for (int i = 0; i < tensor->rank; i++) {
        if (!idx[i] || size_is(tensor->dims[i], 1) || size_is(place->stride[i], 0)) continue;
        sum = kb_add(b, sum, kb_mul(b, idx[i], kb_size(b, place->stride[i])));
    }
    return lw->cell && dtype_is_opaque(tensor->dtype) ? kb_add(b, sum, lw->cell) : sum;
}

static bool is_single(const Tensor *tensor)
{
    for (int i = 0; i < tensor->rank; i++) {
        if (!size_is(tensor->dims[i], 1)) return false;
    }
    return !dtype_is_opaque(tensor->dtype); /* which has many cells */
}

/* A constant all of whose elements are equal needs no memory. */
static Inst *uniform_constant(Lower *lw, const Tensor *tensor)
{
    double value;
    if (!tensor->data || !tensor_is_static(tensor) || tensor_static_elements(tensor) > 64 ||
        tensor_static_elements(tensor) < 1 || !const_is_uniform(tensor, &value))
        return NULL;
    DType type = lower_type(tensor->dtype);
    if (!dtype_is_float(type)) return kb_int(&lw->b, type, const_held_at(tensor, 0));
    return kb_float(&lw->b, type, value);
}

static Inst *known_value(Lower *lw, const Tensor *tensor)
{
    if (!tensor->values || tensor->value_count != 1 || tensor->data) return NULL;
    return kb_cast(&lw->b, lower_type(tensor->dtype), kb_size(&lw->b, tensor->values[0]));
}

/* A constant whose elements are less than a byte lies as the model has it. */
static Inst *load_packed(Lower *lw, const Tensor *tensor, Inst *index)
{
    Builder *b = &lw->b;
    int bits = dtype_bits(tensor->dtype), shift = bits == 4 ? 1 : 2;
    Param *from = lower_whole(lw, lower_place(lw, tensor)->buffer, false);
    Inst *byte = kb_load(b, from, kb_op(b, LI_SHR, index, kb_i64(b, shift)));
    Inst *within = kb_op(b, LI_AND, index, kb_i64(b, (1 << shift) - 1));
    Inst *low = kb_cast(b, DT_U8, kb_muli(b, within, bits));
    return narrow_wrap(b, tensor->dtype, kb_op(b, LI_SHR, byte, low));
}

Inst *lower_load(Lower *lw, const Tensor *tensor, Inst *const *idx)
{
    Inst *constant = uniform_constant(lw, tensor);
    if (!constant) constant = known_value(lw, tensor);
    if (constant) return constant;
    if (tensor->is_inlined) {
        const Node *producer = tensor->producer;
        int output = 0;
        while (producer->out[output] != tensor) output++;
        lw->depth++;
        Inst *value = lower_point_value(lw, producer, output, idx);
        lw->depth--;
        return kb_cast(&lw->b, lower_type(tensor->dtype), value);
    }
    Inst *index = is_single(tensor) ? kb_i64(&lw->b, 0)
                  : lw->flat        ? lw->flat
                                    : lower_index(lw, tensor, idx);
    if (place_is_packed(tensor)) return load_packed(lw, tensor, index);
    Param *from = lower_tensor_param(lw, tensor, false);
    return kb_cast(&lw->b, lower_type(tensor->dtype), kb_load(&lw->b, from, index));
}

Inst *lower_load_broadcast(Lower *lw, const Tensor *tensor, int rank, Inst *const *idx)
{
    Inst *own[MAX_RANK] = {0};
    for (int i = 0; i < tensor->rank; i++) {
        bool unit = size_is(tensor->dims[i], 1);
        own[i] = unit ? kb_i64(&lw->b, 0) : idx[rank - tensor->rank + i];
    }
    return lower_load(lw, tensor, own);
}

/* Room for every operand that the operator can have: rules ask for absent ones, too. */
static Inst **new_operands(Lower *lw, const Node *node)
{
    int most = op_info(node->op)->in_max, count = node->in_count;
    if (most != ANY && most > count) count = most;
    return arena_array(lw->arena, (size_t)count + 1, sizeof(Inst *));
}

Inst *lower_epilogue(Lower *lw, Inst *const *idx, Inst *value)
{
    const Node *node = lw->node;
    const Tensor *before = node->out[0];
    value = kb_cast(&lw->b, lower_type(before->dtype), value);
    for (int i = 0; i < node->epilogue_count; i++) {
        const Node *step = node->epilogue[i];
        const Tensor *after = step->out[0];
        /* What a half-precision tensor between two nodes would have rounded stays rounded. */
        if (dtype_held(before->dtype) != lower_type(before->dtype))
            value = kb_cast(&lw->b, DT_F32, kb_cast(&lw->b, before->dtype, value));
        Inst **operands = new_operands(lw, step);
        for (int k = 0; k < step->in_count; k++) {
            if (step->in[k] == before)
                operands[k] = value;
            else if (step->in[k])
                operands[k] = lower_load_broadcast(lw, step->in[k], after->rank, idx);
        }
        value = kb_cast(&lw->b, lower_type(after->dtype), scalar_apply(lw, step, operands));
        before = after;
    }
    return value;
}

void lower_store_to(Lower *lw, const Tensor *tensor, Inst *const *idx, Inst *value)
{
    Param *to = lower_tensor_param(lw, tensor, true);
    Inst *index = lw->flat && !is_single(tensor) ? lw->flat : lower_index(lw, tensor, idx);
    value = kb_cast(&lw->b, lower_type(tensor->dtype), value);
    kb_store(&lw->b, to, index, kb_cast(&lw->b, dtype_held(tensor->dtype), value));
}

void lower_store(Lower *lw, Inst *const *idx, Inst *value)
{
    lower_store_to(lw, node_result(lw->node), idx, lower_epilogue(lw, idx, value));
}

/* Element-wise: every operand at the broadcast coordinates. */
Inst *point_elementwise(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Inst **operands = new_operands(lw, node);
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i])
            operands[i] = lower_load_broadcast(lw, node->in[i], node->out[output]->rank, idx);
    }
    return scalar_apply(lw, node, operands);
}
