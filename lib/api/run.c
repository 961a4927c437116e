/* liblpc: a package's stages as a pipeline on this machine. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/api/api.h"

#include "lib/deploy/deploy.h"
#include "lib/files/tensor_strings.h"
#include "lib/run/feed.h"
#include "runtime/stats.h"

#include <inttypes.h>
#include <string.h>

enum { WARM_UP = 3 };

typedef struct Running {
    const char *folder;
    lpc_show *show;
    void *user;
    lpc_ran *result;
} Running;

/* ---- Tensors ---- */

void lpc_elements(const lpc_tensor *t, int64_t first, size_t count, double *values)
{
    HostTensor tensor = {.type = dtype_from_name(t->type, strlen(t->type)),
                         .data = (void *)(uintptr_t)t->data};
    for (size_t i = 0; i < count; i++) values[i] = host_value(&tensor, first + (int64_t)i);
}

const char *lpc_string(const lpc_tensor *t, int64_t i, size_t *length)
{
    HostTensor tensor = {.type = dtype_from_name(t->type, strlen(t->type)),
                         .data = (void *)(uintptr_t)t->data};
    *length = 0;
    return dtype_is_string(tensor.type) ? host_string(&tensor, i, length) : NULL;
}

static void show(const Run *run, int64_t step, int64_t steps)
{
    const Running *r = run->user;
    int count = run->package->outputs.count;
    lpc_tensor *outputs = arena_array(run->arena, (size_t)count + 2, sizeof *outputs);
    for (int i = 0; i < count; i++) {
        const HostTensor *t = &run->outputs[i];
        outputs[i] = (lpc_tensor){.name = t->name,
                                  .shape = host_shape_text(t, run->arena),
                                  .type = dtype_name(t->type),
                                  .rank = t->rank,
                                  .dims = t->dims,
                                  .elements = host_elements(t),
                                  .data = t->data};
    }
    static const int64_t one = 1;
    if (run->tokens)
        outputs[count++] = (lpc_tensor){.name = "token",
                                        .shape = "[1]",
                                        .type = dtype_name(DT_I64),
                                        .rank = 1,
                                        .dims = &one,
                                        .elements = 1,
                                        .data = &run->tokens[step]};
    r->show(r->user, outputs, (size_t)count, step, steps);
}

/* ---- Figures ---- */

static double median_latency(const Run *run)
{
    int64_t skip = run->latency_count > 3 * WARM_UP ? WARM_UP : 0;
    return (double)lpc_median(run->latencies + skip, (size_t)(run->latency_count - skip));
}

static lpc_ran_stage ran_stage(const RunStats *stats, const PackageStage *stage)
{
    bool predicted = stage->predicted_compute_s >= 0;
    return (lpc_ran_stage){
        .name = stats->name,
        .target = stage->target,
        .compute_ms = stats->compute_ms,
        .send_ms = stats->send_ms,
        .receive_ms = stats->receive_ms,
        .wait_ms = stats->wait_ms,
        .frames = stats->frames,
        .peak_rss_bytes = stats->peak_rss_bytes,
        .predicted_compute_ms = predicted ? stage->predicted_compute_s * 1e3 : -1,
        .predicted_send_ms =
            predicted && stage->predicted_send_s >= 0 ? stage->predicted_send_s * 1e3 : -1,
        .predicted_cores = stage->predicted_cores,
        .threads = (int)stats->threads,
        .emulated = stage->emulator && stage->emulator[0]};
}

static lpc_ran *figures(const Run *run)
{
    int count;
    const RunStats *stats = run_stats(run->session, &count);
    lpc_ran *ran = arena_alloc(run->arena, sizeof *ran);
    lpc_ran_stage *stages = arena_array(run->arena, (size_t)count + 1, sizeof *stages);
    for (int i = 0; i < count; i++) stages[i] = ran_stage(&stats[i], &run->package->stages[i]);
    double latency = median_latency(run);
    *ran = (lpc_ran){.stages = stages,
                     .stage_count = (size_t)count,
                     .latency_ms = latency,
                     .singles = run->latency_count,
                     .throughput = run->throughput > 0 ? run->throughput
                                   : latency > 0       ? 1000 / latency
                                                       : 0,
                     .frames = run->total,
                     .tokens = run->tokens,
                     .token_count = (size_t)run->token_count,
                     .threads = run->options->run.threads};
    return ran;
}

