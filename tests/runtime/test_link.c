/* Waiting on a link: how long it goes on without sleep, and that it still ends as it should. */
#include "tests/runtime/fake.h"

enum {
    ENOUGH = 100000
}; /* bytes that buy all the time that can be bought; fit a socket's buffer */

static int pair[2]; /* the test writes into pair[0]; the link reads from pair[1] */
static char bytes[ENOUGH];

static LpcLink link_new(void)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) abort();
    return (LpcLink){.fd = pair[1], .timeout_ms = 10, .stop_fd = -1, .peer = "the test"};
}

static void link_end(LpcLink *link)
{
    lpc_link_close(link);
    close(pair[0]);
}

/* A read of so many bytes. */
static int get(LpcLink *link, size_t size, int idle, LpcError *error)
{
    LpcReader reader = lpc_link_reader(link);
    *error = (LpcError){0};
    return reader.read(reader.self, bytes, size, idle, error);
}

static void put(size_t size)
{
    CHECK(write(pair[0], bytes, size) == (ssize_t)size, "write");
}

static void bytes_buy_time(void)
{
    LpcLink link = link_new();
    LpcError error;
    put(1000);
    CHECK(!get(&link, 600, 0, &error) && link.awake_ns == 600, "%u", (unsigned)link.awake_ns);
    CHECK(!get(&link, 400, 1, &error) && link.awake_ns == 1000, "%u", (unsigned)link.awake_ns);
    put(ENOUGH);
    CHECK(!get(&link, ENOUGH, 0, &error), "%s", error.text);
    uint64_t most = link.awake_ns;
    CHECK(most >= 1000 && most < ENOUGH, "%u", (unsigned)most);
    put(ENOUGH);
    CHECK(!get(&link, ENOUGH, 0, &error) && link.awake_ns == most, "%u", (unsigned)link.awake_ns);
    link_end(&link);
}

/* In vain: what was bought is spent once; the time limit holds all the same. */
static void vain_is_paid_once(void)
{
    LpcLink link = link_new();
    LpcError error;
    put(ENOUGH);
    CHECK(!get(&link, ENOUGH, 0, &error), "%s", error.text);
    for (int i = 0; i < 2; i++) {
        CHECK(get(&link, 1, 0, &error) == LPC_EXIT_LEFT && strstr(error.text, "stalled for 0.01 s"),
              "%s", error.text);
        CHECK(link.awake_ns == 0 && link.vain == 1, "%u %d", (unsigned)link.awake_ns, link.vain);
    }
    link_end(&link);
}

/* Awake or asleep, an idle wait sees the stop, and that no sign of life comes. */
static void idle_sees_the_rest(void)
{
    LpcLink link = link_new();
    LpcError error;
    int stop[2];
    if (pipe(stop)) abort();
    link.silence_ms = 5;
    for (int awake = 0; awake < 2; awake++) {
        link.awake_ns = awake ? 10000 : 0;
        link.silent = 0;
        CHECK(get(&link, 1, 1, &error) == LPC_EXIT_LEFT && link.silent &&
                  strstr(error.text, "no sign of life for 0.005 s"),
              "%s", error.text);
    }
    link.silent = 0; /* nor in a frame */
    CHECK(get(&link, 1, 0, &error) == LPC_EXIT_LEFT && link.silent, "%s", error.text);
    link.silence_ms = 0;
    link.stop_fd = stop[0];
    CHECK(write(stop[1], "", 1) == 1, "write");
    for (int awake = 0; awake < 2; awake++) {
        link.awake_ns = awake ? 10000 : 0;
        CHECK(get(&link, 1, 1, &error) == LPC_STOPPED, "%s", error.text);
    }
    put(1); /* what has begun is read before the stop */
    CHECK(!get(&link, 1, 0, &error), "%s", error.text);
    close(stop[0]);
    close(stop[1]);
    link_end(&link);
}

/* A writer waits asleep: a neighbour that computes may not read for long. */
static void writer_sleeps(void)
{
    LpcLink link = link_new();
    LpcError error = {0};
    put(1000);
    CHECK(!get(&link, 1000, 0, &error), "%s", error.text);
    fflush(stdout);
    pid_t reader = fork();
    if (reader == 0) {
        char part[4096];
        close(pair[1]);
        while (read(pair[0], part, sizeof part) > 0) continue;
        _exit(0);
    }
    LpcWriter writer = lpc_link_writer(&link);
    for (int i = 0; i < 50; i++) { /* more than fits: it must wait */
        struct iovec piece = {bytes, sizeof bytes};
        CHECK(!writer.write(writer.self, &piece, 1, &error), "%s", error.text);
    }
    CHECK(link.awake_ns == 1000 && link.vain == 0, "%u %d", (unsigned)link.awake_ns, link.vain);
    close(pair[0]);
    lpc_link_close(&link);
    int status;
    CHECK(waitpid(reader, &status, 0) == reader && status == 0, "reader");
}

/* What was sent before the end counts. */
static void end_comes_last(void)
{
    LpcLink link = link_new();
    LpcError error;
    CHECK(!lpc_link_has_ended(&link), "it is open");
    put(2);
    shutdown(pair[0], SHUT_WR);
    CHECK(!lpc_link_has_ended(&link), "two bytes are to be read");
    CHECK(!get(&link, 2, 0, &error), "%s", error.text);
    CHECK(lpc_link_has_ended(&link), "all is read");
    link_end(&link);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN_CASE(bytes_buy_time);
    RUN_CASE(vain_is_paid_once);
    RUN_CASE(idle_sees_the_rest);
    RUN_CASE(writer_sleeps);
    RUN_CASE(end_comes_last);
    return failures != 0;
}
