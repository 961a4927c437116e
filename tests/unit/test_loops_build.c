/* The builder: what folds, what is simplified, and what must stay as it is; pass_cleanup. */
#include "loops_case.h"
#include "passes/loops/passes.h"

static Builder *b;
static Inst *x, *f, *v, *flag; /* i64, f32, f32x4, bool values that are not constant */

static bool is_int(const Inst *inst, DType dtype, int64_t value)
{
    return inst->op == LI_INT && inst->type.dtype == dtype && inst->value == value;
}

static bool is_flt(const Inst *inst, double value)
{
    return inst->op == LI_FLT && !memcmp(&inst->number, &value, sizeof value);
}

static Inst *i64(int64_t value)
{
    return kb_i64(b, value);
}

static Inst *f32(double value)
{
    return kb_float(b, DT_F32, value);
}

static void constants(void)
{
    check(i64(5) == i64(5) && i64(5) != kb_int(b, DT_I32, 5), "consts are one object each");
    check(f32(0.0) != f32(-0.0), "0 and -0 are two");
    check(is_int(kb_int(b, DT_I8, 200), DT_I8, -56), "i8 wraps");
    check(is_int(kb_int(b, DT_U8, -1), DT_U8, 255), "u8 wraps");
    check(is_flt(f32(0.1), (double)0.1f), "f32 constants are rounded");
    check(is_int(kb_const(b, DT_I32, -3.9), DT_I32, -3), "const of a double");
    check(is_int(kb_size(b, size_const(b->sizes, 7)), DT_I64, 7), "a constant size is an int");
    const Size *n = size_sym(b->sizes, sizes_symbol(b->sizes, "n"));
    check(kb_size(b, n) == kb_size(b, n) && kb_size(b, n)->op == LI_SIZE, "sizes are one object");
}

static void folding(void)
{
    check(is_int(kb_add(b, i64(2), i64(3)), DT_I64, 5), "2 + 3");
    check(is_int(kb_op(b, LI_DIV, i64(-7), i64(2)), DT_I64, -3), "-7 / 2 truncates");
    check(is_int(kb_op(b, LI_REM, i64(-7), i64(2)), DT_I64, -1), "-7 rem 2");
    check(kb_op(b, LI_DIV, i64(7), i64(0))->op == LI_DIV, "7 / 0 stays");
    check(is_int(kb_op(b, LI_DIV, i64(INT64_MIN), i64(-1)), DT_I64, INT64_MIN), "min / -1 wraps");
    check(is_int(kb_mul(b, kb_int(b, DT_I16, 300), kb_int(b, DT_I16, 300)), DT_I16, 24464),
          "i16 product wraps");
    check(is_int(kb_op(b, LI_SHR, kb_int(b, DT_I32, -8), kb_int(b, DT_I32, 1)), DT_I32, -4),
          "arithmetic shift");
    check(is_int(kb_op(b, LI_SHR, kb_int(b, DT_U32, -8), kb_int(b, DT_U32, 28)), DT_U32, 15),
          "logical shift");
    check(is_int(kb_op(b, LI_LT, kb_int(b, DT_U64, -1), kb_int(b, DT_U64, 1)), DT_BOOL, 0),
          "u64 compares unsigned");
    check(is_flt(kb_add(b, f32(0.1), f32(0.2)), (double)(0.1f + 0.2f)), "f32 sum is rounded");
    check(is_flt(kb_fma(b, f32(0.1), f32(0.1), f32(-0.01)), (double)fmaf(0.1f, 0.1f, -0.01f)),
          "fma is fused");
    check(is_flt(kb_op1(b, LI_RINT, f32(2.5)), 2), "rint to even");
    check(is_int(kb_op1(b, LI_NOT, kb_int(b, DT_BOOL, 1)), DT_BOOL, 0), "not true");
    check(is_int(kb_cast(b, DT_U8, i64(300)), DT_U8, 44), "cast wraps");
    check(is_int(kb_cast(b, DT_BOOL, f32(0.5)), DT_BOOL, 1), "0.5 is true");
    check(is_int(kb_cast(b, DT_I32, f32(-1.9)), DT_I32, -1), "cast truncates");
    check(is_flt(kb_cast(b, DT_F32, i64(16777217)), 16777216), "i64 to f32 rounds once");
    check(is_int(kb_bitcast(b, DT_I32, f32(1)), DT_I32, 0x3f800000), "bits of 1.0");
    check(kb_op1(b, LI_EXP, f32(1))->op == LI_EXP, "libm is not run at compile time");
}

