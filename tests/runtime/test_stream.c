/* Who sends a result: the compute thread itself, or the send thread. The test has no threads: it
 * plays them one after the other, so that each order of events is one that it chose. */
#include "tests/runtime/fake.h"

#include "runtime/stage_parts.h"

static const LpcStageOptions options = {
    .threads = 1, .queue = 4, .streams = 1, .timeout_ms = PATIENCE_MS};

/* A stage whose results go to `ends->collect`, in the same process. Its memory is never unmapped:
 * a stage has one for its life. */
typedef struct Rig {
    lpc_model model;
    LpcStage stage;
    LpcStream *stream;
    Ends *ends;
} Rig;

static Rig *rig_new(const char *kind)
{
    Rig *rig = calloc(1, sizeof *rig);
    LpcError error = {0};
    int pair[2];
    rig->model = fake_model(kind, 0);
    rig->ends = ends_new(&rig->model, &rig->model);
    rig->stage = (LpcStage){.model = &rig->model,
                            .options = &options,
                            .in_shape = fake_shape(&rig->model, 0),
                            .out_shape = fake_shape(&rig->model, 1)};
    lpc_turns_init(&rig->stage.turns);
    if (lpc_stage_memory(&rig->stage, &error) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) abort();
    LpcStream *stream = rig->stream = rig->stage.streams;
    stream->stage = &rig->stage;
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_mutex_init(&stream->pulse.mutex, NULL);
    pthread_mutex_init(&stream->pulse.sending, NULL);
    stream->in = (LpcLink){.fd = -1, .stop_fd = -1};
    stream->out = (LpcLink){.fd = pair[0], .timeout_ms = -1, .stop_fd = -1};
    rig->ends->collect.fd = pair[1];
    return rig;
}

static void rig_end(Rig *rig)
{
    lpc_link_close(&rig->stream->out);
    ends_free(rig->ends);
    free(rig);
}

/* What the receive thread does with a frame of one element, or with the end. */
static void received(Rig *rig, uint32_t kind, float value)
{
    LpcSlot *slot = lpc_queue_reserve(&rig->stream->in_queue);
    slot->header.kind = kind;
    slot->sizes[0] = 1;
    slot->sizes[1] = 0;
    slot->tensors[0] = slot->payload + LPC_ALIGN;
    slot->bytes[0] = 4;
    memcpy(slot->tensors[0], &value, 4);
    lpc_queue_commit(&rig->stream->in_queue);
}

static int something_sent(const Rig *rig)
{
    char byte;
    return recv(rig->ends->collect.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The next frame is a result of that value, or the end. */
static void collected(Rig *rig, int kind, float value)
{
    int got = ends_collect(rig->ends);
    CHECK(got == kind, "%d, wanted %d: %s", got, kind, rig->ends->error.text);
    if (got == kind && kind == LPC_FRAME_DATA)
        CHECK(*(float *)rig->ends->collect_slot.tensors[0] == value, "wanted %g", (double)value);
}

/* All that the compute thread does with one input and the end. */
static void compute_one(Rig *rig)
{
    received(rig, LPC_FRAME_DATA, 1);
    received(rig, LPC_FRAME_END, 0);
    lpc_stage_compute(rig->stream);
}

static void small_leaves_at_once(void)
{
    Rig *rig = rig_new("double");
    received(rig, LPC_FRAME_DATA, 1);
    received(rig, LPC_FRAME_DATA, 2);
    received(rig, LPC_FRAME_END, 0);
    lpc_stage_compute(rig->stream);
    collected(rig, LPC_FRAME_DATA, 2);
    collected(rig, LPC_FRAME_DATA, 4);
    CHECK(!something_sent(rig), "the end is for the send thread");
    lpc_stage_send(rig->stream);
    collected(rig, LPC_FRAME_END, 0);
    rig_end(rig);
}

static void large_is_queued(void)
{
    Rig *rig = rig_new("big");
    compute_one(rig);
    CHECK(!something_sent(rig), "sent by the compute thread");
    lpc_stage_send(rig->stream);
    collected(rig, LPC_FRAME_DATA, 2);
    collected(rig, LPC_FRAME_END, 0);
    rig_end(rig);
}

/* The send thread has a frame that it has not released: whatever room the socket has, what is
 * computed meanwhile must not overtake it, nor get between its bytes. */
static void none_overtakes(void)
{
    Rig *rig = rig_new("double");
    LpcSlot *slot = lpc_queue_reserve(&rig->stream->out_queue);
    slot->header.kind = LPC_FRAME_DATA;
    slot->sizes[0] = 1;
    *(float *)slot->tensors[0] = 7;
    lpc_queue_commit(&rig->stream->out_queue);
    compute_one(rig);
    CHECK(!something_sent(rig), "sent past the queue");
    lpc_stage_send(rig->stream);
    collected(rig, LPC_FRAME_DATA, 7);
    collected(rig, LPC_FRAME_DATA, 2);
    collected(rig, LPC_FRAME_END, 0);
    rig_end(rig);
}

/* A socket that is full does not hold up the compute thread. */
static void full_socket_is_queued(void)
{
    Rig *rig = rig_new("double");
    static char junk[4096];
    size_t filled = 0;
    for (ssize_t sent; (sent = send(rig->stream->out.fd, junk, sizeof junk, MSG_DONTWAIT)) > 0;)
        filled += (size_t)sent;
    compute_one(rig);
    while (filled) {
        ssize_t got = recv(rig->ends->collect.fd, junk, filled < 4096 ? filled : 4096, 0);
        if (got <= 0) abort();
        filled -= (size_t)got;
    }
    CHECK(!something_sent(rig), "sent to a full socket");
    lpc_stage_send(rig->stream);
    collected(rig, LPC_FRAME_DATA, 2);
    collected(rig, LPC_FRAME_END, 0);
    rig_end(rig);
}

/* Sending fails in the compute thread: the stream ends with that as its cause. */
static void failure_ends_all(void)
{
    Rig *rig = rig_new("double");
    lpc_link_close(&rig->ends->collect);
    received(rig, LPC_FRAME_DATA, 1);
    lpc_stage_compute(rig->stream);
    lpc_stage_send(rig->stream); /* returns: nothing is left to wait for */
    CHECK(rig->stream->error.code == LPC_EXIT_LEFT, "%d", rig->stream->error.code);
    CHECK(!lpc_queue_reserve(&rig->stream->in_queue), "the receive thread may go on");
    rig_end(rig);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN_CASE(small_leaves_at_once);
    RUN_CASE(large_is_queued);
    RUN_CASE(none_overtakes);
    RUN_CASE(full_socket_is_queued);
    RUN_CASE(failure_ends_all);
    return failures != 0;
}
