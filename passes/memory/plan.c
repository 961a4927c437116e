/* The memory plan of a stage.
 *
 * lives.c tells how long buffers live. Those whose lives overlap must not overlap in memory. Finding the smallest arena is NP-hard; first fit in a good order is
 * nearly always tight (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
 * Inference", 2020), so several orders are tried, then random swaps of the best one from a fixed
 * seed, until the lower bound is met. */
#include "passes/memory/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct Life {
    Buffer *buffer;
    int64_t bytes, offset;
    int first, last;
} Life;

typedef struct Planner {
    Arena *arena;
    Life *lives; /* of the workspace buffers, merged ones once */
    int count;
    Lives main;
    Buffer **merged; /* by buffer id: the buffer whose memory it shares, or itself */
} Planner;

static Buffer *representative(const Planner *p, Buffer *buffer)
{
    while (p->merged[buffer->id] != buffer) buffer = p->merged[buffer->id];
    return buffer;
}

static void drop_noalias(const Lives *lives, const Kernel *kernel, const Buffer *a, const Buffer *c)
{
    for (int i = 0; i < lives->count; i++) {
        const Inst *inst = lives->steps[i].inst;
        if (inst->op != LI_CALL || inst->callee != kernel) continue;
        int arg = 0;
        for (int k = 0; k < kernel->param_count; k++) {
            Param *param = kernel->params[k];
            if (param->local) continue;
            Buffer *buffer = inst->args[arg++].buffer;
            if (buffer == a || buffer == c) param->noalias = false;
        }
    }
}

static void merge_in_place(Planner *p, const InPlace *pairs, int count)
{
    for (int i = 0; i < count; i++) {
        Buffer *from = representative(p, pairs[i].from), *to = representative(p, pairs[i].to);
        int step = memory_step(&p->main, pairs[i].kernel);
        if (from == to || step < 0 || !lives_together(&p->main, step, from, to)) continue;
        if (from->last != step || to->first != step || from->max_bytes < to->max_bytes) continue;
        p->merged[to->id] = from;
        from->last = to->last;
        drop_noalias(&p->main, pairs[i].kernel, pairs[i].from, pairs[i].to);
    }
}

static bool overlap_in_time(const Life *a, const Life *c)
{
    return a->first <= c->last && c->first <= a->last;
}

/* Lowest offset for lives[k] that is clear of all already placed ones that live at the same time.
 * `placed` is sorted by offset. */
static int64_t first_fit(Life *const *placed, int count, const Life *life)
{
    int64_t at = 0;
    for (int i = 0; i < count; i++) {
        const Life *other = placed[i];
        if (!overlap_in_time(life, other) || other->offset + other->bytes <= at) continue;
        if (other->offset >= at + life->bytes) break;
        at = other->offset + other->bytes;
    }
    return at;
}

static int64_t place_in_order(Planner *p, Life *const *order, Life **placed)
{
    int64_t total = 0;
    for (int i = 0; i < p->count; i++) {
        Life *life = order[i];
        life->offset = first_fit(placed, i, life);
        int k = i;
        while (k > 0 && placed[k - 1]->offset > life->offset) {
            placed[k] = placed[k - 1];
            k--;
        }
        placed[k] = life;
        if (life->offset + life->bytes > total) total = life->offset + life->bytes;
    }
    return total;
}

static int by_size(const void *a, const void *c)
{
    const Life *x = *(Life *const *)a, *y = *(Life *const *)c;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->buffer->id - y->buffer->id;
}

static int by_area(const void *a, const void *c)
{
    const Life *x = *(Life *const *)a, *y = *(Life *const *)c;
    int64_t p = x->bytes * (x->last - x->first + 1), q = y->bytes * (y->last - y->first + 1);
    if (p != q) return p < q ? 1 : -1;
    return x->buffer->id - y->buffer->id;
}

static int by_start(const void *a, const void *c)
{
    const Life *x = *(Life *const *)a, *y = *(Life *const *)c;
    if (x->first != y->first) return x->first - y->first;
    return by_size(a, c);
}

static int by_length(const void *a, const void *c)
{
    const Life *x = *(Life *const *)a, *y = *(Life *const *)c;
    int p = x->last - x->first, q = y->last - y->first;
    if (p != q) return q - p;
    return by_size(a, c);
}

