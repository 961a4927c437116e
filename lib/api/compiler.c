/* The handle of liblpc: its memory, messages and options. */
#include "lib/api/api.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- Options ---- */

enum { TAKERS = FOR_COMPILE | FOR_CHECK };

/* Those that are about the command's own doings. */
static bool is_for_commands(const Option *option)
{
    static const char *const names[] = {"-o", "--quiet", "--verbose", "--each", "--help"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(option->name, names[i])) return true;
    return false;
}

/* check's, where it takes more values. */
static const Option *find(const char *name)
{
    const Option *option = option_find(name, FOR_CHECK);
    if (!option) option = option_find(name, FOR_COMPILE);
    return option && is_for_commands(option) ? NULL : option;
}

typedef struct Setting {
    const char *name, *value;
} Setting;

static int set(lpc_compiler *c, void *to)
{
    const Setting *s = to;
    const Option *option = find(s->name);
    if (!option) {
        const Option *guess =
            option_guess(c->arena, arena_printf(c->arena, "--%s", s->name), TAKERS);
        diag_error(&c->diag, "there is no option '%s'%s%s%s", s->name,
                   guess ? ": did you mean '" : "", guess ? guess->name + 2 : "",
                   guess ? "'?" : "");
        return LPC_USAGE;
    }
    if (c->graph) {
        diag_error(&c->diag, "option '%s': the model has been imported already", s->name);
        return LPC_USAGE;
    }
    const char *value = s->value ? arena_strdup(c->arena, s->value) : NULL;
    return option_set(&c->options, &c->diag, option, value);
}

lpc_status lpc_set(lpc_compiler *c, const char *option, const char *value)
{
    Setting setting = {option, value};
    return api_run(c, set, &setting);
}

typedef struct Parsing {
    const char *command;
    int argc;
    char *const *argv;
} Parsing;

static int parse(lpc_compiler *c, void *to)
{
    const Parsing *p = to;
    char **words = arena_array(c->arena, (size_t)p->argc + 1, sizeof *words);
    for (int i = 0; i < p->argc; i++) words[i] = arena_strdup(c->arena, p->argv[i]);
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(commands[i].name, p->command))
            return options_parse(&c->options, &c->diag, i, p->argc, words, 0);
    diag_error(&c->diag, "there is no command '%s'", p->command);
    return LPC_USAGE;
}

lpc_status lpc_parse(lpc_compiler *c, const char *command, int argc, char *const *argv,
                     const char *const **arguments, size_t *count)
{
    Parsing parsing = {command, argc, argv};
    lpc_status status = api_run(c, parse, &parsing);
    *arguments = (const char *const *)c->options.arguments;
    *count = (size_t)c->options.argument_count;
    return status;
}

const char *lpc_get(const lpc_compiler *c, const char *name)
{
    const char *value = NULL;
    for (int i = 0; i < option_count && !value; i++) {
        const char *full = option_table[i].name;
        bool named = !strcmp(full, name) || !strcmp(full + strspn(full, "-"), name);
        if (named) value = c->options.given[i];
    }
    return value;
}

typedef struct OptionList {
    lpc_option *options;
    int count;
} OptionList;

static int list_options(lpc_compiler *c, void *to)
{
    OptionList *list = to;
    for (int i = 0; i < option_count; i++) {
        const Option *o = &option_table[i];
        if (!(o->commands & TAKERS) || o->hidden || find(o->name) != o) continue;
        lpc_option item = {o->name + strspn(o->name, "-"), o->value, o->help};
        arena_push(c->arena, list->options, list->count) = item;
    }
    return 0;
}

const lpc_option *lpc_options(lpc_compiler *c, size_t *count)
{
    OptionList list = {0};
    *count = 0;
    if (api_run(c, list_options, &list)) return NULL;
    *count = (size_t)list.count;
    return list.options;
}
