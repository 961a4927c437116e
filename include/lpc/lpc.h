/* liblpc: the compiler as a library.
 *
 * lpc compiles one neural network (ONNX), ahead of time, into one small program per device. This
 * header offers all that the commands `lpc` and `lpc-opt` do, and they use nothing else of the library.
 *
 *     lpc_compiler *c = lpc_create();
 *     lpc_set(c, "targets", "pc,pi");
 *     lpc_set(c, "bind", "batch=1");
 *     if (lpc_import(c, "model.onnx") || lpc_emit(c, "out"))
 *         for (size_t i = 0; i < lpc_message_count(c); i++)
 *             fprintf(stderr, "%s\n", lpc_message(c, i));
 *     lpc_destroy(c);
 *
 * STEPS. lpc_set any number of times; then lpc_import; then lpc_inspect, lpc_plan, lpc_compile,
 * lpc_check and lpc_emit, each of which does what it needs of the others. Functions that take a path
 * need no lpc_import. A step that failed leaves the compiler as it was, with messages; its answers from
 * earlier steps stay.
 *
 * OWNERSHIP. Everything that a function returns belongs to the compiler and lives until
 * lpc_destroy. Texts that are passed in are copied.
 *
 * ERRORS. Functions that can fail return an lpc_status; 0 is success. Everything wrong that was
 * found is in the messages, in order, each one line that names the file and the node: all
 * unsupported nodes are listed at once, not the first one only. Messages stay until lpc_clear. The
 * library writes nothing to the terminal (lpc_calibrate with "serve" does: where it listens), never ends
 * the process for what an input holds, and keeps no state outside of the compiler but, for each thread,
 * where to go on when memory ends.
 *
 * MEMORY. When it ends, the step returns LPC_STATUS_MEMORY; lpc_destroy is then all that the
 * compiler is good for, and files that were open at that moment stay open. LLVM is the exception:
 * it ends the process when its own memory ends. A model's file is mapped and stays so until the
 * process ends; it must not change meanwhile.
 *
 * THREADS. Compilers are independent: two threads may use two of them at once. One compiler must
 * not be used by two threads at a time. lpc_emit runs the target's linker, and one child process,
 * which removes the half-made folder should this process die. lpc_check and lpc_run_package run compiled
 * programs, and ignore SIGPIPE for the whole process from then on; lpc_profile_model loads them.
 *
 * LIMITS. 64 stages; tensors of 8 axes; the model's file and each tensor below 2^63 bytes, a
 * protobuf below 2 GB (weights beyond that in external data, as ONNX has it).
 *
 * Link with -llpc (pkg-config lpc, or CMake's target lpc::liblpc). Functions may be added; those
 * that are here keep their meaning within a minor version. */
#ifndef LPC_LPC_H
#define LPC_LPC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LPC_API __attribute__((visibility("default")))
#else
#define LPC_API
#endif

/* ---- Statuses: also the exit statuses of the command ---- */

#define LPC_STATUS_LIST(X)                                                                         \
    X(OK, 0, "done")                                                                               \
    X(ERROR, 1, "failed; the messages say why")                                                    \
    X(USAGE, 2, "an option, its value, or the order of calls is wrong; the messages say which")    \
    X(MISMATCH, 3, "outputs differ from what was expected")                                        \
    X(MEMORY, 4, "out of memory")

typedef enum lpc_status {
#define LPC_STATUS_ENUM(name, value, text) LPC_STATUS_##name = value,
    LPC_STATUS_LIST(LPC_STATUS_ENUM)
#undef LPC_STATUS_ENUM
        LPC_STATUS_COUNT /* no status */
} lpc_status;

/* "out of memory"; "unknown status" for what is none. */
LPC_API const char *lpc_status_text(lpc_status status);
/* "0.1.0", of the library that is linked. */
LPC_API const char *lpc_version(void);
/* A hash of the sources that it was built from, hexadecimal. */
LPC_API const char *lpc_sources(void);

/* ---- A compiler ---- */

typedef struct lpc_compiler lpc_compiler;

