/* The stage: receive, compute and send overlap, each in its own thread.
 *
 *    link in -> [receive thread] -> queue -> [compute thread] -> queue -> [send thread] -> link out
 *
 * The next input arrives while the present one is computed and the last output leaves. Tensors are
 * read where they were received and written where they are sent from. A small output leaves from
 * the compute thread while the other has nothing to send. A stream is one connection from its client's
 * side; its first error is its cause and ends all its threads. A stage serves as many streams at once as
 * --streams says, each with links, queues, threads and state of its own; they compute by turns. All memory is
 * one mapping made at start. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- threads --- */

/* Waits for one of the signals; SIGHUP on the way has the keys read again. */
static void wait_for_stop(LpcStage *stage, const sigset_t *stops, int *number)
{
    sigset_t set = *stops;
    if (stage->tls) sigaddset(&set, SIGHUP);
    for (;;) {
        if (sigwait(&set, number)) continue;
        if (*number != SIGHUP) return;
        lpc_stage_keys_again(stage);
    }
}

/* Turns SIGTERM and SIGINT into a readable pipe, which never is read: once stopped, for good. What is under way
 * has a moment to be finished; a second signal does not wait for that. */
static void *signal_main(void *arg)
{
    static const struct timespec moment = {0, 800000000};
    LpcStage *stage = arg;
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    wait_for_stop(stage, &set, &number);
    if (atomic_load(&stage->quitting)) return NULL;
    if (write(stage->stop_pipe[1], "", 1) < 0) _exit(128 + number);
    do number = sigtimedwait(&set, NULL, &moment);
    while (number < 0 && errno == EINTR);
    if (atomic_load(&stage->quitting)) return NULL;
    if (number > 0) _exit(128 + number);
    lpc_stage_tell(stage, LPC_LOG_WARNING, LPC_EVENT_STOPPED,
                   "stopped before what was under way could be finished");
    _exit(LPC_EXIT_OK);
}

static void stop_threads(LpcStage *stage)
{
    lpc_gate_stop(&stage->gate);
    for (int i = 0; stage->streams && i < stage->options->streams; i++)
        lpc_stage_stop_stream(&stage->streams[i]);
    if (stage->pool_started) lpc_pool_stop(stage->pool);
    if (stage->signals_started) {
        atomic_store(&stage->quitting, 1);
        pthread_kill(stage->signals, SIGTERM);
        pthread_join(stage->signals, NULL);
    }
    lpc_stage_unsecure(stage);
}

static void tell(void *self, const char *text)
{
    lpc_stage_tell(self, LPC_LOG_WARNING, LPC_EVENT_REFUSED, text);
}

/* Returns an errno value. */
static int open_gate(LpcStage *stage)
{
    const lpc_model *model = stage->model;
    LpcGate *gate = &stage->gate;
    gate->transport = stage->in_transport;
    gate->crc = stage->crc;
    gate->own = lpc_hello_at(&model->in, stage->options->beat_ms);
    stage->result = lpc_hello_at(&model->out, stage->options->beat_ms);
    gate->tls = stage->tls;
    gate->result = stage->out_address ? NULL : &stage->result;
    gate->role = "the neighbour before,";
    gate->stop_fd = stage->stop_pipe[0];
    gate->tell = tell;
    gate->look = lpc_stage_figures;
    gate->self = stage;
    return lpc_gate_start(gate);
}

static int start_threads(LpcStage *stage, LpcError *error)
{
    int failure = lpc_pool_start(stage->pool, stage->options->threads);
    stage->pool_started = !failure;
    for (int i = 0; i < stage->options->streams && !failure; i++) {
        stage->streams[i].stage = stage;
        failure = lpc_stage_start_stream(&stage->streams[i]);
    }
    if (!failure) failure = open_gate(stage);
    if (!failure) {
        failure = pthread_create(&stage->signals, NULL, signal_main, stage);
        stage->signals_started = !failure;
    }
    if (failure)
        return lpc_error(error, LPC_EXIT_SYSTEM, "cannot start a thread: %s", strerror(failure));
    stage->threads = lpc_pool_threads(stage->pool);
    return 0;
}

