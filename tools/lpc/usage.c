/* Subcommands by name, and what is said of a command line that is wrong. */
#include "tools/lpc/command.h"

#include <stdarg.h>
#include <string.h>

const lpc_command *command_find(const char *name)
{
    size_t count;
    const lpc_command *list = lpc_commands(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].name, name)) return &list[i];
    return NULL;
}

bool command_takes(const lpc_command *command, const lpc_option *option)
{
    size_t count;
    return option->commands >> (command - lpc_commands(&count)) & 1;
}

const char *command_space(const lpc_command *command)
{
    return *command->name ? " " : "";
}

int usage_error(const char *name, const char *format, ...)
{
    const lpc_command *c = command_find(name);
    va_list args;
    va_start(args, format);
    fprintf(stderr, "lpc%s%s: ", command_space(c), c->name);
    vfprintf(stderr, format, args);
    va_end(args);
    for (const char *at = c->usage; *at; at += strcspn(at, "\n"), at += *at == '\n')
        fprintf(stderr, "\n%s lpc %.*s", at == c->usage ? "usage:" : "      ",
                (int)strcspn(at, "\n"), at);
    fprintf(stderr, " (see lpc%s%s --help)\n", command_space(c), c->name);
    return LPC_STATUS_USAGE;
}

int command_printed(void)
{
    if (!fflush(stdout)) return LPC_STATUS_OK;
    fprintf(stderr, "lpc: error: cannot write to standard output\n");
    return LPC_STATUS_ERROR;
}
