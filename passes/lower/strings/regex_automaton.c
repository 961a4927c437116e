/* Trees to tables, by way of a nondeterministic automaton over bytes.
 *
 * A state of the table is a set of places in that automaton and what stands before them. Assertions look at
 * both sides: those in a set are passed, or not, once the next byte is known. See regex.h. */
#include "passes/lower/strings/regex.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PLACES = 20000, MOST_STATES = 4096, MOST_ENTRIES = 1 << 20 };

/* ---- The nondeterministic automaton ---- */

typedef enum PlaceKind { PLACE_BYTES, PLACE_BOTH, PLACE_ASSERT, PLACE_MATCH } PlaceKind;

typedef struct NfaPlace {
    PlaceKind kind;
    uint8_t low, high; /* BYTES: which lead to `next` */
    RegexAssert what;
    int next, other;
} NfaPlace;

typedef struct Nfa {
    Arena *arena;
    NfaPlace *places;
    int count;
    bool looks_around; /* has assertions */
} Nfa;

static int add_place(Nfa *nfa, NfaPlace place)
{
    if (nfa->count >= MOST_PLACES) return 0;
    arena_push(nfa->arena, nfa->places, nfa->count) = place;
    return nfa->count - 1;
}

static int both(Nfa *nfa, int next, int other)
{
    return add_place(nfa, (NfaPlace){.kind = PLACE_BOTH, .next = next, .other = other});
}

static int bytes(Nfa *nfa, int low, int high, int next)
{
    return add_place(
        nfa,
        (NfaPlace){.kind = PLACE_BYTES, .low = (uint8_t)low, .high = (uint8_t)high, .next = next});
}

/* Characters of one length in bytes whose bytes, but the first that differs, are all possible ones:
 * what lies between is cut until it is so. */
static int utf8_range(Nfa *nfa, int32_t first, int32_t last, int next, int otherwise)
{
    static const int32_t ends[] = {0x7f, 0x7ff, 0xffff};
    for (int i = 0; i < 3; i++) {
        if (first > ends[i] || last <= ends[i]) continue;
        otherwise = utf8_range(nfa, first, ends[i], next, otherwise);
        return utf8_range(nfa, ends[i] + 1, last, next, otherwise);
    }
    int more = last < 0x80 ? 0 : last < 0x800 ? 1 : last < 0x10000 ? 2 : 3;
    for (int i = 1; i <= more; i++) {
        int32_t mask = (1 << (6 * i)) - 1;
        if ((first & ~mask) == (last & ~mask)) continue;
        if (first & mask) {
            otherwise = utf8_range(nfa, first, first | mask, next, otherwise);
            return utf8_range(nfa, (first | mask) + 1, last, next, otherwise);
        }
        if ((last & mask) != mask) {
            otherwise = utf8_range(nfa, first, (last & ~mask) - 1, next, otherwise);
            return utf8_range(nfa, last & ~mask, last, next, otherwise);
        }
    }
    static const int heads[] = {0, 0xc0, 0xe0, 0xf0};
    for (int i = 0; i < more; i++)
        next = bytes(nfa, 0x80 | (first >> (6 * i) & 0x3f), 0x80 | (last >> (6 * i) & 0x3f), next);
    int one = bytes(nfa, heads[more] | first >> (6 * more), heads[more] | last >> (6 * more), next);
    return otherwise ? both(nfa, one, otherwise) : one;
}

/* Place 0 leads nowhere. */
static int add_chars(Nfa *nfa, const Chars *chars, int next)
{
    int all = 0;
    for (int i = 0; i < chars->count; i++)
        all = utf8_range(nfa, chars->ranges[i].first, chars->ranges[i].last, next, all);
    return all;
}

static int build(Nfa *nfa, const Regex *regex, int next);

static int build_repeat(Nfa *nfa, const Regex *regex, int next)
{
    int place = next;
    if (regex->most < 0) {
        place = both(nfa, 0, next);
        int inside = build(nfa, regex->a, place);
        nfa->places[place].next = inside;
    }
    for (int i = regex->least; i < regex->most && nfa->count < MOST_PLACES; i++)
        place = both(nfa, build(nfa, regex->a, place), next);
    for (int i = 0; i < regex->least && nfa->count < MOST_PLACES; i++)
        place = build(nfa, regex->a, place);
    return place;
}

