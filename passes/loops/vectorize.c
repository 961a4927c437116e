/* pass_vectorize: VECTOR loops become explicit vectors.
 *
 * Requires: verified loops. Keeps: every element's operations, in order, with their rounding; only
 * reductions into cells are reordered. After it there are no VECTOR loops.
 *
 *     vector %3 in 0..n step 1 {           %20 = and n, -8
 *         %4 = load x[%3]                  serial %21 in 0..%20 step 8 {
 *         %5 = max.f32 %4, 0.0                 %22 = load.f32x8 x[%21]
 *         store y[%3] = %5          ->         %23 = max.f32x8 %22, splat 0.0
 *     }                                        store y[%21] = %23
 *                                          }
 *                                          serial %24 in %20..n step 1 { the scalar body }
 *
 * A constant number of iterations is cut into L lanes, then halves down to MIN_LANES, each at most
 * once, then single iterations. */
#include "passes/loops/passes.h"
#include "passes/loops/vectorize.h"

#include <assert.h>

enum { MIN_BYTES = 16 /* of the narrowest vector that is worth it */ };

typedef struct Pass {
    Block body; /* the kernel's old one */
    int bits;
} Pass;

/* The scalar body over [lo, hi): a loop, or one iteration when hi is NULL. */
static void emit_scalar(Rewriter *rw, Inst *loop, Inst *lo, Inst *hi)
{
    Inst *variable = hi ? kb_for(&rw->b, LOOP_SERIAL, lo, hi, loop->value) : lo;
    rewrite_set(rw, loop, variable);
    rewrite_block(rw, &loop->body);
    if (hi) kb_end(&rw->b);
}

static int count_insts(const Block *block)
{
    int count = block->count;
    for (int i = 0; i < block->count; i++)
        count += count_insts(&block->items[i]->body) + count_insts(&block->items[i]->els);
    return count;
}

/* Groups of lanes in one pass of the main loop. A reduction waits for its own last sum: several
 * partial sums keep the machine busy. */
static int copies_of(const LoopValues *shape, int64_t groups)
{
    bool several = vectorize_reduces(shape) && count_insts(&shape->loop->body) <= 32;
    return several && groups >= 2 * VECTORIZE_COPIES ? VECTORIZE_COPIES : 1;
}

static void emit_constant(Rewriter *rw, const LoopValues *shape, Inst *loop, int lanes, Inst *lo,
                          int64_t count)
{
    Builder *b = &rw->b;
    int64_t step = loop->value;
    int least = MIN_BYTES / (shape->wide ? 8 : 4);
    if (least > lanes) least = lanes;
    while (lanes >= least) {
        int64_t groups = count / lanes;
        int copies = copies_of(shape, groups);
        groups -= groups % copies;
        Inst *next = kb_addi(b, lo, groups * lanes * step);
        if (groups > 0) vectorize_emit(rw, shape, lanes, copies, lo, groups > copies ? next : NULL);
        lo = next;
        count -= groups * lanes;
        if (count < lanes) lanes /= 2;
    }
    if (count == 1)
        emit_scalar(rw, loop, lo, NULL);
    else if (count > 1)
        emit_scalar(rw, loop, lo, kb_addi(b, lo, count * step));
}

/* True when hi - lo is known to be a multiple of n. */
static bool divides(Rewriter *rw, const Inst *lo, const Inst *hi, int64_t n)
{
    SizeTable *sizes = rw->b.sizes;
    if (lo->op != LI_INT || lo->value != 0 || hi->op != LI_SIZE) return false;
    return size_is(size_mod(sizes, hi->size, size_const(sizes, n)), 0);
}

/* The vector loop over as many iterations as whole groups take, from lo on; returns its end. */
static Inst *emit_groups(Rewriter *rw, const LoopValues *shape, int lanes, int copies, Inst *lo,
                         Inst *hi)
{
    Builder *b = &rw->b;
    int64_t step = shape->loop->value, group = (int64_t)lanes * copies;
    Inst *middle = hi;
    if (!divides(rw, lo, hi, group * step)) {
        Inst *count = kb_sub(b, hi, lo);
        bool natural = count->op == LI_SIZE && size_lower(b->sizes, count->size) >= 0;
        if (!natural) count = kb_op(b, LI_MAX, count, kb_i64(b, 0));
        if (step > 1) count = kb_op(b, LI_DIV, kb_addi(b, count, step - 1), kb_i64(b, step));
        Inst *whole = kb_op(b, LI_AND, count, kb_i64(b, -group));
        middle = kb_add(b, lo, kb_muli(b, whole, step));
    }
    vectorize_emit(rw, shape, lanes, copies, lo, middle);
    return middle;
}

static void emit_variable(Rewriter *rw, const LoopValues *shape, Inst *loop, int lanes, Inst *lo,
                          Inst *hi)
{
    int copies = copies_of(shape, INT64_MAX);
    if (copies > 1) lo = emit_groups(rw, shape, lanes, copies, lo, hi);
    if (lo != hi) lo = emit_groups(rw, shape, lanes, 1, lo, hi);
    if (lo != hi) emit_scalar(rw, loop, lo, hi);
}

/* How many iterations, or -1 when it is not constant. */
static int64_t trip_count(const Inst *lo, const Inst *hi, int64_t step)
{
    const int64_t most = (int64_t)1 << 60;
    if (lo->op != LI_INT || hi->op != LI_INT) return -1;
    if (lo->value < -most || lo->value > most || hi->value < -most || hi->value > most) return -1;
    if (hi->value <= lo->value) return 0;
    return (hi->value - lo->value - 1) / step + 1;
}

static bool vectorize_hook(Rewriter *rw, Inst *old)
{
    if (old->op != LI_FOR || old->kind != LOOP_VECTOR) return false;
    Pass *pass = rw->user;
    LoopValues shape;
    Inst *lo = rewrite_get(rw, old->arg[0]), *hi = rewrite_get(rw, old->arg[1]);
    bool fits = pass->bits > 32 && vectorize_classify(rw->b.code, rw->b.kernel, &pass->body, old,
                                                      rw->old_count, &shape);
    int bits = pass->bits < 2048 ? pass->bits : 2048;
    int lanes = !fits ? 1 : bits / (shape.wide ? 64 : 32);
    if (lanes < 2) {
        old->kind = LOOP_SERIAL;
        return false; /* copied; loops inside it get their own chance */
    }
    assert((lanes & (lanes - 1)) == 0);
    /* What remains is scalar, with the loops inside too: an element must not change its rounding
     * with its position. */
    int full_bits = pass->bits;
    pass->bits = 0;
    int64_t count = trip_count(lo, hi, old->value);
    if (count >= 0)
        emit_constant(rw, &shape, old, lanes, lo, count);
    else
        emit_variable(rw, &shape, old, lanes, lo, hi);
    pass->bits = full_bits;
    return true;
}

int pass_vectorize(Program *program, int vector_bits)
{
    for (int i = 0; i < program->kernel_count; i++) {
        Pass pass = {.body = program->kernels[i]->body, .bits = vector_bits};
        rewrite_kernel(program->kernels[i], vectorize_hook, &pass);
    }
    return LPC_OK;
}
