"""Models with sequences and optionals, with their data: one folder each, as `lpc check --each` takes them.

    python3 sequence_cases.py FOLDER       (and FOLDER/../wrong: models that are refused)

Expected outputs are computed here, on plain lists. A case with a file `options` is checked with these."""
import os
import struct
import sys

from onnx_writer import (attribute_graph, attribute_int, attribute_ints, contents, field, graph, node,
                         save, value)

F, I, B = 1, 7, 9
folder = sys.argv[1]


# ---- Types and data ----

def tensor_type(shape, dtype=F):
    text = field(1, dtype)
    if shape is not None:
        dims = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape)
        text += field(2, dims)
    return field(1, text)


def sequence(element):
    return field(4, field(1, element))


def optional(element):
    return field(9, field(1, element))


def typed(name, kind):
    return field(1, name) + field(2, kind)


def sequence_data(name, tensors):
    """tensors: (shape, values, dtype) each."""
    return field(1, name) + field(2, 1) + b"".join(field(3, contents("", *t)) for t in tensors)


def optional_data(name, number=0, data=None):
    """number: 1 for a tensor, 3 for a sequence; without data it is not there."""
    text = field(1, name) + field(2, number)
    return text + (field({1: 3, 3: 5}[number], data) if data is not None else b"")


def case(name, nodes, inputs, outputs, constants=(), opset=17, options="", root=folder):
    """inputs and outputs: (name, type, bytes of the data's file)."""
    path = os.path.join(root, name)
    data = os.path.join(path, "test_data_set_0")
    os.makedirs(data)
    save(os.path.join(path, "model.onnx"),
         graph(nodes, [typed(n, t) for n, t, _ in inputs], [typed(n, t) for n, t, _ in outputs],
               constants), opset)
    for kind, ends in (("input", inputs), ("output", outputs)):
        for k, (_, _, content) in enumerate(ends):
            with open(os.path.join(data, "%s_%d.pb" % (kind, k)), "wb") as file:
                file.write(content)
    if options:
        with open(os.path.join(path, "options"), "w") as file:
            file.write(options + "\n")


def plain(name, shape, values, dtype=F, said=None):
    return name, tensor_type(shape if said is None else said, dtype), contents(name, shape, values, dtype)


def listed(name, tensors, shape=None, dtype=F):
    return name, sequence(tensor_type(shape, dtype)), sequence_data(name, tensors)


def number(name, n):
    return contents(name, [], [n], I)


def op(kind, inputs, outputs, *attributes):
    return node(kind, inputs, outputs, kind + "_" + outputs[0], attributes=attributes)


AXIS0, NEW = attribute_int("axis", 0), attribute_int("new_axis", 1)
A, BB, C = [1.0, 2.0], [3.0, 4.0, 5.0], [6.0]
NUMBERS = [number("zero", 0), number("one", 1), number("two", 2), number("last", -1), number("third", -3)]


# ---- Lists that are known ----

def operators():
    """Positions are constants, or come from the shape of an input."""
    nodes = [
        op("SequenceConstruct", ["a", "b"], ["ab"]), op("SequenceInsert", ["ab", "c"], ["abc"]),
        op("SequenceInsert", ["abc", "a", "last"], ["abac"]), op("SequenceInsert", ["abc", "b", "zero"], ["babc"]),
        op("SequenceErase", ["abac"], ["aba"]), op("SequenceErase", ["babc", "third"], ["bbc"]),
        op("SequenceAt", ["bbc", "last"], ["y0"]), op("SequenceAt", ["aba", "one"], ["y1"]),
        op("Shape", ["c"], ["count"]), op("Squeeze", ["count"], ["place"]),
        op("SequenceAt", ["abc", "place"], ["y2"]),
        op("ConcatFromSequence", ["abac"], ["y3"], AXIS0), op("SequenceLength", ["babc"], ["y4"]),
        op("SequenceEmpty", [], ["none"]), op("SequenceLength", ["none"], ["y5"]),
        op("SequenceInsert", ["none", "a"], ["some"]), op("Identity", ["some"], ["same"]),
        op("SequenceInsert", ["same", "a2"], ["aa"]),
        op("ConcatFromSequence", ["aa"], ["y6"], AXIS0, NEW),
        op("ConcatFromSequence", ["aa"], ["y7"], attribute_int("axis", -1), NEW),
        op("Neg", ["a"], ["a2"]),
    ]
    case("operators", nodes, [plain("a", [2], A), plain("b", [3], BB), plain("c", [1], C)],
         [plain("y0", [1], C), plain("y1", [3], BB), plain("y2", [3], BB),
          plain("y3", [8], A + BB + A + C), plain("y4", [], [4], I), plain("y5", [], [0], I),
          plain("y6", [2, 2], A + [-1.0, -2.0]), plain("y7", [2, 2], [1.0, -1.0, 2.0, -2.0])], NUMBERS, 13)


