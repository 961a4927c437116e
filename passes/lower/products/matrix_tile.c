/* One tile of a matrix product: rows x vecs vectors of accumulators around the loops over taps and
 * depth, written for one lane inside a VECTOR loop over all of them. */
#include "passes/lower/products/matrix.h"

typedef struct Tile {
    Product *p;
    Lower *lw;
    Inst *first; /* row position of row 0 */
    int rows;
    int64_t known; /* its value, -1: not known, and all taps are inside */
    Inst *lane;
    Inst *column[TILE_VECS], *limit[TILE_VECS]; /* limit NULL: no lane is outside */
    Inst *row_zero[TILE_ROWS], *column_zero[TILE_VECS];
    Cell *cell[TILE_ROWS][TILE_VECS];
} Tile;

Inst *matrix_madd(Lower *lw, Inst *a, Inst *c, Inst *plus)
{
    if (dtype_is_float(a->type.dtype) && lower_has_fma(lw->target))
        return kb_fma(&lw->b, a, c, plus);
    return kb_add(&lw->b, plus, kb_mul(&lw->b, a, c));
}

/* ---- Limits ---- */

/* From here on, until the limit before is set again, accesses of vector u stay in front of the last
 * column. */
static Limit limit_vector(Tile *t, int u)
{
    const Inst *varies = t->p->tile.lanes > 1 ? t->lane : t->p->at.block;
    return kb_limit(&t->lw->b, (Limit){varies, t->limit[u]});
}

/* Can vector u of some block reach beyond the last column? */
static bool may_overrun(const Product *p, int u)
{
    if (!size_is_const(p->columns)) return true;
    int64_t width = (int64_t)p->tile.lanes * p->tile.vecs, columns = p->columns->value;
    int64_t last = columns - (columns - 1) / width * width;
    return (u + 1) * p->tile.lanes > last;
}

static void set_columns(Tile *t)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    int64_t width = (int64_t)p->tile.lanes * p->tile.vecs;
    Inst *start = kb_muli(b, p->at.block, width);
    Inst *group = kb_mul(b, p->at.group, kb_size(b, p->columns));
    for (int u = 0; u < p->tile.vecs; u++) {
        Inst *own = kb_add(b, kb_addi(b, start, (int64_t)u * p->tile.lanes), t->lane);
        t->column[u] = kb_add(b, group, own);
        t->limit[u] = may_overrun(p, u) ? kb_sub(b, kb_size(b, p->columns), own) : NULL;
    }
}

/* ---- Operands ---- */

static Inst *load(Tile *t, const Operand *o, Inst *row, Inst *depth, Inst *column)
{
    Inst *idx[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) idx[i] = o->at[i];
    if (o->row >= 0) idx[o->row] = row;
    if (o->depth >= 0) idx[o->depth] = depth;
    if (o->column >= 0) idx[o->column] = column;
    return lower_load(t->lw, o->tensor, idx);
}

static Inst *position(Tile *t, int r)
{
    return kb_addi(&t->lw->b, t->first, r);
}

/* The output's coordinate of row r. */
static Inst *out_row(Tile *t, Inst *at)
{
    const Axis *axis = &t->p->axis[t->p->axes - 1];
    Builder *b = &t->lw->b;
    return kb_addi(b, kb_muli(b, at, axis->out_step), axis->out_phase);
}

/* A zero point or scale of row r or column u. */
static Inst *parameter(Tile *t, const Operand *o, Inst *row, int u)
{
    if (u < 0) return load(t, o, row, NULL, NULL);
    Limit before = limit_vector(t, u);
    Inst *value = load(t, o, row, NULL, t->column[u]);
    kb_limit(&t->lw->b, before);
    return value;
}

static void load_zeros(Tile *t)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    for (int r = 0; r < t->rows && p->scales.left_zero.tensor; r++) {
        if (r && p->scales.left_zero.row < 0)
            t->row_zero[r] = t->row_zero[0];
        else
            t->row_zero[r] =
                kb_cast(b, DT_I32, parameter(t, &p->scales.left_zero, position(t, r), -1));
    }
    for (int u = 0; u < p->tile.vecs && p->scales.right_zero.tensor; u++)
        t->column_zero[u] = kb_cast(b, DT_I32, parameter(t, &p->scales.right_zero, NULL, u));
}

