/* pass_expand_math: exp, log, tanh, erf and their kin in f32, and bf16 conversion, as ordinary
 * instructions.
 *
 * Requires: verified loops, scalars or vectors. Keeps: everything else. After it there is no f32
 * EXP, EXPM1, LOG, LOG1P, TANH or ERF and no CAST from or to bf16. The code is straight-line, so
 * that loops around it vectorize, and it has only products and sums that are rounded one by one, so
 * that every backend gets the same bits whether its machine has a fused multiply-add or not.
 *
 *     %5 = mul %1, 1.442695                  exp x = 2^n exp r, |r| <= ln 2 / 2, n = rint(%5)
 *     ...                                    a polynomial of r, then n goes into the exponent
 *
 * Within 2 ulp of the true value (tests/unit/test_loops_math.c measures it), exact for infinities,
 * NaN and 0; exp is right down to the subnormals. The coefficients are made by expand_math.py; ln 2
 * is split (Cody and Waite) so that n times its upper part is exact. */
#include "passes/loops/passes.h"
#include "passes/loops/rewrite.h"

#include <math.h>

static const double exp_tail[] = {0.0001984595724, 0.001394165293, 0.00833339164,
                                  0.0416663487,    0.1666666635,   0.5};
static const double log_tail[] = {0.06746680108, -0.1167568502, 0.1188816291,
                                  -0.1240558295, 0.1421955124,  -0.1666799618,
                                  0.2000211874,  -0.2500000959, 0.333333126};
static const double erf_near[] = {-0.0005965797627, 0.004988306411, -0.02676332942,
                                  0.1128172673,     -0.3761248529,  0.1283791483};
static const double erf_far[] = {1.123126515e-5, -0.0003228036337, 0.003642458935, -0.02376206448,
                                 0.1062368814,   0.6351513131,     0.1286484913};
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const double ln2_upper = 0.693359375, ln2_lower = -2.12194440054690582e-4;

static Inst *num(Builder *b, double value)
{
    return kb_float(b, DT_F32, value);
}

static Inst *whole(Builder *b, int64_t value)
{
    return kb_int(b, DT_I32, value);
}

/* Horner's rule, highest coefficient first. */
static Inst *polynomial(Builder *b, Inst *x, const double *coefs, int count)
{
    Inst *sum = num(b, coefs[0]);
    for (int i = 1; i < count; i++) sum = kb_add(b, kb_mul(b, sum, x), num(b, coefs[i]));
    return sum;
}

/* min(x, limit), where a NaN stays: the operands' order matters. */
static Inst *at_most(Builder *b, Inst *x, double limit)
{
    return kb_op(b, LI_MIN, num(b, limit), x);
}

static Inst *at_least(Builder *b, Inst *x, double limit)
{
    return kb_op(b, LI_MAX, num(b, limit), x);
}

/* 2^n of an i32 in [-126, 127]; 128 gives infinity. Only n's lower nine bits count. */
static Inst *power_of_two(Builder *b, Inst *n)
{
    Inst *bits = kb_op(b, LI_SHL, kb_add(b, n, whole(b, 127)), whole(b, 23));
    return kb_bitcast(b, DT_F32, bits);
}

/* Adding it rounds to a whole number, ties to even, which then stands in the lower bits. */
static const double round_bias = 12582912; /* 1.5 * 2^23 */

/* x = n ln 2 + r: gives exp(r) - 1, and n in the lower nine bits of an i32. There is no conversion, for
 * which a NaN has no value; whatever a NaN's bits give, NaN times that is a NaN. */
static Inst *reduced_expm1(Builder *b, Inst *x, Inst **n)
{
    Inst *biased = kb_add(b, kb_mul(b, x, num(b, 1.4426950408889634)), num(b, round_bias));
    Inst *k = kb_sub(b, biased, num(b, round_bias));
    Inst *r = kb_sub(b, x, kb_mul(b, k, num(b, ln2_upper)));
    r = kb_sub(b, r, kb_mul(b, k, num(b, ln2_lower)));
    *n = kb_bitcast(b, DT_I32, biased);
    Inst *tail = polynomial(b, r, exp_tail, COUNT(exp_tail));
    return kb_add(b, kb_mul(b, kb_mul(b, r, r), tail), r);
}

