"""Models of everything that looks for an extreme, on inputs with a NaN at every position, and what they
give by docs/operators.md: a NaN is above all numbers, below them for a minimum; the first one is where
ArgMax points. Writes FOLDER/WIDTH/model.onnx and FOLDER/WIDTH/test_data_set_0, for nan.sh."""
import math
import os
import random
import struct
import sys

from onnx_writer import attribute_int, attribute_ints, contents, field, graph, node, save, value

FLOAT, INT64 = 1, 7
WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65]
folder = sys.argv[1]
rng = random.Random(3)
nan = math.nan


def write_npy(path, shape, values, code):
    head = "{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }" % (
        code, "".join("%d, " % d for d in shape))
    head = head.ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack("<%d%s" % (len(values), "f" if code == "f4" else "q"), *values))


def ints_of(name, shape, values):
    return contents(name, shape, values, INT64)


def ints(name, values):
    return ints_of(name, [len(values)], values)


def extreme(row, sign):
    return nan if any(map(math.isnan, row)) else sign * max(sign * v for v in row)


def clip(v, low, high):
    """As the standard defines it, by Less and Where: a bound that is NaN limits nothing."""
    v = low if v < low else v
    return high if high < v else v


def places(row, sign):
    """Where the extreme is."""
    best = extreme(row, sign)
    return [i for i, v in enumerate(row) if v == best or (math.isnan(best) and math.isnan(v))]


def softmax(row):
    most = extreme(row, 1)
    if math.isnan(most):
        return [nan] * len(row)
    e = [math.exp(v - most) for v in row]
    return [v / sum(e) for v in e]


def top(row, k, sign):
    """NaN counts as the largest value."""
    key = lambda i: (-sign * (1 if math.isnan(row[i]) else 0),
                     0 if math.isnan(row[i]) else -sign * row[i], i)
    order = sorted(range(len(row)), key=key)[:k]
    return order


class Model:
    def __init__(self, width):
        self.path = os.path.join(folder, str(width))
        self.nodes, self.outputs, self.constants = [], [], []
        os.makedirs(self.path + "/test_data_set_0")

    def add(self, op, attributes, outputs, inputs=("x",)):
        """outputs: (type, shape, values)."""
        names = []
        for kind, shape, values in outputs:
            i = len(self.outputs)
            names.append("y%d" % i)
            self.outputs.append(value("y%d" % i, shape, kind))
            write_npy("%s/test_data_set_0/output_%d.pb" % (self.path, i), shape, values,
                      "f4" if kind == FLOAT else "i8")
        name = "n%d_%s" % (len(self.nodes), op)
        self.nodes.append(node(op, inputs, names, name, "", attributes))

    def constant(self, values):
        name = "c%d" % len(self.constants)
        self.constants.append(ints(name, values))
        return name

    def number(self, shape, values):
        name = "c%d" % len(self.constants)
        self.constants.append(contents(name, shape, values))
        return name

    def inner(self, op, inputs, attributes=()):
        """A tensor that lies as lpc likes, not as the user sees it."""
        name = "t%d" % len(self.nodes)
        self.nodes.append(node(op, inputs, [name], name, "", attributes))
        return name


def flat(rows):
    return [v for row in rows for v in row]


def reductions(m, rows, axis):
    n = len(rows)
    keep = [attribute_int("keepdims", 0)]
    axes = m.constant([axis])
    for op, sign in (("ReduceMax", 1), ("ReduceMin", -1)):
        m.add(op, keep, [(FLOAT, [n], [extreme(r, sign) for r in rows])], ("x", axes))
    for op, sign in (("ArgMax", 1), ("ArgMin", -1)):
        for last in (0, 1):
            m.add(op, keep + [attribute_int("axis", axis), attribute_int("select_last_index", last)],
                  [(INT64, [n], [places(r, sign)[-last] for r in rows])])


