/* Shortens a model message: the weights stay in the mapped file, the rest is copied.
 *
 * One table lists the fields to keep, so everything else (documentation, metadata, unknown fields)
 * disappears here, and protobuf-c sees only messages whose lengths, types and depth were checked.
 */
#include "frontend/wire.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_DEPTH = 100,   /* messages within messages; a graph within a graph takes three */
    KEEP_BYTES = 1024, /* element lists up to this stay in the message */
    FIELD_RAW_DATA = 9,
    FIELD_MAPPED_OFFSET = 20001,
    FIELD_MAPPED_LENGTH = 20002,
    FIELD_MAPPED_FIELD = 20003
};

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

typedef enum Kind {
    KEEP_VARINT, /* also packed when it repeats */
    KEEP_FIXED32,
    KEEP_FIXED64,
    KEEP_BYTES_FIELD,
    KEEP_PRESENCE, /* a message of which only the existence matters: kept empty */
    KEEP_MESSAGE,
    KEEP_ELEMENTS /* tensor data: mapped when long; wire type of one element in `message` */
} Kind;

typedef enum Message {
    M_MODEL,
    M_OPSET,
    M_GRAPH,
    M_NODE,
    M_ATTRIBUTE,
    M_TENSOR,
    M_ENTRY,
    M_SPARSE,
    M_VALUE_INFO,
    M_TYPE,
    M_TENSOR_TYPE,
    M_ELEMENT_TYPE,
    M_MAP_TYPE,
    M_SHAPE,
    M_DIMENSION,
    M_FUNCTION
} Message;

typedef struct Field {
    Message owner;
    uint32_t number;
    Kind kind;
    int message; /* KEEP_MESSAGE: the inner message; KEEP_ELEMENTS: element's wire type */
    bool repeated;
} Field;

