/* Part of test_backend_llvm: the programs that it runs. */
#ifndef LPC_TESTS_LLVM_CASES_H
#define LPC_TESTS_LLVM_CASES_H

#include "ir/loops.h"
#include "passes/memory/memory.h"
#include "runtime/lpc_model.h"
#include "tests/unit/main_cases.h"

enum { MAX_BUFFERS = 8, SYM_N = 0, SYM_M = 1, N_MAX = 100, N = 77, SLACK = 64 };
enum { MAX_SYMBOLS = MAIN_SYMBOLS, ANY_CODE = -9 };

/* ---- A program of one kernel, being built. ---- */

typedef struct Case {
    Program *program;
    Builder b;
    CallArg args[MAX_BUFFERS];
    int arg_count;
    int code; /* expected result; ANY_CODE: the evaluator's */
    int64_t sizes[MAX_SYMBOLS];
} Case;

static int read_random(const ConstSource *source, int64_t at, void *to, size_t size)
{
    (void)source;
    uint8_t *bytes = to;
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(((uint64_t)at + i) * 2654435761u >> 13);
    return 0;
}

static const ConstSource random_source = {.read = read_random};

static Case case_new(Arena *arena, const char *name)
{
    SizeTable *sizes = sizes_new(arena);
    Case c = {.program = program_new(arena, sizes, name), .sizes = {N, 0}};
    sizes_symbol_at(sizes, sizes_symbol(sizes, "n"))->max = N_MAX;
    Symbol *m = sizes_symbol_at(sizes, sizes_symbol(sizes, "m"));
    m->max = N_MAX;
    m->source = SYM_NODE;
    builder_init(&c.b, program_kernel(c.program, arena_printf(arena, "%s_kernel", name)));
    return c;
}

static Param *buffer(Case *c, const char *name, BufferClass class, DType dtype, int64_t count)
{
    const Size *elements = size_const(c->program->sizes, count);
    Buffer *buffer = program_buffer(c->program, name, class, dtype, elements);
    buffer->source = &random_source;
    if (class == BUFFER_CONST) {
        buffer->offset = c->program->const_bytes;
        c->program->const_bytes += (buffer->max_bytes + 63) / 64 * 64;
    }
    if (class == BUFFER_WORK) {
        buffer->offset = c->program->work_bytes;
        c->program->work_bytes += (buffer->max_bytes + 63) / 64 * 64;
    }
    c->args[c->arg_count++] = (CallArg){buffer, size_const(c->program->sizes, 0)};
    Param *param = kb_param(&c->b, name, dtype, class != BUFFER_OUTPUT,
                            class == BUFFER_OUTPUT || class == BUFFER_WORK);
    param->noalias = true;
    return param;
}

static Param *input(Case *c, const char *name, DType dtype, int64_t count)
{
    return buffer(c, name, BUFFER_INPUT, dtype, count);
}

static Param *output(Case *c, DType dtype, int64_t count)
{
    return buffer(c, "y", BUFFER_OUTPUT, dtype, count);
}

/* A cell's value is added to; the sums' order is the loop's. */
static void accumulate(Builder *b, Cell *cell, Inst *value)
{
    kb_set(b, cell, kb_add(b, kb_get(b, cell), value));
}

/* ---- The cases. ---- */

/* Binary operators in turn, on lanes lanes at a time and a limited rest. */
static void build_binary(Case *c, DType dtype, int lanes)
{
    static const InstOp ints[] = {LI_ADD, LI_SUB, LI_MUL, LI_MIN, LI_MAX,
                                  LI_AND, LI_OR,  LI_XOR, LI_DIV, LI_REM};
    static const InstOp floats[] = {LI_ADD, LI_SUB, LI_MUL,  LI_MIN,  LI_MAX,
                                    LI_DIV, LI_POW, LI_FMOD, LI_ATAN2};
    bool real = dtype_is_float(dtype);
    int count = real ? 9 : 10;
    Param *x = input(c, "x", dtype, N_MAX), *z = input(c, "z", dtype, N_MAX);
    Param *y = output(c, dtype, (int64_t)N_MAX * count);
    Builder *b = &c->b;
    Inst *n = kb_size(b, size_sym(b->sizes, SYM_N));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), n, lanes);
    Inst *limit = lanes > 1 ? kb_sub(b, n, i) : NULL;
    Inst *p = kb_load_ex(b, x, i, lanes, NULL, limit), *q = kb_load_ex(b, z, i, lanes, NULL, limit);
    for (int k = 0; k < count; k++) {
        InstOp op = real ? floats[k] : ints[k];
        Inst *right = q;
        if (op == LI_DIV || op == LI_REM) /* no zeros */
            right = real ? q : kb_op(b, LI_OR, q, kb_int(b, dtype, 1));
        kb_store_ex(b, y, kb_addi(b, i, (int64_t)k * N_MAX), kb_op(b, op, p, right), NULL, limit);
    }
    kb_end(b);
}

