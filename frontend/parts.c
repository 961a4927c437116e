/* Tensors from sequences: all elements in one tensor, how many there are, the one at a position.
 *
 * A sequence whose elements are known needs one Concat. Slices of a tensor and what a loop appends are
 * one tensor already, along some axis, which only has to be brought to the right place.
 *
 * Parts of a sequence may be what a loop made, which again has parts: growth.c and this file recurse as loops
 * do. */
#include "frontend/value.h"

/* ---- Small pieces of graph ---- */

static Tensor *unsqueeze(Call *call, Tensor *x, int64_t axis)
{
    return call_make(call, OP_UNSQUEEZE, x, call_i64(call, 1, &axis), NULL);
}

static Tensor *squeeze_all(Call *call, Tensor *x)
{
    return call_make(call, OP_SQUEEZE, x, NULL, NULL);
}

/* Elements [from, to) of a shape; from < 0 counts from its end, to NULL ends there. */
static Tensor *shape_part(Call *call, Tensor *x, int64_t from, const int64_t *to)
{
    Tensor *part = call_make(call, OP_SHAPE, x, NULL, NULL);
    node_set_int(call->im->graph, call_last(call), "start", from);
    if (to) node_set_int(call->im->graph, call_last(call), "end", *to);
    return part;
}

static Tensor *shape_one(Call *call, Tensor *x, int64_t axis)
{
    int64_t next = axis + 1;
    return shape_part(call, x, axis, next ? &next : NULL);
}

static Tensor *concat(Call *call, int count, Tensor *const *in, int64_t axis)
{
    Tensor *out = call_make(call, OP_CONCAT, in[0], NULL, NULL);
    Node *node = call_last(call);
    node->in = arena_array(call->im->arena, (size_t)count, sizeof *node->in);
    node->in_count = count;
    for (int i = 0; i < count; i++) node->in[i] = in[i];
    node_set_int(call->im->graph, node, "axis", axis);
    return out;
}

/* Axes `axis` and the next one become one. */
static Tensor *merge_axes(Call *call, Tensor *x, int64_t axis)
{
    Tensor *dims[3];
    int count = 0;
    if (axis) dims[count++] = shape_part(call, x, 0, &axis);
    Tensor *outer = shape_one(call, x, axis), *inner = shape_one(call, x, axis + 1);
    dims[count++] = call_make(call, OP_MUL, outer, inner, NULL);
    if (axis != -2) dims[count++] = shape_part(call, x, axis + 2, NULL);
    Tensor *out = call_make(call, OP_RESHAPE, x, concat(call, count, dims, 0), NULL);
    node_set_int(call->im->graph, call_last(call), "allowzero", 1);
    return out;
}

Tensor *parts_move_axis(Call *call, Tensor *x, int rank, int64_t from, int64_t to)
{
    int64_t perm[MAX_RANK];
    int next = 0;
    if (from == to) return x;
    for (int i = 0; i < rank; i++) {
        if (next == from) next++;
        perm[i] = i == to ? from : next++;
    }
    Tensor *out = call_make(call, OP_TRANSPOSE, x, NULL, NULL);
    node_set_ints(call->im->graph, call_last(call), "perm", rank, perm);
    return out;
}

/* ---- All elements ---- */

static Tensor *slices_join(Call *call, const Part *part, int64_t axis, bool new_axis)
{
    Known known;
    if (part->axis == axis && part->keeps != new_axis) return part->tensor; /* as it was */
    known.rank = part->rank;
    if (!part->rank) known_of(call->im, part->tensor, &known);
    if (known.rank < 0) {
        call_fail(call, "the number of dimensions of '%s', which was split, is not known here",
                  part->tensor->name);
        return NULL;
    }
    int64_t own = part->axis < 0 ? part->axis + known.rank : part->axis;
    int rank = known.rank + part->keeps; /* of all elements along a new axis */
    int64_t to = axis < 0 ? axis + rank - !new_axis : axis;
    if (own < 0 || own >= known.rank || to < 0 || to >= rank - !new_axis) {
        call_fail(call, "axis %lld is outside of the elements' axes", (long long)axis);
        return NULL;
    }
    Tensor *all = part->tensor; /* its own axis is the new one */
    if (part->keeps) all = unsqueeze(call, all, own + 1);
    all = parts_move_axis(call, all, rank, own, to);
    return new_axis ? all : merge_axes(call, all, to);
}

