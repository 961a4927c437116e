/* Random graphs (graph_cases.h) through everything that gives results, which must agree:
 *
 *   as they are (--no-plan), and after the passes, for each kind of target, in the evaluator:
 * within the bound that the graph's values carry cut into stages, and whole: bit for bit the C
 * backend, and LLVM's, and the evaluator: bit for bit
 *
 *   test_graph_random            the seeds from 0 on, 150 of them, or what 15 seconds allow
 *   test_graph_random SEED       that one, printed; a failure's seed says all that is to be known
 *   LPC_FUZZ_SECONDS=N           so many seconds, from LPC_FUZZ_SEED or a seed by the clock on */
#define _DEFAULT_SOURCE
#include "tests/unit/graph_ops.h"

#include "backend/c/c.h"
#ifdef LPC_TEST_LLVM
#include "backend/llvm/llvm.h"
#endif
#include "backend/object/weights_object.h"
#include "lib/check/evaluate.h"
#include "passes/passes.h"
#include "passes/stage/work.h"
#include "runtime/lpc_model.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SEEDS = 150, SECONDS = 15, BATCH = 24, STAGES = 4, KINDS = 3 };

/* Seeds that found a fault once come first. */
static const uint32_t known[] = {142, 5235};

static int failures;

/* The seed at work, told when lpc crashes. */
static uint32_t current;

static void tell_seed(void)
{
    char line[40];
    int length = snprintf(line, sizeof line, "CRASH at seed %u\n", current);
    if (write(STDOUT_FILENO, line, (size_t)length) < 0) _exit(1);
}

static void crashed(int number)
{
    tell_seed();
    signal(number, SIG_DFL);
    raise(number);
}

/* AddressSanitizer calls it. */
void __asan_on_error(void);
void __asan_on_error(void)
{
    tell_seed();
}

/* What a target means here. */
typedef struct Kind {
    const char *name;
    Target *target;
    bool portable;
} Kind;

static Kind kinds[KINDS];
static int kind_count;

static void load_kinds(Arena *arena)
{
    static const char *const names[] = {"pc", "pc-avx512"};
    kinds[kind_count++] = (Kind){"portable", target_host(arena), true};
    for (int i = 0; i < 2; i++) {
        Diag diag;
        Target *target;
        diag_init(&diag, arena, NULL);
        if (!target_load(&diag, arena, names[i], NULL, 0, &target) && target->native)
            kinds[kind_count++] = (Kind){names[i], target, false};
    }
    if (kind_count == 1) kinds[kind_count++] = (Kind){"host", target_host(arena), false};
}

/* ---- One graph ---- */

typedef struct Trial {
    uint32_t seed;
    Arena *arena;
    Diag diag;
    Gen gen;
    int64_t n;
    bool failed;
} Trial;

static void fail(Trial *t, const char *what, const char *where)
{
    if (!t->failed) {
        printf("FAIL seed %u: %s (%s)\n", t->seed, what, where);
        printf("%s", t->gen.text.data);
        failures++;
    }
    t->failed = true;
    diag_flush(&t->diag);
    fflush(stdout);
}

/* The same numbers each time it is asked for the same input. */
static HostTensor make_input(const Trial *t, Arena *arena, const PackageTensor *declared,
                             const int64_t *sizes)
{
    HostTensor x = {0};
    uint32_t state = t->seed * 77u + 5;
    for (const char *c = declared->name; *c; c++) state = state * 31 + (uint8_t)*c;
    package_shape(declared, sizes, &x);
    host_alloc(&x, arena);
    for (int64_t i = 0; i < host_elements(&x); i++) {
        state = state * 1664525u + 1013904223u;
        int r = (int)(state >> 10);
        switch (x.type) {
        case DT_F32: ((float *)x.data)[i] = (float)(r % 4001 - 2000) / 1000.0f; break;
        case DT_I64: ((int64_t *)x.data)[i] = r & 1; break;
        case DT_I32: ((int32_t *)x.data)[i] = r % 19 - 9; break;
        default: ((uint8_t *)x.data)[i] = r & 1; break;
        }
    }
    return x;
}

