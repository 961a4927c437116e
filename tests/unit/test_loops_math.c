/* pass_expand_math: the polynomials against libm in double, in units of the last place, over the
 * whole range of floats, and at the places where such code goes wrong; bf16 casts bit by bit. */
#include "loops_case.h"
#include "passes/loops/passes.h"

enum { N = 1 << 16 };

typedef struct Function {
    const char *name;
    InstOp op;
    double (*exact)(double);
    double lo, hi; /* where dense samples are taken */
    double ulp;    /* allowed */
} Function;

static const Function functions[] = {
    {"exp", LI_EXP, exp, -105, 90, 1.5},   {"expm1", LI_EXPM1, expm1, -25, 90, 2.0},
    {"log", LI_LOG, log, 1e-6, 40, 1.5},   {"log1p", LI_LOG1P, log1p, -0.999, 20, 2.0},
    {"tanh", LI_TANH, tanh, -11, 11, 2.5}, {"erf", LI_ERF, erf, -4.5, 4.5, 2.0},
};

static void build(LoopsCase *c, InstOp op)
{
    loops_case_init(c, N);
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *y = kb_param(b, "y", DT_F32, false, true);
    Inst *v = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, N), 1);
    kb_store(b, y, v, kb_op1(b, op, kb_load(b, x, v)));
    kb_end(b);
    loops_case_fill(c, 99);
}

/* Distance of got from the exact value, in units of the last place of a float there. */
static double distance(float got, double exact)
{
    if (isnan(exact)) return isnan(got) ? 0 : INFINITY;
    float nearest = (float)exact;
    if (nearest == got) return 0; /* infinities too */
    int exponent;
    frexp(exact, &exponent);
    double unit = ldexp(1, exponent < -125 ? -149 : exponent - 24);
    if (isinf(got)) return exact > 3.4028234e38 * 0.9999999 ? 0.5 : INFINITY;
    return fabs((double)got - exact) / unit;
}

static void run_function(const Function *f, bool dense)
{
    static const float special[] = {
        0.0f,    -0.0f,    INFINITY,    -INFINITY,  NAN,         1.0f,      -1.0f,
        3.4e38f, -3.4e38f, 1e-45f,      -1e-45f,    1.2e-38f,    88.7228f,  88.7229f,
        88.73f,  -87.34f,  -103.97f,    -103.98f,   -104.5f,     1e-20f,    -1e-20f,
        0.5f,    2.0f,     0.70710678f, 1.4142135f, 0.99999994f, 1.0000001f};
    LoopsCase c;
    build(&c, f->op);
    float *x = c.data[0], *y = c.data[1];
    uint32_t seed = 7;
    for (int i = 0; i < N; i++) {
        uint32_t bits = loops_random(&seed);
        memcpy(&x[i], &bits, 4); /* any float at all */
        if (dense) x[i] = (float)(f->lo + (f->hi - f->lo) * bits / 4294967295.0);
    }
    memcpy(x, special, sizeof special);
    pass_expand_math(c.program);
    bool ok = loops_count(&c.kernel->body, f->op) == 0;
    pass_cleanup(c.program);
    pass_vectorize(c.program, 256);
    ok = ok && loops_case_run(&c) == 0;
    double worst = 0;
    float at = 0;
    for (int i = 0; i < N; i++) {
        double d = distance(y[i], f->exact((double)x[i]));
        if (!(d <= worst)) worst = d, at = x[i];
    }
    char name[120];
    snprintf(name, sizeof name, "expand %s, %s: %.3f ulp at %.9g", f->name,
             dense ? "dense" : "all floats", worst, (double)at);
    check(ok && worst <= f->ulp, name);
    loops_case_free(&c);
}

static void run_bf16(void)
{
    LoopsCase c;
    loops_case_init(&c, N);
    Builder *b = &c.b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *h = kb_param(b, "h", DT_BF16, true, false);
    Param *y = kb_param(b, "y", DT_BF16, false, true), *z = kb_param(b, "z", DT_F32, false, true);
    Inst *v = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, N), 1);
    kb_store(b, y, v, kb_cast(b, DT_BF16, kb_load(b, x, v)));
    kb_store(b, z, v, kb_cast(b, DT_F32, kb_load(b, h, v)));
    kb_end(b);
    loops_case_fill(&c, 5);
    uint32_t seed = 77;
    for (int i = 0; i < N; i++) {
        uint32_t bits = loops_random(&seed);
        if (i % 16 == 0) bits |= 0x7f800000u; /* infinities and NaNs */
        if (i % 3 == 0) bits &= 0xffff8000u;  /* ties */
        memcpy((float *)c.data[0] + i, &bits, 4);
        ((uint16_t *)c.data[1])[i] = (uint16_t)i;
    }
    pass_expand_math(c.program);
    bool ok = loops_count(&c.kernel->body, LI_CAST) > 0;
    pass_vectorize(c.program, 128);
    ok = ok && loops_case_run(&c) == 0;
    for (int i = 0; i < N && ok; i++) {
        float wide = bf16_to_f32((uint16_t)i);
        ok = ((uint16_t *)c.data[2])[i] == f32_to_bf16(((float *)c.data[0])[i]) &&
             !memcmp(&wide, (float *)c.data[3] + i, 4);
    }
    check(ok, "expand bf16 casts: all values");
    loops_case_free(&c);
}

int main(void)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        run_function(&functions[i], true);
        run_function(&functions[i], false);
    }
    run_bf16();
    printf("%d failures\n", failures);
    return failures != 0;
}
