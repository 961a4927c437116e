/* MatMul, MatMulInteger, QLinearMatMul and Gemm: described as products for matrix.h. */
#include "passes/lower/products/matmul_rows.h"
#include "passes/lower/products/matrix.h"

#include <string.h>

/* The output's axes: batch ones, then rows (unless the left one is a vector), then columns (unless
 * the right one is). */
typedef struct MatmulAxes {
    Product *p;
    const Tensor *a, *c, *out;
    int batch;       /* number of batch axes of the output */
    int row, column; /* axes of the output, -1: none */
} MatmulAxes;

static MatmulAxes shape_of(Product *p, const Tensor *a, const Tensor *c)
{
    MatmulAxes s = {.p = p, .a = a, .c = c, .out = p->lw->node->out[0]};
    s.batch = s.out->rank - (a->rank > 1) - (c->rank > 1);
    s.row = a->rank > 1 ? s.batch : -1;
    s.column = c->rank > 1 ? s.out->rank - 1 : -1;
    return s;
}

/* An axis of an operand that goes with the output's batch axis i, -1 when it is broadcast. */
static int batch_axis(const MatmulAxes *s, const Tensor *operand, int i)
{
    int own = operand->rank - 2 - s->batch + i;
    return own < 0 || size_is(operand->dims[own], 1) ? -1 : own;
}

static bool has_batches(const Tensor *tensor)
{
    for (int i = 0; i < tensor->rank - 2; i++) {
        if (!size_is(tensor->dims[i], 1)) return true;
    }
    return false;
}

/* Batches and rows of the left operand as rows of one matrix, when the right one has no batches. */
static bool as_one_matrix(const MatmulAxes *s)
{
    Lower *lw = s->p->lw;
    int axes[MAX_RANK], own[MAX_RANK], shift = s->out->rank - s->a->rank, row = s->row;
    if (s->row < 0 || has_batches(s->c) || s->column < 0 || shift < 0) return false;
    for (int i = 0; i <= s->row; i++) {
        axes[i] = i;
        own[i] = i - shift;
        if (own[i] < 0) return false;
        if (s->a->dims[own[i]] != s->out->dims[i]) return false;
    }
    if (!matrix_flattens(lw, s->a, own, s->row + 1)) return false;
    if (!matrix_result_flattens(lw, axes, s->row + 1)) return false;
    const Size *rows = size_const(lw->sizes, 1);
    for (int i = 0; i <= s->row; i++) {
        rows = size_mul(lw->sizes, rows, s->out->dims[i]);
        if (!size_is(s->out->dims[i], 1)) row = i;
    }
    s->p->left.row = row - shift;
    s->p->out.row = row;
    s->p->axis[0] = axis_rows(rows);
    return true;
}

static void as_batches(const MatmulAxes *s)
{
    Product *p = s->p;
    for (int i = 0; i < s->batch; i++)
        product_loop(p, s->out->dims[i], batch_axis(s, s->a, i), batch_axis(s, s->c, i), i);
    p->left.row = s->a->rank > 1 ? s->a->rank - 2 : -1;
    p->out.row = s->row;
    p->axis[0] = axis_rows(s->row < 0 ? size_const(p->lw->sizes, 1) : s->out->dims[s->row]);
}

/* [depth, columns] ([columns, depth] when `transposed`) as [blocks, depth, width]. */
static Pack matrix_pack_of(int64_t depth, int64_t columns, int64_t width, bool transposed)
{
    Pack pack;
    memset(&pack, 0, sizeof pack);
    int d = transposed ? 1 : 0, n = 1 - d;
    pack.source_rank = 2;
    pack.dest_rank = 3;
    pack.source_dims[d] = pack.dest_dims[1] = depth;
    pack.source_dims[n] = columns;
    pack.dest_dims[0] = (columns + width - 1) / width;
    pack.dest_dims[2] = width;
    pack.coef[n][0] = width;
    pack.coef[n][2] = pack.coef[d][1] = 1;
    return pack;
}

static void emit(Product *p, const Tensor *right, bool transposed)
{
    bool packs = right->data && !has_batches(right) && !p->lw->target->plain;
    Lower *lw = p->lw;
    p->axes = 1;
    if (packs && lw->one_row) {
        product_tile_one_row(p, lw->packed_width);
    } else {
        p->tile.measured = lower_tiling(lw);
        product_tile(p);
        lw->packed_width = (int64_t)p->tile.lanes * p->tile.vecs;
    }
    if (!packs) {
        product_kernel(p, NULL, NULL, NULL);
        return;
    }
    Pack pack = matrix_pack_of(p->depth->value, p->columns->value, lw->packed_width, transposed);
    product_kernel(p, NULL, &pack, NULL);
}

static void matmul(Product *p, const Tensor *a, const Tensor *c)
{
    MatmulAxes s = shape_of(p, a, c);
    operand_set(&p->left, a, -1, a->rank - 1, -1);
    operand_set(&p->right, c, -1, c->rank > 1 ? c->rank - 2 : 0, c->rank > 1 ? c->rank - 1 : -1);
    p->out.column = s.column;
    p->columns = s.column < 0 ? size_const(p->lw->sizes, 1) : c->dims[c->rank - 1];
    p->depth = a->dims[a->rank - 1];
    if (!size_is_const(p->depth) && size_is_const(c->dims[c->rank > 1 ? c->rank - 2 : 0]))
        p->depth = c->dims[c->rank > 1 ? c->rank - 2 : 0];
    if (!as_one_matrix(&s)) as_batches(&s);
    emit(p, c, false);
}

