"""Models of the operators that no other script has cases of, for operators.sh; see op_cases.py.

    python3 one_each_cases.py FOLDER

Expected outputs come from plain Python after the operators' definitions."""
import math
import sys

from case_family import at, points
from microsoft_cases import B, F, I, I32, MS, Operators, noise, text
from onnx_writer import attribute_float, attribute_int, attribute_ints

U8, I8 = 2, 3
int_, ints = attribute_int, attribute_ints


def bits():
    f = Operators("each_bits", 22)
    u, v, k = [1, 200, 77, 255, 0, 18], [3, 5, 254, 129, 7, 18], [1, 2, 3, 0, 7, 4]
    x, y, z = f.input([6], u, U8), f.input([6], v, U8), f.input([6], k, U8)
    for op, rule in {"BitwiseAnd": lambda p, q: p & q, "BitwiseOr": lambda p, q: p | q,
                     "BitwiseXor": lambda p, q: p ^ q}.items():
        f.add(op, [x, y], [([6], [rule(*p) for p in zip(u, v)], U8)], domain="")
    f.add("BitwiseNot", [x], [([6], [255 - e for e in u], U8)], domain="")
    f.add("BitShift", [x, z], [([6], [p << q & 255 for p, q in zip(u, k)], U8)], text("direction", "LEFT"), domain="")
    f.add("BitShift", [x, z], [([6], [p >> q for p, q in zip(u, k)], U8)], text("direction", "RIGHT"), domain="")
    f.add("LessOrEqual", [x, y], [([6], [p <= q for p, q in zip(u, v)], B)], domain="")
    a, b = [1, 0, 1, 0], [1, 1, 0, 0]
    p, q = f.input([4], a, B), f.input([4], b, B)
    for op, rule in {"And": lambda p, q: p & q, "Or": lambda p, q: p | q, "Xor": lambda p, q: p ^ q}.items():
        f.add(op, [p, q], [([4], [rule(*e) for e in zip(a, b)], B)], domain="")
    w = [math.nan, math.inf, -math.inf, -1.5, 0.25, 3.0]
    n = f.input([6], w)
    f.add("IsNaN", [n], [([6], [math.isnan(e) for e in w], B)], domain="")
    f.add("IsInf", [n], [([6], [e == math.inf for e in w], B)], int_("detect_negative", 0), domain="")
    f.add("Shrink", [n], [([6], [0, math.inf, -math.inf, -1, 0, 2.5], F)], attribute_float("bias", 0.5),
          attribute_float("lambd", 1), domain="")
    return f


