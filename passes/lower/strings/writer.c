/* See writer.h. */
#include "passes/lower/strings/writer.h"

Writer writer_begin(Lower *lw, Str to)
{
    return (Writer){lw, to, str_cell(lw, "end", 0)};
}

void writer_end(const Writer *o)
{
    str_finish(o->lw, &o->to, kb_get(&o->lw->b, o->end));
}

void writer_byte(Writer *o, Inst *byte)
{
    Lower *lw = o->lw;
    Inst *at = kb_get(&lw->b, o->end);
    str_need(lw, &o->to, kb_addi(&lw->b, at, 1));
    str_put(lw, &o->to, at, byte);
    str_add(lw, o->end, kb_i64(&lw->b, 1));
}

void writer_char(Writer *o, char c)
{
    writer_byte(o, kb_i64(&o->lw->b, c));
}

void writer_word(Writer *o, const char *word)
{
    while (*word) writer_char(o, *word++);
}

/* So many digits of a whole number, leading zeros among them. */
void writer_digits(Writer *o, Inst *value, Inst *count)
{
    Lower *lw = o->lw;
    Builder *b = &lw->b;
    DType type = value->type.dtype;
    Cell *rest = kb_cell(b, "rest", (LType){type, 1}, value);
    Inst *start = kb_get(b, o->end), *end = kb_add(b, start, count), *ten = kb_int(b, type, 10);
    str_need(lw, &o->to, end);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), count, 1);
    Inst *digit = kb_cast(b, DT_I64, kb_op(b, LI_REM, kb_get(b, rest), ten));
    Inst *place = kb_addi(b, kb_sub(b, end, i), -1);
    str_put(lw, &o->to, place, kb_addi(b, digit, '0'));
    kb_set(b, rest, kb_op(b, LI_DIV, kb_get(b, rest), ten));
    kb_end(b);
    kb_set(b, o->end, end);
}

Inst *writer_count_digits(Builder *b, Inst *value)
{
    Inst *ten = kb_int(b, DT_U64, 10);
    Cell *rest = kb_cell(b, "rest", (LType){DT_U64, 1}, value);
    Cell *count = kb_cell(b, "digits", (LType){DT_I64, 1}, kb_i64(b, 1));
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 20), 1);
    kb_set(b, rest, kb_op(b, LI_DIV, kb_get(b, rest), ten));
    kb_if(b, kb_op(b, LI_EQ, kb_get(b, rest), kb_int(b, DT_U64, 0)));
    kb_break(b);
    kb_end(b);
    kb_set(b, count, kb_addi(b, kb_get(b, count), 1));
    kb_end(b);
    return kb_get(b, count);
}
