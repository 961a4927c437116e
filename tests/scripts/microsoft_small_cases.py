"""Models of com.microsoft's small operators and of ai.onnx's experimental ones, for operators.sh; see
microsoft_cases.py.

    python3 microsoft_small_cases.py FOLDER"""
import math
import struct
import sys

from case_family import at, points, rows
from microsoft_cases import B, F, I, I32, U32, Operators, each_row, floats, noise, normalise, text
from onnx_writer import attribute_float, attribute_int, attribute_ints


def moves():
    f = Operators("ms_moves")
    shape, v = [2, 6], noise(12)
    x = f.input(shape, v)
    f.add("ExpandDims", [x, f.constant([], [-2], I32)], [([2, 1, 6], v, F)])
    f.add("Pad", [x, f.constant([1, 4], [0, 1, 0, -2], I), f.constant([1], [9.0])],
          [([2, 5], [e for r in rows(v, 6) for e in [9.0] + r[:4]], F)], text("mode", "constant"))
    f.add("Range", [f.constant([1], [7], I), f.constant([1], [1], I), f.constant([1], [-2], I)],
          [([3], [7, 5, 3], I)])
    f.add("Range", [f.constant([1], [1.0]), f.constant([1], [2.2]), f.constant([1], [0.5])], [([3], [1, 1.5, 2], F)])
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
    f = Operators("ms_arithmetic")
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
    f.add("CDist", [x, y], [([2, 4], cross(lambda p, q: math.dist(p, q) ** 2), F)])
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
    f = Operators("experimental", 8)
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
    two = noise(8)
    channels = [normalise([two[i] for i in places], ones, [0.0] * 4, 0) for places in ((0, 1, 4, 5), (2, 3, 6, 7))]
    f.add("MeanVarianceNormalization", [f.input([2, 2, 1, 2], two)],
          [([2, 2, 1, 2], channels[0][:2] + channels[1][:2] + channels[0][2:] + channels[1][2:], F)], domain="")
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
    f = Operators("ms_tokens")
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
    factors = [3, 1 << 61, (1 << 62) + 7]  # products wrap around, and the rest of a negative number is not negative
    history, wanted = past + ids, []
    for t in range(4):
        for n in (2, 3):
            mix = 0
            for k in range(n):
                cut = any(history[t + 2 - j] == end or (t - j + 1 > 0 and segments[t - j + 1] != segments[t - j])
                          for j in range(1, k + 1))
                mix ^= (end if cut else history[t + 2 - k]) * factors[k]
            mix = (mix + (1 << 63)) % (1 << 64) - (1 << 63)
            wanted.append(mix % (11, 13)[n - 2] + 100 * n)
    f.add("NGramHashMapping", [f.input([1, 4], ids, I), f.constant([3], factors, I), f.constant([2], [11, 13], I),
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


for family in (moves, arithmetic, experimental, tokens):
    family().save(sys.argv[1])
