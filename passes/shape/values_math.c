/* Contents of small tensors: element-wise arithmetic, comparisons and logic on sizes. */
#include "passes/shape/values.h"

#include <math.h>

static const Size *truth(Values *v, bool value)
{
    return size_const(v->g->sizes, value);
}

/* Value range of a - b; false when it says nothing. */
static const Size *compare(Values *v, OpCode op, const Size *a, const Size *b)
{
    SizeTable *t = v->g->sizes;
    if (op == OP_GREATER) return compare(v, OP_LESS, b, a);
    if (op == OP_GREATER_OR_EQUAL) return compare(v, OP_LESS_OR_EQUAL, b, a);
    const Size *difference = size_sub(t, a, b);
    int64_t low = size_lower(t, difference), high = size_upper(t, difference);
    if (op == OP_EQUAL) {
        if (a == b || (low == 0 && high == 0)) return truth(v, true);
        return low > 0 || high < 0 ? truth(v, false) : NULL;
    }
    int64_t least = op == OP_LESS ? 0 : 1; /* false from here on */
    if (high < least) return truth(v, true);
    return low >= least ? truth(v, false) : NULL;
}

static const Size *divide(Values *v, const Size *a, const Size *b)
{
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

static const Size *modulo(Values *v, const Size *a, const Size *b)
{
    if (!size_is_const(b) || b->value <= 0 || node_int(v->n, "fmod")) return NULL;
    return size_mod(v->g->sizes, a, b);
}

static const Size *binary(Values *v, const Size *a, const Size *b)
{
    SizeTable *t = v->g->sizes;
    if (!a || !b) {
        if (v->n->op != OP_MUL || (!a && !b)) return NULL;
        return size_is(a ? a : b, 0) && dtype_is_int(v->n->out[0]->dtype) ? (a ? a : b) : NULL;
    }
    switch (v->n->op) {
    case OP_ADD:
    case OP_SUM: return size_add(t, a, b);
    case OP_SUB: return size_sub(t, a, b);
    case OP_MUL: return size_mul(t, a, b);
    case OP_DIV: return divide(v, a, b);
    case OP_MOD: return modulo(v, a, b);
    case OP_MIN: return size_min(t, a, b);
    case OP_MAX: return size_max(t, a, b);
    case OP_EQUAL:
    case OP_LESS:
    case OP_GREATER:
    case OP_LESS_OR_EQUAL:
    case OP_GREATER_OR_EQUAL: return compare(v, v->n->op, a, b);
    case OP_XOR:
        return size_is_const(a) && size_is_const(b) ? truth(v, a->value != b->value) : NULL;
    default: return NULL;
    }
}

/* One side of And or Or can be enough. */
static const Size *logic(Values *v, const Size *a, const Size *b)
{
    int64_t decides = v->n->op == OP_OR;
    if ((a && size_is(a, decides)) || (b && size_is(b, decides))) return truth(v, decides != 0);
    return a && b && size_is_const(a) && size_is_const(b) ? truth(v, !decides) : NULL;
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

/* Floor, Ceil, or Cast to an integer type (sizes are not negative: the same as Floor). */
static const Size *round_whole(Values *v, const Size *x, const int64_t *at)
{
    if (x) return x;
    const Size *top;
    int64_t bottom;
    Tensor *from = v->n->in[0];
    if (!tensor_is_static(from) || !dtype_is_float(from->dtype)) return NULL;
    if (!quotient_of(v, from, at, v->n->out[0]->rank, &top, &bottom)) return NULL;
    const Size *by = size_const(v->g->sizes, bottom);
    return v->n->op == OP_CEIL ? size_ceildiv(v->g->sizes, top, by)
                               : size_div(v->g->sizes, top, by);
}

static const Size *cast(Values *v, const Size *x, const int64_t *at)
{
    DType to = v->n->out[0]->dtype;
    if (to == DT_BOOL) {
        if (!x) return NULL;
        if (size_is_const(x)) return truth(v, x->value != 0);
        return size_lower(v->g->sizes, x) > 0 ? truth(v, true) : NULL;
    }
    if (dtype_is_int(to)) {
        x = round_whole(v, x, at);
        if (x && size_is_const(x) && (x->value < dtype_min(to) || x->value > dtype_max(to)))
            return NULL;
        return x;
    }
    return x;
}

static const Size *unary(Values *v, const Size *x, const int64_t *at)
{
    SizeTable *t = v->g->sizes;
    switch (v->n->op) {
    case OP_IDENTITY: return x;
    case OP_CAST:
    case OP_CAST_LIKE: return cast(v, x, at);
    case OP_FLOOR:
    case OP_CEIL: return round_whole(v, x, at);
    case OP_ROUND: return x;
    case OP_NEG: return x ? size_sub(t, size_const(t, 0), x) : NULL;
    case OP_ABS:
    case OP_RELU:
        if (!x) return NULL;
        if (size_lower(t, x) >= 0) return x;
        if (v->n->op == OP_RELU) return size_max(t, x, size_const(t, 0));
        return size_is_const(x) ? size_const(t, -x->value) : NULL;
    case OP_NOT: return x && size_is_const(x) ? truth(v, x->value == 0) : NULL;
    default: return NULL;
    }
}

static const Size *operand(Values *v, int k, const int64_t *at)
{
    const Tensor *x = v->n->in[k];
    if (!v->in[k]) return NULL;
    return v->in[k][values_flatten(x, v->n->out[0]->rank, at)];
}

static const Size *where(Values *v, const int64_t *at)
{
    const Size *condition = operand(v, 0, at);
    if (condition && size_is_const(condition)) return operand(v, condition->value ? 1 : 2, at);
    const Size *a = operand(v, 1, at), *b = operand(v, 2, at);
    return a == b ? a : NULL;
}

const Size *values_elementwise(Values *v, int64_t i, const int64_t *at)
{
    (void)i;
    const Node *n = v->n;
    if (n->op == OP_WHERE) return where(v, at);
    if (n->op == OP_CAST_LIKE || n->in_count == 1) {
        const Size *x = operand(v, 0, at);
        bool is_nary = n->op == OP_SUM || n->op == OP_MIN || n->op == OP_MAX || n->op == OP_MEAN;
        return is_nary ? x : unary(v, x, at);
    }
    if (n->op == OP_CLIP || n->op == OP_MEAN) return NULL;
    if (n->op == OP_AND || n->op == OP_OR) return logic(v, operand(v, 0, at), operand(v, 1, at));
    const Size *all = operand(v, 0, at);
    for (int k = 1; k < n->in_count; k++) {
        all = binary(v, all, operand(v, k, at));
        if (!all) return NULL;
    }
    return all;
}
