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


def quantised():
    """Operators on integers and on weights of few bits; all inputs but x are constants."""
    def one(name, op, inputs, attributes=(), x=([2, 32], 1), constants=()):
        body = [node(op, inputs, ["y"], "n", "com.microsoft", attributes)]
        save(name, graph(body, [value("x", *x)], [value("y", x[0])], constants))

    ints = lambda **all: [attribute_int(name, number) for name, number in all.items()]
    byte = onnx_writer.contents("w", [4, 2, 8], [0] * 64, 2)
    scales, few = tensor("s", [4, 2], bytes(32)), tensor("s", [3], bytes(12))
    nbits = ["x", "w", "s"]
    one("packed-bits", "MatMulNBits", nbits, ints(K=32, N=4, bits=3, block_size=16), constants=[byte, scales])
    one("packed-block", "MatMulNBits", nbits, ints(K=32, N=4, block_size=24), constants=[byte, scales])
    one("packed-bytes", "MatMulNBits", nbits, ints(K=32, N=5, block_size=16), constants=[byte, scales])
    one("packed-scales", "MatMulNBits", nbits, ints(K=32, N=4, block_size=16), constants=[byte, few])
    one("packed-depth", "MatMulNBits", nbits, ints(K=32, N=4, block_size=16), x=([2, 48], 1),
        constants=[byte, scales])
    add = ["x", "s", "", "x", "s", "", "s"]
    one("quantised-type", "QLinearAdd", add, constants=[few])
    one("quantised-scale", "QLinearAdd", add, x=([2, 3], 2), constants=[few])
    one("quantised-parts", "QLinearConcat", ["s", "x", "x", "s"], ints(axis=0), x=([2, 3], 2), constants=[few])
    router, experts = tensor("r", [2, 3], bytes(24)), tensor("e", [3, 32, 32], bytes(3 << 12))
    moe = ["x", "r", "e", "", "e"]
    one("experts-k", "MoE", moe, ints(k=4), constants=[router, experts])
    one("experts-sizes", "MoE", moe, ints(k=1), x=([2, 16], 1), constants=[router, experts])
    kind = field(1, "quant_type") + field(4, "fp4") + field(20, 3)
    one("experts-type", "QMoE", ["x", "r", "e", "s", "", "e", "s"], [kind], constants=[router, experts, few])


structure()
nodes()
constants()
quantised()