/* Where the expression begins when what follows it begins at `next`. */
static int build(Nfa *nfa, const Regex *regex, int next)
{
    switch (regex->kind) {
    case REGEX_EMPTY: return next;
    case REGEX_CHARS: return add_chars(nfa, &regex->chars, next);
    case REGEX_BYTE: return bytes(nfa, 0, 255, next);
    case REGEX_CAT: return build(nfa, regex->a, build(nfa, regex->c, next));
    case REGEX_ALT: return both(nfa, build(nfa, regex->a, next), build(nfa, regex->c, next));
    case REGEX_REPEAT: return build_repeat(nfa, regex, next);
    case REGEX_ASSERT: break;
    }
    nfa->looks_around = true;
    return add_place(nfa, (NfaPlace){.kind = PLACE_ASSERT, .what = regex->what, .next = next});
}

/* ---- Sets of places ---- */

enum { TEXT_ENDS = 256 }; /* in place of the next byte */

static bool is_word(int byte)
{
    return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
}

static bool holds(RegexAssert what, int before, int byte)
{
    bool edge = (before == AFTER_WORD) != is_word(byte);
    switch (what) {
    case ASSERT_TEXT_BEGIN: return before == AFTER_NOTHING;
    case ASSERT_TEXT_END: return byte == TEXT_ENDS;
    case ASSERT_LINE_BEGIN: return before == AFTER_NOTHING || before == AFTER_NEWLINE;
    case ASSERT_LINE_END: return byte == TEXT_ENDS || byte == '\n';
    case ASSERT_WORD_EDGE: return edge;
    case ASSERT_NO_WORD_EDGE: return !edge;
    }
    return false;
}

typedef struct Set {
    int *places;
    int count;
    bool *has; /* by place */
    int *stack;
} Set;

static Set new_set(Arena *arena, const Nfa *nfa)
{
    size_t count = (size_t)nfa->count;
    return (Set){arena_array(arena, count, sizeof(int)), 0, arena_array(arena, count, 1),
                 arena_array(arena, count * 2 + 2, sizeof(int))};
}

static void clear(Set *set)
{
    for (int i = 0; i < set->count; i++) set->has[set->places[i]] = false;
    set->count = 0;
}

/* Adds a place and all that are reached without a byte; assertions are passed where they hold before
 * `byte`, and with byte -1 none is. */
static void reach(const Nfa *nfa, Set *set, int place, int before, int byte)
{
    int depth = 0;
    set->stack[depth++] = place;
    while (depth > 0) {
        place = set->stack[--depth];
        if (!place || set->has[place]) continue;
        const NfaPlace *p = &nfa->places[place];
        set->has[place] = true;
        set->places[set->count++] = place;
        if (p->kind == PLACE_BOTH) {
            set->stack[depth++] = p->other;
            set->stack[depth++] = p->next;
        } else if (p->kind == PLACE_ASSERT && byte >= 0 && holds(p->what, before, byte)) {
            set->stack[depth++] = p->next;
        }
    }
}

static int by_number(const void *a, const void *c)
{
    return *(const int *)a - *(const int *)c;
}

/* ---- The table ---- */

typedef struct State {
    int *places; /* in order, without those that only lead on */
    int count, before;
} State;

typedef struct Determinise {
    Arena *arena;
    const Nfa *nfa;
    Automaton *automaton;
    State *states;
    int count;
    int *slots; /* state by a hash of its places; 0: free, as is the dead state */
    int slot_count;
    Set now, next;
    int sample[257]; /* by class: one of its bytes */
} Determinise;

static uint32_t hash_state(const State *s)
{
    uint32_t hash = (uint32_t)s->before + 1;
    for (int i = 0; i < s->count; i++) hash = (hash ^ (uint32_t)s->places[i]) * 0x01000193u;
    return hash;
}

/* The state of the places in `set`, made when it is new; 0 for none, -1 when there are too many. */
static int state_of(Determinise *d, const Set *set, int before)
{
    State s = {arena_array(d->arena, (size_t)set->count + 1, sizeof(int)), 0, before};
    for (int i = 0; i < set->count; i++) {
        if (d->nfa->places[set->places[i]].kind != PLACE_BOTH) s.places[s.count++] = set->places[i];
    }
    if (!s.count) return 0;
    qsort(s.places, (size_t)s.count, sizeof *s.places, by_number);
    uint32_t at = hash_state(&s) % (uint32_t)d->slot_count;
    for (; d->slots[at]; at = (at + 1) % (uint32_t)d->slot_count) {
        const State *old = &d->states[d->slots[at]];
        if (old->count == s.count && old->before == before &&
            !memcmp(old->places, s.places, (size_t)s.count * sizeof *s.places))
            return d->slots[at];
    }
    if (d->count >= MOST_STATES || d->count * d->automaton->classes >= MOST_ENTRIES) return -1;
    d->slots[at] = d->count;
    arena_push(d->arena, d->states, d->count) = s;
    return d->count - 1;
}

