/* The handle of liblpc: its memory and messages. */
#include "lib/api/api.h"

#include "ir/units.h"
#include "lib/custom/custom.h"
#include "ir/version.h"

#include <setjmp.h>
#include <stdlib.h>

const char *lpc_status_text(lpc_status status)
{
    static const char *const texts[] = {
#define STATUS_TEXT(name, value, text) [value] = text,
        LPC_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    };
    return (unsigned)status < LPC_STATUS_COUNT ? texts[status] : "unknown status";
}

const char *lpc_version(void)
{
    return LPC_VERSION;
}

const char *lpc_sources(void)
{
    return source_hash;
}

/* ---- Listening ---- */

static lpc_compiler *heard_by(Listener *listener)
{
    return (lpc_compiler *)(void *)((char *)listener - offsetof(lpc_compiler, hears));
}

static void hear_note(Listener *listener, const char *line)
{
    const lpc_listener *l = &heard_by(listener)->listener;
    if (l->note) l->note(l->user, line);
}

static void hear_progress(Listener *listener, const char *what, int64_t done, int64_t total)
{
    const lpc_listener *l = &heard_by(listener)->listener;
    if (l->progress) l->progress(l->user, what, done, total);
}

void lpc_listen(lpc_compiler *c, const lpc_listener *listener)
{
    c->listener = listener ? *listener : (lpc_listener){0};
}

/* ---- The compiler ---- */

lpc_status api_run(lpc_compiler *c, int (*step)(lpc_compiler *compiler, void *to), void *to)
{
    jmp_buf here;
    if (c->out_of_memory) return LPC_STATUS_MEMORY;
    jmp_buf *const before = arena_escape(&here);
    if (setjmp(here)) { /* NOLINT: the one way out of an arena without memory */
        arena_escape(before);
        c->out_of_memory = true;
        return LPC_STATUS_MEMORY;
    }
    int code = step(c, to);
    arena_escape(before);
    c->diag.file = NULL;
    return (lpc_status)code;
}

static int begin(lpc_compiler *c, void *to)
{
    (void)to;
    c->arena = arena_new();
    options_init(&c->options, c->arena);
    diag_init(&c->diag, c->arena, NULL);
    c->hears = (Listener){hear_progress, hear_note};
    c->diag.listener = &c->hears;
    return 0;
}

lpc_compiler *lpc_create(void)
{
    lpc_compiler *c = calloc(1, sizeof *c);
    if (!c || !api_run(c, begin, NULL)) return c;
    free(c);
    return NULL;
}

void lpc_destroy(lpc_compiler *c)
{
    if (!c) return;
    customs_end(c->options.compile.customs);
    arena_free(c->arena);
    free(c);
}

size_t lpc_message_count(const lpc_compiler *c)
{
    return (size_t)c->diag.count;
}

const char *lpc_message(const lpc_compiler *c, size_t index)
{
    return index < (size_t)c->diag.count ? c->diag.messages[index] : NULL;
}

void lpc_clear(lpc_compiler *c)
{
    c->diag.count = 0;
    c->diag.messages = NULL;
}

/* ---- Figures ---- */

typedef struct FigureText {
    const char *(*print)(Arena *arena, double figure);
    double figure;
    const char *text;
} FigureText;

static int print_figure(lpc_compiler *c, void *to)
{
    FigureText *f = to;
    f->text = f->print(c->arena, f->figure);
    return 0;
}

static const char *figure_text(lpc_compiler *c, const char *(*print)(Arena *, double),
                               double figure)
{
    FigureText f = {print, figure, ""};
    api_run(c, print_figure, &f);
    return f.text;
}

const char *lpc_bytes_text(lpc_compiler *c, double bytes)
{
    return figure_text(c, bytes_text, bytes);
}

const char *lpc_seconds_text(lpc_compiler *c, double seconds)
{
    return figure_text(c, seconds_text, seconds);
}
