/* Conversions between element types. Half floats convert through f32, in the hardware where there
 * are instructions for it and by integer arithmetic (ir/dtype.c's) elsewhere; bf16 is always done
 * by integer arithmetic, being a shift one way. */
#include "backend/llvm/emit.h"

static LLVMValueRef int_op(LlvmEmit *e, LLVMOpcode op, LLVMValueRef a, int64_t b)
{
    return LLVMBuildBinOp(e->builder, op, a, const_int(LLVMTypeOf(a), b), "");
}

static LLVMValueRef bf16_widen(LlvmEmit *e, LLVMValueRef value, int lanes)
{
    LLVMValueRef bits = LLVMBuildZExt(e->builder, value, vector_of(e->i32, lanes), "");
    return LLVMBuildBitCast(e->builder, int_op(e, LLVMShl, bits, 16), vector_of(e->f32, lanes), "");
}

static LLVMValueRef bf16_narrow(LlvmEmit *e, LLVMValueRef value, int lanes)
{
    LLVMBuilderRef at = e->builder;
    LLVMValueRef bits = LLVMBuildBitCast(at, value, vector_of(e->i32, lanes), "");
    LLVMValueRef nan = LLVMBuildFCmp(at, LLVMRealUNO, value, value, "");
    LLVMValueRef quiet = int_op(e, LLVMOr, bits, 0x400000);
    LLVMValueRef odd = int_op(e, LLVMAnd, int_op(e, LLVMLShr, bits, 16), 1);
    LLVMValueRef rounded = LLVMBuildAdd(at, int_op(e, LLVMAdd, bits, 0x7fff), odd, "");
    LLVMValueRef kept = LLVMBuildSelect(at, nan, quiet, rounded, "");
    return LLVMBuildTrunc(at, int_op(e, LLVMLShr, kept, 16), vector_of(e->i16, lanes), "");
}

static LLVMValueRef f16_widen(LlvmEmit *e, LLVMValueRef value, int lanes)
{
    LLVMBuilderRef at = e->builder;
    LLVMTypeRef i32 = vector_of(e->i32, lanes), f32 = vector_of(e->f32, lanes);
    if (e->native_f16) return LLVMBuildFPExt(at, value, f32, "");
    LLVMValueRef bits = LLVMBuildZExt(at, value, i32, "");
    LLVMValueRef sign = int_op(e, LLVMShl, int_op(e, LLVMAnd, bits, 0x8000), 16);
    LLVMValueRef rest = int_op(e, LLVMAnd, bits, 0x7fff);
    LLVMValueRef wide = int_op(e, LLVMShl, rest, 13);
    LLVMValueRef normal = int_op(e, LLVMAdd, wide, 0x38000000);
    LLVMValueRef special = int_op(e, LLVMOr, wide, 0x7f800000);
    LLVMValueRef scale = splat(e, LLVMConstReal(e->f32, 0x1p-24), lanes);
    LLVMValueRef tiny = LLVMBuildFMul(at, LLVMBuildUIToFP(at, rest, f32, ""), scale, "");
    tiny = LLVMBuildBitCast(at, tiny, i32, "");
    LLVMValueRef is_tiny = LLVMBuildICmp(at, LLVMIntULT, rest, const_int(i32, 0x400), "");
    LLVMValueRef is_special = LLVMBuildICmp(at, LLVMIntUGE, rest, const_int(i32, 0x7c00), "");
    LLVMValueRef result = LLVMBuildSelect(at, is_tiny, tiny, normal, "");
    result = LLVMBuildSelect(at, is_special, special, result, "");
    return LLVMBuildBitCast(at, LLVMBuildOr(at, result, sign, ""), f32, "");
}

