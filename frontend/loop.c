/* Loop and Scan become nodes of the one graph: what enters, the body's nodes, what leaves.
 *
 *     y, ys = Loop(m, c, v) {body(i, c_in, v_in): v_out = F(v_in, w); s = G(v_in)}
 * becomes
 *     i, c_in, v_in = lpc.LoopEnter "loop" (m, c, v)
 *     v_out = F(v_in, w) in("loop");  s = G(v_in) in("loop")
 *     y, ys = lpc.LoopLeave(c_out, v_out, s) of("loop")
 *
 * A Scan is the same with as many iterations as its inputs are long; in its body lpc.At takes the
 * slice of this iteration. Before opset 9 a Scan has a batch: a loop over it around that. */
#include "frontend/loop.h"

#include <string.h>

const char *loop_name(Call *call)
{
    if (call->name) return call->name;
    return arena_printf(call->im->arena, "%s%s_%d", call->scope->prefix, call->op,
                        call->origin.index);
}

Scope *loop_scope(const Loop *loop, const char *prefix, Region *region)
{
    Call *call = loop->call;
    Scope *scope = scope_new(call->im, loop->around);
    scope->prefix = prefix;
    scope->opsets = loop->around->opsets;
    scope->opset_count = loop->around->opset_count;
    scope->depth = loop->around->depth + 1;
    scope->index = loop->around->index >= 0 ? loop->around->index : call->origin.index;
    scope->region = region;
    scope->is_body = true;
    return scope;
}

static Scope *body_scope(const Loop *loop)
{
    Import *im = loop->call->im;
    const char *prefix = arena_printf(im->arena, "%s/body/", loop->name);
    return loop_scope(loop, prefix, graph_body(im->graph, loop->around->region));
}

static const char *output_name(const Loop *loop, const char *name, const char *otherwise)
{
    if (name && *name) return scope_name(loop->scope, name);
    return arena_printf(loop->call->im->arena, "%s.%s", loop->name, otherwise);
}

void loop_enter(Loop *loop, Tensor *count, Tensor *cond, Tensor *const *init,
                const char *const *names)
{
    Call *call = loop->call;
    Graph *graph = call->im->graph;
    int total = loop->carried + 2;
    Tensor **in = arena_array(call->im->arena, (size_t)total, sizeof *in);
    Tensor **out = arena_array(call->im->arena, (size_t)total, sizeof *out);
    loop->around = call->scope;
    loop->scope = body_scope(loop);
    in[0] = count;
    in[1] = cond;
    for (int i = 0; init && i < loop->carried; i++) in[2 + i] = init[i];
    for (int i = 0; i < total; i++) {
        static const char *const own[] = {"iteration", "condition", "carried"};
        const char *name = output_name(loop, names ? names[i] : NULL, own[i < 2 ? i : 2]);
        out[i] = graph_tensor(graph, name, DT_NONE, -1, NULL);
    }
    loop->enter =
        graph_node(graph, OP_LOOP_ENTER, loop->name, &call->origin, total, in, total, out);
    loop->enter->region = loop->around->region;
    loop->enter->body = loop->scope->region;
    loop->enter->body->enter = loop->enter;
    call->scope = loop->scope;
}

Node *loop_leave(Loop *loop, int scans, Tensor *const *next, Tensor *const *out)
{
    Call *call = loop->call;
    const char *name = arena_printf(call->im->arena, "%s.leave", loop->name);
    Node *node = graph_node(call->im->graph, OP_LOOP_LEAVE, name, &call->origin,
                            1 + loop->carried + scans, next, loop->carried + scans, out);
    call->scope = loop->around;
    node->region = loop->around->region;
    node->body = loop->enter->body;
    node->body->leave = node;
    return node;
}

int loop_body(Loop *loop, Tensor *const *given, Tensor **results)
{
    Call *call = loop->call;
    const Onnx__GraphProto *body = loop->body;
    Scope *scope = loop->scope;
    for (size_t i = 0; i < body->n_input; i++) {
        if (body->input[i]->name) scope_bind(scope, body->input[i]->name, given[i]);
    }
    scope_hint(scope, body->value_info, body->n_value_info);
    TRY(scope_constants(scope, body));
    TRY(nodes_convert(scope, body->node, body->n_node));
    for (size_t i = 0; i < body->n_output; i++) {
        const char *name = body->output[i]->name;
        if (!name || !scope_find(scope, name, &results[i]) || !results[i]) {
            return call_fail(call, "its body does not compute its output '%s'", name ? name : "");
        }
    }
    return LPC_OK;
}

