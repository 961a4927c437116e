/* What the planner's model says of a cut that is there: times of its stages, layers and links. Kept
 * in the manifests, to stand beside what is measured, and shown in OUT/report.html. */
#ifndef LPC_PASSES_STAGE_FIGURES_H
#define LPC_PASSES_STAGE_FIGURES_H

#include "passes/partition/planner.h"
#include "passes/stage/stage.h"

typedef struct CutFigures {
    const Profile *profile; /* a layer for each of the stages' nodes, in their order */
    Cluster cluster;        /* device i runs stage i */
    Plan plan;              /* its memory is the lowered stages' */
    double *layer_s;        /* [profile->count] on the stage's device */
    bool known;             /* false: a stage has no layers; there are no plan and times then */
} CutFigures;

/* cluster: expanded, with a device called as each stage; NULL: the stages' targets, with the links
 * that cut_devices takes. options: those of the model of costs count (overlap, queue); NULL: the
 * defaults. The stages are lowered. */
int cut_figures(Graph *graph, const Cut *cut, const Cluster *cluster, const PlanOptions *options,
                CutFigures *figures);

#endif
