/* The model's inputs and outputs as tensors.
 *
 * A sequence `x` is one tensor for each element, x_0, x_1, ...; how many there are says the size x
 * (--bind x=3), or x is one tensor whose first axis counts elements, x at most (--max x=3). An optional
 * is what it holds, or nothing: x.present is 0 when it is not there. A map is two tensors, x.keys and
 * x.values, of as many elements as the size x says. A sequence that comes out with a length known at run
 * time only is one tensor, whose first axis counts elements. */
#include "frontend/value.h"

#include <inttypes.h>
#include <string.h>

const char *import_element_name(Arena *arena, const char *sequence, int64_t index)
{
    return arena_printf(arena, "%s_%" PRId64, sequence, index);
}

const char *import_presence_name(Arena *arena, const char *optional)
{
    return arena_printf(arena, "%s.present", optional);
}

const char *import_keys_name(Arena *arena, const char *map)
{
    return arena_printf(arena, "%s.keys", map);
}

const char *import_values_name(Arena *arena, const char *map)
{
    return arena_printf(arena, "%s.values", map);
}

/* ---- Types ---- */

static int32_t map_value_type(const Onnx__MapTypeProto *map)
{
    const Onnx__TypeProto *value = map->value_type;
    return value && value->tensor_type ? value->tensor_type->elem_type : 0;
}

static DType end_type(int32_t onnx)
{
    return onnx == dtype_to_onnx(dtype_string(0)) ? dtype_string(0) : dtype_from_onnx(onnx);
}

static const Onnx__TypeProto *peel_map(const Onnx__TypeProto *type, ModelEnd *end)
{
    end->is_map = true;
    end->key_type = end_type(type->map_type->key_type);
    end->value_type = end_type(map_value_type(type->map_type));
    return type;
}

/* A type without the optional and the sequence around its tensor, or that of a map; NULL: there is none. */
static const Onnx__TypeProto *peel(const Onnx__TypeProto *type, ModelEnd *end)
{
    *end = (ModelEnd){.rank = -1};
    if (type && type->map_type) return peel_map(type, end);
    if (type && type->optional_type) {
        end->is_optional = true;
        type = type->optional_type->elem_type;
    }
    bool is_maps = type && type->sequence_type && type->sequence_type->elem_type &&
                   type->sequence_type->elem_type->map_type; /* a tensor of their values */
    if (type && type->sequence_type && !is_maps) {
        end->is_sequence = true;
        type = type->sequence_type->elem_type;
    }
    const Onnx__TensorTypeProto *tensor = type ? type->tensor_type : NULL;
    if (tensor && tensor->shape) end->rank = (int)tensor->shape->n_dim;
    return tensor ? type : NULL;
}

static const char *other_kind(const Onnx__TypeProto *type, bool is_outer)
{
    if (!type || (is_outer && type->map_type)) return NULL;
    if (type->sequence_type) return "sequences of sequences";
    if (type->optional_type) return "optionals in others";
    if (type->map_type) return "sequences and optionals of maps";
    if (type->has_sparse_tensor_type) return "sparse tensors";
    return type->has_opaque_type ? "opaque values" : NULL;
}

static const Onnx__TypeProto *innermost(const Onnx__TypeProto *type)
{
    if (type && type->optional_type) type = type->optional_type->elem_type;
    if (type && type->sequence_type) type = type->sequence_type->elem_type;
    return type;
}

int ends_check_type(Import *im, const char *what, const char *name, const Onnx__TypeProto *type)
{
    const char *kind = other_kind(innermost(type), innermost(type) == type);
    if (!kind) return LPC_OK;
    return diag_error(im->diag, "%s '%s': %s are not supported", what, name, kind);
}

/* ---- Inputs ---- */

const ConstInput *inputs_find_const(const Import *im, const char *name)
{
    for (int i = 0; i < im->options->const_input_count; i++) {
        if (!strcmp(im->options->const_inputs[i].name, name)) return &im->options->const_inputs[i];
    }
    return NULL;
}

