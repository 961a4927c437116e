/* What stages say, line by line. */
#include "lib/deploy/deploy.h"

#include <pthread.h>
#include <string.h>

/* One stage's log, on its way to who hears it. */
typedef struct Log {
    Deployment *d;
    DeployStage *stage;
    const char *function; /* of far.sh */
    int lines, code;
    DeployHear *hear;
    void *user;
    pthread_mutex_t *mutex; /* of `hear`; NULL: there is one thread */
    pthread_t thread;
    Deployment own; /* of that thread: its own memory and messages */
    Diag diag;
} Log;

/* A log is nothing that may steer a terminal. */
static void hear_line(void *self, char *line)
{
    const Log *log = self;
    for (char *at = line; *at; at++)
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f) *at = '?';
    if (log->mutex) pthread_mutex_lock(log->mutex);
    log->hear(log->user, log->stage->host.name, line);
    if (log->mutex) pthread_mutex_unlock(log->mutex);
}

static int read_log(Log *log)
{
    Deployment *d = log->d;
    const char *words[] = {log->function, log->stage->host.folder,
                           arena_printf(d->arena, "%d", log->lines), NULL};
    return far_hear(d, log->stage, "cannot read its log", hear_line, log, words);
}

int deploy_logs(Deployment *d, int lines, DeployHear *hear, void *user)
{
    int code = LPC_OK;
    for (int i = 0; i < d->count; i++) {
        Log log = {.d = d,
                   .stage = &d->stages[i],
                   .function = "logs",
                   .lines = lines,
                   .hear = hear,
                   .user = user};
        if (read_log(&log)) code = LPC_ERROR;
    }
    return code;
}

/* ---- All at once ---- */

static void *follow(void *self)
{
    Log *log = self;
    log->code = read_log(log);
    return NULL;
}

/* Waits for a thread and takes over what it reported. */
static int join(Deployment *d, Log *log)
{
    pthread_join(log->thread, NULL);
    for (int i = 0; i < log->diag.count; i++) diag_error(d->diag, "%s", log->diag.messages[i]);
    arena_free(log->own.arena);
    return log->code;
}

int deploy_follow(Deployment *d, int lines, DeployHear *hear, void *user)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    Log *logs = arena_array(d->arena, (size_t)d->count, sizeof *logs);
    int started = 0, code = LPC_OK;
    for (; started < d->count && !code; started += !code) {
        Log *log = &logs[started];
        *log = (Log){.stage = &d->stages[started],
                     .function = "follow",
                     .lines = lines,
                     .hear = hear,
                     .user = user};
        log->mutex = &mutex;
        log->own = *d;
        log->own.arena = arena_new();
        log->own.diag = &log->diag;
        log->d = &log->own;
        diag_init(&log->diag, log->own.arena, NULL);
        if (pthread_create(&log->thread, NULL, follow, log)) {
            arena_free(log->own.arena);
            code = diag_error(d->diag, "cannot start a thread");
        }
    }
    for (int i = 0; i < started; i++)
        if (join(d, &logs[i])) code = LPC_ERROR;
    return code;
}
