/* StringNormalizer: stop words go, the others change their case. A first kernel counts those that stay. */
#include "passes/lower/strings/case.h"

typedef struct Normalizer {
    Lower *lw;
    Node *node;
    bool changes, upper; /* the words that stay */
    bool folds, fold_up; /* words are compared in one case */
    Words stop;
    Str folded; /* a word as it is compared */
} Normalizer;

/* ---- Stop words ---- */

static bool same_word(Word a, Word c)
{
    return a.length == c.length && !memcmp(a.text, c.text, a.length);
}

static int read_stop_words(Normalizer *n)
{
    Lower *lw = n->lw;
    const Attr *given = node_attr(n->node, "stopwords");
    int64_t count = 0;
    if (!given || !given->count) return 0;
    Word *words = arena_array(lw->arena, (size_t)given->count, sizeof *words);
    for (int i = 0; i < given->count; i++) {
        Word word = {given->strings[i], strlen(given->strings[i])};
        if (n->folds) word = case_word(lw->arena, given->strings[i], n->fold_up);
        bool again = false;
        for (int64_t k = 0; k < count && !again; k++) again = same_word(words[k], word);
        if (!again) words[count++] = word;
    }
    return words_build(lw, count, words, &n->stop);
}

/* Does the word stay? */
static Inst *stays(Normalizer *n, const Str *word)
{
    Lower *lw = n->lw;
    const Str *compared = word;
    if (n->folds) {
        case_change(lw, &n->folded, word, n->fold_up);
        compared = &n->folded;
    }
    return kb_op(&lw->b, LI_LT, words_find(lw, &n->stop, compared), kb_i64(&lw->b, 0));
}

/* ---- Kernels ---- */

static Inst *open_words(Normalizer *n, Inst **idx)
{
    Lower *lw = n->lw;
    const Tensor *x = n->node->in[0];
    if (x->rank == 2) idx[0] = kb_i64(&lw->b, 0);
    return idx[x->rank - 1] = kb_for_n(&lw->b, LOOP_SERIAL, x->dims[x->rank - 1]);
}

static void open_folded(Normalizer *n, Buffer *buffer, int64_t most)
{
    if (!n->folds || !buffer) return;
    n->folded = (Str){lower_whole(n->lw, buffer, true), kb_i64(&n->lw->b, 0), most};
    n->folded.memory->is_read = true;
}

static void count_words(Normalizer *n, const Size *words)
{
    Lower *lw = n->lw;
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    Cell *count = str_cell(lw, "count", 0);
    open_words(n, idx);
    Str word = str_in(lw, n->node->in[0], idx);
    str_add(lw, count, kb_cast(b, DT_I64, stays(n, &word)));
    kb_end(b);
    if (words->kind != SIZE_SYM) return;
    kb_setsym(b, words->sym, kb_op(b, LI_MAX, kb_get(b, count), kb_i64(b, 1)));
}

static void store_word(Normalizer *n, const Str *word, Inst **idx, Inst *at)
{
    Lower *lw = n->lw;
    const Tensor *out = n->node->out[0];
    Inst *zero = kb_i64(&lw->b, 0);
    idx[out->rank - 1] = at;
    Str to = str_out(lw, out, idx);
    if (n->changes) {
        case_change(lw, &to, word, n->upper);
    } else {
        Inst *length = str_length(lw, word);
        str_copy(lw, &to, zero, word, zero, length);
        str_finish(lw, &to, length);
    }
}

/* Where no word stays there is one, which is empty. */
static void store_words(Normalizer *n)
{
    Lower *lw = n->lw;
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    Cell *count = str_cell(lw, "count", 0);
    open_words(n, idx);
    Str word = str_in(lw, n->node->in[0], idx);
    if (n->stop.count) kb_if(b, stays(n, &word));
    store_word(n, &word, idx, kb_get(b, count));
    str_add(lw, count, kb_i64(b, 1));
    if (n->stop.count) kb_end(b);
    kb_end(b);
    if (!n->stop.count) return;
    kb_if(b, kb_op(b, LI_EQ, kb_get(b, count), kb_i64(b, 0)));
    idx[n->node->out[0]->rank - 1] = kb_i64(b, 0);
    Str to = str_out(lw, n->node->out[0], idx);
    str_store(lw, &to, "", 0);
    kb_end(b);
}

static int read_case(Normalizer *n)
{
    const char *action = node_string(n->node, "case_change_action");
    bool lower = !strcmp(action, "LOWER");
    n->upper = !strcmp(action, "UPPER");
    n->changes = n->upper || lower;
    n->folds = !node_int(n->node, "is_case_sensitive");
    n->fold_up = n->upper;
    if (n->changes || !strcmp(action, "NONE")) return 0;
    return diag_node(n->lw->diag, &n->node->origin,
                     "case_change_action: expected NONE, UPPER or LOWER, got '%s'", action);
}

int lower_string_normalizer(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node->out[0];
    Normalizer n = {.lw = lw, .node = node};
    Buffer *folded = NULL;
    TRY(read_case(&n));
    TRY(read_stop_words(&n));
    if (n.stop.count && n.folds)
        folded = lower_scratch(lw, "folded", DT_U8, size_const(lw->sizes, dtype_cells(x->dtype)));
    if (n.stop.count) {
        lower_begin(lw, "count");
        open_folded(&n, folded, dtype_string_max(x->dtype));
        count_words(&n, out->dims[out->rank - 1]);
        lower_end(lw);
    }
    lower_begin(lw, "store");
    open_folded(&n, folded, dtype_string_max(x->dtype));
    store_words(&n);
    lower_end(lw);
    return 0;
}
