/* com.microsoft::Tokenizer: pieces between separators, pieces that an expression matches, or characters.
 *
 * Separators work one after the other: each cuts what the ones before it left, and pieces of fewer than
 * mincharnum characters go at once, so that the lists in between are no longer than the last one may be. */
#include "passes/lower/strings/pieces.h"
#include "passes/lower/strings/regex.h"

#include <string.h>

enum { START, END, SECTIONS_OF_LIST };

/* Pieces on their way from one separator to the next: where they begin and end in the string. */
typedef struct List {
    Param *begin, *end;
    Cell *count;
} List;

typedef struct Tokenizer {
    const char *const *separators; /* NULL: the expression, or characters */
    int separator_count;
    Automaton *automata; /* by separator; one of the expression */
    bool characters;
    int64_t least; /* characters of a piece */
    Buffer *scratch;
    int64_t room; /* pieces in a list */
} Tokenizer;

/* ---- Characters ---- */

/* A byte that no character begins with. */
static Inst *continues(Builder *b, Inst *byte)
{
    return kb_op(b, LI_EQ, kb_op(b, LI_AND, byte, kb_i64(b, 0xc0)), kb_i64(b, 0x80));
}

/* Has [start, end) as many characters as a piece needs? */
static Inst *is_long_enough(Pieces *p, Inst *start, Inst *end)
{
    const Tokenizer *t = p->data;
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    if (t->least == 1) return kb_op(b, LI_GT, end, start);
    Cell *count = str_cell(lw, "characters", 0);
    Inst *i = kb_for(b, LOOP_SERIAL, start, end, 1);
    Inst *begins = kb_op1(b, LI_NOT, continues(b, str_byte(lw, &p->text, i)));
    str_add(lw, count, kb_cast(b, DT_I64, begins));
    kb_end(b);
    return kb_op(b, LI_GE, kb_get(b, count), kb_i64(b, t->least));
}

/* Bytes of the character at a place, by its first one. */
static Inst *character_bytes(Pieces *p, Inst *at)
{
    Builder *b = &p->lw->b;
    Inst *near = kb_op(b, LI_MIN, at, kb_i64(b, p->text.most - 1));
    Inst *byte = str_byte(p->lw, &p->text, near), *bytes = kb_i64(b, 1);
    static const int heads[] = {0xc0, 0xe0, 0xf0};
    for (int i = 0; i < 3; i++)
        bytes = kb_select(b, kb_op(b, LI_GE, byte, kb_i64(b, heads[i])), kb_i64(b, i + 2), bytes);
    return bytes;
}

static void find_characters(Pieces *p)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    Inst *length = str_length(lw, &p->text);
    Cell *next = str_cell(lw, "next", 0);
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), length, 1);
    kb_if(b, kb_op(b, LI_GE, at, kb_get(b, next)));
    Inst *end = kb_op(b, LI_MIN, kb_add(b, at, character_bytes(p, at)), length);
    piece_found(p, at, end);
    kb_set(b, next, end);
    kb_end(b);
    kb_end(b);
}

/* ---- Expressions ---- */

/* Where a piece goes: to the list, or, where that is NULL, out. */
static void take_piece(Pieces *p, const List *to, Inst *start, Inst *end)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    kb_if(b, is_long_enough(p, start, end));
    if (to) {
        kb_store(b, to->begin, kb_get(b, to->count), start);
        kb_store(b, to->end, kb_get(b, to->count), end);
        str_add(lw, to->count, kb_i64(b, 1));
    } else {
        piece_found(p, start, end);
    }
    kb_end(b);
}

/* Goes through [begin, end) from match to match; what the matches are taken for is `separates`: pieces
 * are what lies between, or the matches themselves. A match of nothing takes a character. */
static void cut(Pieces *p, int automaton, const List *to, Inst *begin, Inst *end, bool separates)
{
    const Tokenizer *t = p->data;
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    Cell *start = kb_cell(b, "start", (LType){DT_I64, 1}, begin);
    Inst *at = kb_for(b, LOOP_SERIAL, begin, kb_addi(b, end, 1), 1);
    kb_if(b, kb_op(b, LI_GE, at, kb_get(b, start)));
    Inst *length = regex_run(lw, arena_printf(lw->arena, "pattern%d", automaton),
                             &t->automata[automaton], &p->text, begin, at, end);
    kb_if(b, kb_op(b, LI_GE, length, kb_i64(b, 0)));
    Inst *behind = kb_add(b, at, length);
    take_piece(p, to, separates ? kb_get(b, start) : at, separates ? at : behind);
    Inst *empty = kb_op(b, LI_EQ, length, kb_i64(b, 0));
    kb_set(b, start, kb_add(b, at, kb_select(b, empty, character_bytes(p, at), length)));
    kb_end(b);
    kb_end(b);
    kb_end(b);
    if (separates) take_piece(p, to, kb_get(b, start), end);
}

