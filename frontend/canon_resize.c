/* Upsample and older forms of Resize brought to the newest one. */
#include "frontend/import.h"

#include <string.h>

static bool is_empty(const Tensor *tensor)
{
    return tensor && tensor->data && tensor_static_elements(tensor) == 0;
}

static void drop_trailing_inputs(Call *call)
{
    while (call->in_count && !call->in[call->in_count - 1]) call->in_count--;
}

/* Before 11 resizing took coordinates x_out / scale, rounded down where that enlarges, else up. */
static void old_coordinates(Call *call)
{
    attr_set_string(call, "coordinate_transformation_mode", "asymmetric");
    if (!strcmp(attr_string(call, "mode", "nearest"), "nearest")) {
        attr_set_string(call, "nearest_mode", NEAREST_BEFORE_11);
    }
    if (!strcmp(attr_string(call, "mode", ""), "bilinear")) attr_set_string(call, "mode", "linear");
}

int canon_upsample(Call *call)
{
    Tensor *scales = call_in(call, 1);
    Attr *attr = attr_find(call, "scales");
    if (!call_in(call, 0)) return call_fail(call, "expected 1 or 2 inputs");
    if (attr && attr->kind == ATTR_FLOATS) {
        TRY(attr_constant(call, attr, NULL, &scales));
        attr_delete(call, "scales");
    }
    if (!scales) return call_fail(call, "scales are missing");
    call_set_in(call, 1, NULL);
    call_set_in(call, 2, scales);
    old_coordinates(call);
    call_become(call, "Resize");
    return LPC_OK;
}

static int canon_resize_10(Call *call)
{
    if (call->in_count != 2 || !call->in[0] || !call->in[1])
        return call_fail(call, "expected 2 inputs");
    return canon_upsample(call);
}

/* Inputs that do not take part may be given as empty tensors. */
static int canon_resize(Call *call)
{
    const char *mode = attr_string(call, "coordinate_transformation_mode", "");
    for (int i = 1; i < call->in_count; i++) {
        if (is_empty(call->in[i])) call->in[i] = NULL;
    }
    if (strcmp(mode, "tf_crop_and_resize") && call->in_count > 1) call->in[1] = NULL;
    drop_trailing_inputs(call);
    if (call->in_count < 3) return call_fail(call, "neither scales nor sizes are given");
    if (call_in(call, 3) && call->in[2]) return call_fail(call, "both scales and sizes are given");
    return LPC_OK;
}

const Rule canon_resize_rules[] = {
    {"Upsample", 0, canon_upsample},
    {"Resize", 11, canon_resize_10},
    {"Resize", 0, canon_resize},
    {NULL, 0, NULL},
};
