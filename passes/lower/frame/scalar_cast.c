/* Conversions of single elements that operators ask for: Cast, QuantizeLinear, DequantizeLinear. */
#include "passes/lower/frame/narrow.h"
#include "passes/lower/frame/scalar.h"

#include <string.h>

static Narrowing narrowing_of(const Node *node)
{
    const char *mode = node_string(node, "round_mode"); /* quantisation has none */
    Narrowing how = {.saturate = node_int(node, "saturate") != 0, .round = ROUND_UP};
    if (mode && !strcmp(mode, "down")) how.round = ROUND_DOWN;
    if (mode && !strcmp(mode, "nearest")) how.round = ROUND_NEAREST;
    return how;
}

Inst *scalar_cast(Builder *b, const Node *node, Inst *x)
{
    DType from = node->in[0]->dtype, to = node->out[0]->dtype;
    if (from == to) return x;
    x = narrow_number_of(b, from, x);
    if (dtype_is_code(to)) return narrow_code_of(b, to, x, narrowing_of(node));
    if (dtype_is_narrow(to)) return narrow_int_of(b, to, x);
    if (dtype_is_float(x->type.dtype) && dtype_is_int(to)) return scalar_to_int(b, to, x);
    if (to == DT_F16 || to == DT_BF16) {
        Inst *value = kb_cast(b, DT_F32, x);
        return kb_cast(b, DT_F32, kb_cast(b, to, value));
    }
    return kb_cast(b, to, x);
}

/* ---- Quantisation ---- */

Inst *scalar_quantize(Builder *b, DType to, Inst *x, Inst *scale, Inst *zero)
{
    x = dtype_is_float(x->type.dtype) ? x : kb_cast(b, DT_F32, x);
    Inst *rounded = kb_op1(b, LI_RINT, kb_op(b, LI_DIV, x, kb_cast(b, x->type.dtype, scale)));
    if (zero) rounded = kb_add(b, rounded, kb_cast(b, x->type.dtype, zero));
    Inst *clean =
        kb_select(b, kb_op(b, LI_NE, rounded, rounded), scalar_like(b, rounded, 0), rounded);
    double low = (double)dtype_min(to), high = (double)dtype_max(to);
    return kb_cast(b, dtype_held(to), scalar_clamp(b, clean, low, high));
}

void scalar_range(Builder *b, Inst *low, Inst *high, Inst **scale, Inst **zero)
{
    Inst *none = kb_float(b, DT_F32, 0);
    Inst *step = kb_op(b, LI_DIV, kb_sub(b, high, low), kb_float(b, DT_F32, 255));
    *scale = kb_select(b, kb_op(b, LI_EQ, step, none), kb_float(b, DT_F32, 1), step);
    Inst *point = kb_op(b, LI_DIV, kb_sub(b, none, low), *scale);
    point = kb_op1(b, LI_RINT, scalar_clamp(b, point, 0, 255));
    *zero = kb_select(b, kb_op(b, LI_NE, point, point), none, point);
}

/* A parameter of the node as a number. NULL where it is absent, or of codes and all zero: small floats
 * have no other zero point, the input is there for its type. */
static Inst *parameter(Builder *b, const Node *node, int input, Inst *x)
{
    const Tensor *tensor = node_in(node, input);
    double value;
    if (!x || !tensor) return NULL;
    bool zero = input == 2 && dtype_is_code(tensor->dtype) && tensor->data &&
                const_is_uniform(tensor, &value) && value == 0;
    return zero ? NULL : narrow_number_of(b, tensor->dtype, x);
}

Inst *scalar_quantize_node(Builder *b, const Node *node, Inst *x, Inst *scale, Inst *zero)
{
    DType to = node->out[0]->dtype;
    int64_t precision = node_int(node, "precision");
    scale = parameter(b, node, 1, scale);
    zero = parameter(b, node, 2, zero);
    if (precision) { /* of the division */
        DType type = dtype_from_onnx(precision);
        Inst *dividend = kb_cast(b, lower_type(type), x);
        Inst *quotient = kb_op(b, LI_DIV, dividend, kb_cast(b, lower_type(type), scale));
        x = kb_cast(b, lower_type(type), kb_cast(b, type, quotient));
        scale = scalar_like(b, x, 1);
    }
    if (!dtype_is_code(to)) return scalar_quantize(b, to, x, scale, zero);
    x = dtype_is_float(x->type.dtype) ? x : kb_cast(b, DT_F32, x);
    Inst *value = kb_op(b, LI_DIV, x, kb_cast(b, x->type.dtype, scale));
    if (zero) value = kb_add(b, value, kb_cast(b, x->type.dtype, zero));
    return narrow_code_of(b, to, value, narrowing_of(node));
}

/* (x - zero_point) * scale. */
Inst *scalar_dequantize_node(Builder *b, const Node *node, Inst *x, Inst *scale, Inst *zero)
{
    scale = parameter(b, node, 1, scale);
    zero = parameter(b, node, 2, zero);
    DType type = dtype_is_code(node->in[0]->dtype) ? DT_F32 : DT_I32;
    Inst *wide = kb_cast(b, type, narrow_number_of(b, node->in[0]->dtype, x));
    if (zero) wide = kb_sub(b, wide, kb_cast(b, type, zero));
    return kb_mul(b, kb_cast(b, scale->type.dtype, wide), scale);
}
