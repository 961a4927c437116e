/* The graph: text round trip, verifier, order, sweeping, constants, attributes. */
#include "tests/check.h"

#include "ir/graph.h"
#include "ir/graph_text.h"
#include "ir/names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct Case {
    Arena *arena;
    Diag diag;
    Graph *graph;
} Case;

/* Parses text; the graph is NULL when that failed. */
static Case parse(const char *text)
{
    Case c = {.arena = arena_new()};
    Diag *diag = arena_alloc(c.arena, sizeof *diag);
    diag_init(diag, c.arena, "test.txt");
    if (graph_parse(c.arena, diag, text, "test.txt", &c.graph)) c.graph = NULL;
    c.diag = *diag;
    return c;
}

static const char *print(const Case *c)
{
    Text text;
    text_init(&text, c->arena);
    graph_print(&text, c->graph);
    return text.data;
}

static const char full[] =
    "graph net from \"dir/net.onnx\"\n"
    "symbol batch max 8 input\n"
    "symbol past max 128 state\n"
    "symbol \"number of boxes\" node\n"
    "input %x: f32[batch, 3, 32, 32]\n"
    "input %cond: bool[]\n"
    "input %cache: f32[batch, past, 4]\n"
    "output %y\n"
    "output %boxes\n"
    "output %cache_out\n"
    "state %cache -> %cache_out\n"
    "const %w: f32[8, 3, 3, 3] = data(864 bytes, 1234abcd) scale [1.0, 2.0, 0.5, 1.0, 1.0, 1.0, "
    "1.0, -0.1]\n"
    "const %b: f32[8] = [0.0, -1.5, 1e-30, inf, -inf, nan, 3.1415927, 0.1]\n"
    "const %\"a name\\\"\\x0a\": i64[2] = [-1, 9223372036854775807]\n"
    "const %half: f16[] = [0.3333]\n"
    "%c: f32[batch, 8, 32, 32] order(0, 2, 3, 1) = Conv \"conv 1\" (%x, %w, %b) {group=1, "
    "pads=[1, 1, 1, 1], auto_pad=\"NOTSET\", f=1.0, g=[1.0, 2.5], s=[\"a\", \"b\"], e=[], "
    "ef=floats[], es=strings[], t=f32[2] [1.0, 2.0]} in(%cond, !%cond) layer(3) origin(#17 Conv "
    "\"conv1\") merged(- #-1 BatchNormalization \"bn\", \"other.onnx\" #4 ai.onnx.ml::Scaler "
    "\"\")\n"
    "    then %r: f32[batch, 8, 32, 32] = Relu \"relu\" (%c)\n"
    "    then %y: f32[batch, 8, 32, 32] = Add \"add\" (%r, %half)\n"
    "%s: i64[4] values(batch, 8, 32, ?) inlined = Shape \"shape\" (%y) {start=0}\n"
    "%boxes: i64[4, \"number of boxes\"] = NonZero \"nz\" (%y)\n"
    "%cache_out: f32[batch, past + 1, 4] = Concat \"cat\" (%cache, %cache) {axis=1}\n"
    "-, %h: ?[*] = LSTM \"lstm\" (%x, %w, %b, -, %\"a name\\\"\\x0a\") {hidden_size=4}\n";

static void test_round_trip(void)
{
    Case c = parse(full);
    check(c.graph != NULL, "the full form parses");
    if (!c.graph) {
        diag_flush(&c.diag);
        return;
    }
    const char *once = print(&c);
    bool same = !strcmp(once, full);
    check(same, "prints as it was");
    if (!same) printf("--- printed\n%s--- expected\n%s", once, full);
    const Node *conv = c.graph->nodes[0];
    check(conv->epilogue_count == 2 && conv->region && conv->region->parent &&
              !conv->region->when && conv->merged_count == 2 && conv->layer == 3 &&
              conv->origin.index == 17 &&
              node_result(conv)->id == graph_find_tensor(c.graph, "y")->id,
          "pieces");
    Tensor *w = graph_find_tensor(c.graph, "w");
    check(crc32_of(w->data->data, w->data->bytes) == 0x1234abcd, "crc of a stand-in");
    check(crc32_of("123456789", 9) == 0xcbf43926u, "crc32");
    check(graph_verify(c.graph) == LPC_OK, "verifies but for what is odd on purpose");
    diag_flush(c.graph->diag);
    arena_free(c.arena);
}