static int64_t live_bound(const Planner *p)
{
    int64_t *at = arena_array(p->arena, (size_t)p->main.count + 2, sizeof *at), live = 0, most = 0;
    for (int i = 0; i < p->count; i++) {
        at[p->lives[i].first] += p->lives[i].bytes;
        at[p->lives[i].last + 1] -= p->lives[i].bytes;
    }
    for (int i = 0; i <= p->main.count; i++) {
        live += at[i];
        if (live > most) most = live;
    }
    return most;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

typedef struct Search {
    Life **order, **placed;
    int64_t *best_offsets;
    int64_t best;
} Search;

static bool try_order(Planner *p, Search *s)
{
    int64_t total = place_in_order(p, s->order, s->placed);
    if (s->best >= 0 && total >= s->best) return false;
    s->best = total;
    for (int i = 0; i < p->count; i++) s->best_offsets[i] = p->lives[i].offset;
    return true;
}

static void improve(Planner *p, Search *s, int64_t bound)
{
    uint64_t random = 0x9e3779b97f4a7c15u;
    int64_t work = 4000000 / ((int64_t)p->count * p->count + 1);
    int tries = work > 4000 ? 4000 : (int)work;
    for (int i = 0; i < tries && s->best > bound; i++) {
        int a = (int)(next_random(&random) % (uint64_t)p->count);
        int c = (int)(next_random(&random) % (uint64_t)p->count);
        Life *kept = s->order[a];
        s->order[a] = s->order[c];
        s->order[c] = kept;
        int64_t before = s->best;
        int64_t total = place_in_order(p, s->order, s->placed);
        if (total <= before) {
            s->best = total;
            for (int k = 0; k < p->count; k++) s->best_offsets[k] = p->lives[k].offset;
        } else {
            s->order[c] = s->order[a];
            s->order[a] = kept;
        }
    }
}

static int64_t search(Planner *p, int64_t bound)
{
    static int (*const orders[])(const void *, const void *) = {by_size, by_area, by_length,
                                                                by_start};
    size_t n = (size_t)p->count;
    Search s = {arena_array(p->arena, n, sizeof(Life *)), arena_array(p->arena, n, sizeof(Life *)),
                arena_array(p->arena, n, sizeof(int64_t)), -1};
    Life **best_order = arena_array(p->arena, n, sizeof(Life *));
    for (size_t k = 0; k < sizeof orders / sizeof *orders && s.best != bound; k++) {
        for (int i = 0; i < p->count; i++) s.order[i] = &p->lives[i];
        qsort(s.order, n, sizeof *s.order, orders[k]);
        if (try_order(p, &s)) memcpy(best_order, s.order, n * sizeof *best_order);
    }
    memcpy(s.order, best_order, n * sizeof *best_order);
    if (p->count > 1) improve(p, &s, bound);
    for (int i = 0; i < p->count; i++) p->lives[i].buffer->offset = s.best_offsets[i];
    return s.best < 0 ? 0 : s.best;
}

/* Constants that no call reads, since what they hold is in the code or packed otherwise, leave the
 * program: whoever walks its buffers meets only constants that have a place. */
static void drop_unread_constants(Program *program)
{
    int kept = 0;
    for (int i = 0; i < program->buffer_count; i++) {
        Buffer *buffer = program->buffers[i];
        if (buffer->class == BUFFER_CONST && buffer->first < 0) continue;
        buffer->id = kept;
        program->buffers[kept++] = buffer;
    }
    program->buffer_count = kept;
}

static void lay_out(Program *program, BufferClass class, int64_t *total)
{
    *total = 0;
    for (int i = 0; i < program->buffer_count; i++) {
        Buffer *buffer = program->buffers[i];
        if (buffer->class != class) continue;
        buffer->offset = *total;
        *total += buffer_room(buffer->max_bytes);
    }
}

/* Lifetimes of all buffers, lives of those of the workspace. */
static Planner open_planner(Program *program, MemoryFigures *figures)
{
    Planner p = {.arena = program->arena};
    p.merged = arena_array(p.arena, (size_t)program->buffer_count, sizeof *p.merged);
    p.lives = arena_array(p.arena, (size_t)program->buffer_count, sizeof *p.lives);
    *figures = (MemoryFigures){0};
    p.main = memory_lives(program, p.arena);
    for (int i = 0; i < program->buffer_count; i++) p.merged[i] = program->buffers[i];
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class == BUFFER_WORK && buffer->first >= 0)
            figures->naive += buffer_room(buffer->max_bytes);
    }
    return p;
}

static void find_lives(Planner *p, const Program *program)
{
    for (int i = 0; i < program->buffer_count; i++) {
        Buffer *buffer = program->buffers[i];
        if (buffer->class != BUFFER_WORK || buffer->first < 0 || p->merged[i] != buffer) continue;
        p->lives[p->count++] =
            (Life){buffer, buffer_room(buffer->max_bytes), 0, buffer->first, buffer->last};
    }
}

static void finish(Program *program, const MemoryFigures *figures)
{
    program->work_bytes = figures->planned;
    drop_unread_constants(program);
    lay_out(program, BUFFER_STATE, &program->state_bytes);
    lay_out(program, BUFFER_CONST, &program->const_bytes);
}

void plan_memory(Program *program, const InPlace *in_place, int in_place_count,
                 MemoryFigures *figures)
{
    Planner p = open_planner(program, figures);
    merge_in_place(&p, in_place, in_place_count);
    find_lives(&p, program);
    figures->bound = live_bound(&p);
    figures->planned = search(&p, figures->bound);
    for (int i = 0; i < program->buffer_count; i++) {
        Buffer *buffer = program->buffers[i];
        if (buffer->class == BUFFER_WORK)
            buffer->offset = buffer->first < 0 ? 0 : representative(&p, buffer)->offset;
    }
    finish(program, figures);
}

void memory_apart(Program *program, MemoryFigures *figures)
{
    Planner p = open_planner(program, figures);
    find_lives(&p, program);
    figures->bound = live_bound(&p);
    for (int i = 0; i < p.count; i++) {
        p.lives[i].buffer->offset = figures->planned;
        figures->planned += p.lives[i].bytes;
    }
    finish(program, figures);
}
