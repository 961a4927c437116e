/* The text form: printing and parsing again gives the same text and the same results; broken text
 * is refused with a message and never crashes, whatever byte is changed. */
#include "loops_case.h"
#include "passes/loops/passes.h"

static const char program_text[] =
    "program @demo\n"
    "symbol n max 100 input\n"
    "symbol found max 7 node\n"
    "buffer \"in:0\": f32[8*n] input 0 bytes 3200\n"
    "buffer y: f32[8*n + 4] output 0 bytes 3216\n"
    "buffer w: i8[64] const bytes 64 at 128 comment \"weights \\\"w\\\"\"\n"
    "buffer t: f32[8*n] work bytes 3200 at 0\n"
    "buffer c: bool[1] work bytes 1 at 3200\n"
    "memory work 3264 state 0 const 192\n"
    "\n"
    "kernel @k0_relu(x: f32 read, y: f32 write noalias align 64) {\n"
    "    comment \"Relu\\nn x 8\"\n"
    "    origin \"m.onnx\" \"relu\" \"Relu\" 3\n"
    "    cost 800 6400\n"
    "    parallel %0 in 0..size(n) step 1 {\n"
    "        %1 = mul.i64 %0, 8\n"
    "        %2 = load.f32x8 x[%1]\n"
    "        %3 = splat.f32x8 0:f32\n"
    "        %4 = max.f32x8 %2, %3\n"
    "        %5 = lt.f32x8 %2, %3\n"
    "        %6 = select.f32x8 %5, %3, %4\n"
    "        store y[%1], %6\n"
    "    }\n"
    "}\n"
    "\n"
    "kernel @k1(w: i8 read, x: f32 read write, y: f32 write, c: bool read) {\n"
    "    local tmp: f32[16]\n"
    "    cell sum.0: f32 reduce add\n"
    "    cell v.1: i32x4\n"
    "    set sum.0, -0:f32\n"
    "    %1 = load.bool c[0]\n"
    "    if %1 {\n"
    "        fail 2\n"
    "    } else {\n"
    "        setsym found, 3\n"
    "    }\n"
    "    vector %5 in 0..size(8*n) step 1 {\n"
    "        %6 = load.f32 x[%5] limit size(n)\n"
    "        %7 = get sum.0\n"
    "        %8 = fma.f32 %6, 0.1:f32, %7\n"
    "        set sum.0, %8\n"
    "    }\n"
    "    %10 = load.i8x4 w[3] stride 2 limit 3\n"
    "    %11 = cast.i32x4 %10\n"
    "    %12 = iota.i32x4\n"
    "    %13 = dot4.i32x4 %11, %12, %11 unsigned\n"
    "    set v.1, %13\n"
    "    %15 = hadd.i32x4 %13\n"
    "    %16 = lane.i32x4 %13, 2\n"
    "    %17 = eq.i32 %15, %16\n"
    "    %18 = not.bool %17\n"
    "    serial %19 in -3..9 step 4 {\n"
    "        if %18 {\n"
    "            break\n"
    "        }\n"
    "        unrolled %22 in 0..2 step 1 {\n"
    "            %23 = get sum.0\n"
    "            %24 = exp.f32 %23\n"
    "            %25 = select.f32 1:bool, %24, inf:f32\n"
    "            store y[%22], %25\n"
    "            store tmp[%22], nan:f32\n"
    "            %27 = bitcast.u32 %25\n"
    "            %28 = shr.u32 %27, 4294967295:u32\n"
    "            %29 = cast.f64 %28\n"
    "            %30 = add.f64 %29, 1e+300:f64\n"
    "            %31 = cast.f32 %30\n"
    "            store y[%22], %31\n"
    "        }\n"
    "    }\n"
    "}\n"
    "\n"
    "main {\n"
    "    call @k0_relu(\"in:0\", t)\n"
    "    if c is 1 {\n"
    "        call @k1(w[4], t, y[8*n], c)\n"
    "    } else {\n"
    "        call @k0_relu(t, y)\n"
    "    }\n"
    "}\n";

static bool parses_to(const char *text, const char *wanted)
{
    Arena *arena = arena_new();
    Diag diag;
    Program *program;
    diag_init(&diag, arena, "t.lpl");
    bool ok = loops_parse(arena, &diag, text, "t.lpl", &program) == LPC_OK;
    if (ok) {
        Text out;
        text_init(&out, arena);
        loops_print(&out, program);
        ok = !strcmp(out.data, wanted);
        if (!ok) printf("printed:\n%s", out.data);
    }
    diag_flush(&diag);
    arena_free(arena);
    return ok;
}

static bool refuses(const char *text, const char *message)
{
    Arena *arena = arena_new();
    Diag diag;
    Program *program;
    diag_init(&diag, arena, "t.lpl");
    bool ok = loops_parse(arena, &diag, text, "t.lpl", &program) != LPC_OK && diag.count == 1 &&
              strstr(diag.messages[0], message);
    if (!ok && diag.count) printf("said: %s\n", diag.messages[0]);
    arena_free(arena);
    return ok;
}

