/* Shape rules: one per operator family, named in column SHAPE of ir/ops.def.
 *
 * A rule sets type, rank and sizes of the node's outputs from its inputs, makes the attributes that
 * lowering reads explicit (pads, strides, dilations, kernel_shape; axes not negative), and reports
 * with diag_node what is wrong. A rule is called only when types and ranks of all inputs are known.
 * Rules are idempotent: the pass runs again after other passes. */
#ifndef LPC_PASSES_SHAPE_H
#define LPC_PASSES_SHAPE_H

#include "passes/shape/facts.h"

typedef int ShapeRule(Graph *g, Node *n);
typedef struct Values Values; /* a node and what its inputs hold: passes/shape/values.h */
/* Element `flat` of output `out`, at coordinates `at`, as a size; NULL when it is not known. The inputs
 * that the record names are known, and the output is small and static. */
typedef const Size *ValueRule(Values *v, int out, int64_t flat, const int64_t *at);
/* What element `k` of input `in` may be when it is known at run time only: at most so much; NULL: the user
 * has to say, with --max. */
typedef const Size *MeasureRule(Graph *g, const Node *n, int in, int k);
#define OP(id, name, since, ...)   __VA_ARGS__
#define SHAPE(rule)                ShapeRule shape_##rule;
#define CHECKS(rule)               ShapeRule check_##rule;
#define MEASURED(rule, as, inputs) MeasureRule measured_##rule;
#define VALUES(rule, inputs)       ValueRule values_##rule;
#include "ir/ops.def"

/* The rules of one operator; rules.c makes the table of them. */
typedef struct ShapeRules {
    OpCode op;
    ShapeRule *shape;        /* NULL: the node's outputs keep what they have (lpc.Values) */
    ShapeRule *check;        /* asked after `shape`; NULL: nothing is to be checked */
    ValueRule *values;       /* NULL: contents of its outputs are not followed */
    unsigned values_need;    /* inputs */
    MeasureRule *measured;   /* NULL: what determines sizes is known at compile time */
    const char *measured_as; /* how elements are read: lpc.Measure's attribute */
    unsigned measured_in;    /* inputs */
} ShapeRules;

extern const ShapeRules shape_rules[OP_COUNT];

/* Computes a node whose inputs are all constants: sets data of its outputs. 0 also when it is not able
 * to; nothing is changed then. */
typedef int FoldNode(Graph *g, Node *n);

/* Types and sizes of an operator that is written out as others (column EXPAND), from what it becomes. */
typedef int ExpandNode(Graph *g, Node *n);

/* pass_shapes, with `fold` for nodes of constants (computing them needs lowering) and `expand` for those
 * that are written out: both stand above shapes. (shapes.c) */
int shapes_infer(Graph *g, FoldNode *fold, ExpandNode *expand);
/* Tells where what the model states of its tensors contradicts what is inferred, once. (stated.c) */
void shapes_compare_stated(Graph *g);
/* One node alone, whose inputs are known. */
int shapes_infer_node(Graph *g, Node *n, ExpandNode *expand);
/* Whether all inputs are constants and the outputs are small, static and lpc's own. */
bool shapes_can_fold(const Graph *g, const Node *n);
/* Constants have no producer: the node goes when all its outputs have become constants. */
void shapes_release(Graph *g, Node *n);

/* That the inputs' element types are what the operator's record says. (types.c) */
int types_check(Graph *g, const Node *n);

/* What a rule returns when it is only for want of contents known at compile time. */
enum { SHAPE_UNKNOWN = 4 };

/* A shape under construction. */
typedef struct Dims {
    int rank;
    const Size *at[MAX_RANK];
} Dims;

Dims dims_of(const Tensor *tensor);
void dims_push(Dims *dims, const Size *size); /* past MAX_RANK: only rank grows */
/* Sets output `out` (when present). Reports ranks over MAX_RANK and negative sizes. */
int shape_set(Graph *g, Node *n, int out, DType dtype, const Dims *dims);
int shape_set_like(Graph *g, Node *n, int out, DType dtype, const Tensor *like);
/* numpy's broadcasting of b into a. */
int dims_broadcast(Graph *g, Node *n, Dims *a, const Dims *b);
/* One size from two that must be equal: the more precise one; `what` is for the message. */
int dims_unify(Graph *g, Node *n, const char *what, const Size *a, const Size *b,
               const Size **both);
const char *dims_text(Graph *g, const Dims *dims); /* "[batch, 3]" */
const Size *dims_product(Graph *g, const Dims *dims, int from, int to);

/* Reads an axis; reports one that is out of [-rank, rank). */
int shape_axis_value(Graph *g, Node *n, const char *what, int64_t axis, int rank, int *out);
/* The attribute, which is rewritten to be non-negative. */
int shape_axis(Graph *g, Node *n, const char *attr, int rank, int *out);
/* Axes from input `in`, each once; absent input: *given false. Replaces the input by a constant of
 * non-negative axes. */
int shape_axes_input(Graph *g, Node *n, int in, int rank, int axes[MAX_RANK], int *count,
                     bool *given);
int need_rank(Graph *g, Node *n, int in, int rank);
int need_rank_min(Graph *g, Node *n, int in, int rank);
/* Reports when inputs a and b differ in type. */
int need_same_type(Graph *g, Node *n, int a, int b);

/* Contents of input `in` as sizes; reports when they are not known. NAME is for messages. */
int need_values(Graph *g, Node *n, int in, const char *name, const Size *const **values,
                int *count);
/* Contents that must be constants; *out is the graph's. */
int need_ints(Graph *g, Node *n, int in, const char *name, const int64_t **out, int *count);
int need_int(Graph *g, Node *n, int in, const char *name, int64_t *out);
int unknown_input(Graph *g, Node *n, int in, const char *name);

/* The same for inputs that determine no size; absent ones are fine. (checks.c) */
int need_vector(Graph *g, Node *n, int in, const char *name, const Size *size);
int need_dims(Graph *g, Node *n, int in, const char *name, const Dims *want);
int need_elements(Graph *g, Node *n, int in, const char *name, int64_t count);
int need_broadcast(Graph *g, Node *n, int in, const char *name, const Dims *into);
int need_channels(Graph *g, Node *n, int in, const char *name, const Size *size);
int need_float(Graph *g, Node *n, int in); /* reports another type */

/* Puts an lpc.Measure before the node at `at` for each input that determines sizes, is not known at compile
 * time and can be read at run time. Returns how many there are. (measure.c) */
int measure_inputs(Graph *g, int at, const ShapeRules *rules);

/* A symbol that the node computes at run time, the same one whenever it is asked for. */
int shape_node_symbol_index(Graph *g, const Node *n, const char *suffix);
const Size *shape_node_symbol(Graph *g, const Node *n, const char *suffix, int64_t max);

/* Known contents (values.c): sets values of the node's outputs where they can be known. */
void values_infer(Graph *g, Node *n);

#endif
