"""Models of random numbers, optimisers and Gradient with their data, for operators.sh: as op_cases.py.

    python3 training_cases.py FOLDER

Random numbers are drawn here once more, from the generator's definition; its known answers come first.
Gradients are differences of the functions in double precision."""
import itertools
import math
import struct
import sys

from case_family import size
from onnx_writer import (attribute_float, attribute_graph, attribute_int, attribute_ints, field, graph,
                         node, save_case, value)
from op_cases import B, F, I, I32, Operators, matmul, noise, text

F16, F64 = 10, 11
DOMAIN = "ai.onnx.preview.training"
MASK, WHOLE = (1 << 32) - 1, (1 << 64) - 1


def strings(name, entries):
    return field(1, name) + b"".join(field(9, e) for e in entries) + field(20, 8)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


# ---- The generator ----

def philox(key, index, iteration=0):
    c = [index & MASK, index >> 32, iteration & MASK, iteration >> 32]
    k0, k1 = key & MASK, key >> 32
    for _ in range(10):
        p, q = c[0] * 0xd2511f53, c[2] * 0xcd9e8d57
        c = [q >> 32 ^ c[1] ^ k0, q & MASK, p >> 32 ^ c[3] ^ k1, p & MASK]
        k0, k1 = (k0 + 0x9e3779b9) & MASK, (k1 + 0xbb67ae85) & MASK
    return c


# From the authors' own tests.
assert philox(0, 0) == [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]
assert philox(WHOLE, WHOLE, WHOLE) == [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]


def mix(x):
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & WHOLE
    x = (x ^ x >> 27) * 0x94d049bb133111eb & WHOLE
    return x ^ x >> 31


def key_of_seed(seed):
    """An integer is Dropout's; the others' are floats."""
    bits = seed if isinstance(seed, int) else struct.unpack("<Q", struct.pack("<d", single(seed)))[0]
    return mix(mix(1) + bits & WHOLE)


def key_of_node(number, option=0):
    return mix(mix(mix(2) + option & WHOLE) + number & WHOLE)


def uniform(key, index, iteration=0, double=False):
    w = philox(key, index, iteration)
    return (w[0] << 21 | w[1] >> 11) / 2 ** 53 if double else (w[0] >> 8) / 2 ** 24


def normal(key, index, iteration=0, double=False):
    w = philox(key, index, iteration)
    u = ((w[0] << 21 | w[1] >> 11) + 1) / 2 ** 53 if double else ((w[0] >> 8) + 1) / 2 ** 24
    v = (w[2] << 21 | w[3] >> 11) / 2 ** 53 if double else (w[2] >> 8) / 2 ** 24
    return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)


# ---- Random numbers ----

def random_numbers():
    f = Operators("random_numbers", 22)
    shape = attribute_ints("shape", [3, 50])
    key, seed = key_of_seed(7.5), attribute_float("seed", 7.5)
    many = range(150)
    u, z = [uniform(key, i) for i in many], [normal(key, i) for i in many]
    f.add("RandomUniform", [], [([3, 50], [3 * e - 1 for e in u], F)], shape, seed,
          attribute_float("low", -1), attribute_float("high", 2))
    f.add("RandomNormal", [], [([3, 50], [0.5 * e + 4 for e in z], F)], shape, seed,
          attribute_float("mean", 4), attribute_float("scale", 0.5))
    f.add("RandomNormal", [], [([3, 50], [normal(key, i, 0, True) for i in many], F64)], shape, seed,
          attribute_int("dtype", F64))
    f.add("RandomUniform", [], [([3, 50], [uniform(key_of_node(0), i) for i in many], F)], shape)
    wide = f.input([150], noise(150))
    f.add("RandomNormalLike", [wide], [([150], [normal(key_of_node(1), i) for i in many], F)])
    f.add("RandomUniformLike", [wide], [([150], [uniform(key_of_node(2), i, 0, True) for i in many], F64)],
          attribute_int("dtype", F64))
    p = [single((i % 11) / 10) for i in many]
    chance = f.input([150], p)
    hits = [uniform(key, i) < p[i] for i in many]
    f.add("Bernoulli", [chance], [([150], hits, B)], seed, attribute_int("dtype", B))
    f.add("Bernoulli", [chance], [([150], [float(h) for h in hits], F)], seed)
    return f


