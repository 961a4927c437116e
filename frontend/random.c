/* Random operators: which stream of numbers a node draws from.
 *
 * A stream is a key, and a position in it is an element's index and a number for which time it is: the
 * iteration of the loops around the node, and the value of --random-input
 * (passes/lower/elementwise/random.c draws the numbers). So what a node draws follows from the
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

/* inner + outer * factor */
static Tensor *combine(Call *call, Tensor *inner, Tensor *outer, uint64_t factor)
{
    if (!inner || !outer) return inner ? inner : outer;
    int64_t *value = arena_alloc(call->im->arena, sizeof *value);
    *value = (int64_t)factor;
    Tensor *spread = graph_const(call->im->graph, NULL, DT_I64, 0, NULL, value);
    return call_make(call, OP_ADD, call_make(call, OP_MUL, outer, spread, NULL), inner, NULL);
}

/* Which time it is, as an i64 scalar; NULL: the node runs once, always the same. An outer number is spread
 * by powers of the golden ratio, so that no two times get one number. */
static Tensor *which_time(Call *call)
{
    static const uint64_t golden = 0x9e3779b97f4a7c15u; /* 2^64 over it */
    Tensor *time = NULL;
    uint64_t factor = 1;
    for (const Region *r = region_body(call->scope->region); r; r = region_body(r->parent)) {
        time = combine(call, time, r->enter->out[0], factor);
        factor *= golden;
    }
    return combine(call, time, call->im->random_input, factor);
}

int random_read_input(Import *im, Scope *scope)
{
    const char *name = im->options->random_input;
    if (!name) return LPC_OK;
    if (!scope_find(scope, name, &im->random_input)) {
        im->random_input = graph_tensor(im->graph, name, DT_I64, 0, NULL);
        arena_push(im->arena, im->graph->inputs, im->graph->input_count) = im->random_input;
        scope_bind(scope, name, im->random_input);
        return LPC_OK;
    }
    const Tensor *own = im->random_input;
    if (own->dtype == DT_I64 && own->rank == 0) return LPC_OK;
    return diag_error(im->diag, "--random-input %s: the model's '%s' is no int64 scalar", name,
                      name);
}

/* Every random operator: the record has, after the operator's own inputs, one for the time. */
int canon_random(Call *call)
{
    int own = op_info(op_find(call->op, strlen(call->op)))->in_max - 1;
    if (call->in_count > own)
        return call_fail(call, "expected at most %d inputs, got %d", own, call->in_count);
    if (attr_find(call, "key")) return call_fail(call, "attribute 'key' is not known");
    attr_set_int(call, "key", stream_key(call));
    Tensor *time = which_time(call);
    if (time) call_set_in(call, own, time);
    return LPC_OK;
}
