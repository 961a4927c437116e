/* What a model has that lpc does not take, for `lpc inspect`: each node that fails, what it would need, and
 * whether another export would help. The errors themselves are told as always. */
#include "frontend/import.h"

#include <string.h>

/* what: an operator; "domain::", the beginning of a domain; "::Name" and "_END" of any domain. The first row
 * that fits counts. */
typedef struct Advice {
    const char *what;
    NewerExport newer;
    const char *needs;
} Advice;

#define TORCH                                                                                      \
    "a call of PyTorch's library, which its old exporter leaves in: export anew with "             \
    "torch.onnx.export(..., dynamo=True), or without a fallback to ATen"
#define WHOLE_LOOP                                                                                 \
    "a whole loop of generation: compile the decoder that is its attribute, with --state for its " \
    "caches, and loop around it"

static const Advice advices[] = {
    {"::ATen", NEWER_HELPS, TORCH},
    {"ATen", NEWER_HELPS, TORCH},
    {"aten::", NEWER_HELPS, TORCH},
    {"prim::", NEWER_HELPS, TORCH},
    {"org.pytorch", NEWER_HELPS, TORCH},
    {"pkg.", NEWER_HELPS,
     "a function of its exporter that the file has lost: export anew, and save the model with its "
     "functions"},
    {"mmcv::", NEWER_HELPS, "an operator of mmcv: newer versions of mmdeploy export standard ones"},
    {"mmdeploy::", NEWER_HELPS,
     "an operator of mmdeploy: newer versions of it export standard ones"},
    {"_TRT", NEWER_HELPS,
     "a plugin of TensorRT: export for ONNX Runtime, with standard operators such as "
     "NonMaxSuppression"},
    {"TRT::", NEWER_HELPS,
     "a plugin of TensorRT: export for ONNX Runtime, with standard operators"},
    {"ConstantFill", NEWER_HELPS, "an experiment that ended: ConstantOfShape, from opset 9 on"},
    {"GivenTensorFill", NEWER_HELPS, "an experiment that ended: Constant"},
    {"Caffe2ConvTranspose", NEWER_HELPS, "an operator of Caffe2: ConvTranspose"},
    {"SpatialBN", NEWER_HELPS, "an operator of Caffe2: BatchNormalization"},
    {"FC", NEWER_HELPS, "an operator of Caffe2: Gemm"},
    {"GRUUnit", NEWER_HELPS, "an experiment that ended: GRU"},
    {"LoopIndexTensor", NEWER_HELPS, "an experiment that ended: Loop and Gather"},
    {"com.microsoft::BeamSearch", NEWER_NOT, WHOLE_LOOP},
    {"com.microsoft::WhisperBeamSearch", NEWER_NOT, WHOLE_LOOP},
    {"com.microsoft::GreedySearch", NEWER_NOT, WHOLE_LOOP},
    {"com.microsoft::Sampling", NEWER_NOT, WHOLE_LOOP},
    {"com.microsoft.", NEWER_HELPS,
     "made by ONNX Runtime for one device: save the model for the CPU, or as it was before"},
    {"com.ms.", NEWER_HELPS,
     "made by ONNX Runtime for one device: save the model for the CPU, or as it was before"},
    {"com.microsoft::", NEWER_HELPS,
     "not one that ONNX Runtime runs on a CPU, or too new: use the model as it was before "
     "ONNX Runtime's tools changed it, or have them leave out this fusion"},
    {"ai.onnx.contrib::", NEWER_NOT,
     "of onnxruntime-extensions, which prepares text, sound and pictures: do that in your program "
     "and compile the model behind it"},
    {"ImageDecoder", NEWER_NOT,
     "decode the picture in your program, and give the model its pixels"},
    {"ai.onnx.ml::", NEWER_NOT, "ONNX has no such operator, or it is too new"},
    {"ai.onnx.", NEWER_NOT, "a preview that changed, or is too new"},
};

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

static bool ends(const char *text, const char *with)
{
    size_t length = strlen(text), end = strlen(with);
    return length >= end && !strcmp(text + length - end, with);
}

static bool is_about(const Advice *a, const char *op)
{
    bool is_end = begins(a->what, "::") || *a->what == '_';
    bool is_domain = ends(a->what, "::") || strchr(a->what, '.');
    if (is_end) return ends(op, a->what);
    return !strcmp(op, a->what) || (is_domain && begins(op, a->what) && strchr(op, ':'));
}

/* An operator of ai.onnx that is spelled with other capitals. */
static const char *other_spelling(const char *op)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const char *name = op_info((OpCode)i)->name;
        size_t k = 0;
        if (op_info((OpCode)i)->traits & T_INTERNAL) continue;
        while (op[k] && (op[k] | 32) == (name[k] | 32)) k++;
        if (!op[k] && !name[k]) return name;
    }
    return NULL;
}

static void advise(Arena *arena, Missing *m)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
        if (!is_about(&advices[i], m->full)) continue;
        m->newer = advices[i].newer;
        m->needs = advices[i].needs;
        return;
    }
    const char *spelled = other_spelling(m->full);
    m->newer = NEWER_NOT;
    if (spelled)
        m->needs = arena_printf(arena, "ONNX spells it %s", spelled);
    else if (strchr(m->full, ':'))
        m->needs =
            arena_printf(arena,
                         "of a domain of its own: give it as a C function, --custom %s=FILE.c, "
                         "or export it as a function of standard operators and keep the functions "
                         "in the file",
                         m->full);
    else
        m->needs = arena_printf(arena,
                                "ONNX has no such operator up to opset %d: export it as a function "
                                "of standard operators",
                                OPSET_MAX);
}

/* A form that a newer opset says otherwise may be one that exporters get right there. */
static void look_newer(Arena *arena, Missing *m)
{
    static const struct {
        const char *op;
        int since;
        const char *by;
    } gone[] = {{"Upsample", 10, "Resize"}, {"Scatter", 11, "ScatterElements"}};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        if (strcmp(m->op, gone[i].op)) continue;
        m->newer = NEWER_MAY_HELP;
        m->needs = arena_printf(arena, "gone since opset %d: exports of that or newer have %s",
                                gone[i].since, gone[i].by);
        return;
    }
    int newest = m->opset > 0 ? canon_newest(m->op, m->opset) : 0;
    m->newer = newest ? NEWER_MAY_HELP : NEWER_NOT;
    if (newest)
        m->needs = arena_printf(arena,
                                "the operator has another form from opset %d on: an export with "
                                "it may be one that lpc reads",
                                newest);
}

void missing_advise(Arena *arena, MissingList *list)
{
    for (int i = 0; i < list->count; i++) {
        if (list->at[i].is_unknown)
            advise(arena, &list->at[i]);
        else
            look_newer(arena, &list->at[i]);
    }
}
