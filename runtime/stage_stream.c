/* One stream through a stage: what the receive thread, the main thread and the send thread do. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { AT_ONCE_BYTES = 64 * 1024 }; /* largest frame that the compute thread sends itself */

/* Keeps the stream's first error. */
static void fail(LpcStage *stage, const LpcError *error)
{
    pthread_mutex_lock(&stage->mutex);
    if (!stage->error.code) stage->error = *error;
    pthread_mutex_unlock(&stage->mutex);
}

/* --- the receive thread --- */

void lpc_stage_receive(void *self)
{
    LpcStage *stage = self;
    LpcReader reader = lpc_link_reader(&stage->in);
    for (uint64_t sequence = 0;; sequence++) {
        LpcSlot *slot = lpc_queue_reserve(&stage->in_queue);
        if (!slot) return;
        LpcError error = {0};
        slot->error = error;
        int code = lpc_receive(&reader, &stage->in_shape, stage->crc, sequence, slot, &error);
        if (code == LPC_STOPPED) {
            slot->header.kind = LPC_FRAME_END;
        } else if (code) {
            fail(stage, &error);
            slot->error = error;
            slot->header.kind = LPC_FRAME_ERROR;
        } else if (slot->header.kind == LPC_FRAME_ERROR) {
            LpcError cause = {.code = LPC_EXIT_LEFT}; /* theirs, not ours: for us they left */
            snprintf(cause.text, sizeof cause.text, "%.*s", LPC_TEXT_BYTES - 8, slot->error.text);
            fail(stage, &cause);
        }
        uint32_t kind = slot->header.kind;
        lpc_queue_commit(&stage->in_queue);
        if (kind != LPC_FRAME_DATA) return;
    }
}

/* --- the send thread --- */

static int send_frame(LpcStage *stage, LpcSlot *slot, LpcError *error)
{
    LpcWriter writer = lpc_link_writer(&stage->out);
    uint64_t sequence = stage->sent++, begin = lpc_now_ns();
    switch (slot->header.kind) {
    case LPC_FRAME_END: return lpc_send_end(&writer, stage->crc, sequence, error);
    case LPC_FRAME_ERROR: return lpc_send_error(&writer, stage->crc, sequence, &slot->error, error);
    default: break;
    }
    int code =
        lpc_send_data(&writer, &stage->out_shape, stage->crc, sequence, slot, stage->pieces, error);
    if (!code) lpc_stats_add(stage->stats, LPC_PHASE_SEND, lpc_now_ns() - begin);
    return code;
}

/* Sends the slot's frame; when that fails, nothing more is wanted from before. */
static int send_on(LpcStage *stage, LpcSlot *slot)
{
    LpcError error = {0};
    int code = send_frame(stage, slot, &error);
    if (code) {
        fail(stage, &error);
        lpc_queue_abort(&stage->out_queue);
        lpc_queue_abort(&stage->in_queue);
        lpc_link_interrupt(&stage->in);
    }
    return code;
}

