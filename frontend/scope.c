/* Scopes: which tensor a name means. Branches of If see the names around them, functions do not. */
#include "frontend/import.h"

#include <string.h>

Scope *scope_new(Import *im, Scope *parent)
{
    Scope *scope = arena_alloc(im->arena, sizeof *scope);
    scope->im = im;
    scope->parent = parent;
    scope->tensors = names_new(im->arena);
    scope->hints = names_new(im->arena);
    scope->prefix = "";
    scope->index = -1;
    return scope;
}

void scope_hint(Scope *scope, Onnx__ValueInfoProto **values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i]->name) names_put(scope->hints, values[i]->name, values[i]);
    }
}

void scope_bind(Scope *scope, const char *name, Tensor *tensor)
{
    names_put(scope->tensors, name, tensor ? tensor : &scope->im->absent);
}

bool scope_has(const Scope *scope, const char *name)
{
    return names_find(scope->tensors, name) != NULL;
}

bool scope_find(const Scope *scope, const char *name, Tensor **tensor)
{
    for (; scope; scope = scope->parent) {
        Tensor *found = names_find(scope->tensors, name);
        if (!found) continue;
        *tensor = found == &scope->im->absent ? NULL : found;
        return true;
    }
    return false;
}

static const Onnx__TensorTypeProto *find_hint(const Scope *scope, const char *name)
{
    for (; scope; scope = scope->parent) {
        const Onnx__ValueInfoProto *value = names_find(scope->hints, name);
        if (value && value->type) return value->type->tensor_type;
    }
    return NULL;
}

int scope_rank(const Scope *scope, const char *name)
{
    Tensor *tensor = NULL;
    if (scope_find(scope, name, &tensor) && tensor && tensor->rank >= 0) return tensor->rank;
    const Onnx__TensorTypeProto *hint = find_hint(scope, name);
    return hint && hint->shape && hint->shape->n_dim <= MAX_RANK ? (int)hint->shape->n_dim : -1;
}

DType scope_dtype(const Scope *scope, const char *name)
{
    Tensor *tensor = NULL;
    if (scope_find(scope, name, &tensor) && tensor && tensor->dtype) return tensor->dtype;
    const Onnx__TensorTypeProto *hint = find_hint(scope, name);
    return hint ? graph_dtype(scope->im->graph, hint->elem_type) : DT_NONE;
}

static Stated stated_of(const Graph *graph, const Tensor *tensor, const Onnx__TensorTypeProto *type)
{
    Stated s = {.tensor = tensor, .dtype = graph_dtype(graph, type->elem_type), .rank = -1};
    if (!type->shape) return s;
    int64_t *dims = arena_array(graph->arena, type->shape->n_dim + 1, sizeof *dims);
    for (size_t i = 0; i < type->shape->n_dim; i++) {
        const Onnx__DimensionProto *dim = type->shape->dim[i];
        dims[i] = dim->has_dim_value && dim->dim_value > 0 ? dim->dim_value : -1;
    }
    s.rank = (int)type->shape->n_dim;
    s.dims = dims;
    return s;
}

void scope_note_stated(const Scope *scope, Onnx__ValueInfoProto **values, size_t count)
{
    Graph *graph = scope->im->graph;
    for (size_t i = 0; i < count; i++) {
        const char *name = values[i]->name;
        Tensor *tensor = NULL;
        const Onnx__TypeProto *type = values[i]->type;
        if (!name || !type || !type->tensor_type || !scope_find(scope, name, &tensor) || !tensor)
            continue;
        arena_push(graph->arena, graph->stated, graph->stated_count) =
            stated_of(graph, tensor, type->tensor_type);
    }
}

int64_t scope_opset(const Scope *scope, const char *domain)
{
    if (!strcmp(domain, "ai.onnx")) domain = "";
    for (size_t i = 0; i < scope->opset_count; i++) {
        const char *name = scope->opsets[i]->domain ? scope->opsets[i]->domain : "";
        if (!strcmp(name, "ai.onnx")) name = "";
        if (!strcmp(name, domain)) return scope->opsets[i]->version;
    }
    const Onnx__ModelProto *model = scope->im->model;
    if (scope->opsets == model->opset_import) return 0;
    Scope whole = {
        .im = scope->im, .opsets = model->opset_import, .opset_count = model->n_opset_import};
    return scope_opset(&whole, domain);
}

const char *scope_name(const Scope *scope, const char *name)
{
    const char *better = scope->renames ? names_find(scope->renames, name) : NULL;
    if (better) return better;
    Arena *arena = scope->im->arena;
    if (scope->attrs) return arena_printf(arena, "%s%s", scope->prefix, name);
    bool is_main = !scope->parent;
    if (is_main || !names_find(scope->im->top_names, name)) return name;
    return arena_printf(arena, "%s.inner", name);
}

/* ---- Constants ---- */

static int add_constant(Scope *scope, const char *name, const Elements *elements)
{
    if (!name || !*name) return diag_error(scope->im->diag, "an initializer has no name");
    if (scope_has(scope, name)) {
        return diag_error(scope->im->diag, "initializer '%s' stands twice", name);
    }
    scope_bind(scope, name, elements_tensor(scope->im, scope_name(scope, name), elements));
    return LPC_OK;
}

