/* Softmax and LogSoftmax along one axis: the largest element, the sum of exponentials below it, the
 * quotient. */
#include "passes/lower/reductions/reduction.h"

enum { FLOPS = 12 /* per element */ };

static Inst *find_most(Reduction *r, DType type)
{
    Cell *most = reduction_cell(r, "most", LI_MAX, lower_extreme(r->lw, type, false));
    reduction_each(r, true);
    cell_update(r->lw, most, LI_MAX, reduction_load(r));
    reduction_each_end(r);
    return kb_get(&r->lw->b, most);
}

/* The exponentials wait in the result's own memory where that holds them exactly. */
static bool result_holds(const Node *node, DType type)
{
    return node->epilogue_count == 0 && node->out[0]->dtype == type;
}

static Inst *sum_exp(Reduction *r, Inst *most, const Tensor *keep)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    Cell *sum = reduction_cell(r, "sum", LI_ADD, kb_float(b, most->type.dtype, 0));
    reduction_each(r, true);
    Inst *e = kb_op1(b, LI_EXP, kb_sub(b, reduction_load(r), most));
    if (keep) lower_store_to(lw, keep, r->idx, e);
    cell_update(lw, sum, LI_ADD, e);
    reduction_each_end(r);
    return kb_get(b, sum);
}

static void store_softmax(Reduction *r, Inst *most, Inst *sum, const Tensor *keep)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    Inst *scale = kb_op(b, LI_DIV, kb_float(b, sum->type.dtype, 1), sum);
    reduction_each(r, true);
    Inst *e =
        keep ? lower_load(lw, keep, r->idx) : kb_op1(b, LI_EXP, kb_sub(b, reduction_load(r), most));
    lower_store(lw, r->idx, kb_mul(b, e, scale));
    reduction_each_end(r);
}

static void store_log_softmax(Reduction *r, Inst *most, Inst *sum)
{
    Builder *b = &r->lw->b;
    Inst *log = kb_op1(b, LI_LOG, sum);
    reduction_each(r, true);
    /* in this order: most and log may be of very different sizes */
    lower_store(r->lw, r->idx, kb_sub(b, kb_sub(b, reduction_load(r), most), log));
    reduction_each_end(r);
}

int lower_softmax(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    DType type = lower_type(x->dtype);
    bool reduced[MAX_RANK] = {false};
    bool logarithm = node->op == OP_LOG_SOFTMAX;
    int64_t axis = node_int(node, "axis");
    if (x->rank > 0) reduced[axis < 0 ? axis + x->rank : axis] = true;
    Reduction r;
    lower_begin(lw, NULL);
    reduction_init(&r, lw, x, reduced);
    reduction_open(&r, FLOPS);
    Inst *most = find_most(&r, type);
    const Tensor *keep = !logarithm && result_holds(node, type) ? node->out[0] : NULL;
    Inst *sum = sum_exp(&r, most, keep);
    if (logarithm)
        store_log_softmax(&r, most, sum);
    else
        store_softmax(&r, most, sum, keep);
    reduction_close(&r);
    lower_end(lw);
    return 0;
}
