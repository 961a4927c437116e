"""Models of com.microsoft's operators with their data, for operators.sh: one folder for each family.

    python3 microsoft_cases.py FOLDER

Expected outputs are computed here, in plain Python after ContribOperators.md, by nothing of lpc."""
import itertools
import math
import os
import random
import struct
import sys

from onnx_writer import (attribute_float, attribute_int, attribute_ints, contents, field, graph, node, save_case,
                         value)

F, I32, I, B, U32 = 1, 6, 7, 9, 12
MS = "com.microsoft"
rng = random.Random(7)


def noise(count, low=-2.0, high=2.0):
    return [rng.uniform(low, high) for _ in range(count)]


def text(name, string):
    return field(1, name) + field(4, string) + field(20, 3)


def floats(name, numbers):
    return field(1, name) + b"".join(field(7, float(n)) for n in numbers) + field(20, 6)


def size(shape):
    return math.prod(shape)


def points(shape):
    return itertools.product(*(range(n) for n in shape))


def at(shape, point):
    where = 0
    for n, i in zip(shape, point[len(point) - len(shape):]):
        where = where * n + (i if n > 1 else 0)
    return where


class Family:
    def __init__(self, name, opset=17):
        self.name, self.opset = name, opset
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def input(self, shape, values, dtype=F):
        self.inputs.append(("x%d" % len(self.inputs), shape, values, dtype))
        return self.inputs[-1][0]

    def constant(self, shape, values, dtype=F):
        name = "c%d" % len(self.constants)
        self.constants.append(contents(name, shape, values, dtype))
        return name

    def inner(self, op, inputs, *attributes, domain=MS):
        """A node whose output is not one of the model's."""
        name = "t%d" % len(self.nodes)
        self.nodes.append(node(op, inputs, [name], op + name, domain, attributes))
        return name

    def add(self, op, inputs, results, *attributes, domain=MS):
        """results: (shape, values, type) each."""
        names = ["y%d" % (len(self.outputs) + k) for k in range(len(results))]
        self.nodes.append(node(op, inputs, names, op + names[0], domain, attributes))
        self.outputs += [(n, *r) for n, r in zip(names, results)]

    def save(self, folder):
        said = [value(n, s, t) for n, s, _, t in self.inputs]
        made = [value(n, s, t) for n, s, _, t in self.outputs]
        more = b"".join(field(8, field(1, d) + field(2, 1)) for d in (MS, MS + ".nchwc", "org.unknown"))
        save_case(os.path.join(folder, self.name), graph(self.nodes, said, made, self.constants),
                  self.inputs, self.outputs, self.opset, more)


# ---- References ----

def normalise(row, gamma, beta, epsilon=1e-5):
    mean = sum(row) / len(row)
    root = math.sqrt(sum((v - mean) ** 2 for v in row) / len(row) + epsilon)
    return [(v - mean) / root * g + b for v, g, b in zip(row, gamma, beta)]


def rms(row, gamma, epsilon=1e-5):
    root = math.sqrt(sum(v * v for v in row) / len(row) + epsilon)
    return [v / root * g for v, g in zip(row, gamma)]


def rows(values, width):
    return [values[i:i + width] for i in range(0, len(values), width)]


def each_row(values, width, rule):
    return [v for row in rows(values, width) for v in rule(row)]


def gelu(v):
    return v / 2 * (1 + math.erf(v / math.sqrt(2)))


def fast_gelu(v):
    return v / 2 * (1 + math.tanh(0.7978845608028654 * (v + 0.044715 * v ** 3)))


def silu(v):
    return v / (1 + math.exp(-v))


