/* lpc.Random: the shape is input 0's contents. */
#include "passes/shape/shape.h"

int shape_random(Graph *g, Node *n)
{
    const Size *const *sizes;
    Dims out = {0};
    int count;
    DType type = dtype_from_onnx(node_int(n, "dtype"));
    if (type != DT_F32 && type != DT_F64)
        return diag_node(g->diag, &n->origin, "dtype: expected f32 or f64");
    TRY(need_values(g, n, 0, "shape", &sizes, &count));
    for (int i = 0; i < count; i++) dims_push(&out, sizes[i]);
    if (node_in(n, 1)) TRY(need_rank(g, n, 1, 0));
    if (node_in(n, 1) && n->in[1]->dtype != DT_I64)
        return diag_node(g->diag, &n->origin, "time: expected i64");
    return shape_set(g, n, 0, type, &out);
}
