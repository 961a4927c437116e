/* MaxpoolWithMask: MaxPool where a masked element ends the row of its window, as ONNX Runtime's kernel has it,
 * which is all that there is as a definition:
 *   - the lowest number of the type is the largest of nothing;
 *   - the first element of an image is never masked, but in one dimension;
 *   - image c of X (batch and channels in one count) has the mask's elements from c * size of an image modulo
 *     the mask's number of images on. That is image c for none but the first. */
#include "passes/lower/frame/lower.h"

#include <float.h>

typedef struct Masked {
    Lower *lw;
    const Node *node;
    const Tensor *x, *mask;
    Inst *first; /* the mask's element for the image's first */
    Cell *most;
    Inst *idx[MAX_RANK];
} Masked;

static Inst *image_size(const Masked *m)
{
    SizeTable *t = m->lw->sizes;
    const Size *size = size_const(t, 1);
    for (int i = 2; i < m->x->rank; i++) size = size_mul(t, size, m->x->dims[i]);
    return kb_size(&m->lw->b, size);
}

static Inst *first_of_mask(const Masked *m, Inst *const *out)
{
    Builder *b = &m->lw->b;
    const Tensor *mask = m->mask;
    Inst *images = kb_mul(b, kb_size(b, mask->dims[0]), kb_size(b, mask->dims[1]));
    Inst *image = kb_add(b, kb_mul(b, out[0], kb_size(b, m->x->dims[1])), out[1]);
    images = kb_op(b, LI_MAX, images, kb_i64(b, 1));
    return kb_op(b, LI_REM, kb_mul(b, image, image_size(m)), images);
}

/* Opens the loops over the part of a window that lies in the image. */
static void open_window(Masked *m, Inst *const *out)
{
    const int64_t *kernel, *strides, *pads;
    Builder *b = &m->lw->b;
    node_ints(m->node, "kernel_shape", &kernel);
    node_ints(m->node, "strides", &strides);
    node_ints(m->node, "pads", &pads);
    for (int i = 0; i < m->x->rank - 2; i++) {
        Inst *from = kb_addi(b, kb_muli(b, out[i + 2], strides[i]), -pads[i]);
        Inst *size = kb_size(b, m->x->dims[i + 2]);
        Inst *to = kb_op(b, LI_MIN, kb_addi(b, from, kernel[i]), size);
        from = kb_op(b, LI_MAX, from, kb_i64(b, 0));
        m->idx[i + 2] = kb_for(b, LOOP_SERIAL, from, to, 1);
    }
}

static void take_element(Masked *m)
{
    Builder *b = &m->lw->b;
    Inst *at[MAX_RANK] = {0}, *zero = kb_i64(b, 0);
    int rank = m->x->rank;
    Inst *within = lower_flatten(m->lw, rank - 2, m->x->dims + 2, m->idx + 2);
    lower_unflatten(m->lw, kb_add(b, m->first, within), rank, m->mask->dims, at);
    Inst *mask = lower_load(m->lw, m->mask, at);
    Inst *masked = kb_op(b, LI_EQ, mask, kb_const(b, mask->type.dtype, 0));
    if (rank > 3) masked = kb_op(b, LI_AND, masked, kb_op(b, LI_GT, within, zero));
    kb_if(b, masked);
    kb_break(b);
    kb_end(b);
    Inst *value = lower_load(m->lw, m->x, m->idx), *most = kb_get(b, m->most);
    kb_set(b, m->most, kb_select(b, kb_op(b, LI_GT, value, most), value, most));
}

int lower_maxpool_with_mask(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    Masked m = {.lw = lw, .node = node, .x = node->in[0], .mask = node->in[1]};
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    DType type = lower_type(m.x->dtype);
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, 16, idx);
    m.idx[0] = idx[0];
    m.idx[1] = idx[1];
    m.first = first_of_mask(&m, idx);
    m.most = kb_cell(b, "most", (LType){type, 1},
                     kb_float(b, type, type == DT_F64 ? -DBL_MAX : -(double)FLT_MAX));
    open_window(&m, idx);
    take_element(&m);
    for (int i = 2; i < m.x->rank; i++) kb_end(b);
    lower_store(lw, idx, kb_get(b, m.most));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
