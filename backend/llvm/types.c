/* Types, constants, external functions and sizes in LLVM's terms. */
#include "backend/llvm/emit.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

void emit_types(LlvmEmit *e)
{
    e->i1 = LLVMInt1TypeInContext(e->context);
    e->i8 = LLVMInt8TypeInContext(e->context);
    e->i16 = LLVMInt16TypeInContext(e->context);
    e->i32 = LLVMInt32TypeInContext(e->context);
    e->i64 = LLVMInt64TypeInContext(e->context);
    e->f16 = e->native_f16 ? LLVMHalfTypeInContext(e->context) : e->i16;
    e->f32 = LLVMFloatTypeInContext(e->context);
    e->f64 = LLVMDoubleTypeInContext(e->context);
    e->ptr = LLVMPointerTypeInContext(e->context, 0);
    e->none = LLVMVoidTypeInContext(e->context);
    LLVMTypeRef task[3] = {e->ptr, e->i64, e->i64};
    e->task_fn = LLVMFunctionType(e->none, task, 3, 0);
}

LLVMTypeRef type_of_dtype(const LlvmEmit *e, DType dtype)
{
    switch (dtype) {
    case DT_BOOL: return e->i1;
    case DT_I8:
    case DT_U8: return e->i8;
    case DT_I16:
    case DT_U16:
    case DT_BF16: return e->i16;
    case DT_I32:
    case DT_U32: return e->i32;
    case DT_I64:
    case DT_U64: return e->i64;
    case DT_F16: return e->f16;
    case DT_F32: return e->f32;
    case DT_F64: return e->f64;
    default: assert(false && "a value without a type"); return e->i32;
    }
}

LLVMTypeRef type_in_memory(const LlvmEmit *e, DType dtype)
{
    return dtype == DT_BOOL ? e->i8 : type_of_dtype(e, dtype);
}

LLVMTypeRef vector_of(LLVMTypeRef element, int lanes)
{
    return lanes > 1 ? LLVMVectorType(element, (unsigned)lanes) : element;
}

LLVMTypeRef type_of(const LlvmEmit *e, LType type)
{
    return vector_of(type_of_dtype(e, type.dtype), type.lanes);
}

LLVMValueRef const_i64(const LlvmEmit *e, int64_t value)
{
    return LLVMConstInt(e->i64, (unsigned long long)value, 1);
}

LLVMValueRef const_i32(const LlvmEmit *e, int64_t value)
{
    return LLVMConstInt(e->i32, (unsigned long long)value, 1);
}

static LLVMValueRef const_splat(LLVMValueRef scalar, int lanes)
{
    enum { MOST = 1024 };
    LLVMValueRef items[MOST];
    assert(lanes <= MOST);
    for (int i = 0; i < lanes; i++) items[i] = scalar;
    return lanes > 1 ? LLVMConstVector(items, (unsigned)lanes) : scalar;
}

LLVMValueRef const_int(LLVMTypeRef type, int64_t value)
{
    if (LLVMGetTypeKind(type) != LLVMVectorTypeKind)
        return LLVMConstInt(type, (unsigned long long)value, 1);
    LLVMTypeRef element = LLVMGetElementType(type);
    return const_splat(LLVMConstInt(element, (unsigned long long)value, 1),
                       (int)LLVMGetVectorSize(type));
}

LLVMValueRef const_iota(LLVMTypeRef element, int lanes)
{
    enum { MOST = 1024 };
    LLVMValueRef items[MOST];
    assert(lanes <= MOST);
    for (int i = 0; i < lanes; i++) items[i] = LLVMConstInt(element, (unsigned long long)i, 0);
    return lanes > 1 ? LLVMConstVector(items, (unsigned)lanes) : items[0];
}

