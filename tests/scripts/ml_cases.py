"""Models of ai.onnx.ml's operators with their data, for operators.sh: one folder for each family.

    python3 ml_cases.py FOLDER

Expected outputs are computed here, in plain Python, by nothing of lpc. Features and thresholds are
sixteenths, so that ties are exact."""
import math
import random
import sys

from case_family import Family, flat, rows as rows_of, sigmoid, softmax
from onnx_writer import (attribute_float, attribute_floats, attribute_int, attribute_ints, attribute_string,
                         attribute_strings, attribute_tensor)

F, U8, I32, I, D = 1, 2, 6, 7, 11
NAN = float("nan")
rng = random.Random(11)


def sixteenths(count, low=-32, high=32):
    return [rng.randint(low, high) / 16 for _ in range(count)]


class Classical(Family):
    domain = "ai.onnx.ml"

    def __init__(self, name, version=5):
        super().__init__(name)
        self.imports = ((self.domain, version),)


# ---- Trees ----

MODES = {"BRANCH_LEQ": lambda x, t: x <= t, "BRANCH_LT": lambda x, t: x < t,
         "BRANCH_GTE": lambda x, t: x >= t, "BRANCH_GT": lambda x, t: x > t,
         "BRANCH_EQ": lambda x, t: x == t, "BRANCH_NEQ": lambda x, t: x != t}


class Forest:
    """Nodes: (mode, feature, threshold, a NaN is true, true child, false child), or a leaf's weights as
    {target: weight}."""

    def __init__(self, trees, depth, features, modes, leaf, missing=False):
        self.features, self.modes, self.leaf, self.missing = features, modes, leaf, missing
        self.trees = [[] for _ in range(trees)]
        for tree in self.trees:
            self.grow(tree, depth)

    def grow(self, tree, depth):
        at = len(tree)
        tree.append(None)
        if depth == 0 or (at and rng.random() < 0.2):
            tree[at] = self.leaf()
            return at
        yes, no = self.grow(tree, depth - 1), self.grow(tree, depth - 1)
        tree[at] = (rng.choice(self.modes), rng.randrange(self.features), rng.randint(-24, 24) / 16,
                    self.missing and rng.random() < 0.5, yes, no)
        return at

    def leaves(self, row):
        for tree in self.trees:
            at = tree[0]
            while not isinstance(at, dict):
                mode, feature, threshold, missing, yes, no = at
                x = row[feature]
                at = tree[yes if MODES[mode](x, threshold) or (missing and x != x) else no]
            yield at

    def scores(self, row):
        """All weights of each target that the row's leaves name."""
        scores = {}
        for leaf in self.leaves(row):
            for target, weight in leaf.items():
                scores.setdefault(target, []).append(weight)
        return scores

    def attributes(self, prefix, wide=False):
        nodes = [(t, k, n) for t, tree in enumerate(self.trees) for k, n in enumerate(tree)]
        branch = [n if isinstance(n, tuple) else ("LEAF", 0, 0.0, False, 0, 0) for _, _, n in nodes]
        weights = [(t, k, i, w) for t, k, n in nodes if isinstance(n, dict) for i, w in n.items()]
        lists = {"treeids": [t for t, _, _ in nodes], "nodeids": [k for _, k, _ in nodes],
                 "featureids": [b[1] for b in branch],
                 "missing_value_tracks_true": [int(b[3]) for b in branch],
                 "truenodeids": [b[4] for b in branch], "falsenodeids": [b[5] for b in branch]}
        made = [attribute_ints("nodes_" + name, numbers) for name, numbers in lists.items()]
        made.append(attribute_strings("nodes_modes", [b[0] for b in branch]))
        for k, name in enumerate(("treeids", "nodeids", "ids")):
            made.append(attribute_ints("%s_%s" % (prefix, name), [w[k] for w in weights]))
        for name, numbers in (("nodes_values", [b[2] for b in branch]),
                              (prefix + "_weights", [w[3] for w in weights])):
            made.append(attribute_tensor(name + "_as_tensor", [len(numbers)], numbers, D) if wide
                        else attribute_floats(name, numbers))
        return made


def one_of(targets):
    return lambda: {rng.randrange(targets): rng.randint(-64, 64) / 64}


def all_of(targets):
    return lambda: {t: rng.randint(0, 64) / 64 for t in range(targets)}


