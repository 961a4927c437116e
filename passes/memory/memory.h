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

/* What a buffer takes. */
static inline int64_t buffer_room(int64_t bytes)
{
    return (bytes + BUFFER_ALIGN - 1) / BUFFER_ALIGN * BUFFER_ALIGN;
}

/* Sets the buffers' ids, bytes at the bounds and first and last uses. Returns how many steps the
 * main block has: a step is a call or an IF. */
int memory_lives(Program *program);
/* The step that calls the kernel; -1: none. */
int memory_step(const Program *program, const Kernel *kernel);

/* Sets the offsets of all WORK, STATE and CONST buffers and the program's totals. in_place: pairs
 * that may share memory. Workspace buffers that nobody uses get no memory; constants that nobody
 * reads are removed from the program, and ids are counted anew. */
void plan_memory(Program *program, const InPlace *in_place, int in_place_count,
                 MemoryFigures *figures);

/* The same without sharing: every workspace buffer has bytes of its own (--no-plan). */
void memory_apart(Program *program, MemoryFigures *figures);

#endif
