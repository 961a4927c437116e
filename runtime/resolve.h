/* Names of machines to addresses: /etc/hosts, the servers and the search list of /etc/resolv.conf, and for
 * NAME.local whoever answers on the local network (multicast DNS, RFC 6762).
 *
 * Not getaddrinfo: a static program cannot rely on it, and it cannot be interrupted. */
#ifndef LPC_RUNTIME_RESOLVE_H
#define LPC_RUNTIME_RESOLVE_H

#include "address.h"

typedef struct LpcResolver {
    const char *hosts, *conf; /* files */
    const char *local;        /* the address that is asked for NAME.local */
    uint16_t port, local_port;
    int wait_ms; /* for an answer, twice */
} LpcResolver;

extern const LpcResolver lpc_resolver; /* this machine's */

/* The addresses of the endpoint, with its port: itself where it is one. deadline: of lpc_now_ns, or 0. Returns how
 * many; 0 with error filled (LPC_EXIT_MISSING) when the name has none now; or LPC_STOPPED when stop_fd (-1: none)
 * became readable. */
int lpc_resolve(const LpcResolver *resolver, const LpcEndpoint *endpoint, uint64_t deadline,
                int stop_fd, LpcAddress found[LPC_ADDRESSES_MOST], LpcError *error);

#endif
