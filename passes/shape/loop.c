/* Sizes in loops.
 *
 * The sizes and known contents of carried values are found by induction. The body is tried with what
 * enters it the first time. What comes out the same stays the same in every iteration. What comes
 * out different by d is tried again as first + d * iteration; when the body then makes
 * first + d * (iteration + 1), that is what it is in every iteration:
 *
 *     %i, -, %v = lpc.LoopEnter "loop" (8, -, %v0: [0])     %v: [loop_iteration]
 *     %n = Concat (%v, %x: [1]) in("loop")                  %n: [loop_iteration + 1]
 *     %y = lpc.LoopLeave (-, %n) of("loop")                 %y: [8]
 *
 * Other sizes become symbols that the loop sets anew in each iteration; other contents are not
 * known. */
#include "passes/shape/walk.h"

/* One size, or one element of a small tensor, as it enters the body. */
typedef struct Fact {
    const Size *first;  /* in the first iteration */
    const Size *step;   /* what each iteration adds; NULL: nothing */
    const Size *symbol; /* neither: what stands for it (sizes only) */
    int64_t bound;      /* of the symbol, as far as the body tells */
    const Size *jump;   /* what a first 1 becomes when that has nothing to do with it */
} Fact;

typedef struct Carried {
    Tensor *first, *out;
    Fact dims[MAX_RANK], *values;
    int value_count; /* 0: contents are not followed */
} Carried;

typedef struct Facts {
    Graph *g;
    Node *enter, *leave;
    const Size *iteration;
    bool *outside;    /* by symbol: has a value before the loop */
    int symbols;      /* length of outside: how many there were before the loop */
    Carried *carried; /* the condition first */
    int count;
} Facts;

/* ---- How often ---- */

static const Size *loop_symbol(Graph *g, const Node *enter, const char *suffix)
{
    int index = shape_node_symbol_index(g, enter, suffix);
    Symbol *symbol = sizes_symbol_at(g->sizes, index);
    if (symbol->max < 0) symbol->max = 0; /* until it is known; 0 for good when it is not used */
    return size_sym(g->sizes, index);
}

static bool known_single(Graph *g, Tensor *x, const Size **value)
{
    int count;
    const Size *const *values = tensor_values(g, x, &count);
    if (!values || count != 1) return false;
    *value = values[0];
    return true;
}

/* Is it absent, or known to be true? */
static bool is_true(Graph *g, Tensor *cond)
{
    const Size *value;
    return !cond || (known_single(g, cond, &value) && size_is_const(value) && value->value != 0);
}

static bool is_false(Graph *g, Tensor *cond)
{
    const Size *value;
    return cond && known_single(g, cond, &value) && size_is(value, 0);
}

void loop_count(Graph *g, const Node *enter, LoopCount *count)
{
    SizeTable *t = g->sizes;
    const Size *given, *zero = size_const(t, 0);
    Tensor *first = enter->in[1];
    *count = (LoopCount){.iteration = zero};
    bool has_given = enter->in[0] && known_single(g, enter->in[0], &given);
    if (has_given && !(size_is_const(given) && given->value >= LOOP_UNBOUNDED))
        count->limit = size_max(t, given, zero);
    else if (!has_given && enter->in[0])
        count->limit = loop_symbol(g, enter, "limit");
    else
        count->limit = size_const(t, LOOP_UNBOUNDED);
    count->limit_is_read = !has_given && enter->in[0];
    if (is_false(g, first)) count->limit = zero;
    count->has_cond = !is_true(g, first) || !is_true(g, enter->out[1]);
    bool once = size_is(count->limit, 1) && is_true(g, first);
    if (once || size_is(count->limit, 0)) count->has_cond = false;
    if (!once) count->iteration = loop_symbol(g, enter, "iteration");
    const Size *counter = loop_symbol(g, enter, "trips");
    count->counter = counter->sym;
    count->trips = count->has_cond || count->limit_is_read ? counter : count->limit;
}

static void set_bound(Graph *g, const Size *symbol, int64_t max)
{
    if (symbol->kind == SIZE_SYM) sizes_symbol_at(g->sizes, symbol->sym)->max = max;
}

