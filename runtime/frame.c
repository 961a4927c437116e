/* Frames: encoding, checking, refusing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire and the tensors in it are little-endian; this machine is not"
#endif

static const uint8_t frame_magic[4] = {'L', 'P', 'C', 'F'};

enum { CRC_CHUNK = 512 * 1024 }; /* bytes read before they are checked: still in the cache then */

int lpc_error(LpcError *error, int code, const char *format, ...)
{
    if (error->code) return code;
    error->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

const char *lpc_exit_meaning(int status)
{
    switch (status) {
#define X(id, number, meaning)                                                                     \
    case number: return meaning;
        LPC_EXITS(X)
#undef X
    default: return "an unknown status";
    }
}

uint64_t lpc_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void lpc_header_encode(const LpcCrc *crc, const LpcHeader *header, uint8_t bytes[LPC_HEADER_BYTES])
{
    memcpy(bytes, frame_magic, 4);
    memcpy(bytes + 4, &header->kind, 4);
    memcpy(bytes + 8, &header->sequence, 8);
    memcpy(bytes + 16, &header->length, 8);
    memcpy(bytes + 24, &header->crc, 4);
    uint32_t own = lpc_crc(crc, 0, bytes, 28);
    memcpy(bytes + 28, &own, 4);
}

int lpc_header_decode(const LpcCrc *crc, LpcHeader *header, const uint8_t bytes[LPC_HEADER_BYTES],
                      LpcError *error)
{
    uint32_t own;
    memcpy(&own, bytes + 28, 4);
    if (memcmp(bytes, frame_magic, 4) != 0)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: no frame starts here (wrong magic)");
    if (own != lpc_crc(crc, 0, bytes, 28))
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: the header's checksum is wrong");
    memcpy(&header->kind, bytes + 4, 4);
    memcpy(&header->sequence, bytes + 8, 8);
    memcpy(&header->length, bytes + 16, 8);
    memcpy(&header->crc, bytes + 24, 4);
    return 0;
}

static uint64_t align_up(uint64_t position)
{
    return (position + (LPC_ALIGN - 1)) & ~(uint64_t)(LPC_ALIGN - 1);
}

static uint64_t symbol_bytes(const LpcShape *shape)
{
    return (uint64_t)shape->symbol_count * sizeof(int64_t);
}

int lpc_layout(const LpcShape *shape, const int64_t *sizes, uint64_t *bytes, uint64_t *offsets,
               uint64_t *length, LpcError *error)
{
    for (uint32_t i = 0; i < shape->symbol_count; i++)
        if (sizes[i] < 0 || sizes[i] > shape->symbol_max[i])
            return lpc_error(error, LPC_EXIT_FRAME,
                             "bad frame: symbol '%.80s' is %" PRId64 ", allowed is 0 to %" PRId64,
                             shape->symbol_names[i], sizes[i], shape->symbol_max[i]);
    uint64_t position = symbol_bytes(shape);
    for (uint32_t k = 0; k < shape->contract->tensor_count; k++) {
        const lpc_tensor_info *tensor = &shape->contract->tensors[k];
        int64_t size = shape->tensor_bytes(shape->context, k, sizes);
        if (size < 0 || (uint64_t)size > tensor->max_bytes)
            return lpc_error(error, LPC_EXIT_FRAME,
                             "bad frame: tensor '%.80s' would have %" PRId64
                             " bytes, allowed is 0 to %" PRIu64,
                             tensor->name, size, tensor->max_bytes);
        position = align_up(position);
        if (offsets) offsets[k] = position;
        if (bytes) bytes[k] = (uint64_t)size;
        position += (uint64_t)size;
    }
    *length = position;
    return 0;
}

uint64_t lpc_out_capacity(const LpcShape *shape)
{
    uint64_t limit = SIZE_MAX / 4; /* so that no sum below can overflow, on 32 bits either */
    uint64_t position = symbol_bytes(shape);
    for (uint32_t k = 0; k < shape->contract->tensor_count; k++) {
        uint64_t bytes = shape->contract->tensors[k].max_bytes;
        if (bytes > limit || position > limit) return 0;
        position = align_up(position) + bytes;
    }
    return position > limit ? 0 : align_up(position) + LPC_ALIGN;
}

uint64_t lpc_in_capacity(const LpcShape *shape)
{
    uint64_t bytes = shape->contract->max_payload;
    return bytes > SIZE_MAX / 4 ? 0 : align_up(bytes) + LPC_ALIGN;
}

void lpc_slot_fix(LpcSlot *slot, const LpcShape *shape)
{
    uint64_t position = symbol_bytes(shape);
    for (uint32_t k = 0; k < shape->contract->tensor_count; k++) {
        position = align_up(position);
        slot->tensors[k] = slot->payload + position;
        position += shape->contract->tensors[k].max_bytes;
    }
}

/* It ends up on a terminal. */
static void make_printable(char *text, size_t size)
{
    for (size_t i = 0; i < size && text[i]; i++)
        if ((uint8_t)text[i] < 32 || text[i] == 127) text[i] = '?';
}

static int receive_error(const LpcReader *reader, const LpcCrc *crc, LpcSlot *slot, LpcError *error)
{
    uint64_t length = slot->header.length;
    if (length < 4 || length > LPC_TEXT_BYTES)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: an error frame of %" PRIu64 " bytes",
                         length);
    uint8_t text[LPC_TEXT_BYTES + 1] = {0};
    int code = reader->read(reader->self, text, (size_t)length, 0, error);
    if (code) return code;
    if (lpc_crc(crc, 0, text, (size_t)length) != slot->header.crc)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: an error frame's checksum is wrong");
    make_printable((char *)text + 4, (size_t)length - 4);
    int32_t status;
    memcpy(&status, text, 4);
    slot->error.code = status ? status : LPC_EXIT_LEFT;
    snprintf(slot->error.text, sizeof slot->error.text, "%s", (const char *)text + 4);
    return 0;
}

