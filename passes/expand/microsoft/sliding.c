/* The windowed cache of GroupQueryAttention (`sliding_window_cache`): a buffer of C keys that holds the last L of T
 * keys, in order, from row 0 on. Eviction takes G = C - W + 1 at once, W being the window:
 *
 *     L(T) = T where T <= C, T - G * ceil((T - C) / G) otherwise
 *
 *     staged   the past, and the new keys behind its L(T - queries): attention sees all of these
 *     present  the last L(T) rows of what is there, moved to the front; 0 behind them */
#include "passes/expand/microsoft/attend.h"

/* L of each batch, from its T. */
static Tensor *resident(Expand *x, const Slide *s, Tensor *total)
{
    SizeTable *t = x->g->sizes;
    const Size *group = size_addi(t, size_addi(t, s->capacity, -s->window), 1);
    Tensor *none = x_scalar(x, DT_I64, 0), *count = x_size_scalar(x, group);
    Tensor *more = x_op2(x, OP_MAX, x_sub(x, total, x_size_scalar(x, s->capacity)), none);
    Tensor *rounded = x_add(x, more, x_size_scalar(x, size_addi(t, group, -1)));
    return x_sub(x, total, x_mul(x, count, x_div(x, rounded, count)));
}

int slide_begin(Expand *x, Grouped *g, Slide *s)
{
    s->window = node_int(x->n, "local_window_size");
    if (s->window < 1) return x_fail(x, "sliding_window_cache needs local_window_size");
    if (!g->past_k || g->reads)
        return x_fail(x, "sliding_window_cache needs past_key and new keys");
    if (size_is_const(g->past) && g->past->value < s->window)
        return x_fail(x, "past_key: %lld keys are fewer than local_window_size, %lld",
                      (long long)g->past->value, (long long)s->window);
    s->capacity = g->past;
    s->room = size_add(x->g->sizes, g->past, g->queries);
    s->kept = resident(x, s, g->lengths);
    Tensor *before = resident(x, s, g->starts);
    s->evicted = x_sub(x, g->starts, before);
    g->starts = before;
    g->lengths = x_add(x, before, x_size_scalar(x, g->queries));
    s->from = x_sub(x, g->lengths, s->kept);
    return x->code;
}

/* Element [b, i]: first[b] + i, at most `last`. */
static Tensor *rows_from(Expand *x, Tensor *first, const Size *count, const Size *last)
{
    Tensor *begin = x_unsqueeze(x, first, 1);
    Tensor *rows = x_add(x, begin, x_range(x, DT_I64, count));
    return x_op2(x, OP_MIN, rows, x_size_scalar(x, last));
}

Tensor *slide_end(Expand *x, const Grouped *g, const Slide *s, Tensor *staged)
{
    const Size *one = x_size(x, 1), *each[] = {g->batch, one, one, one};
    const Size *pairs[] = {g->batch, s->capacity};
    const Size *last = size_addi(x->g->sizes, s->room, -1);
    Tensor *row = rows_from(x, s->from, s->capacity, last);
    Tensor *batch = x_unsqueeze(x, x_range(x, DT_I64, g->batch), 1);
    batch = x_unsqueeze(x, x_expand(x, batch, 2, pairs), 2);
    row = x_unsqueeze(x, row, 2);
    Tensor *pair[] = {batch, row};
    Tensor *all = x_swap(x, staged, 1, 2), *at = x_concat(x, 2, 2, pair);
    Tensor *moved = x_swap(x, x_op2(x, OP_GATHER_ND, all, at), 1, 2);
    Tensor *key = x_unsqueeze(x, x_range(x, DT_I64, s->capacity), 1);
    Tensor *is_kept = x_op2(x, OP_LESS, key, x_reshape(x, s->kept, 4, each));
    return x_op3(x, OP_WHERE, is_kept, moved, x_like(x, moved, 0));
}

Tensor *slide_bias(Expand *x, const Grouped *g, const Slide *s, Tensor *bias)
{
    if (!bias) return NULL;
    if (!size_is(g->batch, 1)) {
        x_fail(x, "attention_bias with sliding_window_cache: expected a batch of 1");
        return NULL;
    }
    const Size *last = size_addi(x->g->sizes, x_dim(x, bias, 3), -1);
    Tensor *columns = rows_from(x, s->evicted, s->room, last);
    return x_gather(x, bias, x_reshape(x, columns, 1, &s->room), 3);
}