/* One compilation of one model. NULL: out of memory. */
LPC_API lpc_compiler *lpc_create(void);
/* Frees it and all that it returned. NULL is allowed. */
LPC_API void lpc_destroy(lpc_compiler *compiler);

LPC_API size_t lpc_message_count(const lpc_compiler *compiler);
/* "model.onnx: node 'conv1' (Conv, #17): pads: expected 4 values, got 2"; NULL beyond the last one.
 */
LPC_API const char *lpc_message(const lpc_compiler *compiler, size_t index);
LPC_API void lpc_clear(lpc_compiler *compiler);

/* What is worth telling and no error: notes, and how far something long has come (`done` of `total`
 * bytes, called often). Called on the thread of the step. Either function may be NULL. */
typedef struct lpc_listener {
    void *user;
    void (*note)(void *user, const char *line);
    void (*progress)(void *user, const char *what, int64_t done, int64_t total);
} lpc_listener;
/* The listener is copied. NULL: nobody listens. */
LPC_API void lpc_listen(lpc_compiler *compiler, const lpc_listener *listener);

/* ---- Options ---- */

/* Gives an option a value, as on the command line without the dashes: "bind" "batch=1", "targets"
 * "pc,pi", "emit" "c"; flags ("portable") take NULL. What can be repeated there can be repeated here. All
 * are listed by lpc_options and by `lpc --help`; those that other functions ask for are named there.
 * LPC_STATUS_USAGE: there is no such option (the message says which may have been meant), the value
 * is wrong, or it is one of compiling and the model has been imported already. */
LPC_API lpc_status lpc_set(lpc_compiler *compiler, const char *option, const char *value);

/* What `lpc` can do. */
typedef struct lpc_command {
    const char *name;    /* "check"; "": that of `lpc MODEL` */
    const char *summary; /* one line */
    const char *usage;   /* lines behind "lpc" */
    const char *about;   /* a paragraph or two */
    int compiles;        /* it takes the options of compiling */
} lpc_command;
/* All of them; the first one is that of `lpc MODEL`. They live as long as the program. */
LPC_API const lpc_command *lpc_commands(size_t *count);

typedef struct lpc_option {
    const char
        *name; /* "bind"; on the command line with two dashes, with one when it is a letter */
    const char *value; /* "NAME=N"; "[X]": may be left out; "a|b": one of them; NULL: a flag */
    const char *help;
    unsigned commands; /* bit i: the i-th of lpc_commands takes it */
    int settable;      /* lpc_set takes it; the others are about what the command prints */
} lpc_option;
/* In the order of help. Two may have one name, for different commands. NULL: out of memory. */
LPC_API const lpc_option *lpc_options(lpc_compiler *compiler, size_t *count);

/* Reads words of a command line as `lpc` does: "--bind batch=1", "--portable", "-o out". command: a name of
 * lpc_commands, whose options they may be. What is no option comes back in `arguments`, in order. The
 * option "o" is where lpc_import expects nothing to be yet.
 * LPC_STATUS_USAGE: a word is wrong; the message says which. */
LPC_API lpc_status lpc_parse(lpc_compiler *compiler, const char *command, int argc,
                             char *const *argv, const char *const **arguments,
                             size_t *argument_count);
/* The value that an option was given last, also one that is the command's own ("quiet"); "" for a flag.
 * NULL: it was not given. */
LPC_API const char *lpc_get(const lpc_compiler *compiler, const char *option);

/* ---- The model ---- */

/* Reads a model and runs all passes on its graph. Once for each compiler; lpc_inspect and lpc_check take a
 * model of their own, and can be called any number of times. */
LPC_API lpc_status lpc_import(lpc_compiler *compiler, const char *path);

typedef struct lpc_operator {
    const char *name; /* "Conv" */
    int count;
} lpc_operator;

typedef enum lpc_role {
    LPC_ROLE_PLAIN,
    LPC_ROLE_STATE,  /* an input that is kept on its device from one run to the next */
    LPC_ROLE_RENEWED /* the output that becomes it */
} lpc_role;

typedef struct lpc_value {
    const char *name;
    const char *type; /* "f32", "i64", "u8", "bool" ...; "str256": docs/package.md */
    int rank;
    const char *const *dims; /* rank of them: "3", "batch", "past + seq" */
    lpc_role role;
} lpc_value;

