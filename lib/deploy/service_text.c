/* Parts of the files by which services start; compose.c and kubernetes.c are the wholes. */
#include "lib/deploy/services.h"

#include <string.h>

void services_words(const Service *service, const char *place, Text *out)
{
    text_add(out, "[");
    for (const char **word = service->words; *word; word++) {
        const char *rest = strncmp(*word, "%s", 2) == 0 ? *word + 2 : NULL;
        text_printf(out, "%s\"%s%s\"", word == service->words ? "" : ", ", rest ? place : "",
                    rest ? rest : *word);
    }
    text_add(out, "]");
}

void services_probe(Text *out)
{
    text_printf(out,
                "[\"grep\", \"-qsE\", \":%04X [0-9A-F]+:0000 0A \", \"/proc/net/tcp\", "
                "\"/proc/net/tcp6\"]",
                SERVICE_PORT);
}
