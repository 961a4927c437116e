/* libFuzzer target for everything that a stage reads from the network: hellos, headers, frames.
 *
 * The input is read as a stream. With the first byte's low bit set, headers and checksums are made
 * right first (the stream then holds kind, length and payload only), so that the fuzzer gets past
 * the CRCs; the second bit turns to the handshake, the third one to what comes against the stream. */
#include "tests/runtime/fake.h"

typedef struct Stream {
    const uint8_t *data;
    size_t size;
    const LpcCrc *crc;
    int mend; /* make the next header and payload right */
    int back; /* what comes against the stream is read */
    uint64_t sequence;
    uint8_t header[LPC_HEADER_BYTES];
} Stream;

/* Makes a right header from 3 bytes of the stream, a kind and a length, with the checksum of what
 * follows. */
static int mend_header(Stream *stream)
{
    if (stream->size < 3) return 1;
    uint64_t length = (uint64_t)stream->data[1] | (uint64_t)stream->data[2] << 8;
    LpcHeader header = {stream->data[0] & 7, stream->sequence, length, 0};
    stream->data += 3;
    stream->size -= 3;
    size_t there = length < stream->size ? (size_t)length : stream->size;
    header.crc = lpc_crc(stream->crc, 0, stream->data, there);
    lpc_header_encode(stream->crc, &header, stream->header);
    return 0;
}

static int stream_read(void *self, void *data, size_t size, int idle, LpcError *error)
{
    Stream *stream = self;
    if ((idle || stream->back) && stream->mend && size == LPC_HEADER_BYTES) {
        if (mend_header(stream)) return lpc_error(error, LPC_EXIT_LEFT, "the end");
        memcpy(data, stream->header, size);
        return 0;
    }
    if (size > stream->size) return lpc_error(error, LPC_EXIT_LEFT, "the end");
    memcpy(data, stream->data, size);
    stream->data += size;
    stream->size -= size;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static LpcCrc crc;
    static lpc_model model;
    static LpcShape shape;
    static LpcSlot slot;
    if (!model.name) {
        lpc_crc_init(&crc, LPC_CRC_BEST);
        model = fake_model("nonzero", 0);
        shape = fake_shape(&model, 1);
        slot = fake_slot(&shape, 0);
    }
    if (!size) return 0;
    LpcError error = {0};
    if (data[0] & 2) {
        uint8_t hello[LPC_HELLO_BYTES] = {0};
        LpcHello own = {.id = fake_build, .cut = 1, .hash = 101}, theirs;
        memcpy(hello, data + 1, size - 1 < sizeof hello ? size - 1 : sizeof hello);
        lpc_hello_check(&crc, &own, hello, "peer", &theirs, &error);
        return 0;
    }
    Stream stream = {data + 1, size - 1, &crc, data[0] & 1, data[0] & 4, 0, {0}};
    LpcReader reader = {stream_read, &stream};
    if (stream.back) {
        while (!lpc_receive_back(&reader, &crc, &slot, &error)) stream.sequence++;
        return 0;
    }
    while (!lpc_receive(&reader, &shape, &crc, stream.sequence, &slot, &error)) {
        volatile uint8_t sum = 0;
        if (slot.header.kind == LPC_FRAME_DATA)
            for (uint32_t k = 0; k < model.out.tensor_count; k++) /* all of it must be readable */
                for (uint64_t i = 0; i < slot.bytes[k]; i++)
                    sum = (uint8_t)(sum + ((const uint8_t *)slot.tensors[k])[i]);
        if (slot.header.kind != LPC_FRAME_BEAT) stream.sequence++;
    }
    return 0;
}
