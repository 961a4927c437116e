/* Does this processor have the instructions that a stage's code was compiled for?
 *
 * Compiled for the architecture's baseline, like all of the runtime, so that it runs where the code does
 * not: a wrong machine is told instead of crashed on. */
#ifndef LPC_RUNTIME_PROCESSOR_H
#define LPC_RUNTIME_PROCESSOR_H

#include <stddef.h>

/* The first of the words of `needs` (lpc_model.needs; may be NULL) that this processor, or its operating
 * system, lacks, written to `word`; 0: none. Words that are not known here count as there. */
int lpc_processor_lacks(const char *needs, char *word, size_t size);
/* How many processors this process may use at once, by its affinity and its CPU quota, rounded; at least 1
 * (processors.c). */
int lpc_processors(void);
/* Processors' worth of time that its control groups let it have; 0: they set no limit. */
double lpc_cpu_quota(void);

#endif
