/* Reads target files and finds them. See target.h for what a target is; target_host.c detects this
 * machine. Every field is checked here, so that the rest of the compiler can rely on it: a bad or
 * missing one is one error that names the file, the field and what was expected. Unknown fields are
 * errors too, since most of them are misspelt known ones. */
#define _GNU_SOURCE
#include "ir/target.h"
#include "ir/units.h"
#include <cjson/cJSON.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 20 };

/* ---- Fields ---- */

/* One file being read. Every getter takes the object that holds the field, and the path that the
 * user would write for it ("cache.l1d"). */
typedef struct Reader {
    Diag *diag;
    Arena *arena;
} Reader;

static int bad(Reader *r, const char *field, const cJSON *got, const char *expected)
{
    if (!got) return diag_error(r->diag, "field '%s' is missing: expected %s", field, expected);
    char *text = cJSON_PrintUnformatted(got);
    int code = diag_error(r->diag, "field '%s': expected %s, got %.60s", field, expected,
                          text ? text : "something else");
    free(text);
    return code;
}

static const cJSON *item(const cJSON *object, const char *field)
{
    const char *dot = strrchr(field, '.');
    return cJSON_GetObjectItemCaseSensitive(object, dot ? dot + 1 : field);
}

static int get_string(Reader *r, const cJSON *object, const char *field, const char *expected,
                      const char **out)
{
    const cJSON *j = item(object, field);
    if (!cJSON_IsString(j) || !j->valuestring[0]) return bad(r, field, j, expected);
    for (const char *c = j->valuestring; *c; c++)
        if (iscntrl((unsigned char)*c)) return bad(r, field, j, expected);
    *out = arena_strdup(r->arena, j->valuestring);
    return 0;
}

static int get_bool(Reader *r, const cJSON *object, const char *field, bool *out)
{
    const cJSON *j = item(object, field);
    if (!cJSON_IsBool(j)) return bad(r, field, j, "true or false");
    *out = cJSON_IsTrue(j);
    return 0;
}

static int get_int(Reader *r, const cJSON *object, const char *field, int low, int high, int *out)
{
    const cJSON *j = item(object, field);
    if (!cJSON_IsNumber(j) || j->valuedouble < low || j->valuedouble > high ||
        j->valuedouble != floor(j->valuedouble))
        return bad(r, field, j, arena_printf(r->arena, "an integer from %d to %d", low, high));
    *out = (int)j->valuedouble;
    return 0;
}

static int get_positive(Reader *r, const cJSON *object, const char *field, const char *expected,
                        double high, double *out)
{
    const cJSON *j = item(object, field);
    if (!cJSON_IsNumber(j) || !(j->valuedouble > 0) || j->valuedouble > high)
        return bad(r, field, j, expected);
    *out = j->valuedouble;
    return 0;
}

static int get_bytes(Reader *r, const cJSON *object, const char *field, double low, double *out)
{
    const cJSON *j = item(object, field);
    double value = -1;
    if (cJSON_IsNumber(j)) value = j->valuedouble;
    if (cJSON_IsString(j)) value = parse_bytes(j->valuestring);
    if (!(value >= low) || value > 1e15) {
        const char *expected = "a size: bytes, or a text such as \"988MB\" or \"2GiB\"";
        if (value >= 0) expected = arena_printf(r->arena, "a size from %.0f bytes to 1 PB", low);
        return bad(r, field, j, expected);
    }
    *out = value;
    return 0;
}

static int get_size(Reader *r, const cJSON *object, const char *field, double low, int64_t *out)
{
    double value;
    TRY(get_bytes(r, object, field, low, &value));
    *out = (int64_t)value;
    return 0;
}

