/* Attributes: read from the model, compared with what ir/ops.def declares. */
#include "frontend/import.h"

#include <string.h>

enum {
    A_FLOAT = 1,
    A_INT,
    A_STRING,
    A_TENSOR,
    A_GRAPH,
    A_FLOATS,
    A_INTS,
    A_STRINGS,
    A_SPARSE = 11,
    A_TYPE = 13
};

static const char *kind_name(AttrKind kind)
{
    static const char *const names[] = {"an integer", "a float", "a string", "integers",
                                        "floats",     "strings", "a tensor"};
    return names[kind];
}

const Onnx__AttributeProto *attr_proto(const Scope *scope, const Onnx__AttributeProto *attr)
{
    if (!attr->ref_attr_name || !*attr->ref_attr_name) return attr;
    while (scope->parent) scope = scope->parent; /* a branch in a function sees its attributes */
    return scope->attrs ? names_find(scope->attrs, attr->ref_attr_name) : NULL;
}

const Onnx__AttributeProto *attr_proto_find(const Call *call, const char *name)
{
    for (size_t i = 0; i < call->proto->n_attribute; i++) {
        const Onnx__AttributeProto *attr = call->proto->attribute[i];
        if (attr->name && !strcmp(attr->name, name)) return attr_proto(call->scope, attr);
    }
    return NULL;
}

/* Old files do not say which of its fields an attribute uses. */
static int guess_type(const Onnx__AttributeProto *proto)
{
    if (proto->type) return proto->type;
    if (proto->has_f) return A_FLOAT;
    if (proto->has_i) return A_INT;
    if (proto->has_s) return A_STRING;
    if (proto->t) return A_TENSOR;
    if (proto->g) return A_GRAPH;
    if (proto->n_floats) return A_FLOATS;
    return proto->n_strings ? A_STRINGS : A_INTS;
}

static const char *copy_bytes(Arena *arena, ProtobufCBinaryData bytes)
{
    return arena_strndup(arena, (const char *)bytes.data, bytes.len);
}

static Attr *add_attr(Call *call, const char *name, AttrKind kind, size_t count)
{
    Arena *arena = call->im->arena;
    Attr *attr = &arena_push(arena, call->attrs, call->attr_count);
    *attr = (Attr){.name = arena_strdup(arena, name), .kind = kind, .count = (int)count};
    if (kind == ATTR_INT || kind == ATTR_INTS) attr->ints = arena_array(arena, count, 8);
    if (kind == ATTR_FLOAT || kind == ATTR_FLOATS) attr->floats = arena_array(arena, count, 8);
    if (kind == ATTR_STRING || kind == ATTR_STRINGS) {
        attr->strings = arena_array(arena, count, sizeof(char *));
    }
    return attr;
}

/* A tensor that is an attribute's value: not in the graph's list. */
static Tensor *attr_tensor(Import *im, const char *name, const Elements *elements)
{
    Tensor *tensor = arena_alloc(im->arena, sizeof *tensor);
    Const *data = arena_alloc(im->arena, sizeof *data);
    tensor->id = -1;
    tensor->name = name;
    tensor->dtype = elements->dtype;
    tensor->rank = elements->rank;
    for (int i = 0; i < elements->rank; i++)
        tensor->dims[i] = size_const(im->graph->sizes, elements->dims[i]);
    data->bytes = (size_t)dtype_const_bytes(elements->dtype, tensor_static_elements(tensor));
    data->data = elements->data;
    tensor->data = data;
    return tensor;
}

static int read_tensor(Call *call, const char *name, const Onnx__AttributeProto *proto)
{
    Elements elements;
    const char *what = arena_printf(call->im->arena, "attribute '%s'", name);
    if (proto->t) {
        TRY(tensor_read(call->im, proto->t, &call->origin, what, &elements));
    } else if (proto->sparse_tensor) {
        TRY(tensor_read_sparse(call->im, proto->sparse_tensor, &call->origin, what, &elements));
    } else {
        return call_fail(call, "attribute '%s' has no tensor", name);
    }
    Attr *attr = add_attr(call, name, ATTR_TENSOR, 1);
    attr->tensor = attr_tensor(call->im, attr->name, &elements);
    return LPC_OK;
}

