"""Models with operators of a user's own (custom_ops/), with their data: one folder each, as `lpc check --each`
takes them.

    python3 custom_cases.py FOLDER       (and FOLDER/../wrong: models that are refused; FOLDER/../run: models
                                          with sizes that are known at run time only)"""
import os
import struct
import sys

from onnx_writer import (attribute_float, attribute_floats, attribute_graph, attribute_int, attribute_ints,
                         attribute_string, attribute_strings, attribute_tensor, contents, field, graph, node,
                         save, save_case, value)

F, I32, I64, BOOL, HALF, DOUBLE, I8, STR = 1, 6, 7, 9, 10, 11, 3, 8
folder = sys.argv[1]
wrong = os.path.join(folder, "..", "wrong")
run = os.path.join(folder, "..", "run")
for each in (folder, wrong, run):
    os.makedirs(each)
DOMAINS = field(8, field(1, "acme") + field(2, 3)) + field(8, field(1, "org.other") + field(2, 7))


def acme(op, inputs, outputs, **attributes):
    return own("acme", op, inputs, outputs, attributes)


def other(op, inputs, outputs, **attributes):
    return own("org.other", op, inputs, outputs, attributes)


def own(domain, op, inputs, outputs, attributes):
    made = [attribute_string(k, v) if isinstance(v, str) else
            attribute_float(k, v) if isinstance(v, float) else attribute_int(k, v)
            for k, v in attributes.items()]
    return node(op, inputs, outputs, op.lower() + "_" + next(o for o in outputs if o), domain, made)


def case(name, nodes, inputs, outputs, constants=(), opset=21, more=b""):
    """inputs and outputs: (name, shape, values) or with a type."""
    ends = [[end if len(end) == 4 else end + (F,) for end in side] for side in (inputs, outputs)]
    save_case(os.path.join(folder, name),
              graph(nodes, [value(n, s, t) for n, s, _, t in ends[0]],
                    [value(n, s, t) for n, s, _, t in ends[1]], constants),
              ends[0], ends[1], opset, DOMAINS + more)


x6 = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0]
x12 = [float(i - 4) for i in range(12)]


def sum_windows(rows, size, stride):
    return [[sum(rows[i + k][r] for k in range(size)) for r in range(len(rows[0]))]
            for i in range(0, len(rows) - size + 1, stride)]


def flat(rows):
    return [v for row in rows for v in row]


# ---- Fixed sizes ----

case("scale", [node("Abs", ["x"], ["a"], "abs"), acme("Scale", ["a"], ["b", "s"], factor=2.5, high=12.0),
               node("Sqrt", ["b"], ["q"], "sqrt"), node("Mul", ["q", "q"], ["y"], "mul")],
     [("x", [2, 3], x6)], [("y", [2, 3], [2.5, 5, 7.5, 10, 12, 12]), ("s", [], [21])])
case("first_output_only", [acme("Scale", ["x"], ["y"], factor=-1.0)],
     [("x", [6], x6)], [("y", [6], [-v for v in x6])])
case("second_output_only", [acme("Scale", ["x"], ["", "s"])], [("x", [6], x6)], [("s", [], [-3])])
case("twice_in_a_row", [acme("Scale", ["x"], ["a"], factor=2.0), acme("Scale", ["a"], ["b"], factor=3.0),
                        node("Add", ["a", "b"], ["y"], "add")],
     [("x", [6], x6)], [("y", [6], [8 * v for v in x6])])
case("window", [acme("Window", ["x"], ["y"], size=3, stride=2)], [("x", [6, 2], x12)],
     [("y", [2, 2], flat(sum_windows([x12[2 * i:2 * i + 2] for i in range(6)], 3, 2)))])

# What lies otherwise than dense: a transposed input, parts of a concatenation, a slice from within, constants.
t = [[x12[4 * j + i] for j in range(3)] for i in range(4)]
case("transposed", [node("Transpose", ["x"], ["t"], "t", attributes=[attribute_ints("perm", [1, 0])]),
                    acme("Window", ["t"], ["y"], size=2)],
     [("x", [3, 4], x12)], [("y", [3, 3], flat(sum_windows(t, 2, 1)))])
case("concatenated", [node("Abs", ["x"], ["a"], "abs"), acme("Scale", ["x"], ["b"], factor=2.0),
                      node("Concat", ["a", "b", "a"], ["c"], "cat", attributes=[attribute_int("axis", 1)]),
                      acme("Scale", ["c"], ["y"])],
     [("x", [2, 3], x6)],
     [("y", [2, 9], [1, 2, 3, 2, -4, 6, 1, 2, 3, 4, 5, 6, -8, 10, -12, 4, 5, 6])])
