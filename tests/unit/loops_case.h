/* For the tests of loops: builds a kernel in a fresh program, fills its parameters with data that
 * depends on a seed only, runs it in the evaluator. */
#ifndef LPC_TESTS_LOOPS_CASE_H
#define LPC_TESTS_LOOPS_CASE_H

#include "tests/check.h"

#include "ir/loops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct LoopsCase {
    Arena *arena;
    SizeTable *sizes;
    Program *program;
    Kernel *kernel;
    Builder b;
    Diag diag;
    int64_t elements; /* of every parameter */
    void *data[8];
    int64_t symbols[8];
} LoopsCase;

static inline void loops_case_init(LoopsCase *c, int64_t elements)
{
    memset(c, 0, sizeof *c);
    c->arena = arena_new();
    c->sizes = sizes_new(c->arena);
    c->program = program_new(c->arena, c->sizes, "test");
    c->kernel = program_kernel(c->program, "k");
    c->elements = elements;
    builder_init(&c->b, c->kernel);
    diag_init(&c->diag, c->arena, "test");
}

static inline uint32_t loops_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline void loops_case_fill(LoopsCase *c, uint32_t seed)
{
    int at = 0;
    for (int i = 0; i < c->kernel->param_count; i++) {
        const Param *param = c->kernel->params[i];
        if (param->local) continue;
        size_t size = dtype_size(param->dtype);
        uint8_t *bytes = arena_alloc(c->arena, (size_t)c->elements * size);
        for (int64_t k = 0; k < c->elements; k++) {
            uint32_t r = loops_random(&seed);
            float f = ((float)(r >> 8) / 8388608.0f - 1.0f) * 8.0f;
            double d = (double)f * 1.1;
            if (param->dtype == DT_F32)
                memcpy(bytes + (size_t)k * 4, &f, 4);
            else if (param->dtype == DT_F64)
                memcpy(bytes + (size_t)k * 8, &d, 8);
            else if (param->dtype == DT_BOOL)
                bytes[k] = r & 1;
            else if (param->dtype == DT_F16) {
                uint16_t h = f32_to_f16(f);
                memcpy(bytes + k * 2, &h, 2);
            } else if (param->dtype == DT_BF16) {
                uint16_t h = f32_to_bf16(f);
                memcpy(bytes + k * 2, &h, 2);
            } else if (size == 8) {
                int64_t v = (int64_t)(r % 64);
                memcpy(bytes + k * 8, &v, 8);
            } else
                memcpy(bytes + (size_t)k * size, &r, size);
        }
        c->data[at++] = bytes;
    }
}

static inline int loops_case_run(LoopsCase *c)
{
    int64_t elements[8];
    for (int i = 0; i < 8; i++) elements[i] = c->elements;
    int code = loops_eval_kernel(c->kernel, &c->diag, c->data, elements, c->symbols);
    diag_flush(&c->diag);
    return code;
}

static inline void loops_case_print(LoopsCase *c)
{
    Text text;
    text_init(&text, c->arena);
    loops_print_kernel(&text, c->kernel);
    fputs(text.data, stdout);
}

static inline void loops_case_free(LoopsCase *c)
{
    arena_free(c->arena);
}

/* Instructions of an operation in a block; LI_COUNT: vectors; nested blocks too. */
static inline int loops_count(const Block *block, InstOp op)
{
    int n = 0;
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (op == LI_COUNT ? inst->type.lanes > 1 : inst->op == op) n++;
        n += loops_count(&inst->body, op) + loops_count(&inst->els, op);
    }
    return n;
}

#endif