def run_time_position():
    """An element of a list of equal shapes, at a position that is input data; from a float, so that `lpc
    check` does not bind it."""
    nodes = [op("SequenceConstruct", ["a", "b", "a"], ["s"]),
             op("Cast", ["p"], ["place"], attribute_int("to", I)), op("SequenceAt", ["s", "place"], ["y"])]
    for at, want in ((1.0, [3.0, 4.0]), (-1.0, A)):
        case("run_time_position%d" % at, nodes,
             [plain("a", [2], A), plain("b", [2], [3.0, 4.0]), plain("p", [], [at])], [plain("y", [2], want)])


def split():
    x = [float(i) for i in range(10)]
    rows = [x[:5], x[5:]]
    nodes = [op("SplitToSequence", ["x"], ["rows"], attribute_int("keepdims", 0)),
             op("SplitToSequence", ["x"], ["kept"], attribute_int("axis", -2)),
             op("SplitToSequence", ["x", "two"], ["pairs"], attribute_int("axis", 1), attribute_int("keepdims", 0)),
             op("SplitToSequence", ["x", "sizes"], ["uneven"], attribute_int("axis", -1))]
    pick = lambda low, high: rows[0][low:high] + rows[1][low:high]
    case("split", nodes, [plain("x", [2, 5], x)],
         [listed("rows", [([5], r, F) for r in rows]), listed("kept", [([1, 5], r, F) for r in rows]),
          listed("pairs", [([2, 2], pick(0, 2), F), ([2, 2], pick(2, 4), F), ([2, 1], pick(4, 5), F)]),
          listed("uneven", [([2, 1], pick(0, 1), F), ([2, 4], pick(1, 5), F)])],
         NUMBERS + [contents("sizes", [2], [1, 4], I)], 11)


def ends():
    """Sequences in and out, of elements of different shapes, and each element through a body."""
    body = attribute_graph("body", graph(
        [op("Mul", ["e", "f"], ["g"]), op("Shape", ["e"], ["h"])],
        [field(1, "e"), field(1, "f")], [field(1, "g"), field(1, "h")]))
    nodes = [node("SequenceMap", ["s", "k"], ["t", "shapes"], "map", attributes=[body]),
             op("SequenceLength", ["s"], ["n"]), op("Identity", ["s"], ["same"])]
    elements = [([2], A, F), ([3], BB, F), ([1], C, F)]
    case("ends", nodes, [listed("s", elements, ["N"]), plain("k", [1], [2.0])],
         [listed("t", [(s, [2 * v for v in e], t) for s, e, t in elements]),
          listed("shapes", [([1], s, I) for s, _, _ in elements], [1], I), plain("n", [], [3], I),
          listed("same", elements)])


