/* Einsum beside Softmax is attention: a product of batches, which becomes MatMul between transposes so that
 * pass_attention finds it.
 *
 *     before   %s = Einsum(%q, %k) {"bnhd,bmhd->bhnm"}   after   %s = MatMul(Transpose(%q), Transpose(Transpose(%k)))
 */
#include "passes/graph/rewrite.h"

#include <string.h>

enum { FARTHEST = 10 }; /* nodes between a product and Softmax */

/* The letters of both inputs and of the result; one of each is summed, one is left's alone, one right's. */
typedef struct Einsum {
    const char *left, *right, *out;
    int rank;
    char depth, row, column;
    Tensor *a, *b;
} Einsum;

static int axis_of(const char *letters, int rank, char letter)
{
    const char *at = memchr(letters, letter, (size_t)rank);
    return at ? (int)(at - letters) : -1;
}

/* The same of a letter that is there. */
static int place_of(const char *letters, int rank, char letter)
{
    int at = 0;
    while (at < rank - 1 && letters[at] != letter) at++;
    return at;
}

/* What the letters of the result stand for, and that the others are one that is summed. */
static bool read_letters(Einsum *e)
{
    e->depth = e->row = e->column = 0;
    for (int i = 0; i < e->rank; i++) {
        int left = axis_of(e->left, e->rank, e->out[i]),
            right = axis_of(e->right, e->rank, e->out[i]);
        char *alone = left < 0 ? &e->column : right < 0 ? &e->row : NULL;
        if (axis_of(e->out, e->rank, e->out[i]) != i || (left < 0 && right < 0)) return false;
        if (alone && *alone) return false;
        if (alone)
            *alone = e->out[i];
        else if (e->a->dims[left] != e->b->dims[right])
            return false;
        char letter = e->left[i];
        if (axis_of(e->left, e->rank, letter) != i || axis_of(e->right, e->rank, e->right[i]) != i)
            return false;
        if (axis_of(e->out, e->rank, letter) < 0) e->depth = letter;
    }
    if (!e->row || !e->column || !e->depth) return false;
    int left = axis_of(e->left, e->rank, e->depth), right = axis_of(e->right, e->rank, e->depth);
    return right >= 0 && e->a->dims[left] == e->b->dims[right];
}

/* All three have as many letters, so that one row, one column and one depth leave the batch. */
static bool read_einsum(const Node *n, Einsum *e)
{
    if (n->op != OP_EINSUM || n->in_count != 2 || n->epilogue_count) return false;
    *e = (Einsum){.left = node_string(n, "equation"), .a = n->in[0], .b = n->in[1]};
    e->rank = e->a->rank;
    if (e->rank < 3 || e->rank > 5 || e->b->rank != e->rank || n->out[0]->rank != e->rank)
        return false;
    e->right = e->left + e->rank + 1;
    e->out = e->right + e->rank + 2;
    if (!read_letters(e)) return false;
    if (axis_of(e->out, e->rank, e->row) < axis_of(e->out, e->rank, e->column)) return true;
    Einsum old = *e;
    e->left = old.right, e->right = old.left;
    e->a = old.b, e->b = old.a;
    e->row = old.column, e->column = old.row;
    return true;
}

/* ---- Beside Softmax ---- */

static bool passes_scores(const Node *n)
{
    switch (n->op) {
    case OP_ADD:
    case OP_MUL:
    case OP_DIV:
    case OP_WHERE:
    case OP_TANH:
    case OP_RESHAPE: return true;
    default: return rewrite_is_cast_of_floats(n);
    }
}

static bool is_before_softmax(const Graph *g, const Uses *uses, const Node *n)
{
    for (int i = 0; i < FARTHEST && n; i++) {
        n = uses_sole(g, uses, n->out[0]);
        if (n && n->op == OP_SOFTMAX) return true;
        if (n && !passes_scores(n)) return false;
    }
    return false;
}

