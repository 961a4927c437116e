/* A stage's memory: one mapping, made at start. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Hands out aligned parts of one mapping; with base NULL it only counts. */
typedef struct Carver {
    uint8_t *base;
    uint64_t used;
    int failed; /* a page could not be guarded */
} Carver;

static void *carve(Carver *carver, uint64_t size, uint64_t align)
{
    carver->used = (carver->used + align - 1) / align * align;
    void *part = carver->base ? carver->base + carver->used : NULL;
    carver->used += size;
    return part;
}

/* The end of whole pages for so many bytes, with a page behind them that cannot be accessed. */
static uint8_t *carve_guarded(Carver *carver, uint64_t bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
    uint8_t *part = carve(carver, room + page, page);
    if (part && mprotect(part + room, (size_t)page, PROT_NONE)) carver->failed = 1;
    return part ? part + room : NULL;
}

/* Where a tensor begins whose end is as near to `end` as its alignment lets it be. */
static uint8_t *begin_of(uint8_t *end, uint64_t bytes)
{
    return end - (bytes + LPC_ALIGN - 1) / LPC_ALIGN * LPC_ALIGN;
}

static void carve_guards(const LpcStage *stage, LpcStream *stream, Carver *carver)
{
    const lpc_contract *in = &stage->model->in, *out = &stage->model->out;
    stream->guard_ends = carve(carver, in->tensor_count * sizeof *stream->guard_ends, LPC_ALIGN);
    stream->guarded = carve(carver, in->tensor_count * sizeof *stream->guarded, LPC_ALIGN);
    for (uint32_t k = 0; k < in->tensor_count; k++) {
        uint8_t *end = carve_guarded(carver, in->tensors[k].max_bytes);
        if (end) stream->guard_ends[k] = end;
    }
    /* Outputs are written where they are sent from; their size may be known only afterwards. */
    for (int i = 0; i < stage->options->queue; i++)
        for (uint32_t k = 0; k < out->tensor_count; k++) {
            uint64_t bytes = out->tensors[k].max_bytes;
            uint8_t *end = carve_guarded(carver, bytes);
            if (end) stream->out_queue.slots[i].tensors[k] = begin_of(end, bytes);
        }
}

static void carve_queue(Carver *carver, LpcQueue *queue, int depth, const LpcShape *shape,
                        uint64_t capacity, int fix)
{
    uint32_t count = shape->contract->tensor_count;
    uint64_t payload = capacity > LPC_TEXT_BYTES ? capacity : LPC_TEXT_BYTES;
    LpcSlot *slots = carve(carver, (uint64_t)depth * sizeof *slots, LPC_ALIGN);
    for (int i = 0; i < depth; i++) {
        LpcSlot slot = {0};
        slot.capacity = capacity;
        uint8_t *room = carve(carver, LPC_ALIGN + payload, LPC_ALIGN);
        slot.payload = room ? room + LPC_ALIGN : NULL;
        slot.sizes = (int64_t *)(void *)slot.payload;
        slot.tensors = carve(carver, count * sizeof *slot.tensors, LPC_ALIGN);
        slot.bytes = carve(carver, count * sizeof *slot.bytes, LPC_ALIGN);
        slot.offsets = carve(carver, count * sizeof *slot.offsets, LPC_ALIGN);
        if (!slots) continue;
        if (fix) lpc_slot_fix(&slot, shape);
        slots[i] = slot;
    }
    if (slots) lpc_queue_init(queue, slots, depth);
}

/* What a stream has of its own. */
static void carve_stream(const LpcStage *stage, LpcStream *stream, Carver *carver)
{
    const lpc_model *model = stage->model;
    int depth = stage->options->queue;
    stream->state = carve(carver, stage->state_mapped, (uint64_t)sysconf(_SC_PAGESIZE));
    if (!model->state_bytes) stream->state = NULL;
    stream->kept = carve(carver, model->symbol_count * sizeof(int64_t), LPC_ALIGN);
    stream->pieces =
        carve(carver, (uint64_t)lpc_piece_count(&model->out) * sizeof(struct iovec), LPC_ALIGN);
    carve_queue(carver, &stream->in_queue, depth, &stage->in_shape,
                lpc_in_capacity(&stage->in_shape), 0);
    carve_queue(carver, &stream->out_queue, depth, &stage->out_shape,
                lpc_out_capacity(&stage->out_shape), 1);
    if (stage->options->guard) carve_guards(stage, stream, carver);
}

