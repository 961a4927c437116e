/* Weights of Winograd's filtering, G g G^T, computed when they are written. */
#include "passes/lower/products/winograd.h"

#include <string.h>

enum { MOST_POSITIONS = 36 };

typedef struct Filters {
    const Tensor *tensor;
    int64_t positions, depth, columns, width;
    double factor[MOST_POSITIONS][9]; /* of each tap */
} Filters;

static void fill_factors(Filters *f, int n)
{
    const double a = ROOT_HALF, b = ROOT_2;
    const double four[6][3] = {{1, 0, 0},
                               {1 / -1.5, a / -1.5, 0.5 / -1.5},
                               {1 / -1.5, -a / -1.5, 0.5 / -1.5},
                               {1.0 / 6, b / 6, 2.0 / 6},
                               {1.0 / 6, -b / 6, 2.0 / 6},
                               {0, 0, 1}};
    const double two[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    const double(*g)[3] = n == 6 ? four : two;
    for (int p = 0; p < n * n; p++) {
        for (int t = 0; t < 9; t++) f->factor[p][t] = g[p / n][t / 3] * g[p % n][t % 3];
    }
}

static float filter_value(const Filters *f, int64_t position, int64_t channel, int64_t column)
{
    const Const *data = f->tensor->data;
    float g[9];
    double sum = 0;
    memcpy(g, (const char *)data->data + (size_t)(column * f->depth + channel) * sizeof g,
           sizeof g);
    for (int t = 0; t < 9; t++) sum += f->factor[position][t] * (double)g[t];
    if (data->scale) sum *= (double)data->scale[column];
    return (float)sum;
}

/* `at` and `size` are whole elements. */
static int read_filters(const ConstSource *source, int64_t at, void *to, size_t size)
{
    const Filters *f = source->data;
    char *out = to;
    int64_t first = at / (int64_t)sizeof(float), count = (int64_t)(size / sizeof(float));
    int64_t row = first / f->width, own = first % f->width;
    for (int64_t i = 0; i < count; i++) {
        int64_t channel = row % f->depth, position = row / f->depth % f->positions;
        int64_t column = row / f->depth / f->positions * f->width + own;
        float value = column < f->columns ? filter_value(f, position, channel, column) : 0;
        memcpy(out + (size_t)i * sizeof value, &value, sizeof value);
        if (++own < f->width) continue;
        own = 0;
        row++;
    }
    return 0;
}

Buffer *winograd_weights(const Winograd *w)
{
    Lower *lw = w->lw;
    const Tensor *tensor = w->c->w;
    for (int i = 0; i < lw->program->buffer_count; i++) {
        Buffer *old = lw->program->buffers[i];
        if (!old->source || old->source->read != read_filters) continue;
        const Filters *f = old->source->data;
        if (f->tensor == tensor && f->positions == positions(w) && f->width == w->width) return old;
    }
    Filters *f = arena_alloc(lw->arena, sizeof *f);
    *f = (Filters){.tensor = tensor,
                   .positions = positions(w),
                   .depth = w->c->depth,
                   .columns = w->c->columns,
                   .width = w->width};
    fill_factors(f, w->n);
    ConstSource *source = arena_alloc(lw->arena, sizeof *source);
    *source = (ConstSource){.read = read_filters, .data = f};
    if (tensor->data->is_mapped) {
        source->mapped = tensor->data->data;
        source->mapped_bytes = tensor->data->bytes;
    }
    const char *name = arena_printf(lw->arena, "%s_winograd%d", tensor->name, w->m);
    int64_t count = w->column_blocks * positions(w) * w->c->depth * w->width;
    Buffer *buffer =
        program_buffer(lw->program, name, BUFFER_CONST, DT_F32, size_const(lw->sizes, count));
    buffer->source = source;
    return buffer;
}
