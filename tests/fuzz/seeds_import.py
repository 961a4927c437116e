#!/usr/bin/python3
"""Writes the seeds of the importer's fuzzer to tests/fuzz/corpus-import (Debian: python3-onnx).

Each is a small model for one part of the importer: typed and raw constants, sparse ones, symbols,
branches, functions, old forms of operators.
"""
import os
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "corpus-import")


def value(name, dims, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, dims)


def save(name, nodes, inputs, outputs, constants=(), opset=17, functions=(), sparse=()):
    graph = h.make_graph(nodes, "g", inputs, outputs, list(constants), sparse_initializer=list(sparse))
    imports = [h.make_opsetid("", opset)] + ([h.make_opsetid("my", 1)] if functions else [])
    model = h.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8)
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(model.SerializeToString())


def basic():
    weights = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(3, 4), "w")
    bias = h.make_tensor("b", T.FLOAT, [4], [1, 2, 3, 4])
    half = h.make_tensor("h", T.FLOAT16, [2], [15360, 16384])
    ints = h.make_tensor("i", T.INT64, [300], list(range(300)))
    small = h.make_tensor("s", T.INT8, [3], [-1, 0, 1])
    save("gemm", [h.make_node("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, name="gemm")],
         [value("x", ["batch", 3])], [value("y", ["batch", 4])], [weights, bias, half, ints, small])
    save("state", [h.make_node("Concat", ["past", "new"], ["present"], axis=1)],
         [value("past", ["batch", "past", 4]), value("new", ["batch", "seq", 4]),
          value("mask", ["batch", "past + seq"])],
         [value("present", None)])


def branches():
    then = h.make_graph([h.make_node("Relu", ["x"], ["t"])], "then", [], [value("t", None)])
    other = h.make_graph([h.make_node("Add", ["x", "k"], ["e"])], "else", [], [value("e", None)],
                         [h.make_tensor("k", T.FLOAT, [], [1])])
    node = h.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    save("if", [node], [value("x", [2, None]), value("c", [], T.BOOL)], [value("y", None)])
    save("if-constant", [node], [value("x", ["n"])], [value("y", None)],
         [h.make_tensor("c", T.BOOL, [], [1])])


def functions():
    body = [h.make_node("Mul", ["a", "a"], ["m"]), h.make_node("Sqrt", ["m"], ["r"]),
            h.make_node("LeakyRelu", ["r"], ["out"])]
    body[2].attribute.add(name="alpha", ref_attr_name="slope", type=1)
    inner = h.make_function("my", "Inner", ["a"], ["out"], body, [h.make_opsetid("", 17)], ["slope"])
    call = h.make_node("Inner", ["v"], ["o"], domain="my", slope=0.25)
    outer = h.make_function("my", "Outer", ["v"], ["o"], [call],
                            [h.make_opsetid("", 17), h.make_opsetid("my", 1)])
    save("function", [h.make_node("Outer", ["x"], ["y"], domain="my", name="call")],
         [value("x", [4])], [value("y", [4])], functions=[inner, outer])


def old_forms():
    x, y = value("x", [1, 2, 4, 4]), value("y", None)
    chain = [h.make_node("Pad", ["x"], ["a"], pads=[0, 0, 1, 1, 0, 0, 1, 1], value=2.0),
             h.make_node("Clip", ["a"], ["b"], min=0.0, max=6.0),
             h.make_node("Slice", ["b"], ["c"], starts=[0], ends=[3], axes=[2]),
             h.make_node("Unsqueeze", ["c"], ["d"], axes=[0]),
             h.make_node("Squeeze", ["d"], ["e"], axes=[0]),
             h.make_node("ReduceSum", ["e"], ["f"], axes=[3]),
             h.make_node("Upsample", ["f"], ["g"], scales=[1.0, 1.0, 2.0, 2.0], mode="nearest"),
             h.make_node("Dropout", ["g"], ["i", "mask"]),
             h.make_node("Split", ["i"], ["j", "k"], axis=1, split=[1, 1]),
             h.make_node("Softmax", ["j"], ["y"])]
    save("opset7", chain, [x], [y], opset=7)
    values = h.make_node("Constant", [], ["s"], value_floats=[1.0, 2.0])
    sparse = h.make_sparse_tensor(h.make_tensor("z", T.FLOAT, [2], [1, 2]),
                                  h.make_tensor("zi", T.INT64, [2], [0, 5]), [2, 3])
    save("sparse", [values, h.make_node("Add", ["z", "z"], ["y"]), h.make_node("Neg", ["s"], ["n"])],
         [], [y, value("n", None)], sparse=[sparse])
    external = h.make_tensor("w", T.FLOAT, [1], [0])
    del external.float_data[:]
    external.data_location = 1
    external.external_data.add(key="location", value="weights.bin")
    save("external", [h.make_node("Neg", ["w"], ["y"])], [], [y], [external])


os.makedirs(OUT, exist_ok=True)
basic()
branches()
functions()
old_forms()
