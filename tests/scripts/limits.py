"""Models at and past every size at which a table once ended, with their data, for limits.sh.

Each model is a folder: model.onnx and a data set `set`. Data are small whole numbers, so that sums are exact."""
import os
import struct
import sys

import onnx_writer
from onnx_writer import attribute_graph, attribute_int, attribute_ints, field, graph, node, tensor, value

INT64, BOOL = 7, 9


def floats(shape, numbers):
    return tensor("", shape, struct.pack(f"<{len(numbers)}f", *numbers))


def typed(name, dtype, shape, raw):
    return b"".join(field(1, d) for d in shape) + field(2, dtype) + field(8, name) + field(9, raw)


def int64(name, numbers):
    return typed(name, INT64, [len(numbers)], struct.pack(f"<{len(numbers)}q", *numbers))


def write(name, nodes, inputs, outputs, ins=None, outs=None, constants=(), opset=17):
    """ins, outs: tensors of the data set."""
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.join(folder, "set"))
    onnx_writer.save(os.path.join(folder, "model.onnx"), graph(nodes, inputs, outputs, constants), opset)
    for kind, tensors in (("input", ins or []), ("output", outs or [])):
        for i, data in enumerate(tensors):
            with open(os.path.join(folder, "set", f"{kind}_{i}.pb"), "wb") as file:
                file.write(data)


def names(letter, count):
    return [f"{letter}{i}" for i in range(count)]


def variadic(op, count, combine):
    xs = names("x", count)
    columns = [[(i * 7 + k * 5) % 11 - 5 for k in range(4)] for i in range(count)]
    rows = [combine([c[k] for c in columns]) for k in range(4)]
    write(f"{op.lower()}{count}", [node(op, xs, ["y"], op.lower())], [value(x, [4]) for x in xs],
          [value("y", [4])], [floats([4], c) for c in columns], [floats([4], rows)])


def split_concat(count, given):
    """count parts, each through an operator with a loop of its own, and together again."""
    parts, sums = names("p", count), names("s", count)
    total = 2 * count
    constants = [int64("sizes", [2] * count)] if given else []
    nodes = [node("Split", ["x", "sizes"] if given else ["x"], parts, "split")]
    nodes += [node("CumSum", [p, "axis"], [s], f"sum_{s}") for p, s in zip(parts, sums)]
    nodes += [node("Concat", sums, ["y"], "concat", "", [attribute_int("axis", 0)])]
    x = [float(i % 13) for i in range(total)]
    y = [x[i] + (x[i - 1] if i % 2 else 0) for i in range(total)]
    constants.append(typed("axis", INT64, [], struct.pack("<q", 0)))
    write(f"cut{count}" if given else f"equal{count}", nodes, [value("x", [total])],
          [value("y", [total])], [floats([total], x)], [floats([total], y)], constants)


def ends(count):
    xs, ys = names("in", count), names("out", count)
    nodes = [node("Add", [x, xs[0]], [y], f"add_{y}") for x, y in zip(xs, ys)]
    write(f"ends{count}", nodes, [value(x, [2]) for x in xs], [value(y, [2]) for y in ys],
          [floats([2], [i % 17, 1]) for i in range(count)],
          [floats([2], [i % 17, 2]) for i in range(count)])


def sizes(count):
    """Every input has a size of its own; the sums of each are one output."""
    xs, sums = names("in", count), names("s", count)
    nodes = [node("ReduceSum", [x], [s], f"sum_{s}", "", [attribute_int("keepdims", 1)])
             for x, s in zip(xs, sums)]
    nodes += [node("Concat", sums, ["y"], "concat", "", [attribute_int("axis", 0)])]
    write(f"sizes{count}", nodes, [value(x, [f"n{i}"]) for i, x in enumerate(xs)],
          [value("y", [count])], [floats([i % 3 + 1], [1] * (i % 3 + 1)) for i in range(count)],
          [floats([count], [i % 3 + 1 for i in range(count)])])


def states(count):
    pasts, presents = names("past", count), names("present", count)
    nodes = [node("Add", [p, "x"], [q], f"add_{q}") for p, q in zip(pasts, presents)]
    nodes += [node("Sum", presents, ["y"], "sum")]
    write(f"states{count}", nodes, [value("x", [2])] + [value(p, [2]) for p in pasts],
          [value("y", [2])] + [value(q, [2]) for q in presents])


def contents(count):
    """Inputs that are bound as contents: each is the one axis of an Unsqueeze."""
    axes, parts = names("axis", count), names("u", count)
    nodes = [node("Unsqueeze", ["x", a], [u], f"un_{u}") for a, u in zip(axes, parts)]
    nodes += [node("Sum", parts, ["y"], "sum")]
    write(f"contents{count}", nodes,
          [value("x", [2])] + [value(a, [1], INT64) for a in axes], [value("y", [1, 2])],
          [floats([2], [1, 2])] + [int64("", [0])] * count, [floats([1, 2], [count, 2 * count])])


def nested(depth):
    """depth conditions within each other, all different; the innermost branch counts as `depth`."""
    conditions = names("c", depth)
    result = value("r", [1])
    inner = graph([node("Add", ["x", "one"], [f"r{depth}"], "innermost")], [], [value(f"r{depth}", [1])])
    for i in reversed(range(depth)):
        other = graph([node("Neg", ["x"], [f"e{i}"], f"else{i}")], [], [value(f"e{i}", [1])])
        choice = node("If", [conditions[i]], [f"r{i}"], f"if{i}", "",
                      [attribute_graph("then_branch", inner), attribute_graph("else_branch", other)])
        inner = graph([choice], [], [value(f"r{i}", [1])])
    del result
    one = tensor("one", [1], struct.pack("<f", 1))
    write(f"nested{depth}", [choice], [value("x", [1])] + [value(c, [], BOOL) for c in conditions],
          [value("r0", [1])], [floats([1], [5])] + [typed("", BOOL, [], b"\1")] * depth,
          [floats([1], [6])], [one])


