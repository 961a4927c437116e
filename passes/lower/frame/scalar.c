/* Element-wise operators on single values: the one definition that loops, epilogues, inlined
 * producers and constant folding share. Operands come in lower_type. */
#include "passes/lower/frame/scalar.h"

#include <math.h>
#include <string.h>

static Inst *bin(Builder *b, InstOp op, Inst *a, Inst *c)
{
    return kb_op(b, op, a, c);
}

Inst *scalar_sigmoid(Builder *b, Inst *x)
{
    /* 1 / (1 + exp(-x)): exp overflows to infinity for very negative x, and the quotient is 0. */
    Inst *one = scalar_like(b, x, 1);
    Inst *e = kb_op1(b, LI_EXP, kb_op1(b, LI_NEG, x));
    return bin(b, LI_DIV, one, kb_add(b, one, e));
}

static Inst *max_zero(Builder *b, Inst *x)
{
    /* x > 0 ? x : 0, but a NaN stays. */
    Inst *zero = scalar_like(b, x, 0);
    return kb_select(b, bin(b, LI_LT, x, zero), zero, x);
}

/* ln(1 + e^x) without overflow: max(x, 0) + log1p(exp(-|x|)). */
Inst *scalar_softplus(Builder *b, Inst *x)
{
    Inst *e = kb_op1(b, LI_EXP, kb_op1(b, LI_NEG, kb_op1(b, LI_ABS, x)));
    Inst *rest = kb_op1(b, LI_LOG1P, e);
    return kb_add(b, max_zero(b, x), rest);
}

static Inst *negative_side(Builder *b, Inst *x, Inst *below)
{
    return kb_select(b, bin(b, LI_LT, x, scalar_like(b, x, 0)), below, x);
}

static Inst *exp_minus_one(Builder *b, Inst *x)
{
    return kb_op1(b, LI_EXPM1, x);
}

static Inst *gelu(Builder *b, const Node *node, Inst *x)
{
    Inst *half = scalar_like(b, x, 0.5), *one = scalar_like(b, x, 1);
    const char *approximate = node_string(node, "approximate");
    Inst *inner;
    if (approximate && !strcmp(approximate, "tanh")) {
        Inst *cube = kb_mul(b, kb_mul(b, x, x), x);
        inner = kb_add(b, x, kb_mul(b, scalar_like(b, x, 0.044715), cube));
        inner = kb_op1(b, LI_TANH, kb_mul(b, scalar_like(b, x, 0.7978845608028654), inner));
    } else {
        inner = kb_op1(b, LI_ERF, kb_mul(b, x, scalar_like(b, x, 0.7071067811865476)));
    }
    inner = kb_add(b, one, inner);
    return kb_mul(b, kb_mul(b, half, x), inner);
}

static Inst *shrink(Builder *b, const Node *node, Inst *x)
{
    double lambd = node_float(node, "lambd"), bias = node_float(node, "bias");
    Inst *zero = scalar_like(b, x, 0);
    Inst *high = kb_sub(b, x, scalar_like(b, x, bias)),
         *low = kb_add(b, x, scalar_like(b, x, bias));
    Inst *above = bin(b, LI_GT, x, scalar_like(b, x, lambd));
    Inst *below = bin(b, LI_LT, x, scalar_like(b, x, -lambd));
    return kb_select(b, above, high, kb_select(b, below, low, zero));
}

static Inst *sign(Builder *b, Inst *x)
{
    Inst *zero = scalar_like(b, x, 0), *one = scalar_like(b, x, 1);
    if (!dtype_is_signed(x->type.dtype)) return kb_select(b, bin(b, LI_GT, x, zero), one, zero);
    Inst *minus = scalar_like(b, x, -1);
    Inst *result = kb_select(b, bin(b, LI_LT, x, zero), minus, x);
    return kb_select(b, bin(b, LI_GT, x, zero), one, result);
}

static Inst *is_inf(Builder *b, const Node *node, Inst *x)
{
    Inst *no = kb_int(b, DT_BOOL, 0);
    if (!dtype_is_float(x->type.dtype)) return no;
    Inst *up = bin(b, LI_EQ, x, scalar_like(b, x, INFINITY));
    Inst *down = bin(b, LI_EQ, x, scalar_like(b, x, -INFINITY));
    if (!node_int(node, "detect_positive")) up = no;
    if (!node_int(node, "detect_negative")) down = no;
    return bin(b, LI_OR, up, down);
}

