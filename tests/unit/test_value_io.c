/* Sequences, maps and optionals in files, whole, cut short and damaged. */
#include "lib/files/value_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            printf("FAILED %s:%d: %s: ", __FILE__, __LINE__, #condition);                          \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

static Arena *arena;
static Diag diag;
static char path[] = "/tmp/lpc-test-value-XXXXXX";

/* Messages, the innermost first: u8 tensors of one element, and values of them. */
#define TENSOR(byte)  "\x08\x01\x10\x02\x4a\x01" byte
#define ITEM(byte)    "\x1a\x07" TENSOR(byte)
#define SEQUENCE      "\x0a\x01s\x10\x01" ITEM("\x05") ITEM("\x06")
#define OPTIONAL      "\x10\x03\x2a\x0b\x10\x01" ITEM("\x07")
#define MAP           "\x10\x07\x18\x02\x18\x0b\x2a\x12" ITEM("\x05") ITEM("\x06")
#define MAP_OF_TEXT   "\x10\x08\x22\x02no\x2a\x09" ITEM("\x05")
#define SEQUENCE_MAPS "\x10\x04\x32\x1a" MAP

static int read_bytes(HostValue *value, HostKind kind, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    fwrite(bytes, 1, size, file);
    fclose(file);
    return host_read_value(value, kind, arena, &diag, path);
}

#define READ(value, kind, text) read_bytes(value, kind, text, sizeof text - 1)

static int element(const HostValue *value, int i)
{
    const HostValue *item = &value->items[i];
    bool is_byte =
        item->kind == HOST_TENSOR && item->tensor.type == DT_U8 && item->tensor.bytes == 1;
    return is_byte ? *(const uint8_t *)item->tensor.data : -1;
}

static void whole(void)
{
    HostValue v;
    CHECK(!READ(&v, HOST_SEQUENCE, SEQUENCE) && v.count == 2, "sequence");
    CHECK(element(&v, 0) == 5 && element(&v, 1) == 6, "its elements");
    CHECK(!READ(&v, HOST_SEQUENCE, "\x10\x01") && v.count == 0, "empty sequence");
    CHECK(!READ(&v, HOST_OPTIONAL, OPTIONAL) && v.count == 1, "optional");
    CHECK(v.items[0].kind == HOST_SEQUENCE && element(&v.items[0], 0) == 7, "what it holds");
    CHECK(!READ(&v, HOST_OPTIONAL, "\x0a\x01o\x10\x00") && v.count == 0, "absent");
    CHECK(!READ(&v, HOST_MAP, MAP) && v.count == 2, "map");
    CHECK(v.keys[0] == 2 && v.keys[1] == 11 && element(&v, 1) == 6, "its keys and values");
    CHECK(!READ(&v, HOST_MAP, MAP_OF_TEXT) && v.count == 1, "map of text");
    CHECK(v.string_keys[0].length == 2 && !memcmp(v.string_keys[0].bytes, "no", 2) && element(&v, 0) == 5, "its key");
    CHECK(!READ(&v, HOST_SEQUENCE, SEQUENCE_MAPS) && v.count == 1, "sequence of maps");
    CHECK(v.items[0].kind == HOST_MAP && v.items[0].keys[1] == 11, "its map");
}

static void refusals(void)
{
    HostValue v;
    CHECK(READ(&v, HOST_SEQUENCE, "\x22\x00"), "sparse");
    CHECK(READ(&v, HOST_MAP, "\x18\x02\x2a\x12" ITEM("\x05") ITEM("\x06")), "too few keys");
    CHECK(READ(&v, HOST_OPTIONAL, ITEM("\x05") ITEM("\x06")), "two values");
    CHECK(host_read_value(&v, HOST_MAP, arena, &diag, "/nonexistent"), "no file");
    CHECK(strstr(diag.messages[diag.count - 1], "/nonexistent: No such file"), "%s",
          diag.messages[diag.count - 1]);
}

/* An error or a value, no crash. */
static void damage(void)
{
    static const char bytes[] = SEQUENCE_MAPS;
    HostValue v;
    for (size_t cut = 0; cut < sizeof bytes; cut++) (void)read_bytes(&v, HOST_SEQUENCE, bytes, cut);
    for (size_t at = 0; at + 1 < sizeof bytes; at++)
        for (int bit = 0; bit < 8; bit++) {
            char copy[sizeof bytes];
            memcpy(copy, bytes, sizeof bytes);
            copy[at] = (char)(copy[at] ^ 1 << bit);
            (void)read_bytes(&v, HOST_SEQUENCE, copy, sizeof bytes - 1);
        }
}

int main(void)
{
    int fd = mkstemp(path);
    arena = arena_new();
    diag_init(&diag, arena, NULL);
    whole();
    refusals();
    damage();
    close(fd);
    unlink(path);
    arena_free(arena);
    printf("value_io %s\n", failures ? "FAILED" : "ok");
    return failures != 0;
}
