/* Backends: what turns a program of loops into code.
 *
 * Each is one row of the list in backends.c and one folder. Everything else asks the row: which file
 * the code is in, whether that is still to be compiled and with which flags, whether it can be plain C.
 * No backend knows another one, and nothing but the list knows any of them. */
#ifndef LPC_BACKEND_BACKEND_H
#define LPC_BACKEND_BACKEND_H

#include "ir/diag.h"
#include "ir/loops.h"
#include "ir/target.h"

#include <stdbool.h>

/* How a stage's weights leave: an object file that holds their bytes in the target's order, or C arrays
 * for any compiler (backend/object, backend/arrays). AUTO: objects where lpc writes the target's, else
 * arrays. */
typedef enum WeightsForm { WEIGHTS_AUTO, WEIGHTS_ELF, WEIGHTS_C } WeightsForm;

/* One stage's code, into `folder`. */
typedef struct BackendJob {
    Arena *arena;
    Diag *diag;
    const Program *program;
    const Target *target;
    const char *folder;
    const char *title;   /* what it is, for a comment */
    bool portable;       /* plain ISO C11; only where the row says that it can be */
    WeightsForm weights; /* never AUTO */
    bool profile;        /* NAME_run calls lpc_profile_mark (runtime/profile.h) after each kernel */
} BackendJob;

typedef struct Backend {
    const char *name; /* --emit NAME */
    const char *help; /* a line for --help and `lpc targets` */
    const char *code; /* the file in the folder: "model.o" */
    const char *more; /* another file that is only to be looked at, or NULL */
    /* The C compiler's flags for `code`, NULL-terminated, beside the target's own; NULL: `code` is an
     * object and linked as it is. */
    const char *const *cflags;
    bool portable;     /* can be plain C */
    bool reads_arrays; /* weights can be C arrays; every backend reads those of objects */
    /* Adds what the code depends on beside lpc itself, LLVM's version, to the build id's text; NULL:
     * nothing. */
    void (*revision)(Text *text);
    int (*write)(const BackendJob *job);
} Backend;

/* All rows; the first is the default. */
const Backend *backend_list(int *count);
/* The row called `name`, or NULL. */
const Backend *backend_find(const char *name);
/* The first row that can be plain C. */
const Backend *backend_portable(void);

#endif
