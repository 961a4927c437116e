/* Frames through the stages of a plan, one event after the other. */
#ifndef LPC_LIB_PLAN_SIMULATE_H
#define LPC_LIB_PLAN_SIMULATE_H

#include "ir/diag.h"

#include <stdbool.h>

typedef struct SimStage {
    const char *device;
    double compute, send;
    double *done, *sent; /* by frame */
} SimStage;

/* Each layer split over `tensor` devices, `pipeline` such groups as stages. */
typedef struct SimAlternative {
    double period, latency, memory;
} SimAlternative;

typedef struct Simulation {
    Arena *arena;
    Diag *diag;
    const char *plan_file, *profile_file, *cluster_file;
    int frames, tensor, pipeline, queue;
    bool overlap;
    SimStage *stages;
    int count;
    double client_in, client_out; /* seconds on the client's link, of a frame and its results */
    double period, latency;       /* the result */
    SimAlternative alternative;
} Simulation;

/* From plan_file; with `tensor` above 0 also the alternative, from profile_file and cluster_file. */
int simulate(Simulation *simulation);

#endif
