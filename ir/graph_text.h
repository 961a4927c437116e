/* What the graph's printer and parser share (docs/graph-text.md). */
#ifndef LPC_IR_GRAPH_TEXT_H
#define LPC_IR_GRAPH_TEXT_H

#include "ir/graph.h"

/* Constants up to this many elements are written out. */
enum { SMALL_CONST = 64 };

/* CRC-32 (IEEE 802.3, as in zlib). */
uint32_t crc32_of(const void *data, size_t size);
/* Writes one element: value for floats, whole for the other types. */
void store_element(DType dtype, void *to, double value, int64_t whole);
/* Fills data with reproducible numbers of the given type: floats in [-1, 1), small integers. */
void fill_random(void *data, size_t size, DType dtype, uint32_t seed);
/* The same, with the last four bytes such that the CRC-32 of it all is crc. */
void fill_to_crc(void *data, size_t size, DType dtype, uint32_t crc);

#endif
