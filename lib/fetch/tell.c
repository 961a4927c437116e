/* What a server tells: its user, and another one that finds the port in use. */
#include "lib/fetch/fetch.h"

#include <stdarg.h>
#include <stdio.h>

void fetch_tell(FetchServer *server, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    server->options.line(server->options.user, line);
}

const char *fetch_build(const FetchServer *server, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, "lpc serve-packages ");
    for (int i = 0; i < 32; i++) text_printf(&text, "%02x", server->d.package->build_id[i]);
    text_add(&text, "\n");
    return text.data;
}
