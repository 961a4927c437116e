/* The transport's benchmark with TLS: a key of its own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/bench/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/lpc-bench-keys-XXXXXX";
static LpcKeys keys;
static LpcTlsPool *sessions;
static pid_t owner;

const char *bench_keys;

static void remove_keys(void)
{
    if (getpid() == owner) (void)unlink(path);
}

void use_keys(void)
{
    char line[LPC_KEY_LINE_BYTES];
    LpcError error = {0};
    int fd = mkstemp(path);
    if (lpc_keys_draw("bench", line, &error)) die(error.text);
    if (fd < 0 || dprintf(fd, "%s", line) < 0 || close(fd)) die(path);
    owner = getpid();
    atexit(remove_keys);
    if (lpc_keys_open(&keys, path, &error) || lpc_tls_open(&sessions, &keys, 2, &error))
        die(error.text);
    bench_keys = path;
}

void secure(LpcLink *link, int is_server)
{
    LpcError error = {0};
    if (lpc_link_secure(link, sessions, is_server, NULL, &error)) die(error.text);
}
