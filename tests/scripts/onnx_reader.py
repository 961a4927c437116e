"""What tests ask of ONNX files: the inputs of a model, and what a tensor's file holds."""


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def fields(data):
    """The fields of a message: (number, value)."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 8 if key & 7 == 1 else 4
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def all_of(data, number):
    return [value for field, value in fields(data) if field == number]


def last_of(data, number, default=b""):
    return (all_of(data, number) or [default])[-1]


def text(data):
    return bytes(data).decode()


def symbol(name, axis, size):
    """How lpc calls a size of an input; None: it is given, and not 0 or negative."""
    if 0 < last_of(size, 1, 0) < 1 << 63:
        return None
    param = text(last_of(size, 2))
    return f"{name}_dim{axis}" if param in ("", "?", "*", "None", "-1", "0") else param


def inputs(path):
    """(name, [symbol or None]) of each input of a model that is no initializer."""
    with open(path, "rb") as file:
        graph = last_of(memoryview(file.read()), 7)
    constants = {text(last_of(c, 8)) for c in all_of(graph, 5)}
    found = []
    for entry in all_of(graph, 11):
        name = text(last_of(entry, 1))
        sizes = all_of(last_of(last_of(last_of(entry, 2), 1), 2), 1)
        if name not in constants:
            found.append((name, [symbol(name, k, size) for k, size in enumerate(sizes)]))
    return found


def tensor(path):
    """(type, sizes) of a TensorProto."""
    with open(path, "rb") as file:
        data = memoryview(file.read())
    sizes = []
    for value in all_of(data, 1):
        if isinstance(value, int):
            sizes.append(value)
            continue
        at = 0
        while at < len(value):
            size, at = varint(value, at)
            sizes.append(size)
    return last_of(data, 2, 0), sizes
