/* See gate.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HELLO_S = 2, /* for a whole hello */
    TOLD_ALWAYS = 8,
    PAUSE_MS = 10,
    AGAIN_MS = 500 /* who stands in line hears so often that he does */
};

/* --- the line --- */

/* Sends a hello that answers. It fits what a fresh socket takes. */
static void answer(const LpcGate *gate, LpcPending *p, uint32_t status, uint32_t before)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcHello hello = p->kind == LPC_IS_ATTACHED ? *gate->result : gate->own;
    memcpy(hello.stream, p->stream, LPC_STREAM_BYTES);
    hello.answer = status;
    hello.before = before;
    lpc_hello_encode(gate->crc, &hello, bytes);
    lpc_link_put(&p->link, bytes, sizeof bytes);
    p->told = before;
    p->told_ns = lpc_now_ns();
}

static void drop(LpcGate *gate, int at)
{
    lpc_link_close(&gate->pending[at].link);
    gate->pending[at] = gate->pending[--gate->count];
}

/* Sends somebody away, and says why: not always, when there are many. */
static void refuse(LpcGate *gate, int at, const LpcError *why)
{
    uint64_t count = ++gate->refused;
    drop(gate, at);
    if (gate->tell && (count <= TOLD_ALWAYS || !(count & (count - 1))))
        gate->tell(gate->self, why->text);
}

/* The place in `pending` of who waits for the results of the stream; -1: nobody does. */
static int find_attached(const LpcGate *gate, const uint8_t stream[LPC_STREAM_BYTES])
{
    for (int i = 0; i < gate->count; i++)
        if (gate->pending[i].kind == LPC_IS_ATTACHED &&
            memcmp(gate->pending[i].stream, stream, LPC_STREAM_BYTES) == 0)
            return i;
    return -1;
}

/* Sends away a stream whose results nobody waits for. */
static void refuse_stale(LpcGate *gate, int at)
{
    LpcError error = {0};
    answer(gate, &gate->pending[at], LPC_EXIT_STALE, 0);
    lpc_error(&error, LPC_EXIT_STALE, "%.100s brings a stream of before",
              gate->pending[at].link.peer);
    refuse(gate, at, &error);
}

/* The place in `pending` of who is first in line; -1: nobody is. */
static int first_in_line(const LpcGate *gate)
{
    int first = -1;
    for (int i = 0; i < gate->count; i++) {
        if (gate->pending[i].kind == LPC_IS_IN_LINE &&
            (first < 0 || gate->pending[i].place < gate->pending[first].place))
            first = i;
    }
    return first;
}

/* How often who stands in line hears so: often enough to be a sign of life. */
static uint64_t again_ns(const LpcGate *gate)
{
    uint32_t ms = gate->own.beat_ms;
    return (uint64_t)(ms && ms < AGAIN_MS ? ms : AGAIN_MS) * 1000000u;
}

/* How many streams come before one in line: those before it, and one that must end first. */
static uint32_t count_before(const LpcGate *gate, const LpcPending *p, int is_full)
{
    uint32_t before = is_full ? 1 : 0;
    for (int i = 0; i < gate->count; i++)
        before += gate->pending[i].kind == LPC_IS_IN_LINE && gate->pending[i].place < p->place;
    return before;
}

static LpcLink link_of(const LpcPending *p)
{
    LpcLink link = p->link;
    link.silence_ms = lpc_silence_ms(p->beat_ms);
    return link;
}

/* Lets the first one in when somebody waits for it. Returns whether another one may follow. Under the mutex. */
static int let_first_in(LpcGate *gate)
{
    static const LpcLink gone = {.fd = -1};
    int first = gate->wanted && !gate->is_in ? first_in_line(gate) : -1, client = -1;
    if (first < 0) return 0;
    LpcPending *p = &gate->pending[first];
    if (gate->result && (client = find_attached(gate, p->stream)) < 0) {
        refuse_stale(gate, first);
        return 1;
    }
    answer(gate, p, 0, 0);
    gate->let_in = link_of(p);
    memcpy(gate->stream, p->stream, LPC_STREAM_BYTES);
    if (client >= 0) gate->result_to = link_of(&gate->pending[client]);
    p->link = gone; /* it is whose that took it */
    if (client >= 0) gate->pending[client].link = gone;
    for (int i = gate->count - 1; i >= 0; i--)
        if (gate->pending[i].link.fd < 0) drop(gate, i);
    gate->is_in = 1;
    gate->wanted--;
    gate->serving++;
    pthread_cond_broadcast(&gate->changed);
    return 0;
}

