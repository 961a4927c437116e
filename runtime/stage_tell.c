/* What a stage tells: lines of its log, the cause of a stream's end, what it does, its figures. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lpc_stage_tell(const LpcStage *stage, LpcLevel level, LpcEvent event, const char *text)
{
    lpc_log(&stage->log, STDERR_FILENO, level, event, text);
}

void lpc_stage_inform(const LpcStage *stage, LpcEvent event, const char *format, ...)
{
    char text[LPC_TEXT_BYTES];
    va_list args;
    if (!stage->options->serve) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lpc_stage_tell(stage, LPC_LOG_INFO, event, text);
}

void lpc_stage_fail(LpcStream *stream, const LpcError *error)
{
    pthread_mutex_lock(&stream->mutex);
    if (!stream->error.code) stream->error = *error;
    pthread_mutex_unlock(&stream->mutex);
}

void lpc_stage_blame(const LpcStage *stage, const LpcError *error, LpcError *told)
{
    told->code = error->code;
    int own = strncmp(error->text, "stage '", 7) != 0; /* the cause's own name stands first */
    if (own)
        snprintf(told->text, sizeof told->text, "stage '%.60s': %.180s", stage->model->name,
                 error->text);
    else
        memcpy(told->text, error->text, sizeof told->text);
}

/* ---- What a stream does ---- */

/* Under the mutex. */
static void turn_to(LpcStream *stream, uint32_t doing, uint64_t now)
{
    if (stream->since_ns) stream->spent_ns[stream->doing.doing] += now - stream->since_ns;
    stream->doing.doing = doing;
    stream->since_ns = now;
}

void lpc_stage_does(LpcStream *stream, uint32_t doing)
{
    pthread_mutex_lock(&stream->mutex);
    turn_to(stream, doing, lpc_now_ns());
    pthread_mutex_unlock(&stream->mutex);
}

void lpc_stage_rests(LpcStream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    turn_to(stream, LPC_DOES_WAIT, lpc_now_ns());
    stream->since_ns = 0;
    pthread_mutex_unlock(&stream->mutex);
}

void lpc_stage_has_done_one(LpcStream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->doing.done++;
    turn_to(stream, LPC_DOES_WAIT, lpc_now_ns());
    pthread_mutex_unlock(&stream->mutex);
}

/* ---- Figures ---- */

static void add_stream(LpcStream *stream, LpcFigures *f)
{
    uint64_t spent[LPC_DOES_COUNT];
    pthread_mutex_lock(&stream->mutex);
    memcpy(spent, stream->spent_ns, sizeof spent);
    int is_open = stream->since_ns != 0;
    if (is_open) spent[stream->doing.doing] += lpc_now_ns() - stream->since_ns;
    pthread_mutex_unlock(&stream->mutex);
    f->input_ns += spent[LPC_DOES_WAIT];
    f->output_ns += spent[LPC_DOES_CONNECT];
    f->compute_ns += spent[LPC_DOES_COMPUTE];
    f->turn_ns += spent[LPC_DOES_TURN];
    f->in_bound += (uint32_t)stream->in_queue.depth;
    f->out_bound += (uint32_t)stream->out_queue.depth;
    if (!is_open) return; /* what its queues hold is of before */
    f->in_queued += (uint32_t)lpc_queue_count(&stream->in_queue);
    f->out_queued += (uint32_t)lpc_queue_count(&stream->out_queue);
}

void lpc_stage_figures(void *self, LpcFigures *f)
{
    LpcStage *stage = self;
    *f = (LpcFigures){.up_ns = lpc_now_ns() - stage->begin_ns,
                      .predicted_ns = stage->model->predicted_ns,
                      .broken = atomic_load(&stage->broken),
                      .threads = (uint32_t)stage->options->threads,
                      .streams_most = (uint32_t)stage->options->streams};
    snprintf(f->name, sizeof f->name, "%s", stage->model->name);
    memcpy(f->build_id, stage->model->build_id, sizeof f->build_id);
    lpc_stats_look(stage->stats, f);
    for (int i = 0; i < stage->options->streams; i++) add_stream(&stage->streams[i], f);
}
