"""Models with Loop and Scan, with their data: one folder each, as `lpc check --each` takes them.

    python3 loop_cases.py FOLDER       (and FOLDER/../wrong: models that are refused)

Expected outputs are computed here, by plain Python loops. A case with a file `options` is checked
with these."""
import math
import os
import sys

from onnx_writer import (attribute_graph, attribute_int, attribute_ints, contents, field, graph, node,
                         save, save_case, value)

F, I, B = 1, 7, 9
folder = sys.argv[1]


def case(name, nodes, inputs, outputs, constants=(), opset=17, more=b"", options="", free=()):
    """inputs: (name, shape, values, dtype); outputs alike. free: shapes of inputs as the model says
    them, where they are not those of the data. Nodes before and after make layers to cut between."""
    inputs, outputs, nodes = list(inputs), list(outputs), list(nodes)
    for k, (n, s, v, t) in enumerate(inputs):
        if t == F:
            inputs[k] = (n + "_raw", s, [-a for a in v], t)
            nodes.insert(0, node("Neg", [n + "_raw"], [n], "before"))
            free = {n + "_raw" if a == n else a: shape for a, shape in dict(free).items()}
            break
    for n, s, v, t in outputs:
        if t == F:
            outputs.append((n + "_neg", s, [-a for a in v], t))
            nodes.append(node("Neg", [n], [n + "_neg"], "after"))
            break
    path = os.path.join(folder, name)
    shapes = dict(free)
    said = [value(n, shapes.get(n, s), t) for n, s, _, t in inputs]
    made = [field(1, n) + field(2, field(1, field(1, t))) for n, _, _, t in outputs]
    save_case(path, graph(nodes, said, made, constants), inputs, outputs, opset, more)
    if options:
        with open(os.path.join(path, "options"), "w") as file:
            file.write(options + "\n")


def body(nodes, inputs, outputs, constants=()):
    """Inputs and outputs are names; those of Loop start with the iteration and the condition."""
    types = {"i": I, "j": I, "go": B, "go2": B}
    said = [value(n, [], types[n]) if n in types else field(1, n) for n in inputs]
    return attribute_graph("body", graph(nodes, said,
                                         [field(1, n) for n in outputs], constants))


def loop(inputs, outputs, inner, name="loop"):
    return node("Loop", inputs, outputs, name, attributes=[inner])


def scan(inputs, outputs, inner, count, name="scan", more=()):
    return node("Scan", inputs, outputs, name,
                attributes=[inner, attribute_int("num_scan_inputs", count), *more])


YES = contents("yes", [], [True], B)
KEEP = node("Identity", ["go"], ["go_on"])
X3, V3 = ("x", [3], [1.0, 2.0, 3.0], F), [1.0, 2.0, 3.0]


def iterate(count, first, step):
    """The value after `count` steps, and those before each."""
    seen = []
    for i in range(count):
        seen.append(list(first))
        first = step(i, first)
    return first, seen


# ---- How often ----

def add_scaled(trips, name, limit, options="", free=(), inputs=(), opset=17):
    """v = v + w, with a stacked output of v * 2 and the outer w captured."""
    w = [0.5, 0.25, -1.0]
    nodes = [loop([limit, "yes", "x"], ["y", "ys"], body(
        [node("Add", ["v", "w"], ["v_out"], "add"), node("Add", ["v", "v"], ["twice"]), KEEP],
        ["i", "go", "v"], ["go_on", "v_out", "twice"]))]
    last, seen = iterate(trips, V3, lambda i, v: [a + b for a, b in zip(v, w)])
    case(name, nodes, [X3, *inputs],
         [("y", [3], last, F), ("ys", [trips, 3], [2 * a for row in seen for a in row], F)],
         [contents("w", [3], w), YES, contents("four", [], [4], I), contents("none", [], [0], I),
          contents("one", [], [1], I)], opset, options=options, free=free)


add_scaled(4, "constant", "four")
add_scaled(4, "constant_opset11", "four", opset=11)
add_scaled(0, "zero_iterations", "none")
add_scaled(1, "one_iteration", "one")
BOUND = "--max loop_trips=6"
add_scaled(3, "dynamic", "m", BOUND, inputs=[("m", [], [3], I)])
add_scaled(0, "dynamic_zero", "m", BOUND, inputs=[("m", [1], [0], I)])
add_scaled(0, "dynamic_negative", "m", BOUND, inputs=[("m", [], [-2], I)])


