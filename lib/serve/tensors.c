/* See tensors.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/tensors.h"

#include "lib/files/tensor_strings.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *kserve_type(DType type)
{
    if (dtype_is_string(type)) return "BYTES";
    switch (type) {
    case DT_BOOL: return "BOOL";
    case DT_I8:
    case DT_I4:
    case DT_I2: return "INT8";
    case DT_I16: return "INT16";
    case DT_U16: return "UINT16";
    case DT_I32: return "INT32";
    case DT_U32: return "UINT32";
    case DT_I64: return "INT64";
    case DT_U64: return "UINT64";
    case DT_F16: return "FP16";
    case DT_BF16: return "BF16";
    case DT_F32: return "FP32";
    case DT_F64: return "FP64";
    case DT_C64: return "COMPLEX64";
    case DT_C128: return "COMPLEX128";
    default: return "UINT8"; /* u8, u4, u2, and codes of small floats */
    }
}

static int64_t elements_of(const HostTensor *t)
{
    return host_elements(t) * (dtype_is_complex(t->type) ? 2 : 1);
}

/* The type of an element in JSON. */
static DType part_of(const HostTensor *t)
{
    return dtype_is_code(t->type) ? DT_U8 : dtype_part(t->type);
}

/* ---- From JSON ---- */

static bool read_real(Cursor *c, DType type, uint8_t *to)
{
    double value = (double)NAN;
    if (!(cursor_peek(c) == 'n' ? cursor_null(c) : cursor_double(c, &value))) return false;
    float single = (float)value;
    uint16_t half = type == DT_F16 ? f32_to_f16(single) : f32_to_bf16(single);
    if (type == DT_F64)
        memcpy(to, &value, sizeof value);
    else if (type == DT_F32)
        memcpy(to, &single, sizeof single);
    else
        memcpy(to, &half, sizeof half);
    return true;
}

static uint64_t largest(DType type, bool negative)
{
    if (negative) return dtype_is_signed(type) ? (uint64_t)0 - (uint64_t)dtype_min(type) : 0;
    return type == DT_U64 ? UINT64_MAX : (uint64_t)dtype_max(type);
}

static bool read_whole(Cursor *c, DType type, uint8_t *to)
{
    bool negative = false, truth;
    uint64_t size;
    char next = cursor_peek(c);
    if (type == DT_BOOL && (next == 't' || next == 'f')) {
        if (!cursor_bool(c, &truth)) return false;
        *to = truth;
        return true;
    }
    const char *at = c->at;
    if (!cursor_whole(c, &negative, &size)) return false;
    if (size > largest(type, negative)) {
        int length = (int)(c->at - at);
        c->at = at;
        return cursor_fail(c, "%.*s is out of the range of %s", length < 40 ? length : 40, at,
                           kserve_type(type));
    }
    uint64_t bits = negative ? (uint64_t)0 - size : size;
    memcpy(to, &bits, dtype_size(type)); /* little-endian */
    return true;
}

static bool read_string(Cursor *c, DType type, uint8_t *to)
{
    size_t length;
    const char *text = cursor_string(c, &length);
    if (!text) return false;
    return string_put(type, to, text, length) ||
           cursor_fail(c, "a string of %zu bytes, the model takes %" PRId64, length,
                       dtype_string_max(type));
}

static bool read_element(Cursor *c, DType type, uint8_t *to)
{
    if (dtype_is_string(type)) return read_string(c, type, to);
    return dtype_is_float(type) ? read_real(c, type, to) : read_whole(c, type, to);
}

/* All elements of a list, and of lists in it. Counts those that there are. */
static bool read_list(Cursor *c, HostTensor *t, int64_t most, int64_t *count)
{
    DType type = part_of(t);
    size_t size = dtype_size(type);
    if (!cursor_open(c, '[')) return false;
    while (cursor_element(c)) {
        if (cursor_peek(c) == '[') {
            if (!read_list(c, t, most, count)) return false;
            continue;
        }
        if (*count == most)
            return cursor_fail(c, "more than the %" PRId64 " elements of the shape", most);
        if (!read_element(c, type, (uint8_t *)t->data + (size_t)*count * size)) return false;
        ++*count;
    }
    return !c->failed;
}

int kserve_from_json(HostTensor *tensor, Cursor *c)
{
    int64_t count = 0, most = elements_of(tensor);
    const char *before = c->diag->file;
    c->diag->file = arena_printf(c->arena, "input '%s'", tensor->name);
    bool ok = read_list(c, tensor, most, &count);
    if (ok && count < most)
        ok = diag_error(c->diag, "%" PRId64 " elements, its shape has %" PRId64, count, most) == 0;
    c->diag->file = before;
    return ok ? LPC_OK : LPC_ERROR;
}

