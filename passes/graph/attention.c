/* Attention that is spelt out becomes one node.
 *
 *     before   %s = Mul(MatMul(%q, Transpose(%k)), scale)   after   %y = lpc.Attention(%q, %k, %v, %mask)
 *              %p = Softmax(Add(%s, %mask))
 *              %y = MatMul(%p, %v)
 *
 * The scale may stand on the scores, on %q and on %k; a cap (c * tanh(scores / c)) behind it; masks are added, or say
 * by a Where which scores are hidden; probabilities of rows without a key may be made 0; heads of keys and values that
 * are repeated for groups of queries are read where they are, or broadcast along an axis of groups: [batch, heads of
 * keys, group, queries, depth]. Products of [batch * heads, ..] may have their masks behind a Reshape to [batch, heads,
 * ..]. Products may be Einsums (einsum.c). Casts of floats between these steps go. Scores and probabilities that something else reads stay, and so does
 * all the rest then. */
#include "passes/graph/rewrite.h"

#include <math.h>

/* A score of no more than this hides: what is added to it changes nothing. */
static const double HIDES = -1e30;
/* No more than this hides where another score of the row is none of it. */
static const double HIDES_BESIDE = -1000;

enum { MOST_STEPS = 32 };

typedef struct Spelt {
    Graph *g;
    const Uses *uses;
    Node *last; /* the product with the values */
    Tensor *q, *k, *v;
    bool k_is_transposed;
    const Tensor *scores;
    const Tensor *
        wide; /* [batch, heads, queries, keys], where scores are [batch * heads, ..]; NULL: nowhere */
    Tensor *bias, *second; /* added to scores; second: NULL when one is */
    Tensor *seen; /* a score is `hidden` unless it is true, or where it is true when `inverted` */
    bool inverted;
    double hidden;
    double scale, softcap;
    bool guarded; /* a row without keys gives 0, not NaN */
    const Node *steps[MOST_STEPS];
    int count;
} Spelt;

/* What is between the scores and softmax, from outside. */
typedef enum Level { LEVEL_MASKS, LEVEL_CAP, LEVEL_SCALE } Level;

/* The node that makes x for the pattern alone. */
static Node *step_of(Spelt *s, const Tensor *x)
{
    Node *n = x->producer;
    if (!n || !uses_sole(s->g, s->uses, x) || !region_same(n->region, s->last->region)) return NULL;
    if (n->epilogue_count || s->count == MOST_STEPS) return NULL;
    s->steps[s->count++] = n;
    return n;
}

/* x times a number, or divided by it: gives x. */
static Tensor *scaled_by(const Node *n, double *factor)
{
    double value;
    if (!n || (n->op != OP_MUL && n->op != OP_DIV)) return NULL;
    int side = n->op == OP_DIV || rewrite_constant(n->in[1], &value) ? 0 : 1;
    const Tensor *c = n->in[1 - side];
    if (!rewrite_constant(c, &value) || tensor_static_elements(c) != 1 || value == 0) return NULL;
    if (!rewrite_same_shape(n->in[side], n->out[0])) return NULL;
    *factor = n->op == OP_DIV ? 1 / value : value;
    return n->in[side];
}

/* ---- The operands ---- */

/* q, or k, without a factor in front of it. */
static Tensor *without_scale(Spelt *s, Tensor *x)
{
    double factor;
    Tensor *from = scaled_by(x->producer, &factor);
    if (!from || !region_same(x->producer->region, s->last->region)) return x;
    s->scale *= factor;
    return from;
}

static bool match_product(Spelt *s, const Node *n)
{
    int rank = n->in[0]->rank;
    if (n->in[1]->rank != rank || rank < 3 || rank > 5) return false;
    if (n->in[1]->data || s->last->in[1]->data || s->last->in[1]->rank != rank) return false;
    s->scores = n->out[0];
    s->q = without_scale(s, n->in[0]);
    s->k = without_scale(s, n->in[1]);
    s->v = s->last->in[1];
    s->k_is_transposed = !rewrite_swaps_last(s->k->producer);
    if (!s->k_is_transposed) s->k = without_scale(s, s->k->producer->in[0]);
    return true;
}

