/* StringSplit: at a delimiter, as often as it stands there, or at whitespace, as Python's str.split does. */
#include "passes/lower/strings/pieces.h"

#include <string.h>

typedef struct Split {
    const char *delimiter; /* "": whitespace */
    int64_t most;          /* cuts; -1: any number */
} Split;

/* May the string be cut once more? */
static Inst *may_cut(Pieces *p, const Split *split)
{
    Builder *b = &p->lw->b;
    if (split->most < 0) return kb_int(b, DT_BOOL, 1);
    return kb_op(b, LI_LT, kb_get(b, p->count), kb_i64(b, split->most));
}

static Inst *between(Builder *b, Inst *byte, int first, int last)
{
    Inst *reached = kb_op(b, LI_GE, byte, kb_i64(b, first));
    return kb_op(b, LI_AND, reached, kb_op(b, LI_LE, byte, kb_i64(b, last)));
}

/* Space, and what ASCII has between tab and carriage return and between file and unit separator. */
static Inst *is_space(Builder *b, Inst *byte)
{
    Inst *control = between(b, byte, 9, 13);
    return kb_op(b, LI_OR, control, between(b, byte, 28, 32));
}

/* A piece ends behind its last byte that is no space, where a space follows that may be cut at, or the
 * string ends. Position `length` counts as a space. */
static void find_words(Pieces *p)
{
    const Split *split = p->data;
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    Inst *length = str_length(lw, &p->text), *none = kb_i64(b, -1);
    Cell *start = str_cell(lw, "start", -1), *end = str_cell(lw, "end", 0);
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_addi(b, length, 1), 1);
    Inst *over = kb_op(b, LI_EQ, at, length);
    Inst *near = kb_op(b, LI_MIN, at, kb_i64(b, p->text.most - 1));
    Inst *space = kb_op(b, LI_OR, over, is_space(b, str_byte(lw, &p->text, near)));
    Inst *inside = kb_op(b, LI_GE, kb_get(b, start), kb_i64(b, 0));
    kb_if(b, space);
    kb_if(b, kb_op(b, LI_AND, inside, kb_op(b, LI_OR, over, may_cut(p, split))));
    Inst *first = kb_get(b, start);
    piece_found(p, first, kb_get(b, end));
    kb_set(b, start, none);
    kb_end(b);
    kb_else(b);
    kb_set(b, start, kb_select(b, inside, kb_get(b, start), at));
    kb_set(b, end, kb_addi(b, at, 1));
    kb_end(b);
    kb_end(b);
}

static Inst *is_delimiter(Pieces *p, const char *delimiter, Inst *at)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    Inst *all = kb_int(b, DT_BOOL, 1);
    for (int64_t i = 0; delimiter[i]; i++) {
        Inst *byte = str_byte(lw, &p->text, kb_addi(b, at, i));
        all = kb_op(b, LI_AND, all, kb_op(b, LI_EQ, byte, kb_i64(b, (uint8_t)delimiter[i])));
    }
    return all;
}

static void find_delimited(Pieces *p)
{
    const Split *split = p->data;
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    int64_t size = (int64_t)strlen(split->delimiter);
    Inst *length = str_length(lw, &p->text);
    Cell *start = str_cell(lw, "start", 0);
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_addi(b, length, 1 - size), 1);
    Inst *free = kb_op(b, LI_GE, at, kb_get(b, start));
    kb_if(b, kb_op(b, LI_AND, free, may_cut(p, split)));
    kb_if(b, is_delimiter(p, split->delimiter, at));
    piece_found(p, kb_get(b, start), at);
    kb_set(b, start, kb_addi(b, at, size));
    kb_end(b);
    kb_end(b);
    kb_end(b);
    piece_found(p, kb_get(b, start), length);
}

static void store_count(Pieces *p, Inst *count)
{
    if (node_has_output(p->node, 1)) lower_store_to(p->lw, p->node->out[1], p->idx, count);
}

int lower_string_split(Lower *lw, Node *node)
{
    const char *delimiter = node_string(node, "delimiter");
    const Attr *most = node_attr(node, "maxsplit");
    Split split = {delimiter ? delimiter : "", most ? most->ints[0] : -1};
    Pieces pieces = {.lw = lw,
                     .node = node,
                     .pad = "",
                     .data = &split,
                     .find = *split.delimiter ? find_delimited : find_words,
                     .counted = store_count};
    pieces_lower(&pieces);
    return 0;
}
