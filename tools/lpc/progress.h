/* What a command hears while it works: notes, and the progress of something long on one line of a
 * terminal. */
#ifndef LPC_TOOLS_PROGRESS_H
#define LPC_TOOLS_PROGRESS_H

#include "include/lpc/lpc.h"

#include <stdbool.h>

typedef struct ProgressLine {
    double started, shown;
    bool verbose, any;
} ProgressLine;

/* The compiler's notes go to stderr; so does its progress, from two seconds on and a few times a second,
 * when stderr is a terminal or line->verbose. The compiler is listened to as long as the line lives. */
void progress_start(ProgressLine *line, lpc_compiler *compiler);
/* Clears the line, so that what follows stands alone, and listens no more. */
void progress_end(ProgressLine *line, lpc_compiler *compiler);

#endif
