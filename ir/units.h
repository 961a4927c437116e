/* Bytes and seconds as people write and read them. */
#ifndef LPC_IR_UNITS_H
#define LPC_IR_UNITS_H

#include "ir/arena.h"

/* "988MB" is 988 million, "1.5GiB" 1.5 * 2^30, "4096" bytes as they are; -1: no such size. */
double parse_bytes(const char *text);
/* "840.0 MB" */
const char *bytes_text(Arena *arena, double bytes);
/* "2.5 us", "14.2 ms", "3.1 s" */
const char *seconds_text(Arena *arena, double seconds);

#endif
