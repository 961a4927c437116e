/* Diagnostics: a failure is told once, where it is detected, with the node that it concerns.
 *
 *     model.onnx: node 'conv1' (Conv, #17): pads: expected 4 values, got 2
 *
 * A function that can fail returns 0 or a nonzero code, has reported why by then, and its caller
 * forwards the code with TRY(). Reports are collected, so that all unsupported nodes can be listed
 * at once, and printed by the command at the end. */
#ifndef LPC_IR_DIAG_H
#define LPC_IR_DIAG_H

#include "ir/arena.h"

#include <stdint.h>

/* Exit statuses of lpc, also the codes that functions return. */
enum { LPC_OK = 0, LPC_ERROR = 1, LPC_USAGE = 2, LPC_MISMATCH = 3 };

#define TRY(call)                                                                                  \
    do {                                                                                           \
        int try_code_ = (call);                                                                    \
        if (try_code_) return try_code_;                                                           \
    } while (0)

/* Where a thing came from in the user's model. file may be NULL (made by lpc). */
typedef struct Origin {
    const char *file;
    const char *node; /* the node's name in the model, "" when it has none */
    const char *op;   /* the operator's name in the model, "ai.onnx.ml::X" for other domains */
    int index;        /* position in the model's node list, -1 when made by lpc */
} Origin;

/* Who wants to hear of what is no error. Either may be NULL. */
typedef struct Listener Listener;
struct Listener {
    /* `done` of `total` bytes of something long */
    void (*progress)(Listener *listener, const char *what, int64_t done, int64_t total);
    void (*note)(Listener *listener, const char *line); /* a line, without its end */
};

typedef struct Diag {
    Arena *arena;
    const char *file; /* the model or text file being worked on, used when a report has no origin */
    char **messages;
    int count;          /* errors reported so far */
    Listener *listener; /* NULL: nobody */
} Diag;

void diag_init(Diag *diag, Arena *arena, const char *file);
/* Reports an error about the whole file. Always returns LPC_ERROR, so that one writes
 * `return diag_error(d, ...)`. */
int diag_error(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reports an error about a node: "FILE: node 'NAME' (OP, #INDEX): MESSAGE". Returns LPC_ERROR. */
int diag_node(Diag *diag, const Origin *origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What is worth telling and no error: a warning, what was measured. */
void diag_note(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `done` of `total` bytes of something long; cheap, so call it as often as you like. */
void diag_progress(Diag *diag, const char *what, int64_t done, int64_t total);
/* Adds the reports of `from`, of the same arena or one that lives as long. */
void diag_take(Diag *diag, const Diag *from);
/* Prints all reports to stderr, each as "lpc: error: MESSAGE", and forgets them. */
void diag_flush(Diag *diag);

#endif
