"""Numbers that lpc drew against the laws they are to have: moments, and Kolmogorov and Smirnov's distance.

    random_laws.py write FILE       the model
    random_laws.py number FILE N    an int64 scalar
    random_laws.py check FOLDER     of its outputs
    random_laws.py cases FOLDER     data sets for `lpc check`: right, wrong, short

The seeds are fixed, so that a bound that holds once always holds; the bounds are those that a right
generator keeps in 999 of 1000 trials."""
import math
import struct
import sys

from onnx_writer import (attribute_float, attribute_graph, attribute_int, attribute_ints, contents, graph, node, save,
                         save_case, value)

COUNT, F, I32, I, B = 40000, 1, 6, 7, 9
CHANCES = [0.1, 0.2, 0.3, 0.4]


def write(path):
    shape, seed = attribute_ints("shape", [200, 200]), attribute_float("seed", 11)
    nodes = [node("RandomUniform", [], ["uniform"], attributes=[shape]),
             node("RandomUniform", [], ["second"], attributes=[shape]),
             node("RandomNormal", [], ["normal"], attributes=[shape, seed]),
             node("RandomNormal", [], ["double"], attributes=[shape, attribute_int("dtype", 11)]),
             node("Bernoulli", ["chance"], ["hits"]),
             node("Multinomial", ["logits"], ["classes"], attributes=[attribute_int("sample_size", COUNT)]),
             node("Dropout", ["x", "ratio", "yes"], ["dropped"])]
    wide = [200, 200]
    outputs = [value("uniform", wide), value("second", wide), value("normal", wide),
               value("double", wide, 11), value("hits", wide), value("classes", [1, COUNT], I32),
               value("dropped", wide)]
    constants = [contents("chance", wide, [0.3] * COUNT), contents("x", wide, [1.0] * COUNT),
                 contents("logits", [1, 4], [math.log(p) for p in CHANCES]),
                 contents("ratio", [], [0.25]), contents("yes", [], [True], 9)]
    save(path, graph(nodes, [], outputs, constants), 22)


def cases(folder):
    """drawn and carried depend on what is drawn, the latter from one iteration to the next; plain and still do
    not, although a Dropout is on the way."""
    body = graph([node("RandomUniformLike", ["v"], ["noise"]), node("Add", ["v", "noise"], ["w"]),
                  node("Identity", ["c"], ["d"])],
                 [value("i", [], I), value("c", [], B), value("v", [3])], [value("d", [], B), value("w", [3])])
    nodes = [node("RandomNormalLike", ["x"], ["z"]), node("Add", ["x", "z"], ["drawn"]),
             node("Loop", ["three", "", "x"], ["carried"], attributes=[attribute_graph("body", body)]),
             node("Dropout", ["x"], ["plain"]), node("Relu", ["plain"], ["still"])]
    names = "drawn carried plain still".split()
    whole = graph(nodes, [value("x", [3])], [value(n, [3]) for n in names], [contents("three", [], [3], I)])
    x = ("x", [3], [1.0, -2.0, 3.0], F)
    other = [9.0, 9.0, 9.0]
    for case, shape, values, still in (("right", [3], [1.0, -2.0, 3.0], [1.0, 0.0, 3.0]),
                                       ("wrong", [3], other, other), ("short", [2], [1.0, -2.0, 3.0], [1.0, 0.0, 3.0])):
        made = [("drawn", shape, other[:shape[0]], F), ("carried", [3], other, F), ("plain", [3], values, F),
                ("still", [3], still, F)]
        save_case("%s/%s" % (folder, case), whole, [x], made, 22)


def number(path, text):
    head = b"{'descr': '<i8', 'fortran_order': False, 'shape': (), }"
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + struct.pack("<q", int(text)))


def read(folder, name):
    data = open("%s/%s.npy" % (folder, name), "rb").read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    kind = "d" if b"<f8" in data[:start] else "i" if b"<i4" in data[:start] else "f"
    return struct.unpack("<%d%s" % ((len(data) - start) // struct.calcsize(kind), kind), data[start:])


failures = 0


def bound(what, got, most):
    global failures
    if not abs(got) <= most:
        failures += 1
        print("%s: %g, expected at most %g" % (what, got, most))


def moments(name, v, mean, variance, fourth):
    """fourth: the fourth central moment, which says how far the variance may be off."""
    n = len(v)
    bound(name + ": mean", sum(v) / n - mean, 3.3 * math.sqrt(variance / n))
    spread = sum((e - mean) ** 2 for e in v) / n - variance
    bound(name + ": variance", spread, 3.3 * math.sqrt((fourth - variance ** 2) / n))
    lag = sum((a - mean) * (b - mean) for a, b in zip(v, v[1:])) / n / variance
    bound(name + ": neighbours' correlation", lag, 3.3 / math.sqrt(n))


def distance(name, v, law):
    n, most = len(v), 0
    for i, e in enumerate(sorted(v)):
        p = law(e)
        most = max(most, p - i / n, (i + 1) / n - p)
    bound(name + ": distance", most, 1.95 / math.sqrt(n))


def check(folder):
    normal_law = lambda e: (1 + math.erf(e / math.sqrt(2))) / 2
    flat = {name: read(folder, name) for name in ("uniform", "second")}
    for name, v in flat.items():
        moments(name, v, 0.5, 1 / 12, 1 / 80)
        distance(name, v, lambda e: e)
        bound(name + ": the largest", max(v), 1 - 2 ** -24)
    both = sum((a - 0.5) * (b - 0.5) for a, b in zip(*flat.values())) * 12 / COUNT
    bound("two nodes' correlation", both, 3.3 / math.sqrt(COUNT))
    for name in ("normal", "double"):
        v = read(folder, name)
        moments(name, v, 0, 1, 3)
        distance(name, v, normal_law)
    for name, v, p in (("hits", read(folder, "hits"), 0.3),
                       ("dropped", [e * 0.75 for e in read(folder, "dropped")], 0.75)):
        bound(name + ": mean", sum(v) / COUNT - p, 3.3 * math.sqrt(p * (1 - p) / COUNT))
    classes = read(folder, "classes")
    squares = sum((classes.count(k) - p * COUNT) ** 2 / (p * COUNT) for k, p in enumerate(CHANCES))
    bound("classes: chi squared of 3 degrees", squares, 16.3)


if sys.argv[1] == "write":
    write(sys.argv[2])
elif sys.argv[1] == "cases":
    cases(sys.argv[2])
elif sys.argv[1] == "number":
    number(sys.argv[2], sys.argv[3])
else:
    check(sys.argv[2])
sys.exit(failures != 0)
