/* Streams of a stage: from the gate to the end of both links, one after the other. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- what the pulse asks and tells --- */

static void look(void *self, LpcBeat *beat)
{
    LpcStream *stream = self;
    pthread_mutex_lock(&stream->mutex);
    *beat = stream->doing;
    beat->since_ms = (lpc_now_ns() - stream->since_ns) / 1000000u;
    pthread_mutex_unlock(&stream->mutex);
    snprintf(beat->name, sizeof beat->name, "stage '%.28s'", stream->stage->model->name);
}

/* The neighbour after is gone: all that waits for it, or for more, ends. */
static void lost(void *self, const LpcError *error)
{
    LpcStream *stream = self;
    LpcError own = *error;
    own.code = LPC_EXIT_LEFT; /* theirs, not ours: for us they left */
    stream->cause = error->code;
    lpc_stage_fail(stream, &own);
    lpc_queue_abort(&stream->out_queue);
    lpc_queue_abort(&stream->in_queue);
    lpc_link_interrupt(&stream->in);
    lpc_link_break(&stream->out);
}

/* --- one stream --- */

/* Connects to the stage after and passes on the stream's identity. */
static int connect_after(LpcStream *stream, LpcError *error)
{
    LpcStage *stage = stream->stage;
    LpcHello hello = stage->result;
    int stop = stage->stop_pipe[0];
    memcpy(hello.stream, stream->id, LPC_STREAM_BYTES);
    lpc_stage_does(stream, LPC_DOES_CONNECT);
    stream->out.stop_fd = stop;
    stream->out.silence_ms = stage->options->beat_ms * LPC_BEATS_MISSED;
    int code = lpc_link_connect(&stream->out, stage->out_transport, stage->out_address,
                                "the neighbour after,", stage->tls, &stream->in, error);
    if (!code) code = lpc_greet(&stream->out, &stream->in, stage->crc, &hello, NULL, error);
    stream->out.stop_fd = -1; /* what has been computed is sent */
    return code;
}

void lpc_stage_begin(LpcStream *stream)
{
    const lpc_model *model = stream->stage->model;
    lpc_queue_reset(&stream->in_queue);
    lpc_queue_reset(&stream->out_queue);
    lpc_stage_zero_state(stream);
    if (model->symbol_count) memset(stream->kept, 0, model->symbol_count * sizeof(int64_t));
    if (model->in.cut == 0 && model->state_begin) model->state_begin(stream->kept);
}

/* Has the frames go through. Returns the stream's error, 0 when it ended as it should. */
static int run_frames(LpcStream *stream)
{
    lpc_stage_begin(stream);
    lpc_pulse_connect(&stream->pulse, &stream->out);
    lpc_helper_run(&stream->receiver);
    lpc_helper_run(&stream->sender);
    if (stream->stage->options->compute)
        stream->stage->options->compute(stream);
    else
        lpc_stage_compute(stream);
    lpc_helper_wait(&stream->sender);
    lpc_helper_wait(&stream->receiver);
    return stream->error.code;
}

/* Tells the neighbour before why the stream breaks off, if there is room for it. */
static void tell_before(LpcStream *stream)
{
    LpcWriter writer = lpc_link_writer(&stream->in);
    LpcError told = {0}, ignored = {0};
    lpc_stage_blame(stream->stage, &stream->error, &told);
    if (stream->cause) told.code = stream->cause;
    if (lpc_link_writable(&stream->in))
        (void)lpc_send_error(&writer, stream->stage->crc, 0, &told, &ignored);
}

/* One stream, from the gate to the end. 0, LPC_STOPPED, or an exit status (told). */
static int serve_one(LpcStream *stream)
{
    LpcStage *stage = stream->stage;
    const LpcStageOptions *options = stage->options;
    int timeout = options->timeout_ms;
    stream->in = (LpcLink){.fd = -1, .timeout_ms = timeout, .stop_fd = stage->stop_pipe[0]};
    stream->out = (LpcLink){.fd = -1, .timeout_ms = timeout, .stop_fd = -1};
    memset(&stream->error, 0, sizeof stream->error);
    stream->cause = 0;
    memset(&stream->before, 0, sizeof stream->before);
    memset(&stream->doing, 0, sizeof stream->doing);
    LpcLink *result = stage->out_address ? NULL : &stream->out;
    int code = lpc_gate_take(&stage->gate, options->serve ? -1 : timeout, &stream->in, result,
                             stream->id, &stream->error);
    if (!code) {
        lpc_stage_does(stream, LPC_DOES_WAIT);
        lpc_stage_inform(stage, LPC_EVENT_STREAM, "a stream has begun: %.120s", stream->in.peer);
        lpc_pulse_begin(&stream->pulse, &stream->in);
        if (!result) code = connect_after(stream, &stream->error);
        if (!code) code = run_frames(stream);
        lpc_pulse_end(&stream->pulse);
        lpc_stage_rests(stream);
        if (code <= 0)
            lpc_stage_inform(stage, LPC_EVENT_ENDED,
                             "a stream has ended after %" PRIu64 " frames: %.120s",
                             stream->doing.done, stream->in.peer);
        if (code > 0) tell_before(stream);
        if (stream->pulse.is_last) lpc_gate_leave(&stage->gate, &stream->out);
        lpc_link_close(&stream->out);
        lpc_link_close(&stream->in);
        lpc_gate_done(&stage->gate);
    }
    if (code > 0) atomic_fetch_add(&stage->broken, 1);
    if (code > 0) lpc_stage_tell(stage, LPC_LOG_ERROR, LPC_EVENT_BROKEN, stream->error.text);
    return code;
}

void lpc_stage_serve(void *self)
{
    LpcStream *stream = self;
    do stream->code = serve_one(stream);
    while (stream->stage->options->serve && stream->code != LPC_STOPPED &&
           stream->code != LPC_EXIT_SYSTEM);
    if (stream->code == LPC_EXIT_SYSTEM && write(stream->stage->stop_pipe[1], "", 1) < 0) return;
}

int lpc_stage_start_stream(LpcStream *stream)
{
    LpcPulse *pulse = &stream->pulse;
    pthread_mutex_init(&stream->mutex, NULL);
    pulse->crc = stream->stage->crc;
    pulse->beat_ms = stream->stage->options->beat_ms;
    pulse->look = look;
    pulse->lost = lost;
    pulse->self = stream;
    int failure = lpc_pulse_start(pulse);
    if (!failure) failure = lpc_helper_start(&stream->receiver, lpc_stage_receive, stream);
    if (!failure) failure = lpc_helper_start(&stream->sender, lpc_stage_send, stream);
    if (!failure && stream != stream->stage->streams)
        failure = lpc_helper_start(&stream->server, lpc_stage_serve, stream);
    return failure;
}

void lpc_stage_stop_stream(LpcStream *stream)
{
    lpc_helper_stop(&stream->server);
    lpc_helper_stop(&stream->receiver);
    lpc_helper_stop(&stream->sender);
    lpc_pulse_stop(&stream->pulse);
}
