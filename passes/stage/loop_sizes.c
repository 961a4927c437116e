/* Sizes of what loops carry: at an iteration's end the symbols that stand for them get their next
 * values.
 *
 * All next values are of what the symbols were in this iteration, while main sets one symbol after
 * the other. So a symbol is set only once nobody reads its old value any more; of symbols that all
 * read each other (two values that change places), one's next value is kept in memory until then.
 */
#include "passes/stage/loop.h"

typedef struct Next {
    int sym;
    const Size *size;
    Buffer *kept; /* where its value is already; NULL: it is `size` */
    bool done;
} Next;

typedef struct NextSizes {
    Next *items;
    int count;
} NextSizes;

/* A size of a carried value that the loop sets anew in each iteration: the symbol that it is. */
static bool is_set_anew(const Lower *lw, const Node *enter, int i, int axis)
{
    const Size *size = enter->out[2 + i]->dims[axis];
    if (size->kind != SIZE_SYM || size == enter->in[2 + i]->dims[axis]) return false;
    LoopCount count;
    loop_count(lw->graph, enter, &count);
    return size != count.iteration && sizes_symbol_at(lw->sizes, size->sym)->source == SYM_NODE;
}

static NextSizes find_sizes(const Lower *lw, const Node *enter, Tensor *const *from)
{
    NextSizes list = {0};
    for (int i = 0; i < enter->in_count - 2; i++) {
        const Tensor *now = enter->out[2 + i];
        for (int k = 0; now && k < now->rank; k++) {
            if (!is_set_anew(lw, enter, i, k) || from[i]->dims[k] == now->dims[k]) continue;
            arena_push(lw->arena, list.items, list.count) =
                (Next){.sym = now->dims[k]->sym, .size = from[i]->dims[k]};
        }
    }
    return list;
}

static bool reads(const Size *size, int sym)
{
    if (size->kind == SIZE_CONST) return false;
    if (size->kind == SIZE_SYM) return size->sym == sym;
    return reads(size->a, sym) || reads(size->b, sym);
}

/* Does another one that is still to be set need the old value? */
static bool is_needed(const NextSizes *list, const Next *next)
{
    for (int i = 0; i < list->count; i++) {
        const Next *other = &list->items[i];
        if (other == next || other->done || other->kept) continue;
        if (reads(other->size, next->sym)) return true;
    }
    return false;
}

static int keep(Lower *lw, const Node *enter, Next *next)
{
    const char *symbol = sizes_symbol_at(lw->sizes, next->sym)->name;
    const char *name = arena_printf(lw->arena, "next_%s", symbol);
    Place place = {.offset = size_const(lw->sizes, 0)};
    place.buffer = program_buffer(lw->program, name, BUFFER_WORK, DT_I64, size_const(lw->sizes, 1));
    Tensor *out = place_alias(lw, &(Tensor){.dtype = DT_I64}, name, &place);
    out->values = arena_array(lw->arena, 1, sizeof *out->values);
    out->values[0] = next->size;
    out->value_count = 1;
    Node node = {.id = enter->id, .op = OP_VALUES, .name = name, .origin = enter->origin};
    node.out = &out;
    node.out_count = 1;
    next->kept = place.buffer;
    return lower_node(lw, &node);
}

static void set(Lower *lw, Next *next)
{
    if (next->kept)
        main_set_from(lw->program, lw->main, next->sym, next->kept, size_const(lw->sizes, 0));
    else
        main_set(lw->program, lw->main, next->sym, next->size);
    next->done = true;
}

/* The first one that can be set; with none, the first one that is not kept (*cycle). NULL: all are.
 */
static Next *choose(const NextSizes *list, bool *cycle)
{
    Next *waiting = NULL;
    *cycle = false;
    for (int i = 0; i < list->count; i++) {
        Next *next = &list->items[i];
        if (next->done) continue;
        if (!is_needed(list, next)) return next;
        if (!next->kept && !waiting) waiting = next;
    }
    *cycle = waiting != NULL;
    return waiting;
}

int loop_set_sizes(Lower *lw, const Node *enter, Tensor *const *from)
{
    NextSizes list = find_sizes(lw, enter, from);
    bool cycle;
    for (Next *next; (next = choose(&list, &cycle));) {
        if (cycle)
            TRY(keep(lw, enter, next));
        else
            set(lw, next);
    }
    return 0;
}
