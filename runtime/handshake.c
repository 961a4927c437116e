/* The handshake: before any frame, both neighbours say which build they are and where they stand.
 *
 * Both send first and read then (64 bytes fit every socket's buffer), so both see a mismatch and
 * both can name it. */
#include "frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint8_t hello_magic[8] = {'L', 'P', 'C', '-', 'P', 'I', 'P', 'E'};

/* magic 8, version u32, cut u32, build id 32, contract hash u64, zero u32, checksum u32 */
void lpc_hello_encode(const LpcCrc *crc, const LpcHello *hello, uint8_t bytes[LPC_HELLO_BYTES])
{
    uint32_t version = LPC_PROTOCOL, zero = 0;
    memcpy(bytes, hello_magic, 8);
    memcpy(bytes + 8, &version, 4);
    memcpy(bytes + 12, &hello->cut, 4);
    memcpy(bytes + 16, hello->build_id, 32);
    memcpy(bytes + 48, &hello->hash, 8);
    memcpy(bytes + 56, &zero, 4);
    uint32_t own = lpc_crc(crc, 0, bytes, 60);
    memcpy(bytes + 60, &own, 4);
}

static void short_id(const uint8_t *id, char text[17])
{
    for (int i = 0; i < 8; i++) snprintf(text + 2 * i, 3, "%02x", id[i]);
}

int lpc_hello_check(const LpcCrc *crc, const LpcHello *hello, const uint8_t bytes[LPC_HELLO_BYTES],
                    const char *peer, LpcError *error)
{
    uint32_t version, cut, own;
    uint64_t hash;
    memcpy(&version, bytes + 8, 4);
    memcpy(&cut, bytes + 12, 4);
    memcpy(&hash, bytes + 48, 8);
    memcpy(&own, bytes + 60, 4);
    if (memcmp(bytes, hello_magic, 8) != 0)
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s is no lpc stage (wrong magic)", peer);
    if (version != LPC_PROTOCOL) /* before the checksum: another version may have another layout */
        return lpc_error(error, LPC_EXIT_BUILD, "%.100s speaks protocol %" PRIu32 ", this is %d",
                         peer, version, LPC_PROTOCOL);
    if (own != lpc_crc(crc, 0, bytes, 60))
        return lpc_error(error, LPC_EXIT_FRAME, "%.100s: the handshake's checksum is wrong", peer);
    if (memcmp(bytes + 16, hello->build_id, 32) != 0) {
        char theirs[17], ours[17];
        short_id(bytes + 16, theirs);
        short_id(hello->build_id, ours);
        return lpc_error(error, LPC_EXIT_BUILD, "%.100s is of another build: %s..., this is %s...",
                         peer, theirs, ours);
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
    return 0;
}

int lpc_handshake(const LpcReader *reader, const LpcWriter *writer, const LpcCrc *crc,
                  const LpcHello *hello, const char *peer, LpcError *error)
{
    uint8_t ours[LPC_HELLO_BYTES], theirs[LPC_HELLO_BYTES];
    lpc_hello_encode(crc, hello, ours);
    struct iovec piece = {ours, sizeof ours};
    int code = writer->write(writer->self, &piece, 1, error);
    if (code) return code;
    code = reader->read(reader->self, theirs, sizeof theirs, 0, error);
    if (code) return code;
    return lpc_hello_check(crc, hello, theirs, peer, error);
}
