/* Contents of small tensors: element-wise arithmetic, comparisons and logic on sizes (column VALUES of
 * ir/ops.def). Rules see no operator's name, but quotients, which are about Mul and Div. */
#include "passes/shape/values.h"

#include <math.h>

static const Size *truth(Values *v, bool value)
{
    return size_const(v->g->sizes, value);
}

/* The input's element that is broadcast to `at`; NULL when it is not known. */
static const Size *operand(Values *v, int k, const int64_t *at)
{
    const Tensor *x = v->n->in[k];
    if (!v->in[k]) return NULL;
    return v->in[k][values_flatten(x, v->n->out[0]->rank, at)];
}

/* ---- Arithmetic ---- */

typedef const Size *Combine(SizeTable *t, const Size *a, const Size *b);

/* Sizes stop at the ends of 64 bits, where elements wrap around: NULL then. */
static const Size *unless_at_end(const Size *s)
{
    bool is_end = s && size_is_const(s) && (s->value == INT64_MAX || s->value == INT64_MIN);
    return is_end ? NULL : s;
}

/* All operands, which are known, combined from the left. */
static const Size *combined(Values *v, const int64_t *at, Combine *combine)
{
    const Size *all = operand(v, 0, at);
    for (int k = 1; all && k < v->n->in_count; k++)
        all = combine(v->g->sizes, all, operand(v, k, at));
    return all;
}

const Size *values_add(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return unless_at_end(combined(v, at, size_add));
}

const Size *values_sub(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return unless_at_end(combined(v, at, size_sub));
}

const Size *values_min(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return combined(v, at, size_min);
}

const Size *values_max(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return combined(v, at, size_max);
}

const Size *values_mean(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return v->n->in_count == 1 ? operand(v, 0, at) : NULL;
}

/* 0 * x is 0 whatever x is. */
const Size *values_mul(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *a = operand(v, 0, at), *b = operand(v, 1, at);
    if (a && b) return unless_at_end(size_mul(v->g->sizes, a, b));
    const Size *known = a ? a : b;
    return known && size_is(known, 0) && dtype_is_int(v->n->out[0]->dtype) ? known : NULL;
}

const Size *values_div(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *a = operand(v, 0, at), *b = operand(v, 1, at);
    SizeTable *t = v->g->sizes;
    bool is_float = dtype_is_float(v->n->out[0]->dtype);
    if (size_is(b, 0)) return NULL;
    if (size_is_const(a) && size_is_const(b)) {
        if (is_float && a->value % b->value) return NULL;
        if (a->value == INT64_MIN) return NULL;
        return size_const(t, a->value / b->value); /* towards 0 */
    }
    if (size_is_const(b) && b->value < 0) return NULL;
    const Size *quotient = size_div(t, a, b);
    if (is_float && size_mul(t, quotient, b) != a) return NULL;
    return quotient;
}

const Size *values_mod(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *a = operand(v, 0, at), *b = operand(v, 1, at);
    if (!size_is_const(b) || b->value <= 0 || node_int(v->n, "fmod")) return NULL;
    return size_mod(v->g->sizes, a, b);
}

const Size *values_neg(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return unless_at_end(size_sub(v->g->sizes, size_const(v->g->sizes, 0), operand(v, 0, at)));
}

const Size *values_abs(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *x = operand(v, 0, at);
    if (size_lower(v->g->sizes, x) >= 0) return x;
    return size_is_const(x) ? size_const(v->g->sizes, -x->value) : NULL;
}

const Size *values_relu(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    SizeTable *t = v->g->sizes;
    const Size *x = operand(v, 0, at);
    return size_lower(t, x) >= 0 ? x : size_max(t, x, size_const(t, 0));
}

/* Identity; Round of whole numbers. */
const Size *values_same(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return operand(v, 0, at);
}

/* ---- Comparisons and logic ---- */

/* What the range of a - b says of it; NULL when that is nothing. */
static const Size *less(Values *v, const Size *a, const Size *b, bool or_equal)
{
    SizeTable *t = v->g->sizes;
    const Size *difference = size_sub(t, a, b);
    int64_t low = size_lower(t, difference), high = size_upper(t, difference);
    int64_t least = or_equal; /* false from here on */
    if (high < least) return truth(v, true);
    return low >= least ? truth(v, false) : NULL;
}

const Size *values_equal(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    SizeTable *t = v->g->sizes;
    const Size *a = operand(v, 0, at), *b = operand(v, 1, at), *difference = size_sub(t, a, b);
    int64_t low = size_lower(t, difference), high = size_upper(t, difference);
    if (a == b || (low == 0 && high == 0)) return truth(v, true);
    return low > 0 || high < 0 ? truth(v, false) : NULL;
}