def optionals():
    nodes = [op("OptionalHasElement", ["o"], ["has"]), op("OptionalHasElement", ["x"], ["has_x"]),
             op("OptionalHasElement", ["q"], ["has_q"]), op("OptionalGetElement", ["q"], ["list"]),
             op("Not", ["has"], ["lacks"]),
             node("If", ["lacks"], ["y"], "if", attributes=[
                 attribute_graph("then_branch", graph([op("Neg", ["x"], ["t"])], [], [field(1, "t")])),
                 attribute_graph("else_branch", graph([op("OptionalGetElement", ["o"], ["e"])], [],
                                                      [field(1, "e")]))]),
             op("Optional", ["x"], ["p"]), op("OptionalGetElement", ["p"], ["px"]), op("Abs", ["px"], ["z"])]
    elements = [([2], A, F), ([2], A, F)]
    there = optional_data("q", 3, sequence_data("", elements))
    for name, data, has, y in (("absent", optional_data("o"), False, [-1.0, -2.0]),
                               ("present", optional_data("o", 1, contents("", [2], [7.0, 8.0])), True, [7.0, 8.0])):
        case("optional_" + name, nodes,
             [("o", optional(tensor_type([2])), data), plain("x", [2], A),
              ("q", optional(sequence(tensor_type([2]))), there)],
             [plain("has", [], [has], B), plain("has_x", [], [True], B), plain("has_q", [], [True], B),
              listed("list", elements), plain("y", [2], y), plain("z", [2], A)], (), 18)


def branches():
    """Both branches make as many elements; which is taken is known at run time only. Optionals too: one that is
    there in one branch only."""
    then = graph([op("SequenceConstruct", ["a", "b"], ["t"]), op("Optional", ["b"], ["to"])], [],
                 [field(1, "t"), field(1, "to")])
    other = graph([op("Neg", ["a"], ["m"]), op("SequenceConstruct", ["b", "m"], ["e"]),
                   node("Optional", [], ["eo"], "none",
                        attributes=[field(1, "type") + field(14, tensor_type([2])) + field(20, 13)])], [],
                  [field(1, "e"), field(1, "eo")])
    nodes = [op("Greater", ["k", "half"], ["c"]),
             node("If", ["c"], ["s", "o"], "if", attributes=[attribute_graph("then_branch", then),
                                                             attribute_graph("else_branch", other)]),
             op("ConcatFromSequence", ["s"], ["y"], AXIS0), op("OptionalHasElement", ["o"], ["has"]),
             node("If", ["has"], ["z"], "if2", attributes=[
                 attribute_graph("then_branch", graph([op("OptionalGetElement", ["o"], ["g"]),
                                                       op("Abs", ["g"], ["ga"])], [], [field(1, "ga")])),
                 attribute_graph("else_branch", graph([op("Identity", ["a"], ["d"])], [], [field(1, "d")]))])]
    for name, k, y, has in (("then", 1.0, A + [-3.0, 4.0], True), ("else", 0.0, [-3.0, 4.0, -1.0, -2.0], False)):
        case("branch_" + name, nodes, [plain("a", [2], A), plain("b", [2], [-3.0, 4.0]), plain("k", [], [k])],
             [plain("y", [4], y), plain("has", [], [has], B), plain("z", [2], [3.0, 4.0] if has else A),
              listed("s", [([2], y[:2], F), ([2], y[2:], F)])],
             [contents("half", [], [0.5])])


# ---- Loops ----

KEEP = node("Identity", ["go"], ["go_on"])
YES = contents("yes", [], [True], B)
BOUND = "--max loop_trips=5"
EMPTY = node("SequenceEmpty", [], ["none"], "none")
X = [1.0, 2.0, 3.0]


def body(nodes, inputs, outputs, constants=()):
    return attribute_graph("body", graph(nodes, [field(1, n) for n in inputs], [field(1, n) for n in outputs],
                                         constants))


def loop(inputs, outputs, inner, name="loop"):
    return node("Loop", inputs, outputs, name, attributes=[inner])