/* Two factors, so that subnormal results are rounded once and the largest ones do not overflow. */
static Inst *expand_exp(Builder *b, Inst *x)
{
    Inst *n;
    Inst *value = reduced_expm1(b, at_least(b, at_most(b, x, 89), -104), &n);
    value = kb_add(b, value, num(b, 1));
    Inst *part = kb_op(b, LI_SHR, n, whole(b, 1));
    value = kb_mul(b, value, power_of_two(b, part));
    return kb_mul(b, value, power_of_two(b, kb_sub(b, n, part)));
}

/* 2 (2^(n-1) q + (2^(n-1) - 1/2)) = 2^n q + 2^n - 1, which does not overflow before the result. */
static Inst *expand_expm1(Builder *b, Inst *x)
{
    Inst *n;
    Inst *q = reduced_expm1(b, at_least(b, at_most(b, x, 89), -20), &n);
    Inst *scale = power_of_two(b, kb_sub(b, n, whole(b, 1)));
    Inst *product = kb_mul(b, q, scale), *rest = kb_sub(b, scale, num(b, 0.5));
    Inst *half = kb_add(b, product, rest);
    return kb_mul(b, half, num(b, 2));
}

/* x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), by its bits; subnormals are scaled up first.
 */
static Inst *reduced_log(Builder *b, Inst *x, Inst **e)
{
    Inst *tiny = kb_op(b, LI_LT, x, num(b, 1.17549435e-38));
    Inst *scaled = kb_select(b, tiny, kb_mul(b, x, num(b, 8388608)), x);
    Inst *bits = kb_bitcast(b, DT_I32, scaled);
    Inst *k = kb_op(b, LI_SHR, kb_sub(b, bits, whole(b, 0x3f3504f3)), whole(b, 23));
    Inst *m = kb_bitcast(b, DT_F32, kb_sub(b, bits, kb_op(b, LI_SHL, k, whole(b, 23))));
    k = kb_add(b, k, kb_select(b, tiny, whole(b, -23), whole(b, 0)));
    *e = kb_cast(b, DT_F32, k);
    return kb_sub(b, m, num(b, 1));
}

static Inst *expand_log(Builder *b, Inst *x)
{
    Inst *e;
    Inst *f = reduced_log(b, x, &e);
    Inst *z = kb_mul(b, f, f);
    Inst *tail = polynomial(b, f, log_tail, COUNT(log_tail));
    Inst *y = kb_mul(b, kb_mul(b, f, z), tail);
    y = kb_add(b, y, kb_mul(b, e, num(b, ln2_lower)));
    y = kb_sub(b, y, kb_mul(b, z, num(b, 0.5)));
    Inst *upper = kb_mul(b, e, num(b, ln2_upper));
    y = kb_add(b, kb_add(b, f, y), upper);
    y = kb_select(b, kb_op(b, LI_LT, x, num(b, INFINITY)), y, x); /* infinity and NaN are x */
    y = kb_select(b, kb_op(b, LI_LT, x, num(b, 0)), num(b, NAN), y);
    return kb_select(b, kb_op(b, LI_EQ, x, num(b, 0)), num(b, -INFINITY), y);
}

/* log(u) with u = 1 + x rounded, less what the rounding added, relative to u. */
static Inst *expand_log1p(Builder *b, Inst *x)
{
    Inst *u = kb_add(b, x, num(b, 1));
    Inst *extra = kb_sub(b, kb_sub(b, u, num(b, 1)), x);
    Inst *log = expand_log(b, u);
    Inst *exact = kb_sub(b, log, kb_op(b, LI_DIV, extra, u));
    Inst *finite = kb_op(b, LI_LT, kb_op1(b, LI_ABS, log), num(b, INFINITY));
    return kb_select(b, finite, exact, log);
}

static Inst *with_sign_of(Builder *b, Inst *value, Inst *sign)
{
    Inst *bit = kb_op(b, LI_AND, kb_bitcast(b, DT_I32, sign), whole(b, INT32_MIN));
    return kb_bitcast(b, DT_F32, kb_op(b, LI_OR, kb_bitcast(b, DT_I32, value), bit));
}

