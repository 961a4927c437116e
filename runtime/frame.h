/* Frames: what goes over a link, and what is refused. The format stands in docs/wire.md.
 *
 * Nothing here knows of sockets: bytes come from an LpcReader and go to an LpcWriter. */
#ifndef LPC_RUNTIME_FRAME_H
#define LPC_RUNTIME_FRAME_H

#include "crc.h"
#include "lpc_runtime.h"

#include <sys/uio.h>

enum {
    LPC_PROTOCOL = 3,      /* version that both ends must speak */
    LPC_HEADER_BYTES = 32, /* of a frame */
    LPC_HELLO_BYTES = 96,  /* of the handshake, in each direction */
    LPC_STREAM_BYTES = 16, /* of a stream's identity, which its client draws */
    LPC_ALIGN = 64,        /* of each tensor from the payload's start */
    LPC_TEXT_BYTES = 256,  /* largest payload of an error frame */
    LPC_BEAT_BYTES = 64,   /* payload of a beat */
    LPC_BEAT_NAME = 40,    /* of which its sender's name */
    LPC_BEATS_MISSED = 3   /* so many are missing: their sender hangs, or is cut off */
};

enum { LPC_FRAME_DATA = 1, LPC_FRAME_END = 2, LPC_FRAME_ERROR = 3, LPC_FRAME_BEAT = 4 };

enum { LPC_STOPPED = -1 }; /* returned by a reader that was asked to stop while nothing came */

/* A failure: an exit status and one line that says why. */
typedef struct LpcError {
    int code;
    char text[LPC_TEXT_BYTES];
} LpcError;

/* Writes the line, unless an error stands there already (the first one is the cause). Returns code.
 */
