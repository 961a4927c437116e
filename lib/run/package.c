/* OUT/manifest.json, and shapes checked against it. */
#include "lib/run/run.h"

#include "ir/machine.h"
#include "ir/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- Reading ---- */

typedef struct InSymbol {
    const char *name;
    int64_t max;
    int source; /* SymSource */
} InSymbol;

typedef struct InCut {
    int64_t index;
    const char *id_text, *hash_text;
    uint8_t *id;
    uint64_t hash;
} InCut;

typedef struct InTensor {
    PackageTensor t;
    int64_t id, max_bytes;
    const char *type;
    const char *const *dims;
} InTensor;

typedef struct InStage {
    PackageStage s;
    const char *program, *build_id;
    const char *const *emulator;
    int word_count;
} InStage;

/* The manifest, while it is read. */
typedef struct InPackage {
    Package *package;
    int format;
    const char *build_id, *model;
    InSymbol *symbols;
    InCut *cuts;
    int cut_count;
} InPackage;

/* What is read of the manifest; the other fields are for others. */
#define WHOLE(name, type, field, most)                                                             \
    {name, JSON_INT64, true, offsetof(type, field), 0, 0, most, NULL, NULL, NULL}
#define TEXT(name, kind, required, type, field)                                                    \
    {name, kind, required, offsetof(type, field), 0, 0, 0, NULL, NULL, NULL}

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

static const JsonField source_words[] = {JSON_WORD("input", SYM_INPUT),
                                         JSON_WORD("state", SYM_STATE), JSON_WORD("node", SYM_NODE),
                                         JSON_END};

static const JsonField symbol_fields[] = {
    TEXT("name", JSON_TEXT, true, InSymbol, name),
    WHOLE("max", InSymbol, max, 0x1p53),
    {"source", JSON_CHOICE, false, offsetof(InSymbol, source), 0, 0, 0, NULL, source_words, NULL},
    JSON_OPEN};

static int read_symbol(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InPackage *in = to;
    InSymbol symbol = {.source = SYM_INPUT};
    (void)f;
    TRY(json_fields(r, json, symbol_fields, &symbol));
    if (sizes_symbol(in->package->sizes, symbol.name) != in->package->symbol_count)
        return diag_error(r->diag, "%s: '%.60s' is repeated", r->where, symbol.name);
    arena_push(r->arena, in->symbols, in->package->symbol_count) = symbol;
    return 0;
}

static int check_type(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InTensor *in = to;
    (void)r, (void)f, (void)json;
    in->t.type = dtype_from_name(in->type, strlen(in->type));
    return in->t.type == DT_NONE;
}

static const JsonField tensor_fields[] = {TEXT("name", JSON_TEXT, true, InTensor, t.name),
                                          WHOLE("id", InTensor, id, UINT32_MAX),
                                          {"dtype", JSON_TEXT, true, offsetof(InTensor, type), 0, 0,
                                           0, "a type such as \"f32\"", NULL, check_type},
                                          {"dims", JSON_WORDS, true, offsetof(InTensor, dims),
                                           offsetof(InTensor, t.rank), 0, TENSOR_RANK_MAX,
                                           "a list of sizes, such as [\"1\", \"n\"]", NULL, NULL},
                                          WHOLE("max_bytes", InTensor, max_bytes, 0x1p53),
                                          JSON_OPEN};

static int read_tensor(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Package *package = ((InPackage *)to)->package;
    PackageEnd *end = (PackageEnd *)(void *)((char *)package + f->at);
    InTensor in = {0};
    TRY(json_fields(r, json, tensor_fields, &in));
    in.t.id = (uint32_t)in.id;
    in.t.max_bytes = (uint64_t)in.max_bytes;
    for (int d = 0; d < in.t.rank; d++) {
        in.t.dim_texts[d] = in.dims[d];
        in.t.dims[d] = size_parse(package->sizes, in.dims[d], NULL);
        if (!in.t.dims[d] || sizes_symbol_count(package->sizes) != package->symbol_count)
            return diag_error(r->diag,
                              "%s: field 'dims[%d]': expected a size of the symbols, got '%.60s'",
                              r->where, d, in.dims[d]);
    }
    arena_push(r->arena, end->tensors, end->count) = in.t;
    return 0;
}

static int check_hash(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InCut *cut = to;
    uint8_t bytes[8];
    (void)r, (void)f, (void)json;
    if (parse_hex(cut->hash_text, bytes, 8)) return 1;
    for (int i = 0; i < 8; i++) cut->hash = cut->hash << 8 | bytes[i];
    return 0;
}

