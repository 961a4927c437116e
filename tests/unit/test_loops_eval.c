/* The evaluator: each instruction's meaning on vectors, memory with stride and limit, control,
 * stray accesses, and a program with its buffers, sizes and branches in main. */
#include "loops_case.h"

typedef struct Line {
    const char *name;
    const char *body;   /* kernel text over x: f32, y: f32, i: i32, j: i32, q: i64 */
    const char *result; /* param that is looked at */
    double want[4];
} Line;

/* At the start x = 1, 2, 3 ..., i = -1, -2, -3 ..., q = 1, 2, 3 ..., y and j = -9. */
static const Line lines[] = {
    {"load with stride", "%1 = load.f32x4 x[1] stride 3\nstore y[0], %1\n", "y", {2, 5, 8, 11}},
    {"negative stride", "%1 = load.f32x4 x[6] stride -2\nstore y[0], %1\n", "y", {7, 5, 3, 1}},
    {"load with limit", "%1 = load.f32x4 x[62] limit 2\nstore y[0], %1\n", "y", {63, 64, 0, 0}},
    {"limit below 0", "%1 = load.f32x4 x[-9] limit -5\nstore y[0], %1\n", "y", {0, 0, 0, 0}},
    {"scalar limit", "%1 = load.f32 x[99] limit 0\nstore y[0], %1\n", "y", {0, -9, -9, -9}},
    {"store with limit", "%1 = load.f32x4 x[0]\nstore y[0], %1 limit 3\n", "y", {1, 2, 3, -9}},
    {"store with stride", "%1 = load.f32x4 x[0]\nstore y[0], %1 stride 2\n", "y", {1, -9, 2, -9}},
    {"fma",
     "%1 = fma.f32 16777217:f32, 1:f32, 1:f32\nstore y[0], %1\n",
     "y",
     {16777216, -9, -9, -9}},
    {"min of a nan", "%1 = min.f32 nan:f32, 1:f32\nstore y[0], %1\n", "y", {1, -9, -9, -9}},
    {"hadd is a tree",
     "store y[0], 1e+08:f32\nstore y[1], 1:f32\nstore y[2], -1e+08:f32\nstore y[3], 1:f32\n"
     "%1 = load.f32x4 y[0]\n%2 = hadd.f32x4 %1\nstore y[0], %2\n",
     "y",
     {2, 1, -1e8, 1}},
    {"hmin and hmax",
     "%1 = load.f32x4 x[0]\n%2 = hmin.f32x4 %1\n%3 = hmax.f32x4 %1\nstore y[0], %2\n"
     "store y[1], %3\n",
     "y",
     {1, 4, -9, -9}},
    {"dot4 signed",
     "%1 = load.i32x4 i[0]\n%2 = splat.i32x4 33686018:i32\n"
     "%3 = dot4.i32x4 %1, %1, %2 signed\nstore j[0], %3\n",
     "j",
     {-9, -12, -15, -18}},
    {"dot4 unsigned",
     "%1 = load.i32x4 i[0]\n%2 = splat.i32x4 33686018:i32\n"
     "%3 = dot4.i32x4 %1, %1, %2 unsigned\nstore j[0], %3\n",
     "j",
     {2039, 2036, 2033, 2030}},
    {"iota and lane",
     "%1 = iota.i32x4\n%2 = lane.i32x4 %1, 3\nstore j[0], %1\nstore j[1], %2\n",
     "j",
     {0, 3, 2, 3}},
    {"select by lane",
     "%1 = load.f32x4 x[0]\n%2 = splat.f32x4 2.5:f32\n%3 = lt.f32x4 %1, %2\n"
     "%4 = select.f32x4 %3, %2, %1\nstore y[0], %4\n",
     "y",
     {2.5, 2.5, 3, 4}},
    {"through f16",
     "%1 = load.f32x4 x[0]\n%2 = splat.f32x4 2049:f32\n%3 = mul.f32x4 %1, %2\n"
     "%4 = cast.f16x4 %3\n%5 = cast.f32x4 %4\nstore y[0], %5\n",
     "y",
     {2048, 4096, 6148, 8192}},
    {"through bf16",
     "%1 = cast.bf16 257:f32\n%2 = cast.f32 %1\nstore y[0], %2\n",
     "y",
     {256, -9, -9, -9}},
    {"u32 to f32",
     "%1 = cast.f32 4294967295:u32\nstore y[0], %1\n",
     "y",
     {4294967296.0, -9, -9, -9}},
    {"i32 wraps",
     "%1 = add.i32 2147483647:i32, 2:i32\n%2 = mul.i32 65537:i32, 65537:i32\n"
     "%3 = neg.i32 -2147483648:i32\nstore j[0], %1\nstore j[1], %2\nstore j[2], %3\n",
     "j",
     {-2147483647.0, 131073, -2147483648.0, -9}},
    {"truncating division",
     "%1 = load.i32x4 i[0]\n%2 = splat.i32x4 2:i32\n%3 = div.i32x4 %1, %2\n"
     "store j[0], %3\n",
     "j",
     {0, -1, -1, -2}},
    {"a loop with a break",
     "serial %1 in 0..9 step 2 {\n%2 = ge.i64 %1, 4\nif %2 {\nbreak\n}\n"
     "%3 = cast.f32 %1\n%4 = shr.i64 %1, 1\nstore y[%4], %3\n}\n",
     "y",
     {0, 2, -9, -9}},
    {"a loop without iterations",
     "serial %1 in 5..2 step 1 {\nstore y[0], 0:f32\n}\n",
     "y",
     {-9, -9, -9, -9}},
    {"a cell",
     "set a.0, 2:f32\nserial %1 in 0..3 step 1 {\n%2 = get a.0\n%3 = mul.f32 %2, %2\n"
     "set a.0, %3\n}\n%4 = get a.0\nstore y[0], %4\n",
     "y",
     {256, -9, -9, -9}},
    {"a parallel loop in place",
     "parallel %1 in 0..4 step 1 {\n%2 = load.f32 y[%1]\n%3 = load.f32 x[0]\n"
     "%4 = add.f32 %2, %3\nstore y[%1], %4\n%5 = load.f32 y[%1]\n}\n",
     "y",
     {-8, -8, -8, -8}},
    {"a size", "%1 = cast.f32 size(2*n + 1)\nstore y[0], %1\n", "y", {11, -9, -9, -9}},
};

