/* A table of names in use, to find things by name and to make new names unique. */
#ifndef LPC_IR_NAMES_H
#define LPC_IR_NAMES_H

#include "ir/arena.h"

typedef struct NameTable NameTable;

NameTable *names_new(Arena *arena);
void *names_find(const NameTable *table, const char *name); /* NULL when not there */
/* Adds the name, or gives it to another thing. The name is not copied. */
void names_put(NameTable *table, const char *name, void *thing);
/* The name is free again. */
void names_remove(NameTable *table, const char *name);
/* base if it is free, else base_2, base_3 ...: the first free one. A copy in the arena. */
const char *names_unique(const NameTable *table, const char *base);

/* A C identifier for a name, the same for the same name and different for different ones: a name
 * that is an identifier stays as it is; in any other one what is no letter or digit becomes '_' and
 * a hash of the name follows ("my-model" -> "my_model_ed2f6a", "my_model" stays). Names of lpc's own
 * interface (lpc, lpc_...) get a letter in front. */
const char *names_identifier(Arena *arena, const char *name);

#endif
