/* NonZero, Compress, Unique: a first kernel counts and sets the size's symbol, a second one, which
 * reads the sizes anew, fills the outputs. */
#include "passes/lower/moves/move.h"
#include "passes/lower/strings/strings.h"

/* The node's symbol for `size` gets its value; a size that was known all along has none. */
static void set_count(Lower *lw, const Size *size, Inst *value)
{
    if (size->kind == SIZE_SYM) kb_setsym(&lw->b, size->sym, value);
}

static Cell *counter(Lower *lw, const char *name)
{
    return kb_cell(&lw->b, name, (LType){DT_I64, 1}, kb_i64(&lw->b, 0));
}

static void increment(Lower *lw, Cell *cell)
{
    kb_set(&lw->b, cell, kb_addi(&lw->b, kb_get(&lw->b, cell), 1));
}

static Inst *is_true(Builder *b, Inst *x)
{
    return x->type.dtype == DT_BOOL ? x : kb_op(b, LI_NE, x, kb_const(b, x->type.dtype, 0));
}

/* ---- NonZero ---- */

int lower_non_zero(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node->out[0];
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, "count");
    Cell *count = counter(lw, "count");
    int loops = lower_nest(lw, x->rank, x->dims, NULL, false, 0, idx);
    Inst *hit = kb_cast(b, DT_I64, is_true(b, lower_load(lw, x, idx)));
    kb_set(b, count, kb_add(b, kb_get(b, count), hit));
    lower_nest_end(lw, loops);
    set_count(lw, out->dims[1], kb_get(b, count));
    lower_end(lw);

    lower_begin(lw, "fill");
    Cell *at = counter(lw, "at");
    loops = lower_nest(lw, x->rank, x->dims, NULL, false, 0, idx);
    kb_if(b, is_true(b, lower_load(lw, x, idx)));
    for (int i = 0; i < x->rank; i++)
        lower_store(lw, (Inst *[]){kb_i64(b, i), kb_get(b, at)}, idx[i]);
    increment(lw, at);
    kb_end(b);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

/* ---- Compress ---- */

static Inst *condition_at(Lower *lw, const Tensor *condition, Inst *at)
{
    return is_true(&lw->b, lower_load(lw, condition, &at));
}

static void compress_axis(Lower *lw, const Node *node, int axis, Inst *limit)
{
    const Tensor *x = node->in[0];
    Builder *b = &lw->b;
    const Size *dims[MAX_RANK];
    Inst *idx[MAX_RANK] = {0};
    for (int i = 0; i < x->rank; i++) dims[i] = x->dims[i];
    dims[axis] = size_const(lw->sizes, 1);
    Cell *at = counter(lw, "at");
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), limit, 1);
    kb_if(b, condition_at(lw, node->in[1], i));
    Inst *to = kb_get(b, at);
    int loops = lower_nest_of(lw, x, x->rank, dims, NULL, 0, idx);
    idx[axis] = i;
    Inst *value = lower_load(lw, x, idx);
    idx[axis] = to;
    lower_store(lw, idx, value);
    lower_nest_end(lw, loops);
    increment(lw, at);
    kb_end(b);
    kb_end(b);
}

static void compress_flat(Lower *lw, const Node *node, Inst *limit)
{
    const Tensor *x = node->in[0];
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    Cell *at = counter(lw, "at");
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), limit, 1);
    kb_if(b, condition_at(lw, node->in[1], i));
    lower_unflatten(lw, i, x->rank, x->dims, idx);
    Inst *to = kb_get(b, at);
    int loops = lower_nest_of(lw, x, 0, NULL, NULL, 0, NULL);
    lower_store(lw, &to, lower_load(lw, x, idx));
    lower_nest_end(lw, loops);
    increment(lw, at);
    kb_end(b);
    kb_end(b);
}

int lower_compress(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *condition = node->in[1], *out = node->out[0];
    Builder *b = &lw->b;
    bool has_axis = node_attr(node, "axis") != NULL;
    int axis = has_axis ? (int)node_int(node, "axis") : 0;
    const Size *most = has_axis ? x->dims[axis] : tensor_elements(lw->sizes, x);
    const Size *limit = size_min(lw->sizes, most, condition->dims[0]);
    lower_begin(lw, "count");
    Cell *count = counter(lw, "count");
    Inst *i = kb_for_n(b, LOOP_SERIAL, limit);
    Inst *hit = kb_cast(b, DT_I64, condition_at(lw, condition, i));
    kb_set(b, count, kb_add(b, kb_get(b, count), hit));
    kb_end(b);
    set_count(lw, out->dims[axis], kb_get(b, count));
    lower_end(lw);

    lower_begin(lw, "fill");
    if (has_axis)
        compress_axis(lw, node, axis, kb_size(b, limit));
    else
        compress_flat(lw, node, kb_size(b, limit));
    lower_end(lw);
    return 0;
}

