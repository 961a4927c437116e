/* `lpc run OUT`: the pipeline on this machine, fed with files or noise. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/run/run.h"
#include "runtime/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WARM_UP = 3, SHOWN_VALUES = 8, SHOWN_STEPS = 8 };

static const char usage_text[] =
    "usage: lpc run OUT [option]...\n"
    "Starts the stages of OUT on this machine as a pipeline, feeds it, and tells how fast it is.\n"
    "  --input NAME=FILE       an input, .npy or ONNX TensorProto (.pb); given again for the same\n"
    "                          NAME: the next frame's; without: seeded noise\n"
    "  --output DIR            writes the outputs there as NAME.npy (NAME.STEP.npy for several "
    "frames)\n"
    "  --repeat N              feeds the frames N times; with --feedback: N frames in all\n"
    "  --feedback IN=argmax(OUT)  from one frame to the next, input IN becomes the index of the\n"
    "                          largest value in the last row of output OUT\n"
    "  --seed N                of the noise (default 1)\n"
    "  --threads N             threads per stage\n"
    "  --timeout SECONDS       for starting, and for each result\n"
    "  --connect HOST:PORT --collect HOST:PORT\n"
    "                          the stages were started by hand: where the first one listens, and\n"
    "                          where the last one forwards to\n"
    "  --write-profile FILE    the model's layers with the measured times, for lpc plan --profile\n"
    "  --json                  prints the figures as JSON\n"
    "  --help                  prints this\n";

typedef struct Given {
    const char *name, *file;
} Given;

typedef struct Command {
    const char *folder, *output, *profile_out;
    Given *given;
    int given_count;
    const char *feedback_in, *feedback_out; /* NULL: none */
    int64_t repeat;
    uint64_t seed;
    int json, help;
    RunOptions run;
} Command;

/* What is fed: for each frame of the sequence, the inputs and the symbols' values. */
typedef struct Frame {
    HostTensor *inputs;
    int64_t *sizes;
} Frame;

typedef struct Run {
    const Command *command;
    Arena *arena;
    Diag *diag;
    Package *package;
    RunSession *session;
    Frame *frames;
    int64_t frame_count; /* of the sequence that the user gives */
    int64_t total;       /* frames to be fed */
    HostTensor *outputs;
    float *latencies;
    int64_t latency_count;
    double throughput; /* frames per second */
    int64_t *tokens;
    int64_t token_count;
} Run;

/* --- the command line --- */

static int usage_error(Diag *diag, const char *text, const char *what)
{
    diag_error(diag, "run: %s%s (see lpc run --help)", text, what);
    return LPC_USAGE;
}

static int split(Arena *arena, const char *text, const char **left, const char **right)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) return LPC_ERROR;
    *left = arena_strndup(arena, text, (size_t)(equals - text));
    *right = equals + 1;
    return LPC_OK;
}

/* IN=argmax(OUT) */
static int parse_feedback(Arena *arena, const char *text, Command *command)
{
    const char *right;
    static const char call[] = "argmax(";
    if (split(arena, text, &command->feedback_in, &right)) return LPC_ERROR;
    size_t length = strlen(right);
    if (strncmp(right, call, strlen(call)) != 0 || right[length - 1] != ')' ||
        length < strlen(call) + 2)
        return LPC_ERROR;
    command->feedback_out = arena_strndup(arena, right + strlen(call), length - strlen(call) - 1);
    return LPC_OK;
}

static int parse_number(const char *text, double least, double most, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end == text || *end || !(*value >= least && *value <= most);
}

static int parse_option(Command *command, Arena *arena, Diag *diag, const char *name,
                        const char *value)
{
    double number = 0;
    if (strcmp(name, "--input") == 0) {
        Given given;
        if (split(arena, value, &given.name, &given.file))
            return usage_error(diag, "--input: expected NAME=FILE, got ", value);
        arena_push(arena, command->given, command->given_count) = given;
    } else if (strcmp(name, "--output") == 0) {
        command->output = value;
    } else if (strcmp(name, "--feedback") == 0) {
        if (parse_feedback(arena, value, command))
            return usage_error(diag, "--feedback: expected IN=argmax(OUT), got ", value);
    } else if (strcmp(name, "--write-profile") == 0) {
        command->profile_out = value;
    } else if (strcmp(name, "--connect") == 0) {
        command->run.connect = value;
    } else if (strcmp(name, "--collect") == 0) {
        command->run.collect = value;
    } else if (strcmp(name, "--repeat") == 0) {
        if (parse_number(value, 1, 1e8, &number))
            return usage_error(diag, "--repeat: expected a number from 1, got ", value);
        command->repeat = (int64_t)number;
    } else if (strcmp(name, "--seed") == 0) {
        if (parse_number(value, 0, 9e15, &number))
            return usage_error(diag, "--seed: expected a number, got ", value);
        command->seed = (uint64_t)number;
    } else if (strcmp(name, "--threads") == 0) {
        if (parse_number(value, 1, 256, &number))
            return usage_error(diag, "--threads: expected 1 to 256, got ", value);
        command->run.threads = (int)number;
    } else if (strcmp(name, "--timeout") == 0) {
        if (parse_number(value, 0.001, 1e6, &number))
            return usage_error(diag, "--timeout: expected seconds, got ", value);
        command->run.timeout = number;
    } else {
        return usage_error(diag, "unknown option ", name);
    }
    return LPC_OK;
}