def until(name, limit, trips, options, constants=()):
    """Doubles until the sum is over 50; the condition is computed in the body."""
    nodes = [loop([limit, "yes", "x"], ["y", "ys"], body(
        [node("Add", ["v", "v"], ["v_out"]),
         node("ReduceSum", ["v_out"], ["sum"], attributes=[attribute_int("keepdims", 0)]),
         node("Less", ["sum", "enough"], ["go_on"])],
        ["i", "go", "v"], ["go_on", "v_out", "sum"]))]
    last, _ = iterate(trips, V3, lambda i, v: [2 * a for a in v])
    case(name, nodes, [X3], [("y", [3], last, F),
                             ("ys", [trips], [6.0 * 2 ** (i + 1) for i in range(trips)], F)],
         [contents("enough", [], [50.0]), YES, *constants], options=options)


until("until", "", 4, "--max loop_trips=9")
until("until_or_limit", "many", 4, "", [contents("many", [], [20], I)])
until("until_limit_first", "few", 3, "", [contents("few", [], [3], I)])
until("until_huge_limit", "huge", 4, "--max loop_trips=5", [contents("huge", [], [2 ** 63 - 1], I)])

# A condition that is an input; without stacked outputs no bound is needed.
for start in (True, False):
    case("while_%s" % start, [loop(["", "start", "x"], ["y"], body(
        [node("Add", ["v", "v"], ["v_out"]),
         node("ReduceMax", ["v_out"], ["most"], attributes=[attribute_int("keepdims", 0)]),
         node("Less", ["most", "enough"], ["go_on"])], ["i", "go", "v"], ["go_on", "v_out"]))],
        [X3, ("start", [], [start], B)],
        [("y", [3], [64.0, 128.0, 192.0] if start else V3, F)], [contents("enough", [], [100.0])])

# ---- What is carried ----

fib, _ = iterate(7, [0.0, 1.0], lambda i, v: [v[1], v[0] + v[1]])
case("swap", [loop(["seven", "", "a0", "b0"], ["a", "b"], body(
    [node("Add", ["a_in", "b_in"], ["sum"]), node("Constant", [], ["go_on"], attributes=[
        field(1, "value") + field(5, contents("t", [], [True], B)) + field(20, 4)])],
    ["i", "go", "a_in", "b_in"], ["go_on", "b_in", "sum"]))],
     [("a0", [1], [0.0], F), ("b0", [1], [1.0], F)], [("a", [1], fib[:1], F), ("b", [1], fib[1:], F)],
     [contents("seven", [], [7], I)])

# Rotates three values without computing anything; one is only handed on, one comes from outside.
case("rotate", [loop(["five", "yes", "x", "p", "q", "x"], ["a", "b", "c", "d", "w_last"], body(
    [KEEP, node("Identity", ["w"], ["outer"])],
    ["i", "go", "a_in", "b_in", "c_in", "d_in"], ["go_on", "b_in", "c_in", "a_in", "d_in", "outer"]))],
     [X3, ("p", [3], [4.0, 5.0, 6.0], F), ("q", [3], [7.0, 8.0, 9.0], F), ("w", [2], [1.5, 2.5], F)],
     [("a", [3], [7.0, 8.0, 9.0], F), ("b", [3], V3, F), ("c", [3], [4.0, 5.0, 6.0], F),
      ("d", [3], V3, F), ("w_last", [5, 2], [1.5, 2.5] * 5, F)],
     [contents("five", [], [5], I), YES])


def trade(name, limit, trips, a, b, options="", free=(), longer=False, more=()):
    """Two values change places in every iteration; longer: one grows by x on the way."""
    nodes = [loop([limit, "yes", "a0", "b0"], ["a", "b"], body(
        ([node("Concat", ["b_in", "x"], ["b_out"], "append", attributes=[attribute_int("axis", 0)])]
         if longer else []) + [KEEP],
        ["i", "go", "a_in", "b_in"], ["go_on", "b_out" if longer else "b_in", "a_in"]))]
    x = [0.5, 0.25]
    inputs = [("a0", [len(a)], a, F), ("b0", [len(b)], b, F), *more]
    (a, b), _ = iterate(trips, [a, b], lambda i, v: [v[1] + (x if longer else []), v[0]])
    case(name, nodes, inputs, [("a", [len(a)], a, F), ("b", [len(b)], b, F)],
         [YES, contents("x", [2], x), contents("three", [], [3], I)], options=options, free=free)


