/* How a node of a user's own operator is run (lpc_custom.h): the same in a package and where lpc itself
 * calls it. Not for users. */
#ifndef LPC_CUSTOM_RUN_H
#define LPC_CUSTOM_RUN_H

#include "lpc_custom.h"
#include "lpc_model.h"

/* What lpc planned for a node. */
typedef struct lpc_custom_plan {
    lpc_custom_fn *run;
    /* NULL: all sizes are known. Else it is asked what they are, and must say what lpc found when it
     * compiled, since all who read the outputs rely on that. */
    lpc_custom_fn *shape;
    const lpc_custom_tensor *known; /* the inputs, with the contents of constants only */
    /* The outputs' types, and their sizes for the run's. A size of -1 - n: what `shape` or the function
     * says, at most n. */
    const lpc_custom_tensor *expected;
    int64_t workspace_bytes;
} lpc_custom_plan;

/* One output as lpc expects it; its open sizes are taken. Whether it fits. */
static inline int lpc_custom_take(const lpc_custom_tensor *expected, lpc_custom_tensor *out)
{
    if (!expected->type) return 1;
    if (out->type != expected->type || out->rank != expected->rank) return 0;
    for (int32_t i = 0; i < out->rank; i++) {
        int64_t want = expected->dims[i], got = out->dims[i];
        if (want >= 0 ? got != want : got < 0 || got > -1 - want) return 0;
    }
    return 1;
}

/* Asks for the sizes, where they are open. call->out has been told what to expect. */
static inline int lpc_custom_ask(lpc_custom_call *call, const lpc_custom_plan *plan)
{
    const lpc_custom_tensor *in = call->in;
    if (!plan->shape) return LPC_RUN_OK;
    for (int32_t i = 0; i < call->out_count; i++) call->out[i] = (lpc_custom_tensor){0};
    call->in = plan->known;
    int refused = plan->shape(call);
    call->in = in;
    if (refused) return LPC_RUN_VALUE;
    if (call->workspace_bytes > plan->workspace_bytes) return LPC_RUN_BOUND;
    for (int32_t i = 0; i < call->out_count; i++)
        if (!lpc_custom_take(&plan->expected[i], &call->out[i])) return LPC_RUN_BOUND;
    return LPC_RUN_OK;
}

/* Runs it. call: `in` with all contents, room for `out`, attributes, workspace. sizes: what the open
 * sizes became, in order. LPC_RUN_*. */
static inline int lpc_custom_execute(lpc_custom_call *call, const lpc_custom_plan *plan,
                                     int64_t *sizes)
{
    int code = lpc_custom_ask(call, plan);
    if (code != LPC_RUN_OK) return code;
    for (int32_t i = 0; i < call->out_count; i++) {
        uint32_t counted = call->out[i].counted;
        if (!plan->shape || !plan->expected[i].type) call->out[i] = plan->expected[i];
        call->out[i].data = plan->expected[i].data;
        call->out[i].counted = counted;
    }
    call->workspace_bytes = plan->workspace_bytes;
    if (plan->run(call)) return LPC_RUN_VALUE;
    for (int32_t i = 0; i < call->out_count; i++) {
        const lpc_custom_tensor *expected = &plan->expected[i], *out = &call->out[i];
        if (!lpc_custom_take(expected, &call->out[i])) return LPC_RUN_BOUND;
        for (int32_t k = 0; expected->type && k < expected->rank; k++)
            if (expected->dims[k] < 0) *sizes++ = out->dims[k];
    }
    return LPC_RUN_OK;
}

#endif
