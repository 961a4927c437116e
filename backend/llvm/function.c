/* Functions of the module and their parameters, with the attributes that they have for LLVM. */
#include "backend/llvm/emit.h"

#include <string.h>

void emit_flag(LlvmEmit *e, LLVMValueRef function, unsigned at, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, at, LLVMCreateEnumAttribute(e->context, kind, value));
}

static void set_text(LlvmEmit *e, LLVMValueRef function, const char *name, const char *value)
{
    LLVMAttributeRef text = LLVMCreateStringAttribute(e->context, name, (unsigned)strlen(name),
                                                      value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, text);
}

LLVMValueRef emit_function(LlvmEmit *e, const char *name, LLVMTypeRef type, LLVMLinkage linkage)
{
    const unsigned whole = (unsigned)LLVMAttributeFunctionIndex;
    LLVMValueRef function = LLVMAddFunction(e->module, name, type);
    LLVMSetLinkage(function, linkage);
    emit_flag(e, function, whole, "nounwind", 0);
    emit_flag(e, function, whole, "noinline", 0);
    if (e->options->opt_level == 0) emit_flag(e, function, whole, "optnone", 0);
    if (e->options->cpu && *e->options->cpu) set_text(e, function, "target-cpu", e->options->cpu);
    if (e->options->features && *e->options->features)
        set_text(e, function, "target-features", e->options->features);
    if (e->options->vector_bits >= 512) {
        set_text(e, function, "prefer-vector-width", "512");
        set_text(e, function, "min-legal-vector-width", "512");
    }
    set_text(e, function, "frame-pointer", "none");
    set_text(e, function, "no-trapping-math", "true");
    LLVMSetSection(function, arena_printf(e->arena, ".text.%s", name));
    return function;
}

void emit_parameter(LlvmEmit *e, LLVMValueRef function, unsigned at, const Param *param)
{
    LLVMValueRef value = LLVMGetParam(function, at);
    LLVMSetValueName2(value, param->name, strlen(param->name));
    emit_flag(e, function, at + 1, "nocapture", 0);
    if (param->noalias) emit_flag(e, function, at + 1, "noalias", 0);
    if (!param->is_written) emit_flag(e, function, at + 1, "readonly", 0);
    if (!param->is_read && param->is_written) emit_flag(e, function, at + 1, "writeonly", 0);
    uint64_t align = param->align > 0 ? (uint64_t)param->align : dtype_size(param->dtype);
    emit_flag(e, function, at + 1, "align", align);
}