/* Between [batch * heads, ..] and [batch, heads, ..], always the same. */
static bool splits_heads(Spelt *s, const Node *n)
{
    if (n->op != OP_RESHAPE) return false;
    const Tensor *x = n->in[0], *y = n->out[0], *wide = x->rank == 4 ? x : y;
    if (wide->rank != 4 || (wide == x ? y : x)->rank != 3) return false;
    for (int i = 1; i <= 2; i++)
        if (x->dims[x->rank - i] != y->dims[y->rank - i]) return false;
    if (s->wide && (s->wide->dims[0] != wide->dims[0] || s->wide->dims[1] != wide->dims[1]))
        return false;
    s->wide = wide;
    return true;
}

/* ---- From softmax to the scores ---- */

static bool match_scores(Spelt *s, Tensor *x, Level level);

/* c * tanh(x * f): the scores are x * (c * f), capped at c. */
static bool match_cap(Spelt *s, const Node *n)
{
    double cap, factor = 1;
    Tensor *bent = scaled_by(n, &cap);
    const Node *tanh =
        bent && bent->producer && bent->producer->op == OP_TANH ? step_of(s, bent) : NULL;
    if (!tanh || n->op != OP_MUL || cap <= 0) return false;
    Tensor *x = tanh->in[0];
    const Node *inner = step_of(s, x);
    if (!inner) return false;
    Tensor *from = scaled_by(inner, &factor);
    if (from)
        x = from;
    else
        s->count--; /* it is looked at again */
    s->softcap = cap;
    s->scale *= cap * factor;
    return match_scores(s, x, LEVEL_CAP);
}

static bool match_bias(Spelt *s, const Node *n)
{
    Spelt before = *s;
    if (s->second || s->seen) return false;
    for (int k = 0; k < 2; k++) {
        *s = before;
        *(s->bias ? &s->second : &s->bias) = n->in[1 - k];
        if (rewrite_same_shape(n->in[k], n->out[0]) && match_scores(s, n->in[k], LEVEL_MASKS))
            return true;
    }
    return false;
}

static bool match_hiding(Spelt *s, const Node *n)
{
    if (s->seen) return false;
    s->seen = n->in[0];
    s->inverted = rewrite_constant(n->in[1], &s->hidden);
    if (!s->inverted && !rewrite_constant(n->in[2], &s->hidden)) return false;
    Tensor *x = n->in[s->inverted ? 2 : 1];
    return rewrite_same_shape(x, n->out[0]) && match_scores(s, x, LEVEL_MASKS);
}

static bool match_scores(Spelt *s, Tensor *x, Level level)
{
    double factor;
    const Node *n = step_of(s, x);
    if (!n) return false;
    if (n->op == OP_MAT_MUL) return match_product(s, n);
    if (rewrite_is_cast_of_floats(n) || splits_heads(s, n)) return match_scores(s, n->in[0], level);
    if (level == LEVEL_MASKS && n->op == OP_ADD) return match_bias(s, n);
    if (level == LEVEL_MASKS && n->op == OP_WHERE) return match_hiding(s, n);
    if (level == LEVEL_MASKS && match_cap(s, n)) return true;
    Tensor *from = scaled_by(n, &factor);
    if (!from) return false;
    s->scale *= factor;
    return match_scores(s, from, LEVEL_SCALE);
}

/* Where(IsNaN(p), 0, p): gives p. */
static Tensor *guarded(Spelt *s, const Node *n)
{
    double zero;
    Tensor *p = n->in[2];
    const Node *test = n->in[0]->producer;
    if (!test || test->op != OP_IS_NAN || test->in[0] != p || !uses_sole(s->g, s->uses, n->in[0]))
        return NULL;
    if (!rewrite_constant(n->in[1], &zero) || zero != 0) return NULL;
    return s->uses->count[p->id] == 2 && !rewrite_is_result(s->g, p) ? p : NULL;
}

