/* Lowering: a node becomes kernels of loops.
 *
 * One rule per operator (column LOWER of ir/ops.def) writes the loops once for all backends,
 * in scalar form: the innermost independent loop is marked VECTOR and pass_vectorize makes explicit
 * vectors of it. Two things come for free when a rule uses lower_load and lower_store:
 *  - views and layouts: every tensor has a Place (buffer, offset, a stride per axis), so a transposed,
 *    sliced, channels-last or concatenated-in-place tensor is read and written where it lies;
 *  - fusion: loading an inlined tensor computes it from its producer's point rule, and storing a
 *    node's result applies the node's epilogue first.
 *
 * Numerics must depend only on shapes, constants and the target, never on where a tensor lies, so
 * that stages composed equal the whole model bit for bit. */
#ifndef LPC_PASSES_LOWER_H
#define LPC_PASSES_LOWER_H

#include "ir/graph.h"
#include "ir/loops.h"
#include "ir/target.h"
#include "passes/lower/frame/tuning.h"

/* For what, and how, a stage is lowered. */
struct LowerTarget {
    const Target *device; /* its figures are read where they stand, but see below */
    bool scalar;          /* --portable: plain code, which any compiler takes */
    bool compact;   /* no transformed weights, or keys, that are larger than the model's own */
    bool plain;     /* --no-plan: one loop nest per node over memory as it lies, one thread */
    bool eager;     /* other threads for whatever can run on them, however small; for tests */
    Tuning *tuning; /* NULL: all by rule */
};

/* What code may use of the device: nothing special, where it is to be scalar. */
static inline int lower_vector_bits(const LowerTarget *t)
{
    return t->scalar ? 0 : t->device->vector_bits;
}
static inline int lower_registers(const LowerTarget *t)
{
    return t->scalar ? 16 : t->device->vector_registers;
}
/* kb_fma is one instruction; else use kb_add(kb_mul) */
static inline bool lower_has_fma(const LowerTarget *t)
{
    return !t->scalar && t->device->fma;
}
/* Of DOT4: 0 none, 1 unsigned x signed (VNNI), 2 signed x signed (SDOT) */
static inline int lower_dot4(const LowerTarget *t)
{
    if (t->scalar || t->device->dot == DOT_NONE) return 0;
    return t->device->dot == DOT_SDOT ? 2 : 1;
}

/* Where a tensor lies: element (i0, i1, ...) is buffer[offset + sum of i * stride]. A string begins
 * there; its cells follow (dtype_cells of them). */
typedef struct Place {
    Buffer *buffer;
    const Size *offset;
    const Size *stride[MAX_RANK];
} Place;

typedef struct ParamUse {
    Param *param;
    CallArg arg;
} ParamUse;

/* The kernel reads each element of `from` before it writes the same element of `to`, and touches
 * neither otherwise: the memory planner may give both one place. */
typedef struct InPlace {
    Kernel *kernel;
    Buffer *from, *to;
} InPlace;

typedef struct Lower {
    Arena *arena;
    Diag *diag;
    Graph *graph;
    SizeTable *sizes;
    const LowerTarget *target;
    const struct LowerRules *rules; /* by operator: lower_rules of passes/lower/rules.h */
    Program *program;
    Block *main;    /* where calls are appended */
    Place *places;  /* by tensor id; buffer NULL: no place (yet) */
    int next_alias; /* ids of tensors that are not the graph's: from here on */
    bool *viewed; /* by tensor id: it is there once its source is, nothing stores it; may be NULL */
    Node *node;   /* being lowered */
    Builder b;    /* of the kernel that is open */
    Kernel *kernel; /* NULL when none is open */
    ParamUse *uses;
    int use_count;
    int kernels_of_node;
    const Size *one_row; /* set while the node is lowered for one row: the size that is 1 */
    int64_t
        packed_width; /* columns in a block of its constant operand, in all variants; 0: not packed */
    const char *tuning_key; /* of the node's kernels, once they asked for a tiling */
    Inst *flat;             /* set: all loads and stores of tensors use this flat index */
    Inst *
        cell; /* set: loads and stores of opaque elements are of this cell of them (lower_nest_of) */
    int depth; /* of loads through inlined tensors */
    InPlace *in_place;
    int in_place_count;
    bool transforms_weights; /* a kernel has what `compact` would not have */
} Lower;

