/* Reductions, normalisations, pooling, recurrent layers, attention: one node each, lowered for
 * several vector widths, declared orders and places. Against plain loops in double where a case has
 * them; every variant against the scalar code over row-major tensors (what each operator means is
 * checked by the official tests); and bit for bit the same wherever the tensors lie. */
#include "passes/loops/passes.h"
#include "passes/lower/rules.h"
#include "passes/passes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IO = 8, SYMBOL = 5 /* the value of every symbol */ };

static int failures, checks;

/* What a run gave: every output as doubles, row-major. */
typedef struct Result {
    Arena *arena;
    Graph *graph;
    const double *in[MAX_IO];
    double *out[MAX_IO];
    int64_t count[MAX_IO];
    int64_t symbols[4];
    bool has_vectors;
} Result;

typedef struct Variant {
    const char *name;
    bool declared; /* tensors of rank 4 are declared channels-last */
    bool last;     /* and lie so */
    int bits;
} Variant;

static const Variant variants[] = {
    {"rows", false, false, 0},
    {"rows 128", false, false, 128},
    {"rows 256", false, false, 256},
    {"rows 512", false, false, 512},
    {"rows elsewhere", false, true, 256},
    {"channels", true, true, 0},
    {"channels 128", true, true, 128},
    {"channels 256", true, true, 256},
    {"channels 512", true, true, 512},
    {"channels elsewhere", true, false, 256},
};
enum { VARIANTS = sizeof variants / sizeof *variants };
/* Variants that must agree to the bit: the same declared order and width in two places. */
static const int twins[][2] = {{2, 4}, {7, 9}};

/* ---- Elements ---- */

static double get(DType dtype, const void *from, int64_t i)
{
    switch (dtype) {
    case DT_F32: return (double)((const float *)from)[i];
    case DT_F64: return ((const double *)from)[i];
    case DT_F16: return (double)f16_to_f32(((const uint16_t *)from)[i]);
    case DT_I32: return ((const int32_t *)from)[i];
    case DT_I64: return (double)((const int64_t *)from)[i];
    case DT_I8: return ((const int8_t *)from)[i];
    case DT_U8:
    case DT_BOOL: return ((const uint8_t *)from)[i];
    default: abort();
    }
}

static void put(DType dtype, void *to, int64_t i, double value)
{
    switch (dtype) {
    case DT_F32: ((float *)to)[i] = (float)value; break;
    case DT_F64: ((double *)to)[i] = value; break;
    case DT_F16: ((uint16_t *)to)[i] = f32_to_f16((float)value); break;
    case DT_I32: ((int32_t *)to)[i] = (int32_t)value; break;
    case DT_I64: ((int64_t *)to)[i] = (int64_t)value; break;
    case DT_I8: ((int8_t *)to)[i] = (int8_t)value; break;
    case DT_U8: ((uint8_t *)to)[i] = (uint8_t)value; break;
    case DT_BOOL: ((uint8_t *)to)[i] = value != 0; break;
    default: abort();
    }
}

static double random_value(uint64_t *seed, DType dtype)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    double value = (double)(int32_t)(uint32_t)(*seed >> 32) / 0x1p31;
    if (dtype_is_float(dtype)) return (double)(float)value;
    if (dtype == DT_BOOL) return value > 0;
    return floor(fabs(value) * 4); /* small: sequence lengths, classes */
}

static int64_t elements_of(const Result *r, const Tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= size_eval(tensor->dims[i], r->symbols);
    return count;
}

/* ---- Places ---- */

static void place(Lower *lw, const Tensor *tensor, BufferClass class, int index, bool last)
{
    Place *p = &lw->places[tensor->id];
    p->buffer = program_buffer(lw->program, tensor->name, class, tensor->dtype,
                               tensor_elements(lw->sizes, tensor));
    p->buffer->index = index;
    p->offset = size_const(lw->sizes, 0);
    static const int channels[] = {0, 2, 3, 1};
    const Size *stride = size_const(lw->sizes, 1);
    for (int i = tensor->rank - 1; i >= 0; i--) {
        int axis = last && tensor->rank == 4 ? channels[i] : i;
        p->stride[axis] = stride;
        stride = size_mul(lw->sizes, stride, tensor->dims[axis]);
    }
}

