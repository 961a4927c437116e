/* Operators, declared once in ir/ops.def: what any pass may ask of one without running a rule. */
#ifndef LPC_IR_OPS_H
#define LPC_IR_OPS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum OpCode {
#define OP(id, name, since, ...) OP_##id,
#include "ir/ops.def"
    OP_COUNT
} OpCode;

enum {
    ANY = 1000, /* any number of inputs or outputs */

    /* Traits. */
    T_NONE = 0,
    T_ELEMENTWISE = 1, /* output element i depends on the inputs' elements i (broadcast) only */
    T_CHEAP = 2,       /* recomputing it costs less than storing it */
    T_HEAVY = 4,       /* many operations per element: takes an epilogue */
    T_MOVES = 8,       /* moves elements without changing them */
    T_INTERNAL = 16,   /* made by lpc, does not exist in ONNX */
    /* Its point rule reads no more memory than its inputs have: it can be computed where its result
     * is read. Element-wise operators can. */
    T_INLINE = 32,
    T_PER_TENSOR = 64, /* element-wise when input 1, a scale, is a single element */
    T_RESHAPES = 128,  /* the output has input 0's elements in row-major order, in another shape */
    /* Every output has the rank of input 0 (all inputs, when there are ANY) and its axes' meaning.
     * Element-wise operators have. */
    T_KEEPS_AXES = 256,
    T_SPATIAL =
        512, /* windows over space, axes 2 and on, which read the channels, axis 1, together */
    /* Moves or selects elements of input 0 (all inputs, when there are ANY) by place or order only:
     * it does the same with quantised elements. Of several outputs only the first has elements. */
    T_ON_QUANTISED = 1024,
    /* Rounds what it computed to integers: another right way to compute it may give the next one. */
    T_QUANTISES = 2048,
    /* Takes elements of narrow types (ir/dtype.h): converts them, or moves them without a look at what they
     * say. Operators written out as others leave it to these. */
    T_NARROW = 4096,
    /* The output is a list of maps in the model, of keys known at compile time. Here it is the tensor of
     * what they map to: a row for each map, a column for each key, keys ascending. */
    T_MAPS = 8192,
    T_STRINGS = 16384, /* takes tensors of strings */
    T_COMPLEX = 32768, /* takes tensors of complex numbers: moves them */
    /* Loads each element of input 0 a few times, with lower_load: what turns bytes into wider numbers may be
     * computed there. */
    T_REREADS = 65536
};

/* A nearest_mode of Resize that only lpc has: floor where the axis is enlarged, ceil where it is not, as
 * before opset 11. */
#define NEAREST_BEFORE_11 "before_11"

typedef struct OpInfo {
    const char *id;   /* "CONV" */
    const char *name; /* "Conv", "ai.onnx.ml::Scaler" */
    int since;        /* the oldest opset whose models are accepted */
    int in_min, in_max, out_min, out_max;
    unsigned traits;
    /* Sets of inputs: bit i for input i. */
    unsigned sizes;    /* their contents become sizes and are never loaded */
    unsigned once;     /* each of their elements is loaded at most once */
    bool has_point;    /* has a point rule: one output element from given coordinates */
    bool expands;      /* is written out as others */
    bool measures;     /* inputs that determine sizes may be known at run time only */
    bool has_gradient; /* Gradient may go through it */
    bool is_view;      /* has a view rule: the outputs can be other views of input 0's memory */
    /* Attributes with defaults: "group:i=1 pads:is auto_pad:s=NOTSET alpha:f=0.01 axis:i". Kinds:
     * i f s is fs ss t. No default: absent unless the model gives it; '!' after the kind: required.
     * NULL: none. */
    const char *attrs;
    /* Element types of inputs, a group of words for each, the last one for all that follow: "num+b index".
     * docs/operators.md explains the words. NULL: the operator is lpc's own. */
    const char *types;
} OpInfo;

const OpInfo *op_info(OpCode op);
/* Whether the contents of in[input] are only used as sizes, at compile time. */
bool op_is_size(OpCode op, int input);
/* Whether lowering loads each element of in[input] at most once, whatever its shape. */
bool op_loads_once(OpCode op, int input);
/* The operator of that name ("Conv", "ai.onnx.ml::Scaler"), or OP_COUNT. */
OpCode op_find(const char *name, size_t length);

#endif
