/* Footprints against lowered stages, over the models of ../shared and random cuts: weights, state
 * and queues to the byte; the workspace never less than any plan of it needs, and hardly more.
 * Skipped without ../shared. An argument is the number of stages for each model and target. */
#include "frontend/frontend.h"
#include "passes/partition/needs.h"
#include "passes/passes.h"
#include "passes/stage/work.h"
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CUTS = 10, CUTS_SANITIZED = 2, MOST_BINDS = 4 };

typedef struct Model {
    const char *name;
    Bind binds[MOST_BINDS], maxes[MOST_BINDS];
    const char *constant; /* an int64 scalar input that is 16000 */
} Model;

static const Model models[] = {
    {"byte-sb-bidi-lstm", {{"batch", 1}}, {{"length", 64}}, NULL},
    {"dtln-1", {{0}}, {{0}}, NULL},
    {"espcn-superres-core", {{0}}, {{0}}, NULL},
    {"fastestdet", {{0}}, {{0}}, NULL},
    {"gtcrn-simple", {{0}}, {{0}}, NULL},
    {"kws-m-qdq", {{"unk__68", 1}}, {{0}}, NULL},
    {"lgbm-classifier", {{0}}, {{"batch", 8}}, NULL},
    {"magika-v1", {{"unk__122", 1}}, {{0}}, NULL},
    {"mlperf-tiny-dscnn-kws", {{0}}, {{0}}, NULL},
    {"mlperf-tiny-dscnn-kws-qdq", {{0}}, {{0}}, NULL},
    {"mlperf-tiny-resnet8", {{0}}, {{0}}, NULL},
    {"mlperf-tiny-resnet8-qdq", {{0}}, {{0}}, NULL},
    {"mlperf-tiny-resnet8-qop", {{0}}, {{0}}, NULL},
    {"mlperf-tiny-vww-mobilenetv1", {{0}}, {{0}}, NULL},
    {"mlperf-tiny-vww-mobilenetv1-qdq", {{0}}, {{0}}, NULL},
    {"mnist-8", {{0}}, {{0}}, NULL},
    {"mujoco-go1-policy", {{0}}, {{0}}, NULL},
    {"retinaface-mbnet025",
     {{"input_dim0", 1}, {"input_dim2", 320}, {"input_dim3", 320}},
     {{0}},
     NULL},
    {"silero-vad-16k-op15", {{"batch", 1}, {"sequence", 512}}, {{0}}, "sr"},
    {"silero-vad-op16-if",
     {{"input_dim0", 1}, {"input_dim1", 512}, {"state_dim1", 1}},
     {{0}},
     "sr"},
    {"squeezenet1.0-imagenet", {{0}}, {{0}}, NULL},
    {"stories260k-kv", {{"batch", 1}, {"seq", 1}}, {{"past", 256}}, NULL},
    {"stories260k-kv-dynq8", {{"batch", 1}, {"seq", 1}}, {{"past", 256}}, NULL},
    {"stories260k-static", {{0}}, {{0}}, NULL},
    {"ultraface-rfb-320", {{0}}, {{0}}, NULL},
    {"vttrack", {{0}}, {{0}}, NULL},
    {"yunet-n-dynamic", {{"batch", 1}}, {{"height", 320}, {"width", 320}}, NULL},
};

typedef struct Sums {
    int stages, more, holes; /* all; with more planned than needed; with holes in the workspace */
    double most;             /* planned beyond the lowered, as a part of the stage */
    int64_t most_bytes;
} Sums;

static uint64_t seed = 1;
static int cuts = CUTS;
static Sums sums;

static int below(int limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed >> 33) % (uint64_t)limit);
}

static int count_binds(const Bind *binds)
{
    int count = 0;
    while (count < MOST_BINDS && binds[count].name) count++;
    return count;
}

static int read_model(Arena *arena, Diag *diag, const Model *model, const char *path, Graph **graph)
{
    static const int64_t rate = 16000;
    ConstInput constant = {model->constant, DT_I64, 0, NULL, &rate};
    ImportOptions options = {.binds = model->binds,
                             .bind_count = count_binds(model->binds),
                             .maxes = model->maxes,
                             .max_count = count_binds(model->maxes),
                             .const_inputs = &constant,
                             .const_input_count = model->constant != NULL};
    TRY(import_onnx(arena, diag, path, &options, graph));
    TRY(passes_run_default(*graph));
    return import_check_bounds(*graph);
}