static void build_unary(Case *c, DType dtype, int lanes)
{
    static const InstOp ops[] = {LI_NEG,   LI_ABS,  LI_SQRT,  LI_FLOOR, LI_CEIL, LI_RINT,
                                 LI_TRUNC, LI_EXP,  LI_LOG,   LI_TANH,  LI_ERF,  LI_SIN,
                                 LI_COS,   LI_ATAN, LI_LOG1P, LI_EXPM1, LI_ASINH};
    enum { COUNT = sizeof ops / sizeof *ops };
    bool real = dtype_is_float(dtype);
    int count = real ? COUNT : 2;
    Param *x = input(c, "x", dtype, N_MAX);
    Param *y = output(c, dtype, (int64_t)N_MAX * COUNT);
    Builder *b = &c->b;
    Inst *i = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, 96), lanes);
    Inst *p = kb_load_ex(b, x, i, lanes, NULL, NULL);
    for (int k = 0; k < count; k++)
        kb_store(b, y, kb_addi(b, i, (int64_t)k * N_MAX), kb_op1(b, ops[k], p));
    kb_end(b);
}

/* Relations, selects, casts to and from bool. */
static void build_relations(Case *c, DType dtype, int lanes)
{
    Param *x = input(c, "x", dtype, N_MAX), *z = input(c, "z", dtype, N_MAX);
    Param *y = output(c, dtype, N_MAX * 6),
          *bits = buffer(c, "b", BUFFER_OUTPUT, DT_BOOL, N_MAX * 6);
    Builder *b = &c->b;
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 96), lanes);
    Inst *p = kb_load_ex(b, x, i, lanes, NULL, NULL), *q = kb_load_ex(b, z, i, lanes, NULL, NULL);
    for (int k = 0; k < 6; k++) {
        Inst *at = kb_addi(b, i, (int64_t)k * N_MAX);
        Inst *is = kb_op(b, (InstOp)(LI_EQ + k), p, q);
        kb_store(b, bits, at, k % 2 ? is : kb_op1(b, LI_NOT, is));
        Inst *again = kb_load_ex(b, bits, at, lanes, NULL, NULL);
        Inst *both = kb_op(b, LI_AND, again, kb_cast(b, DT_BOOL, p));
        kb_store(b, y, at, kb_select(b, both, kb_cast(b, dtype, is), q));
    }
    kb_end(b);
}

static void build_cast(Case *c, DType from, DType to, int lanes)
{
    Param *x = input(c, "x", from, N_MAX), *y = output(c, to, N_MAX);
    Builder *b = &c->b;
    Inst *n = kb_size(b, size_sym(b->sizes, SYM_N));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), n, lanes);
    Inst *limit = kb_sub(b, n, i);
    Inst *value = kb_load_ex(b, x, i, lanes, NULL, limit);
    if (dtype_is_float(from) && !dtype_is_float(to) && to != DT_BOOL) { /* stay in range */
        value = kb_cast(b, DT_F32, value);
        value = kb_op(b, LI_MAX, value, kb_float(b, DT_F32, dtype_is_signed(to) ? -100 : 0));
        value = kb_op(b, LI_MIN, value, kb_float(b, DT_F32, 100));
    }
    kb_store_ex(b, y, i, kb_cast(b, to, value), NULL, limit);
    kb_end(b);
}

/* y[6][32] = a[6][k] * packed b[k][32], with tails in k's loop only. */
static void build_matmul(Case *c)
{
    enum { ROWS = 6, K = 50, LANES = 16 };
    Param *a = input(c, "a", DT_F32, ROWS * K);
    Param *w = input(c, "w", DT_F32, K * 2 * LANES);
    Param *y = output(c, DT_F32, ROWS * 2 * LANES);
    Builder *b = &c->b;
    Cell *acc[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < 2; v++)
            acc[r][v] = kb_cell(b, "acc", (LType){DT_F32, LANES}, kb_float(b, DT_F32, 0));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, K), 1);
    Inst *row[2];
    for (int v = 0; v < 2; v++)
        row[v] = kb_load_ex(b, w, kb_addi(b, kb_muli(b, k, 2 * LANES), (int64_t)v * LANES), LANES,
                            NULL, NULL);
    for (int r = 0; r < ROWS; r++) {
        Inst *one = kb_load(b, a, kb_addi(b, k, (int64_t)r * K));
        for (int v = 0; v < 2; v++)
            kb_set(b, acc[r][v], kb_fma(b, one, row[v], kb_get(b, acc[r][v])));
    }
    kb_end(b);
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < 2; v++)
            kb_store(b, y, kb_i64(b, (int64_t)r * 2 * LANES + (int64_t)v * LANES),
                     kb_get(b, acc[r][v]));
}

