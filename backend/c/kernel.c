/* One C function per kernel: its parameters, its locals and its statements.
 *
 * A serial kernel is `static void k(x, y, sizes)`, or `static int` when it can fail. A parallel one
 * is `static void k(void *arg, int64_t begin, int64_t end)` over iterations [begin, end) of its
 * loop, with its parameters in a struct k_args. */
#include "backend/c/emit.h"

#include <stdarg.h>
#include <string.h>

static void line(KernelEmit *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(KernelEmit *k, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_printf(k->out, "%*s%s\n", 4 * k->indent, "", arena_vprintf(k->e->arena, format, args));
    va_end(args);
}

bool block_contains(const Block *block, InstOp op)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == op || block_contains(&inst->body, op) || block_contains(&inst->els, op))
            return true;
    }
    return false;
}

/* ---- Symbols ---- */

static void mark_symbols(const Size *size, bool *used)
{
    if (size->kind == SIZE_SYM) used[size->sym] = true;
    if (size->a) mark_symbols(size->a, used);
    if (size->b) mark_symbols(size->b, used);
}

/* The symbols in sizes that live instructions use. */
static void used_symbols(const KernelEmit *k, const Block *block, bool *used)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        const Inst *ops[] = {inst->arg[0], inst->arg[1], inst->arg[2], inst->stride, inst->limit};
        for (int j = 0; j < 5 && expr_info(k, inst)->live; j++)
            if (ops[j] && ops[j]->op == LI_SIZE && !(inst == k->parallel && j == 1))
                mark_symbols(ops[j]->size, used); /* the caller turns a PARALLEL loop's end to n */
        used_symbols(k, &inst->body, used);
        used_symbols(k, &inst->els, used);
    }
}

static bool block_uses_sizes(const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        const Inst *ops[] = {inst->arg[0], inst->arg[1], inst->arg[2], inst->stride, inst->limit};
        for (int j = 0; j < 5; j++)
            if (ops[j] && ops[j]->op == LI_SIZE && size_has_symbols(ops[j]->size) &&
                !(inst->kind == LOOP_PARALLEL && j == 1))
                return true;
        if (inst->op == LI_SETSYM || block_uses_sizes(&inst->body) || block_uses_sizes(&inst->els))
            return true;
    }
    return false;
}

bool kernel_uses_sizes(const Kernel *kernel)
{
    return block_uses_sizes(&kernel->body);
}

static void declare_symbols(KernelEmit *k)
{
    SizeTable *table = k->e->program->sizes;
    int count = sizes_symbol_count(table);
    bool *used = arena_array(k->e->arena, (size_t)count, sizeof *used);
    used_symbols(k, &k->kernel->body, used);
    bool any = k->sets_symbol;
    for (int i = 0; i < count; i++) any = any || used[i];
    if (!any && kernel_uses_sizes(k->kernel)) line(k, "(void)sizes;");
    for (int i = 0; i < count; i++) {
        if (!used[i]) continue;
        const char *text = sizes_symbol_at(table, i)->name;
        k->sym_names[i] = names_make(k->e->arena, &k->names, &k->e->globals, text);
        line(k, "%sint64_t %s = sizes[%s];", k->sets_symbol ? "" : "const ", k->sym_names[i],
             k->e->sym_enums[i]);
    }
}

/* ---- Cells ---- */

static bool mentions(const Inst *inst, const Cell *cell);

static bool block_mentions(const Block *block, const Cell *cell)
{
    for (int i = 0; i < block->count; i++)
        if (mentions(block->items[i], cell)) return true;
    return false;
}

static bool mentions(const Inst *inst, const Cell *cell)
{
    return inst->cell == cell || block_mentions(&inst->body, cell) ||
           block_mentions(&inst->els, cell);
}

/* The innermost block that has all uses of the cell, if the first of them is a SET right there: the
 * SET then declares it. NULL: it is declared at the top of the function. */
static const Block *home_of(const Block *block, const Cell *cell)
{
    const Block *inner = NULL;
    int users = 0;
    const Inst *first = NULL;
    for (int i = 0; i < block->count; i++) {
        Inst *inst = block->items[i];
        if (!mentions(inst, cell)) continue;
        if (!first) first = inst;
        bool in_body = block_mentions(&inst->body, cell), in_els = block_mentions(&inst->els, cell);
        inner = in_body && in_els ? NULL : in_body ? &inst->body : in_els ? &inst->els : NULL;
        users++;
    }
    if (first && first->op == LI_SET) return block;
    return users == 1 && inner ? home_of(inner, cell) : NULL;
}