static int64_t position(const Result *r, const Lower *lw, const Tensor *tensor, int64_t i)
{
    int64_t at = 0;
    for (int a = tensor->rank - 1; a >= 0; a--) {
        int64_t dim = size_eval(tensor->dims[a], r->symbols);
        at += i % dim * size_eval(lw->places[tensor->id].stride[a], r->symbols);
        i /= dim;
    }
    return at;
}

/* ---- One variant ---- */

static Program *lower(Result *r, Lower *lw, const LowerTarget *target, const Variant *v)
{
    Graph *g = r->graph;
    *lw = (Lower){.arena = r->arena,
                  .diag = g->diag,
                  .graph = g,
                  .sizes = g->sizes,
                  .rules = lower_rules,
                  .target = target};
    lw->program = program_new(r->arena, g->sizes, "net");
    lw->main = &lw->program->main->body;
    lw->places = arena_array(r->arena, (size_t)g->tensor_count, sizeof *lw->places);
    for (int i = 0; i < g->input_count; i++) place(lw, g->inputs[i], BUFFER_INPUT, i, v->last);
    for (int i = 0; i < g->output_count; i++) place(lw, g->outputs[i], BUFFER_OUTPUT, i, v->last);
    lw->program->input_count = g->input_count;
    lw->program->output_count = g->output_count;
    int code = lower_node(lw, g->nodes[0]);
    if (!code) code = pass_expand_math(lw->program);
    if (!code) code = pass_cleanup(lw->program);
    if (!code) code = pass_vectorize(lw->program, v->bits);
    if (!code) code = pass_cleanup(lw->program);
    if (!code) code = loops_verify(lw->program, g->diag);
    return code ? NULL : lw->program;
}

static void *block(Arena *arena, int64_t bytes)
{
    return arena_alloc(arena, (size_t)bytes + 64);
}

static int evaluate(Result *r, Lower *lw)
{
    Program *p = lw->program;
    const Graph *g = r->graph;
    const void *in[MAX_IO] = {0};
    void *out[MAX_IO] = {0};
    for (int i = 0; i < p->buffer_count; i++) {
        Buffer *buffer = p->buffers[i];
        int64_t *total = buffer->class == BUFFER_CONST ? &p->const_bytes : &p->work_bytes;
        if (buffer->class != BUFFER_CONST && buffer->class != BUFFER_WORK) continue;
        buffer->offset = *total;
        *total += (buffer->max_bytes + 63) / 64 * 64;
    }
    void *work = block(r->arena, p->work_bytes), *weights = block(r->arena, p->const_bytes);
    memset(work, 0x7f, (size_t)p->work_bytes);
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *buffer = p->buffers[i];
        if (buffer->class == BUFFER_CONST)
            buffer->source->read(buffer->source, 0, (char *)weights + buffer->offset,
                                 (size_t)buffer->max_bytes);
    }
    for (int k = 0; k < g->input_count; k++) {
        const Tensor *x = g->inputs[k];
        int64_t count = elements_of(r, x);
        double *values = block(r->arena, count * 8);
        void *data = block(r->arena, lw->places[x->id].buffer->max_bytes);
        uint64_t seed = 77 + (uint64_t)k;
        for (int64_t i = 0; i < count; i++) {
            values[i] = random_value(&seed, x->dtype);
            put(x->dtype, data, position(r, lw, x, i), values[i]);
        }
        r->in[k] = values;
        in[k] = data;
    }
    for (int k = 0; k < g->output_count; k++)
        out[k] = block(r->arena, lw->places[g->outputs[k]->id].buffer->max_bytes);
    int code = loops_eval(p, g->diag, in, out, r->symbols, work, NULL, weights);
    for (int k = 0; k < g->output_count && !code; k++) {
        const Tensor *y = g->outputs[k];
        r->count[k] = elements_of(r, y);
        r->out[k] = block(r->arena, r->count[k] * 8);
        for (int64_t i = 0; i < r->count[k]; i++)
            r->out[k][i] = get(y->dtype, out[k], position(r, lw, y, i));
    }
    return code;
}

static bool has_vectors(const Block *b)
{
    for (int i = 0; i < b->count; i++) {
        const Inst *inst = b->items[i];
        if (inst->type.lanes > 1 || has_vectors(&inst->body) || has_vectors(&inst->els))
            return true;
    }
    return false;
}

