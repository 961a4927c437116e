/* Strings that are cut into pieces. A first kernel counts, a second one, which reads the sizes anew,
 * stores; both find the pieces with the same code. */
#ifndef LPC_PASSES_LOWER_PIECES_H
#define LPC_PASSES_LOWER_PIECES_H

#include "passes/lower/strings/strings.h"

typedef struct Pieces Pieces;
struct Pieces {
    Lower *lw;
    Node *node;
    Str text;          /* the string that is cut */
    Inst **idx;        /* its coordinates */
    Cell *count;       /* of its pieces so far */
    bool stores;       /* the second kernel */
    const char *first; /* pieces of their own before and after it; NULL: none */
    const char *last;
    const char *pad; /* what fills up the axis */
    const void *data;
    /* Emits the search of pieces, with piece_found for each. */
    void (*find)(Pieces *p);
    /* What else is stored of each string, its count, in the first kernel; NULL: nothing. */
    void (*counted)(Pieces *p, Inst *count);
};

/* The kernels of a node whose output 0 has the pieces on its last axis. */
void pieces_lower(Pieces *p);
/* The next piece: bytes [start, end) of the string. */
void piece_found(Pieces *p, Inst *start, Inst *end);

#endif
