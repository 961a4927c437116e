/* Tensors in files: round trips, and files that are cut short or damaged. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/check.h"

#include "lib/files/maps.h"
#include "lib/files/tensor_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Arena *arena;
static Diag diag;
static char path[] = "/tmp/lpc-test-tensor-XXXXXX";

static const char *message(void)
{
    return diag.count ? diag.messages[diag.count - 1] : "(none)";
}

static HostTensor sample(DType type, int rank)
{
    HostTensor tensor = {.name = (char *)(uintptr_t)"t", .type = type, .rank = rank};
    for (int i = 0; i < rank; i++) tensor.dims[i] = i + 2;
    host_alloc(&tensor, arena);
    for (size_t i = 0; i < tensor.bytes; i++)
        ((uint8_t *)tensor.data)[i] = type == DT_BOOL ? i & 1 : (uint8_t)(i * 7 + 1);
    if (dtype_is_subbyte(type)) { /* what such elements are in a byte of their own */
        uint8_t *bytes = tensor.data;
        for (size_t i = 0; i < tensor.bytes; i++) bytes[i] = narrow_at(type, bytes + i, 0);
    }
    return tensor;
}

static int same(const HostTensor *a, const HostTensor *b)
{
    return a->type == b->type && a->rank == b->rank && a->bytes == b->bytes &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0 &&
           memcmp(a->data, b->data, a->bytes) == 0;
}

static void round_trips(void)
{
    for (int type = DT_NONE + 1; type <= DT_C128; type++)
        for (int rank = 0; rank <= 4; rank++) {
            HostTensor tensor = sample((DType)type, rank), back;
            CHECK(!host_write_pb(&tensor, &diag, path), "%s", message());
            CHECK(!host_read(&back, arena, &diag, path), "%s", message());
            CHECK(same(&tensor, &back) && strcmp(back.name, "t") == 0, "pb %s rank %d",
                  dtype_name(tensor.type), rank);
            CHECK(!host_write_npy(&tensor, &diag, path), "%s", message());
            CHECK(!host_read(&back, arena, &diag, path), "%s", message());
            bool to_f32 = type == DT_BF16 || dtype_is_code((DType)type);
            double first = host_value(&tensor, 0); /* the first code is no NaN in any type */
            DType kept = dtype_is_complex((DType)type) ? (DType)type : dtype_held((DType)type);
            CHECK(back.type == (to_f32 ? DT_F32 : kept) && host_value(&back, 0) == first &&
                      (back.type != tensor.type || same(&tensor, &back)),
                  "npy %s rank %d", dtype_name(tensor.type), rank);
        }
}

static int parse(HostTensor *tensor, const char *bytes, size_t size)
{
    return maps_are_there(bytes, size) ? maps_parse(tensor, arena, &diag, "memory", bytes, size)
                                       : host_parse(tensor, arena, &diag, "memory", bytes, size);
}

static void typed_fields(void)
{
    HostTensor t;
    static const char floats[] = "\x08\x02\x10\x01\x22\x08\0\0\x80\x3f\0\0\0\x40"; /* packed */
    CHECK(!parse(&t, floats, sizeof floats - 1), "%s", message());
    CHECK(t.rank == 1 && host_value(&t, 0) == 1 && host_value(&t, 1) == 2, "floats");
    static const char single[] = "\x10\x01\x25\0\0\x80\x3f"; /* scalar, not packed */
    CHECK(!parse(&t, single, sizeof single - 1), "%s", message());
    CHECK(t.rank == 0 && host_value(&t, 0) == 1, "scalar");
    static const char bytes[] =
        "\x08\x02\x10\x03\x2a\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x05";
    CHECK(!parse(&t, bytes, sizeof bytes - 1), "%s", message());
    CHECK(t.type == DT_I8 && host_value(&t, 0) == -1 && host_value(&t, 1) == 5, "int8");
    static const char longs[] = "\x08\x01\x10\x07\x38\x2a"; /* int64_data: 42, not packed */
    CHECK(!parse(&t, longs, sizeof longs - 1) && host_value(&t, 0) == 42, "%s", message());
    static const char four[] =
        "\x08\x05\x10\x16\x2a\x04\xc7\x01\x08\x01"; /* in bytes of int32_data */
    CHECK(!parse(&t, four, sizeof four - 1), "%s", message());
    CHECK(t.bytes == 5 && host_value(&t, 0) == 7 && host_value(&t, 1) == -4 &&
              host_value(&t, 2) == -8 && host_value(&t, 4) == 1,
          "int4");
    static const char two[] = "\x08\x05\x10\x1a\x4a\x02\x39\x02";
    CHECK(!parse(&t, two, sizeof two - 1), "%s", message());
    CHECK(host_value(&t, 0) == 1 && host_value(&t, 1) == -2 && host_value(&t, 4) == -2, "int2");
    static const char empty[] = "\x08\x00\x10\x01";
    CHECK(!parse(&t, empty, sizeof empty - 1) && t.bytes == 0 && t.dims[0] == 0, "%s", message());
}

