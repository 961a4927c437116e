/* From a stage's nodes to its program: places, kernels, loop passes, memory plan. */
#include "passes/lower/rules.h"
#include "passes/stage/loop.h"
#include "passes/stage/work.h"

#include "ir/loops_cost.h"
#include "ir/machine.h"
#include "ir/names.h"
#include "passes/loops/passes.h"
#include "passes/loops/rewrite.h"
#include "passes/memory/memory.h"

#include <string.h>

LowerTarget stage_lower_target(const Target *target, bool portable)
{
    return (LowerTarget){.device = target, .scalar = portable};
}

/* ---- Regions: runs of nodes in the same branch share one IF, those of a body its loop ---- */

typedef struct Opened {
    const Region *region;
    Block *block; /* what runs in it */
} Opened;

typedef struct Opening {
    Lower *lw;
    const Stage *stage;
    Opened *open; /* the root first, the innermost last */
    int count;
} Opening;

static const Opened *innermost(const Opening *o)
{
    return &o->open[o->count - 1];
}

static int open_branch(Opening *o, const Node *node, const Region *region)
{
    const Place *place = lower_place(o->lw, region->cond);
    if (!place->buffer || !size_is(place->offset, 0))
        return diag_node(o->lw->diag, &node->origin, "its condition '%s' cannot be read here",
                         region->cond->name);
    Inst *branch = main_if(o->lw->program, innermost(o)->block, place->buffer, region->when);
    arena_push(o->lw->arena, o->open, o->count) = (Opened){region, &branch->body};
    return 0;
}

/* Opens what is around the node and not open yet. */
static int open_regions(Opening *o, const Node *node, const Region *region)
{
    if (!region || region_same(region, innermost(o)->region)) return 0;
    TRY(open_regions(o, node, region->parent));
    return open_branch(o, node, region);
}

static void close_regions(Opening *o, const Region *within)
{
    while (!region_within(within, innermost(o)->region)) o->count--;
}

static int enter_region(Opening *o, const Node *node)
{
    close_regions(o, node->region);
    TRY(open_regions(o, node, node->region));
    o->lw->main = innermost(o)->block;
    return 0;
}

/* Does a kernel of the stage read the tensor from memory? */
static bool is_read(Arena *arena, const Stage *stage, const Tensor *tensor)
{
    for (int i = 0; i < stage->node_count; i++) {
        if (stage->nodes[i]->op == OP_AT) continue;
        Reads reads = node_reads(arena, stage->nodes[i]);
        for (int r = 0; r < reads.count; r++) {
            if (reads.items[r] == tensor) return true;
        }
    }
    return false;
}

static int enter_loop(Opening *o, Node *enter)
{
    Block *inside;
    bool reads = enter->out[0] && is_read(o->lw->arena, o->stage, enter->out[0]);
    TRY(enter_region(o, enter));
    TRY(loop_open(o->lw, enter, reads, &inside));
    arena_push(o->lw->arena, o->open, o->count) = (Opened){enter->body, inside};
    return 0;
}

static int leave_loop(Opening *o, Node *leave)
{
    close_regions(o, leave->body);
    o->lw->main = innermost(o)->block;
    o->count--;
    return loop_close(o->lw, leave, innermost(o)->block);
}

static int lower_in_region(Opening *o, Node *node)
{
    if (node->op == OP_LOOP_ENTER) return enter_loop(o, node);
    if (node->op == OP_LOOP_LEAVE) return leave_loop(o, node);
    TRY(enter_region(o, node));
    return lower_node(o->lw, node);
}

/* ---- Copies: what passes through, constants that leave, state that was renewed elsewhere ---- */

