/* LpcStage programs as processes: streams, errors, signals, exit statuses. */
#include "tests/runtime/fake.h"

#include <semaphore.h>
#include <sys/mman.h>

static char text[CHILD_TEXT];

/* One stage between the test's ends, connected. */
typedef struct Rig {
    lpc_model model;
    Ends *ends;
    Child child;
} Rig;

static Rig *rig_new(const char *kind, char *const *extra, int open)
{
    Rig *rig = calloc(1, sizeof *rig);
    rig->model = fake_model(kind, 0);
    rig->ends = ends_new(&rig->model, &rig->model);
    rig->child = child_start(&rig->model, rig->ends->listener.address, extra);
    if (open) {
        int code = ends_open(rig->ends, rig->child.address);
        CHECK(!code, "%s", rig->ends->error.text);
    }
    return rig;
}

static void rig_end(Rig *rig, int status, const char *message)
{
    int got = child_wait(&rig->child, text);
    CHECK(got == status, "exit status %d, wanted %d: %s", got, status, text);
    CHECK(message ? strstr(text, message) != NULL : !*text, "stderr: %s", text);
    ends_free(rig->ends);
    free(rig);
}

static char *const short_timeout[] = {(char *)"--timeout", (char *)"0.3", NULL};

static void frames_pass(void)
{
    Rig *rig = rig_new("double", NULL, 1);
    for (int n = 0; n <= N_MAX; n += 8) { /* size 0 too */
        CHECK(!ends_feed(rig->ends, n, 1), "%s", rig->ends->error.text);
        CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
        CHECK(rig->ends->collect_slot.sizes[0] == n, "n");
        const float *y = rig->ends->collect_slot.tensors[0];
        for (int i = 0; i < n; i++)
            CHECK(y[i] == 2 * (1 + (float)i), "y[%d] = %g", i, (double)y[i]);
    }
    ends_finish(rig->ends);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    rig_end(rig, 0, NULL);
}

static char *const guard[] = {(char *)"--guard", NULL};

/* A frame of n elements from `first` to a stage that breaks a rule when first is 1 to 3. */
static void break_rule(int64_t n, float first, int status)
{
    Rig *rig = rig_new("break", guard, 1);
    CHECK(!ends_feed(rig->ends, 0, 0), "%s", rig->ends->error.text); /* nothing: left alone */
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    CHECK(!ends_feed(rig->ends, n, first), "%s", rig->ends->error.text);
    int kind = ends_collect(rig->ends);
    CHECK((kind == LPC_FRAME_DATA) == !status, "frame of %g: %d", (double)first, kind);
    if (!status) {
        const float *y = rig->ends->collect_slot.tensors[0];
        for (int i = 0; i < n; i++)
            CHECK(y[i] == 2 * (first + (float)i), "y[%d] = %g", i, (double)y[i]);
        ends_finish(rig->ends);
        CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    }
    rig_end(rig, status, NULL);
}

static void guarded(void)
{
    for (int n = 1; n <= N_MAX; n += 21) {
        break_rule(n, 5, 0);
        break_rule(n, 1, -SIGSEGV);
        break_rule(n, 2, -SIGSEGV);
    }
    break_rule(1, 3, -SIGSEGV);
}

static void three_stages(void)
{
    lpc_model models[3] = {fake_model("double", 0), fake_model("double", 1),
                           fake_model("double", 2)};
    Ends *ends = ends_new(&models[0], &models[2]);
    Child children[3];
    const char *forward = ends->listener.address;
    for (int i = 2; i >= 0; i--) {
        children[i] = child_start(&models[i], forward, NULL);
        forward = children[i].address;
    }
    CHECK(!ends_open(ends, children[0].address), "%s", ends->error.text);
    ends_feed(ends, 5, 1);
    CHECK(ends_collect(ends) == LPC_FRAME_DATA, "%s", ends->error.text);
    CHECK(((float *)ends->collect_slot.tensors[0])[4] == 40, "value");
    ends_finish(ends);
    CHECK(ends_collect(ends) == LPC_FRAME_END, "%s", ends->error.text);
    for (int i = 0; i < 3; i++) CHECK(child_wait(&children[i], text) == 0, "%s", text);
    ends_free(ends);
}