static void carve_all(LpcStage *stage, Carver *carver)
{
    const lpc_model *model = stage->model;
    int count = stage->options->streams;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    stage->state_mapped = (size_t)((model->state_bytes + page - 1) / page * page);
    stage->workspace = carve(carver, model->workspace_bytes + LPC_ALIGN, page);
    stage->crc = carve(carver, sizeof *stage->crc, LPC_ALIGN);
    stage->stats = carve(carver, sizeof *stage->stats, LPC_ALIGN);
    stage->pool = carve(carver, lpc_pool_bytes(stage->options->threads), LPC_ALIGN);
    stage->streams = carve(carver, (uint64_t)count * sizeof *stage->streams, LPC_ALIGN);
    LpcStream none = {0}; /* of which sizes are counted when there is no memory yet */
    for (int i = 0; i < count; i++)
        carve_stream(stage, stage->streams ? &stage->streams[i] : &none, carver);
}

int lpc_stage_memory(LpcStage *stage, LpcError *error)
{
    const lpc_model *model = stage->model;
    uint64_t in = lpc_in_capacity(&stage->in_shape), out = lpc_out_capacity(&stage->out_shape);
    uint64_t limit = UINT64_MAX >> 16; /* of each part: so that no sum overflows, */
    if (limit > SIZE_MAX / 4) limit = SIZE_MAX / 4;
    if (stage->options->guard && !lpc_out_capacity(&stage->in_shape))
        in = 0; /* each at its bound */
    if (!in || !out || in > limit || out > limit || model->workspace_bytes > limit ||
        model->state_bytes > limit)
        return lpc_error(error, LPC_EXIT_SYSTEM, "this stage does not fit the address space");
    Carver carver = {0};
    carve_all(stage, &carver);
    if (carver.used > SIZE_MAX / 2) /* and of all */
        return lpc_error(error, LPC_EXIT_SYSTEM, "this stage does not fit the address space");
    void *base =
        mmap(NULL, (size_t)carver.used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return lpc_error(error, LPC_EXIT_SYSTEM, "cannot get %" PRIu64 " bytes of memory: %s",
                         carver.used, strerror(errno));
    carver = (Carver){.base = base};
    carve_all(stage, &carver);
    if (carver.failed) return lpc_error(error, LPC_EXIT_SYSTEM, "cannot guard the tensors' pages");
    lpc_stats_init(stage->stats);
    lpc_crc_init(stage->crc, LPC_CRC_BEST);
    return 0;
}

/* Sets what the pages of all inputs of the frame allow. */
static int protect_inputs(LpcStream *stream, const LpcSlot *in, int allowed)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    for (uint32_t k = 0; k < stream->stage->model->in.tensor_count; k++) {
        uint64_t room = (in->bytes[k] + page - 1) / page * page;
        if (room && mprotect(stream->guard_ends[k] - room, (size_t)room, allowed)) return 1;
    }
    return 0;
}

const void *const *lpc_stage_lock(LpcStream *stream, const LpcSlot *in)
{
    for (uint32_t k = 0; k < stream->stage->model->in.tensor_count; k++) {
        stream->guarded[k] = begin_of(stream->guard_ends[k], in->bytes[k]);
        if (in->bytes[k]) memcpy(stream->guarded[k], in->tensors[k], (size_t)in->bytes[k]);
    }
    return protect_inputs(stream, in, PROT_READ) ? NULL : (const void *const *)stream->guarded;
}

int lpc_stage_unlock(LpcStream *stream, const LpcSlot *in)
{
    return protect_inputs(stream, in, PROT_READ | PROT_WRITE);
}

/* Fresh pages are mapped over the state rather than written to, so that a large reserve that is never
 * used never takes memory. */
void lpc_stage_zero_state(LpcStream *stream)
{
    if (!stream->state) return;
    void *fresh = mmap(stream->state, stream->stage->state_mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (fresh == MAP_FAILED) memset(stream->state, 0, stream->stage->state_mapped);
}
