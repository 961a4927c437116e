"""Models in which a run decides sizes: what determines them is computed from data. For run_sizes.sh: FOLDER gets
a case for each operator; what is expected is computed here."""
import os
import sys

from onnx_writer import attribute_graph, attribute_int, contents, field, graph, node, save, save_case, value

F, I, B = 1, 7, 9
V = [1.0, -2.0, 3.0, 4.0, -5.0, 6.0]
X = ("x", [6], V, F)
# n: i64[1] holds how many elements are positive, 4.
COUNT = [node("Greater", ["x", "zero"], ["positive"]),
         node("Cast", ["positive"], ["ones"], attributes=[attribute_int("to", I)]),
         node("ReduceSum", ["ones"], ["n"])]
CONSTANTS = [contents("zero", [], [0.0], F), contents("c0", [1], [0], I), contents("c6", [1], [6], I),
             contents("s0", [], [0], I), contents("s1", [], [1], I), contents("rest", [1], [-1], I),
             contents("c2", [1], [2], I), contents("trips", [], [3], I), contents("step", [], [1.5], F),
             contents("one", [], [1.0], F), contents("cells", [], [4], I), contents("pair", [2], [0.0, 1.0], F)]


def case(name, nodes, outputs, inputs=(X,), constants=()):
    """A loop is never cut: something stands before it and behind it."""
    if "loop" in name:
        inputs = [("x_raw", [6], [-v for v in inputs[0][2]], F)]
        nodes = [node("Neg", ["x_raw"], ["x"], "before"), *nodes, node("Neg", [outputs[0][0]], ["behind"], "after")]
        outputs = [*outputs, ("behind", outputs[0][1], [-v for v in outputs[0][2]], F)]
    said = [value(n, s, t) for n, s, _, t in inputs]
    made = [value(n, ["%s_%d" % (n, i) for i in range(len(s))], t) for n, s, _, t in outputs]
    save_case(os.path.join(sys.argv[1], name), graph(nodes, said, made, [*CONSTANTS, *constants]), inputs,
              outputs, 18)


def concat(inputs, output):
    return node("Concat", inputs, [output], attributes=[attribute_int("axis", 0)])


case("slice", COUNT + [node("Slice", ["x", "c0", "n"], ["y"])], [("y", [4], V[:4], F)])
case("slice_negative", COUNT + [node("Neg", ["n"], ["start"]), node("Slice", ["x", "start", "n"], ["y"]),
                                node("Add", ["y", "y"], ["w"])],
     [("y", [2], V[2:4], F), ("w", [2], [2 * e for e in V[2:4]], F)])
case("slice_behind", COUNT + [node("Slice", ["x", "n", "c0"], ["none"]), concat(["none", "x"], "y")],
     [("y", [6], V, F)])
case("top_k", COUNT + [node("TopK", ["x", "n"], ["y", "i"])],
     [("y", [4], [6.0, 4.0, 3.0, 1.0], F), ("i", [4], [5, 3, 2, 0], I)])
case("range", COUNT + [node("Squeeze", ["n"], ["limit"]), node("Range", ["s0", "limit", "s1"], ["y"])],
     [("y", [4], [0, 1, 2, 3], I)])
case("constant_of_shape", COUNT + [node("ConstantOfShape", ["n"], ["y"])], [("y", [4], [0.0] * 4, F)])
case("expand", COUNT + [node("Unsqueeze", ["x", "c0"], ["row"]), concat(["n", "c6"], "shape"),
                        node("Expand", ["row", "shape"], ["y"])], [("y", [4, 6], V * 4, F)])
case("tile", COUNT + [node("Tile", ["x", "n"], ["y"])], [("y", [24], V * 4, F)])
case("pad", COUNT + [concat(["n", "c2"], "pads"), node("Pad", ["x", "pads"], ["y"])],
     [("y", [12], [0.0] * 4 + V + [0.0] * 2, F)])
