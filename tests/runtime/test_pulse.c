/* Stages that stay up: results that are fetched, streams at once, signs of life, ends that lose nothing. */
#include "tests/runtime/fake.h"

static char text[CHILD_TEXT];

/* Three stages that stay up. */
typedef struct Rig {
    lpc_model models[3];
    Child children[3];
    Ends *ends;
} Rig;

/* A beat in each 50 ms: who is silent for 150 ms hangs. */
static char *const lively[] = {(char *)"--serve", (char *)"--heartbeat", (char *)"0.1", NULL};
static char *const serving[] = {(char *)"--serve", NULL};
static char *const two_streams[] = {(char *)"--serve", (char *)"--streams", (char *)"2", NULL};

static void rig_start(Rig *rig, int i, char *const *extra)
{
    rig->children[i] =
        child_start(&rig->models[i], i < 2 ? rig->children[i + 1].address : NULL, extra);
}

static Rig *rig_new(lpc_run_fn *second, char *const *extra)
{
    static const char *const names[] = {"first", "second", "third"};
    Rig *rig = calloc(1, sizeof *rig);
    for (int i = 2; i >= 0; i--) {
        rig->models[i] = fake_model(names[i], (uint32_t)i);
        if (i == 1 && second) rig->models[i].run = second;
        rig_start(rig, i, extra);
    }
    rig->ends = ends_new(&rig->models[0], &rig->models[2]);
    return rig;
}

static int rig_fetch(Rig *rig, Ends *ends)
{
    ends_close(ends);
    return ends_fetch(ends, rig->children[0].address, rig->children[2].address, 0);
}

/* Ends all stages; said: what one of them must have said, and its index. */
static void rig_end(Rig *rig, int index, const char *said)
{
    ends_free(rig->ends);
    for (int i = 0; i < 3; i++) {
        kill(rig->children[i].pid, SIGTERM);
        CHECK(child_wait(&rig->children[i], text) == 0, "%s", text);
        if (i == index) CHECK(strstr(text, said), "wanted '%s': %s", said, text);
    }
    free(rig);
}

/* Frames first to last - 1 go through, and eightfold values come out. */
static void pass(Ends *ends, int first, int last)
{
    for (int i = first; i < last; i++) {
        CHECK(!ends_feed(ends, 2, (float)i), "%s", ends->error.text);
        int kind = ends_collect(ends);
        CHECK(kind == LPC_FRAME_DATA, "frame %d: %d %s%s", i, kind, ends->error.text,
              ends->collect_slot.error.text);
        CHECK(((float *)ends->collect_slot.tensors[0])[0] == 8.0f * (float)i, "frame %d", i);
    }
}

static void finish(Ends *ends)
{
    CHECK(!ends_finish(ends), "%s", ends->error.text);
    CHECK(ends_collect(ends) == LPC_FRAME_END, "%s", ends->error.text);
}

static void results_are_fetched(void)
{
    Rig *rig = rig_new(NULL, serving);
    for (int stream = 0; stream < 3; stream++) {
        CHECK(!rig_fetch(rig, rig->ends), "%s", rig->ends->error.text);
        pass(rig->ends, 0, 5);
        finish(rig->ends);
    }
    rig_end(rig, -1, NULL);
}

/* A stream whose client does not wait at the last stage, or no longer, is sent away there. */
static void unwanted_results(void)
{
    lpc_model model = fake_model("double", 0);
    Child child = child_start(&model, NULL, serving);
    Ends *ends = ends_new(&model, &model);
    for (int attached = 0; attached < 2; attached++) {
        CHECK(!lpc_stream_draw(ends->stream, &ends->error), "%s", ends->error.text);
        LpcHello hello = ends_hello(ends, ends->out.contract);
        if (attached) {
            CHECK(!lpc_transport_tcp.connect(child.address, PATIENCE_MS, -1, NULL, &ends->collect,
                                             &ends->error),
                  "%s", ends->error.text);
            CHECK(!lpc_greet(&ends->collect, NULL, &ends->crc, &hello, NULL, &ends->error), "%s",
                  ends->error.text);
            lpc_link_close(&ends->collect);
        }
        hello = ends_hello(ends, ends->in.contract);
        CHECK(!ends_connect(ends, child.address), "%s", ends->error.text);
        CHECK(lpc_greet(&ends->feed, NULL, &ends->crc, &hello, NULL, &ends->error) ==
                  LPC_EXIT_STALE,
              "%s", ends->error.text);
        ends_close(ends);
    }
    CHECK(!ends_fetch(ends, child.address, child.address, 0), "%s", ends->error.text);
    CHECK(!ends_feed(ends, 1, 21) && ends_collect(ends) == LPC_FRAME_DATA, "%s", ends->error.text);
    finish(ends);
    ends_free(ends);
    kill(child.pid, SIGTERM);
    CHECK(child_wait(&child, text) == 0 && strstr(text, "brings a stream of before"), "%s", text);
}

