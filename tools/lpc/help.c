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

static void print_option(const Option *option)
{
    int width = printf("  %s%s%s", option->name, option->value ? " " : "",
                       option->value ? option->value : "");
    if (width >= COLUMN) putchar('\n'), width = 0;
    printf("%*s", COLUMN - width, "");
    print_words(option->help, COLUMN);
}

/* Those that the command takes; shared: those of compiling, or the others. */
static void print_options(unsigned bit, bool shared)
{
    for (int i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        bool compiling = (option->commands & FOR_COMPILE) != 0;
        if (!(option->commands & bit) || option->hidden || compiling != shared) continue;
        print_option(option);
    }
}

static void print_usage(const CommandInfo *c)
{
    for (const char *at = c->usage; *at; at += strcspn(at, "\n"), at += *at == '\n')
        printf("%s lpc %.*s\n", at == c->usage ? "usage:" : "      ", (int)strcspn(at, "\n"), at);
}

static void print_all(void)
{
    printf("lpc compiles one neural network (ONNX) into one small program per device.\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const CommandInfo *c = &commands[i];
        int width = printf("  lpc %.*s", (int)strcspn(c->usage, "[\n"), c->usage);
        if (!i) width += printf("-o OUT");
        printf("%*s%s\n", width < 36 ? 36 - width : 1, "", c->summary);
    }
    printf("\nOptions of compiling (also of check, inspect, profile and plan):\n");
    print_options(FOR_COMPILE, true);
    printf("\nEach subcommand lists its own: lpc run --help\n"
           "\nExit status: 0 done (check: match), 1 error, 2 usage, 3 mismatch.\n"
           "Documents: docs/ in the source, or share/doc/lpc.\n");
}

void print_help(int command)
{
    if (command < 0) {
        print_all();
        return;
    }
    const CommandInfo *c = &commands[command];
    unsigned bit = 1u << command;
    print_usage(c);
    if (c->about) printf("\n%s\n", c->about);
    printf("\n");
    print_options(bit, false);
    if (bit & FOR_COMPILING) printf(bit == FOR_COMPILE ? "" : "\nOptions of compiling:\n");
    print_options(bit, true);
    if (bit & FOR_COMPILING) {
        printf("\n");
        print_backends();
    }
}
