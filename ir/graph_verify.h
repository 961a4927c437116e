/* Inside of the graph's verifier. */
#ifndef LPC_IR_GRAPH_VERIFY_H
#define LPC_IR_GRAPH_VERIFY_H

#include "ir/graph.h"
#include "ir/names.h"

typedef struct Verifier {
    Graph *graph;
    Diag *diag;
    bool *ready;         /* by tensor id: has a value at this point of the order */
    const Node **maker;  /* by tensor id */
    const Node **within; /* by tensor id: the node whose epilogue consumes it, so nobody else can */
    NameTable *names;    /* of nodes */
    const Node *owner; /* the node in the list whose part is checked: itself, or of its epilogue */
    int broken;
} Verifier;

#define BROKEN(v, node, ...)                                                                       \
    ((v)->broken++, (void)diag_node((v)->diag, &(node)->origin, __VA_ARGS__))
#define BROKEN_GRAPH(v, ...) ((v)->broken++, (void)diag_error((v)->diag, __VA_ARGS__))

/* Loops as wholes. */
void verify_regions(Verifier *v);
/* The node reads the tensor: may it, from where it is? */
void verify_sees(Verifier *v, const Node *node, const Tensor *tensor, const char *what);

#endif
