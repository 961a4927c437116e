/* Small models, one for each kind of kernel: of sizes that are usual in vision and language models,
 * and that the second-level caches hold. */
#include "lib/calibrate/calibrate.h"

#include "passes/passes.h"

#include <string.h>

enum { TINY_KERNELS = 48, TINY = 8 };

static Tensor *tensor(Graph *g, const char *name, DType type, int rank, const int64_t *dims)
{
    const Size *sizes[MAX_RANK];
    for (int i = 0; i < rank; i++) sizes[i] = size_const(g->sizes, dims[i]);
    return graph_tensor(g, name, type, rank, sizes);
}

static int64_t elements(int rank, const int64_t *dims)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++) count *= dims[i];
    return count;
}

/* Small values of both signs, the same everywhere. */
static Tensor *weight(Graph *g, const char *name, DType type, int rank, const int64_t *dims)
{
    int64_t count = elements(rank, dims);
    uint32_t random = 7;
    uint8_t *data = arena_array(g->arena, (size_t)count, dtype_size(type));
    for (int64_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        float value = ((float)(random >> 8) * 0x1p-23f - 1) * 0.05f;
        int8_t small = (int8_t)((int)(random >> 24) - 128);
        if (type == DT_F32)
            memcpy(data + 4 * i, &value, 4);
        else
            memcpy(data + i, &small, 1);
    }
    return graph_const(g, name, type, rank, dims, data);
}

static Graph *start(Arena *arena, Diag *diag, const char *name, DType type, int rank,
                    const int64_t *dims)
{
    Graph *g = graph_new(arena, diag, name);
    g->name = name;
    arena_push(arena, g->inputs, g->input_count) = tensor(g, "x", type, rank, dims);
    return g;
}

static void finish(Graph *g, Tensor *result)
{
    arena_push(g->arena, g->outputs, g->output_count) = result;
}

static Tensor *product(Graph *g, OpCode op, Tensor *x, Tensor *w, DType type, int64_t rows,
                       int64_t columns)
{
    const int64_t dims[2] = {rows, columns};
    Tensor *out = tensor(g, "y", type, 2, dims), *const in[2] = {x, w};
    Origin origin = {NULL, "product", op_info(op)->name, -1};
    graph_node(g, op, NULL, &origin, 2, in, 1, &out);
    return out;
}

static Graph *matmul(Arena *arena, Diag *diag, const char *name, bool integer, int64_t rows,
                     int64_t inner, int64_t columns)
{
    const int64_t x[2] = {rows, inner}, w[2] = {inner, columns};
    Graph *g = start(arena, diag, name, integer ? DT_U8 : DT_F32, 2, x);
    Tensor *weights = weight(g, "w", integer ? DT_I8 : DT_F32, 2, w);
    finish(g, product(g, integer ? OP_MAT_MUL_INTEGER : OP_MAT_MUL, g->inputs[0], weights,
                      integer ? DT_I32 : DT_F32, rows, columns));
    return g;
}

static Graph *conv(Arena *arena, Diag *diag, const char *name, int64_t side, int64_t channels,
                   int64_t outputs, int64_t kernel, int64_t group)
{
    const int64_t x[4] = {1, channels, side, side},
                  w[4] = {outputs, channels / group, kernel, kernel};
    const int64_t y[4] = {1, outputs, side, side}, shape[2] = {kernel, kernel};
    const int64_t pads[4] = {kernel / 2, kernel / 2, kernel / 2, kernel / 2};
    Graph *g = start(arena, diag, name, DT_F32, 4, x);
    Tensor *const in[2] = {g->inputs[0], weight(g, "w", DT_F32, 4, w)};
    Tensor *out = tensor(g, "y", DT_F32, 4, y);
    Origin origin = {NULL, "conv", "Conv", -1};
    Node *node = graph_node(g, OP_CONV, NULL, &origin, 2, in, 1, &out);
    node_set_ints(g, node, "kernel_shape", 2, shape);
    node_set_ints(g, node, "pads", 4, pads);
    node_set_int(g, node, "group", group);
    finish(g, out);
    return g;
}

/* Many kernels with next to no work. */
static Graph *chain(Arena *arena, Diag *diag, const char *name)
{
    const int64_t x[2] = {1, TINY}, w[2] = {TINY, TINY};
    Graph *g = start(arena, diag, name, DT_F32, 2, x);
    Tensor *weights = weight(g, "w", DT_F32, 2, w), *last = g->inputs[0];
    for (int i = 0; i < TINY_KERNELS; i++)
        last = product(g, OP_MAT_MUL, last, weights, DT_F32, 1, TINY);
    finish(g, last);
    return g;
}

int calibrate_models(Arena *arena, Diag *diag, CalibrateModel models[CALIBRATE_MODELS])
{
    const CalibrateModel all[CALIBRATE_MODELS] = {
        {"matmul_f32", "matmul", "f32", 2.0 * 128 * 512 * 512, 1, true,
         matmul(arena, diag, "matmul_f32", false, 128, 512, 512)},
        {"conv1x1_f32", "conv 1x1", "f32", 2.0 * 28 * 28 * 128 * 256, 1, true,
         conv(arena, diag, "conv1x1_f32", 28, 128, 256, 1, 1)},
        {"conv3x3_f32", "conv 3x3", "f32", 2.0 * 28 * 28 * 64 * 128 * 9, 1, true,
         conv(arena, diag, "conv3x3_f32", 28, 64, 128, 3, 1)},
        {"depthwise_f32", "depthwise", "f32", 2.0 * 28 * 28 * 256 * 9, 1, false,
         conv(arena, diag, "depthwise_f32", 28, 256, 256, 3, 256)},
        {"vector_f32", "matvec", "f32", 2.0 * 1024 * 1024, 1, false,
         matmul(arena, diag, "vector_f32", false, 1, 1024, 1024)},
        {"matmul_i8", "matmul", "int8", 2.0 * 128 * 512 * 512, 1, false,
         matmul(arena, diag, "matmul_i8", true, 128, 512, 512)},
        {"calls_f32", "call", "f32", 2.0 * TINY_KERNELS * TINY * TINY, TINY_KERNELS, false,
         chain(arena, diag, "calls_f32")}};
    memcpy(models, all, sizeof all);
    for (int i = 0; i < CALIBRATE_MODELS; i++) TRY(passes_run_default(models[i].graph));
    return 0;
}
