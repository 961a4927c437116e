/* From scores to the labels of classes. */
#include "passes/expand/ml/ml.h"

Labels ml_class_labels(const Expand *x, const char *ints)
{
    Labels labels = {.ints = ml_ints(x, ints)};
    int strings = ml_string_count(x, "classlabels_strings");
    labels.are_strings = strings > 0;
    labels.count = strings ? strings : labels.ints.count;
    return labels;
}

/* Labels that count from 0 are the indices themselves. */
static bool are_indices(Ints labels)
{
    for (int i = 0; i < labels.count; i++) {
        if (labels.at[i] != i) return false;
    }
    return true;
}

void ml_labels(Expand *x, const Labels *labels, Tensor *index)
{
    if (!x_wants(x, 0)) return;
    if (labels->are_strings) {
        x_fail(x, "class labels that are strings need tensors of strings, which are not supported");
        return;
    }
    if (!are_indices(labels->ints))
        index = x_gather(x, x_i64(x, labels->ints.count, labels->ints.at), index, 0);
    x_result(x, 0, index);
}

Tensor *ml_top(Expand *x, Tensor *scores)
{
    x_int(x, "axis", 1);
    x_int(x, "keepdims", 0);
    return x_op1(x, OP_ARG_MAX, scores);
}

Tensor *ml_choose(Expand *x, Tensor *condition)
{
    return x_cast(x, condition, DT_I64);
}
