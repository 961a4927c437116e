/* The memory plan: one workspace, every buffer at a fixed offset. */
#ifndef LPC_PASSES_MEMORY_H
#define LPC_PASSES_MEMORY_H

#include "passes/lower/frame/lower.h"

typedef struct MemoryFigures {
    int64_t naive; /* every buffer apart */
    int64_t bound; /* the largest sum of live bytes at any step: no plan can be smaller */
    int64_t planned;
} MemoryFigures;

enum { BUFFER_ALIGN = 64 };

/* What a buffer takes. */
static inline int64_t buffer_room(int64_t bytes)
{
    return (bytes + BUFFER_ALIGN - 1) / BUFFER_ALIGN * BUFFER_ALIGN;
}

/* Main's steps (main_steps), and by buffer id the step of the loop within one iteration of which it
 * lives; -1: no loop's. */
typedef struct Lives {
    MainStep *steps;
    int count;
    int *loop;
} Lives;

/* Sets the buffers' ids, bytes at the bounds and first and last step (lives.c says how). */
Lives memory_lives(Program *program, Arena *arena);
/* The first step that calls the kernel; -1: none. */
int memory_step(const Lives *lives, const Kernel *kernel);
/* Do both live in the iterations of the step's loop, or in no loop's? One that lives on to the next
 * iteration cannot give its memory away in this one. */
bool lives_together(const Lives *lives, int step, const Buffer *from, const Buffer *to);

/* Sets the offsets of all WORK, STATE and CONST buffers and the program's totals. in_place: pairs
 * that may share memory. Workspace buffers that nobody uses get no memory; constants that nobody
 * reads are removed from the program, and ids are counted anew. */
void plan_memory(Program *program, const InPlace *in_place, int in_place_count,
                 MemoryFigures *figures);

/* The same without sharing: every workspace buffer has bytes of its own (--no-plan). */
void memory_apart(Program *program, MemoryFigures *figures);

#endif
