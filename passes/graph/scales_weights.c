/* Weights with factors of their output channels in them (column SCALES of ir/ops.def).
 *
 * Weights are not copied where the channels are their first axis: the new constant shares the mapped
 * data and carries the factors (Const.scale). Where they are another axis (Gemm without transB,
 * MatMul, ConvTranspose) a copy is made, of small weights. */
#include "passes/graph/rules.h"

#include "passes/graph/rewrite.h"

enum { COPY_ELEMENTS = 1 << 22 };

/* The same data with factors on axis 0. */
static Tensor *scale_first_axis(Graph *g, const Tensor *w, const Affine *a)
{
    Tensor *out =
        graph_tensor(g, arena_printf(g->arena, "%s.scaled", w->name), w->dtype, w->rank, w->dims);
    float *scale = arena_array(g->arena, (size_t)a->channels, sizeof *scale);
    for (int64_t i = 0; i < a->channels; i++) {
        double before = w->data->scale ? (double)w->data->scale[i] : 1;
        scale[i] = (float)(a->mul[i] * before);
    }
    Const *data = arena_alloc(g->arena, sizeof *data);
    *data = *w->data;
    data->scale = scale;
    out->data = data;
    return out;
}

/* A copy with channel (i / inner) % channels of element i scaled; groups as ConvTranspose has them:
 * element i belongs to group i / per_group, whose channels follow those of the group before. */
static Tensor *scale_copy(Graph *g, const Tensor *w, const Affine *a, int64_t inner,
                          int64_t in_group, int64_t per_group)
{
    int64_t elements = tensor_static_elements(w), dims[MAX_RANK];
    if (elements > COPY_ELEMENTS) return NULL;
    float *data = arena_array(g->arena, (size_t)elements, sizeof *data);
    for (int64_t i = 0; i < elements; i++) {
        int64_t channel = i / inner % in_group + i / per_group * in_group;
        data[i] = (float)(const_f64_at(w, i) * a->mul[channel]);
    }
    for (int i = 0; i < w->rank; i++) dims[i] = w->dims[i]->value;
    return rewrite_floats(g, arena_printf(g->arena, "%s.scaled", w->name), w->rank, dims, data);
}

Tensor *scales_conv(Graph *g, const Node *n, const Affine *a)
{
    const Tensor *w = n->in[1];
    return size_is(w->dims[0], a->channels) ? scale_first_axis(g, w, a) : NULL;
}

Tensor *scales_matmul(Graph *g, const Node *n, const Affine *a)
{
    return scale_copy(g, n->in[1], a, 1, a->channels, INT64_MAX);
}

Tensor *scales_gemm(Graph *g, const Node *n, const Affine *a)
{
    return node_int(n, "transB") ? scales_conv(g, n, a) : scales_matmul(g, n, a);
}

Tensor *scales_conv_transpose(Graph *g, const Node *n, const Affine *a)
{
    const Tensor *w = n->in[1];
    int64_t inner = 1, group = node_int(n, "group"), in_group = w->dims[1]->value;
    for (int i = 2; i < w->rank; i++) inner *= w->dims[i]->value;
    int64_t rows = w->dims[0]->value / group;
    if (inner < 1 || in_group * group != a->channels || rows < 1) return NULL;
    return scale_copy(g, w, a, inner, in_group, rows * in_group * inner);
}
