"""Models of com.microsoft's quantised operators with their data, for operators.sh: one folder for each family.

    python3 quantised_cases.py FOLDER

Expected outputs are computed here, in plain Python after ContribOperators.md, by nothing of lpc."""
import math
import random
import sys

import onnx_writer
from case_family import Family, at, flat, product, rows, sigmoid, softmax
from onnx_writer import attribute_float, attribute_int, attribute_ints, attribute_string, node

F, U8, I8, U16, I16, I32, I, B, U32 = 1, 2, 3, 4, 5, 6, 7, 9, 12
onnx_writer.FORMATS.update({U16: "H", I16: "h", U32: "I"})
RANGE = {U8: (0, 255), I8: (-128, 127), U16: (0, 65535), I16: (-32768, 32767)}
text = attribute_string
rng = random.Random(11)


def noise(count, low=-1.0, high=1.0):
    return [rng.uniform(low, high) for _ in range(count)]


def codes(count, dtype=U8):
    return [rng.randint(*RANGE[dtype]) for _ in range(count)]


def quantise(x, scale, zero, dtype=U8):
    low, high = RANGE[dtype]
    return min(max(round(x / scale) + zero, low), high)


class Operators(Family):
    domain = "com.microsoft"
    imports = ((domain, 1),)


def elements():
    """One element at a time: (input, scale, zero point) with the output's scale and zero point."""
    f = Operators("quantised_elements")
    a, b = codes(24), codes(4)
    x, y = f.input([2, 3, 4], a, U8), f.input([4], b, U8)
    p, q, s = (f.scalar(0.05), f.scalar(120, U8)), (f.scalar(0.03), f.scalar(9, U8)), f.scalar(0.0625)
    z = f.scalar(128, U8)
    ra, rb = [(v - 120) * 0.05 for v in a], [(b[i % 4] - 9) * 0.03 for i in range(24)]
    out = lambda values: [([2, 3, 4], [quantise(v, 0.0625, 128) for v in values], U8)]
    f.add("QLinearAdd", [x, *p, y, *q, s, z], out([u + v for u, v in zip(ra, rb)]))
    f.add("QLinearMul", [y, *q, x, *p, s, z], out([u * v for u, v in zip(ra, rb)]))
    f.add("QLinearAdd", [x, p[0], "", y, q[0], "", s], [(
        [2, 3, 4], [quantise(a[i] * 0.05 + b[i % 4] * 0.03, 0.0625, 0) for i in range(24)], U8)])
    which = [rng.random() < 0.5 for _ in range(24)]
    f.add("QLinearWhere", [f.input([2, 3, 4], which, B), x, *p, y, *q, s, z],
          out([u if w else v for w, u, v in zip(which, ra, rb)]))
    f.add("QLinearLeakyRelu", [x, *p, s, z], out([v if v > 0 else 0.25 * v for v in ra]),
          attribute_float("alpha", 0.25))
    f.add("QLinearSigmoid", [x, *p, f.scalar(1 / 256)], [(
        [2, 3, 4], [quantise(sigmoid((v - 120) * 0.05), 1 / 256, 0) for v in a], U8)])
    chances = lambda lists: [([2, 3, 4], [quantise(v, 1 / 256, 0) for v in flat(lists)], U8)]
    unit = f.scalar(1 / 256), f.scalar(0, U8)
    f.add("QLinearSoftmax", [x, *p, *unit], chances([softmax(r) for r in rows(ra, 4)]),
          attribute_int("axis", -1), attribute_int("opset", 13))
    f.add("QLinearSoftmax", [x, *p, *unit], chances([softmax(r) for r in rows(ra, 12)]),
          attribute_int("axis", 1), attribute_int("opset", 12))
    means = [sum(ra[i * 12 + j * 4 + k] for i in range(2) for k in range(4)) / 8 for j in range(3)]
    f.add("QLinearReduceMean", [x, *p, s, z], [([3], [quantise(v, 0.0625, 128) for v in means], U8)],
          attribute_ints("axes", [0, -1]), attribute_int("keepdims", 0))
    other = codes(8)
    joined = [r + o for r, o in zip(rows(ra, 12), rows([(v - 9) * 0.03 for v in other], 4))]
    f.add("QLinearConcat", [s, z, x, *p, f.input([2, 1, 4], other, U8), *q],
          [([2, 4, 4], [quantise(v, 0.0625, 128) for v in flat(joined)], U8)], attribute_int("axis", 1))
    f.add("MulInteger", [x, p[1], y], [([2, 3, 4], [(a[i] - 120) * b[i % 4] for i in range(24)], I32)])
    f.add("ReduceSumInteger", [x], [([2, 1, 1], [sum(r) for r in rows(a, 12)], U32)],
          attribute_ints("axes", [1, 2]))
    return f