case("sliced", [node("Abs", ["x"], ["a"], "abs"), node("Slice", ["a", "from", "to"], ["s"], "slice"),
                acme("Scale", ["s"], ["b"], factor=2.0), node("Add", ["b", "s"], ["y"], "add")],
     [("x", [12], x12)], [("y", [3], [3 * abs(v) for v in x12[5:8]])],
     [contents("from", [1], [5], I64), contents("to", [1], [8], I64)])
case("with_a_constant", [node("Abs", ["x"], ["a"], "abs"),
                         other("Pick", ["a", "n", "plus"], ["y", "z"])],
     [("x", [6], x6)], [("y", [3], [11, 22, 33]), ("z", [3], [3, 2, 1])],
     [contents("n", [], [3], I64), contents("plus", [3], [10.0, 20.0, 30.0])])
case("input_left_out", [other("Pick", ["x", "n"], ["", "z"])], [("x", [6], x6)],
     [("z", [2], [-2, 1])], [contents("n", [], [2], I64)])
case("same_input_twice", [other("Pick", ["x", "n", "x"], ["y"])], [("x", [6], x6)],
     [("y", [6], [2 * v for v in x6])], [contents("n", [], [6], I64)])
conv = contents("w", [2, 3, 1, 1], [1.0, 0, 0, 0, 1.0, 0])
case("channels", [node("Conv", ["x", "w"], ["c"], "conv"), acme("Scale", ["c"], ["s"], factor=2.0),
                  node("Conv", ["s", "v"], ["y"], "conv2")],
     [("x", [1, 3, 2, 2], x12)], [("y", [1, 1, 2, 2], [2 * (x12[i] + x12[4 + i]) for i in range(4)])],
     [conv, contents("v", [1, 2, 1, 1], [1.0, 1.0])])

# Types.
for name, dtype, values in (("i8", I8, [1, -2, 3, 4]), ("i32", I32, [1, -2, 3, 4]), ("i64", I64, [1, -2, 3, 4]),
                            ("f16", HALF, [1.5, -2, 3, 4]), ("f64", DOUBLE, [1.5, -2, 3, 4]),
                            ("bool", BOOL, [1, 0, 0, 1])):
    case("type_" + name, [other("Pick", ["x", "n"], ["y", "z"])], [("x", [4], values, dtype)],
         [("y", [3], values[:3], dtype), ("z", [3], values[2::-1], dtype)], [contents("n", [], [3], I64)])
case("type_string", [other("Pick", ["x", "n"], ["y", "z"])],
     [("x", [3], ["a", "\u00fc\u00f6", ""], STR)],
     [("y", [2], ["a", "\u00fc\u00f6"], STR), ("z", [2], ["\u00fc\u00f6", "a"], STR)],
     [contents("n", [], [2], I64)])
case("type_string_dense", [node("Concat", ["x", "x"], ["c"], "cat", attributes=[attribute_int("axis", 1)]),
                           node("Transpose", ["c"], ["t"], "t"), other("Pick", ["t", "n"], ["", "z"])],
     [("x", [1, 2], ["a", "bc"], STR)], [("z", [2, 1], ["bc", "a"], STR)], [contents("n", [], [2], I64)])
packed = field(1, 4) + field(2, 22) + field(8, "w") + field(9, bytes([0xf1, 0x72]))
case("type_i4", [other("Pick", ["w", "n"], ["p", "q"]), node("Cast", ["q"], ["c"], "cast",
                                                            attributes=[attribute_int("to", F)]),
                 node("Add", ["c", "x"], ["y"], "add")],
     [("x", [3], [10.0, 20.0, 30.0])], [("y", [3], [12, 19, 31])], [packed, contents("n", [], [3], I64)])

# Attributes, which a graph's text can disturb.
case("attributes", [node("Told", [], ["y"], "told", "org.other", [
    attribute_int("i", -5), attribute_float("f", -0.125), attribute_string("mode", "q\"\\?/*\n\u00e9"),
    attribute_ints("is", [1 << 40, -2]), attribute_floats("fs", [2.5, 1000.0]),
    attribute_strings("ss", ["", "four"]), attribute_tensor("t", [2, 2], [1, -2, 3, 4], I32)]),
    node("Add", ["y", "x"], ["z"], "add")],
     [("x", [1], [0], I64)],
     [("z", [15], [-5, -1, 9, 1 << 40, -2, 20, 8000, 0, 4, 1, -2, 3, 4, 7, ord("q")], I64)])

# Instead of others: of a standard operator, also within functions; of a function of the model.
negs = field(25, field(1, "Negs") + field(4, "a") + field(5, "b")
             + field(7, node("Neg", ["a"], ["m"], "in")) + field(7, node("Abs", ["m"], ["b"], "abs"))
             + field(9, field(1, "") + field(2, 21)) + field(10, "acme"))