typedef enum lpc_source {
    LPC_SOURCE_INPUT, /* a size of an input */
    LPC_SOURCE_STATE, /* a size of state */
    LPC_SOURCE_NODE   /* known only when the model runs (NonZero) */
} lpc_source;

typedef struct lpc_symbol {
    const char *name;
    int64_t most;  /* its bound; -1: none is known, so that only lpc_inspect works */
    int boundless; /* it counts something and needs no bound */
    lpc_source source;
} lpc_symbol;

typedef struct lpc_stage {
    const char *name;   /* of its folder in the package, or of the device that a plan puts it on */
    const char *target; /* the kind of device */
    const char *first, *last; /* nodes; "" when it has no layers */
    int layers, tensors;      /* tensors: constants that it holds */
    double flops;             /* 0 in a plan without a model */
    int64_t weight_bytes, state_bytes;
    int64_t workspace_bytes; /* these three are 0 until the stage is compiled */
    int64_t bound_bytes;     /* no plan of the workspace can do with less */
    int64_t naive_bytes;     /* were no memory used twice */
    int64_t activation_bytes, buffer_bytes, queue_bytes,
        code_bytes;           /* as the planner counts them */
    int64_t send_bytes;       /* of one frame, at the bounds */
    int64_t memory_bytes;     /* all that it needs of its device, runtime and queues included, */
    int64_t budget_bytes;     /* of so many, */
    int64_t device_bytes;     /* which are the usable part of these; 0: unknown */
    double compute_s, send_s; /* as the planner expects; < 0: unknown */
    int cores;                /* that compute_s is for, each with a thread; 0: unknown */
} lpc_stage;

typedef enum lpc_newer { LPC_NEWER_NOT, LPC_NEWER_MAY_HELP, LPC_NEWER_HELPS } lpc_newer;

/* A node that lpc does not take. */
typedef struct lpc_missing {
    const char *op;    /* "Conv", "ai.onnx.ml::Scaler" */
    const char *node;  /* "": it has no name */
    int index;         /* in the model's list of nodes */
    long long opset;   /* of its domain in the model, 0: the model does not say */
    const char *why;   /* what the error says */
    const char *needs; /* what it would take; "": nothing more is known */
    lpc_newer newer;   /* whether another export would help */
} lpc_missing;

/* Bytes and operations are those at the bounds. Where a step failed it holds what was known by then: the
 * operators, then inputs, outputs and symbols, then the rest. */
typedef struct lpc_inspection {
    const lpc_operator *operators; /* of the model as it was read, by name */
    size_t operator_count;
    double parameters, parameter_bytes;
    const lpc_value *inputs, *outputs;
    size_t input_count, output_count;
    const lpc_symbol *symbols;
    size_t symbol_count;
    int typed;   /* types and sizes were found; if not, there are no inputs, outputs, symbols */
    int bounded; /* all symbols have a bound; if not, the rest is 0 */
    int lowered; /* the stages were made; if not, the rest is 0 */
    double flops;
    int64_t activation_bytes; /* the most that a stage needs beside its weights */
    int64_t weight_bytes;
    const lpc_stage *stages;
    size_t stage_count;
    const lpc_missing *missing; /* nodes that are not supported, all at once */
    size_t missing_count;
    int unknown_sizes; /* contents that determine sizes and are not known: errors name them */
} lpc_inspection;
/* Of the model that was imported; with a path, of that one, which need not be good for more: what could be
 * found out is there (*inspection is not NULL) although the status is an error's. */
LPC_API lpc_status lpc_inspect(lpc_compiler *compiler, const char *path,
                               const lpc_inspection **inspection);

/* ---- Stages ---- */

