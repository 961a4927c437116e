/* Part of test_backend_c: programs for what is particular to emitting C. Uses llvm_cases.h. */
#ifndef LPC_TESTS_C_CASES_H
#define LPC_TESTS_C_CASES_H

#include "tests/unit/llvm_cases.h"

#include <math.h>

static int first_own_case;

static bool loops_has_vectors(const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->type.lanes > 1 || loops_has_vectors(&inst->body) || loops_has_vectors(&inst->els))
            return true;
    }
    return false;
}

/* Loads and cells read before a write to the same place and used after it. */
static void build_folding(Case *c, bool alias)
{
    Param *x = input(c, "x", DT_I32, N_MAX), *y = output(c, DT_I32, N_MAX);
    x->noalias = y->noalias = !alias;
    Builder *b = &c->b;
    Cell *cell = kb_cell(b, "y", (LType){DT_I32, 1}, kb_int(b, DT_I32, 3)); /* a name taken */
    kb_store(b, y, kb_i64(b, 0), kb_int(b, DT_I32, 77));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 1), kb_i64(b, 50), 1);
    Inst *old = kb_load(b, y, kb_addi(b, i, -1));
    Inst *now = kb_load(b, x, i);
    Inst *before = kb_get(b, cell);
    kb_store(b, y, kb_addi(b, i, -1), kb_mul(b, before, now));
    kb_set(b, cell, kb_add(b, kb_get(b, cell), old));
    kb_store(b, y, i, kb_sub(b, kb_mul(b, old, before), kb_get(b, cell)));
    kb_end(b);
    Inst *end = kb_load(b, y, kb_i64(b, 3)); /* a bound that the body changes */
    Inst *limit = kb_op(b, LI_AND, kb_cast(b, DT_I64, end), kb_i64(b, 31));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), limit, 1);
    kb_store(b, y, kb_i64(b, 3), kb_int(b, DT_I32, 9));
    kb_store(b, y, kb_addi(b, k, 60), kb_load(b, x, k));
    kb_end(b);
}

/* Shifts, wrapping sums of long expressions, negations, extremes. */
static void build_wrapping(Case *c, DType dtype, int lanes)
{
    Param *x = input(c, "x", dtype, N_MAX), *z = input(c, "z", dtype, N_MAX);
    Param *y = output(c, dtype, 1000);
    Builder *b = &c->b;
    int64_t low = dtype_min(dtype), high = dtype_max(dtype);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 96), lanes);
    Inst *p = kb_load_ex(b, x, i, lanes, NULL, NULL), *q = kb_load_ex(b, z, i, lanes, NULL, NULL);
    Inst *shift = kb_op(b, LI_AND, q, kb_int(b, dtype, 7));
    Inst *values[] = {
        kb_op(b, LI_SHL, p, shift),
        kb_op(b, LI_SHR, p, shift),
        kb_op(b, LI_SHL, kb_int(b, dtype, 1), shift),
        kb_sub(b, kb_mul(b, kb_add(b, p, q), kb_int(b, dtype, high)),
               kb_mul(b, p, kb_add(b, q, p))),
        kb_op1(b, LI_NEG, kb_op1(b, LI_NOT, p)),
        kb_op1(b, LI_ABS, kb_op(b, LI_MIN, p, kb_int(b, dtype, low))),
        kb_op(b, LI_DIV, kb_int(b, dtype, low), kb_op(b, LI_OR, q, kb_int(b, dtype, -2))),
        kb_op(b, LI_REM, p, kb_op(b, LI_OR, q, kb_int(b, dtype, -2))),
        kb_fma(b, p, q, kb_sub(b, p, kb_int(b, dtype, 1)))};
    for (int k = 0; k < 9; k++) kb_store(b, y, kb_addi(b, i, k * 100), values[k]);
    kb_end(b);
}

