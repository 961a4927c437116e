"""variants.py FOLDER: a model of the layers that have two variants, and inputs of 1 and of 3 rows."""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.dirname(__file__))
from onnx_writer import (attribute_int, attribute_ints, field, graph, node, save, tensor, value)  # noqa: E402

WIDTH, WIDE, HIDDEN = 64, 256, 16


def constant(name, *shape):
    count = 1
    for d in shape:
        count *= d
    values = [random.uniform(-0.3, 0.3) for _ in range(count)]
    return tensor(name, shape, struct.pack("<%df" % count, *values))


def attention(inputs, outputs):
    return node("Attention", inputs, outputs, "attend", "",
                [attribute_int("is_causal", 1), attribute_int("q_num_heads", 4),
                 attribute_int("kv_num_heads", 4)])


def npy(path, shape, values):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % (shape,)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()
                   + struct.pack("<%df" % len(values), *values))


def main(folder):
    random.seed(4)
    nodes = [
        node("MatMul", ["x", "w_up"], ["up"], "up"),
        node("Relu", ["up"], ["act"], "act"),
        node("MatMul", ["act", "w_down"], ["down"], "down"),
        node("Add", ["down", "x"], ["res"], "res"),
        attention(["res", "res", "x"], ["att"]),
        node("Transpose", ["res"], ["turned"], "turn", "", [attribute_ints("perm", [0, 2, 1])]),
        node("MatMul", ["att", "turned"], ["scores"], "scores"),
        node("MatMul", ["scores", "att"], ["mixed"], "mixed"),
        node("Reshape", ["mixed", "two"], ["matrix"], "matrix"),
        node("Gemm", ["matrix", "w_gemm", "bias"], ["gemm"], "gemm"),
        node("Reshape", ["gemm", "steps"], ["sequence"], "steps"),
        node("LSTM", ["sequence", "w_lstm", "r_lstm"], ["y"], "lstm", "",
             [attribute_int("hidden_size", HIDDEN)]),
    ]
    ints = {"two": [-1, WIDTH], "steps": [-1, 1, 32]}
    constants = [constant("w_up", WIDTH, WIDE), constant("w_down", WIDE, WIDTH),
                 constant("w_gemm", WIDTH, 32), constant("bias", 32),
                 constant("w_lstm", 1, 4 * HIDDEN, 32), constant("r_lstm", 1, 4 * HIDDEN, HIDDEN)]
    for name in ints:
        text = field(1, len(ints[name])) + field(2, 7) + field(8, name)
        constants.append(text + field(9, struct.pack("<%dq" % len(ints[name]), *ints[name])))
    save(os.path.join(folder, "variants.onnx"),
         graph(nodes, [value("x", [1, "seq", WIDTH])], [value("y", ["steps", 1, 1, HIDDEN])], constants), 23)
    for rows in (1, 3):
        npy(os.path.join(folder, "x%d.npy" % rows), (1, rows, WIDTH),
            [random.uniform(-1, 1) for _ in range(rows * WIDTH)])


main(sys.argv[1])
