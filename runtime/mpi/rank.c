/* A stage as a rank of an MPI job: the main thread computes, as in any stage; another one exchanges frames. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "job.h"

#include "../helper.h"
#include "../stage_parts.h"

#include <string.h>
#include <unistd.h>

enum { PATIENCE_S = 5 };

static void judge(void *self, LpcSlot *slot, int code, const LpcError *error)
{
    lpc_stage_judge(self, slot, code, error);
}

static void sent(void *self, uint64_t ns, uint64_t bytes)
{
    const LpcStream *stream = self;
    lpc_stats_add(stream->stage->stats, LPC_PHASE_SEND, ns, bytes);
}

static void exchange_frames(void *exchange)
{
    lpc_exchange_run(exchange);
}

static void fail(const LpcStage *stage, const LpcExchange *x, const char *what, int failure)
{
    LpcError error = {0};
    if (!failure) return;
    lpc_error(&error, LPC_EXIT_SYSTEM, "%s: %s", what, strerror(failure));
    lpc_job_abort(stage->model->name, x->comm, &error);
}

static void prepare(LpcStage *stage, LpcExchange *x, LpcHelper *helper)
{
    const char *name = stage->model->name;
    LpcError error = {0};
    if (lpc_stage_memory(stage, &error)) lpc_job_abort(name, x->comm, &error);
    LpcStream *stream = stage->streams;
    stream->stage = stage;
    stream->in.fd = stream->out.fd = -1;
    pthread_mutex_init(&stream->mutex, NULL);
    x->filled = &stream->in_queue;
    x->emptied = &stream->out_queue;
    x->filled_shape = &stage->in_shape;
    x->emptied_shape = &stage->out_shape;
    x->crc = stage->crc;
    x->judge = judge;
    x->sent = sent;
    x->self = stream;
    lpc_exchange_init(x);
    fail(stage, x, "cannot start a thread", lpc_pool_start(stage->pool, stage->options->threads));
    fail(stage, x, "cannot start a thread", lpc_helper_start(helper, exchange_frames, x));
    stage->threads = lpc_pool_threads(stage->pool);
    lpc_exchange_greet(x);
}

/* An error of this stage is told here and to the client, by way of the other ranks; rank 0 ends the job then. */
static void end_with_error(const LpcStream *stream, const LpcExchange *x)
{
    lpc_job_tell(stream->stage->model->name, stream->error.text);
    sleep(PATIENCE_S);
    MPI_Abort(x->comm, stream->error.code);
}

/* Stream after stream until the job ends. */
static void serve(LpcStage *stage, LpcExchange *x, LpcHelper *helper)
{
    LpcStream *stream = stage->streams;
    for (;;) {
        lpc_stage_begin(stream);
        lpc_helper_run(helper);
        lpc_stage_compute(stream);
        lpc_helper_wait(helper);
        if (x->quit) return;
        if (stream->error.code == LPC_EXIT_LEFT)
            sleep(PATIENCE_S); /* told by whose it is */
        else if (stream->error.code)
            end_with_error(stream, x);
    }
}

int lpc_rank_main(const lpc_model *model, int threads, int argc, char **argv)
{
    LpcStage stage;
    LpcStageOptions options;
    LpcExchange exchange;
    LpcHelper helper;
    int done = 0, code = lpc_stage_arguments(model, argc, argv, threads, &options, &done);
    if (!code && !done) code = lpc_stage_can_run(model, &options);
    if (code || done) return code;
    lpc_job_watch(model->name, NULL);
    lpc_stage_init(&stage, model, &options);
    lpc_job_begin(&exchange, model->name, (int)model->in.cut + 1, options.threads);
    prepare(&stage, &exchange, &helper);
    serve(&stage, &exchange, &helper);
    lpc_exchange_quit(&exchange);
    if (options.stats) {
        LpcFigures figures;
        lpc_stage_figures(&stage, &figures);
        fail(&stage, &exchange, options.stats,
             lpc_stats_write(stage.stats, options.stats, &figures, 0));
    }
    lpc_helper_stop(&helper);
    lpc_pool_stop(stage.pool);
    MPI_Finalize();
    return 0;
}

#ifdef LPC_RANK_MODEL
extern const lpc_model LPC_RANK_MODEL;

int main(int argc, char **argv)
{
    return lpc_rank_main(&LPC_RANK_MODEL, LPC_RANK_THREADS, argc, argv);
}
#endif
