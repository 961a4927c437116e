/* com.microsoft.nchwc: what ONNX Runtime makes of convolutions and pools at its optimisation level 'all'.
 *
 * Its kernels read the channels in blocks of 8 or 16, as its processor has it. Tensors between them have the
 * shape NCHW, with channels filled up to whole blocks; how they lie is nobody's business, so here they are
 * just that, NCHW, and lpc chooses layouts of its own. What has to be undone is the order of the weights, which
 * the file has in blocks. frontend/nchwc.c finds the blocks' size, the attribute `block`. */
#include "passes/expand/microsoft/fused.h"

#include <string.h>

/* pass_fold computes reshapes and transposes of fewer; those of more would be done in each run. */
enum { FOLDED_ELEMENTS = 4 << 20 };

/* The same for a constant, here and now: all blocks of I and O. */
static Tensor *unblocked(Expand *x, const Tensor *w, const int64_t *size, int64_t block,
                         int64_t inner)
{
    int64_t window = size[2] * size[3], each = window * inner * block;
    float *to = arena_array(x->g->arena, (size_t)tensor_static_elements(w), sizeof *to);
    const char *from = w->data->data;
    for (int64_t o = 0; o < size[0]; o++) {
        for (int64_t i = 0; i < size[1]; i++) {
            int64_t at = (o / block * (size[1] / inner) + i / inner) * each;
            at += i % inner * block + o % block;
            for (int64_t k = 0; k < window; k++) {
                int64_t element = at + k * inner * block;
                memcpy(to++, from + (size_t)element * sizeof *to, sizeof *to);
            }
        }
    }
    return graph_const(x->g, NULL, DT_F32, 4, size, to - tensor_static_elements(w));
}

/* The weights [O, I, kH, kW] hold
 *     [O / block][I / block][kH][kW][block of I][block of O], or
 *     [O / block][I][kH][kW][block of O] where the kernel reads the input's channels as they are: fewer
 * than a block, or one for each group. */
static Tensor *plain_weights(Expand *x, Tensor *w)
{
    int64_t block = node_int(x->n, "block"), groups = node_int(x->n, "group");
    int64_t size[4];
    for (int i = 0; i < 4; i++) size[i] = x_static(x, w, i, "the weights' size");
    bool direct = groups > 1 ? size[1] == 1 : size[1] < block;
    if (x_ok(x) && (size[0] % block || (!direct && size[1] % block)))
        x_fail(x, "weights of %lld x %lld channels are no whole blocks of %lld", (long long)size[0],
               (long long)size[1], (long long)block);
    if (!x_ok(x)) return NULL;
    int64_t inner = direct ? 1 : block;
    if (w->data && w->dtype == DT_F32 && tensor_static_elements(w) > FOLDED_ELEMENTS)
        return unblocked(x, w, size, block, inner);
    const int64_t stored[] = {size[0] / block, size[1] / inner, size[2], size[3], inner, block};
    const Size *dims[6];
    for (int i = 0; i < 6; i++) dims[i] = x_size(x, stored[i]);
    Tensor *blocks = x_transpose(x, x_reshape(x, w, 6, dims), (int[]){0, 5, 1, 4, 2, 3});
    for (int i = 0; i < 4; i++) dims[i] = x_size(x, size[i]);
    return x_reshape(x, blocks, 4, dims);
}

int expand_nchwc_conv(Expand *x)
{
    TRY(x_need_rank(x, 0, 4));
    TRY(x_need_rank(x, 1, 4));
    Tensor *weights = plain_weights(x, x_in(x, 1));
    x_result(x, 0, fused_activation(x, fused_conv(x, x_in(x, 0), weights)));
    return 0;
}

/* ---- Pools and Upsample, which keep channels apart ---- */

static int pool(Expand *x, OpCode op)
{
    TRY(x_need_rank(x, 0, 4));
    fused_window(x);
    x_int(x, "ceil_mode", node_int(x->n, "ceil_mode"));
    if (op == OP_AVERAGE_POOL) x_int(x, "count_include_pad", node_int(x->n, "count_include_pad"));
    x_result(x, 0, x_op1(x, op, x_in(x, 0)));
    return 0;
}

int expand_nchwc_max_pool(Expand *x)
{
    return pool(x, OP_MAX_POOL);
}

int expand_nchwc_average_pool(Expand *x)
{
    return pool(x, OP_AVERAGE_POOL);
}

int expand_nchwc_global_max_pool(Expand *x)
{
    x_result(x, 0, x_op1(x, OP_GLOBAL_MAX_POOL, x_in(x, 0)));
    return 0;
}

int expand_nchwc_global_average_pool(Expand *x)
{
    x_result(x, 0, x_op1(x, OP_GLOBAL_AVERAGE_POOL, x_in(x, 0)));
    return 0;
}

int expand_nchwc_upsample(Expand *x)
{
    const char *mode = node_string(x->n, "mode");
    const char *coordinates = node_string(x->n, "coordinate_transformation_mode");
    bool nearest = !strcmp(mode, "nearest");
    const int64_t *scales, four = 4;
    TRY(x_need_rank(x, 0, 4));
    if (!nearest && strcmp(mode, "linear"))
        return x_fail(x, "mode: expected nearest or linear, got '%s'", mode);
    if (node_ints(x->n, "scales", &scales) != 4) return x_fail(x, "scales: expected 4 values");
    float factors[4];
    for (int i = 0; i < 4; i++) factors[i] = (float)scales[i];
    x_string(x, "mode", mode);
    x_string(x, "coordinate_transformation_mode",
             nearest || !*coordinates ? "asymmetric" : coordinates);
    x_string(x, "nearest_mode", "floor");
    Tensor *factor = x_constant(x, DT_F32, 1, &four, factors);
    x_result(x, 0, x_op3(x, OP_RESIZE, x_in(x, 0), NULL, factor));
    return 0;
}

/* ---- Into whole blocks, and back ---- */

/* To NCHW; channels are filled up with zeros. */
int expand_nchwc_reorder_input(Expand *x)
{
    Tensor *a = x_in(x, 0);
    TRY(x_need_rank(x, 0, 4));
    if (node_int(x->n, "channels_last")) a = x_transpose(x, a, (int[]){0, 3, 1, 2});
    int64_t block = node_int(x->n, "block"), channels = x_static(x, a, 1, "the number of channels");
    int64_t missing = (block - channels % block) % block;
    if (missing) a = x_op2(x, OP_PAD, a, x_i64(x, 8, (int64_t[]){0, 0, 0, 0, 0, missing, 0, 0}));
    x_result(x, 0, a);
    return 0;
}

int expand_nchwc_reorder_output(Expand *x)
{
    Tensor *a = x_in(x, 0);
    int64_t channels = node_int(x->n, "channels");
    TRY(x_need_rank(x, 0, 4));
    int64_t filled = x_static(x, a, 1, "the number of channels");
    if (x_ok(x) && (channels < 1 || channels > filled))
        return x_fail(x, "channels: %lld of %lld are wanted", (long long)channels,
                      (long long)filled);
    if (channels < filled) a = x_slice(x, a, 1, x_size(x, 0), x_size(x, channels));
    if (node_int(x->n, "channels_last")) a = x_transpose(x, a, (int[]){0, 2, 3, 1});
    x_result(x, 0, a);
    return 0;
}
