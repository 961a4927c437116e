/* Random kernels: whatever the passes do to them, every element keeps its bits. Each kernel is one
 * VECTOR loop with random index arithmetic, masked and strided loads, comparisons, casts, private
 * cells, inner loops and branches; it is run as it is, and after each combination of passes. */
#include "loops_case.h"
#include "passes/loops/passes.h"

enum { ELEMENTS = 4096, KERNELS = 1500, POOL = 10 };

typedef struct Gen {
    Builder *b;
    uint32_t seed;
    Param *x, *q, *h, *y, *z;
    Inst *v, *k; /* loop variables; k NULL outside inner loops */
    Inst *floats[POOL], *longs[POOL], *ints[POOL], *bools[POOL];
    int depth;
} Gen;

static int pick(Gen *g, int n)
{
    return (int)(loops_random(&g->seed) >> 8) % n;
}

static void keep(Gen *g, Inst **pool, Inst *value)
{
    pool[pick(g, POOL)] = value;
}

static Inst *any(Gen *g, Inst **pool)
{
    return pool[pick(g, POOL)];
}

/* An index in bounds: at most 600 from v < 60, k < 4. */
static Inst *index_of(Gen *g)
{
    Builder *b = g->b;
    Inst *at = kb_i64(b, pick(g, 50));
    if (pick(g, 4)) {
        Inst *term = pick(g, 3) ? g->v : kb_muli(b, g->v, 1 + pick(g, 3));
        at = pick(g, 4) ? kb_add(b, at, term) : kb_sub(b, kb_addi(b, at, 300), term);
    }
    if (g->k && pick(g, 2)) at = kb_add(b, at, kb_muli(b, g->k, 1 + pick(g, 40)));
    if (!pick(g, 70)) at = kb_add(b, at, kb_op(b, LI_DIV, g->v, kb_i64(b, 3)));
    if (!pick(g, 70)) at = kb_mul(b, kb_load(b, g->q, kb_i64(b, pick(g, 9))), g->v);
    if (!pick(g, 90)) at = kb_load(b, g->q, at);
    return at;
}

static Inst *limit_of(Gen *g)
{
    if (pick(g, 4)) return NULL;
    Inst *limit = kb_i64(g->b, pick(g, 30) - 3);
    if (!pick(g, 3)) limit = kb_load(g->b, g->q, kb_i64(g->b, pick(g, 20)));
    return pick(g, 2) ? limit : kb_sub(g->b, limit, g->v);
}

static void random_float(Gen *g)
{
    static const InstOp ops[] = {LI_ADD, LI_SUB, LI_MUL, LI_MIN, LI_MAX, LI_DIV};
    static const InstOp ones[] = {LI_NEG, LI_ABS, LI_FLOOR, LI_RINT, LI_SQRT, LI_SIN};
    Builder *b = g->b;
    Inst *value;
    switch (pick(g, 9)) {
    case 0: value = kb_load_ex(b, g->x, index_of(g), 1, NULL, limit_of(g)); break;
    case 1: value = kb_op1(b, ones[pick(g, 6)], any(g, g->floats)); break;
    case 2: value = kb_fma(b, any(g, g->floats), any(g, g->floats), any(g, g->floats)); break;
    case 3: value = kb_select(b, any(g, g->bools), any(g, g->floats), any(g, g->floats)); break;
    case 4: value = kb_cast(b, DT_F32, any(g, g->ints)); break;
    case 5: value = kb_cast(b, DT_F32, any(g, g->longs)); break;
    case 6: value = kb_float(b, DT_F32, pick(g, 9) - 4); break;
    case 7: value = kb_op1(b, pick(g, 2) ? LI_TANH : LI_EXP, any(g, g->floats)); break;
    default: value = kb_op(b, ops[pick(g, 6)], any(g, g->floats), any(g, g->floats)); break;
    }
    keep(g, g->floats, value);
}

