/* What a function that was compiled with --instrument calls, and what `lpc profile` reads from it.
 *
 * It's the one place in the runtime with state of its own: a stage program never sets the table, so
 * that the marks do nothing there. */
#ifndef LPC_RUNTIME_PROFILE_H
#define LPC_RUNTIME_PROFILE_H

#include <stddef.h>
#include <stdint.h>

/* Called by NAME_run: once with -1 before the first kernel, and after each kernel with its position
 * in the manifest. The time since the last call is the kernel's. */
void lpc_profile_mark(int32_t kernel);

/* Nanoseconds by kernel, `count` of them; NULL: marks do nothing. Set between runs only. */
typedef struct lpc_profile_table {
    uint64_t *ns;
    int32_t count;
} lpc_profile_table;

extern lpc_profile_table lpc_profile;

/* Loops that reach the machine's ceilings; compiled with -DLPC_PROFILE_CEILINGS, contraction on. */
/* Multiplies and adds in registers; returns how many floating point operations that were. */
double lpc_profile_fma(int64_t rounds);
/* Reads memory from end to end; bytes must be a multiple of 1024. Returns what keeps it honest. */
uint64_t lpc_profile_read(const void *memory, size_t bytes);

#endif