/* clang-format off */
static const Field fields[] = {
    {M_MODEL, 1, KEEP_VARINT, 0, false},       {M_MODEL, 2, KEEP_BYTES_FIELD, 0, false},
    {M_MODEL, 7, KEEP_MESSAGE, M_GRAPH, false},
    {M_MODEL, 8, KEEP_MESSAGE, M_OPSET, true}, {M_MODEL, 25, KEEP_MESSAGE, M_FUNCTION, true},
    {M_OPSET, 1, KEEP_BYTES_FIELD, 0, false},  {M_OPSET, 2, KEEP_VARINT, 0, false},
    {M_GRAPH, 1, KEEP_MESSAGE, M_NODE, true},  {M_GRAPH, 2, KEEP_BYTES_FIELD, 0, false},
    {M_GRAPH, 5, KEEP_MESSAGE, M_TENSOR, true},
    {M_GRAPH, 11, KEEP_MESSAGE, M_VALUE_INFO, true},
    {M_GRAPH, 12, KEEP_MESSAGE, M_VALUE_INFO, true},
    {M_GRAPH, 13, KEEP_MESSAGE, M_VALUE_INFO, true},
    {M_GRAPH, 15, KEEP_MESSAGE, M_SPARSE, true},
    {M_NODE, 1, KEEP_BYTES_FIELD, 0, true},    {M_NODE, 2, KEEP_BYTES_FIELD, 0, true},
    {M_NODE, 3, KEEP_BYTES_FIELD, 0, false},   {M_NODE, 4, KEEP_BYTES_FIELD, 0, false},
    {M_NODE, 5, KEEP_MESSAGE, M_ATTRIBUTE, true},
    {M_NODE, 7, KEEP_BYTES_FIELD, 0, false},   {M_NODE, 8, KEEP_BYTES_FIELD, 0, false},
    {M_ATTRIBUTE, 1, KEEP_BYTES_FIELD, 0, false}, {M_ATTRIBUTE, 2, KEEP_FIXED32, 0, false},
    {M_ATTRIBUTE, 3, KEEP_VARINT, 0, false},   {M_ATTRIBUTE, 4, KEEP_BYTES_FIELD, 0, false},
    {M_ATTRIBUTE, 5, KEEP_MESSAGE, M_TENSOR, false},
    {M_ATTRIBUTE, 6, KEEP_MESSAGE, M_GRAPH, false},
    {M_ATTRIBUTE, 7, KEEP_FIXED32, 0, true},   {M_ATTRIBUTE, 8, KEEP_VARINT, 0, true},
    {M_ATTRIBUTE, 9, KEEP_BYTES_FIELD, 0, true}, {M_ATTRIBUTE, 14, KEEP_MESSAGE, M_TYPE, false},
    {M_ATTRIBUTE, 20, KEEP_VARINT, 0, false},
    {M_ATTRIBUTE, 21, KEEP_BYTES_FIELD, 0, false},
    {M_ATTRIBUTE, 22, KEEP_MESSAGE, M_SPARSE, false},
    {M_TENSOR, 1, KEEP_VARINT, 0, true},       {M_TENSOR, 2, KEEP_VARINT, 0, false},
    {M_TENSOR, 4, KEEP_ELEMENTS, WIRE_FIXED32, true},
    {M_TENSOR, 5, KEEP_ELEMENTS, WIRE_VARINT, true},
    {M_TENSOR, 6, KEEP_BYTES_FIELD, 0, true},
    {M_TENSOR, 7, KEEP_ELEMENTS, WIRE_VARINT, true},
    {M_TENSOR, 8, KEEP_BYTES_FIELD, 0, false},
    {M_TENSOR, 9, KEEP_ELEMENTS, WIRE_BYTES, false},
    {M_TENSOR, 10, KEEP_ELEMENTS, WIRE_FIXED64, true},
    {M_TENSOR, 11, KEEP_ELEMENTS, WIRE_VARINT, true},
    {M_TENSOR, 13, KEEP_MESSAGE, M_ENTRY, true}, {M_TENSOR, 14, KEEP_VARINT, 0, false},
    {M_ENTRY, 1, KEEP_BYTES_FIELD, 0, false},  {M_ENTRY, 2, KEEP_BYTES_FIELD, 0, false},
    {M_SPARSE, 1, KEEP_MESSAGE, M_TENSOR, false}, {M_SPARSE, 2, KEEP_MESSAGE, M_TENSOR, false},
    {M_SPARSE, 3, KEEP_VARINT, 0, true},
    {M_VALUE_INFO, 1, KEEP_BYTES_FIELD, 0, false},
    {M_VALUE_INFO, 2, KEEP_MESSAGE, M_TYPE, false},
    {M_TYPE, 1, KEEP_MESSAGE, M_TENSOR_TYPE, false}, {M_TYPE, 4, KEEP_MESSAGE, M_ELEMENT_TYPE, false},
    {M_TYPE, 5, KEEP_MESSAGE, M_MAP_TYPE, false}, {M_TYPE, 7, KEEP_PRESENCE, 0, false},
    {M_TYPE, 8, KEEP_PRESENCE, 0, false},      {M_TYPE, 9, KEEP_MESSAGE, M_ELEMENT_TYPE, false},
    {M_ELEMENT_TYPE, 1, KEEP_MESSAGE, M_TYPE, false},
    {M_MAP_TYPE, 1, KEEP_VARINT, 0, false},    {M_MAP_TYPE, 2, KEEP_MESSAGE, M_TYPE, false},
    {M_TENSOR_TYPE, 1, KEEP_VARINT, 0, false}, {M_TENSOR_TYPE, 2, KEEP_MESSAGE, M_SHAPE, false},
    {M_SHAPE, 1, KEEP_MESSAGE, M_DIMENSION, true},
    {M_DIMENSION, 1, KEEP_VARINT, 0, false},   {M_DIMENSION, 2, KEEP_BYTES_FIELD, 0, false},
    {M_FUNCTION, 1, KEEP_BYTES_FIELD, 0, false}, {M_FUNCTION, 4, KEEP_BYTES_FIELD, 0, true},
    {M_FUNCTION, 5, KEEP_BYTES_FIELD, 0, true},  {M_FUNCTION, 6, KEEP_BYTES_FIELD, 0, true},
    {M_FUNCTION, 7, KEEP_MESSAGE, M_NODE, true}, {M_FUNCTION, 9, KEEP_MESSAGE, M_OPSET, true},
    {M_FUNCTION, 10, KEEP_BYTES_FIELD, 0, false},
    {M_FUNCTION, 11, KEEP_MESSAGE, M_ATTRIBUTE, true}, {M_FUNCTION, 13, KEEP_BYTES_FIELD, 0, false},
};
/* clang-format on */

