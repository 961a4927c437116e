/* Convolutions and matrix products against plain loops in double, over shapes with tails, borders,
 * groups, strides and symbolic sizes, for several vector widths; the result must not depend on the
 * layout of activations by a single bit. */
#include "tests/unit/matrix_case.h"

#include <math.h>

static int failures, checks;

typedef struct Setup {
    int bits, registers;
    bool fma;
    int dot4;
} Setup;

static const Setup setups[] = {
    {0, 0, false, 0}, {128, 32, true, 2}, {256, 16, true, 0}, {512, 32, true, 1}};
enum { SETUPS = sizeof setups / sizeof *setups };

static void compare(Net *net, const char *what, const Tensor *result, const void *got,
                    const double *want, const double *scale)
{
    int64_t count = net_elements(net, result);
    checks++;
    if (!got) {
        printf("FAIL %s: no result\n", what);
        failures++;
        return;
    }
    bool exact = dtype_is_int(result->dtype);
    double tolerance = exact                     ? 0
                       : result->dtype == DT_F64 ? 1e-14
                       : result->dtype == DT_F32 ? 2e-6
                       : result->dtype == DT_F16 ? 1e-3
                                                 : 8e-3;
    for (int64_t i = 0; i < count; i++) {
        double value = get_element(result->dtype, got, i);
        if (fabs(value - want[i]) <= tolerance * (scale[i] + fabs(want[i]) + 1e-3)) continue;
        printf("FAIL %s: element %lld is %.9g, expected %.9g\n", what, (long long)i, value,
               want[i]);
        failures++;
        return;
    }
}

/* ---- Convolutions ---- */

typedef struct ConvCase {
    OpCode op;
    const char *x, *w, *out; /* sizes; out as text */
    int64_t stride[3], dilation[3], pads[6], group;
    DType dtype;
    bool dynamic;       /* weights are an input */
    int epilogue;       /* 1: Relu, 2: residual Add and Swish */
    int64_t symbols[2]; /* h, w */
} ConvCase;

typedef struct Grid {
    int rank;
    int64_t n, c, m, group, in[3], out[3], kernel[3];
} Grid;

static Grid grid_of(const Net *net, const ConvCase *k, const Tensor *x, const Tensor *w,
                    const Tensor *out)
{
    Grid g = {.rank = x->rank - 2,
              .n = size_eval(x->dims[0], net->symbols),
              .c = x->dims[1]->value,
              .m = out->dims[1]->value,
              .group = k->group};
    for (int i = 0; i < 3; i++) g.in[i] = g.out[i] = g.kernel[i] = 1;
    for (int i = 0; i < g.rank; i++) {
        g.in[i] = size_eval(x->dims[i + 2], net->symbols);
        g.out[i] = size_eval(out->dims[i + 2], net->symbols);
        g.kernel[i] = w->dims[i + 2]->value;
    }
    return g;
}

/* Which input coordinate tap k of output o reads on axis i, or -1. */
static int64_t source(const ConvCase *k, const Grid *g, int i, int64_t o, int64_t tap)
{
    if (i >= g->rank) return 0;
    int64_t at;
    if (k->op == OP_CONV_TRANSPOSE) {
        at = o + k->pads[i] - tap * k->dilation[i];
        if (at % k->stride[i]) return -1;
        at /= k->stride[i];
    } else {
        at = o * k->stride[i] - k->pads[i] + tap * k->dilation[i];
    }
    return at >= 0 && at < g->in[i] ? at : -1;
}

typedef struct Values {
    double x_zero, scale_x, out_scale, out_zero;
    const double *w_zero, *w_scale; /* by output channel, or NULL */
} Values;