TURNED = [V[0], V[3], V[1], V[4], V[2], V[5]]
HALF = [node("Div", ["n", "c2"], ["two"])]
case("reshape", COUNT + HALF + [concat(["two", "rest"], "shape"), node("Reshape", ["x", "shape"], ["matrix"]),
                                node("Transpose", ["matrix"], ["y"])], [("y", [3, 2], TURNED, F)])
case("reshape_wrong", COUNT + [concat(["n", "n"], "shape"), node("Reshape", ["x", "shape"], ["y"])],
     [("y", [3, 2], TURNED, F)])


# ---- In loops: another size in each iteration ----

def reduce(x, out):
    return node("ReduceSum", [x], [out], attributes=[attribute_int("keepdims", 0)])


# In iteration i, n is how many elements are greater than 1.5 * i: 4, 3, 2 of V.
def count_in(v):
    return [node("Cast", ["i"], ["f"], attributes=[attribute_int("to", F)]), node("Mul", ["f", "step"], ["least"]),
            node("Greater", [v, "least"], ["greater"]), node("Cast", ["greater"], ["flags"], attributes=[attribute_int("to", I)]),
            node("ReduceSum", ["flags"], ["n"])]


COUNTS = [sum(v > 1.5 * i for v in V) for i in range(3)]
GO = node("Identity", ["go"], ["go_on"])


def loop(nodes, inputs=("t",), outputs=("t_out", "s"), first=("s_zero",), made=("total", "sums"), name="loop"):
    said = [value("i", [], I), value("go", [], B)] + [field(1, n) for n in inputs]
    inner = graph(nodes + [GO], said, [field(1, n) for n in ("go_on", *outputs)])
    return node("Loop", ["trips", "", *first], list(made), name, attributes=[attribute_graph("body", inner)])


def in_loop(name, nodes, sums, result="y"):
    """What an operator makes in each iteration is summed up: stacked, and carried."""
    total = sum(sums)
    case("loop_" + name, [node("Mul", ["one", "zero"], ["s_zero"]),
                          loop(count_in("x") + nodes + [reduce(result, "s"), node("Add", ["t", "s"], ["t_out"])])],
         [("total", [], [float(total)], F), ("sums", [3], [float(a) for a in sums], F)])


ORDERED = sorted(V, reverse=True)
in_loop("slice", [node("Slice", ["x", "c0", "n"], ["y"])], [sum(V[:n]) for n in COUNTS])
in_loop("top_k", [node("TopK", ["x", "n"], ["y", "places"])], [sum(ORDERED[:n]) for n in COUNTS])
in_loop("tile", [node("Tile", ["x", "n"], ["y"])], [sum(V) * n for n in COUNTS])
in_loop("expand", [node("Unsqueeze", ["x", "c0"], ["row"]), concat(["n", "c6"], "shape"),
                   node("Expand", ["row", "shape"], ["y"])], [sum(V) * n for n in COUNTS])
