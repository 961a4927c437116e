/* Programs to devices: only what changed, and only what had not come yet of one that was cut off. */
#include "lib/deploy/deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int copy_know(Deployment *d, DeployStage *s)
{
    RemoteReply reply;
    struct stat about;
    const char *path = s->stage->program;
    if (!path)
        return diag_error(d->diag,
                          "stage '%s' has no program: the toolchain of target '%s' was missing "
                          "when it was compiled",
                          s->stage->name, s->stage->target);
    char *whole = realpath(path, NULL);
    if (!whole || stat(whole, &about)) {
        free(whole);
        return diag_error(d->diag, "%s: %s", path, strerror(errno));
    }
    const char *words[] = {"digests", arena_strdup(d->arena, whole), NULL};
    free(whole);
    s->size = about.st_size;
    TRY(far_here(d, s, "cannot hash the program", &reply, words));
    s->sha256 = far_value(d->arena, &reply, "sha256");
    s->cksum = far_value(d->arena, &reply, "cksum");
    if (!s->sha256) s->sha256 = "";
    return s->cksum ? LPC_OK
                    : diag_error(d->diag, "%s: cannot hash the program: %s", s->where, reply.words);
}

/* A program for another processor may still run, through an emulator. */
static void compare_machines(Deployment *d, const DeployStage *s, const char *machine)
{
    const char *triple = s->stage->triple;
    if (triple && machine && strncmp(triple, machine, 3) != 0)
        diag_note(d->diag, "lpc: %s: its program is for %.*s, the device is %s", s->where,
                  (int)strcspn(triple, "-"), triple, machine);
}

/* A port that was chosen there stays, whatever package it was for: then the stage before can stay, too. */
static void take_port(Deployment *d, DeployStage *s, const RemoteReply *reply)
{
    int port = (int)far_number(d->arena, reply, "listens");
    if (port && far_number(d->arena, reply, "asked") == s->host.port) s->chosen = s->port = port;
}

int copy_look(Deployment *d, DeployStage *s)
{
    RemoteReply reply;
    TRY(copy_know(d, s));
    const char *words[] = {"look", s->host.folder, s->sha256, s->cksum, NULL};
    TRY(far_call(d, s, "cannot look what is there", &reply, words));
    const char *state = far_value(d->arena, &reply, "state");
    s->is_new = !state || strcmp(state, "deployed") != 0;
    s->is_same = far_value(d->arena, &reply, "program") != NULL;
    s->from = far_number(d->arena, &reply, "part");
    take_port(d, s, &reply);
    compare_machines(d, s, far_value(d->arena, &reply, "machine"));
    if (s->from > s->size) s->from = 0;
    return LPC_OK;
}

static int send_from(Deployment *d, DeployStage *s, int file)
{
    const char *words[] = {
        "receive", s->host.folder, arena_printf(d->arena, "%lld", (long long)s->size),
        s->sha256, s->cksum,       arena_printf(d->arena, "%lld", (long long)s->from),
        NULL};
    if (s->from)
        diag_note(d->diag, "lpc: %s: going on with the program at %lld of %lld bytes", s->where,
                  (long long)s->from, (long long)s->size);
    return far_send(d, s, "cannot copy the program", file, words);
}

int copy_send(Deployment *d, DeployStage *s)
{
    if (s->is_same) return LPC_OK;
    int file = open(s->stage->program, O_RDONLY | O_CLOEXEC);
    if (file < 0) return diag_error(d->diag, "%s: %s", s->stage->program, strerror(errno));
    int code = send_from(d, s, file);
    close(file);
    if (!code) s->copied = s->size - s->from;
    return code;
}
