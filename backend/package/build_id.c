/* The build id: what the stages of a pipeline must agree on before they talk.
 *
 * It is made of all that a package is made of: which lpc (version, a hash of its sources, LLVM), the
 * model's bytes, the options that reach a file, and for every stage the target, the contracts and the
 * lowered program itself, in its text form. So an option that changes the code changes the id without
 * anybody having to list it. Two 128-bit XXH3 hashes with different seeds: they tell builds apart,
 * they do not authenticate. */
#include "backend/package/parts.h"

#include "ir/version.h"

#include <string.h>
#include <xxhash.h>

static void add_words(Text *text, const char *what, const char *const *words, int count)
{
    text_printf(text, "%s", what);
    for (int i = 0; i < count; i++) text_printf(text, " %s", words[i]);
    text_add(text, "\n");
}

static void add_compiler(PackJob *job, Text *text)
{
    text_printf(text, "lpc %s %s emit %s ", LPC_VERSION, source_hash, job->backend->name);
    if (job->backend->revision) job->backend->revision(text);
    text_printf(text, "\nmodel %s portable %d profile %d threads %d\n", job->model, job->portable,
                job->profile, job->threads);
    for (int i = 0; i < job->state_symbol_count; i++)
        text_printf(text, "state %d %s\n", job->state_symbols[i].sym,
                    size_text(job->sizes, job->state_symbols[i].next));
}

static void add_target(Text *text, const Target *t)
{
    text_printf(text, "%s cpu %s features %s vectors %d x %d\n", t->triple, t->cpu, t->features,
                t->vector_bits, t->vector_registers);
    add_words(text, "cflags", t->cflags, t->cflag_count);
    add_words(text, "link", t->link_flags, t->link_flag_count);
}

static void add_stage(PackJob *job, const PackStage *stage, Text *text)
{
    const Program *p = stage->program;
    text_printf(text, "stage %s %s %s\n", stage->name, stage->prefix, stage->header);
    add_target(text, stage->target);
    text_printf(text, "contracts %llx %llx memory %lld %lld %lld\n",
                (unsigned long long)package_contract_hash(job, &stage->in),
                (unsigned long long)package_contract_hash(job, &stage->out),
                (long long)p->work_bytes, (long long)p->state_bytes, (long long)p->const_bytes);
}

static void add_digest(Text *text, const void *digest, size_t size)
{
    for (size_t i = 0; i < size; i++) text_printf(text, "%02x", ((const uint8_t *)digest)[i]);
    text_add(text, "\n");
}

/* The program by a hash: its text can be large. */
static void add_program(const Program *program, Text *text)
{
    Arena *scratch = arena_new();
    Text code;
    text_init(&code, scratch);
    loops_print(&code, program);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(code.data, code.length));
    arena_free(scratch);
    add_digest(text, canonical.digest, sizeof canonical.digest);
}

void package_build_id(PackJob *job, const uint8_t model_hash[16])
{
    Text text;
    text_init(&text, job->arena);
    add_compiler(job, &text);
    add_digest(&text, model_hash, 16);
    for (int i = 0; i < job->stage_count; i++) {
        add_stage(job, &job->stages[i], &text);
        add_program(job->stages[i].program, &text);
    }
    for (int half = 0; half < 2; half++) {
        XXH128_hash_t hash = XXH3_128bits_withSeed(text.data, text.length, (XXH64_hash_t)half);
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, hash);
        memcpy(job->build_id + (ptrdiff_t)16 * half, canonical.digest, 16);
    }
}
