/* The stage loop: receive, compute and send overlap, each in its own thread.
 *
 *     link in -> [receive thread] -> queue -> [main thread: run] -> queue -> [send thread] -> link
 * out
 *
 * The next input arrives while the present one is computed and the last output leaves. Tensors are
 * read where they were received and written where they are sent from. All memory is one mapping
 * made at start. A stream is one connection from the feeder's side; the first error of a stream is
 * its cause and ends all three threads. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage.h"
#include "pool.h"
#include "queue.h"
#include "transport.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { AT_ONCE_BYTES = 64 * 1024 }; /* largest frame that the compute thread sends itself */

typedef struct Stage Stage;

/* A thread that does one job per stream. */
typedef struct Helper {
    pthread_t thread;
    int started, busy, quit;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void (*job)(Stage *stage);
    Stage *stage;
} Helper;

struct Stage {
    const lpc_model *model;
    const LpcStageOptions *options;
    const LpcTransport *in_transport, *out_transport;
    const char *in_address, *out_address;
    LpcListener listener;
    LpcLink in, out;
    LpcShape in_shape, out_shape;
    LpcQueue in_queue, out_queue;
    LpcCrc *crc;
    LpcStats *stats;
    LpcPool *pool;
    lpc_threads threads;
    Helper receiver, sender;
    void *workspace, *state;
    size_t state_mapped;
    int64_t *kept; /* the state's symbols, on the first stage */
    struct iovec *pieces;
    uint64_t sent; /* frames of the stream */
    int stop_pipe[2];
    pthread_mutex_t mutex;
    LpcError error; /* of the stream, the first one */
    pthread_t signals;
    int signals_started, pool_started;
    atomic_int quitting;
};

void lpc_stage_tell(const char *stage, const char *text)
{
    char line[LPC_TEXT_BYTES + 200];
    int length = snprintf(line, sizeof line, "stage '%.100s': %s\n", stage, text);
    if (length >= (int)sizeof line) length = (int)sizeof line - 1;
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) return;
}

/* --- memory --- */

/* Hands out aligned parts of one mapping; with base NULL it only counts. */
typedef struct Carver {
    uint8_t *base;
    uint64_t used;
} Carver;

static void *carve(Carver *carver, uint64_t size, uint64_t align)
{
    carver->used = (carver->used + align - 1) / align * align;
    void *part = carver->base ? carver->base + carver->used : NULL;
    carver->used += size;
    return part;
}

