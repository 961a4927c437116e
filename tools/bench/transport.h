/* The two sides of the transport's benchmark (transport.c). A failure ends the program. */
#ifndef LPC_BENCH_TRANSPORT_H
#define LPC_BENCH_TRANSPORT_H

#include "runtime/stage.h"
#include "runtime/gate.h"

#include <netinet/in.h>
#include <sys/types.h>

enum { STAGES_MAX = 3 };

extern size_t frame_bytes; /* of a message; set before any process is made */
extern int over_unix;      /* lpc's links are Unix sockets, in this folder, instead of TCP */
extern char unix_folder[];

_Noreturn void die(const char *what);
double seconds(void);
/* Room for a message, aligned, written to once. */
void *buffer(size_t bytes);

/* --- transport_plain.c --- */

int plain_listen(struct sockaddr_in *address);
int plain_connect(const struct sockaddr_in *address);
int plain_accept(int listener);
/* Both fill or empty the whole buffer; 0 when the other side is gone. */
int plain_read(int fd, uint8_t *at, size_t size);
int plain_write(int fd, const uint8_t *at, size_t size);
/* A process that reads messages and writes them on: back (to NULL), or to another listener. */
pid_t plain_relay(int listener, const struct sockaddr_in *to);
/* A process that writes `frames` messages. */
pid_t plain_source(const struct sockaddr_in *to, int frames);
/* Reads all messages; the first ones are not timed. Bytes per second. */
double plain_sink(int fd, int frames, int warm_up);

/* --- transport_keys.c --- */

/* lpc's links go through TLS from now on. */
void use_keys(void);
extern const char *bench_keys; /* the file; NULL: links are plain */
/* The handshake, of who accepted or connected; none without keys. */
void secure(LpcLink *link, int is_server);

/* --- transport_ends.c --- */

/* What a stage computes: nothing, or as long as 2 ms take. */
int run_nothing(const void *const *in, void *const *out, int64_t *sizes, void *workspace,
                void *state, const lpc_threads *threads);
int run_sleep(const void *const *in, void *const *out, int64_t *sizes, void *workspace, void *state,
              const lpc_threads *threads);

/* Both ends of a pipeline, in this process. */
typedef struct Ends {
    LpcLink feed, collect;
    LpcListener listener;
    LpcCrc crc;
    LpcShape in_shape, out_shape;
    lpc_contract in, out;
    lpc_tensor_info infos[2];
    LpcSlot in_slot, out_slot;
    void *tensors[2];
    uint64_t bytes[2], offsets[2], sent, received;
    struct iovec pieces[8];
    pid_t stages[STAGES_MAX];
    int count;
} Ends;

/* Ends that stand at two cuts, not connected. */
void prepare(Ends *ends, uint32_t first_cut, uint32_t last_cut);
void check(int code, const LpcError *error);
/* A new place to listen at; the text stays until the next call. */
const char *next_address(void);
void listen_at(LpcListener *listener);
void connect_to(const char *address, LpcLink *link);
void accept_at(const LpcListener *listener, LpcLink *link);
void greet(Ends *ends, LpcLink *link, const lpc_contract *contract);   /* of who connects */
void welcome(Ends *ends, LpcLink *link, const lpc_contract *contract); /* of who accepts */
/* Starts `count` stages and connects both ends. */
void open_pipeline(Ends *ends, int count, lpc_run_fn *run);
void close_pipeline(Ends *ends);
void close_ends(Ends *ends);
void send_frame(Ends *ends);
void receive_frame(Ends *ends);
/* As plain_sink. */
double receive_all(Ends *ends, int frames, int warm_up);

#endif
