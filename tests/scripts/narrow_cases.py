"""Models of narrow element types with their data, for operators.sh: one folder for each family.

    python3 narrow_cases.py FOLDER

A small float is found by looking through all of its codes, after the tables in ONNX's text of Cast."""
import math
import random
import struct
import sys

from case_family import Family
from onnx_writer import (attribute_graph, attribute_int, attribute_ints, attribute_string, contents, field, FORMATS,
                         graph, node, value)

F, U8, I8, U16, I16, I32, I, B, F16, D, BF16 = 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 16
E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, U4, I4, F4, E8M0, U2, I2 = range(17, 27)
SMALL = {E4M3FN: (8, 3, 7), E4M3FNUZ: (8, 3, 8), E5M2: (8, 2, 15), E5M2FNUZ: (8, 2, 16), F4: (4, 1, 1)}
INTS = {U4: (4, 0), I4: (4, 1), U2: (2, 0), I2: (2, 1), U8: (8, 0), I8: (8, 1)}
rng = random.Random(11)


def number(dtype, code):
    """What the code of a small float means."""
    if dtype == E8M0:
        return math.nan if code == 255 else 2.0 ** (code - 127)
    bits, mantissa, bias = SMALL[dtype]
    sign, size = code >> (bits - 1), code & ((1 << (bits - 1)) - 1)
    exponent, part = size >> mantissa, (size & ((1 << mantissa) - 1)) / 2 ** mantissa
    result = 2.0 ** (exponent - bias) * (1 + part) if exponent else 2.0 ** (1 - bias) * part
    if dtype in (E4M3FNUZ, E5M2FNUZ) and sign and not size or dtype == E4M3FN and size == 127:
        return math.nan
    if dtype == E5M2 and exponent == 31:
        result = math.nan if part else math.inf
    return -result if sign else result


def code(dtype, x, saturate=True):
    """The code of a number: nearest, ties to the even code."""
    bits, mantissa, _ = SMALL[dtype]
    half = 1 << (bits - 1)
    sign = half if math.copysign(1, x) < 0 else 0
    finite = [(number(dtype, c), c) for c in range(half) if math.isfinite(number(dtype, c))]
    largest, last = finite[-1]
    over = largest + (largest - finite[-2][0]) / 2
    one_zero = dtype in (E4M3FNUZ, E5M2FNUZ)
    if math.isnan(x):
        return half if one_zero or dtype == F4 else sign | {E4M3FN: 0x7f, E5M2: 0x7e}[dtype]
    if abs(x) > over or abs(x) == over and last % 2:
        if saturate or dtype == F4:
            return sign | last
        return half if one_zero else sign | {E4M3FN: 0x7f, E5M2: 0x7c}[dtype]
    found = min(finite, key=lambda e: (abs(e[0] - abs(x)), e[1] % 2))[1] if abs(x) < largest else last
    return found | (0 if one_zero and not found else sign)


def wrap(dtype, x):
    bits, signed = INTS[dtype]
    x &= (1 << bits) - 1
    return x - (1 << bits) if signed and x >> (bits - 1) else x


def tensor(name, shape, values, dtype):
    """A TensorProto; small floats are given as their codes."""
    bits = SMALL[dtype][0] if dtype in SMALL else INTS[dtype][0] if dtype in INTS else 8
    if dtype in FORMATS or dtype == D:
        raw = struct.pack("<%d%s" % (len(values), {**FORMATS, D: "d"}[dtype]), *values)
    elif dtype in (F16, U16, I16):
        raw = struct.pack("<%d%s" % (len(values), {F16: "e", U16: "H", I16: "h"}[dtype]), *values)
    else:
        each = 8 // bits
        raw = bytes(sum((v & ((1 << bits) - 1)) << (bits * k) for k, v in enumerate(values[i:i + each]))
                    for i in range(0, len(values), each))
    return b"".join(field(1, d) for d in shape) + field(2, dtype) + field(8, name) + field(9, raw)


