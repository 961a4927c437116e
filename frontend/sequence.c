/* Operators on sequences, optionals and maps. They are done here, on lists of tensors: most leave no node. */
#include "frontend/value.h"

#include <string.h>

/* Output 0 is this tensor; NULL: it was told why there is none. */
static int give(Call *call, Tensor *tensor)
{
    return tensor ? call_alias(call, 0, tensor) : LPC_ERROR;
}

static int check_tensor(Call *call, int i, const char *what)
{
    Tensor *in = call_in(call, i);
    if (!in) return call_fail(call, "input %d, %s, is missing", i, what);
    if (!handle_value(in)) return LPC_OK;
    return call_fail(call, "input %d is %s, not a tensor", i, value_kind(in));
}

/* Is it an axis of any tensor at all? Of this one is asked where that is known. */
static int check_axis(Call *call, int64_t axis)
{
    if (axis >= -MAX_RANK && axis < MAX_RANK) return LPC_OK;
    return call_fail(call, "axis %lld is out of range", (long long)axis);
}

/* ---- Making ---- */

static int sequence_empty(Call *call)
{
    int64_t type = attr_int(call, "dtype", 1);
    if (dtype_from_onnx(type) == DT_NONE)
        return call_fail(call, "dtype: element type %s (%lld) is not supported",
                         onnx_type_name(type), (long long)type);
    return value_alias(call, 0, value_sequence(call->im, 0, NULL));
}

static int sequence_construct(Call *call)
{
    Part *parts = arena_array(call->im->arena, (size_t)call->in_count + 1, sizeof *parts);
    if (!call->in_count) return call_fail(call, "expected 1 or more inputs, got 0");
    for (int i = 0; i < call->in_count; i++) {
        TRY(check_tensor(call, i, "an element"));
        parts[i] = part_one(call->in[i]);
    }
    return value_alias(call, 0, value_sequence(call->im, call->in_count, parts));
}

/* ---- Changing ---- */

/* Reads a position: *place is a part before (behind) which there are only parts of one element. `most`: the
 * last place that there is. */
static int read_place(Call *call, const Value *s, int in, int most, int *place)
{
    int64_t at;
    int count = s->part_count;
    bool list = value_is_list(s), known = true;
    if (!known_int(call->im, call_in(call, in), &at))
        return call_fail(call, "its position is known at run time only; that is not supported");
    if (list && (at < -count || at > most))
        return call_fail(call, "position %lld is outside of the sequence, which has %d element%s",
                         (long long)at, count, count == 1 ? "" : "s");
    if (at > most || at < -count || (at >= 0 && s->open)) known = false;
    int64_t from = !known ? count : at < 0 ? at + count : 0;
    int64_t to = !known || at < 0 ? count : at + count - most;
    for (int64_t i = from; i < to && i < count; i++) known &= s->parts[i].kind == PART_ONE;
    if (!known)
        return call_fail(call,
                         "which place that position is, is known at run time only; that is not "
                         "supported");
    *place = (int)(at < 0 ? at + count : at);
    return LPC_OK;
}

static int sequence_insert(Call *call)
{
    Value *s;
    TRY(value_input(call, 0, &s));
    TRY(check_tensor(call, 1, "the element"));
    int at = s->part_count;
    if (call_in(call, 2)) TRY(read_place(call, s, 2, s->part_count, &at));
    Value *made = value_sequence(call->im, s->part_count + 1, s->parts);
    made->open = s->open;
    for (int i = s->part_count; i > at; i--) made->parts[i] = s->parts[i - 1];
    made->parts[at] = part_one(call->in[1]);
    return value_alias(call, 0, made);
}

static int sequence_erase(Call *call)
{
    Value *s;
    TRY(value_input(call, 0, &s));
    int at = s->part_count - 1;
    if (call_in(call, 1))
        TRY(read_place(call, s, 1, s->part_count - 1, &at));
    else if (at < 0 || s->parts[at].kind != PART_ONE)
        return call_fail(call, value_is_list(s)
                                   ? "the sequence is empty"
                                   : "what the last element is, is known at run time only; "
                                     "that is not supported");
    Value *made = value_sequence(call->im, s->part_count - 1, s->parts);
    made->open = s->open;
    for (int i = at; i < made->part_count; i++) made->parts[i] = s->parts[i + 1];
    return value_alias(call, 0, made);
}

