/* Every option of lpc, in the order in which help shows them. */
#include "lib/options/options.h"

#include "ir/units.h"
#include "lib/custom/custom.h"
#include "lib/deploy/services.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- Values that no kind reads ---- */

static int set_emit(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->compile.backend = backend_find(value);
    return !o->compile.backend;
}

static int set_weights(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->compile.weights = !strcmp(value, "c") ? WEIGHTS_C : WEIGHTS_ELF;
    return strcmp(value, "c") && strcmp(value, "elf");
}

/* The same for check, which knows one more. */
static int set_check_emit(Options *o, const Option *option, const char *value)
{
    o->evaluate = !strcmp(value, "eval");
    return o->evaluate ? 0 : set_emit(o, option, value);
}

/* One of the two, once. */
static int set_tune(Options *o, const Option *option, const char *value)
{
    if (o->compile.tune_file) return 1;
    o->compile.tune_file = value;
    o->compile.tune = !strcmp(option->name, "--tune");
    return 0;
}

static int set_nchwc_block(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->compile.nchwc_block = !strcmp(value, "8") ? 8 : !strcmp(value, "16") ? 16 : 0;
    return !o->compile.nchwc_block;
}

static int set_accuracy_level(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->compile.accuracy_level = !strcmp(value, "1") ? 1 : !strcmp(value, "4") ? 4 : 0;
    return !o->compile.accuracy_level;
}

/* After the kind's way. */
static int add_custom(Options *o, const Option *option, const char *value)
{
    const Given *given = &o->compile.custom_files[o->compile.custom_count - 1];
    (void)option;
    (void)value;
    customs_add(o->compile.customs, given->name, given->file);
    return 0;
}

static int set_objective(Options *o, const Option *option, const char *value)
{
    int objective = objective_find(value);
    (void)option;
    o->compile.planned = true;
    if (objective >= 0) o->compile.plan.objective = (Objective)objective;
    return objective < 0;
}

static int set_order(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->compile.planned = true;
    o->compile.plan.free_order = !strcmp(value, "free");
    return !o->compile.plan.free_order && strcmp(value, "fixed") != 0;
}

/* After the kind's way: the planner decides. */
static int set_planned(Options *o, const Option *option, const char *value)
{
    (void)option;
    (void)value;
    o->compile.planned = true;
    return !(o->compile.plan.memory_limit > 0);
}

static int set_capacity(Options *o, const Option *option, const char *value)
{
    double bytes = parse_bytes(value);
    (void)option;
    o->compile.plan.capacity = bytes >= 1 && bytes < 1e18 ? (int64_t)bytes : 0;
    return !o->compile.plan.capacity;
}

/* BANDWIDTH[,LATENCY] */
static int set_client(Options *o, const Option *option, const char *value)
{
    const char *comma = strchr(value, ',');
    char *end = NULL;
    (void)option;
    o->compile.planned = true;
    Link client = {.bandwidth = parse_bytes(
                       comma ? arena_strndup(o->arena, value, (size_t)(comma - value)) : value)};
    if (comma) client.latency = strtod(comma + 1, &end);
    o->compile.plan.client = client;
    return !(client.bandwidth > 0 && client.bandwidth < 1e300) ||
           (comma && (end == comma + 1 || *end || !(client.latency >= 0 && client.latency <= 1e6)));
}

/* IN=argmax(OUT) */
static int set_feedback(Options *o, const Option *option, const char *value)
{
    static const char call[] = "=argmax(";
    const char *at = strstr(value, call);
    size_t length = strlen(value);
    (void)option;
    if (!at || at == value || value[length - 1] != ')') return 1;
    const char *out = at + strlen(call);
    o->feedback_in = arena_strndup(o->arena, value, (size_t)(at - value));
    o->feedback_out = arena_strndup(o->arena, out, strlen(out) - 1);
    return !*o->feedback_out;
}

static int set_serve(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->serve = value ? value : "*:7700";
    return 0;
}

static int set_log(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->log_json = !strcmp(value, "json");
    return !o->log_json && strcmp(value, "text");
}

static int set_transport(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->compile.mpi = !strcmp(value, "mpi");
    return strcmp(value, "mpi") && strcmp(value, "sockets");
}

static int set_write(Options *o, const Option *option, const char *value)
{
    (void)option;
    o->write = services_find(value);
    return !o->write;
}

