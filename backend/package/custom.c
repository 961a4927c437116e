/* Users' own operators in a package:
 *
 *     custom_N/FILE.c   the user's file, and those that it includes, as they are
 *     custom_N.c        includes it, its operators' functions under names of this stage, so that several
 *                       stages and models can be one program
 *     custom.c          for each node the function that the emitted code calls (ir/custom.h): it puts types,
 *                       sizes and attributes around the pointers, and calls the user's */
#include "backend/package/parts.h"

#include "backend/host/output.h"
#include "ir/custom.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* ---- What the stage has ---- */

static const External *external_at(const Program *program, int kernel)
{
    return program->kernels[kernel]->is_extern ? program->kernels[kernel]->external : NULL;
}

/* The files of its operators, each once, in order of use. */
static int files_of(PackJob *job, const PackStage *stage, const CustomFile ***files)
{
    int count = 0;
    *files = NULL;
    for (int i = 0; i < stage->program->kernel_count; i++) {
        const External *x = external_at(stage->program, i);
        int k = 0;
        while (x && k < count && (*files)[k] != x->op->file) k++;
        if (x && k == count) arena_push(job->arena, *files, count) = x->op->file;
    }
    return count;
}

int package_custom_files(PackJob *job, const PackStage *stage, const char ***names)
{
    const CustomFile **files;
    int count = files_of(job, stage, &files), all = 0;
    *names = NULL;
    if (count) arena_push(job->arena, *names, all) = "custom.c";
    for (int i = 0; i < count; i++)
        arena_push(job->arena, *names, all) =
            arena_printf(job->arena, "custom_%d.c", files[i]->number);
    return all;
}

/* ---- The user's files ---- */

/* The folders of a path below `folder` are made. */
static int make_folders(PackJob *job, const char *path, size_t from)
{
    char *copy = arena_strdup(job->arena, path);
    for (char *slash = copy + from; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(copy, 0777) && errno != EEXIST)
            return diag_error(job->diag, "cannot make '%s': %s", copy, strerror(errno));
        *slash = '/';
    }
    return 0;
}

static int copy_file(PackJob *job, const char *folder, int number, const CustomFile *file)
{
    const char *path = arena_printf(job->arena, "%s/custom_%d/%s", folder, number, file->name);
    TRY(make_folders(job, path, strlen(folder) + 1));
    return output_write(job->diag, path, file->text, file->length);
}

/* What stands for a name of a user's file in this stage: nothing else of it is called so. */
static const char *own_name(PackJob *job, const PackStage *stage, const char *name)
{
    return arena_printf(job->arena, "%s_custom_%s", stage->prefix, name);
}

static int write_file(PackJob *job, const PackStage *stage, const char *folder,
                      const CustomFile *file)
{
    Text out;
    text_init(&out, job->arena);
    TRY(copy_file(job, folder, file->number, file));
    for (int i = 0; i < file->beside_count; i++)
        TRY(copy_file(job, folder, file->number, &file->beside[i]));
    text_add(&out, "/* Made by lpc: a user's own operators, under this stage's names. */\n"
                   "#include \"lpc_custom.h\"\n");
    for (int i = 0; i < file->global_count; i++)
        text_printf(&out, "#define %s %s\n", file->globals[i],
                    own_name(job, stage, file->globals[i]));
    for (int i = 0; i < file->symbol_count; i++)
        text_printf(&out, "lpc_custom_fn %s, %s_shape;\n", file->symbols[i], file->symbols[i]);
    text_printf(&out, "#include \"custom_%d/%s\"\n", file->number, file->name);
    return output_write(job->diag, arena_printf(job->arena, "%s/custom_%d.c", folder, file->number),
                        out.data, out.length);
}

/* ---- Constants in C ---- */

/* Elements as bits and as values, so that every number is exact. `what` is a C identifier. */
static void bits_c(Text *out, const char *what, DType dtype, int64_t count, const void *data)
{
    size_t size = dtype_is_string(dtype) ? 1 : dtype_size(dtype);
    if (dtype_is_string(dtype)) count *= (int64_t)dtype_size(dtype);
    text_printf(
        out,
        "static _Alignas(64) const union {\n    uint%d_t bits[%lld];\n    %s values[%lld];\n} "
        "%s = {{",
        (int)(8 * size), (long long)(count ? count : 1), dtype_ctype(dtype),
        (long long)(count ? count : 1), what);
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        const unsigned char *from = (const unsigned char *)data + (size_t)i * size;
        for (size_t b = 0; b < size; b++) bits |= (uint64_t)from[b] << 8 * b;
        text_printf(out, "%s%s0x%llx%s", i ? "," : "", i % 12 || !i ? "" : "\n    ",
                    (unsigned long long)bits, size == 8 ? "u" : "");
    }
    text_add(out, count ? "}};\n" : "0}};\n");
}

