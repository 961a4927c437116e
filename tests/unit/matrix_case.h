/* Part of test_lower_*: one node lowered to a program, with memory around it. */
#ifndef LPC_TESTS_MATRIX_CASE_H
#define LPC_TESTS_MATRIX_CASE_H

#include "passes/loops/passes.h"
#include "passes/lower/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 16, NODES = 4 };

/* Tensors of the graph with their data in row-major order, whatever their places are. */
typedef struct Net {
    Arena *arena;
    Diag diag;
    Graph *graph;
    Target device;
    LowerTarget target; /* its device is that */
    Lower lw;
    Tensor *inputs[MAX_TENSORS];
    void *data[MAX_TENSORS]; /* of the inputs, row-major, at the actual sizes */
    int input_count;
    bool channels_last; /* strides of tensors of rank >= 3 */
    int64_t symbols[8];
    uint64_t seed;
} Net;

static double net_random(Net *net)
{
    net->seed = net->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int32_t)(uint32_t)(net->seed >> 32) / 0x1p31;
}

static void put_element(DType dtype, void *to, int64_t i, double value)
{
    switch (dtype) {
    case DT_F32: ((float *)to)[i] = (float)value; break;
    case DT_F64: ((double *)to)[i] = value; break;
    case DT_F16: ((uint16_t *)to)[i] = f32_to_f16((float)value); break;
    case DT_BF16: ((uint16_t *)to)[i] = f32_to_bf16((float)value); break;
    case DT_I8: ((int8_t *)to)[i] = (int8_t)value; break;
    case DT_U8: ((uint8_t *)to)[i] = (uint8_t)value; break;
    case DT_I32: ((int32_t *)to)[i] = (int32_t)value; break;
    case DT_I64: ((int64_t *)to)[i] = (int64_t)value; break;
    default: abort();
    }
}

static inline double get_element(DType dtype, const void *from, int64_t i)
{
    switch (dtype) {
    case DT_F32: return (double)((const float *)from)[i];
    case DT_F64: return ((const double *)from)[i];
    case DT_F16: return (double)f16_to_f32(((const uint16_t *)from)[i]);
    case DT_BF16: return (double)bf16_to_f32(((const uint16_t *)from)[i]);
    case DT_I8: return ((const int8_t *)from)[i];
    case DT_U8: return ((const uint8_t *)from)[i];
    case DT_I32: return ((const int32_t *)from)[i];
    case DT_I64: return (double)((const int64_t *)from)[i];
    default: abort();
    }
}

static void net_init(Net *net, int vector_bits, int registers, bool fma)
{
    memset(net, 0, sizeof *net);
    net->arena = arena_new();
    diag_init(&net->diag, net->arena, "test");
    net->graph = graph_new(net->arena, &net->diag, "test");
    net->device = (Target){.vector_bits = vector_bits,
                           .vector_registers = registers,
                           .fma = fma,
                           .l1d = 48 << 10,
                           .l2 = 1 << 20};
    net->target = (LowerTarget){.device = &net->device};
    net->seed = 12345;
}

static int64_t net_elements(const Net *net, const Tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= size_eval(tensor->dims[i], net->symbols);
    return count;
}

/* A tensor with sizes as text ("1,16,h,7"; "" is a scalar). */
static Tensor *net_tensor(Net *net, const char *name, DType dtype, const char *sizes)
{
    const Size *dims[MAX_RANK];
    int rank = 0;
    const char *end = sizes;
    while (*end) {
        dims[rank++] = size_parse(net->graph->sizes, end, &end);
        if (*end == ',') end++;
    }
    return graph_tensor(net->graph, name, dtype, rank, dims);
}

static bool is_integer(DType dtype)
{
    return dtype_is_int(dtype);
}

/* Random data: floats in -1 .. 1, integers over their type's small range. */
static void *net_fill(Net *net, const Tensor *tensor)
{
    int64_t count = net_elements(net, tensor);
    void *data = arena_alloc(net->arena, (size_t)count * dtype_size(tensor->dtype) + 64);
    for (int64_t i = 0; i < count; i++) {
        double value = net_random(net);
        if (tensor->dtype == DT_U8)
            value = (double)(int)((value + 1) * 127);
        else if (tensor->dtype == DT_I32)
            value = (double)(int)(value * 1000);
        else if (is_integer(tensor->dtype))
            value = (double)(int)(value * 127);
        put_element(tensor->dtype, data, i, value);
    }
    return data;
}

/* An input, or a constant when `constant`. */
static Tensor *net_input(Net *net, const char *name, DType dtype, const char *sizes, bool constant)
{
    Tensor *tensor = net_tensor(net, name, dtype, sizes);
    void *data = net_fill(net, tensor);
    net->inputs[net->input_count] = tensor;
    net->data[net->input_count++] = data;
    if (constant) {
        Const *c = arena_alloc(net->arena, sizeof *c);
        c->data = data;
        c->bytes = (size_t)net_elements(net, tensor) * dtype_size(dtype);
        tensor->data = c;
    }
    return tensor;
}

static inline const void *net_data(const Net *net, const Tensor *tensor)
{
    for (int i = 0; i < net->input_count; i++) {
        if (net->inputs[i] == tensor) return net->data[i];
    }
    return NULL;
}

/* ---- Lowering ---- */

