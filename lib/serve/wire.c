/* Clients that speak the wire protocol (docs/wire.md). For them the gateway is a pipeline of one stage, which serves
 * many streams at once: they attach and open their stream here, feed frames, and get the results of these.
 *
 * Each client has two threads: one reads its frames and puts them into the pool, one sends it the answers. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    STACK_BYTES = 256 * 1024,
    STALL_MS =
        60000, /* of a client in the middle of a frame, or before it has read its last answers */
    PAUSE_MS = 20,
    OPEN_MS = 1000, /* for a stream that was free just now */
    STOP_MS = 150   /* for what is still sent when all is to stop */
};

typedef struct WireClient WireClient;

struct ServeWire {
    ServePool *pool;
    LpcCrc crc;
    LpcGate gate;
    int beat_ms;
    int stop[2];
    pthread_t thread;
    int started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    WireClient *clients; /* these under the mutex */
    int active, quit;
};

struct WireClient {
    ServeWire *wire;
    LpcLink in, out;
    uint8_t stream[LPC_STREAM_BYTES];
    ServeClient client;
    LpcPulse pulse;
    LpcSlot in_slot, out_slot;
    struct iovec *pieces;
    Arena *arena; /* of all that this client needs, with it gone */
    LpcBeat before;
    pthread_t reader;
    WireClient *next; /* of all */
};

/* ---- Signs of life ---- */

static void look(void *self, LpcBeat *beat)
{
    WireClient *c = self;
    ServePool *pool = c->wire->pool;
    pthread_mutex_lock(&pool->mutex);
    int has_frames = c->client.first != NULL;
    beat->doing = !has_frames ? LPC_DOES_WAIT : pool->up ? LPC_DOES_COMPUTE : LPC_DOES_CONNECT;
    beat->done = c->client.answered;
    pthread_mutex_unlock(&pool->mutex);
    snprintf(beat->name, sizeof beat->name, "the gateway");
}

/* The client has left, or fell silent. */
static void lost(void *self, const LpcError *error)
{
    WireClient *c = self;
    client_fail(&c->client, error);
    lpc_link_interrupt(&c->in);
    lpc_link_break(&c->out);
}

/* ---- Frames that come ---- */

/* Nothing more comes from there, and its end may go. */
static void say_that_all_came(WireClient *c)
{
    lpc_pulse_in_ended(&c->pulse);
    lpc_link_end_writing(&c->in);
}

/* The next frame that is no beat. */
static int receive(WireClient *c, uint64_t sequence, LpcError *error)
{
    LpcReader reader = lpc_link_reader(&c->in);
    LpcSlot *slot = &c->in_slot;
    for (;;) {
        LpcError failed = {0};
        int code =
            lpc_receive(&reader, &c->wire->pool->in_shape, &c->wire->crc, sequence, slot, &failed);
        if (!code && slot->header.kind == LPC_FRAME_BEAT) {
            c->before = slot->beat;
            continue;
        }
        if (code > 0 && c->in.silent)
            lpc_pulse_silence(&c->in, &c->before, error);
        else
            *error = failed;
        return code;
    }
}

static void *read_frames(void *self)
{
    WireClient *c = self;
    LpcError error = {0};
    int code = 0;
    for (uint64_t sequence = 0; !code; sequence++) {
        code = receive(c, sequence, &error);
        if (code) break;
        if (c->in_slot.header.kind != LPC_FRAME_DATA) {
            say_that_all_came(c);
            code = LPC_STOPPED;
            if (c->in_slot.header.kind == LPC_FRAME_ERROR)
                code = lpc_error(&error, LPC_EXIT_LEFT, "%s", c->in_slot.error.text);
            break;
        }
        code = client_put(&c->client, c->in_slot.payload, (size_t)c->in_slot.header.length, &error);
    }
    if (code == LPC_STOPPED)
        client_done(&c->client);
    else
        client_fail(&c->client, &error);
    return NULL;
}

/* ---- Answers that go ---- */

static int send_answer(WireClient *c, ServeFrame *frame, LpcError *error)
{
    ServePool *pool = c->wire->pool;
    LpcWriter writer = lpc_link_writer(&c->out);
    LpcSlot *slot = &c->out_slot;
    uint64_t length;
    slot->sizes = (int64_t *)(void *)frame->answer;
    int code =
        lpc_layout(&pool->out_shape, slot->sizes, slot->bytes, slot->offsets, &length, error);
    if (code) return code;
    for (uint32_t k = 0; k < pool->out_shape.contract->tensor_count; k++)
        slot->tensors[k] = frame->answer + slot->offsets[k];
    pthread_mutex_lock(&c->pulse.sending);
    code = lpc_send_data(&writer, &pool->out_shape, &c->wire->crc, c->pulse.sent++, slot, c->pieces,
                         error);
    pthread_mutex_unlock(&c->pulse.sending);
    return code;
}