typedef struct lpc_pipeline {
    const lpc_stage *stages;
    size_t stage_count;
    const char *
        objective; /* "throughput", "latency", "memory" or "partitions"; NULL: nothing was planned, */
                   /* and the rest is 0 */
    int free_order; /* the devices' order was chosen, too */
    double period_s, latency_s;
    double throughput; /* frames per second, as the planner expects; 0: unknown */
    double fraction;   /* the largest part of a budget that a stage takes */
    double client_in_s,
        client_out_s; /* of that a frame's and its results' way over the client's link, if that is told */
    int limiting;      /* the stage that decides the objective */
    int client_limits; /* no stage does: the client's link */
    double bound; /* of the objective (seconds, a part of a budget, stages): no plan has less */
    double gap;   /* at most so much (0.1: 10 %) from the best there is */
    int exact;    /* it is the best there is */
    const char *method;
} lpc_pipeline;

/* Decides which layers run where (by the options "targets", "objective", "cut-after", "plan" ...)
 * and lowers the stages. The same stages as those of lpc_emit. */
LPC_API lpc_status lpc_compile(lpc_compiler *compiler, const lpc_pipeline **pipeline);

/* Which layers run where, and how good that is. Of the model that was imported, as lpc_compile decides;
 * with a path, of that model; without either, of the layers of the option "profile". The latter two for
 * the devices of "cluster" and "targets", and with "split", "capacity", "batch", "measure" ..., as `lpc
 * plan`. json: the plan as that prints it and as the option "plan" reads it. Either may be NULL. */
LPC_API lpc_status lpc_plan(lpc_compiler *compiler, const char *path, const lpc_pipeline **pipeline,
                            const char **json);

typedef struct lpc_alternative {
    const char *name;             /* "latency, free order, all devices" */
    const lpc_pipeline *pipeline; /* NULL: nothing fits */
} lpc_alternative;
/* The best plans for all objectives, side by side, with devices left out or not, in the given order or a
 * free one; path: as above, but the imported model has none. */
LPC_API lpc_status lpc_compare(lpc_compiler *compiler, const char *path,
                               const lpc_alternative **alternatives, size_t *count);

typedef struct lpc_flow {
    double period_s, latency_s;
    double total_s; /* all frames, through a pipeline that is empty at the start */
    double tokens_per_second, seconds_per_token;
    double memory_bytes; /* of one device; 0: not counted */
} lpc_flow;

typedef struct lpc_simulation {
    const lpc_stage *stages; /* name, compute_s, send_s; the rest is 0 */
    size_t stage_count;
    lpc_flow flow;
    int tensor,
        pipeline; /* options "tensor-parallel", "pipeline"; tensor 0: there is no alternative */
    lpc_flow
        alternative; /* each layer split over `tensor` devices, `pipeline` such groups as stages */
} lpc_simulation;
/* Sends frames ("frames", of "tokens" each) through the stages of a plan's file, one event after the
 * other. */
LPC_API lpc_status lpc_simulate(lpc_compiler *compiler, const char *plan,
                                const lpc_simulation **simulation);

/* Writes the package into `folder`, which must not exist: it appears whole or not at all
 * (docs/package.md lists the files). The same model and options give the same bytes. */
LPC_API lpc_status lpc_emit(lpc_compiler *compiler, const char *folder);

/* ---- Checking ---- */

typedef struct lpc_checked {
    const char *data_set, *output;
    const char *shape; /* that is expected: "f32[1,10]" */
    int ok;
    const char *shape_error; /* NULL, or why nothing was compared */
    double largest_absolute, largest_relative;
    int64_t wrong, elements; /* outside the tolerance (options "rtol", "atol"); all */
    int64_t worst;           /* where it is most wrong, row-major, with what is there: */
    double got, expected;
    int drawn; /* other random numbers than expected: type and shape are right, and that is all */
} lpc_checked;

/* Compiles a model (NULL: the one that was imported) for the shapes of each data set, which is a folder
 * with input_N.pb and output_N.pb, runs it and compares, all with the options that were set.
 * LPC_STATUS_MISMATCH: it ran, and some output differs. */
LPC_API lpc_status lpc_check(lpc_compiler *compiler, const char *path, const char *const *data_sets,
                             size_t count, const lpc_checked **results, size_t *result_count);
/* With the option "keep": the folder with the packages of the last check, which is the caller's to remove.
 * NULL: none is left. */
