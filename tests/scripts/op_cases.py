"""Models of operators with their data, for operators.sh: one folder for each family.

    python3 op_cases.py FOLDER

Expected outputs are computed here, in plain Python after the operators' definitions, by nothing of lpc.
Each model has an output for each operator or way of it, so that a family is compiled once."""
import itertools
import math
import random
import sys

from case_family import Family, at, points, sigmoid
from onnx_writer import attribute_float, attribute_int, attribute_ints, attribute_string

F, U8, I8, I32, I, B = 1, 2, 3, 6, 7, 9
text = attribute_string
rng = random.Random(5)


def noise(count, low=-2.0, high=2.0):
    return [rng.uniform(low, high) for _ in range(count)]


def half_even(x):
    return int(round(x))


class Operators(Family):
    opset = 18


def unary():
    f = Operators("unary", 22)
    shape, wide = [3, 7], noise(21, -3, 3)
    small, positive = noise(21, -0.9, 0.9), noise(21, 0.1, 4)
    x, s, p = f.input(shape, wide), f.input(shape, small), f.input(shape, positive)
    sigmoid = lambda v: 1 / (1 + math.exp(-v))
    rules = {
        "Abs": abs, "Neg": lambda v: -v, "Floor": math.floor, "Ceil": math.ceil, "Round": half_even,
        "Sign": lambda v: (v > 0) - (v < 0), "Relu": lambda v: max(v, 0), "Exp": math.exp, "Sin": math.sin,
        "Cos": math.cos, "Tanh": math.tanh, "Erf": math.erf, "Sinh": math.sinh, "Cosh": math.cosh,
        "Atan": math.atan, "Asinh": math.asinh, "Sigmoid": sigmoid,
        "Softplus": lambda v: math.log1p(math.exp(v)), "Softsign": lambda v: v / (1 + abs(v)),
        "Mish": lambda v: v * math.tanh(math.log1p(math.exp(v))),
        "Elu": lambda v: v if v > 0 else math.expm1(v), "Identity": lambda v: v,
        "Gelu": lambda v: v / 2 * (1 + math.erf(v / math.sqrt(2))),
        "HardSwish": lambda v: v * min(max(v / 6 + 0.5, 0), 1),
        "HardSigmoid": lambda v: min(max(0.2 * v + 0.5, 0), 1), "LeakyRelu": lambda v: v if v > 0 else 0.01 * v,
        "Celu": lambda v: max(v, 0) + min(math.expm1(v), 0), "ThresholdedRelu": lambda v: v if v > 1 else 0,
        "Selu": lambda v: 1.0507009873554805 * (v if v > 0 else 1.6732632423543772 * math.expm1(v))}
    for op, rule in rules.items():
        f.add(op, [x], [(shape, [float(rule(v)) for v in wide], F)])
    for op, rule in {"Asin": math.asin, "Acos": math.acos, "Atanh": math.atanh, "Tan": math.tan}.items():
        f.add(op, [s], [(shape, [rule(v) for v in small], F)])
    for op, rule in {"Sqrt": math.sqrt, "Log": math.log, "Reciprocal": lambda v: 1 / v,
                     "Acosh": lambda v: math.acosh(v + 1)}.items():
        given = f.add("Add", [p, f.constant([], [1.0])], [(shape, [v + 1 for v in positive], F)]) \
            if op == "Acosh" else p
        f.add(op, [given], [(shape, [rule(v) for v in positive], F)])
    f.add("Clip", [x, f.constant([], [-1.0]), f.constant([], [0.5])],
          [(shape, [min(max(v, -1), 0.5) for v in wide], F)])
    f.add("Cast", [x], [(shape, [math.trunc(v) for v in wide], I32)], attribute_int("to", I32))
    return f


