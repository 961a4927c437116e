/* See job.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/job.h"

#include "backend/host/output.h"
#include "runtime/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Words {
    Arena *arena;
    char **list;
    int count;
} Words;

static void word(Words *words, const char *text)
{
    arena_push(words->arena, words->list, words->count) = arena_strdup(words->arena, text);
}

/* The words of the command that starts the job; its name without folders. */
static const char *add_command(Words *words, const char *command)
{
    char *copy = arena_strdup(words->arena, command), *state = NULL;
    for (char *at = strtok_r(copy, " ", &state); at; at = strtok_r(NULL, " ", &state))
        word(words, at);
    if (!words->count) return "";
    const char *slash = strrchr(words->list[0], '/');
    return slash ? slash + 1 : words->list[0];
}

/* Where rank 0 listens. */
static const char *socket_file(Arena *arena, const char *folder)
{
    return arena_printf(arena, "%s/ends", folder);
}

/* What srun reads. */
static const char *conf_file(Arena *arena, const char *folder)
{
    return arena_printf(arena, "%s/srun.conf", folder);
}

void job_clean(Arena *arena, const char *folder)
{
    remove(socket_file(arena, folder));
    remove(conf_file(arena, folder));
}

static void pair(Words *words, const char *option, const char *value)
{
    word(words, option);
    word(words, value);
}

static void add_options(Words *words, const RunOptions *options, const char *folder, int rank)
{
    Arena *arena = words->arena;
    if (options->queue) pair(words, "--queue", arena_printf(arena, "%d", options->queue));
    if (!rank) pair(words, "--listen", arena_printf(arena, "unix:%s", socket_file(arena, folder)));
    if (rank && options->threads)
        pair(words, "--threads", arena_printf(arena, "%d", options->threads));
    if (rank && options->stats) pair(words, "--stats", child_stats_path(arena, folder, rank - 1));
}

/* Rank 0 is both ends, rank k + 1 is stage k. */
static void add_program(Words *words, const Package *package, const RunOptions *options,
                        const char *folder, int rank)
{
    const char *path = rank ? arena_printf(words->arena, "%s/%s/rank", package->folder,
                                           package->stages[rank - 1].name)
                            : arena_printf(words->arena, "%s/mpi/ends", package->folder);
    char *whole = realpath(path, NULL); /* other machines' ranks begin in other folders */
    word(words, whole ? whole : path);
    free(whole);
    add_options(words, options, folder, rank);
}

/* mpirun COMMAND... -np 1 OUT/mpi/ends : -np 1 OUT/STAGE/rank : ... */
static void add_programs(Words *words, const Package *package, const RunOptions *options,
                         const char *folder)
{
    for (int rank = 0; rank <= package->stage_count; rank++) {
        if (rank) word(words, ":");
        word(words, "-np");
        word(words, "1");
        add_program(words, package, options, folder, rank);
    }
}

/* srun COMMAND... -n N --kill-on-bad-exit=1 --multi-prog FOLDER/srun.conf, which is written. */
static int add_multi_prog(Words *words, Diag *diag, const Package *package,
                          const RunOptions *options, const char *folder)
{
    Text conf;
    const char *path = conf_file(words->arena, folder);
    text_init(&conf, words->arena);
    for (int rank = 0; rank <= package->stage_count; rank++) {
        Words program = {.arena = words->arena};
        add_program(&program, package, options, folder, rank);
        text_printf(&conf, "%d", rank);
        for (int i = 0; i < program.count; i++) text_printf(&conf, " %s", program.list[i]);
        text_add(&conf, "\n");
    }
    word(words, "-n");
    word(words, arena_printf(words->arena, "%d", package->stage_count + 1));
    word(words, "--kill-on-bad-exit=1");
    word(words, "--multi-prog");
    word(words, path);
    return output_write(diag, path, conf.data, conf.length);
}

int job_start(StageChild *child, Arena *arena, Diag *diag, const Package *package,
              const RunOptions *options, const char *folder, int timeout_ms, const char **address)
{
    static const char prefix[] = "listening on ";
    Words words = {.arena = arena};
    char line[256];
    if (access(arena_printf(arena, "%s/mpi/ends", package->folder), X_OK))
        return diag_error(diag,
                          "--mpi: '%s' has no programs for MPI: compile it with "
                          "--transport mpi",
                          package->folder);
    const char *name = add_command(&words, options->mpi);
    child->name = name;
    if (strcmp(name, "srun") == 0)
        TRY(add_multi_prog(&words, diag, package, options, folder));
    else
        add_programs(&words, package, options, folder);
    arena_push(arena, words.list, words.count) = NULL;
    int failure = child_spawn(child, words.list);
    if (failure) return diag_error(diag, "cannot start '%s': %s", name, strerror(failure));
    if (!child_read_line(child, line, sizeof line, timeout_ms) &&
        strncmp(line, prefix, strlen(prefix)) == 0) {
        *address = arena_strdup(arena, line + strlen(prefix));
        return LPC_OK;
    }
    (void)children_wait(child, 1, JOB_SETTLE_MS);
    int ended = !child->pid;
    children_kill(child, 1);
    if (!ended) return diag_error(diag, "the job that '%s' starts does not listen", options->mpi);
    return diag_error(diag, "%s", job_report(child, arena, package));
}

/* The line of text in which `part` is, or that begins with it; NULL. */
static const char *find_line(Arena *arena, const char *text, const char *part, int begins)
{
    for (const char *line = text; *line;) {
        int length = (int)strcspn(line, "\n");
        const char *copy = lpc_log_said(arena_printf(arena, "%.*s", length, line));
        const char *at = strstr(copy, part);
        if (at && (!begins || at == copy)) return copy;
        line += line[length] ? length + 1 : length;
    }
    return NULL;
}

const char *job_report(const StageChild *child, Arena *arena, const Package *package)
{
    static const char noticed[] = "noticed that process rank "; /* mpirun, of one that was killed */
    const char *said = find_line(arena, child->text, "stage '", 1);
    if (said) return said;
    said = find_line(arena, child->text, noticed, 0);
    int rank = said ? atoi(strstr(said, noticed) + strlen(noticed)) : 0;
    if (rank < 1 || rank > package->stage_count)
        return arena_printf(arena, "'%s' failed:\n%s", child->name, child->text);
    return arena_printf(arena, "stage '%s' failed: %s", package->stages[rank - 1].name, said);
}
