/* libFuzzer target for files of keys. What is taken must be names and whole keys, each name once. */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static LpcKeySet set;
    LpcError error = {0};
    char *text = malloc(size + !size); /* so that nothing behind it may be read */
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    int code = lpc_keys_parse(&set, text, size, "keys", &error);
    free(text);
    if (code ? !error.text[0] : set.count < 1 || set.count > LPC_KEYS_MOST) abort();
    for (int i = 0; !code && i < set.count; i++) {
        size_t length = strlen(set.keys[i].name);
        if (!length || length >= LPC_KEY_NAME_BYTES) abort();
        for (int k = 0; k < i; k++)
            if (!strcmp(set.keys[i].name, set.keys[k].name)) abort();
    }
    return 0;
}