def binary():
    f = Operators("binary")
    a, b, out = [2, 1, 5], [3, 5], [2, 3, 5]
    u, v = noise(10, 0.2, 3), noise(15, 0.2, 3)
    x, z = f.input(a, u), f.input(b, v)
    pairs = [(u[at(a, p)], v[at(b, p)]) for p in points(out)]
    for op, rule in {"Add": lambda p, q: p + q, "Sub": lambda p, q: p - q, "Mul": lambda p, q: p * q,
                     "Div": lambda p, q: p / q, "Pow": lambda p, q: p ** q, "Max": max, "Min": min,
                     "Mean": lambda p, q: (p + q) / 2, "Sum": lambda p, q: p + q}.items():
        f.add(op, [x, z], [(out, [rule(*p) for p in pairs], F)])
    less = f.add("Less", [x, z], [(out, [p < q for p, q in pairs], B)])
    f.add("GreaterOrEqual", [x, z], [(out, [p >= q for p, q in pairs], B)])
    f.add("Not", [less], [(out, [p >= q for p, q in pairs], B)])
    f.add("Where", [less, x, z], [(out, [min(p) for p in pairs], F)])
    m, n = [7, -7, 7, -7, 0, 5], [3, 3, -3, -3, 4, 5]
    i, k = f.input([6], m, I32), f.input([6], n, I32)
    f.add("Mod", [i, k], [([6], [p % q for p, q in zip(m, n)], I32)])
    f.add("Mod", [i, k], [([6], [int(math.fmod(p, q)) for p, q in zip(m, n)], I32)], attribute_int("fmod", 1))
    f.add("Equal", [i, k], [([6], [p == q for p, q in zip(m, n)], B)])
    for width, signed, unsigned in ((32, I32, 12), (64, I, 13)):  # constants wrap around, too
        p, q = [2 ** (width - 1) - 1, 3, 2 ** (width - 2)], [3, 2 ** (width - 2), 2]
        low = lambda e: e % 2 ** width
        short = lambda e: (e + 2 ** (width - 1)) % 2 ** width - 2 ** (width - 1)
        for wrap, dtype in ((low, unsigned), (short, signed)):
            both = [f.constant([3], e, dtype) for e in (p, q)]
            f.add("Add", both, [([3], [wrap(d + e) for d, e in zip(p, q)], dtype)])
            f.add("Sub", both, [([3], [wrap(d - e) for d, e in zip(p, q)], dtype)])
            f.add("Mul", both, [([3], [wrap(d * e) for d, e in zip(p, q)], dtype)])
    return f


def moves():
    f = Operators("moves")
    shape, v = [2, 3, 4], noise(24)
    x = f.input(shape, v)
    ints = lambda *numbers: f.constant([len(numbers)], list(numbers), I)
    pick = lambda out, rule: (out, [v[at(shape, rule(*p))] for p in points(out)], F)
    f.add("Transpose", [x], [pick([4, 2, 3], lambda a, b, c: (b, c, a))], attribute_ints("perm", [2, 0, 1]))
    f.add("Reshape", [x, ints(0, -1)], [([2, 12], v, F)])
    f.add("Slice", [x, ints(-1), ints(-9), ints(1), ints(-2)], [pick([2, 2, 4], lambda a, b, c: (a, 2 - 2 * b, c))])
    f.add("Split", [x, ints(1, 3)], [pick([2, 3, 1], lambda a, b, c: (a, b, 0)),
                                     pick([2, 3, 3], lambda a, b, c: (a, b, c + 1))], attribute_int("axis", 2))
    one = f.add("Unsqueeze", [x, ints(1)], [([2, 1, 3, 4], v, F)])
    f.add("Expand", [one, ints(2, 2, 3, 4)], [pick([2, 2, 3, 4], lambda a, e, b, c: (a, b, c))])
    f.add("Concat", [x, x], [pick([2, 6, 4], lambda a, b, c: (a, b % 3, c))], attribute_int("axis", 1))
    f.add("Tile", [x, ints(1, 1, 2)], [pick([2, 3, 8], lambda a, b, c: (a, b, c % 4))])
    f.add("Gather", [x, ints(2, 0, -1)], [pick([2, 3, 4], lambda a, b, c: (a, (2, 0, 2)[b], c))],
          attribute_int("axis", 1))
    f.add("Pad", [x, ints(0, 1, 0, 0, 0, 2)],
          [([2, 4, 6], [v[at(shape, (a, b - 1, c))] if b and c < 4 else 0.0 for a, b, c in points([2, 4, 6])], F)])
    f.add("Pad", [x, ints(0, 0, 2, 0, 0, 1)], [pick([2, 3, 7], lambda a, b, c: (a, b, (2, 1, 0, 1, 2, 3, 2)[c]))],
          text("mode", "reflect"))
    f.add("Trilu", [x, f.constant([], [0], I)],
          [(shape, [v[at(shape, p)] if p[2] >= p[1] else 0.0 for p in points(shape)], F)])
    spots = [([0, 2, 3], 9.0), ([1, 0, 0], -9.0)]
    wanted = list(v)
    for spot, number in spots:
        wanted[at(shape, spot)] = number
    f.add("ScatterND", [x, f.constant([2, 3], spots[0][0] + spots[1][0], I), f.constant([2], [9.0, -9.0])],
          [(shape, wanted, F)])
    flags = [e > 0 for e in v]
    g = f.add("Greater", [x, f.constant([], [0.0])], [(shape, flags, B)])
    f.add("Compress", [x, f.constant([3], [True, False, True], B)],
          [pick([2, 2, 4], lambda a, b, c: (a, 2 * b, c))], attribute_int("axis", 1))
    f.add("Cast", [g], [(shape, [float(e) for e in flags], F)], attribute_int("to", F))
    return f