/* Serves who is first, and tells the others where they stand. */
static void serve(LpcGate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    while (let_first_in(gate)) continue;
    int is_full = gate->serving > 0 && !gate->wanted;
    pthread_mutex_unlock(&gate->mutex);
    uint64_t now = lpc_now_ns();
    for (int i = 0; i < gate->count; i++) {
        LpcPending *p = &gate->pending[i];
        if (p->kind != LPC_IS_IN_LINE) continue;
        uint32_t before = count_before(gate, p, is_full);
        if (before != p->told || now >= p->told_ns + again_ns(gate))
            answer(gate, p, LPC_EXIT_BUSY, before);
    }
}

/* --- hellos --- */

/* Judges a whole hello, which asks for results or brings a stream. */
static void take_in_line(LpcGate *gate, int at)
{
    LpcPending *p = &gate->pending[at];
    LpcHello theirs;
    LpcError error = {0};
    uint32_t cut = lpc_hello_cut(p->hello);
    int attaches = gate->result && cut == gate->result->cut;
    const LpcHello *own = attaches ? gate->result : &gate->own;
    if (lpc_hello_check(gate->crc, own, p->hello, p->link.peer, &theirs, &error)) {
        refuse(gate, at, &error);
        return;
    }
    memcpy(p->stream, theirs.stream, LPC_STREAM_BYTES);
    p->beat_ms = theirs.beat_ms;
    if (attaches) {
        int is_first = find_attached(gate, p->stream) < 0;
        p->kind = LPC_IS_ATTACHED;
        answer(gate, p, is_first ? 0 : LPC_EXIT_STALE, 0);
        if (!is_first) drop(gate, at);
    } else if (gate->result && find_attached(gate, p->stream) < 0) {
        refuse_stale(gate, at);
    } else {
        p->kind = LPC_IS_IN_LINE;
        p->place = ++gate->places;
    }
}

/* Whoever leaves is done with when nothing more comes from there. */
static void hear_leaving(LpcGate *gate, int at)
{
    char bytes[1024];
    ssize_t got = recv(gate->pending[at].link.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0 && gate->pending[at].link.silence_ms > 0)
        gate->pending[at].deadline = lpc_deadline(gate->pending[at].link.silence_ms);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))) return;
    drop(gate, at);
}

/* Reads what there is of a hello. */
static void hear_hello(LpcGate *gate, int at)
{
    LpcPending *p = &gate->pending[at];
    LpcError error = {0};
    while (p->got < LPC_HELLO_BYTES) {
        ssize_t got = lpc_link_get(&p->link, p->hello + p->got, LPC_HELLO_BYTES - p->got);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
        if (got <= 0) {
            lpc_error(&error, LPC_EXIT_LEFT, "%.100s left without a hello", p->link.peer);
            refuse(gate, at, &error);
            return;
        }
        p->got += (size_t)got;
    }
    take_in_line(gate, at);
}

static void hear_stranger(LpcGate *gate, int at)
{
    LpcPending *p = &gate->pending[at];
    LpcError error = {0};
    int code = lpc_gate_prove(gate, p, &error);
    if (code == LPC_TLS_MORE) return;
    if (code) {
        refuse(gate, at, &error);
        return;
    }
    p->kind = LPC_IS_SILENT;
    p->got = 0;
    p->deadline = lpc_now_ns() + (uint64_t)HELLO_S * 1000000000u;
    hear_hello(gate, at); /* which may have come with the handshake's end */
}

/* Whoever is in line has nothing to say: that it is readable is its end. Who is attached may: beats that are read
 * later. */
static void hear(LpcGate *gate, int at)
{
    switch (gate->pending[at].kind) {
    case LPC_IS_LEAVING: hear_leaving(gate, at); break;
    case LPC_IS_STRANGER: hear_stranger(gate, at); break;
    case LPC_IS_SILENT: hear_hello(gate, at); break;
    default: drop(gate, at);
    }
}

/* Gives sessions to those who wait for one, as far as there are some. */
static void hear_waiting(LpcGate *gate)
{
    for (int at, count; (at = lpc_gate_first_waiting(gate)) >= 0;) {
        count = gate->count;
        hear_stranger(gate, at);
        if (gate->count == count && lpc_gate_waits(&gate->pending[at])) return;
    }
}

static void drop_late(LpcGate *gate)
{
    uint64_t now = lpc_now_ns();
    for (int i = gate->count - 1; i >= 0; i--) {
        LpcPending *p = &gate->pending[i];
        LpcError error = {0};
        int ends = p->kind != LPC_IS_IN_LINE && p->kind != LPC_IS_ATTACHED;
        if (!ends || (now < p->deadline && !lpc_gate_is_slow(gate, p))) continue;
        if (p->kind == LPC_IS_LEAVING) {
            drop(gate, i);
            continue;
        }
        if (p->kind == LPC_IS_STRANGER)
            lpc_error(&error, LPC_EXIT_KEY, "%.100s did not prove its key in time", p->link.peer);
        else
            lpc_error(&error, LPC_EXIT_LEFT, "%.100s said no hello within %d s", p->link.peer,
                      HELLO_S);
        refuse(gate, i, &error);
    }
}

