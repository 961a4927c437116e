/* NonMaxSuppression: for every batch and class, boxes by falling score, each kept unless it
 * overlaps one that was kept. The selection grows in scratch memory, then its size is known. */
#include "passes/lower/moves/move.h"

typedef struct Nms {
    const Node *node;
    const Tensor *boxes, *scores;
    Inst *batch, *class, *limit, *threshold;
    Param *items, *spare, *selected; /* selected: rows of batch, class, box */
    Cell *total;                     /* rows selected so far */
} Nms;

typedef struct Box {
    Inst *y1, *x1, *y2, *x2, *area;
} Box;

static Inst *score_of(Lower *lw, const Nms *m, Inst *box)
{
    return lower_load(lw, m->scores, (Inst *[]){m->batch, m->class, box});
}

static Inst *higher_score(Lower *lw, void *data, Inst *c, Inst *a)
{
    const Nms *m = data;
    Inst *x = score_of(lw, m, c), *y = score_of(lw, m, a);
    return kb_op(&lw->b, LI_GT, x, y);
}

static Box load_box(Lower *lw, const Nms *m, Inst *i)
{
    Builder *b = &lw->b;
    Inst *v[4];
    Box box;
    for (int k = 0; k < 4; k++)
        v[k] = lower_load(lw, m->boxes, (Inst *[]){m->batch, i, kb_i64(b, k)});
    if (node_int(m->node, "center_point_box")) { /* x, y, width, height */
        Inst *half = kb_const(b, v[0]->type.dtype, 0.5);
        Inst *w = kb_mul(b, v[2], half), *h = kb_mul(b, v[3], half);
        box.x1 = kb_sub(b, v[0], w), box.x2 = kb_add(b, v[0], w);
        box.y1 = kb_sub(b, v[1], h), box.y2 = kb_add(b, v[1], h);
    } else { /* two opposite corners y, x */
        box.y1 = kb_op(b, LI_MIN, v[0], v[2]), box.y2 = kb_op(b, LI_MAX, v[0], v[2]);
        box.x1 = kb_op(b, LI_MIN, v[1], v[3]), box.x2 = kb_op(b, LI_MAX, v[1], v[3]);
    }
    Inst *width = kb_sub(b, box.x2, box.x1);
    box.area = kb_mul(b, kb_sub(b, box.y2, box.y1), width);
    return box;
}

/* Intersection over union above the threshold. */
static Inst *overlaps(Builder *b, const Box *p, const Box *q, Inst *threshold)
{
    Inst *zero = kb_const(b, p->area->type.dtype, 0);
    Inst *y1 = kb_op(b, LI_MAX, p->y1, q->y1), *y2 = kb_op(b, LI_MIN, p->y2, q->y2);
    Inst *h = kb_sub(b, y2, y1);
    Inst *x1 = kb_op(b, LI_MAX, p->x1, q->x1), *x2 = kb_op(b, LI_MIN, p->x2, q->x2);
    Inst *w = kb_op(b, LI_MAX, kb_sub(b, x2, x1), zero);
    Inst *common = kb_mul(b, kb_op(b, LI_MAX, h, zero), w);
    Inst *all = kb_sub(b, kb_add(b, p->area, q->area), common);
    Inst *q_real = kb_op(b, LI_GT, q->area, zero);
    Inst *real = kb_op(b, LI_AND, kb_op(b, LI_GT, p->area, zero), q_real);
    real = kb_op(b, LI_AND, real, kb_op(b, LI_GT, all, zero));
    Inst *iou = kb_op(b, LI_DIV, common, kb_select(b, real, all, kb_const(b, zero->type.dtype, 1)));
    return kb_op(b, LI_AND, real, kb_op(b, LI_GT, iou, kb_cast(b, zero->type.dtype, threshold)));
}

/* items = boxes whose score is over the threshold; their number. */
static Inst *candidates(Lower *lw, const Nms *m)
{
    Builder *b = &lw->b;
    Inst *none[MAX_RANK] = {0};
    const Tensor *least = node_in(m->node, 4);
    Cell *count = kb_cell(b, "candidates", (LType){DT_I64, 1}, kb_i64(b, 0));
    Inst *i = kb_for_n(b, LOOP_SERIAL, m->boxes->dims[1]);
    Inst *passes = kb_int(b, DT_BOOL, 1);
    if (least) {
        Inst *score = score_of(lw, m, i);
        Inst *limit = kb_cast(b, score->type.dtype, lower_load(lw, least, none));
        passes = kb_op(b, LI_GT, score, limit);
    }
    kb_if(b, passes);
    kb_store(b, m->items, kb_get(b, count), i);
    kb_set(b, count, kb_addi(b, kb_get(b, count), 1));
    kb_end(b);
    kb_end(b);
    return kb_get(b, count);
}

