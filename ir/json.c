/* JSON files. */
#include "ir/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* No file of ours comes near; a device may never end. */
static const size_t MOST_BYTES = (size_t)1 << 30;

static int read_text(Diag *diag, Arena *arena, const char *path, char **text)
{
    FILE *file = fopen(path, "rb");
    if (!file) return diag_error(diag, "cannot read '%s': %s", path, strerror(errno));
    Text all;
    text_init(&all, arena);
    char part[4096];
    size_t n;
    while (all.length <= MOST_BYTES && (n = fread(part, 1, sizeof part, file)))
        text_addn(&all, part, n);
    bool failed = ferror(file), large = all.length > MOST_BYTES;
    fclose(file);
    if (failed) return diag_error(diag, "cannot read '%s'", path);
    if (large) return diag_error(diag, "cannot read '%s': it is larger than 1 GiB", path);
    *text = all.data;
    return 0;
}

int json_read(Diag *diag, Arena *arena, const char *path, cJSON **root)
{
    char *text;
    diag->file = NULL;
    TRY(read_text(diag, arena, path, &text));
    diag->file = path;
    const char *end = NULL;
    *root = cJSON_ParseWithOpts(text, &end, true);
    if (*root) return 0;
    int line = 1;
    for (const char *c = text; end && c < end; c++) line += *c == '\n';
    return diag_error(diag, "not JSON: line %d", line);
}