/* Not part of the graph: a stage that is lowered again gets the same names. `extra` counts them. */
static Node *copy_node(const Graph *graph, Tensor *from, const char *name, int extra)
{
    Tensor *to = arena_alloc(graph->arena, sizeof *to);
    to->id = graph->tensor_count + extra;
    to->name = names_unique(graph->tensor_names, name);
    to->dtype = from->dtype;
    to->rank = from->rank;
    to->has_order = from->has_order;
    memcpy(to->dims, from->dims, sizeof to->dims);
    memcpy(to->order, from->order, sizeof to->order);
    Node *node = arena_alloc(graph->arena, sizeof *node);
    node->id = graph->next_node_id + extra;
    node->op = OP_COPY;
    node->name = to->name;
    node->origin = (Origin){NULL, from->name, "copy", -1};
    node->in = arena_array(graph->arena, 1, sizeof *node->in);
    node->out = arena_array(graph->arena, 1, sizeof *node->out);
    node->in[0] = from;
    node->out[0] = to;
    node->in_count = node->out_count = 1;
    return node;
}

static bool already_out(const Stage *stage, int index)
{
    const Tensor *out = stage->out[index];
    for (int i = 0; i < index; i++) {
        if (stage->out[i] == out) return true;
    }
    return false;
}

/* Nodes that copy, for out contract positions that no node of the stage fills; NULL elsewhere. */
static Node **outgoing_copies(const Graph *graph, const Stage *stage)
{
    Node **copies = arena_array(graph->arena, (size_t)stage->out_count + 1, sizeof(Node *));
    for (int i = 0; i < stage->out_count; i++) {
        Tensor *out = stage->out[i];
        bool made = false, again = already_out(stage, i);
        for (int k = 0; k < stage->node_count && !again; k++) {
            const Node *node = stage->nodes[k];
            for (int o = 0; o < node->out_count; o++) {
                made = made || out == (o ? node->out[o] : node_result(node));
            }
        }
        const char *name = again ? arena_printf(graph->arena, "%s.out%d", out->name, i)
                                 : arena_printf(graph->arena, "%s.out", out->name);
        if (!made) copies[i] = copy_node(graph, out, name, i);
    }
    return copies;
}

static void place_copy(Lower *lw, const Node *copy, BufferClass class, int index)
{
    const Tensor *to = copy->out[0];
    Place *place = &lw->places[to->id];
    place->buffer =
        program_buffer(lw->program, to->name, class, to->dtype, tensor_elements(lw->sizes, to));
    place->buffer->index = index;
    place->offset = size_const(lw->sizes, 0);
    const Size *stride = size_const(lw->sizes, dtype_cells(to->dtype));
    for (int i = to->rank - 1; i >= 0; i--) {
        int axis = to->has_order ? to->order[i] : i;
        place->stride[axis] = stride;
        stride = size_mul(lw->sizes, stride, to->dims[axis]);
    }
}

static int lower_copies(Lower *lw, const Stage *stage, Node *const *copies)
{
    for (int i = 0; i < stage->out_count; i++) {
        if (!copies[i]) continue;
        place_copy(lw, copies[i], BUFFER_OUTPUT, i);
        if (!lower_place(lw, copies[i]->in[0])->buffer && !copies[i]->in[0]->values)
            return diag_error(lw->diag, "output '%s' is not computed in any stage",
                              copies[i]->in[0]->name);
        TRY(lower_node(lw, copies[i]));
    }
    return 0;
}

static bool same_memory(const Place *a, const Place *c)
{
    return a->buffer == c->buffer && a->offset == c->offset;
}

static int lower_state(Lower *lw, Node *const *copies)
{
    for (int i = 0; i < lw->graph->state_count; i++) {
        const StatePair *pair = &lw->graph->states[i];
        const Place *in = &lw->places[pair->in->id], *out = &lw->places[pair->out->id];
        if (!copies[i] || !in->buffer || same_memory(in, out)) continue;
        if (!out->buffer)
            return diag_error(lw->diag, "state '%s' is not renewed on the device that reads it",
                              pair->in->name);
        lw->places[copies[i]->out[0]->id] = *in;
        TRY(lower_node(lw, copies[i]));
    }
    return 0;
}

/* ---- The stage ---- */

