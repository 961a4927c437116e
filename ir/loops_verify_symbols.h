/* For the verifier (loops_verify.c): the part that looks at size symbols. */
#ifndef LPC_IR_LOOPS_VERIFY_SYMBOLS_H
#define LPC_IR_LOOPS_VERIFY_SYMBOLS_H

#include "ir/loops.h"

/* Whether every symbol that main and the kernels it calls read was set before, on every way there.
 * All else about the program has been found good. Non-zero: told in diag. */
int loops_verify_symbols(const Program *program, Diag *diag);

#endif
