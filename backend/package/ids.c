/* Ids: of each cut, each stage, and the package.
 *
 * A cut's is what the stages on both sides must agree on before they talk: lpc (its version, a hash of its sources),
 * the model (its bytes and the options that decide what is computed), the nodes that run before the cut, and the
 * tensors that cross it. Two models of equal shapes, or one model cut at another place, never have the same.
 *
 * A stage's is of all that decides its bytes: its two cuts, its target, the options that decide its code's form, the
 * backend with its revision, and the lowered program itself, in its text form. So an option that changes the code
 * changes the id without anybody having to list it, and a stage stays the same when others change.
 *
 * The package's, the build id, is of all of them and of the options that decide where the model is cut. Each is two
 * 128-bit XXH3 hashes with different seeds: they tell builds apart, they do not authenticate. */
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

static void add_digest(Text *text, const void *digest, size_t size)
{
    for (size_t i = 0; i < size; i++) text_printf(text, "%02x", ((const uint8_t *)digest)[i]);
    text_add(text, "\n");
}

/* What all ids have: who made it, of what. */
static void add_origin(PackJob *job, const char *of_what, Text *text)
{
    text_init(text, job->arena);
    text_printf(text, "%s by lpc %s %s\n", of_what, LPC_VERSION, source_hash);
    add_digest(text, job->model_hash, sizeof job->model_hash);
}

static void finish(const Text *text, uint8_t id[PACKAGE_ID_BYTES])
{
    for (int half = 0; half < 2; half++) {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(
            &canonical, XXH3_128bits_withSeed(text->data, text->length, (XXH64_hash_t)half));
        memcpy(id + (ptrdiff_t)16 * half, canonical.digest, 16);
    }
}

/* ---- A cut ---- */

static void set_cut_id(PackJob *job, PackContract *contract)
{
    Text text;
    add_origin(job, "cut", &text);
    for (int i = 0; i < job->state_symbol_count; i++)
        text_printf(&text, "state %d %s\n", job->state_symbols[i].sym,
                    size_text(job->sizes, job->state_symbols[i].next));
    text_printf(&text, "after %d nodes ", contract->before_count);
    add_digest(&text, contract->before, sizeof contract->before);
    package_contract_text(job, contract, &text);
    finish(&text, contract->id);
}

/* ---- A stage ---- */

static void add_form(PackJob *job, const PackStage *stage, Text *text)
{
    text_printf(text, "emit %s ", job->backend->name);
    if (job->backend->revision) job->backend->revision(text);
    text_printf(text, "\nmodel %s portable %d profile %d threads %d weights %d\n%s", job->model,
                job->portable, job->profile, job->threads, (int)package_weights(job, stage),
                job->form);
}

static void add_target(Text *text, const Target *t)
{
    text_printf(text, "%s cpu %s features %s vectors %d x %d\n", t->triple, t->cpu, t->features,
                t->vector_bits, t->vector_registers);
    add_words(text, "cflags", t->cflags, t->cflag_count);
    add_words(text, "link", t->link_flags, t->link_flag_count);
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

static void set_stage_id(PackJob *job, PackStage *stage, int index)
{
    const Program *p = stage->program;
    Text text;
    add_origin(job, "stage", &text);
    add_form(job, stage, &text);
    text_printf(&text, "stage %s %s %s at %d of %s\n", stage->name, stage->prefix, stage->header,
                index, job->model_file);
    add_target(&text, stage->target);
    add_digest(&text, stage->in.id, sizeof stage->in.id);
    add_digest(&text, stage->out.id, sizeof stage->out.id);
    text_printf(&text, "memory %lld %lld %lld\n", (long long)p->work_bytes,
                (long long)p->state_bytes, (long long)p->const_bytes);
    add_program(p, &text);
    finish(&text, stage->id);
}

void package_ids(PackJob *job)
{
    Text text;
    add_origin(job, "package", &text);
    for (int i = 0; i < job->stage_count; i++) {
        PackStage *stage = &job->stages[i];
        set_cut_id(job, &stage->in);
        set_cut_id(job, &stage->out);
        set_stage_id(job, stage, i);
        add_digest(&text, stage->id, sizeof stage->id);
    }
    text_add(&text, job->cutting);
    finish(&text, job->build_id);
}

const char *package_id_text(PackJob *job, const uint8_t id[PACKAGE_ID_BYTES])
{
    Text text;
    text_init(&text, job->arena);
    for (int i = 0; i < PACKAGE_ID_BYTES; i++) text_printf(&text, "%02x", id[i]);
    return text.data;
}

void package_id_bytes(Text *text, const uint8_t id[PACKAGE_ID_BYTES])
{
    for (int i = 0; i < PACKAGE_ID_BYTES; i++)
        text_printf(text, "%s%d", !i ? "" : i == 16 ? ",\n     " : ", ", id[i]);
}