static int run_text(const char *body, Diag *diag, Arena *arena, float *y, int32_t *j)
{
    Text text;
    text_init(&text, arena);
    text_printf(&text,
                "program @p\nsymbol n max 9 input\nkernel @k(x: f32 read, y: f32 read write, "
                "i: i32 read, j: i32 write, q: i64 read) {\nlocal t: f32[4]\ncell a.0: f32\n"
                "%s}\nmain {\n}\n",
                body);
    Program *program;
    if (loops_parse(arena, diag, text.data, "t", &program)) return -2;
    float x[64];
    int32_t i[64];
    int64_t q[64], elements[] = {64, 64, 64, 64, 64}, sizes[] = {5};
    for (int k = 0; k < 64; k++) {
        x[k] = (float)(k + 1);
        i[k] = -k - 1;
        q[k] = k + 1;
        y[k] = -9;
        j[k] = -9;
    }
    void *args[] = {x, y, i, j, q};
    return loops_eval_kernel(program->kernels[0], diag, args, elements, sizes);
}

static void run_line(const Line *line)
{
    Arena *arena = arena_new();
    Diag diag;
    float y[64];
    int32_t j[64];
    diag_init(&diag, arena, "t");
    bool ok = run_text(line->body, &diag, arena, y, j) == 0;
    for (int k = 0; k < 4; k++) {
        double got = line->result[0] == 'y' ? (double)y[k] : (double)j[k];
        if (got != line->want[k]) {
            printf("lane %d: %g, expected %g\n", k, got, line->want[k]);
            ok = false;
        }
    }
    check(ok, line->name);
    diag_flush(&diag);
    arena_free(arena);
}

