/* Between the two halves of pass_vectorize: what vectorize_classify.c finds out about a loop for
 * vectorize_emit.c. */
#ifndef LPC_PASSES_LOOPS_VECTORIZE_H
#define LPC_PASSES_LOOPS_VECTORIZE_H

#include "passes/loops/rewrite.h"

/* How a value depends on the loop's variable v. */
typedef enum VariesKind {
    VARIES_UNIFORM, /* not at all: one scalar serves all lanes */
    VARIES_LINEAR,  /* i64, base + lane * coef: the scalar at lane 0 serves memory accesses */
    VARIES_VECTOR   /* anything else: one value per lane */
} VariesKind;

typedef struct Varies {
    VariesKind kind;
    bool known; /* LINEAR: coef is this constant */
    int64_t coef;
} Varies;

typedef enum CellRole {
    CELL_UNTOUCHED, /* not accessed in the loop, or only read: stays as it is */
    CELL_UNIFORM,   /* lives in one iteration, only ever holds uniform values */
    CELL_PRIVATE,   /* lives in one iteration: becomes a vector cell */
    CELL_REDUCED    /* lives around the loop with `reduce`: becomes partial results per lane */
} CellRole;

typedef struct LoopValues {
    Varies *shapes; /* by old id */
    int shape_count;
    CellRole *roles; /* by cell id */
    int role_count;
    bool wide; /* computes 64-bit data */
    const Inst *loop;
} LoopValues;

/* False when the VECTOR loop cannot be vectorized. `body` is the kernel's old body. */
bool vectorize_classify(Arena *arena, const Kernel *kernel, const Block *body, const Inst *loop,
                        int old_count, LoopValues *out);
Varies vectorize_varies(const LoopValues *shape, const Inst *inst);

bool vectorize_reduces(const LoopValues *shape); /* has reductions */

enum { VECTORIZE_COPIES = 4 };

/* Emits iterations lo, lo + step, ... of the loop's body, `lanes` at a time, up to hi, with its
 * reductions. There are `copies` (at most VECTORIZE_COPIES) groups of lanes in one pass of the
 * emitted loop, each with its own partial results, and hi is a multiple of that; or just one pass,
 * without a loop, when hi is NULL. */
void vectorize_emit(Rewriter *rw, const LoopValues *shape, int lanes, int copies, Inst *lo,
                    Inst *hi);

#endif
