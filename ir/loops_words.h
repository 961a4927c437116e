/* Words of the loops text form that printer and parser share. */
#ifndef LPC_IR_LOOPS_WORDS_H
#define LPC_IR_LOOPS_WORDS_H

#include "ir/loops.h"

/* By BufferClass, LoopKind, SymSource; each ends with NULL. */
extern const char *const loops_buffer_words[];
extern const char *const loops_kind_words[];
extern const char *const loops_source_words[];

bool loops_is_word(const char *name); /* letters, digits and _, no digit first */

#endif