static void round_trips(void)
{
    check(parses_to(program_text, program_text), "text program round trip");
}

/* A kernel around `body`, with x and y of f32 and a cell a.0. */
static bool refuses_body(const char *body, const char *message)
{
    char text[1000];
    snprintf(
        text, sizeof text,
        "program @p\nsymbol n max 9 input\nkernel @k(x: f32 read, y: f32 write, h: f16 read) {\n"
        "cell a.0: f32\n%s}\nmain {\n}\n",
        body);
    return refuses(text, message);
}

static void refusals(void)
{
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"%1 = load.f32 z[0]\n", "t.lpl:5: expected a parameter, not 'z'"},
        {"%1 = frob.f32 0\n", "expected an instruction, not 'frob'"},
        {"%1 = load.f32 y[0]\n", "not read"},
        {"%1 = load.f64 x[0]\n", "another type"},
        {"%1 = add.f32 1:f32, 2:f64\n", "different types"},
        {"%1 = add.f32 %2, 1:f32\n", "a known value"},
        {"if 1:bool {\n%1 = load.f32 x[0]\n}\nstore y[0], %1\n", "does not enclose"},
        {"%1 = load.f32 x[0]\n%1 = load.f32 x[0]\n", "a new value number"},
        {"break\n", "serial loop"},
        {"unrolled %1 in 0..size(n) step 1 {\n}\n", "constant bounds"},
        {"parallel %1 in 0..4 step 1 {\n}\nfail 1\n", "only instruction"},
        {"serial %1 in 0..4 step 0 {\n}\n", "positive"},
        {"%1 = load.f16 h[0]\n%2 = add.f16 %1, %1\n", "half"},
        {"%1 = exp.i64 3\n", "f32 or f64"},
        {"%1 = shl.f32 1:f32, 1:f32\n", "integers"},
        {"%1 = add.bool 1:bool, 1:bool\n", "bool"},
        {"set b.0, 1:f32\n", "a cell, not 'b.0'"},
        {"set a.0, 1\n", "another type than the cell"},
        {"%1 = splat.f32x65 1:f32\n", "lanes"},
        {"%1 = splat.f32x6 1:f32\n%2 = hadd.f32x6 %1\n", "power of two"},
        {"store y[1:i32], 1:f32\n", "i64 scalar"},
        {"setsym q, 1\n", "a symbol, not 'q'"},
        {"serial %1 in 0..4 step 1 {\n", "an instruction or '}'"},
        {"%1 = add.i64 99999999999999999999, 1\n", "64 bits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[160];
        snprintf(name, sizeof name, "text refuses: %s", cases[i].message);
        check(refuses_body(cases[i].body, cases[i].message), name);
    }
    check(refuses("program @p\nmain { call @k() }", "a kernel, not 'k'"), "text refuses a call");
    check(refuses("program @p\nbuffer x: f32[4] input 0 bytes 16\n"
                  "kernel @k(a: f32 write) {\n}\nmain {\ncall @k(x)\n}\n",
                  "k writes to 'x', which is an input"),
          "text refuses to write to an input");
    check(refuses("program @p\nbuffer w: f32[4] const bytes 16\n"
                  "kernel @k(a: f32 read write) {\n}\nmain {\ncall @k(w)\n}\n",
                  "k writes to 'w', which is constant"),
          "text refuses to write to a constant");
    check(refuses("program @p\nmain {} x", "the end of the file"), "text refuses what follows");
}

/* Whatever single edit is made, the parser returns. */
static void mutations(void)
{
    static char text[sizeof program_text + 8];
    static const char bytes[] = "%0.9{}[]()x:,-# \n\"azn";
    uint32_t seed = 3;
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        size_t length = sizeof program_text - 1;
        memcpy(text, program_text, length + 1);
        for (int edits = 0; edits < 1 + round % 3; edits++) {
            size_t at = loops_random(&seed) % length;
            switch (loops_random(&seed) % 3) {
            case 0: text[at] = bytes[loops_random(&seed) % (sizeof bytes - 1)]; break;
            case 1: memmove(text + at, text + at + 1, length - at); break;
            default: text[length - at % 40] = 0; break;
            }
            length = strlen(text);
            if (length == 0) break;
        }
        Arena *arena = arena_new();
        Diag diag;
        Program *program;
        diag_init(&diag, arena, "t.lpl");
        bool parsed = loops_parse(arena, &diag, text, "t.lpl", &program) == LPC_OK;
        if (parsed) accepted++;
        if (parsed != (diag.count == 0)) failures++;
        if (parsed) { /* passes take whatever the verifier takes */
            pass_expand_math(program);
            pass_vectorize(program, 256);
            pass_cleanup(program);
            if (loops_verify(program, &diag)) {
                failures++;
                diag_flush(&diag);
            }
        }
        arena_free(arena);
    }
    printf("text: 20000 mutations, %d still programs\n", accepted);
    check(accepted > 0, "text mutations");
}

int main(void)
{
    round_trips();
    refusals();
    mutations();
    printf("%d failures\n", failures);
    return failures != 0;
}
