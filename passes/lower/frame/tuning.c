/* Keys of kernels, and the table of measured tilings. */
#include "passes/lower/frame/tuning.h"

#include "passes/lower/frame/lower.h"

#include <stdlib.h>
#include <string.h>

/* ---- Keys ---- */

static void add_dim(Text *text, SizeTable *sizes, const Size *dim)
{
    text_add(text, size_text(sizes, dim));
    if (!size_is_const(dim)) text_printf(text, "<=%lld", (long long)size_upper(sizes, dim));
}

static void add_tensor(Text *text, SizeTable *sizes, const Tensor *tensor)
{
    if (!tensor) {
        text_add(text, " -");
        return;
    }
    text_printf(text, " %s[", dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++) {
        if (i) text_add(text, ",");
        add_dim(text, sizes, tensor->dims[i]);
    }
    text_add(text, "]");
    if (tensor->has_order) {
        text_add(text, "@");
        for (int i = 0; i < tensor->rank; i++) text_printf(text, "%d", tensor->order[i]);
    }
    if (tensor->data) text_add(text, "const");
    if (tensor->is_inlined) text_add(text, "inlined");
}

static int by_name(const void *a, const void *c)
{
    return strcmp((*(const Attr *const *)a)->name, (*(const Attr *const *)c)->name);
}

/* Attributes with numbers, by name. */
static void add_attrs(Text *text, const Node *node)
{
    const Attr **sorted = arena_array(text->arena, (size_t)node->attr_count + 1, sizeof *sorted);
    for (int i = 0; i < node->attr_count; i++) sorted[i] = &node->attrs[i];
    if (node->attr_count) qsort(sorted, (size_t)node->attr_count, sizeof *sorted, by_name);
    for (int i = 0; i < node->attr_count; i++) {
        const Attr *attr = sorted[i];
        bool ints = attr->kind == ATTR_INT || attr->kind == ATTR_INTS;
        bool floats = attr->kind == ATTR_FLOAT || attr->kind == ATTR_FLOATS;
        if (!ints && !floats) continue;
        text_printf(text, " %s=", attr->name);
        for (int k = 0; k < attr->count; k++) {
            if (k) text_add(text, ",");
            if (ints)
                text_printf(text, "%lld", (long long)attr->ints[k]);
            else
                text_printf(text, "%g", attr->floats[k]);
        }
    }
}

const char *tuning_key(Arena *arena, SizeTable *sizes, const Node *node)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, op_info(node->op)->name);
    for (int i = 0; i < node->in_count; i++) add_tensor(&text, sizes, node->in[i]);
    text_add(&text, " ->");
    add_tensor(&text, sizes, node_result(node));
    add_attrs(&text, node);
    for (int i = 0; i < node->epilogue_count; i++)
        text_printf(&text, "%s %s", i ? "" : " then", op_info(node->epilogue[i]->op)->name);
    return text.data;
}

const char *tuning_target(Arena *arena, const LowerTarget *lower, const char *triple,
                          const char *cpu, const char *features)
{
    return arena_printf(arena, "%s %s%s%s vectors %dx%d fma %d dot %d l1 %lld l2 %lld", triple, cpu,
                        *features ? " " : "", features, lower_vector_bits(lower),
                        lower_registers(lower), lower_has_fma(lower), lower_dot4(lower),
                        (long long)lower->device->l1d, (long long)lower->device->l2);
}

/* ---- Tilings ---- */

bool tiling_is_rule(const Tiling *t)
{
    return !t->rows && !t->vecs && !t->band && !t->columns && !t->method;
}

Tiling tiling_over(Tiling base, Tiling more)
{
    if (more.rows) base.rows = more.rows;
    if (more.vecs) base.vecs = more.vecs;
    if (more.band) base.band = more.band;
    if (more.columns) base.columns = more.columns;
    if (more.method) base.method = more.method;
    return base;
}

bool tiling_fits(int vector_registers, int rows, int vecs)
{
    int registers = vector_registers < 16 ? 16 : vector_registers;
    return rows * vecs + vecs + 1 <= registers;
}

#define WORD(name, word) [name] = (word),

const char *columns_name(ColumnOrder columns)
{
    static const char *const words[] = {[COLUMNS_BY_RULE] = "", COLUMN_ORDERS(WORD)};
    return words[columns];
}

const char *method_name(ConvMethod method)
{
    static const char *const words[] = {[METHOD_BY_RULE] = "", CONV_METHODS(WORD)};
    return words[method];
}

/* ---- The table ---- */

/* The first kernel whose key is not before this one. */
static int position(const Tuning *tuning, const char *key)
{
    int low = 0, high = tuning->kernel_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(tuning->kernels[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

TunedKernel *tuning_find(const Tuning *tuning, const char *key)
{
    int at = position(tuning, key);
    bool here = at < tuning->kernel_count && !strcmp(tuning->kernels[at].key, key);
    return here ? &tuning->kernels[at] : NULL;
}

void tuning_set(Tuning *tuning, const char *key, Tiling tiling)
{
    TunedKernel *known = tuning_find(tuning, key), kernel = {.key = key, .tiling = tiling};
    if (!known) {
        int at = position(tuning, key), after = tuning->kernel_count - at;
        arena_push(tuning->arena, tuning->kernels, tuning->kernel_count) = kernel;
        known = &tuning->kernels[at];
        memmove(known + 1, known, (size_t)after * sizeof kernel);
    }
    *known = kernel;
}

Tuning *tuning_copy(Arena *arena, const Tuning *tuning)
{
    Tuning *copy = arena_alloc(arena, sizeof *copy);
    *copy = (Tuning){.arena = arena};
    for (int i = 0; i < tuning->kernel_count; i++)
        tuning_set(copy, tuning->kernels[i].key, tuning->kernels[i].tiling);
    return copy;
}

/* ---- Notes ---- */

TuningSite *tuning_site(Tuning *tuning, const char *key)
{
    if (!tuning->notes) return NULL;
    for (int i = 0; i < tuning->site_count; i++) {
        if (!strcmp(tuning->sites[i].key, key)) return &tuning->sites[i];
    }
    TuningSite site = {.key = arena_strdup(tuning->arena, key)};
    TuningSite *made = &arena_push(tuning->arena, tuning->sites, tuning->site_count);
    *made = site;
    return made;
}

/* Each once: kernels of one key would add them again. */
static void add(Tiling *list, int *count, Tiling tiling)
{
    for (int i = 0; i < *count; i++) {
        const Tiling *old = &list[i];
        if (old->rows == tiling.rows && old->vecs == tiling.vecs && old->band == tiling.band &&
            old->columns == tiling.columns && old->method == tiling.method)
            return;
    }
    if (*count < TUNING_CANDIDATES) list[(*count)++] = tiling;
}

void site_tile(TuningSite *site, Tiling tiling)
{
    if (site) add(site->tiles, &site->tile_count, tiling);
}

void site_order(TuningSite *site, Tiling tiling)
{
    if (site) add(site->orders, &site->order_count, tiling);
}
