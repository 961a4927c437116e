/* `lpc calibrate`: a target file from measurements. */
#include "tools/calibrate/calibrate.h"

#include "backend/package/package.h"
#include "runtime/calibrate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: lpc calibrate [--target T] [-o FILE]     measures this machine\n"
    "       lpc calibrate --target T -o DIR          for another device: makes DIR/calibrate,\n"
    "                                                a program that measures it there\n"
    "       lpc calibrate --serve [HOST:PORT]        answers a peer that measures the link\n"
    "       lpc calibrate --peer HOST:PORT           measures the link to one that serves\n"
    "\n"
    "Writes a target file: that of T (host), with measured gflops, memory_bandwidth, call_overhead "
    "and\n"
    "cores. gflops is of f32 products and convolutions, the same work of each, on all cores.\n"
    "\n"
    "  -o FILE            where the target file, or the link's figures, go (standard output)\n"
    "  --threads N        instead of all cores\n"
    "  --quick            shorter, less exact\n"
    "  --json             the measurements instead of a target file\n"
    "  --emulate          another device's program is run here, through its emulator, and says so\n"
    "  --once             --serve ends after one peer\n"
    "  --target-dir DIR   look for target files there first; can be repeated\n";

typedef struct Command {
    CompileOptions compile;
    const char *target, *out, *threads, *serve, *peer;
    bool quick, json, emulate, once, help;
} Command;

/* ---- The command line ---- */

static int parse(Command *c, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **text;
        bool *flag;
    } options[] = {{"--target", &c->target, NULL},   {"-o", &c->out, NULL},
                   {"--threads", &c->threads, NULL}, {"--peer", &c->peer, NULL},
                   {"--quick", NULL, &c->quick},     {"--json", NULL, &c->json},
                   {"--emulate", NULL, &c->emulate}, {"--once", NULL, &c->once},
                   {"--help", NULL, &c->help}};
    for (int i = 1; i < argc; i++) {
        size_t k = 0, count = sizeof options / sizeof *options;
        while (k < count && strcmp(argv[i], options[k].name) != 0) k++;
        bool value = i + 1 < argc;
        if (k < count && options[k].flag)
            *options[k].flag = true;
        else if (k < count && value)
            *options[k].text = argv[++i];
        else if (!strcmp(argv[i], "--serve"))
            c->serve = value && argv[i + 1][0] != '-' ? argv[++i] : "*:7700";
        else if (!strcmp(argv[i], "--target-dir") && value &&
                 c->compile.target_dir_count < MAX_OPTIONS)
            c->compile.target_dirs[c->compile.target_dir_count++] = argv[++i];
        else {
            fprintf(stderr, "lpc calibrate: unexpected '%s' (see lpc calibrate --help)\n", argv[i]);
            return LPC_USAGE;
        }
    }
    return 0;
}

/* ---- The program ---- */

static const char *main_source(Arena *arena, const CalibrateModel *models, const Target *target,
                               const char *head, const char *middle)
{
    Text out;
    text_init(&out, arena);
    text_add(&out, "#include \"calibrate.h\"\n");
    for (int i = 0; i < CALIBRATE_MODELS; i++)
        text_printf(&out, "extern const lpc_model %s_model;\n", models[i].name);
    text_add(&out, "static const lpc_calibrate_item items[] = {\n");
    for (int i = 0; i < CALIBRATE_MODELS; i++) {
        const CalibrateModel *m = &models[i];
        text_printf(&out, "    {\"%s\", \"%s\", &%s_model, %.0f, %d, %d},\n", m->kind, m->type,
                    m->name, m->flops, m->kernels, m->counts);
    }
    text_printf(&out, "};\nstatic const lpc_calibrate_target target = {%s,\n",
                c_literal(arena, head));
    text_printf(&out, "    %s,\n", c_literal(arena, target->description));
    text_printf(&out, "    %s};\n", c_literal(arena, middle));
    text_printf(&out,
                "int main(int argc, char **argv)\n{\n"
                "    return lpc_calibrate_main(items, %d, &target, argc, argv);\n}\n",
                CALIBRATE_MODELS);
    return out.data;
}

static int build(Arena *arena, Diag *diag, const Command *c, const Target *target, const char *work,
                 const char *program)
{
    CalibrateModel models[CALIBRATE_MODELS];
    const char *stages[CALIBRATE_MODELS], *head, *middle;
    CompileOptions *options = arena_alloc(arena, sizeof *options);
    *options = c->compile;
    options->targets[0] = c->target;
    options->target_count = 1;
    options->no_link = true;
    TRY(calibrate_models(arena, diag, models));
    for (int i = 0; i < CALIBRATE_MODELS; i++) {
        Cut cut;
        TRY(compile_stages(arena, diag, options, models[i].graph, &cut));
        TRY(program_emit(arena, diag, options, models[i].graph, &cut, work, models[i].name));
        stages[i] = arena_printf(arena, "%s/%s", models[i].name, cut.stages[0].name);
    }
    TRY(target_parts(arena, diag, target, &head, &middle));
    return program_link(arena, diag, target, main_source(arena, models, target, head, middle), work,
                        stages, CALIBRATE_MODELS, program);
}

