/* lpc-opt: reads a graph or a loops program in its text form, runs named passes, prints the text
 * form. A text whose first word is `graph` is a graph (docs/graph-text.md), `program` is loops
 * (docs/loops-text.md). It is a user of liblpc. */
#include "include/lpc/lpc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Words {
    const char *passes;  /* "a,b=3,c" */
    const char *symbols; /* "batch=4,seq=128" */
    const char *file;
} Words;

static const char usage_line[] =
    "usage: lpc-opt [--passes a,b,c] [--symbols name=bound,...] FILE|-";

/* The whole file; NULL: it cannot be read. */
static char *read_text(const char *name)
{
    FILE *file = strcmp(name, "-") ? fopen(name, "rb") : stdin;
    char *text = NULL;
    size_t length = 0, room = 0, got = 0;
    if (!file) return NULL;
    do {
        length += got;
        if (length + 1 >= room) {
            room = 2 * room + 4096;
            char *more = realloc(text, room);
            if (!more) break;
            text = more;
        }
        got = fread(text + length, 1, room - 1 - length, file);
    } while (got);
    bool failed = got || ferror(file);
    if (file != stdin) fclose(file);
    if (!failed) text[length] = 0;
    if (failed) free(text);
    return failed ? NULL : text;
}

static int transform(lpc_compiler *c, const Words *words)
{
    const char *result = NULL;
    char *text = read_text(words->file);
    if (!text) {
        fprintf(stderr, "lpc: error: %s: cannot be read\n", words->file);
        return LPC_STATUS_ERROR;
    }
    lpc_status status = lpc_transform(c, text, words->file, words->symbols, words->passes, &result);
    free(text);
    for (size_t i = 0; i < lpc_message_count(c); i++)
        fprintf(stderr, "lpc: error: %s\n", lpc_message(c, i));
    if (status) return (int)status;
    if (fputs(result, stdout) >= 0 && !fflush(stdout)) return LPC_STATUS_OK;
    fprintf(stderr, "lpc: error: %s: cannot write the result\n", words->file);
    return LPC_STATUS_ERROR;
}

static int print_help(lpc_compiler *c)
{
    size_t count;
    const lpc_pass *passes = lpc_passes(c, &count);
    if (!passes) return LPC_STATUS_MEMORY;
    printf(
        "%s\nReads a graph or loops program in its text form, runs passes, prints the text form.\n",
        usage_line);
    for (int loops = 0; loops < 2; loops++) {
        printf("\n%s passes:\n", loops ? "Loops" : "Graph");
        for (size_t i = 0; i < count; i++)
            if (passes[i].loops == loops) printf("  %-14s %s\n", passes[i].name, passes[i].help);
    }
    return LPC_STATUS_OK;
}

static int usage(const char *what, const char *argument)
{
    fprintf(stderr, "lpc-opt: %s%s\n%s\n", what, argument, usage_line);
    return LPC_STATUS_USAGE;
}

static int run(lpc_compiler *c, int argc, char **argv)
{
    Words words = {0};
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        bool passes = !strcmp(argument, "--passes"), symbols = !strcmp(argument, "--symbols");
        if (!strcmp(argument, "--help")) return print_help(c);
        if ((passes || symbols) && i + 1 == argc) return usage("nothing behind ", argument);
        if (passes)
            words.passes = argv[++i];
        else if (symbols)
            words.symbols = argv[++i];
        else if (argument[0] == '-' && argument[1])
            return usage("unknown option ", argument);
        else if (words.file)
            return usage("more than one file: ", argument);
        else
            words.file = argument;
    }
    return words.file ? transform(c, &words) : usage("no file", "");
}

int main(int argc, char **argv)
{
    lpc_compiler *c = lpc_create();
    int code = c ? run(c, argc, argv) : LPC_STATUS_MEMORY;
    if (code == LPC_STATUS_MEMORY) fprintf(stderr, "lpc-opt: out of memory\n");
    lpc_destroy(c);
    return code;
}
