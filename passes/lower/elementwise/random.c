/* lpc.Random: numbers from a counter, Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers,
 * as easy as 1, 2, 3; 2011).
 *
 * An element's four words depend on the key, its index and the time (which iteration, which run), and on
 * nothing else: so every target, backend, cut and number of threads has the same ones. The logarithm and
 * the sine are written out, with sums, products, quotients and a square root, which IEEE 754 defines to the
 * last bit. A target's own functions would differ there. */
#include "passes/lower/frame/lower.h"

#include <string.h>

enum { ROUNDS = 10 };

static Inst *word(Builder *b, uint32_t value)
{
    return kb_int(b, DT_U64, (int64_t)value);
}

/* Words lie in u64, whose product with a constant of 32 bits is the whole one. */
static void philox_round(Builder *b, Inst **c, uint32_t key0, uint32_t key1)
{
    Inst *mask = word(b, 0xffffffffu), *half = word(b, 32);
    Inst *p = kb_mul(b, c[0], word(b, 0xd2511f53u)), *q = kb_mul(b, c[2], word(b, 0xcd9e8d57u));
    Inst *upper = kb_op(b, LI_XOR, kb_op(b, LI_SHR, q, half), c[1]);
    Inst *other = kb_op(b, LI_XOR, kb_op(b, LI_SHR, p, half), c[3]);
    c[0] = kb_op(b, LI_XOR, upper, word(b, key0));
    c[1] = kb_op(b, LI_AND, q, mask);
    c[2] = kb_op(b, LI_XOR, other, word(b, key1));
    c[3] = kb_op(b, LI_AND, p, mask);
}

static void split(Builder *b, Inst *value, Inst **low, Inst **high)
{
    value = kb_cast(b, DT_U64, value);
    *low = kb_op(b, LI_AND, value, word(b, 0xffffffffu));
    *high = kb_op(b, LI_SHR, value, word(b, 32));
}

static void philox(Builder *b, uint64_t key, Inst *index, Inst *time, Inst **words)
{
    uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    split(b, index, &words[0], &words[1]);
    split(b, time, &words[2], &words[3]);
    for (int i = 0; i < ROUNDS; i++) {
        philox_round(b, words, key0, key1);
        key0 += 0x9e3779b9u; /* the golden ratio, and sqrt(3) - 1 */
        key1 += 0xbb67ae85u;
    }
}

/* A whole number below 2^24, or of two words below 2^53, plus `more`, over that power: exact. */
static Inst *fraction(Builder *b, DType type, Inst *const *words, int more)
{
    if (type == DT_F32) {
        Inst *k = kb_cast(b, DT_I32, kb_op(b, LI_SHR, words[0], word(b, 8)));
        k = kb_add(b, k, kb_int(b, DT_I32, more));
        return kb_mul(b, kb_cast(b, type, k), kb_float(b, type, 0x1p-24));
    }
    Inst *k = kb_op(b, LI_SHL, words[0], word(b, 21));
    k = kb_op(b, LI_OR, k, kb_op(b, LI_SHR, words[1], word(b, 11)));
    k = kb_addi(b, kb_cast(b, DT_I64, k), more);
    return kb_mul(b, kb_cast(b, type, k), kb_float(b, type, 0x1p-53));
}

/* x = 2^e m with m in [sqrt(1/2), sqrt(2)): log x = e ln 2 + 2 (s + s^3/3 + s^5/5 ...), s = (m-1)/(m+1),
 * |s| < 0.172. For normal x alone. */
static Inst *logarithm(Builder *b, Inst *x)
{
    DType type = x->type.dtype, whole = type == DT_F32 ? DT_I32 : DT_I64;
    bool is_double = type == DT_F64;
    Inst *digits = kb_int(b, whole, is_double ? 52 : 23);
    Inst *root = kb_int(b, whole, is_double ? 0x3fe6a09e667f3bcd : 0x3f3504f3); /* sqrt(1/2) */
    Inst *bits = kb_bitcast(b, whole, x);
    Inst *e = kb_op(b, LI_SHR, kb_sub(b, bits, root), digits);
    Inst *m = kb_bitcast(b, type, kb_sub(b, bits, kb_op(b, LI_SHL, e, digits)));
    Inst *one = kb_float(b, type, 1);
    Inst *less = kb_sub(b, m, one), *more = kb_add(b, m, one);
    Inst *s = kb_op(b, LI_DIV, less, more), *z = kb_mul(b, s, s);
    int terms = is_double ? 12 : 6;
    Inst *sum = kb_float(b, type, 1.0 / (2 * terms - 1));
    for (int k = terms - 2; k >= 0; k--)
        sum = kb_add(b, kb_mul(b, sum, z), kb_float(b, type, 1.0 / (2 * k + 1)));
    e = kb_cast(b, type, e);
    Inst *near =
        kb_mul(b, kb_add(b, s, s), sum); /* ln 2 in two parts: e times the first is exact */
    near = kb_add(b, near, kb_mul(b, e, kb_float(b, type, -2.12194440054690582767e-4)));
    return kb_add(b, near, kb_mul(b, e, kb_float(b, type, 0.693359375)));
}

/* sin(2 pi w) for |w| <= 1/4 by its series. */
static Inst *sine_of_turn(Builder *b, Inst *w)
{
    DType type = w->type.dtype;
    int terms = type == DT_F64 ? 13 : 8;
    Inst *x = kb_mul(b, w, kb_float(b, type, 6.283185307179586)), *z = kb_mul(b, x, x);
    Inst *sum = kb_float(b, type, 1);
    for (int k = terms - 1; k >= 1; k--) { /* 1 - z/2/3 (1 - z/4/5 (1 - ...)) */
        sum = kb_mul(b, kb_mul(b, sum, z), kb_float(b, type, -1.0 / (2 * k * (2 * k + 1))));
        sum = kb_add(b, sum, kb_float(b, type, 1));
    }
    return kb_mul(b, x, sum);
}

/* Box and Muller: sqrt(-2 log u) cos(2 pi v), u in (0, 1], v in [0, 1); cos(2 pi v) is
 * sin(2 pi (|v - 1/2| - 1/4)). */
static Inst *normal(Builder *b, DType type, Inst *const *words)
{
    Inst *u = fraction(b, type, words, 1), *v = fraction(b, type, words + 2, 0);
    Inst *square = kb_mul(b, logarithm(b, u), kb_float(b, type, -2));
    Inst *turn = kb_op1(b, LI_ABS, kb_sub(b, v, kb_float(b, type, 0.5)));
    turn = kb_sub(b, turn, kb_float(b, type, 0.25));
    Inst *radius = kb_op1(b, LI_SQRT, square);
    return kb_mul(b, radius, sine_of_turn(b, turn));
}

Inst *point_random(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *out = node->out[output];
    Builder *b = &lw->b;
    Inst *none[MAX_RANK] = {0}, *words[4], *time = kb_i64(b, 0);
    if (node_in(node, 1)) time = lower_load(lw, node->in[1], none);
    Inst *index = lower_flatten(lw, out->rank, out->dims, idx);
    philox(b, (uint64_t)node_int(node, "key"), index, time, words);
    if (!strcmp(node_string(node, "law"), "normal")) return normal(b, out->dtype, words);
    return fraction(b, out->dtype, words, 0);
}
