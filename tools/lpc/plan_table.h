/* Plans as tables on stdout. */
#ifndef LPC_TOOLS_PLAN_TABLE_H
#define LPC_TOOLS_PLAN_TABLE_H

#include "include/lpc/lpc.h"

void print_plan(lpc_compiler *compiler, const lpc_pipeline *plan);
/* Plans side by side. */
void print_comparison(lpc_compiler *compiler, const lpc_alternative *alternatives, size_t count);

#endif