/* The last thing that is sent: the end, or why the stream breaks off. */
static void send_last(WireClient *c, const LpcError *error)
{
    LpcWriter writer = lpc_link_writer(&c->out);
    LpcError ignored = {0};
    pthread_mutex_lock(&c->pulse.sending);
    lpc_pulse_is_last(&c->pulse);
    if (!error->code)
        (void)lpc_send_end(&writer, &c->wire->crc, c->pulse.sent++, &ignored);
    else if (lpc_link_writable(&c->out))
        (void)lpc_send_error(&writer, &c->wire->crc, c->pulse.sent++, error, &ignored);
    pthread_mutex_unlock(&c->pulse.sending);
}

static int send_answers(WireClient *c, LpcError *error)
{
    ServeFrame *frame;
    for (;;) {
        int code = client_take(&c->client, &frame, error);
        if (code || !frame) return code;
        code = send_answer(c, frame, error);
        client_give(&c->client, frame);
        if (code) return code;
    }
}

/* ---- A client ---- */

static void tell_before(WireClient *c, const LpcError *error)
{
    LpcWriter writer = lpc_link_writer(&c->in);
    LpcError ignored = {0};
    if (lpc_link_writable(&c->in)) (void)lpc_send_error(&writer, &c->wire->crc, 0, error, &ignored);
}

/* Its frames and answers, until both have ended. */
static void serve_frames(WireClient *c, LpcError *error)
{
    pthread_attr_t attributes;
    lpc_pulse_begin(&c->pulse, &c->in);
    lpc_pulse_connect(&c->pulse, &c->out);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int reads = !pthread_create(&c->reader, &attributes, read_frames, c);
    pthread_attr_destroy(&attributes);
    if (!reads) lpc_error(error, LPC_EXIT_SYSTEM, "the gateway cannot start a thread");
    if (reads && send_answers(c, error)) {
        client_fail(&c->client, error); /* whoever puts frames stops */
        lpc_link_interrupt(&c->in);
    }
    if (reads) pthread_join(c->reader, NULL);
    send_last(c, error);
    lpc_pulse_end(&c->pulse);
    if (error->code) tell_before(c, error);
}

static LpcSlot make_slot(Arena *arena, const LpcShape *shape)
{
    size_t count = shape->contract->tensor_count + 1;
    return (LpcSlot){.tensors = arena_array(arena, count, sizeof(void *)),
                     .bytes = arena_array(arena, count, sizeof(uint64_t)),
                     .offsets = arena_array(arena, count, sizeof(uint64_t))};
}

static int make_client(WireClient *c, LpcError *error)
{
    const ServePool *pool = c->wire->pool;
    uint64_t capacity = lpc_in_capacity(&pool->in_shape);
    void *payload = NULL;
    c->in_slot = make_slot(c->arena, &pool->in_shape);
    c->out_slot = make_slot(c->arena, &pool->out_shape);
    c->pieces =
        arena_array(c->arena, (size_t)lpc_piece_count(pool->out_shape.contract), sizeof *c->pieces);
    if (!capacity || posix_memalign(&payload, LPC_ALIGN, (size_t)capacity))
        return lpc_error(error, LPC_EXIT_SYSTEM, "the gateway is out of memory");
    c->in_slot.payload = payload;
    c->in_slot.sizes = payload;
    c->in_slot.capacity = capacity;
    c->pulse = (LpcPulse){
        .crc = &c->wire->crc, .beat_ms = c->wire->beat_ms, .look = look, .lost = lost, .self = c};
    int failure = lpc_pulse_start(&c->pulse);
    if (failure)
        return lpc_error(error, LPC_EXIT_SYSTEM, "the gateway cannot start a thread: %s",
                         strerror(failure));
    return 0;
}

static void has_come(WireClient *c)
{
    ServeWire *wire = c->wire;
    pthread_mutex_lock(&wire->mutex);
    wire->active++;
    c->next = wire->clients;
    wire->clients = c;
    pthread_mutex_unlock(&wire->mutex);
}

/* Its links are about to be closed. */
static void leaves(WireClient *c)
{
    pthread_mutex_lock(&c->wire->mutex);
    WireClient **at = &c->wire->clients;
    while (*at != c) at = &(*at)->next;
    *at = c->next;
    pthread_mutex_unlock(&c->wire->mutex);
}

static void has_gone(ServeWire *wire)
{
    lpc_gate_done(&wire->gate);
    pthread_mutex_lock(&wire->mutex);
    wire->active--;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->mutex);
}

static void *serve_client(void *self)
{
    WireClient *c = self;
    ServeWire *wire = c->wire;
    LpcError error = {0};
    int is_open = !client_open(&c->client, wire->pool, "wire", c->in.peer, OPEN_MS, &error);
    if (is_open && !make_client(c, &error))
        serve_frames(c, &error);
    else
        tell_before(c, &error);
    if (error.code) pool_log(wire->pool, "%.80s: %.160s", c->in.peer, error.text);
    if (is_open) client_close(&c->client);
    leaves(c);
    if (c->pulse.is_last) lpc_gate_leave(&wire->gate, &c->out);
    lpc_pulse_stop(&c->pulse);
    lpc_link_close(&c->out);
    lpc_link_close(&c->in);
    free(c->in_slot.payload);
    arena_free(c->arena);
    has_gone(wire);
    return NULL;
}

/* ---- All clients ---- */

