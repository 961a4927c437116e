/* Seeded noise for inputs that the user does not give. */
#include "lib/run/run.h"

#include <string.h>

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void fill(HostTensor *tensor, uint64_t *state)
{
    DType type = dtype_part(tensor->type);
    size_t size = dtype_size(type);
    int64_t count = host_elements(tensor) * (type == tensor->type ? 1 : 2);
    uint8_t *data = tensor->data;
    for (int64_t i = 0; i < count; i++, data += size) {
        uint64_t bits = next_random(state);
        if (dtype_is_string(type)) {
            string_put(type, data, &"01"[bits & 1], 1);
            continue;
        }
        double sum = 0; /* of four uniform values, scaled to variance 1 */
        for (int k = 0; k < 4; k++) sum += (double)(bits >> (16 * k) & 65535) / 65536.0 - 0.5;
        double normal = sum * 1.7320508;
        float narrow = (float)normal;
        uint16_t half = type == DT_F16 ? f32_to_f16(narrow) : f32_to_bf16(narrow);
        uint64_t whole = bits & 1;
        if (dtype_is_code(type)) whole = f32_to_narrow(type, narrow);
        if (type == DT_F64)
            memcpy(data, &normal, 8);
        else if (type == DT_F32)
            memcpy(data, &narrow, 4);
        else if (dtype_is_float(type) && !dtype_is_narrow(type))
            memcpy(data, &half, 2);
        else
            memcpy(data, &whole, size);
    }
}

int run_noise(const Package *package, Arena *arena, Diag *diag, uint64_t seed, HostTensor *inputs,
              int64_t *values)
{
    int has_state = 0;
    for (int s = 0; s < package->symbol_count; s++)
        has_state |= package->symbol_sources[s] == SYM_STATE;
    for (int s = 0; s < package->symbol_count; s++) {
        if (values[s] >= 0) continue;
        values[s] = package->symbol_sources[s] != SYM_INPUT ? 0
                    : has_state && package->symbol_max[s]   ? 1
                                                            : package->symbol_max[s];
    }
    for (int i = 0; i < package->inputs.count; i++) {
        if (inputs[i].data) continue;
        package_shape(&package->inputs.tensors[i], values, &inputs[i]);
        if (host_alloc(&inputs[i], arena))
            return diag_error(diag, "input '%s': its size is not possible",
                              package->inputs.tensors[i].name);
        fill(&inputs[i], &seed);
    }
    return LPC_OK;
}
