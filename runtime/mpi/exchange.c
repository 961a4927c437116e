/* See exchange.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "exchange.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TAG_HELLO = 1, TAG_FRAME = 2, TAG_QUIT = 3 };
/* A wait is without sleep for AWAKE_NS. Then it is an eighth of the time that nothing has moved for, at most SLEEP_NS,
 * and from a second on LONG_SLEEP_NS: nobody is in a hurry. */
enum { AWAKE_NS = 50000, SLEEP_NS = 200000, LONG_SLEEP_NS = 1000000 };
static const uint64_t LONG_NS = 1000000000;
enum { GREET_MS = 1 }; /* between looks for the others' hellos */

/* --- the end of the job --- */

void lpc_job_tell(const char *name, const char *text)
{
    LpcLog log = {.name = name};
    lpc_log(&log, STDERR_FILENO, LPC_LOG_ERROR, LPC_EVENT_FAILED, text);
}

void lpc_job_abort(const char *name, MPI_Comm comm, const LpcError *error)
{
    lpc_job_tell(name, error->text);
    MPI_Abort(comm, error->code);
    abort();
}

void lpc_job_check(const char *name, MPI_Comm comm, const char *call, int code)
{
    char text[MPI_MAX_ERROR_STRING + 1] = "";
    LpcError error = {0};
    int length;
    if (code == MPI_SUCCESS) return;
    (void)MPI_Error_string(code, text, &length);
    lpc_error(&error, LPC_EXIT_SYSTEM, "%s: %.200s", call, text);
    lpc_job_abort(name, comm, &error);
}

static void check(const LpcExchange *x, const char *call, int code)
{
    lpc_job_check(x->name, x->comm, call, code);
}

/* --- a slot as a message --- */

/* Where the frame's header stands: right before the payload. */
static uint8_t *frame_of(const LpcSlot *slot)
{
    return slot->payload - LPC_HEADER_BYTES;
}

static size_t room_of(const LpcSlot *slot)
{
    size_t payload = slot->capacity > LPC_TEXT_BYTES ? (size_t)slot->capacity : LPC_TEXT_BYTES;
    return LPC_HEADER_BYTES + payload;
}

/* What came as a message, as something that is read. Its payload lies where it belongs. */
typedef struct Message {
    uint8_t *at;
    size_t left;
} Message;

static int message_read(void *self, void *data, size_t size, int idle, LpcError *error)
{
    Message *message = self;
    (void)idle;
    if (size > message->left)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: the message ends too early");
    if (data != message->at) memcpy(data, message->at, size);
    message->at += size;
    message->left -= size;
    return 0;
}

static int take_in(LpcExchange *x, LpcSlot *slot, int bytes, LpcError *error)
{
    Message message = {frame_of(slot), (size_t)bytes};
    LpcReader reader = {message_read, &message};
    int code = lpc_receive(&reader, x->filled_shape, x->crc, x->received++, slot, error);
    if (!code && message.left)
        code =
            lpc_error(error, LPC_EXIT_FRAME, "bad frame: %zu bytes behind its end", message.left);
    return code;
}

/* The frame that is written, in one piece. */
typedef struct Written {
    uint8_t *at;
    size_t size;
} Written;

/* Tensors that lie where they are sent from stay there; where sizes are below their bounds they move together. */
static int message_write(void *self, struct iovec *pieces, int count, LpcError *error)
{
    Written *written = self;
    (void)error;
    for (int i = 0; i < count; i++) {
        uint8_t *to = written->at + written->size;
        if (pieces[i].iov_len && pieces[i].iov_base != to)
            memmove(to, pieces[i].iov_base, pieces[i].iov_len);
        written->size += pieces[i].iov_len;
    }
    return 0;
}

/* --- receiving --- */

static void post_receives(LpcExchange *x)
{
    LpcSlot *slot;
    while (!x->all_came && !x->quit && (slot = lpc_queue_free_at(x->filled, x->posted)))
        check(x, "MPI_Irecv",
              MPI_Irecv(frame_of(slot), (int)room_of(slot), MPI_BYTE, x->before, MPI_ANY_TAG,
                        x->comm, &x->receives[x->posted++]));
}

