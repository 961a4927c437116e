/* What the planner knows: layers, devices and links, without graphs.
 *
 * A profile is a chain of layers in the order in which they run. Between layer i - 1 and layer i lies
 * cut i; cut 0 is the model's input, cut `count` its output. What crosses a cut is every tensor that
 * was made before it and is needed after it, so that skip connections are exact. docs/planning.md
 * gives the cost and memory model; cost.c is the one place that computes it. */
#ifndef LPC_PARTITION_PROFILE_H
#define LPC_PARTITION_PROFILE_H

#include "ir/target.h"

/* One layer; sizes in bytes. */
typedef struct Layer {
    const char *name;    /* unique */
    int64_t weights;     /* used by this layer only; see SharedWeight */
    int64_t activations; /* what it needs while it runs */
    int64_t buffers;     /* scratch and packed copies */
    int64_t state;       /* caches that stay on the device */
    int64_t code;        /* emitted instructions */
    int64_t out_bytes;   /* what crosses the cut after it, when the profile lists no tensors */
    int64_t out_tensors; /* how many that are, for the report; 0: unknown */
    double flops;
    double bytes; /* moved through memory by one run; < 0: all of its size */
    int tensors;  /* weight tensors */
    bool whole;   /* no cut is allowed between the layer before and this one */
} Layer;

/* A weight that several layers use: it counts once in each stage that uses it. */
typedef struct SharedWeight {
    const char *name;
    int64_t bytes;
    int *layers; /* ascending, at least one */
    int layer_count;
} SharedWeight;

/* A tensor that lives across cuts: made by layer `from` (-1: an input), last needed by layer `to`
 * (count: an output). */
typedef struct LiveTensor {
    const char *name;
    int from, to;
    int64_t bytes;
} LiveTensor;

/* A buffer of the workspace in the whole model as it is lowered. Steps are the kernels' calls. A
 * stage that lacks one of the layers from..to receives or sends what lies in the buffer: then it is
 * part of the queues and not of that stage's workspace. */
typedef struct WorkBuffer {
    int64_t bytes;
    int first, last; /* steps that need it, clipped to the stage's */
    int from, to;    /* layers */
    int over; /* the earlier buffer in whose memory it is made, at that one's last step; -1 */
} WorkBuffer;

/* What the layers need as they are lowered for a kind of device, instead of their own weights,
 * activations, buffers, state and code. */
typedef struct Footprint {
    const char *target;              /* a device's target, or its name */
    bool compact;                    /* without weights that are transformed for speed */
    int64_t *weights, *state, *code; /* by layer; weights of several layers are in `shared` */
    int *steps;                      /* by layer */
    double *flops, *bytes;           /* by layer, of one run; NULL: the layers' own count */
    SharedWeight *shared;
    int shared_count;
    WorkBuffer *buffers; /* by ascending `to` */
    int buffer_count;
    int64_t slack; /* bytes that every stage keeps for holes in its workspace */
} Footprint;

/* What layers took on a kind of device, instead of what the model says. */
typedef struct LayerSeconds {
    const char *target; /* a device's target, or its name */
    bool emulated;      /* not on the device itself */
    double *seconds;    /* by layer; < 0: not measured */
} LayerSeconds;

typedef struct Profile {
    const char *name;
    Layer *layers;
    int count;
    SharedWeight *shared;
    int shared_count;
    LiveTensor *tensors; /* none: out_bytes says what crosses */
    int tensor_count;
    LayerSeconds *times;
    int time_count;
    Footprint *footprints;
    int footprint_count;
    bool planned; /* activations are bytes live while the layer runs: a stage needs their maximum */
} Profile;

/* The target is what is known of its kind: the planner looks at its name and its figures (memory,
 * gflops, memory_bandwidth, 0: not a limit, call_overhead of one layer). Of a device that only a
 * cluster file describes it has nothing else. */
typedef struct Device {
    const char *name; /* unique after cluster_expand */
    const Target *target;
    int64_t runtime; /* bytes of the runtime itself, in any stage */
    int count;       /* how many there are of it */
    int kind;        /* the description it was expanded from */
} Device;

typedef struct Link {
    int from, to;     /* devices' kinds */
    double bandwidth; /* bytes per second */
    double latency;   /* seconds */
} Link;

typedef struct Cluster {
    Device *devices;
    int count;
    Link *links; /* by kind; of several for one pair the last counts */
    int link_count;
    Link otherwise; /* pairs that no link names */
    Link client; /* to the first device and from the last one; bandwidth 0: no time goes into it */
} Cluster;

