/* Inputs of the model and the sizes in their shapes.
 *
 * A dimension is a number, a symbol (dim_param "batch"), an expression over the symbols of other
 * inputs ("past + seq"), or unnamed and then gets a symbol of its own, INPUT_dimI. A symbol becomes
 * a number by --bind, or by the shape of the data that lpc check was given. */
#include "frontend/import.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

typedef struct Sizes {
    Import *im;
    NameTable *fixed;    /* int64_t: symbols that are numbers */
    NameTable *met;      /* symbols of the model, fixed ones too; the value is the symbol's name */
    NameTable *by_param; /* dim_param to symbol name, where they differ */
    const char **order;  /* names in met, as first met */
    int count;
} Sizes;

static const Onnx__TensorTypeProto *tensor_type(const Onnx__ValueInfoProto *value)
{
    return value->type ? value->type->tensor_type : NULL;
}

static bool is_initializer(const Scope *scope, const Onnx__ValueInfoProto *value)
{
    return value->name && scope_has(scope, value->name);
}

/* ---- Names of symbols ---- */

static bool is_word(const char *text)
{
    static const char *const reserved[] = {"floor", "ceil", "mod", "min", "max"};
    if (!isalpha((unsigned char)*text) && *text != '_') return false;
    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.') return false;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (!strcmp(text, reserved[i])) return false;
    }
    return true;
}

static bool is_unnamed(const char *param)
{
    static const char *const blanks[] = {"", "?", "*", "None", "-1", "0"};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        if (!strcmp(param, blanks[i])) return true;
    }
    return false;
}

/* text as a word that is no symbol yet. */
static const char *make_word(Sizes *sizes, const char *text)
{
    Arena *arena = sizes->im->arena;
    bool bad_start = !isalpha((unsigned char)*text) && *text != '_';
    char *word = arena_printf(arena, "%s%s", bad_start ? "s_" : "", text);
    for (char *c = word; *c; c++) {
        if (!isalnum((unsigned char)*c)) *c = '_';
    }
    if (!is_word(word)) word = arena_printf(arena, "%s_", word);
    return names_unique(sizes->met, word);
}

static void meet(Sizes *sizes, const char *name)
{
    if (names_find(sizes->met, name)) return;
    names_put(sizes->met, name, (void *)(uintptr_t)name);
    arena_push(sizes->im->arena, sizes->order, sizes->count) = name;
}

/* dim_param as an expression over symbols that the inputs have; NULL when it is none. */
static const char *as_expression(Sizes *sizes, const char *param)
{
    if (strlen(param) > 200 || strchr(param, '"')) return NULL;
    SizeTable *scratch = sizes_new(sizes->im->arena);
    const Size *parsed = size_parse(scratch, param, NULL);
    if (!parsed || (size_is_const(parsed) && parsed->value < 0)) return NULL;
    for (int i = 0; i < sizes_symbol_count(scratch); i++) {
        if (!names_find(sizes->met, sizes_symbol_at(scratch, i)->name)) return NULL;
    }
    Text text;
    text_init(&text, sizes->im->arena);
    for (const char *c = param; *c;) {
        size_t length = 0;
        while (isalnum((unsigned char)c[length]) || c[length] == '_' || c[length] == '.') length++;
        const char *word = arena_strndup(sizes->im->arena, c, length);
        const int64_t *value = length ? names_find(sizes->fixed, word) : NULL;
        if (value)
            text_printf(&text, "(%" PRId64 ")", *value);
        else
            text_addn(&text, c, length ? length : 1);
        c += length ? length : 1;
    }
    return text.data;
}

/* The name of the symbol for dimension i, NULL when it is a number or an expression. */
static const char *dim_symbol(Sizes *sizes, const char *input, const Onnx__DimensionProto *dim,
                              size_t i)
{
    const char *param = dim->dim_param ? dim->dim_param : "";
    if (dim->has_dim_value && dim->dim_value > 0) return NULL;
    if (is_word(param) && !is_unnamed(param)) return param;
    const char *key =
        is_unnamed(param) ? arena_printf(sizes->im->arena, "%s\n%zu", input, i) : param;
    const char *known = names_find(sizes->by_param, key);
    if (known) return known;
    if (!is_unnamed(param) && as_expression(sizes, param)) return NULL;
    const char *base =
        is_unnamed(param) ? arena_printf(sizes->im->arena, "%s_dim%zu", input, i) : param;
    known = make_word(sizes, base);
    names_put(sizes->by_param, key, (void *)(uintptr_t)known);
    return known;
}

