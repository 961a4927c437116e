/* Strings to numbers: what C's strtod, strtoll and strtoull read of decimals, in ONNX Runtime's Cast. */
#include "passes/lower/frame/narrow.h"
#include "passes/lower/frame/scalar.h"
#include "passes/lower/strings/cast.h"
#include "passes/lower/strings/decimal.h"

#include <math.h>

typedef struct In {
    Lower *lw;
    Str from;
    Inst *length;
    Cell *at;   /* the next byte */
    Cell *down; /* is there a minus? */
} In;

/* A byte at or behind the end is 0. */
static Inst *byte_at(In *in, Inst *i)
{
    Lower *lw = in->lw;
    Builder *b = &lw->b;
    Inst *near = kb_op(b, LI_MIN, i, kb_i64(b, in->from.most - 1));
    Inst *inside = kb_op(b, LI_LT, i, in->length);
    return kb_select(b, inside, str_byte(lw, &in->from, near), kb_i64(b, 0));
}

static Inst *next_byte(In *in)
{
    return byte_at(in, kb_get(&in->lw->b, in->at));
}

static Inst *is(Builder *b, Inst *byte, int c)
{
    return kb_op(b, LI_EQ, byte, kb_i64(b, c));
}

static Inst *is_between(Builder *b, Inst *byte, int low, int high)
{
    Inst *above = kb_op(b, LI_GE, byte, kb_i64(b, low));
    return kb_op(b, LI_AND, above, kb_op(b, LI_LE, byte, kb_i64(b, high)));
}

static void skip_spaces(In *in)
{
    Lower *lw = in->lw;
    Builder *b = &lw->b;
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), in->length, 1);
    Inst *byte = next_byte(in);
    Inst *space = is(b, byte, ' ');
    space = kb_op(b, LI_OR, space, is_between(b, byte, 9, 13));
    kb_if(b, kb_op1(b, LI_NOT, space));
    kb_break(b);
    kb_end(b);
    str_add(lw, in->at, kb_i64(b, 1));
    kb_end(b);
}

/* Takes a sign, if one is next; is it a minus? */
static Inst *take_sign(In *in)
{
    Lower *lw = in->lw;
    Builder *b = &lw->b;
    Inst *byte = next_byte(in), *minus = is(b, byte, '-');
    Inst *sign = kb_op(b, LI_OR, minus, is(b, byte, '+'));
    str_add(lw, in->at, kb_cast(b, DT_I64, sign));
    return minus;
}

static In begin(Lower *lw, Str from)
{
    Builder *b = &lw->b;
    Inst *length = str_length(lw, &from);
    In in = {lw, from, length, str_cell(lw, "at", 0), NULL};
    skip_spaces(&in);
    in.down = kb_cell(b, "down", (LType){DT_BOOL, 1}, take_sign(&in));
    return in;
}

static void fail_if(Lower *lw, Inst *condition)
{
    kb_if(&lw->b, condition);
    kb_fail(&lw->b, STRING_VALUE);
    kb_end(&lw->b);
}

/* ---- Integers ---- */

static Inst *parse_integer(Lower *lw, Str from, bool is_signed)
{
    Builder *b = &lw->b;
    In in = begin(lw, from);
    Inst *most = kb_int(b, DT_U64, -1), *ten = kb_int(b, DT_U64, 10);
    Cell *value = kb_cell(b, "value", (LType){DT_U64, 1}, kb_int(b, DT_U64, 0));
    Inst *start = kb_get(b, in.at);
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), in.length, 1);
    Inst *byte = next_byte(&in);
    kb_if(b, kb_op1(b, LI_NOT, is_between(b, byte, '0', '9')));
    kb_break(b);
    kb_end(b);
    Inst *digit = kb_cast(b, DT_U64, kb_addi(b, byte, -'0')), *old = kb_get(b, value);
    fail_if(lw, kb_op(b, LI_GT, old, kb_op(b, LI_DIV, kb_sub(b, most, digit), ten)));
    kb_set(b, value, kb_add(b, kb_mul(b, old, ten), digit));
    str_add(lw, in.at, kb_i64(b, 1));
    kb_end(b);
    fail_if(lw, kb_op(b, LI_EQ, kb_get(b, in.at), start));
    Inst *all = kb_get(b, value), *down = kb_get(b, in.down);
    Inst *limit = kb_add(b, kb_int(b, DT_U64, INT64_MAX), kb_cast(b, DT_U64, down));
    if (is_signed) fail_if(lw, kb_op(b, LI_GT, all, limit));
    return kb_select(b, down, kb_sub(b, kb_int(b, DT_U64, 0), all), all);
}

