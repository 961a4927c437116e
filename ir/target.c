/* Reads target files and finds them. See target.h for what a target is; target_host.c detects this
 * machine. Every field is checked here, so that the rest of the compiler can rely on it: a bad or
 * missing one is one error that names the file, the field and what was expected. Unknown fields are
 * errors too, since most of them are misspelt known ones. */
#define _GNU_SOURCE
#include "ir/target.h"

#include "ir/machine.h"
#include "ir/schema.h"

#include <dirent.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- One file ---- */

/* A target as its file has it. */
typedef struct TargetFile {
    Target t;
    const char *const *features, *const *aliases;
    int feature_count, alias_count;
    const char *dot;
} TargetFile;

static int check_bits(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    int bits = ((TargetFile *)to)->t.vector_bits;
    (void)r, (void)field, (void)json;
    return bits && (bits < 128 || (bits & (bits - 1)));
}

static int check_registers(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    const Target *t = &((TargetFile *)to)->t;
    (void)r, (void)field, (void)json;
    return t->vector_bits && t->vector_registers < 8;
}

/* By then the triple has been read. */
static int check_dot(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    TargetFile *f = to;
    int kind = DOT_NONE;
    (void)r, (void)field, (void)json;
    while (kind <= DOT_SDOT && strcmp(f->dot, dot_name((DotKind)kind)) != 0) kind++;
    bool x86 = strncmp(f->t.triple, "x86_64-", 7) == 0;
    bool arm = strncmp(f->t.triple, "aarch64-", 8) == 0;
    f->t.dot = (DotKind)kind;
    return kind > DOT_SDOT || ((kind == DOT_VNNI || kind == DOT_AVXVNNI) && !x86) ||
           (kind == DOT_SDOT && !arm);
}

