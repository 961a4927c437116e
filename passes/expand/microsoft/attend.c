/* The one Attention node, heads, caches, masks of keys; see attend.h. */
#include "passes/expand/microsoft/attend.h"

/* ---- Attention ---- */

/* Outputs that nobody wants are not made. */
static void drop_outputs(Expand *x, int from, int count)
{
    Node *node = x->g->nodes[x->at - 1];
    for (int i = from; i < from + count; i++) {
        node->out[i]->producer = NULL;
        node->out[i] = NULL;
    }
}

Tensor *attend(Expand *x, const Attend *a, Tensor **qk)
{
    Tensor *in[] = {a->q,      a->k,       a->v,      a->mask, a->past_k,
                    a->past_v, a->lengths, a->starts, a->sinks};
    Tensor *out[4] = {0};
    bool own = a->starts || a->sinks || a->window;
    x_int(x, "q_num_heads", a->heads);
    x_int(x, "kv_num_heads", a->kv_heads);
    x_int(x, "is_causal", a->causal);
    if (a->scale != 0) x_float(x, "scale", a->scale);
    if (a->softcap != 0) x_float(x, "softcap", a->softcap);
    if (a->window) x_int(x, "window", a->window);
    if (qk) x_int(x, "qk_matmul_output_mode", a->mode);
    x_op_many(x, own ? OP_ATTEND : OP_ATTENTION, own ? 9 : 7, in, qk ? 4 : 1, out);
    if (!x_ok(x)) return NULL;
    if (qk) {
        drop_outputs(x, 1, 2);
        *qk = out[3];
    }
    return out[0];
}

Tensor *split_heads(Expand *x, Tensor *a, int64_t heads)
{
    if (x_rank(x, a) == 4) return a;
    const Size *depth = size_divi(x->g->sizes, x_dim(x, a, 2), heads);
    const Size *dims[] = {x_dim(x, a, 0), x_dim(x, a, 1), x_size(x, heads), depth};
    return x_swap(x, x_reshape(x, a, 4, dims), 1, 2);
}

Tensor *join_heads(Expand *x, Tensor *a)
{
    if (x_rank(x, a) != 4) return a;
    const Size *width = size_mul(x->g->sizes, x_dim(x, a, 1), x_dim(x, a, 3));
    const Size *dims[] = {x_dim(x, a, 0), x_dim(x, a, 2), width};
    return x_reshape(x, x_swap(x, a, 1, 2), 3, dims);
}

/* ---- Caches ---- */

Tensor *cache_append(Expand *x, Tensor *past, Tensor *fresh)
{
    Tensor *parts[] = {past, fresh};
    return past ? x_concat(x, 2, 2, parts) : fresh;
}

Tensor *cache_write(Expand *x, Tensor *past, Tensor *fresh, Tensor *starts, const Size *capacity)
{
    const Size *room = size_sub(x->g->sizes, capacity, x_dim(x, past, 2));
    if (!size_is(room, 0)) {
        const Size *dims[] = {x_dim(x, past, 0), x_dim(x, past, 1), room, x_dim(x, past, 3)};
        past = cache_append(x, past, x_expand(x, x_like(x, past, 0), 4, dims));
    }
    x_int(x, "axis", 2);
    return x_op3(x, OP_TENSOR_SCATTER, past, fresh, starts);
}

Tensor *per_batch(Expand *x, Tensor *number, const Size *batch)
{
    number = x_cast(x, number, DT_I64);
    if (x_rank(x, number) == 1 && x_dim(x, number, 0) == batch) return number;
    return x_expand(x, x_reshape(x, number, 0, NULL), 1, &batch);
}

/* ---- Masks ---- */

Tensor *add_biases(Expand *x, Tensor *a, Tensor *b)
{
    if (!a || !b) return a ? a : b;
    return x_add(x, a, b);
}

/* [batch] as [batch, 1, 1, 1] */
static Tensor *as_column(Expand *x, Tensor *ends, const Size *batch)
{
    const Size *one = x_size(x, 1), *dims[] = {batch, one, one, one};
    return x_reshape(x, ends, 4, dims);
}

/* The end of each batch's keys, and where there is a second list, their begin. */
static Tensor *seen_by_ends(Expand *x, const KeyMask *m)
{
    SizeTable *t = x->g->sizes;
    const Size *length = x_dim(x, m->mask, 0), *two = size_muli(t, m->batch, 2);
    Tensor *at = x_range(x, DT_I32, m->keys), *mask = x_cast(x, m->mask, DT_I32);
    if (length != m->batch && length != two &&
        length != size_addi(t, size_muli(t, m->batch, 3), 2)) {
        x_fail(x,
               "a mask of one dimension has %s elements, expected one, two or three and two for "
               "each of %s batches",
               size_text(t, length), size_text(t, m->batch));
        return NULL;
    }
    Tensor *ends = length == m->batch ? mask : x_slice(x, mask, 0, x_size(x, 0), m->batch);
    Tensor *seen = x_op2(x, OP_LESS, at, as_column(x, ends, m->batch));
    if (length != two) return seen;
    Tensor *begins = as_column(x, x_slice(x, mask, 0, m->batch, two), m->batch);
    return x_op2(x, OP_AND, seen, x_op2(x, OP_GREATER_OR_EQUAL, at, begins));
}

/* Megatron's square of all positions: the rows of these queries. */
static Tensor *rows_of_queries(Expand *x, const KeyMask *m)
{
    const Size *end = size_add(x->g->sizes, m->past, m->queries);
    Tensor *rows = x_slice(x, m->mask, 2, m->past, end);
    return x_slice(x, rows, 3, x_size(x, 0), m->keys);
}

Tensor *mask_bias(Expand *x, const KeyMask *m)
{
    Tensor *mask = m->mask, *seen;
    int rank = x_rank(x, mask);
    if (!mask || !x_ok(x)) return NULL;
    /* One element for a batch says nothing. */
    if (rank == 2 && size_is(mask->dims[1], 1) && !size_is(m->keys, 1)) return NULL;
    if (rank < 1 || rank > 4) {
        x_fail(x, "a mask of %d dimensions is not supported", rank);
        return NULL;
    }
    if (rank == 1) {
        seen = seen_by_ends(x, m);
    } else {
        if (rank == 4) mask = rows_of_queries(x, m);
        seen = mask;
        const Size *keys = x_dim(x, mask, -1);
        if (size_is_const(keys) && size_is_const(m->keys) && keys != m->keys)
            x_fail(x, "a mask of %lld keys, expected %lld", (long long)keys->value,
                   (long long)m->keys->value);
        if (x_ok(x) && mask->dtype != DT_BOOL)
            seen = x_op2(x, OP_GREATER, mask, x_like(x, mask, 0));
        for (int i = rank; i < 4; i++) seen = x_unsqueeze(x, seen, 1);
    }
    Tensor *shown = x_like(x, m->like, 0), *hidden = x_like(x, m->like, m->hidden);
    return x_op3(x, OP_WHERE, seen, shown, hidden);
}
