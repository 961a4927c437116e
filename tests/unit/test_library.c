/* liblpc: the order of calls, messages, everything that is told of a model, memory that ends, and
 * two compilers on two threads. */
#include "tests/check.h"

#include "include/lpc/lpc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char model[] = LPC_SOURCE_DIR "/models/digits/digits.onnx";

static bool says(const lpc_compiler *c, const char *what)
{
    for (size_t i = 0; i < lpc_message_count(c); i++)
        if (strstr(lpc_message(c, i), what)) return true;
    printf("no message says '%s':\n", what);
    for (size_t i = 0; i < lpc_message_count(c); i++) printf("  %s\n", lpc_message(c, i));
    return false;
}

static void order_of_calls(void)
{
    const lpc_pipeline *pipeline;
    const char *json;
    lpc_compiler *c = lpc_create();
    CHECK(lpc_compile(c, &pipeline) == LPC_STATUS_USAGE && !pipeline);
    CHECK(says(c, "lpc_import comes first"));
    lpc_clear(c);
    CHECK(!lpc_message_count(c) && !lpc_message(c, 0));
    CHECK(lpc_import(c, "no/such.onnx") == LPC_STATUS_ERROR && says(c, "no/such.onnx"));
    lpc_clear(c);
    CHECK(lpc_import(c, model) == LPC_STATUS_OK && !lpc_message_count(c));
    CHECK(lpc_import(c, model) == LPC_STATUS_USAGE);
    CHECK(lpc_set(c, "portable", NULL) == LPC_STATUS_USAGE && says(c, "imported already"));
    lpc_clear(c);
    CHECK(!lpc_plan(c, &json) && strstr(json, "\"stages\""));
    CHECK(!lpc_compile(c, &pipeline) && pipeline->stage_count == 1 && pipeline->exact);
    CHECK(pipeline->stages[0].layers > 0 && pipeline->stages[0].weight_bytes > 0);
    CHECK(lpc_emit(c, LPC_SOURCE_DIR) == LPC_STATUS_ERROR && says(c, "exists already"));
    lpc_destroy(c);
    lpc_destroy(NULL);
}

static void options(void)
{
    size_t count;
    lpc_compiler *c = lpc_create();
    const lpc_option *list = lpc_options(c, &count);
    CHECK(list && count > 20);
    for (size_t i = 0; i < count; i++) CHECK(list[i].name[0] != '-' && list[i].help);
    CHECK(lpc_set(c, "bind", "batch") == LPC_STATUS_USAGE && says(c, "expected NAME=N"));
    CHECK(lpc_set(c, "bind", NULL) == LPC_STATUS_USAGE);
    CHECK(lpc_set(c, "portable", "yes") == LPC_STATUS_USAGE);
    CHECK(lpc_set(c, "help", NULL) == LPC_STATUS_USAGE);
    CHECK(lpc_set(c, "--bind", "batch=1") == LPC_STATUS_OK);
    CHECK(!strcmp(lpc_status_text(LPC_STATUS_MISMATCH), "outputs differ from what was expected"));
    CHECK(!strcmp(lpc_status_text((lpc_status)99), "unknown status"));
    lpc_destroy(c);
}

static void facts(void)
{
    const lpc_inspection *x = NULL;
    const lpc_target *targets;
    size_t count;
    lpc_compiler *c = lpc_create();
    CHECK(!lpc_import(c, model) && !lpc_inspect(c, NULL, &x) && x);
    if (!x) {
        lpc_destroy(c);
        return;
    }
    CHECK(x->operator_count > 1 && x->parameters > 1000 && x->bounded && x->flops > 0);
    CHECK(x->input_count == 1 && x->output_count >= 1 && x->inputs[0].rank > 0);
    CHECK(!strcmp(x->inputs[0].type, "f32") && x->inputs[0].dims[0]);
    CHECK(!lpc_targets(c, &targets, &count) && count > 3 && !strcmp(targets[0].name, "host"));
    lpc_destroy(c);
}

