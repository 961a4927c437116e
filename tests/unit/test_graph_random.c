/* Random graphs (graph_cases.h) through everything that gives results, which must agree:
 *
 * - the evaluator, with the graph as it is (--no-plan) and after the passes, for each kind of
 *   target: within the bound that the graph's values carry;
 * - the evaluator, with the graph in one stage and cut into some: bit for bit;
 * - the C backend, LLVM's and the evaluator: bit for bit. Every other seed has threads for whatever
 *   can run on them, however small.
 *
 * A graph with state runs a few times.
 *
 *   test_graph_random            the seeds from 0 on, 150 of them, or what 50 seconds allow (15 with
 *                                sanitizers, which fuzz/graphs has, too)
 *   test_graph_random SEED       that one, printed; a failure's seed says all that is to be known
 *   LPC_FUZZ_SECONDS=N           so many seconds, from LPC_FUZZ_SEED or a seed by the clock on */
#define _DEFAULT_SOURCE
#include "tests/unit/graph_regions.h"

#include "backend/c/c.h"
#ifdef LPC_TEST_LLVM
#include "backend/llvm/llvm.h"
#endif
#include "backend/object/weights_object.h"
#include "lib/check/evaluate.h"
#include "passes/passes.h"
#include "passes/stage/work.h"
#include "runtime/lpc_model.h"
#include "tests/check.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SEEDS = 150, SECONDS = 50, SECONDS_SANITIZED = 15, BATCH = 24, STAGES = 4, KINDS = 3 };

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

