/* See infer.h; the format: https://github.com/kserve/open-inference-protocol, and Triton's extensions for binary
 * tensors and sequences. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/infer.h"

#include <inttypes.h>
#include <string.h>

enum {
    JSON_BYTES = 65536,
    ELEMENT_BYTES = 32,
    ESCAPED_BYTES = 6
}; /* JSON beside tensors, and of these */

/* One of the request's inputs, before its place in the package is known. */
typedef struct InferInput {
    const char *name, *type;
    int rank; /* -1: no shape */
    int64_t dims[TENSOR_RANK_MAX];
    bool has_data;
    Cursor data;         /* where they stand */
    int64_t binary_size; /* -1: they stand in the JSON */
} InferInput;

/* What is read. */
typedef struct Reading {
    Infer *infer;
    const Package *package;
    Arena *arena;
    Diag *diag;
    const uint8_t *bytes; /* the binary part that no input has taken yet */
    size_t left;
    bool names_outputs, all_binary;
} Reading;

size_t infer_most(const Package *package)
{
    uint64_t most = JSON_BYTES;
    for (int i = 0; i < package->inputs.count; i++) {
        const PackageTensor *t = &package->inputs.tensors[i];
        uint64_t each = dtype_is_string(t->type)
                            ? t->max_bytes * ESCAPED_BYTES
                            : t->max_bytes / dtype_size(dtype_part(t->type)) * ELEMENT_BYTES;
        most += each + t->max_bytes;
    }
    return most < SIZE_MAX / 4 ? (size_t)most : SIZE_MAX / 4;
}

/* ---- Parameters ---- */

/* A number or a text, as text. */
static const char *read_name(Cursor *c, Arena *arena)
{
    bool negative;
    uint64_t value;
    if (cursor_peek(c) == '"') return cursor_string(c, NULL);
    if (!cursor_whole(c, &negative, &value)) return NULL;
    return arena_printf(arena, "%s%" PRIu64, negative ? "-" : "", value);
}

static void read_parameters(Reading *r, Cursor *c)
{
    const char *name;
    if (!cursor_open(c, '{')) return;
    while (cursor_key(c, &name)) {
        if (!strcmp(name, "binary_data_output"))
            (void)cursor_bool(c, &r->all_binary);
        else if (!strcmp(name, "sequence_id"))
            r->infer->sequence = read_name(c, r->arena);
        else if (!strcmp(name, "sequence_start"))
            (void)cursor_bool(c, &r->infer->sequence_start);
        else if (!strcmp(name, "sequence_end"))
            (void)cursor_bool(c, &r->infer->sequence_end);
        else
            cursor_skip(c);
    }
}

static void read_binary_size(Cursor *c, InferInput *given)
{
    const char *name;
    bool negative;
    uint64_t size;
    if (!cursor_open(c, '{')) return;
    while (cursor_key(c, &name)) {
        if (strcmp(name, "binary_data_size") != 0) {
            cursor_skip(c);
        } else if (cursor_whole(c, &negative, &size)) {
            if (negative || size > INT64_MAX)
                (void)cursor_fail(c, "binary_data_size: expected a size");
            else
                given->binary_size = (int64_t)size;
        }
    }
}

/* ---- Inputs ---- */

static void read_shape(Cursor *c, InferInput *given)
{
    bool negative;
    uint64_t dim;
    given->rank = 0;
    if (!cursor_open(c, '[')) return;
    while (cursor_element(c)) {
        if (!cursor_whole(c, &negative, &dim)) return;
        if (given->rank == TENSOR_RANK_MAX || (negative && dim) || dim > INT64_MAX) {
            (void)cursor_fail(c, "shape: expected up to %d sizes", TENSOR_RANK_MAX);
            return;
        }
        given->dims[given->rank++] = (int64_t)dim;
    }
}

