/* A user's own operator: its shape function says what its outputs are, for sizes that are numbers.
 *
 * Where sizes are known, that is all. Where they depend on symbols, it is asked for the bounds and for some
 * smaller sizes, and what it says is read as an expression (fit.c), so that an output that is as long as an
 * input stays so for whoever uses both. What is no expression that lpc finds, and what the function only
 * bounds, is a symbol that the node sets at run time. The program asks again in each run, and ends it with
 * LPC_RUN_BOUND where the answer is another one: a wrong guess is never a wrong result. */
#include "ir/custom.h"
#include "passes/shape/fit.h"
#include "passes/shape/shape.h"

#include <string.h>

enum { MOST_SYMBOLS = 8, SOME = 1000 /* where there is no bound */ };

typedef struct Answer {
    lpc_custom_tensor *out;
    int64_t workspace, flops;
    bool impure;
} Answer;

typedef struct Asking {
    Graph *g;
    Node *n;
    Arena *arena;
    lpc_custom_call call;
    lpc_custom_tensor *in;
    Fit fit; /* its points */
    int symbols[MOST_SYMBOLS];
    Answer answers[FIT_POINTS];
} Asking;

/* ---- What sizes depend on ---- */

static bool has_symbol(const Asking *a, int symbol)
{
    for (int i = 0; i < a->fit.symbol_count; i++) {
        if (a->symbols[i] == symbol) return true;
    }
    return false;
}

static void note_symbols(Asking *a, const Size *size)
{
    if (!size || size->kind == SIZE_CONST || a->fit.symbol_count > MOST_SYMBOLS) return;
    if (size->kind != SIZE_SYM) {
        note_symbols(a, size->a);
        note_symbols(a, size->b);
    } else if (!has_symbol(a, size->sym)) {
        if (a->fit.symbol_count < MOST_SYMBOLS) a->symbols[a->fit.symbol_count] = size->sym;
        a->fit.symbol_count++;
    }
}

static void note_size(Asking *a, const Size *size)
{
    if (size_is_const(size)) return;
    note_symbols(a, size);
    for (int i = 0; i < a->fit.term_count; i++) {
        if (a->fit.terms[i] == size) return;
    }
    arena_push(a->arena, a->fit.terms, a->fit.term_count) = size;
}

static int begin(Asking *a)
{
    const Node *n = a->n;
    a->fit.sizes = a->g->sizes;
    a->fit.symbols = a->symbols;
    custom_begin(a->arena, n->attrs, n->attr_count, n->custom->opset, n->in_count, n->out_count,
                 &a->call);
    a->in = arena_array(a->arena, (size_t)n->in_count + 1, sizeof *a->in);
    a->call.in = a->in;
    for (int i = 0; i < n->in_count; i++) {
        for (int k = 0; n->in[i] && k < n->in[i]->rank; k++) note_size(a, n->in[i]->dims[k]);
    }
    if (a->fit.symbol_count <= MOST_SYMBOLS) return 0;
    return diag_node(a->g->diag, &n->origin, "its inputs' sizes depend on more than %d symbols",
                     MOST_SYMBOLS);
}

/* ---- Asking ---- */

static void set_inputs(Asking *a, const int64_t *point)
{
    for (int i = 0; i < a->n->in_count; i++) {
        const Tensor *x = a->n->in[i];
        if (!x) continue;
        void *data = a->in[i].data;
        a->in[i] = custom_tensor(x->dtype, x->rank, (const Size *const *)x->dims, point);
        a->in[i].data = custom_shape_sees(x) && !data ? custom_contents(a->arena, x) : data;
    }
}

/* The function's result; what it says is in *answer. */
static int ask(Asking *a, const int64_t *point, Answer *answer)
{
    const CustomOp *op = a->n->custom->op;
    set_inputs(a, point);
    size_t bytes = (size_t)a->n->out_count * sizeof *a->call.out;
    memset(a->call.out, 0, bytes);
    a->call.error = NULL;
    a->call.workspace_bytes = a->call.flops = a->call.impure = 0;
    int code = op->host->shape(op->host, op, &a->call);
    answer->out = arena_alloc(a->arena, bytes);
    memcpy(answer->out, a->call.out, bytes);
    answer->workspace = a->call.workspace_bytes;
    answer->flops = a->call.flops;
    answer->impure = a->call.impure != 0;
    return code;
}

