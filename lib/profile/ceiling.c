/* What this machine does at most, measured by the loops of runtime/profile.c as compiled for the
 * target: multiply-adds in registers, and reading of memory at each level. The best of many short
 * rounds counts: a ceiling, not an average. */
#include "lib/profile/profile.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 25, FMA_ROUNDS = 5000 };
enum { LEAST_NS = 100000000 }; /* of all rounds: until the system gives each thread a processor */

typedef struct Job {
    const ProfileModule *module;
    const uint8_t *memory;
    size_t bytes; /* per thread */
    int64_t repeat;
    double result;
} Job;

static void multiply(void *arg, int64_t begin, int64_t end)
{
    Job *job = arg;
    for (int64_t i = begin; i < end; i++) job->module->fma(FMA_ROUNDS);
}

static void read_part(void *arg, int64_t begin, int64_t end)
{
    Job *job = arg;
    for (int64_t i = begin; i < end; i++)
        for (int64_t k = 0; k < job->repeat; k++)
            job->module->read(job->memory + (size_t)i * job->bytes, job->bytes);
}

/* Seconds that `fn` takes on all threads, the least of the rounds. */
static double best_time(void (*fn)(void *, int64_t, int64_t), Job *job, const lpc_threads *threads,
                        int count)
{
    double best = 0;
    uint64_t first = lpc_now_ns();
    for (int i = 0; i < ROUNDS || lpc_now_ns() - first < LEAST_NS; i++) {
        uint64_t begin = lpc_now_ns();
        if (threads)
            threads->parallel_for(threads->pool, fn, job, count);
        else
            fn(job, 0, 1);
        double time = (double)(lpc_now_ns() - begin) * 1e-9;
        if (!i || time < best) best = time;
    }
    return best;
}

/* Bytes per second of reading `bytes` in all again and again. */
static double bandwidth(Job *job, double bytes, const lpc_threads *threads, int count)
{
    double enough = 64e6; /* bytes to read per round */
    job->bytes = (size_t)(bytes / count) / 1024 * 1024;
    if (!job->bytes) return 0;
    job->repeat = (int64_t)(enough / (double)(job->bytes * (size_t)count)) + 1;
    double time = best_time(read_part, job, threads, count);
    return (double)job->bytes * count * (double)job->repeat / time;
}

static double footprint(const ProfileModule *modules, int count)
{
    double bytes = 0;
    for (int i = 0; i < count; i++) {
        const lpc_model *m = modules[i].model;
        bytes += (double)(m->weights_bytes + m->workspace_bytes + m->state_bytes);
        bytes += (double)(m->in.max_payload + m->out.max_payload);
    }
    return bytes;
}

int profile_measure(ProfileCeiling *ceiling, Diag *diag, const ProfileModule *modules, int count,
                    const lpc_threads *threads, int thread_count)
{
    const Target *target = modules[0].target;
    double l2 = (double)target->l2 * thread_count, l3 = (double)target->l3;
    size_t most = (size_t)(l3 > 64e6 ? 4 * l3 : 256e6);
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, most)) return diag_error(diag, "out of memory");
    memset(memory, 1, most);
    Job job = {.module = &modules[0], .memory = memory};
    double flops = job.module->fma(1) * (double)FMA_ROUNDS * thread_count;
    *ceiling = (ProfileCeiling){.flops = flops / best_time(multiply, &job, threads, thread_count)};
    ceiling->l2 = bandwidth(&job, l2 / 2, threads, thread_count);
    ceiling->l3 = l3 > 0 ? bandwidth(&job, l3 / 4, threads, thread_count) : 0;
    ceiling->memory = bandwidth(&job, (double)most, threads, thread_count);
    free(memory);
    ceiling->footprint = footprint(modules, count);
    ceiling->level = ceiling->footprint <= l2 ? "L2" : ceiling->footprint <= l3 ? "L3" : "memory";
    ceiling->bandwidth = ceiling->footprint <= l2   ? ceiling->l2
                         : ceiling->footprint <= l3 ? ceiling->l3
                                                    : ceiling->memory;
    return LPC_OK;
}
