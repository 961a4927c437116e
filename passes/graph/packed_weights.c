/* Constant weights of few bits stay so in products: they become what MatMulNBits becomes.
 *
 *     before   %w = DequantizeLinear(wq, s, z) {axis = 0, block_size = 32}   after   %y = lpc.PackedProduct(%x,
 *              %y = MatMul(%x, %w)                                                   codes, scales, zeros)
 *
 * The weights may be [depth, columns] or [columns, depth], with casts and transposes behind them; they have one
 * scale in all, one for each column, or one for each block along the depth. Codes are laid out as the product
 * reads them, and become unsigned; where they are so already, they stay in the model's file. */
#include "passes/graph/rewrite.h"

#include <string.h>

enum {
    WHOLE_LANES = 16, /* numbers in the widest vector */
    LEAST_BLOCK = 8   /* shorter ones fill no vector */
};

/* A product's weights: element (k, n) for depth k and column n. */
typedef struct Weights {
    const Node *from; /* the DequantizeLinear */
    const Tensor *codes, *scale, *zero;
    bool by_columns; /* [columns, depth] */
    int64_t depth, columns;
    int64_t bits;
    int64_t given_block;   /* along the depth; 0: none */
    int64_t block, blocks; /* of the product */
    bool by_column;        /* a scale for each column, or more */
} Weights;

static int axis_of(const Node *n, int rank)
{
    int axis = (int)node_int(n, "axis");
    return axis < 0 ? axis + rank : axis;
}

/* The DequantizeLinear that makes the weights; *by_columns is turned by each transpose. */
static const Node *find_source(const Tensor *w, bool *by_columns)
{
    const Node *n = w->producer;
    for (; n && n->op != OP_DEQUANTIZE_LINEAR; n = n->in[0]->producer) {
        bool swaps = rewrite_swaps_last(n);
        if (!swaps && !rewrite_is_cast_of_floats(n)) return NULL;
        *by_columns ^= swaps;
    }
    return n;
}

static bool is_code(DType type)
{
    return type == DT_I8 || type == DT_U8 || (dtype_is_subbyte(type) && dtype_is_int(type));
}

/* Scales along the depth alone have no block of their own. */
static bool find_blocks(Weights *w)
{
    int64_t unit = 8 / w->bits, whole = WHOLE_LANES * unit;
    int depth_axis = w->by_columns ? 1 : 0;
    w->given_block = node_int(w->from, "block_size");
    w->by_column = tensor_static_elements(w->scale) > 1;
    if (w->given_block) {
        if (axis_of(w->from, 2) != depth_axis || w->scale->rank != 2) return false;
        w->block = w->given_block;
        if (w->block % unit || w->block < LEAST_BLOCK) return false;
    } else {
        if (w->by_column && (w->scale->rank != 1 || axis_of(w->from, 2) == depth_axis))
            return false;
        w->block = (w->depth + whole - 1) / whole * whole;
    }
    w->blocks = (w->depth + w->block - 1) / w->block;
    return true;
}

static bool find_weights(const Tensor *from, bool by_columns, Weights *w)
{
    *w = (Weights){.by_columns = by_columns};
    w->from = find_source(from, &w->by_columns);
    if (!w->from) return false;
    w->codes = w->from->in[0];
    w->scale = w->from->in[1];
    w->zero = node_in(w->from, 2);
    if (!w->codes->data || !w->scale->data || (w->zero && !w->zero->data)) return false;
    if (w->codes->rank != 2 || !tensor_is_static(w->codes) || !is_code(w->codes->dtype))
        return false;
    if (!dtype_is_float(w->scale->dtype) || dtype_is_narrow(w->scale->dtype)) return false;
    w->bits = dtype_bits(w->codes->dtype);
    w->depth = w->codes->dims[w->by_columns ? 1 : 0]->value;
    w->columns = w->codes->dims[w->by_columns ? 0 : 1]->value;
    return w->depth > 0 && w->columns > 0 && find_blocks(w);
}

/* ---- What the product reads ---- */

/* Where the element that belongs to a column's block stands among scales or zero points. */
static int64_t parameter_index(const Weights *w, const Tensor *x, int64_t column, int64_t block)
{
    if (tensor_static_elements(x) == 1) return 0;
    if (!w->given_block) return column;
    return w->by_columns ? column * w->blocks + block : block * w->columns + column;
}

/* What makes codes of signed types unsigned, and is a zero point's when there is none. */
static int64_t offset_of(const Weights *w)
{
    return dtype_is_signed(w->codes->dtype) ? (int64_t)1 << (w->bits - 1) : 0;
}

/* The model's bytes are the product's already. */
static bool lies_ready(const Weights *w)
{
    return w->by_columns && !offset_of(w) && w->depth == w->blocks * w->block;
}

static void pack_column(const Weights *w, int64_t column, uint8_t *to)
{
    int64_t offset = offset_of(w), parts = 8 / w->bits;
    int64_t first = w->by_columns ? column * w->depth : column;
    int64_t step = w->by_columns ? 1 : w->columns;
    for (int64_t k = 0; k < w->depth; k++) {
        int64_t code = const_held_at(w->codes, first + k * step) + offset;
        to[k / parts] |= (uint8_t)(code << k % parts * w->bits);
    }
}

