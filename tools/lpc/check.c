/* `lpc check MODEL.onnx DATA_DIR...`. */
#include "tools/lpc/check_each.h"
#include "tools/lpc/command.h"

static void print_checked(const lpc_checked *o)
{
    printf("%s: output '%s': ", o->data_set, o->output);
    if (o->shape_error)
        printf("%s", o->shape_error);
    else if (o->drawn)
        printf("%s of other random numbers: type and shape agree", o->shape);
    else
        printf("%s largest error %.3g absolute, %.3g relative", o->shape, o->largest_absolute,
               o->largest_relative);
    if (o->wrong && !o->drawn)
        printf("; %lld of %lld outside the tolerance, worst [%lld]: got %.9g, expected %.9g",
               (long long)o->wrong, (long long)o->elements, (long long)o->worst, o->got,
               o->expected);
    printf(": %s\n", o->ok ? "ok" : "MISMATCH");
}

/* One model. */
static int check_one(lpc_compiler *c, const char *model, const char *const *sets, size_t count)
{
    const lpc_checked *results;
    size_t result_count;
    lpc_status status = lpc_check(c, model, sets, count, &results, &result_count);
    for (size_t i = 0; i < result_count; i++) print_checked(&results[i]);
    if (status == LPC_STATUS_OK || status == LPC_STATUS_MISMATCH)
        printf("%s\n", status ? "FAIL" : "PASS");
    return (int)status;
}

/* In a process of its own. */
static int check_folder(void *self, const ModelFolder *folder)
{
    lpc_compiler *c = self;
    ProgressLine line;
    progress_start(&line, c);
    int code =
        check_one(c, folder->model, (const char *const *)folder->sets, (size_t)folder->set_count);
    command_messages(c, &line);
    lpc_destroy(c);
    return code;
}

int command_check(lpc_compiler *c, const Words *words)
{
    bool each = lpc_get(c, "each") != NULL;
    if (!words->count) return usage_error("check", "missing '%s'", each ? "FOLDER" : "MODEL.onnx");
    if (!each && words->count == 1) return usage_error("check", "missing 'DATA_DIR'");
    if (!each) {
        int code = check_one(c, words->list[0], words->list + 1, words->count - 1);
        if (lpc_kept(c)) fprintf(stderr, "kept %s\n", lpc_kept(c));
        return code;
    }
    TRY_STATUS(lpc_check(c, words->list[0], NULL, 0, NULL, NULL)); /* the options alone */
    return check_each(words->list, (int)words->count, check_folder, c);
}
