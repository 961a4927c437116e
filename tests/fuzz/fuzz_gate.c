/* libFuzzer target for all that a listener with keys reads from somebody who has not proved one: the first record, and what
 * follows it, as TLS. The input is what comes, in two parts: the first byte says where it is cut. Nobody may get in. */
#include "gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_pool(LpcGate *gate)
{
    static LpcKeys keys;
    char path[] = "/tmp/lpc-fuzz-gate-XXXXXX", line[LPC_KEY_LINE_BYTES];
    LpcError error = {0};
    int fd = mkstemp(path);
    if (fd < 0 || lpc_keys_draw("main", line, &error) || dprintf(fd, "%s", line) < 0 ||
        lpc_keys_open(&keys, path, &error) || lpc_tls_open(&gate->tls, &keys, 1, &error))
        abort();
    close(fd);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static LpcGate gate;
    LpcPending pending = {.kind = LPC_IS_STRANGER, .link = {.peer = "peer"}};
    LpcError error = {0};
    int pair[2];
    if (!lpc_tls_is_here()) return 0;
    if (!gate.tls) make_pool(&gate);
    if (!size || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair)) return 0;
    size_t cut = data[0] < size - 1 ? data[0] : size - 1;
    const size_t ends[] = {1 + cut, size};
    pending.link.fd = pair[0];
    for (size_t part = 0, at = 1; part < 2 && !error.code; part++) {
        ssize_t sent = write(pair[1], data + at, ends[part] - at);
        at = ends[part];
        if (part) shutdown(pair[1], SHUT_WR);
        gate.budget_ns = 1000000000;
        if (sent < 0 || !lpc_gate_prove(&gate, &pending, &error)) abort();
    }
    lpc_link_close(&pending.link);
    close(pair[1]);
    return 0;
}