/* The same, of a loop that has tensors only. */
static int body_of_tensors(Loop *loop, Tensor *const *given, Tensor **results)
{
    TRY(loop_body(loop, given, results));
    for (size_t i = 0; i < loop->body->n_output; i++) {
        const char *kind = value_kind(results[i]);
        if (!handle_value(results[i])) continue;
        results[i] = NULL;
        return call_fail(loop->call, "output %zu of its body is %s, expected a tensor", i, kind);
    }
    return LPC_OK;
}

int loop_find_body(Call *call, const Onnx__GraphProto **body)
{
    const Onnx__AttributeProto *attr = attr_proto_find(call, "body");
    if (!attr || !attr->g) return call_fail(call, "attribute 'body' is missing");
    if (call->scope->depth >= MAX_INLINE_DEPTH)
        return call_fail(call, "functions, branches and loops are nested more than %d deep",
                         MAX_INLINE_DEPTH);
    *body = attr->g;
    return LPC_OK;
}

static int check_inputs_given(Call *call, int from, int count)
{
    for (int i = from; i < count; i++) {
        if (!call_in(call, i)) return call_fail(call, "input %d is missing", i);
    }
    return LPC_OK;
}

/* The body's inputs are all there, and its outputs match what the node makes. */
static int check_body(Call *call, const Onnx__GraphProto *body, int inputs, int outputs_min)
{
    if (body->n_input != (size_t)inputs)
        return call_fail(call, "its body has %zu inputs, expected %d", body->n_input, inputs);
    if (body->n_output < (size_t)outputs_min)
        return call_fail(call, "its body has %zu outputs, expected %d or more", body->n_output,
                         outputs_min);
    return LPC_OK;
}

/* The node's outputs, NULL for those that nobody asked for. */
static Tensor **wanted_outputs(Call *call, int count)
{
    Tensor **out = arena_array(call->im->arena, (size_t)count, sizeof *out);
    for (int i = 0; i < count; i++) out[i] = call_out(call, i);
    return out;
}

static const char **body_names(Call *call, const Onnx__GraphProto *body, size_t skip)
{
    const char **names = arena_array(call->im->arena, body->n_input + 2, sizeof *names);
    for (size_t i = 0; i < body->n_input; i++) names[skip + i] = body->input[i]->name;
    return names;
}

/* ---- Loop ---- */

int loop_inline(Call *call)
{
    const Onnx__GraphProto *body;
    TRY(loop_find_body(call, &body));
    int carried = call->in_count > 2 ? call->in_count - 2 : 0;
    TRY(check_inputs_given(call, 2, call->in_count));
    TRY(check_body(call, body, 2 + carried, 1 + carried));
    int outputs = (int)body->n_output - 1;
    if (call->out_count > outputs)
        return call_fail(call, "its body makes %d outputs, %d are used", outputs, call->out_count);
    if (loop_has_values(call, body)) return loop_of_values(call, body);
    Loop loop = {.call = call, .body = body, .name = loop_name(call), .carried = carried};
    Tensor **results = arena_array(call->im->arena, body->n_output, sizeof *results);
    Tensor **out = wanted_outputs(call, outputs);
    loop_enter(&loop, call_in(call, 0), call_in(call, 1), call->in + 2, body_names(call, body, 0));
    call->done = true;
    int code = body_of_tensors(&loop, loop.enter->out, results);
    loop_leave(&loop, outputs - carried, results, out);
    return code;
}

/* ---- Scan ---- */

/* How a Scan runs over its inputs and stacks its outputs. */
typedef struct Ways {
    const int64_t *axes, *reverse; /* of its inputs; NULL: axis 0, forwards */
    int64_t *out_axes, *out_reverse;
} Ways;

