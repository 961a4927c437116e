/* Variants: kernels of a node's own for one row.
 *
 * A product of one row is bound by the weights that it reads, one of many rows by arithmetic: where
 * the number of rows is known at run time only, no one kernel is good for both. The record of an
 * operator says what its rows are (column ROWS of ir/ops.def). The node is then lowered twice, once
 * as if the symbols of that size were 1, and main chooses:
 *
 *     if size(seq) eq 1 {
 *         call @k7_proj_one(...)
 *     } else {
 *         call @k7_proj(...)
 *     }
 *
 * Which of the two runs depends on the node and on its sizes, never on where cuts are. */
#include "passes/lower/frame/variants.h"

enum { MOST_VALUES = 64 }; /* of a tensor's known contents that are replaced too */

typedef struct Saved {
    const Size **at, *was;
} Saved;

/* What stands for other sizes while a node is lowered for one row. */
typedef struct Assumption {
    Lower *lw;
    const Size *rows;
    const Tensor **seen;
    int seen_count;
    Saved *saved;
    int saved_count;
} Assumption;

static bool is_product_of_symbols(const Size *size)
{
    if (size->kind == SIZE_SYM) return true;
    return size->kind == SIZE_MUL && is_product_of_symbols(size->a) &&
           is_product_of_symbols(size->b);
}

/* A product of sizes is 1 where each of them is. */
static const Size *with_one_row(SizeTable *sizes, const Size *size, const Size *rows)
{
    if (rows->kind == SIZE_SYM)
        return size_substitute(sizes, size, rows->sym, size_const(sizes, 1));
    return with_one_row(sizes, with_one_row(sizes, size, rows->a), rows->b);
}

static void replace(Assumption *a, const Size **at)
{
    const Size *by = *at ? with_one_row(a->lw->sizes, *at, a->rows) : NULL;
    if (by == *at) return;
    arena_push(a->lw->arena, a->saved, a->saved_count) = (Saved){at, *at};
    *at = by;
}

static bool is_seen(Assumption *a, const Tensor *tensor)
{
    for (int i = 0; i < a->seen_count; i++) {
        if (a->seen[i] == tensor) return true;
    }
    arena_push(a->lw->arena, a->seen, a->seen_count) = tensor;
    return false;
}

static void assume_node(Assumption *a, const Node *node);

static void assume_tensor(Assumption *a, Tensor *tensor)
{
    if (!tensor || is_seen(a, tensor)) return;
    Place *place = &a->lw->places[tensor->id];
    for (int i = 0; i < tensor->rank; i++) replace(a, &tensor->dims[i]);
    for (int i = 0; i < tensor->rank && place->buffer; i++) replace(a, &place->stride[i]);
    if (place->buffer) replace(a, &place->offset);
    int64_t values = 1;
    for (int i = 0; i < tensor->rank; i++)
        values *= size_is_const(tensor->dims[i]) ? tensor->dims[i]->value : MOST_VALUES + 1;
    for (int64_t i = 0; tensor->values && values <= MOST_VALUES && i < values; i++)
        replace(a, &tensor->values[i]);
    if (tensor->is_inlined && tensor->producer) assume_node(a, tensor->producer);
}

static void assume_node(Assumption *a, const Node *node)
{
    for (int i = 0; i < node->in_count; i++) assume_tensor(a, node->in[i]);
    for (int i = 0; i < node->out_count; i++) assume_tensor(a, node->out[i]);
    for (int i = 0; i < node->epilogue_count; i++) assume_node(a, node->epilogue[i]);
}

static void end_assumption(Assumption *a)
{
    while (a->saved_count > 0) {
        const Saved *saved = &a->saved[--a->saved_count];
        *saved->at = saved->was;
    }
}

const Size *variant_rows(Lower *lw, const Node *node)
{
    RowsRule *rule = lw->rules[node->op].rows;
    if (!rule || lw->target->plain) return NULL;
    const Size *rows = rule(lw, node);
    if (!rows || !is_product_of_symbols(rows) || size_upper(lw->sizes, rows) < 2) return NULL;
    return rows;
}

static int lower_one(Lower *lw, Node *node, const Size *rows)
{
    Assumption one = {.lw = lw, .rows = rows};
    assume_node(&one, node);
    lw->one_row = rows;
    lw->kernels_of_node = 0;
    lw->tuning_key = NULL;
    int code = lw->rules[node->op].lower(lw, node);
    lw->one_row = NULL;
    end_assumption(&one);
    return code;
}

/* Many rows first: the variants share the weights, packed as is best for many. */
int lower_variants(Lower *lw, Node *node, const Size *rows)
{
    Block *outer = lw->main;
    Inst *choice = main_if_size(lw->program, outer, rows, LI_EQ, size_const(lw->sizes, 1));
    lw->packed_width = 0;
    lw->main = &choice->els;
    int code = lw->rules[node->op].lower(lw, node);
    lw->main = &choice->body;
    if (!code) code = lower_one(lw, node, rows);
    lw->main = outer;
    return code;
}
