/* The stage program around an emitted model: what a package's `main` calls.
 *
 *     int main(int argc, char **argv) { return lpc_stage_main(&lpc_model_pc, argc, argv); }
 *
 * Everything else under runtime/ is private to it and to `lpc run`. */
#ifndef LPC_RUNTIME_H
#define LPC_RUNTIME_H

#include "lpc_model.h"

/* Frames, handshakes and states are little-endian in memory as on the wire. The function alone needs
 * none of this: lpc --portable --weights c makes it for any machine. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "the stage program is for little-endian machines; the model's function alone is not"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Exit statuses of a stage, each with one line on stderr. X(enumerator, number, meaning) */
#define LPC_EXITS(X)                                                                               \
    X(LPC_EXIT_OK, 0, "the stream ended, or SIGTERM was obeyed")                                   \
    X(LPC_EXIT_USAGE, 2, "the command line is wrong")                                              \
    X(LPC_EXIT_MISSING, 10, "a neighbour is missing: nobody connects, or nobody listens")          \
    X(LPC_EXIT_LEFT, 11, "a neighbour left, failed or stalled in mid-stream")                      \
    X(LPC_EXIT_BUILD, 12, "a neighbour is of another build or protocol")                           \
    X(LPC_EXIT_CONTRACT, 13, "a neighbour stands at another cut or has another contract")          \
    X(LPC_EXIT_FRAME, 14, "a frame does not match the contract, or its checksum")                  \
    X(LPC_EXIT_RUN, 15, "the model's run returned an error")                                       \
    X(LPC_EXIT_SYSTEM, 16, "the operating system refused something")                               \
    X(LPC_EXIT_PROCESSOR, 17, "this processor lacks instructions that the stage's code uses")      \
    X(LPC_EXIT_BUSY, 18, "a neighbour serves other streams")                                       \
    X(LPC_EXIT_STALE, 19, "nobody waits for the results of the stream")                            \
    X(LPC_EXIT_KEY, 20, "a neighbour's key is unknown or wrong, or it has none")

enum {
#define X(id, number, meaning) id = number,
    LPC_EXITS(X)
#undef X
};

/* What an exit status means, in a few words; never NULL. */
const char *lpc_exit_meaning(int status);

/* Runs one stage: reads the command line (see --help), listens, forwards, until the stream ends.
 * Returns the exit status. Blocks SIGTERM and SIGINT, ignores SIGPIPE. After the start, when its
 * buffers and threads are made, it allocates nothing. */
int lpc_stage_main(const lpc_model *model, int argc, char **argv);
/* The same with so many threads unless the command line says otherwise. */
int lpc_stage_main_threads(const lpc_model *model, int threads, int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
