/* pass_cleanup: less code, same values.
 *
 * Requires: verified loops. Keeps: every store and its order, every float operation's rounding.
 * First the kernel is rebuilt: the builder folds what has become constant, a pure instruction that
 * already stands before, in the same block or one around it, is used again, branches on constants
 * and loops of no or one iteration disappear. Then what has no effect is removed.
 *
 *     %4 = add.i64 %1, 3                  %4 = add.i64 %1, 3
 *     %5 = add.i64 %1, 3         ->       store y[%4], 1:f32
 *     %6 = mul.i64 %5, 2
 *     store y[%5], 1:f32
 */
#include "passes/loops/passes.h"
#include "passes/loops/rewrite.h"

#include <string.h>

/* ---- Common subexpressions: a hash table with scopes. ---- */

typedef struct Entry {
    const Inst *like; /* the instruction, its operands mapped */
    Inst *value;
    uint32_t hash;
    int next; /* in the chain, -1 ends it */
} Entry;

enum { BUCKETS = 1024 };

typedef struct Cleanup {
    Entry *entries; /* room for each old instruction */
    int count;
    int heads[BUCKETS];
} Cleanup;

static bool is_pure(const Inst *inst)
{
    char class = inst_class(inst->op);
    return class != 'M' && class != 'C' && class != 'K';
}

static uint32_t hash_of(const Inst *inst)
{
    uint32_t hash = (uint32_t)inst->op * 31 + (uint32_t)inst->type.dtype;
    hash = hash * 31 + (uint32_t)inst->type.lanes;
    for (int i = 0; i < 3; i++)
        hash = hash * 0x9e3779b1u + (uint32_t)(inst->arg[i] ? inst->arg[i]->id + 1 : 0);
    return hash ^ hash >> 15;
}

static bool same(const Inst *a, const Inst *b)
{
    return a->op == b->op && a->type.dtype == b->type.dtype && a->type.lanes == b->type.lanes &&
           a->value == b->value && !memcmp(a->arg, b->arg, sizeof a->arg);
}

static void close_scope(Cleanup *c, int count)
{
    while (c->count > count) {
        const Entry *last = &c->entries[--c->count];
        c->heads[last->hash % BUCKETS] = last->next;
    }
}

static void clean_pure(Rewriter *rw, Inst *old)
{
    Cleanup *c = rw->user;
    Inst *like = arena_alloc(rw->b.code, sizeof *like);
    *like = *old;
    for (int i = 0; i < 3; i++) like->arg[i] = rewrite_get(rw, old->arg[i]);
    uint32_t hash = hash_of(like);
    for (int i = c->heads[hash % BUCKETS]; i >= 0; i = c->entries[i].next) {
        if (c->entries[i].hash != hash || !same(c->entries[i].like, like)) continue;
        rewrite_set(rw, old, c->entries[i].value);
        return;
    }
    rewrite_copy(rw, old);
    Entry entry = {like, rewrite_get(rw, old), hash, c->heads[hash % BUCKETS]};
    c->heads[hash % BUCKETS] = c->count;
    c->entries[c->count++] = entry;
}

/* ---- Control that is known. ---- */

static bool breaks(const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_BREAK) return true;
        bool own = inst->op == LI_FOR && inst->kind == LOOP_SERIAL; /* catches its own */
        if (!own && (breaks(&inst->body) || breaks(&inst->els))) return true;
    }
    return false;
}

/* Iterations, or 2 when not known or many. */
static int few_iterations(const Rewriter *rw, const Inst *loop)
{
    const Inst *lo = rewrite_get(rw, loop->arg[0]), *hi = rewrite_get(rw, loop->arg[1]);
    const int64_t most = (int64_t)1 << 60;
    if (lo->op != LI_INT || hi->op != LI_INT || loop->value > most) return 2;
    if (lo->value < -most || lo->value > most) return 2;
    return hi->value <= lo->value ? 0 : hi->value <= lo->value + loop->value ? 1 : 2;
}

