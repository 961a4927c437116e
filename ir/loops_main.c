/* The main block of a program: what is built there, in which order its steps are counted, and which
 * symbols it sets. */
#include "ir/loops.h"

static Inst *main_inst(Program *program, Block *at, InstOp op)
{
    Inst *inst = arena_alloc(program->arena, sizeof *inst);
    inst->op = op;
    inst->type = (LType){DT_NONE, 1};
    inst->id = program->main->next_id++;
    arena_push(program->arena, at->items, at->count) = inst;
    return inst;
}

static void set_args(Program *program, Inst *inst, int count, const CallArg *args)
{
    inst->arg_count = count;
    inst->args = arena_array(program->arena, (size_t)count, sizeof *inst->args);
    for (int i = 0; i < count; i++) {
        inst->args[i] = args[i];
        if (!inst->args[i].offset) inst->args[i].offset = size_const(program->sizes, 0);
    }
}

Inst *main_call(Program *program, Block *at, Kernel *callee, int arg_count, const CallArg *args)
{
    Inst *inst = main_inst(program, at, LI_CALL);
    inst->callee = callee;
    set_args(program, inst, arg_count, args);
    return inst;
}

Inst *main_if(Program *program, Block *at, Buffer *cond, bool when)
{
    Inst *inst = main_inst(program, at, LI_IF);
    inst->value = when;
    set_args(program, inst, 1, &(CallArg){cond, NULL});
    return inst;
}

Inst *main_if_size(Program *program, Block *at, const Size *left, InstOp relation,
                   const Size *right)
{
    Inst *inst = main_inst(program, at, LI_IF);
    inst->size = left;
    inst->relation = relation;
    inst->right = right;
    return inst;
}

Inst *main_loop(Program *program, Block *at, int sym, const Size *count, Buffer *cond)
{
    Inst *inst = main_inst(program, at, LI_FOR);
    inst->kind = LOOP_SERIAL;
    inst->value = 1;
    inst->sym = sym;
    inst->size = count;
    if (cond) set_args(program, inst, 1, &(CallArg){cond, NULL});
    return inst;
}

Inst *main_set(Program *program, Block *at, int sym, const Size *size)
{
    Inst *inst = main_inst(program, at, LI_SETSYM);
    inst->sym = sym;
    inst->size = size;
    return inst;
}

Inst *main_set_from(Program *program, Block *at, int sym, Buffer *buffer, const Size *offset)
{
    Inst *inst = main_set(program, at, sym, NULL);
    set_args(program, inst, 1, &(CallArg){buffer, offset});
    return inst;
}

/* ---- Steps ---- */

typedef struct Stepping {
    Arena *arena;
    SizeTable *sizes;
    const int64_t *bounds; /* by symbol */
    MainStep *steps;
    int count;
} Stepping;

bool relation_holds(InstOp relation, int64_t a, int64_t c)
{
    switch (relation) {
    case LI_EQ: return a == c;
    case LI_NE: return a != c;
    case LI_LT: return a < c;
    case LI_LE: return a <= c;
    case LI_GT: return a > c;
    default: return a >= c;
    }
}

bool main_size_holds(const Inst *inst, const int64_t *symbols)
{
    return relation_holds(inst->relation, size_eval(inst->size, symbols),
                          size_eval(inst->right, symbols));
}

/* `around`: what the steps of the block have in common. */
static void list_steps(Stepping *s, const Block *block, MainStep around)
{
    for (int i = 0; i < block->count; i++) {
        Inst *inst = block->items[i];
        int at = s->count;
        MainStep body = around, els;
        body.parent = at;
        body.in_els = false;
        els = body;
        els.in_els = true;
        around.inst = inst;
        arena_push(s->arena, s->steps, s->count) = around;
        if (inst->op == LI_FOR) {
            int64_t most = size_upper(s->sizes, inst->size);
            body.loop = at;
            if (most >= LOOP_UNBOUNDED) most = 1; /* nobody knows */
            body.times = most > 0 ? around.times * (double)most : 0;
        } else if (inst->op == LI_IF && inst->size) {
            bool yes = main_size_holds(inst, s->bounds);
            (yes ? &els : &body)->times = 0;
        }
        list_steps(s, &inst->body, body);
        list_steps(s, &inst->els, els);
        s->steps[at].end = s->count;
    }
}

int main_steps(const Program *program, Arena *arena, MainStep **steps)
{
    int symbols = sizes_symbol_count(program->sizes);
    int64_t *bounds = arena_array(arena, (size_t)symbols + 1, sizeof *bounds);
    for (int i = 0; i < symbols; i++) {
        int64_t max = sizes_symbol_at(program->sizes, i)->max;
        bounds[i] = max < 0 ? INT64_MAX : max;
    }
    Stepping s = {.arena = arena, .sizes = program->sizes, .bounds = bounds};
    list_steps(&s, &program->main->body, (MainStep){.parent = -1, .loop = -1, .times = 1});
    *steps = s.steps;
    return s.count;
}

/* ---- Symbols ---- */

void block_sets(const Block *block, bool *set)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_SETSYM || (inst->op == LI_FOR && inst->size)) set[inst->sym] = true;
        if (inst->op == LI_CALL) block_sets(&inst->callee->body, set);
        block_sets(&inst->body, set);
        block_sets(&inst->els, set);
    }
}

static bool *by_symbol(const Program *program, Arena *arena)
{
    return arena_array(arena, (size_t)sizes_symbol_count(program->sizes) + 1, sizeof(bool));
}

bool *program_sets(const Program *program, Arena *arena)
{
    bool *set = by_symbol(program, arena);
    block_sets(&program->main->body, set);
    return set;
}

static void mark_size(const Size *size, bool *used)
{
    if (!size || size->kind == SIZE_CONST) return;
    if (size->kind == SIZE_SYM) {
        used[size->sym] = true;
        return;
    }
    mark_size(size->a, used);
    mark_size(size->b, used);
}

static void mark_main(const Block *block, bool *used)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        mark_size(inst->size, used);
        mark_size(inst->right, used);
        for (int k = 0; k < inst->arg_count; k++) mark_size(inst->args[k].offset, used);
        mark_main(&inst->body, used);
        mark_main(&inst->els, used);
    }
}

static bool *program_uses(const Program *program, Arena *arena)
{
    bool *used = by_symbol(program, arena);
    for (int i = 0; i < program->buffer_count; i++) mark_size(program->buffers[i]->elements, used);
    for (int i = 0; i < program->kernel_count; i++) {
        const Kernel *kernel = program->kernels[i];
        for (int k = 0; k < kernel->const_count; k++) mark_size(kernel->consts[k]->size, used);
    }
    mark_main(&program->main->body, used);
    return used;
}

bool *program_given(const Program *program, Arena *arena)
{
    bool *given = program_uses(program, arena), *set = program_sets(program, arena);
    for (int i = 0; i < sizes_symbol_count(program->sizes); i++) {
        bool outside = sizes_symbol_at(program->sizes, i)->source != SYM_NODE;
        given[i] = outside || (given[i] && !set[i]);
    }
    return given;
}

bool main_set_can_fail(const Program *program, int sym, const Size *size)
{
    int64_t max = sizes_symbol_at(program->sizes, sym)->max;
    if (size_lower(program->sizes, size) < 0) return true;
    return max >= 0 && size_upper(program->sizes, size) > max;
}
