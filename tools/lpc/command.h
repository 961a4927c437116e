/* The command: what its subcommands share. */
#ifndef LPC_TOOLS_COMMAND_H
#define LPC_TOOLS_COMMAND_H

#include "lib/compile/compile.h"
#include "lib/options/options.h"
#include "lib/plan/plan.h"
#include "tools/lpc/progress.h"

#include <stdio.h>

/* What a subcommand is given: its options, parsed. Returns lpc's exit status. */
typedef int CommandRun(Options *options, Diag *diag);

CommandRun command_compile, command_run, command_check, command_inspect, command_targets,
    command_plan, command_simulate, command_profile, command_calibrate;

/* The index of a command in `commands`, by its bit. */
int command_index(unsigned bit);
/* " " before the name of a subcommand, for messages. */
const char *command_space(int command);
/* Says what is wrong with the command line, and how the command is called. LPC_USAGE. */
int usage_error(unsigned command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- help.c, man.c, completion.c: texts from the table of options ---- */

void print_help(int command); /* -1: of lpc itself */
void print_man(void);
/* bash, zsh or fish; LPC_USAGE for others. */
int print_completion(const char *shell);

/* ---- progress.c ---- */

/* Begins diagnostics about a file (NULL: none); notes go to stderr, and progress to `line`. */
void command_diag(Diag *diag, Arena *arena, const char *file, ProgressLine *line, bool verbose);
/* Prints what was reported and ends the progress line. */
void command_flush(Diag *diag);

/* ---- Tables on stdout ---- */

/* What --emit accepts, a line each. */
void print_backends(void);
void print_stages(const Cut *cut);
void print_plan(FILE *out, const Plan *plan);
/* Plans side by side: the objectives, with and without --use-all. */
void print_comparison(FILE *out, Arena *arena, const Profile *profile, const Cluster *cluster,
                      const PlanOptions *options);

#endif