static List list_at(Pieces *p, int side)
{
    const Tokenizer *t = p->data;
    Lower *lw = p->lw;
    List list = {0};
    const Size *room = size_const(lw->sizes, t->room);
    for (int section = 0; section < SECTIONS_OF_LIST; section++) {
        const Size *from = size_const(lw->sizes, (SECTIONS_OF_LIST * side + section) * t->room);
        Param *param = lower_part(lw, t->scratch, from, room, true);
        param->is_read = true;
        if (section == START)
            list.begin = param;
        else
            list.end = param;
    }
    list.count = str_cell(lw, "pieces", 0);
    return list;
}

/* The first separator cuts the string, the last one's pieces are the tokens. */
static void find_separated(Pieces *p)
{
    const Tokenizer *t = p->data;
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    List from = {0};
    for (int i = 0; i < t->separator_count; i++) {
        bool last = i + 1 == t->separator_count;
        List to = {0};
        if (!last) to = list_at(p, i % 2);
        if (i == 0) {
            cut(p, i, last ? NULL : &to, kb_i64(b, 0), str_length(lw, &p->text), true);
        } else {
            Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_get(b, from.count), 1);
            Inst *begin = kb_load(b, from.begin, k);
            cut(p, i, last ? NULL : &to, begin, kb_load(b, from.end, k), true);
            kb_end(b);
        }
        from = to;
    }
}

static void find_matches(Pieces *p)
{
    cut(p, 0, NULL, kb_i64(&p->lw->b, 0), str_length(p->lw, &p->text), false);
}

/* ---- The node ---- */

static int read_attributes(Lower *lw, const Node *node, Tokenizer *t)
{
    const Attr *separators = node_attr(node, "separators");
    const char *expression = node_string(node, "tokenexp");
    const char *const *patterns = &expression;
    t->least = node_int(node, "mincharnum");
    if (separators && separators->count) {
        t->separators = patterns = separators->strings;
        t->separator_count = separators->count;
        t->characters = separators->count == 1 && !*separators->strings[0];
    } else if (expression && *expression) {
        t->characters = !strcmp(expression, ".");
    } else {
        return diag_node(lw->diag, &node->origin, "expected separators or tokenexp");
    }
    if (t->characters && t->least > 1)
        return diag_node(lw->diag, &node->origin, "mincharnum: characters have no more than 1");
    if (t->characters) return 0;
    int count = t->separator_count ? t->separator_count : 1;
    t->automata = arena_array(lw->arena, (size_t)count, sizeof *t->automata);
    for (int i = 0; i < count; i++) TRY(regex_automaton(lw, patterns[i], &t->automata[i]));
    return 0;
}

int lower_ms_tokenizer(Lower *lw, Node *node)
{
    Tokenizer t = {.room = dtype_string_max(node->in[0]->dtype) + 1};
    TRY(read_attributes(lw, node, &t));
    if (size_is(tensor_elements(lw->sizes, node->out[0]), 0)) return 0;
    bool mark = node_int(node, "mark") != 0;
    if (t.separator_count > 1)
        t.scratch = lower_scratch(lw, "pieces", DT_I64,
                                  size_const(lw->sizes, 2 * SECTIONS_OF_LIST * t.room));
    Pieces pieces = {.lw = lw,
                     .node = node,
                     .first = mark ? "\x02" : NULL,
                     .last = mark ? "\x03" : NULL,
                     .pad = node_string(node, "pad_value"),
                     .data = &t,
                     .find = t.characters   ? find_characters
                             : t.separators ? find_separated
                                            : find_matches};
    if ((int64_t)strlen(pieces.pad) > dtype_string_max(node->in[0]->dtype))
        return diag_node(lw->diag, &node->origin, "pad_value: is longer than --max-string says");
    pieces_lower(&pieces);
    return 0;
}
