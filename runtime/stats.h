/* What a stage measures: the last few thousand frames, in fixed memory. */
#ifndef LPC_RUNTIME_STATS_H
#define LPC_RUNTIME_STATS_H

#include "figures.h"

#include <pthread.h>

enum { LPC_STATS_RING = 4096, LPC_STATS_WARM_UP = 3 };

typedef enum LpcPhase {
    LPC_PHASE_COMPUTE, /* in the model's run */
    LPC_PHASE_SEND,    /* checksum, and until the transport has taken the frame */
    LPC_PHASE_RECEIVE, /* from the header's arrival to the checked payload */
    LPC_PHASE_WAIT,    /* the compute thread's, for an input or for a free place for its output */
    LPC_PHASE_COUNT
} LpcPhase;

typedef struct LpcStats {
    pthread_mutex_t mutex;
    uint64_t count[LPC_PHASE_COUNT], bytes[LPC_PHASE_COUNT]; /* bytes: payload */
    float ms[LPC_PHASE_COUNT][LPC_STATS_RING];
} LpcStats;

void lpc_stats_init(LpcStats *stats);
/* May be called by several threads. */
void lpc_stats_add(LpcStats *stats, LpcPhase phase, uint64_t ns, uint64_t bytes);
/* Fills in frames and bytes. */
void lpc_stats_look(LpcStats *stats, LpcFigures *figures);
/* Sorts values (in place, without memory of its own) and returns the median, 0 of none. */
float lpc_median(float *values, size_t count);
/* Writes the figures and the medians, without the first frames when there are enough others, as JSON. Sorts the
 * samples: nothing may be added after. Returns 0 or an errno. */
int lpc_stats_write(LpcStats *stats, const char *path, const LpcFigures *figures, int status);
uint64_t lpc_peak_rss_bytes(void);

#endif