/* A bound that the user gave, or an earlier run of the pass. */
static int64_t given_bound(Graph *g, const Size *symbol)
{
    int64_t max = symbol->kind == SIZE_SYM ? sizes_symbol_at(g->sizes, symbol->sym)->max : -1;
    return max > 0 ? max : LOOP_UNBOUNDED;
}

/* Bounds of the symbols that count iterations. */
static int64_t bound_count(Graph *g, const LoopCount *count)
{
    const Size *counter = size_sym(g->sizes, count->counter);
    int64_t most = given_bound(g, counter);
    int64_t known = count->limit_is_read ? LOOP_UNBOUNDED : size_upper(g->sizes, count->limit);
    if (known < most) most = known;
    set_bound(g, counter, most);
    if (count->limit_is_read) set_bound(g, count->limit, count->has_cond ? LOOP_UNBOUNDED : most);
    int64_t last = most >= LOOP_UNBOUNDED ? most : most - 1;
    set_bound(g, count->iteration, last > 0 ? last : 0);
    return most;
}

/* ---- Facts ---- */

static void note_symbols(Facts *f, const Size *size)
{
    if (!size || size->kind == SIZE_CONST) return;
    if (size->kind == SIZE_SYM) {
        f->outside[size->sym] = true;
        return;
    }
    note_symbols(f, size->a);
    note_symbols(f, size->b);
}

static void note_tensor(Facts *f, const Tensor *x)
{
    for (int i = 0; x && i < x->rank; i++) note_symbols(f, x->dims[i]);
    for (int i = 0; x && x->values && i < x->value_count; i++) note_symbols(f, x->values[i]);
}

/* Which symbols have a value before the loop. */
static void find_outside(Facts *f, int at)
{
    Graph *g = f->g;
    f->symbols = sizes_symbol_count(g->sizes);
    f->outside = arena_array(g->arena, (size_t)f->symbols, sizeof(bool));
    for (int i = 0; i < g->input_count; i++) note_tensor(f, g->inputs[i]);
    for (int i = 0; i < at; i++) {
        const Node *n = g->nodes[i];
        for (int k = 0; k < n->out_count && n->op != OP_DELETED; k++) note_tensor(f, n->out[k]);
    }
}

static bool is_outside(const Facts *f, const Size *size)
{
    if (size->kind == SIZE_CONST) return true;
    /* Symbols that were made since are the loop's own. */
    if (size->kind == SIZE_SYM) return size->sym < f->symbols && f->outside[size->sym];
    return is_outside(f, size->a) && is_outside(f, size->b);
}

static void start_values(Facts *f, Carried *c)
{
    int count = 0;
    if (!dtype_is_int(c->first->dtype) && c->first->dtype != DT_BOOL) return;
    if (!tensor_is_static(c->first)) return;
    const Size *const *values = tensor_values(f->g, c->first, &count);
    if (!values) return;
    c->values = arena_array(f->g->arena, (size_t)count + 1, sizeof *c->values);
    for (int i = 0; i < count; i++) c->values[i] = (Fact){.first = values[i]};
    c->value_count = count;
}

static void start(Facts *f, Graph *g, Node *enter, int at)
{
    *f = (Facts){.g = g, .enter = enter, .leave = enter->body->leave};
    f->count = enter->in_count - 1;
    f->carried = arena_array(g->arena, (size_t)f->count, sizeof *f->carried);
    find_outside(f, at);
    for (int i = 0; i < f->count; i++) {
        Carried *c = &f->carried[i];
        c->first = enter->in[1 + i];
        c->out = enter->out[1 + i];
        if (!c->first && c->out) { /* no condition to begin with is a true one */
            c->first = graph_scalar(g, NULL, DT_BOOL, 1);
            enter->in[1] = c->first;
        }
        if (!c->first) continue;
        for (int k = 0; k < c->first->rank; k++) c->dims[k].first = c->first->dims[k];
        start_values(f, c);
    }
}

static const Size *fact_at(const Facts *f, const Fact *fact, const Size *iteration)
{
    SizeTable *t = f->g->sizes;
    if (fact->symbol) return fact->symbol;
    if (!fact->step) return fact->first;
    return size_add(t, fact->first, size_mul(t, fact->step, iteration));
}

