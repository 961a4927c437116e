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
        printf(
            "%-12s %-12s %6d  %-28.28s %-28.28s %12lld %12lld %12lld %12lld %9lld %10lld %9.2f\n",
            s->name, s->target->name, s->node_count, first, last,
            (long long)s->program->const_bytes, (long long)s->program->work_bytes,
            (long long)s->memory.bound, (long long)s->memory.naive,
            (long long)s->program->state_bytes, (long long)s->out_bytes, s->flops * 1e-6);
    }
}

int command_compile(Options *o, Diag *diag)
{
    Cut cut;
    CompileOptions *c = &o->compile;
    if (!o->argument_count || !c->out)
        return usage_error(FOR_COMPILE,
                           o->argument_count ? "missing -o OUT" : "missing 'MODEL.onnx'");
    diag->file = c->model = o->arguments[0];
    TRY(make_package(o->arena, diag, c, NULL, &cut));
    if (!c->quiet) print_stages(&cut);
    return 0;
}