static bool is_behind_softmax(const Tensor *x)
{
    for (const Node *n = x->producer; n && n->in_count;
         n = n->in[n->op == OP_WHERE ? 2 : 0]->producer) {
        if (n->op == OP_SOFTMAX) return true;
        if (n->op != OP_WHERE && n->op != OP_RESHAPE && !rewrite_is_cast_of_floats(n)) return false;
    }
    return false;
}

/* ---- MatMul ---- */

/* x, whose axes have the letters `from`, with them in the order of `to`; n comes behind. */
static Tensor *in_order(Graph *g, const Node *n, Tensor *x, const char *from, const char *to)
{
    int64_t perm[MAX_RANK];
    const Size *dims[MAX_RANK];
    bool same = true;
    for (int i = 0; i < x->rank; i++) {
        perm[i] = place_of(from, x->rank, to[i]);
        dims[i] = x->dims[perm[i]];
        same = same && perm[i] == i;
    }
    if (same) return x;
    Tensor *y = graph_tensor(g, NULL, x->dtype, x->rank, dims);
    Node *turn =
        graph_node_at(g, rewrite_position(g, n), OP_TRANSPOSE, NULL, &n->origin, 1, &x, 1, &y);
    turn->region = n->region;
    node_set_ints(g, turn, "perm", x->rank, perm);
    return y;
}

static void become_product(Graph *g, Node *n, const Einsum *e)
{
    char left[MAX_RANK], right[MAX_RANK], turned[MAX_RANK], out[MAX_RANK];
    int batch = 0, rank = e->rank;
    for (int i = 0; i < rank; i++) {
        if (e->out[i] == e->row || e->out[i] == e->column) continue;
        left[batch] = right[batch] = turned[batch] = out[batch] = e->out[i];
        batch++;
    }
    left[batch] = out[batch] = e->row;
    right[batch] = turned[batch + 1] = e->depth;
    left[batch + 1] = e->depth;
    right[batch + 1] = turned[batch] = out[batch + 1] = e->column;
    int column = place_of(e->right, rank, e->column), depth = place_of(e->right, rank, e->depth);
    Tensor *a = in_order(g, n, e->a, e->left, left), *b = e->b;
    if (column < depth) {
        b = in_order(g, n, b, e->right, turned);
        b = in_order(g, n, b, turned, right);
    } else {
        b = in_order(g, n, b, e->right, right);
    }
    Tensor *y = n->out[0];
    rewrite_inputs(g, n, 2, (Tensor *[]){a, b});
    n->op = OP_MAT_MUL;
    n->attr_count = 0;
    const Size *dims[MAX_RANK];
    for (int i = 0; i < rank; i++) dims[i] = y->dims[place_of(e->out, rank, out[i])];
    if (!memcmp(out, e->out, (size_t)rank)) return;
    n->out[0] = graph_tensor(g, NULL, y->dtype, rank, dims);
    n->out[0]->producer = n;
    int64_t perm[MAX_RANK];
    for (int i = 0; i < rank; i++) perm[i] = place_of(out, rank, e->out[i]);
    Node *turn = graph_node_at(g, rewrite_position(g, n) + 1, OP_TRANSPOSE, NULL, &n->origin, 1,
                               n->out, 1, &y);
    turn->region = n->region;
    node_set_ints(g, turn, "perm", rank, perm);
}

void rewrite_einsums(Graph *g)
{
    const Uses *uses = uses_new(g);
    int count = g->node_count;
    Node **nodes = arena_array(g->arena, (size_t)count + 1, sizeof(Node *));
    memcpy(nodes, g->nodes, (size_t)count * sizeof(Node *));
    for (int i = 0; i < count; i++) {
        Einsum e;
        if (!read_einsum(nodes[i], &e)) continue;
        if (is_before_softmax(g, uses, nodes[i]) || is_behind_softmax(e.a))
            become_product(g, nodes[i], &e);
    }
}
