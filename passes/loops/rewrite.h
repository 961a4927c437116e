/* How loops passes change a kernel: they build a new body while walking the old one.
 *
 * A pass gives a hook that sees every old instruction first: it emits what it likes and records the
 * value in the map, or declines, and then the instruction is copied with its operands mapped (and
 * simplified again by the builder). A block may be emitted several times. */
#ifndef LPC_PASSES_LOOPS_REWRITE_H
#define LPC_PASSES_LOOPS_REWRITE_H

#include "ir/loops.h"

typedef struct Rewriter Rewriter;
struct Rewriter {
    Builder b;
    Inst **map;    /* by old id: the new value, NULL for what stays as it is */
    int old_count; /* ids below this are old ones */
    /* True when the hook has emitted the instruction and set its value (rewrite_set). */
    bool (*hook)(Rewriter *rewriter, Inst *old);
    void *user; /* of the hook */
};

/* Rewrites kernel's body. Ids are then renumbered in the order of the text. */
void rewrite_kernel(Kernel *kernel, bool (*hook)(Rewriter *, Inst *), void *user);

/* The new value of an old one. */
Inst *rewrite_get(const Rewriter *rewriter, Inst *old);
void rewrite_set(Rewriter *rewriter, const Inst *old, Inst *value);
/* Emits an old block into the current one, through the hook. */
void rewrite_block(Rewriter *rewriter, const Block *old);
/* Emits a copy of one old instruction, without asking the hook about it (its blocks do ask). */
void rewrite_copy(Rewriter *rewriter, Inst *old);

#endif
