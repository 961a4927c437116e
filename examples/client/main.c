/* A client of a pipeline, or of lpc serve: sends frames of raw bytes from a file, and writes the answers' bytes.
 *
 *     lpc digits.onnx -o out
 *     cc -std=c11 -D_POSIX_C_SOURCE=200809L -I out -I DIR/include main.c -pthread -o app
 *     app localhost:7000 - <frames >answers             (the last stage's address instead of -, if there are several)
 *
 * With keys (docs/security.md): -DLPC_CLIENT_TLS -lmbedtls -lmbedx509 -lmbedcrypto, and app FIRST LAST KEYS.
 *
 * Three frames are under way at a time: they are in different stages at once. */
#define LPC_CLIENT_IMPLEMENTATION
#include <lpc/lpc_client.h>

#include "client.h"

enum { AHEAD = 3, TIMEOUT_MS = 60000 };

static const lpc_client_model *const model = &lpc_client_package;

static int failed(lpc_client *c)
{
    fprintf(stderr, "app: %s\n", c ? lpc_client_error(c) : "out of memory");
    lpc_client_close(c);
    return 1;
}

/* The next frame: all inputs, one behind the other. Whether there was one. */
static int read_frame(void **inputs)
{
    for (uint32_t k = 0; k < model->in.count; k++) {
        size_t size = (size_t)model->tensor_bytes(0, k, NULL);
        if (fread(inputs[k], 1, size, stdin) != size) return 0;
    }
    return 1;
}

static void write_answer(const lpc_client_answer *answer)
{
    for (uint32_t k = 0; k < model->out.count; k++)
        fwrite(answer->tensors[k], 1, (size_t)answer->bytes[k], stdout);
}

int main(int argc, char **argv)
{
    void *inputs[8] = {0};
    lpc_client_answer answer;
    if (argc < 3 || model->in.count > 8 || model->symbol_count) {
        fprintf(stderr,
                "usage: app FIRST LAST|- [KEYS] <frames >answers, for a model of fixed sizes\n");
        return 2;
    }
    for (uint32_t k = 0; k < model->in.count; k++) {
        inputs[k] = malloc((size_t)model->in.tensors[k].max_bytes + 1);
        if (!inputs[k]) return 1;
    }
    lpc_client *c = lpc_client_open_keys(model, argv[1], argv[2][0] == '-' ? NULL : argv[2],
                                         argc > 3 ? argv[3] : NULL, TIMEOUT_MS);
    if (!c || *lpc_client_error(c)) return failed(c);
    long under_way = 0;
    for (int more = 1; more || under_way;) {
        more = more && read_frame(inputs);
        if (more && lpc_client_feed(c, NULL, (const void *const *)inputs)) return failed(c);
        under_way += more;
        if (!under_way || (more && under_way < AHEAD)) continue;
        if (lpc_client_receive(c, TIMEOUT_MS, &answer)) return failed(c);
        write_answer(&answer);
        under_way--;
    }
    if (lpc_client_finish(c) || lpc_client_receive(c, TIMEOUT_MS, &answer) != LPC_CLIENT_END)
        return failed(c);
    lpc_client_close(c);
    for (uint32_t k = 0; k < model->in.count; k++) free(inputs[k]);
    return 0;
}