def multinomial():
    f = Operators("multinomial", 22)
    rows = [[0.0, 1.0, -math.inf, 2.0], [5.0, 0.0, 0.0, -math.inf]]
    x = f.input([2, 4], rows[0] + rows[1])
    wanted = []
    for n, row in enumerate(rows):
        p = [math.exp(e) for e in row]
        sums = [sum(p[:k + 1]) for k in range(4)]
        for s in range(60):
            u = uniform(key_of_seed(3.0), n * 60 + s, 0, True) * sums[-1]
            wanted.append(sum(e <= u for e in sums))
    attributes = [attribute_int("sample_size", 60), attribute_float("seed", 3.0)]
    f.add("Multinomial", [x], [([2, 60], wanted, I32)], *attributes)
    f.add("Multinomial", [x], [([2, 60], wanted, I)], attribute_int("dtype", I), *attributes)
    return f


def dropout():
    f = Operators("dropout", 22)
    shape, v = [4, 25], noise(100)
    x, ratio, yes = f.input(shape, v), f.constant([], [0.3]), f.constant([], [True], B)
    kept = [uniform(key_of_seed(9), i) >= single(0.3) for i in range(100)]
    y = [e / 0.7 * k for e, k in zip(v, kept)]
    seed = attribute_int("seed", 9)
    f.add("Dropout", [x, ratio, yes], [(shape, y, F), (shape, kept, B)], seed)
    mode = f.input([], [True], B)
    f.add("Dropout", [x, ratio, mode], [(shape, y, F), (shape, kept, B)], seed)
    mode = f.input([], [False], B)
    f.add("Dropout", [x, ratio, mode], [(shape, v, F), (shape, [True] * 100, B)], seed)
    half = [uniform(key_of_node(0), i) >= 0.5 for i in range(100)]
    f.add("Dropout", [x, "", yes], [(shape, [2 * e * k for e, k in zip(v, half)], F)])
    return f


def random_in_loops():
    """Each iteration has its own numbers, of loops within each other too."""
    f = Operators("random_in_loops", 22)
    key, golden = key_of_seed(1.0), 0x9e3779b97f4a7c15
    shape, seed = attribute_ints("shape", [2]), attribute_float("seed", 1.0)

    def loop(name, inner, made):
        body = graph([node("Identity", [name + "c"], [name + "d"], name + "same"), *inner],
                     [value(name + "i", [], I), value(name + "c", [], B)],
                     [value(name + "d", [], B), value(made, [2] if name == "a" else [3, 2])])
        return attribute_graph("body", body)

    draw = node("RandomUniform", [], ["u"], "draw", attributes=[shape, seed])
    three, two = f.constant([], [3], I), f.constant([], [2], I)
    f.add("Loop", [three, ""], [([3, 2], [uniform(key, i, t) for t in range(3) for i in range(2)], F)],
          loop("a", [draw], "u"))
    inner = node("Loop", [three, ""], ["s"], "inner", attributes=[loop("a", [draw], "u")])
    numbers = [uniform(key, i, (o * golden + t) & WHOLE)
               for o in range(2) for t in range(3) for i in range(2)]
    f.add("Loop", [two, ""], [([2, 3, 2], numbers, F)], loop("b", [inner], "s"))
    return f


# ---- Training ----

class Training(Operators):
    """With nodes of the training domain."""

    def put(self, op, inputs, results, *attributes):
        names = ["y%d" % (len(self.outputs) + k) for k in range(len(results))]
        self.nodes.append(node(op, inputs, names, op + names[0], DOMAIN, attributes))
        self.outputs += [(n, *r) for n, r in zip(names, results)]

    def save(self, folder):
        said = [value(n, s, t) for n, s, _, t in self.inputs]
        made = [value(n, s, t) for n, s, _, t in self.outputs]
        save_case(folder + "/" + self.name, graph(self.nodes, said, made, self.constants), self.inputs,
                  self.outputs, self.opset, field(8, field(1, DOMAIN) + field(2, 1)))


