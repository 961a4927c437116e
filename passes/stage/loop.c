/* Loops of a stage: what stands around a body's kernels.
 *
 *     lpc.LoopEnter       copies of the first values; loop {  iteration := trips
 *       the body            kernels
 *     lpc.LoopLeave         copies of the next values; sizes of the next values
 *                         }  copies of the last values
 *
 * A carried value has memory of its own, over all iterations, at the strides of its bound when its
 * sizes change. What the body makes for the next iteration is copied there at the iteration's end,
 * unless it was made there; a stacked output's slice likewise. All copies that read what another
 * carried value holds come before that is written. */
#include "passes/stage/loop.h"

#include <string.h>

enum { RUN_BOUND = 1 };

/* ---- Copies ---- */

static int copy(Lower *lw, const Node *of, const char *what, int i, Tensor *from, Tensor *to)
{
    Node *node = arena_alloc(lw->arena, sizeof *node);
    const char *name = of->body->enter->name;
    node->id = of->id;
    node->op = OP_COPY;
    node->name = arena_printf(lw->arena, "%s_%s%d", name, what, i);
    node->origin = of->origin;
    node->in = arena_array(lw->arena, 1, sizeof *node->in);
    node->out = arena_array(lw->arena, 1, sizeof *node->out);
    node->in[0] = from;
    node->out[0] = to;
    node->in_count = node->out_count = 1;
    return lower_node(lw, node);
}

static bool same_place(const Lower *lw, const Tensor *a, const Tensor *c)
{
    return place_same(&lw->places[a->id], &lw->places[c->id], c);
}

/* ---- Enter ---- */

/* The limit is max(0, in[0]); over its bound the run ends. */
static void read_limit(Lower *lw, Node *enter, const LoopCount *count)
{
    Builder *b = &lw->b;
    int sym = count->limit->sym;
    Inst *idx[MAX_RANK] = {0};
    lw->node = enter;
    lower_begin(lw, "limit");
    Inst *given = kb_cast(b, DT_I64, lower_load(lw, enter->in[0], idx));
    Inst *limit = kb_op(b, LI_MAX, given, kb_i64(b, 0));
    int64_t most = sizes_symbol_at(lw->sizes, sym)->max;
    if (most < LOOP_UNBOUNDED) {
        kb_if(b, kb_op(b, LI_GT, limit, kb_i64(b, most)));
        kb_fail(b, RUN_BOUND);
        kb_end(b);
        kb_setsym(b, sym, limit);
    } else {
        kb_setsym(b, sym, kb_op(b, LI_MIN, limit, kb_i64(b, most)));
    }
    lower_end(lw);
}

static int copy_first(Lower *lw, Node *enter)
{
    TRY(loop_set_sizes(lw, enter, enter->in + 2));
    for (int i = 0; i < enter->in_count - 2; i++) {
        Tensor *from = enter->in[2 + i], *to = enter->out[2 + i];
        if (to && !same_place(lw, from, to)) TRY(copy(lw, enter, "first", i, from, to));
    }
    return 0;
}

/* At most so many iterations: what is known, but no more than there is room for. */
static const Size *most_trips(const Lower *lw, const LoopCount *count)
{
    int64_t most = sizes_symbol_at(lw->sizes, count->counter)->max;
    return most < LOOP_UNBOUNDED ? size_min(lw->sizes, count->limit, size_const(lw->sizes, most))
                                 : count->limit;
}

/* The kernel that stores the iteration number for those that read it from memory. */
static int store_iteration(Lower *lw, const Node *enter)
{
    Node node = {.id = enter->id, .op = OP_VALUES, .origin = enter->origin};
    node.name = arena_printf(lw->arena, "%s_iteration", enter->name);
    node.out = &enter->out[0];
    node.out_count = 1;
    return lower_node(lw, &node);
}

int loop_open(Lower *lw, Node *enter, bool reads_iteration, Block **inside)
{
    LoopCount count;
    Buffer *cond = NULL;
    loop_count(lw->graph, enter, &count);
    if (count.iteration->kind == SIZE_SYM)
        main_set(lw->program, lw->main, count.iteration->sym, size_const(lw->sizes, 0));
    TRY(copy_first(lw, enter));
    if (count.limit_is_read) read_limit(lw, enter, &count);
    if (count.has_cond) {
        TRY(copy(lw, enter, "cond", 0, enter->in[1], enter->out[1]));
        cond = lw->places[enter->out[1]->id].buffer;
    }
    const Size *most = most_trips(lw, &count);
    Inst *loop = main_loop(lw->program, lw->main, count.counter, most, cond);
    *inside = lw->main = &loop->body;
    if (count.iteration->kind == SIZE_SYM)
        main_set(lw->program, lw->main, count.iteration->sym, size_sym(lw->sizes, count.counter));
    return reads_iteration ? store_iteration(lw, enter) : 0;
}

