/* Hashes of strings: where a string stands in a list that is known, and MurmurHash3. */
#include "passes/lower/strings/strings.h"

#include "passes/lower/strings/words.h"

/* ---- Lists of words ---- */

static const uint64_t fnv_start = 0xcbf29ce484222325u, fnv_factor = 0x100000001b3u;

/* FNV-1a, spread. */
static uint64_t word_hash(uint64_t seed, const char *text, size_t length)
{
    uint64_t hash = fnv_start ^ seed;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)text[i]) * fnv_factor;
    return perfect_mix(hash);
}

static Inst *emit_word_hash(Lower *lw, const Str *s, Inst *length, uint64_t seed)
{
    Builder *b = &lw->b;
    Cell *hash =
        kb_cell(b, "hash", (LType){DT_U64, 1}, kb_int(b, DT_U64, (int64_t)(fnv_start ^ seed)));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), length, 1);
    Inst *byte = kb_cast(b, DT_U64, str_byte(lw, s, i));
    Inst *mixed = kb_op(b, LI_XOR, kb_get(b, hash), byte);
    kb_set(b, hash, kb_mul(b, mixed, kb_int(b, DT_U64, (int64_t)fnv_factor)));
    kb_end(b);
    return perfect_emit_mix(b, kb_get(b, hash));
}

int words_build(Lower *lw, int64_t count, const Word *given, Words *words)
{
    Arena *arena = lw->arena;
    enum { SEEDS = 64 };
    int64_t bytes = 0;
    uint64_t *hashes = arena_array(arena, (size_t)count + 1, sizeof *hashes);
    *words = (Words){.count = count};
    words->starts = arena_array(arena, (size_t)count + 1, sizeof *words->starts);
    for (int64_t i = 0; i < count; i++) {
        words->starts[i] = (int32_t)bytes;
        bytes += (int64_t)given[i].length;
    }
    words->starts[count] = (int32_t)bytes;
    if (bytes > INT32_MAX) return diag_node(lw->diag, &lw->node->origin, "too many words");
    words->bytes = arena_alloc(arena, (size_t)bytes + 1);
    for (int64_t i = 0; i < count; i++)
        memcpy(words->bytes + words->starts[i], given[i].text, given[i].length);
    for (; words->seed < SEEDS; words->seed++) {
        for (int64_t i = 0; i < count; i++)
            hashes[i] = word_hash(words->seed, given[i].text, given[i].length);
        if (perfect_build(arena, count, hashes, &words->perfect)) return 0;
    }
    return diag_node(lw->diag, &lw->node->origin, "its %lld words cannot be told apart",
                     (long long)count);
}

/* The word at `key` is the string, or -1. */
static Inst *confirm(Lower *lw, const Words *words, const Str *s, Inst *length, Inst *key)
{
    Builder *b = &lw->b;
    Param *starts = str_table(lw, "starts", DT_I32, words->count + 1, words->starts);
    int64_t bytes = words->starts[words->count];
    Param *text = str_table(lw, "words", DT_U8, bytes ? bytes : 1, words->bytes);
    Cell *found = str_cell(lw, "found", -1);
    kb_if(b, kb_op(b, LI_GE, key, kb_i64(b, 0)));
    Inst *start = kb_cast(b, DT_I64, kb_load(b, starts, key));
    Inst *end = kb_cast(b, DT_I64, kb_load(b, starts, kb_addi(b, key, 1)));
    kb_if(b, kb_op(b, LI_EQ, kb_sub(b, end, start), length));
    kb_set(b, found, key);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), length, 1);
    Inst *byte = kb_cast(b, DT_I64, kb_load(b, text, kb_add(b, start, i)));
    kb_if(b, kb_op(b, LI_NE, byte, str_byte(lw, s, i)));
    kb_set(b, found, kb_i64(b, -1));
    kb_break(b);
    kb_end(b);
    kb_end(b);
    kb_end(b);
    kb_end(b);
    return kb_get(b, found);
}

Inst *words_find(Lower *lw, const Words *words, const Str *s)
{
    if (!words->count) return kb_i64(&lw->b, -1);
    Inst *length = str_length(lw, s);
    Inst *hash = emit_word_hash(lw, s, length, words->seed);
    return confirm(lw, words, s, length, perfect_look(lw, "words", &words->perfect, hash));
}

/* ---- lpc.StringIndex ---- */