static LLVMValueRef f16_narrow(LlvmEmit *e, LLVMValueRef value, int lanes)
{
    LLVMBuilderRef at = e->builder;
    LLVMTypeRef i32 = vector_of(e->i32, lanes), f32 = vector_of(e->f32, lanes);
    if (e->native_f16) return LLVMBuildFPTrunc(at, value, vector_of(e->f16, lanes), "");
    LLVMValueRef bits = LLVMBuildBitCast(at, value, i32, "");
    LLVMValueRef sign = int_op(e, LLVMAnd, int_op(e, LLVMLShr, bits, 16), 0x8000);
    LLVMValueRef rest = int_op(e, LLVMAnd, bits, 0x7fffffff);
    LLVMValueRef odd = int_op(e, LLVMAnd, int_op(e, LLVMLShr, rest, 13), 1);
    LLVMValueRef sum = LLVMBuildAdd(at, int_op(e, LLVMAdd, rest, 0xfff - 0x38000000), odd, "");
    LLVMValueRef normal = int_op(e, LLVMLShr, sum, 13);
    /* Subnormal: adding 0.5 lets the hardware round to a multiple of 2^-24. */
    LLVMValueRef half = splat(e, LLVMConstReal(e->f32, 0.5), lanes);
    LLVMValueRef tiny = LLVMBuildFAdd(at, LLVMBuildBitCast(at, rest, f32, ""), half, "");
    tiny = int_op(e, LLVMSub, LLVMBuildBitCast(at, tiny, i32, ""), 0x3f000000);
    LLVMValueRef is_tiny = LLVMBuildICmp(at, LLVMIntULT, rest, const_int(i32, 0x38800000), "");
    LLVMValueRef is_huge = LLVMBuildICmp(at, LLVMIntUGE, rest, const_int(i32, 0x477ff000), "");
    LLVMValueRef is_nan = LLVMBuildICmp(at, LLVMIntUGT, rest, const_int(i32, 0x7f800000), "");
    LLVMValueRef result = LLVMBuildSelect(at, is_tiny, tiny, normal, "");
    result = LLVMBuildSelect(at, is_huge, const_int(i32, 0x7c00), result, "");
    result = LLVMBuildSelect(at, is_nan, const_int(i32, 0x7e00), result, "");
    return LLVMBuildTrunc(at, LLVMBuildOr(at, result, sign, ""), vector_of(e->i16, lanes), "");
}

static LLVMValueRef to_bool(LlvmEmit *e, LType from, LLVMValueRef value)
{
    LLVMValueRef zero = LLVMConstNull(type_of(e, from));
    if (dtype_is_float(from.dtype)) return LLVMBuildFCmp(e->builder, LLVMRealUNE, value, zero, "");
    return LLVMBuildICmp(e->builder, LLVMIntNE, value, zero, "");
}

/* Out of the integer type's range LLVM's result is poison: frozen, it is merely some value. */
static LLVMValueRef float_to_int(LlvmEmit *e, LType to, LLVMValueRef value)
{
    LLVMTypeRef type = type_of(e, to);
    value = dtype_is_signed(to.dtype) ? LLVMBuildFPToSI(e->builder, value, type, "")
                                      : LLVMBuildFPToUI(e->builder, value, type, "");
    return LLVMBuildFreeze(e->builder, value, "");
}

static LLVMValueRef from_int(LlvmEmit *e, LType from, LType to, LLVMValueRef value)
{
    LLVMBuilderRef at = e->builder;
    LLVMTypeRef type = type_of(e, to);
    bool sign = dtype_is_signed(from.dtype);
    if (dtype_is_float(to.dtype))
        return sign ? LLVMBuildSIToFP(at, value, type, "") : LLVMBuildUIToFP(at, value, type, "");
    return LLVMBuildIntCast2(at, value, type, sign, "");
}

LLVMValueRef emit_cast(LlvmEmit *e, LType from, LType to, LLVMValueRef value)
{
    LLVMBuilderRef at = e->builder;
    int lanes = to.lanes;
    if (from.dtype == to.dtype) return value;
    if (from.dtype == DT_F16 || from.dtype == DT_BF16) {
        value = from.dtype == DT_F16 ? f16_widen(e, value, lanes) : bf16_widen(e, value, lanes);
        return emit_cast(e, (LType){DT_F32, lanes}, to, value);
    }
    if (to.dtype == DT_F16 || to.dtype == DT_BF16) {
        value = emit_cast(e, from, (LType){DT_F32, lanes}, value);
        return to.dtype == DT_F16 ? f16_narrow(e, value, lanes) : bf16_narrow(e, value, lanes);
    }
    if (to.dtype == DT_BOOL) return to_bool(e, from, value);
    if (!dtype_is_float(from.dtype)) return from_int(e, from, to, value);
    if (!dtype_is_float(to.dtype)) return float_to_int(e, to, value);
    return to.dtype == DT_F64 ? LLVMBuildFPExt(at, value, type_of(e, to), "")
                              : LLVMBuildFPTrunc(at, value, type_of(e, to), "");
}
