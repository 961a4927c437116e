/* The activation functions of recurrent layers. */
#include "passes/lower/sequences/rnn.h"

#include <ctype.h>
#include <string.h>

/* Which functions take alpha and beta, and what these are when not given. */
typedef struct ActivationInfo {
    const char *name;
    bool has_alpha, has_beta;
    double alpha, beta;
} ActivationInfo;

static const ActivationInfo infos[] = {
    {"relu", false, false, 0, 0},        {"tanh", false, false, 0, 0},
    {"sigmoid", false, false, 0, 0},     {"softsign", false, false, 0, 0},
    {"softplus", false, false, 0, 0},    {"affine", true, true, 1, 0},
    {"leakyrelu", true, false, 0.01, 0}, {"thresholdedrelu", true, false, 1, 0},
    {"scaledtanh", true, true, 1, 1},    {"hardsigmoid", true, true, 0.2, 0.5},
    {"elu", true, false, 1, 0},
};

static const ActivationInfo *find(const char *name)
{
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
        if (!strcmp(infos[i].name, name)) return &infos[i];
    }
    return NULL;
}

static const char *lower_case(Arena *arena, const char *name)
{
    char *copy = arena_strdup(arena, name);
    for (char *c = copy; *c; c++) *c = (char)tolower((unsigned char)*c);
    return copy;
}

/* alpha and beta are consumed in order by the functions that take them, over all directions. */
int rnn_activations(Lower *lw, const Node *node, int dir, int count, const char *const *defaults,
                    Activation *out)
{
    const Attr *names = node_attr(node, "activations");
    const Attr *alpha = node_attr(node, "activation_alpha");
    const Attr *beta = node_attr(node, "activation_beta");
    int next_alpha = 0, next_beta = 0;
    if (names && names->count < (dir + 1) * count)
        return diag_node(lw->diag, &node->origin, "activations: expected %d names, got %d",
                         (dir + 1) * count, names->count);
    for (int i = 0; i < (dir + 1) * count; i++) {
        const char *given = names ? names->strings[i] : defaults[i % count];
        const ActivationInfo *info = find(lower_case(lw->arena, given));
        if (!info) return diag_node(lw->diag, &node->origin, "activations: '%s' is unknown", given);
        Activation act = {info->name, info->alpha, info->beta};
        if (info->has_alpha && alpha && next_alpha < alpha->count)
            act.alpha = alpha->floats[next_alpha++];
        if (info->has_beta && beta && next_beta < beta->count) act.beta = beta->floats[next_beta++];
        if (i >= dir * count) out[i - dir * count] = act;
    }
    return 0;
}

static Inst *apply(Builder *b, const Activation *act, Inst *x)
{
    Inst *zero = scalar_like(b, x, 0), *one = scalar_like(b, x, 1);
    Inst *alpha = scalar_like(b, x, act->alpha), *beta = scalar_like(b, x, act->beta);
    Inst *negative = kb_op(b, LI_LT, x, zero);
    const char *name = act->name;
    if (!strcmp(name, "tanh")) return kb_op1(b, LI_TANH, x);
    if (!strcmp(name, "sigmoid")) return scalar_sigmoid(b, x);
    if (!strcmp(name, "relu")) return kb_select(b, negative, zero, x);
    if (!strcmp(name, "softplus")) return scalar_softplus(b, x);
    if (!strcmp(name, "softsign")) return kb_op(b, LI_DIV, x, kb_add(b, one, kb_op1(b, LI_ABS, x)));
    if (!strcmp(name, "affine")) return kb_add(b, kb_mul(b, alpha, x), beta);
    if (!strcmp(name, "leakyrelu")) return kb_select(b, negative, kb_mul(b, alpha, x), x);
    if (!strcmp(name, "thresholdedrelu")) return kb_select(b, kb_op(b, LI_GE, x, alpha), x, zero);
    if (!strcmp(name, "scaledtanh"))
        return kb_mul(b, alpha, kb_op1(b, LI_TANH, kb_mul(b, beta, x)));
    if (!strcmp(name, "hardsigmoid"))
        return scalar_clamp(b, kb_add(b, kb_mul(b, alpha, x), beta), 0, 1);
    return kb_select(b, negative, kb_mul(b, alpha, kb_op1(b, LI_EXPM1, x)), x); /* elu */
}

Inst *rnn_activate(Rnn *r, int i, Inst *x)
{
    Builder *b = &r->lw->b;
    double clip = node_attr(r->node, "clip") ? node_float(r->node, "clip") : 0;
    if (clip > 0) x = scalar_clamp(b, x, -clip, clip);
    return apply(b, &r->act[i], x);
}

Inst *rnn_activate_plain(Rnn *r, int i, Inst *x)
{
    return apply(&r->lw->b, &r->act[i], x);
}
