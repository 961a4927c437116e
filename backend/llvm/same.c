/* Kernels that are the same code: a model of many equal layers has each of its kernels many times, with
 * other buffers only. They become one function with as many names, so that the object and the time to
 * make it do not grow with the layers. Instructions are numbered alike in equal kernels
 * (passes/loops/rewrite.c), so operands are compared by their numbers. */
#include "backend/llvm/emit.h"

#include <string.h>

static bool same_operand(const Inst *a, const Inst *c)
{
    return a && c ? a->id == c->id : a == c;
}

static bool same_param(const Param *a, const Param *c)
{
    return a->dtype == c->dtype && a->index == c->index && a->is_read == c->is_read &&
           a->is_written == c->is_written && a->noalias == c->noalias && a->local == c->local &&
           a->align == c->align;
}

static bool same_block(const Block *a, const Block *c);

static bool same_inst(const Inst *a, const Inst *c)
{
    if (a->op != c->op || a->id != c->id || a->kind != c->kind || a->value != c->value)
        return false;
    if (a->type.dtype != c->type.dtype || a->type.lanes != c->type.lanes) return false;
    if (memcmp(&a->number, &c->number, sizeof a->number) || a->size != c->size) return false;
    if (a->op == LI_SETSYM && a->sym != c->sym) return false;
    if ((a->param ? a->param->index : -1) != (c->param ? c->param->index : -1)) return false;
    if ((a->cell ? a->cell->id : -1) != (c->cell ? c->cell->id : -1)) return false;
    for (int i = 0; i < 3; i++) {
        if (!same_operand(a->arg[i], c->arg[i])) return false;
    }
    return same_operand(a->stride, c->stride) && same_operand(a->limit, c->limit) &&
           same_block(&a->body, &c->body) && same_block(&a->els, &c->els);
}

static bool same_block(const Block *a, const Block *c)
{
    if (a->count != c->count) return false;
    for (int i = 0; i < a->count; i++) {
        if (!same_inst(a->items[i], c->items[i])) return false;
    }
    return true;
}

bool kernels_same(const Kernel *a, const Kernel *c)
{
    if (a->is_extern || c->is_extern) return a == c;
    if (a->param_count != c->param_count || a->cell_count != c->cell_count) return false;
    if (a->const_count != c->const_count || a->next_id != c->next_id) return false;
    for (int i = 0; i < a->param_count; i++) {
        if (!same_param(a->params[i], c->params[i])) return false;
    }
    for (int i = 0; i < a->cell_count; i++) {
        const LType x = a->cells[i]->type, y = c->cells[i]->type;
        if (a->cells[i]->id != c->cells[i]->id || x.dtype != y.dtype || x.lanes != y.lanes)
            return false;
    }
    for (int i = 0; i < a->const_count; i++) {
        if (!same_inst(a->consts[i], c->consts[i])) return false;
    }
    return same_block(&a->body, &c->body);
}
