/* Costs counted from loops: by hand on small kernels, and the same for scalars as for vectors. */
#include "ir/loops_cost.h"
#include "passes/loops/passes.h"

#include <stdio.h>
#include <string.h>

static int failures;

static Program *parse(Arena *arena, const char *text)
{
    Diag diag;
    Program *program = NULL;
    diag_init(&diag, arena, NULL);
    if (loops_parse(arena, &diag, text, "cost", &program)) {
        diag_flush(&diag);
        failures++;
        return NULL;
    }
    return program;
}

static void expect(const char *name, const char *what, double got, double want)
{
    if (got == want) return;
    printf("FAILED: %s: %s: %.17g, expected %.17g\n", name, what, got, want);
    failures++;
}

/* All parameters are f32; the buffers are as large as `bytes`. */
static void check(const char *name, const char *body, double flops, double bytes)
{
    Arena *arena = arena_new();
    const char *text = arena_printf(arena,
                                    "program @p\nsymbol n max 10 input\n"
                                    "buffer a: f32[4096] input 0 bytes 16384\n"
                                    "buffer i: i64[4096] input 1 bytes 32768\n"
                                    "buffer y: f32[4096] output 0 bytes 16384\n"
                                    "kernel @k(a: f32 read, i: i64 read, y: f32 write) {\n%s}\n"
                                    "main {\n    call @k(a, i, y)\n}\n",
                                    body);
    Program *p = parse(arena, text);
    if (p) {
        loops_count(p);
        expect(name, "flops", p->kernels[0]->cost.flops, flops);
        expect(name, "bytes", p->kernels[0]->cost.bytes, bytes);
        expect(name, "total", loops_total(p).flops, flops);
    }
    arena_free(arena);
}

static void kernels(void)
{
    check("one loop",
          "    serial %0 in 0..100 step 1 {\n        %1 = load.f32 a[%0]\n"
          "        %2 = mul.f32 %1, 2:f32\n        store y[%0], %2\n    }\n",
          100, 800);
    check("a step",
          "    serial %0 in 0..100 step 3 {\n        %1 = load.f32 a[%0]\n"
          "        %2 = mul.f32 %1, 2:f32\n        store y[%0], %2\n    }\n",
          34, 272);
    check("a product: indices are no operations",
          "    cell s.0: f32\n    serial %0 in 0..8 step 1 {\n    serial %1 in 0..4 step 1 {\n"
          "    set s.0, 0:f32\n    serial %2 in 0..16 step 1 {\n"
          "    %3 = mul.i64 %0, 16\n    %4 = add.i64 %3, %2\n    %5 = load.f32 a[%4]\n"
          "    %6 = mul.i64 %2, 4\n    %7 = add.i64 %6, %1\n    %8 = add.i64 %7, 128\n"
          "    %9 = load.f32 a[%8]\n    %10 = get s.0\n    %11 = fma.f32 %5, %9, %10\n"
          "    set s.0, %11\n    }\n    %12 = get s.0\n    %13 = mul.i64 %0, 4\n"
          "    %14 = add.i64 %13, %1\n    store y[%14], %12\n    }\n    }\n",
          2 * 8 * 4 * 16, 4 * (128 + 64 + 32));
    check(
        "a triangle",
        "    serial %0 in 0..8 step 1 {\n    serial %1 in 0..%0 step 1 {\n"
        "    %2 = load.f32 a[%1]\n    %3 = add.f32 %2, 1:f32\n    store y[%1], %3\n    }\n    }\n",
        28, 56);
    check("a large triangle: sampled, and exact",
          "    serial %0 in 0..1000 step 1 {\n    serial %1 in 0..%0 step 1 {\n"
          "    %2 = load.f32 a[0]\n    %3 = add.f32 %2, 1:f32\n    store y[0], %3\n    }\n    }\n",
          499500, 8);
    check("the last tile is short",
          "    serial %0 in 0..10 step 4 {\n    %1 = add.i64 %0, 4\n    %2 = min.i64 %1, 10\n"
          "    serial %3 in %0..%2 step 1 {\n    %4 = load.f32 a[%3]\n"
          "    %5 = neg.f32 %4\n    store y[%3], %5\n    }\n    }\n",
          10, 80);
    check("a size at its bound",
          "    serial %0 in 0..size(2*n) step 1 {\n        %1 = load.f32 a[%0]\n"
          "        %2 = neg.f32 %1\n        store y[%0], %2\n    }\n",
          20, 160);
    check("a branch of the loops",
          "    serial %0 in 0..100 step 1 {\n    %1 = lt.i64 %0, 10\n    if %1 {\n"
          "    %2 = load.f32 a[%0]\n    %3 = exp.f32 %2\n    store y[%0], %3\n    } else {\n"
          "    store y[%0], 0:f32\n    }\n    }\n",
          10 * LOOPS_COST_MATH, 800);
    check("a branch of the data: the dearer one, and the question",
          "    serial %0 in 0..10 step 1 {\n    %1 = load.f32 a[%0]\n    %2 = lt.f32 %1, 0:f32\n"
          "    if %2 {\n    %3 = exp.f32 %1\n    store y[%0], %3\n    } else {\n"
          "    %4 = neg.f32 %1\n    store y[%0], %4\n    }\n    }\n",
          10 * (LOOPS_COST_MATH + 1), 80);
    check("addresses that are loaded are none; integers that are stored are",
          "    serial %0 in 0..10 step 1 {\n    %1 = load.i64 i[%0]\n    %2 = add.i64 %1, 5\n"
          "    %3 = load.f32 a[%2]\n    store y[%0], %3\n    }\n"
          "    serial %4 in 0..10 step 1 {\n    %5 = load.i64 i[%4]\n    %6 = add.i64 %5, 5\n"
          "    %7 = cast.f32 %6\n    store y[%4], %7\n    }\n",
          10, 80 + 40 + 40);
    check("a trip count of the data",
          "    %0 = load.i64 i[0]\n    %1 = min.i64 %0, 10\n    serial %2 in 0..%1 step 1 {\n"
          "    %3 = load.f32 a[%2]\n    %4 = neg.f32 %3\n    store y[%2], %4\n    }\n",
          10, 88);
    check("vectors are their lanes",
          "    serial %0 in 0..96 step 8 {\n    %1 = load.f32x8 a[%0]\n"
          "    %2 = fma.f32x8 %1, %1, %1\n    store y[%0], %2\n    }\n",
          192, 768);
}