static int check_id(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InCut *cut = to;
    (void)f, (void)json;
    cut->id = arena_alloc(r->arena, 32);
    return parse_hex(cut->id_text, cut->id, 32);
}

static const JsonField cut_fields[] = {WHOLE("index", InCut, index, UINT32_MAX),
                                       {"id", JSON_TEXT, true, offsetof(InCut, id_text), 0, 0, 0,
                                        "64 hexadecimal digits", NULL, check_id},
                                       {"hash", JSON_TEXT, true, offsetof(InCut, hash_text), 0, 0,
                                        0, "16 hexadecimal digits", NULL, check_hash},
                                       JSON_OPEN};

static int read_cut(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InPackage *in = to;
    InCut cut = {0};
    (void)f;
    TRY(json_fields(r, json, cut_fields, &cut));
    arena_push(r->arena, in->cuts, in->cut_count) = cut;
    return 0;
}

static uint64_t align_up(uint64_t position)
{
    return (position + LPC_ALIGN - 1) / LPC_ALIGN * LPC_ALIGN;
}

/* The contract that the runtime's own code works with. */
static int make_contract(Arena *arena, Diag *diag, const Package *package, PackageEnd *end,
                         const InCut *cut)
{
    lpc_tensor_info *infos = arena_array(arena, (size_t)end->count + 1, sizeof *infos);
    uint64_t position = (uint64_t)package->symbol_count * 8;
    for (int i = 0; i < end->count; i++) {
        const PackageTensor *tensor = &end->tensors[i];
        infos[i] =
            (lpc_tensor_info){tensor->name, tensor->id, (uint32_t)dtype_to_onnx(tensor->type),
                              tensor->rank, tensor->max_bytes};
        position = align_up(position) + tensor->max_bytes;
        if (position > INT64_MAX)
            return diag_error(diag, "tensor '%s': more than 2^63 bytes with those before it",
                              tensor->name);
    }
    end->contract = (lpc_contract){.cut = (uint32_t)cut->index,
                                   .hash = cut->hash,
                                   .tensor_count = (uint32_t)end->count,
                                   .tensors = infos,
                                   .max_payload = position,
                                   .id = cut->id};
    return 0;
}

#define PREDICTED(name, field)                                                                     \
    {name, JSON_NUMBER, false, offsetof(InStage, s.field), 0, 0, 1e300, NULL, NULL, NULL}
#define COUNT(name, field)                                                                         \
    {name, JSON_INT, false, offsetof(InStage, s.field), 0, 0, 1e9, NULL, NULL, NULL}

static int check_stage_id(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InStage *in = to;
    (void)r, (void)f, (void)json;
    return parse_hex(in->build_id, in->s.build_id, 32);
}

static const JsonField stage_fields[] = {
    TEXT("name", JSON_TEXT, true, InStage, s.name),
    {"build_id", JSON_TEXT, false, offsetof(InStage, build_id), 0, 0, 0, "64 hexadecimal digits",
     NULL, check_stage_id},
    TEXT("target", JSON_TEXT, false, InStage, s.target),
    TEXT("triple", JSON_TEXT, false, InStage, s.triple),
    TEXT("program", JSON_MAYBE, false, InStage, program),
    {"emulator", JSON_WORDS, false, offsetof(InStage, emulator), offsetof(InStage, word_count), 0,
     64, "a list of words, which may be empty", NULL, NULL},
    COUNT("layers", layers),
    PREDICTED("predicted_compute_s", predicted_compute_s),
    PREDICTED("predicted_send_s", predicted_send_s),
    COUNT("predicted_cores", predicted_cores),
    COUNT("threads", threads),
    PREDICTED("state_bytes", state_bytes),
    PREDICTED("memory_bytes", memory_bytes),
    JSON_OPEN};

static int read_stage(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Package *package = ((InPackage *)to)->package;
    InStage in = {.s = {.predicted_compute_s = -1, .predicted_send_s = -1}};
    (void)f;
    TRY(json_fields(r, json, stage_fields, &in));
    if (in.program) in.s.program = arena_printf(r->arena, "%s/%s", package->folder, in.program);
    if (in.s.triple && machine_is_here(in.s.triple)) in.word_count = 0;
    in.s.emulator = arena_array(r->arena, (size_t)in.word_count + 1, sizeof *in.s.emulator);
    for (int i = 0; i < in.word_count; i++) in.s.emulator[i] = in.emulator[i];
    arena_push(r->arena, package->stages, package->stage_count) = in.s;
    return 0;
}