static void declare_cells(KernelEmit *k)
{
    for (int i = 0; i < k->kernel->cell_count; i++) {
        const Cell *cell = k->kernel->cells[i];
        if (!k->cell_live[i]) continue;
        k->cell_names[i] = names_make(k->e->arena, &k->names, &k->e->globals, cell->name);
        k->cell_home[i] = home_of(&k->kernel->body, cell);
        if (k->cell_home[i]) continue;
        line(k, "%s %s = %s;", vector_type(k->e, cell->type), k->cell_names[i],
             cell->type.lanes > 1 ? "{0}" : "0");
    }
}

/* ---- Statements ---- */

static void block(KernelEmit *k, const Block *b);

/* A name that tells where the value comes from, and a number that makes it unique. */
static const char *value_name(KernelEmit *k, const Inst *inst)
{
    const char *base = "t";
    if (inst->op == LI_LOAD) base = k->param_names[param_position(k->kernel, inst->param)];
    if (inst->op == LI_GET) base = k->cell_names[cell_position(k->kernel, inst->cell)];
    if (inst->type.dtype == DT_BOOL) base = "is";
    if (inst->type.dtype == DT_I64 && inst->op != LI_LOAD && inst->op != LI_GET) base = "at";
    char last = base[strlen(base) - 1];
    bool clear = (last < '0' || last > '9') && strcmp(base, "i"); /* i0 is a loop variable */
    const char *separator = clear ? "" : "_";
    const char *name;
    do {
        name = arena_printf(k->e->arena, "%s%s%d", base, separator, k->counter++);
    } while (c_reserved(name) || names_have(&k->names, name) || names_have(&k->e->globals, name));
    return name;
}

static void define_value(KernelEmit *k, const Inst *inst)
{
    Expr value = expr_compute(k, inst);
    const char *name = value_name(k, inst);
    line(k, "const %s %s = %s;", vector_type(k->e, inst->type), name, value.text);
    expr_info(k, inst)->name = name;
}

static void store(KernelEmit *k, const Inst *inst)
{
    const char *name = k->param_names[param_position(k->kernel, inst->param)];
    const char *value = expr_value(k, inst->arg[1]).text;
    LType type = inst->arg[1]->type;
    const char *limit = inst->limit ? expr_value(k, inst->limit).text : NULL;
    if (type.lanes == 1) {
        const char *test =
            limit ? arena_printf(k->e->arena, "if (%s > 0) ", expr_text(k, inst->limit, PREC_ADD))
                  : "";
        line(k, "%s%s[%s] = %s;", test, name, expr_value(k, inst->arg[0]).text, value);
        return;
    }
    const char *helper = vector_store(k->e, (LType){inst->param->dtype, type.lanes},
                                      inst->stride != NULL, limit != NULL);
    const char *stride = inst->stride ? expr_value(k, inst->stride).text : NULL;
    line(k, "%s(%s, %s%s%s%s%s);", helper, expr_address(k, inst), value, stride ? ", " : "",
         stride ? stride : "", limit ? ", " : "", limit ? limit : "");
}

/* For `cell = cell + x`: "+=", and x in *rest; NULL when it is not of that form. */
static const char *compound(const KernelEmit *k, const Inst *set, const Inst **rest)
{
    const Inst *value = set->arg[0], *old = value->arg[0];
    bool simple = value->op == LI_ADD || value->op == LI_SUB || value->op == LI_MUL;
    if (!simple || expr_info(k, value)->name || old->op != LI_GET || old->cell != set->cell ||
        expr_info(k, old)->name || value->type.dtype == DT_BOOL)
        return NULL;
    bool is_float = dtype_is_float(value->type.dtype);
    if (!is_float && !expr_info(k, value)->index) return NULL;
    *rest = value->arg[1];
    return value->op == LI_ADD ? "+=" : value->op == LI_SUB ? "-=" : "*=";
}

