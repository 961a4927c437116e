/* Operators: lookups over the one table. */
#include "ir/ops.h"

#include <string.h>

static const OpInfo infos[] = {
#define OP(id, name, since, in_min, in_max, out_min, out_max, traits, shape, point, lower, attrs)  \
    {#id, name, since, in_min, in_max, out_min, out_max, traits, attrs},
#include "ir/ops.def"
#undef OP
};

const OpInfo *op_info(OpCode op)
{
    return &infos[op];
}

OpCode op_find(const char *name, size_t length)
{
    for (int op = 0; op < OP_COUNT; op++) {
        if (strlen(infos[op].name) == length && !memcmp(infos[op].name, name, length))
            return (OpCode)op;
    }
    return OP_COUNT;
}
