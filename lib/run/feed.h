/* Feeding a session (run.h), timed.
 *
 *   frames.c    what is fed, and what becomes of the outputs
 *   feed.c      one frame at a time, at full rate, or with what came out before
 *   again.c     after a failure */
#ifndef LPC_LIB_RUN_FEED_H
#define LPC_LIB_RUN_FEED_H

#include "lib/options/options.h"
#include "lib/run/run.h"

/* What the user wants to be fed. */
typedef struct FeedOptions {
    const char *output, *profile_out;
    Given *given;
    int given_count;
    const char *feedback_in, *feedback_out; /* NULL: none */
    int64_t repeat;
    uint64_t seed;
    RunOptions run;
} FeedOptions;

/* What is fed: for each frame of the sequence, the inputs and the symbols' values. */
typedef struct Frame {
    HostTensor *inputs;
    int64_t *sizes;
} Frame;

typedef struct Run Run;
struct Run {
    const FeedOptions *options;
    /* Called when `outputs` are those of frame `step` of `steps`, with --feedback also tokens[step]; NULL: nobody. */
    void (*show)(const Run *run, int64_t step, int64_t steps);
    void *user; /* of show */
    Arena *arena;
    Diag *diag;
    Package *package;
    RunSession *session;
    Frame *frames;
    int64_t frame_count; /* of the sequence that the user gives */
    int64_t total;       /* frames to be fed */
    HostTensor *outputs;
    int64_t answered;   /* frames whose results came */
    uint64_t broken_ns; /* since when no new one has, as the pipeline broke; 0: it did not */
    float *latencies;
    int64_t latency_count;
    double throughput; /* frames per second */
    int64_t *tokens;
    int64_t token_count;
    int fed_back; /* input that --feedback sets, -1: none; and the frame that it makes */
    Frame made;
};

/* --- frames.c --- */

/* Reads the inputs that were given and draws the rest. */
int run_make_frames(Run *run);
/* The folder of --output. */
int run_make_folder(Run *run);
/* Shows and writes the outputs of frame `step` of `steps`. */
int run_put_outputs(Run *run, int64_t step, int64_t steps);
/* The names of an end's tensors, for messages. */
const char *run_names(const PackageEnd *end, Arena *arena);

/* --- feed.c --- */

/* The frames, --repeat times: half of them one at a time, the rest at full rate. */
int run_sequence(Run *run);
/* The frames one at a time, with --feedback. */
int run_feedback(Run *run);

/* --- again.c --- */

/* Frame i of all: one that the user gave or, with --feedback, one made of token i - 1. Lives until the next call. */
int run_frame(Run *run, int64_t i, const Frame **frame);
/* After a failure with the first `run->answered` frames answered: connects again, if the options say so, and brings
 * the stages to where they were. Reports when that cannot be. */
int run_resume(Run *run, const LpcError *why);

/* --- measured.c --- */

/* The profile of options->profile_out, of the stages' own figures. */
int run_write_profile(const Run *run);

#endif
