/* See wire.h. */
#include "lib/custom/wire.h"

#include "runtime/host/custom_host.h"

#include <string.h>

/* ---- Requests ---- */

static void put_bytes(Text *out, const void *data, size_t bytes)
{
    static const char zeros[8];
    text_addn(out, data, bytes);
    text_addn(out, zeros, (8 - bytes % 8) % 8);
}

static void put(Text *out, int64_t value)
{
    put_bytes(out, &value, sizeof value);
}

static void put_text(Text *out, const char *text)
{
    size_t bytes = strlen(text) + 1;
    put(out, (int64_t)bytes);
    put_bytes(out, text, bytes);
}

static int64_t bytes_of(const lpc_custom_tensor *t)
{
    return lpc_custom_elements(t) * t->element_bytes;
}

static void put_tensor(Text *out, const lpc_custom_tensor *t)
{
    put(out, t->type);
    put(out, t->rank);
    put(out, t->element_bytes);
    for (int i = 0; i < LPC_CUSTOM_RANK; i++) put(out, t->dims[i]);
}

static void put_contents(Text *out, const lpc_custom_tensor *t)
{
    if (!t->data) {
        put(out, -1);
        return;
    }
    put(out, bytes_of(t));
    put_bytes(out, t->data, (size_t)bytes_of(t));
}

static void put_attribute(Text *out, const lpc_custom_attribute *a)
{
    put_text(out, a->name);
    put(out, a->kind);
    put(out, a->count);
    size_t count = (size_t)a->count;
    if (a->ints) put_bytes(out, a->ints, count * sizeof *a->ints);
    if (a->floats) put_bytes(out, a->floats, count * sizeof *a->floats);
    for (size_t i = 0; a->strings && i < count; i++) put_text(out, a->strings[i]);
    if (!a->tensor) return;
    put_tensor(out, a->tensor);
    put_contents(out, a->tensor);
}

/* Bytes that an output has at most. */
static int64_t room_of(const lpc_custom_tensor *expected)
{
    lpc_custom_tensor most = *expected;
    if (!expected->type) return -1;
    for (int i = 0; i < most.rank; i++)
        if (most.dims[i] < 0) most.dims[i] = -1 - most.dims[i];
    return bytes_of(&most);
}

/* How many sizes the function sets. */
static int64_t open_of(const lpc_custom_plan *plan, int out_count)
{
    int64_t count = 0;
    for (int i = 0; i < out_count; i++)
        for (int k = 0; k < plan->expected[i].rank; k++) count += plan->expected[i].dims[k] < 0;
    return count;
}

void wire_call(Text *out, int index, const lpc_custom_call *call, const lpc_custom_plan *plan,
               bool asks)
{
    put(out, plan ? CUSTOM_RUN : CUSTOM_SHAPE);
    put(out, index);
    put(out, call->opset);
    put(out, call->in_count);
    put(out, call->out_count);
    put(out, call->attribute_count);
    put(out, asks);
    put(out, plan ? plan->workspace_bytes : 0);
    for (int i = 0; i < call->in_count; i++) {
        put_tensor(out, &call->in[i]);
        put(out, plan ? plan->known[i].data != NULL : 1);
        put_contents(out, &call->in[i]);
    }
    for (int i = 0; i < call->attribute_count; i++) put_attribute(out, &call->attributes[i]);
    for (int i = 0; plan && i < call->out_count; i++) {
        put_tensor(out, &plan->expected[i]);
        put(out, room_of(&plan->expected[i]));
    }
}

/* ---- Replies ---- */

static const char *get_bytes(WireReader *r, size_t bytes)
{
    size_t left = r->length - r->at;
    if (bytes > left || (bytes + 7) / 8 * 8 > left) return NULL;
    size_t padded = (bytes + 7) / 8 * 8;
    r->at += padded;
    return r->data + r->at - padded;
}

int64_t wire_get(WireReader *r)
{
    int64_t value = 0;
    const char *from = get_bytes(r, sizeof value);
    if (from) memcpy(&value, from, sizeof value);
    return value;
}

/* A reply that is none, of a process whose memory the functions spoilt. */
static int broken(lpc_custom_call *call)
{
    call->error = "it spoilt the memory of its process";
    return CUSTOM_GONE;
}

/* The function's result, and why. */
static int get_result(WireReader *r, Customs *set, lpc_custom_call *call)
{
    int code = (int)wire_get(r);
    const char *text = get_bytes(r, (size_t)wire_get(r));
    call->error = text && *text ? arena_strdup(set->arena, text) : NULL;
    return code;
}

int wire_shape(WireReader *r, Customs *set, lpc_custom_call *call)
{
    int code = get_result(r, set, call);
    for (int i = 0; i < call->out_count; i++) {
        lpc_custom_tensor *t = &call->out[i];
        t->type = (int32_t)wire_get(r);
        t->rank = (int32_t)wire_get(r);
        for (int k = 0; k < LPC_CUSTOM_RANK; k++) t->dims[k] = wire_get(r);
        t->counted = (uint32_t)wire_get(r);
    }
    call->workspace_bytes = wire_get(r);
    call->flops = wire_get(r);
    call->impure = (int32_t)wire_get(r);
    return code;
}

int wire_run(WireReader *r, Customs *set, lpc_custom_call *call, const lpc_custom_plan *plan,
             int64_t *sizes)
{
    int code = get_result(r, set, call);
    int64_t open = wire_get(r);
    if (open != (code ? 0 : open_of(plan, call->out_count))) return broken(call);
    for (int64_t i = 0; i < open; i++) sizes[i] = wire_get(r);
    for (int i = 0; i < call->out_count; i++) {
        int64_t bytes = wire_get(r);
        const char *data = bytes > 0 ? get_bytes(r, (size_t)bytes) : NULL;
        if (bytes != room_of(&plan->expected[i]) || (bytes > 0 && !data)) return broken(call);
        if (data) memcpy(plan->expected[i].data, data, (size_t)bytes);
    }
    return code;
}
