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

#include "ir/json.h"
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

static int read_count(Diag *diag, const cJSON *j, const char *kernel, int most, int *count)
{
    if (!cJSON_IsNumber(j) || j->valuedouble != j->valueint || j->valueint < 1 ||
        j->valueint > most)
        return diag_error(diag, "kernel '%s': %s: expected a whole number from 1 to %d", kernel,
                          j->string, most);
    *count = j->valueint;
    return 0;
}

static int read_columns(Diag *diag, const cJSON *j, const char *kernel, ColumnOrder *columns)
{
    for (ColumnOrder c = COLUMNS_INNER; c <= COLUMNS_OUTER && cJSON_IsString(j); c++) {
        *columns = c;
        if (!strcmp(j->valuestring, columns_name(c))) return 0;
    }
    return diag_error(diag, "kernel '%s': columns: expected inner or outer", kernel);
}

static int read_method(Diag *diag, const cJSON *j, const char *kernel, ConvMethod *method)
{
    for (ConvMethod m = METHOD_DIRECT; m <= METHOD_WINOGRAD4 && cJSON_IsString(j); m++) {
        *method = m;
        if (!strcmp(j->valuestring, method_name(m))) return 0;
    }
    return diag_error(diag, "kernel '%s': method: expected direct, winograd2 or winograd4", kernel);
}

static int read_tiling(Diag *diag, const cJSON *object, Tiling *tiling)
{
    const char *kernel = object->string;
    *tiling = (Tiling){0};
    if (!cJSON_IsObject(object)) return diag_error(diag, "kernel '%s': expected an object", kernel);
    for (const cJSON *j = object->child; j; j = j->next) {
        int code;
        if (!strcmp(j->string, "rows"))
            code = read_count(diag, j, kernel, TILE_ROWS, &tiling->rows);
        else if (!strcmp(j->string, "vecs"))
            code = read_count(diag, j, kernel, TILE_VECS, &tiling->vecs);
        else if (!strcmp(j->string, "band"))
            code = read_count(diag, j, kernel, TILING_MOST_BAND, &tiling->band);
        else if (!strcmp(j->string, "columns"))
            code = read_columns(diag, j, kernel, &tiling->columns);
        else if (!strcmp(j->string, "method"))
            code = read_method(diag, j, kernel, &tiling->method);
        else
            code = diag_error(diag, "kernel '%s': unknown field '%s'", kernel, j->string);
        if (code) return code;
    }
    if (!tiling->rows == !tiling->vecs) return 0;
    return diag_error(diag, "kernel '%s': rows and vecs go together", kernel);
}

static TuneTable *add_table(TuneFile *file, const char *target, int threads)
{
    TuneTable *table = arena_alloc(file->arena, sizeof *table);
    *table = (TuneTable){arena_strdup(file->arena, target), threads, {.arena = file->arena}};
    arena_push(file->arena, file->tables, file->count) = table;
    return table;
}

static int read_table(TuneFile *file, Diag *diag, const cJSON *object)
{
    const cJSON *target = cJSON_GetObjectItemCaseSensitive(object, "target");
    const cJSON *threads = cJSON_GetObjectItemCaseSensitive(object, "threads");
    const cJSON *kernels = cJSON_GetObjectItemCaseSensitive(object, "kernels");
    int count = 0;
    if (!cJSON_IsString(target) || !cJSON_IsNumber(threads) || !cJSON_IsObject(kernels))
        return diag_error(diag, "a table: expected 'target', 'threads' and 'kernels'");
    TRY(read_count(diag, threads, target->valuestring, 256, &count));
    TuneTable *table = add_table(file, target->valuestring, count);
    for (const cJSON *j = kernels->child; j; j = j->next) {
        Tiling tiling;
        TRY(read_tiling(diag, j, &tiling));
        tuning_set(&table->tuning, arena_strdup(file->arena, j->string), tiling);
    }
    return 0;
}

static int read_root(TuneFile *file, Diag *diag, const cJSON *root)
{
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "format");
    const cJSON *lowering = cJSON_GetObjectItemCaseSensitive(root, "lowering");
    const cJSON *tables = cJSON_GetObjectItemCaseSensitive(root, "tables");
    if (!cJSON_IsString(format) || strcmp(format->valuestring, FORMAT) != 0)
        return diag_error(diag, "not a file of tilings: expected \"format\": \"%s\"", FORMAT);
    if (!cJSON_IsNumber(lowering)) return diag_error(diag, "lowering: expected a number");
    if (!cJSON_IsArray(tables)) return diag_error(diag, "tables: expected an array");
    bool stale = lowering->valueint != TUNING_LOWERING;
    for (const cJSON *j = tables->child; j; j = j->next) {
        const cJSON *kernels = cJSON_GetObjectItemCaseSensitive(j, "kernels");
        if (stale)
            file->stale += cJSON_GetArraySize(kernels);
        else
            TRY(read_table(file, diag, j));
    }
    if (file->stale)
        diag_note(diag,
                  "lpc: %s: %d tilings were measured for another lowering (%d, this is %d): ignored",
                  file->path, file->stale, lowering->valueint, TUNING_LOWERING);
    return 0;
}

int tune_read(Arena *arena, Diag *diag, const char *path, bool may_lack, TuneFile **made)
{
    TuneFile *file = arena_alloc(arena, sizeof *file);
    const char *before = diag->file;
    cJSON *root = NULL;
    *file = (TuneFile){.arena = arena, .path = path};
    *made = file;
    if (may_lack && access(path, F_OK) && errno == ENOENT) return 0;
    TRY(json_read(diag, arena, path, &root));
    int code = read_root(file, diag, root);
    cJSON_Delete(root);
    if (!code) diag->file = before;
    return code;
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
        if (tiling_fits(lower->vector_registers, k->tiling.rows, k->tiling.vecs)) continue;
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
