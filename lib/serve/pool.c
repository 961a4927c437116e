/* Clients, and the pool as a whole: see pool.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/pool.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PAUSE_MS = 10 };

static const size_t total_most = (size_t)1
                                 << 30; /* bytes of frames and answers, or four of the largest */

/* ---- Clients ---- */

static ServeStream *free_stream(ServePool *pool)
{
    ServeStream *found = NULL;
    for (int i = 0; i < pool->stream_count; i++) {
        ServeStream *stream = &pool->streams[i];
        if (stream->client || stream->is_ending) continue;
        if (!found || (stream->is_up && !found->is_up)) found = stream;
    }
    return found;
}

int pool_has_free(ServePool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    int has = pool->client_count < SERVE_CLIENTS_MOST && (!pool->keeps_state || free_stream(pool));
    pthread_mutex_unlock(&pool->mutex);
    return has;
}

/* Under the mutex. */
static int open_client(ServeClient *client, ServePool *pool, LpcError *error)
{
    if (pool->stopping) return lpc_error(error, LPC_EXIT_LEFT, "the gateway is stopping");
    if (pool->client_count == SERVE_CLIENTS_MOST)
        return lpc_error(error, LPC_EXIT_BUSY, "the gateway has %d clients, and takes no more",
                         SERVE_CLIENTS_MOST);
    if (pool->keeps_state) {
        client->stream = free_stream(pool);
        if (!client->stream)
            return lpc_error(error, LPC_EXIT_BUSY,
                             "all %d streams of the pipeline are in use (--streams)",
                             pool->stream_count);
        client->stream->client = client;
        client->stream->broken_ns = client->stream->is_up ? 0 : lpc_now_ns();
        if (!client->stream->is_up) stream_wake(client->stream); /* it may wait for less now */
    }
    client->after = pool->clients;
    if (pool->clients) pool->clients->before = client;
    pool->clients = client;
    pool->client_count++;
    if (!strcmp(client->kind, "HTTP"))
        pool->counts.clients_http++;
    else
        pool->counts.clients_wire++;
    return 0;
}

int client_open(ServeClient *client, ServePool *pool, const char *kind, const char *name,
                int wait_ms, LpcError *error)
{
    struct timespec until = pool_until(wait_ms);
    int code = LPC_EXIT_BUSY;
    *client = (ServeClient){.pool = pool, .kind = kind, .since_ns = lpc_now_ns()};
    snprintf(client->name, sizeof client->name, "%s", name);
    pthread_cond_init(&client->changed, NULL);
    pthread_mutex_lock(&pool->mutex);
    for (int late = 0; code == LPC_EXIT_BUSY && !late;) {
        LpcError why = {0};
        code = open_client(client, pool, &why);
        if (code == LPC_EXIT_BUSY)
            late = pthread_cond_timedwait(&pool->changed, &pool->mutex, &until);
        if (code && (late || code != LPC_EXIT_BUSY)) *error = why;
    }
    pthread_mutex_unlock(&pool->mutex);
    return code;
}

/* Somebody who has frames here already gets half of the memory only: the others are not shut out. */
static int has_room(const ServePool *pool, const ServeClient *client, size_t bytes)
{
    size_t most = client->count ? pool->bytes_most / 2 : pool->bytes_most;
    if (client->count >= SERVE_FRAMES_MOST) return 0;
    return bytes <= most && pool->bytes <= most - bytes;
}

static int cannot_put(const ServePool *pool, const ServeClient *client, LpcError *error)
{
    if (client->error.code) return lpc_error(error, client->error.code, "%s", client->error.text);
    if (pool->stopping) return lpc_error(error, LPC_EXIT_LEFT, "the gateway is stopping");
    if (pool_has_given_up(pool))
        return lpc_error(error, LPC_EXIT_MISSING, "the pipeline is not there: %.200s",
                         pool->streams[0].last_error.text);
    return 0;
}

static void append(ServePool *pool, ServeClient *client, ServeFrame *frame)
{
    frame->client = client;
    if (client->last)
        client->last->next = frame;
    else
        client->first = frame;
    client->last = frame;
    if (!client->waiting) client->waiting = frame;
    pool_count_bytes(pool, client, frame->bytes);
    client->put++;
    pool->counts.frames++;
    pool->counts.bytes_in += frame->bytes;
    if (!client->stream) {
        pool->waiting++;
        pool_join_ring(pool, client);
    }
    pthread_cond_broadcast(&pool->changed);
}

int client_put(ServeClient *client, const void *payload, size_t bytes, LpcError *error)
{
    ServePool *pool = client->pool;
    ServeFrame *frame = NULL;
    pthread_mutex_lock(&pool->mutex);
    int code = cannot_put(pool, client, error);
    while (!code && !has_room(pool, client, bytes)) {
        pthread_cond_wait(&pool->changed, &pool->mutex);
        code = cannot_put(pool, client, error);
    }
    if (!code && !(frame = frame_new(payload, bytes)))
        code = lpc_error(error, LPC_EXIT_SYSTEM, "the gateway is out of memory");
    if (!code) append(pool, client, frame);
    pthread_mutex_unlock(&pool->mutex);
    return code;
}

