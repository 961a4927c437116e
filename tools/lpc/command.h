/* The command: what its subcommands share. It uses nothing of the library but its header, which
 * tests/scripts/library.sh holds it to. */
#ifndef LPC_TOOLS_COMMAND_H
#define LPC_TOOLS_COMMAND_H

#include "include/lpc/lpc.h"

#include "tools/lpc/progress.h"

#include <stdbool.h>
#include <stdio.h>

/* What on the command line is no option. */
typedef struct Words {
    const char *const *list;
    size_t count;
} Words;

/* A subcommand. Returns lpc's exit status, an lpc_status. */
typedef int CommandRun(lpc_compiler *compiler, const Words *words);

CommandRun command_compile, command_check, command_inspect, command_targets, command_run,
    command_plan, command_simulate, command_profile, command_calibrate, command_deploy,
    command_status, command_logs, command_stop, command_undeploy, command_serve,
    command_serve_packages, command_keys;

#define TRY_STATUS(call)                                                                           \
    do {                                                                                           \
        lpc_status try_status_ = (call);                                                           \
        if (try_status_) return (int)try_status_;                                                  \
    } while (0)

/* The subcommand of that name; NULL: there is none. */
const lpc_command *command_find(const char *name);
/* Does it take the option? */
bool command_takes(const lpc_command *command, const lpc_option *option);
/* " " before the name of a subcommand, for messages. */
const char *command_space(const lpc_command *command);
/* Says what is wrong with the command line, and how the command is called. LPC_STATUS_USAGE. */
int usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Nonzero and a message when something printed did not arrive. */
int command_printed(void);

/* ---- help.c, man.c, completion.c: texts from the table of options ---- */

/* NULL: of lpc itself. */
void print_help(lpc_compiler *compiler, const lpc_command *command);
void print_man(lpc_compiler *compiler);
/* bash, zsh or fish; LPC_STATUS_USAGE for others. */
int print_completion(lpc_compiler *compiler, const char *shell);

/* ---- progress.c ---- */

/* Prints the compiler's messages and ends the progress line. */
void command_messages(lpc_compiler *compiler, ProgressLine *line);

/* ---- Tables on stdout ---- */

/* What --emit accepts, a line each. */
void print_backends(void);
void print_stages(const lpc_stage *stages, size_t count);

#endif
