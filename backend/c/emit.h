/* What the files of the C backend share.
 *
 *   c.c        the file: comments, memory map, size checks
 *   main.c     NAME_run
 *   kernel.c   one function per kernel: parameters, statements
 *   fold.c     which values become nested expressions and which get a name
 *   expr.c     instructions to C expressions
 *   vector.c   vector instructions: types and the helper functions for them
 *   helpers.c  helper functions on scalars, and the list of those that the file needs
 *   size.c     sizes to C expressions
 *   text.c     identifiers, constants, comments
 *
 * A value is either named (a `const` local) or folded into the one expression that uses it. */
#ifndef LPC_BACKEND_C_EMIT_H
#define LPC_BACKEND_C_EMIT_H

#include "backend/c/c.h"

/* How tightly an expression's outermost operator binds. */
typedef enum Prec {
    PREC_ANY,
    PREC_TERNARY,
    PREC_LOGIC, /* && and ||; parenthesised inside each other, as gcc's -Wparentheses wants */
    PREC_BITS,  /* & | ^ << >>: the same, inside anything */
    PREC_COMPARE,
    PREC_ADD,
    PREC_MUL,
    PREC_UNARY,
    PREC_POSTFIX
} Prec;

typedef struct Expr {
    const char *text;
    Prec prec;
} Expr;

/* Identifiers that are taken. */
typedef struct Names {
    const char **items;
    int count;
} Names;

/* One file being emitted. All of it is in `arena`, which is freed at the end. */
typedef struct CEmit {
    Arena *arena;
    const Program *program;
    const CEmitOptions *options;
    Diag *diag;
    Text functions;         /* the kernels, emitted before what stands above them is known */
    Text types, helpers;    /* definitions of vector types and helper functions, in order of need */
    Names defined;          /* names of both */
    Names globals;          /* identifiers at file scope */
    const char **sym_enums; /* SYM_batch, by symbol */
    const char **buffer_names; /* WORK_conv1, by buffer id; NULL for inputs and outputs */
    const char **kernel_names; /* by position in the program; NULL when nothing calls it */
    bool *use_array;           /* by number: arrays of weights that are referred to */
    bool use_math, use_intrinsics;
    bool use_at, use_parallel, use_weights, use_in, use_out, use_state, use_work;
    int step;   /* position in main, as the memory plan counts: depth first, IFs too */
    int status; /* an error was reported */
} CEmit;

/* What is known of an instruction while its kernel is emitted; fold.c fills it. */
typedef struct Info {
    int uses;
    const Block *block;
    int position; /* in block */
    bool live, named;
    int cost;         /* operators in its expression */
    int bits;         /* of an integer: |value| < 2^bits, or its type's width */
    int index;        /* 0: data; 1: a sum of indices; 2: made of loop variables and sizes */
    const char *name; /* when named */
} Info;

/* One kernel being emitted. */
typedef struct KernelEmit {
    CEmit *e;
    const Kernel *kernel;
    Info *info;      /* by instruction id */
    int *cell_index; /* by position in cells: as Info.index */
    bool *cell_live;
    const char **param_names; /* by position in params */
    const char **cell_names;
    const Block **cell_home; /* where the cell is declared; NULL: at the top */
    const char **sym_names;  /* locals that hold symbols; NULL: not used in this kernel */
    Names names;
    Text *out;
    int indent, counter, loop_depth;
    const Inst *parallel; /* the PARALLEL loop, when the kernel is one */
    const Inst **loops;   /* the loops that are open, and the labels behind them */
    const char **labels;
    int loop_count;
    bool can_fail, sets_symbol;
} KernelEmit;

/* "a, b, c" that starts at `column` and goes on at `indent`, with lines below 100 columns. */
typedef struct List {
    Text text;
    int column, indent;
} List;

/* text.c */
void list_add(List *list, const char *item);
const char *c_identifier(Arena *arena, const char *text); /* letters, digits and '_' only */
/* An identifier made of `text` that is in none of the lists, added to `names`. */
const char *names_make(Arena *arena, Names *names, const Names *outer, const char *text);
bool names_have(const Names *names, const char *name);
void names_add(Arena *arena, Names *names, const char *name);
bool c_reserved(const char *name);
Expr c_int(Arena *arena, DType type, int64_t value);
Expr c_float(Arena *arena, DType type, double value);
/* A block comment; ends of comments and odd bytes inside it are defused. */
void c_comment(Text *out, const char *text, int indent);
const char *c_comment_line(Arena *arena, const char *text); /* the first line, defused */
const char *c_paren(Arena *arena, Expr expr, Prec least);
const char *math_name(InstOp op, DType type); /* "expf"; NULL: no function of libm */

/* size.c: a size; symbols are named by sym_names[i], or sizes[SYM_x] where that is NULL. */
Expr c_size(CEmit *e, const Size *size, const char *const *sym_names);

/* helpers.c: each returns the helper's name after making sure that it is defined. In a template
 * `@X` stands for the value of the key X. */
typedef struct Key {
    char key;
    const char *value;
} Key;
const char *c_template(Arena *arena, const char *text, const Key *keys, int key_count);
/* Of a table of templates by operation; its end has none. */
typedef struct Template {
    const char *operation, *text;
} Template;
const char *template_of(const Template *table, const char *operation);
void helper_define(CEmit *e, const char *name, const char *text);
const char *helper_scalar(CEmit *e, const char *operation, DType type);
const char *helper_half(CEmit *e, DType from, DType to); /* f16, bf16 <-> f32 */
const char *helper_bitcast(CEmit *e, DType from, DType to);
const char *helper_dot4(CEmit *e, bool is_unsigned);

/* vector.c */
const char *vector_type(CEmit *e, LType type); /* the C type of a value, vector or scalar */
const char *vector_helper(CEmit *e, const char *operation, LType type);
const char *vector_intrinsic(CEmit *e, const char *operation, LType type);
/* Between 8-bit integers and i32, where an instruction does it: the helper's name, else NULL. */
const char *vector_bytes(CEmit *e, LType from, LType to);
const char *vector_load(CEmit *e, LType type, bool stride, bool limit);
const char *vector_store(CEmit *e, LType type, bool stride, bool limit);
const char *vector_horizontal(CEmit *e, InstOp op, LType type);
const char *vector_half(CEmit *e, DType from, DType to, int lanes);
const char *vector_dot4(CEmit *e, int lanes, DotLeft kind);
const char *vector_math(CEmit *e, InstOp op, LType type);

/* fold.c */
void fold_kernel(KernelEmit *k);

/* expr.c */
Expr expr_value(KernelEmit *k, const Inst *inst);   /* its name, or its expression */
Expr expr_compute(KernelEmit *k, const Inst *inst); /* its expression */
const char *expr_text(KernelEmit *k, const Inst *inst, Prec least);
const char *expr_address(KernelEmit *k, const Inst *access); /* &x[i] of a LOAD or STORE */
Info *expr_info(const KernelEmit *k, const Inst *inst);
int param_position(const Kernel *kernel, const Param *param);
int cell_position(const Kernel *kernel, const Cell *cell);

/* main.c */
void c_run(CEmit *e, Text *out);
/* Returns LPC_RUN_BOUND when the symbol's value is outside its bounds. */
void c_check_symbol(CEmit *e, Text *out, int sym, int indent);
int c_kernel_position(const Program *program, const Kernel *kernel);

/* kernel.c */
void kernel_emit(CEmit *e, const Kernel *kernel, const char *name);
bool block_contains(const Block *block, InstOp op);
bool kernel_uses_sizes(const Kernel *kernel); /* takes the sizes array */

#endif