/* Two clients with state of their own take turns; a third one follows when one has ended. */
static void streams_at_once(void)
{
    enum { CLIENTS = 3, STEPS = 6 };
    lpc_model model = fake_model("sum", 0);
    Child child = child_start(&model, NULL, two_streams);
    Ends *clients[CLIENTS];
    float sums[CLIENTS] = {0};
    for (int c = 0; c < CLIENTS; c++) clients[c] = ends_new(&model, &model);
    for (int c = 0; c < 2; c++)
        CHECK(!ends_fetch(clients[c], child.address, child.address, 0), "%s",
              clients[c]->error.text);
    for (int step = 0; step < STEPS; step++)
        for (int c = 0; c < 2; c++) {
            float x = (float)(10 * c + step);
            sums[c] += x;
            CHECK(!ends_feed(clients[c], 1, x), "%s", clients[c]->error.text);
            CHECK(ends_collect(clients[c]) == LPC_FRAME_DATA, "%s", clients[c]->error.text);
            CHECK(((float *)clients[c]->collect_slot.tensors[0])[0] ==
                      sums[c] + 1000.0f * (float)step,
                  "client %d, step %d", c, step);
        }
    pid_t third = fork();
    if (third == 0) {
        Ends *ends = clients[2];
        int code = ends_fetch(ends, child.address, child.address, 0);
        if (!code) code = ends_feed(ends, 1, 5);
        if (!code) code = ends_collect(ends) != LPC_FRAME_DATA;
        if (!code) code = ((float *)ends->collect_slot.tensors[0])[0] != 5;
        _exit(code);
    }
    int status = -1;
    usleep(200000);
    CHECK(waitpid(third, &status, WNOHANG) == 0, "served beside two");
    finish(clients[0]);
    ends_close(clients[0]);
    CHECK(waitpid(third, &status, 0) == third && status == 0, "%d", status);
    finish(clients[1]);
    for (int c = 0; c < CLIENTS; c++) ends_free(clients[c]);
    kill(child.pid, SIGTERM);
    CHECK(child_wait(&child, text) == 0, "%s", text);
}

/* A stage that stands still is named at both ends of the pipeline; when it goes on, all do. */
static void hung_stage(void)
{
    Rig *rig = rig_new(NULL, lively);
    Ends *ends = rig->ends;
    CHECK(!rig_fetch(rig, ends), "%s", ends->error.text);
    pass(ends, 0, 3);
    usleep(120000); /* for two beats */
    kill(rig->children[1].pid, SIGSTOP);
    uint64_t begin = lpc_now_ns();
    CHECK(ends_collect(ends) == LPC_FRAME_ERROR, "%s", ends->error.text);
    uint64_t took = lpc_now_ns() - begin;
    const char *why = ends->collect_slot.error.text;
    CHECK(strstr(why, "stage 'third': the neighbour before, 127.0.0.1:") &&
              strstr(why, "(stage 'second') gives no sign of life for 0.15 s; it had finished 3 "
                          "frames, and waited for frames"),
          "%s", why);
    CHECK(took < 1000000000u, "after %.2f s", (double)took * 1e-9);
    LpcReader reader = lpc_link_reader(&ends->feed);
    LpcSlot slot = {0};
    do CHECK(!lpc_receive_back(&reader, &ends->crc, &slot, &ends->error), "%s", ends->error.text);
    while (slot.header.kind == LPC_FRAME_BEAT && !ends->error.code);
    CHECK(strstr(slot.error.text, "stage 'first': the neighbour after, 127.0.0.1:") &&
              strstr(slot.error.text, "(stage 'second') gives no sign of life"),
          "%s", slot.error.text);
    kill(rig->children[1].pid, SIGCONT);
    CHECK(!rig_fetch(rig, ends), "%s", ends->error.text);
    pass(ends, 0, 3);
    finish(ends);
    rig_end(rig, 0, "(stage 'second') gives no sign of life for 0.15 s");
}

static int run_long(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                    void *state, const lpc_threads *threads)
{
    usleep(700000);
    return fake_double(in, out, sizes, workspace, state, threads);
}

