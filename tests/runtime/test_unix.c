/* Unix sockets as links: who may connect, what is left of a listener before, addresses. (What links do is the same
 * for all transports: test_link.c; whole pipelines: tests/scripts/unix.sh.) */
#include "tests/runtime/fake.h"

#include "runtime/sockets.h"

#include <sys/stat.h>

static char folder[] = "/tmp/lpc-unix-XXXXXX", address[64];

static int listen_there(const char *path, LpcListener *listener, LpcError *error)
{
    *error = (LpcError){0};
    return lpc_transport_unix.listen(path, listener, error);
}

static void connects(void)
{
    LpcListener listener;
    LpcError error;
    LpcLink here = {.fd = -1, .timeout_ms = PATIENCE_MS, .stop_fd = -1}, there = here;
    struct stat status;
    CHECK(!listen_there(address + 5, &listener, &error), "%s", error.text);
    CHECK(strcmp(listener.address, address) == 0, "%s", listener.address);
    CHECK(!stat(address + 5, &status) && S_ISSOCK(status.st_mode) &&
              (status.st_mode & 0777) == 0600,
          "mode %o", status.st_mode);
    CHECK(!lpc_transport_unix.connect(address + 5, PATIENCE_MS, -1, NULL, &here, &error), "%s",
          error.text);
    CHECK(strcmp(here.peer, address) == 0, "%s", here.peer);
    CHECK(!lpc_transport_unix.accept(&listener, PATIENCE_MS, -1, &there, &error), "%s", error.text);
    char expected[40];
    snprintf(expected, sizeof expected, "process %d at unix:/tmp/", (int)getpid());
    CHECK(strncmp(there.peer, expected, strlen(expected)) == 0, "%s", there.peer);
    LpcWriter writer = lpc_link_writer(&here);
    LpcReader reader = lpc_link_reader(&there);
    char text[] = "frame", got[sizeof text];
    struct iovec piece = {text, sizeof text};
    CHECK(!writer.write(writer.self, &piece, 1, &error), "%s", error.text);
    CHECK(!reader.read(reader.self, got, sizeof got, 1, &error) && strcmp(got, text) == 0, "%s",
          error.text);
    lpc_link_close(&here);
    CHECK(lpc_link_has_ended(&there), "the other end has left");
    lpc_link_close(&there);

    LpcListener second;
    CHECK(listen_there(address + 5, &second, &error) == LPC_EXIT_SYSTEM &&
              strstr(error.text, "in use"),
          "two listeners: %s", error.text);
    close(listener.fd);
}

/* After `connects`: its file is there, and nobody listens. */
static void replaces_what_is_stale(void)
{
    LpcListener listener;
    LpcError error = {0};
    LpcLink link = {.fd = -1, .timeout_ms = PATIENCE_MS, .stop_fd = -1};
    CHECK(lpc_transport_unix.connect(address + 5, 30, -1, NULL, &link, &error) ==
                  LPC_EXIT_MISSING &&
              strstr(error.text, "within 0.03 s: Connection refused"),
          "%s", error.text);
    CHECK(!listen_there(address + 5, &listener, &error), "%s", error.text);
    CHECK(lpc_transport_unix.accept(&listener, 10, -1, &link, &error) == LPC_EXIT_MISSING, "%s",
          error.text);
    close(listener.fd);
    CHECK(!unlink(address + 5), "unlink");
    FILE *file = fopen(address + 5, "w"); /* no socket: it stays */
    CHECK(file && !fclose(file), "a file");
    CHECK(listen_there(address + 5, &listener, &error) == LPC_EXIT_SYSTEM, "%s", error.text);
    CHECK(!unlink(address + 5), "unlink");
    error = (LpcError){0};
    CHECK(lpc_transport_unix.connect(address + 5, 30, -1, NULL, &link, &error) ==
                  LPC_EXIT_MISSING &&
              strstr(error.text, "No such file"),
          "%s", error.text);
}

static void addresses(void)
{
    char path[200] = "/";
    LpcError error = {0};
    LpcListener listener;
    memset(path + 1, 'x', 106);
    CHECK(!lpc_transport_unix.check(path, &error), "%s", error.text);
    path[107] = 'y';
    CHECK(lpc_transport_unix.check(path, &error) == LPC_EXIT_USAGE &&
              strstr(error.text, "the path has 108 bytes, a Unix socket's may have 107"),
          "%s", error.text);
    CHECK(listen_there(path, &listener, &error) == LPC_EXIT_USAGE, "%s", error.text);
    static const struct {
        const char *text, *rest;
        const LpcTransport *transport;
    } cases[] = {
        {"unix:/tmp/a", "/tmp/a", &lpc_transport_unix}, {"unix:./a", "./a", &lpc_transport_unix},
        {"unix:80", "unix:80", &lpc_transport_tcp},     {"tcp:80", "tcp:80", &lpc_transport_tcp},
        {"tcp:pi:80", "pi:80", &lpc_transport_tcp},     {"pi:80", "pi:80", &lpc_transport_tcp},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        const LpcTransport *transport = lpc_transport_find(&text);
        CHECK(transport == cases[i].transport && strcmp(text, cases[i].rest) == 0, "%s: %s",
              cases[i].text, text);
    }
}

int main(void)
{
    if (!mkdtemp(folder)) abort();
    snprintf(address, sizeof address, "unix:%s/stage", folder);
    RUN_CASE(connects);
    RUN_CASE(replaces_what_is_stale);
    RUN_CASE(addresses);
    CHECK(!rmdir(folder), "rmdir");
    return failures != 0;
}
