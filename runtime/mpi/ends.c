/* Rank 0 of an MPI job: a stage to its client; what it computes is what the other ranks make of a frame. So all that
 * speaks the wire protocol can use the job: `lpc run`, a gateway, lpc_client.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "job.h"

#include "../stage_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_BYTES = 100 };

typedef struct Ends {
    LpcExchange exchange;
    LpcError cause; /* what a rank told */
} Ends;

static Ends ends; /* the program's one job: a stage's compute function gets its stream alone */

static void judge(void *self, LpcSlot *slot, int code, const LpcError *error)
{
    (void)self;
    if (code) {
        slot->error = *error;
        slot->header.kind = LPC_FRAME_ERROR;
    }
    if (slot->header.kind == LPC_FRAME_ERROR) ends.cause = slot->error;
}

/* The frames of one stream, through the other ranks. */
static void exchange_frames(LpcStream *stream)
{
    LpcExchange *x = &ends.exchange;
    if (!x->filled) {
        x->filled = &stream->out_queue;
        x->emptied = &stream->in_queue;
        lpc_exchange_init(x);
    }
    lpc_exchange_run(x);
    lpc_queue_abort(&stream->in_queue);
    lpc_link_interrupt(&stream->in);
    if (ends.cause.code && write(stream->stage->stop_pipe[1], "", 1) < 0) return; /* the last one */
    if (x->all_came) return;
    LpcError error = {.code = LPC_EXIT_LEFT};
    snprintf(error.text, sizeof error.text, "%s",
             stream->error.code ? stream->error.text : "the client left before the stream's end");
    lpc_job_clean();
    lpc_job_abort(x->name, x->comm, &error);
}

/* Where it listens unless it is told: a Unix socket in a folder of its own. Returns 0, or an exit status, told. */
static int make_address(const lpc_model *model, LpcStageOptions *options,
                        char address[LPC_PEER_BYTES])
{
    const char *root = getenv("TMPDIR");
    char folder[FOLDER_BYTES], text[LPC_TEXT_BYTES];
    snprintf(folder, sizeof folder, "%.70s/lpc-mpi-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(folder)) {
        snprintf(text, sizeof text, "%s: %s", folder, strerror(errno));
        lpc_job_tell(model->name, text);
        return LPC_EXIT_SYSTEM;
    }
    snprintf(address, LPC_PEER_BYTES, "unix:%s/ends", folder);
    options->listen = address;
    return 0;
}

/* Greets the other ranks before any client is there. */
static void greet(const LpcStage *stage, const LpcCrc *crc)
{
    LpcExchange *x = &ends.exchange;
    x->filled_shape = &stage->out_shape;
    x->emptied_shape = &stage->in_shape;
    x->crc = crc;
    x->judge = judge;
    lpc_exchange_greet(x);
}

/* The other ranks end, one after the other. */
static void end_job(void)
{
    LpcExchange *x = &ends.exchange;
    lpc_exchange_quit(x);
    lpc_job_check(x->name, x->comm, "MPI_Recv",
                  MPI_Recv(NULL, 0, MPI_BYTE, x->before, MPI_ANY_TAG, x->comm, MPI_STATUS_IGNORE));
    MPI_Finalize();
}

int lpc_ends_main(const lpc_model *model, int argc, char **argv)
{
    char address[LPC_PEER_BYTES] = "";
    LpcStage shapes;
    LpcStageOptions options;
    LpcCrc crc;
    int done = 0, code = lpc_stage_arguments(model, argc, argv, 1, &options, &done);
    if (code || done) return code;
    if (!options.listen) code = make_address(model, &options, address);
    if (code) return code;
    lpc_job_watch(model->name, *address ? address + strlen("unix:") : NULL);
    lpc_stage_signals(&options); /* before MPI makes its threads */
    lpc_job_begin(&ends.exchange, model->name, 0, 0);
    lpc_stage_init(&shapes, model, &options);
    lpc_crc_init(&crc, LPC_CRC_BEST);
    greet(&shapes, &crc);
    options.compute = exchange_frames;
    options.streams = 1;
    code = lpc_stage_run(model, &options);
    lpc_job_clean();
    if (!code) code = ends.cause.code;
    if (code) MPI_Abort(ends.exchange.comm, code); /* told */
    end_job();
    return 0;
}

#ifdef LPC_ENDS_MODEL
extern const lpc_model LPC_ENDS_MODEL;

int main(int argc, char **argv)
{
    return lpc_ends_main(&LPC_ENDS_MODEL, argc, argv);
}
#endif
