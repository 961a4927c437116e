/* CRC, headers, layouts and the receive path, without sockets. */
#include "tests/runtime/fake.h"

static LpcCrc crc;

static void crc_is_crc32c(void)
{
    LpcCrc soft, plain;
    lpc_crc_init(&crc, LPC_CRC_BEST);
    lpc_crc_init(&plain, LPC_CRC_INSTRUCTION);
    lpc_crc_init(&soft, LPC_CRC_TABLES);
    CHECK(lpc_crc(&soft, 0, "123456789", 9) == 0xe3069283u, "the check value of RFC 3720");
    CHECK(lpc_crc(&crc, 0, "123456789", 9) == 0xe3069283u, "the check value of RFC 3720");
    static uint8_t data[40000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * i >> 3);
    for (size_t size = 0; size < sizeof data; size = size * 3 / 2 + 1)
        for (size_t offset = 0; offset < 3; offset++) {
            size_t length = size < sizeof data - offset ? size : sizeof data - offset;
            uint32_t a = lpc_crc(&crc, 7, data + offset, length);
            CHECK(a == lpc_crc(&soft, 7, data + offset, length), "size %zu", length);
            CHECK(a == lpc_crc(&plain, 7, data + offset, length), "size %zu", length);
            uint32_t split = lpc_crc(&crc, lpc_crc(&crc, 7, data + offset, length / 3),
                                     data + offset + length / 3, length - length / 3);
            CHECK(a == split, "split at %zu", length / 3);
        }
}

