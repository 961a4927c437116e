/* Point rules that repeat, surround or make elements. */
#include "passes/lower/moves/move.h"
#include "passes/lower/frame/scalar.h"

#include <string.h>

Inst *point_tile(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0], *out = node->out[output];
    Inst *own[MAX_RANK] = {0};
    Builder *b = &lw->b;
    for (int i = 0; i < in->rank; i++) {
        if (in->dims[i] == out->dims[i])
            own[i] = idx[i];
        else if (size_is(in->dims[i], 1))
            own[i] = kb_i64(b, 0);
        else
            own[i] = kb_op(b, LI_REM, idx[i], kb_size(b, in->dims[i]));
    }
    return lower_load(lw, in, own);
}

/* ---- Pad ---- */

/* Where reflection at both ends lands: a period of 2 (n - 1). */
static Inst *reflect(Builder *b, Inst *at, Inst *n, bool once)
{
    Inst *last = kb_addi(b, n, -1), *zero = kb_i64(b, 0);
    if (once) {
        at = kb_op1(b, LI_ABS, at);
        return kb_op(b, LI_MIN, at, kb_sub(b, kb_muli(b, last, 2), at));
    }
    Inst *period = kb_op(b, LI_MAX, kb_muli(b, last, 2), kb_i64(b, 1));
    at = move_mod(b, at, period);
    Inst *back = kb_sub(b, period, at);
    at = kb_select(b, kb_op(b, LI_GT, at, last), back, at);
    return kb_op(b, LI_MAX, at, zero);
}

static bool at_most(const Size *pad, int64_t most)
{
    return size_is_const(pad) && pad->value <= most;
}

typedef struct PadAxis {
    const Size *begin, *end, *size;
} PadAxis;

/* The input's coordinate, and into *valid whether it is inside (mode constant). */
static Inst *pad_axis(Lower *lw, const char *mode, const PadAxis *p, Inst *at, Inst **valid)
{
    Builder *b = &lw->b;
    Inst *n = kb_size(b, p->size), *zero = kb_i64(b, 0);
    at = kb_sub(b, at, kb_size(b, p->begin));
    bool low = !at_most(p->begin, 0), high = !at_most(p->end, 0);
    if (!low && !high) return at;
    int64_t size = size_is_const(p->size) ? p->size->value : 0;
    bool once = at_most(p->begin, size - 1) && at_most(p->end, size - 1);
    if (!strcmp(mode, "reflect")) return reflect(b, at, n, once);
    if (!strcmp(mode, "wrap")) {
        if (!once) return move_mod(b, at, n);
        Inst *more = kb_add(b, at, n);
        at = kb_select(b, kb_op(b, LI_LT, at, zero), more, at);
        Inst *less = kb_sub(b, at, n);
        return kb_select(b, kb_op(b, LI_GE, at, n), less, at);
    }
    if (!strcmp(mode, "edge")) return move_clamp(b, at, n);
    if (low) *valid = kb_op(b, LI_AND, *valid, kb_op(b, LI_GE, at, zero));
    if (high) *valid = kb_op(b, LI_AND, *valid, kb_op(b, LI_LT, at, n));
    if (low) at = kb_op(b, LI_MAX, at, zero);
    if (high) at = kb_op(b, LI_MIN, at, kb_addi(b, n, -1));
    return high && !low ? at : kb_op(b, LI_MAX, at, zero);
}

Inst *point_pad(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0];
    Builder *b = &lw->b;
    int count = 0, rank = in->rank;
    const Size *const *pads = tensor_values(lw->graph, node->in[1], &count);
    const char *mode = node_string(node, "mode");
    Inst *own[MAX_RANK] = {0}, *none[MAX_RANK] = {0}, *valid = kb_int(b, DT_BOOL, 1);
    Inst *fill = kb_const(b, lower_type(node->out[output]->dtype), 0);
    if (node_in(node, 2)) fill = lower_load(lw, node->in[2], none);
    if (!pads || count < 2 * rank || move_is_empty(in)) return fill;
    for (int i = 0; i < rank; i++) {
        PadAxis p = {pads[i], pads[i + rank], in->dims[i]};
        own[i] = pad_axis(lw, mode, &p, idx[i], &valid);
    }
    return kb_select(b, valid, lower_load(lw, in, own), fill);
}

