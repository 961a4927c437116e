/* Loops of reductions: see reduction.h. */
#include "passes/lower/reductions/reduction.h"
#include "passes/lower/frame/scalar.h"

#include <math.h>
#include <string.h>

/* ---- Declared orders ---- */

static void permute(const Node *node, const uint8_t *from, uint8_t *order)
{
    const int64_t *perm;
    int rank = node->out[0]->rank, count = node_ints(node, "perm", &perm);
    for (int i = 0; i < rank; i++) {
        order[i] = (uint8_t)i;
        for (int k = 0; k < rank; k++) {
            int source = count == rank ? (int)perm[k] : rank - 1 - k;
            if (source == from[i]) order[i] = (uint8_t)k;
        }
    }
}

static const Tensor *same_shape_input(const Node *node, const Tensor *like)
{
    for (int i = 0; i < node->in_count; i++) {
        const Tensor *in = node->in[i];
        if (!in || in->data || in->rank != like->rank) continue;
        bool same = true;
        for (int k = 0; k < in->rank; k++) same = same && in->dims[k] == like->dims[k];
        if (same) return in;
    }
    return NULL;
}

static void order_of(const Tensor *tensor, uint8_t *order, int depth)
{
    for (int i = 0; i < MAX_RANK; i++) order[i] = (uint8_t)i;
    if (tensor->has_order) {
        memcpy(order, tensor->order, (size_t)tensor->rank);
        return;
    }
    const Node *node = tensor->producer;
    if (!tensor->is_inlined || !node || depth > 16) return;
    if (node->op == OP_TRANSPOSE) {
        uint8_t inner[MAX_RANK];
        order_of(node->in[0], inner, depth + 1);
        permute(node, inner, order);
    } else if (op_info(node->op)->traits & T_ELEMENTWISE) {
        const Tensor *in = same_shape_input(node, tensor);
        if (in) order_of(in, order, depth + 1);
    }
}

void declared_order(const Tensor *tensor, uint8_t order[MAX_RANK])
{
    order_of(tensor, order, 0);
}

int declared_innermost(const Tensor *tensor)
{
    uint8_t order[MAX_RANK];
    declared_order(tensor, order);
    for (int i = tensor->rank - 1; i >= 0; i--) {
        if (!size_is(tensor->dims[order[i]], 1)) return order[i];
    }
    return -1;
}

/* ---- Loops ---- */

void reduction_init(Reduction *r, Lower *lw, const Tensor *x, const bool *reduced)
{
    *r = (Reduction){.lw = lw, .x = x, .split = -1};
    declared_order(x, r->order);
    int inner = declared_innermost(x);
    for (int i = 0; i < x->rank; i++) {
        r->reduced[i] = reduced[i];
        r->idx[i] = kb_i64(&lw->b, 0);
    }
    r->along = inner >= 0 && reduced[inner];
}

static bool is_outer(const Reduction *r, int axis)
{
    if (axis == r->split) return r->groups > 1;
    return !r->reduced[axis] && !size_is(r->x->dims[axis], 1);
}

static const Size *inner_size(const Reduction *r, int axis)
{
    if (axis != r->split) return r->x->dims[axis];
    return size_divi(r->lw->sizes, r->x->dims[axis], r->groups);
}

/* The single outer loop, VECTOR, cut into chunks that run in parallel. */
static void open_chunks(Reduction *r, int axis)
{
    enum { CHUNK = 32 };
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    const Size *size = r->x->dims[axis];
    const Size *chunks = size_ceildiv(lw->sizes, size, size_const(lw->sizes, CHUNK));
    Inst *from = kb_muli(b, kb_for_n(b, LOOP_PARALLEL, chunks), CHUNK);
    Inst *to = kb_op(b, LI_MIN, kb_addi(b, from, CHUNK), kb_size(b, size));
    r->idx[axis] = kb_for(b, LOOP_VECTOR, from, to, 1);
    r->outer_loops = 2;
}

void reduction_open(Reduction *r, double work)
{
    Lower *lw = r->lw;
    int last = -1, count = 0;
    for (int i = 0; i < r->x->rank; i++) {
        if (!is_outer(r, r->order[i])) continue;
        last = i;
        count++;
    }
    work *= lower_work(lw, r->x);
    r->outer_loops = 0;
    LoopKind first = lower_parallel(lw, work);
    if (count == 1 && !r->along && first == LOOP_PARALLEL &&
        size_upper(lw->sizes, r->x->dims[r->order[last]]) > 64) {
        open_chunks(r, r->order[last]);
        return;
    }
    for (int i = 0; i <= last; i++) {
        int axis = r->order[i];
        if (!is_outer(r, axis)) continue;
        LoopKind kind = r->outer_loops == 0 ? first : LOOP_SERIAL;
        if (i == last && !r->along) kind = LOOP_VECTOR;
        if (axis == r->split)
            r->group = kb_for_n(&lw->b, kind, size_const(lw->sizes, r->groups));
        else
            r->idx[axis] = kb_for_n(&lw->b, kind, r->x->dims[axis]);
        r->outer_loops++;
    }
}

