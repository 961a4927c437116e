/* CRC-32C (Castagnoli, as in RFC 3720): the checksum of headers and payloads. By instruction where
 * the processor has one (SSE 4.2, Armv8 CRC), else by tables, eight bytes at a time. */
#ifndef LPC_RUNTIME_CRC_H
#define LPC_RUNTIME_CRC_H

#include <stddef.h>
#include <stdint.h>

enum { LPC_CRC_LANE = 1024 }; /* bytes of each of the three lanes that run side by side */

/* Tables and what the processor can do, made once at start. */
typedef struct LpcCrc {
    uint32_t table[8][256];
    uint32_t shift[4][256]; /* advances a CRC over LPC_CRC_LANE zero bytes */
    int hardware;
} LpcCrc;

/* hardware 0 keeps to the tables (for tests). */
void lpc_crc_init(LpcCrc *crc, int hardware);

/* The CRC of data that follows data of CRC `value` (0 for the first). */
uint32_t lpc_crc(const LpcCrc *crc, uint32_t value, const void *data, size_t size);

#endif
