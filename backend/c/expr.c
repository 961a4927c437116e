/* Pure instructions as C expressions.
 *
 * Signed arithmetic that may overflow goes through the unsigned type; that of loop variables, sizes
 * and small ranges (fold.c) is written plainly. The result of arithmetic on types narrower than int
 * is cast back. Vectors take the same path with vector types. */
#include "backend/c/emit.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static Expr make(KernelEmit *k, Prec prec, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static Expr make(KernelEmit *k, Prec prec, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    Expr expr = {arena_vprintf(k->e->arena, format, args), prec};
    va_end(args);
    return expr;
}

const char *expr_text(KernelEmit *k, const Inst *inst, Prec least)
{
    return c_paren(k->e->arena, expr_value(k, inst), least);
}

/* Operand i as a function's argument, as an operand of a tight operator. */
static const char *plain(KernelEmit *k, const Inst *inst, int i)
{
    return expr_value(k, inst->arg[i]).text;
}

static const char *tight(KernelEmit *k, const Inst *inst, int i)
{
    return expr_text(k, inst->arg[i], PREC_UNARY);
}

Expr expr_value(KernelEmit *k, const Inst *inst)
{
    const char *name = expr_info(k, inst)->name;
    return name ? (Expr){name, PREC_POSTFIX} : expr_compute(k, inst);
}

/* ---- Arithmetic ---- */

static const char *symbol_of(InstOp op)
{
    switch (op) {
    case LI_ADD: return "+";
    case LI_SUB: return "-";
    case LI_MUL: return "*";
    case LI_DIV: return "/";
    case LI_REM: return "%";
    case LI_AND: return "&";
    case LI_OR: return "|";
    case LI_XOR: return "^";
    case LI_SHL: return "<<";
    case LI_SHR: return ">>";
    case LI_EQ: return "==";
    case LI_NE: return "!=";
    case LI_LT: return "<";
    case LI_LE: return "<=";
    case LI_GT: return ">";
    case LI_GE: return ">=";
    default: return NULL;
    }
}

static Prec prec_of(InstOp op)
{
    if (op == LI_ADD || op == LI_SUB) return PREC_ADD;
    return op == LI_MUL || op == LI_DIV || op == LI_REM ? PREC_MUL : PREC_BITS;
}

static const char *unsigned_type(KernelEmit *k, LType type)
{
    static const DType wide[9] = {[1] = DT_U8, [2] = DT_U16, [4] = DT_U32, [8] = DT_U64};
    DType dtype = wide[dtype_size(type.dtype)];
    if (type.lanes > 1) return vector_type(k->e, (LType){dtype, type.lanes});
    return dtype_size(type.dtype) == 8 ? "uint64_t" : "uint32_t";
}

static bool is_small(LType type)
{
    return type.lanes == 1 && dtype_size(type.dtype) < 4;
}

/* Must this sum, difference, product or left shift wrap explicitly? */
static bool wraps(KernelEmit *k, const Inst *inst)
{
    LType type = inst->type;
    if (!dtype_is_int(type.dtype) || !dtype_is_signed(type.dtype) || is_small(type)) return false;
    const Info *info = expr_info(k, inst);
    bool sum = inst->op == LI_ADD || inst->op == LI_SUB || inst->op == LI_MUL;
    if (!sum) return inst->op == LI_SHL;
    if (info->index) return false;
    const Info *a = expr_info(k, inst->arg[0]), *b = expr_info(k, inst->arg[1]);
    int most = a->bits > b->bits ? a->bits : b->bits;
    int bits = inst->op == LI_MUL ? a->bits + b->bits : most + 1;
    return bits >= 8 * (int)dtype_size(type.dtype);
}

static Expr binary_of(KernelEmit *k, const Inst *inst, const char *a, const char *b)
{
    return make(k, prec_of(inst->op), "%s %s %s", a, symbol_of(inst->op), b);
}

