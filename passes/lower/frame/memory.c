/* Memory of lowering: places of constants, scratch buffers, packed weights. */
#include "passes/lower/frame/lower.h"

#include <string.h>

/* ---- Constants as they are ---- */

static int read_plain(const ConstSource *source, int64_t at, void *to, size_t size)
{
    const Tensor *tensor = source->data;
    const Const *data = tensor->data;
    if (!data->scale) {
        memcpy(to, (const char *)data->data + at, size);
        return 0;
    }
    /* Scaled constants are float32; `at` and `size` are whole elements (a multiple of 4). */
    int64_t slice = tensor_static_elements(tensor) / tensor->dims[0]->value;
    const char *from = (const char *)data->data + at;
    float *out = to;
    for (size_t i = 0; i < size / sizeof(float); i++) {
        float value;
        memcpy(&value, from + i * sizeof(float), sizeof value);
        value *= data->scale[(at / 4 + (int64_t)i) / slice];
        memcpy(&out[i], &value, sizeof value);
    }
    return 0;
}

static int read_memory(const ConstSource *source, int64_t at, void *to, size_t size)
{
    memcpy(to, (const char *)source->data + at, size);
    return 0;
}

static Buffer *const_buffer(Lower *lw, const char *name, DType dtype, int64_t count,
                            int (*read)(const ConstSource *, int64_t, void *, size_t),
                            const void *data, const Const *from)
{
    ConstSource *source = arena_alloc(lw->arena, sizeof *source);
    source->read = read;
    source->data = data;
    if (from && from->is_mapped) {
        source->mapped = from->data;
        source->mapped_bytes = from->bytes;
    }
    Buffer *buffer =
        program_buffer(lw->program, name, BUFFER_CONST, dtype, size_const(lw->sizes, count));
    buffer->source = source;
    return buffer;
}

Buffer *lower_const(Lower *lw, const char *name, DType dtype, int64_t count, const void *data)
{
    return const_buffer(lw, name, dtype, count, read_memory, data, NULL);
}

void place_row_major(Lower *lw, const Tensor *tensor, Place *place)
{
    place->offset = size_const(lw->sizes, 0);
    const Size *stride = size_const(lw->sizes, dtype_cells(tensor->dtype));
    for (int i = tensor->rank - 1; i >= 0; i--) {
        place->stride[i] = stride;
        stride = size_mul(lw->sizes, stride, tensor->dims[i]);
    }
}

const Place *lower_place(Lower *lw, const Tensor *tensor)
{
    Place *place = &lw->places[tensor->id];
    if (!place->buffer && tensor->data) {
        bool packed = place_is_packed(tensor);
        int64_t count = packed ? (int64_t)tensor->data->bytes : tensor_static_elements(tensor);
        place->buffer = const_buffer(lw, tensor->name, packed ? DT_U8 : tensor->dtype, count,
                                     read_plain, tensor, tensor->data);
        place_row_major(lw, tensor, place);
    }
    return place;
}

Buffer *lower_scratch(Lower *lw, const char *name, DType dtype, const Size *elements)
{
    const char *full =
        arena_printf(lw->arena, "%s_%s%s", lw->node->name, name, lw->one_row ? "_one" : "");
    return program_buffer(lw->program, full, BUFFER_WORK, dtype, elements);
}

/* ---- Packed constants ---- */

typedef struct PackData {
    const Tensor *tensor;
    Pack pack;
    int64_t source_stride[PACK_RANK];
    int64_t scale_stride; /* elements of one slice of the tensor's first axis */
    size_t element;
} PackData;