class Narrow(Family):
    opset = 25
    tensor = staticmethod(tensor)

    def constant(self, shape, values, dtype=I):
        return super().constant(shape, values, dtype)


def casts():
    f = Narrow("narrow_casts")
    v = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e6, -1e6, 448.0, 464.0, 480.0, 240.0, 248.0, 249.0, 6.0,
         61440.0, 0.25, 0.75, 1.25, 2.5, 5.0, 2.0 ** -9, 2.0 ** -10, 3 * 2.0 ** -11, 2.0 ** -17]
    v += [rng.uniform(-1, 1) * 2.0 ** rng.randrange(-12, 10) for _ in range(40)]
    v = list(struct.unpack("<%df" % len(v), struct.pack("<%df" % len(v), *v)))
    n, x = len(v), f.input([len(v)], v, F)
    # f64 that rounds to f32 first would be a tie
    wide = [17.0 + 2.0 ** -40, -(19.0 - 2.0 ** -40), 2.5 + 2.0 ** -45, 0.25 + 2.0 ** -50]
    d = f.input([4], wide, D)
    for to in SMALL:
        for saturate in (1, 0):
            codes = [code(to, e, saturate) for e in v]
            made = f.add("Cast", [x], [([n], codes, to)], attribute_int("to", to),
                         attribute_int("saturate", saturate))
        f.add("Cast", [made], [([n], [number(to, c) for c in codes], F)], attribute_int("to", F))
        f.add("Cast", [d], [([4], [code(to, e) for e in wide], to)], attribute_int("to", to))
        f.add("CastLike", [f.constant([3], [1.0, 0.4, -3.0], F), made],
              [([3], [code(to, e) for e in (1.0, 0.4, -3.0)], to)])
    every = list(range(256))
    for of in (E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E8M0):
        given = f.input([256], every, of)
        f.add("Cast", [given], [([256], [number(of, c) for c in every], F)], attribute_int("to", F))
        f.add("IsNaN", [given], [([256], [math.isnan(number(of, c)) for c in every], B)])
        f.add("IsInf", [given], [([256], [number(of, c) == math.inf for c in every], B)],
              attribute_int("detect_negative", 0))
        if of != E8M0:
            f.add("Cast", [given], [([256], [code(F4, number(of, c)) for c in every], F4)],
                  attribute_int("to", F4))
    p = [0.0, 1e-30, 2.0 ** -127, 1.0, 1.4, 1.5, 1.6, 3.0, 2.0 ** 127, math.inf, math.nan]
    q = f.input([11], p, F)
    f.add("Cast", [q], [([11], [0, 28, 0, 127, 128, 128, 128, 129, 254, 254, 255], E8M0)],
          attribute_int("to", E8M0))
    f.add("Cast", [q], [([11], [0, 27, 0, 127, 127, 127, 127, 128, 254, 254, 255], E8M0)],
          attribute_int("to", E8M0), attribute_string("round_mode", "down"))
    f.add("Cast", [q], [([11], [255, 27, 0, 127, 127, 128, 128, 129, 254, 255, 255], E8M0)],
          attribute_int("to", E8M0), attribute_string("round_mode", "nearest"), attribute_int("saturate", 0))
    return f


def integers():
    f = Narrow("narrow_integers", 26)
    v, w = [e / 4 for e in range(-40, 40)], list(range(-300, 300, 7))
    x, y = f.input([len(v)], v, F), f.input([len(w)], w, I32)
    for to in (U4, I4, U2, I2):
        f.add("Cast", [x], [([len(v)], [wrap(to, round(e)) for e in v], to)], attribute_int("to", to))
        made = f.add("Cast", [y], [([len(w)], [wrap(to, e) for e in w], to)], attribute_int("to", to))
        f.add("Cast", [made], [([len(w)], [float(wrap(to, e)) for e in w], F)], attribute_int("to", F))
        f.add("Cast", [made], [([len(w)], [wrap(to, e) != 0 for e in w], B)], attribute_int("to", B))
        f.add("Cast", [made], [([len(w)], [code(F4, wrap(to, e)) for e in w], F4)], attribute_int("to", F4))
    f.add("BitCast", [f.input([16], list(range(-8, 8)), I4)], [([16], [e & 15 for e in range(-8, 8)], U4)],
          attribute_int("to", U4))
    return f


