/* The man page, from the table of options: lpc --help-man. docs/lpc.1 is what this prints, which a
 * test holds it to. */
#include "tools/lpc/command.h"

#include <ctype.h>
#include <string.h>

/* Text in roff: dashes are dashes, and no line begins a request. */
static void put(const char *text)
{
    for (const char *at = text; *at; at++) {
        if ((at == text || at[-1] == '\n') && (*at == '.' || *at == '\'')) fputs("\\&", stdout);
        if (*at == '-')
            fputs("\\-", stdout);
        else if (*at == '\\')
            fputs("\\e", stdout);
        else
            putchar(*at);
    }
}

static void put_option(const lpc_option *option)
{
    printf(".TP\n%s ", option->value ? ".BI" : ".B");
    put(option->name[1] ? "--" : "-");
    put(option->name);
    if (option->value) {
        printf(" \" ");
        put(option->value);
        printf("\"");
    }
    putchar('\n');
    put(option->help);
    printf(".\n");
}

static void put_options(lpc_compiler *c, const lpc_command *command, bool shared)
{
    size_t count;
    const lpc_option *list = lpc_options(c, &count);
    for (size_t i = 0; i < count; i++) {
        bool compiling = command_takes(command_find(""), &list[i]);
        if (command_takes(command, &list[i]) && compiling == shared) put_option(&list[i]);
    }
}

static void put_usages(const lpc_command *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *usage = list[i].usage;
        for (const char *at = usage; *at; at += strcspn(at, "\n"), at += *at == '\n') {
            char line[160];
            snprintf(line, sizeof line, "lpc %.*s", (int)strcspn(at, "\n"), at);
            char *gap = strstr(line, "   "); /* what it does is told below */
            if (gap) *gap = 0;
            if (strspn(line + 4, " ") == strlen(line + 4)) continue;
            put(line);
            printf("\n.br\n");
        }
    }
}

void print_man(lpc_compiler *c)
{
    size_t count;
    const lpc_command *list = lpc_commands(&count);
    printf(".TH LPC 1 \"\" \"lpc\" \"User Commands\"\n"
           ".SH NAME\nlpc \\- compile one neural network into one small program per device\n"
           ".SH SYNOPSIS\n");
    put_usages(list, count);
    printf(".SH DESCRIPTION\n.B lpc\n"
           "reads an ONNX model, decides which layers run on which device under each device's "
           "memory,\n"
           "and writes for every device portable C or an LLVM object with the weights baked in, "
           "linked\n"
           "to a small send/receive runtime.\n");
    put(list[0].about);
    printf("\n.SH OPTIONS OF COMPILING\nAlso of lpc check, inspect, profile and plan.\n");
    put_options(c, list, true);
    for (size_t i = 1; i < count; i++) {
        printf(".SH LPC ");
        for (const char *at = list[i].name; *at; at++) putchar(toupper((unsigned char)*at));
        printf("\n");
        put(list[i].about);
        printf("\n");
        put_options(c, &list[i], false);
        if (!list[i].compiles) put_options(c, &list[i], true);
    }
    printf(
        ".SH EXIT STATUS\n0 done (check: match), 1 error, 2 usage, 3 mismatch. Stage programs have "
        "their own: see\ndocs/wire.md.\n"
        ".SH SEE ALSO\n.BR lpc\\-opt ,\nthe documents in the source's docs/ folder.\n");
}