static void strays(void)
{
    static const struct {
        const char *body, *message;
        int code;
    } cases[] = {
        {"%1 = load.f32 x[64]\n", "x[64] is outside its 64 elements", -1},
        {"%1 = load.f32 x[-1]\n", "x[-1] is outside", -1},
        {"%1 = load.f32x4 x[61]\n", "x[64] is outside", -1},
        {"%1 = load.f32x4 x[9] stride -4\n", "x[-3] is outside", -1},
        {"%1 = load.f32x4 x[9223372036854775807]\n", "is outside", -1},
        {"store y[64], 1:f32\n", "y[64] is outside", -1},
        {"%1 = load.f32 t[4]\n", "t[4] is outside its 4", -1},
        {"%1 = get a.0\n", "never set", -1},
        {"%1 = load.i64 q[0]\n%2 = sub.i64 %1, 1\n%3 = div.i64 5, %2\n", "division by 0", -1},
        {"parallel %1 in 0..4 step 1 {\nstore y[9], 1:f32\n}\n",
         "y[9] is written by one iteration of the parallel loop and touched by another, 1", -1},
        {"parallel %1 in 0..4 step 1 {\n%2 = load.f32 y[3]\nstore y[%1], %2\n}\n",
         "y[3] is written by one iteration of the parallel loop and touched by another, 3", -1},
        {"parallel %1 in 0..4 step 1 {\n%2 = shl.i64 %1, 1\n%3 = load.f32x4 y[%2] stride 5\n"
         "store y[%1], 0:f32\n}\n",
         "y[2] is written by one iteration of the parallel loop and touched by another, 2", -1},
        {"parallel %1 in 0..4 step 1 {\nstore y[%1], 0:f32\n%2 = load.f32 y[0]\n}\n",
         "y[0] is written by one iteration of the parallel loop and touched by another, 1", -1},
        {"fail 3\nstore y[64], 1:f32\n", "", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *arena = arena_new();
        Diag diag;
        float y[64];
        int32_t j[64];
        diag_init(&diag, arena, "t");
        bool ok = run_text(cases[i].body, &diag, arena, y, j) == cases[i].code;
        if (*cases[i].message)
            ok = ok && diag.count == 1 && strstr(diag.messages[0], cases[i].message);
        if (!ok && diag.count) printf("said: %s\n", diag.messages[0]);
        check(ok, *cases[i].message ? cases[i].message : "fail returns its code");
        arena_free(arena);
    }
}

static void whole_program(void)
{
    static const char text[] =
        "program @p\nsymbol n max 9 input\nsymbol m max 9 node\n"
        "buffer x: f32[2*n] input 0\nbuffer y: f32[m] output 0\n"
        "buffer w: f32[4] const at 16\nbuffer t: f32[n] work at 64\nbuffer c: bool[n] work at 0\n"
        "kernel @first(x: f32 read, w: f32 read, t: f32 write, c: bool write) {\n"
        "parallel %1 in 0..size(n) step 1 {\n%2 = load.f32 x[%1]\n%3 = load.f32 w[0]\n"
        "%4 = add.f32 %2, %3\nstore t[%1], %4\nstore c[%1], 1:bool\nsetsym m, 2\n}\n}\n"
        "kernel @second(t: f32 read, y: f32 write) {\nserial %1 in 0..size(m) step 1 {\n"
        "%2 = load.f32 t[%1]\nstore y[%1], %2\n}\n}\n"
        "main {\nsetsym m, size(0)\ncall @first(x[n], w[3], t, c)\nif c is 1 {\ncall @second(t, "
        "y)\n} else {\n"
        "call @second(t[1], y)\n}\nif c is 0 {\ncall @second(t[2], y)\n}\n}\n";
    Arena *arena = arena_new();
    Diag diag;
    Program *program;
    diag_init(&diag, arena, "t");
    float x[6] = {1, 2, 3, 4, 5, 6}, y[9] = {0}, weights[8] = {0, 0, 0, 0, 10, 20, 30, 40};
    float work[32];
    int64_t sizes[2] = {3, -1};
    const void *in[] = {x};
    void *out[] = {y};
    bool ok = loops_parse(arena, &diag, text, "t", &program) == 0 &&
              loops_eval(program, &diag, in, out, sizes, work, NULL, weights) == 0;
    ok = ok && sizes[1] == 2 && y[0] == 44 && y[1] == 45 && y[2] == 0;
    check(ok, "a program");
    diag_flush(&diag);
    arena_free(arena);
}

int main(void)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) run_line(&lines[i]);
    strays();
    whole_program();
    printf("%d failures\n", failures);
    return failures != 0;
}
