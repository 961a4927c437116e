/* Behind include/lpc/lpc.h.
 *
 *   compiler.c  the handle: its memory, messages, options
 *   steps.c     import, inspect, compile, plan, emit, check
 *   describe.c  graphs, stages and targets as the header's structs */
#ifndef LPC_LIB_API_H
#define LPC_LIB_API_H

#include "include/lpc/lpc.h"

#include "lib/compile/compile.h"
#include "lib/inspect/inspect.h"

struct lpc_compiler {
    Arena *arena;
    Diag diag;
    Options options;
    Listener hears; /* what diag calls */
    lpc_listener listener;
    bool out_of_memory; /* a step was left in the middle */
    Graph *graph;       /* NULL: not imported */
    Cut *cut;           /* NULL: not compiled */
    lpc_pipeline *pipeline;
    const char *kept; /* lpc_kept */
};

/* Runs a step; when memory ends in it, that is its status. */
lpc_status api_run(lpc_compiler *compiler, int (*step)(lpc_compiler *compiler, void *to), void *to);

/* describe.c: everything in the compiler's arena. */
lpc_inspection *api_inspection(lpc_compiler *compiler, const Inspection *inspection, bool lowered);
lpc_pipeline *api_pipeline(lpc_compiler *compiler, const Cut *cut);

#endif