def moves(dtype, name):
    """Elements of inputs, a byte each, and of constants, packed, in odd numbers and at odd places."""
    f = Narrow("narrow_moves_" + name)
    bits = SMALL[dtype][0] if dtype in SMALL else INTS[dtype][0]
    any_one = lambda: rng.randrange(1 << bits) if dtype in SMALL else wrap(dtype, rng.randrange(1 << bits))
    v, u = [any_one() for _ in range(45)], [any_one() for _ in range(45)]
    at = lambda a, b, c: a * 15 + b * 5 + c
    box = lambda of, A, Bs, C: [of[at(a, b, c)] for a in A for b in Bs for c in C]
    x, c = f.input([3, 3, 5], v, dtype), f.constant([3, 3, 5], u, dtype)
    k = f.input([1], [2], I)
    for given, of in ((x, v), (c, u)):
        f.add("Transpose", [given], [([5, 3, 3], [of[at(b, d, a)] for a in range(5) for b in range(3)
                                                  for d in range(3)], dtype)], attribute_ints("perm", [2, 0, 1]))
        f.add("Slice", [given, f.constant([1], [1]), f.constant([1], [5]), f.constant([1], [2])],
              [([3, 3, 4], box(of, range(3), range(3), range(1, 5)), dtype)])
        f.add("Gather", [given, k], [([1, 3, 5], box(of, [2], range(3), range(5)), dtype)])
        f.add("Reshape", [given, f.constant([2], [9, 5])], [([9, 5], of, dtype)])
        f.add("Identity", [given], [([3, 3, 5], of, dtype)])
        f.add("Split", [given, f.constant([2], [1, 2])], [([1, 3, 5], of[:15], dtype), ([2, 3, 5], of[15:], dtype)])
        f.add("Shape", [given], [([3], [3, 3, 5], I)])
        f.add("Size", [given], [([], [45], I)])
        f.add("Flatten", [given], [([3, 15], of, dtype)])
        f.add("Tile", [given, f.constant([3], [1, 1, 2])],
              [([3, 3, 10], [of[at(a, b, d % 5)] for a in range(3) for b in range(3) for d in range(10)], dtype)])
        f.add("Pad", [given, f.constant([6], [0, 0, 1, 0, 0, 1]), f.constant([], [1], dtype)],
              [([3, 3, 7], [of[at(a, b, d - 1)] if 0 < d < 6 else 1 for a in range(3) for b in range(3)
                            for d in range(7)], dtype)])
        f.add("Pad", [given, f.constant([6], [0, 0, 1, 0, 0, 0])],
              [([3, 3, 6], [of[at(a, b, d - 1)] if d else 0 for a in range(3) for b in range(3)
                            for d in range(6)], dtype)])
        one = f.add("Unsqueeze", [given, f.constant([1], [1])], [([3, 1, 3, 5], of, dtype)])
        f.add("Expand", [one, f.constant([4], [3, 2, 3, 5])],
              [([3, 2, 3, 5], [of[at(a, b, d)] for a in range(3) for _ in range(2) for b in range(3)
                               for d in range(5)], dtype)])
        f.add("Squeeze", [one, f.constant([1], [1])], [([3, 3, 5], of, dtype)])
    f.add("Concat", [x, c], [([3, 6, 5], [e for a in range(3) for e in v[a * 15:a * 15 + 15] + u[a * 15:a * 15 + 15]],
                              dtype)], attribute_int("axis", 1))
    f.add("ConstantOfShape", [f.constant([1], [3])], [([3], [1, 1, 1], dtype)],
          field(1, "value") + field(5, tensor("", [1], [1], dtype)) + field(20, 4))
    return f


