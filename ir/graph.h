/* The graph: tensors, and nodes in topological order.
 *
 * A node computes its outputs from its inputs; every tensor has one producer (NULL for inputs,
 * constants and absent optional inputs). Operators are in one canonical form whatever the model's
 * opset (the form of the newest opset: docs/operators.md). Every node knows where it came from.
 * Subgraphs are flattened on import: all nodes stand in one list, and each belongs to a Region: the
 * root (NULL), a branch of If, or the body of a loop. OP_PHI joins the results of two branches. A
 * loop is an OP_LOOP_ENTER, which makes what its body sees anew in each iteration, the nodes of the
 * body, and an OP_LOOP_LEAVE, which takes what they made; they stand next to each other in the list.
 * graph_verify has the rules. */
#ifndef LPC_IR_GRAPH_H
#define LPC_IR_GRAPH_H

#include "ir/arena.h"
#include "ir/diag.h"
#include "ir/dtype.h"
#include "ir/ops.h"
#include "ir/sym.h"

enum { MAX_RANK = 8 };

typedef struct Graph Graph;
typedef struct Node Node;
typedef struct Region Region;
typedef struct Tensor Tensor;

/* A constant's elements, row-major. Mapped constants point into the model file and are never
 * copied whole; scale, when set, multiplies slice i of the first axis (float32 only), so that batch
 * normalisation folds into weights without unpacking them. Readers use const_f64_at and friends or
 * apply the scale themselves. Elements of less than a byte lie packed, as in the model: the first in the
 * lowest bits. */
typedef struct Const {
    const void *data;
    size_t bytes;
    const float *scale; /* NULL or dims[0] factors */
    bool is_mapped;     /* data is in a mapped file: its pages can be dropped and come back */
    bool is_literal;    /* a number written in the graph (a Constant node, shape arithmetic), not a
                         * weight: for counting only, text forms do not keep it */
} Const;

struct Tensor {
    int id;           /* index in graph->tensors */
    const char *name; /* unique; made up by lpc where the model gives none */
    DType dtype;      /* DT_NONE until inferred */
    int rank;         /* -1 until inferred */
    const Size *dims[MAX_RANK];
    const Const *data; /* constant tensors */
    Node *producer;
    /* Known contents of a small integer tensor as sizes (shape arithmetic), row-major, or NULL. */
    const Size **values;
    int value_count;
    /* State: this input is fed back from state_out after each call and lives on its device. */
    Tensor *state_out;
    bool is_state;     /* is the input of a state pair */
    bool is_state_out; /* is the output of a state pair */
    /* Set by fusion: computed at each use by its producer's point rule; has no storage. */
    bool is_inlined;
    /* Physical order chosen by the layout pass: order[0] is the outermost axis. Identity unless
     * has_order. Only root tensors (with storage of their own) have one. */
    bool has_order;
    uint8_t order[MAX_RANK];
    void *user; /* of the pass that is running */
};

typedef enum AttrKind {
    ATTR_INT, /* one int: ints[0] */
    ATTR_FLOAT,
    ATTR_STRING,
    ATTR_INTS,
    ATTR_FLOATS,
    ATTR_STRINGS,
    ATTR_TENSOR
} AttrKind;

typedef struct Attr {
    const char *name;
    AttrKind kind;
    int count;
    int64_t *ints;
    double *floats;
    const char **strings;
    Tensor *tensor; /* a constant, not in graph->tensors */
} Attr;

/* Where nodes run more or less often than once. Branches of the same condition in the same parent
 * are the same region, even when they are two objects: compare with region_same. */
typedef enum RegionKind {
    REGION_BRANCH, /* runs only when the boolean scalar `cond` equals `when` */
    REGION_BODY    /* runs once in each iteration of a loop */
} RegionKind;

struct Region {
    RegionKind kind;
    Region *parent; /* NULL: the root */
    Tensor *cond;   /* of a branch */
    bool when;
    Node *enter, *leave; /* of a body; they themselves belong to its parent */
};

