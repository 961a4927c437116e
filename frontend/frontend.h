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
} ImportOptions;

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
