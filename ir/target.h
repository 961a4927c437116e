/* Targets: kinds of devices, each a JSON file.
 *
 * A target says everything that the compiler wants to know of a device: what code it runs (triple,
 * CPU, features, vectors), what fits in it (caches, memory), how fast it is (GFLOPS, bandwidth), and
 * how a program for it is linked, and run here. Adding a device is adding a file: targets/NAME.json
 * in the source, share/lpc/targets/NAME.json when installed, or a file in the user's --target-dir,
 * which comes first and so can replace a known one. `host` is no file: it is this machine, detected.
 * docs/targets.md describes the fields. */
#ifndef LPC_IR_TARGET_H
#define LPC_IR_TARGET_H

#include "ir/diag.h"
#include <stdbool.h>
#include <stdint.h>

/* Instructions for products of four int8 pairs summed into an int32. */
typedef enum DotKind {
    DOT_NONE,
    DOT_VNNI,    /* x86 AVX512-VNNI: u8 x s8, in zmm, and in ymm and xmm with AVX512VL */
    DOT_AVXVNNI, /* x86 AVX-VNNI: u8 x s8, in ymm and xmm */
    DOT_SDOT     /* Arm dot product: s8 x s8 and u8 x u8 */
} DotKind;

typedef struct Target {
    const char *name;        /* "pi5"; the alias when it was asked for by that ("pi") */
    const char *description; /* one line */
    const char *file;        /* where it was read, NULL for host */

    /* Code. */
    const char *triple;        /* "aarch64-linux-gnu": LLVM's, and lib/lpc/TRIPLE's name */
    const char *cpu;           /* LLVM's name, "x86-64-v3" */
    const char *features;      /* LLVM's list, "+dotprod,+fullfp16", may be "" */
    const char *const *cflags; /* the C compiler's flags for the same code, NULL-terminated */
    int cflag_count;
    int vector_bits;      /* width of one vector register, 0: no vectors */
    int vector_registers; /* how many, 0 when there are none */
    bool fma;             /* fused multiply-add of floats */
    bool fp16;            /* arithmetic on half floats, not only conversion */
    DotKind dot;

    /* Figures. */
    int cores;
    int64_t l1d, l2, l3;     /* bytes; l1d and l2 of one core, l3 of the chip; 0: none */
    int64_t memory;          /* bytes that a stage may use */
    double gflops;           /* f32, multiply and add counted apart, all cores, attainable */
    double memory_bandwidth; /* bytes per second, streaming reads */
    double call_overhead;    /* seconds that one kernel costs beyond its work */

    /* Programs. Each is an argv, NULL-terminated: its first word is looked for in PATH. */
    const char *const *cc;     /* C compiler: ["aarch64-linux-gnu-gcc"] */
    const char *const *linker; /* links objects to a program; cc when the file has none */
    const char *const *ar;
    const char *const *link_flags; /* added at the end when linking: ["-static"] */
    const char *const
        *emulator; /* put before a program to run it on another machine; may be empty */
    int cc_count, linker_count, ar_count, link_flag_count, emulator_count;

    bool native; /* this machine runs the target's programs directly: architecture and ISA */
} Target;

/* The target called `name` (an alias is followed: pi is pi5). `dirs` are the user's directories, in
 * order; after them come the installed and the source directory. "host" is this machine, unless a
 * file of that name is found in `dirs`. Errors name the file, the field and what was expected. */
int target_load(Diag *diag, Arena *arena, const char *name, const char *const *dirs, int dir_count,
                Target **out);

/* All known targets, sorted by name, with host first; a target hidden by a user's is left out.
 * aliases[i], of the same length, lists the other names of targets[i], "" when it has none. */
int target_list(Diag *diag, Arena *arena, const char *const *dirs, int dir_count, Target ***targets,
                const char ***aliases, int *count);

/* This machine. gflops and memory_bandwidth are estimates from cores, clock and vectors. */
Target *target_host(Arena *arena);

/* True when the first word of argv is a program: a path to one, or found in PATH. */
bool target_has_program(const char *const *argv);

/* What code for the target needs beyond its architecture's baseline: words of runtime/processor.c with
 * spaces between, "AVX AVX2 FMA"; "" when nothing. CPUs that are not known count by the features and the
 * vectors that the target names. */
const char *target_needs(Arena *arena, const Target *target);

const char *dot_name(DotKind kind); /* "none", "vnni", "avxvnni", "sdot" */

/* A directory of lpc's own files ("targets", "runtime", "lib/lpc"): looked for relative to the
 * running executable, or to liblpc.so (../share/lpc/SUB, or ../SUB when sub starts with "lib/"), else in the source
 * that lpc was built from. NULL when neither exists. */
const char *lpc_data_dir(Arena *arena, const char *sub);

#endif
