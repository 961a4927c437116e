/* Loads and stores: contiguous, strided, and limited to the first lanes.
 *
 * Addresses keep their constant part apart (base + variable, then + constant): after unrolling, the
 * many accesses of a tile then share one pointer and differ in the displacement, which is free. */
#include "backend/llvm/emit.h"
#include "ir/dtype.h"
#include <assert.h>

/* ---- Addresses ---- */

/* Splits a sum: what is returned plus *constant is `value`. NULL stands for zero. */
static LLVMValueRef split_constant(LlvmEmit *e, LLVMValueRef value, int depth, int64_t *constant)
{
    *constant = 0;
    if (LLVMIsAConstantInt(value)) {
        *constant = LLVMConstIntGetSExtValue(value);
        return NULL;
    }
    LLVMOpcode op = LLVMIsAInstruction(value) ? LLVMGetInstructionOpcode(value) : LLVMRet;
    if (depth == 0 || (op != LLVMAdd && op != LLVMMul)) return value;
    int64_t left, right;
    LLVMValueRef a = split_constant(e, LLVMGetOperand(value, 0), depth - 1, &left);
    LLVMValueRef b = split_constant(e, LLVMGetOperand(value, 1), depth - 1, &right);
    if (op == LLVMAdd) {
        if (!left && !right) return value;
        *constant = (int64_t)((uint64_t)left + (uint64_t)right);
        return a && b ? LLVMBuildAdd(e->builder, a, b, "") : a ? a : b;
    }
    if (!a || b || !left) return value; /* only (x + left) * right */
    *constant = (int64_t)((uint64_t)left * (uint64_t)right);
    return LLVMBuildMul(e->builder, a, LLVMGetOperand(value, 1), "");
}

static LLVMValueRef address(LlvmEmit *e, const Inst *inst, LLVMValueRef index, int64_t more)
{
    LLVMTypeRef element = type_in_memory(e, inst->param->dtype);
    LLVMValueRef base = e->params[inst->param->index];
    int64_t constant;
    LLVMValueRef rest = split_constant(e, index, 8, &constant);
    constant += more;
    if (rest) base = LLVMBuildGEP2(e->builder, element, base, &rest, 1, "");
    if (!constant) return base;
    LLVMValueRef offset = const_i64(e, constant);
    return LLVMBuildGEP2(e->builder, element, base, &offset, 1, "");
}

static unsigned element_size(const Inst *inst)
{
    return (unsigned)dtype_size(inst->param->dtype);
}

/* ---- Between memory and registers: bool is a byte, 0 or not 0 ---- */

static LLVMValueRef from_memory(LlvmEmit *e, const Inst *inst, LLVMValueRef value)
{
    if (inst->param->dtype != DT_BOOL) return value;
    return LLVMBuildICmp(e->builder, LLVMIntNE, value, LLVMConstNull(LLVMTypeOf(value)), "");
}

static LLVMValueRef to_memory(LlvmEmit *e, const Inst *inst, LLVMValueRef value, int lanes)
{
    if (inst->param->dtype != DT_BOOL) return value;
    return LLVMBuildZExt(e->builder, value, vector_of(e->i8, lanes), "");
}

static LLVMValueRef load_at(LlvmEmit *e, const Inst *inst, LLVMTypeRef type, LLVMValueRef from)
{
    LLVMValueRef value = LLVMBuildLoad2(e->builder, type, from, "");
    LLVMSetAlignment(value, element_size(inst));
    return value;
}

static void store_at(LlvmEmit *e, const Inst *inst, LLVMValueRef value, LLVMValueRef to)
{
    LLVMSetAlignment(LLVMBuildStore(e->builder, value, to), element_size(inst));
}

/* ---- Limits ---- */

/* Lane i is on when i < limit. Compared as i32, which is half the work: the limit is clamped. */
static LLVMValueRef limit_mask(LlvmEmit *e, LLVMValueRef limit, int lanes)
{
    LLVMBuilderRef at = e->builder;
    LLVMValueRef zero = const_i64(e, 0), most = const_i64(e, lanes);
    LLVMValueRef low = LLVMBuildICmp(at, LLVMIntSGT, limit, zero, "");
    limit = LLVMBuildSelect(at, low, limit, zero, "");
    LLVMValueRef high = LLVMBuildICmp(at, LLVMIntSLT, limit, most, "");
    limit = LLVMBuildTrunc(at, LLVMBuildSelect(at, high, limit, most, ""), e->i32, "");
    return LLVMBuildICmp(at, LLVMIntSLT, const_iota(e->i32, lanes), splat(e, limit, lanes), "");
}

/* The limit, or NULL when there is none or it is no limit. */
static LLVMValueRef limit_of(LlvmEmit *e, const Inst *inst, int lanes)
{
    if (!inst->limit) return NULL;
    LLVMValueRef limit = value_of(e, inst->limit);
    if (LLVMIsAConstantInt(limit) && LLVMConstIntGetSExtValue(limit) >= lanes) return NULL;
    return limit;
}