static void clean_control(Rewriter *rw, Inst *old)
{
    Cleanup *c = rw->user;
    int scope = c->count;
    Block *outer = rw->b.block;
    if (old->op == LI_FOR && old->kind != LOOP_PARALLEL && !breaks(&old->body)) {
        int iterations = few_iterations(rw, old);
        if (iterations == 1) {
            rewrite_set(rw, old, rewrite_get(rw, old->arg[0]));
            rewrite_block(rw, &old->body);
        }
        if (iterations < 2) return;
    }
    if (old->op == LI_IF) {
        const Inst *cond = rewrite_get(rw, old->arg[0]);
        if (cond->op == LI_INT) {
            rewrite_block(rw, cond->value ? &old->body : &old->els);
            return;
        }
    }
    Inst *copy = inst_copy(&rw->b, old);
    for (int i = 0; i < 3; i++) copy->arg[i] = rewrite_get(rw, old->arg[i]);
    inst_append(&rw->b, copy);
    rewrite_set(rw, old, copy);
    rw->b.block = &copy->body;
    rewrite_block(rw, &old->body);
    close_scope(c, scope);
    rw->b.block = &copy->els;
    rewrite_block(rw, &old->els);
    close_scope(c, scope);
    rw->b.block = outer;
}

static bool clean_hook(Rewriter *rw, Inst *old)
{
    if (is_pure(old)) {
        clean_pure(rw, old);
        return true;
    }
    if (old->op == LI_FOR || old->op == LI_IF) {
        clean_control(rw, old);
        return true;
    }
    return false;
}

/* ---- Dead code: from the end, since uses come after what they use. ---- */

typedef struct Sweep {
    bool *live; /* by id */
    bool *read; /* by cell id: some live GET */
    bool changed;
} Sweep;

static void use(Sweep *s, const Inst *inst)
{
    if (inst) s->live[inst->id] = true;
}

static void find_reads(Sweep *s, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_GET) s->read[inst->cell->id] = true;
        find_reads(s, &inst->body);
        find_reads(s, &inst->els);
    }
}

static void sweep_block(Sweep *s, Block *block)
{
    int kept = block->count; /* kept instructions gather at the end */
    for (int i = block->count - 1; i >= 0; i--) {
        Inst *inst = block->items[i];
        sweep_block(s, &inst->els);
        sweep_block(s, &inst->body);
        bool keep = s->live[inst->id];
        if (inst->op == LI_FOR || inst->op == LI_IF) keep = inst->body.count || inst->els.count;
        if (inst->op == LI_SET) keep = s->read[inst->cell->id];
        if (inst->op == LI_STORE || inst->op == LI_BREAK || inst->op == LI_FAIL ||
            inst->op == LI_SETSYM)
            keep = true;
        if (!keep) continue;
        for (int k = 0; k < 3; k++) use(s, inst->arg[k]);
        use(s, inst->stride);
        use(s, inst->limit);
        block->items[--kept] = inst;
    }
    if (kept == 0) return;
    s->changed = true;
    memmove(block->items, block->items + kept, (size_t)(block->count - kept) * sizeof(Inst *));
    block->count -= kept;
}

static void sweep(Kernel *kernel)
{
    Arena *arena = kernel->program->code;
    Sweep s = {.changed = true};
    while (s.changed) {
        s.changed = false;
        s.live = arena_array(arena, (size_t)kernel->next_id + 1, sizeof *s.live);
        s.read = arena_array(arena, (size_t)kernel->cell_count + 1, sizeof *s.read);
        find_reads(&s, &kernel->body);
        sweep_block(&s, &kernel->body);
    }
}

int pass_cleanup(Program *program)
{
    for (int i = 0; i < program->kernel_count; i++) {
        Cleanup cleanup = {.count = 0};
        size_t most = (size_t)program->kernels[i]->next_id + 1;
        cleanup.entries = arena_array(program->code, most, sizeof *cleanup.entries);
        memset(cleanup.heads, -1, sizeof cleanup.heads);
        rewrite_kernel(program->kernels[i], clean_hook, &cleanup);
        sweep(program->kernels[i]);
        rewrite_kernel(program->kernels[i], NULL, NULL); /* folds again, numbers anew */
    }
    return LPC_OK;
}
