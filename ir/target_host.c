/* `host`: this machine as a target, detected.
 *
 * The CPU is named by its level (x86-64-v3) and features, not by its micro-architecture, so that an
 * older C compiler and a newer LLVM agree on what it is. Figures are estimates, and made only from
 * what does not change while the machine runs: two runs of lpc must give the same plan. */
#define _GNU_SOURCE
#include "ir/target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const *words(Arena *arena, const char *text, int *count)
{
    const char **list = NULL;
    int n = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        arena_push(arena, list, n) = arena_strndup(arena, text, length);
        text += length;
        while (*text == ' ') text++;
    }
    *count = n;
    arena_push(arena, list, n) = NULL;
    return list;
}

#if defined(__x86_64__)
typedef struct X86 {
    bool sse42, avx2, fma, f16c, avx512, vnni, avxvnni;
} X86;

static uint64_t xgetbv0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

/* A feature counts when the CPU has it and the system saves its registers (XCR0). */
static X86 x86_detect(void)
{
    X86 x = {0};
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return x;
    x.sse42 = (c >> 20 & 1) && (c >> 23 & 1) && (c >> 9 & 1);
    uint64_t saved = (c >> 27 & 1) ? xgetbv0() : 0;
    bool ymm = (saved & 0x6) == 0x6 && (c >> 28 & 1), zmm = ymm && (saved & 0xe0) == 0xe0;
    x.fma = ymm && (c >> 12 & 1);
    x.f16c = ymm && (c >> 29 & 1);
    bool movbe = c >> 22 & 1;
    unsigned b7 = 0, c7 = 0, d7 = 0;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return x;
    x.avx2 = ymm && movbe && (b7 >> 5 & 1) && (b7 >> 3 & 1) && (b7 >> 8 & 1);
    x.avx512 = zmm && (b7 >> 16 & 1) && (b7 >> 17 & 1) && (b7 >> 28 & 1) && (b7 >> 30 & 1) &&
               (b7 >> 31 & 1);
    x.vnni = x.avx512 && (c7 >> 11 & 1);
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) x.avxvnni = x.avx2 && (a >> 4 & 1);
    return x;
}

static void detect_cpu(Arena *arena, Target *t)
{
    X86 x = x86_detect();
    const char *flags = "-march=x86-64", *mtune = " -mtune=generic", *more = "";
    t->triple = "x86_64-linux-gnu";
    t->cpu = "x86-64";
    t->features = "";
    t->vector_bits = 128;
    t->vector_registers = 16;
    if (x.sse42) t->cpu = "x86-64-v2", flags = "-march=x86-64-v2";
    if (x.avx2 && x.fma && x.f16c) {
        t->cpu = "x86-64-v3", flags = "-march=x86-64-v3";
        t->vector_bits = 256;
        t->fma = true;
        if (x.avxvnni) t->dot = DOT_AVXVNNI, t->features = "+avxvnni", more = " -mavxvnni";
        if (x.avx512) {
            t->cpu = "x86-64-v4", flags = "-march=x86-64-v4 -mprefer-vector-width=512";
            t->vector_bits = 512;
            t->vector_registers = 32;
            t->features = "-prefer-256-bit";
            t->dot = DOT_NONE, more = "";
        }
        if (x.vnni)
            t->dot = DOT_VNNI, t->features = "+avx512vnni,-prefer-256-bit", more = " -mavx512vnni";
    }
    t->cflags = words(arena, arena_printf(arena, "%s%s%s", flags, more, mtune), &t->cflag_count);
}
#elif defined(__aarch64__)
static void detect_cpu(Arena *arena, Target *t)
{
    unsigned long hwcap = getauxval(AT_HWCAP);
    bool atomics = hwcap >> 8 & 1, half = (hwcap >> 9 & 1) && (hwcap >> 10 & 1);
    bool rdm = hwcap >> 12 & 1, dot = hwcap >> 20 & 1;
    t->triple = "aarch64-linux-gnu";
    t->cpu = "generic";
    t->vector_bits = 128;
    t->vector_registers = 32;
    t->fma = true;
    bool v82 = atomics && rdm && (half || dot);
    t->fp16 = v82 && half;
    t->dot = v82 && dot ? DOT_SDOT : DOT_NONE;
    t->features =
        !v82 ? ""
             : arena_printf(arena, "+v8.2a%s%s", dot ? ",+dotprod" : "", half ? ",+fullfp16" : "");
    t->cflags = words(arena,
                      !v82 ? "-march=armv8-a"
                           : arena_printf(arena, "-march=armv8.2-a%s%s", dot ? "+dotprod" : "",
                                          half ? "+fp16" : ""),
                      &t->cflag_count);
}
#else
static void detect_cpu(Arena *arena, Target *t)
{
    struct utsname name;
    const char *machine = uname(&name) == 0 ? name.machine : "unknown";
    bool riscv = strcmp(machine, "riscv64") == 0;
    t->triple = arena_printf(arena, "%s-linux-gnu", machine);
    t->cpu = riscv ? "generic-rv64" : "generic";
    t->features = riscv ? "+m,+a,+f,+d,+c" : "";
    t->fma = riscv;
    t->cflags = words(arena, "", &t->cflag_count);
}
#endif