SHORT, LONG = [4.0, 5.0], [4.0, 5.0, 6.0, 7.0, 8.0]
RUN_TIME = {"options": "--max n=7 --max m=9 --max loop_trips=5", "free": {"a0": ["n"], "b0": ["m"]}}
trade("trade", "three", 3, V3, [4.0, 5.0, 6.0])
trade("trade_sizes", "three", 3, V3, SHORT)
trade("trade_and_grow", "three", 3, V3, LONG, longer=True)
trade("trade_run_time_sizes", "trips", 3, V3, SHORT, more=[("trips", [], [3], I)], **RUN_TIME)
trade("trade_and_grow_run_time_sizes", "trips", 4, V3, LONG, longer=True, more=[("trips", [], [4], I)], **RUN_TIME)


def grow(name, limit, trips, inputs=(), options="", twice=False):
    """A list that grows by the iteration number in each iteration."""
    parts = ["list", "item"] + (["item"] if twice else [])
    nodes = [loop([limit, "yes", "list0"], ["y", "sums"], body(
        [node("Cast", ["i"], ["number"], attributes=[attribute_int("to", F)]),
         node("Reshape", ["number", "one"], ["item"]),
         node("Concat", parts, ["list_out"], "append", attributes=[attribute_int("axis", 0)]),
         node("ReduceSum", ["list"], ["sum"], attributes=[attribute_int("keepdims", 0)]), KEEP],
        ["i", "go", "list"], ["go_on", "list_out", "sum"])), node("Neg", ["y"], ["z"])]
    each = 2 if twice else 1
    last, seen = iterate(trips, [9.0], lambda i, v: v + [float(i)] * each)
    case(name, nodes, [("list0", [1], [9.0], F), *inputs],
         [("y", [len(last)], last, F), ("sums", [trips], [sum(v) for v in seen], F),
          ("z", [len(last)], [-a for a in last], F)],
         [YES, contents("one", [1], [1], I), contents("six", [], [6], I)], options=options)


grow("grow", "six", 6)
grow("grow_by_two", "six", 6, twice=True)
grow("grow_dynamic", "m", 5, [("m", [], [5], I)], "--max loop_trips=8")

# From nothing, in the second of two axes, and what was there moves.
rows, _ = iterate(4, [], lambda i, v: v + [float(i + 1)])
case("grow_columns", [loop(["four", "yes", "empty"], ["y"], body(
    [node("Cast", ["i"], ["number"], attributes=[attribute_int("to", F)]),
     node("Add", ["number", "column"], ["item"]),
     node("Concat", ["list", "item"], ["list_out"], attributes=[attribute_int("axis", 1)]), KEEP],
    ["i", "go", "list"], ["go_on", "list_out"]))],
     [("column", [2, 1], [1.0, 11.0], F)],
     [("y", [2, 4], rows + [r + 10 for r in rows], F)],
     [YES, contents("four", [], [4], I), contents("empty", [2, 0], [])])

# By what the data says: at most 3 in each of 4 iterations.
case("grow_by_data", [loop(["four", "yes", "none"], ["y"], body(
    [node("Gather", ["rows", "i"], ["row"]), node("NonZero", ["row"], ["found"]),
     node("Concat", ["list", "found"], ["list_out"], attributes=[attribute_int("axis", 1)]), KEEP],
    ["i", "go", "list"], ["go_on", "list_out"]))],
     [("rows", [4, 3], [1.0, 0.0, 2.0] + [0.0] * 3 + [1.0] * 3 + [0.0, 0.0, 5.0], F)],
     [("y", [1, 6], [0, 2, 0, 1, 2, 2], I)],
     [YES, contents("four", [], [4], I), contents("none", [1, 0], [], I)])

