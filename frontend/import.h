/* What the files of the frontend share. */
#ifndef LPC_FRONTEND_IMPORT_H
#define LPC_FRONTEND_IMPORT_H

#include "frontend/frontend.h"
#include "ir/names.h"

#include "onnx.pb-c.h"

enum {
    OPSET_MIN = 1,
    OPSET_MAX = 27,
    MAX_INLINE_DEPTH = 40,    /* functions and branches within each other */
    CALL_COST = 3,            /* a call counts as so many nodes more */
    MAX_MADE_NODES = 250000,  /* so that functions that call functions cannot explode */
    MAX_DENSE_BYTES = 1 << 28 /* a sparse tensor written out */
};

/* A file in memory. */
typedef struct FileMap {
    const char *path;
    const uint8_t *bytes;
    size_t size;
} FileMap;

/* Where a tensor of com.microsoft.nchwc has its channels (nchwc.c): filled up to whole blocks, axis 1; or
 * blocks and the channels of a block, axes 1 and 4. */
typedef enum ChannelOrder { CHANNELS_ANY, CHANNELS_FILLED, CHANNELS_BLOCKS } ChannelOrder;
typedef struct OrderedTensor {
    const Tensor *tensor;
    ChannelOrder order;
} OrderedTensor;
typedef struct Scope Scope;

/* An input as a tensor: one of the model's, or an element of one that is no tensor. */
typedef struct InputEnd {
    Onnx__ValueInfoProto *value;
    bool is_element;
} InputEnd;

typedef struct Import {
    Arena *arena;
    Diag *diag;
    Graph *graph;
    const char *file;   /* as the user wrote it */
    const char *folder; /* real path of the model's folder, NULL for a model in memory */
    const uint8_t *bytes;
    size_t size;
    FileMap *maps; /* files of external data, and the model itself */
    int map_count;
    const ImportOptions *options;
    const Onnx__ModelProto *model;
    NameTable *top_names; /* names that the main graph defines: inlined ones keep off them */
    InputEnd *inputs;     /* the model's, as tensors; initializers are among them */
    int input_count;
    Scope *elements;        /* the tensors of inputs that are none themselves, by name */
    const char **end_sizes; /* sizes that tell of them how many there are */
    int end_size_count;
    bool has_values; /* sequences or optionals were made */
    bool is_partial; /* nodes failed, and what there is of the graph is asked for */
    int made_nodes;
    int random_nodes;       /* that have no seed of their own */
    Tensor *random_input;   /* NULL: each run draws the same numbers */
    bool told_custom;       /* what can be done about operators that are not supported */
    bool told_size;         /* that there are more than MAX_MADE_NODES */
    int64_t nchwc_block;    /* of com.microsoft.nchwc, 0 until asked for */
    OrderedTensor *ordered; /* that reshapes of its tensors made */
    int ordered_count;
    Tensor absent; /* stands in a scope for a function's input that the caller left out */
} Import;

/* Where names are looked up: the main graph, a branch of If, a loop's or a function's body. */
struct Scope {
    Import *im;
    Scope *parent;      /* whose tensors are seen from here too; NULL in a function */
    NameTable *tensors; /* Tensor */
    NameTable *hints;   /* Onnx__ValueInfoProto: what the model says about inner tensors */
    NameTable *attrs; /* in a function: Onnx__AttributeProto of the call; NULL in the main graph */
    NameTable *renames; /* char: better names for the function's outputs, or NULL */
    const char *prefix; /* of the names made here, "" in the main graph */
    Onnx__OperatorSetIdProto **opsets;
    size_t opset_count;
    Region *region; /* of the nodes that are made here */
    bool is_body;   /* of a loop: nodes without a name are called by the loop's */
    int depth;
    int index; /* of the node that was inlined, -1 in the main graph */
};

/* One node on its way into the graph. The rewriters change it, or emit nodes themselves and set
 * done. Outputs that have no tensor yet get one from call_out. */
typedef struct Call {
    Import *im;
    Scope *scope;
    const Onnx__NodeProto *proto;
    Origin origin;
    const char *name; /* NULL when the model gives none */
    const char *op;   /* "Conv", "ai.onnx.ml::Scaler" */
    int64_t opset;    /* of the operator's domain */
    Tensor **in;
    int in_count;
    Tensor **out;
    int out_count;
    Attr *attrs;
    int attr_count;
    Node *before; /* nodes are put before this one, not at the end */
    Node *last;   /* the node emitted last */
    bool done;
} Call;

