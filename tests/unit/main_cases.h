/* Random main programs: calls in loops, under conditions on buffers and on sizes, symbols that main
 * and kernels set. A buffer is read only where it was written before for certain, so that the
 * results do not depend on what lay in its memory: whichever memory plan is made, they are the same. */
#ifndef LPC_TESTS_MAIN_CASES_H
#define LPC_TESTS_MAIN_CASES_H

#include "ir/loops.h"

#include <string.h>

enum {
    MAIN_SMALL = 5,   /* work buffers of 8 elements */
    MAIN_PART = 8,    /* elements of what a kernel reads or writes */
    MAIN_PARTS = 8,   /* parts of the big ones, which are indexed by symbols of at most 7 */
    MAIN_SYMBOLS = 5, /* n, m, i, j, k */
    MAIN_LOOPS = 2    /* symbols from here on are of loops */
};

typedef struct MainGen {
    Arena *arena;
    Program *program;
    SizeTable *sizes;
    uint32_t seed;
    Buffer *x, *y, *flag, *number, *small[MAIN_SMALL], *big[2];
    Kernel *clear, *mix, *mix_tasks, *gather, *test, *count, *set;
    bool small_ready[MAIN_SMALL], flag_ready, number_ready, big_ready[2];
    bool open[MAIN_SYMBOLS]; /* loops over these symbols are around */
    int loop;                /* the symbol of the loop whose block is being made, 0: no loop's */
    int fresh;               /* buffers that one chain of calls alone uses */
    int left;                /* instructions to be made */
} MainGen;

static inline uint32_t main_pick(MainGen *g, uint32_t n)
{
    g->seed = g->seed * 1664525u + 1013904223u;
    return (g->seed >> 9) % n;
}

/* ---- The kernels ---- */

static inline Kernel *main_kernel(MainGen *g, Builder *b, const char *name)
{
    Kernel *kernel =
        program_kernel(g->program, arena_printf(g->arena, "%s_%s", g->program->name, name));
    builder_init(b, kernel);
    return kernel;
}

static inline Inst *main_sym(MainGen *g, Builder *b, int sym)
{
    return kb_cast(b, DT_I32, kb_size(b, size_sym(g->sizes, sym)));
}

/* to[r] = from[r] * 5 + the symbols, each with a factor of its own */
static inline Kernel *main_mix(MainGen *g, const char *name, LoopKind kind)
{
    Builder b;
    Kernel *kernel = main_kernel(g, &b, name);
    Param *from = kb_param(&b, "from", DT_I32, true, false);
    Param *to = kb_param(&b, "to", DT_I32, false, true);
    Inst *r = kb_for(&b, kind, kb_i64(&b, 0), kb_i64(&b, MAIN_PART), 1);
    Inst *value = kb_mul(&b, kb_load(&b, from, r), kb_int(&b, DT_I32, 5));
    for (int s = 0; s < MAIN_SYMBOLS; s++)
        value = kb_add(&b, value, kb_mul(&b, main_sym(g, &b, s), kb_int(&b, DT_I32, 3 + 4 * s)));
    kb_store(&b, to, r, kb_add(&b, value, kb_cast(&b, DT_I32, r)));
    kb_end(&b);
    return kernel;
}

/* to[r] += from[r] and all of big's element r of each part */
static inline Kernel *main_gather(MainGen *g)
{
    Builder b;
    Kernel *kernel = main_kernel(g, &b, "gather");
    Param *big = kb_param(&b, "big", DT_I32, true, false);
    Param *to = kb_param(&b, "to", DT_I32, true, true);
    Inst *r = kb_for(&b, LOOP_SERIAL, kb_i64(&b, 0), kb_i64(&b, MAIN_PART), 1);
    Inst *p = kb_for(&b, LOOP_SERIAL, kb_i64(&b, 0), kb_i64(&b, MAIN_PARTS), 1);
    Inst *at = kb_add(&b, kb_muli(&b, p, MAIN_PART), r);
    Inst *sum = kb_mul(&b, kb_load(&b, to, r), kb_int(&b, DT_I32, 3));
    kb_store(&b, to, r, kb_add(&b, sum, kb_load(&b, big, at)));
    kb_end(&b);
    kb_end(&b);
    return kernel;
}