static void start_client(ServeWire *wire, const LpcLink *in, const LpcLink *out,
                         const uint8_t stream[LPC_STREAM_BYTES])
{
    pthread_attr_t attributes;
    pthread_t thread;
    Arena *arena = arena_new();
    WireClient *c = arena_alloc(arena, sizeof *c);
    *c = (WireClient){.wire = wire, .in = *in, .out = *out, .arena = arena};
    memcpy(c->stream, stream, LPC_STREAM_BYTES);
    has_come(c);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failure = pthread_create(&thread, &attributes, serve_client, c);
    pthread_attr_destroy(&attributes);
    if (!failure) return;
    pool_log(wire->pool, "cannot start a thread: %s", strerror(failure));
    leaves(c);
    lpc_link_close(&c->in);
    lpc_link_close(&c->out);
    arena_free(arena);
    has_gone(wire);
}

static void pause_for(int ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

static int must_quit(ServeWire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    int quit = wire->quit;
    pthread_mutex_unlock(&wire->mutex);
    return quit;
}

/* Lets clients in, one after the other, while the pool takes more; the others stand in line. */
static void *let_in(void *self)
{
    ServeWire *wire = self;
    while (!must_quit(wire)) {
        LpcLink in = {.fd = -1, .timeout_ms = STALL_MS, .stop_fd = wire->stop[0]};
        LpcLink out = {.fd = -1, .timeout_ms = STALL_MS, .stop_fd = -1};
        uint8_t stream[LPC_STREAM_BYTES];
        LpcError error = {0};
        if (!pool_has_free(wire->pool)) {
            pause_for(PAUSE_MS);
            continue;
        }
        if (lpc_gate_take(&wire->gate, -1, &in, &out, stream, &error)) break;
        start_client(wire, &in, &out, stream);
    }
    return NULL;
}

static void refused(void *self, const char *text)
{
    ServeWire *wire = self;
    pool_log(wire->pool, "%s", text);
}

static void make_gate(ServeWire *wire, const ServeOptions *options)
{
    const Package *package = wire->pool->package;
    LpcHello *result = arena_alloc(wire->pool->arena, sizeof *result);
    *result = lpc_hello_at(&package->outputs.contract, options->beat_ms);
    LpcGate *gate = &wire->gate;
    gate->crc = &wire->crc;
    gate->own = lpc_hello_at(&package->inputs.contract, options->beat_ms);
    gate->result = result;
    gate->role = "client";
    gate->tls = wire->pool->places.tls;
    gate->stop_fd = wire->stop[0];
    gate->leave_ms = STOP_MS;
    gate->tell = refused;
    gate->self = wire;
}

int wire_start(ServeWire **to, ServePool *pool, Arena *arena, Diag *diag,
               const ServeOptions *options)
{
    ServeWire *wire = arena_alloc(arena, sizeof *wire);
    const char *address = options->listen;
    LpcError error = {0};
    wire->pool = pool;
    wire->beat_ms = options->beat_ms;
    wire->stop[0] = wire->stop[1] = wire->gate.listener.fd = -1;
    wire->gate.transport = lpc_transport_find(&address);
    lpc_crc_init(&wire->crc, LPC_CRC_BEST);
    pthread_mutex_init(&wire->mutex, NULL);
    pthread_cond_init(&wire->changed, NULL);
    if (wire->gate.transport->listen(address, &wire->gate.listener, &error))
        return diag_error(diag, "%s", error.text);
    *to = wire; /* wire_stop is due */
    if (pipe(wire->stop)) return diag_error(diag, "there is no pipe");
    make_gate(wire, options);
    int failure = lpc_gate_start(&wire->gate);
    if (!failure) failure = pthread_create(&wire->thread, NULL, let_in, wire);
    wire->started = !failure;
    if (failure) return diag_error(diag, "cannot start a thread: %s", strerror(failure));
    options->listens(options->user, "frames", wire->gate.listener.address);
    return LPC_OK;
}

/* Clients that do not take what is sent to them are not waited for. */
static void break_clients(ServeWire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    for (int ms = 0; wire->active && ms < STOP_MS; ms += PAUSE_MS) {
        pthread_mutex_unlock(&wire->mutex);
        pause_for(PAUSE_MS);
        pthread_mutex_lock(&wire->mutex);
    }
    for (const WireClient *c = wire->clients; c; c = c->next) {
        lpc_link_break(&c->in);
        lpc_link_break(&c->out);
    }
    while (wire->active) pthread_cond_wait(&wire->changed, &wire->mutex);
    pthread_mutex_unlock(&wire->mutex);
}

void wire_stop(ServeWire *wire)
{
    if (!wire) return;
    pthread_mutex_lock(&wire->mutex);
    wire->quit = 1;
    pthread_mutex_unlock(&wire->mutex);
    if (wire->stop[1] >= 0 && write(wire->stop[1], "", 1) < 0) return;
    if (wire->started) pthread_join(wire->thread, NULL);
    break_clients(wire);
    lpc_gate_stop(&wire->gate);
    for (int i = 0; i < 2; i++)
        if (wire->stop[i] >= 0) close(wire->stop[i]);
}