static Inst *unary_activation(Builder *b, const Node *node, Inst *x)
{
    switch (node->op) {
    case OP_RELU: return max_zero(b, x);
    case OP_SIGMOID: return scalar_sigmoid(b, x);
    case OP_SOFTPLUS: return scalar_softplus(b, x);
    case OP_SOFTSIGN:
        return bin(b, LI_DIV, x, kb_add(b, scalar_like(b, x, 1), kb_op1(b, LI_ABS, x)));
    case OP_MISH: return kb_mul(b, x, kb_op1(b, LI_TANH, scalar_softplus(b, x)));
    case OP_GELU: return gelu(b, node, x);
    case OP_SWISH:
        return kb_mul(
            b, x, scalar_sigmoid(b, kb_mul(b, x, scalar_like(b, x, node_float(node, "alpha")))));
    case OP_HARD_SIGMOID: {
        Inst *line = kb_add(b, kb_mul(b, x, scalar_like(b, x, node_float(node, "alpha"))),
                            scalar_like(b, x, node_float(node, "beta")));
        return scalar_clamp(b, line, 0, 1);
    }
    case OP_HARD_SWISH: {
        Inst *line = kb_add(b, kb_mul(b, x, scalar_like(b, x, 1.0 / 6)), scalar_like(b, x, 0.5));
        return kb_mul(b, x, scalar_clamp(b, line, 0, 1));
    }
    case OP_LEAKY_RELU:
        return negative_side(b, x, kb_mul(b, x, scalar_like(b, x, node_float(node, "alpha"))));
    case OP_ELU:
        return negative_side(
            b, x, kb_mul(b, scalar_like(b, x, node_float(node, "alpha")), exp_minus_one(b, x)));
    case OP_CELU: {
        double alpha = node_float(node, "alpha");
        Inst *scaled = bin(b, LI_DIV, x, scalar_like(b, x, alpha));
        return negative_side(b, x, kb_mul(b, scalar_like(b, x, alpha), exp_minus_one(b, scaled)));
    }
    case OP_SELU: {
        Inst *below = kb_mul(b, scalar_like(b, x, node_float(node, "alpha")), exp_minus_one(b, x));
        return kb_mul(b, scalar_like(b, x, node_float(node, "gamma")), negative_side(b, x, below));
    }
    case OP_THRESHOLDED_RELU: {
        Inst *over = bin(b, LI_GT, x, scalar_like(b, x, node_float(node, "alpha")));
        return kb_select(b, over, x, scalar_like(b, x, 0));
    }
    case OP_SHRINK: return shrink(b, node, x);
    default: return NULL;
    }
}

static Inst *rounding(Builder *b, InstOp op, Inst *x)
{
    return dtype_is_float(x->type.dtype) ? kb_op1(b, op, x) : x;
}

/* Of an integer: what remains of it without its fraction. */
static Inst *erf_of(Builder *b, Inst *x)
{
    DType type = x->type.dtype;
    if (dtype_is_float(type)) return kb_op1(b, LI_ERF, x);
    return scalar_to_int(b, type, kb_op1(b, LI_ERF, kb_cast(b, DT_F32, x)));
}

static Inst *unary(Builder *b, const Node *node, Inst *x)
{
    bool is_float = dtype_is_float(x->type.dtype);
    switch (node->op) {
    case OP_IDENTITY:
    case OP_COPY: return x;
    case OP_ABS: return dtype_is_signed(x->type.dtype) ? kb_op1(b, LI_ABS, x) : x;
    case OP_NEG: return kb_op1(b, LI_NEG, x);
    case OP_RECIPROCAL: return bin(b, LI_DIV, scalar_like(b, x, 1), x);
    case OP_FLOOR: return rounding(b, LI_FLOOR, x);
    case OP_CEIL: return rounding(b, LI_CEIL, x);
    case OP_ROUND: return rounding(b, LI_RINT, x);
    case OP_SIGN: return sign(b, x);
    case OP_SQRT: return kb_op1(b, LI_SQRT, x);
    case OP_EXP: return kb_op1(b, LI_EXP, x);
    case OP_LOG: return kb_op1(b, LI_LOG, x);
    case OP_SIN: return kb_op1(b, LI_SIN, x);
    case OP_COS: return kb_op1(b, LI_COS, x);
    case OP_TAN: return kb_op1(b, LI_TAN, x);
    case OP_ASIN: return kb_op1(b, LI_ASIN, x);
    case OP_ACOS: return kb_op1(b, LI_ACOS, x);
    case OP_ATAN: return kb_op1(b, LI_ATAN, x);
    case OP_SINH: return kb_op1(b, LI_SINH, x);
    case OP_COSH: return kb_op1(b, LI_COSH, x);
    case OP_ASINH: return kb_op1(b, LI_ASINH, x);
    case OP_ACOSH: return kb_op1(b, LI_ACOSH, x);
    case OP_ATANH: return kb_op1(b, LI_ATANH, x);
    case OP_TANH: return kb_op1(b, LI_TANH, x);
    case OP_ERF: return erf_of(b, x);
    case OP_NOT:
    case OP_BITWISE_NOT: return kb_op1(b, LI_NOT, x);
    case OP_IS_NAN: return is_float ? bin(b, LI_NE, x, x) : kb_int(b, DT_BOOL, 0);
    case OP_IS_INF: return is_inf(b, node, x);
    default: return unary_activation(b, node, x);
    }
}

