/* The memory plan: constants that no call reads leave the program and take no bytes, whatever plan
 * is made; what stays has a place, and ids that are its positions. */
#include "tests/check.h"

#include "passes/memory/memory.h"

#include <stdio.h>
#include <string.h>

static const char text[] = "program @plan\n"
                           "buffer unread: f32[100] const bytes 400\n"
                           "buffer x: f32[8] input 0 bytes 32\n"
                           "buffer w: f32[20] const bytes 80\n"
                           "buffer unread2: f32[1] const bytes 4\n"
                           "buffer a: f32[8] work bytes 32\n"
                           "buffer c: f32[8] work bytes 32\n"
                           "buffer v: f32[8] const bytes 32\n"
                           "buffer y: f32[8] output 0 bytes 32\n"
                           "memory work 0 state 0 const 0\n"
                           "\n"
                           "kernel @k(x: f32 read, w: f32 read, y: f32 write) {\n"
                           "    %0 = load.f32 x[0]\n"
                           "    %1 = load.f32 w[0]\n"
                           "    %2 = add.f32 %0, %1\n"
                           "    store y[0], %2\n"
                           "}\n"
                           "\n"
                           "main {\n"
                           "    call @k(x, w, a)\n"
                           "    call @k(a, v, c)\n"
                           "    call @k(c, w, y)\n"
                           "}\n";

static void check_plan(bool apart)
{
    Arena *arena = arena_new();
    Diag diag;
    Program *program;
    MemoryFigures figures;
    int constants = 0;
    diag_init(&diag, arena, "plan");
    int code = loops_parse(arena, &diag, text, "plan", &program);
    diag_flush(&diag);
    check_about(!code, "not parsed", "plan");
    if (!code) {
        if (apart)
            memory_apart(program, &figures);
        else
            plan_memory(program, NULL, 0, &figures);
        for (int i = 0; i < program->buffer_count; i++) {
            const Buffer *buffer = program->buffers[i];
            bool placed = buffer->class == BUFFER_CONST || buffer->class == BUFFER_WORK;
            constants += buffer->class == BUFFER_CONST;
            check_about(buffer->id == i, "an id that is not the position", buffer->name);
            check_about(!placed || buffer->offset >= 0, "no place", buffer->name);
            check_about(!strstr(buffer->name, "unread"), "nobody reads it", buffer->name);
        }
        check_about(constants == 2 && program->buffer_count == 6, "another number of buffers",
                    "plan");
        check_about(program->const_bytes == buffer_room(80) + buffer_room(32), "const bytes",
                    "plan");
        check_about(program->work_bytes == 2 * buffer_room(32), "workspace", "plan");
        check_about(!loops_verify(program, &diag), "the program", "plan");
        diag_flush(&diag);
    }
    arena_free(arena);
}

int main(void)
{
    check_plan(false);
    check_plan(true);
    printf("%d failures\n", failures);
    return failures != 0;
}
