/* What the processor can do: CPUID and XGETBV on x86 (Intel SDM, volume 2, "CPUID" and "XGETBV"),
 * the kernel's AT_HWCAP elsewhere (Linux, Documentation/arch). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "processor.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

enum { LEAF_1C, LEAF_7B, LEAF_7C, LEAF_7_1A, LEAF_EXT_C, LEAF_COUNT };
enum { STATE_NONE, STATE_YMM = 0x6, STATE_ZMM = 0xe6 }; /* of XCR0 */

static const struct {
    const char *word;
    int leaf, bit;
    unsigned state; /* registers that the system must save */
} features[] = {
    {"SSSE3", LEAF_1C, 9, STATE_NONE},     {"SSE4.1", LEAF_1C, 19, STATE_NONE},
    {"SSE4.2", LEAF_1C, 20, STATE_NONE},   {"POPCNT", LEAF_1C, 23, STATE_NONE},
    {"MOVBE", LEAF_1C, 22, STATE_NONE},    {"AVX", LEAF_1C, 28, STATE_YMM},
    {"FMA", LEAF_1C, 12, STATE_YMM},       {"F16C", LEAF_1C, 29, STATE_YMM},
    {"LZCNT", LEAF_EXT_C, 5, STATE_NONE},  {"BMI1", LEAF_7B, 3, STATE_NONE},
    {"BMI2", LEAF_7B, 8, STATE_NONE},      {"AVX2", LEAF_7B, 5, STATE_YMM},
    {"AVX-512F", LEAF_7B, 16, STATE_ZMM},  {"AVX-512DQ", LEAF_7B, 17, STATE_ZMM},
    {"AVX-512CD", LEAF_7B, 28, STATE_ZMM}, {"AVX-512BW", LEAF_7B, 30, STATE_ZMM},
    {"AVX-512VL", LEAF_7B, 31, STATE_ZMM}, {"AVX-512-VNNI", LEAF_7C, 11, STATE_ZMM},
    {"AVX-VNNI", LEAF_7_1A, 4, STATE_YMM},
};

static unsigned saved_state(unsigned leaf_1c)
{
    uint32_t low = 0, high = 0;
    if (leaf_1c >> 27 & 1) __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int has(const char *word)
{
    unsigned leaves[LEAF_COUNT] = {0}, a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) leaves[LEAF_1C] = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) leaves[LEAF_7B] = b, leaves[LEAF_7C] = c;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) leaves[LEAF_7_1A] = a;
    if (__get_cpuid(0x80000001u, &a, &b, &c, &d)) leaves[LEAF_EXT_C] = c;
    unsigned state = saved_state(leaves[LEAF_1C]);
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (strcmp(features[i].word, word) != 0) continue;
        return (leaves[features[i].leaf] >> features[i].bit & 1) &&
               (state & features[i].state) == features[i].state;
    }
    return 1;
}

#elif defined(__linux__) && (defined(__aarch64__) || defined(__arm__) || defined(__riscv))
#include <sys/auxv.h>

static const struct {
    const char *word;
    int bit; /* of AT_HWCAP */
} features[] = {
#if defined(__aarch64__)
    {"atomics", 8}, {"fp16", 10}, {"rdm", 12}, {"dotprod", 20}, {"SVE", 22},
#elif defined(__arm__)
    {"NEON", 12},
    {"VFPv4", 16},
#else
    {"V", 'v' - 'a'}, /* a letter of the ISA's name each */
#endif
};

static int has(const char *word)
{
    unsigned long capabilities = getauxval(AT_HWCAP);
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (strcmp(features[i].word, word) == 0) return (int)(capabilities >> features[i].bit & 1);
    }
    return 1;
}

#else

static int has(const char *word)
{
    (void)word;
    return 1;
}
#endif

int lpc_processor_lacks(const char *needs, char *word, size_t size)
{
    while (needs && *needs) {
        size_t length = strcspn(needs, " ");
        if (length < size) {
            memcpy(word, needs, length);
            word[length] = 0;
            if (!has(word)) return 1;
        }
        needs += length;
        needs += strspn(needs, " ");
    }
    return 0;
}
