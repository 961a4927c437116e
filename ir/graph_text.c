/* The graph's text form, printed. docs/graph-text.md describes it; ir/graph_parse.c reads it. */
#include "ir/graph_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Printer {
    Text *out;
    const Graph *graph;
} Printer;

/* ---- Words ---- */

static bool is_word(const char *text, const char *more)
{
    if (!*text || !strcmp(text, "-")) return false;
    for (const char *c = text; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool digit = *c >= '0' && *c <= '9';
        if (!letter && !digit && *c != '_' && !strchr(more, *c)) return false;
    }
    return true;
}

static void print_bytes(Text *out, const char *text, size_t length)
{
    text_add(out, "\"");
    for (const char *c = text; c < text + length; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 32 || byte == 127) {
            text_printf(out, "\\x%02x", byte);
        } else {
            if (*c == '"' || *c == '\\') text_add(out, "\\");
            text_addn(out, c, 1);
        }
    }
    text_add(out, "\"");
}

static void print_quoted(Text *out, const char *text)
{
    print_bytes(out, text, strlen(text));
}

static void print_word(Text *out, const char *text, const char *more)
{
    if (is_word(text, more))
        text_add(out, text);
    else
        print_quoted(out, text);
}

static void print_name(Printer *p, const Tensor *tensor)
{
    if (!tensor) {
        text_add(p->out, "-");
        return;
    }
    text_add(p->out, "%");
    print_word(p->out, tensor->name, "./-");
}

/* The number as an element of that type. */
static double rounded(DType type, double value)
{
    switch (type) {
    case DT_F16: return (double)f16_to_f32(f32_to_f16((float)value));
    case DT_BF16: return (double)bf16_to_f32(f32_to_bf16((float)value));
    case DT_F32: return (double)(float)value;
    default: return value;
    }
}

/* The fewest digits that read back as the same number of that type; always with a sign of being a
 * float. */
static void print_number(Text *out, DType type, double value)
{
    char text[40];
    if (value != value) {
        text_add(out, "nan");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (rounded(type, strtod(text, NULL)) == value) break;
    }
    text_add(out, text);
    if (!strpbrk(text, ".en")) text_add(out, ".0"); /* e: 1e+20; n: inf */
}

/* ---- Types and tensors ---- */

static void print_sizes(Printer *p, const char *open, const Size *const *sizes, int count,
                        const char *close)
{
    text_add(p->out, open);
    for (int i = 0; i < count; i++) {
        if (i) text_add(p->out, ", ");
        if (sizes[i])
            size_print(p->out, p->graph->sizes, sizes[i]);
        else
            text_add(p->out, "?");
    }
    text_add(p->out, close);
}

static void print_type(Printer *p, const Tensor *tensor)
{
    text_add(p->out, tensor->dtype == DT_NONE ? "?" : dtype_name(tensor->dtype));
    if (tensor->rank < 0)
        text_add(p->out, "[*]");
    else
        print_sizes(p, "[", tensor->dims, tensor->rank, "]");
}

/* `%name: type` and what else is known of the tensor. */
static void print_tensor(Printer *p, const Tensor *tensor)
{
    print_name(p, tensor);
    if (!tensor) return;
    text_add(p->out, ": ");
    print_type(p, tensor);
    if (tensor->values) print_sizes(p, " values(", tensor->values, tensor->value_count, ")");
    if (tensor->has_order) {
        text_add(p->out, " order(");
        for (int i = 0; i < tensor->rank; i++)
            text_printf(p->out, i ? ", %d" : "%d", tensor->order[i]);
        text_add(p->out, ")");
    }
    if (tensor->is_inlined) text_add(p->out, " inlined");
}

static void print_string(Printer *p, const Tensor *tensor, int64_t i)
{
    const char *element = (const char *)tensor->data->data + i * dtype_cells(tensor->dtype);
    print_bytes(p->out, string_text(element), string_length(tensor->dtype, element));
}

static void print_elements(Printer *p, const Tensor *tensor, int64_t count)
{
    /* Without the scale, which is printed apart. */
    Const plain = {.data = tensor->data->data, .bytes = tensor->data->bytes};
    Tensor bare = *tensor;
    bare.data = &plain;
    bare.dtype = dtype_part(tensor->dtype);
    if (dtype_is_complex(tensor->dtype)) count *= 2;
    text_add(p->out, "[");
    for (int64_t i = 0; i < count; i++) {
        if (i) text_add(p->out, ", ");
        if (dtype_is_string(tensor->dtype))
            print_string(p, tensor, i);
        else if (dtype_is_float(bare.dtype))
            print_number(p->out, bare.dtype, const_f64_at(&bare, i));
        else if (tensor->dtype == DT_U64)
            text_printf(p->out, "%" PRIu64, (uint64_t)const_i64_at(&bare, i));
        else
            text_printf(p->out, "%" PRId64, const_i64_at(&bare, i));
    }
    text_add(p->out, "]");
}