def regions():
    """A constant and an input, captured by branches and by a loop's body, carried and stacked."""
    f = Narrow("narrow_regions")
    u, v = [wrap(I4, e * 5) for e in range(-7, 8)], [wrap(I4, e * 3) for e in range(15)]
    c, x = f.constant([15], u, I4), f.input([15], v, I4)
    yes = f.input([], [1], B)
    branch = lambda name: graph([node("Identity", [name], ["b"], "in" + name)], (), [value("b", [15], I4)])
    f.add("If", [yes], [([15], u, I4)], attribute_graph("then_branch", branch(c)),
          attribute_graph("else_branch", branch(x)))
    body = graph([node("Concat", ["now", c], ["both"], "both", attributes=[attribute_int("axis", 0)]),
                  node("Slice", ["both", "one", "end"], ["next"], "next"),
                  node("Identity", ["go"], ["on"], "on"), node("Identity", ["next"], ["each"], "each")],
                 [value("i", [], I), value("go", [], B), value("now", [15], I4)],
                 [value("on", [], B), value("next", [15], I4), value("each", [15], I4)],
                 [contents("one", [1], [1], I), contents("end", [1], [16], I)])
    turns, now = [], list(v)
    for _ in range(3):
        now = (now + u)[1:16]
        turns += now
    f.add("Loop", [f.constant([], [3]), "", x], [([15], now, I4), ([3, 15], turns, I4)],
          attribute_graph("body", body))
    codes, w = [rng.randrange(0x78) for _ in range(12)], [wrap(I4, e) for e in range(12)]
    step = lambda of: graph([node("Cast", ["e"], ["w"], "widen", attributes=[attribute_int("to", F)]),
                             node("Add", ["s", "w"], ["t"], "add"),
                             node("Cast", ["t"], ["o"], "narrow", attributes=[attribute_int("to", I4)])],
                            [value("s", [4], F), value("e", [4], of)], [value("t", [4], F), value("o", [4], I4)])
    for of, given, v in ((E4M3FN, f.input([3, 4], codes, E4M3FN), [number(E4M3FN, e) for e in codes]),
                         (I4, f.constant([3, 4], w, I4), w)):
        sums, each = [0.0] * 4, []
        for r in range(3):
            sums = [a + e for a, e in zip(sums, v[r * 4:r * 4 + 4])]
            each += [wrap(I4, round(a)) for a in sums]
        f.add("Scan", [f.constant([4], [0.0] * 4, F), given], [([4], sums, F), ([3, 4], each, I4)],
              attribute_graph("body", step(of)), attribute_int("num_scan_inputs", 1))
    return f


