"""Models of com.microsoft's operators whose weights have few bits, and of mixtures of experts, for operators.sh.

    python3 packed_cases.py FOLDER

Expected outputs are computed here, in plain Python after ContribOperators.md, by nothing of lpc."""
import math
import os
import random
import struct
import sys

import onnx_writer
from case_family import flat, product, rows, sigmoid, softmax
from onnx_writer import attribute_float, attribute_int
from quantised_cases import F, I, I8, I32, U8, Operators, noise, text

F8 = 17  # float8e4m3fn
U4, I4, U2 = 21, 22, 25  # packed, as bytes
onnx_writer.FORMATS.update({F8: "B", U4: "B", I4: "B", U2: "B"})
rng = random.Random(12)


def pack(values, bits, high_first=False):
    """Codes in bytes, the first of a byte in its low bits."""
    each = 8 // bits
    values = values + [0] * (-len(values) % each)
    groups = rows(values, each)
    return [sum(v << bits * (each - 1 - i if high_first else i) for i, v in enumerate(g)) for g in groups]


class Weights:
    """[columns, depth] in codes, with a scale and a zero point for each block."""

    def __init__(self, columns, depth, bits, block, zeros="packed"):
        self.columns, self.depth, self.bits, self.block = columns, depth, bits, block
        self.blocks = -(-depth // block)
        draw = lambda count: [rng.randrange(1 << bits) for _ in range(count)]
        self.codes = [draw(self.blocks * block) for _ in range(columns)]
        self.scales = [noise(self.blocks, 0.01, 0.05) for _ in range(columns)]
        self.zeros = [draw(self.blocks) for _ in range(columns)]
        if zeros == "none":
            self.zeros = [[1 << (bits - 1)] * self.blocks for _ in range(columns)]
        if zeros == "real":
            self.zeros = [[z + 0.5 for z in row] for row in self.zeros]
        self.kind = zeros

    def real(self, groups=None):
        which = groups or [k // self.block for k in range(self.depth)]
        return [[(row[k] - z[which[k]]) * s[which[k]] for k in range(self.depth)]
                for row, s, z in zip(self.codes, self.scales, self.zeros)]

    def bytes(self):
        return flat(pack(row, self.bits) for row in self.codes)

    def inputs(self, f):
        """B, scales, zero points."""
        blob = self.block * self.bits // 8
        packed = [pack(row, self.bits) for row in self.zeros] if self.kind == "packed" else []
        zero = {"none": lambda: "",
                "packed": lambda: f.constant([self.columns, len(packed[0])], flat(packed), U8),
                "real": lambda: f.constant([self.columns, self.blocks], flat(self.zeros))}[self.kind]()
        return [f.constant([self.columns, self.blocks, blob], self.bytes(), U8),
                f.constant([self.columns, self.blocks], flat(self.scales)), zero]

    def attributes(self):
        return [attribute_int("K", self.depth), attribute_int("N", self.columns), attribute_int("bits", self.bits),
                attribute_int("block_size", self.block)]


def transposed(lists):
    return [list(row) for row in zip(*lists)]


def nbits():
    f = Operators("packed_nbits")
    for rows_of_x, w in ((1, Weights(6, 64, 4, 32)), (9, Weights(5, 70, 4, 16)), (3, Weights(7, 64, 2, 64, "none")),
                         (2, Weights(3, 40, 8, 16)), (6, Weights(4, 96, 4, 32, "real")),
                         (1, Weights(70, 48, 2, 16))):
        v, bias = noise(rows_of_x * w.depth), noise(w.columns)
        y = product(rows(v, w.depth), transposed(w.real()))
        x = f.input([rows_of_x, w.depth], v)
        f.add("MatMulNBits", [x, *w.inputs(f)], [([rows_of_x, w.columns], flat(y), F)], *w.attributes())
        y = [e + d for row in y for e, d in zip(row, bias)]
        f.add("MatMulNBits", [x, *w.inputs(f), "", f.constant([w.columns], bias)],
              [([rows_of_x, w.columns], y, F)], *w.attributes())
    for count in (1, 3):  # codes that a run brings
        w, v = Weights(6, 64, 4, 32), noise(count * 64)
        y = product(rows(v, 64), transposed(w.real()))
        f.add("MatMulNBits", [f.input([count, 64], v), f.input([6, 2, 16], w.bytes(), U8), *w.inputs(f)[1:]],
              [([count, 6], flat(y), F)], *w.attributes(), attribute_int("accuracy_level", 4 * (count == 3)))
    w, groups = Weights(5, 48, 4, 16), [rng.randrange(3) for _ in range(48)]
    v = noise(2 * 2 * 48)
    y = product(rows(v, 48), transposed(w.real(groups)))
    f.add("MatMulNBits", [f.input([2, 2, 48], v), *w.inputs(f), f.constant([48], groups, I32)],
          [([2, 2, 5], flat(y), F)], *w.attributes())
    return f


def single(value):
    """As a float of 32 bits."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def in_bytes(row, block):
    """x as accuracy_level 4 has it: whole numbers up to 127 times a scale for each block."""
    result = []
    for i in range(0, len(row), block):
        part = [single(v) for v in row[i:i + block]]
        most = max(abs(v) for v in part)
        if not math.isfinite(sum(part)):
            result += [math.nan] * len(part)
            continue
        scale, inverse = (most / 127, single(127 / most)) if most > 1e-36 else (0, 0)
        result += [round(v * inverse) * scale for v in part]
    return result


def integers():
    """accuracy_level 4: x is rounded to bytes, which these outputs need."""
    f = Operators("packed_integers")
    for rows_of_x, w in ((1, Weights(6, 64, 4, 32)), (9, Weights(5, 70, 4, 16)), (3, Weights(17, 64, 2, 64, "none")),
                         (2, Weights(3, 40, 8, 16)), (6, Weights(4, 96, 4, 32, "real")), (5, Weights(70, 48, 2, 16)),
                         (1, Weights(1, 32, 4, 16)), (4, Weights(130, 32, 8, 32, "real")),
                         (7, Weights(33, 256, 8, 128, "none"))):
        v = rows(noise(rows_of_x * w.depth), w.depth)
        v[0][:w.block] = [0] * min(w.block, w.depth) if rows_of_x > 1 else v[0][:w.block]
        if rows_of_x > 3:
            v[1][:w.block] = [1e-38] * min(w.block, w.depth)
            v[2][3] = math.nan
            v[3][w.depth - 1] = math.inf
        y = product([in_bytes(row, w.block) for row in v], transposed(w.real()))
        x = f.input([rows_of_x, w.depth], flat(v))
        f.add("MatMulNBits", [x, *w.inputs(f)], [([rows_of_x, w.columns], flat(y), F)], *w.attributes(),
              attribute_int("accuracy_level", 4))
    return f


def dequantised():
    """The same weights as DequantizeLinear in front of a product has them, in the types of the standard."""
    f = Operators("packed_dequantised", 25)
    types = {(2, False): U2, (4, False): U4, (4, True): I4, (8, False): U8, (8, True): I8}

    def put(shape, values, bits, signed):
        values = [v & (1 << bits) - 1 for v in values]
        kind = types[bits, signed]
        held = [v - 256 if kind == I8 and v > 127 else v for v in pack(values, bits)]
        return f.constant(shape, held, kind)

    def add(op, inputs, shape, values, *attributes):
        name = "y%d" % len(f.outputs)
        f.nodes.append(onnx_writer.node(op, inputs, [name], op + name, "", attributes))
        f.outputs.append((name, shape, values, F))

    def weights(w, signed, by_columns, each):
        """each: the scales' axes are (columns, blocks), (columns,) or ()."""
        middle = 1 << (w.bits - 1) if signed else 0
        turn = (lambda lists: flat(lists)) if by_columns else (lambda lists: flat(transposed(lists)))
        shape = [w.columns, w.depth] if by_columns else [w.depth, w.columns]
        few = {2: [w.columns, w.blocks] if by_columns else [w.blocks, w.columns], 1: [w.columns], 0: []}[each]
        given = [put(shape, [c - middle for c in turn([row[:w.depth] for row in w.codes])], w.bits, signed),
                 f.constant(few, turn(w.scales))]
        if w.kind != "none":
            given.append(put(few, [z - middle for z in turn(w.zeros)], w.bits, signed))
        axis = 1 if by_columns else 0
        ways = [attribute_int("axis", axis if each == 2 else 1 - axis)]
        ways += [attribute_int("block_size", w.block)] if each == 2 else []
        name = "w%d" % len(f.nodes)
        f.nodes.append(onnx_writer.node("DequantizeLinear", given, [name], name, "", ways))
        return name

    for rows_of_x, w, signed, by_columns, each in (
            (1, Weights(6, 64, 4, 16), False, False, 2), (9, Weights(5, 70, 4, 32), True, True, 2),
            (3, Weights(7, 64, 4, 64), True, False, 2), (2, Weights(3, 40, 8, 40), True, False, 1),
            (5, Weights(4, 96, 2, 32), False, True, 2), (40, Weights(3, 33, 8, 33), False, True, 1),
            (1, Weights(1, 50, 4, 50), False, True, 0)):
        if w.kind == "none" and not signed:
            w.zeros = [[0] * w.blocks for _ in range(w.columns)]
        v = noise(rows_of_x * w.depth)
        y = flat(product(rows(v, w.depth), transposed(w.real())))
        x, shape = f.input([rows_of_x, w.depth], v), [rows_of_x, w.columns]
        name, bias = weights(w, signed, by_columns, each), noise(w.columns)
        more = [e + bias[i % w.columns] for i, e in enumerate(y)]
        ways = [attribute_int("transB", 1)] if by_columns else []
        add("Gemm", [x, name, f.constant([w.columns], bias)], shape, more, *ways)
        if by_columns:
            turned = "turned%d" % len(f.nodes)
            f.nodes.append(onnx_writer.node("Transpose", [name], [turned], turned, "",
                                            [onnx_writer.attribute_ints("perm", [1, 0])]))
            name = turned
        add("MatMul", [x, name], shape, y)
    return f


def fused():
    """Several products behind one normalisation."""
    f = Operators("packed_fused")
    v, skip, scale = noise(3 * 32), noise(3 * 32), noise(32, 0.5, 1.5)
    total = rows([a + b for a, b in zip(v, skip)], 32)
    normal = [[e / math.sqrt(sum(d * d for d in row) / 32 + 1e-5) * s for e, s in zip(row, scale)] for row in total]
    x, k = f.input([3, 32], v), f.input([3, 32], skip)
    s, bias = f.constant([32], scale), noise(6)
    w = [Weights(n, 32, 4, 16, "none") for n in (6, 6, 4, 4)]
    made = [product(normal, transposed(e.real())) for e in w]
    ways = [attribute_int("K", 32), attribute_int("block_size", 16)]
    gate = [[e + b for e, b in zip(row, bias)] for row in made[0]]
    y = [g * sigmoid(g) * u for g, u in zip(flat(gate), flat(made[1]))]
    f.add("MatMulNBitsMlp", [x, k, s, *w[0].inputs(f)[:2], f.constant([6], bias), *w[1].inputs(f)[:2]],
          [([3, 6], y, F), ([3, 32], flat(total), F)], *ways, attribute_int("N", 6), text("activation", "silu"))
    f.add("MatMulNBitsQkv", [x, k, s, *w[0].inputs(f)[:2], "", *w[2].inputs(f)[:2], "", *w[3].inputs(f)[:2]],
          [([3, 6], flat(made[0]), F), ([3, 4], flat(made[2]), F), ([3, 4], flat(made[3]), F)], *ways,
          attribute_int("Nq", 6), attribute_int("Nkv", 4))
    return f


def bnb4():
    f = Operators("packed_bnb4")
    fp4 = [0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4]
    fp4 += [-e for e in fp4]
    nf4 = [-1, -0.69619280, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0, 0.07958030,
           0.16093020, 0.24611230, 0.33791524, 0.44070983, 0.56261700, 0.72295684, 1]
    for depth, columns, block, kind, ways in ((32, 5, 16, 1, ()), (64, 6, 64, 0, ()), (24, 3, 16, 1, ()),
                                              (16, 4, 16, 0, (attribute_int("transB", 0),))):
        code = [rng.randrange(16) for _ in range(depth * columns)]
        scales = noise(-(-len(code) // block), 0.1, 0.9)
        real = rows([(nf4 if kind else fp4)[c] * scales[i // block] for i, c in enumerate(code)], depth)
        width = columns if ways else depth
        v = noise(2 * width)
        y = product(rows(v, width), real if ways else transposed(real))
        f.add("MatMulBnb4", [f.input([2, width], v), f.constant([len(code) // 2], pack(code, 4, True), U8),
                             f.constant([len(scales)], scales)],
              [([2, len(y[0])], flat(y), F)], attribute_int("K", depth), attribute_int("N", columns),
              attribute_int("block_size", block), attribute_int("quant_type", kind), *ways)
    return f


def fpq4():
    """Blocks of 32 rows with their scale, and maybe a zero point, in front: halves of a byte are 16 rows apart."""
    f = Operators("packed_fpq4")
    for count, columns, depth, kind in ((3, 5, 64, "packed"), (1, 4, 96, "none"), (2, 3, 40, "packed")):
        w = Weights(columns, depth, 4, 32, kind)
        blob = b""
        for codes, scales, zeros in zip(w.codes, w.scales, w.zeros):
            for i, scale in enumerate(scales):
                part = codes[32 * i:32 * i + 32]
                blob += struct.pack("<f", scale) + (bytes([zeros[i]]) if kind == "packed" else b"")
                blob += bytes(low | high << 4 for low, high in zip(part[:16], part[16:]))
        v = noise(count * depth)
        y = product(rows(v, depth), transposed(w.real()))
        f.add("MatMulFpQ4", [f.input([count, depth], v), f.constant([len(blob)], list(blob), U8),
                             f.constant([2], [depth, columns], I)], [([count, columns], flat(y), F)],
              attribute_int("blk_quant_type", 1 if kind == "packed" else 0))
    return f


def gather():
    f = Operators("packed_gather")
    for bits, kind in ((2, "none"), (4, "packed"), (8, "packed")):
        w = Weights(6, 48, bits, 16, kind)
        real = w.real()
        indices = [5, 0, -1, 3, 17, -7]
        taken = [real[i] if -6 <= i < 6 else [0] * 48 for i in indices]
        codes, scales, zeros = w.inputs(f)
        data = f.constant([6, 6 * bits], w.bytes(), U8)
        f.add("GatherBlockQuantized", [data, f.input([2, 3], indices, I), scales] + ([zeros] if zeros else []),
              [([2, 3, 48], flat(taken), F)], attribute_int("bits", bits), attribute_int("block_size", 16))
    small = {0x38: 1.0, 0xC0: -2.0, 0x30: 0.5, 0x3C: 1.5, 0x00: 0.0}
    code, scales = [rng.choice(list(small)) for _ in range(5 * 20)], noise(2)
    real = [[small[c] * scales[k // 16] for k, c in enumerate(row)] for row in rows(code, 20)]
    data = f.constant([5, 20], code, F8)
    f.add("GatherBlockQuantized", [data, f.input([2], [4, -5], I32), f.constant([1, 2], scales)],
          [([2, 20], real[4] + real[0], F)], attribute_int("block_size", 16))
    f.add("GatherBlockQuantized", [data, f.input([1], [2], I32), f.constant([5, 1], [0.5] * 5)],
          [([1, 20], [small[c] * 0.5 for c in code[40:60]], F)], attribute_int("block_size", 0))
    return f


def mixture(layers, x, share, chosen, activation, seen=lambda row: row):
    """Sums of what the experts make of each token; seen: a row as a product has it."""
    result = []
    for row, parts, which in zip(x, share, chosen):
        total = [0.0] * len(row)
        for p, e in zip(parts, which):
            made = [product([seen(row)], transposed(fc[e][0]))[0] if fc else None for fc in layers[::2]]
            made = [m and [a + b for a, b in zip(m, fc[e][1])] for m, fc in zip(made, layers[::2])]
            inner = activation(*made)
            y = product([seen(inner)], transposed(layers[1][e][0]))[0]
            total = [t + p * (a + b) for t, a, b in zip(total, y, layers[1][e][1])]
        result.append(total)
    return flat(result)


def top(scores, k):
    return [sorted(range(len(row)), key=lambda i: -row[i])[:k] for row in scores]


def glu(gate, linear, alpha=1.0, beta=0.0, limit=1e9):
    pairs = [(min(g, limit), min(max(v, -limit), limit)) for g, v in zip(gate, linear)]
    return [g * sigmoid(alpha * g) * (v + beta) for g, v in pairs]


def experts():
    f = Operators("packed_experts")
    n, hidden, inner, tokens = 4, 12, 6, 3
    v, scores = noise(tokens * hidden), noise(tokens * n, -2, 2)
    x, router = f.input([tokens, hidden], v), f.input([tokens, n], scores)
    layer = lambda columns, depth: [(rows(noise(columns * depth), depth), noise(columns)) for _ in range(n)]
    one, two, twice, three = layer(inner, hidden), layer(hidden, inner), layer(2 * inner, hidden), layer(inner, hidden)
    chosen = top(rows(scores, n), 2)
    all_shares = [[softmax(row)[i] for i in which] for row, which in zip(rows(scores, n), chosen)]
    normal = [[p / sum(row) for p in row] for row in all_shares]

    def add(fc1, fc3, share, activation, *ways):
        given = [x, router]
        for fc in (fc1, two, fc3):
            if fc:
                given.append(f.constant([n, len(fc[0][0]), len(fc[0][0][0])], flat(flat(w) for w, _ in fc)))
                given.append(f.constant([n, len(fc[0][0])], flat(b for _, b in fc)))
        layers = [fc1, two, fc3]
        y = mixture(layers, rows(v, hidden), share, chosen, activation)
        f.add("MoE", given, [([tokens, hidden], y, F)], attribute_int("k", 2), *ways)

    silu = lambda g: [e * sigmoid(e) for e in g]
    add(one, None, all_shares, lambda g, _: [max(e, 0) for e in g], text("activation_type", "relu"))
    add(one, three, normal, lambda g, u: [a * b for a, b in zip(silu(g), u)], text("activation_type", "silu"),
        attribute_int("normalize_routing_weights", 1))
    add(one, None, all_shares, lambda g, _: [max(e, 0) for e in g], attribute_int("use_sparse_mixer", 1))
    limits = [attribute_float("activation_alpha", 1.5), attribute_float("activation_beta", 1),
              attribute_float("swiglu_limit", 0.75), text("activation_type", "swiglu")]
    add(twice, None, normal, lambda g, _: glu(g[::2], g[1::2], 1.5, 1, 0.75), *limits,
        attribute_int("swiglu_fusion", 1), attribute_int("normalize_routing_weights", 1))
    add(twice, None, normal, lambda g, _: glu(g[:inner], g[inner:], 1.5, 1, 0.75), *limits,
        attribute_int("swiglu_fusion", 2), attribute_int("normalize_routing_weights", 1))
    add(one, three, normal, lambda g, u: glu(g, u, 1.5, 1, 0.75), *limits,
        attribute_int("normalize_routing_weights", 1))
    return f


def packed_experts(level=1):
    """level 4: as --accuracy-level has it; the nodes' own is not obeyed."""
    f = Operators("packed_quantised_experts" + ("_bytes" if level == 4 else ""))
    n, hidden, inner, tokens = 3, 32, 16, 5
    v, scores, weights = noise(tokens * hidden), noise(tokens * n, -2, 2), noise(tokens * n, 0, 1)
    x, router = f.input([1, tokens, hidden], v), f.input([tokens, n], scores)
    chosen = top(rows(scores, n), 2)
    share = [softmax([row[i] for i in which]) for row, which in zip(rows(scores, n), chosen)]
    other = [[row[i] for i in which] for row, which in zip(rows(weights, n), chosen)]

    def layer(columns, depth, bits, block, kind):
        size = block or depth
        bias = [noise(columns) for _ in range(n)]
        return [Weights(columns, depth, bits, size, kind) for _ in range(n)], bias

    def given(fc, block):
        w, bias = fc
        columns, depth, blocks = w[0].columns, w[0].depth, w[0].blocks
        scale = f.constant([n, columns, blocks] if block else [n, columns], flat(flat(e.scales) for e in w))
        return [f.constant([n, columns, depth * w[0].bits // 8], flat(e.bytes() for e in w), U8), scale,
                f.constant([n, columns], flat(bias))]

    def zeros(fc, block):
        w, _ = fc
        if w[0].kind == "none":
            return ""
        packed = [[pack(row, e.bits) for row in (e.zeros if block else [flat(e.zeros)])] for e in w]
        shape = [n, w[0].columns, len(packed[0][0])] if block else [n, len(packed[0][0])]
        return f.constant(shape, flat(flat(e) for e in packed), U8)

    for bits, block, kind in ((4, 0, "none"), (8, 16, "packed"), (4, 16, "packed"), (2, 0, "packed")):
        fc = [layer(inner, hidden, bits, block, kind), layer(hidden, inner, bits, block, kind),
              layer(inner, hidden, bits, block, kind)]
        real = [[(w.real(), b) for w, b in zip(*e)] for e in fc]
        three = bits == 4
        layers = [real[0], real[1], real[2] if three else None]
        parts = other if block else share
        act = lambda g, u: [max(e, 0) * (u[i] if u else 1) for i, e in enumerate(g)]
        all_inputs = [x, router, *given(fc[0], block), *given(fc[1], block),
                      *(given(fc[2], block) if three else ["", "", ""]),
                      zeros(fc[0], block), zeros(fc[1], block), zeros(fc[2], block) if three else ""]
        if block:
            all_inputs.append(f.constant([tokens, n], weights))
        ways = [attribute_int("block_size", block)] if block else []
        seen = (lambda row: in_bytes(row, block or len(row))) if level == 4 else lambda row: row
        y = mixture(layers, rows(v, hidden), parts, chosen, act, seen)
        f.add("QMoE", all_inputs, [([1, tokens, hidden], y, F)], attribute_int("k", 2),
              attribute_int("expert_weight_bits", bits), text("activation_type", "relu"),
              attribute_int("accuracy_level", 4), *ways)
    return f


def experts_in_bytes():
    return packed_experts(4)


for family in (nbits, integers, dequantised, fused, bnb4, fpq4, gather, experts, packed_experts, experts_in_bytes):
    family().save(sys.argv[1])
with open(os.path.join(sys.argv[1], "packed_quantised_experts_bytes", "options"), "w") as file:
    file.write("--accuracy-level 4\n")
