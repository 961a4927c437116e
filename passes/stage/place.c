/* Places: where each tensor of a stage lies.
 *
 * Backwards first: a concatenation gives its inputs a part of its own memory, and a reshape that
 * leaves the stage gives its source the outgoing buffer, so both cost no copy. Then forwards: a
 * reshape, transpose, slice, split or expand becomes another view of its source's memory when
 * strides can say it. Whatever is left gets a workspace buffer of its own.
 *
 * How an output lies in its source's memory is its operator's rule (views.c). That inputs can lie in
 * an output's memory is about Concat alone (and about TensorScatter, for a cache that is state); a Phi's
 * can not, since both sides would. */
#include "passes/stage/loop.h"
#include "passes/stage/views.h"

#include <string.h>

typedef struct Placing {
    Lower *lw;
    const Stage *stage;
    bool *here;   /* by tensor id: made by a node of this stage */
    bool *leaves; /* by tensor id: in the out contract */
} Placing;

static const Size *zero(Lower *lw)
{
    return size_const(lw->sizes, 0);
}

/* Is `out` state `in` with something appended, or written into it where nobody reads the old one? Then the
 * result is the same memory, and only the new part is written. */
static bool renews_in_place(const Lower *lw, const Tensor *in, const Tensor *out)
{
    const Node *maker = out->producer;
    if (!maker || maker->in_count < 2 || maker->in[0] != in || node_result(maker) != out)
        return false;
    if (maker->op == OP_CONCAT) return true;
    return maker->op == OP_TENSOR_SCATTER && graph_uses(lw->graph, in) == 1;
}

/* State lies at the strides of its bounds, so that appending moves nothing. */
static void place_state(Lower *lw, const StatePair *pair)
{
    const Tensor *out = pair->out, *in = pair->in;
    Place *place = &lw->places[in->id];
    int64_t count = 1;
    const Size *stride[MAX_RANK];
    for (int i = in->rank - 1; i >= 0; i--) {
        int64_t a = size_upper(lw->sizes, in->dims[i]), c = size_upper(lw->sizes, out->dims[i]);
        stride[i] = size_const(lw->sizes, count * dtype_cells(in->dtype));
        count *= a > c ? a : c;
    }
    place->buffer = program_buffer(lw->program, in->name, BUFFER_STATE, in->dtype,
                                   size_const(lw->sizes, count));
    place->offset = zero(lw);
    memcpy(place->stride, stride, sizeof stride);
    if (renews_in_place(lw, in, out)) lw->places[out->id] = *place;
}

static bool is_view(const Node *node)
{
    return op_info(node->op)->is_view && node->epilogue_count == 0;
}

static bool same_order(const Tensor *a, const Tensor *c)
{
    for (int i = 0; i < a->rank; i++) {
        int p = a->has_order ? a->order[i] : i, q = c->has_order ? c->order[i] : i;
        if (p != q) return false;
    }
    return true;
}

static bool can_share_concat(const Placing *p, const Node *concat, int k)
{
    const Tensor *in = concat->in[k], *out = node_result(concat);
    if (!p->here[in->id] || p->leaves[in->id] || p->lw->places[in->id].buffer) return false;
    if (in->is_inlined || in->is_state_out || in->dtype != out->dtype) return false;
    const Node *maker = in->producer;
    if (is_view(maker) || maker->op == OP_PHI || !region_same(maker->region, concat->region))
        return false;
    for (int i = 0; i < concat->in_count; i++) {
        if (i != k && concat->in[i] == in) return false;
    }
    return same_order(in, out);
}

static void share_concat(Placing *p, const Node *concat)
{
    Lower *lw = p->lw;
    const Tensor *out = node_result(concat);
    if (concat->epilogue_count) return;
    Place *whole = &lw->places[out->id];
    if (!whole->buffer) place_whole(lw, out, BUFFER_WORK, 0);
    int axis = (int)node_int(concat, "axis");
    const Size *at = zero(lw);
    for (int k = 0; k < concat->in_count; k++) {
        const Tensor *in = concat->in[k];
        if (can_share_concat(p, concat, k)) {
            Place part = *whole;
            const Size *skip = size_mul(lw->sizes, at, whole->stride[axis]);
            part.offset = size_add(lw->sizes, whole->offset, skip);
            lw->places[in->id] = part;
        }
        at = size_add(lw->sizes, at, in->dims[axis]);
    }
}