const Size *values_less(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return less(v, operand(v, 0, at), operand(v, 1, at), false);
}

const Size *values_less_or_equal(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return less(v, operand(v, 0, at), operand(v, 1, at), true);
}

const Size *values_greater(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return less(v, operand(v, 1, at), operand(v, 0, at), false);
}

const Size *values_greater_or_equal(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return less(v, operand(v, 1, at), operand(v, 0, at), true);
}

const Size *values_not(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *x = operand(v, 0, at);
    return size_is_const(x) ? truth(v, x->value == 0) : NULL;
}

const Size *values_xor(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *a = operand(v, 0, at), *b = operand(v, 1, at);
    return size_is_const(a) && size_is_const(b) ? truth(v, a->value != b->value) : NULL;
}

/* One side of And or Or can be enough. */
static const Size *logic(Values *v, const int64_t *at, bool decides)
{
    const Size *a = operand(v, 0, at), *b = operand(v, 1, at);
    if ((a && size_is(a, decides)) || (b && size_is(b, decides))) return truth(v, decides);
    return a && b && size_is_const(a) && size_is_const(b) ? truth(v, !decides) : NULL;
}

const Size *values_and(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return logic(v, at, false);
}

const Size *values_or(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return logic(v, at, true);
}

const Size *values_where(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *condition = operand(v, 0, at);
    if (condition && size_is_const(condition)) return operand(v, condition->value ? 1 : 2, at);
    const Size *a = operand(v, 1, at), *b = operand(v, 2, at);
    return a == b ? a : NULL;
}

/* ---- Quotients ---- */

/* x's element i as top / bottom: x is computed in floating point from whole numbers by one
 * multiplication or division. */
static bool quotient_of(Values *v, Tensor *x, const int64_t *at, int rank, const Size **top,
                        int64_t *bottom)
{
    Node *n = x->producer;
    if (!n || (n->op != OP_MUL && n->op != OP_DIV)) return false;
    const Size *side[2] = {NULL, NULL};
    double number[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        const Size *const *values = tensor_values(v->g, n->in[k], NULL);
        int64_t flat = tensor_is_static(n->in[k]) ? values_flatten(n->in[k], rank, at) : 0;
        if (values)
            side[k] = values[flat];
        else if (n->in[k]->data)
            number[k] = const_f64_at(n->in[k], flat);
        else
            return false;
    }
    if (n->op == OP_MUL && !side[0] && side[1]) {
        side[0] = side[1], side[1] = NULL;
        number[1] = number[0];
    }
    if (!side[0]) return false;
    if (side[1]) {
        if (n->op != OP_DIV || !size_is_const(side[1]) || side[1]->value <= 0) return false;
        *top = side[0];
        *bottom = side[1]->value;
        return true;
    }
    double scale = n->op == OP_DIV ? 1 / number[1] : number[1];
    for (int64_t d = 1; d <= 64 && scale > 0 && scale < 1e6; d++) {
        double times = scale * (double)d;
        if (fabs(times - rint(times)) > 1e-6 * times) continue;
        *top = size_muli(v->g->sizes, side[0], (int64_t)rint(times));
        *bottom = d;
        return true;
    }
    return false;
}

/* x or, where that is not known but a quotient is, its whole part. */
static const Size *round_whole(Values *v, const Size *x, const int64_t *at, bool up)
{
    if (x) return x;
    const Size *top;
    int64_t bottom;
    Tensor *from = v->n->in[0];
    if (!tensor_is_static(from) || !dtype_is_float(from->dtype)) return NULL;
    if (!quotient_of(v, from, at, v->n->out[0]->rank, &top, &bottom)) return NULL;
    const Size *by = size_const(v->g->sizes, bottom);
    return up ? size_ceildiv(v->g->sizes, top, by) : size_div(v->g->sizes, top, by);
}

const Size *values_floor(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return round_whole(v, operand(v, 0, at), at, false);
}

const Size *values_ceil(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return round_whole(v, operand(v, 0, at), at, true);
}

/* To an integer type: sizes are not negative, so it is the same as Floor. */
const Size *values_cast(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    SizeTable *t = v->g->sizes;
    DType to = v->n->out[0]->dtype;
    const Size *x = operand(v, 0, at);
    if (to == DT_BOOL) {
        if (!x) return NULL;
        if (size_is_const(x)) return truth(v, x->value != 0);
        return size_lower(t, x) > 0 ? truth(v, true) : NULL;
    }
    if (!dtype_is_int(to)) return x;
    x = round_whole(v, x, at, false);
    if (x && size_is_const(x) && (x->value < dtype_min(to) || x->value > dtype_max(to)))
        return NULL;
    return x;
}
