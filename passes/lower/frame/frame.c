/* The frame that lowering rules work in: kernels, their parameters and calls. */
#include "passes/lower/frame/lower.h"
#include "passes/lower/frame/variants.h"

#include <ctype.h>
#include <string.h>

/* A node's name as part of a C identifier, shortened. */
static const char *identifier(Lower *lw, const char *name)
{
    enum { LONGEST = 40 };
    size_t length = strlen(name);
    if (length > LONGEST) name += length - LONGEST;
    char *copy = arena_strdup(lw->arena, name);
    for (char *c = copy; *c; c++) {
        if (!isalnum((unsigned char)*c)) *c = '_';
    }
    return copy;
}

static void describe_tensor(Lower *lw, Text *text, const Tensor *tensor)
{
    text_printf(text, "%s[", dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++) {
        text_printf(text, "%s%s", i ? ", " : "", size_text(lw->sizes, tensor->dims[i]));
    }
    text_add(text, "]");
}

static void describe_origin(Text *text, const Node *node)
{
    text_printf(text, "%s '%s'", node->origin.op ? node->origin.op : op_info(node->op)->name,
                node->origin.node ? node->origin.node : node->name);
    if (node->origin.index >= 0) text_printf(text, " (#%d)", node->origin.index);
}

/* The inlined producers that the node's loads compute, innermost first. */
static void describe_inlined(Lower *lw, Text *text, const Node *node)
{
    for (int i = 0; i < node->in_count; i++) {
        const Tensor *in = node->in[i];
        if (!in || !in->is_inlined || !in->producer) continue;
        describe_inlined(lw, text, in->producer);
        text_add(text, "  computes on the way ");
        describe_origin(text, in->producer);
        text_add(text, "\n");
    }
}

static const char *describe(Lower *lw, const Node *node)
{
    Text text;
    text_init(&text, lw->arena);
    describe_origin(&text, node);
    text_add(&text, "\n  ");
    for (int i = 0, shown = 0; i < node->in_count; i++) {
        if (!node->in[i]) continue;
        if (shown++) text_add(&text, ", ");
        describe_tensor(lw, &text, node->in[i]);
    }
    text_add(&text, " ->");
    for (int i = 0; i < node->out_count; i++) {
        const Tensor *out = i ? node->out[i] : node_result(node);
        if (!out) continue;
        text_add(&text, " ");
        describe_tensor(lw, &text, out);
    }
    text_add(&text, "\n");
    if (lw->one_row) text_printf(&text, "  where %s is 1\n", size_text(lw->sizes, lw->one_row));
    describe_inlined(lw, &text, node);
    for (int i = 0; i < node->merged_count; i++) {
        const Origin *origin = &node->merged[i];
        text_printf(&text, "  folded in %s '%s' (#%d)\n", origin->op ? origin->op : "?",
                    origin->node ? origin->node : "", origin->index);
    }
    for (int i = 0; i < node->epilogue_count; i++) {
        text_add(&text, "  then ");
        describe_origin(&text, node->epilogue[i]);
        text_add(&text, "\n");
    }
    return text.data;
}

void lower_begin(Lower *lw, const char *suffix)
{
    const Node *node = lw->node;
    const char *base = identifier(lw, node->name);
    const char *name = suffix ? arena_printf(lw->arena, "k%d_%s_%s", node->id, base, suffix)
                              : arena_printf(lw->arena, "k%d_%s", node->id, base);
    if (lw->one_row) name = arena_printf(lw->arena, "%s_one", name);
    lw->kernel = program_kernel(lw->program, name);
    lw->kernel->origin = node->origin;
    lw->kernel->comment = describe(lw, node);
    lw->kernel->tuning_key = lw->tuning_key;
    lw->uses = NULL;
    lw->use_count = 0;
    lw->flat = lw->cell = NULL;
    lw->depth = 0;
    lw->kernels_of_node++;
    builder_init(&lw->b, lw->kernel);
}

/* Two parameters over one buffer may overlap unless both only read. */
static void mark_overlaps(Lower *lw)
{
    for (int i = 0; i < lw->use_count; i++) {
        ParamUse *a = &lw->uses[i];
        for (int j = 0; j < i; j++) {
            ParamUse *c = &lw->uses[j];
            if (a->arg.buffer != c->arg.buffer) continue;
            if (a->param->is_written || c->param->is_written)
                a->param->noalias = c->param->noalias = false;
        }
    }
}

void lower_end(Lower *lw)
{
    mark_overlaps(lw);
    CallArg *args = arena_array(lw->arena, (size_t)lw->use_count, sizeof *args);
    for (int i = 0; i < lw->use_count; i++) args[i] = lw->uses[i].arg;
    main_call(lw->program, lw->main, lw->kernel, lw->use_count, args);
    lw->kernel = NULL;
}

Tiling lower_tiling(Lower *lw)
{
    Tuning *tuning = lw->target->tuning;
    if (!tuning) return (Tiling){0};
    if (!lw->tuning_key) lw->tuning_key = tuning_key(lw->arena, lw->sizes, lw->node);
    TunedKernel *known = tuning_find(tuning, lw->tuning_key);
    if (!known) return (Tiling){0};
    known->used = true;
    return known->tiling;
}

