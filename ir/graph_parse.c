/* The graph's text form, read. docs/graph-text.md describes it; ir/graph_text.c prints it.
 *
 * One function per phrase. After an error `failed` is set and the text ends, so that callers need
 * not look at every step. Tensors may be named before they are made; at the end all must be. */
#include "ir/graph_reader.h"
#include "ir/graph_text.h"
#include "ir/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONST_BYTES = 1 << 28 };

typedef struct Parser {
    GraphReader reader;
    Arena *arena;
    Graph *graph;
} Parser;

/* ---- Tensors ---- */

/* Until a tensor that was named is made, its user is the parser. */
static Tensor *find_tensor(Parser *p, const char *name)
{
    Tensor *tensor = names_find(p->graph->tensor_names, name);
    if (tensor) return tensor;
    tensor = graph_tensor(p->graph, name, DT_NONE, -1, NULL);
    tensor->user = p;
    return tensor;
}

static const char *parse_tensor_name(Parser *p)
{
    reader_expect(&p->reader, '%');
    const char *name = reader_word(&p->reader, "./-", "a tensor's name");
    if (!*name) reader_fail(&p->reader, "a tensor's name is empty", "");
    return name;
}

/* %name, or - for none. */
static Tensor *parse_use(Parser *p)
{
    if (reader_take(&p->reader, '-')) return NULL;
    const char *name = parse_tensor_name(p);
    return p->reader.failed ? NULL : find_tensor(p, name);
}

static const Size *parse_size(Parser *p, bool optional)
{
    reader_skip(&p->reader);
    if (optional && reader_take(&p->reader, '?')) return NULL;
    const char *end;
    const Size *size = size_parse(p->graph->sizes, p->reader.at, &end);
    p->reader.at = end;
    if (!size) reader_fail(&p->reader, "expected a size", "");
    return size;
}

static void parse_type(Parser *p, Tensor *tensor)
{
    reader_skip(&p->reader);
    size_t length = reader_word_length(p->reader.at, "");
    tensor->dtype = dtype_from_name(p->reader.at, length);
    if (tensor->dtype == DT_NONE && !reader_take(&p->reader, '?'))
        reader_fail(&p->reader, "expected a type", "");
    if (tensor->dtype != DT_NONE) p->reader.at += length;
    if (dtype_is_string(tensor->dtype)) p->graph->strings = tensor->dtype;
    reader_expect(&p->reader, '[');
    tensor->rank = 0;
    if (reader_take(&p->reader, '*')) {
        tensor->rank = -1;
    } else {
        while (!p->reader.failed && !reader_peek(&p->reader, ']')) {
            if (tensor->rank == MAX_RANK) {
                reader_fail(&p->reader, "a tensor has more than 8 dimensions", "");
                return;
            }
            tensor->dims[tensor->rank++] = parse_size(p, false);
            if (!reader_take(&p->reader, ',')) break;
        }
    }
    reader_expect(&p->reader, ']');
}

static void parse_values(Parser *p, Tensor *tensor)
{
    reader_expect(&p->reader, '(');
    tensor->values = arena_alloc(p->arena, 1); /* (): known to be empty */
    while (!p->reader.failed && !reader_peek(&p->reader, ')')) {
        arena_push(p->arena, tensor->values, tensor->value_count) = parse_size(p, true);
        if (!reader_take(&p->reader, ',')) break;
    }
    reader_expect(&p->reader, ')');
}

static void parse_order(Parser *p, Tensor *tensor)
{
    reader_expect(&p->reader, '(');
    tensor->has_order = true;
    for (int i = 0; i < tensor->rank; i++) {
        int axis = reader_small(&p->reader, MAX_RANK - 1);
        tensor->order[i] = (uint8_t)axis;
        if (i + 1 < tensor->rank) reader_expect(&p->reader, ',');
    }
    reader_expect(&p->reader, ')');
}

