/* Concat, and the nodes that only store: known values, the join of an If's branches. */
#include "passes/lower/moves/move.h"

/* ---- Concat ---- */

/* Does input k already lie where the result has it (passes/stage/place.c)? */
static bool lies_in_place(Lower *lw, const Tensor *in, const Tensor *out, int axis, const Size *at)
{
    if (in->is_inlined || in->data || lw->node->epilogue_count) return false;
    const Place *a = lower_place(lw, in), *c = lower_place(lw, out);
    if (!a->buffer || a->buffer != c->buffer) return false;
    const Size *skip = size_mul(lw->sizes, at, c->stride[axis]);
    if (a->offset != size_add(lw->sizes, c->offset, skip)) return false;
    for (int i = 0; i < in->rank; i++) {
        if (!size_is(in->dims[i], 1) && a->stride[i] != c->stride[i]) return false;
    }
    return true;
}

static void copy_part(Lower *lw, const Tensor *in, int axis, const Size *at, double work)
{
    Inst *idx[MAX_RANK] = {0}, *to[MAX_RANK] = {0};
    uint8_t order[MAX_RANK];
    lower_order(lw, node_result(lw->node), order);
    int loops = lower_nest(lw, in->rank, in->dims, order, true, work, idx);
    for (int i = 0; i < in->rank; i++) to[i] = idx[i];
    to[axis] = kb_add(&lw->b, idx[axis], kb_size(&lw->b, at));
    lower_store(lw, to, lower_load(lw, in, idx));
    lower_nest_end(lw, loops);
}

/* Small parts are copied by one kernel; large ones have each their own, so that they can run in
 * parallel. */
int lower_concat(Lower *lw, Node *node)
{
    enum { LARGE = 100000 };
    const Tensor *out = node_result(node);
    int axis = (int)node_int(node, "axis"), copied = 0;
    const Size *at = size_const(lw->sizes, 0);
    bool opened = false;
    const Size **starts = arena_array(lw->arena, (size_t)node->in_count, sizeof *starts);
    for (int k = 0; k < node->in_count; k++) {
        const Tensor *in = node->in[k];
        starts[k] = at;
        at = size_add(lw->sizes, at, in->dims[axis]);
        if (lies_in_place(lw, in, out, axis, starts[k]) || move_is_empty(in)) {
            starts[k] = NULL;
        } else if (lower_work(lw, in) >= (double)LARGE) {
            lower_begin(lw, copied++ ? arena_printf(lw->arena, "part%d", k) : NULL);
            copy_part(lw, in, axis, starts[k], 1);
            lower_end(lw);
            starts[k] = NULL;
        }
    }
    for (int k = 0; k < node->in_count; k++) {
        if (!starts[k]) continue;
        if (!opened) lower_begin(lw, copied ? "rest" : NULL);
        opened = true;
        copy_part(lw, node->in[k], axis, starts[k], 0);
    }
    if (opened) lower_end(lw);
    return 0;
}

/* ---- Shape arithmetic at run time ---- */

static const Size *const *shape_values(Lower *lw, Node *node, int *count)
{
    const Size *const *values = tensor_values(lw->graph, node->out[0], count);
    if (values) return values;
    const Size **made = arena_array(lw->arena, MAX_RANK, sizeof *made);
    *count = 0;
    if (node->op == OP_SIZE) {
        made[(*count)++] = tensor_elements(lw->sizes, node->in[0]);
    } else if (node->op == OP_SHAPE) {
        int end = (int)node_int(node, "end");
        for (int i = (int)node_int(node, "start"); i < end && i < node->in[0]->rank; i++) {
            made[(*count)++] = node->in[0]->dims[i];
        }
    } else {
        return NULL;
    }
    return made;
}

int lower_values(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    int count = 0;
    const Size *const *values = shape_values(lw, node, &count);
    if (!values) return diag_node(lw->diag, &node->origin, "its contents are not known");
    lower_begin(lw, NULL);
    for (int i = 0; i < count; i++) {
        Inst *idx[MAX_RANK] = {0};
        lower_unflatten(lw, kb_i64(&lw->b, i), out->rank, out->dims, idx);
        lower_store(lw, idx, kb_cast(&lw->b, lower_type(out->dtype), kb_size(&lw->b, values[i])));
    }
    lower_end(lw);
    return 0;
}

/* ---- lpc.Phi ---- */

/* The sizes of the branch that was taken become those of the result. */
static void set_symbols(Lower *lw, const Tensor *from, const Tensor *out, const char *suffix)
{
    bool any = false;
    for (int i = 0; i < out->rank; i++) {
        const Size *size = out->dims[i];
        if (size == from->dims[i] || size->kind != SIZE_SYM) continue;
        if (sizes_symbol_at(lw->sizes, size->sym)->source != SYM_NODE) continue;
        if (!any) lower_begin(lw, suffix);
        any = true;
        kb_setsym(&lw->b, size->sym, kb_size(&lw->b, from->dims[i]));
    }
    if (any) lower_end(lw);
}

static void take_branch(Lower *lw, const Tensor *from, bool when, bool fails)
{
    const Tensor *out = node_result(lw->node);
    const char *side = when ? "then" : "else";
    if (fails) { /* this side can not be computed with the sizes there are */
        lower_begin(lw, side);
        kb_fail(&lw->b, RUN_VALUE);
        lower_end(lw);
        return;
    }
    set_symbols(lw, from, lw->node->out[0], arena_printf(lw->arena, "%s_sizes", side));
    if (!from->is_inlined && !from->data) {
        const Place *a = lower_place(lw, from), *c = lower_place(lw, out);
        bool same = a->buffer == c->buffer && a->offset == c->offset;
        for (int i = 0; i < out->rank; i++) same = same && a->stride[i] == c->stride[i];
        if (same && !lw->node->epilogue_count) return;
    }
    Inst *idx[MAX_RANK] = {0};
    uint8_t order[MAX_RANK];
    lower_begin(lw, side);
    lower_order(lw, out, order);
    int loops = lower_nest(lw, out->rank, from->dims, order, true, 1, idx);
    lower_store(lw, idx, lower_load(lw, from, idx));
    lower_nest_end(lw, loops);
    lower_end(lw);
}

int lower_phi(Lower *lw, Node *node)
{
    if (node->in_count != 3)
        return diag_node(lw->diag, &node->origin, "has no condition that selects a branch");
    const Tensor *cond = node->in[0];
    const Place *place = lower_place(lw, cond);
    if (cond->is_inlined || !place->buffer || !size_is(place->offset, 0))
        return diag_node(lw->diag, &node->origin, "its condition '%s' cannot be read here",
                         cond->name);
    const Attr *failing = node_attr(node, "fails");
    Block *outer = lw->main;
    for (int when = 1; when >= 0; when--) {
        bool fails = failing && failing->ints[0] == when;
        lw->main = &main_if(lw->program, outer, place->buffer, when != 0)->body;
        take_branch(lw, node->in[when ? 1 : 2], when != 0, fails);
    }
    lw->main = outer;
    return 0;
}
