/* A user's own operator: one call of a function that is elsewhere (ir/custom.h), on dense row-major memory.
 * What lies otherwise is copied there before, and from there after it. Sizes that the function sets come
 * back as numbers, from which main sets their symbols. */
#include "ir/custom.h"
#include "passes/lower/frame/lower.h"

#include <string.h>

/* ---- Dense memory ---- */

static bool is_aligned(const Place *place)
{
    enum { ALIGNMENT = 64 };
    int64_t size = (int64_t)dtype_size(place->buffer->dtype);
    return size_is_const(place->offset) && place->offset->value * size % ALIGNMENT == 0;
}

static bool is_dense(Lower *lw, const Tensor *tensor)
{
    const Place *place = lower_place(lw, tensor);
    const Size *stride = size_const(lw->sizes, dtype_cells(tensor->dtype));
    if (!place->buffer || tensor->is_inlined || place_is_packed(tensor)) return false;
    if (!is_aligned(place)) return false;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        if (!size_is(tensor->dims[i], 1) && place->stride[i] != stride) return false;
        stride = size_mul(lw->sizes, stride, tensor->dims[i]);
    }
    return true;
}

/* The same elements in scratch of their own. */
static Tensor *dense_alias(Lower *lw, const Tensor *like, const char *name)
{
    Tensor *alias = arena_alloc(lw->arena, sizeof *alias);
    *alias =
        (Tensor){.id = lw->next_alias++, .name = name, .dtype = like->dtype, .rank = like->rank};
    memcpy(alias->dims, like->dims, sizeof alias->dims);
    Place *place = &lw->places[alias->id];
    *place =
        (Place){.buffer = lower_scratch(lw, name, like->dtype, tensor_elements(lw->sizes, like))};
    place_row_major(lw, alias, place);
    return alias;
}

/* A node of lpc's own beside `of`; to: NULL, it has no output. */
static int lower_beside(Lower *lw, Node *of, OpCode op, const char *name, Tensor *from, Tensor *to)
{
    Node *node = arena_alloc(lw->arena, sizeof *node);
    Tensor **ends = arena_array(lw->arena, 2, sizeof *ends);
    ends[0] = from;
    ends[1] = to;
    *node = (Node){.id = of->id,
                   .op = op,
                   .origin = of->origin,
                   .in = ends,
                   .in_count = 1,
                   .out = ends + 1,
                   .out_count = to != NULL};
    node->name = arena_printf(lw->arena, "%s_%s", of->name, name);
    int code = lower_node(lw, node);
    lw->node = of;
    return code;
}

/* ---- The kernel ---- */

typedef struct Calling {
    Lower *lw;
    Node *node;
    External *x;
    Tensor **in, **out; /* as the function sees them */
    Buffer *workspace, *open;
    int *symbols; /* that are set, in order */
} Calling;

static void describe(Calling *c, const Tensor *tensor, ExternalTensor *to)
{
    if (!tensor) return;
    to->dtype = tensor->dtype;
    to->rank = tensor->rank;
    memcpy(to->dims, tensor->dims, sizeof to->dims);
    for (int i = 0; i < tensor->rank; i++) c->x->asks |= size_has_symbols(tensor->dims[i]);
}

/* Is the size a symbol of the node's own? */
static bool is_own(const Node *node, const Size *size)
{
    for (int i = 0; i < node->custom->symbol_count && size->kind == SIZE_SYM; i++) {
        if (node->custom->symbols[i] == size->sym) return true;
    }
    return false;
}

static void note_open(Calling *c, int out)
{
    const Tensor *tensor = c->node->out[out];
    for (int i = 0; tensor && i < tensor->rank; i++) {
        if (!is_own(c->node, tensor->dims[i])) continue;
        c->x->out[out].open |= 1u << i;
        arena_push(c->lw->arena, c->symbols, c->x->open_count) = tensor->dims[i]->sym;
    }
}

static int prepare_inputs(Calling *c)
{
    Lower *lw = c->lw;
    for (int i = 0; i < c->node->in_count; i++) {
        Tensor *x = c->node->in[i];
        describe(c, x, &c->x->in[i]);
        if (!x) continue;
        c->x->in[i].is_constant = custom_shape_sees(x);
        c->in[i] = x;
        if (is_dense(lw, x)) continue;
        const char *name = arena_printf(lw->arena, "in%d", i);
        Tensor *alias = dense_alias(lw, x, name);
        TRY(lower_beside(lw, c->node, OP_COPY, name, x, alias));
        c->in[i] = alias;
    }
    return 0;
}

