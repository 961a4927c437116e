/* CRC-32C. The instruction has a latency of three cycles and a throughput of one, so long data is
 * taken as three lanes side by side whose results are joined by a table (after Mark Adler's
 * crc32c.c). That is 8 bytes per cycle, a quarter of what a frame over loopback costs otherwise;
 * where a processor has carry-less products of 512 bits, these fold four times as much. */
#include "crc.h"

#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#define HARDWARE         __attribute__((target("sse4.2")))
#define STEP8(crc, word) ((uint32_t)__builtin_ia32_crc32di((crc), (word)))
#define STEP1(crc, byte) ((uint32_t)__builtin_ia32_crc32qi((crc), (byte)))

#include <immintrin.h>
#define WIDE __attribute__((target("sse4.2,avx512f,avx512vl,vpclmulqdq")))

static int best_way(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2")) return LPC_CRC_TABLES;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("vpclmulqdq")
               ? LPC_CRC_BEST
               : LPC_CRC_INSTRUCTION;
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

static int best_way(void)
{
#if defined(__linux__)
    return getauxval(AT_HWCAP) & (1UL << 7) ? LPC_CRC_INSTRUCTION : LPC_CRC_TABLES; /* CRC32 */
#else
    return LPC_CRC_INSTRUCTION;
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

#ifdef WIDE
enum { WIDE_BYTES = 256, WIDE_LEAST = 1024 };

/* Each 128 bits of x moved on by the distance of the multipliers, plus what stands there. */
WIDE static inline __m512i fold(__m512i x, __m512i by, __m512i data)
{
    __m512i low = _mm512_clmulepi64_epi128(x, by, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(x, by, 0x11);
    return _mm512_ternarylogic_epi64(low, high, data, 0x96); /* xor of the three */
}

WIDE static inline __m512i fold_by(const uint64_t by[2])
{
    return _mm512_set_epi64((long long)by[1], (long long)by[0], (long long)by[1], (long long)by[0],
                            (long long)by[1], (long long)by[0], (long long)by[1], (long long)by[0]);
}

/* The CRC of the first size / 256 * 256 bytes. The data's remainder stays the same while it is
 * folded down to 64 bytes, which the instruction then takes. */
WIDE static uint32_t by_products(const LpcCrc *crc, uint32_t value, const uint8_t *data,
                                 size_t size)
{
    __m512i x[4], far = fold_by(crc->fold[0]), near = fold_by(crc->fold[1]);
    for (int i = 0; i < 4; i++) x[i] = _mm512_loadu_si512(data + 64 * i);
    x[0] = _mm512_xor_si512(x[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)value)));
    for (data += WIDE_BYTES, size -= WIDE_BYTES; size >= WIDE_BYTES;
         data += WIDE_BYTES, size -= WIDE_BYTES)
        for (int i = 0; i < 4; i++) x[i] = fold(x[i], far, _mm512_loadu_si512(data + 64 * i));
    for (int i = 1; i < 4; i++) x[0] = fold(x[0], near, x[i]);
    uint64_t last[8];
    memcpy(last, &x[0], sizeof last);
    uint32_t result = 0;
    for (int i = 0; i < 8; i++) result = STEP8(result, last[i]);
    return result;
}

/* x^n modulo the polynomial, with the bits in the CRC's order. */
static uint32_t power_of_x(int n)
{
    uint32_t value = UINT32_C(1) << 31;
    while (n--) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
    return value;
}

static void init_folds(LpcCrc *crc)
{
    /* In this order of bits a product comes out times x, and a 32-bit factor times x^32: 33 less. */
    for (int i = 0; i < 2; i++) {
        int distance = i ? 64 * 8 : 256 * 8;
        crc->fold[i][0] = power_of_x(distance + 64 - 33);
        crc->fold[i][1] = power_of_x(distance - 33);
    }
}
#endif

void lpc_crc_init(LpcCrc *crc, int way)
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
    crc->way = LPC_CRC_TABLES;
    memset(crc->fold, 0, sizeof crc->fold);
    memset(crc->shift, 0, sizeof crc->shift);
#ifndef NO_HARDWARE
    int best = best_way();
    crc->way = way < best ? way : best;
    if (crc->way == LPC_CRC_TABLES) return;
#ifdef WIDE
    init_folds(crc);
#endif
    for (int bit = 0; bit < 32; bit++) { /* the advance is linear: enough to know each bit's */
        uint32_t value = UINT32_C(1) << bit;
        for (int i = 0; i < LPC_CRC_LANE; i++) value = value >> 8 ^ crc->table[0][value & 255];
        for (uint32_t i = 0; i < 256; i++)
            if (i >> (bit % 8) & 1) crc->shift[bit / 8][i] ^= value;
    }
#else
    (void)way;
#endif
}

uint32_t lpc_crc(const LpcCrc *crc, uint32_t value, const void *data, size_t size)
{
    value = ~value;
#ifndef NO_HARDWARE
#ifdef WIDE
    if (crc->way == LPC_CRC_BEST && size >= WIDE_LEAST) {
        size_t whole = size / WIDE_BYTES * WIDE_BYTES;
        value = by_products(crc, value, data, whole);
        data = (const uint8_t *)data + whole;
        size -= whole;
    }
#endif
    if (crc->way != LPC_CRC_TABLES) return ~by_hardware(crc, value, data, size);
#endif
    return ~by_table(crc, value, data, size);
}
