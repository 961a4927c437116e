/* See sequences.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/sequences.h"

#include <stdio.h>
#include <string.h>

enum { ID_BYTES = 80, IDLE_S = 60, OPEN_MS = 5000 };

typedef struct Sequence {
    char id[ID_BYTES];
    int is_open, is_busy;
    uint64_t used_ns;
    ServeClient client;
} Sequence;

struct Sequences {
    ServePool *pool;
    pthread_mutex_t mutex;
    int count;
    Sequence *all; /* as many as the pool has streams */
};

Sequences *sequences_new(ServePool *pool, Arena *arena)
{
    Sequences *s = arena_alloc(arena, sizeof *s);
    s->pool = pool;
    s->count = pool->stream_count;
    s->all = arena_array(arena, (size_t)s->count, sizeof *s->all);
    pthread_mutex_init(&s->mutex, NULL);
    return s;
}

static Sequence *find(Sequences *s, const char *id)
{
    for (int i = 0; i < s->count; i++)
        if (s->all[i].is_open && !strcmp(s->all[i].id, id)) return &s->all[i];
    return NULL;
}

/* A place for a new one, taken. Under the mutex. */
static Sequence *take_place(Sequences *s, const char *id)
{
    for (int i = 0; i < s->count; i++) {
        Sequence *q = &s->all[i];
        if (q->is_open) continue;
        snprintf(q->id, sizeof q->id, "%s", id);
        q->is_open = q->is_busy = 1;
        return q;
    }
    return NULL;
}

static void close_one(Sequence *q)
{
    client_close(&q->client);
    q->is_open = q->is_busy = 0;
}

/* Finds the sequence, or a place for it. */
static Sequence *claim(Sequences *s, const char *id, int starts, int *is_new, LpcError *error)
{
    Sequence *q = find(s, id);
    *is_new = 0;
    if (strlen(id) >= ID_BYTES) {
        lpc_error(error, LPC_EXIT_USAGE, "sequence_id: at most %d bytes", ID_BYTES - 1);
        return NULL;
    }
    if (q && q->is_busy) {
        lpc_error(error, LPC_EXIT_USAGE, "sequence '%.80s': another request of it is under way",
                  id);
        return NULL;
    }
    if (q && starts) close_one(q);
    if (q && !starts) {
        q->is_busy = 1;
        return q;
    }
    if (!starts) {
        lpc_error(
            error, LPC_EXIT_USAGE,
            "there is no sequence '%.80s': its first request has sequence_start, and a minute "
            "without one ends it",
            id);
        return NULL;
    }
    *is_new = 1;
    q = take_place(s, id);
    if (!q)
        lpc_error(error, LPC_EXIT_BUSY, "all %d streams of the pipeline are in use (--streams)",
                  s->count);
    return q;
}

int sequence_enter(Sequences *s, const char *id, int starts, const char *peer, ServeClient **client,
                   LpcError *error)
{
    int is_new;
    pthread_mutex_lock(&s->mutex);
    Sequence *q = claim(s, id, starts, &is_new, error);
    pthread_mutex_unlock(&s->mutex);
    if (!q) return error->code;
    *client = &q->client;
    if (!is_new || !client_open(&q->client, s->pool, "HTTP", peer, OPEN_MS, error)) return 0;
    pthread_mutex_lock(&s->mutex);
    q->is_open = q->is_busy = 0;
    pthread_mutex_unlock(&s->mutex);
    return error->code;
}

void sequence_leave(Sequences *s, ServeClient *client, int ends)
{
    Sequence *q = (Sequence *)(void *)((char *)client - offsetof(Sequence, client));
    pthread_mutex_lock(&s->mutex);
    q->used_ns = lpc_now_ns();
    q->is_busy = 0;
    if (ends) close_one(q);
    pthread_mutex_unlock(&s->mutex);
}

void sequences_sweep(Sequences *s)
{
    uint64_t before = lpc_now_ns() - (uint64_t)IDLE_S * 1000000000u;
    pthread_mutex_lock(&s->mutex);
    for (int i = 0; i < s->count; i++) {
        Sequence *q = &s->all[i];
        if (q->is_open && !q->is_busy && q->used_ns < before) close_one(q);
    }
    pthread_mutex_unlock(&s->mutex);
}

void sequences_free(Sequences *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->all[i].is_open) close_one(&s->all[i]);
}
