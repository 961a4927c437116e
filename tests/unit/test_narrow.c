/* Narrow types: what every code of the small floats means, and which code every number gets, against the
 * formulas and tables of ONNX's text of Cast (docs/Operators.md, docs/docsgen/source/technical/float8.md,
 * float4.md, int4.md), both in loops and in the compiler's own reading of constants. */
#include "ir/dtype.h"
#include "loops_case.h"
#include "passes/loops/passes.h"
#include "passes/lower/frame/narrow.h"

enum { N = 1 << 14 };

/* As the text has them. */
typedef struct Small {
    DType type;
    int bits, mantissa, bias;
    double most, least; /* FLT_MAX, the smallest number above zero */
    bool infinities, one_zero;
} Small;

static const Small smalls[] = {
    {DT_F8E4M3FN, 8, 3, 7, 448, 0x1p-9, false, false},
    {DT_F8E4M3FNUZ, 8, 3, 8, 240, 0x1p-10, false, true},
    {DT_F8E5M2, 8, 2, 15, 57344, 0x1p-16, true, false},
    {DT_F8E5M2FNUZ, 8, 2, 16, 57344, 0x1p-17, false, true},
    {DT_F4E2M1, 4, 1, 1, 6, 0.5, false, false},
};
enum { SMALLS = sizeof smalls / sizeof *smalls };

/* The text's formula of a code, with S, the exponent's and the mantissa's bits. */
static double formula(const Small *s, int code)
{
    int sign = code >> (s->bits - 1), size = code & ((1 << (s->bits - 1)) - 1);
    int exponent = size >> s->mantissa, mantissa = size & ((1 << s->mantissa) - 1);
    double part = mantissa / ldexp(1, s->mantissa);
    double value = exponent ? ldexp(1 + part, exponent - s->bias) : ldexp(part, 1 - s->bias);
    if (s->one_zero && sign && !size) return NAN;
    if (s->type == DT_F8E4M3FN && size == 0x7f) return NAN; /* S.1111.111 */
    if (s->infinities && exponent == 31) value = mantissa ? NAN : INFINITY;
    return sign ? -value : value;
}

static bool same(double a, double c)
{
    return isnan(a) ? isnan(c) : a == c && !signbit(a) == !signbit(c);
}

/* The text's tables: [x] is x rounded to the mantissa's width, whatever its exponent. */
static double rounded(const Small *s, double x)
{
    int exponent;
    if (x == 0 || isinf(x)) return x;
    frexp(x, &exponent);
    if (exponent - 1 < 1 - s->bias) exponent = 2 - s->bias; /* as the smallest ones lie */
    double unit = ldexp(1, exponent - 1 - s->mantissa);
    return rint(x / unit) * unit;
}

static double wanted(const Small *s, double x, bool saturate)
{
    double near = rounded(s, x);
    if (isnan(x)) return s->type == DT_F4E2M1 ? -0.0 : NAN; /* the official cases: code 8 */
    if (fabs(near) > s->most) {
        if (saturate || s->type == DT_F4E2M1) return copysign(s->most, x);
        return s->infinities ? copysign(INFINITY, x) : NAN;
    }
    return s->one_zero && near == 0 ? 0 : near;
}

/* ---- Conversions in loops ---- */

/* y = code of x; z = number of h; w = code of the f64 in d. */
static void make(LoopsCase *c, DType type, Narrowing how)
{
    loops_case_init(c, N);
    Builder *b = &c->b;
    Param *x = kb_param(b, "x", DT_F32, true, false), *h = kb_param(b, "h", DT_U8, true, false);
    Param *d = kb_param(b, "d", DT_F64, true, false), *y = kb_param(b, "y", DT_U8, false, true);
    Param *z = kb_param(b, "z", DT_F32, false, true), *w = kb_param(b, "w", DT_U8, false, true);
    Inst *v = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, N), 1);
    kb_store(b, y, v, narrow_code_of(b, type, kb_load(b, x, v), how));
    kb_store(b, z, v, narrow_number_of(b, type, kb_load(b, h, v)));
    kb_store(b, w, v, narrow_code_of(b, type, kb_load(b, d, v), how));
    kb_end(b);
    loops_case_fill(c, 3);
}

