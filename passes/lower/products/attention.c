/* Attention's kernels; see attention.h. */
#include "passes/lower/products/attention.h"

enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_K, IN_PAST_V, IN_LENGTHS, IN_STARTS, IN_SINKS };
enum { OUT_Y, OUT_PRESENT_K, OUT_PRESENT_V, OUT_QK };

static const Size *head_count(Attention *a, const Tensor *x, const char *attr)
{
    return x->rank == 4 ? x->dims[1] : size_const(a->lw->sizes, node_int(a->node, attr));
}

static const Size *head_depth(Attention *a, const Tensor *x, const Size *heads)
{
    return x->rank == 4 ? x->dims[3] : size_div(a->lw->sizes, x->dims[2], heads);
}

static void read_node(Attention *a, Lower *lw, const Node *node)
{
    SizeTable *t = lw->sizes;
    *a = (Attention){.lw = lw, .node = node};
    a->q = node->in[IN_Q];
    a->k = node->in[IN_K];
    a->v = node->in[IN_V];
    a->mask = node_in(node, IN_MASK);
    a->past_k = node_in(node, IN_PAST_K);
    a->past_v = node_in(node, IN_PAST_V);
    a->lengths = node_in(node, IN_LENGTHS);
    a->starts = node_in(node, IN_STARTS);
    a->sinks = node_in(node, IN_SINKS);
    a->qk_out = node_has_output(node, OUT_QK) ? node->out[OUT_QK] : NULL;
    a->batch = a->q->dims[0];
    a->heads = head_count(a, a->q, "q_num_heads");
    a->kv_heads = head_count(a, a->k, "kv_num_heads");
    a->queries = a->q->dims[a->q->rank - 2];
    a->depth = head_depth(a, a->q, a->heads);
    a->v_depth = head_depth(a, a->v, a->kv_heads);
    a->fresh = a->k->dims[a->k->rank - 2];
    a->past = a->past_k ? a->past_k->dims[2] : size_const(t, 0);
    a->total = size_add(t, a->past, a->fresh);
    a->type = lower_type(a->q->dtype);
    a->hidden_is_nan = node_int(node, "hidden_is_nan") != 0;
    a->causal = node_int(node, "is_causal") != 0;
    a->softcap = node_float(node, "softcap");
    a->window = node_int(node, "window");
    a->scale = node_attr(node, "scale") ? node_float(node, "scale") : 0;
}

/* ---- present = concat(past, new) ---- */

static void copy_part(Attention *a, const Tensor *from, const Tensor *to, const Size *depth,
                      const Size *count, const Size *shift)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Inst *j = kb_for_n(b, LOOP_SERIAL, count);
    Inst *d = kb_for_n(b, LOOP_VECTOR, depth);
    Inst *value = lower_load(lw, from, attention_at(a, from, depth, a->kv_h, j, d));
    Inst *at = kb_add(b, j, kb_size(b, shift));
    lower_store_to(lw, to, (Inst *[]){a->b, a->kv_h, at, d}, value);
    kb_end(b);
    kb_end(b);
}

static void copy_present(Attention *a, int output, const char *suffix, const Tensor *past,
                         const Tensor *fresh, const Size *depth)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    if (!node_has_output(a->node, output)) return;
    const Tensor *to = a->node->out[output];
    double elements = lower_work(lw, to);
    lower_begin(lw, suffix);
    Inst *row =
        kb_for_n(b, lower_parallel(lw, elements), size_mul(lw->sizes, a->batch, a->kv_heads));
    attention_key_task(a, row);
    if (past) copy_part(a, past, to, depth, a->past, size_const(lw->sizes, 0));
    copy_part(a, fresh, to, depth, a->fresh, past ? a->past : size_const(lw->sizes, 0));
    kb_end(b);
    lower_end(lw);
}

const Size *rows_attention(Lower *lw, const Node *node)
{
    (void)lw;
    return node->in[IN_Q]->dims[node->in[IN_Q]->rank - 2];
}

/* One query of one head. */
static void attend(Attention *a)
{
    const Size *none = size_const(a->lw->sizes, 0);
    attention_ends(a);
    if (a->past_k) attention_scores(a, a->past_k, a->past_begin, a->past_end, none);
    attention_scores(a, a->k, a->fresh_begin, a->fresh_end, a->past);
    if (!a->qk_out) attention_finish(a, false);
    attention_values(a, attention_softmax(a));
}

/* One query after the other. */
static void attend_to_all(Attention *a)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    const Size *rows = size_mul(lw->sizes, a->batch, a->heads);
    double scores = (double)size_upper(lw->sizes, a->total) * lower_work(lw, a->q);
    a->row = lower_scratch(lw, "scores", a->type, size_mul(lw->sizes, rows, a->total));
    lower_begin(lw, NULL);
    Inst *row = kb_for_n(b, lower_parallel(lw, 4 * scores), rows);
    attention_task(a, row);
    a->row_at = kb_mul(b, row, kb_size(b, a->total));
    a->i = kb_for_n(b, LOOP_SERIAL, a->queries);
    attend(a);
    kb_end(b);
    kb_end(b);
    lower_end(lw);
}

int lower_attention(Lower *lw, Node *node)
{
    Attention a;
    read_node(&a, lw, node);
    copy_present(&a, OUT_PRESENT_K, "present_k", a.past_k, a.k, a.depth);
    copy_present(&a, OUT_PRESENT_V, "present_v", a.past_v, a.v, a.v_depth);
    if (attention_is_tiled(&a))
        attention_tiles(&a);
    else
        attend_to_all(&a);
    return 0;
}
