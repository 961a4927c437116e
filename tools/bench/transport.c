/* The transport's figures (docs/benchmarks.md), each beside a plain peer in the same run:
 *
 *   link      frames over one TCP connection on loopback, against write() and read() of the same
 *             sizes on a plain one: ratio of the bandwidths
 *   relay     the same through a whole stage that computes nothing, against a process that reads
 *             and writes on: for information, since three processes share the cores
 *   latency   one message there and back through such a stage, against a plain ping-pong
 *   pipeline  frames per second of three stages that take 2 ms each, against one of them. A stage
 *             sleeps, as if it computed on a device of its own
 *
 *     build/bin/bench_transport [--rounds N] [--json] [link|relay|latency|pipeline]...
 *
 * Every figure is the median of N (15) rounds; in each round the peer and the runtime take turns. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/stage.h"
#include "runtime/transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 15, ROUNDS_MAX = 1000, STAGES_MAX = 3, STAGE_NS = 2000000 };
enum { TIMEOUT_MS = 20000 };

static void die(const char *what)
{
    fprintf(stderr, "bench_transport: %s\n", what);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double seconds(void)
{
    return (double)lpc_now_ns() * 1e-9;
}

/* ---- Stages: one tensor in, one of the same size out ---- */

static size_t frame_bytes; /* set before a stage's process is made */

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

static int run_nothing(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                       void *state, const lpc_threads *threads)
{
    (void)in, (void)out, (void)sizes, (void)workspace, (void)state, (void)threads;
    return LPC_RUN_OK;
}

static int run_sleep(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                     void *state, const lpc_threads *threads)
{
    struct timespec time = {0, STAGE_NS};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    return run_nothing(in, out, sizes, workspace, state, threads);
}

static const uint8_t build_id[32] = {1};

static lpc_contract contract_at(uint32_t cut, lpc_tensor_info *info)
{
    *info = (lpc_tensor_info){"x", 1, 1, 1, frame_bytes};
    return (lpc_contract){cut, 7, 1, info, frame_bytes};
}

static lpc_model make_model(uint32_t index, lpc_run_fn *run, lpc_tensor_info infos[2])
{
    lpc_model model = {.name = "bench", .build_id = build_id, .run = run};
    model.in = contract_at(index, &infos[0]);
    model.out = contract_at(index + 1, &infos[1]);
    model.tensor_bytes = tensor_bytes;
    return model;
}

/* A process with one stage; address becomes where it listens. */
static pid_t start_stage(uint32_t index, lpc_run_fn *run, const char *forward, char address[64])
{
    int pipes[2];
    if (pipe(pipes)) die("pipe");
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        lpc_tensor_info infos[2];
        lpc_model model = make_model(index, run, infos);
        LpcStageOptions options = {.listen = "127.0.0.1:0", .forward = forward, .threads = 1};
        options.queue = 2;
        options.timeout_ms = TIMEOUT_MS;
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        _exit(lpc_stage_run(&model, &options));
    }
    close(pipes[1]);
    FILE *said = fdopen(pipes[0], "r");
    if (!said || fscanf(said, "listening on %63s", address) != 1) die("a stage does not start");
    fclose(said);
    return child;
}

/* Both ends of a pipeline, in this process. */
typedef struct Ends {
    LpcLink feed, collect;
    LpcListener listener;
    LpcCrc crc;
    LpcShape in_shape, out_shape;
    lpc_contract in, out;
    lpc_tensor_info infos[2];
    LpcSlot in_slot, out_slot;
    void *tensors[2];
    uint64_t bytes[2], offsets[2], sent, received;
    struct iovec pieces[8];
    pid_t stages[STAGES_MAX];
    int count;
} Ends;

