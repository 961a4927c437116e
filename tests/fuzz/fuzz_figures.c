/* libFuzzer target for what is read of a stage's figures (runtime/figures.c). With the first byte's low bit set, magic
 * number, version, length and checksum are made right first. */
#include "tests/runtime/fake.h"

#include "runtime/figures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static LpcCrc crc;
    static int made;
    if (!made) lpc_crc_init(&crc, LPC_CRC_BEST);
    made = 1;
    if (!size) return 0;
    uint8_t bytes[LPC_FIGURES_BYTES] = {0};
    LpcFigures figures = {0};
    LpcError error = {0};
    memcpy(bytes, data + 1, size - 1 < sizeof bytes ? size - 1 : sizeof bytes);
    if (data[0] & 1) {
        static const uint8_t head[16] = "LPC-STAT\1\0\0\0\0\1\0";
        memcpy(bytes, head, sizeof head);
        uint32_t sum = lpc_crc(&crc, 0, bytes, LPC_FIGURES_BYTES - 4);
        memcpy(bytes + LPC_FIGURES_BYTES - 4, &sum, 4);
    }
    if (lpc_figures_decode(&crc, bytes, "peer", &figures, &error)) return 0;
    uint8_t again[LPC_FIGURES_BYTES];
    lpc_figures_encode(&crc, &figures, again);
    if (strlen(figures.name) >= LPC_FIGURES_NAME || memcmp(again + 80, bytes + 80, 168)) abort();
    return 0;
}
