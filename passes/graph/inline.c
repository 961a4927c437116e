/* Which tensors are computed where they are read instead of being stored.
 *
 *     before   %a = Exp(%x)                    after   %a: inlined = Exp(%x)
 *              %b = Mul(%a, %y)                        %b: inlined = Mul(%a, %y)
 *              %s = ReduceSum(%b)                      %s = ReduceSum(%b)   one loop
 *
 * A node is inlined when all readers of its result end up in one kernel that loads each element
 * about once, or when computing it anew costs no more than loading it. Nodes stay in the list;
 * lowering skips those whose results are inlined. Results of lpc.Values that only determine sizes
 * are inlined too: nobody ever loads them. */
#include "passes/graph/rewrite.h"

enum { GROUP_NODES = 48, GROUP_DEPTH = 24, CHEAP_READERS = 4 };

/* What can be computed at its use: through its point rule, without touching memory more than its
 * inputs do. Strings are no values that a rule could give. */
static bool can_inline(const Node *n)
{
    return n->out_count == 1 && !n->epilogue_count && !node_has_strings(n) &&
           (op_info(n->op)->traits & (T_ELEMENTWISE | T_INLINE));
}

/* Turns bytes into wider numbers at the cost of a load: as often as one likes. */
static bool widens_bytes(const Node *n)
{
    if (n->op != OP_DEQUANTIZE_LINEAR) return false;
    return dtype_size(n->in[0]->dtype) == 1 && tensor_is_static(n->in[1]) &&
           tensor_static_elements(n->in[1]) == 1;
}

typedef struct Inliner {
    Graph *g;
    const Uses *uses;
    int *kernel; /* by node id: id of the node in whose kernel it is computed */
    int *copies; /* by node id: how often its operators stand there */
    int *depth;  /* by node id: loads through inlined tensors above it */
    int *load;   /* by node id of a kernel: operators in it */
    bool *again; /* by node id: its elements are computed several times */
} Inliner;

static bool reads_only_as_size(const Node *user, const Tensor *x)
{
    for (int k = 0; k < user->in_count; k++) {
        if (user->in[k] == x && !op_is_size(user->op, k)) return false;
    }
    for (int e = 0; e < user->epilogue_count; e++) {
        for (int k = 0; k < user->epilogue[e]->in_count; k++) {
            if (user->epilogue[e]->in[k] == x) return false;
        }
    }
    return true;
}

static bool is_only_size(const Inliner *in, const Tensor *x)
{
    int id = x->id, places = 0;
    if (rewrite_is_result(in->g, x)) return false;
    for (int u = 0; u < in->uses->user_count[id]; u++) {
        const Node *user = in->uses->users[id][u];
        if (!reads_only_as_size(user, x)) return false;
        for (int k = 0; k < user->in_count; k++) places += user->in[k] == x;
    }
    return places == in->uses->count[id]; /* else it is a branch's condition */
}

/* Lowering loads each element of the input at most once: a broadcast one is loaded again and again. */
static bool loads_once(const Node *user, int k)
{
    if (op_info(user->op)->traits & T_ELEMENTWISE)
        return rewrite_same_shape(user->in[k], user->out[0]);
    return op_loads_once(user->op, k);
}

static bool rereads(const Node *user, int k)
{
    return k == 0 && (op_info(user->op)->traits & T_REREADS);
}

/* n's elements are computed several times in the kernel of a reader. */
static bool is_computed_again(const Inliner *in, const Node *n)
{
    const Tensor *x = n->out[0];
    for (int u = 0; u < in->uses->user_count[x->id]; u++) {
        const Node *user = in->uses->users[x->id][u];
        if (in->again[user->id] || (user->in[0] == x && rereads(user, 0))) return true;
    }
    return false;
}

/* How often user loads x, as input or in its epilogue; -1 when x must be stored for that. */
static int loads_of(const Node *user, const Tensor *x)
{
    int loads = 0;
    const Tensor *result = node_result(user);
    for (int k = 0; k < user->in_count; k++) {
        if (user->in[k] != x) continue;
        if (!loads_once(user, k) && !rereads(user, k)) return -1;
        loads++;
    }
    for (int e = 0; e < user->epilogue_count; e++) {
        for (int k = 0; k < user->epilogue[e]->in_count; k++) {
            if (user->epilogue[e]->in[k] != x) continue;
            if (!rewrite_same_shape(x, result)) return -1;
            loads++;
        }
    }
    return loads;
}

