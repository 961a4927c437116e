/* sensors::Despike: every sample of a signal x[n] becomes the median of the `width` samples around it. The
 * second output counts the samples that this changed.
 *
 * docs/custom-operators.md says what lpc gives these functions and what they may do. */
#include "lpc_custom.h"

int sensors_Despike_shape(lpc_custom_call *call)
{
    int64_t width = lpc_custom_int(call, "width", 3);
    if (call->in_count != 1 || call->in[0].type != LPC_CUSTOM_F32 || call->in[0].rank != 1)
        return lpc_custom_refuse(call, "expected one signal of floats");
    if (width < 1 || width % 2 == 0)
        return lpc_custom_refuse(call, "width: expected an odd number");
    lpc_custom_like(call, 0, 0);
    if (call->out_count > 1) call->out[1].type = LPC_CUSTOM_I32; /* of rank 0 */
    call->workspace_bytes = width * (int64_t)sizeof(float);
    call->flops = call->in[0].dims[0] * width * width;
    return 0;
}

/* Sorts a few values where they are. */
static void sort(float *values, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        float value = values[i];
        int64_t k = i;
        for (; k > 0 && values[k - 1] > value; k--) values[k] = values[k - 1];
        values[k] = value;
    }
}

int sensors_Despike(lpc_custom_call *call)
{
    const float *x = call->in[0].data;
    float *y = call->out[0].data, *window = call->workspace;
    int64_t n = call->in[0].dims[0], width = lpc_custom_int(call, "width", 3);
    int32_t changed = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < width; k++) {
            int64_t at = i + k - width / 2;
            window[k] = x[at < 0 ? 0 : at < n ? at : n - 1];
        }
        sort(window, width);
        float median = window[width / 2];
        changed += median != x[i];
        if (y) y[i] = median;
    }
    if (call->out_count > 1 && call->out[1].data) *(int32_t *)call->out[1].data = changed;
    return 0;
}
