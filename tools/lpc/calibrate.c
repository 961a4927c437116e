/* `lpc calibrate`: a target file from measurements; figures of a link. */
#include "tools/lpc/command.h"

int command_calibrate(lpc_compiler *c, const Words *words)
{
    const char *text;
    (void)words;
    TRY_STATUS(lpc_calibrate(c, lpc_get(c, "o"), &text));
    if (text) fputs(text, stdout);
    return command_printed();
}
