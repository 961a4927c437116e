/* Conversions of floats to integers: which ones are proved to be within range, and that a stray one is
 * found. And what the polynomials make of values that no conversion could take. */
#include "loops_case.h"
#include "passes/loops/passes.h"

#include <float.h>

/* Is `code`, which makes %9 of a loaded %0, proved to convert to `type` within range? */
static bool proved(const char *dtype, const char *code, const char *type)
{
    Arena *arena = arena_new();
    Diag diag;
    Program *program;
    diag_init(&diag, arena, "casts");
    const char *text = arena_printf(arena,
                                    "program @casts\n\n"
                                    "kernel @k(x: %s read, y: %s write) {\n"
                                    "    %%0 = load.%s x[0]\n"
                                    "%s"
                                    "    %%10 = cast.%s %%9\n"
                                    "    store y[0], %%10\n"
                                    "}\n\nmain {\n}\n",
                                    dtype, type, dtype, code, type);
    bool good =
        !loops_parse(arena, &diag, text, "casts", &program) && !loops_verify(program, &diag);
    if (!good) {
        printf("%s", text);
        diag_flush(&diag);
        failures++;
    }
    bool result = good && !loops_verify_casts(program, &diag);
    arena_free(arena);
    return result;
}

static void test_limits(void)
{
    check(!proved("f32", "    %9 = rint.f32 %0\n", "i32"), "nothing is known of what is loaded");
    check(proved("f32", "    %1 = max.f32 %0, -128:f32\n    %9 = min.f32 %1, 127:f32\n", "i8"),
          "max and min, in the order that stops a NaN");
    check(!proved("f32", "    %1 = max.f32 -128:f32, %0\n    %9 = min.f32 127:f32, %1\n", "i8"),
          "max lets a NaN pass when it comes second");
    check(!proved("f32", "    %1 = max.f32 %0, -128:f32\n    %9 = min.f32 %1, 128:f32\n", "i8"),
          "a limit too high");
    check(!proved("f32", "    %1 = max.f32 %0, -129:f32\n    %9 = min.f32 %1, 127:f32\n", "i8"),
          "a limit too low");
    check(!proved("f32", "    %9 = max.f32 %0, 0:f32\n", "i64"), "only one limit");
    check(
        !proved("f32", "    %1 = max.f32 %0, 0:f32\n    %9 = min.f32 %1, 2147483648:f32\n", "i32"),
        "2^31 is no i32");
    check(proved("f32", "    %1 = max.f32 %0, 0:f32\n    %9 = min.f32 %1, 2147483648:f32\n", "u32"),
          "but a u32");
    static const char clamp[] = "    %1 = ne.f32 %0, %0\n    %2 = select.f32 %1, 0:f32, %0\n"
                                "    %3 = lt.f32 %2, -7:f32\n    %4 = select.f32 %3, -7:f32, %2\n"
                                "    %5 = gt.f32 %4, 9:f32\n    %9 = select.f32 %5, 9:f32, %4\n";
    check(proved("f32", clamp, "i8"), "selects, the NaN first");
    check(!proved("f32", clamp, "u8"), "of another type, too low");
    static const char no_nan[] = "    %3 = lt.f64 %0, -7:f64\n    %4 = select.f64 %3, -7:f64, %0\n"
                                 "    %5 = gt.f64 %4, 9:f64\n    %9 = select.f64 %5, 9:f64, %4\n";
    check(!proved("f64", no_nan, "i8"), "selects let a NaN pass");
    check(proved("f64",
                 "    %1 = max.f64 %0, 0:f64\n    %2 = min.f64 %1, 100:f64\n"
                 "    %3 = add.f64 %2, 20:f64\n    %9 = floor.f64 %3\n",
                 "i8"),
          "sums of what is limited");
    check(proved("i8", "    %1 = cast.f32 %0\n    %9 = rint.f32 %1\n", "i8"),
          "integers stay what they are");
    check(!proved("i16", "    %9 = cast.f32 %0\n", "i8"), "but not in a smaller type");
}

/* What lowering and the loop passes leave of each function has no stray conversion, and is right where
 * its operand is none that a conversion could take. */
static void test_math(void)
{
    static const InstOp ops[] = {LI_EXP, LI_EXPM1, LI_LOG, LI_LOG1P, LI_TANH, LI_ERF};
    static const float values[] = {NAN,    INFINITY, -INFINITY, 3e38f, -3e38f, FLT_MAX,
                                   1e-45f, -1e-45f,  0.0f,      -0.0f, 88.8f,  -104.0f};
    enum { COUNT = sizeof values / sizeof *values };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        LoopsCase c;
        float out[COUNT];
        loops_case_init(&c, COUNT);
        Param *x = kb_param(&c.b, "x", DT_F32, true, false);
        Param *y = kb_param(&c.b, "y", DT_F32, false, true);
        Inst *at = kb_for(&c.b, LOOP_SERIAL, kb_i64(&c.b, 0), kb_i64(&c.b, COUNT), 1);
        kb_store(&c.b, y, at, kb_op1(&c.b, ops[i], kb_load(&c.b, x, at)));
        kb_end(&c.b);
        pass_expand_math(c.program);
        check(!loops_verify_casts(c.program, &c.diag),
              "an expanded function has no stray conversion");
        void *args[] = {(void *)(uintptr_t)values, out};
        int64_t elements[] = {COUNT, COUNT};
        check(!loops_eval_kernel(c.program->kernels[0], &c.diag, args, elements, NULL), "it runs");
        for (int k = 0; k < COUNT; k++) {
            double v = (double)values[k];
            double want = ops[i] == LI_EXP     ? exp(v)
                          : ops[i] == LI_EXPM1 ? expm1(v)
                          : ops[i] == LI_LOG   ? log(v)
                          : ops[i] == LI_LOG1P ? log1p(v)
                          : ops[i] == LI_TANH  ? tanh(v)
                                               : erf(v);
            float got = out[k], close = (float)want;
            bool ok = isnan(want) ? isnan(got) != 0
                      : isinf(close) || close == 0
                          ? got == close
                          : fabs((double)got - want) <= 1e-6 * fabs(want) + 3e-45;
            if (!ok) printf("%s(%g): %g, expected %g\n", inst_name(ops[i]), v, (double)got, want);
            if (!ok) failures++;
        }
        arena_free(c.arena);
    }
}

int main(void)
{
    test_limits();
    test_math();
    return failures != 0;
}