static int context_after(const Nfa *nfa, int byte)
{
    if (!nfa->looks_around) return AFTER_OTHER;
    return byte == '\n' ? AFTER_NEWLINE : is_word(byte) ? AFTER_WORD : AFTER_OTHER;
}

/* All places of the state, assertions passed; does the expression match before `byte`? */
static bool look(Determinise *d, int state, int byte)
{
    bool matches = false;
    clear(&d->now);
    for (int i = 0; i < d->states[state].count; i++)
        reach(d->nfa, &d->now, d->states[state].places[i], d->states[state].before, byte);
    for (int i = 0; i < d->now.count; i++)
        matches = matches || d->nfa->places[d->now.places[i]].kind == PLACE_MATCH;
    return matches;
}

static int advance(Determinise *d, int state, int byte, int32_t *entry)
{
    bool matches = look(d, state, byte);
    clear(&d->next);
    for (int i = 0; i < d->now.count; i++) {
        const NfaPlace *p = &d->nfa->places[d->now.places[i]];
        if (p->kind == PLACE_BYTES && byte >= p->low && byte <= p->high)
            reach(d->nfa, &d->next, p->next, 0, -1);
    }
    int next = state_of(d, &d->next, context_after(d->nfa, byte));
    *entry = next | (matches ? MATCHED : 0);
    return next;
}

/* Bytes that no place tells apart are one class. */
static void find_classes(Determinise *d)
{
    bool begins[257] = {false};
    Automaton *a = d->automaton;
    for (int i = 1; i < d->nfa->count; i++) {
        const NfaPlace *p = &d->nfa->places[i];
        if (p->kind == PLACE_BYTES) begins[p->low] = begins[p->high + 1] = true;
    }
    for (int byte = 1; byte < 256 && d->nfa->looks_around; byte++) {
        if (context_after(d->nfa, byte) != context_after(d->nfa, byte - 1)) begins[byte] = true;
    }
    a->classes = 1;
    for (int byte = 1; byte < 256; byte++) {
        if (begins[byte]) d->sample[a->classes++] = byte;
        a->class_of[byte] = (uint8_t)(a->classes - 1);
    }
}

static int determinise(Determinise *d, int begin)
{
    Automaton *a = d->automaton;
    a->class_of = arena_alloc(d->arena, 256);
    find_classes(d);
    arena_push(d->arena, d->states, d->count) = (State){0}; /* the dead one */
    for (int context = 0; context < CONTEXTS; context++) {
        clear(&d->next);
        reach(d->nfa, &d->next, begin, 0, -1);
        a->start[context] = state_of(d, &d->next, d->nfa->looks_around ? context : AFTER_OTHER);
    }
    size_t room = (size_t)MOST_STATES * (size_t)a->classes;
    if (room > MOST_ENTRIES + (size_t)a->classes) room = MOST_ENTRIES + (size_t)a->classes;
    a->next = arena_array(d->arena, room, sizeof *a->next);
    a->ends = arena_array(d->arena, MOST_STATES, 1);
    for (int s = 1; s < d->count; s++) {
        a->ends[s] = look(d, s, TEXT_ENDS);
        for (int c = 0; c < a->classes; c++) {
            if (advance(d, s, d->sample[c], &a->next[s * a->classes + c]) < 0) return -1;
        }
    }
    a->states = d->count;
    return 0;
}

int regex_compile(Arena *arena, const char *pattern, Automaton *automaton, const char **problem)
{
    *automaton = (Automaton){0};
    const Regex *regex = regex_parse(arena, pattern, problem);
    if (!regex) return LPC_ERROR;
    Nfa nfa = {.arena = arena};
    add_place(&nfa, (NfaPlace){.kind = PLACE_BYTES, .low = 1});
    int match = add_place(&nfa, (NfaPlace){.kind = PLACE_MATCH});
    int begin = build(&nfa, regex, match);
    Determinise d = {.arena = arena, .nfa = &nfa, .automaton = automaton};
    d.slot_count = 2 * MOST_STATES + 1;
    d.slots = arena_array(arena, (size_t)d.slot_count, sizeof *d.slots);
    d.now = new_set(arena, &nfa);
    d.next = new_set(arena, &nfa);
    if (nfa.count < MOST_PLACES && !determinise(&d, begin)) return 0;
    *problem = "needs a larger automaton than is made";
    return LPC_ERROR;
}
