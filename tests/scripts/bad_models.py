"""Writes broken ONNX models to a folder, for bad_models.sh."""
import os
import sys

import onnx_writer
from onnx_writer import (STRING, attribute_float, attribute_graph, attribute_int, attribute_ints, field, graph,
                         node, tensor, value)


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


def training():
    """Random operators, optimisers and Gradient."""
    domain, imports = "ai.onnx.preview.training", field(8, field(1, "ai.onnx.preview.training") + field(2, 1))
    text = lambda name, string: field(1, name) + field(4, string) + field(20, 3)
    xs = field(1, "xs") + field(9, "x") + field(20, 8)
    four = attribute_ints("shape", [4])
    save("random-input", graph([node("RandomNormal", ["x"], ["y"], "draw", "", [four])]))
    save("random-type", graph([node("RandomUniform", [], ["y"], "draw", "",
                                    [four, attribute_int("dtype", 6)])]))
    save("random-key", graph([node("RandomUniform", [], ["y"], "draw", "",
                                   [four, attribute_int("key", 6)])]))
    save("multinomial", graph([node("Multinomial", ["x"], ["y"], "draw")]))
    save("adam", graph([node("Adam", ["x"] * 8, ["y"], "adam", domain)]), 17, imports)
    mode = [attribute_float(n, 1) for n in ("alpha", "beta", "norm_coefficient")] + [text("mode", "heavy")]
    save("momentum", graph([node("Momentum", ["x"] * 5, ["y"], "step", domain, mode)]), 17, imports)

    def gradient(name, op, inputs=("x",), y="z"):
        save(name, graph([node(op, ["x"], ["z"], "made"),
                          node("Gradient", inputs, ["y"], "slope", domain, [xs, text("y", y)])]), 17, imports)

    gradient("gradient-rule", "Mish")
    loss = node("SoftmaxCrossEntropyLoss", ["x", "labels"], ["l", "z"], "loss")
    slope = node("Gradient", ["x"], ["y"], "slope", domain, [xs, text("y", "z")])
    inputs = [value("x", [4, 3]), value("labels", [4], 7)]
    save("gradient-output", graph([loss, slope], inputs, [value("y", [4, 3])]), 17, imports)
    gradient("gradient-y", "Exp", y="nowhere")
    gradient("gradient-inputs", "Exp", ("x", "z"))


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


structure()
nodes()
training()
constants()