static Inst *less_zero(Tile *t, Inst *value, Inst *zero)
{
    value = kb_cast(&t->lw->b, t->p->acc, value);
    return zero ? kb_sub(&t->lw->b, value, zero) : value;
}

/* ---- Start ---- */

static bool starts_from_bias(const Product *p)
{
    return p->bias.tensor && p->alpha == 1 && p->beta == 1;
}

static void start(Tile *t)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    LType type = {p->acc, 1};
    for (int u = 0; u < p->tile.vecs; u++) {
        Inst *value = kb_const(b, p->acc, 0);
        for (int r = 0; r < t->rows; r++) {
            if (starts_from_bias(p) && (r == 0 || p->bias.row >= 0)) {
                Limit before = limit_vector(t, u);
                value = load(t, &p->bias, out_row(t, position(t, r)), NULL, t->column[u]);
                kb_limit(&t->lw->b, before);
                value = kb_cast(b, p->acc, value);
            }
            t->cell[r][u] = kb_cell(b, arena_printf(t->lw->arena, "acc%d_%d", r, u), type, value);
        }
    }
}

/* ---- The sum ---- */

/* Number of the packed block of a tap. */
static Inst *packed_block(Tile *t, Inst *tap)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    int64_t width = (int64_t)p->tile.lanes * p->tile.vecs, taps = 1;
    for (int a = 0; a < p->axes; a++) taps *= p->axis[a].kernel;
    const Size *blocks = size_ceildiv(t->lw->sizes, p->columns, size_const(t->lw->sizes, width));
    Inst *at = kb_add(b, kb_mul(b, p->at.group, kb_size(b, blocks)), p->at.block);
    return kb_add(b, kb_muli(b, at, taps), tap);
}

/* Index of its first element; right's elements are fours of bytes with DOT4. */
static Inst *packed_base(Tile *t, Inst *tap)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    const Size *depth = p->dot.on ? size_divi(t->lw->sizes, p->depth, 4) : p->depth;
    Inst *at = kb_mul(b, packed_block(t, tap), kb_size(b, depth));
    return kb_muli(b, at, (int64_t)p->tile.lanes * p->tile.vecs);
}

/* Right's element of a tap and depth where it lies, for packed coordinates of width 1. */
static Inst *unpacked_value(Tile *t, Inst *tap, Inst *c)
{
    Product *p = t->p;
    Inst *zero = kb_i64(&t->lw->b, 0);
    Inst *by_column[] = {p->at.block, tap, zero},
         *by_group[] = {p->at.group, p->at.block, tap, c, zero};
    return matrix_unpacked(t->lw, p->right.tensor, p->weights.unpacked,
                           p->depthwise ? by_column : by_group);
}

static Inst *right_value(Tile *t, Inst *tap, Inst *base, Inst *c, int u)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    Inst *value;
    if (p->weights.packed) {
        int vecs = p->weights.vecs ? p->weights.vecs : p->tile.vecs, block = u / vecs;
        int64_t width = (int64_t)p->tile.lanes * vecs;
        Param *from = lower_whole(t->lw, p->weights.packed, false);
        if (block) base = kb_add(b, base, kb_muli(b, kb_size(b, p->depth), block * width));
        Inst *at = kb_add(b, kb_add(b, base, kb_muli(b, c, width)), t->lane);
        value = kb_load(b, from, kb_addi(b, at, (int64_t)(u % vecs) * p->tile.lanes));
    } else if (p->weights.unpacked) {
        value = unpacked_value(t, tap, c);
    } else {
        Limit before = limit_vector(t, u);
        value = load(t, &p->right, NULL, c, t->column[u]);
        kb_limit(&t->lw->b, before);
    }
    return less_zero(t, value, t->column_zero[u]);
}

/* ---- The sum by DOT4 ---- */