static int fix(Sizes *sizes, const char *name, int64_t value, const char *why)
{
    int64_t *known = names_find(sizes->fixed, name);
    if (known && *known != value) {
        return diag_error(sizes->im->diag,
                          "%s: size '%s' is %" PRId64 " here, but %" PRId64 " elsewhere", why, name,
                          value, *known);
    }
    if (known) return LPC_OK;
    known = arena_alloc(sizes->im->arena, sizeof *known);
    *known = value;
    names_put(sizes->fixed, name, known);
    return LPC_OK;
}

/* ---- First pass: which symbols there are, and which are fixed ---- */

static int fix_dim(Sizes *sizes, const Onnx__ValueInfoProto *value, size_t i,
                   const InputShape *shape, bool words)
{
    const Onnx__DimensionProto *dim = tensor_type(value)->shape->dim[i];
    const char *param = dim->dim_param ? dim->dim_param : "";
    if (words != (is_word(param) && !is_unnamed(param))) return LPC_OK;
    const char *symbol = dim_symbol(sizes, value->name, dim, i);
    const char *what = arena_printf(sizes->im->arena, "input '%s'", value->name);
    if (symbol) meet(sizes, symbol);
    if (!shape) return LPC_OK;
    if (symbol) return fix(sizes, symbol, shape->dims[i], what);
    if (!dim->has_dim_value || dim->dim_value <= 0 || dim->dim_value == shape->dims[i])
        return LPC_OK;
    return diag_error(sizes->im->diag,
                      "%s: dimension %zu is %" PRId64 " in the model, %" PRId64 " in the data",
                      what, i, dim->dim_value, shape->dims[i]);
}

static int fix_input(Sizes *sizes, const Onnx__ValueInfoProto *value, bool words)
{
    const Onnx__TensorTypeProto *type = tensor_type(value);
    InputShape given;
    if (!value->name || !type || !type->shape) return LPC_OK;
    bool has = inputs_find_shape(sizes->im, value->name, &given);
    if (has && (size_t)given.rank != type->shape->n_dim) {
        if (!words) return LPC_OK; /* told in the first round */
        return diag_error(sizes->im->diag,
                          "input '%s' has %zu dimensions in the model, %d in the data", value->name,
                          type->shape->n_dim, given.rank);
    }
    int failed = LPC_OK;
    for (size_t i = 0; i < type->shape->n_dim; i++) {
        failed |= fix_dim(sizes, value, i, has ? &given : NULL, words);
    }
    return failed;
}

/* Words first: expressions are over them. */
static int fix_sizes(Sizes *sizes, const Scope *scope)
{
    const Import *im = sizes->im;
    const ImportOptions *options = im->options;
    int failed = LPC_OK;
    for (int i = 0; i < im->end_size_count; i++) meet(sizes, im->end_sizes[i]);
    for (int i = 0; i < options->bind_count; i++) {
        const Bind *bind = &options->binds[i];
        failed |= fix(sizes, bind->name, bind->value, "--bind");
        if (bind->value < 0) {
            failed = diag_error(sizes->im->diag, "--bind %s=%" PRId64 ": a size is not negative",
                                bind->name, bind->value);
        }
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < im->input_count; i++) {
            if (is_initializer(scope, im->inputs[i].value)) continue;
            failed |= fix_input(sizes, im->inputs[i].value, round == 0);
        }
    }
    return failed;
}

/* ---- Second pass: tensors ---- */

static int read_dim(Sizes *sizes, const char *input, const Onnx__DimensionProto *dim, size_t i,
                    const Size **size)
{
    SizeTable *table = sizes->im->graph->sizes;
    const char *symbol = dim_symbol(sizes, input, dim, i);
    const int64_t *value = symbol ? names_find(sizes->fixed, symbol) : NULL;
    if (dim->has_dim_value && dim->dim_value > 0) {
        *size = size_const(table, dim->dim_value);
    } else if (value) {
        *size = size_const(table, *value);
    } else if (symbol) {
        *size = size_sym(table, sizes_symbol(table, symbol));
    } else {
        *size = size_parse(table, as_expression(sizes, dim->dim_param), NULL);
        if (!*size || (size_is_const(*size) && (*size)->value < 0)) {
            return diag_error(sizes->im->diag, "input '%s': dimension %zu, '%s', is negative",
                              input, i, dim->dim_param);
        }
    }
    return LPC_OK;
}

