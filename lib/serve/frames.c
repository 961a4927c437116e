/* Frames and whose turn it is, failures, answers: what clients and streams share. See pool.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const double serve_bucket_s[SERVE_BUCKETS] = {0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                              0.05,    0.1,    0.25,  0.5,    1,     2.5,  10};

/* ---- Frames ---- */

ServeFrame *frame_new(const void *payload, size_t bytes)
{
    ServeFrame *frame = malloc(sizeof *frame + bytes);
    if (!frame) return NULL;
    memset(frame, 0, sizeof *frame);
    frame->bytes = bytes;
    if (bytes) memcpy(frame->input, payload, bytes);
    frame->came_ns = lpc_now_ns();
    return frame;
}

static void frame_free(ServeFrame *frame)
{
    free(frame->answer);
    free(frame);
}

/* A client has it until it has the answer, a stream while it may be fed again, a feeder while it sends it. */
static void free_unused(ServeFrame *frame)
{
    if (!frame->client && !frame->is_kept && !frame->is_fed) frame_free(frame);
}

void pool_count_bytes(ServePool *pool, ServeClient *client, size_t bytes)
{
    pool->bytes += bytes;
    client->bytes += bytes;
    client->count++;
}

static void uncount_bytes(ServePool *pool, ServeClient *client, const ServeFrame *frame)
{
    size_t bytes = frame->bytes + frame->answer_bytes;
    pool->bytes -= bytes;
    client->bytes -= bytes;
    client->count--;
    pthread_cond_broadcast(&pool->changed); /* there is room */
}

void pool_release(ServePool *pool, ServeFrame *frame)
{
    (void)pool;
    frame->is_kept = 0;
    free_unused(frame);
}

void pool_was_fed(ServeFrame *frame)
{
    frame->is_fed = 0;
    free_unused(frame);
}

/* The client has nothing to do with it any more. */
void pool_let_go(ServePool *pool, ServeClient *client, ServeFrame *frame)
{
    uncount_bytes(pool, client, frame);
    frame->client = NULL;
    free(frame->answer);
    frame->answer = NULL;
    free_unused(frame);
}

/* ---- Turns ---- */

void pool_join_ring(ServePool *pool, ServeClient *client)
{
    if (client->in_turn || client->stream) return;
    client->in_turn = 1;
    client->next_turn = NULL;
    if (pool->turn_last)
        pool->turn_last->next_turn = client;
    else
        pool->turn_first = client;
    pool->turn_last = client;
}

static void leave_ring(ServePool *pool, ServeClient *client)
{
    ServeClient **at = &pool->turn_first, *before = NULL;
    if (!client->in_turn) return;
    for (; *at != client; at = &(*at)->next_turn) before = *at;
    *at = client->next_turn;
    if (pool->turn_last == client) pool->turn_last = before;
    client->in_turn = 0;
}

ServeFrame *pool_next(ServePool *pool)
{
    ServeClient *client = pool->turn_first;
    if (!client) return NULL;
    ServeFrame *frame = client->waiting;
    client->waiting = frame->next;
    pool->waiting--;
    leave_ring(pool, client);
    if (client->waiting) pool_join_ring(pool, client);
    return frame;
}

/* ---- Failures ---- */

void pool_forget_waiting(ServePool *pool, ServeClient *client)
{
    leave_ring(pool, client);
    for (const ServeFrame *f = client->waiting; f && !client->stream; f = f->next) pool->waiting--;
    client->waiting = NULL;
}

void pool_fail_client(ServePool *pool, ServeClient *client, const LpcError *error)
{
    if (!client->error.code) {
        client->error = *error;
        pool->counts.errors++;
    }
    pool_forget_waiting(pool, client);
    pthread_cond_broadcast(&client->changed);
    pthread_cond_broadcast(&pool->changed);
}

int pool_has_given_up(const ServePool *pool)
{
    return !pool->up && lpc_now_ns() >= pool->down_ns + (uint64_t)(pool->retry * 1e9);
}

void pool_give_up(ServePool *pool, const LpcError *error)
{
    for (ServeClient *c = pool->clients; c; c = c->after)
        if (c->first && !c->error.code) pool_fail_client(pool, c, error);
}

void pool_log(ServePool *pool, LpcLevel level, LpcEvent event, const char *format, ...)
{
    ServeTold told;
    struct timespec now;
    char line[LPC_LOG_LINE];
    va_list args;
    clock_gettime(CLOCK_REALTIME, &now);
    told.when = (int64_t)now.tv_sec;
    va_start(args, format);
    vsnprintf(told.text, sizeof told.text, format, args);
    va_end(args);
    pthread_mutex_lock(&pool->mutex);
    pool->told[pool->told_count++ % SERVE_ERRORS] = told;
    pthread_mutex_unlock(&pool->mutex);
    size_t length = lpc_log_line(&pool->log_form, &now, level, event, told.text, line, sizeof line);
    line[length - 1] = 0; /* its end */
    pool->log(pool->self, line);
}

/* ---- Answers ---- */

static void count_latency(ServeCounts *counts, uint64_t came_ns)
{
    double s = (double)(lpc_now_ns() - came_ns) / 1e9;
    int bucket = 0;
    while (bucket < SERVE_BUCKETS && s > serve_bucket_s[bucket]) bucket++;
    counts->buckets[bucket]++;
    counts->latency_sum += s;
    counts->answers++;
}

void pool_answer(ServePool *pool, ServeFrame *frame, uint8_t *answer, size_t bytes)
{
    static const LpcError no_memory = {LPC_EXIT_SYSTEM, "the gateway is out of memory"};
    ServeClient *client = frame->client;
    if (!client || !answer) {
        free(answer);
        if (client) pool_fail_client(pool, client, &no_memory);
        return;
    }
    frame->answer = answer;
    frame->answer_bytes = bytes;
    pool->bytes += bytes;
    client->bytes += bytes;
    client->answered++;
    pool->counts.bytes_out += bytes;
    count_latency(&pool->counts, frame->came_ns);
    pthread_cond_broadcast(&client->changed);
}

struct timespec pool_until(int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return until;
}