# Halves in each iteration: a size that is neither the same nor evenly growing.
case("shrink", [loop(["three", "yes", "x"], ["y"], body(
    [node("Slice", ["v", "start", "end", "axes", "steps"], ["v_out"]), KEEP],
    ["i", "go", "v"], ["go_on", "v_out"]))],
     [("x", [13], [float(i) for i in range(13)], F)], [("y", [2], [0.0, 8.0], F)],
     [YES, contents("three", [], [3], I), contents("start", [1], [0], I), contents("end", [1], [99], I),
      contents("axes", [1], [0], I), contents("steps", [1], [2], I)])

# The one before the last: its size is bounded because the other one's is.
case("shrink_before", [loop(["three", "yes", "x", "w"], ["y", "before"], body(
    [node("Slice", ["v", "start", "end", "axes", "steps"], ["v_out"]), KEEP],
    ["i", "go", "v", "u"], ["go_on", "v_out", "v"]))],
     [("x", [13], [float(i) for i in range(13)], F)],
     [("y", [2], [0.0, 8.0], F), ("before", [4], [0.0, 4.0, 8.0, 12.0], F)],
     [YES, contents("three", [], [3], I), contents("start", [1], [0], I), contents("end", [1], [99], I),
      contents("axes", [1], [0], I), contents("steps", [1], [2], I), contents("w", [3], V3)])

# A counter of the model's own, used as a position.
case("counter", [loop(["four", "yes", "zero", "x"], ["n", "y", "picked"], body(
    [node("Gather", ["table", "at"], ["item"]), node("Add", ["at", "two"], ["at_out"]),
     node("Add", ["v", "item"], ["v_out"]), node("Mul", ["item", "item"], ["square"]), KEEP],
    ["i", "go", "at", "v"], ["go_on", "at_out", "v_out", "square"]))],
     [X3, ("table", [8], [float(i) for i in range(8)], F)],
     [("n", [], [8], I), ("y", [3], [a + 12 for a in V3], F), ("picked", [4], [0.0, 4.0, 16.0, 36.0], F)],
     [YES, contents("four", [], [4], I), contents("zero", [], [0], I), contents("two", [], [2], I)])

# ---- Scan ----

STEPS = [float(i) for i in range(12)]  # [4, 3]


def running(rows, width):
    state, sums = [0.0] * width, []
    for row in rows:
        state = [a + b for a, b in zip(state, row)]
        sums.append(state)
    return state, sums


def scans(name, columns, reverse, out_axis, out_reverse, free=()):
    """A running sum over rows or columns, either way, stacked along either axis, either way."""
    rows = [STEPS[3 * i:3 * i + 3] for i in range(4)]
    if columns:
        rows = [list(c) for c in zip(*rows)]
    if reverse:
        rows = rows[::-1]
    last, sums = running(rows, len(rows[0]))
    if out_reverse:
        sums = sums[::-1]
    shape = [len(sums), len(sums[0])]
    if out_axis:
        sums = [list(c) for c in zip(*sums)]
        shape = shape[::-1]
    ways = [attribute_ints("scan_input_axes", [int(columns)]),
            attribute_ints("scan_input_directions", [int(reverse)]),
            attribute_ints("scan_output_axes", [out_axis]),
            attribute_ints("scan_output_directions", [int(out_reverse)])]
    width = len(rows[0])
    case(name, [scan(["s0", "x"], ["s", "ys"], body(
        [node("Add", ["s_in", "row"], ["s_out"]), node("Identity", ["s_out"], ["y"])],
        ["s_in", "row"], ["s_out", "y"]), 1, more=ways)],
        [("x", [4, 3], STEPS, F)], [("s", [width], last, F), ("ys", shape, sum(sums, []), F)],
        [contents("s0", [width], [0.0] * width)], free=free, options="--max rows=9" if free else "")


scans("scan", False, False, 0, False)
scans("scan_reverse", False, True, 0, True)
scans("scan_columns", True, False, 1, False)
scans("scan_columns_reverse", True, True, -1, True)
scans("scan_dynamic", False, True, 0, False, {"x": ["rows", 3]})