static inline Kernel *main_clear(MainGen *g)
{
    Builder b;
    Kernel *kernel = main_kernel(g, &b, "clear");
    Param *to = kb_param(&b, "to", DT_I32, false, true);
    Inst *r = kb_for(&b, LOOP_SERIAL, kb_i64(&b, 0), kb_i64(&b, MAIN_PART * MAIN_PARTS), 1);
    kb_store(&b, to, r, kb_add(&b, kb_cast(&b, DT_I32, r), main_sym(g, &b, MAIN_LOOPS)));
    kb_end(&b);
    return kernel;
}

/* flag = from[0] + the first loop's symbol is no multiple of 3 */
static inline Kernel *main_test(MainGen *g)
{
    Builder b;
    Kernel *kernel = main_kernel(g, &b, "test");
    Param *from = kb_param(&b, "from", DT_I32, true, false);
    Param *to = kb_param(&b, "to", DT_BOOL, false, true);
    Inst *sum = kb_add(&b, kb_load(&b, from, kb_i64(&b, 0)), main_sym(g, &b, MAIN_LOOPS));
    sum = kb_op(&b, LI_REM, sum, kb_int(&b, DT_I32, 3));
    kb_store(&b, to, kb_i64(&b, 0), kb_op(&b, LI_NE, sum, kb_int(&b, DT_I32, 0)));
    return kernel;
}

static inline Inst *main_seven(Builder *b, Param *from)
{
    Inst *value = kb_cast(b, DT_I64, kb_load(b, from, kb_i64(b, 1)));
    return kb_op(b, LI_AND, value, kb_i64(b, 7));
}

static inline Kernel *main_count(MainGen *g)
{
    Builder b;
    Kernel *kernel = main_kernel(g, &b, "count");
    Param *from = kb_param(&b, "from", DT_I32, true, false);
    Param *to = kb_param(&b, "to", DT_I64, false, true);
    kb_store(&b, to, kb_i64(&b, 0), main_seven(&b, from));
    kb_store(&b, to, kb_i64(&b, 1), kb_i64(&b, 8)); /* over every bound */
    return kernel;
}

static inline Kernel *main_set_m(MainGen *g)
{
    Builder b;
    Kernel *kernel = main_kernel(g, &b, "set");
    Param *from = kb_param(&b, "from", DT_I32, true, false);
    kb_setsym(&b, 1, main_seven(&b, from));
    return kernel;
}

/* ---- The program ---- */

static inline Buffer *main_buffer(MainGen *g, const char *name, BufferClass class, DType dtype,
                                  int64_t count)
{
    return program_buffer(g->program, name, class, dtype, size_const(g->sizes, count));
}

static inline void main_open(MainGen *g)
{
    static const char *const names[MAIN_SYMBOLS] = {"n", "m", "i", "j", "k"};
    for (int i = 0; i < MAIN_SYMBOLS; i++) {
        Symbol *symbol = sizes_symbol_at(g->sizes, sizes_symbol(g->sizes, names[i]));
        symbol->max = MAIN_PARTS - 1;
        symbol->source = i ? SYM_NODE : SYM_INPUT;
    }
    const int64_t all = MAIN_PART * MAIN_PARTS;
    g->x = main_buffer(g, "x", BUFFER_INPUT, DT_I32, all);
    g->y = main_buffer(g, "y", BUFFER_OUTPUT, DT_I32, all);
    g->flag = main_buffer(g, "flag", BUFFER_WORK, DT_BOOL, 1);
    g->number = main_buffer(g, "number", BUFFER_WORK, DT_I64, 2);
    for (int i = 0; i < MAIN_SMALL; i++)
        g->small[i] =
            main_buffer(g, arena_printf(g->arena, "small%d", i), BUFFER_WORK, DT_I32, MAIN_PART);
    for (int i = 0; i < 2; i++)
        g->big[i] = main_buffer(g, arena_printf(g->arena, "big%d", i), BUFFER_WORK, DT_I32, all);
    g->clear = main_clear(g);
    g->mix = main_mix(g, "mix", LOOP_SERIAL);
    g->mix_tasks = main_mix(g, "mix_tasks", LOOP_PARALLEL);
    g->gather = main_gather(g);
    g->test = main_test(g);
    g->count = main_count(g);
    g->set = main_set_m(g);
}

