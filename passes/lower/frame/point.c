/* Nodes with a point rule: a loop over the output's coordinates around it. When everything that the
 * node touches lies contiguously in one order, one flat loop. */
#include "passes/lower/frame/lower.h"

static bool is_single(const Tensor *tensor)
{
    for (int i = 0; i < tensor->rank; i++) {
        if (!size_is(tensor->dims[i], 1)) return false;
    }
    return true;
}

/* Same sizes and strides as `like`, which is contiguous in some order of its axes. */
static bool lies_like(Lower *lw, const Tensor *tensor, const Tensor *like)
{
    int shift = like->rank - tensor->rank;
    if (shift < 0) return false;
    const Place *a = lower_place(lw, tensor), *c = lower_place(lw, like);
    for (int i = 0; i < shift; i++) {
        if (!size_is(like->dims[i], 1)) return false;
    }
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] != like->dims[i + shift]) return false;
        if (!size_is(tensor->dims[i], 1) && a->stride[i] != c->stride[i + shift]) return false;
    }
    return true;
}

/* Does the output's element depend on the same element of each input, or on inputs of one element? */
static bool maps_elements(const Node *node)
{
    if (op_info(node->op)->traits & T_ELEMENTWISE) return true;
    if (!(op_info(node->op)->traits & T_PER_TENSOR)) return false;
    const Tensor *zero = node_in(node, 2);
    return is_single(node->in[1]) && (!zero || is_single(zero));
}

static bool operand_is_flat(Lower *lw, const Tensor *tensor, const Tensor *like, int depth)
{
    if (is_single(tensor) && !tensor->is_inlined) return true;
    if (!tensor->is_inlined) return lies_like(lw, tensor, like);
    const Node *node = tensor->producer;
    if (depth > 40 || !maps_elements(node)) return false;
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i] && !operand_is_flat(lw, node->in[i], like, depth + 1)) return false;
    }
    return true;
}

static bool is_contiguous(Lower *lw, const Tensor *tensor)
{
    uint8_t order[MAX_RANK];
    lower_order(lw, tensor, order);
    const Place *place = lower_place(lw, tensor);
    const Size *expect = size_const(lw->sizes, 1);
    for (int i = tensor->rank - 1; i >= 0; i--) {
        int axis = order[i];
        if (size_is(tensor->dims[axis], 1)) continue;
        if (place->stride[axis] != expect) return false;
        expect = size_mul(lw->sizes, expect, tensor->dims[axis]);
    }
    return true;
}

bool lower_is_flat(Lower *lw, const Node *node)
{
    if (!maps_elements(node)) return false;
    const Tensor *result = node_result(node);
    if (!is_contiguous(lw, result)) return false;
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i] && !operand_is_flat(lw, node->in[i], result, 0)) return false;
    }
    for (int k = 0; k < node->epilogue_count; k++) {
        const Node *step = node->epilogue[k];
        const Tensor *before = k ? node->epilogue[k - 1]->out[0] : node->out[0];
        for (int i = 0; i < step->in_count; i++) {
            const Tensor *in = step->in[i];
            if (in && in != before && !operand_is_flat(lw, in, result, 0)) return false;
        }
    }
    return true;
}

/* Tells the memory planner which operands of a flat loop the result may overwrite. */
static void note_in_place(Lower *lw, const Tensor *in, const Tensor *result, int depth)
{
    if (in->is_inlined) {
        const Node *node = in->producer;
        for (int i = 0; i < node->in_count && depth < 40; i++) {
            if (node->in[i]) note_in_place(lw, node->in[i], result, depth + 1);
        }
        return;
    }
    Buffer *from = lower_place(lw, in)->buffer, *to = lower_place(lw, result)->buffer;
    if (is_single(in) || from->class != BUFFER_WORK || to->class != BUFFER_WORK) return;
    if (dtype_size(from->dtype) != dtype_size(to->dtype) || from->elements != to->elements) return;
    InPlace pair = {lw->kernel, from, to};
    arena_push(lw->arena, lw->in_place, lw->in_place_count) = pair;
}

static void note_flat(Lower *lw, const Node *node)
{
    const Tensor *result = node_result(node);
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i]) note_in_place(lw, node->in[i], result, 0);
    }
    for (int k = 0; k < node->epilogue_count; k++) {
        const Tensor *before = k ? node->epilogue[k - 1]->out[0] : node->out[0];
        for (int i = 0; i < node->epilogue[k]->in_count; i++) {
            const Tensor *in = node->epilogue[k]->in[i];
            if (in && in != before) note_in_place(lw, in, result, 0);
        }
    }
}

/* Operations per element, roughly: what decides whether threads are worth it. */
static double work_of(const Node *node)
{
    double work = 1 + node->epilogue_count;
    if (!(op_info(node->op)->traits & T_CHEAP)) work += 4;
    for (int i = 0; i < node->in_count; i++) {
        const Tensor *in = node->in[i];
        if (in && in->is_inlined && in->producer) work += work_of(in->producer);
    }
    return work;
}

static void one_output(Lower *lw, Node *node, int output)
{
    const Tensor *result = output == 0 ? node_result(node) : node->out[output];
    double work = work_of(node), elements = lower_work(lw, result);
    Inst *idx[MAX_RANK] = {0};
    int loops;
    lower_begin(lw, output ? arena_printf(lw->arena, "out%d", output) : NULL);
    if (lower_is_flat(lw, node)) {
        const Size *count = tensor_elements(lw->sizes, result);
        enum { CHUNK = 4096 };
        note_flat(lw, node);
        Inst *n = kb_size(&lw->b, count);
        if (lower_parallel(lw, work * elements) == LOOP_PARALLEL) {
            const Size *chunks = size_ceildiv(lw->sizes, count, size_const(lw->sizes, CHUNK));
            Inst *chunk = kb_for_n(&lw->b, LOOP_PARALLEL, chunks);
            Inst *from = kb_muli(&lw->b, chunk, CHUNK);
            Inst *to = kb_op(&lw->b, LI_MIN, kb_addi(&lw->b, from, CHUNK), n);
            lw->flat = kb_for(&lw->b, LOOP_VECTOR, from, to, 1);
            loops = 2;
        } else {
            lw->flat = kb_for(&lw->b, LOOP_VECTOR, kb_i64(&lw->b, 0), n, 1);
            loops = 1;
        }
    } else {
        uint8_t order[MAX_RANK];
        lower_order(lw, result, order);
        loops = lower_nest(lw, result->rank, result->dims, order, true, work, idx);
    }
    Inst *value = lower_point_value(lw, node, output, idx);
    if (output == 0)
        lower_store(lw, idx, value);
    else
        lower_store_to(lw, result, idx, value);
    lower_nest_end(lw, loops);
    lw->flat = NULL;
    lower_end(lw);
}

int lower_point(Lower *lw, Node *node)
{
    for (int i = 0; i < node->out_count; i++) {
        const Tensor *out = i ? node->out[i] : node_result(node);
        if (out && !(lw->viewed && lw->viewed[out->id])) one_output(lw, node, i);
    }
    return 0;
}