def whole_rows(m, rows, width):
    n, axis = len(rows), attribute_int("axis", 1)
    m.add("Softmax", [axis], [(FLOAT, [n, width], flat(map(softmax, rows)))])
    one = [[float(i == places(r, 1)[0]) for i in range(width)] for r in rows]
    m.add("Hardmax", [axis], [(FLOAT, [n, width], flat(one))])
    k = min(3, width)
    for largest, sign in ((1, 1), (0, -1)):
        order = [top(r, k, sign) for r in rows]
        values = [[r[i] for i in o] for r, o in zip(rows, order)]
        m.add("TopK", [axis, attribute_int("largest", largest)],
              [(FLOAT, [n, k], flat(values)), (INT64, [n, k], flat(order))], ("x", m.constant([k])))


def pools(m, rows, width):
    """Rows are channels; the same as [1, n, width, 1], whose windows are columns."""
    n = len(rows)
    windows = [[list(range(max(0, i - 1), min(width, i + 2))) for i in range(width)] for _ in rows]
    best = [[extreme([r[i] for i in w], 1) for w in ws] for r, ws in zip(rows, windows)]
    at = [[c * width + w[places([r[i] for i in w], 1)[0]] for w in ws]
          for c, (r, ws) in enumerate(zip(rows, windows))]
    shape = m.constant([1, n, width])
    m.nodes.append(node("Reshape", ["x", shape], ["image"], "image"))
    attributes = [attribute_ints("kernel_shape", [3]), attribute_ints("pads", [1, 1])]
    m.add("MaxPool", attributes, [(FLOAT, [1, n, width], flat(best))], ("image",))
    m.add("MaxPool", attributes, [(FLOAT, [1, n, width], flat(best)), (INT64, [1, n, width], flat(at))],
          ("image",))
    m.add("GlobalMaxPool", [], [(FLOAT, [1, n, 1], [extreme(r, 1) for r in rows])], ("image",))


def channels_last(m, rows, width):
    """Columns are channels, one behind the other in memory: as made by element-wise work on such a view
    and used by it."""
    n = len(rows)
    low = m.inner("Neg", ["x"])
    image = m.inner("Reshape", [low, m.constant([1, n, 1, width])])
    image = m.inner("Transpose", [image], [attribute_ints("perm", [0, 3, 1, 2])])
    image = m.inner("Add", [image, m.number([1], [0.25])])
    windows = [list(range(max(0, i - 1), min(n, i + 2))) for i in range(n)]
    taken = [[[-rows[i][c] + 0.25 for i in w] for w in windows] for c in range(width)]
    best = [[-extreme(t, 1) for t in ts] for ts in taken]
    at = [[7 - c * n - w[places(t, 1)[0]] for w, t in zip(windows, ts)] for c, ts in enumerate(taken)]
    attributes = [attribute_ints("kernel_shape", [3, 1]), attribute_ints("pads", [1, 0, 1, 0])]
    made = (FLOAT, [1, width, n, 1], flat(best))
    m.add("Neg", [], [made], (m.inner("MaxPool", [image], attributes),))
    m.nodes.append(node("MaxPool", [image], ["most", "where"], "pool_at", "", attributes))
    m.add("Neg", [], [made], ("most",))
    m.add("Sub", [], [(INT64, [1, width, n, 1], flat(at))], (m.constant([7]), "where"))
    over = m.inner("GlobalMaxPool", [image])
    m.add("Neg", [], [(FLOAT, [1, width, 1, 1],
                       [-extreme([-r[c] + 0.25 for r in rows], 1) for c in range(width)])], (over,))


def clips(m, rows, width):
    for low, high in ((-0.5, 1.0), (-0.5, None), (None, 1.0), (1.0, -0.5), (nan, 1.0), (-0.5, nan)):
        names = ["x"] + ["" if v is None else m.number([], [v]) for v in (low, high)]
        y = [clip(v, -math.inf if low is None else low, math.inf if high is None else high)
             for v in flat(rows)]
        m.add("Clip", [], [(FLOAT, [len(rows), width], y)], names[:3 if high is not None else 2])
    # Behind another node, which takes it into its kernel.
    total = m.inner("MatMul", ["x", m.number([width, 2], [0.5, -1.0] * width)])
    sums = [[w * sum(r) for w in (0.5, -1.0)] for r in rows]
    m.add("Clip", [], [(FLOAT, [len(rows), 2], [clip(v, -0.5, 1.0) for v in flat(sums)])],
          (total, m.number([], [-0.5]), m.number([], [1.0])))


