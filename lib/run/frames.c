/* What `lpc run` feeds, and what becomes of the outputs. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

const char *run_names(const PackageEnd *end, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    for (int i = 0; i < end->count; i++)
        text_printf(&text, "%s'%s'", i ? ", " : "", end->tensors[i].name);
    return text.data;
}

/* How many frames the --input options make: the longest list of one name. */
static int count_frames(Run *run)
{
    const PackageEnd *inputs = &run->package->inputs;
    int *counts = arena_array(run->arena, (size_t)inputs->count + 1, sizeof *counts);
    run->frame_count = 1;
    for (int i = 0; i < run->options->given_count; i++) {
        int index = package_find(inputs, run->options->given[i].name);
        if (index < 0)
            return diag_error(run->diag, "no input is called '%s'; there are %s",
                              run->options->given[i].name, run_names(inputs, run->arena));
        if (++counts[index] > run->frame_count) run->frame_count = counts[index];
    }
    return LPC_OK;
}

/* Input `index` of frame `frame`: the frame-th file of that name, or its last one. */
static int read_input(Run *run, int index, int64_t frame, HostTensor *tensor)
{
    const Given *found = NULL;
    const char *name = run->package->inputs.tensors[index].name;
    int64_t seen = 0;
    for (int i = 0; i < run->options->given_count && seen <= frame; i++) {
        if (strcmp(run->options->given[i].name, name) != 0) continue;
        found = &run->options->given[i];
        seen++;
    }
    if (!found) return LPC_OK;
    TRY(host_read(tensor, run->arena, run->diag, found->file));
    return package_take(run->package, run->arena, run->diag, index, tensor);
}

int run_make_frames(Run *run)
{
    const Package *package = run->package;
    TRY(count_frames(run));
    run->frames = arena_array(run->arena, (size_t)run->frame_count, sizeof *run->frames);
    for (int64_t f = 0; f < run->frame_count; f++) {
        Frame *frame = &run->frames[f];
        frame->inputs =
            arena_array(run->arena, (size_t)package->inputs.count + 1, sizeof *frame->inputs);
        frame->sizes =
            arena_array(run->arena, (size_t)package->symbol_count + 1, sizeof *frame->sizes);
        for (int i = 0; i < package->inputs.count; i++)
            TRY(read_input(run, i, f, &frame->inputs[i]));
        TRY(package_bind_some(package, run->diag, frame->inputs, frame->sizes));
        TRY(run_noise(package, run->arena, run->diag, run->options->seed + (uint64_t)f,
                      frame->inputs, frame->sizes));
    }
    run->outputs =
        arena_array(run->arena, (size_t)package->outputs.count + 1, sizeof *run->outputs);
    return LPC_OK;
}

int run_make_folder(Run *run)
{
    if (!run->options->output || mkdir(run->options->output, 0777) == 0 || errno == EEXIST)
        return LPC_OK;
    return diag_error(run->diag, "%s: %s", run->options->output, strerror(errno));
}

static const char *file_name(const char *name, Arena *arena)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    char *copy = arena_strdup(arena, name);
    for (char *at = copy; *at; at++)
        if (!strchr(allowed, *at)) *at = '_';
    if (*copy == '.') *copy = '_';
    return copy;
}

int run_put_outputs(Run *run, int64_t step, int64_t steps)
{
    if (run->show) run->show(run, step, steps);
    if (!run->options->output) return LPC_OK;
    for (int i = 0; i < run->package->outputs.count; i++) {
        const HostTensor *tensor = &run->outputs[i];
        const char *name = file_name(tensor->name, run->arena);
        const char *path = steps > 1
                               ? arena_printf(run->arena, "%s/%s.%" PRId64 ".npy",
                                              run->options->output, name, step)
                               : arena_printf(run->arena, "%s/%s.npy", run->options->output, name);
        TRY(host_write_npy(tensor, run->diag, path));
    }
    return LPC_OK;
}