/* sum((left - zero) * right) = sum(left * right) - zero * sum(right). */
static void subtract_zero(Tile *t, Inst *tap, int from, int to)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    Inst *zero = kb_int(b, DT_I32, p->dot.zero);
    if (p->scales.left_zero.tensor) zero = kb_add(b, t->row_zero[0], zero);
    if (zero->op == LI_INT && zero->value == 0) return;
    Param *sums = lower_whole(t->lw, p->dot.sums, false);
    int64_t width = (int64_t)p->tile.lanes * p->tile.vecs;
    Inst *base = kb_add(b, kb_muli(b, packed_block(t, tap), width), t->lane);
    for (int u = 0; u < p->tile.vecs; u++) {
        Inst *sum = kb_load(b, sums, kb_addi(b, base, (int64_t)u * p->tile.lanes));
        Inst *less = kb_mul(b, sum, zero);
        for (int r = from; r < to; r++)
            kb_set(b, t->cell[r][u], kb_sub(b, kb_get(b, t->cell[r][u]), less));
    }
}

static void sum_dots(Tile *t, Inst *tap, Inst *row, int from, int to)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    int64_t step = p->axis[p->axes - 1].step, width = (int64_t)p->tile.lanes * p->tile.vecs;
    int64_t fours = p->depth->value / 4;
    subtract_zero(t, tap, from, to);
    Inst *base = packed_base(t, tap), *group = kb_muli(b, p->at.group, fours);
    Param *packed = lower_whole_view(t->lw, p->weights.packed, DT_I32);
    Inst *c = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, fours), 1), *right[TILE_VECS];
    Inst *start = kb_add(b, kb_add(b, base, kb_muli(b, c, width)), t->lane);
    for (int u = 0; u < p->tile.vecs; u++)
        right[u] = kb_load(b, packed, kb_addi(b, start, (int64_t)u * p->tile.lanes));
    for (int r = from; r < to; r++) {
        Inst *idx[MAX_RANK];
        for (int i = 0; i < MAX_RANK; i++) idx[i] = p->left.at[i];
        if (p->left.row >= 0) idx[p->left.row] = kb_addi(b, row, r * step);
        Inst *left = matrix_dot_left(p, idx, kb_add(b, group, c));
        for (int u = 0; u < p->tile.vecs; u++) {
            Inst *sum = kb_get(b, t->cell[r][u]);
            kb_set(b, t->cell[r][u], kb_dot4(b, sum, left, right[u], p->dot.is_unsigned));
        }
    }
    kb_end(b);
}

/* One tap's products with rows [from, to); `row` is the input's coordinate for row 0. */
static void sum_depth(Tile *t, Inst *tap, Inst *row, int from, int to)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    int64_t step = p->axis[p->axes - 1].step;
    Inst *base = p->weights.packed ? packed_base(t, tap) : NULL;
    Inst *group = kb_mul(b, p->at.group, kb_size(b, p->depth));
    Inst *c = kb_for_n(b, LOOP_SERIAL, p->depth);
    Inst *right[TILE_VECS];
    for (int u = 0; u < p->tile.vecs; u++) right[u] = right_value(t, tap, base, c, u);
    for (int r = from; r < to; r++) {
        Inst *depth = kb_add(b, group, c);
        Inst *left = load(t, &p->left, kb_addi(b, row, r * step), depth, NULL);
        left = less_zero(t, left, t->row_zero[r]);
        for (int u = 0; u < p->tile.vecs; u++) {
            Inst *sum = kb_get(b, t->cell[r][u]);
            kb_set(b, t->cell[r][u], matrix_madd(t->lw, left, right[u], sum));
        }
    }
    kb_end(b);
}

/* The kernel's element of tap j on the row axis, after `outer` on the others. */
static Inst *row_tap(Tile *t, Inst *outer, Inst *j)
{
    const Axis *axis = &t->p->axis[t->p->axes - 1];
    Builder *b = &t->lw->b;
    Inst *own = kb_addi(b, kb_muli(b, j, axis->tap_step), axis->first);
    return kb_add(b, kb_muli(b, outer, axis->kernel), own);
}

static Inst *row_input(Tile *t, Inst *j)
{
    const Axis *axis = &t->p->axis[t->p->axes - 1];
    Builder *b = &t->lw->b;
    Inst *at = kb_addi(b, kb_muli(b, t->first, axis->step), axis->offset);
    return kb_add(b, at, kb_muli(b, j, axis->offset_step));
}

/* ---- Depthwise: each column has its own left elements, which taps of a row share. ---- */

