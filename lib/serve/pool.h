/* The gateway's middle: clients put frames in, streams of the pipeline take them out and bring their answers.
 *
 *     client_open(&client, pool, "HTTP", peer, 1000, &error);
 *     client_put(&client, payload, bytes, &error);        (may wait: that is back-pressure)
 *     client_take(&client, -1, &frame, &error);           (the answers, in order)
 *     client_close(&client);
 *
 * Without state every frame is for itself: clients that have frames waiting stand in a ring, and a stream takes one
 * frame of the first, which then goes behind the others. With state a client has a stream of its own from its opening
 * to its closing. Frames stay with their stream until they are answered (with state: until the client closes), and
 * so can be fed again when it breaks.
 *
 *   frames.c  frames and whose turn it is, failures, answers: what clients and streams share
 *   stream.c  one stream of the pipeline: connects, feeds, receives, and does so again
 *   pool.c    clients, bounds, all of it started and stopped */
#ifndef LPC_LIB_SERVE_POOL_H
#define LPC_LIB_SERVE_POOL_H

#include "lib/run/ends.h"
#include "lib/run/secure.h"
#include "runtime/helper.h"

enum {
    SERVE_STREAMS_MOST = 64,
    SERVE_CLIENTS_MOST = 128, /* at once, wire and HTTP */
    SERVE_FRAMES_MOST = 32,   /* of one client, unanswered or not yet taken */
    SERVE_BUCKETS = 14,       /* of the histogram, without that for all */
    SERVE_ERRORS = 8          /* the last ones are kept, for the page */
};

typedef struct ServePool ServePool;
typedef struct ServeClient ServeClient;

/* One frame, from its client to its answer. Payloads are as on the wire: symbols, then tensors. */
typedef struct ServeFrame ServeFrame;
struct ServeFrame {
    ServeFrame *next;           /* of the same client */
    ServeFrame *next_in_stream; /* kept by the same stream */
    ServeClient *client;        /* NULL: it has gone, nobody wants the answer */
    int is_kept, is_answered;   /* by a stream; the answer came, and may have been taken */
    int is_fed;                 /* its bytes are just being sent */
    int breaks;                 /* how often the stream broke with this frame in it, alone */
    uint64_t came_ns;
    uint8_t *answer; /* NULL: there is none yet */
    size_t answer_bytes;
    size_t bytes;
    int64_t input[]; /* the payload of `bytes` */
};

/* One stream of the pipeline. All but `ends` under the pool's mutex. */
typedef struct ServeStream {
    ServePool *pool;
    int index;
    RunEnds ends;
    HostTensor *inputs; /* where ends_feed finds a frame's tensors */
    uint64_t *offsets;
    LpcHelper feeder;
    pthread_t thread;
    int started;
    int stop[2];              /* readable: do not wait for a connection */
    int is_up, is_broken;     /* connected; something failed since */
    int alone;                /* so many frames are fed one at a time, after a break */
    ServeClient *client;      /* with state: whose it is */
    int is_ending;            /* its client has gone, or all is to stop */
    ServeFrame *first, *last; /* kept */
    ServeFrame *unfed;        /* of these, the first that this stream has not been fed */
    ServeFrame *due;          /* whose result comes next */
    int under_way;            /* fed and not answered */
    size_t kept_bytes;        /* of answered frames that are kept for feeding them again */
    int cannot_replay;        /* they were too many */
    uint64_t broken_ns;       /* with a client: since when its stream is broken; 0: it is not */
    uint64_t answered, connects, since_ns;
    LpcError last_error;
} ServeStream;

/* Somebody who sends frames and takes answers. Lives with its owner. */
struct ServeClient {
    ServePool *pool;
    const char *kind;
    char name[LPC_PEER_BYTES];
    ServeClient *before, *after; /* among all */
    ServeClient *next_turn;
    int in_turn, is_done; /* it stands in the ring; no more frames come */
    ServeFrame *first, *last,
        *waiting; /* its frames in order; waiting: the first that no stream has */
    int count;
    size_t bytes;
    ServeStream *stream; /* with state */
    LpcError error;
    pthread_cond_t changed;
    uint64_t put, answered, since_ns;
};

/* What has been counted since the start. */
typedef struct ServeCounts {
    uint64_t frames, answers, bytes_in, bytes_out, errors, connects, breaks, resent;
    uint64_t clients_wire, clients_http;
    uint64_t buckets[SERVE_BUCKETS + 1]; /* answers by their latency; the last: slower than all */
    double latency_sum;
} ServeCounts;