/* A graph that was cut, its results, and what they came from. */
typedef struct Result {
    Arena *arena; /* of all of it */
    Graph *graph;
    Cut cut;
    Package *package;
    HostTensor *in, *out;
    int64_t *sizes; /* before the run */
} Result;

static int cut_randomly(Trial *t, Graph *graph, const Kind *kind, bool plain, int stages, Cut *cut)
{
    const Target *targets[STAGES];
    const char *names[STAGES];
    LowerTarget lower[STAGES];
    Partition partition = {0};
    Work work;
    work_init(&work, graph);
    for (int i = 0; i < STAGES; i++) {
        targets[i] = kind->target;
        names[i] = kind->name;
        lower[i] = stage_lower_target(kind->target, kind->portable);
        lower[i].plain = plain;
    }
    for (int at = 1; at < work.count && partition.count + 1 < stages; at++) {
        if (work.allowed[at] && gen_pick(&t->gen, work.count) < stages)
            partition.end[partition.count++] = at;
    }
    partition.end[partition.count++] = work.count;
    if (partition.count < 2 || stages < 2) {
        CutRequest request = {.targets = targets, .names = names, .count = 1, .lower = lower};
        return cut_graph(graph, &request, cut);
    }
    Plan *plan = arena_alloc(graph->arena, sizeof *plan);
    Cluster *cluster = arena_alloc(graph->arena, sizeof *cluster);
    PlanOptions options = plan_defaults();
    for (int i = 0; i < partition.count; i++) partition.device[i] = i;
    TRY(cut_devices(graph->diag, graph->arena, targets, names, partition.count, cluster));
    Planning planning = {&work, work_profile(&work), cluster, targets, names, lower};
    TRY(work_footprints(&work, planning.profile, targets, lower, partition.count));
    return cut_proven(&planning, &options, &partition, cut, plan);
}

static int evaluate(Trial *t, const Kind *kind, bool plain, int stages, Result *r)
{
    Evaluation *evaluation;
    *r = (Result){.arena = t->arena};
    TRY(graph_parse(r->arena, &t->diag, t->gen.text.data, "random", &r->graph));
    TRY(plain ? passes_run_plain(r->graph) : passes_run_default(r->graph));
    TRY(graph_verify(r->graph));
    TRY(cut_randomly(t, r->graph, kind, plain, stages, &r->cut));
    for (int i = 0; i < r->cut.count; i++) TRY(loops_verify(r->cut.stages[i].program, &t->diag));
    evaluate_cut(r->graph, &r->cut, &evaluation, &r->package);
    Package *p = r->package;
    r->sizes = arena_array(r->arena, (size_t)p->symbol_count + 1, sizeof *r->sizes);
    int64_t *sizes = arena_array(r->arena, (size_t)p->symbol_count + 1, sizeof *sizes);
    for (int i = 0; i < p->symbol_count; i++)
        if (!strcmp(p->symbol_names[i], "n")) sizes[i] = r->sizes[i] = t->n;
    r->in = arena_array(r->arena, (size_t)p->inputs.count + 1, sizeof *r->in);
    r->out = arena_array(r->arena, (size_t)p->outputs.count + 1, sizeof *r->out);
    for (int i = 0; i < p->inputs.count; i++)
        r->in[i] = make_input(t, r->arena, &p->inputs.tensors[i], sizes);
    return evaluate_run(evaluation, r->arena, &t->diag, r->in, sizes, r->out);
}

static bool is_nan(const HostTensor *x, int64_t i)
{
    return x->type == DT_F32 && isnan(((const float *)x->data)[i]);
}

/* Bit for bit, any NaN equal to any other, or within `error`. */
static bool near(const HostTensor *a, const HostTensor *b, double error)
{
    size_t size = dtype_size(a->type);
    if (a->type != b->type || a->bytes != b->bytes) return false;
    for (int64_t i = 0; i < host_elements(a); i++) {
        if (!memcmp((char *)a->data + (size_t)i * size, (char *)b->data + (size_t)i * size, size))
            continue;
        if (is_nan(a, i) && is_nan(b, i)) continue;
        if (a->type == DT_F32 && fabs(host_value(a, i) - host_value(b, i)) <= error) continue;
        printf("'%s', element %d: %.9g, %.9g; allowed %g\n", a->name, (int)i, host_value(a, i),
               host_value(b, i), error);
        return false;
    }
    return true;
}