static void conv_element(const ConvCase *k, const Grid *g, const Tensor *x, const void *xd,
                         const Tensor *w, const void *wd, const Values *v, int64_t n, int64_t m,
                         const int64_t o[3], double *sum, double *scale)
{
    int64_t cg = g->c / g->group, mg = g->m / g->group, gr = m / mg;
    for (int64_t c = 0; c < cg; c++) {
        for (int64_t t = 0; t < g->kernel[0] * g->kernel[1] * g->kernel[2]; t++) {
            int64_t tap[3] = {t / g->kernel[2] / g->kernel[1], t / g->kernel[2] % g->kernel[1],
                              t % g->kernel[2]};
            int64_t at[3];
            bool inside = true;
            for (int i = 0; i < 3; i++)
                inside = (at[i] = source(k, g, i, o[i], tap[i])) >= 0 && inside;
            if (!inside) continue;
            int64_t xi =
                (((n * g->c + gr * cg + c) * g->in[0] + at[0]) * g->in[1] + at[1]) * g->in[2] +
                at[2];
            int64_t taps = g->kernel[0] * g->kernel[1] * g->kernel[2];
            int64_t wi = k->op == OP_CONV_TRANSPOSE ? ((gr * cg + c) * mg + m % mg) * taps + t
                                                    : (m * cg + c) * taps + t;
            double p = (get_element(x->dtype, xd, xi) - (v ? v->x_zero : 0)) *
                       (get_element(w->dtype, wd, wi) - (v && v->w_zero ? v->w_zero[m] : 0));
            *sum += p;
            *scale += fabs(p);
        }
    }
}

static void position(const Grid *g, int64_t i, int64_t *n, int64_t *m, int64_t o[3])
{
    for (int a = 2; a >= 0; a--) {
        o[a] = i % g->out[a];
        i /= g->out[a];
    }
    *m = i % g->m;
    *n = i / g->m;
}

static void set_window(Net *net, Node *node, const ConvCase *k, const Tensor *w)
{
    int rank = w->rank - 2;
    int64_t kernel[3];
    for (int i = 0; i < rank; i++) kernel[i] = w->dims[i + 2]->value;
    node_set_ints(net->graph, node, "kernel_shape", rank, kernel);
    node_set_ints(net->graph, node, "strides", rank, k->stride);
    node_set_ints(net->graph, node, "dilations", rank, k->dilation);
    node_set_ints(net->graph, node, "pads", 2 * rank, k->pads);
    node_set_int(net->graph, node, "group", k->group);
}

/* The outputs' sums, and how large their terms are together. bias and values may be NULL. */
static void conv_sums(Net *net, const ConvCase *k, const Tensor *x, const Tensor *w,
                      const Tensor *bias, const Values *values, const Tensor *out, double **want,
                      double **scale)
{
    int64_t count = net_elements(net, out);
    Grid g = grid_of(net, k, x, w, out);
    *want = arena_array(net->arena, (size_t)count, sizeof **want);
    *scale = arena_array(net->arena, (size_t)count, sizeof **scale);
    for (int64_t i = 0; i < count; i++) {
        int64_t n, m, o[3];
        position(&g, i, &n, &m, o);
        if (bias) (*want)[i] = get_element(bias->dtype, net_data(net, bias), m);
        conv_element(k, &g, x, net_data(net, x), w, net_data(net, w), values, n, m, o, *want + i,
                     *scale + i);
    }
}

static void *conv_once(const Setup *s, const ConvCase *k, bool last, bool check, Net *net)
{
    net_init(net, s->bits, s->registers, s->fma);
    net->device.dot = s->dot4 == 2 ? DOT_SDOT : s->dot4 ? DOT_VNNI : DOT_NONE;
    net->channels_last = last;
    for (int i = 0; i < 2; i++) {
        int sym = sizes_symbol(net->graph->sizes, i ? "w" : "h");
        sizes_symbol_at(net->graph->sizes, sym)->max = 40;
        net->symbols[i] = k->symbols[i];
    }
    DType dtype = k->dtype ? k->dtype : DT_F32;
    Tensor *x = net_input(net, "x", dtype, k->x, false);
    Tensor *w = net_input(net, "wt", dtype, k->w, !k->dynamic);
    Tensor *out = net_tensor(net, "y", dtype, k->out);
    Tensor *bias =
        net_input(net, "b", dtype, arena_printf(net->arena, "%d", (int)out->dims[1]->value), true);
    Origin origin = {NULL, "conv", "Conv", 0};
    Node *node =
        graph_node(net->graph, k->op, "conv", &origin, 3, (Tensor *[]){x, w, bias}, 1, &out);
    set_window(net, node, k, w);
    Tensor *residual = NULL;
    if (k->epilogue) {
        Node **steps = arena_array(net->arena, 2, sizeof *steps);
        Tensor *y1 = net_tensor(net, "y1", dtype, k->out),
               *y2 = net_tensor(net, "y2", dtype, k->out);
        residual = net_input(net, "r", dtype, k->out, false);
        int last_step = k->epilogue == 2;
        if (last_step)
            steps[0] = graph_node(net->graph, OP_ADD, "add", &origin, 2,
                                  (Tensor *[]){out, residual}, 1, &y1);
        steps[last_step] = graph_node(net->graph, last_step ? OP_SWISH : OP_RELU, "act", &origin, 1,
                                      last_step ? &y1 : &out, 1, &y2);
        node->epilogue = steps;
        node->epilogue_count = last_step + 1;
    }
    Program *program = net_lower(net, node);
    if (!program) return NULL;
    Tensor *result = node_result(node);
    void *got = net_eval(net, program, result);
    if (!check) return got;
    int64_t count = net_elements(net, out);
    double *want, *scale;
    conv_sums(net, k, x, w, bias, NULL, out, &want, &scale);
    for (int64_t i = 0; i < count; i++) {
        if (k->epilogue == 1) want[i] = want[i] > 0 ? want[i] : 0;
        if (k->epilogue == 2) {
            double v = want[i] + get_element(dtype, net_data(net, residual), i);
            want[i] = v / (1 + exp(-v));
        }
    }
    compare(net,
            arena_printf(net->arena, "conv %s * %s, %d bits, %s", k->x, k->w, s->bits,
                         last ? "channels last" : "channels first"),
            result, got, want, scale);
    return got;
}

