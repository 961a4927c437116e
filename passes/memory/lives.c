/* How long buffers live, in steps of main.
 *
 * A buffer lives from its first to its last use, and where a loop is entered between two of its uses
 * or holds only some of them, through the whole loop. One that is used inside a loop alone, and is
 * overwritten in each iteration before it is read, lives within one iteration and shares its memory
 * with others of that iteration; where that is not certain, what it holds may be meant for the next
 * iteration, and it lives as long as the outermost loop around it. */
#include "passes/memory/memory.h"

typedef struct Uses {
    int *steps, count; /* ascending */
} Uses;

typedef struct Living {
    const Program *program;
    Arena *arena;
    const MainStep *steps;
    int count;
    Uses *uses; /* by buffer id */
} Living;

/* A block of main: that of step `parent`. */
typedef struct BlockPlace {
    int parent;
    bool in_els;
} BlockPlace;

static BlockPlace block_of(const Living *l, int step)
{
    return (BlockPlace){l->steps[step].parent, l->steps[step].in_els};
}

static bool same_block(BlockPlace a, BlockPlace c)
{
    return a.parent == c.parent && (a.parent < 0 || a.in_els == c.in_els);
}

/* Is a step in the block, or in one that is nested in it? */
static bool block_has(const Living *l, BlockPlace block, int step)
{
    while (step >= 0 && !same_block(block_of(l, step), block)) step = l->steps[step].parent;
    return step >= 0;
}

/* The innermost block around all uses. */
static BlockPlace common_block(const Living *l, const Uses *uses)
{
    BlockPlace block = block_of(l, uses->steps[0]);
    for (int i = 1; i < uses->count; i++) {
        while (!block_has(l, block, uses->steps[i])) block = block_of(l, block.parent);
    }
    return block;
}

/* ---- Overwritten before it is read? ---- */

static bool mentions(const Size *size, const bool *symbols)
{
    if (!size || size->kind == SIZE_CONST) return false;
    if (size->kind == SIZE_SYM) return symbols[size->sym];
    return mentions(size->a, symbols) || mentions(size->b, symbols);
}

/* A call that writes the buffer and reads nothing of it; what part of it is written does not change
 * from one iteration to the next. */
static bool overwrites(const Inst *call, const Buffer *buffer, const bool *changing)
{
    if (call->op != LI_CALL) return false;
    const Kernel *kernel = call->callee;
    for (int i = 0, arg = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        if (param->local) continue;
        const CallArg *given = &call->args[arg++];
        if (given->buffer != buffer) continue;
        if (param->is_read || mentions(given->offset, changing)) return false;
    }
    for (int i = 0; i < kernel->const_count; i++) {
        if (mentions(kernel->consts[i]->size, changing)) return false;
    }
    return true;
}

static int outermost_loop(const Living *l, int loop)
{
    while (l->steps[loop].loop >= 0) loop = l->steps[loop].loop;
    return loop;
}

static bool starts_anew(const Living *l, const Buffer *buffer, BlockPlace block, int loop)
{
    int first = l->uses[buffer->id].steps[0];
    if (!same_block(block_of(l, first), block)) return false;
    size_t symbols = (size_t)sizes_symbol_count(l->program->sizes) + 1;
    bool *changing = arena_array(l->arena, symbols, sizeof *changing);
    const Inst *outer = l->steps[outermost_loop(l, loop)].inst;
    block_sets(&outer->body, changing);
    changing[outer->sym] = true;
    return overwrites(l->steps[first].inst, buffer, changing);
}

/* ---- Lives ---- */

static void cover(Buffer *buffer, int first, int last)
{
    if (buffer->first < 0 || first < buffer->first) buffer->first = first;
    if (last > buffer->last) buffer->last = last;
}

/* A use covers the loops between it and the block. A loop's condition is used in each iteration. */
static void cover_use(const Living *l, Buffer *buffer, int step, BlockPlace block)
{
    cover(buffer, step, l->steps[step].inst->op == LI_FOR ? l->steps[step].end - 1 : step);
    while (!same_block(block_of(l, step), block)) {
        step = l->steps[step].parent;
        if (l->steps[step].inst->op == LI_FOR) cover(buffer, step, l->steps[step].end - 1);
    }
}

/* Returns the loop within one iteration of which the buffer lives, -1: none. */
static int find_life(const Living *l, Buffer *buffer)
{
    const Uses *uses = &l->uses[buffer->id];
    if (!uses->count) return -1;
    BlockPlace block = common_block(l, uses);
    for (int i = 0; i < uses->count; i++) cover_use(l, buffer, uses->steps[i], block);
    int loop = l->steps[uses->steps[0]].loop;
    while (loop >= 0 && (loop > block.parent)) loop = l->steps[loop].loop;
    if (loop < 0 || starts_anew(l, buffer, block, loop)) return loop;
    loop = outermost_loop(l, loop);
    cover(buffer, loop, l->steps[loop].end - 1);
    return -1;
}

static void find_uses(Living *l)
{
    for (int i = 0; i < l->count; i++) {
        const Inst *inst = l->steps[i].inst;
        for (int k = 0; k < inst->arg_count; k++) {
            Uses *uses = &l->uses[inst->args[k].buffer->id];
            if (uses->count && uses->steps[uses->count - 1] == i) continue;
            arena_push(l->arena, uses->steps, uses->count) = i;
        }
    }
}

Lives memory_lives(Program *program, Arena *arena)
{
    Lives lives = {0};
    size_t buffers = (size_t)program->buffer_count + 1;
    lives.count = main_steps(program, arena, &lives.steps);
    lives.loop = arena_array(arena, buffers, sizeof *lives.loop);
    Living l = {program, arena, lives.steps, lives.count, NULL};
    l.uses = arena_array(arena, buffers, sizeof *l.uses);
    for (int i = 0; i < program->buffer_count; i++) program->buffers[i]->id = i;
    find_uses(&l);
    for (int i = 0; i < program->buffer_count; i++) {
        Buffer *buffer = program->buffers[i];
        buffer->first = buffer->last = -1;
        buffer->max_bytes =
            size_upper(program->sizes, buffer->elements) * (int64_t)dtype_size(buffer->dtype);
        lives.loop[i] = find_life(&l, buffer);
    }
    return lives;
}

int memory_step(const Lives *lives, const Kernel *kernel)
{
    for (int i = 0; i < lives->count; i++) {
        const Inst *inst = lives->steps[i].inst;
        if (inst->op == LI_CALL && inst->callee == kernel) return i;
    }
    return -1;
}

bool lives_together(const Lives *lives, int step, const Buffer *from, const Buffer *to)
{
    int loop = lives->steps[step].loop;
    return lives->loop[from->id] == loop && lives->loop[to->id] == loop;
}
