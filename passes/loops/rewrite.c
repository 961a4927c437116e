/* Rebuilding a kernel's body: see rewrite.h. */
#include "passes/loops/rewrite.h"

#include <assert.h>

Inst *rewrite_get(const Rewriter *rewriter, Inst *old)
{
    if (!old || old->id >= rewriter->old_count) return old;
    Inst *value = rewriter->map[old->id];
    return value ? value : old;
}

void rewrite_set(Rewriter *rewriter, const Inst *old, Inst *value)
{
    assert(old->id < rewriter->old_count);
    rewriter->map[old->id] = value;
}

/* Pure instructions go through the builder again, which may find something simpler. */
static Inst *copy_pure(Rewriter *rw, const Inst *old)
{
    Builder *b = &rw->b;
    Inst *arg[3];
    for (int i = 0; i < 3; i++) arg[i] = rewrite_get(rw, old->arg[i]);
    switch (old->op) {
    case LI_FMA: return kb_fma(b, arg[0], arg[1], arg[2]);
    case LI_SELECT: return kb_select(b, arg[0], arg[1], arg[2]);
    case LI_CAST: return kb_cast(b, old->type.dtype, arg[0]);
    case LI_BITCAST: return kb_bitcast(b, old->type.dtype, arg[0]);
    case LI_SPLAT: return kb_splat(b, arg[0], old->type.lanes);
    case LI_IOTA: return kb_iota(b, old->type.dtype, old->type.lanes);
    case LI_LANE: return kb_lane(b, arg[0], (int)old->value);
    case LI_HADD:
    case LI_HMIN:
    case LI_HMAX: return kb_horizontal(b, old->op, arg[0]);
    case LI_DOT4: return kb_dot4(b, arg[0], arg[1], arg[2], old->value == 1);
    default: break;
    }
    return inst_args(old->op) == 2 ? kb_op(b, old->op, arg[0], arg[1]) : kb_op1(b, old->op, arg[0]);
}

/* Emits `old` (FOR's or IF's) as the contents of block `to`. */
static void copy_inner(Rewriter *rw, const Block *old, Block *to)
{
    Block *outer = rw->b.block;
    rw->b.block = to;
    rewrite_block(rw, old);
    rw->b.block = outer;
}

void rewrite_copy(Rewriter *rw, Inst *old)
{
    char class = inst_class(old->op);
    if (class != 'M' && class != 'C') {
        if (class != 'K') rewrite_set(rw, old, copy_pure(rw, old));
        return;
    }
    Inst *copy = inst_copy(&rw->b, old);
    for (int i = 0; i < 3; i++) copy->arg[i] = rewrite_get(rw, old->arg[i]);
    copy->stride = rewrite_get(rw, old->stride);
    copy->limit = rewrite_get(rw, old->limit);
    inst_append(&rw->b, copy);
    rewrite_set(rw, old, copy);
    copy_inner(rw, &old->body, &copy->body);
    copy_inner(rw, &old->els, &copy->els);
}

void rewrite_block(Rewriter *rw, const Block *old)
{
    for (int i = 0; i < old->count; i++)
        if (!rw->hook || !rw->hook(rw, old->items[i])) rewrite_copy(rw, old->items[i]);
}

static void mark_used(const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        Inst *inst = block->items[i];
        if (inst->cell && inst->cell->id >= 0) inst->cell->id = -1 - inst->cell->id;
        for (int k = 0; k < 3; k++)
            if (inst->arg[k]) inst->arg[k]->user = inst;
        if (inst->stride) inst->stride->user = inst;
        if (inst->limit) inst->limit->user = inst;
        mark_used(&inst->body);
        mark_used(&inst->els);
    }
}

static void renumber_block(Block *block, int *next)
{
    for (int i = 0; i < block->count; i++) {
        block->items[i]->id = (*next)++;
        block->items[i]->user = NULL;
        renumber_block(&block->items[i]->body, next);
        renumber_block(&block->items[i]->els, next);
    }
}

/* Keeps the cells that mark_used has given a negative id. */
static void renumber_cells(Kernel *kernel)
{
    int kept = 0;
    for (int i = 0; i < kernel->cell_count; i++)
        if (kernel->cells[i]->id < 0) kernel->cells[kept++] = kernel->cells[i];
    kernel->cell_count = kept;
    for (int i = 0; i < kept; i++) kernel->cells[i]->id = i;
}

/* Forgets constants and cells that nobody uses any more and numbers everything anew. */
static void renumber(Kernel *kernel)
{
    for (int i = 0; i < kernel->const_count; i++) kernel->consts[i]->user = NULL;
    mark_used(&kernel->body);
    renumber_cells(kernel);
    int kept = 0;
    for (int i = 0; i < kernel->const_count; i++)
        if (kernel->consts[i]->user) kernel->consts[kept++] = kernel->consts[i];
    kernel->const_count = kept;
    kernel->next_id = 0;
    for (int i = 0; i < kept; i++) {
        kernel->consts[i]->id = kernel->next_id++;
        kernel->consts[i]->user = NULL;
    }
    renumber_block(&kernel->body, &kernel->next_id);
}

void rewrite_kernel(Kernel *kernel, bool (*hook)(Rewriter *, Inst *), void *user)
{
    Rewriter rw = {.old_count = kernel->next_id, .hook = hook, .user = user};
    Block old = kernel->body;
    kernel->body = (Block){NULL, 0};
    builder_init(&rw.b, kernel);
    Arena *scratch = arena_new();
    rw.map = arena_array(scratch, (size_t)rw.old_count + 1, sizeof *rw.map);
    rewrite_block(&rw, &old);
    arena_free(scratch);
    renumber(kernel);
}