void reduction_close(Reduction *r)
{
    while (r->outer_loops-- > 0) kb_end(&r->lw->b);
}

void reduction_each(Reduction *r, bool vector)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    int last = -1;
    r->inner_loops = 0;
    for (int i = 0; i < r->x->rank; i++) {
        int axis = r->order[i];
        if (r->reduced[axis] && !size_is(r->x->dims[axis], 1)) last = i;
    }
    for (int i = 0; i <= last; i++) {
        int axis = r->order[i];
        if (!r->reduced[axis] || size_is(r->x->dims[axis], 1)) continue;
        const Size *size = inner_size(r, axis);
        bool innermost = i == last && r->along && vector;
        Inst *at = kb_for_n(b, innermost ? LOOP_VECTOR : LOOP_SERIAL, size);
        if (axis == r->split && r->group) at = kb_add(b, kb_mul(b, r->group, kb_size(b, size)), at);
        r->idx[axis] = at;
        r->inner_loops++;
    }
}

void reduction_each_end(Reduction *r)
{
    while (r->inner_loops-- > 0) kb_end(&r->lw->b);
    for (int i = 0; i < r->x->rank; i++) {
        if (r->reduced[i]) r->idx[i] = kb_i64(&r->lw->b, 0);
    }
}

Cell *reduction_cell(Reduction *r, const char *name, InstOp op, Inst *initial)
{
    Cell *cell = kb_cell(&r->lw->b, name, initial->type, initial);
    cell->reduce = op;
    return cell;
}

Inst *reduction_count(Reduction *r, DType dtype, int least)
{
    Builder *b = &r->lw->b;
    SizeTable *t = r->lw->sizes;
    const Size *count = size_const(t, 1);
    for (int i = 0; i < r->x->rank; i++) {
        if (r->reduced[i]) count = size_mul(t, count, inner_size(r, i));
    }
    if (least > 0) count = size_max(t, count, size_const(t, least));
    return kb_cast(b, dtype, kb_size(b, count));
}

Inst *reduction_load(Reduction *r)
{
    return lower_load(r->lw, r->x, r->idx);
}

/* ---- Values ---- */

void cell_update(Lower *lw, Cell *cell, InstOp op, Inst *value)
{
    kb_set(&lw->b, cell, kb_op(&lw->b, op, kb_get(&lw->b, cell), value));
}

Inst *lower_fma(Lower *lw, Inst *a, Inst *c, Inst *plus)
{
    if (lower_has_fma(lw->target) && dtype_is_float(a->type.dtype))
        return kb_fma(&lw->b, a, c, plus);
    return kb_add(&lw->b, kb_mul(&lw->b, a, c), plus);
}

/* Lanes and rows are combined by MIN and MAX, which lose a NaN: it is kept in a sum of its own. */
static Inst *extreme_along(Reduction *r, Cell *best, bool largest)
{
    Builder *b = &r->lw->b;
    DType type = best->type.dtype;
    bool is_float = dtype_is_float(type);
    Cell *bad = is_float ? reduction_cell(r, "bad", LI_ADD, kb_float(b, type, 0)) : NULL;
    reduction_each(r, true);
    Inst *x = kb_cast(b, type, reduction_load(r));
    cell_update(r->lw, best, largest ? LI_MAX : LI_MIN, x);
    if (bad) cell_update(r->lw, bad, LI_ADD, scalar_nan_term(b, x));
    reduction_each_end(r);
    if (!bad) return kb_get(b, best);
    Inst *found = kb_get(b, best);
    return kb_select(b, scalar_is_nan(b, kb_get(b, bad)), kb_float(b, type, (double)NAN), found);
}

Inst *reduction_extreme(Reduction *r, DType type, bool largest)
{
    Builder *b = &r->lw->b;
    InstOp op = largest ? LI_MAX : LI_MIN;
    Cell *best = reduction_cell(r, "best", op, lower_extreme(r->lw, type, !largest));
    if (r->along) return extreme_along(r, best, largest);
    reduction_each(r, true);
    Inst *x = kb_cast(b, type, reduction_load(r));
    kb_set(b, best, scalar_extreme(b, largest, x, kb_get(b, best)));
    reduction_each_end(r);
    return kb_get(b, best);
}

Inst *lower_extreme(Lower *lw, DType dtype, bool largest)
{
    Builder *b = &lw->b;
    if (dtype_is_float(dtype)) return kb_float(b, dtype, largest ? INFINITY : -INFINITY);
    if (dtype == DT_U64) return kb_int(b, dtype, largest ? -1 : 0);
    if (dtype == DT_BOOL) return kb_int(b, dtype, largest);
    return kb_int(b, dtype, largest ? dtype_max(dtype) : dtype_min(dtype));
}