static void size_from_a_node(void)
{
    Rig *rig = rig_new("nonzero", NULL, 1);
    ends_feed(rig->ends, 5, -2); /* -2 -1 0 1 2 */
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    CHECK(rig->ends->collect_slot.sizes[1] == 4, "m");
    const int64_t *where = rig->ends->collect_slot.tensors[0];
    const float *y = rig->ends->collect_slot.tensors[1];
    CHECK(where[0] == 0 && where[2] == 3 && y[4] == 2, "values");
    ends_finish(rig->ends);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    rig_end(rig, 0, NULL);
}

static void state_restarts(void)
{
    char *const serve[] = {(char *)"--serve", NULL};
    Rig *rig = rig_new("sum", serve, 0);
    for (int stream = 0; stream < 2; stream++) {
        CHECK(!ends_open(rig->ends, rig->child.address), "%s", rig->ends->error.text);
        float sum = 0;
        for (int step = 0; step < 4; step++) {
            ends_feed(rig->ends, 2, (float)step);
            CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
            sum += (float)(2 * step + 1);
            float got = ((float *)rig->ends->collect_slot.tensors[0])[1];
            CHECK(got == sum + 1000.0f * (float)(2 * step), "step %d: %g", step, (double)got);
            CHECK(rig->ends->collect_slot.sizes[1] == 2 * step, "m");
        }
        ends_finish(rig->ends);
        CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
        ends_close(rig->ends);
    }
    kill(rig->child.pid, SIGTERM);
    rig_end(rig, 0, NULL);
}

static void state_is_bounded(void)
{
    Rig *rig = rig_new("sum", NULL, 1);
    int kind = LPC_FRAME_DATA;
    for (int step = 0; step < 3 && kind == LPC_FRAME_DATA; step++) {
        ends_feed(rig->ends, 50, 0); /* 0, 50, then 100 is above 64 */
        kind = ends_collect(rig->ends);
        CHECK(kind == (step < 2 ? LPC_FRAME_DATA : LPC_FRAME_ERROR), "step %d: %d", step, kind);
    }
    CHECK(strstr(rig->ends->collect_slot.error.text, "stage 'sum': the state is full"), "%s",
          rig->ends->collect_slot.error.text);
    rig_end(rig, LPC_EXIT_RUN, "symbol 'm' would be 100, its bound is 64");
}

static void run_error(void)
{
    lpc_model models[2] = {fake_model("fail", 0), fake_model("double", 1)};
    Ends *ends = ends_new(&models[0], &models[1]);
    Child second = child_start(&models[1], ends->listener.address, NULL);
    Child first = child_start(&models[0], second.address, NULL);
    CHECK(!ends_open(ends, first.address), "%s", ends->error.text);
    ends_feed(ends, 1, 1);
    ends_feed(ends, 1, -1);
    CHECK(ends_collect(ends) == LPC_FRAME_DATA, "the frame before is delivered");
    CHECK(ends_collect(ends) == LPC_FRAME_ERROR, "then the error");
    CHECK(ends->collect_slot.error.code == LPC_EXIT_RUN ||
              ends->collect_slot.error.code == LPC_EXIT_LEFT,
          "code %d", ends->collect_slot.error.code);
    CHECK(strstr(ends->collect_slot.error.text, "stage 'fail': the model's run failed: an index"),
          "%s", ends->collect_slot.error.text);
    CHECK(child_wait(&first, text) == LPC_EXIT_RUN, "%s", text);
    CHECK(child_wait(&second, text) == LPC_EXIT_LEFT, "%s", text);
    CHECK(strstr(text, "stage 'double': stage 'fail': the model's run failed"), "%s", text);
    ends_free(ends);
}

/* --- handshakes --- */