static void prepare_outputs(Calling *c)
{
    Lower *lw = c->lw;
    for (int i = 0; i < c->node->out_count; i++) {
        Tensor *y = c->node->out[i];
        describe(c, y, &c->x->out[i]);
        note_open(c, i);
        if (y)
            c->out[i] =
                is_dense(lw, y) ? y : dense_alias(lw, y, arena_printf(lw->arena, "out%d", i));
    }
    const Size *bytes = size_const(lw->sizes, c->x->workspace_bytes);
    if (c->x->workspace_bytes) c->workspace = lower_scratch(lw, "workspace", DT_U8, bytes);
    if (c->x->open_count)
        c->open = lower_scratch(lw, "sizes", DT_I64, size_const(lw->sizes, c->x->open_count));
}

static void pass(Calling *c, const char *name, Buffer *buffer, const Size *offset,
                 const Size *reach, bool write)
{
    Lower *lw = c->lw;
    Param *param = kb_param(&lw->b, name, buffer->dtype, !write, write);
    if (reach) kb_reach(&lw->b, param, size_const(lw->sizes, 0), reach);
    ParamUse use = {param, {buffer, offset}};
    arena_push(lw->arena, lw->uses, lw->use_count) = use;
}

/* What an output reaches is not known before its sizes are. */
static void pass_tensor(Calling *c, const char *name, const Tensor *tensor, bool write, bool open)
{
    SizeTable *sizes = c->lw->sizes;
    const Place *place = lower_place(c->lw, tensor);
    const Size *count =
        size_muli(sizes, tensor_elements(sizes, tensor), dtype_cells(tensor->dtype));
    pass(c, name, place->buffer, place->offset, open ? NULL : count, write);
}

static void call_function(Calling *c)
{
    Lower *lw = c->lw;
    const Size *zero = size_const(lw->sizes, 0);
    lower_begin(lw, NULL);
    lw->kernel->name = arena_printf(lw->arena, "%s_%s", lw->program->name, lw->kernel->name);
    lw->kernel->is_extern = true;
    lw->kernel->external = c->x;
    for (int i = 0; i < c->node->in_count; i++) {
        if (c->in[i]) pass_tensor(c, arena_printf(lw->arena, "in%d", i), c->in[i], false, false);
    }
    for (int i = 0; i < c->node->out_count; i++) {
        bool open = c->x->out[i].open != 0;
        if (c->out[i]) pass_tensor(c, arena_printf(lw->arena, "out%d", i), c->out[i], true, open);
    }
    if (c->workspace) pass(c, "workspace", c->workspace, zero, c->workspace->elements, true);
    if (c->open) pass(c, "open", c->open, zero, c->open->elements, true);
    lower_end(lw);
    for (int i = 0; i < c->x->open_count; i++)
        main_set_from(lw->program, lw->main, c->symbols[i], c->open, size_const(lw->sizes, i));
}

/* Strings that the function made are checked: kernels rely on their lengths. */
static int check_strings(Calling *c, Tensor *made)
{
    if (!dtype_is_string(made->dtype)) return 0;
    const char *name = arena_printf(c->lw->arena, "%s_check", made->name);
    return lower_beside(c->lw, c->node, OP_STRING_CHECK, name, made, NULL);
}

static int finish_outputs(Calling *c)
{
    for (int i = 0; i < c->node->out_count; i++) {
        Tensor *y = c->node->out[i];
        if (!y) continue;
        TRY(check_strings(c, c->out[i]));
        if (c->out[i] == y) continue;
        const char *name = arena_printf(c->lw->arena, "out%d", i);
        TRY(lower_beside(c->lw, c->node, OP_COPY, name, c->out[i], y));
    }
    return 0;
}

int lower_custom(Lower *lw, Node *node)
{
    const CustomUse *use = node->custom;
    if (!use) return diag_node(lw->diag, &node->origin, "it names no operator");
    External *x = arena_alloc(lw->arena, sizeof *x);
    *x = (External){.op = use->op,
                    .origin = node->origin,
                    .in = arena_array(lw->arena, (size_t)node->in_count + 1, sizeof *x->in),
                    .out = arena_array(lw->arena, (size_t)node->out_count + 1, sizeof *x->out),
                    .in_count = node->in_count,
                    .out_count = node->out_count,
                    .attrs = node->attrs,
                    .attr_count = node->attr_count,
                    .opset = use->opset,
                    .workspace_bytes = use->workspace_bytes,
                    .flops = use->flops};
    Calling c = {.lw = lw,
                 .node = node,
                 .x = x,
                 .in = arena_array(lw->arena, (size_t)node->in_count + 1, sizeof *c.in),
                 .out = arena_array(lw->arena, (size_t)node->out_count + 1, sizeof *c.out)};
    TRY(prepare_inputs(&c));
    prepare_outputs(&c);
    call_function(&c);
    return finish_outputs(&c);
}
