/* The file of measured tilings.
 *
 *     {"format": "lpc tuning", "lowering": 2, "tables": [
 *       {"target": "x86_64-linux-gnu x86-64-v3 ...", "threads": 1, "kernels": {
 *         "Conv f32[1,16,32,32] ...": {"rows":8,"vecs":2},
 *         "MatMul f32[1,64] ...": {}
 *       }}
 *     ]}
 *
 * {} says that the rules were as good. Tables of other targets stay as they are; what another
 * version of lowering measured is left out. */
#include "lib/compile/tunings.h"

#include "ir/schema.h"
#include "passes/lower/products/matrix.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char FORMAT[] = "lpc tuning";

/* ---- Reading ---- */

#define WORD(value, word) JSON_WORD(word, value),
static const JsonField columns_words[] = {COLUMN_ORDERS(WORD) JSON_END};
static const JsonField method_words[] = {CONV_METHODS(WORD) JSON_END};

#define NUMBER(name, field, most)                                                                  \
    {name, JSON_INT, false, offsetof(Tiling, field), 0, 1, most, NULL, NULL, NULL}
#define CHOICE(name, field, words)                                                                 \
    {name, JSON_CHOICE, false, offsetof(Tiling, field), 0, 0, 0, NULL, words, NULL}

static const JsonField tiling_fields[] = {
    NUMBER("rows", rows, TILE_ROWS),        NUMBER("vecs", vecs, TILE_VECS),
    NUMBER("band", band, TILING_MOST_BAND), CHOICE("columns", columns, columns_words),
    CHOICE("method", method, method_words), JSON_END};

static TuneTable *add_table(TuneFile *file, const char *target, int threads)
{
    TuneTable *table = arena_alloc(file->arena, sizeof *table);
    *table = (TuneTable){arena_strdup(file->arena, target), threads, {.arena = file->arena}};
    arena_push(file->arena, file->tables, file->count) = table;
    return table;
}

static int read_tiling(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Tuning *tuning = &((TuneTable *)to)->tuning;
    Tiling tiling = {0};
    (void)f;
    r->where = arena_printf(r->arena, "kernel '%s'", r->key);
    TRY(json_fields(r, json, tiling_fields, &tiling));
    if (!tiling.rows != !tiling.vecs)
        return diag_error(r->diag, "%s: rows and vecs go together", r->where);
    tuning_set(tuning, arena_strdup(tuning->arena, r->key), tiling);
    return 0;
}

static const JsonField table_fields[] = {
    {"target", JSON_TEXT, true, offsetof(TuneTable, target), 0, 0, 0, NULL, NULL, NULL},
    {"threads", JSON_INT, true, offsetof(TuneTable, threads), 0, 1, 256, NULL, NULL, NULL},
    JSON_EACH("kernels", JSON_MAP, true, 0, "an object of tilings", read_tiling),
    JSON_END};

/* The file, while it is read. */
typedef struct InFile {
    TuneFile *file;
    const char *format;
    int lowering;
} InFile;

static int count_stale(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    (void)r, (void)f, (void)json;
    ((TuneFile *)to)->stale++;
    return 0;
}

/* Of another version of lowering. */
static const JsonField stale_fields[] = {
    JSON_EACH("kernels", JSON_MAP, false, 0, "an object of tilings", count_stale), JSON_OPEN};

static int read_table(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InFile *in = to;
    TuneTable t = {.tuning = {.arena = in->file->arena}};
    (void)f;
    if (in->lowering != TUNING_LOWERING) return json_fields(r, json, stale_fields, in->file);
    TRY(json_fields(r, json, table_fields, &t));
    add_table(in->file, t.target, t.threads)->tuning = t.tuning;
    return 0;
}

static int check_format(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    (void)r, (void)f, (void)json;
    return strcmp(((InFile *)to)->format, FORMAT);
}

/* The version of lowering comes before the tables that it decides about. */
static const JsonField file_fields[] = {
    {"format", JSON_TEXT, true, offsetof(InFile, format), 0, 0, 0, "\"lpc tuning\"", NULL,
     check_format},
    {"lowering", JSON_INT, true, offsetof(InFile, lowering), 0, 0, 1e9, NULL, NULL, NULL},
    JSON_EACH("tables", JSON_LIST, true, 0, "an array of tables", read_table),
    JSON_END};

int tune_read(Arena *arena, Diag *diag, const char *path, bool may_lack, TuneFile **made)
{
    TuneFile *file = arena_alloc(arena, sizeof *file);
    const char *before = diag->file;
    InFile in = {.file = file};
    *file = (TuneFile){.arena = arena, .path = path};
    *made = file;
    if (may_lack && access(path, F_OK) && errno == ENOENT) return 0;
    TRY(json_load(diag, arena, path, file_fields, &in));
    if (file->stale)
        diag_note(
            diag,
            "lpc: %s: %d tilings were measured for another lowering (%d, this is %d): ignored",
            file->path, file->stale, in.lowering, TUNING_LOWERING);
    diag->file = before;
    return 0;
}