static int check_build_id(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InPackage *in = to;
    (void)r, (void)f, (void)json;
    return parse_hex(in->build_id, in->package->build_id, 32);
}

#define TENSORS(name, end)                                                                         \
    {name, JSON_LIST, true, offsetof(Package, end), 0, 0, 0, "a list of tensors", NULL, read_tensor}

/* Symbols come first: tensors' sizes name them. */
static const JsonField package_fields[] = {
    {"format", JSON_INT, true, offsetof(InPackage, format), 0, 1, 1, "1", NULL, NULL},
    {"build_id", JSON_TEXT, true, offsetof(InPackage, build_id), 0, 0, 0, "64 hexadecimal digits",
     NULL, check_build_id},
    TEXT("model", JSON_TEXT, false, InPackage, model),
    JSON_EACH("symbols", JSON_LIST, false, 0, "a list of symbols", read_symbol),
    JSON_EACH("stages", JSON_LIST, true, 1, "a list of stages", read_stage),
    JSON_EACH("cuts", JSON_LIST, true, 1, "a list of cuts", read_cut),
    TENSORS("inputs", inputs),
    TENSORS("outputs", outputs),
    JSON_OPEN};

static int load_manifest(Package *package, Arena *arena, Diag *diag, const char *path)
{
    InPackage in = {.package = package};
    TRY(json_load(diag, arena, path, package_fields, &in));
    if (in.cut_count != package->stage_count + 1)
        return diag_error(diag, "field 'cuts': expected %d of them for %d stages, got %d",
                          package->stage_count + 1, package->stage_count, in.cut_count);
    package->model = in.model;
    size_t count = (size_t)package->symbol_count + 1;
    package->symbol_names = arena_array(arena, count, sizeof *package->symbol_names);
    package->symbol_max = arena_array(arena, count, sizeof *package->symbol_max);
    package->symbol_sources = arena_array(arena, count, sizeof *package->symbol_sources);
    for (int i = 0; i < package->symbol_count; i++) {
        package->symbol_names[i] = in.symbols[i].name;
        package->symbol_max[i] = in.symbols[i].max;
        package->symbol_sources[i] = (SymSource)in.symbols[i].source;
    }
    package->cuts = arena_array(arena, (size_t)in.cut_count, sizeof *package->cuts);
    for (int i = 0; i < in.cut_count; i++)
        package->cuts[i] =
            (lpc_contract){.cut = (uint32_t)i, .hash = in.cuts[i].hash, .id = in.cuts[i].id};
    TRY(make_contract(arena, diag, package, &package->inputs, in.cuts));
    return make_contract(arena, diag, package, &package->outputs, in.cuts + package->stage_count);
}

int package_load(Package **result, Arena *arena, Diag *diag, const char *folder)
{
    Package *package = arena_alloc(arena, sizeof *package);
    const char *before = diag->file, *path = arena_printf(arena, "%s/manifest.json", folder);
    package->folder = arena_strdup(arena, folder);
    package->sizes = sizes_new(arena);
    int code = access(path, R_OK)
                   ? diag_error(diag, "manifest.json: %s (is this a folder that lpc made?)",
                                strerror(errno))
                   : load_manifest(package, arena, diag, path);
    diag->file = before;
    *result = code ? NULL : package;
    return code;
}

LpcHello package_hello(const Package *package, int stage)
{
    return lpc_hello_at(&package->cuts[stage], 0);
}

int package_find(const PackageEnd *end, const char *name)
{
    for (int i = 0; i < end->count; i++)
        if (strcmp(end->tensors[i].name, name) == 0) return i;
    return -1;
}

int package_keeps_state(const Package *package)
{
    for (int i = 0; i < package->stage_count; i++)
        if (package->stages[i].state_bytes > 0) return 1;
    return 0;
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

int package_take(const Package *package, Arena *arena, Diag *diag, int index, HostTensor *input)
{
    const PackageTensor *declared = &package->inputs.tensors[index];
    size_t length;
    if (!dtype_is_string(declared->type) || !dtype_is_string(input->type)) return LPC_OK;
    if (!host_strings_as(input, declared->type, arena, &length)) return LPC_OK;
    return diag_error(
        diag, "input '%s': a string of %zu bytes; the model takes %" PRId64 " (--max-string)",
        declared->name, length, dtype_string_max(declared->type));
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