/* Room for one more: who is silent for the longest goes. Those in line and those attached stay. */
static int make_room(LpcGate *gate)
{
    int silent, first = lpc_gate_first_to_go(gate, &silent);
    if (first < 0) return 0;
    LpcError error = {0};
    lpc_error(&error, LPC_EXIT_LEFT, "%.100s is silent, and others connect",
              gate->pending[first].link.peer);
    refuse(gate, first, &error);
    return 1;
}

static int has_room(const LpcGate *gate)
{
    int silent;
    (void)lpc_gate_first_to_go(gate, &silent);
    return gate->count < LPC_PENDING_MOST && silent < LPC_SILENT_MOST;
}

static void let_connect(LpcGate *gate)
{
    LpcError error = {0};
    LpcLink link = {.fd = -1, .stop_fd = -1, .timeout_ms = -1};
    int code = gate->transport->accept(&gate->listener, 0, -1, &link, &error);
    if (code == LPC_EXIT_SYSTEM && !make_room(gate))
        (void)poll(NULL, 0, PAUSE_MS); /* no descriptor is left */
    if (code) return;
    if (!has_room(gate) && !make_room(gate)) {
        lpc_link_close(&link);
        return;
    }
    LpcPending *p = &gate->pending[gate->count++];
    *p = (LpcPending){
        .kind = gate->tls ? LPC_IS_STRANGER : LPC_IS_SILENT, .link = link, .told = LPC_NOT_TOLD};
    p->deadline = lpc_now_ns() + (uint64_t)HELLO_S * 1000000000u;
    snprintf(p->link.peer, sizeof p->link.peer, "%.40s %.80s", gate->role, link.peer);
}

/* Takes over those whose stream has ended. */
static void let_leave(LpcGate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    for (int i = 0; i < gate->leaving_count; i++) {
        LpcLink *link = &gate->leaving[i];
        if (gate->count == LPC_PENDING_MOST)
            lpc_link_close(link);
        else
            gate->pending[gate->count++] =
                (LpcPending){.kind = LPC_IS_LEAVING,
                             .link = *link,
                             .deadline = lpc_deadline(link->silence_ms > 0 ? link->silence_ms
                                                                           : link->timeout_ms)};
    }
    gate->leaving_count = 0;
    pthread_mutex_unlock(&gate->mutex);
}

/* --- the thread --- */

/* Until somebody is late, or must hear again that he stands in line. */
static int until_due(const LpcGate *gate)
{
    uint64_t now = lpc_now_ns(), nearest = UINT64_MAX;
    for (int i = 0; i < gate->count; i++) {
        const LpcPending *p = &gate->pending[i];
        uint64_t due = p->kind == LPC_IS_IN_LINE ? p->told_ns + again_ns(gate) : p->deadline,
                 proof = lpc_gate_proof_due(gate, p);
        if (proof < due) due = proof;
        if (p->kind != LPC_IS_ATTACHED && due < nearest) nearest = due;
    }
    if (nearest == UINT64_MAX) return -1;
    return nearest <= now ? 0 : (int)((nearest - now) / 1000000u) + 1;
}

/* All is to end: nobody takes longer to leave than this. */
static void hurry(LpcGate *gate)
{
    uint64_t latest = lpc_now_ns() + (uint64_t)gate->leave_ms * 1000000u;
    for (int i = 0; i < gate->count; i++) {
        LpcPending *p = &gate->pending[i];
        if (p->kind == LPC_IS_LEAVING && p->deadline > latest) p->deadline = latest;
    }
}

static int must_end(LpcGate *gate, int stopped)
{
    pthread_mutex_lock(&gate->mutex);
    gate->stopped |= stopped;
    int leaving = gate->leaving_count, ends = gate->quit;
    if (gate->stopped) pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
    if (ends && gate->leave_ms > 0) hurry(gate);
    for (int i = 0; i < gate->count; i++) leaving += gate->pending[i].kind == LPC_IS_LEAVING;
    return ends && !leaving;
}

