/* Loops: what a node becomes.
 *
 * A Program is one stage: buffers, kernels and a main block that calls the kernels. A Kernel is
 * structured code in SSA form over typed, possibly vector, values: loads and stores on named
 * parameters, mutable cells (accumulators), loops that are serial, parallel, unrolled or vector.
 * Backends read nothing else.
 *
 * Rules (kept by the builder, checked by loops_verify):
 *  - An instruction's value can be used after it in the same block and in blocks nested in it.
 *    INT, FLT and SIZE are in no block and can be used everywhere.
 *  - Arithmetic works lane by lane on operands of one type; SPLAT makes a vector from a scalar. The
 *    builder splats scalar operands by itself when the other one is a vector.
 *  - A FOR's own value is the loop variable, a scalar i64 running lo, lo+step, ... below hi (step is
 *    a positive constant). Loops are: SERIAL; UNROLLED (constant bounds); VECTOR (iterations are
 *    independent apart from reduction cells; pass_vectorize turns it into explicit vectors);
 *    PARALLEL (iterations independent; only as the single top-level instruction of a kernel).
 *  - A cell belongs to the block it is declared in and starts undefined: SET before GET.
 *  - BREAK leaves the innermost SERIAL loop.
 *  - f16 and bf16 values exist only to be loaded, stored and CAST; all arithmetic is on other types.
 *    Narrow types (ir/dtype.h) do not exist here: bytes stand for them, and lowering converts these.
 *  - Integer arithmetic wraps. DIV and REM of integers truncate; their divisor must not be 0. MIN
 *    and MAX of floats are `a < b ? a : b` and `a > b ? a : b`. CAST from float to integer
 *    truncates; of a NaN, and outside the type's range, the result is unspecified, and C calls it
 *    undefined: what lowering makes never does that (loops_verify_casts). CAST to bool
 *    is `!= 0`. Shift counts are below the width. SHR is arithmetic on signed types.
 *  - Floating point is IEEE, never contracted or reassociated: FMA is fused exactly where it stands.
 */
#ifndef LPC_IR_LOOPS_H
#define LPC_IR_LOOPS_H

#include "ir/arena.h"
#include "ir/diag.h"
#include "ir/dtype.h"
#include "ir/sym.h"

typedef struct LType {
    DType dtype;
    int lanes; /* 1: scalar */
} LType;

/* X(enumerator, text name, arguments, class). Classes: K constant, M memory, C control, B binary
 * (both operands and result of one type), R relation (bool result), U unary, F float-only math
 * unary (libm), G float-only math binary, O other */