/* Says what kind of value an input is when it is no tensor. */
static int check_input_type(Import *im, const Onnx__ValueInfoProto *value)
{
    const Onnx__TypeProto *type = value->type;
    if (!type) return diag_error(im->diag, "input '%s' has no type", value->name);
    TRY(ends_check_type(im, "input", value->name, type));
    if (!type->tensor_type) return diag_error(im->diag, "input '%s' has no type", value->name);
    int32_t number = type->tensor_type->elem_type;
    if (graph_dtype(im->graph, number)) return LPC_OK;
    return diag_error(im->diag, "input '%s': element type %s (%d) is not supported", value->name,
                      onnx_type_name(number), number);
}

/* Strings as they came, with room for the longest, get the room that the graph's have. */
static int add_const_strings(Import *im, Scope *scope, const ConstInput *given, DType dtype)
{
    size_t count = 1, to = dtype_size(dtype), from = dtype_size(given->dtype);
    for (int i = 0; i < given->rank; i++) count *= (size_t)given->dims[i];
    uint8_t *copy = arena_array(im->arena, count, to);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *element = (const uint8_t *)given->data + i * from;
        size_t length = string_length(given->dtype, element);
        if (!string_put(dtype, copy + i * to, string_text(element), length))
            return diag_error(im->diag,
                              "input '%s' has a string of %zu bytes; --max-string gives room for "
                              "%" PRId64,
                              given->name, length, dtype_string_max(dtype));
    }
    scope_bind(scope, given->name,
               graph_const(im->graph, given->name, dtype, given->rank, given->dims, copy));
    return LPC_OK;
}

static int add_const_input(Import *im, Scope *scope, const ConstInput *given, DType dtype)
{
    if (dtype_is_string(given->dtype) && dtype_is_string(dtype))
        return add_const_strings(im, scope, given, dtype);
    if (given->dtype != dtype) {
        return diag_error(im->diag, "input '%s' is %s in the model, %s in the data", given->name,
                          dtype_name(dtype), dtype_name(given->dtype));
    }
    size_t bytes = dtype_size(dtype);
    for (int i = 0; i < given->rank; i++) bytes *= (size_t)given->dims[i];
    void *copy = arena_alloc(im->arena, bytes);
    if (dtype_is_subbyte(dtype)) /* data has an element in each byte, constants have not */
        narrow_pack(dtype, (int64_t)bytes, given->data, copy);
    else if (bytes)
        memcpy(copy, given->data, bytes);
    scope_bind(scope, given->name,
               graph_const(im->graph, given->name, dtype, given->rank, given->dims, copy));
    return LPC_OK;
}

static int input_dims(Sizes *sizes, const Onnx__ValueInfoProto *value, int *rank,
                      const Size *dims[MAX_RANK])
{
    Import *im = sizes->im;
    const Onnx__TensorShapeProto *shape = value->type->tensor_type->shape;
    InputShape given;
    bool has = inputs_find_shape(im, value->name, &given);
    if (!has && !shape) {
        return diag_error(im->diag, "input '%s' has no shape, not even a number of dimensions",
                          value->name);
    }
    size_t count = has ? (size_t)given.rank : shape->n_dim;
    if (count > MAX_RANK) {
        return diag_error(im->diag, "input '%s' has %zu dimensions, at most %d are supported",
                          value->name, count, MAX_RANK);
    }
    *rank = (int)count;
    for (size_t i = 0; i < count; i++) {
        if (has)
            dims[i] = size_const(im->graph->sizes, given.dims[i]);
        else
            TRY(read_dim(sizes, value->name, shape->dim[i], i, &dims[i]));
    }
    return LPC_OK;
}

static int read_input(Sizes *sizes, Scope *scope, const Onnx__ValueInfoProto *value)
{
    Import *im = sizes->im;
    const Size *dims[MAX_RANK];
    int rank = -1;
    TRY(check_input_type(im, value));
    DType dtype = graph_dtype(im->graph, value->type->tensor_type->elem_type);
    const ConstInput *constant = inputs_find_const(im, value->name);
    if (constant && constant->rank <= MAX_RANK) return add_const_input(im, scope, constant, dtype);
    TRY(input_dims(sizes, value, &rank, dims));
    Tensor *tensor = graph_tensor(im->graph, value->name, dtype, rank, dims);
    scope_bind(scope, value->name, tensor);
    arena_push(im->arena, im->graph->inputs, im->graph->input_count) = tensor;
    return LPC_OK;
}