/* inst as an expression of its unsigned type. */
static Expr unsigned_value(KernelEmit *k, const Inst *inst)
{
    const char *type = unsigned_type(k, inst->type);
    if (inst->op == LI_INT && inst->value >= 0)
        return c_int(k->e->arena, dtype_size(inst->type.dtype) == 8 ? DT_U64 : DT_U32, inst->value);
    bool open = !expr_info(k, inst)->name && wraps(k, inst);
    if (!open) return make(k, PREC_UNARY, "(%s)%s", type, expr_text(k, inst, PREC_UNARY));
    Expr a = unsigned_value(k, inst->arg[0]), b = unsigned_value(k, inst->arg[1]);
    Prec prec = prec_of(inst->op);
    Prec left = prec == PREC_BITS ? PREC_UNARY : prec, right = (Prec)(prec + 1);
    return binary_of(k, inst, c_paren(k->e->arena, a, left),
                     c_paren(k->e->arena, b, prec == PREC_BITS ? PREC_UNARY : right));
}

static bool is_literal(const KernelEmit *k, const Inst *inst)
{
    return !expr_info(k, inst)->name && inst->op == LI_INT && inst->type.lanes == 1;
}

/* Sums and products that need no cast; integers are associative. */
static Expr plain_binary(KernelEmit *k, const Inst *inst)
{
    Prec prec = prec_of(inst->op), left = prec, right = (Prec)(prec + 1);
    const Inst *b = inst->arg[1];
    bool free_order = (inst->op == LI_ADD || inst->op == LI_MUL) && b->op == inst->op;
    if (free_order && dtype_is_int(inst->type.dtype) && !expr_info(k, b)->name && !wraps(k, b))
        right = prec;
    if (prec == PREC_BITS) left = right = PREC_UNARY;
    const char *a = expr_text(k, inst->arg[0], left);
    if (is_literal(k, inst->arg[0]) && is_literal(k, b)) /* else an operation on ints */
        a = make(k, PREC_UNARY, "(%s)%s", vector_type(k->e, inst->type), a).text;
    if (inst->op == LI_ADD && is_literal(k, b) && b->value < 0 && b->value > INT64_MIN &&
        inst->type.dtype == DT_I64)
        return make(k, PREC_ADD, "%s - %s", a, c_int(k->e->arena, DT_I64, -b->value).text);
    return binary_of(k, inst, a, expr_text(k, b, right));
}

static Expr cast_back(KernelEmit *k, const Inst *inst, Expr value)
{
    const char *type = vector_type(k->e, inst->type);
    return make(k, PREC_UNARY, "(%s)%s", type, c_paren(k->e->arena, value, PREC_UNARY));
}

static Expr bool_binary(KernelEmit *k, const Inst *inst)
{
    bool both = inst->op == LI_AND || inst->op == LI_MUL || inst->op == LI_MIN;
    bool differ = inst->op == LI_XOR || inst->op == LI_SUB;
    if (inst->type.lanes > 1) {
        const char *b = tight(k, inst, 1), *a = tight(k, inst, 0);
        return make(k, PREC_BITS, "%s %s %s", a, both ? "&" : differ ? "^" : "|", b);
    }
    Prec least = differ ? PREC_ADD : PREC_COMPARE;
    const char *b = expr_text(k, inst->arg[1], least), *a = expr_text(k, inst->arg[0], least);
    return make(k, differ ? PREC_COMPARE : PREC_LOGIC, "%s %s %s", a,
                both     ? "&&"
                : differ ? "!="
                         : "||",
                b);
}

static Expr call2(KernelEmit *k, const char *function, const Inst *inst)
{
    const char *b = plain(k, inst, 1), *a = plain(k, inst, 0);
    return make(k, PREC_POSTFIX, "%s(%s, %s)", function, a, b);
}

static bool literal_other_than(const Inst *inst, int64_t value)
{
    if (inst->op == LI_SPLAT) inst = inst->arg[0];
    return inst->op == LI_INT && inst->value != value;
}

static Expr extreme(KernelEmit *k, const Inst *inst)
{
    const char *name = inst_name(inst->op);
    return call2(k,
                 inst->type.lanes > 1 ? vector_intrinsic(k->e, name, inst->type)
                                      : helper_scalar(k->e, name, inst->type.dtype),
                 inst);
}

