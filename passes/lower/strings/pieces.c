/* See pieces.h. */
#include "passes/lower/strings/pieces.h"

#include <string.h>

static Str place_of(Pieces *p, Inst *at)
{
    const Tensor *out = p->node->out[0];
    p->idx[out->rank - 1] = at;
    return str_out(p->lw, out, p->idx);
}

void piece_found(Pieces *p, Inst *start, Inst *end)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    if (p->stores) {
        Str to = place_of(p, kb_get(b, p->count));
        Inst *length = kb_sub(b, end, start);
        str_copy(lw, &to, kb_i64(b, 0), &p->text, start, length);
        str_finish(lw, &to, length);
    }
    str_add(lw, p->count, kb_i64(b, 1));
}

static void store_word(Pieces *p, const char *word)
{
    Lower *lw = p->lw;
    if (!word) return;
    if (p->stores) {
        Str to = place_of(p, kb_get(&lw->b, p->count));
        str_store(lw, &to, word, strlen(word));
    }
    str_add(lw, p->count, kb_i64(&lw->b, 1));
}

static int open(Pieces *p)
{
    Lower *lw = p->lw;
    const Tensor *x = p->node->in[0];
    int loops = lower_nest(lw, x->rank, x->dims, NULL, false, 0, p->idx);
    p->text = str_in(lw, x, p->idx);
    p->count = str_cell(lw, "count", 0);
    return loops;
}

/* The longest list decides. Where no string has a piece, there is room for none, not even for what
 * stands before and after. */
static void count_all(Pieces *p, const Size *most)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    int64_t around = (p->first != NULL) + (p->last != NULL);
    p->stores = false;
    lower_begin(lw, "count");
    Cell *longest = str_cell(lw, "longest", 0);
    int loops = open(p);
    p->find(p);
    Inst *count = kb_get(b, p->count);
    if (p->counted) p->counted(p, count);
    kb_set(b, longest, kb_op(b, LI_MAX, kb_get(b, longest), count));
    lower_nest_end(lw, loops);
    if (most->kind == SIZE_SYM) {
        Inst *all = kb_get(b, longest), *zero = kb_i64(b, 0);
        Inst *none = kb_op(b, LI_EQ, all, zero);
        kb_setsym(b, most->sym, kb_select(b, none, zero, kb_addi(b, all, around)));
    }
    lower_end(lw);
}

static void store_all(Pieces *p, const Size *most)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    p->stores = true;
    lower_begin(lw, "store");
    int loops = open(p);
    kb_if(b, kb_op(b, LI_GT, kb_size(b, most), kb_i64(b, 0)));
    store_word(p, p->first);
    p->find(p);
    store_word(p, p->last);
    Inst *rest = kb_for(b, LOOP_SERIAL, kb_get(b, p->count), kb_size(b, most), 1);
    Str to = place_of(p, rest);
    str_store(lw, &to, p->pad, strlen(p->pad));
    kb_end(b);
    kb_end(b);
    lower_nest_end(lw, loops);
    lower_end(lw);
}

void pieces_lower(Pieces *p)
{
    const Tensor *out = p->node->out[0];
    const Size *most = out->dims[out->rank - 1];
    Inst *idx[MAX_RANK] = {0};
    p->idx = idx;
    count_all(p, most);
    store_all(p, most);
}