/* A constant read from the model. */
typedef struct Elements {
    DType dtype;
    int rank;
    int64_t dims[MAX_RANK];
    const void *data;
    bool is_mapped; /* data is in a mapped file */
    bool is_literal;
} Elements;

/* ---- load.c ---- */

/* Maps a regular file; the result stays until load_close. */
int load_map(Import *im, const char *path, FileMap *map);
/* Position of `size` bytes of external data as the tensor's entries give it. */
int load_external(Import *im, const Onnx__TensorProto *proto, size_t size, const char *what,
                  const void **data);
int load_folder(Import *im, const char *path);
void load_close(Import *im);

/* ---- tensor.c ---- */

/* what: for messages, "initializer 'w'". origin: of the node it belongs to, or NULL. */
int tensor_read(Import *im, const Onnx__TensorProto *proto, const Origin *origin, const char *what,
                Elements *elements);
int tensor_read_sparse(Import *im, const Onnx__SparseTensorProto *proto, const Origin *origin,
                       const char *what, Elements *elements);
/* Strings of attributes, in one dimension or none. */
int tensor_of_words(Import *im, const Origin *origin, const char *what, int rank, int count,
                    const char *const *words, Elements *elements);
/* Reports about the node or, without origin, the file. */
int fail_at(Import *im, const Origin *origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A constant of the graph; its elements are not copied. */
Tensor *elements_tensor(Import *im, const char *name, const Elements *elements);
const char *onnx_type_name(int64_t number); /* "string", "float8e4m3fn" */

/* ---- inputs.c ---- */

int inputs_read(Import *im, Scope *scope);
/* Whether the options give the input a shape. */
bool inputs_have_shape(const Import *im, const char *name);
bool inputs_find_shape(const Import *im, const char *name, InputShape *shape);
/* The contents that the options give an input; NULL: none. */
const ConstInput *inputs_find_const(const Import *im, const char *name);

/* ---- ends.c ---- */

/* The model's inputs as tensors: im->inputs and those after it. */
int ends_flatten(Import *im);
/* Binds those that are no tensors, once the tensors are there. */
void ends_bind(Import *im, Scope *scope);
/* Calls `add` for each tensor of an output, in order. */
int ends_output(Import *im, const char *name, Tensor *tensor,
                int (*add)(Import *im, Tensor *tensor, const char *name));
void ends_describe(const Import *im, ModelEnds *ends);
int ends_check_type(Import *im, const char *what, const char *name, const Onnx__TypeProto *type);

/* ---- states.c ---- */

int states_read(Import *im);

/* ---- scope.c ---- */

Scope *scope_new(Import *im, Scope *parent);
void scope_hint(Scope *scope, Onnx__ValueInfoProto **values, size_t count);
/* Notes what the model says of tensors that there are (Graph.stated). */
void scope_note_stated(const Scope *scope, Onnx__ValueInfoProto **values, size_t count);
void scope_bind(Scope *scope, const char *name, Tensor *tensor);
bool scope_has(const Scope *scope, const char *name); /* in this scope itself */
/* false when there is no such tensor. */
bool scope_find(const Scope *scope, const char *name, Tensor **tensor);
/* Rank and type that the model or the tensor itself gives, -1 and DT_NONE when unknown. */
int scope_rank(const Scope *scope, const char *name);
DType scope_dtype(const Scope *scope, const char *name);
/* The version of a domain's operators, 0 when none is imported. */
int64_t scope_opset(const Scope *scope, const char *domain);
/* A name for the graph from the one the model uses here. */
const char *scope_name(const Scope *scope, const char *name);
/* Initializers become constants of the scope. */
int scope_constants(Scope *scope, const Onnx__GraphProto *graph);
/* An order of the nodes in which inputs come before their uses; reports a cycle. */
int scope_order(Scope *scope, Onnx__NodeProto **nodes, size_t count, size_t **order);

/* ---- node.c ---- */

int nodes_convert(Scope *scope, Onnx__NodeProto **nodes, size_t count);

/* ---- custom.c ---- */

struct CustomOp;
/* The user's own operator of that name, or NULL. */
const struct CustomOp *custom_find(const Import *im, const char *op);
int custom_emit(Call *call, const struct CustomOp *op);
/* Reports an operator that there is not, and tells once what can be done. */
int custom_missing(Call *call);

/* ---- call.c ---- */

/* The tensor for output i, made when it has none yet; NULL when the model does not name it. */
Tensor *call_out(Call *call, int i);
Tensor *call_in(const Call *call, int i);
Node *call_emit(Call *call, OpCode op, int in_count, Tensor *const *in, int out_count,
                Tensor *const *out);
/* Emits a node with up to three inputs and returns its output, a new tensor. */
Tensor *call_make(Call *call, OpCode op, Tensor *a, Tensor *b, Tensor *c);
Node *call_last(Call *call); /* the node emitted last */
Tensor *call_i64(Call *call, int count, const int64_t *values);
/* A rank-0 constant. */
Tensor *call_scalar(Call *call, DType dtype, double value);
void call_set_in(Call *call, int i, Tensor *tensor);
/* Value is output i; nothing else computes it. */
int call_alias(Call *call, int i, Tensor *value);
/* The call goes on as another operator, whose own opset does not matter. */
void call_become(Call *call, const char *op);
int call_fail(const Call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Tells that the operator is not known. */
int call_unknown(const Call *call);

/* ---- missing.c ---- */

/* Says of the nodes that are not taken what they would need, and whether a newer export would help. */
void missing_advise(Arena *arena, MissingList *list);

/* ---- attr.c ---- */

int attrs_read(Call *call);
/* Compares with what ir/ops.def declares. */
int attrs_check(Call *call, const OpInfo *info);
Attr *attr_find(const Call *call, const char *name);
void attr_delete(Call *call, const char *name);
int64_t attr_int(const Call *call, const char *name, int64_t otherwise);
double attr_float(const Call *call, const char *name, double otherwise);
const char *attr_string(const Call *call, const char *name, const char *otherwise);
void attr_set_int(Call *call, const char *name, int64_t value);
void attr_set_ints(Call *call, const char *name, int count, const int64_t *values);
void attr_set_string(Call *call, const char *name, const char *value);
void attr_set_float(Call *call, const char *name, double value);
void attr_set_floats(Call *call, const char *name, int count, const double *values);
/* A number, numbers or a tensor as a constant; name NULL: one is made up. */
int attr_constant(Call *call, const Attr *attr, const char *name, Tensor **out);
/* The raw attribute, through ref_attr_name; NULL when absent. */
const Onnx__AttributeProto *attr_proto(const Scope *scope, const Onnx__AttributeProto *attr);
const Onnx__AttributeProto *attr_proto_find(const Call *call, const char *name);

/* ---- inline.c ---- */

const Onnx__FunctionProto *function_find(const Import *im, const Onnx__NodeProto *proto);
int function_inline(Call *call, const Onnx__FunctionProto *function);
int if_inline(Call *call);

/* ---- loop.c ---- */

int loop_inline(Call *call);
int scan_inline(Call *call);

/* ---- random.c, gradient.c ---- */

/* Finds or makes the input of --random-input. */
int random_read_input(Import *im, Scope *scope);
/* Gives a random operator its key, and the number for which time it is. */
int canon_random(Call *call);
/* ai.onnx.preview.training's Gradient. */
int decompose_gradient(Call *call);

/* ---- flex.c ---- */

int flex_inline(Call *call);

/* ---- canon*.c, decompose.c, nchwc.c ---- */

typedef int Rewrite(Call *call);
typedef struct Rule {
    const char *op;
    int64_t before; /* for opsets before this one; 0: for all */
    Rewrite *rewrite;
} Rule;
/* Runs the rules for the call's operator; each table ends with an entry without op. */
int canon_call(Call *call);
bool canon_knows(const char *op, int64_t opset);
/* The opset from which on the operator has the form that it has now, where that is newer than `opset`; else 0. */
int canon_newest(const char *op, int64_t opset);
/* Rules that older ones end with. */
int canon_pad(Call *call);
int canon_split(Call *call);
int canon_upsample(Call *call);
int decompose_dropout(Call *call);
/* Normalises with the batch's own mean and variance. */
int decompose_batch_norm(Call *call);
extern const Rule canon_old_rules[], canon_rules[], canon_resize_rules[], canon_attr_rules[],
    decompose_rules[], nchwc_rules[];

#endif