static inline const Size *main_any_symbol(MainGen *g)
{
    return size_sym(g->sizes, (int)main_pick(g, MAIN_SYMBOLS));
}

/* One of the symbols' parts of a big buffer. */
static inline CallArg main_part(MainGen *g, Buffer *buffer)
{
    return (CallArg){buffer, size_muli(g->sizes, main_any_symbol(g), MAIN_PART)};
}

static inline CallArg main_source(MainGen *g)
{
    int i = (int)main_pick(g, MAIN_SMALL), k = (int)main_pick(g, 2);
    if (g->small_ready[i] && main_pick(g, 4)) return (CallArg){g->small[i], NULL};
    if (g->big_ready[k] && main_pick(g, 2)) return main_part(g, g->big[k]);
    return main_part(g, g->x);
}

/* What is written is ready from now on; the caller appends the call. */
static inline CallArg main_target(MainGen *g)
{
    int i = (int)main_pick(g, MAIN_SMALL), k = (int)main_pick(g, 2);
    if (!main_pick(g, 4)) return main_part(g, g->y);
    if (g->big_ready[k] && !main_pick(g, 3)) return main_part(g, g->big[k]);
    g->small_ready[i] = true;
    return (CallArg){g->small[i], NULL};
}

static inline void main_random_call(MainGen *g, Block *at)
{
    CallArg args[2] = {main_source(g), {NULL, NULL}};
    int k = (int)main_pick(g, 2), i = (int)main_pick(g, MAIN_SMALL);
    switch (main_pick(g, 9)) {
    case 0:
        g->big_ready[k] = true;
        main_call(g->program, at, g->clear, 1, &(CallArg){g->big[k], NULL});
        return;
    case 1:
        if (!g->big_ready[k] || !g->small_ready[i]) break;
        args[0] = (CallArg){g->big[k], NULL};
        args[1] = (CallArg){g->small[i], NULL};
        main_call(g->program, at, g->gather, 2, args);
        return;
    case 2:
        args[1].buffer = g->flag;
        g->flag_ready = true;
        main_call(g->program, at, g->test, 2, args);
        return;
    case 3:
        args[1].buffer = g->number;
        g->number_ready = true;
        main_call(g->program, at, g->count, 2, args);
        return;
    case 4: main_call(g->program, at, g->set, 1, args); return;
    default: break;
    }
    Kernel *kernel = main_pick(g, 3) ? g->mix : g->mix_tasks;
    args[1] = main_target(g);
    main_call(g->program, at, kernel, 2, args);
}

static inline CallArg main_fresh(MainGen *g)
{
    const char *name = arena_printf(g->arena, "fresh%d", g->fresh++);
    return (CallArg){main_buffer(g, name, BUFFER_WORK, DT_I32, MAIN_PART), NULL};
}

static inline void main_mix_call(MainGen *g, Block *at, CallArg from, CallArg to)
{
    main_call(g->program, at, g->mix, 2, (CallArg[]){from, to});
}

/* A buffer that only this part of the program uses: what is in its memory before and after is
 * another's. */
static inline void main_random_chain(MainGen *g, Block *at)
{
    CallArg one = main_fresh(g), two = main_fresh(g);
    main_mix_call(g, at, main_source(g), one);
    main_mix_call(g, at, one, two);
    main_mix_call(g, at, one, main_target(g));
    main_mix_call(g, at, two, main_target(g));
}

/* A value that the first iteration makes and the others get from the one before. */
static inline void main_random_carried(MainGen *g, Block *at)
{
    if (!g->loop) return;
    CallArg carried = main_fresh(g), next = main_fresh(g);
    Inst *first =
        main_if_size(g->program, at, size_sym(g->sizes, g->loop), LI_EQ, size_const(g->sizes, 0));
    main_mix_call(g, &first->body, main_source(g), carried);
    main_random_chain(g, at);
    main_mix_call(g, at, carried, next);
    main_mix_call(g, at, carried, main_target(g));
    main_mix_call(g, at, next, carried);
}

