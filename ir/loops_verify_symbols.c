/* The verifier of symbols: what main reads of a size has been set before, on every way there.
 *
 * A symbol has its value from the start on when nothing in the program sets it: an input, the state
 * or an earlier stage gives it. Any other has one behind what sets it: an assignment, a call of a
 * kernel that sets it, a loop over it (in its body and after it). Behind a condition are set those
 * that both branches set; behind a loop those that were before it, since its body may never run. */
#include "ir/loops.h"
#include "ir/loops_verify_symbols.h"

#include <string.h>

typedef struct Symbols {
    const Program *program;
    Diag *diag;
    int count;
    bool *set; /* by symbol: here it has a value */
} Symbols;

/* The first symbol of the size that has no value here, -1: all have. */
static int missing(const Symbols *s, const Size *size)
{
    if (!size || size->kind == SIZE_CONST) return -1;
    if (size->kind == SIZE_SYM) return s->set[size->sym] ? -1 : size->sym;
    int found = missing(s, size->a);
    return found >= 0 ? found : missing(s, size->b);
}

static int check_size(const Symbols *s, const char *what, const Size *size)
{
    int found = missing(s, size);
    if (found < 0) return LPC_OK;
    return diag_error(s->diag, "main: %s: symbol '%s' is used before it is set", what,
                      sizes_symbol_at(s->program->sizes, found)->name);
}

static int check_value(const Symbols *s, const Kernel *kernel, const Inst *value)
{
    return value && value->op == LI_SIZE ? check_size(s, kernel->name, value->size) : LPC_OK;
}

/* What a kernel reads; it reads all when it is called, before it sets any. */
static int check_reads(const Symbols *s, const Kernel *kernel, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        for (int k = 0; k < inst_args(inst->op); k++) TRY(check_value(s, kernel, inst->arg[k]));
        TRY(check_value(s, kernel, inst->stride));
        TRY(check_value(s, kernel, inst->limit));
        TRY(check_reads(s, kernel, &inst->body));
        TRY(check_reads(s, kernel, &inst->els));
    }
    return LPC_OK;
}

static bool *copy_set(const Symbols *s)
{
    bool *copy = arena_array(s->program->arena, (size_t)s->count + 1, sizeof *copy);
    memcpy(copy, s->set, (size_t)s->count * sizeof *copy);
    return copy;
}

/* Adds what a kernel sets on every way through it that does not end the run. */
static void add_set(Symbols *s, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_SETSYM) s->set[inst->sym] = true;
        if (inst->op != LI_IF) continue;
        Symbols other = *s;
        other.set = copy_set(s);
        add_set(&other, &inst->els);
        bool *before = s->set;
        s->set = copy_set(s);
        add_set(s, &inst->body);
        for (int k = 0; k < s->count; k++) before[k] |= s->set[k] && other.set[k];
        s->set = before;
    }
}

static int check_block(Symbols *s, const Block *block);

/* Both branches begin with what is set before the condition. */
static int check_branches(Symbols *s, const Inst *inst)
{
    Symbols body = *s, els = *s;
    TRY(check_size(s, "if", inst->size));
    TRY(check_size(s, "if", inst->right));
    body.set = copy_set(s);
    els.set = copy_set(s);
    TRY(check_block(&body, &inst->body));
    TRY(check_block(&els, &inst->els));
    for (int i = 0; i < s->count; i++) s->set[i] = body.set[i] && els.set[i];
    return LPC_OK;
}

static int check_loop(Symbols *s, const Inst *inst)
{
    TRY(check_size(s, "loop", inst->size));
    s->set[inst->sym] = true;
    Symbols body = *s;
    body.set = copy_set(s);
    return check_block(&body, &inst->body);
}

static int check_block(Symbols *s, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        const char *what = inst->op == LI_CALL ? inst->callee->name : inst_name(inst->op);
        for (int k = 0; k < inst->arg_count; k++) TRY(check_size(s, what, inst->args[k].offset));
        if (inst->op == LI_IF) {
            TRY(check_branches(s, inst));
        } else if (inst->op == LI_FOR) {
            TRY(check_loop(s, inst));
        } else if (inst->op == LI_SETSYM) {
            TRY(check_size(s, "setsym", inst->size));
            s->set[inst->sym] = true;
        } else {
            TRY(check_reads(s, inst->callee, &inst->callee->body));
            add_set(s, &inst->callee->body);
        }
    }
    return LPC_OK;
}

int loops_verify_symbols(const Program *program, Diag *diag)
{
    Symbols s = {.program = program, .diag = diag, .count = sizes_symbol_count(program->sizes)};
    bool *sets = program_sets(program, program->arena), any = false;
    s.set = arena_array(program->arena, (size_t)s.count + 1, sizeof *s.set);
    for (int i = 0; i < s.count; i++) {
        s.set[i] = !sets[i] || sizes_symbol_at(program->sizes, i)->source != SYM_NODE;
        any |= !s.set[i];
    }
    return any ? check_block(&s, &program->main->body) : LPC_OK;
}
