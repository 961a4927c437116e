/* Partitions that the command line gives: numbers of layers, or nodes to cut after. */
#include "lib/plan/plan.h"

#include <stdlib.h>

static int read_split(Diag *diag, const PlanRequest *c, const Profile *profile,
                      const Cluster *cluster, Partition *partition)
{
    const char *at = c->split;
    int end = 0, device = 0;
    partition->count = 0;
    for (; *at; device++) {
        char *after;
        long layers = strtol(at, &after, 10);
        if (after == at || (*after && *after != ',') || layers < 0)
            return diag_error(diag, "--split '%s': expected numbers of layers", c->split);
        at = *after ? after + 1 : after;
        if (device >= cluster->count)
            return diag_error(diag, "--split '%s': there are %d devices", c->split, cluster->count);
        if (layers > profile->count - end)
            return diag_error(diag, "--split '%s': there are %d layers", c->split, profile->count);
        end += (int)layers;
        if (!layers) continue;
        partition->device[partition->count] = device;
        partition->end[partition->count++] = end;
    }
    if (end < profile->count)
        return diag_error(diag, "--split '%s': layer '%s' and those after it are left out",
                          c->split, profile->layers[end].name);
    return 0;
}

/* The nodes of a model go by all names that compiling knows them by; a profile has layers only. */
static int find_ends(Diag *diag, const PlanRequest *c, const Work *work, const Profile *profile,
                     int *ends)
{
    const CompileOptions *o = &c->compile;
    if (work) return work_cut_after(work, o->cut_after, o->cut_count, ends);
    for (int i = 0; i < o->cut_count; i++) {
        int layer = profile_find(profile, o->cut_after[i]);
        if (layer < 0) return diag_error(diag, "--cut-after: no layer '%s'", o->cut_after[i]);
        if (layer + 1 == profile->count)
            return diag_error(diag, "--cut-after: nothing is left after layer '%s'",
                              o->cut_after[i]);
        ends[i] = layer + 1;
        if (i && ends[i] <= ends[i - 1])
            return diag_error(diag, "--cut-after: layer '%s' does not come after layer '%s'",
                              o->cut_after[i], o->cut_after[i - 1]);
    }
    ends[o->cut_count] = profile->count;
    return 0;
}

static int read_cuts(Diag *diag, const PlanRequest *c, const Work *work, const Profile *profile,
                     const Cluster *cluster, Partition *partition)
{
    int stages = c->compile.cut_count + 1;
    if (stages > cluster->count)
        return diag_error(diag,
                          "--cut-after names %d nodes, which makes %d stages: there are %d devices",
                          stages - 1, stages, cluster->count);
    TRY(find_ends(diag, c, work, profile, partition->end));
    partition->count = stages;
    for (int i = 0; i < stages; i++) partition->device[i] = i;
    return 0;
}

int plan_by_hand(Diag *diag, const PlanRequest *c, const Work *work, const Profile *profile,
                 const Cluster *cluster, Partition *partition)
{
    return c->split ? read_split(diag, c, profile, cluster, partition)
                    : read_cuts(diag, c, work, profile, cluster, partition);
}