static int64_t most_of(const Asking *a, int symbol)
{
    int64_t max = sizes_symbol_at(a->g->sizes, symbol)->max;
    return max < 0 ? SOME + symbol : max;
}

static int64_t *new_point(Asking *a)
{
    size_t count = (size_t)sizes_symbol_count(a->g->sizes) + 1;
    int64_t *point = arena_array(a->arena, count, sizeof *point);
    for (int i = 0; i < a->fit.symbol_count; i++) point[a->symbols[i]] = most_of(a, a->symbols[i]);
    return point;
}

/* Whether the inputs can be of these sizes: n - 2 is none where n is 1. */
static bool is_possible(const Asking *a, const int64_t *point)
{
    for (int i = 0; i < a->fit.term_count; i++) {
        if (size_eval(a->fit.terms[i], point) < 0) return false;
    }
    return true;
}

/* Asks at a smaller point; one that the function refuses tells nothing. */
static void probe(Asking *a, int64_t *point)
{
    Answer *answer = &a->answers[a->fit.count];
    if (a->fit.count == FIT_POINTS || !is_possible(a, point) || ask(a, point, answer)) return;
    a->fit.points[a->fit.count++] = point;
}

/* One symbol below its bound: all its values where they are few, else some. */
static void probe_alone(Asking *a, int symbol)
{
    enum { FEW = 40 };
    int64_t most = most_of(a, symbol);
    const int64_t some[] = {most - 1, most / 2, most / 3, 3, 2, 1, 0};
    bool all = a->fit.symbol_count == 1 && most <= FEW;
    for (int64_t i = 0; i < (all ? most : (int64_t)(sizeof some / sizeof *some)); i++) {
        int64_t *point = new_point(a), value = all ? i : some[i];
        if (value < 0 || value >= most) continue;
        point[symbol] = value;
        probe(a, point);
    }
}

/* Each symbol alone, then all at random, always the same ones. */
static void probe_all(Asking *a)
{
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < a->fit.symbol_count; i++) probe_alone(a, a->symbols[i]);
    for (int k = 0; k < FIT_POINTS && a->fit.count < FIT_POINTS; k++) {
        int64_t *point = new_point(a);
        for (int i = 0; i < a->fit.symbol_count; i++) {
            int64_t most = most_of(a, a->symbols[i]);
            random = random * 6364136223846793005u + 1442695040888963407u;
            point[a->symbols[i]] = (int64_t)((random >> 33) % (uint64_t)(most + 1));
        }
        probe(a, point);
    }
}

/* ---- What it said ---- */

static int check_answer(const Asking *a, const Answer *answer)
{
    const Node *n = a->n;
    for (int i = 0; i < n->out_count; i++) {
        const lpc_custom_tensor *t = &answer->out[i];
        if (!n->out[i]) continue;
        if (graph_dtype(a->g, t->type) == DT_NONE)
            return diag_node(a->g->diag, &n->origin, "%s_shape: output %d: %d is no type",
                             n->custom->op->symbol, i, (int)t->type);
        if (t->rank < 0 || t->rank > MAX_RANK)
            return diag_node(a->g->diag, &n->origin,
                             "%s_shape: output %d: rank %d, expected 0 to %d",
                             n->custom->op->symbol, i, (int)t->rank, MAX_RANK);
        for (int k = 0; k < t->rank; k++) {
            if (t->dims[k] >= 0) continue;
            return diag_node(a->g->diag, &n->origin,
                             "%s_shape: output %d: axis %d has the size %lld",
                             n->custom->op->symbol, i, k, (long long)t->dims[k]);
        }
    }
    if (answer->workspace >= 0 && answer->workspace <= INT64_MAX / 64) return 0;
    return diag_node(a->g->diag, &n->origin, "%s_shape: %lld bytes of workspace",
                     n->custom->op->symbol, (long long)answer->workspace);
}