/* The shape that the options give an input; false when they give none. */
bool inputs_find_shape(const Import *im, const char *name, InputShape *shape)
{
    for (int i = 0; i < im->options->input_shape_count; i++) {
        *shape = im->options->input_shapes[i];
        if (!strcmp(shape->name, name)) return true;
    }
    const ConstInput *constant = inputs_find_const(im, name);
    if (constant) *shape = (InputShape){name, constant->rank, constant->dims};
    return constant != NULL;
}

bool inputs_have_shape(const Import *im, const char *name)
{
    InputShape shape;
    return inputs_find_shape(im, name, &shape);
}

static bool find_option(const Bind *list, int count, const char *name, int64_t *value)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) != 0) continue;
        *value = list[i].value;
        return true;
    }
    return false;
}

/* A size that an option gives: it is the model's, even when it turns out to be wrong. */
static bool find_size(Import *im, const char *name, int64_t *value)
{
    arena_push(im->arena, im->end_sizes, im->end_size_count) = name;
    return find_option(im->options->binds, im->options->bind_count, name, value);
}

static bool has_name(const Import *im, const char *name)
{
    const Onnx__GraphProto *graph = im->model->graph;
    for (size_t i = 0; i < graph->n_input; i++) {
        if (graph->input[i]->name && !strcmp(graph->input[i]->name, name)) return true;
    }
    return false;
}

/* Elements of a sequence may differ in sizes to which the model gives a name: where the data tells their
 * shapes, names do not count. */
static Onnx__TypeProto *element_type(Import *im, const Onnx__TypeProto *type, const char *name)
{
    const Onnx__TensorTypeProto *tensor = type->tensor_type;
    if (!tensor->shape || !inputs_have_shape(im, name)) return (Onnx__TypeProto *)(uintptr_t)type;
    Onnx__TypeProto *own = arena_alloc(im->arena, sizeof *own);
    own->tensor_type = arena_alloc(im->arena, sizeof *own->tensor_type);
    Onnx__TensorShapeProto *shape = arena_alloc(im->arena, sizeof *shape);
    *own->tensor_type = *tensor;
    own->tensor_type->shape = shape;
    shape->n_dim = tensor->shape->n_dim;
    shape->dim = arena_array(im->arena, shape->n_dim + 1, sizeof *shape->dim);
    for (size_t i = 0; i < shape->n_dim; i++) {
        shape->dim[i] = arena_alloc(im->arena, sizeof **shape->dim);
        *shape->dim[i] = *tensor->shape->dim[i];
        shape->dim[i]->dim_param = NULL;
    }
    return own;
}

static int add_element(Import *im, const char *of, const char *name, const Onnx__TypeProto *type,
                       bool is_sequence)
{
    if (is_sequence && has_name(im, name))
        return diag_error(im->diag, "input '%s' has the name of a tensor that '%s' becomes", name,
                          of);
    Onnx__ValueInfoProto *value = arena_alloc(im->arena, sizeof *value);
    value->name = arena_strdup(im->arena, name);
    value->type = is_sequence ? element_type(im, type, name) : (Onnx__TypeProto *)(uintptr_t)type;
    arena_push(im->arena, im->inputs, im->input_count) = (InputEnd){value, true};
    return LPC_OK;
}

enum { MOST_ELEMENTS = 1 << 14 };

static int read_length(Import *im, const char *name, int64_t *length)
{
    if (!find_size(im, name, length))
        return diag_error(im->diag,
                          "input '%s' is a sequence: give its length with --bind %s=N, or --max "
                          "%s=N where its elements have one shape",
                          name, name, name);
    if (*length >= 0 && *length <= MOST_ELEMENTS) return LPC_OK;
    return diag_error(im->diag, "--bind %s=%" PRId64 ": the length of a sequence is 0 to %d", name,
                      *length, MOST_ELEMENTS);
}

static bool is_present(Import *im, const char *name)
{
    int64_t present = 1;
    find_size(im, import_presence_name(im->arena, name), &present);
    return present != 0;
}