static void *gate_main(void *arg)
{
    enum { WAKE, STOP, LISTEN, FIRST };
    LpcGate *gate = arg;
    for (int stopped = 0;;) {
        let_leave(gate);
        if (must_end(gate, stopped)) return NULL;
        lpc_gate_refill(gate);
        struct pollfd fds[FIRST + LPC_PENDING_MOST] = {
            {gate->wake[0], POLLIN, 0},
            {gate->stopped ? -1 : gate->stop_fd, POLLIN, 0},
            {gate->stopped ? -1 : gate->listener.fd, POLLIN, 0}};
        int count = gate->count;
        for (int i = 0; i < count; i++)
            fds[FIRST + i] = (struct pollfd){
                lpc_gate_is_heard(gate, &gate->pending[i]) ? gate->pending[i].link.fd : -1,
                (short)(gate->pending[i].kind == LPC_IS_ATTACHED ? POLLRDHUP : POLLIN), 0};
        if (poll(fds, FIRST + (nfds_t)count, until_due(gate)) < 0) continue;
        char bytes[64];
        if (fds[WAKE].revents && read(gate->wake[0], bytes, sizeof bytes) < 0) continue;
        stopped = fds[STOP].revents != 0;
        for (int i = count - 1; i >= 0;
             i--) /* from behind: one that goes is replaced by the last */
            if (fds[FIRST + i].revents) hear(gate, i);
        drop_late(gate);
        hear_waiting(gate);
        if (fds[LISTEN].revents) let_connect(gate);
        serve(gate);
    }
}

int lpc_gate_start(LpcGate *gate)
{
    pthread_condattr_t attributes;
    gate->let_in.fd = gate->result_to.fd = gate->wake[0] = gate->wake[1] = -1;
    if (pipe2(gate->wake, O_CLOEXEC | O_NONBLOCK)) return errno;
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&gate->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int failure = pthread_create(&gate->thread, NULL, gate_main, gate);
    gate->started = !failure;
    return failure;
}

static void wake(const LpcGate *gate)
{
    if (write(gate->wake[1], "", 1) < 0) return; /* full: it will wake anyhow */
}

/* Hands over what was let in. Under the mutex. */
static void hand_over(LpcGate *gate, LpcLink *link, LpcLink *result,
                      uint8_t stream[LPC_STREAM_BYTES])
{
    const LpcLink *from[] = {&gate->let_in, &gate->result_to};
    LpcLink *to[] = {link, result};
    for (int i = 0; i < 2; i++) {
        if (!to[i]) continue;
        to[i]->fd = from[i]->fd;
        to[i]->tls = from[i]->tls;
        to[i]->silence_ms = from[i]->silence_ms;
        memcpy(to[i]->peer, from[i]->peer, sizeof to[i]->peer);
    }
    memcpy(stream, gate->stream, LPC_STREAM_BYTES);
    gate->is_in = 0;
}

int lpc_gate_take(LpcGate *gate, int timeout_ms, LpcLink *link, LpcLink *result,
                  uint8_t stream[LPC_STREAM_BYTES], LpcError *error)
{
    uint64_t end = lpc_now_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000000u;
    struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
    int late = 0, code = 0;
    pthread_mutex_lock(&gate->mutex);
    gate->wanted++;
    wake(gate);
    while (!gate->is_in && !gate->stopped && !late) {
        if (timeout_ms < 0)
            pthread_cond_wait(&gate->changed, &gate->mutex);
        else
            late = pthread_cond_timedwait(&gate->changed, &gate->mutex, &until) == ETIMEDOUT;
    }
    if (gate->is_in) {
        hand_over(gate, link, result, stream);
        if (gate->wanted) wake(gate); /* another one may be let in */
    } else {
        gate->wanted--;
        code = gate->stopped
                   ? LPC_STOPPED
                   : lpc_error(error, LPC_EXIT_MISSING, "nobody connected to %s within %g s",
                               gate->listener.address, timeout_ms / 1000.0);
    }
    pthread_mutex_unlock(&gate->mutex);
    return code;
}

void lpc_gate_leave(LpcGate *gate, LpcLink *link)
{
    pthread_mutex_lock(&gate->mutex);
    if (gate->leaving_count < LPC_SILENT_MOST) {
        lpc_link_end_writing(link);
        lpc_tls_give(link->tls); /* what comes from there is only counted */
        link->tls = NULL;
        gate->leaving[gate->leaving_count++] = *link;
        link->fd = -1;
        wake(gate);
    }
    pthread_mutex_unlock(&gate->mutex);
    lpc_link_close(link);
}

void lpc_gate_done(LpcGate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->serving--;
    pthread_mutex_unlock(&gate->mutex);
}

void lpc_gate_stop(LpcGate *gate)
{
    if (gate->started) {
        pthread_mutex_lock(&gate->mutex);
        gate->quit = 1;
        pthread_mutex_unlock(&gate->mutex);
        wake(gate);
        pthread_join(gate->thread, NULL);
        while (gate->count) drop(gate, 0);
        if (gate->is_in) lpc_link_close(&gate->let_in);
        if (gate->is_in) lpc_link_close(&gate->result_to);
        close(gate->wake[0]);
        close(gate->wake[1]);
        gate->started = 0;
    }
    if (gate->listener.fd >= 0) close(gate->listener.fd);
    gate->listener.fd = -1;
}