/* Strides constant and not, positive and negative, with limits; unrolled. */
static void build_strided(Case *c, DType dtype)
{
    enum { LANES = 8, ROOM = 256 };
    static const int64_t strides[] = {2, 3, -2, 0, 1, 7};
    Param *x = input(c, "x", dtype, ROOM * 2), *y = output(c, dtype, ROOM * 12);
    Builder *b = &c->b;
    Inst *n = kb_size(b, size_sym(b->sizes, SYM_N)); /* 77 */
    Inst *limits[] = {
        NULL,          kb_sub(b, n, kb_i64(b, 72)), kb_sub(b, n, kb_i64(b, 78)), kb_i64(b, 3),
        kb_i64(b, 99), kb_sub(b, n, kb_i64(b, 60))};
    for (int k = 0; k < 6; k++) {
        Inst *stride = k % 2 ? kb_sub(b, n, kb_i64(b, N - strides[k])) : kb_i64(b, strides[k]);
        Inst *base = kb_i64(b, ROOM / 2 + k);
        for (int t = 0; t < 6; t++) {
            Inst *value = kb_load_ex(b, x, base, LANES, stride, limits[t]);
            int64_t to = ROOM * (2 * k + (t > 2)) + 80 * (t % 3);
            kb_store(b, y, kb_i64(b, to), value);
            if (strides[k] > 0) kb_store_ex(b, y, kb_i64(b, to + 10), value, stride, limits[t]);
        }
        kb_store_ex(b, y, kb_i64(b, ROOM * 2 * k + 250),
                    kb_load_ex(b, x, kb_i64(b, k), 1, NULL, limits[k]), NULL, limits[(k + 1) % 6]);
    }
}

/* Horizontals, lanes, iota, splat, bitcast, integer vectors. */
static void build_horizontal(Case *c, DType dtype)
{
    enum { LANES = 16 };
    Param *x = input(c, "x", dtype, N_MAX), *y = output(c, dtype, N_MAX);
    Builder *b = &c->b;
    Inst *u = kb_for(b, LOOP_UNROLLED, kb_i64(b, 0), kb_i64(b, 6), 2);
    Inst *v = kb_load_ex(b, x, kb_muli(b, u, 8), LANES, NULL, NULL);
    Inst *at = kb_muli(b, u, 10);
    kb_store(b, y, at, kb_horizontal(b, LI_HADD, v));
    kb_store(b, y, kb_addi(b, at, 1), kb_horizontal(b, LI_HMIN, v));
    kb_store(b, y, kb_addi(b, at, 2), kb_horizontal(b, LI_HMAX, v));
    kb_store(b, y, kb_addi(b, at, 3), kb_lane(b, v, 5));
    kb_end(b);
    Inst *index = kb_iota(b, DT_I32, 8);
    Inst *mixed = kb_op(b, LI_XOR, kb_op(b, LI_SHL, index, kb_int(b, DT_I32, 3)),
                        kb_splat(b, kb_int(b, DT_I32, 0x3f800011), 8));
    Inst *real = kb_bitcast(b, DT_F32, mixed);
    kb_store(b, y, kb_i64(b, 70), kb_cast(b, dtype, real));
}

static void build_dot4(Case *c, int lanes, DotLeft left)
{
    Param *x = input(c, "x", DT_I32, N_MAX), *z = input(c, "z", DT_I32, N_MAX);
    Param *y = output(c, DT_I32, N_MAX);
    Builder *b = &c->b;
    Cell *acc = kb_cell(b, "acc", (LType){DT_I32, lanes}, kb_int(b, DT_I32, 7));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 64), lanes);
    Inst *p = kb_load_ex(b, x, i, lanes, NULL, NULL), *q = kb_load_ex(b, z, i, lanes, NULL, NULL);
    if (left == LEFT_SMALL) p = kb_op(b, LI_AND, p, kb_int(b, DT_I32, 0x7f7f7f7f));
    Inst *dot = kb_dot4(b, kb_get(b, acc), p, q, left != LEFT_SIGNED);
    kb_set(b, acc, dot);
    kb_store(b, y, i, dot);
    kb_end(b);
}

