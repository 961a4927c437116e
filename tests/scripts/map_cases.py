"""Models whose inputs are maps, with their data: one folder each, as `lpc check --each` takes them.

    python3 map_cases.py FOLDER       (and FOLDER/../wrong: models that are refused; FOLDER/../KEYS.npy: data)

Expected outputs are computed here, on dictionaries. Where the operators' text leaves something open, it is as ONNX
Runtime does it: keys ascend, a float becomes a string as printf's %f writes it."""
import os
import struct
import sys

from onnx_writer import (attribute_graph, attribute_int, attribute_ints, attribute_string, attribute_strings, contents,
                         field, graph, node, save, value)

F, I, S, B, D = 1, 7, 8, 9, 11
ML = "ai.onnx.ml"
folder = sys.argv[1]
IMPORT = field(8, field(1, ML) + field(2, 3))


def map_type(key, kind, shape=()):
    return field(5, field(1, key) + field(2, field(1, field(1, kind) + field(2, b"".join(
        field(1, field(1, d)) for d in shape)))))


def map_data(name, key, kind, entries):
    keys = b"".join(field(4 if key == S else 3, k) for k, _ in entries)
    values = field(1, kind) + b"".join(field(3, contents("", [], [v], kind)) for _, v in entries)
    return field(1, name) + field(2, key) + keys + field(5, field(2, 1) + values)


def mapped(name, key, kind, entries):
    """An input: entries in the order in which the file has them."""
    return name, map_type(key, kind), map_data(name, key, kind, entries)


def tensor(name, shape, values, kind=F):
    dims = b"".join(field(1, field(1, d)) for d in shape)
    return name, field(1, field(1, kind) + field(2, dims)), contents(name, shape, values, kind)


def cast(out, to, *attributes, x="x"):
    return node("CastMap", [x], [out], "cast_" + out, ML, [attribute_string("cast_to", to), *attributes])


def words(out, *vocabulary, x="x"):
    return node("DictVectorizer", [x], [out], "dict_" + out, ML, [attribute_strings("string_vocabulary", vocabulary)])


def numbers(out, *vocabulary, x="x"):
    return node("DictVectorizer", [x], [out], "dict_" + out, ML, [attribute_ints("int64_vocabulary", vocabulary)])


def case(name, nodes, inputs, outputs, constants=()):
    path = os.path.join(folder, name)
    data = os.path.join(path, "test_data_set_0")
    os.makedirs(data)
    typed = lambda ends: [field(1, n) + field(2, t) for n, t, _ in ends]
    save(os.path.join(path, "model.onnx"), graph(nodes, typed(inputs), typed(outputs), constants), 17, IMPORT)
    for kind, ends in (("input", inputs), ("output", outputs)):
        for k, (_, _, content) in enumerate(ends):
            with open(os.path.join(data, "%s_%d.pb" % (kind, k)), "wb") as file:
                file.write(content)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


SPARSE = attribute_string("map_form", "SPARSE")


def most(places):
    return [SPARSE, attribute_int("max_map", places)]


# ---- CastMap ----

FLOATS = [(7, 1.5), (-3, -2.25), (40, 1e-7), (2, 3.9)]
case("dense", [cast("f", "TO_FLOAT"), cast("i", "TO_INT64"), cast("s", "TO_STRING")], [mapped("x", I, F, FLOATS)],
     [tensor("f", [1, 4], [-2.25, 3.9, 1.5, 1e-7]), tensor("i", [1, 4], [-2, 3, 1, 0], I),
      tensor("s", [1, 4], ["-2.250000", "3.900000", "1.500000", "0.000000"], S)])

TEXTS = [0.0, -0.0, 0.9999996, 999999.96875, 0.00000049, 0.0000005, 123456.789, 16777216.0, 2.0 ** 62, 2.0 ** 63,
         -3.4028234663852886e38, 1e20, 1.5 * 2.0 ** 100, 1e-45, float("inf"), float("-inf"), float("nan"),
         0.0000015, 2.5e-6, 0.5, 99.0000005]
