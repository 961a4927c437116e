/* Places of what loops carry and stack.
 *
 * A carried value has one place from before the loop until after it, and the last value is where the
 * carried one is. When its sizes change, it lies at the strides of its bound, so that a Concat onto it
 * appends. A stacked output's slice is made right in it. */
#include "passes/stage/loop.h"

#include <string.h>

static bool same_sizes(const Tensor *a, const Tensor *c)
{
    if (a->rank != c->rank) return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != c->dims[i]) return false;
    }
    return true;
}

static Tensor *next_of(const Node *enter, int i)
{
    return enter->body->leave->in[1 + i];
}

/* A carried value of changing sizes: room for the largest, as it enters or as the body makes it. */
static void place_growing(Lower *lw, const Tensor *now, const Tensor *next, const Tensor *first)
{
    Place *place = &lw->places[now->id];
    int64_t count = 1;
    place->offset = size_const(lw->sizes, 0);
    for (int i = now->rank - 1; i >= 0; i--) {
        int64_t most = size_upper(lw->sizes, now->dims[i]);
        int64_t a = size_upper(lw->sizes, next->dims[i]), c = size_upper(lw->sizes, first->dims[i]);
        if (a > most) most = a;
        if (c > most) most = c;
        place->stride[i] = size_const(lw->sizes, count * dtype_cells(now->dtype));
        count *= most;
    }
    place->buffer = program_buffer(lw->program, now->name, BUFFER_WORK, now->dtype,
                                   size_const(lw->sizes, count));
    place->buffer->tensor = now->id;
}

static bool grows(const Node *enter, int i)
{
    const Tensor *now = enter->out[2 + i];
    return !same_sizes(now, next_of(enter, i)) || !same_sizes(now, enter->in[2 + i]);
}

/* The body appends to what it carries: in place. */
static void place_append(Lower *lw, const Tensor *now, const Tensor *next, const bool *leaves)
{
    const Node *maker = next->producer;
    if (!maker || maker->op != OP_CONCAT || maker->in[0] != now || node_result(maker) != next)
        return;
    if (maker->epilogue_count || leaves[next->id] || lw->places[next->id].buffer) return;
    for (int i = 1; i < maker->in_count; i++) {
        if (maker->in[i] == now) return;
    }
    lw->places[next->id] = lw->places[now->id];
}

static void place_carried(Lower *lw, const Node *enter, int i)
{
    const Tensor *now = enter->out[2 + i], *after = enter->body->leave->out[i];
    if (!now || lw->places[now->id].buffer) return;
    if (grows(enter, i)) {
        place_growing(lw, now, next_of(enter, i), enter->in[2 + i]);
        return;
    }
    if (after && lw->places[after->id].buffer && same_sizes(now, after))
        lw->places[now->id] = lw->places[after->id];
    else
        place_whole(lw, now, BUFFER_WORK, 0);
}

/* ---- Slices ---- */

static int64_t way_of(const Node *leave, const char *name, int scan)
{
    const int64_t *values;
    return node_ints(leave, name, &values) ? values[scan] : 0;
}

void place_of_slice(Lower *lw, const Node *leave, int scan, Place *place)
{
    int carried = leave->body->enter->in_count - 2;
    const Tensor *out = leave->out[carried + scan];
    const Place *whole = &lw->places[out->id];
    int64_t axis = way_of(leave, "axes", scan);
    LoopCount count;
    loop_count(lw->graph, leave->body->enter, &count);
    if (axis < 0) axis += out->rank;
    const Size *at = count.iteration;
    if (way_of(leave, "reverse", scan)) {
        const Size *last = size_addi(lw->sizes, count.trips, -1);
        at = size_sub(lw->sizes, last, at);
    }
    *place = *whole;
    place->offset =
        size_add(lw->sizes, whole->offset, size_mul(lw->sizes, at, whole->stride[axis]));
    for (int i = (int)axis; i + 1 < out->rank; i++) place->stride[i] = whole->stride[i + 1];
}

static bool can_be_slice(const Lower *lw, const Node *leave, const Tensor *each, const Tensor *out,
                         const bool *here, const bool *leaves)
{
    const Node *maker = each->producer;
    if (!maker || !here[each->id] || leaves[each->id] || lw->places[each->id].buffer) return false;
    if (maker->body || maker->op == OP_PHI || !region_same(maker->region, leave->body))
        return false;
    if (op_info(maker->op)->is_view && !maker->epilogue_count) return false;
    return !each->is_inlined && !each->has_order && !out->has_order && each->dtype == out->dtype;
}

void place_loop_sources(Lower *lw, const Node *leave, const bool *here, const bool *leaves)
{
    const Node *enter = leave->body->enter;
    int carried = enter->in_count - 2;
    for (int i = carried; i < leave->out_count; i++) {
        Tensor *out = leave->out[i], *each = leave->in[1 + i];
        if (!out) continue;
        if (!lw->places[out->id].buffer) place_whole(lw, out, BUFFER_WORK, 0);
        if (can_be_slice(lw, leave, each, out, here, leaves))
            place_of_slice(lw, leave, i - carried, &lw->places[each->id]);
    }
    for (int i = 0; i < carried; i++) {
        const Tensor *now = enter->out[2 + i];
        place_carried(lw, enter, i);
        if (now && grows(enter, i)) place_append(lw, now, next_of(enter, i), leaves);
    }
}

void place_loop_outputs(Lower *lw, const Node *node)
{
    const Node *enter = node->body->enter, *leave = node->body->leave;
    int carried = enter->in_count - 2;
    for (int i = 0; i < carried; i++) {
        place_carried(lw, enter, i);
        const Tensor *now = enter->out[2 + i], *after = leave->out[i];
        if (node == leave && now && after && !lw->places[after->id].buffer)
            lw->places[after->id] = lw->places[now->id];
    }
    for (int i = 0; i < node->out_count; i++) {
        const Tensor *out = node->out[i];
        if (out && !lw->places[out->id].buffer) place_whole(lw, out, BUFFER_WORK, 0);
    }
}