def written_out():
    """Elements of other shapes in each iteration, and a stacked output."""
    inner = body([op("Add", ["i", "one"], ["end"]), op("Unsqueeze", ["end", "axes"], ["ends"]),
                  op("Slice", ["x", "starts", "ends"], ["part"]), op("SequenceInsert", ["s", "part"], ["s_out"]),
                  op("SequenceLength", ["s_out"], ["n"]), KEEP], ["i", "go", "s"], ["go_on", "s_out", "n"])
    case("written_out", [EMPTY, loop(["three", "yes", "none"], ["s", "ns"], inner),
                         op("ConcatFromSequence", ["s"], ["y"], AXIS0), op("Identity", ["s"], ["list"])],
         [plain("x", [3], X)],
         [plain("y", [6], X[:1] + X[:2] + X), plain("ns", [3], [1, 2, 3], I),
          listed("list", [([k], X[:k], F) for k in (1, 2, 3)])],
         NUMBERS + [number("three", 3), YES, contents("axes", [1], [0], I), contents("starts", [1], [0], I)])


def grows(name, trips, limit, constants=(), options="", inputs=()):
    """PyTorch's list.append in a loop, then cat and stack, an element and the length."""
    inner = body([op("Add", ["v", "x"], ["v_out"]), op("SequenceInsert", ["s", "v_out"], ["s_out"]), KEEP],
                 ["i", "go", "v", "s"], ["go_on", "v_out", "s_out"])
    nodes = [EMPTY, loop([limit, "yes", "x", "none"], ["v", "s"], inner),
             op("ConcatFromSequence", ["s"], ["cat"], AXIS0), op("ConcatFromSequence", ["s"], ["right"],
                                                                 attribute_int("axis", -1)),
             op("ConcatFromSequence", ["s"], ["stack"], AXIS0, NEW),
             op("ConcatFromSequence", ["s"], ["last"], attribute_int("axis", -1), NEW),
             op("SequenceLength", ["s"], ["n"]), op("SequenceAt", ["s", "minus"], ["y"]), op("Neg", ["y"], ["z"])]
    x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    seen = [[[e * (i + 2) for e in row] for row in x] for i in range(trips)]
    flat = lambda rows: [e for row in rows for e in row]
    case(name, nodes, [plain("x", [2, 3], flat(x)), *inputs],
         [plain("cat", [2 * trips, 3], flat(flat(seen))),
          plain("right", [2, 3 * trips], [s[r][c] for r in (0, 1) for s in seen for c in range(3)]),
          plain("stack", [trips, 2, 3], flat(flat(seen))),
          plain("last", [2, 3, trips], [s[r][c] for r in (0, 1) for c in range(3) for s in seen]),
          plain("n", [], [trips], I), plain("y", [2, 3], flat(seen[-1])), plain("z", [2, 3], [-e for e in flat(seen[-1])])],
         [YES, number("minus", -1), *constants], options=options)


def appends_two():
    """Two elements in each iteration behind one from before the loop; the body reads the last ones and how many
    there are; the list comes out."""
    inner = body([op("SequenceAt", ["s", "back2"], ["u"]), op("SequenceAt", ["s", "back"], ["v"]),
                  op("SequenceAt", ["s", "first"], ["w"]), op("Add", ["u", "v"], ["uv"]), op("Mul", ["v", "w"], ["vw"]),
                  op("SequenceInsert", ["s", "uv"], ["s1"]), op("SequenceInsert", ["s1", "vw"], ["s2"]),
                  op("SequenceLength", ["s2"], ["n"]), KEEP], ["i", "go", "s"], ["go_on", "s2", "n"])
    nodes = [op("Neg", ["x"], ["m"]), op("SequenceConstruct", ["x", "m"], ["xm"]),
             loop(["t", "yes", "xm"], ["s", "ns"], inner),
             op("SequenceInsert", ["s", "m"], ["sm"]), op("ConcatFromSequence", ["sm"], ["cat"], AXIS0),
             op("SequenceLength", ["sm"], ["n"]), op("SequenceAt", ["sm", "q"], ["y"])]
    s = [X, [-e for e in X]]
    for _ in range(3):
        s += [[a + b for a, b in zip(s[-2], s[-1])], [b * a for a, b in zip(s[0], s[-1])]]
    whole = s + [s[1]]
    case("appends_two", nodes, [plain("x", [3], X), plain("t", [], [3], I), plain("q", [], [4], I)],
         [listed("s", [([3], e, F) for e in s]), plain("cat", [27], [e for v in whole for e in v]),
          plain("n", [], [9], I), plain("y", [3], s[4]), plain("ns", [3], [4, 6, 8], I)],
         [YES, number("back", -1), number("back2", -2), number("first", 0)], options=BOUND)