typedef struct Walk {
    Diag *diag;
    const uint8_t *bytes;
    Text *out;
} Walk;

/* What a message has had so far: fields that may stand once, and tensor elements left out. */
typedef struct Seen {
    uint64_t once;
    uint64_t offset, length;
    uint32_t mapped; /* field number, 0 when nothing was left out */
} Seen;

bool wire_varint(const uint8_t *bytes, size_t end, size_t *at, uint64_t *value)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (*at >= end) return false;
        uint8_t byte = bytes[(*at)++];
        if (shift < 64) result |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *value = result;
            return true;
        }
    }
    return false;
}

static void put_varint(Text *out, uint64_t value)
{
    char buffer[10];
    size_t length = 0;
    while (value >= 0x80) {
        buffer[length++] = (char)(value | 0x80);
        value >>= 7;
    }
    buffer[length++] = (char)value;
    text_addn(out, buffer, length);
}

static void put_key(Text *out, uint32_t number, unsigned wire)
{
    put_varint(out, (uint64_t)number << 3 | wire);
}

static int damaged(const Walk *walk, size_t at, const char *what)
{
    return diag_error(walk->diag, "not a valid ONNX model: byte %zu: %s", at, what);
}

static const Field *find_field(Message owner, uint64_t number)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].owner == owner && fields[i].number == number) return &fields[i];
    }
    return NULL;
}

static bool wire_type_fits(const Field *field, unsigned wire)
{
    switch (field->kind) {
    case KEEP_VARINT: return wire == WIRE_VARINT || (field->repeated && wire == WIRE_BYTES);
    case KEEP_FIXED32: return wire == WIRE_FIXED32 || (field->repeated && wire == WIRE_BYTES);
    case KEEP_FIXED64: return wire == WIRE_FIXED64 || (field->repeated && wire == WIRE_BYTES);
    case KEEP_ELEMENTS: return wire == WIRE_BYTES || wire == (unsigned)field->message;
    default: return wire == WIRE_BYTES;
    }
}

/* The value of one field lies at bytes[*start, *start + *length); moves *at behind it. */
static int measure(const Walk *walk, unsigned wire, size_t end, size_t *at, size_t *start,
                   size_t *length)
{
    uint64_t size = 0;
    *start = *at;
    switch (wire) {
    case WIRE_VARINT:
        if (!wire_varint(walk->bytes, end, at, &size)) return damaged(walk, *start, "bad number");
        *length = *at - *start;
        return LPC_OK;
    case WIRE_FIXED64: size = 8; break;
    case WIRE_FIXED32: size = 4; break;
    case WIRE_BYTES:
        if (!wire_varint(walk->bytes, end, at, &size)) return damaged(walk, *start, "bad length");
        *start = *at;
        break;
    default: return damaged(walk, *at, "unknown wire type (not protobuf, or damaged)");
    }
    if (size > end - *at) {
        return diag_error(walk->diag,
                          "not a valid ONNX model: byte %zu: a field of %" PRIu64
                          " bytes goes past the end (truncated or damaged)",
                          *start, size);
    }
    *at += (size_t)size;
    *length = (size_t)size;
    return LPC_OK;
}

/* A packed list must hold whole elements: protobuf-c is not asked to find that out. */
static bool packed_is_whole(const Walk *walk, unsigned element, size_t start, size_t length)
{
    if (element == WIRE_FIXED32) return length % 4 == 0;
    if (element == WIRE_FIXED64) return length % 8 == 0;
    uint64_t value;
    for (size_t at = start; at < start + length;) {
        if (!wire_varint(walk->bytes, start + length, &at, &value)) return false;
    }
    return true;
}

static unsigned element_wire(const Field *field)
{
    if (field->kind == KEEP_FIXED32) return WIRE_FIXED32;
    if (field->kind == KEEP_FIXED64) return WIRE_FIXED64;
    return field->kind == KEEP_ELEMENTS ? (unsigned)field->message : WIRE_VARINT;
}

static void copy_field(const Walk *walk, const Field *field, unsigned wire, size_t start,
                       size_t length)
{
    put_key(walk->out, field->number, wire);
    if (wire == WIRE_BYTES) put_varint(walk->out, length);
    text_addn(walk->out, (const char *)walk->bytes + start, length);
}