static int same_kind(const Asking *a, const Answer *answer)
{
    for (int i = 0; i < a->n->out_count; i++) {
        const lpc_custom_tensor *x = &a->answers[0].out[i], *y = &answer->out[i];
        if (a->n->out[i] && (x->type != y->type || x->rank != y->rank || x->counted != y->counted))
            return diag_node(a->g->diag, &a->n->origin,
                             "%s_shape: output %d: type, rank and what is counted depend on sizes "
                             "that are known at run time only",
                             a->n->custom->op->symbol, i);
    }
    return 0;
}

static int check_answers(Asking *a)
{
    CustomUse *use = a->n->custom;
    use->workspace_bytes = 0;
    for (int p = 0; p < a->fit.count; p++) {
        TRY(check_answer(a, &a->answers[p]));
        TRY(same_kind(a, &a->answers[p]));
        if (a->answers[p].workspace > use->workspace_bytes)
            use->workspace_bytes = a->answers[p].workspace;
    }
    use->flops = (double)a->answers[0].flops;
    use->impure = a->answers[0].impure;
    use->symbol_count = 0;
    use->symbols = NULL;
    return 0;
}

/* Size k of output i. */
static const Size *out_size(Asking *a, int i, int k)
{
    int64_t most = 0;
    bool bounded = true;
    for (int p = 0; p < a->fit.count; p++) {
        a->fit.values[p] = a->answers[p].out[i].dims[k];
        if (a->fit.values[p] > most) most = a->fit.values[p];
    }
    for (int s = 0; s < a->fit.symbol_count; s++)
        bounded = bounded && sizes_symbol_at(a->g->sizes, a->symbols[s])->max >= 0;
    const Size *size = fit_size(&a->fit);
    if (size && !(a->answers[0].out[i].counted >> k & 1)) return size;
    if (size && size_upper(a->g->sizes, size) > most) most = size_upper(a->g->sizes, size);
    CustomUse *use = a->n->custom;
    const Size *own = shape_node_symbol(a->g, a->n, arena_printf(a->g->arena, "size_%d_%d", i, k),
                                        bounded ? most : INT64_MAX);
    arena_push(a->g->arena, use->symbols, use->symbol_count) = own->sym;
    return own;
}

static int set_outputs(Asking *a)
{
    for (int i = 0; i < a->n->out_count; i++) {
        const lpc_custom_tensor *t = &a->answers[0].out[i];
        Dims dims = {.rank = t->rank};
        if (!a->n->out[i]) continue;
        for (int k = 0; k < t->rank; k++) dims.at[k] = out_size(a, i, k);
        TRY(shape_set(a->g, a->n, i, graph_dtype(a->g, t->type), &dims));
    }
    return 0;
}

static int ask_at_bounds(Asking *a)
{
    const Node *n = a->n;
    int64_t *point = new_point(a);
    int code = ask(a, point, &a->answers[0]);
    a->fit.points[a->fit.count++] = point;
    if (!code) return 0;
    const char *why = a->call.error ? a->call.error : "it gives no reason";
    if (code == CUSTOM_GONE)
        return diag_node(a->g->diag, &n->origin, "%s_shape: %s", n->custom->op->symbol, why);
    return diag_node(a->g->diag, &n->origin, "%s_shape refuses: %s", n->custom->op->symbol, why);
}

static int infer(Asking *a)
{
    TRY(begin(a));
    TRY(ask_at_bounds(a));
    if (a->fit.symbol_count) probe_all(a);
    TRY(check_answers(a));
    return set_outputs(a);
}

int shape_custom(Graph *g, Node *n)
{
    Asking *a;
    Arena *arena = arena_new();
    if (!n->custom) return diag_node(g->diag, &n->origin, "it names no operator");
    a = arena_alloc(arena, sizeof *a);
    a->g = g;
    a->n = n;
    a->arena = arena;
    int code = infer(a);
    arena_free(arena);
    return code;
}