def moves():
    f = Operators("each_moves", 24)
    shape, v = [1, 2, 4, 6], noise(48)
    x = f.input(shape, v)
    deep = [v[at(shape, (0, c % 2, 2 * i + c // 4, 2 * j + c // 2 % 2))] for c, i, j in points([8, 2, 3])]
    f.add("SpaceToDepth", [x], [([1, 8, 2, 3], deep, F)], int_("blocksize", 2), domain="")
    crop = [v[at(shape, (0, c, i + 1, j - 1))] if 0 <= j - 1 < 6 else 0.0 for c, i, j in points([2, 2, 8])]
    f.add("CenterCropPad", [x, f.constant([2], [2, 8], I)], [([1, 2, 2, 8], crop, F)], ints("axes", [2, 3]), domain="")
    f.add("EyeLike", [f.input([2, 3], [0.0] * 6)], [([2, 3], [0, 1, 0, 0, 0, 1], I)], int_("k", 1), int_("dtype", I),
          domain="")
    cache, fresh = noise(24), noise(8)
    put = [fresh[at([2, 2, 2], (b, i - (1, 2)[b], j))] if 0 <= i - (1, 2)[b] < 2 else cache[at([2, 6, 2], (b, i, j))]
           for b, i, j in points([2, 6, 2])]
    f.add("TensorScatter", [f.input([2, 6, 2], cache), f.input([2, 2, 2], fresh), f.input([2], [1, 2], I)],
          [([2, 6, 2], put, F)], domain="")
    patches, image = noise(4 * 6), [0.0] * 12
    for c, k in points([4, 6]):
        image[(k // 3 + c // 2) * 4 + k % 3 + c % 2] += patches[c * 6 + k]
    f.add("Col2Im", [f.input([1, 4, 6], patches), f.constant([2], [3, 4], I), f.constant([2], [2, 2], I)],
          [([1, 1, 3, 4], image, F)], domain="")
    few, places, whole = noise(4), [1, 2, 9, 15], [0.0] * 16
    for e, i in zip(few, places):
        whole[i] = e
    f.add("MaxUnpool", [f.input([1, 1, 2, 2], few), f.input([1, 1, 2, 2], places, I)], [([1, 1, 4, 4], whole, F)],
          ints("kernel_shape", [2, 2]), ints("strides", [2, 2]), domain="")
    theta = noise(6)
    grid = [sum(t * e for t, e in zip(theta[3 * r:3 * r + 3], ((2 * j + 1) / 3 - 1, (2 * i + 1) / 2 - 1, 1)))
            for i, j, r in points([2, 3, 2])]
    f.add("AffineGrid", [f.input([1, 2, 3], theta), f.constant([4], [1, 1, 2, 3], I)], [([1, 2, 3, 2], grid, F)],
          domain="")
    boxes = [0.0, 0.0, 1.0, 1.0, 0.0, 0.1, 1.0, 1.1, 0.0, 2.0, 1.0, 3.0]
    f.add("NonMaxSuppression", [f.input([1, 3, 4], boxes), f.input([1, 1, 3], [0.5, 0.75, 0.25]),
                                f.constant([1], [3], I), f.constant([1], [0.5])],
          [([2, 3], [0, 0, 1, 0, 0, 2], I)], domain="")
    f.add("Trilu", [x, f.constant([], [1], I)], [(shape, [e if i % 6 >= i // 6 % 4 + 1 else 0 for i, e in
                                                           enumerate(v)], F)])
    f.add("GatherND", [x, f.constant([2, 3], [0, 1, 2, 0, 0, 3], I)], [([2, 6], v[36:42] + v[18:24], F)])
    return f


def reductions():
    f = Operators("each_reductions", 26)
    shape, v = [2, 3, 4], noise(24, 0.1, 2)
    x = f.input(shape, v)
    rows = [v[i:i + 4] for i in range(0, 24, 4)]
    f.add("ReduceLogSum", [x, f.constant([1], [2], I)], [([2, 3, 1], [math.log(sum(r)) for r in rows], F)], domain="")
    f.add("Hardmax", [x], [(shape, [float(e == max(r)) for r in rows for e in r], F)], domain="")
    products = [math.prod(r[k:]) for r in rows for k in range(4)]
    f.add("CumProd", [x, f.constant([], [-1], I)], [(shape, products, F)], int_("reverse", 1), domain="")
    square = lambda b, c, i: sum(v[at(shape, (b, k, i))] ** 2 for k in range(max(c - 1, 0), min(c + 2, 3)))
    f.add("LRN", [x], [(shape, [v[at(shape, p)] / (2 + 0.5 / 3 * square(*p)) ** 0.75 for p in points(shape)], F)],
          int_("size", 3), attribute_float("alpha", 0.5), attribute_float("bias", 2), domain="")
    m = noise(9)
    det = sum(m[i] * (m[3 + (i + 1) % 3] * m[6 + (i + 2) % 3] - m[3 + (i + 2) % 3] * m[6 + (i + 1) % 3])
              for i in range(3))
    f.add("Det", [f.input([3, 3], m)], [([], [det], F)], domain="")
    for op, parts in {"HannWindow": (0.5, 0.5, 0), "HammingWindow": (25 / 46, 21 / 46, 0),
                      "BlackmanWindow": (0.42, 0.5, 0.08)}.items():
        a, b, c = parts
        for periodic in (0, 1):
            turn = 2 * math.pi / (9 - 1 + periodic)
            f.add(op, [f.constant([], [9], I)],
                  [([9], [a - b * math.cos(i * turn) + c * math.cos(2 * i * turn) for i in range(9)], F)],
                  int_("periodic", periodic), domain="")
    low, high = (2595 * math.log10(1 + e / 700) for e in (100.0, 3000.0))
    edges = [int(17 * (700 * (10 ** ((low + i * (high - low) / 6) / 2595) - 1)) // 8000) for i in range(6)]
    mel = [[0.0] * 4 for _ in range(9)]
    for i in range(4):
        a, b, c = edges[i:i + 3]
        for j in range(a, b + 1):
            mel[j][i] = (j - a) / (b - a) if b > a else 1.0
        for j in range(b, c):
            mel[j][i] = (c - j) / (c - b)
    f.add("MelWeightMatrix", [f.constant([], [4], I), f.constant([], [16], I), f.constant([], [8000], I),
                              f.constant([], [100.0]), f.constant([], [3000.0])], [([9, 4], sum(mel, []), F)], domain="")
    return f


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def times(row, matrix):
    """matrix: a list of rows, each of the row's length."""
    return [sum(a * b for a, b in zip(row, r)) for r in matrix]


def cut(values, width):
    return [values[i:i + width] for i in range(0, len(values), width)]


def recurrent():
    f = Operators("each_recurrent", 22)
    steps, wide, h = 3, 4, 2
    v, w, r, b = noise(steps * wide), noise(3 * h * wide), noise(3 * h * h), noise(6 * h)
    x, first = f.input([steps, 1, wide], v), f.input([1, 1, h], [0.5, -0.25])
    W, R, start = cut(w, wide), cut(r, h), [0.5, -0.25]
    states, state = [], start
    for row in cut(v, wide):
        sums = [p + q + s + t for p, q, s, t in zip(times(row, W[:h]), times(state, R[:h]), b[:h], b[3 * h:4 * h])]
        state = [math.tanh(e) for e in sums]
        states += state
    f.add("RNN", [x, f.constant([1, h, wide], w[:h * wide]), f.constant([1, h, h], r[:h * h]),
                  f.constant([1, 2 * h], b[:h] + b[3 * h:4 * h]), "", first],
          [([steps, 1, 1, h], states, F), ([1, 1, h], state, F)], int_("hidden_size", h), domain="")
    states, state = [], start
    for row in cut(v, wide):
        own, past = times(row, W), times(state, R)
        z = [sigmoid(own[i] + past[i] + b[i] + b[3 * h + i]) for i in range(h)]
        reset = [sigmoid(own[h + i] + past[h + i] + b[h + i] + b[4 * h + i]) for i in range(h)]
        fresh = [math.tanh(own[2 * h + i] + b[2 * h + i] + reset[i] * (past[2 * h + i] + b[5 * h + i]))
                 for i in range(h)]
        state = [(1 - z[i]) * fresh[i] + z[i] * state[i] for i in range(h)]
        states += state
    f.add("GRU", [x, f.constant([1, 3 * h, wide], w), f.constant([1, 3 * h, h], r), f.constant([1, 6 * h], b), "",
                  first],
          [([steps, 1, 1, h], states, F), ([1, 1, h], state, F)], int_("hidden_size", h),
          int_("linear_before_reset", 1), domain="")
    add_attended_lstm(f)
    add_quantised_lstm(f)
    return f


def lstm(rows, W, R, bias, attend=None):
    """Outputs h of each step. Gates: input, output, forget, cell; attend(h): what the next row has behind it."""
    n = len(R) // 4
    h, c, more, made = [0.0] * n, [0.0] * n, attend([]) if attend else [], []
    for row in rows:
        sums = [p + q + s for p, q, s in zip(times(row + more, W), times(h, R), bias)]
        gates = [[sigmoid(e) for e in sums[k * n:k * n + n]] for k in range(3)]
        c = [gates[2][i] * c[i] + gates[0][i] * math.tanh(sums[3 * n + i]) for i in range(n)]
        h = [gates[1][i] * math.tanh(c[i]) for i in range(n)]
        more = attend(h) if attend else []
        made.append(h)
    return made


def add_attended_lstm(f):
    """Memory of 3 steps, of which 2 count; scores are those of Bahdanau."""
    h, wide, depth, words, layer, steps = 2, 3, 2, 3, 2, 2
    v, w, r, b = noise(steps * wide), noise(4 * h * (wide + layer)), noise(4 * h * h), noise(8 * h)
    query, keys, score, memory, out = noise(h * depth), noise(depth * depth), noise(depth), noise(words * depth), \
        noise((depth + h) * layer)
    columns = lambda m, width: [list(c) for c in zip(*cut(m, width))]
    seen = cut(memory, depth)[:2]

    def attend(state):
        if not state:
            return [0.0] * layer
        asked = times(state, columns(query, depth))
        scores = [math.exp(sum(s * math.tanh(p + q) for s, p, q in zip(score, asked, times(m, columns(keys, depth)))))
                  for m in seen]
        context = [sum(s * m[i] for s, m in zip(scores, seen)) / sum(scores) for i in range(depth)]
        return times(state + context, columns(out, layer))
    bias = [p + q for p, q in zip(b[:4 * h], b[4 * h:])]
    made = lstm(cut(v, wide), cut(w, wide + layer), cut(r, h), bias, attend)
    f.add("AttnLSTM", [f.input([steps, 1, wide], v), f.constant([1, 4 * h, wide + layer], w),
                       f.constant([1, 4 * h, h], r), f.constant([1, 8 * h], b), "", "", "", "",
                       f.constant([1, h, depth], query), f.constant([1, depth, depth], keys),
                       f.constant([1, depth], score), f.input([1, words, depth], memory), f.input([1], [2], I32),
                       f.constant([1, depth + h, layer], out)],
          [([steps, 1, 1, h], sum(made, []), F)], int_("hidden_size", h))


def add_quantised_lstm(f):
    """Of inputs that 8 bits hold exactly, and one step, as the state is not rounded."""
    h, wide = 2, 3
    w, r = [(7 * i) % 41 - 20 for i in range(wide * 4 * h)], [(5 * i) % 31 - 15 for i in range(h * 4 * h)]
    columns = lambda m: [[e / 16 for e in c] for c in zip(*cut(m, 4 * h))]
    made = lstm([[1.0, 0.0, 1.0]], columns(w), columns(r), [0.0] * 4 * h)
    zero = lambda: f.constant([1], [0], I8)
    f.add("DynamicQuantizeLSTM", [f.input([1, 1, wide], [1.0, 0.0, 1.0]), f.constant([1, wide, 4 * h], w, I8),
                                  f.constant([1, h, 4 * h], r, I8), "", "", "", "", "", f.constant([1], [1 / 16]),
                                  zero(), f.constant([1], [1 / 16]), zero()],
          [([1, 1, 1, h], made[0], F)], int_("hidden_size", h))


def turned(row, where, cos, sin):
    """Rotary embedding of one head, by halves."""
    half = len(row) // 2
    c, s = cos[where], sin[where]
    return [row[i] * c[i] - row[half + i] * s[i] for i in range(half)] + \
        [row[half + i] * c[i] + row[i] * s[i] for i in range(half)]


def attention():
    f = Operators("each_attention", 23)
    steps, wide = 4, 4
    v, places = noise(steps * wide), [2, 0, 5, 1]
    cos, sin = ([[rule(0.3 * p * (i + 1)) for i in range(2)] for p in range(6)] for rule in (math.cos, math.sin))
    caches = [f.constant([6, 2], sum(t, [])) for t in (cos, sin)]
    x, p = f.input([1, steps, wide], v), f.input([1, steps], places, I)
    made = sum((turned(r, q, cos, sin) for r, q in zip(cut(v, wide), places)), [])
    f.add("RotaryEmbedding", [x, *caches, p], [([1, steps, wide], made, F)], int_("num_heads", 1), domain="")
    f.add("RotaryEmbedding", [x, p, *caches], [([1, steps, wide], made, F)])
    rows = [places, [0, 1, 2, 3], [3, 3, 2, 2]]
    pick = lambda table, t: [table[rows[0][t]][0], table[rows[1][t]][1]]
    mixed = sum((turned(r, 0, [pick(cos, t)], [pick(sin, t)]) for t, r in enumerate(cut(v, wide))), [])
    f.add("MRotaryEmbedding", [x, f.input([3, 1, steps], sum(rows, []), I), *caches], [([1, steps, wide], mixed, F)],
          ints("mrope_section", [1, 1, 0]), int_("num_heads", 1))
    heads, count = noise(3 * 16 * wide), 16
    q, k, w = (cut(heads[i * count * wide:(i + 1) * count * wide], wide) for i in range(3))
    out = []
    for t in range(count):
        scores = [math.exp(sum(a * b for a, b in zip(q[t], k[u])) / 2) for u in range(t + 1)]
        out += [sum(s * w[u][i] for u, s in enumerate(scores)) / sum(scores) for i in range(wide)]
    q, k, w = sum(q, []), sum(k, []), sum(w, [])
    empty = [0.0] * 16 * wide
    f.add("SparseAttention", [f.input([1, count, wide], e) for e in (q, k, w)] +
          [f.input([1, 1, 16, wide], empty), f.input([1, 1, 16, wide], empty), f.constant([1, 2], [0, 1], I32),
           f.constant([1, 1], [0], I32), f.constant([1], [count], I32), f.constant([1], [count], I32)],
          [([1, count, wide], out, F), ([1, 1, 16, wide], k, F), ([1, 1, 16, wide], w, F)], int_("num_heads", 1),
          int_("kv_num_heads", 1), int_("sparse_block_size", 16), attribute_float("scale", 0.5))
    return f


def gates():
    f = Operators("each_gates", 27)
    v, w = noise(12), noise(12)
    x, y = f.input([1, 3, 4], v), f.input([1, 3, 4], w)
    gelu = lambda e: e / 2 * (1 + math.erf(e / math.sqrt(2)))
    fast = lambda e: e / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (e + 0.044715 * e ** 3)))
    shape = [1, 3, 4]
    f.add("Gelu", [x], [(shape, [gelu(e) for e in v], F)])
    f.add("QuickGelu", [x], [(shape, [e * sigmoid(3 * e) for e in v], F)], attribute_float("alpha", 3))
    bias = noise(4)
    c = f.constant([4], bias)
    f.add("BiasGelu", [x, c], [(shape, [gelu(e + bias[i % 4]) for i, e in enumerate(v)], F)])
    f.add("FastGelu", [x, c], [(shape, [fast(e + bias[i % 4]) for i, e in enumerate(v)], F)])
    f.add("SampleOp", [x], [(shape, v, F)])
    f.add("LinearAttentionGate", [x, c, f.constant([4], [1.0, -2.0, 0.5, 3.0]), y],
          [(shape, [math.log1p(math.exp(e + bias[i % 4])) * (1.0, -2.0, 0.5, 3.0)[i % 4] for i, e in enumerate(v)], F),
           (shape, [sigmoid(e) for e in w], F)])
    rms = lambda r: math.sqrt(sum(e * e for e in r) / len(r) + 1e-5)
    silu = lambda e: e * sigmoid(e)
    f.add("GatedRMSNorm", [x, f.constant([2], [2.0, 3.0]), y],
          [(shape, [e / rms(v[i - i % 2:i - i % 2 + 2]) * (2, 3)[i % 2] * silu(w[i]) for i, e in enumerate(v)], F)])
    key, query = f.input([1, 3, 1, 4], v), f.input([1, 3, 1, 4], w)
    k, q, s = cut(v, 4), cut(w, 4), [0.5, 1.0, 2.0, -1.0]
    gate = [sum(a / rms(p) * t * b / rms(r) for a, b, t in zip(p, r, s)) / 2 for p, r in zip(k, q)]
    gate = [sigmoid(math.copysign(math.sqrt(max(abs(e), 1e-6)), e)) for e in gate]
    f.add("EngramGate", [key, query, x, f.constant([1, 4], s), f.constant([1, 4], [1.0] * 4)],
          [([1, 3, 1, 4], [gate[i // 4] * e for i, e in enumerate(v)], F)])
    taps, past = noise(6), noise(4)
    full = [past[:2] + v[:6], past[2:] + v[6:]]
    conv = [sum(taps[3 * c + j] * full[c][i + j] for j in range(3)) for c, i in points([2, 6])]
    causal = [f.input([1, 2, 6], v), f.constant([2, 1, 3], taps), "", f.input([1, 2, 2], past)]
    state = full[0][-2:] + full[1][-2:]
    for domain in (MS, ""):
        f.add("CausalConvWithState", causal, [([1, 2, 6], [silu(e) for e in conv], F), ([1, 2, 2], state, F)],
              text("activation", "silu"), domain=domain)
    return f


def images():
    f = Operators("each_images", 19)
    shape, v = [1, 8, 2, 2], noise(32)
    x = f.input(shape, v)
    channels = [v[4 * c:4 * c + 4] for c in range(8)]
    nchwc = "com.microsoft.nchwc"
    block = lambda: f.inner("ReorderInput", [x], domain=nchwc)

    def back(op, out, values, *attributes):
        y = f.inner(op, [block()], *attributes, domain=nchwc)
        f.add("ReorderOutput", [y], [(out, values, F)], int_("channels", 8), domain=nchwc)
    window = ints("kernel_shape", [1, 2])
    back("MaxPool", [1, 8, 2, 1], [max(c[2 * i:2 * i + 2]) for c in channels for i in range(2)], window)
    back("AveragePool", [1, 8, 2, 1], [sum(c[2 * i:2 * i + 2]) / 2 for c in channels for i in range(2)], window)
    back("GlobalMaxPool", [1, 8, 1, 1], [max(c) for c in channels])
    a, b = noise(6), noise(6)
    f.add("TransposeMatMul", [f.input([3, 2], a), f.input([3, 2], b)],
          [([2, 2], [2 * sum(a[2 * k + i] * b[2 * k + j] for k in range(3)) for i, j in points([2, 2])], F)],
          int_("transA", 1), attribute_float("alpha", 2))
    image, offsets, taps, mask = noise(9), noise(32, -0.7, 0.7), noise(4), noise(16, 0, 1)

    def sample(y, z):
        """Between its neighbours; what lies outside is 0."""
        i, j = math.floor(y), math.floor(z)
        return sum((1 - abs(y - p)) * (1 - abs(z - q)) * image[3 * p + q] for p in (i, i + 1) for q in (j, j + 1)
                   if 0 <= p < 3 and 0 <= q < 3)
    made = [sum(taps[t] * mask[4 * t + 2 * i + j] * sample(i + t // 2 + offsets[8 * t + 2 * i + j],
                                                           j + t % 2 + offsets[8 * t + 4 + 2 * i + j])
                for t in range(4)) for i, j in points([2, 2])]
    given = f.input([1, 1, 3, 3], image)
    f.add("DeformConv", [given, f.constant([1, 1, 2, 2], taps), f.input([1, 8, 2, 2], offsets), "",
                         f.input([1, 4, 2, 2], mask)], [([1, 1, 2, 2], made, F)], domain="")
    boxes = [[0, 1, 0, 3, 2], [1, -2, 1, 0.5, 9], [1, 6, 6, 7, 7]]
    planes = noise(32)
    whole = lambda e: int(math.floor(abs(e) + 0.5)) * (1 if e >= 0 else -1)
    made = []
    for (image_at, left, top, right, bottom), i, j in ((b, i, j) for b in boxes for i, j in points([2, 2])):
        reach = []
        for low, high, k in ((top, bottom, i), (left, right, j)):
            low, high = whole(low), whole(high)
            step = max(high - low + 1, 1) / 2
            reach.append(range(min(max(low + math.floor(k * step), 0), 4), min(max(low + math.ceil((k + 1) * step), 0), 4)))
        made.append(max((planes[16 * image_at + 4 * p + q] for p in reach[0] for q in reach[1]), default=0.0))
    f.add("MaxRoiPool", [f.input([2, 1, 4, 4], planes), f.input([3, 5], [float(e) for b in boxes for e in b])],
          [([3, 1, 2, 2], made, F)], ints("pooled_shape", [2, 2]), domain="")
    grid = noise(8, -1, 1)
    made = [sample(((z + 1) * 3 - 1) / 2, ((y + 1) * 3 - 1) / 2) for y, z in zip(grid[::2], grid[1::2])]
    f.add("GridSample", [given, f.input([1, 2, 2, 2], grid)], [([1, 1, 2, 2], made, F)])
    return f


def old():
    f = Operators("each_old", 9)
    v, w = noise(12), noise(4)
    x, places = f.input([3, 4], v), [2, 0, 1, 1]
    made = list(v)
    for k, row in enumerate(places):
        made[4 * row + k] = w[k]
    f.add("Scatter", [x, f.constant([1, 4], places, I), f.input([1, 4], w)], [([3, 4], made, F)], domain="")
    f.add("DynamicSlice", [x, f.constant([2], [1, 0], I), f.constant([2], [3, 3], I)],
          [([2, 3], v[4:7] + v[8:11], F)], domain="")
    return f


for family in (bits, moves, reductions, recurrent, attention, gates, images, old):
    family().save(sys.argv[1])