def some_of(targets):
    return lambda: {t: rng.randint(-64, 64) / 64 for t in range(targets) if rng.random() < 0.5} or {0: 1.0}


def regressors():
    """Rows that fill a block, rows that do not, and one alone; a NaN here and there."""
    f = Classical("ml_regressors", 3)
    gather = {"SUM": sum, "AVERAGE": sum, "MIN": min, "MAX": max}
    mixed = list(MODES)
    ways = [("SUM", 1, one_of(1), ["BRANCH_LEQ"], 9, 6, False), ("AVERAGE", 3, all_of(3), mixed, 5, 4, True),
            ("MIN", 4, some_of(4), ["BRANCH_LT"], 3, 3, True), ("MAX", 2, one_of(2), ["BRANCH_NEQ"], 4, 2, False),
            ("SUM", 5, all_of(5), ["BRANCH_GTE"], 17, 5, False), ("SUM", 1, one_of(1), ["BRANCH_GT"], 2, 0, False),
            ("SUM", 3, lambda: {1: rng.randint(-64, 64) / 64}, ["BRANCH_EQ"], 8, 7, False)]
    for rows, dtype in ((67, F), (1, F), (9, D), (3, I)):
        v = sixteenths(rows * 6) if dtype != I else [rng.randint(-2, 2) for _ in range(rows * 6)]
        if dtype != I:
            v[::7] = [NAN] * len(v[::7])
        x = f.input([rows, 6], v, dtype)
        for aggregate, targets, leaf, modes, trees, depth, missing in ways:
            forest = Forest(trees, depth, 6, modes, leaf, missing)
            base = [k / 8 for k in range(targets)]
            share = trees if aggregate == "AVERAGE" else 1
            wanted = []
            for row in rows_of(v, 6):
                scores = forest.scores(row)
                wanted += [gather[aggregate](scores[t]) / share + base[t] if t in scores else 0
                           for t in range(targets)]
            f.add("TreeEnsembleRegressor", [x], [([rows, targets], wanted, F)],
                  attribute_int("n_targets", targets), attribute_string("aggregate_function", aggregate),
                  attribute_floats("base_values", base), *forest.attributes("target", dtype == D))
    return f


def classifiers():
    f = Classical("ml_classifiers", 3)
    rows = 21
    v = sixteenths(rows * 4)
    x = f.input([rows, 4], v)
    for leaf, transform in ((all_of(3), "NONE"), (one_of(3), "SOFTMAX"), (some_of(3), "LOGISTIC")):
        forest, labels, wanted, chosen = Forest(4, 3, 4, ["BRANCH_LEQ"], leaf), [7, -2, 30], [], []
        for row in rows_of(v, 4):
            scores = {t: sum(w) for t, w in forest.scores(row).items()}
            chosen.append(labels[max(sorted(scores), key=scores.get)])
            row = [scores.get(t, 0) for t in range(3)]
            wanted += softmax(row) if transform == "SOFTMAX" else map(sigmoid, row) if transform != "NONE" else row
        f.add("TreeEnsembleClassifier", [x], [([rows], chosen, I), ([rows, 3], wanted, F)],
              attribute_ints("classlabels_int64s", labels), attribute_string("post_transform", transform),
              *forest.attributes("class"))
    for low, transform in ((0, "NONE"), (-64, "NONE"), (-64, "LOGISTIC")):
        forest = Forest(1, 4, 4, ["BRANCH_LEQ"], lambda: {0: rng.randint(low, 64) / 64})
        sums = [forest.scores(row)[0][0] for row in rows_of(v, 4)]
        chosen = [9 if s > (0 if low else 0.5) else 5 for s in sums]
        pairs = [[sigmoid(-s), sigmoid(s)] if transform != "NONE" else [-s if low else 1 - s, s] for s in sums]
        f.add("TreeEnsembleClassifier", [x], [([rows], chosen, I), ([rows, 2], flat(pairs), F)],
              attribute_ints("classlabels_int64s", [5, 9]), attribute_string("post_transform", transform),
              *forest.attributes("class"))
    # Two classes and a leaf of neither: no base values there.
    one = f.input([2, 1], [-1.0, 1.0])
    f.add("TreeEnsembleClassifier", [one], [([2], [1, 0], I), ([2, 2], [-0.25, 0.25, 0.0, 0.0], F)],
          attribute_ints("classlabels_int64s", [5, 9]), attribute_floats("base_values", [-0.75, -0.25]),
          attribute_ints("nodes_treeids", [0] * 3), attribute_ints("nodes_nodeids", [0, 1, 2]),
          attribute_ints("nodes_featureids", [0] * 3), attribute_floats("nodes_values", [0.0] * 3),
          attribute_strings("nodes_modes", ["BRANCH_LEQ", "LEAF", "LEAF"]),
          attribute_ints("nodes_truenodeids", [1, 0, 0]), attribute_ints("nodes_falsenodeids", [2, 0, 0]),
          attribute_ints("class_ids", [0, 1]), attribute_ints("class_nodeids", [1, 1]),
          attribute_ints("class_treeids", [0, 0]), attribute_floats("class_weights", [0.5, 0.25]))
    return f