/* `%name: type`, or - for none. */
static Tensor *parse_tensor(Parser *p)
{
    if (reader_take(&p->reader, '-')) return NULL;
    const char *name = parse_tensor_name(p);
    if (p->reader.failed) return NULL;
    bool known = names_find(p->graph->tensor_names, name) != NULL;
    Tensor *tensor = find_tensor(p, name);
    if (known && tensor->user != p) {
        reader_fail(&p->reader, "tensor '%s' is made twice", name);
        return NULL;
    }
    tensor->user = NULL;
    reader_expect(&p->reader, ':');
    parse_type(p, tensor);
    for (;;) {
        if (reader_take_word(&p->reader, "values"))
            parse_values(p, tensor);
        else if (reader_take_word(&p->reader, "order"))
            parse_order(p, tensor);
        else if (reader_take_word(&p->reader, "inlined"))
            tensor->is_inlined = true;
        else
            return tensor;
    }
}

/* ---- Constants ---- */

/* Of complex numbers both parts, one behind the other. */
static void parse_elements(Parser *p, DType dtype, char *data, int64_t count)
{
    if (dtype_is_complex(dtype)) count *= 2;
    dtype = dtype_part(dtype);
    char *to = dtype_is_subbyte(dtype) ? arena_alloc(p->arena, (size_t)count) : data;
    reader_expect(&p->reader, '[');
    for (int64_t i = 0; i < count && !p->reader.failed; i++) {
        bool is_float = dtype_is_float(dtype);
        if (dtype_is_string(dtype)) {
            const char *text = reader_string(&p->reader);
            if (!string_put(dtype, to + i * dtype_cells(dtype), text, strlen(text)))
                reader_fail(&p->reader, "the string is too long for its type", "");
            if (i + 1 < count) reader_expect(&p->reader, ',');
            continue;
        }
        double value = is_float ? reader_double(&p->reader) : 0;
        int64_t whole = is_float ? 0 : reader_int(&p->reader);
        store_element(dtype, to + (size_t)i * dtype_size(dtype), value, whole);
        if (i + 1 < count) reader_expect(&p->reader, ',');
    }
    reader_expect(&p->reader, ']');
    if (dtype_is_subbyte(dtype)) narrow_pack(dtype, count, to, data);
}

static void parse_data(Parser *p, DType dtype, char *to, size_t bytes)
{
    reader_expect(&p->reader, '(');
    int64_t given = reader_int(&p->reader);
    if (!reader_take_word(&p->reader, "bytes")) reader_fail(&p->reader, "expected 'bytes'", "");
    reader_expect(&p->reader, ',');
    reader_skip(&p->reader);
    char *end;
    unsigned long crc = strtoul(p->reader.at, &end, 16);
    p->reader.at = end;
    reader_expect(&p->reader, ')');
    if (given != (int64_t)bytes)
        reader_fail(&p->reader, "the number of bytes does not fit the type", "");
    if (!p->reader.failed) fill_to_crc(to, bytes, dtype, (uint32_t)crc);
}

/* [elements], data(N bytes, crc) or fill(seed). */
static const void *parse_block(Parser *p, DType dtype, int64_t count)
{
    size_t size = dtype_size(dtype);
    if (!size || count < 0 || count > MAX_CONST_BYTES / (int64_t)size) {
        reader_fail(&p->reader, "a constant needs a type and a fixed, reasonable size", "");
        return NULL;
    }
    size_t bytes = (size_t)dtype_const_bytes(dtype, count);
    char *data = arena_alloc(p->arena, bytes);
    if (reader_take_word(&p->reader, "data")) {
        parse_data(p, dtype, data, bytes);
    } else if (reader_take_word(&p->reader, "fill")) {
        reader_expect(&p->reader, '(');
        fill_random(data, bytes, dtype, (uint32_t)reader_int(&p->reader));
        reader_expect(&p->reader, ')');
    } else {
        parse_elements(p, dtype, data, count);
    }
    return data;
}

static void parse_contents(Parser *p, Tensor *tensor)
{
    if (p->reader.failed) return;
    Const *data = arena_alloc(p->arena, sizeof *data);
    int64_t count = tensor_static_elements(tensor);
    for (int i = 0; i < tensor->rank; i++) {
        if (size_is_const(tensor->dims[i]) && tensor->dims[i]->value < 0) count = -1;
    }
    data->data = parse_block(p, tensor->dtype, count);
    if (p->reader.failed) return;
    data->bytes = (size_t)dtype_const_bytes(tensor->dtype, count);
    tensor->data = data;
    if (!reader_take_word(&p->reader, "scale")) return;
    if (tensor->rank < 1 || tensor->dtype != DT_F32)
        reader_fail(&p->reader, "only f32 constants with an axis have a scale", "");
    else
        data->scale = parse_block(p, DT_F32, tensor->dims[0]->value);
}