/* ---- Reading ---- */

static int sequence_at(Call *call)
{
    Value *s;
    TRY(value_input(call, 0, &s));
    TRY(check_tensor(call, 1, "the position"));
    return give(call, value_at(call, s, call->in[1]));
}

static int sequence_length(Call *call)
{
    Value *s;
    TRY(value_input(call, 0, &s));
    return give(call, value_length(call, s));
}

static int concat_from_sequence(Call *call)
{
    Value *s;
    TRY(value_input(call, 0, &s));
    const Attr *axis = attr_find(call, "axis");
    int64_t new_axis = attr_int(call, "new_axis", 0);
    if (!axis || axis->kind != ATTR_INT) return call_fail(call, "attribute 'axis' is missing");
    TRY(check_axis(call, axis->ints[0]));
    if (new_axis != 0 && new_axis != 1)
        return call_fail(call, "new_axis: expected 0 or 1, got %lld", (long long)new_axis);
    return give(call, value_tensor(call, s, axis->ints[0], new_axis != 0));
}

/* ---- Splitting ---- */

enum { MOST_PIECES = 1 << 14 };

/* Split with the given sizes, and without the axis where it is not kept. */
static int split_into(Call *call, int64_t count, Tensor *sizes, int64_t axis, bool keeps)
{
    Import *im = call->im;
    if (count < 0 || count > MOST_PIECES)
        return call_fail(call, "splits into %lld pieces; at most %d are supported",
                         (long long)count, MOST_PIECES);
    Tensor **out = arena_array(im->arena, (size_t)count + 1, sizeof *out);
    Part *parts = arena_array(im->arena, (size_t)count + 1, sizeof *parts);
    const char *name = call->out_count ? scope_name(call->scope, call->proto->output[0]) : "piece";
    for (int i = 0; i < count; i++)
        out[i] =
            graph_tensor(im->graph, arena_printf(im->arena, "%s.%d", name, i), DT_NONE, -1, NULL);
    Tensor *in[] = {call->in[0], sizes};
    Node *node = count ? call_emit(call, OP_SPLIT, 2, in, (int)count, out) : NULL;
    if (node) node_set_int(im->graph, node, "axis", axis);
    for (int i = 0; i < count; i++) {
        if (!keeps) out[i] = call_make(call, OP_SQUEEZE, out[i], call_i64(call, 1, &axis), NULL);
        parts[i] = part_one(out[i]);
    }
    return value_alias(call, 0, value_sequence(im, (int)count, parts));
}

/* Pieces of one size, the last one of what is left. */
static int split_evenly(Call *call, int64_t size, int64_t axis, bool keeps)
{
    Known x;
    if (size < 1)
        return call_fail(call, "split: expected a size of 1 or more, got %lld", (long long)size);
    known_of(call->im, call->in[0], &x);
    int64_t at = axis < 0 ? axis + x.rank : axis;
    if (x.rank >= 0 && (at < 0 || at >= x.rank))
        return call_fail(call, "axis %lld is out of range for %d dimensions", (long long)axis,
                         x.rank);
    if (x.rank < 0 || x.dims[at] < 0) {
        if (size != 1)
            return call_fail(call,
                             "into how many pieces it splits depends on a size that is known at "
                             "run time only; that is not supported with split other than 1");
        Part part = {.kind = PART_SLICES, .tensor = call->in[0], .axis = axis, .keeps = keeps};
        return value_alias(call, 0, value_sequence(call->im, 1, &part));
    }
    int64_t count = x.dims[at] / size + (x.dims[at] % size != 0);
    if (count > MOST_PIECES) return split_into(call, count, NULL, axis, keeps);
    int64_t *sizes = arena_array(call->im->arena, (size_t)count + 1, sizeof *sizes);
    for (int i = 0; i < count; i++) sizes[i] = size;
    if (count) sizes[count - 1] = x.dims[at] - (count - 1) * size;
    return split_into(call, count, call_i64(call, (int)count, sizes), axis, keeps);
}

