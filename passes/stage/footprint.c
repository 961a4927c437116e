/* What a model's layers need as they are lowered for a target: the whole model is lowered as one
 * stage and its program read. Weights and state are those of any stage with these layers, byte for
 * byte. The workspace of a stage is at most the buffers that lie inside it: where a cut goes
 * through a buffer, its tensor is received or sent and lies in a queue instead. */
#include "passes/stage/work.h"

#include <stdlib.h>
#include <string.h>

typedef struct Reading {
    const Work *w;
    Arena *arena;
    const Lowered *lowered;
    Footprint *f;
    Lives lives;
    int *layer, *step; /* of each step of main */
    int at, steps;     /* the layer and the steps that are read so far */
} Reading;

/* ---- Steps ---- */

static int layer_of_kernel(const Reading *r, const Kernel *kernel)
{
    const Program *p = r->lowered->lw.program;
    int k = 0, layer = 0;
    while (k < p->kernel_count && p->kernels[k] != kernel) k++;
    while (layer < r->w->count - 1 && r->lowered->kernels[layer] <= k) layer++;
    return layer; /* copies at the end belong to the last one */
}

/* Of a step or of what its blocks hold. */
static const Kernel *first_kernel(const Lives *lives, int step)
{
    for (int i = step; i < lives->steps[step].end; i++) {
        const Inst *inst = lives->steps[i].inst;
        if (inst->op == LI_CALL) return inst->callee;
    }
    return NULL;
}

static void add_step(Reading *r, int layer)
{
    r->f->steps[layer]++;
    r->steps++;
}

/* Every layer has a step, even if all that it makes is views: in a stage they may need code. */
static void read_steps(Reading *r)
{
    for (int i = 0; i < r->lives.count; i++) {
        const Kernel *kernel = first_kernel(&r->lives, i);
        int layer = kernel ? layer_of_kernel(r, kernel) : r->at;
        while (r->at < layer) {
            if (!r->f->steps[r->at]) add_step(r, r->at);
            r->at++;
        }
        r->layer[i] = r->at;
        r->step[i] = r->steps;
        add_step(r, r->at);
    }
}

static void read_all_steps(Reading *r, Program *p)
{
    r->lives = memory_lives(p, r->arena);
    size_t steps = (size_t)r->lives.count + 1;
    r->layer = arena_array(r->arena, steps, sizeof *r->layer);
    r->step = arena_array(r->arena, steps, sizeof *r->step);
    read_steps(r);
    for (; r->at < r->w->count; r->at++) {
        if (!r->f->steps[r->at]) add_step(r, r->at);
    }
}

/* ---- Weights ---- */

/* used[layers]: which layers' kernels name the buffer. */
static void find_users(const Reading *r, const Buffer *buffer, bool *used)
{
    for (int i = 0; i < r->lives.count; i++) {
        const Inst *inst = r->lives.steps[i].inst;
        for (int k = 0; k < inst->arg_count; k++) {
            if (inst->args[k].buffer == buffer) used[r->layer[i]] = true;
        }
    }
}

static void read_weight(Reading *r, const Buffer *buffer, bool *used)
{
    int n = r->w->count;
    memset(used, 0, (size_t)n);
    find_users(r, buffer, used);
    SharedWeight shared = {.name = buffer->name, .bytes = buffer_room(buffer->max_bytes)};
    for (int i = 0; i < n; i++) {
        if (used[i]) arena_push(r->arena, shared.layers, shared.layer_count) = i;
    }
    if (shared.layer_count == 1)
        r->f->weights[shared.layers[0]] += shared.bytes;
    else if (shared.layer_count)
        arena_push(r->arena, r->f->shared, r->f->shared_count) = shared;
}

/* ---- The workspace ---- */

