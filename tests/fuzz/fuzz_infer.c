/* libFuzzer target for bodies of inference requests: JSON and binary tensors.
 *
 * The first two bytes say where the JSON ends. What is read well is made a payload, which the layout must take. */
#include "lib/serve/infer.h"

#include <string.h>

static const char *const dims[][2] = {{"2", "n"}, {"n", "3"}, {"n", "1"}, {"1", "1"}};

static PackageTensor declare(Package *package, const char *name, DType type, int64_t most,
                             int which)
{
    PackageTensor t = {
        .name = name, .type = type, .rank = 2, .max_bytes = (uint64_t)most * dtype_size(type)};
    for (int d = 0; d < 2; d++) {
        t.dim_texts[d] = dims[which][d];
        t.dims[d] = size_parse(package->sizes, dims[which][d], NULL);
    }
    return t;
}

static int64_t bytes_of(const void *context, uint32_t k, const int64_t *sizes)
{
    const PackageTensor *t = &((const PackageEnd *)context)->tensors[k];
    return (int64_t)dtype_size(t->type) * size_eval(t->dims[0], sizes) *
           size_eval(t->dims[1], sizes);
}

static Package *make(Arena *arena, LpcShape *shape)
{
    static const char *names[] = {"n"};
    static const int64_t most[] = {4};
    static lpc_tensor_info infos[4];
    Package *p = arena_alloc(arena, sizeof *p);
    p->sizes = sizes_new(arena);
    (void)sizes_symbol(p->sizes, "n");
    p->symbol_count = 1;
    p->symbol_names = names;
    p->symbol_max = arena_array(arena, 1, sizeof(int64_t));
    p->symbol_max[0] = most[0];
    p->inputs.count = 4;
    p->inputs.tensors = arena_array(arena, 4, sizeof(PackageTensor));
    p->inputs.tensors[0] = declare(p, "a", DT_F32, 8, 0);
    p->inputs.tensors[1] = declare(p, "b", DT_I64, 12, 1);
    p->inputs.tensors[2] = declare(p, "c", DT_STR16, 4, 2);
    p->inputs.tensors[3] = declare(p, "d", DT_BOOL, 1, 3);
    for (int i = 0; i < 4; i++)
        infos[i] =
            (lpc_tensor_info){p->inputs.tensors[i].name, 0, 0, 2, p->inputs.tensors[i].max_bytes};
    p->inputs.contract = (lpc_contract){0, 0, 4, infos, 4096};
    p->outputs = p->inputs;
    *shape = (LpcShape){&p->inputs.contract, 1, most, names, bytes_of, &p->inputs};
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    Arena *arena = arena_new();
    LpcShape shape;
    Package *package = make(arena, &shape);
    size_t json = (size_t)(data[0] | data[1] << 8);
    size -= 2;
    if (json > size) json = size;
    uint8_t *body = arena_alloc(arena, size + 1);
    memcpy(body, data + 2, size);
    Diag diag;
    Infer infer;
    diag_init(&diag, arena, NULL);
    const uint8_t *payload;
    size_t bytes, json_bytes;
    if (infer_read(&infer, package, arena, &diag, body, size, json)) {
        if (!diag.count) __builtin_trap(); /* refused without a word */
    } else if (!infer_payload(&infer, &shape, arena, &diag, &payload, &bytes)) {
        uint8_t *answer = arena_alloc(arena, bytes + 1); /* the inputs come back */
        Text text;
        text_init(&text, arena);
        memcpy(answer, payload, bytes);
        (void)infer_reply(&infer, package, &shape, &diag, answer, &text, &json_bytes);
    }
    arena_free(arena);
    return 0;
}
