/* The build id: what the stages of one build must agree on. */
#include "lib/compile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* Parts of a mapped file that have been hashed are dropped from memory. */
static void hash_mapped(XXH3_state_t *hash, const void *bytes, size_t size)
{
    enum { PART = 8 << 20, PAGE = 4096 };
    const char *from = bytes;
    for (size_t at = 0; at < size; at += PART) {
        size_t length = size - at < PART ? size - at : PART;
        XXH3_128bits_update(hash, from + at, length);
        uintptr_t page = (uintptr_t)(from + at) / PAGE * PAGE;
        madvise((void *)page, (uintptr_t)(from + at) - page + length, MADV_DONTNEED);
    }
}

/* Constants that lie in files of their own are part of the model too. */
static void hash_constants(XXH3_state_t *hash, const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; i++) {
        const Const *data = graph->tensors[i]->data;
        if (data && data->is_mapped) hash_mapped(hash, data->data, data->bytes);
    }
}

/* Measured tilings that the code has, whatever else the file holds. */
static void add_tilings(Text *plan, const Tuning *tuning)
{
    for (int i = 0; tuning && i < tuning->kernel_count; i++) {
        const TunedKernel *k = &tuning->kernels[i];
        if (!k->used || tiling_is_rule(&k->tiling)) continue;
        text_printf(plan, "%s %d %d %d %d %d\n", k->key, k->tiling.rows, k->tiling.vecs,
                    k->tiling.band, k->tiling.columns, k->tiling.method);
    }
}

/* What the stages must agree on: the model's bytes, the options, the compiler, the plan. Two 128-bit
 * hashes with different seeds; it identifies, it does not authenticate. */
int compile_build_id(Diag *diag, const CompileOptions *options, const Graph *graph, const Cut *cut,
                     uint8_t id[32])
{
    Text plan;
    text_init(&plan, graph->arena);
    text_printf(&plan, "lpc %s emit_c %d portable %d no_plan %d\n", LPC_VERSION, options->emit_c,
                options->portable, options->no_plan);
    for (int i = 0; i < cut->count; i++) {
        const Stage *s = &cut->stages[i];
        text_printf(&plan, "%s %s %s %s nodes %d\n", s->name, s->target->triple, s->target->cpu,
                    s->target->features, s->node_count);
        add_tilings(&plan, s->lower.tuning);
    }
    for (int i = 0; i < sizes_symbol_count(graph->sizes); i++) {
        const Symbol *symbol = sizes_symbol_at(graph->sizes, i);
        text_printf(&plan, "%s %lld\n", symbol->name, (long long)symbol->max);
    }
    for (int i = 0; i < graph->state_count; i++) {
        text_printf(&plan, "%s=%s\n", graph->states[i].in->name, graph->states[i].out->name);
    }
    int file = options->model ? open(options->model, O_RDONLY) : -1;
    struct stat info = {0};
    if (options->model && (file < 0 || fstat(file, &info)))
        return diag_error(diag, "cannot read '%s': %s", options->model, strerror(errno));
    XXH3_state_t *hash = XXH3_createState();
    if (!hash) abort();
    void *bytes = info.st_size ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0)
                               : NULL;
    if (file >= 0) close(file);
    XXH3_128bits_reset(hash);
    if (bytes && bytes != MAP_FAILED) {
        hash_mapped(hash, bytes, (size_t)info.st_size);
        munmap(bytes, (size_t)info.st_size);
    }
    hash_constants(hash, graph);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash));
    text_addn(&plan, (const char *)canonical.digest, sizeof canonical.digest);
    for (int half = 0; half < 2; half++) {
        XXH3_128bits_reset_withSeed(hash, (XXH64_hash_t)half);
        XXH3_128bits_update(hash, plan.data, plan.length);
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash));
        memcpy(id + 16 * half, canonical.digest, 16);
    }
    XXH3_freeState(hash);
    return 0;
}