static void carve_queue(Carver *carver, LpcQueue *queue, int depth, const LpcShape *shape,
                        uint64_t capacity, int fix)
{
    uint32_t count = shape->contract->tensor_count;
    LpcSlot *slots = carve(carver, (uint64_t)depth * sizeof *slots, LPC_ALIGN);
    for (int i = 0; i < depth; i++) {
        LpcSlot slot = {0};
        slot.capacity = capacity;
        slot.payload = carve(carver, capacity, LPC_ALIGN);
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

static void carve_all(Stage *stage, Carver *carver)
{
    const lpc_model *model = stage->model;
    int depth = stage->options->queue;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    stage->state_mapped = (size_t)((model->state_bytes + page - 1) / page * page);
    stage->state = carve(carver, stage->state_mapped, page);
    stage->workspace = carve(carver, model->workspace_bytes + LPC_ALIGN, page);
    stage->crc = carve(carver, sizeof *stage->crc, LPC_ALIGN);
    stage->stats = carve(carver, sizeof *stage->stats, LPC_ALIGN);
    stage->pool = carve(carver, lpc_pool_bytes(stage->options->threads), LPC_ALIGN);
    stage->kept = carve(carver, model->symbol_count * sizeof(int64_t), LPC_ALIGN);
    stage->pieces =
        carve(carver, (uint64_t)lpc_piece_count(&model->out) * sizeof(struct iovec), LPC_ALIGN);
    carve_queue(carver, &stage->in_queue, depth, &stage->in_shape,
                lpc_in_capacity(&stage->in_shape), 0);
    carve_queue(carver, &stage->out_queue, depth, &stage->out_shape,
                lpc_out_capacity(&stage->out_shape), 1);
}

static int make_memory(Stage *stage, LpcError *error)
{
    const lpc_model *model = stage->model;
    uint64_t in = lpc_in_capacity(&stage->in_shape), out = lpc_out_capacity(&stage->out_shape);
    uint64_t limit = SIZE_MAX / 4 / LPC_QUEUE_MAX;
    if (!in || !out || in > limit || out > limit || model->workspace_bytes > limit ||
        model->state_bytes > limit)
        return lpc_error(error, LPC_EXIT_SYSTEM, "this stage does not fit the address space");
    Carver carver = {0};
    carve_all(stage, &carver);
    void *base =
        mmap(NULL, (size_t)carver.used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return lpc_error(error, LPC_EXIT_SYSTEM, "cannot get %" PRIu64 " bytes of memory: %s",
                         carver.used, strerror(errno));
    carver = (Carver){.base = base};
    carve_all(stage, &carver);
    if (!model->state_bytes) stage->state = NULL;
    lpc_crc_init(stage->crc, LPC_CRC_BEST);
    return 0;
}

/* Zeroes the state for a new stream. Fresh pages are mapped over it rather than written to, so that
 * a large reserve that is never used never takes memory. */
static void zero_state(Stage *stage)
{
    if (!stage->state) return;
    void *fresh = mmap(stage->state, stage->state_mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (fresh == MAP_FAILED) memset(stage->state, 0, stage->state_mapped);
}

/* --- the stream's error --- */

/* Keeps the stream's first error. */
static void fail(Stage *stage, const LpcError *error)
{
    pthread_mutex_lock(&stage->mutex);
    if (!stage->error.code) stage->error = *error;
    pthread_mutex_unlock(&stage->mutex);
}

/* --- the receive thread --- */

static void receive_stream(Stage *stage)
{
    LpcReader reader = lpc_link_reader(&stage->in);
    for (uint64_t sequence = 0;; sequence++) {
        LpcSlot *slot = lpc_queue_reserve(&stage->in_queue);
        if (!slot) return;
        LpcError error = {0};
        slot->error = error;
        int code = lpc_receive(&reader, &stage->in_shape, stage->crc, sequence, slot, &error);
        if (code == LPC_STOPPED) {
            slot->header.kind = LPC_FRAME_END;
        } else if (code) {
            fail(stage, &error);
            slot->error = error;
            slot->header.kind = LPC_FRAME_ERROR;
        } else if (slot->header.kind == LPC_FRAME_ERROR) {
            LpcError cause = {.code = LPC_EXIT_LEFT}; /* theirs, not ours: for us they left */
            snprintf(cause.text, sizeof cause.text, "%.*s", LPC_TEXT_BYTES - 8, slot->error.text);
            fail(stage, &cause);
        }
        uint32_t kind = slot->header.kind;
        lpc_queue_commit(&stage->in_queue);
        if (kind != LPC_FRAME_DATA) return;
    }
}

/* --- the send thread --- */

static int send_frame(Stage *stage, LpcSlot *slot, LpcError *error)
{
    LpcWriter writer = lpc_link_writer(&stage->out);
    uint64_t sequence = stage->sent++, begin = lpc_now_ns();
    switch (slot->header.kind) {
    case LPC_FRAME_END: return lpc_send_end(&writer, stage->crc, sequence, error);
    case LPC_FRAME_ERROR:
        return lpc_send_error(&writer, stage->crc, sequence, &slot->error, error);
    default: break;
    }
    int code =
        lpc_send_data(&writer, &stage->out_shape, stage->crc, sequence, slot, stage->pieces, error);
    if (!code) lpc_stats_add(stage->stats, LPC_PHASE_SEND, lpc_now_ns() - begin);
    return code;
}

/* Sends the slot's frame; when that fails, nothing more is wanted from before. */
static int send_on(Stage *stage, LpcSlot *slot)
{
    LpcError error = {0};
    int code = send_frame(stage, slot, &error);
    if (code) {
        fail(stage, &error);
        lpc_queue_abort(&stage->out_queue);
        lpc_queue_abort(&stage->in_queue);
        lpc_link_interrupt(&stage->in);
    }
    return code;
}

static void send_stream(Stage *stage)
{
    for (;;) {
        LpcSlot *slot = lpc_queue_front(&stage->out_queue);
        if (!slot) return;
        uint32_t kind = slot->header.kind;
        if (send_on(stage, slot)) return;
        lpc_queue_release(&stage->out_queue);
        if (kind != LPC_FRAME_DATA) return;
    }
}

/* --- the compute thread --- */

static int refuse_run(int status, LpcError *error)
{
    static const char *const why[] = {"", "a size is out of its bound",
                                      "an index points outside its tensor",
                                      "a value that an operator does not allow"};
    return lpc_error(error, LPC_EXIT_RUN, "the model's run failed: %s (%d)",
                     status > 0 && status < 4 ? why[status] : "unknown error", status);
}

/* Puts the state's own symbols over those of the frame. What came must still have the right size.
 */
static int apply_state(Stage *stage, LpcSlot *in, int64_t *sizes, LpcError *error)
{
    const lpc_model *model = stage->model;
    for (uint32_t i = 0; i < model->symbol_count; i++) {
        if (!model->symbol_is_state[i]) continue;
        if (stage->kept[i] < 0 || stage->kept[i] > model->symbol_max[i])
            return lpc_error(error, LPC_EXIT_RUN,
                             "the state is full: symbol '%.80s' would be %" PRId64
                             ", its bound is %" PRId64,
                             model->symbol_names[i], stage->kept[i], model->symbol_max[i]);
        sizes[i] = stage->kept[i];
    }
    for (uint32_t k = 0; k < model->in.tensor_count; k++) {
        int64_t bytes = model->tensor_bytes(0, k, sizes);
        if (bytes < 0 || (uint64_t)bytes != in->bytes[k])
            return lpc_error(error, LPC_EXIT_FRAME,
                             "bad frame: input '%.80s' has %" PRIu64
                             " bytes, with the state of this stream it must have %" PRId64,
                             model->in.tensors[k].name, in->bytes[k], bytes);
    }
    return 0;
}

static int compute(Stage *stage, LpcSlot *in, LpcSlot *out, LpcError *error)
{
    const lpc_model *model = stage->model;
    size_t symbols = model->symbol_count * sizeof(int64_t);
    int keeps = model->in.cut == 0 && model->symbol_is_state && model->state_next;
    int64_t *sizes = out->sizes;
    if (symbols) memcpy(sizes, in->sizes, symbols);
    if (keeps) {
        int code = apply_state(stage, in, sizes, error);
        if (code) return code;
    }
    uint64_t begin = lpc_now_ns();
    int status = model->run((const void *const *)in->tensors, out->tensors, sizes, stage->workspace,
                            stage->state, stage->options->threads > 1 ? &stage->threads : NULL);
    lpc_stats_add(stage->stats, LPC_PHASE_COMPUTE, lpc_now_ns() - begin);
    if (status != LPC_RUN_OK) return refuse_run(status, error);
    if (keeps) {
        memcpy(stage->kept, sizes, symbols);
        model->state_next(stage->kept);
    }
    out->header.kind = LPC_FRAME_DATA;
    return 0;
}

/* What the neighbour after is told about an error here. */
static void blame(const Stage *stage, const LpcError *error, LpcError *told)
{
    told->code = error->code;
    int own = strncmp(error->text, "stage '", 7) != 0; /* the cause's own name stands first */
    if (own)
        snprintf(told->text, sizeof told->text, "stage '%.60s': %.180s", stage->model->name,
                 error->text);
    else
        memcpy(told->text, error->text, sizeof told->text);
}

/* Hands the result to the send thread; or sends it here, when that takes no longer than waking the
 * thread: it is small, the thread has nothing to do, and the socket has room. What the two share is
 * safe: a queue that is empty has been released, and only this thread fills it. */
static int pass_on(Stage *stage, LpcSlot *out)
{
    if (out->header.kind == LPC_FRAME_DATA && stage->model->out.max_payload <= AT_ONCE_BYTES &&
        lpc_queue_empty(&stage->out_queue) && lpc_link_writable(&stage->out))
        return send_on(stage, out);
    lpc_queue_commit(&stage->out_queue);
    return 0;
}

static void compute_stream(Stage *stage)
{
    for (int going = 1; going;) {
        uint64_t begin = lpc_now_ns();
        LpcSlot *in = lpc_queue_front(&stage->in_queue);
        LpcSlot *out = in ? lpc_queue_reserve(&stage->out_queue) : NULL;
        if (!in || !out) return;
        LpcError error = in->header.kind == LPC_FRAME_ERROR ? in->error : (LpcError){0};
        out->header.kind = in->header.kind;
        if (in->header.kind == LPC_FRAME_DATA) {
            lpc_stats_add(stage->stats, LPC_PHASE_WAIT, lpc_now_ns() - begin);
            lpc_stats_add(stage->stats, LPC_PHASE_RECEIVE, in->receive_ns);
            if (compute(stage, in, out, &error)) fail(stage, &error);
        }
        if (error.code) {
            out->header.kind = LPC_FRAME_ERROR;
            blame(stage, &error, &out->error);
        }
        going = out->header.kind == LPC_FRAME_DATA;
        if (pass_on(stage, out)) return;
        lpc_queue_release(&stage->in_queue);
    }
    lpc_queue_abort(&stage->in_queue); /* after an error nothing more is wanted */
    lpc_link_interrupt(&stage->in);
}

/* --- threads --- */

static void *helper_main(void *arg)
{
    Helper *helper = arg;
    pthread_mutex_lock(&helper->mutex);
    for (;;) {
        while (!helper->busy && !helper->quit) pthread_cond_wait(&helper->changed, &helper->mutex);
        if (helper->quit) break;
        pthread_mutex_unlock(&helper->mutex);
        helper->job(helper->stage);
        pthread_mutex_lock(&helper->mutex);
        helper->busy = 0;
        pthread_cond_broadcast(&helper->changed);
    }
    pthread_mutex_unlock(&helper->mutex);
    return NULL;
}

static int helper_start(Helper *helper, Stage *stage, void (*job)(Stage *stage))
{
    *helper = (Helper){.job = job, .stage = stage};
    pthread_mutex_init(&helper->mutex, NULL);
    pthread_cond_init(&helper->changed, NULL);
    int failure = pthread_create(&helper->thread, NULL, helper_main, helper);
    helper->started = !failure;
    return failure;
}

static void helper_set(Helper *helper, int busy, int quit)
{
    pthread_mutex_lock(&helper->mutex);
    helper->busy = busy;
    helper->quit = quit;
    pthread_cond_broadcast(&helper->changed);
    pthread_mutex_unlock(&helper->mutex);
}

static void helper_wait(Helper *helper)
{
    pthread_mutex_lock(&helper->mutex);
    while (helper->busy) pthread_cond_wait(&helper->changed, &helper->mutex);
    pthread_mutex_unlock(&helper->mutex);
}

static void helper_stop(Helper *helper)
{
    if (!helper->started) return;
    helper_set(helper, 0, 1);
    pthread_join(helper->thread, NULL);
}

/* Turns SIGTERM and SIGINT into a readable pipe, which never is read: once stopped, for good. A
 * second signal does not wait for the drain. */
static void *signal_main(void *arg)
{
    Stage *stage = arg;
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    for (int count = 0;; count++) {
        while (sigwait(&set, &number) != 0) continue;
        if (atomic_load(&stage->quitting)) return NULL;
        if (count || write(stage->stop_pipe[1], "", 1) < 0) _exit(128 + number);
    }
}

static void stop_threads(Stage *stage)
{
    helper_stop(&stage->receiver);
    helper_stop(&stage->sender);
    if (stage->pool_started) lpc_pool_stop(stage->pool);
    if (stage->signals_started) {
        atomic_store(&stage->quitting, 1);
        pthread_kill(stage->signals, SIGTERM);
        pthread_join(stage->signals, NULL);
    }
}

static int start_threads(Stage *stage, LpcError *error)
{
    int failure = lpc_pool_start(stage->pool, stage->options->threads);
    stage->pool_started = !failure;
    if (!failure) failure = helper_start(&stage->receiver, stage, receive_stream);
    if (!failure) failure = helper_start(&stage->sender, stage, send_stream);
    if (!failure) {
        failure = pthread_create(&stage->signals, NULL, signal_main, stage);
        stage->signals_started = !failure;
    }
    if (failure)
        return lpc_error(error, LPC_EXIT_SYSTEM, "cannot start a thread: %s", strerror(failure));
    stage->threads = lpc_pool_threads(stage->pool);
    return 0;
}

/* --- streams --- */

static int greet(Stage *stage, LpcLink *link, const lpc_contract *contract, const char *role,
                 LpcError *error)
{
    char peer[LPC_PEER_BYTES + 40];
    LpcReader reader = lpc_link_reader(link);
    LpcWriter writer = lpc_link_writer(link);
    LpcHello hello = {stage->model->build_id, contract->cut, contract->hash};
    snprintf(peer, sizeof peer, "%s %s", role, link->peer);
    snprintf(link->peer, sizeof link->peer, "%.*s", LPC_PEER_BYTES - 1, peer);
    return lpc_handshake(&reader, &writer, stage->crc, &hello, link->peer, error);
}

static int connect_both(Stage *stage, LpcError *error)
{
    int timeout = stage->options->timeout_ms, stop = stage->stop_pipe[0];
    stage->in = (LpcLink){.fd = -1, .timeout_ms = timeout, .stop_fd = stop, .watch = &stage->out};
    stage->out = (LpcLink){.fd = -1, .timeout_ms = timeout, .stop_fd = -1};
    int code = stage->in_transport->accept(&stage->listener, stage->options->serve ? -1 : timeout,
                                           stop, &stage->in, error);
    if (!code) code = greet(stage, &stage->in, &stage->model->in, "the neighbour before,", error);
    if (!code)
        code = stage->out_transport->connect(stage->out_address, timeout, stop, &stage->out, error);
    if (!code) code = greet(stage, &stage->out, &stage->model->out, "the neighbour after,", error);
    return code;
}

/* One stream, from the connections to the end. 0, LPC_STOPPED, or an exit status (told). */
static int run_stream(Stage *stage)
{
    LpcError error = {0};
    int code = connect_both(stage, &error);
    if (!code) {
        memset(&stage->error, 0, sizeof stage->error);
        lpc_queue_reset(&stage->in_queue);
        lpc_queue_reset(&stage->out_queue);
        stage->sent = 0;
        zero_state(stage);
        if (stage->model->symbol_count)
            memset(stage->kept, 0, stage->model->symbol_count * sizeof(int64_t));
        if (stage->model->in.cut == 0 && stage->model->state_begin)
            stage->model->state_begin(stage->kept);
        helper_set(&stage->receiver, 1, 0);
        helper_set(&stage->sender, 1, 0);
        compute_stream(stage);
        helper_wait(&stage->sender);
        helper_wait(&stage->receiver);
        error = stage->error;
        code = error.code;
    }
    lpc_link_close(&stage->out);
    lpc_link_close(&stage->in);
    if (code > 0) lpc_stage_tell(stage->model->name, error.text);
    return code;
}

static int start(Stage *stage, LpcError *error)
{
    const lpc_model *model = stage->model;
    int code = stage->in_transport->check(stage->in_address, error);
    if (!code) code = stage->out_transport->check(stage->out_address, error);
    if (!code) code = make_memory(stage, error);
    if (code) return code;
    if (pipe(stage->stop_pipe))
        return lpc_error(error, LPC_EXIT_SYSTEM, "pipe: %s", strerror(errno));
    code = start_threads(stage, error);
    if (!code) code = stage->in_transport->listen(stage->in_address, &stage->listener, error);
    if (code) return code;
    char line[LPC_PEER_BYTES + 20];
    int length = snprintf(line, sizeof line, "listening on %s\n", stage->listener.address);
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        lpc_stage_tell(model->name, "cannot write to standard output");
    return 0;
}

static int64_t in_bytes(const void *model, uint32_t k, const int64_t *sizes)
{
    return ((const lpc_model *)model)->tensor_bytes(0, k, sizes);
}

static int64_t out_bytes(const void *model, uint32_t k, const int64_t *sizes)
{
    return ((const lpc_model *)model)->tensor_bytes(1, k, sizes);
}

int lpc_stage_run(const lpc_model *model, const LpcStageOptions *options)
{
    Stage stage = {.model = model, .options = options, .listener.fd = -1};
    LpcError error = {0};
    stage.in_shape = (LpcShape){
        &model->in, model->symbol_count, model->symbol_max, model->symbol_names, in_bytes, model};
    stage.out_shape = stage.in_shape;
    stage.out_shape.contract = &model->out;
    stage.out_shape.tensor_bytes = out_bytes;
    stage.in_address = options->listen;
    stage.out_address = options->forward;
    stage.in_transport = lpc_transport_find(&stage.in_address);
    stage.out_transport = lpc_transport_find(&stage.out_address);
    pthread_mutex_init(&stage.mutex, NULL);

    int code = start(&stage, &error);
    if (code) {
        lpc_stage_tell(model->name, error.text);
    } else {
        do code = run_stream(&stage);
        while (options->serve && code != LPC_STOPPED && code != LPC_EXIT_SYSTEM);
        if (code == LPC_STOPPED) code = 0;
    }
    if (stage.stats && options->stats) {
        int failure = lpc_stats_write(stage.stats, options->stats, model->name, code);
        if (failure) {
            lpc_error(&error, LPC_EXIT_SYSTEM, "%.150s: %s", options->stats, strerror(failure));
            lpc_stage_tell(model->name, error.text);
            if (!code) code = LPC_EXIT_SYSTEM;
        }
    }
    stop_threads(&stage);
    return code;
}
