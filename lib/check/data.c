/* See data.h. */
#include "lib/check/data.h"

#include "lib/files/maps.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static HostKind kind_of(const ModelEnd *end)
{
    if (!end) return HOST_TENSOR;
    return end->is_optional   ? HOST_OPTIONAL
           : end->is_sequence ? HOST_SEQUENCE
           : end->is_map      ? HOST_MAP
                              : HOST_TENSOR;
}

static int read_values(Arena *arena, Diag *diag, const char *folder, const char *kind,
                       const ModelEnd *ends, int end_count, HostValue **list, int *count)
{
    for (;;) {
        const char *path = arena_printf(arena, "%s/%s_%d.pb", folder, kind, *count);
        const ModelEnd *end = *count < end_count ? &ends[*count] : NULL;
        HostValue value = {.kind = HOST_TENSOR};
        if (access(path, F_OK)) return 0;
        if (kind_of(end) == HOST_TENSOR)
            TRY(host_read(&value.tensor, arena, diag, path));
        else
            TRY(host_read_value(&value, kind_of(end), arena, diag, path));
        arena_push(arena, *list, *count) = value;
    }
}

static void add_input(Arena *arena, DataSet *set, const char *name, const HostTensor *tensor)
{
    int names = set->in_count;
    arena_push(arena, set->in_names, names) = name;
    arena_push(arena, set->in, set->in_count) = *tensor;
}

static int flatten_map(Arena *arena, Diag *diag, DataSet *set, const ModelEnd *end,
                       const HostValue *value)
{
    HostTensor keys = {.type = end->key_type}, values = {.type = end->value_type};
    const char *what = arena_printf(arena, "data set '%s': input '%s'", set->folder, end->name);
    TRY(map_tensors(value, arena, diag, what, &keys, &values));
    add_input(arena, set, import_keys_name(arena, end->name), &keys);
    add_input(arena, set, import_values_name(arena, end->name), &values);
    return 0;
}

static int flatten(Arena *arena, Diag *diag, DataSet *set, const ModelEnd *end,
                   const HostValue *value)
{
    if (value->kind == HOST_TENSOR) {
        HostTensor tensor = value->tensor;
        /* A scalar is as often stored with one dimension as with none. */
        if (end->rank == 0 && host_elements(&tensor) == 1) tensor.rank = 0;
        add_input(arena, set, end->name, &tensor);
    } else if (value->kind == HOST_OPTIONAL) {
        const char *present = import_presence_name(arena, end->name);
        arena_push(arena, set->binds, set->bind_count) = (Bind){present, value->count};
        for (int i = 0; i < value->count; i++)
            TRY(flatten(arena, diag, set, end, &value->items[i]));
    } else if (value->kind == HOST_SEQUENCE) {
        arena_push(arena, set->binds, set->bind_count) = (Bind){end->name, value->count};
        for (int i = 0; i < value->count; i++) {
            ModelEnd element = {.name = import_element_name(arena, end->name, i),
                                .rank = end->rank};
            TRY(flatten(arena, diag, set, &element, &value->items[i]));
        }
    } else {
        TRY(flatten_map(arena, diag, set, end, value));
    }
    return 0;
}

int data_read(Arena *arena, Diag *diag, const char *folder, const ModelEnds *ends, DataSet *set)
{
    struct stat info;
    HostValue *in = NULL;
    *set = (DataSet){.folder = folder};
    if (stat(folder, &info) || !S_ISDIR(info.st_mode))
        return diag_error(diag, "data set '%s' is not a folder", folder);
    TRY(read_values(arena, diag, folder, "input", ends->inputs, ends->input_count, &in,
                    &set->in_files));
    TRY(read_values(arena, diag, folder, "output", ends->outputs, ends->output_count, &set->out,
                    &set->out_count));
    for (int i = 0; i < set->in_files && i < ends->input_count; i++)
        TRY(flatten(arena, diag, set, &ends->inputs[i], &in[i]));
    if (!set->out_count)
        return diag_error(diag, "data set '%s' has no output_0.pb to compare with", folder);
    return 0;
}

bool data_same_shapes(const DataSet *a, const DataSet *b)
{
    if (!a || a->in_count != b->in_count || a->bind_count != b->bind_count) return false;
    for (int i = 0; i < a->bind_count; i++) {
        if (a->binds[i].value != b->binds[i].value) return false;
    }
    for (int i = 0; i < a->in_count; i++) {
        if (a->in[i].rank != b->in[i].rank) return false;
        if (memcmp(a->in[i].dims, b->in[i].dims, (size_t)a->in[i].rank * sizeof(int64_t)))
            return false;
    }
    return true;
}
