/* Stages as processes, and both ends of a pipeline of them: one tensor in, one of the same size out. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/bench/transport.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STAGE_NS = 2000000, TIMEOUT_MS = 20000 };

static int64_t tensor_bytes(int side, uint32_t k, const int64_t *sizes)
{
    (void)side, (void)k, (void)sizes;
    return (int64_t)frame_bytes;
}

static int64_t contract_bytes(const void *context, uint32_t k, const int64_t *sizes)
{
    (void)context;
    return tensor_bytes(0, k, sizes);
}

int run_nothing(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                void *state, const lpc_threads *threads)
{
    (void)in, (void)out, (void)sizes, (void)workspace, (void)state, (void)threads;
    return LPC_RUN_OK;
}

int run_sleep(const void *const *in, void *const *out, int64_t *sizes, void *workspace, void *state,
              const lpc_threads *threads)
{
    struct timespec time = {0, STAGE_NS};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    return run_nothing(in, out, sizes, workspace, state, threads);
}

static const uint8_t id[32] = {1};

static lpc_contract contract_at(uint32_t cut, lpc_tensor_info *info)
{
    *info = (lpc_tensor_info){"x", 1, 1, 1, frame_bytes};
    return (lpc_contract){cut, 7, 1, info, frame_bytes, id};
}

static lpc_model make_model(uint32_t index, lpc_run_fn *run, lpc_tensor_info infos[2])
{
    lpc_model model = {.name = "bench", .build_id = id, .run = run};
    model.in = contract_at(index, &infos[0]);
    model.out = contract_at(index + 1, &infos[1]);
    model.tensor_bytes = tensor_bytes;
    return model;
}

int over_unix;
char unix_folder[] = "/tmp/lpc-bench-XXXXXX";

const char *next_address(void)
{
    static char text[80];
    static int number;
    if (!over_unix) return "127.0.0.1:0";
    snprintf(text, sizeof text, "unix:%.40s/%d-%d", unix_folder, (int)getpid(), number++);
    return text;
}

void listen_at(LpcListener *listener)
{
    LpcError error = {0};
    const char *address = next_address();
    check(lpc_transport_find(&address)->listen(address, listener, &error), &error);
}

void connect_to(const char *address, LpcLink *link)
{
    LpcError error = {0};
    check(lpc_transport_find(&address)->connect(address, TIMEOUT_MS, -1, NULL, link, &error),
          &error);
}

void accept_at(const LpcListener *listener, LpcLink *link)
{
    LpcError error = {0};
    const LpcTransport *transport = over_unix ? &lpc_transport_unix : &lpc_transport_tcp;
    check(transport->accept(listener, TIMEOUT_MS, -1, link, &error), &error);
}

/* A process with one stage; address becomes where it listens. */
static pid_t start_stage(uint32_t index, lpc_run_fn *run, const char *forward, char address[64])
{
    const char *listen = next_address();
    int pipes[2];
    if (pipe(pipes)) die("pipe");
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        lpc_tensor_info infos[2];
        lpc_model model = make_model(index, run, infos);
        LpcStageOptions options = {
            .listen = listen, .forward = forward, .threads = 1, .streams = 1};
        options.queue = 2;
        options.keys = bench_keys;
        options.timeout_ms = TIMEOUT_MS;
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        lpc_stage_signals(&options);
        _exit(lpc_stage_run(&model, &options));
    }
    close(pipes[1]);
    FILE *said = fdopen(pipes[0], "r");
    if (!said || fscanf(said, "listening on %63s", address) != 1) die("a stage does not start");
    fclose(said);
    return child;
}

static void make_slot(LpcSlot *slot, Ends *ends, int side)
{
    *slot = (LpcSlot){.payload = buffer(frame_bytes), .capacity = frame_bytes + LPC_ALIGN};
    slot->sizes = (int64_t *)(void *)slot->payload;
    slot->tensors = &ends->tensors[side];
    slot->tensors[0] = slot->payload;
    slot->bytes = &ends->bytes[side];
    slot->offsets = &ends->offsets[side];
}

