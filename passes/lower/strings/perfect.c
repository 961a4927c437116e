/* See perfect.h. */
#include "passes/lower/strings/perfect.h"

#include "passes/lower/strings/strings.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_DISPLACEMENTS = 1 << 16, KEYS_PER_BUCKET = 3 };

static const uint64_t factor = 0xd6e8feb86659fd93u;

uint64_t perfect_mix(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * factor;
    return hash ^ hash >> 32;
}

static Inst *fold_high(Builder *b, Inst *hash)
{
    return kb_op(b, LI_XOR, hash, kb_op(b, LI_SHR, hash, kb_int(b, DT_U64, 32)));
}

Inst *perfect_emit_mix(Builder *b, Inst *hash)
{
    hash = kb_mul(b, fold_high(b, hash), kb_int(b, DT_U64, (int64_t)factor));
    return fold_high(b, hash);
}

/* ---- Building ---- */

static int64_t slot_of(const Perfect *p, uint64_t hash, uint64_t displacement)
{
    uint64_t low = hash & UINT32_MAX, high = hash >> 32 | 1;
    return (int64_t)((low + displacement * high) & (uint64_t)(p->slots - 1));
}

static int64_t bucket_of(const Perfect *p, uint64_t hash)
{
    return (int64_t)(hash >> 40 & (uint64_t)(p->buckets - 1));
}

typedef struct Bucket {
    int64_t index, first, count; /* its keys in the list that is sorted by buckets */
} Bucket;

static int by_size(const void *a, const void *b)
{
    const Bucket *one = a, *other = b;
    if (one->count != other->count) return one->count > other->count ? -1 : 1;
    return one->index < other->index ? -1 : 1;
}

/* All of a bucket's keys into free slots; undone when one finds none. */
static bool try_displacement(Perfect *p, const Bucket *bucket, const int64_t *keys,
                             const uint64_t *hashes, uint64_t displacement)
{
    for (int64_t i = 0; i < bucket->count; i++) {
        int64_t key = keys[bucket->first + i], slot = slot_of(p, hashes[key], displacement);
        if (p->key[slot] < 0) {
            p->key[slot] = (int32_t)key;
            continue;
        }
        while (i-- > 0) p->key[slot_of(p, hashes[keys[bucket->first + i]], displacement)] = -1;
        return false;
    }
    p->displacement[bucket->index] = (int32_t)displacement;
    return true;
}

static Bucket *sort_into_buckets(Arena *arena, const Perfect *p, int64_t count,
                                 const uint64_t *hashes, int64_t *keys)
{
    Bucket *buckets = arena_array(arena, (size_t)p->buckets, sizeof *buckets);
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) buckets[bucket_of(p, hashes[i])].count++;
    for (int64_t i = 0; i < p->buckets; i++) {
        buckets[i].index = i;
        buckets[i].first = at;
        at += buckets[i].count;
        buckets[i].count = 0;
    }
    for (int64_t i = 0; i < count; i++) {
        Bucket *bucket = &buckets[bucket_of(p, hashes[i])];
        keys[bucket->first + bucket->count++] = i;
    }
    qsort(buckets, (size_t)p->buckets, sizeof *buckets, by_size);
    return buckets;
}

bool perfect_build(Arena *arena, int64_t count, const uint64_t *hashes, Perfect *p)
{
    *p = (Perfect){.buckets = 1, .slots = 1};
    while (p->buckets * KEYS_PER_BUCKET < count) p->buckets *= 2;
    while (p->slots * 4 < count * 5) p->slots *= 2;
    p->displacement = arena_array(arena, (size_t)p->buckets, sizeof *p->displacement);
    p->key = arena_array(arena, (size_t)p->slots, sizeof *p->key);
    for (int64_t i = 0; i < p->slots; i++) p->key[i] = -1;
    int64_t *keys = arena_array(arena, (size_t)count + 1, sizeof *keys);
    const Bucket *buckets = sort_into_buckets(arena, p, count, hashes, keys);
    for (int64_t i = 0; i < p->buckets && buckets[i].count; i++) {
        uint64_t d = 0;
        while (d < MOST_DISPLACEMENTS && !try_displacement(p, &buckets[i], keys, hashes, d)) d++;
        if (d == MOST_DISPLACEMENTS) return false;
    }
    return true;
}

/* ---- Looking ---- */

Inst *perfect_look(Lower *lw, const char *name, const Perfect *p, Inst *hash)
{
    Builder *b = &lw->b;
    Param *displacement = str_table(lw, arena_printf(lw->arena, "%s_displacements", name), DT_I32,
                                    p->buckets, p->displacement);
    Param *keys =
        str_table(lw, arena_printf(lw->arena, "%s_slots", name), DT_I32, p->slots, p->key);
    Inst *high = kb_op(b, LI_SHR, hash, kb_int(b, DT_U64, 32));
    Inst *bucket = kb_op(b, LI_AND, kb_op(b, LI_SHR, hash, kb_int(b, DT_U64, 40)),
                         kb_int(b, DT_U64, p->buckets - 1));
    Inst *d = kb_cast(b, DT_U64, kb_load(b, displacement, kb_cast(b, DT_I64, bucket)));
    Inst *low = kb_op(b, LI_AND, hash, kb_int(b, DT_U64, UINT32_MAX));
    Inst *step = kb_mul(b, d, kb_op(b, LI_OR, high, kb_int(b, DT_U64, 1)));
    Inst *slot = kb_op(b, LI_AND, kb_add(b, low, step), kb_int(b, DT_U64, p->slots - 1));
    return kb_cast(b, DT_I64, kb_load(b, keys, kb_cast(b, DT_I64, slot)));
}
