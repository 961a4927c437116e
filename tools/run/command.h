/* The command `lpc run`, on top of sessions (run.h).
 *
 *   run.c       the command
 *   options.c   its command line
 *   frames.c    what is fed, and what becomes of the outputs
 *   feed.c      feeding: one frame at a time, at full rate, or with what came out before
 *   figures.c   the figures, as text and as JSON */
#ifndef LPC_TOOLS_RUN_COMMAND_H
#define LPC_TOOLS_RUN_COMMAND_H

#include "tools/run/run.h"

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

/* --- options.c --- */

extern const char run_usage[];
/* LPC_OK, or LPC_USAGE (told). */
int run_options(Command *command, Arena *arena, Diag *diag, int argc, char **argv);

/* --- frames.c --- */

/* Reads the inputs that were given and draws the rest. */
int run_make_frames(Run *run);
/* The folder of --output. */
int run_make_folder(Run *run);
/* Writes and shows the outputs of frame `step` of `steps`. */
int run_put_outputs(Run *run, int64_t step, int64_t steps);
/* The names of an end's tensors, for messages. */
const char *run_names(const PackageEnd *end, Arena *arena);

/* --- feed.c --- */

/* The frames, --repeat times: half of them one at a time, the rest at full rate. */
int run_sequence(Run *run);
/* The frames one at a time, with --feedback. */
int run_feedback(Run *run);

/* --- figures.c --- */

int run_write_profile(const Run *run);
void run_report(Run *run);

#endif