/* ---- Floating point ---- */

/* Digits before and behind a point: as many as 64 bits hold, the others count in the exponent. */
typedef struct Number {
    Cell *value, *exponent, *digits, *point;
} Number;

static void take_digit(In *in, Number *n, Inst *byte)
{
    Lower *lw = in->lw;
    Builder *b = &lw->b;
    Inst *old = kb_get(b, n->value), *zero = kb_i64(b, 0), *one = kb_i64(b, 1);
    Inst *room = kb_op(b, LI_LT, old, kb_i64(b, 100000000000000000)); /* 10^17 */
    Inst *more = kb_muli(b, old, 10);
    more = kb_add(b, more, kb_addi(b, byte, -'0'));
    kb_set(b, n->value, kb_select(b, room, more, old));
    Inst *behind = kb_select(b, kb_get(b, n->point), one, zero);
    Inst *beyond = kb_select(b, room, zero, one);
    str_add(lw, n->exponent, kb_sub(b, beyond, behind));
    str_add(lw, n->digits, one);
}

static void take_digits(In *in, Number *n)
{
    Lower *lw = in->lw;
    Builder *b = &lw->b;
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), in->length, 1);
    Inst *byte = next_byte(in), *digit = is_between(b, byte, '0', '9');
    Inst *point = is(b, byte, '.');
    point = kb_op(b, LI_AND, point, kb_op1(b, LI_NOT, kb_get(b, n->point)));
    kb_if(b, kb_op1(b, LI_NOT, kb_op(b, LI_OR, digit, point)));
    kb_break(b);
    kb_end(b);
    kb_if(b, digit);
    take_digit(in, n, byte);
    kb_else(b);
    kb_set(b, n->point, kb_int(b, DT_BOOL, 1));
    kb_end(b);
    str_add(lw, in->at, kb_i64(b, 1));
    kb_end(b);
}

static void take_exponent(In *in, Number *n)
{
    Lower *lw = in->lw;
    Builder *b = &lw->b;
    Cell *value = str_cell(lw, "power", 0);
    kb_if(b, is(b, kb_op(b, LI_OR, next_byte(in), kb_i64(b, 32)), 'e'));
    str_add(lw, in->at, kb_i64(b, 1));
    Inst *down = take_sign(in);
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), in->length, 1);
    Inst *byte = next_byte(in), *old = kb_get(b, value);
    kb_if(b, kb_op1(b, LI_NOT, is_between(b, byte, '0', '9')));
    kb_break(b);
    kb_end(b);
    Inst *more = kb_muli(b, old, 10);
    more = kb_add(b, more, kb_addi(b, byte, -'0'));
    kb_set(b, value, kb_op(b, LI_MIN, more, kb_i64(b, 100000)));
    str_add(lw, in->at, kb_i64(b, 1));
    kb_end(b);
    Inst *power = kb_get(b, value);
    str_add(lw, n->exponent, kb_select(b, down, kb_op1(b, LI_NEG, power), power));
    kb_end(b);
}

/* value * 10^exponent; value < 2^63 as two halves, each of which a double holds. */
static Inst *compose(Lower *lw, const Number *n)
{
    Builder *b = &lw->b;
    Inst *value = kb_get(b, n->value), *k = kb_get(b, n->exponent);
    Inst *low = kb_cast(b, DT_F64, kb_op(b, LI_AND, value, kb_i64(b, UINT32_MAX)));
    Inst *high = kb_cast(b, DT_F64, kb_op(b, LI_SHR, value, kb_i64(b, 32)));
    high = kb_mul(b, high, kb_float(b, DT_F64, 4294967296.0));
    Inst *sum = kb_add(b, high, low);
    Sum x = {sum, kb_sub(b, low, kb_sub(b, sum, high))};
    k = kb_op(b, LI_MIN, kb_op(b, LI_MAX, k, kb_i64(b, LEAST_EXPONENT)), kb_i64(b, 320));
    x = decimal_scale(lw, x, k);
    Inst *over = kb_float(b, DT_F64, INFINITY);
    Inst *is_over = kb_op(b, LI_EQ, x.high, over);
    Inst *all = kb_select(b, is_over, over, kb_add(b, x.high, x.low));
    Inst *zero = kb_op(b, LI_EQ, value, kb_i64(b, 0));
    return kb_select(b, zero, kb_float(b, DT_F64, 0), all);
}

