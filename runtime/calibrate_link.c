/* The link to a peer: round trips of a few bytes for latency, long ones for bandwidth.
 *
 * A request is the magic number and a count of bytes, little-endian, then so many bytes; the answer
 * is the magic number. What does not look so ends the connection. */
#include "calibrate.h"
#include "stats.h"
#include "transport.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PINGS = 60, PART = 1 << 16, WAIT_MS = 10000 };

static const uint64_t magic = UINT64_C(0x314c41434350434c);
static const uint64_t longest = UINT64_C(1) << 28;

static int send_bytes(LpcLink *link, const void *data, size_t size, LpcError *error)
{
    LpcWriter writer = lpc_link_writer(link);
    struct iovec piece = {(void *)(uintptr_t)data, size};
    return writer.write(writer.self, &piece, 1, error);
}

static int get_bytes(LpcLink *link, void *data, size_t size, LpcError *error)
{
    LpcReader reader = lpc_link_reader(link);
    return reader.read(reader.self, data, size, 0, error);
}

/* ---- Serving ---- */

static int answer(LpcLink *link, uint8_t *part, LpcError *error)
{
    uint64_t request[2];
    int code = get_bytes(link, request, sizeof request, error);
    if (code) return code;
    if (request[0] != magic || request[1] > longest)
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s sends something else", link->peer);
    for (uint64_t left = request[1]; left && !code;) {
        size_t size = left < PART ? (size_t)left : PART;
        code = get_bytes(link, part, size, error);
        left -= size;
    }
    return code ? code : send_bytes(link, &magic, sizeof magic, error);
}

int lpc_link_serve(const char *address, int once, LpcError *error)
{
    LpcListener listener;
    const LpcTransport *transport = lpc_transport_find(&address);
    uint8_t *part = malloc(PART);
    if (!part) return lpc_error(error, LPC_EXIT_SYSTEM, "out of memory");
    signal(SIGPIPE, SIG_IGN);
    int code = transport->listen(address, &listener, error);
    if (!code) printf("listening on %s\n", listener.address);
    fflush(stdout);
    while (!code) {
        LpcLink link = {.fd = -1, .stop_fd = -1};
        LpcError ended = {0};
        code = transport->accept(&listener, -1, -1, &link, error);
        if (code) break;
        link.timeout_ms = WAIT_MS;
        while (!answer(&link, part, &ended)) continue;
        lpc_link_close(&link);
        if (once) break;
    }
    free(part);
    return code;
}

/* ---- Measuring ---- */

/* Seconds until `bytes` are there and acknowledged. */
static int round_trip(LpcLink *link, uint8_t *part, uint64_t bytes, double *seconds,
                      LpcError *error)
{
    uint64_t request[2] = {magic, bytes}, reply = 0, begin = lpc_now_ns();
    int code = send_bytes(link, request, sizeof request, error);
    for (uint64_t left = bytes; left && !code;) {
        size_t size = left < PART ? (size_t)left : PART;
        code = send_bytes(link, part, size, error);
        left -= size;
    }
    if (!code) code = get_bytes(link, &reply, sizeof reply, error);
    if (!code && reply != magic)
        code = lpc_error(error, LPC_EXIT_FRAME, "%.100s answers something else", link->peer);
    *seconds = (double)(lpc_now_ns() - begin) * 1e-9;
    return code;
}

static int measure(LpcLink *link, uint8_t *part, LpcLinkFigures *figures, LpcError *error)
{
    float times[PINGS];
    double seconds = 0;
    for (int i = 0; i < PINGS; i++) {
        int code = round_trip(link, part, 8, &seconds, error);
        if (code) return code;
        times[i] = (float)seconds;
    }
    double trip = (double)lpc_median(times, PINGS);
    uint64_t bytes = 1 << 18;
    for (;; bytes *= 4) { /* until the transfer is long enough, three times */
        float three[3];
        for (int i = 0; i < 3; i++) {
            int code = round_trip(link, part, bytes, &seconds, error);
            if (code) return code;
            three[i] = (float)seconds;
        }
        seconds = (double)lpc_median(three, 3);
        if (seconds > 0.1 || bytes * 4 > longest) break;
    }
    double moving = seconds > 2 * trip ? seconds - trip : seconds;
    *figures = (LpcLinkFigures){.bandwidth = (double)bytes / moving, .latency = trip / 2};
    return 0;
}

int lpc_link_measure(const char *address, LpcLinkFigures *figures, LpcError *error)
{
    LpcLink link = {.fd = -1, .stop_fd = -1};
    const LpcTransport *transport = lpc_transport_find(&address);
    uint8_t *part = calloc(1, PART);
    if (!part) return lpc_error(error, LPC_EXIT_SYSTEM, "out of memory");
    signal(SIGPIPE, SIG_IGN);
    int code = transport->connect(address, WAIT_MS, -1, NULL, &link, error);
    if (!code) {
        link.timeout_ms = WAIT_MS;
        code = measure(&link, part, figures, error);
        lpc_link_close(&link);
    }
    free(part);
    return code;
}
