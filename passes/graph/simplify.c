/* Simplification: what does nothing goes, what stands twice is merged.
 *
 *     before   %a = Transpose(%x) {perm = [0, 2, 1]}     after   %y = Relu(%x)
 *              %b = Transpose(%a) {perm = [0, 2, 1]}
 *              %c = Add(%b, 0)
 *              %y = Relu(%c)
 *
 * Runs to a fixed point: every rule takes nodes away or brings views closer to their source. */
#include "passes/graph/rules.h"
#include "passes/graph/simplify.h"

static bool remove_nothing(Graph *g, Node *n)
{
    BypassRule *rule = graph_rules[n->op].bypass;
    if (!rule || !node_in(n, 0) || n->out_count != 1 || !n->out[0]) return false;
    Tensor *x = rule(g, n);
    return x && rewrite_bypass(g, n, x);
}

/* ---- Views of views ---- */

static bool is_reshape(const Node *n)
{
    return n && (op_info(n->op)->traits & T_RESHAPES);
}

/* Reshape(Reshape(x)) reads x itself. */
static bool merge_reshapes(Graph *g, Node *n, int at)
{
    const Node *before = is_reshape(n) ? n->in[0]->producer : NULL;
    if (!is_reshape(before)) return false;
    Tensor *x = before->in[0], *y = n->out[0];
    Tensor *shape = graph_sizes(g, at, n, y->rank, y->dims);
    rewrite_inputs(g, n, 2, (Tensor *[]){x, shape});
    n->op = OP_RESHAPE;
    node_del_attr(n, "axis");
    node_set_int(g, n, "allowzero", 1); /* the sizes are meant as they are */
    rewrite_merge(g, n, before);
    return true;
}

/* Transposes have rewrites that are about them. */
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
    Tensor *shape = graph_sizes(g, at, n, n->out[0]->rank, n->out[0]->dims);
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
    if (n->op == OP_VALUES || n->op == OP_DELETED || n->op == OP_MEASURE || n->body) return false;
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
            if (make_values(n) || remove_nothing(g, n) || simplify_loop(g, n, i) ||
                merge_transposes(g, n) || transpose_to_reshape(g, n, i) ||
                merge_reshapes(g, n, i)) {
                changed = true;
                i = rewrite_position(g, n); /* nodes may have been put before it */
            }
        }
        graph_sweep(g);
        changed |= simplify_common(g);
    }
    return 0;
}