static Expr binary(KernelEmit *k, const Inst *inst)
{
    LType type = inst->type;
    if (type.dtype == DT_BOOL) return bool_binary(k, inst);
    if (inst->op == LI_MIN || inst->op == LI_MAX) return extreme(k, inst);
    if (dtype_is_float(type.dtype)) return plain_binary(k, inst);
    bool divides = inst->op == LI_DIV || inst->op == LI_REM;
    bool exact = !dtype_is_signed(type.dtype) || literal_other_than(inst->arg[1], -1) ||
                 (expr_info(k, inst->arg[0])->index && expr_info(k, inst->arg[1])->index);
    if (divides && !exact) {
        const char *name = inst_name(inst->op);
        return call2(k,
                     type.lanes > 1 ? vector_helper(k->e, name, type)
                                    : helper_scalar(k->e, name, type.dtype),
                     inst);
    }
    if (wraps(k, inst)) {
        Expr a = unsigned_value(k, inst->arg[0]), b = unsigned_value(k, inst->arg[1]);
        Prec prec = prec_of(inst->op), left = prec == PREC_BITS ? PREC_UNARY : prec;
        Prec right = prec == PREC_BITS ? PREC_UNARY : (Prec)(prec + 1);
        return cast_back(
            k, inst,
            binary_of(k, inst, c_paren(k->e->arena, a, left), c_paren(k->e->arena, b, right)));
    }
    if (!is_small(type)) return plain_binary(k, inst);
    if (inst->op == LI_MUL || inst->op == LI_SHL) { /* u16 * u16 does not fit an int */
        const char *b = tight(k, inst, 1), *a = tight(k, inst, 0);
        return cast_back(
            k, inst, make(k, PREC_MUL, "(uint32_t)%s %s (uint32_t)%s", a, symbol_of(inst->op), b));
    }
    return cast_back(k, inst, plain_binary(k, inst));
}

/* ---- Relations ---- */

/* Masks are 0 and -1, so that false < true is `not a and b`. */
static Expr mask_relation(KernelEmit *k, const Inst *inst)
{
    const char *a = tight(k, inst, 0), *b = tight(k, inst, 1);
    switch (inst->op) {
    case LI_EQ: return make(k, PREC_UNARY, "~(%s ^ %s)", a, b);
    case LI_NE: return make(k, PREC_BITS, "%s ^ %s", a, b);
    case LI_LT: return make(k, PREC_BITS, "~%s & %s", a, b);
    case LI_LE: return make(k, PREC_BITS, "~%s | %s", a, b);
    case LI_GT: return make(k, PREC_BITS, "%s & ~%s", a, b);
    default: return make(k, PREC_BITS, "%s | ~%s", a, b);
    }
}

static Expr relation(KernelEmit *k, const Inst *inst)
{
    LType type = inst->arg[0]->type;
    if (type.lanes > 1 && type.dtype == DT_BOOL) return mask_relation(k, inst);
    const char *a = expr_text(k, inst->arg[0], PREC_ADD);
    Expr compare = make(k, PREC_COMPARE, "%s %s %s", a, symbol_of(inst->op),
                        expr_text(k, inst->arg[1], PREC_ADD));
    if (type.lanes == 1) return compare;
    const char *mask = vector_type(k->e, inst->type);
    if (dtype_size(type.dtype) == 4) return make(k, PREC_UNARY, "(%s)(%s)", mask, compare.text);
    return make(k, PREC_POSTFIX, "__builtin_convertvector(%s, %s)", compare.text, mask);
}

static Expr select(KernelEmit *k, const Inst *inst)
{
    LType type = inst->type, cond = inst->arg[0]->type;
    if (cond.lanes == 1) {
        const char *other = expr_text(k, inst->arg[2], PREC_LOGIC);
        const char *then = expr_text(k, inst->arg[1], PREC_LOGIC);
        return make(k, PREC_TERNARY, "%s ? %s : %s", expr_text(k, inst->arg[0], PREC_LOGIC), then,
                    other);
    }
    static const DType masks[9] = {[1] = DT_I8, [2] = DT_I16, [4] = DT_I32, [8] = DT_I64};
    const char *helper = vector_helper(k->e, "select", type);
    const char *mask = plain(k, inst, 0);
    size_t size = type.dtype == DT_BOOL ? 4 : dtype_size(type.dtype);
    if (size != 4)
        mask = make(k, PREC_POSTFIX, "__builtin_convertvector(%s, %s)", mask,
                    vector_type(k->e, (LType){masks[size], type.lanes}))
                   .text;
    const char *other = plain(k, inst, 2), *then = plain(k, inst, 1);
    return make(k, PREC_POSTFIX, "%s(%s, %s, %s)", helper, mask, then, other);
}