static int parse(Command *command, Arena *arena, Diag *diag, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            command->help = 1;
            return LPC_OK;
        }
        if (strcmp(argv[i], "--json") == 0) {
            command->json = 1;
        } else if (strncmp(argv[i], "--", 2) == 0) {
            if (i + 1 == argc) return usage_error(diag, "a value is missing after ", argv[i]);
            TRY(parse_option(command, arena, diag, argv[i], argv[i + 1]));
            i++;
        } else if (command->folder) {
            return usage_error(diag, "more than one folder: ", argv[i]);
        } else {
            command->folder = argv[i];
        }
    }
    if (!command->folder) return usage_error(diag, "the folder that lpc made is missing", "");
    if (!command->run.connect != !command->run.collect)
        return usage_error(diag, "--connect and --collect go together", "");
    if (command->run.connect && command->profile_out)
        return usage_error(diag, "--write-profile: times of stages elsewhere are not known here", "");
    command->run.stats = !command->run.connect;
    return LPC_OK;
}

/* --- the frames --- */

static const char *names_of(const PackageEnd *end, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    for (int i = 0; i < end->count; i++)
        text_printf(&text, "%s'%s'", i ? ", " : "", end->tensors[i].name);
    return text.data;
}

/* How many frames the --input options make: the longest list of one name. */
static int count_frames(Run *run)
{
    const PackageEnd *inputs = &run->package->inputs;
    int *counts = arena_array(run->arena, (size_t)inputs->count + 1, sizeof *counts);
    run->frame_count = 1;
    for (int i = 0; i < run->command->given_count; i++) {
        int index = package_find(inputs, run->command->given[i].name);
        if (index < 0)
            return diag_error(run->diag, "no input is called '%s'; there are %s",
                              run->command->given[i].name, names_of(inputs, run->arena));
        if (++counts[index] > run->frame_count) run->frame_count = counts[index];
    }
    return LPC_OK;
}

/* Input `index` of frame `frame`: the frame-th file of that name, or its last one. */
static int read_input(Run *run, int index, int64_t frame, HostTensor *tensor)
{
    const Given *found = NULL;
    const char *name = run->package->inputs.tensors[index].name;
    int64_t seen = 0;
    for (int i = 0; i < run->command->given_count && seen <= frame; i++) {
        if (strcmp(run->command->given[i].name, name) != 0) continue;
        found = &run->command->given[i];
        seen++;
    }
    if (!found) return LPC_OK;
    return host_read(tensor, run->arena, run->diag, found->file);
}

static int make_frames(Run *run)
{
    const Package *package = run->package;
    TRY(count_frames(run));
    run->frames = arena_array(run->arena, (size_t)run->frame_count, sizeof *run->frames);
    for (int64_t f = 0; f < run->frame_count; f++) {
        Frame *frame = &run->frames[f];
        frame->inputs =
            arena_array(run->arena, (size_t)package->inputs.count + 1, sizeof *frame->inputs);
        frame->sizes =
            arena_array(run->arena, (size_t)package->symbol_count + 1, sizeof *frame->sizes);
        for (int i = 0; i < package->inputs.count; i++)
            TRY(read_input(run, i, f, &frame->inputs[i]));
        TRY(package_bind_some(package, run->diag, frame->inputs, frame->sizes));
        TRY(run_noise(package, run->arena, run->diag, run->command->seed + (uint64_t)f,
                      frame->inputs, frame->sizes));
    }
    run->outputs =
        arena_array(run->arena, (size_t)package->outputs.count + 1, sizeof *run->outputs);
    return LPC_OK;
}

/* --- outputs --- */