/* clang-format off */
#define LPC_INSTS(X)                                                                               \
    X(INT, "int", 0, K) X(FLT, "flt", 0, K) X(SIZE, "size", 0, K)                                  \
    X(LOAD, "load", 1, M) X(STORE, "store", 2, M) X(GET, "get", 0, M) X(SET, "set", 1, M)          \
    X(FOR, "for", 2, C) X(IF, "if", 1, C) X(BREAK, "break", 0, C) X(FAIL, "fail", 0, C)            \
    X(SETSYM, "setsym", 1, C) X(CALL, "call", 0, C)                                                \
    X(ADD, "add", 2, B) X(SUB, "sub", 2, B) X(MUL, "mul", 2, B) X(DIV, "div", 2, B)                \
    X(REM, "rem", 2, B) X(MIN, "min", 2, B) X(MAX, "max", 2, B) X(AND, "and", 2, B)                \
    X(OR, "or", 2, B) X(XOR, "xor", 2, B) X(SHL, "shl", 2, B) X(SHR, "shr", 2, B)                  \
    X(EQ, "eq", 2, R) X(NE, "ne", 2, R) X(LT, "lt", 2, R) X(LE, "le", 2, R) X(GT, "gt", 2, R)      \
    X(GE, "ge", 2, R)                                                                              \
    X(NEG, "neg", 1, U) X(ABS, "abs", 1, U) X(NOT, "not", 1, U)                                    \
    X(SQRT, "sqrt", 1, U) X(FLOOR, "floor", 1, U) X(CEIL, "ceil", 1, U) X(RINT, "rint", 1, U)      \
    X(TRUNC, "trunc", 1, U)                                                                        \
    X(EXP, "exp", 1, F) X(LOG, "log", 1, F) X(TANH, "tanh", 1, F) X(ERF, "erf", 1, F)              \
    X(SIN, "sin", 1, F) X(COS, "cos", 1, F) X(TAN, "tan", 1, F) X(ASIN, "asin", 1, F)              \
    X(ACOS, "acos", 1, F) X(ATAN, "atan", 1, F) X(SINH, "sinh", 1, F) X(COSH, "cosh", 1, F)        \
    X(ASINH, "asinh", 1, F) X(ACOSH, "acosh", 1, F) X(ATANH, "atanh", 1, F)                        \
    X(LOG1P, "log1p", 1, F) X(EXPM1, "expm1", 1, F)                                                \
    X(POW, "pow", 2, G) X(FMOD, "fmod", 2, G) X(ATAN2, "atan2", 2, G)                              \
    X(FMA, "fma", 3, O) X(SELECT, "select", 3, O) X(CAST, "cast", 1, O)                            \
    X(BITCAST, "bitcast", 1, O) X(SPLAT, "splat", 1, O) X(IOTA, "iota", 0, O)                      \
    X(LANE, "lane", 1, O) X(HADD, "hadd", 1, O) X(HMIN, "hmin", 1, O) X(HMAX, "hmax", 1, O)        \
    X(DOT4, "dot4", 3, O)
/* clang-format on */

/* Notes on some:
 *  LOAD buf[idx] : `arg[0]` i64 element index. With lanes > 1: elements idx, idx+stride, ...
 *      (stride 1 unless `stride` is set). With `limit` (i64): lane i is loaded only when i < limit,
 *      else it is 0 and memory is not touched. limit works for scalars too (lane 0).
 *  STORE buf[idx] = arg[1], the same with stride and limit (lanes at or over it are not stored).
 *  IF cond: body, and els (may be empty).
 *  FAIL: the kernel returns code `value` (LPC_RUN_*) at once.
 *  SETSYM: symbol `sym` of the program gets the i64 value arg[0].
 *  BITCAST: same total size, same lanes (f32 <-> i32/u32, f64 <-> i64 ...).
 *  IOTA: lanes 0, 1, 2, ... of an integer type. LANE: lane `value` of a vector.
 *  HADD/HMIN/HMAX: a vector's lanes to one scalar, in tree order: halves are combined until one is
 *      left ((l0+l4)+(l2+l6))+((l1+l5)+(l3+l7)): lane i with lane i + n/2, n halving.
 *  DOT4 acc, a, b : i32 lanes; a and b are i32 lanes that hold four bytes each; acc + the sum of the
 *      four products of a's bytes (unsigned when `value` is 1, else signed) and b's (signed). */

typedef enum InstOp {
#define X(id, name, args, class) LI_##id,
    LPC_INSTS(X)
#undef X
        LI_COUNT
} InstOp;

typedef enum LoopKind { LOOP_SERIAL, LOOP_UNROLLED, LOOP_VECTOR, LOOP_PARALLEL } LoopKind;

typedef struct Inst Inst;
typedef struct Block Block;
typedef struct Kernel Kernel;
typedef struct Program Program;
typedef struct Buffer Buffer;
typedef struct External External; /* ir/custom.h */

