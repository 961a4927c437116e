/* A pipeline: the stages' processes and this end of both links. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/children.h"
#include "lib/run/run.h"
#include "ir/schema.h"
#include "runtime/gate.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 60000, SLICE_MS = 50, GRACE_MS = 3000 };

struct RunSession {
    const Package *package;
    RunOptions options;
    Arena *arena;
    StageChild *children;
    int child_count;
    char *stats_folder; /* made here, "" when none */
    RunStats *stats;
    LpcCrc crc;
    LpcGate gate; /* where the last stage brings the results of this stream, and of no other */
    uint8_t stream[LPC_STREAM_BYTES];
    LpcLink feed, collect;
    LpcShape in_shape, out_shape;
    LpcSlot in_slot, out_slot; /* the in slot's tensors are the caller's */
    struct iovec *pieces;
    uint64_t sent, received;
    void *memory;
};

static int start_timeout_ms(const RunSession *session)
{
    return session->options.timeout > 0 ? (int)(session->options.timeout * 1000) : START_TIMEOUT_MS;
}

/* --- memory and shapes --- */

/* Bytes of a tensor, -1 when they overflow: of one end, found through the contract. */
static int64_t end_bytes(const PackageEnd *end, uint32_t k, const int64_t *sizes)
{
    int64_t bytes = (int64_t)dtype_size(end->tensors[k].type);
    for (int d = 0; d < end->tensors[k].rank; d++) {
        int64_t dim = size_eval(end->tensors[k].dims[d], sizes);
        if (dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes)) return -1;
    }
    return bytes;
}

static int64_t bytes_of(const void *end, uint32_t k, const int64_t *sizes)
{
    return end_bytes(end, k, sizes);
}

static void make_shape(LpcShape *shape, const Package *package, const PackageEnd *end)
{
    *shape = (LpcShape){&end->contract,
                        (uint32_t)package->symbol_count,
                        package->symbol_max,
                        package->symbol_names,
                        bytes_of,
                        end};
}

static void make_slot(RunSession *session, LpcSlot *slot, const LpcShape *shape)
{
    size_t count = shape->contract->tensor_count + 1;
    slot->tensors = arena_array(session->arena, count, sizeof *slot->tensors);
    slot->bytes = arena_array(session->arena, count, sizeof *slot->bytes);
    slot->offsets = arena_array(session->arena, count, sizeof *slot->offsets);
}

static int make_memory(RunSession *session, Diag *diag)
{
    make_shape(&session->in_shape, session->package, &session->package->inputs);
    make_shape(&session->out_shape, session->package, &session->package->outputs);
    make_slot(session, &session->in_slot, &session->in_shape);
    make_slot(session, &session->out_slot, &session->out_shape);
    session->in_slot.sizes =
        arena_array(session->arena, (size_t)session->package->symbol_count + 1, sizeof(int64_t));
    session->pieces =
        arena_array(session->arena, (size_t)lpc_piece_count(session->in_shape.contract),
                    sizeof *session->pieces);
    uint64_t capacity = lpc_in_capacity(&session->out_shape);
    if (!capacity || posix_memalign(&session->memory, LPC_ALIGN, (size_t)capacity))
        return diag_error(diag, "the outputs' bound is too large for this machine's memory");
    session->out_slot.payload = session->memory;
    session->out_slot.capacity = capacity;
    session->out_slot.sizes = session->memory;
    return LPC_OK;
}

/* --- starting --- */

static const char *stats_path(const RunSession *session, int stage)
{
    return arena_printf(session->arena, "%s/%d.json", session->stats_folder, stage);
}