static void *buffer(size_t bytes)
{
    void *memory = NULL;
    if (posix_memalign(&memory, LPC_ALIGN, bytes + 2 * LPC_ALIGN)) die("out of memory");
    memset(memory, 1, bytes + 2 * LPC_ALIGN);
    return memory;
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

static void prepare(Ends *ends, uint32_t first_cut, uint32_t last_cut)
{
    memset(ends, 0, sizeof *ends);
    lpc_crc_init(&ends->crc, LPC_CRC_BEST);
    ends->in = contract_at(first_cut, &ends->infos[0]);
    ends->out = contract_at(last_cut, &ends->infos[1]);
    ends->in_shape = (LpcShape){.contract = &ends->in, .tensor_bytes = contract_bytes};
    ends->out_shape = (LpcShape){.contract = &ends->out, .tensor_bytes = contract_bytes};
    make_slot(&ends->in_slot, ends, 0);
    make_slot(&ends->out_slot, ends, 1);
    ends->feed = ends->collect =
        (LpcLink){.fd = -1, .timeout_ms = TIMEOUT_MS, .stop_fd = -1};
}

static void check(int code, const LpcError *error)
{
    if (code) die(error->text);
}

static void greet(Ends *ends, LpcLink *link, const lpc_contract *contract)
{
    LpcError error = {0};
    LpcReader reader = lpc_link_reader(link);
    LpcWriter writer = lpc_link_writer(link);
    LpcHello hello = {build_id, contract->cut, contract->hash};
    check(lpc_handshake(&reader, &writer, &ends->crc, &hello, link->peer, &error), &error);
}

static void open_pipeline(Ends *ends, int count, lpc_run_fn *run)
{
    LpcError error = {0};
    char address[2][64];
    prepare(ends, 0, (uint32_t)count);
    check(lpc_transport_tcp.listen("127.0.0.1:0", &ends->listener, &error), &error);
    snprintf(address[0], sizeof address[0], "%.63s", ends->listener.address);
    ends->count = count;
    for (int i = count - 1; i >= 0; i--) {
        ends->stages[i] = start_stage((uint32_t)i, run, address[0], address[1]);
        memcpy(address[0], address[1], sizeof address[0]);
    }
    check(lpc_transport_tcp.connect(address[0], TIMEOUT_MS, -1, &ends->feed, &error), &error);
    greet(ends, &ends->feed, &ends->in);
    check(lpc_transport_tcp.accept(&ends->listener, TIMEOUT_MS, -1, &ends->collect, &error),
          &error);
    greet(ends, &ends->collect, &ends->out);
}

static void send_frame(Ends *ends)
{
    LpcError error = {0};
    LpcWriter writer = lpc_link_writer(&ends->feed);
    check(lpc_send_data(&writer, &ends->in_shape, &ends->crc, ends->sent++, &ends->in_slot,
                        ends->pieces, &error), &error);
}

static void receive_frame(Ends *ends)
{
    LpcError error = {0};
    LpcReader reader = lpc_link_reader(&ends->collect);
    check(lpc_receive(&reader, &ends->out_shape, &ends->crc, ends->received++, &ends->out_slot,
                      &error), &error);
    if (ends->out_slot.error.code) die(ends->out_slot.error.text);
}

static void close_ends(Ends *ends)
{
    lpc_link_close(&ends->feed);
    lpc_link_close(&ends->collect);
    if (ends->listener.fd > 0) close(ends->listener.fd);
    free(ends->in_slot.payload);
    free(ends->out_slot.payload);
}

static void close_pipeline(Ends *ends)
{
    LpcError error = {0};
    LpcWriter writer = lpc_link_writer(&ends->feed);
    check(lpc_send_end(&writer, &ends->crc, ends->sent++, &error), &error);
    receive_frame(ends);
    for (int i = 0; i < ends->count; i++) waitpid(ends->stages[i], NULL, 0);
    close_ends(ends);
}

/* ---- Plain peers ---- */

static int plain_listen(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof *address) || listen(fd, 4) ||
        getsockname(fd, (struct sockaddr *)address, &length))
        die("cannot listen");
    return fd;
}

static void no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int plain_connect(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address))
        die("cannot connect");
    no_delay(fd);
    return fd;
}

static int plain_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) die("accept");
    no_delay(fd);
    return fd;
}

/* Both fill or empty the whole buffer; 0 when the other side is gone. */
static int plain_read(int fd, uint8_t *at, size_t size)
{
    for (ssize_t got; size; at += got, size -= (size_t)got)
        if ((got = read(fd, at, size)) <= 0) return 0;
    return 1;
}

static int plain_write(int fd, const uint8_t *at, size_t size)
{
    for (ssize_t put; size; at += put, size -= (size_t)put)
        if ((put = write(fd, at, size)) <= 0) return 0;
    return 1;
}

/* A process that reads messages and writes them on: back (to NULL), or to another listener. */
static pid_t plain_relay(int listener, const struct sockaddr_in *to)
{
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child) return child;
    uint8_t *message = buffer(frame_bytes);
    int in = plain_accept(listener), out = to ? plain_connect(to) : in;
    while (plain_read(in, message, frame_bytes) && plain_write(out, message, frame_bytes)) continue;
    _exit(0);
}

/* A process that writes `frames` messages. */
static pid_t plain_source(const struct sockaddr_in *to, int frames)
{
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child) return child;
    uint8_t *message = buffer(frame_bytes);
    int fd = plain_connect(to);
    while (frames-- && plain_write(fd, message, frame_bytes)) continue;
    char byte; /* the reader closes when it has everything */
    if (read(fd, &byte, 1)) _exit(1);
    _exit(0);
}