/* Rules. Return 0 or, after diag_node, LPC_ERROR. idx has the output's rank. */
typedef int LowerRule(Lower *lw, Node *node);
/* The size whose value 1 is worth kernels of its own (variants.c); NULL: none. */
typedef const Size *RowsRule(Lower *lw, const Node *node);
typedef Inst *PointRule(Lower *lw, const Node *node, int output, Inst *const *idx);
/* The rules of one operator; passes/lower/rules.c has the table of all. */
typedef struct LowerRules {
    OpCode op;
    LowerRule *lower; /* NULL: the operator cannot be compiled */
    PointRule *point; /* NULL: it has none */
    RowsRule *rows;   /* NULL: it has one variant for all sizes */
} LowerRules;

/* ---- Kernels ---- */
/* Opens a kernel for lw->node, named k<node id>_<node name>[_suffix]; suffix may be NULL. */
void lower_begin(Lower *lw, const char *suffix);
/* Closes it: appends it to the program, and its call to lw->main. */
void lower_end(Lower *lw);
/* What was measured for lw->node's kernels; all by rule when nothing was. */
Tiling lower_tiling(Lower *lw);
/* Where they note what is worth measuring, after lower_tiling; NULL: nowhere. */
TuningSite *lower_site(Lower *lw);

/* ---- Memory ---- */
/* Offset 0 and the strides of a tensor that lies whole, last axis innermost. */
void place_row_major(Lower *lw, const Tensor *tensor, Place *place);
const Place *lower_place(Lower *lw,
                         const Tensor *tensor); /* constants get a buffer when first used */
/* Does the node store any of its outputs? Not one that is only views. */
/* Does the tensor lie packed in its buffer, several elements in a byte? Only lower_load reads such. */
static inline bool place_is_packed(const Tensor *tensor)
{
    return tensor->data && dtype_is_subbyte(tensor->dtype);
}
bool lower_needs_code(const Lower *lw, const Node *node);
/* The open kernel's parameter for a whole buffer; made at first use. */
Param *lower_whole(Lower *lw, Buffer *buffer, bool write);
/* For `elements` of them from an element offset on. */
Param *lower_part(Lower *lw, Buffer *buffer, const Size *offset, const Size *elements, bool write);
/* The parameter for a tensor's place; index it with lower_index. */
Param *lower_tensor_param(Lower *lw, const Tensor *tensor, bool write);
/* The last two for bytes that are read as elements of a wider type, where they are aligned for it. */
Param *lower_whole_view(Lower *lw, Buffer *buffer, DType dtype);
Param *lower_tensor_view(Lower *lw, const Tensor *tensor, DType dtype);
/* Element index of coordinates within the tensor's parameter: sum of idx * stride; idx[i] may be
 * NULL for 0. Of opaque elements the index of a cell: lw->cell, or without it the first one. */
Inst *lower_index(Lower *lw, const Tensor *tensor, Inst *const *idx);
/* Workspace that lives from this node's first kernel to its last one. */
Buffer *lower_scratch(Lower *lw, const char *name, DType dtype, const Size *elements);
/* A constant buffer holding count elements of dtype, from memory that lives as long as the arena. */
Buffer *lower_const(Lower *lw, const char *name, DType dtype, int64_t count, const void *data);

/* Packing a constant tensor into the order in which an inner loop reads it, streamed when the
 * weights are written. Element (d0..dn-1) of the packed buffer (row-major over dest_dims) is the
 * source's element with coordinate s[a] = sum over j of coef[a][j] * d[j] on axis a, or 0 where some
 * s[a] >= source_dims[a]. source_dims may split the tensor's own axes ([M,C,..] seen as
 * [G,M/G,C,..]); the source is row-major over them. */
enum { PACK_RANK = 8 };
typedef struct Pack {
    int source_rank, dest_rank;
    int64_t source_dims[PACK_RANK], dest_dims[PACK_RANK];
    int64_t coef[PACK_RANK][PACK_RANK];
} Pack;
/* Same tensor and same pack: the same buffer. Const.scale is applied. */
Buffer *lower_pack(Lower *lw, const Tensor *weights, const Pack *pack, const char *suffix);

/* ---- Elements ---- */
/* The type values of dtype have in arithmetic: f16 and bf16 compute in f32, narrow types are bytes (narrow.h
 * has what they say), of opaque elements the cells, others are as they are. */
