/* StringConcat: one string behind the other. */
#include "passes/lower/strings/strings.h"

int lower_string_concat(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, NULL);
    double work = (double)dtype_cells(out->dtype);
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, work, idx);
    Str x = str_in_broadcast(lw, node->in[0], out->rank, idx);
    Str y = str_in_broadcast(lw, node->in[1], out->rank, idx);
    Str z = str_out(lw, out, idx);
    Inst *first = str_length(lw, &x), *second = str_length(lw, &y), *zero = kb_i64(b, 0);
    Inst *length = kb_add(b, first, second);
    str_need(lw, &z, length);
    str_copy(lw, &z, zero, &x, zero, first);
    str_copy(lw, &z, first, &y, zero, second);
    str_finish(lw, &z, length);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