in_loop("pad", [concat(["n", "c2"], "pads"), node("Pad", ["x", "pads", "one"], ["y"])], [sum(V) + n + 2 for n in COUNTS])
in_loop("range", [node("Squeeze", ["n"], ["limit"]), node("Range", ["s0", "limit", "s1"], ["whole"]),
                  node("Cast", ["whole"], ["y"], attributes=[attribute_int("to", F)])], [n * (n - 1) // 2 for n in COUNTS])
in_loop("fill", [node("ConstantOfShape", ["n"], ["zeros"]), node("Add", ["zeros", "one"], ["y"])], COUNTS)
in_loop("one_hot", [node("Squeeze", ["n"], ["depth"]), node("OneHot", ["c2", "depth", "pair"], ["y"])],
        [float(n > 2) for n in COUNTS])


# The rows are other ones each time: [2, 3], [3, 2], [1, 6].
def rows_of(rows):
    turned = [V[r * (6 // rows) + c] for c in range(6 // rows) for r in range(rows)]
    return turned[1] * 10 + turned[0]


case("loop_reshape", [
    node("Mul", ["one", "zero"], ["s_zero"]),
    loop(count_in("x") + [
        node("Sub", ["n", "c2"], ["less"]), node("Mul", ["less", "less"], ["square"]), node("Add", ["square", "c2"], ["m"]),
        node("Mod", ["m", "c5"], ["rows"]), concat(["rows", "rest"], "shape"),
        node("Reshape", ["x", "shape"], ["matrix"]), node("Transpose", ["matrix"], ["turned"]),
        node("Reshape", ["turned", "c6"], ["flat"]), node("Slice", ["flat", "c0", "c2"], ["two"]),
        node("Mul", ["two", "weights"], ["weighted"]), reduce("weighted", "s"), node("Add", ["t", "s"], ["t_out"])])],
     [("sums", [3], [rows_of(r) for r in (1, 3, 2)], F)], constants=[contents("c5", [1], [5], I), contents("weights", [2], [1.0, 10.0], F)])

# What is carried gets shorter, by what is in it.
seen, left = [], list(V)
for _ in range(3):
    left = left[:sum(v > 0 for v in left)]
    seen.append(sum(left))
SHORTER = [node("Greater", ["v", "zero"], ["greater"]), node("Cast", ["greater"], ["flags"], attributes=[attribute_int("to", I)]),
           node("ReduceSum", ["flags"], ["n"]), node("Slice", ["v", "c0", "n"], ["v_out"]), reduce("v_out", "s")]
case("loop_carried", [loop(SHORTER, ("v",), ("v_out", "s"), ("x",), ("y", "sums"))],
     [("y", [len(left)], left, F), ("sums", [3], seen, F)])

# Within another loop and a branch.
INNER = loop([node("Slice", ["x", "c0", "n"], ["part"]), reduce("part", "p"), node("Add", ["u", "p"], ["u_out"])],
             ("u",), ("u_out",), ("t",), ("t_out",), "inner")
case("loop_nested", [node("Mul", ["one", "zero"], ["s_zero"]), loop(count_in("x") + [INNER], outputs=("t_out",), made=("total",))],
     [("total", [], [3.0 * sum(sum(V[:n]) for n in COUNTS)], F)])
case("loop_branch", [node("Mul", ["one", "zero"], ["s_zero"]), loop(count_in("x") + [
    node("Equal", ["i", "s1"], ["middle"]),
    node("If", ["middle"], ["s"], "if", attributes=[
        attribute_graph("then_branch", graph([node("Slice", ["x", "n", "c6"], ["a"]), reduce("a", "a_sum")], [], [field(1, "a_sum")])),
        attribute_graph("else_branch", graph([node("TopK", ["x", "n"], ["b", "b_at"]), reduce("b", "b_sum")], [], [field(1, "b_sum")]))]),
    node("Add", ["t", "s"], ["t_out"])])],
     [("sums", [3], [sum(ORDERED[:COUNTS[0]]), sum(V[COUNTS[1]:]), sum(ORDERED[:COUNTS[2]])], F)])
scan = graph([node("Squeeze", ["k"], ["limit"]), node("Unsqueeze", ["k", "c0"], ["ends"]), node("Slice", ["x", "c0", "ends"], ["part"]),
              reduce("part", "s"), node("Add", ["t", "s"], ["t_out"])], [field(1, "t"), field(1, "k")], [field(1, "t_out"), field(1, "s")])
case("scan", [node("Cast", ["x"], ["ks"], attributes=[attribute_int("to", I)]), node("Mul", ["one", "zero"], ["s_zero"]),
              node("Scan", ["s_zero", "ks"], ["total", "sums"], "scan",
                   attributes=[attribute_graph("body", scan), attribute_int("num_scan_inputs", 1)])],
     [("sums", [6], [sum(V[:int(k)]) for k in V], F)])


# ---- Refused ----

def wrong(name, nodes, outputs, constants=()):
    path = os.path.join(sys.argv[1], "..", "wrong")
    os.makedirs(path, exist_ok=True)
    save(os.path.join(path, name + ".onnx"), graph(nodes, [value("x", [6])], [field(1, n) for n in outputs],
                                                   [*CONSTANTS, *constants]), 18)


wrong("stacked", [loop(SHORTER, ("v",), ("v_out", "v_out"), ("x",), ("y", "parts"))], ["y", "parts"])
wrong("rank", [loop([node("Unsqueeze", ["v", "c0"], ["v_out"])], ("v",), ("v_out",), ("x",), ("y",))], ["y"])


# ---- Branches of different ranks: what reads them is done in both until they agree ----

def choose(then, other):
    """y is the one where the first element is positive, else the other."""
    return [node("Slice", ["x", "c0", "c1"], ["first"]), node("Greater", ["first", "zero"], ["c"]),
            node("If", ["c"], ["y"], "if", attributes=[
                attribute_graph("then_branch", graph(then, [], [field(1, "a")])),
                attribute_graph("else_branch", graph(other, [], [field(1, "b")]))])]


FLAT, MATRIX = [node("Add", ["x", "x"], ["a"])], [node("Reshape", ["x", "shape23"], ["b"])]
MORE = [contents("c1", [1], [1], I), contents("shape23", [2], [2, 3], I), contents("shape6", [1], [6], I)]
LAST = [node("Abs", ["y"], ["z"]), node("Add", ["z", "w"], ["u"]), node("Reshape", ["u", "c6"], ["flat"]),
        node("Shape", ["y"], ["shape"]), node("Size", ["y"], ["size"]), reduce("u", "sum")]
for first in (1.0, -1.0):
    data = [first] + V[1:]
    a = [abs((2 if first > 0 else 1) * v) + 0.5 for v in data]
    case("rank_%d" % first, choose(FLAT, MATRIX) + [node("Neg", ["one"], ["minus"]), node("Add", ["one", "minus"], ["nothing"]),
                                                    node("Add", ["nothing", "half"], ["w"])] + LAST,
         [("flat", [6], a, F), ("shape", [1 if first > 0 else 2], [6] if first > 0 else [2, 3], I), ("size", [], [6], I),
          ("sum", [], [sum(a)], F)], [("x", [6], data, F)], MORE + [contents("half", [], [0.5], F)])
    # Read in a loop, and twice by one node.
    twice = [v * v * (4 if first > 0 else 1) for v in data]
    case("rank_loop_%d" % first, choose(FLAT, MATRIX) + [
        node("Mul", ["one", "zero"], ["s_zero"]),
        loop([node("Mul", ["y", "y"], ["m"]), reduce("m", "s"), node("Add", ["t", "s"], ["t_out"])])],
         [("total", [], [3 * sum(twice)], F)], [("x", [6], data, F)], MORE)


def chain(count):
    """Choices one after the other, each of ranks of its own: all that follows would stand in each branch."""
    nodes, last = [node("Slice", ["x", "c0", "c1"], ["first"]), node("Greater", ["first", "zero"], ["c"])], "x"
    for k in range(count):
        nodes += [node("Mul", ["first", "first"], ["f%d" % k]), node("Greater", ["f%d" % k, "zero"], ["g%d" % k]),
                  node("If", ["g%d" % k], ["y%d" % k], "if%d" % k, attributes=[
                      attribute_graph("then_branch", graph([node("Neg", [last], ["a"])], [], [field(1, "a")])),
                      attribute_graph("else_branch", graph([node("Unsqueeze", [last, "c0"], ["b"])], [], [field(1, "b")]))])]
        last = "y%d" % k
    return nodes + [node("ReduceSum", [last], ["z"])]


wrong("chain", chain(30), ["z"], MORE)
wrong("branches", choose(FLAT, MATRIX) + [node("Abs", ["y"], ["z"], "abs")], ["z"], MORE)