/* Serves all streams; the first one here, for what main threads have that others have not (their stack, say). */
static int serve(LpcStage *stage)
{
    int code = 0, count = stage->options->streams;
    for (int i = 1; i < count; i++) lpc_helper_run(&stage->streams[i].server);
    lpc_stage_serve(&stage->streams[0]);
    for (int i = 1; i < count; i++) lpc_helper_wait(&stage->streams[i].server);
    for (int i = count - 1; i >= 0; i--)
        if (stage->streams[i].code != LPC_STOPPED) code = stage->streams[i].code;
    return code;
}

static void tell_address(const LpcStage *stage)
{
    const char *address = stage->gate.listener.address;
    int threads = stage->options->threads, streams = stage->options->streams;
    char line[LPC_PEER_BYTES + 20];
    int length = snprintf(line, sizeof line, "listening on %s\n", address);
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        lpc_stage_tell(stage, LPC_LOG_WARNING, LPC_EVENT_FAILED, "cannot write to standard output");
    lpc_stage_inform(stage, LPC_EVENT_START,
                     "listening on %.100s, %d thread%s, %d stream%s at once", address, threads,
                     threads > 1 ? "s" : "", streams, streams > 1 ? "s" : "");
}

static int start(LpcStage *stage, LpcError *error)
{
    int code = stage->in_transport->check(stage->in_address, error);
    if (!code && stage->out_address) code = stage->out_transport->check(stage->out_address, error);
    if (!code) code = lpc_stage_secure(stage, error);
    if (!code) code = lpc_stage_memory(stage, error);
    if (code) return code;
    if (pipe(stage->stop_pipe))
        return lpc_error(error, LPC_EXIT_SYSTEM, "pipe: %s", strerror(errno));
    code = stage->in_transport->listen(stage->in_address, &stage->gate.listener, error);
    if (!code) code = start_threads(stage, error);
    if (!code) tell_address(stage);
    if (!code && stage->options->insecure)
        lpc_stage_tell(stage, LPC_LOG_WARNING, LPC_EVENT_START,
                       "--insecure: nothing is encrypted, and whoever gets here is served");
    return code;
}

static int64_t in_bytes(const void *model, uint32_t k, const int64_t *sizes)
{
    return ((const lpc_model *)model)->tensor_bytes(0, k, sizes);
}

static int64_t out_bytes(const void *model, uint32_t k, const int64_t *sizes)
{
    return ((const lpc_model *)model)->tensor_bytes(1, k, sizes);
}

void lpc_stage_init(LpcStage *stage, const lpc_model *model, const LpcStageOptions *options)
{
    *stage = (LpcStage){.model = model,
                        .options = options,
                        .log = {model->name, options->log_json},
                        .begin_ns = lpc_now_ns(),
                        .gate.listener.fd = -1};
    stage->in_shape = (LpcShape){
        &model->in, model->symbol_count, model->symbol_max, model->symbol_names, in_bytes, model};
    stage->out_shape = stage->in_shape;
    stage->out_shape.contract = &model->out;
    stage->out_shape.tensor_bytes = out_bytes;
    lpc_turns_init(&stage->turns);
}

int lpc_stage_run(const lpc_model *model, const LpcStageOptions *options)
{
    LpcStage stage;
    LpcError error = {0};
    lpc_stage_init(&stage, model, options);
    stage.in_address = options->listen;
    stage.out_address = options->forward;
    stage.in_transport = lpc_transport_find(&stage.in_address);
    if (stage.out_address) stage.out_transport = lpc_transport_find(&stage.out_address);

    int code = start(&stage, &error);
    if (code)
        lpc_stage_tell(&stage, LPC_LOG_ERROR, LPC_EVENT_FAILED, error.text);
    else
        code = serve(&stage);
    if (!code) lpc_stage_inform(&stage, LPC_EVENT_STOPPED, "stopped");
    if (stage.stats && options->stats) {
        LpcFigures figures;
        lpc_stage_figures(&stage, &figures);
        lpc_gate_figures(&stage.gate, &figures);
        int failure = lpc_stats_write(stage.stats, options->stats, &figures, code);
        if (failure) {
            lpc_error(&error, LPC_EXIT_SYSTEM, "%.150s: %s", options->stats, strerror(failure));
            lpc_stage_tell(&stage, LPC_LOG_ERROR, LPC_EVENT_FAILED, error.text);
            if (!code) code = LPC_EXIT_SYSTEM;
        }
    }
    stop_threads(&stage);
    return code;
}