/* One that computes for longer than the heartbeat does not. */
static void long_computation(void)
{
    Rig *rig = rig_new(run_long, lively);
    CHECK(!rig_fetch(rig, rig->ends), "%s", rig->ends->error.text);
    pass(rig->ends, 0, 2);
    finish(rig->ends);
    rig_end(rig, -1, NULL);
}

/* A client that says that it beats, and does not, ends; so does one that left. The next one is served soon. */
static void clients_that_vanish(void)
{
    Rig *rig = rig_new(NULL, lively);
    for (int left = 0; left < 2; left++) {
        Ends *gone = ends_new(&rig->models[0], &rig->models[2]);
        CHECK(!ends_fetch(gone, rig->children[0].address, rig->children[2].address, left ? 0 : 50),
              "%s", gone->error.text);
        CHECK(!ends_feed(gone, 1, 1), "%s", gone->error.text);
        if (left) ends_close(gone);
        uint64_t begin = lpc_now_ns();
        CHECK(!rig_fetch(rig, rig->ends), "%s", rig->ends->error.text);
        pass(rig->ends, 0, 2);
        CHECK(lpc_now_ns() - begin < 1000000000u, "after %.2f s",
              (double)(lpc_now_ns() - begin) * 1e-9);
        finish(rig->ends);
        ends_close(rig->ends);
        ends_free(gone);
    }
    rig_end(rig, 0, "the neighbour before, 127.0.0.1:");
}

/* Beats that nobody reads any more do not destroy the results that are under way. */
static void late_reader(void)
{
    enum { FRAMES = 4 };
    lpc_model model = fake_model("big", 0);
    Child child = child_start(&model, NULL, NULL);
    Ends *ends = ends_new(&model, &model);
    CHECK(!ends_fetch(ends, child.address, child.address, 0), "%s", ends->error.text);
    fflush(stdout);
    pid_t feeder = fork();
    if (feeder == 0) {
        for (int i = 0; i < FRAMES; i++)
            if (ends_feed(ends, BIG_MAX / FRAMES, (float)i)) _exit(1);
        _exit(ends_finish(ends));
    }
    int status = -1;
    LpcWriter writer = lpc_link_writer(&ends->collect);
    for (int i = 0; i < 30; i++) {
        LpcBeat beat = {.name = "the client"};
        usleep(10000);
        CHECK(!lpc_send_beat(&writer, &ends->crc, 0, &beat, &ends->error), "%s", ends->error.text);
    }
    for (int i = 0; i < FRAMES; i++)
        CHECK(ends_collect(ends) == LPC_FRAME_DATA, "frame %d: %s", i, ends->error.text);
    CHECK(ends_collect(ends) == LPC_FRAME_END, "%s", ends->error.text);
    CHECK(waitpid(feeder, &status, 0) == feeder && status == 0, "%d", status);
    ends_free(ends);
    CHECK(child_wait(&child, text) == 0 && !*text, "%s", text);
}

/* A stage dies and comes back at its address: those before it go on with a new stream, and say why one broke. */
static void stage_comes_back(void)
{
    Rig *rig = rig_new(NULL, lively);
    char address[LPC_PEER_BYTES];
    CHECK(!rig_fetch(rig, rig->ends), "%s", rig->ends->error.text);
    pass(rig->ends, 0, 2);
    memcpy(address, rig->children[1].address, sizeof address);
    kill(rig->children[1].pid, SIGKILL);
    CHECK(child_wait(&rig->children[1], text) == -SIGKILL, "%s", text);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_ERROR, "%s", rig->ends->error.text);
    char *const again[] = {
        (char *)"--serve", (char *)"--heartbeat", (char *)"0.1", (char *)"--listen", address, NULL};
    rig_start(rig, 1, again);
    uint64_t begin = lpc_now_ns();
    CHECK(!rig_fetch(rig, rig->ends), "%s", rig->ends->error.text);
    pass(rig->ends, 0, 2);
    CHECK(lpc_now_ns() - begin < 2000000000u, "after %.2f s",
          (double)(lpc_now_ns() - begin) * 1e-9);
    finish(rig->ends);
    rig_end(rig, 0, "the neighbour after, 127.0.0.1:");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN_CASE(results_are_fetched);
    RUN_CASE(unwanted_results);
    RUN_CASE(streams_at_once);
    RUN_CASE(hung_stage);
    RUN_CASE(long_computation);
    RUN_CASE(clients_that_vanish);
    RUN_CASE(late_reader);
    RUN_CASE(stage_comes_back);
    return failures != 0;
}