def reductions():
    f = Operators("reductions")
    shape, v = [3, 4, 5], noise(60, -2, 2)
    x = f.input(shape, v)
    axis = f.constant([1], [1], I)
    rows = [[v[at(shape, (a, k, c))] for k in range(4)] for a, c in points([3, 5])]
    for op, rule in {"ReduceSum": sum, "ReduceMax": max, "ReduceMin": min, "ReduceMean": lambda r: sum(r) / 4,
                     "ReduceL1": lambda r: sum(map(abs, r)), "ReduceProd": math.prod,
                     "ReduceL2": lambda r: math.sqrt(sum(e * e for e in r)),
                     "ReduceSumSquare": lambda r: sum(e * e for e in r),
                     "ReduceLogSumExp": lambda r: math.log(sum(map(math.exp, r)))}.items():
        f.add(op, [x, axis], [([3, 5], [rule(r) for r in rows], F)], attribute_int("keepdims", 0))
    for op, rule in {"ArgMax": max, "ArgMin": min}.items():
        f.add(op, [x], [([3, 1, 5], [r.index(rule(r)) for r in rows], I)], attribute_int("axis", 1))
    back = lambda rule: [rule(rows[a * 5 + c])[k] for a, k, c in points(shape)]
    soft = lambda r: [math.exp(e) / sum(map(math.exp, r)) for e in r]
    f.add("Softmax", [x], [(shape, back(soft), F)], attribute_int("axis", 1))
    f.add("LogSoftmax", [x], [(shape, back(lambda r: [math.log(e) for e in soft(r)]), F)], attribute_int("axis", 1))
    f.add("CumSum", [x, f.constant([], [1], I)], [(shape, back(lambda r: list(itertools.accumulate(r))), F)])
    order = [sorted(range(5), key=lambda k: -v[r * 5 + k])[:2] for r in range(12)]
    f.add("TopK", [x, f.constant([1], [2], I)], [([3, 4, 2], [v[r * 5 + k] for r in range(12) for k in order[r]], F),
                                                ([3, 4, 2], [k for r in order for k in r], I)])
    scale, bias = noise(4), noise(4)
    s, b = f.constant([4], scale), f.constant([4], bias)

    def instance(a, k):
        row = v[(a * 4 + k) * 5:(a * 4 + k) * 5 + 5]
        mean = sum(row) / 5
        return mean, math.sqrt(sum((e - mean) ** 2 for e in row) / 5 + 1e-5)
    f.add("InstanceNormalization", [x, s, b],
          [(shape, [(v[at(shape, (a, k, c))] - instance(a, k)[0]) / instance(a, k)[1] * scale[k] + bias[k]
                    for a, k, c in points(shape)], F)])
    f.add("BatchNormalization", [x, s, b, f.constant([4], [0.5] * 4), f.constant([4], [2.0] * 4)],
          [(shape, [(v[at(shape, p)] - 0.5) / math.sqrt(2 + 1e-5) * scale[p[1]] + bias[p[1]]
                    for p in points(shape)], F)])
    weight, shift = noise(5), noise(5)
    normal = []
    for r in range(12):
        row = v[r * 5:r * 5 + 5]
        mean = sum(row) / 5
        deviation = math.sqrt(sum((e - mean) ** 2 for e in row) / 5 + 1e-5)
        normal += [(e - mean) / deviation * weight[k] + shift[k] for k, e in enumerate(row)]
    f.add("LayerNormalization", [x, f.constant([5], weight), f.constant([5], shift)], [(shape, normal, F)])
    return f