TEXTS = [single(x) for x in TEXTS]
case("texts", [cast("s", "TO_STRING")], [mapped("x", I, F, list(enumerate(TEXTS)))],
     [tensor("s", [1, len(TEXTS)], ["%f" % x for x in TEXTS], S)])

STRINGS = [(5, "12"), (1, "-3.5"), (9, "7")]
case("strings", [cast("f", "TO_FLOAT"), cast("s", "TO_STRING"), cast("p", "TO_STRING", *most(6)),
                 cast("i", "TO_INT64", *most(3))],
     [mapped("x", I, S, STRINGS)],
     [tensor("f", [1, 3], [-3.5, 12.0, 7.0]), tensor("s", [1, 3], ["-3.5", "12", "7"], S),
      tensor("p", [1, 6], ["0.f", "-3.5", "0.f", "0.f", "0.f", "12"], S), tensor("i", [1, 3], [0, -3, 0], I)])

case("sparse", [cast("f", "TO_FLOAT", *most(5)), cast("i", "TO_INT64", *most(1)), cast("s", "TO_STRING", *most(9)),
                cast("one", "TO_FLOAT", SPARSE)],
     [mapped("x", I, F, [(4, 2.5), (0, -1.0), (8, 3.0), (100, 9.0)])],
     [tensor("f", [1, 5], [-1.0, 0, 0, 0, 2.5]), tensor("i", [1, 1], [-1], I),
      tensor("s", [1, 9], ["-1.000000", "0.f", "0.f", "0.f", "2.500000", "0.f", "0.f", "0.f", "3.000000"], S),
      tensor("one", [1, 1], [-1.0])])

case("empty", [cast("f", "TO_FLOAT", *most(2)), numbers("d", 3, 1)], [mapped("x", I, F, [])],
     [tensor("f", [1, 2], [0.0, 0.0]), tensor("d", [1, 2], [0.0, 0.0])])
case("empty_out", [node("Identity", ["x"], ["same"], "pass"), node("Neg", ["t"], ["y"], "neg")],
     [mapped("x", I, F, []), tensor("t", [1], [2.0])], [mapped("same", I, F, []), tensor("y", [1], [-2.0])])

# ---- DictVectorizer ----

for kind, name, values, zero in ((F, "f32", [1.5, -2.0, 7.0], 0.0), (D, "f64", [1e-300, -2.0, 0.1], 0.0),
                                 (I, "i64", [1 << 60, -2, 3], 0), (S, "str", ["a", "", "längér"], "")):
    texts = list(zip(["über", "z", "a b"], values))
    ints = list(zip([1 << 40, -7, 0], values))
    case("words_" + name, [words("y", "a b", "nowhere", "z", "über", "z")], [mapped("x", S, kind, texts)],
         [tensor("y", [1, 5], [values[2], zero, values[1], values[0], values[1]], kind)])
    case("numbers_" + name, [numbers("y", 0, 3, 1 << 40, -7)], [mapped("x", I, kind, ints)],
         [tensor("y", [1, 4], [values[2], zero, values[0], values[1]], kind)])

many = ["word%d" % ((i * 37) % 500) for i in range(500)]
case("words_many", [words("y", *many)], [mapped("x", S, F, [("word%d" % i, float(i)) for i in range(400, 600)])],
     [tensor("y", [1, 500], [float(w[4:]) if 400 <= int(w[4:]) < 600 else 0.0 for w in many])])

# ---- Where a map is read ----

KEEP = node("Identity", ["go"], ["go_on"], "keep")
case("inside", [
    node("ReduceSum", ["a"], ["total"], "sum"), node("Greater", ["total", "zero"], ["c"], "greater"),
    node("If", ["c"], ["y"], "if", attributes=[
        attribute_graph("then_branch", graph([numbers("t", 1, 2)], [], [field(1, "t")])),
        attribute_graph("else_branch", graph([numbers("e", 2, 1)], [], [field(1, "e")]))]),
    node("Loop", ["three", "", "a"], ["b"], "loop", attributes=[attribute_graph("body", graph(
        [KEEP, numbers("d", 2, 1), node("Add", ["v", "d"], ["w"], "add")],
        [value("i", [], I), value("go", [], B), value("v", [1, 2])],
        [field(1, "go_on"), field(1, "w")]))])],
     [mapped("x", I, F, [(2, 20.0), (1, 10.0)]), tensor("a", [1, 2], [1.0, 2.0])],
     [tensor("y", [1, 2], [10.0, 20.0]), tensor("b", [1, 2], [61.0, 32.0])],
     [contents("zero", [], [0.0]), contents("three", [], [3], I)])

