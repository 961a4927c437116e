/* Operators: lookups over the one table. */
#include "ir/ops.h"

#include <string.h>

static const OpInfo infos[] = {
#define OP(op, text, opset, ...) [OP_##op] = {.id = #op, .name = text, .since = opset, __VA_ARGS__},
#define IN(min, max)             .in_min = min, .in_max = max,
#define OUT(min, max)            .out_min = min, .out_max = max,
#define ATTRS(text)              .attrs = text,
#define TYPES(text)              .types = text,
#define TRAITS(flags)            .traits = flags,
#define SIZES(inputs)            .sizes = inputs,
#define ONCE(inputs)             .once = inputs,
#define POINT(rule)              .has_point = true,
#define VIEW(rule)               .is_view = true,
#define EXPAND(rule)             .expands = true,
#define MEASURED(rule, as, in)   .measures = true,
#define GRADIENT(rule)           .has_gradient = true,
#include "ir/ops.def"
};

const OpInfo *op_info(OpCode op)
{
    return &infos[op];
}

static bool has_input(unsigned set, int input)
{
    return input < 32 && (set >> input & 1u);
}

bool op_is_size(OpCode op, int input)
{
    return has_input(infos[op].sizes, input);
}

bool op_loads_once(OpCode op, int input)
{
    return has_input(infos[op].once, input);
}

OpCode op_find(const char *name, size_t length)
{
    for (int op = 0; op < OP_COUNT; op++) {
        if (strlen(infos[op].name) == length && !memcmp(infos[op].name, name, length))
            return (OpCode)op;
    }
    return OP_COUNT;
}
