/* liblpc: single passes on texts. */
#include "lib/api/api.h"

#include "lib/transform/transform.h"

typedef struct Transforming {
    Transform transform;
    const char *result;
} Transforming;

static int run(lpc_compiler *c, void *to)
{
    Transforming *t = to;
    t->transform.text = arena_strdup(c->arena, t->transform.text);
    t->transform.name = c->diag.file = arena_strdup(c->arena, t->transform.name);
    return transform(c->arena, &c->diag, &t->transform, &t->result);
}

lpc_status lpc_transform(lpc_compiler *c, const char *text, const char *name, const char *symbols,
                         const char *passes, const char **result)
{
    Transforming t = {.transform = {text, name, symbols, passes}};
    lpc_status status = api_run(c, run, &t);
    *result = t.result;
    return status;
}

typedef struct PassList {
    lpc_pass *passes;
    int count;
} PassList;

static int list_passes(lpc_compiler *c, void *to)
{
    PassList *list = to;
    const TransformPass *passes = transform_passes(c->arena, &list->count);
    list->passes = arena_array(c->arena, (size_t)list->count + 1, sizeof *list->passes);
    for (int i = 0; i < list->count; i++)
        list->passes[i] = (lpc_pass){passes[i].name, passes[i].help, passes[i].loops};
    return 0;
}

const lpc_pass *lpc_passes(lpc_compiler *c, size_t *count)
{
    PassList list = {0};
    *count = 0;
    if (api_run(c, list_passes, &list)) return NULL;
    *count = (size_t)list.count;
    return list.passes;
}