static void header_round_trip(void)
{
    LpcHeader header = {LPC_FRAME_DATA, 0x123456789abcdefu, 77, 0xdeadbeefu}, back;
    LpcError error = {0};
    uint8_t bytes[LPC_HEADER_BYTES];
    lpc_header_encode(&crc, &header, bytes);
    CHECK(!lpc_header_decode(&crc, &back, bytes, &error), "%s", error.text);
    CHECK(back.kind == header.kind && back.sequence == header.sequence &&
              back.length == header.length && back.crc == header.crc,
          "fields");
    for (int bit = 0; bit < LPC_HEADER_BYTES * 8; bit++) { /* each single flipped bit is seen */
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        error.code = 0;
        CHECK(lpc_header_decode(&crc, &back, bytes, &error) == LPC_EXIT_FRAME, "bit %d", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* --- reading from memory --- */

typedef struct Memory {
    uint8_t data[4096];
    size_t size, at, largest; /* largest: the most that was asked for at once */
} Memory;

static int memory_read(void *self, void *data, size_t size, int idle, LpcError *error)
{
    Memory *memory = self;
    (void)idle;
    if (size > memory->largest) memory->largest = size;
    if (size > memory->size - memory->at) return lpc_error(error, LPC_EXIT_LEFT, "the end");
    memcpy(data, memory->data + memory->at, size);
    memory->at += size;
    return 0;
}

static int memory_write(void *self, struct iovec *pieces, int count, LpcError *error)
{
    Memory *memory = self;
    for (int i = 0; i < count; i++) {
        if (pieces[i].iov_len > sizeof memory->data - memory->size)
            return lpc_error(error, LPC_EXIT_SYSTEM, "full");
        if (pieces[i].iov_len)
            memcpy(memory->data + memory->size, pieces[i].iov_base, pieces[i].iov_len);
        memory->size += pieces[i].iov_len;
    }
    return 0;
}

/* Two tensors, one of a run-time size, from the sender's fixed places to the receiver's layout. */
static void send_and_receive(void)
{
    lpc_model model = fake_model("nonzero", 0);
    LpcShape shape = fake_shape(&model, 1);
    LpcSlot from = fake_slot(&shape, 1), to = fake_slot(&shape, 0);
    LpcError error = {0};
    struct iovec pieces[8];
    CHECK(lpc_piece_count(&model.out) == 6, "pieces");
    for (int64_t m = 0; m <= 5; m += 5) {
        Memory memory = {0};
        LpcReader reader = {memory_read, &memory};
        LpcWriter writer = {memory_write, &memory};
        from.sizes[0] = 9;
        from.sizes[1] = m;
        for (int i = 0; i < 9; i++) ((float *)from.tensors[1])[i] = (float)i;
        for (int64_t i = 0; i < m; i++) ((int64_t *)from.tensors[0])[i] = 100 + i;
        CHECK(!lpc_send_data(&writer, &shape, &crc, 3, &from, pieces, &error), "%s", error.text);
        CHECK(memory.size == 32 + (m ? 128 + 36 : 64 + 36), "%zu bytes", memory.size);
        CHECK(!lpc_receive(&reader, &shape, &crc, 3, &to, &error), "%s", error.text);
        CHECK(to.sizes[0] == 9 && to.sizes[1] == m, "symbols");
        CHECK((uintptr_t)to.tensors[0] % 64 == 0 && (uintptr_t)to.tensors[1] % 64 == 0, "aligned");
        CHECK(((float *)to.tensors[1])[8] == 8, "y");
        CHECK(!m || ((int64_t *)to.tensors[0])[4] == 104, "where");
        for (size_t cut = 0; cut < memory.size; cut += 7) { /* cut short anywhere */
            Memory shorter = memory;
            LpcReader cut_reader = {memory_read, &shorter};
            LpcError cut_error = {0};
            shorter.size = cut;
            shorter.at = 0;
            CHECK(lpc_receive(&cut_reader, &shape, &crc, 3, &to, &cut_error) == LPC_EXIT_LEFT,
                  "cut at %zu", cut);
        }
        for (size_t byte = 0; byte < memory.size; byte++) { /* or damaged anywhere */
            Memory bad = memory;
            LpcReader bad_reader = {memory_read, &bad};
            LpcError bad_error = {0};
            bad.data[byte] ^= 0x10;
            bad.at = 0;
            CHECK(lpc_receive(&bad_reader, &shape, &crc, 3, &to, &bad_error) == LPC_EXIT_FRAME,
                  "byte %zu", byte);
        }
    }
    LpcSlot *slots[] = {&from, &to};
    for (int i = 0; i < 2; i++) {
        free(slots[i]->payload);
        free(slots[i]->tensors);
        free(slots[i]->bytes);
        free(slots[i]->offsets);
    }
}

/* A refused length is refused before its bytes are asked for. */
static void refused_before_read(void)
{
    lpc_model model = fake_model("double", 0);
    LpcShape shape = fake_shape(&model, 0);
    LpcSlot slot = fake_slot(&shape, 0);
    static const uint64_t lengths[] = {0, 15, 79, 81, 320, 321, UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        Memory memory = {.size = 1000};
        LpcReader reader = {memory_read, &memory};
        LpcError error = {0};
        LpcHeader header = {LPC_FRAME_DATA, 0, lengths[i], 0};
        int64_t sizes[2] = {4, 0}; /* 64 + 16 bytes */
        lpc_header_encode(&crc, &header, memory.data);
        memcpy(memory.data + 32, sizes, 16);
        CHECK(lpc_receive(&reader, &shape, &crc, 0, &slot, &error) == LPC_EXIT_FRAME, "%s",
              error.text);
        CHECK(memory.largest <= 32, "read %zu bytes of a frame to refuse", memory.largest);
    }
    free(slot.payload);
    free(slot.tensors);
    free(slot.bytes);
    free(slot.offsets);
}

static void error_text_is_clean(void)
{
    lpc_model model = fake_model("double", 0);
    LpcShape shape = fake_shape(&model, 0);
    LpcSlot slot = fake_slot(&shape, 0);
    Memory memory = {0};
    LpcReader reader = {memory_read, &memory};
    LpcWriter writer = {memory_write, &memory};
    LpcError what = {0}, error = {0};
    lpc_error(&what, LPC_EXIT_RUN, "bad\x1b[31m\nthing");
    CHECK(!lpc_send_error(&writer, &crc, 0, &what, &error), "%s", error.text);
    CHECK(!lpc_receive(&reader, &shape, &crc, 0, &slot, &error), "%s", error.text);
    CHECK(slot.header.kind == LPC_FRAME_ERROR && slot.error.code == LPC_EXIT_RUN, "kind");
    CHECK(strcmp(slot.error.text, "bad?[31m?thing") == 0, "%s", slot.error.text);
    free(slot.payload);
    free(slot.tensors);
    free(slot.bytes);
    free(slot.offsets);
}

static void bounds_that_overflow(void)
{
    lpc_tensor_info huge[2] = {{"a", 0, 1, 1, UINT64_MAX - 8}, {"b", 1, 1, 1, UINT64_MAX / 2}};
    lpc_model model = fake_model("double", 0);
    model.out.tensors = huge;
    model.out.tensor_count = 2;
    model.in.max_payload = UINT64_MAX;
    LpcShape in = fake_shape(&model, 0), out = fake_shape(&model, 1);
    CHECK(lpc_in_capacity(&in) == 0 && lpc_out_capacity(&out) == 0, "capacity");
}

static void median_is_right(void)
{
    float odd[] = {5, 1, 4, 2, 3}, even[] = {4, 1, 3, 2};
    CHECK(lpc_median(odd, 5) == 3 && lpc_median(even, 4) == 2.5f && lpc_median(odd, 0) == 0,
          "median");
    for (int i = 0; i < 5; i++) CHECK(odd[i] == (float)(i + 1), "sorted");
}

int main(void)
{
    RUN_CASE(crc_is_crc32c);
    RUN_CASE(header_round_trip);
    RUN_CASE(send_and_receive);
    RUN_CASE(refused_before_read);
    RUN_CASE(error_text_is_clean);
    RUN_CASE(bounds_that_overflow);
    RUN_CASE(median_is_right);
    return failures != 0;
}