/* ---- Unique: a stable sort brings equal elements together, the first occurrence first ---- */

typedef enum Section { ITEMS, SPARE, FIRST, COUNTS, GROUP, ORDER, SECTIONS } Section;

typedef struct Unique {
    const Node *node;
    const Tensor *x;
    int axis; /* -1: flattened */
    Buffer *scratch;
    int64_t most;
    const Size *count; /* of what is compared */
    Param *section[SECTIONS];
} Unique;

static void open_sections(Lower *lw, Unique *u)
{
    for (int s = 0; s < SECTIONS; s++) {
        u->section[s] = lower_part(lw, u->scratch, size_const(lw->sizes, s * u->most),
                                   size_const(lw->sizes, u->most), true);
        u->section[s]->is_read = true;
    }
}

static void slice_dims(Lower *lw, const Unique *u, const Size **dims)
{
    for (int i = 0; i < u->x->rank; i++) dims[i] = u->x->dims[i];
    dims[u->axis] = size_const(lw->sizes, 1);
}

/* Is the element at `one` less than that at `other`? */
static Inst *element_less(Lower *lw, const Tensor *x, Inst *const *one, Inst *const *other)
{
    if (!dtype_is_string(x->dtype)) {
        Inst *left = lower_load(lw, x, one), *right = lower_load(lw, x, other);
        return move_less(&lw->b, left, right);
    }
    Str a = str_in(lw, x, one), c = str_in(lw, x, other);
    return str_less(lw, &a, &c);
}

/* Lexicographically: what the first difference says. */
static Inst *slice_before(Lower *lw, const Unique *u, Inst *c, Inst *a)
{
    Builder *b = &lw->b;
    const Size *dims[MAX_RANK];
    Inst *one[MAX_RANK] = {0}, *other[MAX_RANK] = {0};
    Cell *less = kb_cell(b, "less", (LType){DT_BOOL, 1}, kb_int(b, DT_BOOL, 0));
    Cell *open = kb_cell(b, "open", (LType){DT_BOOL, 1}, kb_int(b, DT_BOOL, 1));
    slice_dims(lw, u, dims);
    int loops = lower_nest(lw, u->x->rank, dims, NULL, false, 0, one);
    for (int i = 0; i < u->x->rank; i++) other[i] = one[i];
    one[u->axis] = c;
    other[u->axis] = a;
    Inst *undecided = kb_get(b, open), *below = element_less(lw, u->x, one, other);
    Inst *above = element_less(lw, u->x, other, one);
    Inst *decides = kb_op(b, LI_AND, undecided, below);
    kb_set(b, less, kb_op(b, LI_OR, kb_get(b, less), decides));
    Inst *equal = kb_op1(b, LI_NOT, kb_op(b, LI_OR, below, above));
    kb_set(b, open, kb_op(b, LI_AND, undecided, equal));
    lower_nest_end(lw, loops);
    return kb_get(b, less);
}

static Inst *unique_before(Lower *lw, void *data, Inst *c, Inst *a)
{
    const Unique *u = data;
    Inst *one[MAX_RANK] = {0}, *other[MAX_RANK] = {0};
    if (u->axis >= 0) return slice_before(lw, u, c, a);
    lower_unflatten(lw, c, u->x->rank, u->x->dims, one);
    lower_unflatten(lw, a, u->x->rank, u->x->dims, other);
    return element_less(lw, u->x, one, other);
}

/* Groups of equal elements in sorted order: first occurrence, count, and whose group each is in. */
static Inst *find_groups(Lower *lw, Unique *u, Inst *n)
{
    Builder *b = &lw->b;
    Inst *zero = kb_i64(b, 0), *one = kb_i64(b, 1);
    Inst *i = kb_for(b, LOOP_SERIAL, zero, n, 1);
    kb_store(b, u->section[ITEMS], i, i);
    kb_end(b);
    move_sort(lw, u->section[ITEMS], u->section[SPARE], n, u->most, unique_before, u);
    Cell *groups = counter(lw, "groups");
    Inst *p = kb_for(b, LOOP_SERIAL, zero, n, 1);
    Inst *item = kb_load(b, u->section[ITEMS], p);
    Inst *last = kb_load(b, u->section[ITEMS], kb_op(b, LI_MAX, kb_sub(b, p, one), zero));
    Inst *differs = unique_before(lw, u, last, item);
    kb_if(b, kb_op(b, LI_OR, kb_op(b, LI_EQ, p, zero), differs));
    kb_store(b, u->section[FIRST], kb_get(b, groups), item);
    kb_store(b, u->section[COUNTS], kb_get(b, groups), zero);
    increment(lw, groups);
    kb_end(b);
    Inst *group = kb_sub(b, kb_get(b, groups), one);
    kb_store(b, u->section[GROUP], item, group);
    kb_store(b, u->section[COUNTS], group, kb_add(b, kb_load(b, u->section[COUNTS], group), one));
    kb_end(b);
    return kb_get(b, groups);
}

