/* Einsum: a matrix product when the equation is one, else plain loops over its letters. */
#include "passes/lower/products/matrix.h"

#include "ir/einsum.h"

#include <string.h>

typedef struct Equation {
    EinsumTerm *in, out;
    int count;
    const Size *size[128]; /* by letter */
    char summed[2 * 26 + 1];
    int summed_count;
} Equation;

static void read_equation(Lower *lw, const Node *node, Equation *e)
{
    memset(e, 0, sizeof *e);
    e->count = node->in_count;
    e->in = arena_array(lw->arena, (size_t)e->count, sizeof *e->in);
    e->out = einsum_terms(node, e->in);
    for (int k = 0; k < e->count; k++) {
        for (int i = 0; i < e->in[k].count; i++) {
            const Size **at = &e->size[(int)e->in[k].letters[i]];
            if (!*at || size_is(*at, 1)) *at = node->in[k]->dims[i];
        }
    }
    for (int letter = 'A'; letter <= 'z'; letter++) {
        if (!e->size[letter] || einsum_axis(&e->out, (char)letter) >= 0) continue;
        e->summed[e->summed_count++] = (char)letter;
    }
}

/* ---- As a matrix product ---- */

static bool as_product(Lower *lw, const Node *node, const Equation *e, Product *p)
{
    EinsumProduct by;
    if (!einsum_product(node, &by)) return false;
    const EinsumTerm *a = &by.left, *c = &by.right, *out = &by.out;
    char row = by.row, column = by.column, depth = by.depth;
    product_init(p, lw, MATRIX_FLOAT);
    operand_set(&p->left, node->in[0], einsum_axis(a, row), einsum_axis(a, depth), -1);
    operand_set(&p->right, node->in[1], -1, einsum_axis(c, depth), einsum_axis(c, column));
    if (!row) p->left.row = -1;
    if (!column) p->right.column = -1;
    p->out.row = row ? einsum_axis(out, row) : -1;
    p->out.column = column ? einsum_axis(out, column) : -1;
    p->columns = column ? e->size[(int)column] : size_const(lw->sizes, 1);
    p->depth = e->size[(int)depth];
    p->axis[0] = axis_rows(row ? e->size[(int)row] : size_const(lw->sizes, 1));
    p->axes = 1;
    for (int i = 0; i < out->count; i++) {
        char letter = out->letters[i];
        if (letter != row && letter != column)
            product_loop(p, e->size[(int)letter], einsum_axis(a, letter), einsum_axis(c, letter),
                         i);
    }
    return true;
}

/* ---- As loops ---- */

static void as_loops(Lower *lw, const Node *node, const Equation *e)
{
    const Tensor *result = node_result(node);
    DType acc = lower_type(node->out[0]->dtype);
    double work = 2;
    for (int i = 0; i < e->summed_count; i++)
        work *= (double)size_upper(lw->sizes, e->size[(int)e->summed[i]]);
    Inst *idx[MAX_RANK] = {0}, *at[128] = {0};
    uint8_t order[MAX_RANK];
    lower_begin(lw, NULL);
    Builder *b = &lw->b;
    lower_order(lw, result, order);
    int loops = lower_nest(lw, result->rank, result->dims, order, true, work, idx);
    for (int i = 0; i < e->out.count; i++) at[(int)e->out.letters[i]] = idx[i];
    Cell *sum = kb_cell(b, "sum", (LType){acc, 1}, kb_const(b, acc, 0));
    for (int i = 0; i < e->summed_count; i++)
        at[(int)e->summed[i]] = kb_for_n(b, LOOP_SERIAL, e->size[(int)e->summed[i]]);
    Inst *product = NULL;
    for (int k = 0; k < e->count; k++) {
        Inst *own[MAX_RANK];
        for (int i = 0; i < e->in[k].count; i++) {
            bool unit = size_is(node->in[k]->dims[i], 1);
            own[i] = unit ? kb_i64(b, 0) : at[(int)e->in[k].letters[i]];
        }
        Inst *value = lower_load(lw, node->in[k], own);
        product = product ? kb_mul(b, product, value) : value;
    }
    kb_set(b, sum, kb_add(b, kb_get(b, sum), product));
    for (int i = 0; i < e->summed_count; i++) kb_end(b);
    lower_store(lw, idx, kb_get(b, sum));
    lower_nest_end(lw, loops);
    lower_end(lw);
}

int lower_einsum(Lower *lw, Node *node)
{
    Equation e;
    Product p;
    read_equation(lw, node, &e);
    if (as_product(lw, node, &e, &p)) {
        product_tile(&p);
        product_kernel(&p, NULL, NULL, NULL);
    } else {
        as_loops(lw, node, &e);
    }
    return 0;
}