/* Whoever says this hello gets no byte back. */
static void refuse_hello(Rig *rig, const uint8_t *hello, size_t size)
{
    char byte;
    CHECK(!ends_connect(rig->ends, rig->child.address), "%s", rig->ends->error.text);
    CHECK(write(rig->ends->feed.fd, hello, size) == (ssize_t)size, "write");
    shutdown(rig->ends->feed.fd, SHUT_WR);
    CHECK(read(rig->ends->feed.fd, &byte, 1) <= 0, "an answer to a hello that is wrong");
    lpc_link_close(&rig->ends->feed);
}

/* Nobody but the right one is answered, and all the others end nothing. */
static void handshakes_refused(void)
{
    static const char *const told[] = {
        "is no lpc stage",
        "speaks protocol 9, this is 3",
        "checksum",
        "is of another build: its cut is 0900000000000000..., this end's 0102030405060708...",
        "stands at cut 1, this end at cut 0",
        "another contract for cut 0",
        "left without a hello"};
    Rig *rig = rig_new("double", NULL, 0);
    LpcCrc crc;
    uint8_t bytes[LPC_HELLO_BYTES], other[32] = {9};
    lpc_crc_init(&crc, LPC_CRC_BEST);
    LpcHello hello = {.id = fake_build, .cut = 0, .hash = 100};
    lpc_hello_encode(&crc, &hello, bytes);
    bytes[0] = 'X';
    refuse_hello(rig, bytes, sizeof bytes);
    lpc_hello_encode(&crc, &hello, bytes);
    bytes[8] = 9;
    refuse_hello(rig, bytes, sizeof bytes);
    lpc_hello_encode(&crc, &hello, bytes);
    bytes[20] ^= 1;
    refuse_hello(rig, bytes, sizeof bytes);
    hello.id = other;
    lpc_hello_encode(&crc, &hello, bytes);
    refuse_hello(rig, bytes, sizeof bytes);
    hello = (LpcHello){.id = fake_build, .cut = 1, .hash = 100};
    lpc_hello_encode(&crc, &hello, bytes);
    refuse_hello(rig, bytes, sizeof bytes);
    hello = (LpcHello){.id = fake_build, .cut = 0, .hash = 77};
    lpc_hello_encode(&crc, &hello, bytes);
    refuse_hello(rig, bytes, sizeof bytes);
    refuse_hello(rig, bytes, 0);
    refuse_hello(rig, bytes, 95);
    CHECK(!ends_open(rig->ends, rig->child.address), "%s", rig->ends->error.text);
    ends_feed(rig->ends, 4, 1);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    ends_finish(rig->ends);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    int status = child_wait(&rig->child, text);
    CHECK(status == 0, "%d", status);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        CHECK(strstr(text, told[i]) != NULL, "'%s' is not in: %s", told[i], text);
    ends_free(rig->ends);
    free(rig);
}

/* A stage of another cut than the one before it: both say what they see, and only the one that connects ends. */
static void both_see_a_mismatch(void)
{
    static const uint8_t other[32] = {42};
    lpc_model models[2] = {fake_model("double", 0), fake_model("double", 1)};
    models[1].in.id = other;
    Ends *ends = ends_new(&models[0], &models[1]);
    Child second = child_start(&models[1], ends->listener.address, NULL);
    Child first = child_start(&models[0], second.address, NULL);
    CHECK(!ends_connect(ends, first.address), "%s", ends->error.text);
    CHECK(!ends_greet(ends), "%s", ends->error.text);
    CHECK(child_wait(&first, text) == LPC_EXIT_BUILD, "%s", text);
    CHECK(strstr(text, "the neighbour after, 127.0.0.1:") && strstr(text, "does not answer"), "%s",
          text);
    kill(second.pid, SIGTERM);
    CHECK(child_wait(&second, text) == 0, "%s", text);
    CHECK(strstr(text, "the neighbour before, 127.0.0.1:") && strstr(text, "is of another build"),
          "%s", text);
    ends_free(ends);
}

/* --- streams and their identity --- */

