/* Frames as messages, in a job of one rank that sends to itself: what is emptied fills. Sizes at and below their bounds,
 * more frames than slots, the end, errors, frames that are refused. (Whole jobs: tests/scripts/mpi.sh.) */
#include "tests/runtime/fake.h"

#include "runtime/mpi/exchange.h"
#include "runtime/stage_parts.h"

#include <pthread.h>

enum { DEPTH = 3, FRAMES = 40, TAG_FRAME = 2 };

static const LpcStageOptions options = {
    .threads = 1, .queue = DEPTH, .streams = 1, .timeout_ms = PATIENCE_MS};
static lpc_model model;
static LpcStage from, to; /* whose out queues are emptied and filled */
static LpcExchange exchange;
static LpcError judged; /* the last frame's */

static void judge(void *self, LpcSlot *slot, int code, const LpcError *error)
{
    (void)self;
    judged = *error;
    if (code) slot->header.kind = LPC_FRAME_ERROR;
    if (code) slot->error = *error;
}

/* One stage's memory; its out contract has two tensors, of m and n elements. */
static void make(LpcStage *stage)
{
    LpcError error = {0};
    *stage = (LpcStage){.model = &model,
                        .options = &options,
                        .in_shape = fake_shape(&model, 0),
                        .out_shape = fake_shape(&model, 1)};
    if (lpc_stage_memory(stage, &error)) abort();
    stage->streams->stage = stage;
}

static int64_t size_of(int64_t frame, int k)
{
    if (frame == 0) return N_MAX; /* the bounds, */
    if (frame == 1) return 0;     /* nothing, then this and that */
    return (frame * (k ? 7 : 11)) % (N_MAX + 1);
}

/* Frames with sizes and values of their own, into the queue that is emptied; then its end, or an error. */
static void *fill(void *kind)
{
    LpcQueue *queue = &from.streams->out_queue;
    for (int64_t frame = 0; frame < FRAMES; frame++) {
        LpcSlot *slot = lpc_queue_reserve(queue);
        if (!slot) return NULL;
        int64_t n = slot->sizes[0] = size_of(frame, 1), m = slot->sizes[1] = size_of(frame, 0);
        for (int64_t i = 0; i < m; i++) ((int64_t *)slot->tensors[0])[i] = frame * 1000 + i;
        for (int64_t i = 0; i < n; i++) ((float *)slot->tensors[1])[i] = (float)(frame - i);
        slot->header.kind = LPC_FRAME_DATA;
        lpc_queue_commit(queue);
    }
    LpcSlot *slot = lpc_queue_reserve(queue);
    if (!slot) return NULL;
    slot->header.kind = *(const uint32_t *)kind;
    slot->error = (LpcError){.code = LPC_EXIT_RUN};
    memset(slot->error.text, 'e', LPC_TEXT_BYTES - 5); /* longer than a payload may be */
    lpc_queue_commit(queue);
    return NULL;
}

static void check_frame(const LpcSlot *slot, int64_t frame)
{
    int64_t n = size_of(frame, 1), m = size_of(frame, 0), wrong = 0;
    CHECK(slot->sizes[0] == n && slot->sizes[1] == m, "frame %d: %d, %d", (int)frame,
          (int)slot->sizes[0], (int)slot->sizes[1]);
    CHECK((uintptr_t)slot->tensors[1] % LPC_ALIGN == 0, "alignment");
    for (int64_t i = 0; i < m; i++) wrong += ((int64_t *)slot->tensors[0])[i] != frame * 1000 + i;
    for (int64_t i = 0; i < n; i++) wrong += ((float *)slot->tensors[1])[i] != (float)(frame - i);
    CHECK(!wrong, "frame %d: %d values are wrong", (int)frame, (int)wrong);
}

/* Takes what has come; how the stream ended goes to *last. */
static void *take(void *last)
{
    LpcQueue *queue = &to.streams->out_queue;
    for (int64_t frame = 0;; frame++) {
        LpcSlot *slot = lpc_queue_front(queue);
        if (!slot) return NULL;
        *(LpcSlot *)last = *slot;
        if (slot->header.kind == LPC_FRAME_DATA) check_frame(slot, frame);
        if (slot->header.kind != LPC_FRAME_DATA) CHECK(frame == FRAMES, "%d frames", (int)frame);
        lpc_queue_release(queue);
        if (((LpcSlot *)last)->header.kind != LPC_FRAME_DATA) return NULL;
    }
}

