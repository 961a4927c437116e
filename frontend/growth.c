/* Sequences that grow in a loop.
 *
 *     ys = Loop(m, c, []) {body(i, c_in, s): s_out = SequenceInsert(s, F(i))};  y = ConcatFromSequence(ys)
 *
 * becomes a stacked output of the loop, made when something reads the sequence:
 *
 *     i = lpc.LoopEnter (m, c);  t = F(i);  all = lpc.LoopLeave (c_in, t);  y = Reshape(all, ..)
 *
 * The body may read the last elements that there were before it: these are carried. */
#include "frontend/value.h"

/* A call that emits at the end of the loop's body, which is finished. */
static Call inside(const Call *call, const Growth *growth)
{
    Call inner = *call;
    inner.scope = growth->scope;
    inner.before = growth->enter->body->leave;
    return inner;
}

static void append(Arena *arena, Tensor ***list, int *count, Tensor *tensor)
{
    *list = arena_grow(arena, *list, (size_t)*count, (size_t)*count + 1, sizeof **list);
    (*list)[(*count)++] = tensor;
}

/* One more stacked output, along a new axis 0. */
static Tensor *stack(Call *call, Growth *growth, Tensor *each)
{
    Import *im = call->im;
    Node *leave = growth->enter->body->leave;
    const char *name = arena_printf(im->arena, "%s.appended", growth->name);
    Tensor *out = graph_tensor(im->graph, name, DT_NONE, -1, NULL);
    out->producer = leave;
    append(im->arena, &leave->in, &leave->in_count, each);
    append(im->arena, &leave->out, &leave->out_count, out);
    return out;
}

/* ---- Elements of other sizes in each iteration ---- */

/* An empty tensor to append to along the axis, NULL where another size is not known. */
static Tensor *empty_like(Import *im, const Known *each, int64_t axis)
{
    int64_t dims[MAX_RANK];
    if (each->rank < 0 || axis < 0 || axis >= each->rank) return NULL;
    for (int i = 0; i < each->rank; i++) {
        dims[i] = i == axis ? 0 : each->dims[i];
        if (dims[i] < 0) return NULL;
    }
    return graph_const(im->graph, NULL, each->dtype, each->rank, dims, "");
}

static void insert(Arena *arena, Tensor ***list, int *count, int at, Tensor *tensor)
{
    append(arena, list, count, tensor);
    for (int i = *count - 1; i > at; i--) (*list)[i] = (*list)[i - 1];
    (*list)[at] = tensor;
}

static Tensor *carry(Import *im, Growth *growth, Tensor *first)
{
    Node *enter = growth->enter;
    const char *name = arena_printf(im->arena, "%s.last", growth->name);
    Tensor *out = graph_tensor(im->graph, name, DT_NONE, -1, NULL);
    out->producer = enter;
    append(im->arena, &enter->in, &enter->in_count, first);
    append(im->arena, &enter->out, &enter->out_count, out);
    return out;
}

/* Elements that cannot be stacked grow into a tensor that the loop carries. */
static Tensor *accumulate(Call *call, Growth *growth, Tensor *each, int64_t axis)
{
    Import *im = call->im;
    Node *leave = growth->enter->body->leave;
    Known known;
    known_of(im, each, &known);
    Tensor *first = empty_like(im, &known, axis < 0 ? axis + known.rank : axis);
    if (!first) return NULL;
    Call inner = inside(call, growth);
    int carried = growth->enter->in_count - 2;
    Tensor *next = call_make(&inner, OP_CONCAT, carry(im, growth, first), each, NULL);
    node_set_int(im->graph, call_last(&inner), "axis", axis);
    const char *name = arena_printf(im->arena, "%s.appended", growth->name);
    Tensor *out = graph_tensor(im->graph, name, DT_NONE, -1, NULL);
    out->producer = leave;
    insert(im->arena, &leave->in, &leave->in_count, 1 + carried, next);
    insert(im->arena, &leave->out, &leave->out_count, carried, out);
    return out;
}

/* ---- All that it appends ---- */

/* Stacked before axis 0 and moved: where an iteration's elements lie must not depend on how many iterations
 * there will be. */
