/* A hash of the model, for ids (backend/package/ids.c). */
#include "lib/compile/compile.h"

#include "lib/custom/custom.h"

#include <errno.h>
#include <fcntl.h>
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

/* Constants that lie in files of their own, or were bound, are part of the model too. */
static void hash_constants(XXH3_state_t *hash, const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; i++) {
        const Const *data = graph->tensors[i]->data;
        if (!data) continue;
        if (data->is_mapped)
            hash_mapped(hash, data->data, data->bytes);
        else
            XXH3_128bits_update(hash, data->data, data->bytes);
    }
}

/* Whatever becomes of them: with other options another model is computed. */
static void hash_options(XXH3_state_t *hash, Arena *arena, const CompileOptions *options)
{
    Text text;
    text_init(&text, arena);
    options_reaching(&text, options, REACH_MODEL);
    customs_text(options->customs, &text);
    XXH3_128bits_update(hash, text.data, text.length);
}

int compile_model_hash(Diag *diag, const CompileOptions *options, const Graph *graph,
                       uint8_t id[16])
{
    int file = options->model ? open(options->model, O_RDONLY) : -1;
    struct stat info = {0};
    if (options->model && (file < 0 || fstat(file, &info)))
        return diag_error(diag, "cannot read '%s': %s", options->model, strerror(errno));
    XXH3_state_t *hash = XXH3_createState();
    if (!hash) out_of_memory();
    void *bytes =
        info.st_size ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0) : NULL;
    if (file >= 0) close(file);
    XXH3_128bits_reset(hash);
    if (bytes && bytes != MAP_FAILED) {
        hash_mapped(hash, bytes, (size_t)info.st_size);
        munmap(bytes, (size_t)info.st_size);
    }
    hash_constants(hash, graph);
    hash_options(hash, graph->arena, options);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash));
    memcpy(id, canonical.digest, 16);
    XXH3_freeState(hash);
    return 0;
}
