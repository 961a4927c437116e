/* See dns.h. Answers come from anybody: nothing is read beyond `size`, and no pointer of a compressed name is
 * followed, since a name in an answer is only passed over. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "dns.h"

#include <string.h>

enum { HEADER_BYTES = 12, LABEL_MOST = 63, CLASS_INTERNET = 1, RECORD_BYTES = 10 };
enum { IS_ANSWER = 0x80, ANSWER_CODE = 0x0f, NO_SUCH_NAME = 3 }; /* bytes 2 and 3 of a header */

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

size_t lpc_dns_question(uint16_t id, const char *name, uint16_t type,
                        uint8_t packet[LPC_DNS_QUESTION_BYTES])
{
    uint8_t *at = packet + HEADER_BYTES;
    memset(packet, 0, HEADER_BYTES);
    put16(packet, id);
    packet[2] = 1; /* recursion is wanted */
    packet[5] = 1; /* one question */
    if (strlen(name) + 2 > LPC_HOST_BYTES) return 0;
    while (*name) {
        size_t length = strcspn(name, ".");
        if (!length || length > LABEL_MOST) return 0;
        *at++ = (uint8_t)length;
        memcpy(at, name, length);
        at += length;
        name += length;
        if (*name) name++;
    }
    *at++ = 0;
    put16(at, type);
    put16(at + 2, CLASS_INTERNET);
    return (size_t)(at + 4 - packet);
}

/* Where the name at `at` ends; 0 when it does not. */
static size_t pass_name(const uint8_t *packet, size_t size, size_t at)
{
    while (at < size) {
        uint8_t length = packet[at];
        if (!length) return at + 1;
        if (length > LABEL_MOST) return at + 2; /* the rest stands elsewhere */
        at += (size_t)length + 1;
    }
    return 0;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Whether the answer repeats the question; servers may change the case of letters. */
static int repeats(const uint8_t *packet, size_t size, const uint8_t *question, size_t bytes)
{
    if (size < bytes || get16(packet + 4) != 1) return 0;
    for (size_t i = HEADER_BYTES; i < bytes; i++)
        if (lower(packet[i]) != lower(question[i])) return 0;
    return 1;
}

/* The record's address, when it has one. */
static int read_address(const uint8_t *record, const uint8_t *data, size_t length,
                        LpcAddress *address)
{
    if (get16(record + 2) % 0x8000 != CLASS_INTERNET) return 0; /* mDNS has a flag there */
    memset(address, 0, sizeof *address);
    if (get16(record) == LPC_DNS_A && length == 4) {
        address->v4.sin_family = AF_INET;
        memcpy(&address->v4.sin_addr, data, 4);
        return 1;
    }
    if (get16(record) == LPC_DNS_AAAA && length == 16) {
        address->v6.sin6_family = AF_INET6;
        memcpy(&address->v6.sin6_addr, data, 16);
        return 1;
    }
    return 0;
}

int lpc_dns_answer(const uint8_t *packet, size_t size, const uint8_t *question,
                   size_t question_bytes, LpcAddress *found, int most)
{
    if (size < HEADER_BYTES || memcmp(packet, question, 2) != 0 || !(packet[2] & IS_ANSWER))
        return -1;
    unsigned code = packet[3] & ANSWER_CODE;
    if ((code && code != NO_SUCH_NAME) || !repeats(packet, size, question, question_bytes))
        return -1;
    size_t at = question_bytes;
    int count = 0;
    for (unsigned left = get16(packet + 6); left && count < most; left--) {
        at = pass_name(packet, size, at);
        if (!at || at + RECORD_BYTES > size) break;
        const uint8_t *record = packet + at;
        size_t length = get16(record + 8);
        at += RECORD_BYTES;
        if (length > size - at) break;
        count += read_address(record, packet + at, length, &found[count]);
        at += length;
    }
    return count;
}
