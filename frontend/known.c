/* What is known of a tensor while the graph is still being built.
 *
 * Which elements a sequence has may depend on sizes and on shape arithmetic, which a pass infers. So
 * what the tensor depends on is copied into a graph of its own, and that is inferred; the unfinished
 * graph, whose tensors the importer holds, stays as it is. */
#include "frontend/value.h"

#include <string.h>

typedef struct Copy {
    const Graph *from;
    Graph *to;
    bool *tensors, *nodes; /* by id and by position: is it needed */
    const Node *loop;      /* the end of the finished loop that the tensor is in, or NULL */
    Tensor **made;         /* by id */
    Region **bodies;       /* by loop: pairs of a body and its copy */
    int body_count;
} Copy;

/* ---- What the tensor depends on ---- */

static void need(Copy *c, const Tensor *tensor)
{
    if (tensor) c->tensors[tensor->id] = true;
}

static void need_node(Copy *c, int at)
{
    const Node *n = c->from->nodes[at];
    bool open = n->op == OP_LOOP_ENTER && !n->body->leave;
    c->nodes[at] = true;
    for (int i = 0; i < n->in_count && !open; i++) need(c, n->in[i]);
    for (const Region *r = n->region; r; r = r->parent) need(c, r->cond);
}

/* Bodies are needed whole: their nodes stand before the leave node that is. */
static void find_needed(Copy *c)
{
    const Node *leave = NULL;
    for (int at = c->from->node_count - 1; at >= 0; at--) {
        const Node *n = c->from->nodes[at];
        bool needed = leave && (n == leave->body->enter || region_within(n->region, leave->body));
        for (int i = 0; i < n->out_count && !needed; i++)
            needed = n->out[i] && c->tensors[n->out[i]->id];
        if (!needed && n != c->loop) continue;
        need_node(c, at);
        if (leave && n == leave->body->enter) leave = NULL;
        if (!leave && n->op == OP_LOOP_LEAVE) leave = n;
    }
}

/* ---- The copy ---- */

static const Size *copy_size(const Copy *c, const Size *size)
{
    if (size_is_const(size)) return size_const(c->to->sizes, size->value);
    return size_parse(c->to->sizes, size_text(c->from->sizes, size), NULL);
}

static Tensor *copy_tensor(Copy *c, const Tensor *tensor)
{
    const Size *dims[MAX_RANK];
    if (!tensor) return NULL;
    Tensor *made = c->made[tensor->id];
    if (made) return made;
    for (int i = 0; i < tensor->rank; i++) dims[i] = copy_size(c, tensor->dims[i]);
    made = graph_tensor(c->to, tensor->name, tensor->dtype, tensor->rank, dims);
    made->data = tensor->data;
    c->made[tensor->id] = made;
    return made;
}

static Region *copy_region(Copy *c, const Region *region)
{
    if (!region) return NULL;
    Region *parent = copy_region(c, region->parent);
    if (region->kind == REGION_BRANCH)
        return graph_branch(c->to, parent, copy_tensor(c, region->cond), region->when);
    if (!region->leave) return parent; /* within this body all is as if it ran once */
    for (int i = 0; i < c->body_count; i++) {
        if (c->bodies[2 * i] == region) return c->bodies[2 * i + 1];
    }
    Region **pairs = arena_grow(c->to->arena, c->bodies, 2 * (size_t)c->body_count,
                                2 * (size_t)c->body_count + 2, sizeof(Region *));
    pairs[2 * c->body_count] = (Region *)(uintptr_t)region;
    pairs[2 * c->body_count + 1] = graph_body(c->to, parent);
    c->bodies = pairs;
    return pairs[2 * c->body_count++ + 1];
}

/* Of a loop that has no end yet: its iteration is any number, what it carries anything. */
static void copy_open(Copy *c, const Node *enter)
{
    const DType types[] = {DT_I64, DT_BOOL};
    for (int i = 0; i < 2; i++) {
        Tensor *made = copy_tensor(c, enter->out[i]);
        if (!made) continue;
        made->dtype = types[i];
        made->rank = 0;
        arena_push(c->to->arena, c->to->inputs, c->to->input_count) = made;
    }
}

static void copy_node(Copy *c, const Node *n)
{
    Arena *arena = c->to->arena;
    if (n->op == OP_LOOP_ENTER && !n->body->leave) {
        copy_open(c, n);
        return;
    }
    Tensor **in = arena_array(arena, (size_t)n->in_count + 1, sizeof *in);
    Tensor **out = arena_array(arena, (size_t)n->out_count + 1, sizeof *out);
    for (int i = 0; i < n->in_count; i++) in[i] = copy_tensor(c, n->in[i]);
    for (int i = 0; i < n->out_count; i++) out[i] = copy_tensor(c, n->out[i]);
    Node *made = graph_node(c->to, n->op, n->name, &n->origin, n->in_count, in, n->out_count, out);
    made->region = copy_region(c, n->region);
    node_copy_attrs(c->to, made, n);
    if (!n->body) return;
    made->body = copy_region(c, n->body);
    *(n->op == OP_LOOP_ENTER ? &made->body->enter : &made->body->leave) = made;
}

