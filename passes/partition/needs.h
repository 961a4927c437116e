/* What stages need on one kind of device: from its footprint, or from the layers' own figures. */
#ifndef LPC_PARTITION_NEEDS_H
#define LPC_PARTITION_NEEDS_H

#include "passes/partition/profile.h"

/* Up to so many layers the workspace of every possible stage is tabled; above, a stage counts the
 * largest of its layers with all that lives in the whole model, which is never too little. */
enum { NEEDS_TABLED = 2048 };

typedef struct Needs {
    const Profile *profile;
    const Footprint *footprint; /* NULL: the layers' own figures */
    int64_t *fixed;             /* [n + 1] prefix sums of what simply adds up in a stage */
    int64_t *live;              /* [n] what counts by its maximum; NULL when nothing does */
    int64_t **peak;             /* [n] peak[first][end - first - 1]: workspace; NULL: by `live` */
    const SharedWeight *weights;
    int weight_count;
    int *shared_at, *shared; /* [n + 1], the shared weights that layer i uses */
    int64_t slack;           /* of every stage */
} Needs;

const Needs *needs_new(Arena *arena, const Profile *profile, const Footprint *footprint);
/* What a stage needs beside queues, runtime and slack. */
int64_t needs_memory(const Needs *needs, int first, int end);
/* The same by kind of use; the slack counts as activations. */
StageBytes needs_bytes(const Needs *needs, int first, int end);

#endif