/* The same numbers each time it is asked for the same input of the same run. */
static HostTensor make_input(const Trial *t, Arena *arena, const PackageTensor *declared,
                             const int64_t *sizes, int run)
{
    HostTensor x = {0};
    uint32_t state = t->seed * 77u + (uint32_t)run * 1001 + 5;
    for (const char *c = declared->name; *c; c++) state = state * 31 + (uint8_t)*c;
    package_shape(declared, sizes, &x);
    host_alloc(&x, arena);
    for (int64_t i = 0; i < host_elements(&x); i++) {
        state = state * 1664525u + 1013904223u;
        int r = (int)(state >> 10);
        switch (x.type) {
        case DT_F32: ((float *)x.data)[i] = (float)(r % 4001 - 2000) / 1000.0f; break;
        case DT_F16:
            ((uint16_t *)x.data)[i] = f32_to_f16((float)(r % 4001 - 2000) / 1000.0f);
            break;
        case DT_BF16:
            ((uint16_t *)x.data)[i] = f32_to_bf16((float)(r % 4001 - 2000) / 1000.0f);
            break;
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
    int runs; /* one after the other, where there is state */
    HostTensor *in[GEN_RUNS], *out[GEN_RUNS];
    int64_t *sizes[GEN_RUNS]; /* before the run */
} Result;

/* Do its programs run in the least of pieces that there can be, on several threads? */
static bool with_threads(const Trial *t)
{
    return t->seed % 2;
}

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
        lower[i].eager = with_threads(t);
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

static int64_t *copy_sizes(Arena *arena, const Package *p, const int64_t *sizes)
{
    int64_t *copy = arena_array(arena, (size_t)p->symbol_count + 1, sizeof *copy);
    memcpy(copy, sizes, (size_t)p->symbol_count * sizeof *copy);
    return copy;
}

/* From the sizes of a run to those of the next one: what the last run's state has grown to. */
static void next_sizes(const Graph *g, int64_t *sizes)
{
    int64_t now[64];
    assert(sizes_symbol_count(g->sizes) <= 64);
    memcpy(now, sizes, (size_t)sizes_symbol_count(g->sizes) * sizeof *now);
    for (int i = 0; i < g->state_count; i++) {
        const Tensor *in = g->states[i].in, *out = g->states[i].out;
        for (int k = 0; k < in->rank; k++) {
            const Size *size = in->dims[k];
            if (size->kind == SIZE_SYM && sizes_symbol_at(g->sizes, size->sym)->source == SYM_STATE)
                sizes[size->sym] = size_eval(out->dims[k], now);
        }
    }
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
    int64_t *sizes = arena_array(r->arena, (size_t)p->symbol_count + 1, sizeof *sizes);
    for (int i = 0; i < p->symbol_count; i++)
        if (!strcmp(p->symbol_names[i], "n")) sizes[i] = t->n;
    r->runs = *t->gen.kept ? GEN_RUNS : 1;
    for (int run = 0; run < r->runs; run++) {
        r->in[run] = arena_array(r->arena, (size_t)p->inputs.count + 1, sizeof **r->in);
        r->out[run] = arena_array(r->arena, (size_t)p->outputs.count + 1, sizeof **r->out);
        r->sizes[run] = copy_sizes(r->arena, p, sizes);
        for (int i = 0; i < p->inputs.count; i++)
            r->in[run][i] = make_input(t, r->arena, &p->inputs.tensors[i], sizes, run);
        TRY((run ? evaluate_next : evaluate_run)(evaluation, r->arena, &t->diag, r->in[run], sizes,
                                                 r->out[run]));
        next_sizes(r->graph, sizes);
    }
    return 0;
}

static bool is_nan(const HostTensor *x, int64_t i)
{
    return dtype_is_float(x->type) && isnan(host_value(x, i));
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
        if (dtype_is_float(a->type) && fabs(host_value(a, i) - host_value(b, i)) <= error) continue;
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
        if (!strcmp(v->name + 1, name))
            return v->exact || !dtype_is_float(v->type) ? 0 : 4 * v->error;
    }
    return -1;
}

static void compare(Trial *t, const Result *a, const Result *b, bool exact, const char *what,
                    const char *where)
{
    int count = a->package->outputs.count;
    bool same = count == b->package->outputs.count;
    for (int i = 0; same && i < count * a->runs; i++) {
        const HostTensor *x = &a->out[i / count][i % count], *y = &b->out[i / count][i % count];
        /* -0 and 0 are as near as can be */
        same = near(x, y, exact ? -1 : error_of(t, x->name));
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

/* ---- Threads ---- */

typedef struct Piece {
    void (*fn)(void *arg, int64_t begin, int64_t end);
    void *arg;
    int64_t begin, end;
} Piece;

static void *run_piece(void *data)
{
    const Piece *piece = data;
    piece->fn(piece->arg, piece->begin, piece->end);
    return NULL;
}

/* In three pieces at once; what one of them writes none of the others may read. */
static void at_once(void *pool, void (*fn)(void *, int64_t, int64_t), void *arg, int64_t n)
{
    enum { PIECES = 3 };
    pthread_t threads[PIECES];
    Piece pieces[PIECES];
    (void)pool;
    for (int i = 0; i < PIECES; i++) {
        pieces[i] = (Piece){fn, arg, n * i / PIECES, n * (i + 1) / PIECES};
        if (pthread_create(&threads[i], NULL, run_piece, &pieces[i])) abort();
    }
    for (int i = 0; i < PIECES; i++) pthread_join(threads[i], NULL);
}

/* One by one, the last first: that is as far from the order of the loop as can be. */
static void backwards(void *pool, void (*fn)(void *, int64_t, int64_t), void *arg, int64_t n)
{
    (void)pool;
    for (int64_t i = n; i-- > 0;) fn(arg, i, i + 1);
}

/* ---- Runs ---- */

/* Memory of the call: zeroed, or of what is least likely to be taken for a result. */
static void *fill(int64_t bytes, int value)
{
    void *room = NULL;
    if (posix_memalign(&room, 64, (size_t)bytes + 64)) abort();
    memset(room, value, (size_t)bytes);
    return room;
}

static void run_once(Trial *t, const Result *r, int run, lpc_run_fn *function, int64_t *sizes,
                     void *state, const char *what)
{
    static const lpc_threads ways[] = {{at_once, NULL}, {backwards, NULL}};
    const Program *program = r->cut.stages[0].program;
    const Package *p = r->package;
    const void **in = arena_array(t->arena, (size_t)p->inputs.count + 1, sizeof *in);
    void **out = arena_array(t->arena, (size_t)p->outputs.count + 1, sizeof *out);
    HostTensor *got = arena_array(t->arena, (size_t)p->outputs.count + 1, sizeof *got);
    Guarded *inputs = arena_array(t->arena, (size_t)p->inputs.count + 1, sizeof *inputs);
    for (int i = 0; i < p->inputs.count; i++) {
        inputs[i] = guard(&r->in[run][i]);
        in[i] = inputs[i].begin;
        if (!in[i]) {
            fail(t, "no memory for the inputs", what);
            return;
        }
    }
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class != BUFFER_OUTPUT) continue;
        got[buffer->index] = r->out[run][buffer->index];
        out[buffer->index] = got[buffer->index].data = fill(buffer->max_bytes, 0xff);
    }
    void *work = fill(program->work_bytes, 0xff);
    const lpc_threads *threads = with_threads(t) ? &ways[t->seed / 2 % 2] : NULL;
    if (function(in, out, sizes, work, state, threads)) fail(t, "an error code", what);
    for (int i = 0; i < p->outputs.count; i++) {
        if (!near(&r->out[run][i], &got[i], -1))
            fail(t, "the backend differs from the evaluator", what);
        free(out[i]);
    }
    for (int i = 0; i < p->inputs.count; i++) munmap(inputs[i].pages, inputs[i].bytes);
    free(work);
}

static void run_all(Trial *t, const Result *r, lpc_run_fn *function, const char *what)
{
    const Program *program = r->cut.stages[0].program;
    void *state = program->state_bytes ? fill(program->state_bytes, 0) : NULL;
    int64_t *sizes = copy_sizes(t->arena, r->package, r->sizes[0]);
    for (int run = 0; run < r->runs && !t->failed; run++) {
        run_once(t, r, run, function, sizes, state, what);
        next_sizes(r->graph, sizes);
    }
    free(state);
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
            run_all(t, &b->results[i], run,
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
    double most = is_sanitized() ? SECONDS_SANITIZED : SECONDS;
    double end = now() + (given ? atof(given) : most);
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
