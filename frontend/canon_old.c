/* Opset 6, which many converted models still have: broadcasting by attributes, is_test. */
#include "frontend/import.h"

#include <string.h>

static int rank_of(const Call *call, int i)
{
    return scope_rank(call->scope, call->proto->input[i]);
}

/* Appends `count` axes of size 1 to input i of rank `rank`. */
static void append_axes(Call *call, int i, int rank, int count)
{
    int64_t axes[MAX_RANK];
    for (int k = 0; k < count; k++) axes[k] = rank + k;
    call->in[i] = call_make(call, OP_UNSQUEEZE, call->in[i], call_i64(call, count, axes), NULL);
}

static int unknown_rank(const Call *call)
{
    return call_fail(call, "the number of dimensions is not known here; convert the model to "
                           "opset 7 or newer");
}

/* Add(a, b) broadcast=1 axis=1: b's axes stand for a's axes from 1 on. Without axis for the last
 * ones, which is today's rule. */
static int old_binary(Call *call)
{
    int64_t axis = attr_int(call, "axis", -1);
    bool aligned = attr_int(call, "broadcast", 0) && attr_find(call, "axis");
    if (call->in_count != 2 || !call->in[0] || !call->in[1])
        return call_fail(call, "expected 2 inputs");
    if (aligned) {
        int rank = rank_of(call, 0), own = rank_of(call, 1);
        if (rank < 0 || own < 0) return unknown_rank(call);
        if (axis < 0) axis += rank;
        if (axis < 0 || axis + own > rank)
            return call_fail(call, "axis %lld does not fit", (long long)axis);
        if (axis + own < rank) append_axes(call, 1, own, rank - own - (int)axis);
    }
    attr_delete(call, "axis");
    attr_delete(call, "broadcast");
    call->opset = 0;
    return LPC_OK;
}

static int old_gemm(Call *call)
{
    attr_delete(call, "broadcast");
    call->opset = 0;
    return LPC_OK;
}

/* The slope goes along axis 1, whatever comes after it. */
static int old_prelu(Call *call)
{
    if (call->in_count != 2 || !call->in[0] || !call->in[1])
        return call_fail(call, "expected 2 inputs");
    Tensor *slope = call->in[1];
    int rank = rank_of(call, 0);
    call->opset = 0;
    if (slope->data && tensor_static_elements(slope) == 1) return LPC_OK;
    if (rank < 0 || rank_of(call, 1) != 1) return unknown_rank(call);
    if (rank > 2) append_axes(call, 1, 1, rank - 2);
    return LPC_OK;
}

static int old_batch_norm(Call *call)
{
    if (!attr_int(call, "is_test", 0) && call->out_count > 1) {
        return call_fail(call, "training is not supported");
    }
    if (attr_int(call, "spatial", 1) != 1) return call_fail(call, "spatial=0 is not supported");
    attr_delete(call, "is_test");
    attr_delete(call, "spatial");
    attr_delete(call, "momentum");
    call->opset = 0;
    return LPC_OK;
}

static int old_dropout(Call *call)
{
    attr_delete(call, "is_test");
    return decompose_dropout(call);
}

const Rule canon_old_rules[] = {
    {"Add", 7, old_binary},      {"Sub", 7, old_binary},
    {"Mul", 7, old_binary},      {"Div", 7, old_binary},
    {"Pow", 7, old_binary},      {"And", 7, old_binary},
    {"Or", 7, old_binary},       {"Xor", 7, old_binary},
    {"Equal", 7, old_binary},    {"Less", 7, old_binary},
    {"Greater", 7, old_binary},  {"Gemm", 7, old_gemm},
    {"PRelu", 7, old_prelu},     {"BatchNormalization", 7, old_batch_norm},
    {"Dropout", 7, old_dropout}, {NULL, 0, NULL},
};
