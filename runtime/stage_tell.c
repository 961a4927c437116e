/* What a stage tells: lines on stderr, the cause of a stream's end, what it does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lpc_stage_tell(const char *stage, const char *text)
{
    char line[LPC_TEXT_BYTES + 200];
    int length = snprintf(line, sizeof line, "stage '%.100s': %s\n", stage, text);
    if (length >= (int)sizeof line) length = (int)sizeof line - 1;
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) return;
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
