/* OUT/manifest.json, and shapes checked against it. */
#include "lib/run/run.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

typedef struct Loader {
    Package *package;
    Arena *arena;
    Diag *diag;
} Loader;

static int bad(const Loader *loader, const char *what)
{
    return diag_error(loader->diag, "manifest.json: %s is missing or wrong", what);
}

static const char *get_text(const Loader *loader, const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? arena_strdup(loader->arena, text) : NULL;
}

/* A whole number from 0 to 2^53; nonzero when it is not one. */
static int get_count(const cJSON *object, const char *key, uint64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) ||
        !(item->valuedouble >= 0 && item->valuedouble <= 9007199254740992.0))
        return LPC_ERROR;
    *value = (uint64_t)item->valuedouble;
    return LPC_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(const char *text, uint8_t *bytes, size_t count)
{
    if (!text || strlen(text) != 2 * count) return LPC_ERROR;
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return LPC_ERROR;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return LPC_OK;
}

static int load_symbols(const Loader *loader, const cJSON *list)
{
    Package *package = loader->package;
    int count = cJSON_GetArraySize(list);
    package->symbol_names = arena_array(loader->arena, (size_t)count + 1, sizeof(char *));
    package->symbol_max = arena_array(loader->arena, (size_t)count + 1, sizeof(int64_t));
    package->symbol_sources = arena_array(loader->arena, (size_t)count + 1, sizeof(SymSource));
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        int i = package->symbol_count;
        const char *name = get_text(loader, item, "name");
        const char *source = get_text(loader, item, "source");
        uint64_t max;
        if (!name || get_count(item, "max", &max) || sizes_symbol(package->sizes, name) != i)
            return bad(loader, "a symbol");
        package->symbol_names[i] = name;
        package->symbol_max[i] = (int64_t)max;
        package->symbol_sources[i] = source && strcmp(source, "state") == 0  ? SYM_STATE
                                     : source && strcmp(source, "node") == 0 ? SYM_NODE
                                                                             : SYM_INPUT;
        package->symbol_count++;
    }
    return LPC_OK;
}

static int load_tensor(const Loader *loader, const cJSON *item, PackageTensor *tensor)
{
    SizeTable *sizes = loader->package->sizes;
    const char *type = get_text(loader, item, "dtype");
    const cJSON *dims = cJSON_GetObjectItemCaseSensitive(item, "dims"), *dim;
    uint64_t id;
    tensor->name = get_text(loader, item, "name");
    if (!tensor->name || !type || get_count(item, "id", &id) || id > UINT32_MAX ||
        get_count(item, "max_bytes", &tensor->max_bytes) || !cJSON_IsArray(dims))
        return bad(loader, "a tensor's name, id, dtype, dims or max_bytes");
    tensor->id = (uint32_t)id;
    tensor->type = dtype_from_name(type, strlen(type));
    if (tensor->type == DT_NONE) return bad(loader, "a tensor's dtype");
    cJSON_ArrayForEach(dim, dims)
    {
        const char *text = cJSON_IsNumber(dim)
                               ? arena_printf(loader->arena, "%.0f", dim->valuedouble)
                               : cJSON_GetStringValue(dim);
        if (!text || tensor->rank == TENSOR_RANK_MAX) return bad(loader, "a tensor's dims");
        tensor->dim_texts[tensor->rank] = arena_strdup(loader->arena, text);
        const Size *size = size_parse(sizes, text, NULL);
        if (!size || sizes_symbol_count(sizes) != loader->package->symbol_count)
            return bad(loader, "a tensor's dims");
        tensor->dims[tensor->rank++] = size;
    }
    return LPC_OK;
}

static uint64_t align_up(uint64_t position)
{
    return (position + LPC_ALIGN - 1) / LPC_ALIGN * LPC_ALIGN;
}