static void conv_case(const ConvCase *k)
{
    for (int i = 0; i < SETUPS; i++) {
        Net first, last;
        void *a = conv_once(&setups[i], k, false, true, &first);
        void *b = conv_once(&setups[i], k, true, true, &last);
        Node *node = last.graph->nodes[0];
        size_t bytes =
            (size_t)net_elements(&last, node_result(node)) * dtype_size(node_result(node)->dtype);
        if (a && b && memcmp(a, b, bytes)) {
            printf("FAIL conv %s * %s: bits depend on the layout\n", k->x, k->w);
            failures++;
        }
        arena_free(first.arena);
        arena_free(last.arena);
    }
}

#define ONE {1, 1, 1}
static const ConvCase conv_cases[] = {
    {OP_CONV, "1,3,9,11", "8,3,3,3", "1,8,9,11", ONE, ONE, {1, 1, 1, 1}, .group = 1},
    {OP_CONV, "1,5,14,14", "37,5,3,3", "1,37,14,14", ONE, ONE, {1, 1, 1, 1}, 1, .epilogue = 1},
    {OP_CONV, "2,16,7,7", "40,16,3,3", "2,40,7,7", ONE, ONE, {1, 1, 1, 1}, 1, .epilogue = 2},
    {OP_CONV, "1,3,23,30", "16,3,7,7", "1,16,12,15", {2, 2}, ONE, {3, 3, 3, 3}, .group = 1},
    {OP_CONV, "1,4,13,17", "6,4,3,3", "1,6,11,13", {1, 1}, {2, 2}, {1, 0, 1, 0}, .group = 1},
    {OP_CONV, "1,4,13,17", "6,4,3,2", "1,6,6,9", {2, 2}, {2, 3}, {1, 2, 1, 2}, .group = 1},
    {OP_CONV, "1,8,5,60", "33,8,1,5", "1,33,5,60", ONE, ONE, {0, 2, 0, 2}, .group = 1},
    {OP_CONV, "2,24,6,7", "18,24,1,1", "2,18,6,7", ONE, ONE, {0}, 1, .epilogue = 2},
    {OP_CONV, "1,10,1,1", "70,10,1,1", "1,70,1,1", ONE, ONE, {0}, 1, .epilogue = 1},
    {OP_CONV, "1,24,7,7", "150,24,1,1", "1,150,4,4", {2, 2}, ONE, {0}, .group = 1},
    {OP_CONV, "1,20,9,9", "20,1,3,3", "1,20,9,9", ONE, ONE, {1, 1, 1, 1}, 20, .epilogue = 1},
    {OP_CONV, "1,37,15,15", "37,1,3,3", "1,37,8,8", {2, 2}, ONE, {1, 1, 1, 1}, .group = 37},
    {OP_CONV, "1,16,12,12", "16,1,5,5", "1,16,12,12", ONE, ONE, {2, 2, 2, 2}, 16, .epilogue = 2},
    {OP_CONV, "1,6,12,12", "12,1,3,3", "1,12,12,12", ONE, ONE, {1, 1, 1, 1}, .group = 6},
    {OP_CONV, "1,12,8,8", "18,4,3,3", "1,18,8,8", ONE, ONE, {1, 1, 1, 1}, .group = 3},
    {OP_CONV, "1,64,5,5", "64,32,3,3", "1,64,5,5", ONE, ONE, {1, 1, 1, 1}, .group = 2},
    {OP_CONV, "1,4,50", "9,4,9", "1,9,50", ONE, ONE, {4, 4}, .group = 1},
    {OP_CONV, "1,1,300", "16,1,64", "1,16,60", {5}, ONE, {29, 30}, .group = 1},
    {OP_CONV, "1,3,4,5,6", "5,3,3,3,3", "1,5,4,5,6", ONE, ONE, {1, 1, 1, 1, 1, 1}, .group = 1},
    {OP_CONV,
     "1,3,5,5,9",
     "4,1,2,3,3",
     "1,3,4,5,5",
     {1, 1, 2},
     ONE,
     {0, 1, 1, 0, 1, 1},
     .group = 3},
    {OP_CONV, "1,3,h,w", "20,3,3,3", "1,20,h,w", ONE, ONE, {1, 1, 1, 1}, 1, .symbols = {6, 33}},
    {OP_CONV,
     "1,3,h,w",
     "20,3,3,3",
     "1,20,floor((h-1)/2)+1,floor((w-1)/2)+1",
     {2, 2},
     ONE,
     {1, 1, 1, 1},
     1,
     .symbols = {6, 1}},
    {OP_CONV, "1,18,h,w", "18,1,3,3", "1,18,h,w", ONE, ONE, {1, 1, 1, 1}, 18, .symbols = {5, 19}},
    {OP_CONV, "h,8,5,w", "17,8,1,1", "h,17,5,w", ONE, ONE, {0}, 1, .symbols = {3, 7}},
    {OP_CONV, "1,4,7,9", "21,4,3,3", "1,21,7,9", ONE, ONE, {1, 1, 1, 1}, 1, .dynamic = true},
    {OP_CONV, "1,19,7,9", "19,1,3,3", "1,19,7,9", ONE, ONE, {1, 1, 1, 1}, 19, .dynamic = true},
    {OP_CONV, "1,4,7,9", "21,4,3,3", "1,21,7,9", ONE, ONE, {1, 1, 1, 1}, 1, .dtype = DT_F64},
    {OP_CONV, "1,4,7,9", "21,4,3,3", "1,21,7,9", ONE, ONE, {1, 1, 1, 1}, 1, .dtype = DT_F16},
    {OP_CONV, "1,6,8,8", "1,6,3,3", "1,1,8,8", ONE, ONE, {1, 1, 1, 1}, .group = 1},
    {OP_CONV, "1,2,3,4", "3,2,7,9", "1,3,3,4", ONE, ONE, {3, 4, 3, 4}, .group = 1},
    {OP_CONV_TRANSPOSE, "1,3,5,6", "3,7,3,3", "1,7,9,11", {2, 2}, ONE, {1, 1, 1, 1}, .group = 1},
    {OP_CONV_TRANSPOSE,
     "1,3,5,6",
     "3,20,4,4",
     "1,20,10,12",
     {2, 2},
     ONE,
     {1, 1, 1, 1},
     1,
     .epilogue = 1},
    {OP_CONV_TRANSPOSE, "1,4,5,6", "4,3,2,2", "1,6,10,12", {2, 2}, ONE, {0}, .group = 2},
    {OP_CONV_TRANSPOSE,
     "1,4,5,6",
     "4,1,3,3",
     "1,4,15,19",
     {3, 3},
     {1, 2},
     {0, 1, 0, 0},
     .group = 4},
    {OP_CONV_TRANSPOSE, "1,3,10", "3,18,5", "1,18,12", ONE, {2}, {3, 3}, .group = 1},
    {OP_CONV_TRANSPOSE, "1,3,10", "3,4,2", "1,4,38", {4}, ONE, {0, 0}, .group = 1},
    {OP_CONV_TRANSPOSE, "1,3,w", "3,18,4", "1,18,2*w", {2}, ONE, {1, 1}, 1, .symbols = {1, 21}},
};