/* keepdims only counts where no sizes are given. */
static int split_to_sequence(Call *call)
{
    Known split;
    int64_t axis = attr_int(call, "axis", 0);
    TRY(check_axis(call, axis));
    TRY(check_tensor(call, 0, "what is split"));
    Tensor *sizes = call_in(call, 1);
    if (!sizes) return split_evenly(call, 1, axis, attr_int(call, "keepdims", 1) != 0);
    TRY(check_tensor(call, 1, "split"));
    known_of(call->im, sizes, &split);
    if (split.rank == 0 && split.values) return split_evenly(call, split.values[0], axis, true);
    if (split.rank == 1 && split.dims[0] >= 0)
        return split_into(call, split.dims[0], sizes, axis, true);
    return call_fail(call,
                     "into how many pieces it splits is known at run time only: split has to be "
                     "a constant, or a list of known length");
}

/* ---- Optionals ---- */

static int make_optional(Call *call)
{
    Tensor *element = call_in(call, 0);
    const Value *value = handle_value(element);
    if (value && value->kind == VALUE_OPTIONAL)
        return call_fail(call, "input 0 is an optional already");
    if (!element && !attr_proto_find(call, "type"))
        return call_fail(call, "has neither input nor attribute 'type'");
    return value_alias(call, 0, value_optional(call->im, element));
}

static int has_element(Call *call)
{
    const Value *value = handle_value(call_in(call, 0));
    bool is_there =
        call_in(call, 0) && (!value || value->kind != VALUE_OPTIONAL || value->is_there);
    if (value && value->has) return call_alias(call, 0, value->has);
    return call_alias(call, 0, graph_scalar(call->im->graph, NULL, DT_BOOL, is_there));
}

/* What is no optional is its own element. */
static int get_element(Call *call)
{
    Tensor *in = call_in(call, 0);
    const Value *value = handle_value(in);
    if (value && value->kind == VALUE_OPTIONAL) in = value->element;
    return in ? call_alias(call, 0, in) : call_fail(call, "there is no element");
}

/* ---- Maps ---- */

/* CastMap and DictVectorizer of a map go on as operators on its keys and values. */
static int of_map(Call *call)
{
    const Value *map = handle_value(call_in(call, 0));
    if (call->in_count != 1) return call_fail(call, "expected 1 input, got %d", call->in_count);
    if (!map || map->kind != VALUE_MAP)
        return call_fail(call, "input 0 is %s, not a map", value_kind(call->in[0]));
    call_set_in(call, 0, map->keys);
    call_set_in(call, 1, map->values);
    return LPC_OK;
}

/* Of a tensor it stays a node. */
static int identity(Call *call)
{
    return handle_value(call_in(call, 0)) ? call_alias(call, 0, call->in[0]) : LPC_OK;
}

bool value_rule_for(const char *op)
{
    for (const Rule *rule = value_rules; rule->op; rule++) {
        if (!strcmp(rule->op, op)) return true;
    }
    return false;
}

const Rule value_rules[] = {
    {"SequenceEmpty", 0, sequence_empty},
    {"SequenceConstruct", 0, sequence_construct},
    {"SequenceInsert", 0, sequence_insert},
    {"SequenceErase", 0, sequence_erase},
    {"SequenceAt", 0, sequence_at},
    {"SequenceLength", 0, sequence_length},
    {"ConcatFromSequence", 0, concat_from_sequence},
    {"SplitToSequence", 0, split_to_sequence},
    {"Optional", 0, make_optional},
    {"OptionalHasElement", 0, has_element},
    {"OptionalGetElement", 0, get_element},
    {"Identity", 0, identity},
    {"ai.onnx.ml::CastMap", 0, of_map},
    {"ai.onnx.ml::DictVectorizer", 0, of_map},
    {NULL, 0, NULL},
};