/* doing u32, zero u32, done u64, since u64, name 40 */
static int receive_beat(const LpcReader *reader, const LpcCrc *crc, LpcSlot *slot, LpcError *error)
{
    uint8_t bytes[LPC_BEAT_BYTES];
    LpcBeat *beat = &slot->beat;
    if (slot->header.length != LPC_BEAT_BYTES)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: a beat of %" PRIu64 " bytes",
                         slot->header.length);
    int code = reader->read(reader->self, bytes, sizeof bytes, 0, error);
    if (code) return code;
    if (lpc_crc(crc, 0, bytes, sizeof bytes) != slot->header.crc)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: a beat's checksum is wrong");
    memcpy(&beat->doing, bytes, 4);
    memcpy(&beat->done, bytes + 8, 8);
    memcpy(&beat->since_ms, bytes + 16, 8);
    memcpy(beat->name, bytes + 24, LPC_BEAT_NAME);
    beat->name[LPC_BEAT_NAME - 1] = 0;
    make_printable(beat->name, LPC_BEAT_NAME);
    return 0;
}

static int receive_data(const LpcReader *reader, const LpcShape *shape, const LpcCrc *crc,
                        LpcSlot *slot, LpcError *error)
{
    uint64_t length = slot->header.length, expected, first = symbol_bytes(shape);
    if (length > shape->contract->max_payload || length > slot->capacity)
        return lpc_error(error, LPC_EXIT_FRAME,
                         "bad frame: %" PRIu64 " bytes announced, the contract's bound is %" PRIu64,
                         length, shape->contract->max_payload);
    if (length < first)
        return lpc_error(error, LPC_EXIT_FRAME,
                         "bad frame: %" PRIu64 " bytes announced, the symbols alone have %" PRIu64,
                         length, first);
    uint32_t sum = 0;
    if (first) {
        int code = reader->read(reader->self, slot->payload, (size_t)first, 0, error);
        if (code) return code;
        sum = lpc_crc(crc, sum, slot->payload, (size_t)first);
    }
    int code = lpc_layout(shape, slot->sizes, slot->bytes, slot->offsets, &expected, error);
    if (code) return code;
    if (length != expected)
        return lpc_error(error, LPC_EXIT_FRAME,
                         "bad frame: %" PRIu64 " bytes announced, its sizes make %" PRIu64, length,
                         expected);
    for (uint64_t done = first; done < length;) {
        size_t part = length - done < CRC_CHUNK ? (size_t)(length - done) : CRC_CHUNK;
        code = reader->read(reader->self, slot->payload + done, part, 0, error);
        if (code) return code;
        sum = lpc_crc(crc, sum, slot->payload + done, part);
        done += part;
    }
    if (sum != slot->header.crc)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: the payload's checksum is wrong");
    for (uint32_t k = 0; k < shape->contract->tensor_count; k++)
        slot->tensors[k] = slot->payload + slot->offsets[k];
    return 0;
}

int lpc_receive(const LpcReader *reader, const LpcShape *shape, const LpcCrc *crc,
                uint64_t sequence, LpcSlot *slot, LpcError *error)
{
    uint8_t bytes[LPC_HEADER_BYTES];
    int code = reader->read(reader->self, bytes, sizeof bytes, 1, error);
    if (code) return code;
    uint64_t begin = lpc_now_ns();
    code = lpc_header_decode(crc, &slot->header, bytes, error);
    if (code) return code;
    if (slot->header.sequence != sequence)
        return lpc_error(error, LPC_EXIT_FRAME,
                         "bad frame: number %" PRIu64 " where %" PRIu64 " is due",
                         slot->header.sequence, sequence);
    switch (slot->header.kind) {
    case LPC_FRAME_DATA: code = receive_data(reader, shape, crc, slot, error); break;
    case LPC_FRAME_ERROR: code = receive_error(reader, crc, slot, error); break;
    case LPC_FRAME_BEAT: code = receive_beat(reader, crc, slot, error); break;
    case LPC_FRAME_END:
        if (slot->header.length)
            code = lpc_error(error, LPC_EXIT_FRAME, "bad frame: an end frame with a payload");
        break;
    default:
        code =
            lpc_error(error, LPC_EXIT_FRAME, "bad frame: unknown kind %" PRIu32, slot->header.kind);
    }
    slot->receive_ns = lpc_now_ns() - begin;
    return code;
}

