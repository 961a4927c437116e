/* The transports that there are. */
#include "transport.h"

#include <string.h>

static const LpcTransport *const transports[] = {&lpc_transport_tcp};

const LpcTransport *lpc_transport_find(const char **address)
{
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        size_t length = strlen(transports[i]->name);
        if (strncmp(*address, transports[i]->name, length) == 0 && (*address)[length] == ':' &&
            strchr(*address + length + 1, ':')) { /* "tcp:80" is port 80 of a host called tcp */
            *address += length + 1;
            return transports[i];
        }
    }
    return &lpc_transport_tcp;
}