/* ---- From bytes ---- */

/* Each string has its length before it, four bytes. */
static int strings_from_bytes(HostTensor *t, Diag *diag, const uint8_t *bytes, size_t size)
{
    int64_t count = host_elements(t), most = dtype_string_max(t->type);
    uint8_t *to = t->data;
    for (int64_t i = 0; i < count; i++, to += dtype_size(t->type)) {
        uint32_t length;
        if (size < sizeof length)
            return diag_error(diag, "input '%s': the bytes end in string %" PRId64, t->name, i);
        memcpy(&length, bytes, sizeof length);
        bytes += sizeof length;
        size -= sizeof length;
        if (length > size)
            return diag_error(diag, "input '%s': the bytes end in string %" PRId64, t->name, i);
        if (!string_put(t->type, to, bytes, length))
            return diag_error(diag,
                              "input '%s': a string of %" PRIu32 " bytes, the model takes %" PRId64,
                              t->name, length, most);
        bytes += length;
        size -= length;
    }
    if (size)
        return diag_error(diag, "input '%s': %zu bytes behind the last string", t->name, size);
    return LPC_OK;
}

int kserve_from_bytes(HostTensor *tensor, Diag *diag, const uint8_t *bytes, size_t size)
{
    if (dtype_is_string(tensor->type)) return strings_from_bytes(tensor, diag, bytes, size);
    if (size != tensor->bytes)
        return diag_error(diag, "input '%s': binary_data_size is %zu, its shape makes %zu",
                          tensor->name, size, tensor->bytes);
    if (size) memcpy(tensor->data, bytes, size);
    for (size_t i = 0; tensor->type == DT_BOOL && i < size; i++)
        if (((const uint8_t *)tensor->data)[i] > 1)
            return diag_error(diag, "input '%s': BOOL has the bytes 0 and 1", tensor->name);
    return LPC_OK;
}

/* ---- To JSON ---- */

static void write_real(Text *text, DType type, const uint8_t *at)
{
    double value = 0;
    float single;
    uint16_t half;
    if (type == DT_F64) {
        memcpy(&value, at, sizeof value);
    } else if (type == DT_F32) {
        memcpy(&single, at, sizeof single);
        value = (double)single;
    } else {
        memcpy(&half, at, sizeof half);
        value = (double)(type == DT_F16 ? f16_to_f32(half) : bf16_to_f32(half));
    }
    if (!isfinite(value))
        text_add(text, "null");
    else
        text_printf(text, "%.*g", type == DT_F64 ? 17 : 9, value);
}

static void write_whole(Text *text, DType type, const uint8_t *at)
{
    uint64_t bits = 0;
    size_t size = dtype_size(type);
    memcpy(&bits, at, size);
    if (type == DT_BOOL) {
        text_add(text, bits ? "true" : "false");
    } else if (dtype_is_signed(type) && (at[size - 1] & 0x80)) {
        if (size < 8) bits |= UINT64_MAX << (8 * size);
        text_printf(text, "%" PRId64, (int64_t)bits);
    } else {
        text_printf(text, "%" PRIu64, bits);
    }
}

void kserve_to_json(const HostTensor *tensor, Text *text)
{
    DType type = part_of(tensor);
    size_t size = dtype_size(type);
    int64_t count = elements_of(tensor);
    const uint8_t *at = tensor->data;
    text_add(text, "[");
    for (int64_t i = 0; i < count; i++, at += size) {
        if (i) text_add(text, ",");
        if (dtype_is_string(type))
            json_quote(text, string_text(at), string_length(type, at));
        else if (dtype_is_float(type))
            write_real(text, type, at);
        else
            write_whole(text, type, at);
    }
    text_add(text, "]");
}

/* ---- To bytes ---- */

size_t kserve_to_bytes(const HostTensor *tensor, Text *text)
{
    size_t before = text->length;
    if (!dtype_is_string(tensor->type)) {
        text_addn(text, tensor->data, tensor->bytes);
        return text->length - before;
    }
    const uint8_t *at = tensor->data;
    for (int64_t i = 0; i < host_elements(tensor); i++, at += dtype_size(tensor->type)) {
        uint32_t length = (uint32_t)string_length(tensor->type, at);
        text_addn(text, (const char *)&length, sizeof length);
        text_addn(text, string_text(at), length);
    }
    return text->length - before;
}
