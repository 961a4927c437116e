/* Sizes as C expressions over the symbols' values `s`, in what is written beside the emitted function. */
#include "backend/package/parts.h"

void package_size(Text *out, const Size *size)
{
    static const char *const calls[] = {[SIZE_DIV] = "floor_div",
                                        [SIZE_MOD] = "floor_mod",
                                        [SIZE_LEAST] = "least",
                                        [SIZE_MOST] = "largest"};
    switch (size->kind) {
    case SIZE_CONST: text_printf(out, "INT64_C(%lld)", (long long)size->value); return;
    case SIZE_SYM: text_printf(out, "s[%d]", size->sym); return;
    case SIZE_ADD:
    case SIZE_MUL:
        text_add(out, "(");
        package_size(out, size->a);
        text_add(out, size->kind == SIZE_ADD ? " + " : " * ");
        package_size(out, size->b);
        text_add(out, ")");
        return;
    default:
        text_printf(out, "%s(", calls[size->kind]);
        package_size(out, size->a);
        text_add(out, ", ");
        package_size(out, size->b);
        text_add(out, ")");
    }
}

void package_size_uses(const Size *size, bool *used)
{
    if (!size) return;
    used[size->kind] = true;
    if (size->kind == SIZE_CONST || size->kind == SIZE_SYM) return;
    package_size_uses(size->a, used);
    package_size_uses(size->b, used);
}

void package_size_helpers(Text *out, const bool *used)
{
    static const struct {
        SizeKind kind;
        const char *text;
    } helpers[] = {
        {SIZE_DIV, "static int64_t floor_div(int64_t a, int64_t b)\n{\n"
                   "    return a >= 0 ? a / b : -((b - 1 - a) / b);\n}\n\n"},
        {SIZE_MOD, "static int64_t floor_mod(int64_t a, int64_t b)\n{\n"
                   "    return (a % b + b) % b;\n}\n\n"},
        {SIZE_LEAST,
         "static int64_t least(int64_t a, int64_t b)\n{\n    return a < b ? a : b;\n}\n\n"},
        {SIZE_MOST,
         "static int64_t largest(int64_t a, int64_t b)\n{\n    return a > b ? a : b;\n}\n\n"},
    };
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
        if (used[helpers[i].kind]) text_add(out, helpers[i].text);
    }
}
