/* One stream of the pipeline, for as long as the gateway runs: it connects, feeds, receives, and when it breaks it
 * connects again and goes on at the first frame without an answer; with state it feeds all frames of its client
 * anew and throws away what was answered before.
 *
 * Two threads. One connects and receives, the other feeds while the stream is connected.
 *
 * A frame can itself be why a stream breaks: it points outside a table, or crashes a stage. So after a break what
 * was under way is fed one frame at a time, and one that breaks the stream alone fails, with its client. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LEAST_MS = 50,
    MOST_MS = 60000, /* of one attempt to connect */
    PAUSE_NS = 50000000,
    FINISH_MS = 200, /* for the end of a stream, when all is to stop */
    BREAKS_MOST = 5, /* of a frame alone, where a stage may have died for other reasons */
    BREAKS_BAD = 2   /* where a stage refused a frame */
};

static const size_t kept_most = (size_t)64
                                << 20; /* bytes of a client's frames that were answered, */
static const size_t kept_most_all = (size_t)512 << 20; /* and of all clients' */

/* ---- Feeding ---- */

static void keep(ServeStream *stream, ServeFrame *frame)
{
    frame->is_kept = 1;
    frame->next_in_stream = NULL;
    if (stream->last)
        stream->last->next_in_stream = frame;
    else
        stream->first = frame;
    stream->last = frame;
    if (!stream->due) stream->due = frame;
}

static ServeFrame *take_new(ServeStream *stream)
{
    ServeFrame *frame = NULL;
    if (!stream->pool->keeps_state) {
        if (!stream->is_ending) frame = pool_next(stream->pool);
    } else if (stream->client && (frame = stream->client->waiting)) {
        stream->client->waiting = frame->next;
    }
    if (frame) keep(stream, frame);
    return frame;
}

/* The frame that is fed next; NULL: none may be yet. Under the mutex. */
static ServeFrame *next_to_feed(ServeStream *stream)
{
    ServeFrame *frame = stream->unfed;
    if (stream->under_way >= (stream->alone ? 1 : stream->pool->window)) return NULL;
    if (frame) {
        stream->unfed = frame->next_in_stream;
        stream->pool->counts.resent++;
    } else {
        frame = take_new(stream);
    }
    if (frame) stream->under_way++;
    if (frame) frame->is_fed = 1;
    return frame;
}

static int feed_one(ServeStream *stream, ServeFrame *frame, LpcError *error)
{
    uint64_t length;
    int code =
        lpc_layout(&stream->ends.in_shape, frame->input, NULL, stream->offsets, &length, error);
    if (code) return code;
    for (int i = 0; i < stream->pool->package->inputs.count; i++)
        stream->inputs[i].data = (uint8_t *)frame->input + stream->offsets[i];
    return ends_feed(&stream->ends, stream->inputs, frame->input, error);
}

