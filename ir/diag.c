/* Diagnostics: collected in order, printed once. */
#include "ir/diag.h"

#include <stdio.h>

void diag_init(Diag *diag, Arena *arena, const char *file)
{
    *diag = (Diag){.arena = arena, .file = file};
}

static int report(Diag *diag, const char *where, const char *format, va_list args)
{
    char *what = arena_vprintf(diag->arena, format, args);
    char *line = where ? arena_printf(diag->arena, "%s: %s", where, what) : what;
    arena_push(diag->arena, diag->messages, diag->count) = line;
    return LPC_ERROR;
}

int diag_error(Diag *diag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = report(diag, diag->file, format, args);
    va_end(args);
    return code;
}

int diag_node(Diag *diag, const Origin *origin, const char *format, ...)
{
    const char *file = origin->file ? origin->file : diag->file ? diag->file : "(no file)";
    const char *op = origin->op ? origin->op : "?";
    const char *name = origin->node ? origin->node : "";
    const char *where =
        origin->index >= 0
            ? arena_printf(diag->arena, "%s: node '%s' (%s, #%d)", file, name, op, origin->index)
            : arena_printf(diag->arena, "%s: node '%s' (%s)", file, name, op);
    va_list args;
    va_start(args, format);
    int code = report(diag, where, format, args);
    va_end(args);
    return code;
}

void diag_progress(Diag *diag, const char *what, int64_t done, int64_t total)
{
    Listener *listener = diag->listener;
    if (listener && listener->progress) listener->progress(listener, what, done, total);
}

void diag_note(Diag *diag, const char *format, ...)
{
    Listener *listener = diag->listener;
    if (!listener || !listener->note) return;
    va_list args;
    va_start(args, format);
    listener->note(listener, arena_vprintf(diag->arena, format, args));
    va_end(args);
}

void diag_take(Diag *diag, const Diag *from)
{
    for (int i = 0; i < from->count; i++)
        arena_push(diag->arena, diag->messages, diag->count) = from->messages[i];
}

void diag_flush(Diag *diag)
{
    for (int i = 0; i < diag->count; i++) fprintf(stderr, "lpc: error: %s\n", diag->messages[i]);
    diag->count = 0;
    diag->messages = NULL;
}
