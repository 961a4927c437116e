/* DynamicTimeWarping: the cheapest way from the first element of a cost matrix to the last. A
 * first kernel finds what it costs to come to each element and from where one does, column by
 * column, and counts the steps of the way; a second one walks it backwards and writes them down. */
#include "passes/lower/frame/lower.h"

#include <math.h>

enum { FROM_BOTH, FROM_ABOVE, FROM_LEFT };

typedef struct Warping {
    Lower *lw;
    const Tensor *x;
    Inst *rows, *columns;
    Param *cost, *trace; /* of this column and the one before, a row more; [rows, columns] */
} Warping;

static void open_warping(Warping *w, Buffer *trace, bool writes)
{
    const Tensor *x = w->x;
    w->rows = lower_size(w->lw, x->dims[x->rank - 2]);
    w->columns = lower_size(w->lw, x->dims[x->rank - 1]);
    w->trace = lower_whole(w->lw, trace, writes);
    w->trace->is_read = true;
}

static Inst *trace_at(const Warping *w, Inst *row, Inst *column)
{
    Builder *b = &w->lw->b;
    return kb_add(b, kb_mul(b, row, w->columns), column);
}

/* Costs of column j - 1 stand at 0, of j at rows + 1 or the other way round. */
static Inst *column_start(const Warping *w, Inst *j)
{
    Builder *b = &w->lw->b;
    Inst *odd = kb_op(b, LI_REM, j, kb_i64(b, 2));
    return kb_mul(b, odd, kb_addi(b, w->rows, 1));
}

/* Before the first row and column all costs are infinite, but for one. */
static void start_costs(const Warping *w)
{
    Builder *b = &w->lw->b;
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_muli(b, kb_addi(b, w->rows, 1), 2), 1);
    kb_store(b, w->cost, i, kb_float(b, DT_F32, INFINITY));
    kb_end(b);
    kb_store(b, w->cost, kb_i64(b, 0), kb_float(b, DT_F32, 0));
}

/* Is `one` less than both others? */
static Inst *is_least(Builder *b, Inst *one, Inst *other, Inst *third)
{
    Inst *less = kb_op(b, LI_LT, one, other);
    return kb_op(b, LI_AND, less, kb_op(b, LI_LT, one, third));
}

static void find_costs(const Warping *w)
{
    Builder *b = &w->lw->b;
    Inst *at[3] = {kb_i64(b, 0)}, **place = at + w->x->rank - 2; /* behind a batch of 1 */
    Inst *j = place[1] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), w->columns, 1);
    Inst *before = column_start(w, j), *here = column_start(w, kb_addi(b, j, 1));
    kb_store(b, w->cost, here, kb_float(b, DT_F32, INFINITY));
    Inst *i = place[0] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), w->rows, 1);
    Inst *both = kb_load(b, w->cost, kb_add(b, before, i));
    Inst *above = kb_load(b, w->cost, kb_add(b, here, i));
    Inst *left = kb_load(b, w->cost, kb_add(b, before, kb_addi(b, i, 1)));
    Inst *take_both = is_least(b, both, above, left), *take_above = is_least(b, above, both, left);
    Inst *cost = kb_select(b, take_both, both, kb_select(b, take_above, above, left));
    Inst *from = kb_select(b, take_above, kb_i64(b, FROM_ABOVE), kb_i64(b, FROM_LEFT));
    from = kb_select(b, take_both, kb_i64(b, FROM_BOTH), from);
    Inst *own = kb_cast(b, DT_F32, lower_load(w->lw, w->x, at));
    Inst *below = kb_add(b, here, kb_addi(b, i, 1));
    kb_store(b, w->cost, below, kb_add(b, cost, own));
    Inst *step = trace_at(w, i, j);
    kb_store(b, w->trace, step, kb_cast(b, DT_I8, from));
    kb_end(b);
    kb_end(b);
}

/* Walks from the last element to where there is none before; stores the steps unless `last`, the
 * number of the last one, is NULL. Returns how many there are. */
static Inst *walk(const Warping *w, Inst *last)
{
    Builder *b = &w->lw->b;
    Inst *zero = kb_i64(b, 0);
    Cell *row = kb_cell(b, "row", (LType){DT_I64, 1}, kb_addi(b, w->rows, -1));
    Cell *column = kb_cell(b, "column", (LType){DT_I64, 1}, kb_addi(b, w->columns, -1));
    Cell *count = kb_cell(b, "count", (LType){DT_I64, 1}, zero);
    Inst *step = kb_for(b, LOOP_SERIAL, zero, kb_add(b, w->rows, w->columns), 1);
    Inst *i = kb_get(b, row), *j = kb_get(b, column);
    Inst *no_row = kb_op(b, LI_LT, i, zero), *no_column = kb_op(b, LI_LT, j, zero);
    kb_if(b, kb_op(b, LI_OR, no_row, no_column));
    kb_break(b);
    kb_end(b);
    if (last) {
        Inst *to = kb_sub(b, last, step);
        lower_store(w->lw, (Inst *[]){zero, to}, kb_cast(b, DT_I32, i));
        lower_store(w->lw, (Inst *[]){kb_i64(b, 1), to}, kb_cast(b, DT_I32, j));
    }
    Inst *from = kb_cast(b, DT_I64, kb_load(b, w->trace, trace_at(w, i, j)));
    Inst *up = kb_cast(b, DT_I64, kb_op(b, LI_NE, from, kb_i64(b, FROM_LEFT)));
    Inst *back = kb_cast(b, DT_I64, kb_op(b, LI_NE, from, kb_i64(b, FROM_ABOVE)));
    kb_set(b, row, kb_sub(b, i, up));
    kb_set(b, column, kb_sub(b, j, back));
    kb_set(b, count, kb_addi(b, kb_get(b, count), 1));
    kb_end(b);
    return kb_get(b, count);
}

int lower_dynamic_time_warping(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    const Size *length = node->out[0]->dims[1];
    Warping w = {.lw = lw, .x = x};
    if (length->kind != SIZE_SYM) return 0;
    const Size *rows = x->dims[x->rank - 2];
    const Size *column = size_muli(lw->sizes, size_addi(lw->sizes, rows, 1), 2);
    Buffer *cost = lower_scratch(lw, "cost", DT_F32, column);
    Buffer *trace = lower_scratch(lw, "trace", DT_I8, tensor_elements(lw->sizes, x));
    lower_begin(lw, "find");
    open_warping(&w, trace, true);
    w.cost = lower_whole(lw, cost, true);
    w.cost->is_read = true;
    start_costs(&w);
    find_costs(&w);
    kb_setsym(&lw->b, length->sym, walk(&w, NULL));
    lower_end(lw);

    lower_begin(lw, "fill");
    open_warping(&w, trace, false);
    walk(&w, kb_addi(&lw->b, lower_size(lw, length), -1));
    lower_end(lw);
    return 0;
}