static void read_list(Call *call, const char *name, const Onnx__AttributeProto *proto, int type)
{
    if (type == A_FLOATS) {
        Attr *attr = add_attr(call, name, ATTR_FLOATS, proto->n_floats);
        for (size_t i = 0; i < proto->n_floats; i++) attr->floats[i] = proto->floats[i];
    } else if (type == A_INTS) {
        Attr *attr = add_attr(call, name, ATTR_INTS, proto->n_ints);
        for (size_t i = 0; i < proto->n_ints; i++) attr->ints[i] = proto->ints[i];
    } else {
        Attr *attr = add_attr(call, name, ATTR_STRINGS, proto->n_strings);
        for (size_t i = 0; i < proto->n_strings; i++) {
            attr->strings[i] = copy_bytes(call->im->arena, proto->strings[i]);
        }
    }
}

static int read_attr(Call *call, const char *name, const Onnx__AttributeProto *proto)
{
    int type = guess_type(proto);
    if (attr_find(call, name)) return call_fail(call, "attribute '%s' stands twice", name);
    switch (type) {
    case A_FLOAT: add_attr(call, name, ATTR_FLOAT, 1)->floats[0] = proto->f; return LPC_OK;
    case A_INT: add_attr(call, name, ATTR_INT, 1)->ints[0] = proto->i; return LPC_OK;
    case A_STRING:
        add_attr(call, name, ATTR_STRING, 1)->strings[0] = copy_bytes(call->im->arena, proto->s);
        return LPC_OK;
    case A_FLOATS:
    case A_INTS:
    case A_STRINGS: read_list(call, name, proto, type); return LPC_OK;
    case A_TENSOR:
    case A_SPARSE: return read_tensor(call, name, proto);
    case A_GRAPH: return LPC_OK; /* read by inline.c */
    case A_TYPE: return LPC_OK;  /* says what an optional holds, which is what it is given */
    default: return call_fail(call, "attribute '%s' is of a kind that is not supported", name);
    }
}

int attrs_read(Call *call)
{
    for (size_t i = 0; i < call->proto->n_attribute; i++) {
        const Onnx__AttributeProto *given = call->proto->attribute[i];
        if (!given->name || !*given->name) return call_fail(call, "an attribute has no name");
        const Onnx__AttributeProto *proto = attr_proto(call->scope, given);
        if (proto) TRY(read_attr(call, given->name, proto));
    }
    return LPC_OK;
}

Attr *attr_find(const Call *call, const char *name)
{
    for (int i = 0; i < call->attr_count; i++) {
        if (!strcmp(call->attrs[i].name, name)) return &call->attrs[i];
    }
    return NULL;
}

void attr_delete(Call *call, const char *name)
{
    int kept = 0;
    for (int i = 0; i < call->attr_count; i++) {
        if (strcmp(call->attrs[i].name, name)) call->attrs[kept++] = call->attrs[i];
    }
    call->attr_count = kept;
}

int64_t attr_int(const Call *call, const char *name, int64_t otherwise)
{
    const Attr *attr = attr_find(call, name);
    return attr && attr->kind == ATTR_INT ? attr->ints[0] : otherwise;
}

double attr_float(const Call *call, const char *name, double otherwise)
{
    const Attr *attr = attr_find(call, name);
    return attr && attr->kind == ATTR_FLOAT ? attr->floats[0] : otherwise;
}

const char *attr_string(const Call *call, const char *name, const char *otherwise)
{
    const Attr *attr = attr_find(call, name);
    return attr && attr->kind == ATTR_STRING ? attr->strings[0] : otherwise;
}

void attr_set_int(Call *call, const char *name, int64_t value)
{
    attr_delete(call, name);
    add_attr(call, name, ATTR_INT, 1)->ints[0] = value;
}

void attr_set_ints(Call *call, const char *name, int count, const int64_t *values)
{
    attr_delete(call, name);
    memcpy(add_attr(call, name, ATTR_INTS, (size_t)count)->ints, values, (size_t)count * 8);
}

void attr_set_string(Call *call, const char *name, const char *value)
{
    attr_delete(call, name);
    add_attr(call, name, ATTR_STRING, 1)->strings[0] = value;
}

void attr_set_float(Call *call, const char *name, double value)
{
    attr_delete(call, name);
    add_attr(call, name, ATTR_FLOAT, 1)->floats[0] = value;
}

void attr_set_floats(Call *call, const char *name, int count, const double *values)
{
    attr_delete(call, name);
    memcpy(add_attr(call, name, ATTR_FLOATS, (size_t)count)->floats, values,
           (size_t)count * sizeof *values);
}

