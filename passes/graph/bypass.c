/* When a node does nothing: the input that its output equals (column BYPASS of ir/ops.def). */
#include "passes/graph/rules.h"

#include "passes/graph/rewrite.h"
#include "passes/shape/facts.h"

static bool keeps_shape(const Node *n)
{
    return rewrite_same_shape(n->in[0], n->out[0]);
}

Tensor *bypass_always(Graph *g, const Node *n)
{
    (void)g;
    return n->in[0];
}

Tensor *bypass_same_type(Graph *g, const Node *n)
{
    (void)g;
    return n->in[0]->dtype == n->out[0]->dtype ? n->in[0] : NULL;
}

Tensor *bypass_same_shape(Graph *g, const Node *n)
{
    (void)g;
    return keeps_shape(n) ? n->in[0] : NULL;
}

/* Of any number of inputs there is one. */
Tensor *bypass_single(Graph *g, const Node *n)
{
    (void)g;
    return n->in_count == 1 ? n->in[0] : NULL;
}

/* ---- x op c with a neutral c and a result like x ---- */

static Tensor *beside_constant(const Node *n, int k, double neutral)
{
    double value;
    if (!rewrite_constant(n->in[k], &value) || value != neutral) return NULL;
    return rewrite_same_shape(n->in[1 - k], n->out[0]) ? n->in[1 - k] : NULL;
}

static Tensor *beside_either(const Node *n, double neutral)
{
    Tensor *x = beside_constant(n, 1, neutral);
    return x ? x : beside_constant(n, 0, neutral);
}

Tensor *bypass_add(Graph *g, const Node *n)
{
    (void)g;
    return beside_either(n, 0);
}

Tensor *bypass_sub(Graph *g, const Node *n)
{
    (void)g;
    return beside_constant(n, 1, 0);
}

Tensor *bypass_mul(Graph *g, const Node *n)
{
    (void)g;
    return beside_either(n, 1);
}

/* Div, Pow */
Tensor *bypass_by_one(Graph *g, const Node *n)
{
    (void)g;
    return beside_constant(n, 1, 1);
}

/* ---- Moves ---- */

Tensor *bypass_transpose(Graph *g, const Node *n)
{
    const int64_t *perm;
    (void)g;
    int count = node_ints(n, "perm", &perm);
    for (int i = 0; i < count; i++) {
        if (perm[i] != i) return NULL;
    }
    return n->in[0];
}

Tensor *bypass_pad(Graph *g, const Node *n)
{
    double pads;
    (void)g;
    return keeps_shape(n) && rewrite_constant(n->in[1], &pads) && pads == 0 ? n->in[0] : NULL;
}

Tensor *bypass_slice(Graph *g, const Node *n)
{
    const Size *start[MAX_RANK];
    int64_t step[MAX_RANK];
    if (!keeps_shape(n) || slice_params(g, n, start, step)) return NULL;
    for (int i = 0; i < n->in[0]->rank; i++) {
        if (step[i] != 1 || !size_is(start[i], 0)) return NULL;
    }
    return n->in[0];
}

/* Both sides are one tensor. */
Tensor *bypass_phi(Graph *g, const Node *n)
{
    (void)g;
    return n->in_count == 3 && n->in[1] == n->in[2] && !node_attr(n, "fails") ? n->in[1] : NULL;
}
