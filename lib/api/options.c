/* Options and commands of liblpc: the table of lib/options by name. */
#include "lib/api/api.h"

#include <string.h>

const lpc_command *lpc_commands(size_t *count)
{
    *count = COMMAND_COUNT;
    return commands;
}

/* ---- Options ---- */

/* Those that are about the command's own doings. */
static bool is_for_commands(const Option *option)
{
    static const char *const names[] = {"-o",     "--quiet",   "--verbose", "--each",
                                        "--help", "--compare", "--rows"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(option->name, names[i])) return true;
    return false;
}

/* Of several of one name, check's, which takes more values than compile's; shown ones first. */
static const Option *find(const char *name)
{
    static const unsigned takers[] = {FOR_CHECK, FOR_COMPILE, FOR_ALL};
    const Option *hidden = NULL;
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++) {
        const Option *option = option_find(name, takers[i]);
        if (option && is_for_commands(option)) return NULL;
        if (option && !option->hidden) return option;
        if (!hidden) hidden = option;
    }
    return hidden;
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
            option_guess(c->arena, arena_printf(c->arena, "--%s", s->name), FOR_ALL);
        diag_error(&c->diag, "there is no option '%s'%s%s%s", s->name,
                   guess ? ": did you mean '" : "", guess ? guess->name + 2 : "",
                   guess ? "'?" : "");
        return LPC_USAGE;
    }
    if (c->graph && (option->commands & (FOR_COMPILE | FOR_CHECK))) {
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
        lpc_option item = {.name = o->name + strspn(o->name, "-"),
                           .value = o->value,
                           .help = o->help,
                           .commands = o->commands,
                           .settable = !is_for_commands(o)};
        if (!o->hidden) arena_push(c->arena, list->options, list->count) = item;
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
