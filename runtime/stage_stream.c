/* One stream through a stage: what the receive thread, the main thread and the send thread do. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { /* the largest frame that the compute thread sends itself: */
       AT_ONCE_BYTES = 64 * 1024,
       AT_ONCE_TLS_BYTES = 8 * 1024 /* which is encrypted before */
};

/* --- the receive thread --- */

/* The next frame that is no beat. */
static int receive(LpcStream *stream, const LpcReader *reader, uint64_t sequence, LpcSlot *slot,
                   LpcError *error)
{
    const LpcStage *stage = stream->stage;
    for (;;) {
        LpcError failed = {0};
        int code = lpc_receive(reader, &stage->in_shape, stage->crc, sequence, slot, &failed);
        if (!code && slot->header.kind == LPC_FRAME_BEAT) {
            stream->before = slot->beat;
            continue;
        }
        if (code > 0 && stream->in.silent)
            lpc_pulse_silence(&stream->in, &stream->before, error);
        else
            *error = failed;
        return code;
    }
}

/* The neighbour before waits for that, and may serve another stream then. */
static void say_that_all_came(LpcStream *stream)
{
    lpc_pulse_in_ended(&stream->pulse);
    lpc_link_end_writing(&stream->in);
}

void lpc_stage_judge(LpcStream *stream, LpcSlot *slot, int code, const LpcError *error)
{
    if (code == LPC_STOPPED) {
        slot->header.kind = LPC_FRAME_END;
    } else if (code) {
        lpc_stage_fail(stream, error);
        slot->error = *error;
        slot->header.kind = LPC_FRAME_ERROR;
    } else if (slot->header.kind == LPC_FRAME_ERROR) {
        LpcError cause = {.code = LPC_EXIT_LEFT}; /* theirs, not ours: for us they left */
        snprintf(cause.text, sizeof cause.text, "%.*s", LPC_TEXT_BYTES - 8, slot->error.text);
        lpc_stage_fail(stream, &cause);
    }
}

void lpc_stage_receive(void *self)
{
    LpcStream *stream = self;
    LpcReader reader = lpc_link_reader(&stream->in);
    for (uint64_t sequence = 0;; sequence++) {
        LpcSlot *slot = lpc_queue_reserve(&stream->in_queue);
        if (!slot) return;
        LpcError error = {0};
        int code = receive(stream, &reader, sequence, slot, &error);
        lpc_stage_judge(stream, slot, code, &error);
        uint32_t kind = slot->header.kind;
        if (!code && kind != LPC_FRAME_DATA) say_that_all_came(stream);
        lpc_queue_commit(&stream->in_queue);
        if (kind != LPC_FRAME_DATA) return;
    }
}

/* --- the send thread --- */

static int send_frame(LpcStream *stream, LpcSlot *slot, LpcError *error)
{
    const LpcStage *stage = stream->stage;
    LpcWriter writer = lpc_link_writer(&stream->out);
    uint64_t sequence = stream->pulse.sent++, begin = lpc_now_ns();
    if (slot->header.kind != LPC_FRAME_DATA) lpc_pulse_is_last(&stream->pulse);
    int code = lpc_send_slot(&writer, &stage->out_shape, stage->crc, sequence, slot, stream->pieces,
                             error);
    if (!code && slot->header.kind == LPC_FRAME_DATA)
        lpc_stats_add(stage->stats, LPC_PHASE_SEND, lpc_now_ns() - begin, slot->header.length);
    return code;
}

/* Sends the slot's frame; when that fails, nothing more is wanted from before. */
static int send_on(LpcStream *stream, LpcSlot *slot)
{
    LpcError error = {0};
    pthread_mutex_lock(&stream->pulse.sending);
    int code = send_frame(stream, slot, &error);
    pthread_mutex_unlock(&stream->pulse.sending);
    if (code) {
        lpc_stage_fail(stream, &error);
        lpc_queue_abort(&stream->out_queue);
        lpc_queue_abort(&stream->in_queue);
        lpc_link_interrupt(&stream->in);
    }
    return code;
}

void lpc_stage_send(void *self)
{
    LpcStream *stream = self;
    for (;;) {
        LpcSlot *slot = lpc_queue_front(&stream->out_queue);
        if (!slot) return;
        uint32_t kind = slot->header.kind;
        if (send_on(stream, slot)) return;
        lpc_queue_release(&stream->out_queue);
        if (kind != LPC_FRAME_DATA) return;
    }
}

/* --- the compute thread --- */

static int refuse_run(int status, LpcError *error)
{
    static const char *const why[] = {"", "a size is out of its bound",
                                      "an index points outside its tensor",
                                      "a value that an operator does not allow"};
    return lpc_error(error, LPC_EXIT_RUN, "the model's run failed: %s (%d)",
                     status > 0 && status < 4 ? why[status] : "unknown error", status);
}

/* Puts the state's own symbols over those of the frame. What came must still have the right size.
 */
static int apply_state(LpcStream *stream, LpcSlot *in, int64_t *sizes, LpcError *error)
{
    const lpc_model *model = stream->stage->model;
    for (uint32_t i = 0; i < model->symbol_count; i++) {
        if (!model->symbol_is_state[i]) continue;
        if (stream->kept[i] < 0 || stream->kept[i] > model->symbol_max[i])
            return lpc_error(error, LPC_EXIT_RUN,
                             "the state is full: symbol '%.80s' would be %" PRId64
                             ", its bound is %" PRId64,
                             model->symbol_names[i], stream->kept[i], model->symbol_max[i]);
        sizes[i] = stream->kept[i];
    }
    for (uint32_t k = 0; k < model->in.tensor_count; k++) {
        int64_t bytes = model->tensor_bytes(0, k, sizes);
        if (bytes < 0 || (uint64_t)bytes != in->bytes[k])
            return lpc_error(error, LPC_EXIT_FRAME,
                             "bad frame: input '%.80s' has %" PRIu64
                             " bytes, with the state of this stream it must have %" PRId64,
                             model->in.tensors[k].name, in->bytes[k], bytes);
    }
    return 0;
}