def list_of_states():
    """A list of two states made anew in each of a run-time number of iterations, and one left alone."""
    inner = body([op("SequenceAt", ["h", "zero"], ["h0"]), op("SequenceAt", ["h", "one"], ["h1"]),
                  op("SequenceAt", ["w", "zero"], ["w0"]), op("Add", ["h1", "w0"], ["a"]),
                  op("SequenceConstruct", ["a", "h0"], ["h_out"]), op("Identity", ["w"], ["w_out"]), KEEP],
                 ["i", "go", "h", "w"], ["go_on", "h_out", "w_out"])
    nodes = [op("Neg", ["x"], ["m"]), op("SequenceConstruct", ["x", "m"], ["h"]), op("SequenceConstruct", ["x"], ["w"]),
             loop(["t", "yes", "h", "w"], ["hs", "ws"], inner), op("SequenceAt", ["ws", "zero"], ["w0_after"]),
             op("Abs", ["w0_after"], ["y"])]
    h0, h1 = X, [-e for e in X]
    for _ in range(3):
        h0, h1 = [a + b for a, b in zip(h1, X)], h0
    case("list_of_states", nodes, [plain("x", [3], X), plain("t", [], [3], I)],
         [listed("hs", [([3], h0, F), ([3], h1, F)]), plain("y", [3], X)], NUMBERS + [YES], options=BOUND)


def nested(limit, name, constants=(), inputs=(), options=BOUND, outer="t", trips=3, deep=20):
    """An inner loop appends to the list of the outer one."""
    inmost = body([op("Add", ["v2", "x"], ["v3"]), op("SequenceInsert", ["s2", "v3"], ["s3"]),
                   node("Identity", ["go2"], ["go3"])], ["j", "go2", "v2", "s2"], ["go3", "v3", "s3"])
    inner = body([loop([limit, "", "v", "s"], ["v_out", "s_out"], inmost, "deep"), KEEP],
                 ["i", "go", "v", "s"], ["go_on", "v_out", "s_out"])
    nodes = [EMPTY, loop([outer, "", "x", "none"], ["v", "s"], inner),
             op("ConcatFromSequence", ["s"], ["cat"], AXIS0), op("ConcatFromSequence", ["s"], ["stack"], AXIS0, NEW),
             op("SequenceLength", ["s"], ["n"])]
    count = trips * deep
    flat = [e * (k + 2) for k in range(count) for e in X]
    case(name, nodes, [plain("x", [3], X), *inputs],
         [plain("cat", [3 * count], flat), plain("stack", [count, 3], flat), plain("n", [], [count], I)],
         constants, options=options)


