/* SequenceMap: the body for each element. A sequence of a known length becomes the body's nodes for each
 * of them, any other one a loop that appends. */
#include "frontend/loop.h"

/* Inputs of the body for the element at `position`: NULL after it was told why not. */
static Tensor **elements_at(Call *call, Tensor *position)
{
    Tensor **given = arena_array(call->im->arena, (size_t)call->in_count + 1, sizeof *given);
    for (int i = 0; i < call->in_count; i++) {
        Value *s = handle_value(call->in[i]);
        given[i] = s ? value_at(call, s, position) : call->in[i];
        if (!given[i]) return NULL;
    }
    return given;
}

static int check_results(Call *call, Tensor *const *results)
{
    for (int k = 0; k < call->out_count; k++) {
        if (handle_value(results[k]))
            return call_fail(call, "output %d would be a sequence of what is no tensor", k);
    }
    return LPC_OK;
}

static int map_list(Loop *loop, int64_t count)
{
    Call *call = loop->call;
    Import *im = call->im;
    Tensor **results = arena_array(im->arena, loop->body->n_output + 1, sizeof *results);
    Value **made = arena_array(im->arena, (size_t)call->out_count + 1, sizeof *made);
    for (int k = 0; k < call->out_count; k++) {
        made[k] = value_sequence(im, (int)count, NULL);
        call->out[k] = &made[k]->handle;
    }
    for (int64_t i = 0; i < count; i++) {
        const char *prefix = arena_printf(im->arena, "%s/%lld/", loop->name, (long long)i);
        Tensor **given = elements_at(call, graph_scalar(im->graph, NULL, DT_I64, (double)i));
        if (!given) return LPC_ERROR;
        loop->scope = loop_scope(loop, prefix, loop->around->region);
        call->scope = loop->scope;
        int code = loop_body(loop, given, results);
        call->scope = loop->around;
        TRY(code);
        TRY(check_results(call, results));
        for (int k = 0; k < call->out_count; k++) made[k]->parts[i] = part_one(results[k]);
    }
    return LPC_OK;
}

/* Of unknown length: each output is a sequence that was empty before the loop. */
static int map_loop(Loop *loop, Tensor *length)
{
    Call *call = loop->call;
    Import *im = call->im;
    Tensor **results = arena_array(im->arena, loop->body->n_output + 1, sizeof *results);
    loop_enter(loop, length, NULL, NULL, NULL);
    Tensor **given = elements_at(call, loop->enter->out[0]);
    int code = given ? loop_body(loop, given, results) : LPC_ERROR;
    if (!code) code = check_results(call, results);
    if (!code) loop_leave(loop, 0, &(Tensor *){NULL}, NULL);
    call->scope = loop->around;
    for (int k = 0; k < call->out_count && !code; k++) {
        Growth *growth = arena_alloc(im->arena, sizeof *growth);
        *growth = (Growth){.name = loop->name, .enter = loop->enter, .scope = loop->scope};
        growth->parts = arena_alloc(im->arena, sizeof *growth->parts);
        growth->parts[0] = part_one(results[k]);
        growth->part_count = 1;
        Part part = {.kind = PART_LOOP, .growth = growth};
        call->out[k] = &value_sequence(im, 1, &part)->handle;
    }
    return code;
}

static int check_lengths(Call *call, int count)
{
    for (int i = 1; i < call->in_count; i++) {
        const Value *s = handle_value(call->in[i]);
        if (!call->in[i]) return call_fail(call, "input %d is missing", i);
        if (s && s->kind != VALUE_SEQUENCE)
            return call_fail(call, "input %d is %s", i, value_kind(call->in[i]));
        if (s && count >= 0 && value_is_list(s) && s->part_count != count)
            return call_fail(call, "its sequences have %d and %d elements", count, s->part_count);
    }
    return LPC_OK;
}

int sequence_map_inline(Call *call)
{
    Value *s;
    Loop loop = {.call = call, .name = loop_name(call), .around = call->scope};
    TRY(value_input(call, 0, &s));
    TRY(loop_find_body(call, &loop.body));
    if (loop.body->n_input != (size_t)call->in_count)
        return call_fail(call, "its body has %zu inputs, expected %d", loop.body->n_input,
                         call->in_count);
    if ((size_t)call->out_count > loop.body->n_output)
        return call_fail(call, "its body makes %zu outputs, %d are used", loop.body->n_output,
                         call->out_count);
    TRY(check_lengths(call, value_is_list(s) ? s->part_count : -1));
    call->done = true;
    if (value_is_list(s)) return map_list(&loop, s->part_count);
    Tensor *length = value_length(call, s);
    return length ? map_loop(&loop, length) : LPC_ERROR;
}