/* What a vector loop counts does not change when it becomes vectors, where the trips divide. */
static void vectorized(void)
{
    Arena *arena = arena_new();
    Program *p = parse(arena, "program @p\n"
                              "buffer a: f32[512] input 0 bytes 2048\n"
                              "buffer y: f32[512] output 0 bytes 2048\n"
                              "kernel @k(a: f32 read, y: f32 write noalias) {\n"
                              "    vector %0 in 0..512 step 1 {\n        %1 = load.f32 a[%0]\n"
                              "        %2 = max.f32 %1, 0:f32\n        %3 = fma.f32 %2, %1, 1:f32\n"
                              "        store y[%0], %3\n    }\n}\n"
                              "main {\n    call @k(a, y)\n}\n");
    if (p) {
        loops_count(p);
        expect("scalar", "flops", p->kernels[0]->cost.flops, 3 * 512);
        pass_vectorize(p, 256);
        pass_cleanup(p);
        loops_count(p);
        expect("vectorized", "flops", p->kernels[0]->cost.flops, 3 * 512);
        expect("vectorized", "bytes", p->kernels[0]->cost.bytes, 4096);
    }
    arena_free(arena);
}

/* A call in a loop counts as often as the loop runs at the bounds; of two sizes' branches one does.
 */
static void main_blocks(void)
{
    Arena *arena = arena_new();
    Program *p = parse(arena, "program @p\nsymbol n max 10 input\nsymbol t max 7 node\n"
                              "buffer a: f32[1] input 0 bytes 4\n"
                              "buffer y: f32[1] output 0 bytes 4\n"
                              "kernel @k(a: f32 read, y: f32 write) {\n"
                              "    %0 = load.f32 a[0]\n    %1 = neg.f32 %0\n    store y[0], %1\n}\n"
                              "kernel @few(a: f32 read, y: f32 write) {\n"
                              "    %0 = load.f32 a[0]\n    %1 = exp.f32 %0\n    store y[0], %1\n}\n"
                              "main {\n    loop t in 0..n - 3 {\n        call @k(a, y)\n    }\n"
                              "    if size(n) lt 5 {\n        call @few(a, y)\n    } else {\n"
                              "        call @k(a, y)\n    }\n}\n");
    if (p) {
        loops_count(p);
        expect("main", "flops of a loop and a branch", p->kernels[0]->cost.flops, 7 + 1);
        expect("main", "flops of the other branch", p->kernels[1]->cost.flops, 0);
        expect("main", "bytes", p->kernels[0]->cost.bytes, 8 * 8);
        expect("main", "total", loops_total(p).flops, 8);
    }
    arena_free(arena);
}

int main(void)
{
    kernels();
    main_blocks();
    vectorized();
    if (!failures) printf("loops cost: as counted by hand\n");
    return failures != 0;
}