void prepare(Ends *ends, uint32_t first_cut, uint32_t last_cut)
{
    memset(ends, 0, sizeof *ends);
    lpc_crc_init(&ends->crc, LPC_CRC_BEST);
    ends->in = contract_at(first_cut, &ends->infos[0]);
    ends->out = contract_at(last_cut, &ends->infos[1]);
    ends->in_shape = (LpcShape){.contract = &ends->in, .tensor_bytes = contract_bytes};
    ends->out_shape = (LpcShape){.contract = &ends->out, .tensor_bytes = contract_bytes};
    make_slot(&ends->in_slot, ends, 0);
    make_slot(&ends->out_slot, ends, 1);
    ends->feed = ends->collect = (LpcLink){.fd = -1, .timeout_ms = TIMEOUT_MS, .stop_fd = -1};
}

void check(int code, const LpcError *error)
{
    if (code) die(error->text);
}

void greet(Ends *ends, LpcLink *link, const lpc_contract *contract)
{
    LpcError error = {0};
    LpcHello hello = lpc_hello_at(contract, 0);
    secure(link, 0);
    check(lpc_greet(link, NULL, &ends->crc, &hello, NULL, &error), &error);
}

void welcome(Ends *ends, LpcLink *link, const lpc_contract *contract)
{
    LpcError error = {0};
    uint8_t stream[LPC_STREAM_BYTES];
    LpcHello hello = lpc_hello_at(contract, 0);
    secure(link, 1);
    check(lpc_welcome(link, &ends->crc, &hello, stream, &error), &error);
}

void open_pipeline(Ends *ends, int count, lpc_run_fn *run)
{
    char address[2][64];
    prepare(ends, 0, (uint32_t)count);
    listen_at(&ends->listener);
    snprintf(address[0], sizeof address[0], "%.63s", ends->listener.address);
    ends->count = count;
    for (int i = count - 1; i >= 0; i--) {
        ends->stages[i] = start_stage((uint32_t)i, run, address[0], address[1]);
        memcpy(address[0], address[1], sizeof address[0]);
    }
    connect_to(address[0], &ends->feed);
    greet(ends, &ends->feed, &ends->in);
    accept_at(&ends->listener, &ends->collect);
    welcome(ends, &ends->collect, &ends->out);
}

void send_frame(Ends *ends)
{
    LpcError error = {0};
    LpcWriter writer = lpc_link_writer(&ends->feed);
    check(lpc_send_data(&writer, &ends->in_shape, &ends->crc, ends->sent++, &ends->in_slot,
                        ends->pieces, &error),
          &error);
}

void receive_frame(Ends *ends)
{
    LpcError error = {0};
    LpcReader reader = lpc_link_reader(&ends->collect);
    check(lpc_receive(&reader, &ends->out_shape, &ends->crc, ends->received++, &ends->out_slot,
                      &error),
          &error);
    if (ends->out_slot.error.code) die(ends->out_slot.error.text);
}

void close_ends(Ends *ends)
{
    lpc_link_close(&ends->feed);
    lpc_link_close(&ends->collect);
    if (ends->listener.fd > 0) close(ends->listener.fd);
    free(ends->in_slot.payload);
    free(ends->out_slot.payload);
}

void close_pipeline(Ends *ends)
{
    LpcError error = {0};
    LpcWriter writer = lpc_link_writer(&ends->feed);
    check(lpc_send_end(&writer, &ends->crc, ends->sent++, &error), &error);
    receive_frame(ends);
    lpc_link_end_writing(&ends->collect); /* the last stage waits for that */
    for (int i = 0; i < ends->count; i++) waitpid(ends->stages[i], NULL, 0);
    close_ends(ends);
}

double receive_all(Ends *ends, int frames, int warm_up)
{
    double begin = 0;
    for (int i = 0; i < frames; i++) {
        if (i == warm_up) begin = seconds();
        receive_frame(ends);
    }
    return (double)frame_bytes * (frames - warm_up) / (seconds() - begin);
}