static int lower_nodes(Lowered *lowered, const Stage *stage)
{
    Lower *lw = &lowered->lw;
    Opening opening = {.lw = lw, .stage = stage};
    arena_push(lw->arena, opening.open, opening.count) = (Opened){NULL, lw->main};
    for (int i = 0; i < stage->node_count; i++) {
        Node *node = stage->nodes[i];
        if (lower_needs_code(lw, node)) TRY(lower_in_region(&opening, node));
        lowered->kernels[i] = lw->program->kernel_count;
    }
    lw->main = opening.open[0].block;
    return 0;
}

/* Strings that enter are checked: kernels rely on their lengths. */
static int check_strings(Lower *lw, const Stage *stage)
{
    for (int i = 0; i < stage->in_count; i++) {
        Tensor *x = stage->in[i];
        if (!dtype_is_string(x->dtype)) continue;
        Node *node = arena_alloc(lw->arena, sizeof *node);
        node->id = lw->graph->next_node_id + i;
        node->op = OP_STRING_CHECK;
        node->name = arena_printf(lw->arena, "%s.check", x->name);
        node->origin = (Origin){.node = node->name, .op = op_info(node->op)->name, .index = -1};
        node->in = &stage->in[i];
        node->in_count = 1;
        TRY(lower_node(lw, node));
    }
    return 0;
}

static int lower_all(Lowered *lowered, const Stage *stage, Node *const *copies, Node *const *kept)
{
    TRY(check_strings(&lowered->lw, stage));
    TRY(lower_nodes(lowered, stage));
    TRY(lower_copies(&lowered->lw, stage, copies));
    return lower_state(&lowered->lw, kept);
}

/* Counted here, of scalar loops: what later passes make of them computes the same. */
static void describe_costs(Program *program)
{
    loops_count(program);
    for (int i = 0; i < program->kernel_count; i++) {
        Kernel *kernel = program->kernels[i];
        kernel->comment = arena_printf(program->arena, "%s  at most %.0f operations, %.0f bytes\n",
                                       kernel->comment, kernel->cost.flops, kernel->cost.bytes);
    }
}

void lowered_drop(Lowered *lowered)
{
    Program *program = lowered->lw.program;
    if (program->code != program->arena) arena_free(program->code);
    program->code = program->arena;
}

/* Room for the copies around loops and users' own operators. */
static size_t count_aliases(const Stage *stage)
{
    size_t count = 0;
    for (int i = 0; i < stage->node_count; i++) {
        const Node *node = stage->nodes[i];
        size_t ends = (size_t)node->in_count + (size_t)node->out_count;
        if (node->body) count += 3 * ends;
        if (node->custom) count += ends;
    }
    return count;
}

int stage_calls(Graph *graph, const Stage *stage, Lowered *lowered)
{
    Arena *arena = graph->arena;
    Node **copies = outgoing_copies(graph, stage);
    Node **kept = arena_array(arena, (size_t)graph->state_count + 1, sizeof *kept);
    for (int i = 0; i < graph->state_count; i++) {
        const StatePair *pair = &graph->states[i];
        kept[i] = copy_node(graph, pair->out, arena_printf(arena, "%s.kept", pair->in->name),
                            stage->out_count + i);
    }
    size_t nodes = (size_t)stage->node_count + 1;
    size_t tensors =
        (size_t)graph->tensor_count + (size_t)stage->out_count + (size_t)graph->state_count;
    *lowered = (Lowered){.lw = {.arena = arena,
                                .diag = graph->diag,
                                .graph = graph,
                                .sizes = graph->sizes,
                                .rules = lower_rules,
                                .target = &stage->lower},
                         .kernels = arena_array(arena, nodes, sizeof *lowered->kernels)};
    Lower *lw = &lowered->lw;
    lw->program = program_new(arena, graph->sizes, stage->prefix);
    lw->program->input_count = stage->in_count;
    lw->program->output_count = stage->out_count;
    lw->main = &lw->program->main->body;
    lw->next_alias = (int)tensors;
    tensors += count_aliases(stage);
    lw->places = arena_array(arena, tensors, sizeof *lw->places);
    lw->viewed = arena_array(arena, tensors, sizeof *lw->viewed);
    stage_places(lw, stage);
    lw->program->code = arena_new();
    int code = lower_all(lowered, stage, copies, kept);
    if (code)
        lowered_drop(lowered);
    else
        describe_costs(lw->program);
    return code;
}