/* A formal parameter of a kernel: a pointer to elements of dtype; or a local array. */
typedef struct Param {
    const char *name; /* a C identifier, unique in the kernel */
    DType dtype;
    /* A view: the buffer that is passed has elements of this type, whose bytes are read as dtype.
     * DT_NONE: elements of dtype. Only bytes are seen so, and only read: C forbids anything else. */
    DType viewed;
    int index;
    bool is_read, is_written;
    bool noalias;  /* no other parameter overlaps it */
    int64_t local; /* > 0: not a parameter but an array of that many elements on the stack */
    /* The kernel touches elements first <= i < end of it and no others; first is negative where a
     * view is reversed. Both NULL: not said, as much as the buffer has. */
    const Size *first, *end;
    int align; /* alignment in bytes that may be assumed for element 0 */
} Param;

typedef struct Cell {
    const char *name;
    LType type;
    int id;
    /* For VECTOR loops around which the cell lives: how the loop updates it (LI_ADD, LI_MIN,
     * LI_MAX, or LI_FMA which reduces like ADD); LI_COUNT: not a reduction. */
    InstOp reduce;
} Cell;

struct Block {
    Inst **items;
    int count;
};

struct Inst {
    InstOp op;
    LType type; /* of the value; DT_NONE for instructions without one */
    int id;     /* unique in the kernel, in order of creation */
    Inst *arg[3];
    Inst *stride, *limit; /* LOAD, STORE: NULL or i64 scalars */
    int64_t value;        /* INT; LANE's lane; FOR's step; FAIL's code; DOT4's signedness */
    double number;        /* FLT */
    const Size *size;     /* SIZE; in main: IF's left side, FOR's count, SETSYM's value */
    int sym;              /* SETSYM; FOR in main */
    const Size *right;    /* IF by sizes, in main */
    InstOp relation;
    Param *param;    /* LOAD, STORE */
    Cell *cell;      /* GET, SET */
    LoopKind kind;   /* FOR */
    Block body, els; /* FOR, IF */
    /* Only in a program's main block. CALL: args[i] stands for callee->params[i] that is no local;
     * IF and FOR: args[0], when there, is the condition; SETSYM: args[0], when there, the value. */
    Kernel *callee;
    struct CallArg *args;
    int arg_count;
    void *user; /* of the pass or backend that is running */
};

/* What a call passes for a parameter: a buffer and an element offset into it. */
typedef struct CallArg {
    Buffer *buffer;
    const Size *offset; /* elements */
} CallArg;

/* Of one run of the program, at the bounds: loops_cost.h says how it is counted. */
typedef struct KernelCost {
    double flops, bytes;
} KernelCost;

struct Kernel {
    Program *program;
    const char *name;    /* a C identifier, unique in the program: "k12_conv1" */
    const char *comment; /* what it computes, for people: node, operator, shapes, cost; lines */
    Origin origin;
    Param **params; /* formal parameters and local arrays, in order of creation */
    int param_count;
    Cell **cells;
    int cell_count;
    Block body;
    int next_id;
    KernelCost cost;
    const char *tuning_key; /* of the measured tiling that it asked for, NULL: none */
    /* Without a body: a function of that name elsewhere, of the parameters and `const int64_t *sizes`,
     * which returns LPC_RUN_*. `external` says what it does; NULL in programs that were read as text. */
    bool is_extern;
    const External *external;
    Inst **consts; /* INT, FLT, SIZE made so far (hash-consed by linear search) */
    int const_count;
};

typedef enum BufferClass {
    BUFFER_INPUT,  /* index: position in the in contract */
    BUFFER_OUTPUT, /* index: position in the out contract */
    BUFFER_WORK,   /* at offset of the workspace */
    BUFFER_CONST,  /* at offset of the weights section */
    BUFFER_STATE   /* at offset of the state memory */
} BufferClass;

/* Fills `size` bytes at `to` with bytes [at, at + size) of a constant buffer. */
typedef struct ConstSource ConstSource;
struct ConstSource {
    int (*read)(const ConstSource *source, int64_t at, void *to, size_t size);
    const void *data;
    /* Memory of a mapped file that reading brings in; a writer of many constants drops it again.
     * NULL: none. */
    const void *mapped;
    size_t mapped_bytes;
};

