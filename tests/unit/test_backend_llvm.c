/* The LLVM backend against the evaluator, bit for bit: small programs over every kind of
 * instruction, run on random data, at several optimisation levels and instruction sets; and code
 * generation for the other architectures. */
#define _POSIX_C_SOURCE 200809L
#include "backend/llvm/llvm.h"
#include "backend/object/weights_object.h"
#include "ir/target.h"
#include "runtime/lpc_model.h"
#include "tests/unit/backend_case.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Running. ---- */

/* A case's memory: outputs twice, for the evaluator and for the code. */
typedef struct Memory {
    void *in[MAX_BUFFERS], *out[2][MAX_BUFFERS];
    uint8_t *weights, *work;
    int64_t sizes[2][MAX_SYMBOLS];
    int expected; /* what the evaluator returned */
} Memory;

static void *block(int64_t bytes)
{
    size_t size = ((size_t)bytes + SLACK + 63) / 64 * 64;
    return memset(aligned_alloc(64, size), 0x5a, size);
}

/* Random inputs, and what the evaluator makes of them. */
static Memory memory_new(Arena *arena, const Case *c)
{
    const Program *p = c->program;
    Memory m = {.weights = block(p->const_bytes), .work = block(p->work_bytes)};
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *buffer = p->buffers[i];
        if (buffer->class == BUFFER_CONST)
            read_random(NULL, 0, m.weights + buffer->offset, (size_t)buffer->max_bytes);
        if (buffer->class == BUFFER_INPUT)
            fill_random(buffer, m.in[buffer->index] = block(buffer->max_bytes), true);
        for (int k = 0; k < 2 && buffer->class == BUFFER_OUTPUT; k++)
            m.out[k][buffer->index] = block(buffer->max_bytes);
    }
    for (int k = 0; k < 2; k++) memcpy(m.sizes[k], c->sizes, sizeof m.sizes[k]);
    Diag diag;
    diag_init(&diag, arena, "test");
    m.expected = loops_eval(p, &diag, (const void *const *)m.in, m.out[0], m.sizes[0], m.work, NULL,
                            m.weights);
    diag_flush(&diag);
    check_about(c->code == ANY_CODE || m.expected == c->code, "evaluator", p->name);
    return m;
}

static void memory_free(Memory *m)
{
    for (int i = 0; i < MAX_BUFFERS; i++) {
        free(m->in[i]);
        free(m->out[0][i]);
        free(m->out[1][i]);
    }
    free(m->weights);
    free(m->work);
}

static void run_case(Arena *arena, const Case *c, lpc_run_fn *run, const lpc_threads *threads,
                     const char *what)
{
    const Program *p = c->program;
    Memory m = memory_new(arena, c);
    memset(m.work, 0x5a, (size_t)p->work_bytes);
    int got = run((const void *const *)m.in, m.out[1], m.sizes[1], m.work, NULL, threads);
    check_about(got == m.expected, what, p->name);
    check_about(got || !memcmp(m.sizes[0], m.sizes[1], sizeof m.sizes[0]), what, "symbols");
    for (int i = 0; i < p->buffer_count && got == LPC_RUN_OK; i++) {
        const Buffer *buffer = p->buffers[i];
        if (buffer->class != BUFFER_OUTPUT) continue;
        check_about(same(buffer, m.out[0][buffer->index], m.out[1][buffer->index]), what, p->name);
    }
    memory_free(&m);
}

static bool shell(const char *command)
{
    int status = system(command);
    if (status) printf("FAIL %s\n", command);
    return status == 0;
}

/* Emits every case; adds the objects' names to `command`. */
static void emit_all(Arena *arena, const LlvmOptions *options, const char *folder, Text *command)
{
    Diag diag;
    diag_init(&diag, arena, "test");
    for (int i = 0; i < case_count; i++) {
        const Program *p = cases[i].program;
        char *object = arena_printf(arena, "%s/c%d.o", folder, i);
        char *weights = arena_printf(arena, "%s/w%d.o", folder, i);
        int code = backend_llvm_emit(p, options, &diag, object);
        text_printf(command, " %s", object);
        if (!code && p->const_bytes) {
            code = weights_object_write(p, options->triple, &diag, weights);
            text_printf(command, " %s", weights);
        }
        diag_flush(&diag);
        check_about(code == LPC_OK, options->triple, p->name);
    }
}

