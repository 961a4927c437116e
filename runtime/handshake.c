/* Hellos: before any frame, neighbours say at which cut of which model they stand, and for which stream.
 *
 * The end that connects speaks first; the one that listens answers only what fits (gate.c), so that whoever does
 * not know the cut's id learns nothing of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const uint8_t hello_magic[8] = {'L', 'P', 'C', '-', 'P', 'I', 'P', 'E'};

enum { CHECKED_BYTES = LPC_HELLO_BYTES - 4 }; /* what the checksum is of */

LpcHello lpc_hello_at(const lpc_contract *contract, int beat_ms)
{
    return (LpcHello){.id = contract->id,
                      .cut = contract->cut,
                      .hash = contract->hash,
                      .beat_ms = (uint32_t)beat_ms};
}

/* magic 8, version u32, cut u32, the cut's id 32, contract hash u64, stream 16, answer u32, before u32, beat u32,
 * zero 8, checksum u32 */
void lpc_hello_encode(const LpcCrc *crc, const LpcHello *hello, uint8_t bytes[LPC_HELLO_BYTES])
{
    uint32_t version = LPC_PROTOCOL;
    memset(bytes, 0, LPC_HELLO_BYTES);
    memcpy(bytes, hello_magic, 8);
    memcpy(bytes + 8, &version, 4);
    memcpy(bytes + 12, &hello->cut, 4);
    memcpy(bytes + 16, hello->id, 32);
    memcpy(bytes + 48, &hello->hash, 8);
    memcpy(bytes + 56, hello->stream, LPC_STREAM_BYTES);
    memcpy(bytes + 72, &hello->answer, 4);
    memcpy(bytes + 76, &hello->before, 4);
    memcpy(bytes + 80, &hello->beat_ms, 4);
    uint32_t own = lpc_crc(crc, 0, bytes, CHECKED_BYTES);
    memcpy(bytes + CHECKED_BYTES, &own, 4);
}

uint32_t lpc_hello_cut(const uint8_t bytes[LPC_HELLO_BYTES])
{
    uint32_t cut;
    memcpy(&cut, bytes + 12, 4);
    return cut;
}

static void short_id(const uint8_t *id, char text[17])
{
    for (int i = 0; i < 8; i++) snprintf(text + 2 * i, 3, "%02x", id[i]);
}

int lpc_hello_check(const LpcCrc *crc, const LpcHello *hello, const uint8_t bytes[LPC_HELLO_BYTES],
                    const char *peer, LpcHello *theirs, LpcError *error)
{
    uint32_t version, cut, own;
    uint64_t hash;
    memcpy(&version, bytes + 8, 4);
    memcpy(&cut, bytes + 12, 4);
    memcpy(&hash, bytes + 48, 8);
    memcpy(&own, bytes + CHECKED_BYTES, 4);
    if (memcmp(bytes, hello_magic, 8) != 0)
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s is no lpc stage (wrong magic)", peer);
    if (version != LPC_PROTOCOL) /* before the checksum: another version may have another layout */
        return lpc_error(error, LPC_EXIT_BUILD, "%.100s speaks protocol %" PRIu32 ", this is %d",
                         peer, version, LPC_PROTOCOL);
    if (own != lpc_crc(crc, 0, bytes, CHECKED_BYTES))
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s: the handshake's checksum is wrong", peer);
    if (memcmp(bytes + 16, hello->id, 32) != 0) {
        char id[17], ours[17];
        short_id(bytes + 16, id);
        short_id(hello->id, ours);
        return lpc_error(error, LPC_EXIT_BUILD,
                         "%.100s is of another build: its cut is %s..., this end's %s...", peer, id,
                         ours);
    }
    if (cut != hello->cut)
        return lpc_error(error, LPC_EXIT_CONTRACT,
                         "%.100s stands at cut %" PRIu32 ", this end at cut %" PRIu32, peer, cut,
                         hello->cut);
    if (hash != hello->hash)
        return lpc_error(error, LPC_EXIT_CONTRACT,
                         "%.100s has another contract for cut %" PRIu32 ": %016" PRIx64
                         ", this end %016" PRIx64,
                         peer, cut, hash, hello->hash);
    *theirs = *hello;
    memcpy(theirs->stream, bytes + 56, LPC_STREAM_BYTES);
    memcpy(&theirs->answer, bytes + 72, 4);
    memcpy(&theirs->before, bytes + 76, 4);
    memcpy(&theirs->beat_ms, bytes + 80, 4);
    return 0;
}

int lpc_stream_draw(uint8_t stream[LPC_STREAM_BYTES], LpcError *error)
{
    if (getrandom(stream, LPC_STREAM_BYTES, 0) == LPC_STREAM_BYTES) return 0;
    return lpc_error(error, LPC_EXIT_SYSTEM, "the system gives no random numbers");
}
