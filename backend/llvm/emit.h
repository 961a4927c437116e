/* What the files of the LLVM backend share. One LlvmEmit lives for one module. */
#ifndef LPC_BACKEND_LLVM_EMIT_H
#define LPC_BACKEND_LLVM_EMIT_H

#include "backend/llvm/llvm.h"
#include <llvm-c/Core.h>

typedef enum Arch { ARCH_X86_64, ARCH_AARCH64, ARCH_RISCV64, ARCH_NONE } Arch;

/* Values of sizes that are already computed: open addressing over the size's hash. */
typedef struct SizeSlot {
    const Size *size;
    LLVMValueRef value;
} SizeSlot;

typedef struct LlvmEmit {
    const Program *program;
    const LlvmOptions *options;
    Diag *diag;
    Arena *arena;
    Arch arch;
    bool native_f16; /* the target converts half floats by itself: f16 is half, else i16 */
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;       /* where instructions go */
    LLVMBuilderRef entry_builder; /* end of the current function's entry block */
    LLVMTypeRef i1, i8, i16, i32, i64, f16, f32, f64, ptr, none;
    LLVMTypeRef task_fn; /* void (ptr, i64, i64) */

    /* The function being emitted. */
    const Kernel *kernel;
    LLVMValueRef function;
    LLVMValueRef *values;        /* by Inst.id: the value last emitted for it */
    LLVMValueRef *params;        /* by Param.index: pointer to element 0 */
    LLVMValueRef *cells;         /* by Cell.id: its alloca */
    LLVMValueRef sizes;          /* ptr to the symbols' values */
    LLVMBuilderRef size_builder; /* where sizes are computed */
    SizeSlot *slots;
    unsigned slot_count, slot_used;
    LLVMBasicBlockRef break_to; /* where BREAK goes */
} LlvmEmit;

/* ---- types.c: types, constants, calls of intrinsics and of libm, sizes ---- */
void emit_types(LlvmEmit *e);
LLVMTypeRef type_of_dtype(const LlvmEmit *e, DType dtype);  /* in a register: bool is i1 */
LLVMTypeRef type_in_memory(const LlvmEmit *e, DType dtype); /* bool is i8 */
LLVMTypeRef type_of(const LlvmEmit *e, LType type);
LLVMTypeRef vector_of(LLVMTypeRef element, int lanes); /* element itself for one lane */
LLVMValueRef const_i64(const LlvmEmit *e, int64_t value);
LLVMValueRef const_i32(const LlvmEmit *e, int64_t value);
LLVMValueRef const_int(LLVMTypeRef type, int64_t value); /* of a vector type: splat */
LLVMValueRef const_iota(LLVMTypeRef element, int lanes);
LLVMValueRef const_value(const LlvmEmit *e, const Inst *inst); /* INT, FLT */
LLVMValueRef splat(LlvmEmit *e, LLVMValueRef scalar, int lanes);
/* A call of intrinsic NAME ("llvm.fma"), overloaded on `types`. */
LLVMValueRef call_intrinsic(LlvmEmit *e, const char *name, LLVMTypeRef *types, size_t type_count,
                            LLVMValueRef *args, unsigned arg_count);
/* A call of libm's NAME or NAMEf, one per lane. */
LLVMValueRef call_libm(LlvmEmit *e, const char *name, LType type, LLVMValueRef *args,
                       unsigned arg_count);
void sizes_forget(LlvmEmit *e); /* the next sizes are computed anew */
LLVMValueRef size_value(LlvmEmit *e, const Size *size);
/* The value of an operand. */
LLVMValueRef value_of(LlvmEmit *e, const Inst *inst);

/* ---- blocks.c ---- */
bool emit_is_open(const LlvmEmit *e); /* the current basic block has no terminator yet */
LLVMBasicBlockRef emit_new_block(LlvmEmit *e, const char *name);
void emit_goto(LlvmEmit *e, LLVMBasicBlockRef to); /* when open */

/* ---- arith.c, convert.c, vector.c, memory.c: instructions to values ---- */
LLVMValueRef emit_binary(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_unary(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a);
LLVMValueRef emit_relation(LlvmEmit *e, InstOp op, LType operands, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_cast(LlvmEmit *e, LType from, LType to, LLVMValueRef value);
LLVMValueRef emit_horizontal(LlvmEmit *e, InstOp op, LType vector, LLVMValueRef value);
LLVMValueRef emit_dot4(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc, LLVMValueRef a,
                       LLVMValueRef b);
LLVMValueRef emit_load(LlvmEmit *e, const Inst *inst);
void emit_store(LlvmEmit *e, const Inst *inst);

/* ---- control.c: blocks, loops, whole function bodies ---- */
void emit_block(LlvmEmit *e, const Block *block);
void emit_for_body(LlvmEmit *e, const Inst *loop, LLVMValueRef lo, LLVMValueRef hi);
/* Starts a function's body: entry block, builders, tables for the kernel. */
void emit_open_function(LlvmEmit *e, const Kernel *kernel, LLVMValueRef function);

/* ---- function.c ---- */
LLVMValueRef emit_function(LlvmEmit *e, const char *name, LLVMTypeRef type, LLVMLinkage linkage);
/* An attribute at a position: 0 is the result, parameters follow. */
void emit_flag(LlvmEmit *e, LLVMValueRef function, unsigned at, const char *name, uint64_t value);
void emit_parameter(LlvmEmit *e, LLVMValueRef function, unsigned at, const Param *param);

/* ---- module.c: functions of the module ---- */
/* What the module knows of a kernel, by its position in program->kernels. */
typedef struct Emitted {
    LLVMValueRef function, task; /* task: parallel kernels only */
    LLVMTypeRef type, args;      /* args: struct of pointers, sizes, code */
    unsigned pointers;           /* parameters that are no local arrays */
    bool fails;
} Emitted;

/* same.c: do both kernels become the same code? */
bool kernels_same(const Kernel *a, const Kernel *c);
void emit_module(LlvmEmit *e);

/* ---- main.c ---- */
void emit_run(LlvmEmit *e, const Emitted *kernels); /* by position in the program */

#endif