/* ---- Here, or there ---- */

/* To -o's file, or to standard output. */
static int put(Diag *diag, const Command *c, const char *text)
{
    if (c->out) return package_file(diag, c->out, text, strlen(text));
    fputs(text, stdout);
    return fflush(stdout) ? diag_error(diag, "cannot write to standard output") : 0;
}

static int here(Arena *arena, Diag *diag, const Command *c, const Target *target,
                const char *program)
{
    const char *options[8];
    char *output;
    int count = 0;
    if (c->quick) options[count++] = "--quick";
    if (c->json) options[count++] = "--json";
    if (c->threads) options[count++] = "--threads", options[count++] = c->threads;
    if (!target->native) options[count++] = "--note", options[count++] = "through an emulator";
    options[count] = NULL;
    TRY(program_run(arena, diag, target, NULL, program, options, &output));
    return put(diag, c, output);
}

static int there(Arena *arena, Diag *diag, const Command *c, const Target *target, const char *work,
                 const char *program)
{
    const char *name = arena_printf(arena, "%s/calibrate", c->out);
    const char *readme = arena_printf(arena, "%s/README.txt", c->out);
    if (mkdir(c->out, 0777))
        return diag_error(diag, "cannot make folder '%s': %s", c->out, strerror(errno));
    const char *text = arena_printf(
        arena,
        "A program that measures a device of the kind '%s' (%s) for lpc.\n\n"
        "    scp calibrate DEVICE:\n"
        "    ssh DEVICE ./calibrate >my-targets/%s.json\n"
        "    lpc MODEL.onnx --target-dir my-targets --targets %s,... -o OUT\n\n"
        "It needs nothing but itself, prints the target file on standard output and what it "
        "measures\n"
        "on standard error. The link between two devices: `./calibrate --serve` on one,\n"
        "`./calibrate --peer HOST:7700` on the other; the answer goes into a cluster file's "
        "links.\n",
        target->name, target->triple, target->name, target->name);
    (void)work;
    int code = package_file(diag, readme, text, strlen(text));
    if (!code) code = build(arena, diag, c, target, work, program);
    if (!code && rename(program, name)) {
        Text copy; /* another file system */
        text_init(&copy, arena);
        char part[16384];
        FILE *from = fopen(program, "rb");
        for (size_t n; from && (n = fread(part, 1, sizeof part, from)) > 0;)
            text_addn(&copy, part, n);
        if (from) fclose(from);
        code = package_file(diag, name, copy.data, copy.length);
        if (!code && chmod(name, 0755)) code = diag_error(diag, "cannot make '%s' a program", name);
    }
    if (code) remove_tree(c->out);
    return code;
}

static int calibrate(Arena *arena, Diag *diag, Command *c)
{
    Target *target;
    if (!c->target) c->target = "host";
    TRY(target_load(diag, arena, c->target, c->compile.target_dirs, c->compile.target_dir_count,
                    &target));
    bool local = target->native || c->emulate;
    if (!local && !c->out)
        return diag_error(diag,
                          "target '%s' is not this machine: give -o DIR for a program that "
                          "measures it there, or --emulate",
                          c->target);
    char *work = work_folder(arena, diag);
    if (!work) return LPC_ERROR;
    const char *program = arena_printf(arena, "%s/calibrate", work);
    int code = 0;
    if (local) {
        code = build(arena, diag, c, target, work, program);
        if (!code) code = here(arena, diag, c, target, program);
    } else {
        code = there(arena, diag, c, target, work, program);
        if (!code)
            fprintf(stderr, "made %s/calibrate; %s/README.txt says how to run it\n", c->out,
                    c->out);
    }
    remove_tree(work);
    return code;
}

static int measure_link(Diag *diag, const Command *c)
{
    LpcError error = {0};
    LpcLinkFigures figures;
    if (c->serve) {
        if (!lpc_link_serve(c->serve, c->once, &error)) return 0;
        return diag_error(diag, "%s", error.text);
    }
    if (lpc_link_measure(c->peer, &figures, &error)) return diag_error(diag, "%s", error.text);
    return put(diag, c, arena_printf(diag->arena, "{\"bandwidth\": %.4g, \"latency\": %.3g}\n",
                                     figures.bandwidth, figures.latency));
}

int command_calibrate(int argc, char **argv)
{
    Arena *arena = arena_new();
    Diag diag;
    Command *command = arena_alloc(arena, sizeof *command);
    diag_init(&diag, arena, NULL);
    int code = parse(command, argc, argv);
    if (!code && command->help)
        fputs(usage, stdout);
    else if (!code && (command->serve || command->peer))
        code = measure_link(&diag, command);
    else if (!code)
        code = calibrate(arena, &diag, command);
    diag_flush(&diag);
    arena_free(arena);
    return code;
}
