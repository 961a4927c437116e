/* Operators that move, gather, resample and sort elements: one node each, lowered for rows and
 * channels-last places, scalar and vector code, against plain loops. What each operator means is
 * checked by the official tests; here it is places, symbolic sizes and indices that are wrong. */
#include "tests/check.h"

#include "matrix_case.h"
#include "passes/shape/shape.h"

#include <math.h>

typedef struct Case {
    Net net;
    const char *variant;
    Tensor *in[5], *out;
    Node *node;
} Case;

static const char *const variant_names[] = {"rows", "rows 256", "channels", "channels 256"};
enum { VARIANTS = 4 };

static void begin(Case *c, int variant)
{
    memset(c, 0, sizeof *c);
    net_init(&c->net, variant % 2 ? 256 : 0, 16, true);
    c->net.channels_last = variant >= 2;
    c->variant = variant_names[variant];
    int h = sizes_symbol(c->net.graph->sizes, "h");
    sizes_symbol_at(c->net.graph->sizes, h)->max = 12;
    c->net.symbols[h] = 5;
}

static Tensor *ints(Case *c, int count, const int64_t *values)
{
    int64_t *copy = arena_array(c->net.arena, (size_t)count + 1, sizeof *copy);
    memcpy(copy, values, (size_t)count * sizeof *copy);
    return graph_const_i64(c->net.graph, NULL, count, copy);
}

static void make_node(Case *c, OpCode op, int in_count)
{
    Origin origin = {"test", "n", op_info(op)->name, 0};
    c->out = graph_tensor(c->net.graph, "y", DT_NONE, -1, NULL);
    c->node = graph_node(c->net.graph, op, "n", &origin, in_count, c->in, 1, &c->out);
}

static double *as_doubles(Case *c, const Tensor *tensor, const void *data)
{
    int64_t count = net_elements(&c->net, tensor);
    double *out = arena_array(c->net.arena, (size_t)count + 1, sizeof *out);
    for (int64_t i = 0; i < count; i++) out[i] = get_element(tensor->dtype, data, i);
    return out;
}

/* The node's output as doubles, or NULL when it failed. */
static double *run(Case *c)
{
    if (shape_rules[c->node->op].shape(c->net.graph, c->node)) return NULL;
    Program *program = net_lower(&c->net, c->node);
    void *data = program ? net_eval(&c->net, program, c->out) : NULL;
    return data ? as_doubles(c, c->out, data) : NULL;
}

static const double *input(Case *c, int i)
{
    return as_doubles(c, c->in[i], net_data(&c->net, c->in[i]));
}

static bool same(const double *got, const double *want, int64_t count, double tolerance)
{
    for (int64_t i = 0; got && i < count; i++) {
        if (!(fabs(got[i] - want[i]) <= tolerance)) return false;
    }
    return got != NULL;
}

/* ---- Views and pads ---- */

static void test_reshape(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F32, "2,3,h,4", false);
    c.in[1] = ints(&c, 3, (int64_t[]){6, -1, 2});
    make_node(&c, OP_RESHAPE, 2);
    const double *want = input(&c, 0), *got = run(&c);
    check_about(same(got, want, net_elements(&c.net, c.out), 0), "reshape", c.variant);
    arena_free(c.net.arena);
}

static void test_tile(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F32, "1,2,h,4", false);
    c.in[1] = ints(&c, 4, (int64_t[]){2, 1, 3, 2});
    make_node(&c, OP_TILE, 2);
    const double *x = input(&c, 0), *got = run(&c);
    double *want = arena_array(c.net.arena, 2 * 2 * 15 * 8, sizeof *want);
    for (int i = 0, at = 0; i < 4; i++)
        for (int j = 0; j < 15; j++)
            for (int k = 0; k < 8; k++) want[at++] = x[(i % 2 * 5 + j % 5) * 4 + k % 4];
    check_about(same(got, want, 2 * 2 * 15 * 8, 0), "tile", c.variant);
    arena_free(c.net.arena);
}

/* Neither bound is given: their places among the operands are empty. */
static void test_clip(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F32, "1,2,h,4", false);
    make_node(&c, OP_CLIP, 1);
    const double *want = input(&c, 0), *got = run(&c);
    check_about(same(got, want, 2 * 5 * 4, 0), "clip", c.variant);
    arena_free(c.net.arena);
}

static void test_slice(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_I32, "2,3,8,4", false);
    c.in[1] = ints(&c, 2, (int64_t[]){1, -2});
    c.in[2] = ints(&c, 2, (int64_t[]){100, -100});
    c.in[3] = ints(&c, 2, (int64_t[]){1, 2});
    c.in[4] = ints(&c, 2, (int64_t[]){1, -3});
    make_node(&c, OP_SLICE, 5);
    const double *x = input(&c, 0), *got = run(&c);
    double want[2 * 2 * 3 * 4];
    int at = 0;
    for (int n = 0; n < 2; n++)
        for (int k = 1; k < 3; k++)
            for (int i = 6; i >= 0; i -= 3)
                for (int j = 0; j < 4; j++) want[at++] = x[((n * 3 + k) * 8 + i) * 4 + j];
    check_about(same(got, want, at, 0), "slice", c.variant);
    arena_free(c.net.arena);
}

