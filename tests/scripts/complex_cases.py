"""Models that move complex numbers, with their data: one folder each, as `lpc check --each` takes them.

    python3 complex_cases.py FOLDER       (and FOLDER/../wrong: models that are refused; FOLDER/../x.npy: data)

Expected outputs are computed here. Numbers have parts that no arithmetic would leave alone: a NaN of its own, -0."""
import os
import struct
import sys

from onnx_writer import attribute_graph, attribute_int, attribute_ints, attribute_string, contents, field, graph, node, save, value

F, I, B, C64, C128 = 1, 7, 9, 14, 15
folder = sys.argv[1]


def parts(values):
    return [p for v in values for p in (v.real, v.imag)]


def tensor(name, shape, values, kind, form="raw"):
    """A TensorProto; form: in which field it has complex numbers."""
    if kind not in (C64, C128):
        return contents(name, shape, values, kind)
    letter, width = ("f", 4) if kind == C64 else ("d", 8)
    packed = struct.pack("<%d%s" % (2 * len(values), letter), *parts(values))
    text = b"".join(field(1, d) for d in shape) + field(2, kind) + field(8, name)
    return text + field(9 if form == "raw" else 4 if kind == C64 else 10, packed)


def numbers(count, start=0):
    return [complex(1.5 * (i + start) - 2, -0.0 if i % 3 == 0 else 0.25 * i) for i in range(count)]


def op(kind, inputs, outputs, *attributes):
    return node(kind, inputs, outputs, kind + "_" + outputs[0], attributes=attributes)


def case(name, nodes, inputs, outputs, constants=(), opset=18):
    """inputs, outputs: (name, shape, values, kind); constants: bytes."""
    path = os.path.join(folder, name)
    data = os.path.join(path, "test_data_set_0")
    os.makedirs(data)
    typed = lambda ends: [value(n, s, k) for n, s, _, k in ends]
    save(os.path.join(path, "model.onnx"), graph(nodes, typed(inputs), typed(outputs), constants), opset)
    for kind, ends in (("input", inputs), ("output", outputs)):
        for k, (n, s, v, t) in enumerate(ends):
            with open(os.path.join(data, "%s_%d.pb" % (kind, k)), "wb") as file:
                file.write(tensor(n, s, v, t, "list" if k % 2 else "raw"))


def ints(name, *values):
    return contents(name, [len(values)], list(values), I)


def axis(n):
    return attribute_int("axis", n)


KINDS = ((C64, "c64"), (C128, "c128"))


def views(kind, name):
    x = numbers(12)
    flip = [x[4 * r + c] for c in range(4) for r in range(3)]
    nodes = [op("Identity", ["x"], ["same"]), op("Reshape", ["x", "shape"], ["y"]), op("Transpose", ["x"], ["t"]),
             op("Slice", ["x", "from", "to", "axes"], ["s"]), op("Unsqueeze", ["x", "axes"], ["u"]),
             op("Squeeze", ["u", "axes"], ["q"]), op("Flatten", ["u"], ["f"]), op("Expand", ["row", "wide"], ["e"]),
             op("Split", ["x", "pieces"], ["p0", "p1"], axis(1)), op("Shape", ["x"], ["n"]), op("Size", ["x"], ["m"])]
    case("views_" + name, nodes, [("x", [3, 4], x, kind)],
         [("same", [3, 4], x, kind), ("y", [2, 6], x, kind), ("t", [4, 3], flip, kind),
          ("s", [3, 2], [x[4 * r + c] for r in range(3) for c in (1, 2)], kind), ("q", [3, 4], x, kind),
          ("f", [3, 4], x, kind), ("e", [2, 2, 2], [7 + 1j, 8 - 2j] * 4, kind),
          ("p0", [3, 1], x[::4], kind), ("p1", [3, 3], [x[4 * r + c] for r in range(3) for c in (1, 2, 3)], kind),
          ("n", [2], [3, 4], I), ("m", [], [12], I)],
         [ints("shape", 2, -1), ints("from", 1), ints("to", 3), ints("axes", 1), ints("wide", 2, 2, 2),
          ints("pieces", 1, 3), tensor("row", [1, 2], [7 + 1j, 8 - 2j], kind, "list")])