enum { SHARED_TAPS = 128 }; /* most multiply-adds of a row's taps to write out */

static Inst *depthwise_left(Tile *t, Inst *row, int u)
{
    Limit before = limit_vector(t, u);
    Inst *value = load(t, &t->p->left, row, NULL, t->column[u]);
    kb_limit(&t->lw->b, before);
    return less_zero(t, value, t->row_zero[0]);
}

/* One tap with rows [from, to). */
static void depthwise_tap(Tile *t, Inst *tap, Inst *row, int from, int to)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    int64_t step = p->axis[p->axes - 1].step;
    Inst *base = p->weights.packed ? packed_base(t, tap) : NULL;
    for (int u = 0; u < p->tile.vecs; u++) {
        Inst *right = right_value(t, tap, base, kb_i64(b, 0), u);
        for (int r = from; r < to; r++) {
            Inst *left = depthwise_left(t, kb_addi(b, row, r * step), u);
            Inst *sum = kb_get(b, t->cell[r][u]);
            kb_set(b, t->cell[r][u], matrix_madd(t->lw, left, right, sum));
        }
    }
}

static bool shares_taps(const Tile *t)
{
    if (t->lw->target->plain) return false;
    const Axis *axis = &t->p->axis[t->p->axes - 1];
    int64_t span = (t->rows - 1) * axis->step;
    int64_t reach = (axis->taps - 1) * axis->offset_step;
    if (reach < 0 || span + reach >= SHARED_TAPS) return false;
    return axis->taps * t->rows * t->p->tile.vecs <= SHARED_TAPS;
}

static bool tap_is_inside(const Tile *t, int r, int64_t j)
{
    const Axis *axis = &t->p->axis[t->p->axes - 1];
    if (t->known < 0) return true;
    int64_t x = (t->known + r) * axis->step + axis->offset + j * axis->offset_step;
    return x >= 0 && x < axis->in->value;
}

/* All taps of a row written out: an input element is loaded once for all rows that it meets. */
static void depthwise_row(Tile *t, Inst *outer)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    const Axis *axis = &p->axis[p->axes - 1];
    for (int u = 0; u < p->tile.vecs; u++) {
        Inst *left[SHARED_TAPS] = {0};
        for (int64_t j = 0; j < axis->taps; j++) {
            Inst *at = kb_i64(b, j), *right = NULL;
            for (int r = 0; r < t->rows; r++) {
                if (!tap_is_inside(t, r, j)) continue;
                int64_t move = r * axis->step + j * axis->offset_step;
                Inst *row = kb_addi(b, row_input(t, kb_i64(b, 0)), move);
                if (!left[move]) left[move] = depthwise_left(t, row, u);
                Inst *tap = row_tap(t, outer, at);
                if (!right) right = right_value(t, tap, packed_base(t, tap), kb_i64(b, 0), u);
                Inst *sum = kb_get(b, t->cell[r][u]);
                kb_set(b, t->cell[r][u], matrix_madd(t->lw, left[move], right, sum));
            }
        }
    }
}

/* ---- Taps ---- */

static void sum_tap(Tile *t, Inst *tap, Inst *row, int from, int to)
{
    if (t->p->depthwise)
        depthwise_tap(t, tap, row, from, to);
    else if (t->p->dot.on)
        sum_dots(t, tap, row, from, to);
    else
        sum_depth(t, tap, row, from, to);
}

/* Rows whose tap j is inside the input. */
static void valid_rows(const Tile *t, int64_t j, int *from, int *to)
{
    const Axis *axis = &t->p->axis[t->p->axes - 1];
    *from = t->rows;
    *to = 0;
    for (int r = 0; r < t->rows; r++) {
        int64_t x = (t->known + r) * axis->step + axis->offset + j * axis->offset_step;
        if (x < 0 || x >= axis->in->value) continue;
        if (*from > r) *from = r;
        *to = r + 1;
    }
}