/* The error that the graph's value carries: -1 when there is none of that name. */
static double error_of(const Trial *t, const char *name)
{
    for (int i = 0; i < t->gen.count; i++) {
        const GenValue *v = &t->gen.values[i];
        if (!strcmp(v->name + 1, name)) return v->exact || v->type != DT_F32 ? 0 : 4 * v->error;
    }
    return -1;
}

static void compare(Trial *t, const Result *a, const Result *b, bool exact, const char *what,
                    const char *where)
{
    bool same = a->package->outputs.count == b->package->outputs.count;
    for (int i = 0; same && i < a->package->outputs.count; i++) {
        double error = exact ? 0 : error_of(t, a->out[i].name);
        /* -0 and 0 are as near as can be */
        same = near(&a->out[i], &b->out[i], exact ? -1 : error);
    }
    if (!same) fail(t, what, where);
}

/* Passes, cuts and kinds of targets in the evaluator. r[k]: whole, for each kind. */
static bool evaluate_all(Trial *t, Result *r)
{
    Result plain, stages;
    if (evaluate(t, &kinds[0], true, 1, &plain)) return fail(t, "refused", "plain"), false;
    for (int k = 0; k < kind_count; k++) {
        const Kind *kind = &kinds[k];
        if (evaluate(t, kind, false, 1, &r[k])) return fail(t, "refused", kind->name), false;
        compare(t, &plain, &r[k], false, "the passes change the results", kind->name);
        int count = 2 + (int)(t->seed + (uint32_t)k) % (STAGES - 1);
        if (evaluate(t, kind, false, count, &stages))
            return fail(t, "refused in stages", kind->name), false;
        compare(t, &r[k], &stages, true, "stages differ from the whole", kind->name);
    }
    return !t->failed;
}

/* ---- Backends: a batch is compiled at once ---- */

typedef enum Backends { WITH_C, WITH_LLVM, BACKENDS } Backends;

typedef struct Batch {
    Trial trials[BATCH];
    Result results[BATCH];
    int count;
    char folder[64];
} Batch;

static const Kind *kind_of(const Trial *t, Backends backend)
{
    return &kinds[(t->seed + backend) % (uint32_t)kind_count];
}

static bool shell(const char *command)
{
    int status = system(command);
    if (status) printf("FAIL %.300s\n", command);
    return status == 0;
}

static int emit_c(const Trial *t, Diag *diag, const Program *program, const Kind *kind,
                  const char *path)
{
    CEmitOptions options = {.portable = kind->portable, .vector_bits = kind->target->vector_bits};
    Text text;
    text_init(&text, t->arena);
    TRY(backend_c_emit(program, &options, diag, &text));
    FILE *file = fopen(path, "w");
    if (!file) return LPC_ERROR;
    fputs(text.data, file);
    return fclose(file) ? LPC_ERROR : 0;
}

/* C files of one kind together, so that a compiler starts once for some of them. */
static bool compile_c(const Batch *b, Arena *arena)
{
    bool good = true;
    for (int k = 0; k < kind_count; k++) {
        Text flags;
        text_init(&flags, arena);
        for (int i = 0; i < kinds[k].target->cflag_count && !kinds[k].portable; i++)
            text_printf(&flags, " %s", kinds[k].target->cflags[i]);
        good =
            good && shell(arena_printf(arena,
                                       "cd %s && ls k%d_*.c 2>/dev/null | xargs -r -n 6 -P 2 cc "
                                       "-std=c11 -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror "
                                       "-Wno-psabi -fno-math-errno -fno-trapping-math%s "
                                       "-I" LPC_SOURCE_DIR "/runtime -fPIC -c",
                                       b->folder, k, flags.data));
    }
    return good;
}