int attr_constant(Call *call, const Attr *attr, const char *name, Tensor **out)
{
    Import *im = call->im;
    int rank = attr->kind == ATTR_INTS || attr->kind == ATTR_FLOATS || attr->kind == ATTR_STRINGS;
    Elements elements = {.rank = rank, .is_literal = true};
    elements.dims[0] = attr->count;
    if (attr->kind == ATTR_TENSOR) {
        elements.dtype = attr->tensor->dtype;
        elements.rank = attr->tensor->rank;
        for (int i = 0; i < elements.rank; i++) elements.dims[i] = attr->tensor->dims[i]->value;
        elements.data = attr->tensor->data->data;
    } else if (attr->kind == ATTR_INT || attr->kind == ATTR_INTS) {
        elements.dtype = DT_I64;
        elements.data = attr->ints;
    } else if (attr->kind == ATTR_STRING || attr->kind == ATTR_STRINGS) {
        TRY(tensor_of_words(im, &call->origin, attr->name, rank, attr->count, attr->strings,
                            &elements));
    } else {
        float *data = arena_array(im->arena, (size_t)attr->count, sizeof *data);
        for (int i = 0; i < attr->count; i++) data[i] = (float)attr->floats[i];
        elements.dtype = DT_F32;
        elements.data = data;
    }
    *out = elements_tensor(im, name, &elements);
    return LPC_OK;
}

/* ---- Checking ---- */

/* One declaration of ir/ops.def's attribute column: "alpha:f=0.01". */
typedef struct Declared {
    const char *name;
    size_t length;
    AttrKind kind;
    bool required;
} Declared;

static bool next_declared(const char **at, Declared *declared)
{
    const char *text = *at + strspn(*at, " ");
    if (!*text) return false;
    declared->name = text;
    declared->length = strcspn(text, ": ");
    const char *kind = text + declared->length + (text[declared->length] == ':');
    bool list = kind[0] && kind[1] == 's';
    switch (kind[0]) {
    case 'f': declared->kind = list ? ATTR_FLOATS : ATTR_FLOAT; break;
    case 's': declared->kind = list ? ATTR_STRINGS : ATTR_STRING; break;
    case 't': declared->kind = ATTR_TENSOR; break;
    default: declared->kind = list ? ATTR_INTS : ATTR_INT; break;
    }
    declared->required = kind[0] && kind[1 + list] == '!';
    *at = text + strcspn(text, " ");
    return true;
}

static int check_type_number(const Call *call, const Attr *attr)
{
    static const char *const numbers[] = {"to", "dtype", "output_dtype", "output_datatype"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(attr->name, numbers[i]) || attr->kind != ATTR_INT || !attr->ints[0]) continue;
        if (graph_dtype(call->im->graph, attr->ints[0]) != DT_NONE) continue;
        return call_fail(call, "%s: element type %s (%lld) is not supported", attr->name,
                         onnx_type_name(attr->ints[0]), (long long)attr->ints[0]);
    }
    return LPC_OK;
}

static int check_kind(Call *call, Attr *attr, AttrKind want)
{
    bool list = want == ATTR_INTS || want == ATTR_FLOATS || want == ATTR_STRINGS;
    if (attr->kind != want && list && attr->count == 0) {
        *attr = (Attr){.name = attr->name, .kind = want};
    }
    if (attr->kind == want) return check_type_number(call, attr);
    return call_fail(call, "%s: expected %s, got %s", attr->name, kind_name(want),
                     kind_name(attr->kind));
}

int attrs_check(Call *call, const OpInfo *info)
{
    const char *text = info->attrs ? info->attrs : "", *at = text;
    Declared declared;
    int known = 0;
    while (next_declared(&at, &declared)) {
        const char *name = arena_strndup(call->im->arena, declared.name, declared.length);
        Attr *attr = attr_find(call, name);
        if (attr) {
            TRY(check_kind(call, attr, declared.kind));
            known++;
        } else if (declared.required) {
            return call_fail(call, "attribute '%s' is missing", name);
        }
    }
    if (known == call->attr_count) return LPC_OK;
    for (int i = 0; i < call->attr_count; i++) {
        const char *name = call->attrs[i].name;
        bool found = false;
        for (at = text; !found && next_declared(&at, &declared);) {
            found =
                strlen(name) == declared.length && !memcmp(name, declared.name, declared.length);
        }
        if (!found) return call_fail(call, "attribute '%s' is not known", name);
    }
    return LPC_OK;
}
