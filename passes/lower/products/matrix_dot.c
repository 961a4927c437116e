/* Products of 8-bit integers on dot product instructions. Right is packed with four elements of depth
 * together, [..., depth / 4, width, 4], left is read four bytes at a time, and the zero point is
 * taken off by right's sums. Integer sums are exact, so it does not matter where this is used. */
#include "passes/lower/products/matrix.h"

#include <string.h>

static bool divides4(Lower *lw, const Size *size)
{
    return size_is(size_mod(lw->sizes, size, size_const(lw->sizes, 4)), 0);
}

static bool is_byte(const Tensor *tensor)
{
    return tensor->dtype == DT_I8 || tensor->dtype == DT_U8;
}

/* Four elements of depth follow each other and start at a multiple of four. */
static bool left_fits(const Product *p)
{
    Lower *lw = p->lw;
    const Tensor *x = p->left.tensor;
    if (!is_byte(x) || x->is_inlined || x->data || x->values || p->scales.left_zero.row >= 0)
        return false;
    const Place *place = lower_place(lw, x);
    if (!divides4(lw, place->offset)) return false;
    for (int i = 0; i < x->rank; i++) {
        if (size_is(x->dims[i], 1)) continue;
        if (i == p->left.depth ? !size_is(place->stride[i], 1) : !divides4(lw, place->stride[i]))
            return false;
    }
    return true;
}

/* A parameter is of one type only: nothing else may read left's. */
static bool only_left_reads(const Product *p)
{
    const Node *node = p->lw->node;
    const Tensor *others[] = {p->bias.tensor, p->scales.left_zero.tensor};
    const Buffer *buffer = lower_place(p->lw, p->left.tensor)->buffer;
    for (int i = 0; i < 2; i++) {
        if (!others[i] || others[i]->data) continue;
        if (others[i]->is_inlined || lower_place(p->lw, others[i])->buffer == buffer) return false;
    }
    const Tensor *before = node->out[0];
    for (int k = 0; k < node->epilogue_count; k++) {
        for (int i = 0; i < node->epilogue[k]->in_count; i++) {
            const Tensor *in = node->epilogue[k]->in[i];
            if (!in || in == before || in->data) continue;
            if (in->is_inlined || lower_place(p->lw, in)->buffer == buffer) return false;
        }
        before = node->epilogue[k]->out[0];
    }
    return true;
}

static bool right_fits(const Product *p)
{
    const Tensor *w = p->right.tensor, *zero = p->scales.right_zero.tensor;
    double value = 0;
    if (!w->data || w->dtype != DT_I8) return false;
    if (zero && !(zero->data && const_is_uniform(zero, &value))) return false;
    return value == 0;
}

/* The last two axes of `pack` are depth and width. */
static Pack fours(const Pack *pack)
{
    Pack four = *pack;
    int depth = pack->dest_rank - 2, width = depth + 1;
    four.dest_rank++;
    four.dest_dims[depth] /= 4;
    four.dest_dims[width + 1] = 4;
    for (int a = 0; a < pack->source_rank; a++) {
        four.coef[a][depth] *= 4;
        four.coef[a][width + 1] = pack->coef[a][depth];
    }
    return four;
}

/* The source's element for packed coordinates, 0 in the padding. */
static int64_t element(const Tensor *tensor, const Pack *pack, const int64_t *d)
{
    int64_t at = 0;
    for (int a = 0; a < pack->source_rank; a++) {
        int64_t s = 0;
        for (int j = 0; j < pack->dest_rank; j++) s += pack->coef[a][j] * d[j];
        if (s >= pack->source_dims[a]) return 0;
        at = at * pack->source_dims[a] + s;
    }
    return const_i64_at(tensor, at);
}

/* Sums over depth, in the packed order of the other axes. */
static Buffer *depth_sums(Product *p, const Pack *pack)
{
    const Tensor *w = p->right.tensor;
    int depth = pack->dest_rank - 2;
    int64_t count = 1, d[PACK_RANK] = {0}, width = pack->dest_dims[depth + 1];
    for (int j = 0; j < pack->dest_rank; j++) count *= pack->dest_dims[j];
    int64_t sums = count / pack->dest_dims[depth];
    int32_t *data = arena_array(p->lw->arena, (size_t)sums, sizeof *data);
    for (int64_t i = 0; i < count; i++) {
        int64_t outer = i / width / pack->dest_dims[depth];
        data[outer * width + d[depth + 1]] += (int32_t)element(w, pack, d);
        for (int j = depth + 1; j >= 0 && ++d[j] == pack->dest_dims[j]; j--) d[j] = 0;
    }
    return lower_const(p->lw, arena_printf(p->lw->arena, "%s_sums", w->name), DT_I32, sums, data);
}

bool matrix_dot_prepare(Product *p, const Pack *pack)
{
    bool integer = p->mode != MATRIX_FLOAT && !p->depthwise && p->tile.lanes > 1;
    if (!integer || !size_is_const(p->depth) || p->depth->value % 4 || p->depth->value == 0)
        return false;
    if (!left_fits(p) || !right_fits(p) || !only_left_reads(p)) return false;
    int kind = lower_dot4(p->lw->target);
    bool is_unsigned = p->left.tensor->dtype == DT_U8;
    p->dot.is_unsigned = kind == 1 || (kind == 0 && is_unsigned);
    p->dot.flips = p->dot.is_unsigned != is_unsigned;
    p->dot.zero = !p->dot.flips ? 0 : is_unsigned ? -128 : 128;
    Pack four = fours(pack);
    p->weights.packed = lower_pack(p->lw, p->right.tensor, &four, "fours");
    if (p->dot.flips || p->scales.left_zero.tensor) p->dot.sums = depth_sums(p, pack);
    return true;
}

Inst *matrix_dot_left(Product *p, Inst *const *idx, Inst *depth)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    const Tensor *x = p->left.tensor;
    const Place *place = lower_place(lw, x);
    Inst *at = depth;
    for (int i = 0; i < x->rank; i++) {
        if (i == p->left.depth || !idx[i] || size_is(x->dims[i], 1)) continue;
        const Size *stride = size_divi(lw->sizes, place->stride[i], 4);
        at = kb_add(b, at, kb_mul(b, idx[i], kb_size(b, stride)));
    }
    Param *from = lower_tensor_view(lw, x, DT_I32);
    Inst *bytes = kb_load(b, from, at);
    return p->dot.flips ? kb_op(b, LI_XOR, bytes, kb_int(b, DT_I32, (int32_t)0x80808080)) : bytes;
}
