/* Sizes as C expressions. */
#include "backend/c/emit.h"

/* The size t with s = -t, when s has a constant negative factor or is one; its factor is in *by. */
static const Size *negated(const Size *s, int64_t *by)
{
    if (s->kind == SIZE_MUL && size_is_const(s->a) && s->a->value < 0) {
        *by = -s->a->value;
        return s->b;
    }
    if (s->kind == SIZE_MUL && size_is_const(s->b) && s->b->value < 0) {
        *by = -s->b->value;
        return s->a;
    }
    return NULL;
}

static Expr size_sum(CEmit *e, const Size *a, const Size *b, const char *const *names)
{
    Arena *arena = e->arena;
    int64_t by = 1;
    if ((negated(a, &by) || (size_is_const(a) && !negated(b, &by)))) { /* x - 1 and not -1 + x */
        const Size *swap = a;
        a = b;
        b = swap;
    }
    const char *left = c_paren(arena, c_size(e, a, names), PREC_ADD);
    if (size_is_const(b) && b->value < 0 && b->value > INT64_MIN) {
        Expr right = c_int(arena, DT_I64, -b->value);
        return (Expr){arena_printf(arena, "%s - %s", left, right.text), PREC_ADD};
    }
    const Size *positive = negated(b, &by);
    if (!positive) {
        const char *right = c_paren(arena, c_size(e, b, names), PREC_ADD);
        return (Expr){arena_printf(arena, "%s + %s", left, right), PREC_ADD};
    }
    const char *right = c_paren(arena, c_size(e, positive, names), PREC_MUL);
    if (by == 1) return (Expr){arena_printf(arena, "%s - %s", left, right), PREC_ADD};
    const char *factor = c_int(arena, DT_I64, by).text;
    return (Expr){arena_printf(arena, "%s - %s * %s", left, factor, right), PREC_ADD};
}

static Expr size_quotient(CEmit *e, const Size *size, const char *const *names)
{
    bool mod = size->kind == SIZE_MOD;
    Expr a = c_size(e, size->a, names), b = c_size(e, size->b, names);
    if (size_lower(e->program->sizes, size->a) >= 0) {
        const char *left = c_paren(e->arena, a, PREC_MUL),
                   *right = c_paren(e->arena, b, PREC_UNARY);
        return (Expr){arena_printf(e->arena, "%s %s %s", left, mod ? "%" : "/", right), PREC_MUL};
    }
    const char *helper = helper_scalar(e, mod ? "floor_mod" : "floor_div", DT_I64);
    return (Expr){arena_printf(e->arena, "%s(%s, %s)", helper, a.text, b.text), PREC_POSTFIX};
}

Expr c_size(CEmit *e, const Size *size, const char *const *names)
{
    Arena *arena = e->arena;
    switch (size->kind) {
    case SIZE_CONST: return c_int(arena, DT_I64, size->value);
    case SIZE_SYM:
        if (names && names[size->sym]) return (Expr){names[size->sym], PREC_POSTFIX};
        return (Expr){arena_printf(arena, "sizes[%s]", e->sym_enums[size->sym]), PREC_POSTFIX};
    case SIZE_ADD: return size_sum(e, size->a, size->b, names);
    case SIZE_MUL: {
        const Size *a = size->a, *b = size->b;
        const char *left = c_paren(arena, c_size(e, a, names), PREC_MUL);
        Prec least = b->kind == SIZE_MUL ? PREC_MUL : PREC_UNARY;
        const char *right = c_paren(arena, c_size(e, b, names), least);
        return (Expr){arena_printf(arena, "%s * %s", left, right), PREC_MUL};
    }
    case SIZE_DIV:
    case SIZE_MOD: return size_quotient(e, size, names);
    case SIZE_LEAST:
    case SIZE_MOST: {
        const char *helper = helper_scalar(e, size->kind == SIZE_LEAST ? "min" : "max", DT_I64);
        Expr a = c_size(e, size->a, names), b = c_size(e, size->b, names);
        return (Expr){arena_printf(arena, "%s(%s, %s)", helper, a.text, b.text), PREC_POSTFIX};
    }
    }
    return (Expr){"0", PREC_POSTFIX};
}