def broadcasts(m, rows, width):
    """With a row, a column, a scalar that is NaN, and all of them at once."""
    n = len(rows)
    row = [nan if i % 3 == 1 else 0.25 * i - 1 for i in range(width)]
    column = [nan if i % 4 == 2 else 0.5 - 0.125 * i for i in range(n)]
    row_name, column_name = m.number([width], row), m.number([n, 1], column)
    scalar = m.number([], [nan])
    for op, sign in (("Max", 1), ("Min", -1)):
        for name, take in ((row_name, lambda i, k: [row[k]]), (column_name, lambda i, k: [column[i]]),
                           (scalar, lambda i, k: [nan])):
            y = [extreme([rows[i][k]] + take(i, k), sign) for i in range(n) for k in range(width)]
            for inputs in (("x", name), (name, "x")):
                m.add(op, [], [(FLOAT, [n, width], y)], inputs)
        y = [extreme([rows[i][k], row[k], column[i]], sign) for i in range(n) for k in range(width)]
        m.add(op, [], [(FLOAT, [n, width], y)], (row_name, "x", column_name))


def scatters(m, rows, shifted, width):
    """An element may be met by several updates: the NaN is the first of them, the last, or the datum."""
    n = len(rows)
    for reduction, sign in (("max", 1), ("min", -1)):
        how = [field(1, "reduction") + field(4, reduction) + field(20, 3)]
        at = [[rng.randrange(width) for _ in range(width)] for _ in range(n)]
        data = [r[:] for r in rows]
        for r, places_of, updates in zip(data, at, shifted):
            for i, v in zip(places_of, updates):
                r[i] = extreme([r[i], v], sign)
        indices = ints_of("i%d" % len(m.constants), [n, width], flat(at))
        m.constants.append(indices)
        m.add("ScatterElements", how + [attribute_int("axis", 1)], [(FLOAT, [n, width], flat(data))],
              ("x", "i%d" % (len(m.constants) - 1), "shifted"))
        at = [rng.randrange(n) for _ in range(n)]
        data = [r[:] for r in rows]
        for i, updates in zip(at, shifted):
            data[i] = [extreme([v, w], sign) for v, w in zip(data[i], updates)]
        m.constants.append(ints_of("i%d" % len(m.constants), [n, 1], at))
        m.add("ScatterND", how, [(FLOAT, [n, width], flat(data))],
              ("x", "i%d" % (len(m.constants) - 1), "shifted"))


def write(width):
    m = Model(width)
    # Row i has a NaN at place i, the next ones two of them, the last one none.
    rows = [[rng.uniform(-2, 2) for _ in range(width)] for _ in range(width + 2)]
    for i in range(width):
        rows[i][i] = nan
    rows[width][rng.randrange(width)] = rows[width][-1] = nan
    rows = [[struct.unpack("f", struct.pack("f", v))[0] for v in r] for r in rows]
    reductions(m, rows, 1)
    # Over axis 0 by columns: a NaN in every row of every column but where there is only one.
    columns = [[r[k] for r in rows] for k in range(width)]
    reductions(m, columns, 0)
    whole_rows(m, rows, width)
    pools(m, rows, width)
    low = [[nan if math.isnan(v) else max(v, 0.0) for v in r] for r in rows]
    m.add("Relu", [], [(FLOAT, [len(rows), width], flat(low))])
    for op, sign in (("Max", 1), ("Min", -1)):
        other = [[extreme([v, w], sign) for v, w in zip(r, [0.5] + r)] for r in rows]
        shifted = [[0.5] + r[:-1] for r in rows]
        m.add(op, [], [(FLOAT, [len(rows), width], flat(other))], ("x", "shifted"))
    channels_last(m, rows, width)
    clips(m, rows, width)
    broadcasts(m, rows, width)
    scatters(m, rows, shifted, width)
    write_npy(m.path + "/test_data_set_0/input_1.pb", [len(rows), width], flat(shifted), "f4")
    write_npy(m.path + "/test_data_set_0/input_0.pb", [len(rows), width], flat(rows), "f4")
    body = graph(m.nodes, [value("x", [len(rows), width]), value("shifted", [len(rows), width])],
                 m.outputs, m.constants)
    save(m.path + "/model.onnx", body, 18)


for width in WIDTHS:
    write(width)