static bool match_softmax(Spelt *s)
{
    Tensor *p = s->last->in[0];
    const Node *n = step_of(s, p);
    while (n && (rewrite_is_cast_of_floats(n) || splits_heads(s, n))) n = step_of(s, n->in[0]);
    if (n && n->op == OP_WHERE) {
        p = guarded(s, n);
        s->guarded = p != NULL;
        n = p ? p->producer : NULL;
    }
    if (!n || n->op != OP_SOFTMAX || !region_same(n->region, s->last->region)) return false;
    int64_t axis = node_int(n, "axis"), rank = n->in[0]->rank;
    return (axis < 0 ? axis + rank : axis) == rank - 1 && match_scores(s, n->in[0], LEVEL_MASKS);
}

/* ---- Sizes ---- */

static const Size *from_end(const Tensor *x, int i)
{
    return x->dims[x->rank - i];
}

/* Each axis is the scores' or 1; of heads of keys and groups both are or none. */
static bool broadcasts(const Tensor *x, const Tensor *scores)
{
    if (!x) return true;
    if (x->rank > scores->rank || x->rank < 1) return false;
    for (int i = 1; i <= x->rank; i++) {
        if (from_end(x, i) != from_end(scores, i) && !size_is(from_end(x, i), 1)) return false;
    }
    if (scores->rank < 5 || x->rank < 3) return true;
    bool each = !size_is(from_end(x, 3), 1), heads = x->rank > 3 && !size_is(from_end(x, 4), 1);
    bool grouped = !size_is(from_end(scores, 3), 1), many = !size_is(from_end(scores, 4), 1);
    return each == heads || (each && !many) || (heads && !grouped);
}

/* Each row of a constant has an element that is shown. */
static bool shows_in_each_row(const Spelt *s)
{
    const Tensor *x = s->seen;
    if (!x->data || !tensor_is_static(x)) return false;
    int64_t keys = from_end(x, 1)->value, count = tensor_static_elements(x), seen = 0;
    for (int64_t i = 0; i < count; i++) {
        seen += (const_i64_at(x, i) != 0) != s->inverted;
        if ((i + 1) % keys) continue;
        if (!seen) return false;
        seen = 0;
    }
    return count > 0;
}

static bool masks_are_known(const Spelt *s)
{
    const Tensor *scores = s->wide ? s->wide : s->scores;
    if (!broadcasts(s->bias, scores) || !broadcasts(s->seen, scores)) return false;
    if (s->bias && !dtype_is_float(s->bias->dtype)) return false;
    if (!broadcasts(s->second, scores) || (s->second && s->second->dtype != s->bias->dtype))
        return false;
    if (!s->seen || s->hidden <= HIDES) return true;
    return s->hidden <= HIDES_BESIDE && !s->bias && shows_in_each_row(s);
}

static bool sizes_agree(const Spelt *s)
{
    const Tensor *q = s->q, *k = s->k, *v = s->v, *y = s->last->out[0];
    int keys = s->k_is_transposed ? 1 : 2, depth = 3 - keys;
    if (k->rank != q->rank || from_end(k, depth) != from_end(q, 1)) return false;
    for (int i = 3; i <= q->rank; i++) {
        const Size *size = from_end(q, i);
        if (from_end(y, i) != size || from_end(s->scores, i) != size) return false;
        if (q->rank == 5 && i == 3) size = size_const(s->g->sizes, 1);
        if (from_end(k, i) != size || from_end(v, i) != size) return false;
    }
    if (from_end(k, keys) != from_end(v, 2) || from_end(s->scores, 1) != from_end(v, 2))
        return false;
    return q->dtype == k->dtype && q->dtype == v->dtype && y->dtype == q->dtype &&
           dtype_is_float(q->dtype);
}

/* ---- The node ---- */

static Tensor *put(Spelt *s, OpCode op, int count, Tensor *const *in, DType dtype, int rank,
                   const Size *const *dims)
{
    Tensor *y = graph_tensor(s->g, NULL, dtype, rank, dims);
    int at = rewrite_position(s->g, s->last);
    Node *n = graph_node_at(s->g, at, op, NULL, &s->last->origin, count, in, 1, &y);
    n->region = s->last->region;
    return y;
}

