/* The C text beside the emitted function and its header: stage.c, the descriptor, and how both are
 * built, CMakeLists.txt. */
#include "backend/package/parts.h"

#include "backend/host/output.h"
#include "ir/custom.h"

#include <ctype.h>
#include <string.h>

static void tensor_table(PackJob *job, Text *out, const PackContract *contract, const char *name)
{
    text_printf(out, "static const lpc_tensor_info %s[] = {\n", name);
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        text_printf(out, "    {\"%s\", %u, %d, %d, UINT64_C(%lld)},\n",
                    package_harmless(job, t->name), t->id, dtype_to_onnx(t->dtype), t->rank,
                    (long long)t->max_bytes);
    }
    if (!contract->count) text_add(out, "    {\"\", 0, 0, 0, 0},\n");
    text_add(out, "};\n\n");
}

static void bytes_side(PackJob *job, Text *out, const PackContract *contract, const char *side)
{
    text_printf(out, "    if (side == %s) {\n        switch (k) {\n", side);
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        const Size *bytes = size_const(job->sizes, (int64_t)dtype_size(t->dtype));
        for (int k = 0; k < t->rank; k++) bytes = size_mul(job->sizes, bytes, t->dims[k]);
        text_printf(out, "        case %d: return ", i);
        package_size(out, bytes);
        text_add(out, ";\n");
    }
    text_add(out, "        default: return 0;\n        }\n    }\n");
}

static void size_helpers(PackJob *job, const PackContract *in, const PackContract *result,
                         int state_symbols, Text *out)
{
    bool used[PACKAGE_SIZE_KINDS] = {0};
    const PackContract *sides[] = {in, result};
    for (int c = 0; c < 2; c++) {
        for (int i = 0; i < sides[c]->count; i++) {
            const Size *bytes = size_const(job->sizes, 1);
            const PackTensor *t = &sides[c]->tensors[i];
            for (int k = 0; k < t->rank; k++) bytes = size_mul(job->sizes, bytes, t->dims[k]);
            package_size_uses(bytes, used);
        }
    }
    for (int i = 0; i < state_symbols; i++) package_size_uses(job->state_symbols[i].next, used);
    package_size_helpers(out, used);
}

static void state_functions(PackJob *job, Text *out)
{
    if (!job->state_symbol_count) return;
    text_add(out, "static void state_begin(int64_t *s)\n{\n");
    for (int i = 0; i < job->state_symbol_count; i++) {
        text_printf(out, "    s[%d] = 0;\n", job->state_symbols[i].sym);
    }
    text_add(out, "}\n\nstatic void state_next(int64_t *s)\n{\n");
    for (int i = 0; i < job->state_symbol_count; i++) {
        text_printf(out, "    const int64_t next_%d = ", i);
        package_size(out, job->state_symbols[i].next);
        text_add(out, ";\n");
    }
    for (int i = 0; i < job->state_symbol_count; i++) {
        text_printf(out, "    s[%d] = next_%d;\n", job->state_symbols[i].sym, i);
    }
    text_add(out, "}\n\n");
}

static void symbol_tables(PackJob *job, Text *out)
{
    int count = sizes_symbol_count(job->sizes);
    if (!count) return;
    text_add(out, "static const char *const symbol_names[] = {");
    for (int i = 0; i < count; i++) {
        text_printf(out, "%s\"%s\"", i ? ", " : "",
                    package_harmless(job, sizes_symbol_at(job->sizes, i)->name));
    }
    text_add(out, "};\nstatic const int64_t symbol_max[] = {");
    for (int i = 0; i < count; i++) {
        text_printf(out, "%sINT64_C(%lld)", i ? ", " : "",
                    (long long)sizes_symbol_at(job->sizes, i)->max);
    }
    text_add(out, "};\nstatic const uint8_t symbol_is_state[] = {");
    for (int i = 0; i < count; i++) {
        text_printf(out, "%s%d", i ? ", " : "",
                    sizes_symbol_at(job->sizes, i)->source == SYM_STATE);
    }
    text_add(out, "};\n\n");
}

