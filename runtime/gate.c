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

enum { HELLO_S = 2, TOLD_ALWAYS = 8, PAUSE_MS = 10 };

static const uint32_t not_told = UINT32_MAX;

/* --- the line --- */

/* Sends a hello that answers. It fits what a fresh socket takes. */
static void answer(const LpcGate *gate, LpcPending *p, uint32_t status, uint32_t before)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcHello hello = gate->own;
    memcpy(hello.stream, p->stream, LPC_STREAM_BYTES);
    hello.answer = status;
    hello.before = before;
    lpc_hello_encode(gate->crc, &hello, bytes);
    (void)send(p->link.fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    p->told = before;
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

/* The place in `pending` of who is first in line; -1: nobody is. */
static int first_in_line(const LpcGate *gate)
{
    int first = -1;
    for (int i = 0; i < gate->count; i++) {
        uint64_t place = gate->pending[i].place;
        if (place && (first < 0 || place < gate->pending[first].place)) first = i;
    }
    return first;
}

static uint32_t count_before(const LpcGate *gate, const LpcPending *p, int serving)
{
    uint32_t before = serving ? 1 : 0;
    for (int i = 0; i < gate->count; i++) {
        uint64_t place = gate->pending[i].place;
        before += place && place < p->place;
    }
    return before;
}

/* Lets the first one in when somebody waits for it, and tells the others where they stand. */
static void serve(LpcGate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    int first = gate->wanted && !gate->is_in ? first_in_line(gate) : -1;
    if (first >= 0) {
        LpcPending *p = &gate->pending[first];
        answer(gate, p, 0, 0);
        gate->let_in = p->link;
        memcpy(gate->stream, p->stream, LPC_STREAM_BYTES);
        *p = gate->pending[--gate->count];
        gate->is_in = gate->serving = 1;
        pthread_cond_signal(&gate->changed);
    }
    int serving = gate->serving;
    pthread_mutex_unlock(&gate->mutex);
    for (int i = 0; i < gate->count; i++) {
        LpcPending *p = &gate->pending[i];
        uint32_t before = p->place ? count_before(gate, p, serving) : not_told;
        if (p->place && before != p->told) answer(gate, p, LPC_EXIT_BUSY, before);
    }
}

/* --- hellos --- */

static void take_in_line(LpcGate *gate, int at)
{
    LpcPending *p = &gate->pending[at];
    LpcHello theirs;
    LpcError error = {0};
    if (lpc_hello_check(gate->crc, &gate->own, p->hello, p->link.peer, &theirs, &error)) {
        refuse(gate, at, &error);
        return;
    }
    memcpy(p->stream, theirs.stream, LPC_STREAM_BYTES);
    if (gate->only && memcmp(gate->only, p->stream, LPC_STREAM_BYTES) != 0) {
        answer(gate, p, LPC_EXIT_STALE, 0);
        lpc_error(&error, LPC_EXIT_STALE, "%.100s brings the results of a stream of before",
                  p->link.peer);
        refuse(gate, at, &error);
        return;
    }
    p->place = ++gate->places;
}

/* Reads what there is of a hello. Whoever is in line has nothing to say: that it is readable is its end. */
static void hear(LpcGate *gate, int at)
{
    LpcPending *p = &gate->pending[at];
    LpcError error = {0};
    if (p->place) {
        drop(gate, at);
        return;
    }
    ssize_t got = recv(p->link.fd, p->hello + p->got, sizeof p->hello - p->got, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (got <= 0) {
        lpc_error(&error, LPC_EXIT_LEFT, "%.100s left without a hello", p->link.peer);
        refuse(gate, at, &error);
        return;
    }
    p->got += (size_t)got;
    if (p->got == sizeof p->hello) take_in_line(gate, at);
}

static void drop_late(LpcGate *gate)
{
    uint64_t now = lpc_now_ns();
    for (int i = gate->count - 1; i >= 0; i--) {
        LpcPending *p = &gate->pending[i];
        LpcError error = {0};
        if (p->place || now < p->deadline) continue;
        lpc_error(&error, LPC_EXIT_LEFT, "%.100s said no hello within %d s", p->link.peer, HELLO_S);
        refuse(gate, i, &error);
    }
}

/* Whoever is silent for the longest; -1: nobody is. */
static int oldest_silent(const LpcGate *gate)
{
    int oldest = -1;
    for (int i = 0; i < gate->count; i++) {
        const LpcPending *p = &gate->pending[i];
        if (!p->place && (oldest < 0 || p->deadline < gate->pending[oldest].deadline)) oldest = i;
    }
    return oldest;
}

/* Room for one more: who is silent for the longest goes. Those in line stay. */
static int make_room(LpcGate *gate)
{
    int oldest = oldest_silent(gate);
    if (oldest < 0) return 0;
    LpcError error = {0};
    lpc_error(&error, LPC_EXIT_LEFT, "%.100s is silent, and others connect",
              gate->pending[oldest].link.peer);
    refuse(gate, oldest, &error);
    return 1;
}

static void let_connect(LpcGate *gate)
{
    LpcError error = {0};
    LpcLink link = {.fd = -1, .stop_fd = -1, .timeout_ms = -1};
    int code = gate->transport->accept(&gate->listener, 0, -1, &link, &error);
    if (code == LPC_EXIT_SYSTEM && !make_room(gate))
        (void)poll(NULL, 0, PAUSE_MS); /* no descriptor is left */
    if (code) return;
    if (gate->count == LPC_PENDING_MOST && !make_room(gate)) {
        lpc_link_close(&link);
        return;
    }
    LpcPending *p = &gate->pending[gate->count++];
    *p = (LpcPending){.link = link, .told = not_told};
    p->deadline = lpc_now_ns() + (uint64_t)HELLO_S * 1000000000u;
    snprintf(p->link.peer, sizeof p->link.peer, "%.40s %.80s", gate->role, link.peer);
}

/* --- the thread --- */

static int until_late(const LpcGate *gate)
{
    uint64_t now = lpc_now_ns(), nearest = UINT64_MAX;
    for (int i = 0; i < gate->count; i++)
        if (!gate->pending[i].place && gate->pending[i].deadline < nearest)
            nearest = gate->pending[i].deadline;
    if (nearest == UINT64_MAX) return -1;
    return nearest <= now ? 0 : (int)((nearest - now) / 1000000u) + 1;
}

static int must_end(LpcGate *gate, int stopped)
{
    pthread_mutex_lock(&gate->mutex);
    gate->stopped |= stopped;
    int ends = gate->stopped || gate->quit;
    if (ends) pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
    return ends;
}

static void *gate_main(void *arg)
{
    enum { WAKE, STOP, LISTEN, FIRST };
    LpcGate *gate = arg;
    for (;;) {
        struct pollfd fds[FIRST + LPC_PENDING_MOST] = {
            {gate->wake[0], POLLIN, 0}, {gate->stop_fd, POLLIN, 0}, {gate->listener.fd, POLLIN, 0}};
        int count = gate->count;
        for (int i = 0; i < count; i++)
            fds[FIRST + i] = (struct pollfd){gate->pending[i].link.fd, POLLIN, 0};
        if (poll(fds, FIRST + (nfds_t)count, until_late(gate)) < 0) continue;
        char bytes[64];
        if (fds[WAKE].revents && read(gate->wake[0], bytes, sizeof bytes) < 0) continue;
        if (must_end(gate, fds[STOP].revents != 0)) return NULL;
        for (int i = count - 1; i >= 0;
             i--) /* from behind: one that goes is replaced by the last */
            if (fds[FIRST + i].revents) hear(gate, i);
        drop_late(gate);
        if (fds[LISTEN].revents) let_connect(gate);
        serve(gate);
    }
}

int lpc_gate_start(LpcGate *gate)
{
    pthread_condattr_t attributes;
    gate->let_in.fd = gate->wake[0] = gate->wake[1] = -1;
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

int lpc_gate_take(LpcGate *gate, int timeout_ms, LpcLink *link, uint8_t stream[LPC_STREAM_BYTES],
                  LpcError *error)
{
    uint64_t end = lpc_now_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000000u;
    struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
    int late = 0, code = 0;
    pthread_mutex_lock(&gate->mutex);
    gate->wanted = 1;
    gate->serving = 0;
    wake(gate);
    while (!gate->is_in && !gate->stopped && !late) {
        if (timeout_ms < 0)
            pthread_cond_wait(&gate->changed, &gate->mutex);
        else
            late = pthread_cond_timedwait(&gate->changed, &gate->mutex, &until) == ETIMEDOUT;
    }
    gate->wanted = 0;
    if (gate->is_in) {
        link->fd = gate->let_in.fd;
        memcpy(link->peer, gate->let_in.peer, sizeof link->peer);
        memcpy(stream, gate->stream, LPC_STREAM_BYTES);
        gate->is_in = 0;
    } else if (gate->stopped) {
        code = LPC_STOPPED;
    } else {
        code = lpc_error(error, LPC_EXIT_MISSING, "nobody connected to %s within %g s",
                         gate->listener.address, timeout_ms / 1000.0);
    }
    pthread_mutex_unlock(&gate->mutex);
    return code;
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
        close(gate->wake[0]);
        close(gate->wake[1]);
        gate->started = 0;
    }
    if (gate->listener.fd >= 0) close(gate->listener.fd);
    gate->listener.fd = -1;
}

/* --- the other side --- */

static int wait_answer(const LpcLink *link, const LpcLink *watch, LpcError *error)
{
    for (;;) {
        struct pollfd fds[3] = {{link->fd, POLLIN, 0},
                                {link->stop_fd, POLLIN, 0},
                                {watch ? watch->fd : -1, POLLRDHUP, 0}};
        int ready = poll(fds, 3, link->timeout_ms);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return lpc_error(error, LPC_EXIT_SYSTEM, "poll: %s", strerror(errno));
        if (fds[1].revents) return LPC_STOPPED;
        if (fds[0].revents) return 0;
        if (fds[2].revents)
            return lpc_error(error, LPC_EXIT_LEFT, "%.100s left before the stream began",
                             watch->peer);
        return lpc_error(error, LPC_EXIT_LEFT, "%.100s did not answer within %g s", link->peer,
                         link->timeout_ms / 1000.0);
    }
}

static int read_answer(LpcLink *link, const LpcCrc *crc, const LpcHello *hello, LpcHello *theirs,
                       LpcError *error)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcReader reader = lpc_link_reader(link);
    LpcError left = {0};
    int code = reader.read(reader.self, bytes, sizeof bytes, 0, &left);
    if (code == LPC_EXIT_LEFT && theirs->before != not_told)
        return lpc_error(error, LPC_EXIT_LEFT, "%.100s left while this stream stood in line",
                         link->peer);
    if (code == LPC_EXIT_LEFT)
        return lpc_error(error, LPC_EXIT_BUILD,
                         "%.100s does not answer: it is of another build or stands elsewhere, "
                         "which its own line says",
                         link->peer);
    if (code) return lpc_error(error, code, "%s", left.text);
    code = lpc_hello_check(crc, hello, bytes, link->peer, theirs, error);
    if (!code && memcmp(theirs->stream, hello->stream, LPC_STREAM_BYTES) != 0)
        code = lpc_error(error, LPC_EXIT_FRAME, "%.100s answers for another stream", link->peer);
    return code;
}

int lpc_greet(LpcLink *link, const LpcLink *watch, const LpcCrc *crc, const LpcHello *hello,
              const LpcInLine *in_line, LpcError *error)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcWriter writer = lpc_link_writer(link);
    struct iovec piece = {bytes, sizeof bytes};
    LpcHello theirs = {.before = not_told};
    lpc_hello_encode(crc, hello, bytes);
    int code = writer.write(writer.self, &piece, 1, error);
    while (!code) {
        LpcError late = {0};
        code = wait_answer(link, watch, &late);
        if (code == LPC_EXIT_LEFT && theirs.before != not_told && !watch)
            return lpc_error(error, LPC_EXIT_BUSY, "%.100s is busy: %" PRIu32 " before this one",
                             link->peer, theirs.before);
        if (code > 0) return lpc_error(error, code, "%s", late.text);
        if (!code) code = read_answer(link, crc, hello, &theirs, error);
        if (code || !theirs.answer) return code;
        if (theirs.answer != LPC_EXIT_BUSY)
            return lpc_error(error, LPC_EXIT_STALE, "%.100s waits for no results of this stream",
                             link->peer);
        if (in_line) in_line->tell(in_line->self, link, theirs.before);
    }
    return code;
}

int lpc_welcome(LpcLink *link, const LpcCrc *crc, const LpcHello *own,
                uint8_t stream[LPC_STREAM_BYTES], LpcError *error)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcReader reader = lpc_link_reader(link);
    LpcWriter writer = lpc_link_writer(link);
    struct iovec piece = {bytes, sizeof bytes};
    LpcHello theirs;
    int code = reader.read(reader.self, bytes, sizeof bytes, 0, error);
    if (!code) code = lpc_hello_check(crc, own, bytes, link->peer, &theirs, error);
    if (code) return code;
    memcpy(stream, theirs.stream, LPC_STREAM_BYTES);
    theirs.answer = theirs.before = 0;
    lpc_hello_encode(crc, &theirs, bytes);
    return writer.write(writer.self, &piece, 1, error);
}
