/* Files in memory: the model itself, and external data beside it.
 *
 * A model names its external files by relative paths. Whoever made the model may not make lpc read
 * any other file of the user's: absolute paths, `..` and links out of the folder are refused. */
#define _GNU_SOURCE /* realpath */
#include "frontend/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_descriptor(Import *im, int fd, const char *path, FileMap *map)
{
    struct stat info;
    if (fstat(fd, &info)) return diag_error(im->diag, "cannot read %s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return diag_error(im->diag, "%s is not a regular file", path);
    *map = (FileMap){arena_strdup(im->arena, path), (const uint8_t *)"", (size_t)info.st_size};
    if (info.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            return diag_error(im->diag, "cannot map %s: %s", path, strerror(errno));
        }
        map->bytes = bytes;
    }
    arena_push(im->arena, im->maps, im->map_count) = *map;
    return LPC_OK;
}

int load_map(Import *im, const char *path, FileMap *map)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (!strcmp(path, im->file))
            return diag_error(im->diag, "cannot open: %s", strerror(errno));
        return diag_error(im->diag, "cannot open %s: %s", path, strerror(errno));
    }
    int code = map_descriptor(im, fd, path, map);
    close(fd);
    return code;
}

void load_close(Import *im)
{
    for (int i = 0; i < im->map_count; i++) {
        if (im->maps[i].size) munmap((void *)(uintptr_t)im->maps[i].bytes, im->maps[i].size);
    }
    im->map_count = 0;
}

static const char *real_path(Import *im, const char *path)
{
    char *real = realpath(path, NULL);
    if (!real) return NULL;
    const char *copy = arena_strdup(im->arena, real);
    free(real);
    return copy;
}

int load_folder(Import *im, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *folder = ".";
    if (slash)
        folder = slash == path ? "/" : arena_strndup(im->arena, path, (size_t)(slash - path));
    im->folder = real_path(im, folder);
    if (im->folder) return LPC_OK;
    return diag_error(im->diag, "cannot resolve its folder: %s", strerror(errno));
}

static bool has_dotdot(const char *path)
{
    for (const char *part = path; part;) {
        if (!strncmp(part, "..", 2) && (part[2] == '/' || part[2] == 0)) return true;
        part = strchr(part, '/');
        if (part) part++;
    }
    return false;
}

/* The file's real path, inside the model's folder. */
static int resolve(Import *im, const char *location, const char *what, const char **real)
{
    if (!im->folder) {
        return diag_error(im->diag, "%s: external data is not available to a model in memory",
                          what);
    }
    if (!*location || *location == '/' || has_dotdot(location)) {
        return diag_error(im->diag,
                          "%s: external data '%s' is not a path inside the model's folder", what,
                          location);
    }
    const char *root = strcmp(im->folder, "/") ? im->folder : "";
    *real = real_path(im, arena_printf(im->arena, "%s/%s", root, location));
    if (!*real) {
        return diag_error(im->diag, "%s: external data file '%s' cannot be opened: %s", what,
                          location, strerror(errno));
    }
    size_t length = strlen(root);
    if (strncmp(*real, root, length) || (*real)[length] != '/') {
        return diag_error(im->diag, "%s: external data '%s' leads outside the model's folder (%s)",
                          what, location, *real);
    }
    return LPC_OK;
}

static bool parse_number(const char *text, uint64_t *value)
{
    if (*text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return !errno && !*end;
}

typedef struct External {
    const char *location;
    uint64_t offset, length;
    bool has_length;
} External;

static int read_entries(Import *im, const Onnx__TensorProto *proto, const char *what,
                        External *external)
{
    *external = (External){0};
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = proto->external_data[i]->key, *value = proto->external_data[i]->value;
        if (!key || !value) continue;
        bool good = true;
        if (!strcmp(key, "location")) {
            external->location = value;
        } else if (!strcmp(key, "offset")) {
            good = parse_number(value, &external->offset);
        } else if (!strcmp(key, "length")) {
            good = parse_number(value, &external->length);
            external->has_length = true;
        }
        if (!good) {
            return diag_error(im->diag, "%s: external data: %s '%s' is not a number", what, key,
                              value);
        }
    }
    if (external->location) return LPC_OK;
    return diag_error(im->diag, "%s: external data has no location", what);
}

int load_external(Import *im, const Onnx__TensorProto *proto, size_t size, const char *what,
                  const void **data)
{
    External external;
    const char *real = NULL;
    TRY(read_entries(im, proto, what, &external));
    TRY(resolve(im, external.location, what, &real));
    FileMap map = {0};
    for (int i = 0; i < im->map_count && !map.path; i++) {
        if (!strcmp(im->maps[i].path, real)) map = im->maps[i];
    }
    if (!map.path) TRY(load_map(im, real, &map));
    if (external.has_length && external.length != size) {
        return diag_error(im->diag, "%s: needs %zu bytes, its external data has length %" PRIu64,
                          what, size, external.length);
    }
    if (external.offset > map.size || size > map.size - external.offset) {
        return diag_error(im->diag,
                          "%s: external data file '%s' is too short: needs %zu bytes at offset "
                          "%" PRIu64 ", the file has %zu",
                          what, external.location, size, external.offset, map.size);
    }
    *data = map.bytes + external.offset;
    return LPC_OK;
}