scale_function = field(25, field(1, "Scale") + field(4, "a") + field(5, "b")
                       + field(7, node("Exp", ["a"], ["b"], "exp"))
                       + field(9, field(1, "") + field(2, 21)) + field(10, "acme"))
case("instead_of_neg", [node("Neg", ["x"], ["a"], "neg"), node("Negs", ["a"], ["y"], "negs", "acme")],
     [("x", [3], [1.0, 2.0, 30.0])], [("y", [3], [1, 2, 30])], more=negs)
case("instead_of_function", [acme("Scale", ["x"], ["y"], factor=2.0)], [("x", [3], [1.0, 2.0, 3.0])],
     [("y", [3], [2, 4, 6])], more=scale_function)

# Constants are folded; what is impure is not.
case("folded", [node("Twice", ["c"], ["d"], "twice"), node("Add", ["x", "d"], ["y"], "add")],
     [("x", [3], [1.0, 2.0, 3.0])], [("y", [3], [21, 42, 63])], [contents("c", [3], [10.0, 20.0, 30.0])])
case("impure", [node("Twice", ["c"], ["d"], "twice", attributes=[attribute_int("impure", 1)]),
                node("Add", ["x", "d"], ["y"], "add")],
     [("x", [3], [1.0, 2.0, 3.0])], [("y", [3], [21, 42, 63])], [contents("c", [3], [10.0, 20.0, 30.0])])
case("same_twice", [acme("Scale", ["x"], ["a"], factor=2.0), acme("Scale", ["x"], ["b"], factor=2.0),
                    acme("Scale", ["x"], ["c"], factor=3.0), node("Add", ["a", "b"], ["ab"], "add"),
                    node("Sub", ["ab", "c"], ["y"], "sub")],
     [("x", [6], x6)], [("y", [6], x6)])

# ---- Sizes that are known at run time only ----

case("counted", [acme("Positive", ["x"], ["p", "at"]), node("Neg", ["p"], ["y"], "neg")],
     [("x", [6], x6)], [("y", [3], [9, 7, 5]), ("at", [3], [0, 2, 4], I64)])
case("counted_none", [acme("Positive", ["x"], ["p"]), node("Neg", ["p"], ["y"], "neg")],
     [("x", [2], [-1.0, 0.0])], [("y", [0], [])])
case("counted_then_scaled",
     [acme("Positive", ["x"], ["p"]), acme("Scale", ["p"], ["a", "s"], factor=2.0),
      node("Add", ["a", "p"], ["y"], "add")],
     [("x", [6], x6)], [("y", [3], [3, 9, 15]), ("s", [], [9])])
case("counted_window",
     [acme("Positive", ["x"], ["p"]), acme("Window", ["p"], ["y"], size=1, stride=2)],
     [("x", [12], x12)], [("y", [4], [1, 3, 5, 7])])
case("counted_square",
     [acme("Positive", ["x"], ["p"]), acme("Square", ["p"], ["q"]), node("ReduceSum", ["q"], ["s"], "sum"),
      node("Div", ["q", "s"], ["y"], "div")],
     [("x", [12], x12)], [("y", [2, 2], [.1, .2, .3, .4])])
inner = (field(1, acme("Positive", ["x"], ["p"])) + field(1, node("ReduceSum", ["p"], ["t"], "sum", attributes=[
    attribute_int("keepdims", 0)])) + field(2, "then") + field(12, value("t", [])))
outer = (field(1, acme("Scale", ["x"], ["q", "e"])) + field(2, "else") + field(12, value("e", [])))
for flag in (0, 1):
    case("branch_%d" % flag, [node("ReduceMax", ["x"], ["m"], "max", attributes=[attribute_int("keepdims", 0)]),
                              node("Greater", ["m", "zero"], ["c"], "gt"),
                              node("If", ["c"], ["y"], "if", attributes=[
                                  attribute_graph("then_branch", inner),
                                  attribute_graph("else_branch", outer)])],
         [("x", [3], [1.0, -2.0, 4.0] if flag else [-1.0, -2.0, -4.0])], [("y", [], [5 if flag else -7])],
         [contents("zero", [], [0.0])])
# What reads a choice of ranks is done in both branches.
flat_one = graph([node("Identity", ["x"], ["t"], "same")], [], [value("t", [6])])
row = graph([node("Unsqueeze", ["x", "axis"], ["e"], "row")], [], [value("e", [1, 6])])
case("branch_ranks", [node("If", ["c"], ["z"], "if", attributes=[
    attribute_graph("then_branch", flat_one), attribute_graph("else_branch", row)]),
    acme("Scale", ["z"], ["a"], factor=2.0),
    node("ReduceSum", ["a"], ["y"], "sum", attributes=[attribute_int("keepdims", 0)])],
     [("x", [6], x6), ("c", [], [1], BOOL)], [("y", [], [-6])], [contents("axis", [1], [0], I64)])