/* ---- The table ---- */

#define AT(field)                 offsetof(Options, field)
#define FLAG(field)               OPTION_FLAG, AT(field), 0, 0, 0, NULL, NULL
#define TEXT(field)               OPTION_TEXT, AT(field), 0, 0, 0, NULL, NULL
#define COUNT(field, least, most) OPTION_COUNT, AT(field), 0, least, most, NULL, NULL
#define LONG(field, least, most)  OPTION_LONG, AT(field), 0, least, most, NULL, NULL
#define NUMBER(field, least, most, expected)                                                       \
    OPTION_NUMBER, AT(field), 0, least, most, expected, NULL
#define MANY(kind, field, number) kind, AT(field), AT(number), 0, 0, NULL, NULL
#define OTHER(set, expected)      OPTION_OTHER, 0, 0, 0, 0, expected, set

#define COMPILING FOR_COMPILING
#define NOT_PLAN  (FOR_COMPILING & ~(unsigned)FOR_PLAN)
#define THREADED  (FOR_COMPILING | FOR_RUN | FOR_CALIBRATE)
#define FED       (FOR_RUN | FOR_PROFILE)

const Option option_table[] = {
    {"-o", "OUT",
     "The folder to make, which must not exist; calibrate: where the target file, or the link's\n"
     "figures, go (standard output); keys: the file to make",
     FOR_COMPILE | FOR_CALIBRATE | FOR_KEYS, false, REACH_NOTHING, TEXT(compile.out)},
    {"--targets", "T,...",
     "One stage for each target, in this order (see lpc targets); plan: devices of the cluster, "
     "by\n"
     "their names or targets. Without it: this machine, one stage",
     COMPILING, false, REACH_CONTENT, MANY(OPTION_LIST, compile.targets, compile.target_count)},
    {"--target-dir", "DIR", "Look for target files there first; can be repeated",
     COMPILING | FOR_TARGETS | FOR_CALIBRATE, false, REACH_CONTENT,
     MANY(OPTION_TEXTS, compile.target_dirs, compile.target_dir_count)},
    {"--cut-after", "NODE,...", "Cut by hand after these nodes, one fewer than targets", COMPILING,
     false, REACH_CUT, MANY(OPTION_LIST, compile.cut_after, compile.cut_count)},
    {"--plan", "FILE", "Obey this plan (lpc plan --json, maybe edited); it is checked first",
     COMPILING, false, REACH_CONTENT, OPTION_TEXT, AT(compile.plan_file), 0, 0, 0, NULL,
     set_planned},
    {"--objective", "WHAT", "throughput (the default), latency, memory or partitions", COMPILING,
     false, REACH_CUT, OTHER(set_objective, "throughput, latency, memory or partitions")},
    {"--order", "fixed|free", "free: choose the devices' order too", COMPILING, false, REACH_CUT,
     OTHER(set_order, "fixed or free")},
    {"--memory-limit", "F", "Usable fraction of each device's memory, above 0 and at most 1",
     COMPILING, false, REACH_CUT, OPTION_NUMBER, AT(compile.plan.memory_limit), 0, 0, 1,
     "a fraction above 0, at most 1", set_planned},
    {"--client", "BYTES[,SECONDS]",
     "The client's link, to the first stage and from the last: bytes per second, and latency; "
     "without "
     "it\n"
     "frames are there in no time (plan: or \"client\" of the cluster's file)",
     COMPILING, false, REACH_CUT,
     OTHER(set_client, "BYTES-PER-SECOND[,SECONDS], such as 12MB,0.0005")},
    {"--name", "NAME",
     "The function is NAME_run, the macros NAME_..., the header NAME.h. Without it: the file's "
     "name",
     COMPILING, false, REACH_FORM, TEXT(compile.name)},
    {"--emit", "NAME", "The code's form; `lpc targets` lists them, the default first",
     COMPILING & ~(unsigned)FOR_CHECK, false, REACH_FORM,
     OTHER(set_emit, "obj, c or another name that `lpc targets` lists")},
    {"--emit", "NAME|eval",
     "The code's form; or run the lowered model in the evaluator: no program is made", FOR_CHECK,
     false, REACH_FORM,
     OTHER(set_check_emit, "obj, c or another name that `lpc targets` lists, or eval")},
    {"--portable", NULL, "Plain ISO C11 without vector extensions; implies --emit c", COMPILING,
     false, REACH_FORM, FLAG(compile.portable)},
    {"--weights", "elf|c",
     "As an object file, or as C arrays for any compiler; without it: an object where lpc knows "
     "the "
     "target's",
     COMPILING, false, REACH_FORM, OTHER(set_weights, "elf or c")},
    {"--no-plan", NULL,
     "Plain loops, one nest per node, and every buffer apart: what the rest is compared with",
     COMPILING, false, REACH_MODEL, FLAG(compile.no_plan)},
    {"--tune", "FILE",
     "Measure the tilings of hot kernels that FILE lacks, keep the best there, compile with them\n"
     "(docs/tuning.md)",
     COMPILING, false, REACH_CONTENT, OTHER(set_tune, "only one of --tune and --tuned, once")},
    {"--tuned", "FILE", "Compile with the tilings of FILE; measure nothing", COMPILING, false,
     REACH_CONTENT, OTHER(set_tune, "only one of --tune and --tuned, once")},
    {"--runner", "CMD",
     "Shell command that runs a program of --tune on the device: CMD PROGRAM OPTION..., with\n"
     "LPC_TARGET set",
     COMPILING, false, REACH_NOTHING, TEXT(compile.runner)},
    {"--emulate", NULL,
     "Programs that measure another device may run here, through its emulator: the times mean\n"
     "nothing there",
     COMPILING | FOR_CALIBRATE, false, REACH_NOTHING, FLAG(compile.emulate)},
    {"--bind", "NAME=N", "The size NAME is N", COMPILING, false, REACH_MODEL,
     MANY(OPTION_BINDS, compile.binds, compile.bind_count)},
    {"--max", "NAME=N",
     "The size NAME is at most N: memory is planned for N, loops run to the actual size", COMPILING,
     false, REACH_MODEL, MANY(OPTION_BINDS, compile.maxes, compile.max_count)},
    {"--max-string", "N",
     "Strings have up to N bytes (256), rounded up to a power of two; every string takes that room",
     COMPILING, false, REACH_MODEL, COUNT(compile.max_string, 1, 4096)},
    {"--bind-input", "NAME=FILE", "The input's contents are fixed (.npy or .pb)", COMPILING, false,
     REACH_CONTENT, MANY(OPTION_FILES, compile.input_files, compile.input_file_count)},
    {"--custom", "OP=FILE.c",
     "Operator OP (DOMAIN::NAME, or a standard one's name) is the C function in FILE.c\n"
     "(docs/custom-operators.md)",
     COMPILING, false, REACH_CONTENT, OPTION_FILES, AT(compile.custom_files),
     AT(compile.custom_count), 0, 0, "DOMAIN::OP=FILE.c", add_custom},
    {"--state", "IN=OUT",
     "Output OUT feeds back into input IN; it stays on its device and never crosses the network. A "
     "star in both stands for the same text: 'past.*=present.*'",
     COMPILING, false, REACH_MODEL, OPTION_TEXTS, AT(compile.states), AT(compile.state_count), 0, 0,
     "A=B", NULL},
    {"--accuracy-level", "1|4",
     "What is multiplied with weights of 2, 4 and 8 bits: 1: numbers as they are, 4: bytes with a "
     "scale for\n"
     "each block, which is faster; without it as MatMulNBits' accuracy_level says, or 1",
     COMPILING, false, REACH_MODEL, OTHER(set_accuracy_level, "1 or 4")},
    {"--nchwc-block", "8|16",
     "Channels in a block of weights that ONNX Runtime reordered (optimisation level 'all'), where "
     "the\n"
     "model does not say: 8 on processors with AVX, 16 with AVX-512 and on ARM",
     COMPILING, false, REACH_MODEL, OTHER(set_nchwc_block, "8 or 16")},
    {"--random-seed", "N",
     "What random operators without a seed of their own draw from (0): with one N the same numbers "
     "on\n"
     "every target",
     COMPILING, false, REACH_MODEL, LONG(compile.random_seed, 0, 9e15)},
    {"--random-input", "NAME",
     "Another input, NAME, an int64 scalar: for each value of it random operators draw other "
     "numbers;\n"
     "without it each run draws the same",
     COMPILING, false, REACH_MODEL, TEXT(compile.random_input)},
    {"--instrument", NULL, "The function tells after each kernel how long it took: for lpc profile",
     COMPILING, false, REACH_FORM, FLAG(compile.profile)},
    {"--profile", NULL, "The same as --instrument", NOT_PLAN, true, REACH_FORM,
     FLAG(compile.profile)},
    {"--threads", "N",
     "Threads of a stage (what the plan assumes, the target's cores, as far as the device has "
     "them);\n"
     "calibrate: instead of all cores",
     THREADED, false, REACH_FORM, COUNT(compile.threads, 1, 256)},
    {"--no-link", NULL, "Do not link stage programs", COMPILING, false, REACH_NOTHING,
     FLAG(compile.no_link)},
    {"--transport", "sockets|mpi",
     "mpi: also a program for each stage that is a rank of an MPI job (docs/guide/cluster.md)",
     FOR_COMPILE, false, REACH_NOTHING, OTHER(set_transport, "sockets or mpi")},
    {"--time-passes", NULL, "Show where the time goes", COMPILING, false, REACH_NOTHING,
     FLAG(compile.time_passes)},
    {"--quiet", NULL, "Do not print the plan", COMPILING, false, REACH_NOTHING,
     FLAG(compile.quiet)},
    {"--verbose", NULL, "Show progress after a few seconds; a terminal sees it anyway",
     COMPILING | FOR_DEPLOY, false, REACH_NOTHING, FLAG(compile.verbose)},

    {"--profile", "FILE", "Plan these layers (OUT/layers.json, --write-profile) without a model",
     FOR_PLAN | FOR_SIMULATE, false, REACH_NOTHING, TEXT(profile_file)},
    {"--cluster", "FILE", "Devices and links; without it the targets' figures and Gigabit Ethernet",
     FOR_PLAN | FOR_SIMULATE, false, REACH_NOTHING, TEXT(cluster_file)},
    {"--use-all", NULL, "Leave no device out", FOR_PLAN, false, REACH_NOTHING,
     FLAG(compile.plan.use_all)},
    {"--capacity", "BYTES", "Every device's memory, instead of its own", FOR_PLAN, false,
     REACH_NOTHING, OTHER(set_capacity, "bytes, such as 50MB")},
    {"--batch", "N", "Times the profile's or the model's batch", FOR_PLAN, false, REACH_NOTHING,
     COUNT(compile.plan.batch, 1, 1 << 20)},
    {"--queue", "N", "Depth of send and receive queues in frames (2)", FOR_PLAN, false,
     REACH_NOTHING, COUNT(compile.plan.queue, 1, 64)},
    {"--no-overlap", NULL, "Sending does not overlap computing", FOR_PLAN, false, REACH_NOTHING,
     FLAG(compile.plan.no_overlap)},
    {"--split", "N,N,...", "So many layers on each device, checked", FOR_PLAN, false, REACH_NOTHING,
     TEXT(split)},
    {"--compare", NULL, "All objectives side by side", FOR_PLAN, false, REACH_NOTHING,
     FLAG(compare)},
    {"--measure", NULL,
     "Time the model's layers on each kind of device, on this machine or through its emulator, "
     "and\n"
     "plan from that",
     FOR_PLAN, false, REACH_NOTHING, FLAG(measure)},

    {"--frames", "N", "How many frames go through (256)", FOR_SIMULATE, false, REACH_NOTHING,
     COUNT(frames, 1, 1e6)},
    {"--tokens", "N", "Tokens in one frame (1)", FOR_SIMULATE, false, REACH_NOTHING,
     NUMBER(tokens, 1, 1e15, "a number of 1 or more")},
    {"--tensor-parallel", "T",
     "Also each layer split over T equal devices of --cluster, for the layers of --profile",
     FOR_SIMULATE, false, REACH_NOTHING, COUNT(tensor, 1, 1e6)},
    {"--pipeline", "P", "With --tensor-parallel: P such groups as stages (1)", FOR_SIMULATE, false,
     REACH_NOTHING, COUNT(pipeline, 1, 1e6)},

    {"--input", "NAME=FILE",
     "An input, .npy or .pb; run: repeated for one NAME, successive frames. Without it: seeded "
     "noise",
     FED, false, REACH_NOTHING, MANY(OPTION_FILES, inputs, input_count)},
    {"--output", "DIR", "Write the outputs there as NAME.npy, NAME.STEP.npy for several frames",
     FOR_RUN, false, REACH_NOTHING, TEXT(output)},
    {"--repeat", "N", "Run so often (run: 1, profile: 30); run --feedback: that many frames in all",
     FED, false, REACH_NOTHING, LONG(repeat, 1, 1e8)},
    {"--feedback", "IN=argmax(OUT)",
     "From one frame to the next, input IN becomes the index of the largest value in the last row\n"
     "of output OUT",
     FOR_RUN, false, REACH_NOTHING, OTHER(set_feedback, "IN=argmax(OUT)")},
    {"--seed", "N", "Of the noise (1)", FED, false, REACH_NOTHING, LONG(seed, 0, 9e15)},
    {"--timeout", "SECONDS", "For starting, and for each result", FOR_RUN | FOR_DEPLOY, false,
     REACH_NOTHING, NUMBER(timeout, 0.001, 1e6, "seconds")},
    {"--connect", "HOST:PORT",
     "The stages were started by hand: where the first one listens; run: or a gateway (lpc serve)",
     FOR_RUN | FOR_SERVE, false, REACH_NOTHING, TEXT(connect)},
    {"--collect", "HOST:PORT", "And where the last one does, if there are several",
     FOR_RUN | FOR_SERVE, false, REACH_NOTHING, TEXT(collect)},
    {"--connect", "HOST:PORT,...", "The stages were started by hand: where each of them listens",
     FOR_TOP, false, REACH_NOTHING, MANY(OPTION_LIST, stage_addresses, stage_address_count)},
    {"--listen", "HOST:PORT", "Where clients of the wire protocol connect, both their ends",
     FOR_SERVE, false, REACH_NOTHING, TEXT(listen)},
    {"--http", "HOST:PORT", "Where clients of HTTP connect", FOR_SERVE, false, REACH_NOTHING,
     TEXT(http)},
    {"--streams", "N",
     "Streams of the pipeline that are used at once (1); its stages must serve as many. With "
     "state\n"
     "each client has one of its own",
     FOR_SERVE, false, REACH_NOTHING, COUNT(streams, 1, 64)},
    {"--port", "N", "Where devices fetch (8090); the next free one where it is in use",
     FOR_PACKAGES, false, REACH_NOTHING, COUNT(port, 1, 65535)},
    {"--hosts", "FILE",
     "Which stage is on which device (docs/guide/three-devices.md); run, serve: the stages are "
     "there",
     FOR_DEPLOYED | FOR_RUN | FOR_SERVE | FOR_TOP, false, REACH_NOTHING, TEXT(hosts)},
    {"--mpi", "COMMAND",
     "The stages (compiled with --transport mpi) run as an MPI job that COMMAND starts: mpirun or "
     "srun, "
     "with\n"
     "their options in the same word, 'srun -N 3'",
     FOR_RUN, false, REACH_NOTHING, TEXT(mpi)},
    {"--write", "compose|kubernetes",
     "Instead of --hosts: write OUT/compose.yaml or OUT/kubernetes.yaml, by which others keep the "
     "stages\n"
     "and a gateway running (docs/guide/cluster.md)",
     FOR_DEPLOY, false, REACH_NOTHING, OTHER(set_write, "compose or kubernetes")},
    {"--keys", "FILE",
     "Links to the stages, and to wire clients, are encrypted, with the keys in FILE (lpc keys);\n"
     "with --hosts it is OUT/keys, which lpc deploy makes",
     FOR_RUN | FOR_SERVE | FOR_TOP, false, REACH_NOTHING, TEXT(keys)},
    {"--insecure", NULL,
     "Without encryption, though other machines are reached; deploy: the stages do without, too",
     FOR_RUN | FOR_SERVE | FOR_DEPLOY | FOR_TOP, false, REACH_NOTHING, FLAG(insecure)},
    {"--key", "NAME", "The key's name (drawn)", FOR_KEYS, false, REACH_NOTHING, TEXT(key)},
    {"--retry", "SECONDS",
     "With --connect or --hosts: when it breaks, connect again for so long and go on where it "
     "broke (serve: 60)",
     FOR_RUN | FOR_SERVE, false, REACH_NOTHING, NUMBER(retry, 0, 1e6, "seconds")},
    {"--heartbeat", "SECONDS",
     "With --connect or --hosts: stages that give no sign of life for longer hang or are cut off "
     "(2; 0: none)",
     FOR_RUN | FOR_SERVE, false, REACH_NOTHING, NUMBER(heartbeat, 0, 1000, "seconds")},
    {"--log", "text|json",
     "How lines of the log look: with time and level, or a JSON object each (text)", FOR_SERVE,
     false, REACH_NOTHING, OTHER(set_log, "text or json")},
    {"--write-profile", "FILE",
     "The model's layers, for lpc plan --profile; run: with the measured times", FOR_PLAN | FOR_RUN,
     false, REACH_NOTHING, TEXT(profile_out)},
    {"--interval", "SECONDS", "Between two looks (1)", FOR_TOP, false, REACH_NOTHING,
     NUMBER(interval, 0.05, 3600, "0.05 to 3600 seconds")},
    {"--once", NULL, "One table, of one interval", FOR_TOP, false, REACH_NOTHING, FLAG(once)},
    {"--lines", "N", "Lines of each stage (20)", FOR_LOGS, false, REACH_NOTHING,
     COUNT(lines, 1, 1e6)},
    {"--follow", NULL, "And what they say from then on", FOR_LOGS, false, REACH_NOTHING,
     FLAG(follow)},
    {"--rows", "N", "Kernels in the table (40)", FOR_PROFILE, false, REACH_NOTHING,
     COUNT(rows, 1, 1e6)},

    {"--each", NULL, "Every FOLDER/model.onnx in a process of its own", FOR_CHECK, false,
     REACH_NOTHING, FLAG(each)},
    {"--stages", "N", "Cut into N stages on the target, or as many as there are layers", FOR_CHECK,
     false, REACH_NOTHING, COUNT(stages, 1, PLAN_DEVICES)},
    {"--rtol", "R", "Relative tolerance of floats (1e-3)", FOR_CHECK, false, REACH_NOTHING,
     NUMBER(rtol, 0, 1e300, "a number of 0 or more")},
    {"--atol", "A", "Absolute tolerance of floats (1e-4)", FOR_CHECK, false, REACH_NOTHING,
     NUMBER(atol, 0, 1e300, "a number of 0 or more")},
    {"--keep", NULL, "Keep the package; implies --link", FOR_CHECK, false, REACH_NOTHING,
     FLAG(keep)},
    {"--link", NULL,
     "Link and run the stage programs, also where their code can be loaded instead, which is "
     "faster",
     FOR_CHECK, false, REACH_NOTHING, FLAG(link)},

    {"--target", "T", "The kind of device (host)", FOR_CALIBRATE, false, REACH_NOTHING,
     TEXT(target)},
    {"--quick", NULL, "Shorter, less exact", FOR_CALIBRATE, false, REACH_NOTHING, FLAG(quick)},
    {"--serve", "[HOST:PORT]", "Answer a peer that measures the link (*:7700)", FOR_CALIBRATE,
     false, REACH_NOTHING, OTHER(set_serve, "HOST:PORT")},
    {"--peer", "HOST:PORT", "Measure the link to one that serves", FOR_CALIBRATE, false,
     REACH_NOTHING, TEXT(peer)},
    {"--once", NULL, "--serve ends after one peer", FOR_CALIBRATE, false, REACH_NOTHING,
     FLAG(once)},
    {"--json", NULL, "Print JSON",
     FOR_RUN | FOR_TARGETS | FOR_PROFILE | FOR_PLAN | FOR_SIMULATE | FOR_CALIBRATE | FOR_DEPLOY |
         FOR_STATUS | FOR_TOP,
     false, REACH_NOTHING, FLAG(json)},
    {"--help", NULL, "Print this", FOR_ALL, false, REACH_NOTHING, FLAG(help)},
};

const int option_count = sizeof option_table / sizeof *option_table;

void options_init(Options *o, Arena *arena)
{
    *o = (Options){.compile = {.plan = plan_defaults(), .customs = customs_new(arena)},
                   .arena = arena,
                   .given = arena_array(arena, (size_t)option_count, sizeof(const char *)),
                   .frames = 256,
                   .pipeline = 1,
                   .tokens = 1,
                   .seed = 1,
                   .heartbeat = 2,
                   .rows = 40,
                   .lines = 20,
                   .interval = 1,
                   .rtol = 1e-3,
                   .atol = 1e-4};
}
