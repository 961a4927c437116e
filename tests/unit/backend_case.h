/* Part of test_backend_*: random data, and what is the same as what. */
#ifndef LPC_TESTS_BACKEND_CASE_H
#define LPC_TESTS_BACKEND_CASE_H

#include "tests/check.h"

#include "tests/unit/llvm_cases.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static uint64_t seed = 99;

static uint32_t random32(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

/* Random elements, some of them tiny, infinite or NaN. `quiet`: no signalling NaN among halves;
 * arithmetic makes none, and fmaxnm treats it otherwise than a comparison does. */
static void fill_random(const Buffer *buffer, void *to, bool quiet)
{
    size_t count = (size_t)buffer->max_bytes / dtype_size(buffer->dtype);
    uint8_t *data = to;
    for (size_t i = 0; i < count; i++) {
        uint32_t r = random32();
        double real = (double)(int32_t)r / 0x1p29; /* -4 .. 4 */
        if (r % 53 == 0) real *= 1e-6;
        if (r % 61 == 0) real = r % 2 ? INFINITY : NAN;
        switch (buffer->dtype) {
        case DT_F32: ((float *)to)[i] = (float)real; break;
        case DT_F64: ((double *)to)[i] = real; break;
        case DT_F16: ((uint16_t *)to)[i] = (uint16_t)(~r & 0x7c00 || !quiet ? r : r | 0x200); break;
        case DT_BF16: ((uint16_t *)to)[i] = (uint16_t)(~r & 0x7f80 || !quiet ? r : r | 0x40); break;
        case DT_BOOL: data[i] = r & 1; break;
        default:
            for (size_t k = 0; k < dtype_size(buffer->dtype); k++)
                data[i * dtype_size(buffer->dtype) + k] = (uint8_t)(random32() >> 8);
        }
    }
}

static bool is_nan(DType dtype, const void *data, size_t i)
{
    switch (dtype) {
    case DT_F16: return isnan(f16_to_f32(((const uint16_t *)data)[i]));
    case DT_BF16: return isnan(bf16_to_f32(((const uint16_t *)data)[i]));
    case DT_F32: return isnan(((const float *)data)[i]);
    case DT_F64: return isnan(((const double *)data)[i]);
    default: return false;
    }
}

/* Bit for bit, but any NaN equals any NaN; nothing written behind. */
static bool same(const Buffer *buffer, const uint8_t *a, const uint8_t *b)
{
    size_t size = dtype_size(buffer->dtype), count = (size_t)buffer->max_bytes / size;
    for (size_t i = 0; i < count; i++) {
        if (!memcmp(a + i * size, b + i * size, size)) continue;
        if (is_nan(buffer->dtype, a, i) && is_nan(buffer->dtype, b, i)) continue;
        printf("  element %zu differs:", i);
        for (size_t k = size; k-- > 0;) printf(" %02x/%02x", a[i * size + k], b[i * size + k]);
        if (buffer->dtype == DT_F32)
            printf(" (%.9g, %.9g)", (double)((const float *)(const void *)a)[i],
                   (double)((const float *)(const void *)b)[i]);
        printf("\n");
        return false;
    }
    return !memcmp(a + buffer->max_bytes, b + buffer->max_bytes, SLACK);
}

/* Runs tasks in pieces, the last first. */
static void pieces(void *pool, void (*fn)(void *arg, int64_t begin, int64_t end), void *arg,
                   int64_t n)
{
    ++*(int *)pool;
    int64_t half = n / 2;
    fn(arg, half, n);
    for (int64_t i = 0; i < half; i++) fn(arg, i, i + 1);
}

#endif