/* ---- Loop passes: what each of them leaves behind is freed, so that memory is two programs ---- */

typedef struct LoopPass {
    int (*run)(Program *program);
    int (*run_wide)(Program *program, int vector_bits);
} LoopPass;

static int settle(Program *program)
{
    program->code = program->arena;
    for (int i = 0; i < program->kernel_count; i++) rewrite_kernel(program->kernels[i], NULL, NULL);
    return 0;
}

static int run_loop_passes(Program *program, int vector_bits)
{
    static const LoopPass passes[] = {{pass_expand_math, NULL},
                                      {pass_cleanup, NULL},
                                      {NULL, pass_vectorize},
                                      {pass_cleanup, NULL},
                                      {settle, NULL}};
    int code = 0;
    for (size_t i = 0; i < sizeof passes / sizeof *passes && !code; i++) {
        Arena *before = program->code;
        program->code = arena_new();
        Arena *own = program->code;
        code = passes[i].run ? passes[i].run(program) : passes[i].run_wide(program, vector_bits);
        arena_free(before);
        if (program->code != own) arena_free(own);
    }
    return code;
}

static int lower_once(Graph *graph, Stage *stage)
{
    Lowered lowered;
    TRY(stage_calls(graph, stage, &lowered));
    Lower *lw = &lowered.lw;
    if (run_loop_passes(lw->program, lower_vector_bits(&stage->lower))) {
        lowered_drop(&lowered);
        return LPC_ERROR;
    }
    TRY(loops_verify(lw->program, graph->diag));
    TRY(loops_verify_casts(lw->program, graph->diag));
    if (stage->lower.plain)
        memory_apart(lw->program, &stage->memory);
    else
        plan_memory(lw->program, lw->in_place, lw->in_place_count, &stage->memory);
    stage->program = lw->program;
    stage->flops = loops_total(lw->program).flops;
    return 0;
}

StageBytes stage_bytes(const Stage *stage)
{
    const Program *p = stage->program;
    return (StageBytes){.weights = p->const_bytes,
                        .activations = p->work_bytes,
                        .state = p->state_bytes,
                        .queues = stage->queue * (stage->in_bytes + stage->out_bytes),
                        .code =
                            stage->runtime + (int64_t)stage->node_count * STAGE_LAYER_CODE_BYTES};
}

bool stage_fits(const Stage *stage)
{
    StageBytes bytes = stage_bytes(stage);
    return stage_bytes_sum(&bytes) <= stage->budget;
}

/* A budget above what the target's programs address (a target's own memory never is) is no use. */
static int check_addresses(Graph *graph, const Stage *stage)
{
    int64_t most = machine_most_bytes(stage->target->triple);
    StageBytes bytes = stage_bytes(stage);
    const Program *p = stage->program;
    if (stage_bytes_sum(&bytes) <= most || !stage_fits(stage)) return 0;
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *b = p->buffers[i];
        if (b->max_bytes > most)
            return diag_error(graph->diag,
                              "tensor '%s' takes %lld bytes: a program for target '%s' (%s) "
                              "addresses %lld",
                              b->name, (long long)b->max_bytes, stage->target->name,
                              stage->target->triple, (long long)most);
    }
    return diag_error(graph->diag,
                      "stage '%s' needs %lld bytes (weights %lld, activations %lld, state %lld, "
                      "queues %lld): a program for target '%s' (%s) addresses %lld",
                      stage->name, (long long)stage_bytes_sum(&bytes), (long long)bytes.weights,
                      (long long)bytes.activations, (long long)bytes.state, (long long)bytes.queues,
                      stage->target->name, stage->target->triple, (long long)most);
}

int stage_lower(Graph *graph, Stage *stage)
{
    stage->lower.compact = false;
    TRY(lower_once(graph, stage));
    if (!stage_fits(stage)) {
        stage->lower.compact = true;
        TRY(lower_once(graph, stage));
    }
    return check_addresses(graph, stage);
}