/* t / (t + 2) with t = exp(2 |x|) - 1; from 10 on it is 1. */
static Inst *expand_tanh(Builder *b, Inst *x)
{
    Inst *n;
    Inst *a = at_most(b, kb_op1(b, LI_ABS, x), 10);
    Inst *q = reduced_expm1(b, kb_add(b, a, a), &n);
    Inst *scale = power_of_two(b, n);
    Inst *product = kb_mul(b, q, scale), *less = kb_sub(b, scale, num(b, 1));
    Inst *t = kb_add(b, product, less);
    return with_sign_of(b, kb_op(b, LI_DIV, t, kb_add(b, t, num(b, 2))), x);
}

/* x + x p(x^2) below 0.927, else 1 - exp(-t - t p(t)); from 4 on it is 1. */
static Inst *expand_erf(Builder *b, Inst *x)
{
    Inst *t = at_most(b, kb_op1(b, LI_ABS, x), 4);
    Inst *near = polynomial(b, kb_mul(b, t, t), erf_near, COUNT(erf_near));
    near = kb_add(b, t, kb_mul(b, t, near));
    Inst *n;
    Inst *power = kb_add(b, t, kb_mul(b, t, polynomial(b, t, erf_far, COUNT(erf_far))));
    Inst *q = reduced_expm1(b, kb_op1(b, LI_NEG, power), &n);
    Inst *scale = power_of_two(b, n);
    Inst *rest = kb_mul(b, kb_add(b, q, num(b, 1)), scale);
    Inst *far = kb_sub(b, num(b, 1), rest);
    Inst *value = kb_select(b, kb_op(b, LI_GT, t, num(b, 0.927)), far, near);
    return with_sign_of(b, value, x);
}

/* ---- bf16: the upper half of an f32. ---- */

static Inst *from_bf16(Builder *b, Inst *value)
{
    Inst *bits = kb_cast(b, DT_U32, kb_bitcast(b, DT_U16, value));
    return kb_bitcast(b, DT_F32, kb_op(b, LI_SHL, bits, kb_int(b, DT_U32, 16)));
}

/* To nearest, ties to even; a NaN stays one. */
static Inst *to_bf16(Builder *b, Inst *value)
{
    Inst *bits = kb_bitcast(b, DT_U32, value);
    Inst *upper = kb_op(b, LI_SHR, bits, kb_int(b, DT_U32, 16));
    Inst *odd = kb_op(b, LI_AND, upper, kb_int(b, DT_U32, 1));
    Inst *rounded = kb_add(b, kb_add(b, bits, odd), kb_int(b, DT_U32, 0x7fff));
    rounded = kb_op(b, LI_SHR, rounded, kb_int(b, DT_U32, 16));
    Inst *quiet = kb_op(b, LI_OR, upper, kb_int(b, DT_U32, 0x40));
    Inst *bf16 = kb_select(b, kb_op(b, LI_NE, value, value), quiet, rounded);
    return kb_bitcast(b, DT_BF16, kb_cast(b, DT_U16, bf16));
}

static Inst *expand_cast(Builder *b, DType to, Inst *value)
{
    if (value->type.dtype == DT_BF16) return kb_cast(b, to, from_bf16(b, value));
    return to_bf16(b, kb_cast(b, DT_F32, value));
}

static bool expand_hook(Rewriter *rw, Inst *old)
{
    Builder *b = &rw->b;
    char class = inst_class(old->op);
    if (class != 'F' && class != 'O') return false;
    Inst *x = rewrite_get(rw, old->arg[0]);
    Inst *value = NULL;
    bool f32 = class == 'F' && old->type.dtype == DT_F32;
    bool bf16 = old->op == LI_CAST && (old->type.dtype == DT_BF16 || x->type.dtype == DT_BF16);
    if (bf16) value = expand_cast(b, old->type.dtype, x);
    if (f32 && old->op == LI_EXP) value = expand_exp(b, x);
    if (f32 && old->op == LI_EXPM1) value = expand_expm1(b, x);
    if (f32 && old->op == LI_LOG) value = expand_log(b, x);
    if (f32 && old->op == LI_LOG1P) value = expand_log1p(b, x);
    if (f32 && old->op == LI_TANH) value = expand_tanh(b, x);
    if (f32 && old->op == LI_ERF) value = expand_erf(b, x);
    if (value) rewrite_set(rw, old, value);
    return value != NULL;
}

int pass_expand_math(Program *program)
{
    for (int i = 0; i < program->kernel_count; i++)
        rewrite_kernel(program->kernels[i], expand_hook, NULL);
    return LPC_OK;
}
