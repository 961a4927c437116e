"""Models of com.microsoft's operators with their data, for operators.sh: one folder for each family.

    python3 microsoft_cases.py FOLDER

Expected outputs are computed here, in plain Python after ContribOperators.md, by nothing of lpc."""
import math
import random
import sys

from case_family import Family, at, points, product, rows, size
from onnx_writer import attribute_float, attribute_floats, attribute_int, attribute_ints, attribute_string

F, I32, I, B, U32 = 1, 6, 7, 9, 12
MS = "com.microsoft"
text, floats = attribute_string, attribute_floats
rng = random.Random(7)


def noise(count, low=-2.0, high=2.0):
    return [rng.uniform(low, high) for _ in range(count)]


class Operators(Family):
    domain = MS
    imports = ((MS, 1), (MS + ".nchwc", 1), ("org.unknown", 1))


# ---- References ----

def normalise(row, gamma, beta, epsilon=1e-5):
    mean = sum(row) / len(row)
    root = math.sqrt(sum((v - mean) ** 2 for v in row) / len(row) + epsilon)
    return [(v - mean) / root * g + b for v, g, b in zip(row, gamma, beta)]


def rms(row, gamma, epsilon=1e-5):
    root = math.sqrt(sum(v * v for v in row) / len(row) + epsilon)
    return [v / root * g for v, g in zip(row, gamma)]


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
    f = Operators("ms_norms", 11)
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
          [(shape, each_row(total, 4, lambda r: rms(r, gamma)), F), ([2, 3, 1], [0] * 6, F),
           ([2, 3, 1], [1 / math.sqrt(sum(e * e for e in r) / 4 + 1e-5) for r in rows(total, 4)], F)], eps)
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
    f = Operators("ms_group_norms")
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
    f = Operators("ms_embeddings")
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
    f = Operators("ms_fused")
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
    f = Operators("ms_fused_convs")
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
    f = Operators("ms_nchwc%d" % block)
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


if __name__ == "__main__":
    for family in (norms, group_norms, embeddings, fused, fused_convs, lambda: nchwc(8), lambda: nchwc(16)):
        family().save(sys.argv[1])
