/* Figures of stages: their bytes, and what a stage answers while it works, waits or is held up. */
#include "tests/runtime/fake.h"

#include "runtime/figures.h"

#include <poll.h>

static LpcCrc crc;
static char text[CHILD_TEXT];

/* ---- Bytes ---- */

static LpcFigures some(void)
{
    LpcFigures f = {.name = "pi"};
    uint64_t next = 1;
    for (int i = 0; i < 32; i++) f.build_id[i] = (uint8_t)(100 + i);
#define X(field, meaning) f.field = next++ << 40;
    LPC_FIGURES_LONG(X)
#undef X
#define X(field, meaning) f.field = (uint32_t)next++ << 20;
    LPC_FIGURES_SHORT(X)
#undef X
    return f;
}

static void round_trip(void)
{
    uint8_t bytes[LPC_FIGURES_BYTES];
    LpcFigures f = some(), back;
    LpcError error = {0};
    uint64_t word;
    uint32_t half;
    lpc_figures_encode(&crc, &f, bytes);
    CHECK(!lpc_figures_decode(&crc, bytes, "peer", &back, &error), "%s", error.text);
    CHECK(!strcmp(back.name, f.name) && !memcmp(back.build_id, f.build_id, 32), "names");
#define X(field, meaning) CHECK(back.field == f.field, #field);
    LPC_FIGURES_LONG(X)
    LPC_FIGURES_SHORT(X)
#undef X
    /* As docs/wire.md has it. */
    memcpy(&word, bytes + 112, 8);
    CHECK(!memcmp(bytes, "LPC-STAT\1\0\0\0\0\1\0\0pi", 18) && word == f.up_ns, "the beginning");
    memcpy(&word, bytes + 208, 8);
    memcpy(&half, bytes + 216, 4);
    CHECK(word == f.turn_ns && half == f.threads, "the middle");
    memcpy(&half, bytes + 244, 4);
    CHECK(half == f.out_bound && bytes[80] == 100 && !bytes[248], "the end");
}

/* Each changed byte is noticed, and says what is wrong. */
static void refusals(void)
{
    uint8_t bytes[LPC_FIGURES_BYTES];
    LpcFigures f = some(), back;
    lpc_figures_encode(&crc, &f, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        LpcError error = {0};
        const char *why = i < 8    ? "something else than figures"
                          : i < 16 ? "figures of version"
                                   : "checksum is wrong";
        bytes[i] ^= 0x10;
        CHECK(lpc_figures_decode(&crc, bytes, "peer", &back, &error) && strstr(error.text, why),
              "byte %zu: %s", i, error.text);
        bytes[i] ^= 0x10;
    }
    LpcError error = {0};
    memset(bytes + 16, 'x', LPC_FIGURES_NAME);
    uint32_t sum = lpc_crc(&crc, 0, bytes, LPC_FIGURES_BYTES - 4);
    memcpy(bytes + LPC_FIGURES_BYTES - 4, &sum, 4);
    CHECK(lpc_figures_decode(&crc, bytes, "peer", &back, &error) == LPC_EXIT_FRAME, "a long name");
}

/* ---- A stage ---- */

typedef struct Rig {
    lpc_model model;
    Ends *ends;
    Child child;
} Rig;

static Rig *rig_new(const char *kind, char *const *extra)
{
    Rig *rig = calloc(1, sizeof *rig);
    rig->model = fake_model(kind, 0);
    rig->ends = ends_new(&rig->model, &rig->model);
    rig->child = child_start(&rig->model, rig->ends->listener.address, extra);
    return rig;
}

static int ask_as(const Rig *rig, const lpc_contract *at, LpcFigures *f, LpcError *error)
{
    LpcLink link = {.fd = -1, .timeout_ms = PATIENCE_MS, .stop_fd = -1};
    LpcHello own = lpc_hello_at(at, 0);
    int code = lpc_transport_tcp.connect(rig->child.address, PATIENCE_MS, -1, NULL, &link, error);
    if (!code) code = lpc_ask_figures(&link, &crc, &own, f, error);
    lpc_link_close(&link);
    return code;
}

static LpcFigures ask(const Rig *rig)
{
    LpcFigures f = {0};
    LpcError error = {0};
    CHECK(!ask_as(rig, &rig->model.in, &f, &error), "%s", error.text);
    return f;
}