static void read_given(Cursor *c, InferInput *given)
{
    const char *name;
    *given = (InferInput){.rank = -1, .binary_size = -1};
    if (!cursor_open(c, '{')) return;
    while (cursor_key(c, &name)) {
        if (!strcmp(name, "name")) {
            given->name = cursor_string(c, NULL);
        } else if (!strcmp(name, "datatype")) {
            given->type = cursor_string(c, NULL);
        } else if (!strcmp(name, "shape")) {
            read_shape(c, given);
        } else if (!strcmp(name, "parameters")) {
            read_binary_size(c, given);
        } else if (!strcmp(name, "data")) {
            given->data = *c;
            given->has_data = true;
            cursor_skip(c);
        } else {
            cursor_skip(c);
        }
    }
}

/* "no input is called 'x'; there are 'a', 'b'" */
static int unknown(Reading *r, const PackageEnd *end, const char *what, const char *name)
{
    Text text;
    text_init(&text, r->arena);
    for (int i = 0; i < end->count; i++)
        text_printf(&text, "%s'%s'", i ? ", " : "", end->tensors[i].name);
    return diag_error(r->diag, "no %s is called '%.80s'; there are %s", what, name, text.data);
}

/* The tensor's memory, once its declared bound allows it. */
static int make_tensor(Reading *r, const PackageTensor *declared, const InferInput *given,
                       HostTensor *t)
{
    int64_t bytes = (int64_t)dtype_size(declared->type);
    bool fits = true;
    *t = (HostTensor){
        .name = (char *)(uintptr_t)declared->name, .type = declared->type, .rank = given->rank};
    for (int d = 0; d < given->rank; d++) {
        t->dims[d] = given->dims[d];
        fits = fits && !__builtin_mul_overflow(bytes, given->dims[d], &bytes);
    }
    if (!fits || (uint64_t)bytes > declared->max_bytes)
        return diag_error(r->diag, "input '%s': its shape is too large: at most %" PRIu64 " bytes",
                          declared->name, declared->max_bytes);
    return host_alloc(t, r->arena)
               ? diag_error(r->diag, "input '%s': out of memory", declared->name)
               : LPC_OK;
}

static int take_data(Reading *r, InferInput *given, HostTensor *t)
{
    size_t size = (size_t)given->binary_size;
    if (given->binary_size < 0 && !given->has_data)
        return diag_error(r->diag, "input '%s': expected data or binary_data_size", t->name);
    if (given->binary_size < 0) return kserve_from_json(t, &given->data);
    if (size > r->left)
        return diag_error(r->diag, "input '%s': binary_data_size is %zu, %zu bytes are left",
                          t->name, size, r->left);
    TRY(kserve_from_bytes(t, r->diag, r->bytes, size));
    r->bytes += size;
    r->left -= size;
    return LPC_OK;
}

static int take_given(Reading *r, InferInput *given)
{
    if (!given->name) return diag_error(r->diag, "an input has no name");
    int index = package_find(&r->package->inputs, given->name);
    if (index < 0) return unknown(r, &r->package->inputs, "input", given->name);
    const PackageTensor *declared = &r->package->inputs.tensors[index];
    HostTensor *t = &r->infer->inputs[index];
    const char *type = kserve_type(declared->type);
    if (t->data) return diag_error(r->diag, "input '%s' is given twice", given->name);
    if (!given->type || strcmp(given->type, type) != 0)
        return diag_error(r->diag, "input '%s': expected datatype %s, got %.40s", given->name, type,
                          given->type ? given->type : "none");
    if (given->rank < 0) return diag_error(r->diag, "input '%s': expected a shape", given->name);
    TRY(make_tensor(r, declared, given, t));
    return take_data(r, given, t);
}

static int read_inputs(Reading *r, Cursor *c)
{
    InferInput given;
    if (!cursor_open(c, '[')) return LPC_ERROR;
    while (cursor_element(c)) {
        read_given(c, &given);
        if (c->failed) return LPC_ERROR;
        TRY(take_given(r, &given));
    }
    return c->failed ? LPC_ERROR : LPC_OK;
}

/* ---- Outputs ---- */