/* The contract that the runtime's own code works with. */
static void make_contract(const Loader *loader, PackageEnd *end, uint32_t cut, uint64_t hash)
{
    lpc_tensor_info *infos = arena_array(loader->arena, (size_t)end->count + 1, sizeof *infos);
    uint64_t position = (uint64_t)loader->package->symbol_count * 8;
    for (int i = 0; i < end->count; i++) {
        const PackageTensor *tensor = &end->tensors[i];
        infos[i] =
            (lpc_tensor_info){tensor->name, tensor->id, (uint32_t)dtype_to_onnx(tensor->type),
                              tensor->rank, tensor->max_bytes};
        position = align_up(position) + tensor->max_bytes;
    }
    end->contract = (lpc_contract){cut, hash, (uint32_t)end->count, infos, position};
}

static int load_end(const Loader *loader, const cJSON *list, const cJSON *cut, PackageEnd *end)
{
    uint8_t bytes[8];
    uint64_t hash = 0, index;
    if (!cJSON_IsArray(list)) return bad(loader, "inputs or outputs");
    if (get_count(cut, "index", &index) || parse_hex(get_text(loader, cut, "hash"), bytes, 8))
        return bad(loader, "a cut's index or hash");
    for (int i = 0; i < 8; i++) hash = hash << 8 | bytes[i];
    end->tensors =
        arena_array(loader->arena, (size_t)cJSON_GetArraySize(list) + 1, sizeof *end->tensors);
    const cJSON *item;
    cJSON_ArrayForEach(item, list) TRY(load_tensor(loader, item, &end->tensors[end->count++]));
    make_contract(loader, end, (uint32_t)index, hash);
    return LPC_OK;
}

/* Whether the triple's architecture is this machine's own: then no emulator is needed. */
static bool is_this_machine(const char *triple)
{
    struct utsname machine;
    size_t length = strcspn(triple, "-");
    return !uname(&machine) && strlen(machine.machine) == length &&
           !strncmp(machine.machine, triple, length);
}

static void load_predicted(const cJSON *item, PackageStage *stage)
{
    const cJSON *compute = cJSON_GetObjectItemCaseSensitive(item, "predicted_compute_s");
    const cJSON *send = cJSON_GetObjectItemCaseSensitive(item, "predicted_send_s");
    uint64_t cores = 0, layers = 0;
    if (!get_count(item, "predicted_cores", &cores) && cores < 4096)
        stage->predicted_cores = (int)cores;
    if (!get_count(item, "layers", &layers) && layers < 1000000) stage->layers = (int)layers;
    stage->predicted_compute_s = cJSON_IsNumber(compute) ? compute->valuedouble : -1;
    stage->predicted_send_s = cJSON_IsNumber(send) ? send->valuedouble : -1;
}

static int load_stages(const Loader *loader, const cJSON *list)
{
    Package *package = loader->package;
    int count = cJSON_GetArraySize(list);
    if (!count) return bad(loader, "stages");
    package->stages = arena_array(loader->arena, (size_t)count, sizeof *package->stages);
    const cJSON *item, *word;
    cJSON_ArrayForEach(item, list)
    {
        PackageStage *stage = &package->stages[package->stage_count++];
        const cJSON *emulator = cJSON_GetObjectItemCaseSensitive(item, "emulator");
        const cJSON *triple = cJSON_GetObjectItemCaseSensitive(item, "triple");
        bool direct = cJSON_IsString(triple) && is_this_machine(triple->valuestring);
        const char *program = get_text(loader, item, "program");
        stage->name = get_text(loader, item, "name");
        stage->target = get_text(loader, item, "target");
        load_predicted(item, stage);
        if (!stage->name) return bad(loader, "a stage's name");
        if (program)
            stage->program = arena_printf(loader->arena, "%s/%s", package->folder, program);
        stage->emulator = arena_array(loader->arena, (size_t)cJSON_GetArraySize(emulator) + 1,
                                      sizeof *stage->emulator);
        int words = 0;
        cJSON_ArrayForEach(word, emulator)
        {
            if (!cJSON_IsString(word)) return bad(loader, "a stage's emulator");
            if (direct) break;
            stage->emulator[words++] = arena_strdup(loader->arena, word->valuestring);
        }
    }
    return LPC_OK;
}