Inst *scalar_is_nan(Builder *b, Inst *x)
{
    return dtype_is_float(x->type.dtype) ? bin(b, LI_NE, x, x) : kb_int(b, DT_BOOL, 0);
}

/* MIN gives its second operand for a NaN. What it gives is at most 1, so no sum has infinities of both
 * signs, whose sum is a NaN too. */
Inst *scalar_nan_term(Builder *b, Inst *x)
{
    return bin(b, LI_MIN, scalar_like(b, x, 1), x);
}

/* Larger or smaller of two; a NaN in either wins, as numpy has it. */
Inst *scalar_extreme(Builder *b, bool largest, Inst *a, Inst *c)
{
    Inst *pick = bin(b, largest ? LI_MAX : LI_MIN, a, c);
    return kb_select(b, scalar_is_nan(b, a), a, pick);
}

/* An integer divisor is never 0 at run time, whatever the data say. */
static Inst *safe_divisor(Builder *b, Inst *c)
{
    if (dtype_is_float(c->type.dtype)) return c;
    return kb_select(b, bin(b, LI_EQ, c, scalar_like(b, c, 0)), scalar_like(b, c, 1), c);
}

static Inst *int_divide(Builder *b, Inst *a, Inst *c)
{
    c = safe_divisor(b, c);
    if (!dtype_is_signed(c->type.dtype)) return bin(b, LI_DIV, a, c);
    /* The smallest value divided by -1 overflows: it is negated instead. */
    Inst *minus = bin(b, LI_EQ, c, scalar_like(b, c, -1));
    Inst *quotient = bin(b, LI_DIV, a, kb_select(b, minus, scalar_like(b, c, 1), c));
    return kb_select(b, minus, kb_op1(b, LI_NEG, a), quotient);
}

/* Python's %: the result has the divisor's sign. */
static Inst *modulo(Builder *b, const Node *node, Inst *a, Inst *c)
{
    if (dtype_is_float(a->type.dtype)) return kb_op(b, LI_FMOD, a, c);
    Inst *zero = scalar_like(b, a, 0);
    c = safe_divisor(b, c);
    if (dtype_is_signed(c->type.dtype)) {
        Inst *minus = bin(b, LI_EQ, c, scalar_like(b, c, -1));
        Inst *rest = bin(b, LI_REM, a, kb_select(b, minus, scalar_like(b, c, 1), c));
        if (node_int(node, "fmod")) return rest;
        Inst *other_sign = bin(b, LI_LT, bin(b, LI_XOR, rest, c), zero);
        Inst *adjust = bin(b, LI_AND, bin(b, LI_NE, rest, zero), other_sign);
        return kb_select(b, adjust, kb_add(b, rest, c), rest);
    }
    return bin(b, LI_REM, a, c);
}

/* a ** n for an integer exponent, by repeated squaring in the base's type. */
static Inst *int_power(Builder *b, Inst *a, Inst *n)
{
    Inst *one = scalar_like(b, a, 1);
    Inst *base = a, *result = one;
    for (int bit = 0; bit < 6; bit++) {
        Inst *set = bin(b, LI_NE, bin(b, LI_AND, bin(b, LI_SHR, n, kb_i64(b, bit)), kb_i64(b, 1)),
                        kb_i64(b, 0));
        result = kb_select(b, set, kb_mul(b, result, base), result);
        base = kb_mul(b, base, base);
    }
    return kb_select(b, bin(b, LI_LT, n, kb_i64(b, 0)), scalar_like(b, a, 0), result);
}

static bool constant_number(const Inst *inst, double *value)
{
    if (inst->op == LI_FLT)
        *value = inst->number;
    else if (inst->op == LI_INT)
        *value = (double)inst->value;
    else
        return false;
    return true;
}

