/* The importer's entry: file to message, message to graph. */
#include "frontend/import.h"
#include "frontend/wire.h"

#include <string.h>

/* ---- Unpacking: everything protobuf-c makes goes into the arena ---- */

static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void release(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

static int unpack(Import *im)
{
    Arena *scratch = arena_new();
    Text message;
    text_init(&message, scratch);
    int code = wire_shorten(im->diag, im->bytes, im->size, &message);
    if (!code) {
        ProtobufCAllocator allocator = {allocate, release, im->arena};
        im->model =
            onnx__model_proto__unpack(&allocator, message.length, (const uint8_t *)message.data);
        if (!im->model) code = diag_error(im->diag, "not a valid ONNX model: cannot be unpacked");
    }
    arena_free(scratch);
    return code;
}

static int check_model(Import *im, int64_t opset)
{
    if (!im->model->graph || (!im->model->has_ir_version && !im->model->n_opset_import)) {
        return diag_error(im->diag, "not an ONNX model: it has no graph or no version");
    }
    bool others_only = im->model->n_opset_import && !opset; /* no standard operators imported */
    if (others_only || (opset >= OPSET_MIN && opset <= OPSET_MAX)) return LPC_OK;
    if (opset > OPSET_MAX) {
        return diag_error(im->diag,
                          "opset %lld is newer than %d, the newest that lpc knows: export the "
                          "model with one up to that, or bring it there with "
                          "onnx.version_converter",
                          (long long)opset, OPSET_MAX);
    }
    return diag_error(im->diag, "opset %lld is not supported: %d is the oldest", (long long)opset,
                      OPSET_MIN);
}

/* ---- The main graph ---- */

static void note_name(Import *im, char *name)
{
    if (name) names_put(im->top_names, name, name);
}

static void note_top_names(Import *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    for (size_t i = 0; i < graph->n_input; i++) note_name(im, graph->input[i]->name);
    for (size_t i = 0; i < graph->n_output; i++) note_name(im, graph->output[i]->name);
    for (size_t i = 0; i < graph->n_initializer; i++) note_name(im, graph->initializer[i]->name);
    for (size_t n = 0; n < graph->n_node; n++) {
        for (size_t i = 0; i < graph->node[n]->n_output; i++) {
            note_name(im, graph->node[n]->output[i]);
        }
    }
}

/* Gives the tensor that name, whoever has it now (not an input: that keeps its own). */
static void take_name(Graph *graph, Tensor *tensor, const char *name)
{
    Tensor *holder = graph_find_tensor(graph, name);
    if (!holder || holder == tensor) return;
    for (int i = 0; i < graph->input_count; i++) {
        if (graph->inputs[i] == holder) return;
    }
    holder->name = tensor->name;
    tensor->name = arena_strdup(graph->arena, name);
    names_put(graph->tensor_names, holder->name, holder);
    names_put(graph->tensor_names, tensor->name, tensor);
}

/* An output has a tensor of its own, with the model's name and computed by a node. */
static Tensor *own_tensor(Import *im, Tensor *tensor, const char *name)
{
    Graph *graph = im->graph;
    bool own = tensor->producer && !strcmp(tensor->name, name) && !graph_is_output(graph, tensor);
    if (own) return tensor;
    Tensor *out = graph_tensor(graph, name, DT_NONE, -1, NULL);
    if (strcmp(out->name, name)) take_name(graph, out, name);
    Origin origin = {graph->file, name, "Identity", -1};
    graph_node(graph, OP_IDENTITY, NULL, &origin, 1, &tensor, 1, &out);
    return out;
}

/* A list of maps is a tensor of what they map to. */
static bool is_list_of_maps(const Onnx__TypeProto *type, const Tensor *tensor)
{
    return type && type->sequence_type && tensor->producer &&
           (op_info(tensor->producer->op)->traits & T_MAPS);
}

static int check_output_type(Import *im, const char *name, const Onnx__TypeProto *type)
{
    if (!type) return LPC_OK;
    TRY(ends_check_type(im, "output", name, type));
    int32_t number = type->tensor_type ? type->tensor_type->elem_type : 0;
    if (!number || graph_dtype(im->graph, number)) return LPC_OK;
    return diag_error(im->diag, "output '%s': element type %s (%d) is not supported", name,
                      onnx_type_name(number), number);
}

static int add_output(Import *im, Tensor *tensor, const char *name)
{
    for (int i = 0; i < im->graph->output_count; i++) {
        if (!strcmp(im->graph->outputs[i]->name, name)) {
            return diag_error(im->diag, "output '%s' stands twice", name);
        }
    }
    tensor = own_tensor(im, tensor, name);
    arena_push(im->arena, im->graph->outputs, im->graph->output_count) = tensor;
    return LPC_OK;
}

static int read_output(Import *im, Scope *scope, const Onnx__ValueInfoProto *value)
{
    Tensor *tensor = NULL;
    if (!value->name || !*value->name) return diag_error(im->diag, "an output has no name");
    if (!scope_find(scope, value->name, &tensor) || !tensor) {
        return diag_error(im->diag, "output '%s' is not computed by any node", value->name);
    }
    if (!is_list_of_maps(value->type, tensor)) TRY(check_output_type(im, value->name, value->type));
    return ends_output(im, value->name, tensor, add_output);
}

static int read_outputs(Import *im, Scope *scope)
{
    const Onnx__GraphProto *graph = im->model->graph;
    int failed = LPC_OK;
    for (size_t i = 0; i < graph->n_output; i++) failed |= read_output(im, scope, graph->output[i]);
    if (!graph->n_output) return diag_error(im->diag, "the model has no outputs");
    if (!failed && !im->graph->output_count)
        return diag_error(im->diag,
                          "the model has no outputs: its sequences are empty, its optionals "
                          "not there");
    return failed;
}

static int read_graph(Import *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    Scope *scope = scope_new(im, NULL);
    im->top_names = names_new(im->arena);
    note_top_names(im);
    scope->opsets = im->model->opset_import;
    scope->opset_count = im->model->n_opset_import;
    scope_hint(scope, graph->value_info, graph->n_value_info);
    scope_hint(scope, graph->output, graph->n_output);
    TRY(check_model(im, scope_opset(scope, "")));
    TRY(scope_constants(scope, graph));
    TRY(ends_flatten(im));
    int failed = inputs_read(im, scope);
    failed |= random_read_input(im, scope);
    bool has_inputs = !failed;
    failed |= nodes_convert(scope, graph->node, graph->n_node);
    if (im->options->missing) missing_advise(im->arena, im->options->missing);
    im->is_partial = failed && has_inputs && im->options->missing;
    if (failed) return LPC_ERROR;
    TRY(read_outputs(im, scope));
    scope_note_stated(scope, graph->value_info, graph->n_value_info);
    scope_note_stated(scope, graph->output, graph->n_output);
    return states_read(im);
}

static int run(Import *im, Graph **out)
{
    static const ImportOptions none;
    *out = NULL;
    if (!im->options) im->options = &none;
    if (!im->diag->file) im->diag->file = im->file;
    im->graph = graph_new(im->arena, im->diag, im->file);
    im->graph->accuracy_level = im->options->accuracy_level;
    if (im->options->max_string) im->graph->strings = dtype_string(im->options->max_string);
    int code = unpack(im);
    if (!code && !im->model->graph) {
        code = diag_error(im->diag, "not an ONNX model: it has no graph");
    }
    if (!code) code = read_graph(im);
    if (!code || im->is_partial) *out = im->graph;
    return code ? LPC_ERROR : LPC_OK;
}

int import_onnx(Arena *arena, Diag *diag, const char *path, const ImportOptions *options,
                Graph **out)
{
    Import im = {
        .arena = arena, .diag = diag, .file = arena_strdup(arena, path), .options = options};
    FileMap map;
    *out = NULL;
    if (!diag->file) diag->file = im.file;
    int code = load_map(&im, path, &map);
    if (!code) code = load_folder(&im, path);
    if (!code) {
        im.bytes = map.bytes;
        im.size = map.size;
        code = run(&im, out);
    }
    if (!*out) load_close(&im);
    return code;
}

int import_ends(Arena *arena, Diag *diag, const char *path, ModelEnds *ends)
{
    Import im = {.arena = arena, .diag = diag, .file = arena_strdup(arena, path)};
    FileMap map;
    if (!diag->file) diag->file = im.file;
    int code = load_map(&im, path, &map);
    if (!code) {
        im.bytes = map.bytes;
        im.size = map.size;
        code = unpack(&im);
    }
    if (!code && !im.model->graph) code = diag_error(diag, "not an ONNX model: it has no graph");
    if (!code) ends_describe(&im, ends);
    load_close(&im);
    return code ? LPC_ERROR : LPC_OK;
}

int import_onnx_bytes(Arena *arena, Diag *diag, const void *bytes, size_t size, const char *name,
                      const ImportOptions *options, Graph **out)
{
    Import im = {.arena = arena,
                 .diag = diag,
                 .file = arena_strdup(arena, name),
                 .bytes = bytes,
                 .size = size,
                 .options = options};
    return run(&im, out);
}
