/* Single passes on graphs and programs of loops in their text forms. */
#include "lib/transform/transform.h"

#include "ir/graph.h"
#include "ir/loops.h"
#include "passes/loops/passes.h"
#include "passes/memory/memory.h"
#include "passes/passes.h"
#include "passes/stage/stage.h"

#include <stdlib.h>
#include <string.h>

typedef struct Job {
    Arena *arena;
    Diag *diag;
    Graph *graph; /* one of these two */
    Program *program;
} Job;

/* ---- Loops passes. `number` is what stands behind "=" or -1. ---- */

typedef struct LoopsPass {
    const char *name;
    int (*run)(Program *program, int number);
    const char *help;
} LoopsPass;

static int run_vectorize(Program *program, int number)
{
    return pass_vectorize(program, number < 0 ? 256 : number);
}

static int run_expand_math(Program *program, int number)
{
    (void)number;
    return pass_expand_math(program);
}

static int run_cleanup(Program *program, int number)
{
    (void)number;
    return pass_cleanup(program);
}

static int run_memory(Program *program, int number)
{
    MemoryFigures figures;
    (void)number;
    plan_memory(program, NULL, 0, &figures);
    return LPC_OK;
}

/* For who looks at calls and buffers. */
static int run_heads(Program *program, int number)
{
    (void)number;
    for (int i = 0; i < program->kernel_count; i++) {
        Kernel *kernel = program->kernels[i];
        kernel->body = (Block){0};
        kernel->cell_count = 0;
        int kept = 0;
        for (int k = 0; k < kernel->param_count; k++)
            if (!kernel->params[k]->local) kernel->params[kept++] = kernel->params[k];
        kernel->param_count = kept;
    }
    return LPC_OK;
}

static int run_nothing(Program *program, int number)
{
    (void)program;
    (void)number;
    return LPC_OK;
}

static const LoopsPass loops_passes[] = {
    {"verify", run_nothing, "check the program (done after every pass in any case)"},
    {"vectorize", run_vectorize, "vectorize=BITS: vector loops to explicit vectors, 256 bits"},
    {"expand-math", run_expand_math, "exp, log, tanh, erf ... to polynomials"},
    {"cleanup", run_cleanup, "fold constants, common and dead code"},
    {"memory", run_memory, "give every buffer its place"},
    {"heads", run_heads, "kernels without their bodies"},
    {NULL, NULL, NULL},
};

/* ---- From a graph to loops ---- */

/* The whole graph as one stage of portable code. */
static int run_lower(Job *job)
{
    static const Target any = {.name = "any",
                               .triple = "",
                               .cores = 1,
                               .memory = INT64_C(1) << 50,
                               .gflops = 1,
                               .memory_bandwidth = 1e9};
    const Target *target = &any;
    LowerTarget lower = stage_lower_target(target, true);
    CutRequest request = {.targets = &target, .names = &any.name, .count = 1, .lower = &lower};
    Cut cut;
    TRY(cut_graph(job->graph, &request, &cut));
    job->program = cut.stages[0].program;
    job->graph = NULL;
    return LPC_OK;
}

/* ---- Running ---- */

static const TransformPass graph_steps[] = {
    {"verify", "check the graph (done after every pass in any case)", false},
    {"sort", "order nodes after what they read", false},
    {"sweep", "remove nodes that nobody needs", false},
    {"lower", "the graph as a program of loops; loops passes may follow", false},
};

static int verify(const Job *job)
{
    return job->graph ? graph_verify(job->graph) : loops_verify(job->program, job->diag);
}

static int run_graph_pass(Job *job, const char *name)
{
    if (!strcmp(name, "verify")) return LPC_OK;
    if (!strcmp(name, "sort")) return graph_sort(job->graph);
    if (!strcmp(name, "lower")) return run_lower(job);
    if (!strcmp(name, "sweep")) {
        graph_sweep(job->graph);
        return LPC_OK;
    }
    for (const PassInfo *pass = graph_passes; pass->name; pass++) {
        if (!strcmp(pass->name, name)) return pass->run(job->graph);
    }
    return diag_error(job->diag, "no graph pass is called '%s'", name);
}

static int run_loops_pass(const Job *job, const char *name, int number)
{
    for (const LoopsPass *pass = loops_passes; pass->name; pass++) {
        if (!strcmp(pass->name, name)) return pass->run(job->program, number);
    }
    return diag_error(job->diag, "no loops pass is called '%s'", name);
}

/* One item of a list "a,b=3": its name, and its number or -1. Returns what is behind it. */
static const char *take_item(Arena *arena, const char *list, const char **name, int64_t *number)
{
    size_t length = strcspn(list, ",="), all = strcspn(list, ",");
    *name = arena_strndup(arena, list, length);
    *number = length < all ? strtoll(list + length + 1, NULL, 10) : -1;
    return list[all] ? list + all + 1 : list + all;
}

static int run_passes(Job *job, const char *list)
{
    bool unordered = !strncmp(list, "sort", 4); /* what is to be sorted need not be valid */
    if (!unordered) TRY(verify(job));
    while (*list) {
        const char *name;
        int64_t number;
        list = take_item(job->arena, list, &name, &number);
        if (number > 1 << 20) number = 1 << 20;
        TRY(job->graph ? run_graph_pass(job, name) : run_loops_pass(job, name, (int)number));
        TRY(verify(job));
    }
    return LPC_OK;
}

static int set_symbols(const Job *job, const char *list)
{
    SizeTable *sizes = job->graph ? job->graph->sizes : job->program->sizes;
    while (*list) {
        const char *name;
        int64_t number;
        list = take_item(job->arena, list, &name, &number);
        int symbol = sizes_find(sizes, name);
        if (symbol < 0) return diag_error(job->diag, "there is no symbol '%s'", name);
        if (number < 0) return diag_error(job->diag, "symbol '%s' needs a bound: %s=N", name, name);
        sizes_symbol_at(sizes, symbol)->max = number;
    }
    return LPC_OK;
}

/* ---- Texts ---- */

/* Is the first word, behind empty lines and comments, `program`? */
static bool is_program(const char *text)
{
    for (;;) {
        text += strspn(text, " \t\r\n");
        if (*text != '#') return !strncmp(text, "program", 7);
        text += strcspn(text, "\n");
    }
}

int transform(Arena *arena, Diag *diag, const Transform *t, const char **result)
{
    Job job = {.arena = arena, .diag = diag};
    Text out;
    if (is_program(t->text))
        TRY(loops_parse(arena, diag, t->text, t->name, &job.program));
    else
        TRY(graph_parse(arena, diag, t->text, t->name, &job.graph));
    if (t->symbols) TRY(set_symbols(&job, t->symbols));
    TRY(run_passes(&job, t->passes ? t->passes : ""));
    text_init(&out, arena);
    if (job.graph)
        graph_print(&out, job.graph);
    else
        loops_print(&out, job.program);
    *result = out.data;
    return LPC_OK;
}

TransformPass *transform_passes(Arena *arena, int *count)
{
    TransformPass *list = NULL;
    *count = 0;
    for (size_t i = 0; i < sizeof graph_steps / sizeof *graph_steps; i++)
        arena_push(arena, list, *count) = graph_steps[i];
    for (const PassInfo *pass = graph_passes; pass->name; pass++)
        arena_push(arena, list, *count) = (TransformPass){pass->name, pass->help, false};
    for (const LoopsPass *pass = loops_passes; pass->name; pass++)
        arena_push(arena, list, *count) = (TransformPass){pass->name, pass->help, true};
    return list;
}