int lpc_receive_back(const LpcReader *reader, const LpcCrc *crc, LpcSlot *slot, LpcError *error)
{
    uint8_t bytes[LPC_HEADER_BYTES];
    int code = reader->read(reader->self, bytes, sizeof bytes, 0, error);
    if (!code) code = lpc_header_decode(crc, &slot->header, bytes, error);
    if (code) return code;
    if (slot->header.kind == LPC_FRAME_ERROR) return receive_error(reader, crc, slot, error);
    if (slot->header.kind == LPC_FRAME_BEAT) return receive_beat(reader, crc, slot, error);
    return lpc_error(error, LPC_EXIT_FRAME, "bad frame: kind %" PRIu32 " against the stream",
                     slot->header.kind);
}

int lpc_piece_count(const lpc_contract *contract)
{
    return 2 + 2 * (int)contract->tensor_count; /* header, symbols; padding, tensor */
}

int lpc_send_data(const LpcWriter *writer, const LpcShape *shape, const LpcCrc *crc,
                  uint64_t sequence, LpcSlot *slot, struct iovec *pieces, LpcError *error)
{
    static const uint8_t zeros[LPC_ALIGN] = {0};
    uint64_t length;
    int code = lpc_layout(shape, slot->sizes, slot->bytes, slot->offsets, &length, error);
    if (code) return code;

    uint8_t bytes[LPC_HEADER_BYTES];
    int count = 0;
    uint64_t position = symbol_bytes(shape);
    pieces[count++] = (struct iovec){bytes, sizeof bytes};
    pieces[count++] = (struct iovec){slot->sizes, (size_t)position};
    for (uint32_t k = 0; k < shape->contract->tensor_count; k++) {
        size_t padding = (size_t)(slot->offsets[k] - position);
        pieces[count++] = (struct iovec){(void *)(uintptr_t)zeros, padding};
        pieces[count++] = (struct iovec){slot->tensors[k], (size_t)slot->bytes[k]};
        position = slot->offsets[k] + slot->bytes[k];
    }
    uint32_t sum = 0;
    for (int i = 1; i < count; i++)
        if (pieces[i].iov_len) sum = lpc_crc(crc, sum, pieces[i].iov_base, pieces[i].iov_len);
    slot->header = (LpcHeader){LPC_FRAME_DATA, sequence, length, sum};
    lpc_header_encode(crc, &slot->header, bytes);
    return writer->write(writer->self, pieces, count, error);
}

/* A frame that is no data: a header and some bytes. */
static int send_small(const LpcWriter *writer, const LpcCrc *crc, LpcHeader header,
                      uint8_t *payload, LpcError *error)
{
    uint8_t bytes[LPC_HEADER_BYTES];
    header.crc = lpc_crc(crc, 0, payload, (size_t)header.length);
    lpc_header_encode(crc, &header, bytes);
    struct iovec pieces[2] = {{bytes, sizeof bytes}, {payload, (size_t)header.length}};
    return writer->write(writer->self, pieces, 2, error);
}

int lpc_send_end(const LpcWriter *writer, const LpcCrc *crc, uint64_t sequence, LpcError *error)
{
    uint8_t none = 0;
    return send_small(writer, crc, (LpcHeader){LPC_FRAME_END, sequence, 0, 0}, &none, error);
}

int lpc_send_error(const LpcWriter *writer, const LpcCrc *crc, uint64_t sequence,
                   const LpcError *what, LpcError *error)
{
    uint8_t payload[LPC_TEXT_BYTES];
    int32_t status = what->code;
    size_t text = strnlen(what->text, LPC_TEXT_BYTES - 4);
    memcpy(payload, &status, 4);
    memcpy(payload + 4, what->text, text);
    return send_small(writer, crc, (LpcHeader){LPC_FRAME_ERROR, sequence, 4 + text, 0}, payload,
                      error);
}

int lpc_send_slot(const LpcWriter *writer, const LpcShape *shape, const LpcCrc *crc,
                  uint64_t sequence, LpcSlot *slot, struct iovec *pieces, LpcError *error)
{
    switch (slot->header.kind) {
    case LPC_FRAME_END: return lpc_send_end(writer, crc, sequence, error);
    case LPC_FRAME_ERROR: return lpc_send_error(writer, crc, sequence, &slot->error, error);
    default: return lpc_send_data(writer, shape, crc, sequence, slot, pieces, error);
    }
}

int lpc_send_beat(const LpcWriter *writer, const LpcCrc *crc, uint64_t sequence,
                  const LpcBeat *beat, LpcError *error)
{
    uint8_t payload[LPC_BEAT_BYTES] = {0};
    memcpy(payload, &beat->doing, 4);
    memcpy(payload + 8, &beat->done, 8);
    memcpy(payload + 16, &beat->since_ms, 8);
    memcpy(payload + 24, beat->name, strnlen(beat->name, LPC_BEAT_NAME - 1));
    return send_small(writer, crc, (LpcHeader){LPC_FRAME_BEAT, sequence, LPC_BEAT_BYTES, 0},
                      payload, error);
}