# Two inputs and two outputs, one of them an input's slice itself, none carried.
case("scan_stateless", [scan(["x", "w"], ["p", "q"], body(
    [node("Mul", ["a", "b"], ["product"]), node("Transpose", ["b"], ["turned"])],
    ["a", "b"], ["product", "turned"]), 2, more=[attribute_ints("scan_output_axes", [1, 2])])],
     [("x", [2, 2], [1.0, 2.0, 3.0, 4.0], F),
      ("w", [2, 2, 2], [float(i) for i in range(8)], F)],
     [("p", [2, 2, 2], [0.0, 2.0, 12.0, 20.0, 2.0, 6.0, 18.0, 28.0], F),
      ("q", [2, 2, 2], [0.0, 4.0, 2.0, 6.0, 1.0, 5.0, 3.0, 7.0], F)])

# Before opset 9 there is a batch.
case("scan_batch", [node("Scan", ["", "s0", "x"], ["s", "ys"], "scan", attributes=[
    body([node("Add", ["s_in", "row"], ["s_out"]), node("Identity", ["s_out"], ["y"])],
         ["s_in", "row"], ["s_out", "y"]), attribute_int("num_scan_inputs", 1)])],
     [("s0", [2, 2], [0.0] * 4, F), ("x", [2, 3, 2], STEPS, F)],
     [("s", [2, 2], [6.0, 9.0, 24.0, 27.0], F),
      ("ys", [2, 3, 2], [0.0, 1.0, 2.0, 4.0, 6.0, 9.0, 6.0, 7.0, 14.0, 16.0, 24.0, 27.0], F)], opset=8)


def scan_lengths(name, lengths, kind=I, more=(), inputs=()):
    """Rows end early: states stay, what is stacked is zero behind the end. One input is read backwards, and the
    states of one are whole numbers."""
    rows = [[STEPS[6 * b + 2 * t:6 * b + 2 * t + 2] for t in range(3)] for b in range(2)]
    states, counts, stacked, backwards = [], [], [], []
    for b, most in enumerate(lengths):
        s, n = [0.0, 0.0], 0
        for t in range(3):
            if t < most:
                s, n = [p + q for p, q in zip(s, rows[b][t])], n + 1
            stacked += s if t < most else [0.0, 0.0]
            backwards += rows[b][most - 1 - t] if t < most else [0.0, 0.0]
        states += s
        counts.append(n)
    case(name, [node("Scan", ["lens", "s0", "n0", "x", "x"], ["s", "n", "ys", "zs"], "scan", attributes=[
        body([node("Add", ["s_in", "row"], ["s_out"]), node("Identity", ["s_out"], ["y"]),
              node("Add", ["n_in", "one"], ["n_out"]), node("Identity", ["back"], ["z"])],
             ["s_in", "n_in", "row", "back"], ["s_out", "n_out", "y", "z"]), attribute_int("num_scan_inputs", 2),
        attribute_ints("directions", [0, 1])])],
         [("x", [2, 3, 2], STEPS, F), ("s0", [2, 2], [0.0] * 4, F), ("n0", [2], [0, 0], I), *inputs],
         [("s", [2, 2], states, F), ("n", [2], counts, I), ("ys", [2, 3, 2], stacked, F), ("zs", [2, 3, 2], backwards, F)],
         [contents("one", [], [1], I), *more], opset=8)


scan_lengths("scan_lengths", [3, 1], more=[contents("lens", [2], [3, 1], I)])
scan_lengths("scan_lengths_dynamic", [2, 3], inputs=[("lens", [2], [2, 3], I)])

# ---- Nesting ----

# The inner loop runs as often as the outer one has, and adds to what the outer one carries.
case("nested", [loop(["four", "yes", "x"], ["y", "counts"], body(
    [loop(["i", "yes", "v"], ["v_out", "trace"], body(
        [node("Add", ["u", "w"], ["u_out"], "add"), node("Identity", ["go2"], ["go2_out"]),
         node("Identity", ["w"], ["each"])],
        ["j", "go2", "u"], ["go2_out", "u_out", "each"]), "inner"),
     node("ReduceSum", ["trace"], ["count"], attributes=[attribute_int("keepdims", 0)]), KEEP],
    ["i", "go", "v"], ["go_on", "v_out", "count"]), "outer")],
     [X3, ("w", [1], [0.5], F)],
     [("y", [3], [a + 3.0 for a in V3], F), ("counts", [4], [0.0, 0.5, 1.0, 1.5], F)],
     [YES, contents("four", [], [4], I)])