static void span_of(const Reading *r, const Buffer *buffer, WorkBuffer *b)
{
    b->from = r->layer[buffer->first];
    b->to = r->layer[buffer->last];
    if (buffer->tensor < 0) return; /* scratch, of one layer */
    b->from = r->w->first[buffer->tensor];
    b->to = r->w->last[buffer->tensor];
    if (b->from < 0) b->from = r->layer[buffer->first];
    for (int i = 0; i < r->w->count; i++) { /* or of the reshape in whose memory it leaves */
        const Node *node = r->w->nodes[i];
        if (!node->in_count || !node->in[0] || node->in[0]->id != buffer->tensor) continue;
        if (!place_sends_source(node)) continue;
        int last = r->w->last[node->out[0]->id];
        if (last > b->to) b->to = last;
    }
    if (b->to < b->from) b->to = b->from;
    if (b->to >= r->w->count) b->to = r->w->count - 1;
}

typedef struct Sorted {
    WorkBuffer b;
    int id;
} Sorted;

static int by_to(const void *a, const void *c)
{
    const Sorted *x = a, *y = c;
    if (x->b.to != y->b.to) return x->b.to - y->b.to;
    if (x->b.first != y->b.first) return x->b.first - y->b.first;
    return x->id - y->id;
}

/* Results that may be made in the memory of an operand, as plan_memory decides it. */
static void read_in_place(Reading *r, const int *at)
{
    const Lower *lw = &r->lowered->lw;
    bool *taken = arena_array(r->arena, (size_t)r->f->buffer_count + 1, sizeof *taken);
    for (int i = 0; i < lw->in_place_count; i++) {
        const InPlace *pair = &lw->in_place[i];
        int from = at[pair->from->id], to = at[pair->to->id];
        if (from < 0 || to <= from || taken[from]) continue;
        const WorkBuffer *a = &r->f->buffers[from];
        WorkBuffer *b = &r->f->buffers[to];
        int call = memory_step(&r->lives, pair->kernel), step = call < 0 ? -1 : r->step[call];
        if (b->over >= 0 || a->last != step || b->first != step || a->bytes != b->bytes ||
            a->from > b->from || !lives_together(&r->lives, call, pair->from, pair->to))
            continue;
        b->over = from;
        taken[from] = true;
    }
}

static void read_workspace(Reading *r)
{
    const Program *p = r->lowered->lw.program;
    size_t room = (size_t)p->buffer_count + 1;
    Sorted *sorted = arena_array(r->arena, room, sizeof *sorted);
    int count = 0, *at = arena_array(r->arena, room, sizeof *at);
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *buffer = p->buffers[i];
        at[i] = -1;
        if (buffer->class != BUFFER_WORK || buffer->first < 0) continue;
        WorkBuffer b = {buffer_room(buffer->max_bytes),
                        r->step[buffer->first],
                        r->step[buffer->last],
                        0,
                        0,
                        -1};
        span_of(r, buffer, &b);
        if (r->lowered->lw.target->plain) { /* it shares its bytes with none */
            b.first = 0;
            b.last = r->steps - 1;
        }
        sorted[count++] = (Sorted){b, i};
    }
    if (count) qsort(sorted, (size_t)count, sizeof *sorted, by_to);
    r->f->buffers = arena_array(r->arena, room, sizeof *r->f->buffers);
    r->f->buffer_count = count;
    for (int i = 0; i < count; i++) {
        r->f->buffers[i] = sorted[i].b;
        at[sorted[i].id] = i;
    }
    if (!r->lowered->lw.target->plain) read_in_place(r, at);
}

/* ---- Work ---- */

static void read_work(Reading *r)
{
    size_t n = (size_t)r->w->count + 1;
    r->f->flops = arena_array(r->arena, n, sizeof *r->f->flops);
    r->f->bytes = arena_array(r->arena, n, sizeof *r->f->bytes);
    const Program *program = r->lowered->lw.program;
    for (int i = 0; i < program->kernel_count; i++) { /* a kernel's cost is that of all its calls */
        int layer = layer_of_kernel(r, program->kernels[i]);
        r->f->flops[layer] += program->kernels[i]->cost.flops;
        r->f->bytes[layer] += program->kernels[i]->cost.bytes;
    }
}

