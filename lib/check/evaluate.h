/* `lpc check --emit eval`: the lowered stages run by the evaluator of loops, in this process, instead
 * of as programs. What it gives is what the lowering means; a backend that differs is wrong. */
#ifndef LPC_LIB_EVALUATE_H
#define LPC_LIB_EVALUATE_H

#include "lib/compile/compile.h"
#include "lib/run/run.h"

typedef struct Evaluation Evaluation;

/* Model to lowered stages, and the package that would come of them: its ends and symbols only. All
 * of it lives in arena. */
int evaluate_compile(Arena *arena, Diag *diag, CompileOptions *options, Evaluation **evaluation,
                     Package **package);

/* The same from lowered stages; all of it lives in the graph's arena. */
void evaluate_cut(Graph *graph, const Cut *cut, Evaluation **evaluation, Package **package);

/* Runs all stages once, state zeroed. Uses the evaluation's state: not on two threads at once. inputs: in the package's order; sizes: the symbols' values
 * (package_bind), to which those that nodes define are added; outputs: the package's, filled. */
int evaluate_run(const Evaluation *evaluation, Arena *arena, Diag *diag, const HostTensor *inputs,
                 int64_t *sizes, HostTensor *outputs);
/* The same with the state that the last run left. sizes: those that state keeps are set, too. */
int evaluate_next(const Evaluation *evaluation, Arena *arena, Diag *diag, const HostTensor *inputs,
                  int64_t *sizes, HostTensor *outputs);

#endif