# A list of pairs (i, j), which both loops grow.
pairs = [float(10 * i + j) for i in range(3) for j in range(2)]
case("nested_grow", [loop(["three", "yes", "empty"], ["y"], body(
    [loop(["two", "yes", "list"], ["longer"], body(
        [node("Mul", ["i", "ten"], ["tens"]), node("Add", ["tens", "j"], ["number"]),
         node("Cast", ["number"], ["f"], attributes=[attribute_int("to", F)]),
         node("Reshape", ["f", "one"], ["item"]),
         node("Concat", ["l", "item"], ["l_out"], attributes=[attribute_int("axis", 0)]),
         node("Identity", ["go2"], ["go2_out"])], ["j", "go2", "l"], ["go2_out", "l_out"]), "inner"),
     KEEP], ["i", "go", "list"], ["go_on", "longer"]), "outer"), node("Sub", ["y", "x1"], ["z"])],
     [("x1", [1], [1.0], F)],
     [("y", [6], pairs, F), ("z", [6], [p - 1 for p in pairs], F)],
     [YES, contents("three", [], [3], I), contents("two", [], [2], I), contents("ten", [], [10], I),
      contents("one", [1], [1], I), contents("empty", [0], [])])


def branch(which, nodes, output):
    return attribute_graph(which, graph(nodes, (), [field(1, output)]))


# An If inside: every third iteration adds, the others double.
def either(i, v):
    return [a + 1 for a in v] if i % 3 == 0 else [2 * a for a in v]


branched, _ = iterate(5, V3, either)
case("if_inside", [loop(["five", "yes", "x"], ["y"], body(
    [node("Mod", ["i", "three"], ["rest"]), node("Equal", ["rest", "zero"], ["third"]),
     node("If", ["third"], ["v_out"], "if", attributes=[
         branch("then_branch", [node("Add", ["v", "ones"], ["t"])], "t"),
         branch("else_branch", [node("Add", ["v", "v"], ["e"])], "e")]), KEEP],
    ["i", "go", "v"], ["go_on", "v_out"]))],
     [X3, ("ones", [1], [1.0], F)], [("y", [3], branched, F)],
     [YES, contents("five", [], [5], I), contents("three", [], [3], I), contents("zero", [], [0], I)])

for taken in (True, False):
    case("inside_if_%s" % taken, [node("If", ["c"], ["y"], "if", attributes=[
        branch("then_branch", [loop(["four", "yes", "x"], ["t"], body(
            [node("Add", ["v", "v"], ["v_out"]), KEEP], ["i", "go", "v"], ["go_on", "v_out"]))], "t"),
        branch("else_branch", [scan(["x", "x"], ["e", "unused"], body(
            [node("Add", ["v", "item"], ["v_out"]), node("Identity", ["v_out"], ["u"])],
            ["v", "item"], ["v_out", "u"]), 1)], "e")])],
         [X3, ("c", [], [taken], B)],
         [("y", [3], [16 * a if taken else a + 6 for a in V3], F)], [YES, contents("four", [], [4], I)])

# A function of the model in the body, and a loop in a function.
FUNCTION = field(1, "Grow") + field(4, "a") + field(4, "b") + field(5, "r") + field(7, node(
    "Mul", ["a", "b"], ["m"])) + field(7, node("Add", ["m", "b"], ["r"])) + field(
        9, field(1, "") + field(2, 17)) + field(10, "own")
case("function", [loop(["four", "yes", "x"], ["y"], body(
    [node("Grow", ["v", "w"], ["v_out"], "call", "own"), KEEP],
    ["i", "go", "v"], ["go_on", "v_out"]))],
     [X3, ("w", [1], [0.5], F)],
     [("y", [3], iterate(4, V3, lambda i, v: [a * 0.5 + 0.5 for a in v])[0], F)],
     [YES, contents("four", [], [4], I)], more=field(8, field(1, "own") + field(2, 1)) + field(25, FUNCTION))

# A convolution in the body, whose result is carried and stacked.
def convolve(image):
    result = []
    for y in range(4):
        for x in range(4):
            result.append(sum(image[4 * (y + dy) + x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)
                              if 0 <= y + dy < 4 and 0 <= x + dx < 4) / 8)
    return result


