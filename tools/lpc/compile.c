/* `lpc MODEL.onnx -o OUT`. */
#include "lib/make/make.h"
#include "tools/lpc/command.h"

#include <stdio.h>

void print_stages(const Cut *cut)
{
    printf("%-12s %-12s %6s  %-28s %-28s %12s %12s %12s %12s %9s %10s %9s\n", "stage", "target",
           "layers", "first", "last", "weights", "workspace", "bound", "naive", "state", "sends",
           "MFLOP");
    for (int i = 0; i < cut->count; i++) {
        const Stage *s = &cut->stages[i];
        const char *first = s->node_count ? compile_label(s->nodes[0]) : "-";
        const char *last = s->node_count ? compile_label(s->nodes[s->node_count - 1]) : "-";
        printf("%-12s %-12s %6d  %-28.28s %-28.28s %12lld %12lld %12lld %12lld %9lld %10lld %9.2f\n",
               s->name, s->target->name, s->node_count, first, last,
               (long long)s->program->const_bytes, (long long)s->program->work_bytes,
               (long long)s->memory.bound, (long long)s->memory.naive,
               (long long)s->program->state_bytes, (long long)s->out_bytes, s->flops * 1e-6);
    }
}

int command_compile(int argc, char **argv)
{
    CompileOptions options = {0};
    TRY(compile_arguments(&options, argc, argv, 0, "lpc"));
    if (!options.model || !options.out) {
        fprintf(stderr, "usage: lpc MODEL.onnx [--targets T,...] -o OUT (see lpc --help)\n");
        return LPC_USAGE;
    }
    Arena *arena = arena_new();
    Diag diag;
    ProgressLine progress;
    Cut cut;
    command_diag(&diag, arena, options.model, &progress, options.verbose);
    int code = make_package(arena, &diag, &options, NULL, &cut);
    if (!code && !options.quiet) print_stages(&cut);
    command_flush(&diag);
    arena_free(arena);
    return code;
}