/* The size of an axis as a scalar. */
static Tensor *length_of(Call *call, Tensor *tensor, int64_t axis)
{
    Graph *graph = call->im->graph;
    Tensor *size = call_make(call, OP_SHAPE, tensor, NULL, NULL);
    node_set_int(graph, call_last(call), "start", axis);
    if (axis != -1) node_set_int(graph, call_last(call), "end", axis + 1);
    return call_make(call, OP_SQUEEZE, size, NULL, NULL);
}

/* The iterations that there are inputs for. */
static Tensor *shortest(Call *call, int count, Tensor *const *x, const int64_t *axes)
{
    Tensor *all = NULL;
    for (int i = 0; i < count; i++) {
        Tensor *length = length_of(call, x[i], axes ? axes[i] : 0);
        all = all ? call_make(call, OP_MIN, all, length, NULL) : length;
    }
    return all;
}

static Tensor *slice_at(Call *call, Tensor *x, Tensor *index, int64_t axis)
{
    Tensor *slice = call_make(call, OP_AT, x, index, NULL);
    node_set_int(call->im->graph, call_last(call), "axis", axis);
    return slice;
}

/* Of a sequence that ends before the others: states stay as they are, and what is stacked is zero of any type,
 * which Pad makes. */
static void end_early(Loop *loop, Tensor *length, int scans, Tensor **results)
{
    static const int64_t behind[] = {0, 1}, first = 0;
    Call *call = loop->call;
    Tensor *iteration = loop->enter->out[0];
    call->name = arena_printf(call->im->arena, "%s/end", loop->name);
    Tensor *is_there = call_make(call, OP_LESS, iteration, length, NULL);
    Tensor *is_over =
        call_make(call, OP_CAST, call_make(call, OP_NOT, is_there, NULL, NULL), NULL, NULL);
    node_set_int(call->im->graph, call_last(call), "to", dtype_to_onnx(DT_I64));
    for (int i = 0; i < loop->carried; i++)
        results[i] = call_make(call, OP_WHERE, is_there, results[i], loop->enter->out[2 + i]);
    for (int i = loop->carried; i < loop->carried + scans; i++) {
        Tensor *axis = call_i64(call, 1, &first);
        Tensor *one = call_make(call, OP_UNSQUEEZE, results[i], axis, NULL);
        Tensor *in[] = {one, call_i64(call, 2, behind), NULL, axis};
        Tensor *both = graph_tensor(call->im->graph, call->name, DT_NONE, -1, NULL);
        call_emit(call, OP_PAD, 4, in, 1, &both);
        results[i] = slice_at(call, both, is_over, 0);
    }
}

/* The iteration's slice of an input that is read backwards. */
static Tensor *index_from_end(Call *call, Tensor *count, Tensor *length, Tensor *iteration)
{
    Tensor *last =
        call_make(call, OP_SUB, length ? length : count, call_scalar(call, DT_I64, 1), NULL);
    last = call_make(call, OP_SUB, last, iteration, NULL);
    return length ? call_make(call, OP_MAX, last, call_scalar(call, DT_I64, 0), NULL) : last;
}

/* One Scan without batch. length: where it ends before its inputs do, or NULL; out: final states and
 * stacked outputs. */
static int scan(Call *call, const char *name, const Onnx__GraphProto *body, int states,
                Tensor *const *init, int inputs, Tensor *const *x, const Ways *ways, Tensor *length,
                Tensor *const *out)
{
    Arena *arena = call->im->arena;
    Loop loop = {.call = call, .body = body, .name = name, .carried = states};
    Tensor **given = arena_array(arena, (size_t)states + (size_t)inputs, sizeof *given);
    Tensor **results = arena_array(arena, body->n_output + 1, sizeof *results);
    const char *own = call->name;
    call->name = arena_printf(arena, "%s/length", name);
    Tensor *count = shortest(call, inputs, x, ways->axes), *last = NULL;
    call->name = arena_printf(arena, "%s/slice", name);
    loop_enter(&loop, count, NULL, init, body_names(call, body, 2));
    Tensor *iteration = loop.enter->out[0];
    for (int i = 0; i < states; i++) given[i] = loop.enter->out[2 + i];
    for (int i = 0; i < inputs; i++) {
        bool reverse = ways->reverse && ways->reverse[i];
        if (reverse && !last) last = index_from_end(call, count, length, iteration);
        given[states + i] =
            slice_at(call, x[i], reverse ? last : iteration, ways->axes ? ways->axes[i] : 0);
    }
    call->name = own;
    int code = body_of_tensors(&loop, given, results + 1);
    int scans = (int)body->n_output - states;
    if (length && !code) end_early(&loop, length, scans, results + 1);
    call->name = own;
    Node *node = loop_leave(&loop, scans, results, out);
    if (ways->out_axes) node_set_ints(call->im->graph, node, "axes", scans, ways->out_axes);
    if (ways->out_reverse)
        node_set_ints(call->im->graph, node, "reverse", scans, ways->out_reverse);
    return code;
}