static void set_cell(KernelEmit *k, const Inst *inst, const Block *at)
{
    int cell = cell_position(k->kernel, inst->cell);
    bool declares = k->cell_home[cell] == at;
    const Inst *value = inst->arg[0];
    const char *sign = declares ? NULL : compound(k, inst, &value);
    if (declares) k->cell_home[cell] = NULL; /* once */
    const char *text = expr_value(k, value).text;
    line(k, "%s%s%s %s %s;", declares ? vector_type(k->e, inst->cell->type) : "",
         declares ? " " : "", k->cell_names[cell], sign ? sign : "=", text);
}

/* Does the loop's body leave it from inside a loop that C's `break` would leave instead? */
static bool breaks_through(const Block *body, bool inside)
{
    for (int i = 0; i < body->count; i++) {
        const Inst *inst = body->items[i];
        if (inst->op == LI_BREAK && inside) return true;
        if (inst->op == LI_FOR && inst->kind == LOOP_SERIAL) continue;
        bool deeper = inside || inst->op == LI_FOR;
        if (breaks_through(&inst->body, deeper) || breaks_through(&inst->els, deeper)) return true;
    }
    return false;
}

static void open_loop(KernelEmit *k, const Inst *loop, const char *label)
{
    int count = k->loop_count;
    arena_push(k->e->arena, k->loops, count) = loop;
    arena_push(k->e->arena, k->labels, k->loop_count) = label;
}

static void unroll(KernelEmit *k, const Inst *loop)
{
    const Inst *lo = loop->arg[0], *hi = loop->arg[1];
    if (loop->kind != LOOP_UNROLLED || k->e->options->portable) return;
    if (lo->op != LI_INT || hi->op != LI_INT || hi->value <= lo->value) return;
    int64_t count = (hi->value - lo->value - 1) / loop->value + 1;
    if (count > 1 && count <= 64) line(k, "#pragma GCC unroll %d", (int)count);
}

static const char *loop_name(KernelEmit *k)
{
    const char *name;
    do {
        name = arena_printf(k->e->arena, "i%d", k->loop_depth++);
    } while (names_have(&k->names, name) || names_have(&k->e->globals, name));
    return name;
}

static const char *step_text(KernelEmit *k, const char *name, int64_t step)
{
    if (step == 1) return arena_printf(k->e->arena, "%s++", name);
    return arena_printf(k->e->arena, "%s += %s", name, c_int(k->e->arena, DT_I64, step).text);
}

/* The loop over [begin, end) iterations of a parallel kernel. */
static const char *parallel_head(KernelEmit *k, const Inst *loop, const char *name)
{
    bool direct = loop->value == 1 && loop->arg[0]->op == LI_INT && loop->arg[0]->value == 0;
    if (direct) {
        line(k, "for (int64_t %s = begin; %s < end; %s++) {", name, name, name);
        return name;
    }
    const char *n = names_make(k->e->arena, &k->names, &k->e->globals, "iteration");
    line(k, "for (int64_t %s = begin; %s < end; %s++) {", n, n, n);
    const char *lo = expr_text(k, loop->arg[0], PREC_ADD);
    const char *step = c_int(k->e->arena, DT_I64, loop->value).text;
    text_printf(k->out, "%*sconst int64_t %s = %s + %s * %s;\n", 4 * k->indent + 4, "", name, lo, n,
                step);
    return name;
}

static void for_loop(KernelEmit *k, const Inst *loop)
{
    int depth = k->loop_depth;
    const char *lo = expr_value(k, loop->arg[0]).text;
    const char *hi = expr_text(k, loop->arg[1], PREC_ADD);
    const char *name = loop_name(k);
    bool through = loop->kind == LOOP_SERIAL && breaks_through(&loop->body, false);
    const char *label =
        through ? names_make(k->e->arena, &k->names, &k->e->globals, "after_loop") : NULL;
    if (loop == k->parallel) {
        parallel_head(k, loop, name);
    } else {
        unroll(k, loop);
        line(k, "for (int64_t %s = %s; %s < %s; %s) {", name, lo, name, hi,
             step_text(k, name, loop->value));
    }
    expr_info(k, loop)->name = name;
    open_loop(k, loop, label);
    k->indent++;
    block(k, &loop->body);
    k->indent--;
    k->loop_count--;
    k->loop_depth = depth;
    line(k, "}");
    if (label) text_printf(k->out, "%*s%s:;\n", 4 * k->indent - 4, "", label);
}

