"""Models of float operators, some in each, that undefined.sh runs with values that no code likes."""
import os
import struct
import sys

import onnx_writer
from onnx_writer import attribute_float, attribute_int, attribute_ints, field, graph, node, tensor, value

FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16, DOUBLE = 1, 2, 3, 6, 7, 9, 10, 11
SHAPE = [3, 24]


def text(name, string):
    return field(1, name) + field(4, string) + field(20, 3)


def floats(name, shape, numbers):
    return tensor(name, shape, struct.pack(f"<{len(numbers)}f", *numbers))


def int64(name, numbers):
    return (field(1, len(numbers)) + field(2, INT64) + field(8, name)
            + field(9, struct.pack(f"<{len(numbers)}q", *numbers)))


def scalar(name, dtype, raw):
    return field(2, dtype) + field(8, name) + field(9, raw)


class Model:
    """One node for each operator, each with an output of its own."""

    def __init__(self, name, shape=SHAPE, inputs=1):
        self.name, self.shape = name, shape
        self.nodes, self.outputs, self.constants = [], [], []
        self.inputs = [value(f"x{i}" if i else "x", shape) for i in range(inputs)]

    def add(self, op, inputs=("x",), attributes=(), dtype=FLOAT, outputs=1):
        at = len(self.nodes)
        names = [f"y{at}_{k}" for k in range(outputs)]
        self.nodes.append(node(op, inputs, names, f"n{at}_{op}", "", attributes))
        self.outputs.append(field(1, names[0]) + field(2, field(1, field(1, dtype))))

    def save(self, opset=21):
        body = graph(self.nodes, self.inputs, self.outputs, self.constants)
        onnx_writer.save(os.path.join(sys.argv[1], self.name + ".onnx"), body, opset)


def unary():
    m = Model("unary")
    for op in ("Exp Log Sqrt Tanh Sigmoid Erf Softplus Softsign Mish HardSwish HardSigmoid Relu LeakyRelu Elu "
               "Selu Celu ThresholdedRelu Abs Neg Floor Ceil Round Sign Reciprocal Sin Cos Tan Asin Acos Atan "
               "Sinh Cosh Asinh Acosh Atanh Gelu Shrink").split():
        m.add(op)
    m.add("Gelu", attributes=[text("approximate", "tanh")])
    for op in ("IsNaN", "IsInf"):
        m.add(op, dtype=BOOL)
    m.save()


def casts():
    m = Model("casts")
    for dtype in (UINT8, INT8, 5, 4, INT32, 12, INT64, 13, BOOL, FLOAT16, 16, DOUBLE):
        m.add("Cast", attributes=[attribute_int("to", dtype)], dtype=dtype)
    m.constants += [floats("scale", [], [0.1]), scalar("u8", UINT8, b"\x80"), scalar("i8", INT8, b"\x03"),
                    scalar("i16", 5, b"\x03\0"), floats("tiny", [], [1e-40]), floats("zero", [], [0])]
    for zero, dtype in (("u8", UINT8), ("i8", INT8), ("i16", 5)):
        for scale in ("scale", "tiny", "zero"):
            m.add("QuantizeLinear", ["x", scale, zero], dtype=dtype)
    m.add("DynamicQuantizeLinear", dtype=UINT8, outputs=3)
    m.nodes.append(node("Cast", ["x"], ["wide"], "wide", "", [attribute_int("to", DOUBLE)]))
    for dtype in (UINT8, INT32, INT64, 13, FLOAT):
        m.add("Cast", ["wide"], [attribute_int("to", dtype)], dtype)
    for op in ("Exp", "Tanh", "Sigmoid"):
        m.add(op, ["wide"], dtype=DOUBLE)
    m.nodes.append(node("Cast", ["x"], ["whole"], "whole", "", [attribute_int("to", INT32)]))
    m.add("Pow", ["whole", "x"], dtype=INT32)
    m.add("Abs", ["whole"], dtype=INT32)
    m.add("Neg", ["whole"], dtype=INT32)
    m.add("Mul", ["whole", "whole"], dtype=INT32)
    m.add("Add", ["whole", "whole"], dtype=INT32)
    m.save()


