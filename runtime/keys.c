/* See keys.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGITS = 2 * LPC_SECRET_BYTES, DRAWN_BYTES = 4 };

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

void lpc_forget(void *secret, size_t size)
{
    volatile uint8_t *at = secret;
    while (size--) *at++ = 0;
}

/* --- a file's text --- */

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* "NAME HEX", without the line's end. Returns what is wrong with it, or NULL. */
static const char *parse_line(const char *line, size_t length, LpcKey *key)
{
    static const char expected[] = "expected NAME, a space, and 64 hexadecimal digits";
    size_t name = 0, at;
    while (name < length && line[name] && strchr(name_letters, line[name])) name++;
    if (!name || name >= LPC_KEY_NAME_BYTES)
        return "expected a name of 1 to 32 letters, digits, '.', '_' or '-', and a key behind it";
    for (at = name; at < length && (line[at] == ' ' || line[at] == '\t');) at++;
    if (at == name || length - at != DIGITS) return expected;
    for (size_t i = 0; i < LPC_SECRET_BYTES; i++) {
        int high = digit(line[at + 2 * i]), low = digit(line[at + 2 * i + 1]);
        if (high < 0 || low < 0) return expected;
        key->secret[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(key->name, line, name);
    key->name[name] = 0;
    return NULL;
}

static const LpcKey *find(const LpcKeySet *set, const char *name)
{
    for (int i = 0; i < set->count; i++)
        if (!name || strcmp(set->keys[i].name, name) == 0) return &set->keys[i];
    return NULL;
}

/* Adds the line's key, if it has one. */
static const char *add_line(LpcKeySet *set, const char *line, size_t length)
{
    LpcKey key = {0};
    while (length && strchr(" \t\r", line[length - 1])) length--;
    if (!length || *line == '#') return NULL;
    const char *wrong = parse_line(line, length, &key);
    if (!wrong && find(set, key.name)) wrong = "this name stands there already";
    if (!wrong && set->count == LPC_KEYS_MOST) wrong = "more than 32 keys";
    if (!wrong) set->keys[set->count++] = key;
    lpc_forget(&key, sizeof key);
    return wrong;
}

int lpc_keys_parse(LpcKeySet *set, const char *text, size_t length, const char *file,
                   LpcError *error)
{
    set->count = 0;
    for (int number = 1; length; number++) {
        const char *end = memchr(text, '\n', length);
        size_t line = end ? (size_t)(end - text) : length, step = end ? line + 1 : line;
        const char *wrong = add_line(set, text, line);
        if (wrong)
            return lpc_error(error, LPC_EXIT_USAGE, "%.100s: line %d: %s", file, number, wrong);
        text += step;
        length -= step;
    }
    if (set->count) return 0;
    return lpc_error(error, LPC_EXIT_USAGE, "%.100s has no key (lpc keys makes one)", file);
}

/* --- files --- */

static int cannot_read(const char *file, LpcError *error)
{
    return lpc_error(error, LPC_EXIT_USAGE, "%.150s: %s", file, strerror(errno));
}

/* All of the file's text; *length: its bytes. */
static int read_text(int fd, const char *file, char text[LPC_KEYS_FILE_MOST], size_t *length,
                     LpcError *error)
{
    struct stat about;
    if (fstat(fd, &about)) return cannot_read(file, error);
    if (!S_ISREG(about.st_mode))
        return lpc_error(error, LPC_EXIT_USAGE, "%.150s is no file of keys", file);
    if (about.st_mode & 077)
        return lpc_error(
            error, LPC_EXIT_USAGE,
            "%.150s: others may read or write it: chmod 600 it, and if somebody could, "
            "make new keys",
            file);
    for (*length = 0; *length < LPC_KEYS_FILE_MOST;) {
        ssize_t got = read(fd, text + *length, LPC_KEYS_FILE_MOST - *length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return cannot_read(file, error);
        if (!got) return 0;
        *length += (size_t)got;
    }
    return lpc_error(error, LPC_EXIT_USAGE,
                     "%.150s is longer than a file of keys may be (%d bytes)", file,
                     LPC_KEYS_FILE_MOST);
}

static int read_set(const char *file, LpcKeySet *set, LpcError *error)
{
    char text[LPC_KEYS_FILE_MOST];
    size_t length = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return cannot_read(file, error);
    int code = read_text(fd, file, text, &length, error);
    close(fd);
    if (!code) code = lpc_keys_parse(set, text, length, file, error);
    lpc_forget(text, sizeof text);
    return code;
}

int lpc_keys_open(LpcKeys *keys, const char *file, LpcError *error)
{
    keys->file = file;
    keys->set.count = 0;
    pthread_mutex_init(&keys->mutex, NULL);
    return read_set(file, &keys->set, error);
}

int lpc_keys_again(LpcKeys *keys, LpcError *error)
{
    LpcKeySet set;
    int code = read_set(keys->file, &set, error);
    pthread_mutex_lock(&keys->mutex);
    if (!code) keys->set = set;
    pthread_mutex_unlock(&keys->mutex);
    lpc_forget(&set, sizeof set);
    return code;
}

int lpc_keys_find(LpcKeys *keys, const char *name, LpcKey *key)
{
    pthread_mutex_lock(&keys->mutex);
    const LpcKey *found = find(&keys->set, name);
    if (found) *key = *found;
    pthread_mutex_unlock(&keys->mutex);
    return found != NULL;
}

void lpc_keys_close(LpcKeys *keys)
{
    if (!keys->file) return;
    lpc_forget(&keys->set, sizeof keys->set);
    pthread_mutex_destroy(&keys->mutex);
    keys->file = NULL;
}

int lpc_keys_draw(const char *name, char line[LPC_KEY_LINE_BYTES], LpcError *error)
{
    uint8_t bytes[LPC_SECRET_BYTES + DRAWN_BYTES];
    if (strlen(name) >= LPC_KEY_NAME_BYTES || name[strspn(name, name_letters)])
        return lpc_error(error, LPC_EXIT_USAGE,
                         "expected a name of 1 to 32 letters, digits, '.', '_' or '-'");
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return lpc_error(error, LPC_EXIT_SYSTEM, "the system gives no random numbers");
    const uint8_t *drawn = bytes + LPC_SECRET_BYTES;
    int at = *name ? sprintf(line, "%s ", name)
                   : sprintf(line, "key-%02x%02x%02x%02x ", drawn[0], drawn[1], drawn[2], drawn[3]);
    for (int i = 0; i < LPC_SECRET_BYTES; i++) at += sprintf(line + at, "%02x", bytes[i]);
    line[at] = '\n';
    line[at + 1] = 0;
    lpc_forget(bytes, sizeof bytes);
    return 0;
}
