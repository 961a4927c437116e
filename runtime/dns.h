/* Questions for the address of a name, and their answers, as packets (RFC 1035, section 4; RFC 3596). */
#ifndef LPC_RUNTIME_DNS_H
#define LPC_RUNTIME_DNS_H

#include "address.h"

enum { LPC_DNS_A = 1, LPC_DNS_AAAA = 28 };
enum { LPC_DNS_QUESTION_BYTES = 12 + LPC_HOST_BYTES + 4, LPC_DNS_ANSWER_BYTES = 1500 };

/* The packet that asks for the name's addresses of one type. Returns its bytes, 0 when a label is empty or
 * has more than 63 characters. */
size_t lpc_dns_question(uint16_t id, const char *name, uint16_t type,
                        uint8_t packet[LPC_DNS_QUESTION_BYTES]);

/* The addresses in the answer to such a question, with port 0. Returns how many were written to `found`, 0 for
 * a name without any, -1 when the packet is no answer to this question (another number, another question, cut
 * off) or the server failed. */
int lpc_dns_answer(const uint8_t *packet, size_t size, const uint8_t *question,
                   size_t question_bytes, LpcAddress *found, int most);

#endif