static void random_integer(Gen *g)
{
    static const InstOp ops[] = {LI_ADD, LI_SUB, LI_MUL, LI_MIN, LI_MAX, LI_AND, LI_XOR};
    Builder *b = g->b;
    switch (pick(g, 7)) {
    case 0: keep(g, g->longs, pick(g, 2) ? g->v : kb_i64(b, pick(g, 60) - 9)); break;
    case 1: keep(g, g->longs, kb_load(b, g->q, index_of(g))); break;
    case 2: keep(g, g->longs, kb_op(b, ops[pick(g, 5)], any(g, g->longs), any(g, g->longs))); break;
    case 3: keep(g, g->ints, kb_cast(b, DT_I32, any(g, g->longs))); break;
    case 4: keep(g, g->ints, kb_cast(b, DT_I32, kb_load(b, g->h, index_of(g)))); break;
    case 5:
        keep(g, g->ints, kb_op(b, LI_SHR, any(g, g->ints), kb_int(b, DT_I32, pick(g, 9))));
        break;
    default: keep(g, g->ints, kb_op(b, ops[pick(g, 7)], any(g, g->ints), any(g, g->ints))); break;
    }
}

static void random_bool(Gen *g)
{
    InstOp op = (InstOp)(LI_EQ + pick(g, 6));
    Inst **pools[] = {g->floats, g->longs, g->longs, g->ints};
    Inst **pool = pools[pick(g, 4)];
    if (pick(g, 4))
        keep(g, g->bools, kb_op(g->b, op, any(g, pool), any(g, pool)));
    else
        keep(g, g->bools, kb_op(g->b, LI_AND, any(g, g->bools), any(g, g->bools)));
}

static void random_code(Gen *g, int count);

/* Values of an inner block are forgotten after it; its result is in a cell. */
static void random_inner(Gen *g)
{
    Gen saved = *g;
    Builder *b = g->b;
    Cell *cell = kb_cell(b, "c", (LType){DT_F32, 1}, any(g, g->floats));
    bool loop = pick(g, 2);
    if (loop) {
        static const LoopKind kinds[] = {LOOP_SERIAL, LOOP_UNROLLED, LOOP_VECTOR};
        LoopKind kind = kinds[pick(g, 3)];
        g->k = kb_for(b, kind, kb_i64(b, pick(g, 2)), kb_i64(b, 4), 1);
        /* not of an inner VECTOR loop, which could be vectorized alone, in another order */
        if (kind != LOOP_VECTOR && pick(g, 2)) cell->reduce = LI_ADD;
    } else {
        Inst *cond = kb_op(b, LI_LT, kb_load(b, g->q, kb_i64(b, pick(g, 50))), kb_i64(b, 30));
        kb_if(b, pick(g, 12) ? cond : any(g, g->bools));
    }
    g->depth++;
    random_code(g, 12);
    bool adds = cell->reduce == LI_ADD || pick(g, 2);
    Inst *value = any(g, g->floats);
    kb_set(b, cell, adds ? kb_add(b, kb_get(b, cell), value) : value);
    kb_end(b);
    uint32_t seed = g->seed;
    *g = saved;
    g->seed = seed;
    keep(g, g->floats, kb_get(b, cell));
}

static void random_code(Gen *g, int count)
{
    for (int i = 0; i < count; i++) {
        int kind = pick(g, 10);
        if (kind < 4)
            random_float(g);
        else if (kind < 7)
            random_integer(g);
        else if (kind < 9)
            random_bool(g);
        else if (g->depth < 2)
            random_inner(g);
    }
}

