/* Tensors to files: .npy and TensorProto. */
#include "lib/files/tensor_io.h"
#include "lib/files/tensor_strings.h"

#include "frontend/tensor_fields.h"
#include "lib/files/npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int write_file(Diag *diag, const char *path, const void *head, size_t head_size,
                      const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file) return host_file_error(diag, path, "%s", strerror(errno));
    int failed = fwrite(head, 1, head_size, file) != head_size;
    failed |= size && fwrite(data, 1, size, file) != size;
    int reason = errno;
    if (fclose(file)) failed = 1, reason = errno;
    if (!failed) return LPC_OK;
    remove(path);
    return host_file_error(diag, path, "cannot be written: %s", strerror(reason));
}

static int write_npy(const HostTensor *tensor, const char *descr, const void *data, size_t bytes,
                     Diag *diag, const char *path)
{
    char head[512] = "\x93NUMPY\x01";
    size_t length = 10;
    length += (size_t)snprintf(head + length, 200,
                               "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < tensor->rank; i++)
        length += (size_t)snprintf(head + length, 30, "%" PRId64 "%s", tensor->dims[i],
                                   tensor->rank == 1      ? ","
                                   : i + 1 < tensor->rank ? ", "
                                                          : "");
    length += (size_t)snprintf(head + length, 10, "), }");
    while ((length + 1) % 64) head[length++] = ' ';
    head[length++] = '\n';
    head[7] = 0;
    head[8] = (char)((length - 10) & 255);
    head[9] = (char)((length - 10) >> 8);
    return write_file(diag, path, head, length, data, bytes);
}

static int write_npy_strings(const HostTensor *tensor, Diag *diag, const char *path)
{
    size_t most = (size_t)dtype_string_max(tensor->type);
    size_t bytes = (size_t)host_elements(tensor) * most;
    uint8_t *data = arena_alloc(diag->arena, bytes + 1);
    npy_put_strings(tensor, data);
    return write_npy(tensor, arena_printf(diag->arena, "|S%zu", most), data, bytes, diag, path);
}

int host_write_npy(const HostTensor *tensor, Diag *diag, const char *path)
{
    HostTensor wide = *tensor;
    if (tensor->type == DT_BF16 || dtype_is_code(tensor->type)) {
        wide.type = DT_F32;
        if (host_alloc(&wide, diag->arena)) return host_file_error(diag, path, "too large");
        for (int64_t i = 0; i < host_elements(tensor); i++)
            ((float *)wide.data)[i] = (float)host_value(tensor, i);
    } else if (!dtype_is_complex(tensor->type)) {
        wide.type = dtype_held(tensor->type);
    }
    if (dtype_is_string(tensor->type)) return write_npy_strings(tensor, diag, path);
    const char *descr = npy_descr(wide.type);
    const char *order = dtype_size(wide.type) == 1 ? "|" : "<";
    return write_npy(&wide, arena_printf(diag->arena, "%s%s", order, descr), wide.data, wide.bytes,
                     diag, path);
}

static void put_varint(Text *text, uint64_t value)
{
    for (;; value >>= 7) {
        char byte = (char)(value < 128 ? value : (value & 127) | 128);
        text_addn(text, &byte, 1);
        if (value < 128) return;
    }
}

static void put_key(Text *text, int number, int kind)
{
    put_varint(text, (uint64_t)(number << 3 | kind));
}

static void put_strings(Text *text, const HostTensor *tensor)
{
    for (int64_t i = 0; i < host_elements(tensor); i++) {
        size_t length;
        const char *string = host_string(tensor, i, &length);
        put_key(text, TENSOR_STRING, 2);
        put_varint(text, length);
        text_addn(text, string, length);
    }
}

int host_write_pb(const HostTensor *tensor, Diag *diag, const char *path)
{
    Text text;
    text_init(&text, diag->arena);
    for (int i = 0; i < tensor->rank; i++) {
        put_key(&text, TENSOR_DIMS, 0);
        put_varint(&text, (uint64_t)tensor->dims[i]);
    }
    put_key(&text, TENSOR_TYPE, 0);
    put_varint(&text, (uint64_t)dtype_to_onnx(tensor->type));
    if (tensor->name && *tensor->name) {
        put_key(&text, TENSOR_NAME, 2);
        put_varint(&text, strlen(tensor->name));
        text_add(&text, tensor->name);
    }
    if (dtype_is_string(tensor->type)) {
        put_strings(&text, tensor);
        return write_file(diag, path, text.data, text.length, NULL, 0);
    }
    const void *data = tensor->data;
    size_t bytes = tensor->bytes;
    if (dtype_is_subbyte(tensor->type)) {
        int64_t count = host_elements(tensor);
        bytes = (size_t)dtype_const_bytes(tensor->type, count);
        void *packed = arena_alloc(diag->arena, bytes + 1);
        narrow_pack(tensor->type, count, data, packed);
        data = packed;
    }
    put_key(&text, TENSOR_RAW, 2);
    put_varint(&text, bytes);
    return write_file(diag, path, text.data, text.length, data, bytes);
}