/* Every number that a code has, half the way between two of them, what is next to it, and anything. */
static void fill(LoopsCase *c, const Small *s)
{
    float *x = c->data[0];
    double *d = c->data[2];
    uint32_t seed = 11;
    int codes = 1 << (s->bits - 1), at = 0;
    for (int i = 0; i < N; i++) {
        uint32_t bits = loops_random(&seed);
        memcpy(&x[i], &bits, 4);
        if (i % 2)
            x[i] = (float)((double)bits / 4294967296.0 * s->most * (i % 4 == 1 ? 1.2 : -1.2));
    }
    for (int code = 0; code + 1 < codes; code++) {
        float a = (float)formula(s, code), e = (float)formula(s, code + 1);
        float middle = isfinite(e) ? (a + e) / 2 : a * 1.25f;
        float near[] = {a, middle, nextafterf(middle, 0), nextafterf(middle, INFINITY)};
        for (int k = 0; k < 8 && at < N; k++) x[at++] = k % 2 ? -near[k / 2] : near[k / 2];
    }
    const float special[] = {0, INFINITY, NAN, (float)s->most * 1.03125f, 3e38f, 1e-42f, 1e-7f};
    for (int k = 0; k < 14; k++) x[at++] = k % 2 ? -special[k / 2] : special[k / 2];
    /* In f64 a little beside what rounds to x: a tie of x's must not decide. */
    for (int i = 0; i < N; i++) {
        d[i] = (double)x[i];
        if (i % 3) d[i] = nextafter(d[i], i % 3 == 1 ? INFINITY : -INFINITY);
        ((uint8_t *)c->data[1])[i] = (uint8_t)(s->bits == 8 ? i : i % 16);
    }
}

static void run_small(const Small *s, bool saturate, int bits)
{
    LoopsCase c;
    make(&c, s->type, (Narrowing){saturate, ROUND_UP});
    fill(&c, s);
    pass_vectorize(c.program, bits);
    bool ok = loops_case_run(&c) == 0;
    int at = 0;
    for (int i = 0; i < N && ok; i++) {
        uint8_t code = ((uint8_t *)c.data[1])[i];
        at = i;
        ok = same((double)((float *)c.data[4])[i], formula(s, code)) &&
             same((double)narrow_to_f32(s->type, code), formula(s, code)) &&
             same(formula(s, ((uint8_t *)c.data[3])[i]),
                  wanted(s, (double)((float *)c.data[0])[i], saturate)) &&
             same(formula(s, ((uint8_t *)c.data[5])[i]),
                  wanted(s, ((double *)c.data[2])[i], saturate));
    }
    check(ok, ok ? dtype_name(s->type)
                 : arena_printf(c.arena, "%s, saturate %d: %.9g gives %d, %d", dtype_name(s->type),
                                saturate, (double)((float *)c.data[0])[at],
                                ((uint8_t *)c.data[3])[at], ((uint8_t *)c.data[5])[at]));
    loops_case_free(&c);
}

/* What constants are made with: it saturates, but for infinities. */
static void run_search(const Small *s)
{
    LoopsCase c;
    make(&c, s->type, (Narrowing){true, ROUND_UP});
    fill(&c, s);
    bool ok = true;
    for (int i = 0; i < N && ok; i++) {
        float x = ((float *)c.data[0])[i];
        bool stays = s->infinities && isinf(x);
        ok = same(formula(s, f32_to_narrow(s->type, x)), wanted(s, (double)x, !stays));
    }
    check(ok, "search for a code");
    loops_case_free(&c);
}

static void run_landmarks(void)
{
    check(narrow_to_f32(DT_F8E4M3FN, 0x7e) == 448 && isnan(narrow_to_f32(DT_F8E4M3FN, 0xff)) &&
              narrow_to_f32(DT_F8E5M2, 0x7b) == 57344 && isinf(narrow_to_f32(DT_F8E5M2, 0xfc)) &&
              isnan(narrow_to_f32(DT_F8E4M3FNUZ, 0x80)) &&
              narrow_to_f32(DT_F8E4M3FNUZ, 0x7f) == 240 && narrow_to_f32(DT_F4E2M1, 0xf) == -6 &&
              narrow_to_f32(DT_F8E8M0, 0) == 0x1p-127f && isnan(narrow_to_f32(DT_F8E8M0, 0xff)),
          "landmarks of the text");
    for (int i = 0; i < SMALLS; i++) {
        check(formula(&smalls[i], 1) == smalls[i].least, "the smallest number");
        double most = 0;
        for (int code = 0; code < 1 << smalls[i].bits; code++) {
            double value = formula(&smalls[i], code);
            if (isfinite(value)) most = fmax(most, value);
        }
        check(most == smalls[i].most, "the largest number");
    }
}

/* ---- f8e8m0 ---- */

static int wanted_e8m0(float x, Narrowing how)
{
    if (isnan(x)) return 0xff;
    if (!how.saturate && (x < 0x1p-127f || x > 0x1p127f)) return 0xff;
    if (x <= 0x1p-127f) return 0;
    if (x >= 0x1p127f) return 0xfe;
    int exponent;
    double fraction = frexp((double)x, &exponent); /* [0.5, 1) */
    int below = exponent - 1 + 127;
    if (how.round == ROUND_UP) return below + (fraction > 0.5);
    return below + (how.round == ROUND_NEAREST && fraction >= 0.75);
}