LPC_API const char *lpc_kept(const lpc_compiler *compiler);

/* ---- Running ---- */

typedef struct lpc_tensor {
    const char *name;
    const char *shape; /* "f32[1,10]" */
    const char *type;  /* "f32" */
    int rank;
    const int64_t *dims;
    int64_t elements;
    const void *data; /* row-major; docs/package.md has the form of elements */
} lpc_tensor;
/* `count` elements from `first` on as numbers. */
LPC_API void lpc_elements(const lpc_tensor *tensor, int64_t first, size_t count, double *values);
/* Element i of a tensor of strings, with its length in bytes; no 0 ends it. NULL: it has numbers. */
LPC_API const char *lpc_string(const lpc_tensor *tensor, int64_t i, size_t *length);

/* Called with the outputs of frame `frame` of `frames`; they live until it returns. With the option "feedback" a
 * tensor "token" of one element follows them: what was taken from them. */
typedef void lpc_show(void *user, const lpc_tensor *outputs, size_t count, int64_t frame,
                      int64_t frames);

typedef struct lpc_ran_stage {
    const char *name, *target;
    double compute_ms, send_ms, receive_ms, wait_ms; /* medians of a frame */
    double frames, peak_rss_bytes;
    double predicted_compute_ms, predicted_send_ms; /* < 0: the plan told none */
    int predicted_cores;                            /* that they are for */
    int emulated;
    int threads; /* that it had */
} lpc_ran_stage;

typedef struct lpc_ran {
    const lpc_ran_stage *stages; /* none when they run elsewhere (option "connect") */
    size_t stage_count;
    double latency_ms; /* median of `singles` frames, one at a time */
    int64_t singles;
    double throughput;     /* frames per second */
    int64_t frames;        /* all that were fed */
    const int64_t *tokens; /* of the option "feedback" */
    size_t token_count;
    int threads; /* of a stage; 0: its default */
} lpc_ran;
/* Starts the stages of a package on this machine as a pipeline, feeds it ("input", "repeat", "feedback",
 * "seed", "output" ...) and tells how fast it is. show: NULL for nobody. */
LPC_API lpc_status lpc_run_package(lpc_compiler *compiler, const char *folder, lpc_show *show,
                                   void *user, const lpc_ran **ran);

/* ---- On devices ---- */

/* A stage of a package on its device, as the option "hosts", a file, says (docs/guide/three-devices.md). */
typedef struct lpc_deployed_stage {
    const char *name;
    const char *device;  /* "user@pi.local"; "here" */
    const char *address; /* where it listens: "pi.local:7002" */
    const char *unit;    /* systemd's, which keeps it running; NULL: a supervisor of lpc's does */
    int deployed;        /* something of it is there */
    int same_build;      /* it is of this package's build */
    int kept;            /* lpc_deploy: it ran already and was left alone */
    int64_t copied;      /* lpc_deploy: bytes that went there */
    int64_t pid;         /* 0: it does not run, or nothing keeps it running */
    double up_s;         /* since it was last started */
    int restarts;        /* how often it ended by itself and was started again */
    const char *last;    /* the last line of its log; NULL: none */
    const char *error;   /* why nothing is known of it; NULL: something is */
} lpc_deployed_stage;

typedef struct lpc_deployment {
    const lpc_deployed_stage *stages;
    size_t stage_count;
    int passes;      /* a stream goes through all of them */
    const char *why; /* not; NULL: it does, or was not tried */
} lpc_deployment;

/* Copies each stage's program of the package in `folder` to its device, if it is not there, has it kept running,
 * and waits until a stream passes ("timeout", 30 s). Ports that are in use are left alone: what was chosen instead is
 * in folder/deployed.json, and told as a note. A first deployment that fails leaves nothing running. Uses the ssh of
 * this machine, which must get in without asking. */
LPC_API lpc_status lpc_deploy(lpc_compiler *compiler, const char *folder,
                              const lpc_deployment **deployment);
/* Writes what the option "write" says into the package's folder: "compose" compose.yaml, "kubernetes" kubernetes.yaml, by
 * which others keep its stages and a gateway running. *path: the file, until the next call. */
