/* How fast an emitted function reads its weights, beside a plain loop that reads the same bytes.
 *
 *     cc -O3 -march=native -DLPC_MODEL=NAME_model -DLPC_WEIGHTS=NAME_weights -IOUT/host \
 *         -Iruntime tools/bench/stream.c OUT/host/stage.c OUT/host/model.o OUT/host/weights.o -lm
 *     ./a.out RUNS
 *
 * One decoding step and one pass of the loop (vectors of 64 bytes, eight sums) take turns on one core,
 * so that a machine that slows down slows both. The step counts as reading all weights once: the
 * model must be one that does (an embedding that is the output projection too). Prints the medians,
 * and the median of the turns' ratios. Inputs are zero, symbols kept by state at 0. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "model.h"
#include "lpc_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TENSORS_MAX = 256, RUNS_MAX = 1000 };

typedef int64_t Vector __attribute__((vector_size(64)));

extern const lpc_model LPC_MODEL;
extern const unsigned char LPC_WEIGHTS[];

static void *allocate(uint64_t bytes)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, (size_t)bytes + 64)) exit(1);
    return memset(memory, 0, (size_t)bytes + 64);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int64_t read_plainly(const unsigned char *from, size_t bytes)
{
    Vector sum[8] = {0}, all = {0};
    for (size_t at = 0; at + sizeof sum <= bytes; at += sizeof sum) {
        const Vector *v = (const Vector *)(from + at);
        for (int k = 0; k < 8; k++) sum[k] += v[k];
    }
    for (int k = 0; k < 8; k++) all += sum[k];
    return all[0] + all[7];
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *list, int count)
{
    qsort(list, (size_t)count, sizeof *list, compare);
    return list[count / 2];
}

int main(int argc, char **argv)
{
    static const void *in[TENSORS_MAX];
    static void *out[TENSORS_MAX];
    static double step[RUNS_MAX], plain[RUNS_MAX], ratio[RUNS_MAX];
    const lpc_model *model = &LPC_MODEL;
    int64_t sizes[64] = {0}, sum = 0;
    int runs = argc > 1 ? atoi(argv[1]) : 15;
    if (runs < 1 || runs > RUNS_MAX || model->symbol_count > 64) return 1;
    for (uint32_t k = 0; k < model->in.tensor_count; k++)
        in[k] = allocate(model->in.tensors[k].max_bytes);
    for (uint32_t k = 0; k < model->out.tensor_count; k++)
        out[k] = allocate(model->out.tensors[k].max_bytes);
    void *workspace = allocate(model->workspace_bytes), *state = allocate(model->state_bytes);
    double bytes = (double)model->weights_bytes;
    for (int i = -1; i < runs; i++) {
        double begin = seconds();
        sum += read_plainly(LPC_WEIGHTS, (size_t)model->weights_bytes);
        double middle = seconds();
        if (model->run(in, out, sizes, workspace, state, NULL)) return 1;
        double end = seconds();
        if (i < 0) continue;
        plain[i] = bytes / (middle - begin);
        step[i] = bytes / (end - middle);
        ratio[i] = step[i] / plain[i];
    }
    printf(
        "weights %.0f MB; GB/s, one core: plain loop %.1f, decoding step %.1f, ratio %.2f (%d)\n",
        bytes / 1e6, median(plain, runs) / 1e9, median(step, runs) / 1e9, median(ratio, runs),
        (int)(sum & 1));
    return 0;
}