/* ---- Options that name a size ---- */

static int unknown_size(const Sizes *sizes, const char *option, const Bind *bind)
{
    Text list;
    text_init(&list, sizes->im->arena);
    for (int i = 0; i < sizes->count; i++) {
        text_printf(&list, "%s%s", i ? ", " : "", sizes->order[i]);
    }
    return diag_error(sizes->im->diag, "%s %s=%" PRId64 ": the model has no size '%s'; it has %s",
                      option, bind->name, bind->value, bind->name,
                      sizes->count ? list.data : "none");
}

/* Has it sizes that only show later: of loops, of lists that may be computed? Those in functions and
 * branches count, too. */
static bool has_later_sizes(const Import *im, Onnx__NodeProto *const *nodes, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const char *op = nodes[n]->op_type ? nodes[n]->op_type : "";
        OpCode code = op_find(op, strlen(op));
        if (!strcmp(op, "Loop") || !strcmp(op, "Scan") || function_find(im, nodes[n])) return true;
        if (code != OP_COUNT && op_info(code)->measures) return true;
        for (size_t a = 0; a < nodes[n]->n_attribute; a++) {
            const Onnx__GraphProto *graph = nodes[n]->attribute[a]->g;
            if (graph && has_later_sizes(im, graph->node, graph->n_node)) return true;
        }
    }
    return false;
}

static int apply_options(Sizes *sizes)
{
    const ImportOptions *options = sizes->im->options;
    SizeTable *table = sizes->im->graph->sizes;
    const Onnx__GraphProto *graph = sizes->im->model->graph;
    bool may_come = options->max_count && has_later_sizes(sizes->im, graph->node, graph->n_node);
    int failed = LPC_OK;
    for (int i = 0; i < options->bind_count; i++) {
        const Bind *bind = &options->binds[i];
        if (!names_find(sizes->met, bind->name)) failed = unknown_size(sizes, "--bind", bind);
    }
    for (int i = 0; i < options->max_count; i++) {
        const Bind *bind = &options->maxes[i];
        int symbol = sizes_find(table, bind->name);
        bool met = names_find(sizes->met, bind->name) != NULL;
        if (!met && !may_come) {
            failed = unknown_size(sizes, "--max", bind);
        } else if (bind->value < 1) {
            failed = diag_error(sizes->im->diag, "--max %s=%" PRId64 ": a bound is 1 or more",
                                bind->name, bind->value);
        } else if (!met) { /* of a node, which pass_shapes knows */
            Graph *made = sizes->im->graph;
            symbol = sizes_symbol(table, bind->name);
            arena_push(made->arena, made->bounded, made->bounded_count) = symbol;
        }
        if (!failed && symbol >= 0) sizes_symbol_at(table, symbol)->max = bind->value;
    }
    return failed;
}

int inputs_read(Import *im, Scope *scope)
{
    Sizes sizes = {.im = im,
                   .fixed = names_new(im->arena),
                   .met = names_new(im->arena),
                   .by_param = names_new(im->arena)};
    int failed = fix_sizes(&sizes, scope);
    Scope *constants = scope_new(im, NULL); /* names that are initializers */
    for (int i = 0; i < im->input_count; i++) {
        if (is_initializer(scope, im->inputs[i].value))
            scope_bind(constants, im->inputs[i].value->name, NULL);
    }
    for (int i = 0; i < im->input_count; i++) {
        const Onnx__ValueInfoProto *value = im->inputs[i].value;
        Scope *own = im->inputs[i].is_element ? im->elements : scope;
        if (!value->name || !*value->name) return diag_error(im->diag, "an input has no name");
        if (own == scope && scope_has(constants, value->name)) continue;
        if (scope_has(own, value->name)) {
            return diag_error(im->diag, "input '%s' stands twice", value->name);
        }
        int code = read_input(&sizes, own, value);
        if (code)
            scope_bind(own, value->name, graph_tensor(im->graph, value->name, DT_NONE, -1, NULL));
        failed |= code;
    }
    ends_bind(im, scope);
    return failed | apply_options(&sizes);
}