static int make_folder(Run *run)
{
    if (!run->command->output || mkdir(run->command->output, 0777) == 0 || errno == EEXIST)
        return LPC_OK;
    return diag_error(run->diag, "%s: %s", run->command->output, strerror(errno));
}

static const char *file_name(const char *name, Arena *arena)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    char *copy = arena_strdup(arena, name);
    for (char *at = copy; *at; at++)
        if (!strchr(allowed, *at)) *at = '_';
    if (*copy == '.') *copy = '_';
    return copy;
}

static void show(const HostTensor *tensor, Arena *arena)
{
    int64_t count = host_elements(tensor);
    printf("%s %s:", tensor->name, host_shape_text(tensor, arena));
    for (int64_t i = 0; i < count && i < SHOWN_VALUES; i++)
        printf(" %.6g", host_value(tensor, i));
    printf("%s\n", count > SHOWN_VALUES ? " ..." : "");
}

/* Writes and shows the outputs of frame `step` of `steps`. */
static int put_outputs(Run *run, int64_t step, int64_t steps)
{
    for (int i = 0; i < run->package->outputs.count; i++) {
        const HostTensor *tensor = &run->outputs[i];
        bool quiet = run->command->json || run->command->feedback_in || steps > SHOWN_STEPS;
        if (!quiet) show(tensor, run->arena);
        if (!run->command->output) continue;
        const char *name = file_name(tensor->name, run->arena);
        const char *path = steps > 1
                               ? arena_printf(run->arena, "%s/%s.%" PRId64 ".npy",
                                              run->command->output, name, step)
                               : arena_printf(run->arena, "%s/%s.npy", run->command->output, name);
        TRY(host_write_npy(tensor, run->diag, path));
    }
    return LPC_OK;
}

/* --- feeding --- */

/* One frame through the whole pipeline, timed. */
static int one_frame(Run *run, const Frame *frame)
{
    LpcError error = {0};
    uint64_t begin = lpc_now_ns();
    if (run_feed(run->session, frame->inputs, frame->sizes, &error))
        return run_failed(run->session, run->diag, &error);
    TRY(run_collect(run->session, NULL, run->diag, run->outputs, NULL));
    run->latencies[run->latency_count++] = (float)((double)(lpc_now_ns() - begin) * 1e-6);
    return LPC_OK;
}

typedef struct Feeder {
    Run *run;
    int64_t begin, end;
} Feeder;

static void *feed_all(void *arg)
{
    Feeder *feeder = arg;
    LpcError error = {0};
    for (int64_t i = feeder->begin; i < feeder->end; i++) {
        const Frame *frame = &feeder->run->frames[i % feeder->run->frame_count];
        if (run_feed(feeder->run->session, frame->inputs, frame->sizes, &error)) break;
    }
    return NULL; /* a failure shows at the collecting end too, which reports it */
}

/* Keeps the pipeline full; counts from the first result to the last. */
static int many_frames(Run *run, int64_t begin, int64_t end)
{
    Feeder feeder = {run, begin, end};
    pthread_t thread;
    int code = LPC_OK;
    uint64_t first = 0, last = lpc_now_ns();
    if (pthread_create(&thread, NULL, feed_all, &feeder))
        return diag_error(run->diag, "cannot start a thread");
    for (int64_t i = begin; i < end && !code; i++) {
        code = run_collect(run->session, NULL, run->diag, run->outputs, NULL);
        last = lpc_now_ns();
        if (i == begin) first = last;
    }
    pthread_join(thread, NULL);
    if (end - begin > 1 && last > first)
        run->throughput = (double)(end - begin - 1) / ((double)(last - first) * 1e-9);
    return code;
}

static int feed_sequence(Run *run)
{
    run->total = run->frame_count * run->command->repeat;
    int64_t single = run->total; /* one at a time, the rest at full rate */
    if (run->command->repeat > 1) {
        single = run->total / 2 > run->frame_count ? run->total / 2 : run->frame_count;
        if (single > 200 && single > run->frame_count)
            single = run->frame_count > 200 ? run->frame_count : 200;
    }
    run->latencies = arena_array(run->arena, (size_t)single, sizeof *run->latencies);
    for (int64_t i = 0; i < single; i++) {
        TRY(one_frame(run, &run->frames[i % run->frame_count]));
        if (i < run->frame_count) TRY(put_outputs(run, i, run->frame_count));
    }
    return single < run->total ? many_frames(run, single, run->total) : LPC_OK;
}

/* --- feedback --- */

static int64_t last_argmax(const HostTensor *tensor)
{
    int64_t count = host_elements(tensor);
    int64_t row = tensor->rank ? tensor->dims[tensor->rank - 1] : 1;
    int64_t best = 0;
    for (int64_t i = 1; i < row; i++)
        if (host_value(tensor, count - row + i) > host_value(tensor, count - row + best))
            best = i;
    return best;
}

