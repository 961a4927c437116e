/* CRC-32C (Castagnoli, as in RFC 3720): the checksum of headers and payloads. By instruction where
 * the processor has one (SSE 4.2, Armv8 CRC), by wide products (VPCLMULQDQ) on long data, else by
 * tables, eight bytes at a time. */
#ifndef LPC_RUNTIME_CRC_H
#define LPC_RUNTIME_CRC_H

#include <stddef.h>
#include <stdint.h>

enum { LPC_CRC_LANE = 1024 }; /* bytes of each of the three lanes that run side by side */

/* Ways to compute it, each including the ones before. */
enum { LPC_CRC_TABLES, LPC_CRC_INSTRUCTION, LPC_CRC_BEST };

/* Tables and what the processor can do, made once at start. */
typedef struct LpcCrc {
    uint32_t table[8][256];
    uint32_t shift[4][256]; /* advances a CRC over LPC_CRC_LANE zero bytes */
    uint64_t fold[2][2];    /* multipliers that fold 16 bytes over the next 256, the next 64 */
    int way;                /* one of the above */
} LpcCrc;

/* Takes the best way that the processor has, at most `way` (less than the best: for tests). */
void lpc_crc_init(LpcCrc *crc, int way);

/* The CRC of data that follows data of CRC `value` (0 for the first). */
uint32_t lpc_crc(const LpcCrc *crc, uint32_t value, const void *data, size_t size);

#endif
