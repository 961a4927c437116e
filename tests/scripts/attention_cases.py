"""Models of attention operators with their data, for operators.sh, beside op_cases.py.

    python3 attention_cases.py FOLDER

Expected outputs come from plain Python after the operators' definitions."""
import math
import os
import random
import sys

from onnx_writer import (attribute_float, attribute_graph, attribute_int, attribute_ints, contents, field, graph, node,
                         save_case, value)

F, I8, I32 = 1, 3, 6
rng = random.Random(11)
MS = "com.microsoft"


def noise(*shape):
    if not shape:
        return rng.uniform(-1.5, 1.5)
    return [noise(*shape[1:]) for _ in range(shape[0])]


def flat(a):
    return [e for part in a for e in flat(part)] if isinstance(a, list) else [a]


def shape_of(a):
    return [len(a)] + shape_of(a[0]) if isinstance(a, list) else []


def text(name, string):
    return field(1, name) + field(4, string) + field(20, 3)


class Case:
    def __init__(self, name, opset=23):
        self.name, self.opset = name, opset
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def input(self, a, dtype=F):
        self.inputs.append(("x%d" % len(self.inputs), shape_of(a), flat(a), dtype))
        return self.inputs[-1][0]

    def constant(self, a, dtype=F):
        name = "c%d" % len(self.constants)
        self.constants.append(contents(name, shape_of(a), flat(a), dtype))
        return name

    def add(self, op, domain, inputs, results, *attributes):
        """results: floats, or (elements, type)."""
        names = ["y%d" % (len(self.outputs) + k) for k in range(len(results))]
        self.nodes.append(node(op, inputs, names, op + names[0], domain, attributes))
        typed = [r if isinstance(r, tuple) else (r, F) for r in results]
        self.outputs += [(n, shape_of(a), flat(a), t) for n, (a, t) in zip(names, typed)]

    def save(self, folder):
        said = [value(n, s, t) for n, s, _, t in self.inputs]
        made = [value(n, s, t) for n, s, _, t in self.outputs]
        more = b"".join(field(8, field(1, d) + field(2, 1)) for d in (MS, "ai.onnx.preview"))
        save_case(os.path.join(folder, self.name), graph(self.nodes, said, made, self.constants),
                  self.inputs, self.outputs, self.opset, more)


def heads_of(a, heads):
    """[length][heads * depth] as [heads][length][depth]"""
    depth = len(a[0]) // heads
    return [[row[h * depth:(h + 1) * depth] for row in a] for h in range(heads)]


def joined(heads):
    return [sum((h[i] for h in heads), []) for i in range(len(heads[0]))]


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


def attend(q, keys, values, scale, bias=lambda i, j: 0.0, sink=None):
    """One head; bias None: not seen. Also the scores."""
    rows, scores = [], []
    for i, query in enumerate(q):
        row = [None if bias(i, j) is None else scale * dot(query, k) + bias(i, j) for j, k in enumerate(keys)]
        seen = [s for s in row if s is not None] + ([sink] if sink is not None else [])
        most = max(seen)
        total = sum(math.exp(s - most) for s in seen)
        weights = [0.0 if s is None else math.exp(s - most) / total for s in row]
        rows.append([dot(weights, column) for column in zip(*values)])
        scores.append(row)
    return rows, scores


def rotated(row, position, pairs, cos, sin):
    out = list(row)
    for d in range(pairs):
        c, s = cos[position][d], sin[position][d]
        out[d], out[d + pairs] = row[d] * c - row[d + pairs] * s, row[d] * s + row[d + pairs] * c
    return out