/* Calls the model's function, which is this stream's turn. */
static int run_model(LpcStream *stream, const LpcSlot *in, LpcSlot *out, int *status,
                     LpcError *error)
{
    LpcStage *stage = stream->stage;
    int guard = stage->options->guard;
    const void *const *inputs =
        guard ? lpc_stage_lock(stream, in) : (const void *const *)in->tensors;
    if (!inputs) return lpc_error(error, LPC_EXIT_SYSTEM, "mprotect: %s", strerror(errno));
    uint64_t begin = lpc_now_ns();
    *status = stage->model->run(inputs, out->tensors, out->sizes, stage->workspace, stream->state,
                                stage->options->threads > 1 ? &stage->threads : NULL);
    lpc_stats_add(stage->stats, LPC_PHASE_COMPUTE, lpc_now_ns() - begin, 0);
    if (guard && lpc_stage_unlock(stream, in))
        return lpc_error(error, LPC_EXIT_SYSTEM, "mprotect: %s", strerror(errno));
    return 0;
}

static int compute(LpcStream *stream, LpcSlot *in, LpcSlot *out, LpcError *error)
{
    LpcStage *stage = stream->stage;
    const lpc_model *model = stage->model;
    size_t symbols = model->symbol_count * sizeof(int64_t);
    int keeps = model->in.cut == 0 && model->symbol_is_state && model->state_next;
    int64_t *sizes = out->sizes;
    if (symbols) memcpy(sizes, in->sizes, symbols);
    if (keeps) {
        int refused = apply_state(stream, in, sizes, error);
        if (refused) return refused;
    }
    if (!lpc_turns_try(&stage->turns)) {
        lpc_stage_does(stream, LPC_DOES_TURN);
        lpc_turns_take(&stage->turns);
    }
    lpc_stage_does(stream, LPC_DOES_COMPUTE);
    int status = 0, code = run_model(stream, in, out, &status, error);
    lpc_turns_end(&stage->turns);
    lpc_stage_does(stream, LPC_DOES_CONNECT);
    if (code) return code;
    if (status != LPC_RUN_OK) return refuse_run(status, error);
    if (keeps) {
        memcpy(stream->kept, sizes, symbols);
        model->state_next(stream->kept);
    }
    out->header.kind = LPC_FRAME_DATA;
    return 0;
}

/* Hands the result to the send thread; or sends it here, when that takes no longer than waking the
 * thread: it is small, the thread has nothing to do, and the socket has room. The frames stay in order: an empty queue
 * means that all before this one have been sent, and the thread begins anew only after this one has committed. */
static int pass_on(LpcStream *stream, LpcSlot *out)
{
    uint64_t most = stream->out.tls ? AT_ONCE_TLS_BYTES : AT_ONCE_BYTES;
    if (out->header.kind == LPC_FRAME_DATA && stream->stage->model->out.max_payload <= most &&
        lpc_queue_empty(&stream->out_queue) && lpc_link_writable(&stream->out))
        return send_on(stream, out);
    lpc_queue_commit(&stream->out_queue);
    return 0;
}

/* One frame that came, and what becomes of it. */
static void compute_frame(LpcStream *stream, LpcSlot *in, LpcSlot *out, uint64_t begin)
{
    LpcStats *stats = stream->stage->stats;
    LpcError error = in->header.kind == LPC_FRAME_ERROR ? in->error : (LpcError){0};
    out->header.kind = in->header.kind;
    if (in->header.kind == LPC_FRAME_DATA) {
        lpc_stats_add(stats, LPC_PHASE_WAIT, lpc_now_ns() - begin, 0);
        lpc_stats_add(stats, LPC_PHASE_RECEIVE, in->receive_ns, in->header.length);
        if (compute(stream, in, out, &error)) lpc_stage_fail(stream, &error);
    }
    if (error.code) {
        out->header.kind = LPC_FRAME_ERROR;
        lpc_stage_blame(stream->stage, &error, &out->error);
    }
}

/* A place for the present frame's result. */
static LpcSlot *reserve_out(LpcStream *stream)
{
    LpcSlot *out = lpc_queue_try(&stream->out_queue);
    if (out) return out;
    lpc_stage_does(stream, LPC_DOES_CONNECT);
    return lpc_queue_reserve(&stream->out_queue);
}

void lpc_stage_compute(LpcStream *stream)
{
    lpc_stage_does(stream, LPC_DOES_WAIT);
    for (int going = 1; going;) {
        uint64_t begin = lpc_now_ns();
        LpcSlot *in = lpc_queue_front(&stream->in_queue);
        LpcSlot *out = in ? reserve_out(stream) : NULL;
        if (!in || !out) return;
        compute_frame(stream, in, out, begin);
        going = out->header.kind == LPC_FRAME_DATA;
        if (pass_on(stream, out)) return;
        if (going) lpc_stage_has_done_one(stream);
        lpc_queue_release(&stream->in_queue);
    }
    lpc_queue_abort(&stream->in_queue); /* after an error nothing more is wanted */
    lpc_link_interrupt(&stream->in);
}
