"""Models as real exporters write them, for exported.sh: each a folder that `lpc check` takes.

    python3 exported.py FOLDER

contradiction   value_info and the output's type say something that the nodes do not
domains         imports of domains that nobody uses and nobody knows, ai.onnx under both of its names
annotations     quantization_annotation, metadata, doc strings, a denotation
overloads       functions of one name that their overloads tell apart, with attributes and defaults
names           names of any bytes: quotes, line ends, no UTF-8, very long, the same but for one character
initial         initializers that are inputs too (IR version 3), with and without data for them
external        external data: one file for all, with offset and length, without either, in a folder below"""
import os
import struct
import sys

from onnx_writer import attribute_float, contents, field, graph, node, save_case, tensor, value

F, I = 1, 7
X = [1.0, -2.0, 3.0, 0.5]
folder = sys.argv[1]


def case(name, body, outputs, more=b"", inputs=(("x", [4], X, F),)):
    save_case(os.path.join(folder, name), body, inputs, outputs, 17, more)


def relu(values):
    return [max(v, 0.0) for v in values]


def contradiction():
    nodes = [node("Relu", ["x"], ["a"]), node("Neg", ["a"], ["b"]), node("Abs", ["b"], ["y"])]
    stated = [value("a", [5]), value("b", [2, 2], I)]
    body = graph(nodes, [value("x", [4])], [value("y", [7])]) + b"".join(field(13, s) for s in stated)
    case("contradiction", body, [("y", [4], relu(X), F)])


def domains():
    imports = [("ai.onnx", 17), ("com.example.nobody", 3), ("org.pytorch.aten", 1), ("", 17)]
    more = b"".join(field(8, field(1, d) + field(2, v)) for d, v in imports)
    case("domains", graph([node("Relu", ["x"], ["y"], domain="ai.onnx")]), [("y", [4], relu(X), F)], more)


def annotations():
    scale = field(1, "SCALE_TENSOR") + field(2, "s")
    body = graph([node("Relu", ["x"], ["y"]) + field(6, "what it does")],
                 [value("x", [4]) + field(3, "the input")], constants=[contents("s", [1], [0.5])])
    body += field(14, field(1, "y") + field(2, scale)) + field(10, "a graph") + field(16, scale)
    case("annotations", body, [("y", [4], relu(X), F)], field(14, scale) + field(6, "a model"))


def function(name, overload, nodes, attributes=(), defaults=()):
    text = field(1, name) + field(4, "u") + field(5, "v") + b"".join(field(6, a) for a in attributes)
    text += b"".join(field(7, n) for n in nodes) + field(9, field(1, "") + field(2, 17)) + field(10, "mine")
    return text + b"".join(field(11, d) for d in defaults) + (field(13, overload) if overload else b"")


def overloads():
    given = field(1, "alpha") + field(21, "alpha") + field(20, 1)  # alpha of the call
    leaky = node("LeakyRelu", ["u"], ["v"], attributes=[given])
    functions = [function("f", "", [node("Neg", ["u"], ["v"])]), function("f", "twice", [node("Add", ["u", "u"], ["v"])]),
                 function("g", "", [leaky], ["alpha"]), function("h", "", [leaky], (), [attribute_float("alpha", 0.25)])]
    more = b"".join(field(25, f) for f in functions) + field(8, field(1, "mine") + field(2, 1))
    nodes = [node("f", ["x"], ["a"], "one", "mine"), node("f", ["a"], ["b"], "two", "mine") + field(8, "twice"),
             node("g", ["b"], ["c"], "three", "mine", [attribute_float("alpha", 0.5)]),
             node("h", ["c"], ["y"], "four", "mine")]
    leak = lambda v, alpha: v if v > 0 else alpha * v
    case("overloads", graph(nodes), [("y", [4], [leak(leak(-2 * v, 0.5), 0.25) for v in X], F)], more)


def names():
    odd = ['a"quote', "line\nend", b"\xff\xfe bytes", "tab\t", "x" * 3000, "x" * 2999 + "y", "../up", "%s%n", "int", " "]
    made = ["x", *odd, "y"]
    nodes = [node("Neg", [a], [b], name) for a, b, name in zip(made, made[1:], [*odd, "last"])]
    case("names", graph(nodes), [("y", [4], [-v for v in X], F)])


def initial():
    half = contents("half", [1], [0.5])
    body = graph([node("Mul", ["x", "half"], ["a"]), node("Add", ["a", "one"], ["y"])],
                 [value("x", [4]), value("half", [1]), value("one", [1])],
                 constants=[half, contents("one", [1], [1.0])])
    case("initial", body, [("y", [4], [0.5 * v + 1 for v in X], F)])


def external():
    path = os.path.join(folder, "external")
    nodes = [node("Add", ["x", "a"], ["s"]), node("Add", ["s", "b"], ["t"]), node("Add", ["t", "c"], ["u"]),
             node("Add", ["u", "d"], ["y"])]
    where = [("a", {"location": "all.data", "offset": "16", "length": "16"}), ("b", {"location": "all.data"}),
             ("c", {"location": "sub/c.data", "length": "16", "checksum": "not looked at"}),
             ("d", {"location": "all.data", "offset": "32"})]
    body = graph(nodes, constants=[tensor(name, [4], external=data) for name, data in where])
    rows = [[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0], [0.5] * 4, [100.0] * 4]
    case("external", body, [("y", [4], [x + sum(r) for x, r in zip(X, zip(*rows))], F)])
    os.mkdir(os.path.join(path, "sub"))
    b, a, c, d = rows[1], rows[0], rows[2], rows[3]
    # b has no length: what its shape needs, from the begin
    with open(os.path.join(path, "all.data"), "wb") as file:
        file.write(struct.pack("<12f", *b, *a, *d))
    with open(os.path.join(path, "sub", "c.data"), "wb") as file:
        file.write(struct.pack("<4f", *c))


for make in (contradiction, domains, annotations, overloads, names, initial, external):
    make()
