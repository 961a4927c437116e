/* A link of so many bytes per second, where the kernel has no queueing discipline that makes one: a relay between two
 * addresses on this machine. Each direction is shared by all connections, in chunks, and a chunk arrives when its last
 * byte would.
 *
 *     slow_link TO_PORT BYTES_PER_SECOND       prints the port that it listens at */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK = 8192,
    ROOM = 65536,          /* of each socket, so that little lies between the ends */
    CATCH_UP_NS = 10000000 /* a busy machine wakes it late */
};

typedef struct Direction {
    pthread_mutex_t mutex;
    int64_t free_ns; /* when the link has sent what it was given */
} Direction;

typedef struct Half {
    int from, to;
    Direction *direction;
} Half;

static Direction directions[2] = {{PTHREAD_MUTEX_INITIALIZER, 0}, {PTHREAD_MUTEX_INITIALIZER, 0}};
static double rate;

static void wait_for_link(Direction *d, size_t bytes)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t at = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    pthread_mutex_lock(&d->mutex);
    if (d->free_ns < at - CATCH_UP_NS)
        d->free_ns = at; /* it was idle, and did not sleep for too long */
    at = d->free_ns += (int64_t)((double)bytes / rate * 1e9);
    pthread_mutex_unlock(&d->mutex);
    struct timespec until = {(time_t)(at / 1000000000), (long)(at % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) continue;
}

static void *carry(void *arg)
{
    Half half = *(Half *)arg;
    char chunk[CHUNK];
    free(arg);
    for (ssize_t got; (got = recv(half.from, chunk, sizeof chunk, 0)) > 0;) {
        wait_for_link(half.direction, (size_t)got);
        for (ssize_t done = 0, n; done < got; done += n)
            if ((n = send(half.to, chunk + done, (size_t)(got - done), MSG_NOSIGNAL)) <= 0) break;
    }
    shutdown(half.to, SHUT_WR);
    return NULL; /* the sockets stay: both halves use both */
}

static void set_room(int fd)
{
    int room = ROOM, one = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void start(int from, int to, Direction *direction)
{
    pthread_t thread;
    Half *half = malloc(sizeof *half);
    if (!half) abort();
    *half = (Half){from, to, direction};
    if (pthread_create(&thread, NULL, carry, half)) abort();
    pthread_detach(thread);
}

static struct sockaddr_in here(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int main(int argc, char **argv)
{
    if (argc != 3 || (rate = strtod(argv[2], NULL)) <= 0) {
        fputs("usage: slow_link TO_PORT BYTES_PER_SECOND\n", stderr);
        return 2;
    }
    struct sockaddr_in own = here(0), to = here(atoi(argv[1]));
    socklen_t size = sizeof own;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    set_room(listener); /* those that are accepted have it, too */
    if (bind(listener, (struct sockaddr *)&own, sizeof own) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&own, &size)) {
        perror("slow_link");
        return 1;
    }
    printf("%d\n", ntohs(own.sin_port));
    fflush(stdout);
    for (;;) {
        int in = accept(listener, NULL, NULL), out = socket(AF_INET, SOCK_STREAM, 0);
        if (in < 0 || out < 0) return 1;
        set_room(in);
        set_room(out);
        if (connect(out, (struct sockaddr *)&to, sizeof to)) {
            close(in);
            close(out);
            continue;
        }
        start(in, out, &directions[0]);
        start(out, in, &directions[1]);
    }
}