static void read_program(Reading *r)
{
    Program *p = r->lowered->lw.program;
    const Graph *g = r->w->graph;
    size_t n = (size_t)r->w->count;
    Footprint *f = r->f;
    f->weights = arena_array(r->arena, n + 1, sizeof *f->weights);
    f->state = arena_array(r->arena, n + 1, sizeof *f->state);
    f->code = arena_array(r->arena, n + 1, sizeof *f->code);
    f->steps = arena_array(r->arena, n + 1, sizeof *f->steps);
    read_all_steps(r, p);
    read_work(r);
    for (int i = 0; i < r->w->count; i++) f->code[i] = STAGE_LAYER_CODE_BYTES;
    bool *used = arena_array(r->arena, n + 1, sizeof *used);
    for (int i = 0; i < p->buffer_count; i++) {
        if (p->buffers[i]->class == BUFFER_CONST) read_weight(r, p->buffers[i], used);
    }
    for (int i = 0; i < g->state_count; i++) {
        const Buffer *state = r->lowered->lw.places[g->states[i].in->id].buffer;
        if (state && state->class == BUFFER_STATE)
            f->state[r->w->state_first[i]] += buffer_room(state->max_bytes);
    }
    read_workspace(r);
}

int work_footprint(const Work *w, const Target *target, const LowerTarget *lower, bool compact,
                   Footprint *f, bool *transforms)
{
    Graph *g = w->graph;
    Lowered lowered;
    Stage stage = {
        .prefix = "footprint", .target = target, .nodes = w->nodes, .node_count = w->count};
    stage.lower = *lower;
    stage.lower.compact = compact;
    if (lower->tuning) stage.lower.tuning = tuning_copy(g->arena, lower->tuning);
    work_contract(w, 0, &stage.in, &stage.in_count, &stage.in_bytes);
    work_contract(w, w->count, &stage.out, &stage.out_count, &stage.out_bytes);
    *f = (Footprint){.target = target->name, .compact = compact};
    TRY(stage_calls(g, &stage, &lowered));
    Reading r = {.w = w, .arena = g->arena, .lowered = &lowered, .f = f};
    read_program(&r);
    *transforms = lowered.lw.transforms_weights;
    lowered_drop(&lowered);
    return 0;
}

static int add_footprint(Work *w, Profile *p, const Target *target, const LowerTarget *lower)
{
    Footprint own, compact;
    bool transforms;
    for (int i = 0; i < p->footprint_count; i++) {
        if (!strcmp(p->footprints[i].target, target->name)) return 0;
    }
    TRY(work_footprint(w, target, lower, false, &own, &transforms));
    arena_push(w->graph->arena, p->footprints, p->footprint_count) = own;
    if (!transforms) return 0; /* the compact one would be the same */
    TRY(work_footprint(w, target, lower, true, &compact, &transforms));
    arena_push(w->graph->arena, p->footprints, p->footprint_count) = compact;
    return 0;
}

/* What layers do where nothing is known of the target: one loop after the other, in scalars. */
static int portable_footprint(Work *w, Footprint *f)
{
    static const Target portable = {.name = "portable"};
    LowerTarget lower = stage_lower_target(&portable, true);
    bool transforms;
    return work_footprint(w, &portable, &lower, false, f, &transforms);
}

int work_footprints(Work *w, Profile *p, const Target *const *targets, const LowerTarget *lower,
                    int count)
{
    Footprint portable, *f = &portable;
    if (!w->count) return 0;
    for (int i = 0; i < count; i++) {
        if (targets[i]) TRY(add_footprint(w, p, targets[i], &lower[i]));
    }
    if (p->footprint_count)
        f = &p->footprints[0];
    else
        TRY(portable_footprint(w, f));
    for (int i = 0; i < p->count; i++) {
        p->layers[i].flops = f->flops[i];
        p->layers[i].bytes = f->bytes[i];
    }
    return 0;
}
