/* Measured tilings: keys say what is computed and nothing else; every tiling that lowering offers
 * gives the bits of the rule's (another method: values close to them); the file comes back as it
 * was written, and says what is wrong with it when it is edited badly. */
#include "tests/check.h"

#include "tests/unit/matrix_case.h"

#include "lib/compile/tunings.c"

#include <math.h>

/* ---- One node in a net ---- */

typedef struct Case {
    const char *x, *w, *y; /* w of rank 2: a product */
    DType type;
    int64_t group, stride;
    bool relu;
} Case;

static const Case cases[] = {
    {"1,32,20,20", "40,32,3,3", "1,40,20,20", DT_F32, 1, 1, true}, /* Winograd, or direct */
    {"1,32,4,4", "32,32,3,3", "1,32,4,4", DT_F32, 1, 1, true},     /* one tile of Winograd's */
    {"1,24,9,30", "70,24,1,1", "1,70,9,30", DT_F32, 1, 1, false},  /* pointwise */
    {"1,40,17,23", "40,1,3,3", "1,40,17,23", DT_F32, 40, 1, true}, /* depthwise */
    {"1,20,15,21", "34,10,3,3", "1,34,8,11", DT_F32, 2, 2, false}, /* groups, stride */
    {"67,50", "50,75", "67,75", DT_F32, 1, 1, true},
    {"67,52", "52,75", "67,75", DT_U8, 1, 1, false},
};
enum { CASES = sizeof cases / sizeof *cases };

static Node *conv(Net *net, const Case *k, const char *name, Tensor *x, Tensor *w, Tensor *y)
{
    Origin origin = {NULL, name, "Conv", 0};
    int64_t tap = w->dims[2]->value, pad = tap / 2;
    Tensor *in[] = {x, w};
    Node *node = graph_node(net->graph, OP_CONV, name, &origin, 2, in, 1, &y);
    node_set_ints(net->graph, node, "kernel_shape", 2, (int64_t[]){tap, tap});
    node_set_ints(net->graph, node, "strides", 2, (int64_t[]){k->stride, k->stride});
    node_set_ints(net->graph, node, "dilations", 2, (int64_t[]){1, 1});
    node_set_ints(net->graph, node, "pads", 4, (int64_t[]){pad, pad, pad, pad});
    node_set_int(net->graph, node, "group", k->group);
    return node;
}

static Node *product(Net *net, const Case *k, const char *name, Tensor *x, Tensor *w, Tensor *y)
{
    Origin origin = {NULL, name, "MatMul", 0};
    Tensor *in[] = {x, w};
    OpCode op = k->type == DT_F32 ? OP_MAT_MUL : OP_MAT_MUL_INTEGER;
    return graph_node(net->graph, op, name, &origin, 2, in, 1, &y);
}

static Node *open_case(Net *net, const Case *k, const char *name)
{
    net_init(net, 512, 32, true);
    net->channels_last = true;
    DType right = k->type == DT_U8 ? DT_I8 : k->type, sum = k->type == DT_U8 ? DT_I32 : k->type;
    Tensor *x = net_input(net, arena_printf(net->arena, "%s_x", name), k->type, k->x, false);
    Tensor *w = net_input(net, arena_printf(net->arena, "%s_w", name), right, k->w, true);
    Tensor *y = net_tensor(net, arena_printf(net->arena, "%s_y", name), sum, k->y);
    Node *node = w->rank > 2 ? conv(net, k, name, x, w, y) : product(net, k, name, x, w, y);
    if (k->relu) {
        Tensor *done = net_tensor(net, arena_printf(net->arena, "%s_relu", name), sum, k->y);
        Origin origin = {NULL, "relu", "Relu", 1};
        node->epilogue = arena_array(net->arena, 1, sizeof *node->epilogue);
        node->epilogue[node->epilogue_count++] =
            graph_node(net->graph, OP_RELU, "relu", &origin, 1, &y, 1, &done);
    }
    return node;
}

/* ---- Keys ---- */

static const char *key_of(Net *net, const Case *k, const char *name)
{
    Node *node = open_case(net, k, name);
    return tuning_key(net->arena, net->graph->sizes, node);
}

static void check_keys(void)
{
    Net a, c;
    for (int i = 0; i < CASES; i++) {
        const char *first = key_of(&a, &cases[i], "first");
        const char *second = key_of(&c, &cases[i], "second");
        check_about(!strcmp(first, second), "the name is in the key", second);
        for (int k = 0; k < i; k++) {
            Net other;
            check_about(strcmp(first, key_of(&other, &cases[k], "first")) != 0, "one key for two",
                        first);
            arena_free(other.arena);
        }
        arena_free(a.arena);
        arena_free(c.arena);
    }
    Case strided = cases[2];
    strided.relu = true;
    const char *plain = key_of(&a, &cases[2], "n"), *more = key_of(&c, &strided, "n");
    check_about(strcmp(plain, more) != 0, "the epilogue is not in the key", more);
    arena_free(a.arena);
    arena_free(c.arena);
}