static int64_t padded(const char *mode, int64_t i, int64_t n)
{
    if (!strcmp(mode, "edge")) return i < 0 ? 0 : i >= n ? n - 1 : i;
    if (!strcmp(mode, "wrap")) return ((i % n) + n) % n;
    while (!strcmp(mode, "reflect") && (i < 0 || i >= n)) i = i < 0 ? -i : 2 * (n - 1) - i;
    return i < 0 || i >= n ? -1 : i;
}

static void test_pad(int variant, const char *mode, int64_t before, int64_t after)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F32, "1,2,h,4", false);
    c.in[1] = ints(&c, 8, (int64_t[]){0, 0, before, 1, 0, 0, after, 2});
    make_node(&c, OP_PAD, 2);
    node_set_string(c.net.graph, c.node, "mode", mode);
    const double *x = input(&c, 0), *got = run(&c);
    int64_t height = 5 + before + after, at = 0;
    double *want = arena_array(c.net.arena, (size_t)(2 * height * 7), sizeof *want);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < height; i++)
            for (int64_t j = 0; j < 7; j++) {
                int64_t y = padded(mode, i - before, 5), z = padded(mode, j - 1, 4);
                want[at++] = y < 0 || z < 0 ? 0 : x[(k * 5 + y) * 4 + z];
            }
    check_about(same(got, want, at, 0), mode, c.variant);
    arena_free(c.net.arena);
}

static void test_concat(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "a", DT_F32, "2,3,h", false);
    c.in[1] = net_input(&c.net, "b", DT_F32, "2,1,h", true);
    c.in[2] = net_input(&c.net, "c", DT_F32, "2,2,h", false);
    c.in[1]->data = NULL; /* its sizes are symbolic: an input like the others */
    make_node(&c, OP_CONCAT, 3);
    node_set_int(c.net.graph, c.node, "axis", 1);
    double want[2 * 6 * 5];
    int at = 0;
    for (int n = 0; n < 2; n++)
        for (int k = 0; k < 3; k++) {
            int64_t rows = c.in[k]->dims[1]->value;
            for (int64_t i = 0; i < rows * 5; i++) want[at++] = input(&c, k)[n * rows * 5 + i];
        }
    check_about(same(run(&c), want, at, 0), "concat", c.variant);
    arena_free(c.net.arena);
}

/* ---- Gather and scatter ---- */

static void test_gather(int variant, int64_t last_index, bool fails)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F16, "2,h,9", false);
    c.in[1] = net_input(&c.net, "i", DT_I64, "3", false);
    int64_t *index = c.net.data[1];
    index[0] = -5, index[1] = 2, index[2] = last_index;
    make_node(&c, OP_GATHER, 2);
    node_set_int(c.net.graph, c.node, "axis", 1);
    const double *x = input(&c, 0), *got = run(&c);
    double want[2 * 3 * 9] = {0};
    for (int n = 0, at = 0; n < 2 && !fails; n++)
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < 9; j++) want[at++] = x[(n * 5 + (index[k] + 5) % 5) * 9 + j];
    check_about(fails ? got == NULL : same(got, want, 54, 0), "gather", c.variant);
    arena_free(c.net.arena);
}

static void test_scatter_nd(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F32, "4,h,3", false);
    c.in[1] = net_input(&c.net, "i", DT_I64, "3,1", false);
    c.in[2] = net_input(&c.net, "u", DT_F32, "3,h,3", false);
    int64_t *index = c.net.data[1];
    index[0] = 1, index[1] = -1, index[2] = 1;
    make_node(&c, OP_SCATTER_ND, 3);
    node_set_string(c.net.graph, c.node, "reduction", "add");
    double want[60];
    memcpy(want, input(&c, 0), sizeof want);
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < 15; j++) want[(index[k] + 4) % 4 * 15 + j] += input(&c, 2)[k * 15 + j];
    check_about(same(run(&c), want, 60, 1e-6), "scatter_nd", c.variant);
    arena_free(c.net.arena);
}

/* ---- Resize ---- */

