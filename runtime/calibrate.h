/* Measuring a device: what `lpc calibrate` and `lpc plan --measure` run on it. A program of theirs
 * is a generated `main` that calls one of the two functions below with models that lpc emitted.
 *
 * Unlike a stage program, these allocate: they measure, they do not serve. */
#ifndef LPC_RUNTIME_CALIBRATE_H
#define LPC_RUNTIME_CALIBRATE_H

#include "frame.h"
#include "lpc_model.h"

/* A small model, made for one kind of kernel. */
typedef struct lpc_calibrate_item {
    const char *kind, *type; /* "conv 3x3", "f32" */
    const lpc_model *model;
    double flops; /* of one run */
    int kernels;  /* in one run */
    int counts;   /* whether its speed enters the target's gflops */
} lpc_calibrate_item;

/* The target file that is printed: `head`, a description, `middle`, the figures, "}". */
typedef struct lpc_calibrate_target {
    const char *head, *description, *middle;
} lpc_calibrate_target;

/* Measures, and prints the target file on stdout and a table on stderr; see its --help. */
int lpc_calibrate_main(const lpc_calibrate_item *items, int count,
                       const lpc_calibrate_target *target, int argc, char **argv);

/* Times the kernels of a model that was compiled with --instrument: prints "kernel N NANOSECONDS" for
 * each and "run NANOSECONDS", medians. Options: --repeat N, --threads N. */
int lpc_measure_main(const lpc_model *model, int kernels, int argc, char **argv);

/* --- the link to a peer (calibrate_link.c) --- */

typedef struct LpcLinkFigures {
    double bandwidth; /* bytes per second */
    double latency;   /* seconds, one way */
} LpcLinkFigures;

/* Answers whoever measures, one at a time, until it fails; `once`: one of them. Prints "listening
 * on HOST:PORT" on stdout. 0 or an exit status. */
int lpc_link_serve(const char *address, int once, LpcError *error);
int lpc_link_measure(const char *address, LpcLinkFigures *figures, LpcError *error);

#endif