def moves(kind, name):
    x, w = numbers(6), numbers(4, 9)
    rows = [x[:3], x[3:]]
    nodes = [op("Concat", ["x", "w2"], ["c"], axis(1)), op("Reshape", ["w", "square"], ["w2"]),
             op("Tile", ["x", "twice"], ["t"]), op("Pad", ["x", "pads", "fill"], ["p"]), op("Pad", ["x", "pads"], ["z"]),
             op("Pad", ["x", "pads"], ["r"], attribute_string("mode", "reflect")),
             op("Gather", ["x", "picks"], ["g"], axis(1)), op("GatherElements", ["x", "each"], ["ge"], axis(1)),
             op("GatherND", ["x", "points"], ["gn"]), op("ScatterElements", ["x", "each", "g"], ["se"], axis(1)),
             op("ScatterND", ["x", "points", "w"], ["sn"]), op("Where", ["mask", "x", "one"], ["wh"]),
             op("Compress", ["x", "keep"], ["co"], axis(1)), op("Trilu", ["x"], ["tri"], attribute_int("upper", 0)),
             op("ReverseSequence", ["x", "lengths"], ["rs"], attribute_int("time_axis", 1), attribute_int("batch_axis", 0)),
             op("CenterCropPad", ["x", "square"], ["cc"]), op("Reshape", ["x", "image"], ["x4"]),
             op("SpaceToDepth", ["x4", ], ["sd"], attribute_int("blocksize", 1)),
             op("OneHot", ["picks", "depth", "pair"], ["oh"])]
    zero = 0j
    fill = 5 - 6j
    case("moves_" + name, nodes,
         [("x", [2, 3], x, kind), ("w", [4], w, kind), ("mask", [3], [True, False, True], B)],
         [("c", [2, 5], rows[0] + w[:2] + rows[1] + w[2:], kind), ("t", [2, 6], rows[0] * 2 + rows[1] * 2, kind),
          ("p", [2, 5], [fill] + rows[0] + [fill] + [fill] + rows[1] + [fill], kind),
          ("z", [2, 5], [zero] + rows[0] + [zero] + [zero] + rows[1] + [zero], kind),
          ("r", [2, 5], [r[i] for r in rows for i in (1, 0, 1, 2, 1)], kind),
          ("g", [2, 2], [x[2], x[0], x[5], x[3]], kind), ("ge", [2, 2], [x[1], x[0], x[5], x[4]], kind),
          ("gn", [4], [x[5], x[0], x[1], x[2]], kind), ("se", [2, 3], [x[0], x[2], x[2], x[3], x[3], x[5]], kind),
          ("sn", [2, 3], [w[1], w[2], w[3], x[3], x[4], w[0]], kind),
          ("wh", [2, 3], [x[0], 1 + 1j, x[2], x[3], 1 + 1j, x[5]], kind), ("co", [2, 2], [x[0], x[2], x[3], x[5]], kind),
          ("tri", [2, 3], [x[0], 0j, 0j, x[3], x[4], 0j], kind),
          ("rs", [2, 3], [x[1], x[0], x[2], x[5], x[4], x[3]], kind),
          ("cc", [2, 2], [x[0], x[1], x[3], x[4]], kind), ("sd", [1, 1, 2, 3], x, kind),
          ("oh", [2, 3], [1j, 1j, 2 + 0j, 2 + 0j, 1j, 1j], kind)],
         [ints("square", 2, 2), ints("twice", 1, 2), ints("pads", 0, 1, 0, 1), tensor("fill", [], [fill], kind),
          ints("picks", 2, 0), contents("each", [2, 2], [1, 0, 2, 1], I), contents("points", [4, 2], [1, 2, 0, 0, 0, 1, 0, 2], I),
          tensor("one", [], [1 + 1j], kind), contents("keep", [3], [True, False, True], B), ints("lengths", 2, 3),
          ints("image", 1, 1, 2, 3), contents("depth", [], [3], I), tensor("pair", [2], [1j, 2 + 0j], kind)])