static void fail(const Model *model, const Stage *stage, int first, const char *what,
                 int64_t planned, int64_t lowered)
{
    printf("FAIL %s on %s, layers %d to %d: %s: planned %lld, lowered %lld\n", model->name,
           stage->target->name, first, first + stage->node_count - 1, what, (long long)planned,
           (long long)lowered);
    failures++;
}

static void compare(const Model *model, const Profile *p, const Needs *needs, const Stage *stage,
                    int first)
{
    int end = first + stage->node_count;
    StageBytes planned = needs_bytes(needs, first, end), lowered = stage_bytes(stage);
    int64_t queues = stage->queue * (profile_cut_bytes(p, first) + profile_cut_bytes(p, end));
    int64_t more = planned.activations - stage->memory.bound;
    double part = (double)more / (double)stage_bytes_sum(&lowered);
    if (planned.weights != lowered.weights)
        fail(model, stage, first, "weights", planned.weights, lowered.weights);
    if (planned.state != lowered.state)
        fail(model, stage, first, "state", planned.state, lowered.state);
    if (queues != lowered.queues) fail(model, stage, first, "queues", queues, lowered.queues);
    if (planned.code + stage->runtime != lowered.code)
        fail(model, stage, first, "code", planned.code, lowered.code);
    if (more < 0 || part > 0.1)
        fail(model, stage, first, "workspace", planned.activations, stage->memory.bound);
    sums.stages++;
    sums.more += more > 0;
    sums.holes += stage->memory.planned > stage->memory.bound;
    if (part > sums.most) sums.most = part;
    if (more > sums.most_bytes) sums.most_bytes = more;
}

/* Where a cut may be: the first such position from `at` on. */
static int allowed_from(const Work *w, int at)
{
    while (at < w->count && at > 0 && !w->allowed[at]) at++;
    return at;
}

static int one_stage(const Model *model, const Work *w, const Profile *p, const Needs *needs,
                     const Target *target, bool compact)
{
    int first = allowed_from(w, below(4) ? below(w->count) : 0);
    if (first >= w->count) return 0;
    int end = allowed_from(w, below(4) ? first + 1 + below(w->count - first) : w->count);
    Stage stage = {.name = "stage",
                   .prefix = "stage",
                   .target = target,
                   .lower = stage_lower_target(target, false),
                   .nodes = w->nodes + first,
                   .node_count = end - first,
                   .budget = compact ? 0 : INT64_MAX,
                   .runtime = STAGE_RUNTIME_BYTES,
                   .queue = PLAN_QUEUE};
    work_contract(w, first, &stage.in, &stage.in_count, &stage.in_bytes);
    work_contract(w, end, &stage.out, &stage.out_count, &stage.out_bytes);
    TRY(stage_lower(w->graph, &stage));
    compare(model, p, needs, &stage, first);
    return 0;
}

static int one_target(Diag *diag, const Model *model, Work *w, Profile *p, const char *name)
{
    static const char *const dirs[] = {LPC_SOURCE_DIR "/targets"};
    Target *target;
    TRY(target_load(diag, diag->arena, name, dirs, 1, &target));
    LowerTarget lower = stage_lower_target(target, false);
    for (int compact = 0; compact < 2; compact++) {
        Footprint f;
        bool transforms;
        TRY(work_footprint(w, target, &lower, compact, &f, &transforms));
        if (compact && transforms)
            return diag_error(diag, "%s: compact, and transforms", model->name);
        TRY(footprint_check(diag, p, &f));
        const Needs *needs = needs_new(diag->arena, p, &f);
        for (int i = 0; i < (compact ? cuts / 5 : cuts); i++)
            TRY(one_stage(model, w, p, needs, target, compact));
    }
    return 0;
}

static int one_model(Diag *diag, const Model *model, const char *path)
{
    Graph *graph;
    Work w;
    TRY(read_model(diag->arena, diag, model, path, &graph));
    work_init(&w, graph);
    Profile *p = work_profile(&w);
    TRY(one_target(diag, model, &w, p, "pc"));
    return one_target(diag, model, &w, p, "pi4");
}

static int64_t stage_need(const Profile *p, const Needs *needs, int first, int end)
{
    return needs_memory(needs, first, end) + STAGE_RUNTIME_BYTES +
           PLAN_QUEUE * (profile_cut_bytes(p, first) + profile_cut_bytes(p, end));
}

