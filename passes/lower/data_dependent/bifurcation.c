/* BifurcationDetector, of aggressive decoding: predicted tokens follow the current ones as far
 * as they are the source's, and one more. Then the last tokens, n of them for n from
 * min_ngram_size on, are looked for in the source: where they stand there once, what follows
 * them is where the next call goes on. */
#include "passes/lower/moves/move.h"

typedef struct Decoding {
    Lower *lw;
    const Tensor *source, *current, *predicted; /* the last may be NULL */
    Inst *source_count, *current_count, *count; /* how many tokens; count: of the result */
} Decoding;

static Inst *token_of(const Decoding *d, const Tensor *tokens, Inst *at)
{
    return lower_load(d->lw, tokens, &at);
}

static Cell *cell(const Decoding *d, const char *name, int64_t value)
{
    return kb_cell(&d->lw->b, name, (LType){DT_I64, 1}, kb_i64(&d->lw->b, value));
}

static void open_decoding(Decoding *d, const Tensor *out)
{
    d->source_count = lower_size(d->lw, d->source->dims[0]);
    d->current_count = lower_size(d->lw, d->current->dims[0]);
    d->count = lower_size(d->lw, out->dims[0]);
}

/* Counts predicted tokens that are the source's from where it went on, and the first that is
 * not. */
static void count_tokens(const Decoding *d, const Tensor *start, int sym)
{
    Builder *b = &d->lw->b;
    Inst *zero[MAX_RANK] = {kb_i64(b, 0)}, *from = lower_load(d->lw, start, zero);
    Inst *rest = kb_sub(b, d->source_count, from);
    Inst *predicted = lower_size(d->lw, d->predicted->dims[0]);
    Inst *before = kb_op(b, LI_LT, from, kb_i64(b, 0));
    Inst *other_count = kb_op(b, LI_NE, predicted, kb_addi(b, rest, 1));
    Inst *outside = kb_op(b, LI_OR, before, other_count);
    kb_if(b, outside);
    kb_fail(b, RUN_VALUE);
    kb_end(b);
    Cell *same = cell(d, "same", 1);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), rest, 1);
    Inst *own = token_of(d, d->predicted, i);
    kb_if(b, kb_op(b, LI_NE, own, token_of(d, d->source, kb_add(b, i, from))));
    kb_break(b);
    kb_end(b);
    kb_set(b, same, kb_addi(b, kb_get(b, same), 1));
    kb_end(b);
    kb_setsym(b, sym, kb_add(b, d->current_count, kb_get(b, same)));
}

static void store_tokens(const Decoding *d)
{
    Builder *b = &d->lw->b;
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), d->current_count, 1);
    lower_store(d->lw, &i, token_of(d, d->current, i));
    kb_end(b);
    if (!d->predicted) return;
    i = kb_for(b, LOOP_SERIAL, d->current_count, d->count, 1);
    lower_store(d->lw, &i, token_of(d, d->predicted, kb_sub(b, i, d->current_count)));
    kb_end(b);
}

/* Token `at` of the result, which may lie nowhere yet. */
static Inst *result_token(const Decoding *d, Inst *at)
{
    Builder *b = &d->lw->b;
    if (!d->predicted) return token_of(d, d->current, at);
    Cell *token = cell(d, "token", 0);
    kb_if(b, kb_op(b, LI_LT, at, d->current_count));
    kb_set(b, token, token_of(d, d->current, at));
    kb_else(b);
    kb_set(b, token, token_of(d, d->predicted, kb_sub(b, at, d->current_count)));
    kb_end(b);
    return kb_get(b, token);
}

/* Are the n tokens of the source from `at` on the last n of the result? */
static Inst *matches(const Decoding *d, Inst *at, Inst *n)
{
    Builder *b = &d->lw->b;
    Cell *same = cell(d, "equal", 1);
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), n, 1);
    Inst *last = result_token(d, kb_add(b, kb_sub(b, d->count, n), k));
    kb_if(b, kb_op(b, LI_NE, token_of(d, d->source, kb_add(b, at, k)), last));
    kb_set(b, same, kb_i64(b, 0));
    kb_break(b);
    kb_end(b);
    kb_end(b);
    return kb_op(b, LI_NE, kb_get(b, same), kb_i64(b, 0));
}

/* `first`: where the last n tokens stand in the source, -1: nowhere; `places`: in how many
 * places, 2 for more. */
static void find_places(const Decoding *d, Inst *n, Cell *first, Cell *places)
{
    Builder *b = &d->lw->b;
    kb_set(b, first, kb_i64(b, -1));
    kb_set(b, places, kb_i64(b, 0));
    Inst *end = kb_addi(b, kb_sub(b, d->source_count, n), 1);
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), end, 1);
    Inst *is_here = matches(d, at, n);
    kb_if(b, is_here);
    Inst *before = kb_get(b, places);
    Inst *none = kb_op(b, LI_EQ, before, kb_i64(b, 0));
    kb_set(b, first, kb_select(b, none, at, kb_get(b, first)));
    kb_set(b, places, kb_addi(b, before, 1));
    kb_if(b, kb_op1(b, LI_NOT, none));
    kb_break(b);
    kb_end(b);
    kb_end(b);
    kb_end(b);
}

static Inst *find_suffix(const Decoding *d, const Node *node)
{
    Builder *b = &d->lw->b;
    Cell *suffix = cell(d, "suffix", -1), *first = cell(d, "first", -1),
         *places = cell(d, "places", 0);
    Inst *least = kb_i64(b, node_int(node, "min_ngram_size"));
    Inst *end = kb_addi(b, kb_i64(b, node_int(node, "max_ngram_size")), 1);
    end = kb_op(b, LI_MIN, end, kb_addi(b, d->count, 1));
    Inst *n = kb_for(b, LOOP_SERIAL, least, end, 1);
    find_places(d, n, first, places);
    kb_if(b, kb_op(b, LI_EQ, kb_get(b, places), kb_i64(b, 0)));
    kb_break(b);
    kb_end(b);
    Inst *behind = kb_add(b, kb_get(b, first), n);
    kb_set(b, suffix, behind);
    kb_if(b, kb_op(b, LI_GE, behind, d->source_count));
    kb_break(b);
    kb_end(b);
    Inst *single = kb_op(b, LI_EQ, kb_get(b, places), kb_i64(b, 1));
    kb_set(b, suffix, kb_select(b, single, behind, kb_i64(b, -1)));
    kb_end(b);
    return kb_get(b, suffix);
}

int lower_bifurcation_detector(Lower *lw, Node *node)
{
    Decoding d = {
        .lw = lw, .source = node->in[0], .current = node->in[1], .predicted = node_in(node, 3)};
    const Tensor *out = node->out[0];
    if (d.predicted && out->dims[0]->kind == SIZE_SYM) {
        lower_begin(lw, "count");
        open_decoding(&d, d.current);
        count_tokens(&d, node->in[2], out->dims[0]->sym);
        lower_end(lw);
    }
    lower_begin(lw, "fill");
    open_decoding(&d, out);
    store_tokens(&d);
    Inst *none[MAX_RANK] = {kb_i64(&lw->b, 0)};
    lower_store_to(lw, node->out[1], none, find_suffix(&d, node));
    lower_end(lw);
    return 0;
}