/* The tensor as it is at the start of that iteration. */
static void set_tensor(const Facts *f, const Carried *c, Tensor *x, const Size *iteration)
{
    x->dtype = c->first->dtype;
    x->rank = c->first->rank;
    x->values = NULL;
    for (int k = 0; k < x->rank; k++) x->dims[k] = fact_at(f, &c->dims[k], iteration);
    if (!c->value_count) return;
    x->values = arena_array(f->g->arena, (size_t)c->value_count, sizeof *x->values);
    x->value_count = c->value_count;
    for (int i = 0; i < c->value_count; i++) x->values[i] = fact_at(f, &c->values[i], iteration);
}

static void set_entering(const Facts *f)
{
    Tensor *iteration = f->enter->out[0];
    if (iteration) {
        iteration->dtype = DT_I64;
        iteration->rank = 0;
        iteration->values = arena_array(f->g->arena, 1, sizeof *iteration->values);
        iteration->values[0] = f->iteration;
        iteration->value_count = 1;
    }
    for (int i = 0; i < f->count; i++) {
        const Carried *c = &f->carried[i];
        if (c->out) set_tensor(f, c, c->out, f->iteration);
    }
}

/* A size without a bound yet is unbounded, not 0. */
static void forget_bounds(const Facts *f)
{
    for (int i = 0; i < f->count; i++) {
        for (int k = 0; k < MAX_RANK; k++) {
            const Fact *fact = &f->carried[i].dims[k];
            if (fact->symbol && given_bound(f->g, fact->symbol) == LOOP_UNBOUNDED)
                set_bound(f->g, fact->symbol, -1);
        }
    }
}

/* What the body makes of it confirms the fact, or changes it; true when it has changed. */
static bool learn(const Facts *f, Fact *fact, const Size *next)
{
    SizeTable *t = f->g->sizes;
    if (fact->symbol) return false;
    const Size *now = fact_at(f, fact, f->iteration);
    const Size *wanted = fact->step ? size_add(t, now, fact->step) : now;
    if (next == wanted) return false;
    const Size *step = next ? size_sub(t, next, now) : NULL;
    bool even = !fact->step && step && is_outside(f, step);
    fact->step = even ? step : NULL;
    if (!even) fact->symbol = now; /* for now: that it is neither */
    return true;
}

static bool learn_dims(Facts *f, int i, const Tensor *next)
{
    Carried *c = &f->carried[i];
    bool changed = false;
    for (int k = 0; k < c->first->rank; k++) {
        Fact *fact = &c->dims[k];
        if (!learn(f, fact, next->dims[k])) continue;
        changed = true;
        if (fact->symbol)
            fact->symbol =
                loop_symbol(f->g, f->enter, arena_printf(f->g->arena, "size%d_%d", i - 1, k));
    }
    return changed;
}

static bool learn_values(Facts *f, Carried *c, Tensor *next)
{
    int count = 0;
    bool changed = false;
    const Size *const *values = c->value_count ? tensor_values(f->g, next, &count) : NULL;
    if (!c->value_count) return false;
    for (int i = 0; i < c->value_count; i++) {
        changed |= learn(f, &c->values[i], count == c->value_count ? values[i] : NULL);
        if (!c->values[i].symbol) continue;
        c->value_count = 0; /* contents have no symbols */
        return true;
    }
    return changed;
}

static bool learn_all(Facts *f)
{
    bool changed = false;
    for (int i = 0; i < f->count; i++) {
        Carried *c = &f->carried[i];
        Tensor *next = f->leave->in[i];
        if (!c->first || !next || next->rank != c->first->rank) continue;
        changed |= learn_dims(f, i, next);
        changed |= learn_values(f, c, next);
    }
    return changed;
}

/* ---- Bounds ---- */

static int no_bound(const Facts *f, const Size *symbol, const char *what)
{
    return diag_node(f->g->diag, &f->enter->origin,
                     "%s has no bound that is known at compile time: give one with --max %s=N",
                     what, size_text(f->g->sizes, symbol));
}