/* A list of strings, NULL-terminated. */
static int get_list(Reader *r, const cJSON *object, const char *field, int least,
                    const char *expected, const char *const **out, int *count)
{
    const cJSON *j = item(object, field);
    int n = cJSON_GetArraySize(j);
    if (!cJSON_IsArray(j) || n < least || n > 64) return bad(r, field, j, expected);
    const char **list = arena_array(r->arena, (size_t)n + 1, sizeof *list);
    int k = 0;
    const cJSON *element;
    cJSON_ArrayForEach(element, j)
    {
        if (!cJSON_IsString(element) || !element->valuestring[0]) return bad(r, field, j, expected);
        list[k++] = arena_strdup(r->arena, element->valuestring);
    }
    *out = list;
    *count = k;
    return 0;
}

static int get_object(Reader *r, const cJSON *object, const char *field, const char *expected,
                      const char *const *known, const cJSON **out)
{
    const cJSON *j = field[0] ? item(object, field) : object;
    if (!cJSON_IsObject(j)) return bad(r, field[0] ? field : "(the file)", j, expected);
    const cJSON *member;
    cJSON_ArrayForEach(member, j)
    {
        int k = 0;
        while (known[k] && strcmp(known[k], member->string) != 0) k++;
        if (!known[k])
            return diag_error(r->diag, "unknown field '%s%s%.60s': expected %s", field,
                              field[0] ? "." : "", member->string, expected);
    }
    *out = j;
    return 0;
}

/* ---- One file ---- */

static int read_isa(Reader *r, const cJSON *root, Target *t)
{
    static const char *const vector_fields[] = {"bits", "registers", NULL};
    static const char *const isa_fields[] = {"fma", "fp16", "dot", NULL};
    const cJSON *j;
    TRY(get_object(r, root, "vector", "an object with bits and registers", vector_fields, &j));
    TRY(get_int(r, j, "vector.bits", 0, 1024, &t->vector_bits));
    if (t->vector_bits != 0 && (t->vector_bits < 128 || (t->vector_bits & (t->vector_bits - 1))))
        return bad(r, "vector.bits", item(j, "vector.bits"), "0 (none), 128, 256, 512 or 1024");
    TRY(get_int(r, j, "vector.registers", t->vector_bits ? 8 : 0, 256, &t->vector_registers));

    TRY(get_object(r, root, "isa", "an object with fma, fp16 and dot", isa_fields, &j));
    TRY(get_bool(r, j, "isa.fma", &t->fma));
    TRY(get_bool(r, j, "isa.fp16", &t->fp16));
    const char *dots = "\"none\", \"vnni\", \"avxvnni\" (x86_64) or \"sdot\" (aarch64)";
    const char *dot;
    TRY(get_string(r, j, "isa.dot", dots, &dot));
    int kind = DOT_NONE;
    while (kind <= DOT_SDOT && strcmp(dot, dot_name((DotKind)kind)) != 0) kind++;
    bool x86 = strncmp(t->triple, "x86_64-", 7) == 0;
    bool arm = strncmp(t->triple, "aarch64-", 8) == 0;
    if (kind > DOT_SDOT || ((kind == DOT_VNNI || kind == DOT_AVXVNNI) && !x86) ||
        (kind == DOT_SDOT && !arm))
        return bad(r, "isa.dot", item(j, "isa.dot"), dots);
    t->dot = (DotKind)kind;
    return 0;
}

static int read_figures(Reader *r, const cJSON *root, Target *t)
{
    static const char *const cache_fields[] = {"l1d", "l2", "l3", NULL};
    const cJSON *j;
    TRY(get_int(r, root, "cores", 1, 1024, &t->cores));
    TRY(get_object(r, root, "cache", "an object with l1d, l2 and l3", cache_fields, &j));
    TRY(get_size(r, j, "cache.l1d", 0, &t->l1d));
    TRY(get_size(r, j, "cache.l2", 0, &t->l2));
    TRY(get_size(r, j, "cache.l3", 0, &t->l3));
    TRY(get_size(r, root, "memory", 65536, &t->memory));
    TRY(get_positive(r, root, "gflops", "a number above 0", 1e9, &t->gflops));
    TRY(get_bytes(r, root, "memory_bandwidth", 1, &t->memory_bandwidth));
    return get_positive(r, root, "call_overhead", "seconds, above 0 and at most 1", 1,
                        &t->call_overhead);
}