static Tensor *part_join(Call *call, const Part *part, int64_t axis, bool new_axis)
{
    if (part->kind == PART_SLICES) return slices_join(call, part, axis, new_axis);
    if (part->kind == PART_ONE)
        return new_axis ? unsqueeze(call, part->tensor, axis) : part->tensor;
    const Growth *g = part->growth;
    bool single = g->part_count == 1 && g->parts[0].kind == PART_ONE;
    Tensor *grown = new_axis ? NULL : growth_concat(call, part->growth, axis);
    if (grown) return grown;
    Tensor *all = growth_join(call, part->growth, axis, new_axis);
    if (!all || (single && new_axis)) return all;
    return merge_axes(call, all, axis < 0 ? axis - 1 : axis);
}

Tensor *parts_join(Call *call, const Part *parts, int count, int64_t axis, bool new_axis)
{
    Tensor **in = arena_array(call->im->arena, (size_t)count + 1, sizeof *in);
    for (int i = 0; i < count; i++) {
        in[i] = part_join(call, &parts[i], axis, new_axis);
        if (!in[i]) return NULL;
    }
    return count == 1 ? in[0] : concat(call, count, in, axis);
}

Tensor *value_tensor(Call *call, const Value *value, int64_t axis, bool new_axis)
{
    int count = value->part_count, more = value->open != NULL;
    Part *parts = arena_array(call->im->arena, (size_t)count + 1, sizeof *parts);
    if (more && growth_all(call, value->open, &parts[0])) return NULL;
    for (int i = 0; i < count; i++) parts[more + i] = value->parts[i];
    if (more + count) return parts_join(call, parts, more + count, axis, new_axis);
    call_fail(call, "the sequence is empty");
    return NULL;
}

/* ---- How many ---- */

static Tensor *times(Call *call, Tensor *count, int64_t factor)
{
    if (factor == 1) return count;
    return call_make(call, OP_MUL, count, call_scalar(call, DT_I64, (double)factor), NULL);
}

static Tensor *part_length(Call *call, const Part *part)
{
    if (part->kind == PART_SLICES)
        return squeeze_all(call, shape_one(call, part->tensor, part->axis));
    const Growth *g = part->growth;
    bool even = true;
    for (int i = 0; i < g->part_count; i++) even &= g->parts[i].kind == PART_ONE;
    if (even) {
        Tensor *trips = growth_trips(call, part->growth);
        return trips ? times(call, trips, g->part_count) : NULL;
    }
    Tensor *all = parts_join(call, part, 1, 0, true);
    return all ? squeeze_all(call, shape_one(call, all, 0)) : NULL;
}

/* What an open sequence has at the iteration's start. */
static Tensor *open_length(Call *call, const Growth *g)
{
    Tensor *first = value_length(call, g->first);
    if (g->each < 0) {
        call_fail(call, "how many elements the loop '%s' has appended so far is not known",
                  g->name);
        return NULL;
    }
    return first ? call_make(call, OP_ADD, first, times(call, g->enter->out[0], g->each), NULL)
                 : NULL;
}

Tensor *value_length(Call *call, const Value *value)
{
    int64_t single = 0;
    Tensor *sum = value->open ? open_length(call, value->open) : NULL;
    if (value->open && !sum) return NULL;
    for (int i = 0; i < value->part_count; i++) {
        if (value->parts[i].kind == PART_ONE) {
            single++;
            continue;
        }
        Tensor *more = part_length(call, &value->parts[i]);
        if (!more) return NULL;
        sum = sum ? call_make(call, OP_ADD, sum, more, NULL) : more;
    }
    Tensor *known = call_scalar(call, DT_I64, (double)single);
    if (!sum) return known;
    return single ? call_make(call, OP_ADD, sum, known, NULL) : sum;
}

/* ---- One element ---- */

