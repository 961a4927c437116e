/* The transports that there are. */
#include "transport.h"

#include <string.h>

static const LpcTransport *const transports[] = {&lpc_transport_tcp, &lpc_transport_unix};

const LpcTransport *lpc_transport_find(const char **address)
{
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        size_t length = strlen(transports[i]->name);
        if (strncmp(*address, transports[i]->name, length) == 0 && (*address)[length] == ':' &&
            strchr(*address + length + 1, transports[i]->has)) {
            *address += length + 1;
            return transports[i];
        }
    }
    return &lpc_transport_tcp;
}