static Inst *power(Builder *b, Inst *a, Inst *c)
{
    double exponent;
    bool known = constant_number(c, &exponent);
    if (known && exponent == 2) return kb_mul(b, a, a);
    if (known && exponent == 1) return a;
    if (!dtype_is_float(a->type.dtype)) {
        if (!dtype_is_float(c->type.dtype)) return int_power(b, a, kb_cast(b, DT_I64, c));
        c = kb_cast(b, DT_F64, c);
        Inst *result = kb_op(b, LI_POW, kb_cast(b, DT_F64, a), c);
        return scalar_to_int(b, a->type.dtype, result);
    }
    if (known && exponent == 3) return kb_mul(b, kb_mul(b, a, a), a);
    if (known && exponent == 0.5) return kb_op1(b, LI_SQRT, a);
    if (known && exponent == -1) return bin(b, LI_DIV, scalar_like(b, a, 1), a);
    return kb_op(b, LI_POW, a, kb_cast(b, a->type.dtype, c));
}

static Inst *bit_shift(Builder *b, const Node *node, Inst *a, Inst *c)
{
    const char *direction = node_string(node, "direction");
    bool left = direction && !strcmp(direction, "LEFT");
    double bits = (double)dtype_size(a->type.dtype) * 8;
    Inst *big = bin(b, LI_GE, c, scalar_like(b, c, bits));
    Inst *by = kb_select(b, big, scalar_like(b, c, 0), c);
    Inst *shifted = bin(b, left ? LI_SHL : LI_SHR, a, by);
    return kb_select(b, big, scalar_like(b, a, 0), shifted);
}

static Inst *compare(Builder *b, InstOp op, Inst *a, Inst *c)
{
    return bin(b, op, a, c);
}

static Inst *binary(Builder *b, const Node *node, Inst *a, Inst *c)
{
    switch (node->op) {
    case OP_ADD: return kb_add(b, a, c);
    case OP_SUB: return kb_sub(b, a, c);
    case OP_MUL: return kb_mul(b, a, c);
    case OP_DIV: return dtype_is_float(a->type.dtype) ? bin(b, LI_DIV, a, c) : int_divide(b, a, c);
    case OP_MOD: return modulo(b, node, a, c);
    case OP_POW: return power(b, a, c);
    case OP_PRELU: return negative_side(b, a, kb_mul(b, a, c));
    case OP_AND:
    case OP_BITWISE_AND: return bin(b, LI_AND, a, c);
    case OP_OR:
    case OP_BITWISE_OR: return bin(b, LI_OR, a, c);
    case OP_XOR:
    case OP_BITWISE_XOR: return bin(b, LI_XOR, a, c);
    case OP_BIT_SHIFT: return bit_shift(b, node, a, c);
    case OP_EQUAL: return compare(b, LI_EQ, a, c);
    case OP_LESS: return compare(b, LI_LT, a, c);
    case OP_GREATER: return compare(b, LI_GT, a, c);
    case OP_LESS_OR_EQUAL: return compare(b, LI_LE, a, c);
    case OP_GREATER_OR_EQUAL: return compare(b, LI_GE, a, c);
    default: return NULL;
    }
}

static Inst *variadic(Builder *b, const Node *node, Inst *const *x)
{
    Inst *result = x[0];
    for (int i = 1; i < node->in_count; i++) {
        switch (node->op) {
        case OP_MAX: result = scalar_extreme(b, true, result, x[i]); break;
        case OP_MIN: result = scalar_extreme(b, false, result, x[i]); break;
        default: result = kb_add(b, result, x[i]); break;
        }
    }
    if (node->op == OP_MEAN)
        result = bin(b, LI_DIV, result, scalar_like(b, result, node->in_count));
    return result;
}

static Inst *clip(Builder *b, Inst *const *x)
{
    Inst *value = x[0];
    if (x[1]) value = kb_select(b, bin(b, LI_LT, value, x[1]), x[1], value);
    if (x[2]) value = kb_select(b, bin(b, LI_GT, value, x[2]), x[2], value);
    return value;
}

Inst *scalar_apply(Lower *lw, const Node *node, Inst *const *x)
{
    Builder *b = &lw->b;
    switch (node->op) {
    case OP_CAST:
    case OP_CAST_LIKE: return scalar_cast(b, node, x[0]);
    case OP_CLIP: return clip(b, x);
    case OP_WHERE: return kb_select(b, x[0], x[1], x[2]);
    case OP_MAX:
    case OP_MIN:
    case OP_SUM:
    case OP_MEAN: return variadic(b, node, x);
    case OP_QUANTIZE_LINEAR: return scalar_quantize_node(b, node, x[0], x[1], x[2]);
    case OP_DEQUANTIZE_LINEAR: return scalar_dequantize_node(b, node, x[0], x[1], x[2]);
    default: break;
    }
    Inst *result = node->in_count > 1 ? binary(b, node, x[0], x[1]) : unary(b, node, x[0]);
    if (result) return result;
    diag_node(lw->diag, &node->origin, "has no element-wise rule");
    return x[0];
}