DType lower_type(DType dtype);
/* The tensor's element at coordinates (tensor->rank of them; NULL stands for 0), in lower_type. */
Inst *lower_load(Lower *lw, const Tensor *tensor, Inst *const *idx);
/* The same with numpy broadcasting: idx are coordinates of a tensor of rank `rank` >= its own. */
Inst *lower_load_broadcast(Lower *lw, const Tensor *tensor, int rank, Inst *const *idx);
/* Stores a value (in lower_type or castable) as the node's result: applies lw->node's epilogue and
 * stores into node_result(lw->node). */
void lower_store(Lower *lw, Inst *const *idx, Inst *value);
/* The epilogue alone: what lower_store would store; works on vectors when idx are scalars of lane 0
 * along a contiguous axis only through pass_vectorize, so give it scalars. */
Inst *lower_epilogue(Lower *lw, Inst *const *idx, Inst *value);
/* Stores into some tensor without epilogue. */
void lower_store_to(Lower *lw, const Tensor *tensor, Inst *const *idx, Inst *value);
/* An element-wise operator applied to given operand values (NULL: absent). */
Inst *scalar_apply(Lower *lw, const Node *node, Inst *const *operands);

/* ---- Loops ---- */
/* Loops over all coordinates of dims in the given axis order (outermost first; NULL: 0,1,2...);
 * unit axes get no loop and a 0. The first loop is PARALLEL when the work (flops per element times
 * elements) is worth it and nothing else stands in the kernel yet, the last one VECTOR when
 * `vector`. Fills idx; returns the number of loops opened, to be closed by lower_nest_end. */
int lower_nest(Lower *lw, int rank, const Size *const *dims, const uint8_t *order, bool vector,
               double work_per_element, Inst **idx);
/* The same for a nest that moves elements of `what` with lower_load and lower_store, its last loop a
 * VECTOR: an opaque element moves cell by cell, in one more loop. */
int lower_nest_of(Lower *lw, const Tensor *what, int rank, const Size *const *dims,
                  const uint8_t *order, double work_per_element, Inst **idx);
void lower_nest_end(Lower *lw, int loops);
/* Axis order of a tensor's memory, outermost first, from its place's strides. */
void lower_order(Lower *lw, const Tensor *tensor, uint8_t order[MAX_RANK]);
/* PARALLEL when the kernel is empty so far and total_work (flops at the bounds) is worth it, else
 * SERIAL. Work 0: never, for loops that others follow in the kernel. */
LoopKind lower_parallel(Lower *lw, double total_work);
/* The same for register tiles, which do as many operations in the time of one elsewhere as a vector
 * has lanes, and wait for `weights` bytes where each is used for little else. */
LoopKind lower_parallel_tiles(Lower *lw, double flops, double weights, int64_t lanes);
/* Coordinates of the flat row-major index over dims. */
void lower_unflatten(Lower *lw, Inst *flat, int rank, const Size *const *dims, Inst **idx);
Inst *lower_flatten(Lower *lw, int rank, const Size *const *dims, Inst *const *idx);
static inline Inst *lower_size(Lower *lw, const Size *size)
{
    return kb_size(&lw->b, size);
}
double lower_work(Lower *lw, const Tensor *tensor);  /* elements at the bounds */
double lower_bytes(Lower *lw, const Tensor *tensor); /* bytes at the bounds */

/* ---- Whole stages ---- */
/* The operator's point rule applied to an output of node. */
Inst *lower_point_value(Lower *lw, const Node *node, int output, Inst *const *idx);
/* Lowers one node; nodes whose outputs are inlined are skipped by the caller. */
int lower_node(Lower *lw, Node *node);
/* True when every tensor that `node` reads or writes (through inlined producers and epilogues) lies
 * contiguously in the same axis order with the same sizes, or is a single element: then one flat
 * loop does. */
bool lower_is_flat(Lower *lw, const Node *node);

/* Rules by name; rules.c makes the table of them. */
#define OP(id, name, since, ...) __VA_ARGS__
#define LOWER(rule)              LowerRule lower_##rule;
#define ROWS(rule)               RowsRule rows_##rule;
#define POINT(rule)              PointRule point_##rule;
#include "ir/ops.def"

#endif
