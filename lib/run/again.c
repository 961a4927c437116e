/* Feeding that goes on after a failure: which frame is due, and how the stages come to where they were.
 *
 * A new stream begins with zeroed state. Where the stages keep state, all frames that were answered are fed again and
 * their results thrown away: the state afterwards is the same, since a frame's result depends on nothing else. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/feed.h"

#include <inttypes.h>
#include <string.h>

/* The last frame that was given, with the input that --feedback sets a single element of that value. */
static int make_frame(Run *run, int64_t value)
{
    const Frame *last = &run->frames[run->frame_count - 1];
    Frame *made = &run->made;
    const PackageTensor *declared = &run->package->inputs.tensors[run->fed_back];
    HostTensor *tensor = &made->inputs[run->fed_back];
    void *data = tensor->data; /* of the call before */
    for (int i = 0; i < run->package->inputs.count; i++) made->inputs[i] = last->inputs[i];
    for (int d = 0; d < tensor->rank; d++) tensor->dims[d] = 1;
    tensor->type = declared->type;
    tensor->data = data;
    tensor->bytes = dtype_size(tensor->type);
    if (!data && host_alloc(tensor, run->arena)) return diag_error(run->diag, "out of memory");
    memcpy(tensor->data, &value, dtype_size(tensor->type)); /* little-endian */
    return package_bind(run->package, run->diag, made->inputs, made->sizes);
}

int run_frame(Run *run, int64_t i, const Frame **frame)
{
    *frame = &run->made;
    if (run->tokens && i >= run->frame_count) return make_frame(run, run->tokens[i - 1]);
    *frame = &run->frames[i % run->frame_count];
    return LPC_OK;
}

/* Feeds the answered frames anew, one at a time. Returns LPC_OK with why filled when it breaks again. */
static int replay(Run *run, LpcError *why)
{
    const Frame *frame;
    for (int64_t i = 0; i < run->answered; i++) {
        TRY(run_frame(run, i, &frame));
        if (run_feed(run->session, frame->inputs, frame->sizes, why) ||
            run_receive(run->session, why))
            return LPC_OK;
    }
    return LPC_OK;
}

int run_resume(Run *run, const LpcError *why)
{
    LpcError error = *why;
    double retry = run->options->run.retry;
    if (!run->broken_ns) run->broken_ns = lpc_now_ns();
    do {
        TRY(run_reconnect(run->session, run->diag, &error,
                          run->broken_ns + (uint64_t)(retry * 1e9)));
        error = (LpcError){0};
        if (package_keeps_state(run->package)) TRY(replay(run, &error));
    } while (error.code);
    diag_note(run->diag, "lpc: goes on at frame %" PRId64, run->answered);
    return LPC_OK;
}
