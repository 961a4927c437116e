/* `lpc plan`: which layers run where, and why. */
#include "passes/stage/work.h"
#include "tools/calibrate/calibrate.h"
#include "tools/plan/plan.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: lpc plan MODEL.onnx [--targets T,...] [options of compiling]\n"
    "       lpc plan --profile LAYERS.json [--targets D,...] [--cluster FILE]\n"
    "\n"
    "Decides which layers run on which device, under each device's memory and speed, and says how good\n"
    "that is. docs/planning.md describes the model of cost and memory and the files.\n"
    "\n"
    "  --targets T,...          devices, in the order of the pipeline (cluster: names or targets)\n"
    "  --cluster FILE           devices and links; without it the targets' figures and Gigabit Ethernet\n"
    "  --objective WHAT         throughput (default), latency, memory or partitions\n"
    "  --order fixed|free       free: choose the devices' order too\n"
    "  --use-all                leave no device out\n"
    "  --memory-limit F         usable fraction of each device's memory, 0 to 1\n"
    "  --capacity BYTES         every device's memory, instead of its own\n"
    "  --batch N                times the profile's or the model's batch\n"
    "  --queue N                depth of send and receive queues in frames (2)\n"
    "  --no-overlap             sending does not overlap computing\n"
    "  --plan FILE              this plan (from --json, maybe edited), checked\n"
    "  --split N,N,...          so many layers on each device, checked\n"
    "  --cut-after NODE,...     cuts after these nodes (or layers of a profile), checked\n"
    "  --compare                all objectives side by side\n"
    "  --write-profile FILE     the model's layers, for --profile\n"
    "  --measure                time the model's layers on each kind of device: on this machine, or\n"
    "                           through its emulator, and plan from that\n"
    "  --json                   the plan as JSON\n";

static int wrong(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "lpc plan: %s '%s': expected %s\n", option, value, expected);
    return LPC_USAGE;
}

static int parse_count(const char *option, const char *value, int most, int *out)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (!*value || *end || number < 1 || number > most)
        return wrong(option, value, "a whole number above 0");
    *out = (int)number;
    return 0;
}

static int numbers(PlanCommand *c, const char *name, const char *value)
{
    PlanOptions *o = &c->options;
    char *end;
    if (!strcmp(name, "--memory-limit")) {
        o->memory_limit = strtod(value, &end);
        if (!*value || *end || !(o->memory_limit > 0 && o->memory_limit <= 1))
            return wrong(name, value, "a fraction above 0, at most 1");
    } else if (!strcmp(name, "--capacity")) {
        double bytes = parse_bytes(value);
        if (!(bytes >= 1 && bytes < 1e18)) return wrong(name, value, "bytes, such as 50MB");
        o->capacity = (int64_t)bytes;
    } else if (!strcmp(name, "--batch")) {
        return parse_count(name, value, 1 << 20, &o->batch);
    } else if (!strcmp(name, "--queue")) {
        return parse_count(name, value, 64, &o->queue);
    } else {
        return -1;
    }
    return 0;
}

static int valued(PlanCommand *c, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } files[] = {{"--profile", &c->profile_file},
                 {"--cluster", &c->cluster_file},
                 {"--plan", &c->plan_file},
                 {"--split", &c->split},
                 {"--write-profile", &c->profile_out}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(name, files[i].name)) continue;
        *files[i].to = value;
        return 0;
    }
    if (!strcmp(name, "--objective")) {
        int objective = objective_find(value);
        if (objective < 0) return wrong(name, value, "throughput, latency, memory or partitions");
        c->options.objective = (Objective)objective;
        return 0;
    }
    if (!strcmp(name, "--order")) {
        c->options.free_order = !strcmp(value, "free");
        if (!c->options.free_order && strcmp(value, "fixed")) return wrong(name, value, "fixed or free");
        return 0;
    }
    return numbers(c, name, value);
}

static bool takes_value(const char *name)
{
    static const char *const names[] = {"--profile", "--cluster", "--plan", "--split",
                                        "--write-profile", "--objective", "--order",
                                        "--memory-limit", "--capacity", "--batch", "--queue"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) return true;
    }
    return false;
}

/* As compile_option: 0, -1 when it is none of these, or LPC_USAGE. */
static int plan_option(PlanCommand *c, int argc, char **argv, int *at)
{
    char name[32] = "";
    const char *arg = argv[*at], *equals = strchr(arg, '=');
    bool *flag = !strcmp(arg, "--use-all")      ? &c->options.use_all
                 : !strcmp(arg, "--no-overlap") ? &c->options.no_overlap
                 : !strcmp(arg, "--json")       ? &c->json
                 : !strcmp(arg, "--compare")    ? &c->compare
                 : !strcmp(arg, "--measure")    ? &c->measure
                                                : NULL;
    if (flag) {
        *flag = true;
        (*at)++;
        return 0;
    }
    size_t length = equals ? (size_t)(equals - arg) : strlen(arg);
    if (strncmp(arg, "--", 2) || length >= sizeof name) return -1;
    memcpy(name, arg, length); /* NOLINT: name is zeroed, length below its size */
    if (!takes_value(name)) return -1;
    (*at)++;
    if (equals) return valued(c, name, equals + 1);
    if (*at >= argc) return wrong(name, "", "a value");
    return valued(c, name, argv[(*at)++]);
}

