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
    T_VIEW = 4,        /* the output can be another view of input 0's memory */
    T_HEAVY = 8,       /* many operations per element: takes an epilogue */
    T_MOVES = 16,      /* moves elements without changing them */
    T_INTERNAL = 32    /* made by lpc, does not exist in ONNX */
};

typedef struct OpInfo {
    const char *id;     /* "CONV" */
    const char *name;   /* "Conv", "ai.onnx.ml::Scaler" */
    int since;          /* the oldest opset whose models are accepted */
    int in_min, in_max, out_min, out_max;
    unsigned traits;
    bool has_point; /* has a point rule: one output element from given coordinates */
    /* Attributes with defaults: "group:i=1 pads:is auto_pad:s=NOTSET alpha:f=0.01 axis:i". Kinds:
     * i f s is fs ss t. No default: absent unless the model gives it; '!' after the kind: required.
     * NULL: none. */
    const char *attrs;
} OpInfo;

const OpInfo *op_info(OpCode op);
/* The operator of that name ("Conv", "ai.onnx.ml::Scaler"), or OP_COUNT. */
OpCode op_find(const char *name, size_t length);

#endif
