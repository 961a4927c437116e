/* A string that a kernel writes from front to back. One that gets too long ends the run. */
#ifndef LPC_PASSES_LOWER_WRITER_H
#define LPC_PASSES_LOWER_WRITER_H

#include "passes/lower/strings/strings.h"

typedef struct Writer {
    Lower *lw;
    Str to;
    Cell *end;
} Writer;

Writer writer_begin(Lower *lw, Str to);
void writer_end(const Writer *o);
void writer_byte(Writer *o, Inst *byte);
void writer_char(Writer *o, char c);
void writer_word(Writer *o, const char *word);
/* So many digits of a whole number, leading zeros among them. */
void writer_digits(Writer *o, Inst *value, Inst *count);
/* How many digits a u64 has. */
Inst *writer_count_digits(Builder *b, Inst *value);

#endif