struct Buffer {
    const char *name;
    BufferClass class;
    DType dtype;
    int index;  /* INPUT, OUTPUT */
    int tensor; /* id of the graph's tensor that it is the memory of, -1: none's */
    int id;
    const Size *elements;
    int64_t max_bytes;         /* at the bounds */
    int64_t offset;            /* bytes; WORK, CONST, STATE; -1 before planning */
    const ConstSource *source; /* CONST */
    const char *comment;
    int first, last; /* WORK: first and last step of main that need it (filled by the planner) */
    void *user;
};

struct Program {
    Arena *arena;
    /* Instructions in blocks are allocated here: `arena`, unless whoever rewrites the program sets
     * another one, to free what a rewriting leaves behind. */
    Arena *code;
    SizeTable *sizes;
    const char *name;  /* a C identifier: prefix of the emitted function */
    const char *build; /* a constant of that name is defined beside it; NULL: none */
    Buffer **buffers;
    int buffer_count;
    Kernel **kernels;
    int kernel_count;
    /* CALL, IF, FOR and SETSYM, as main_call and its siblings make them. A kernel object for ids. */
    Kernel *main;
    int64_t work_bytes, state_bytes, const_bytes;
    int input_count, output_count;
};

Program *program_new(Arena *arena, SizeTable *sizes, const char *name);
/* Of strings: a buffer of their bytes. */
Buffer *program_buffer(Program *program, const char *name, BufferClass class, DType dtype,
                       const Size *elements);
Kernel *program_kernel(Program *program, const char *name);
/* ---- Main: calls of kernels, under conditions and in loops ---- */

/* A buffer of an arg with offset NULL is passed from its element 0. */
Inst *main_call(Program *program, Block *at, Kernel *callee, int arg_count, const CallArg *args);
/* `body` runs when element 0 of the bool buffer is `when` (kept in `value`, 0 or 1), else `els`. */
Inst *main_if(Program *program, Block *at, Buffer *cond, bool when);
/* The same by a comparison of sizes at run time; relation: an operation of class R. */
Inst *main_if_size(Program *program, Block *at, const Size *left, InstOp relation,
                   const Size *right);
/* A loop over `body`, one iteration after the other. Symbol `sym` holds the number of iterations
 * done: 0 before and in the first one, and after the loop how many there were. It goes on while
 * sym < count, which is evaluated once, on entry, and while element 0 of the bool buffer `cond`
 * (NULL: none) is true, which is tested before each iteration. A count over the symbol's bound ends
 * the run with LPC_RUN_BOUND; a negative one is none. The symbol's source is SYM_NODE and nothing
 * in the body sets it. */
Inst *main_loop(Program *program, Block *at, int sym, const Size *count, Buffer *cond);
/* Symbol `sym` (of SYM_NODE) gets the value of a size; or, with size NULL, that of one element of an
 * i64 buffer. Outside the symbol's bounds the run ends with LPC_RUN_BOUND. */
Inst *main_set(Program *program, Block *at, int sym, const Size *size);
Inst *main_set_from(Program *program, Block *at, int sym, Buffer *buffer, const Size *offset);

/* One instruction of main. Its place in the list of all, depth first and `body` before `els`, is the
 * step that memory plans, footprints and comments in code speak of. */
typedef struct MainStep {
    Inst *inst;
    int end;      /* the first step behind its blocks */
    int parent;   /* the step in whose block it is, -1: in none's */
    bool in_els;  /* in that one's `els` */
    int loop;     /* the step of the innermost loop around it, -1: none */
    double times; /* how often it runs when every symbol has its bound; the body of a loop without a
                   * bound counts once. Of two branches by sizes one runs then; of two branches by a
                   * buffer each counts. */
} MainStep;
/* The list, in `arena`; returns how many there are. */
int main_steps(const Program *program, Arena *arena, MainStep **steps);

bool relation_holds(InstOp relation, int64_t a, int64_t c); /* an operation of class R */
/* Does the condition of an IF by sizes hold for these values of the symbols? */
bool main_size_holds(const Inst *inst, const int64_t *symbols);

