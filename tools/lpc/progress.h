/* What a command hears while it works: notes, and the progress of something long on one line of a
 * terminal. */
#ifndef LPC_TOOLS_PROGRESS_H
#define LPC_TOOLS_PROGRESS_H

#include "ir/diag.h"

#include <stdbool.h>

typedef struct ProgressLine {
    Listener listener; /* what diag->listener points to */
    double started, shown;
    bool verbose, any;
} ProgressLine;

/* diag's notes go to stderr; so does its progress, from two seconds on and a few times a second, when
 * stderr is a terminal or `verbose`. */
void progress_start(ProgressLine *line, Diag *diag, bool verbose);
/* Clears the line, so that what follows stands alone. */
void progress_end(Diag *diag);

#endif
