/* The C backend against the evaluator, bit for bit: the LLVM backend's programs and some of C's own
 * are emitted, compiled with every warning an error by the compilers that are here, loaded and run
 * on random data.
 *
 *   LPC_FULL=1   every program in every way (minutes)
 *   LPC_CC=...   a compiler command instead of the list below
 *   LPC_KEEP=1   keeps the emitted files and says where they are */
#define _POSIX_C_SOURCE 200809L
#include "backend/c/c.h"
#include "runtime/lpc_model.h"
#include "tests/unit/backend_case.h"
#include "tests/unit/c_cases.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARNINGS                                                                                   \
    "-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror -Wno-psabi -fno-math-errno "

/* ---- Running ---- */

static uint8_t *room(size_t bytes)
{
    return aligned_alloc(64, (bytes + SLACK + 63) / 64 * 64);
}

static uint8_t *fill(const Buffer *buffer)
{
    uint8_t *data = room((size_t)buffer->max_bytes);
    fill_random(buffer, data, false);
    return data;
}

/* The memory of one run. */
typedef struct Memory {
    const void *in[MAX_BUFFERS];
    void *out[MAX_BUFFERS];
    uint8_t *work, *state;
    int64_t sizes[MAX_SYMBOLS];
} Memory;

static void memory_make(Memory *m, const Case *c, const Memory *like)
{
    const Program *p = c->program;
    *m = (Memory){0};
    memcpy(m->sizes, c->sizes, sizeof m->sizes);
    m->work = room((size_t)p->work_bytes);
    m->state = room((size_t)p->state_bytes);
    memset(m->work, 0x11, (size_t)p->work_bytes);
    memset(m->state, 0, (size_t)p->state_bytes);
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *b = p->buffers[i];
        if (b->class == BUFFER_INPUT) m->in[b->index] = like ? like->in[b->index] : fill(b);
        if (b->class != BUFFER_OUTPUT) continue;
        m->out[b->index] = room((size_t)b->max_bytes);
        memset(m->out[b->index], 0x5a, (size_t)b->max_bytes + SLACK);
    }
}

static void memory_free(Memory *m, bool inputs)
{
    free(m->work);
    free(m->state);
    for (int i = 0; i < MAX_BUFFERS; i++) free(m->out[i]);
    for (int i = 0; i < MAX_BUFFERS && inputs; i++) free((void *)(uintptr_t)m->in[i]);
}

static void run_case(Arena *arena, const Case *c, const uint8_t *weights, lpc_run_fn *run,
                     const lpc_threads *threads, const char *what)
{
    const Program *p = c->program;
    Memory a, b;
    memory_make(&a, c, NULL);
    memory_make(&b, c, &a);
    Diag diag;
    diag_init(&diag, arena, "test");
    int expected = loops_eval(p, &diag, a.in, a.out, a.sizes, a.work, a.state, weights);
    int got = run(b.in, b.out, b.sizes, b.work, b.state, threads);
    diag_flush(&diag);
    check_about((c->code == ANY_CODE || expected == c->code) && got == expected, what, p->name);
    check_about(expected || !memcmp(a.sizes, b.sizes, sizeof a.sizes), what, "symbols");
    for (int i = 0; i < p->buffer_count && got == LPC_RUN_OK; i++) {
        const Buffer *buffer = p->buffers[i];
        if (buffer->class == BUFFER_OUTPUT)
            check_about(same(buffer, a.out[buffer->index], b.out[buffer->index]), what, p->name);
    }
    memory_free(&b, false);
    memory_free(&a, true);
}

/* ---- Emitting and compiling ---- */

typedef struct Way {
    const char *name, *compiler; /* the compiler's program and flags */
    bool portable, run;
    int every; /* of the programs that are not C's own, one in this many */
} Way;

static bool has(const char *program)
{
    Text command;
    Arena *arena = arena_new();
    text_init(&command, arena);
    text_printf(&command, "command -v %s >/dev/null 2>&1", program);
    int status = system(command.data);
    arena_free(arena);
    return status == 0;
}

static bool shell(const char *command)
{
    int status = system(command);
    if (status) printf("FAIL %.200s\n", command);
    return status == 0;
}

static bool is_scalar(const Program *program)
{
    for (int i = 0; i < program->kernel_count; i++)
        if (loops_has_vectors(&program->kernels[i]->body)) return false;
    return true;
}

static bool takes_part(const Way *way, int index)
{
    if (way->portable && !is_scalar(cases[index].program)) return false;
    bool own = index >= first_own_case;
    return own || getenv("LPC_FULL") || index % way->every == 0;
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    fputs(text, file);
    return fclose(file) == 0;
}

/* Emits twice: the bytes must be the same. */
static void emit_case(Arena *arena, const Way *way, int index, const char *folder)
{
    const Program *p = cases[index].program;
    CEmitOptions options = {.portable = way->portable, .vector_bits = 512};
    Diag diag;
    diag_init(&diag, arena, "test");
    Text text[2];
    for (int i = 0; i < 2; i++) {
        text_init(&text[i], arena);
        check_about(backend_c_emit(p, &options, &diag, &text[i]) == LPC_OK, "emit", p->name);
    }
    diag_flush(&diag);
    check_about(!strcmp(text[0].data, text[1].data), "same bytes", p->name);
    text_printf(&text[0],
                "extern const unsigned char %s_weights[%d];\n"
                "const unsigned char %s_weights[%d] = {",
                p->name, (int)p->const_bytes + 1, p->name, (int)p->const_bytes + 1);
    for (int64_t i = 0; i < p->const_bytes; i++)
        text_printf(&text[0], "%d,", (int)((uint8_t)(((uint64_t)i) * 2654435761u >> 13)));
    text_add(&text[0], "0};\n");
    check_about(write_file(arena_printf(arena, "%s/c%d.c", folder, index), text[0].data), "write",
                p->name);
}