/* Clients that gave up, or never go, in whatever phase: those after them are served soon, with their own answers. */
static void impatient_clients(void)
{
    enum { CLIENTS = 24 };
    char *const serve[] = {(char *)"--serve", NULL};
    lpc_model model = fake_model("double", 0);
    Child child = child_start(&model, NULL, serve);
    Ends *ends = ends_new(&model, &model), *late = ends_new(&model, &model);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) { /* silent, with a hello, with a hello and a frame */
        CHECK(!ends_connect(late, child.address), "%s", late->error.text);
        if (i % 3) ends_say_hello(late, (uint8_t)i);
        if (i % 3 == 2) ends_feed(late, 4, 1);
        fds[i] = late->feed.fd;
        if (i % 2) close(fds[i]);
        late->feed.fd = -1;
    }
    uint64_t begin = lpc_now_ns();
    CHECK(!ends_fetch(ends, child.address, child.address, 0), "%s", ends->error.text);
    ends_feed(ends, 4, 7);
    CHECK(ends_collect(ends) == LPC_FRAME_DATA, "%s", ends->error.text);
    CHECK(((float *)ends->collect_slot.tensors[0])[0] == 14, "another one's answer");
    CHECK(lpc_now_ns() - begin < 1500000000u, "held up for %.1f s",
          (double)(lpc_now_ns() - begin) * 1e-9);
    for (int i = 0; i < CLIENTS; i += 2) close(fds[i]);
    ends_finish(ends);
    CHECK(ends_collect(ends) == LPC_FRAME_END, "%s", ends->error.text);
    kill(child.pid, SIGTERM);
    CHECK(child_wait(&child, text) == 0 && strstr(text, "brings a stream of before"), "%s", text);
    ends_free(ends);
    ends_free(late);
}

/* Two streams at once: the second is told that one is before it, and follows. */
static void in_line(void)
{
    char *const serve[] = {(char *)"--serve", NULL};
    Rig *rig = rig_new("double", serve, 1);
    Ends *second = ends_new(&rig->model, &rig->model);
    CHECK(!ends_connect(second, rig->child.address), "%s", second->error.text);
    uint8_t bytes[LPC_HELLO_BYTES];
    ends_say_hello(second, 2);
    LpcHello hello = ends_hello(second, second->in.contract), theirs;
    LpcReader reader = lpc_link_reader(&second->feed);
    for (int i = 0; i < 2; i++) {
        CHECK(!reader.read(reader.self, bytes, sizeof bytes, 0, &second->error), "%s",
              second->error.text);
        CHECK(!lpc_hello_check(&second->crc, &hello, bytes, "it", &theirs, &second->error), "%s",
              second->error.text);
        CHECK(theirs.answer == (i ? 0 : LPC_EXIT_BUSY) && theirs.before == (i ? 0 : 1) &&
                  theirs.stream[0] == 2,
              "answer %u, before %u", theirs.answer, theirs.before);
        if (i) break;
        ends_feed(rig->ends, 4, 1); /* the first goes on meanwhile */
        CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
        ends_finish(rig->ends);
        CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
        ends_close(rig->ends);
    }
    ends_free(second);
    kill(rig->child.pid, SIGTERM);
    child_wait(&rig->child, text);
    ends_free(rig->ends);
    free(rig);
}

/* --- neighbours that are missing, leave or stall --- */

static void nobody_connects(void)
{
    Rig *rig = rig_new("double", short_timeout, 0);
    rig_end(rig, LPC_EXIT_MISSING, "nobody connected to 127.0.0.1:");
}

static void nobody_listens(void)
{
    lpc_model model = fake_model("double", 0);
    Ends *ends = ends_new(&model, &model);
    close(ends->listener.fd); /* nobody is at that port now */
    Child child = child_start(&model, ends->listener.address, short_timeout);
    CHECK(!ends_connect(ends, child.address), "%s", ends->error.text);
    CHECK(!ends_greet(ends), "%s", ends->error.text);
    CHECK(child_wait(&child, text) == LPC_EXIT_MISSING, "%s", text);
    CHECK(strstr(text, "cannot connect to 127.0.0.1:") && strstr(text, "refused"), "%s", text);
    ends->listener.fd = open("/dev/null", O_RDONLY);
    ends_free(ends);
}

