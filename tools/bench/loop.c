/* Calls an emitted function in a loop, without transport: the other side of tools/bench/compare.
 * Also an example of using the C interface through the descriptor. One program per model:
 *
 *     cc -O2 -DLPC_MODEL=NAME_model -IOUT/host -Iruntime tools/bench/loop.c OUT/host/stage.c \
 *         OUT/host/model.o OUT/host/weights.o LIBLPCRT.a -pthread -lm -o loop
 *     ./loop RUNS THREADS OUTPUTS INPUT...
 *
 * INPUT: the inputs' raw bytes, a file for each, in the order of the in contract; the symbols that
 * the model may have are at their bounds. OUTPUTS: a folder that gets out_K.raw, or "-". Prints the
 * median and the least milliseconds of RUNS runs, after some to warm up, as JSON. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "model.h"
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TENSORS_MAX = 256, WARM_UP = 3 };

static const lpc_model *const model = &LPC_MODEL;

static void die(const char *what)
{
    fprintf(stderr, "loop: %s\n", what);
    exit(1);
}

static void *allocate(uint64_t bytes)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, (size_t)bytes + 64)) die("out of memory");
    memset(memory, 0, (size_t)bytes + 64);
    return memory;
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static const void *read_input(const char *path, uint64_t most)
{
    FILE *file = fopen(path, "rb");
    void *memory = allocate(most);
    if (!file) die(path);
    size_t got = fread(memory, 1, (size_t)most, file);
    if (got < most && ferror(file)) die(path);
    fclose(file);
    return memory;
}

static void write_output(const char *folder, uint32_t k, const void *data, size_t bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/out_%u.raw", folder, (unsigned)k);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file)) die(path);
}

static lpc_threads start_pool(int threads)
{
    LpcPool *pool = allocate(lpc_pool_bytes(threads));
    if (lpc_pool_start(pool, threads)) die("cannot start the threads");
    return lpc_pool_threads(pool);
}

int main(int argc, char **argv)
{
    static const void *in[TENSORS_MAX];
    static void *out[TENSORS_MAX];
    static int64_t sizes[TENSORS_MAX], bounds[TENSORS_MAX];
    uint32_t inputs = model->in.tensor_count, outputs = model->out.tensor_count;
    if (argc < 4 || (uint32_t)argc - 4 != inputs) die("RUNS THREADS OUTPUTS INPUT...");
    if (inputs > TENSORS_MAX || outputs > TENSORS_MAX || model->symbol_count > TENSORS_MAX)
        die("too many tensors");
    int runs = atoi(argv[1]), threads = atoi(argv[2]);
    if (runs < 1 || threads < 1 || threads > LPC_POOL_MAX) die("RUNS and THREADS are counts");
    for (uint32_t k = 0; k < inputs; k++)
        in[k] = read_input(argv[4 + k], model->in.tensors[k].max_bytes);
    for (uint32_t k = 0; k < outputs; k++) out[k] = allocate(model->out.tensors[k].max_bytes);
    for (uint32_t s = 0; s < model->symbol_count; s++)
        bounds[s] = model->symbol_is_state[s] ? 0 : model->symbol_max[s];
    void *workspace = allocate(model->workspace_bytes), *state = allocate(model->state_bytes);
    double *times = allocate((uint64_t)runs * sizeof *times);
    lpc_threads pool = {0};
    if (threads > 1) pool = start_pool(threads);
    for (int i = -WARM_UP; i < runs; i++) {
        memcpy(sizes, bounds, sizeof sizes);
        double begin = milliseconds();
        int code = model->run(in, out, sizes, workspace, state, threads > 1 ? &pool : NULL);
        if (i >= 0) times[i] = milliseconds() - begin;
        if (code != LPC_RUN_OK) die("the run failed");
    }
    for (uint32_t k = 0; k < outputs && strcmp(argv[3], "-") != 0; k++)
        write_output(argv[3], k, out[k], (size_t)model->tensor_bytes(1, k, sizes));
    qsort(times, (size_t)runs, sizeof *times, compare);
    printf("{\"ms_median\":%.6f,\"ms_min\":%.6f,\"runs\":%d}\n", times[runs / 2], times[0], runs);
    fflush(stdout);
    _Exit(0); /* the pool's threads wait for work */
}