typedef enum Objective {
    PLAN_THROUGHPUT, /* least longest period */
    PLAN_LATENCY,    /* least sum */
    PLAN_MEMORY,     /* least largest used fraction of a budget */
    PLAN_PARTITIONS, /* fewest stages, then the least largest one */
    OBJECTIVE_COUNT
} Objective;

typedef struct PlanOptions {
    Objective objective;
    bool free_order;     /* choose the devices' order too */
    bool use_all;        /* leave no device out */
    bool no_overlap;     /* a stage's period is compute plus send, not the larger */
    double memory_limit; /* usable fraction of a device's memory, in (0, 1] */
    int64_t capacity;    /* when above 0: every device's memory */
    int queue;           /* depth of the send and the receive queue, in frames */
    int batch;           /* times the profile's own */
    bool compact;        /* count compact footprints: the least that the compiler can do with */
    Link client;         /* as a cluster's */
} PlanOptions;

/* What a stage needs, in bytes: the one definition of it, for planned and for lowered stages. */
typedef struct StageBytes {
    int64_t weights, activations, buffers, state;
    int64_t queues; /* depth x (what enters a frame + what leaves it) */
    int64_t code;   /* with the runtime */
} StageBytes;

static inline int64_t stage_bytes_sum(const StageBytes *b)
{
    return b->weights + b->activations + b->buffers + b->state + b->queues + b->code;
}

enum { PLAN_DEVICES = 64, PLAN_QUEUE = 2 };

PlanOptions plan_defaults(void);
/* Usable bytes of the device. */
int64_t plan_budget(const PlanOptions *options, const Device *device);
const char *objective_name(Objective objective);
/* -1 when there is none of that name. */
int objective_find(const char *name);

/* The most bytes of one thing in a profile. */
#define PROFILE_BYTES 0x1p50

/* --- profile.c, profile_check.c, shared.c --- */

/* Checks names, ranges and order; errors name the layer and the field. */
int profile_check(Diag *diag, const Profile *profile);
int shared_check(Diag *diag, const Profile *profile, const SharedWeight *shared, int count);
/* Saturates where profile_check will refuse it. */
int64_t bytes_times(int64_t bytes, int batch);
/* A copy whose work, activations, state and tensors are those of `batch` times the batch. */
Profile *profile_scale(Arena *arena, const Profile *profile, int batch);
int profile_find(const Profile *profile, const char *layer);
/* Bytes that cross cut `at`. */
int64_t profile_cut_bytes(const Profile *profile, int at);
/* Devices with count > 1 become that many: NAME, NAME-2, ... */
int cluster_expand(Diag *diag, Arena *arena, const Cluster *cluster, Cluster *expanded);
int cluster_find(const Cluster *cluster, const char *name);
/* The expanded cluster's devices in the order of names; a name may be a device's or a target's. */
int cluster_select(Diag *diag, Arena *arena, const Cluster *cluster, const char *const *names,
                   int count, Cluster *selected);
Link cluster_link(const Cluster *cluster, int from, int to);

/* --- measured.c --- */

/* Measured seconds of a layer on the device; < 0: there are none. */
double profile_measured(const Profile *profile, const Device *device, int layer);
/* Do the two devices take equally long by their measured times (both by none, or by the same)? */
bool profile_same_times(const Profile *profile, const Device *a, const Device *b);
void profile_scale_times(Arena *arena, Profile *profile, int batch);

/* --- footprint.c --- */

/* The device's footprint; of its target when there is none by its name. Not compact when there is
 * no compact one. NULL: the layers' own figures count. */
const Footprint *profile_footprint(const Profile *profile, const Device *device, bool compact);
bool footprint_equal(const Footprint *a, const Footprint *b, int layers);
/* What a layer does there in one run: of the device's footprint, not the compact one, else its own. Bytes < 0:
 * not known. */
void profile_work(const Profile *profile, const Device *device, int layer, double *flops,
                  double *bytes);
int footprint_check(Diag *diag, const Profile *profile, const Footprint *footprint);
double footprint_sum(const Footprint *footprint, int layers);
/* Fills at[layers + 1] with the first step of each layer. */
void footprint_steps(const Footprint *footprint, int layers, int *at);
void profile_scale_footprints(Arena *arena, Profile *profile, int batch);

/* --- profile_json.c: sizes as numbers or as "988MB" (10^6), "988MiB" (2^20) --- */

int profile_read(Diag *diag, Arena *arena, const char *path, Profile **profile);
int profile_write(Diag *diag, const char *path, const Profile *profile);
int cluster_read(Diag *diag, Arena *arena, const char *path, Cluster *cluster);

#endif
