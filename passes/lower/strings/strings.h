/* What the rules of operators on strings share: strings in memory, as kernels read and write them.
 *
 * A string takes dtype_cells bytes: its length, two bytes, the lower one first, its bytes, and zeros up
 * to its bound. Kernels count in i64, and bytes are i64 once they are read. No kernel reads behind the
 * bound, whatever the length says, since lengths are checked where strings enter a stage. */
#ifndef LPC_PASSES_LOWER_STRINGS_H
#define LPC_PASSES_LOWER_STRINGS_H

#include "passes/lower/frame/lower.h"

/* What an emitted model returns (runtime/lpc_model.h, which compiler files do not include). */
enum { STRING_BOUND = 1, STRING_VALUE = 3 };

/* One string in memory. */
typedef struct Str {
    Param *memory;
    Inst *start; /* index of its first byte, the length's */
    int64_t most;
} Str;

/* ---- strings.c ---- */

Str str_in(Lower *lw, const Tensor *tensor, Inst *const *idx);
Str str_out(Lower *lw, const Tensor *tensor, Inst *const *idx);
/* The same with numpy broadcasting: idx are coordinates of a tensor of rank `rank` >= its own. */
Str str_in_broadcast(Lower *lw, const Tensor *tensor, int rank, Inst *const *idx);
Inst *str_length(Lower *lw, const Str *s);
Inst *str_byte(Lower *lw, const Str *s, Inst *i);
void str_put(Lower *lw, const Str *s, Inst *i, Inst *byte);
/* What follows the first `length` bytes, and the length. */
void str_finish(Lower *lw, const Str *s, Inst *length);
/* Ends the run with LPC_RUN_BOUND where the string has no room for so many bytes. */
void str_need(Lower *lw, const Str *s, Inst *length);
/* Bytes [from, from + count) of one string to position `at` of another. */
void str_copy(Lower *lw, const Str *to, Inst *at, const Str *from, Inst *first, Inst *count);
/* x < y by their bytes, which is also the order of their characters. */
Inst *str_less(Lower *lw, const Str *x, const Str *y);
/* Stores a string that is known. The caller has seen that it fits. */
void str_store(Lower *lw, const Str *to, const char *text, size_t length);

/* A counter in a cell. */
Cell *str_cell(Lower *lw, const char *name, int64_t value);
void str_add(Lower *lw, Cell *cell, Inst *more);

/* Constants as parameters of the open kernel. */
Param *str_table(Lower *lw, const char *name, DType dtype, int64_t count, const void *data);

#endif