def binary():
    m = Model("binary", inputs=2)
    for op in "Add Sub Mul Div Pow PRelu Max Min Mean Sum".split():
        m.add(op, ["x", "x1"])
    m.add("Mod", ["x", "x1"], [attribute_int("fmod", 1)])
    for op in ("Less", "Equal", "GreaterOrEqual"):
        m.add(op, ["x", "x1"], dtype=BOOL)
    m.save()


def reductions():
    m = Model("reductions")
    for op in ("ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum "
               "ReduceLogSumExp ReduceSumSquare").split():
        m.add(op, ["x", "axes"])
    m.constants += [int64("axes", [1]), int64("k", [5]), floats("g", [24], [1] * 24), int64("seven", [7]),
                    floats("on", [2], [0, 1]), floats("w", [24, 24], [i % 7 - 3 for i in range(576)])]
    for op in ("Softmax", "LogSoftmax", "Hardmax", "LpNormalization"):
        m.add(op)
    for op in ("ArgMax", "ArgMin"):
        m.add(op, attributes=[attribute_int("axis", 1)], dtype=INT64)
    m.add("TopK", ["x", "k"], outputs=2)
    m.add("LayerNormalization", ["x", "g"])
    m.add("MatMul", ["x", "w"])
    m.add("Gemm", ["x", "w", "g"])
    m.add("OneHot", ["x", "seven", "on"])
    m.save()


def images():
    m = Model("images", [1, 2, 6, 6])
    m.constants += [floats("scales", [4], [1, 1, 1.5, 2.5]), floats("w", [2, 2, 3, 3], [0.5] * 36),
                    floats("g", [2], [1, 1]), int64("batch", [0]), floats("theta", [1, 2, 3], [2.0] * 6),
                    int64("size", [1, 2, 6, 6]), floats("offset", [1, 18, 4, 4], [1e30, -1e30] * 144)]
    for mode in ("nearest", "linear", "cubic"):
        m.add("Resize", ["x", "", "scales"], [text("mode", mode)])
        for padding in ("zeros", "border", "reflection"):
            m.add("GridSample", ["x", "grid"], [text("mode", mode), text("padding_mode", padding)])
    m.nodes.insert(0, node("Transpose", ["x"], ["turned"], "turned", "", [attribute_ints("perm", [0, 2, 3, 1])]))
    m.nodes.insert(1, node("Identity", ["turned"], ["grid"], "grid"))
    m.nodes.insert(2, node("Reshape", ["x", "rois_shape"], ["rois"], "rois"))
    m.constants += [int64("rois_shape", [18, 4]),
                    field(1, 18) + field(2, INT64) + field(8, "batches") + field(9, b"\0" * 144)]
    for samples in (0, 2):  # 0: as many samples as a box has pixels
        m.add("RoiAlign", ["x", "rois", "batches"],
              [attribute_int("sampling_ratio", samples), attribute_int("output_height", 2),
               attribute_int("output_width", 2)])
    m.add("Conv", ["x", "w"])
    m.add("DeformConv", ["x", "w", "offset"])
    for op in ("MaxPool", "AveragePool", "LpPool"):
        m.add(op, attributes=[attribute_ints("kernel_shape", [2, 2])])
    m.add("InstanceNormalization", ["x", "g", "g"])
    m.add("LRN", attributes=[attribute_int("size", 3)])
    m.save()


def sequences():
    m = Model("sequences", [2, 1, 3])
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        m.constants += [floats(f"w{op}", [1, gates * 2, 3], [0.5] * gates * 6),
                        floats(f"r{op}", [1, gates * 2, 2], [0.25] * gates * 4)]
        m.add(op, ["x", f"w{op}", f"r{op}"], [attribute_int("hidden_size", 2)])
    m.save()


unary()
casts()
binary()
reductions()
images()
sequences()