/* ---- Integer convolutions ---- */

typedef struct QuantCase {
    OpCode op;
    ConvCase conv;
    DType x, w, y;
    bool per_channel;
    int zeros; /* 0: none, 1: of both, 2: of x alone */
} QuantCase;

static Tensor *scalar_or_row(Net *net, const char *name, DType dtype, bool row, int64_t count)
{
    const char *sizes = row ? arena_printf(net->arena, "%d", (int)count) : "";
    Tensor *tensor = net_input(net, name, dtype, sizes, true);
    if (dtype == DT_F32) {
        float *data = (float *)(uintptr_t)net_data(net, tensor);
        for (int64_t i = 0; i < (row ? count : 1); i++) data[i] = 0.002f + 0.001f * fabsf(data[i]);
    } else {
        int8_t *data = (int8_t *)(uintptr_t)net_data(net, tensor);
        for (int64_t i = 0; i < (row ? count : 1); i++)
            data[i] = (int8_t)(dtype == DT_U8 ? 120 + i % 9 : i % 7 - 3);
    }
    return tensor;
}

static double *by_channel(Net *net, const Tensor *tensor, int64_t count)
{
    double *all = arena_array(net->arena, (size_t)count, sizeof *all);
    for (int64_t i = 0; i < count && tensor; i++)
        all[i] = get_element(tensor->dtype, net_data(net, tensor), tensor->rank ? i : 0);
    return all;
}