/* ---- Attributes ---- */

static void parse_list(Parser *p, Attr *attr)
{
    attr->kind = ATTR_INTS;
    if (reader_peek(&p->reader, '"')) attr->kind = ATTR_STRINGS;
    /* One float among the numbers makes them all floats. */
    for (const char *c = p->reader.at; *c && *c != ']' && attr->kind == ATTR_INTS; c++) {
        if (strchr(".en", *c)) attr->kind = ATTR_FLOATS;
    }
    while (!p->reader.failed && !reader_peek(&p->reader, ']')) {
        if (attr->kind == ATTR_STRINGS)
            arena_push(p->arena, attr->strings, attr->count) = reader_string(&p->reader);
        else if (attr->kind == ATTR_FLOATS)
            arena_push(p->arena, attr->floats, attr->count) = reader_double(&p->reader);
        else
            arena_push(p->arena, attr->ints, attr->count) = reader_int(&p->reader);
        if (!reader_take(&p->reader, ',')) break;
    }
    reader_expect(&p->reader, ']');
}

static void parse_attr_tensor(Parser *p, Attr *attr)
{
    attr->kind = ATTR_TENSOR;
    attr->tensor = arena_alloc(p->arena, sizeof *attr->tensor);
    attr->tensor->name = attr->name;
    attr->tensor->id = -1;
    parse_type(p, attr->tensor);
    parse_contents(p, attr->tensor);
}

static void parse_attr_value(Parser *p, Attr *attr)
{
    bool is_float = false;
    reader_skip(&p->reader);
    if (*p->reader.at == '"') {
        attr->kind = ATTR_STRING;
        arena_push(p->arena, attr->strings, attr->count) = reader_string(&p->reader);
    } else if (reader_take(&p->reader, '[')) {
        parse_list(p, attr);
    } else if (reader_take_word(&p->reader, "floats")) {
        attr->kind = ATTR_FLOATS;
        reader_expect(&p->reader, '[');
        reader_expect(&p->reader, ']');
    } else if (reader_take_word(&p->reader, "strings")) {
        attr->kind = ATTR_STRINGS;
        reader_expect(&p->reader, '[');
        reader_expect(&p->reader, ']');
    } else if (!reader_number_length(p->reader.at, &is_float)) {
        parse_attr_tensor(p, attr);
    } else if (is_float) {
        attr->kind = ATTR_FLOAT;
        arena_push(p->arena, attr->floats, attr->count) = reader_double(&p->reader);
    } else {
        attr->kind = ATTR_INT;
        arena_push(p->arena, attr->ints, attr->count) = reader_int(&p->reader);
    }
}

static void parse_attrs(Parser *p, Node *node)
{
    while (!p->reader.failed && !reader_peek(&p->reader, '}')) {
        Attr attr = {.name = reader_word(&p->reader, "", "an attribute's name")};
        reader_expect(&p->reader, '=');
        parse_attr_value(p, &attr);
        arena_push(p->arena, node->attrs, node->attr_count) = attr;
        if (!reader_take(&p->reader, ',')) break;
    }
    reader_expect(&p->reader, '}');
}

/* ---- Nodes ---- */

static Origin parse_origin(Parser *p)
{
    Origin origin = {.file = p->graph->file};
    if (reader_take(&p->reader, '-'))
        origin.file = NULL;
    else if (reader_peek(&p->reader, '"'))
        origin.file = reader_string(&p->reader);
    reader_expect(&p->reader, '#');
    origin.index = reader_small(&p->reader, INT32_MAX);
    origin.op = reader_word(&p->reader, ".:", "an operator's name");
    origin.node = reader_string(&p->reader);
    return origin;
}

/* The body of the loop that the named node enters. */
static Region *parse_body(Parser *p)
{
    const char *name = reader_string(&p->reader);
    Node *enter = names_find(p->graph->node_names, name);
    if (enter && enter->body) return enter->body;
    reader_fail(&p->reader, "no loop before this is entered by a node '%s'", name);
    return NULL;
}

