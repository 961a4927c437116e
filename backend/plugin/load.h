/* Object files as code in this process: what a linker and a start of a program would do, without either.
 *
 * It is LLVM's own linker for code in memory (ORC, JITLink; llvm-c/LLJIT.h). An lpc without LLVM has none and
 * links programs. */
#ifndef LPC_BACKEND_LOAD_H
#define LPC_BACKEND_LOAD_H

#include "ir/diag.h"

#include <stdbool.h>

/* Objects that are loaded together: they see each other's symbols and those of this process, and nobody else's. */
typedef struct Loaded Loaded;

/* Whether objects for the triple can be loaded here. Loads LLVM. */
bool load_can(const char *triple);
/* Does once what would otherwise be done by the first call, and again in each process that is forked before it. */
void load_ready(void);
/* Reads the files, relocates them and makes their code executable. They live until the process ends. Reports, and
 * returns NULL, when one cannot be read, is no object of this machine's, or lacks a symbol once it is looked for. */
Loaded *load_objects(Arena *arena, Diag *diag, const char *const *paths, int count);
/* The address of a global symbol. NULL, reported, when there is none. */
void *load_find(const Loaded *loaded, Diag *diag, const char *name);

#endif
