/* A pipeline: the stages' processes and both its ends. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/children.h"
#include "lib/run/ends.h"
#include "lib/run/job.h"
#include "lib/run/secure.h"
#include "ir/schema.h"
#include "runtime/processor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SESSIONS = 2, START_TIMEOUT_MS = 60000, GRACE_MS = 3000, PAUSE_US = 50000, SETTLE_MS = 500 };

struct RunSession {
    const Package *package;
    RunOptions options;
    Arena *arena;
    StageChild *children;
    int child_count;
    char *stats_folder; /* made here, "" when none */
    RunStats *stats;
    RunEnds ends;
    Secure secure;
    EndPlaces places;
    LpcInLine in_line;
};

static int start_timeout_ms(const RunSession *session)
{
    return session->options.timeout > 0 ? (int)(session->options.timeout * 1000) : START_TIMEOUT_MS;
}

/* --- starting --- */

/* Stages here are seen to die; that one hangs for a while is no fault on a busy machine. */
static const char no_heartbeat[] = "0";

static const char *stats_path(const RunSession *session, int stage)
{
    return child_stats_path(session->arena, session->stats_folder, stage);
}

static int make_stats_folder(RunSession *session, Diag *diag)
{
    const char *root = getenv("TMPDIR");
    char *folder = arena_printf(session->arena, "%s/lpc-run-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(folder)) return diag_error(diag, "%s: %s", folder, strerror(errno));
    session->stats_folder = folder;
    return LPC_OK;
}

/* Threads of a stage that nobody has told: all share this machine, and emulators are no measure of anything. 0: its
 * own default. */
static int threads_of(const RunSession *session, const PackageStage *stage)
{
    int count = session->package->stage_count, each = lpc_processors() / count;
    if (session->options.threads) return session->options.threads;
    if (stage->threads || (count == 1 && !stage->emulator[0])) return 0;
    if (stage->emulator[0] || each < 1) return 1;
    return stage->predicted_cores && stage->predicted_cores < each ? stage->predicted_cores : each;
}

/* The stage's command line; NULL, reported, when it has no program. */
static char **stage_words(const RunSession *session, Diag *diag, int index, const char *forward)
{
    const PackageStage *stage = &session->package->stages[index];
    Arena *arena = session->arena;
    char **argv = NULL;
    int argc = 0;
    if (!stage->program && !session->options.stage_main) {
        diag_error(diag,
                   "stage '%s' has no program: the toolchain of target '%s' was missing "
                   "when it was compiled",
                   stage->name, stage->target);
        return NULL;
    }
#define WORD(text) arena_push(arena, argv, argc) = arena_strdup(arena, text)
    for (const char **word = stage->emulator; stage->program && *word; word++) WORD(*word);
    WORD(stage->program ? stage->program : stage->name);
    WORD("--listen");
    WORD("127.0.0.1:0");
    if (forward) WORD("--forward"), WORD(forward);
    WORD("--heartbeat");
    WORD(no_heartbeat);
    WORD("--timeout");
    WORD(arena_printf(arena, "%g", start_timeout_ms(session) / 1000.0));
    int threads = threads_of(session, stage);
    if (threads) WORD("--threads"), WORD(arena_printf(arena, "%d", threads));
    if (session->options.queue)
        WORD("--queue"), WORD(arena_printf(arena, "%d", session->options.queue));
    if (session->options.guard) WORD("--guard");
    if (session->options.stats) WORD("--stats"), WORD(stats_path(session, index));
#undef WORD
    arena_push(arena, argv, argc) = NULL;
    return argv;
}

/* A stage that is a function here. */
typedef struct OwnStage {
    const RunOptions *options;
    int index;
} OwnStage;

static int own_stage_main(void *self, int argc, char **argv)
{
    const OwnStage *own = self;
    return own->options->stage_main(own->options->self, own->index, argc, argv);
}

static int start_stage(RunSession *session, Diag *diag, int index, const char *forward,
                       const char **address)
{
    const PackageStage *stage = &session->package->stages[index];
    StageChild *child = &session->children[index];
    OwnStage own = {&session->options, index};
    char **argv = stage_words(session, diag, index, forward);
    if (!argv) return LPC_ERROR;
    int failure = session->options.stage_main ? child_fork(child, own_stage_main, &own, argv)
                                              : child_spawn(child, argv);
    if (failure)
        return diag_error(diag, "cannot start stage '%s': %s: %s", stage->name, argv[0],
                          strerror(failure));
    char line[256];
    static const char prefix[] = "listening on ";
    if (child_read_line(child, line, sizeof line, start_timeout_ms(session)) ||
        strncmp(line, prefix, strlen(prefix)) != 0) {
        LpcError error = {0};
        lpc_error(&error, LPC_EXIT_MISSING, "stage '%s' does not start listening", stage->name);
        return run_failed(session, diag, &error);
    }
    *address = arena_strdup(session->arena, line + strlen(prefix));
    return LPC_OK;
}

static void tell_in_line(void *diag, const LpcLink *link, uint32_t before)
{
    diag_note(diag, "lpc: %s is busy: %u before this one", link->peer, before);
}

static int connect_ends(RunSession *session, Diag *diag, const char *first, const char *last)
{
    LpcError error = {0};
    session->in_line = (LpcInLine){tell_in_line, diag};
    session->places = (EndPlaces){.first = first,
                                  .last = last,
                                  .timeout_ms = start_timeout_ms(session),
                                  .tls = session->secure.tls,
                                  .in_line = &session->in_line,
                                  .stop_fd = -1};
    if (!ends_connect(&session->ends, &session->places, &error)) return LPC_OK;
    if (session->options.retry <= 0) return run_failed(session, diag, &error);
    return run_reconnect(session, diag, &error,
                         lpc_now_ns() + (uint64_t)(session->options.retry * 1e9));
}

/* The stages as ranks of an MPI job, whose rank 0 is both ends: *address. */
static int start_job(RunSession *session, Diag *diag, const char **address)
{
    session->child_count = 1;
    session->children = arena_array(session->arena, 1, sizeof *session->children);
    TRY(make_stats_folder(session, diag));
    return job_start(session->children, session->arena, diag, session->package, &session->options,
                     session->stats_folder, start_timeout_ms(session), address);
}

/* From the last one on, each with the address of the next. *first and *last: where the ends are. */
static int start_stages(RunSession *session, Diag *diag, const char **first, const char **last)
{
    const char *forward = NULL;
    session->child_count = session->package->stage_count;
    session->children =
        arena_array(session->arena, (size_t)session->child_count, sizeof *session->children);
    for (int i = 0; i < session->child_count; i++)
        session->children[i].name = session->package->stages[i].name;
    if (session->options.stats) TRY(make_stats_folder(session, diag));
    for (int i = session->child_count - 1; i >= 0; i--) {
        TRY(start_stage(session, diag, i, forward, &forward));
        if (i == session->child_count - 1) *last = forward;
    }
    *first = forward;
    return LPC_OK;
}

static int open_all(RunSession *session, Diag *diag)
{
    const RunOptions *options = &session->options;
    const char *first = options->connect, *last = options->collect ? options->collect : first;
    /* before the ends, which have threads: nobody knows what those hold when a process is forked */
    if (!first && !options->mpi) TRY(start_stages(session, diag, &first, &last));
    if (!first && options->mpi) {
        TRY(start_job(session, diag, &first));
        last = first;
    }
    TRY(ends_make(&session->ends, session->arena, diag, session->package,
                  options->connect ? options->beat_ms : 0));
    if (options->connect) TRY(secure_open(&session->secure, diag, options->keys, SESSIONS));
    return connect_ends(session, diag, first, last);
}

int run_open(RunSession **result, Arena *arena, Diag *diag, const Package *package,
             const RunOptions *options)
{
    RunSession *session = arena_alloc(arena, sizeof *session);
    session->package = package;
    session->options = *options;
    session->arena = arena;
    session->ends.feed.fd = session->ends.collect.fd = -1;
    signal(SIGPIPE, SIG_IGN);
    int code = open_all(session, diag);
    if (code) run_free(session);
    *result = code ? NULL : session;
    return code;
}

/* --- frames --- */

int run_feed(RunSession *session, const HostTensor *inputs, const int64_t *sizes, LpcError *error)
{
    return ends_feed(&session->ends, inputs, sizes, error);
}

/* The next frame, whatever its kind. */
static int receive(RunSession *session, LpcError *error)
{
    int timeout = session->options.timeout > 0 ? start_timeout_ms(session) : -1;
    return ends_receive(&session->ends, timeout, error);
}

int run_receive(RunSession *session, LpcError *error)
{
    int code = receive(session, error);
    if (!code && session->ends.out_slot.header.kind != LPC_FRAME_DATA)
        code = lpc_error(error, LPC_EXIT_LEFT, "the stages ended the stream too early");
    return code;
}

void run_break(RunSession *session)
{
    ends_break(&session->ends);
}

int run_outputs(RunSession *session, Arena *arena, Diag *diag, HostTensor *outputs, int64_t *sizes)
{
    const PackageEnd *end = &session->package->outputs;
    const LpcSlot *slot = &session->ends.out_slot;
    for (int i = 0; i < end->count; i++) {
        HostTensor *tensor = &outputs[i];
        memset(tensor, 0, sizeof *tensor);
        package_shape(&end->tensors[i], slot->sizes, tensor);
        tensor->bytes = (size_t)slot->bytes[i];
        tensor->data = slot->tensors[i];
        if (!arena) continue;
        if (host_alloc(tensor, arena)) return diag_error(diag, "an output is too large");
        if (tensor->bytes) memcpy(tensor->data, slot->tensors[i], tensor->bytes);
    }
    if (sizes && session->package->symbol_count)
        memcpy(sizes, slot->sizes, (size_t)session->package->symbol_count * sizeof *sizes);
    return LPC_OK;
}

int run_collect(RunSession *session, Arena *arena, Diag *diag, HostTensor *outputs, int64_t *sizes)
{
    LpcError error = {0};
    if (run_receive(session, &error)) return run_failed(session, diag, &error);
    return run_outputs(session, arena, diag, outputs, sizes);
}

/* Whether another stream may fare better. */
static int may_pass(const LpcError *error)
{
    switch (error->code) {
    case LPC_EXIT_BUILD: /* who does not answer may have died before it could */
    case LPC_EXIT_MISSING:
    case LPC_EXIT_LEFT:
    case LPC_EXIT_FRAME:
    case LPC_EXIT_BUSY:
    case LPC_EXIT_STALE: return 1;
    default: return 0;
    }
}

int run_reconnect(RunSession *session, Diag *diag, const LpcError *why, uint64_t deadline)
{
    LpcError error = *why;
    for (int tries = 0; session->options.connect && may_pass(&error); tries++) {
        uint64_t now = lpc_now_ns();
        ends_close(&session->ends);
        if (now >= deadline) break;
        if (!tries) diag_note(diag, "lpc: %s; connecting again", error.text);
        session->places.timeout_ms = (int)((deadline - now) / 1000000u) + 1;
        error = (LpcError){0};
        if (!ends_connect(&session->ends, &session->places, &error)) return LPC_OK;
        (void)usleep(PAUSE_US);
    }
    return run_failed(session, diag, &error);
}

/* --- the end --- */

#define FIGURE(name, field)                                                                        \
    {name, JSON_NUMBER, true, offsetof(RunStats, field), 0, 0, 1e300, NULL, NULL, NULL}

/* What a stage writes of itself (runtime/stats.c). */
static const JsonField stats_fields[] = {{"stage", JSON_SKIP, false, 0, 0, 0, 0, NULL, NULL, NULL},
                                         {"status", JSON_SKIP, false, 0, 0, 0, 0, NULL, NULL, NULL},
                                         FIGURE("frames", frames),
                                         FIGURE("compute_ms_median", compute_ms),
                                         FIGURE("send_ms_median", send_ms),
                                         FIGURE("receive_ms_median", receive_ms),
                                         FIGURE("wait_ms_median", wait_ms),
                                         FIGURE("peak_rss_bytes", peak_rss_bytes),
                                         FIGURE("threads", threads),
                                         JSON_OPEN};

/* Figures of a stage that told none stay unknown. */
static void read_stats(RunSession *session)
{
    int count = session->package->stage_count;
    session->stats = arena_array(session->arena, (size_t)count, sizeof *session->stats);
    for (int i = 0; i < count; i++) {
        RunStats *stats = &session->stats[i];
        Diag quiet;
        diag_init(&quiet, session->arena, NULL);
        stats->name = session->package->stages[i].name;
        stats->known =
            !json_load(&quiet, session->arena, stats_path(session, i), stats_fields, stats);
    }
}

int run_finish(RunSession *session, Diag *diag)
{
    LpcError error = {0};
    int code = ends_finish(&session->ends, &error);
    while (!code) {
        code = receive(session, &error);
        if (session->ends.out_slot.header.kind == LPC_FRAME_END) break;
    }
    if (code && session->options.retry > 0) /* every answer is here */
        diag_note(diag, "lpc: %s, when all was answered", error.text);
    else if (code)
        return run_failed(session, diag, &error);
    ends_close(&session->ends);
    if (!children_wait(session->children, session->child_count,
                       session->options.mpi ? JOB_GRACE_MS : GRACE_MS)) {
        children_kill(session->children, session->child_count);
        return diag_error(diag, "a stage does not exit after the end of the stream");
    }
    if (children_culprit(session->children, session->child_count) >= 0) {
        lpc_error(&error, LPC_EXIT_LEFT, "a stage failed");
        return run_failed(session, diag, &error);
    }
    if (session->options.stats) read_stats(session);
    return LPC_OK;
}

/* What a stage that still runs has said; NULL: nothing. */
static const char *said_by_a_stage(RunSession *session)
{
    for (int i = 0; i < session->child_count; i++) {
        StageChild *child = &session->children[i];
        (void)child_poll(child);
        if (child->text_length)
            return arena_printf(session->arena, "%.*s", (int)strcspn(child->text, "\n"),
                                child->text);
    }
    return NULL;
}

int run_failed(RunSession *session, Diag *diag, const LpcError *error)
{
    ends_break(&session->ends); /* a thread may be in it */
    int culprit = children_settle(session->children, session->child_count,
                                  session->options.mpi ? JOB_SETTLE_MS : SETTLE_MS);
    const char *said = culprit < 0 ? said_by_a_stage(session) : NULL;
    children_kill(session->children, session->child_count);
    if (said) return diag_error(diag, "%s; %s", error->text, said);
    if (culprit < 0) return diag_error(diag, "%s", error->text);
    if (session->options.mpi)
        return diag_error(diag, "%s",
                          job_report(session->children, session->arena, session->package));
    return diag_error(diag, "%s", child_report(&session->children[culprit], session->arena));
}

const RunStats *run_stats(const RunSession *session, int *count)
{
    *count = session->stats ? session->package->stage_count : 0;
    return session->stats;
}

void run_free(RunSession *session)
{
    if (!session) return;
    ends_free(&session->ends);
    secure_close(&session->secure);
    children_kill(session->children, session->child_count);
    if (session->stats_folder) {
        for (int i = 0; i < session->package->stage_count; i++) remove(stats_path(session, i));
        job_clean(session->arena, session->stats_folder);
        rmdir(session->stats_folder);
    }
}