/* Footprints that leave out the workspace: stages turn out to be over their budget, and the plan
 * that is made then is within it. */
static int too_small(Diag *diag)
{
    static const char *const names[] = {"one", "two"}, *const dirs[] = {LPC_SOURCE_DIR "/targets"};
    Graph *graph;
    Work w;
    Target *target;
    Plan plan;
    Cut cut;
    Model digits = {.name = "digits"};
    TRY(read_model(diag->arena, diag, &digits, LPC_SOURCE_DIR "/models/digits/digits.onnx",
                   &graph));
    TRY(target_load(diag, diag->arena, "pc", dirs, 1, &target));
    const Target *targets[2] = {target, target};
    work_init(&w, graph);
    Profile *p = work_profile(&w);
    const LowerTarget lower[2] = {stage_lower_target(target, false),
                                  stage_lower_target(target, false)};
    TRY(work_footprints(&w, p, targets, lower, 1));
    Target fast = {.name = "pc", .gflops = 1}, slow = {.name = "pc", .gflops = 0.1};
    Device devices[2] = {
        {.name = "one", .target = &fast, .runtime = STAGE_RUNTIME_BYTES, .count = 1},
        {.name = "two", .target = &slow, .runtime = STAGE_RUNTIME_BYTES, .count = 1}};
    const Needs *needs = needs_new(diag->arena, p, &p->footprints[0]);
    /* The least memory with which two of them can run it; for latency the fast one is filled up. */
    int64_t least = INT64_MAX;
    for (int at = 1; at < w.count; at++) {
        int64_t a = stage_need(p, needs, 0, at), b = stage_need(p, needs, at, w.count);
        if (a < b) a = b;
        if (w.allowed[at] && a < least) least = a;
    }
    fast.memory = slow.memory = least;
    for (int i = 0; i < p->footprints[0].buffer_count; i++) p->footprints[0].buffers[i].bytes = 0;
    Cluster raw = {.devices = devices, .count = 2, .otherwise = {.bandwidth = 1e12}}, cluster;
    TRY(cluster_expand(diag, diag->arena, &raw, &cluster));
    Planning planning = {&w, p, &cluster, targets, names, lower};
    PlanOptions options = plan_defaults();
    options.objective = PLAN_LATENCY;
    int code = cut_proven(&planning, &options, NULL, &cut, &plan);
    for (int s = 0; !code && s < plan.count; s++) {
        StageBytes bytes = stage_bytes(&cut.stages[s]);
        if (stage_bytes_sum(&bytes) != plan.stages[s].memory ||
            plan.stages[s].memory > plan.stages[s].budget)
            failures++;
    }
    if (!code && !strstr(plan.method, "holes")) failures++;
    if (p->footprints[0].slack) failures++; /* the profile stays what it was */
    printf("%s too small footprints: %s\n", code || failures ? "FAIL" : "ok  ",
           code ? "refused" : plan.method);
    return code;
}

int main(int argc, char **argv)
{
    if (is_sanitized()) cuts = CUTS_SANITIZED;
    if (argc > 1) cuts = atoi(argv[1]);
    int seen = 0;
    Arena *own = arena_new();
    Diag quiet;
    diag_init(&quiet, own, "digits");
    if (too_small(&quiet)) failures++;
    diag_flush(&quiet);
    arena_free(own);
    for (size_t i = 0; i < sizeof models / sizeof *models && failures < 10; i++) {
        Arena *arena = arena_new();
        Diag diag;
        const char *path = arena_printf(arena, "%s/../shared/models/%s/model.onnx", LPC_SOURCE_DIR,
                                        models[i].name);
        diag_init(&diag, arena, models[i].name);
        if (!access(path, R_OK)) {
            seen++;
            if (one_model(&diag, &models[i], path)) failures++;
            diag_flush(&diag);
        }
        arena_free(arena);
    }
    if (sums.more * 200 > sums.stages) failures++; /* an upper bound, and nearly always all of it */
    printf("%s %d models, %d stages: %d planned with more workspace than they need, at most %lld "
           "bytes, %.2g %% of the stage; %d have holes in their workspace\n",
           failures ? "FAIL" : "ok  ", seen, sums.stages, sums.more, (long long)sums.most_bytes,
           100 * sums.most, sums.holes);
    return failures ? 1 : seen ? 0 : 77;
}