def wide():
    """16 bits, and scales along an axis."""
    f = Operators("quantised_wide")
    v, scales, zeros = noise(12, -3, 3), [0.001, 0.002, 0.004], [30000, 7, 40000]
    x, s = f.input([3, 4], v), f.constant([3], scales)
    wanted = [quantise(e, scales[i // 4], zeros[i // 4], U16) for i, e in enumerate(v)]
    f.add("QuantizeLinear", [x, s, f.constant([3], zeros, U16)], [([3, 4], wanted, U16)],
          attribute_int("axis", 0))
    f.add("QuantizeLinear", [f.input([4, 3], v), s, f.constant([3], zeros, U16)],
          [([4, 3], [quantise(e, scales[i % 3], zeros[i % 3], U16) for i, e in enumerate(v)], U16)])
    q = codes(12, I16)
    f.add("DequantizeLinear", [f.input([3, 4], q, I16), f.constant([1], [0.5]), f.constant([1], [-4], I16)],
          [([3, 4], [(e + 4) * 0.5 for e in q], F)])
    f.add("DequantizeLinear", [f.input([4, 3], q, I16), s],
          [([4, 3], [e * scales[i % 3] for i, e in enumerate(q)], F)], attribute_int("axis", -1))
    a, b = codes(6, I16), codes(6, U16)
    f.add("MatMulInteger16", [f.input([2, 3], a, I16), f.input([3, 2], b, U16)],
          [([2, 2], [(e + 2**31) % 2**32 - 2**31 for e in flat(product(rows(a, 3), rows(b, 2)))], I32)])
    return f


def pools():
    f = Operators("quantised_pools")
    height, width, channels = 5, 4, 3
    v = codes(height * width * channels, I8)
    at = lambda h, w, c: v[(h * width + w) * channels + c]
    x = f.input([1, height, width, channels], v, I8)
    best = [max(at(2 * h + i, w + j, c) for i in range(2) for j in range(2))
            for h in range(2) for w in range(3) for c in range(channels)]
    f.add("NhwcMaxPool", [x], [([1, 2, 3, channels], best, I8)], attribute_ints("kernel_shape", [2, 2]),
          attribute_ints("strides", [2, 1]))
    last, s = attribute_int("channels_last", 1), (f.scalar(0.05), f.scalar(-3, I8), f.scalar(0.04), f.scalar(5, I8))
    real = lambda e: (e + 3) * 0.05
    means = []
    for h in range(3):
        for w in range(2):
            for c in range(channels):
                seen = [real(at(i, j, c)) for i in (2 * h - 1, 2 * h) for j in (2 * w, 2 * w + 1) if i >= 0]
                means.append(quantise(sum(seen) / len(seen), 0.04, 5, I8))
    f.add("QLinearAveragePool", [x, *s], [([1, 3, 2, channels], means, I8)], last,
          attribute_ints("kernel_shape", [2, 2]), attribute_ints("strides", [2, 2]),
          attribute_ints("pads", [1, 0, 0, 0]))
    whole = [sum(real(e) for e in v[c::channels]) / (height * width) for c in range(channels)]
    f.add("QLinearGlobalAveragePool", [x, *s],
          [([1, 1, 1, channels], [quantise(e, 0.04, 5, I8) for e in whole], I8)], last)
    return f


def products():
    f = Operators("quantised_products")
    a, b = codes(3 * 8), codes(8 * 5, I8)
    x, w, n = f.input([3, 8], a, U8), f.constant([8, 5], b, I8), f.constant([5], [1, -2, 0, 3, 5], I8)
    scales, bias = [0.01, 0.02, 0.03, 0.005, 0.015], noise(5)
    centred = [[e - z for e, z in zip(row, [1, -2, 0, 3, 5])] for row in rows(b, 5)]
    sums = product(rows([e - 7 for e in a], 8), centred)
    s, seven = f.scalar(0.02), f.scalar(7, U8)
    real = [[e * 0.02 * u + v for e, u, v in zip(row, scales, bias)] for row in sums]
    f.add("MatMulIntegerToFloat", [x, w, s, f.constant([5], scales), seven, n, f.constant([5], bias)],
          [([3, 5], flat(real), F)])
    zeros, two = [1, 2, 3, 4, 5, 6], codes(2 * 2 * 3)
    left = codes(2 * 2 * 2)
    by_batch = [product(rows([e - 7 for e in left], 2)[2 * i:2 * i + 2],
                        [[e - z for e, z in zip(row, zeros[3 * i:])] for row in rows(two, 3)[2 * i:2 * i + 2]])
                for i in range(2)]
    f.add("MatMulIntegerToFloat",
          [f.input([2, 2, 2], left, U8), f.input([2, 2, 3], two, U8), s, f.scalar(0.5), seven,
           f.constant([2, 1, 3], zeros, U8)], [([2, 2, 3], [e * 0.01 for part in by_batch for e in flat(part)], F)])
    c = [rng.randint(-2000, 2000) for _ in range(5)]
    added = [[(e + d) * 0.5 * 0.02 * u for e, d, u in zip(row, c, scales)] for row in sums]
    turned = [f.input([8, 3], flat(zip(*rows(a, 8))), U8), s, seven, f.constant([5, 8], flat(zip(*rows(b, 5))), I8),
              f.constant([5], scales), n, f.constant([5], c, I32)]
    ways = attribute_float("alpha", 0.5), attribute_int("transA", 1), attribute_int("transB", 1)
    f.add("QGemm", turned, [([3, 5], flat(added), F)], *ways)
    f.add("QGemm", turned + [f.scalar(0.25), f.scalar(-9, I8)],
          [([3, 5], [quantise(e, 0.25, -9, I8) for e in flat(added)], I8)], *ways)
    v = noise(16, -2, 3)
    step = (max(v) - min(v)) / 255
    zero = round(-min(v) / step)
    q = [quantise(e, step, zero) for e in v]
    wanted = product(rows([(e - zero) * step for e in q], 8), [[e * 0.03 for e in row] for row in rows(b, 5)])
    f.add("DynamicQuantizeMatMul", [f.input([2, 8], v), w, f.scalar(0.03)], [([2, 5], flat(wanted), F)])
    image, kernel = codes(4 * 4 * 2), codes(3 * 2 * 2 * 2, I8)
    made = []
    for h in range(3):
        for k in range(3):
            for m in range(3):
                total = sum((image[((h + i) * 4 + k + j) * 2 + d] - 130) * kernel[((m * 2 + d) * 2 + i) * 2 + j]
                            for d in range(2) for i in range(2) for j in range(2))
                made.append(quantise((total + 40 * m) * 0.02 * scales[m], 1.5, 128))
    f.add("QLinearConv", [f.input([1, 4, 4, 2], image, U8), s, f.scalar(130, U8), f.constant([3, 2, 2, 2], kernel, I8),
                          f.constant([3], scales[:3]), f.constant([3], [0] * 3, I8), f.scalar(1.5),
                          f.scalar(128, U8), f.constant([3], [0, 40, 80], I32)],
          [([1, 3, 3, 3], made, U8)], attribute_int("channels_last", 1))
    return f


def layers():
    f = Operators("quantised_layers")
    hidden, length, past, heads = 4, 3, 2, 2
    a, w, bias = codes(length * 5), codes(5 * 12, I8), noise(12)
    real = product(rows([(e - 120) * 0.02 for e in a], 5), rows([e * 0.01 for e in w], 12))
    qkv = [[e + v for e, v in zip(row, bias)] for row in real]
    old = noise(2 * heads * past * 2)
    seen, present = [[] for _ in range(length)], [[], []]
    for h in range(heads):
        part = lambda i: [row[i * hidden + 2 * h:i * hidden + 2 * h + 2] for row in qkv]
        before = lambda i: rows(old[(i * heads + h) * past * 2:(i * heads + h + 1) * past * 2], 2)
        k, v = before(0) + part(1), before(1) + part(2)
        for i, kept in enumerate((k, v)):
            present[i] += flat(kept)
        for t, q in enumerate(part(0)):
            count = past + t + 1
            score = softmax([sum(x * y for x, y in zip(q, row)) / math.sqrt(2) for row in k[:count]])
            seen[t] += [sum(p * row[d] for p, row in zip(score, v)) for d in range(2)]
    f.add("QAttention", [f.input([1, length, 5], a, U8), f.constant([5, 12], w, I8), f.constant([12], bias),
                         f.scalar(0.02), f.scalar(0.01), "", f.scalar(120, U8), "",
                         f.input([2, 1, heads, past, 2], old)],
          [([1, length, hidden], flat(seen), F), ([2, 1, heads, past + length, 2], present[0] + present[1], F)],
          attribute_int("num_heads", heads), attribute_int("unidirectional", 1))
    ids, kinds, mask = [1, 5, 3, 0, 2, 2], [0, 1, 1, 0, 0, 1], [1, 1, 1, 1, 0, 0]
    tables = [codes(n * 4) for n in (6, 3, 2)] + [codes(4), codes(4)]
    scale, zero = [0.02, 0.03, 0.01, 0.01, 0.05], [128, 100, 90, 20, 130]
    word, place, kind, gamma, beta = [rows([(e - z) * s for e in t], 4) for t, s, z in zip(tables, scale, zero)]
    wanted = []
    for i, (n, k) in enumerate(zip(ids, kinds)):
        row = [sum(e) for e in zip(word[n], place[i % 3], kind[k])]
        mean = sum(row) / 4
        spread = math.sqrt(sum((e - mean) ** 2 for e in row) / 4 + 1e-12)
        wanted += [(e - mean) / spread * g + d for e, g, d in zip(row, gamma[0], beta[0])]
    shapes = [[6, 4], [3, 4], [2, 4], [4], [4]]
    f.add("QEmbedLayerNormalization",
          [f.input([2, 3], ids, I32), f.input([2, 3], kinds, I32),
           *[f.constant(s, t, U8) for s, t in zip(shapes, tables)], f.input([2, 3], mask, I32),
           *[f.scalar(s) for s in scale], *[f.scalar(z, U8) for z in zero]],
          [([2, 3, 4], wanted, F), ([2], [3, 1], I32)])
    return f


def between():
    """Operators between DequantizeLinear and QuantizeLinear: functions of one code, means, parts of other scales."""
    f = Operators("quantised_between")

    def op(name, inputs, *attributes):
        f.nodes.append(node(name, inputs, ["t%d" % len(f.nodes)], "n%d" % len(f.nodes), "", attributes))
        return "t%d" % (len(f.nodes) - 1)

    def end(y, shape, values, scale, zero, dtype):
        name = "y%d" % len(f.outputs)
        f.nodes.append(node("QuantizeLinear", [y, f.scalar(scale), f.scalar(zero, dtype)], [name], name, "", ()))
        f.outputs.append((name, shape, [quantise(v, scale, zero, dtype) for v in values], dtype))

    for dtype, zero in ((U8, 117), (I8, -9)):
        a, b = codes(2 * 3 * 20, dtype), codes(2 * 2 * 20, dtype)
        x, y = f.input([2, 3, 4, 5], a, dtype), f.input([2, 2, 4, 5], b, dtype)
        take = lambda t, s: op("DequantizeLinear", [t, f.scalar(s), f.scalar(zero, dtype)])
        ra, rb = [(v - zero) * 0.04 for v in a], [(v - zero) * 0.03 for v in b]
        real = take(x, 0.04)
        end(op("Mul", [real, op("Sigmoid", [real])]), [2, 3, 4, 5], [v * sigmoid(v) for v in ra], 0.0513, zero, dtype)
        end(op("Tanh", [op("Add", [take(x, 0.04), f.constant([1], [0.5])])]), [2, 3, 4, 5],
            [math.tanh(v + 0.5) for v in ra], 1 / 90, 3, dtype)
        means = [sum(r) / 20 for r in rows(ra, 20)]
        end(op("GlobalAveragePool", [take(x, 0.04)]), [2, 3, 1, 1], means, 0.00712, 2, dtype)
        axes = attribute_ints("axes", [-1, 2]), attribute_int("keepdims", 0)
        end(op("ReduceMean", [take(x, 0.04)], *axes), [2, 3], means, 0.00913, 1, dtype)
        parts = [e for p, q in zip(rows(ra, 60), rows(rb, 40)) for e in p + q]
        end(op("Concat", [take(x, 0.04), take(y, 0.03)], attribute_int("axis", 1)), [2, 5, 4, 5], parts, 0.0457, 4,
            dtype)
        end(op("Softmax", [take(x, 0.04)], attribute_int("axis", -1)), [2, 3, 4, 5],
            flat(softmax(r) for r in rows(ra, 5)), 1 / 251, -5 if dtype == I8 else 0, dtype)
        ways = attribute_ints("kernel_shape", [2, 2]), attribute_ints("strides", [2, 2])
        pooled = [sum(r[10 * h + 2 * w + k] for k in (0, 1, 5, 6)) / 4
                  for r in rows(ra, 20) for h in range(2) for w in range(2)]
        end(op("AveragePool", [take(x, 0.04)], *ways), [2, 3, 2, 2], pooled, 0.0313, 7, dtype)
    return f


def in_steps(values):
    """Rounded to 8 bits as DynamicQuantizeLinear does."""
    low, high = min(0.0, *values), max(0.0, *values)
    scale = (high - low) / 255
    zero = round(-low / scale)
    return [(quantise(v, scale, zero) - zero) * scale for v in values]


def recurrent():
    """An LSTM of 8 bits: the states of two batches are rounded together in each step; one batch is shorter."""
    f = Operators("quantised_recurrent")
    steps, batch, wide, hidden, lengths = 4, 2, 3, 5, [4, 3]
    v, first, bias = noise(steps * batch * wide), noise(batch * hidden), noise(8 * hidden)
    w, r = codes(wide * 4 * hidden, I8), codes(hidden * 4 * hidden, I8)
    x = rows(rows(in_steps(v), wide), batch)
    real_w, real_r = [[[e * s for e in row] for row in rows(m, 4 * hidden)] for m, s in ((w, 0.006), (r, 0.008))]
    h, c, y = rows(first, hidden), [[0.0] * hidden for _ in range(batch)], []
    for t in range(steps):
        state = rows(in_steps(flat(h)), hidden)
        for b in range(batch):
            if t >= lengths[b]:
                y += [0.0] * hidden
                continue
            sums = [p + q + bias[i] + bias[4 * hidden + i] for i, (p, q) in
                    enumerate(zip(product([x[t][b]], real_w)[0], product([state[b]], real_r)[0]))]
            i, o, forget, fresh = rows(sums, hidden)
            c[b] = [sigmoid(k) * old + sigmoid(n) * math.tanh(m) for k, old, n, m in zip(forget, c[b], i, fresh)]
            h[b] = [sigmoid(m) * math.tanh(cell) for m, cell in zip(o, c[b])]
            y += h[b]
    parameters = [f.constant([1], [0.006]), f.constant([1], [0], I8), f.constant([1], [0.008]), f.constant([1], [0], I8)]
    f.add("DynamicQuantizeLSTM",
          [f.input([steps, batch, wide], v), f.constant([1, wide, 4 * hidden], w, I8),
           f.constant([1, hidden, 4 * hidden], r, I8), f.constant([1, 8 * hidden], bias),
           f.input([batch], lengths, I32), f.input([1, batch, hidden], first), f.constant([1, batch, hidden], [0.0] * 10),
           "", *parameters],
          [([steps, 1, batch, hidden], y, F), ([1, batch, hidden], flat(h), F), ([1, batch, hidden], flat(c), F)],
          attribute_int("hidden_size", hidden))
    return f


if __name__ == "__main__":
    for family in (elements, wide, pools, products, layers, between, recurrent):
        family().save(sys.argv[1])