bool place_sends_source(const Node *node)
{
    if (!(op_info(node->op)->traits & T_RESHAPES) || node->epilogue_count ||
        node->out[0]->has_order)
        return false;
    const Tensor *in = node->in[0];
    if (!in->producer || in->data || in->is_inlined || in->has_order || in->is_state_out)
        return false;
    return !is_view(in->producer) && region_same(node->region, in->producer->region);
}

/* The source of a reshape that leaves the stage is made right in the outgoing buffer. */
static void share_outgoing(Placing *p, const Node *node)
{
    Lower *lw = p->lw;
    if (!place_sends_source(node) || !p->leaves[node->out[0]->id]) return;
    const Tensor *out = node->out[0], *in = node->in[0];
    if (!p->here[in->id] || p->leaves[in->id] || lw->places[in->id].buffer) return;
    Place *place = &lw->places[in->id];
    place->buffer = lw->places[out->id].buffer;
    place->offset = zero(lw);
    place_dense(lw, in, place->stride);
}

/* ---- Views ---- */

static bool view_place(const Placing *p, const Node *node, int k, Place *place)
{
    Lower *lw = p->lw;
    const Tensor *in = node->in[0], *out = node->out[k];
    if (in->is_inlined || in->dtype != out->dtype || p->lw->target->plain) return false;
    if (place_is_packed(in)) return false;
    const Place *from = lower_place(lw, in);
    if (!from->buffer) return false;
    *place = *from;
    return view_rules[node->op].view(lw, node, k, from, place);
}

static void place_outputs(Placing *p, const Node *node)
{
    Lower *lw = p->lw;
    if (node->body) {
        place_loop_outputs(lw, node);
        return;
    }
    for (int k = 0; k < node->out_count; k++) {
        const Tensor *out = k == 0 ? node_result(node) : node->out[k];
        if (!out) continue;
        Place *place = &lw->places[out->id], view;
        bool viewed = is_view(node) && view_place(p, node, k, &view);
        if (viewed && !place->buffer) *place = view;
        lw->viewed[out->id] = viewed && place_same(&view, place, out);
        if (!place->buffer) place_whole(lw, out, BUFFER_WORK, 0);
    }
}

void stage_places(Lower *lw, const Stage *stage)
{
    size_t tensors = (size_t)lw->graph->tensor_count;
    Placing p = {lw, stage, arena_array(lw->arena, tensors, 1), arena_array(lw->arena, tensors, 1)};
    for (int i = 0; i < stage->in_count; i++) place_whole(lw, stage->in[i], BUFFER_INPUT, i);
    for (int i = 0; i < stage->out_count; i++) p.leaves[stage->out[i]->id] = true;
    for (int i = 0; i < stage->node_count; i++) {
        const Node *node = stage->nodes[i];
        for (int k = 0; k < node->out_count; k++) {
            if (node->out[k]) p.here[(k ? node->out[k] : node_result(node))->id] = true;
        }
    }
    for (int i = 0; i < lw->graph->state_count; i++) {
        const StatePair *pair = &lw->graph->states[i];
        if (p.here[pair->out->id]) place_state(lw, pair);
    }
    for (int i = 0; i < stage->out_count; i++) {
        const Tensor *out = stage->out[i];
        if (!lw->places[out->id].buffer) place_whole(lw, out, BUFFER_OUTPUT, i);
    }
    for (int i = stage->node_count - 1; i >= 0 && !lw->target->plain; i--) {
        const Node *node = stage->nodes[i];
        if (node->op == OP_LOOP_LEAVE)
            place_loop_sources(lw, node, p.here, p.leaves);
        else if (node->op == OP_CONCAT)
            share_concat(&p, node);
        else
            share_outgoing(&p, node);
    }
    for (int i = 0; i < stage->node_count; i++) {
        place_outputs(&p, stage->nodes[i]);
    }
}
