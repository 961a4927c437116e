/* CRC-32C. The instruction has a latency of three cycles and a throughput of one, so long data is
 * taken as three lanes side by side whose results are joined by a table (after Mark Adler's
 * crc32c.c). */
#include "crc.h"

#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#define HARDWARE         __attribute__((target("sse4.2")))
#define STEP8(crc, word) ((uint32_t)__builtin_ia32_crc32di((crc), (word)))
#define STEP1(crc, byte) ((uint32_t)__builtin_ia32_crc32qi((crc), (byte)))

static int has_hardware(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
}
#elif defined(__aarch64__)
#define HARDWARE
static inline uint32_t STEP8(uint32_t crc, uint64_t word)
{
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
    return crc;
}
static inline uint32_t STEP1(uint32_t crc, uint8_t byte)
{
    uint32_t wide = byte;
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(wide));
    return crc;
}

static int has_hardware(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; /* HWCAP_CRC32 */
#else
    return 1;
#endif
}
#else
#define NO_HARDWARE
#endif

static uint32_t by_table(const LpcCrc *crc, uint32_t value, const uint8_t *data, size_t size)
{
    const uint32_t(*t)[256] = crc->table;
    for (; size >= 8; size -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        word ^= value;
        value = t[7][word & 255] ^ t[6][word >> 8 & 255] ^ t[5][word >> 16 & 255] ^
                t[4][word >> 24 & 255] ^ t[3][word >> 32 & 255] ^ t[2][word >> 40 & 255] ^
                t[1][word >> 48 & 255] ^ t[0][word >> 56];
    }
    for (; size; size--) value = value >> 8 ^ t[0][(value ^ *data++) & 255];
    return value;
}

#ifndef NO_HARDWARE
static uint32_t shift_lane(const LpcCrc *crc, uint32_t value)
{
    return crc->shift[0][value & 255] ^ crc->shift[1][value >> 8 & 255] ^
           crc->shift[2][value >> 16 & 255] ^ crc->shift[3][value >> 24];
}

HARDWARE static uint32_t by_hardware(const LpcCrc *crc, uint32_t value, const uint8_t *data,
                                     size_t size)
{
    for (; size >= 3 * LPC_CRC_LANE; size -= 3 * LPC_CRC_LANE, data += 3 * LPC_CRC_LANE) {
        uint32_t second = 0, third = 0;
        for (size_t i = 0; i < LPC_CRC_LANE; i += 8) {
            uint64_t a, b, c;
            memcpy(&a, data + i, 8);
            memcpy(&b, data + i + LPC_CRC_LANE, 8);
            memcpy(&c, data + i + 2 * LPC_CRC_LANE, 8);
            value = STEP8(value, a);
            second = STEP8(second, b);
            third = STEP8(third, c);
        }
        value = shift_lane(crc, value) ^ second;
        value = shift_lane(crc, value) ^ third;
    }
    for (; size >= 8; size -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        value = STEP8(value, word);
    }
    for (; size; size--) value = STEP1(value, *data++);
    return value;
}
#endif

void lpc_crc_init(LpcCrc *crc, int hardware)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
        crc->table[0][i] = value;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t i = 0; i < 256; i++)
            crc->table[k][i] =
                crc->table[k - 1][i] >> 8 ^ crc->table[0][crc->table[k - 1][i] & 255];
    crc->hardware = 0;
    memset(crc->shift, 0, sizeof crc->shift);
#ifndef NO_HARDWARE
    crc->hardware = hardware && has_hardware();
    if (!crc->hardware) return;
    for (int bit = 0; bit < 32; bit++) { /* the advance is linear: enough to know each bit's */
        uint32_t value = UINT32_C(1) << bit;
        for (int i = 0; i < LPC_CRC_LANE; i++) value = value >> 8 ^ crc->table[0][value & 255];
        for (uint32_t i = 0; i < 256; i++)
            if (i >> (bit % 8) & 1) crc->shift[bit / 8][i] ^= value;
    }
#else
    (void)hardware;
#endif
}

uint32_t lpc_crc(const LpcCrc *crc, uint32_t value, const void *data, size_t size)
{
    value = ~value;
#ifndef NO_HARDWARE
    if (crc->hardware) return ~by_hardware(crc, value, data, size);
#endif
    return ~by_table(crc, value, data, size);
}
