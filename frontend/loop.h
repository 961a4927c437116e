/* Loops under construction: loop.c has the nodes, others use them for what loops carry beside tensors. */
#ifndef LPC_FRONTEND_LOOP_H
#define LPC_FRONTEND_LOOP_H

#include "frontend/value.h"

typedef struct Loop {
    Call *call;
    const Onnx__GraphProto *body;
    const char *name;
    Scope *around, *scope; /* of the node, of the body */
    Node *enter;
    int carried;
} Loop;

const char *loop_name(Call *call);
/* A scope for the body's nodes, in this region. */
Scope *loop_scope(const Loop *loop, const char *prefix, Region *region);
/* Emits the enter node. names: of the iteration number, the condition and the carried values. From
 * here on what the call emits is in the body. */
void loop_enter(Loop *loop, Tensor *count, Tensor *cond, Tensor *const *init,
                const char *const *names);
/* Emits the leave node: next[0] is the condition (or NULL), then carried values, then `scans` values
 * that are stacked into outputs. */
Node *loop_leave(Loop *loop, int scans, Tensor *const *next, Tensor *const *out);
/* The body's nodes; results[i] is its output i. `given` are its inputs. */
int loop_body(Loop *loop, Tensor *const *given, Tensor **results);
int loop_find_body(Call *call, const Onnx__GraphProto **body);

#endif
