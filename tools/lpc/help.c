/* --help, from the table of options. */
#include "tools/lpc/command.h"

#include <string.h>

enum { COLUMN = 27, WIDTH = 98 };

/* Words, wrapped into the columns behind `indent`, where the first line already stands. */
static void print_words(const char *text, int indent)
{
    int at = indent;
    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (at > indent && at + 1 + length > WIDTH)
            at = printf("\n%*s", indent, "") - 1;
        else if (at > indent)
            at += printf(" ");
        at += printf("%.*s", length, text);
        text += length;
        text += strspn(text, " \n");
    }
    putchar('\n');
}

/* "--bind", "-o" */
static const char *dashes(const lpc_option *option)
{
    return option->name[1] ? "--" : "-";
}

static void print_option(const lpc_option *option)
{
    int width = printf("  %s%s%s%s", dashes(option), option->name, option->value ? " " : "",
                       option->value ? option->value : "");
    if (width >= COLUMN) putchar('\n'), width = 0;
    printf("%*s", COLUMN - width, "");
    print_words(option->help, COLUMN);
}

/* Those that the command takes; shared: those of compiling, or the others. */
static void print_options(lpc_compiler *c, const lpc_command *command, bool shared)
{
    size_t count;
    const lpc_option *list = lpc_options(c, &count);
    for (size_t i = 0; i < count; i++) {
        bool compiling = command_takes(command_find(""), &list[i]);
        if (command_takes(command, &list[i]) && compiling == shared) print_option(&list[i]);
    }
}

static void print_usage(const lpc_command *c)
{
    for (const char *at = c->usage; *at; at += strcspn(at, "\n"), at += *at == '\n')
        printf("%s lpc %.*s\n", at == c->usage ? "usage:" : "      ", (int)strcspn(at, "\n"), at);
}

static void print_all(lpc_compiler *compiler)
{
    size_t count;
    const lpc_command *list = lpc_commands(&count);
    printf("lpc compiles one neural network (ONNX) into one small program per device.\n\n");
    for (size_t i = 0; i < count; i++) {
        const lpc_command *c = &list[i];
        int width = printf("  lpc %.*s", (int)strcspn(c->usage, "[\n"), c->usage);
        if (!i) width += printf("-o OUT");
        printf("%*s%s\n", width < 36 ? 36 - width : 1, "", c->summary);
    }
    printf("\nOptions of compiling (also of check, inspect, profile and plan):\n");
    print_options(compiler, list, true);
    printf("\nEach subcommand lists its own: lpc run --help\n"
           "\nExit status: 0 done (check: match), 1 error, 2 usage, 3 mismatch.\n"
           "Documents: docs/ in the source, or share/doc/lpc.\n");
}

void print_help(lpc_compiler *compiler, const lpc_command *command)
{
    if (!command) {
        print_all(compiler);
        return;
    }
    print_usage(command);
    printf("\n%s\n\n", command->about);
    print_options(compiler, command, false);
    if (command->compiles && *command->name) printf("\nOptions of compiling:\n");
    print_options(compiler, command, true);
    if (command->compiles) {
        printf("\n");
        print_backends();
    }
}