/* Taps [j, end) with the same rows. */
static void tap_run(Tile *t, Inst *outer, int64_t j, int64_t end, int from, int to)
{
    Builder *b = &t->lw->b;
    if (from >= to) return;
    if (end - j == 1) {
        Inst *at = kb_i64(b, j), *input = row_input(t, at);
        sum_tap(t, row_tap(t, outer, at), input, from, to);
        return;
    }
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, j), kb_i64(b, end), 1);
    Inst *input = row_input(t, at);
    sum_tap(t, row_tap(t, outer, at), input, from, to);
    kb_end(b);
}

static void sum_row_taps(Tile *t, Inst *outer)
{
    int64_t taps = t->p->axis[t->p->axes - 1].taps;
    if (t->p->depthwise && shares_taps(t)) {
        depthwise_row(t, outer);
        return;
    }
    if (t->known < 0) {
        tap_run(t, outer, 0, taps, 0, t->rows);
        return;
    }
    for (int64_t j = 0; j < taps;) {
        int from, to, next_from = 0, next_to = 0;
        int64_t end = j + 1;
        valid_rows(t, j, &from, &to);
        for (; end < taps; end++) {
            valid_rows(t, end, &next_from, &next_to);
            if (next_from != from || next_to != to) break;
        }
        tap_run(t, outer, j, end, from, to);
        j = end;
    }
}

static Inst *both(Builder *b, Inst *a, Inst *c)
{
    return kb_op(b, LI_AND, a, c);
}

static Inst *within(Builder *b, Inst *x, const Size *count)
{
    Inst *below = kb_op(b, LI_LT, x, kb_size(b, count));
    return both(b, kb_op(b, LI_GE, x, kb_i64(b, 0)), below);
}

/* A single row at any place: each tap is tested. */
static void sum_tested_taps(Tile *t, Inst *outer)
{
    const Axis *axis = &t->p->axis[t->p->axes - 1];
    Builder *b = &t->lw->b;
    Inst *j = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, axis->taps), 1);
    Inst *x = row_input(t, j);
    kb_if(b, within(b, x, axis->in));
    sum_tap(t, row_tap(t, outer, j), x, 0, 1);
    kb_end(b);
    kb_end(b);
}

static void sum_taps(Tile *t, int a, Inst *outer, bool tested)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    if (a == p->axes - 1) {
        if (tested)
            sum_tested_taps(t, outer);
        else
            sum_row_taps(t, outer);
        return;
    }
    const Axis *axis = &p->axis[a];
    int own = p->left.row - (p->axes - 1) + a; /* the input's axis */
    Inst *scaled = kb_muli(b, outer, axis->kernel), *j;
    if (axis->transposed) {
        j = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, axis->kernel), 1);
        Inst *tap = kb_muli(b, j, axis->dilation);
        Inst *at = kb_sub(b, kb_addi(b, p->at.axis[a], axis->pad), tap);
        Inst *stride = kb_i64(b, axis->stride), *y = kb_op(b, LI_DIV, at, stride);
        Inst *hits = kb_op(b, LI_EQ, kb_op(b, LI_REM, at, stride), kb_i64(b, 0));
        hits = both(b, hits, kb_op(b, LI_GE, at, kb_i64(b, 0)));
        kb_if(b, both(b, hits, kb_op(b, LI_LT, y, kb_size(b, axis->in))));
        p->left.at[own] = y;
        sum_taps(t, a + 1, kb_add(b, scaled, j), tested);
        kb_end(b);
    } else {
        j = kb_for(b, LOOP_SERIAL, p->at.tap_lo[a], p->at.tap_hi[a], 1);
        Inst *y = kb_addi(b, kb_muli(b, p->at.axis[a], axis->step), axis->offset);
        p->left.at[own] = kb_add(b, y, kb_muli(b, j, axis->offset_step));
        sum_taps(t, a + 1, kb_add(b, scaled, j), tested);
    }
    kb_end(b);
    p->left.at[own] = NULL;
}

/* ---- The end ---- */

