/* Functions of one 8-bit number become tables.
 *
 *     before   %x = DequantizeLinear(%xq, xs, xz)       after   %yq = lpc.ByteTable(%xq, table)
 *              %y = Mul(%x, Sigmoid(%x))
 *              %yq = QuantizeLinear(%y, ys, yz)
 *
 * That is, element-wise nodes between scales of whole tensors, whose other operands are numbers, when one of them costs
 * more than a load. They are put before the table once more, with the 256 codes as input: pass_fold computes them. */
#include "passes/graph/rewrite.h"

enum { CODES = 256, MOST_NODES = 24 };

typedef struct Table {
    Graph *g;
    Node *last; /* the QuantizeLinear */
    Tensor *x;  /* of 8 bits */
    bool dear;
    int count;
    const Tensor *from[MOST_NODES];
    Tensor *to[MOST_NODES]; /* the same of all codes */
} Table;

static bool is_byte(DType type)
{
    return type == DT_I8 || type == DT_U8;
}

static bool is_number(const Tensor *x)
{
    return x->data && tensor_is_static(x) && tensor_static_elements(x) == 1;
}

static bool has_numbers(const Node *n)
{
    return !node_int(n, "block_size") && is_number(n->in[1]) &&
           (!node_in(n, 2) || is_number(n->in[2]));
}

static bool is_source(const Table *t, const Node *n)
{
    if (n->op != OP_DEQUANTIZE_LINEAR || !is_byte(n->in[0]->dtype) || !has_numbers(n)) return false;
    return !t->x || t->x == n->in[0];
}

static int find(const Table *t, const Tensor *x)
{
    for (int i = 0; i < t->count; i++) {
        if (t->from[i] == x) return i;
    }
    return -1;
}

/* Notes what x is made of, each after its operands; false when that is no function of one 8-bit number. */
static bool visit(Table *t, const Tensor *x, int depth)
{
    const Node *n = x->producer;
    if (is_number(x) || find(t, x) >= 0) return true;
    if (!n || depth == MOST_NODES || n->out_count != 1 || n->epilogue_count) return false;
    if (!region_same(n->region, t->last->region) || x->data) return false;
    if (is_source(t, n)) {
        t->x = n->in[0];
    } else {
        if (!(op_info(n->op)->traits & T_ELEMENTWISE)) return false;
        for (int i = 0; i < n->in_count; i++) {
            if (n->in[i] && !visit(t, n->in[i], depth + 1)) return false;
        }
        t->dear |= !(op_info(n->op)->traits & T_CHEAP);
    }
    if (t->count == MOST_NODES) return false;
    t->from[t->count++] = x;
    return true;
}

static Tensor *all_codes(Graph *g, DType type)
{
    int64_t count = CODES;
    uint8_t *codes = arena_alloc(g->arena, CODES);
    for (int i = 0; i < CODES; i++) codes[i] = (uint8_t)i;
    return graph_const(g, NULL, type, 1, &count, codes);
}

/* Numbers lose their axes: the result has one. */
static Tensor *operand(const Table *t, Tensor *x)
{
    int at = x ? find(t, x) : -1;
    if (at >= 0) return t->to[at];
    if (!x || !x->data || !x->rank) return x;
    return x->data->scale ? graph_scalar(t->g, NULL, x->dtype, const_f64_at(x, 0))
                          : rewrite_view_constant(t->g, NULL, x, x->dtype, 0, NULL);
}

/* n, of all codes. */
static Tensor *repeat(const Table *t, const Node *n, Tensor *codes)
{
    Graph *g = t->g;
    const Size *dims[] = {size_const(g->sizes, CODES)};
    Tensor *y = graph_tensor(g, NULL, n->out[0]->dtype, 1, dims);
    Tensor **in = arena_array(g->arena, (size_t)n->in_count, sizeof *in);
    for (int i = 0; i < n->in_count; i++) in[i] = operand(t, n->in[i]);
    if (n->op == OP_DEQUANTIZE_LINEAR) in[0] = codes;
    int at = rewrite_position(g, t->last);
    Node *copy = graph_node_at(g, at, n->op, NULL, &n->origin, n->in_count, in, 1, &y);
    node_copy_attrs(g, copy, n);
    copy->region = t->last->region;
    return y;
}

static void build(Table *t)
{
    Node *n = t->last;
    Tensor *codes = all_codes(t->g, t->x->dtype);
    for (int i = 0; i < t->count; i++) t->to[i] = repeat(t, t->from[i]->producer, codes);
    Tensor *table = repeat(t, n, codes);
    for (int i = 0; i < t->count; i++) rewrite_merge(t->g, n, t->from[i]->producer);
    rewrite_inputs(t->g, n, 2, (Tensor *[]){t->x, table});
    n->op = OP_BYTE_TABLE;
    n->attr_count = 0;
}

/* Requires shapes, and pass_fold behind it. */
int pass_tables(Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        Table t = {.g = g, .last = g->nodes[i]};
        if (t.last->op != OP_QUANTIZE_LINEAR || !is_byte(t.last->out[0]->dtype)) continue;
        if (!has_numbers(t.last) || !visit(&t, t.last->in[0], 0) || !t.dear || !t.x) continue;
        if (!rewrite_same_shape(t.x, t.last->out[0])) continue;
        build(&t);
        i = rewrite_position(g, t.last);
    }
    graph_sweep(g);
    return 0;
}
