/* What transports over sockets have in common: waiting until a deadline or a stop, accepting, and connecting again
 * and again while nobody listens. */
#ifndef LPC_RUNTIME_SOCKETS_H
#define LPC_RUNTIME_SOCKETS_H

#include "transport.h"

/* A stream socket that never blocks and is closed in children; -1 with errno. */
int lpc_socket_open(int family);

/* Waits for the socket, the stop or the deadline (lpc_deadline). 1: the socket is ready, 0: the time is up,
 * LPC_STOPPED. */
int lpc_socket_wait(int fd, short events, uint64_t deadline, int stop_fd);

/* LpcTransport.accept up to the link's peer; from gets the other end's address, *length its bytes. */
int lpc_socket_accept(const LpcListener *listener, int timeout_ms, int stop_fd, LpcLink *link,
                      struct sockaddr *from, socklen_t *length, LpcError *error);

/* One attempt to connect: 0 with link->fd set, an errno value, or LPC_STOPPED. */
int lpc_socket_attempt(const struct sockaddr *address, socklen_t bytes, uint64_t deadline,
                       int stop_fd, LpcLink *link);

/* One round of attempts: as lpc_socket_attempt; error may say better what failed, with any code. */
typedef int LpcAttempt(const void *self, uint64_t deadline, int stop_fd, LpcLink *link,
                       LpcError *error);

/* LpcTransport.connect: round after round until one succeeds, or waiting mends nothing. link->peer names the other
 * end. */
int lpc_socket_connect(LpcAttempt *attempt, const void *self, int timeout_ms, int stop_fd,
                       const LpcLink *watch, LpcLink *link, LpcError *error);

#endif