/* "x86_64-linux-gnu": lower-case letters, digits, '_' and at least one '-'. It names a folder. */
static int check_triple(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    const char *triple = ((TargetFile *)to)->t.triple;
    (void)r, (void)field, (void)json;
    return !strchr(triple, '-') || triple[0] == '-' ||
           strspn(triple, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(triple);
}

static int check_features(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    TargetFile *f = to;
    Text text;
    (void)field, (void)json;
    text_init(&text, r->arena);
    text_add(&text, "");
    for (int i = 0; i < f->feature_count; i++) {
        const char *one = f->features[i];
        if ((one[0] != '+' && one[0] != '-') || strchr(one, ',')) return 1;
        text_printf(&text, "%s%s", i ? "," : "", one);
    }
    f->t.features = text.data ? text.data : "";
    return 0;
}

#define AT(field) offsetof(TargetFile, field)
#define WORDS(name, required, list, number, least, expected, check)                                \
    {name, JSON_WORDS, required, AT(list), AT(number), least, 64, expected, NULL, check}
#define VALUE(name, kind, field, least, most, expected, check)                                     \
    {name, kind, true, AT(field), 0, least, most, expected, NULL, check}
#define INSIDE(name, expected, fields) {name, JSON_OBJECT, true, 0, 0, 0, 0, expected, fields, NULL}

static const char a_word[] = "a list of words, such as [\"aarch64-linux-gnu-gcc\"]",
                  maybe_words[] = "a list of words, which may be empty";

static const JsonField vector_fields[] = {
    VALUE("bits", JSON_INT, t.vector_bits, 0, 1024, "0 (none), 128, 256, 512 or 1024", check_bits),
    VALUE("registers", JSON_INT, t.vector_registers, 0, 256,
          "a whole number from 8 (0 without vectors) to 256", check_registers),
    JSON_END};
static const JsonField isa_fields[] = {
    VALUE("fma", JSON_FLAG, t.fma, 0, 0, NULL, NULL),
    VALUE("fp16", JSON_FLAG, t.fp16, 0, 0, NULL, NULL),
    VALUE("dot", JSON_LINE, dot, 0, 0,
          "\"none\", \"vnni\", \"avxvnni\" (x86_64) or \"sdot\" (aarch64)", check_dot),
    JSON_END};
static const JsonField cache_fields[] = {VALUE("l1d", JSON_SIZE, t.l1d, 0, 1e15, NULL, NULL),
                                         VALUE("l2", JSON_SIZE, t.l2, 0, 1e15, NULL, NULL),
                                         VALUE("l3", JSON_SIZE, t.l3, 0, 1e15, NULL, NULL),
                                         JSON_END};

/* docs/targets.md describes them. */
static const JsonField target_fields[] = {
    VALUE("description", JSON_LINE, t.description, 0, 0, NULL, NULL),
    WORDS("aliases", false, aliases, alias_count, 0, "a list of names", NULL),
    VALUE("triple", JSON_LINE, t.triple, 0, 0, "a triple such as \"aarch64-linux-gnu\"",
          check_triple),
    VALUE("cpu", JSON_LINE, t.cpu, 0, 0, "LLVM's name of a CPU, such as \"cortex-a72\"", NULL),
    WORDS("features", true, features, feature_count, 0,
          "a list of LLVM features, each with its sign, such as [\"+fullfp16\"]", check_features),
    WORDS("cflags", true, t.cflags, t.cflag_count, 0, "a list of compiler flags", NULL),
    INSIDE("vector", "an object with bits and registers", vector_fields),
    INSIDE("isa", "an object with fma, fp16 and dot", isa_fields),
    VALUE("cores", JSON_INT, t.cores, 1, 1024, NULL, NULL),
    INSIDE("cache", "an object with l1d, l2 and l3", cache_fields),
    VALUE("memory", JSON_SIZE, t.memory, 65536, 1e15, NULL, NULL),
    VALUE("gflops", JSON_NUMBER, t.gflops, DBL_MIN, 1e9, "a number above 0", NULL),
    VALUE("memory_bandwidth", JSON_BYTES, t.memory_bandwidth, 1, 1e15, NULL, NULL),
    VALUE("call_overhead", JSON_NUMBER, t.call_overhead, DBL_MIN, 1,
          "seconds, above 0 and at most 1", NULL),
    WORDS("cc", true, t.cc, t.cc_count, 1, a_word, NULL),
    WORDS("linker", false, t.linker, t.linker_count, 1, a_word, NULL),
    WORDS("ar", true, t.ar, t.ar_count, 1, a_word, NULL),
    WORDS("link_flags", true, t.link_flags, t.link_flag_count, 0, maybe_words, NULL),
    WORDS("emulator", true, t.emulator, t.emulator_count, 0, maybe_words, NULL),
    JSON_END};

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

/* A stage may use all of it, so a program must be able to address it. */
static int check_memory(Diag *diag, const Target *t)
{
    int64_t most = machine_most_bytes(t->triple);
    if (t->memory <= most) return 0;
    return diag_error(diag,
                      "field 'memory': expected at most %lld bytes, which is what a program for "
                      "'%s' addresses, got %lld",
                      (long long)most, t->triple, (long long)t->memory);
}

static int load_file(Diag *diag, Arena *arena, const char *path, const char *name, Target **out,
                     const char **aliases)
{
    const char *outer = diag->file;
    TargetFile *file = arena_alloc(arena, sizeof *file);
    *file = (TargetFile){.t = {.name = arena_strdup(arena, name), .file = path}};
    int code = json_load(diag, arena, path, target_fields, file);
    if (!code) code = check_memory(diag, &file->t);
    diag->file = outer;
    if (code) return code;
    Target *t = &file->t;
    if (!t->linker) t->linker = t->cc, t->linker_count = t->cc_count;
    Text names;
    text_init(&names, arena);
    text_add(&names, "");
    for (int i = 0; i < file->alias_count; i++)
        text_printf(&names, "%s%s", i ? " " : "", file->aliases[i]);
    *aliases = file->alias_count ? names.data : "";
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
