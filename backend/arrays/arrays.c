/* Streams constants out as C arrays: see arrays.h. */
#include "backend/arrays/arrays.h"

#include "backend/host/output.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* An element takes about four characters for each of its bytes. */
enum { FILE_BYTES = 256 << 10, CHUNK = 64 << 10, WIDTH = 98 };

int arrays_number(const Program *program, const Buffer *buffer)
{
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *b = program->buffers[i];
        if (b->class == BUFFER_CONST && b->offset == buffer->offset && b->dtype == buffer->dtype &&
            b->max_bytes == buffer->max_bytes)
            return b->id;
    }
    return buffer->id;
}

static bool has_array(const Program *program, const Buffer *buffer)
{
    return buffer->class == BUFFER_CONST && arrays_number(program, buffer) == buffer->id;
}

/* Does the next buffer begin a new file? *held: bytes in the one that is open; -1: none is. */
static bool begins_file(const Buffer *buffer, int64_t *held)
{
    bool begins = *held < 0 || *held + buffer->max_bytes > FILE_BYTES;
    *held = (begins ? 0 : *held) + buffer->max_bytes;
    return begins;
}

int arrays_files(const Program *program)
{
    int count = 0;
    int64_t held = -1;
    for (int i = 0; i < program->buffer_count; i++) {
        if (has_array(program, program->buffers[i]))
            count += begins_file(program->buffers[i], &held);
    }
    return count;
}

/* Names come from the model: nothing in them may end a comment. */
static const char *safe_text(Arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    for (char *c = copy; *c; c++) {
        if (*c == '*' || *c == '\\' || *c == '?' || *c < 32 || *c > 126) *c = '_';
    }
    return copy;
}

typedef struct Arrays {
    const Program *program;
    const char *title;
    Diag *diag;
    Arena *arena;
    FILE *file; /* the one that is open, or NULL */
    const char *path;
    int number;
    int column;
    uint8_t *chunk;
} Arrays;

static int close_file(Arrays *a)
{
    if (!a->file) return LPC_OK;
    bool bad = ferror(a->file) != 0;
    if (fclose(a->file)) bad = true;
    a->file = NULL;
    if (!bad) return LPC_OK;
    output_remove(a->path);
    return diag_error(a->diag, "cannot write %s: %s", a->path, strerror(errno));
}

static int open_file(Arrays *a, const char *folder)
{
    TRY(close_file(a));
    a->path = arena_printf(a->arena, "%s/weights_%d.c", folder, ++a->number);
    a->file = fopen(a->path, "wb");
    if (!a->file) return diag_error(a->diag, "cannot write %s: %s", a->path, strerror(errno));
    fprintf(a->file,
            "/* %s: weights, file %d of %d. Made by lpc: do not edit.\n"
            " * One array for each constant; %s_run in model.c refers to them. */\n"
            "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n",
            a->title, a->number, arrays_files(a->program), a->program->name);
    return LPC_OK;
}

static void float_text(char *text, size_t size, double value, const char *suffix)
{
    if (isnan(value))
        snprintf(text, size, "NAN");
    else if (isinf(value))
        snprintf(text, size, value < 0 ? "-INFINITY" : "INFINITY");
    else if (value == 0)
        snprintf(text, size, "%s0.0%s", signbit(value) ? "-" : "", suffix);
    else
        snprintf(text, size, "%a%s", value, suffix);
}

#define READ(type)                                                                                 \
    type value;                                                                                    \
    memcpy(&value, at, sizeof value)

static void element_text(char *text, size_t size, DType type, const uint8_t *at)
{
    switch (type) {
    case DT_F32: {
        READ(float);
        float_text(text, size, (double)value, "f");
        return;
    }
    case DT_F64: {
        READ(double);
        float_text(text, size, value, "");
        return;
    }
    case DT_I64: {
        READ(int64_t);
        if (value == INT64_MIN)
            snprintf(text, size, "INT64_MIN");
        else
            snprintf(text, size, "INT64_C(%" PRId64 ")", value);
        return;
    }
    case DT_U64: {
        READ(uint64_t);
        snprintf(text, size, "UINT64_C(%" PRIu64 ")", value);
        return;
    }
    case DT_I32: {
        READ(int32_t);
        if (value == INT32_MIN)
            snprintf(text, size, "INT32_MIN");
        else
            snprintf(text, size, "%" PRId32, value);
        return;
    }
    case DT_U32: {
        READ(uint32_t);
        snprintf(text, size, "%" PRIu32 "U", value);
        return;
    }
    case DT_I8: snprintf(text, size, "%d", (int8_t)*at); return;
    default: break;
    }
    if (dtype_size(type) == 1) {
        snprintf(text, size, "%d", *at);
        return;
    }
    READ(uint16_t); /* f16 and bf16 are their bits */
    snprintf(text, size, "%d", type == DT_I16 ? (int16_t)value : value);
}

static void put_element(Arrays *a, DType type, const uint8_t *at)
{
    char text[48];
    element_text(text, sizeof text, type, at);
    int length = (int)strlen(text) + 2;
    if (a->column + length > WIDTH) {
        fputs("\n   ", a->file);
        a->column = 3;
    }
    fprintf(a->file, " %s,", text);
    a->column += length;
}

static int put_array(Arrays *a, const Buffer *buffer)
{
    size_t element = dtype_size(buffer->dtype);
    int64_t count = buffer->max_bytes / (int64_t)element;
    fprintf(a->file, "\n/* %s: %lld bytes */\n", safe_text(a->arena, buffer->name),
            (long long)buffer->max_bytes);
    fprintf(a->file, "extern const %s %s_weights_%d[%lld];\n", dtype_ctype(buffer->dtype),
            a->program->name, buffer->id, (long long)count);
    fprintf(a->file, "_Alignas(64) const %s %s_weights_%d[%lld] = {\n   ",
            dtype_ctype(buffer->dtype), a->program->name, buffer->id, (long long)count);
    a->column = 3;
    for (int64_t at = 0; at < count * (int64_t)element;) {
        int64_t left = count * (int64_t)element - at;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;
        if (buffer->source->read(buffer->source, at, a->chunk, size))
            return diag_error(a->diag, "cannot read constant '%s' at byte %lld", buffer->name,
                              (long long)at);
        for (size_t i = 0; i < size; i += element) put_element(a, buffer->dtype, a->chunk + i);
        at += (int64_t)size;
    }
    fputs("\n};\n", a->file);
    return LPC_OK;
}

int arrays_write(const Program *program, const char *title, Diag *diag, const char *folder)
{
    Arrays a = {.program = program, .title = title, .diag = diag, .arena = arena_new()};
    int64_t held = -1;
    int code = LPC_OK;
    a.chunk = arena_alloc(a.arena, CHUNK);
    for (int i = 0; i < program->buffer_count && !code; i++) {
        const Buffer *buffer = program->buffers[i];
        if (!has_array(program, buffer)) continue;
        if (begins_file(buffer, &held)) code = open_file(&a, folder);
        if (!code) code = put_array(&a, buffer);
        if (!code && ferror(a.file)) code = close_file(&a);
    }
    if (code && a.file) {
        fclose(a.file);
        output_remove(a.path);
    } else if (!code) {
        code = close_file(&a);
    }
    arena_free(a.arena);
    return code;
}