/* Nothing more comes in this stream. What the rank before sends for the next one must not end up here. */
static void cancel_receives(LpcExchange *x)
{
    for (int i = 0; i < x->posted; i++) {
        check(x, "MPI_Cancel", MPI_Cancel(&x->receives[i]));
        check(x, "MPI_Wait", MPI_Wait(&x->receives[i], MPI_STATUS_IGNORE));
    }
    x->posted = 0;
}

/* A message that is longer than its slot is refused as a frame that is too long. (Ranks of one build send none: some
 * versions of Open MPI write past the slot before they say so, and so no test does.) */
static int judge_length(LpcExchange *x, const LpcSlot *slot, int failure, const MPI_Status *status,
                        int *bytes, LpcError *error)
{
    int class = MPI_SUCCESS;
    if (failure) check(x, "MPI_Error_class", MPI_Error_class(failure, &class));
    if (class == MPI_ERR_TRUNCATE)
        return lpc_error(error, LPC_EXIT_FRAME, "bad frame: a message of more than %zu bytes",
                         room_of(slot));
    check(x, "MPI_Test", failure);
    check(x, "MPI_Get_count", MPI_Get_count(status, MPI_BYTE, bytes));
    return 0;
}

/* The oldest receive, if it is done. Whether it was. */
static int receive_step(LpcExchange *x)
{
    MPI_Status status;
    LpcError error = {0};
    int done = 0, bytes = 0;
    post_receives(x);
    LpcSlot *slot = x->posted ? lpc_queue_free_at(x->filled, 0) : NULL;
    if (!slot) return 0;
    int failure = MPI_Test(&x->receives[0], &done, &status);
    if (!failure && !done) return 0;
    memmove(x->receives, x->receives + 1, (size_t)--x->posted * sizeof *x->receives);
    int code = judge_length(x, slot, failure, &status, &bytes, &error);
    if (!code && status.MPI_TAG == TAG_QUIT) {
        x->quit = 1;
        cancel_receives(x);
        lpc_queue_abort(x->filled);
        return 1;
    }
    if (!code) code = take_in(x, slot, bytes, &error);
    x->judge(x->self, slot, code, &error);
    if (slot->header.kind != LPC_FRAME_DATA) {
        x->all_came = 1;
        cancel_receives(x);
    }
    lpc_queue_commit(x->filled);
    return 1;
}

/* --- sending --- */

static void begin_send(LpcExchange *x, LpcSlot *slot)
{
    LpcError error = {0};
    Written frame = {frame_of(slot), 0};
    LpcWriter writer = {message_write, &frame};
    x->begun_ns[x->flying] = lpc_now_ns();
    int code =
        lpc_send_slot(&writer, x->emptied_shape, x->crc, x->sent_count++, slot, x->pieces, &error);
    if (code) lpc_job_abort(x->name, x->comm, &error);
    if (slot->header.kind != LPC_FRAME_DATA) x->all_left = 1;
    x->begun_bytes[x->flying] = frame.size;
    check(x, "MPI_Issend",
          MPI_Issend(frame.at, (int)frame.size, MPI_BYTE, x->after, TAG_FRAME, x->comm,
                     &x->sends[x->flying++]));
}

/* Begins what can begin, and ends the oldest send, if it is done. Whether anything moved. */
static int send_step(LpcExchange *x, uint64_t wait_ns)
{
    const struct timespec pause = {0, (long)wait_ns};
    LpcSlot *slot;
    int moved = 0, done = 0;
    if (x->all_left && wait_ns) nanosleep(&pause, NULL);
    while (!x->all_left && (slot = lpc_queue_full_at(x->emptied, x->flying, wait_ns))) {
        begin_send(x, slot);
        moved = 1;
        wait_ns = 0;
    }
    if (!x->flying) return moved;
    check(x, "MPI_Test", MPI_Test(&x->sends[0], &done, MPI_STATUS_IGNORE));
    if (!done) return moved;
    if (x->sent) x->sent(x->self, lpc_now_ns() - x->begun_ns[0], x->begun_bytes[0]);
    x->flying--;
    memmove(x->sends, x->sends + 1, (size_t)x->flying * sizeof *x->sends);
    memmove(x->begun_ns, x->begun_ns + 1, (size_t)x->flying * sizeof *x->begun_ns);
    memmove(x->begun_bytes, x->begun_bytes + 1, (size_t)x->flying * sizeof *x->begun_bytes);
    lpc_queue_release(x->emptied);
    return 1;
}