static void generate(LoopsCase *c, uint32_t seed, int64_t n, bool symbolic)
{
    loops_case_init(c, ELEMENTS);
    Builder *b = &c->b;
    Gen g = {.b = b, .seed = seed * 2654435761u + 1};
    g.x = kb_param(b, "x", DT_F32, true, false);
    g.q = kb_param(b, "q", DT_I64, true, false);
    g.h = kb_param(b, "h", DT_U8, true, false);
    g.y = kb_param(b, "y", DT_F32, false, true);
    g.z = kb_param(b, "z", DT_I32, false, true);
    int sym = sizes_symbol(c->sizes, "n");
    c->symbols[sym] = n;
    sizes_symbol_at(c->sizes, sym)->max = 100;
    const Size *size = symbolic ? size_sym(c->sizes, sym) : size_const(c->sizes, n);
    g.v = kb_for_n(b, LOOP_VECTOR, size);
    for (int i = 0; i < POOL; i++) {
        g.floats[i] = pick(&g, 2) ? kb_load(b, g.x, g.v) : kb_load(b, g.x, kb_i64(b, i));
        g.longs[i] = pick(&g, 2) ? g.v : kb_i64(b, pick(&g, 60));
        g.ints[i] = kb_int(b, DT_I32, i);
        g.bools[i] = kb_op(b, LI_LT, g.v, kb_i64(b, i));
    }
    random_code(&g, 70);
    for (int i = 0; i < POOL; i++) {
        kb_store_ex(b, g.y, kb_addi(b, g.v, 100 * i), g.floats[i], NULL, limit_of(&g));
        kb_store(b, g.z, kb_addi(b, kb_muli(b, g.v, 2), 200 * i), g.ints[i]);
    }
    kb_end(b);
    loops_case_fill(c, seed);
}

/* Equal bits, where a NaN equals any NaN: which one it is depends on the order of operands. */
static bool same_results(const LoopsCase *a, const LoopsCase *c)
{
    const float *x = a->data[3], *y = c->data[3];
    for (int i = 0; i < ELEMENTS; i++)
        if (memcmp(x + i, y + i, 4) && !(isnan(x[i]) && isnan(y[i]))) return false;
    return true;
}

static bool same_ints(const LoopsCase *a, const LoopsCase *c)
{
    return !memcmp(a->data[4], c->data[4], ELEMENTS * 4);
}

/* Mode: bit 0 cleanup first, bit 1 cleanup last, bit 2 through the text form. */
static bool transform(LoopsCase *c, int bits, int mode)
{
    if (mode & 1) pass_cleanup(c->program);
    pass_vectorize(c->program, bits);
    if (mode & 2) pass_cleanup(c->program);
    if (loops_verify(c->program, &c->diag)) return false;
    if (!(mode & 4)) return true;
    Text text;
    text_init(&text, c->arena);
    loops_print(&text, c->program);
    Program *program;
    if (loops_parse(c->arena, &c->diag, text.data, "random", &program)) return false;
    c->kernel = program->kernels[0];
    return true;
}

int main(int argc, char **argv)
{
    static const int widths[] = {64, 128, 256, 512};
    static const int64_t counts[] = {1, 5, 16, 30, 59};
    int vectorized = 0, run = 0;
    int first = argc > 1 ? atoi(argv[1]) : 0, last = argc > 1 ? first + 1 : KERNELS;
    for (int i = first; i < last; i++) {
        LoopsCase before, after;
        int64_t n = counts[i % 5];
        bool symbolic = i / 5 % 2;
        generate(&before, (uint32_t)i, n, symbolic);
        generate(&after, (uint32_t)i, n, symbolic);
        /* half of the kernels get polynomials, on both sides */
        if (i % 4 < 2) {
            pass_expand_math(before.program);
            pass_expand_math(after.program);
        }
        bool ok = transform(&after, widths[i / 10 % 4], i / 40 % 8);
        if (loops_count(&after.kernel->body, LI_COUNT)) vectorized++;
        int code = loops_case_run(&before);
        ok = ok && code == loops_case_run(&after) && code == 0;
        ok = ok && same_results(&before, &after) && same_ints(&before, &after);
        run++;
        if (!ok) {
            printf("FAIL random kernel %d, n=%d, width %d\n", i, (int)n, widths[i / 10 % 4]);
            failures++;
            if (argc > 1) {
                loops_case_print(&before);
                loops_case_print(&after);
            }
            diag_flush(&after.diag);
        }
        loops_case_free(&before);
        loops_case_free(&after);
    }
    printf("%d random kernels, %d of them became vectors, %d failures\n", run, vectorized,
           failures);
    return failures != 0;
}
