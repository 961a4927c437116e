/* A node's kernels for one row and for many: see variants.c. Between the files of the frame. */
#ifndef LPC_PASSES_LOWER_FRAME_VARIANTS_H
#define LPC_PASSES_LOWER_FRAME_VARIANTS_H

#include "passes/lower/frame/lower.h"

/* The size on which the node's two variants depend; NULL: it has one. */
const Size *variant_rows(Lower *lw, const Node *node);
/* Lowers the node for one row and for all other numbers of them, and main's choice. */
int lower_variants(Lower *lw, Node *node, const Size *rows);

#endif
