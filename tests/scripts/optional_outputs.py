"""Every operator with several outputs, whole and with outputs left out, for optional_outputs.sh.

Writes FOLDER/OP/whole.onnx, FOLDER/OP/input_I.npy and for each way of leaving outputs out
FOLDER/OP-WAY/model.onnx and FOLDER/OP-WAY/wanted, which names the outputs that are left, in order.
Refuses an operator of ir/ops that has several outputs and no case here."""
import glob
import os
import random
import re
import struct
import sys

from onnx_writer import (FLOAT, attribute_int, attribute_ints, field, graph, node, save, value)

INT64 = 7
folder, records = sys.argv[1:]
rng = random.Random(9)


def noise(count):
    return [rng.uniform(-1, 1) for _ in range(count)]


# Operator, attributes, inputs (shape; or shape and integers), outputs (type, rank).
CASES = {
    "DynamicQuantizeLinear": ([], [[3, 5]], [(2, 2), (FLOAT, 0), (2, 0)]),
    "Split": ([attribute_int("axis", 1)], [[3, 13], ([4], [2, 3, 0, 8])], [(FLOAT, 2)] * 4),
    "Split:equal": ([attribute_int("axis", 0), attribute_int("num_outputs", 4)], [[11, 3]],
                    [(FLOAT, 2)] * 4),
    "Unique": ([attribute_int("axis", 0)], [([7, 1], [5, 2, 5, 9, 2, 5, 0])],
               [(INT64, 2), (INT64, 1), (INT64, 1), (INT64, 1)]),
    "TopK": ([attribute_int("axis", 1)], [[3, 9], ([1], [4])], [(FLOAT, 2), (INT64, 2)]),
    "LayerNormalization": ([], [[4, 10], [10], [10]], [(FLOAT, 2)] * 3),
    "SimplifiedLayerNormalization": ([], [[4, 10], [10]], [(FLOAT, 2)] * 2),
    "MaxPool": ([attribute_ints("kernel_shape", [3, 3]), attribute_ints("strides", [2, 2])],
                [[1, 3, 9, 9]], [(FLOAT, 4), (INT64, 4)]),
    "Attention": ([], [[1, 2, 3, 8], [1, 2, 3, 8], [1, 2, 3, 8], [3, 5], [1, 2, 2, 8], [1, 2, 2, 8]],
                  [(FLOAT, 4)] * 4),
    "LinearAttention": ([attribute_int("q_num_heads", 2), attribute_int("kv_num_heads", 2)],
                        [[1, 4, 6], [1, 4, 6], [1, 4, 6], [1, 2, 3, 3], [1, 4, 2], [1, 4, 2]],
                        [(FLOAT, 3), (FLOAT, 4)]),
    "LSTM": ([attribute_int("hidden_size", 4)], [[3, 2, 5], [1, 16, 5], [1, 16, 4]],
             [(FLOAT, 4), (FLOAT, 3), (FLOAT, 3)]),
    "GRU": ([attribute_int("hidden_size", 4)], [[3, 2, 5], [1, 12, 5], [1, 12, 4]],
            [(FLOAT, 4), (FLOAT, 3)]),
    "RNN": ([attribute_int("hidden_size", 4)], [[3, 2, 5], [1, 4, 5], [1, 4, 4]],
            [(FLOAT, 4), (FLOAT, 3)]),
    "SoftmaxCrossEntropyLoss": ([], [[3, 5], ([3], [1, 4, 0])], [(FLOAT, 0), (FLOAT, 2)]),
    "Dropout": ([], [[3, 5]], [(FLOAT, 2), (9, 2)]),
}


def write_npy(path, shape, values, code):
    head = "{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }" % (
        code, "".join("%d, " % d for d in shape))
    head = head.ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack("<%d%s" % (len(values), "f" if code == "f4" else "q"), *values))


def constant(name, shape, values):
    """An initializer of int64: what determines sizes is a constant."""
    return (b"".join(field(1, d) for d in shape) + field(2, INT64) + field(8, name)
            + field(9, struct.pack("<%dq" % len(values), *values)))


def describe(name, out):
    kind, rank = out
    return value(name, ["%s_%d" % (name, i) for i in range(rank)], kind)


def ways(count):
    """Which outputs are left: all but one, one alone, every second."""
    masks = {tuple(i != k for i in range(count)) for k in range(count)}
    masks |= {tuple(i == k for i in range(count)) for k in range(count)}
    masks.add(tuple(i % 2 == 1 for i in range(count)))
    for mask in sorted(masks):
        if any(mask):
            yield mask


def size(shape):
    count = 1
    for d in shape:
        count *= d
    return count


def write(case, attributes, inputs, outputs):
    op = case.split(":")[0]
    case = case.replace(":", "-")
    os.makedirs(os.path.join(folder, case))
    names, described, constants = [], [], []
    for i, entry in enumerate(inputs):
        name = "x%d" % i
        names.append(name)
        if isinstance(entry, tuple):
            if op in ("Split", "TopK"):
                constants.append(constant(name, *entry))
                continue
            described.append(value(name, entry[0], INT64))
            write_npy("%s/%s/input_%d.npy" % (folder, case, i), *entry, "i8")
        else:
            described.append(value(name, entry))
            write_npy("%s/%s/input_%d.npy" % (folder, case, i), entry, noise(size(entry)), "f4")

    def model(path, given, left):
        body = graph([node(op, names, given, "n", "", attributes)], described,
                     [describe(o, outputs[int(o[1:])]) for o in left], constants)
        save(path, body, {"Attention": 23, "LinearAttention": 27}.get(op, 18))

    all_names = ["y%d" % i for i in range(len(outputs))]
    model("%s/%s/whole.onnx" % (folder, case), all_names, all_names)
    for mask in ways(len(outputs)):
        left = [n for n, there in zip(all_names, mask) if there]
        text = "".join("01"[m] for m in mask)
        # Left out without a name; named and not used.
        for kind, given in (("absent", [n if m else "" for n, m in zip(all_names, mask)]),
                            ("unused", all_names)):
            path = "%s/%s-%s-%s" % (folder, case, kind, text)
            os.makedirs(path)
            model(path + "/model.onnx", given, left)
            with open(path + "/wanted", "w") as file:
                file.write("%s %s\n" % (case, " ".join(left)))


for name, case in CASES.items():
    write(name, *case)
for table in glob.glob(records + "/*.def"):
    with open(table) as file:
        for name, most in re.findall(r'^OP\(\w+, "(\w+)",[^"]*?OUT\(\w+, (\w+)\)', file.read(), re.M):
            if most != "1" and name not in CASES and name != "StringSplit":  # string_cases.py has it
                sys.exit("%s: %s has several outputs and no case here" % (table, name))