/* Finds the first element above a threshold; a loop in a loop, breaks, else branches, a local. */
static void build_search(Case *c)
{
    Param *x = input(c, "x", DT_F32, N_MAX), *y = output(c, DT_I64, 10);
    Builder *b = &c->b;
    Param *local = kb_local(b, "seen", DT_I64, 16);
    Inst *t = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 10), 1);
    Cell *found = kb_cell(b, "found", (LType){DT_I64, 1}, kb_i64(b, -1));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_size(b, size_sym(b->sizes, SYM_N)), 1);
    Inst *level = kb_op(b, LI_MUL, kb_cast(b, DT_F32, t), kb_float(b, DT_F32, 0.5));
    kb_if(b, kb_op(b, LI_GT, kb_load(b, x, i), level));
    kb_set(b, found, i);
    kb_break(b);
    kb_else(b);
    kb_set(b, found, kb_op1(b, LI_NEG, i));
    kb_end(b);
    kb_end(b);
    kb_store(b, local, t, kb_get(b, found));
    kb_end(b);
    Inst *k = kb_for(b, LOOP_UNROLLED, kb_i64(b, 0), kb_i64(b, 10), 1);
    kb_store(b, y, k, kb_op(b, LI_SHR, kb_load(b, local, k), kb_i64(b, 1)));
    kb_end(b);
}

/* A parallel loop over rows; fails when `fail` and a value is seen. */
static void build_parallel(Case *c, bool fail)
{
    Param *x = input(c, "x", DT_F32, N_MAX * 8), *w = buffer(c, "w", BUFFER_CONST, DT_I8, 8);
    Param *v = buffer(c, "v", BUFFER_CONST, DT_U16, 100), *y = output(c, DT_F32, N_MAX);
    Builder *b = &c->b;
    const Size *n = size_sym(b->sizes, SYM_N);
    Inst *r = kb_for(b, LOOP_PARALLEL, kb_i64(b, 1), kb_size(b, n), 3);
    Cell *sum = kb_cell(b, "sum", (LType){DT_F32, 1}, kb_float(b, DT_F32, 0));
    Inst *k = kb_for_n(b, LOOP_SERIAL, size_divi(b->sizes, size_addi(b->sizes, n, 3), 10));
    Inst *factor = kb_add(b, kb_cast(b, DT_I32, kb_load(b, w, k)),
                          kb_cast(b, DT_I32, kb_load(b, v, kb_op(b, LI_REM, r, kb_i64(b, 99)))));
    accumulate(
        b, sum,
        kb_mul(b, kb_load(b, x, kb_add(b, kb_muli(b, r, 8), k)), kb_cast(b, DT_F32, factor)));
    kb_end(b);
    if (fail) {
        kb_if(b, kb_op(b, LI_EQ, r, kb_i64(b, 31)));
        kb_fail(b, LPC_RUN_VALUE);
        kb_end(b);
        c->code = LPC_RUN_VALUE;
    }
    kb_store(b, y, r, kb_get(b, sum));
    kb_end(b);
}

/* Counts, sets the symbol m, then a second kernel and an If use it. */
static void build_setsym(Case *c, int64_t bonus)
{
    Param *x = input(c, "x", DT_I32, N_MAX), *y = output(c, DT_I32, N_MAX);
    buffer(c, "flag", BUFFER_INPUT, DT_BOOL, 1);
    Builder *b = &c->b;
    Cell *count = kb_cell(b, "count", (LType){DT_I64, 1}, kb_i64(b, bonus));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_size(b, size_sym(b->sizes, SYM_N)), 1);
    kb_if(b, kb_op(b, LI_GT, kb_load(b, x, i), kb_int(b, DT_I32, 0)));
    accumulate(b, count, kb_i64(b, 1));
    kb_end(b);
    kb_end(b);
    kb_setsym(b, SYM_M, kb_get(b, count));
    kb_store(b, y, kb_i64(b, 0), kb_int(b, DT_I32, 5));
    Kernel *second =
        program_kernel(c->program, arena_printf(b->arena, "%s_second", c->program->name));
    Builder t;
    builder_init(&t, second);
    Param *to = kb_param(&t, "to", DT_I32, false, true);
    Inst *k = kb_for_n(&t, LOOP_SERIAL, size_sym(b->sizes, SYM_M));
    kb_store(&t, to, k, kb_cast(&t, DT_I32, k));
    kb_end(&t);
}