static void rig_end(Rig *rig)
{
    kill(rig->child.pid, SIGTERM);
    int status = child_wait(&rig->child, text);
    CHECK(!status && !strstr(text, " error "), "status %d: %s", status, text);
    ends_free(rig->ends);
    free(rig);
}

static char *const serves[] = {(char *)"--serve", NULL};
static const uint64_t ms = 1000000;

/* Asked before, during and after a stream. */
static void counts(void)
{
    Rig *rig = rig_new("sleep", serves); /* 20 ms a frame */
    LpcFigures f = ask(rig);
    CHECK(!f.streams && !f.serving && !f.frames_in && !f.input_ns && f.up_ns, "nothing yet");
    CHECK(!strcmp(f.name, "sleep") && f.threads == 1 && f.in_bound == 2 && f.streams_most == 1 &&
              !memcmp(f.build_id, rig->model.build_id, 32),
          "what it is");
    CHECK(!ends_open(rig->ends, rig->child.address), "%s", rig->ends->error.text);
    for (int i = 0; i < 5; i++) {
        ends_feed(rig->ends, 3, 1);
        CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    }
    usleep(60000);
    f = ask(rig);
    CHECK(f.serving == 1 && f.streams == 1 && f.frames_in == 5 && f.frames_out == 5, "frames");
    CHECK(f.bytes_in == 5 * (64 + 12) && f.bytes_out == f.bytes_in, "%d, %d bytes", (int)f.bytes_in,
          (int)f.bytes_out);
    CHECK(f.compute_ns > 90 * ms && f.compute_ns < 1000 * ms, "%d ms", (int)(f.compute_ns / ms));
    CHECK(f.input_ns > 50 * ms && f.output_ns < f.input_ns, "the present wait counts");
    CHECK(f.compute_ns + f.input_ns + f.output_ns + f.turn_ns <= f.up_ns, "no more than there is");
    ends_feed(rig->ends, 3, 1);
    usleep(10000);
    CHECK(ask(rig).compute_ns > f.compute_ns + 3 * ms, "the present frame counts");
    ends_finish(rig->ends);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_DATA, "%s", rig->ends->error.text);
    CHECK(ends_collect(rig->ends) == LPC_FRAME_END, "%s", rig->ends->error.text);
    for (int i = 0; i < 100 && ask(rig).serving; i++) usleep(5000);
    f = ask(rig);
    usleep(20000);
    CHECK(!f.serving && ask(rig).input_ns == f.input_ns, "nobody waits without a stream");
    rig_end(rig);
}

/* Nobody reads what it sends: it is held up, and its queues are full. */
static void held_up(void)
{
    Rig *rig = rig_new("double", serves);
    CHECK(!ends_open(rig->ends, rig->child.address), "%s", rig->ends->error.text);
    LpcFigures f = {0};
    int sent = 0;
    struct pollfd room = {rig->ends->feed.fd, POLLOUT, 0};
    for (; sent < 1000000 && poll(&room, 1, 200) > 0; sent++) ends_feed(rig->ends, N_MAX, 1);
    f = ask(rig);
    CHECK(f.out_queued == f.out_bound && f.in_queued == f.in_bound, "%d of %d, %d of %d",
          (int)f.out_queued, (int)f.out_bound, (int)f.in_queued, (int)f.in_bound);
    CHECK(f.output_ns > 80 * ms && f.frames_out < (uint64_t)sent, "%d ms, %d of %d",
          (int)(f.output_ns / ms), (int)f.frames_out, sent);
    rig_end(rig);
}

/* Who does not know the cut is told nothing, and sent away; that is counted. */
static void strangers(void)
{
    Rig *rig = rig_new("double", serves);
    uint8_t id[32] = {1};
    lpc_contract other = rig->model.in;
    other.id = id;
    LpcFigures f;
    LpcError error = {0};
    CHECK(ask_as(rig, &other, &f, &error) == LPC_EXIT_BUILD, "%s", error.text);
    CHECK(ask(rig).refused == 1, "counted");
    rig_end(rig);
}

int main(void)
{
    lpc_crc_init(&crc, LPC_CRC_BEST);
    signal(SIGPIPE, SIG_IGN);
    RUN_CASE(round_trip);
    RUN_CASE(refusals);
    RUN_CASE(counts);
    RUN_CASE(held_up);
    RUN_CASE(strangers);
    return failures != 0;
}
