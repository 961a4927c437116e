/* Random operators: which stream of numbers a node draws from.
 *
 * A stream is a key, and a position in it is an element's index and the iteration of the loops around the
 * node (passes/lower/elementwise/random.c draws the numbers). So what a node draws follows from the
 * model and the option alone, not from where or in how many parts it runs. */
#include "frontend/import.h"

#include <string.h>

/* The last steps of MurmurHash3 with the constants of SplitMix64: keys that are neighbours become
 * keys that have nothing in common. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

enum { GIVEN = 1, NUMBERED = 2 }; /* kinds of keys, so that none is the other kind's */

/* From the node's seed; without one from --random-seed and the node's number among those without. */
static int64_t stream_key(Call *call)
{
    const Attr *seed = attr_find(call, "seed");
    uint64_t key;
    if (seed && seed->kind == ATTR_INT) {
        key = mix(mix(GIVEN) + (uint64_t)seed->ints[0]);
    } else if (seed && seed->kind == ATTR_FLOAT) {
        uint64_t bits;
        memcpy(&bits, seed->floats, sizeof bits);
        key = mix(mix(GIVEN) + bits);
    } else {
        key = mix(mix(NUMBERED) + (uint64_t)call->im->options->random_seed);
        key = mix(key + (uint64_t)call->im->random_nodes++);
    }
    return (int64_t)key;
}

/* The number of the iteration as an i64 scalar; NULL outside of loops. Of loops within each other the
 * outer number is spread by the golden ratio, so that no two iterations get one number. */
static Tensor *iteration(Call *call)
{
    static const int64_t golden = -7046029254386353131; /* 2^64 / golden ratio, modulo 2^64 */
    Tensor *inner = NULL;
    int64_t factor = golden;
    for (const Region *r = region_body(call->scope->region); r; r = region_body(r->parent)) {
        Tensor *number = r->enter->out[0];
        if (!inner) {
            inner = number;
            continue;
        }
        int64_t *value = arena_alloc(call->im->arena, sizeof *value);
        *value = factor;
        Tensor *spread = graph_const(call->im->graph, NULL, DT_I64, 0, NULL, value);
        number = call_make(call, OP_MUL, number, spread, NULL);
        inner = call_make(call, OP_ADD, number, inner, NULL);
        factor = (int64_t)((uint64_t)factor * (uint64_t)golden);
    }
    return inner;
}

/* Every random operator: the record has, after the operator's own inputs, one for the iteration. */
int canon_random(Call *call)
{
    int own = op_info(op_find(call->op, strlen(call->op)))->in_max - 1;
    if (call->in_count > own)
        return call_fail(call, "expected at most %d inputs, got %d", own, call->in_count);
    if (attr_find(call, "key")) return call_fail(call, "attribute 'key' is not known");
    attr_set_int(call, "key", stream_key(call));
    Tensor *number = iteration(call);
    if (number) call_set_in(call, own, number);
    return LPC_OK;
}
