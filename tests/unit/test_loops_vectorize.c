/* pass_vectorize: a kernel gives the same bits before and after at every width (reductions: nearly
 * the same), and becomes vectors exactly where it can. */
#include "loops_case.h"
#include "passes/loops/passes.h"

enum { ELEMENTS = 8192 };

typedef void BuildFn(LoopsCase *c, const Size *n);

static Inst *f32(Builder *b, double value)
{
    return kb_float(b, DT_F32, value);
}

/* y[v] = max(x[v] * 3 + z[0], 0) */
static void build_elementwise(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *z = kb_param(b, "z", DT_F32, true, false);
    Param *y = kb_param(b, "y", DT_F32, false, true);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    Inst *value = kb_fma(b, kb_load(b, x, v), f32(b, 3), kb_load(b, z, kb_i64(b, 0)));
    kb_store(b, y, v, kb_op(b, LI_MAX, value, f32(b, 0)));
    kb_end(b);
}

/* Strided load, reversed load, constant-stride store, from 5 in steps of 2. */
static void build_strides(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, false, true);
    Inst *hi = kb_addi(b, kb_muli(b, kb_size(b, n), 2), 5);
    Inst *v = kb_for(b, LOOP_VECTOR, kb_i64(b, 5), hi, 2);
    Inst *a = kb_load(b, x, kb_addi(b, kb_muli(b, v, 3), 1));
    Inst *r = kb_load(b, x, kb_sub(b, kb_i64(b, 4000), v));
    kb_store(b, y, kb_muli(b, v, 2), kb_sub(b, a, r));
    kb_end(b);
}

/* Matrix microkernel: 3 accumulators over k. */
static void build_matmul(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *w = kb_param(b, "w", DT_F32, true, false);
    Param *y = kb_param(b, "y", DT_F32, false, true);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    Cell *acc[3];
    for (int i = 0; i < 3; i++) acc[i] = kb_cell(b, "acc", (LType){DT_F32, 1}, f32(b, i));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 20), 1);
    Inst *weight = kb_load(b, w, kb_add(b, kb_muli(b, k, 40), v));
    for (int i = 0; i < 3; i++) {
        Inst *a = kb_load(b, x, kb_addi(b, k, 100 * i));
        kb_set(b, acc[i], kb_fma(b, a, weight, kb_get(b, acc[i])));
    }
    kb_end(b);
    for (int i = 0; i < 3; i++) kb_store(b, y, kb_addi(b, v, 1000 * i), kb_get(b, acc[i]));
    kb_end(b);
}

/* sum, max and min of x, with an fma */
static void build_reduce(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, false, true);
    LType type = {DT_F32, 1};
    Cell *sum = kb_cell(b, "sum", type, f32(b, 2)), *top = kb_cell(b, "top", type, f32(b, -3));
    Cell *low = kb_cell(b, "low", type, f32(b, 3)), *dot = kb_cell(b, "dot", type, f32(b, 1));
    sum->reduce = LI_ADD;
    top->reduce = LI_MAX;
    low->reduce = LI_MIN;
    dot->reduce = LI_FMA;
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    Inst *a = kb_load(b, x, v);
    kb_set(b, sum, kb_add(b, kb_get(b, sum), a));
    kb_set(b, top, kb_op(b, LI_MAX, kb_get(b, top), a));
    kb_set(b, low, kb_op(b, LI_MIN, kb_get(b, low), a));
    kb_set(b, dot, kb_fma(b, a, a, kb_get(b, dot)));
    kb_end(b);
    Cell *cells[] = {sum, top, low, dot};
    for (int i = 0; i < 4; i++) kb_store(b, y, kb_i64(b, i), kb_get(b, cells[i]));
}