static bool coordinates(const PackData *p, const int64_t *d, int64_t *index, int64_t *inner_limit)
{
    const Pack *k = &p->pack;
    int last = k->dest_rank - 1;
    *index = 0;
    *inner_limit = k->dest_dims[last] - d[last];
    bool inside = true;
    for (int a = 0; a < k->source_rank; a++) {
        int64_t s = 0;
        for (int j = 0; j < k->dest_rank; j++) s += k->coef[a][j] * d[j];
        if (s >= k->source_dims[a]) inside = false;
        *index += s * p->source_stride[a];
        int64_t step = k->coef[a][last];
        if (inside && step > 0) {
            int64_t left = (k->source_dims[a] - s + step - 1) / step;
            if (left < *inner_limit) *inner_limit = left;
        }
    }
    return inside;
}

static void copy_run(const PackData *p, int64_t index, int64_t step, int64_t count, char *to)
{
    const char *from = (const char *)p->tensor->data->data;
    const float *scale = p->tensor->data->scale;
    size_t e = p->element;
    if (!scale && step == 1) {
        memcpy(to, from + (size_t)index * e, (size_t)count * e);
        return;
    }
    for (int64_t i = 0; i < count; i++, index += step, to += e) {
        memcpy(to, from + (size_t)index * e, e);
        if (!scale) continue;
        float value;
        memcpy(&value, to, sizeof value);
        value *= scale[index / p->scale_stride];
        memcpy(to, &value, sizeof value);
    }
}

/* Runs along the last packed axis are copied at once; a read may begin and end inside one. */
static int read_packed(const ConstSource *source, int64_t at, void *to, size_t size)
{
    const PackData *p = source->data;
    const Pack *k = &p->pack;
    int last = k->dest_rank - 1;
    if (size == 0) return 0; /* the matrix may have an axis of size 0 */
    int64_t d[PACK_RANK], rest = at / (int64_t)p->element, step = 0;
    for (int j = last; j >= 0; j--) {
        d[j] = rest % k->dest_dims[j];
        rest /= k->dest_dims[j];
    }
    for (int a = 0; a < k->source_rank; a++) step += k->coef[a][last] * p->source_stride[a];
    int64_t left = (int64_t)(size / p->element);
    char *out = to;
    while (left > 0) {
        int64_t index, valid, run = k->dest_dims[last] - d[last];
        bool inside = coordinates(p, d, &index, &valid);
        if (run > left) run = left;
        if (!inside) valid = 0;
        if (valid > run) valid = run;
        if (valid > 0) copy_run(p, index, step, valid, out);
        if (valid < run)
            memset(out + (size_t)valid * p->element, 0, (size_t)(run - valid) * p->element);
        out += (size_t)run * p->element;
        left -= run;
        d[last] += run;
        for (int j = last; j > 0 && d[j] == k->dest_dims[j]; j--) {
            d[j] = 0;
            d[j - 1]++;
        }
    }
    return 0;
}

static bool same_pack(const Pack *a, const Pack *c)
{
    return !memcmp(a, c, sizeof *a);
}

Buffer *lower_pack(Lower *lw, const Tensor *weights, const Pack *pack, const char *suffix)
{
    for (int i = 0; i < lw->program->buffer_count; i++) {
        Buffer *old = lw->program->buffers[i];
        if (!old->source || old->source->read != read_packed) continue;
        const PackData *data = old->source->data;
        if (data->tensor == weights && same_pack(&data->pack, pack)) return old;
    }
    PackData *p = arena_alloc(lw->arena, sizeof *p);
    p->tensor = weights;
    memcpy(&p->pack, pack, sizeof *pack);
    p->element = dtype_size(weights->dtype);
    int64_t stride = 1, count = 1;
    for (int a = pack->source_rank - 1; a >= 0; a--) {
        p->source_stride[a] = stride;
        stride *= pack->source_dims[a];
    }
    p->scale_stride = weights->rank > 0 && weights->dims[0]->value > 0
                          ? tensor_static_elements(weights) / weights->dims[0]->value
                          : 1;
    for (int j = 0; j < pack->dest_rank; j++) count *= pack->dest_dims[j];
    const char *name = arena_printf(lw->arena, "%s_%s", weights->name, suffix);
    return const_buffer(lw, name, weights->dtype, count, read_packed, p, weights->data);
}
