/* model.h: the C interface of the emitted function, and NAME.h, which includes it. */
#include "backend/package/parts.h"

#include "backend/host/output.h"
#include "ir/names.h"

#include <ctype.h>
#include <string.h>

/* ---- Names of macros ---- */

static const char *upper(PackJob *job, const char *text)
{
    char *copy = arena_strdup(job->arena, text);
    for (char *c = copy; *c; c++) *c = (char)toupper((unsigned char)*c);
    return copy;
}

/* A tensor's or a size's name as the end of a macro's: "t/1" -> "T_1". */
static const char *macro_end(PackJob *job, const char *name)
{
    char *copy = arena_strdup(job->arena, upper(job, name));
    for (char *c = copy; *c; c++) {
        if (!isalnum((unsigned char)*c)) *c = '_';
    }
    return copy;
}

/* Is it what the macros with positions end in, "0_BYTES"? */
static bool is_position(const char *end)
{
    size_t digits = strspn(end, "0123456789");
    return digits && !strcmp(end + digits, "_BYTES");
}

/* The ends of count macros of one kind. Names that would become one ("t/1", "t.1"; "X", "x") all get
 * their position: T_1_0, T_1_1. */
static const char **macro_ends(PackJob *job, const char *const *names, int count)
{
    const char **ends = arena_array(job->arena, (size_t)count + 1, sizeof *ends);
    NameTable *taken = names_new(job->arena);
    static char once, again;
    for (int i = 0; i < count; i++) {
        ends[i] = macro_end(job, names[i]);
        names_put(taken, ends[i], names_find(taken, ends[i]) ? &again : &once);
    }
    for (int i = 0; i < count; i++) {
        if (names_find(taken, ends[i]) == &once && !is_position(ends[i])) continue;
        ends[i] = names_unique(taken, arena_printf(job->arena, "%s_%d", ends[i], i));
        names_put(taken, ends[i], &again);
    }
    return ends;
}

static const char **contract_ends(PackJob *job, const PackContract *contract)
{
    const char **names = arena_array(job->arena, (size_t)contract->count + 1, sizeof *names);
    for (int i = 0; i < contract->count; i++) names[i] = contract->tensors[i].name;
    return macro_ends(job, names, contract->count);
}

/* ---- The header ---- */

static void describe(PackJob *job, Text *out, const PackTensor *t, const char *array, int index)
{
    text_printf(out, " *   %s[%d]  %s: %s[", array, index, package_harmless(job, t->name),
                dtype_ctype(t->dtype));
    for (int k = 0; k < t->rank; k++) {
        int axis = t->order ? t->order[k] : k;
        text_printf(out, "%s%s", k ? "][" : "", size_text(job->sizes, t->dims[axis]));
    }
    if (dtype_is_opaque(t->dtype))
        text_printf(out, "%s%lld", t->rank ? "][" : "", (long long)dtype_cells(t->dtype));
    const char *form = dtype_is_string(t->dtype)
                           ? " (strings: length, 2 bytes, low first; UTF-8; zeros)"
                       : dtype_is_complex(t->dtype) ? " (complex: real part, imaginary part)"
                                                    : "";
    text_printf(out, "]%s%s, at most %lld bytes\n", t->order ? " (axes in physical order)" : "",
                form, (long long)t->max_bytes);
}

static void size_macros(PackJob *job, const char *big, Text *out)
{
    int count = sizes_symbol_count(job->sizes);
    const char **names = arena_array(job->arena, (size_t)count + 1, sizeof *names);
    for (int i = 0; i < count; i++) names[i] = sizes_symbol_at(job->sizes, i)->name;
    const char **ends = macro_ends(job, names, count);
    text_printf(out, "#define %s_SIZES %d /* elements of `sizes` */\n", big, count);
    for (int i = 0; i < count; i++) {
        const Symbol *symbol = sizes_symbol_at(job->sizes, i);
        text_printf(out, "#define %s_SIZE_%s %d /* at most %lld%s */\n", big, ends[i], i,
                    (long long)symbol->max,
                    symbol->source == SYM_NODE    ? ", set by the call"
                    : symbol->source == SYM_STATE ? ", of the state"
                                                  : "");
    }
}

static void contract_macros(PackJob *job, const PackContract *contract, const char *big,
                            const char *side, Text *out)
{
    const char **ends = contract_ends(job, contract);
    for (int i = 0; i < contract->count; i++) {
        text_printf(out, "#define %s_%s_%s %d\n#define %s_%s_%d_BYTES %lld\n", big, side, ends[i],
                    i, big, side, i, (long long)contract->tensors[i].max_bytes);
    }
}