def long_names():
    """Names of a thousand bytes, some of which are no letters; two differ in the last byte only."""
    base = "n/" + "\u4e2d\u6587 \"'\\*/%s{}" * 60
    base = (base + "x" * 1000)[:980]
    a, b, c = base + "a", base + "b", base + "c"
    nodes = [node("Neg", [a], [b], base + "neg"), node("CumSum", [b, "axis"], [c], base + "sum")]
    write("names", nodes, [value(a, [3])], [value(c, [3])], [floats([3], [1, 2, 3])],
          [floats([3], [-1, -3, -6])], [typed("axis", INT64, [], struct.pack("<q", 0))])


def einsum(count, letters):
    """count vectors over letters that are all summed, and one that stays."""
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    terms = ["z"] + [alphabet[k % letters] for k in range(count - 1)]
    equation = ",".join(terms) + "->z"
    xs = names("x", count)
    text = field(1, "equation") + field(4, equation) + field(20, 3)
    columns = [[1, 2]] + [[(k + 1) % 3 - 1, 1] for k in range(count - 1)]
    product = 1
    for letter in alphabet[:letters]:
        uses = [columns[k] for k in range(1, count) if terms[k] == letter]
        both = [1, 1]
        for u in uses:
            both = [both[0] * u[0], both[1] * u[1]]
        product *= sum(both)
    write(f"einsum{count}", [node("Einsum", xs, ["y"], "einsum", "", [text])],
          [value(x, [2]) for x in xs], [value("y", [2])], [floats([2], c) for c in columns],
          [floats([2], [product, 2 * product])])


def lists():
    """A list of sizes that is computed, at the limit of what is followed and past it."""
    count = 300
    parts = names("p", count)
    nodes = [node("Shape", ["x"], ["shape"], "shape"), node("Div", ["shape", "n"], ["two"], "div"),
             node("Expand", ["two", "count"], ["sizes"], "expand"),
             node("Split", ["x", "sizes"], parts, "split"),
             node("Concat", parts[::-1], ["y"], "concat", "", [attribute_int("axis", 0)])]
    x = list(range(2 * count))
    y = [v for i in reversed(range(count)) for v in x[2 * i:2 * i + 2]]
    write(f"list{count}", nodes, [value("x", ["size"])], [value("y", [2 * count])],
          [floats([2 * count], x)], [floats([2 * count], y)],
          [int64("n", [count]), int64("count", [count])])
    write("list1025", [node("Shape", ["x"], ["shape"], "shape"),
                       node("Expand", ["shape", "count"], ["sizes"], "expand"),
                       node("ConstantOfShape", ["sizes"], ["y"], "fill")],
          [value("x", ["size"])], [value("y", [])], constants=[int64("count", [1025])])


def refused():
    write("arity1001", [node("Sum", ["x"] * 1001, ["y"], "sum")], [value("x", [1])], [value("y", [1])])
    relu = [node("Relu", ["x"], ["y"], "relu")]
    nine = [1] * 9
    write("rank-input", relu, [value("x", nine)], [value("y", nine)])
    write("rank-reshape", [node("Reshape", ["x", "shape"], ["y"], "reshape")], [value("x", [1])],
          [value("y", nine)], constants=[int64("shape", nine)])
    write("rank-unsqueeze", [node("Unsqueeze", ["x", "axes"], ["y"], "unsqueeze")],
          [value("x", [1])], [value("y", nine)], constants=[int64("axes", list(range(8)))])
    write("rank-constant", [node("Add", ["x", "w"], ["y"], "add")], [value("x", [1])],
          [value("y", [1])], constants=[tensor("w", nine, b"\0\0\0\0")])
    write("rank-expand", [node("Expand", ["x", "shape"], ["y"], "expand")], [value("x", [1])],
          [value("y", nine)], constants=[int64("shape", nine)])
    write("rank-fill", [node("ConstantOfShape", ["shape"], ["y"], "fill")], [value("x", [1])],
          [value("y", nine)], constants=[int64("shape", nine)])
    write("rank-gather", [node("Gather", ["x", "index"], ["y"], "gather")], [value("x", [1] * 8)],
          [value("y", [])], constants=[typed("index", INT64, [1] * 2, struct.pack("<q", 0))])
    many = node("Transpose", ["x"], ["y"], "transpose", "", [attribute_ints("perm", range(200))])
    write("perm200", [many], [value("x", [2])], [value("y", [2])])
    extra = [attribute_int(f"extra{i}", i) for i in range(200)]
    write("attributes200", [node("Relu", ["x"], ["y"], "relu", "", extra)], [value("x", [2])],
          [value("y", [2])])
    many = [int64("axes", list(range(200)))]
    write("axes200", [node("Squeeze", ["x", "axes"], ["y"], "squeeze")], [value("x", [1])],
          [value("y", [])], constants=many)
    many = [int64("starts", [0] * 200)]
    write("starts200", [node("Slice", ["x", "starts", "starts"], ["y"], "slice")], [value("x", [1])],
          [value("y", [])], constants=many)


for op, combine in (("Sum", sum), ("Max", max), ("Min", min), ("Mean", lambda c: sum(c) / len(c))):
    variadic(op, 65, combine)
variadic("Sum", 1000, sum)
split_concat(65, True)
split_concat(500, True)
split_concat(300, False)
ends(300)
sizes(300)
states(300)
contents(300)
nested(20)
nested(70)
long_names()
einsum(20, 20)
lists()
refused()
