/* Those at the gate who have not proved their key: see gate.h.
 *
 * Somebody unknown costs a place in `pending`, with room for one short record, for two seconds at most. Only once his
 * first record is whole, and is the first one of a TLS client, he gets one of the few sessions there are for that; what
 * he sends reaches nothing but TLS until he has proved a key. A handshake makes this end compute for a millisecond or
 * two, before the other one has done anything that costs him: so all of them together get a tenth of one core's time
 * (and a moment at once, which is enough for a few). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "gate.h"

#include <errno.h>
#include <time.h>

enum {
    SHARE = 10,            /* one in so many nanoseconds goes to strangers, */
    BURST_NS = 50000000,   /* and what they left is saved up to that */
    RECORD_HEADER = 5,     /* type, version, length */
    RECORD_HANDSHAKE = 22, /* RFC 5246, 6.2.1 */
    CLIENT_HELLO = 1,      /* 7.4 */
    SLOW_NS = 250000000    /* who takes longer goes when others wait */
};

int lpc_first_bytes(const uint8_t *bytes, size_t got)
{
    if (got >= 1 && bytes[0] != RECORD_HANDSHAKE) return -1;
    if (got >= 2 && bytes[1] != 3) return -1;
    if (got < RECORD_HEADER) return 0;
    int length = RECORD_HEADER + (bytes[3] << 8 | bytes[4]);
    if (length <= RECORD_HEADER || length > LPC_FIRST_BYTES) return -1;
    return got > RECORD_HEADER && bytes[RECORD_HEADER] != CLIENT_HELLO ? -1 : length;
}

/* What this thread has computed, whatever else the processor did meanwhile. */
static uint64_t spent_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void lpc_gate_refill(LpcGate *gate)
{
    uint64_t now = lpc_now_ns(), more = (now - gate->budget_at) / SHARE;
    gate->budget_ns += (int64_t)(more < BURST_NS ? more : BURST_NS);
    if (gate->budget_ns > BURST_NS) gate->budget_ns = BURST_NS;
    gate->budget_at = now;
}

/* Reads what there is of the first record. */
static int read_first(LpcPending *p, LpcError *error)
{
    while (!p->is_whole) {
        int whole = lpc_first_bytes(p->hello, p->got);
        size_t most = whole > 0 ? (size_t)whole : RECORD_HEADER;
        if (whole < 0)
            return lpc_error(error, LPC_EXIT_KEY,
                             "%.100s speaks no TLS: it was started without --keys, or is no lpc",
                             p->link.peer);
        if (whole > 0 && p->got == most) {
            p->is_whole = 1;
            break;
        }
        ssize_t got = lpc_link_get(&p->link, p->hello + p->got, most - p->got);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return LPC_TLS_MORE;
        if (got <= 0)
            return lpc_error(error, LPC_EXIT_LEFT, "%.100s left before it had proved its key",
                             p->link.peer);
        p->got += (size_t)got;
    }
    return 0;
}

int lpc_gate_prove(LpcGate *gate, LpcPending *p, LpcError *error)
{
    int code = p->link.tls ? 0 : read_first(p, error);
    if (code) return code;
    lpc_gate_refill(gate);
    if (gate->budget_ns <= 0) return LPC_TLS_MORE;
    uint64_t begin = spent_ns();
    if (!p->link.tls) {
        p->link.tls = lpc_tls_take(gate->tls, p->link.fd, p->hello, p->got);
        p->proving_ns = lpc_now_ns();
    }
    if (!p->link.tls) return LPC_TLS_MORE;
    code = lpc_tls_step(p->link.tls, p->link.peer, error);
    gate->budget_ns -= (int64_t)(spent_ns() - begin);
    return code;
}

int lpc_gate_waits(const LpcPending *p)
{
    return p->kind == LPC_IS_STRANGER && p->is_whole && !p->link.tls;
}

int lpc_gate_first_waiting(const LpcGate *gate)
{
    int first = -1;
    for (int i = 0; i < gate->count; i++)
        if (lpc_gate_waits(&gate->pending[i]) &&
            (first < 0 || gate->pending[i].deadline < gate->pending[first].deadline))
            first = i;
    return first;
}

int lpc_gate_is_heard(const LpcGate *gate, const LpcPending *p)
{
    return p->kind != LPC_IS_STRANGER || !p->is_whole || (p->link.tls && gate->budget_ns > 0);
}

uint64_t lpc_gate_proof_due(const LpcGate *gate, const LpcPending *p)
{
    uint64_t due = UINT64_MAX;
    if (p->kind != LPC_IS_STRANGER || !p->is_whole) return due;
    if (p->link.tls && lpc_gate_first_waiting(gate) >= 0) due = p->proving_ns + SLOW_NS;
    if (gate->budget_ns > 0) return due;
    uint64_t refilled = gate->budget_at + (uint64_t)(1 - gate->budget_ns) * SHARE;
    return refilled < due ? refilled : due;
}

int lpc_gate_is_slow(const LpcGate *gate, const LpcPending *p)
{
    return p->kind == LPC_IS_STRANGER && p->link.tls && lpc_now_ns() >= p->proving_ns + SLOW_NS &&
           lpc_gate_first_waiting(gate) >= 0;
}

/* How soon somebody goes when there is no room: who has sent nothing whole, */
static int rank(const LpcPending *p)
{
    return !p->is_whole ? 0 : lpc_gate_waits(p) ? 1 : 2;
}

/* longer silent ones first; then who waits to prove a key, the last one first, so that the others get their turn. */
static int goes_before(const LpcPending *a, const LpcPending *b)
{
    int first = rank(a), second = rank(b);
    if (first != second) return first < second;
    return first == 1 ? a->deadline > b->deadline : a->deadline < b->deadline;
}

int lpc_gate_first_to_go(const LpcGate *gate, int *count)
{
    int first = -1;
    *count = 0;
    for (int i = 0; i < gate->count; i++) {
        const LpcPending *p = &gate->pending[i];
        if (p->kind != LPC_IS_SILENT && p->kind != LPC_IS_STRANGER) continue;
        ++*count;
        if (first < 0 || goes_before(p, &gate->pending[first])) first = i;
    }
    return first;
}
