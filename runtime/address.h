/* Where a stage listens or connects: "HOST:PORT", with a host that is numeric or has a name. */
#ifndef LPC_RUNTIME_ADDRESS_H
#define LPC_RUNTIME_ADDRESS_H

#include "frame.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum {
    LPC_HOST_BYTES = 256,   /* a name of DNS has 253 characters at most */
    LPC_ADDRESSES_MOST = 8, /* of one name that are tried */
    LPC_PEER_BYTES = 128
};

typedef union LpcAddress {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
} LpcAddress;

typedef struct LpcEndpoint {
    char host[LPC_HOST_BYTES]; /* as it was written, without brackets; "" is every interface */
    uint16_t port;
    int is_name; /* the host is to be looked up; else `address` is it */
    LpcAddress address;
} LpcEndpoint;

/* "HOST:PORT", "[V6]:PORT", "[V6%INTERFACE]:PORT", "*:PORT" or ":PORT" for every interface. Looks nothing up.
 * Returns 0 or LPC_EXIT_USAGE with error filled. */
int lpc_endpoint_parse(const char *text, LpcEndpoint *endpoint, LpcError *error);

/* An address that is written as numbers. Returns whether it is one. */
int lpc_address_numeric(const char *host, uint16_t port, LpcAddress *address);
socklen_t lpc_address_bytes(const LpcAddress *address);
void lpc_address_print(const LpcAddress *address, char text[LPC_PEER_BYTES]);

#endif