static int walk_message(const Walk *walk, Message message, size_t start, size_t end, int depth);

/* Inner messages get a length of five bytes, filled in when it is known. */
static int copy_message(const Walk *walk, const Field *field, size_t start, size_t length,
                        int depth)
{
    put_key(walk->out, field->number, WIRE_BYTES);
    size_t mark = walk->out->length;
    text_addn(walk->out, "\0\0\0\0\0", 5);
    TRY(walk_message(walk, (Message)field->message, start, start + length, depth + 1));
    size_t size = walk->out->length - mark - 5;
    if (size > INT32_MAX) return damaged(walk, start, "message is too large");
    for (int i = 0; i < 5; i++) {
        walk->out->data[mark + (size_t)i] = (char)((size >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
    }
    return LPC_OK;
}

static int copy_elements(const Walk *walk, const Field *field, unsigned wire, size_t start,
                         size_t length, Seen *seen)
{
    bool raw = field->number == FIELD_RAW_DATA;
    if (raw || (wire == WIRE_BYTES && length > KEEP_BYTES)) {
        if (seen->mapped) return damaged(walk, start, "a tensor has its elements twice");
        seen->mapped = field->number;
        seen->offset = start;
        seen->length = length;
        return LPC_OK;
    }
    if (wire == WIRE_BYTES && !packed_is_whole(walk, element_wire(field), start, length)) {
        return damaged(walk, start, "a list ends within an element");
    }
    copy_field(walk, field, wire, start, length);
    return LPC_OK;
}

static int copy_any(const Walk *walk, const Field *field, unsigned wire, size_t start,
                    size_t length, Seen *seen, int depth)
{
    if (!wire_type_fits(field, wire)) return damaged(walk, start, "field has the wrong wire type");
    uint64_t bit = (uint64_t)1 << field->number;
    if (!field->repeated && (seen->once & bit)) return damaged(walk, start, "field stands twice");
    seen->once |= bit;
    switch (field->kind) {
    case KEEP_MESSAGE: return copy_message(walk, field, start, length, depth);
    case KEEP_ELEMENTS: return copy_elements(walk, field, wire, start, length, seen);
    case KEEP_PRESENCE: copy_field(walk, field, wire, start, 0); return LPC_OK;
    case KEEP_BYTES_FIELD: copy_field(walk, field, wire, start, length); return LPC_OK;
    default:
        if (wire == WIRE_BYTES && !packed_is_whole(walk, element_wire(field), start, length)) {
            return damaged(walk, start, "a list ends within an element");
        }
        copy_field(walk, field, wire, start, length);
        return LPC_OK;
    }
}

static int walk_message(const Walk *walk, Message message, size_t start, size_t end, int depth)
{
    Seen seen = {0};
    if (depth > MAX_DEPTH) return damaged(walk, start, "messages are nested too deeply");
    for (size_t at = start; at < end;) {
        size_t key_at = at, value_at = 0, length = 0;
        uint64_t key = 0;
        if (!wire_varint(walk->bytes, end, &at, &key) || key >> 3 == 0 || key > UINT32_MAX) {
            return damaged(walk, key_at, "bad field number (not protobuf, or damaged)");
        }
        unsigned wire = key & 7;
        TRY(measure(walk, wire, end, &at, &value_at, &length));
        const Field *field = find_field(message, key >> 3);
        if (field) TRY(copy_any(walk, field, wire, value_at, length, &seen, depth));
    }
    if (seen.mapped) {
        put_key(walk->out, FIELD_MAPPED_OFFSET, WIRE_VARINT);
        put_varint(walk->out, seen.offset);
        put_key(walk->out, FIELD_MAPPED_LENGTH, WIRE_VARINT);
        put_varint(walk->out, seen.length);
        put_key(walk->out, FIELD_MAPPED_FIELD, WIRE_VARINT);
        put_varint(walk->out, seen.mapped);
    }
    return LPC_OK;
}

int wire_shorten(Diag *diag, const uint8_t *bytes, size_t size, Text *out)
{
    Walk walk = {diag, bytes, out};
    if (size == 0) return diag_error(diag, "not a valid ONNX model: the file is empty");
    return walk_message(&walk, M_MODEL, 0, size, 0);
}
