/* Ensembles of trees between their attributes and their tables. */
#ifndef LPC_PASSES_EXPAND_TREES_H
#define LPC_PASSES_EXPAND_TREES_H

#include "passes/expand/ml/ml.h"

/* What a branch asks of its feature, compared with its value; in the order of TreeEnsemble's numbers. */
typedef enum TreeMode {
    TREE_LEQ,
    TREE_LT,
    TREE_GTE,
    TREE_GT,
    TREE_EQ,
    TREE_NEQ,
    TREE_MEMBER, /* of several values: becomes a chain of TREE_EQ */
    TREE_LEAF
} TreeMode;

typedef struct TreeNode {
    TreeMode mode;
    bool missing_is_true; /* a NaN goes where the true branch goes, whatever the mode */
    int64_t feature;
    double value;
    int64_t yes, no;      /* nodes */
    int64_t first, count; /* of a leaf's weights */
} TreeNode;

typedef struct TreeWeight {
    int64_t target;
    double value;
} TreeWeight;

typedef enum TreeAggregate { TREE_AVERAGE, TREE_SUM, TREE_MIN, TREE_MAX } TreeAggregate;

typedef struct Forest {
    TreeNode *nodes;
    int64_t node_count;
    TreeWeight *weights; /* leaf after leaf */
    int64_t weight_count;
    int64_t *roots;
    int64_t root_count;
    int64_t targets;
    TreeAggregate aggregate;
} Forest;

/* From the attributes of TreeEnsembleClassifier and TreeEnsembleRegressor, whose weights are class_X or
 * target_X ("class", "target"); from those of TreeEnsemble. */
int forest_read(Expand *x, Forest *f, const char *weights);
int forest_read_nodes(Expand *x, Forest *f); /* opset 5 */
/* The one target that all weights belong to, -1: there are several. */
int64_t forest_only_target(const Forest *f);

/* What the trees give for rows [rows, features], in their type: [rows, targets], or [rows, 1] for an only
 * target. A target that no leaf of a row names is -0.0, and no other is. */
Tensor *forest_scores(Expand *x, const Forest *f, Tensor *rows);

#endif
