/* The memory plan: one workspace, every buffer at a fixed offset. */
#ifndef LPC_PASSES_MEMORY_H
#define LPC_PASSES_MEMORY_H

#include "passes/lower/lower.h"

typedef struct MemoryFigures {
    int64_t naive;   /* every buffer apart */
    int64_t bound;   /* the largest sum of live bytes at any step: no plan can be smaller */
    int64_t planned;
} MemoryFigures;

enum { BUFFER_ALIGN = 64 };

/* Sets the offsets of all WORK, STATE and CONST buffers and the program's totals. in_place: pairs
 * that may share memory. Buffers nobody uses get no memory. */
void plan_memory(Program *program, const InPlace *in_place, int in_place_count,
                 MemoryFigures *figures);

/* The same without sharing: every workspace buffer has bytes of its own (--no-plan). */
void memory_apart(Program *program, MemoryFigures *figures);

#endif
