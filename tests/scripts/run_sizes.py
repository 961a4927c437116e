"""Models in which a run decides sizes: what determines them is computed from data. For run_sizes.sh: FOLDER gets
a case for each operator; what is expected is computed here."""
import os
import sys

from onnx_writer import attribute_int, contents, graph, node, save_case, value

F, I = 1, 7
V = [1.0, -2.0, 3.0, 4.0, -5.0, 6.0]
X = ("x", [6], V, F)
# n: i64[1] holds how many elements are positive, 4.
COUNT = [node("Greater", ["x", "zero"], ["positive"]),
         node("Cast", ["positive"], ["ones"], attributes=[attribute_int("to", I)]),
         node("ReduceSum", ["ones"], ["n"])]
CONSTANTS = [contents("zero", [], [0.0], F), contents("c0", [1], [0], I), contents("c6", [1], [6], I),
             contents("s0", [], [0], I), contents("s1", [], [1], I), contents("rest", [1], [-1], I),
             contents("c2", [1], [2], I)]


def case(name, nodes, outputs, inputs=(X,)):
    said = [value(n, s, t) for n, s, _, t in inputs]
    made = [value(n, ["%s_%d" % (n, i) for i in range(len(s))], t) for n, s, _, t in outputs]
    save_case(os.path.join(sys.argv[1], name), graph(nodes, said, made, CONSTANTS), inputs, outputs, 18)


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
