/* See pulse.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *doing_words(uint32_t doing)
{
    switch (doing) {
#define X(id, number, words)                                                                       \
    case number: return words;
        LPC_DOINGS(X)
#undef X
    default: return "did something unknown";
    }
}

void lpc_pulse_silence(const LpcLink *link, const LpcBeat *last, LpcError *error)
{
    if (!last->name[0]) {
        lpc_error(error, LPC_EXIT_LEFT, "%.100s gives no sign of life for %g s", link->peer,
                  link->silence_ms / 1000.0);
        return;
    }
    lpc_error(
        error, LPC_EXIT_LEFT,
        "%.90s (%.40s) gives no sign of life for %g s; it had finished %" PRIu64 " frames, and %s",
        link->peer, last->name, link->silence_ms / 1000.0, last->done, doing_words(last->doing));
}

/* --- sending --- */

/* Sends a beat if there is room, which a beat never waits for. */
static void send_beat(const LpcPulse *pulse, LpcLink *link, uint64_t sequence)
{
    LpcBeat beat = {0};
    LpcError ignored = {0}; /* who reads the link sees its end */
    LpcWriter writer = lpc_link_writer(link);
    if (!lpc_link_writable(link)) return;
    pulse->look(pulse->self, &beat);
    (void)lpc_send_beat(&writer, pulse->crc, sequence, &beat, &ignored);
}

static void send_beats(LpcPulse *pulse, LpcLink *in, LpcLink *out)
{
    if (in) send_beat(pulse, in, 0);
    if (!out || pthread_mutex_trylock(&pulse->sending)) return; /* a frame is a sign of life, too */
    pthread_mutex_lock(&pulse->mutex);
    int is_last = pulse->is_last;
    pthread_mutex_unlock(&pulse->mutex);
    if (!is_last) send_beat(pulse, out, pulse->sent);
    pthread_mutex_unlock(&pulse->sending);
}

/* --- hearing --- */

static void lose(LpcPulse *pulse, const LpcError *error)
{
    pthread_mutex_lock(&pulse->mutex);
    pulse->out = NULL;
    int is_last = pulse->is_last;
    pthread_mutex_unlock(&pulse->mutex);
    if (!is_last) pulse->lost(pulse->self, error);
}

/* Something came against the stream. */
static void hear(LpcPulse *pulse, LpcLink *out)
{
    LpcReader reader = lpc_link_reader(out);
    LpcSlot slot = {0};
    LpcError error = {0};
    int code = lpc_receive_back(&reader, pulse->crc, &slot, &error);
    if (code) {
        lose(pulse, &error);
    } else if (slot.header.kind == LPC_FRAME_ERROR) {
        lose(pulse, &slot.error);
    } else {
        pthread_mutex_lock(&pulse->mutex);
        pulse->after = slot.beat;
        pulse->heard_ns = lpc_now_ns();
        pthread_mutex_unlock(&pulse->mutex);
    }
}

static uint64_t silent_at(const LpcPulse *pulse, const LpcLink *out)
{
    if (!out || out->silence_ms <= 0) return UINT64_MAX;
    return pulse->heard_ns + (uint64_t)out->silence_ms * 1000000u;
}

/* --- the thread --- */

static int ms_until(uint64_t when)
{
    uint64_t now = lpc_now_ns();
    if (when == UINT64_MAX) return -1;
    return when <= now ? 0 : (int)((when - now) / 1000000u) + 1;
}

/* One round: waits for what comes first, and does it. */
static int beat_once(LpcPulse *pulse, uint64_t *next)
{
    pthread_mutex_lock(&pulse->mutex);
    LpcLink *in = pulse->in, *out = pulse->out;
    uint64_t silent = silent_at(pulse, out);
    int quit = pulse->quit;
    pthread_mutex_unlock(&pulse->mutex);
    if (quit) return 0;

    struct pollfd fds[2] = {{pulse->wake[0], POLLIN, 0}, {out ? out->fd : -1, POLLIN, 0}};
    int holds = out && lpc_link_holds(out);
    if (poll(fds, 2, holds ? 0 : ms_until(silent < *next ? silent : *next)) < 0) return 1;
    char bytes[16];
    if (fds[0].revents && read(pulse->wake[0], bytes, sizeof bytes) > 0) {
        if (pulse->beat_ms > 0) *next = 0; /* a link is new: it hears at once who is there */
        return 1;
    }
    if (holds || fds[1].revents) {
        hear(pulse, out);
    } else if (lpc_now_ns() >= silent) {
        LpcError error = {0};
        lpc_pulse_silence(out, &pulse->after, &error);
        lose(pulse, &error);
    }
    if (lpc_now_ns() >= *next) {
        send_beats(pulse, in, out);
        *next = lpc_now_ns() + (uint64_t)pulse->beat_ms * 1000000u;
    }
    return 1;
}

static void pulse_main(void *self)
{
    LpcPulse *pulse = self;
    uint64_t next = pulse->beat_ms > 0 ? 0 : UINT64_MAX;
    while (beat_once(pulse, &next)) continue;
}

int lpc_pulse_start(LpcPulse *pulse)
{
    pthread_mutex_init(&pulse->mutex, NULL);
    pthread_mutex_init(&pulse->sending, NULL);
    if (pipe2(pulse->wake, O_CLOEXEC | O_NONBLOCK)) return errno;
    return lpc_helper_start(&pulse->helper, pulse_main, pulse);
}

static void wake(const LpcPulse *pulse)
{
    if (write(pulse->wake[1], "", 1) < 0) return; /* full: it will wake anyhow */
}

void lpc_pulse_begin(LpcPulse *pulse, LpcLink *in)
{
    pulse->quit = pulse->is_last = 0; /* the thread waits */
    pulse->sent = 0;
    pulse->in = in;
    pulse->out = NULL;
    memset(&pulse->after, 0, sizeof pulse->after);
    lpc_helper_run(&pulse->helper);
}

void lpc_pulse_connect(LpcPulse *pulse, LpcLink *out)
{
    pthread_mutex_lock(&pulse->mutex);
    pulse->out = out;
    pulse->heard_ns = lpc_now_ns();
    pthread_mutex_unlock(&pulse->mutex);
    wake(pulse);
}

void lpc_pulse_is_last(LpcPulse *pulse)
{
    pthread_mutex_lock(&pulse->mutex);
    pulse->is_last = 1;
    pthread_mutex_unlock(&pulse->mutex);
}

void lpc_pulse_in_ended(LpcPulse *pulse)
{
    pthread_mutex_lock(&pulse->mutex);
    pulse->in = NULL;
    pthread_mutex_unlock(&pulse->mutex);
}

void lpc_pulse_end(LpcPulse *pulse)
{
    pthread_mutex_lock(&pulse->mutex);
    pulse->quit = 1;
    pthread_mutex_unlock(&pulse->mutex);
    wake(pulse);
    lpc_helper_wait(&pulse->helper);
}

void lpc_pulse_stop(LpcPulse *pulse)
{
    if (!pulse->helper.started) return;
    lpc_helper_stop(&pulse->helper);
    close(pulse->wake[0]);
    close(pulse->wake[1]);
}
