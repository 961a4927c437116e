/* Behind include/lpc/lpc.h.
 *
 *   compiler.c   the handle: its memory, messages
 *   options.c    options and commands by name
 *   steps.c      import, inspect, compile, emit, check
 *   plan.c       plan, compare, simulate
 *   run.c        a package as a pipeline
 *   deploy.c     a package on its devices
 *   keys.c       keys for links
 *   serve.c      a pipeline for many clients
 *   profile.c    a package's kernels; the figures of devices
 *   transform.c  single passes on texts
 *   describe.c   graphs and stages as the header's structs
 *   targets.c    targets and backends */
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

/* Refuses a step that needs lpc_import before it. */
int api_need_model(lpc_compiler *compiler);
/* Decides the stages of the model that was imported, once. */
int api_compile(lpc_compiler *compiler);
/* The options of compiling for a command that takes a path: targets that are named are meant. */
CompileOptions api_compile_options(lpc_compiler *compiler);

/* keys.c: refuses an address that needs keys when none are given. */
int api_check_keys(lpc_compiler *compiler, const char *option, const char *address);
/* Options "connect", "collect" and "keys", where they are not given and the hosts' file and its deployment say them, which d
 * becomes then; and as api_check_keys. */
struct Deployment;
int api_find_ends(lpc_compiler *compiler, const char *folder, struct Deployment *d);

/* describe.c: everything in the compiler's arena. */
lpc_inspection *api_inspection(lpc_compiler *compiler, const Inspection *inspection, bool lowered);
lpc_pipeline *api_pipeline(lpc_compiler *compiler, const Cut *cut);
/* Of a plan without stages that are lowered. */
lpc_pipeline *api_planned(lpc_compiler *compiler, const Plan *plan);

#endif