static double requantised(double sum, const Values *v, int64_t m, DType type)
{
    float scale = (float)v->scale_x * (float)v->w_scale[m] / (float)v->out_scale;
    double value = (double)(rintf((float)sum * scale) + (float)v->out_zero);
    if (value < (double)dtype_min(type)) value = (double)dtype_min(type);
    return value > (double)dtype_max(type) ? (double)dtype_max(type) : value;
}

static void quant_once(const Setup *s, const QuantCase *q, bool last)
{
    Net n_, *net = &n_;
    const ConvCase *k = &q->conv;
    net_init(net, s->bits, s->registers, s->fma);
    net->device.dot = s->dot4 == 2 ? DOT_SDOT : s->dot4 ? DOT_VNNI : DOT_NONE;
    net->channels_last = last;
    Tensor *x = net_input(net, "x", q->x, k->x, false);
    Tensor *w = net_input(net, "wt", q->w, k->w, !k->dynamic);
    bool quant = q->op == OP_QLINEAR_CONV;
    Tensor *out = net_tensor(net, "y", quant ? q->y : DT_I32, k->out);
    int64_t m_all = out->dims[1]->value;
    Tensor *xz = q->zeros ? scalar_or_row(net, "xz", q->x, false, 0) : NULL;
    Tensor *wz = q->zeros == 1 ? scalar_or_row(net, "wz", q->w, q->per_channel, m_all) : NULL;
    Origin origin = {NULL, "conv", "Conv", 0};
    Values v = {.x_zero = xz ? by_channel(net, xz, 1)[0] : 0, .w_zero = by_channel(net, wz, m_all)};
    Node *node;
    Tensor *bias = NULL;
    if (quant) {
        Tensor *xs = scalar_or_row(net, "xs", DT_F32, false, 0);
        Tensor *ws = scalar_or_row(net, "ws", DT_F32, q->per_channel, m_all);
        Tensor *ys = scalar_or_row(net, "ys", DT_F32, false, 0);
        Tensor *yz = scalar_or_row(net, "yz", q->y, false, 0);
        bias = net_input(net, "b", DT_I32, arena_printf(net->arena, "%d", (int)m_all), true);
        node = graph_node(net->graph, q->op, "conv", &origin, 9,
                          (Tensor *[]){x, xs, xz, w, ws, wz, ys, yz, bias}, 1, &out);
        v.scale_x = by_channel(net, xs, 1)[0];
        v.w_scale = by_channel(net, ws, m_all);
        v.out_scale = by_channel(net, ys, 1)[0];
        v.out_zero = by_channel(net, yz, 1)[0];
    } else {
        node =
            graph_node(net->graph, q->op, "conv", &origin, 4, (Tensor *[]){x, w, xz, wz}, 1, &out);
    }
    set_window(net, node, k, w);
    Program *program = net_lower(net, node);
    void *got = program ? net_eval(net, program, out) : NULL;
    double *want, *scale;
    conv_sums(net, k, x, w, bias, &v, out, &want, &scale);
    Grid g = grid_of(net, k, x, w, out);
    for (int64_t i = 0; quant && i < net_elements(net, out); i++) {
        int64_t n, m, o[3];
        position(&g, i, &n, &m, o);
        want[i] = requantised(want[i], &v, m, q->y);
    }
    compare(net, arena_printf(net->arena, "integer conv %s * %s, %d bits", k->x, k->w, s->bits),
            out, got, want, scale);
    arena_free(net->arena);
}

