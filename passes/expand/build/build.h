/* Operators written out as others: column EXPAND of ir/ops.def names the rule.
 *
 *     before   %y = com.microsoft::QuickGelu(%x) {alpha = 1.702}
 *     after    %s = Sigmoid(%x * 1.702); %y = Mul(%x, %s)
 *
 * A rule makes nodes, whose types and sizes are inferred as each is made: it may look at those of
 * everything it has. It runs twice. Shapes run it beside the graph, to learn what the outputs are; nothing of
 * that stays. Then pass_expand runs it in the node's place. So a rule decides by types, sizes, attributes and
 * constants, and by nothing else.
 *
 * After the first error all calls do nothing and return NULL or size 1, so that a rule need not ask after
 * each; it must not look into a tensor that it made without x_ok.
 *
 *   expand.c          the pass, and what runs a rule
 *   rules.c           the table of rules, which alone sees them all
 *   build/nodes.c     what rules work with: nodes, constants, sizes
 *   build/common.c    expressions that many rules write
 *   onnx/             rules of ai.onnx and its training domain
 *   microsoft/        of com.microsoft (ONNX Runtime's ContribOperators.md)
 *   ml/               of ai.onnx.ml */
#ifndef LPC_PASSES_EXPAND_BUILD_H
#define LPC_PASSES_EXPAND_BUILD_H

#include "ir/graph.h"

typedef struct Expand {
    Graph *g;
    const Node *n;                   /* what is written out */
    int at;                          /* where the next node goes */
    Tensor **result;                 /* by output of n */
    Node waiting;                    /* attributes of the next node */
    int (*infer)(Graph *g, Node *n); /* types and sizes of a new node */
    const struct ExpandRules *rules; /* of all operators (../expand.h) */
    int code;                        /* nonzero after an error */
} Expand;

typedef int ExpandRule(Expand *x);

#define OP(id, name, since, ...) __VA_ARGS__
#define EXPAND(rule)             ExpandRule expand_##rule;
#include "ir/ops.def"

/* ---- What the node has ---- */

bool x_ok(const Expand *x);
/* Input i; NULL: absent. */
Tensor *x_in(const Expand *x, int i);
bool x_wants(const Expand *x, int i); /* is output i used? */
/* The node's attributes, with defaults as its record has them: node_int(x->n, "axis"). */

/* Reports about the node. LPC_ERROR. */
int x_fail(Expand *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
int x_need_rank(Expand *x, int in, int rank);
/* The size of an axis (negative: from the end); 1 after an error. */
const Size *x_dim(const Expand *x, const Tensor *t, int axis);
/* The same as a number; reports that it must be known. */
int64_t x_static(Expand *x, const Tensor *t, int axis, const char *what);
int x_rank(const Expand *x, const Tensor *t); /* 0 after an error */

/* What the rule made for output i. */
void x_result(Expand *x, int i, Tensor *t);

/* ---- Nodes (nodes.c) ---- */

/* Attributes of the node that is made next: make its inputs first, they may be nodes, too. */
void x_int(Expand *x, const char *name, int64_t value);
void x_float(Expand *x, const char *name, double value);
void x_string(Expand *x, const char *name, const char *value);
void x_ints(Expand *x, const char *name, int count, const int64_t *values);
void x_floats(Expand *x, const char *name, int count, const double *values);

/* A node with one output; with several, which are put into `out` (NULL there before: a new tensor). */
Tensor *x_op(Expand *x, OpCode op, int count, Tensor *const *in);
void x_op_many(Expand *x, OpCode op, int in_count, Tensor *const *in, int out_count, Tensor **out);
Tensor *x_op1(Expand *x, OpCode op, Tensor *a);
Tensor *x_op2(Expand *x, OpCode op, Tensor *a, Tensor *b);
Tensor *x_op3(Expand *x, OpCode op, Tensor *a, Tensor *b, Tensor *c);

/* Constants: of rank 0; of rank 1. */
Tensor *x_scalar(Expand *x, DType type, double value);
Tensor *x_like(Expand *x, const Tensor *t, double value); /* in t's type */
Tensor *x_i64(Expand *x, int count, const int64_t *values);
/* A constant of the given shape; elements, in the form that constants have, are copied. */
Tensor *x_constant(Expand *x, DType type, int rank, const int64_t *dims, const void *elements);
/* A list of sizes as a tensor i64[count]. */
Tensor *x_sizes(Expand *x, int count, const Size *const *values);

const Size *x_size(const Expand *x, int64_t value);

/* ---- Expressions (common.c) ---- */

Tensor *x_add(Expand *x, Tensor *a, Tensor *b);
Tensor *x_sub(Expand *x, Tensor *a, Tensor *b);
Tensor *x_mul(Expand *x, Tensor *a, Tensor *b);
Tensor *x_div(Expand *x, Tensor *a, Tensor *b);
/* With a number in a's type. */
Tensor *x_scale(Expand *x, Tensor *a, double factor);
Tensor *x_shift(Expand *x, Tensor *a, double term);
Tensor *x_cast(Expand *x, Tensor *a, DType type); /* itself when it has that type */
Tensor *x_matmul(Expand *x, Tensor *a, Tensor *b);

Tensor *x_reshape(Expand *x, Tensor *a, int rank, const Size *const *dims);
Tensor *x_transpose(Expand *x, Tensor *a, const int *order); /* as many axes as a has */
Tensor *x_swap(Expand *x, Tensor *a, int one, int other); /* two axes, negative ones from the end */
Tensor *x_expand(Expand *x, Tensor *a, int rank, const Size *const *dims);
/* New axes of size 1, where they are in the result; axes that go. */
Tensor *x_unsqueeze(Expand *x, Tensor *a, int axis);
Tensor *x_squeeze(Expand *x, Tensor *a, int axis);
/* [begin, end) of an axis. */
Tensor *x_slice(Expand *x, Tensor *a, int axis, const Size *begin, const Size *end);
Tensor *x_concat(Expand *x, int axis, int count, Tensor *const *parts);
/* Into `count` equal parts. */
void x_split(Expand *x, Tensor *a, int axis, int count, Tensor **parts);
Tensor *x_gather(Expand *x, Tensor *a, Tensor *indices, int axis);
/* A reduction over one axis, which stays with size 1, or over several. */
Tensor *x_reduce(Expand *x, OpCode op, Tensor *a, int axis);
Tensor *x_reduce_many(Expand *x, OpCode op, Tensor *a, int count, const int64_t *axes, bool keep);
Tensor *x_softmax(Expand *x, Tensor *a, int axis);
/* A size as a number: i64[]. */
Tensor *x_size_scalar(Expand *x, const Size *size);
/* 0, 1 ... count - 1. */
Tensor *x_range(Expand *x, DType type, const Size *count);

/* An activation by its name in ONNX Runtime's fused operators ("Relu", "LeakyRelu", "Clip" ...), with its
 * parameters; NULL and a report: no such. */
Tensor *x_activation(Expand *x, Tensor *a, const char *name, int count, const double *parameters);

#endif
