/* `lpc calibrate`: a target file from measurements. */
#include "backend/output.h"
#include "lib/calibrate/calibrate.h"
#include "runtime/calibrate.h"
#include "tools/lpc/command.h"

#include <stdio.h>
#include <string.h>

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
    Calibration calibration;
    const char *serve, *peer;
    bool once, help;
} Command;

/* ---- The command line ---- */

static int parse(Command *c, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **text;
        bool *flag;
    } options[] = {{"--target", &c->calibration.target, NULL},   {"-o", &c->calibration.out, NULL},
                   {"--threads", &c->calibration.threads, NULL}, {"--peer", &c->peer, NULL},
                   {"--quick", NULL, &c->calibration.quick},     {"--json", NULL, &c->calibration.json},
                   {"--emulate", NULL, &c->calibration.emulate}, {"--once", NULL, &c->once},
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
                 c->calibration.compile.target_dir_count < MAX_OPTIONS)
            c->calibration.compile.target_dirs[c->calibration.compile.target_dir_count++] = argv[++i];
        else {
            fprintf(stderr, "lpc calibrate: unexpected '%s' (see lpc calibrate --help)\n", argv[i]);
            return LPC_USAGE;
        }
    }
    return 0;
}

/* To -o's file, or to standard output. */
static int put(Diag *diag, const Command *c, const char *text)
{
    if (c->calibration.out) return output_write(diag, c->calibration.out, text, strlen(text));
    fputs(text, stdout);
    return fflush(stdout) ? diag_error(diag, "cannot write to standard output") : 0;
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

static int measure_device(Arena *arena, Diag *diag, Command *c)
{
    const char *text;
    TRY(calibrate(arena, diag, &c->calibration, &text));
    return text ? put(diag, c, text) : 0;
}

int command_calibrate(int argc, char **argv)
{
    Arena *arena = arena_new();
    Diag diag;
    ProgressLine progress;
    Command *command = arena_alloc(arena, sizeof *command);
    command_diag(&diag, arena, NULL, &progress, false);
    int code = parse(command, argc, argv);
    if (!code && command->help)
        fputs(usage, stdout);
    else if (!code && (command->serve || command->peer))
        code = measure_link(&diag, command);
    else if (!code)
        code = measure_device(arena, &diag, command);
    diag_flush(&diag);
    arena_free(arena);
    return code;
}