static void emit(Batch *b, int i, Backends backend)
{
    Trial *t = &b->trials[i];
    const Result *r = &b->results[i];
    const Kind *kind = kind_of(t, backend);
    const Program *program = r->cut.stages[0].program;
    int code = LPC_ERROR;
    if (backend == WITH_C)
        code = emit_c(t, &t->diag, program, kind,
                      arena_printf(t->arena, "%s/k%d_%d.c", b->folder, (int)(kind - kinds), i));
#ifdef LPC_TEST_LLVM
    LlvmOptions options = llvm_options(kind->target);
    options.opt_level = t->seed % 3 ? 2 : 0;
    if (backend == WITH_LLVM)
        code = backend_llvm_emit(program, &options, &t->diag,
                                 arena_printf(t->arena, "%s/l%d.o", b->folder, i));
#endif
    if (!code && program->const_bytes)
        code = weights_object_write(program, kind->target->triple, &t->diag,
                                    arena_printf(t->arena, "%s/w%d.o", b->folder, i));
    if (code) fail(t, "not emitted", kind->name);
}

/* A copy in pages of its own, mapped as the runtime's --guard does (docs/wire.md): read-only, and up to
 * its alignment it ends where nothing can be read. */
typedef struct Guarded {
    uint8_t *pages;
    size_t bytes;      /* with the last page */
    const void *begin; /* of the tensor; NULL: no memory */
} Guarded;

static Guarded guard(const HostTensor *x)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (x->bytes + page - 1) / page * page;
    Guarded g = {.bytes = room + page};
    g.pages = mmap(NULL, g.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.pages == MAP_FAILED) return g;
    uint8_t *begin = g.pages + room - (x->bytes + 63) / 64 * 64;
    if (x->bytes) memcpy(begin, x->data, x->bytes);
    if ((!room || !mprotect(g.pages, room, PROT_READ)) &&
        !mprotect(g.pages + room, page, PROT_NONE))
        g.begin = begin;
    return g;
}

static void run_one(Trial *t, const Result *r, lpc_run_fn *run, const char *what)
{
    const Program *program = r->cut.stages[0].program;
    const Package *p = r->package;
    const void **in = arena_array(t->arena, (size_t)p->inputs.count + 1, sizeof *in);
    void **out = arena_array(t->arena, (size_t)p->outputs.count + 1, sizeof *out);
    HostTensor *got = arena_array(t->arena, (size_t)p->outputs.count + 1, sizeof *got);
    int64_t *sizes = arena_array(t->arena, (size_t)p->symbol_count + 1, sizeof *sizes);
    void *work = NULL;
    memcpy(sizes, r->sizes, (size_t)p->symbol_count * sizeof *sizes);
    Guarded *inputs = arena_array(t->arena, (size_t)p->inputs.count + 1, sizeof *inputs);
    for (int i = 0; i < p->inputs.count; i++) {
        inputs[i] = guard(&r->in[i]);
        in[i] = inputs[i].begin;
        if (!in[i]) {
            fail(t, "no memory for the inputs", what);
            return;
        }
    }
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class != BUFFER_OUTPUT) continue;
        void *room = NULL;
        if (posix_memalign(&room, 64, (size_t)buffer->max_bytes + 64)) return;
        out[buffer->index] = room;
        got[buffer->index] = r->out[buffer->index];
        got[buffer->index].data = room;
    }
    if (posix_memalign(&work, 64, (size_t)program->work_bytes + 64)) return;
    memset(work, 0xff, (size_t)program->work_bytes);
    if (run(in, out, sizes, work, NULL, NULL)) fail(t, "an error code", what);
    for (int i = 0; i < p->outputs.count; i++) {
        if (!near(&r->out[i], &got[i], -1)) fail(t, "the backend differs from the evaluator", what);
        free(out[i]);
    }
    for (int i = 0; i < p->inputs.count; i++) munmap(inputs[i].pages, inputs[i].bytes);
    free(work);
}

