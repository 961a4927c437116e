/* What a target's code needs of the processor, in the words of runtime/processor.c. */
#include "ir/target.h"

#include <string.h>

#define V2 "SSSE3 SSE4.2 POPCNT"
#define V3 V2 " AVX AVX2 BMI1 BMI2 F16C FMA LZCNT MOVBE"
#define V4 V3 " AVX-512F AVX-512BW AVX-512CD AVX-512DQ AVX-512VL"

/* `feature` is one of the target's, with its sign, or the name of its CPU. */
static const struct {
    const char *arch, *feature, *words;
} RULES[] = {
    {"x86_64", "x86-64-v2", V2},
    {"x86_64", "x86-64-v3", V3},
    {"x86_64", "x86-64-v4", V4},
    {"x86_64", "haswell", V3},
    {"x86_64", "skylake", V3},
    {"x86_64", "znver1", V3},
    {"x86_64", "znver2", V3},
    {"x86_64", "znver3", V3},
    {"x86_64", "skylake-avx512", V4},
    {"x86_64", "icelake-server", V4 " AVX-512-VNNI"},
    {"x86_64", "znver4", V4 " AVX-512-VNNI"},
    {"x86_64", "+avx2", "AVX AVX2"},
    {"x86_64", "+fma", "FMA"},
    {"x86_64", "+f16c", "F16C"},
    {"x86_64", "+avx512vnni", "AVX-512-VNNI"},
    {"x86_64", "+avxvnni", "AVX-VNNI"},
    {"aarch64", "cortex-a55", "atomics rdm fp16 dotprod"},
    {"aarch64", "cortex-a76", "atomics rdm fp16 dotprod"},
    {"aarch64", "+v8.2a", "atomics rdm"},
    {"aarch64", "+dotprod", "dotprod"},
    {"aarch64", "+fullfp16", "fp16"},
    {"riscv64", "+v", "V"},
};

static bool has_word(const char *list, const char *word, char end)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length) {
        bool begins = at == list || at[-1] == end;
        if (begins && (at[length] == end || !at[length])) return true;
    }
    return false;
}

static void add(Text *needs, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        char word[32] = "";
        if (length < sizeof word) memcpy(word, words, length);
        if (*word && !has_word(needs->data, word, ' '))
            text_printf(needs, "%s%s", needs->length ? " " : "", word);
        words += length;
        words += strspn(words, " ");
    }
}

const char *target_needs(Arena *arena, const Target *target)
{
    Text needs;
    text_init(&needs, arena);
    text_add(&needs, "");
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        if (strncmp(target->triple, RULES[i].arch, strlen(RULES[i].arch)) != 0) continue;
        if (!strcmp(target->cpu, RULES[i].feature) ||
            has_word(target->features, RULES[i].feature, ','))
            add(&needs, RULES[i].words);
    }
    bool x86 = !strncmp(target->triple, "x86_64", 6);
    if (x86 && target->vector_bits >= 256) add(&needs, "AVX AVX2"); /* what lpc itself emits */
    if (x86 && target->vector_bits >= 512) add(&needs, "AVX-512F");
    if (x86 && target->fma) add(&needs, "FMA");
    if (target->dot == DOT_VNNI) add(&needs, "AVX-512-VNNI");
    if (target->dot == DOT_AVXVNNI) add(&needs, "AVX-VNNI");
    if (target->dot == DOT_SDOT) add(&needs, "dotprod");
    return needs.data;
}