static Tensor *stack_at(Call *call, Growth *growth, Tensor *each, int64_t axis)
{
    Known known;
    Tensor *all = stack(call, growth, each);
    if (!axis) return all;
    known_of(call->im, all, &known);
    if (known.rank < 0) return all; /* the loop is wrong, as will be told */
    return parts_move_axis(call, all, known.rank, 0, axis < 0 ? axis + known.rank : axis);
}

static bool can_stack(Call *call, Growth *growth, Tensor *each)
{
    Node *leave = growth->enter->body->leave;
    Known known;
    known_of(call->im, stack(call, growth, each), &known);
    leave->in_count--;
    leave->out_count--;
    return known.rank >= 0;
}

Tensor *growth_concat(Call *call, Growth *growth, int64_t axis)
{
    Call inner = inside(call, growth);
    Tensor *each = parts_join(&inner, growth->parts, growth->part_count, axis, false);
    if (!each || can_stack(call, growth, each)) return NULL;
    return accumulate(call, growth, each, axis);
}

Tensor *growth_join(Call *call, Growth *growth, int64_t axis, bool new_axis)
{
    Call inner = inside(call, growth);
    bool single = growth->part_count == 1 && growth->parts[0].kind == PART_ONE;
    int64_t before = axis < 0 && !(single && new_axis) ? axis - 1 : axis;
    Tensor *each = single ? growth->parts[0].tensor
                          : parts_join(&inner, growth->parts, growth->part_count, axis, new_axis);
    return each ? stack_at(call, growth, each, before) : NULL;
}

Tensor *growth_trips(Call *call, Growth *growth)
{
    Tensor *numbers = stack(call, growth, growth->enter->out[0]);
    Tensor *shape = call_make(call, OP_SHAPE, numbers, NULL, NULL);
    return call_make(call, OP_SQUEEZE, shape, NULL, NULL);
}

/* ---- The last elements ---- */

Tensor *growth_last(Call *call, Growth *growth, int64_t back)
{
    const Value *first = growth->first;
    for (int64_t k = growth->last_count + 1; k <= back; k++) {
        int at = first->part_count - (int)k;
        if (at < 0 || first->parts[at].kind != PART_ONE) {
            call_fail(call,
                      "position -%lld is outside of what the sequence has before the loop '%s'",
                      (long long)back, growth->name);
            return NULL;
        }
        Tensor *last = carry(call->im, growth, first->parts[at].tensor);
        arena_push(call->im->arena, growth->last, growth->last_count) = last;
    }
    return growth->last[back - 1];
}

/* ---- All elements so far ---- */

int growth_all(Call *call, Growth *growth, Part *all)
{
    Known known;
    if (!growth->all) {
        Value *first = growth->first;
        if (value_is_list(first) && !first->part_count)
            return call_fail(
                call,
                "reads all of a sequence to which the loop '%s' still appends, and which "
                "is empty before it; that is not supported",
                growth->name);
        Tensor *before = value_whole(call, first);
        if (!before) return LPC_ERROR;
        known_of(call->im, before, &known);
        growth->all_rank = known.rank > 0 ? known.rank : 0;
        growth->all = carry(call->im, growth, before);
    }
    *all = (Part){.kind = PART_SLICES, .tensor = growth->all, .rank = growth->all_rank};
    return LPC_OK;
}

static Tensor *append_all(Call *call, const Growth *growth)
{
    Tensor *more = parts_join(call, growth->parts, growth->part_count, 0, true);
    Tensor *all = more ? call_make(call, OP_CONCAT, growth->all, more, NULL) : NULL;
    if (all) node_set_int(call->im->graph, call_last(call), "axis", 0);
    return all;
}

int growth_close(Call *call, Growth *growth, const Value *result, Tensor **next)
{
    growth->parts = result->parts;
    growth->part_count = result->part_count;
    for (int k = 0; k < growth->last_count; k++) {
        int at = result->part_count - 1 - k;
        if (at >= 0 && result->parts[at].kind != PART_ONE)
            return call_fail(call, "reads the last element of a sequence to which an inner loop "
                                   "appends; that is not supported");
        next[k] = at >= 0 ? result->parts[at].tensor : growth->last[-at - 1];
    }
    if (!growth->all) return LPC_OK;
    next[growth->last_count] = append_all(call, growth);
    return next[growth->last_count] ? LPC_OK : LPC_ERROR;
}
