/* Quantisation and inference batch normalisation. */
#include "passes/lower/moves/move.h"
#include "passes/lower/frame/scalar.h"

#include <math.h>

/* ---- QuantizeLinear, DequantizeLinear: one scale for all, one per slice of an axis, or one per
 * block of an axis ---- */

static Inst *quantize_parameter(Lower *lw, const Node *node, int input, Inst *const *idx)
{
    const Tensor *x = node->in[0], *parameter = node_in(node, input);
    Builder *b = &lw->b;
    Inst *own[MAX_RANK] = {0};
    if (!parameter) return NULL;
    if (size_is(tensor_elements(lw->sizes, parameter), 1)) return lower_load(lw, parameter, own);
    int axis = (int)node_int(node, "axis");
    if (axis < 0) axis += x->rank;
    int64_t block = node_int(node, "block_size");
    if (parameter->rank == 1 && block == 0) {
        own[0] = idx[axis];
        return lower_load(lw, parameter, own);
    }
    for (int i = 0; i < parameter->rank; i++) own[i] = idx[i];
    if (block > 0) own[axis] = kb_op(b, LI_DIV, idx[axis], kb_i64(b, block));
    return lower_load(lw, parameter, own);
}

Inst *point_quantize(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Inst *x = lower_load(lw, node->in[0], idx);
    Inst *scale = quantize_parameter(lw, node, 1, idx);
    Inst *zero = quantize_parameter(lw, node, 2, idx);
    (void)output;
    return scalar_quantize_node(&lw->b, node, x, scale, zero);
}

Inst *point_dequantize(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Inst *x = lower_load(lw, node->in[0], idx);
    Inst *scale = quantize_parameter(lw, node, 1, idx);
    Inst *zero = quantize_parameter(lw, node, 2, idx);
    (void)output;
    return scalar_dequantize_node(&lw->b, node, x, scale, zero);
}

Inst *point_byte_table(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    Inst *code = kb_cast(b, DT_U8, lower_load(lw, node->in[0], idx));
    Inst *at = kb_cast(b, DT_I64, code);
    (void)output;
    return lower_load(lw, node->in[1], &at);
}

/* ---- BatchNormalization: x * k + d, k = scale / sqrt(var + epsilon), d = bias - mean * k ---- */

static bool parameters_are_constant(const Node *node)
{
    for (int i = 1; i < 5; i++) {
        if (!node->in[i]->data) return false;
    }
    return true;
}

/* k (part 0) or d (part 1) as a constant buffer in the type of the arithmetic. */
static Buffer *folded_parameter(Lower *lw, const Node *node, int part, DType type)
{
    int64_t count = tensor_static_elements(node->in[1]);
    double epsilon = node_float(node, "epsilon");
    float *narrow = arena_array(lw->arena, (size_t)count + 1, sizeof *narrow);
    double *wide = arena_array(lw->arena, (size_t)count + 1, sizeof *wide);
    for (int64_t i = 0; i < count; i++) {
        double k = const_f64_at(node->in[1], i) / sqrt(const_f64_at(node->in[4], i) + epsilon);
        double d = const_f64_at(node->in[2], i) - const_f64_at(node->in[3], i) * k;
        wide[i] = part ? d : k;
        narrow[i] = (float)wide[i];
    }
    const char *name = arena_printf(lw->arena, "%s_%s", node->name, part ? "shift" : "scale");
    const void *data = type == DT_F64 ? (const void *)wide : narrow;
    return lower_const(lw, name, type == DT_F64 ? DT_F64 : DT_F32, count, data);
}

Inst *point_batch_norm(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    Inst *x = lower_load(lw, node->in[0], idx);
    DType type = x->type.dtype;
    Inst *at = node->out[output]->rank > 1 ? idx[1] : kb_i64(b, 0);
    if (size_is(node->in[1]->dims[0], 1)) at = kb_i64(b, 0);
    if (parameters_are_constant(node)) {
        Param *k = lower_whole(lw, folded_parameter(lw, node, 0, type), false);
        Param *d = lower_whole(lw, folded_parameter(lw, node, 1, type), false);
        Inst *plus = kb_load(b, d, at);
        return kb_add(b, kb_mul(b, x, kb_load(b, k, at)), plus);
    }
    Inst *p[5] = {0};
    for (int i = 1; i < 5; i++) p[i] = kb_cast(b, type, lower_load(lw, node->in[i], &at));
    Inst *spread = kb_add(b, p[4], kb_float(b, type, node_float(node, "epsilon")));
    Inst *k = kb_op(b, LI_DIV, p[1], kb_op1(b, LI_SQRT, spread));
    Inst *d = kb_sub(b, p[2], kb_mul(b, p[3], k));
    return kb_add(b, kb_mul(b, x, k), d);
}