def control(kind, name):
    x = numbers(3)
    pick = lambda text: attribute_graph(text, graph([op("Identity", ["x" if text[0] == "t" else "y"], [text + "_out"])], [],
                                                    [field(1, text + "_out")]))
    body = attribute_graph("body", graph(
        [op("Identity", ["go"], ["go_on"]), op("Concat", ["v", "x"], ["v_out"], axis(0)), op("Identity", ["x"], ["each"])],
        [value("i", [], I), value("go", [], B), value("v", ["n"], kind)],
        [field(1, "go_on"), field(1, "v_out"), field(1, "each")]))
    nodes = [op("Greater", ["c", "zero"], ["cond"]), op("If", ["cond"], ["a"], pick("then_branch"), pick("else_branch")),
             op("Loop", ["four", "", "x"], ["l", "s"], body),
             op("SequenceConstruct", ["x", "y"], ["q"]), op("SequenceAt", ["q", "one"], ["at"]),
             op("ConcatFromSequence", ["q"], ["all"], axis(0)), op("Optional", ["y"], ["o"]),
             op("OptionalGetElement", ["o"], ["og"]),
             op("SplitToSequence", ["all"], ["pieces"], axis(0)), op("SequenceAt", ["pieces", "four"], ["last"]),
             op("SequenceEmpty", [], ["none"], attribute_int("dtype", kind)), op("SequenceLength", ["none"], ["n"])]
    y = numbers(3, 5)
    case("control_" + name, nodes, [("x", [3], x, kind), ("y", [3], y, kind), ("c", [], [-1.0], F)],
         [("a", [3], y, kind), ("l", [15], x * 5, kind), ("s", [4, 3], x * 4, kind), ("at", [3], y, kind),
          ("all", [6], x + y, kind), ("og", [3], y, kind), ("last", [1], y[1:2], kind), ("n", [], [0], I)],
         [contents("zero", [], [0.0]), contents("four", [], [4], I), contents("one", [], [1], I)])


for kind, name in KINDS:
    views(kind, name)
    moves(kind, name)
    control(kind, name)
case("scan", [op("Transpose", ["x"], ["t"]), op("Scan", ["x"], ["y"], attribute_graph("body", graph(
    [op("Concat", ["e", "e"], ["ee"], axis(0))], [value("e", [2], C64)], [field(1, "ee")])),
    attribute_int("num_scan_inputs", 1))],
    [("x", [3, 2], numbers(6), C64)],
    [("y", [3, 4], [v for r in range(3) for v in numbers(6)[2 * r:2 * r + 2] * 2], C64),
     ("t", [2, 3], numbers(6)[::2] + numbers(6)[1::2], C64)])
long = numbers(400)
case("long_list", [op("Add", ["k", "k"], ["y"]), op("Identity", ["w"], ["z"])], [("k", [1], [2.0], F)],
     [("y", [1], [4.0], F), ("z", [400], long, C128)], [tensor("w", [400], long, C128, "list")])

head = b"{'descr': '<c16', 'fortran_order': False, 'shape': (3,), }".ljust(117) + b"\n"
with open(os.path.join(folder, "..", "x.npy"), "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + struct.pack("<6d", *parts(numbers(3))))
path = os.path.join(folder, "..", "wrong")
os.makedirs(path)


def wrong(name, kind, *inputs, attributes=(), constants=()):
    save(os.path.join(path, name + ".onnx"),
         graph([node(kind, ["x", *inputs], ["y"], "node", attributes=attributes)], [value("x", [2, 2], C64)],
               [field(1, "y")], constants), 18)


save(os.path.join(path, "npy.onnx"), graph([node("Concat", ["x", "x"], ["y"], "node", attributes=[axis(0)])],
                                          [value("x", [3], C128)], [value("y", [6], C128)]), 18)
wrong("add", "Add", "x")
wrong("cast", "Cast", attributes=[attribute_int("to", F)])
wrong("equal", "Equal", "x")
wrong("unique", "Unique")
wrong("matmul", "MatMul", "x")
wrong("sum", "ScatterND", "at", "u", attributes=[attribute_string("reduction", "add")],
      constants=[contents("at", [1, 1], [0], I), tensor("u", [1, 2], [1j, 2j], C64)])
save(os.path.join(path, "to.onnx"), graph([node("Cast", ["x"], ["y"], "node", attributes=[attribute_int("to", C64)])],
                                         [value("x", [2])], [field(1, "y")]), 18)
save(os.path.join(path, "count.onnx"), graph([node("Identity", ["w"], ["y"], "node")], [value("x", [2])], [field(1, "y")],
                                            [field(1, 2) + field(2, C64) + field(8, "w") + field(4, struct.pack("<3f", 1, 2, 3))]),
     18)
