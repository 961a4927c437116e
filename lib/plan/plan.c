/* What is planned, and for which devices; the plan. */
#include "lib/plan/plan.h"

#include "lib/measure/measure.h"

/* ---- Devices and layers ---- */

static int read_cluster(Diag *diag, Arena *arena, const PlanRequest *c, Cluster *cluster)
{
    const CompileOptions *o = &c->compile;
    Cluster raw, all;
    TRY(cluster_read(diag, arena, c->cluster_file, &raw));
    TRY(cluster_expand(diag, arena, &raw, &all));
    if (o->target_count)
        return cluster_select(diag, arena, &all, o->targets, o->target_count, cluster);
    *cluster = all;
    return 0;
}

/* Devices from the cluster file, or from the targets' own figures; expanded, in the order of use. */
static int find_devices(Diag *diag, Arena *arena, PlanRequest *c, Cluster *cluster)
{
    static const char *const here[] = {"host"};
    const CompileOptions *o = &c->compile;
    if (c->cluster_file) {
        TRY(read_cluster(diag, arena, c, cluster));
        if (c->options.client.bandwidth <= 0) c->options.client = cluster->client;
        return 0;
    }
    int count = o->target_count ? o->target_count : 1;
    const char *const *names = o->target_count ? o->targets : here;
    const Target **targets = arena_array(arena, (size_t)count, sizeof *targets);
    for (int i = 0; i < count; i++) {
        Target *target;
        TRY(target_load(diag, arena, names[i], o->target_dirs, o->target_dir_count, &target));
        targets[i] = target;
    }
    TRY(cut_devices(diag, arena, targets, names, count, cluster));
    for (int i = 0; i < count; i++) cluster->devices[i].runtime = 0; /* see add_runtime */
    return 0;
}

/* The target with the memory and the speed that a cluster file gives it. */
static const Target *with_figures(Arena *arena, const Target *target, const Target *figures)
{
    Target *own = arena_alloc(arena, sizeof *own);
    *own = *target;
    own->memory = figures->memory;
    if (figures->cores) own->cores = figures->cores;
    own->gflops = figures->gflops;
    own->memory_bandwidth = figures->memory_bandwidth;
    own->call_overhead = figures->call_overhead;
    return own;
}

/* By their own names, as profiles have them, not by aliases. A cluster's device may be of a target
 * that lpc has no file of. */
static void find_targets(Arena *arena, const PlanRequest *c, PlanSubject *s)
{
    size_t count = (size_t)s->cluster.count;
    s->targets = arena_array(arena, count, sizeof *s->targets);
    s->names = arena_array(arena, count, sizeof *s->names);
    for (int i = 0; i < s->cluster.count; i++) {
        Diag quiet;
        Target *target;
        diag_init(&quiet, arena, NULL);
        Device *device = &s->cluster.devices[i];
        s->names[i] = device->name;
        if (target_load(&quiet, arena, device->target->name, c->compile.target_dirs,
                        c->compile.target_dir_count, &target))
            continue;
        s->targets[i] = target;
        device->target = c->cluster_file ? with_figures(arena, target, device->target) : target;
    }
}

/* What is known of a model as it is lowered runs in stage programs, unless the cluster says more.
 */
static void add_runtime(PlanSubject *s)
{
    for (int i = 0; i < s->cluster.count && s->profile->footprint_count; i++) {
        Device *device = &s->cluster.devices[i];
        if (!device->runtime) device->runtime = STAGE_RUNTIME_BYTES;
    }
}

/* Layers and devices; of a model also what the layers need on each kind of device. */
static int find_layers(Diag *diag, Arena *arena, PlanRequest *c, PlanSubject *s)
{
    *s = (PlanSubject){0};
    TRY(find_devices(diag, arena, c, &s->cluster));
    find_targets(arena, c, s);
    if (c->profile_file) {
        TRY(profile_read(diag, arena, c->profile_file, &s->profile));
        add_runtime(s);
        return 0;
    }
    const char *file = diag->file;
    diag->file = c->compile.model;
    Graph *graph = NULL;
    TRY(compile_graph(arena, diag, &c->compile, &graph));
    TRY(import_check_bounds(graph));
    work_init(&s->work, graph);
    s->profile = work_profile(&s->work);
    s->lower = arena_array(arena, (size_t)s->cluster.count, sizeof *s->lower);
    for (int i = 0; i < s->cluster.count; i++) {
        if (s->targets[i])
            TRY(compile_lowering(arena, diag, &c->compile, s->targets[i], &s->lower[i]));
    }
    TRY(work_footprints(&s->work, s->profile, s->targets, s->lower, s->cluster.count));
    add_runtime(s);
    diag->file = file;
    return 0;
}

int plan_subject(Diag *diag, Arena *arena, PlanRequest *c, PlanSubject *s)
{
    TRY(find_layers(diag, arena, c, s));
    if (c->measure) TRY(measure_profile(arena, diag, &c->compile, &s->cluster, s->profile));
    return c->profile_out ? profile_write(diag, c->profile_out, s->profile) : 0;
}

int plan_request(Diag *diag, Arena *arena, const PlanRequest *c, const PlanSubject *s, Plan *plan)
{
    Partition partition, *given = NULL;
    if (c->plan_file || c->split || c->compile.cut_count) given = &partition;
    if (c->plan_file)
        TRY(plan_read(diag, arena, c->plan_file, s->profile, &s->cluster, given));
    else if (given)
        TRY(plan_by_hand(diag, c, c->profile_file ? NULL : &s->work, s->profile, &s->cluster,
                         given));
    if (!c->profile_file && c->options.batch == 1) {
        Cut cut;
        Planning planning = {&s->work, s->profile, &s->cluster, s->targets, s->names, s->lower};
        return cut_proven(&planning, &c->options, given, &cut, plan);
    }
    if (given) return plan_given(diag, arena, s->profile, &s->cluster, &c->options, given, plan);
    return plan_make(diag, arena, s->profile, &s->cluster, &c->options, plan);
}
