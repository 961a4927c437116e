/* The figures of a stage, which it tells whoever asks (docs/wire.md has the layout).
 *
 * A question is a hello that asks for figures (handshake.c), so that it is judged as any other: who does not know
 * the build learns nothing. The gate answers it (gate.c), with what the stage's threads have counted (stage_figures.c);
 * they count under locks that they take anyhow. */
#ifndef LPC_RUNTIME_FIGURES_H
#define LPC_RUNTIME_FIGURES_H

#include "frame.h"

enum {
    LPC_FIGURES_VERSION = 1,
    LPC_FIGURES_BYTES = 256, /* of an answer */
    LPC_FIGURES_NAME = 64    /* of which the stage's name, zeros behind */
};

/* Times are nanoseconds, counts begin with the stage. X(field, meaning), in the order of the wire. */
#define LPC_FIGURES_LONG(X)                                                                        \
    X(up_ns, "since it began")                                                                     \
    X(predicted_ns, "what computing a frame was predicted to take; 0: not known")                  \
    X(streams, "streams that were let in")                                                         \
    X(broken, "streams that broke")                                                                \
    X(refused, "connections that were sent away")                                                  \
    X(frames_in, "frames that were received and taken to be computed")                             \
    X(frames_out, "frames that were sent")                                                         \
    X(bytes_in, "payload of frames_in")                                                            \
    X(bytes_out, "payload of frames_out")                                                          \
    X(compute_ns, "computing, the present frame too")                                              \
    X(input_ns, "streams that waited for a frame: of all streams, added up")                       \
    X(output_ns, "streams that waited for the neighbour after, to connect or for room")            \
    X(turn_ns, "streams that waited for others to compute")

#define LPC_FIGURES_SHORT(X)                                                                       \
    X(threads, "threads that compute")                                                             \
    X(streams_most, "streams that can be served at once")                                          \
    X(serving, "streams that are served now")                                                      \
    X(waiting, "streams that stand in line")                                                       \
    X(in_queued, "frames that were received and wait, of all streams")                             \
    X(in_bound, "room for such")                                                                   \
    X(out_queued, "frames that were computed and wait to be sent")                                 \
    X(out_bound, "room for such")

typedef struct LpcFigures {
    char name[LPC_FIGURES_NAME];
    uint8_t build_id[32];
#define X(field, meaning) uint64_t field;
    LPC_FIGURES_LONG(X)
#undef X
#define X(field, meaning) uint32_t field;
    LPC_FIGURES_SHORT(X)
#undef X
} LpcFigures;

void lpc_figures_encode(const LpcCrc *crc, const LpcFigures *figures,
                        uint8_t bytes[LPC_FIGURES_BYTES]);
/* Refuses a wrong magic number, version, length or checksum, and a name without its end. peer names who sent it. */
int lpc_figures_decode(const LpcCrc *crc, const uint8_t bytes[LPC_FIGURES_BYTES], const char *peer,
                       LpcFigures *figures, LpcError *error);

#endif