/* Limits: 20 - v, a uniform one; comparisons of v; casts of v; a uniform IF. */
static void build_masks(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, true, true);
    Param *q = kb_param(b, "q", DT_I64, true, false);
    Inst *u = kb_load(b, q, kb_i64(b, 3));
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    Inst *left = kb_sub(b, kb_i64(b, 20), v);
    Inst *a = kb_load_ex(b, x, v, 1, NULL, left);
    Inst *d = kb_load_ex(b, x, kb_i64(b, 7), 1, NULL, left);
    Inst *e = kb_load_ex(b, x, v, 1, NULL, u);
    Inst *sum = kb_add(b, kb_add(b, a, d), e);
    InstOp relations[] = {LI_LT, LI_LE, LI_GT, LI_GE, LI_EQ, LI_NE};
    for (int i = 0; i < 6; i++) {
        Inst *under = kb_op(b, relations[i], kb_addi(b, v, i), u);
        Inst *over = kb_op(b, relations[i], kb_sub(b, u, v), kb_i64(b, 9));
        sum = kb_add(b, sum, kb_select(b, under, f32(b, 1 << i), f32(b, 0)));
        sum = kb_add(b, sum, kb_select(b, over, f32(b, 64 << i), a));
    }
    sum = kb_add(b, sum, kb_cast(b, DT_F32, kb_muli(b, v, 5)));
    sum = kb_add(b, sum, kb_cast(b, DT_F32, kb_cast(b, DT_U8, kb_muli(b, v, 7))));
    kb_if(b, kb_op(b, LI_LT, u, kb_i64(b, 32)));
    kb_store(b, y, v, sum);
    kb_else(b);
    kb_store(b, y, v, kb_op1(b, LI_NEG, sum));
    kb_end(b);
    kb_store_ex(b, y, kb_addi(b, v, 2000), sum, NULL, left);
    kb_end(b);
}

/* u8 input, i32 arithmetic, half floats, an unrolled inner loop with a vector cell. */
static void build_types(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_U8, true, false), *h = kb_param(b, "h", DT_F16, true, true);
    Param *y = kb_param(b, "y", DT_I32, false, true);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    Cell *acc = kb_cell(b, "acc", (LType){DT_I32, 1}, kb_int(b, DT_I32, 7));
    Inst *k = kb_for(b, LOOP_UNROLLED, kb_i64(b, 0), kb_i64(b, 3), 1);
    Inst *a = kb_cast(b, DT_I32, kb_load(b, x, kb_add(b, v, kb_muli(b, k, 50))));
    Inst *product = kb_mul(b, a, kb_add(b, a, kb_cast(b, DT_I32, k)));
    kb_set(b, acc, kb_add(b, kb_get(b, acc), product));
    kb_end(b);
    Inst *half = kb_cast(b, DT_F32, kb_load(b, h, v));
    kb_store(b, h, v, kb_cast(b, DT_F16, kb_mul(b, half, f32(b, 1.7))));
    Inst *shifted = kb_op(b, LI_SHR, kb_get(b, acc), kb_int(b, DT_I32, 2));
    kb_store(b, y, v, kb_op(b, LI_XOR, shifted, kb_cast(b, DT_I32, half)));
    kb_end(b);
}

/* f64 data: half as many lanes. */
static void build_double(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F64, true, false), *y = kb_param(b, "y", DT_F64, false, true);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    kb_store(b, y, v, kb_op1(b, LI_EXP, kb_load(b, x, v)));
    kb_end(b);
}

/* A vector loop in a serial loop, with a uniform non-constant stride. */
static void build_nested(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, false, true);
    Inst *row = kb_for(b, LOOP_PARALLEL, kb_i64(b, 0), kb_i64(b, 5), 1);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    Inst *a = kb_load(b, x, kb_mul(b, v, row));
    kb_store(b, y, kb_add(b, kb_muli(b, row, 300), v), a);
    kb_end(b);
    kb_end(b);
}

/* ---- What cannot become vectors. ---- */

static void build_indirect(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *q = kb_param(b, "q", DT_I64, true, false);
    Param *y = kb_param(b, "y", DT_F32, false, true);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    kb_store(b, y, v, kb_load(b, x, kb_load(b, q, v)));
    kb_end(b);
}

static void build_branch(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, false, true);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    Inst *a = kb_load(b, x, v);
    kb_if(b, kb_op(b, LI_GT, a, f32(b, 0)));
    kb_store(b, y, v, a);
    kb_end(b);
    kb_end(b);
}

static void build_divided(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, false, true);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    kb_store(b, y, v, kb_load(b, x, kb_op(b, LI_DIV, v, kb_i64(b, 3))));
    kb_end(b);
}

/* The outer loop cannot, the inner one can. */
static void build_inner_only(LoopsCase *c, const Size *n)
{
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, false, true);
    Inst *u = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, 4), 1);
    Inst *at = kb_muli(b, kb_op(b, LI_DIV, u, kb_i64(b, 2)), 100);
    Inst *v = kb_for_n(b, LOOP_VECTOR, n);
    kb_store(b, y, kb_add(b, kb_muli(b, u, 500), v), kb_load(b, x, kb_add(b, at, v)));
    kb_end(b);
    kb_end(b);
}