/* The bound of a size that the loop sets anew in each iteration, from what the body made of it. */
static int64_t bound_of_size(const Facts *f, const Fact *fact, const Size *next, int64_t trips)
{
    SizeTable *t = f->g->sizes;
    int64_t first = size_upper(t, fact->first), most = size_upper(t, next), grown;
    set_bound(f->g, fact->symbol, first); /* does it stay within what it was at first? */
    bool stays = size_upper(t, next) <= first;
    set_bound(f->g, fact->symbol, -1);
    if (stays) return first;
    if (most < LOOP_UNBOUNDED) return most > first ? most : first;
    int64_t step = size_upper(t, size_sub(t, next, fact->symbol));
    if (step >= LOOP_UNBOUNDED || trips >= LOOP_UNBOUNDED) return LOOP_UNBOUNDED;
    if (step <= 0) return first;
    if (__builtin_mul_overflow(step, trips, &grown) || __builtin_add_overflow(grown, first, &grown))
        return LOOP_UNBOUNDED;
    return grown;
}

/* A size that the loop sets anew, and what the body makes of it. */
typedef struct Anew {
    Fact *fact; /* its bound: from its own next value alone, LOOP_UNBOUNDED: that tells none */
    const Size *next;
} Anew;

/* The largest that any without a bound may be after an iteration in which they were at most `most`. */
static int64_t largest_next(const Facts *f, const Anew *list, int count, int64_t most)
{
    int64_t largest = most;
    for (int i = 0; i < count; i++) {
        int64_t own = list[i].fact->bound;
        set_bound(f->g, list[i].fact->symbol, own < LOOP_UNBOUNDED ? own : most);
    }
    for (int i = 0; i < count; i++) {
        int64_t upper = size_upper(f->g->sizes, list[i].next);
        if (list[i].fact->bound >= LOOP_UNBOUNDED && upper > largest) largest = upper;
    }
    for (int i = 0; i < count; i++) set_bound(f->g, list[i].fact->symbol, -1);
    return largest;
}

/* Sizes that follow from each other, as those of values that change places, have one bound: the
 * largest of them, iteration by iteration. */
static void bound_together(const Facts *f, int64_t trips)
{
    enum { MOST = 1 << 14 }; /* in more iterations than that they have to stay the same */
    Anew *list = NULL;
    int count = 0;
    int64_t most = 0, last = -1;
    for (int i = 0; i < f->count; i++) {
        for (int k = 0; k < MAX_RANK; k++) {
            Fact *fact = &f->carried[i].dims[k];
            if (!fact->symbol || given_bound(f->g, fact->symbol) < LOOP_UNBOUNDED) continue;
            if (!f->leave->in[i]) continue;
            arena_push(f->g->arena, list, count) = (Anew){fact, f->leave->in[i]->dims[k]};
            int64_t first = size_upper(f->g->sizes, fact->first);
            if (fact->bound >= LOOP_UNBOUNDED && first > most) most = first;
        }
    }
    for (int64_t i = 0; i < trips && i < MOST && most != last && most < LOOP_UNBOUNDED; i++) {
        last = most;
        most = largest_next(f, list, count, most);
    }
    if ((most != last && trips > MOST) || most >= LOOP_UNBOUNDED) return;
    for (int i = 0; i < count; i++)
        if (list[i].fact->bound >= LOOP_UNBOUNDED) list[i].fact->bound = most;
}

static bool mentions(const Size *size, const Size *symbol)
{
    if (size == symbol) return true;
    if (size->kind == SIZE_CONST || size->kind == SIZE_SYM) return false;
    return mentions(size->a, symbol) || mentions(size->b, symbol);
}

static void note_bounds(Facts *f, int64_t trips)
{
    for (int i = 0; i < f->count; i++) {
        Carried *c = &f->carried[i];
        const Tensor *next = f->leave->in[i];
        for (int k = 0; c->first && next && k < c->first->rank && k < next->rank; k++) {
            Fact *fact = &c->dims[k];
            if (fact->symbol && given_bound(f->g, fact->symbol) == LOOP_UNBOUNDED)
                fact->bound = bound_of_size(f, fact, next->dims[k], trips);
            if (fact->symbol && size_is(fact->first, 1) && !mentions(next->dims[k], fact->symbol))
                fact->jump = next->dims[k];
        }
    }
    bound_together(f, trips);
}

