/* Types and sizes that the model states of its tensors (value_info, outputs), beside those that are inferred.
 * Where they contradict each other, the model's are told and not obeyed. */
#include "passes/shape/shape.h"

/* What differs first; NULL: nothing. */
static const char *find_difference(const Graph *g, const Stated *s)
{
    const Tensor *t = s->tensor;
    if (!t->dtype || t->rank < 0) return NULL;
    if (s->dtype && s->dtype != t->dtype)
        return arena_printf(g->arena, "of type %s; it is %s", dtype_name(s->dtype),
                            dtype_name(t->dtype));
    if (s->rank >= 0 && s->rank != t->rank)
        return arena_printf(g->arena, "of %d dimensions; it has %d", s->rank, t->rank);
    for (int i = 0; i < s->rank; i++) {
        if (s->dims[i] < 0 || !size_is_const(t->dims[i]) || size_is(t->dims[i], s->dims[i]))
            continue;
        return arena_printf(g->arena, "of size %lld in dimension %d; it is %lld",
                            (long long)s->dims[i], i, (long long)t->dims[i]->value);
    }
    return NULL;
}

void shapes_compare_stated(Graph *g)
{
    enum { TOLD = 5 };
    int wrong = 0;
    for (int i = 0; i < g->stated_count; i++) {
        const char *difference = find_difference(g, &g->stated[i]);
        if (difference && wrong++ < TOLD)
            diag_note(g->diag, "the model states that '%s' is %s: that is not obeyed",
                      g->stated[i].tensor->name, difference);
    }
    if (wrong > TOLD)
        diag_note(g->diag, "%d more such statements contradict the model's nodes", wrong - TOLD);
    g->stated_count = 0;
}
