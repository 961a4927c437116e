/* A second file: attributes, types, what is left out, what is constant, what fails. */
#include "lpc_custom.h"

#include <stdlib.h>

/* Told: what all attributes say, as int64. */
static int64_t told(const lpc_custom_call *call, int64_t *to)
{
    int64_t n = 0;
    for (int i = 0; i < call->attribute_count; i++) {
        const lpc_custom_attribute *a = &call->attributes[i];
        for (int k = 0; a->ints && k < a->count; k++) to[n++] = a->ints[k];
        for (int k = 0; a->floats && k < a->count; k++) to[n++] = (int64_t)(a->floats[k] * 8);
        for (int k = 0; a->strings && k < a->count; k++) to[n++] = (int64_t)strlen(a->strings[k]);
        for (int k = 0; a->tensor && k < lpc_custom_elements(a->tensor); k++)
            to[n++] = ((const int32_t *)a->tensor->data)[k];
    }
    to[n++] = call->opset;
    to[n++] = lpc_custom_string(call, "mode", "")[0];
    return n;
}

int org_other_Told_shape(lpc_custom_call *call)
{
    int64_t all[64];
    call->out[0].type = LPC_CUSTOM_I64;
    call->out[0].rank = 1;
    call->out[0].dims[0] = told(call, all);
    return 0;
}

int org_other_Told(lpc_custom_call *call)
{
    told(call, call->out[0].data);
    return 0;
}

/* Pick(x, n, y): the first n of x, n constant, plus y where that is there; its second output is the same in
 * reverse. Of any type of up to 8 bytes. */
int org_other_Pick_shape(lpc_custom_call *call)
{
    if (call->in_count < 2 || !call->in[1].data) return lpc_custom_refuse(call, "n is not known");
    for (int i = 0; i < call->out_count; i++) {
        lpc_custom_like(call, i, 0);
        call->out[i].dims[0] = *(const int64_t *)call->in[1].data;
    }
    return 0;
}

int org_other_Pick(lpc_custom_call *call)
{
    const char *x = call->in[0].data;
    size_t size = (size_t)call->in[0].element_bytes, n = (size_t)*(const int64_t *)call->in[1].data;
    const float *plus = call->in_count > 2 ? call->in[2].data : NULL;
    for (int k = 0; k < call->out_count; k++) {
        char *y = call->out[k].data;
        for (size_t i = 0; y && i < n; i++)
            memcpy(y + size * i, x + size * (k ? n - 1 - i : i), size);
    }
    float *y = call->out[0].data;
    for (size_t i = 0; plus && y && i < n; i++) y[i] += plus[i];
    return 0;
}

/* Twice: the product with 2; said to be impure with {impure}, so that constants do not matter. */
int Twice_shape(lpc_custom_call *call)
{
    lpc_custom_like(call, 0, 0);
    call->impure = (int32_t)lpc_custom_int(call, "impure", 0);
    return 0;
}

int Twice(lpc_custom_call *call)
{
    const float *x = call->in[0].data;
    float *y = call->out[0].data;
    for (int64_t i = 0; i < lpc_custom_elements(&call->in[0]); i++) y[i] = 2 * x[i];
    return 0;
}

/* Instead of the standard's Neg: 10 - x. */
int Neg_shape(lpc_custom_call *call)
{
    lpc_custom_like(call, 0, 0);
    return 0;
}

int Neg(lpc_custom_call *call)
{
    const float *x = call->in[0].data;
    float *y = call->out[0].data;
    for (int64_t i = 0; i < lpc_custom_elements(&call->in[0]); i++) y[i] = 10 - x[i];
    return 0;
}

/* Wrong {how}: what a shape function or a function can do wrong. */
int org_other_Wrong_shape(lpc_custom_call *call)
{
    const char *how = lpc_custom_string(call, "how", "");
    lpc_custom_like(call, 0, 0);
    if (!strcmp(how, "refuse")) return lpc_custom_refuse(call, "it does not like that");
    if (!strcmp(how, "silent")) return 1;
    if (!strcmp(how, "abort")) abort();
    for (volatile int ever = !strcmp(how, "hang"); ever;) continue;
    if (!strcmp(how, "type")) call->out[0].type = 77;
    if (!strcmp(how, "rank")) call->out[0].rank = 9;
    if (!strcmp(how, "negative")) call->out[0].dims[0] = -3;
    if (!strcmp(how, "workspace")) call->workspace_bytes = -1;
    if (!strcmp(how, "huge")) call->out[0].dims[0] = INT64_MAX / 2;
    if (!strcmp(how, "rank by size")) call->out[0].rank = call->in[0].dims[0] > 3 ? 1 : 0;
    if (!strcmp(how, "count") || !strcmp(how, "too many")) call->out[0].counted = 1;
    /* larger in the middle than at the bound */
    if (!strcmp(how, "hill")) call->out[0].dims[0] = call->in[0].dims[0] == 777 ? 1000 : 1;
    return 0;
}

int org_other_Wrong(lpc_custom_call *call)
{
    const char *how = lpc_custom_string(call, "how", "");
    if (!strcmp(how, "fail")) return lpc_custom_refuse(call, "these numbers are wrong");
    if (!strcmp(how, "too many")) call->out[0].dims[0]++;
    if (!strcmp(how, "count")) call->out[0].dims[0] = 0;
    return 0;
}