/* Texts with the message that parsing or verifying them must give. */
static void test_broken(void)
{
#define HEAD "graph g from \"g.onnx\"\ninput %x: f32[4]\ninput %f: f32[]\n"
    static const char *const cases[][3] = {
        {"no graph", "input %x: f32[4]\n", "expected 'graph'"},
        {"unknown tensor", HEAD "%y: f32[4] = Relu (%z)\n", "'z' is used but never made"},
        {"made twice", HEAD "%x: f32[4] = Relu (%f)\n", "'x' is made twice"},
        {"unknown operator", HEAD "%y: f32[4] = Rleu (%x)\n", "no operator is called 'Rleu'"},
        {"line numbers", HEAD "\n# a comment\n%y: f32[4) = Relu (%x)\n", "test.txt: line 6:"},
        {"rank", HEAD "%y: f32[1,1,1,1,1,1,1,1,1] = Relu (%x)\n", "more than 8 dimensions"},
        {"open string", HEAD "%y: f32[4] = Relu \"abc (%x)\n", "does not end"},
        {"huge constant", HEAD "const %c: f32[99999999999] = fill(1)\n", "reasonable size"},
        {"bytes of data", HEAD "const %c: f32[100] = data(99 bytes, 00)\n", "does not fit"},
        {"node name twice", HEAD "%y: f32[4] = Relu \"n\" (%x)\n%z: f32[4] = Relu \"n\" (%x)\n",
         "two nodes are called 'n'"},
        {"order", HEAD "%y: f32[4] = Relu (%z)\n%z: f32[4] = Relu \"last\" (%x)\n",
         "input 'z' is made later, by node 'last'"},
        {"too few inputs", HEAD "%y: f32[4] = Add (%x)\n", "1 inputs, expected 2 to 2"},
        {"missing input", HEAD "%y: f32[4] = Add (%x, -)\n", "input 1 is missing"},
        {"too many outputs", HEAD "%y: f32[4], %z: f32[4] = Relu (%x)\n", "2 outputs, expected"},
        {"condition's type", HEAD "%y: f32[4] = Relu (%x) in(%f)\n",
         "condition 'f' is f32, not bool"},
        {"axes", HEAD "%y: f32[4, 4] order(0, 0) = Relu (%x)\n", "no permutation"},
        {"negative", HEAD "%y: f32[-4] = Relu (%x)\n", "dimension 0 is negative"},
        {"values", HEAD "%y: i64[2] values(1) = Shape (%x)\n", "1 known values for 2 elements"},
        {"epilogue reads", HEAD "%y: f32[4] = Relu (%x)\nthen %z: f32[4] = Relu (%x)\n",
         "without reading its value"},
        {"epilogue kind", HEAD "%y: f32[4] = Relu (%x)\nthen %z: f32[4] = MatMul (%y, %x)\n",
         "is not element-wise"},
        {"inside an epilogue",
         HEAD "%y: f32[4] = Relu (%x)\nthen %z: f32[4] = Relu (%y)\n%q: f32[4] = Relu (%y)\n",
         "input 'y' is never stored"},
        {"inlined output", HEAD "output %y\n%y: f32[4] inlined = Relu (%x)\n", "never stored"},
        {"state's type", HEAD "state %x -> %y\n%y: f16[4] = Relu (%x)\n", "is f32 and 'y' is f16"},
        {"then alone", HEAD "then %y: f32[4] = Relu (%x)\n", "without a node before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Case c = parse(cases[i][1]);
        if (c.graph) graph_verify(c.graph);
        const Diag *diag = c.graph ? c.graph->diag : &c.diag;
        bool told = false;
        for (int k = 0; k < diag->count; k++)
            told = told || strstr(diag->messages[k], cases[i][2]) != NULL;
        check(told, cases[i][0]);
        for (int k = 0; !told && k < diag->count; k++) printf("     %s\n", diag->messages[k]);
        arena_free(c.arena);
    }
}

/* Cutting the text anywhere, or changing a byte of it, must not crash the parser or the verifier.
 */
static void test_damage(void)
{
    char text[sizeof full];
    for (size_t i = 0; i < sizeof full - 1; i++) {
        memcpy(text, full, sizeof full);
        text[i] = i % 2 ? 0 : "#%(\"-9]"[i % 7];
        Case c = parse(text);
        if (c.graph) graph_verify(c.graph);
        if (c.graph) print(&c);
        arena_free(c.arena);
    }
    check(true, "damaged texts");
}

static void test_order(void)
{
    Case c = parse(HEAD "output %d\n"
                        "%d: f32[4] = Add \"d\" (%b, %c)\n"
                        "%b: f32[4] = Relu \"b\" (%a)\n"
                        "%a: f32[4] = Relu \"a\" (%x)\n"
                        "%c: f32[4] = Relu \"c\" (%a)\n"
                        "    then %e: f32[4] = Relu \"e\" (%c)\n"
                        "%dead: f32[4] = Relu \"dead\" (%a)\n"
                        "%deader: f32[4] = Relu \"deader\" (%dead)\n");
    check(graph_sort(c.graph) == LPC_OK, "sorts");
    const char *expected = "abcd";
    bool sorted = c.graph->node_count == 6;
    for (int i = 0; i < 4; i++) sorted = sorted && c.graph->nodes[i]->name[0] == expected[i];
    check(sorted, "in order");
    Tensor *e = graph_find_tensor(c.graph, "e");
    graph_replace(c.graph, graph_find_tensor(c.graph, "d"), e);
    check(!strcmp(c.graph->outputs[0]->name, "d") && graph_find_tensor(c.graph, "d") == e &&
              graph_is_output(c.graph, e),
          "an output keeps its name");
    check(graph_sweep(c.graph) == 4 && c.graph->node_count == 2, "sweeps");
    check(graph_uses(c.graph, e) == 1 && graph_uses(c.graph, graph_find_tensor(c.graph, "a")) == 1,
          "uses");
    check(graph_verify(c.graph) == LPC_OK, "verifies");
    diag_flush(c.graph->diag);
    arena_free(c.arena);
}

static void test_cycle(void)
{
    Case c = parse(HEAD "%a: f32[4] = Relu \"outside\" (%x)\n"
                        "%b: f32[4] = Add \"first\" (%a, %c) origin(#7 Add \"first\")\n"
                        "%c: f32[4] = Relu \"second\" (%b) origin(#8 Relu \"second\")\n");
    bool told = graph_sort(c.graph) == LPC_ERROR && c.graph->diag->count == 1;
    check(told, "a cycle is refused");
    check(told &&
              strstr(c.graph->diag->messages[0], "g.onnx: node 'first' (Add, #7): is on a cycle"),
          "with a node on it");
    arena_free(c.arena);
    c = parse(HEAD "%a: f32[4] = Relu \"self\" (%a)\n");
    check(graph_sort(c.graph) == LPC_ERROR, "a node that reads itself");
    arena_free(c.arena);
}

/* NonZero's symbol is needed by another tensor's shape, so NonZero stays. */
static void test_symbols(void)
{
    Case c = parse("graph g from \"g.onnx\"\nsymbol n max 4 node\ninput %x: f32[4]\noutput %y\n"
                   "%i: i64[1, n] = NonZero \"nz\" (%x)\n"
                   "%y: i64[1] values(n) = lpc.Values \"v\" ()\n");
    check(graph_sweep(c.graph) == 0 && c.graph->node_count == 2, "a symbol's node stays");
    arena_free(c.arena);
}

/* Names that are no identifiers become ones, and different names different ones. */
static void test_identifiers(Arena *arena)
{
    static const char *const names[] = {
        "my_model", "my-model", "my.model", "My_model", "\u6a21\u578b", "\u732b", "_x", "x",
        "8x",       "m_8x",     "lpc",      "LPC",      "lpc_run",      "m_lpc",  "",   " "};
    enum { COUNT = sizeof names / sizeof *names };
    const char *made[COUNT];
    for (int i = 0; i < COUNT; i++) {
        made[i] = names_identifier(arena, names[i]);
        check(isalpha((unsigned char)*made[i]), "starts with a letter");
        for (const char *c = made[i]; *c; c++)
            check(isalnum((unsigned char)*c) || *c == '_', "no other bytes");
        check(strcmp(made[i], "lpc") && strncmp(made[i], "lpc_", 4), "is not lpc's own");
        for (int k = 0; k < i; k++) check(strcmp(made[i], made[k]), "different names stay apart");
    }
    check(!strcmp(made[0], "my_model") && !strcmp(made[3], "My_model"), "an identifier stays");
}

static void test_consts(Arena *arena, Diag *diag)
{
    Graph *graph = graph_new(arena, diag, "3rd/my_net_v2.onnx");
    check(!strcmp(graph->name, "my_net_v2"), "the name of a graph");
    static unsigned char raw[1 + 4 * sizeof(float)]; /* unaligned, as in a mapped file */
    float floats[4] = {1, 2, 3, 4}, scale[2] = {10, 0.5f};
    memcpy(raw + 1, floats, sizeof floats);
    Tensor *w = graph_const(graph, "w", DT_F32, 2, (int64_t[]){2, 2}, raw + 1);
    check(const_f64_at(w, 3) == 4 && const_i64_at(w, 1) == 2, "elements");
    Const scaled = *w->data;
    scaled.scale = scale;
    w->data = &scaled;
    check(const_f64_at(w, 1) == 20 && const_f64_at(w, 2) == 1.5, "elements with a scale");
    double value = 0;
    Tensor *same = graph_const(graph, "same", DT_F32, 1, (int64_t[]){3}, (float[]){7, 7, 7});
    check(const_is_uniform(same, &value) && value == 7 && !const_is_uniform(w, &value), "uniform");
    static const DType types[] = {DT_I8,         DT_U8,  DT_I16,      DT_U16,        DT_I32,
                                  DT_U32,        DT_I64, DT_U64,      DT_F16,        DT_BF16,
                                  DT_F32,        DT_F64, DT_F8E4M3FN, DT_F8E4M3FNUZ, DT_F8E5M2,
                                  DT_F8E5M2FNUZ, DT_I4,  DT_U4};
    bool scalars = true;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        scalars = scalars && const_f64_at(graph_scalar(graph, NULL, types[i], 5), 0) == 5;
    check(scalars, "scalars of every type");
    Tensor *four = graph_const(graph, "four", DT_I4, 1, (int64_t[]){3}, (uint8_t[]){0x78, 0x0f});
    check(four->data->bytes == 2 && const_i64_at(four, 0) == -8 && const_i64_at(four, 1) == 7 &&
              const_f64_at(four, 2) == -1,
          "packed elements");
    const int64_t huge = INT64_C(1) << 40;
    Tensor *empty = graph_const(graph, "empty", DT_I64, 3, (int64_t[]){huge, huge, 0}, "");
    check(empty->data->bytes == 0 && tensor_static_elements(empty) == 0 &&
              dtype_const_bytes(DT_I64, INT64_MAX) == INT64_MAX,
          "nothing of huge sizes");
    check(const_i64_at(graph_scalar(graph, NULL, DT_I8, 1e9), 0) == 127 &&
              const_i64_at(graph_scalar(graph, NULL, DT_I64, NAN), 0) == 0,
          "scalars saturate");
    int count = 0;
    const int64_t *ints;
    Tensor *axes = graph_const_i64(graph, "axes", 2, (int64_t[]){-1, INT64_MAX});
    check(tensor_known_ints(arena, axes, &count, &ints) && count == 2 && ints[0] == -1 &&
              ints[1] == INT64_MAX && !tensor_known_ints(arena, w, &count, &ints),
          "known ints");
    check(!strcmp(graph_const_i64(graph, "axes", 0, NULL)->name, "axes_2"), "unique names");
}

static void test_attrs(Arena *arena, Diag *diag)
{
    Graph *graph = graph_new(arena, diag, "a.onnx");
    Tensor *x = graph_tensor(graph, "x", DT_F32, -1, NULL);
    Node *node = graph_node(graph, OP_SELU, NULL, NULL, 1, &x, 0, NULL);
    check(fabs(node_float(node, "alpha") - 1.6732632) < 1e-6 &&
              fabs(node_float(node, "gamma") - 1.0507010) < 1e-6 && node_float(node, "none") == 0,
          "float defaults");
    node = graph_node(graph, OP_RESIZE, "r", NULL, 1, &x, 0, NULL);
    check(!strcmp(node_string(node, "mode"), "nearest") &&
              !strcmp(node_string(node, "nearest_mode"), "round_prefer_floor"),
          "string defaults");
    node = graph_node(graph, OP_CONV, "r", NULL, 1, &x, 0, NULL);
    check(!strcmp(node->name, "r_2"), "unique node names");
    const int64_t *pads;
    check(node_int(node, "group") == 1 && node_ints(node, "pads", &pads) == 0, "int defaults");
    node_set_ints(graph, node, "pads", 2, (int64_t[]){1, 2});
    node_set_int(graph, node, "group", 4);
    node_set_string(graph, node, "auto_pad", "VALID");
    node_set_float(graph, node, "f", 0.5);
    check(node_int(node, "group") == 4 && node_ints(node, "pads", &pads) == 2 && pads[1] == 2 &&
              !strcmp(node_string(node, "auto_pad"), "VALID") && node_float(node, "f") == 0.5,
          "set attributes");
    node_del_attr(node, "group");
    check(node_int(node, "group") == 1 && node->attr_count == 3, "deleted attribute");
}

/* Every default of a string that ir/ops.def declares can be had. */
static void test_defaults(Arena *arena, Diag *diag)
{
    Graph *graph = graph_new(arena, diag, "a.onnx");
    bool all = true;
    for (int op = 0; op < OP_COUNT; op++) {
        Node *node = graph_node(graph, (OpCode)op, NULL, NULL, 0, NULL, 0, NULL);
        const char *attrs = op_info((OpCode)op)->attrs ? op_info((OpCode)op)->attrs : "";
        for (const char *at = strstr(attrs, ":s="); at; at = strstr(at + 1, ":s=")) {
            const char *start = at;
            while (start > attrs && start[-1] != ' ') start--;
            const char *name = arena_strndup(arena, start, (size_t)(at - start));
            const char *expected = arena_strndup(arena, at + 3, strcspn(at + 3, " "));
            if (strcmp(node_string(node, name), expected) != 0) {
                printf("     %s: %s\n", op_info((OpCode)op)->name, expected);
                all = false;
            }
        }
        const char *op_name = op_info((OpCode)op)->name;
        all = all && op_find(op_name, strlen(op_name)) == (OpCode)op;
    }
    check(all, "string defaults and names of all operators");
}

int main(void)
{
    test_round_trip();
    test_broken();
    test_damage();
    test_order();
    test_cycle();
    test_symbols();
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, "test");
    test_identifiers(arena);
    test_consts(arena, &diag);
    test_attrs(arena, &diag);
    test_defaults(arena, &diag);
    arena_free(arena);
    printf("%d failures\n", failures);
    return failures != 0;
}
