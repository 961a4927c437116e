/* Objects by way of C: what --emit obj is where lpc was built without LLVM. */
#ifndef LPC_BACKEND_CC_CC_H
#define LPC_BACKEND_CC_CC_H

#include "backend/backend.h"

/* Writes the C into the folder, makes model.o of it with the target's compiler, removes the C. A
 * target whose compiler is not here is an error. */
int backend_cc_write(const BackendJob *job);

#endif