static int make_stats_folder(RunSession *session, Diag *diag)
{
    const char *root = getenv("TMPDIR");
    char *folder = arena_printf(session->arena, "%s/lpc-run-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(folder)) return diag_error(diag, "%s: %s", folder, strerror(errno));
    session->stats_folder = folder;
    return LPC_OK;
}

static int start_stage(RunSession *session, Diag *diag, int index, const char *forward,
                       const char **address)
{
    const PackageStage *stage = &session->package->stages[index];
    StageChild *child = &session->children[index];
    Arena *arena = session->arena;
    char **argv = NULL;
    int argc = 0;
    if (!stage->program)
        return diag_error(diag,
                          "stage '%s' has no program: the toolchain of target '%s' was missing "
                          "when it was compiled",
                          stage->name, stage->target);
#define WORD(text) arena_push(arena, argv, argc) = arena_strdup(arena, text)
    for (const char **word = stage->emulator; *word; word++) WORD(*word);
    WORD(stage->program);
    WORD("--listen");
    WORD("127.0.0.1:0");
    WORD("--forward");
    WORD(forward);
    WORD("--timeout");
    WORD(arena_printf(arena, "%g", start_timeout_ms(session) / 1000.0));
    if (session->options.threads)
        WORD("--threads"), WORD(arena_printf(arena, "%d", session->options.threads));
    if (session->options.queue)
        WORD("--queue"), WORD(arena_printf(arena, "%d", session->options.queue));
    if (session->options.guard) WORD("--guard");
    if (session->options.stats) WORD("--stats"), WORD(stats_path(session, index));
#undef WORD
    arena_push(arena, argv, argc) = NULL;

    int failure = child_spawn(child, argv);
    if (failure)
        return diag_error(diag, "cannot start stage '%s': %s: %s", stage->name, argv[0],
                          strerror(failure));
    char line[256];
    static const char prefix[] = "listening on ";
    if (child_read_line(child, line, sizeof line, start_timeout_ms(session)) ||
        strncmp(line, prefix, strlen(prefix)) != 0) {
        LpcError error = {0};
        lpc_error(&error, LPC_EXIT_MISSING, "stage '%s' does not start listening", stage->name);
        return run_failed(session, diag, &error);
    }
    *address = arena_strdup(arena, line + strlen(prefix));
    return LPC_OK;
}

static LpcHello own_hello(const RunSession *session, const lpc_contract *contract)
{
    LpcHello hello = {
        .build_id = session->package->build_id, .cut = contract->cut, .hash = contract->hash};
    memcpy(hello.stream, session->stream, LPC_STREAM_BYTES);
    return hello;
}

static void tell_in_line(void *diag, const LpcLink *link, uint32_t before)
{
    diag_note(diag, "lpc: %s is busy: %u before this one", link->peer, before);
}

static int greet_first(RunSession *session, Diag *diag, LpcError *error)
{
    LpcHello hello = own_hello(session, session->in_shape.contract);
    LpcInLine in_line = {tell_in_line, diag};
    return lpc_greet(&session->feed, NULL, &session->crc, &hello, &in_line, error);
}

/* Accepts the last stage, as long as all stages live. */
static int accept_last(RunSession *session, LpcError *error)
{
    int timeout = start_timeout_ms(session);
    uint64_t deadline = lpc_now_ns() + (uint64_t)timeout * 1000000u;
    for (;;) {
        LpcError slice = {0};
        uint8_t stream[LPC_STREAM_BYTES];
        int code = lpc_gate_take(&session->gate, SLICE_MS, &session->collect, stream, &slice);
        if (!code) return 0;
        int ended = 0;
        for (int i = 0; i < session->child_count; i++) ended |= child_poll(&session->children[i]);
        if (ended) return lpc_error(error, LPC_EXIT_LEFT, "a stage ended before it was connected");
        if (lpc_link_has_ended(&session->feed))
            return lpc_error(error, LPC_EXIT_LEFT,
                             "the first stage, %.80s, left before the last one had come to %.80s: "
                             "its own line says why",
                             session->feed.peer, session->gate.listener.address);
        if (lpc_now_ns() >= deadline)
            return lpc_error(error, LPC_EXIT_MISSING,
                             "the last stage did not come to %.80s within %g s: does it forward to "
                             "that address, and do the stages between run?",
                             session->gate.listener.address, timeout / 1000.0);
    }
}

/* Opens the gate for the last stage. */
static int open_gate(RunSession *session, LpcError *error)
{
    const char *address = session->options.collect ? session->options.collect : "127.0.0.1:0";
    LpcGate *gate = &session->gate;
    gate->transport = lpc_transport_find(&address);
    int code = lpc_stream_draw(session->stream, error);
    if (!code) code = gate->transport->listen(address, &gate->listener, error);
    if (code) return code;
    gate->crc = &session->crc;
    gate->own = own_hello(session, session->out_shape.contract);
    gate->role = "the last stage,";
    gate->only = session->stream;
    gate->stop_fd = -1;
    int failure = lpc_gate_start(gate);
    if (!failure) return 0;
    return lpc_error(error, LPC_EXIT_SYSTEM, "cannot start a thread: %s", strerror(failure));
}

static int connect_ends(RunSession *session, Diag *diag, const char *address)
{
    const LpcTransport *transport = lpc_transport_find(&address);
    int timeout = start_timeout_ms(session);
    LpcError error = {0};
    session->feed = (LpcLink){.fd = -1, .timeout_ms = timeout, .stop_fd = -1};
    session->collect =
        (LpcLink){.fd = -1, .timeout_ms = timeout, .stop_fd = -1, .watch = &session->feed};
    int code = transport->connect(address, timeout, -1, NULL, &session->feed, &error);
    if (!code) code = greet_first(session, diag, &error);
    if (!code) code = accept_last(session, &error);
    return code ? run_failed(session, diag, &error) : LPC_OK;
}

static int open_all(RunSession *session, Diag *diag)
{
    const RunOptions *options = &session->options;
    LpcError error = {0};
    TRY(make_memory(session, diag));
    if (open_gate(session, &error)) return diag_error(diag, "%s", error.text);
    if (options->connect) return connect_ends(session, diag, options->connect);

    session->child_count = session->package->stage_count;
    session->children =
        arena_array(session->arena, (size_t)session->child_count, sizeof *session->children);
    for (int i = 0; i < session->child_count; i++)
        session->children[i].name = session->package->stages[i].name;
    if (options->stats) TRY(make_stats_folder(session, diag));
    const char *forward = session->gate.listener.address;
    for (int i = session->child_count - 1; i >= 0; i--)
        TRY(start_stage(session, diag, i, forward, &forward));
    return connect_ends(session, diag, forward);
}

int run_open(RunSession **result, Arena *arena, Diag *diag, const Package *package,
             const RunOptions *options)
{
    RunSession *session = arena_alloc(arena, sizeof *session);
    session->package = package;
    session->options = *options;
    session->arena = arena;
    session->gate.listener.fd = session->feed.fd = session->collect.fd = -1;
    lpc_crc_init(&session->crc, LPC_CRC_BEST);
    signal(SIGPIPE, SIG_IGN);
    int code = open_all(session, diag);
    if (code) run_free(session);
    *result = code ? NULL : session;
    return code;
}

/* --- frames --- */

int run_feed(RunSession *session, const HostTensor *inputs, const int64_t *sizes, LpcError *error)
{
    LpcWriter writer = lpc_link_writer(&session->feed);
    size_t symbols = (size_t)session->package->symbol_count * sizeof *sizes;
    if (symbols) memcpy(session->in_slot.sizes, sizes, symbols);
    for (int i = 0; i < session->package->inputs.count; i++)
        session->in_slot.tensors[i] = inputs[i].data;
    return lpc_send_data(&writer, &session->in_shape, &session->crc, session->sent++,
                         &session->in_slot, session->pieces, error);
}

/* Waits for the next frame's first byte, with the time limit that the user may have set. */
static int wait_result(const RunSession *session, LpcError *error)
{
    if (session->options.timeout <= 0) return 0;
    struct pollfd fds[2] = {{session->collect.fd, POLLIN, 0}, {session->feed.fd, POLLIN, 0}};
    int ready = poll(fds, 2, start_timeout_ms(session));
    return ready ? 0
                 : lpc_error(error, LPC_EXIT_LEFT, "no result came within %g s",
                             session->options.timeout);
}

/* Receives a frame and returns its kind, or reports and returns 0. */
static uint32_t receive(RunSession *session, Diag *diag)
{
    LpcReader reader = lpc_link_reader(&session->collect);
    LpcSlot *slot = &session->out_slot;
    LpcError error = {0};
    int code = wait_result(session, &error);
    if (!code)
        code = lpc_receive(&reader, &session->out_shape, &session->crc, session->received++, slot,
                           &error);
    if (!code && slot->header.kind == LPC_FRAME_ERROR) error = slot->error;
    if (!code && !error.code) return slot->header.kind;
    run_failed(session, diag, &error);
    return 0;
}

int run_collect(RunSession *session, Arena *arena, Diag *diag, HostTensor *outputs, int64_t *sizes)
{
    const PackageEnd *end = &session->package->outputs;
    const LpcSlot *slot = &session->out_slot;
    uint32_t kind = receive(session, diag);
    if (!kind) return LPC_ERROR;
    if (kind != LPC_FRAME_DATA) {
        LpcError error = {LPC_EXIT_LEFT, "the stages ended the stream too early"};
        return run_failed(session, diag, &error);
    }
    for (int i = 0; i < end->count; i++) {
        HostTensor *tensor = &outputs[i];
        memset(tensor, 0, sizeof *tensor);
        package_shape(&end->tensors[i], slot->sizes, tensor);
        tensor->bytes = (size_t)slot->bytes[i];
        tensor->data = slot->tensors[i];
        if (!arena) continue;
        if (host_alloc(tensor, arena)) return diag_error(diag, "an output is too large");
        if (tensor->bytes) memcpy(tensor->data, slot->tensors[i], tensor->bytes);
    }
    if (sizes && session->package->symbol_count)
        memcpy(sizes, slot->sizes, (size_t)session->package->symbol_count * sizeof *sizes);
    return LPC_OK;
}

/* --- the end --- */

#define FIGURE(name, field)                                                                        \
    {name, JSON_NUMBER, true, offsetof(RunStats, field), 0, 0, 1e300, NULL, NULL, NULL}

/* What a stage writes of itself (runtime/stats.c). */
static const JsonField stats_fields[] = {{"stage", JSON_SKIP, false, 0, 0, 0, 0, NULL, NULL, NULL},
                                         {"status", JSON_SKIP, false, 0, 0, 0, 0, NULL, NULL, NULL},
                                         FIGURE("frames", frames),
                                         FIGURE("compute_ms_median", compute_ms),
                                         FIGURE("send_ms_median", send_ms),
                                         FIGURE("receive_ms_median", receive_ms),
                                         FIGURE("wait_ms_median", wait_ms),
                                         FIGURE("peak_rss_bytes", peak_rss_bytes),
                                         JSON_END};

/* Figures of a stage that told none stay unknown. */
static void read_stats(RunSession *session)
{
    session->stats =
        arena_array(session->arena, (size_t)session->child_count, sizeof *session->stats);
    for (int i = 0; i < session->child_count; i++) {
        RunStats *stats = &session->stats[i];
        Diag quiet;
        diag_init(&quiet, session->arena, NULL);
        stats->name = session->children[i].name;
        stats->known =
            !json_load(&quiet, session->arena, stats_path(session, i), stats_fields, stats);
    }
}

int run_finish(RunSession *session, Diag *diag)
{
    LpcWriter writer = lpc_link_writer(&session->feed);
    LpcError error = {0};
    if (lpc_send_end(&writer, &session->crc, session->sent++, &error))
        return run_failed(session, diag, &error);
    session->collect.watch = NULL; /* the first stage leaves now, rightly */
    for (;;) {
        uint32_t kind = receive(session, diag);
        if (!kind) return LPC_ERROR;
        if (kind == LPC_FRAME_END) break;
    }
    lpc_link_close(&session->feed);
    lpc_link_close(&session->collect);
    if (!children_wait(session->children, session->child_count, GRACE_MS)) {
        children_kill(session->children, session->child_count);
        return diag_error(diag, "a stage does not exit after the end of the stream");
    }
    if (children_culprit(session->children, session->child_count) >= 0) {
        lpc_error(&error, LPC_EXIT_LEFT, "a stage failed");
        return run_failed(session, diag, &error);
    }
    if (session->options.stats) read_stats(session);
    return LPC_OK;
}

/* What a stage that still runs has said; NULL: nothing. */
static const char *said_by_a_stage(RunSession *session)
{
    for (int i = 0; i < session->child_count; i++) {
        StageChild *child = &session->children[i];
        (void)child_poll(child);
        if (child->text_length)
            return arena_printf(session->arena, "%.*s", (int)strcspn(child->text, "\n"),
                                child->text);
    }
    return NULL;
}

int run_failed(RunSession *session, Diag *diag, const LpcError *error)
{
    if (session->feed.fd >= 0) shutdown(session->feed.fd, SHUT_RDWR); /* a thread may be in it */
    lpc_link_close(&session->collect);
    int culprit = children_settle(session->children, session->child_count, 500);
    const char *said = culprit < 0 ? said_by_a_stage(session) : NULL;
    children_kill(session->children, session->child_count);
    if (said) return diag_error(diag, "%s; %s", error->text, said);
    if (culprit < 0) return diag_error(diag, "%s", error->text);
    return diag_error(diag, "%s", child_report(&session->children[culprit], session->arena));
}

const RunStats *run_stats(const RunSession *session, int *count)
{
    *count = session->stats ? session->child_count : 0;
    return session->stats;
}

void run_free(RunSession *session)
{
    if (!session) return;
    lpc_link_close(&session->feed);
    lpc_link_close(&session->collect);
    lpc_gate_stop(&session->gate);
    children_kill(session->children, session->child_count);
    if (session->stats_folder) {
        for (int i = 0; i < session->child_count; i++) remove(stats_path(session, i));
        rmdir(session->stats_folder);
    }
    free(session->memory);
    session->memory = NULL;
}