/* The next frame's inputs: the last ones, with `input` a single element of that value. */
static int next_frame(Run *run, const Frame *last, int input, int64_t value, Frame *next)
{
    const PackageTensor *declared = &run->package->inputs.tensors[input];
    for (int i = 0; i < run->package->inputs.count; i++) next->inputs[i] = last->inputs[i];
    HostTensor *tensor = &next->inputs[input];
    for (int d = 0; d < tensor->rank; d++) tensor->dims[d] = 1;
    tensor->type = declared->type;
    if (host_alloc(tensor, run->arena)) return diag_error(run->diag, "out of memory");
    memcpy(tensor->data, &value, dtype_size(tensor->type)); /* little-endian */
    return package_bind(run->package, run->diag, next->inputs, next->sizes);
}

static int feed_back(Run *run)
{
    const Package *package = run->package;
    int input = package_find(&package->inputs, run->command->feedback_in);
    int output = package_find(&package->outputs, run->command->feedback_out);
    if (input < 0 || !dtype_is_int(package->inputs.tensors[input].type))
        return diag_error(run->diag, "--feedback: '%s' is not an integer input; inputs are %s",
                          run->command->feedback_in, names_of(&package->inputs, run->arena));
    if (output < 0)
        return diag_error(run->diag, "--feedback: no output is called '%s'; there are %s",
                          run->command->feedback_out, names_of(&package->outputs, run->arena));
    run->total = run->command->repeat > run->frame_count ? run->command->repeat : run->frame_count;
    run->latencies = arena_array(run->arena, (size_t)run->total, sizeof *run->latencies);
    run->tokens = arena_array(run->arena, (size_t)run->total, sizeof *run->tokens);
    Frame next = {arena_array(run->arena, (size_t)package->inputs.count + 1, sizeof(HostTensor)),
                  arena_array(run->arena, (size_t)package->symbol_count + 1, sizeof(int64_t))};
    const Frame *frame = &run->frames[0];
    for (int64_t i = 0; i < run->total; i++) {
        TRY(one_frame(run, frame));
        TRY(put_outputs(run, i, run->total));
        if (host_elements(&run->outputs[output]) == 0)
            return diag_error(run->diag, "--feedback: output '%s' is empty",
                              run->command->feedback_out);
        int64_t token = last_argmax(&run->outputs[output]);
        run->tokens[run->token_count++] = token;
        if (i + 1 < run->frame_count) {
            frame = &run->frames[i + 1];
        } else {
            TRY(next_frame(run, frame, input, token, &next));
            frame = &next;
        }
    }
    return LPC_OK;
}

/* --- the report --- */

static double latency_median(const Run *run)
{
    int64_t skip = run->latency_count > 3 * WARM_UP ? WARM_UP : 0;
    return (double)lpc_median(run->latencies + skip, (size_t)(run->latency_count - skip));
}

static void print_json_text(const char *text)
{
    putchar('"');
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\') putchar('\\');
        if ((unsigned char)*at < 32)
            printf("\\u%04x", (unsigned)*at);
        else
            putchar(*at);
    }
    putchar('"');
}

static void report_json(const Run *run, double latency, double throughput)
{
    int count;
    const RunStats *stats = run_stats(run->session, &count);
    printf("{\"stages\":[");
    for (int i = 0; i < count; i++) {
        printf("%s{\"name\":", i ? "," : "");
        print_json_text(stats[i].name);
        printf(",\"compute_ms_median\":%.6f,\"send_ms_median\":%.6f,\"receive_ms_median\":%.6f,"
               "\"wait_ms_median\":%.6f,\"frames\":%.0f,\"peak_rss_bytes\":%.0f",
               stats[i].compute_ms, stats[i].send_ms, stats[i].receive_ms, stats[i].wait_ms,
               stats[i].frames, stats[i].peak_rss_bytes);
        const PackageStage *stage = &run->package->stages[i];
        if (stage->predicted_compute_s >= 0)
            printf(",\"predicted_compute_ms\":%.6f,\"predicted_send_ms\":%.6f,"
                   "\"predicted_cores\":%d",
                   stage->predicted_compute_s * 1e3, stage->predicted_send_s * 1e3,
                   stage->predicted_cores);
        printf("}");
    }
    printf("],\"latency_ms_median\":%.6f,\"throughput\":%.6f,\"frames\":%" PRId64, latency,
           throughput, run->total);
    if (run->token_count) {
        printf(",\"tokens\":[");
        for (int64_t i = 0; i < run->token_count; i++)
            printf("%s%" PRId64, i ? "," : "", run->tokens[i]);
        printf("]");
    }
    printf("}\n");
}