def quantised():
    f = Narrow("narrow_quantised")
    v = [rng.uniform(-9, 9) for _ in range(3 * 8)]
    x = f.input([3, 8], v, F)
    near = lambda e: int(round(e))
    limit = {U4: (0, 15), I4: (-8, 7), U2: (0, 3), I2: (-2, 1), U16: (0, 65535), I16: (-32768, 32767)}
    for to, (low, high) in limit.items():
        step, zero = (2.0 ** -9, 3 if low else 40) if high > 99 else (0.5, 1)
        codes = [min(max(near(e / step) + zero, low), high) for e in v]
        s, z = f.constant([], [step], F), f.constant([], [zero], to)
        q = f.add("QuantizeLinear", [x, s, z], [([3, 8], codes, to)])
        f.add("DequantizeLinear", [q, s, z], [([3, 8], [(e - zero) * step for e in codes], F)])
    rows = [0.25, 0.5, 2.0]
    s, z = f.constant([3], rows, F), f.constant([3], [1, -2, 0], I4)
    codes = [min(max(near(e / rows[i // 8]) + (1, -2, 0)[i // 8], -8), 7) for i, e in enumerate(v)]
    q = f.add("QuantizeLinear", [x, s, z], [([3, 8], codes, I4)], attribute_int("axis", 0))
    f.add("DequantizeLinear", [q, s, z], [([3, 8], [(e - (1, -2, 0)[i // 8]) * rows[i // 8]
                                                    for i, e in enumerate(codes)], F)], attribute_int("axis", 0))
    blocks = [2.0 ** rng.randrange(-2, 2) for _ in range(9)]      # 8 in blocks of 3, the last is shorter
    s, t = f.constant([3, 3], blocks, F), f.constant([3, 3], [127 + int(math.log2(e)) for e in blocks], E8M0)
    scale = lambda i: blocks[i // 8 * 3 + i % 8 // 3]
    ways = attribute_int("axis", -1), attribute_int("block_size", 3)
    for to in SMALL:
        codes = [code(to, e / scale(i)) for i, e in enumerate(v)]
        made = [number(to, c) * scale(i) for i, c in enumerate(codes)]
        for given in (s, t):
            q = f.add("QuantizeLinear", [x, given], [([3, 8], codes, to)], *ways, attribute_int("output_dtype", to))
            f.add("DequantizeLinear", [q, given], [([3, 8], made, F)], *ways, attribute_int("output_dtype", F))
        f.add("QuantizeLinear", [x, f.constant([], [1e-3], F), f.constant([], [0], to)],
              [([3, 8], [code(to, e / 1e-3, False) for e in v], to)], attribute_int("saturate", 0))
    f.add("DequantizeLinear", [f.constant([3, 1], [1, 2, -8], I4), f.constant([1, 1], [0.5], F)],
          [([3, 1], [0.5, 1.0, -4.0], F)], attribute_int("axis", 0), attribute_int("block_size", 3))
    f.add("DequantizeLinear", [f.constant([5], [1, 2, -8, 7, 0], I4), f.constant([2], [0.5, 2.0], F),
                               f.constant([2], [1, -1], I4)],
          [([5], [0.0, 0.5, -4.5, 16.0, 2.0], F)], attribute_int("axis", 0), attribute_int("block_size", 3))
    return f


def weights(to, name):
    """Weights that stay packed: 4 bits in blocks, and a product; one of an odd width."""
    f = Narrow("narrow_weights_" + name)
    K, N, block = 32, 19, 16
    a = [rng.uniform(-1, 1) for _ in range(3 * K)]
    w = [rng.randrange(16) if to != I4 else rng.randrange(-8, 8) for _ in range(K * N)]
    s = [2.0 ** rng.randrange(-3, 1) for _ in range(K // block * N)]
    z = [0 if to == F4 else rng.randrange(4) for _ in s]
    say = lambda e: number(to, e) if to == F4 else e
    full = [(say(e) - z[i // N // block * N + i % N]) * s[i // N // block * N + i % N] for i, e in enumerate(w)]
    product = lambda m: [sum(a[r * K + k] * m(k, j) for k in range(K)) for r in range(3) for j in range(N)]
    given = [f.constant([K, N], w, to), f.constant([K // block, N], s, F), f.constant([K // block, N], z, to)]
    ways = attribute_int("axis", 0), attribute_int("block_size", block)
    x, wide = f.input([3, K], a, F), f.inner("DequantizeLinear", given, *ways)
    f.add("MatMul", [x, wide], [([3, N], product(lambda k, j: full[k * N + j]), F)])
    turned = [w[k * N + j] for j in range(N) for k in range(K)]
    scales = [s[g * N + j] for j in range(N) for g in range(K // block)]
    wide = f.inner("DequantizeLinear", [f.constant([N, K], turned, to), f.constant([N, K // block], scales, F)],
                    attribute_int("axis", 1), attribute_int("block_size", block))
    bare = lambda k, j: say(w[k * N + j]) * s[k // block * N + j]
    f.add("MatMul", [x, f.inner("Transpose", [wide], attribute_ints("perm", [1, 0]))],
          [([3, N], product(bare), F)])
    return f


families = [casts(), integers(), regions(), quantised(), weights(I4, "i4"), weights(U4, "u4"), weights(F4, "f4")]
families += [moves(t, n) for t, n in ((I4, "i4"), (U2, "u2"), (E5M2, "e5m2"))]
for family in families:
    family.save(sys.argv[1])