LPC_API lpc_status lpc_write_services(lpc_compiler *compiler, const char *folder,
                                      const char **path);
/* How they are; OK: all run, are of this build, and a stream passes. *deployment is there whenever the files could be
 * read. */
LPC_API lpc_status lpc_deployed(lpc_compiler *compiler, const char *folder,
                                const lpc_deployment **deployment);
/* Called with a stage's lines, in order; with "follow" from several threads, one at a time. */
typedef void lpc_hear(void *user, const char *stage, const char *line);
/* The last lines ("lines") of each stage's log; with "follow" also what comes then, until all connections end. */
LPC_API lpc_status lpc_logs(lpc_compiler *compiler, const char *folder, lpc_hear *hear, void *user);
/* Stops them; with `remove`, all that lpc_deploy put on the devices goes. */
LPC_API lpc_status lpc_stop(lpc_compiler *compiler, const char *folder, int remove);
/* A fresh key for links (docs/security.md): into the new file "out", or, without one, *line gets it as a line of such a
 * file. Option "key" names it. */
LPC_API lpc_status lpc_make_key(lpc_compiler *compiler, const char **line);

/* A stage of a pipeline that runs, as it answers when it is asked. */
typedef struct lpc_seen_stage {
    const char *name, *device, *address;
    const char
        *error;  /* why it does not answer; NULL: it does. Else the rest is of its last answer */
    int limits;  /* it limits the pipeline */
    double up_s; /* since it began */
    int threads;
    double seconds;                           /* that what follows is of; 0: not known yet */
    double frames_per_s, in_per_s, out_per_s; /* frames, bytes that came and went */
    double busy, input,
        output; /* parts of the time: it computed, waited for frames, for who comes after it */
    double compute_ms, predicted_ms; /* of a frame, measured and planned; < 0: not known */
    int predicted_cores;             /* that the plan assumed; 0: not known */
    int in_queued, in_bound, out_queued,
        out_bound; /* frames before and after it, and room for them */
    int serving, streams_most,
        waiting; /* streams: that are served, that can be, that stand in line */
    double frames, streams, broken,
        refused; /* since it began: sent, let in, broken, connections sent away */
} lpc_seen_stage;

typedef struct lpc_seen {
    const lpc_seen_stage *stages;
    size_t stage_count;
    const char *limits; /* who limits the pipeline, a sentence */
} lpc_seen;

/* Called after each look; nonzero: it was the last one. */
typedef int lpc_see(void *user, const lpc_seen *seen);
/* Asks all stages of the package for their figures every "interval" seconds (1); "once": for one interval. Where they
 * are: "hosts", or "connect" with all their addresses; "keys" as elsewhere. Not OK when one did not answer at the last look. */
LPC_API lpc_status lpc_watch(lpc_compiler *compiler, const char *folder, lpc_see *see, void *user);

/* How a gateway tells what it does. */
typedef struct lpc_service {
    void *user;
    /* Called once for each address that it listens at: what is "frames" or "HTTP". */
    void (*listens)(void *user, const char *what, const char *address);
    /* A line of the log with its time and level, without its end, from any thread, perhaps several at a time; a
     * JSON object with option "log" "json". */
    void (*log)(void *user, const char *line);
    int stop_fd; /* serving ends when this file descriptor becomes readable */
    int keys_fd; /* "keys" is read again when something can be read from it; 0: never */
} lpc_service;
/* Lets many clients use the pipeline of a package whose stages are up: options "connect", "collect", "hosts", "listen",
 * "http", "keys", "insecure", "streams", "retry", "heartbeat", "log" (docs/serving.md). Returns when the service is to stop, within a second.
 * LPC_STATUS_USAGE: an address is missing. */
LPC_API lpc_status lpc_serve_package(lpc_compiler *compiler, const char *folder,
                                     const lpc_service *service);
/* Lets devices fetch the stages of a package: option "port" (docs/guide/three-devices.md). service->log is called with
 * each line for the user, the ones to paste first. Returns when the service is to stop, or at once when a server of the
 * same package is at the port. */
LPC_API lpc_status lpc_serve_packages(lpc_compiler *compiler, const char *folder,
                                      const lpc_service *service);

