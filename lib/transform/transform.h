/* Single passes on graphs and programs of loops in their text forms: how passes are tested (tests/goldens
 * holds what goes in and what must come out), and how one looks at them. */
#ifndef LPC_LIB_TRANSFORM_H
#define LPC_LIB_TRANSFORM_H

#include "ir/arena.h"
#include "ir/diag.h"

#include <stdbool.h>

typedef struct Transform {
    const char *text;    /* a graph when its first word is `graph`, loops when it is `program` */
    const char *name;    /* of the text, for messages */
    const char *symbols; /* bounds: "batch=4,seq=128"; NULL: none */
    const char *passes;  /* "fold,vectorize=256,cleanup"; NULL: none */
} Transform;

/* The text of what comes out, verified when it has been read and after every pass. */
int transform(Arena *arena, Diag *diag, const Transform *transform, const char **result);

typedef struct TransformPass {
    const char *name, *help;
    bool loops; /* of programs of loops; else of graphs */
} TransformPass;
TransformPass *transform_passes(Arena *arena, int *count);

#endif