/* ---- Leave ---- */

static int copy_slices(Lower *lw, const Node *leave, int carried)
{
    for (int i = carried; i < leave->out_count; i++) {
        Tensor *from = leave->in[1 + i];
        Place place;
        if (!leave->out[i]) continue;
        place_of_slice(lw, leave, i - carried, &place);
        if (place_same(&lw->places[from->id], &place, from)) continue;
        Tensor *to =
            place_alias(lw, from, arena_printf(lw->arena, "%s.slice", leave->out[i]->name), &place);
        TRY(copy(lw, leave, "slice", i - carried, from, to));
    }
    return 0;
}

/* Does it lie where another carried value of the loop does? */
static bool reads_carried(const Lower *lw, const Node *enter, const Tensor *tensor)
{
    const Buffer *buffer = lw->places[tensor->id].buffer;
    for (int i = 1; i < enter->out_count && buffer; i++) {
        if (enter->out[i] && lw->places[enter->out[i]->id].buffer == buffer) return true;
    }
    return false;
}

/* Copies what lies in another carried value's memory out of the way. */
static int move_away(Lower *lw, const Node *leave, int i, Tensor **from)
{
    Place place = {0};
    const char *name = arena_printf(lw->arena, "%s_kept%d", leave->body->enter->name, i);
    place.buffer = program_buffer(lw->program, name, BUFFER_WORK, (*from)->dtype,
                                  tensor_elements(lw->sizes, *from));
    Tensor *to = place_alias(lw, *from, name, &place);
    place_row_major(lw, to, &lw->places[to->id]);
    TRY(copy(lw, leave, "kept", i, *from, to));
    *from = to;
    return 0;
}

/* in[i] is for out[1 + i] of the enter node; the condition is the first one. */
static int copy_next(Lower *lw, const Node *leave, const LoopCount *count)
{
    const Node *enter = leave->body->enter;
    int total = enter->in_count - 1;
    Tensor **from = arena_array(lw->arena, (size_t)total, sizeof *from);
    for (int i = count->has_cond ? 0 : 1; i < total; i++) {
        Tensor *to = enter->out[1 + i];
        if (!to || !leave->in[i] || same_place(lw, leave->in[i], to)) continue;
        from[i] = leave->in[i];
        if (reads_carried(lw, enter, from[i])) TRY(move_away(lw, leave, i, &from[i]));
    }
    for (int i = 0; i < total; i++) {
        if (!from[i]) continue;
        /* the next value's sizes, in the carried value's memory */
        Tensor *to =
            place_alias(lw, from[i], enter->out[1 + i]->name, &lw->places[enter->out[1 + i]->id]);
        TRY(copy(lw, leave, "next", i, from[i], to));
    }
    return 0;
}

static int copy_last(Lower *lw, const Node *leave, int carried)
{
    for (int i = 0; i < carried; i++) {
        Tensor *to = leave->out[i];
        const Tensor *now = leave->body->enter->out[2 + i];
        if (!to || !now || same_place(lw, now, to)) continue;
        Tensor *from = place_alias(lw, to, now->name, &lw->places[now->id]);
        TRY(copy(lw, leave, "last", i, from, to));
    }
    return 0;
}

/* A loop that stopped for want of room, not because it was done, ends the run. */
static void check_stopped(Lower *lw, Node *leave, const LoopCount *count)
{
    Builder *b = &lw->b;
    Node *enter = leave->body->enter;
    int64_t most = sizes_symbol_at(lw->sizes, count->counter)->max;
    if (!count->has_cond || most >= LOOP_UNBOUNDED || size_upper(lw->sizes, count->limit) <= most)
        return;
    Inst *idx[MAX_RANK] = {0};
    lw->node = leave;
    lower_begin(lw, "stopped");
    Inst *all = kb_op(b, LI_GE, kb_size(b, size_sym(lw->sizes, count->counter)), kb_i64(b, most));
    Inst *more = kb_op(b, LI_GT, kb_size(b, count->limit), kb_i64(b, most));
    Inst *wants = kb_cast(b, DT_BOOL, lower_load(lw, enter->out[1], idx));
    kb_if(b, kb_op(b, LI_AND, all, kb_op(b, LI_AND, more, wants)));
    kb_fail(b, RUN_BOUND);
    kb_end(b);
    lower_end(lw);
}

int loop_close(Lower *lw, Node *leave, Block *outside)
{
    int carried = leave->body->enter->in_count - 2;
    LoopCount count;
    loop_count(lw->graph, leave->body->enter, &count);
    TRY(copy_slices(lw, leave, carried));
    TRY(copy_next(lw, leave, &count));
    TRY(loop_set_sizes(lw, leave->body->enter, leave->in + 1));
    lw->main = outside;
    check_stopped(lw, leave, &count);
    return copy_last(lw, leave, carried);
}