static int run(Result *r, const char *text, const Variant *v)
{
    static const uint8_t channels[] = {0, 2, 3, 1};
    Diag *diag;
    *r = (Result){.arena = arena_new(), .symbols = {SYMBOL, SYMBOL, SYMBOL, SYMBOL}};
    diag = arena_alloc(r->arena, sizeof *diag);
    diag_init(diag, r->arena, "test");
    int code = graph_parse(r->arena, diag, text, "test", &r->graph);
    if (!code) code = pass_shapes(r->graph);
    for (int i = 0; !code && i < r->graph->tensor_count; i++) {
        Tensor *tensor = r->graph->tensors[i];
        if (!v->declared || tensor->rank != 4 || tensor->data) continue;
        tensor->has_order = true;
        memcpy(tensor->order, channels, sizeof channels);
    }
    Target device = {.vector_bits = v->bits,
                     .vector_registers = 16,
                     .fma = true,
                     .l1d = 32 << 10,
                     .l2 = 1 << 20};
    LowerTarget target = {.device = &device};
    Lower lw;
    if (!code && !lower(r, &lw, &target, v)) code = 1;
    for (int i = 0; !code && i < lw.program->kernel_count; i++)
        r->has_vectors |= has_vectors(&lw.program->kernels[i]->body);
    if (!code) code = evaluate(r, &lw);
    diag_flush(diag);
    return code;
}

/* ---- Comparing ---- */

static bool close_to(double a, double b, double tolerance)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance * (1 + fabs(b));
}

static void compare(const char *text, const char *what, const Result *a, const Result *b,
                    double tolerance)
{
    checks++;
    for (int k = 0; k < a->graph->output_count; k++) {
        for (int64_t i = 0; i < a->count[k]; i++) {
            if (close_to(a->out[k][i], b->out[k][i], tolerance)) continue;
            printf("FAIL %s: output %d element %lld: %.9g, expected %.9g in\n%s\n", what, k,
                   (long long)i, a->out[k][i], b->out[k][i], text);
            failures++;
            return;
        }
    }
}

/* Plain loops: fills `want` with output 0. */
typedef void Reference(const Result *r, double *want);

static void check_reference(const char *text, const Result *r, Reference *reference,
                            double tolerance)
{
    Result want = *r;
    want.out[0] = block(r->arena, r->count[0] * 8);
    for (int k = 1; k < MAX_IO; k++) want.count[k] = 0;
    reference(r, want.out[0]);
    Graph one = *r->graph;
    one.output_count = 1;
    Result got = *r;
    got.graph = &one;
    compare(text, "reference", &got, &want, tolerance);
}

static void check_case(const char *text, Reference *reference, double tolerance)
{
    Result results[VARIANTS];
    bool ok = true;
    for (int i = 0; i < VARIANTS; i++) {
        int code = run(&results[i], text, &variants[i]);
        if (!code) continue;
        printf("FAIL %s: code %d in\n%s\n", variants[i].name, code, text);
        failures++;
        ok = false;
    }
    bool serial = strstr(text, "ReduceProd") || strstr(text, "DFT");
    if (ok && !serial && !results[2].has_vectors && !results[7].has_vectors) {
        printf("FAIL no vectors in\n%s\n", text);
        failures++;
    }
    for (int i = 1; i < VARIANTS && ok; i++)
        compare(text, variants[i].name, &results[i], &results[0], tolerance);
    for (int i = 0; i < 2 && ok; i++)
        compare(text, "twins", &results[twins[i][0]], &results[twins[i][1]], 0);
    if (ok && reference) check_reference(text, &results[0], reference, tolerance);
    for (int i = 0; i < VARIANTS; i++) arena_free(results[i].arena);
}

/* ---- References: all over x[2, 19, h, 7] or as said ---- */

enum { N = 2, C = 19, H = SYMBOL, W = 7 };

static double at4(const double *x, int n, int c, int h, int w)
{
    return x[((n * C + c) * H + h) * W + w];
}

static void mean_of_image(const Result *r, double *want)
{
    for (int n = 0; n < N; n++) {
        for (int c = 0; c < C; c++) {
            double sum = 0;
            for (int i = 0; i < H * W; i++) sum += at4(r->in[0], n, c, i / W, i % W);
            want[n * C + c] = sum / (H * W);
        }
    }
}

static void log_sum_exp_of_channels(const Result *r, double *want)
{
    for (int n = 0; n < N; n++) {
        for (int i = 0; i < H * W; i++) {
            double sum = 0;
            for (int c = 0; c < C; c++) sum += exp(at4(r->in[0], n, c, i / W, i % W));
            want[n * H * W + i] = log(sum);
        }
    }
}