static void contract_value(PackJob *job, Text *out, const PackContract *contract, int cut,
                           const char *field, const char *table)
{
    text_printf(out, "    .%s = {%d, UINT64_C(0x%016llx), %d, %s, UINT64_C(%lld), %s_id},\n", field,
                cut, (unsigned long long)package_contract_hash(job, contract), contract->count,
                table, (long long)package_max_payload(job, contract), field);
}

/* What a descriptor says of a part of the pipeline: its ends stand at these cuts. */
static void descriptor_ends(PackJob *job, const PackContract *in, int first,
                            const PackContract *result, int last, Text *out)
{
    int count = sizes_symbol_count(job->sizes);
    text_printf(out, "    .build_id = build_id,\n    .symbol_count = %d,\n", count);
    if (count)
        text_add(out, "    .symbol_names = symbol_names,\n    .symbol_max = symbol_max,\n"
                      "    .symbol_is_state = symbol_is_state,\n");
    contract_value(job, out, in, first, "in", "in_tensors");
    contract_value(job, out, result, last, "out", "out_tensors");
}

static void descriptor(PackJob *job, const PackStage *stage, int index, Text *out)
{
    const Program *p = stage->program;
    text_printf(out, "const lpc_model %s_model = {\n    .name = \"%s\",\n", stage->prefix,
                stage->name);
    descriptor_ends(job, &stage->in, index, &stage->out, index + 1, out);
    text_printf(out,
                "    .workspace_bytes = UINT64_C(%lld),\n    .state_bytes = UINT64_C(%lld),\n"
                "    .weights_bytes = UINT64_C(%lld),\n    .run = %s_run,\n"
                "    .tensor_bytes = tensor_bytes,\n",
                (long long)p->work_bytes, (long long)p->state_bytes, (long long)p->const_bytes,
                stage->prefix);
    const char *needs = package_needs(job, stage);
    if (*needs) text_printf(out, "    .needs = \"%s\",\n", needs);
    uint64_t predicted = package_predicted_ns(stage);
    if (predicted)
        text_printf(out, "    .predicted_ns = UINT64_C(%llu),\n", (unsigned long long)predicted);
    text_printf(out, "    .threads = %d,\n", stage->target->cores);
    if (job->state_symbol_count)
        text_add(out, "    .state_begin = state_begin,\n    .state_next = state_next,\n");
    text_add(out, "};\n\n");
}

static void stage_main(PackJob *job, const PackStage *stage, Text *out)
{
    text_add(out, "#ifdef LPC_STAGE_MAIN\n#include \"lpc_runtime.h\"\n\n"
                  "int main(int argc, char **argv)\n{\n");
    if (job->threads)
        text_printf(out,
                    "    return lpc_stage_main_threads(&%s_model, %d, argc, argv);\n}\n#endif\n",
                    stage->prefix, job->threads);
    else
        text_printf(out, "    return lpc_stage_main(&%s_model, argc, argv);\n}\n#endif\n",
                    stage->prefix);
}

static void id_array(Text *out, const char *name, const uint8_t id[PACKAGE_ID_BYTES])
{
    text_printf(out, "static const uint8_t %s[%d] =\n    {", name, PACKAGE_ID_BYTES);
    package_id_bytes(out, id);
    text_add(out, "};\n");
}