/* Appends the box to the selection unless it overlaps a row from `start` on. */
static void consider(Lower *lw, const Nms *m, Inst *item, Inst *start)
{
    Builder *b = &lw->b;
    Box box = load_box(lw, m, item);
    Inst *end = kb_get(b, m->total), *yes = kb_int(b, DT_BOOL, 1);
    Cell *fresh = kb_cell(b, "fresh", (LType){DT_BOOL, 1}, yes);
    Inst *row = kb_for(b, LOOP_SERIAL, start, end, 1);
    Box other = load_box(lw, m, kb_load(b, m->selected, kb_addi(b, kb_muli(b, row, 3), 2)));
    kb_if(b, overlaps(b, &box, &other, m->threshold));
    kb_set(b, fresh, kb_int(b, DT_BOOL, 0));
    kb_break(b);
    kb_end(b);
    kb_end(b);
    kb_if(b, kb_get(b, fresh));
    Inst *at = kb_muli(b, end, 3);
    kb_store(b, m->selected, at, m->batch);
    kb_store(b, m->selected, kb_addi(b, at, 1), m->class);
    kb_store(b, m->selected, kb_addi(b, at, 2), item);
    kb_set(b, m->total, kb_addi(b, end, 1));
    kb_end(b);
}

static void select_class(Lower *lw, Nms *m, int64_t most)
{
    Builder *b = &lw->b;
    Inst *count = candidates(lw, m);
    move_sort(lw, m->items, m->spare, count, most, higher_score, m);
    Inst *start = kb_get(b, m->total), *end = kb_add(b, start, m->limit);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), count, 1);
    kb_if(b, kb_op(b, LI_GE, kb_get(b, m->total), end));
    kb_break(b);
    kb_end(b);
    consider(lw, m, kb_load(b, m->items, i), start);
    kb_end(b);
}

static void select_all(Lower *lw, Nms *m, int64_t most)
{
    Builder *b = &lw->b;
    Inst *none[MAX_RANK] = {0};
    const Tensor *limit = node_in(m->node, 2), *overlap = node_in(m->node, 3);
    m->limit = kb_i64(b, 0);
    if (limit) m->limit = kb_cast(b, DT_I64, lower_load(lw, limit, none));
    m->limit = kb_op(b, LI_MIN, m->limit, kb_size(b, m->boxes->dims[1]));
    m->threshold = overlap ? lower_load(lw, overlap, none) : kb_float(b, DT_F32, 0);
    m->total = kb_cell(b, "total", (LType){DT_I64, 1}, kb_i64(b, 0));
    m->batch = kb_for_n(b, LOOP_SERIAL, m->scores->dims[0]);
    m->class = kb_for_n(b, LOOP_SERIAL, m->scores->dims[1]);
    select_class(lw, m, most);
    kb_end(b);
    kb_end(b);
}

static Param *section(Lower *lw, Buffer *scratch, int64_t offset, int64_t count)
{
    Param *param =
        lower_part(lw, scratch, size_const(lw->sizes, offset), size_const(lw->sizes, count), true);
    param->is_read = true;
    return param;
}

int lower_nms(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    Nms m = {.node = node, .boxes = node->in[0], .scores = node->in[1]};
    const Size *count = out->dims[0];
    int64_t most = size_upper(lw->sizes, m.boxes->dims[1]), rows = size_upper(lw->sizes, count);
    if (size_is(count, 0)) return 0;
    if (rows > INT64_MAX / 64 || most > INT64_MAX / 64)
        return diag_node(lw->diag, &node->origin, "its inputs' sizes have no bound");
    const Size *cells = size_const(lw->sizes, 2 * most + 3 * rows);
    Buffer *scratch = lower_scratch(lw, "selected", DT_I64, cells);
    lower_begin(lw, "select");
    m.items = section(lw, scratch, 0, most);
    m.spare = section(lw, scratch, most, most);
    m.selected = section(lw, scratch, 2 * most, 3 * rows);
    select_all(lw, &m, most);
    if (count->kind == SIZE_SYM) kb_setsym(&lw->b, count->sym, kb_get(&lw->b, m.total));
    lower_end(lw);

    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, "fill");
    m.selected = section(lw, scratch, 2 * most, 3 * rows);
    int loops = lower_nest(lw, 2, out->dims, NULL, false, 0, idx);
    Inst *at = kb_add(&lw->b, kb_muli(&lw->b, idx[0], 3), idx[1]);
    lower_store(lw, idx, kb_load(&lw->b, m.selected, at));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
