/* What the rules of ai.onnx.ml share: lists in attributes, rows of features, scores and labels.
 *
 * The operators' text is docs/Operators-ml.md of onnx/onnx. Where it leaves open what happens, and that
 * is often, the answer is what ONNX Runtime's CPU kernels do (onnxruntime/core/providers/cpu/ml): models
 * are exported for them and tested with them. Such places say so.
 *
 * All that a classifier computes of labels is a class's index: ml_labels is the one place where an index
 * becomes a label, a number or a string. */
#ifndef LPC_PASSES_EXPAND_ML_H
#define LPC_PASSES_EXPAND_ML_H

#include "passes/expand/build/build.h"

/* ---- Attributes (attributes.c) ---- */

typedef struct Ints {
    int count;
    const int64_t *at;
} Ints;

typedef struct Floats {
    int64_t count;
    const double *at;
} Floats;

Ints ml_ints(const Expand *x, const char *name);
Floats ml_floats(const Expand *x, const char *name);
int ml_string_count(const Expand *x, const char *name);
/* Strings of an attribute, which is there, as a constant. */
Tensor *ml_words(Expand *x, const char *name);
/* The list, or the tensor `NAME_as_tensor` in its place. */
Floats ml_floats_or_tensor(const Expand *x, const char *name);
/* All elements of a constant. */
Floats ml_elements(const Expand *x, const Tensor *constant);
/* Reports a list that has not `count` values. */
int ml_need_count(Expand *x, const char *name, int64_t got, int64_t count);
/* The same for a * b of them, both >= 0. */
int ml_need_product(Expand *x, const char *name, int64_t got, int64_t a, int64_t b);
/* Which of the words, which end with NULL, an attribute is; -1 and a report: none. */
int ml_word(Expand *x, const char *name, const char *const *words);
/* A constant of the list in floating point: of rank 1; of two axes. */
Tensor *ml_vector(Expand *x, DType type, Floats list);
Tensor *ml_matrix(Expand *x, DType type, int64_t rows, int64_t columns, const double *values);

/* ---- Keys (categories.c) ---- */

/* Where the input stands among the keys, -1: nowhere. Of equal keys the first one counts, or the last. */
Tensor *ml_place_among(Expand *x, Tensor *in, const Tensor *keys, bool last);

/* ---- Rows (attributes.c) ---- */

/* Input 0 as [rows, features]: one axis is one row. */
Tensor *ml_rows(Expand *x, int input);
/* The type that the operators compute in: f64 for f64, else f32. */
DType ml_float_type(const Tensor *t);
/* The same type for the tensor. */
Tensor *ml_float(Expand *x, Tensor *t);

/* ---- Scores (scores.c) ---- */

typedef enum MlTransform {
    ML_NONE,
    ML_LOGISTIC,
    ML_SOFTMAX,
    ML_SOFTMAX_ZERO,
    ML_PROBIT
} MlTransform;

/* Attribute post_transform, as a word or, in TreeEnsemble, as a number. */
MlTransform ml_post_transform(Expand *x);
/* Scores [rows, classes], of more than one class, as the transform makes them. */
Tensor *ml_transform(Expand *x, Tensor *scores, MlTransform transform);
/* Of one score s [rows, 1] those of two classes, as ONNX Runtime makes them: both logistic, of -s and s;
 * with PROBIT its transform and 0; else [-s, s], or [1 - s, s] where `complement` is set. */
Tensor *ml_two_scores(Expand *x, Tensor *score, bool complement, MlTransform transform);

/* ---- Labels (labels.c) ---- */

typedef struct Labels {
    int count;
    Ints ints;
    bool are_strings;
    const char *const *words;
} Labels;

/* The operator's class labels: attribute `ints`, or strings in their place. */
Labels ml_class_labels(const Expand *x, const char *ints);
/* Output 0 from the index of each row's class [rows]. */
void ml_labels(Expand *x, const Labels *labels, Tensor *index);
/* The index of the greatest score in each row, [rows], the first of equal ones. */
Tensor *ml_top(Expand *x, Tensor *scores);
/* 1 where the condition holds, else 0: i64. */
Tensor *ml_choose(Expand *x, Tensor *condition);

#endif
