/* Shape rules of attention. */
#include "passes/shape/shape.h"

#include <string.h>

typedef struct Heads {
    const Size *batch, *heads, *length, *depth;
} Heads;

/* [batch, heads, length, depth], or [batch, length, heads * depth] with a count of heads. */
static int read_heads(Graph *g, Node *n, int in, const char *attr, Heads *out)
{
    const Tensor *x = n->in[in];
    if (x->rank == 4) {
        *out = (Heads){x->dims[0], x->dims[1], x->dims[2], x->dims[3]};
        return 0;
    }
    TRY(need_rank(g, n, in, 3));
    int64_t heads = node_int(n, attr);
    if (heads < 1) return diag_node(g->diag, &n->origin, "%s: must be given for rank 3", attr);
    if (size_is_const(x->dims[2]) && x->dims[2]->value % heads)
        return diag_node(g->diag, &n->origin, "%s: %lld does not divide %s", attr, (long long)heads,
                         size_text(g->sizes, x->dims[2]));
    *out = (Heads){x->dims[0], size_const(g->sizes, heads), x->dims[1],
                   size_divi(g->sizes, x->dims[2], heads)};
    return 0;
}

static int set4(Graph *g, Node *n, int out, const Size *a, const Size *b, const Size *c,
                const Size *d)
{
    Dims dims = {.rank = 4, .at = {a, b, c, d}};
    return shape_set(g, n, out, n->in[0]->dtype, &dims);
}

/* Each head of keys serves as many heads of queries. */
static int shared_heads(Graph *g, Node *n, const Size *heads, const Size *of_keys)
{
    if (!size_is_const(heads) || !size_is_const(of_keys)) return 0;
    if (of_keys->value > 0 && heads->value % of_keys->value == 0) return 0;
    return diag_node(g->diag, &n->origin,
                     "%lld heads of queries, which %lld heads of keys do not divide",
                     (long long)heads->value, (long long)of_keys->value);
}

int shape_attention(Graph *g, Node *n)
{
    Heads q, k, v;
    TRY(read_heads(g, n, 0, "q_num_heads", &q));
    TRY(read_heads(g, n, 1, "kv_num_heads", &k));
    TRY(read_heads(g, n, 2, "kv_num_heads", &v));
    const Size *both, *total = k.length;
    TRY(dims_unify(g, n, "depths of Q and K", q.depth, k.depth, &both));
    TRY(dims_unify(g, n, "lengths of K and V", k.length, v.length, &both));
    TRY(shared_heads(g, n, q.heads, k.heads));
    if (node_in(n, 4)) {
        TRY(need_rank(g, n, 4, 4));
        total = size_add(g->sizes, n->in[4]->dims[2], k.length);
    }
    if (n->in[0]->rank == 4) {
        TRY(set4(g, n, 0, q.batch, q.heads, q.length, v.depth));
    } else {
        const Size *width = size_mul(g->sizes, q.heads, v.depth);
        Dims out = {.rank = 3, .at = {q.batch, q.length, width}};
        TRY(shape_set(g, n, 0, n->in[0]->dtype, &out));
    }
    TRY(set4(g, n, 1, k.batch, k.heads, total, k.depth));
    TRY(set4(g, n, 2, v.batch, v.heads, total, v.depth));
    return set4(g, n, 3, q.batch, q.heads, q.length, total);
}

/* Broadcasts to [batch, heads, queries, keys], but may end before the last key. */
static int check_mask(Graph *g, Node *n, const Heads *q)
{
    const Tensor *mask = node_in(n, 3);
    if (!mask) return 0;
    if (mask->rank < 1) return diag_node(g->diag, &n->origin, "attn_mask: is a scalar");
    Dims into = {.rank = 4, .at = {q->batch, q->heads, q->length, mask->dims[mask->rank - 1]}};
    return need_broadcast(g, n, 3, "attn_mask", &into);
}

int check_attention(Graph *g, Node *n)
{
    Heads q, k, v;
    TRY(read_heads(g, n, 0, "q_num_heads", &q));
    TRY(read_heads(g, n, 1, "kv_num_heads", &k));
    TRY(read_heads(g, n, 2, "kv_num_heads", &v));
    const Size *both;
    TRY(dims_unify(g, n, "batches of Q and K", q.batch, k.batch, &both));
    TRY(dims_unify(g, n, "batches of Q and V", q.batch, v.batch, &both));
    TRY(dims_unify(g, n, "heads of K and V", k.heads, v.heads, &both));
    TRY(check_mask(g, n, &q));
    if (node_in(n, 4)) {
        Dims past = {.rank = 4, .at = {k.batch, k.heads, n->in[4]->dims[2], k.depth}};
        TRY(need_dims(g, n, 4, "past_key", &past));
        past.at[3] = v.depth;
        TRY(need_dims(g, n, 5, "past_value", &past));
    }
    if (!node_in(n, 4) != !node_in(n, 5))
        return diag_node(g->diag, &n->origin, "past_key and past_value go together");
    TRY(need_vector(g, n, 6, "lengths of keys", q.batch));
    TRY(need_vector(g, n, 7, "first positions", q.batch));
    return need_vector(g, n, 8, "sinks", q.heads);
}