def matmul(a, b, rows, inner, columns):
    return [sum(a[i * inner + k] * b[k * columns + j] for k in range(inner))
            for i in range(rows) for j in range(columns)]


def products():
    f = Operators("products")
    a, b, bias = noise(5 * 19), noise(19 * 23), noise(23)
    x, w = f.input([5, 19], a), f.constant([19, 23], b)
    whole = matmul(a, b, 5, 19, 23)
    f.add("MatMul", [x, w], [([5, 23], whole, F)])
    f.add("MatMul", [f.input([2, 0], [], I32), f.input([0, 3], [], I32)], [([2, 3], [0] * 6, I32)])
    turned = [b[k * 23 + j] for j in range(23) for k in range(19)]
    f.add("Gemm", [x, f.constant([23, 19], turned), f.constant([23], bias)],
          [([5, 23], [0.5 * e + bias[i % 23] for i, e in enumerate(whole)], F)],
          attribute_float("alpha", 0.5), attribute_int("transB", 1))
    f.add("Einsum", [x, w], [([23, 5], [whole[i * 23 + j] for j in range(23) for i in range(5)], F)],
          text("equation", "ik,kj->ji"))
    left, right = noise(2 * 3 * 4), noise(2 * 4 * 6)
    p, q = f.input([2, 3, 4], left), f.input([2, 4, 6], right)
    f.add("MatMul", [p, q], [([2, 3, 6], [e for n in range(2) for e in matmul(
        left[n * 12:n * 12 + 12], right[n * 24:n * 24 + 24], 3, 4, 6)], F)])
    return f


def window(v, shape, point, kernel, stride, pad):
    """The elements under a 2-D window: (row and column in the window, element)."""
    n, c, y, x = point
    for i, j in points(kernel):
        h, w = y * stride - pad + i, x * stride - pad + j
        if 0 <= h < shape[2] and 0 <= w < shape[3]:
            yield (i, j), v[at(shape, (n, c, h, w))]


