/* `lpc run`: outputs, and the figures as text and as JSON. */
#ifndef LPC_TOOLS_RUN_H
#define LPC_TOOLS_RUN_H

#include "lib/run/feed.h"
#include "tools/lpc/command.h"

/* The outputs of one frame of `steps`. */
void run_show(const Run *run, int64_t steps);
void run_report(const Run *run, bool json);

#endif
