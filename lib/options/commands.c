/* The subcommands of lpc. */
#include "lib/options/options.h"

const lpc_command commands[COMMAND_COUNT] = {
    {"", "compile; without --targets for this machine", "MODEL.onnx [--targets T,...] -o OUT",
     "Compiles a model into the folder OUT, one stage for each target: its code, its weights, its "
     "C\n"
     "interface and, where the target's toolchain is here, its program. The folder appears whole "
     "or\n"
     "not at all; the same input gives the same bytes.",
     1},
    {"run", "run a package's stages here as a pipeline", "run OUT [--input NAME=FILE]...",
     "Starts the stages of OUT on this machine (through a target's emulator where needed) as a\n"
     "pipeline, feeds it, and tells how fast it is.",
     0},
    {"check", "compile, run, compare with expected outputs",
     "check MODEL.onnx DATA_DIR...\ncheck --each FOLDER...",
     "Compiles the model for the shapes of each data set (input_I.pb, output_I.pb), runs it and\n"
     "compares. Floats match within atol + rtol * |expected|, integers exactly, or within one "
     "step\n"
     "when the model quantises. Of values that depend on random numbers, which another generator\n"
     "drew, only type and shape are compared. With --each, the same for every FOLDER/model.onnx "
     "and\n"
     "FOLDER/test_data_set_*.",
     1},
    {"inspect", "what a model is made of and what it needs", "inspect MODEL.onnx",
     "Tells what a model is made of and what it needs. Of one that is not supported: every node "
     "that\n"
     "is not taken, what it would need, and whether a newer export would help.",
     1},
    {"targets", "the known targets with their figures", "targets [--json]",
     "Lists the kinds of devices that --targets accepts: this machine (host), lpc's own, and "
     "those\n"
     "of the JSON files in --target-dir. docs/targets.md says how to write one.",
     0},
    {"profile", "time per kernel against the machine's ceilings", "profile MODEL.onnx|OUT",
     "Times every kernel of the model on this machine, beside its floating point operations, its\n"
     "bytes and what the machine can do at most. OUT must have been compiled with --instrument.",
     1},
    {"plan", "which layers run where, and how good that is",
     "plan MODEL.onnx [--targets T,...]\n"
     "plan --profile LAYERS.json [--targets D,...] [--cluster FILE]",
     "Decides which layers run on which device, under each device's memory and speed, and says "
     "how\n"
     "good that is. docs/planning.md describes the model of cost and memory and the files.",
     1},
    {"simulate", "tokens per second of a plan", "simulate PLAN.json",
     "Sends frames through the stages of a plan (lpc plan --json), one event after the other.", 0},
    {"calibrate", "measure a device and write its target file",
     "calibrate [--target T] [-o FILE]     measures this machine\n"
     "calibrate --target T -o DIR          for another device: makes DIR/calibrate,\n"
     "                                     a program that measures it there\n"
     "calibrate --serve [HOST:PORT]        answers a peer that measures the link\n"
     "calibrate --peer HOST:PORT           measures the link to one that serves",
     "Writes a target file: that of T (host), with measured gflops, memory_bandwidth,\n"
     "call_overhead and cores. gflops is of f32 products and convolutions, the same work of each,\n"
     "on all cores.",
     0},
    {"deploy", "copy a package's stages to their devices and start them",
     "deploy OUT --hosts FILE\ndeploy OUT --write compose|kubernetes",
     "Copies each stage's program to its device, by ssh, and keeps it running there; what is "
     "there\n"
     "already is left alone. Done when a frame could pass. docs/guide/three-devices.md has an "
     "example.",
     0},
    {"status", "how deployed stages are", "status OUT --hosts FILE",
     "Tells of each stage whether it runs, where, since when and from this build, and whether a\n"
     "stream passes. The exit status is 0 only when all is well.",
     0},
    {"logs", "what deployed stages said last", "logs OUT --hosts FILE",
     "Prints the last lines of each stage's log, behind the stage's name.", 0},
    {"stop", "stop deployed stages", "stop OUT --hosts FILE",
     "Stops the stages. Their programs stay on the devices; lpc deploy starts them again.", 0},
    {"undeploy", "stop deployed stages and remove them", "undeploy OUT --hosts FILE",
     "Stops the stages and removes from the devices all that lpc deploy put there.", 0},
    {"serve", "let many clients use a pipeline at once",
     "serve OUT --connect HOST:PORT [--collect HOST:PORT] [--listen HOST:PORT] [--http HOST:PORT]\n"
     "serve OUT --hosts FILE [--listen HOST:PORT] [--http HOST:PORT]",
     "Holds both ends of a pipeline whose stages are up, and lets many clients use it: what lpc "
     "run\n"
     "--connect speaks at --listen, HTTP (KServe v2, /metrics, a status page) at --http. When the\n"
     "pipeline breaks it connects again and resends. SIGTERM ends it. docs/serving.md is the "
     "guide.",
     1},
    {"serve-packages", "let devices without ssh fetch their stages",
     "serve-packages OUT [--port N]",
     "Prints for each stage a line to paste on its device, which fetches the stage's program over\n"
     "HTTP, checks it, and keeps it running there. Each device hears here where the next one is.\n"
     "SIGTERM ends it. docs/guide/three-devices.md has an example.",
     1},
    {"keys", "make a key for links between machines", "keys [-o FILE] [--key NAME]",
     "Makes a key that stages, gateways and clients of one pipeline share: a line for the file "
     "that\n"
     "their --keys names. With -o the file is made, which only its owner may read; without it the\n"
     "line is printed, to be added to one. docs/security.md tells how keys are changed.",
     0},
    {"top", "the stages of a pipeline that runs, live",
     "top OUT --hosts FILE\ntop OUT --connect HOST:PORT,...",
     "Asks the stages for their figures every second and shows what each of them does: frames and "
     "bytes,\n"
     "how much of the time it computes (busy), waits for frames (input) or for who comes after it "
     "(room),\n"
     "its queues, streams, and the milliseconds of a frame beside those predicted; and who limits "
     "the\n"
     "pipeline. On a terminal until Ctrl-C, else one table. docs/guide/three-devices.md has an "
     "example.",
     1},
};

const int command_words[COMMAND_COUNT] = {1, 1, -1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1};