static void softmax_of_channels(const Result *r, double *want)
{
    double log_sum[N * H * W];
    log_sum_exp_of_channels(r, log_sum);
    for (int i = 0; i < N * C * H * W; i++) {
        int n = i / (C * H * W), at = i % (H * W);
        want[i] = exp(r->in[0][i] - log_sum[n * H * W + at]);
    }
}

static void arg_max_of_rows(const Result *r, double *want)
{
    for (int row = 0; row < N * C * H; row++) {
        int best = 0;
        for (int w = 1; w < W; w++) {
            if (r->in[0][row * W + w] > r->in[0][row * W + best]) best = w;
        }
        want[row] = best;
    }
}

/* 3 x 3, stride 2, pads 1. */
static void pool(const Result *r, double *want, bool max)
{
    enum { OH = (H - 1) / 2 + 1, OW = (W - 1) / 2 + 1 };
    for (int i = 0; i < N * C * OH * OW; i++) {
        int plane = i / (OH * OW), y = i / OW % OH * 2 - 1, x = i % OW * 2 - 1, count = 0;
        double most = -INFINITY, sum = 0;
        for (int k = 0; k < 9; k++) {
            int h = y + k / 3, w = x + k % 3;
            if (h < 0 || w < 0 || h >= H || w >= W) continue;
            double value = at4(r->in[0], plane / C, plane % C, h, w);
            most = fmax(most, value);
            sum += value;
            count++;
        }
        want[i] = max ? most : sum / count;
    }
}

static void max_pool(const Result *r, double *want)
{
    pool(r, want, true);
}

static void average_pool(const Result *r, double *want)
{
    pool(r, want, false);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* LSTM over x[h, 1, 6], 19 units; inputs W, R, B are 1 to 3. */
static void lstm(const Result *r, double *want)
{
    enum { I = 6, U = 19 };
    const double *x = r->in[0], *w = r->in[1], *rec = r->in[2], *b = r->in[3];
    double h[U] = {0}, c[U] = {0};
    for (int t = 0; t < SYMBOL; t++) {
        double gate[4 * U];
        for (int g = 0; g < 4 * U; g++) {
            gate[g] = b[g] + b[4 * U + g];
            for (int k = 0; k < I; k++) gate[g] += x[t * I + k] * w[g * I + k];
            for (int k = 0; k < U; k++) gate[g] += h[k] * rec[g * U + k];
        }
        for (int u = 0; u < U; u++) {
            c[u] = sigmoid(gate[2 * U + u]) * c[u] + sigmoid(gate[u]) * tanh(gate[3 * U + u]);
            want[t * U + u] = h[u] = sigmoid(gate[U + u]) * tanh(c[u]);
        }
    }
}

/* ---- Cases ---- */

#define HEAD  "graph net from \"net.onnx\" symbol h max 9 input "
#define IMAGE HEAD "input %x: f32[2, 19, h, 7] output %y "

static void check_reductions(void)
{
    check_case(IMAGE "const %a: i64[2] = [2, 3] %y: ?[*] = ReduceMean(%x, %a)", mean_of_image,
               1e-6);
    check_case(IMAGE "%y: ?[*] = GlobalAveragePool(%x)", mean_of_image, 1e-6);
    check_case(IMAGE "const %a: i64[1] = [1] %y: ?[*] = ReduceLogSumExp(%x, %a) {keepdims=0}",
               log_sum_exp_of_channels, 1e-6);
    static const char *const ops[] = {"ReduceSum",       "ReduceMax",      "ReduceMin",
                                      "ReduceProd",      "ReduceL1",       "ReduceL2",
                                      "ReduceLogSumExp", "ReduceSumSquare"};
    static const char *const axes[] = {"1] = [1", "1] = [3", "2] = [0, 2", "3] = [1, 2, 3",
                                       "4] = [0, 1, 2, 3"};
    char text[512];
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        for (size_t k = 0; k < sizeof axes / sizeof *axes; k++) {
            snprintf(text, sizeof text,
                     "%sconst %%a: i64[%s] %%y: ?[*] = %s(%%x, %%a) {keepdims=0}", IMAGE, axes[k],
                     ops[i]);
            check_case(text, NULL, 1e-5);
        }
    }
    check_case(HEAD "input %x: i32[2, 19, h, 7] output %y const %a: i64[2] = [1, 3] "
                    "%y: ?[*] = ReduceMean(%x, %a)",
               NULL, 0);
    check_case(HEAD "input %x: bool[2, 3, h, 7] output %y const %a: i64[1] = [3] "
                    "%y: ?[*] = ReduceMax(%x, %a)",
               NULL, 0);
    check_case(HEAD "input %x: f16[2, 19, h, 7] output %y const %a: i64[2] = [2, 3] "
                    "%y: ?[*] = ReduceMean(%x, %a)",
               NULL, 1e-3);
}