/* Words of a command line, and models that were not imported. */
static void words(void)
{
    static char *const argv[] = {(char *)"a.onnx", (char *)"--bind", (char *)"batch=2",
                                 (char *)"--keep", (char *)"b"};
    const char *const *rest;
    const lpc_inspection *x;
    const lpc_checked *results;
    size_t count;
    lpc_compiler *c = lpc_create();
    CHECK(!lpc_parse(c, "check", 5, argv, &rest, &count) && count == 2);
    CHECK(!strcmp(rest[0], "a.onnx") && !strcmp(rest[1], "b"));
    CHECK(lpc_get(c, "bind") && !strcmp(lpc_get(c, "bind"), "batch=2"));
    CHECK(lpc_get(c, "keep") && !*lpc_get(c, "keep") && !lpc_get(c, "portable"));
    CHECK(lpc_parse(c, "nonsense", 0, argv, &rest, &count) == LPC_STATUS_USAGE);
    CHECK(lpc_parse(c, "targets", 3, argv + 1, &rest, &count) == LPC_STATUS_USAGE);
    lpc_destroy(c);
    c = lpc_create();
    CHECK(lpc_inspect(c, NULL, &x) == LPC_STATUS_USAGE && !x);
    CHECK(!lpc_inspect(c, model, &x) && x->typed && x->lowered && x->stage_count == 1);
    CHECK(lpc_inspect(c, "no/such.onnx", &x) == LPC_STATUS_ERROR && x && !x->typed);
    CHECK(lpc_check(c, model, &(const char *){"/no/such"}, 1, &results, &count) ==
          LPC_STATUS_ERROR);
    CHECK(!count && !lpc_kept(c) && says(c, "/no/such"));
    lpc_destroy(c);
}

static void *compile_for(void *targets)
{
    const lpc_pipeline *pipeline;
    char folder[64];
    snprintf(folder, sizeof folder, "/tmp/lpc-test-library-%d-%s", (int)getpid(), (char *)targets);
    lpc_compiler *c = lpc_create();
    bool good = !lpc_set(c, "targets", targets) && !lpc_set(c, "no-link", NULL) &&
                !lpc_import(c, model) && !lpc_compile(c, &pipeline) && !lpc_emit(c, folder);
    if (!good) printf("%s\n", lpc_message(c, 0));
    lpc_destroy(c);
    return good ? strdup(folder) : NULL;
}

static void two_threads(void)
{
    pthread_t threads[2];
    static char names[2][8] = {"pc", "pc,pi"};
    for (int i = 0; i < 2; i++) CHECK(!pthread_create(&threads[i], NULL, compile_for, names[i]));
    for (int i = 0; i < 2; i++) {
        void *folder;
        pthread_join(threads[i], &folder);
        CHECK(folder);
        char command[128];
        snprintf(command, sizeof command, "rm -r '%s'", folder ? (char *)folder : "/nothing");
        CHECK(!system(command));
        free(folder);
    }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* In a process of its own: with little memory a step fails, and nothing else happens. */
static void memory_ends(void)
{
#ifndef SANITIZED /* sanitizers take more address space than that */
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {256 << 20, 256 << 20};
        lpc_status code = LPC_STATUS_OK;
        lpc_compiler *c = lpc_create();
        setrlimit(RLIMIT_AS, &limit);
        static char value[4096] = "n=";
        memset(value + 2, '1', 1);
        memset(value, 'n', sizeof value - 3);
        value[sizeof value - 3] = '=', value[sizeof value - 2] = '1';
        for (int i = 0; i < 1 << 20 && !code; i++) code = lpc_set(c, "bind", value);
        bool good = code == LPC_STATUS_MEMORY && lpc_import(c, model) == LPC_STATUS_MEMORY;
        lpc_destroy(c);
        _exit(good ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
#endif
}

int main(void)
{
    order_of_calls();
    options();
    facts();
    words();
    two_threads();
    memory_ends();
    if (!failures) printf("liblpc: as its header says\n");
    return failures != 0;
}