/* Crops or pads around the centre: the input's coordinate is the output's plus half the difference,
 * rounded towards zero. */
Inst *point_center_crop_pad(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0], *out = node->out[output];
    Builder *b = &lw->b;
    Inst *own[MAX_RANK] = {0}, *valid = kb_int(b, DT_BOOL, 1);
    Inst *fill = kb_const(b, lower_type(out->dtype), 0);
    if (move_is_empty(in)) return fill;
    for (int i = 0; i < in->rank; i++) {
        own[i] = idx[i];
        if (in->dims[i] == out->dims[i]) continue;
        Inst *n = kb_size(b, in->dims[i]);
        Inst *shift = kb_op(b, LI_DIV, kb_sub(b, n, kb_size(b, out->dims[i])), kb_i64(b, 2));
        Inst *at = kb_add(b, idx[i], shift);
        valid = kb_op(b, LI_AND, valid, move_inside(b, at, n));
        own[i] = move_clamp(b, at, n);
    }
    return kb_select(b, valid, lower_load(lw, in, own), fill);
}

/* ---- Elements out of nothing ---- */

Inst *point_one_hot(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *index = node->in[0];
    Builder *b = &lw->b;
    int axis = (int)node_int(node, "axis");
    Inst *own[MAX_RANK] = {0};
    for (int i = 0; i < index->rank; i++) own[i] = idx[i < axis ? i : i + 1];
    Inst *depth = kb_size(b, node->out[output]->dims[axis]);
    Inst *hot = move_wrap(b, scalar_to_int(b, DT_I64, lower_load(lw, index, own)), depth);
    Inst *off = lower_load(lw, node->in[2], (Inst *[]){kb_i64(b, 0)});
    Inst *on = lower_load(lw, node->in[2], (Inst *[]){kb_i64(b, 1)});
    return kb_select(b, kb_op(b, LI_EQ, hot, idx[axis]), on, off);
}

Inst *point_range(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    Inst *zero[MAX_RANK] = {0};
    DType type = lower_type(node->out[output]->dtype);
    Inst *start = kb_cast(b, type, lower_load(lw, node->in[0], zero));
    Inst *delta = kb_cast(b, type, lower_load(lw, node->in[2], zero));
    return kb_add(b, start, kb_mul(b, kb_cast(b, type, idx[0]), delta));
}

Inst *point_constant_of_shape(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    DType type = lower_type(node->out[output]->dtype);
    const Attr *value = node_attr(node, "value");
    (void)idx;
    if (!value || !value->tensor) return kb_const(&lw->b, type, 0);
    if (dtype_is_float(type)) return kb_float(&lw->b, type, const_f64_at(value->tensor, 0));
    return kb_int(&lw->b, type, const_held_at(value->tensor, 0));
}

Inst *point_eye_like(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    DType type = lower_type(node->out[output]->dtype);
    Inst *diagonal = kb_addi(b, idx[0], node_int(node, "k"));
    return kb_cast(b, type, kb_op(b, LI_EQ, diagonal, idx[1]));
}

Inst *point_trilu(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    int rank = node->out[output]->rank;
    Inst *zero[MAX_RANK] = {0}, *k = kb_i64(b, 0);
    if (node_in(node, 1)) k = kb_cast(b, DT_I64, lower_load(lw, node->in[1], zero));
    Inst *distance = kb_sub(b, idx[rank - 1], idx[rank - 2]);
    bool upper = node_int(node, "upper") != 0;
    Inst *keep = kb_op(b, upper ? LI_GE : LI_LE, distance, k);
    Inst *x = lower_load(lw, node->in[0], idx);
    return kb_select(b, keep, x, scalar_like(b, x, 0));
}