/* The tables and functions that the descriptor of a part of the pipeline names. */
static void part(PackJob *job, const uint8_t *id, const PackContract *in,
                 const PackContract *result, int state_symbols, Text *out)
{
    id_array(out, "build_id", id);
    id_array(out, "in_id", in->id);
    id_array(out, "out_id", result->id);
    text_add(out, "\n");
    symbol_tables(job, out);
    tensor_table(job, out, in, "in_tensors");
    tensor_table(job, out, result, "out_tensors");
    size_helpers(job, in, result, state_symbols, out);
    text_add(out, "static int64_t tensor_bytes(int side, uint32_t k, const int64_t *s)\n{\n"
                  "    (void)s;\n");
    bytes_side(job, out, in, "0");
    bytes_side(job, out, result, "1");
    text_add(out, "    return 0;\n}\n\n");
}

int package_ends_source(PackJob *job, const char *path)
{
    const PackContract *in = &job->stages[0].in, *result = &job->stages[job->stage_count - 1].out;
    Text out;
    text_init(&out, job->arena);
    text_printf(&out,
                "/* %s: made by lpc. Both ends of its pipeline, for rank 0 of an MPI job. */\n"
                "#include \"lpc_model.h\"\n\n",
                package_harmless(job, job->model_file));
    part(job, job->build_id, in, result, 0, &out);
    text_add(&out, "extern const lpc_model lpc_ends_model;\n"
                   "const lpc_model lpc_ends_model = {\n    .name = \"ends\",\n");
    descriptor_ends(job, in, 0, result, job->stage_count, &out);
    text_add(&out, "    .tensor_bytes = tensor_bytes,\n};\n");
    return output_write(job->diag, path, out.data, out.length);
}

int package_stage_source(PackJob *job, const PackStage *stage, int index, const char *folder)
{
    Text out;
    text_init(&out, job->arena);
    text_printf(
        &out,
        "/* %s, stage %s: made by lpc. The stage's descriptor; with LPC_STAGE_MAIN also the\n"
        " * program around it: stage --listen HOST:PORT --forward HOST:PORT. */\n"
        "#include \"model.h\"\n\n",
        package_harmless(job, job->model_file), stage->name);
    part(job, stage->id, &stage->in, &stage->out, job->state_symbol_count, &out);
    state_functions(job, &out);
    descriptor(job, stage, index, &out);
    stage_main(job, stage, &out);
    return output_write(job->diag, arena_printf(job->arena, "%s/stage.c", folder), out.data,
                        out.length);
}

/* The files of code and weights: all of them, and those that are objects already. */
static void cmake_files(PackJob *job, const PackStage *stage, Text *all, Text *objects)
{
    const char *code = job->backend->code;
    const char **custom;
    text_printf(all, "%s stage.c", code);
    int custom_count = package_custom_files(job, stage, &custom);
    for (int i = 0; i < custom_count; i++) text_printf(all, " %s", custom[i]);
    text_add(objects, "");
    if (!job->backend->cflags) text_printf(objects, " %s", code);
    int count = package_weights_files(job, stage);
    for (int i = 0; i < count; i++) text_printf(all, " %s", package_weights_file(job, stage, i));
    if (package_weights(job, stage) == WEIGHTS_ELF) text_add(objects, " weights.o");
}

static void cmake_target_flags(PackJob *job, const PackStage *stage, Text *out)
{
    for (int i = 0; !job->portable && i < stage->target->cflag_count; i++)
        text_printf(out, " %s", stage->target->cflags[i]);
}

/* How the code is compiled, and users' own operators. */
static void cmake_flags(PackJob *job, const PackStage *stage, Text *out)
{
    const char *const *flags = job->backend->cflags;
    const char **custom;
    int custom_count = package_custom_files(job, stage, &custom);
    if (flags) {
        text_printf(out, "target_compile_options(%s PRIVATE -ffp-contract=off", stage->prefix);
        for (int i = 0; flags[i]; i++) text_printf(out, " %s", flags[i]);
        cmake_target_flags(job, stage, out);
        text_add(out, ")\n");
    }
    if (!custom_count) return;
    text_add(out, "set_property(SOURCE");
    for (int i = 0; i < custom_count; i++) text_printf(out, " %s", custom[i]);
    text_add(out, " PROPERTY COMPILE_OPTIONS");
    for (int i = 0; i < CUSTOM_CFLAG_COUNT; i++) text_printf(out, " %s", CUSTOM_CFLAGS[i]);
    cmake_target_flags(job, stage, out);
    text_add(out, ")\n");
}