static void test_resize(int variant, const char *mode, bool symbolic)
{
    Case c;
    begin(&c, variant);
    int64_t four = 4;
    c.in[0] = net_input(&c.net, "x", DT_F32, symbolic ? "1,3,h,h" : "1,3,5,5", false);
    c.in[2] = graph_const(c.net.graph, NULL, DT_F32, 1, &four, (float[]){1, 1, 2, 2});
    make_node(&c, OP_RESIZE, 3);
    node_set_string(c.net.graph, c.node, "mode", mode);
    const double *x = input(&c, 0), *got = run(&c);
    double want[300];
    bool linear = !strcmp(mode, "linear");
    for (int at = 0; at < 300; at++) {
        int k = at / 100, y = at / 10 % 10, z = at % 10;
        const double *p = x + k * 25;
        want[at] = p[y / 2 * 5 + z / 2];
        if (!linear) continue;
        double v = fmin(fmax((y + 0.5) / 2 - 0.5, 0), 4), w = fmin(fmax((z + 0.5) / 2 - 0.5, 0), 4);
        int i = (int)v < 3 ? (int)v : 3, j = (int)w < 3 ? (int)w : 3;
        v -= i, w -= j;
        want[at] = (1 - v) * ((1 - w) * p[i * 5 + j] + w * p[i * 5 + j + 1]) +
                   v * ((1 - w) * p[i * 5 + 5 + j] + w * p[i * 5 + 6 + j]);
    }
    check_about(same(got, want, 300, 1e-6), symbolic ? "resize, symbolic" : "resize", c.variant);
    arena_free(c.net.arena);
}

/* ---- Sorting and data-dependent sizes ---- */

static void test_top_k(int variant, const char *sizes, int64_t n, int64_t k)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F32, sizes, false);
    c.in[1] = ints(&c, 1, &k);
    make_node(&c, OP_TOP_K, 2);
    const double *x = input(&c, 0), *got = run(&c);
    bool ok = got != NULL;
    for (int64_t r = 0; r < 3 && ok; r++)
        for (int64_t i = 0; i < k && ok; i++) {
            int above = 0, equal = 0; /* elements over the i-th best: at most i */
            for (int64_t j = 0; j < n; j++) {
                above += x[r * n + j] > got[r * k + i];
                equal += fabs(x[r * n + j] - got[r * k + i]) <= 0;
            }
            ok = above <= i && above + equal > i;
        }
    check_about(ok, "top_k", c.variant);
    arena_free(c.net.arena);
}

static void test_non_zero(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_I32, "3,h", false);
    int32_t *x = c.net.data[0];
    double rows[15], columns[15], want[30];
    int count = 0;
    for (int i = 0; i < 15; i++) {
        x[i] = i % 3 ? i : 0;
        if (x[i]) rows[count] = i / 5, columns[count] = i % 5, count++;
    }
    memcpy(want, rows, (size_t)count * sizeof *want);
    memcpy(want + count, columns, (size_t)count * sizeof *want);
    make_node(&c, OP_NON_ZERO, 1);
    const double *got = run(&c);
    bool counted = net_elements(&c.net, c.out) == 2 * count;
    check_about(counted && same(got, want, 2 * count, 0), "non_zero", c.variant);
    arena_free(c.net.arena);
}

static void test_unique(int variant, bool sorted)
{
    static const int32_t data[9] = {7, -3, 7, 5, 5, -3, 9, 7, 0};
    static const double up[5] = {-3, 0, 5, 7, 9}, first[5] = {7, -3, 5, 9, 0};
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_I32, "9", false);
    memcpy(c.net.data[0], data, sizeof data);
    make_node(&c, OP_UNIQUE, 1);
    node_set_int(c.net.graph, c.node, "sorted", sorted);
    const double *got = run(&c);
    bool counted = net_elements(&c.net, c.out) == 5;
    check_about(counted && same(got, sorted ? up : first, 5, 0), "unique", c.variant);
    arena_free(c.net.arena);
}

static void test_dynamic_quantize(int variant)
{
    Case c;
    begin(&c, variant);
    c.in[0] = net_input(&c.net, "x", DT_F32, "3,7,h", false);
    make_node(&c, OP_DYNAMIC_QUANTIZE_LINEAR, 1);
    const double *x = input(&c, 0), *got = run(&c);
    double low = 0, high = 0, want[105];
    for (int i = 0; i < 105; i++) low = fmin(low, x[i]), high = fmax(high, x[i]);
    double scale = (high - low) / 255, zero = rint(-low / scale);
    for (int i = 0; i < 105; i++) want[i] = fmin(fmax(rint(x[i] / scale) + zero, 0), 255);
    check_about(same(got, want, 105, 1), "dynamic_quantize", c.variant);
    arena_free(c.net.arena);
}

int main(void)
{
    for (int v = 0; v < VARIANTS; v++) {
        test_reshape(v);
        test_tile(v);
        test_clip(v);
        test_slice(v);
        test_pad(v, "constant", 2, -1);
        test_pad(v, "reflect", 9, 6);
        test_pad(v, "edge", 3, 1);
        test_pad(v, "wrap", 7, 2);
        test_concat(v);
        test_gather(v, 4, false);
        test_gather(v, 5, true);
        test_gather(v, -6, true);
        test_scatter_nd(v);
        test_resize(v, "nearest", false);
        test_resize(v, "nearest", true);
        test_resize(v, "linear", false);
        test_resize(v, "linear", true);
        test_top_k(v, "3,40", 40, 7);
        test_top_k(v, "3,100", 100, 90);
        test_non_zero(v);
        test_unique(v, true);
        test_unique(v, false);
        test_dynamic_quantize(v);
    }
    printf("%s\n", failures ? "FAIL" : "ok");
    return failures != 0;
}