struct Node {
    int id; /* unique, in order of creation */
    OpCode op;
    const char *name; /* unique, made up where the model gives none */
    Origin origin;
    Origin *merged; /* origins of nodes that were folded into this one */
    int merged_count;
    Tensor **in; /* NULL for an absent optional input */
    int in_count;
    Tensor **out; /* NULL for an absent optional output */
    int out_count;
    Attr *attrs;
    int attr_count;
    Region *region; /* NULL: the root */
    Region *body;   /* of OP_LOOP_ENTER and OP_LOOP_LEAVE: the one between them */
    /* Element-wise nodes applied to out[0]'s value before it is stored, in order: each reads the
     * previous one's output (or out[0]) and tensors of the same or a broadcast shape. The last
     * one's out[0] is what is stored; see node_result(). */
    Node **epilogue;
    int epilogue_count;
    struct CustomUse *custom; /* of OP_CUSTOM (ir/custom.h); NULL: it is another operator */
    int layer;                /* index of the layer it belongs to, -1 before the footprint pass */
};

/* A pair that feeds back. */
typedef struct StatePair {
    Tensor *in, *out;
} StatePair;

/* What the model says of a tensor. It is compared with what is inferred, never obeyed. */
typedef struct Stated {
    const Tensor *tensor;
    DType dtype;         /* DT_NONE: nothing */
    int rank;            /* -1: nothing */
    const int64_t *dims; /* -1: nothing */
} Stated;

struct Graph {
    Arena *arena;
    Diag *diag;
    SizeTable *sizes;
    const char *name; /* file name of the model without folder and extension, a C identifier */
    const char *file;
    Node **nodes;
    int node_count;
    Tensor **tensors;
    int tensor_count;
    Tensor **inputs;
    int input_count;
    Tensor **outputs;
    int output_count;
    StatePair *states;
    int state_count;
    Region **regions; /* all that were made; nodes may have left them */
    int region_count;
    /* Symbols with a bound from the user that no input has: nodes may make them (pass_shapes). */
    int *bounded;
    int bounded_count;
    Stated *stated;
    int stated_count;
    int unknown_sizes; /* contents that determine sizes and were asked for in vain (pass_shapes) */
    DType strings;     /* the type of all its tensors of strings (--max-string) */
    int accuracy_level; /* of products with weights of few bits, in place of the model's; 0: not given */
    int next_node_id;
    struct NameTable *tensor_names, *node_names; /* of ir/graph.c: the names in use */
};

Graph *graph_new(Arena *arena, Diag *diag, const char *file);

/* The type with that number of ONNX; strings have the graph's bound. DT_NONE: there is none. */
DType graph_dtype(const Graph *graph, int64_t onnx);
/* The bound of strings where nobody gives another one. */
enum { DEFAULT_STRING = 256 };
/* Does the node read or write strings? */
bool node_has_strings(const Node *node);

/* A new tensor; name NULL or already taken: a unique one is derived. rank -1: not known yet. */
Tensor *graph_tensor(Graph *graph, const char *name, DType dtype, int rank,
                     const Size *const *dims);
Tensor *graph_find_tensor(const Graph *graph, const char *name);
/* A constant of the given shape; data is not copied and must live as long as the arena. */
Tensor *graph_const(Graph *graph, const char *name, DType dtype, int rank, const int64_t *dims,
                    const void *data);
Tensor *graph_const_i64(Graph *graph, const char *name, int count, const int64_t *values);
Tensor *graph_scalar(Graph *graph, const char *name, DType dtype, double value);

/* A new node, appended; in and out are copied, out's producers set. */
Node *graph_node(Graph *graph, OpCode op, const char *name, const Origin *origin, int in_count,
                 Tensor *const *in, int out_count, Tensor *const *out);
/* The same, put before position `at` of graph->nodes. */
Node *graph_node_at(Graph *graph, int at, OpCode op, const char *name, const Origin *origin,
                    int in_count, Tensor *const *in, int out_count, Tensor *const *out);
/* Every use of `from` (inputs, epilogues, conditions of branches, graph outputs, state) becomes
 * `to`. */
void graph_replace(Graph *graph, Tensor *from, Tensor *to);
/* Removes nodes with node->op == OP_DELETED, and those whose outputs nobody uses; then tensors that
 * nothing refers to stay in the list but are harmless. Returns how many nodes went. */
int graph_sweep(Graph *graph);
/* How many uses a tensor has: inputs of nodes and of their epilogues, conditions of the branches
 * that nodes are in, graph outputs. */
int graph_uses(const Graph *graph, const Tensor *tensor);
bool graph_is_output(const Graph *graph, const Tensor *tensor);
/* Sorts the nodes topologically, keeping the given order where possible. LPC_ERROR on a cycle,
 * naming a node on it. */
