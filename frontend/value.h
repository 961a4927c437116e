/* Sequences, optionals and maps while a model is read.
 *
 * The graph has tensors only. A sequence is a list of parts in the importer's hands, most of them one
 * tensor each, and its operators are done on the list: they leave no node. A scope binds a name to a
 * value's handle, a Tensor that is in no graph. What is known of a run only at run time, such as how often
 * a loop appends, is a part that stands for many elements (frontend/parts.c). */
#ifndef LPC_FRONTEND_VALUE_H
#define LPC_FRONTEND_VALUE_H

#include "frontend/import.h"

typedef struct Growth Growth;

typedef enum PartKind {
    PART_ONE,    /* one element */
    PART_SLICES, /* the slices of a tensor along an axis */
    PART_LOOP    /* what the iterations of a loop append */
} PartKind;

typedef struct Part {
    PartKind kind;
    Tensor *tensor; /* the element; what is sliced */
    int64_t axis;   /* of slices */
    bool keeps;     /* slices keep the axis, with size 1 */
    int rank;       /* of what is sliced, where it is known; 0: to be inferred */
    Growth *growth; /* of a loop */
} Part;

typedef enum ValueKind { VALUE_SEQUENCE, VALUE_OPTIONAL, VALUE_MAP } ValueKind;

typedef struct Value {
    Tensor handle; /* what scopes and calls have in its place */
    ValueKind kind;
    Part *parts; /* of a sequence */
    int part_count;
    Tensor *whole;         /* all elements along a new axis 0, once that was asked for */
    Growth *open;          /* in a loop's body: the sequence begins with all that it had so far */
    bool is_there;         /* of an optional */
    Tensor *has;           /* whether it is there, where that is known at run time only */
    Tensor *element;       /* a tensor or a handle; NULL: it is not there */
    Tensor *keys, *values; /* of a map: both [n], in any order */
} Value;

/* A sequence that a loop appends to. */
struct Growth {
    const char *name; /* of the loop */
    Node *enter;      /* leave is enter->body->leave, once it is there */
    Scope *scope;     /* of the body */
    Value *first;
    int64_t each; /* elements that each iteration appends, -1: not known before its end */
    Part *parts;  /* those that an iteration appends */
    int part_count;
    Tensor *
        *last; /* in the body: the last elements before this iteration, the very last one first */
    int last_count;
    Tensor *all; /* in the body: all elements before this iteration, along a new axis 0 */
    int all_rank;
};

/* ---- value.c ---- */

/* The value that a handle stands for, NULL when it is a tensor. */
Value *handle_value(const Tensor *tensor);
Value *value_sequence(Import *im, int count, const Part *parts);
Value *value_optional(Import *im, Tensor *element);
Value *value_map(Import *im, Tensor *keys, Tensor *values);
const char *value_kind(const Tensor *tensor); /* "a sequence" */
/* Reports an input that is no tensor. */
int value_refuse(const Call *call);
/* A sequence of a known number of single elements. */
bool value_is_list(const Value *value);
/* The sequence at input i; reports when it is none. */
int value_input(Call *call, int i, Value **value);
/* The value is output i. */
int value_alias(Call *call, int i, Value *value);
Part part_one(Tensor *element);
/* What an If makes of its branches' results, tensors or values. */
int value_join(Call *call, Tensor *cond, Tensor *then_side, Tensor *else_side, Tensor **out);

/* ---- parts.c: tensors from sequences; NULL after it was told why not ---- */

/* All elements in one tensor, along a new axis or one that they have. */
Tensor *parts_join(Call *call, const Part *parts, int count, int64_t axis, bool new_axis);
Tensor *parts_move_axis(Call *call, Tensor *x, int rank, int64_t from, int64_t to);
Tensor *value_tensor(Call *call, const Value *value, int64_t axis, bool new_axis);
Tensor *value_length(Call *call, const Value *value);
/* All elements along a new axis 0, made once and outside of the loops that the sequence is not from;
 * reports those of different shapes. */
Tensor *value_whole(Call *call, Value *value);
/* The element at a position that the model computes. */
Tensor *value_at(Call *call, Value *value, Tensor *position);

/* ---- growth.c ---- */

/* What the loop appends to the sequence, as one tensor after it. */
Tensor *growth_join(Call *call, Growth *growth, int64_t axis, bool new_axis);
/* The same where elements have a size that is another one in each iteration, along an axis that they
 * have; NULL, and nothing told: they are to be stacked. */
Tensor *growth_concat(Call *call, Growth *growth, int64_t axis);
/* How many iterations the loop had, after it. */
Tensor *growth_trips(Call *call, Growth *growth);
/* In the loop's body: the element `back` (1, 2, ...) before the end of what there was before this
 * iteration. */
Tensor *growth_last(Call *call, Growth *growth, int64_t back);
/* In the loop's body: all that there was before this iteration, as slices of one tensor. */
int growth_all(Call *call, Growth *growth, Part *all);
/* At the body's end: what it appended. next: what the next iteration has in the place of growth->last, and
 * behind it of growth->all. */
int growth_close(Call *call, Growth *growth, const Value *result, Tensor **next);

/* ---- known.c: what inference says of a tensor of the unfinished graph ---- */

typedef struct Known {
    DType dtype;            /* DT_NONE: not known */
    int rank;               /* -1: not known */
    int64_t dims[MAX_RANK]; /* -1: no constant */
    int64_t *values;        /* of a small integer tensor, NULL when they are no constants */
    int count;
} Known;

void known_of(Import *im, Tensor *tensor, Known *known);
bool known_int(Import *im, Tensor *tensor, int64_t *value);

/* ---- loop_change.c ---- */

/* A Loop that carries sequences or optionals, or whose body works on them. */
bool loop_has_values(const Call *call, const Onnx__GraphProto *body);
bool loop_carries_values(const Call *call);
/* The node that makes it in the body itself, NULL: none. */
const Onnx__NodeProto *loop_maker(const Onnx__GraphProto *body, const char *name);
/* How one iteration changes a carried value, as the body says it. */
typedef enum Change {
    CHANGE_NONE,
    CHANGE_APPENDS, /* elements at the end */
    CHANGE_ANY
} Change;
/* times: elements that it appends, -1 where that is not in the body itself. */
Change loop_change(const Onnx__GraphProto *body, const char *in, const char *out, int64_t *times);

/* ---- loop_values.c, unroll.c ---- */

int loop_of_values(Call *call, const Onnx__GraphProto *body);
/* The body once for each iteration, with the iteration's number a constant. */
int loop_unroll(Call *call, const Onnx__GraphProto *body, int64_t trips);

/* ---- sequence.c, sequence_map.c ---- */

extern const Rule value_rules[];
bool value_rule_for(const char *op); /* an operator that takes or makes values */
int sequence_map_inline(Call *call);

#endif