def images():
    f = Operators("images")
    shape, v = [1, 4, 9, 8], noise(288)
    x = f.input(shape, v)

    def conv(makes, group, kernel, stride, pad):
        each = 4 // group
        w, bias = noise(makes * each * kernel * kernel), noise(makes)
        out = [1, makes, (9 + 2 * pad - kernel) // stride + 1, (8 + 2 * pad - kernel) // stride + 1]
        wanted = []
        for _, m, y, z in points(out):
            first = m // (makes // group) * each
            wanted.append(bias[m] + sum(
                w[((m * each + c) * kernel + i) * kernel + j] * e for c in range(each)
                for (i, j), e in window(v, shape, (0, first + c, y, z), [kernel, kernel], stride, pad)))
        f.add("Conv", [x, f.constant([makes, each, kernel, kernel], w), f.constant([makes], bias)],
              [(out, wanted, F)], attribute_int("group", group), attribute_ints("strides", [stride] * 2),
              attribute_ints("pads", [pad] * 4))
    conv(6, 1, 3, 1, 1)
    conv(20, 1, 1, 1, 0)
    conv(4, 4, 3, 2, 1)
    conv(8, 2, 2, 1, 0)

    def pool(op, rule, out, kernel, stride, pad, *attributes):
        wanted = [rule([e for _, e in window(v, shape, p, [kernel] * 2, stride, pad)]) for p in points(out)]
        f.add(op, [x], [(out, wanted, F)], attribute_ints("kernel_shape", [kernel] * 2),
              attribute_ints("strides", [stride] * 2), attribute_ints("pads", [pad] * 4), *attributes)
    pool("MaxPool", max, [1, 4, 4, 4], 2, 2, 0)
    pool("MaxPool", max, [1, 4, 9, 8], 3, 1, 1)
    pool("AveragePool", lambda r: sum(r) / len(r), [1, 4, 5, 4], 3, 2, 1)
    pool("AveragePool", lambda r: sum(r) / 9, [1, 4, 5, 4], 3, 2, 1, attribute_int("count_include_pad", 1))
    f.add("GlobalAveragePool", [x], [([1, 4, 1, 1], [sum(v[c * 72:c * 72 + 72]) / 72 for c in range(4)], F)])
    out = [1, 4, 18, 16]
    f.add("Resize", [x, "", f.constant([4], [1.0, 1.0, 2.0, 2.0])],
          [(out, [v[at(shape, (n, c, y // 2, z // 2))] for n, c, y, z in points(out)], F)], text("mode", "nearest"))
    out = [1, 1, 18, 16]
    f.add("DepthToSpace", [x], [(out, [v[at(shape, (0, (y % 2) * 2 + z % 2, y // 2, z // 2))]
                                       for _, _, y, z in points(out)], F)], attribute_int("blocksize", 2))
    return f


def quantised():
    f = Operators("quantised", 19)
    scale, v = 0.0625, [e / 64 for e in range(-150, 150, 7)]
    x, s, zero = f.input([len(v)], v), f.constant([], [scale]), f.constant([], [128], U8)
    codes = [min(max(half_even(e / scale) + 128, 0), 255) for e in v]
    q = f.add("QuantizeLinear", [x, s, zero], [([len(v)], codes, U8)])
    f.add("DequantizeLinear", [q, s, zero], [([len(v)], [(e - 128) * scale for e in codes], F)])
    a, b = [rng.randrange(256) for _ in range(3 * 8)], [rng.randrange(-128, 128) for _ in range(8 * 5)]
    u, w = f.input([3, 8], a, U8), f.constant([8, 5], b, I8)
    sums = matmul([e - 7 for e in a], [e - 3 for e in b], 3, 8, 5)
    f.add("MatMulInteger", [u, w, f.constant([], [7], U8), f.constant([], [3], I8)], [([3, 5], sums, I32)])
    one, half = f.constant([], [1.0]), f.constant([], [0.5])
    f.add("QLinearMatMul", [u, one, f.constant([], [7], U8), w, half, f.constant([], [3], I8),
                            f.constant([], [64.0]), zero],
          [([3, 5], [min(max(half_even(e / 128) + 128, 0), 255) for e in sums], U8)])
    return f


def sequences():
    """An LSTM's definition, one step after the other."""
    f = Operators("sequences")
    steps, batch, width, hidden = 4, 2, 3, 5
    v = noise(steps * batch * width)
    w, r, b = noise(20 * width, -1, 1), noise(20 * hidden, -1, 1), noise(40, -1, 1)
    h, c = [[0.0] * hidden for _ in range(batch)], [[0.0] * hidden for _ in range(batch)]
    sigmoid = lambda e: 1 / (1 + math.exp(-e))
    wanted = []
    for t in range(steps):
        for n in range(batch):
            row = v[(t * batch + n) * width:(t * batch + n + 1) * width]
            gate = [sum(w[g * width + k] * row[k] for k in range(width)) + b[g] + b[20 + g]
                    + sum(r[g * hidden + k] * h[n][k] for k in range(hidden)) for g in range(20)]
            i, o, fg, z = gate[:5], gate[5:10], gate[10:15], gate[15:]
            c[n] = [sigmoid(fg[k]) * c[n][k] + sigmoid(i[k]) * math.tanh(z[k]) for k in range(hidden)]
            h[n] = [sigmoid(o[k]) * math.tanh(c[n][k]) for k in range(hidden)]
            wanted += h[n]
    shape = [steps, batch, width]
    turned = f.add("Neg", [f.input(shape, [-e for e in v])], [(shape, v, F)])
    f.add("LSTM", [turned, f.constant([1, 20, width], w),
                   f.constant([1, 20, hidden], r), f.constant([1, 40], b)],
          [([steps, 1, batch, hidden], wanted, F), ([1, batch, hidden], h[0] + h[1], F),
           ([1, batch, hidden], c[0] + c[1], F)], attribute_int("hidden_size", hidden))
    return f


def data_dependent():
    f = Operators("data_dependent")
    v = [0.0, 1.5, 0.0, -2.0, 0.0, 0.0, 3.0, 0.0]
    places = [(i // 4, i % 4) for i, e in enumerate(v) if e]
    turned = f.add("Neg", [f.input([2, 4], v)], [([2, 4], [-e for e in v], F)])
    f.add("NonZero", [turned], [([2, 3], [p[0] for p in places] + [p[1] for p in places], I)])
    return f


def opset_1():
    """Forms that were replaced by opset 7: attributes that became inputs, broadcasting by attributes."""
    f = Operators("opset_1", 1)
    shape, v, w = [2, 3, 2, 2], noise(24), noise(3)
    x, y = f.input(shape, v), f.input([3], w)
    used = attribute_ints("consumed_inputs", [0, 0])
    across = [attribute_int("broadcast", 1), attribute_int("axis", 1), used]
    along = lambda rule: (shape, [rule(v[at(shape, p)], w[p[1]]) for p in points(shape)], F)
    f.add("Add", [x, y], [along(lambda a, b: a + b)], *across)
    f.add("Mul", [x, y], [along(lambda a, b: a * b)], *across)
    f.add("PRelu", [x, y], [along(lambda a, b: a if a > 0 else a * b)], used)
    f.add("Cast", [x], [(shape, [math.trunc(e) for e in v], I32)], text("to", "INT32"))
    f.add("Clip", [x], [(shape, [min(max(e, -1), 1) for e in v], F)], attribute_float("min", -1),
          attribute_float("max", 1), used)
    f.add("Selu", [x], [(shape, [1.0507 * (e if e > 0 else 1.6732 * math.expm1(e)) for e in v], F)], used)
    f.add("Max", [x, x], [(shape, v, F)], used)
    f.add("Concat", [y, y], [([6], w + w, F)], attribute_int("axis", 0))
    f.add("Concat", [x, x], [([2, 6, 2, 2], v[:12] + v[:12] + v[12:] + v[12:], F)])
    f.add("Reshape", [x], [([6, 4], v, F)], attribute_ints("shape", [0 * 2 + 6, -1]), used)
    f.add("Pad", [y], [([6], [0.5] + w + [0.5, 0.5], F)], attribute_ints("paddings", [1, 2]),
          attribute_float("value", 0.5))
    lengths = f.constant([2], [1, 2], I)
    f.add("Split", [y, lengths], [([1], w[:1], F), ([2], w[1:], F)], attribute_int("axis", 0))
    f.add("Split", [y, f.constant([2], [2.0, 1.0])], [([2], w[:2], F), ([1], w[2:], F)], attribute_int("axis", 0))
    f.add("Tile", [y, f.constant([1], [2.0]), f.constant([1], [0.0])], [([6], w + w, F)])
    doubled = [v[at(shape, (n, c, i // 2, k // 3))] for n, c, i, k in points([2, 3, 4, 6])]
    f.add("Upsample", [x], [([2, 3, 4, 6], doubled, F)], attribute_float("height_scale", 2),
          attribute_float("width_scale", 3), text("mode", "nearest"))
    f.add("GlobalLpPool", [x], [([2, 3, 1, 1], [math.sqrt(sum(e * e for e in v[4 * i:4 * i + 4]))
                                                for i in range(6)], F)], attribute_float("p", 2))
    for across in (0, 1):
        means = [sum(v[at(shape, (b, k, i, j))] for b, k, i, j in points(shape) if across or k == c) /
                 (24 if across else 8) for c in range(3)]
        f.add("MeanVarianceNormalization", [x], [(shape, [e - means[i // 4 % 3] for i, e in enumerate(v)], F)],
              attribute_int("across_channels", across), attribute_int("normalize_variance", 0))
    f.add("BatchNormalization", [x, y, y, y, f.constant([3], [1.0, 4.0, 9.0])],
          [along(lambda a, b: (a - b) / {w[0]: 1, w[1]: 2, w[2]: 3}[b] * b + b)],
          attribute_int("is_test", 1), attribute_float("epsilon", 0), used)
    return f


def empty():
    """No rows: parts of memory that begin behind its end."""
    f = Operators("empty")
    x = f.input([0, 2], [])
    y = f.add("Neg", [x], [([0, 2], [], F)])
    f.add("Concat", [x, y], [([0, 4], [], F)], attribute_int("axis", 1))
    f.add("Split", [y], [([0, 1], [], F), ([0, 1], [], F)], attribute_int("axis", 1), attribute_int("num_outputs", 2))
    f.add("Softmax", ["y%d" % (len(f.outputs) - 1)], [([0, 1], [], F)])
    f.add("ReduceSum", [x, f.constant([1], [0], I)], [([1, 2], [0, 0], F)])
    return f


def integer_reductions():
    """What is no integer loses its fraction."""
    f = Operators("integer_reductions")
    rows = [[3, 4, 6], [1, 2, 9], [2, 2, 2]]
    rules = {"ReduceL2": lambda r: math.sqrt(sum(e * e for e in r)), "ReduceLogSum": lambda r: math.log(sum(r)),
             "ReduceLogSumExp": lambda r: math.log(sum(map(math.exp, r))), "ReduceMean": lambda r: sum(r) / 3,
             "ReduceSumSquare": lambda r: sum(e * e for e in r), "ReduceL1": sum, "ReduceProd": math.prod}
    for dtype in (I32, I):
        x, last = f.input([3, 3], sum(rows, []), dtype), f.constant([1], [-1], I)
        for op, rule in rules.items():
            f.add(op, [x, last], [([3, 1], [int(rule(r)) for r in rows], dtype)])
    return f


def opset_10():
    f = Operators("opset_10", 10)
    shape, v = [1, 1, 4, 6], noise(24)
    x = f.input(shape, v)
    for rows, columns in ((0.6, 1.5), (2.0, 0.75), (0.5, 0.3)):
        high, wide = int(4 * rows), int(6 * columns)
        whole = lambda i, scale: math.ceil(i / scale) if scale < 1 else int(i / scale)
        f.add("Resize", [x, f.constant([4], [1.0, 1.0, rows, columns])],
              [([1, 1, high, wide], [v[6 * whole(i, rows) + whole(k, columns)] for i, k in points([high, wide])], F)])
    f.add("Dropout", [x], [(shape, v, F), (shape, [0] * 24, B)])
    n = f.input([5], [-4, -1, 0, 1, 6], I32)
    f.add("Erf", [n], [([5], [-1, 0, 0, 0, 1], I32)])
    return f


FAMILIES = [unary, binary, moves, reductions, products, images, quantised, sequences, data_dependent,
            opset_1, opset_10, empty, integer_reductions]

if __name__ == "__main__":
    for family in FAMILIES:
        family().save(sys.argv[1])
