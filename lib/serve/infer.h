/* KServe's v2 inference requests: from the body to a frame's payload, and from an answer to the reply. */
#ifndef LPC_LIB_SERVE_INFER_H
#define LPC_LIB_SERVE_INFER_H

#include "lib/run/run.h"
#include "lib/serve/tensors.h"

/* A request, once it is read; all in the arena. */
typedef struct Infer {
    const char *id; /* NULL: it has none */
    int64_t *sizes;
    HostTensor *inputs;    /* in the package's order */
    bool *wanted, *binary; /* for each output; wanted: all when none is named */
    const char *sequence;  /* frames of one client with state; NULL: this one alone */
    bool sequence_start, sequence_end;
} Infer;

/* Bytes that a body can need at most. */
size_t infer_most(const Package *package);
/* Reads a body, of which the first json_bytes are JSON. body[size] must be 0, and body be writable. Everything that is
 * wrong is one message, which names the tensor and what was expected. */
int infer_read(Infer *infer, const Package *package, Arena *arena, Diag *diag, uint8_t *body,
               size_t size, size_t json_bytes);
/* The payload of its frame. */
int infer_payload(const Infer *infer, const LpcShape *shape, Arena *arena, Diag *diag,
                  const uint8_t **payload, size_t *bytes);
/* The reply to an answer's payload: *json_bytes of JSON, then bytes. */
int infer_reply(const Infer *infer, const Package *package, const LpcShape *shape, Diag *diag,
                uint8_t *answer, Text *reply, size_t *json_bytes);

/* What the model is: /v2/models/NAME. */
void infer_describe(const Package *package, Text *text);

#endif
