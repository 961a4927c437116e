/* OUT/client.h: what the pipeline's two ends are, for include/lpc/lpc_client.h. */
#include "backend/package/parts.h"

#include "backend/host/output.h"

static const Size *bytes_of(PackJob *job, const PackTensor *t)
{
    const Size *bytes = size_const(job->sizes, (int64_t)dtype_size(t->dtype));
    for (int k = 0; k < t->rank; k++) bytes = size_mul(job->sizes, bytes, t->dims[k]);
    return bytes;
}

static void tensors(PackJob *job, Text *out, const PackContract *contract, const char *name)
{
    text_printf(out, "static const lpc_client_tensor lpc_client_%s[] = {\n", name);
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        text_printf(out, "    {\"%s\", %d, %d, UINT64_C(%lld)},\n", package_harmless(job, t->name),
                    dtype_to_onnx(t->dtype), t->rank, (long long)t->max_bytes);
    }
    if (!contract->count) text_add(out, "    {\"\", 0, 0, 0},\n");
    text_add(out, "};\n\n");
}

static void symbols(PackJob *job, Text *out)
{
    int count = sizes_symbol_count(job->sizes);
    text_add(out, "static const lpc_client_symbol lpc_client_symbols[] = {\n");
    for (int i = 0; i < count; i++)
        text_printf(out, "    {\"%s\", INT64_C(%lld)},\n",
                    package_harmless(job, sizes_symbol_at(job->sizes, i)->name),
                    (long long)sizes_symbol_at(job->sizes, i)->max);
    if (!count) text_add(out, "    {\"\", 0},\n");
    text_add(out, "};\n\n");
}

static void helpers(PackJob *job, Text *out, const PackContract *in, const PackContract *result)
{
    bool used[PACKAGE_SIZE_KINDS] = {0};
    for (int i = 0; i < in->count; i++) package_size_uses(bytes_of(job, &in->tensors[i]), used);
    for (int i = 0; i < result->count; i++)
        package_size_uses(bytes_of(job, &result->tensors[i]), used);
    package_size_helpers(out, used);
}

static void side(PackJob *job, Text *out, const PackContract *contract, int number)
{
    for (int i = 0; i < contract->count; i++) {
        text_printf(out, "    if (side == %d && k == %d) return ", number, i);
        package_size(out, bytes_of(job, &contract->tensors[i]));
        text_add(out, ";\n");
    }
}

static void end(PackJob *job, Text *out, const PackContract *contract, int cut, const char *name)
{
    text_add(out, "    {\n    {");
    package_id_bytes(out, contract->id);
    text_printf(out, "},\n    %d, UINT64_C(0x%016llx), %d, lpc_client_%s, UINT64_C(%lld)},\n", cut,
                (unsigned long long)package_contract_hash(job, contract), contract->count, name,
                (long long)package_max_payload(job, contract));
}

int package_client(PackJob *job, const char *folder)
{
    const PackContract *in = &job->stages[0].in, *result = &job->stages[job->stage_count - 1].out;
    Text out;
    text_init(&out, job->arena);
    text_printf(&out,
                "/* %s: made by lpc. Both ends of its pipeline, for lpc_client_open. One package "
                "in a file\n"
                " * of C or C++. */\n#ifndef LPC_CLIENT_PACKAGE_H\n#define LPC_CLIENT_PACKAGE_H\n\n"
                "#include <lpc/lpc_client.h>\n\n",
                package_harmless(job, job->model_file));
    tensors(job, &out, in, "inputs");
    tensors(job, &out, result, "outputs");
    symbols(job, &out);
    helpers(job, &out, in, result);
    text_add(&out, "static int64_t lpc_client_bytes(int side, uint32_t k, const int64_t *s)\n{\n"
                   "    (void)side, (void)k, (void)s;\n");
    side(job, &out, in, 0);
    side(job, &out, result, 1);
    text_add(&out, "    return 0;\n}\n\nstatic const lpc_client_model lpc_client_package = {\n");
    text_printf(&out, "    %d, lpc_client_symbols,\n", sizes_symbol_count(job->sizes));
    end(job, &out, in, 0, "inputs");
    end(job, &out, result, job->stage_count, "outputs");
    text_add(&out, "    lpc_client_bytes};\n\n#endif\n");
    return output_write(job->diag, arena_printf(job->arena, "%s/client.h", folder), out.data,
                        out.length);
}