IMAGE = [float(i % 5) for i in range(16)]
blurred, _ = iterate(3, IMAGE, lambda i, v: convolve(v))
case("convolution", [loop(["three", "yes", "x"], ["y", "ys"], body(
    [node("Conv", ["v", "w"], ["c"], "conv", attributes=[attribute_ints("pads", [1, 1, 1, 1])]),
     node("Relu", ["c"], ["v_out"]), KEEP], ["i", "go", "v"], ["go_on", "v_out", "v_out"]))],
     [("x", [1, 1, 4, 4], IMAGE, F)],
     [("y", [1, 1, 4, 4], blurred, F),
      ("ys", [3, 1, 1, 4, 4], convolve(IMAGE) + convolve(convolve(IMAGE)) + blurred, F)],
     [YES, contents("three", [], [3], I), contents("w", [1, 1, 3, 3], [0.125] * 9)])

# ---- An LSTM written as Scan beside the LSTM node ----

STEP, BATCH, IN, HID = 5, 2, 3, 4
spread = lambda n, s: [round(math.sin(0.7 * i + s), 4) for i in range(n)]
XS, WS, RS = spread(STEP * BATCH * IN, 0), spread(4 * HID * IN, 1), spread(4 * HID * HID, 2)
BS = spread(4 * HID, 3)


def sigmoid(a):
    return 1 / (1 + math.exp(-a))


def lstm():
    h = [[0.0] * HID for _ in range(BATCH)]
    c = [[0.0] * HID for _ in range(BATCH)]
    every = []
    for t in range(STEP):
        for b in range(BATCH):
            x = XS[(t * BATCH + b) * IN:][:IN]
            gate = [BS[g] + sum(x[k] * WS[g * IN + k] for k in range(IN))
                    + sum(h[b][k] * RS[g * HID + k] for k in range(HID)) for g in range(4 * HID)]
            i, o, f, n = (gate[k * HID:(k + 1) * HID] for k in range(4))
            c[b] = [sigmoid(f[k]) * c[b][k] + sigmoid(i[k]) * math.tanh(n[k]) for k in range(HID)]
            h[b] = [sigmoid(o[k]) * math.tanh(c[b][k]) for k in range(HID)]
        every += h[0] + h[1]
    return every, h[0] + h[1], c[0] + c[1]


EVERY, H_LAST, C_LAST = lstm()
case("lstm", [
    scan(["h0", "c0", "x"], ["h", "c", "hs"], body(
        [node("Gemm", ["xt", "w", "b"], ["xw"], attributes=[attribute_int("transB", 1)]),
         node("Gemm", ["h_in", "r", "xw"], ["gates"], attributes=[attribute_int("transB", 1)]),
         node("Split", ["gates", "quarters"], ["gi", "go_", "gf", "gc"],
              attributes=[attribute_int("axis", 1)]),
         node("Sigmoid", ["gi"], ["si"]), node("Sigmoid", ["go_"], ["so"]), node("Sigmoid", ["gf"], ["sf"]),
         node("Tanh", ["gc"], ["tc"]), node("Mul", ["sf", "c_in"], ["kept"]),
         node("Mul", ["si", "tc"], ["added"]), node("Add", ["kept", "added"], ["c_out"]),
         node("Tanh", ["c_out"], ["shown"]), node("Mul", ["so", "shown"], ["h_out"]),
         node("Identity", ["h_out"], ["h_each"])],
        ["h_in", "c_in", "xt"], ["h_out", "c_out", "h_each"]), 1),
    node("LSTM", ["x", "w1", "r1", "b1"], ["hs4", "h3", "c3"], "lstm",
         attributes=[attribute_int("hidden_size", HID)]),
    node("Squeeze", ["hs4", "axis1"], ["hs_node"]), node("Sub", ["hs", "hs_node"], ["difference"])],
     [("x", [STEP, BATCH, IN], XS, F)],
     [("h", [BATCH, HID], H_LAST, F), ("c", [BATCH, HID], C_LAST, F),
      ("hs", [STEP, BATCH, HID], EVERY, F), ("difference", [STEP, BATCH, HID], [0.0] * len(EVERY), F)],
     [contents("h0", [BATCH, HID], [0.0] * BATCH * HID), contents("c0", [BATCH, HID], [0.0] * BATCH * HID),
      contents("w", [4 * HID, IN], WS), contents("r", [4 * HID, HID], RS), contents("b", [4 * HID], BS),
      contents("w1", [1, 4 * HID, IN], WS), contents("r1", [1, 4 * HID, HID], RS),
      contents("b1", [1, 8 * HID], BS + [0.0] * 4 * HID), contents("axis1", [1], [1], I),
      contents("quarters", [4], [HID] * 4, I)])