/* Which of the words of input 1, a constant whose words differ, each string is; -1: none. */
int lower_string_index(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *keys = node->in[1], *out = node_result(node);
    Words words;
    Inst *idx[MAX_RANK] = {0};
    if (!keys->data) return diag_node(lw->diag, &node->origin, "its words are not known");
    int64_t count = tensor_static_elements(keys);
    Word *list = arena_array(lw->arena, (size_t)count + 1, sizeof *list);
    for (int64_t i = 0; i < count; i++) {
        const char *element = (const char *)keys->data->data + i * dtype_cells(keys->dtype);
        list[i] = (Word){string_text(element), string_length(keys->dtype, element)};
    }
    TRY(words_build(lw, count, list, &words));
    lower_begin(lw, NULL);
    double work = (double)dtype_cells(x->dtype);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, work, idx);
    Str s = str_in(lw, x, idx);
    lower_store(lw, idx, words_find(lw, &words, &s));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

/* ---- lpc.StringHash: MurmurHash3_x86_32 (Austin Appleby, public domain) of a string's bytes ---- */

static Inst *u32(Builder *b, uint32_t value)
{
    return kb_int(b, DT_U32, value);
}

static Inst *rotate(Builder *b, Inst *a, uint32_t count)
{
    Inst *up = kb_op(b, LI_SHL, a, u32(b, count));
    return kb_op(b, LI_OR, up, kb_op(b, LI_SHR, a, u32(b, 32 - count)));
}

static Inst *scramble(Builder *b, Inst *word)
{
    word = rotate(b, kb_mul(b, word, u32(b, 0xcc9e2d51)), 15);
    return kb_mul(b, word, u32(b, 0x1b873593));
}

static Inst *finish(Builder *b, Inst *hash)
{
    hash = kb_op(b, LI_XOR, hash, kb_op(b, LI_SHR, hash, u32(b, 16)));
    hash = kb_mul(b, hash, u32(b, 0x85ebca6b));
    hash = kb_op(b, LI_XOR, hash, kb_op(b, LI_SHR, hash, u32(b, 13)));
    hash = kb_mul(b, hash, u32(b, 0xc2b2ae35));
    return kb_op(b, LI_XOR, hash, kb_op(b, LI_SHR, hash, u32(b, 16)));
}

static Inst *byte_of_word(Lower *lw, const Str *s, Inst *at, int k)
{
    Builder *b = &lw->b;
    Inst *byte = kb_cast(b, DT_U32, str_byte(lw, s, kb_addi(b, at, k)));
    return kb_op(b, LI_SHL, byte, u32(b, 8 * (uint32_t)k));
}

static Inst *murmur(Lower *lw, const Str *s, uint32_t seed)
{
    Builder *b = &lw->b;
    Inst *length = str_length(lw, s), *rest = kb_op(b, LI_AND, length, kb_i64(b, 3));
    Inst *whole = kb_sub(b, length, rest);
    Cell *hash = kb_cell(b, "hash", (LType){DT_U32, 1}, u32(b, seed));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), whole, 4);
    Inst *word = byte_of_word(lw, s, i, 0);
    for (int k = 1; k < 4; k++) word = kb_op(b, LI_OR, word, byte_of_word(lw, s, i, k));
    Inst *mixed = kb_get(b, hash);
    mixed = rotate(b, kb_op(b, LI_XOR, mixed, scramble(b, word)), 13);
    kb_set(b, hash, kb_add(b, kb_mul(b, mixed, u32(b, 5)), u32(b, 0xe6546b64)));
    kb_end(b);
    Cell *last = kb_cell(b, "last", (LType){DT_U32, 1}, u32(b, 0));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), rest, 1);
    Inst *byte = kb_cast(b, DT_U32, str_byte(lw, s, kb_add(b, whole, k)));
    Inst *shift = kb_cast(b, DT_U32, kb_muli(b, k, 8));
    Inst *before = kb_get(b, last);
    kb_set(b, last, kb_op(b, LI_OR, before, kb_op(b, LI_SHL, byte, shift)));
    kb_end(b);
    Inst *all = kb_get(b, hash);
    all = kb_op(b, LI_XOR, all, scramble(b, kb_get(b, last)));
    return finish(b, kb_op(b, LI_XOR, all, kb_cast(b, DT_U32, length)));
}

int lower_string_hash(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node_result(node);
    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, NULL);
    double work = 2 * (double)dtype_cells(x->dtype);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, work, idx);
    Str s = str_in(lw, x, idx);
    lower_store(lw, idx, murmur(lw, &s, (uint32_t)node_int(node, "seed")));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
