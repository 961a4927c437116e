/* Operators of the domain acme, for tests: sizes of every kind. */
#include "limits.h"
#include "lpc_custom.h"

static int one_float(lpc_custom_call *call)
{
    if (call->in_count < 1 || call->in[0].type != LPC_CUSTOM_F32)
        return lpc_custom_refuse(call, "expected an input of float");
    return 0;
}

/* Scale {factor, low, high}: y = factor * x within limits; and the sum of x. By way of scratch. */
int acme_Scale_shape(lpc_custom_call *call)
{
    if (one_float(call)) return 1;
    lpc_custom_like(call, 0, 0);
    if (call->out_count > 1) call->out[1].type = LPC_CUSTOM_F32;
    call->workspace_bytes = lpc_custom_elements(&call->in[0]) * (int64_t)sizeof(float);
    call->flops = 2 * lpc_custom_elements(&call->in[0]);
    return 0;
}

int acme_Scale(lpc_custom_call *call)
{
    const float *x = call->in[0].data;
    float *w = call->workspace, *y = call->out[0].data, sum = 0;
    float factor = lpc_custom_float(call, "factor", 1);
    float low = lpc_custom_float(call, "low", -1e30f), high = lpc_custom_float(call, "high", 1e30f);
    int64_t n = lpc_custom_elements(&call->in[0]);
    for (int64_t i = 0; i < n; i++) {
        w[i] = limit(factor * x[i], low, high);
        sum += x[i];
    }
    for (int64_t i = 0; y && i < n; i++) y[i] = w[i];
    if (call->out_count > 1 && call->out[1].data) *(float *)call->out[1].data = sum;
    return 0;
}

/* Window {size, stride}: sums of windows over axis 0. */
int acme_Window_shape(lpc_custom_call *call)
{
    int64_t size = lpc_custom_int(call, "size", 2), stride = lpc_custom_int(call, "stride", 1);
    if (one_float(call)) return 1;
    if (call->in[0].rank < 1) return lpc_custom_refuse(call, "expected an axis");
    if (call->in[0].dims[0] < size) return lpc_custom_refuse(call, "the window is larger than x");
    lpc_custom_like(call, 0, 0);
    call->out[0].dims[0] = (call->in[0].dims[0] - size) / stride + 1;
    return 0;
}

int acme_Window(lpc_custom_call *call)
{
    const float *x = call->in[0].data;
    float *y = call->out[0].data;
    int64_t size = lpc_custom_int(call, "size", 2), stride = lpc_custom_int(call, "stride", 1);
    int64_t rest = 1;
    for (int k = 1; k < call->in[0].rank; k++) rest *= call->in[0].dims[k];
    for (int64_t i = 0; i < call->out[0].dims[0]; i++) {
        for (int64_t r = 0; r < rest; r++) {
            float sum = 0;
            for (int64_t k = 0; k < size; k++) sum += x[(i * stride + k) * rest + r];
            y[i * rest + r] = sum;
        }
    }
    return 0;
}

/* Positive: the positive elements of x, and where they are. How many there are, it counts. */
int acme_Positive_shape(lpc_custom_call *call)
{
    if (one_float(call)) return 1;
    for (int i = 0; i < 2 && i < call->out_count; i++) {
        call->out[i].type = i ? LPC_CUSTOM_I64 : LPC_CUSTOM_F32;
        call->out[i].rank = 1;
        call->out[i].dims[0] = lpc_custom_elements(&call->in[0]);
        call->out[i].counted = 1;
    }
    return 0;
}

int acme_Positive(lpc_custom_call *call)
{
    const float *x = call->in[0].data;
    float *y = call->out[0].data;
    int64_t *at = call->out_count > 1 ? call->out[1].data : NULL, count = 0;
    for (int64_t i = 0; i < lpc_custom_elements(&call->in[0]); i++) {
        if (!(x[i] > 0)) continue;
        if (y) y[count] = x[i];
        if (at) at[count] = i;
        count++;
    }
    for (int i = 0; i < call->out_count; i++) call->out[i].dims[0] = count;
    return 0;
}

static int64_t root(int64_t n)
{
    int64_t r = 0;
    while ((r + 1) * (r + 1) <= n) r++;
    return r;
}

/* Square: as many elements as fill a square: no expression that anybody finds. */
int acme_Square_shape(lpc_custom_call *call)
{
    if (one_float(call)) return 1;
    call->out[0].type = LPC_CUSTOM_F32;
    call->out[0].rank = 2;
    call->out[0].dims[0] = call->out[0].dims[1] = root(lpc_custom_elements(&call->in[0]));
    return 0;
}

int acme_Square(lpc_custom_call *call)
{
    int64_t n = lpc_custom_elements(&call->out[0]);
    if (n) memcpy(call->out[0].data, call->in[0].data, (size_t)n * sizeof(float));
    return 0;
}
