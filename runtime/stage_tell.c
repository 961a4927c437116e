/* What a stage tells: lines of its log, the cause of a stream's end, what it does. */
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

void lpc_stage_does(LpcStream *stream, uint32_t doing)
{
    pthread_mutex_lock(&stream->mutex);
    stream->doing.doing = doing;
    stream->since_ns = lpc_now_ns();
    pthread_mutex_unlock(&stream->mutex);
}