/* Two maps {7: 2.0, -1: 1.0}: a row each, keys ascending; the second one's keys are packed. */
static void maps(void)
{
    static const char two[] = "\x0a\x02yz\x10\x04"
                              "\x32\x27\x10\x07\x18\x07\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                              "\x2a\x16\x10\x01\x1a\x08\x10\x01\x4a\x04\x00\x00\x00\x40"
                              "\x1a\x08\x10\x01\x4a\x04\x00\x00\x80\x3f"
                              "\x32\x1c\x1a\x02\x05\x03"
                              "\x2a\x16\x10\x01\x1a\x08\x10\x01\x4a\x04\x00\x00\x00\x40"
                              "\x1a\x08\x10\x01\x4a\x04\x00\x00\x80\x3f";
    HostTensor t;
    CHECK(!parse(&t, two, sizeof two - 1), "%s", message());
    CHECK(t.type == DT_F32 && t.rank == 2 && t.dims[0] == 2 && t.dims[1] == 2, "shape");
    for (int i = 0; i < 4; i++) CHECK(host_value(&t, i) == 1 + i % 2, "[%d]", i);
    for (size_t cut = 1; cut < sizeof two - 1; cut++)
        CHECK(!parse(&t, two, cut) == (cut == 47), "cut at %zu", cut); /* behind the first map */
}

/* Strings come back with room for the longest; NumPy's have the room of the type. */
static void strings(void)
{
    static const char *const words[] = {"", "a", "caf\xc3\xa9", "twenty bytes or more"};
    HostTensor t = {.name = (char *)(uintptr_t)"s", .type = dtype_string(200), .rank = 2}, back;
    t.dims[0] = t.dims[1] = 2;
    CHECK(!host_alloc(&t, arena), "alloc");
    for (int i = 0; i < 4; i++)
        string_put(t.type, (char *)t.data + i * dtype_cells(t.type), words[i], strlen(words[i]));
    for (int npy = 0; npy < 2; npy++) {
        size_t length;
        CHECK(!(npy ? host_write_npy : host_write_pb)(&t, &diag, path), "%s", message());
        CHECK(!host_read(&back, arena, &diag, path), "%s", message());
        CHECK(back.type == dtype_string(npy ? 200 : 20), "%s", dtype_name(back.type));
        CHECK(!host_strings_as(&back, t.type, arena, &length), "as");
        CHECK(same(&t, &back), "strings differ");
    }
    CHECK(host_strings_as(&t, dtype_string(16), arena, &(size_t){0}), "a long string fits");
}

static void refusals(void)
{
    HostTensor t;
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } cases[] = {
        {"", 0, "type 0 is not supported"},
        {"\x08\x02\x10\x08\x32\x01x", 7, "needs 2 elements"},
        {"\x10\x01\x1a\x02hi", 6, "a sequence"},
        {"\x10\x01\x70\x01", 4, "external data"},
        {"\x10\x1e", 2, "type 30 is not supported"},
        {"\x08\x03\x10\x01\x4a\x04"
         "abcd",
         10, "needs 12 bytes, 4 are there"},
        {"\x08\x03\x10\x01\x22\x04"
         "abcd",
         10, "needs 3 elements"},
        {"\x08\x05\x10\x15\x4a\x02"
         "ab",
         8, "needs 3 bytes, 2 are there"},
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10\x01", 12, "too large"},
        {"\x08\xff\xff\xff\xff\x0f\x10\x09", 8, "they are not there"},
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01", 13, "neither"},
        {"\x4a\x7f", 2, "neither"},
        {"\x93NUMPY\x01\x00", 8, "header is cut short"},
        {"\x93NUMPY\x01\x00\x80\x00 {", 12, "header is cut short"},
        {"\x93NUMPY\x01\x00\x04\x00{}  ", 14, "not understood"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(parse(&t, cases[i].bytes, cases[i].size), "case %zu is taken", i);
        CHECK(strstr(message(), cases[i].why), "case %zu: %s", i, message());
    }
}

/* Every truncation and single damaged byte of both formats: an error or a tensor, no crash. */
static void damage(void)
{
    HostTensor tensor = sample(DT_F32, 2), back;
    for (int npy = 0; npy < 2; npy++) {
        static char bytes[1024];
        CHECK(!(npy ? host_write_npy : host_write_pb)(&tensor, &diag, path), "%s", message());
        FILE *file = fopen(path, "rb");
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (size_t cut = 0; cut < size; cut++) {
            char *copy = malloc(cut ? cut : 1); /* exact, so that an overrun is seen */
            memcpy(copy, bytes, cut);
            CHECK(parse(&back, copy, cut), "cut at %zu is taken", cut);
            free(copy);
        }
        for (size_t at = 0; at < size; at++)
            for (int bit = 0; bit < 8; bit++) {
                bytes[at] = (char)(bytes[at] ^ 1 << bit);
                (void)parse(&back, bytes, size);
                bytes[at] = (char)(bytes[at] ^ 1 << bit);
            }
    }
}

int main(void)
{
    int fd = mkstemp(path);
    arena = arena_new();
    diag_init(&diag, arena, NULL);
    round_trips();
    strings();
    typed_fields();
    maps();
    refusals();
    damage();
    CHECK(host_read(&(HostTensor){0}, arena, &diag, "/nonexistent") &&
              strstr(message(), "/nonexistent: No such file"),
          "%s", message());
    close(fd);
    unlink(path);
    arena_free(arena);
    printf("tensor_io %s\n", failures ? "FAILED" : "ok");
    return failures != 0;
}
