/* 3x3 convolutions that go through Winograd against plain loops in double: odd sizes, uneven pads,
 * channels that are no whole vectors, epilogues, scaled weights, for several vector widths and both
 * ways of splitting the work; the result must not depend on the layout of activations by a bit. */
#include "tests/unit/matrix_case.h"

#include <math.h>

static int failures, checks;

typedef struct Case {
    const char *x, *w, *out;
    int64_t pads[4];
    bool no_bias, epilogue, scale;
    int tile; /* expected, 0: not through Winograd */
} Case;

static const Case cases[] = {
    {"1,32,28,28", "32,32,3,3", "1,32,28,28", {1, 1, 1, 1}, .tile = 4},
    {"1,33,27,31", "37,33,3,3", "1,37,27,31", {1, 1, 1, 1}, .epilogue = true, .tile = 4},
    {"1,35,30,29", "50,35,3,3", "1,50,28,27", {0, 0, 0, 0}, .scale = true, .tile = 4},
    {"2,40,26,29", "48,40,3,3", "2,48,26,28", {2, 0, 0, 1}, .no_bias = true, .tile = 4},
    {"1,32,3,250", "32,32,3,3", "1,32,4,248", {3, 0, 0, 0}, .tile = 4},
    {"1,128,14,14",
     "96,128,3,3",
     "1,96,14,14",
     {1, 1, 1, 1},
     .scale = true,
     .epilogue = true,
     .tile = 2},
    {"1,32,5,5", "32,32,3,3", "1,32,5,5", {1, 1, 1, 1}, .tile = 0},
    {"1,8,28,28", "8,8,3,3", "1,8,28,28", {1, 1, 1, 1}, .tile = 0},
};

typedef struct Setup {
    int bits, registers;
    bool fma;
    int64_t l2;
} Setup;

static const Setup setups[] = {{0, 0, false, 1 << 20},
                               {128, 32, true, 1 << 20},
                               {256, 16, false, 64 << 10},
                               {512, 32, true, 1 << 20},
                               {512, 32, true, 512 << 10}};
enum { SETUPS = sizeof setups / sizeof *setups };

static void fail(const Case *k, const Setup *s, const char *what)
{
    printf("FAIL %s * %s, %d bits: %s\n", k->x, k->w, s->bits, what);
    failures++;
}

static double reference(const Case *k, const float *x, const float *w, const Tensor *out,
                        int64_t depth, const int64_t in[2], const float *scale, int64_t at)
{
    int64_t width = out->dims[3]->value, height = out->dims[2]->value,
            columns = out->dims[1]->value;
    int64_t ox = at % width, oy = at / width % height, m = at / width / height % columns;
    int64_t n = at / width / height / columns;
    double sum = 0;
    for (int64_t c = 0; c < depth; c++) {
        for (int64_t t = 0; t < 9; t++) {
            int64_t y = oy - k->pads[0] + t / 3, xx = ox - k->pads[1] + t % 3;
            if (y < 0 || y >= in[0] || xx < 0 || xx >= in[1]) continue;
            sum += (double)x[((n * depth + c) * in[0] + y) * in[1] + xx] *
                   (double)w[(m * depth + c) * 9 + t];
        }
    }
    return scale ? sum * (double)scale[m] : sum;
}

static int tile_of(const Program *program, const Buffer **weights)
{
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class != BUFFER_CONST) continue;
        *weights = buffer;
        if (strstr(buffer->name, "_winograd4")) return 4;
        if (strstr(buffer->name, "_winograd2")) return 2;
    }
    return 0;
}

/* Any range of the weights must read as in the whole. */
static void check_ranges(Net *net, const Case *k, const Setup *s, const Buffer *weights)
{
    size_t count = (size_t)weights->max_bytes / sizeof(float);
    float *all = net_block(weights->max_bytes), part[200];
    weights->source->read(weights->source, 0, all, (size_t)weights->max_bytes);
    for (int i = 0; i < 50; i++) {
        size_t size = 1 + (size_t)((net_random(net) + 1) * 99);
        size_t at = (size_t)((net_random(net) + 1) / 2 * (double)(count - size));
        weights->source->read(weights->source, (int64_t)(at * sizeof *part), part,
                              size * sizeof *part);
        if (memcmp(part, all + at, size * sizeof *part))
            fail(k, s, "a range of the weights differs");
    }
    free(all);
}

static const float *row(Net *net, const char *name, int64_t count)
{
    const Tensor *t = net_tensor(net, name, DT_F32, arena_printf(net->arena, "%d", (int)count));
    return net_fill(net, t);
}