/* The weights as the emitted file has them: each byte from its offset in the section. */
static void fill_weights(const Program *p, uint8_t *weights)
{
    read_random(NULL, 0, weights, (size_t)p->const_bytes);
}

static bool compile(Arena *arena, const Way *way, const char *folder)
{
    Text list;
    text_init(&list, arena);
    for (int i = 0; i < case_count; i++)
        if (takes_part(way, i)) {
            emit_case(arena, way, i, folder);
            text_printf(&list, "c%d.c\n", i);
        }
    if (!write_file(arena_printf(arena, "%s/list", folder), list.data)) return false;
    if (!shell(arena_printf(arena,
                            "cd %s && rm -f *.o && xargs -n 8 -P 2 %s " WARNINGS "-I" LPC_SOURCE_DIR
                            "/runtime -fPIC -c <list",
                            folder, way->compiler)))
        return false;
    return !way->run || shell(arena_printf(arena, "cd %s && %s -shared -o %s.so *.o -lm", folder,
                                           way->compiler, way->name));
}

static void run_all(Arena *arena, const Way *way, const char *folder)
{
    if (!compile(arena, way, folder)) {
        check_about(false, way->name, "compile");
        return;
    }
    void *library =
        way->run ? dlopen(arena_printf(arena, "%s/%s.so", folder, way->name), RTLD_NOW) : NULL;
    if (way->run && !library) printf("%s\n", dlerror());
    check_about(!way->run || library, way->name, "load");
    int count = 0;
    for (int i = 0; i < case_count; i++) {
        if (!takes_part(way, i)) continue;
        count++;
        if (!library) continue;
        const Program *p = cases[i].program;
        void *symbol = dlsym(library, arena_printf(arena, "%s_run", p->name));
        lpc_run_fn *run;
        memcpy(&run, &symbol, sizeof run);
        check_about(run != NULL, way->name, p->name);
        uint8_t *weights = room((size_t)p->const_bytes);
        fill_weights(p, weights);
        int calls = 0;
        lpc_threads threads = {pieces, &calls};
        if (run) run_case(arena, &cases[i], weights, run, NULL, way->name);
        if (run) run_case(arena, &cases[i], weights, run, &threads, way->name);
        free(weights);
    }
    if (library) dlclose(library);
    printf("%s: %d programs %s, %d failures so far\n", way->name, count,
           way->run ? "ran" : "compiled", failures);
}

/* What must be refused is, once. */
static void refusals(Arena *arena)
{
    Diag diag;
    diag_init(&diag, arena, "test");
    Text out;
    text_init(&out, arena);
    Case vector = case_new(arena, "refused");
    build_binary(&vector, DT_F32, 8);
    main_call(vector.program, &vector.program->main->body, vector.program->kernels[0], 3,
              vector.args);
    CEmitOptions options = {.portable = true};
    check_about(backend_c_emit(vector.program, &options, &diag, &out) == LPC_ERROR &&
                    diag.count == 1,
                "refuse", "portable vectors");
    Case unplanned = case_new(arena, "unplanned");
    buffer(&unplanned, "t", BUFFER_WORK, DT_F32, 4);
    unplanned.args[0].buffer->offset = -1;
    main_call(unplanned.program, &unplanned.program->main->body, unplanned.program->kernels[0], 1,
              unplanned.args);
    check_about(backend_c_emit(unplanned.program, &options, &diag, &out) == LPC_ERROR &&
                    diag.count == 2,
                "refuse", "buffer without offset");
}

int main(void)
{
    Arena *arena = arena_new();
    char folder[] = "/tmp/lpc_c_XXXXXX";
    if (!mkdtemp(folder)) return 1;
    build_cases(arena);
    build_own_cases(arena);
    refusals(arena);
    bool x86 = false;
#if defined(__x86_64__)
    x86 = true;
#endif
    const char *given = getenv("LPC_CC");
    const Way ways[] = {
        {"gcc",
         given ? given
         : x86 ? "gcc -O2 -march=native"
               : "gcc -O2",
         false, true, 3},
        {"gcc_plain", "gcc -O1", false, true, 7},
        {"gcc_portable", given ? given : "gcc -O1", true, true, 5},
        {"clang", x86 ? "clang-19 -O1 -march=x86-64-v3" : "clang-19 -O1", false, true, 5},
        {"clang_portable", "clang-19 -O1", true, true, 11},
        {"arm64", "aarch64-linux-gnu-gcc -O1 -mcpu=cortex-a76", false, false, 13},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *space = strchr(ways[i].compiler, ' ');
        int length = space ? (int)(space - ways[i].compiler) : (int)strlen(ways[i].compiler);
        if (given && ways[i].compiler != given) continue;
        if (has(arena_printf(arena, "%.*s", length, ways[i].compiler)))
            run_all(arena, &ways[i], folder);
        else
            printf("%s: skipped, no compiler\n", ways[i].name);
    }
    if (getenv("LPC_KEEP"))
        printf("kept %s\n", folder);
    else
        shell(arena_printf(arena, "rm -rf %s", folder));
    arena_free(arena);
    printf(failures ? "%d failures\n" : "all passed\n", failures);
    return failures != 0;
}
