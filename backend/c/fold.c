/* Which values of a kernel become nested expressions and which get a name.
 *
 * Only what reaches a store, a loop, a condition or a cell that is read is emitted. A live value is
 * folded into its user when that is its only use, in the same block, and when nothing between the
 * two writes what it reads. Folding moves a load or a cell's read later, never earlier, and never
 * over a write to the same memory. All analyses here go over instructions in order, where operands
 * precede their users. */
#include "backend/c/emit.h"

#include <assert.h>

enum { COST_MAX = 9 }; /* operators in one expression */

static bool in_no_block(const Inst *inst)
{
    return inst_class(inst->op) == 'K';
}

/* The i-th operand, stride and limit counting as 3 and 4; NULL when there is none. */
static const Inst *operand(const Inst *inst, int i)
{
    return i < 3 ? inst->arg[i] : i == 3 ? inst->stride : inst->limit;
}

Info *expr_info(const KernelEmit *k, const Inst *inst)
{
    assert(inst->id >= 0 && inst->id < k->kernel->next_id);
    return &k->info[inst->id];
}

int param_position(const Kernel *kernel, const Param *param)
{
    int i = 0;
    while (i < kernel->param_count && kernel->params[i] != param) i++;
    assert(i < kernel->param_count);
    return i;
}

int cell_position(const Kernel *kernel, const Cell *cell)
{
    int i = 0;
    while (i < kernel->cell_count && kernel->cells[i] != cell) i++;
    assert(i < kernel->cell_count);
    return i;
}

typedef void Visit(KernelEmit *k, const Block *block, int position);

static void each(KernelEmit *k, const Block *block, Visit *visit)
{
    for (int i = 0; i < block->count; i++) {
        visit(k, block, i);
        each(k, &block->items[i]->body, visit);
        each(k, &block->items[i]->els, visit);
    }
}

/* ---- What is live ---- */

static void place(KernelEmit *k, const Block *block, int i)
{
    Info *info = expr_info(k, block->items[i]);
    info->block = block;
    info->position = i;
}

static void make_live(KernelEmit *k, const Inst *inst)
{
    Info *info = expr_info(k, inst);
    if (info->live) return;
    info->live = true;
    if (inst->op == LI_GET) k->cell_live[cell_position(k->kernel, inst->cell)] = true;
    for (int i = 0; i < 5; i++) {
        const Inst *op = operand(inst, i);
        if (!op) continue;
        expr_info(k, op)->uses++;
        make_live(k, op);
    }
}

static void live_root(KernelEmit *k, const Block *block, int i)
{
    const Inst *inst = block->items[i];
    if (inst->op == LI_STORE || inst_class(inst->op) == 'C') make_live(k, inst);
    if (inst->op == LI_SET && k->cell_live[cell_position(k->kernel, inst->cell)])
        make_live(k, inst);
}

static int count_live(const KernelEmit *k)
{
    int count = 0;
    for (int i = 0; i < k->kernel->next_id; i++) count += k->info[i].live;
    return count;
}

/* ---- Integers that cannot overflow ---- */

static int bits_of(int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int bits = 0;
    for (; magnitude; magnitude >>= 1) bits++;
    return bits;
}

