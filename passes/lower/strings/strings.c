/* Strings as kernels read and write them, and the check of those that enter a stage. */
#include "passes/lower/strings/strings.h"

static Str str_at(Lower *lw, const Tensor *tensor, Inst *const *idx, bool write)
{
    Param *memory = lower_tensor_param(lw, tensor, write);
    return (Str){memory, lower_index(lw, tensor, idx), dtype_string_max(tensor->dtype)};
}

Str str_in(Lower *lw, const Tensor *tensor, Inst *const *idx)
{
    return str_at(lw, tensor, idx, false);
}

Str str_out(Lower *lw, const Tensor *tensor, Inst *const *idx)
{
    return str_at(lw, tensor, idx, true);
}

Str str_in_broadcast(Lower *lw, const Tensor *tensor, int rank, Inst *const *idx)
{
    Inst *own[MAX_RANK] = {0};
    for (int i = 0; i < tensor->rank; i++) own[i] = idx[rank - tensor->rank + i];
    return str_at(lw, tensor, own, false); /* which minds no index of an axis of size 1 */
}

static Inst *load_byte(Lower *lw, const Str *s, Inst *at)
{
    return kb_cast(&lw->b, DT_I64, kb_load(&lw->b, s->memory, kb_add(&lw->b, s->start, at)));
}

Inst *str_length(Lower *lw, const Str *s)
{
    Builder *b = &lw->b;
    Inst *low = load_byte(lw, s, kb_i64(b, 0)), *high = load_byte(lw, s, kb_i64(b, 1));
    return kb_add(b, low, kb_muli(b, high, 256));
}

Inst *str_byte(Lower *lw, const Str *s, Inst *i)
{
    return load_byte(lw, s, kb_addi(&lw->b, i, STRING_HEAD));
}

static void store_byte(Lower *lw, const Str *s, Inst *at, Inst *byte)
{
    Inst *to = kb_add(&lw->b, s->start, at);
    kb_store(&lw->b, s->memory, to, kb_cast(&lw->b, DT_U8, byte));
}

void str_put(Lower *lw, const Str *s, Inst *i, Inst *byte)
{
    store_byte(lw, s, kb_addi(&lw->b, i, STRING_HEAD), byte);
}

void str_finish(Lower *lw, const Str *s, Inst *length)
{
    Builder *b = &lw->b;
    Inst *i = kb_for(b, LOOP_VECTOR, length, kb_i64(b, s->most), 1);
    str_put(lw, s, i, kb_i64(b, 0));
    kb_end(b);
    store_byte(lw, s, kb_i64(b, 0), kb_op(b, LI_AND, length, kb_i64(b, 255)));
    store_byte(lw, s, kb_i64(b, 1), kb_op(b, LI_SHR, length, kb_i64(b, 8)));
}

void str_need(Lower *lw, const Str *s, Inst *length)
{
    Builder *b = &lw->b;
    kb_if(b, kb_op(b, LI_GT, length, kb_i64(b, s->most)));
    kb_fail(b, STRING_BOUND);
    kb_end(b);
}

void str_copy(Lower *lw, const Str *to, Inst *at, const Str *from, Inst *first, Inst *count)
{
    Builder *b = &lw->b;
    Inst *i = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), count, 1);
    Inst *place = kb_add(b, at, i);
    str_put(lw, to, place, str_byte(lw, from, kb_add(b, first, i)));
    kb_end(b);
}

void str_store(Lower *lw, const Str *to, const char *text, size_t length)
{
    Builder *b = &lw->b;
    for (size_t i = 0; i < length; i++)
        str_put(lw, to, kb_i64(b, (int64_t)i), kb_i64(b, (unsigned char)text[i]));
    str_finish(lw, to, kb_i64(b, (int64_t)length));
}

Cell *str_cell(Lower *lw, const char *name, int64_t value)
{
    return kb_cell(&lw->b, name, (LType){DT_I64, 1}, kb_i64(&lw->b, value));
}

void str_add(Lower *lw, Cell *cell, Inst *more)
{
    kb_set(&lw->b, cell, kb_add(&lw->b, kb_get(&lw->b, cell), more));
}

Param *str_table(Lower *lw, const char *name, DType dtype, int64_t count, const void *data)
{
    const char *full = arena_printf(lw->arena, "%s_%s", lw->node->name, name);
    return lower_whole(lw, lower_const(lw, full, dtype, count, data), false);
}

/* ---- lpc.StringCheck ---- */

/* Strings come from outside: a length over the bound ends the run, and so do bytes behind the end that
 * are not 0, since equal strings are compared as equal bytes. */
int lower_string_check(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, NULL);
    double work = (double)dtype_cells(x->dtype);
    int loops = lower_nest(lw, x->rank, x->dims, NULL, false, work, idx);
    Str s = str_in(lw, x, idx);
    Inst *length = str_length(lw, &s);
    str_need(lw, &s, length);
    Cell *rest = kb_cell(b, "rest", (LType){DT_U8, 1}, kb_int(b, DT_U8, 0));
    rest->reduce = LI_MAX;
    Inst *i = kb_for(b, LOOP_VECTOR, length, kb_i64(b, s.most), 1);
    Inst *byte = kb_load(b, s.memory, kb_add(b, s.start, kb_addi(b, i, STRING_HEAD)));
    kb_set(b, rest, kb_op(b, LI_MAX, kb_get(b, rest), byte));
    kb_end(b);
    kb_if(b, kb_op(b, LI_NE, kb_get(b, rest), kb_int(b, DT_U8, 0)));
    kb_fail(b, STRING_VALUE);
    kb_end(b);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
