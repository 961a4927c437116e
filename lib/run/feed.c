/* Feeding the pipeline and collecting its results, timed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/feed.h"

#include <pthread.h>
#include <string.h>

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
        TRY(one_frame(run, &run->frames[i % run->frame_count]));
        if (i < run->frame_count) TRY(run_put_outputs(run, i, run->frame_count));
    }
    return single < run->total ? many_frames(run, single, run->total) : LPC_OK;
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
    Frame next = {arena_array(run->arena, (size_t)package->inputs.count + 1, sizeof(HostTensor)),
                  arena_array(run->arena, (size_t)package->symbol_count + 1, sizeof(int64_t))};
    const Frame *frame = &run->frames[0];
    for (int64_t i = 0; i < run->total; i++) {
        TRY(one_frame(run, frame));
        TRY(run_put_outputs(run, i, run->total));
        if (host_elements(&run->outputs[output]) == 0)
            return diag_error(run->diag, "--feedback: output '%s' is empty",
                              run->options->feedback_out);
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