# ---- State that goes through a loop ----

folder = os.path.join(os.path.dirname(os.path.abspath(folder)), "states")


def state(name, first, inner, after, past, shape=(3,)):
    """w and the state past -> y and present, which is past of the next run."""
    data = os.path.join(folder, name, "test_data_set_0")
    nodes = [loop(["three", "yes", first], ["u"], body([*inner, KEEP], ["i", "go", "v"], ["go_on", "v_out"])),
             *after]
    made = [field(1, n) + field(2, field(1, field(1, F))) for n in ("y", "present")]
    os.makedirs(data)
    save(os.path.join(folder, name, "model.onnx"), graph(
        nodes, [value("w", shape), value("past", past)], made,
        [YES, contents("three", [], [3], I), contents("first_axis", [1], [0], I)]))
    with open(os.path.join(data, "input_0.pb"), "wb") as file:
        file.write(contents("w", shape, V3))


LEAVES = node("Identity", ["u"], ["present"])
state("carried", "past", [node("Add", ["v", "w"], ["v_out"])], [LEAVES, node("Neg", ["u"], ["y"])], [3])
state("captured", "w", [node("Add", ["v", "past"], ["v_out"])],
      [node("Add", ["past", "u"], ["present"]), node("Neg", ["u"], ["y"])], [3])
state("grows", "past", [node("Concat", ["v", "w"], ["v_out"], attributes=[attribute_int("axis", 0)])],
      [LEAVES, node("ReduceSum", ["u", "first_axis"], ["s"], attributes=[attribute_int("keepdims", 0)]),
       node("Neg", ["s"], ["y"])], ["n", 3], (1, 3))

# ---- Models that are refused ----

folder = os.path.join(os.path.dirname(os.path.abspath(folder)), "wrong")


def wrong(name, *nodes):
    data = os.path.join(folder, name, "test_data_set_0")
    os.makedirs(data)
    save(os.path.join(folder, name, "model.onnx"), graph(
        nodes, [value("x", [3]), value("two", [2])], [field(1, "y")],
        [YES, contents("four", [], [4], I), contents("one", [1], [1.0])]))
    for i, (n, v) in enumerate((("x", V3), ("two", [1.0, 2.0]))):
        with open(os.path.join(data, "input_%d.pb" % i), "wb") as file:
            file.write(contents(n, [len(v)], v))


def one(nodes, inputs=("i", "go", "v"), outputs=("go_on", "v_out"), result=("y",)):
    return loop(["four", "yes", "x"], result, body([*nodes, KEEP], inputs, outputs))


wrong("body", one([node("Add", ["v", "two"], ["v_out"], "add")]))
wrong("type", one([node("Cast", ["v"], ["v_out"], attributes=[attribute_int("to", I)])]))
wrong("rank", one([node("Reshape", ["v", "shape"], ["v_out"]), node("Constant", [], ["shape"], attributes=[
    field(1, "value") + field(5, contents("t", [2], [1, 3], I)) + field(20, 4)])]))
wrong("inputs", loop(["four", "yes", "x", "two"], ["y"], body([KEEP], ["i", "go", "v"], ["go_on", "v", "v"])))
wrong("output", one([node("Add", ["v", "v"], ["v_out"])], outputs=("go_on", "nowhere")))
wrong("stack", one([node("NonZero", ["v"], ["found"]), node("Add", ["v", "v"], ["v_out"])],
                   outputs=("go_on", "v_out", "found"), result=("unused", "y")))
wrong("broadcast", loop(["four", "yes", "one"], ["y"], body(
    [node("Add", ["v", "x"], ["v_out"]), KEEP], ["i", "go", "v"], ["go_on", "v_out"])))
wrong("scan", scan(["x"], ["y"], body([], ["v"], ["v"]), 3))
