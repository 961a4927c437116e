/* See custom_host.h. Ends when lpc closes its end. The first reply is the list of functions: for each
 * operator whether its shape function and its function are there. */
#include "custom_host.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- Bytes ---- */

static void *room_for(size_t bytes)
{
    void *room = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!room) _exit(1);
    return room;
}

static int read_all(void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = read(CUSTOM_FD, (char *)to + done, bytes - done);
        if (got <= 0) return 0;
        done += (size_t)got;
    }
    return 1;
}

static void write_all(const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t put = write(CUSTOM_FD, (const char *)from + done, bytes - done);
        if (put <= 0) _exit(0);
        done += (size_t)put;
    }
}

/* What is made for one request goes with it. */
typedef struct Request {
    char *bytes;
    size_t at;
    void **made;
    size_t made_count;
    char *reply;
    size_t reply_bytes, reply_room;
} Request;

static void *make(Request *r, size_t bytes)
{
    void *room = room_for(bytes);
    if ((r->made_count & (r->made_count + 1)) == 0) {
        r->made = realloc(r->made, (2 * r->made_count + 2) * sizeof *r->made);
        if (!r->made) _exit(1);
    }
    memset(room, 0, bytes);
    return r->made[r->made_count++] = room;
}

static int64_t get(Request *r)
{
    int64_t value;
    memcpy(&value, r->bytes + r->at, sizeof value);
    r->at += sizeof value;
    return value;
}

static const char *get_bytes(Request *r, size_t bytes)
{
    const char *at = r->bytes + r->at;
    r->at += (bytes + 7) / 8 * 8;
    return at;
}

static const char *get_text(Request *r)
{
    return get_bytes(r, (size_t)get(r));
}

static void put_bytes(Request *r, const void *from, size_t bytes)
{
    size_t padded = (bytes + 7) / 8 * 8;
    if (r->reply_bytes + padded > r->reply_room) {
        r->reply_room = 2 * (r->reply_bytes + padded);
        r->reply = realloc(r->reply, r->reply_room);
        if (!r->reply) _exit(1);
    }
    memset(r->reply + r->reply_bytes, 0, padded);
    if (bytes) memcpy(r->reply + r->reply_bytes, from, bytes);
    r->reply_bytes += padded;
}

static void put(Request *r, int64_t value)
{
    put_bytes(r, &value, sizeof value);
}

static void put_text(Request *r, const char *text)
{
    size_t bytes = strlen(text) + 1;
    put(r, (int64_t)bytes);
    put_bytes(r, text, bytes);
}

/* ---- Requests ---- */

static lpc_custom_tensor get_tensor(Request *r)
{
    lpc_custom_tensor tensor = {0};
    tensor.type = (int32_t)get(r);
    tensor.rank = (int32_t)get(r);
    tensor.element_bytes = (int32_t)get(r);
    for (int i = 0; i < LPC_CUSTOM_RANK; i++) tensor.dims[i] = get(r);
    return tensor;
}

/* In memory of its own, aligned. NULL: nothing came. */
static void *get_contents(Request *r)
{
    int64_t bytes = get(r);
    if (bytes < 0) return NULL;
    void *contents = make(r, (size_t)bytes);
    memcpy(contents, get_bytes(r, (size_t)bytes), (size_t)bytes);
    return contents;
}

static const char *const *get_texts(Request *r, int32_t count)
{
    const char **texts = make(r, (size_t)count * sizeof *texts);
    for (int32_t i = 0; i < count; i++) texts[i] = get_text(r);
    return (const char *const *)texts;
}

static lpc_custom_attribute get_attribute(Request *r)
{
    lpc_custom_attribute a = {.name = get_text(r)};
    a.kind = (int32_t)get(r);
    a.count = (int32_t)get(r);
    size_t count = (size_t)a.count;
    if (a.kind == LPC_CUSTOM_ATTR_INT || a.kind == LPC_CUSTOM_ATTR_INTS)
        a.ints = (const int64_t *)(const void *)get_bytes(r, count * sizeof(int64_t));
    else if (a.kind == LPC_CUSTOM_ATTR_FLOAT || a.kind == LPC_CUSTOM_ATTR_FLOATS)
        a.floats = (const float *)(const void *)get_bytes(r, count * sizeof(float));
    else if (a.kind == LPC_CUSTOM_ATTR_STRING || a.kind == LPC_CUSTOM_ATTR_STRINGS)
        a.strings = get_texts(r, a.count);
    else {
        lpc_custom_tensor *tensor = make(r, sizeof *tensor);
        *tensor = get_tensor(r);
        tensor->data = get_contents(r);
        a.tensor = tensor;
    }
    return a;
}

