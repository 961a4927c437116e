/* Simple case mappings of Unicode but ASCII, in ascending order. */
#ifndef LPC_PASSES_LOWER_UNICODE_CASE_H
#define LPC_PASSES_LOWER_UNICODE_CASE_H

#include <stdint.h>

/* `delta` is added to the characters first, first + stride, ... last. */
typedef struct CaseRange {
    int32_t first, last, stride, delta;
} CaseRange;

extern const CaseRange case_upper[], case_lower[];
extern const int case_upper_count, case_lower_count;

#endif
