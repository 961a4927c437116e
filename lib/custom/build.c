/* The program of all files: each compiled alone, so that its errors are its own, then linked with a table
 * of the operators and runtime/host. */
#include "lib/custom/custom.h"

#include "backend/host/output.h"
#include "backend/host/toolchain.h"
#include "ir/target.h"

#include <ctype.h>
#include <string.h>

static int write_table(const Customs *set, Diag *diag, const char *path)
{
    Text out;
    text_init(&out, set->arena);
    text_add(&out, "#include \"custom_host.h\"\n\n"
                   "/* Weak: those that the file lacks are NULL. */\n");
    for (int i = 0; i < set->count; i++) {
        const char *symbol = set->ops[i].symbol;
        if (set->ops[i].is_domain) continue;
        text_printf(&out,
                    "extern __attribute__((weak)) lpc_custom_fn %s_shape;\n"
                    "extern __attribute__((weak)) lpc_custom_fn %s;\n",
                    symbol, symbol);
    }
    text_add(&out, "\nconst custom_entry custom_entries[] = {\n");
    for (int i = 0; i < set->count; i++) {
        const char *symbol = set->ops[i].symbol;
        if (set->ops[i].is_domain)
            text_add(&out, "    {0, 0},\n");
        else
            text_printf(&out, "    {%s_shape, %s},\n", symbol, symbol);
    }
    text_printf(&out, "};\nconst int custom_entry_count = %d;\n", set->count);
    return output_write(diag, path, out.data, out.length);
}

/* What lpc asks a few times need not be fast, but be there soon: level 1, and none for the program around it. */
static ToolArgs compiler(const Customs *set, const Target *host, const char *runtime,
                         const char *level)
{
    ToolArgs args = {.arena = set->arena};
    tool_args(&args, host->cc, host->cc_count);
    tool_args(&args, CUSTOM_CFLAGS, CUSTOM_CFLAG_COUNT);
    tool_args(&args, host->cflags, host->cflag_count);
    tool_arg(&args, level);
    tool_arg(&args, "-DLPC_CUSTOM_HOST");
    tool_arg(&args, arena_printf(set->arena, "-I%s", runtime));
    return args;
}

static int compile_file(const Customs *set, Diag *diag, const Target *host, const char *runtime,
                        const CustomFile *file, const char *object)
{
    ToolArgs args = compiler(set, host, runtime, "-O1");
    args.what = arena_printf(set->arena, "--custom: compiling %s", file->path);
    tool_arg(&args, "-c");
    tool_arg(&args, file->path);
    tool_arg(&args, "-o");
    tool_arg(&args, object);
    return tool_run_quietly(&args, diag);
}

static bool is_identifier(const char *name)
{
    if (isdigit((unsigned char)*name)) return false;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_') return false;
    }
    return *name != 0;
}

/* What the object defines, as nm lists it, so that packages can give it other names; where there is no nm, its
 * operators' functions. */
static int find_globals(const Customs *set, Diag *diag, CustomFile *file, const char *object)
{
    static const char *const nm[] = {"nm", "-g", "-P", "--defined-only", NULL};
    ToolArgs args = {.arena = set->arena};
    Text list;
    text_init(&list, set->arena);
    for (int i = 0; i < file->symbol_count && !target_has_program(nm); i++) {
        const char *shape = arena_printf(set->arena, "%s_shape", file->symbols[i]);
        arena_push(set->arena, file->globals, file->global_count) = file->symbols[i];
        arena_push(set->arena, file->globals, file->global_count) = shape;
    }
    if (file->global_count) return 0;
    tool_args(&args, nm, 4);
    tool_arg(&args, object);
    TRY(tool_run_output(&args, diag, &list));
    for (const char *line = list.data; *line;) {
        const char *name = arena_strndup(set->arena, line, strcspn(line, " \n"));
        if (is_identifier(name)) arena_push(set->arena, file->globals, file->global_count) = name;
        line += strcspn(line, "\n");
        if (*line) line++;
    }
    return 0;
}

/* ---- Domains ---- */

static bool defines(const CustomFile *file, const char *name)
{
    for (int i = 0; i < file->global_count; i++) {
        if (!strcmp(file->globals[i], name)) return true;
    }
    return false;
}

static bool is_known(const Customs *set, const char *symbol)
{
    for (int i = 0; i < set->count; i++) {
        if (!strcmp(set->ops[i].symbol, symbol)) return true;
    }
    return false;
}

/* Of "acme::*": every acme_OP that the file defines, beside which there is an acme_OP_shape. */
static int find_operators(Customs *set, Diag *diag, const CustomOp *domain)
{
    CustomFile *file = &set->files[domain->file_index];
    const char *name = arena_strndup(set->arena, domain->name, strlen(domain->name) - 1);
    const char *prefix = custom_symbol(set->arena, name);
    size_t length = strlen(prefix);
    int found = 0;
    for (int i = 0; i < file->global_count; i++) {
        const char *symbol = file->globals[i];
        if (strncmp(symbol, prefix, length) != 0 || !symbol[length]) continue;
        if (!defines(file, arena_printf(set->arena, "%s_shape", symbol))) continue;
        found++;
        if (is_known(set, symbol)) continue;
        CustomOp op = {.name = arena_printf(set->arena, "%s%s", name, symbol + length),
                       .symbol = symbol,
                       .file = file,
                       .index = set->count,
                       .file_index = domain->file_index,
                       .is_found = true,
                       .host = domain->host};
        arena_push(set->arena, set->ops, set->count) = op;
        arena_push(set->arena, file->symbols, file->symbol_count) = symbol;
    }
    if (found) return 0;
    return diag_error(diag, "--custom %s: '%s' defines no functions %sOP and %sOP_shape",
                      domain->name, file->path, prefix, prefix);
}

static int find_all_operators(Customs *set, Diag *diag)
{
    int named = set->count;
    for (int i = 0; i < named; i++) {
        CustomOp domain = set->ops[i]; /* the list grows, and moves */
        if (domain.is_domain) TRY(find_operators(set, diag, &domain));
    }
    return 0;
}

int custom_build(Customs *set, Diag *diag, const char *runtime, const char *work,
                 const char *program)
{
    Arena *a = set->arena;
    const Target *host = target_host(a);
    const char *table = arena_printf(a, "%s/table.c", work);
    if (!target_has_program(host->cc))
        return diag_error(diag, "--custom: this machine's compiler '%s' is not installed",
                          host->cc[0]);
    ToolArgs link = compiler(set, host, runtime, "-O0");
    link.what = "--custom: linking the functions";
    for (int i = 0; i < set->file_count; i++) {
        const char *object = arena_printf(a, "%s/file_%d.o", work, i + 1);
        TRY(compile_file(set, diag, host, runtime, &set->files[i], object));
        TRY(find_globals(set, diag, &set->files[i], object));
        tool_arg(&link, object);
    }
    TRY(find_all_operators(set, diag));
    TRY(write_table(set, diag, table));
    tool_arg(&link, "-D_GNU_SOURCE");
    tool_arg(&link, arena_printf(a, "-I%s/host", runtime));
    tool_arg(&link, table);
    tool_arg(&link, arena_printf(a, "%s/host/custom_host.c", runtime));
    tool_arg(&link, "-lm");
    tool_arg(&link, "-o");
    tool_arg(&link, program);
    return tool_run_quietly(&link, diag);
}