def ensemble5():
    """Membership of several values, a tree that is a leaf twice, a leaf of two branches."""
    f = Classical("ml_ensemble5")
    v = [1.0, 2.0, 3.0, 4.0, 5.0, NAN, 2.0, 0.5, 7.0, 0.25]
    wanted = []
    for a, c in rows_of(v, 2):
        first = (1.5 if c <= 2 else -1.0) if a in (1, 3, 7) else 4.0
        wanted += [first + 4.0, 10.0]
    x = f.input([5, 2], v)
    f.add("Binarizer", [x], [([5, 2], [float(e > 2) for e in v], F)], attribute_float("threshold", 2))
    f.add("TreeEnsemble", [x], [([5, 2], wanted, F)],
          attribute_int("n_targets", 2), attribute_int("aggregate_function", 1),
          attribute_ints("tree_roots", [0, 2, 3]), attribute_tensor("nodes_modes", [4], [6, 0, 1, 0], U8),
          attribute_tensor("nodes_splits", [4], [0.0, 2.0, 0.0, 0.0]),
          attribute_tensor("membership_values", [4], [1.0, 3.0, 7.0, NAN]),
          attribute_ints("nodes_featureids", [0, 1, 0, 1]),
          attribute_ints("nodes_truenodeids", [1, 0, 2, 3]), attribute_ints("nodes_trueleafs", [0, 1, 1, 1]),
          attribute_ints("nodes_falsenodeids", [2, 1, 2, 3]), attribute_ints("nodes_falseleafs", [1, 1, 1, 1]),
          attribute_ints("leaf_targetids", [0, 0, 0, 1]), attribute_tensor("leaf_weights", [4], [1.5, -1.0, 4.0, 10.0]))
    return f


# ---- Linear models and support vectors ----

def linear():
    f = Classical("ml_linear")
    rows, width = 6, 3
    v, w, b = sixteenths(rows * width), sixteenths(4 * width), sixteenths(4)
    x = f.input([rows, width], v)
    scores = [[sum(p * q for p, q in zip(row, c)) + b[k] for k, c in enumerate(rows_of(w, width))]
              for row in rows_of(v, width)]
    f.add("LinearRegressor", [x], [([rows, 4], flat(scores), F)], attribute_int("targets", 4),
          attribute_floats("coefficients", w), attribute_floats("intercepts", b))
    labels = [4, 3, 2, 1]
    f.add("LinearClassifier", [x], [([rows], [labels[s.index(max(s))] for s in scores], I),
                                    ([rows, 4], flat(map(softmax, scores)), F)],
          attribute_floats("coefficients", w), attribute_floats("intercepts", b),
          attribute_ints("classlabels_ints", labels), attribute_string("post_transform", "SOFTMAX"))
    one = [s[0] for s in scores]
    f.add("LinearClassifier", [x], [([rows], [3 if s > 0 else -3 for s in one], I),
                                    ([rows, 2], flat([sigmoid(-s), sigmoid(s)] for s in one), F)],
          attribute_floats("coefficients", w[:width]), attribute_floats("intercepts", b[:1]),
          attribute_ints("classlabels_ints", [-3, 3]), attribute_string("post_transform", "LOGISTIC"))
    return f


