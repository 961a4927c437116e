"""The four kinds of model that users bring, in small, for kinds.sh:

    python3 kinds_models.py FOLDER

float.onnx      a convolutional network as a framework exports it, which ONNX Runtime's optimiser rewrites
qdq.onnx        the same quantised to 8 bits, in QuantizeLinear and DequantizeLinear
decoder.onnx    a decoder of two layers as exporters of language models write it: weights of 4 bits (MatMulNBits,
                GatherBlockQuantized), GroupQueryAttention with a key/value cache
pipeline.onnx   a scikit-learn pipeline: columns of numbers and of words, imputed, scaled and encoded, 20 trees

pipeline.data is a data set of the last. Weights are seeded noise."""
import math
import os
import random
import sys

from onnx_writer import (attribute_float, attribute_floats, attribute_int, attribute_ints, attribute_string,
                         attribute_strings, contents, field, graph, node, save, value)

F, U8, I8, I32, I, STRING = 1, 2, 3, 6, 7, 8
MS, ML = "com.microsoft", "ai.onnx.ml"
NAN = float("nan")
rng = random.Random(10)


def noise(count, spread=1.0):
    return [rng.uniform(-spread, spread) for _ in range(count)]


class Model:
    def __init__(self, name):
        self.name, self.nodes, self.constants, self.inputs, self.outputs = name, [], [], [], []
        self.made = 0

    def name_of(self, what):
        self.made += 1
        return "%s_%d" % (what, self.made)

    def input(self, name, shape, dtype=F):
        self.inputs.append(value(name, shape, dtype))
        return name

    def output(self, name, shape, dtype=F):
        self.outputs.append(value(name, shape, dtype))

    def constant(self, shape, values, dtype=F):
        name = self.name_of("weight")
        self.constants.append(contents(name, shape, values, dtype))
        return name

    def weights(self, *shape, spread=1.0):
        count = 1
        for size in shape:
            count *= size
        return self.constant(shape, noise(count, spread))

    def op(self, op, inputs, *attributes, domain="", outputs=None):
        names = outputs or [self.name_of(op)]
        self.nodes.append(node(op, inputs, names, self.name_of("node"), domain, attributes))
        return names[0]

    def save(self, folder):
        imports = b"".join(field(8, field(1, d) + field(2, v)) for d, v in ((MS, 1), (ML, 3)))
        save(os.path.join(folder, self.name + ".onnx"),
             graph(self.nodes, self.inputs, self.outputs, self.constants), 17, imports)


# ---- A convolutional network, as it is and quantised ----