def optimisers():
    f = Training("optimisers")
    shapes = [[2, 3], [4]]
    r, t = 0.1, 5
    rate, count, first = f.input([], [r]), f.input([], [t], I), f.input([1], [0], I)
    lists = [[noise(size(s), low, 2) for s in shapes] for low in (-2, -2, -2, 0.1)]
    x, g, v, h = [[f.input(s, e) for s, e in zip(shapes, k)] for k in lists]

    def each(rule):
        """Outputs, all of one kind together."""
        made = [[rule(*e) for e in zip(*(k[n] for k in lists))] for n in range(2)]
        return [(shapes[n], [e[k] for e in made[n]], F) for k in range(len(made[0][0])) for n in range(2)]

    def adagrad(x, g, _, h):
        g += 0.01 * x
        return x - r / (1 + t * 0.2) * g / (math.sqrt(h + g * g) + 1e-3), h + g * g

    def adam(x, g, v, h):
        g += 0.01 * x
        v, h = 0.8 * v + 0.2 * g, 0.95 * h + 0.05 * g * g
        step = r * math.sqrt(1 - 0.95 ** t) / (1 - 0.8 ** t) * v / (math.sqrt(h) + 1e-3)
        return 0.9 * (x - step), v, h

    def momentum(beta, nesterov):
        def rule(x, g, v, _):
            g += 0.01 * x
            v = 0.8 * v + beta * g
            return x - r * (g + 0.8 * v if nesterov else v), v
        return rule

    norm, epsilon = attribute_float("norm_coefficient", 0.01), attribute_float("epsilon", 1e-3)
    alpha = attribute_float("alpha", 0.8)
    f.put("Adagrad", [rate, count, *x, *g, *h], each(adagrad), norm, epsilon,
          attribute_float("decay_factor", 0.2))
    f.put("Adam", [rate, count, *x, *g, *v, *h], each(adam), norm, epsilon, alpha,
          attribute_float("beta", 0.95), attribute_float("norm_coefficient_post", 0.1))
    beta = attribute_float("beta", 0.3)
    for when, share in ((count, 0.3), (first, 1)):
        for mode in ("standard", "nesterov"):
            f.put("Momentum", [rate, when, *x, *g, *v], each(momentum(share, mode == "nesterov")), norm,
                  alpha, beta, text("mode", mode))
    return f


def slope(function, inputs, which):
    """Of the sum of function(*inputs), which are lists, by each element of one of them."""
    result = []
    for i in range(len(inputs[which])):
        sides = []
        for step in (1e-5, -1e-5):
            moved = [list(e) for e in inputs]
            moved[which][i] += step
            sides.append(math.fsum(function(*moved)))
        result.append((sides[0] - sides[1]) / 2e-5)
    return result


def gradient_case(f, shapes, lists, nodes, function):
    """nodes: of inputs named a, b ... to y; gradients by all inputs."""
    tag = "g%d_" % len(f.nodes)
    names = [f.input(s, v) for s, v in zip(shapes, lists)]
    own = dict(zip("abcd", names))
    for op, inputs, output, *attributes in nodes:
        f.nodes.append(node(op, [own.get(i, tag + i if i and i[0] != "c" else i) for i in inputs],
                            [tag + output], tag + output, attributes=attributes))
    f.put("Gradient", names, [(s, slope(function, lists, i), F) for i, s in enumerate(shapes)],
          strings("xs", names), text("y", tag + "y"))


def unary_gradients():
    f = Training("unary_gradients", 24)
    sigmoid = lambda e: 1 / (1 + math.exp(-e))
    rules = [("Neg", lambda e: -e), ("Abs", abs), ("Reciprocal", lambda e: 1 / e), ("Sqrt", math.sqrt),
             ("Exp", math.exp), ("Log", math.log), ("Sin", math.sin), ("Cos", math.cos),
             ("Tanh", math.tanh), ("Erf", math.erf), ("Sigmoid", sigmoid),
             ("Softplus", lambda e: math.log1p(math.exp(e))), ("Relu", lambda e: max(e, 0)),
             ("LeakyRelu", lambda e: e if e > 0 else 0.01 * e), ("Identity", lambda e: e),
             ("Tan", math.tan), ("Asin", math.asin), ("Acos", math.acos), ("Atan", math.atan),
             ("Sinh", math.sinh), ("Cosh", math.cosh), ("Asinh", math.asinh), ("Acosh", math.acosh),
             ("Atanh", math.atanh), ("Softsign", lambda e: e / (1 + abs(e))),
             ("Elu", lambda e: e if e > 0 else math.expm1(e)), ("Swish", lambda e: e * sigmoid(e)),
             ("Gelu", lambda e: e * (1 + math.erf(e / math.sqrt(2))) / 2)]
    bounds = {"Tan": (-1, 1), "Asin": (-0.9, 0.9), "Acos": (-0.9, 0.9), "Atanh": (-0.9, 0.9),
              "Acosh": (1.2, 3), "Reciprocal": (0.2, 2), "Sqrt": (0.2, 2), "Log": (0.2, 2)}
    for op, rule in rules:
        gradient_case(f, [[2, 5]], [noise(10, *bounds.get(op, (-2, 2)))], [(op, ["a"], "y")],
                      lambda a, rule=rule: [rule(e) for e in a])
    near = lambda e: e * (1 + math.tanh(math.sqrt(2 / math.pi) * (e + 0.044715 * e ** 3))) / 2
    gradient_case(f, [[8]], [noise(8)], [("Gelu", ["a"], "y", text("approximate", "tanh"))],
                  lambda a: [near(e) for e in a])
    gradient_case(f, [[8]], [noise(8)], [("Clip", ["a", f.constant([], [-1.0]), f.constant([], [1.0])], "y")],
                  lambda a: [min(max(e, -1), 1) for e in a])
    return f