static int load_all(const Loader *loader, const cJSON *root)
{
    Package *package = loader->package;
    const cJSON *cuts = cJSON_GetObjectItemCaseSensitive(root, "cuts");
    int cut_count = cJSON_GetArraySize(cuts);
    uint64_t format;
    if (get_count(root, "format", &format) || format != 1) return bad(loader, "format (1)");
    if (parse_hex(get_text(loader, root, "build_id"), package->build_id, 32))
        return bad(loader, "build_id");
    package->model = get_text(loader, root, "model");
    TRY(load_symbols(loader, cJSON_GetObjectItemCaseSensitive(root, "symbols")));
    TRY(load_stages(loader, cJSON_GetObjectItemCaseSensitive(root, "stages")));
    if (cut_count != package->stage_count + 1) return bad(loader, "cuts (one per boundary)");
    TRY(load_end(loader, cJSON_GetObjectItemCaseSensitive(root, "inputs"),
                 cJSON_GetArrayItem(cuts, 0), &package->inputs));
    return load_end(loader, cJSON_GetObjectItemCaseSensitive(root, "outputs"),
                    cJSON_GetArrayItem(cuts, cut_count - 1), &package->outputs);
}

static char *read_text(Diag *diag, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        diag_error(diag, "manifest.json: %s (is this a folder that lpc made?)", strerror(errno));
        return NULL;
    }
    size_t used = 0, room = 65536;
    char *text = malloc(room + 1);
    for (size_t got; text && (got = fread(text + used, 1, room - used, file)) > 0;) {
        used += got;
        if (used < room) continue;
        room *= 2;
        char *more = realloc(text, room + 1);
        if (!more) free(text);
        text = more;
    }
    fclose(file);
    if (!text)
        diag_error(diag, "%s: out of memory", path);
    else
        text[used] = 0;
    return text;
}

int package_load(Package **result, Arena *arena, Diag *diag, const char *folder)
{
    Package *package = arena_alloc(arena, sizeof *package);
    Loader loader = {package, arena, diag};
    char *text = read_text(diag, arena_printf(arena, "%s/manifest.json", folder));
    if (!text) return LPC_ERROR;
    cJSON *root = cJSON_Parse(text);
    free(text);
    package->folder = arena_strdup(arena, folder);
    package->sizes = sizes_new(arena);
    int code = root ? load_all(&loader, root) : diag_error(diag, "manifest.json: not valid JSON");
    cJSON_Delete(root);
    *result = code ? NULL : package;
    return code;
}

int package_find(const PackageEnd *end, const char *name)
{
    for (int i = 0; i < end->count; i++)
        if (strcmp(end->tensors[i].name, name) == 0) return i;
    return -1;
}

/* --- binding symbols to shapes --- */

typedef struct Unknown {
    int count, symbol;
} Unknown;

static void find_unknown(const Size *size, const int64_t *values, Unknown *unknown)
{
    if (!size) return;
    if (size->kind == SIZE_SYM && values[size->sym] < 0) {
        if (!unknown->count || unknown->symbol != size->sym) unknown->count++;
        unknown->symbol = size->sym;
    }
    if (size->kind == SIZE_CONST || size->kind == SIZE_SYM) return;
    find_unknown(size->a, values, unknown);
    find_unknown(size->b, values, unknown);
}

/* Gives the only unknown symbol of a dimension the value that makes it `wanted`. Whether it did. */
static int solve(const Package *package, const Size *dim, int symbol, int64_t wanted,
                 int64_t *values)
{
    int64_t max = package->symbol_max[symbol];
    values[symbol] = 0;
    int64_t at_0 = size_eval(dim, values);
    values[symbol] = 1;
    int64_t slope, rise;
    if (!__builtin_sub_overflow(size_eval(dim, values), at_0, &slope) && slope &&
        !__builtin_sub_overflow(wanted, at_0, &rise)) {
        values[symbol] = rise / slope;
        if (values[symbol] >= 0 && size_eval(dim, values) == wanted) return 1;
    }
    for (int64_t value = 0; value <= max && value < 1 << 20; value++) {
        values[symbol] = value;
        if (size_eval(dim, values) == wanted) return 1;
    }
    values[symbol] = -1;
    return 0;
}