static void print_contents(Printer *p, const Tensor *tensor)
{
    const Const *data = tensor->data;
    int64_t count = tensor_static_elements(tensor);
    if (count >= 0 && count <= SMALL_CONST)
        print_elements(p, tensor, count);
    else
        text_printf(p->out, "data(%zu bytes, %08" PRIx32 ")", data->bytes,
                    crc32_of(data->data, data->bytes));
    if (!data->scale) return;
    text_add(p->out, " scale ");
    Const factors = {.data = data->scale};
    Tensor scale = {.dtype = DT_F32, .rank = 1, .dims = {tensor->dims[0]}, .data = &factors};
    factors.bytes = (size_t)tensor->dims[0]->value * sizeof(float);
    print_contents(p, &scale);
}

/* ---- Nodes ---- */

static void print_ints(Text *out, const Attr *attr)
{
    text_add(out, "[");
    for (int i = 0; i < attr->count; i++)
        text_printf(out, i ? ", %" PRId64 : "%" PRId64, attr->ints[i]);
    text_add(out, "]");
}

static void print_floats(Text *out, const Attr *attr)
{
    text_add(out, attr->count ? "[" : "floats[");
    for (int i = 0; i < attr->count; i++) {
        if (i) text_add(out, ", ");
        print_number(out, DT_F64, attr->floats[i]);
    }
    text_add(out, "]");
}

static void print_strings(Text *out, const Attr *attr)
{
    text_add(out, attr->count ? "[" : "strings[");
    for (int i = 0; i < attr->count; i++) {
        if (i) text_add(out, ", ");
        print_quoted(out, attr->strings[i]);
    }
    text_add(out, "]");
}

static void print_attr(Printer *p, const Attr *attr)
{
    print_word(p->out, attr->name, "");
    text_add(p->out, "=");
    switch (attr->kind) {
    case ATTR_INT: text_printf(p->out, "%" PRId64, attr->ints[0]); break;
    case ATTR_FLOAT: print_number(p->out, DT_F64, attr->floats[0]); break;
    case ATTR_STRING: print_quoted(p->out, attr->strings[0]); break;
    case ATTR_INTS: print_ints(p->out, attr); break;
    case ATTR_FLOATS: print_floats(p->out, attr); break;
    case ATTR_STRINGS: print_strings(p->out, attr); break;
    case ATTR_TENSOR:
        print_type(p, attr->tensor);
        text_add(p->out, " ");
        print_contents(p, attr->tensor);
        break;
    }
}

/* `#17 Conv "conv1"`; before it the file, when it is not the graph's own: `-` for none. */
static void print_origin(Printer *p, const Origin *origin)
{
    if (!origin->file)
        text_add(p->out, "- ");
    else if (strcmp(origin->file, p->graph->file) != 0) {
        print_quoted(p->out, origin->file);
        text_add(p->out, " ");
    }
    text_printf(p->out, "#%d ", origin->index);
    print_word(p->out, origin->op ? origin->op : "", ".:");
    text_add(p->out, " ");
    print_quoted(p->out, origin->node ? origin->node : "");
}

/* The origin that graph_node() gives when it is given none. */
static bool is_made_up(const Node *node)
{
    const Origin *origin = &node->origin;
    return !origin->file && origin->index == -1 && origin->node &&
           !strcmp(origin->node, node->name) && origin->op &&
           !strcmp(origin->op, op_info(node->op)->name);
}

/* From the root to the region: conditions of branches, names of loops. */
static void print_region(Printer *p, const Region *region)
{
    if (region->parent) {
        print_region(p, region->parent);
        text_add(p->out, ", ");
    }
    if (region->kind == REGION_BODY) {
        print_quoted(p->out, region->enter->name);
        return;
    }
    if (!region->when) text_add(p->out, "!");
    print_name(p, region->cond);
}