/* --- one stream --- */

/* How long to wait for something to do, when nothing moved. */
static uint64_t pause_of(LpcExchange *x, int moved)
{
    uint64_t now = lpc_now_ns();
    if (moved || !x->idle_ns) x->idle_ns = now;
    uint64_t idle = now - x->idle_ns;
    if (x->is_awake || idle < AWAKE_NS) return 0;
    if (idle > LONG_NS) return LONG_SLEEP_NS;
    return idle / 8 < SLEEP_NS ? idle / 8 : SLEEP_NS;
}

void lpc_exchange_run(LpcExchange *x)
{
    int moved = 1;
    x->received = x->sent_count = 0;
    x->posted = x->flying = x->all_came = x->all_left = x->quit = 0;
    while (!(x->all_left && !x->flying && (x->all_came || lpc_queue_aborted(x->filled)))) {
        uint64_t wait_ns = pause_of(x, moved);
        moved = receive_step(x);
        moved |= send_step(x, moved ? 0 : wait_ns);
        if (x->quit || (!x->all_left && lpc_queue_aborted(x->emptied))) break;
    }
    cancel_receives(x);
}

void lpc_exchange_quit(LpcExchange *x)
{
    check(x, "MPI_Send", MPI_Send(NULL, 0, MPI_BYTE, x->after, TAG_QUIT, x->comm));
}

/* --- the start --- */

void lpc_exchange_init(LpcExchange *x)
{
    const LpcQueue *queues[] = {x->filled, x->emptied};
    LpcError error = {0};
    for (int i = 0; i < 2; i++)
        if (room_of(&queues[i]->slots[0]) > INT_MAX) {
            lpc_error(&error, LPC_EXIT_SYSTEM,
                      "a frame may have %zu bytes, an MPI message at most %d",
                      room_of(&queues[i]->slots[0]), INT_MAX);
            lpc_job_abort(x->name, x->comm, &error);
        }
    x->pieces = calloc((size_t)lpc_piece_count(x->emptied_shape->contract), sizeof *x->pieces);
    if (x->pieces) return;
    lpc_error(&error, LPC_EXIT_SYSTEM, "no memory");
    lpc_job_abort(x->name, x->comm, &error);
}

/* Rank 0 blocks them, and hears of them elsewhere once it serves. */
static void obey_signals(void)
{
    sigset_t pending;
    if (sigpending(&pending)) return;
    if (sigismember(&pending, SIGTERM) == 1) _exit(128 + SIGTERM);
    if (sigismember(&pending, SIGINT) == 1) _exit(128 + SIGINT);
}

void lpc_exchange_greet(LpcExchange *x)
{
    MPI_Request requests[2];
    uint8_t ours[LPC_HELLO_BYTES], bytes[LPC_HELLO_BYTES];
    char peer[48];
    LpcError error = {0};
    LpcHello theirs, after = lpc_hello_at(x->emptied_shape->contract, 0),
                     own = lpc_hello_at(x->filled_shape->contract, 0);
    lpc_hello_encode(x->crc, &after, ours);
    check(x, "MPI_Irecv",
          MPI_Irecv(bytes, sizeof bytes, MPI_BYTE, x->before, TAG_HELLO, x->comm, &requests[0]));
    check(x, "MPI_Isend",
          MPI_Isend(ours, sizeof ours, MPI_BYTE, x->after, TAG_HELLO, x->comm, &requests[1]));
    for (int done = 0; !done; poll(NULL, 0, done ? 0 : GREET_MS)) {
        check(x, "MPI_Testall", MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE));
        obey_signals();
    }
    snprintf(peer, sizeof peer, "rank %d of the job", x->before);
    if (lpc_hello_check(x->crc, &own, bytes, peer, &theirs, &error))
        lpc_job_abort(x->name, x->comm, &error);
}