typedef struct lpc_kernel {
    const char *stage, *name, *node, *op;
    double ms;           /* median over the runs */
    double flops, bytes; /* of one inference, at the bounds */
    double least_ms;     /* no less is possible here, by the limit */
    const char *limit;   /* "FMA", "L2", "L3" or "memory" */
} lpc_kernel;

typedef struct lpc_profiled {
    const char *model;
    const lpc_kernel *kernels; /* the slowest first */
    size_t kernel_count;
    int threads;
    int64_t runs;
    double total_ms; /* of one inference, without the marks that time the kernels */
    double kernels_ms;
    double flops, l2, l3,
        memory;             /* what this machine can do with these threads, per second; bytes */
    const char *level;      /* whose bandwidth counts: that which one inference's memory fits, */
    double footprint_bytes; /* which is so large */
} lpc_profiled;
/* Times every kernel of a model, or of the folder of one that was compiled with "instrument", on this
 * machine ("repeat", "input", "seed", "threads"). */
LPC_API lpc_status lpc_profile_model(lpc_compiler *compiler, const char *path,
                                     const lpc_profiled **profiled);

/* Measures a device (option "target"; this machine) and gives its target file, or what is measured of a link
 * ("peer"), as text: in *text when out is NULL, else in the file `out`. A device that is not this machine
 * (and no "emulate"): makes the folder `out`, with a program that measures there. "serve": answers
 * peers, and returns after the first with "once", else never. *text is NULL where there is none. */
LPC_API lpc_status lpc_calibrate(lpc_compiler *compiler, const char *out, const char **text);

/* ---- Targets ---- */

typedef struct lpc_target {
    const char *name, *aliases; /* "pi5", "pi" */
    const char *description, *triple, *cpu;
    const char *dot; /* its instruction for sums of four products of bytes; "none" */
    const char *
        here; /* what this machine can do for it: "runs here", "emulated", "builds", "no compiler" */
    int cores, vector_bits;
    int64_t l1d_bytes, l2_bytes, l3_bytes; /* 0: none, or unknown */
    int64_t memory_bytes;
    double gflops;           /* of one core or all of them, as its file says; 1e9 per second */
    double memory_bandwidth; /* bytes per second */
    int runs_here;           /* this machine runs its programs directly */
} lpc_target;
/* The kinds of devices that the option "targets" accepts, those in "target-dir" included. */
LPC_API lpc_status lpc_targets(lpc_compiler *compiler, const lpc_target **targets, size_t *count);
/* The same as JSON, with all that their files say. */
LPC_API lpc_status lpc_targets_json(lpc_compiler *compiler, const char **json);

typedef struct lpc_backend {
    const char *name, *help; /* for the option "emit" */
} lpc_backend;
/* The forms of code that this library can write, the default first; fills `room` of them at most and returns
 * how many there are. */
LPC_API size_t lpc_backends(lpc_backend *list, size_t room);

/* ---- Passes, one at a time ---- */

/* Reads a graph (docs/graph-text.md) or a program of loops (docs/loops-text.md) as text, runs the passes
 * that are named ("fold,cse", "vectorize=256"; NULL: none), and gives the text of what comes out. It is
 * verified when it has been read and after every pass. symbols: bounds, "batch=4,seq=128"; NULL: none.
 * name: of the text, for messages. */
LPC_API lpc_status lpc_transform(lpc_compiler *compiler, const char *text, const char *name,
                                 const char *symbols, const char *passes, const char **result);

typedef struct lpc_pass {
    const char *name, *help;
    int loops; /* of programs of loops; else of graphs */
} lpc_pass;
/* NULL: out of memory. */
LPC_API const lpc_pass *lpc_passes(lpc_compiler *compiler, size_t *count);

/* ---- Figures as people read them ---- */

/* "840.0 MB", "14.2 ms". */
LPC_API const char *lpc_bytes_text(lpc_compiler *compiler, double bytes);
LPC_API const char *lpc_seconds_text(lpc_compiler *compiler, double seconds);

#ifdef __cplusplus
}
#endif

#endif