/* Computing it anew costs no more than loading it: few operators, few loads. */
static bool is_cheap(const Inliner *in, const Node *n)
{
    int loads = 0;
    if (!(op_info(n->op)->traits & T_CHEAP)) return false;
    for (int k = 0; k < n->in_count; k++) {
        const Tensor *x = n->in[k];
        double value;
        if (!x || rewrite_constant(x, &value)) continue;
        if (x->is_inlined) return false;
        loads++;
    }
    return loads <= 1 && in->uses->user_count[n->out[0]->id] <= CHEAP_READERS;
}

/* All readers' kernels; false when x must be stored. One kernel, or n is cheap. */
static bool find_readers(const Inliner *in, const Node *n)
{
    const Tensor *x = n->out[0];
    int kernel = -1;
    for (int u = 0; u < in->uses->user_count[x->id]; u++) {
        const Node *user = in->uses->users[x->id][u];
        if (!region_same(user->region, n->region) || loads_of(user, x) < 0) return false;
        if (in->depth[user->id] >= GROUP_DEPTH) return false;
        int target = in->kernel[user->id];
        if (kernel >= 0 && kernel != target && !is_cheap(in, n)) return false;
        kernel = target;
    }
    return kernel >= 0;
}

/* Adds n's operators to the kernels that read it, unless one becomes too large. */
static bool join(Inliner *in, const Node *n)
{
    const Tensor *x = n->out[0];
    int copies = 0, depth = 0;
    for (int u = 0; u < in->uses->user_count[x->id]; u++) {
        const Node *user = in->uses->users[x->id][u];
        int more = loads_of(user, x) * in->copies[user->id];
        if (in->load[in->kernel[user->id]] + copies + more > GROUP_NODES) return false;
        copies += more;
    }
    for (int u = 0; u < in->uses->user_count[x->id]; u++) {
        const Node *user = in->uses->users[x->id][u];
        in->load[in->kernel[user->id]] += loads_of(user, x) * in->copies[user->id];
        if (in->depth[user->id] + 1 > depth) depth = in->depth[user->id] + 1;
        in->kernel[n->id] = in->kernel[user->id];
    }
    in->copies[n->id] = copies;
    in->depth[n->id] = depth;
    return true;
}

static bool should_inline(Inliner *in, const Node *n)
{
    const Tensor *x = n->out[0];
    if (!x || x->data || rewrite_is_result(in->g, x)) return false;
    if (n->op == OP_VALUES) return is_only_size(in, x);
    if (!can_inline(n)) return false;
    int places = 0;
    for (int u = 0; u < in->uses->user_count[x->id]; u++) {
        int loads = loads_of(in->uses->users[x->id][u], x);
        if (loads < 0) return false;
        places += loads;
    }
    if (places != in->uses->count[x->id]) return false; /* a branch's condition */
    bool again = is_computed_again(in, n);
    if ((again && !widens_bytes(n)) || !find_readers(in, n) || !join(in, n)) return false;
    in->again[n->id] = again;
    return true;
}

/* Requires shapes and that no later pass changes nodes. */
int pass_inline(Graph *g)
{
    size_t ids = (size_t)g->next_node_id + 1;
    Inliner in = {.g = g, .uses = uses_new(g)};
    in.kernel = arena_array(g->arena, ids, sizeof *in.kernel);
    in.copies = arena_array(g->arena, ids, sizeof *in.copies);
    in.depth = arena_array(g->arena, ids, sizeof *in.depth);
    in.load = arena_array(g->arena, ids, sizeof *in.load);
    in.again = arena_array(g->arena, ids, sizeof *in.again);
    for (int i = g->node_count - 1; i >= 0; i--) {
        Node *n = g->nodes[i];
        if (n->op == OP_DELETED || !n->out_count) continue;
        in.kernel[n->id] = n->id;
        in.copies[n->id] = 1;
        in.load[n->id] = 1 + n->epilogue_count;
        if (n->out[0]) n->out[0]->is_inlined = should_inline(&in, n);
    }
    return 0;
}