/* An attribute with one number per scan input or output; absent: NULL. */
static int read_ways(Call *call, const char *name, int count, int64_t **values)
{
    const Attr *attr = attr_find(call, name);
    *values = NULL;
    if (!attr) return LPC_OK;
    if (attr->kind != ATTR_INTS || attr->count != count)
        return call_fail(call, "%s: expected %d values", name, count);
    *values = attr->ints;
    return LPC_OK;
}

/* Before opset 9: everything has a batch axis before its other axes. */
static int scan_batch(Call *call, const Onnx__GraphProto *body, int states, int inputs,
                      const Ways *ways)
{
    Arena *arena = call->im->arena;
    int outputs = (int)body->n_output;
    Tensor **x = call->in + 1;
    Loop batch = {.call = call, .body = body, .name = loop_name(call)};
    const char *own = call->name;
    call->name = arena_printf(arena, "%s/length", batch.name);
    Tensor **one = arena_array(arena, (size_t)states + (size_t)inputs, sizeof *one);
    Tensor **results = arena_array(arena, (size_t)outputs + 1, sizeof *results);
    Tensor **out = wanted_outputs(call, outputs);
    loop_enter(&batch, shortest(call, states + inputs, x, NULL), NULL, NULL, NULL);
    Tensor *row = batch.enter->out[0];
    Tensor *length = call_in(call, 0) ? slice_at(call, call->in[0], row, 0) : NULL;
    for (int i = 0; i < states + inputs; i++) one[i] = slice_at(call, x[i], row, 0);
    call->name = own;
    for (int i = 0; i < outputs; i++)
        results[1 + i] = graph_tensor(call->im->graph, body->output[i]->name, DT_NONE, -1, NULL);
    const char *name = arena_printf(arena, "%s/row", batch.name);
    int code = scan(call, name, body, states, one, inputs, one + states, ways, length, results + 1);
    loop_leave(&batch, outputs, results, out);
    return code;
}

int scan_inline(Call *call)
{
    const Onnx__GraphProto *body;
    bool has_batch = call->opset < 9;
    TRY(value_refuse(call));
    TRY(loop_find_body(call, &body));
    int first = has_batch ? 1 : 0, total = call->in_count - first;
    int64_t inputs = attr_int(call, "num_scan_inputs", 0);
    if (inputs < 1 || inputs > total)
        return call_fail(call, "num_scan_inputs: expected a value in [1, %d], got %lld", total,
                         (long long)inputs);
    int states = total - (int)inputs;
    TRY(check_inputs_given(call, first, call->in_count));
    TRY(check_body(call, body, total, states));
    int outputs = (int)body->n_output, scans = outputs - states;
    if (call->out_count > outputs)
        return call_fail(call, "its body makes %d outputs, %d are used", outputs, call->out_count);
    int64_t *axes, *reverse;
    Ways ways;
    TRY(read_ways(call, "scan_input_axes", (int)inputs, &axes));
    TRY(read_ways(call, has_batch ? "directions" : "scan_input_directions", (int)inputs, &reverse));
    TRY(read_ways(call, "scan_output_axes", scans, &ways.out_axes));
    TRY(read_ways(call, "scan_output_directions", scans, &ways.out_reverse));
    ways.axes = axes;
    ways.reverse = reverse;
    call->done = true;
    if (has_batch) return scan_batch(call, body, states, (int)inputs, &ways);
    return scan(call, loop_name(call), body, states, call->in, (int)inputs, call->in + states,
                &ways, NULL, wanted_outputs(call, outputs));
}
