/* The marks of a profiled function, and the loops that measure the machine beside it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "profile.h"

#include <time.h>

lpc_profile_table lpc_profile;

static uint64_t last_ns;

void lpc_profile_mark(int32_t kernel)
{
    struct timespec now;
    if (!lpc_profile.ns) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (kernel >= 0 && kernel < lpc_profile.count) lpc_profile.ns[kernel] += ns - last_ns;
    last_ns = ns;
}

#ifdef LPC_PROFILE_CEILINGS

/* Given by whoever compiles this: the target's register width, and enough accumulators to hide the
 * latency of a multiply-add without leaving the registers. */
#ifndef LPC_PROFILE_VECTOR_BYTES
#define LPC_PROFILE_VECTOR_BYTES 16
#endif
#ifndef LPC_PROFILE_ACCUMULATORS
#define LPC_PROFILE_ACCUMULATORS 12
#endif

enum { STEPS = 32, READERS = 8 };

typedef float Floats __attribute__((vector_size(LPC_PROFILE_VECTOR_BYTES), aligned(4)));
typedef uint64_t Words __attribute__((vector_size(LPC_PROFILE_VECTOR_BYTES), aligned(8)));

static volatile float factor = 0.5f, term = 1.0f, kept; /* not known when this is compiled */

double lpc_profile_fma(int64_t rounds)
{
    Floats sum[LPC_PROFILE_ACCUMULATORS], a = factor - (Floats){0}, b = term - (Floats){0};
    for (int i = 0; i < LPC_PROFILE_ACCUMULATORS; i++) sum[i] = a;
    for (int64_t round = 0; round < rounds * STEPS; round++) {
#pragma GCC unroll 64
        for (int i = 0; i < LPC_PROFILE_ACCUMULATORS; i++) sum[i] = sum[i] * a + b;
    }
    for (int i = 0; i < LPC_PROFILE_ACCUMULATORS; i++) kept = sum[i][0];
    double lanes = (double)(LPC_PROFILE_VECTOR_BYTES / sizeof(float));
    return 2.0 * LPC_PROFILE_ACCUMULATORS * lanes * STEPS * (double)rounds;
}

uint64_t lpc_profile_read(const void *memory, size_t bytes)
{
    const Words *at = memory;
    Words sum[READERS] = {{0}};
    for (size_t i = 0; i < bytes / sizeof *at; i += READERS) {
#pragma GCC unroll 8
        for (size_t k = 0; k < READERS; k++) sum[k] |= at[i + k];
    }
    uint64_t all = 0;
    for (int k = 0; k < READERS; k++)
        for (size_t lane = 0; lane < sizeof *at / sizeof all; lane++) all |= sum[k][lane];
    return all;
}

#endif
