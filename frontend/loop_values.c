/* Loops that carry sequences or optionals.
 *
 * A loop of few iterations, whose number is known, is written out (unroll.c). In any other one
 *   - a sequence that the body only appends to is made of stacked outputs (growth.c),
 *   - one that it makes anew with as many elements is carried element by element,
 *   - what it leaves alone stands outside.
 * Which of these it is, is read off the body before it is converted. */
#include "frontend/loop.h"

#include <string.h>

enum {
    UNROLL_ALWAYS = 16,  /* iterations that are written out whatever the loop could be instead */
    UNROLL_MOST = 1024,  /* iterations, and */
    UNROLL_NODES = 20000 /* nodes that may come of it */
};

/* ---- Written out or not ---- */

/* Is what the body makes of the condition the condition, or a constant that is true? */
static bool always_goes_on(Call *call, const Onnx__GraphProto *body)
{
    int64_t times;
    const char *in = body->input[1]->name, *out = body->output[0]->name;
    if (!in || !out) return false;
    if (loop_change(body, in, out, &times) == CHANGE_NONE) return true;
    for (size_t i = 0; i < body->n_initializer; i++) {
        const Onnx__TensorProto *t = body->initializer[i];
        if (t->name && !strcmp(t->name, out) && t->n_int32_data == 1) return t->int32_data[0] != 0;
    }
    const Onnx__NodeProto *maker = loop_maker(body, out);
    if (maker && maker->op_type && !strcmp(maker->op_type, "Identity") && maker->n_input == 1)
        out = maker->input[0];
    else if (maker && maker->op_type && !strcmp(maker->op_type, "Constant"))
        return true; /* one that is false is found when the body has been written out */
    Tensor *outer = NULL;
    int64_t value;
    return scope_find(call->scope, out, &outer) && outer && !handle_value(outer) &&
           known_int(call->im, outer, &value) && value;
}

/* How many iterations there are, when that is known and the body does not end the loop. */
static bool known_trips(Call *call, const Onnx__GraphProto *body, int64_t *trips)
{
    int64_t cond = 1;
    Tensor *limit = call_in(call, 0), *first = call_in(call, 1);
    if (first && !known_int(call->im, first, &cond)) return false;
    if (!cond) {
        *trips = 0;
        return true;
    }
    if (!known_int(call->im, limit, trips) || !always_goes_on(call, body)) return false;
    if (*trips < 0) *trips = 0;
    return true;
}

static bool can_stack(const Call *call, const Onnx__GraphProto *body)
{
    for (int i = 2; i < call->in_count; i++) {
        const char *in = body->input[i]->name, *out = body->output[i - 1]->name;
        int64_t times;
        if (!handle_value(call->in[i])) continue;
        if (!in || !out || loop_change(body, in, out, &times) == CHANGE_ANY) return false;
    }
    return loop_carries_values(call);
}

static bool shall_unroll(Call *call, const Onnx__GraphProto *body, int64_t *trips)
{
    if (!known_trips(call, body, trips)) return false;
    if (!*trips) return call->out_count <= call->in_count - 2; /* stacked outputs need the body */
    if (*trips <= UNROLL_ALWAYS) return true;
    if (can_stack(call, body) || *trips > UNROLL_MOST) return false;
    return *trips * (int64_t)(body->n_node + 1) <= UNROLL_NODES;
}

/* ---- A loop that stays one ---- */

/* A carried value of the model, and what it is here. */
typedef struct Slot {
    Value *first; /* NULL: a tensor */
    Change change;
    Growth *growth;
    int at, count; /* among the tensors that are carried */
    Value *inside; /* in the body */
} Slot;

typedef struct Slots {
    Slot *list;
    int count, carried;
    Tensor **first; /* tensors that are carried */
    const char **names;
} Slots;

