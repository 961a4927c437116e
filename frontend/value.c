/* Values that are no tensors: handles, and what joins two of them. */
#include "frontend/value.h"

enum {
    HANDLE = -2,   /* a handle's id: it is in no graph */
    LIST_COST = 64 /* so many elements of a list count as a node more */
};

Value *handle_value(const Tensor *tensor)
{
    return tensor && tensor->id == HANDLE ? tensor->user : NULL;
}

static Value *make(Import *im)
{
    Value *value = arena_alloc(im->arena, sizeof *value);
    im->has_values = true;
    value->handle = (Tensor){.id = HANDLE, .name = "", .rank = -1, .user = value};
    return value;
}

Value *value_sequence(Import *im, int count, const Part *parts)
{
    Value *value = make(im);
    im->made_nodes += count / LIST_COST;
    value->parts = arena_array(im->arena, (size_t)count + 1, sizeof *value->parts);
    value->part_count = count;
    for (int i = 0; parts && i < count; i++) value->parts[i] = parts[i];
    return value;
}

Value *value_optional(Import *im, Tensor *element)
{
    Value *value = make(im);
    value->kind = VALUE_OPTIONAL;
    value->is_there = element != NULL;
    value->element = element;
    return value;
}

Value *value_map(Import *im, Tensor *keys, Tensor *values)
{
    Value *value = make(im);
    value->kind = VALUE_MAP;
    value->keys = keys;
    value->values = values;
    return value;
}

const char *value_kind(const Tensor *tensor)
{
    static const char *const kinds[] = {"a sequence", "an optional", "a map"};
    const Value *value = handle_value(tensor);
    return value ? kinds[value->kind] : "a tensor";
}

int value_refuse(const Call *call)
{
    for (int i = 0; i < call->in_count; i++) {
        if (handle_value(call->in[i]))
            return call_fail(call, "input %d is %s, expected a tensor", i, value_kind(call->in[i]));
    }
    return LPC_OK;
}

bool value_is_list(const Value *value)
{
    for (int i = 0; i < value->part_count; i++) {
        if (value->parts[i].kind != PART_ONE) return false;
    }
    return value->kind == VALUE_SEQUENCE && !value->open;
}

int value_input(Call *call, int i, Value **value)
{
    Tensor *in = call_in(call, i);
    *value = handle_value(in);
    if (*value && (*value)->kind == VALUE_SEQUENCE) return LPC_OK;
    if (!in) return call_fail(call, "input %d, a sequence, is missing", i);
    if (!*value && call->im->diag->count) return LPC_ERROR; /* made by a node that failed */
    return call_fail(call, "input %d is %s, not a sequence", i, value_kind(in));
}

int value_alias(Call *call, int i, Value *value)
{
    return call_alias(call, i, &value->handle);
}

Part part_one(Tensor *element)
{
    return (Part){.kind = PART_ONE, .tensor = element};
}

/* ---- If ---- */

static Tensor *join_tensors(Call *call, Tensor *cond, Tensor *a, Tensor *b)
{
    return a == b ? a : call_make(call, OP_PHI, cond, a, b);
}

static bool all_single(const Value *value)
{
    for (int i = 0; i < value->part_count; i++) {
        if (value->parts[i].kind != PART_ONE) return false;
    }
    return true;
}

static int join_sequences(Call *call, Tensor *cond, const Value *a, const Value *b, Tensor **out)
{
    bool fits = a->open == b->open && all_single(a) && all_single(b);
    if (!fits || a->part_count != b->part_count)
        return call_fail(call,
                         fits ? "its branches make sequences of %d and %d elements, and which is "
                                "taken is known at run time only"
                              : "its branches make sequences whose lengths are known at run "
                                "time only",
                         a->part_count, b->part_count);
    Value *both = value_sequence(call->im, a->part_count, a->parts);
    both->open = a->open;
    for (int i = 0; i < a->part_count; i++)
        both->parts[i].tensor = join_tensors(call, cond, a->parts[i].tensor, b->parts[i].tensor);
    *out = &both->handle;
    return LPC_OK;
}

static Tensor *presence(Call *call, const Value *value)
{
    return value->has ? value->has : call_scalar(call, DT_BOOL, value->is_there);
}

/* Where it is not there, nobody reads its element: the other one's is as good. */
static int join_optionals(Call *call, Tensor *cond, const Value *a, const Value *b, Tensor **out)
{
    Tensor *element = a->element ? a->element : b->element;
    if (a->element && b->element) TRY(value_join(call, cond, a->element, b->element, &element));
    Value *both = value_optional(call->im, element);
    bool known = !a->has && !b->has && a->is_there == b->is_there;
    if (!known) {
        Tensor *has_a = presence(call, a), *has_b = presence(call, b);
        both->has = call_make(call, OP_PHI, cond, has_a, has_b);
    }
    *out = &both->handle;
    return LPC_OK;
}

int value_join(Call *call, Tensor *cond, Tensor *then_side, Tensor *else_side, Tensor **out)
{
    const Value *a = handle_value(then_side), *b = handle_value(else_side);
    int64_t taken;
    if (then_side == else_side) {
        *out = then_side;
    } else if (!a && !b) {
        *out = join_tensors(call, cond, then_side, else_side);
    } else if (!a || !b || a->kind != b->kind) {
        return call_fail(call, "one branch makes %s, the other %s", value_kind(then_side),
                         value_kind(else_side));
    } else if (known_int(call->im, cond, &taken)) {
        *out = taken ? then_side : else_side;
    } else if (a->kind == VALUE_MAP) {
        return call_fail(call, "its branches make different maps, and which is taken is known at "
                               "run time only");
    } else if (a->kind == VALUE_OPTIONAL) {
        return join_optionals(call, cond, a, b, out);
    } else {
        return join_sequences(call, cond, a, b, out);
    }
    return LPC_OK;
}