/* HannWindow and others: a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N). */
Inst *point_window(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    static const double two_pi = 6.283185307179586;
    double a0 = 0.5, a1 = 0.5, a2 = 0;
    Builder *b = &lw->b;
    if (node->op == OP_HAMMING_WINDOW) a0 = 25.0 / 46, a1 = 21.0 / 46;
    if (node->op == OP_BLACKMAN_WINDOW) a0 = 0.42, a1 = 0.5, a2 = 0.08;
    Inst *n = kb_size(b, node->out[output]->dims[0]);
    if (!node_int(node, "periodic")) n = kb_addi(b, n, -1);
    n = kb_op(b, LI_MAX, n, kb_i64(b, 1));
    n = kb_cast(b, DT_F64, n);
    Inst *turn = kb_op(b, LI_DIV, kb_cast(b, DT_F64, idx[0]), n);
    Inst *angle = kb_mul(b, turn, kb_float(b, DT_F64, two_pi));
    Inst *sum = kb_mul(b, kb_op1(b, LI_COS, angle), kb_float(b, DT_F64, a1));
    sum = kb_sub(b, kb_float(b, DT_F64, a0), sum);
    if (a2 != 0) {
        Inst *twice = kb_op1(b, LI_COS, kb_add(b, angle, angle));
        sum = kb_add(b, sum, kb_mul(b, twice, kb_float(b, DT_F64, a2)));
    }
    DType type = lower_type(node->out[output]->dtype);
    return dtype_is_int(type) ? scalar_to_int(b, type, sum) : kb_cast(b, type, sum);
}

/* ---- Blocks ---- */

Inst *point_depth_to_space(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    int64_t block = node_int(node, "blocksize");
    bool dcr = !strcmp(node_string(node, "mode"), "DCR");
    Inst *size = kb_i64(b, block);
    Inst *y = kb_op(b, LI_DIV, idx[2], size), *x = kb_op(b, LI_DIV, idx[3], size);
    Inst *in_block = kb_muli(b, kb_op(b, LI_REM, idx[2], size), block);
    in_block = kb_add(b, in_block, kb_op(b, LI_REM, idx[3], size));
    Inst *channels = kb_size(b, node->out[output]->dims[1]);
    Inst *c = dcr ? kb_add(b, kb_mul(b, in_block, channels), idx[1])
                  : kb_add(b, kb_muli(b, idx[1], block * block), in_block);
    return lower_load(lw, node->in[0], (Inst *[]){idx[0], c, y, x});
}

Inst *point_space_to_depth(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    Inst *block = kb_i64(b, node_int(node, "blocksize"));
    Inst *channels = kb_size(b, node->in[0]->dims[1]);
    Inst *c = kb_op(b, LI_REM, idx[1], channels), *at = kb_op(b, LI_DIV, idx[1], channels);
    Inst *y = kb_op(b, LI_DIV, at, block);
    y = kb_add(b, kb_mul(b, idx[2], block), y);
    Inst *x = kb_op(b, LI_REM, at, block);
    x = kb_add(b, kb_mul(b, idx[3], block), x);
    (void)output;
    return lower_load(lw, node->in[0], (Inst *[]){idx[0], c, y, x});
}

Inst *point_reverse_sequence(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Builder *b = &lw->b;
    int batch = (int)node_int(node, "batch_axis"), time = (int)node_int(node, "time_axis");
    Inst *own[MAX_RANK] = {0};
    for (int i = 0; i < node->out[output]->rank; i++) own[i] = idx[i];
    Inst *length = kb_cast(b, DT_I64, lower_load(lw, node->in[1], &idx[batch]));
    Inst *n = kb_size(b, node->in[0]->dims[time]);
    length = kb_op(b, LI_MIN, length, n);
    Inst *back = kb_addi(b, kb_sub(b, length, idx[time]), -1);
    own[time] = kb_select(b, kb_op(b, LI_LT, idx[time], length), back, idx[time]);
    return lower_load(lw, node->in[0], own);
}