/* The feeder's job: until the stream breaks or is to end. */
static void feed(void *self)
{
    ServeStream *stream = self;
    ServePool *pool = stream->pool;
    LpcError error = {0};
    int code = 0, ends = 0;
    pthread_mutex_lock(&pool->mutex);
    while (!code && !ends && !stream->is_broken) {
        ServeFrame *frame = next_to_feed(stream);
        if (!frame && !stream->is_ending) {
            pthread_cond_wait(&pool->changed, &pool->mutex);
            continue;
        }
        pthread_mutex_unlock(&pool->mutex);
        code = frame ? feed_one(stream, frame, &error) : ends_finish(&stream->ends, &error);
        ends = !frame;
        pthread_mutex_lock(&pool->mutex);
        if (frame) pool_was_fed(frame);
    }
    if (code) ends_break(&stream->ends); /* the receiver is told why */
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- Receiving ---- */

static void drop_first(ServeStream *stream)
{
    ServeFrame *frame = stream->first;
    stream->first = frame->next_in_stream;
    if (!stream->first) stream->last = NULL;
    if (stream->unfed == frame) stream->unfed = stream->first;
    if (stream->due == frame) stream->due = stream->first;
    pool_release(stream->pool, frame);
}

/* What is kept for feeding it again is bounded: beyond that, a session ends when the stream breaks. */
static void keep_answered(ServeStream *stream, const ServeFrame *frame)
{
    ServePool *pool = stream->pool;
    size_t bytes = frame->bytes + sizeof *frame;
    stream->kept_bytes += bytes;
    pool->kept_bytes += bytes;
    if (stream->kept_bytes > kept_most || pool->kept_bytes > kept_most_all)
        stream->cannot_replay = 1;
}

static void forget_answered(ServeStream *stream)
{
    stream->pool->kept_bytes -= stream->kept_bytes;
    stream->kept_bytes = 0;
    while (stream->first && stream->first->is_answered) drop_first(stream);
}

/* A result came: its bytes are the frame's from now on. Under the mutex. */
static int take_result(ServeStream *stream, uint8_t *answer, size_t bytes)
{
    ServePool *pool = stream->pool;
    ServeFrame *frame = stream->due;
    if (!stream->under_way) return 1;
    stream->due = frame->next_in_stream;
    stream->under_way--;
    if (stream->alone) stream->alone--;
    pthread_cond_broadcast(&pool->changed);
    if (frame->is_answered) {
        free(answer);
        return 0;
    }
    frame->is_answered = 1;
    stream->answered++;
    stream->broken_ns = 0;
    pool_answer(pool, frame, answer, bytes);
    if (pool->keeps_state) keep_answered(stream, frame);
    if (!pool->keeps_state || stream->cannot_replay) forget_answered(stream);
    return 0;
}

/* One frame of results. 0, an exit status, or LPC_STOPPED at the stream's end. */
static int receive_one(ServeStream *stream, LpcError *error)
{
    const LpcSlot *slot = &stream->ends.out_slot;
    ServePool *pool = stream->pool;
    int code = ends_receive(&stream->ends, -1, error);
    if (code) return code;
    if (slot->header.kind == LPC_FRAME_END) {
        if (stream->is_ending) return LPC_STOPPED;
        return lpc_error(error, LPC_EXIT_LEFT, "the stages ended the stream");
    }
    size_t bytes = (size_t)slot->header.length;
    uint8_t *answer = malloc(bytes + 1);
    if (answer) memcpy(answer, slot->payload, bytes);
    pthread_mutex_lock(&pool->mutex);
    int wrong = take_result(stream, answer, bytes);
    pthread_mutex_unlock(&pool->mutex);
    if (!wrong) return 0;
    free(answer);
    return lpc_error(error, LPC_EXIT_FRAME, "a result came for which there was no frame");
}

/* ---- Breaking ---- */

static void drop_all(ServeStream *stream)
{
    stream->pool->kept_bytes -= stream->kept_bytes;
    stream->kept_bytes = 0;
    while (stream->first) drop_first(stream);
    stream->cannot_replay = stream->alone = 0;
    stream->broken_ns = 0;
}

/* Takes those out that nobody waits for. */
static void drop_orphans(ServeStream *stream)
{
    ServeFrame *frame = stream->first;
    stream->first = stream->last = stream->due = NULL;
    for (ServeFrame *next; frame; frame = next) {
        next = frame->next_in_stream;
        if (frame->client && !frame->client->error.code)
            keep(stream, frame);
        else
            pool_release(stream->pool, frame);
    }
}

static int is_about_the_frame(const LpcError *why)
{
    return why->code == LPC_EXIT_RUN || why->code == LPC_EXIT_FRAME;
}

/* Stages that are not there, or are being replaced by others: no frame does that. */
static int is_about_stages(const LpcError *why)
{
    return why->code == LPC_EXIT_MISSING || why->code == LPC_EXIT_BUILD ||
           why->code == LPC_EXIT_CONTRACT || why->code == LPC_EXIT_BUSY ||
           why->code == LPC_EXIT_STALE;
}

/* Whether the frame that was alone in the stream is why it broke. */
static int is_to_blame(ServeFrame *frame, const LpcError *why)
{
    if (is_about_stages(why)) return 0;
    int most = why->code == LPC_EXIT_RUN     ? 1
               : why->code == LPC_EXIT_FRAME ? BREAKS_BAD
                                             : BREAKS_MOST;
    return ++frame->breaks >= most;
}

/* Under the mutex: decides what is fed again. */
static void after_break(ServeStream *stream, const LpcError *why)
{
    ServePool *pool = stream->pool;
    ServeFrame *due = stream->under_way == 1 ? stream->due : NULL;
    LpcError gone = {0};
    lpc_error(&gone, LPC_EXIT_LEFT,
              "more was sent than is kept to feed it again, and the pipeline broke: %.120s",
              why->text);
    if (due && due->client && is_to_blame(due, why)) pool_fail_client(pool, due->client, why);
    if (stream->cannot_replay && stream->client) pool_fail_client(pool, stream->client, &gone);
    if (pool->keeps_state && stream->client && stream->client->error.code) drop_all(stream);
    if (!pool->keeps_state) drop_orphans(stream);
    if (!stream->broken_ns) stream->broken_ns = lpc_now_ns();
    stream->alone = 0;
    for (const ServeFrame *f = stream->first; f && (!pool->keeps_state || is_about_the_frame(why));
         f = f->next_in_stream)
        stream->alone++;
}

/* ---- Connecting ---- */

static uint64_t retry_ns(const ServePool *pool)
{
    return (uint64_t)(pool->retry * 1e9);
}

/* When those who wait for this stream are told that it is in vain; UINT64_MAX: nobody does, or they were. */
static uint64_t patience_ends(const ServeStream *stream)
{
    const ServePool *pool = stream->pool;
    uint64_t since = UINT64_MAX;
    if (!pool->keeps_state && !pool->up) since = pool->down_ns;
    if (stream->client && !stream->client->error.code) since = stream->broken_ns;
    if (since == UINT64_MAX || lpc_now_ns() >= since + retry_ns(pool)) return UINT64_MAX;
    return since + retry_ns(pool);
}

static int attempt_ms(const ServeStream *stream)
{
    uint64_t end = patience_ends(stream), now = lpc_now_ns();
    if (end == UINT64_MAX || end - now > (uint64_t)MOST_MS * 1000000u) return MOST_MS;
    int ms = (int)((end - now) / 1000000u);
    return ms < LEAST_MS ? LEAST_MS : ms;
}

/* Tells those who have waited for too long. */
static void give_up(ServeStream *stream)
{
    static const LpcError no_answer = {LPC_EXIT_MISSING, "the pipeline does not answer"};
    const LpcError *why = stream->last_error.code ? &stream->last_error : &no_answer;
    ServePool *pool = stream->pool;
    if (!pool->keeps_state && pool_has_given_up(pool)) {
        pool_give_up(pool, why);
        drop_orphans(stream);
        stream->unfed = stream->first;
    }
    ServeClient *client = stream->client;
    if (client && !client->error.code && lpc_now_ns() >= stream->broken_ns + retry_ns(pool)) {
        pool_fail_client(pool, client, why);
        drop_all(stream);
    }
}

static void drain_stop(const ServeStream *stream)
{
    char bytes[64];
    while (read(stream->stop[0], bytes, sizeof bytes) > 0) continue;
}

static void has_connected(ServeStream *stream)
{
    ServePool *pool = stream->pool;
    stream->is_up = 1;
    stream->is_broken = stream->under_way = 0;
    stream->unfed = stream->due = stream->first;
    stream->since_ns = lpc_now_ns();
    stream->connects++;
    pool->counts.connects++;
    pool->up++;
}

/* One attempt. 0, LPC_STOPPED when something has changed, or an exit status. */
static int connect_stream(ServeStream *stream, LpcError *error)
{
    ServePool *pool = stream->pool;
    EndPlaces places = pool->places;
    pthread_mutex_lock(&pool->mutex);
    drain_stop(stream);
    give_up(stream);
    places.timeout_ms = attempt_ms(stream);
    places.stop_fd = stream->stop[0];
    int ends = stream->is_ending;
    pthread_mutex_unlock(&pool->mutex);
    if (ends) return LPC_STOPPED;
    int code = ends_connect(&stream->ends, &places, error);
    if (code) ends_close(&stream->ends);
    pthread_mutex_lock(&pool->mutex);
    if (!code) has_connected(stream);
    if (code > 0) stream->last_error = *error;
    pthread_mutex_unlock(&pool->mutex);
    return code;
}

/* ---- The thread ---- */

static void run(ServeStream *stream)
{
    ServePool *pool = stream->pool;
    LpcError error = {0};
    int code;
    lpc_helper_run(&stream->feeder);
    do code = receive_one(stream, &error);
    while (!code);
    pthread_mutex_lock(&pool->mutex);
    stream->is_broken = 1;
    ends_break(&stream->ends);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    lpc_helper_wait(&stream->feeder);
    pthread_mutex_lock(&pool->mutex);
    stream->is_up = 0;
    if (!--pool->up) pool->down_ns = lpc_now_ns();
    int broke = code > 0 && !stream->is_ending;
    if (broke) {
        stream->last_error = error;
        pool->counts.breaks++;
        after_break(stream, &error);
    }
    stream->under_way = 0;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    ends_close(&stream->ends);
    if (broke) pool_log(pool, "stream %d broke: %.200s", stream->index, error.text);
}

/* With state, the next client gets a new stream. Whether the thread goes on. */
static int go_on(ServeStream *stream)
{
    ServePool *pool = stream->pool;
    pthread_mutex_lock(&pool->mutex);
    if (stream->is_ending) {
        drop_all(stream);
        stream->client = NULL;
        stream->is_ending = pool->stopping;
        pthread_cond_broadcast(&pool->changed);
    }
    int goes_on = !pool->stopping;
    pthread_mutex_unlock(&pool->mutex);
    return goes_on;
}

static void *stream_main(void *self)
{
    ServeStream *stream = self;
    LpcError told = {0};
    for (int was_down = 1; go_on(stream);) {
        LpcError error = {0};
        int code = connect_stream(stream, &error);
        if (!code && was_down)
            pool_log(stream->pool, "stream %d is connected to %s", stream->index,
                     stream->pool->places.first);
        if (code > 0 && strcmp(told.text, error.text) != 0) {
            pool_log(stream->pool, "stream %d is not connected: %.200s", stream->index, error.text);
            told = error;
        }
        was_down = code > 0;
        if (!code) {
            told = (LpcError){0};
            run(stream);
            was_down = !stream->pool->keeps_state || stream->broken_ns;
        }
        if (code > 0) nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
    }
    return NULL;
}

int stream_start(ServeStream *stream, Arena *arena, Diag *diag)
{
    const Package *package = stream->pool->package;
    size_t count = (size_t)package->inputs.count + 1;
    stream->inputs = arena_array(arena, count, sizeof *stream->inputs);
    stream->offsets = arena_array(arena, count, sizeof *stream->offsets);
    stream->stop[0] = stream->stop[1] = -1;
    stream->ends.feed.fd = stream->ends.collect.fd = -1;
    TRY(ends_make(&stream->ends, arena, diag, package, stream->pool->beat_ms));
    if (pipe2(stream->stop, O_CLOEXEC | O_NONBLOCK))
        return diag_error(diag, "pipe: %s", strerror(errno));
    int failure = lpc_helper_start(&stream->feeder, feed, stream);
    if (!failure) failure = pthread_create(&stream->thread, NULL, stream_main, stream);
    stream->started = !failure;
    return failure ? diag_error(diag, "cannot start a thread: %s", strerror(failure)) : LPC_OK;
}

int stream_is_ready(const ServeStream *stream)
{
    return stream->is_up && (!stream->pool->beat_ms || stream->ends.reached);
}

void stream_wake(ServeStream *stream)
{
    if (stream->stop[1] >= 0 && write(stream->stop[1], "", 1) < 0)
        return; /* full: it wakes anyhow */
    if (stream->is_up && stream->under_way) ends_break(&stream->ends);
    pthread_cond_broadcast(&stream->pool->changed);
}

/* Until the stream has ended as it should, or for a moment. */
static void wait_for_end(ServeStream *stream)
{
    ServePool *pool = stream->pool;
    struct timespec until = pool_until(FINISH_MS);
    pthread_mutex_lock(&pool->mutex);
    for (int late = 0; stream->is_up && !late;)
        late = pthread_cond_timedwait(&pool->changed, &pool->mutex, &until);
    if (stream->is_up) ends_break(&stream->ends);
    pthread_mutex_unlock(&pool->mutex);
}

void stream_stop(ServeStream *stream)
{
    if (stream->started) {
        wait_for_end(stream);
        pthread_join(stream->thread, NULL);
    }
    lpc_helper_stop(&stream->feeder);
    ends_free(&stream->ends);
    for (int i = 0; i < 2; i++)
        if (stream->stop[i] >= 0) close(stream->stop[i]);
    stream->stop[0] = stream->stop[1] = -1;
}
