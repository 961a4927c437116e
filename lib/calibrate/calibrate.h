/* A target file from measurements.
 *
 *   calibrate.c  the program that measures, made and run here, or made for there
 *   models.c     small models, one for each kind of kernel, as graphs
 *   target.c     the target file, but for the figures */
#ifndef LPC_LIB_CALIBRATE_H
#define LPC_LIB_CALIBRATE_H

#include "lib/compile/compile.h"

typedef struct Calibration {
    CompileOptions compile; /* its target_dirs, threads and emulate */
    const char *target;     /* NULL: host */
    const char *out;        /* the folder to make for another device */
    bool quick, json;
} Calibration;

/* Measures the target here (text: its file, or with json the figures), or, where it is not this
 * machine and no emulator is to be used, makes out/calibrate, a program that does so there (*text is
 * NULL then). */
int calibrate(Arena *arena, Diag *diag, Calibration *calibration, const char **text);

/* --- models.c --- */

typedef struct CalibrateModel {
    const char *name; /* a C identifier, the graph's name */
    const char *kind, *type;
    double flops; /* of one run */
    int kernels;
    bool counts; /* for the target's gflops */
    Graph *graph;
} CalibrateModel;

enum { CALIBRATE_MODELS = 7 };

/* All of them, graph passes run. */
int calibrate_models(Arena *arena, Diag *diag, CalibrateModel models[CALIBRATE_MODELS]);

/* --- target.c --- */

/* The target's file in the three parts of lpc_calibrate_target, as text. */
int target_parts(Arena *arena, Diag *diag, const Target *target, const char **head,
                 const char **middle);
/* Text as a C string literal. */
const char *c_literal(Arena *arena, const char *text);

#endif
