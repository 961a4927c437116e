/* Running the tools of a target's toolchain, and what each of them is given of the runtime. */
#ifndef LPC_BACKEND_HOST_TOOLCHAIN_H
#define LPC_BACKEND_HOST_TOOLCHAIN_H

#include "ir/diag.h"
#include "ir/target.h"

/* The words of a command; `items` is made by tool_arg. */
typedef struct ToolArgs {
    Arena *arena;
    char **items;
    int count;
    const char *what; /* what it is called in reports; NULL: its first word */
} ToolArgs;

void tool_arg(ToolArgs *args, const char *text);
void tool_args(ToolArgs *args, const char *const *texts, int count);

/* All run the command and wait for it. What cannot be started, or ends otherwise than with status
 * 0, is reported. They differ in what becomes of what it says: */
int tool_run(ToolArgs *args, Diag *diag);         /* it goes where ours does */
int tool_run_quietly(ToolArgs *args, Diag *diag); /* it is in the report of a failure */
int tool_run_output(ToolArgs *args, Diag *diag, Text *output); /* its standard output is kept */

/* The compiler for a stage's C, strict, so that nothing is contracted; of files in `folder`, whose
 * path stays out of what it makes. And its run on one of them. */
ToolArgs tool_compiler(Arena *arena, const Target *target, const char *folder);
int tool_compile(ToolArgs *args, Diag *diag, const char *folder, const char *source,
                 const char *object);

/* The names of the .c files in a folder, and of the .h files too where asked; sorted. */
int tool_list_sources(Arena *arena, Diag *diag, const char *folder, bool headers,
                      const char ***names, int *count);
/* Adds what calls users' own operators, where a stage's folder has that, to a command that compiles. */
int tool_add_custom(ToolArgs *args, Diag *diag, const char *folder);
/* Adds the runtime to a command that links: the prebuilt archive of the target's triple, or the
 * sources in a folder. */
int tool_add_runtime(ToolArgs *args, Diag *diag, const Target *target, const char *folder);

#endif