static void solve_all(const Package *package, const HostTensor *inputs, int64_t *values)
{
    for (int progress = 1; progress;) {
        progress = 0;
        for (int i = 0; i < package->inputs.count; i++) {
            const PackageTensor *declared = &package->inputs.tensors[i];
            if (!inputs[i].data || inputs[i].rank != declared->rank) continue;
            for (int d = 0; d < declared->rank; d++) {
                Unknown unknown = {0};
                find_unknown(declared->dims[d], values, &unknown);
                if (unknown.count == 1)
                    progress |= solve(package, declared->dims[d], unknown.symbol, inputs[i].dims[d],
                                      values);
            }
        }
    }
}

static int uses(const Size *size, int symbol)
{
    if (!size || size->kind == SIZE_CONST) return 0;
    if (size->kind == SIZE_SYM) return size->sym == symbol;
    return uses(size->a, symbol) || uses(size->b, symbol);
}

static int declared_uses(const PackageTensor *declared, int symbol)
{
    for (int d = 0; d < declared->rank; d++)
        if (uses(declared->dims[d], symbol)) return 1;
    return 0;
}

static const char *declared_text(const Package *package, const PackageTensor *declared,
                                 const int64_t *values, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    text_printf(&text, "%s[", dtype_name(declared->type));
    for (int d = 0; d < declared->rank; d++)
        text_printf(&text, "%s%s", d ? "," : "", declared->dim_texts[d]);
    text_add(&text, "]");
    const char *before = " with ";
    for (int s = 0; s < package->symbol_count; s++) {
        if (!declared_uses(declared, s)) continue;
        if (values[s] >= 0)
            text_printf(&text, "%s%s = %" PRId64 " (at most %" PRId64 ")", before,
                        package->symbol_names[s], values[s], package->symbol_max[s]);
        else
            text_printf(&text, "%s%s at most %" PRId64, before, package->symbol_names[s],
                        package->symbol_max[s]);
        before = ", ";
    }
    return text.data;
}

static int fits(const Package *package, const PackageTensor *declared, const HostTensor *input,
                const int64_t *values)
{
    if (input->type != declared->type || input->rank != declared->rank) return 0;
    for (int d = 0; d < declared->rank; d++) {
        Unknown unknown = {0};
        find_unknown(declared->dims[d], values, &unknown);
        if (unknown.count || size_eval(declared->dims[d], values) != input->dims[d]) return 0;
    }
    for (int s = 0; s < package->symbol_count; s++)
        if (values[s] > package->symbol_max[s] && declared_uses(declared, s)) return 0;
    return 1;
}

int package_bind_some(const Package *package, Diag *diag, const HostTensor *inputs, int64_t *values)
{
    int code = LPC_OK;
    for (int s = 0; s < package->symbol_count; s++) values[s] = -1;
    solve_all(package, inputs, values);
    for (int i = 0; i < package->inputs.count; i++) {
        const PackageTensor *declared = &package->inputs.tensors[i];
        if (!inputs[i].data || fits(package, declared, &inputs[i], values)) continue;
        code = diag_error(diag, "input '%s': expected %s, got %s", declared->name,
                          declared_text(package, declared, values, diag->arena),
                          host_shape_text(&inputs[i], diag->arena));
    }
    return code;
}

int package_bind(const Package *package, Diag *diag, const HostTensor *inputs, int64_t *values)
{
    for (int i = 0; i < package->inputs.count; i++)
        if (!inputs[i].data)
            return diag_error(diag, "input '%s' is not given", package->inputs.tensors[i].name);
    TRY(package_bind_some(package, diag, inputs, values));
    for (int s = 0; s < package->symbol_count; s++)
        if (values[s] < 0) values[s] = 0;
    return LPC_OK;
}

void package_shape(const PackageTensor *declared, const int64_t *values, HostTensor *tensor)
{
    tensor->name = (char *)(uintptr_t)declared->name;
    tensor->type = declared->type;
    tensor->rank = declared->rank;
    for (int d = 0; d < declared->rank; d++) tensor->dims[d] = size_eval(declared->dims[d], values);
}