/* ONNX: saturate(round(sum * (left_scale * right_scale / out_scale)) + out_zero). */
static Inst *requantise(Tile *t, Inst *sum, Inst *row, int u)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    DType to = t->lw->node->out[0]->dtype;
    Inst *right = kb_cast(b, DT_F32, parameter(t, &p->scales.right_scale, row, u));
    Inst *left = kb_cast(b, DT_F32, parameter(t, &p->scales.left_scale, row, u));
    Inst *scale = kb_mul(b, left, right);
    scale = kb_op(b, LI_DIV, scale, kb_cast(b, DT_F32, parameter(t, &p->scales.out_scale, row, u)));
    Inst *value = kb_op1(b, LI_RINT, kb_mul(b, kb_cast(b, DT_F32, sum), scale));
    if (p->scales.out_zero.tensor)
        value = kb_add(b, value, kb_cast(b, DT_F32, parameter(t, &p->scales.out_zero, row, u)));
    value = kb_op(b, LI_MAX, value, kb_float(b, DT_F32, (double)dtype_min(to)));
    value = kb_op(b, LI_MIN, value, kb_float(b, DT_F32, (double)dtype_max(to)));
    return kb_cast(b, to, kb_cast(b, DT_I32, value));
}

static void finish_one(Tile *t, Inst *at, int u, Inst *value)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    Limit before = limit_vector(t, u);
    Inst *row = out_row(t, at), *idx[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) idx[i] = p->out.at[i] ? p->out.at[i] : kb_i64(b, 0);
    if (p->out.row >= 0) idx[p->out.row] = row;
    if (p->out.column >= 0) idx[p->out.column] = t->column[u];
    if (p->mode == MATRIX_QUANTISED) value = requantise(t, value, at, u);
    if (p->alpha != 1) value = kb_mul(b, value, kb_const(b, p->acc, p->alpha));
    if (p->bias.tensor && !starts_from_bias(p)) {
        Inst *plus = kb_cast(b, p->acc, load(t, &p->bias, row, NULL, t->column[u]));
        value = kb_add(b, value, kb_mul(b, plus, kb_const(b, p->acc, p->beta)));
    }
    lower_store(t->lw, idx, value);
    kb_limit(&t->lw->b, before);
}

/* Through memory, so that a long epilogue is emitted once for all rows. */
static void finish_rolled(Tile *t)
{
    Product *p = t->p;
    Builder *b = &t->lw->b;
    int64_t width = (int64_t)p->tile.lanes * p->tile.vecs;
    Param *sums = kb_local(b, arena_printf(t->lw->arena, "sums%d", t->lw->kernel->param_count),
                           p->acc, t->rows * width);
    for (int r = 0; r < t->rows; r++) {
        for (int u = 0; u < p->tile.vecs; u++) {
            Inst *sum = kb_get(b, t->cell[r][u]);
            kb_store(b, sums, kb_addi(b, t->lane, r * width + (int64_t)u * p->tile.lanes), sum);
        }
    }
    Inst *r = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, t->rows), 1);
    for (int u = 0; u < p->tile.vecs; u++) {
        Inst *from =
            kb_add(b, kb_addi(b, kb_muli(b, r, width), (int64_t)u * p->tile.lanes), t->lane);
        Inst *sum = kb_load(b, sums, from);
        finish_one(t, kb_add(b, t->first, r), u, sum);
    }
    kb_end(b);
}

static void finish(Tile *t)
{
    if (t->p->tile.rolled && t->rows > 1) {
        finish_rolled(t);
        return;
    }
    for (int r = 0; r < t->rows; r++) {
        for (int u = 0; u < t->p->tile.vecs; u++) {
            Inst *sum = kb_get(&t->lw->b, t->cell[r][u]);
            finish_one(t, position(t, r), u, sum);
        }
    }
}

static void emit(Product *p, Inst *first, int rows, int64_t known, bool tested)
{
    Tile t = {.p = p, .lw = p->lw, .first = first, .rows = rows, .known = known};
    Builder *b = &p->lw->b;
    t.lane = kb_i64(b, 0);
    if (p->tile.lanes > 1) t.lane = kb_for(b, LOOP_VECTOR, t.lane, kb_i64(b, p->tile.lanes), 1);
    set_columns(&t);
    load_zeros(&t);
    start(&t);
    sum_taps(&t, 0, kb_i64(b, 0), tested);
    finish(&t);
    if (p->tile.lanes > 1) kb_end(b);
}

void product_tile_emit(Product *p, Inst *first, int rows, int64_t known)
{
    emit(p, first, rows, known, false);
}

void product_row_emit(Product *p, Inst *at)
{
    emit(p, at, 1, -1, true);
}