/* ---- LinearAttention ---- */

/* [batch, length, heads * depth]: the size of one part of the last axis. */
static int read_packed(Graph *g, Node *n, int in, const char *name, int64_t heads,
                       const Size **depth)
{
    TRY(need_rank(g, n, in, 3));
    const Size *width = n->in[in]->dims[2];
    if (heads < 1 || (size_is_const(width) && width->value % heads))
        return diag_node(g->diag, &n->origin, "%s: %lld heads do not divide %s", name,
                         (long long)heads, size_text(g->sizes, width));
    *depth = size_divi(g->sizes, width, heads);
    return 0;
}

static bool uses(const Node *n, const char *part)
{
    const char *rule = node_string(n, "update_rule");
    return !strcmp(rule, part) || !strcmp(rule, "gated_delta");
}

static int check_update_rule(Graph *g, Node *n)
{
    const char *rule = node_string(n, "update_rule");
    if (strcmp(rule, "linear") && !uses(n, "gated") && !uses(n, "delta"))
        return diag_node(g->diag, &n->origin,
                         "update_rule: expected linear, gated, delta or gated_delta, got '%s'",
                         rule);
    if (uses(n, "gated") && !node_in(n, 4))
        return diag_node(g->diag, &n->origin, "decay is missing, update_rule %s needs it", rule);
    if (uses(n, "delta") && !node_in(n, 5))
        return diag_node(g->diag, &n->origin, "beta is missing, update_rule %s needs it", rule);
    return 0;
}

/* output [batch, length, heads * v_depth], of queries or, where there are more, of values; the state is
 * [batch, kv heads, depth, v_depth]. */
int shape_linear_attention(Graph *g, Node *n)
{
    int64_t heads = node_int(n, "q_num_heads"), kv = node_int(n, "kv_num_heads");
    const Size *depth, *v_depth;
    TRY(read_packed(g, n, 0, "q_num_heads", heads, &depth));
    TRY(read_packed(g, n, 2, "kv_num_heads", kv, &v_depth));
    TRY(check_update_rule(g, n));
    if (heads % kv && kv % heads)
        return diag_node(g->diag, &n->origin,
                         "q_num_heads, %lld, and kv_num_heads, %lld: neither divides the other",
                         (long long)heads, (long long)kv);
    const Tensor *q = n->in[0], *past = node_in(n, 3);
    const Size *width = size_muli(g->sizes, v_depth, heads > kv ? heads : kv);
    Dims out = {.rank = 3, .at = {q->dims[0], q->dims[1], width}};
    Dims state = {.rank = 4, .at = {q->dims[0], size_const(g->sizes, kv), depth, v_depth}};
    TRY(shape_set(g, n, 0, q->dtype, &out));
    return shape_set(g, n, 1, past ? past->dtype : q->dtype, &state);
}

/* A gate has one value for each head, or `each` of them. */
static int check_gate(Graph *g, Node *n, int in, const char *name, int64_t few, const Size *many)
{
    const Tensor *x = node_in(n, in);
    if (!x) return 0;
    TRY(need_rank(g, n, in, 3));
    Dims want = {.rank = 3, .at = {n->in[0]->dims[0], n->in[0]->dims[1], x->dims[2]}};
    TRY(need_dims(g, n, in, name, &want));
    if (size_is(x->dims[2], few) || x->dims[2] == many) return 0;
    return diag_node(g->diag, &n->origin, "%s: expected %lld or %s values, got %s", name,
                     (long long)few, size_text(g->sizes, many), size_text(g->sizes, x->dims[2]));
}

int check_linear_attention(Graph *g, Node *n)
{
    const Tensor *q = n->in[0];
    int64_t kv = node_int(n, "kv_num_heads");
    const Size *depth = size_divi(g->sizes, q->dims[2], node_int(n, "q_num_heads"));
    const Size *v_depth = size_divi(g->sizes, n->in[2]->dims[2], kv);
    TRY(need_rank(g, n, 1, 3));
    for (int i = 1; i < 3; i++) {
        Dims want = {.rank = 3, .at = {q->dims[0], q->dims[1], n->in[i]->dims[2]}};
        TRY(need_dims(g, n, i, i == 1 ? "key" : "value", &want));
    }
    const Size *width = n->in[1]->dims[2], *heads = size_div(g->sizes, width, depth);
    if (size_is_const(width) && size_is_const(depth) &&
        (!heads->value || width->value % depth->value || kv % heads->value))
        return diag_node(g->diag, &n->origin,
                         "key: %s is not as wide as heads of %s that divide kv_num_heads",
                         size_text(g->sizes, width), size_text(g->sizes, depth));
    Dims state = {.rank = 4, .at = {q->dims[0], size_const(g->sizes, kv), depth, v_depth}};
    TRY(need_dims(g, n, 3, "past_state", &state));
    TRY(check_gate(g, n, 4, "decay", kv, size_muli(g->sizes, depth, kv)));
    return check_gate(g, n, 5, "beta", kv, size_const(g->sizes, 1));
}