static LLVMValueRef any_lane(LlvmEmit *e, LLVMValueRef limit)
{
    return LLVMBuildICmp(e->builder, LLVMIntSGT, limit, const_i64(e, 0), "");
}

/* ---- Strides ---- */

/* True when the elements follow each other. *constant: the stride is known, and is *step. */
static bool stride_of(LlvmEmit *e, const Inst *inst, LLVMValueRef *stride, bool *constant,
                      int64_t *step)
{
    *stride = inst->stride ? value_of(e, inst->stride) : const_i64(e, 1);
    *constant = LLVMIsAConstantInt(*stride) != NULL;
    *step = *constant ? LLVMConstIntGetSExtValue(*stride) : 0;
    return *constant && *step == 1;
}

static LLVMValueRef lane_address(LlvmEmit *e, const Inst *inst, LLVMValueRef index,
                                 LLVMValueRef stride, int64_t lane)
{
    LLVMValueRef offset = LLVMBuildMul(e->builder, stride, const_i64(e, lane), "");
    if (LLVMIsAConstantInt(offset))
        return address(e, inst, index, LLVMConstIntGetSExtValue(offset));
    return address(e, inst, LLVMBuildAdd(e->builder, index, offset, ""), 0);
}

/* Addresses of all lanes, for gather and scatter. */
static LLVMValueRef lane_pointers(LlvmEmit *e, const Inst *inst, LLVMValueRef index,
                                  LLVMValueRef stride, int lanes)
{
    LLVMValueRef base = address(e, inst, index, 0);
    LLVMValueRef offsets =
        LLVMBuildMul(e->builder, const_iota(e->i64, lanes), splat(e, stride, lanes), "");
    return LLVMBuildGEP2(e->builder, type_in_memory(e, inst->param->dtype), base, &offsets, 1, "");
}

/* Every second element: two loads that end exactly at the last one, and a shuffle. */
static LLVMValueRef load_pairs(LlvmEmit *e, const Inst *inst, LLVMTypeRef type, LLVMValueRef index,
                               int lanes)
{
    LLVMValueRef picks[64];
    assert(lanes <= 64);
    LLVMValueRef low = load_at(e, inst, type, address(e, inst, index, 0));
    LLVMValueRef high = load_at(e, inst, type, address(e, inst, index, lanes - 1));
    for (int i = 0; i < lanes; i++)
        picks[i] = const_i32(e, 2 * i < lanes ? 2 * i : 2 * i - (lanes - 1) + lanes);
    LLVMValueRef mask = LLVMConstVector(picks, (unsigned)lanes);
    return LLVMBuildShuffleVector(e->builder, low, high, mask, "");
}

static LLVMValueRef load_strided(LlvmEmit *e, const Inst *inst, LLVMTypeRef type,
                                 LLVMValueRef index, LLVMValueRef stride)
{
    int lanes = inst->type.lanes;
    LLVMTypeRef element = type_in_memory(e, inst->param->dtype);
    LLVMValueRef value = LLVMGetPoison(type);
    for (int i = 0; i < lanes; i++) {
        LLVMValueRef one = load_at(e, inst, element, lane_address(e, inst, index, stride, i));
        value = LLVMBuildInsertElement(e->builder, value, one, const_i32(e, i), "");
    }
    return value;
}

static LLVMValueRef load_masked(LlvmEmit *e, const Inst *inst, LLVMTypeRef type, LLVMValueRef index,
                                LLVMValueRef limit)
{
    LLVMTypeRef types[2] = {type, e->ptr};
    LLVMValueRef at = address(e, inst, index, 0), mask = limit_mask(e, limit, inst->type.lanes);
    LLVMValueRef args[4] = {at, const_i32(e, element_size(inst)), mask, LLVMConstNull(type)};
    return call_intrinsic(e, "llvm.masked.load", types, 2, args, 4);
}

static LLVMValueRef load_gather(LlvmEmit *e, const Inst *inst, LLVMTypeRef type, LLVMValueRef index,
                                LLVMValueRef stride, LLVMValueRef limit)
{
    int lanes = inst->type.lanes;
    LLVMTypeRef types[2] = {type, vector_of(e->ptr, lanes)};
    LLVMValueRef at = lane_pointers(e, inst, index, stride, lanes);
    LLVMValueRef mask = limit_mask(e, limit, lanes);
    LLVMValueRef args[4] = {at, const_i32(e, element_size(inst)), mask, LLVMConstNull(type)};
    return call_intrinsic(e, "llvm.masked.gather", types, 2, args, 4);
}

static LLVMValueRef load_vector(LlvmEmit *e, const Inst *inst, LLVMValueRef index)
{
    int lanes = inst->type.lanes;
    LLVMTypeRef type = vector_of(type_in_memory(e, inst->param->dtype), lanes);
    LLVMValueRef limit = limit_of(e, inst, lanes), stride;
    bool constant;
    int64_t step;
    if (stride_of(e, inst, &stride, &constant, &step))
        return limit ? load_masked(e, inst, type, index, limit)
                     : load_at(e, inst, type, address(e, inst, index, 0));
    if (limit) return load_gather(e, inst, type, index, stride, limit);
    if (constant && step == 2 && lanes <= 64) return load_pairs(e, inst, type, index, lanes);
    return load_strided(e, inst, type, index, stride);
}