/* All elements in one tensor: the type with an axis before the others. */
static Onnx__TypeProto *type_of_all(Import *im, const Onnx__TypeProto *type, char *length)
{
    const Onnx__TensorShapeProto *each = type->tensor_type->shape;
    Onnx__TypeProto *all = arena_alloc(im->arena, sizeof *all);
    all->tensor_type = arena_alloc(im->arena, sizeof *all->tensor_type);
    *all->tensor_type = *type->tensor_type;
    if (!each) return all; /* that it has no shape is told where it is read */
    Onnx__TensorShapeProto *shape = arena_alloc(im->arena, sizeof *shape);
    shape->n_dim = each->n_dim + 1;
    shape->dim = arena_array(im->arena, shape->n_dim, sizeof *shape->dim);
    shape->dim[0] = arena_alloc(im->arena, sizeof **shape->dim);
    shape->dim[0]->dim_param = length;
    for (size_t i = 0; i < each->n_dim; i++) shape->dim[i + 1] = each->dim[i];
    all->tensor_type->shape = shape;
    return all;
}

static int flatten_sequence(Import *im, Onnx__ValueInfoProto *value, const Onnx__TypeProto *type)
{
    const ImportOptions *options = im->options;
    int64_t length;
    bool bound = find_option(options->binds, options->bind_count, value->name, &length);
    if (!bound && find_option(options->maxes, options->max_count, value->name, &length))
        return add_element(im, value->name, value->name, type_of_all(im, type, value->name), false);
    TRY(read_length(im, value->name, &length));
    for (int64_t i = 0; i < length; i++) {
        const char *name = import_element_name(im->arena, value->name, i);
        TRY(add_element(im, value->name, name, type, true));
    }
    return LPC_OK;
}

/* One of a map's tensors: as many elements as the size says that has the map's name. */
static int add_map_tensor(Import *im, Onnx__ValueInfoProto *map, const char *name, int32_t type)
{
    Onnx__TypeProto *made = arena_alloc(im->arena, sizeof *made);
    Onnx__TensorShapeProto *shape = arena_alloc(im->arena, sizeof *shape);
    made->tensor_type = arena_alloc(im->arena, sizeof *made->tensor_type);
    made->tensor_type->elem_type = type;
    made->tensor_type->shape = shape;
    shape->n_dim = 1;
    shape->dim = arena_array(im->arena, 1, sizeof *shape->dim);
    shape->dim[0] = arena_alloc(im->arena, sizeof **shape->dim);
    shape->dim[0]->dim_param = map->name;
    return add_element(im, map->name, name, made, true);
}

static int flatten_map(Import *im, Onnx__ValueInfoProto *value)
{
    const Onnx__MapTypeProto *map = value->type->map_type;
    const Onnx__TypeProto *of = map->value_type;
    DType key = end_type(map->key_type);
    if (key != DT_I64 && !dtype_is_string(key))
        return diag_error(im->diag,
                          "input '%s': a map from %s (%d): int64 and string are supported",
                          value->name, onnx_type_name(map->key_type), map->key_type);
    if (!of || !of->tensor_type || (of->tensor_type->shape && of->tensor_type->shape->n_dim))
        return diag_error(im->diag,
                          "input '%s': a map to other than single elements is not supported",
                          value->name);
    TRY(add_map_tensor(im, value, import_keys_name(im->arena, value->name), map->key_type));
    return add_map_tensor(im, value, import_values_name(im->arena, value->name),
                          map_value_type(map));
}

static int flatten(Import *im, Onnx__ValueInfoProto *value)
{
    ModelEnd end;
    const Onnx__TypeProto *type = peel(value->type, &end);
    if (value->name && end.is_map) return flatten_map(im, value);
    if (!value->name || !type || (!end.is_optional && !end.is_sequence)) {
        arena_push(im->arena, im->inputs, im->input_count) = (InputEnd){value, false};
        return LPC_OK;
    }
    if (end.is_optional && !is_present(im, value->name)) return LPC_OK;
    if (!end.is_sequence) return add_element(im, value->name, value->name, type, false);
    return flatten_sequence(im, value, type);
}

int ends_flatten(Import *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    int failed = LPC_OK;
    im->elements = scope_new(im, NULL);
    for (size_t i = 0; i < graph->n_input; i++) failed |= flatten(im, graph->input[i]);
    return failed;
}

