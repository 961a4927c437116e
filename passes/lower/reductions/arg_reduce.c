/* ArgMax, ArgMin, Hardmax: the place of the extreme element along one axis, a NaN being more
 * extreme than any number. Along a contiguous axis the extreme is found first and its place second,
 * because both of these vectorise. */
#include "passes/lower/reductions/reduction.h"
#include "passes/lower/frame/scalar.h"

#include <stdint.h>

typedef struct Search {
    Reduction r;
    int axis;
    bool largest, last; /* last: of equal elements the last one */
    DType place;        /* type in which places are compared */
} Search;

static Inst *load_value(Search *s)
{
    Inst *value = reduction_load(&s->r);
    return value->type.dtype == DT_BOOL ? kb_cast(&s->r.lw->b, DT_I32, value) : value;
}

/* The extreme of a row, then its first (least) or last (greatest) place. */
static Inst *place_along(Search *s)
{
    Lower *lw = s->r.lw;
    Builder *b = &lw->b;
    InstOp pick = s->last ? LI_MAX : LI_MIN;
    DType type = lower_type(s->r.x->dtype);
    if (type == DT_BOOL) type = DT_I32;
    Inst *none = s->last ? kb_int(b, s->place, -1) : lower_extreme(lw, s->place, true);
    Inst *extreme = reduction_extreme(&s->r, type, s->largest);
    Cell *found = reduction_cell(&s->r, "found", pick, none);
    reduction_each(&s->r, true);
    Inst *value = load_value(s), *here = kb_op(b, LI_EQ, value, extreme);
    here = kb_op(b, LI_OR, here, scalar_is_nan(b, value));
    Inst *at = kb_cast(b, s->place, s->r.idx[s->axis]);
    cell_update(lw, found, pick, kb_select(b, here, at, none));
    reduction_each_end(&s->r);
    Inst *place = kb_get(b, found); /* of no elements: 0 */
    return kb_select(b, kb_op(b, LI_EQ, place, none), kb_int(b, s->place, 0), place);
}

/* Lanes are rows: each keeps its best so far. */
static Inst *place_across(Search *s)
{
    Lower *lw = s->r.lw;
    Builder *b = &lw->b;
    InstOp better = s->largest ? (s->last ? LI_GE : LI_GT) : (s->last ? LI_LE : LI_LT);
    Inst *first = load_value(s);
    Cell *best = kb_cell(b, "best", (LType){first->type.dtype, 1}, first);
    Cell *found = kb_cell(b, "found", (LType){s->place, 1}, kb_int(b, s->place, 0));
    best->reduce = found->reduce = LI_COUNT;
    reduction_each(&s->r, false);
    Inst *value = load_value(s), *old = kb_get(b, best);
    Inst *take = kb_op(b, better, value, old); /* false when one of them is NaN */
    Inst *nan = scalar_is_nan(b, value);
    if (!s->last) nan = kb_op(b, LI_AND, nan, kb_op(b, LI_EQ, old, old));
    take = kb_op(b, LI_OR, take, nan);
    Inst *at = kb_cast(b, s->place, s->r.idx[s->axis]);
    kb_set(b, best, kb_select(b, take, value, old));
    kb_set(b, found, kb_select(b, take, at, kb_get(b, found)));
    reduction_each_end(&s->r);
    return kb_get(b, found);
}

static void search_open(Search *s, Lower *lw, const Node *node, bool largest, bool last)
{
    const Tensor *x = node->in[0];
    bool reduced[MAX_RANK] = {false};
    int64_t axis = node_int(node, "axis");
    *s = (Search){.largest = largest, .last = last};
    s->axis = (int)(axis < 0 ? axis + x->rank : axis);
    reduced[s->axis] = true;
    s->place = size_upper(lw->sizes, x->dims[s->axis]) < INT32_MAX ? DT_I32 : DT_I64;
    lower_begin(lw, NULL);
    reduction_init(&s->r, lw, x, reduced);
    reduction_open(&s->r, 2);
}

static Inst *search_place(Search *s)
{
    return s->r.along ? place_along(s) : place_across(s);
}

int lower_arg_reduce(Lower *lw, Node *node)
{
    Search s;
    search_open(&s, lw, node, node->op == OP_ARG_MAX, node_int(node, "select_last_index") != 0);
    Inst *place = search_place(&s);
    Inst *idx[MAX_RANK] = {0};
    int to = 0;
    for (int i = 0; i < node->in[0]->rank; i++) {
        if (i != s.axis || node_int(node, "keepdims")) idx[to++] = s.r.idx[i];
    }
    lower_store(lw, idx, kb_cast(&lw->b, DT_I64, place));
    reduction_close(&s.r);
    lower_end(lw);
    return 0;
}

int lower_hardmax(Lower *lw, Node *node)
{
    Search s;
    Builder *b = &lw->b;
    search_open(&s, lw, node, true, false);
    Inst *place = search_place(&s);
    DType type = lower_type(node->out[0]->dtype);
    reduction_each(&s.r, true);
    Inst *here = kb_op(b, LI_EQ, kb_cast(b, s.place, s.r.idx[s.axis]), place);
    lower_store(lw, s.r.idx, kb_select(b, here, kb_const(b, type, 1), kb_const(b, type, 0)));
    reduction_each_end(&s.r);
    reduction_close(&s.r);
    lower_end(lw);
    return 0;
}
