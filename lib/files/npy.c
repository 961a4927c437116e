/* See npy.h. */
#include "lib/files/npy.h"

#include <string.h>

static const struct {
    const char *descr; /* without the byte order */
    DType type;
} npy_types[] = {{"b1", DT_BOOL}, {"i1", DT_I8},  {"u1", DT_U8},  {"i2", DT_I16},  {"u2", DT_U16},
                 {"i4", DT_I32},  {"u4", DT_U32}, {"i8", DT_I64}, {"u8", DT_U64},  {"f2", DT_F16},
                 {"f4", DT_F32},  {"f8", DT_F64}, {"c8", DT_C64}, {"c16", DT_C128}};

enum { NPY_TYPES = sizeof npy_types / sizeof *npy_types };

DType npy_type(const char *letters)
{
    size_t length = strcspn(letters, "'");
    for (int i = 0; i < NPY_TYPES; i++)
        if (strlen(npy_types[i].descr) == length && !memcmp(letters, npy_types[i].descr, length))
            return npy_types[i].type;
    return DT_NONE;
}

const char *npy_descr(DType type)
{
    for (int i = 0; i < NPY_TYPES; i++)
        if (npy_types[i].type == type) return npy_types[i].descr;
    return "";
}
