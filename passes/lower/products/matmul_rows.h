/* MatMul by a transposed constant, whose rows are read where they lie: see matmul_rows.c. */
#ifndef LPC_PASSES_LOWER_MATMUL_ROWS_H
#define LPC_PASSES_LOWER_MATMUL_ROWS_H

#include "passes/lower/frame/lower.h"

/* The constant [columns, depth] that MatMul's right operand is the Transpose of; NULL when it is
 * something else. */
const Tensor *matmul_rows_of(const Node *node);
/* Lowers MatMul by it. */
int lower_matmul_rows(Lower *lw, const Tensor *rows);

#endif
