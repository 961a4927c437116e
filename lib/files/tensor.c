/* Tensors in memory. */
#include "lib/files/tensor_io.h"

#include <inttypes.h>
#include <string.h>

int host_file_error(Diag *diag, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *what = arena_vprintf(diag->arena, format, args);
    va_end(args);
    const char *file = diag->file;
    diag->file = path;
    int code = diag_error(diag, "%s", what);
    diag->file = file;
    return code;
}

int64_t host_elements(const HostTensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= tensor->dims[i];
    return count;
}

int host_alloc(HostTensor *tensor, Arena *arena)
{
    size_t bytes = dtype_size(tensor->type);
    int empty = 0;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] < 0) return LPC_ERROR;
        if (tensor->dims[i] == 0) empty = 1;
    }
    for (int i = 0; i < tensor->rank && !empty; i++)
        if (__builtin_mul_overflow(bytes, (size_t)tensor->dims[i], &bytes)) return LPC_ERROR;
    tensor->bytes = empty ? 0 : bytes;
    if (tensor->bytes > SIZE_MAX / 4) return LPC_ERROR;
    uintptr_t at = (uintptr_t)arena_alloc(arena, tensor->bytes + 64);
    tensor->data = (void *)((at + 63) / 64 * 64);
    return LPC_OK;
}

const char *host_shape_text(const HostTensor *tensor, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    text_printf(&text, "%s[", dtype_name(tensor->type));
    for (int i = 0; i < tensor->rank; i++)
        text_printf(&text, "%s%" PRId64, i ? "," : "", tensor->dims[i]);
    text_add(&text, "]");
    return text.data;
}

static double narrow_value(DType type, uint8_t held)
{
    if (dtype_is_code(type)) return (double)narrow_to_f32(type, held);
    return dtype_is_signed(type) ? (int8_t)held : held;
}

double host_value(const HostTensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    switch (tensor->type) {
    case DT_BOOL:
    case DT_U8: return ((const uint8_t *)data)[i];
    case DT_I8: return ((const int8_t *)data)[i];
    case DT_I16: return ((const int16_t *)data)[i];
    case DT_U16: return ((const uint16_t *)data)[i];
    case DT_I32: return ((const int32_t *)data)[i];
    case DT_U32: return ((const uint32_t *)data)[i];
    case DT_I64: return (double)((const int64_t *)data)[i];
    case DT_U64: return (double)((const uint64_t *)data)[i];
    case DT_F16: return (double)f16_to_f32(((const uint16_t *)data)[i]);
    case DT_BF16: return (double)bf16_to_f32(((const uint16_t *)data)[i]);
    case DT_F32: return (double)((const float *)data)[i];
    case DT_F64: return ((const double *)data)[i];
    case DT_C64: return (double)((const float *)data)[2 * i];
    case DT_C128: return ((const double *)data)[2 * i];
    case DT_NONE:
    case DT_COUNT: return 0;
    default: break;
    }
    if (dtype_is_string(tensor->type)) return 0;
    return narrow_value(tensor->type, ((const uint8_t *)data)[i]);
}