static void set_bounds(const Facts *f)
{
    for (int i = 0; i < f->count; i++) {
        for (int k = 0; k < MAX_RANK; k++) {
            const Fact *fact = &f->carried[i].dims[k];
            if (!fact->symbol || given_bound(f->g, fact->symbol) < LOOP_UNBOUNDED) continue;
            if (fact->bound < LOOP_UNBOUNDED) set_bound(f->g, fact->symbol, fact->bound);
        }
    }
}

static int check_bounds(const Facts *f, const LoopCount *count, int64_t trips)
{
    const Size *symbol = size_sym(f->g->sizes, count->counter);
    for (int i = 0; i < f->count; i++) {
        const Carried *c = &f->carried[i];
        for (int k = 0; c->first && k < c->first->rank; k++) {
            const Fact *fact = &c->dims[k];
            const char *what = arena_printf(f->g->arena, "axis %d of carried value %d", k, i - 1);
            if (fact->jump) /* it would broadcast, in the first iteration only */
                return diag_node(f->g->diag, &f->enter->origin,
                                 "%s is 1 at first and %s later: expand the first value to that",
                                 what, size_text(f->g->sizes, fact->jump));
            if (fact->symbol && sizes_symbol_at(f->g->sizes, fact->symbol->sym)->max <= 0 &&
                fact->bound != 0)
                return no_bound(f, fact->symbol, what);
            if (fact->step && trips >= LOOP_UNBOUNDED)
                return no_bound(
                    f, symbol,
                    arena_printf(f->g->arena, "%s grows, and the number of iterations", what));
        }
    }
    for (int i = f->count - 1; i < f->leave->out_count; i++) {
        if (f->leave->out[i] && trips >= LOOP_UNBOUNDED)
            return no_bound(f, symbol,
                            arena_printf(f->g->arena,
                                         "output '%s' grows, and the number of iterations",
                                         f->leave->out[i]->name));
    }
    return 0;
}

/* ---- The walk ---- */

static int check_enter(Graph *g, Node *n)
{
    const Tensor *limit = n->in[0], *cond = n->in[1];
    if (limit && !dtype_is_int(limit->dtype))
        return diag_node(g->diag, &n->origin, "the number of iterations is %s, not an integer",
                         dtype_name(limit->dtype));
    if (cond && cond->dtype != DT_BOOL)
        return diag_node(g->diag, &n->origin, "its condition is %s, not bool",
                         dtype_name(cond->dtype));
    for (int i = 0; i < 2; i++) {
        if (n->in[i] && tensor_static_elements(n->in[i]) != 1)
            return diag_node(g->diag, &n->origin, "%s is not one value",
                             i ? "its condition" : "the number of iterations");
    }
    return 0;
}

static int position_of(const Graph *g, const Node *n)
{
    int at = 0;
    while (at < g->node_count && g->nodes[at] != n) at++;
    return at;
}

/* One trial; true when it taught something, so that another one is due. */
static bool try_body(Walk *w, Facts *f, int at, int64_t trips)
{
    int end = position_of(w->graph, f->leave);
    Trial *trial = trial_start(w, at, end);
    int failed = w->range(w, at + 1, end); /* the final inference will tell */
    bool changed = !failed && learn_all(f);
    if (!failed && !changed) note_bounds(f, trips);
    trial_undo(w, trial);
    return changed;
}

int walk_enter(Walk *w, int at)
{
    Graph *g = w->graph;
    Node *n = g->nodes[at];
    Facts facts, *f = &facts;
    LoopCount count;
    int64_t trips;
    bool changed = true;
    TRY(check_enter(g, n));
    start(f, g, n, at);
    while (changed) {
        set_entering(f);
        loop_count(g, n, &count);
        f->iteration = count.iteration;
        set_entering(f);
        trips = bound_count(g, &count);
        forget_bounds(f);
        changed = try_body(w, f, at, trips);
    }
    set_bounds(f);
    return check_bounds(f, &count, trips);
}

