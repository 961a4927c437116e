/* Completions for shells, from the table of options: lpc --completion SHELL. */
#include "tools/lpc/command.h"

#include <string.h>

static bool shown(const Option *option, int command)
{
    return (option->commands >> command & 1) && !option->hidden;
}

/* Does the value name a file or a folder? */
static bool is_path(const Option *option)
{
    const char *v = option->value;
    return v && (strstr(v, "FILE") || strstr(v, "DIR") || strstr(v, "OUT")) && !strchr(v, '(');
}

/* "fixed|free": the words are the value. */
static bool is_choice(const Option *option)
{
    return option->value && strchr(option->value, '|');
}

static void put_words(int command)
{
    for (int i = 0; i < option_count; i++)
        if (shown(&option_table[i], command)) printf(" %s", option_table[i].name);
}

static void put_replaced(const char *text, char from, char to)
{
    for (; *text; text++) putchar(*text == from ? to : *text);
}

static void print_bash(void)
{
    printf("# bash completion for lpc; made by lpc --completion bash\n_lpc()\n{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options\n"
           "    case $before in\n");
    for (int i = 0; i < option_count; i++) {
        if (!is_choice(&option_table[i])) continue;
        bool again = false; /* of one name the last one has most words */
        for (int k = i + 1; k < option_count; k++)
            again = again || !strcmp(option_table[i].name, option_table[k].name);
        if (again) continue;
        printf("    %s) COMPREPLY=($(compgen -W '", option_table[i].name);
        put_replaced(option_table[i].value, '|', ' ');
        printf("' -- \"$word\")); return ;;\n");
    }
    printf("    --targets | --target) COMPREPLY=($(compgen -W \"$(lpc targets | "
           "sed -n '2,/^$/s/ .*//p')\" -- \"$word\")); return ;;\n    esac\n"
           "    case ${COMP_WORDS[1]} in\n");
    for (int c = 1; c <= COMMAND_COUNT; c++) {
        int command = c % COMMAND_COUNT;
        printf("    %s) options='", command ? commands[command].name : "*");
        put_words(command);
        printf("' ;;\n");
    }
    printf("    esac\n    case $word in\n"
           "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
           "    *) [ \"$COMP_CWORD\" = 1 ] && COMPREPLY=($(compgen -W '");
    for (int c = 1; c < COMMAND_COUNT; c++) printf("%s%s", c > 1 ? " " : "", commands[c].name);
    printf("' -- \"$word\"))\n       COMPREPLY+=($(compgen -f -- \"$word\")) ;;\n    esac\n}\n"
           "complete -o filenames -F _lpc lpc\n");
}

/* Help on one line, for shells that show it: quotes and brackets would end it. */
static void put_help(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            putchar(' ');
        else if (*text == '[' || *text == ']' || *text == ':')
            putchar(',');
        else if (*text != '\'')
            putchar(*text);
    }
}

static void print_zsh(void)
{
    printf("#compdef lpc\n# zsh completion for lpc; made by lpc --completion zsh\n"
           "local -a commands\ncommands=(");
    for (int c = 1; c < COMMAND_COUNT; c++) {
        printf("\n    '%s:", commands[c].name);
        put_help(commands[c].summary);
        printf("'");
    }
    printf("\n)\ncase ${words[2]} in\n");
    for (int c = 1; c <= COMMAND_COUNT; c++) {
        int command = c % COMMAND_COUNT;
        printf("%s)\n    _arguments", command ? commands[command].name : "*");
        for (int i = 0; i < option_count; i++) {
            const Option *option = &option_table[i];
            if (!shown(option, command)) continue;
            printf(" \\\n        '*%s[", option->name);
            put_help(option->help);
            printf("]");
            if (!option->value) {
                printf("'");
                continue;
            }
            printf(":value:");
            if (is_choice(option)) {
                printf("(");
                put_replaced(option->value, '|', ' ');
                printf(")");
            } else if (is_path(option)) {
                printf("_files");
            }
            printf("'");
        }
        if (!command) printf(" \\\n        '1: :{_describe command commands; _files}'");
        printf(" \\\n        '*: :_files'\n    ;;\n");
    }
    printf("esac\n");
}

static void print_fish(void)
{
    printf("# fish completion for lpc; made by lpc --completion fish\n"
           "set -l commands");
    for (int c = 1; c < COMMAND_COUNT; c++) printf(" %s", commands[c].name);
    printf("\n");
    for (int c = 1; c < COMMAND_COUNT; c++) {
        printf("complete -c lpc -n \"not __fish_seen_subcommand_from $commands\" -a %s -d '",
               commands[c].name);
        put_help(commands[c].summary);
        printf("'\n");
    }
    for (int c = 0; c < COMMAND_COUNT; c++) {
        for (int i = 0; i < option_count; i++) {
            const Option *option = &option_table[i];
            if (!shown(option, c)) continue;
            if (c)
                printf("complete -c lpc -n '__fish_seen_subcommand_from %s'", commands[c].name);
            else
                printf("complete -c lpc -n \"not __fish_seen_subcommand_from $commands\"");
            printf(" %s %s -d '", option->name[1] == '-' ? "-l" : "-s",
                   option->name + strspn(option->name, "-"));
            put_help(option->help);
            printf("'");
            if (option->value && !is_path(option))
                printf(" -x");
            else if (option->value)
                printf(" -r");
            if (is_choice(option)) {
                printf(" -a '");
                put_replaced(option->value, '|', ' ');
                printf("'");
            }
            printf("\n");
        }
    }
}

int print_completion(const char *shell)
{
    if (!strcmp(shell, "bash"))
        print_bash();
    else if (!strcmp(shell, "zsh"))
        print_zsh();
    else if (!strcmp(shell, "fish"))
        print_fish();
    else {
        fprintf(stderr, "lpc: --completion '%s': expected bash, zsh or fish\n", shell);
        return LPC_USAGE;
    }
    return 0;
}
