/* Stand-ins for constants that are too large for the text form.
 *
 * `data(N bytes, crc)` is read back as reproducible numbers whose CRC-32 is that one, so that a
 * printed graph can be parsed, and prints the same again. */
#include "ir/graph_text.h"

#include <string.h>

static uint32_t crc_step(uint32_t crc)
{
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    return crc;
}

/* Without the two complements: from the inner state `crc` over the data. */
static uint32_t crc_over(uint32_t crc, const unsigned char *data, size_t size)
{
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) table[i] = crc_step(i);
    for (size_t i = 0; i < size; i++) crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    return crc;
}

uint32_t crc32_of(const void *data, size_t size)
{
    return ~crc_over(0xffffffffu, data, size);
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

void fill_random(void *data, size_t size, DType dtype, uint32_t seed)
{
    uint64_t state = seed;
    dtype = dtype_part(dtype);
    size_t step = dtype_size(dtype);
    memset(data, 0, size);
    for (size_t at = 0; step && at + step <= size; at += step) {
        uint32_t random = next_random(&state);
        if (dtype_is_string(dtype)) {
            string_put(dtype, (char *)data + at, &"01234567"[random % 8], 1);
            continue;
        }
        double value = (double)(random % 2048) / 1024.0 - 1.0; /* exact in f16 and above */
        if (dtype_is_narrow(dtype)) /* without the codes that are infinite or no numbers */
            ((char *)data)[at] = (char)(random & (dtype_is_subbyte(dtype) ? 0xff : 0x3b));
        else
            store_element(dtype, (char *)data + at, value, random % (dtype == DT_BOOL ? 2 : 8));
    }
}

/* A CRC's state after four bytes is linear in these bytes, so they can be had by running the four
 * table steps backwards from the wanted state. */
void fill_to_crc(void *data, size_t size, DType dtype, uint32_t crc)
{
    fill_random(data, size, dtype, crc);
    if (size < 4) return;
    uint32_t state = crc_over(0xffffffffu, data, size - 4), want = ~crc;
    for (int byte = 0; byte < 4; byte++) {
        uint32_t index = 0;
        while (crc_step(index) >> 24 != want >> 24) index++; /* top bytes are all different */
        want = (want ^ crc_step(index)) << 8 | index;
    }
    uint32_t bytes = want ^ state;
    for (int byte = 0; byte < 4; byte++)
        ((unsigned char *)data)[size - 4 + (size_t)byte] = (unsigned char)(bytes >> (8 * byte));
}
