"""Writes ONNX models with nothing but Python: a field of a message is a tag (number << 3 | wire type) and
its value."""
import os
import struct

FLOAT, STRING = 1, 8
FORMATS = {1: "f", 2: "B", 3: "b", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q"}


def varint(value):
    value &= (1 << 64) - 1
    result = b""
    while value > 127:
        result += bytes([value & 127 | 128])
        value >>= 7
    return result + bytes([value])


def field(number, value):
    """A varint for an int, four bytes for a float, else length-delimited bytes or text."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def dims(shape):
    return b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape)


def value(name, shape, dtype=FLOAT):
    return field(1, name) + field(2, field(1, field(1, dtype) + field(2, dims(shape))))


def node(op, inputs, outputs, name="", domain="", attributes=()):
    text = b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs)
    text += field(3, name) + field(4, op) + b"".join(field(5, a) for a in attributes)
    return text + (field(7, domain) if domain else b"")


def attribute_int(name, number):
    return field(1, name) + field(3, number) + field(20, 2)


def attribute_float(name, number):
    return field(1, name) + field(2, float(number)) + field(20, 1)


def attribute_ints(name, numbers):
    return field(1, name) + b"".join(field(8, n) for n in numbers) + field(20, 7)


def attribute_floats(name, numbers):
    return field(1, name) + b"".join(field(7, float(n)) for n in numbers) + field(20, 6)


def attribute_string(name, text):
    return field(1, name) + field(4, text) + field(20, 3)


def attribute_strings(name, texts):
    return field(1, name) + b"".join(field(9, t) for t in texts) + field(20, 8)


def attribute_tensor(name, shape, values, dtype=FLOAT):
    return field(1, name) + field(5, contents("", shape, values, dtype)) + field(20, 4)


def attribute_graph(name, inner):
    return field(1, name) + field(6, inner) + field(20, 5)


def tensor(name, shape, raw=None, external=None):
    text = b"".join(field(1, d) for d in shape) + field(2, FLOAT) + field(8, name)
    if raw is not None:
        text += field(9, raw)
    for key, entry in (external or {}).items():
        text += field(13, field(1, key) + field(2, entry))
    return text + (field(14, 1) if external else b"")


def graph(nodes, inputs=(value("x", [4]),), outputs=(value("y", [4]),), constants=()):
    return (b"".join(field(1, n) for n in nodes) + field(2, "g")
            + b"".join(field(5, c) for c in constants) + b"".join(field(11, i) for i in inputs)
            + b"".join(field(12, o) for o in outputs))


def save(path, body, opset=17, more=b""):
    """body: a graph; more: further fields of the model, such as functions."""
    with open(path, "wb") as file:
        file.write(field(1, 8) + field(7, body) + field(8, field(1, "") + field(2, opset)) + more)


def contents(name, shape, values, dtype=FLOAT):
    """A tensor of the given elements."""
    if dtype == STRING:
        text = b"".join(field(1, d) for d in shape) + field(2, dtype) + field(8, name)
        return text + b"".join(field(6, v) for v in values)
    raw = struct.pack("<%d%s" % (len(values), FORMATS[dtype]), *values)
    text = b"".join(field(1, d) for d in shape) + field(2, dtype) + field(8, name)
    return text + field(9, raw)


def save_case(path, body, inputs, outputs, opset=17, more=b"", write=contents):
    """The folder of a model and its data, as `lpc check` takes it; inputs and outputs: (name, shape,
    values, dtype), of which `write` makes a TensorProto."""
    data = os.path.join(path, "test_data_set_0")
    os.makedirs(data)
    save(os.path.join(path, "model.onnx"), body, opset, more)
    for kind, tensors in (("input", inputs), ("output", outputs)):
        for i, entry in enumerate(tensors):
            with open(os.path.join(data, "%s_%d.pb" % (kind, i)), "wb") as file:
                file.write(write(*entry))