static void check_selections(void)
{
    check_case(IMAGE "%y: ?[*] = ArgMax(%x) {axis=3, keepdims=0}", arg_max_of_rows, 0);
    check_case(IMAGE "%y: ?[*] = Softmax(%x) {axis=1}", softmax_of_channels, 1e-6);
    static const char *const ops[] = {"ArgMax", "ArgMin", "Softmax", "LogSoftmax", "Hardmax"};
    char text[512];
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        for (int axis = 0; axis < 4; axis++) {
            snprintf(text, sizeof text, "%s%%y: ?[*] = %s(%%x) {axis=%d}", IMAGE, ops[i], axis);
            check_case(text, NULL, 1e-5);
        }
    }
    check_case(HEAD "input %x: u8[2, 19, h, 70] output %y "
                    "%y: ?[*] = ArgMin(%x) {axis=3, select_last_index=1}",
               NULL, 0);
    check_case(HEAD "input %x: i64[2, 19, h, 70] output %y "
                    "%y: ?[*] = ArgMax(%x) {axis=1, select_last_index=1}",
               NULL, 0);
}

static void check_norms(void)
{
    check_case(HEAD "input %x: f32[2, h, 3, 21] output %y output %m output %d "
                    "const %s: f32[3, 21] = data(252 bytes, 00000001) "
                    "const %b: f32[3, 21] = data(252 bytes, 00000002) "
                    "%y: ?[*], %m: ?[*], %d: ?[*] = LayerNormalization(%x, %s, %b) {axis=2}",
               NULL, 1e-5);
    check_case(HEAD
               "input %x: f32[2, h, 3, 21] output %y const %s: f32[21] = data(84 bytes, 00000001) "
               "%y: ?[*] = RMSNormalization(%x, %s)",
               NULL, 1e-5);
    check_case(IMAGE "input %s: f32[19] input %b: f32[19] "
                     "%y: ?[*] = InstanceNormalization(%x, %s, %b)",
               NULL, 1e-5);
    check_case(HEAD "input %x: f32[2, 12, h, 7] output %y input %s: f32[12] input %b: f32[12] "
                    "%y: ?[*] = GroupNormalization(%x, %s, %b) {num_groups=3}",
               NULL, 1e-5);
    check_case(HEAD "input %x: f32[2, 12, h, 7] output %y input %s: f32[12] input %b: f32[12] "
                    "%y: ?[*] = GroupNormalization(%x, %s, %b) {num_groups=1}",
               NULL, 1e-5);
    check_case(IMAGE "%y: ?[*] = LpNormalization(%x) {axis=1, p=1}", NULL, 1e-5);
    check_case(IMAGE "%y: ?[*] = LpNormalization(%x) {axis=3}", NULL, 1e-5);
    check_case(IMAGE "%y: ?[*] = MeanVarianceNormalization(%x)", NULL, 1e-5);
}

static void check_pools(void)
{
    check_case(IMAGE
               "%y: ?[*] = MaxPool(%x) {kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]}",
               max_pool, 0);
    check_case(
        IMAGE "%y: ?[*] = AveragePool(%x) {kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]}",
        average_pool, 1e-6);
    check_case(HEAD
               "input %x: f32[2, 19, h, 7] output %y output %i %y: ?[*], %i: ?[*] = MaxPool(%x) "
               "{kernel_shape=[2, 3], strides=[1, 2], dilations=[2, 1], storage_order=1}",
               NULL, 0);
    check_case(HEAD
               "input %x: f32[2, 19, 9, 7] output %y output %i %y: ?[*], %i: ?[*] = MaxPool(%x) "
               "{kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[0, 1, 1, 0]}",
               NULL, 0);
    check_case(HEAD
               "input %x: i8[2, 35, h, 7] output %y %y: ?[*] = MaxPool(%x) {kernel_shape=[2, 2]}",
               NULL, 0);
    check_case(HEAD "input %x: f32[2, 19, 10, 8] output %y %y: ?[*] = AveragePool(%x) "
                    "{kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1, count_include_pad=1, "
                    "pads=[1, 0, 1, 1], dilations=[1, 2]}",
               NULL, 1e-6);
    check_case(IMAGE "%y: ?[*] = LpPool(%x) {kernel_shape=[2, 2], p=3}", NULL, 1e-5);
    check_case(IMAGE "%y: ?[*] = GlobalMaxPool(%x)", NULL, 0);
    check_case(IMAGE "%y: ?[*] = GlobalLpPool(%x) {p=3}", NULL, 1e-5);
}