static void if_else(KernelEmit *k, const Inst *inst)
{
    line(k, "if (%s) {", expr_value(k, inst->arg[0]).text);
    k->indent++;
    block(k, &inst->body);
    k->indent--;
    if (inst->els.count) {
        line(k, "} else {");
        k->indent++;
        block(k, &inst->els);
        k->indent--;
    }
    line(k, "}");
}

static const char *code_name(Arena *arena, int64_t code)
{
    static const char *const names[] = {"LPC_RUN_OK", "LPC_RUN_BOUND", "LPC_RUN_INDEX",
                                        "LPC_RUN_VALUE"};
    return code >= 0 && code < 4 ? names[code] : c_int(arena, DT_I32, code).text;
}

static void leave(KernelEmit *k, const Inst *inst)
{
    const char *code = code_name(k->e->arena, inst->value);
    if (!k->parallel) {
        line(k, "return %s;", code);
        return;
    }
    line(k, "*error = %s;", code);
    line(k, "return;");
}

static void break_loop(KernelEmit *k)
{
    int i = k->loop_count - 1;
    while (i >= 0 && k->loops[i]->kind != LOOP_SERIAL) i--;
    if (i == k->loop_count - 1 || i < 0)
        line(k, "break;");
    else
        line(k, "goto %s;", k->labels[i]);
}

static void set_symbol(KernelEmit *k, const Inst *inst)
{
    const char *local = k->sym_names[inst->sym];
    line(k, "sizes[%s] = %s;", k->e->sym_enums[inst->sym], expr_value(k, inst->arg[0]).text);
    if (local) line(k, "%s = sizes[%s];", local, k->e->sym_enums[inst->sym]);
}

static void block(KernelEmit *k, const Block *b)
{
    for (int i = 0; i < b->count; i++) {
        const Inst *inst = b->items[i];
        const Info *info = expr_info(k, inst);
        if (!info->live) continue;
        switch (inst->op) {
        case LI_STORE: store(k, inst); break;
        case LI_SET: set_cell(k, inst, b); break;
        case LI_FOR: for_loop(k, inst); break;
        case LI_IF: if_else(k, inst); break;
        case LI_BREAK: break_loop(k); break;
        case LI_FAIL: leave(k, inst); break;
        case LI_SETSYM: set_symbol(k, inst); break;
        default:
            if (info->named) define_value(k, inst);
        }
    }
}

/* ---- The function ---- */

static bool live_access(const KernelEmit *k, const Block *b, const Param *param)
{
    for (int i = 0; i < b->count; i++) {
        const Inst *inst = b->items[i];
        if ((inst->param == param && expr_info(k, inst)->live) ||
            live_access(k, &inst->body, param) || live_access(k, &inst->els, param))
            return true;
    }
    return false;
}

static const char *pointer(CEmit *e, const Param *param, const char *name)
{
    return arena_printf(e->arena, "%s%s *%s%s", param->is_written ? "" : "const ",
                        dtype_ctype(param->dtype), param->noalias ? "restrict " : "", name);
}

static void declare_locals(KernelEmit *k)
{
    for (int i = 0; i < k->kernel->param_count; i++) {
        const Param *param = k->kernel->params[i];
        bool used = live_access(k, &k->kernel->body, param);
        if (!used && !param->local && !k->parallel) line(k, "(void)%s;", k->param_names[i]);
        if (!used || !param->local) continue;
        line(k, "_Alignas(%d) %s %s[%lld];", param->align > 16 ? param->align : 16,
             dtype_ctype(param->dtype), k->param_names[i], (long long)param->local);
    }
}

/* The struct that carries a parallel kernel's parameters. */
static void args_struct(KernelEmit *k, const char *name)
{
    text_printf(k->out, "struct %s_args {\n", name);
    for (int i = 0; i < k->kernel->param_count; i++) {
        const Param *param = k->kernel->params[i];
        if (param->local) continue;
        text_printf(k->out, "    %s%s *%s;\n", param->is_written ? "" : "const ",
                    dtype_ctype(param->dtype), k->param_names[i]);
    }
    text_add(k->out, "    const int64_t *sizes;\n    _Atomic int *error;\n};\n\n");
}