int graph_sort(Graph *graph);

/* The branch of `parent` that runs when cond equals `when`; asked for again, the same one. */
Region *graph_branch(Graph *graph, Region *parent, Tensor *cond, bool when);
Region *graph_body(Graph *graph, Region *parent);
bool region_same(const Region *a, const Region *b);
/* `inner` is `outer` or lies in it, so that whatever runs in `inner` ran in `outer` before. */
bool region_within(const Region *inner, const Region *outer);
/* The innermost body around a region, that region included; NULL outside of all loops. */
Region *region_body(const Region *region);
/* The region in which a tensor has its value: that of its producer, or of the loop that makes it
 * anew in each iteration. */
Region *tensor_region(const Tensor *tensor);

/* What a node finally stores: out[0], or the last epilogue node's out[0]. */
Tensor *node_result(const Node *node);
bool node_has_output(const Node *node, int i);
Tensor *node_in(const Node *node, int i); /* NULL when absent or i out of range */

/* Elements of a computed tensor whose contents are followed: lists of integers, other tensors. The
 * contents of a constant are known however many they are. */
enum { MAX_VALUES = 1024, FOLLOWED_VALUES = 64 };
/* The contents of a tensor of at most MAX_VALUES whole numbers as sizes, row-major; NULL when they are
 * not known. *count may be NULL. */
const Size *const *tensor_values(Graph *graph, Tensor *tensor, int *count);
/* All elements of a constant as sizes, NULL when one is not whole. */
const Size *const *const_values(Graph *graph, const Tensor *tensor, int *count);

/* A tensor whose contents are these sizes: a constant, or made by an lpc.Values node put before
 * position `at`, in the region of `like`. */
Tensor *graph_sizes(Graph *g, int at, const Node *like, int count, const Size *const *values);

const Attr *node_attr(const Node *node, const char *name);
/* The attribute, or the default that ir/ops.def declares for the operator. */
int64_t node_int(const Node *node, const char *name);
double node_float(const Node *node, const char *name);
const char *node_string(const Node *node, const char *name);
/* Number of ints and the ints; absent: 0 and NULL. */
int node_ints(const Node *node, const char *name, const int64_t **values);
/* Gives a node of the same operator what `from` says of it: attributes, and the user's operator. */
void node_copy_attrs(Graph *graph, Node *to, const Node *from);
void node_set_int(Graph *graph, Node *node, const char *name, int64_t value);
void node_set_ints(Graph *graph, Node *node, const char *name, int count, const int64_t *values);
void node_set_floats(Graph *graph, Node *node, const char *name, int count, const double *values);
void node_set_float(Graph *graph, Node *node, const char *name, double value);
void node_set_string(Graph *graph, Node *node, const char *name, const char *value);
void node_del_attr(Node *node, const char *name);

/* Number of elements as a size. */
const Size *tensor_elements(SizeTable *sizes, const Tensor *tensor);
bool tensor_is_static(const Tensor *tensor); /* known rank and all dimensions constant */
int64_t tensor_static_elements(const Tensor *tensor);
/* Elements of a constant tensor, converted. */
int64_t const_i64_at(const Tensor *tensor, int64_t i);
double const_f64_at(const Tensor *tensor, int64_t i);
/* The element as loops hold it: an integer, or the code of a narrow float. Not for other floats. */
int64_t const_held_at(const Tensor *tensor, int64_t i);
/* True when all elements are the same value, which is stored in *value. */
bool const_is_uniform(const Tensor *tensor, double *value);
/* Integer contents of an input that the operator needs at compile time (axes, shape, pads ...):
 * constants, or values that shape arithmetic knows; as many as there are. False when not known;
 * then *count and *values stay as they are. */
bool tensor_known_ints(Arena *arena, const Tensor *tensor, int *count, const int64_t **values);
bool tensor_known_sizes(const Graph *graph, const Tensor *tensor, int *count,
                        const Size *const **values);

/* Text form (docs/graph-text.md). Printing and parsing again gives the same graph. Large constants
 * print as `data(N bytes, crc)`, small ones with their elements. */
void graph_print(Text *out, const Graph *graph);
int graph_parse(Arena *arena, Diag *diag, const char *text, const char *file, Graph **out);
/* Checks all invariants; reports and returns LPC_ERROR when one is broken. */
int graph_verify(Graph *graph);

#endif