/* ---- DynamicQuantizeLinear ---- */

typedef struct Extremes {
    Cell *low, *high;
} Extremes;

/* Smallest and largest element, 0 included. */
static void find_extremes(Lower *lw, const Tensor *x, Extremes *e)
{
    Builder *b = &lw->b;
    LType type = {DT_F32, 1};
    Inst *idx[MAX_RANK] = {0};
    uint8_t order[MAX_RANK];
    int loops = 1;
    e->low = kb_cell(b, "low", type, kb_float(b, DT_F32, 0));
    e->high = kb_cell(b, "high", type, kb_float(b, DT_F32, 0));
    e->low->reduce = LI_MIN;
    e->high->reduce = LI_MAX;
    if (move_is_dense(lw, x)) {
        lw->flat = kb_for_n(b, LOOP_VECTOR, tensor_elements(lw->sizes, x));
    } else {
        if (x->is_inlined)
            for (int i = 0; i < x->rank; i++) order[i] = (uint8_t)i;
        else
            lower_order(lw, x, order);
        loops = lower_nest(lw, x->rank, x->dims, order, true, 0, idx);
    }
    Inst *value = lower_load(lw, x, idx);
    lw->flat = NULL;
    kb_set(b, e->low, kb_op(b, LI_MIN, kb_get(b, e->low), value));
    kb_set(b, e->high, kb_op(b, LI_MAX, kb_get(b, e->high), value));
    lower_nest_end(lw, loops);
}

/* scale = (high - low) / 255, zero point = saturate(round(-low / scale)); stored in scratch[0..1]
 * and in the outputs. */
static void store_parameters(Lower *lw, const Node *node, const Extremes *e, Param *scratch)
{
    Builder *b = &lw->b;
    Inst *zero = kb_float(b, DT_F32, 0), *none[MAX_RANK] = {0};
    Inst *low = kb_get(b, e->low), *high = kb_get(b, e->high);
    Inst *scale = kb_op(b, LI_DIV, kb_sub(b, high, low), kb_float(b, DT_F32, 255));
    scale = kb_select(b, kb_op(b, LI_EQ, scale, zero), kb_float(b, DT_F32, 1), scale);
    Inst *point = kb_op(b, LI_DIV, kb_sub(b, zero, low), scale);
    point = kb_op1(b, LI_RINT, scalar_clamp(b, point, 0, 255));
    point = kb_select(b, kb_op(b, LI_NE, point, point), zero, point);
    kb_store(b, scratch, kb_i64(b, 0), scale);
    kb_store(b, scratch, kb_i64(b, 1), point);
    if (node_has_output(node, 1)) lower_store_to(lw, node->out[1], none, scale);
    if (node_has_output(node, 2))
        lower_store_to(lw, node->out[2], none, kb_cast(b, DT_U8, kb_cast(b, DT_I32, point)));
}

int lower_dynamic_quantize(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *y = node_result(node);
    Builder *b = &lw->b;
    Buffer *scratch = lower_scratch(lw, "range", DT_F32, size_const(lw->sizes, 2));
    Extremes extremes;
    lower_begin(lw, "range");
    find_extremes(lw, x, &extremes);
    store_parameters(lw, node, &extremes, lower_whole(lw, scratch, true));
    lower_end(lw);
    if (!node_has_output(node, 0)) return 0;

    Inst *idx[MAX_RANK] = {0};
    uint8_t order[MAX_RANK];
    lower_begin(lw, NULL);
    Param *range = lower_whole(lw, scratch, false);
    bool flat = move_is_dense(lw, x) && move_is_dense(lw, y) && node->epilogue_count == 0;
    int loops = 1;
    lower_order(lw, y, order);
    if (flat)
        lw->flat = kb_for_n(b, LOOP_VECTOR, tensor_elements(lw->sizes, x));
    else
        loops = lower_nest(lw, x->rank, x->dims, order, true, 5, idx);
    Inst *scale = kb_load(b, range, kb_i64(b, 0)), *point = kb_load(b, range, kb_i64(b, 1));
    lower_store(lw, idx, scalar_quantize(b, DT_U8, lower_load(lw, x, idx), scale, point));
    lw->flat = NULL;
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