static void run_e8m0(Narrowing how)
{
    static const float special[] = {
        0.0f,       0x1p-127f, 0x1p-126f, 0x1p-149f, 0x1.8p-127f,   0x1p127f,         0x1.7fp127f,
        0x1.8p127f, INFINITY,  NAN,       1.5f,      0x1.7ffffep0f, 0x1.000002p-126f, 0x1.8p-126f};
    LoopsCase c;
    make(&c, DT_F8E8M0, how);
    float *x = c.data[0];
    uint32_t seed = 19;
    for (int i = 0; i < N; i++) {
        uint32_t bits = loops_random(&seed) & 0x7fffffffu;
        if (i % 3 == 0) bits &= 0x7fc00000u;
        if (i % 64 == 1) bits &= 0x007fffffu;
        memcpy(&x[i], &bits, 4);
        ((uint8_t *)c.data[1])[i] = (uint8_t)i;
    }
    memcpy(x, special, sizeof special);
    pass_vectorize(c.program, 256);
    bool ok = loops_case_run(&c) == 0;
    int at = 0;
    for (int i = 0; i < N && ok; i++) {
        uint8_t code = (uint8_t)i;
        double number = code == 255 ? (double)NAN : ldexp(1, code - 127);
        at = i;
        ok = same((double)((float *)c.data[4])[i], number) &&
             same((double)narrow_to_f32(DT_F8E8M0, code), number) &&
             ((uint8_t *)c.data[3])[i] == wanted_e8m0(x[i], how);
    }
    check(ok, ok ? "f8e8m0"
                 : arena_printf(c.arena, "f8e8m0, saturate %d, mode %d: %a gives %d, not %d",
                                how.saturate, (int)how.round, (double)x[at],
                                ((uint8_t *)c.data[3])[at], wanted_e8m0(x[at], how)));
    loops_case_free(&c);
}

/* ---- Integers ---- */

static void run_integers(void)
{
    static const DType types[] = {DT_I4, DT_U4, DT_I2, DT_U2};
    for (int t = 0; t < 4; t++) {
        LoopsCase c;
        loops_case_init(&c, N);
        Builder *b = &c.b;
        Param *x = kb_param(b, "x", DT_F32, true, false),
              *h = kb_param(b, "h", DT_I64, true, false);
        Param *y = kb_param(b, "y", dtype_held(types[t]), false, true);
        Param *z = kb_param(b, "z", dtype_held(types[t]), false, true);
        Inst *v = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, N), 1);
        kb_store(b, y, v, narrow_int_of(b, types[t], kb_load(b, x, v)));
        kb_store(b, z, v, narrow_int_of(b, types[t], kb_load(b, h, v)));
        kb_end(b);
        loops_case_fill(&c, 9);
        for (int i = 0; i < N; i++) {
            ((float *)c.data[0])[i] = (float)(i - N / 2) / 4;
            ((int64_t *)c.data[1])[i] = (int64_t)(i - N / 2) * 0x100000001;
        }
        pass_vectorize(c.program, 128);
        bool ok = loops_case_run(&c) == 0;
        int64_t wide = dtype_max(types[t]) - dtype_min(types[t]) + 1;
        for (int i = 0; i < N && ok; i++) {
            int64_t from[] = {(int64_t)rint((double)((float *)c.data[0])[i]),
                              ((int64_t *)c.data[1])[i]};
            for (int k = 0; k < 2; k++) {
                const void *made = c.data[2 + k];
                int got = dtype_is_signed(types[t]) ? ((const int8_t *)made)[i]
                                                    : ((const uint8_t *)made)[i];
                ok = ok && got >= dtype_min(types[t]) && got <= dtype_max(types[t]) &&
                     (from[k] - got) % wide == 0;
            }
        }
        check(ok, dtype_name(types[t]));
        loops_case_free(&c);
    }
}

/* The first element in the lowest bits; what fills the last byte is zero. */
static void run_packing(void)
{
    const int8_t four[] = {-8, 7, -1, 0, 3}, two[] = {-2, 1, -1, 0, 1};
    uint8_t packed[8], back[8];
    narrow_pack(DT_I4, 5, four, packed);
    narrow_unpack(DT_I4, 5, packed, back);
    check(dtype_const_bytes(DT_I4, 5) == 3 && packed[0] == 0x78 && packed[1] == 0x0f &&
              packed[2] == 3 && !memcmp(back, four, 5),
          "packing of 4 bits");
    narrow_pack(DT_I2, 5, two, packed);
    narrow_unpack(DT_I2, 5, packed, back);
    check(dtype_const_bytes(DT_I2, 5) == 2 && packed[0] == 0x36 && packed[1] == 1 &&
              !memcmp(back, two, 5) && narrow_at(DT_U2, packed, 2) == 3,
          "packing of 2 bits");
}

int main(void)
{
    run_landmarks();
    for (int i = 0; i < SMALLS; i++) {
        run_small(&smalls[i], true, 256);
        run_small(&smalls[i], false, 128);
        run_search(&smalls[i]);
    }
    for (int mode = 0; mode < 6; mode++)
        run_e8m0((Narrowing){mode % 2 == 0, (RoundMode)(mode / 2)});
    run_integers();
    run_packing();
    return failures != 0;
}
