/* `lpc serve OUT`: a pipeline for many clients, and `lpc serve-packages OUT`: programs for devices that fetch them.
 * Until SIGTERM. */
#include "tools/lpc/command.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int stop_pipe[2]; /* a signal's handler has no other way */

static void stop(int number)
{
    (void)number;
    if (write(stop_pipe[1], "", 1) < 0) return;
}

static int keys_pipe[2];

static void read_keys(int number)
{
    (void)number;
    if (write(keys_pipe[1], "", 1) < 0) return;
}

static void print_address(void *user, const char *what, const char *address)
{
    (void)user;
    printf("listening for %s on %s\n", what, address);
    (void)fflush(stdout);
}

static void print_line(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "lpc serve: %s\n", line);
}

static int catch_signals(void)
{
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) || pipe2(keys_pipe, O_CLOEXEC | O_NONBLOCK)) {
        perror("lpc: error: pipe");
        return -1;
    }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    return 0;
}

int command_serve(lpc_compiler *c, const Words *words)
{
    if (!words->count) return usage_error("serve", "missing 'OUT', the folder that lpc made");
    if (!lpc_get(c, "connect") && !lpc_get(c, "hosts"))
        return usage_error("serve",
                           "missing --connect or --hosts: where the pipeline's stages are");
    if (!lpc_get(c, "listen") && !lpc_get(c, "http"))
        return usage_error("serve", "missing --listen or --http: where clients connect");
    if (catch_signals()) return LPC_STATUS_ERROR;
    struct sigaction action = {.sa_handler = read_keys};
    if (lpc_get(c, "keys") || lpc_get(c, "hosts")) sigaction(SIGHUP, &action, NULL);
    lpc_service service = {NULL, print_address, print_line, stop_pipe[0], keys_pipe[0]};
    return (int)lpc_serve_package(c, words->list[0], &service);
}

static void print_plain(void *user, const char *line)
{
    (void)user;
    puts(line);
    (void)fflush(stdout);
}

int command_serve_packages(lpc_compiler *c, const Words *words)
{
    if (!words->count)
        return usage_error("serve-packages", "missing 'OUT', the folder that lpc made");
    if (catch_signals()) return LPC_STATUS_ERROR;
    lpc_service service = {NULL, NULL, print_plain, stop_pipe[0], -1};
    return (int)lpc_serve_packages(c, words->list[0], &service);
}
