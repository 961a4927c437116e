/* Addresses that others than this machine can reach, or where others are reached. */
#ifndef LPC_RUNTIME_EXPOSED_H
#define LPC_RUNTIME_EXPOSED_H

#include "frame.h"

/* Whether others than this machine can reach the address, or are reached by it. */
int lpc_is_exposed(const char *address);
/* Refuses an address (NULL: none) that is exposed when there are neither keys nor leave to do without (`insecure`).
 * option: what the address was given with. Returns 0 or LPC_EXIT_USAGE with error filled. */
int lpc_keys_needed(const char *option, const char *address, int has_keys, int insecure,
                    LpcError *error);

#endif
