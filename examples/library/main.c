/* A program that is itself a build tool: it looks at a model, decides where its layers run,
 * compiles it and says what became of it, all through liblpc.
 *
 *     ./app MODEL.onnx OUT [TARGETS] */
#include <lpc/lpc.h>

#include <stdio.h>

static void note(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "%s\n", line);
}

static void print_values(const char *what, const lpc_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s %s: %s[", what, values[i].name, values[i].type);
        for (int k = 0; k < values[i].rank; k++) printf("%s%s", k ? ", " : "", values[i].dims[k]);
        printf("]\n");
    }
}

/* 0, or the status of the step that failed. */
static lpc_status compile(lpc_compiler *compiler, const char *model, const char *out)
{
    const lpc_inspection *facts;
    const lpc_pipeline *pipeline;
    lpc_status status = lpc_import(compiler, model);
    if (!status) status = lpc_inspect(compiler, NULL, &facts);
    if (!status) status = lpc_compile(compiler, &pipeline);
    if (!status) status = lpc_emit(compiler, out);
    if (status) return status;
    print_values("input", facts->inputs, facts->input_count);
    print_values("output", facts->outputs, facts->output_count);
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        const lpc_stage *stage = &pipeline->stages[i];
        printf("%s/%s: %d layers on %s, %lld bytes of weights\n", out, stage->name, stage->layers,
               stage->target, (long long)stage->weight_bytes);
    }
    return LPC_STATUS_OK;
}

int main(int argc, char **argv)
{
    static const lpc_listener listener = {.note = note};
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL.onnx OUT [TARGETS]\n", argv[0]);
        return LPC_STATUS_USAGE;
    }
    lpc_compiler *compiler = lpc_create();
    if (!compiler) return LPC_STATUS_MEMORY;
    lpc_listen(compiler, &listener);
    lpc_status status = argc > 3 ? lpc_set(compiler, "targets", argv[3]) : LPC_STATUS_OK;
    if (!status) status = compile(compiler, argv[1], argv[2]);
    for (size_t i = 0; i < lpc_message_count(compiler); i++)
        fprintf(stderr, "%s\n", lpc_message(compiler, i));
    if (status) fprintf(stderr, "%s\n", lpc_status_text(status));
    lpc_destroy(compiler);
    return (int)status;
}
