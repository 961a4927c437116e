/* Streams constants out as C arrays: see arrays.h. */
#include "backend/arrays/arrays.h"

#include "backend/host/output.h"

#include <inttypes.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A byte takes three or four characters of text. A chunk is whole rows, whatever their elements. */
enum { FILE_BYTES = 256 << 10, CHUNK = 64 << 10, ROW = 1024, WIDTH = 98 };

static int64_t elements_of(const Buffer *buffer)
{
    return buffer->max_bytes / (int64_t)dtype_size(buffer->dtype);
}

/* The elements after the last whole row. A row of none there is not; an object of none is not C. */
static int64_t rest_of(const Buffer *buffer)
{
    int64_t count = elements_of(buffer);
    return count ? count % ROW : 1;
}

const char *arrays_declaration(Arena *arena, const Program *program, const Buffer *buffer)
{
    static const char *const bits[] = {
        [1] = "uint_least8_t", [2] = "uint_least16_t", [4] = "uint_least32_t", [8] = "uint64_t"};
    int64_t count = elements_of(buffer), rows = count / ROW, rest = rest_of(buffer);
    Text text;
    text_init(&text, arena);
    text_printf(&text, "extern const union %s_weights_%d { struct { %s ", program->name, buffer->id,
                bits[dtype_size(buffer->dtype)]);
    if (rows) text_printf(&text, "rows[%lld][%d]%s", (long long)rows, ROW, rest ? ", " : "");
    if (rest) text_printf(&text, "rest[%lld]", (long long)rest);
    text_printf(&text, "; } bits; %s values[%lld]; }\n    %s_weights_%d;",
                dtype_ctype(buffer->dtype), (long long)(count ? count : 1), program->name,
                buffer->id);
    return text.data;
}

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
    fprintf(
        a->file,
        "/* %s: weights, file %d of %d. Made by lpc: do not edit.\n"
        " * One object for each constant; %s_run in model.c refers to them. */\n"
        "#include <stdint.h>\n"
        "/* Rows are full: a literal's last 0 has no place in them, which is C, if not C++. */\n"
        "#if defined(__clang__)\n"
        "#if __has_warning(\"-Wunterminated-string-initialization\")\n"
        "#pragma clang diagnostic ignored \"-Wunterminated-string-initialization\"\n"
        "#endif\n"
        "#elif defined(__GNUC__) && __GNUC__ >= 15\n"
        "#pragma GCC diagnostic ignored \"-Wunterminated-string-initialization\"\n"
        "#endif\n",
        a->title, a->number, arrays_files(a->program), a->program->name);
    return LPC_OK;
}

/* The element's bits, "\x3f800000" in a literal, "0x3f800000," in a list: at most 19 characters. */
static int element_text(char *text, const uint8_t *at, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t value = 0;
    int length = 0, shift;
    for (size_t i = size; i-- > 0;) value = value << 8 | at[i];
    for (shift = 60; shift && !(value >> shift); shift -= 4) continue;
    text[length++] = size == 8 ? '0' : '\\';
    text[length++] = 'x';
    for (; shift >= 0; shift -= 4) text[length++] = digits[value >> shift & 15];
    if (size == 8) text[length++] = ',';
    return length;
}

/* A row, or what is left after the last one: literals that the compiler joins, or a list. */
static void put_row(Arrays *a, const uint8_t *at, int64_t count, size_t size)
{
    static const char *const quotes[] = {[1] = "\"", [2] = "u\"", [4] = "U\""};
    const char *begin = size == 8 ? "{" : quotes[size], *end = size == 8 ? "" : "\"";
    const char *again = size == 8 ? "" : begin;
    char text[24];
    int column = fprintf(a->file, "    %s", begin);
    for (int64_t i = 0; i < count; i++) {
        int length = element_text(text, at + (size_t)i * size, size);
        if (column + length >= WIDTH) {
            fprintf(a->file, "%s\n    %s", end, again);
            column = 4 + (int)strlen(again);
        }
        fwrite(text, 1, (size_t)length, a->file);
        column += length;
    }
    fprintf(a->file, "%s,\n", size == 8 ? "}" : end);
}

/* Row after row. The braces are the rows', the bits', the object's. */
static int put_elements(Arrays *a, const Buffer *buffer)
{
    int64_t size = (int64_t)dtype_size(buffer->dtype), count = elements_of(buffer), at = 0;
    int64_t whole = count / ROW * ROW;
    fputs(whole ? "{{{\n" : "{{\n", a->file);
    while (at < count) {
        int64_t left = count - at, part = left < CHUNK / size ? left : CHUNK / size;
        if (buffer->source->read(buffer->source, at * size, a->chunk, (size_t)(part * size)))
            return diag_error(a->diag, "cannot read constant '%s' at byte %" PRId64, buffer->name,
                              at * size);
        for (int64_t i = 0; i < part; i += ROW) {
            put_row(a, a->chunk + i * size, part - i < ROW ? part - i : ROW, (size_t)size);
            if (at + i + ROW == whole) fputs("    },\n", a->file);
        }
        at += part;
    }
    fputs(count ? "}};\n" : "{0}}};\n", a->file);
    return LPC_OK;
}

static int put_array(Arrays *a, const Buffer *buffer)
{
    const char *name = a->program->name;
    fprintf(a->file, "\n/* %s: %lld bytes */\n%s\n", safe_text(a->arena, buffer->name),
            (long long)buffer->max_bytes, arrays_declaration(a->arena, a->program, buffer));
    fprintf(a->file, "_Alignas(64) const union %s_weights_%d %s_weights_%d = ", name, buffer->id,
            name, buffer->id);
    return put_elements(a, buffer);
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
