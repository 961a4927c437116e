"""Models of everything that looks for an extreme, on inputs with a NaN at every position, and what they
give by docs/operators.md: a NaN is above all numbers, below them for a minimum; the first one is where
ArgMax points. Writes FOLDER/WIDTH/model.onnx and FOLDER/WIDTH/test_data_set_0, for nan.sh."""
import math
import os
import random
import struct
import sys

from onnx_writer import attribute_int, attribute_ints, field, graph, node, save, value

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


def ints(name, values):
    return (field(1, len(values)) + field(2, INT64) + field(8, name)
            + field(9, struct.pack("<%dq" % len(values), *values)))


def extreme(row, sign):
    return nan if any(map(math.isnan, row)) else sign * max(sign * v for v in row)


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
    write_npy(m.path + "/test_data_set_0/input_1.pb", [len(rows), width], flat(shifted), "f4")
    write_npy(m.path + "/test_data_set_0/input_0.pb", [len(rows), width], flat(rows), "f4")
    body = graph(m.nodes, [value("x", [len(rows), width]), value("shifted", [len(rows), width])],
                 m.outputs, m.constants)
    save(m.path + "/model.onnx", body, 18)


for width in WIDTHS:
    write(width)