static int type_bits(DType type)
{
    if (type == DT_BOOL) return 1;
    return dtype_is_int(type) ? 8 * (int)dtype_size(type) : 64;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

/* bits: a bound of the value's magnitude. */
static int value_bits(KernelEmit *k, const Inst *inst)
{
    int limit = type_bits(inst->type.dtype), bits = limit;
    bool is_unsigned = !dtype_is_signed(inst->type.dtype);
    int a = inst->arg[0] ? expr_info(k, inst->arg[0])->bits : 0;
    int c = inst->arg[1] ? expr_info(k, inst->arg[1])->bits : 0;
    switch (inst->op) {
    case LI_INT: bits = bits_of(inst->value); break;
    case LI_SIZE:
        bits = max_int(bits_of(size_upper(k->e->program->sizes, inst->size)),
                       bits_of(size_lower(k->e->program->sizes, inst->size)));
        break;
    case LI_FOR: bits = max_int(a, c); break;
    case LI_SUB: bits = is_unsigned ? limit : max_int(a, c) + 1; break;
    case LI_ADD: bits = max_int(a, c) + 1; break;
    case LI_MUL: bits = a + c; break;
    case LI_MIN:
    case LI_MAX: bits = max_int(a, c); break;
    case LI_SELECT: bits = max_int(c, expr_info(k, inst->arg[2])->bits); break;
    case LI_IOTA: bits = 6; break;
    case LI_SPLAT:
    case LI_LANE:
    case LI_DIV: bits = a; break;
    case LI_NEG: bits = is_unsigned ? limit : a; break;
    case LI_CAST: {
        DType from = inst->arg[0]->type.dtype;
        bool turns = is_unsigned && dtype_is_signed(from); /* -1 becomes large */
        bits = dtype_is_float(from) || turns ? limit : a;
        break;
    }
    default: break;
    }
    return bits < limit ? bits : limit;
}

/* index: see Info. A sum of sizes does not overflow in any run that ends. */
static int value_index(KernelEmit *k, const Inst *inst)
{
    if (inst->type.dtype != DT_I64 || inst->type.lanes > 1) return 0;
    int a = inst->arg[0] ? expr_info(k, inst->arg[0])->index : 0;
    int c = inst->arg[1] ? expr_info(k, inst->arg[1])->index : 0;
    int least = a < c ? a : c;
    switch (inst->op) {
    case LI_INT:
    case LI_SIZE:
    case LI_FOR: return 2;
    case LI_GET: return k->cell_index[cell_position(k->kernel, inst->cell)];
    case LI_ADD:
    case LI_SUB:
    case LI_MIN:
    case LI_MAX: return least;
    case LI_MUL: return least == 2 ? 2 : 0;
    case LI_DIV:
    case LI_REM: return a;
    case LI_SELECT: a = expr_info(k, inst->arg[2])->index; return a < c ? a : c;
    case LI_CAST: return type_bits(inst->arg[0]->type.dtype) < 64 ? 1 : 0;
    default: return 0;
    }
}

static void ranges_of(KernelEmit *k, const Inst *inst)
{
    Info *info = expr_info(k, inst);
    info->bits = value_bits(k, inst);
    info->index = value_index(k, inst);
}

static void ranges(KernelEmit *k, const Block *block, int i)
{
    const Inst *inst = block->items[i];
    for (int j = 0; j < 5; j++)
        if (operand(inst, j) && in_no_block(operand(inst, j))) ranges_of(k, operand(inst, j));
    ranges_of(k, inst);
    if (inst->op != LI_SET) return;
    int *cell = &k->cell_index[cell_position(k->kernel, inst->cell)];
    int index = expr_info(k, inst->arg[0])->index;
    if (index < *cell) *cell = index;
}

static void all_ranges(KernelEmit *k)
{
    const Kernel *kernel = k->kernel;
    for (int i = 0; i < kernel->cell_count; i++) k->cell_index[i] = 1;
    for (bool changed = true; changed;) { /* optimistic: cells only go down */
        int before = 0, after = 0;
        for (int i = 0; i < kernel->cell_count; i++) before += k->cell_index[i];
        each(k, &kernel->body, ranges);
        for (int i = 0; i < kernel->cell_count; i++) after += k->cell_index[i];
        changed = after != before;
    }
}

/* ---- What gets a name ---- */

static bool folds_here(KernelEmit *k, const Inst *op, const Block *block)
{
    const Info *info = expr_info(k, op);
    return !in_no_block(op) && op->op != LI_FOR && !info->named && info->block == block;
}

static void count_cost(KernelEmit *k, const Block *block, int i)
{
    const Inst *inst = block->items[i];
    Info *info = expr_info(k, inst);
    info->cost = inst->op == LI_GET || inst->op == LI_SPLAT ? 0 : 1;
    if (!info->live) return;
    for (int j = 0; j < 5; j++) {
        const Inst *op = operand(inst, j);
        if (!op || in_no_block(op) || op->op == LI_FOR) continue;
        Info *other = expr_info(k, op);
        bool far = other->block != block || inst->op == LI_LANE;
        if (far || info->cost + other->cost > COST_MAX) other->named = true;
        if (!other->named) info->cost += other->cost;
    }
    if (info->uses > 1 && inst->op != LI_GET) info->named = true;
}

static bool overlap(const Param *a, const Param *b)
{
    return a == b || (!a->noalias && !b->noalias && !a->local && !b->local);
}

/* May running inst change what `read` reads? */
static bool clobbers(const Inst *inst, const Inst *read)
{
    if (inst->op == LI_STORE) return read->op == LI_LOAD && overlap(inst->param, read->param);
    if (inst->op == LI_SET) return read->op == LI_GET && inst->cell == read->cell;
    for (int i = 0; i < inst->body.count; i++)
        if (clobbers(inst->body.items[i], read)) return true;
    for (int i = 0; i < inst->els.count; i++)
        if (clobbers(inst->els.items[i], read)) return true;
    return false;
}

/* Names the reads under `inst` that do not survive until `root`, where they would be evaluated. */
static void check_reads(KernelEmit *k, const Block *block, const Inst *root, const Inst *inst)
{
    int end = expr_info(k, root)->position + (root->op == LI_FOR); /* its bound is read each time */
    for (int j = 0; j < 5; j++) {
        const Inst *op = operand(inst, j);
        if (!op || !folds_here(k, op, block)) continue;
        bool reads = op->op == LI_LOAD || op->op == LI_GET;
        Info *info = expr_info(k, op);
        for (int p = info->position + 1; reads && p < end && !info->named; p++)
            if (clobbers(block->items[p], op)) info->named = true;
        check_reads(k, block, info->named ? op : root, op);
    }
}

static void check_root(KernelEmit *k, const Block *block, int i)
{
    const Inst *inst = block->items[i];
    const Info *info = expr_info(k, inst);
    bool root = info->named || inst->type.dtype == DT_NONE || inst->op == LI_FOR;
    if (info->live && root) check_reads(k, block, inst, inst);
}

void fold_kernel(KernelEmit *k)
{
    const Kernel *kernel = k->kernel;
    each(k, &kernel->body, place);
    for (int before = -1; before != count_live(k);) { /* sets of cells that became live */
        before = count_live(k);
        each(k, &kernel->body, live_root);
    }
    all_ranges(k);
    each(k, &kernel->body, count_cost);
    each(k, &kernel->body, check_root);
}
