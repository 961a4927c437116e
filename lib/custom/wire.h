/* Requests to the process of a user's functions, and its replies (runtime/host/custom_host.h). */
#ifndef LPC_LIB_CUSTOM_WIRE_H
#define LPC_LIB_CUSTOM_WIRE_H

#include "lib/custom/custom.h"

typedef struct WireReader {
    const char *data;
    size_t length, at;
} WireReader;

/* The next word; 0 behind the end. */
int64_t wire_get(WireReader *reader);

/* A request; plan: to run, else NULL. */
void wire_call(Text *out, int index, const lpc_custom_call *call, const lpc_custom_plan *plan,
               bool asks);
/* Replies, into what was asked; both return the function's result. */
int wire_shape(WireReader *reader, Customs *set, lpc_custom_call *call);
int wire_run(WireReader *reader, Customs *set, lpc_custom_call *call, const lpc_custom_plan *plan,
             int64_t *sizes);

#endif
