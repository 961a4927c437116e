/* Which matrix products are worth other threads: those that compute for long enough at the speed of the
 * target's vectors, or wait for many weights. */
#include "tests/unit/matrix_case.h"

typedef struct Case {
    const char *a, *b, *out;
    int bits;
    bool parallel;
} Case;

static const Case cases[] = {
    {"576,32", "32,64", "576,64", 512, true},
    {"256,32", "32,64", "256,64", 512, false}, /* 1 MFLOP in 10 us or less */
    {"256,32", "32,64", "256,64", 128, true},
    {"256,32", "32,64", "256,64", 0, true},
    {"48,32", "32,64", "48,64", 128, false},
    {"16,32", "32,64", "16,64", 0, false},
    {"1,1536", "1536,256", "1,256", 512, true}, /* 1.6 MB of weights */
    {"1,64", "64,128", "1,128", 512, false},
};

static int failures;

static void check(const Case *k)
{
    Net net;
    net_init(&net, k->bits, k->bits ? 32 : 0, true);
    Tensor *a = net_input(&net, "a", DT_F32, k->a, false);
    Tensor *b = net_input(&net, "b", DT_F32, k->b, true);
    Tensor *out = net_tensor(&net, "y", DT_F32, k->out);
    Origin origin = {NULL, "mm", "MatMul", 0};
    Node *node = graph_node(net.graph, OP_MAT_MUL, "mm", &origin, 2, (Tensor *[]){a, b}, 1, &out);
    Program *program = net_lower(&net, node);
    bool parallel = false;
    for (int i = 0; program && i < program->kernel_count; i++)
        parallel |= kernel_parallel(program->kernels[i]) != NULL;
    if (!program || parallel != k->parallel) {
        printf("FAIL %s * %s, %d bits: %s\n", k->a, k->b, k->bits,
               parallel ? "parallel" : "not parallel");
        failures++;
    }
    arena_free(net.arena);
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
    printf("%d failures\n", failures);
    return failures != 0;
}