static void copy_bounds(Copy *c)
{
    SizeTable *from = c->from->sizes, *to = c->to->sizes;
    for (int i = 0; i < c->from->bounded_count; i++) {
        int symbol = sizes_symbol(to, sizes_symbol_at(from, c->from->bounded[i])->name);
        arena_push(c->to->arena, c->to->bounded, c->to->bounded_count) = symbol;
    }
    for (int i = 0; i < sizes_symbol_count(to); i++) {
        int symbol = sizes_find(from, sizes_symbol_at(to, i)->name);
        if (symbol >= 0) sizes_symbol_at(to, i)->max = sizes_symbol_at(from, symbol)->max;
    }
}

/* A graph that makes the tensor; the result is what its last node reads. */
static Node *copy_graph(Copy *c, Arena *scratch, Tensor *tensor)
{
    const Graph *from = c->from;
    c->tensors = arena_array(scratch, (size_t)from->tensor_count + 1, sizeof *c->tensors);
    c->nodes = arena_array(scratch, (size_t)from->node_count + 1, sizeof *c->nodes);
    c->made = arena_array(scratch, (size_t)from->tensor_count + 1, sizeof *c->made);
    need(c, tensor);
    for (const Region *r = tensor_region(tensor); r; r = r->parent) {
        if (r->kind == REGION_BODY && r->leave) c->loop = r->leave;
    }
    find_needed(c);
    for (int i = 0; i < from->input_count; i++) {
        if (!c->tensors[from->inputs[i]->id]) continue;
        Tensor *made = copy_tensor(c, from->inputs[i]);
        arena_push(scratch, c->to->inputs, c->to->input_count) = made;
    }
    for (int i = 0; i < from->node_count; i++) {
        if (c->nodes[i]) copy_node(c, from->nodes[i]);
    }
    copy_bounds(c);
    Tensor *made = copy_tensor(c, tensor);
    Tensor *end = graph_tensor(c->to, "known", DT_NONE, -1, NULL);
    Origin origin = {.node = "", .op = "Identity", .index = -1};
    Node *last = graph_node(c->to, OP_IDENTITY, "known", &origin, 1, &made, 1, &end);
    last->region = made->producer ? made->producer->region : NULL;
    arena_push(scratch, c->to->outputs, c->to->output_count) = end;
    return last;
}

/* ---- Asking ---- */

static void take(Import *im, Graph *graph, Tensor *tensor, Known *known)
{
    int count = 0;
    known->dtype = tensor->dtype;
    known->rank = tensor->rank;
    for (int i = 0; i < tensor->rank; i++)
        known->dims[i] = size_is_const(tensor->dims[i]) ? tensor->dims[i]->value : -1;
    if (!dtype_is_int(tensor->dtype) && tensor->dtype != DT_BOOL) return;
    const Size *const *values = tensor_values(graph, tensor, &count);
    for (int i = 0; values && i < count; i++) {
        if (!size_is_const(values[i])) return;
    }
    if (!values) return;
    known->values = arena_array(im->arena, (size_t)count + 1, sizeof *known->values);
    known->count = count;
    for (int i = 0; i < count; i++) known->values[i] = values[i]->value;
}

void known_of(Import *im, Tensor *tensor, Known *known)
{
    Diag quiet;
    *known = (Known){.rank = -1};
    bool ask = im->options->infer && !im->diag->count; /* what failed is in the graph half made */
    if (tensor->data || tensor->rank >= 0 || !ask) {
        take(im, im->graph, tensor, known);
        return;
    }
    Arena *scratch = arena_new();
    diag_init(&quiet, scratch, im->file);
    Copy copy = {.from = im->graph, .to = graph_new(scratch, &quiet, im->file)};
    Node *last = copy_graph(&copy, scratch, tensor);
    im->options->infer(copy.to);
    if (last->op == OP_IDENTITY && last->in_count) take(im, copy.to, last->in[0], known);
    arena_free(scratch);
}

bool known_int(Import *im, Tensor *tensor, int64_t *value)
{
    Known known;
    if (!tensor) return false;
    known_of(im, tensor, &known);
    if (!known.values || known.count != 1) return false;
    *value = known.values[0];
    return true;
}
