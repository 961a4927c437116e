/* Operators of a user's own (--custom; docs/custom-operators.md).
 *
 * A node of one is an OP_CUSTOM whose attributes are the model's; which operator it is says Node.custom. It
 * becomes one kernel without a body, an External: who emits code declares it, the package defines it in
 * custom.c around the user's function, and the evaluator calls that function where it runs on this
 * machine, in a process of its own (CustomHost). */
#ifndef LPC_IR_CUSTOM_H
#define LPC_IR_CUSTOM_H

#include "ir/graph.h"
#include "ir/loops.h"
#include "runtime/lpc_custom_run.h"

/* A file of the user's, and those beside it that it includes. */
typedef struct CustomFile {
    const char *path; /* as it was given */
    const char *name; /* in packages: STAGE/custom/NAME */
    int number;       /* from 1 on: compiled as custom_NUMBER.c */
    const char *text;
    size_t length;
    const char **symbols; /* of its operators' functions, without _shape */
    int symbol_count;
    const char **globals; /* all that it defines for the linker */
    int global_count;
    struct CustomFile *beside;
    int beside_count;
} CustomFile;

/* How a user's files are compiled, beside the target's own flags: everywhere the same, so that results are. */
extern const char *const CUSTOM_CFLAGS[];
enum { CUSTOM_CFLAG_COUNT = 3 };

typedef struct CustomHost CustomHost;

typedef struct CustomOp {
    const char *name;   /* as models have it: "acme::Smooth", "Gelu" */
    const char *symbol; /* of its function: "acme_Smooth" */
    const CustomFile *file;
    int index, file_index; /* in its set */
    CustomHost *host;
} CustomOp;

/* Where functions run when lpc needs their results. Both return what the function did, or CUSTOM_GONE when
 * it came to no end; call->error, which says why, lives until the next call. */
enum { CUSTOM_GONE = -1 };
struct CustomHost {
    int (*shape)(CustomHost *host, const CustomOp *op, lpc_custom_call *call);
    /* asks: with the sizes (plan->run and ->shape are not used). LPC_RUN_*. */
    int (*run)(CustomHost *host, const CustomOp *op, lpc_custom_call *call,
               const lpc_custom_plan *plan, bool asks, int64_t *sizes);
};

/* What a node says of its operator, and what its shape function said, at the bounds. */
typedef struct CustomUse {
    const CustomOp *op;
    int opset; /* of the operator's domain, as the model imports it */
    int64_t workspace_bytes;
    double flops;
    bool impure;  /* never called when the model is compiled */
    int *symbols; /* that it sets at run time, sizes of its outputs in order */
    int symbol_count;
} CustomUse;

/* An input or output of an External. */
typedef struct ExternalTensor {
    DType dtype; /* DT_NONE: left out */
    int rank;
    const Size *dims[MAX_RANK];
    /* Of outputs: bit i says that dims[i] is a symbol that the function sets. */
    uint32_t open;
    bool is_constant; /* of inputs */
} ExternalTensor;

/* What a kernel without a body does. Its parameters are the inputs and outputs that are there, in order,
 * then `workspace_bytes` of bytes when there are any, then as many i64 as there are open sizes. */
struct External {
    const CustomOp *op;
    Origin origin;
    ExternalTensor *in, *out;
    int in_count, out_count;
    const Attr *attrs;
    int attr_count;
    int opset;
    bool asks; /* its sizes are asked for at run time */
    int open_count;
    int64_t workspace_bytes;
    double flops;
};

/* The C identifier of an operator's function. */
const char *custom_symbol(Arena *arena, const char *name);

/* A tensor without contents, its sizes for these values of the symbols. */
lpc_custom_tensor custom_tensor(DType dtype, int rank, const Size *const *dims,
                                const int64_t *symbols);
/* Whether shape functions see the contents of an input: it is a constant, and no large one. */
bool custom_shape_sees(const Tensor *tensor);
/* A constant's elements as functions see them, in the arena. */
void *custom_contents(Arena *arena, const Tensor *tensor);
/* A call with attributes, and room for inputs and outputs. */
void custom_begin(Arena *arena, const Attr *attrs, int attr_count, int opset, int in_count,
                  int out_count, lpc_custom_call *call);

/* Runs an External: args[i] stands for its i-th parameter. LPC_RUN_*, or CUSTOM_GONE; what it says is
 * reported. */
int custom_run(const External *external, SizeTable *sizes, Diag *diag, void *const *args,
               const int64_t *symbols);

#endif
