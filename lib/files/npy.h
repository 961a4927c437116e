/* What NumPy calls element types. */
#ifndef LPC_LIB_NPY_H
#define LPC_LIB_NPY_H

#include "ir/dtype.h"

/* Of two letters without the byte order, "f4"; DT_NONE: none of ours. */
DType npy_type(const char *letters);
/* "" when NumPy has no such type. */
const char *npy_descr(DType type);

#endif