case("both", [numbers("a", 1, 2), words("b", "p", "q", x="z"), node("Add", ["a", "b"], ["y"], "add"),
              node("Identity", ["z"], ["same"], "pass")],
     [mapped("x", I, F, [(2, 20.0), (1, 10.0)]), mapped("z", S, F, [("q", 1.0), ("p", 2.0), ("o", 3.0)])],
     [tensor("y", [1, 2], [12.0, 21.0]), ("same", map_type(S, F), map_data("same", S, F, [("p", 2.0), ("q", 1.0), ("o", 3.0)]))])


# ---- Data of a program with a bound, and what is refused ----

def npy(name, kind, values):
    head = ("{'descr': '<%s', 'fortran_order': False, 'shape': (%d,), }" % (kind, len(values))).encode().ljust(117) + b"\n"
    with open(os.path.join(folder, "..", name + ".npy"), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
                   + struct.pack("<%d%s" % (len(values), {"i8": "q", "f4": "f"}[kind]), *values))


npy("keys", "i8", [3, 1, 2])
npy("values", "f4", [30.0, 10.0, 20.0])
npy("below", "i8", [3, -1, 2])


def wrong(name, nodes, kind, constants=()):
    path = os.path.join(folder, "..", "wrong")
    os.makedirs(path, exist_ok=True)
    save(os.path.join(path, name + ".onnx"), graph(nodes, [field(1, "x") + field(2, kind), value("t", [2])],
                                                   [field(1, "y")], constants), 17, IMPORT)


INTS = map_type(I, F)
wrong("keys", [cast("y", "TO_FLOAT")], map_type(6, F))
wrong("wide", [cast("y", "TO_FLOAT")], map_type(I, F, [2]))
wrong("nested", [node("Neg", ["t"], ["y"], "neg")], field(4, field(1, INTS)))
wrong("to", [cast("y", "TO_DOUBLE")], INTS)
wrong("form", [cast("y", "TO_FLOAT", attribute_string("map_form", "PACKED"))], INTS)
wrong("most", [cast("y", "TO_FLOAT", *most(0))], INTS)
wrong("doubles", [cast("y", "TO_FLOAT")], map_type(I, D))
wrong("text_keys", [cast("y", "TO_FLOAT")], map_type(S, F))
wrong("vocabulary", [node("DictVectorizer", ["x"], ["y"], "dict", ML)], INTS)
wrong("words", [words("y", "a")], INTS)
wrong("no_map", [cast("y", "TO_FLOAT", x="t")], INTS)
wrong("as_tensor", [node("Neg", ["x"], ["y"], "neg")], INTS)
wrong("as_sequence", [node("SequenceLength", ["x"], ["y"], "length")], INTS)


def wrong_data(name, content):
    wrong(name, [cast("y", "TO_FLOAT")], INTS)
    data = os.path.join(folder, "..", "wrong", name)
    os.makedirs(data)
    for end, text in (("input_0", content), ("input_1", contents("t", [2], [0.0, 0.0])),
                      ("output_0", contents("y", [1, 1], [1.0]))):
        with open(os.path.join(data, end + ".pb"), "wb") as file:
            file.write(text)


wrong_data("twice", map_data("x", I, F, [(1, 1.0), (1, 2.0)]))
one = field(5, field(2, 1) + field(3, contents("", [], [1.0])))
wrong_data("sequences", field(1, "x") + field(2, I) + field(3, 7) + field(5, field(2, 2) + one))
