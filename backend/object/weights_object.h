/* The weights object: a program's constants as a relocatable ELF file.
 *
 * One page-aligned, read-only section holds every constant buffer at its offset, under the global
 * (hidden: local to what it is linked into) symbol NAME_weights. The constants are streamed: what
 * is in memory is one chunk, whatever the weights' size, and the section may exceed 4 GiB. At run
 * time the operating system maps the section on demand. */
#ifndef LPC_BACKEND_OBJECT_WEIGHTS_OBJECT_H
#define LPC_BACKEND_OBJECT_WEIGHTS_OBJECT_H

#include "ir/diag.h"
#include "ir/loops.h"

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>

/* Writes the object to path. The triple's machine is one of ir/machine.c with ELF files, of 32 or 64 bit; on x86_64 a
 * section above 1 GiB is a "large" one, which linkers put where it does not push code and data
 * further apart than their 32-bit displacements reach. On failure (an unreadable constant, a full
 * disk) the error is in diag, LPC_ERROR is returned and no file is left behind. */
int weights_object_write(const Program *program, const char *triple, Diag *diag, const char *path);

/* For graft.h: the object's ELF header and the size of its section; false when the triple's architecture
 * is none of those. And the section's contents at byte `at` of a file that is open for writing. */
bool weights_object_header(const Program *program, const char *triple, Elf64_Ehdr *header,
                           uint64_t *size);
int weights_object_put(const Program *program, Diag *diag, const char *path, FILE *file,
                       uint64_t at);

#endif
