/* Which addresses are not for this machine alone, so that links there need keys. See exposed.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "exposed.h"
#include "transport.h"

#include <arpa/inet.h>
#include <string.h>

int lpc_is_exposed(const char *address)
{
    LpcEndpoint endpoint;
    LpcError ignored = {0};
    if (lpc_transport_find(&address) != &lpc_transport_tcp) return 0; /* the others stay here */
    if (lpc_endpoint_parse(address, &endpoint, &ignored)) return 1;   /* which is told elsewhere */
    if (endpoint.is_name) return strcmp(endpoint.host, "localhost") != 0;
    if (endpoint.address.any.sa_family == AF_INET)
        return ntohl(endpoint.address.v4.sin_addr.s_addr) >> 24 != 127;
    return !IN6_IS_ADDR_LOOPBACK(&endpoint.address.v6.sin6_addr);
}

int lpc_keys_needed(const char *option, const char *address, int has_keys, int insecure,
                    LpcError *error)
{
    if (!address || has_keys || insecure || !lpc_is_exposed(address)) return 0;
    return lpc_error(error, LPC_EXIT_USAGE,
                     "%.30s %.100s is beyond this machine: give --keys FILE (lpc keys makes one), "
                     "or --insecure to do without encryption",
                     option, address);
}
