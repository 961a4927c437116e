"""Models on tensors of strings with their data, for operators.sh: one folder for each family.

    python3 string_cases.py FOLDER

As in op_cases.py, expected outputs are computed here."""
import math
import re
import struct
import sys

from onnx_writer import (STRING, attribute_float, attribute_floats, attribute_graph, attribute_int,
                         attribute_ints, attribute_string, attribute_strings, attribute_tensor, field, graph,
                         node, value)
from op_cases import Operators

F, U8, I, B, S, D = 1, 2, 7, 9, STRING, 11
WORDS = ["", "a", "Ab", "zürich", "x" * 256, "the quick", "  two  spaces ", "a", "日本語", "b\tc", "0", "-1"]


def moves():
    f = Operators("strings_moves", 18)
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
    f.add("Trilu", [x], [(shape, [w if i % 4 >= i // 4 else "" for i, w in enumerate(WORDS)], S)])
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
    f = Operators("strings_choices", 18)
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
    f.nodes.append(node("Constant", [], ["w"], attributes=[attribute_string("value_string", "zürich")]))
    f.nodes.append(node("Constant", [], ["ws"], attributes=[attribute_strings("value_strings", ["a", ""])]))
    f.add("Equal", [x, "w"], [(shape, [w == "zürich" for w in WORDS], B)])
    f.add("Concat", ["ws", "ws"], [([4], ["a", "", "a", ""], S)], attribute_int("axis", 0))
    return f


def control():
    """If, Loop and Scan over strings: branches, what is carried, what is stacked."""
    f = Operators("strings_control", 18)
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


def pad(lists, filler=""):
    most = max(map(len, lists), default=0)
    return most, [w for words in lists for w in words + [filler] * (most - len(words))]


def split():
    f = Operators("strings_split", 20)
    texts = ["a,b,,c", "", ",", "ab", "  a  b\tc ", ",,a", " ", "zü,rich, x"]
    x = f.input([2, 4], texts, S)

    def add(lists, *attributes):
        most, words = pad(lists)
        f.add("StringSplit", [x], [([2, 4, most], words, S), ([2, 4], [len(p) for p in lists], I)],
              *attributes)

    add([t.split(",") for t in texts], attribute_string("delimiter", ","))
    add([t.split(",", 1) for t in texts], attribute_string("delimiter", ","), attribute_int("maxsplit", 1))
    add([t.split(",,") for t in texts], attribute_string("delimiter", ",,"))
    add([t.split() for t in texts])
    # the text has it that whitespace at the end goes; Python keeps it behind the last cut
    add([[w.rstrip() for w in t.split(None, 1)] for t in texts], attribute_int("maxsplit", 1))
    add([[t.strip()] if t.strip() else [] for t in texts], attribute_string("delimiter", ""),
        attribute_int("maxsplit", 0))
    return f


def normalize():
    f = Operators("strings_normalize", 20)
    words = ["Straße", "ÉCOLE", "été", "Жук", "Ωmega", "the", "The", "ÿes", "ǅ", "\U00010428", "a"]
    x = f.input([len(words)], words, S)

    def upper(w):
        return "".join(c.upper() if len(c.upper()) == 1 else c for c in w)

    def add(action, sensitive, stop, keep, change):
        kept = [change(w) for w in words if keep(w)] or [""]
        f.add("StringNormalizer", [x], [([len(kept)], kept, S)],
              attribute_string("case_change_action", action), attribute_int("is_case_sensitive", sensitive),
              *([attribute_strings("stopwords", stop)] if stop else []))

    add("UPPER", 1, [], lambda w: True, upper)
    add("LOWER", 0, [], lambda w: True, str.lower)
    add("LOWER", 0, ["THE", "école", "absent"], lambda w: w.lower() not in ("the", "école"), str.lower)
    add("NONE", 0, ["THE", "É"], lambda w: w.lower() != "the", str)
    add("UPPER", 1, ["The", "a"], lambda w: w not in ("The", "a"), upper)
    add("NONE", 1, words, lambda w: False, str)
    return f


def patterns():
    f = Operators("strings_patterns", 20)
    texts = ["", "a", "abc", "aaa", "john@yahoo.com", "x.y-z@gmail.com", "@gmail.com", "été", "a b", "a\nb",
             "2024-02-29", "ABC", "foo bar", "日本", "aab", "ab" * 40, "-1.5e3", "[x]", "K"]
    x = f.input([len(texts)], texts, S)
    for pattern, python in [
            ("", None), ("a*", None), ("(a|b|c)+", None), (r"(\W|^)[\w.\-]{0,25}@(yahoo|gmail)\.com(\W|$)", None),
            (r"\d{4}-\d{2}-\d{2}", None), (".", None), (".*", None), ("(?s).*", None), ("[^a-c]*", None),
            ("(?i)abc|k", None), ("é.é", None), ("[日月]本", None), (r"\w+\b \bb\w+", r"\w+\b \bb\w+"),
            ("(ab){2,}?", None), ("a{2}b?", None), (r"\[x]", None), (r"[-+]?\d+(\.\d+)?([eE]\d+)?", None),
            ("(?m)^a$\n^b$", None), (r"\Qa b\E", "a b"), ("[[:alpha:]]+", "[A-Za-z]+"),
            (r"(?P<x>a)(?:b)c", None), ("a{,2}", r"a\{,2\}"), (r"\x61\x{62}c", "abc"), (r"a\B.*", None)]:
        want = re.compile(python or pattern, re.ASCII if "(?i)" not in pattern else 0)
        f.add("RegexFullMatch", [x], [([len(texts)], [bool(want.fullmatch(t)) for t in texts], B)],
              attribute_string("pattern", pattern))
    return f


def tokens():
    f = Operators("strings_tokens", 20)
    texts = ["a b", "", "the cat, sat", "é-b c", "  ", "x,,y"]
    x = f.input([2, 3], texts, S)

    def add(lists, mark, filler, least, **how):
        marked = [["\x02"] + p + ["\x03"] for p in lists] if mark and any(lists) else lists
        most, words = pad(marked, filler)
        attributes = [attribute_int("mark", mark), attribute_string("pad_value", filler),
                      attribute_int("mincharnum", least)]
        if "separators" in how:
            attributes.append(attribute_strings("separators", how["separators"]))
        else:
            attributes.append(attribute_string("tokenexp", how["tokenexp"]))
        name = "y%d" % len(f.outputs)
        f.nodes.append(node("Tokenizer", [x], [name], name, "com.microsoft", attributes))
        f.outputs.append((name, [2, 3, most], words, S))

    def cut(by, least):
        lists = [[t] for t in texts]
        for s in by:
            lists = [[w for t in p for w in re.split(s, t) if len(w) >= least] for p in lists]
        return lists

    add([list(t) for t in texts], 0, "#", 1, separators=[""])
    add([list(t) for t in texts], 1, "", 1, tokenexp=".")
    add(cut([" "], 1), 1, "#", 1, separators=[" "])
    add(cut([" ", ","], 2), 0, "", 2, separators=[" ", ","])
    add(cut(["[ ,]+", "-", "a"], 1), 1, "none", 1, separators=["[ ,]+", "-", "a"])
    add([re.findall("[a-zé]+|,", t) for t in texts], 0, "", 1, tokenexp="[a-zé]+|,")
    add([re.findall(r"\b\w\w+", t, re.ASCII) for t in texts], 0, "", 2, tokenexp=r"\b\w\w+")
    for shape, result in (([0], [0]), ([2, 0], [2, 0]), ([0, 2], [0, 0])):  # no strings: no axis of pieces
        x = f.input(shape, [], S)
        add([], 1, "#", 1, separators=[" "])
        f.outputs[-1] = (f.outputs[-1][0], result, [], S)
    return f


def counts():
    """TfIdfVectorizer over words and numbers."""
    f = Operators("strings_counts", 18)
    pool = ["the", "cat", "sat", "the", "cat", "cat", "sat", "the", "cat", "sat"]
    starts, columns, weights = [0, 3, 7], [3, 0, 1, 2, 4, 5], [0.5, 2.0, 1.5, 3.0, 0.25, 4.0]
    texts = [["the", "cat", "the", "sat", "cat", "sat"], ["sat", "dog", "", "the", "the", "cat"]]

    def count(row, grams, least, longest, skips):
        made = [0.0] * 6
        for skip in range(skips + 1):
            for (gram, column) in grams:
                if not least <= len(gram) <= longest or (len(gram) == 1 and skip):
                    continue
                for start in range(len(row)):
                    if [row[i] for i in range(start, len(row), skip + 1)][:len(gram)] == gram:
                        made[column] += 1
        return made

    def add(x, rows, grams, pools, mode, least, longest, skips):
        made = [count(row, grams, least, longest, skips) for row in rows]
        if mode == "IDF":
            made = [[float(c > 0) for c in row] for row in made]
        if mode != "TF":
            made = [[c * w for c, w in zip(row, weights)] for row in made]
        f.add("TfIdfVectorizer", [x], [([2, 6], sum(made, []), F)], attribute_string("mode", mode),
              attribute_int("min_gram_length", least), attribute_int("max_gram_length", longest),
              attribute_int("max_skip_count", skips), attribute_ints("ngram_counts", starts),
              attribute_ints("ngram_indexes", columns), attribute_floats("weights", weights), pools)

    def grams_of(items):
        lists = [[g] for g in items[:3]] + [items[3:5], items[5:7], items[7:10]]
        return list(zip(lists, columns))

    x = f.input([2, 6], sum(texts, []), S)
    numbers = {w: 7 * i - 5 for i, w in enumerate(["the", "cat", "sat", "dog", ""])}
    rows = [[numbers[w] for w in row] for row in texts]
    y = f.input([2, 6], sum(rows, []), I)
    for mode, least, longest, skips in (("TF", 1, 3, 0), ("TFIDF", 1, 2, 2), ("IDF", 2, 3, 5), ("TF", 1, 1, 3)):
        add(x, texts, grams_of(pool), attribute_strings("pool_strings", pool), mode, least, longest, skips)
        items = [numbers[w] for w in pool]
        add(y, rows, grams_of(items), attribute_ints("pool_int64s", items), mode, least, longest, skips)
    return f


def plain(x):
    if x != x:
        return "NaN"
    return "%.8g" % x if abs(x) != float("inf") else "INF" if x > 0 else "-INF"


def casts():
    f = Operators("strings_casts", 18)
    wide = [0.0, -0.0, 1.0, -1.5, 3.14, 1000.0, 1e-5, 1e8, 123456789.0, 99999999.5, 0.00012345678, 1e22, 1e-300,
            -2.5e300, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, float("nan"), float("inf"), -float("inf"),
            2.0 ** -12, 244140625e-15, 0.5, 100.0, 12345678.5, 9.99999995]
    single = [struct.unpack("<f", struct.pack("<f", v))[0] for v in wide if not 1e38 < abs(v) < 1e309]
    whole = [0, -1, 7, 10, 99, 100, 2 ** 63 - 1, -2 ** 63, 1234567890]
    texts = {D: [plain(v) for v in wide], F: [plain(v) for v in single]}
    f.add("Cast", [f.input([len(wide)], wide, D)], [([len(wide)], texts[D], S)], attribute_int("to", S))
    f.add("Cast", [f.input([len(single)], single, F)], [([len(single)], texts[F], S)],
          attribute_int("to", S))
    f.add("Cast", [f.input([9], whole, I)], [([9], [str(v) for v in whole], S)], attribute_int("to", S))
    f.add("Cast", [f.input([3], [0, 200, 255], U8)], [([3], ["0", "200", "255"], S)], attribute_int("to", S))
    f.add("Cast", [f.input([2], [True, False], B)], [([2], ["1", "0"], S)], attribute_int("to", S))
    decimals = ["3.14", "1000", "1e-5", "1E8", "-0.5", " 7.25", "+2.", ".5", "NaN", "INF", "-INF", "inf",
                "1e400", "1e-400", "123456789012345678901234567890", "0.1", "2.2250738585072014e-308",
                "1.7976931348623157e308", "5e-324", "9007199254740993", "00012", "6.02214076e+23", "1e23"]
    x = f.input([len(decimals)], decimals, S)
    f.add("Cast", [x], [([len(decimals)], [float(d) for d in decimals], D)], attribute_int("to", D))
    f.add("CastLike", [x, f.constant([], [0.0])], [([len(decimals)], [
        math.copysign(min(abs(float(d)), float("inf")), float(d)) if not 3.5e38 < abs(float(d)) else
        math.copysign(float("inf"), float(d)) for d in decimals], F)])
    f.add("Cast", [f.input([5], ["12", "-7", " 0", "+9223372036854775807", "-9223372036854775808"], S)],
          [([5], [12, -7, 0, 2 ** 63 - 1, -2 ** 63], I)], attribute_int("to", I))
    f.add("Cast", [f.input([2], ["0", "1"], S)], [([2], [False, True], B)], attribute_int("to", B))
    return f


def narrow_casts():
    f = Operators("strings_narrow", 23)
    f8, i4 = 17, 22

    def through(x, kind, to, shape, values):
        f.nodes.append(node("Cast", [x], ["t%d" % len(f.nodes)], "narrow%d" % len(f.nodes), "",
                            [attribute_int("to", kind)]))
        f.add("Cast", ["t%d" % (len(f.nodes) - 1)], [(shape, values, to)], attribute_int("to", to))
    x = f.input([6], ["1.5", "-2", "1.0625", "448", "1000", "NaN"], S)
    through(x, f8, F, [6], [1.5, -2, 1, 448, 448, float("nan")])
    through(f.input([3], [1.5, -0.25, 1000.0]), f8, S, [3], ["1.5", "-0.25", "448"])
    through(f.input([3], ["7", "-8", "3"], S), i4, I, [3], [7, -8, 3])
    through(f.input([2], [5, -3], I), i4, S, [2], ["5", "-3"])
    return f


def classical():
    """Strings in ai.onnx.ml: keys, values, categories, labels."""
    f = Operators("strings_classical", 18)

    def add(op, inputs, results, *attributes):
        names = ["y%d" % (len(f.outputs) + k) for k in range(len(results))]
        f.nodes.append(node(op, inputs, names, op + names[0], "ai.onnx.ml", attributes))
        f.outputs += [(n, *r) for n, r in zip(names, results)]

    words = ["red", "", "grün", "blue", "red", "Blue"]
    many = ["w%d" % (i * i) for i in range(500)]
    x, n = f.input([2, 3], words, S), f.input([4], [7, -1, 3, 2], I)
    keys, values = ["red", "blue", "grün", "red"], [1.5, 2.5, 3.5, 4.5]
    table = dict(zip(keys[::-1], values[::-1]))
    add("LabelEncoder", [x], [([2, 3], [table.get(w, -1.25) for w in words], F)],
        attribute_strings("keys_strings", keys), attribute_floats("values_floats", values),
        attribute_float("default_float", -1.25))
    add("LabelEncoder", [x], [([2, 3], [w + w if w in keys else "_Unused" for w in words], S)],
        attribute_strings("keys_strings", keys), attribute_strings("values_strings", [k + k for k in keys]))
    add("LabelEncoder", [n], [([4], ["seven", "none", "three", "none"], S)],
        attribute_ints("keys_int64s", [3, 7]), attribute_strings("values_strings", ["three", "seven"]),
        attribute_string("default_string", "none"))
    y = f.input([502], many[::-1] + ["w2", "w"], S)
    add("LabelEncoder", [y], [([502], list(range(500))[::-1] + [-1, -1], I)],
        attribute_strings("keys_strings", many), attribute_ints("values_int64s", range(500)))
    add("CategoryMapper", [x], [([2, 3], [{"red": 5, "grün": 6}.get(w, -1) for w in words], I)],
        attribute_strings("cats_strings", ["red", "grün"]), attribute_ints("cats_int64s", [5, 6]))
    add("CategoryMapper", [n], [([4], ["red", "?", "?", "grün"], S)], attribute_string("default_string", "?"),
        attribute_strings("cats_strings", ["red", "grün"]), attribute_ints("cats_int64s", [7, 2]))
    cats = ["blue", "red", "", "blue"]
    add("OneHotEncoder", [x], [([2, 3, 4], [float(w == c and k > 0) for w in words
                                            for k, c in enumerate(cats)], F)],
        attribute_strings("cats_strings", cats))
    known = f.input([2], ["red", "blue"], S)
    add("OneHotEncoder", [known], [([2, 4], [0.0, 1, 0, 0, 0, 0, 0, 1], F)],
        attribute_strings("cats_strings", cats), attribute_int("zeros", 0))
    add("ArrayFeatureExtractor", [x, f.constant([2], [2, 0], I)], [([2, 2], ["grün", "red", "Blue", "blue"], S)])
    add("LinearClassifier", [f.input([3, 2], [1.0, 0.0, 0.0, 1.0, -1.0, -1.0])],
        [([3], ["up", "right", "none"], S),
         ([3, 3], [1.0, 0.0, 0.5, 0.0, 1.0, 0.5, -1.0, -1.0, 0.5], F)],
        attribute_floats("coefficients", [1, 0, 0, 1, 0, 0]), attribute_floats("intercepts", [0, 0, 0.5]),
        attribute_strings("classlabels_strings", ["up", "right", "none"]))
    add("LabelEncoder", [x], [([2, 3], [float("nan") if w == "" else 1.0 for w in words], D)],
        attribute_tensor("keys_tensor", [1], [""], S), attribute_tensor("values_tensor", [1], [float("nan")], D),
        attribute_tensor("default_tensor", [1], [1.0], D))
    return f


FAMILIES = [moves, choices, control, split, normalize, patterns, tokens, counts, casts, narrow_casts, classical]

if __name__ == "__main__":
    for family in FAMILIES:
        family().save(sys.argv[1], field(8, field(1, "com.microsoft") + field(2, 1))
                      + field(8, field(1, "ai.onnx.ml") + field(2, 4)))
