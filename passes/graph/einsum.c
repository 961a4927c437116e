/* Einsum beside Softmax is attention: a product of batches, which becomes MatMul between transposes so that
 * pass_attention finds it.
 *
 *     before   %s = Einsum(%q, %k) {"bnhd,bmhd->bhnm"}   after   %s = MatMul(Transpose(%q), Transpose(Transpose(%k)))
 */
#include "passes/graph/rewrite.h"

#include "ir/einsum.h"

#include <string.h>

enum { FARTHEST = 10 }; /* nodes between a product and Softmax */

/* A product of batches of matrices: left's letters are those of a, right's those of b. */
typedef struct Batches {
    EinsumProduct by;
    Tensor *a, *b;
    int rank;
} Batches;

static bool same_size(const Batches *e, char letter)
{
    int left = einsum_axis(&e->by.left, letter), right = einsum_axis(&e->by.right, letter);
    return left < 0 || right < 0 || e->a->dims[left] == e->b->dims[right];
}

/* Rows come in front of columns in the result: else the operands change places. */
static void order_operands(Batches *e)
{
    const EinsumProduct old = e->by;
    Tensor *a = e->a;
    if (einsum_axis(&old.out, old.row) < einsum_axis(&old.out, old.column)) return;
    e->by.left = old.right;
    e->by.right = old.left;
    e->by.row = old.column;
    e->by.column = old.row;
    e->a = e->b;
    e->b = a;
}

static bool read_batches(const Node *n, Batches *e)
{
    if (n->op != OP_EINSUM || n->epilogue_count || !einsum_product(n, &e->by)) return false;
    e->a = n->in[0];
    e->b = n->in[1];
    e->rank = e->a->rank;
    if (!e->by.row || !e->by.column || e->rank < 3 || e->rank > 5) return false;
    for (int i = 0; i < e->rank; i++)
        if (!same_size(e, e->by.left.letters[i])) return false;
    order_operands(e);
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

/* [batch, first, second], the batch as the result has it. */
static EinsumTerm matrices(Graph *g, const Batches *e, char first, char second)
{
    char *letters = arena_array(g->arena, (size_t)e->rank, 1);
    int count = 0;
    for (int i = 0; i < e->rank; i++) {
        char letter = e->by.out.letters[i];
        if (letter != e->by.row && letter != e->by.column) letters[count++] = letter;
    }
    letters[count] = first;
    letters[count + 1] = second;
    return (EinsumTerm){letters, e->rank};
}

/* Which axis of `from` each axis of `to` is, and the sizes of x in that order; false: they are the same. */
static bool permutation(const Tensor *x, const EinsumTerm *from, const EinsumTerm *to,
                        int64_t *perm, const Size **dims)
{
    bool moves = false;
    for (int i = 0; i < to->count; i++) {
        int axis = 0; /* all letters are in both */
        while (from->letters[axis] != to->letters[i]) axis++;
        perm[i] = axis;
        dims[i] = x->dims[axis];
        moves = moves || axis != i;
    }
    return moves;
}

/* A Transpose in front of n. */
static Tensor *in_order(Graph *g, const Node *n, Tensor *x, const EinsumTerm *from,
                        const EinsumTerm *to)
{
    int64_t perm[MAX_RANK];
    const Size *dims[MAX_RANK];
    if (!permutation(x, from, to, perm, dims)) return x;
    Tensor *y = graph_tensor(g, NULL, x->dtype, x->rank, dims);
    Node *turn =
        graph_node_at(g, rewrite_position(g, n), OP_TRANSPOSE, NULL, &n->origin, 1, &x, 1, &y);
    turn->region = n->region;
    node_set_ints(g, turn, "perm", x->rank, perm);
    return y;
}

/* n makes [batch, rows, columns], a Transpose behind it what n made. */
static void order_result(Graph *g, Node *n, const Batches *e)
{
    EinsumTerm made = matrices(g, e, e->by.row, e->by.column);
    Tensor *y = n->out[0];
    int64_t perm[MAX_RANK];
    const Size *dims[MAX_RANK];
    if (!permutation(y, &e->by.out, &made, perm, dims)) return;
    n->out[0] = graph_tensor(g, NULL, y->dtype, y->rank, dims);
    n->out[0]->producer = n;
    permutation(n->out[0], &made, &e->by.out, perm, dims);
    Node *turn = graph_node_at(g, rewrite_position(g, n) + 1, OP_TRANSPOSE, NULL, &n->origin, 1,
                               n->out, 1, &y);
    turn->region = n->region;
    node_set_ints(g, turn, "perm", y->rank, perm);
}

/* Keys that have their depth last are turned in a step of its own, which pass_attention knows. */
static void become_product(Graph *g, Node *n, const Batches *e)
{
    const EinsumProduct *by = &e->by;
    EinsumTerm rows = matrices(g, e, by->row, by->depth),
               keys = matrices(g, e, by->column, by->depth);
    EinsumTerm columns = matrices(g, e, by->depth, by->column), from = by->right;
    Tensor *a = in_order(g, n, e->a, &by->left, &rows), *b = e->b;
    if (einsum_axis(&from, by->column) < einsum_axis(&from, by->depth)) {
        b = in_order(g, n, b, &from, &keys);
        from = keys;
    }
    b = in_order(g, n, b, &from, &columns);
    rewrite_inputs(g, n, 2, (Tensor *[]){a, b});
    n->op = OP_MAT_MUL;
    n->attr_count = 0;
    order_result(g, n, e);
}

/* `uses` is of the graph before; what is asked of it are nodes and tensors that were there. */
bool rewrite_einsums(Graph *g, const Uses *uses)
{
    bool found = false;
    for (int i = 0; i < g->node_count; i++) {
        Batches e;
        Node *n = g->nodes[i];
        if (!read_batches(n, &e)) continue;
        if (!is_before_softmax(g, uses, n) && !is_behind_softmax(e.a)) continue;
        become_product(g, n, &e);
        i = rewrite_position(g, n);
        found = true;
    }
    return found;
}
