/* The interface of an emitted model: one function, its sizes, its contracts.
 *
 * Linked into what lpc makes; self-contained C11. Everything that a program needs to run one stage
 * of a model stands in an `lpc_model`, emitted as constant data in OUT/STAGE/stage.c beside the
 * function itself. Nothing here allocates or keeps state. */
#ifndef LPC_MODEL_H
#define LPC_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What NAME_run returns. */
enum {
    LPC_RUN_OK = 0,
    LPC_RUN_BOUND = 1, /* a size is negative or above its bound */
    LPC_RUN_INDEX = 2, /* an index tensor points outside the tensor it indexes */
    LPC_RUN_VALUE = 3  /* a value that the operator does not allow (a zero step, say) */
};

/* A way to run fn over [0, n) on several threads. parallel_for returns when all is done; fn is
 * called with disjoint ranges that cover [0, n). Results do not depend on the split. */
typedef struct lpc_threads {
    void (*parallel_for)(void *pool, void (*fn)(void *arg, int64_t begin, int64_t end), void *arg,
                         int64_t n);
    void *pool;
} lpc_threads;

/* One inference of one stage. in[i], out[i]: the tensors in the contracts' order, row-major (or in
 * the physical order that the manifest names), 64-byte aligned, at the actual size. sizes: one
 * value per symbol; those that the inputs define are set by the caller, those that a node defines
 * are written by the call. workspace: workspace_bytes, 64-byte aligned, contents do not matter.
 * state: state_bytes, 64-byte aligned, zeroed before the first call, else left alone; NULL when
 * state_bytes is 0. threads: NULL to run on the calling thread alone. Reentrant. */
typedef int lpc_run_fn(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                       void *state, const lpc_threads *threads);

typedef struct lpc_tensor_info {
    const char *name; /* the tensor's name in the model */
    uint32_t id;      /* fixed id in the cut's contract */
    uint32_t type;    /* ONNX TensorProto.DataType */
    int32_t rank;
    uint64_t max_bytes; /* bound of its size */
} lpc_tensor_info;

/* One side of a stage: what arrives, or what leaves. A frame's payload holds the `symbol_count`
 * int64 symbol values, then each tensor at its actual size, each starting at the next multiple of
 * 64 bytes counted from the payload's start; little-endian throughout. */
typedef struct lpc_contract {
    uint32_t cut;  /* 0 is the feeder's, k lies between stage k-1 and stage k */
    uint64_t hash; /* of the contract's text: both neighbours must have the same */
    uint32_t tensor_count;
    const lpc_tensor_info *tensors;
    uint64_t max_payload; /* bytes of the largest allowed payload */
    /* 32 bytes: of what is computed before the cut, of which model, and of the contract. */
    const uint8_t *id;
} lpc_contract;

typedef struct lpc_model {
    const char *name; /* the stage's name */
    /* The stage's own, 32 bytes: two 128-bit XXH3 hashes of all that decides its code. */
    const uint8_t *build_id;
    uint32_t symbol_count; /* symbols of the whole model, the same in every stage */
    const char *const *symbol_names;
    const int64_t *symbol_max;
    const uint8_t *symbol_is_state; /* 1 for symbols that state keeps (past length), else 0 */
    lpc_contract in, out;
    uint64_t workspace_bytes, state_bytes, weights_bytes;
    lpc_run_fn *run;
    /* Bytes of tensor k of the in (side 0) or out (side 1) contract, for checked symbol values. */
    int64_t (*tensor_bytes)(int side, uint32_t k, const int64_t *sizes);
    /* Before a call on the first stage: sets symbols that state keeps (past length) to their values
     * for the first call (state_begin) and, after each call, for the next one (state_next). The
     * first stage applies them; later stages get the values in the frame. NULL when there are none. */
    void (*state_begin)(int64_t *sizes);
    void (*state_next)(int64_t *sizes);
    const char
        *needs; /* instructions beyond the baseline, "AVX AVX2 FMA"; NULL: none (processor.h) */
} lpc_model;

#ifdef __cplusplus
}
#endif
#endif