/* BREAK out of a serial loop through an unrolled one; nested serial loops. */
static void build_breaks(Case *c)
{
    Param *x = input(c, "x", DT_F32, N_MAX), *y = output(c, DT_I64, N_MAX);
    Builder *b = &c->b;
    Inst *r = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 20), 1);
    Cell *count = kb_cell(b, "count", (LType){DT_I64, 1}, kb_i64(b, 0));
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 1000), 1);
    Inst *u = kb_for(b, LOOP_UNROLLED, kb_i64(b, 0), kb_i64(b, 4), 1);
    Inst *seen = kb_load(b, x, kb_add(b, r, kb_op(b, LI_REM, kb_get(b, count), kb_i64(b, 70))));
    kb_if(b, kb_op(b, LI_AND, kb_op(b, LI_GT, seen, kb_float(b, DT_F32, 2)),
                   kb_op(b, LI_NE, u, kb_i64(b, 2))));
    kb_break(b);
    kb_end(b);
    accumulate(b, count, kb_i64(b, 1));
    kb_end(b);
    kb_end(b);
    kb_store(b, y, r, kb_get(b, count));
    kb_end(b);
    Cell *later = kb_cell(b, "later", (LType){DT_F32, 1}, NULL); /* set in the first iteration */
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 9), 1);
    kb_if(b, kb_op(b, LI_EQ, k, kb_i64(b, 0)));
    kb_set(b, later, kb_load(b, x, k));
    kb_else(b);
    kb_set(b, later, kb_mul(b, kb_get(b, later), kb_float(b, DT_F32, 0.5)));
    kb_end(b);
    kb_store(b, y, kb_addi(b, k, 40),
             kb_cast(b, DT_I64, kb_op(b, LI_LT, kb_get(b, later), kb_float(b, DT_F32, 1))));
    kb_end(b);
}

/* Constants of all kinds, and bool logic. */
static void build_literals(Case *c)
{
    static const double values[] = {0.0,  -0.0,   0.1,        1e-45,    3.4028234663852886e38,
                                    -1.5, 1e10,   16777217.0, INFINITY, -INFINITY,
                                    NAN,  5e-324, 1.0 / 3};
    Param *x = input(c, "x", DT_F64, N_MAX), *y = output(c, DT_F64, N_MAX);
    Param *f = buffer(c, "f", BUFFER_OUTPUT, DT_F32, N_MAX);
    Param *l = buffer(c, "l", BUFFER_OUTPUT, DT_I64, N_MAX);
    Param *h = buffer(c, "h", BUFFER_OUTPUT, DT_F16, N_MAX);
    Param *t = buffer(c, "t", BUFFER_OUTPUT, DT_BOOL, N_MAX);
    Builder *b = &c->b;
    static const int64_t ints[] = {
        0, -1, INT32_MAX, INT32_MIN, (int64_t)INT32_MAX + 1, INT64_MAX, INT64_MIN, -5000000000};
    for (int i = 0; i < 13; i++) {
        kb_store(b, y, kb_i64(b, i), kb_float(b, DT_F64, values[i]));
        kb_store(b, f, kb_i64(b, i), kb_float(b, DT_F32, values[i]));
        kb_store(b, h, kb_i64(b, i), kb_cast(b, DT_F16, kb_float(b, DT_F32, values[i])));
    }
    for (int i = 0; i < 8; i++) kb_store(b, l, kb_i64(b, i), kb_int(b, DT_I64, ints[i]));
    Inst *p = kb_op(b, LI_LT, kb_load(b, x, kb_i64(b, 0)), kb_load(b, x, kb_i64(b, 1)));
    Inst *q = kb_op(b, LI_LT, kb_load(b, x, kb_i64(b, 2)), kb_load(b, x, kb_i64(b, 3)));
    Inst *r = kb_op(b, LI_GE, kb_load(b, x, kb_i64(b, 4)), kb_float(b, DT_F64, -1));
    kb_store(b, t, kb_i64(b, 0), kb_op(b, LI_OR, kb_op(b, LI_AND, p, q), kb_op1(b, LI_NOT, r)));
    kb_store(b, t, kb_i64(b, 1), kb_op(b, LI_AND, kb_op(b, LI_OR, p, q), kb_op(b, LI_XOR, q, r)));
    kb_store(b, t, kb_i64(b, 2), kb_op(b, LI_EQ, kb_op(b, LI_LE, p, q), kb_op(b, LI_GT, q, r)));
    kb_store(b, y, kb_i64(b, 20),
             kb_select(b, kb_op(b, LI_EQ, p, r), kb_load(b, x, kb_i64(b, 5)),
                       kb_select(b, q, kb_float(b, DT_F64, 2), kb_cast(b, DT_F64, p))));
    kb_store(b, y, kb_i64(b, 21),
             kb_sub(b, kb_op1(b, LI_NEG, kb_float(b, DT_F64, -3)),
                    kb_sub(b, kb_load(b, x, kb_i64(b, 6)), kb_load(b, x, kb_i64(b, 7)))));
}

