/* Feeding the pipeline and collecting its results, timed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/feed.h"

#include <pthread.h>
#include <string.h>

/* A new answer is there. */
static int take_answer(Run *run)
{
    TRY(run_outputs(run->session, NULL, run->diag, run->outputs, NULL));
    run->answered++;
    run->broken_ns = 0;
    return LPC_OK;
}

/* The next frame through the whole pipeline, timed. */
static int one_frame(Run *run)
{
    const Frame *frame;
    uint64_t begin;
    for (;;) {
        LpcError error = {0};
        TRY(run_frame(run, run->answered, &frame));
        begin = lpc_now_ns();
        int code = run_feed(run->session, frame->inputs, frame->sizes, &error);
        if (!code) code = run_receive(run->session, &error);
        if (!code) break;
        TRY(run_resume(run, &error));
    }
    run->latencies[run->latency_count++] = (float)((double)(lpc_now_ns() - begin) * 1e-6);
    return take_answer(run);
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

/* Keeps the pipeline full until the end, or until it breaks: then why is filled. */
static int stream_frames(Run *run, int64_t end, uint64_t *first, LpcError *why)
{
    Feeder feeder = {run, run->answered, end};
    pthread_t thread;
    int code = LPC_OK;
    if (pthread_create(&thread, NULL, feed_all, &feeder))
        return diag_error(run->diag, "cannot start a thread");
    while (run->answered < end && !code && !why->code) {
        if (run_receive(run->session, why)) break;
        code = take_answer(run);
        if (!*first) *first = lpc_now_ns();
    }
    if (code || why->code) run_break(run->session); /* the thread may wait for room */
    pthread_join(thread, NULL);
    return code;
}

/* All that is left at full rate; counts from the first result to the last. */
static int many_frames(Run *run, int64_t end)
{
    int64_t count = end - run->answered;
    uint64_t first = 0;
    for (;;) {
        LpcError why = {0};
        TRY(stream_frames(run, end, &first, &why));
        if (!why.code) break;
        TRY(run_resume(run, &why));
    }
    uint64_t last = lpc_now_ns();
    if (count > 1 && last > first)
        run->throughput = (double)(count - 1) / ((double)(last - first) * 1e-9);
    return LPC_OK;
}

int run_sequence(Run *run)
{
    run->total = run->frame_count * run->options->repeat;
    int64_t single = run->total; /* one at a time, the rest at full rate */
    if (run->options->repeat > 1) {
        single = run->total / 2 > run->frame_count ? run->total / 2 : run->frame_count;
        if (single > 200 && single > run->frame_count)
            single = run->frame_count > 200 ? run->frame_count : 200;
    }
    run->latencies = arena_array(run->arena, (size_t)single, sizeof *run->latencies);
    for (int64_t i = 0; i < single; i++) {
        TRY(one_frame(run));
        if (i < run->frame_count) TRY(run_put_outputs(run, i, run->frame_count));
    }
    return single < run->total ? many_frames(run, run->total) : LPC_OK;
}

static int64_t last_argmax(const HostTensor *tensor)
{
    int64_t count = host_elements(tensor);
    int64_t row = tensor->rank ? tensor->dims[tensor->rank - 1] : 1;
    int64_t best = 0;
    for (int64_t i = 1; i < row; i++)
        if (host_value(tensor, count - row + i) > host_value(tensor, count - row + best)) best = i;
    return best;
}

int run_feedback(Run *run)
{
    const Package *package = run->package;
    int input = package_find(&package->inputs, run->options->feedback_in);
    int output = package_find(&package->outputs, run->options->feedback_out);
    if (input < 0 || !dtype_is_int(package->inputs.tensors[input].type))
        return diag_error(run->diag, "--feedback: '%s' is not an integer input; inputs are %s",
                          run->options->feedback_in, run_names(&package->inputs, run->arena));
    if (output < 0)
        return diag_error(run->diag, "--feedback: no output is called '%s'; there are %s",
                          run->options->feedback_out, run_names(&package->outputs, run->arena));
    run->total = run->options->repeat > run->frame_count ? run->options->repeat : run->frame_count;
    run->latencies = arena_array(run->arena, (size_t)run->total, sizeof *run->latencies);
    run->tokens = arena_array(run->arena, (size_t)run->total, sizeof *run->tokens);
    run->fed_back = input;
    run->made =
        (Frame){arena_array(run->arena, (size_t)package->inputs.count + 1, sizeof(HostTensor)),
                arena_array(run->arena, (size_t)package->symbol_count + 1, sizeof(int64_t))};
    for (int64_t i = 0; i < run->total; i++) {
        TRY(one_frame(run));
        if (host_elements(&run->outputs[output]) == 0)
            return diag_error(run->diag, "--feedback: output '%s' is empty",
                              run->options->feedback_out);
        run->tokens[run->token_count++] = last_argmax(&run->outputs[output]);
        TRY(run_put_outputs(run, i, run->total));
    }
    return LPC_OK;
}