class Layers:
    """Layers of a network in real numbers."""

    def __init__(self, model):
        self.m = model

    def tensor(self, x, _scale, _zero):
        return x

    def conv(self, x, c_in, c_out, size=3, stride=1, group=1, act="Relu"):
        m, pad = self.m, size // 2
        spread = (3 / (c_in // group * size * size)) ** 0.5
        y = m.op("Conv", [x, m.weights(c_out, c_in // group, size, size, spread=spread)],
                 attribute_ints("kernel_shape", [size, size]), attribute_ints("strides", [stride, stride]),
                 attribute_ints("pads", [pad] * 4), attribute_int("group", group))
        positive = [abs(v) + 0.5 for v in noise(c_out)]
        y = m.op("BatchNormalization", [y, m.constant([c_out], positive), m.weights(c_out, spread=0.2),
                                        m.weights(c_out, spread=0.2), m.constant([c_out], positive)])
        return m.op(act, [y]) if act else y

    def dense(self, x, c_in, c_out):
        m = self.m
        return m.op("Gemm", [x, m.weights(c_out, c_in, spread=(3 / c_in) ** 0.5), m.weights(c_out)],
                    attribute_int("transB", 1))


class QuantisedLayers(Layers):
    """The same with tensors of 8 bits between them."""

    def __init__(self, model):
        super().__init__(model)
        self.scales = {}

    def tensor(self, x, scale, zero):
        s, z = self.m.constant([], [scale]), self.m.constant([], [zero], U8)
        y = self.m.op("DequantizeLinear", [self.m.op("QuantizeLinear", [x, s, z]), s, z])
        self.scales[y] = scale
        return y

    def _constant(self, shape, codes, scales, dtype):
        m, count = self.m, len(scales)
        return m.op("DequantizeLinear", [m.constant(shape, codes, dtype), m.constant([count], scales),
                                         m.constant([count], [0] * count, dtype)], attribute_int("axis", 0))

    def _weights(self, x, *shape):
        """Weights and a bias, with a scale for each row."""
        depth = 1
        for size in shape[1:]:
            depth *= size
        scales = [(3 / depth) ** 0.5 / 127 * rng.uniform(0.5, 1) for _ in range(shape[0])]
        return (self._constant(shape, [rng.randint(-127, 127) for _ in range(shape[0] * depth)], scales, I8),
                self._constant(shape[:1], [rng.randint(-9999, 9999) for _ in range(shape[0])],
                               [s * self.scales[x] for s in scales], I32))

    def conv(self, x, c_in, c_out, size=3, stride=1, group=1, act="Relu"):
        m, pad = self.m, size // 2
        y = m.op("Conv", [x, *self._weights(x, c_out, c_in // group, size, size)], attribute_ints("kernel_shape", [size, size]),
                 attribute_ints("strides", [stride, stride]), attribute_ints("pads", [pad] * 4),
                 attribute_int("group", group))
        return m.op(act, [y]) if act else y

    def dense(self, x, c_in, c_out):
        return self.m.op("Gemm", [x, *self._weights(x, c_out, c_in)], attribute_int("transB", 1))


def network(name, layers):
    m = Model(name)
    n = layers(m)
    x = n.tensor(m.input("image", [1, 3, 32, 32]), 1 / 128, 128)
    x = n.tensor(n.conv(x, 3, 24, stride=2), 0.02, 0)
    y = n.tensor(n.conv(x, 24, 24, group=24), 0.02, 0)
    y = n.tensor(n.conv(y, 24, 24, size=1, act=None), 0.03, 128)
    x = n.tensor(m.op("Relu", [m.op("Add", [x, y])]), 0.03, 0)
    x = n.tensor(m.op("MaxPool", [x], attribute_ints("kernel_shape", [2, 2]), attribute_ints("strides", [2, 2])),
                 0.03, 0)
    x = n.tensor(n.conv(x, 24, 32), 0.03, 0)
    x = n.tensor(m.op("GlobalAveragePool", [x]), 0.02, 0)
    x = n.dense(n.tensor(m.op("Flatten", [x]), 0.02, 0), 32, 10)
    m.op("Softmax", [n.tensor(x, 0.05, 100)], outputs=["probabilities"])
    m.output("probabilities", [1, 10])
    return m


# ---- A decoder with weights of 4 bits ----

LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD, FFN, WORDS, CONTEXT, BLOCK = 2, 64, 4, 2, 16, 128, 96, 64, 32


def packed(m, rows, columns, bits=4):
    """Weights [rows, columns] with a scale and a zero point for each block of a row, as MatMulNBits has them."""
    blocks, each = columns // BLOCK, 8 // bits
    middle = 1 << bits - 1
    zeros = [rng.randint(middle - 1, middle) for _ in range(rows * -(-blocks // each) * each)]
    pack = lambda codes: [sum(c << bits * i for i, c in enumerate(codes[k:k + each]))
                          for k in range(0, len(codes), each)]
    w = m.constant([rows, blocks, BLOCK * bits // 8],
                   pack([rng.randrange(1 << bits) for _ in range(rows * columns)]), U8)
    spread = (3 / columns) ** 0.5 / middle
    scales = m.constant([rows * blocks], [rng.uniform(0.7, 1.3) * spread for _ in range(rows * blocks)])
    return w, scales, m.constant([rows * -(-blocks // each)], pack(zeros), U8)


def project(m, x, c_in, c_out, bits=4):
    return m.op("MatMulNBits", [x, *packed(m, c_out, c_in, bits)], attribute_int("K", c_in), attribute_int("N", c_out),
                attribute_int("bits", bits), attribute_int("block_size", BLOCK), domain=MS)


def attention(m, x, layer, lengths, total, caches):
    past = [m.input("past_key_values.%d.%s" % (layer, kind), ["batch_size", KV_HEADS, "past_sequence_length", HEAD])
            for kind in ("key", "value")]
    present = ["present.%d.%s" % (layer, kind) for kind in ("key", "value")]
    for name in present:
        m.output(name, ["batch_size", KV_HEADS, "total_sequence_length", HEAD])
    sizes = HEADS * HEAD, KV_HEADS * HEAD, KV_HEADS * HEAD
    q, k, v = (project(m, x, HIDDEN, size) for size in sizes)
    y = m.op("GroupQueryAttention", [q, k, v, *past, lengths, total, *caches], attribute_int("num_heads", HEADS),
             attribute_int("kv_num_heads", KV_HEADS), attribute_int("do_rotary", 1),
             attribute_float("scale", HEAD ** -0.5), domain=MS, outputs=[m.name_of("attention"), *present])
    return project(m, y, HEADS * HEAD, HIDDEN)


def feed_forward(m, x):
    gate, up = project(m, x, HIDDEN, FFN), project(m, x, HIDDEN, FFN)
    return project(m, m.op("Mul", [m.op("Mul", [gate, m.op("Sigmoid", [gate])]), up]), FFN, HIDDEN)


def rotary_caches(m):
    angles = [[p / 10000 ** (i / (HEAD // 2)) for i in range(HEAD // 2)] for p in range(CONTEXT)]
    return [m.constant([CONTEXT, HEAD // 2], [f(a) for row in angles for a in row]) for f in (math.cos, math.sin)]


def skip_norm(m, x, more):
    """x + more, and that normalised."""
    total = m.name_of("residual")
    y = m.op("SkipSimplifiedLayerNormalization", [x, more, m.constant([HIDDEN], [1.0] * HIDDEN)],
             attribute_float("epsilon", 1e-5), domain=MS, outputs=[m.name_of("normal"), "", "", total])
    return total, y


def decoder():
    m = Model("decoder")
    ids = m.input("input_ids", ["batch_size", "sequence_length"], I)
    mask = m.input("attention_mask", ["batch_size", "total_sequence_length"], I)
    one = m.constant([1], [1], I)
    lengths = m.op("Cast", [m.op("Sub", [m.op("ReduceSum", [mask, one]), one])], attribute_int("to", I32))
    total = m.op("Gather", [m.op("Shape", [mask]), m.constant([], [1], I)], attribute_int("axis", 0))
    total = m.op("Cast", [total], attribute_int("to", I32))
    caches = rotary_caches(m)
    table = m.constant([WORDS, HIDDEN // 2], [rng.randrange(256) for _ in range(WORDS * HIDDEN // 2)], U8)
    scales = m.constant([WORDS, HIDDEN // BLOCK], [rng.uniform(0.1, 0.2) for _ in range(WORDS * HIDDEN // BLOCK)])
    x = m.op("GatherBlockQuantized", [table, ids, scales], attribute_int("gather_axis", 0),
             attribute_int("quantize_axis", 1), attribute_int("block_size", BLOCK), attribute_int("bits", 4), domain=MS)
    y = m.op("SimplifiedLayerNormalization", [x, m.constant([HIDDEN], [1.0] * HIDDEN)],
             attribute_int("axis", -1), attribute_float("epsilon", 1e-5))
    for layer in range(LAYERS):
        x, y = skip_norm(m, x, attention(m, y, layer, lengths, total, caches))
        x, y = skip_norm(m, x, feed_forward(m, y))
    logits = project(m, y, HIDDEN, WORDS, bits=8)
    m.op("Identity", [logits], outputs=["logits"])
    m.outputs.insert(0, value("logits", ["batch_size", "sequence_length", WORDS]))
    return m


# ---- A scikit-learn pipeline ----

class Trees:
    """Full binary trees over features, whose leaves vote for classes."""

    def __init__(self, features, classes, count=20, depth=4):
        self.features, self.classes, self.inner = features, classes, 2 ** depth - 1
        draw = lambda: [(rng.randrange(features), rng.randint(-24, 24) / 16) for _ in range(self.inner)]
        self.branches = [draw() for _ in range(count)]
        self.leaves = [[[rng.randint(0, 64) / 1024 for _ in classes] for _ in range(self.inner + 1)]
                       for _ in range(count)]

    def votes(self, row):
        total = [0.0] * len(self.classes)
        for branches, leaves in zip(self.branches, self.leaves):
            at = 0
            while at < self.inner:
                feature, threshold = branches[at]
                at = 2 * at + (1 if row[feature] <= threshold else 2)
            total = [t + v for t, v in zip(total, leaves[at - self.inner])]
        return total

    def attributes(self):
        nodes = [(t, at, *self.branches[t][at], "BRANCH_LEQ", 2 * at + 1, 2 * at + 2) if at < self.inner
                 else (t, at, 0, 0.0, "LEAF", 0, 0)
                 for t in range(len(self.branches)) for at in range(2 * self.inner + 1)]
        votes = [(t, self.inner + leaf, c, weight) for t, leaves in enumerate(self.leaves)
                 for leaf, weights in enumerate(leaves) for c, weight in enumerate(weights)]
        names = ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes",
                 "nodes_truenodeids", "nodes_falsenodeids", "class_treeids", "class_nodeids", "class_ids",
                 "class_weights")
        for name, column in zip(names, [*zip(*nodes), *zip(*votes)]):
            kind = {str: attribute_strings, float: attribute_floats, int: attribute_ints}[type(column[0])]
            yield kind(name, column)


def pipeline(folder):
    """Its numbers are sixteenths: so are what is compared, and ties are exact."""
    m, words, rows = Model("pipeline"), ["red", "green", "blau", "gr\u00fcn"], 7
    trees = Trees(4 + len(words), ["setosa", "versicolor", "virginica"])
    numbers, word = m.input("numbers", ["rows", 4]), m.input("colour", ["rows", 1], STRING)
    holes, offset, scale = [0.5, -0.25, 1.0, 0.125], [0.25, -0.5, 0.0, 1.0], [0.5, 2.0, -1.0, 0.25]
    x = m.op("Imputer", [numbers], attribute_floats("imputed_value_floats", holes),
             attribute_float("replaced_value_float", NAN), domain=ML)
    x = m.op("Scaler", [x], attribute_floats("offset", offset), attribute_floats("scale", scale), domain=ML)
    hot = m.op("OneHotEncoder", [word], attribute_strings("cats_strings", words), domain=ML)
    hot = m.op("Reshape", [hot, m.constant([2], [-1, len(words)], I)])
    x = m.op("Concat", [x, hot], attribute_int("axis", 1))
    scores = m.name_of("scores")
    m.op("TreeEnsembleClassifier", [x], *trees.attributes(), attribute_strings("classlabels_strings", trees.classes),
         attribute_string("post_transform", "NONE"), domain=ML, outputs=["label", scores])
    m.op("Normalizer", [scores], attribute_string("norm", "L1"), domain=ML, outputs=["probability"])
    m.output("label", ["rows"], STRING)
    m.output("probability", ["rows", len(trees.classes)])

    table = [[rng.choice([NAN, *(i / 16 for i in range(-32, 33))]) for _ in range(4)] for _ in range(rows)]
    colours = [rng.choice([*words, "pink"]) for _ in range(rows)]
    labels, chances = [], []
    for row, colour in zip(table, colours):
        whole = [h if v != v else v for v, h in zip(row, holes)]
        whole = [(v - o) * s for v, o, s in zip(whole, offset, scale)] + [float(w == colour) for w in words]
        votes = trees.votes(whole)
        labels.append(trees.classes[votes.index(max(votes))])
        chances += [v / sum(votes) for v in votes]
    m.save(folder)
    data = os.path.join(folder, "pipeline.data")
    os.mkdir(data)
    for name, entry in (("input_0", ("numbers", [rows, 4], sum(table, []), F)),
                        ("input_1", ("colour", [rows, 1], colours, STRING)),
                        ("output_0", ("label", [rows], labels, STRING)),
                        ("output_1", ("probability", [rows, len(trees.classes)], chances, F))):
        with open(os.path.join(data, name + ".pb"), "wb") as file:
            file.write(contents(*entry))


for model in (network("float", Layers), network("qdq", QuantisedLayers), decoder()):
    model.save(sys.argv[1])
pipeline(sys.argv[1])
