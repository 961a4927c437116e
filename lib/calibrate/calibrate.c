/* The program that measures a device: made and run here, or made for there. */
#include "lib/calibrate/calibrate.h"

#include "backend/host/output.h"
#include "lib/files/folder.h"
#include "lib/measure/measure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

static int build(Arena *arena, Diag *diag, const Calibration *c, const Target *target,
                 const char *work, const char *program)
{
    CalibrateModel models[CALIBRATE_MODELS];
    const char *stages[CALIBRATE_MODELS], *head, *middle;
    CompileOptions *options = arena_alloc(arena, sizeof *options);
    *options = c->compile;
    const char *targets[] = {c->target};
    options->targets = targets;
    options->target_count = 1;
    options->no_link = true;
    options->threads = 0;
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

static int here(Arena *arena, Diag *diag, const Calibration *c, const Target *target,
                const char *program, const char **text)
{
    const char *options[8];
    char *output;
    int count = 0;
    if (c->quick) options[count++] = "--quick";
    if (c->json) options[count++] = "--json";
    if (c->compile.threads)
        options[count++] = "--threads",
        options[count++] = arena_printf(arena, "%d", c->compile.threads);
    if (!target->native) options[count++] = "--note", options[count++] = "through an emulator";
    options[count] = NULL;
    TRY(program_run(arena, diag, target, NULL, program, options, &output));
    *text = output;
    return 0;
}

static int there(Arena *arena, Diag *diag, const Calibration *c, const Target *target,
                 const char *work, const char *program)
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
    int code = output_write(diag, readme, text, strlen(text));
    if (!code) code = build(arena, diag, c, target, work, program);
    if (!code && rename(program, name)) {
        Text copy; /* another file system */
        text_init(&copy, arena);
        char part[16384];
        FILE *from = fopen(program, "rb");
        for (size_t n; from && (n = fread(part, 1, sizeof part, from)) > 0;)
            text_addn(&copy, part, n);
        if (from) fclose(from);
        code = output_write(diag, name, copy.data, copy.length);
        if (!code && chmod(name, 0755)) code = diag_error(diag, "cannot make '%s' a program", name);
    }
    if (code) remove_tree(c->out);
    return code;
}

int calibrate(Arena *arena, Diag *diag, Calibration *c, const char **text)
{
    Target *target;
    *text = NULL;
    if (!c->target) c->target = "host";
    TRY(target_load(diag, arena, c->target, c->compile.target_dirs, c->compile.target_dir_count,
                    &target));
    bool local = target->native || c->compile.emulate;
    if (!local && !c->out)
        return diag_error(diag,
                          "target '%s' is not this machine: give -o DIR for a program that "
                          "measures it there, or --emulate",
                          c->target);
    char *work = work_folder(arena, diag, "calibrate");
    if (!work) return LPC_ERROR;
    const char *program = arena_printf(arena, "%s/calibrate", work);
    int code = 0;
    if (local) {
        code = build(arena, diag, c, target, work, program);
        if (!code) code = here(arena, diag, c, target, program, text);
    } else {
        code = there(arena, diag, c, target, work, program);
        if (!code)
            diag_note(diag, "made %s/calibrate; %s/README.txt says how to run it", c->out, c->out);
    }
    remove_tree(work);
    return code;
}