/* Reads all messages; the first ones are not timed. Bytes per second. */
static double plain_sink(int fd, int frames, int warm_up)
{
    uint8_t *message = buffer(frame_bytes);
    double begin = 0;
    for (int i = 0; i < frames; i++) {
        if (i == warm_up) begin = seconds();
        if (!plain_read(fd, message, frame_bytes)) die("a plain peer left");
    }
    double time = seconds() - begin;
    free(message);
    return (double)frame_bytes * (frames - warm_up) / time;
}

/* ---- link ---- */

static int frames_of(double bytes)
{
    double count = bytes / (double)frame_bytes;
    return count < 40 ? 40 : (int)count;
}

static double link_plain(int frames)
{
    struct sockaddr_in address;
    int listener = plain_listen(&address);
    pid_t child = plain_source(&address, frames);
    int fd = plain_accept(listener);
    double rate = plain_sink(fd, frames, frames / 8);
    close(fd);
    close(listener);
    waitpid(child, NULL, 0);
    return rate;
}

static double receive_all(Ends *ends, int frames, int warm_up)
{
    double begin = 0;
    for (int i = 0; i < frames; i++) {
        if (i == warm_up) begin = seconds();
        receive_frame(ends);
    }
    return (double)frame_bytes * (frames - warm_up) / (seconds() - begin);
}

static double link_frames(int frames)
{
    LpcError error = {0};
    Ends ends;
    prepare(&ends, 0, 0);
    check(lpc_transport_tcp.listen("127.0.0.1:0", &ends.listener, &error), &error);
    const char *address = ends.listener.address;
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        check(lpc_transport_tcp.connect(address, TIMEOUT_MS, -1, &ends.feed, &error), &error);
        greet(&ends, &ends.feed, &ends.in);
        for (int i = 0; i < frames; i++) send_frame(&ends);
        char byte;
        LpcReader reader = lpc_link_reader(&ends.feed);
        reader.read(reader.self, &byte, 1, 0, &error);
        _exit(0);
    }
    check(lpc_transport_tcp.accept(&ends.listener, TIMEOUT_MS, -1, &ends.collect, &error), &error);
    greet(&ends, &ends.collect, &ends.out);
    double rate = receive_all(&ends, frames, frames / 8);
    close_ends(&ends);
    waitpid(child, NULL, 0);
    return rate;
}

/* ---- relay ---- */

static double relay_plain(int frames)
{
    struct sockaddr_in first, last;
    int listener = plain_listen(&first), sink = plain_listen(&last);
    pid_t relay = plain_relay(listener, &last), source = plain_source(&first, frames);
    int fd = plain_accept(sink);
    double rate = plain_sink(fd, frames, frames / 8);
    kill(source, SIGKILL);
    waitpid(source, NULL, 0);
    close(fd);
    waitpid(relay, NULL, 0);
    close(listener);
    close(sink);
    return rate;
}

/* The feeder is a process of its own, as it is in the plain relay. */
static double relay_frames(int frames)
{
    Ends ends;
    open_pipeline(&ends, 1, run_nothing);
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        for (int i = 0; i < frames; i++) send_frame(&ends);
        _exit(0);
    }
    double rate = receive_all(&ends, frames, frames / 8);
    waitpid(child, NULL, 0);
    ends.sent = (uint64_t)frames;
    close_pipeline(&ends);
    return rate;
}

/* ---- latency ---- */

enum { PINGS = 1500, PINGS_WARM = 300 };

static double latency_plain(void)
{
    struct sockaddr_in address;
    double times[PINGS];
    int listener = plain_listen(&address);
    pid_t child = plain_relay(listener, NULL);
    int fd = plain_connect(&address);
    uint8_t *message = buffer(frame_bytes);
    for (int i = -PINGS_WARM; i < PINGS; i++) {
        double begin = seconds();
        if (!plain_write(fd, message, frame_bytes) || !plain_read(fd, message, frame_bytes))
            die("a plain peer left");
        if (i >= 0) times[i] = seconds() - begin;
    }
    close(fd);
    close(listener);
    waitpid(child, NULL, 0);
    free(message);
    return median(times, PINGS);
}

static double latency_frames(void)
{
    double times[PINGS];
    Ends ends;
    open_pipeline(&ends, 1, run_nothing);
    for (int i = -PINGS_WARM; i < PINGS; i++) {
        double begin = seconds();
        send_frame(&ends);
        receive_frame(&ends);
        if (i >= 0) times[i] = seconds() - begin;
    }
    close_pipeline(&ends);
    return median(times, PINGS);
}

