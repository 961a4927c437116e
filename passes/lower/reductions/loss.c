/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. The input is [N, C, d1, ...], the target
 * [N, d1, ...] with classes; a loss is -weight[class] * log probability of the class, none where
 * the class is ignore_index; the mean divides by the weights' sum. */
#include "passes/lower/reductions/reduction.h"

#include <string.h>

typedef struct Loss {
    Lower *lw;
    const Node *node;
    const Tensor *x, *target, *weights;
    DType type;
    bool softmax;
    Inst *idx[MAX_RANK]; /* of the target */
    Inst *most, *log;    /* of the softmax */
} Loss;

/* Element of class c at the target's coordinates. */
static Inst *load_class(Loss *l, const Tensor *tensor, Inst *c)
{
    Inst *at[MAX_RANK] = {l->idx[0], c};
    for (int i = 1; i < l->target->rank; i++) at[i + 1] = l->idx[i];
    return lower_load(l->lw, tensor, at);
}

/* Largest input and log of the sum of exponentials, over the classes. */
static void find_softmax(Loss *l)
{
    Lower *lw = l->lw;
    Builder *b = &lw->b;
    Cell *most = kb_cell(b, "most", (LType){l->type, 1}, lower_extreme(lw, l->type, false));
    most->reduce = LI_MAX;
    Inst *c = kb_for_n(b, LOOP_VECTOR, l->x->dims[1]);
    cell_update(lw, most, LI_MAX, load_class(l, l->x, c));
    kb_end(b);
    l->most = kb_get(b, most);
    Cell *sum = kb_cell(b, "sum_exp", (LType){l->type, 1}, kb_float(b, l->type, 0));
    sum->reduce = LI_ADD;
    c = kb_for_n(b, LOOP_VECTOR, l->x->dims[1]);
    Inst *below = kb_sub(b, load_class(l, l->x, c), l->most);
    cell_update(lw, sum, LI_ADD, kb_op1(b, LI_EXP, below));
    kb_end(b);
    l->log = kb_op1(b, LI_LOG, kb_get(b, sum));
}

static Inst *log_probability(Loss *l, Inst *c)
{
    Builder *b = &l->lw->b;
    Inst *x = load_class(l, l->x, c);
    return l->softmax ? kb_sub(b, kb_sub(b, x, l->most), l->log) : x;
}

static void store_probabilities(Loss *l)
{
    Builder *b = &l->lw->b;
    if (!l->softmax || !node_has_output(l->node, 1)) return;
    Inst *c = kb_for_n(b, LOOP_VECTOR, l->x->dims[1]);
    Inst *at[MAX_RANK] = {l->idx[0], c};
    for (int i = 1; i < l->target->rank; i++) at[i + 1] = l->idx[i];
    lower_store_to(l->lw, l->node->out[1], at, log_probability(l, c));
    kb_end(b);
}

/* The weighted loss of one target; *weight is what the mean counts. */
static Inst *one_loss(Loss *l, Inst **weight)
{
    Lower *lw = l->lw;
    Builder *b = &lw->b;
    Inst *zero = kb_float(b, l->type, 0);
    Inst *class = kb_cast(b, DT_I64, lower_load(lw, l->target, l->idx));
    Inst *last = kb_addi(b, kb_size(b, l->x->dims[1]), -1);
    Inst *safe = kb_op(b, LI_MAX, kb_op(b, LI_MIN, class, last), kb_i64(b, 0));
    *weight = kb_float(b, l->type, 1);
    if (l->weights) *weight = kb_cast(b, l->type, lower_load(lw, l->weights, &safe));
    if (node_attr(l->node, "ignore_index")) {
        Inst *ignored = kb_op(b, LI_EQ, class, kb_i64(b, node_int(l->node, "ignore_index")));
        *weight = kb_select(b, ignored, zero, *weight);
    }
    return kb_mul(b, kb_op1(b, LI_NEG, log_probability(l, safe)), *weight);
}

static int loops_open(Loss *l, bool parallel)
{
    Lower *lw = l->lw;
    const Tensor *target = l->target;
    double work = parallel ? 12 * lower_work(lw, l->x) / (lower_work(lw, target) + 1) : 0;
    return lower_nest(lw, target->rank, target->dims, NULL, false, work, l->idx);
}

static int lower_loss(Lower *lw, Node *node)
{
    Loss l = {.lw = lw, .node = node, .x = node->in[0], .target = node->in[1]};
    Builder *b = &lw->b;
    const char *reduction = node_string(node, "reduction");
    bool each = !strcmp(reduction, "none"), mean = !strcmp(reduction, "mean");
    l.weights = node_in(node, 2);
    l.type = lower_type(l.x->dtype);
    l.softmax = node->op == OP_SOFTMAX_CROSS_ENTROPY_LOSS;
    lower_begin(lw, NULL);
    Inst *zero = kb_float(b, l.type, 0), *weight;
    Cell *sum = each ? NULL : kb_cell(b, "sum", zero->type, zero);
    Cell *weights = mean ? kb_cell(b, "weights", zero->type, zero) : NULL;
    int loops = loops_open(&l, each);
    if (l.softmax) find_softmax(&l);
    store_probabilities(&l);
    Inst *loss = one_loss(&l, &weight);
    if (each) lower_store(lw, l.idx, loss);
    if (sum) cell_update(lw, sum, LI_ADD, loss);
    if (weights) cell_update(lw, weights, LI_ADD, weight);
    lower_nest_end(lw, loops);
    Inst *none[MAX_RANK] = {0};
    if (mean) {
        Inst *count = kb_get(b, weights);
        lower_store(lw, none, kb_op(b, LI_DIV, kb_get(b, sum), count));
    } else if (!each) {
        lower_store(lw, none, kb_get(b, sum));
    }
    lower_end(lw);
    return 0;
}

int lower_nll_loss(Lower *lw, Node *node)
{
    return lower_loss(lw, node);
}

int lower_sce_loss(Lower *lw, Node *node)
{
    return lower_loss(lw, node);
}