/* ---- Running ---- */

/* A gateway is both ends; a first stage is not. */
static void tell_of_collect(const Run *run)
{
    const RunOptions *options = &run->options->run;
    if (options->connect && !options->collect && run->package->stage_count > 1)
        diag_note(
            run->diag,
            "lpc: without --collect, %s is taken for a gateway (lpc serve), which is both ends; "
            "of stages, '%s' is the last one",
            options->connect, run->package->stages[run->package->stage_count - 1].name);
}

static int run_all(Run *run)
{
    Running *r = run->user;
    TRY(package_load(&run->package, run->arena, run->diag, r->folder));
    TRY(run_make_frames(run));
    TRY(run_make_folder(run));
    int opened = run_open(&run->session, run->arena, run->diag, run->package, &run->options->run);
    if (opened) tell_of_collect(run);
    TRY(opened);
    int code = run->options->feedback_in ? run_feedback(run) : run_sequence(run);
    if (code && run->total)
        diag_note(run->diag, "lpc: %" PRId64 " of %" PRId64 " frames were answered", run->answered,
                  run->total);
    TRY(code);
    TRY(run_finish(run->session, run->diag));
    TRY(run_write_profile(run));
    r->result = figures(run);
    return 0;
}

static int check_options(lpc_compiler *c)
{
    const Options *o = &c->options;
    const char *wrong = NULL;
    if (!o->connect && !o->hosts && (o->collect || o->retry > 0))
        wrong = "--collect and --retry go with --connect or --hosts";
    else if (o->mpi && (o->connect || o->hosts))
        wrong = "--mpi starts the stages; --connect and --hosts are for those that run";
    else if (!o->connect && !o->hosts && (o->keys || o->insecure))
        wrong =
            "--keys and --insecure go with --connect or --hosts: links of stages here stay here";
    else if ((o->connect || o->hosts) && o->profile_out)
        wrong = "--write-profile: times of stages elsewhere are not known here";
    if (!wrong) return 0;
    diag_error(&c->diag, "%s", wrong);
    return LPC_USAGE;
}

static int run_package(lpc_compiler *c, void *to)
{
    Running *r = to;
    const Options *o = &c->options;
    Deployment d;
    TRY(check_options(c));
    r->folder = arena_strdup(c->arena, r->folder);
    c->diag.file = r->folder;
    TRY(api_find_ends(c, r->folder, &d));
    FeedOptions feed = {.output = o->output,
                        .profile_out = o->profile_out,
                        .given = o->inputs,
                        .given_count = o->input_count,
                        .feedback_in = o->feedback_in,
                        .feedback_out = o->feedback_out,
                        .repeat = o->repeat ? o->repeat : 1,
                        .seed = (uint64_t)o->seed,
                        .run = {.threads = o->compile.threads,
                                .timeout = o->timeout,
                                .connect = o->connect,
                                .mpi = o->mpi,
                                .collect = o->collect,
                                .retry = o->retry,
                                .keys = o->keys,
                                .beat_ms = (int)(o->heartbeat * 500 + 0.5),
                                .stats = !o->connect && !o->hosts}};
    Run run = {.options = &feed,
               .show = r->show ? show : NULL,
               .user = r,
               .arena = c->arena,
               .diag = &c->diag};
    int code = run_all(&run);
    run_free(run.session);
    return code;
}

lpc_status lpc_run_package(lpc_compiler *c, const char *folder, lpc_show *shows, void *user,
                           const lpc_ran **ran)
{
    Running running = {.folder = folder, .show = shows, .user = user};
    lpc_status status = api_run(c, run_package, &running);
    if (ran) *ran = running.result;
    return status;
}
