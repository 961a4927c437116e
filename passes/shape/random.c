/* lpc.Random: the shape is input 0's contents. */
#include "passes/shape/shape.h"

int shape_random(Graph *g, Node *n)
{
    const Size *const *sizes;
    Dims out = {0};
    int count;
    TRY(need_values(g, n, 0, "shape", &sizes, &count));
    for (int i = 0; i < count; i++) dims_push(&out, sizes[i]);
    if (node_in(n, 1)) TRY(need_rank(g, n, 1, 0));
    return shape_set(g, n, 0, dtype_from_onnx(node_int(n, "dtype")), &out);
}