static void check_recurrent(void)
{
    check_case(HEAD "input %x: f32[h, 1, 6] input %w: f32[1, 76, 6] input %r: f32[1, 76, 19] "
                    "input %b: f32[1, 152] output %y output %yh output %yc "
                    "%y: ?[*], %yh: ?[*], %yc: ?[*] = LSTM(%x, %w, %r, %b) {hidden_size=19}",
               lstm, 1e-5);
    static const char *const ops[] = {"LSTM", "GRU", "GRU", "RNN"};
    static const char *const extra[] = {"clip=0.5", "linear_before_reset=0",
                                        "linear_before_reset=1",
                                        "activations=[\"ScaledTanh\", \"Relu\"]"};
    static const int gates[] = {4, 3, 3, 1};
    char text[1024];
    for (int i = 0; i < 4; i++) {
        for (int layout = 0; layout < 2; layout++) {
            const char *x = layout ? "2, h, 6" : "h, 2, 6", *h = layout ? "2, 2, 19" : "2, 2, 19";
            snprintf(text, sizeof text,
                     "%sinput %%x: f32[%s] input %%l: i32[2] input %%h: f32[%s] "
                     "const %%w: f32[2, %d, 6] = data(%d bytes, 00000001) "
                     "const %%r: f32[2, %d, 19] = data(%d bytes, 00000002) "
                     "const %%b: f32[2, %d] = data(%d bytes, 00000003) output %%y output %%yh "
                     "%%y: ?[*], %%yh: ?[*] = %s(%%x, %%w, %%r, %%b, %%l, %%h) "
                     "{hidden_size=19, direction=\"bidirectional\", layout=%d, %s}",
                     HEAD, x, h, gates[i] * 19, 2 * gates[i] * 19 * 6 * 4, gates[i] * 19,
                     2 * gates[i] * 19 * 19 * 4, 2 * gates[i] * 19, 2 * 2 * gates[i] * 19 * 4,
                     ops[i], layout, extra[i]);
            check_case(text, NULL, 1e-5);
        }
    }
}

static void check_attention(void)
{
    check_case(HEAD "input %q: f32[2, 4, 3, 18] input %k: f32[2, 2, h, 18] "
                    "input %v: f32[2, 2, h, 11] input %m: f32[3, h] output %y "
                    "%y: ?[*] = Attention(%q, %k, %v, %m)",
               NULL, 1e-5);
    check_case(HEAD "input %q: f32[2, 3, 72] input %k: f32[2, 3, 36] input %v: f32[2, 3, 36] "
                    "input %pk: f32[2, 2, h, 18] input %pv: f32[2, 2, h, 18] "
                    "output %y output %ok output %ov %y: ?[*], %ok: ?[*], %ov: ?[*] = "
                    "Attention(%q, %k, %v, -, %pk, %pv) "
                    "{q_num_heads=4, kv_num_heads=2, is_causal=1, softcap=2.0}",
               NULL, 1e-5);
}

static void check_others(void)
{
    check_case(HEAD "input %x: f32[2, 4, h, 7] input %t: i64[2, h, 7] output %y output %p "
                    "%y: ?[*], %p: ?[*] = SoftmaxCrossEntropyLoss(%x, %t) {ignore_index=1}",
               NULL, 1e-5);
    check_case(HEAD "input %x: f32[2, 3, h, 1] output %y const %a: i64[1] = [2] "
                    "%y: ?[*] = DFT(%x, -, %a) {onesided=1}",
               NULL, 1e-5);
}

int main(void)
{
    check_reductions();
    check_selections();
    check_norms();
    check_pools();
    check_recurrent();
    check_attention();
    check_others();
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
