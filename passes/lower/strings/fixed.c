/* lpc.FormatFixed: floats with six digits behind the point, as printf's %f writes them: all digits before it, to
 * the nearest, to an even one in the middle of two. CastMap has them. */
#include "passes/lower/strings/writer.h"

#include "passes/lower/frame/scalar.h"

#include <math.h>

enum {
    DIGITS = 6,          /* behind the point */
    PART = 9,            /* digits of one part of a large number */
    PARTS = 5,           /* of them, for less than 2^128 */
    LEAST_EXPONENT = 150 /* of bits: those of 2^23, whose mantissa is the number itself */
};

/* A number below 2^24. What is behind its point has no more than 24 bits, and times a million it is exact. */
static void put_small(Writer *o, Inst *x)
{
    Builder *b = &o->lw->b;
    Inst *whole = kb_op1(b, LI_FLOOR, x), *scale = kb_float(b, DT_F64, 1e6);
    Inst *rest = kb_op1(b, LI_RINT, kb_mul(b, kb_sub(b, x, whole), scale));
    Inst *over = kb_op(b, LI_GE, rest, scale);
    Inst *before = kb_cast(b, DT_U64, scalar_to_index(b, whole));
    before = kb_select(b, over, kb_add(b, before, kb_int(b, DT_U64, 1)), before);
    rest = scalar_to_index(b, kb_select(b, over, kb_float(b, DT_F64, 0), rest));
    writer_digits(o, before, writer_count_digits(b, before));
    writer_char(o, '.');
    writer_digits(o, rest, kb_i64(b, DIGITS));
}

/* A mantissa, doubled as often as the exponent says, in parts of nine decimal digits, the lowest first. */
static void make_parts(Lower *lw, Inst *x, Cell *parts[PARTS])
{
    Builder *b = &lw->b;
    Inst *bits = kb_cast(b, DT_I64, kb_bitcast(b, DT_U32, x)), *base = kb_i64(b, 1000000000);
    Inst *exponent = kb_op(b, LI_AND, kb_op(b, LI_SHR, bits, kb_i64(b, 23)), kb_i64(b, 255));
    Inst *low = kb_op(b, LI_AND, bits, kb_i64(b, (1 << 23) - 1));
    for (int i = 0; i < PARTS; i++) parts[i] = str_cell(lw, "part", 0);
    kb_set(b, parts[0], kb_op(b, LI_OR, low, kb_i64(b, 1 << 23)));
    kb_for(b, LOOP_SERIAL, kb_i64(b, LEAST_EXPONENT), exponent, 1);
    Inst *carry = kb_i64(b, 0);
    for (int i = 0; i < PARTS; i++) {
        Inst *twice = kb_add(b, kb_muli(b, kb_get(b, parts[i]), 2), carry);
        Inst *over = kb_op(b, LI_GE, twice, base);
        kb_set(b, parts[i], kb_select(b, over, kb_sub(b, twice, base), twice));
        carry = kb_cast(b, DT_I64, over);
    }
    kb_end(b);
}

/* A finite number of 2^24 or more: nothing is behind its point. */
static void put_large(Writer *o, Inst *x)
{
    Builder *b = &o->lw->b;
    Cell *parts[PARTS], *started = str_cell(o->lw, "started", 0);
    make_parts(o->lw, x, parts);
    for (int i = PARTS; i-- > 0;) {
        Inst *part = kb_get(b, parts[i]), *begun = kb_get(b, started);
        Inst *has = kb_op(b, LI_OR, begun, part);
        kb_if(b, kb_op(b, LI_NE, has, kb_i64(b, 0)));
        Inst *digits = writer_count_digits(b, kb_cast(b, DT_U64, part));
        Inst *first = kb_op(b, LI_EQ, begun, kb_i64(b, 0));
        writer_digits(o, part, kb_select(b, first, digits, kb_i64(b, PART)));
        kb_set(b, started, kb_i64(b, 1));
        kb_end(b);
    }
    writer_word(o, ".000000");
}

static void put_fixed(Writer *o, Inst *x)
{
    Builder *b = &o->lw->b;
    Inst *size = kb_op1(b, LI_ABS, x);
    kb_if(b, kb_op(b, LI_LT, kb_bitcast(b, DT_I32, x), kb_int(b, DT_I32, 0)));
    writer_char(o, '-');
    kb_end(b);
    kb_if(b, kb_op(b, LI_NE, x, x));
    writer_word(o, "nan");
    kb_else(b);
    kb_if(b, kb_op(b, LI_EQ, size, kb_float(b, DT_F32, INFINITY)));
    writer_word(o, "inf");
    kb_else(b);
    kb_if(b, kb_op(b, LI_LT, size, kb_float(b, DT_F32, 0x1p24)));
    put_small(o, kb_cast(b, DT_F64, size));
    kb_else(b);
    put_large(o, size);
    kb_end(b);
    kb_end(b);
    kb_end(b);
}

int lower_format_fixed(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node_result(node);
    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, 200, idx);
    Inst *value = lower_load(lw, x, idx);
    Writer o = writer_begin(lw, str_out(lw, out, idx));
    put_fixed(&o, value);
    writer_end(&o);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