static void run_all(Arena *arena, const LlvmOptions *options, const char *folder, const char *what)
{
    Text command;
    text_init(&command, arena);
    text_printf(&command, "cc -shared -Wl,-z,defs -o %s/all.so", folder);
    emit_all(arena, options, folder, &command);
    text_add(&command, " -lm");
    void *library = NULL;
    if (shell(command.data))
        library = dlopen(arena_printf(arena, "%s/all.so", folder), RTLD_NOW | RTLD_LOCAL);
    check_about(library != NULL, what, "link");
    for (int i = 0; library && i < case_count; i++) {
        lpc_run_fn *run;
        void *symbol = dlsym(library, arena_printf(arena, "%s_run", cases[i].program->name));
        memcpy(&run, &symbol, sizeof run);
        check_about(symbol != NULL, what, cases[i].program->name);
        int calls = 0;
        lpc_threads threads = {pieces, &calls};
        if (run) run_case(arena, &cases[i], run, NULL, what);
        if (run) run_case(arena, &cases[i], run, &threads, what);
        check_about(!run || cases[i].code == ANY_CODE ||
                        calls == (kernel_parallel(cases[i].program->kernels[0]) != NULL &&
                                  cases[i].code != LPC_RUN_BOUND),
                    what, "threads");
    }
    if (library) dlclose(library);
    printf("%s: %d programs, %d failures so far\n", what, case_count, failures);
}

/* ---- Other architectures ---- */

static void put(FILE *file, int64_t number)
{
    fwrite(&number, sizeof number, 1, file);
}

static void put_block(FILE *file, const void *data, int64_t bytes)
{
    put(file, bytes);
    fwrite(data, 1, (size_t)bytes, file);
}

/* As llvm_runner.c takes it. */
static int64_t how_to_compare(DType dtype)
{
    switch (dtype) {
    case DT_F32:
    case DT_F64: return (int64_t)dtype_size(dtype);
    case DT_F16: return 0x7c00;
    case DT_BF16: return 0x7f80;
    default: return 0;
    }
}

/* Inputs and expected outputs, as llvm_runner.c reads them. */
static void put_case(Arena *arena, FILE *file, const Case *c)
{
    const Program *p = c->program;
    Memory m = memory_new(arena, c);
    put(file, p->work_bytes);
    put(file, m.expected);
    for (int i = 0; i < MAX_SYMBOLS; i++) put(file, c->sizes[i]);
    for (int i = 0; i < MAX_SYMBOLS; i++) put(file, m.sizes[0][i]);
    put(file, p->input_count);
    for (int i = 0; i < p->buffer_count; i++)
        if (p->buffers[i]->class == BUFFER_INPUT)
            put_block(file, m.in[p->buffers[i]->index], p->buffers[i]->max_bytes);
    put(file, p->output_count);
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *buffer = p->buffers[i];
        if (buffer->class != BUFFER_OUTPUT) continue;
        put(file, how_to_compare(buffer->dtype));
        put_block(file, m.out[0][buffer->index], buffer->max_bytes);
    }
    memory_free(&m);
}

static bool write_runs(Arena *arena, const char *folder)
{
    FILE *table = fopen(arena_printf(arena, "%s/runs.h", folder), "w");
    FILE *data = fopen(arena_printf(arena, "%s/data", folder), "wb");
    if (!table || !data) return false;
    fprintf(table, "enum { RUN_COUNT = %d, SYMBOLS = %d };\n", case_count, MAX_SYMBOLS);
    for (int i = 0; i < case_count; i++)
        fprintf(table, "lpc_run_fn %s_run;\n", cases[i].program->name);
    fprintf(table, "static const struct { const char *name; lpc_run_fn *run; } runs[] = {\n");
    for (int i = 0; i < case_count; i++) {
        fprintf(table, "    {\"%s\", %s_run},\n", cases[i].program->name, cases[i].program->name);
        put_case(arena, data, &cases[i]);
    }
    fprintf(table, "};\n");
    return !fclose(table) && !fclose(data);
}