/* The element at a constant position, where that is a part of its own; NULL, *wrong false: it is not. */
static Tensor *single_at(Call *call, const Value *value, int64_t at, bool *wrong)
{
    int count = value->part_count;
    bool list = value_is_list(value);
    *wrong = list && (at < -count || at >= count);
    if (*wrong) {
        call_fail(call, "position %lld is outside of the sequence, which has %d element%s",
                  (long long)at, count, count == 1 ? "" : "s");
        return NULL;
    }
    if (list && at < 0) at += count;
    if (at >= count || at < -count || (at >= 0 && value->open)) return NULL;
    int64_t step = at >= 0 ? 1 : -1, from = at >= 0 ? 0 : count - 1, to = at >= 0 ? at : at + count;
    for (int64_t i = from; i != to + step; i += step) {
        if (value->parts[i].kind != PART_ONE) return NULL;
    }
    return value->parts[to].tensor;
}

/* In a sequence to which a loop appends: back from its end, or among those from before the loop. */
static bool is_near(const Value *value, int64_t at)
{
    for (int i = 0; i < value->part_count; i++) {
        if (value->parts[i].kind != PART_ONE) return false;
    }
    if (at < 0) return at > -INT32_MAX;
    return value_is_list(value->open->first) && at < value->open->first->part_count;
}

static Tensor *open_at(Call *call, const Value *value, int64_t at)
{
    bool wrong;
    if (at < 0) return growth_last(call, value->open, -at - value->part_count);
    return single_at(call, value->open->first, at, &wrong);
}

/* Elements that one tensor shall hold have one shape. */
static int check_alike(Call *call, const Value *value)
{
    Known first, other;
    if (!value_is_list(value) || !value->part_count) return LPC_OK;
    known_of(call->im, value->parts[0].tensor, &first);
    for (int i = 1; i < value->part_count; i++) {
        known_of(call->im, value->parts[i].tensor, &other);
        bool alike = first.rank < 0 || other.rank < 0 || first.rank == other.rank;
        for (int k = 0; alike && k < first.rank && k < other.rank; k++)
            alike = first.dims[k] < 0 || other.dims[k] < 0 || first.dims[k] == other.dims[k];
        if (!alike)
            return call_fail(
                call,
                "elements 0 and %d of the sequence have different shapes, and which is "
                "read is known at run time only",
                i);
    }
    return LPC_OK;
}

static Tensor *slice_at(Call *call, const Part *part, Tensor *position)
{
    Tensor *slice = call_make(call, OP_GATHER, part->tensor, position, NULL);
    node_set_int(call->im->graph, call_last(call), "axis", part->axis);
    return part->keeps ? unsqueeze(call, slice, part->axis) : slice;
}

static bool is_from(const Value *value, const Region *body)
{
    for (int i = 0; i < value->part_count; i++) {
        const Part *part = &value->parts[i];
        const Region *made =
            part->kind == PART_LOOP ? part->growth->enter->region : tensor_region(part->tensor);
        if (region_within(made, body)) return true;
    }
    return false;
}

Tensor *value_whole(Call *call, Value *value)
{
    Region *outer = NULL, *region = call->scope->region;
    for (Region *r = region; r; r = r->parent) {
        if (r->kind == REGION_BODY && !r->leave && !is_from(value, r)) outer = r;
    }
    if (check_alike(call, value)) return NULL;
    if (value->open) return value_tensor(call, value, 0, true);
    if (value->whole && region_within(region, tensor_region(value->whole))) return value->whole;
    Call early = *call;
    if (outer) {
        Scope *scope = arena_alloc(call->im->arena, sizeof *scope);
        *scope = *call->scope;
        scope->region = outer->parent;
        early.scope = scope;
        early.before = outer->enter;
    }
    value->whole = value_tensor(&early, value, 0, true);
    return value->whole;
}

Tensor *value_at(Call *call, Value *value, Tensor *position)
{
    int64_t at;
    bool wrong = false;
    bool known = known_int(call->im, position, &at);
    Tensor *element = known ? single_at(call, value, at, &wrong) : NULL;
    if (element || wrong) return element;
    if (value->open && known && is_near(value, at)) return open_at(call, value, at);
    if (!value->open && value->part_count == 1 && value->parts[0].kind == PART_SLICES)
        return slice_at(call, &value->parts[0], position);
    Tensor *all = value_whole(call, value);
    return all ? call_make(call, OP_GATHER, all, position, NULL) : NULL; /* along axis 0 */
}