/* ---- One operand ---- */

static Expr call1(KernelEmit *k, const char *function, const Inst *inst)
{
    return make(k, PREC_POSTFIX, "%s(%s)", function, plain(k, inst, 0));
}

static Expr unary(KernelEmit *k, const Inst *inst)
{
    LType type = inst->type;
    bool is_float = dtype_is_float(type.dtype);
    const char *a = expr_text(k, inst->arg[0], PREC_POSTFIX);
    if (inst->op == LI_NOT) {
        if (type.dtype == DT_BOOL && type.lanes == 1) return make(k, PREC_UNARY, "!%s", a);
        Expr flipped = make(k, PREC_UNARY, "~%s", a);
        return is_small(type) ? cast_back(k, inst, flipped) : flipped;
    }
    if (inst->op == LI_NEG) {
        if (is_float) return make(k, PREC_UNARY, "-%s", a);
        bool cast = type.lanes == 1 || dtype_is_signed(type.dtype);
        if (!cast) return make(k, PREC_UNARY, "-%s", a);
        Expr from = make(k, PREC_UNARY, "(%s)%s", unsigned_type(k, type), a);
        return cast_back(k, inst, make(k, PREC_ADD, type.lanes > 1 ? "-%s" : "0 - %s", from.text));
    }
    if (inst->op == LI_ABS && !is_float) {
        if (!dtype_is_signed(type.dtype)) return expr_value(k, inst->arg[0]);
        return call1(k,
                     type.lanes > 1 ? vector_helper(k->e, "abs", type)
                                    : helper_scalar(k->e, "abs", type.dtype),
                     inst);
    }
    if (type.lanes > 1)
        return call1(k,
                     inst->op == LI_ABS ? vector_helper(k->e, "fabs", type)
                                        : vector_intrinsic(k->e, inst_name(inst->op), type),
                     inst);
    k->e->use_math = true;
    return call1(k, math_name(inst->op, type.dtype), inst);
}

/* `text` converted from one type to another, neither of them half precision. */
static Expr convert(KernelEmit *k, Expr value, LType from, LType to)
{
    const char *type = vector_type(k->e, to);
    bool is_float = dtype_is_float(from.dtype);
    const char *operand = c_paren(k->e->arena, value, PREC_UNARY);
    if (from.lanes == 1 && to.dtype == DT_BOOL)
        return make(k, PREC_COMPARE, "%s != 0%s", c_paren(k->e->arena, value, PREC_ADD),
                    from.dtype == DT_F32 ? ".0f"
                    : is_float           ? ".0"
                                         : "");
    if (from.lanes == 1) return make(k, PREC_UNARY, "(%s)%s", type, operand);
    if (to.dtype == DT_BOOL) {
        const char *zero = make(k, PREC_POSTFIX, "(%s){0}", vector_type(k->e, from)).text;
        if (dtype_size(from.dtype) == 4)
            return make(k, PREC_POSTFIX, "((%s)(%s != %s))", type, operand, zero);
        return make(k, PREC_POSTFIX, "__builtin_convertvector(%s != %s, %s)", operand, zero, type);
    }
    const LType words = {DT_I32, to.lanes};
    const char *bytes = vector_bytes(k->e, from, to);
    if (bytes) return make(k, PREC_POSTFIX, "%s(%s)", bytes, value.text);
    /* Between bytes and floats by way of words, which are the same values. */
    bool by_words = (from.dtype == DT_F32 && vector_bytes(k->e, words, to)) ||
                    (to.dtype == DT_F32 && vector_bytes(k->e, from, words));
    if (by_words) return convert(k, convert(k, value, from, words), words, to);
    const char *sign = from.dtype == DT_BOOL ? "-" : ""; /* masks are 0 and -1 */
    if (from.dtype == DT_BOOL) operand = c_paren(k->e->arena, value, PREC_POSTFIX);
    return make(k, PREC_POSTFIX, "__builtin_convertvector(%s%s, %s)", sign, operand, type);
}