static void *once(const Setup *s, const Case *k, bool last, Net *net)
{
    net_init(net, s->bits, s->registers, s->fma);
    net->device.l2 = s->l2;
    net->channels_last = last;
    Tensor *x = net_input(net, "x", DT_F32, k->x, false),
           *w = net_input(net, "wt", DT_F32, k->w, true);
    Tensor *out = net_tensor(net, "y", DT_F32, k->out),
           *added = net_tensor(net, "ya", DT_F32, k->out);
    Tensor *done = net_tensor(net, "yr", DT_F32, k->out), *residual = NULL, *bias = NULL;
    int64_t columns = out->dims[1]->value;
    const float *scale = NULL;
    if (k->scale) {
        Const *data = arena_alloc(net->arena, sizeof *data);
        *data = *w->data;
        data->scale = scale = row(net, "scale", columns);
        w->data = data;
    }
    if (!k->no_bias)
        bias = net_input(net, "b", DT_F32, arena_printf(net->arena, "%d", (int)columns), true);
    Origin origin = {NULL, "conv", "Conv", 0};
    Node *node =
        graph_node(net->graph, OP_CONV, "conv", &origin, 3, (Tensor *[]){x, w, bias}, 1, &out);
    node_set_ints(net->graph, node, "kernel_shape", 2, (int64_t[]){3, 3});
    node_set_ints(net->graph, node, "strides", 2, (int64_t[]){1, 1});
    node_set_ints(net->graph, node, "dilations", 2, (int64_t[]){1, 1});
    node_set_ints(net->graph, node, "pads", 4, k->pads);
    node_set_int(net->graph, node, "group", 1);
    if (k->epilogue) {
        residual = net_input(net, "r", DT_F32, k->out, false);
        node->epilogue = arena_array(net->arena, 2, sizeof *node->epilogue);
        node->epilogue[0] = graph_node(net->graph, OP_ADD, "add", &origin, 2,
                                       (Tensor *[]){out, residual}, 1, &added);
        node->epilogue[1] = graph_node(net->graph, OP_RELU, "relu", &origin, 1, &added, 1, &done);
        node->epilogue_count = 2;
    }
    Program *program = net_lower(net, node);
    if (!program) {
        fail(k, s, "not lowered");
        return NULL;
    }
    const Buffer *weights = NULL;
    int tile = tile_of(program, &weights);
    if (s->bits == 512 && s->l2 == 1 << 20 && tile != k->tile)
        fail(k, s, "another tile than expected");
    if (!s->bits) {
        if (tile) fail(k, s, "scalar code through Winograd");
        return NULL;
    }
    if (tile) check_ranges(net, k, s, weights);
    const float *got = net_eval(net, program, node_result(node));
    checks++;
    if (!got) {
        fail(k, s, "no result");
        return NULL;
    }
    double most = 0, worst = 0;
    int64_t in[2] = {x->dims[2]->value, x->dims[3]->value}, count = net_elements(net, out);
    for (int64_t i = 0; i < count; i++) {
        double want =
            reference(k, net_data(net, x), net_data(net, w), out, x->dims[1]->value, in, scale, i);
        int64_t m = i / (out->dims[2]->value * out->dims[3]->value) % columns;
        if (bias) want += (double)((const float *)net_data(net, bias))[m];
        if (fabs(want) > most) most = fabs(want);
        if (residual) want += (double)((const float *)net_data(net, residual))[i];
        if (k->epilogue && want < 0) want = 0;
        double error = fabs(get_element(DT_F32, got, i) - want);
        if (!(error <= worst)) worst = error;
    }
    if (getenv("VERBOSE"))
        printf("%s * %s, %d bits: F(%d), error %.2g of the largest\n", k->x, k->w, s->bits, tile,
               worst / most);
    if (!(worst <= 3e-6 * most))
        fail(k, s, arena_printf(net->arena, "error %g of %g", worst, most));
    return (void *)(uintptr_t)got;
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int s = 0; s < SETUPS; s++) {
            Net first, last;
            void *a = once(&setups[s], &cases[i], false, &first);
            void *b = once(&setups[s], &cases[i], true, &last);
            size_t bytes =
                (size_t)net_elements(&last, node_result(last.graph->nodes[0])) * sizeof(float);
            if (a && b && memcmp(a, b, bytes))
                fail(&cases[i], &setups[s], "bits depend on the layout");
            arena_free(first.arena);
            arena_free(last.arena);
        }
    }
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
