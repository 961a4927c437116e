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

static void remove_folder(const char *folder)
{
    char command[160];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    CHECK(!system(command));
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
    CHECK(!lpc_plan(c, NULL, &pipeline, &json) && strstr(json, "\"stages\""));
    CHECK(pipeline->stage_count == 1 && !strcmp(pipeline->objective, "throughput"));
    CHECK(lpc_set(c, "repeat", "3") == LPC_STATUS_OK); /* no option of compiling */
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

/* Operators of the caller's own: a file that is not there, one that fails, then one that works. */
static void own_operators(void)
{
    static const char source[] = "#include \"lpc_custom.h\"\n"
                                 "int Relu_shape(lpc_custom_call *call)\n"
                                 "{ lpc_custom_like(call, 0, 0); return 0; }\n"
                                 "int Relu(lpc_custom_call *call) { return call->in_count > 9; }\n";
    char folder[] = "/tmp/lpc-library-XXXXXX", path[64], value[96];
    const lpc_inspection *seen;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/relu.c", folder);
    lpc_compiler *c = lpc_create();
    snprintf(value, sizeof value, "Relu=%s", path);
    CHECK(lpc_set(c, "custom", "Relu") == LPC_STATUS_USAGE &&
          says(c, "expected DOMAIN::OP=FILE.c"));
    CHECK(!lpc_set(c, "custom", value));
    CHECK(lpc_import(c, model) == LPC_STATUS_ERROR && says(c, "cannot read"));
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(source, file) >= 0 && !fclose(file));
    lpc_clear(c);
    CHECK(lpc_inspect(c, model, &seen) == LPC_STATUS_OK && !lpc_message_count(c));
    snprintf(value, sizeof value, "MatMul=%s", path);
    CHECK(!lpc_set(c, "custom", value)); /* another one, once they run */
    CHECK(lpc_import(c, model) == LPC_STATUS_ERROR && says(c, "does not define"));
    lpc_destroy(c);
    remove_folder(folder);
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

/* ---- Plans ---- */

static bool write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool good = file && fputs(text, file) >= 0;
    return file && !fclose(file) && good;
}

static void plans(const char *folder)
{
    const lpc_pipeline *plan = NULL;
    const lpc_alternative *all;
    const lpc_simulation *flow = NULL;
    const char *json = NULL;
    char path[128];
    size_t count;
    lpc_compiler *c = lpc_create();
    CHECK(lpc_plan(c, NULL, &plan, NULL) == LPC_STATUS_USAGE && !plan && says(c, "a model or"));
    CHECK(!lpc_set(c, "targets", "pc,pi") && !lpc_set(c, "use-all", NULL));
    CHECK(!lpc_plan(c, model, &plan, &json) && plan->stage_count == 2 && plan->exact);
    CHECK(plan->stages[0].compute_s > 0 && plan->stages[1].device_bytes > 0);
    CHECK(!lpc_compare(c, model, &all, &count) && count > 4 && all[0].pipeline);
    snprintf(path, sizeof path, "%s.json", folder);
    CHECK(json && write_text(path, json) && !lpc_simulate(c, path, &flow));
    CHECK(flow && flow->stage_count == 2 && flow->flow.period_s > 0 && !flow->tensor);
    CHECK(!lpc_set(c, "tensor-parallel", "2"));
    CHECK(lpc_simulate(c, path, &flow) == LPC_STATUS_USAGE && !flow && says(c, "needs --profile"));
    CHECK(lpc_simulate(c, "no/such.json", &flow) != LPC_STATUS_OK);
    unlink(path);
    lpc_destroy(c);
}

/* ---- Packages ---- */

static void count_outputs(void *user, const lpc_tensor *outputs, size_t count, int64_t frame,
                          int64_t frames)
{
    double first;
    lpc_elements(&outputs[0], 0, 1, &first);
    CHECK(count >= 1 && frame < frames && outputs[0].elements > 0 && first == first);
    ++*(int *)user;
}

static void packages(const char *folder)
{
    const lpc_ran *ran = NULL;
    const lpc_profiled *p = NULL;
    int shown = 0;
    lpc_compiler *c = lpc_create();
    CHECK(lpc_run_package(c, "no/such", NULL, NULL, &ran) == LPC_STATUS_ERROR && !ran);
    CHECK(!lpc_import(c, model) && !lpc_emit(c, folder) && !lpc_set(c, "repeat", "4"));
    CHECK(!lpc_run_package(c, folder, count_outputs, &shown, &ran) && shown == 1);
    CHECK(ran && ran->stage_count == 1 && ran->frames == 4 && ran->latency_ms > 0);
    CHECK(!lpc_set(c, "collect", "here:1"));
    CHECK(lpc_run_package(c, folder, NULL, NULL, &ran) == LPC_STATUS_USAGE && !ran);
    lpc_destroy(c);
    c = lpc_create();
    CHECK(!lpc_set(c, "repeat", "3") && !lpc_profile_model(c, model, &p));
    CHECK(p && p->kernel_count > 1 && p->runs == 3 && p->total_ms > 0 && p->kernels[0].limit);
    for (size_t i = 1; p && i < p->kernel_count; i++)
        CHECK(p->kernels[i].ms <= p->kernels[i - 1].ms && p->kernels[i].least_ms >= 0);
    lpc_destroy(c);
    remove_folder(folder);
}

/* ---- Passes and figures ---- */

static void passes(void)
{
    static const char text[] = "graph add from \"add.onnx\"\n"
                               "input %x: f32[2]\n"
                               "output %y\n"
                               "%y: f32[2] = Add (%x, %x)\n";
    size_t count;
    const char *result = NULL;
    lpc_compiler *c = lpc_create();
    const lpc_pass *list = lpc_passes(c, &count);
    CHECK(list && count > 10 && !list[0].loops && list[count - 1].loops);
    CHECK(!lpc_transform(c, text, "add", NULL, "lower,vectorize=256", &result));
    CHECK(result && !strncmp(result, "program", 7));
    CHECK(lpc_transform(c, text, "add", NULL, "nonsense", &result) == LPC_STATUS_ERROR && !result);
    CHECK(says(c, "no graph pass is called 'nonsense'"));
    CHECK(!strcmp(lpc_bytes_text(c, 840e6), "840.0 MB"));
    CHECK(!strcmp(lpc_seconds_text(c, 14.2e-3), "14.2 ms"));
    lpc_destroy(c);
}

static void commands(void)
{
    size_t count, option_count;
    const lpc_command *list = lpc_commands(&count);
    lpc_compiler *c = lpc_create();
    const lpc_option *options = lpc_options(c, &option_count);
    CHECK(count == 18 && !*list[0].name && list[0].compiles);
    for (size_t i = 0; i < count; i++) CHECK(list[i].summary && list[i].usage && list[i].about);
    for (size_t i = 0; i < option_count; i++)
        CHECK(options[i].commands && options[i].commands < 1u << count);
    CHECK(strlen(lpc_sources()) == 64);
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
        remove_folder(folder ? folder : "/nothing");
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
    char folder[64];
    snprintf(folder, sizeof folder, "/tmp/lpc-test-library-%d", (int)getpid());
    order_of_calls();
    options();
    own_operators();
    facts();
    words();
    commands();
    plans(folder);
    packages(folder);
    passes();
    two_threads();
    memory_ends();
    if (!failures) printf("liblpc: as its header says\n");
    return failures != 0;
}
