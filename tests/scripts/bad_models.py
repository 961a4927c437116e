"""Writes broken ONNX models to a folder, for bad_models.sh."""
import os
import sys

import onnx_writer
from onnx_writer import STRING, attribute_graph, attribute_int, field, graph, node, tensor, value


def save(name, *parts):
    onnx_writer.save(os.path.join(sys.argv[1], name + ".onnx"), *parts)


def save_exponential():
    """30 functions, each of which calls the one before eight times."""
    functions = b""
    for i in range(30):
        body = b""
        for k in range(8):
            op, domain = (f"F{i - 1}", "my") if i else ("Neg", "")
            body += field(7, node(op, [f"a{k - 1}" if k else "x"], [f"a{k}"], f"c{k}", domain))
        functions += field(25, field(1, f"F{i}") + field(4, "x") + field(5, "a7") + body
                           + field(10, "my") + field(9, field(1, "my") + field(2, 1)))
    imports = field(8, field(1, "my") + field(2, 1))
    save("exponential", graph([node("F29", ["x"], ["y"], "call", "my")]), 17, functions + imports)


def structure():
    relu = node("Relu", ["x"], ["y"], "relu")
    bomb = graph([])
    for _ in range(200):
        bomb = graph([node("If", ["c"], ["y"], "if", "", [attribute_graph("then_branch", bomb)])])
    save("bomb", bomb)
    call = node("F", ["x"], ["y"], "call", "my")
    function = (field(1, "F") + field(4, "x") + field(5, "y") + field(7, call) + field(10, "my")
                + field(9, field(1, "my") + field(2, 1)))
    save("recursion", graph([call]), 17, field(25, function) + field(8, field(1, "my") + field(2, 1)))
    save_exponential()
    save("cycle", graph([node("Add", ["x", "b"], ["a"], "one"), node("Neg", ["a"], ["b"], "two"),
                         node("Relu", ["b"], ["y"], "three")]))
    save("missing-tensor", graph([node("Add", ["x", "nowhere"], ["y"], "add")]))
    save("duplicate", graph([relu, node("Neg", ["x"], ["y"], "again")]))
    save("string", graph([relu], [value("x", [4], STRING)]))
    save("sequence", graph([relu], [field(1, "x") + field(2, field(4, field(1, field(1, 1))))]))
    save("symbol", graph([relu], [value("x", ["batch", 4])]))
    save("opset-old", graph([relu]), 3)
    save("opset-new", graph([relu]), 99)
    save("unknown", graph([node("Alpha", ["x"], ["a"], "first", "my.domain"),
                           node("NoSuchThing", ["a"], ["b"], "second"),
                           node("Beta", ["b"], ["y"], "third", "my.domain")]))


def nodes():
    save("arity", graph([node("Add", ["x"], ["y"], "add")]))
    save("attribute", graph([node("LeakyRelu", ["x"], ["y"], "leaky", "",
                                  [attribute_int("alpha", 1)])]))
    save("attribute-unknown", graph([node("LeakyRelu", ["x"], ["y"], "leaky", "",
                                          [attribute_int("beta", 1)])]))
    save("attribute-missing", graph([node("Concat", ["x", "x"], ["y"], "concat")]))


def constants():
    add = [node("Add", ["x", "w"], ["y"], "add")]
    save("size", graph(add, constants=[tensor("w", [4], bytes(12))]))
    save("size-overflow", graph(add, constants=[tensor("w", [1 << 40, 1 << 40], bytes(16))]))
    save("size-negative", graph(add, constants=[tensor("w", [-4], bytes(16))]))
    entries = {
        "missing": {"location": "missing.bin"},
        "short": {"location": "short.bin"},
        "up": {"location": "../short.bin"},
        "absolute": {"location": "/etc/passwd"},
        "link": {"location": "link.bin"},
        "length": {"location": "good.bin", "length": "8"},
        "number": {"location": "good.bin", "offset": "ten"},
        "good": {"location": "good.bin", "offset": "0", "length": "16"},
    }
    for name, entry in entries.items():
        save("external-" + name, graph(add, constants=[tensor("w", [4], external=entry)]))


def attention():
    """Nodes whose inputs do not fit each other."""
    microsoft = field(8, field(1, "com.microsoft") + field(2, 1))
    rows, width = value("x", [1, 4, 12]), value("n", [1], 6)

    def grouped(name, inputs, *attributes):
        heads = [attribute_int("num_heads", 2), *attributes]
        save(name, graph([node("GroupQueryAttention", inputs, ["y", "k", "v"], "group", "com.microsoft", heads)],
                         [rows, width, value("p", [1, 1, 3, 6])],
                         [value("y", [1, 4, 12]), value("k", [1, 1, 7, 6])]), 23, microsoft)
    whole = ["x", "", "", "", "", "n", "n"]
    grouped("gqa-heads", whole, attribute_int("kv_num_heads", 3))
    grouped("gqa-lengths", ["x"], attribute_int("kv_num_heads", 1))
    grouped("gqa-total", ["x", "", "", "p", "p", "n", "n"], attribute_int("kv_num_heads", 2))
    grouped("gqa-rotary", whole, attribute_int("kv_num_heads", 2), attribute_int("do_rotary", 1))
    linear = [attribute_int("q_num_heads", 2), attribute_int("kv_num_heads", 2)]
    save("linear-decay", graph([node("LinearAttention", ["x", "x", "x"], ["y", "s"], "linear", "", linear)],
                               [rows]), 27)
    save("attention-mask", graph([node("Attention", ["q", "q", "q", "m"], ["y"], "attend")],
                                 [value("q", [1, 2, 4, 8]), value("m", [3, 4])]), 23)
    two = graph([node("Neg", ["a"], ["y"], "neg")], [value("a", [4]), value("b", [4])])
    save("flex-inputs", graph([node("FlexAttention", ["q", "q", "q"], ["y"], "flex", "ai.onnx.preview",
                                    [attribute_graph("score_mod", two)])], [value("q", [1, 2, 4, 8])]), 26,
         field(8, field(1, "ai.onnx.preview") + field(2, 1)))


structure()
nodes()
constants()
attention()