typedef struct Case {
    const char *name;
    BuildFn *build;
    bool vectors, near;
} Case;

static const Case cases[] = {
    {"elementwise", build_elementwise, true, false},
    {"strides", build_strides, true, false},
    {"matmul", build_matmul, true, false},
    {"reduce", build_reduce, true, true},
    {"masks", build_masks, true, false},
    {"types", build_types, true, false},
    {"double", build_double, true, false},
    {"nested", build_nested, true, false},
    {"indirect", build_indirect, false, false},
    {"branch", build_branch, false, false},
    {"divided", build_divided, false, false},
    {"inner only", build_inner_only, true, false},
};

static void prepare(LoopsCase *c, const Case *which, int64_t n, bool symbolic)
{
    loops_case_init(c, ELEMENTS);
    const Size *size = size_const(c->sizes, n);
    if (symbolic) {
        int sym = sizes_symbol(c->sizes, "n");
        sizes_symbol_at(c->sizes, sym)->max = 1000;
        c->symbols[sym] = n;
        size = size_sym(c->sizes, sym);
    }
    which->build(c, size);
    loops_case_fill(c, 12345);
}

static bool same(const LoopsCase *a, const LoopsCase *b, bool near)
{
    for (int i = 0; i < a->kernel->param_count; i++) {
        DType dtype = a->kernel->params[i]->dtype;
        if (!near) {
            if (memcmp(a->data[i], b->data[i], (size_t)a->elements * dtype_size(dtype)))
                return false;
            continue;
        }
        const float *x = a->data[i], *y = b->data[i];
        for (int64_t k = 0; k < a->elements; k++)
            if (fabsf(x[k] - y[k]) > 1e-5f * (1 + fabsf(x[k]))) return false;
    }
    return true;
}

/* `clean`: with pass_cleanup before and after. */
static void run_case(const Case *which, int64_t n, bool symbolic, int bits, bool clean)
{
    LoopsCase before, after;
    prepare(&before, which, n, symbolic);
    prepare(&after, which, n, symbolic);
    if (clean) pass_cleanup(after.program);
    pass_vectorize(after.program, bits);
    if (clean) pass_cleanup(after.program);
    int first = loops_case_run(&before), second = loops_case_run(&after);
    bool ok = first == 0 && second == 0 && same(&before, &after, which->near);
    bool vectors = loops_count(&after.kernel->body, LI_COUNT) > 0;
    bool possible = n > 1 && which->vectors && bits > 32 && (symbolic || n >= 4);
    if (vectors && (!which->vectors || bits <= 32)) ok = false;
    if (possible && bits >= 128 && (symbolic || n >= 4) && !vectors) ok = false;
    if (loops_verify(after.program, &after.diag)) ok = false;
    diag_flush(&after.diag);
    char name[100];
    snprintf(name, sizeof name, "vectorize %s n=%d%s bits=%d%s", which->name, (int)n,
             symbolic ? " symbolic" : "", bits, clean ? " clean" : "");
    check(ok, name);
    if (!ok) loops_case_print(&after);
    loops_case_free(&before);
    loops_case_free(&after);
}

static void straight_line(void)
{
    LoopsCase c;
    prepare(&c, &cases[0], 16, false);
    pass_vectorize(c.program, 512);
    check(loops_count(&c.kernel->body, LI_FOR) == 0, "vectorize exactly one vector: no loop");
    loops_case_free(&c);
    prepare(&c, &cases[0], 28, false);
    pass_vectorize(c.program, 512);
    check(loops_count(&c.kernel->body, LI_FOR) == 0, "vectorize 16 + 8 + 4: no loop");
    loops_case_free(&c);
    prepare(&c, &cases[0], 64, false);
    pass_vectorize(c.program, 256);
    check(loops_count(&c.kernel->body, LI_FOR) == 1, "vectorize a multiple: one loop");
    loops_case_free(&c);
}

int main(int argc, char **argv)
{
    static const int64_t counts[] = {0, 1, 3, 4, 7, 8, 16, 21, 32, 40, 135};
    static const int widths[] = {0, 32, 64, 128, 256, 512};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (argc > 1 && strcmp(argv[1], cases[i].name)) continue;
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
                for (int mode = 0; mode < 4; mode++)
                    run_case(&cases[i], counts[k], mode & 1, widths[w], mode & 2);
    }
    straight_line();
    printf("%d failures\n", failures);
    return failures != 0;
}