def support_vectors():
    f = Classical("ml_support_vectors")
    rows, width, counts = 7, 3, [2, 1, 2]
    v, vectors, coefficients = sixteenths(rows * width), rows_of(sixteenths(15), 3), rows_of(sixteenths(10), 5)
    x, gamma, coef0, rho = f.input([rows, width], v), 0.25, 0.5, [0.125, -0.25, 0.5]
    kernels = {"LINEAR": lambda a, c: sum(p * q for p, q in zip(a, c)),
               "POLY": lambda a, c: (gamma * kernels["LINEAR"](a, c) + coef0) ** 3,
               "RBF": lambda a, c: math.exp(-gamma * sum((p - q) ** 2 for p, q in zip(a, c))),
               "SIGMOID": lambda a, c: math.tanh(gamma * kernels["LINEAR"](a, c) + coef0)}
    start = [0, 2, 3, 5]
    for kernel, rule in kernels.items():
        k = [[rule(row, vector) for vector in vectors] for row in rows_of(v, width)]
        params = (attribute_string("kernel_type", kernel), attribute_floats("kernel_params", [gamma, coef0, 3]),
                  attribute_floats("support_vectors", flat(vectors)))
        y = [sum(c * e for c, e in zip(coefficients[0], row)) + rho[0] for row in k]
        f.add("SVMRegressor", [x], [([rows, 1], y, F)], *params, attribute_int("n_supports", 5),
              attribute_floats("coefficients", coefficients[0]), attribute_floats("rho", rho[:1]))
        scores, chosen = [], []
        for row in k:
            votes, pair = [0] * 3, 0
            for i in range(3):
                for j in range(i + 1, 3):
                    s = rho[pair] + sum(coefficients[j - 1][m] * row[m] for m in range(start[i], start[i + 1]))
                    s += sum(coefficients[i][m] * row[m] for m in range(start[j], start[j + 1]))
                    votes[i if s > 0 else j] += 1
                    scores.append(s)
                    pair += 1
            chosen.append([2, 4, 8][votes.index(max(votes))])
        f.add("SVMClassifier", [x], [([rows], chosen, I), ([rows, 3], scores, F)], *params,
              attribute_ints("vectors_per_class", counts), attribute_floats("coefficients", flat(coefficients)),
              attribute_floats("rho", rho), attribute_ints("classlabels_ints", [2, 4, 8]))
    return f


def coupled(pairs, classes):
    """Wu, Lin and Weng (2004), algorithm 2, with libsvm's end of it. pairs: {(i, j): probability of i}, i < j."""
    r = lambda i, j: pairs[i, j] if i < j else 1 - pairs[j, i]
    each, p = range(classes), [1 / classes] * classes
    q = [[sum(r(k, i) ** 2 for k in each if k != i) if i == j else -r(j, i) * r(i, j) for j in each]
         for i in each]
    for _ in range(100):
        qp = [sum(q[i][j] * p[j] for j in each) for i in each]
        total = sum(p[i] * qp[i] for i in each)
        if max(abs(e - total) for e in qp) < 0.005 / classes:
            break
        for i in each:
            step = (total - qp[i]) / q[i][i]
            total = (total + step * (step * q[i][i] + 2 * qp[i])) / (1 + step) ** 2
            p[i] += step
            qp = [(qp[j] + step * q[i][j]) / (1 + step) for j in each]
            p = [e / (1 + step) for e in p]
    return p


def coupling():
    """Each class has one vector, 1; the kernel is the feature."""
    f = Classical("ml_coupling")
    v, rho, a, b = sixteenths(9), [0.25, -0.5, 0.125], [-1.5, -2.0, -0.5], [0.125, 0.0, -0.25]
    c = [[0.5, -0.25, 1.0], [0.75, 0.5, -1.0]]
    chosen, wanted = [], []
    for x in v:
        pairs, votes, k = {}, [0] * 3, 0
        for i in range(3):
            for j in range(i + 1, 3):
                s = (c[j - 1][i] + c[i][j]) * x + rho[k]
                pairs[i, j] = 1 / (1 + math.exp(a[k] * s + b[k]))
                votes[i if s > 0 else j] += 1
                k += 1
        chosen.append(votes.index(max(votes)))
        wanted += coupled(pairs, 3)
    f.add("SVMClassifier", [f.input([9, 1], v)], [([9], chosen, I), ([9, 3], wanted, F)],
          attribute_string("kernel_type", "LINEAR"), attribute_floats("kernel_params", [0, 0, 0]),
          attribute_floats("support_vectors", [1.0] * 3), attribute_ints("vectors_per_class", [1] * 3),
          attribute_floats("coefficients", flat(c)), attribute_floats("rho", rho),
          attribute_floats("prob_a", a), attribute_floats("prob_b", b),
          attribute_ints("classlabels_ints", [0, 1, 2]))
    return f


