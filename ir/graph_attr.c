/* Attributes of nodes, and the defaults that ir/ops.def declares for them.
 *
 * A declaration is "name:kind=default", several separated by spaces; see OpInfo.attrs. */
#include "ir/custom.h"

#include <stdlib.h>
#include <string.h>

const Attr *node_attr(const Node *node, const char *name)
{
    for (int i = 0; i < node->attr_count; i++) {
        if (!strcmp(node->attrs[i].name, name)) return &node->attrs[i];
    }
    return NULL;
}

/* What stands behind "name:kind=" in the operator's declaration, or NULL. */
static const char *find_default(OpCode op, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = op_info(op)->attrs; at && *at; at = strchr(at, ' ')) {
        while (*at == ' ') at++;
        if (strncmp(at, name, length) != 0 || at[length] != ':') continue;
        size_t kind = strcspn(at, "= ");
        return at[kind] == '=' ? at + kind + 1 : NULL;
    }
    return NULL;
}

int64_t node_int(const Node *node, const char *name)
{
    const Attr *attr = node_attr(node, name);
    if (attr && attr->kind == ATTR_INT) return attr->ints[0];
    const char *text = find_default(node->op, name);
    return text ? strtoll(text, NULL, 10) : 0;
}

double node_float(const Node *node, const char *name)
{
    const Attr *attr = node_attr(node, name);
    if (attr && attr->kind == ATTR_FLOAT) return attr->floats[0];
    if (attr && attr->kind == ATTR_INT) return (double)attr->ints[0];
    const char *text = find_default(node->op, name);
    return text ? strtod(text, NULL) : 0;
}

/* Defaults that are strings stand inside a longer declaration, without an end of their own: here
 * they are, ended. tests/unit/test_graph.c checks that none is missing. */
static const char *const words[] = {
    "DCR",
    "DENSE",
    "LINEAR",
    "MAX",
    "NONE",
    "NOTSET",
    "SUM",
    "TO_FLOAT",
    "_Unused",
    "avg",
    "constant",
    "forward",
    "gated_delta",
    "half_pixel",
    "linear",
    "mean",
    "nearest",
    "none",
    "round_prefer_floor",
    "silu",
    "sqeuclidean",
    "stretch",
    "uniform",
    "up",
    "zeros",
};

static const char *ended_word(const char *text)
{
    size_t length = strcspn(text, " ");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == length && !memcmp(words[i], text, length)) return words[i];
    }
    return "";
}

const char *node_string(const Node *node, const char *name)
{
    const Attr *attr = node_attr(node, name);
    if (attr && attr->kind == ATTR_STRING) return attr->strings[0];
    const char *text = find_default(node->op, name);
    return text ? ended_word(text) : "";
}

int node_ints(const Node *node, const char *name, const int64_t **values)
{
    const Attr *attr = node_attr(node, name);
    bool found = attr && (attr->kind == ATTR_INTS || attr->kind == ATTR_INT);
    *values = found ? attr->ints : NULL;
    return found ? attr->count : 0;
}

/* The attribute of that name, emptied, or a new one. */
static Attr *set_attr(Graph *graph, Node *node, const char *name, AttrKind kind, int count)
{
    int at = 0;
    while (at < node->attr_count && strcmp(node->attrs[at].name, name) != 0) at++;
    if (at == node->attr_count) {
        size_t room = 4; /* as arena_push() would have made it, whoever made the array */
        while (room <= (size_t)at) room *= 2;
        node->attrs = arena_grow(graph->arena, node->attrs, (size_t)at, room, sizeof *node->attrs);
        node->attr_count++;
        node->attrs[at].name = arena_strdup(graph->arena, name);
    }
    Attr *attr = &node->attrs[at];
    *attr = (Attr){.name = attr->name, .kind = kind, .count = count};
    return attr;
}

void node_set_ints(Graph *graph, Node *node, const char *name, int count, const int64_t *values)
{
    int64_t *copy = arena_array(graph->arena, (size_t)count, sizeof *copy);
    for (int i = 0; i < count; i++) copy[i] = values[i];
    set_attr(graph, node, name, ATTR_INTS, count)->ints = copy;
}

void node_set_floats(Graph *graph, Node *node, const char *name, int count, const double *values)
{
    double *copy = arena_array(graph->arena, (size_t)count, sizeof *copy);
    for (int i = 0; i < count; i++) copy[i] = values[i];
    set_attr(graph, node, name, ATTR_FLOATS, count)->floats = copy;
}

void node_copy_attrs(Graph *graph, Node *to, const Node *from)
{
    size_t count = (size_t)from->attr_count;
    to->attrs = arena_grow(graph->arena, from->attrs, count, count, sizeof *to->attrs);
    to->attr_count = from->attr_count;
    if (!from->custom) return;
    to->custom = arena_alloc(graph->arena, sizeof *to->custom);
    *to->custom = *from->custom; /* shapes are found for each */
}

void node_set_int(Graph *graph, Node *node, const char *name, int64_t value)
{
    int64_t *copy = arena_alloc(graph->arena, sizeof *copy);
    *copy = value;
    set_attr(graph, node, name, ATTR_INT, 1)->ints = copy;
}

void node_set_float(Graph *graph, Node *node, const char *name, double value)
{
    double *copy = arena_alloc(graph->arena, sizeof *copy);
    *copy = value;
    set_attr(graph, node, name, ATTR_FLOAT, 1)->floats = copy;
}

void node_set_string(Graph *graph, Node *node, const char *name, const char *value)
{
    const char **copy = arena_alloc(graph->arena, sizeof *copy);
    *copy = arena_strdup(graph->arena, value);
    set_attr(graph, node, name, ATTR_STRING, 1)->strings = copy;
}

void node_del_attr(Node *node, const char *name)
{
    int kept = 0;
    for (int i = 0; i < node->attr_count; i++) {
        if (strcmp(node->attrs[i].name, name) != 0) node->attrs[kept++] = node->attrs[i];
    }
    node->attr_count = kept;
}
