/* The transport's figures (docs/benchmarks.md), each beside a plain peer in the same run:
 *
 *   link      frames over one TCP connection on loopback, against write() and read() of the same
 *             sizes on a plain one: ratio of the bandwidths
 *   relay     the same through a whole stage that computes nothing, against a process that reads
 *             and writes on: for information, since three processes share the cores
 *   latency   one message there and back through such a stage, against a plain ping-pong
 *   pipeline  frames per second of three stages that take 2 ms each, against one of them. A stage
 *             sleeps, as if it computed on a device of its own
 *   unix      link and latency over Unix sockets, against themselves over TCP
 *
 *     build/bin/bench_transport [--rounds N] [--json] [--tls] [link|relay|latency|pipeline|unix]...
 *
 * With --tls lpc's side goes through TLS (docs/security.md); its peer stays as it is, and its feeder is a thread, since
 * two processes cannot share a session.
 *
 * Every figure is the median of N (15) rounds. In each round the peer and the runtime take turns, and
 * in `link`, `relay` and `latency` who begins alternates. Both sides have the same buffers and
 * TCP_NODELAY, and fresh processes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/bench/transport.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 15, ROUNDS_MAX = 1000, TIMEOUT_MS = 20000 };

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

static double link_frames(int frames)
{
    Ends ends;
    prepare(&ends, 0, 0);
    listen_at(&ends.listener);
    const char *address = ends.listener.address;
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        connect_to(address, &ends.feed);
        greet(&ends, &ends.feed, &ends.in);
        for (int i = 0; i < frames; i++) send_frame(&ends);
        char byte;
        LpcError error = {0};
        LpcReader reader = lpc_link_reader(&ends.feed);
        reader.read(reader.self, &byte, 1, 0, &error);
        _exit(0);
    }
    accept_at(&ends.listener, &ends.collect);
    welcome(&ends, &ends.collect, &ends.out);
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

typedef struct Feeder {
    Ends *ends;
    int frames;
    pid_t process;
    pthread_t thread;
} Feeder;

static void *feed(void *self)
{
    const Feeder *feeder = self;
    for (int i = 0; i < feeder->frames; i++) send_frame(feeder->ends);
    return NULL;
}

/* Feeds from a process of its own, as the plain relay is fed; through TLS from a thread. */
static void start_feeder(Feeder *feeder, Ends *ends, int frames)
{
    *feeder = (Feeder){.ends = ends, .frames = frames};
    if (bench_keys) {
        if (pthread_create(&feeder->thread, NULL, feed, feeder)) die("pthread_create");
        return;
    }
    feeder->process = fork();
    if (feeder->process < 0) die("fork");
    if (feeder->process) return;
    feed(feeder);
    _exit(0);
}

static void end_feeder(Feeder *feeder)
{
    if (bench_keys)
        pthread_join(feeder->thread, NULL);
    else
        waitpid(feeder->process, NULL, 0);
    feeder->ends->sent = (uint64_t)feeder->frames;
}

static double relay_frames(int frames)
{
    Ends ends;
    Feeder feeder;
    open_pipeline(&ends, 1, run_nothing);
    start_feeder(&feeder, &ends, frames);
    double rate = receive_all(&ends, frames, frames / 8);
    end_feeder(&feeder);
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

/* ---- unix ---- */

static double link_unix(int frames)
{
    over_unix = 1;
    double rate = link_frames(frames);
    over_unix = 0;
    return rate;
}

static double latency_unix(void)
{
    over_unix = 1;
    double time = latency_frames();
    over_unix = 0;
    return time;
}

static void make_unix_folder(void)
{
    if (!mkdtemp(unix_folder)) die(unix_folder);
}

static void remove_unix_folder(void)
{
    char path[320];
    DIR *folder = opendir(unix_folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s", unix_folder, entry->d_name);
        (void)unlink(path);
    }
    if (folder) closedir(folder);
    (void)rmdir(unix_folder);
}

/* ---- pipeline ---- */

static double pipeline_rate(int stages)
{
    enum { FRAMES = 150, WARM_UP = 20 };
    Ends ends;
    Feeder feeder;
    open_pipeline(&ends, stages, run_sleep);
    start_feeder(&feeder, &ends, FRAMES);
    double rate = receive_all(&ends, FRAMES, WARM_UP) / (double)frame_bytes;
    end_feeder(&feeder);
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
static void bandwidth(Report *report, const char *what, double (*plain)(int), double (*ours)(int),
                      double bytes)
{
    static const size_t sizes[] = {64 << 10, 256 << 10, 1 << 20, 4 << 20};
    double a[ROUNDS_MAX], b[ROUNDS_MAX], ratio[ROUNDS_MAX];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        frame_bytes = sizes[s];
        int frames = frames_of(bytes);
        for (int i = 0; i < report->rounds; i++) {
            for (int turn = 0; turn < 2; turn++)
                if (turn == i % 2)
                    a[i] = plain(frames) * 1e-9;
                else
                    b[i] = ours(frames) * 1e-9;
            ratio[i] = b[i] / a[i];
        }
        line(report, what, "GB/s", median(a, report->rounds), median(b, report->rounds),
             median(ratio, report->rounds), "of the peer");
    }
}

static void latency(Report *report, const char *what, double (*plain)(void), double (*ours)(void))
{
    double a[ROUNDS_MAX], b[ROUNDS_MAX], more[ROUNDS_MAX];
    frame_bytes = 4096;
    for (int i = 0; i < report->rounds; i++) {
        for (int turn = 0; turn < 2; turn++)
            if (turn == i % 2)
                a[i] = plain() * 1e6;
            else
                b[i] = ours() * 1e6;
        more[i] = b[i] - a[i];
    }
    line(report, what, "us", median(a, report->rounds), median(b, report->rounds),
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
        if (strcmp(argv[i], "--rounds") == 0)
            i++;
        else if (strcmp(argv[i], name) == 0)
            return 1;
        else
            any |= argv[i][0] != '-';
    }
    return !any;
}

int main(int argc, char **argv)
{
    Report report = {.rounds = ROUNDS};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) report.json = 1;
        if (strcmp(argv[i], "--tls") == 0) use_keys();
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) report.rounds = atoi(argv[i + 1]);
    }
    if (report.rounds < 1 || report.rounds > ROUNDS_MAX) die("--rounds: 1 to 1000");
    signal(SIGPIPE, SIG_IGN);
    if (!report.json) printf("| what | message | peer | lpc | figure |\n|---|---|---|---|---|\n");
    fflush(stdout); /* the children must not print it again */
    if (wanted(argc, argv, "link")) bandwidth(&report, "link", link_plain, link_frames, 256e6);
    if (wanted(argc, argv, "relay")) bandwidth(&report, "relay", relay_plain, relay_frames, 128e6);
    if (wanted(argc, argv, "latency")) latency(&report, "latency", latency_plain, latency_frames);
    if (wanted(argc, argv, "pipeline")) pipeline(&report);
    if (wanted(argc, argv, "unix")) {
        make_unix_folder();
        bandwidth(&report, "unix link", link_frames, link_unix, 256e6);
        latency(&report, "unix latency", latency_frames, latency_unix);
        remove_unix_folder();
    }
    if (report.json) printf("%s\n", report.lines ? "]" : "[]");
    return 0;
}