static int read_output(Reading *r, Cursor *c)
{
    const char *name, *output = NULL, *inner;
    bool binary = r->all_binary;
    if (!cursor_open(c, '{')) return LPC_ERROR;
    while (cursor_key(c, &name)) {
        if (!strcmp(name, "name")) {
            output = cursor_string(c, NULL);
        } else if (!strcmp(name, "parameters") && cursor_open(c, '{')) {
            while (cursor_key(c, &inner)) {
                if (!strcmp(inner, "binary_data"))
                    (void)cursor_bool(c, &binary);
                else
                    cursor_skip(c);
            }
        } else {
            cursor_skip(c);
        }
    }
    if (c->failed) return LPC_ERROR;
    if (!output) return diag_error(r->diag, "an output has no name");
    int index = package_find(&r->package->outputs, output);
    if (index < 0) return unknown(r, &r->package->outputs, "output", output);
    r->infer->wanted[index] = true;
    r->infer->binary[index] = binary;
    r->names_outputs = true;
    return LPC_OK;
}

static int read_outputs(Reading *r, Cursor *c)
{
    if (!cursor_open(c, '[')) return LPC_ERROR;
    while (cursor_element(c)) TRY(read_output(r, c));
    return c->failed ? LPC_ERROR : LPC_OK;
}

/* ---- The request ---- */

static int read_request(Reading *r, Cursor *c)
{
    const char *name;
    if (!cursor_open(c, '{')) return LPC_ERROR;
    while (cursor_key(c, &name)) {
        if (!strcmp(name, "id"))
            r->infer->id = cursor_string(c, NULL);
        else if (!strcmp(name, "inputs"))
            TRY(read_inputs(r, c));
        else if (!strcmp(name, "outputs"))
            TRY(read_outputs(r, c));
        else if (!strcmp(name, "parameters"))
            read_parameters(r, c);
        else
            cursor_skip(c);
    }
    if (c->failed || !cursor_ended(c)) return LPC_ERROR;
    return LPC_OK;
}

/* What the outputs are when none is named, and how all go where that was asked for. */
static void complete_outputs(Reading *r)
{
    for (int i = 0; i < r->package->outputs.count; i++) {
        if (!r->names_outputs) r->infer->wanted[i] = true;
        if (!r->names_outputs) r->infer->binary[i] = r->all_binary;
    }
}

int infer_read(Infer *infer, const Package *package, Arena *arena, Diag *diag, uint8_t *body,
               size_t size, size_t json_bytes)
{
    Reading r = {infer, package, arena, diag, body + json_bytes, size - json_bytes, false, false};
    Cursor c;
    size_t outputs = (size_t)package->outputs.count + 1;
    *infer =
        (Infer){.sizes = arena_array(arena, (size_t)package->symbol_count + 1, sizeof(int64_t)),
                .inputs = arena_array(arena, (size_t)package->inputs.count + 1, sizeof(HostTensor)),
                .wanted = arena_array(arena, outputs, sizeof(bool)),
                .binary = arena_array(arena, outputs, sizeof(bool))};
    if (json_bytes < size) { /* the cursor wants a zero there */
        char *json = arena_strndup(arena, (const char *)body, json_bytes);
        cursor_init(&c, arena, diag, json, json_bytes);
    } else {
        cursor_init(&c, arena, diag, (const char *)body, json_bytes);
    }
    TRY(read_request(&r, &c));
    if (r.left) return diag_error(diag, "%zu bytes behind the binary data of the inputs", r.left);
    complete_outputs(&r);
    return package_bind(package, diag, infer->inputs, infer->sizes);
}

int infer_payload(const Infer *infer, const LpcShape *shape, Arena *arena, Diag *diag,
                  const uint8_t **payload, size_t *bytes)
{
    uint32_t count = shape->contract->tensor_count;
    uint64_t *lengths = arena_array(arena, count + 1, sizeof *lengths), length;
    uint64_t *offsets = arena_array(arena, count + 1, sizeof *offsets);
    LpcError error = {0};
    if (lpc_layout(shape, infer->sizes, lengths, offsets, &length, &error))
        return diag_error(diag, "%s", error.text);
    uint8_t *to = arena_alloc(arena, (size_t)length);
    if (shape->symbol_count) memcpy(to, infer->sizes, shape->symbol_count * sizeof(int64_t));
    for (uint32_t k = 0; k < count; k++) {
        if (lengths[k] != infer->inputs[k].bytes)
            return diag_error(diag, "input '%s': %zu bytes, expected %" PRIu64,
                              infer->inputs[k].name, infer->inputs[k].bytes, lengths[k]);
        if (lengths[k]) memcpy(to + offsets[k], infer->inputs[k].data, (size_t)lengths[k]);
    }
    *payload = to;
    *bytes = (size_t)length;
    return LPC_OK;
}