static void finish_setsym(Case *c)
{
    Program *p = c->program;
    const Size *m = size_sym(p->sizes, SYM_M);
    CallArg to = {c->args[1].buffer, size_sub(p->sizes, size_const(p->sizes, N_MAX), m)};
    for (int when = 0; when < 2; when++) {
        Inst *cond = main_if(p, &p->main->body, c->args[2].buffer, when);
        if (when) main_call(p, &cond->body, p->kernels[1], 1, &to);
    }
}

enum { MAX_CASES = 512, MAIN_PROGRAMS = 30 };
/* ---- All of them. ---- */

static Case cases[MAX_CASES];
static int case_count;

static Case *add(Arena *arena, const char *name, int a, int b, int d)
{
    char *full = arena_printf(arena, "%s_%d_%d_%d", name, a, b, d);
    cases[case_count] = case_new(arena, full);
    return &cases[case_count++];
}

static void finish(Case *c)
{
    Program *p = c->program;
    int count = 0;
    for (int i = 0; i < p->kernels[0]->param_count; i++) count += !p->kernels[0]->params[i]->local;
    int given = 0;
    for (int i = 0; i < c->arg_count && given < count; i++) given++;
    main_call(p, &p->main->body, p->kernels[0], given, c->args);
}

/* A random main program, its memory shared. */
static void build_main(Arena *arena, int number)
{
    MemoryFigures figures;
    char *name = arena_printf(arena, "main_%d", number);
    Case *c = &cases[case_count++];
    *c = (Case){.program = main_random(arena, name, (uint32_t)number), .code = ANY_CODE};
    c->sizes[SYM_N] = number % MAIN_PARTS;
    plan_memory(c->program, NULL, 0, &figures);
}

static void build_cases(Arena *arena)
{
    static const int lanes[] = {1, 4, 16};
    for (int dtype = DT_I8; dtype < DT_COUNT; dtype++) {
        if (dtype == DT_F16 || dtype == DT_BF16 || dtype_held((DType)dtype) != (DType)dtype)
            continue;
        for (int l = 0; l < 3; l++) {
            build_binary(add(arena, "binary", dtype, lanes[l], 0), (DType)dtype, lanes[l]);
            build_unary(add(arena, "unary", dtype, lanes[l], 0), (DType)dtype, lanes[l]);
            build_relations(add(arena, "relations", dtype, lanes[l], 0), (DType)dtype, lanes[l]);
        }
        build_strided(add(arena, "strided", dtype, 0, 0), (DType)dtype);
        build_horizontal(add(arena, "horizontal", dtype, 0, 0), (DType)dtype);
    }
    for (int from = DT_BOOL; from < DT_COUNT; from++)
        for (int to = DT_BOOL; to < DT_COUNT; to++) {
            if (dtype_held((DType)from) != (DType)from || dtype_held((DType)to) != (DType)to)
                continue;
            build_cast(add(arena, "cast", from, to, 0), (DType)from, (DType)to,
                       (from + to) % 2 ? 8 : 1);
        }
    for (int l = 0; l < 4; l++)
        for (int left = LEFT_SIGNED; left <= LEFT_SMALL; left++)
            build_dot4(add(arena, "dot", 1 << (l + 1), left, 0), l ? 2 << l : 1, (DotLeft)left);
    build_matmul(add(arena, "matmul", 0, 0, 0));
    build_search(add(arena, "search", 0, 0, 0));
    build_parallel(add(arena, "parallel", 0, 0, 0), false);
    build_parallel(add(arena, "parallel", 1, 0, 0), true);
    Case *bound = add(arena, "bound", 0, 0, 0);
    build_parallel(bound, false);
    bound->sizes[0] = N_MAX + 1;
    bound->code = LPC_RUN_BOUND;
    for (int i = 0; i < case_count; i++) finish(&cases[i]);
    for (int over = 0; over < 2; over++) {
        Case *c = add(arena, "setsym", over, 0, 0);
        build_setsym(c, over ? N_MAX : 0);
        finish(c);
        finish_setsym(c);
        if (over) c->code = LPC_RUN_BOUND;
    }
    for (int i = 0; i < MAIN_PROGRAMS; i++) build_main(arena, i);
}

#endif
