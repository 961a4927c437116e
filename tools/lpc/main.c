/* lpc: the command and its subcommands. */
#include "ir/version.h"
#include "tools/lpc/command.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "lpc compiles one neural network (ONNX) into one small program per device.\n"
    "\n"
    "  lpc MODEL.onnx [--targets T,...] -o OUT   compile; without --targets for this machine\n"
    "  lpc run OUT [--input NAME=FILE]...        run a package's stages here as a pipeline\n"
    "  lpc check MODEL.onnx DATA_DIR...          compile, run, compare with expected outputs\n"
    "  lpc check --each FOLDER...                the same for FOLDER/model.onnx, test_data_set_*\n"
    "  lpc inspect MODEL.onnx                    what a model is made of and what it needs\n"
    "  lpc targets                               the known targets with their figures\n"
    "  lpc profile MODEL|OUT                     time per kernel against the machine's ceilings\n"
    "  lpc plan MODEL|--profile FILE             which layers run where, and how good that is\n"
    "  lpc simulate PLAN                         tokens per second of a plan\n"
    "  lpc calibrate                             measure a device and write its target file\n"
    "\n"
    "Compiling (also for check and inspect):\n"
    "  --targets T,...          one stage for each target, in this order (see `lpc targets`)\n"
    "  --target-dir DIR         look for target files there first; can be repeated\n"
    "  --cut-after NODE,...     cut by hand after these nodes, one fewer than targets\n"
    "  --plan FILE              obey this plan (lpc plan --json, maybe edited), checked\n"
    "  --objective WHAT, --order fixed|free, --memory-limit F   as for lpc plan\n"
    "  --name NAME              of the function, its macros and header; the file's name if not given\n"
    "  --emit obj|c             LLVM objects (default) or C\n"
    "  --portable               plain ISO C11, no vector extensions (implies --emit c)\n"
    "  --no-plan                plain loops, every buffer apart: what the rest is compared with\n"
    "  --tune FILE              measure tilings that FILE lacks, keep the best there, use them\n"
    "  --tuned FILE             use FILE's tilings, measure nothing\n"
    "  --runner CMD             runs a program of --tune on the device: CMD PROGRAM OPTION...\n"
    "  --emulate                --tune may run another device's programs through its emulator\n"
    "  --bind NAME=N            the size NAME is N\n"
    "  --max NAME=N             the size NAME is at most N\n"
    "  --bind-input NAME=FILE   the input's contents are fixed (.npy or .pb)\n"
    "  --state IN=OUT           output OUT feeds back into input IN and stays on its device\n"
    "  --threads N              threads of a stage program\n"
    "  --no-link                do not link stage programs\n"
    "  --time-passes            show where the time goes\n"
    "  --quiet                  do not print the plan\n"
    "  --verbose                show progress (a terminal sees it anyway)\n"
    "  -o OUT                   the folder to make; it must not exist\n"
    "\n"
    "Running:\n"
    "  --input NAME=FILE        .npy or .pb; repeated for one NAME: successive frames\n"
    "  --output DIR             write the outputs there as .npy\n"
    "  --repeat N, --json, --threads N, --seed N, --timeout S\n"
    "  --feedback IN=argmax(OUT)  feed the last position's argmax of OUT back into IN\n"
    "  --connect HOST:PORT --collect HOST:PORT   stages that were started by hand\n"
    "\n"
    "Checking:\n"
    "  --stages N               cut into N stages on the target\n"
    "  --rtol R, --atol A       tolerance of floats (1e-3, 1e-4)\n"
    "  --keep                   keep the package\n"
    "  --emit eval              run the lowered model in the evaluator: no program is made\n"
    "\n"
    "Exit status: 0 done (check: match), 1 error, 2 usage, 3 mismatch.\n"
    "Documents: docs/ in the source, or share/doc/lpc.\n";

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"run", command_run},         {"check", command_check}, {"inspect", command_inspect},
        {"targets", command_targets}, {"plan", command_plan},   {"simulate", command_simulate},
        {"profile", command_profile}, {"calibrate", command_calibrate},
    };
    if (argc < 2) {
        fputs(help, stderr);
        return LPC_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        fputs(help, stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("lpc %s (sources %.16s)\n", LPC_VERSION, source_hash);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    }
    return command_compile(argc - 1, argv + 1);
}
