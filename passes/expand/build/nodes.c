/* Nodes that rules make, each inferred at once; constants and sizes. */
#include "passes/expand/build/build.h"

#include <string.h>

/* ---- Attributes of the next node ---- */

void x_int(Expand *x, const char *name, int64_t value)
{
    node_set_int(x->g, &x->waiting, name, value);
}

void x_float(Expand *x, const char *name, double value)
{
    node_set_float(x->g, &x->waiting, name, value);
}

void x_string(Expand *x, const char *name, const char *value)
{
    node_set_string(x->g, &x->waiting, name, value);
}

void x_ints(Expand *x, const char *name, int count, const int64_t *values)
{
    node_set_ints(x->g, &x->waiting, name, count, values);
}

/* ---- Nodes ---- */

static Tensor *new_output(Expand *x, OpCode op)
{
    const char *name = arena_printf(x->g->arena, "%s.%s", x->n->name, op_info(op)->name);
    return graph_tensor(x->g, name, DT_NONE, -1, NULL);
}

void x_op_many(Expand *x, OpCode op, int in_count, Tensor *const *in, int out_count, Tensor **out)
{
    Node waiting = x->waiting;
    x->waiting = (Node){0};
    if (x->code) return;
    for (int i = 0; i < out_count; i++)
        if (!out[i]) out[i] = new_output(x, op);
    while (in_count && !in[in_count - 1]) in_count--;
    Node *node =
        graph_node_at(x->g, x->at++, op, x->n->name, &x->n->origin, in_count, in, out_count, out);
    node->attrs = waiting.attrs;
    node->attr_count = waiting.attr_count;
    node->region = x->n->region;
    x->code = x->infer(x->g, node);
}

Tensor *x_op(Expand *x, OpCode op, int count, Tensor *const *in)
{
    Tensor *out = NULL;
    x_op_many(x, op, count, in, 1, &out);
    return x->code ? NULL : out;
}

Tensor *x_op1(Expand *x, OpCode op, Tensor *a)
{
    return x_op(x, op, 1, &a);
}

Tensor *x_op2(Expand *x, OpCode op, Tensor *a, Tensor *b)
{
    Tensor *in[] = {a, b};
    return x_op(x, op, 2, in);
}

Tensor *x_op3(Expand *x, OpCode op, Tensor *a, Tensor *b, Tensor *c)
{
    Tensor *in[] = {a, b, c};
    return x_op(x, op, 3, in);
}

/* ---- Constants and sizes ---- */

Tensor *x_scalar(Expand *x, DType type, double value)
{
    return x->code ? NULL : graph_scalar(x->g, NULL, type, value);
}

Tensor *x_like(Expand *x, const Tensor *t, double value)
{
    return x->code ? NULL : x_scalar(x, t->dtype, value);
}

Tensor *x_i64(Expand *x, int count, const int64_t *values)
{
    return x->code ? NULL : graph_const_i64(x->g, NULL, count, values);
}

Tensor *x_constant(Expand *x, DType type, int rank, const int64_t *dims, const void *elements)
{
    int64_t count = 1;
    if (x->code) return NULL;
    for (int i = 0; i < rank; i++) count *= dims[i];
    size_t bytes = (size_t)dtype_const_bytes(type, count);
    void *copy = arena_alloc(x->g->arena, bytes + 1);
    if (bytes) memcpy(copy, elements, bytes);
    return graph_const(x->g, NULL, type, rank, dims, copy);
}

Tensor *x_sizes(Expand *x, int count, const Size *const *values)
{
    if (x->code) return NULL;
    int before = x->g->node_count;
    Tensor *out = graph_sizes(x->g, x->at, x->n, count, values);
    x->at += x->g->node_count - before;
    return out;
}

const Size *x_size(const Expand *x, int64_t value)
{
    return size_const(x->g->sizes, value);
}

/* ---- What the node has ---- */

bool x_ok(const Expand *x)
{
    return !x->code;
}

Tensor *x_in(const Expand *x, int i)
{
    return node_in(x->n, i);
}

bool x_wants(const Expand *x, int i)
{
    return node_has_output(x->n, i);
}

int x_fail(Expand *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(x->g->arena, format, args);
    va_end(args);
    if (!x->code) diag_node(x->g->diag, &x->n->origin, "%s", text);
    x->code = LPC_ERROR;
    return LPC_ERROR;
}

int x_need_rank(Expand *x, int in, int rank)
{
    const Tensor *t = x_in(x, in);
    if (!t || t->rank == rank) return 0;
    return x_fail(x, "input %d: expected %d dimensions, got %d", in, rank, t->rank);
}

int x_rank(const Expand *x, const Tensor *t)
{
    return x->code || !t ? 0 : t->rank;
}

const Size *x_dim(const Expand *x, const Tensor *t, int axis)
{
    int rank = x_rank(x, t);
    if (axis < 0) axis += rank;
    return axis >= 0 && axis < rank ? t->dims[axis] : x_size(x, 1);
}

int64_t x_static(Expand *x, const Tensor *t, int axis, const char *what)
{
    const Size *size = x_dim(x, t, axis);
    if (size_is_const(size)) return size->value;
    x_fail(x, "%s must be known at compile time, it is %s", what, size_text(x->g->sizes, size));
    return 1;
}

void x_result(Expand *x, int i, Tensor *t)
{
    if (!x->code && i < x->n->out_count) x->result[i] = t;
}
