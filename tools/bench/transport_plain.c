/* The peers: plain sockets, read() and write() of the same sizes. And what both sides need. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/bench/transport.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void die(const char *what)
{
    fprintf(stderr, "bench_transport: %s\n", what);
    exit(1);
}

double seconds(void)
{
    return (double)lpc_now_ns() * 1e-9;
}

size_t frame_bytes;

void *buffer(size_t bytes)
{
    void *memory = NULL;
    if (posix_memalign(&memory, LPC_ALIGN, bytes + 2 * LPC_ALIGN)) die("out of memory");
    memset(memory, 1, bytes + 2 * LPC_ALIGN);
    return memory;
}

int plain_listen(struct sockaddr_in *address)
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

int plain_connect(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address))
        die("cannot connect");
    no_delay(fd);
    return fd;
}

int plain_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) die("accept");
    no_delay(fd);
    return fd;
}

int plain_read(int fd, uint8_t *at, size_t size)
{
    for (ssize_t got; size; at += got, size -= (size_t)got)
        if ((got = read(fd, at, size)) <= 0) return 0;
    return 1;
}

int plain_write(int fd, const uint8_t *at, size_t size)
{
    for (ssize_t put; size; at += put, size -= (size_t)put)
        if ((put = write(fd, at, size)) <= 0) return 0;
    return 1;
}

pid_t plain_relay(int listener, const struct sockaddr_in *to)
{
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child) return child;
    uint8_t *message = buffer(frame_bytes);
    int in = plain_accept(listener), out = to ? plain_connect(to) : in;
    while (plain_read(in, message, frame_bytes) && plain_write(out, message, frame_bytes)) continue;
    _exit(0);
}

pid_t plain_source(const struct sockaddr_in *to, int frames)
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

double plain_sink(int fd, int frames, int warm_up)
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
