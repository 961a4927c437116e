/* The command: what its subcommands share. */
#ifndef LPC_TOOLS_COMMAND_H
#define LPC_TOOLS_COMMAND_H

#include "lib/compile/compile.h"
#include "lib/plan/plan.h"
#include "tools/lpc/progress.h"

#include <stdio.h>

int command_compile(int argc, char **argv);
int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_targets(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_profile(int argc, char **argv);
int command_calibrate(int argc, char **argv);

/* Reads an option of compiling at argv[*at] and moves *at past it. 0: it was one; -1: it is none of
 * these; LPC_USAGE: it is one and wrong (said on stderr). */
int compile_option(CompileOptions *options, int argc, char **argv, int *at);
/* The whole command line from argument `at` on: options and the model. `command` begins messages. */
int compile_arguments(CompileOptions *options, int argc, char **argv, int at, const char *command);

/* Begins diagnostics about a file (NULL: none); notes go to stderr, and progress to `line`. */
void command_diag(Diag *diag, Arena *arena, const char *file, ProgressLine *line, bool verbose);
/* Prints what was reported and ends the progress line. */
void command_flush(Diag *diag);

/* ---- Tables on stdout ---- */

void print_stages(const Cut *cut);
void print_plan(FILE *out, const Plan *plan);
/* Plans side by side: the objectives, with and without --use-all. */
void print_comparison(FILE *out, Arena *arena, const Profile *profile, const Cluster *cluster,
                      const PlanOptions *options);

#endif
