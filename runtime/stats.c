/* Medians and peak memory of a stage, written without stdio's buffers. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stats.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void lpc_stats_init(LpcStats *stats)
{
    pthread_mutex_init(&stats->mutex, NULL);
}

void lpc_stats_add(LpcStats *stats, LpcPhase phase, uint64_t ns, uint64_t bytes)
{
    pthread_mutex_lock(&stats->mutex);
    uint64_t index = stats->count[phase]++;
    stats->bytes[phase] += bytes;
    stats->ms[phase][index % LPC_STATS_RING] = (float)((double)ns * 1e-6);
    pthread_mutex_unlock(&stats->mutex);
}

void lpc_stats_look(LpcStats *stats, LpcFigures *figures)
{
    pthread_mutex_lock(&stats->mutex);
    figures->frames_in = stats->count[LPC_PHASE_RECEIVE];
    figures->bytes_in = stats->bytes[LPC_PHASE_RECEIVE];
    figures->frames_out = stats->count[LPC_PHASE_SEND];
    figures->bytes_out = stats->bytes[LPC_PHASE_SEND];
    pthread_mutex_unlock(&stats->mutex);
}

static void sift_down(float *heap, size_t root, size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && heap[child] < heap[child + 1]) child++;
        if (heap[root] >= heap[child]) return;
        float swap = heap[root];
        heap[root] = heap[child];
        heap[child] = swap;
    }
}

float lpc_median(float *values, size_t count)
{
    if (!count) return 0;
    for (size_t i = count / 2; i-- > 0;) sift_down(values, i, count);
    for (size_t end = count - 1; end > 0; end--) {
        float swap = values[0];
        values[0] = values[end];
        values[end] = swap;
        sift_down(values, 0, end);
    }
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static float phase_median(LpcStats *stats, LpcPhase phase)
{
    uint64_t count = stats->count[phase];
    if (count > LPC_STATS_RING) return lpc_median(stats->ms[phase], LPC_STATS_RING);
    size_t skip = count > 3 * LPC_STATS_WARM_UP ? LPC_STATS_WARM_UP : 0;
    return lpc_median(stats->ms[phase] + skip, (size_t)count - skip);
}

/* The high-water mark of this program alone: getrusage also counts what stood here before exec. */
uint64_t lpc_peak_rss_bytes(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    if (fd >= 0) {
        ssize_t got = read(fd, text, sizeof text - 1);
        close(fd);
        text[got > 0 ? got : 0] = 0;
        const char *line = strstr(text, "VmHWM:");
        if (line) return strtoull(line + 6, NULL, 10) * 1024;
    }
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) ? 0 : (uint64_t)usage.ru_maxrss * 1024;
}

static double seconds(uint64_t ns)
{
    return (double)ns * 1e-9;
}

/* The text's length. */
static int print(LpcStats *stats, const LpcFigures *f, int status, char *text, size_t size)
{
    return snprintf(
        text, size,
        "{\"stage\":\"%.63s\",\"status\":%d,\"frames\":%" PRIu64 ",\"compute_ms_median\":%.6f,"
        "\"send_ms_median\":%.6f,\"receive_ms_median\":%.6f,\"wait_ms_median\":%.6f,"
        "\"peak_rss_bytes\":%" PRIu64 ",\"threads\":%" PRIu32 ",\"up_s\":%.6f,\"bytes_in\":%" PRIu64
        ",\"bytes_out\":%" PRIu64 ",\"compute_s\":%.6f,\"input_s\":%.6f,\"output_s\":%.6f,"
        "\"turn_s\":%.6f,\"streams\":%" PRIu64 ",\"broken\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n",
        f->name, status, stats->count[LPC_PHASE_COMPUTE],
        (double)phase_median(stats, LPC_PHASE_COMPUTE), (double)phase_median(stats, LPC_PHASE_SEND),
        (double)phase_median(stats, LPC_PHASE_RECEIVE), (double)phase_median(stats, LPC_PHASE_WAIT),
        lpc_peak_rss_bytes(), f->threads, seconds(f->up_ns), f->bytes_in, f->bytes_out,
        seconds(f->compute_ns), seconds(f->input_ns), seconds(f->output_ns), seconds(f->turn_ns),
        f->streams, f->broken, f->refused);
}

int lpc_stats_write(LpcStats *stats, const char *path, const LpcFigures *figures, int status)
{
    char text[2048];
    int length = print(stats, figures, status, text, sizeof text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return errno;
    ssize_t put = write(fd, text, (size_t)length);
    int failure = put == length ? 0 : put < 0 ? errno : EIO;
    if (close(fd) && !failure) failure = errno;
    return failure;
}