/* Names and comments that C would choke on; work and state memory; sizes with every operation. */
static void build_names(Case *c)
{
    Param *x = input(c, "for", DT_F32, N_MAX), *y = output(c, DT_F32, N_MAX * 4);
    Param *t = buffer(c, "work*/conv:0", BUFFER_WORK, DT_F32, N_MAX);
    Param *s = buffer(c, "state", BUFFER_STATE, DT_F32, N_MAX);
    t->name = "f32x8";
    s->name = "sizes";
    s->is_written = true;
    c->args[3].buffer->offset = 64;
    c->program->state_bytes = 64 + N_MAX * 4;
    c->b.kernel->comment = "k: /* a comment */ in * a // comment?\?/\nsecond \x01\xff line\\\n";
    Builder *b = &c->b;
    SizeTable *z = b->sizes;
    const Size *n = size_sym(z, SYM_N), *k = size_const(z, 5);
    const Size *sizes[] = {size_sub(z, size_muli(z, n, 3), size_const(z, 7)),
                           size_sub(z, k, n),
                           size_div(z, size_sub(z, k, n), size_const(z, 4)),
                           size_mod(z, size_sub(z, k, n), k),
                           size_mod(z, size_mul(z, n, n), size_const(z, 13)),
                           size_min(z, n, size_const(z, 50)),
                           size_max(z, size_divi(z, n, 3), k),
                           size_ceildiv(z, size_add(z, n, n), size_const(z, 6)),
                           size_sub(z, size_mul(z, n, n), size_muli(z, n, 2)),
                           size_muli(z, size_add(z, n, k), -2),
                           size_mul(z, size_divi(z, n, 2), size_divi(z, n, 5))};
    for (int i = 0; i < 11; i++)
        kb_store(b, y, kb_i64(b, i), kb_cast(b, DT_F32, kb_size(b, sizes[i])));
    Inst *i = kb_for_n(b, LOOP_SERIAL, n);
    kb_store(b, t, i, kb_mul(b, kb_load(b, x, i), kb_float(b, DT_F32, 2)));
    kb_end(b);
    i = kb_for_n(b, LOOP_SERIAL, n);
    kb_store(b, s, i, kb_add(b, kb_load(b, s, i), kb_load(b, t, i)));
    kb_store(b, y, kb_addi(b, i, 100), kb_load(b, s, i));
    kb_end(b);
}

static void build_own_cases(Arena *arena)
{
    static const DType ints[] = {DT_I8, DT_U8, DT_I16, DT_U16, DT_I32, DT_U32, DT_I64, DT_U64};
    int first = first_own_case = case_count;
    build_folding(add(arena, "folding", 0, 0, 0), false);
    build_folding(add(arena, "folding", 1, 0, 0), true);
    for (int i = 0; i < 8; i++)
        for (int v = 0; v < 2; v++)
            build_wrapping(add(arena, "wrapping", (int)ints[i], v, 0), ints[i], v ? 8 : 1);
    build_breaks(add(arena, "breaks", 0, 0, 0));
    build_literals(add(arena, "literals", 0, 0, 0));
    build_names(add(arena, "names", 0, 0, 0));
    for (int i = first; i < case_count; i++) finish(&cases[i]);
}

#endif