/* A symbol that main or its kernels set is set before it is read, on every way there
 * (loops_verify_symbols.c). */

/* Marks the symbols that a block sets, of main (with the kernels it calls) or of a kernel. */
void block_sets(const Block *block, bool *set);
/* The same for the whole program, by symbol, in `arena`. A run starts with those of SYM_NODE as 0, so
 * that none has another value than one within its bounds. */
bool *program_sets(const Program *program, Arena *arena);
/* Symbols that the caller gives, checked against their bounds when a run starts: those of inputs
 * and state; and those that nodes of another stage set and this program uses. */
bool *program_given(const Program *program, Arena *arena);
/* Can a size be outside the bounds of a symbol that it is given to? */
bool main_set_can_fail(const Program *program, int sym, const Size *size);

/* Loads and stores whose index varies with `lane` reach only lanes below `value` (LOAD's limit). */
typedef struct Limit {
    const Inst *lane;
    Inst *value; /* NULL: all lanes */
} Limit;

/* ---- Building kernels. A Builder appends to its current block. ---- */
typedef struct Builder {
    Kernel *kernel;
    Arena *arena, *code; /* the program's */
    SizeTable *sizes;
    Block *block;
    Block **stack; /* the blocks around it */
    int depth;
    Limit limit; /* of what is emitted now: kb_limit */
} Builder;

void builder_init(Builder *b, Kernel *kernel);

Param *kb_param(Builder *b, const char *name, DType dtype, bool read, bool written);
/* A read-only parameter of dtype that views a buffer of i8 or u8; the caller sees to alignment. */
Param *kb_param_view(Builder *b, const char *name, DType dtype, DType viewed);
/* Says that the kernel also touches elements first <= i < end of the parameter. */
void kb_reach(Builder *b, Param *param, const Size *first, const Size *end);
Param *kb_local(Builder *b, const char *name, DType dtype, int64_t elements);
Cell *kb_cell(Builder *b, const char *name, LType type, Inst *initial /* SET here; may be NULL */);

Inst *kb_int(Builder *b, DType dtype, int64_t value);
Inst *kb_i64(Builder *b, int64_t value);
Inst *kb_float(Builder *b, DType dtype, double value);
/* A constant of a numeric type, from a double or integer. */
Inst *kb_const(Builder *b, DType dtype, double value);
Inst *kb_size(Builder *b, const Size *size); /* folds to an INT when constant */

Inst *kb_load(Builder *b, Param *from, Inst *index);
Inst *kb_load_ex(Builder *b, Param *from, Inst *index, int lanes, Inst *stride, Inst *limit);
void kb_store(Builder *b, Param *to, Inst *index, Inst *value);
void kb_store_ex(Builder *b, Param *to, Inst *index, Inst *value, Inst *stride, Inst *limit);
/* From here on, accesses without a limit of their own get this one; returns the one before, to be set
 * again. */
Limit kb_limit(Builder *b, Limit limit);
Inst *kb_get(Builder *b, Cell *cell);
void kb_set(Builder *b, Cell *cell, Inst *value);

/* Any instruction of class B, R, U, F, G. Folds constants and trivial cases (x+0, x*1, x*0 of
 * integers). Splats a scalar operand beside a vector one. */
Inst *kb_op(Builder *b, InstOp op, Inst *a, Inst *c);
Inst *kb_op1(Builder *b, InstOp op, Inst *a);
Inst *kb_fma(Builder *b, Inst *a, Inst *c, Inst *plus);
Inst *kb_select(Builder *b, Inst *cond, Inst *then, Inst *other);
Inst *kb_cast(Builder *b, DType to, Inst *value); /* no-op when it has that type */
Inst *kb_bitcast(Builder *b, DType to, Inst *value);
Inst *kb_splat(Builder *b, Inst *value, int lanes);
Inst *kb_horizontal(Builder *b, InstOp op, Inst *vector);
Inst *kb_lane(Builder *b, Inst *vector, int lane);
Inst *kb_iota(Builder *b, DType dtype, int lanes);
Inst *kb_dot4(Builder *b, Inst *acc, Inst *a, Inst *c, bool a_unsigned);
/* What the bytes of a DOT4's `a` are. Small: below 128, known of an AND with such a constant; then two
 * products fit 16 bits, and it is the same whether they are signed. */
