/* The C backend: a loops program becomes one C file.
 *
 * The file defines `lpc_run_fn NAME_run` (runtime/lpc_model.h; NAME is the program's name) and
 * expects the symbol `NAME_weights`, the start of the weights section, from another object. It is
 * self-contained C11 that includes "lpc_model.h" and standard headers. Compile it with
 *
 *     -std=c11 -O3 -fno-math-errno -fno-trapping-math
 *
 * -std=c11 matters: gcc's default -std=gnu17 contracts a*b+c into fused operations, which changes
 * results; with -std=gnuNN add -ffp-contract=off. -ffast-math is not allowed for the same reason.
 * -fno-math-errno and -fno-trapping-math change no result and let square roots, floor and the like
 * become one instruction. gcc notes (-Wno-psabi silences it) vectors wider than the machine's; they
 * are only passed to functions that are inlined. */
#ifndef LPC_BACKEND_C_C_H
#define LPC_BACKEND_C_C_H

#include "backend/backend.h"

typedef struct CEmitOptions {
    /* Plain ISO C11, without vector extensions, intrinsics or attributes the compiler does not
     * know. The program must be scalar then (every value with one lane). */
    bool portable;
    bool arrays;       /* the weights are NAME_weights_N (backend/arrays), not NAME_weights */
    bool profile;      /* NAME_run calls lpc_profile_mark (runtime/profile.h) after each kernel */
    int vector_bits;   /* width of the target's vector registers, for the comment; 0: not told */
    const char *title; /* what the file is, for its first comment line; may be NULL */
} CEmitOptions;

/* Appends the C file to out. Requires a verified program whose WORK, CONST and STATE buffers have
 * offsets. Prints the same bytes for the same program. Reports what it cannot emit (a vector value
 * with `portable`, a buffer without an offset) and returns LPC_ERROR. */
int backend_c_emit(const Program *program, const CEmitOptions *options, Diag *diag, Text *out);

/* Those flags, without -std, NULL-terminated; and the row of backends.c: writes model.c. */
extern const char *const C_CFLAGS[];
int backend_c_write(const BackendJob *job);

#endif