/* Silent connections, more than are kept, and one that drips: a real one is served at once. */
static void silent_connections(void)
{
    enum { SILENT = 3 * LPC_PENDING_MOST };
    Rig *rig = rig_new("double", NULL, 0);
    int fds[SILENT];
    for (int i = 0; i < SILENT; i++) {
        LpcLink link = {.fd = -1};
        CHECK(!lpc_transport_tcp.connect(rig->child.address, PATIENCE_MS, -1, NULL, &link,
                                         &rig->ends->error),
              "%s", rig->ends->error.text);
        fds[i] = link.fd;
        if (i % 2) (void)send(link.fd, "LPC-PIPE", 8, MSG_NOSIGNAL);
    }
    uint64_t begin = lpc_now_ns();
    CHECK(!ends_open(rig->ends, rig->child.address), "%s", rig->ends->error.text);
    CHECK(lpc_now_ns() - begin < 1500000000u, "silent connections hold up a real one");
    ends_feed(rig->ends, 4, 1);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    ends_finish(rig->ends);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    for (int i = 0; i < SILENT; i++) close(fds[i]);
    rig_end(rig, 0, "is silent, and others connect");
}

static void silent_in_frame(void)
{
    Rig *rig = rig_new("double", short_timeout, 1);
    uint8_t bytes[LPC_HEADER_BYTES];
    usleep(400000); /* between frames there is no limit */
    ends_feed(rig->ends, 4, 1);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    LpcHeader header = {LPC_FRAME_DATA, 1, 80, 0};
    lpc_header_encode(&rig->ends->crc, &header, bytes);
    CHECK(write(rig->ends->feed.fd, bytes, sizeof bytes) == LPC_HEADER_BYTES, "write");
    CHECK(ends_collect(rig->ends) == LPC_FRAME_ERROR, "%s", rig->ends->error.text);
    rig_end(rig, LPC_EXIT_LEFT, "stalled for 0.3 s");
}

static void feeder_leaves(void)
{
    Rig *rig = rig_new("double", NULL, 1);
    ends_feed(rig->ends, 4, 1);
    lpc_link_close(&rig->ends->feed);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "what came is delivered");
    CHECK(ends_collect(rig->ends) == LPC_FRAME_ERROR, "%s", rig->ends->error.text);
    CHECK(strstr(rig->ends->collect_slot.error.text, "left before the end"), "%s",
          rig->ends->collect_slot.error.text);
    rig_end(rig, LPC_EXIT_LEFT, "the neighbour before, 127.0.0.1");
}

static void feeder_leaves_in_frame(void)
{
    Rig *rig = rig_new("double", NULL, 1);
    uint8_t bytes[LPC_HEADER_BYTES];
    LpcHeader header = {LPC_FRAME_DATA, 0, 80, 0};
    lpc_header_encode(&rig->ends->crc, &header, bytes);
    CHECK(write(rig->ends->feed.fd, bytes, 20) == 20, "write");
    lpc_link_close(&rig->ends->feed);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_ERROR, "%s", rig->ends->error.text);
    rig_end(rig, LPC_EXIT_LEFT, "the neighbour before, 127.0.0.1");
}

static void collector_leaves(void)
{
    Rig *rig = rig_new("double", NULL, 1);
    lpc_link_close(&rig->ends->collect); /* nothing is sent: it must be seen all the same */
    rig_end(rig, LPC_EXIT_LEFT, "the neighbour after, 127.0.0.1");
}

static void serve_survives(void)
{
    char *const serve[] = {(char *)"--serve", (char *)"--timeout", (char *)"1", NULL};
    Rig *rig = rig_new("double", serve, 1);
    lpc_link_close(&rig->ends->feed);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_ERROR, "%s", rig->ends->error.text);
    ends_close(rig->ends);
    CHECK(!ends_open(rig->ends, rig->child.address), "%s", rig->ends->error.text);
    ends_feed(rig->ends, 4, 1);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    kill(rig->child.pid, SIGTERM);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    rig_end(rig, 0, "left before the end");
}

/* --- frames that do not fit --- */