static void begin(void)
{
    lpc_queue_reset(&from.streams->out_queue);
    lpc_queue_reset(&to.streams->out_queue);
}

/* A stream that ends so; what came last. */
static LpcSlot stream(uint32_t kind)
{
    pthread_t filler, taker;
    LpcSlot last = {0};
    begin();
    if (pthread_create(&filler, NULL, fill, &kind) || pthread_create(&taker, NULL, take, &last))
        abort();
    lpc_exchange_run(&exchange);
    pthread_join(filler, NULL);
    pthread_join(taker, NULL);
    return last;
}

static void frames_pass(void)
{
    for (int turn = 0; turn < 3; turn++) { /* one stream after the other */
        exchange.is_awake = turn == 1;
        LpcSlot last = stream(LPC_FRAME_END);
        CHECK(last.header.kind == LPC_FRAME_END && last.header.sequence == FRAMES, "kind %u",
              last.header.kind);
    }
}

static void errors_pass(void)
{
    LpcSlot last = stream(LPC_FRAME_ERROR);
    CHECK(last.header.kind == LPC_FRAME_ERROR && last.error.code == LPC_EXIT_RUN &&
              strlen(last.error.text) == LPC_TEXT_BYTES - 5,
          "%d '%s'", last.error.code, last.error.text);
}

/* A message of another's making, which must be refused with that text. */
static void refused(const uint8_t *bytes, int count, const char *expected)
{
    MPI_Request request;
    begin();
    judged = (LpcError){0};
    lpc_queue_abort(&from.streams->out_queue); /* nothing is sent: one look at what came is all */
    exchange.received = 0;
    MPI_Isend(bytes, count, MPI_BYTE, 0, TAG_FRAME, exchange.comm, &request);
    for (int i = 0; i < 1000 && !judged.code; i++) lpc_exchange_run(&exchange);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    CHECK(judged.code == LPC_EXIT_FRAME && strstr(judged.text, expected), "%d '%s', wanted '%s'",
          judged.code, judged.text, expected);
}

static void wrong_frames(void)
{
    enum { LENGTH = LPC_ALIGN }; /* of two symbols and two empty tensors */
    LpcHeader header = {.kind = LPC_FRAME_DATA, .length = LENGTH};
    static uint8_t bytes[256];
    header.crc = lpc_crc(to.crc, 0, bytes + LPC_HEADER_BYTES, LENGTH);
    lpc_header_encode(to.crc, &header, bytes);
    refused(bytes, LPC_HEADER_BYTES + LENGTH - 1, "the message ends too early");
    refused(bytes, LPC_HEADER_BYTES + LENGTH + 1, "1 bytes behind its end");
    refused(bytes, LPC_HEADER_BYTES - 1, "the message ends too early");
    bytes[LPC_HEADER_BYTES + 4] ^= 1;
    refused(bytes, LPC_HEADER_BYTES + LENGTH, "symbol 'n'");
    bytes[LPC_HEADER_BYTES + 4] ^= 1;
    header.crc ^= 1;
    lpc_header_encode(to.crc, &header, bytes);
    refused(bytes, LPC_HEADER_BYTES + LENGTH, "checksum is wrong");
    header.sequence = 1;
    lpc_header_encode(to.crc, &header, bytes);
    refused(bytes, LPC_HEADER_BYTES + LENGTH, "number 1 where 0 is due");
}

static void quits(void)
{
    LpcQueue *filled = &to.streams->out_queue;
    begin();
    MPI_Request request;
    MPI_Isend(NULL, 0, MPI_BYTE, 0, 3, exchange.comm, &request);
    lpc_exchange_run(&exchange);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    CHECK(exchange.quit && lpc_queue_aborted(filled), "it goes on");
}

int main(void)
{
    int given;
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &given)) return 77;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    model = fake_model("nonzero", 0);
    make(&from);
    make(&to);
    exchange = (LpcExchange){.name = "test",
                             .filled = &to.streams->out_queue,
                             .emptied = &from.streams->out_queue,
                             .filled_shape = &to.out_shape,
                             .emptied_shape = &from.out_shape,
                             .crc = to.crc,
                             .comm = MPI_COMM_WORLD,
                             .judge = judge};
    lpc_exchange_init(&exchange);
    lpc_exchange_greet(&exchange);
    RUN_CASE(frames_pass);
    RUN_CASE(errors_pass);
    RUN_CASE(wrong_frames);
    RUN_CASE(quits);
    MPI_Finalize();
    return failures != 0;
}