static int plan_slot(Call *call, const Onnx__GraphProto *body, int i, Slots *slots)
{
    Slot *slot = &slots->list[i];
    Tensor *in = call->in[2 + i];
    const char *inner = body->input[2 + i]->name, *outer = body->output[1 + i]->name;
    int64_t times = 0;
    *slot = (Slot){.first = handle_value(in), .at = slots->carried, .count = 1};
    if (!slot->first) {
        slots->names[2 + slots->carried] = inner;
        slots->first[slots->carried++] = in;
        return LPC_OK;
    }
    slot->change = inner && outer ? loop_change(body, inner, outer, &times) : CHANGE_ANY;
    slot->count = 0;
    if (slot->change == CHANGE_APPENDS && slot->first->kind == VALUE_SEQUENCE) {
        slot->growth = arena_alloc(call->im->arena, sizeof *slot->growth);
        *slot->growth = (Growth){.name = loop_name(call), .first = slot->first, .each = times};
    }
    if (slot->growth || slot->change == CHANGE_NONE) return LPC_OK;
    if (!value_is_list(slot->first))
        return call_fail(call,
                         "carried value %d is %s that its body changes, and the number of "
                         "iterations or of its elements is known at run time only",
                         i, value_kind(in));
    slot->count = slot->first->part_count;
    for (int k = 0; k < slot->count; k++)
        slots->first[slots->carried++] = slot->first->parts[k].tensor;
    return LPC_OK;
}

static int plan_slots(Call *call, const Onnx__GraphProto *body, Slots *slots)
{
    Arena *arena = call->im->arena;
    size_t most = 2;
    *slots = (Slots){.count = call->in_count > 2 ? call->in_count - 2 : 0};
    for (int i = 2; i < call->in_count; i++)
        most += handle_value(call->in[i]) ? (size_t)handle_value(call->in[i])->part_count + 1 : 1;
    slots->list = arena_array(arena, (size_t)slots->count + 1, sizeof *slots->list);
    slots->first = arena_array(arena, most, sizeof *slots->first);
    slots->names = arena_array(arena, most, sizeof *slots->names);
    slots->names[0] = body->input[0]->name;
    slots->names[1] = body->input[1]->name;
    for (int i = 0; i < slots->count; i++) TRY(plan_slot(call, body, i, slots));
    return LPC_OK;
}

/* What the body has in the place of its inputs. */
static Tensor **inside(Loop *loop, Slots *slots)
{
    Import *im = loop->call->im;
    Tensor **given = arena_array(im->arena, (size_t)slots->count + 2, sizeof *given);
    given[0] = loop->enter->out[0];
    given[1] = loop->enter->out[1];
    for (int i = 0; i < slots->count; i++) {
        Slot *slot = &slots->list[i];
        if (!slot->first) {
            given[2 + i] = loop->enter->out[2 + slot->at];
            continue;
        }
        slot->inside = slot->first;
        if (slot->growth) {
            slot->growth->enter = loop->enter;
            slot->growth->scope = loop->scope;
            slot->inside = value_sequence(im, 0, NULL);
            slot->inside->open = slot->growth;
        } else if (slot->change == CHANGE_ANY) {
            slot->inside = value_sequence(im, slot->count, slot->first->parts);
            for (int k = 0; k < slot->count; k++)
                slot->inside->parts[k].tensor = loop->enter->out[2 + slot->at + k];
        }
        given[2 + i] = &slot->inside->handle;
    }
    return given;
}

/* What goes into the next iteration. */
static int close_slot(Call *call, const Slot *slot, int i, Tensor *result, Tensor **next)
{
    const Value *value = handle_value(result);
    if (!slot->first && value)
        return call_fail(call, "carried value %d enters as a tensor and leaves the body as %s", i,
                         value_kind(result));
    if (!slot->first) next[slot->at] = result;
    if (!slot->first || slot->change == CHANGE_NONE) return LPC_OK;
    if (slot->growth) return LPC_OK; /* in close_growths, after all that has a place of its own */
    if (!value || !value_is_list(value) || value->part_count != slot->count)
        return call_fail(
            call,
            "carried value %d is a sequence whose length its body changes other than by "
            "elements at the end, and the number of iterations is not known or too large",
            i);
    for (int k = 0; k < slot->count; k++) next[slot->at + k] = value->parts[k].tensor;
    return LPC_OK;
}

/* What the body reads of growing sequences is carried behind all else, in the order in which it asked for
 * that. */
