/* Writing a package: stage by stage, code first, then what describes it. */
#include "backend/package/package.h"

#include "backend/c/c.h"
#include "backend/llvm/llvm.h"
#include "backend/object/weights_object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

int package_file(Diag *diag, const char *path, const char *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    if (!file) return diag_error(diag, "cannot write '%s': %s", path, strerror(errno));
    bool ok = fwrite(data, 1, length, file) == length;
    int saved = errno;
    if (fclose(file) && ok) {
        ok = false;
        saved = errno;
    }
    if (!ok) return diag_error(diag, "cannot write '%s': %s", path, strerror(saved));
    return 0;
}

uint64_t package_contract_hash(PackJob *job, const PackContract *contract)
{
    Text text;
    text_init(&text, job->arena);
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        text_printf(&text, "%u %s %s", t->id, t->name, dtype_name(t->dtype));
        for (int k = 0; k < t->rank; k++) {
            text_printf(&text, " [%s]", size_text(job->sizes, t->dims[k]));
            if (t->order) text_printf(&text, "@%d", t->order[k]);
        }
        text_add(&text, "\n");
    }
    for (int i = 0; i < sizes_symbol_count(job->sizes); i++) {
        const Symbol *symbol = sizes_symbol_at(job->sizes, i);
        text_printf(&text, "%s %lld\n", symbol->name, (long long)symbol->max);
    }
    return XXH64(text.data, text.length, 0);
}

int64_t package_max_payload(PackJob *job, const PackContract *contract)
{
    int64_t at = 8 * (int64_t)sizes_symbol_count(job->sizes);
    for (int i = 0; i < contract->count; i++) {
        at = (at + 63) / 64 * 64;
        at += contract->tensors[i].max_bytes;
    }
    return at;
}

static int emit_code(PackJob *job, const PackStage *stage, const char *folder)
{
    if (job->emit_c) {
        CEmitOptions options = {.portable = job->portable,
                                .profile = job->profile,
                                .vector_bits = job->portable ? 0 : stage->target->vector_bits,
                                .title = arena_printf(job->arena, "%s, stage %s", job->model_file,
                                                      stage->name)};
        Text text;
        text_init(&text, job->arena);
        TRY(backend_c_emit(stage->program, &options, job->diag, &text));
        return package_file(job->diag, arena_printf(job->arena, "%s/model.c", folder), text.data,
                            text.length);
    }
    LlvmOptions options = llvm_options(stage->target);
    options.pic = true;
    options.profile = job->profile;
    if (job->dump_llvm) options.text_path = arena_printf(job->arena, "%s/model.ll", folder);
    return backend_llvm_emit(stage->program, &options, job->diag,
                             arena_printf(job->arena, "%s/model.o", folder));
}

static int write_stage(PackJob *job, int index, const char *out)
{
    const PackStage *stage = &job->stages[index];
    const char *folder = arena_printf(job->arena, "%s/%s", out, stage->name);
    if (mkdir(folder, 0777))
        return diag_error(job->diag, "cannot make '%s': %s", folder, strerror(errno));
    TRY(emit_code(job, stage, folder));
    if (!package_weights_once(job, stage))
        TRY(weights_object_write(stage->program, stage->target->triple, job->diag,
                                 arena_printf(job->arena, "%s/weights.o", folder)));
    TRY(package_header(job, stage, folder));
    TRY(package_stage_source(job, stage, index, folder));
    TRY(package_cmake(job, stage, folder));
    if (job->link && package_can_link(job, stage->target)) TRY(package_link(job, stage, folder));
    return 0;
}

int package_write(PackJob *job, const char *folder)
{
    for (int i = 0; i < job->stage_count; i++) TRY(write_stage(job, i, folder));
    return package_manifest(job, folder);
}
