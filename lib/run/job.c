/* See job.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/job.h"

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

static void add_options(Words *words, const RunOptions *options, const char *stats_folder,
                        int stage)
{
    Arena *arena = words->arena;
    if (options->queue)
        word(words, "--queue"), word(words, arena_printf(arena, "%d", options->queue));
    if (stage < 0) return;
    if (options->threads)
        word(words, "--threads"), word(words, arena_printf(arena, "%d", options->threads));
    if (stats_folder)
        word(words, "--stats"), word(words, child_stats_path(arena, stats_folder, stage));
}

/* mpirun COMMAND... -np 1 OUT/mpi/ends : -np 1 OUT/STAGE/rank : ... */
static void add_programs(Words *words, const Package *package, const RunOptions *options,
                         const char *stats_folder)
{
    Arena *arena = words->arena;
    for (int i = -1; i < package->stage_count; i++) {
        if (i >= 0) word(words, ":");
        word(words, "-np");
        word(words, "1");
        word(words,
             i < 0 ? arena_printf(arena, "%s/mpi/ends", package->folder)
                   : arena_printf(arena, "%s/%s/rank", package->folder, package->stages[i].name));
        add_options(words, options, stats_folder, i);
    }
}

/* srun COMMAND... -n N --kill-on-bad-exit=1 -D OUT --multi-prog OUT/mpi/srun.conf */
static void add_multi_prog(Words *words, const Package *package)
{
    Arena *arena = words->arena;
    char *folder = realpath(package->folder, NULL);
    word(words, "-n");
    word(words, arena_printf(arena, "%d", package->stage_count + 1));
    word(words, "--kill-on-bad-exit=1");
    word(words, "-D");
    word(words, folder ? folder : package->folder);
    word(words, "--multi-prog");
    word(words, arena_printf(arena, "%s/mpi/srun.conf", folder ? folder : package->folder));
    free(folder);
}

int job_start(StageChild *child, Arena *arena, Diag *diag, const Package *package,
              const RunOptions *options, const char *stats_folder, int timeout_ms,
              const char **address)
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
        add_multi_prog(&words, package);
    else
        add_programs(&words, package, options, stats_folder);
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
        char *copy = arena_printf(arena, "%.*s", length, line);
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
    if (rank < 1 || rank > package->stage_count) return child_report(child, arena);
    return arena_printf(arena, "stage '%s' failed: %s", package->stages[rank - 1].name, said);
}