typedef enum DotLeft { LEFT_SIGNED, LEFT_UNSIGNED, LEFT_SMALL } DotLeft;
DotLeft inst_dot_left(const Inst *dot);

static inline Inst *kb_add(Builder *b, Inst *a, Inst *c)
{
    return kb_op(b, LI_ADD, a, c);
}
static inline Inst *kb_sub(Builder *b, Inst *a, Inst *c)
{
    return kb_op(b, LI_SUB, a, c);
}
static inline Inst *kb_mul(Builder *b, Inst *a, Inst *c)
{
    return kb_op(b, LI_MUL, a, c);
}
static inline Inst *kb_addi(Builder *b, Inst *a, int64_t c)
{
    return kb_add(b, a, kb_i64(b, c));
}
static inline Inst *kb_muli(Builder *b, Inst *a, int64_t c)
{
    return kb_mul(b, a, kb_i64(b, c));
}

/* Opens a loop and returns its variable; kb_end closes the innermost open FOR, IF or ELSE. */
Inst *kb_for(Builder *b, LoopKind kind, Inst *lo, Inst *hi, int64_t step);
Inst *kb_for_n(Builder *b, LoopKind kind, const Size *count); /* 0 .. count-1 */
void kb_if(Builder *b, Inst *cond);
void kb_else(Builder *b);
void kb_end(Builder *b);
void kb_break(Builder *b);
void kb_fail(Builder *b, int code);
void kb_setsym(Builder *b, int sym, Inst *value);

/* An instruction like `like` with everything copied but the operands' identity: passes that rebuild
 * code use it and set arg/stride/limit themselves, then append it. */
Inst *inst_copy(Builder *b, const Inst *like);
void inst_append(Builder *b, Inst *inst);

const char *inst_name(InstOp op);
int inst_args(InstOp op);
char inst_class(InstOp op); /* 'K' 'M' 'C' 'B' 'R' 'U' 'F' 'G' 'O' */

/* Is the kernel one PARALLEL loop? Then its FOR, else NULL. Backends emit such a kernel as a
 * function over a range of its iterations, and main runs it through lpc_threads. */
Inst *kernel_parallel(const Kernel *kernel);

/* Text form (docs/loops-text.md), verifier. */
void loops_print(Text *out, const Program *program);
void loops_print_kernel(Text *out, const Kernel *kernel);
int loops_parse(Arena *arena, Diag *diag, const char *text, const char *file, Program **out);
int loops_verify(const Program *program, Diag *diag);
/* Whether every CAST from a float to an integer provably gets a number within the integer's range
 * (loops_casts.c says what is understood). What lowering makes must; text that is read need not. */
int loops_verify_casts(const Program *program, Diag *diag);

/* The evaluator: runs a program on given memory, one instruction at a time; the oracle.
 * in/out/sizes/workspace/state as in runtime/lpc_model.h; weights: const_bytes bytes. Returns
 * LPC_RUN_*. Every access is checked against the buffer's size; a stray one is reported in diag and
 * gives -1. */
int loops_eval(const Program *program, Diag *diag, const void *const *in, void *const *out,
               int64_t *sizes, void *workspace, void *state, const void *weights);
/* Runs one kernel: args[i] and arg_elements[i] (elements of the parameter's type) stand for its i-th
 * parameter that is no local array. For constant folding and tests. Returns as loops_eval does. */
int loops_eval_kernel(const Kernel *kernel, Diag *diag, void *const *args,
                      const int64_t *arg_elements, int64_t *sizes);

#endif