static Expr cast(KernelEmit *k, const Inst *inst)
{
    LType from = inst->arg[0]->type, to = inst->type;
    Expr value = expr_value(k, inst->arg[0]);
    bool from_half = from.dtype == DT_F16 || from.dtype == DT_BF16;
    bool to_half = to.dtype == DT_F16 || to.dtype == DT_BF16;
    LType single = {DT_F32, to.lanes};
    if (from.dtype == to.dtype) return value;
    if (from_half) {
        const char *widen = to.lanes > 1 ? vector_half(k->e, from.dtype, DT_F32, to.lanes)
                                         : helper_half(k->e, from.dtype, DT_F32);
        value = make(k, PREC_POSTFIX, "%s(%s)", widen, value.text);
        from = single;
    }
    if (!to_half) return from.dtype == to.dtype ? value : convert(k, value, from, to);
    if (from.dtype != DT_F32) value = convert(k, value, from, single);
    const char *narrow = to.lanes > 1 ? vector_half(k->e, DT_F32, to.dtype, to.lanes)
                                      : helper_half(k->e, DT_F32, to.dtype);
    return make(k, PREC_POSTFIX, "%s(%s)", narrow, value.text);
}

static Expr bitcast(KernelEmit *k, const Inst *inst)
{
    DType from = inst->arg[0]->type.dtype, to = inst->type.dtype;
    bool cast = inst->type.lanes > 1 || (!dtype_is_float(from) && !dtype_is_float(to)) ||
                !strcmp(dtype_ctype(from), dtype_ctype(to));
    if (cast) return cast_back(k, inst, expr_value(k, inst->arg[0]));
    return call1(k, helper_bitcast(k->e, from, to), inst);
}

/* ---- Memory and vectors ---- */

const char *expr_address(KernelEmit *k, const Inst *access)
{
    const char *name = k->param_names[param_position(k->kernel, access->param)];
    if (access->arg[0]->op == LI_INT && access->arg[0]->value == 0) return name;
    return make(k, PREC_UNARY, "&%s[%s]", name, plain(k, access, 0)).text;
}

static Expr load(KernelEmit *k, const Inst *inst)
{
    const char *name = k->param_names[param_position(k->kernel, inst->param)];
    const char *limit = inst->limit ? expr_value(k, inst->limit).text : NULL;
    if (inst->type.lanes == 1) {
        Expr element = make(k, PREC_POSTFIX, "%s[%s]", name, plain(k, inst, 0));
        if (!limit) return element;
        const char *zero = inst->type.dtype == DT_F32   ? "0.0f"
                           : inst->type.dtype == DT_F64 ? "0.0"
                                                        : "0";
        return make(k, PREC_TERNARY, "%s > 0 ? %s : %s", expr_text(k, inst->limit, PREC_ADD),
                    element.text, zero);
    }
    const char *helper = vector_load(k->e, inst->type, inst->stride != NULL, limit != NULL);
    const char *stride = inst->stride ? expr_value(k, inst->stride).text : NULL;
    return make(k, PREC_POSTFIX, "%s(%s%s%s%s%s)", helper, expr_address(k, inst),
                stride ? ", " : "", stride ? stride : "", limit ? ", " : "", limit ? limit : "");
}

static Expr fma_of(KernelEmit *k, const Inst *inst)
{
    const char *a = plain(k, inst, 0), *b = plain(k, inst, 1), *c = plain(k, inst, 2);
    DType type = inst->type.dtype;
    const char *function = type == DT_F32 ? "fmaf" : "fma";
    if (dtype_is_int(type)) { /* exact modulo 2^n, so the wrapping forms of * and + do */
        const char *u = unsigned_type(k, inst->type);
        const char *z = tight(k, inst, 2), *y = tight(k, inst, 1), *x = tight(k, inst, 0);
        Expr sum = make(k, PREC_ADD, "(%s)%s * (%s)%s + (%s)%s", u, x, u, y, u, z);
        return cast_back(k, inst, sum);
    }
    if (inst->type.lanes > 1) function = vector_intrinsic(k->e, "fma", inst->type);
    k->e->use_math = true;
    return make(k, PREC_POSTFIX, "%s(%s, %s, %s)", function, a, b, c);
}