static void string_c(Text *out, const char *string)
{
    text_add(out, "\"");
    for (const char *c = string; *c; c++) {
        bool plain = isprint((unsigned char)*c) && !strchr("\"\\?", *c);
        text_printf(out, plain ? "%c" : "\\%03o", (unsigned char)*c);
    }
    text_add(out, "\"");
}

static void strings_c(Text *out, const char *what, const lpc_custom_attribute *a)
{
    text_printf(out, "static const char *const %s[] = {", what);
    for (int i = 0; i < a->count; i++) {
        string_c(out, a->strings[i]);
        text_add(out, ", ");
    }
    text_add(out, "0};\n");
}

/* ---- Attributes ---- */

static void values_c(PackJob *job, Text *out, const char *what, const Attr *attr,
                     const lpc_custom_attribute *a)
{
    if (a->ints) bits_c(out, what, DT_I64, a->count, a->ints);
    if (a->floats) bits_c(out, what, DT_F32, a->count, a->floats);
    if (a->strings) strings_c(out, what, a);
    if (!a->tensor) return;
    const char *contents = arena_printf(job->arena, "%s_contents", what);
    bits_c(out, contents, attr->tensor->dtype, lpc_custom_elements(a->tensor), a->tensor->data);
    text_printf(out, "static const lpc_custom_tensor %s = {(void *)%s.values, %d, %d, {", what,
                contents, (int)a->tensor->type, (int)a->tensor->rank);
    for (int i = 0; i < a->tensor->rank; i++)
        text_printf(out, "%s%lld", i ? ", " : "", (long long)a->tensor->dims[i]);
    text_printf(out, "%s}, %d, 0};\n", a->tensor->rank ? "" : "0", (int)a->tensor->element_bytes);
}

static void attribute_c(Text *out, const char *what, const lpc_custom_attribute *a)
{
    text_add(out, "    {");
    string_c(out, a->name);
    text_printf(out, ", %d, %d, %s%s, %s%s, %s, %s%s},\n", (int)a->kind, (int)a->count,
                a->ints ? what : "0", a->ints ? ".values" : "", a->floats ? what : "0",
                a->floats ? ".values" : "", a->strings ? what : "0", a->tensor ? "&" : "",
                a->tensor ? what : "0");
}

/* NAME_attributes, of a node that has some. */
static void attributes_c(PackJob *job, Text *out, const char *name, const External *x)
{
    lpc_custom_call call;
    Text table;
    text_init(&table, job->arena);
    custom_begin(job->arena, x->attrs, x->attr_count, x->opset, 0, 0, &call);
    for (int i = 0; i < x->attr_count; i++) {
        const char *what = arena_printf(job->arena, "%s_%d", name, i);
        values_c(job, out, what, &x->attrs[i], &call.attributes[i]);
        attribute_c(&table, what, &call.attributes[i]);
    }
    if (x->attr_count)
        text_printf(out, "static const lpc_custom_attribute %s_attributes[] = {\n%s};\n", name,
                    table.data);
}

/* ---- The call ---- */

static void dims_c(PackJob *job, Text *out, const ExternalTensor *t)
{
    for (int i = 0; i < t->rank; i++) {
        text_add(out, i ? ", " : "");
        if (t->open >> i & 1)
            text_printf(out, "-1 - INT64_C(%lld)", (long long)size_upper(job->sizes, t->dims[i]));
        else
            package_size(out, t->dims[i]);
    }
    if (!t->rank) text_add(out, "0");
}