static Tensor *make_codes(Graph *g, const Weights *w)
{
    const char *name = arena_printf(g->arena, "%s.packed", w->codes->name);
    int64_t bytes = w->block * w->bits / 8, dims[] = {w->columns, w->blocks, bytes};
    if (lies_ready(w)) return rewrite_view_constant(g, name, w->codes, DT_U8, 3, dims);
    uint8_t *data = arena_array(g->arena, (size_t)(w->columns * w->blocks * bytes), 1);
    for (int64_t i = 0; i < w->columns; i++) pack_column(w, i, data + i * w->blocks * bytes);
    return graph_const(g, name, DT_U8, 3, dims, data);
}

static Tensor *make_scales(Graph *g, const Weights *w)
{
    size_t size = dtype_size(w->scale->dtype);
    int64_t dims[] = {w->columns, w->blocks};
    char *data = arena_array(g->arena, (size_t)(w->columns * w->blocks), size);
    for (int64_t i = 0; i < w->columns; i++) {
        for (int64_t b = 0; b < w->blocks; b++) {
            const char *from = w->scale->data->data;
            from += (size_t)parameter_index(w, w->scale, i, b) * size;
            memcpy(data + (size_t)(i * w->blocks + b) * size, from, size);
        }
    }
    const char *name = arena_printf(g->arena, "%s.packed", w->scale->name);
    return graph_const(g, name, w->scale->dtype, 2, dims, data);
}

/* NULL where all are the middle of the codes, which the product takes without being told. */
static Tensor *make_zeros(Graph *g, const Weights *w)
{
    int64_t dims[] = {w->columns, w->blocks}, middle = (int64_t)1 << (w->bits - 1);
    uint8_t *data = arena_array(g->arena, (size_t)(w->columns * w->blocks), 1);
    bool all = true;
    for (int64_t i = 0; i < w->columns; i++) {
        for (int64_t b = 0; b < w->blocks; b++) {
            int64_t zero = offset_of(w);
            if (w->zero) zero += const_held_at(w->zero, parameter_index(w, w->zero, i, b));
            data[i * w->blocks + b] = (uint8_t)zero;
            all = all && zero == middle;
        }
    }
    const char *name = arena_printf(g->arena, "%s.zeros", w->codes->name);
    return all ? NULL : graph_const(g, name, DT_U8, 2, dims, data);
}

/* ---- The nodes ---- */

/* What was made of a DequantizeLinear's weights before, for another product. */
typedef struct Made {
    const Node *from;
    bool by_columns;
    Tensor *codes, *scales, *zeros;
} Made;

typedef struct AllMade {
    Made *list;
    int count;
} AllMade;

static const Made *make_weights(Graph *g, AllMade *all, const Weights *w)
{
    for (int i = 0; i < all->count; i++) {
        const Made *old = &all->list[i];
        if (old->from == w->from && old->by_columns == w->by_columns) return old;
    }
    Made made = {.from = w->from, .by_columns = w->by_columns};
    made.codes = make_codes(g, w);
    made.scales = make_scales(g, w);
    made.zeros = make_zeros(g, w);
    arena_push(g->arena, all->list, all->count) = made;
    return &all->list[all->count - 1];
}

static void make_product(Graph *g, AllMade *all, Node *n, const Weights *w)
{
    const Made *made = make_weights(g, all, w);
    rewrite_inputs(g, n, 4, (Tensor *[]){n->in[0], made->codes, made->scales, made->zeros});
    rewrite_merge(g, n, w->from);
    n->op = OP_PACKED_PRODUCT;
    n->attr_count = 0;
    node_set_int(g, n, "bits", w->bits);
    node_set_int(g, n, "block_size", w->block);
    if (g->accuracy_level == 4) node_set_int(g, n, "integer", 1);
}

static void pack_matmul(Graph *g, AllMade *all, Node *n)
{
    Weights w;
    if (find_weights(n->in[1], false, &w)) make_product(g, all, n, &w);
}

/* The sum with a bias is a node of its own, and becomes the product's epilogue. */
static void pack_gemm(Graph *g, AllMade *all, Node *n)
{
    Weights w;
    Tensor *y = n->out[0], *bias = node_in(n, 2);
    if (node_int(n, "transA") || node_float(n, "alpha") != 1) return;
    if (bias && node_float(n, "beta") != 1) return;
    if (!find_weights(n->in[1], node_int(n, "transB") != 0, &w)) return;
    make_product(g, all, n, &w);
    if (!bias) return;
    Tensor *sum = graph_tensor(g, NULL, y->dtype, y->rank, y->dims);
    Node *add = graph_node_at(g, rewrite_position(g, n) + 1, OP_ADD, NULL, &n->origin, 2,
                              (Tensor *[]){sum, bias}, 1, &y);
    add->region = n->region;
    n->out[0] = sum;
    sum->producer = n;
}

int pass_pack_weights(Graph *g)
{
    AllMade all = {0};
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i]->op == OP_MAT_MUL) pack_matmul(g, &all, g->nodes[i]);
        if (g->nodes[i]->op == OP_GEMM) pack_gemm(g, &all, g->nodes[i]);
    }
    graph_sweep(g);
    return 0;
}