extern const double serve_bucket_s[SERVE_BUCKETS];

typedef struct ServeTold {
    char text[LPC_TEXT_BYTES];
    int64_t when; /* seconds since 1970 */
} ServeTold;

struct ServePool {
    /* set by its owner before pool_start */
    const Package *package;
    Secure secure;
    EndPlaces places; /* timeout_ms and stop_fd are the streams' own */
    int stream_count, beat_ms;
    double retry; /* seconds */
    void (*log)(void *self, const char *line);
    void *self;
    /* its own */
    Arena *arena;
    int keeps_state, window;
    LpcShape in_shape, out_shape;
    size_t bytes_most;
    ServeStream *streams;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* for streams that wait for frames, and for who waits for room */
    int stopping;
    ServeClient *clients, *turn_first, *turn_last;
    int client_count, waiting; /* frames that no stream has */
    size_t bytes, kept_bytes;
    int up;           /* streams that are connected */
    uint64_t down_ns; /* since when none is */
    ServeCounts counts;
    ServeTold told[SERVE_ERRORS]; /* a ring */
    uint64_t told_count;
    uint64_t start_ns;
};

/* ---- pool.c ---- */

/* Starts the streams, which connect in their own time. */
int pool_start(ServePool *pool, Arena *arena, Diag *diag);
/* What is under way may still be answered, for ms; then all clients fail, and the streams end. */
void pool_drain(ServePool *pool, int ms);
void pool_stop(ServePool *pool);
int pool_is_ready(ServePool *pool);
/* With state: whether a client would get a stream at once. */
int pool_has_free(ServePool *pool);
/* A line for the log. */
void pool_log(ServePool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A new client. Fails with LPC_EXIT_BUSY when for wait_ms there are too many or, with state, no stream is free. */
int client_open(ServeClient *client, ServePool *pool, const char *kind, const char *name,
                int wait_ms, LpcError *error);
/* A copy of a checked payload. Waits for room. */
int client_put(ServeClient *client, const void *payload, size_t bytes, LpcError *error);
/* No more are put. */
void client_done(ServeClient *client);
/* The next answer, in order; client_give is due for it. *frame NULL: all are answered, and client_done was called.
 * Returns 0 or the status of what failed. */
int client_take(ServeClient *client, ServeFrame **frame, LpcError *error);
/* An answer that was taken has been passed on. */
void client_give(ServeClient *client, ServeFrame *frame);
/* The client fails: whoever waits in put or take returns. */
void client_fail(ServeClient *client, const LpcError *error);
/* Gone: frames that are under way are answered to nobody. */
void client_close(ServeClient *client);

/* ---- frames.c; all under the mutex ---- */

/* A moment in ms from now, for pthread_cond_timedwait. */
struct timespec pool_until(int ms);
/* A copy of the payload; NULL: memory ended. */
ServeFrame *frame_new(const void *payload, size_t bytes);
/* The client's frame counts with its bytes. */
void pool_count_bytes(ServePool *pool, ServeClient *client, size_t bytes);
/* The client has nothing to do with the frame any more. */
void pool_let_go(ServePool *pool, ServeClient *client, ServeFrame *frame);
/* The client has frames waiting: its turn will come, if it has no stream of its own. */
void pool_join_ring(ServePool *pool, ServeClient *client);
/* The next frame for a stream without a client, in turn; NULL: none waits. */
ServeFrame *pool_next(ServePool *pool);
/* The client's frames that no stream took are taken by none. */
void pool_forget_waiting(ServePool *pool, ServeClient *client);
void pool_fail_client(ServePool *pool, ServeClient *client, const LpcError *error);
/* No stream is connected, and none has been for --retry seconds. */
int pool_has_given_up(const ServePool *pool);
/* All who wait are told so. */
void pool_give_up(ServePool *pool, const LpcError *error);
/* The frame has its answer, which is the frame's from now on (NULL: memory ended). */
void pool_answer(ServePool *pool, ServeFrame *frame, uint8_t *answer, size_t bytes);
/* The stream keeps it no more. */
void pool_release(ServePool *pool, ServeFrame *frame);
/* Its bytes have been sent; is_fed was set before. */
void pool_was_fed(ServeFrame *frame);

/* ---- stream.c; all but start and stop under the mutex ---- */

/* It is there from end to end: the last stage has given a sign of life. */
int stream_is_ready(const ServeStream *stream);
int stream_start(ServeStream *stream, Arena *arena, Diag *diag);
/* Ends what it waits for. */
void stream_wake(ServeStream *stream);
void stream_stop(ServeStream *stream);

#endif