static const QuantCase quant_cases[] = {
    {OP_CONV_INTEGER,
     {OP_CONV, "1,5,6,7", "11,5,3,3", "1,11,6,7", ONE, ONE, {1, 1, 1, 1}, .group = 1},
     DT_U8,
     DT_I8,
     DT_I32,
     false,
     1},
    {OP_CONV_INTEGER,
     {OP_CONV, "1,5,6,7", "11,5,3,3", "1,11,6,7", ONE, ONE, {1, 1, 1, 1}, .group = 1},
     DT_I8,
     DT_I8,
     DT_I32,
     false,
     0},
    {OP_QLINEAR_CONV,
     {OP_CONV, "1,5,6,7", "19,5,3,3", "1,19,6,7", ONE, ONE, {1, 1, 1, 1}, .group = 1},
     DT_U8,
     DT_U8,
     DT_U8,
     true,
     1},
    {OP_QLINEAR_CONV,
     {OP_CONV, "1,12,6,7", "34,12,1,1", "1,34,6,7", ONE, ONE, {0}, .group = 1},
     DT_I8,
     DT_I8,
     DT_I8,
     true,
     1},
    {OP_QLINEAR_CONV,
     {OP_CONV, "1,21,9,9", "21,1,3,3", "1,21,5,5", {2, 2}, ONE, {1, 1, 1, 1}, .group = 21},
     DT_I8,
     DT_I8,
     DT_I8,
     true,
     1},
    {OP_QLINEAR_CONV,
     {OP_CONV, "1,8,9,9", "6,4,3,3", "1,6,9,9", ONE, ONE, {1, 1, 1, 1}, .group = 2},
     DT_U8,
     DT_I8,
     DT_U8,
     false,
     1},
    {OP_QLINEAR_CONV,
     {OP_CONV, "1,8,9,9", "40,8,3,3", "1,40,9,9", ONE, ONE, {1, 1, 1, 1}, 1, .dynamic = true},
     DT_U8,
     DT_I8,
     DT_U8,
     true,
     1},
    {OP_QLINEAR_CONV,
     {OP_CONV, "1,8,9,9", "40,8,3,3", "1,40,9,9", ONE, ONE, {1, 1, 1, 1}, .group = 1},
     DT_U8,
     DT_I8,
     DT_U8,
     true,
     2},
    {OP_QLINEAR_CONV,
     {OP_CONV, "2,16,7,6", "37,16,3,3", "2,37,4,3", {2, 2}, ONE, {1, 1, 1, 1}, .group = 1},
     DT_I8,
     DT_I8,
     DT_I8,
     true,
     2},
    {OP_QLINEAR_CONV,
     {OP_CONV, "1,20,7,6", "9,20,1,1", "1,9,7,6", ONE, ONE, {0}, .group = 1},
     DT_I8,
     DT_I8,
     DT_I8,
     true,
     2},
    {OP_CONV_INTEGER,
     {OP_CONV, "1,20,7,6", "9,20,1,1", "1,9,7,6", ONE, ONE, {0}, .group = 1},
     DT_I8,
     DT_I8,
     DT_I32,
     false,
     0},
    {OP_CONV_INTEGER,
     {OP_CONV, "1,32,7,6", "36,16,3,3", "1,36,7,6", ONE, ONE, {1, 1, 1, 1}, .group = 2},
     DT_U8,
     DT_I8,
     DT_I32,
     false,
     2},
};

/* ---- Matrix products ---- */

typedef struct MatCase {
    const char *a, *b, *out;
    bool constant;
    DType dtype;
    bool relu;
    int64_t symbols[2]; /* h, w */
} MatCase;

