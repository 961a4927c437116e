"""Models on tensors of strings with their data, for operators.sh: one folder for each family.

    python3 string_cases.py FOLDER

As in op_cases.py, expected outputs are computed here."""
import itertools
import os
import sys

from onnx_writer import (STRING, attribute_floats, attribute_graph, attribute_int, attribute_ints,
                         attribute_text, attribute_texts, contents, field, graph, node, value)
from op_cases import Family, at, points, size

F, U8, I, B, S, D, U = 1, 2, 7, 9, STRING, 11, 12
WORDS = ["", "a", "Ab", "zürich", "x" * 256, "the quick", "  two  spaces ", "a", "日本語", "b\tc", "0", "-1"]


def moves():
    f = Family("strings_moves", 18)
    shape = [3, 4]
    x = f.input(shape, WORDS, S)
    y = f.input([3, 4], WORDS[::-1], S)
    rows = [WORDS[4 * i:4 * i + 4] for i in range(3)]
    f.add("Identity", [x], [(shape, WORDS, S)])
    f.add("Reshape", [x, f.constant([3], [2, 1, 6], I)], [([2, 1, 6], WORDS, S)])
    turned = [rows[i][j] for j in range(4) for i in range(3)]
    f.add("Transpose", [x], [([4, 3], turned, S)])
    f.add("Concat", [x, y, x], [([3, 12], [w for i in range(3) for w in rows[i]
                                            + WORDS[::-1][4 * i:4 * i + 4] + rows[i]], S)],
          attribute_int("axis", 1))
    f.add("Slice", [x, f.constant([2], [2, 3], I), f.constant([2], [-9, 0], I),
                    f.constant([2], [0, 1], I), f.constant([2], [-1, -2], I)],
          [([3, 2], [rows[i][j] for i in (2, 1, 0) for j in (3, 1)], S)])
    f.add("Gather", [x, f.constant([2, 2], [3, -4, 1, 3], I)],
          [([3, 2, 2], [rows[i][j] for i in range(3) for j in (3, 0, 1, 3)], S)],
          attribute_int("axis", 1))
    index = f.input([2], [2, 0], I)
    f.add("Gather", [x, index], [([2, 4], rows[2] + rows[0], S)])
    f.add("GatherElements", [x, f.constant([1, 4], [2, 0, 1, 2], I)],
          [([1, 4], [rows[2][0], rows[0][1], rows[1][2], rows[2][3]], S)])
    f.add("GatherND", [x, f.constant([2, 2], [2, 3, 0, 1], I)], [([2], [rows[2][3], rows[0][1]], S)])
    f.add("Split", [x], [([3, 2], [rows[i][j] for i in range(3) for j in p], S)
                         for p in ((0, 1), (2, 3))], attribute_int("axis", 1),
          attribute_int("num_outputs", 2))
    tall = f.add("Unsqueeze", [x, f.constant([2], [0, 3], I)], [([1, 3, 4, 1], WORDS, S)])
    f.add("Squeeze", [tall], [(shape, WORDS, S)])
    f.add("Expand", [f.constant([3, 1], ["p", "", "qq"], S), f.constant([2], [3, 2], I)],
          [([3, 2], ["p", "p", "", "", "qq", "qq"], S)])
    f.add("Tile", [x, f.constant([2], [2, 2], I)], [([6, 8], [w for r in rows + rows for w in r + r], S)])
    choose = [i % 3 == 0 for i in range(12)]
    f.add("Where", [f.input(shape, choose, B), x, f.constant([1], ["no"], S)],
          [(shape, [w if c else "no" for w, c in zip(WORDS, choose)], S)])
    f.add("Shape", [x], [([2], [3, 4], I)])
    f.add("Size", [x], [([], [12], I)])
    f.add("Pad", [x, f.constant([4], [0, 1, 1, 0], I), f.constant([], ["pad"], S)],
          [([4, 5], [w for r in rows for w in ["pad"] + r] + ["pad"] * 5, S)])
    f.add("Equal", [x, y], [(shape, [a == b for a, b in zip(WORDS, WORDS[::-1])], B)])
    f.add("Equal", [x, f.constant([1, 1], ["a"], S)], [(shape, [w == "a" for w in WORDS], B)])
    return f