static void refuse_frame(LpcHeader header, const void *payload, size_t size, const char *message)
{
    Rig *rig = rig_new("double", NULL, 1);
    uint8_t bytes[LPC_HEADER_BYTES];
    lpc_header_encode(&rig->ends->crc, &header, bytes);
    CHECK(write(rig->ends->feed.fd, bytes, sizeof bytes) == LPC_HEADER_BYTES, "write");
    if (size) CHECK(write(rig->ends->feed.fd, payload, size) == (ssize_t)size, "write");
    int kind = ends_collect(rig->ends);
    CHECK(kind == LPC_FRAME_ERROR, "%d %s", kind, rig->ends->error.text);
    rig_end(rig, LPC_EXIT_FRAME, message);
}

static void frames_refused(void)
{
    int64_t sizes[2] = {4, 0}, high[2] = {65, 0}, negative[2] = {4, -1};
    uint8_t payload[80] = {0};
    memcpy(payload, sizes, 16);
    refuse_frame((LpcHeader){1, 0, UINT64_MAX, 0}, NULL, 0,
                 "bytes announced, the contract's bound is 320");
    refuse_frame((LpcHeader){1, 0, 8, 0}, NULL, 0, "the symbols alone have 16");
    refuse_frame((LpcHeader){1, 0, 84, 0}, payload, 16, "84 bytes announced, its sizes make 80");
    refuse_frame((LpcHeader){1, 0, 80, 0}, high, 16, "symbol 'n' is 65, allowed is 0 to 64");
    refuse_frame((LpcHeader){1, 0, 80, 0}, negative, 16, "symbol 'm' is -1");
    refuse_frame((LpcHeader){1, 0, 80, 1234}, payload, 80, "the payload's checksum is wrong");
    refuse_frame((LpcHeader){1, 3, 80, 0}, NULL, 0, "number 3 where 0 is due");
    refuse_frame((LpcHeader){7, 0, 80, 0}, NULL, 0, "unknown kind 7");
    refuse_frame((LpcHeader){2, 0, 1, 0}, NULL, 0, "an end frame with a payload");
    refuse_frame((LpcHeader){3, 0, 4000, 0}, NULL, 0, "an error frame of 4000 bytes");
}

/* --- overlap, back-pressure, signals --- */

/* Where two stages meet: each says that it is in its run, and waits there for the other. Shared by
 * their processes. */
static sem_t *meeting;

static int meet(int self)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    sem_post(&meeting[self]);
    return sem_timedwait(&meeting[!self], &until);
}

/* Adds one. The first stage's run on frame k + 1 meets the second one's on frame k, of frames 0 to
 * 9, whose first element is k, and k + 1 after the first stage. */
static int run_meeting(int self, const float *x, float *y)
{
    *y = *x + 1;
    if (self == 0 && *x < 1) return 0;
    if (self == 1 && *x > 9) return 0;
    return meet(self) ? LPC_RUN_VALUE : 0;
}

static int meeting_first(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                         void *state, const lpc_threads *threads)
{
    (void)sizes, (void)workspace, (void)state, (void)threads;
    return run_meeting(0, in[0], out[0]);
}

static int meeting_second(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                          void *state, const lpc_threads *threads)
{
    (void)sizes, (void)workspace, (void)state, (void)threads;
    return run_meeting(1, in[0], out[0]);
}

/* Two stages compute at the same time: each run but the first and the last waits for one of the
 * other stage. */