static LLVMValueRef const_float(const LlvmEmit *e, DType dtype, double number)
{
    LLVMTypeRef type = type_of_dtype(e, dtype);
    if (dtype == DT_BF16) return LLVMConstInt(type, f32_to_bf16((float)number), 0);
    if (dtype == DT_F16) {
        LLVMValueRef bits = LLVMConstInt(e->i16, f32_to_f16((float)number), 0);
        return LLVMConstBitCast(bits, type);
    }
    if (dtype == DT_F32) number = (double)(float)number;
    return LLVMConstReal(type, number);
}

LLVMValueRef const_value(const LlvmEmit *e, const Inst *inst)
{
    DType dtype = inst->type.dtype;
    LLVMValueRef scalar;
    if (dtype_is_float(dtype))
        scalar = const_float(e, dtype, inst->op == LI_FLT ? inst->number : (double)inst->value);
    else
        scalar = LLVMConstInt(type_of_dtype(e, dtype), (unsigned long long)inst->value, 1);
    return const_splat(scalar, inst->type.lanes);
}

LLVMValueRef splat(LlvmEmit *e, LLVMValueRef scalar, int lanes)
{
    if (lanes <= 1) return scalar;
    if (LLVMIsConstant(scalar)) return const_splat(scalar, lanes);
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)lanes);
    LLVMValueRef one =
        LLVMBuildInsertElement(e->builder, LLVMGetPoison(type), scalar, const_i32(e, 0), "");
    LLVMValueRef mask = LLVMConstNull(LLVMVectorType(e->i32, (unsigned)lanes));
    return LLVMBuildShuffleVector(e->builder, one, LLVMGetPoison(type), mask, "");
}

LLVMValueRef call_intrinsic(LlvmEmit *e, const char *name, LLVMTypeRef *types, size_t type_count,
                            LLVMValueRef *args, unsigned arg_count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    assert(id && "no such intrinsic");
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, type_count);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, types, type_count);
    return LLVMBuildCall2(e->builder, type, function, args, arg_count, "");
}

static void add_attribute(LlvmEmit *e, LLVMValueRef function, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, kind, value));
}

/* libm's function: no side effect is of interest (errno, exception flags), so that calls can be
 * merged and hoisted, but LLVM must not replace one by another that rounds differently. */
static LLVMValueRef libm_function(LlvmEmit *e, const char *name, LLVMTypeRef type)
{
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function) return function;
    function = LLVMAddFunction(e->module, name, type);
    add_attribute(e, function, "nounwind", 0);
    add_attribute(e, function, "willreturn", 0);
    add_attribute(e, function, "nobuiltin", 0);
    add_attribute(e, function, "memory", 0); /* none */
    return function;
}

LLVMValueRef call_libm(LlvmEmit *e, const char *name, LType type, LLVMValueRef *args,
                       unsigned arg_count)
{
    char full[32];
    snprintf(full, sizeof full, "%s%s", name, type.dtype == DT_F32 ? "f" : "");
    LLVMTypeRef element = type_of_dtype(e, type.dtype), list[2] = {element, element};
    LLVMTypeRef fn_type = LLVMFunctionType(element, list, arg_count, 0);
    LLVMValueRef function = libm_function(e, full, fn_type);
    if (type.lanes == 1) return LLVMBuildCall2(e->builder, fn_type, function, args, arg_count, "");
    LLVMValueRef result = LLVMGetPoison(type_of(e, type));
    for (int i = 0; i < type.lanes; i++) {
        LLVMValueRef lane[2];
        for (unsigned k = 0; k < arg_count; k++)
            lane[k] = LLVMBuildExtractElement(e->builder, args[k], const_i32(e, i), "");
        LLVMValueRef one = LLVMBuildCall2(e->builder, fn_type, function, lane, arg_count, "");
        result = LLVMBuildInsertElement(e->builder, result, one, const_i32(e, i), "");
    }
    return result;
}

/* ---- Sizes ---- */

void sizes_forget(LlvmEmit *e)
{
    if (e->slots) memset(e->slots, 0, e->slot_count * sizeof *e->slots);
    e->slot_used = 0;
}

