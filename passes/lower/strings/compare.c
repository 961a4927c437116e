/* Strings compared: equal by equal bytes, since those behind a string's end are 0. */
#include "passes/lower/strings/strings.h"

/* All bytes of both, without a branch. */
static Inst *differs(Lower *lw, const Str *x, const Str *y)
{
    Builder *b = &lw->b;
    Cell *most = kb_cell(b, "difference", (LType){DT_U8, 1}, kb_int(b, DT_U8, 0));
    most->reduce = LI_MAX;
    Inst *i = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, x->most + STRING_HEAD), 1);
    Inst *one = kb_load(b, x->memory, kb_add(b, x->start, i));
    Inst *other = kb_load(b, y->memory, kb_add(b, y->start, i));
    Inst *before = kb_get(b, most);
    kb_set(b, most, kb_op(b, LI_MAX, before, kb_op(b, LI_XOR, one, other)));
    kb_end(b);
    return kb_op(b, LI_NE, kb_get(b, most), kb_int(b, DT_U8, 0));
}

int lower_equal(Lower *lw, Node *node)
{
    const Tensor *out = node_result(node);
    Inst *idx[MAX_RANK] = {0};
    if (!node_has_strings(node)) return lower_point(lw, node);
    lower_begin(lw, NULL);
    double work = (double)dtype_cells(node->in[0]->dtype);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, work, idx);
    Str x = str_in_broadcast(lw, node->in[0], out->rank, idx);
    Str y = str_in_broadcast(lw, node->in[1], out->rank, idx);
    lower_store(lw, idx, kb_op1(&lw->b, LI_NOT, differs(lw, &x, &y)));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

Inst *str_less(Lower *lw, const Str *x, const Str *y)
{
    Builder *b = &lw->b;
    Inst *n = str_length(lw, x), *m = str_length(lw, y);
    Cell *less = kb_cell(b, "less", (LType){DT_BOOL, 1}, kb_op(b, LI_LT, n, m));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_op(b, LI_MIN, n, m), 1);
    Inst *one = str_byte(lw, x, i), *other = str_byte(lw, y, i);
    kb_if(b, kb_op(b, LI_NE, one, other));
    kb_set(b, less, kb_op(b, LI_LT, one, other));
    kb_break(b);
    kb_end(b);
    kb_end(b);
    return kb_get(b, less);
}
