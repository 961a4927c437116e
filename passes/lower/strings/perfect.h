/* Perfect hashes of keys that are known at compile time: one look says which key it can only be.
 *
 * A key's 64-bit hash names a bucket, the bucket's displacement and the hash name a slot, and the slot
 * names the key (hash, displace and compress: Belazzougui, Botelho and Dietzfelbinger, 2009). */
#ifndef LPC_PASSES_LOWER_PERFECT_H
#define LPC_PASSES_LOWER_PERFECT_H

#include "passes/lower/frame/lower.h"

typedef struct Perfect {
    int64_t buckets, slots; /* powers of two */
    int32_t *displacement;  /* by bucket */
    int32_t *key;           /* by slot: index of the key, -1: none */
} Perfect;

/* false: no displacements were found, as with two equal hashes; another seed of the hash may do. */
bool perfect_build(Arena *arena, int64_t count, const uint64_t *hashes, Perfect *perfect);

/* Emits the look: the index of the only key that may have the hash (u64), i64, -1: none has. */
Inst *perfect_look(Lower *lw, const char *name, const Perfect *perfect, Inst *hash);

/* Spreads a hash's bits: what both sides end a hash with. */
uint64_t perfect_mix(uint64_t hash);
Inst *perfect_emit_mix(Builder *b, Inst *hash);

#endif
