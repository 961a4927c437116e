/* A loop written out: the body's nodes once for each iteration. */
#include "frontend/loop.h"

/* The body as iteration i has it. */
static int iterate(Loop *loop, int64_t i, Tensor *const *carried, Tensor **results)
{
    Call *call = loop->call;
    Import *im = call->im;
    Tensor **given = arena_array(im->arena, (size_t)loop->carried + 2, sizeof *given);
    const char *prefix = arena_printf(im->arena, "%s/%lld/", loop->name, (long long)i);
    loop->scope = loop_scope(loop, prefix, loop->around->region);
    given[0] = graph_scalar(im->graph, NULL, DT_I64, (double)i);
    given[1] = graph_scalar(im->graph, NULL, DT_BOOL, 1);
    for (int k = 0; k < loop->carried; k++) given[2 + k] = carried[k];
    call->scope = loop->scope;
    int code = loop_body(loop, given, results);
    call->scope = loop->around;
    return code;
}

/* Does the loop end here? The condition of a body that is written out is a constant. */
static int goes_on(const Loop *loop, Tensor *cond, int64_t *value)
{
    if (!handle_value(cond) && known_int(loop->call->im, cond, value)) return LPC_OK;
    return call_fail(loop->call,
                     "its condition is known at run time only, and it carries what is no tensor");
}

/* Output k of all iterations, in one tensor. */
static int stack(Call *call, Part *parts, int64_t trips, int k)
{
    for (int64_t i = 0; i < trips; i++) {
        if (handle_value(parts[i].tensor))
            return call_fail(call, "output %d would be a sequence of sequences", k);
    }
    call->out[k] = parts_join(call, parts, (int)trips, 0, true);
    return call->out[k] ? LPC_OK : LPC_ERROR;
}

int loop_unroll(Call *call, const Onnx__GraphProto *body, int64_t trips)
{
    Import *im = call->im;
    Loop loop = {.call = call, .body = body, .name = loop_name(call), .around = call->scope};
    loop.carried = call->in_count > 2 ? call->in_count - 2 : 0;
    int scans = (int)body->n_output - 1 - loop.carried;
    Part **stacks = arena_array(im->arena, (size_t)scans + 1, sizeof *stacks);
    Tensor **carried = arena_array(im->arena, (size_t)loop.carried + 1, sizeof *carried);
    Tensor **results = arena_array(im->arena, body->n_output, sizeof *results);
    for (int k = 0; k < loop.carried; k++) carried[k] = call->in[2 + k];
    for (int k = 0; k < scans; k++)
        stacks[k] = arena_array(im->arena, (size_t)trips + 1, sizeof *stacks[k]);
    int64_t done = 0, more = 1;
    while (done < trips && more) {
        TRY(iterate(&loop, done, carried, results));
        for (int k = 0; k < loop.carried; k++) carried[k] = results[1 + k];
        for (int k = 0; k < scans; k++) stacks[k][done] = part_one(results[1 + loop.carried + k]);
        TRY(goes_on(&loop, results[0], &more));
        done++;
    }
    for (int k = 0; k < call->out_count; k++) {
        if (k < loop.carried)
            call->out[k] = carried[k];
        else
            TRY(stack(call, stacks[k - loop.carried], done, k));
    }
    return LPC_OK;
}
