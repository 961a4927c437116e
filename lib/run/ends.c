/* See ends.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/ends.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- memory and shapes --- */

/* Bytes of a tensor, -1 when they overflow: of one end, found through the contract. */
static int64_t end_bytes(const PackageEnd *end, uint32_t k, const int64_t *sizes)
{
    int64_t bytes = (int64_t)dtype_size(end->tensors[k].type);
    for (int d = 0; d < end->tensors[k].rank; d++) {
        int64_t dim = size_eval(end->tensors[k].dims[d], sizes);
        if (dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes)) return -1;
    }
    return bytes;
}

static int64_t bytes_of(const void *end, uint32_t k, const int64_t *sizes)
{
    return end_bytes(end, k, sizes);
}

static LpcShape shape_of(const Package *package, const PackageEnd *end)
{
    return (LpcShape){&end->contract,
                      (uint32_t)package->symbol_count,
                      package->symbol_max,
                      package->symbol_names,
                      bytes_of,
                      end};
}

static void make_slot(Arena *arena, LpcSlot *slot, const LpcShape *shape)
{
    size_t count = shape->contract->tensor_count + 1;
    slot->tensors = arena_array(arena, count, sizeof *slot->tensors);
    slot->bytes = arena_array(arena, count, sizeof *slot->bytes);
    slot->offsets = arena_array(arena, count, sizeof *slot->offsets);
}

static int make_memory(RunEnds *ends, Arena *arena, Diag *diag)
{
    const Package *package = ends->package;
    ends->in_shape = shape_of(package, &package->inputs);
    ends->out_shape = shape_of(package, &package->outputs);
    make_slot(arena, &ends->in_slot, &ends->in_shape);
    make_slot(arena, &ends->out_slot, &ends->out_shape);
    ends->in_slot.sizes = arena_array(arena, (size_t)package->symbol_count + 1, sizeof(int64_t));
    ends->pieces =
        arena_array(arena, (size_t)lpc_piece_count(ends->in_shape.contract), sizeof *ends->pieces);
    uint64_t capacity = lpc_in_capacity(&ends->out_shape);
    if (!capacity || posix_memalign(&ends->memory, LPC_ALIGN, (size_t)capacity))
        return diag_error(diag, "the outputs' bound is too large for this machine's memory");
    ends->out_slot.payload = ends->memory;
    ends->out_slot.capacity = capacity;
    ends->out_slot.sizes = ends->memory;
    return LPC_OK;
}

/* --- the pulse --- */

static void look(void *self, LpcBeat *beat)
{
    (void)self;
    *beat = (LpcBeat){.doing = LPC_DOES_WAIT, .name = "the client"};
}

static void lost(void *self, const LpcError *error)
{
    RunEnds *ends = self;
    pthread_mutex_lock(&ends->mutex);
    if (!ends->broken.code) ends->broken = *error;
    pthread_mutex_unlock(&ends->mutex);
    ends_break(ends);
}

/* The cause, where the pulse has told one. */
static int fails(RunEnds *ends, const LpcError *own, LpcError *error)
{
    pthread_mutex_lock(&ends->mutex);
    const LpcError *cause = ends->broken.code ? &ends->broken : own;
    int code = lpc_error(error, cause->code, "%s", cause->text);
    pthread_mutex_unlock(&ends->mutex);
    return code;
}

int ends_make(RunEnds *ends, Arena *arena, Diag *diag, const Package *package, int beat_ms)
{
    *ends = (RunEnds){.package = package};
    ends->feed.fd = ends->collect.fd = -1;
    lpc_crc_init(&ends->crc, LPC_CRC_BEST);
    pthread_mutex_init(&ends->mutex, NULL);
    TRY(make_memory(ends, arena, diag));
    LpcPulse *pulse = &ends->pulse;
    pulse->crc = &ends->crc;
    pulse->beat_ms = beat_ms;
    pulse->look = look;
    pulse->lost = lost;
    pulse->self = ends;
    int failure = lpc_pulse_start(pulse);
    if (failure) return diag_error(diag, "cannot start a thread: %s", strerror(failure));
    return LPC_OK;
}

/* --- a stream --- */

/* Connects to one of the stages and says what for. */
static int connect_one(RunEnds *ends, const EndPlaces *places, const char *address,
                       const char *role, const lpc_contract *contract, const LpcLink *watch,
                       LpcLink *link, LpcError *error)
{
    const LpcTransport *transport = lpc_transport_find(&address);
    LpcHello hello = lpc_hello_at(contract, ends->pulse.beat_ms);
    memcpy(hello.stream, ends->stream, LPC_STREAM_BYTES);
    *link = (LpcLink){.fd = -1,
                      .timeout_ms = places->timeout_ms,
                      .stop_fd = places->stop_fd,
                      .silence_ms = ends->pulse.beat_ms * LPC_BEATS_MISSED};
    int code = lpc_link_connect(link, transport, address, role, places->tls, watch, error);
    if (!code) code = lpc_greet(link, watch, &ends->crc, &hello, places->in_line, error);
    link->stop_fd = -1; /* a stream that is open ends otherwise */
    return code;
}

