/* Folders: temporary ones, and the half-made output, which goes when lpc dies. */
#ifndef LPC_LIB_FILES_FOLDER_H
#define LPC_LIB_FILES_FOLDER_H

#include "ir/diag.h"

#include <sys/types.h>

/* Removes a folder and what is in it. */
void remove_tree(const char *path);
/* A new folder in TMPDIR for files that do not stay, lpc-WHAT-XXXXXX; remove_tree ends it. NULL:
 * reported. */
char *work_folder(Arena *arena, Diag *diag, const char *what);
/* The template of its name, for mkdtemp and guard_start. */
char *work_template(Arena *arena, const char *what);

/* ---- guard.c ---- */

/* While a guard stands, the folder is removed when this process dies. */
typedef struct FolderGuard {
    pid_t child;
    int to; /* connected to the child; -1: none stands */
} FolderGuard;
/* Makes a folder as mkdtemp does, whose template `folder` is and becomes its name, under a guard from
 * its first moment. Returns 0, or an errno value and no folder. */
int guard_start(FolderGuard *guard, char *folder);
/* The folder is the caller's alone again. */
void guard_end(FolderGuard *guard);

#endif