/* ---- The reply ---- */

static void quote(Text *text, const char *string)
{
    json_quote(text, string, strlen(string));
}

/* One output: its head, and its elements here or in `bytes`. */
static void put_output(const HostTensor *t, bool binary, Text *text, Text *bytes)
{
    text_add(text, "{\"name\":");
    quote(text, t->name);
    text_printf(text, ",\"datatype\":\"%s\",\"shape\":[", kserve_type(t->type));
    for (int d = 0; d < t->rank; d++) text_printf(text, "%s%" PRId64, d ? "," : "", t->dims[d]);
    if (binary) {
        text_printf(text, "],\"parameters\":{\"binary_data_size\":%zu}}",
                    kserve_to_bytes(t, bytes));
        return;
    }
    text_add(text, "],\"data\":");
    kserve_to_json(t, text);
    text_add(text, "}");
}

int infer_reply(const Infer *infer, const Package *package, const LpcShape *shape, Diag *diag,
                uint8_t *answer, Text *reply, size_t *json_bytes)
{
    uint32_t count = shape->contract->tensor_count;
    uint64_t *lengths = arena_array(diag->arena, count + 1, sizeof *lengths), length;
    uint64_t *offsets = arena_array(diag->arena, count + 1, sizeof *offsets);
    const int64_t *sizes = (const int64_t *)(const void *)answer;
    LpcError error = {0};
    Text bytes;
    text_init(&bytes, diag->arena);
    if (lpc_layout(shape, sizes, lengths, offsets, &length, &error))
        return diag_error(diag, "%s", error.text);
    text_add(reply, "{\"model_name\":");
    quote(reply, package->model ? package->model : "model");
    text_add(reply, ",\"model_version\":\"1\"");
    if (infer->id) text_add(reply, ",\"id\":"), quote(reply, infer->id);
    text_add(reply, ",\"outputs\":[");
    bool first = true;
    for (uint32_t k = 0; k < count; k++) {
        HostTensor t = {0};
        if (!infer->wanted[k]) continue;
        package_shape(&package->outputs.tensors[k], sizes, &t);
        t.data = answer + offsets[k];
        t.bytes = (size_t)lengths[k];
        if (!first) text_add(reply, ",");
        put_output(&t, infer->binary[k], reply, &bytes);
        first = false;
    }
    text_add(reply, "]}");
    *json_bytes = reply->length;
    text_addn(reply, bytes.data, bytes.length);
    return LPC_OK;
}

/* ---- The model ---- */

static void describe_end(const PackageEnd *end, Text *text)
{
    for (int i = 0; i < end->count; i++) {
        const PackageTensor *t = &end->tensors[i];
        text_add(text, i ? ",{\"name\":" : "{\"name\":");
        quote(text, t->name);
        text_printf(text, ",\"datatype\":\"%s\",\"shape\":[", kserve_type(t->type));
        for (int d = 0; d < t->rank; d++)
            text_printf(text, "%s%" PRId64, d ? "," : "",
                        t->dims[d]->kind == SIZE_CONST ? size_eval(t->dims[d], NULL) : -1);
        text_add(text, "]}");
    }
}

void infer_describe(const Package *package, Text *text)
{
    text_add(text, "{\"name\":");
    quote(text, package->model ? package->model : "model");
    text_add(text, ",\"versions\":[\"1\"],\"platform\":\"lpc\",\"inputs\":[");
    describe_end(&package->inputs, text);
    text_add(text, "],\"outputs\":[");
    describe_end(&package->outputs, text);
    text_add(text, "]}");
}
