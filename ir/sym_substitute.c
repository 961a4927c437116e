/* A symbol replaced in an expression, which is simplified anew. */
#include "ir/sym.h"

const Size *size_substitute(SizeTable *table, const Size *size, int sym, const Size *by)
{
    if (size->kind == SIZE_CONST) return size;
    if (size->kind == SIZE_SYM) return size->sym == sym ? by : size;
    const Size *a = size_substitute(table, size->a, sym, by);
    const Size *b = size_substitute(table, size->b, sym, by);
    if (a == size->a && b == size->b) return size;
    switch (size->kind) {
    case SIZE_ADD: return size_add(table, a, b);
    case SIZE_MUL: return size_mul(table, a, b);
    case SIZE_DIV: return size_div(table, a, b);
    case SIZE_MOD: return size_mod(table, a, b);
    case SIZE_LEAST: return size_min(table, a, b);
    default: return size_max(table, a, b);
    }
}