def choices():
    """What stores some elements only, and what depends on data."""
    f = Family("strings_choices", 18)
    shape = [3, 4]
    x = f.input(shape, WORDS, S)
    f.add("Compress", [x, f.input([12], [w == "a" or len(w) > 3 for w in WORDS], B)],
          [([len([w for w in WORDS if w == "a" or len(w) > 3])],
            [w for w in WORDS if w == "a" or len(w) > 3], S)])
    f.add("Compress", [x, f.constant([3], [True, False, True], B)], [([2, 4], WORDS[:4] + WORDS[8:], S)],
          attribute_int("axis", 0))
    changed = WORDS[:]
    changed[1], changed[10] = "one", "two"
    f.add("ScatterElements", [x, f.constant([1, 2], [1, 2], I), f.constant([1, 2], ["one", "two"], S)],
          [(shape, [{4: "one", 9: "two"}.get(k, w) for k, w in enumerate(WORDS)], S)])
    f.add("ScatterND", [x, f.constant([2, 2], [0, 1, 2, 2], I), f.constant([2], ["one", "two"], S)],
          [(shape, changed, S)])
    first = list(dict.fromkeys(WORDS))
    order = sorted(first, key=lambda w: w.encode())
    f.add("Unique", [x], [([len(order)], order, S), ([len(order)], [WORDS.index(w) for w in order], I),
                          ([12], [order.index(w) for w in WORDS], I),
                          ([len(order)], [WORDS.count(w) for w in order], I)])
    f.add("Unique", [x], [([len(first)], first, S)], attribute_int("sorted", 0))
    pairs = [["b", "a"], ["a", "z"], ["b", "a"]]
    f.add("Unique", [f.input([3, 2], sum(pairs, []), S)], [([2, 2], ["a", "z", "b", "a"], S)],
          attribute_int("axis", 0))
    f.add("OneHot", [f.input([2], [1, 0], I), f.constant([], [2], I), f.constant([2], ["off", "on"], S)],
          [([2, 2], ["off", "on", "on", "off"], S)])
    f.add("ReverseSequence", [x, f.constant([4], [2, 3, 1, 2], I)],
          [(shape, [WORDS[4 * ((n - 1 - i) if i < n else i) + j] for i in range(3)
                    for j, n in enumerate([2, 3, 1, 2])], S)])
    f.nodes.append(node("Constant", [], ["w"], attributes=[attribute_text("value_string", "zürich")]))
    f.nodes.append(node("Constant", [], ["ws"], attributes=[attribute_texts("value_strings", ["a", ""])]))
    f.add("Equal", [x, "w"], [(shape, [w == "zürich" for w in WORDS], B)])
    f.add("Concat", ["ws", "ws"], [([4], ["a", "", "a", ""], S)], attribute_int("axis", 0))
    return f


def control():
    """If, Loop and Scan over strings: branches, what is carried, what is stacked."""
    f = Family("strings_control", 18)
    x = f.input([2], ["ab", "cdé"], S)
    go = f.input([], [True], B)
    then = graph([node("StringConcat", [x, x], ["t"])], [], [value("t", [2], S)])
    other = graph([node("Identity", [x], ["e"])], [], [value("e", [2], S)])
    f.opset = 20
    f.add("If", [go], [([2], ["abab", "cdécdé"], S)], attribute_graph("then_branch", then),
          attribute_graph("else_branch", other))
    inner = graph([node("StringConcat", ["v", x], ["v2"]), node("Identity", ["go1"], ["go2"]),
                   node("Equal", ["v2", x], ["same"]), node("Identity", ["v2"], ["each"])],
                  [value("i", [], I), value("go1", [], B), value("v", [2], S)],
                  [value(n, s, t) for n, s, t in (("go2", [], B), ("v2", [2], S), ("each", [2], S),
                                                  ("same", [2], B))])
    grown = [["q" + "ab" * k, "cdé" * k] for k in (1, 2, 3)]
    f.add("Loop", [f.constant([], [3], I), "", f.constant([2], ["q", ""], S)],
          [([2], grown[2], S), ([3, 2], sum(grown, []), S), ([3, 2], [False, True] + [False] * 4, B)],
          attribute_graph("body", inner))
    inner = graph([node("StringConcat", ["s", "w"], ["s2"]), node("Identity", ["s2"], ["o"])],
                  [value("s", [], S), value("w", [], S)], [value("s2", [], S), value("o", [], S)])
    f.add("Scan", [f.constant([], [""], S), f.input([3], ["x", "yy", "z"], S)],
          [([], ["xyyz"], S), ([3], ["x", "xyy", "xyyz"], S)], attribute_graph("body", inner),
          attribute_int("num_scan_inputs", 1))
    return f


FAMILIES = [moves, choices, control]

if __name__ == "__main__":
    for family in FAMILIES:
        family().save(sys.argv[1])
