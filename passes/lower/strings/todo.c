/* Not yet. */
#include "passes/lower/strings/strings.h"
#include "passes/expand/build/build.h"
#define TODO(name) int lower_##name(Lower *lw, Node *node) { return diag_node(lw->diag, &node->origin, "not yet"); }
TODO(string_split) TODO(string_normalizer) TODO(regex_full_match) TODO(ms_tokenizer) TODO(ms_murmur_hash3) TODO(string_index) TODO(tf_idf)
int lower_cast(Lower *lw, Node *node) { return node_has_strings(node) ? diag_node(lw->diag, &node->origin, "not yet") : lower_point(lw, node); }
int expand_tf_idf_vectorizer(Expand *x) { return x_fail(x, "not yet"); }