/* ORDER[group] = its position in the output: sorted, or by first occurrence. */
static void order_groups(Lower *lw, Unique *u, Inst *n)
{
    Builder *b = &lw->b;
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), n, 1);
    if (node_int(u->node, "sorted")) {
        kb_store(b, u->section[ORDER], i, i);
        kb_end(b);
        return;
    }
    kb_end(b);
    Cell *next = counter(lw, "next");
    i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), n, 1);
    Inst *group = kb_load(b, u->section[GROUP], i);
    kb_if(b, kb_op(b, LI_EQ, kb_load(b, u->section[FIRST], group), i));
    kb_store(b, u->section[ORDER], group, kb_get(b, next));
    increment(lw, next);
    kb_end(b);
    kb_end(b);
}

static void store_unique(Lower *lw, const Unique *u, Inst *first, Inst *to)
{
    const Size *dims[MAX_RANK];
    Inst *idx[MAX_RANK] = {0};
    if (u->axis < 0) {
        lower_unflatten(lw, first, u->x->rank, u->x->dims, idx);
        int bytes = lower_nest_of(lw, u->x, 0, NULL, NULL, 0, NULL);
        lower_store(lw, &to, lower_load(lw, u->x, idx));
        lower_nest_end(lw, bytes);
        return;
    }
    slice_dims(lw, u, dims);
    int loops = lower_nest_of(lw, u->x, u->x->rank, dims, NULL, 0, idx);
    idx[u->axis] = first;
    Inst *value = lower_load(lw, u->x, idx);
    idx[u->axis] = to;
    lower_store(lw, idx, value);
    lower_nest_end(lw, loops);
}

static void fill_unique(Lower *lw, Unique *u, const Size *groups)
{
    const Node *node = u->node;
    Builder *b = &lw->b;
    Inst *g = kb_for_n(b, LOOP_SERIAL, groups);
    Inst *first = kb_load(b, u->section[FIRST], g), *to = kb_load(b, u->section[ORDER], g);
    if (node_has_output(node, 0)) store_unique(lw, u, first, to);
    if (node_has_output(node, 1)) lower_store_to(lw, node->out[1], &to, first);
    if (node_has_output(node, 3))
        lower_store_to(lw, node->out[3], &to, kb_load(b, u->section[COUNTS], g));
    kb_end(b);
    if (!node_has_output(node, 2)) return;
    Inst *i = kb_for_n(b, LOOP_SERIAL, u->count);
    Inst *group = kb_load(b, u->section[GROUP], i);
    lower_store_to(lw, node->out[2], &i, kb_load(b, u->section[ORDER], group));
    kb_end(b);
}

int lower_unique(Lower *lw, Node *node)
{
    Unique u = {.node = node, .x = node->in[0], .axis = -1};
    if (node_attr(node, "axis")) u.axis = (int)node_int(node, "axis");
    u.count = u.axis < 0 ? tensor_elements(lw->sizes, u.x) : u.x->dims[u.axis];
    u.most = size_upper(lw->sizes, u.count);
    if (u.most == 0) return 0;
    if (u.most == INT64_MAX || u.most > INT64_MAX / 64)
        return diag_node(lw->diag, &node->origin, "its input's size has no bound");
    const Size *groups = NULL;
    for (int i = 0; i < node->out_count && !groups; i++) {
        if (i != 2 && node->out[i]) groups = node->out[i]->dims[i == 0 && u.axis > 0 ? u.axis : 0];
    }
    u.scratch = lower_scratch(lw, "groups", DT_I64, size_const(lw->sizes, SECTIONS * u.most));
    lower_begin(lw, "sort");
    open_sections(lw, &u);
    Inst *n = kb_size(&lw->b, u.count);
    Inst *count = find_groups(lw, &u, n);
    order_groups(lw, &u, n);
    if (groups) set_count(lw, groups, count);
    lower_end(lw);
    lower_begin(lw, "fill");
    open_sections(lw, &u);
    fill_unique(lw, &u, groups ? groups : size_const(lw->sizes, 0));
    lower_end(lw);
    return 0;
}
