/* Completions for shells, from the table of options: lpc --completion SHELL. */
#include "tools/lpc/command.h"

#include <string.h>

/* What completions are made from. */
typedef struct Table {
    const lpc_command *commands;
    const lpc_option *options;
    size_t command_count, option_count;
} Table;

static const char *dashes(const lpc_option *option)
{
    return option->name[1] ? "--" : "-";
}

/* Does the value name a file or a folder? */
static bool is_path(const lpc_option *option)
{
    const char *v = option->value;
    return v && (strstr(v, "FILE") || strstr(v, "DIR") || strstr(v, "OUT")) && !strchr(v, '(');
}

/* "fixed|free": the words are the value. */
static bool is_choice(const lpc_option *option)
{
    return option->value && strchr(option->value, '|');
}

static void put_words(const Table *t, const lpc_command *command)
{
    for (size_t i = 0; i < t->option_count; i++)
        if (command_takes(command, &t->options[i]))
            printf(" %s%s", dashes(&t->options[i]), t->options[i].name);
}

static void put_replaced(const char *text, char from, char to)
{
    for (; *text; text++) putchar(*text == from ? to : *text);
}

/* Of one name the last option has most words. */
static bool comes_again(const Table *t, size_t option)
{
    for (size_t k = option + 1; k < t->option_count; k++)
        if (!strcmp(t->options[option].name, t->options[k].name)) return true;
    return false;
}

static void print_bash(const Table *t)
{
    printf("# bash completion for lpc; made by lpc --completion bash\n_lpc()\n{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options\n"
           "    case $before in\n");
    for (size_t i = 0; i < t->option_count; i++) {
        if (!is_choice(&t->options[i]) || comes_again(t, i)) continue;
        printf("    %s%s) COMPREPLY=($(compgen -W '", dashes(&t->options[i]), t->options[i].name);
        put_replaced(t->options[i].value, '|', ' ');
        printf("' -- \"$word\")); return ;;\n");
    }
    printf("    --targets | --target) COMPREPLY=($(compgen -W \"$(lpc targets | "
           "sed -n '2,/^$/s/ .*//p')\" -- \"$word\")); return ;;\n    esac\n"
           "    case ${COMP_WORDS[1]} in\n");
    for (size_t c = 1; c <= t->command_count; c++) {
        const lpc_command *command = &t->commands[c % t->command_count];
        printf("    %s) options='", *command->name ? command->name : "*");
        put_words(t, command);
        printf("' ;;\n");
    }
    printf("    esac\n    case $word in\n"
           "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
           "    *) [ \"$COMP_CWORD\" = 1 ] && COMPREPLY=($(compgen -W '");
    for (size_t c = 1; c < t->command_count; c++)
        printf("%s%s", c > 1 ? " " : "", t->commands[c].name);
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

static void print_zsh(const Table *t)
{
    printf("#compdef lpc\n# zsh completion for lpc; made by lpc --completion zsh\n"
           "local -a commands\ncommands=(");
    for (size_t c = 1; c < t->command_count; c++) {
        printf("\n    '%s:", t->commands[c].name);
        put_help(t->commands[c].summary);
        printf("'");
    }
    printf("\n)\ncase ${words[2]} in\n");
    for (size_t c = 1; c <= t->command_count; c++) {
        const lpc_command *command = &t->commands[c % t->command_count];
        printf("%s)\n    _arguments", *command->name ? command->name : "*");
        for (size_t i = 0; i < t->option_count; i++) {
            const lpc_option *option = &t->options[i];
            if (!command_takes(command, option)) continue;
            printf(" \\\n        '*%s%s[", dashes(option), option->name);
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
        if (!*command->name) printf(" \\\n        '1: :{_describe command commands; _files}'");
        printf(" \\\n        '*: :_files'\n    ;;\n");
    }
    printf("esac\n");
}

static void print_fish(const Table *t)
{
    printf("# fish completion for lpc; made by lpc --completion fish\n"
           "set -l commands");
    for (size_t c = 1; c < t->command_count; c++) printf(" %s", t->commands[c].name);
    printf("\n");
    for (size_t c = 1; c < t->command_count; c++) {
        printf("complete -c lpc -n \"not __fish_seen_subcommand_from $commands\" -a %s -d '",
               t->commands[c].name);
        put_help(t->commands[c].summary);
        printf("'\n");
    }
    for (size_t c = 0; c < t->command_count; c++) {
        for (size_t i = 0; i < t->option_count; i++) {
            const lpc_option *option = &t->options[i];
            if (!command_takes(&t->commands[c], option)) continue;
            if (c)
                printf("complete -c lpc -n '__fish_seen_subcommand_from %s'", t->commands[c].name);
            else
                printf("complete -c lpc -n \"not __fish_seen_subcommand_from $commands\"");
            printf(" %s %s -d '", option->name[1] ? "-l" : "-s", option->name);
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

int print_completion(lpc_compiler *c, const char *shell)
{
    Table t;
    t.commands = lpc_commands(&t.command_count);
    t.options = lpc_options(c, &t.option_count);
    if (!strcmp(shell, "bash"))
        print_bash(&t);
    else if (!strcmp(shell, "zsh"))
        print_zsh(&t);
    else if (!strcmp(shell, "fish"))
        print_fish(&t);
    else {
        fprintf(stderr, "lpc: --completion '%s': expected bash, zsh or fish\n", shell);
        return LPC_STATUS_USAGE;
    }
    return LPC_STATUS_OK;
}
