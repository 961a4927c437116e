/* The process in which lpc calls the functions of --custom while it compiles (lib/custom).
 *
 * It reads requests from descriptor CUSTOM_FD and writes replies there: 64-bit words of this machine, the
 * number of bytes that follow first; texts and contents are padded to words.
 *
 *     request  kind, operator, opset, inputs, outputs, attributes, asks, workspace bytes
 *              each input: TENSOR, whether it is a constant, bytes, contents
 *              each attribute: name, kind, count, values: words; floats; texts; or a TENSOR, bytes, contents
 *              to run, each output: TENSOR, bytes of its room
 *     TENSOR   type, rank, bytes of an element, 8 sizes
 *     text     bytes, characters with the 0 at their end
 *     reply    result, text of the error ("": none)
 *              shape, each output: type, rank, 8 sizes, counted; then workspace bytes, flops, impure
 *              run: how many open sizes, these, then each output: bytes, contents */
#ifndef LPC_CUSTOM_HOST_H
#define LPC_CUSTOM_HOST_H

#include "lpc_custom_run.h"

enum { CUSTOM_FD = 3, CUSTOM_SHAPE = 0, CUSTOM_RUN = 1 };

/* The operators, in a table that lpc writes. A function that its file lacks is NULL. */
typedef struct custom_entry {
    lpc_custom_fn *shape, *run;
} custom_entry;
extern const custom_entry custom_entries[];
extern const int custom_entry_count;

#endif