/* Inputs, and the same with the contents of constants only. */
static lpc_custom_tensor *get_inputs(Request *r, int count, lpc_custom_tensor **known)
{
    lpc_custom_tensor *in = make(r, (size_t)count * sizeof *in);
    *known = make(r, (size_t)count * sizeof *in);
    for (int i = 0; i < count; i++) {
        in[i] = get_tensor(r);
        (*known)[i] = in[i];
        int64_t constant = get(r);
        in[i].data = get_contents(r);
        if (constant) (*known)[i].data = in[i].data;
    }
    return in;
}

static void shape(Request *r, const custom_entry *entry, lpc_custom_call *call)
{
    put(r, entry->shape(call) != 0); /* any number refuses, CUSTOM_GONE's too */
    put_text(r, call->error ? call->error : "");
    for (int i = 0; i < call->out_count; i++) {
        const lpc_custom_tensor *t = &call->out[i];
        put(r, t->type);
        put(r, t->rank);
        for (int k = 0; k < LPC_CUSTOM_RANK; k++) put(r, t->dims[k]);
        put(r, t->counted);
    }
    put(r, call->workspace_bytes);
    put(r, call->flops);
    put(r, call->impure);
}

static void run(Request *r, lpc_custom_call *call, const lpc_custom_plan *plan, const int64_t *room)
{
    int64_t count = 0;
    for (int i = 0; i < call->out_count; i++)
        for (int k = 0; k < plan->expected[i].rank; k++) count += plan->expected[i].dims[k] < 0;
    call->workspace = make(r, (size_t)plan->workspace_bytes);
    int64_t *open = make(r, (size_t)count * sizeof *open);
    int result = lpc_custom_execute(call, plan, open);
    put(r, result);
    put_text(r, call->error ? call->error : "");
    if (result) count = 0;
    put(r, count);
    for (int64_t i = 0; i < count; i++) put(r, open[i]);
    for (int i = 0; i < call->out_count; i++) {
        put(r, room[i]);
        if (room[i] > 0) put_bytes(r, plan->expected[i].data, (size_t)room[i]);
    }
}

static void answer(Request *r)
{
    int64_t kind = get(r), index = get(r);
    if (index < 0 || index >= custom_entry_count) _exit(1);
    const custom_entry *entry = &custom_entries[index];
    lpc_custom_call call = {.opset = (int32_t)get(r)};
    call.in_count = (int32_t)get(r);
    call.out_count = (int32_t)get(r);
    call.attribute_count = (int32_t)get(r);
    int64_t asks = get(r);
    lpc_custom_plan plan = {.run = entry->run, .shape = asks ? entry->shape : NULL};
    plan.workspace_bytes = get(r);
    lpc_custom_tensor *known, *in = get_inputs(r, call.in_count, &known);
    lpc_custom_attribute *attributes = make(r, (size_t)call.attribute_count * sizeof *attributes);
    for (int i = 0; i < call.attribute_count; i++) attributes[i] = get_attribute(r);
    call.attributes = attributes;
    call.out = make(r, (size_t)call.out_count * sizeof *call.out);
    if (kind == CUSTOM_SHAPE) {
        call.in = known;
        shape(r, entry, &call);
        return;
    }
    lpc_custom_tensor *expected = make(r, (size_t)call.out_count * sizeof *expected);
    int64_t *room = make(r, (size_t)call.out_count * sizeof *room);
    for (int i = 0; i < call.out_count; i++) {
        expected[i] = get_tensor(r);
        room[i] = get(r);
        if (expected[i].type) expected[i].data = make(r, (size_t)room[i]);
    }
    call.in = in;
    plan.known = known;
    plan.expected = expected;
    run(r, &call, &plan, room);
}

static void reply(Request *r)
{
    int64_t bytes = (int64_t)r->reply_bytes;
    write_all(&bytes, sizeof bytes);
    write_all(r->reply, r->reply_bytes);
    for (size_t i = 0; i < r->made_count; i++) free(r->made[i]);
    free(r->made);
    free(r->reply);
    free(r->bytes);
}

int main(void)
{
    Request first = {0};
    for (int i = 0; i < custom_entry_count; i++) {
        put(&first, custom_entries[i].shape != NULL);
        put(&first, custom_entries[i].run != NULL);
    }
    reply(&first);
    for (;;) {
        int64_t bytes;
        Request r = {0};
        if (!read_all(&bytes, sizeof bytes)) return 0;
        r.bytes = room_for((size_t)bytes);
        if (!read_all(r.bytes, (size_t)bytes)) return 0;
        answer(&r);
        reply(&r);
    }
}