static int read_programs(Reader *r, const cJSON *root, Target *t)
{
    const char *words = "a list of words, such as [\"aarch64-linux-gnu-gcc\"]";
    const char *maybe = "a list of words, which may be empty";
    TRY(get_list(r, root, "cc", 1, words, &t->cc, &t->cc_count));
    t->linker = t->cc, t->linker_count = t->cc_count;
    if (item(root, "linker"))
        TRY(get_list(r, root, "linker", 1, words, &t->linker, &t->linker_count));
    TRY(get_list(r, root, "ar", 1, words, &t->ar, &t->ar_count));
    TRY(get_list(r, root, "link_flags", 0, maybe, &t->link_flags, &t->link_flag_count));
    return get_list(r, root, "emulator", 0, maybe, &t->emulator, &t->emulator_count);
}

/* "x86_64-linux-gnu": lower-case letters, digits, '_' and at least one '-'. It names a folder. */
static bool triple_ok(const char *triple)
{
    if (!strchr(triple, '-') || triple[0] == '-') return false;
    return strspn(triple, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(triple);
}

static int read_code(Reader *r, const cJSON *root, Target *t)
{
    const char *triple = "a triple such as \"aarch64-linux-gnu\"";
    TRY(get_string(r, root, "description", "a text", &t->description));
    TRY(get_string(r, root, "triple", triple, &t->triple));
    if (!triple_ok(t->triple)) return bad(r, "triple", item(root, "triple"), triple);
    TRY(get_string(r, root, "cpu", "LLVM's name of a CPU, such as \"cortex-a72\"", &t->cpu));
    const char *const *features;
    int count;
    const char *expected = "a list of LLVM features, each with its sign, such as [\"+fullfp16\"]";
    TRY(get_list(r, root, "features", 0, expected, &features, &count));
    Text text;
    text_init(&text, r->arena);
    text_add(&text, "");
    for (int i = 0; i < count; i++) {
        if ((features[i][0] != '+' && features[i][0] != '-') || strchr(features[i], ','))
            return bad(r, "features", item(root, "features"), expected);
        text_printf(&text, "%s%s", i ? "," : "", features[i]);
    }
    t->features = text.data ? text.data : "";
    return get_list(r, root, "cflags", 0, "a list of compiler flags", &t->cflags, &t->cflag_count);
}

static int read_target(Reader *r, const cJSON *root, Target *t)
{
    static const char *const fields[] = {
        "description", "aliases", "triple",     "cpu",        "features",
        "cflags",      "vector",  "isa",        "cores",      "cache",
        "memory",      "gflops",  "memory_bandwidth", "call_overhead", "cc",
        "linker",      "ar",      "link_flags", "emulator",   NULL};
    const cJSON *object;
    TRY(get_object(r, root, "", "one of those that docs/targets.md lists", fields, &object));
    TRY(read_code(r, root, t));
    TRY(read_isa(r, root, t));
    TRY(read_figures(r, root, t));
    TRY(read_programs(r, root, t));
    return 0;
}

/* The file's text as JSON, to be deleted by the caller. */
static int read_json(Diag *diag, Arena *arena, const char *path, cJSON **out)
{
    FILE *file = fopen(path, "rb");
    if (!file) return diag_error(diag, "cannot read it: %s", strerror(errno));
    char *text = arena_alloc(arena, MAX_FILE + 1);
    size_t length = fread(text, 1, MAX_FILE, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) return diag_error(diag, "cannot read it: %s", strerror(errno));
    if (length == MAX_FILE) return diag_error(diag, "a target file of 1 MiB or more");
    const char *end = NULL;
    *out = cJSON_ParseWithLengthOpts(text, length + 1, &end, 1);
    if (*out) return 0;
    int line = 1;
    for (const char *c = text; end && c < end && *c; c++) line += *c == '\n';
    return diag_error(diag, "line %d: not valid JSON", line);
}

/* Where the target's code can run here: same architecture, and its instructions are there. */
static bool runs_here(const Target *t, const Target *host)
{
    size_t arch = strcspn(t->triple, "-");
    if (strncmp(t->triple, host->triple, arch + 1) != 0) return false;
    if (t->vector_bits > host->vector_bits || (t->fp16 && !host->fp16)) return false;
    if (t->fma && !host->fma) return false;
    if (t->dot == DOT_NONE || t->dot == host->dot) return true;
    return false;
}

/* A target of this machine's architecture whose file names a compiler by its full triple can also
 * be built by plain `cc`, where only that exists. */
static void replace_program(const Target *t, const Target *host, const char *const **argv,
                            int *count, const char *const *by, int by_count)
{
    size_t arch = strcspn(t->triple, "-");
    if (strncmp(t->triple, host->triple, arch + 1) != 0 || target_has_program(*argv)) return;
    *argv = by;
    *count = by_count;
}

static int load_file(Diag *diag, Arena *arena, const char *path, const char *name, Target **out,
                     const char **aliases)
{
    const char *outer = diag->file;
    diag->file = path;
    cJSON *root = NULL;
    Target *t = arena_alloc(arena, sizeof *t);
    t->name = arena_strdup(arena, name);
    t->file = path;
    *aliases = "";
    int code = read_json(diag, arena, path, &root);
    Reader r = {diag, arena};
    if (!code) code = read_target(&r, root, t);
    if (!code && item(root, "aliases")) {
        const char *const *list;
        int count;
        code = get_list(&r, root, "aliases", 0, "a list of names", &list, &count);
        Text text;
        text_init(&text, arena);
        text_add(&text, "");
        for (int i = 0; !code && i < count; i++)
            text_printf(&text, "%s%s", i ? " " : "", list[i]);
        if (!code && count) *aliases = text.data;
    }
    cJSON_Delete(root);
    diag->file = outer;
    if (code) return code;
    Target *host = target_host(arena);
    replace_program(t, host, &t->cc, &t->cc_count, host->cc, host->cc_count);
    replace_program(t, host, &t->linker, &t->linker_count, host->linker, host->linker_count);
    replace_program(t, host, &t->ar, &t->ar_count, host->ar, host->ar_count);
    t->native = runs_here(t, host);
    *out = t;
    return 0;
}

/* ---- Directories ---- */

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool name_ok(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > 64 || name[0] == '.' || name[0] == '-') return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
           length;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of dir's targets, sorted; -1 when it cannot be read. */
static int names_in(Arena *arena, const char *dir, char ***names)
{
    DIR *stream = opendir(dir);
    if (!stream) return -1;
    char **list = NULL;
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(stream))) {
        size_t length = strlen(entry->d_name);
        if (length <= 5 || strcmp(entry->d_name + length - 5, ".json") != 0) continue;
        char *name = arena_strndup(arena, entry->d_name, length - 5);
        if (!name_ok(name)) continue;
        arena_push(arena, list, count) = name;
    }
    closedir(stream);
    if (count) qsort(list, (size_t)count, sizeof *list, by_text);
    *names = list;
    return count;
}