body = graph([acme("Positive", ["v"], ["p"]), node("ReduceSum", ["p"], ["s"], "s", attributes=[
    attribute_int("keepdims", 0)]), node("Sub", ["v", "one"], ["next"], "sub"),
    node("Identity", ["c"], ["go"], "go")],
    [value("i", [], I64), value("c", [], BOOL), value("v", [6])],
    [value("go", [], BOOL), value("next", [6]), value("s", [])], [contents("one", [], [1.0])])
case("loop", [node("Loop", ["trips", "", "x"], ["last", "y"], "loop", attributes=[attribute_graph("body", body)])],
     [("x", [6], x6)], [("last", [6], [v - 3 for v in x6]), ("y", [3], [9, 6, 4])],
     [contents("trips", [], [3], I64)])

# ---- For packages that are run with several sizes ----

SIZED = graph([node("Neg", ["x"], ["m"], "neg"), acme("Scale", ["m"], ["a", "s"], factor=2.0),
               node("Add", ["a", "x"], ["b"], "add"), acme("Window", ["b"], ["w"], size=2, stride=3),
               acme("Square", ["x"], ["q"]), acme("Positive", ["q"], ["p"])],
              [value("x", ["n", 2])], [value("w", ["k", 2]), value("q", ["a", "b"]), value("p", ["c"])])
save(os.path.join(run, "sized.onnx"), SIZED, 21, DOMAINS)
save(os.path.join(run, "hill.onnx"), graph([other("Wrong", ["x"], ["y"], how="hill")], [value("x", ["n"])],
                                           [value("y", ["k"])]), 21, DOMAINS)
save(os.path.join(run, "shorter.onnx"),
     graph([node("Conv", ["x", "w"], ["c"], "conv"), acme("Scale", ["c"], ["y"], factor=2.0)],
           [value("x", [1, 1, "n"])], [value("y", [1, 1, "k"])], [contents("w", [1, 1, 3], [1.0, 1.0, 1.0])]),
     21, DOMAINS)
for how in ("fail", "too many", "count"):
    save(os.path.join(run, how.replace(" ", "_") + ".onnx"),
         graph([other("Wrong", ["x"], ["y"], how=how)], [value("x", [4])], [value("y", ["k"])]), 21, DOMAINS)


def npy(path, shape, values):
    header = repr({"descr": "<f4", "fortran_order": False, "shape": tuple(shape)})
    header = header + " " * (118 - len(header) - 1) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack("<%df" % len(values), *values))


for n in (2, 3, 5, 8):
    npy(os.path.join(run, "x%d.npy" % n), [n, 2], [float(i - 1) for i in range(2 * n)])
    xs = [float(i - 1) for i in range(2 * n)]
    b = [2 * (10 - v) + v for v in xs]
    w = flat(sum_windows([b[2 * i:2 * i + 2] for i in range(n)], 2, 3))
    side = int((2 * n) ** .5)
    while (side + 1) ** 2 <= 2 * n:
        side += 1
    with open(os.path.join(run, "expected%d" % n), "w") as file:
        for numbers in (w, xs[:side * side], [v for v in xs[:side * side] if v > 0]):
            file.write(" ".join("%g" % v for v in numbers) + "\n")
npy(os.path.join(run, "row4.npy"), [1, 1, 4], [1.0, 2.0, 3.0, 4.0])
for n in (4, 777):
    npy(os.path.join(run, "v%d.npy" % n), [n], [1.0] * n)

# ---- Refused ----

save(os.path.join(wrong, "constant.onnx"),
     graph([other("Wrong", ["c"], ["d"], how="fail"), node("Add", ["x", "d"], ["y"], "add")],
           constants=[contents("c", [4], [1.0] * 4)]), 21, DOMAINS)
for how in ("refuse", "silent", "abort", "hang", "type", "rank", "negative", "workspace", "huge"):
    save(os.path.join(wrong, how + ".onnx"),
         graph([other("Wrong", ["x"], ["y"], how=how)], [value("x", [4])], [value("y", [4])]), 21, DOMAINS)
save(os.path.join(wrong, "rank_by_size.onnx"),
     graph([other("Wrong", ["x"], ["y"], how="rank by size")], [value("x", ["n"])], [value("y", ["n"])]),
     21, DOMAINS)
save(os.path.join(wrong, "type_of_input.onnx"),
     graph([acme("Scale", ["x"], ["y"])], [value("x", [4], I64)], [value("y", [4])]), 21, DOMAINS)
save(os.path.join(wrong, "graph.onnx"),
     graph([node("Scale", ["x"], ["y"], "s", "acme", [attribute_graph("body", inner)])]), 21, DOMAINS)
