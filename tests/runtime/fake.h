/* Hand-written models and a harness for the runtime's tests. */
#ifndef LPC_TESTS_RUNTIME_FAKE_H
#define LPC_TESTS_RUNTIME_FAKE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/gate.h"
#include "runtime/queue.h"
#include "runtime/stage.h"
#include "runtime/transport.h"
#include "tests/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_CASE(function)                                                                         \
    do {                                                                                           \
        int before_ = failures;                                                                    \
        uint64_t begin_ = lpc_now_ns();                                                            \
        function();                                                                                \
        printf("%-28s %s (%.0f ms)\n", #function, failures == before_ ? "ok" : "FAILED",           \
               (double)(lpc_now_ns() - begin_) * 1e-6);                                            \
        fflush(stdout);                                                                            \
    } while (0)

/* --- models: two symbols, n (an input's) and m (a node's or the state's) --- */

enum { N_MAX = 64, BIG_MAX = 1 << 20 };

/* How long a test waits for what must come, even on a busy machine. */
enum { PATIENCE_MS = 30000 };

static const uint8_t fake_build[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const char *const fake_names[] = {"n", "m"};
static const int64_t fake_max[] = {N_MAX, N_MAX};
static const int64_t big_max[] = {BIG_MAX, 0};
static const uint8_t fake_no_state[] = {0, 0};
static const uint8_t fake_m_state[] = {0, 1};
static const lpc_tensor_info fake_x[] = {{"x", 7, 1, 1, N_MAX * 4}};
static const lpc_tensor_info big_x[] = {{"x", 7, 1, 1, (uint64_t)BIG_MAX * 4}};
static const lpc_tensor_info fake_yi[] = {{"where", 8, 7, 1, N_MAX * 8}, {"y", 9, 1, 1, N_MAX * 4}};

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#include <malloc.h>
typedef struct mallinfo2 fake_heap;
static fake_heap fake_heap_use(void)
{
    return mallinfo2();
}
#else
typedef struct fake_heap {
    int nothing;
} fake_heap;
static fake_heap fake_heap_use(void)
{
    return (fake_heap){0};
}
#endif

static int64_t fake_bytes_x(int side, uint32_t k, const int64_t *sizes)
{
    (void)side, (void)k;
    return sizes[0] * 4;
}

static int64_t fake_bytes_yi(int side, uint32_t k, const int64_t *sizes)
{
    return side == 1 && k == 0 ? sizes[1] * 8 : sizes[0] * 4;
}

static int fake_double(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                       void *state, const lpc_threads *threads)
{
    (void)workspace, (void)state, (void)threads;
    const float *x = in[0];
    float *y = out[0];
    for (int64_t i = 0; i < sizes[0]; i++) y[i] = 2 * x[i];
    return 0;
}

/* Takes 20 ms. */
static int fake_sleep(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                      void *state, const lpc_threads *threads)
{
    usleep(20000);
    return fake_double(in, out, sizes, workspace, state, threads);
}

/* Fails on a negative first element. */
static int fake_fail(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                     void *state, const lpc_threads *threads)
{
    if (sizes[0] && ((const float *)in[0])[0] < 0) return LPC_RUN_INDEX;
    return fake_double(in, out, sizes, workspace, state, threads);
}

/* NonZero: `where` holds the positions, m their number; y passes x on. */
static int fake_nonzero(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                        void *state, const lpc_threads *threads)
{
    (void)workspace, (void)state, (void)threads;
    const float *x = in[0];
    int64_t *where = out[0];
    sizes[1] = 0;
    for (int64_t i = 0; i < sizes[0]; i++) {
        ((float *)out[1])[i] = x[i];
        if (x[i] != 0) where[sizes[1]++] = i;
    }
    return 0;
}

/* Keeps a running sum in the state and its length in m; puts out sum + 1000 * m. */
static int fake_sum(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                    void *state, const lpc_threads *threads)
{
    (void)workspace, (void)threads;
    float *sum = state;
    for (int64_t i = 0; i < sizes[0]; i++) {
        *sum += ((const float *)in[0])[i];
        ((float *)out[0])[i] = *sum + 1000.0f * (float)sizes[1];
    }
    return 0;
}

/* Fails when the heap was used since the first call. */
static int fake_still(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                      void *state, const lpc_threads *threads)
{
    fake_heap *first = state;
    fake_heap now = fake_heap_use();
    if (sizes[0] == 1)
        *first = now;
    else if (memcmp(first, &now, sizeof now) != 0)
        return LPC_RUN_VALUE;
    return fake_double(in, out, sizes, workspace, state, threads);
}

/* Breaks the rules where x[0] says so: 1 stores into the input, 2 reads behind it, 3 writes behind the
 * output. */
static int fake_break(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                      void *state, const lpc_threads *threads)
{
    const volatile float *x = in[0];
    volatile float *y = out[0];
    if (!sizes[0]) return 0;
    if (x[0] == 1) *(volatile float *)(uintptr_t)x = 1;
    if (x[0] == 2) y[0] = x[(sizes[0] + 15) / 16 * 16];
    if (x[0] == 3) y[N_MAX] = 0;
    return fake_double(in, out, sizes, workspace, state, threads);
}

static void fake_begin(int64_t *sizes)
{
    sizes[1] = 0;
}

static void fake_next(int64_t *sizes)
{
    sizes[1] += sizes[0];
}

__attribute__((unused)) static lpc_model fake_model(const char *kind, uint32_t cut)
{
    lpc_model model = {.name = kind,
                       .build_id = fake_build,
                       .symbol_count = 2,
                       .symbol_names = fake_names,
                       .symbol_max = fake_max,
                       .symbol_is_state = fake_no_state,
                       .in = {cut, 100 + cut, 1, fake_x, 64 + N_MAX * 4, fake_build},
                       .out = {cut + 1, 101 + cut, 1, fake_x, 64 + N_MAX * 4, fake_build},
                       .workspace_bytes = 256,
                       .run = fake_double,
                       .tensor_bytes = fake_bytes_x};
    if (strcmp(kind, "sleep") == 0) model.run = fake_sleep;
    if (strcmp(kind, "fail") == 0) model.run = fake_fail;
    if (strcmp(kind, "break") == 0) model.run = fake_break;
    if (strcmp(kind, "big") == 0 || strcmp(kind, "bigsleep") == 0) {
        model.symbol_max = big_max;
        model.in.tensors = model.out.tensors = big_x;
        model.in.max_payload = model.out.max_payload = 64 + (uint64_t)BIG_MAX * 4;
        if (kind[3]) model.run = fake_sleep;
    }
    if (strcmp(kind, "nonzero") == 0) {
        model.run = fake_nonzero;
        model.tensor_bytes = fake_bytes_yi;
        model.out.tensor_count = 2;
        model.out.tensors = fake_yi;
        model.out.max_payload = 64 + N_MAX * 8 + N_MAX * 4;
    }
    if (strcmp(kind, "still") == 0) {
        model.run = fake_still;
        model.state_bytes = sizeof(fake_heap);
    }
    if (strcmp(kind, "sum") == 0) {
        model.run = fake_sum;
        model.state_bytes = 64;
        model.symbol_is_state = fake_m_state;
        model.state_begin = fake_begin;
        model.state_next = fake_next;
    }
    return model;
}

static int64_t fake_in_bytes(const void *model, uint32_t k, const int64_t *sizes)
{
    return ((const lpc_model *)model)->tensor_bytes(0, k, sizes);
}

static int64_t fake_out_bytes(const void *model, uint32_t k, const int64_t *sizes)
{
    return ((const lpc_model *)model)->tensor_bytes(1, k, sizes);
}

__attribute__((unused)) static LpcShape fake_shape(const lpc_model *model, int side)
{
    return (LpcShape){side ? &model->out : &model->in,
                      model->symbol_count,
                      model->symbol_max,
                      model->symbol_names,
                      side ? fake_out_bytes : fake_in_bytes,
                      model};
}

/* A slot of the test's own; never freed. */
__attribute__((unused)) static LpcSlot fake_slot(const LpcShape *shape, int fix)
{
    LpcSlot slot = {0};
    uint32_t count = shape->contract->tensor_count + 1;
    slot.capacity = fix ? lpc_out_capacity(shape) : lpc_in_capacity(shape);
    slot.payload = aligned_alloc(64, slot.capacity);
    memset(slot.payload, 0, slot.capacity);
    slot.sizes = (int64_t *)(void *)slot.payload;
    slot.tensors = calloc(count, sizeof *slot.tensors);
    slot.bytes = calloc(count, sizeof *slot.bytes);
    slot.offsets = calloc(count, sizeof *slot.offsets);
    if (fix) lpc_slot_fix(&slot, shape);
    return slot;
}

/* --- stages as child processes --- */

enum { CHILD_TEXT = 4096 }; /* of what it says */

typedef struct Child {
    pid_t pid;
    char address[LPC_PEER_BYTES];
    int err; /* its stderr */
} Child;

/* Starts the stage on a port of its own choice; forward NULL: results are fetched; extra: more arguments, NULL-terminated, or NULL. */
__attribute__((unused)) static Child child_start(const lpc_model *model, const char *forward,
                                                 char *const *extra)
{
    int out[2], err[2];
    Child child = {0};
    if (pipe(out) || pipe(err)) abort();
    fflush(stdout);
    child.pid = fork();
    if (child.pid == 0) {
        char *argv[24] = {(char *)"stage", (char *)"--listen", (char *)"127.0.0.1:0",
                          (char *)"--heartbeat", (char *)"0"};
        int argc = 5;
        if (forward) {
            argv[argc++] = (char *)"--forward";
            argv[argc++] = (char *)(uintptr_t)forward;
        }
        while (extra && *extra && argc < 23) argv[argc++] = *extra++;
        dup2(out[1], 1);
        dup2(err[1], 2);
        for (int fd = 3; fd < 64; fd++) close(fd);
        signal(SIGSEGV, SIG_DFL); /* not the sanitizers' */
        _exit(lpc_stage_main(model, argc, argv));
    }
    close(out[1]);
    close(err[1]);
    child.err = err[0];
    char line[200] = {0};
    for (size_t n = 0; n < sizeof line - 1 && read(out[0], line + n, 1) == 1 && line[n] != '\n';)
        n++;
    close(out[0]);
    if (sscanf(line, "listening on %100s", child.address) != 1) child.address[0] = 0;
    return child;
}

/* Waits for the child, which is killed when patience ends. Its exit status, or -N when signal N ended
 * it; its stderr goes to text. */
__attribute__((unused)) static int child_wait(Child *child, char text[CHILD_TEXT])
{
    int status = -1;
    uint64_t deadline = lpc_now_ns() + PATIENCE_MS * UINT64_C(1000000);
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        if (lpc_now_ns() > deadline) {
            kill(child->pid, SIGKILL);
            waitpid(child->pid, &status, 0);
            break;
        }
        usleep(1000);
    }
    ssize_t got = read(child->err, text, CHILD_TEXT - 1);
    text[got > 0 ? got : 0] = 0;
    close(child->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- the test's own ends of the pipeline --- */

typedef struct Ends {
    LpcCrc crc;
    LpcListener listener;
    LpcLink feed, collect;
    LpcTlsPool *tls; /* NULL: plain */
    uint8_t stream[LPC_STREAM_BYTES];
    LpcShape in, out;
    LpcSlot feed_slot, collect_slot;
    uint64_t sent, received;
    LpcError error;
    struct iovec pieces[8];
} Ends;

/* Listens for the last stage. model: whose in and out contracts the ends speak. */
__attribute__((unused)) static Ends *ends_new(const lpc_model *in, const lpc_model *out)
{
    Ends *ends = calloc(1, sizeof *ends);
    lpc_crc_init(&ends->crc, LPC_CRC_BEST);
    ends->in = fake_shape(in, 0);
    ends->out = fake_shape(out, 1);
    ends->feed_slot = fake_slot(&ends->in, 1);
    ends->collect_slot = fake_slot(&ends->out, 0);
    ends->feed = ends->collect = (LpcLink){.fd = -1, .timeout_ms = PATIENCE_MS, .stop_fd = -1};
    if (lpc_transport_tcp.listen("127.0.0.1:0", &ends->listener, &ends->error)) abort();
    return ends;
}

__attribute__((unused)) static int ends_connect(Ends *ends, const char *address)
{
    return lpc_transport_tcp.connect(address, PATIENCE_MS, -1, NULL, &ends->feed, &ends->error);
}

__attribute__((unused)) static LpcHello ends_hello(const Ends *ends, const lpc_contract *contract)
{
    LpcHello hello = lpc_hello_at(contract, 0);
    memcpy(hello.stream, ends->stream, LPC_STREAM_BYTES);
    return hello;
}

/* Sends the hello of a stream with this first byte, and waits for no answer. */
__attribute__((unused)) static void ends_say_hello(Ends *ends, uint8_t first)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    ends->stream[0] = first;
    LpcHello hello = ends_hello(ends, ends->in.contract);
    lpc_hello_encode(&ends->crc, &hello, bytes);
    CHECK(write(ends->feed.fd, bytes, sizeof bytes) == LPC_HELLO_BYTES, "write");
}

/* Says hello to the first stage, for a new stream. */
__attribute__((unused)) static int ends_greet(Ends *ends)
{
    int code = lpc_stream_draw(ends->stream, &ends->error);
    LpcHello hello = ends_hello(ends, ends->in.contract);
    return code ? code : lpc_greet(&ends->feed, NULL, &ends->crc, &hello, NULL, &ends->error);
}

/* Accepts the last stage, which must bring the stream. */
__attribute__((unused)) static int ends_welcome(Ends *ends)
{
    uint8_t stream[LPC_STREAM_BYTES];
    LpcHello hello = ends_hello(ends, ends->out.contract);
    int code =
        lpc_transport_tcp.accept(&ends->listener, PATIENCE_MS, -1, &ends->collect, &ends->error);
    if (!code) code = lpc_welcome(&ends->collect, &ends->crc, &hello, stream, &ends->error);
    if (!code && memcmp(stream, ends->stream, LPC_STREAM_BYTES) != 0)
        code = lpc_error(&ends->error, LPC_EXIT_STALE, "another stream");
    return code;
}

/* Connects to the first stage and accepts the last one. */
__attribute__((unused)) static int ends_open(Ends *ends, const char *address)
{
    ends->sent = ends->received = 0;
    int code = ends_connect(ends, address);
    if (!code) code = ends_greet(ends);
    return code ? code : ends_welcome(ends);
}

/* A new stream: attaches it at the last stage and opens it at the first one. beat_ms: what the hellos say; nothing
 * keeps to it. */
__attribute__((unused)) static int ends_fetch(Ends *ends, const char *first, const char *last,
                                              uint32_t beat_ms)
{
    ends->sent = ends->received = 0;
    int code = lpc_stream_draw(ends->stream, &ends->error);
    const char *addresses[] = {last, first};
    LpcLink *links[] = {&ends->collect, &ends->feed};
    const lpc_contract *contracts[] = {ends->out.contract, ends->in.contract};
    for (int i = 0; i < 2 && !code; i++) {
        LpcHello hello = ends_hello(ends, contracts[i]);
        hello.beat_ms = beat_ms;
        code =
            lpc_transport_tcp.connect(addresses[i], PATIENCE_MS, -1, NULL, links[i], &ends->error);
        if (!code) code = lpc_link_secure(links[i], ends->tls, 0, NULL, &ends->error);
        if (!code) code = lpc_greet(links[i], NULL, &ends->crc, &hello, NULL, &ends->error);
        links[i]->silence_ms = 0;
    }
    return code;
}

__attribute__((unused)) static int ends_feed(Ends *ends, int64_t n, float first)
{
    LpcWriter writer = lpc_link_writer(&ends->feed);
    ends->feed_slot.sizes[0] = n;
    ends->feed_slot.sizes[1] = 0;
    for (int64_t i = 0; i < n; i++)
        ((float *)ends->feed_slot.tensors[0])[i] = first + (float)(i % 1000);
    return lpc_send_data(&writer, &ends->in, &ends->crc, ends->sent++, &ends->feed_slot,
                         ends->pieces, &ends->error);
}

__attribute__((unused)) static int ends_finish(Ends *ends)
{
    LpcWriter writer = lpc_link_writer(&ends->feed);
    return lpc_send_end(&writer, &ends->crc, ends->sent++, &ends->error);
}

/* The kind of the next frame that is no beat, or 100 + the exit status of a failure. */
__attribute__((unused)) static int ends_collect(Ends *ends)
{
    LpcReader reader = lpc_link_reader(&ends->collect);
    int code;
    do
        code = lpc_receive(&reader, &ends->out, &ends->crc, ends->received, &ends->collect_slot,
                           &ends->error);
    while (!code && ends->collect_slot.header.kind == LPC_FRAME_BEAT);
    ends->received++;
    if (code || ends->collect_slot.header.kind != LPC_FRAME_DATA)
        lpc_link_end_writing(&ends->collect);
    return code ? 100 + code : (int)ends->collect_slot.header.kind;
}

__attribute__((unused)) static void ends_close(Ends *ends)
{
    lpc_link_close(&ends->feed);
    lpc_link_close(&ends->collect);
    memset(&ends->error, 0, sizeof ends->error);
}

__attribute__((unused)) static void ends_free(Ends *ends)
{
    ends_close(ends);
    close(ends->listener.fd);
    LpcSlot *slots[] = {&ends->feed_slot, &ends->collect_slot};
    for (int i = 0; i < 2; i++) {
        free(slots[i]->payload);
        free(slots[i]->tensors);
        free(slots[i]->bytes);
        free(slots[i]->offsets);
    }
    free(ends);
}

#endif
