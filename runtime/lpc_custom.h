/* Operators of a user's own: what FILE.c of `lpc --custom DOMAIN::OP=FILE.c` defines
 * (docs/custom-operators.md).
 *
 * For an operator acme::Smooth the file defines two functions, whose name is the operator's with a `_`
 * for whatever is no letter or digit:
 *
 *     int acme_Smooth_shape(lpc_custom_call *call);   types and sizes of the outputs
 *     int acme_Smooth(lpc_custom_call *call);         the outputs
 *
 * Both return 0, or anything else when they refuse. lpc calls the first one when it compiles, the
 * package calls it again where sizes are known at run time only; the second one runs on the device.
 * Neither may keep anything from one call to the next, nor allocate: lpc plans all memory. Self-contained
 * C11. */
#ifndef LPC_CUSTOM_H
#define LPC_CUSTOM_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LPC_CUSTOM_RANK = 8 };

/* Types of elements: ONNX's numbers. */
enum {
    LPC_CUSTOM_F32 = 1,
    LPC_CUSTOM_U8 = 2,
    LPC_CUSTOM_I8 = 3,
    LPC_CUSTOM_U16 = 4,
    LPC_CUSTOM_I16 = 5,
    LPC_CUSTOM_I32 = 6,
    LPC_CUSTOM_I64 = 7,
    LPC_CUSTOM_STRING = 8, /* the length, two bytes, the lower one first, then UTF-8, then zeros */
    LPC_CUSTOM_BOOL = 9,   /* a byte, 0 or 1 */
    LPC_CUSTOM_F16 = 10,   /* its bits in a uint16_t */
    LPC_CUSTOM_F64 = 11,
    LPC_CUSTOM_U32 = 12,
    LPC_CUSTOM_U64 = 13,
    LPC_CUSTOM_BF16 = 16 /* its bits in a uint16_t */
    /* Of narrower ones, of ONNX's numbers too, each element has a byte (docs/package.md). */
};

/* Elements lie dense, row-major, the first one at a multiple of 64 bytes. */
typedef struct lpc_custom_tensor {
    void *data;   /* of inputs it is only read. NULL: not there; for _shape: not known yet */
    int32_t type; /* 0: an optional input or output that the node leaves out */
    int32_t rank;
    int64_t dims[LPC_CUSTOM_RANK];
    int32_t
        element_bytes; /* of one element, set by lpc: strings have as many as --max-string says */
    /* Of outputs, set by _shape: bit i says that dims[i] is only a bound, and that the function writes
     * into dims[i] how many there are. */
    uint32_t counted;
} lpc_custom_tensor;

enum {
    LPC_CUSTOM_ATTR_INT = 0, /* ints[0] */
    LPC_CUSTOM_ATTR_FLOAT,
    LPC_CUSTOM_ATTR_STRING,
    LPC_CUSTOM_ATTR_INTS,
    LPC_CUSTOM_ATTR_FLOATS,
    LPC_CUSTOM_ATTR_STRINGS,
    LPC_CUSTOM_ATTR_TENSOR
};

typedef struct lpc_custom_attribute {
    const char *name;
    int32_t kind;
    int32_t count;
    const int64_t *ints; /* the one of these that the kind says; the others are NULL */
    const float *floats;
    const char *const *strings;
    const lpc_custom_tensor *tensor;
} lpc_custom_attribute;

typedef struct lpc_custom_call {
    const lpc_custom_tensor
        *in; /* types and sizes; contents, but for _shape only those of constants */
    lpc_custom_tensor
        *out; /* _shape sets type, rank, dims; the function fills data where it is not NULL */
    int32_t in_count, out_count;
    const lpc_custom_attribute *attributes;
    int32_t attribute_count;
    int32_t opset;     /* of the domain, as the model imports it; 0: not */
    void *workspace;   /* for the function, 64-byte aligned; contents do not matter */
    const char *error; /* set beside a result that is not 0: why, in a sentence's half */

    /* What _shape may set; 0 before it is called: */
    int64_t workspace_bytes;
    int64_t flops;  /* of one call, for the planner; 0: it reckons with the bytes alone */
    int32_t impure; /* 1: not a function of its inputs alone (it reads a sensor, say), so that it is
                     * never called when the model is compiled, whatever is constant */
} lpc_custom_call;

typedef int lpc_custom_fn(lpc_custom_call *call);

/* ---- Helpers ---- */

static inline int64_t lpc_custom_elements(const lpc_custom_tensor *tensor)
{
    int64_t count = 1;
    for (int32_t i = 0; i < tensor->rank; i++) count *= tensor->dims[i];
    return count;
}

/* The attribute of that name; NULL: the node has none. */
static inline const lpc_custom_attribute *lpc_custom_find(const lpc_custom_call *call,
                                                          const char *name)
{
    for (int32_t i = 0; i < call->attribute_count; i++)
        if (!strcmp(call->attributes[i].name, name)) return &call->attributes[i];
    return NULL;
}

static inline int64_t lpc_custom_int(const lpc_custom_call *call, const char *name,
                                     int64_t otherwise)
{
    const lpc_custom_attribute *a = lpc_custom_find(call, name);
    return a && a->ints && a->count ? a->ints[0] : otherwise;
}

static inline float lpc_custom_float(const lpc_custom_call *call, const char *name, float otherwise)
{
    const lpc_custom_attribute *a = lpc_custom_find(call, name);
    return a && a->floats && a->count ? a->floats[0] : otherwise;
}

static inline const char *lpc_custom_string(const lpc_custom_call *call, const char *name,
                                            const char *otherwise)
{
    const lpc_custom_attribute *a = lpc_custom_find(call, name);
    return a && a->strings && a->count ? a->strings[0] : otherwise;
}

/* For _shape: an output has the type and the sizes of an input. */
static inline void lpc_custom_like(lpc_custom_call *call, int out, int in)
{
    call->out[out].type = call->in[in].type;
    call->out[out].rank = call->in[in].rank;
    for (int32_t i = 0; i < LPC_CUSTOM_RANK; i++) call->out[out].dims[i] = call->in[in].dims[i];
}

/* return lpc_custom_refuse(call, "expected a matrix"); */
static inline int lpc_custom_refuse(lpc_custom_call *call, const char *why)
{
    call->error = why;
    return 1;
}

#ifdef __cplusplus
}
#endif
#endif