static void run_batch(Batch *b, Backends backend, Arena *arena)
{
    const char *what = backend == WITH_C ? "C" : "LLVM";
    if (!shell(arena_printf(arena, "rm -f %s/*", b->folder))) return;
    for (int i = 0; i < b->count; i++) emit(b, i, backend);
    const char *path = arena_printf(arena, "%s/%s.so", b->folder, what);
    void *library = NULL;
    if ((backend != WITH_C || compile_c(b, arena)) &&
        shell(arena_printf(arena, "cc -shared -Wl,-z,defs -o %s %s/*.o -lm", path, b->folder)))
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        printf("FAIL %s: seeds %u to %u are not compiled\n", what, b->trials[0].seed,
               b->trials[b->count - 1].seed);
        failures++;
        return;
    }
    for (int i = 0; i < b->count; i++) {
        Trial *t = &b->trials[i];
        current = t->seed;
        lpc_run_fn *run;
        void *symbol = dlsym(library, arena_printf(arena, "g%u_run", t->seed));
        memcpy(&run, &symbol, sizeof run);
        if (run)
            run_one(t, &b->results[i], run,
                    arena_printf(arena, "%s, %s", what, kind_of(t, backend)->name));
        else
            fail(t, "no such function", what);
    }
    dlclose(library);
}

/* ---- All of them ---- */

/* Through the evaluator, and then into the batch when there is something to compile. */
static void add(Batch *b, uint32_t seed, bool print, Result *r)
{
    Trial *t = &b->trials[b->count];
    current = seed;
    *t = (Trial){.seed = seed, .arena = arena_new(), .n = 1 + seed % GEN_N_MAX};
    diag_init(&t->diag, t->arena, "random");
    gen_graph(&t->gen, t->arena, arena_printf(t->arena, "g%u", seed), seed);
    if (print) printf("%s", t->gen.text.data);
    if (evaluate_all(t, r))
        b->count++;
    else
        arena_free(t->arena);
}

static void finish(Batch *b, Result (*all)[KINDS])
{
    Arena *arena = arena_new();
    int backends = WITH_C + 1;
#ifdef LPC_TEST_LLVM
    backends = BACKENDS;
#endif
    for (int backend = 0; b->count && backend < backends; backend++) {
        for (int i = 0; i < b->count; i++)
            b->results[i] = all[i][kind_of(&b->trials[i], (Backends)backend) - kinds];
        run_batch(b, (Backends)backend, arena);
    }
    for (int i = 0; i < b->count; i++) arena_free(b->trials[i].arena);
    b->count = 0;
    arena_free(arena);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    static Batch batch;
    static Result all[BATCH][KINDS];
    const char *given = getenv("LPC_FUZZ_SECONDS"), *from = getenv("LPC_FUZZ_SEED");
    double end = now() + (given ? atof(given) : (double)SECONDS);
    uint32_t first = 0;
    int count = given ? 1 << 30 : SEEDS, done = 0;
    if (given) first = (uint32_t)time(NULL) % 1000000000u;
    if (from) first = (uint32_t)strtoul(from, NULL, 10);
    if (argc > 1) {
        first = (uint32_t)strtoul(argv[1], NULL, 10);
        count = 1;
    }
    Arena *arena = arena_new();
    strcpy(batch.folder, "/tmp/lpc_graphs_XXXXXX");
    if (!mkdtemp(batch.folder)) return 1;
    load_kinds(arena);
#ifndef __SANITIZE_ADDRESS__
    signal(SIGSEGV, crashed);
    signal(SIGBUS, crashed);
    signal(SIGFPE, crashed);
#else
    (void)crashed;
#endif
    for (size_t i = 0; argc == 1 && i < sizeof known / sizeof *known; i++)
        add(&batch, known[i], false, all[batch.count]);
    while (done < count && (done == 0 || now() < end) && failures < 10) {
        add(&batch, first + (uint32_t)done, argc > 1, all[batch.count]);
        done++;
        if (batch.count == BATCH) finish(&batch, all);
    }
    finish(&batch, all);
    shell(arena_printf(arena, "rm -rf %s", batch.folder));
    arena_free(arena);
    printf("%d random graphs from seed %u on, %d kinds of targets, %d failures\n", done, first,
           kind_count, failures);
    return failures != 0;
}