static int close_growths(Loop *loop, Slots *slots, Tensor *const *results, Tensor **next)
{
    const Node *enter = loop->enter;
    for (int i = 0; i < slots->count; i++) {
        Growth *growth = slots->list[i].growth;
        if (!growth) continue;
        Tensor **last =
            arena_array(loop->call->im->arena, (size_t)growth->last_count + 2, sizeof *last);
        const Value *result = handle_value(results[1 + i]);
        if (!result || result->open != growth)
            return call_fail(loop->call,
                             "carried value %d enters as a sequence and leaves the body as "
                             "%s that is made of another one",
                             i, value_kind(results[1 + i]));
        TRY(growth_close(loop->call, growth, result, last));
        for (int c = slots->carried; c < enter->out_count - 2; c++) {
            for (int k = 0; k < growth->last_count; k++)
                if (enter->out[2 + c] == growth->last[k]) next[c] = last[k];
            if (enter->out[2 + c] == growth->all) next[c] = last[growth->last_count];
        }
    }
    loop->carried = enter->in_count - 2;
    return LPC_OK;
}

static Tensor *after(Call *call, const Slot *slot, Node *leave)
{
    Import *im = call->im;
    if (!slot->first) return leave->out[slot->at];
    bool appends = slot->growth && slot->growth->part_count;
    if (slot->change == CHANGE_NONE || (slot->growth && !appends)) return &slot->first->handle;
    if (!appends) {
        Value *made = value_sequence(im, slot->count, slot->first->parts);
        for (int k = 0; k < slot->count; k++) made->parts[k].tensor = leave->out[slot->at + k];
        return &made->handle;
    }
    int count = slot->first->part_count;
    Value *made = value_sequence(im, count + 1, slot->first->parts);
    made->parts[count] = (Part){.kind = PART_LOOP, .growth = slot->growth};
    made->open = slot->first->open;
    return &made->handle;
}

/* Outputs of the leave node: tensors of the model where it has them, else lpc's own. */
static Tensor **outputs(Call *call, const Loop *loop, const Slots *slots, int scans)
{
    Graph *graph = call->im->graph;
    Tensor **out = arena_array(call->im->arena, (size_t)(loop->carried + scans) + 1, sizeof *out);
    for (int i = 0; i < slots->count; i++) {
        const Slot *slot = &slots->list[i];
        if (!slot->first) out[slot->at] = call_out(call, i);
        for (int k = 0; slot->first && k < slot->count; k++)
            out[slot->at + k] = graph_tensor(
                graph, arena_printf(call->im->arena, "%s.element", loop->name), DT_NONE, -1, NULL);
    }
    for (int i = 0; i < scans; i++) out[loop->carried + i] = call_out(call, slots->count + i);
    return out;
}

static int finish(Loop *loop, Slots *slots, Tensor *const *results)
{
    Call *call = loop->call;
    int scans = (int)loop->body->n_output - 1 - slots->count;
    Node *enter = loop->enter;
    size_t total = (size_t)(enter->in_count + scans) + 1;
    Tensor **next = arena_array(call->im->arena, total, sizeof *next);
    next[0] = results[0];
    for (int i = 0; i < slots->count; i++)
        TRY(close_slot(call, &slots->list[i], i, results[1 + i], next + 1));
    TRY(close_growths(loop, slots, results, next + 1));
    for (int i = 0; i < scans; i++) {
        next[1 + loop->carried + i] = results[1 + slots->count + i];
        if (handle_value(next[1 + loop->carried + i]))
            return call_fail(call, "output %d would be a sequence of sequences", slots->count + i);
    }
    Node *leave = loop_leave(loop, scans, next, outputs(call, loop, slots, scans));
    for (int i = 0; i < slots->count && i < call->out_count; i++)
        if (slots->list[i].first) call->out[i] = after(call, &slots->list[i], leave);
    return LPC_OK;
}

int loop_of_values(Call *call, const Onnx__GraphProto *body)
{
    int64_t trips;
    Slots slots;
    call->done = true;
    if (handle_value(call_in(call, 0)) || handle_value(call_in(call, 1)))
        return call_fail(call, "its number of iterations and its condition are tensors");
    if (shall_unroll(call, body, &trips)) return loop_unroll(call, body, trips);
    TRY(plan_slots(call, body, &slots));
    Loop loop = {.call = call, .body = body, .name = loop_name(call), .carried = slots.carried};
    Tensor **results = arena_array(call->im->arena, body->n_output, sizeof *results);
    loop_enter(&loop, call_in(call, 0), call_in(call, 1), slots.first, slots.names);
    int code = loop_body(&loop, inside(&loop, &slots), results);
    if (!code) code = finish(&loop, &slots, results);
    call->scope = loop.around;
    return code;
}