int scope_constants(Scope *scope, const Onnx__GraphProto *graph)
{
    Import *im = scope->im;
    int failed = LPC_OK;
    Elements elements;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *proto = graph->initializer[i];
        const char *what =
            arena_printf(im->arena, "initializer '%s'", proto->name ? proto->name : "");
        int code = tensor_read(im, proto, NULL, what, &elements);
        if (!code) code = add_constant(scope, proto->name, &elements);
        failed |= code;
    }
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        const Onnx__SparseTensorProto *proto = graph->sparse_initializer[i];
        const char *name = proto->values ? proto->values->name : NULL;
        const char *what = arena_printf(im->arena, "initializer '%s'", name ? name : "");
        int code = tensor_read_sparse(im, proto, NULL, what, &elements);
        if (!code) code = add_constant(scope, name, &elements);
        failed |= code;
    }
    return failed;
}

/* ---- Order ---- */

/* For each name that the nodes make, which node does: index + 1. */
typedef struct Order {
    Scope *scope;
    Onnx__NodeProto **nodes;
    size_t count;
    NameTable *makers; /* of size_t, in `numbers` */
    size_t *numbers;
    size_t *waits;  /* per node: inputs not yet placed */
    size_t **users; /* per node: who waits for it */
    size_t *user_count;
} Order;

/* Names that a branch makes itself, and those around it up to the order's nodes. */
typedef struct Local Local;
struct Local {
    NameTable *names;
    const Local *around;
};

static void note_read(Order *order, size_t user, const char *name, const Local *local)
{
    for (; local; local = local->around) {
        if (names_find(local->names, name)) return;
    }
    const size_t *maker = names_find(order->makers, name);
    if (!maker) return;
    size_t m = *maker;
    order->waits[user]++;
    size_t **users = &order->users[m];
    arena_push(order->scope->im->arena, *users, order->user_count[m]) = user;
}

static void note_local(Local *local, const Onnx__GraphProto *graph)
{
    for (size_t n = 0; n < graph->n_node; n++) {
        const Onnx__NodeProto *node = graph->node[n];
        for (size_t i = 0; i < node->n_output; i++) {
            names_put(local->names, node->output[i], graph->node[n]);
        }
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        char *name = graph->initializer[i]->name;
        if (name) names_put(local->names, name, graph->initializer[i]);
    }
    for (size_t i = 0; i < graph->n_input; i++) {
        char *name = graph->input[i]->name;
        if (name) names_put(local->names, name, graph->input[i]);
    }
}

/* Everything that the node reads, inside its branches too. */
static void note_reads(Order *order, const Onnx__NodeProto *node, size_t user, const Local *local)
{
    for (size_t i = 0; i < node->n_input; i++) note_read(order, user, node->input[i], local);
    for (size_t a = 0; a < node->n_attribute; a++) {
        const Onnx__GraphProto *graph = node->attribute[a]->g;
        if (!graph) continue;
        Local inner = {names_new(order->scope->im->arena), local};
        note_local(&inner, graph);
        for (size_t n = 0; n < graph->n_node; n++) note_reads(order, graph->node[n], user, &inner);
        for (size_t i = 0; i < graph->n_output; i++) {
            const char *name = graph->output[i]->name;
            if (name) note_read(order, user, name, &inner);
        }
    }
}

static int note_makers(Order *order)
{
    int failed = LPC_OK;
    for (size_t n = 0; n < order->count; n++) {
        const Onnx__NodeProto *node = order->nodes[n];
        order->numbers[n] = n;
        for (size_t i = 0; i < node->n_output; i++) {
            const char *name = node->output[i];
            if (!*name) continue;
            if (names_find(order->makers, name) || scope_has(order->scope, name)) {
                failed = diag_error(order->scope->im->diag,
                                    "node '%s' (%s, #%zu): its output '%s' is already the name of "
                                    "another tensor",
                                    node->name ? node->name : "",
                                    node->op_type ? node->op_type : "", n, name);
            }
            names_put(order->makers, name, &order->numbers[n]);
        }
    }
    return failed;
}

static int report_cycle(const Order *order)
{
    for (size_t n = 0; n < order->count; n++) {
        if (!order->waits[n]) continue;
        const Onnx__NodeProto *node = order->nodes[n];
        return diag_error(order->scope->im->diag,
                          "node '%s' (%s, #%zu): is on a cycle or depends on one: its inputs "
                          "cannot be computed before it",
                          node->name ? node->name : "", node->op_type ? node->op_type : "", n);
    }
    return LPC_OK;
}

/* Already sorted, as the format asks: keep the order. */
static bool is_sorted(const Order *order)
{
    for (size_t n = 0; n < order->count; n++) {
        for (size_t u = 0; u < order->user_count[n]; u++) {
            if (order->users[n][u] <= n) return false;
        }
    }
    return true;
}

int scope_order(Scope *scope, Onnx__NodeProto **nodes, size_t count, size_t **result)
{
    Arena *arena = scope->im->arena;
    Order order = {.scope = scope, .nodes = nodes, .count = count, .makers = names_new(arena)};
    order.numbers = arena_array(arena, count, sizeof(size_t));
    order.waits = arena_array(arena, count, sizeof(size_t));
    order.users = arena_array(arena, count, sizeof(size_t *));
    order.user_count = arena_array(arena, count, sizeof(size_t));
    *result = arena_array(arena, count, sizeof(size_t));
    TRY(note_makers(&order));
    for (size_t n = 0; n < count; n++) note_reads(&order, nodes[n], n, NULL);
    bool sorted = is_sorted(&order);
    size_t placed = 0;
    for (size_t n = 0; n < count; n++) {
        if (sorted || !order.waits[n]) (*result)[placed++] = n;
    }
    for (size_t at = 0; at < placed && !sorted; at++) {
        size_t n = (*result)[at];
        for (size_t u = 0; u < order.user_count[n]; u++) {
            size_t user = order.users[n][u];
            if (--order.waits[user] == 0) (*result)[placed++] = user;
        }
    }
    return placed == count ? LPC_OK : report_cycle(&order);
}
