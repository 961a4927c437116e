/* Tilings that were measured, for kernels that lowering otherwise decides by rule.
 *
 * A kernel is known by its key: operator, types, sizes, axis orders, attributes and epilogue of its
 * node, and nothing of its name or place, so that the same work is done alike in every stage. One
 * table holds the kernels of one target (tuning_target) with one number of threads.
 *
 * A table can also take notes: then every kernel that has something to choose leaves a site with
 * what the rules chose and the few other tilings worth timing (lib/tune). */
#ifndef LPC_PASSES_TUNING_H
#define LPC_PASSES_TUNING_H

#include "ir/graph.h"

/* What of lowering a measured tiling depends on: raised when a change makes old ones meaningless.
 */
enum { TUNING_LOWERING = 2, TILING_MOST_BAND = 4096 };

/* With their words in files. */
/* clang-format off */
#define COLUMN_ORDERS(X)        \
    X(COLUMNS_INNER, "inner")   \
    X(COLUMNS_OUTER, "outer")
#define CONV_METHODS(X)                                 \
    X(METHOD_DIRECT, "direct")                          \
    X(METHOD_WINOGRAD2, "winograd2") /* F(2x2, 3x3) */  \
    X(METHOD_WINOGRAD4, "winograd4")
/* clang-format on */

#define ENUMERATOR(name, word) name,
typedef enum ColumnOrder { COLUMNS_BY_RULE, COLUMN_ORDERS(ENUMERATOR) } ColumnOrder;
typedef enum ConvMethod { METHOD_BY_RULE, CONV_METHODS(ENUMERATOR) } ConvMethod;
#undef ENUMERATOR

/* 0: as the rules say. Only the method changes an output's bits. */
typedef struct Tiling {
    int rows, vecs;      /* of the register tile */
    int band;            /* tiles of a band, in which all columns pass before the next one */
    ColumnOrder columns; /* loop over column blocks inside or outside the others */
    ConvMethod method;
} Tiling;

typedef struct TunedKernel {
    const char *key;
    Tiling tiling;
    bool used; /* some kernel asked for it */
} TunedKernel;

/* What is worth timing: `tiles` first, then `orders` on top of the best of them. */
enum { TUNING_CANDIDATES = 8 };
typedef struct TuningSite {
    const char *key;
    Tiling tiles[TUNING_CANDIDATES], orders[TUNING_CANDIDATES];
    int tile_count, order_count;
} TuningSite;

typedef struct Tuning {
    Arena *arena;
    TunedKernel *kernels; /* sorted by key */
    int kernel_count;
    bool notes;
    TuningSite *sites; /* each key once */
    int site_count;
} Tuning;

typedef struct LowerTarget LowerTarget;

/* The key of a node's kernel. */
const char *tuning_key(Arena *arena, SizeTable *sizes, const Node *node);
/* What of the target decides a kernel's speed, as text. */
const char *tuning_target(Arena *arena, const LowerTarget *lower, const char *triple,
                          const char *cpu, const char *features);

/* NULL when the table does not have it. */
TunedKernel *tuning_find(const Tuning *tuning, const char *key);
/* Adds or replaces; the key must live as long as the table. */
void tuning_set(Tuning *tuning, const char *key, Tiling tiling);
/* The same tilings, taking no notes; what is used of the copy is not marked in the original. */
Tuning *tuning_copy(Arena *arena, const Tuning *tuning);
bool tiling_is_rule(const Tiling *tiling);
/* What `more` says, and what `base` says of the rest. */
Tiling tiling_over(Tiling base, Tiling more);
/* Do the target's registers hold rows * vecs sums, vecs right vectors and one left element? */
bool tiling_fits(int vector_registers, int rows, int vecs);

/* The key's site, made when it is new; NULL when the table takes no notes. */
TuningSite *tuning_site(Tuning *tuning, const char *key);
void site_tile(TuningSite *site, Tiling tiling);
void site_order(TuningSite *site, Tiling tiling);

/* Tilings as they stand in files, {"rows":8,"vecs":2,"band":16,"columns":"outer","method":"direct"}
 * without what is left to the rules. */
const char *columns_name(ColumnOrder columns);
const char *method_name(ConvMethod method);

#endif