static Value *sequence_of(Import *im, const char *name)
{
    Part *parts = NULL;
    int count = 0;
    Tensor *tensor;
    if (scope_find(im->elements, name, &tensor)) {
        Part all = {.kind = PART_SLICES, .tensor = tensor};
        return value_sequence(im, 1, &all);
    }
    while (scope_find(im->elements, import_element_name(im->arena, name, count), &tensor))
        arena_push(im->arena, parts, count) = part_one(tensor);
    return value_sequence(im, count, parts);
}

static Value *map_of(Import *im, const char *name)
{
    Tensor *keys = NULL, *values = NULL;
    scope_find(im->elements, import_keys_name(im->arena, name), &keys);
    scope_find(im->elements, import_values_name(im->arena, name), &values);
    return value_map(im, keys, values);
}

void ends_bind(Import *im, Scope *scope)
{
    const Onnx__GraphProto *graph = im->model->graph;
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = graph->input[i]->name;
        ModelEnd end;
        Tensor *element = NULL;
        if (!name || !peel(graph->input[i]->type, &end)) continue;
        if (end.is_map) scope_bind(scope, name, &map_of(im, name)->handle);
        if (!end.is_optional && !end.is_sequence) continue;
        if (end.is_sequence && (!end.is_optional || is_present(im, name)))
            element = &sequence_of(im, name)->handle;
        else if (!end.is_sequence)
            scope_find(im->elements, name, &element);
        if (end.is_optional) element = &value_optional(im, element)->handle;
        scope_bind(scope, name, element);
    }
}

/* ---- Outputs ---- */

static int output_sequence(Import *im, const char *name, const Value *value,
                           int (*add)(Import *im, Tensor *tensor, const char *name))
{
    if (!value_is_list(value)) {
        Onnx__NodeProto nothing = {.n_output = 0};
        Scope whole = {.im = im, .prefix = ""};
        Call call = {.im = im, .scope = &whole, .proto = &nothing, .op = "output"};
        call.origin = (Origin){.file = im->graph->file, .node = name, .op = "output", .index = -1};
        Tensor *all = value_tensor(&call, value, 0, true);
        return all ? add(im, all, name) : LPC_ERROR;
    }
    for (int i = 0; i < value->part_count; i++)
        TRY(add(im, value->parts[i].tensor, import_element_name(im->arena, name, i)));
    return LPC_OK;
}

int ends_output(Import *im, const char *name, Tensor *tensor,
                int (*add)(Import *im, Tensor *tensor, const char *name))
{
    const Value *value = handle_value(tensor);
    if (!value) return add(im, tensor, name);
    if (value->kind == VALUE_SEQUENCE) return output_sequence(im, name, value, add);
    if (value->kind == VALUE_MAP) {
        TRY(add(im, value->keys, import_keys_name(im->arena, name)));
        return add(im, value->values, import_values_name(im->arena, name));
    }
    if (value->has)
        return diag_error(im->diag, "output '%s': whether there is one is known at run time only",
                          name);
    return value->is_there ? ends_output(im, name, value->element, add) : LPC_OK;
}

/* ---- For those who read the data ---- */

static bool is_constant(const Onnx__GraphProto *graph, const char *name)
{
    for (size_t k = 0; k < graph->n_initializer; k++) {
        const char *other = graph->initializer[k]->name;
        if (other && !strcmp(other, name)) return true;
    }
    return false;
}

/* Initializers are no inputs, but they can be outputs. */
static void describe(const Import *im, Onnx__ValueInfoProto **values, size_t count, bool are_inputs,
                     ModelEnd **list, int *made)
{
    const Onnx__GraphProto *graph = im->model->graph;
    for (size_t i = 0; i < count; i++) {
        ModelEnd end;
        if (!values[i]->name || (are_inputs && is_constant(graph, values[i]->name))) continue;
        peel(values[i]->type, &end);
        end.name = values[i]->name;
        arena_push(im->arena, *list, *made) = end;
    }
}

void ends_describe(const Import *im, ModelEnds *ends)
{
    const Onnx__GraphProto *graph = im->model->graph;
    *ends = (ModelEnds){0};
    describe(im, graph->input, graph->n_input, true, &ends->inputs, &ends->input_count);
    describe(im, graph->output, graph->n_output, false, &ends->outputs, &ends->output_count);
}