static void net_place(Net *net, const Tensor *tensor, BufferClass class, int index)
{
    Lower *lw = &net->lw;
    SizeTable *sizes = net->graph->sizes;
    Place *place = &lw->places[tensor->id];
    place->buffer = program_buffer(lw->program, tensor->name, class, tensor->dtype,
                                   tensor_elements(sizes, tensor));
    place->buffer->index = index;
    place->offset = size_const(sizes, 0);
    const Size *stride = size_const(sizes, 1);
    int order[MAX_RANK];
    for (int i = 0; i < tensor->rank; i++) order[i] = i;
    if (net->channels_last && tensor->rank >= 3) {
        for (int i = 1; i < tensor->rank - 1; i++) order[i] = i + 1;
        order[tensor->rank - 1] = 1;
    }
    for (int i = tensor->rank - 1; i >= 0; i--) {
        place->stride[order[i]] = stride;
        stride = size_mul(sizes, stride, tensor->dims[order[i]]);
    }
}

/* Offsets one after another: tests need no plan. */
static void net_offsets(Program *program)
{
    for (int i = 0; i < program->buffer_count; i++) {
        Buffer *buffer = program->buffers[i];
        int64_t *total = buffer->class == BUFFER_CONST  ? &program->const_bytes
                         : buffer->class == BUFFER_WORK ? &program->work_bytes
                                                        : NULL;
        if (!total) continue;
        buffer->offset = *total;
        *total += (buffer->max_bytes + 63) / 64 * 64;
    }
}

static Program *net_lower(Net *net, Node *node)
{
    Lower *lw = &net->lw;
    const Tensor *result = node_result(node);
    *lw = (Lower){.arena = net->arena,
                  .diag = &net->diag,
                  .graph = net->graph,
                  .sizes = net->graph->sizes,
                  .rules = lower_rules,
                  .target = &net->target};
    lw->program = program_new(net->arena, net->graph->sizes, "net");
    lw->main = &lw->program->main->body;
    lw->places = arena_array(net->arena, (size_t)net->graph->tensor_count, sizeof *lw->places);
    for (int i = 0, k = 0; i < net->input_count; i++) {
        if (!net->inputs[i]->data) net_place(net, net->inputs[i], BUFFER_INPUT, k++);
    }
    net_place(net, result, BUFFER_OUTPUT, 0);
    int code = lower_node(lw, node);
    if (!code) code = pass_expand_math(lw->program);
    if (!code) code = pass_cleanup(lw->program);
    if (!code) code = pass_vectorize(lw->program, net->device.vector_bits);
    if (!code) code = pass_cleanup(lw->program);
    if (!code) code = loops_verify(lw->program, &net->diag);
    diag_flush(&net->diag);
    if (code) return NULL;
    net_offsets(lw->program);
    return lw->program;
}

/* Copies between row-major order and the tensor's place. */
static void net_permute(const Net *net, const Tensor *tensor, const void *from, void *to, bool out)
{
    const Place *place = &net->lw.places[tensor->id];
    int64_t count = net_elements(net, tensor);
    size_t size = dtype_size(tensor->dtype);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, at = 0;
        for (int a = tensor->rank - 1; a >= 0; a--) {
            int64_t dim = size_eval(tensor->dims[a], net->symbols);
            at += rest % dim * size_eval(place->stride[a], net->symbols);
            rest /= dim;
        }
        if (out)
            memcpy((char *)to + (size_t)i * size, (const char *)from + (size_t)at * size, size);
        else
            memcpy((char *)to + (size_t)at * size, (const char *)from + (size_t)i * size, size);
    }
}

static void *net_block(int64_t bytes)
{
    return aligned_alloc(64, ((size_t)bytes + 127) / 64 * 64);
}

typedef struct Memory {
    void *in[MAX_TENSORS], *out[MAX_TENSORS], *work, *weights;
} Memory;

static Memory net_memory(Net *net, Program *program)
{
    Memory m = {.work = net_block(program->work_bytes), .weights = net_block(program->const_bytes)};
    memset(m.work, 0x5a, (size_t)program->work_bytes);
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class == BUFFER_OUTPUT) m.out[buffer->index] = net_block(buffer->max_bytes);
        if (buffer->class == BUFFER_CONST)
            buffer->source->read(buffer->source, 0, (char *)m.weights + buffer->offset,
                                 (size_t)buffer->max_bytes);
    }
    for (int i = 0, k = 0; i < net->input_count; i++) {
        if (net->inputs[i]->data) continue;
        m.in[k] = net_block(net->lw.places[net->inputs[i]->id].buffer->max_bytes);
        net_permute(net, net->inputs[i], net->data[i], m.in[k++], false);
    }
    return m;
}

static void memory_free(Memory *m)
{
    for (int i = 0; i < MAX_TENSORS; i++) {
        free(m->in[i]);
        free(m->out[i]);
    }
    free(m->work);
    free(m->weights);
}

/* Runs with the evaluator; the result in row-major order, or NULL. */
static inline void *net_eval(Net *net, Program *program, const Tensor *result)
{
    Memory m = net_memory(net, program);
    int code = loops_eval(program, &net->diag, (const void *const *)m.in, m.out, net->symbols,
                          m.work, NULL, m.weights);
    diag_flush(&net->diag);
    void *row_major = NULL;
    if (!code) {
        row_major = arena_alloc(net->arena,
                                (size_t)net_elements(net, result) * dtype_size(result->dtype) + 64);
        net_permute(net, result, m.out[0], row_major, true);
    }
    memory_free(&m);
    return row_major;
}

#endif
