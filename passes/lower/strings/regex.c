/* Kernels that run an automaton over a string. See regex.h. */
#include "passes/lower/strings/regex.h"

int regex_automaton(Lower *lw, const char *pattern, Automaton *automaton)
{
    const char *problem;
    if (!regex_compile(lw->arena, pattern, automaton, &problem)) return 0;
    return diag_node(lw->diag, &lw->node->origin, "the pattern '%s' %s", pattern, problem);
}

typedef struct Tables {
    Param *classes, *next, *ends;
} Tables;

static Tables tables_of(Lower *lw, const char *name, const Automaton *a)
{
    Arena *arena = lw->arena;
    int64_t pairs = (int64_t)a->states * a->classes;
    Param *classes =
        str_table(lw, arena_printf(arena, "%s_classes", name), DT_U8, 256, a->class_of);
    Param *next = str_table(lw, arena_printf(arena, "%s_next", name), DT_I32, pairs, a->next);
    Param *ends = str_table(lw, arena_printf(arena, "%s_ends", name), DT_U8, a->states, a->ends);
    return (Tables){classes, next, ends};
}

/* What the table has for a byte in a state. */
static Inst *look_up(Lower *lw, const Automaton *a, const Tables *t, Inst *state, Inst *byte)
{
    Builder *b = &lw->b;
    Inst *class = kb_cast(b, DT_I64, kb_load(b, t->classes, byte));
    return kb_cast(b, DT_I64, kb_load(b, t->next, kb_add(b, kb_muli(b, state, a->classes), class)));
}

static Inst *is_end(Lower *lw, const Tables *t, Inst *state)
{
    Builder *b = &lw->b;
    return kb_op(b, LI_NE, kb_load(b, t->ends, state), kb_int(b, DT_U8, 0));
}

static Inst *between(Builder *b, Inst *byte, int low, int high)
{
    Inst *above = kb_op(b, LI_GE, byte, kb_i64(b, low));
    return kb_op(b, LI_AND, above, kb_op(b, LI_LE, byte, kb_i64(b, high)));
}

/* The state to begin in, by the byte before. */
static Inst *start_state(Lower *lw, const Automaton *a, const Str *s, Inst *begin, Inst *at)
{
    Builder *b = &lw->b;
    if (a->start[AFTER_NOTHING] == a->start[AFTER_OTHER] &&
        a->start[AFTER_WORD] == a->start[AFTER_OTHER] &&
        a->start[AFTER_NEWLINE] == a->start[AFTER_OTHER])
        return kb_i64(b, a->start[AFTER_OTHER]);
    Inst *byte = str_byte(lw, s, kb_op(b, LI_MAX, kb_addi(b, at, -1), kb_i64(b, 0)));
    Inst *word = between(b, byte, 'A', 'Z');
    word = kb_op(b, LI_OR, word, between(b, byte, 'a', 'z'));
    word = kb_op(b, LI_OR, word, between(b, byte, '0', '9'));
    word = kb_op(b, LI_OR, word, between(b, byte, '_', '_'));
    Inst *line = kb_op(b, LI_EQ, byte, kb_i64(b, '\n'));
    Inst *state =
        kb_select(b, word, kb_i64(b, a->start[AFTER_WORD]), kb_i64(b, a->start[AFTER_OTHER]));
    state = kb_select(b, line, kb_i64(b, a->start[AFTER_NEWLINE]), state);
    return kb_select(b, kb_op(b, LI_EQ, at, begin), kb_i64(b, a->start[AFTER_NOTHING]), state);
}

Inst *regex_run(Lower *lw, const char *name, const Automaton *a, const Str *s, Inst *begin,
                Inst *at, Inst *end)
{
    Builder *b = &lw->b;
    Tables t = tables_of(lw, name, a);
    Cell *longest = str_cell(lw, "longest", -1);
    Cell *state = kb_cell(b, "state", (LType){DT_I64, 1}, start_state(lw, a, s, begin, at));
    Inst *i = kb_for(b, LOOP_SERIAL, at, end, 1);
    Inst *now = kb_get(b, state);
    Inst *entry = look_up(lw, a, &t, now, str_byte(lw, s, i));
    Inst *matched = kb_op(b, LI_GE, entry, kb_i64(b, MATCHED));
    Inst *length = kb_sub(b, i, at);
    kb_set(b, longest, kb_select(b, matched, length, kb_get(b, longest)));
    Inst *next = kb_op(b, LI_AND, entry, kb_i64(b, MATCHED - 1));
    kb_set(b, state, next);
    kb_if(b, kb_op(b, LI_EQ, next, kb_i64(b, 0)));
    kb_break(b);
    kb_end(b);
    kb_end(b);
    Inst *whole = is_end(lw, &t, kb_get(b, state));
    Inst *all = kb_sub(b, end, at);
    return kb_select(b, whole, all, kb_get(b, longest));
}

/* ---- RegexFullMatch ---- */

static Inst *matches_whole(Lower *lw, const Automaton *a, const Str *s)
{
    Builder *b = &lw->b;
    Tables t = tables_of(lw, "pattern", a);
    Cell *state = str_cell(lw, "state", a->start[AFTER_NOTHING]);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), str_length(lw, s), 1);
    Inst *now = kb_get(b, state);
    Inst *entry = look_up(lw, a, &t, now, str_byte(lw, s, i));
    Inst *next = kb_op(b, LI_AND, entry, kb_i64(b, MATCHED - 1));
    kb_set(b, state, next);
    kb_if(b, kb_op(b, LI_EQ, next, kb_i64(b, 0)));
    kb_break(b);
    kb_end(b);
    kb_end(b);
    return is_end(lw, &t, kb_get(b, state));
}

int lower_regex_full_match(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node_result(node);
    const char *pattern = node_string(node, "pattern");
    Automaton automaton;
    Inst *idx[MAX_RANK] = {0};
    TRY(regex_automaton(lw, pattern ? pattern : "", &automaton));
    lower_begin(lw, NULL);
    double work = (double)dtype_cells(x->dtype);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, work, idx);
    Str s = str_in(lw, x, idx);
    lower_store(lw, idx, matches_whole(lw, &automaton, &s));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
