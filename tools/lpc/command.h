/* The command: what its subcommands share. */
#ifndef LPC_TOOLS_COMMAND_H
#define LPC_TOOLS_COMMAND_H

#include "include/lpc/lpc.h"

#include "lib/options/options.h"
#include "lib/plan/plan.h"
#include "tools/lpc/progress.h"

#include <stdio.h>

/* What on the command line is no option. */
typedef struct Words {
    const char *const *list;
    size_t count;
} Words;

/* A subcommand; its options are the compiler's. Returns lpc's exit status, an lpc_status. */
typedef int CommandRun(lpc_compiler *compiler, const Words *words);
/* One that is no user of the library yet. */
typedef int InsideRun(Options *options, Diag *diag);

CommandRun command_compile, command_check, command_inspect, command_targets;
InsideRun command_run, command_plan, command_simulate, command_profile, command_calibrate;

#define TRY_STATUS(call)                                                                           \
    do {                                                                                           \
        lpc_status try_status_ = (call);                                                           \
        if (try_status_) return (int)try_status_;                                                  \
    } while (0)

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

/* Prints the compiler's messages and ends the progress line. */
void command_messages(lpc_compiler *compiler, ProgressLine *line);

/* ---- Tables on stdout ---- */

/* What --emit accepts, a line each. */
void print_backends(void);
void print_stages(const lpc_stage *stages, size_t count);
void print_plan(FILE *out, const Plan *plan);
/* Plans side by side: the objectives, with and without --use-all. */
void print_comparison(FILE *out, Arena *arena, const Profile *profile, const Cluster *cluster,
                      const PlanOptions *options);

#endif