def broadcast_gradients():
    f = Training("broadcast_gradients")
    wide, thin = [2, 3, 4], [3, 1]
    pick = lambda a, b: [(a[i], b[i // 4 % 3]) for i in range(24)]
    rules = [("Add", lambda p, q: p + q), ("Sub", lambda p, q: p - q), ("Mul", lambda p, q: p * q),
             ("Div", lambda p, q: p / q), ("Pow", lambda p, q: p ** q), ("Sum", lambda p, q: p + q),
             ("Mean", lambda p, q: (p + q) / 2), ("Max", max), ("Min", min)]
    for op, rule in rules:
        for turn in (False, True):
            shapes, order = ([thin, wide], ["a", "b"]) if turn else ([wide, thin], ["a", "b"])
            lists = [noise(size(s), 0.5, 2) for s in shapes]
            gradient_case(f, shapes, lists, [(op, order, "y")], lambda a, b, rule=rule, turn=turn: [
                rule(q, p) if turn else rule(p, q) for p, q in (pick(b, a) if turn else pick(a, b))])
    gradient_case(f, [[6], [6]], [noise(6), noise(6)],
                  [("Greater", ["a", "b"], "m"), ("Where", ["m", "a", "b"], "y")],
                  lambda a, b: [max(p, q) for p, q in zip(a, b)])
    return f


def shaped_gradients():
    """Through a square, so that the gradient differs from element to element."""
    f = Training("shaped_gradients")
    square = ("Mul", ["t", "t"], "y")
    axes = f.constant([1], [-1], I)
    rows = lambda a: [a[i * 4:i * 4 + 4] for i in range(3)]
    flat = [("Reshape", [f.constant([2], [2, 6], I)]), ("Unsqueeze", [axes]), ("Flatten", []),
            ("Transpose", []), ("Identity", [])]
    for op, more in flat:
        gradient_case(f, [[3, 4]], [noise(12)], [(op, ["a", *more], "t"), square],
                      lambda a: [e * e for e in a])
    gradient_case(f, [[3, 1]], [noise(3)], [("Expand", ["a", f.constant([3], [2, 3, 4], I)], "t"), square],
                  lambda a: [8 * e * e for e in a])
    gradient_case(f, [[3, 2], [3, 1]], [noise(6), noise(3)],
                  [("Concat", ["a", "b"], "t", attribute_int("axis", -1)), square],
                  lambda a, b: [e * e for e in a + b])
    for keep in (0, 1):
        one = [attribute_int("keepdims", keep)]
        gradient_case(f, [[3, 4]], [noise(12)], [("ReduceSum", ["a", axes], "t", *one), square],
                      lambda a: [sum(r) ** 2 for r in rows(a)])
        gradient_case(f, [[3, 4]], [noise(12)], [("ReduceMean", ["a"], "t", *one), square],
                      lambda a: [(sum(a) / 12) ** 2])

    gradient_case(f, [[3, 4]], [noise(12)], [("ReduceMax", ["a", axes], "t"), square],
                  lambda a: [max(r) ** 2 for r in rows(a)])
    gradient_case(f, [[3, 4]], [noise(12)], [("ReduceMin", ["a"], "t"), square], lambda a: [min(a) ** 2])
    gradient_case(f, [[3, 4]], [noise(12)], [("Gather", ["a", f.constant([4], [2, 0, 2, -2], I)], "t"), square],
                  lambda a: [e * e for i in (2, 0, 2, 1) for e in rows(a)[i]])
    gradient_case(f, [[1, 3, 4]], [noise(12)], [("GlobalAveragePool", ["a"], "t"), square],
                  lambda a: [(sum(r) / 4) ** 2 for r in rows(a)])

    def softmax(a):
        return [math.exp(e) / sum(map(math.exp, r)) for r in rows(a) for e in r]

    gradient_case(f, [[3, 4]], [noise(12)], [("Softmax", ["a"], "t"), square],
                  lambda a: [e * e for e in softmax(a)])
    gradient_case(f, [[3, 4]], [noise(12)], [("LogSoftmax", ["a"], "t"), square],
                  lambda a: [math.log(e) ** 2 for e in softmax(a)])
    return f


def product_gradients():
    f = Training("product_gradients")
    square = ("Mul", ["t", "t"], "y")
    squares = lambda v: [e * e for e in v]
    gradient_case(f, [[3, 4], [4, 5]], [noise(12), noise(20)], [("MatMul", ["a", "b"], "t"), square],
                  lambda a, b: squares(matmul(a, b, 3, 4, 5)))
    gradient_case(f, [[4], [4, 5]], [noise(4), noise(20)], [("MatMul", ["a", "b"], "t"), square],
                  lambda a, b: squares(matmul(a, b, 1, 4, 5)))
    gradient_case(f, [[2, 3, 4], [4]], [noise(24), noise(4)], [("MatMul", ["a", "b"], "t"), square],
                  lambda a, b: squares(matmul(a, b, 6, 4, 1)))
    gradient_case(f, [[2, 3, 4], [4, 5]], [noise(24), noise(20)], [("MatMul", ["a", "b"], "t"), square],
                  lambda a, b: squares(matmul(a, b, 6, 4, 5)))
    turn = lambda v, n, m: [v[j * n + i] for i in range(n) for j in range(m)]
    for a_turn in (0, 1):
        for b_turn in (0, 1):
            flags = [attribute_int("transA", a_turn), attribute_int("transB", b_turn),
                     attribute_float("alpha", 0.5), attribute_float("beta", 2)]

            def gemm(a, b, c, a_turn=a_turn, b_turn=b_turn):
                a, b = turn(a, 3, 4) if a_turn else a, turn(b, 4, 5) if b_turn else b
                return squares([0.5 * e + 2 * c[i % 5] for i, e in enumerate(matmul(a, b, 3, 4, 5))])

            shapes = [[4, 3] if a_turn else [3, 4], [5, 4] if b_turn else [4, 5], [5]]
            gradient_case(f, shapes, [noise(size(s)) for s in shapes],
                          [("Gemm", ["a", "b", "c"], "t", *flags), square], gemm)
    return f


def conv(x, w, bias, batch, channels, width, outputs, taps, group, stride, dilation, pads):
    """Along one axis."""
    result, part = [], channels // group
    windows = (width + pads[0] + pads[1] - (taps - 1) * dilation - 1) // stride + 1
    for n, m, o in ((n, m, o) for n in range(batch) for m in range(outputs) for o in range(windows)):
        total = bias[m]
        for c, k in ((c, k) for c in range(part) for k in range(taps)):
            i = o * stride + k * dilation - pads[0]
            if 0 <= i < width:
                from_channel = m // (outputs // group) * part + c
                total += x[(n * channels + from_channel) * width + i] * w[(m * part + c) * taps + k]
        result.append(total)
    return result


def conv_gradients():
    f = Training("conv_gradients")
    square = ("Mul", ["t", "t"], "y")
    ways = [(1, 1, 1, [1, 1]), (1, 2, 1, [0, 1]), (2, 2, 2, [1, 0]), (4, 1, 2, [2, 1])]
    for image, (group, stride, dilation, pads) in itertools.product(([], [1]), ways):
        none = [0] * len(image)  # images of one row
        attributes = [attribute_int("group", group), attribute_ints("strides", image + [stride]),
                      attribute_ints("dilations", image + [dilation]),
                      attribute_ints("pads", none + pads[:1] + none + pads[1:])]
        shapes = [[2, 4, *image, 10], [4, 4 // group, *image, 3], [4]]
        gradient_case(f, shapes, [noise(size(s)) for s in shapes],
                      [("Conv", ["a", "b", "c"], "t", *attributes), square],
                      lambda x, w, b: [e * e for e in conv(x, w, b, 2, 4, 10, 4, 3, group, stride, dilation,
                                                           pads)])
    return f


def loss_gradients():
    """Scores [2, 3, 4], of 3 classes; label 1 is ignored where that is asked for."""
    f = Training("loss_gradients")
    labels = [0, 2, 1, 1, 2, 0, 0, 1]
    classes, weights = f.constant([2, 4], labels, I), [0.5, 1.5, 2.0]
    heavy = f.constant([3], weights)

    def loss(scores, soft, reduction, weigh, ignore):
        parts, total = [], 0
        for i, k in enumerate(labels):
            column = [scores[(i // 4 * 3 + c) * 4 + i % 4] for c in range(3)]
            most = math.log(sum(map(math.exp, column))) if soft else 0
            weight = (weights[k] if weigh else 1) * (k != ignore)
            parts.append((most - column[k]) * weight)
            total += weight
        return parts if reduction == "none" else [sum(parts) / (total if reduction == "mean" else 1)]

    for op in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"):
        for reduction, weigh, ignore in (("mean", 0, 9), ("mean", 1, 1), ("sum", 1, 9), ("none", 1, 1)):
            attributes = [text("reduction", reduction)] + [attribute_int("ignore_index", ignore)] * (ignore < 9)
            more = [classes] + [heavy] * weigh
            gradient_case(f, [[2, 3, 4]], [noise(24)], [(op, ["a", *more], "y", *attributes)],
                          lambda a, op=op, way=(reduction, weigh, ignore): loss(a, op[0] == "S", *way))
    return f


def gradient_forms():
    """Other values than the tensors named, zs, an intermediate tensor, weights that are constants."""
    f = Training("gradient_forms")
    v, w, u = noise(4), noise(4), noise(4)
    x, other, z = f.input([4], v), f.input([4], u), f.constant([4], w)
    f.nodes += [node("Mul", [x, x], ["h"], "square"), node("Mul", ["h", z], ["p"], "times"),
                node("Sigmoid", ["p"], ["s"], "sigmoid")]
    ds = lambda p: math.exp(-p) / (1 + math.exp(-p)) ** 2
    f.put("Gradient", [x, z], [([4], [2 * a * b * ds(a * a * b) for a, b in zip(v, w)], F)],
          strings("xs", [x]), strings("zs", [z]), text("y", "s"))
    f.put("Gradient", [other, z], [([4], [2 * a * b * ds(a * a * b) for a, b in zip(u, w)], F)],
          strings("xs", [x]), strings("zs", [z]), text("y", "s"))
    f.put("Gradient", ["h", z], [([4], [b * ds(a * a * b) for a, b in zip(v, w)], F)],
          strings("xs", ["h"]), strings("zs", [z]), text("y", "s"))
    f.put("Gradient", [z, x], [([4], [a * a * ds(a * a * b) for a, b in zip(v, w)], F)],
          strings("xs", [z]), strings("zs", [x]), text("y", "s"))
    f.nodes.append(node("Mul", [z, z], ["k"], "constant"))
    f.put("Gradient", [z, x], [([4], [2 * b for b in w], F), ([4], [0.0] * 4, F)],
          strings("xs", [z, x]), text("y", "k"))
    ratio, yes = f.constant([], [0.5]), f.constant([], [True], B)
    f.nodes.append(node("Dropout", ["h", ratio, yes], ["d"], "drop", "", [attribute_int("seed", 4)]))
    kept = [uniform(key_of_seed(4), i) >= 0.5 for i in range(4)]
    f.put("Gradient", [x], [([4], [4 * a * k for a, k in zip(v, kept)], F)], strings("xs", [x]),
          text("y", "d"))
    return f


def main():
    for family in (random_numbers, multinomial, dropout, random_in_loops, optimisers, unary_gradients,
                   broadcast_gradients, shaped_gradients, product_gradients, conv_gradients, loss_gradients,
                   gradient_forms):
        family().save(sys.argv[1])


if __name__ == "__main__":
    main()