TuningSite *lower_site(Lower *lw)
{
    Tuning *tuning = lw->target->tuning;
    return tuning && lw->tuning_key ? tuning_site(tuning, lw->tuning_key) : NULL;
}

static const char *param_name(Lower *lw, const Buffer *buffer)
{
    const char *name =
        arena_printf(lw->arena, "%s_%d", identifier(lw, buffer->name), lw->use_count);
    return isalpha((unsigned char)name[0]) ? name : arena_printf(lw->arena, "t%s", name);
}

/* The parameter for elements of dtype from there on: one for all uses of the same start. */
static Param *param_at(Lower *lw, Buffer *buffer, const Size *offset, DType dtype)
{
    for (int i = 0; i < lw->use_count; i++) {
        const ParamUse *use = &lw->uses[i];
        if (use->arg.buffer == buffer && use->arg.offset == offset && use->param->dtype == dtype)
            return use->param;
    }
    Param *param = kb_param(&lw->b, param_name(lw, buffer), dtype, false, false);
    if (dtype != buffer->dtype) param->viewed = buffer->dtype;
    param->noalias = true;
    ParamUse use = {param, {buffer, offset}};
    arena_push(lw->arena, lw->uses, lw->use_count) = use;
    return param;
}

static Param *used(Param *param, bool write)
{
    if (write)
        param->is_written = true;
    else
        param->is_read = true;
    return param;
}

Param *lower_part(Lower *lw, Buffer *buffer, const Size *offset, const Size *elements, bool write)
{
    Param *param = param_at(lw, buffer, offset, buffer->dtype);
    kb_reach(&lw->b, param, size_const(lw->sizes, 0), elements);
    return used(param, write);
}

Param *lower_whole(Lower *lw, Buffer *buffer, bool write)
{
    return lower_part(lw, buffer, size_const(lw->sizes, 0), buffer->elements, write);
}

/* How many elements of dtype the bytes of so many elements of the buffer's type are. */
static const Size *in_elements(Lower *lw, const Size *count, const Buffer *buffer, DType dtype)
{
    int64_t from = (int64_t)dtype_size(buffer->dtype), to = (int64_t)dtype_size(dtype);
    return from == to ? count : size_divi(lw->sizes, size_muli(lw->sizes, count, from), to);
}

Param *lower_whole_view(Lower *lw, Buffer *buffer, DType dtype)
{
    Param *param = param_at(lw, buffer, size_const(lw->sizes, 0), dtype);
    kb_reach(&lw->b, param, size_const(lw->sizes, 0),
             in_elements(lw, buffer->elements, buffer, dtype));
    return used(param, false);
}

/* What the tensor's elements reach: from the least to the greatest sum of coordinate * stride. */
static void place_reach(Lower *lw, const Tensor *tensor, const Place *place, const Size **first,
                        const Size **end)
{
    const Size *zero = size_const(lw->sizes, 0);
    *first = zero;
    *end = size_const(lw->sizes, dtype_cells(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++) {
        const Size *stride = place->stride[i];
        const Size *far = size_mul(lw->sizes, size_addi(lw->sizes, tensor->dims[i], -1), stride);
        if (size_lower(lw->sizes, stride) >= 0)
            *end = size_add(lw->sizes, *end, far);
        else if (size_upper(lw->sizes, stride) <= 0)
            *first = size_add(lw->sizes, *first, far);
        else {
            *first = size_add(lw->sizes, *first, size_min(lw->sizes, far, zero));
            *end = size_add(lw->sizes, *end, size_max(lw->sizes, far, zero));
        }
    }
}

static Param *tensor_param(Lower *lw, const Tensor *tensor, DType dtype, bool write)
{
    const Place *place = lower_place(lw, tensor);
    const Size *first, *end;
    place_reach(lw, tensor, place, &first, &end);
    Param *param = param_at(lw, place->buffer, place->offset, dtype);
    kb_reach(&lw->b, param, in_elements(lw, first, place->buffer, dtype),
             in_elements(lw, end, place->buffer, dtype));
    return used(param, write);
}

Param *lower_tensor_param(Lower *lw, const Tensor *tensor, bool write)
{
    return tensor_param(lw, tensor, lower_place(lw, tensor)->buffer->dtype, write);
}

Param *lower_tensor_view(Lower *lw, const Tensor *tensor, DType dtype)
{
    return tensor_param(lw, tensor, dtype, false);
}

Inst *lower_point_value(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    return lw->rules[node->op].point(lw, node, output, idx);
}

bool lower_needs_code(const Lower *lw, const Node *node)
{
    int outputs = 0, viewed = 0;
    for (int i = 0; i < node->out_count; i++) {
        const Tensor *out = i ? node->out[i] : node_result(node);
        outputs += out != NULL;
        viewed += out && lw->viewed && lw->viewed[out->id];
    }
    return viewed < outputs || !outputs;
}

int lower_node(Lower *lw, Node *node)
{
    lw->node = node;
    lw->kernels_of_node = 0;
    lw->tuning_key = NULL;
    LowerRule *rule = lw->rules[node->op].lower;
    if (!rule) return diag_node(lw->diag, &node->origin, "operator cannot be compiled");
    const Size *rows = variant_rows(lw, node);
    return rows ? lower_variants(lw, node, rows) : rule(lw, node);
}
