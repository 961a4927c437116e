/* `lpc check MODEL.onnx DATA_DIR...`. */
#include "lib/check/check.h"
#include "tools/lpc/check_each.h"
#include "tools/lpc/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Check {
    CheckOptions options; /* with --each, its folders are those of models */
    bool each, keep;
    int stages; /* --stages N */
    Arena *arena;
} Check;

/* ---- The command line ---- */

static int usage(const char *what, const char *text)
{
    fprintf(stderr, "lpc check: %s '%s'\nusage: lpc check MODEL.onnx DATA_DIR... | --each FOLDER... "
                    "[--stages N] [--rtol R] [--atol A] [options of compiling]\n", what, text);
    return LPC_USAGE;
}

static int parse_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return *end || end == text || *value < 0 ? LPC_USAGE : 0;
}

static int own_option(Check *c, int argc, char **argv, int *at)
{
    const char *name = argv[*at];
    double value;
    bool keep = !strcmp(name, "--keep"), each = !strcmp(name, "--each");
    if (keep || each) {
        c->keep |= keep;
        c->each |= each;
        (*at)++;
        return 0;
    }
    bool eval = !strcmp(name, "--emit") && *at + 1 < argc && !strcmp(argv[*at + 1], "eval");
    if (eval || !strcmp(name, "--emit=eval")) {
        c->options.evaluate = true;
        *at += eval ? 2 : 1;
        return 0;
    }
    bool known = !strcmp(name, "--stages") || !strcmp(name, "--rtol") || !strcmp(name, "--atol");
    if (!known) return -1;
    if (*at + 1 >= argc || parse_number(argv[*at + 1], &value))
        return usage("expected a number after", name);
    if (!strcmp(name, "--rtol")) c->options.tolerance.rtol = value;
    else if (!strcmp(name, "--atol")) c->options.tolerance.atol = value;
    else if (value < 1 || value > (double)MAX_STAGES) return usage("bad number of stages", argv[*at + 1]);
    else c->stages = (int)value;
    *at += 2;
    return 0;
}

/* The first of what was given is the model. */
static int split_model(Check *c)
{
    if (c->options.folder_count < 2) return usage("missing", c->options.folder_count ? "DATA_DIR" : "MODEL");
    c->options.compile.model = *c->options.folders++;
    c->options.folder_count--;
    return 0;
}

static int parse(Check *c, int argc, char **argv)
{
    for (int at = 1; at < argc;) {
        int code = own_option(c, argc, argv, &at);
        if (code < 0) code = compile_option(&c->options.compile, argc, argv, &at);
        if (code == LPC_USAGE) return code;
        if (code == 0) continue;
        if (argv[at][0] == '-') return usage("unknown option", argv[at]);
        c->options.folders[c->options.folder_count++] = argv[at++];
    }
    if (c->each && !c->options.folder_count) return usage("missing", "FOLDER");
    if (!c->each) TRY(split_model(c));
    if (c->stages && c->options.compile.target_count > 1 && c->options.compile.target_count != c->stages)
        return usage("--stages does not match", "--targets");
    if (c->stages && c->options.compile.target_count <= 1) {
        const char *kind = c->options.compile.target_count ? c->options.compile.targets[0] : "host";
        for (int i = 0; i < c->stages; i++) c->options.compile.targets[i] = kind;
        c->options.compile.target_count = c->stages;
    }
    return 0;
}

static void tell(void *user, const CheckedOutput *o, Arena *arena)
{
    const Difference *d = &o->difference;
    (void)user;
    printf("%s: output '%s': ", o->folder, o->name);
    if (d->shape_error) printf("%s", d->shape_error);
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

int command_check(int argc, char **argv)
{
    static Check check; /* large; one per process */
    Check *c = &check;
    c->options.tell = tell;
    c->options.tolerance = (Tolerance){.rtol = 1e-3, .atol = 1e-4};
    c->arena = arena_new();
    c->options.folders = arena_array(c->arena, (size_t)argc, sizeof *c->options.folders);
    int code = parse(c, argc, argv);
    if (!code)
        code = c->each ? check_each(c->options.folders, c->options.folder_count, check_folder, c) : check_one(c);
    arena_free(c->arena);
    return code;
}