def product(a, b):
    """Of lists of rows."""
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def conv(shape, x, filters, w, bias, pad=0, group=1):
    """NCHW, stride 1; filters: [M, C / group, k, k]."""
    n, _, h, wide = shape
    m, c, k, _ = filters
    out = [n, m, h + 2 * pad - k + 1, wide + 2 * pad - k + 1]
    result = []
    for b, f, i, j in points(out):
        first = f // (m // group) * c
        total = bias[f]
        for q, u, v in points([c, k, k]):
            y, z = i + u - pad, j + v - pad
            if 0 <= y < h and 0 <= z < wide:
                total += x[at(shape, (b, first + q, y, z))] * w[at(filters, (f, q, u, v))]
        result.append(total)
    return out, result


# ---- Families ----

def norms():
    f = Family("ms_norms", 11)
    shape, v, s = [2, 3, 4], noise(24), noise(12)
    gamma, beta, bias = noise(4, 0.5, 1.5), noise(4), noise(4)
    x, g, b = f.input(shape, v), f.constant([4], gamma), f.constant([4], beta)
    skip, more, eps = f.constant([3, 4], s), f.constant([4], bias), attribute_float("epsilon", 1e-5)
    total = [a + s[i % 12] + bias[i % 4] for i, a in enumerate(v)]
    f.add("LayerNormalization", [x, g, b], [(shape, each_row(v, 4, lambda r: normalise(r, gamma, beta)), F)],
          domain="")
    f.add("SimplifiedLayerNormalization", [x, g], [(shape, each_row(v, 4, lambda r: rms(r, gamma)), F)],
          domain="")
    f.add("SkipLayerNormalization", [x, skip, g, b, more],
          [(shape, each_row(total, 4, lambda r: normalise(r, gamma, beta)), F),
           ([2, 3, 1], [sum(r) / 4 for r in rows(total, 4)], F)], eps)
    f.add("SkipSimplifiedLayerNormalization", [x, skip, g, more],
          [(shape, each_row(total, 4, lambda r: rms(r, gamma)), F)], eps)
    f.add("GatedAdd", [x, x, f.constant([2, 3, 1], s[:6])],
          [(shape, [a + a * s[i // 4] for i, a in enumerate(v)], F)])
    f.add("BiasAdd", [x, more, x], [(shape, [2 * a + bias[i % 4] for i, a in enumerate(v)], F)])
    f.add("BiasSplitGelu", [x, more], [([2, 3, 2], [
        (r[i] + bias[i]) * gelu(r[i + 2] + bias[i + 2]) for r in rows(v, 4) for i in (0, 1)], F)])
    soft = [math.exp(a + s[i % 12]) for i, a in enumerate(v)]
    f.add("BiasSoftmax", [x, skip], [(shape, each_row(soft, 12, lambda r: [e / sum(r) for e in r]), F)],
          attribute_int("axis", 1), attribute_int("is_inner_broadcast", 0))
    f.add("BiasDropout", [x, more, skip], [(shape, total, F), (shape, [1] * 24, B)])
    f.add("BitmaskDropout", [x], [(shape, v, F), ([1], [0xffffffff], U32)])
    return f


def group_norms():
    """Channels last: [batch, height, width, channels]."""
    f = Family("ms_group_norms")
    shape, v, skip = [2, 1, 3, 4], noise(24), noise(8)
    gamma, beta = noise(4, 0.5, 1.5), noise(4)
    x, g, b = f.input(shape, v), f.constant([4], gamma), f.constant([4], beta)

    def groups(values):
        result = [0.0] * 24
        for n, k in points([2, 2]):
            places = [at(shape, (n, 0, i, 2 * k + c)) for i in range(3) for c in (0, 1)]
            own = [gamma[p % 4] for p in places], [beta[p % 4] for p in places]
            for p, e in zip(places, normalise([values[p] for p in places], *own)):
                result[p] = e
        return result
    attributes = [attribute_int("groups", 2), attribute_int("activation", 1)]
    total = [e + skip[i // 12 * 4 + i % 4] for i, e in enumerate(v)]
    f.add("GroupNorm", [x, g, b], [(shape, [silu(e) for e in groups(v)], F)], *attributes)
    f.add("SkipGroupNorm", [x, g, b, f.constant([2, 4], skip)],
          [(shape, [silu(e) for e in groups(total)], F), (shape, total, F)], *attributes)
    return f


def embeddings():
    f = Family("ms_embeddings")
    ids, segments, mask = [1, 4, 0, 2, 2, 3], [0, 1, 1, 0, 0, 1], [1, 1, 0, 1, 0, 0]
    word, place, segment = noise(20), noise(16), noise(8)
    gamma, beta = noise(4, 0.5, 1.5), noise(4)
    total = [word[4 * ids[i] + c] + place[4 * (i % 3) + c] + segment[4 * segments[i] + c]
             for i in range(6) for c in range(4)]
    f.add("EmbedLayerNormalization",
          [f.input([2, 3], ids, I32), f.input([2, 3], segments, I32), f.constant([5, 4], word),
           f.constant([4, 4], place), f.constant([2, 4], segment), f.constant([4], gamma),
           f.constant([4], beta), f.input([2, 3], mask, I32)],
          [([2, 3, 4], each_row(total, 4, lambda r: normalise(r, gamma, beta, 1e-12)), F),
           ([2], [2, 1], I32), ([2, 3, 4], total, F)])
    f.add("TorchEmbedding", [f.constant([5, 4], word), f.constant([2], [3, 0], I)],
          [([2, 4], word[12:16] + word[:4], F)])
    chars, w, b = noise(15), noise(2 * 2 * 3), noise(2)
    words, wanted = [[3, 1, 4, 0], [2, 0, 0, 0], [0, 0, 0, 0]], []
    for row in words:
        windows = max(sum(c > 0 for c in row), 2) - 1
        for k in range(2):
            wanted.append(max(math.tanh(b[k] + sum(chars[3 * row[u + i] + e] * w[6 * k + 3 * i + e]
                                                   for i, e in points([2, 3])))
                              for u in range(windows)) if row[0] else 0.0)
    f.add("WordConvEmbedding", [f.input([3, 4], sum(words, []), I32), f.constant([2, 1, 2, 3], w),
                                f.constant([2], b), f.constant([5, 3], chars)], [([3, 2], wanted, F)])
    return f


def fused():
    f = Family("ms_fused")
    a, b, c = noise(6), noise(12), noise(4)
    x, y = f.input([2, 3], a), f.constant([3, 4], b)
    whole = product(rows(a, 3), rows(b, 4))
    flat = [v + c[i % 4] for i, v in enumerate(sum(whole, []))]
    bias = f.constant([4], c)
    f.add("FusedGemm", [x, y, bias], [([2, 4], [1.5 * math.tanh(0.5 * v) for v in flat], F)],
          text("activation", "ScaledTanh"), attribute_float("activation_alpha", 1.5),
          attribute_float("activation_beta", 0.5))
    f.add("GemmFastGelu", [x, y, bias], [([2, 4], [fast_gelu(v) for v in flat], F)])
    f.add("FusedMatMulActivation", [x, y], [([2, 4], [max(0.5 * v, 0) for v in sum(whole, [])], F)],
          attribute_float("alpha", 0.5), text("activation", "Relu"))
    d, e = noise(30), noise(24)
    left = [[[d[at([3, 2, 5], (i, n, k))] for k in range(5)] for i in range(3)] for n in range(2)]
    right = [[[e[at([4, 2, 3], (j, n, k))] for j in range(4)] for k in range(3)] for n in range(2)]
    turned = [[list(r) for r in zip(*m)] for m in left]
    f.add("FusedMatMul", [f.input([3, 2, 5], d), f.constant([4, 2, 3], e)],
          [([2, 5, 4], [v for n in range(2) for r in product(turned[n], right[n]) for v in r], F)],
          *(attribute_int(n, 1) for n in ("transBatchA", "transBatchB", "transA", "transB")))
    return f


def fused_convs():
    f = Family("ms_fused_convs")
    shape, v, w, b, z = [1, 2, 3, 3], noise(18), noise(3 * 2 * 9), noise(3), noise(27)
    x, filters, bias = f.input(shape, v), f.constant([3, 2, 3, 3], w), f.constant([3], b)
    out, y = conv(shape, v, [3, 2, 3, 3], w, b, 1)
    total = [p + q for p, q in zip(y, z)]
    pads = attribute_ints("pads", [1, 1, 1, 1])
    f.add("FusedConv", [x, filters, bias, f.input(out, z)],
          [(out, [e if e > 0 else 0.25 * e for e in total], F)], pads, text("activation", "LeakyRelu"),
          floats("activation_params", [0.25]))
    f.add("FusedConv", [x, filters, bias], [(out, [e * min(max(e / 6 + 0.5, 0), 1) for e in y], F)], pads,
          text("activation", "HardSwish"))

    def last(values, dims):
        return [values[at(dims, (0, q, i, j))] for i, j, q in points([3, 3, dims[1]])]
    f.add("NhwcFusedConv", [f.input([1, 3, 3, 2], last(v, shape)), filters, bias,
                            f.input([1, 3, 3, 3], last(z, out))],
          [([1, 3, 3, 3], [math.tanh(e) for e in last(total, out)], F)], pads, text("activation", "Tanh"))
    spread, k = [0.0] * 25, noise(9)
    for i, j, s, t in points([3, 3, 3, 3]):
        spread[5 * (i + s) + j + t] += v[3 * i + j] * k[3 * s + t]
    f.add("ConvTransposeWithDynamicPads", [f.input([1, 1, 3, 3], v[:9]), f.constant([1, 1, 3, 3], k),
                                           f.constant([4], [1, 0, 1, 2], I)],
          [([1, 1, 3, 3], [spread[5 * (i + 1) + j] for i, j in points([3, 3])], F)])
    return f


def blocked(filters, w, block, direct):
    """Weights as ONNX Runtime's kernels have them."""
    m, c, k, _ = filters
    inner = 1 if direct else block
    order = points([m // block, c // inner, k, k, inner, block])
    return [w[at(filters, (o * block + bo, i * inner + bi, u, v))] for o, i, u, v, bi, bo in order]


def nchwc(block):
    """A first convolution, one of blocks, one for each channel and one in groups; a pool; an addition in the true
    shape, which broadcasts; channels filled up to blocks and taken off."""
    f = Family("ms_nchwc%d" % block)
    domain, m = MS + ".nchwc", block
    shape, v = [1, 3, 4, 4], noise(48)

    def layer(x, dims, values, filters, real, group=1, pad=1, attributes=(), rule=lambda e: e):
        """Of `filters`, `real` are there and the others zeros."""
        w, b = noise(size(filters), -0.5, 0.5), noise(filters[0])
        each = size(filters[1:])
        w[real * each:], b[real:] = [0.0] * ((filters[0] - real) * each), [0.0] * (filters[0] - real)
        direct = filters[1] == 1 if group > 1 else filters[1] < block
        out, y = conv(dims, values, filters, w, b, pad, group)
        name = f.inner("Conv", [x, f.constant(filters, blocked(filters, w, block, direct)),
                                f.constant([filters[0]], b)],
                       attribute_int("group", group), attribute_ints("pads", [pad] * 4), *attributes,
                       domain=domain)
        return name, out, [rule(e) for e in y]
    relu = [text("activation", "Relu")]
    x, dims, y = layer(f.input(shape, v), shape, v, [m, 3, 3, 3], m, 1, 1, relu, lambda e: max(e, 0))
    x, dims, y = layer(x, dims, y, [m, 1, 3, 3], m, m)
    x, dims, y = layer(x, dims, y, [3 * m, m, 1, 1], 3 * m, 1, 0)
    x, dims, y = layer(x, dims, y, [3 * m, m, 3, 3], 3 * m, 3)
    one = f.inner("GlobalAveragePool", [x], domain=domain)
    means = [sum(r) / 16 for r in rows(y, 16)]
    split = f.constant([5], [0, -1, 0, 0, block], I)
    sides = [f.inner("Reshape", [t, split], domain="") for t in (x, one)]
    x = f.inner("Reshape", [f.inner("Add", sides, domain=""), f.constant([4], [0, -1, 0, 0], I)], domain="")
    y = [e + means[i // 16] for i, e in enumerate(y)]
    x, dims, y = layer(x, dims, y, [m, 3 * m, 1, 1], block - 3, 1, 0)
    real = block - 3
    f.add("ReorderOutput", [x], [([1, 4, 4, real], [y[at(dims, (0, q, i, j))]
                                                    for i, j, q in points([4, 4, real])], F)],
          attribute_int("channels", real), attribute_int("channels_last", 1), domain=domain)
    few = block + 4
    u = noise(few * 4)
    x = f.inner("ReorderInput", [f.input([1, 2, 2, few], u)], attribute_int("channels_last", 1), domain=domain)
    x = f.inner("Upsample", [x], attribute_ints("scales", [1, 1, 2, 1]), domain=domain)
    f.add("ReorderOutput", [x], [([1, few, 4, 2], [u[(i // 2 * 2 + j) * few + q]
                                                   for q, i, j in points([few, 4, 2])], F)],
          attribute_int("channels", few), domain=domain)
    return f


def moves():
    f = Family("ms_moves")
    shape, v = [2, 6], noise(12)
    x = f.input(shape, v)
    f.add("ExpandDims", [x, f.constant([], [-2], I32)], [([2, 1, 6], v, F)])
    f.add("Pad", [x, f.constant([1, 4], [0, 1, 0, -2], I), f.constant([1], [9.0])],
          [([2, 5], [e for r in rows(v, 6) for e in [9.0] + r[:4]], F)], text("mode", "constant"))
    f.add("Range", [f.constant([1], [7], I), f.constant([1], [1], I), f.constant([1], [-2], I)],
          [([3], [7, 5, 3], I)])
    f.add("UnfoldTensor", [x], [([2, 2, 3], [r[2 * i + k] for r in rows(v, 6) for i, k in points([2, 3])], F)],
          attribute_int("dim", 1), attribute_int("size", 3), attribute_int("step", 2))
    image, cut = noise(12), []
    boxes = [[0.0, 0.0, 1.0, 1.0], [0.5, -0.25, 0.75, 0.5]]

    def sample(box, i, j):
        y, z = (box[k] * (n - 1) + s * (box[k + 2] - box[k]) * (n - 1) / 2 for k, n, s in ((0, 3, i), (1, 4, j)))
        if not (0 <= y <= 2 and 0 <= z <= 3):
            return -5.0
        p, q, r, t = math.floor(y), math.floor(z), math.ceil(y), math.ceil(z)
        upper = image[4 * p + q] + (image[4 * p + t] - image[4 * p + q]) * (z - q)
        lower = image[4 * r + q] + (image[4 * r + t] - image[4 * r + q]) * (z - q)
        return upper + (lower - upper) * (y - p)
    for box in boxes:
        cut += [sample(box, i, j) for i, j in points([3, 3])]
    f.add("CropAndResize", [f.input([1, 1, 3, 4], image), f.constant([2, 4], sum(boxes, [])),
                            f.constant([2], [0, 0], I32), f.constant([2], [3, 3], I32)],
          [([2, 1, 3, 3], cut, F)], attribute_float("extrapolation_value", -5))
    f.add("Unique", [f.constant([6], [2, 1, 1, 3, 4, 3], I)],
          [([4], [2, 1, 3, 4], I), ([6], [0, 1, 1, 2, 3, 2], I), ([4], [1, 2, 2, 1], I)])
    return f


def arithmetic():
    f = Family("ms_arithmetic")
    a, b = noise(6), noise(12)
    x, y = f.input([2, 3], a), f.constant([4, 3], b)

    def cross(rule):
        return [rule(p, q) for p in rows(a, 3) for q in rows(b, 3)]
    dot = lambda p, q: sum(i * j for i, j in zip(p, q))
    metrics = {"euclidean": math.dist, "cityblock": lambda p, q: sum(abs(i - j) for i, j in zip(p, q)),
               "cosine": lambda p, q: 1 - dot(p, q) / math.sqrt(dot(p, p) * dot(q, q)),
               "canberra": lambda p, q: sum(abs(i - j) / (abs(i) + abs(j)) for i, j in zip(p, q))}
    for metric, rule in metrics.items():
        f.add("CDist", [x, y], [([2, 4], cross(rule), F)], text("metric", metric))
    m = [0.0, 2.0, 1.0, 1.0, 0.5, -1.0, 3.0, 1.0, 0.25]
    inverse = [[0.0] * 3 for _ in range(3)]
    det = sum(m[i] * (m[3 + (i + 1) % 3] * m[6 + (i + 2) % 3] - m[3 + (i + 2) % 3] * m[6 + (i + 1) % 3])
              for i in range(3))
    for i, j in points([3, 3]):
        p, q, r, s = (j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3
        inverse[i][j] = (m[3 * p + r] * m[3 * q + s] - m[3 * p + s] * m[3 * q + r]) / det
    f.add("Inverse", [f.input([1, 3, 3], m)], [([1, 3, 3], sum(inverse, []), F)])
    u, w = noise(8), noise(8)
    pairs = [(complex(*p), complex(*q)) for p, q in zip(rows(u, 2), rows(w, 2))]
    parts = lambda values: [e for z in values for e in (z.real, z.imag)]
    c, d = f.input([4, 2], u), f.constant([4, 2], w)
    f.add("ComplexMul", [c, d], [([4, 2], parts(p * q for p, q in pairs), F)])
    f.add("ComplexMulConj", [c, d], [([4, 2], parts(p * q.conjugate() for p, q in pairs), F)])
    turn = lambda k: complex(math.cos(math.pi * k / 4), -math.sin(math.pi * k / 4))
    spectrum = parts(sum(e * turn(k * i) for i, e in enumerate(u)) for k in range(5))
    signal = f.inner("Neg", [f.input([8], [-e for e in u])], domain="")
    f.add("Rfft", [signal], [([5, 2], spectrum, F)])
    f.add("Irfft", [f.input([5, 2], spectrum)], [([8], u, F)])
    f.add("IsAllFinite", [x, c], [([], [1], B)])
    return f


def experimental():
    f = Family("experimental", 8)
    v = noise(32)
    x = f.input([1, 2, 4, 4], v)
    shape = [1, 2, 4, 4]
    rules = {"Affine": lambda e: 2 * e - 1, "ScaledTanh": lambda e: 2 * math.tanh(-e),
             "ParametricSoftplus": lambda e: 2 * math.log1p(math.exp(-e))}
    for op, rule in rules.items():
        f.add(op, [x], [(shape, [rule(e) for e in v], F)], attribute_float("alpha", 2), attribute_float("beta", -1),
              domain="")
    f.add("Scale", [x], [(shape, [3 * e for e in v], F)], attribute_float("scale", 3), domain="")
    f.add("ImageScaler", [x], [(shape, [e / 2 + i // 16 for i, e in enumerate(v)], F)], attribute_float("scale", 0.5),
          floats("bias", [0, 1]), domain="")
    f.add("Crop", [x], [([1, 2, 2, 1], [v[at(shape, (0, q, i + 2, 1))] for q, i in points([2, 2])], F)],
          attribute_ints("border", [1, 2, 0, 0]), attribute_ints("scale", [2, 1]), domain="")
    ones = [1.0] * 16
    f.add("MeanVarianceNormalization", [x], [(shape, each_row(v, 16, lambda r: normalise(r, ones, [0.0] * 16, 0)), F)],
          domain="")
    return f


def walk(cost):
    """The cheapest way through a matrix of costs, backwards."""
    best = {(-1, -1): 0.0}
    for j, i in points([len(cost[0]), len(cost)]):
        steps = [(best.get(p, math.inf), p) for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1))]
        best[i, j] = min(steps)[0] + cost[i][j]
    i, j = len(cost) - 1, len(cost[0]) - 1
    while i >= 0 and j >= 0:
        yield i, j
        i, j = min((best.get(p, math.inf), p) for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1)))[1]


def murmur(data, seed):
    rotate = lambda e, k: (e << k | e >> (32 - k)) & 0xffffffff
    h = seed
    for word, in struct.iter_unpack("<I", data):
        h ^= rotate(word * 0xcc9e2d51 & 0xffffffff, 15) * 0x1b873593 & 0xffffffff
        h = (rotate(h, 13) * 5 + 0xe6546b64) & 0xffffffff
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85ebca6b & 0xffffffff
    h = (h ^ h >> 13) * 0xc2b2ae35 & 0xffffffff
    return h ^ h >> 16


def tokens():
    f = Family("ms_tokens")
    cost = noise(15, 0.1, 2)
    path = list(walk(rows(cost, 5)))[::-1]
    f.add("DynamicTimeWarping", [f.input([3, 5], cost)],
          [([2, len(path)], [p[0] for p in path] + [p[1] for p in path], I32)])
    source, current = [5, 6, 7, 8, 6, 9], [1, 5, 6]
    f.add("BifurcationDetector", [f.input([6], source, I), f.input([3], current, I), f.constant([1], [2], I),
                                  f.input([5], [7, 8, 6, 4, 4], I)],
          [([7], current + [7, 8, 6, 4], I), ([1], [-1], I)],
          attribute_int("min_ngram_size", 1), attribute_int("max_ngram_size", 3))
    ids, scores = [1, 2, 3, 1, 2], noise(5)
    f.add("NGramRepeatBlock", [f.input([1, 5], ids, I), f.input([1, 5], scores)],
          [([1, 5], scores[:3] + [-math.inf] + scores[4:], F)], attribute_int("ngram_size", 3))
    f.add("MurmurHash3", [f.input([2], [3, -4], I)],
          [([2], [murmur(struct.pack("<q", e), 9) for e in (3, -4)], U32)], attribute_int("seed", 9))
    ids, past, segments, end = [4, 0, 6, 7], [5, 3], [1, 1, 1, 2], 0
    history, wanted = past + ids, []
    for t in range(4):
        for n in (2, 3):
            mix = 0
            for k in range(n):
                cut = any(history[t + 2 - j] == end or (t - j + 1 > 0 and segments[t - j + 1] != segments[t - j])
                          for j in range(1, k + 1))
                mix ^= (end if cut else history[t + 2 - k]) * (3, 5, 7)[k]
            wanted.append(mix % (11, 13)[n - 2] + 100 * n)
    f.add("NGramHashMapping", [f.input([1, 4], ids, I), f.constant([3], [3, 5, 7], I), f.constant([2], [11, 13], I),
                               f.constant([1, 2], past, I), f.constant([2], [200, 300], I), f.constant([], [end], I),
                               f.input([1, 4], segments, I32)],
          [([1, 4, 2], wanted, I), ([1, 2], [6, 7], I)], attribute_int("max_ngram_size", 3),
          attribute_int("n_head_per_ngram", 1), attribute_int("pad_id", 8), attribute_int("reset_on_eos", 1))
    x, mask = noise(8), [1, 0, 1, 1, 0, 1, 1, 0]
    lowest = -3.4028234663852886e38
    f.add("MaxpoolWithMask", [f.input([1, 1, 2, 4], x), f.input([1, 1, 2, 4], mask, I32)],
          [([1, 1, 1, 2], [x[0], max(x[2], x[3], x[6])], F)], attribute_ints("kernel_shape", [2, 2]),
          attribute_ints("strides", [2, 2]))
    return f


for family in (norms, group_norms, embeddings, fused, fused_convs, lambda: nchwc(8), lambda: nchwc(16), moves,
               arithmetic, experimental, tokens):
    family().save(sys.argv[1])