int tune_table(TuneFile *file, Diag *diag, const LowerTarget *lower, const Target *target,
               int threads, Tuning **tuning)
{
    const char *text =
        tuning_target(file->arena, lower, target->triple, target->cpu, target->features);
    TuneTable *table = NULL;
    for (int i = 0; i < file->count && !table; i++) {
        if (file->tables[i]->threads == threads && !strcmp(file->tables[i]->target, text))
            table = file->tables[i];
    }
    if (!table) table = add_table(file, text, threads);
    *tuning = &table->tuning;
    for (int i = 0; i < table->tuning.kernel_count; i++) {
        const TunedKernel *k = &table->tuning.kernels[i];
        if (tiling_fits(lower_registers(lower), k->tiling.rows, k->tiling.vecs)) continue;
        diag->file = file->path;
        return diag_error(diag,
                          "kernel '%s': target '%s' has no registers for %d rows of %d vectors",
                          k->key, target->name, k->tiling.rows, k->tiling.vecs);
    }
    return 0;
}

/* ---- Writing ---- */

static int by_target(const void *a, const void *c)
{
    const TuneTable *x = *(TuneTable *const *)a, *y = *(TuneTable *const *)c;
    int order = strcmp(x->target, y->target);
    return order ? order : x->threads - y->threads;
}

static void add_string(Text *text, const char *string)
{
    cJSON *item = cJSON_CreateString(string);
    char *quoted = cJSON_PrintUnformatted(item);
    text_add(text, quoted);
    cJSON_free(quoted);
    cJSON_Delete(item);
}

static void add_tiling(Text *text, const Tiling *t)
{
    const char *comma = "";
    text_add(text, "{");
    if (t->rows) {
        text_printf(text, "\"rows\":%d,\"vecs\":%d", t->rows, t->vecs);
        comma = ",";
    }
    if (t->band) {
        text_printf(text, "%s\"band\":%d", comma, t->band);
        comma = ",";
    }
    if (t->columns) {
        text_printf(text, "%s\"columns\":\"%s\"", comma, columns_name(t->columns));
        comma = ",";
    }
    if (t->method) text_printf(text, "%s\"method\":\"%s\"", comma, method_name(t->method));
    text_add(text, "}");
}

static void add_kernels(Text *text, const Tuning *tuning)
{
    for (int i = 0; i < tuning->kernel_count; i++) {
        text_add(text, i ? ",\n    " : "\n    ");
        add_string(text, tuning->kernels[i].key);
        text_add(text, ": ");
        add_tiling(text, &tuning->kernels[i].tiling);
    }
}

const char *tune_tiling_text(Arena *arena, const Tiling *tiling)
{
    Text text;
    text_init(&text, arena);
    add_tiling(&text, tiling);
    return text.data;
}

const char *tune_text(const TuneFile *file)
{
    Text text;
    text_init(&text, file->arena);
    TuneTable **sorted = arena_array(file->arena, (size_t)file->count + 1, sizeof *sorted);
    for (int i = 0; i < file->count; i++) sorted[i] = file->tables[i];
    if (file->count) qsort(sorted, (size_t)file->count, sizeof *sorted, by_target);
    text_printf(&text, "{\"format\": \"%s\", \"lowering\": %d, \"tables\": [", FORMAT,
                TUNING_LOWERING);
    for (int i = 0, shown = 0; i < file->count; i++) {
        if (!sorted[i]->tuning.kernel_count) continue;
        text_add(&text, shown++ ? ",\n  {\"target\": " : "\n  {\"target\": ");
        add_string(&text, sorted[i]->target);
        text_printf(&text, ", \"threads\": %d, \"kernels\": {", sorted[i]->threads);
        add_kernels(&text, &sorted[i]->tuning);
        text_add(&text, "\n  }}");
    }
    text_add(&text, "\n]}\n");
    return text.data;
}

int tune_write(Diag *diag, const TuneFile *file)
{
    const char *text = tune_text(file);
    char *path = arena_printf(file->arena, "%s.XXXXXX", file->path);
    struct stat info;
    mode_t mask = umask(0);
    umask(mask);
    diag->file = NULL;
    int to = mkstemp(path);
    if (to < 0) return diag_error(diag, "cannot write '%s': %s", file->path, strerror(errno));
    size_t length = strlen(text), done = 0;
    for (ssize_t n = 1; done < length && n > 0; done += n > 0 ? (size_t)n : 0)
        n = write(to, text + done, length - done);
    bool ok = done == length;
    fchmod(to, stat(file->path, &info) ? 0666 & ~mask : info.st_mode & 0777);
    if (close(to)) ok = false;
    if (ok && !rename(path, file->path)) return 0;
    int saved = errno;
    unlink(path);
    return diag_error(diag, "cannot write '%s': %s", file->path, strerror(saved));
}