static void parallel_head_lines(KernelEmit *k, const char *name)
{
    line(k, "const struct %s_args *const args = arg;", name);
    for (int i = 0; i < k->kernel->param_count; i++) {
        const Param *param = k->kernel->params[i];
        if (param->local || !live_access(k, &k->kernel->body, param)) continue;
        const char *constant = arena_printf(k->e->arena, "const %s", k->param_names[i]);
        line(k, "%s = args->%s;", pointer(k->e, param, constant), k->param_names[i]);
    }
    bool sizes = kernel_uses_sizes(k->kernel);
    if (sizes) line(k, "const int64_t *const sizes = args->sizes;");
    if (k->can_fail) line(k, "_Atomic int *const error = args->error;");
}

static const char *parameter_list(KernelEmit *k, int column)
{
    List list = {.column = column, .indent = column};
    text_init(&list.text, k->e->arena);
    for (int i = 0; i < k->kernel->param_count; i++)
        if (!k->kernel->params[i]->local)
            list_add(&list, pointer(k->e, k->kernel->params[i], k->param_names[i]));
    if (kernel_uses_sizes(k->kernel))
        list_add(&list, k->sets_symbol ? "int64_t *sizes" : "const int64_t *sizes");
    return list.text.length ? list.text.data : "void";
}

static void function_head(KernelEmit *k, const char *name)
{
    if (*k->kernel->comment) c_comment(k->out, k->kernel->comment, 0);
    const char *start = arena_printf(k->e->arena, "static NOINLINE %s %s(",
                                     k->can_fail && !k->parallel ? "int" : "void", name);
    const char *list = "void *arg, int64_t begin, int64_t end";
    if (!k->parallel) list = parameter_list(k, (int)strlen(start));
    text_printf(k->out, "%s%s)\n{\n", start, list);
    k->indent = 1;
    if (k->parallel) parallel_head_lines(k, name);
}

static void prepare(KernelEmit *k)
{
    const Kernel *kernel = k->kernel;
    Arena *arena = k->e->arena;
    size_t cells = (size_t)kernel->cell_count, params = (size_t)kernel->param_count;
    k->info = arena_array(arena, (size_t)kernel->next_id, sizeof *k->info);
    k->cell_index = arena_array(arena, cells, sizeof *k->cell_index);
    k->cell_live = arena_array(arena, cells, sizeof *k->cell_live);
    k->cell_names = arena_array(arena, cells, sizeof *k->cell_names);
    k->cell_home = arena_array(arena, cells, sizeof *k->cell_home);
    k->param_names = arena_array(arena, params, sizeof *k->param_names);
    k->sym_names =
        arena_array(arena, (size_t)sizes_symbol_count(k->e->program->sizes), sizeof *k->sym_names);
    for (int i = 0; i < kernel->param_count; i++)
        k->param_names[i] = names_make(arena, &k->names, &k->e->globals, kernel->params[i]->name);
    k->can_fail = block_contains(&kernel->body, LI_FAIL);
    k->sets_symbol = block_contains(&kernel->body, LI_SETSYM);
    k->parallel = kernel_parallel(kernel);
}

/* int NAME(const void *, ..., const int64_t *sizes): what is elsewhere. */
static void declare_extern(CEmit *e, const Kernel *kernel)
{
    List list = {.column = (int)strlen(kernel->name) + 5, .indent = 8};
    text_init(&list.text, e->arena);
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        list_add(&list, arena_printf(e->arena, "%svoid *%s", param->is_written ? "" : "const ",
                                     param->name));
    }
    list_add(&list, "const int64_t *sizes");
    if (*kernel->comment) c_comment(&e->functions, kernel->comment, 0);
    text_printf(&e->functions, "int %s(%s);\n\n", kernel->name, list.text.data);
}

void kernel_emit(CEmit *e, const Kernel *kernel, const char *name)
{
    if (kernel->is_extern) {
        declare_extern(e, kernel);
        return;
    }
    KernelEmit k = {.e = e, .kernel = kernel, .out = &e->functions};
    prepare(&k);
    fold_kernel(&k);
    if (k.parallel) args_struct(&k, name);
    function_head(&k, name);
    declare_symbols(&k);
    declare_locals(&k);
    declare_cells(&k);
    block(&k, &kernel->body);
    if (k.can_fail && !k.parallel) line(&k, "return LPC_RUN_OK;");
    text_add(k.out, "}\n\n");
}
