/* What main passes to a kernel is checked against its parameters. */
#include "loops_case.h"

/* Is `@k(PARAMETER)`, called with `argument`, a program that the verifier takes? It prints the
 * parameter as it was read. */
static bool taken(const char *parameter, const char *argument)
{
    Arena *arena = arena_new();
    Diag diag;
    Program *program;
    diag_init(&diag, arena, "calls");
    const char *text = arena_printf(arena,
                                    "program @calls\n"
                                    "symbol n max 100 input\n"
                                    "buffer x: u8[64] input 0 bytes 64\n"
                                    "buffer f: f32[16] input 1 bytes 64\n"
                                    "buffer s: f32[n] input 2 bytes 400\n"
                                    "memory work 0 state 0 const 0\n"
                                    "\n"
                                    "kernel @k(%s) {\n"
                                    "}\n"
                                    "\n"
                                    "main {\n"
                                    "    call @k(%s)\n"
                                    "}\n",
                                    parameter, argument);
    bool result = !loops_parse(arena, &diag, text, "calls", &program); /* verifies it */
    if (result) {
        Text printed;
        text_init(&printed, arena);
        loops_print(&printed, program);
        check(strstr(printed.data, parameter) != NULL, "printed as it was read");
    }
    arena_free(arena);
    return result;
}

int main(void)
{
    check(taken("a: f32 read", "f"), "a buffer of the parameter's type");
    check(!taken("a: f32 read", "x"), "a buffer of another type");
    check(!taken("a: i32 read", "x"), "bytes for words");
    check(taken("a: i32 of u8 read", "x"), "a view of bytes");
    check(!taken("a: i32 of i8 read", "x"), "a view of other bytes");
    check(!taken("a: i32 of f32 read", "f"), "a view of what is no bytes");
    check(!taken("a: i32 of u8 read write", "x"), "a view that is written");
    check(taken("a: i32 of u8 read", "x[4]"), "a view that starts on an element");
    check(!taken("a: i32 of u8 read", "x[2]"), "a view that starts within one");
    check(taken("a: f32 read", "f[16]"), "at the buffer's end");
    check(!taken("a: f32 read", "f[17]"), "past the buffer's end");
    check(taken("a: f32 read", "s[17]"), "where sizes say nothing");
    return failures != 0;
}
