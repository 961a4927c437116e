/* Shape rules of operators on strings. */
#include "passes/shape/shape.h"

#include <string.h>

static int need_strings(Graph *g, Node *n, int in)
{
    if (dtype_is_string(n->in[in]->dtype)) return 0;
    return diag_node(g->diag, &n->origin, "input %d: expected strings, got %s", in,
                     dtype_name(n->in[in]->dtype));
}

int shape_string_concat(Graph *g, Node *n)
{
    TRY(need_strings(g, n, 0));
    TRY(need_strings(g, n, 1));
    return shape_broadcast(g, n);
}

int shape_regex_full_match(Graph *g, Node *n)
{
    TRY(need_strings(g, n, 0));
    return shape_bool_same(g, n);
}

int shape_string_index(Graph *g, Node *n)
{
    TRY(need_strings(g, n, 0));
    TRY(need_strings(g, n, 1));
    return shape_set_like(g, n, 0, DT_I64, n->in[0]);
}

int shape_string_hash(Graph *g, Node *n)
{
    TRY(need_strings(g, n, 0));
    return shape_set_like(g, n, 0, DT_U32, n->in[0]);
}

int shape_format_fixed(Graph *g, Node *n)
{
    if (n->in[0]->dtype != DT_F32)
        return diag_node(g->diag, &n->origin, "input 0: expected f32, got %s",
                         dtype_name(n->in[0]->dtype));
    return shape_set_like(g, n, 0, g->strings, n->in[0]);
}

/* ---- Pieces: one more axis, as long as a string has most of them ---- */

static int add_pieces(Graph *g, Node *n, int64_t most)
{
    Dims out = dims_of(n->in[0]);
    if (out.rank == MAX_RANK)
        return diag_node(g->diag, &n->origin, "input 0: the result would have %d dimensions",
                         MAX_RANK + 1);
    out.at[out.rank++] = shape_node_symbol(g, n, "pieces", most);
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_string_split(Graph *g, Node *n)
{
    TRY(need_strings(g, n, 0));
    const char *delimiter = node_string(n, "delimiter");
    int64_t longest = dtype_string_max(n->in[0]->dtype), most = (longest + 1) / 2;
    if (delimiter && *delimiter) most = longest / (int64_t)strlen(delimiter) + 1;
    const Attr *limit = node_attr(n, "maxsplit");
    if (limit && limit->ints[0] >= 0 && limit->ints[0] + 1 < most) most = limit->ints[0] + 1;
    TRY(add_pieces(g, n, most));
    return shape_set_like(g, n, 1, DT_I64, n->in[0]);
}

/* Of no strings there are no pieces: the last axis has none, and there is no other. */
static bool no_strings(Graph *g, const Tensor *x, Dims *out)
{
    bool none = false;
    *out = dims_of(x);
    for (int i = 0; i < x->rank; i++) none |= size_is(x->dims[i], 0);
    if (none) out->at[x->rank - 1] = size_const(g->sizes, 0);
    return none;
}

int shape_ms_tokenizer(Graph *g, Node *n)
{
    Dims none;
    TRY(need_strings(g, n, 0));
    if (no_strings(g, n->in[0], &none)) return shape_set(g, n, 0, n->in[0]->dtype, &none);
    int64_t least = node_int(n, "mincharnum");
    if (least < 1)
        return diag_node(g->diag, &n->origin, "mincharnum: expected 1 or more, got %lld",
                         (long long)least);
    return add_pieces(g, n,
                      dtype_string_max(n->in[0]->dtype) / least + (node_int(n, "mark") ? 2 : 0));
}

/* All words that are left, or one that is empty; a list, or a row of a matrix of one. */
int shape_string_normalizer(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    TRY(need_strings(g, n, 0));
    Dims out = dims_of(x);
    if (x->rank != 1 && (x->rank != 2 || !size_is(x->dims[0], 1)))
        return diag_node(g->diag, &n->origin, "input 0: expected shape [C] or [1, C]");
    const Attr *stop = node_attr(n, "stopwords");
    const Size **words = &out.at[x->rank - 1];
    if (stop && stop->count) {
        int64_t most = size_upper(g->sizes, *words);
        *words = shape_node_symbol(g, n, "words", most > 1 ? most : 1);
    }
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_tf_idf(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    Dims out = dims_of(x);
    if (x->rank < 1 || x->rank > 2)
        return diag_node(g->diag, &n->origin, "input 0: expected 1 or 2 dimensions, got %d",
                         x->rank);
    out.at[x->rank - 1] = size_const(g->sizes, node_int(n, "size"));
    return shape_set(g, n, 0, DT_F32, &out);
}