/* An array of tensors; all: the contents of inputs that are no constants too. */
static void tensors_c(PackJob *job, Text *out, const char *array, const char *name,
                      const ExternalTensor *tensors, int count, bool all)
{
    text_printf(out, "    lpc_custom_tensor %s[] = {\n", array);
    for (int i = 0; i < count; i++) {
        const ExternalTensor *t = &tensors[i];
        if (t->dtype == DT_NONE) {
            text_add(out, "        {0, 0, 0, {0}, 0, 0},\n");
            continue;
        }
        bool seen = all || t->is_constant;
        const char *data =
            seen ? arena_printf(job->arena, "(void *)(uintptr_t)%s%d", name, i) : "0";
        text_printf(out, "        {%s, %d, %d, {", data, dtype_to_onnx(t->dtype), t->rank);
        dims_c(job, out, t);
        text_printf(out, "}, %d, 0},\n", (int)dtype_size(t->dtype));
    }
    text_add(out, "        {0, 0, 0, {0}, 0, 0}};\n");
}

static void head_c(Text *out, const Kernel *kernel)
{
    text_printf(out, "int %s(", kernel->name);
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        text_printf(out, "%svoid *%s, ", param->is_written ? "" : "const ", param->name);
    }
    text_add(out, "const int64_t *s)");
}

static void call_c(PackJob *job, const PackStage *stage, Text *out, const Kernel *kernel)
{
    const External *x = kernel->external;
    const char *symbol = own_name(job, stage, x->op->symbol);
    text_printf(out, "/* node '%s' */\n", package_harmless(job, x->origin.node));
    attributes_c(job, out, kernel->name, x);
    head_c(out, kernel);
    text_add(out, ";\n");
    head_c(out, kernel);
    text_add(out, "\n{\n");
    tensors_c(job, out, "in", "in", x->in, x->in_count, true);
    if (x->asks) tensors_c(job, out, "known", "in", x->in, x->in_count, false);
    tensors_c(job, out, "expected", "out", x->out, x->out_count, true);
    text_printf(out,
                "    lpc_custom_tensor out[%d] = {{0, 0, 0, {0}, 0, 0}};\n"
                "    lpc_custom_plan plan = {%s, %s%s, %s, expected, %lld};\n"
                "    lpc_custom_call call = {in, out, %d, %d, %s%s, %d, %d, %s, 0, 0, 0, 0};\n"
                "    (void)s;\n    return lpc_custom_execute(&call, &plan, %s);\n}\n\n",
                x->out_count, symbol, x->asks ? symbol : "0", x->asks ? "_shape" : "",
                x->asks ? "known" : "in", (long long)x->workspace_bytes, x->in_count, x->out_count,
                x->attr_count ? kernel->name : "0", x->attr_count ? "_attributes" : "",
                x->attr_count, x->opset, x->workspace_bytes ? "workspace" : "0",
                x->open_count ? "open" : "0");
}

static void note_sizes(const ExternalTensor *tensors, int count, bool *used)
{
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < tensors[i].rank; k++) package_size_uses(tensors[i].dims[k], used);
    }
}

static void declare(PackJob *job, const PackStage *stage, Text *out, const CustomFile *file)
{
    for (int i = 0; i < file->symbol_count; i++) {
        const char *name = own_name(job, stage, file->symbols[i]);
        text_printf(out, "lpc_custom_fn %s, %s_shape;\n", name, name);
    }
}

int package_custom(PackJob *job, const PackStage *stage, const char *folder)
{
    const CustomFile **files;
    const Program *p = stage->program;
    bool used[PACKAGE_SIZE_KINDS] = {0};
    int count = files_of(job, stage, &files);
    Text out;
    if (!count) return 0;
    text_init(&out, job->arena);
    text_add(&out, "/* Made by lpc: the calls of users' own operators. */\n"
                   "#include \"lpc_custom_run.h\"\n\n");
    for (int i = 0; i < count; i++) {
        TRY(write_file(job, stage, folder, files[i]));
        declare(job, stage, &out, files[i]);
    }
    for (int i = 0; i < p->kernel_count; i++) {
        const External *x = external_at(p, i);
        if (x) note_sizes(x->in, x->in_count, used);
        if (x) note_sizes(x->out, x->out_count, used);
    }
    text_add(&out, "\n");
    package_size_helpers(&out, used);
    for (int i = 0; i < p->kernel_count; i++) {
        if (external_at(p, i)) call_c(job, stage, &out, p->kernels[i]);
    }
    return output_write(job->diag, arena_printf(job->arena, "%s/custom.c", folder), out.data,
                        out.length);
}
