/* Races: a PARALLEL loop's iterations may run at once, so that none may touch an element that another
 * one writes. The evaluator, which runs them one by one, notes who touched what and finds each such
 * pair, where threads would have to meet by chance. */
#ifndef LPC_IR_LOOPS_RACES_H
#define LPC_IR_LOOPS_RACES_H

#include "ir/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* Memory that the loop may write, and a mark for each piece of it. */
typedef struct RaceSpan {
    const uint8_t *begin, *end;
    uint32_t *marks;
} RaceSpan;

typedef struct Races {
    RaceSpan *spans; /* apart from each other */
    int count;
    size_t piece; /* bytes: of the smallest element there is */
    int64_t iteration;
} Races;

/* Watches these bytes too. All of them before races_start. */
void races_watch(Races *races, Arena *arena, const uint8_t *begin, const uint8_t *end);
void races_start(Races *races, Arena *arena, size_t piece);
/* races->iteration touches bytes that lie in one parameter's memory. False: another one wrote there,
 * or this one writes where another one read. */
bool races_touch(Races *races, const uint8_t *at, size_t bytes, bool writes);

#endif
