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

/* One more stacked output. */
static Tensor *stack(Call *call, Growth *growth, Tensor *each, int64_t axis)
{
    Import *im = call->im;
    Node *leave = growth->enter->body->leave;
    int carried = growth->enter->in_count - 2, scans = leave->in_count - 1 - carried;
    const int64_t *given;
    bool had = node_ints(leave, "axes", &given) > 0;
    int64_t *axes = arena_array(im->arena, (size_t)scans + 1, sizeof *axes);
    for (int i = 0; i < scans; i++) axes[i] = had ? given[i] : 0;
    axes[scans] = axis;
    const char *name = arena_printf(im->arena, "%s.appended", growth->name);
    Tensor *out = graph_tensor(im->graph, name, DT_NONE, -1, NULL);
    out->producer = leave;
    append(im->arena, &leave->in, &leave->in_count, each);
    append(im->arena, &leave->out, &leave->out_count, out);
    node_set_ints(im->graph, leave, "axes", scans + 1, axes);
    return out;
}

Tensor *growth_join(Call *call, Growth *growth, int64_t axis, bool new_axis)
{
    Call inner = inside(call, growth);
    bool single = growth->part_count == 1 && growth->parts[0].kind == PART_ONE;
    if (single)
        return stack(call, growth, growth->parts[0].tensor,
                     axis < 0 && !new_axis ? axis - 1 : axis);
    Tensor *each = parts_join(&inner, growth->parts, growth->part_count, axis, new_axis);
    return each ? stack(call, growth, each, axis < 0 ? axis - 1 : axis) : NULL;
}

Tensor *growth_trips(Call *call, Growth *growth)
{
    Tensor *numbers = stack(call, growth, growth->enter->out[0], 0);
    Tensor *shape = call_make(call, OP_SHAPE, numbers, NULL, NULL);
    return call_make(call, OP_SQUEEZE, shape, NULL, NULL);
}

/* ---- The last elements ---- */

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
    return LPC_OK;
}