def run_time_pieces():
    """A sequence of as many elements as the data has above a half, mapped, read in a loop and put together."""
    piece = attribute_graph("body", graph([op("Neg", ["e"], ["g"])], [field(1, "e")], [field(1, "g")]))
    inner = body([op("SequenceAt", ["m", "i"], ["e"]), op("Add", ["v", "e"], ["v_out"]), KEEP],
                 ["i", "go", "v"], ["go_on", "v_out"])
    nodes = [op("Greater", ["k", "half"], ["c"]), op("Compress", ["x", "c"], ["picked"], AXIS0),
             op("SplitToSequence", ["picked"], ["s"], attribute_int("keepdims", 0)),
             op("SplitToSequence", ["picked"], ["r"]), op("SequenceLength", ["s"], ["n"]),
             node("SequenceMap", ["s"], ["m"], "map", attributes=[piece]),
             op("ConcatFromSequence", ["m"], ["stack"], attribute_int("axis", 1), NEW),
             op("ConcatFromSequence", ["r"], ["cat"], AXIS0), op("ConcatFromSequence", ["s"], ["flat"], AXIS0),
             op("ConcatFromSequence", ["r"], ["deep"], attribute_int("axis", -1)),
             op("ConcatFromSequence", ["r"], ["across"], attribute_int("axis", 1), NEW),
             loop(["n", "yes", "start"], ["sum"], inner)]
    x = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
    p = [x[0], x[2], x[3]]
    flat = [e for row in p for e in row]
    case("run_time_pieces", nodes, [plain("x", [4, 2], [e for row in x for e in row]), plain("k", [4], [1.0, 0.0, 1.0, 1.0])],
         [plain("n", [], [3], I), plain("stack", [2, 3], [-r[c] for c in (0, 1) for r in p]), plain("cat", [3, 2], flat),
          plain("flat", [6], flat), plain("deep", [1, 6], flat), plain("across", [1, 3, 2], flat),
          plain("sum", [2], [-13.0, -16.0]), listed("m", [([2], [-e for e in row], F) for row in p])],
         [contents("half", [], [0.5]), YES, contents("start", [2], [0.0, 0.0])])


def appends_in_branches():
    """What is appended, after one element, is chosen at run time; it is as much in both branches."""
    then = graph([op("SequenceInsert", ["s1", "v"], ["t"])], [], [field(1, "t")])
    other = graph([op("Neg", ["v"], ["m"]), op("SequenceInsert", ["s1", "m"], ["e"])], [], [field(1, "e")])
    inner = body([op("Add", ["v", "x"], ["v_out"]), op("SequenceInsert", ["s", "x"], ["s1"]),
                  op("Equal", ["i", "one"], ["c"]),
                  node("If", ["c"], ["s_out"], "if", attributes=[attribute_graph("then_branch", then),
                                                                 attribute_graph("else_branch", other)]), KEEP],
                 ["i", "go", "v", "s"], ["go_on", "v_out", "s_out"])
    s = [[e * k for e in X] for k in (1, -1, 1, 2, 1, -3)]
    case("appends_in_branches", [EMPTY, loop(["t", "", "x", "none"], ["v", "s"], inner)],
         [plain("x", [3], X), plain("t", [], [3], I)],
         [plain("v", [3], [4 * e for e in X]), listed("s", [([3], e, F) for e in s])], NUMBERS, options=BOUND)


def reads_all():
    """The body reads everything there is so far: its sum, an element at a run-time position, and all side by
    side."""
    inner = body([op("ConcatFromSequence", ["s"], ["h"], AXIS0, NEW),
                  op("ReduceMax", ["h", "rows"], ["v"], attribute_int("keepdims", 0)),
                  op("SequenceAt", ["s", "i"], ["w"]), op("Add", ["v", "w"], ["vw"]),
                  op("SequenceInsert", ["s", "vw"], ["s_out"]),
                  op("ConcatFromSequence", ["s_out"], ["side"], AXIS0), op("ReduceSum", ["side"], ["sum"], attribute_int("keepdims", 0)),
                  KEEP], ["i", "go", "s"], ["go_on", "s_out", "sum"])
    nodes = [op("SequenceConstruct", ["x", "x"], ["first"]), loop(["t", "", "first"], ["s", "sums"], inner),
             op("ConcatFromSequence", ["s"], ["y"], AXIS0)]
    s, sums = [X, X], []
    for i in range(4):
        s.append([max(v[k] for v in s) + s[i][k] for k in range(3)])
        sums.append(sum(e for v in s for e in v))
    case("reads_all", nodes, [plain("x", [3], X), plain("t", [], [4], I)],
         [plain("y", [18], [e for v in s for e in v]), plain("sums", [4], sums)],
         [contents("rows", [1], [0], I)], opset=18, options=BOUND)


