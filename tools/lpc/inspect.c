/* `lpc inspect MODEL.onnx`. */
#include "tools/lpc/command.h"

#include <string.h>

static void print_value(const lpc_value *v)
{
    static const char *const roles[] = {"", " (state)", " (renewed state)"};
    if (v->rank < 0) {
        printf("  %-32s not known\n", v->name);
        return;
    }
    printf("  %-32s %s[", v->name, v->type);
    for (int i = 0; i < v->rank; i++) printf("%s%s", i ? ", " : "", v->dims[i]);
    printf("]%s\n", roles[v->role]);
}

static void print_symbols(const lpc_inspection *x)
{
    static const char *const sources[] = {"a size of an input", "a size of state",
                                          "known only when the model runs"};
    printf("free symbols:%s\n", x->symbol_count ? "" : " none");
    for (size_t i = 0; i < x->symbol_count; i++) {
        const lpc_symbol *s = &x->symbols[i];
        printf("  %-32s %s; ", s->name, sources[s->source]);
        if (s->boundless)
            printf("needs no bound\n");
        else if (s->most < 0)
            printf("no bound: --bind or --max\n");
        else
            printf("at most %lld\n", (long long)s->most);
    }
}

static void print_needs(const lpc_inspection *x)
{
    if (!x->bounded) {
        printf("FLOPs, peak memory: give every free symbol a value or bound\n");
        return;
    }
    printf("FLOPs: %.0f\n", x->flops);
    printf("peak memory: %lld bytes of activations, %lld bytes of weights\n",
           (long long)x->activation_bytes, (long long)x->weight_bytes);
    print_stages(x->stages, x->stage_count);
}

/* All nodes that lack the same, once. */
static void print_missing_like(const lpc_inspection *x, size_t first)
{
    static const char *const newer[] = {"another export does not help", "a newer export may help",
                                        "a newer export helps"};
    const lpc_missing *m = &x->missing[first];
    size_t count = 0;
    printf("  %s", m->op);
    if (m->opset) printf(", opset %lld", m->opset);
    printf(": %s\n    nodes:", m->why);
    for (size_t i = first; i < x->missing_count; i++) {
        const lpc_missing *other = &x->missing[i];
        if (strcmp(other->op, m->op) || strcmp(other->why, m->why)) continue;
        if (++count <= 8)
            printf(count > 1 ? ", '%s' (#%d)" : " '%s' (#%d)", other->node, other->index);
    }
    printf(count > 8 ? " and %zu more\n" : "\n", count - 8);
    if (*m->needs) printf("    %s\n", m->needs);
    printf("    %s\n", newer[m->newer]);
}

static void print_missing(const lpc_inspection *x)
{
    printf("not supported: %zu node%s\n", x->missing_count, x->missing_count > 1 ? "s" : "");
    for (size_t i = 0; i < x->missing_count; i++) {
        size_t k = 0;
        while (strcmp(x->missing[k].op, x->missing[i].op) ||
               strcmp(x->missing[k].why, x->missing[i].why))
            k++;
        if (k == i) print_missing_like(x, i);
    }
}

static void print_inspection(const char *model, const lpc_inspection *x, lpc_status status)
{
    printf("model: %s\noperators%s:", model, x->missing_count ? " that are supported" : "");
    for (size_t i = 0; i < x->operator_count; i++)
        printf(" %s:%d", x->operators[i].name, x->operators[i].count);
    printf("\nparameters: %.0f (%.0f bytes)\n", x->parameters, x->parameter_bytes);
    if (!x->typed) return;
    printf("inputs:\n");
    for (size_t i = 0; i < x->input_count; i++) print_value(&x->inputs[i]);
    printf("outputs:\n");
    for (size_t i = 0; i < x->output_count; i++) print_value(&x->outputs[i]);
    print_symbols(x);
    if (!status) print_needs(x);
}

int command_inspect(lpc_compiler *c, const Words *words)
{
    const lpc_inspection *inspection;
    if (!words->count) return usage_error("inspect", "missing 'MODEL.onnx'");
    lpc_status status = lpc_inspect(c, words->list[0], &inspection);
    if (inspection && inspection->operator_count)
        print_inspection(words->list[0], inspection, status);
    if (inspection && inspection->missing_count) print_missing(inspection);
    if (status && inspection && inspection->unknown_sizes)
        printf("sizes that follow from data: the errors say what bound or contents they need; an "
               "export "
               "with fixed\n  sizes, or one that folds shapes, needs none\n");
    return (int)status;
}
