/* See address.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

socklen_t lpc_address_bytes(const LpcAddress *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

/* The number of an interface that is named, or given by its number; 0: there is none. */
static unsigned interface_index(const char *name)
{
    char *rest;
    unsigned long number = strtoul(name, &rest, 10);
    return rest > name && !*rest ? (unsigned)number : if_nametoindex(name);
}

int lpc_address_numeric(const char *host, uint16_t port, LpcAddress *address)
{
    char bare[LPC_HOST_BYTES];
    const char *zone = strchr(host, '%');
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return 1;
    }
    snprintf(bare, sizeof bare, "%.*s", zone ? (int)(zone - host) : (int)sizeof bare - 1, host);
    if (inet_pton(AF_INET6, bare, &address->v6.sin6_addr) != 1) return 0;
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    if (zone) address->v6.sin6_scope_id = interface_index(zone + 1);
    return !zone || address->v6.sin6_scope_id != 0;
}

/* Letters, digits, '-', '_' and dots, as names of machines have them. */
static int is_name(const char *host)
{
    for (const char *c = host; *c; c++) {
        int letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && !(*c >= '0' && *c <= '9') && !strchr("-_.", *c)) return 0;
    }
    return *host && *host != '.' && *host != '-';
}

static int set_host(LpcEndpoint *endpoint, const char *text, LpcError *error)
{
    const char *host = endpoint->host;
    if (!*host || strcmp(host, "*") == 0) host = "0.0.0.0";
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (lpc_address_numeric(host, endpoint->port, &endpoint->address)) return 0;
    endpoint->is_name = is_name(host) && strspn(host, "0123456789.") != strlen(host);
    if (endpoint->is_name) return 0;
    if (strchr(host, ':') && strchr(host, '%'))
        return lpc_error(error, LPC_EXIT_USAGE,
                         "'%.80s': no such address, or no such interface here", text);
    return lpc_error(error, LPC_EXIT_USAGE, "'%.80s': the host is no address and no name", text);
}

int lpc_endpoint_parse(const char *text, LpcEndpoint *endpoint, LpcError *error)
{
    const char *colon = strrchr(text, ':');
    memset(endpoint, 0, sizeof *endpoint);
    if (!colon) return lpc_error(error, LPC_EXIT_USAGE, "'%.80s' is no HOST:PORT", text);
    const char *begin = text, *end = colon;
    if (*begin == '[' && end > begin + 1 && end[-1] == ']') begin++, end--;
    char *rest;
    errno = 0;
    long port = strtol(colon + 1, &rest, 10);
    if (rest == colon + 1 || *rest || errno || port < 0 || port > 65535)
        return lpc_error(error, LPC_EXIT_USAGE, "'%.80s': the port must be 0 to 65535", text);
    if ((size_t)(end - begin) >= sizeof endpoint->host)
        return lpc_error(error, LPC_EXIT_USAGE, "'%.80s': the host's name is too long", text);
    snprintf(endpoint->host, sizeof endpoint->host, "%.*s", (int)(end - begin), begin);
    endpoint->port = (uint16_t)port;
    return set_host(endpoint, text, error);
}

void lpc_address_print(const LpcAddress *address, char text[LPC_PEER_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?", zone[IF_NAMESIZE + 1] = "";
    if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        if (address->v6.sin6_scope_id && if_indextoname(address->v6.sin6_scope_id, zone + 1))
            zone[0] = '%';
        snprintf(text, LPC_PEER_BYTES, "[%s%s]:%u", host, zone, ntohs(address->v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, LPC_PEER_BYTES, "%s:%u", host, ntohs(address->v4.sin_port));
    }
}
