/* Basic blocks: making one, and going to it. */
#include "backend/llvm/emit.h"

bool emit_is_open(const LlvmEmit *e)
{
    return LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(e->builder)) == NULL;
}

LLVMBasicBlockRef emit_new_block(LlvmEmit *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

void emit_goto(LlvmEmit *e, LLVMBasicBlockRef to)
{
    if (emit_is_open(e)) LLVMBuildBr(e->builder, to);
}