static void about(PackJob *job, const PackStage *stage, Text *out)
{
    text_printf(
        out,
        "/* %s, stage %s: made by lpc. The interface of the emitted function.\n *\n"
        " * int %s_run(in, out, sizes, workspace, state, threads) runs it once; see\n"
        " * lpc_run_fn in lpc_model.h. The caller owns all memory; nothing is allocated and\n"
        " * nothing is kept but `state`.\n *\n",
        package_harmless(job, job->model_file), stage->name, stage->prefix);
    const char *needs = package_needs(job, stage);
    if (*needs)
        text_printf(out,
                    " * The processor must have %s: the function does not look, a stage\n"
                    " * program does (lpc_processor_lacks in processor.h).\n *\n",
                    needs);
    for (int i = 0; i < stage->in.count; i++) describe(job, out, &stage->in.tensors[i], "in", i);
    for (int i = 0; i < stage->out.count; i++) describe(job, out, &stage->out.tensors[i], "out", i);
    text_add(out, " */\n");
}

static void memory_macros(const Program *p, const char *big, Text *out)
{
    text_printf(
        out,
        "#define %s_WORKSPACE_BYTES %lld /* 64-byte aligned */\n"
        "#define %s_STATE_BYTES %lld     /* 64-byte aligned, zeroed before the first call */\n"
        "#define %s_WEIGHTS_BYTES %lld   /* read-only, in weights.o or weights_N.c */\n",
        big, (long long)p->work_bytes, big, (long long)p->state_bytes, big,
        (long long)p->const_bytes);
}

/* The build's symbol is defined beside the function: whoever includes this header refers to it, so
 * that two models of one name cannot both be linked. */
static void build_reference(const PackStage *stage, Text *out)
{
    const char *build = stage->program->build;
    if (!build) return;
    text_printf(
        out,
        "\n/* Defined beside %s_run. Two models of one name in one program are an error of the\n"
        " * linker, not the wrong model: give each its own (lpc --name, lpc_add_model(NAME)). */\n"
        "extern const unsigned char %s;\n"
        "#ifdef __GNUC__\n"
        "__attribute__((used)) static const unsigned char *const %s_is = &%s;\n#endif\n",
        stage->prefix, build, stage->prefix, build);
}

/* The header's own text, between its guard. The guard's value is the build's, so that another
 * model's header under the same guard is an error instead of being skipped. */
int package_header(PackJob *job, const PackStage *stage, const char *folder)
{
    Text out;
    text_init(&out, job->arena);
    const char *big = upper(job, stage->prefix);
    const uint8_t *id = stage->id;
    const char *value = arena_printf(job->arena, "0x%02x%02x%02x%02xu", id[0], id[1], id[2], id[3]);
    about(job, stage, &out);
    text_printf(&out, "#ifndef %s_MODEL_H\n#define %s_MODEL_H %s\n\n#include \"lpc_model.h\"\n\n",
                big, big, value);
    text_printf(&out, "#define %s_INPUTS %d\n#define %s_OUTPUTS %d\n", big, stage->in.count, big,
                stage->out.count);
    contract_macros(job, &stage->in, big, "IN", &out);
    contract_macros(job, &stage->out, big, "OUT", &out);
    memory_macros(stage->program, big, &out);
    size_macros(job, big, &out);
    text_printf(
        &out,
        "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
        "/* Returns LPC_RUN_OK or another LPC_RUN_ code. `sizes` may be NULL when %s_SIZES is 0,\n"
        " * `state` when %s_STATE_BYTES is 0, `threads` to run on the calling thread. */\n"
        "lpc_run_fn %s_run;\n\n"
        "/* The descriptor, defined in stage.c. */\nextern const lpc_model %s_model;\n",
        big, big, stage->prefix, stage->prefix);
    build_reference(stage, &out);
    text_printf(
        &out,
        "\n#ifdef __cplusplus\n}\n#endif\n\n"
        "#elif %s_MODEL_H != %s\n"
        "#error \"two models are called %s: give each its own name (lpc --name)\"\n#endif\n",
        big, value, stage->prefix);
    TRY(output_write(job->diag, arena_printf(job->arena, "%s/model.h", folder), out.data,
                     out.length));
    const char *named = arena_printf(job->arena, "%s/%s.h", folder, stage->header);
    const char *text = arena_printf(job->arena,
                                    "/* %s: the interface of %s_run. */\n"
                                    "#include \"model.h\"\n",
                                    stage->header, stage->prefix);
    if (!strcmp(stage->header, "model")) return 0;
    return output_write(job->diag, named, text, strlen(text));
}
