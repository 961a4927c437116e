/* The set of a user's operators. */
#include "lib/custom/custom.h"

#include "backend/host/input.h"
#include "ir/target.h"
#include "lib/files/folder.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

Customs *customs_new(Arena *arena)
{
    Customs *set = arena_alloc(arena, sizeof *set);
    set->arena = arena;
    set->to = set->program = -1;
    return set;
}

/* ---- Operators and files ---- */

/* The file's own name, in which nothing can disturb a compiler or a build file. */
static const char *safe_name(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = arena_strdup(arena, slash ? slash + 1 : path);
    for (char *c = name; *c; c++) {
        bool fine = isalnum((unsigned char)*c) || *c == '_' || (c != name && strchr("-.", *c));
        if (!fine) *c = '_';
    }
    return name;
}

static int file_of(Customs *set, const char *path)
{
    for (int i = 0; i < set->file_count; i++) {
        if (!strcmp(set->files[i].path, path)) return i;
    }
    CustomFile file = {
        .path = path, .name = safe_name(set->arena, path), .number = set->file_count + 1};
    arena_push(set->arena, set->files, set->file_count) = file;
    return set->file_count - 1;
}

void customs_add(Customs *set, const char *name, const char *path)
{
    static const char standard[] = "ai.onnx::";
    if (!strncmp(name, standard, sizeof standard - 1)) name += sizeof standard - 1;
    CustomOp op = {.name = arena_strdup(set->arena, name), .index = set->count};
    op.symbol = custom_symbol(set->arena, name);
    op.is_domain = strlen(name) > 3 && !strcmp(name + strlen(name) - 3, "::*");
    op.file_index = file_of(set, arena_strdup(set->arena, path));
    op.host = &set->host;
    arena_push(set->arena, set->ops, set->count) = op;
}

/* ---- What is wrong with them ---- */

static bool is_name(const char *name)
{
    const char *op = strstr(name, "::");
    if (op == name || !*name || (op && !op[2])) return false;
    for (const char *c = name; *c; c++) {
        if (isspace((unsigned char)*c)) return false;
    }
    return true;
}

static int check_names(const Customs *set, Diag *diag)
{
    for (int i = 0; i < set->count; i++) {
        const CustomOp *a = &set->ops[i];
        if (!is_name(a->name))
            return diag_error(diag, "--custom '%s': expected DOMAIN::OP=FILE.c", a->name);
        for (int k = 0; k < i; k++) {
            const CustomOp *c = &set->ops[k];
            if (!strcmp(a->name, c->name))
                return diag_error(diag, "--custom %s is given twice", a->name);
            if (!strcmp(a->symbol, c->symbol))
                return diag_error(diag, "--custom %s and %s: the functions of both are called '%s'",
                                  c->name, a->name, a->symbol);
        }
    }
    return 0;
}

static const char *user_of(const Customs *set, const CustomFile *file)
{
    int i = 0;
    while (set->ops[i].file_index != file->number - 1) i++;
    return set->ops[i].name;
}

static int read_file(Customs *set, Diag *diag, CustomFile *file)
{
    const char *name = user_of(set, file);
    size_t length = strlen(file->path);
    if (length < 3 || strcmp(file->path + length - 2, ".c") != 0)
        return diag_error(diag, "--custom %s=%s: expected a C file, FILE.c", name, file->path);
    int failure = input_read(set->arena, file->path, &file->text, &file->length);
    if (!failure) return 0;
    return diag_error(diag, "--custom %s: cannot read '%s': %s", name, file->path,
                      strerror(failure));
}

static int read_files(Customs *set, Diag *diag, const char *runtime)
{
    for (int i = 0; i < set->file_count; i++) {
        TRY(read_file(set, diag, &set->files[i]));
        TRY(custom_find_beside(set, diag, runtime, &set->files[i]));
    }
    for (int i = 0; i < set->count; i++) {
        CustomOp *op = &set->ops[i];
        CustomFile *file = &set->files[op->file_index];
        op->file = file;
        if (op->is_domain) continue;
        arena_push(set->arena, file->symbols, file->symbol_count) = op->symbol;
    }
    return 0;
}

/* ---- Opening ---- */

static int build(Customs *set, Diag *diag, const char *runtime)
{
    FolderGuard guard;
    char *folder = work_template(set->arena, "custom");
    int failure = guard_start(&guard, folder);
    if (failure) return diag_error(diag, "cannot make a temporary folder: %s", strerror(failure));
    const char *program = arena_printf(set->arena, "%s/functions", folder);
    int code = custom_build(set, diag, runtime, folder, program);
    if (!code && (set->program = open(program, O_PATH | O_CLOEXEC)) < 0)
        code = diag_error(diag, "--custom: %s: %s", program, strerror(errno));
    remove_tree(folder); /* the file stays as long as it is open */
    guard_end(&guard);
    return code;
}

static int read_and_build(Customs *set, Diag *diag)
{
    const char *runtime = lpc_data_dir(set->arena, "runtime");
    TRY(check_names(set, diag));
    if (!runtime) return diag_error(diag, "the runtime's sources are not installed beside lpc");
    TRY(read_files(set, diag, runtime));
    return build(set, diag, runtime);
}

void customs_end(Customs *set)
{
    if (!set) return;
    customs_close(set);
    if (set->program >= 0) close(set->program);
    set->program = -1;
}

/* Forgets what the last opening found. Graphs of before keep their operators. */
static void begin_anew(Customs *set)
{
    const CustomOp *ops = set->ops;
    int count = set->count;
    set->ops = NULL;
    set->count = 0;
    for (int i = 0; i < count; i++) {
        CustomOp op = ops[i];
        op.index = set->count;
        if (!op.is_found) arena_push(set->arena, set->ops, set->count) = op;
    }
    for (int i = 0; i < set->file_count; i++) {
        CustomFile *file = &set->files[i];
        file->symbol_count = file->global_count = file->beside_count = 0;
        file->symbols = file->globals = NULL;
        file->beside = NULL;
    }
}

int customs_open(Customs *set, Diag *diag)
{
    const char *before = diag->file;
    if (!set || !set->count) return 0;
    bool is_built = set->program >= 0 && set->built == set->count;
    if (is_built && set->to >= 0) return 0;
    diag->file = NULL; /* what is wrong is not the model's */
    int code = 0;
    if (!is_built) {
        customs_end(set);
        begin_anew(set);
        code = read_and_build(set, diag);
        set->built = code ? 0 : set->count;
    }
    if (!code) code = custom_start(set, diag);
    diag->file = before;
    return code;
}

void customs_text(const Customs *set, Text *text)
{
    if (!set) return;
    for (int i = 0; i < set->count; i++)
        text_printf(text, "custom %s %d\n", set->ops[i].name, set->ops[i].file_index);
    for (int i = 0; i < set->file_count; i++) {
        const CustomFile *file = &set->files[i];
        text_addn(text, file->text, file->length);
        for (int k = 0; k < file->beside_count; k++) {
            text_printf(text, "\n%s\n", file->beside[k].name);
            text_addn(text, file->beside[k].text, file->beside[k].length);
        }
    }
}