static void parse_region(Parser *p, Node *node)
{
    do {
        if (reader_peek(&p->reader, '"')) {
            Region *body = parse_body(p);
            if (body && !region_same(body->parent, node->region))
                reader_fail(&p->reader, "the loop '%s' is not in this region", body->enter->name);
            node->region = body;
            continue;
        }
        bool when = !reader_take(&p->reader, '!');
        Tensor *cond = parse_use(p);
        if (!cond) {
            reader_fail(&p->reader, "a branch needs a tensor as its condition", "");
            return;
        }
        node->region = graph_branch(p->graph, node->region, cond, when);
    } while (!p->reader.failed && reader_take(&p->reader, ','));
}

static void parse_leave(Parser *p, Node *node)
{
    Region *body = parse_body(p);
    if (!body) return;
    if (node->op != OP_LOOP_LEAVE || body->leave)
        reader_fail(&p->reader, "loop '%s' is left twice, or by another operator",
                    body->enter->name);
    node->body = body;
    body->leave = node;
}

static void parse_merged(Parser *p, Node *node)
{
    Origin *merged = NULL;
    do {
        Origin origin = parse_origin(p);
        arena_push(p->arena, merged, node->merged_count) = origin;
    } while (reader_take(&p->reader, ','));
    node->merged = merged;
}

static void parse_extras(Parser *p, Node *node)
{
    while (!p->reader.failed) {
        GraphReader *r = &p->reader;
        bool region = reader_take_word(r, "in"), loop = !region && reader_take_word(r, "of");
        bool layer = !region && !loop && reader_take_word(r, "layer");
        bool origin = !region && !loop && !layer && reader_take_word(r, "origin");
        if (!region && !loop && !layer && !origin && !reader_take_word(r, "merged")) return;
        reader_expect(&p->reader, '(');
        if (region)
            parse_region(p, node);
        else if (loop)
            parse_leave(p, node);
        else if (layer)
            node->layer = reader_small(&p->reader, INT32_MAX);
        else if (origin)
            node->origin = parse_origin(p);
        else
            parse_merged(p, node);
        reader_expect(&p->reader, ')');
    }
}

typedef struct Tensors {
    Tensor **items;
    int count;
} Tensors;

static Tensors parse_outputs(Parser *p)
{
    Tensors out = {0};
    if (reader_take(&p->reader, '(')) {
        reader_expect(&p->reader, ')');
        return out;
    }
    do {
        Tensor *tensor = parse_tensor(p);
        arena_push(p->arena, out.items, out.count) = tensor;
    } while (!p->reader.failed && reader_take(&p->reader, ','));
    return out;
}

static Tensors parse_inputs(Parser *p)
{
    Tensors in = {0};
    reader_expect(&p->reader, '(');
    while (!p->reader.failed && !reader_peek(&p->reader, ')')) {
        Tensor *tensor = parse_use(p);
        arena_push(p->arena, in.items, in.count) = tensor;
        if (!reader_take(&p->reader, ',')) break;
    }
    reader_expect(&p->reader, ')');
    return in;
}

/* outputs = Op "name" (inputs) {attributes} extras; the node is appended to the graph. */
static Node *parse_node(Parser *p)
{
    Tensors out = parse_outputs(p);
    reader_expect(&p->reader, '=');
    reader_skip(&p->reader);
    size_t length = reader_word_length(p->reader.at, ".:");
    OpCode op = op_find(p->reader.at, length);
    if (op == OP_COUNT)
        reader_fail(&p->reader, "no operator is called '%s'",
                    arena_strndup(p->arena, p->reader.at, length));
    if (!p->reader.failed) p->reader.at += length;
    const char *name = reader_peek(&p->reader, '"') ? reader_string(&p->reader) : NULL;
    if (name && names_find(p->graph->node_names, name))
        reader_fail(&p->reader, "two nodes are called '%s'", name);
    Tensors in = parse_inputs(p);
    if (p->reader.failed) return NULL;
    Node *node = graph_node(p->graph, op, name, NULL, in.count, in.items, out.count, out.items);
    if (reader_take(&p->reader, '{')) parse_attrs(p, node);
    parse_extras(p, node);
    if (op == OP_LOOP_ENTER) {
        node->body = graph_body(p->graph, node->region);
        node->body->enter = node;
    }
    return node;
}