static Tensor *reshaped(Spelt *s, Tensor *x, int rank, const Size *const *dims)
{
    Tensor *shape = graph_sizes(s->g, rewrite_position(s->g, s->last), s->last, rank, dims);
    Tensor *y = put(s, OP_RESHAPE, 2, (Tensor *[]){x, shape}, x->dtype, rank, dims);
    node_set_int(s->g, y->producer, "allowzero", 1);
    return y;
}

static Tensor *swapped(Spelt *s, Tensor *x)
{
    const Size *dims[MAX_RANK];
    int64_t perm[MAX_RANK];
    int rank = x->rank;
    for (int i = 0; i < rank; i++) {
        int from = i < rank - 2 ? i : 2 * rank - 3 - i;
        perm[i] = from;
        dims[i] = x->dims[from];
    }
    Tensor *y = put(s, OP_TRANSPOSE, 1, &x, x->dtype, rank, dims);
    node_set_ints(s->g, y->producer, "perm", rank, perm);
    return y;
}

/* [batch, heads, .., ..]: one head each where there is no such axis, and one axis for groups and their heads. */
static void four_axes(const Spelt *s, int rank, const Size *const *from, const Size **to)
{
    SizeTable *t = s->g->sizes;
    const Size *one = size_const(t, 1);
    to[0] = rank == 4 && s->scores->rank == 5 ? one : from[0];
    to[1] = rank == 5 ? size_mul(t, from[1], from[2]) : one;
    if (rank == 4) to[1] = s->scores->rank == 5 ? size_mul(t, from[0], from[1]) : from[1];
    to[2] = from[rank - 2];
    to[3] = from[rank - 1];
}

/* The heads of an operand [batch * heads, .., ..] where scores have them apart. */
static void wide_axes(const Spelt *s, const Size *const *from, const Size **to)
{
    to[0] = s->wide->dims[0];
    to[1] = s->wide->dims[1];
    to[2] = from[1];
    to[3] = from[2];
}

static bool is_split(const Spelt *s)
{
    return s->wide && s->scores->rank == 3;
}

static Tensor *with_heads(Spelt *s, Tensor *x)
{
    const Size *dims[4];
    if (is_split(s)) {
        wide_axes(s, x->dims, dims);
        return reshaped(s, x, 4, dims);
    }
    if (!x || s->scores->rank == 4 || x->rank < s->scores->rank - 1 || x->rank < 3) return x;
    four_axes(s, x->rank, x->dims, dims);
    return reshaped(s, x, 4, dims);
}

static Tensor *number(Spelt *s, double value)
{
    return graph_scalar(s->g, NULL, s->q->dtype, value);
}

/* The sizes of both together; gives the rank. */
static int broadcast(const Tensor *a, const Tensor *b, const Size **dims)
{
    int rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 1; i <= rank; i++) {
        bool by_a = i <= a->rank && (i > b->rank || size_is(from_end(b, i), 1));
        dims[rank - i] = by_a ? from_end(a, i) : from_end(b, i);
    }
    return rank;
}

/* All that is added to scores. */
static Tensor *added(Spelt *s)
{
    const Size *dims[MAX_RANK];
    if (!s->second) return s->bias;
    int rank = broadcast(s->bias, s->second, dims);
    return put(s, OP_ADD, 2, (Tensor *[]){s->bias, s->second}, s->bias->dtype, rank, dims);
}

/* Where(seen, shown, hidden) */
static Tensor *hiding(Spelt *s, Tensor *shown)
{
    const Size *dims[MAX_RANK];
    int rank = broadcast(shown, s->seen, dims);
    Tensor *hidden = graph_scalar(s->g, NULL, shown->dtype, s->hidden);
    Tensor *in[] = {s->seen, s->inverted ? hidden : shown, s->inverted ? shown : hidden};
    return put(s, OP_WHERE, 3, in, shown->dtype, rank, dims);
}

/* What is added to scores, or, as bool, which of them are seen. A finite number that hides is added: a row where all
 * are hidden has equal weights. */
