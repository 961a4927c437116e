/* Arithmetic, lane by lane. Integers wrap; floats are IEEE, never contracted or reassociated: no
 * fast-math flag is set anywhere. */
#include "backend/llvm/emit.h"
#include <assert.h>

/* `a < b ? a : b` (or with >): what minps and maxps compute. Arm's code generator uses fminnm and
 * fmaxnm when b is a constant, which differ for a signalling NaN and in the sign of min(-0, 0). */
static LLVMValueRef min_max(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef first =
        emit_relation(e, op == LI_MIN || op == LI_HMIN ? LI_LT : LI_GT, type, a, b);
    return LLVMBuildSelect(e->builder, first, a, b, "");
}

static LLVMValueRef float_binary(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef args[2] = {a, b};
    switch (op) {
    case LI_ADD: return LLVMBuildFAdd(e->builder, a, b, "");
    case LI_SUB: return LLVMBuildFSub(e->builder, a, b, "");
    case LI_MUL: return LLVMBuildFMul(e->builder, a, b, "");
    case LI_DIV: return LLVMBuildFDiv(e->builder, a, b, "");
    case LI_MIN:
    case LI_MAX: return min_max(e, op, type, a, b);
    case LI_REM: return call_libm(e, "fmod", type, args, 2);
    default: return call_libm(e, inst_name(op), type, args, 2);
    }
}

/* Division truncates. A divisor of 0 or -1 is replaced by 1 first, the latter with a negated
 * quotient, so that neither a stray 0 nor INT_MIN / -1 traps. */
static LLVMValueRef int_divide(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef at = e->builder;
    LLVMTypeRef llvm_type = type_of(e, type);
    LLVMValueRef zero = LLVMConstNull(llvm_type), one = const_int(llvm_type, 1);
    bool sign = dtype_is_signed(type.dtype), constant = LLVMIsConstant(b);
    LLVMValueRef minus = NULL;
    if (!constant) {
        LLVMValueRef bad = LLVMBuildICmp(at, LLVMIntEQ, b, zero, "");
        if (sign) {
            minus = LLVMBuildICmp(at, LLVMIntEQ, b, const_int(llvm_type, -1), "");
            bad = LLVMBuildOr(at, bad, minus, "");
        }
        b = LLVMBuildSelect(at, bad, one, b, "");
    } else if (sign && type.lanes == 1 && LLVMConstIntGetSExtValue(b) == -1) {
        return op == LI_DIV ? LLVMBuildNeg(at, a, "") : zero;
    }
    if (op == LI_REM) return sign ? LLVMBuildSRem(at, a, b, "") : LLVMBuildURem(at, a, b, "");
    if (!sign) return LLVMBuildUDiv(at, a, b, "");
    LLVMValueRef quotient = LLVMBuildSDiv(at, a, b, "");
    if (!minus) return quotient;
    return LLVMBuildSelect(at, minus, LLVMBuildNeg(at, a, ""), quotient, "");
}

static LLVMValueRef int_binary(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef at = e->builder;
    switch (op) {
    case LI_ADD: return LLVMBuildAdd(at, a, b, "");
    case LI_SUB: return LLVMBuildSub(at, a, b, "");
    case LI_MUL: return LLVMBuildMul(at, a, b, "");
    case LI_DIV:
    case LI_REM: return int_divide(e, op, type, a, b);
    case LI_MIN:
    case LI_MAX: return min_max(e, op, type, a, b);
    case LI_AND: return LLVMBuildAnd(at, a, b, "");
    case LI_OR: return LLVMBuildOr(at, a, b, "");
    case LI_XOR: return LLVMBuildXor(at, a, b, "");
    case LI_SHL: return LLVMBuildShl(at, a, b, "");
    case LI_SHR:
        return dtype_is_signed(type.dtype) ? LLVMBuildAShr(at, a, b, "")
                                           : LLVMBuildLShr(at, a, b, "");
    default: assert(false && "an operator on integers"); return a;
    }
}

LLVMValueRef emit_binary(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a, LLVMValueRef b)
{
    if (op == LI_HADD) op = LI_ADD;
    if (op == LI_HMIN) op = LI_MIN;
    if (op == LI_HMAX) op = LI_MAX;
    return dtype_is_float(type.dtype) ? float_binary(e, op, type, a, b)
                                      : int_binary(e, op, type, a, b);
}

LLVMValueRef emit_relation(LlvmEmit *e, InstOp op, LType operands, LLVMValueRef a, LLVMValueRef b)
{
    static const struct {
        InstOp op;
        LLVMRealPredicate real;
        LLVMIntPredicate sign, plain;
    } table[] = {
        {LI_EQ, LLVMRealOEQ, LLVMIntEQ, LLVMIntEQ},   {LI_NE, LLVMRealUNE, LLVMIntNE, LLVMIntNE},
        {LI_LT, LLVMRealOLT, LLVMIntSLT, LLVMIntULT}, {LI_LE, LLVMRealOLE, LLVMIntSLE, LLVMIntULE},
        {LI_GT, LLVMRealOGT, LLVMIntSGT, LLVMIntUGT}, {LI_GE, LLVMRealOGE, LLVMIntSGE, LLVMIntUGE},
    };
    int i = 0;
    while (table[i].op != op) i++;
    if (dtype_is_float(operands.dtype)) return LLVMBuildFCmp(e->builder, table[i].real, a, b, "");
    LLVMIntPredicate how = dtype_is_signed(operands.dtype) ? table[i].sign : table[i].plain;
    return LLVMBuildICmp(e->builder, how, a, b, "");
}

static LLVMValueRef int_unary(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a)
{
    LLVMTypeRef llvm_type = type_of(e, type);
    LLVMValueRef args[2] = {a, LLVMConstNull(e->i1)};
    switch (op) {
    case LI_NEG: return LLVMBuildNeg(e->builder, a, "");
    case LI_NOT: return LLVMBuildNot(e->builder, a, "");
    case LI_ABS:
        if (!dtype_is_signed(type.dtype)) return a;
        return call_intrinsic(e, "llvm.abs", &llvm_type, 1, args, 2);
    default: return a; /* FLOOR and the like of a whole number */
    }
}

LLVMValueRef emit_unary(LlvmEmit *e, InstOp op, LType type, LLVMValueRef a)
{
    if (!dtype_is_float(type.dtype)) return int_unary(e, op, type, a);
    const char *name = NULL;
    switch (op) {
    case LI_NEG: return LLVMBuildFNeg(e->builder, a, "");
    case LI_ABS: name = "llvm.fabs"; break;
    case LI_SQRT: name = "llvm.sqrt"; break;
    case LI_FLOOR: name = "llvm.floor"; break;
    case LI_CEIL: name = "llvm.ceil"; break;
    case LI_RINT: name = "llvm.rint"; break;
    case LI_TRUNC: name = "llvm.trunc"; break;
    default: return call_libm(e, inst_name(op), type, &a, 1);
    }
    LLVMTypeRef llvm_type = type_of(e, type);
    return call_intrinsic(e, name, &llvm_type, 1, &a, 1);
}