static SizeSlot *size_slot(LlvmEmit *e, const Size *size)
{
    unsigned mask = e->slot_count - 1, i = (unsigned)size->hash & mask;
    while (e->slots[i].size && e->slots[i].size != size) i = (i + 1) & mask;
    return &e->slots[i];
}

static void size_room(LlvmEmit *e)
{
    if (e->slots && e->slot_used * 2 < e->slot_count) return;
    SizeSlot *old = e->slots;
    unsigned old_count = old ? e->slot_count : 0;
    e->slot_count = old_count ? old_count * 2 : 64;
    e->slots = arena_array(e->arena, e->slot_count, sizeof *e->slots);
    for (unsigned i = 0; i < old_count; i++)
        if (old[i].size) *size_slot(e, old[i].size) = old[i];
}

/* Floor division and its remainder, for positive b; 0 for another b, so that nothing traps. */
static LLVMValueRef size_divide(LlvmEmit *e, SizeKind kind, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef at = e->size_builder;
    LLVMValueRef zero = const_i64(e, 0), good = NULL;
    if (!LLVMIsAConstantInt(b)) {
        good = LLVMBuildICmp(at, LLVMIntSGT, b, zero, "");
        b = LLVMBuildSelect(at, good, b, const_i64(e, 1), "");
    }
    LLVMValueRef rest = LLVMBuildSRem(at, a, b, ""), result;
    LLVMValueRef negative = LLVMBuildICmp(at, LLVMIntSLT, rest, zero, "");
    if (kind == SIZE_MOD) {
        result = LLVMBuildSelect(at, negative, LLVMBuildAdd(at, rest, b, ""), rest, "");
    } else {
        LLVMValueRef quotient = LLVMBuildSDiv(at, a, b, "");
        result = LLVMBuildAdd(at, quotient, LLVMBuildSExt(at, negative, e->i64, ""), "");
    }
    return good ? LLVMBuildSelect(at, good, result, zero, "") : result;
}

static LLVMValueRef size_compute(LlvmEmit *e, const Size *size)
{
    LLVMBuilderRef at = e->size_builder;
    if (size->kind == SIZE_SYM) {
        LLVMValueRef index = const_i64(e, size->sym);
        LLVMValueRef from = LLVMBuildGEP2(at, e->i64, e->sizes, &index, 1, "");
        return LLVMBuildLoad2(at, e->i64, from, "");
    }
    LLVMValueRef a = size_value(e, size->a), b = size_value(e, size->b), less;
    switch (size->kind) {
    case SIZE_ADD: return LLVMBuildAdd(at, a, b, "");
    case SIZE_MUL: return LLVMBuildMul(at, a, b, "");
    case SIZE_DIV:
    case SIZE_MOD: return size_divide(e, size->kind, a, b);
    case SIZE_LEAST:
    case SIZE_MOST:
        less = LLVMBuildICmp(at, size->kind == SIZE_LEAST ? LLVMIntSLT : LLVMIntSGT, a, b, "");
        return LLVMBuildSelect(at, less, a, b, "");
    default: assert(false && "size kind"); return a;
    }
}

LLVMValueRef size_value(LlvmEmit *e, const Size *size)
{
    if (size->kind == SIZE_CONST) return const_i64(e, size->value);
    if (e->slots) {
        SizeSlot *known = size_slot(e, size);
        if (known->size) return known->value;
    }
    LLVMValueRef value = size_compute(e, size);
    size_room(e);
    *size_slot(e, size) = (SizeSlot){size, value};
    e->slot_used++;
    return value;
}

LLVMValueRef value_of(LlvmEmit *e, const Inst *inst)
{
    if (inst->op == LI_INT || inst->op == LI_FLT) return const_value(e, inst);
    if (inst->op == LI_SIZE) return size_value(e, inst->size);
    LLVMValueRef value = e->values[inst->id];
    assert(value && "used before it is computed");
    return value;
}