int lower_matmul(Lower *lw, Node *node)
{
    Product p;
    const Tensor *rows = lw->target->plain ? NULL : matmul_rows_of(node);
    if (rows) return lower_matmul_rows(lw, rows);
    product_init(&p, lw, MATRIX_FLOAT);
    matmul(&p, node->in[0], node->in[1]);
    return 0;
}

/* What multiplies the right operand: of all batches together where it has none of its own. */
static const Size *product_rows(Lower *lw, const Node *node, const Tensor *a, const Tensor *c)
{
    const Tensor *out = node->out[0];
    if (a->rank < 2 || c->rank < 2) return NULL;
    const Size *rows = out->dims[out->rank - 2];
    for (int i = 0; i < out->rank - 2 && !has_batches(c); i++)
        rows = size_mul(lw->sizes, rows, out->dims[i]);
    return rows;
}

/* A transposed constant is one stream of rows, whatever it is multiplied with. */
const Size *rows_matmul(Lower *lw, const Node *node)
{
    return matmul_rows_of(node) ? NULL : product_rows(lw, node, node->in[0], node->in[1]);
}

/* ---- Integers ---- */

const Size *rows_matmul_integer(Lower *lw, const Node *node)
{
    return product_rows(lw, node, node->in[0], node->in[1]);
}

const Size *rows_qlinear_matmul(Lower *lw, const Node *node)
{
    return product_rows(lw, node, node->in[0], node->in[3]);
}

/* A scale or zero point of an operand's rows or columns: a scalar, a vector of them, or a tensor with
 * unit sizes on all other axes. */
static int parameter(Lower *lw, Operand *o, const Tensor *tensor, bool of_rows)
{
    operand_set(o, tensor, -1, -1, -1);
    if (!tensor) return 0;
    for (int i = 0; i < tensor->rank; i++) {
        if (size_is(tensor->dims[i], 1)) continue;
        bool here = tensor->rank == 1 || i == tensor->rank - (of_rows ? 2 : 1);
        if (!here)
            return diag_node(lw->diag, &lw->node->origin,
                             "'%s': scales and zero points per batch are not supported",
                             tensor->name);
        if (of_rows)
            o->row = i;
        else
            o->column = i;
    }
    return 0;
}

int lower_matmul_integer(Lower *lw, Node *node)
{
    Product p;
    product_init(&p, lw, MATRIX_INTEGER);
    TRY(parameter(lw, &p.scales.left_zero, node_in(node, 2), true));
    TRY(parameter(lw, &p.scales.right_zero, node_in(node, 3), false));
    matmul(&p, node->in[0], node->in[1]);
    return 0;
}

int lower_qlinear_matmul(Lower *lw, Node *node)
{
    Product p;
    product_init(&p, lw, MATRIX_QUANTISED);
    TRY(parameter(lw, &p.scales.left_scale, node->in[1], true));
    TRY(parameter(lw, &p.scales.left_zero, node->in[2], true));
    TRY(parameter(lw, &p.scales.right_scale, node->in[4], false));
    TRY(parameter(lw, &p.scales.right_zero, node->in[5], false));
    TRY(parameter(lw, &p.scales.out_scale, node->in[6], true));
    TRY(parameter(lw, &p.scales.out_zero, node->in[7], true));
    matmul(&p, node->in[0], node->in[3]);
    return 0;
}

/* ---- Gemm ---- */

const Size *rows_gemm(Lower *lw, const Node *node)
{
    (void)lw;
    return node->out[0]->dims[0];
}

int lower_gemm(Lower *lw, Node *node)
{
    Product p;
    const Tensor *a = node->in[0], *c = node->in[1], *bias = node_in(node, 2);
    int ta = node_int(node, "transA") != 0, tb = node_int(node, "transB") != 0;
    product_init(&p, lw, MATRIX_FLOAT);
    operand_set(&p.left, a, ta, 1 - ta, -1);
    operand_set(&p.right, c, -1, tb, 1 - tb);
    p.out.row = 0;
    p.out.column = 1;
    p.columns = c->dims[1 - tb];
    p.depth = size_is_const(c->dims[tb]) ? c->dims[tb] : a->dims[1 - ta];
    p.axis[0] = axis_rows(node->out[0]->dims[0]);
    p.alpha = node_float(node, "alpha");
    if (bias) {
        int column = bias->rank - 1, row = bias->rank - 2;
        if (column >= 0 && size_is(bias->dims[column], 1)) column = -1;
        if (row >= 0 && size_is(bias->dims[row], 1)) row = -1;
        operand_set(&p.bias, bias, row < 0 ? -1 : row, -1, column);
        p.beta = node_float(node, "beta");
    }
    emit(&p, c, tb != 0);
    return 0;
}