# ---- Features and categories ----

def features():
    f = Classical("ml_features")
    rows, width = 4, 3
    v, offset, scale = sixteenths(6) + [0.0] * 3 + sixteenths(3), [0.5, -1.0, 0.25], [2.0, 0.5, -1.0]
    x, shape = f.input([rows, width], v), [rows, width]
    f.add("Scaler", [x], [(shape, [(e - offset[i % 3]) * scale[i % 3] for i, e in enumerate(v)], F)],
          attribute_floats("offset", offset), attribute_floats("scale", scale))
    norms = {"MAX": max, "L1": lambda r: sum(map(abs, r)), "L2": lambda r: math.sqrt(sum(e * e for e in r))}
    for norm, rule in norms.items():
        wanted = [e / (rule(r) or 1) for r in rows_of(v, 3) for e in r]
        f.add("Normalizer", [x], [(shape, wanted, F)], attribute_string("norm", norm))
    f.add("Binarizer", [x], [(shape, [float(e > 0.25) for e in v], F)], attribute_float("threshold", 0.25))
    wide = f.input([rows, 2, 2], list(map(float, range(16))))
    f.add("FeatureVectorizer", [x, wide],
          [([rows, 7], flat(v[3 * i:3 * i + 2] + [4.0 * i + k for k in range(4)] + [0.0] for i in range(rows)), F)],
          attribute_ints("inputdimensions", [2, 5]))
    index = f.input([2], [2, 0], I)
    f.add("ArrayFeatureExtractor", [x, index], [([rows, 2], flat([r[2], r[0]] for r in rows_of(v, 3)), F)])
    holes = f.input([2, 3], [1.0, NAN, 2.0, NAN, NAN, 3.0])
    f.add("Imputer", [holes], [([2, 3], [1.0, 8.0, 2.0, 7.0, 8.0, 3.0], F)],
          attribute_floats("imputed_value_floats", [7.0, 8.0, 9.0]), attribute_float("replaced_value_float", NAN))
    whole = f.input([2, 2], [0, 5, 1 << 40, 0], I)
    f.add("Imputer", [whole], [([2, 2], [-1, 5, 1 << 40, -1], I)],
          attribute_ints("imputed_value_int64s", [-1]), attribute_int("replaced_value_int64", 0))
    return f


def categories():
    f = Classical("ml_categories")
    keys = [rng.randint(-1 << 60, 1 << 60) for _ in range(37)]
    v = [rng.choice(keys) for _ in range(20)] + [0, 1, 2, 3]
    x = f.input([6, 4], v, I)
    pairs = {k: 3 * i for i, k in enumerate(keys)}
    f.add("LabelEncoder", [x], [([6, 4], [pairs.get(e, -7) for e in v], I)],
          attribute_ints("keys_int64s", keys + keys[:3]), attribute_ints("values_int64s", [3 * i for i in range(40)]),
          attribute_int("default_int64", -7))
    floats = [2.5, -1.0, NAN, 0.0]
    y = f.input([5], [NAN, 2.5, -0.0, 4.0, -1.0])
    f.add("LabelEncoder", [y], [([5], [30.0, 10.0, 40.0, 0.5, 20.0], D)],
          attribute_tensor("keys_tensor", [4], floats), attribute_tensor("default_tensor", [1], [0.5], D),
          attribute_tensor("values_tensor", [4], [10.0, 20.0, 30.0, 40.0], D))
    cats = [5, 7, 5, -2]
    z = f.input([4], [7, 5, 9, -2], I32)
    hot = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    f.add("OneHotEncoder", [z], [([4, 4], list(map(float, flat(hot))), F)], attribute_ints("cats_int64s", cats))
    known = f.input([3], [7.5, 5.0, -2.0])
    f.add("OneHotEncoder", [known], [([3, 4], list(map(float, flat([hot[0], hot[1], hot[3]]))), F)],
          attribute_ints("cats_int64s", cats), attribute_int("zeros", 0))
    scores = f.input([2, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    f.add("ZipMap", [scores], [([2, 3], [3.0, 1.0, 2.0, 6.0, 4.0, 5.0], F)],
          attribute_ints("classlabels_int64s", [4, 9, -1]))
    return f


for family in (regressors, classifiers, ensemble5, linear, support_vectors, coupling, features, categories):
    family().save(sys.argv[1])