static Tensor *make_mask(Spelt *s)
{
    if (!s->seen) return added(s);
    if (s->bias) return hiding(s, added(s));
    if (s->hidden <= HIDES && isfinite(s->hidden)) return hiding(s, number(s, 0));
    if (!s->inverted) return s->seen;
    return put(s, OP_NOT, 1, &s->seen, DT_BOOL, s->seen->rank, s->seen->dims);
}

/* [b, kv, s, d] of x = Reshape(Expand([b, kv, 1, s, d] to [b, kv, n, s, d])) to [b, kv * n, s, d]; x otherwise. */
static Tensor *one_of_each_group(Tensor *x)
{
    const Node *join = x->producer,
               *expand = join && join->op == OP_RESHAPE ? join->in[0]->producer : NULL;
    if (x->rank != 4 || !expand || expand->op != OP_EXPAND) return x;
    const Tensor *wide = expand->out[0], *narrow = expand->in[0];
    const Node *split = narrow->producer;
    if (wide->rank != 5 || narrow->rank != 5 || !size_is(narrow->dims[2], 1) || !split) return x;
    if (split->op != OP_UNSQUEEZE && split->op != OP_RESHAPE) return x;
    Tensor *from = split->in[0];
    bool same = from->rank == 4 && size_is_const(wide->dims[2]);
    for (int i = 0; i < 4 && same; i++) {
        int own = i < 2 ? i : i + 1;
        same = from->dims[i] == narrow->dims[own] && wide->dims[own] == narrow->dims[own];
        same = same && (i == 1 || from->dims[i] == x->dims[i]);
    }
    return same ? from : x;
}

/* Keys and values of the same groups. */
static void share_heads(Spelt *s)
{
    Tensor *k = one_of_each_group(s->k), *v = one_of_each_group(s->v);
    if (s->k_is_transposed || k->rank != 4 || v->rank != 4 || k->dims[1] != v->dims[1]) return;
    s->k = k;
    s->v = v;
}

static void build(Spelt *s)
{
    Graph *g = s->g;
    Node *n = s->last;
    share_heads(s);
    Tensor *q = with_heads(s, s->q), *v = with_heads(s, s->v);
    Tensor *k = with_heads(s, s->k_is_transposed ? swapped(s, s->k) : s->k);
    Tensor *mask = make_mask(s), *y = n->out[0];
    if (!is_split(s)) mask = with_heads(s, mask);
    for (int i = 0; i < s->count; i++) rewrite_merge(g, n, s->steps[i]);
    rewrite_inputs(g, n, mask ? 4 : 3, (Tensor *[]){q, k, v, mask});
    n->op = OP_ATTEND;
    n->attr_count = 0;
    node_set_float(g, n, "scale", s->scale);
    if (s->softcap != 0) node_set_float(g, n, "softcap", s->softcap);
    if (!s->guarded) node_set_int(g, n, "hidden_is_nan", 1);
    if (y->rank == 4) return;
    const Size *dims[4];
    if (is_split(s))
        wide_axes(s, y->dims, dims);
    else
        four_axes(s, y->rank, y->dims, dims);
    Tensor *shape = graph_sizes(g, rewrite_position(g, n), n, y->rank, y->dims);
    Tensor *in[] = {graph_tensor(g, NULL, y->dtype, 4, dims), shape};
    Node *fold =
        graph_node_at(g, rewrite_position(g, n) + 1, OP_RESHAPE, NULL, &n->origin, 2, in, 1, &y);
    fold->region = n->region;
    node_set_int(g, fold, "allowzero", 1);
    n->out[0] = in[0];
    in[0]->producer = n;
}

int pass_attention(Graph *g)
{
    const Uses *uses = uses_new(g);
    if (rewrite_einsums(g, uses)) uses = uses_new(g);
    for (int i = 0; i < g->node_count; i++) {
        Spelt s = {.g = g, .uses = uses, .last = g->nodes[i], .scale = 1};
        if (s.last->op != OP_MAT_MUL || s.last->epilogue_count || !match_softmax(&s)) continue;
        if (!sizes_agree(&s) || !masks_are_known(&s)) continue;
        build(&s);
        i = rewrite_position(g, s.last);
        uses = uses_new(g);
    }
    graph_sweep(g);
    return 0;
}
