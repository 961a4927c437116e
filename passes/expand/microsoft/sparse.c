/* SparseAttention of com.microsoft: which blocks of keys a block of queries sees stands in a list for each
 * of several layouts, which the heads take in turn. The lists become masks of blocks at compile time. */
#include "passes/expand/microsoft/attend.h"

enum { IN_ROWS = 5, IN_COLUMNS, IN_TOTAL, IN_LENGTHS, IN_COS, IN_SIN };

/* [layouts, blocks, blocks] */
typedef struct Blocks {
    int64_t layouts, count, listed, size;
    bool *seen;
} Blocks;

static int read_row(Expand *x, const Blocks *b, int64_t layout, int64_t row)
{
    const Tensor *rows = x_in(x, IN_ROWS), *columns = x_in(x, IN_COLUMNS);
    int64_t at = layout * (b->count + 1) + row;
    int64_t begin = const_i64_at(rows, at), end = const_i64_at(rows, at + 1);
    if (begin < 0 || begin > end || end > b->listed)
        return x_fail(x, "block_row_indices: [%lld, %lld) is not in 0..%lld", (long long)begin,
                      (long long)end, (long long)b->listed);
    for (int64_t k = begin; k < end; k++) {
        int64_t column = const_i64_at(columns, layout * b->listed + k);
        if (column < 0 || column >= b->count)
            return x_fail(x, "block_col_indices: %lld is not in 0..%lld", (long long)column,
                          (long long)b->count - 1);
        b->seen[(layout * b->count + row) * b->count + column] = true;
    }
    return 0;
}

static int read_blocks(Expand *x, const Grouped *g, Blocks *b)
{
    const Tensor *rows = x_in(x, IN_ROWS), *columns = x_in(x, IN_COLUMNS);
    if (!rows || !columns || !rows->data || !columns->data)
        return x_fail(x, "block_row_indices and block_col_indices must be constants");
    TRY(x_need_rank(x, IN_ROWS, 2));
    TRY(x_need_rank(x, IN_COLUMNS, 2));
    *b = (Blocks){.layouts = rows->dims[0]->value,
                  .count = rows->dims[1]->value - 1,
                  .listed = columns->dims[1]->value,
                  .size = node_int(x->n, "sparse_block_size")};
    if (b->size < 1) return x_fail(x, "sparse_block_size: expected 1 or more");
    if (b->layouts < 1 || b->count < 1 || columns->dims[0]->value != b->layouts ||
        g->heads % b->layouts)
        return x_fail(x, "num_heads, %lld, is no multiple of %lld layouts", (long long)g->heads,
                      (long long)b->layouts);
    size_t all = (size_t)(b->layouts * b->count * b->count);
    b->seen = arena_array(x->g->arena, all, sizeof *b->seen);
    for (int64_t i = 0; i < b->layouts; i++)
        for (int64_t row = 0; row < b->count; row++) TRY(read_row(x, b, i, row));
    return 0;
}

/* Numbers of blocks that positions are in; past the last block: the last. */
static Tensor *block_of(Expand *x, const Blocks *b, Tensor *position)
{
    Tensor *block = x_div(x, position, x_scalar(x, DT_I64, (double)b->size));
    return x_op2(x, OP_MIN, block, x_scalar(x, DT_I64, (double)(b->count - 1)));
}

/* [batch, heads, queries, keys]: rows of the queries' blocks, then columns of the keys'. */
static Tensor *mask_of(Expand *x, const Grouped *g, const Blocks *b)
{
    static const int batch_first[] = {1, 0, 2, 3};
    const int64_t dims[] = {b->layouts, b->count, b->count};
    Tensor *seen = x_constant(x, DT_BOOL, 3, dims, b->seen);
    Tensor *row = block_of(x, b, positions_from(x, g->starts, g->queries));
    const Size *all[] = {g->batch, g->queries};
    seen = x_gather(x, seen, x_expand(x, row, 2, all), 1); /* [layouts, batch, queries, blocks] */
    seen = x_gather(x, seen, block_of(x, b, x_range(x, DT_I64, g->past)), 3);
    seen = x_transpose(x, seen, batch_first);
    Tensor **turns = arena_array(x->g->arena, (size_t)g->heads, sizeof *turns);
    int64_t count = b->layouts == 1 ? 1 : g->heads / b->layouts;
    for (int64_t i = 0; i < count; i++) turns[i] = seen;
    return x_concat(x, 1, (int)count, turns);
}

int expand_ms_sparse(Expand *x)
{
    Grouped g;
    Blocks blocks;
    TRY(grouped_read(x, &g));
    if (!g.past_k) return x_fail(x, "past_key and past_value are missing");
    if (!x_in(x, IN_LENGTHS)) return x_fail(x, "key_total_sequence_lengths is missing");
    TRY(read_blocks(x, &g, &blocks));
    g.cos = x_in(x, IN_COS);
    g.sin = x_in(x, IN_SIN);
    TRY(grouped_lengths(x, &g, per_batch(x, x_in(x, IN_LENGTHS), g.batch)));
    TRY(grouped_rotate(x, &g, positions_from(x, g.starts, g.queries)));
    Attend a = {.q = g.q,
                .mask = mask_of(x, &g, &blocks),
                .starts = g.starts,
                .lengths = g.lengths,
                .heads = g.heads,
                .kv_heads = g.kv_heads,
                .scale = node_float(x->n, "scale"),
                .causal = true};
    a.k = cache_write(x, g.past_k, split_heads(x, g.k, g.kv_heads), g.starts, g.past);
    a.v = cache_write(x, g.past_v, split_heads(x, g.v, g.kv_heads), g.starts, g.past);
    if (x_wants(x, 1)) x_result(x, 1, a.k);
    if (x_wants(x, 2)) x_result(x, 2, a.v);
    x_result(x, 0, attend(x, &a, NULL));
    return x->code;
}
