/* JSON files: read whole, errors with the line. */
#ifndef LPC_IR_JSON_H
#define LPC_IR_JSON_H

#include "ir/diag.h"

struct cJSON;

/* The file's text as JSON, which the caller deletes. From then on reports are about this file
 * (diag->file); that it cannot be read is reported about none. */
int json_read(Diag *diag, Arena *arena, const char *path, struct cJSON **root);

#endif
