/* Strings in tensors of the host: from one bound to another, and as NumPy keeps them: bytes filled up with
 * zeros (S), or numbers of characters (U). */
#include "lib/files/tensor_strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *element(const HostTensor *tensor, int64_t i)
{
    return (uint8_t *)tensor->data + i * dtype_cells(tensor->type);
}

const char *host_string(const HostTensor *tensor, int64_t i, size_t *length)
{
    *length = string_length(tensor->type, element(tensor, i));
    return string_text(element(tensor, i));
}

int host_strings_as(HostTensor *tensor, DType type, Arena *arena, size_t *length)
{
    HostTensor wide = *tensor;
    wide.type = type;
    *length = 0;
    if (tensor->type == type) return LPC_OK;
    if (host_alloc(&wide, arena)) return LPC_ERROR;
    for (int64_t i = 0; i < host_elements(tensor); i++) {
        const char *text = host_string(tensor, i, length);
        if (!string_put(type, element(&wide, i), text, *length)) return LPC_ERROR;
    }
    *tensor = wide;
    return LPC_OK;
}

/* ---- NumPy ---- */

/* 'S12': 12 bytes; '<U12': 12 characters of four. */
static int npy_kind(const char *descr, size_t *units)
{
    if (descr[0] != '\'' || !descr[1] || !strchr("<|=", descr[1])) return 0;
    if (descr[2] != 'S' && descr[2] != 'U') return 0;
    char *end;
    errno = 0;
    unsigned long value = strtoul(descr + 3, &end, 10);
    if (end == descr + 3 || *end != '\'' || errno || value > 4096) return 0;
    *units = value;
    return descr[2];
}

size_t npy_string_bytes(const char *descr)
{
    size_t units = 0;
    int kind = npy_kind(descr, &units);
    return kind == 'U' ? units * 4 : units;
}

DType npy_string_type(const char *descr)
{
    size_t units = 0;
    return npy_kind(descr, &units) ? dtype_string((int64_t)npy_string_bytes(descr)) : DT_NONE;
}

static size_t put_utf8(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t heads[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = (char)(heads[more] | c >> (6 * more));
    for (size_t i = 1; i <= more; i++) to[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

static size_t characters(const uint8_t *from, size_t units, char *to)
{
    size_t length = 0, end = units;
    while (end > 0 && !memcmp(from + (end - 1) * 4, "\0\0\0\0", 4)) end--;
    for (size_t i = 0; i < end; i++) {
        uint32_t c;
        memcpy(&c, from + 4 * i, 4);
        length += put_utf8(c & 0x1fffff, to + length);
    }
    return length;
}

void npy_get_strings(HostTensor *tensor, const char *descr, const uint8_t *from)
{
    size_t units = 0, bytes = npy_string_bytes(descr);
    int kind = npy_kind(descr, &units);
    char text[4 * 4096];
    for (int64_t i = 0; i < host_elements(tensor); i++, from += bytes) {
        size_t length = bytes;
        const char *start = (const char *)from;
        if (kind == 'U') {
            length = characters(from, units, text);
            start = text;
        }
        while (length > 0 && !start[length - 1]) length--;
        string_put(tensor->type, element(tensor, i), start, length);
    }
}

void npy_put_strings(const HostTensor *tensor, uint8_t *to)
{
    size_t most = (size_t)dtype_string_max(tensor->type);
    for (int64_t i = 0; i < host_elements(tensor); i++)
        memcpy(to + (size_t)i * most, string_text(element(tensor, i)), most);
}