def group_query(name, seqlens, window, sink, new=2, room=8):
    """Buffers of so many keys, of which each batch has some: packed input, partial rotary embedding."""
    f = Case(name)
    heads, kv, depth = 4, 2, 6
    batch = len(seqlens)
    packed, past_k, past_v = noise(batch, new, (heads + 2 * kv) * depth), noise(batch, kv, room, depth), \
        noise(batch, kv, room, depth)
    angle = [[p * 0.3 / (d + 1) for d in range(2)] for p in range(room)]
    cos, sin = [[math.cos(a) for a in r] for r in angle], [[math.sin(a) for a in r] for r in angle]
    y, present_k, present_v = [], [], []
    for b in range(batch):
        start, length = max(seqlens[b] + 1 - new, 0), seqlens[b] + 1
        all_heads = heads_of(packed[b], heads + 2 * kv)
        q, k, v = all_heads[:heads], all_heads[heads:heads + kv], all_heads[heads + kv:]
        turn = lambda part: [[rotated(r, start + i, 2, cos, sin) for i, r in enumerate(h)] for h in part]
        q, k = turn(q), turn(k)
        cache = lambda old, fresh: [h[:start] + n + h[start + new:] for h, n in zip(old, fresh)]
        keys, values = cache(past_k[b], k), cache(past_v[b], v)

        def seen(i, j):
            end = min(start + i + 1, length)
            return 0.0 if max(0, end - window if window else 0) <= j < end else None
        out = [attend(q[h], keys[h // 2], values[h // 2], depth ** -0.5, seen, sink and sink[h])[0]
               for h in range(heads)]
        y.append(joined(out))
        present_k.append(keys)
        present_v.append(values)
    more = [attribute_int("local_window_size", window)] if window else []
    f.add("GroupQueryAttention", MS,
          [f.input(packed), "", "", f.input(past_k), f.input(past_v), f.input(seqlens, I32),
           f.constant([max(seqlens) + 1], I32), f.constant(cos), f.constant(sin), "", "",
           f.constant(sink) if sink else ""],
          [y, present_k, present_v], attribute_int("num_heads", heads), attribute_int("kv_num_heads", kv),
          attribute_int("do_rotary", 1), *more)
    return f


def no_keys():
    """Spelt out, without any key: a sum of no values is 0."""
    f = Case("no_keys", 17)
    f.inputs += [("k", [1, 2, 8, 0], [], F), ("v", [1, 2, 0, 8], [], F)]
    scores, weights = node("MatMul", [f.input(noise(1, 2, 3, 8)), "k"], ["s"]), node("Softmax", ["s"], ["p"])
    f.nodes += [scores, weights]
    f.add("MatMul", "", ["p", "v"], [[[[[0.0] * 8] * 3] * 2]])
    return f


def multi_head():
    """Keys that came before, causal, padding of keys, scores shown."""
    f = Case("multi_head")
    heads, depth, before, new, batch = 2, 4, 3, 3, 2
    q, k, v = (noise(batch, new, heads * depth) for _ in range(3))
    past_k, past_v = noise(batch, heads, before, depth), noise(batch, heads, before, depth)
    mask = [[1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0]]
    bias = noise(3 * heads * depth)
    width = heads * depth
    y, keys, values, plain = [], [], [], []
    for b in range(batch):
        parts = [[[e + bias[n * width + i] for i, e in enumerate(r)] for r in part[b]]
                 for n, part in enumerate((q, k, v))]
        hq, hk, hv = (heads_of(p, heads) for p in parts)
        keys.append([past_k[b][h] + hk[h] for h in range(heads)])
        values.append([past_v[b][h] + hv[h] for h in range(heads)])

        def seen(i, j):
            return None if j > before + i else 0.0 if mask[b][j] else -10000.0
        out = [attend(hq[h], keys[b][h], values[b][h], 0.3, seen) for h in range(heads)]
        y.append(joined([o[0] for o in out]))
        plain.append([[[0.3 * dot(r, key) for key in keys[b][h]] for r in hq[h]] for h in range(heads)])
    common = [f.input(q), f.input(k), f.input(v), f.constant(bias)]
    past = [f.input(past_k), f.input(past_v)]
    f.add("MultiHeadAttention", MS, common + [f.input(mask, I32), ""] + past, [y, keys, values],
          attribute_int("num_heads", heads), attribute_int("unidirectional", 1), attribute_float("scale", 0.3))
    everything = [joined([attend(heads_of([[e + bias[i] for i, e in enumerate(r)] for r in q[b]], heads)[h],
                                 keys[b][h], values[b][h], 0.3)[0] for h in range(heads)]) for b in range(batch)]
    f.add("MultiHeadAttention", MS, common + ["", ""] + past, [everything, keys, values, plain],
          attribute_int("num_heads", heads), attribute_float("scale", 0.3))
    return f


def tiles():
    """More queries than are computed together, and keys and values that fill no vectors."""
    f = Case("tiles")
    heads, kv, depth, wide, before, new = 4, 2, 5, 37, 6, 19
    q, k, v = noise(2, heads, new, depth), noise(2, kv, new, depth), noise(2, kv, new, wide)
    past_k, past_v = noise(2, kv, before, depth), noise(2, kv, before, wide)
    mask = noise(new, before + new)
    mask[3][:8] = [-math.inf] * 8
    mask[7][2:] = [-math.inf] * (before + new - 2)
    keys, values = ([[o + n for o, n in zip(*b)] for b in zip(old, fresh)] for old, fresh in ((past_k, k), (past_v, v)))
    bias = lambda causal: lambda i, j: None if mask[i][j] == -math.inf or causal and j > before + i else mask[i][j]
    for causal in (0, 1):
        y = [[attend(q[b][h], keys[b][h // 2], values[b][h // 2], 0.4, bias(causal))[0] for h in range(heads)]
             for b in range(2)]
        f.add("Attention", "", [f.input(q), f.input(k), f.input(v), f.constant(mask), f.input(past_k), f.input(past_v)],
              [y, keys, values], attribute_float("scale", 0.4), attribute_int("is_causal", causal))
    plain = [[attend(q[b][h], k[b][h // 2], v[b][h // 2], depth ** -0.5)[0] for h in range(heads)] for b in range(2)]
    f.add("Attention", "", ["x0", "x1", "x2"], [plain])
    return f


def spelt():
    """Products and Softmax, as exporters write attention out."""
    f = Case("spelt", 17)
    heads, kv, depth, wide, length = 4, 2, 6, 5, 13
    q, k, v = noise(2, heads, length, depth), noise(2, kv, length, depth), noise(2, kv, length, wide)
    mask = [[[[rng.choice([0.0, -1.5, -10000.0]) for _ in range(length)]]] for _ in range(2)]
    shown = [[rng.random() < 0.6 and i != 4 for _ in range(length)] for i in range(length)]
    causal = [[j <= i for j in range(length)] for i in range(length)]
    most = -3.4028234663852886e38
    x, kx, vx, mx, shape = f.input(q), f.input(k), f.input(v), f.input(mask), f.constant([2, heads, length, depth], 7)

    def op(name, inputs, *attributes):
        f.nodes.append(node(name, inputs, ["t%d" % len(f.nodes)], "n%d" % len(f.nodes), "", attributes))
        return "t%d" % (len(f.nodes) - 1)

    def number(e):
        f.constants.append(contents("c%d" % len(f.constants), [], [e]))
        return "c%d" % (len(f.constants) - 1)

    def repeated(t, last):
        up = op("Unsqueeze", [t, f.constant([2], 7)])
        up = op("Expand", [up, f.constant([2, kv, heads // kv, length, last], 7)])
        return op("Reshape", [up, f.constant([2, heads, length, last], 7)])

    def finish(scores, values, want):
        p = op("Softmax", [scores], attribute_int("axis", -1))
        f.add("MatMul", "", [p, values], [want])

    def each(scale, bias):
        return [[attend(q[b][h], k[b][h // 2], v[b][h // 2], scale, bias(b))[0] for h in range(heads)] for b in range(2)]

    keys, values = repeated(kx, depth), repeated(vx, wide)
    turned = op("Transpose", [keys], attribute_ints("perm", [0, 1, 3, 2]))
    plain = lambda s, x: op("Mul", [op("MatMul", [x, turned]), number(s)])
    finish(op("Add", [plain(0.5, x), mx]), values, each(0.5, lambda b: lambda i, j: mask[b][0][0][j]))
    root = number(0.6)
    both = op("MatMul", [op("Mul", [x, root]), op("Mul", [turned, root])])
    finish(op("Where", [f.constant(causal, 9), both, number(-10000.0)]), values,
           each(0.36, lambda b: lambda i, j: 0.0 if causal[i][j] else None))
    finish(op("Where", [f.input(shown, 9), plain(0.4, f.input(q)), number(most)]), values,
           each(0.4, lambda b: lambda i, j: 0.0 if shown[i][j] else most))
    return f


def spelt_together():
    """[batch * heads, ..] in the products and [batch, heads, ..] where two masks are added, as BART, OPT and CLIP have
    it; probabilities go through [batch, heads, ..], as with Bloom; a mask of [batch * heads, ..]."""
    f = Case("spelt_together", 17)
    batch, heads, depth, new, length = 2, 3, 8, 4, 7
    q, k, v = noise(batch * heads, new, depth), noise(batch * heads, length, depth), noise(batch * heads, length, depth)
    mask = [[[[rng.choice([0.0, -1.5, -10000.0]) for _ in range(length)]]] for _ in range(batch)]
    position, own = noise(1, heads, new, length), noise(batch * heads, new, length)
    x, kx, vx, mx = f.input(q), f.input(k), f.input(v), f.input(mask)
    apart, together = f.constant([batch, heads, new, length], 7), f.constant([batch * heads, new, length], 7)

    def op(name, inputs, *attributes):
        f.nodes.append(node(name, inputs, ["t%d" % len(f.nodes)], "n%d" % len(f.nodes), "", attributes))
        return "t%d" % (len(f.nodes) - 1)

    def scores():
        return op("MatMul", [x, op("Transpose", [kx], attribute_ints("perm", [0, 2, 1]))])

    def softmax(t):
        return op("Softmax", [t], attribute_int("axis", -1))

    def want(bias):
        return [attend(q[n], k[n], v[n], 1.0, lambda i, j: bias(n, i, j))[0] for n in range(batch * heads)]

    both = lambda n, i, j: mask[n // heads][0][0][j] + position[0][n % heads][i][j]
    masked = op("Add", [op("Add", [op("Reshape", [scores(), apart]), f.input(position)]), mx])
    f.add("MatMul", "", [softmax(op("Reshape", [masked, together])), vx], [want(both)])
    masked = op("Add", [mx, op("Reshape", [scores(), apart])])
    f.add("MatMul", "", [op("Reshape", [softmax(masked), together]), vx],
          [want(lambda n, i, j: mask[n // heads][0][0][j])])
    masked = op("Reshape", [op("Add", [scores(), f.input(own)]), apart])
    f.add("MatMul", "", [softmax(op("Reshape", [op("Add", [masked, mx]), together])), vx],
          [want(lambda n, i, j: mask[n // heads][0][0][j] + own[n][i][j])])
    return f


def spelt_by_letters():
    """Products as Einsum: heads behind positions, or folded into the batch; either operand first."""
    f = Case("spelt_by_letters", 17)
    batch, heads, depth, wide, new, length = 2, 3, 8, 5, 4, 7
    q, k, v = noise(batch, heads, new, depth), noise(batch, heads, length, depth), noise(batch, heads, length, wide)
    mask = [[[[rng.choice([0.0, -1.5, -10000.0]) for _ in range(length)]]] for _ in range(batch)]
    behind = lambda a: [[list(rows) for rows in zip(*b)] for b in a]
    half = f.constant(0.5)
    x, kx, vx = f.input(behind(q)), f.input(behind(k)), f.input(behind(v))
    y = [[attend(q[b][h], k[b][h], v[b][h], 0.5, lambda i, j: mask[b][0][0][j])[0] for h in range(heads)]
         for b in range(batch)]
    mx = f.input(mask)

    def op(name, inputs, *attributes):
        f.nodes.append(node(name, inputs, ["t%d" % len(f.nodes)], "n%d" % len(f.nodes), "", attributes))
        return "t%d" % (len(f.nodes) - 1)

    def add(scores, values, operands, equation, want, bias=None):
        s = op("Mul", [op("Einsum", scores[0], text("equation", scores[1])), half])
        p = op("Softmax", [op("Add", [s, bias]) if bias else s], attribute_int("axis", -1))
        f.add("Einsum", "", [p if o == "p" else o for o in operands], [want], text("equation", equation))

    add(([x, kx], "bnhd,bmhd->bhnm"), vx, ["p", vx], "bhnm, bmhd -> bnhd", behind(y), mx)
    add(([kx, x], "bmhd,bnhd->bhnm"), vx, [vx, "p"], "bmhe,bhnm->bhne", y, mx)
    folded = lambda a: [rows for b in a for rows in b]
    plain = [attend(*part, 0.5)[0] for part in zip(folded(q), folded(k), folded(v))]
    add(([f.input(folded(q)), f.input(folded(k))], "b i d, b j d -> b i j"), vx, ["p", f.input(folded(v))],
        "b i j, b j d -> b i d", plain)
    return f


def packed():
    """The same attention from packed keys and values, from all packed, and from keys in heads."""
    f = Case("packed")
    heads, depth, length, batch = 2, 4, 3, 2
    q, k, v = (noise(batch, length, heads * depth) for _ in range(3))
    y = [joined([attend(*(heads_of(p[b], heads)[h] for p in (q, k, v)), depth ** -0.5)[0]
                 for h in range(heads)]) for b in range(batch)]
    split = lambda row: [row[h * depth:(h + 1) * depth] for h in range(heads)]
    beside = lambda *parts: [[[list(e) for e in zip(*(split(p[b][i]) for p in parts))] for i in range(length)]
                             for b in range(batch)]
    shown = attribute_int("num_heads", heads)
    f.add("MultiHeadAttention", MS, [f.input(q), f.input(beside(k, v))], [y], shown)
    f.add("MultiHeadAttention", MS, [f.input(beside(q, k, v))], [y], shown)
    in_heads = lambda p: [heads_of(p[b], heads) for b in range(batch)]
    f.add("MultiHeadAttention", MS, ["x0", f.input(in_heads(k)), f.input(in_heads(v))], [y], shown)
    return f


def beams():
    """One token of a beam search: each key of a beam is that of the beam that it came from."""
    f = Case("beams")
    heads, depth, room, before, width = 2, 4, 6, 3, 2
    q, k, v = (noise(width, 1, heads * depth) for _ in range(3))
    past_k, past_v = noise(width, heads, room, depth), noise(width, heads, room, depth)
    origin = [[[0, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]]]
    of = lambda b, j: origin[0][b][j] if j < before else b  # the new key is the beam's own
    write = lambda past, new: [[h[:before] + n + h[before + 1:] for h, n in zip(past[b], heads_of(new[b], heads))]
                               for b in range(width)]
    keys, values = write(past_k, k), write(past_v, v)
    y = []
    for b in range(width):
        pick = lambda cache, h: [cache[of(b, j)][h][j] for j in range(before + 1)]
        y.append(joined([attend(heads_of(q[b], heads)[h], pick(keys, h), pick(values, h), depth ** -0.5)[0]
                         for h in range(heads)]))
    f.add("DecoderMaskedMultiHeadAttention", MS,
          [f.input(q), f.input(k), f.input(v), "", "", f.input(past_k), f.input(past_v), f.input([before], I32),
           f.input([width], I32), f.input(origin, I32)], [y, keys, values],
          attribute_int("num_heads", heads), attribute_int("past_present_share_buffer", 1))
    mask = [[1, 0, 1, 1], [1, 1, 1, 1]]
    own, scores = [], []
    for b in range(width):
        seen = lambda i, j: 0.0 if mask[b][j] else -10000.0
        cut = lambda cache, h: cache[b][h][:before + 1]
        out = [attend(heads_of(q[b], heads)[h], cut(keys, h), cut(values, h), depth ** -0.5, seen) for h in range(heads)]
        own.append(joined([o[0] for o in out]))
        scores.append([o[1] for o in out])
    f.add("DecoderMaskedMultiHeadAttention", MS,
          ["x0", "x1", "x2", f.input(mask, I32), "", "x3", "x4", "x5"], [own, keys, values, scores],
          attribute_int("num_heads", heads), attribute_int("past_present_share_buffer", 1),
          attribute_int("output_qk", 1))
    return f


def of_others():
    """Unidirectional queries of another's keys: the last one sees all of them."""
    f = Case("of_others")
    heads, depth, queries, count, batch = 2, 4, 3, 5, 2
    q, k, v = noise(batch, queries, heads * depth), noise(batch, count, heads * depth), \
        noise(batch, count, heads * depth)
    seen = lambda i, j: 0.0 if j <= i or i == queries - 1 else None
    hides = [[1, 1, 0, 1, 1], [1, 1, 1, 1, 0]]
    for mask in (None, hides):
        bias = lambda b: lambda i, j: seen(i, j) if not mask or mask[b][j] or seen(i, j) is None else -10000.0
        y = [joined([attend(*(heads_of(p[b], heads)[h] for p in (q, k, v)), depth ** -0.5, bias(b))[0]
                     for h in range(heads)]) for b in range(batch)]
        given = ["x0", "x1", "x2", "", f.input(mask, I32)] if mask else [f.input(q), f.input(k), f.input(v)]
        f.add("MultiHeadAttention", MS, given, [y], attribute_int("num_heads", heads),
              attribute_int("unidirectional", 1))
    return f


def uneven():
    """Caches that grow, of batches with different lengths: behind the keys of a short one there are zeros."""
    f = Case("uneven")
    heads, depth, before, lengths = 2, 4, 4, [4, 2]
    q, k, v = (noise(2, 1, heads * depth) for _ in range(3))
    past_k, past_v = noise(2, heads, before, depth), noise(2, heads, before, depth)
    grown = lambda past, new: [[h[:n] + e + [[0.0] * depth] * (before - n) for h, e in zip(past[b], heads_of(new[b], heads))]
                               for b, n in enumerate(lengths)]
    keys, values = grown(past_k, k), grown(past_v, v)
    y = [joined([attend(heads_of(q[b], heads)[h], keys[b][h][:n + 1], values[b][h][:n + 1], depth ** -0.5)[0]
                 for h in range(heads)]) for b, n in enumerate(lengths)]
    f.add("GroupQueryAttention", MS,
          [f.input(q), f.input(k), f.input(v), f.input(past_k), f.input(past_v), f.input(lengths, I32),
           f.constant([before + 1], I32)], [y, keys, values], attribute_int("num_heads", heads),
          attribute_int("kv_num_heads", heads))
    return f


def windowed():
    """A cache of 4 keys for a window of 3, of which eviction takes 2 at once: one token in each of two batches, and
    5 tokens at once, with a bias for all positions."""
    f = Case("windowed")
    heads, depth, room, window = 2, 4, 4, 3
    stays = lambda total: total if total <= room else total - 2 * ((total - room + 1) // 2)
    width = attribute_int("num_heads", heads), attribute_int("kv_num_heads", heads)
    slides = attribute_int("local_window_size", window), attribute_int("sliding_window_cache", 1)
    for totals, new in (([8, 2], 1), ([7, 9], 1), ([9], 5)):
        batch, longest = len(totals), max(totals)
        q, k, v = (noise(batch, new, heads * depth) for _ in range(3))
        past_k, past_v = noise(batch, heads, room, depth), noise(batch, heads, room, depth)
        bias = noise(1, 1, new, longest) if batch == 1 else None
        y, keys, values = [], [], []
        for b, total in enumerate(totals):
            there, kept = stays(total - new), stays(total)
            first = total - new - there  # position of the cache's first row
            parts = [[h[:there] + e for h, e in zip(past[b], heads_of(fresh[b], heads))]
                     for past, fresh in ((past_k, k), (past_v, v))]
            seen = lambda i, j: (bias[0][0][i][first + j] if bias else 0.0) if 0 <= there + i - j < window else None
            y.append(joined([attend(heads_of(q[b], heads)[h], parts[0][h], parts[1][h], depth ** -0.5, seen)[0]
                             for h in range(heads)]))
            for part, to in zip(parts, (keys, values)):
                to.append([h[len(h) - kept:] + [[0.0] * depth] * (room - kept) for h in part])
        f.add("GroupQueryAttention", MS,
              [f.input(q), f.input(k), f.input(v), f.input(past_k), f.input(past_v),
               f.input([t - 1 for t in totals], I32), f.constant([longest], I32), "", "", "",
               f.input(bias) if bias else ""], [y, keys, values], *width, *slides)
    return f


def integer_caches():
    """Caches of 8 bits with a scale for each channel; scores before softmax are shown, unseen ones as 0."""
    f = Case("integer_caches")
    heads, kv, depth, before, new = 2, 1, 4, 3, 2
    q, k, v = noise(1, new, heads * depth), noise(1, new, kv * depth), noise(1, new, kv * depth)
    past_k, past_v = ([[[[rng.randrange(-127, 128) for _ in range(depth)] for _ in range(before)]]]
                      for _ in range(2))
    scale = [[[[[rng.uniform(0.01, 0.03) for _ in range(depth)]]]] for _ in range(2)]
    whole = lambda row, s: [min(max(round(e / c), -128), 127) for e, c in zip(row, s[0][0][0])]
    caches = [[[p[0][0] + [whole(r, s) for r in part[0]]]] for p, part, s in
              zip((past_k, past_v), (k, v), scale)]
    keys, values = ([[e * c for e, c in zip(r, s[0][0][0])] for r in cache[0][0]] for cache, s in zip(caches, scale))
    seen = lambda i, j: 0.0 if j <= before + i else None
    out = [attend(heads_of(q[0], heads)[h], keys, values, 0.4, seen) for h in range(heads)]
    shown = [[[[0.0 if e is None else e for e in r] for r in o[1]] for o in out]]
    f.add("GroupQueryAttention", MS,
          [f.input(q), f.input(k), f.input(v), f.input(past_k, I8), f.input(past_v, I8),
           f.constant([before + new - 1], I32), f.constant([before + new], I32), "", "", "", "", "",
           f.constant(scale[0]), f.constant(scale[1])],
          [[joined([o[0] for o in out])], (caches[0], I8), (caches[1], I8), shown],
          attribute_int("num_heads", heads), attribute_int("kv_num_heads", kv), attribute_float("scale", 0.4),
          attribute_int("qk_output", 1), attribute_int("kv_cache_bit_width", 8), text("k_quant_type", "PER_CHANNEL"),
          text("v_quant_type", "PER_CHANNEL"))
    return f


def read_only():
    """Keys that another node has written: none are new."""
    f = Case("read_only")
    heads, depth, room, length = 2, 4, 6, 5
    q, past_k, past_v = noise(1, 2, heads * depth), noise(1, 1, room, depth), noise(1, 1, room, depth)
    seen = lambda i, j: 0.0 if j < min(length - 2 + i + 1, length) else None
    y = joined([attend(heads_of(q[0], heads)[h], past_k[0][0], past_v[0][0], depth ** -0.5, seen)[0]
                for h in range(heads)])
    f.inputs.append(("none", [1, 0, depth], [], F))
    f.add("GroupQueryAttention", MS, [f.input(q), "none", "none", f.input(past_k), f.input(past_v),
                                      f.input([length - 1], I32), f.constant([length], I32)],
          [[y]], attribute_int("num_heads", heads), attribute_int("kv_num_heads", 1))
    return f


def merged():
    """Attention of merged weights, with left and right padding and a past."""
    f = Case("merged")
    heads, depth, before, new, batch, width = 2, 3, 2, 3, 2, 5
    x, w, bias = noise(batch, new, width), noise(width, 18), noise(18)
    past, ends = noise(2, batch, heads, before, depth), [5, 4, 0, 1]
    y, present = [], [[], []]
    for b in range(batch):
        rows = [[dot(r, column) + bias[n] for n, column in enumerate(zip(*w))] for r in x[b]]
        q, k, v = (heads_of([r[6 * n:6 * n + 6] for r in rows], heads) for n in range(3))
        keys = [past[0][b][h] + k[h] for h in range(heads)]
        values = [past[1][b][h] + v[h] for h in range(heads)]
        seen = lambda i, j: 0.0 if ends[batch + b] <= j < ends[b] else -10000.0
        y.append(joined([attend(q[h], keys[h], values[h], depth ** -0.5, seen)[0] for h in range(heads)]))
        present[0].append(keys)
        present[1].append(values)
    f.add("Attention", MS, [f.input(x), f.constant(w), f.constant(bias), f.input(ends, I32), f.input(past)],
          [y, present], attribute_int("num_heads", heads))
    return f


def linear():
    """Two heads of queries for one of values, and the other way."""
    f = Case("linear", 27)
    steps, depth, wide = 4, 3, 5
    sigmoid = lambda e: 1 / (1 + math.exp(-e))

    def run(q, k, v, past, decay, beta, heads, kv):
        state = [[list(r) for r in h] for h in past]
        y = []
        for t in range(steps):
            row = []
            hq, hk, hv = (heads_of([part[t]], n) for part, n in ((q, heads), (k, kv), (v, kv)))
            for h in range(kv):
                s = state[h]
                for i in range(depth):
                    s[i] = [e * math.exp(decay[t][h]) for e in s[i]]
                known = [dot(hk[h][0], column) for column in zip(*s)]
                delta = [beta[t][h] * (hv[h][0][j] - known[j]) for j in range(wide)]
                for i in range(depth):
                    s[i] = [s[i][j] + hk[h][0][i] * delta[j] for j in range(wide)]
            for n in range(max(heads, kv)):
                query = hq[n * heads // max(heads, kv)][0]
                row += [0.5 * dot(query, column) for column in zip(*state[n * kv // max(heads, kv)])]
            y.append(row)
        return y, state

    for domain, heads, kv in (("", 2, 1), (MS, 1, 2)):
        q, k, v = noise(steps, heads * depth), noise(steps, kv * depth), noise(steps, kv * wide)
        decay = [[-abs(e) for e in r] for r in noise(steps, kv)]
        beta = [[sigmoid(e) for e in r] for r in noise(steps, kv)]
        past = noise(kv, depth, wide)
        y, state = run(q, k, v, past, decay, beta, heads, kv)
        f.add("LinearAttention", domain, [f.input([a]) for a in (q, k, v, past, decay, beta)], [[y], [state]],
              attribute_int("q_num_heads", heads), attribute_int("kv_num_heads", kv),
              attribute_float("scale", 0.5))
    return f


def flex():
    """Scores and probabilities that graphs change; heads of queries share one of keys."""
    f = Case("flex", 26)
    q, k, v = noise(1, 2, 3, 4), noise(1, 1, 5, 4), noise(1, 1, 5, 4)
    half = contents("half", [], [0.5])
    twice = contents("twice", [], [2.0])
    inner = lambda op, name, constant: graph([node(op, ["s", name], ["r"], "change")], [value("s", list("bhls"))],
                                             [value("r", list("bhls"))], [constant])
    y = [[[[2 * e for e in r] for r in attend(head, k[0][0], v[0][0], 0.25)[0]] for head in q[0]]]
    f.add("FlexAttention", "ai.onnx.preview", [f.input(q), f.input(k), f.input(v)], [y],
          attribute_graph("score_mod", inner("Mul", "half", half)),
          attribute_graph("prob_mod", inner("Mul", "twice", twice)))
    return f


for case in (group_query("group_query", [3, 1], 0, None), group_query("group_window", [7, 4], 3, noise(4), 1),
             group_query("group_tiles", [20, 13], 7, None, 12, 21), tiles(), spelt(), spelt_together(), spelt_by_letters(), no_keys(), multi_head(), packed(),
             beams(), of_others(), uneven(), windowed(), integer_caches(), read_only(), merged(), linear(), flex()):
    case.save(sys.argv[1])