/* ---- Tilings ---- */

/* The result with that tiling for the node's key, in `keep`; the program's text in *text. */
static void *run(const Case *k, Tuning *tuning, Arena *keep, size_t *bytes, const char **text)
{
    Net net;
    Text out;
    Node *node = open_case(&net, k, "node");
    net.target.tuning = tuning;
    Program *program = net_lower(&net, node);
    void *got = program ? net_eval(&net, program, node_result(node)) : NULL, *copy = NULL;
    if (got) {
        *bytes = (size_t)net_elements(&net, node->out[0]) * dtype_size(node->out[0]->dtype);
        copy = arena_alloc(keep, *bytes);
        memcpy(copy, got, *bytes);
        text_init(&out, keep);
        loops_print(&out, program);
        *text = out.data;
    }
    arena_free(net.arena);
    return copy;
}

static bool close_to(const float *a, const float *c, size_t count)
{
    float most = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmaxf(most, fabsf(a[i]));
        worst = fmaxf(worst, fabsf(a[i] - c[i]));
    }
    return worst <= 1e-5f * most;
}

static void check_tiling(const Case *k, const TuningSite *site, Tiling tiling, const void *rule,
                         const char *rule_text)
{
    Arena *arena = arena_new();
    Tuning tuning = {.arena = arena};
    size_t bytes = 0;
    const char *text = "", *about = tune_tiling_text(arena, &tiling);
    about = arena_printf(arena, "%s for %s", about, site->key);
    tuning_set(&tuning, site->key, tiling);
    const void *got = run(k, &tuning, arena, &bytes, &text);
    check_about(got != NULL, "no result", about);
    check_about(tuning.kernels[0].used, "nobody asked for it", about);
    check_about(strcmp(text, rule_text) != 0, "the same code as by rule", about);
    check_about(tiling_fits(32, tiling.rows, tiling.vecs), "more than the registers hold", about);
    if (got && tiling.method)
        check_about(close_to(rule, got, bytes / 4), "far from the rule's", about);
    else if (got)
        check_about(!memcmp(rule, got, bytes), "other bits than the rule's", about);
    arena_free(arena);
}

static void check_tilings(const Case *k)
{
    Arena *arena = arena_new();
    Tuning notes = {.arena = arena, .notes = true};
    size_t bytes = 0;
    const char *text = "", *without = "";
    const void *rule = run(k, &notes, arena, &bytes, &text);
    const void *plain = run(k, NULL, arena, &bytes, &without);
    check_about(rule && plain && !strcmp(text, without), "taking notes changes code", k->w);
    check_about(notes.site_count == 1, "not one site", k->w);
    const TuningSite *site = notes.sites;
    check_about(site->tile_count > 0, "no tile to try", k->w);
    for (int i = 0; rule && i < site->tile_count; i++)
        check_tiling(k, site, site->tiles[i], rule, text);
    for (int i = 0; rule && i < site->order_count; i++)
        check_tiling(k, site, site->orders[i], rule, text);
    arena_free(arena);
}

/* ---- The file ---- */

static void expect_error(const char *text, const char *message)
{
    Arena *arena = arena_new();
    Diag diag;
    TuneFile *file;
    Tuning *table;
    char path[] = "/tmp/lpc-test-tune-XXXXXX";
    int to = mkstemp(path);
    Target device = {.vector_bits = 512, .vector_registers = 32};
    LowerTarget lower = {.device = &device};
    Target target = {.name = "t", .triple = "a", .cpu = "b", .features = ""};
    diag_init(&diag, arena, "model.onnx");
    check_about(to >= 0 && write(to, text, strlen(text)) == (ssize_t)strlen(text), "no file", path);
    close(to);
    int code = tune_read(arena, &diag, path, false, &file);
    if (!code) code = tune_table(file, &diag, &lower, &target, 1, &table);
    const char *said = diag.count ? diag.messages[0] : "(nothing)";
    check_about(!code == !message, "not the status that was expected", said);
    if (message) check_about(strstr(said, message) && strstr(said, path), message, said);
    unlink(path);
    arena_free(arena);
}

static const char *around(Arena *arena, const char *tiling)
{
    return arena_printf(
        arena,
        "{\"format\": \"lpc tuning\", \"lowering\": %d, \"tables\": [{\"target\": "
        "\"a b vectors 512x32 fma 0 dot 0 l1 0 l2 0\", \"threads\": 1, \"kernels\": "
        "{\"MatMul\": %s}}]}",
        TUNING_LOWERING, tiling);
}

