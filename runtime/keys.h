/* Keys that links are protected with (tls.h): a file of lines "NAME HEX", 64 hexadecimal digits each.
 *
 * Whoever connects uses the first key; whoever listens accepts all of them. So keys are changed without stopping
 * anything: a new one is added behind, then stands first, then the old one goes (docs/security.md). */
#ifndef LPC_RUNTIME_KEYS_H
#define LPC_RUNTIME_KEYS_H

#include "frame.h"

#include <pthread.h>

enum {
    LPC_KEYS_MOST = 32,        /* in a file */
    LPC_KEY_NAME_BYTES = 33,   /* with the zero behind it */
    LPC_SECRET_BYTES = 32,     /* 256 bits */
    LPC_KEYS_FILE_MOST = 8192, /* bytes of a file */
    LPC_KEY_LINE_BYTES = LPC_KEY_NAME_BYTES + 2 * LPC_SECRET_BYTES + 2
};

typedef struct LpcKey {
    char name[LPC_KEY_NAME_BYTES];
    uint8_t secret[LPC_SECRET_BYTES];
} LpcKey;

typedef struct LpcKeySet {
    int count;
    LpcKey keys[LPC_KEYS_MOST];
} LpcKeySet;

typedef struct LpcKeys {
    const char *file;
    pthread_mutex_t mutex;
    LpcKeySet set; /* under the mutex */
} LpcKeys;

/* The keys of a file's text; `file` is for messages. Blank lines and those that begin with # are skipped. Returns 0 or
 * LPC_EXIT_USAGE with error filled; a secret is never part of a message. */
int lpc_keys_parse(LpcKeySet *set, const char *text, size_t length, const char *file,
                   LpcError *error);
/* Reads the file, which nobody but its owner may read. The path must live as long as the keys. */
int lpc_keys_open(LpcKeys *keys, const char *file, LpcError *error);
/* Reads it again. When that fails the keys stay as they were. */
int lpc_keys_again(LpcKeys *keys, LpcError *error);
/* The key of that name (NULL: the first one). Returns whether there is one. */
int lpc_keys_find(LpcKeys *keys, const char *name, LpcKey *key);
/* Forgets them. */
void lpc_keys_close(LpcKeys *keys);

/* A fresh key as a line of a file, with its end. name: "" draws one. */
int lpc_keys_draw(const char *name, char line[LPC_KEY_LINE_BYTES], LpcError *error);

/* Overwrites a secret, whatever the compiler thinks of it. */
void lpc_forget(void *secret, size_t size);

#endif
