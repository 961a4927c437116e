/* Progress of something long, on one line of a terminal. */
#ifndef LPC_TOOLS_PROGRESS_H
#define LPC_TOOLS_PROGRESS_H

#include "ir/diag.h"

#include <stdbool.h>

typedef struct ProgressLine {
    Progress progress; /* what diag->progress points to */
    double started, shown;
    bool any;
} ProgressLine;

/* Reports from diag go to stderr, from two seconds on and a few times a second, when stderr is a
 * terminal or `verbose`. */
void progress_start(ProgressLine *line, Diag *diag, bool verbose);
/* Clears the line, so that what follows stands alone. */
void progress_end(ProgressLine *line, Diag *diag);

#endif