static void run_emulated(Arena *arena, const Target *target, const LlvmOptions *options,
                         const char *folder)
{
    if (!target_has_program(target->cc) || !target_has_program(target->emulator)) {
        printf("%s: no compiler or no emulator, not run\n", target->name);
        return;
    }
    Text command, emulate;
    text_init(&command, arena);
    text_init(&emulate, arena);
    text_printf(&command, "%s -static -O1 -I%s -I%s -o %s/runner %s/tests/unit/llvm_runner.c",
                target->cc[0], LPC_SOURCE_DIR, folder, folder, LPC_SOURCE_DIR);
    emit_all(arena, options, folder, &command);
    text_add(&command, " -lm");
    for (int i = 0; i < target->emulator_count; i++)
        text_printf(&emulate, "%s ", target->emulator[i]);
    text_printf(&emulate, "%s/runner %s/data", folder, folder);
    check_about(write_runs(arena, folder) && shell(command.data) && shell(emulate.data), "emulated",
                target->name);
    printf("%s: run under %s\n", target->name, target->emulator[0]);
}

/* Code for another target is made, runs where it can, and is the same twice. */
static void cross(Arena *arena, const char *name, const char *folder)
{
    Diag diag;
    diag_init(&diag, arena, "test");
    Target *target = NULL;
    const char *dir = LPC_SOURCE_DIR "/targets";
    bool known = !target_load(&diag, arena, name, &dir, 1, &target);
    diag_flush(&diag);
    check_about(known, "target", name);
    if (!known) return;
    LlvmOptions options = llvm_options(target);
    run_emulated(arena, target, &options, folder);
    char *path[2];
    for (int k = 0; k < 2; k++) path[k] = arena_printf(arena, "%s/x%d.o", folder, k);
    for (int i = 0; i < case_count; i += 16) {
        for (int k = 0; k < 2; k++)
            check_about(!backend_llvm_emit(cases[i].program, &options, &diag, path[k]), name,
                        cases[i].program->name);
        check_about(shell(arena_printf(arena, "cmp %s %s", path[0], path[1])), name, "same bytes");
    }
    diag_flush(&diag);
}

static void bad_options(Arena *arena)
{
    Diag diag;
    diag_init(&diag, arena, "test");
    LlvmOptions options = {.triple = "sparc-sun-solaris", .opt_level = 2};
    check_about(backend_llvm_emit(cases[0].program, &options, &diag, "/dev/null") == LPC_ERROR &&
                    diag.count == 1,
                "bad", "triple");
    options.triple = "x86_64-linux-gnu";
    check_about(backend_llvm_emit(cases[0].program, &options, &diag, "/nowhere/x.o") == LPC_ERROR &&
                    diag.count == 2,
                "bad", "path");
}

int main(void)
{
    Arena *arena = arena_new();
    char folder[] = "/tmp/lpc_llvm_XXXXXX";
    if (!mkdtemp(folder)) return 1;
    build_cases(arena);
    LlvmOptions host = llvm_options(target_host(arena));
    LlvmOptions plain = host;
    plain.cpu = plain.features = "";
    plain.dot = DOT_NONE;
    plain.vector_bits = 128;
    plain.opt_level = 1;
    run_all(arena, &host, folder, "host");
    if (!is_sanitized()) { /* LLVM's own work: nothing of ours that differs */
        LlvmOptions other = host;
        other.opt_level = 0;
        run_all(arena, &other, folder, "host, level 0");
        other.opt_level = 3;
        run_all(arena, &other, folder, "host, level 3");
        run_all(arena, &plain, folder, "plain");
        cross(arena, "pi4", folder);
        cross(arena, "riscv64", folder);
    }
    cross(arena, "pi5", folder);
    bad_options(arena);
    if (!getenv("LPC_KEEP")) shell(arena_printf(arena, "rm -rf %s", folder));
    arena_free(arena);
    printf(failures ? "%d failures\n" : "all passed\n", failures);
    return failures != 0;
}