/* The first line of a file under /sys as a number, with K or M after it; -1 when there is none. */
static int64_t read_number(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    char line[64];
    char *got = fgets(line, sizeof line, file), *end;
    fclose(file);
    if (!got) return -1;
    long long value = strtoll(line, &end, 10);
    if (end == line || value < 0) return -1;
    if (*end == 'K') value <<= 10;
    if (*end == 'M') value <<= 20;
    return value;
}

static int64_t cache_size(Arena *arena, int level, int name, int64_t otherwise)
{
    for (int i = 0; i < 8; i++) {
        const char *dir = arena_printf(arena, "/sys/devices/system/cpu/cpu0/cache/index%d", i);
        if (read_number(arena_printf(arena, "%s/level", dir)) != level) continue;
        FILE *file = fopen(arena_printf(arena, "%s/type", dir), "r");
        int type = file ? getc(file) : 'I'; /* Data, Unified or Instruction */
        if (file) fclose(file);
        if (type == 'I') continue;
        int64_t size = read_number(arena_printf(arena, "%s/size", dir));
        if (size > 0) return size;
    }
    long size = sysconf(name);
    return size > 0 ? size : otherwise;
}

static int64_t memory_size(void)
{
    struct sysinfo info;
    int64_t memory = (int64_t)1 << 30;
    if (sysinfo(&info) == 0) memory = (int64_t)info.totalram * (int64_t)info.mem_unit;
    int64_t limit = read_number("/sys/fs/cgroup/memory.max"); /* a container's */
    return limit > 0 && limit < memory ? limit : memory;
}

/* Attainable, not peak: half of two vector pipes with fused multiply-add on every core. */
static void estimate_speed(Target *t)
{
    int64_t khz = read_number("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
    double ghz = khz > 0 ? (double)khz * 1e-6 : 3.0;
    double lanes = t->vector_bits ? t->vector_bits / 32.0 : 1;
    t->gflops = t->cores * ghz * lanes * (t->fma ? 2 : 1);
    if (t->vector_bits < 256) t->gflops *= 0.75;
    double bandwidth = 8e9 + 4e9 * t->cores;
    t->memory_bandwidth = bandwidth < 60e9 ? bandwidth : 60e9;
    t->call_overhead = 2e-7;
}

Target *target_host(Arena *arena)
{
    Target *t = arena_alloc(arena, sizeof *t);
    t->name = "host";
    t->description = "this machine, detected";
    t->dot = DOT_NONE;
    detect_cpu(arena, t);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    t->cores = cores < 1 ? 1 : cores > 1024 ? 1024 : (int)cores;
    t->l1d = cache_size(arena, 1, _SC_LEVEL1_DCACHE_SIZE, 32 << 10);
    t->l2 = cache_size(arena, 2, _SC_LEVEL2_CACHE_SIZE, 256 << 10);
    t->l3 = cache_size(arena, 3, _SC_LEVEL3_CACHE_SIZE, 0);
    t->memory = memory_size();
    estimate_speed(t);
    static const char *const compilers[] = {"cc", "gcc", "clang", "clang-19"};
    const char *compiler = compilers[0];
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++) {
        const char *argv[] = {compilers[i], NULL};
        if (!target_has_program(argv)) continue;
        compiler = compilers[i];
        break;
    }
    t->cc = words(arena, compiler, &t->cc_count);
    t->linker = words(arena, compiler, &t->linker_count);
    t->ar = words(arena, "ar", &t->ar_count);
    t->link_flags = words(arena, "", &t->link_flag_count);
    t->emulator = words(arena, "", &t->emulator_count);
    t->native = true;
    return t;
}
