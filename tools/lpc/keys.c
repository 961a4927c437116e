/* `lpc keys`: a fresh key for links. */
#include "tools/lpc/command.h"

int command_keys(lpc_compiler *c, const Words *words)
{
    const char *line;
    (void)words;
    TRY_STATUS(lpc_make_key(c, &line));
    if (line) fputs(line, stdout);
    return command_printed() ? LPC_STATUS_ERROR : LPC_STATUS_OK;
}
