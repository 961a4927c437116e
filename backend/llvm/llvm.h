/* The LLVM backend: a program of loops to one relocatable object, through LLVM 19's C API.
 *
 * The object defines the global function NAME_run (lpc_run_fn of runtime/lpc_model.h, NAME being
 * program->name) and one internal function per kernel, each in a section of its own. It refers to
 * the weights as `extern const unsigned char NAME_weights[]` (backend/object/weights_object.h),
 * through a pointer in .data.rel.ro, so that weights beyond 2 GiB link. Beyond those it needs libm
 * (and libgcc where a target lacks an instruction), nothing else.
 *
 * The same program and options give the same bytes: no path, time or address reaches the object. */
#ifndef LPC_BACKEND_LLVM_H
#define LPC_BACKEND_LLVM_H

#include "backend/backend.h"
#include "backend/plugin/load.h"

typedef struct LlvmOptions {
    const char *triple;   /* any spelling: "aarch64-linux-gnu" */
    const char *cpu;      /* LLVM's name; NULL or "": the triple's generic one */
    const char *features; /* LLVM's list, "+dotprod,+fullfp16"; NULL or "": none */
    int opt_level;        /* 0 (quick, for debugging) to 3; 2 is the usual one */
    bool pic;             /* position independent: needed by shared objects and by PIEs */
    DotKind dot;          /* what LI_DOT4 becomes */
    int vector_bits;      /* width of a vector register, 0: none */
    bool profile; /* NAME_run calls lpc_profile_mark (runtime/profile.h) after each kernel */
    const char *text_path; /* NULL, or a file that gets LLVM's text form, after optimisation */
} LlvmOptions;

/* Adds the version of the LLVM that runs, "19.1.7". */
void backend_llvm_version(Text *out);

/* The options that say what `target` says: opt_level 2, pic, no text. */
LlvmOptions llvm_options(const Target *target);

/* Writes the object to object_path; NULL: only the text form. On failure the error is in diag,
 * LPC_ERROR is returned and no file is left behind. The architectures are x86_64, aarch64 and
 * riscv64. */
int backend_llvm_emit(const Program *program, const LlvmOptions *options, Diag *diag,
                      const char *object_path);

/* The rows of backends.c: model.o; with model.ll beside it. */
int backend_llvm_write(const BackendJob *job);
int backend_llvm_write_text(const BackendJob *job);

/* load_ready, load_objects and load_find. */
void llvm_ready(void);
Loaded *llvm_load(Arena *arena, Diag *diag, const char *const *paths, int count);
void *llvm_find(const Loaded *loaded, Diag *diag, const char *name);

#endif
