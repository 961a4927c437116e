/* See figures.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "figures.h"

#include <inttypes.h>
#include <string.h>

static const uint8_t figures_magic[8] = {'L', 'P', 'C', '-', 'S', 'T', 'A', 'T'};

/* magic 8, version u32, length u32, name 64, build id 32, the long ones u64 each, the short ones u32 each, zero,
 * checksum u32 */
enum { NAME_AT = 16, BUILD_AT = NAME_AT + LPC_FIGURES_NAME, LONG_AT = BUILD_AT + 32 };
enum { CHECKED_BYTES = LPC_FIGURES_BYTES - 4 };
enum {
#define X(field, meaning) long_##field,
    LPC_FIGURES_LONG(X)
#undef X
        LONG_COUNT
};
enum {
#define X(field, meaning) short_##field,
    LPC_FIGURES_SHORT(X)
#undef X
        SHORT_COUNT
};
enum { SHORT_AT = LONG_AT + 8 * LONG_COUNT };

_Static_assert(SHORT_AT + 4 * SHORT_COUNT <= CHECKED_BYTES, "figures fit their message");

void lpc_figures_encode(const LpcCrc *crc, const LpcFigures *f, uint8_t bytes[LPC_FIGURES_BYTES])
{
    uint32_t version = LPC_FIGURES_VERSION, length = LPC_FIGURES_BYTES;
    memset(bytes, 0, LPC_FIGURES_BYTES);
    memcpy(bytes, figures_magic, 8);
    memcpy(bytes + 8, &version, 4);
    memcpy(bytes + 12, &length, 4);
    memcpy(bytes + NAME_AT, f->name, strnlen(f->name, LPC_FIGURES_NAME - 1));
    memcpy(bytes + BUILD_AT, f->build_id, 32);
#define X(field, meaning) memcpy(bytes + LONG_AT + 8 * long_##field, &f->field, 8);
    LPC_FIGURES_LONG(X)
#undef X
#define X(field, meaning) memcpy(bytes + SHORT_AT + 4 * short_##field, &f->field, 4);
    LPC_FIGURES_SHORT(X)
#undef X
    uint32_t sum = lpc_crc(crc, 0, bytes, CHECKED_BYTES);
    memcpy(bytes + CHECKED_BYTES, &sum, 4);
}

int lpc_figures_decode(const LpcCrc *crc, const uint8_t bytes[LPC_FIGURES_BYTES], const char *peer,
                       LpcFigures *f, LpcError *error)
{
    uint32_t version, length, sum;
    memcpy(&version, bytes + 8, 4);
    memcpy(&length, bytes + 12, 4);
    memcpy(&sum, bytes + CHECKED_BYTES, 4);
    if (memcmp(bytes, figures_magic, 8) != 0)
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s answers with something else than figures",
                         peer);
    if (version != LPC_FIGURES_VERSION || length != LPC_FIGURES_BYTES)
        return lpc_error(error, LPC_EXIT_BUILD,
                         "%.100s has figures of version %" PRIu32 ", this is %d", peer, version,
                         LPC_FIGURES_VERSION);
    if (sum != lpc_crc(crc, 0, bytes, CHECKED_BYTES))
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s: the figures' checksum is wrong", peer);
    if (bytes[BUILD_AT - 1])
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s: the stage's name has no end", peer);
    memcpy(f->name, bytes + NAME_AT, LPC_FIGURES_NAME);
    memcpy(f->build_id, bytes + BUILD_AT, 32);
#define X(field, meaning) memcpy(&f->field, bytes + LONG_AT + 8 * long_##field, 8);
    LPC_FIGURES_LONG(X)
#undef X
#define X(field, meaning) memcpy(&f->field, bytes + SHORT_AT + 4 * short_##field, 4);
    LPC_FIGURES_SHORT(X)
#undef X
    return 0;
}
