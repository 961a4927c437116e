/* Simplification: what does nothing goes, what stands twice is merged.
 *
 *     before   %a = Transpose(%x) {perm = [0, 2, 1]}     after   %y = Relu(%x)
 *              %b = Transpose(%a) {perm = [0, 2, 1]}
 *              %c = Add(%b, 0)
 *              %y = Relu(%c)
 *
 * Runs to a fixed point: every rule takes nodes away or brings views closer to their source. */
#include "passes/graph/simplify.h"

/* ---- Nodes that do nothing ---- */

static bool is_identity_perm(const Node *n)
{
    const int64_t *perm;
    int count = node_ints(n, "perm", &perm);
    for (int i = 0; i < count; i++) {
        if (perm[i] != i) return false;
    }
    return true;
}

static bool is_all_zero(const Tensor *x)
{
    double value;
    return rewrite_constant(x, &value) && value == 0;
}

static bool is_full_slice(Graph *g, const Node *n)
{
    const Size *start[MAX_RANK];
    int64_t step[MAX_RANK];
    if (!rewrite_same_shape(n->in[0], n->out[0]) || slice_params(g, n, start, step)) return false;
    for (int i = 0; i < n->in[0]->rank; i++) {
        if (step[i] != 1 || !size_is(start[i], 0)) return false;
    }
    return true;
}

/* x op c with the neutral c and a result like x. */
static Tensor *neutral_operand(const Node *n)
{
    static const struct {
        OpCode op;
        double neutral;
        bool both_sides;
    } table[] = {{OP_ADD, 0, true},
                 {OP_SUB, 0, false},
                 {OP_MUL, 1, true},
                 {OP_DIV, 1, false},
                 {OP_POW, 1, false}};
    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        if (table[t].op != n->op) continue;
        for (int k = 1; k >= (table[t].both_sides ? 0 : 1); k--) {
            double value;
            if (rewrite_constant(n->in[k], &value) && value == table[t].neutral &&
                rewrite_same_shape(n->in[1 - k], n->out[0]))
                return n->in[1 - k];
        }
    }
    return NULL;
}

/* The input that the node's output equals, or NULL. */
static Tensor *same_as_input(Graph *g, const Node *n)
{
    Tensor *x = node_in(n, 0);
    if (!x || n->out_count != 1 || !n->out[0]) return NULL;
    bool same = rewrite_same_shape(x, n->out[0]);
    switch (n->op) {
    case OP_IDENTITY:
    case OP_COPY: return x;
    case OP_CAST:
    case OP_CAST_LIKE: return x->dtype == n->out[0]->dtype ? x : NULL;
    case OP_TRANSPOSE: return is_identity_perm(n) ? x : NULL;
    case OP_RESHAPE:
    case OP_SQUEEZE:
    case OP_UNSQUEEZE:
    case OP_FLATTEN:
    case OP_EXPAND: return same ? x : NULL;
    case OP_SPLIT: return same ? x : NULL;
    case OP_PAD: return same && is_all_zero(n->in[1]) ? x : NULL;
    case OP_SLICE: return is_full_slice(g, n) ? x : NULL;
    case OP_CONCAT:
    case OP_MAX:
    case OP_MIN:
    case OP_SUM:
    case OP_MEAN: return n->in_count == 1 ? x : NULL;
    case OP_PHI:
        return n->in_count == 3 && n->in[1] == n->in[2] && !node_attr(n, "fails") ? n->in[1] : NULL;
    default: return neutral_operand(n);
    }
}

static bool remove_nothing(Graph *g, Node *n)
{
    Tensor *x = same_as_input(g, n);
    return x && rewrite_bypass(g, n, x);
}

/* ---- Views of views ---- */

static bool is_reshape(const Node *n)
{
    return n && (n->op == OP_RESHAPE || n->op == OP_SQUEEZE || n->op == OP_UNSQUEEZE ||
                 n->op == OP_FLATTEN);
}

/* Reshape(Reshape(x)) reads x itself. */
static bool merge_reshapes(Graph *g, Node *n, int at)
{
    const Node *before = is_reshape(n) ? n->in[0]->producer : NULL;
    if (!is_reshape(before)) return false;
    Tensor *x = before->in[0], *y = n->out[0];
    Tensor *shape = rewrite_sizes(g, at, n, y->rank, y->dims);
    rewrite_inputs(g, n, 2, (Tensor *[]){x, shape});
    n->op = OP_RESHAPE;
    node_del_attr(n, "axis");
    node_set_int(g, n, "allowzero", 1); /* the sizes are meant as they are */
    rewrite_merge(g, n, before);
    return true;
}

static bool merge_transposes(Graph *g, Node *n)
{
    const Node *before = n->op == OP_TRANSPOSE ? n->in[0]->producer : NULL;
    if (!before || before->op != OP_TRANSPOSE) return false;
    const int64_t *outer, *inner;
    int64_t perm[MAX_RANK];
    int rank = node_ints(n, "perm", &outer);
    if (node_ints(before, "perm", &inner) != rank) return false;
    for (int i = 0; i < rank; i++) perm[i] = inner[outer[i]];
    n->in[0] = before->in[0];
    node_set_ints(g, n, "perm", rank, perm);
    rewrite_merge(g, n, before);
    return true;
}

/* A transpose that moves unit axes only is a reshape, which is a view in any layout. */
static bool transpose_to_reshape(Graph *g, Node *n, int at)
{
    if (n->op != OP_TRANSPOSE) return false;
    const int64_t *perm;
    int rank = node_ints(n, "perm", &perm), last = -1;
    for (int i = 0; i < rank; i++) {
        if (size_is(n->in[0]->dims[perm[i]], 1)) continue;
        if (perm[i] < last) return false;
        last = (int)perm[i];
    }
    Tensor *shape = rewrite_sizes(g, at, n, n->out[0]->rank, n->out[0]->dims);
    rewrite_inputs(g, n, 2, (Tensor *[]){n->in[0], shape});
    n->op = OP_RESHAPE;
    node_del_attr(n, "perm");
    node_set_int(g, n, "allowzero", 1);
    return true;
}

/* ---- Known contents ---- */

/* More than these are computed in a loop. */
enum { STORED_VALUES = 64 };

/* A node whose output's contents are known as sizes needs no inputs. */
static bool make_values(Node *n)
{
    if (n->op == OP_VALUES || n->op == OP_DELETED || n->body) return false;
    if (n->out_count != 1 || !n->out[0] || !n->out[0]->values || n->out[0]->data) return false;
    if (n->out[0]->value_count > STORED_VALUES) return false;
    n->op = OP_VALUES;
    n->in_count = 0;
    n->attr_count = 0;
    return true;
}

/* ---- The pass ---- */

/* Requires known shapes; keeps them. */
int pass_simplify(Graph *g)
{
    bool changed = true;
    for (int round = 0; changed && round < 100; round++) {
        changed = false;
        for (int i = 0; i < g->node_count; i++) {
            Node *n = g->nodes[i];
            if (n->op == OP_DELETED) continue;
            if (make_values(n) || remove_nothing(g, n) || simplify_loop(g, n, i) || merge_transposes(g, n) ||
                transpose_to_reshape(g, n, i) || merge_reshapes(g, n, i)) {
                changed = true;
                i = rewrite_position(g, n); /* nodes may have been put before it */
            }
        }
        graph_sweep(g);
        changed |= simplify_common(g);
    }
    return 0;
}