/* ---- pipeline ---- */

static double pipeline_rate(int stages)
{
    enum { FRAMES = 150, WARM_UP = 20 };
    Ends ends;
    open_pipeline(&ends, stages, run_sleep);
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        for (int i = 0; i < FRAMES; i++) send_frame(&ends);
        _exit(0);
    }
    double rate = receive_all(&ends, FRAMES, WARM_UP) / (double)frame_bytes;
    waitpid(child, NULL, 0);
    ends.sent = FRAMES;
    close_pipeline(&ends);
    return rate;
}

/* ---- The report ---- */

typedef struct Report {
    int rounds, json, lines;
} Report;

static void line(Report *report, const char *what, const char *unit, double plain, double ours,
                 double figure, const char *meaning)
{
    if (report->json)
        printf("%s\n  {\"what\":\"%s\",\"bytes\":%zu,\"unit\":\"%s\",\"peer\":%.4f,\"lpc\":%.4f,"
               "\"figure\":%.4f,\"meaning\":\"%s\"}",
               report->lines ? "," : "[", what, frame_bytes, unit, plain, ours, figure, meaning);
    else
        printf("| %s | %zu KiB | %.2f %s | %.2f %s | %.2f %s |\n", what, frame_bytes / 1024, plain,
               unit, ours, unit, figure, meaning);
    report->lines++;
    fflush(stdout);
}

/* One figure: the medians of both sides, and the median over rounds of their ratio. */
static void bandwidth(Report *report, const char *what, double (*plain)(int),
                      double (*ours)(int), double bytes)
{
    static const size_t sizes[] = {64 << 10, 256 << 10, 1 << 20, 4 << 20};
    double a[ROUNDS_MAX], b[ROUNDS_MAX], ratio[ROUNDS_MAX];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        frame_bytes = sizes[s];
        int frames = frames_of(bytes);
        for (int i = 0; i < report->rounds; i++) {
            a[i] = plain(frames) * 1e-9;
            b[i] = ours(frames) * 1e-9;
            ratio[i] = b[i] / a[i];
        }
        line(report, what, "GB/s", median(a, report->rounds), median(b, report->rounds),
             median(ratio, report->rounds), "of the peer");
    }
}

static void latency(Report *report)
{
    double a[ROUNDS_MAX], b[ROUNDS_MAX], more[ROUNDS_MAX];
    frame_bytes = 4096;
    for (int i = 0; i < report->rounds; i++) {
        a[i] = latency_plain() * 1e6;
        b[i] = latency_frames() * 1e6;
        more[i] = b[i] - a[i];
    }
    line(report, "latency", "us", median(a, report->rounds), median(b, report->rounds),
         median(more, report->rounds), "us more");
}

static void pipeline(Report *report)
{
    double a[ROUNDS_MAX], b[ROUNDS_MAX], ratio[ROUNDS_MAX];
    frame_bytes = 64 << 10;
    for (int i = 0; i < report->rounds; i++) {
        a[i] = pipeline_rate(1);
        b[i] = pipeline_rate(3);
        ratio[i] = b[i] / a[i];
    }
    line(report, "pipeline", "frames/s", median(a, report->rounds), median(b, report->rounds),
         median(ratio, report->rounds), "of one stage");
}

static int wanted(int argc, char **argv, const char *name)
{
    int any = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rounds") == 0) i++;
        else if (strcmp(argv[i], name) == 0) return 1;
        else any |= argv[i][0] != '-';
    }
    return !any;
}

int main(int argc, char **argv)
{
    Report report = {.rounds = ROUNDS};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) report.json = 1;
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) report.rounds = atoi(argv[i + 1]);
    }
    if (report.rounds < 1 || report.rounds > ROUNDS_MAX) die("--rounds: 1 to 1000");
    signal(SIGPIPE, SIG_IGN);
    if (!report.json) printf("| what | message | peer | lpc | figure |\n|---|---|---|---|---|\n");
    fflush(stdout); /* the children must not print it again */
    if (wanted(argc, argv, "link")) bandwidth(&report, "link", link_plain, link_frames, 256e6);
    if (wanted(argc, argv, "relay")) bandwidth(&report, "relay", relay_plain, relay_frames, 128e6);
    if (wanted(argc, argv, "latency")) latency(&report);
    if (wanted(argc, argv, "pipeline")) pipeline(&report);
    if (report.json) printf("%s\n", report.lines ? "]" : "[]");
    return 0;
}