static int parse_arguments(PlanCommand *c, int argc, char **argv)
{
    *c = (PlanCommand){.options = plan_defaults()};
    for (int at = 1; at < argc;) {
        if (!strcmp(argv[at], "--help")) return -1;
        int code = plan_option(c, argc, argv, &at);
        if (code == -1) code = compile_option(&c->compile, argc, argv, &at);
        if (code == LPC_USAGE) return code;
        if (code == 0) continue;
        if (argv[at][0] == '-' || c->compile.model) {
            fprintf(stderr, "lpc plan: unexpected argument '%s' (see lpc plan --help)\n", argv[at]);
            return LPC_USAGE;
        }
        c->compile.model = argv[at++];
    }
    if (c->measure && !c->compile.model) {
        fprintf(stderr, "lpc plan: --measure needs a model\n");
        return LPC_USAGE;
    }
    if (!c->compile.model == !c->profile_file) {
        fprintf(stderr, "lpc plan: expected a model or --profile FILE (see lpc plan --help)\n");
        return LPC_USAGE;
    }
    if (!!c->plan_file + !!c->split + !!c->compile.cut_count > 1) {
        fprintf(stderr, "lpc plan: expected one of --plan, --split and --cut-after\n");
        return LPC_USAGE;
    }
    return 0;
}

/* ---- Devices and layers ---- */

/* What is planned. The work and the targets are a model's; a profile has none. */
typedef struct Subject {
    Cluster cluster;
    Profile *profile;
    Work work;
    const Target **targets; /* by device; NULL: unknown */
    LowerTarget *lower;     /* by device */
    const char **names;
} Subject;

static int read_cluster(Diag *diag, Arena *arena, const PlanCommand *c, Cluster *cluster)
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
static int find_devices(Diag *diag, Arena *arena, const PlanCommand *c, Cluster *cluster)
{
    static const char *const here[] = {"host"};
    const CompileOptions *o = &c->compile;
    if (c->cluster_file) return read_cluster(diag, arena, c, cluster);
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

/* By their own names, as profiles have them, not by aliases. A cluster's device may be of a target
 * that lpc has no file of. */
static void find_targets(Arena *arena, const PlanCommand *c, Subject *s)
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
        if (target_load(&quiet, arena, device->target, c->compile.target_dirs,
                        c->compile.target_dir_count, &target))
            continue;
        s->targets[i] = target;
        device->target = target->name;
    }
}

/* What is known of a model as it is lowered runs in stage programs, unless the cluster says more.
 */
static void add_runtime(Subject *s)
{
    for (int i = 0; i < s->cluster.count && s->profile->footprint_count; i++) {
        Device *device = &s->cluster.devices[i];
        if (!device->runtime) device->runtime = STAGE_RUNTIME_BYTES;
    }
}

/* Layers and devices; of a model also what the layers need on each kind of device. */
static int find_subject(Diag *diag, Arena *arena, PlanCommand *c, Subject *s)
{
    *s = (Subject){0};
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

static int make_plan(Diag *diag, Arena *arena, const PlanCommand *c, const Subject *s, Plan *plan)
{
    Partition partition, *given = NULL;
    if (c->plan_file || c->split || c->compile.cut_count) given = &partition;
    if (c->plan_file)
        TRY(plan_read(diag, arena, c->plan_file, s->profile, &s->cluster, given));
    else if (given)
        TRY(plan_by_hand(diag, c, c->profile_file ? NULL : &s->work, s->profile, &s->cluster, given));
    if (!c->profile_file && c->options.batch == 1) {
        Cut cut;
        Planning planning = {&s->work,   s->profile, &s->cluster,
                             s->targets, s->names,   s->lower};
        return cut_proven(&planning, &c->options, given, &cut, plan);
    }
    if (given) return plan_given(diag, arena, s->profile, &s->cluster, &c->options, given, plan);
    return plan_make(diag, arena, s->profile, &s->cluster, &c->options, plan);
}

static int run(Diag *diag, Arena *arena, PlanCommand *c)
{
    Subject subject;
    Plan plan;
    TRY(find_subject(diag, arena, c, &subject));
    if (c->measure)
        TRY(measure_profile(arena, diag, &c->compile, &subject.cluster, subject.profile));
    if (c->profile_out) TRY(profile_write(diag, c->profile_out, subject.profile));
    if (c->compare)
        return plan_compare(stdout, diag, arena, subject.profile, &subject.cluster, &c->options);
    TRY(make_plan(diag, arena, c, &subject, &plan));
    if (!c->json) {
        plan_table(stdout, &plan);
        return 0;
    }
    char *text = plan_json(&plan);
    puts(text);
    cJSON_free(text);
    return 0;
}

int command_plan(int argc, char **argv)
{
    PlanCommand *command = calloc(1, sizeof *command); /* too large for the stack of a command */
    if (!command) abort();
    int code = parse_arguments(command, argc, argv);
    if (code < 0) fputs(usage, stdout);
    if (code) {
        free(command);
        return code < 0 ? 0 : code;
    }
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    code = run(&diag, arena, command);
    diag_flush(&diag);
    arena_free(arena);
    free(command);
    return code;
}
