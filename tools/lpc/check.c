/* `lpc check MODEL.onnx DATA_DIR...`. */
#include "lib/check/check.h"
#include "tools/lpc/check_each.h"
#include "tools/lpc/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Check {
    CheckOptions options; /* with --each, its folders are those of models */
    bool keep;
    Arena *arena;
} Check;

static void tell(void *user, const CheckedOutput *o, Arena *arena)
{
    const Difference *d = &o->difference;
    (void)user;
    printf("%s: output '%s': ", o->folder, o->name);
    if (d->shape_error)
        printf("%s", d->shape_error);
    else
        printf("%s largest error %.3g absolute, %.3g relative", host_shape_text(o->want, arena),
               d->largest_absolute, d->largest_relative);
    if (d->wrong)
        printf("; %lld of %lld outside the tolerance, worst [%lld]: got %.9g, expected %.9g",
               (long long)d->wrong, (long long)d->elements, (long long)d->worst,
               host_value(o->got, d->worst), host_value(o->want, d->worst));
    printf(": %s\n", o->ok ? "ok" : "MISMATCH");
}

/* One model. */
static int check_one(Check *c)
{
    Diag diag;
    ProgressLine progress;
    char *work = NULL;
    command_diag(&diag, c->arena, NULL, &progress, c->options.compile.verbose);
    int code = check_model(c->arena, &diag, &c->options, c->keep ? &work : NULL);
    if (code != LPC_ERROR) printf("%s\n", code ? "FAIL" : "PASS");
    command_flush(&diag);
    if (work) fprintf(stderr, "kept %s\n", work);
    return code;
}

/* In a process of its own, which needs no more of the folders. */
static int check_folder(void *self, const ModelFolder *folder)
{
    Check *c = self;
    c->options.compile.model = folder->model;
    c->options.folders = folder->sets;
    c->options.folder_count = folder->set_count;
    int code = check_one(c);
    arena_free(c->arena);
    return code;
}

int command_check(Options *o, Diag *diag)
{
    int first = o->each ? 0 : 1; /* of the folders */
    if (o->argument_count <= first)
        return usage_error(FOR_CHECK, "missing '%s'",
                           o->each              ? "FOLDER"
                           : !o->argument_count ? "MODEL.onnx"
                                                : "DATA_DIR");
    if (!o->each) o->compile.model = o->arguments[0];
    Check check = {.options = {.compile = o->compile,
                               .folders = o->arguments + first,
                               .folder_count = o->argument_count - first,
                               .tolerance = {.rtol = o->rtol, .atol = o->atol},
                               .evaluate = o->evaluate,
                               .tell = tell},
                   .keep = o->keep,
                   .arena = o->arena};
    CheckOptions *c = &check.options;
    TRY(check_cut_evenly(o->arena, diag, c, o->stages)); /* else each model has its own diag */
    return o->each ? check_each(c->folders, c->folder_count, check_folder, &check)
                   : check_one(&check);
}