static const char *predicted(Arena *arena, double seconds)
{
    return seconds < 0 ? "-" : arena_printf(arena, "%.3f", seconds * 1e3);
}

/* What predictions are for, where that is not what ran. */
static void print_conditions(const Run *run)
{
    int threads = run->command->run.threads;
    const char *with = threads ? arena_printf(run->arena, "--threads %d", threads)
                               : "its default number of threads";
    for (int i = 0; i < run->package->stage_count; i++) {
        const PackageStage *stage = &run->package->stages[i];
        bool emulated = stage->emulator && stage->emulator[0];
        if (stage->predicted_compute_s < 0) continue;
        if (!emulated && stage->predicted_cores == threads) continue;
        printf("%s is predicted for %d core%s of '%s'; here it ran %swith %s\n", stage->name,
               stage->predicted_cores, stage->predicted_cores == 1 ? "" : "s",
               stage->target ? stage->target : "?", emulated ? "through an emulator, " : "", with);
    }
}

static int write_profile(const Run *run)
{
    int count;
    const RunStats *stats = run_stats(run->session, &count);
    double *seconds = arena_array(run->arena, (size_t)run->package->stage_count + 1, sizeof *seconds);
    if (!run->command->profile_out) return LPC_OK;
    for (int i = 0; i < run->package->stage_count; i++) {
        if (i >= count || !stats[i].known)
            return diag_error(run->diag, "--write-profile: stage '%s' tells no times",
                              run->package->stages[i].name);
        seconds[i] = stats[i].compute_ms * 1e-3;
    }
    return package_profile(run->package, run->arena, run->diag, seconds, run->command->profile_out);
}

static void report_text(const Run *run, double latency, double throughput)
{
    int count;
    const RunStats *stats = run_stats(run->session, &count);
    if (run->token_count) {
        printf("tokens:");
        for (int64_t i = 0; i < run->token_count; i++) printf(" %" PRId64, run->tokens[i]);
        printf("\n");
    }
    if (count)
        printf("%-16s %10s %10s %10s %10s %10s %10s %8s %12s\n", "stage", "compute ms", "predicted",
               "send ms", "predicted", "receive ms", "wait ms", "frames", "peak RSS KiB");
    for (int i = 0; i < count; i++) {
        const PackageStage *stage = &run->package->stages[i];
        printf("%-16s %10.3f %10s %10.3f %10s %10.3f %10.3f %8.0f %12.0f\n", stats[i].name,
               stats[i].compute_ms, predicted(run->arena, stage->predicted_compute_s),
               stats[i].send_ms, predicted(run->arena, stage->predicted_send_s), stats[i].receive_ms,
               stats[i].wait_ms, stats[i].frames, stats[i].peak_rss_bytes / 1024);
    }
    if (count) print_conditions(run);
    printf("latency     %.3f ms (median of %" PRId64 " frames, one at a time)\n", latency,
           run->latency_count);
    printf("throughput  %.2f frames/s\n", throughput);
}

static int run_all(Run *run)
{
    TRY(package_load(&run->package, run->arena, run->diag, run->command->folder));
    TRY(make_frames(run));
    TRY(make_folder(run));
    TRY(run_open(&run->session, run->arena, run->diag, run->package, &run->command->run));
    TRY(run->command->feedback_in ? feed_back(run) : feed_sequence(run));
    TRY(run_finish(run->session, run->diag));
    TRY(write_profile(run));
    double latency = latency_median(run);
    double throughput = run->throughput > 0 ? run->throughput : latency > 0 ? 1000 / latency : 0;
    (run->command->json ? report_json : report_text)(run, latency, throughput);
    return fflush(stdout) ? diag_error(run->diag, "cannot write to standard output") : LPC_OK;
}

int command_run(int argc, char **argv)
{
    Arena *arena = arena_new();
    Diag diag;
    Command command = {.repeat = 1, .seed = 1};
    diag_init(&diag, arena, NULL);
    int code = parse(&command, arena, &diag, argc, argv);
    if (!code && command.help) {
        fputs(usage_text, stdout);
    } else if (!code) {
        Run run = {.command = &command, .arena = arena, .diag = &diag};
        diag.file = command.folder;
        code = run_all(&run);
        run_free(run.session);
    }
    diag_flush(&diag);
    arena_free(arena);
    return code;
}