static LLVMValueRef load_scalar(LlvmEmit *e, const Inst *inst, LLVMValueRef index)
{
    LLVMTypeRef type = type_in_memory(e, inst->param->dtype);
    LLVMValueRef limit = limit_of(e, inst, 1);
    if (!limit) return load_at(e, inst, type, address(e, inst, index, 0));
    LLVMBasicBlockRef from = LLVMGetInsertBlock(e->builder);
    LLVMBasicBlockRef inside = emit_new_block(e, "in"), after = emit_new_block(e, "past");
    LLVMBuildCondBr(e->builder, any_lane(e, limit), inside, after);
    LLVMPositionBuilderAtEnd(e->builder, inside);
    LLVMValueRef values[2] = {load_at(e, inst, type, address(e, inst, index, 0)),
                              LLVMConstNull(type)};
    LLVMBasicBlockRef blocks[2] = {LLVMGetInsertBlock(e->builder), from};
    emit_goto(e, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
    LLVMValueRef phi = LLVMBuildPhi(e->builder, type, "");
    LLVMAddIncoming(phi, values, blocks, 2);
    return phi;
}

LLVMValueRef emit_load(LlvmEmit *e, const Inst *inst)
{
    LLVMValueRef index = value_of(e, inst->arg[0]);
    LLVMValueRef value =
        inst->type.lanes > 1 ? load_vector(e, inst, index) : load_scalar(e, inst, index);
    return from_memory(e, inst, value);
}

/* ---- Stores ---- */

static void store_masked(LlvmEmit *e, const Inst *inst, LLVMValueRef index, LLVMValueRef value,
                         LLVMValueRef limit, int lanes)
{
    LLVMTypeRef types[2] = {LLVMTypeOf(value), e->ptr};
    LLVMValueRef at = address(e, inst, index, 0), mask = limit_mask(e, limit, lanes);
    LLVMValueRef args[4] = {value, at, const_i32(e, element_size(inst)), mask};
    call_intrinsic(e, "llvm.masked.store", types, 2, args, 4);
}

static void store_scatter(LlvmEmit *e, const Inst *inst, LLVMValueRef index, LLVMValueRef value,
                          LLVMValueRef stride, LLVMValueRef limit, int lanes)
{
    LLVMTypeRef types[2] = {LLVMTypeOf(value), vector_of(e->ptr, lanes)};
    LLVMValueRef at = lane_pointers(e, inst, index, stride, lanes);
    LLVMValueRef mask = limit_mask(e, limit, lanes);
    LLVMValueRef args[4] = {value, at, const_i32(e, element_size(inst)), mask};
    call_intrinsic(e, "llvm.masked.scatter", types, 2, args, 4);
}

static void store_vector(LlvmEmit *e, const Inst *inst, LLVMValueRef index, LLVMValueRef value,
                         int lanes)
{
    LLVMValueRef limit = limit_of(e, inst, lanes), stride;
    bool constant;
    int64_t step;
    bool follows = stride_of(e, inst, &stride, &constant, &step);
    if (follows && limit) {
        store_masked(e, inst, index, value, limit, lanes);
    } else if (follows) {
        store_at(e, inst, value, address(e, inst, index, 0));
    } else if (limit) {
        store_scatter(e, inst, index, value, stride, limit, lanes);
    } else {
        for (int i = 0; i < lanes; i++) {
            LLVMValueRef one = LLVMBuildExtractElement(e->builder, value, const_i32(e, i), "");
            store_at(e, inst, one, lane_address(e, inst, index, stride, i));
        }
    }
}

static void store_scalar(LlvmEmit *e, const Inst *inst, LLVMValueRef index, LLVMValueRef value)
{
    LLVMValueRef limit = limit_of(e, inst, 1);
    LLVMBasicBlockRef after = NULL;
    if (limit) {
        LLVMBasicBlockRef inside = emit_new_block(e, "in");
        after = emit_new_block(e, "past");
        LLVMBuildCondBr(e->builder, any_lane(e, limit), inside, after);
        LLVMPositionBuilderAtEnd(e->builder, inside);
    }
    store_at(e, inst, value, address(e, inst, index, 0));
    if (!after) return;
    emit_goto(e, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

void emit_store(LlvmEmit *e, const Inst *inst)
{
    int lanes = inst->arg[1]->type.lanes;
    LLVMValueRef index = value_of(e, inst->arg[0]);
    LLVMValueRef value = to_memory(e, inst, value_of(e, inst->arg[1]), lanes);
    if (lanes > 1)
        store_vector(e, inst, index, value, lanes);
    else
        store_scalar(e, inst, index, value);
}
