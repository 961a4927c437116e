/* Part of test_backend_llvm: runs emitted programs on another architecture. Compiled by the
 * target's compiler with the generated table of functions, run under its emulator with one file of
 * inputs and expected outputs. Prints each difference; exits 0 when there is none. */
#include "runtime/lpc_model.h"
#include "runs.h" /* RUN_COUNT, SYMBOLS, runs[]: {name, function} */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *file;
static int failures;

static int64_t number(void)
{
    int64_t value = 0;
    if (fread(&value, sizeof value, 1, file) != 1) exit(2);
    return value;
}

static uint8_t *block(int64_t bytes)
{
    uint8_t *data = aligned_alloc(64, ((size_t)bytes + 127) / 64 * 64);
    memset(data, 0x5a, ((size_t)bytes + 127) / 64 * 64);
    if (bytes && fread(data, (size_t)bytes, 1, file) != 1) exit(2);
    return data;
}

/* One half that is NaN equals any other; `infinity`: its bits. */
static int halves_differ(const uint8_t *a, const uint8_t *b, int64_t bytes, int64_t infinity)
{
    for (int64_t i = 0; i < bytes; i += 2) {
        uint16_t x, y;
        memcpy(&x, a + i, 2), memcpy(&y, b + i, 2);
        if (x != y && ((x & 0x7fff) <= infinity || (y & 0x7fff) <= infinity)) return 1;
    }
    return 0;
}

/* real: bytes of a float element; an infinity's bits of a half one; 0 when all bits count. Another
 * libm may round otherwise. */
static int differs(const uint8_t *a, const uint8_t *b, int64_t bytes, int64_t real)
{
    if (!real) return memcmp(a, b, (size_t)bytes) != 0;
    if (real > 8) return halves_differ(a, b, bytes, real);
    for (int64_t i = 0; i < bytes; i += real) {
        float x32, y32;
        double x, y;
        memcpy(&x32, a + i, 4), memcpy(&y32, b + i, 4);
        memcpy(&x, a + i, 8), memcpy(&y, b + i, 8);
        if (real == 4) x = (double)x32, y = (double)y32;
        if (!memcmp(a + i, b + i, (size_t)real) || (isnan(x) && isnan(y))) continue;
        if (!(fabs(x - y) <= 1e-6 * fabs(x))) return 1;
    }
    return 0;
}

static void run_one(int which)
{
    int64_t work_bytes = number(), code = number(), sizes[SYMBOLS], after[SYMBOLS];
    for (int i = 0; i < SYMBOLS; i++) sizes[i] = number();
    for (int i = 0; i < SYMBOLS; i++) after[i] = number();
    void *work = aligned_alloc(64, ((size_t)work_bytes + 64) / 64 * 64);
    const void *in[8];
    void *out[8];
    uint8_t *expected[8];
    int64_t bytes[8], real[8], ins = number();
    for (int64_t i = 0; i < ins; i++) in[i] = block(number());
    int64_t outs = number();
    for (int64_t i = 0; i < outs; i++) {
        real[i] = number();
        bytes[i] = number();
        expected[i] = block(bytes[i]);
        out[i] = malloc((size_t)bytes[i] + 64);
        memset(out[i], 0x5a, (size_t)bytes[i] + 64);
    }
    int got = runs[which].run(in, out, sizes, work, NULL, NULL);
    int bad = got != code || (code == 0 && memcmp(sizes, after, sizeof sizes));
    free(work);
    for (int64_t i = 0; i < outs && code == 0; i++)
        bad |= differs(expected[i], out[i], bytes[i], real[i]);
    if (bad) printf("FAIL %s (returned %d)\n", runs[which].name, got), failures++;
}

int main(int argc, char **argv)
{
    if (argc != 2 || !(file = fopen(argv[1], "rb"))) return 2;
    for (int i = 0; i < RUN_COUNT; i++) run_one(i);
    return failures != 0;
}
