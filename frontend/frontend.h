/* From an ONNX file to a graph.
 *
 * The result is in canonical form: every operator as the newest opset has it, model-local functions
 * inlined, branches of If flattened (nodes have regions, OP_PHI joins them), constants folded no
 * further than needed for that. Types and shapes are known for inputs and constants only; shape
 * inference is a pass. docs/frontend.md says what is rewritten. */
#ifndef LPC_FRONTEND_FRONTEND_H
#define LPC_FRONTEND_FRONTEND_H

#include "ir/graph.h"

typedef struct Bind {
    const char *name;
    int64_t value;
} Bind;

/* An input whose contents are fixed at compile time: it becomes a constant. */
typedef struct ConstInput {
    const char *name;
    DType dtype;
    int rank;
    const int64_t *dims;
    const void *data; /* row-major, copied */
} ConstInput;

/* The shape an input has, whatever the model says: every dimension becomes a constant, and so does
 * each symbol that the model uses for one of them. */
typedef struct InputShape {
    const char *name;
    int rank;
    const int64_t *dims;
} InputShape;

/* Whether the model would be taken when it is exported anew. */
typedef enum NewerExport { NEWER_NOT, NEWER_MAY_HELP, NEWER_HELPS } NewerExport;

/* A node that lpc does not take. */
typedef struct Missing {
    const char *op, *node; /* node: "" when it has no name */
    const char *full;      /* the operator with its domain, "com.microsoft::Gelu" */
    bool is_unknown;       /* lpc does not know the operator */
    int index;         /* in the model's list; of the node around it when it is in a graph inside */
    int64_t opset;     /* of its domain, 0: the model does not say */
    const char *why;   /* as the error says it */
    const char *needs; /* what it would take, NULL: nothing more is known */
    NewerExport newer;
} Missing;

typedef struct MissingList {
    Missing *at;
    int count;
} MissingList;

typedef struct ImportOptions {
    const Bind *binds; /* --bind NAME=N: the symbol is this number */
    int bind_count;
    const Bind *maxes; /* --max NAME=N: the symbol is at most this number */
    int max_count;
    const char *const *states; /* --state IN=OUT */
    int state_count;
    const ConstInput *const_inputs;
    int const_input_count;
    const InputShape *input_shapes;
    int input_shape_count;
    int nchwc_block; /* --nchwc-block: of com.microsoft.nchwc's weights; 0: found in the model */
    /* Infers types, sizes and contents of a graph (pass_shapes, which stands above). Asked where what a
     * sequence becomes depends on them; NULL: only constants are known there. */
    int (*infer)(Graph *graph);
    int64_t random_seed; /* of random operators that have no seed of their own */
    const char
        *random_input; /* i64 scalar, made unless the model has it: random operators draw other
                               * numbers for each value of it; NULL: none */
    /* A user's own operators, which come before the standard ones of the same name; used[i]: a node is of
     * customs[i] (NULL: nobody asks). */
    const struct CustomOp *customs;
    int custom_count;
    bool *custom_used;
    int max_string;     /* bytes of the longest string; 0: DEFAULT_STRING */
    int accuracy_level; /* --accuracy-level; 0: as the model says */
    /* Gets the nodes that are not taken. With it, a graph comes back although nodes failed: what could be
     * read of it, whose other nodes can be looked at. NULL: nobody asks. */
    MissingList *missing;
} ImportOptions;

/* One of the model's inputs or outputs, as the model declares it. A sequence is tensors of the graph,
 * NAME_0, NAME_1 and so on; an optional value is there or not (docs/frontend.md). */
typedef struct ModelEnd {
    const char *name;
    bool is_optional, is_sequence; /* both: an optional sequence */
    bool is_map;                   /* keys and values: tensors NAME.keys and NAME.values */
    int rank;                   /* of the tensor or of the sequence's elements, -1: not declared */
    DType key_type, value_type; /* of a map */
} ModelEnd;

typedef struct ModelEnds {
    ModelEnd *inputs, *outputs; /* initializers are no inputs */
    int input_count, output_count;
} ModelEnds;

/* Reads only the ends of the model at path. LPC_ERROR, reported, when it is no ONNX model. */
int import_ends(Arena *arena, Diag *diag, const char *path, ModelEnds *ends);
/* The names of an element of a sequence, and of the size that says whether an optional is there. */
const char *import_element_name(Arena *arena, const char *sequence, int64_t index);
const char *import_presence_name(Arena *arena, const char *optional);
/* The names of a map's two tensors. */
const char *import_keys_name(Arena *arena, const char *map);
const char *import_values_name(Arena *arena, const char *map);

/* Reads the model at path. options may be NULL. The graph lives in the arena; its large constants
 * point into the mapped file, which stays mapped (the file must not change meanwhile) until the
 * process ends. On failure everything wrong that could be found is in diag, nothing stays mapped,
 * *out is NULL and the result is LPC_ERROR. */
int import_onnx(Arena *arena, Diag *diag, const char *path, const ImportOptions *options,
                Graph **out);

/* The same from memory, which must outlive the graph. External data is refused. */
int import_onnx_bytes(Arena *arena, Diag *diag, const void *bytes, size_t size, const char *name,
                      const ImportOptions *options, Graph **out);

/* Reports every symbol of an input that has neither value nor bound, with the option to give.
 * To be called once the compiler is about to plan memory. */
int import_check_bounds(Graph *graph);

/* Reports state pairs whose input and output differ in type or rank. Requires inferred shapes. */
int import_check_states(Graph *graph);

#endif
