/* The operators of --custom: their files, and the process in which lpc calls their functions.
 *
 *   customs.c   the set: names, files, what is wrong with them
 *   beside.c    the files that a file includes
 *   build.c     the program of all files, made by this machine's compiler
 *   host.c      that program as a process: started, asked, ended
 *   wire.c      requests and replies (runtime/host/custom_host.h)
 *
 * Functions run in a process of their own, so that what is wrong with them is a message, and no foreign
 * code is ever a part of lpc or of a program that uses liblpc. */
#ifndef LPC_LIB_CUSTOM_H
#define LPC_LIB_CUSTOM_H

#include "ir/custom.h"

#include <sys/types.h>

typedef struct Customs {
    CustomHost host; /* first */
    Arena *arena;
    CustomOp *ops;
    CustomFile *files;
    int count, file_count;
    int built;   /* operators that its program has */
    int program; /* a descriptor of that, by which it can be started again; -1: none is built */
    pid_t child;
    int to;           /* connected to it; -1: it does not run */
    const char *gone; /* how it ended, where it did so by itself */
} Customs;

/* An empty set; it lives in the arena, and is shared by all that copy the options. */
Customs *customs_new(Arena *arena);
/* Adds an operator ("acme::Smooth", "ai.onnx::Gelu"), the file is not looked at yet. */
void customs_add(Customs *set, const char *name, const char *path);
/* Reads the files, compiles them for this machine, and starts their process unless it runs. They are read and
 * compiled once, unless some were added. */
int customs_open(Customs *set, Diag *diag);
/* Ends the process. NULL: nothing. */
void customs_close(Customs *set);
/* Forgets what was built, too. NULL: nothing. */
void customs_end(Customs *set);
/* All files' contents, for the build id. */
void customs_text(const Customs *set, Text *text);

/* ---- beside.c ---- */
int custom_find_beside(Customs *set, Diag *diag, const char *runtime, CustomFile *file);
/* ---- build.c ---- */
int custom_build(Customs *set, Diag *diag, const char *runtime, const char *work,
                 const char *program);
/* ---- host.c ---- */
int custom_start(Customs *set, Diag *diag);

#endif