static void check_errors(void)
{
    Arena *arena = arena_new();
    expect_error(around(arena, "{\"rows\":8,\"vecs\":2,\"method\":\"direct\"}"), NULL);
    expect_error(around(arena, "{}"), NULL);
    expect_error(around(arena, "{\"rows\":8}"), "rows and vecs go together");
    expect_error(around(arena, "{\"rows\":0,\"vecs\":2}"),
                 "'rows': expected a whole number from 1 to 32");
    expect_error(around(arena, "{\"rows\":8,\"vecs\":1.5}"), "'vecs': expected");
    expect_error(around(arena, "{\"rows\":20,\"vecs\":2}"),
                 "no registers for 20 rows of 2 vectors");
    expect_error(around(arena, "{\"columns\":\"left\"}"), "expected inner or outer");
    expect_error(around(arena, "{\"method\":\"fft\"}"), "expected direct, winograd2 or winograd4");
    expect_error(around(arena, "{\"unroll\":2}"), "unknown field 'unroll'");
    expect_error(around(arena, "{\"columns\":1}"), "'columns': expected inner or outer, got 1");
    expect_error(around(arena, "{\"band\":-1}"), "'band': expected a whole number from 1");
    expect_error(around(arena, "{\"rows\":1e99,\"vecs\":2}"), "'rows': expected a whole number");
    expect_error(around(arena, "{\"rows\":null,\"vecs\":2}"), "'rows': expected a whole number");
    expect_error(around(arena, "{\"rows\":NaN,\"vecs\":2}"), "not JSON: line 1");
    expect_error(around(arena, "3"), "kernel 'MatMul': expected an object");
    expect_error("[]", "expected an object");
    expect_error("{\"format\": \"tuning\"}", "'format': expected \"lpc tuning\", got \"tuning\"");
    expect_error("{\"format\": \"lpc tuning\"}", "'lowering' is missing");
    expect_error("{\"format\": \"lpc tuning\", \"lowering\": -1}", "'lowering': expected");
    expect_error("{\"format\": \"lpc tuning\", \"lowering\": 1}", "'tables' is missing");
    expect_error("{\"format\": \"lpc tuning\", \"lowering\": 0, \"tables\": {}}",
                 "'tables': expected");
    expect_error("{\"format\": \"lpc tuning\", \"lowering\": 0, \"tables\": [{\"kernels\": 1}]}",
                 "tables[0]: field 'kernels': expected an object");
    expect_error("{\"format\": \"lpc tuning\",\n \"lowering\" 1}", "line 2");
    expect_error("{\"layers\": []}", "unknown field 'layers': expected one of format");
    expect_error(arena_printf(arena,
                              "{\"format\": \"lpc tuning\", \"lowering\": %d, \"tables\": [{}]}",
                              TUNING_LOWERING),
                 "tables[0]: field 'target' is missing: expected a text");
    expect_error("{\"format\": \"lpc tuning\", \"lowering\": 0, \"tables\": [{}]}",
                 NULL); /* stale */
    arena_free(arena);
}

/* Written, read and written again, whatever the order in which kernels came. */
static void check_round_trip(void)
{
    Arena *arena = arena_new();
    Diag diag;
    char folder[] = "/tmp/lpc-test-tune-XXXXXX";
    diag_init(&diag, arena, NULL);
    check_about(mkdtemp(folder) != NULL, "no folder", folder);
    TuneFile *file, *again;
    const char *path = arena_printf(arena, "%s/tune.json", folder);
    check_about(!tune_read(arena, &diag, path, true, &file) && !file->count,
                "a file that is not there", path);
    check_about(tune_read(arena, &diag, path, false, &again) != 0, "a file that must be there",
                path);
    for (int threads = 2; threads > 0; threads--) {
        Tuning *table = &add_table(file, "some \"target\"", threads)->tuning;
        tuning_set(table, "z", (Tiling){.rows = 8, .vecs = 2});
        tuning_set(table, "a \\", (Tiling){0});
        tuning_set(table, "m", (Tiling){9, 1, 3, COLUMNS_OUTER, METHOD_WINOGRAD2});
        tuning_set(table, "m", (Tiling){7, 3, 5, COLUMNS_INNER, METHOD_WINOGRAD4});
        check_about(tuning_find(table, "m")->tiling.rows == 7 && table->kernel_count == 3,
                    "replaced", "m");
        check_about(!tuning_find(table, "b") && !tuning_find(table, ""), "found what is not there",
                    "b");
    }
    const char *text = tune_text(file);
    check_about(!tune_write(&diag, file) && !tune_read(arena, &diag, path, false, &again),
                "the file", path);
    check_about(again->count == 2 && !strcmp(tune_text(again), text), "another text",
                tune_text(again));
    check_about(
        strstr(text,
               "{\"rows\":7,\"vecs\":3,\"band\":5,\"columns\":\"inner\",\"method\":\"winograd4\"}"),
        "a tiling's text", text);
    check_about(strstr(text, "\"a \\\\\": {}") < strstr(text, "\"m\""), "the order of kernels",
                text);
    unlink(path);
    check_about(!rmdir(folder), "something is left in", folder);
    arena_free(arena);
}

int main(void)
{
    check_keys();
    for (int i = 0; i < CASES; i++) check_tilings(&cases[i]);
    check_errors();
    check_round_trip();
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