/* mbed TLS for the program, where it is found. */
static void cmake_tls(const PackStage *stage, Text *out)
{
    text_printf(out,
                "# mbed TLS encrypts links; without it the program takes no --keys.\n"
                "find_path(MBEDTLS_INCLUDE mbedtls/ssl.h)\n"
                "find_library(MBEDTLS_LIBRARY mbedtls)\n"
                "find_library(MBEDX509_LIBRARY mbedx509)\n"
                "find_library(MBEDCRYPTO_LIBRARY mbedcrypto)\n"
                "if(MBEDTLS_INCLUDE AND MBEDTLS_LIBRARY AND MBEDX509_LIBRARY AND "
                "MBEDCRYPTO_LIBRARY)\n"
                "    target_compile_definitions(%s_stage PRIVATE LPC_TLS)\n"
                "    target_include_directories(%s_stage PRIVATE ${MBEDTLS_INCLUDE})\n"
                "    target_link_libraries(%s_stage PRIVATE ${MBEDTLS_LIBRARY} "
                "${MBEDX509_LIBRARY} ${MBEDCRYPTO_LIBRARY})\n"
                "endif()\n",
                stage->prefix, stage->prefix, stage->prefix);
}

int package_cmake(PackJob *job, const PackStage *stage, const char *folder)
{
    Text out, all, objects;
    text_init(&out, job->arena);
    text_init(&all, job->arena);
    text_init(&objects, job->arena);
    cmake_files(job, stage, &all, &objects);
    text_printf(&out,
                "# %s, stage %s: made by lpc. add_subdirectory() this folder, or build it alone.\n"
                "#   library %s: the function and its header; program %s_stage: with the runtime\n"
                "cmake_minimum_required(VERSION 3.20)\n"
                "project(%s C)\n\n"
                "add_library(%s STATIC %s)\n",
                package_harmless(job, job->model_file), stage->name, stage->prefix, stage->prefix,
                stage->prefix, stage->prefix, all.data);
    if (objects.length)
        text_printf(&out, "set_source_files_properties(%s PROPERTIES EXTERNAL_OBJECT TRUE)\n",
                    objects.data + 1);
    text_printf(
        &out,
        "set_target_properties(%s PROPERTIES C_STANDARD 11 C_EXTENSIONS OFF LINKER_LANGUAGE C)\n"
        "target_include_directories(%s PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} "
        "${CMAKE_CURRENT_SOURCE_DIR}/runtime)\n"
        "target_link_libraries(%s PUBLIC m)\n",
        stage->prefix, stage->prefix, stage->prefix);
    if (package_weights_once(job, stage))
        text_add(&out, "if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/weights.o)\n"
                       "    message(FATAL_ERROR \"the weights are in the program `stage` only: "
                       "use lpc --no-link for a library\")\nendif()\n");
    cmake_flags(job, stage, &out);
    text_printf(&out,
                "\nfile(GLOB runtime ${CMAKE_CURRENT_SOURCE_DIR}/runtime/*.c)\n"
                "find_package(Threads REQUIRED)\n"
                "add_executable(%s_stage EXCLUDE_FROM_ALL stage.c ${runtime})\n"
                "target_compile_definitions(%s_stage PRIVATE LPC_STAGE_MAIN)\n"
                "target_link_libraries(%s_stage PRIVATE %s Threads::Threads)\n",
                stage->prefix, stage->prefix, stage->prefix, stage->prefix);
    cmake_tls(stage, &out);
    return output_write(job->diag, arena_printf(job->arena, "%s/CMakeLists.txt", folder), out.data,
                        out.length);
}