static void print_extras(Printer *p, const Node *node)
{
    if (node->region) {
        text_add(p->out, " in(");
        print_region(p, node->region);
        text_add(p->out, ")");
    }
    if (node->op == OP_LOOP_LEAVE && node->body) {
        text_add(p->out, " of(");
        print_quoted(p->out, node->body->enter->name);
        text_add(p->out, ")");
    }
    if (node->layer >= 0) text_printf(p->out, " layer(%d)", node->layer);
    if (!is_made_up(node)) {
        text_add(p->out, " origin(");
        print_origin(p, &node->origin);
        text_add(p->out, ")");
    }
    for (int i = 0; i < node->merged_count; i++) {
        text_add(p->out, i ? ", " : " merged(");
        print_origin(p, &node->merged[i]);
    }
    if (node->merged_count) text_add(p->out, ")");
}

static void print_node(Printer *p, const Node *node)
{
    for (int i = 0; i < node->out_count; i++) {
        if (i) text_add(p->out, ", ");
        print_tensor(p, node->out[i]);
    }
    text_printf(p->out, node->out_count ? " = %s " : "() = %s ", op_info(node->op)->name);
    print_quoted(p->out, node->name);
    text_add(p->out, " (");
    for (int i = 0; i < node->in_count; i++) {
        if (i) text_add(p->out, ", ");
        print_name(p, node->in[i]);
    }
    text_add(p->out, ")");
    for (int i = 0; i < node->attr_count; i++) {
        text_add(p->out, i ? ", " : " {");
        print_attr(p, &node->attrs[i]);
    }
    if (node->attr_count) text_add(p->out, "}");
    print_extras(p, node);
    text_add(p->out, "\n");
    for (int i = 0; i < node->epilogue_count; i++) {
        text_add(p->out, "    then ");
        print_node(p, node->epilogue[i]);
    }
}

/* ---- The graph ---- */

static void print_symbols(Printer *p)
{
    static const char *const sources[] = {"input", "state", "node"};
    SizeTable *sizes = p->graph->sizes;
    for (int i = 0; i < sizes_symbol_count(sizes); i++) {
        const Symbol *symbol = sizes_symbol_at(sizes, i);
        text_add(p->out, "symbol ");
        size_print(p->out, sizes, size_sym(sizes, i));
        if (symbol->max >= 0) text_printf(p->out, " max %" PRId64, symbol->max);
        text_printf(p->out, " %s\n", sources[symbol->source]);
    }
}

static void note_reads(const Node *node, bool *used)
{
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i]) used[node->in[i]->id] = true;
    }
    for (const Region *r = node->region; r; r = r->parent) {
        if (r->cond) used[r->cond->id] = true;
    }
    for (int i = 0; i < node->epilogue_count; i++) note_reads(node->epilogue[i], used);
}

/* Constants that something refers to. */
static void print_consts(Printer *p)
{
    const Graph *graph = p->graph;
    bool *used = arena_array(graph->arena, (size_t)graph->tensor_count, sizeof *used);
    for (int i = 0; i < graph->node_count; i++) note_reads(graph->nodes[i], used);
    for (int i = 0; i < graph->output_count; i++) used[graph->outputs[i]->id] = true;
    for (int i = 0; i < graph->state_count; i++) used[graph->states[i].out->id] = true;
    for (int i = 0; i < graph->tensor_count; i++) {
        const Tensor *tensor = graph->tensors[i];
        if (!used[i] || !tensor->data) continue;
        text_add(p->out, "const ");
        print_tensor(p, tensor);
        text_add(p->out, " = ");
        print_contents(p, tensor);
        text_add(p->out, "\n");
    }
}

void graph_print(Text *out, const Graph *graph)
{
    Printer printer = {out, graph}, *p = &printer;
    text_printf(out, "graph %s from ", graph->name);
    print_quoted(out, graph->file);
    text_add(out, "\n");
    print_symbols(p);
    for (int i = 0; i < graph->input_count; i++) {
        text_add(out, "input ");
        print_tensor(p, graph->inputs[i]);
        text_add(out, "\n");
    }
    for (int i = 0; i < graph->output_count; i++) {
        text_add(out, "output ");
        print_name(p, graph->outputs[i]);
        text_add(out, "\n");
    }
    for (int i = 0; i < graph->state_count; i++) {
        text_add(out, "state ");
        print_name(p, graph->states[i].in);
        text_add(out, " -> ");
        print_name(p, graph->states[i].out);
        text_add(out, "\n");
    }
    print_consts(p);
    for (int i = 0; i < graph->node_count; i++) print_node(p, graph->nodes[i]);
}