/* ---- What leaves ---- */

/* What is known of a value in the body, after the last iteration. */
static const Size *at_end(Graph *g, const Size *size, const LoopCount *count)
{
    if (count->iteration->kind != SIZE_SYM) return size;
    return size_substitute(g->sizes, size, count->iteration->sym, count->trips);
}

static int check_next(Graph *g, Node *n, int i)
{
    const Tensor *next = n->in[i], *now = n->body->enter->out[1 + i];
    const char *what = i ? arena_printf(g->arena, "carried value %d", i - 1) : "the condition";
    if (!next || !now) return 0;
    if (next->dtype != now->dtype)
        return diag_node(g->diag, &n->origin, "%s enters as %s and leaves the body as %s", what,
                         dtype_name(now->dtype), dtype_name(next->dtype));
    Dims from = dims_of(now), to = dims_of(next);
    bool same = next->rank == now->rank;
    for (int k = 0; same && k < now->rank; k++)
        same = !size_is_const(now->dims[k]) || !size_is_const(next->dims[k]) ||
               now->dims[k] == next->dims[k] || size_is(n->body->enter->out[0]->values[0], 0);
    if (same) return 0;
    return diag_node(g->diag, &n->origin, "%s enters with shape %s and leaves the body with %s",
                     what, dims_text(g, &from), dims_text(g, &to));
}

/* A carried value after the loop. */
static void set_final(Graph *g, Node *n, int i, const LoopCount *count)
{
    Tensor *out = n->out[i];
    bool once = count->iteration->kind == SIZE_CONST;
    const Tensor *from = once ? n->in[1 + i] : n->body->enter->out[2 + i];
    if (!out) return;
    out->dtype = from->dtype;
    out->rank = from->rank;
    for (int k = 0; k < from->rank; k++) out->dims[k] = at_end(g, from->dims[k], count);
    out->values = NULL;
    if (!from->values) return;
    out->values = arena_array(g->arena, (size_t)from->value_count + 1, sizeof *out->values);
    out->value_count = from->value_count;
    for (int k = 0; k < from->value_count; k++)
        out->values[k] = from->values[k] ? at_end(g, from->values[k], count) : NULL;
}

/* A value of every iteration, stacked. */
static int set_stacked(Graph *g, Node *n, int scan, int carried, const Facts *f,
                       const LoopCount *count)
{
    const Tensor *each = n->in[1 + carried + scan];
    const int64_t *axes;
    Dims dims = {0};
    int axis = 0;
    if (node_ints(n, "axes", &axes))
        TRY(shape_axis_value(g, n, "scan_output_axes", axes[scan], each->rank + 1, &axis));
    for (int k = 0; k < each->rank; k++) {
        if (k == axis) dims_push(&dims, count->trips);
        if (!is_outside(f, each->dims[k]))
            return diag_node(g->diag, &n->origin,
                             "what the body makes for output %d may have another size, %s, in each "
                             "iteration: it cannot be stacked",
                             carried + scan, size_text(g->sizes, each->dims[k]));
        dims_push(&dims, each->dims[k]);
    }
    if (axis == each->rank) dims_push(&dims, count->trips);
    return shape_set(g, n, carried + scan, each->dtype, &dims);
}

int walk_leave(Walk *w, Node *n)
{
    Graph *g = w->graph;
    Node *enter = n->body->enter;
    int carried = enter->in_count - 2, scans = n->in_count - 1 - carried;
    LoopCount count;
    Facts facts = {.g = g, .enter = enter, .leave = n};
    if (n->in[0] && (n->in[0]->dtype != DT_BOOL || tensor_static_elements(n->in[0]) != 1))
        return diag_node(g->diag, &n->origin, "the condition that its body makes is not one bool");
    for (int i = 0; i < 1 + carried; i++) TRY(check_next(g, n, i));
    loop_count(g, enter, &count);
    find_outside(&facts, position_of(g, enter));
    for (int i = 0; i < carried; i++) set_final(g, n, i, &count);
    for (int i = 0; i < scans; i++) TRY(set_stacked(g, n, i, carried, &facts, &count));
    return 0;
}
