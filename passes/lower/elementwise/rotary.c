/* RotaryEmbedding: pairs of elements of each head are turned by an angle that depends on the
 * position. Pairs are (d, d + half), or (2d, 2d + 1) when interleaved. */
#include "passes/lower/frame/lower.h"

typedef struct Rotary {
    Lower *lw;
    const Node *node;
    const Tensor *x;
    Inst *batch, *head, *at, *d; /* of the element */
    const Size *depth;           /* of a head */
} Rotary;

static void find_element(Rotary *r, Inst *const *idx)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    r->batch = idx[0];
    if (r->x->rank == 4) {
        r->head = idx[1];
        r->at = idx[2];
        r->d = idx[3];
        r->depth = r->x->dims[3];
        return;
    }
    int64_t heads = node_int(r->node, "num_heads");
    r->depth = size_divi(lw->sizes, r->x->dims[2], heads > 0 ? heads : 1);
    r->at = idx[1];
    r->head = kb_op(b, LI_DIV, idx[2], kb_size(b, r->depth));
    r->d = kb_op(b, LI_REM, idx[2], kb_size(b, r->depth));
}

static Inst *load_x(Rotary *r, Inst *d)
{
    Builder *b = &r->lw->b;
    if (r->x->rank == 4) return lower_load(r->lw, r->x, (Inst *[]){r->batch, r->head, r->at, d});
    Inst *column = kb_add(b, kb_mul(b, r->head, kb_size(b, r->depth)), d);
    return lower_load(r->lw, r->x, (Inst *[]){r->batch, r->at, column});
}

/* The cache is [positions, half] with position_ids, else [batch, sequence, half]. */
static Inst *load_angle(Rotary *r, int input, Inst *pair)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    const Tensor *cache = r->node->in[input], *ids = node_in(r->node, 3);
    if (!ids) return lower_load_broadcast(lw, cache, 3, (Inst *[]){r->batch, r->at, pair});
    Inst *id = lower_load_broadcast(lw, ids, 2, (Inst *[]){r->batch, r->at});
    id = kb_cast(b, DT_I64, id);
    Inst *last = kb_addi(b, kb_size(b, cache->dims[0]), -1);
    id = kb_op(b, LI_MAX, kb_op(b, LI_MIN, id, last), kb_i64(b, 0));
    return lower_load(lw, cache, (Inst *[]){id, pair});
}

/* first * cos - second * sin for a pair's first element, first * sin + second * cos for the other.
 * Elements at and after `turned` stay; indices for them are kept inside. */
Inst *point_rotary(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    (void)output;
    Builder *b = &lw->b;
    Rotary r = {.lw = lw, .node = node, .x = node->in[0]};
    find_element(&r, idx);
    int64_t given = node_int(node, "rotary_embedding_dim");
    const Size *turned = given > 0 ? size_const(lw->sizes, given) : r.depth;
    const Size *half_size = size_divi(lw->sizes, turned, 2);
    Inst *half = kb_size(b, half_size), *inside = kb_op(b, LI_LT, r.d, kb_size(b, turned));
    Inst *pair, *is_first, *first, *second;
    if (node_int(node, "interleaved")) {
        pair = kb_op(b, LI_SHR, r.d, kb_i64(b, 1));
        is_first = kb_op(b, LI_EQ, kb_op(b, LI_AND, r.d, kb_i64(b, 1)), kb_i64(b, 0));
        pair = kb_select(b, inside, pair, kb_i64(b, 0));
        first = kb_muli(b, pair, 2);
        second = kb_addi(b, first, 1);
    } else {
        is_first = kb_op(b, LI_LT, r.d, half);
        pair = kb_select(b, is_first, r.d, kb_sub(b, r.d, half));
        pair = kb_select(b, inside, pair, kb_i64(b, 0));
        first = pair;
        second = kb_add(b, pair, half);
    }
    Inst *x1 = load_x(&r, first), *x2 = load_x(&r, second);
    Inst *cos = kb_cast(b, x1->type.dtype, load_angle(&r, 1, pair));
    Inst *sin = kb_cast(b, x1->type.dtype, load_angle(&r, 2, pair));
    Inst *x2_sin = kb_mul(b, x2, sin), *real = kb_sub(b, kb_mul(b, x1, cos), x2_sin);
    Inst *x2_cos = kb_mul(b, x2, cos), *imaginary = kb_add(b, kb_mul(b, x1, sin), x2_cos);
    Inst *value = kb_select(b, is_first, real, imaginary);
    if (turned == r.depth) return value;
    return kb_select(b, inside, value, load_x(&r, r.d));
}