void client_done(ServeClient *client)
{
    pthread_mutex_lock(&client->pool->mutex);
    client->is_done = 1;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->pool->mutex);
}

int client_take(ServeClient *client, ServeFrame **frame, LpcError *error)
{
    ServePool *pool = client->pool;
    int code = 0;
    *frame = NULL;
    pthread_mutex_lock(&pool->mutex);
    while (!client->error.code && !(client->first && client->first->answer) &&
           !(client->is_done && !client->first))
        pthread_cond_wait(&client->changed, &pool->mutex);
    ServeFrame *first = client->first;
    if (first && first->answer) { /* what was answered before a failure counts */
        client->first = first->next;
        if (!client->first) client->last = NULL;
        *frame = first;
    } else if (client->error.code) {
        code = lpc_error(error, client->error.code, "%s", client->error.text);
    }
    pthread_mutex_unlock(&pool->mutex);
    return code;
}

void client_give(ServeClient *client, ServeFrame *frame)
{
    pthread_mutex_lock(&client->pool->mutex);
    pool_let_go(client->pool, client, frame);
    pthread_mutex_unlock(&client->pool->mutex);
}

void client_fail(ServeClient *client, const LpcError *error)
{
    pthread_mutex_lock(&client->pool->mutex);
    pool_fail_client(client->pool, client, error);
    pthread_mutex_unlock(&client->pool->mutex);
}

void client_close(ServeClient *client)
{
    ServePool *pool = client->pool;
    pthread_mutex_lock(&pool->mutex);
    pool_forget_waiting(pool, client);
    for (ServeFrame *frame = client->first, *next; frame; frame = next) {
        next = frame->next;
        pool_let_go(pool, client, frame);
    }
    if (client->stream) {
        client->stream->client = NULL;
        client->stream->is_ending = 1;
        stream_wake(client->stream);
    }
    if (client->before)
        client->before->after = client->after;
    else
        pool->clients = client->after;
    if (client->after) client->after->before = client->before;
    pool->client_count--;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    pthread_cond_destroy(&client->changed);
}

/* ---- The pool ---- */

int pool_start(ServePool *pool, Arena *arena, Diag *diag)
{
    pool->arena = arena;
    pool->keeps_state = package_keeps_state(pool->package);
    pool->window =
        2 * pool->package->stage_count + 2; /* all stages have work, and nobody waits for long */
    pool->start_ns = pool->down_ns = lpc_now_ns();
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->streams = arena_array(arena, (size_t)pool->stream_count, sizeof *pool->streams);
    for (int i = 0; i < pool->stream_count; i++) {
        ServeStream *stream = &pool->streams[i];
        stream->pool = pool;
        stream->index = i;
        TRY(stream_start(stream, arena, diag));
    }
    pool->in_shape = pool->streams[0].ends.in_shape;
    pool->out_shape = pool->streams[0].ends.out_shape;
    size_t largest = (size_t)(pool->package->inputs.contract.max_payload +
                              pool->package->outputs.contract.max_payload);
    pool->bytes_most = largest > total_most / 4 ? 4 * largest : total_most;
    return LPC_OK;
}

int pool_is_ready(ServePool *pool)
{
    int ready = 0;
    pthread_mutex_lock(&pool->mutex);
    for (int i = 0; i < pool->stream_count && !pool->stopping; i++)
        ready |= stream_is_ready(&pool->streams[i]);
    pthread_mutex_unlock(&pool->mutex);
    return ready;
}

static int has_frames(ServePool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    int has = 0;
    for (const ServeClient *c = pool->clients; c; c = c->after) has |= c->first && !c->error.code;
    pthread_mutex_unlock(&pool->mutex);
    return has && pool->up;
}

void pool_drain(ServePool *pool, int ms)
{
    static const LpcError stopping = {LPC_EXIT_LEFT, "the gateway is stopping"};
    for (; ms > 0 && has_frames(pool); ms -= PAUSE_MS)
        nanosleep(&(struct timespec){0, PAUSE_MS * 1000000L}, NULL);
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = 1;
    for (ServeClient *c = pool->clients; c; c = c->after) pool_fail_client(pool, c, &stopping);
    pthread_mutex_unlock(&pool->mutex);
}

void pool_stop(ServePool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = 1;
    for (int i = 0; i < pool->stream_count; i++) {
        pool->streams[i].is_ending = 1;
        stream_wake(&pool->streams[i]);
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->stream_count; i++) stream_stop(&pool->streams[i]);
}
