/* What is said of a command line that is wrong. */
#include "tools/lpc/command.h"

#include <stdarg.h>
#include <string.h>

int command_index(unsigned bit)
{
    int index = 0;
    while (!(bit >> index & 1)) index++;
    return index;
}

const char *command_space(int command)
{
    return *commands[command].name ? " " : "";
}

int usage_error(unsigned bit, const char *format, ...)
{
    int command = command_index(bit);
    const CommandInfo *c = &commands[command];
    va_list args;
    va_start(args, format);
    fprintf(stderr, "lpc%s%s: ", command_space(command), c->name);
    vfprintf(stderr, format, args);
    va_end(args);
    for (const char *at = c->usage; *at; at += strcspn(at, "\n"), at += *at == '\n')
        fprintf(stderr, "\n%s lpc %.*s", at == c->usage ? "usage:" : "      ",
                (int)strcspn(at, "\n"), at);
    fprintf(stderr, " (see lpc%s%s --help)\n", command_space(command), c->name);
    return LPC_USAGE;
}