static int all_dirs(Diag *diag, Arena *arena, const char *const *dirs, int dir_count,
                    const char ***out, int *count)
{
    const char **list = arena_array(arena, (size_t)dir_count + 1, sizeof *list);
    int n = 0;
    for (int i = 0; i < dir_count; i++) {
        if (!is_dir(dirs[i])) {
            const char *outer = diag->file;
            diag->file = NULL;
            diag_error(diag, "--target-dir %s: %s", dirs[i],
                       access(dirs[i], F_OK) == 0 ? "not a directory" : strerror(errno));
            diag->file = outer;
            return LPC_ERROR;
        }
        list[n++] = dirs[i];
    }
    const char *own = lpc_data_dir(arena, "targets");
    if (own) list[n++] = own;
    *out = list;
    *count = n;
    return 0;
}

/* True when `name` is one of the words of `words`. */
static bool has_word(const char *words, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = words; (at = strstr(at, name)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

static void list_known(Arena *arena, Text *text, const char *const *dirs, int dir_count)
{
    text_add(text, "host");
    for (int d = 0; d < dir_count; d++) {
        char **names = NULL;
        int count = names_in(arena, dirs[d], &names);
        for (int i = 0; i < count; i++) text_printf(text, ", %s", names[i]);
    }
}

int target_load(Diag *diag, Arena *arena, const char *name, const char *const *dirs, int dir_count,
                Target **out)
{
    const char **all, *aliases;
    int all_count;
    TRY(all_dirs(diag, arena, dirs, dir_count, &all, &all_count));
    bool valid = name_ok(name);
    for (int d = 0; valid && d < all_count; d++) {
        const char *path = arena_printf(arena, "%s/%s.json", all[d], name);
        if (access(path, F_OK) == 0) return load_file(diag, arena, path, name, out, &aliases);
        if (d + 1 >= dir_count && strcmp(name, "host") == 0) break;
    }
    if (strcmp(name, "host") == 0) {
        *out = target_host(arena);
        return 0;
    }
    Diag scan; /* broken files matter only when the name is not found elsewhere */
    diag_init(&scan, arena, NULL);
    for (int d = 0; valid && d < all_count; d++) {
        char **names = NULL;
        int count = names_in(arena, all[d], &names);
        for (int i = 0; i < count; i++) {
            const char *path = arena_printf(arena, "%s/%s.json", all[d], names[i]);
            Target *t;
            if (load_file(&scan, arena, path, names[i], &t, &aliases) == 0 &&
                has_word(aliases, name)) {
                t->name = arena_strdup(arena, name); /* folders are called what the user said */
                *out = t;
                return 0;
            }
        }
    }
    const char *outer = diag->file;
    diag->file = NULL;
    for (int i = 0; i < scan.count; i++) diag_error(diag, "%s", scan.messages[i]);
    Text known;
    text_init(&known, arena);
    list_known(arena, &known, all, all_count);
    diag_error(diag, "unknown target '%.64s' (known: %s)", name, known.data);
    diag->file = outer;
    return LPC_ERROR;
}

int target_list(Diag *diag, Arena *arena, const char *const *dirs, int dir_count, Target ***targets,
                const char ***aliases, int *count)
{
    const char **all;
    int all_count;
    TRY(all_dirs(diag, arena, dirs, dir_count, &all, &all_count));
    /* Sort by name with an index of the directory, so that the first directory's comes first. */
    Target **list = NULL;
    const char **others = NULL;
    int n = 0, other_count = 0, code = 0;
    arena_push(arena, list, n) = target_host(arena);
    arena_push(arena, others, other_count) = "";
    for (int d = 0; d < all_count; d++) {
        char **names = NULL;
        int name_count = names_in(arena, all[d], &names);
        for (int i = 0; i < name_count; i++) {
            bool hidden = false, is_host = strcmp(names[i], "host") == 0;
            for (int k = is_host ? 0 : 1; k < n; k++)
                hidden |= strcmp(list[k]->name, names[i]) == 0 && list[k]->file;
            if (hidden) continue;
            const char *path = arena_printf(arena, "%s/%s.json", all[d], names[i]);
            Target *t;
            const char *words;
            if (load_file(diag, arena, path, names[i], &t, &words)) {
                code = LPC_ERROR;
                continue;
            }
            if (is_host) {
                list[0] = t;
                continue;
            }
            arena_push(arena, list, n) = t;
            arena_push(arena, others, other_count) = words;
            for (int k = n - 1; k > 1 && strcmp(list[k - 1]->name, list[k]->name) > 0; k--) {
                Target *swap = list[k];
                list[k] = list[k - 1], list[k - 1] = swap;
                const char *text = others[k];
                others[k] = others[k - 1], others[k - 1] = text;
            }
        }
    }
    *targets = list;
    *aliases = others;
    *count = n;
    return code;
}
