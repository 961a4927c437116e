/* `lpc run`.
 *
 *   run.c          the command
 *   run_options.c  its command line
 *   run_figures.c  outputs, and the figures as text and as JSON */
#ifndef LPC_TOOLS_RUN_H
#define LPC_TOOLS_RUN_H

#include "lib/run/feed.h"

typedef struct RunCommand {
    FeedOptions feed; /* first */
    const char *folder;
    int json, help;
} RunCommand;

extern const char run_usage[];
/* LPC_OK, or LPC_USAGE (told). */
int run_options(RunCommand *command, Arena *arena, Diag *diag, int argc, char **argv);
/* The outputs of one frame of `steps`. */
void run_show(const Run *run, int64_t steps);
void run_report(const Run *run, bool json);

/* argv[0] is "run". Returns lpc's exit status. */
int command_run(int argc, char **argv);

#endif