int lpc_error(LpcError *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* read fills data with exactly size bytes. Returns 0; LPC_STOPPED, only with idle set, meaning that
 * nothing needs to come yet (no time limit then); or an exit status, with error filled. */
typedef struct LpcReader {
    int (*read)(void *self, void *data, size_t size, int idle, LpcError *error);
    void *self;
} LpcReader;

/* write takes all that the count pieces hold (it may change the array). Returns 0 or an exit status
 * with error filled. */
typedef struct LpcWriter {
    int (*write)(void *self, struct iovec *pieces, int count, LpcError *error);
    void *self;
} LpcWriter;

/* What frames at one cut must look like. tensor_bytes is asked for checked symbol values only. */
typedef struct LpcShape {
    const lpc_contract *contract;
    uint32_t symbol_count;
    const int64_t *symbol_max;
    const char *const *symbol_names;
    int64_t (*tensor_bytes)(const void *context, uint32_t k, const int64_t *sizes);
    const void *context;
} LpcShape;

typedef struct LpcHeader {
    uint32_t kind;
    uint64_t sequence; /* counts the frames of a stream from 0 */
    uint64_t length;   /* of the payload, in bytes */
    uint32_t crc;      /* of the payload */
} LpcHeader;

void lpc_header_encode(const LpcCrc *crc, const LpcHeader *header, uint8_t bytes[LPC_HEADER_BYTES]);
/* Refuses a wrong magic number or checksum. */
int lpc_header_decode(const LpcCrc *crc, LpcHeader *header, const uint8_t bytes[LPC_HEADER_BYTES],
                      LpcError *error);

/* The payload's exact length for these symbol values, and each tensor's bytes and offset from the
 * payload's start (arrays of tensor_count, or NULL). Refuses values and sizes out of bounds. */
int lpc_layout(const LpcShape *shape, const int64_t *sizes, uint64_t *bytes, uint64_t *offsets,
               uint64_t *length, LpcError *error);

/* What somebody does. X(enumerator, number, words) */
#define LPC_DOINGS(X)                                                                              \
    X(LPC_DOES_WAIT, 0, "waited for frames")                                                       \
    X(LPC_DOES_COMPUTE, 1, "computed")                                                             \
    X(LPC_DOES_CONNECT, 2, "waited for the neighbour after it")                                    \
    X(LPC_DOES_TURN, 3, "waited for its turn")

enum {
#define X(id, number, words) id = number,
    LPC_DOINGS(X)
#undef X
        LPC_DOES_COUNT
};

/* A sign of life: what its sender does. Sent in either direction, and not counted. */
typedef struct LpcBeat {
    uint32_t doing;           /* LPC_DOES_X */
    uint64_t done;            /* frames of the stream that it has finished */
    uint64_t since_ms;        /* how long it has been doing that */
    char name[LPC_BEAT_NAME]; /* its own; "" before the first beat */
} LpcBeat;

/* A place for one frame. `payload` is 64-byte aligned; in a stage's queues there is room for the header before it and
 * for an error behind, so that a frame can go as one piece. A received payload is contiguous, so that
 * tensors[k] moves with the sizes; a payload to be sent has each tensor at a fixed place, since the
 * sizes may be known only after they are written, and leaves in pieces. */
typedef struct LpcSlot {
    LpcHeader header;
    uint8_t *payload;
    uint64_t capacity;
    int64_t *sizes; /* the symbols, at the payload's start */
    void **tensors;
    uint64_t *bytes, *offsets; /* per tensor, as lpc_layout gives them */
    uint64_t receive_ns;
    LpcError error; /* of an error frame */
    LpcBeat beat;   /* of a beat */
} LpcSlot;

/* Bytes of the largest received, and of the sent, payload at this contract; 0 when it overflows. */
uint64_t lpc_in_capacity(const LpcShape *shape);
uint64_t lpc_out_capacity(const LpcShape *shape);
/* Points the slot's tensors at their fixed places. */
void lpc_slot_fix(LpcSlot *slot, const LpcShape *shape);

/* Reads the next frame, which must have number `sequence`, into the slot (a beat has it too, and leaves it to the
 * frame after it). What does not match the
 * contract is refused before it is read: a length above the bound before anything, any other wrong
 * length after the symbols. Returns 0 with slot->header.kind set (for an error frame, slot->error
 * holds what the neighbour says), LPC_STOPPED, or an exit status with error filled. */
int lpc_receive(const LpcReader *reader, const LpcShape *shape, const LpcCrc *crc,
                uint64_t sequence, LpcSlot *slot, LpcError *error);

/* Number of pieces that lpc_send_data needs for a contract. */
int lpc_piece_count(const lpc_contract *contract);
/* Sends the slot's sizes and tensors (at slot->tensors) as frame `sequence`. */
int lpc_send_data(const LpcWriter *writer, const LpcShape *shape, const LpcCrc *crc,
                  uint64_t sequence, LpcSlot *slot, struct iovec *pieces, LpcError *error);
/* Sends the end of the stream, or the reason why it breaks off. */
int lpc_send_end(const LpcWriter *writer, const LpcCrc *crc, uint64_t sequence, LpcError *error);
int lpc_send_error(const LpcWriter *writer, const LpcCrc *crc, uint64_t sequence,
                   const LpcError *what, LpcError *error);
/* What is in the slot: data, the end of the stream, or why it breaks off. */
int lpc_send_slot(const LpcWriter *writer, const LpcShape *shape, const LpcCrc *crc,
                  uint64_t sequence, LpcSlot *slot, struct iovec *pieces, LpcError *error);
int lpc_send_beat(const LpcWriter *writer, const LpcCrc *crc, uint64_t sequence,
                  const LpcBeat *beat, LpcError *error);
/* Reads what comes against the stream: a beat, or the reason why the stream breaks off there. The slot gets
 * header.kind, and beat or error. */
int lpc_receive_back(const LpcReader *reader, const LpcCrc *crc, LpcSlot *slot, LpcError *error);

/* What both ends of a link say before any frame (handshake.c). */
typedef struct LpcHello {
    const uint8_t *id; /* of the cut, 32 bytes */
    uint32_t cut;
    uint64_t hash;
    uint8_t stream[LPC_STREAM_BYTES];
    uint32_t
        answer; /* of the end that listens: 0, or the exit status that says why not, or not yet */
    uint32_t before;  /* with LPC_EXIT_BUSY: how many streams come before this one */
    uint32_t beat_ms; /* its sender gives a sign of life at least so often; 0: it does not */
    uint32_t asks;    /* of the end that connects: LPC_ASKS_X */
} LpcHello;

/* What a hello is for: a stream, or figures (figures.h). */
enum { LPC_ASKS_STREAM = 0, LPC_ASKS_FIGURES = 1 };

/* What an end says at that contract, for no stream yet. */
LpcHello lpc_hello_at(const lpc_contract *contract, int beat_ms);
void lpc_hello_encode(const LpcCrc *crc, const LpcHello *hello, uint8_t bytes[LPC_HELLO_BYTES]);
/* The cut that a whole hello names, before it is judged. */
uint32_t lpc_hello_cut(const uint8_t bytes[LPC_HELLO_BYTES]);
/* Judges the other end's: magic, version, checksum, the cut's id, its place and contract must be one's own. theirs gets its
 * stream and answer. peer names the neighbour in messages. */
int lpc_hello_check(const LpcCrc *crc, const LpcHello *own, const uint8_t bytes[LPC_HELLO_BYTES],
                    const char *peer, LpcHello *theirs, LpcError *error);
/* Draws an identity. */
int lpc_stream_draw(uint8_t stream[LPC_STREAM_BYTES], LpcError *error);

uint64_t lpc_now_ns(void); /* monotonic */

#endif