/* nan or inf in any case, from *at on; else the run ends. */
static Inst *named_number(In *in)
{
    Lower *lw = in->lw;
    Builder *b = &lw->b;
    static const char *const names[] = {"nan", "inf"};
    Inst *found[2];
    for (int k = 0; k < 2; k++) {
        found[k] = kb_int(b, DT_BOOL, 1);
        for (int i = 0; i < 3; i++) {
            Inst *byte = byte_at(in, kb_addi(b, kb_get(b, in->at), i));
            Inst *small = kb_op(b, LI_OR, byte, kb_i64(b, 32));
            found[k] = kb_op(b, LI_AND, found[k], is(b, small, names[k][i]));
        }
    }
    fail_if(lw, kb_op1(b, LI_NOT, kb_op(b, LI_OR, found[0], found[1])));
    return kb_select(b, found[0], kb_float(b, DT_F64, (double)NAN), kb_float(b, DT_F64, INFINITY));
}

static Number new_number(Lower *lw)
{
    Number n = {0};
    n.value = str_cell(lw, "value", 0);
    n.exponent = str_cell(lw, "exponent", 0);
    n.digits = str_cell(lw, "digits", 0);
    n.point = kb_cell(&lw->b, "point", (LType){DT_BOOL, 1}, kb_int(&lw->b, DT_BOOL, 0));
    return n;
}

static Inst *parse_float(Lower *lw, Str from)
{
    Builder *b = &lw->b;
    In in = begin(lw, from);
    Number n = new_number(lw);
    Cell *result = kb_cell(b, "number", (LType){DT_F64, 1}, kb_float(b, DT_F64, 0));
    Cell *start = str_cell(lw, "start", 0);
    kb_set(b, start, kb_get(b, in.at));
    take_digits(&in, &n);
    kb_if(b, kb_op(b, LI_GT, kb_get(b, n.digits), kb_i64(b, 0)));
    take_exponent(&in, &n);
    kb_set(b, result, compose(lw, &n));
    kb_else(b);
    kb_set(b, in.at, kb_get(b, start));
    kb_set(b, result, named_number(&in));
    kb_end(b);
    Inst *value = kb_get(b, result);
    Inst *down = kb_get(b, in.down);
    return kb_select(b, down, kb_op1(b, LI_NEG, value), value);
}

Inst *cast_parse(Lower *lw, Str from, DType type)
{
    if (dtype_is_float(type)) return parse_float(lw, from);
    return kb_cast(&lw->b, type, parse_integer(lw, from, dtype_is_signed(type)));
}

/* ---- Cast ---- */

/* What a narrow type's text is read as. */
static DType wide_of(DType narrow)
{
    return dtype_is_code(narrow) ? DT_F64 : DT_I64;
}

int lower_cast(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node_result(node);
    bool from = dtype_is_string(x->dtype), to = dtype_is_string(out->dtype);
    Inst *idx[MAX_RANK] = {0};
    if (from == to) return lower_point(lw, node);
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, 200, idx);
    if (from) {
        Str text = str_in(lw, x, idx);
        bool narrow = dtype_is_narrow(out->dtype);
        Inst *value = cast_parse(lw, text, narrow ? wide_of(out->dtype) : out->dtype);
        lower_store(lw, idx, narrow ? scalar_cast(&lw->b, node, value) : value);
    } else {
        Inst *value = narrow_number_of(&lw->b, x->dtype, lower_load(lw, x, idx));
        cast_format(lw, str_out(lw, out, idx), value);
    }
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