static inline void main_random_set(MainGen *g, Block *at)
{
    int sym = 1 + (int)main_pick(g, MAIN_SYMBOLS - 1);
    if (g->open[sym]) return;
    const Size *value = size_add(g->sizes, main_any_symbol(g), main_any_symbol(g));
    if (g->number_ready && main_pick(g, 2)) {
        const Size *offset = size_const(g->sizes, main_pick(g, 40) == 0);
        main_set_from(g->program, at, sym, g->number, offset);
    } else if (main_pick(g, 30)) {
        main_set(g->program, at, sym,
                 size_min(g->sizes, value, size_const(g->sizes, MAIN_PARTS - 1)));
    } else {
        main_set(g->program, at, sym, value);
    }
}

static inline void main_random_block(MainGen *g, Block *at, int depth);

/* What a block writes is ready in it, and not behind it: it may not have run. */
static inline void main_random_inner(MainGen *g, Block *at, int depth)
{
    MainGen saved = *g;
    main_random_block(g, at, depth + 1);
    uint32_t seed = g->seed;
    int left = g->left, fresh = g->fresh;
    *g = saved;
    g->seed = seed;
    g->left = left;
    g->fresh = fresh;
}

static inline void main_random_if(MainGen *g, Block *at, int depth)
{
    Inst *branch;
    if (g->flag_ready && main_pick(g, 2))
        branch = main_if(g->program, at, g->flag, main_pick(g, 2) != 0);
    else
        branch = main_if_size(g->program, at, main_any_symbol(g), (InstOp)(LI_EQ + main_pick(g, 6)),
                              main_pick(g, 2) ? main_any_symbol(g)
                                              : size_const(g->sizes, main_pick(g, 5)));
    int loop = g->loop;
    g->loop = 0;
    main_random_inner(g, &branch->body, depth);
    if (main_pick(g, 2)) main_random_inner(g, &branch->els, depth);
    g->loop = loop;
}

static inline void main_random_loop(MainGen *g, Block *at, int depth)
{
    int sym = MAIN_LOOPS + (int)main_pick(g, MAIN_SYMBOLS - MAIN_LOOPS);
    if (g->open[sym]) return;
    const Size *count = size_const(g->sizes, 1 + main_pick(g, 4));
    if (main_pick(g, 2)) count = main_any_symbol(g);
    if (!main_pick(g, 12)) count = size_addi(g->sizes, count, (int64_t)main_pick(g, 4) - 2);
    Buffer *cond = g->flag_ready && main_pick(g, 2) ? g->flag : NULL;
    int outer = g->loop;
    g->open[sym] = true;
    g->loop = sym;
    main_random_inner(g, &main_loop(g->program, at, sym, count, cond)->body, depth);
    g->open[sym] = false;
    g->loop = outer;
}

static inline void main_random_block(MainGen *g, Block *at, int depth)
{
    int count = 2 + (int)main_pick(g, 6);
    for (int i = 0; i < count && g->left > 0; i++) {
        g->left--;
        uint32_t kind = main_pick(g, 10);
        if (kind < 2 && depth < 4)
            main_random_loop(g, at, depth);
        else if (kind < 4 && depth < 4)
            main_random_if(g, at, depth);
        else if (kind < 5)
            main_random_set(g, at);
        else if (kind < 6)
            main_random_carried(g, at);
        else if (kind < 7)
            main_random_chain(g, at);
        else
            main_random_call(g, at);
    }
}

/* A program of that name whose buffers have no places yet; input x, output y, whose parts that it
 * may leave out are written first. */
static inline Program *main_random(Arena *arena, const char *name, uint32_t seed)
{
    MainGen g = {.arena = arena, .sizes = sizes_new(arena), .seed = seed * 2654435761u + 7};
    g.program = program_new(arena, g.sizes, name);
    g.left = 40;
    main_open(&g);
    Block *body = &g.program->main->body;
    /* kernels read all symbols, wherever they are called */
    for (int i = 1; i < MAIN_SYMBOLS; i++) main_set(g.program, body, i, size_const(g.sizes, 0));
    main_call(g.program, body, g.clear, 1, &(CallArg){g.y, NULL});
    while (g.left > 0) main_random_block(&g, body, 0);
    return g.program;
}

#endif
