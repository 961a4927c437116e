/* Einsum: a matrix product when the equation is one, else plain loops over its letters. The equation
 * comes without spaces and ellipses and with its output ("bij,bjk->bik"). */
#include "passes/lower/products/matrix.h"

#include <string.h>

typedef struct Term {
    const char *letters;
    int count;
} Term;

typedef struct Equation {
    Term *in, out;
    int count;
    const Size *size[128]; /* by letter */
    char summed[2 * 26 + 1];
    int summed_count;
} Equation;

static bool has(const Term *term, char letter)
{
    return memchr(term->letters, letter, (size_t)term->count) != NULL;
}

static int axis_of(const Term *term, char letter)
{
    const char *at = memchr(term->letters, letter, (size_t)term->count);
    return at ? (int)(at - term->letters) : -1;
}

static int read_equation(Lower *lw, const Node *node, Equation *e)
{
    memset(e, 0, sizeof *e);
    const char *c = node_string(node, "equation");
    e->count = node->in_count;
    e->in = arena_array(lw->arena, (size_t)e->count, sizeof *e->in);
    for (int k = 0; k < e->count; k++) {
        size_t length = strcspn(c, ",-");
        e->in[k] = (Term){c, (int)length};
        c += length + 1;
        for (int i = 0; i < e->in[k].count; i++) {
            const Size **at = &e->size[(int)e->in[k].letters[i]];
            if (!*at || size_is(*at, 1)) *at = node->in[k]->dims[i];
        }
    }
    c += strcspn(c, ">") + 1;
    e->out = (Term){c, (int)strlen(c)};
    for (int letter = 'A'; letter <= 'z'; letter++) {
        if (!e->size[letter] || has(&e->out, (char)letter)) continue;
        e->summed[e->summed_count++] = (char)letter;
    }
    return 0;
}

/* ---- As a matrix product ---- */

static bool repeats(const Term *term)
{
    for (int i = 0; i < term->count; i++) {
        if (axis_of(term, term->letters[i]) != i) return true;
    }
    return false;
}

/* One letter for rows, one for columns, one that is summed, the others in both inputs. */
static bool as_product(Lower *lw, const Node *node, const Equation *e, Product *p)
{
    char row = 0, column = 0;
    if (e->count != 2 || e->summed_count != 1 || repeats(&e->in[0]) || repeats(&e->in[1]))
        return false;
    char depth = e->summed[0];
    const Term *a = &e->in[0], *c = &e->in[1], *out = &e->out;
    if (!has(a, depth) || !has(c, depth) || repeats(out)) return false;
    for (int i = 0; i < out->count; i++) {
        char letter = out->letters[i];
        bool left = has(a, letter), right = has(c, letter);
        char *alone = left && right ? NULL : left ? &row : &column;
        if (!left && !right) return false;
        if (alone && *alone) return false;
        if (alone) *alone = letter;
    }
    product_init(p, lw, MATRIX_FLOAT);
    operand_set(&p->left, node->in[0], axis_of(a, row), axis_of(a, depth), -1);
    operand_set(&p->right, node->in[1], -1, axis_of(c, depth), axis_of(c, column));
    if (!row) p->left.row = -1;
    if (!column) p->right.column = -1;
    p->out.row = row ? axis_of(out, row) : -1;
    p->out.column = column ? axis_of(out, column) : -1;
    p->columns = column ? e->size[(int)column] : size_const(lw->sizes, 1);
    p->depth = e->size[(int)depth];
    p->axis[0] = axis_rows(row ? e->size[(int)row] : size_const(lw->sizes, 1));
    p->axes = 1;
    for (int i = 0; i < out->count; i++) {
        char letter = out->letters[i];
        if (letter != row && letter != column)
            product_loop(p, e->size[(int)letter], axis_of(a, letter), axis_of(c, letter), i);
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
    TRY(read_equation(lw, node, &e));
    if (as_product(lw, node, &e, &p)) {
        product_tile(&p);
        product_kernel(&p, NULL, NULL, NULL);
    } else {
        as_loops(lw, node, &e);
    }
    return 0;
}
