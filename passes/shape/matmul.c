/* Shape rules of matrix products and Einsum. */
#include "passes/shape/shape.h"

#include <string.h>

/* numpy.matmul: vectors are promoted, leading axes broadcast. */
static int matmul_dims(Graph *g, Node *n, const Tensor *a, const Tensor *b, Dims *out)
{
    if (a->rank < 1 || b->rank < 1)
        return diag_node(g->diag, &n->origin, "inputs: scalars have no matrix product");
    Dims left = {0}, right = {0};
    for (int i = 0; i < a->rank - 2; i++) dims_push(&left, a->dims[i]);
    for (int i = 0; i < b->rank - 2; i++) dims_push(&right, b->dims[i]);
    const Size *inner = b->dims[b->rank == 1 ? 0 : b->rank - 2], *both;
    TRY(dims_unify(g, n, "inner sizes", a->dims[a->rank - 1], inner, &both));
    TRY(dims_broadcast(g, n, &left, &right));
    if (a->rank > 1) dims_push(&left, a->dims[a->rank - 2]);
    if (b->rank > 1) dims_push(&left, b->dims[b->rank - 1]);
    *out = left;
    return 0;
}

int shape_matmul(Graph *g, Node *n)
{
    Dims out;
    TRY(need_same_type(g, n, 0, 1));
    TRY(matmul_dims(g, n, n->in[0], n->in[1], &out));
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_matmul_integer(Graph *g, Node *n)
{
    Dims out;
    TRY(matmul_dims(g, n, n->in[0], n->in[1], &out));
    return shape_set(g, n, 0, DT_I32, &out);
}

int shape_qlinear_matmul(Graph *g, Node *n)
{
    Dims out;
    TRY(matmul_dims(g, n, n->in[0], n->in[3], &out));
    return shape_set(g, n, 0, n->in[7]->dtype, &out);
}

int shape_gemm(Graph *g, Node *n)
{
    TRY(need_rank(g, n, 0, 2));
    TRY(need_rank(g, n, 1, 2));
    TRY(need_same_type(g, n, 0, 1));
    int ta = node_int(n, "transA") != 0, tb = node_int(n, "transB") != 0;
    const Tensor *a = n->in[0], *b = n->in[1];
    const Size *inner;
    TRY(dims_unify(g, n, "inner sizes", a->dims[1 - ta], b->dims[tb], &inner));
    Dims out = {.rank = 2, .at = {a->dims[ta], b->dims[1 - tb]}};
    if (node_in(n, 2)) {
        Dims c = dims_of(n->in[2]), all = out;
        TRY(dims_broadcast(g, n, &all, &c));
        if (all.rank != 2) return diag_node(g->diag, &n->origin, "C: rank %d is too large", c.rank);
    }
    return shape_set(g, n, 0, a->dtype, &out);
}

int shape_det(Graph *g, Node *n)
{
    TRY(need_rank_min(g, n, 0, 2));
    Dims out = dims_of(n->in[0]);
    const Size *both;
    out.rank -= 2;
    TRY(dims_unify(g, n, "matrix", out.at[out.rank], out.at[out.rank + 1], &both));
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

/* ---- Einsum ---- */

/* A term's axes as letters; the ellipsis stands for `dots` of them. */
typedef struct Term {
    char letters[2 * MAX_RANK + 1];
    int count;
    int dots_at; /* -1: none */
} Term;

static const char *parse_term(const char *c, Term *term)
{
    *term = (Term){.dots_at = -1};
    for (;; c++) {
        if (*c == ' ') continue;
        if (!strncmp(c, "...", 3) && term->dots_at < 0) {
            term->dots_at = term->count;
            c += 2;
        } else if (((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')) &&
                   term->count < MAX_RANK) {
            term->letters[term->count++] = *c;
        } else {
            return c;
        }
    }
}

/* Replaces the ellipsis by the last `dots` of the letters in `fill`. */
static void expand_dots(Term *term, int dots, const char *fill, int fill_count)
{
    if (term->dots_at < 0) return;
    memmove(term->letters + term->dots_at + dots, term->letters + term->dots_at,
            (size_t)(term->count - term->dots_at));
    memcpy(term->letters + term->dots_at, fill + fill_count - dots, (size_t)dots);
    term->count += dots;
    term->dots_at = -1;
}

/* Without `->`: the ellipsis, then the letters that occur once, in alphabetical order. */
static void implicit_output(const Term *in, int count, Term *out)
{
    *out = (Term){.dots_at = 0};
    for (int c = 'A'; c <= 'z'; c++) {
        int uses = 0;
        for (int k = 0; k < count; k++) {
            for (int i = 0; i < in[k].count; i++) uses += in[k].letters[i] == c;
        }
        if (uses == 1 && out->count < MAX_RANK) out->letters[out->count++] = (char)c;
    }
}

static int parse_equation(Graph *g, Node *n, Term *in, Term *out)
{
    const char *c = node_string(n, "equation");
    for (int k = 0; k < n->in_count; k++) {
        c = parse_term(c, &in[k]);
        if (k + 1 < n->in_count && *c++ != ',')
            return diag_node(g->diag, &n->origin, "equation: expected %d terms", n->in_count);
    }
    implicit_output(in, n->in_count, out);
    if (!strncmp(c, "->", 2)) c = parse_term(c + 2, out);
    if (*c) return diag_node(g->diag, &n->origin, "equation: '%s' is not understood", c);
    return 0;
}

/* Letters that the equation does not use, for the ellipsis. */
static int free_letters(const Term *in, int count, char *fill)
{
    int found = 0;
    for (int c = 'A'; c <= 'z' && found < MAX_RANK; c++) {
        bool used = c > 'Z' && c < 'a';
        for (int k = 0; k < count && !used; k++)
            used = memchr(in[k].letters, c, (size_t)in[k].count);
        if (!used) fill[found++] = (char)c;
    }
    return found;
}

/* The equation is rewritten without spaces and ellipsis and with an explicit output: "ij,jk->ik".
 */
static void set_equation(Graph *g, Node *n, const Term *in, const Term *out)
{
    Text text;
    text_init(&text, g->arena);
    for (int k = 0; k < n->in_count; k++) {
        if (k) text_add(&text, ",");
        text_addn(&text, in[k].letters, (size_t)in[k].count);
    }
    text_add(&text, "->");
    text_addn(&text, out->letters, (size_t)out->count);
    node_set_string(g, n, "equation", text.data);
}

static int letter_sizes(Graph *g, Node *n, const Term *in, const Size *sizes[128])
{
    for (int k = 0; k < n->in_count; k++) {
        if (in[k].count != n->in[k]->rank)
            return diag_node(g->diag, &n->origin, "equation: input %d has rank %d, its term %d", k,
                             n->in[k]->rank, in[k].count);
        for (int i = 0; i < in[k].count; i++) {
            const Size **at = &sizes[(int)in[k].letters[i]], *size = n->in[k]->dims[i];
            if (!*at || size_is(*at, 1))
                *at = size;
            else if (!size_is(size, 1))
                TRY(dims_unify(g, n, "equation", *at, size, at));
        }
    }
    return 0;
}

int shape_einsum(Graph *g, Node *n)
{
    Term *in = arena_array(g->arena, (size_t)n->in_count, sizeof *in), out;
    TRY(parse_equation(g, n, in, &out));
    char fill[MAX_RANK];
    int fill_count = free_letters(in, n->in_count, fill), most = 0;
    for (int k = 0; k < n->in_count; k++) {
        int dots = n->in[k]->rank - in[k].count;
        if (in[k].dots_at < 0) continue;
        if (dots < 0 || dots > fill_count)
            return diag_node(g->diag, &n->origin, "equation: input %d has rank %d, its term %d", k,
                             n->in[k]->rank, in[k].count);
        most = dots > most ? dots : most;
        expand_dots(&in[k], dots, fill, fill_count);
    }
    expand_dots(&out, most, fill, fill_count);
    const Size *sizes[128] = {0};
    TRY(letter_sizes(g, n, in, sizes));
    Dims dims = {0};
    for (int i = 0; i < out.count; i++) {
        const Size *size = sizes[(int)out.letters[i]];
        if (!size)
            return diag_node(g->diag, &n->origin, "equation: '%c' is in no input", out.letters[i]);
        dims_push(&dims, size);
    }
    TRY(shape_set(g, n, 0, n->in[0]->dtype, &dims));
    set_equation(g, n, in, &out);
    return 0;
}
