/* Checking a model against expected outputs: it is compiled for the shapes of each data set, the
 * package is run with the inputs and what comes out is compared.
 *
 *   check.c     data sets, compiling for them, running
 *   compare.c   element by element
 *   leeway.c    how far off is right: quantised models, random numbers
 *   loaded.c    the stages' code loaded here in place of linked programs
 *   evaluate.c  the evaluator of loops in place of programs */
#ifndef LPC_LIB_CHECK_H
#define LPC_LIB_CHECK_H

#include "lib/check/compare.h"
#include "lib/compile/compile.h"

/* An output of a data set that was compared. */
typedef struct CheckedOutput {
    const char *folder, *name;
    const HostTensor *got, *want;
    Difference difference;
    bool ok;
    bool drawn; /* other random numbers than expected: type and shape alone are right */
} CheckedOutput;

typedef struct CheckOptions {
    CompileOptions compile; /* with the model */
    const char **folders;   /* data sets: input_N.pb, output_N.pb */
    int folder_count;
    Tolerance tolerance;
    bool evaluate; /* by the evaluator: no program is made */
    bool link;     /* programs are linked and run, also where the code could be loaded instead */
    void (*tell)(void *user, const CheckedOutput *output, Arena *arena); /* NULL: nobody */
    void *user;
} CheckOptions;

/* Cuts into so many stages on the only target, or as many as the model has layers (0: as it is). LPC_USAGE,
 * reported, when several targets are named, and not as many. */
int check_cut_evenly(Arena *arena, Diag *diag, CheckOptions *options, int stages);

/* Before processes are forked that check one model each: does once what all of them would do first. */
void check_ready(Arena *arena, CheckOptions *options);

/* 0: all match; LPC_MISMATCH; LPC_ERROR, reported. kept: NULL, or gets the temporary folder with the
 * packages, which is then the caller's to remove. */
int check_model(Arena *arena, Diag *diag, const CheckOptions *options, char **kept);

#endif