static void simplification(void)
{
    check(kb_add(b, x, i64(0)) == x && kb_add(b, i64(0), x) == x, "x + 0");
    check(kb_mul(b, x, i64(1)) == x, "x * 1");
    check(is_int(kb_mul(b, x, i64(0)), DT_I64, 0), "x * 0");
    check(is_int(kb_sub(b, x, x), DT_I64, 0), "x - x");
    check(kb_addi(b, kb_addi(b, x, 3), -3) == x, "x + 3 - 3");
    check(is_int(kb_muli(b, kb_muli(b, x, 3), 5)->arg[1], DT_I64, 15), "x * 3 * 5");
    Inst *apart = kb_muli(b, kb_addi(b, x, 3), 5);
    check(apart->op == LI_ADD && apart->arg[0]->op == LI_MUL && apart->arg[0]->arg[0] == x &&
              is_int(apart->arg[0]->arg[1], DT_I64, 5) && is_int(apart->arg[1], DT_I64, 15),
          "(x + 3) * 5");
    check(kb_op(b, LI_DIV, x, i64(1)) == x, "x / 1");
    check(kb_add(b, f, f32(0))->op == LI_ADD, "f + 0 stays, for -0");
    check(kb_add(b, f, f32(-0.0)) == f, "f + -0");
    check(kb_mul(b, f, f32(1)) == f, "f * 1");
    check(kb_mul(b, f, f32(0))->op == LI_MUL, "f * 0 stays, for NaN");
    check(kb_sub(b, f, f)->op == LI_SUB, "f - f stays, for infinities");
    check(kb_select(b, kb_int(b, DT_BOOL, 1), f, f32(2)) == f, "select true");
    check(kb_select(b, flag, f, f) == f, "select of the same");
    check(kb_cast(b, DT_F32, f) == f, "cast to itself");
    check(kb_op1(b, LI_NEG, kb_op1(b, LI_NEG, f)) == f, "- - f");
    Inst *sum = kb_add(b, v, f);
    check(sum->type.lanes == 4 && sum->arg[1]->op == LI_SPLAT, "a scalar is splatted");
    check(kb_mul(b, v, f32(1)) == v, "v * 1");
    check(kb_lane(b, kb_splat(b, f, 4), 2) == f, "lane of a splat");
    check(kb_op(b, LI_LT, v, f)->type.dtype == DT_BOOL, "a relation is bool");
}

static void building(void)
{
    LoopsCase c;
    loops_case_init(&c, 64);
    b = &c.b;
    Param *y = kb_param(b, "y", DT_F32, true, true), *q = kb_param(b, "q", DT_I64, true, false);
    Param *g = kb_param(b, "g", DT_BOOL, true, false);
    x = kb_load(b, q, kb_i64(b, 0));
    f = kb_load(b, y, x);
    v = kb_load_ex(b, y, x, 4, NULL, NULL);
    flag = kb_load(b, g, x);
    constants();
    folding();
    simplification();
    check(loops_verify(c.program, &c.diag) == LPC_OK, "all of it verifies");
    loops_case_free(&c);
}

static void parallel(void)
{
    LoopsCase c;
    loops_case_init(&c, 64);
    b = &c.b;
    check(kernel_parallel(c.kernel) == NULL, "an empty kernel is not parallel");
    Inst *loop = kb_for(b, LOOP_PARALLEL, kb_i64(b, 0), kb_i64(b, 9), 1);
    kb_end(b);
    check(kernel_parallel(c.kernel) == loop, "one parallel loop");
    loops_case_free(&c);
}

static void cleanup(void)
{
    LoopsCase c;
    loops_case_init(&c, 64);
    b = &c.b;
    Param *y = kb_param(b, "y", DT_F32, true, true);
    Cell *unused = kb_cell(b, "unused", (LType){DT_F32, 1}, kb_float(b, DT_F32, 1));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, 4), 1);
    Inst *once = kb_for(b, LOOP_SERIAL, kb_i64(b, 3), kb_i64(b, 4), 1);
    Inst *a = kb_addi(b, kb_muli(b, i, 5), 7);
    Inst *same = kb_addi(b, kb_muli(b, i, 5), 7);
    kb_set(b, unused, kb_load(b, y, kb_mul(b, a, same)));
    kb_if(b, kb_op(b, LI_LT, once, kb_i64(b, 9)));
    kb_store(b, y, same, kb_float(b, DT_F32, 2));
    kb_else(b);
    kb_store(b, y, a, kb_float(b, DT_F32, 3));
    kb_end(b);
    kb_end(b);
    kb_for(b, LOOP_SERIAL, kb_i64(b, 3), kb_i64(b, 3), 1);
    kb_store(b, y, kb_i64(b, 0), kb_float(b, DT_F32, 3));
    kb_end(b);
    kb_end(b);
    pass_cleanup(c.program);
    Text text;
    text_init(&text, c.arena);
    loops_print_kernel(&text, c.kernel);
    check(!strcmp(text.data, "kernel @k(y: f32 read write) {\n"
                             "    serial %5 in 0..4 step 1 {\n"
                             "        %6 = mul.i64 %5, 5\n"
                             "        %7 = add.i64 %6, 7\n"
                             "        store y[%7], 2:f32\n"
                             "    }\n"
                             "}\n"),
          "cleanup");
    if (failures) fputs(text.data, stdout);
    loops_case_free(&c);
}

int main(void)
{
    building();
    parallel();
    cleanup();
    printf("%d failures\n", failures);
    return failures != 0;
}