def other_sizes():
    """Each iteration appends as many rows as there are elements above its number: put together they are a tensor
    that grows. The first element is from before the loop."""
    inner = body([op("Cast", ["i"], ["f"], attribute_int("to", F)), op("Greater", ["k", "f"], ["c"]),
                  op("Compress", ["x", "c"], ["rows"], AXIS0), op("SequenceInsert", ["s", "rows"], ["s_out"]), KEEP],
                 ["i", "go", "s"], ["go_on", "s_out"])
    nodes = [op("SequenceConstruct", ["x"], ["first"]), loop(["t", "", "first"], ["s"], inner),
             op("ConcatFromSequence", ["s"], ["y"], AXIS0), op("SequenceLength", ["s"], ["n"])]
    x, k = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0.5, 2.5, 1.5]
    rows = x + [row for i in range(3) for row, e in zip(x, k) if e > i]
    case("other_sizes", nodes, [plain("x", [3, 2], [e for row in x for e in row]), plain("k", [3], k), plain("t", [], [3], I)],
         [plain("y", [len(rows), 2], [e for row in rows for e in row]), plain("n", [], [4], I)], options=BOUND)


def loop13():
    """The official test of the same name: slices that grow are appended to a sequence that comes in empty."""
    inner = body([op("Add", ["i", "one"], ["end"]), op("Unsqueeze", ["end", "axes"], ["ends"]),
                  op("Slice", ["x", "starts", "ends"], ["part"]), op("SequenceInsert", ["s", "part"], ["s_out"]), KEEP],
                 ["i", "go", "s"], ["go_on", "s_out"])
    case("loop13", [loop(["t", "c", "s0"], ["s"], inner)],
         [plain("t", [], [3], I), plain("c", [], [True], B), listed("s0", [], [])],
         [listed("s", [([k], X[:k], F) for k in (1, 2, 3)])],
         NUMBERS + [contents("x", [3], X), contents("axes", [1], [0], I), contents("starts", [1], [0], I)], 13)


def ends_by_condition():
    """A condition that the body computes, and appended elements: stacked, although the limit is small."""
    inner = body([op("Add", ["v", "v"], ["v_out"]), op("ReduceSum", ["v_out"], ["sum"], attribute_int("keepdims", 0)),
                  op("Less", ["sum", "enough"], ["go_on"]), op("SequenceInsert", ["s", "v_out"], ["s_out"])],
                 ["i", "go", "v", "s"], ["go_on", "v_out", "s_out"])
    s = [[e * 2 ** k for e in X] for k in (1, 2, 3, 4)]
    case("ends_by_condition", [EMPTY, loop(["ten", "yes", "x", "none"], ["v", "s"], inner)],
         [plain("x", [3], X)], [plain("v", [3], s[-1]), listed("s", [([3], e, F) for e in s])],
         [YES, number("ten", 10), contents("enough", [], [50.0])])


operators()
run_time_position()
split()
ends()
optionals()
branches()
written_out()
grows("grows_few", 3, "three", [number("three", 3)])
grows("grows_many", 40, "forty", [number("forty", 40)])
grows("grows_dynamic", 4, "t", options=BOUND, inputs=[plain("t", [], [4], I)])
appends_two()
list_of_states()
nested("u", "nested", [number("u", 20)], [plain("t", [], [3], I)])
nested("u", "nested_few", [number("u", 2)], [plain("t", [], [3], I)], deep=2)
nested("u", "nested_first", [number("t", 2)], [plain("u", [], [3], I)], "--max loop_1_deep_trips=4 --max loop_0_deep_trips=4", trips=2, deep=3)
run_time_pieces()
appends_in_branches()
reads_all()
other_sizes()
loop13()
ends_by_condition()


def bounded():
    """Elements of one shape: compiled for any number of them, too (sequences.sh)."""
    double = attribute_graph("body", graph([op("Add", ["e", "e"], ["g"])], [field(1, "e")], [field(1, "g")]))
    elements = [([2], A, F), ([2], [3.0, 4.0], F), ([2], [5.0, 6.0], F)]
    case("bounded", [node("SequenceMap", ["s"], ["t"], "map", attributes=[double])], [listed("s", elements, [2])],
         [listed("t", [(s, [2 * v for v in e], t) for s, e, t in elements])])
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }".ljust(117) + b"\n"
    with open(os.path.join(folder, "bounded.npy"), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
                   + struct.pack("<6f", *[v for _, e, _ in elements for v in e]))