static void parse_then(Parser *p)
{
    Graph *graph = p->graph;
    if (!graph->node_count) {
        reader_fail(&p->reader, "'then' without a node before it", "");
        return;
    }
    Node *root = graph->nodes[graph->node_count - 1];
    Node *node = parse_node(p);
    if (!node) return;
    graph->node_count--;
    arena_push(p->arena, root->epilogue, root->epilogue_count) = node;
}

/* ---- The graph ---- */

static void parse_symbol(Parser *p)
{
    const Size *size = parse_size(p, false);
    if (!size || size->kind != SIZE_SYM) {
        reader_fail(&p->reader, "expected a symbol", "");
        return;
    }
    Symbol *symbol = sizes_symbol_at(p->graph->sizes, size->sym);
    if (reader_take_word(&p->reader, "max")) symbol->max = reader_int(&p->reader);
    if (reader_take_word(&p->reader, "state"))
        symbol->source = SYM_STATE;
    else if (reader_take_word(&p->reader, "node"))
        symbol->source = SYM_NODE;
    else if (!reader_take_word(&p->reader, "input"))
        reader_fail(&p->reader, "expected 'input', 'state' or 'node'", "");
}

static void parse_state(Parser *p)
{
    StatePair pair = {.in = parse_use(p)};
    reader_expect(&p->reader, '-');
    reader_expect(&p->reader, '>');
    pair.out = parse_use(p);
    if (!pair.in || !pair.out) {
        reader_fail(&p->reader, "a state needs two tensors", "");
        return;
    }
    pair.in->is_state = true;
    pair.in->state_out = pair.out;
    pair.out->is_state_out = true;
    arena_push(p->arena, p->graph->states, p->graph->state_count) = pair;
}

static void parse_statement(Parser *p)
{
    Graph *graph = p->graph;
    if (reader_take_word(&p->reader, "symbol")) {
        parse_symbol(p);
    } else if (reader_take_word(&p->reader, "input")) {
        Tensor *tensor = parse_tensor(p);
        if (!tensor) reader_fail(&p->reader, "expected a tensor", "");
        arena_push(p->arena, graph->inputs, graph->input_count) = tensor;
    } else if (reader_take_word(&p->reader, "output")) {
        Tensor *tensor = parse_use(p);
        if (!tensor) reader_fail(&p->reader, "expected a tensor", "");
        arena_push(p->arena, graph->outputs, graph->output_count) = tensor;
    } else if (reader_take_word(&p->reader, "state")) {
        parse_state(p);
    } else if (reader_take_word(&p->reader, "const")) {
        Tensor *tensor = parse_tensor(p);
        if (!tensor) reader_fail(&p->reader, "expected a tensor", "");
        reader_expect(&p->reader, '=');
        if (tensor) parse_contents(p, tensor);
    } else if (reader_take_word(&p->reader, "then")) {
        parse_then(p);
    } else {
        parse_node(p);
    }
}

int graph_parse(Arena *arena, Diag *diag, const char *text, const char *file, Graph **out)
{
    Parser parser = {.arena = arena}, *p = &parser;
    p->reader = (GraphReader){.arena = arena, .diag = diag, .text = text, .at = text};
    const char *diag_file = diag->file;
    diag->file = file; /* what is wrong here is wrong in the text, not in the model */
    const char *name = NULL, *from = NULL;
    if (!reader_take_word(&p->reader, "graph")) reader_fail(&p->reader, "expected 'graph'", "");
    name = reader_word(&p->reader, "", "the graph's name");
    if (reader_take_word(&p->reader, "from")) from = reader_string(&p->reader);
    p->graph = graph_new(arena, diag, from ? from : file);
    if (name && *name) p->graph->name = name;
    for (reader_skip(&p->reader); !p->reader.failed && *p->reader.at; reader_skip(&p->reader))
        parse_statement(p);
    for (int i = 0; i < p->graph->tensor_count && !p->reader.failed; i++) {
        Tensor *tensor = p->graph->tensors[i];
        if (tensor->user == p)
            reader_fail(&p->reader, "tensor '%s' is used but never made", tensor->name);
    }
    diag->file = diag_file;
    *out = p->graph;
    return p->reader.failed ? LPC_ERROR : LPC_OK;
}