static const MatCase mat_cases[] = {
    {"5,7", "7,9", "5,9", .constant = true},
    {"1,64", "64,100", "1,100", true, .relu = true},
    {"33,20", "20,50", "33,50", .constant = true},
    {"33,20", "20,50", "33,50", .constant = false},
    {"2,3,5,7", "7,9", "2,3,5,9", true, .relu = true},
    {"2,3,5,7", "2,3,7,9", "2,3,5,9", .constant = false},
    {"2,3,5,7", "3,7,19", "2,3,5,19", .constant = false},
    {"3,5,7", "2,3,7,19", "2,3,5,19", .constant = true},
    {"2,1,5,7", "3,7,9", "2,3,5,9", .constant = false},
    {"7", "7,20", "20", .constant = true},
    {"7", "7,20", "20", .constant = false},
    {"6,7", "7", "6", .constant = true},
    {"2,6,7", "7", "2,6", .constant = false},
    {"7", "7", "", .constant = false},
    {"h,20", "20,35", "h,35", true, .symbols = {19, 0}},
    {"h,20", "20,35", "h,35", true, .symbols = {1, 0}},
    {"2,h,8", "2,8,w", "2,h,w", false, .symbols = {17, 21}},
    {"2,h,w", "2,w,40", "2,h,40", false, .symbols = {17, 21}},
    {"1,h,20", "20,35", "1,h,35", true, .relu = true, .symbols = {31, 0}},
    {"17,20", "20,50", "17,50", true, .dtype = DT_F64},
    {"17,20", "20,50", "17,50", true, .dtype = DT_BF16},
    {"17,20", "20,50", "17,50", false, .dtype = DT_I32},
    {"17,20", "20,50", "17,50", true, .dtype = DT_I64},
};

static void mat_sizes(const Net *net, const Tensor *t, bool left, int64_t *rows, int64_t *columns)
{
    int64_t last = size_eval(t->dims[t->rank - 1], net->symbols);
    int64_t first = t->rank > 1 ? size_eval(t->dims[t->rank - 2], net->symbols) : 1;
    *rows = t->rank == 1 && !left ? last : first;
    *columns = t->rank == 1 && !left ? 1 : last;
}

/* Index of the operand's matrix for batch number `batch` of the output. */
static int64_t mat_batch(const Net *net, const Tensor *out, int batches, const Tensor *t,
                         int64_t batch)
{
    int64_t at = 0, stride = 1;
    for (int i = batches - 1, k = t->rank - 3; i >= 0; i--, k--) {
        int64_t dim = size_eval(out->dims[i], net->symbols), c = batch % dim;
        batch /= dim;
        int64_t own = k >= 0 ? size_eval(t->dims[k], net->symbols) : 1;
        if (own > 1) at += c * stride;
        stride *= own;
    }
    return at;
}

static void mat_reference(Net *net, const Tensor *a, const Tensor *b, const Tensor *out,
                          double *want, double *scale)
{
    int64_t m, k, k2, n, count = net_elements(net, out);
    mat_sizes(net, a, true, &m, &k);
    mat_sizes(net, b, false, &k2, &n);
    int batches = out->rank - (a->rank > 1) - (b->rank > 1);
    for (int64_t i = 0; i < count; i++) {
        int64_t column = i % n, row = i / n % m, batch = i / n / m;
        int64_t at_a = mat_batch(net, out, batches, a, batch) * m * k;
        int64_t at_b = mat_batch(net, out, batches, b, batch) * k * n;
        for (int64_t j = 0; j < k; j++) {
            double p = get_element(a->dtype, net_data(net, a), at_a + row * k + j) *
                       get_element(b->dtype, net_data(net, b), at_b + j * n + column);
            want[i] += p;
            scale[i] += fabs(p);
        }
    }
}

static void mat_once(const Setup *s, const MatCase *k)
{
    Net n_, *net = &n_;
    net_init(net, s->bits, s->registers, s->fma);
    net->device.dot = s->dot4 == 2 ? DOT_SDOT : s->dot4 ? DOT_VNNI : DOT_NONE;
    for (int i = 0; i < 2; i++) {
        sizes_symbol_at(net->graph->sizes, sizes_symbol(net->graph->sizes, i ? "w" : "h"))->max =
            40;
        net->symbols[i] = k->symbols[i];
    }
    DType dtype = k->dtype ? k->dtype : DT_F32;
    Tensor *a = net_input(net, "a", dtype, k->a, false);
    Tensor *b = net_input(net, "bt", dtype, k->b, k->constant);
    Tensor *out = net_tensor(net, "y", dtype, k->out), *y = net_tensor(net, "y2", dtype, k->out);
    Origin origin = {NULL, "mm", "MatMul", 0};
    Node *node = graph_node(net->graph, OP_MAT_MUL, "mm", &origin, 2, (Tensor *[]){a, b}, 1, &out);
    if (k->relu) {
        node->epilogue = arena_array(net->arena, 1, sizeof *node->epilogue);
        node->epilogue[node->epilogue_count++] =
            graph_node(net->graph, OP_RELU, "relu", &origin, 1, &out, 1, &y);
    }
    Program *program = net_lower(net, node);
    void *got = program ? net_eval(net, program, node_result(node)) : NULL;
    int64_t count = net_elements(net, out);
    double *want = arena_array(net->arena, (size_t)count, sizeof *want);
    double *scale = arena_array(net->arena, (size_t)count, sizeof *scale);
    mat_reference(net, a, b, out, want, scale);
    for (int64_t i = 0; i < count && k->relu; i++) want[i] = want[i] > 0 ? want[i] : 0;
    compare(net, arena_printf(net->arena, "matmul %s * %s, %d bits", k->a, k->b, s->bits),
            node_result(node), got, want, scale);
    arena_free(net->arena);
}