bounded()


# ---- Refused ----

def wrong(name, nodes, inputs=(), constants=(), opset=17):
    path = os.path.join(folder, "..", "wrong")
    os.makedirs(path, exist_ok=True)
    save(os.path.join(path, name + ".onnx"),
         graph(nodes, [value("x", [2]), value("w", [3]), value("p", [], I), *inputs], [field(1, "y")], constants), opset)


PAIR = op("SequenceConstruct", ["x", "w"], ["s"])
wrong("at_outside", [PAIR, node("SequenceAt", ["s", "two"], ["y"], "at")], (), NUMBERS)
wrong("at_shapes", [PAIR, node("SequenceAt", ["s", "p"], ["y"], "at")])
wrong("insert_place", [PAIR, node("SequenceInsert", ["s", "x", "p"], ["t"], "insert"), op("SequenceLength", ["t"], ["y"])])
wrong("erase_empty", [EMPTY, node("SequenceErase", ["none"], ["t"], "erase"), op("SequenceLength", ["t"], ["y"])])
wrong("concat_empty", [EMPTY, node("ConcatFromSequence", ["none"], ["y"], "concat", attributes=[AXIS0])])
wrong("no_sequence", [node("SequenceLength", ["x"], ["y"], "length")])
wrong("no_tensor", [PAIR, node("Neg", ["s"], ["y"], "neg")])
wrong("split_dynamic", [node("SplitToSequence", ["x", "p"], ["s"], "split"), op("SequenceLength", ["s"], ["y"])])
wrong("absent", [node("Optional", [], ["o"], "none",
                      attributes=[field(1, "type") + field(14, tensor_type([2])) + field(20, 13)]),
                 node("OptionalGetElement", ["o"], ["y"], "get")])
wrong("no_length", [op("SequenceLength", ["s"], ["y"])], [typed("s", sequence(tensor_type([2])))])
wrong("maps", [op("SequenceLength", ["s"], ["y"])], [typed("s", sequence(field(5, b"")))])
wrong("lengths", [node("Greater", ["p", "one"], ["c"]), node("If", ["c"], ["s"], "if", attributes=[
    attribute_graph("then_branch", graph([op("SequenceConstruct", ["x"], ["t"])], [], [field(1, "t")])),
    attribute_graph("else_branch", graph([op("SequenceConstruct", ["x", "w"], ["e"])], [], [field(1, "e")]))]),
    op("SequenceLength", ["s"], ["y"])], (), NUMBERS)
wrong("presence", [node("Greater", ["p", "one"], ["c"]), node("If", ["c"], ["y"], "if", attributes=[
    attribute_graph("then_branch", graph([op("Optional", ["x"], ["t"])], [], [field(1, "t")])),
    attribute_graph("else_branch", graph([node("Optional", [], ["e"], "none", attributes=[
        field(1, "type") + field(14, tensor_type([2])) + field(20, 13)])], [], [field(1, "e")]))])], (), NUMBERS)
wrong("front", [PAIR, loop(["p", "", "s"], ["t"], body(
    [node("SequenceInsert", ["v", "x", "zero"], ["v_out"], "insert"), KEEP], ["i", "go", "v"], ["go_on", "v_out"])),
    op("SequenceLength", ["t"], ["y"])], (), NUMBERS)
wrong("reads_all", [EMPTY, loop(["p", "", "none"], ["t", "a"], body(
    [node("ConcatFromSequence", ["v"], ["all"], "concat", attributes=[AXIS0]), op("SequenceInsert", ["v", "x"], ["v_out"]),
     KEEP], ["i", "go", "v"], ["go_on", "v_out", "all"])), op("SequenceLength", ["t"], ["y"])], (), NUMBERS)
