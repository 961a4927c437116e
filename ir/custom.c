/* Calls of a user's own operators, as lpc_custom.h has them, made of what the graph and the loops know. */
#include "ir/custom.h"

#include <ctype.h>
#include <string.h>

const char *const CUSTOM_CFLAGS[CUSTOM_CFLAG_COUNT] = {"-std=c11", "-O2", "-ffp-contract=off"};

const char *custom_symbol(Arena *arena, const char *name)
{
    char *symbol = arena_printf(arena, "%s%s", isdigit((unsigned char)*name) ? "op_" : "", name);
    char *to = symbol;
    for (const char *c = symbol; *c; c++) {
        if (c[0] == ':' && c[1] == ':') c++;
        *to++ = isalnum((unsigned char)*c) ? *c : '_';
    }
    *to = 0;
    return symbol;
}

lpc_custom_tensor custom_tensor(DType dtype, int rank, const Size *const *dims,
                                const int64_t *symbols)
{
    lpc_custom_tensor tensor = {.type = dtype == DT_NONE ? 0 : dtype_to_onnx(dtype), .rank = rank};
    for (int i = 0; i < rank; i++) tensor.dims[i] = size_eval(dims[i], symbols);
    tensor.element_bytes = (int32_t)dtype_size(dtype);
    return tensor;
}

bool custom_shape_sees(const Tensor *tensor)
{
    enum { MOST_BYTES = 1 << 16 };
    if (!tensor->data) return false;
    int64_t size = (int64_t)dtype_size(tensor->dtype);
    return tensor_static_elements(tensor) <= MOST_BYTES / size;
}

void *custom_contents(Arena *arena, const Tensor *tensor)
{
    int64_t count = tensor_static_elements(tensor);
    size_t bytes = (size_t)count * dtype_size(tensor->dtype);
    char *contents = arena_alloc(arena, bytes + 64);
    contents += 64 - (uintptr_t)contents % 64;
    if (tensor->data->scale) {
        for (int64_t i = 0; i < count; i++) {
            float value = (float)const_f64_at(tensor, i);
            memcpy(contents + (size_t)i * sizeof value, &value, sizeof value);
        }
    } else if (dtype_is_subbyte(tensor->dtype)) {
        narrow_unpack(tensor->dtype, count, tensor->data->data, contents);
    } else {
        memcpy(contents, tensor->data->data, (size_t)tensor->data->bytes);
    }
    return contents;
}

/* ---- Attributes ---- */

static const float *floats_of(Arena *arena, const Attr *attr)
{
    float *floats = arena_array(arena, (size_t)attr->count + 1, sizeof *floats);
    for (int i = 0; i < attr->count; i++) floats[i] = (float)attr->floats[i];
    return floats;
}

static const lpc_custom_tensor *tensor_of(Arena *arena, const Tensor *tensor)
{
    lpc_custom_tensor *to = arena_alloc(arena, sizeof *to);
    *to = custom_tensor(tensor->dtype, tensor->rank, (const Size *const *)tensor->dims, NULL);
    to->data = custom_contents(arena, tensor);
    return to;
}

static lpc_custom_attribute attribute_of(Arena *arena, const Attr *attr)
{
    lpc_custom_attribute to = {
        .name = attr->name, .kind = (int32_t)attr->kind, .count = attr->count};
    switch (attr->kind) {
    case ATTR_INT:
    case ATTR_INTS: to.ints = attr->ints; break;
    case ATTR_FLOAT:
    case ATTR_FLOATS: to.floats = floats_of(arena, attr); break;
    case ATTR_STRING:
    case ATTR_STRINGS: to.strings = attr->strings; break;
    case ATTR_TENSOR: to.tensor = tensor_of(arena, attr->tensor); break;
    }
    return to;
}

void custom_begin(Arena *arena, const Attr *attrs, int attr_count, int opset, int in_count,
                  int out_count, lpc_custom_call *call)
{
    lpc_custom_attribute *to = arena_array(arena, (size_t)attr_count + 1, sizeof *to);
    for (int i = 0; i < attr_count; i++) to[i] = attribute_of(arena, &attrs[i]);
    lpc_custom_tensor *in = arena_array(arena, (size_t)in_count + 1, sizeof *in);
    *call = (lpc_custom_call){.in = in,
                              .out = arena_array(arena, (size_t)out_count + 1, sizeof *call->out),
                              .in_count = in_count,
                              .out_count = out_count,
                              .attributes = to,
                              .attribute_count = attr_count,
                              .opset = opset};
}

/* ---- Running ---- */

typedef struct Running {
    lpc_custom_tensor *in, *known, *expected;
    void *const *args;
    int at;
} Running;

static void fill_inputs(Running *r, const External *x, const int64_t *symbols)
{
    for (int i = 0; i < x->in_count; i++) {
        const ExternalTensor *t = &x->in[i];
        r->in[i] = custom_tensor(t->dtype, t->rank, t->dims, symbols);
        r->known[i] = r->in[i];
        if (t->dtype == DT_NONE) continue;
        r->in[i].data = r->args[r->at++];
        if (t->is_constant) r->known[i].data = r->in[i].data;
    }
}

static void fill_outputs(Running *r, const External *x, SizeTable *sizes, const int64_t *symbols)
{
    for (int i = 0; i < x->out_count; i++) {
        const ExternalTensor *t = &x->out[i];
        r->expected[i] = custom_tensor(t->dtype, t->rank, t->dims, symbols);
        if (t->dtype == DT_NONE) continue;
        r->expected[i].data = r->args[r->at++];
        for (int k = 0; k < t->rank; k++)
            if (t->open >> k & 1) r->expected[i].dims[k] = -1 - size_upper(sizes, t->dims[k]);
    }
}

static int tell(const External *x, Diag *diag, int code, const char *why)
{
    if (code == CUSTOM_GONE)
        diag_node(diag, &x->origin, "%s: %s", x->op->symbol, why ? why : "it is gone");
    else if (code && why)
        diag_node(diag, &x->origin, "%s refuses: %s", x->op->symbol, why);
    return code;
}

int custom_run(const External *x, SizeTable *sizes, Diag *diag, void *const *args,
               const int64_t *symbols)
{
    Arena *arena = arena_new();
    lpc_custom_call call;
    custom_begin(arena, x->attrs, x->attr_count, x->opset, x->in_count, x->out_count, &call);
    Running r = {.in = arena_array(arena, (size_t)x->in_count + 1, sizeof *r.in),
                 .known = arena_array(arena, (size_t)x->in_count + 1, sizeof *r.known),
                 .expected = arena_array(arena, (size_t)x->out_count + 1, sizeof *r.expected),
                 .args = args};
    fill_inputs(&r, x, symbols);
    fill_outputs(&r, x, sizes, symbols);
    call.in = r.in;
    lpc_custom_plan plan = {
        .known = r.known, .expected = r.expected, .workspace_bytes = x->workspace_bytes};
    int64_t *open = x->open_count ? args[r.at + (x->workspace_bytes > 0)] : NULL;
    int code = x->op->host->run(x->op->host, x->op, &call, &plan, x->asks, open);
    tell(x, diag, code, call.error);
    arena_free(arena);
    return code;
}