static void stages_overlap(void)
{
    meeting =
        mmap(NULL, 2 * sizeof *meeting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (meeting == MAP_FAILED || sem_init(&meeting[0], 1, 0) || sem_init(&meeting[1], 1, 0))
        abort();
    lpc_model models[2] = {fake_model("first", 0), fake_model("second", 1)};
    models[0].run = meeting_first;
    models[1].run = meeting_second;
    Ends *ends = ends_new(&models[0], &models[1]);
    Child second = child_start(&models[1], ends->listener.address, NULL);
    Child first = child_start(&models[0], second.address, NULL);
    CHECK(!ends_open(ends, first.address), "%s", ends->error.text);
    for (int i = 0; i < 10; i++) CHECK(!ends_feed(ends, 1, (float)i), "%s", ends->error.text);
    ends_finish(ends);
    for (int i = 0; i < 10; i++) {
        CHECK(ends_collect(ends) == LPC_FRAME_DATA, "frame %d: %s%s", i, ends->error.text,
              ends->collect_slot.error.text);
        CHECK(*(float *)ends->collect_slot.tensors[0] == (float)(i + 2), "frame %d", i);
    }
    CHECK(ends_collect(ends) == LPC_FRAME_END, "%s", ends->error.text);
    CHECK(child_wait(&first, text) == 0, "%s", text);
    CHECK(child_wait(&second, text) == 0, "%s", text);
    ends_free(ends);
    munmap(meeting, 2 * sizeof *meeting);
}

/* A stage that is fed with frames, by another process, which nobody collects for a while. */
static Rig *rig_uncollected(const char *kind, int64_t n, int frames, pid_t *feeder)
{
    Rig *rig = rig_new(kind, NULL, 0);
    int small = 16384; /* so that few small frames fill what lies between the ends */
    setsockopt(rig->ends->listener.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    CHECK(!ends_open(rig->ends, rig->child.address), "%s", rig->ends->error.text);
    fflush(stdout);
    *feeder = fork();
    if (*feeder == 0) {
        for (int i = 0; i < frames; i++)
            if (ends_feed(rig->ends, n, (float)i)) _exit(1);
        ends_finish(rig->ends);
        _exit(0);
    }
    usleep(300000);
    return rig;
}

/* The feeder must be held up, and nothing may be lost. */
static void hold_up(const char *kind, int64_t n, int frames)
{
    pid_t feeder;
    Rig *rig = rig_uncollected(kind, n, frames, &feeder);
    int status;
    CHECK(waitpid(feeder, &status, WNOHANG) == 0, "all went in though none came out");
    for (int i = 0; i < frames; i++) {
        int code = ends_collect(rig->ends);
        CHECK(code == LPC_FRAME_DATA, "%s", rig->ends->error.text);
        CHECK(((float *)rig->ends->collect_slot.tensors[0])[0] == 2.0f * (float)i, "frame %d", i);
        if (code != LPC_FRAME_DATA) break;
    }
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    waitpid(feeder, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "feeder");
    rig_end(rig, 0, NULL);
}

/* 120 MiB: every frame goes through the send thread. */
static void back_pressure(void)
{
    hold_up("big", BIG_MAX, 30);
}

/* Frames that leave from the compute thread until the socket is full, and by turns when it empties.
 */
static void back_pressure_small(void)
{
    hold_up("double", N_MAX, 40000);
}

static void sigterm_drains(void)
{
    Rig *rig = rig_new("sleep", NULL, 1);
    ends_feed(rig->ends, 3, 1);
    ends_feed(rig->ends, 3, 2);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    kill(rig->child.pid, SIGTERM); /* the second came while the first one ran, and runs now */
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    rig_end(rig, 0, NULL);
}

/* Nobody takes the results: it is obeyed all the same. */
__attribute__((unused)) static void sigterm_in_send(void)
{
    pid_t feeder;
    Rig *rig = rig_uncollected("big", BIG_MAX, 30, &feeder);
    uint64_t begin = lpc_now_ns();
    kill(rig->child.pid, SIGTERM);
    int status = child_wait(&rig->child, text);
    CHECK(status == 0 && lpc_now_ns() - begin < 1500000000u, "%d after %.1f s: %s", status,
          (double)(lpc_now_ns() - begin) * 1e-9, text);
    CHECK(strstr(text, "stopped before what was under way could be finished"), "%s", text);
    kill(feeder, SIGKILL);
    waitpid(feeder, NULL, 0);
    ends_free(rig->ends);
    free(rig);
}

static void sigterm_before_any(void)
{
    Rig *rig = rig_new("double", NULL, 0);
    kill(rig->child.pid, SIGTERM);
    rig_end(rig, 0, NULL);
}

static void statistics(void)
{
    char path[] = "/tmp/lpc-stats-XXXXXX", json[1024] = {0};
    int fd = mkstemp(path);
    char *const extra[] = {(char *)"--stats", path, (char *)"--threads", (char *)"3", NULL};
    Rig *rig = rig_new("sleep", extra, 1);
    for (int i = 0; i < 3; i++) {
        ends_feed(rig->ends, 3, 1);
        CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    }
    ends_finish(rig->ends);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    rig_end(rig, 0, NULL);
    CHECK(read(fd, json, sizeof json - 1) > 0, "empty");
    double ms = 0;
    const char *at = strstr(json, "\"compute_ms_median\":");
    CHECK(at && sscanf(at, "\"compute_ms_median\":%lf", &ms) == 1 && ms >= 20 && ms < 200, "%s",
          json);
    CHECK(strstr(json, "{\"stage\":\"sleep\",\"status\":0,\"frames\":3,") == json, "%s", json);
    CHECK(strstr(json, "\"peak_rss_bytes\":") != NULL, "%s", json);
    close(fd);
    unlink(path);
}

static void no_heap_after_start(void)
{
    char *const threads[] = {(char *)"--threads", (char *)"2", NULL};
    Rig *rig = rig_new("still", threads, 1);
    for (int n = 1; n <= N_MAX; n++) {
        ends_feed(rig->ends, n, 1);
        CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->collect_slot.error.text);
    }
    ends_finish(rig->ends);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    rig_end(rig, 0, NULL);
}

static void usage_errors(void)
{
    char *const bad[] = {(char *)"--threads", (char *)"0", NULL};
    char *const unknown[] = {(char *)"--nonsense", (char *)"1", NULL};
    lpc_model model = fake_model("double", 0);
    Child child = child_start(&model, "127.0.0.1:1", bad);
    CHECK(child_wait(&child, text) == LPC_EXIT_USAGE && strstr(text, "--threads"), "%s", text);
    child = child_start(&model, "127.0.0.1:1", unknown);
    CHECK(child_wait(&child, text) == LPC_EXIT_USAGE && strstr(text, "--nonsense"), "%s", text);
    child = child_start(&model, "nowhere", NULL);
    CHECK(child_wait(&child, text) == LPC_EXIT_USAGE && strstr(text, "HOST:PORT"), "%s", text);
    Ends *ends = ends_new(&model, &model);
    char *const taken[] = {(char *)"--listen", ends->listener.address, NULL};
    child = child_start(&model, "127.0.0.1:1", taken);
    CHECK(child_wait(&child, text) == LPC_EXIT_SYSTEM && strstr(text, "cannot listen"), "%s", text);
    ends_free(ends);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN_CASE(frames_pass);
    RUN_CASE(guarded);
    RUN_CASE(three_stages);
    RUN_CASE(size_from_a_node);
    RUN_CASE(state_restarts);
    RUN_CASE(state_is_bounded);
    RUN_CASE(run_error);
    RUN_CASE(handshakes_refused);
    RUN_CASE(both_see_a_mismatch);
    RUN_CASE(nobody_connects);
    RUN_CASE(nobody_listens);
    RUN_CASE(impatient_clients);
    RUN_CASE(in_line);
    RUN_CASE(silent_connections);
    RUN_CASE(silent_in_frame);
    RUN_CASE(feeder_leaves);
    RUN_CASE(feeder_leaves_in_frame);
    RUN_CASE(collector_leaves);
    RUN_CASE(serve_survives);
    RUN_CASE(frames_refused);
    RUN_CASE(stages_overlap);
    RUN_CASE(back_pressure);
    RUN_CASE(back_pressure_small);
    RUN_CASE(sigterm_drains);
#ifndef __SANITIZE_THREAD__ /* which waits for a second at _exit, and takes threads that live for leaks */
    RUN_CASE(sigterm_in_send);
#endif
    RUN_CASE(sigterm_before_any);
    RUN_CASE(statistics);
    RUN_CASE(no_heap_after_start);
    RUN_CASE(usage_errors);
    return failures != 0;
}