int ends_connect(RunEnds *ends, const EndPlaces *places, LpcError *error)
{
    ends->received = 0;
    ends->reached = 0;
    ends->last = (LpcBeat){0};
    ends->broken = (LpcError){0};
    int code = lpc_stream_draw(ends->stream, error);
    if (!code)
        code = connect_one(ends, places, places->last, "the last stage,", ends->out_shape.contract,
                           NULL, &ends->collect, error);
    ends->silence_ms = ends->collect.silence_ms;
    ends->collect.silence_ms = 0; /* the stream may reach it late */
    if (!code)
        code = connect_one(ends, places, places->first, "the first stage,", ends->in_shape.contract,
                           &ends->collect, &ends->feed, error);
    if (code) return code;
    lpc_pulse_begin(&ends->pulse, &ends->collect);
    lpc_pulse_connect(&ends->pulse, &ends->feed);
    ends->is_open = 1;
    return 0;
}

int ends_feed(RunEnds *ends, const HostTensor *inputs, const int64_t *sizes, LpcError *error)
{
    LpcWriter writer = lpc_link_writer(&ends->feed);
    LpcError own = {0};
    size_t symbols = (size_t)ends->package->symbol_count * sizeof *sizes;
    if (symbols) memcpy(ends->in_slot.sizes, sizes, symbols);
    for (int i = 0; i < ends->package->inputs.count; i++) ends->in_slot.tensors[i] = inputs[i].data;
    pthread_mutex_lock(&ends->pulse.sending);
    int code = lpc_send_data(&writer, &ends->in_shape, &ends->crc, ends->pulse.sent++,
                             &ends->in_slot, ends->pieces, &own);
    pthread_mutex_unlock(&ends->pulse.sending);
    return code ? fails(ends, &own, error) : 0;
}

int ends_finish(RunEnds *ends, LpcError *error)
{
    LpcWriter writer = lpc_link_writer(&ends->feed);
    LpcError own = {0};
    pthread_mutex_lock(&ends->pulse.sending);
    lpc_pulse_is_last(&ends->pulse);
    int code = lpc_send_end(&writer, &ends->crc, ends->pulse.sent++, &own);
    pthread_mutex_unlock(&ends->pulse.sending);
    return code ? fails(ends, &own, error) : 0;
}

/* One frame or beat of results. */
static int receive_one(RunEnds *ends, int timeout_ms, LpcError *error)
{
    LpcReader reader = lpc_link_reader(&ends->collect);
    LpcSlot *slot = &ends->out_slot;
    struct pollfd fd = {ends->collect.fd, POLLIN, 0};
    if (timeout_ms >= 0 && !lpc_link_holds(&ends->collect) && poll(&fd, 1, timeout_ms) == 0)
        return lpc_error(error, LPC_EXIT_LEFT, "no result came within %g s", timeout_ms / 1000.0);
    LpcError failed = {0};
    int code = lpc_receive(&reader, &ends->out_shape, &ends->crc, ends->received, slot, &failed);
    if (code && ends->collect.silent)
        lpc_pulse_silence(&ends->collect, &ends->last, error);
    else if (code)
        lpc_error(error, code, "%s", failed.text);
    else if (slot->header.kind == LPC_FRAME_ERROR)
        code = lpc_error(error, slot->error.code, "%s", slot->error.text);
    ends->collect.silence_ms = ends->silence_ms;
    if (!code) ends->reached = 1;
    if (!code && slot->header.kind == LPC_FRAME_BEAT) ends->last = slot->beat;
    return code;
}

int ends_receive(RunEnds *ends, int timeout_ms, LpcError *error)
{
    uint64_t end = lpc_now_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000000u;
    for (;;) {
        LpcError own = {0};
        int code = receive_one(ends, timeout_ms, &own);
        if (code) return fails(ends, &own, error);
        if (ends->out_slot.header.kind != LPC_FRAME_BEAT) break;
        uint64_t now = lpc_now_ns();
        if (timeout_ms >= 0) timeout_ms = now < end ? (int)((end - now) / 1000000u) : 0;
    }
    ends->received++;
    return 0;
}

void ends_break(RunEnds *ends)
{
    lpc_link_break(&ends->collect);
    lpc_link_break(&ends->feed);
}

void ends_close(RunEnds *ends)
{
    if (ends->is_open) lpc_pulse_end(&ends->pulse);
    ends->is_open = 0;
    lpc_link_close(&ends->feed);
    lpc_link_close(&ends->collect);
}

void ends_free(RunEnds *ends)
{
    ends_close(ends);
    lpc_pulse_stop(&ends->pulse);
    free(ends->memory);
    ends->memory = NULL;
}