static Expr splat(KernelEmit *k, const Inst *inst)
{
    LType type = inst->type;
    if (type.lanes == 1) return expr_value(k, inst->arg[0]);
    const char *helper = vector_helper(k->e, "splat", type);
    if (type.dtype == DT_BOOL)
        return make(k, PREC_POSTFIX, "%s(%s ? -1 : 0)", helper,
                    expr_text(k, inst->arg[0], PREC_LOGIC));
    return call1(k, helper, inst);
}

static Expr iota(KernelEmit *k, const Inst *inst)
{
    Text list;
    text_init(&list, k->e->arena);
    for (int i = 0; i < inst->type.lanes; i++) text_printf(&list, i ? ", %d" : "%d", i);
    if (inst->type.lanes == 1) return (Expr){"0", PREC_POSTFIX};
    return make(k, PREC_POSTFIX, "(%s){%s}", vector_type(k->e, inst->type), list.data);
}

static Expr dot4(KernelEmit *k, const Inst *inst)
{
    int lanes = inst->type.lanes;
    const char *b = plain(k, inst, 2), *a = plain(k, inst, 1), *acc = plain(k, inst, 0);
    const char *helper = lanes > 1 ? vector_dot4(k->e, lanes, inst_dot_left(inst))
                                   : helper_dot4(k->e, inst->value != 0);
    return make(k, PREC_POSTFIX, "%s(%s, %s, %s)", helper, acc, a, b);
}

static Expr other(KernelEmit *k, const Inst *inst)
{
    switch (inst->op) {
    case LI_FMA: return fma_of(k, inst);
    case LI_SELECT: return select(k, inst);
    case LI_CAST: return cast(k, inst);
    case LI_BITCAST: return bitcast(k, inst);
    case LI_SPLAT: return splat(k, inst);
    case LI_IOTA: return iota(k, inst);
    case LI_LANE:
        if (inst->arg[0]->type.lanes == 1) return expr_value(k, inst->arg[0]);
        return make(k, inst->type.dtype == DT_BOOL ? PREC_COMPARE : PREC_POSTFIX, "%s[%d]%s",
                    expr_text(k, inst->arg[0], PREC_POSTFIX), (int)inst->value,
                    inst->type.dtype == DT_BOOL ? " != 0" : "");
    case LI_DOT4: return dot4(k, inst);
    default: /* HADD, HMIN, HMAX */
        if (inst->arg[0]->type.lanes == 1) return expr_value(k, inst->arg[0]);
        return call1(k, vector_horizontal(k->e, inst->op, inst->arg[0]->type), inst);
    }
}

Expr expr_compute(KernelEmit *k, const Inst *inst)
{
    DType type = inst->type.dtype;
    switch (inst_class(inst->op)) {
    case 'K':
        if (inst->op == LI_INT) return c_int(k->e->arena, type, inst->value);
        if (inst->op == LI_SIZE) return c_size(k->e, inst->size, k->sym_names);
        if (inst->number - inst->number != 0) k->e->use_math = true; /* INFINITY, NAN */
        return c_float(k->e->arena, type, inst->number);
    case 'M':
        if (inst->op == LI_LOAD) return load(k, inst);
        return (Expr){k->cell_names[cell_position(k->kernel, inst->cell)], PREC_POSTFIX};
    case 'B': return binary(k, inst);
    case 'R': return relation(k, inst);
    case 'U': return unary(k, inst);
    case 'F':
    case 'G': {
        const char *f = inst->type.lanes > 1 ? vector_math(k->e, inst->op, inst->type)
                                             : math_name(inst->op, type);
        k->e->use_math = true;
        return inst_args(inst->op) == 2 ? call2(k, f, inst) : call1(k, f, inst);
    }
    default: return other(k, inst);
    }
}