/* ---- Gemm ---- */

typedef struct GemmCase {
    const char *a, *b, *c;
    bool ta, tb, constant;
    double alpha, beta;
} GemmCase;

static const GemmCase gemm_cases[] = {
    {"9,13", "13,40", "40", false, false, true, 1, 1},
    {"9,13", "40,13", "9,40", false, true, true, 1, 1},
    {"13,9", "40,13", "9,1", true, true, false, 0.5, 2},
    {"13,9", "13,40", "", true, false, true, 1, 0.5},
    {"1,130", "10,130", "10", false, true, true, 1, 1},
    {"1,130", "10,130", NULL, false, true, false, 3, 1},
};

static void gemm_once(const Setup *s, const GemmCase *k)
{
    Net n_, *net = &n_;
    net_init(net, s->bits, s->registers, s->fma);
    net->device.dot = s->dot4 == 2 ? DOT_SDOT : s->dot4 ? DOT_VNNI : DOT_NONE;
    Tensor *a = net_input(net, "a", DT_F32, k->a, false);
    Tensor *b = net_input(net, "bt", DT_F32, k->b, k->constant);
    Tensor *c = k->c ? net_input(net, "c", DT_F32, k->c, true) : NULL;
    int64_t m = a->dims[k->ta]->value, depth = a->dims[!k->ta]->value, n = b->dims[!k->tb]->value;
    Tensor *out = net_tensor(net, "y", DT_F32, arena_printf(net->arena, "%d,%d", (int)m, (int)n));
    Origin origin = {NULL, "gemm", "Gemm", 0};
    Node *node =
        graph_node(net->graph, OP_GEMM, "gemm", &origin, 3, (Tensor *[]){a, b, c}, 1, &out);
    node_set_int(net->graph, node, "transA", k->ta);
    node_set_int(net->graph, node, "transB", k->tb);
    node_set_float(net->graph, node, "alpha", k->alpha);
    node_set_float(net->graph, node, "beta", k->beta);
    Program *program = net_lower(net, node);
    void *got = program ? net_eval(net, program, out) : NULL;
    double *want = arena_array(net->arena, (size_t)(m * n), sizeof *want);
    double *scale = arena_array(net->arena, (size_t)(m * n), sizeof *scale);
    for (int64_t i = 0; i < m * n; i++) {
        int64_t row = i / n, column = i % n;
        for (int64_t j = 0; j < depth; j++) {
            double p =
                get_element(DT_F32, net_data(net, a), k->ta ? j * m + row : row * depth + j) *
                get_element(DT_F32, net_data(net, b), k->tb ? column * depth + j : j * n + column);
            want[i] += p * k->alpha;
            scale[i] += fabs(p * k->alpha);
        }
        if (!c) continue;
        int64_t crow = c->rank == 2 && c->dims[0]->value > 1 ? row : 0;
        int64_t width = c->rank ? c->dims[c->rank - 1]->value : 1;
        want[i] += k->beta *
                   get_element(DT_F32, net_data(net, c), crow * width + (width > 1 ? column : 0));
    }
    compare(net, arena_printf(net->arena, "gemm %s * %s, %d bits", k->a, k->b, s->bits), out, got,
            want, scale);
    arena_free(net->arena);
}

int main(void)
{
    for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; i++) conv_case(&conv_cases[i]);
    for (int s = 0; s < SETUPS; s++) {
        for (size_t i = 0; i < sizeof quant_cases / sizeof *quant_cases; i++) {
            quant_once(&setups[s], &quant_cases[i], false);
            quant_once(&setups[s], &quant_cases[i], true);
        }
        for (size_t i = 0; i < sizeof mat_cases / sizeof *mat_cases; i++)
            mat_once(&setups[s], &mat_cases[i]);
        for (size_t i = 0; i < sizeof gemm_cases / sizeof *gemm_cases; i++)
            gemm_once(&setups[s], &gemm_cases[i]);
    }
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
