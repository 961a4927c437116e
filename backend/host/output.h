/* Files that a backend or a package writes whole. */
#ifndef LPC_BACKEND_HOST_OUTPUT_H
#define LPC_BACKEND_HOST_OUTPUT_H

#include "ir/diag.h"

/* Writes a file; a failure is reported with its path and leaves no half of it behind. */
int output_write(Diag *diag, const char *path, const char *data, size_t length);
/* Removes a file that was not finished; a device that was given as the path stays. */
void output_remove(const char *path);

#endif