void lpc_stage_send(void *self)
{
    LpcStage *stage = self;
    for (;;) {
        LpcSlot *slot = lpc_queue_front(&stage->out_queue);
        if (!slot) return;
        uint32_t kind = slot->header.kind;
        if (send_on(stage, slot)) return;
        lpc_queue_release(&stage->out_queue);
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
static int apply_state(LpcStage *stage, LpcSlot *in, int64_t *sizes, LpcError *error)
{
    const lpc_model *model = stage->model;
    for (uint32_t i = 0; i < model->symbol_count; i++) {
        if (!model->symbol_is_state[i]) continue;
        if (stage->kept[i] < 0 || stage->kept[i] > model->symbol_max[i])
            return lpc_error(error, LPC_EXIT_RUN,
                             "the state is full: symbol '%.80s' would be %" PRId64
                             ", its bound is %" PRId64,
                             model->symbol_names[i], stage->kept[i], model->symbol_max[i]);
        sizes[i] = stage->kept[i];
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

/* Calls the model's function. */
static int run_model(LpcStage *stage, const LpcSlot *in, LpcSlot *out, int *status, LpcError *error)
{
    int guard = stage->options->guard;
    const void *const *inputs =
        guard ? lpc_stage_lock(stage, in) : (const void *const *)in->tensors;
    if (!inputs) return lpc_error(error, LPC_EXIT_SYSTEM, "mprotect: %s", strerror(errno));
    uint64_t begin = lpc_now_ns();
    *status = stage->model->run(inputs, out->tensors, out->sizes, stage->workspace, stage->state,
                                stage->options->threads > 1 ? &stage->threads : NULL);
    lpc_stats_add(stage->stats, LPC_PHASE_COMPUTE, lpc_now_ns() - begin);
    if (guard && lpc_stage_unlock(stage, in))
        return lpc_error(error, LPC_EXIT_SYSTEM, "mprotect: %s", strerror(errno));
    return 0;
}

static int compute(LpcStage *stage, LpcSlot *in, LpcSlot *out, LpcError *error)
{
    const lpc_model *model = stage->model;
    size_t symbols = model->symbol_count * sizeof(int64_t);
    int keeps = model->in.cut == 0 && model->symbol_is_state && model->state_next;
    int64_t *sizes = out->sizes;
    if (symbols) memcpy(sizes, in->sizes, symbols);
    if (keeps) {
        int refused = apply_state(stage, in, sizes, error);
        if (refused) return refused;
    }
    int status = 0, code = run_model(stage, in, out, &status, error);
    if (code) return code;
    if (status != LPC_RUN_OK) return refuse_run(status, error);
    if (keeps) {
        memcpy(stage->kept, sizes, symbols);
        model->state_next(stage->kept);
    }
    out->header.kind = LPC_FRAME_DATA;
    return 0;
}

/* What the neighbour after is told about an error here. */
static void blame(const LpcStage *stage, const LpcError *error, LpcError *told)
{
    told->code = error->code;
    int own = strncmp(error->text, "stage '", 7) != 0; /* the cause's own name stands first */
    if (own)
        snprintf(told->text, sizeof told->text, "stage '%.60s': %.180s", stage->model->name,
                 error->text);
    else
        memcpy(told->text, error->text, sizeof told->text);
}

/* Hands the result to the send thread; or sends it here, when that takes no longer than waking the
 * thread: it is small, the thread has nothing to do, and the socket has room. What the two share
 * (the link, `sent`, `pieces`, the phase's statistics) is safe: an empty queue means, under its
 * mutex, that the thread is done with them, and it begins anew only after this one has committed. */
static int pass_on(LpcStage *stage, LpcSlot *out)
{
    if (out->header.kind == LPC_FRAME_DATA && stage->model->out.max_payload <= AT_ONCE_BYTES &&
        lpc_queue_empty(&stage->out_queue) && lpc_link_writable(&stage->out))
        return send_on(stage, out);
    lpc_queue_commit(&stage->out_queue);
    return 0;
}

void lpc_stage_compute(LpcStage *stage)
{
    for (int going = 1; going;) {
        uint64_t begin = lpc_now_ns();
        LpcSlot *in = lpc_queue_front(&stage->in_queue);
        LpcSlot *out = in ? lpc_queue_reserve(&stage->out_queue) : NULL;
        if (!in || !out) return;
        LpcError error = in->header.kind == LPC_FRAME_ERROR ? in->error : (LpcError){0};
        out->header.kind = in->header.kind;
        if (in->header.kind == LPC_FRAME_DATA) {
            lpc_stats_add(stage->stats, LPC_PHASE_WAIT, lpc_now_ns() - begin);
            lpc_stats_add(stage->stats, LPC_PHASE_RECEIVE, in->receive_ns);
            if (compute(stage, in, out, &error)) fail(stage, &error);
        }
        if (error.code) {
            out->header.kind = LPC_FRAME_ERROR;
            blame(stage, &error, &out->error);
        }
        going = out->header.kind == LPC_FRAME_DATA;
        if (pass_on(stage, out)) return;
        lpc_queue_release(&stage->in_queue);
    }
    lpc_queue_abort(&stage->in_queue); /* after an error nothing more is wanted */
    lpc_link_interrupt(&stage->in);
}
