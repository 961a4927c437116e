"""GridSample of small images in every mode, padding and alignment, with what it gives by the text of the
operator, for grid_sample.sh. Writes FOLDER/SIZE/model.onnx and FOLDER/SIZE/test_data_set_0."""
import itertools
import math
import os
import random
import struct
import sys

from onnx_writer import attribute_int, field, graph, node, save, value

folder = sys.argv[1]
rng = random.Random(4)


def write_npy(path, shape, values):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % (
        "".join("%d, " % d for d in shape))
    head = head.ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack("<%df" % len(values), *values))


def attribute_string(name, text):
    return field(1, name) + field(4, text) + field(20, 3)


def reflect(v, n, align):
    low, high = (0, n - 1) if align else (-0.5, n - 0.5)
    if low == high:
        return 0
    while v < low or v > high:
        v = 2 * low - v if v < low else 2 * high - v
    return v


def pixel(i, n, padding, align):
    """The element that stands at i; None: there is none."""
    if 0 <= i < n:
        return i
    if padding == "zeros":
        return None
    if padding == "reflection":
        i = int(reflect(i, n, align))
    return min(max(i, 0), n - 1)


def cubic(distance):
    a, d = -0.75, abs(distance)
    if d <= 1:
        return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
    return a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a if d < 2 else 0


def taps(g, n, mode, padding, align):
    """(element, weight) along one axis."""
    v = (g + 1) / 2 * (n - 1) if align else ((g + 1) * n - 1) / 2
    if mode == "nearest":
        v = round(v)
    if mode != "cubic" and padding == "border":
        v = min(max(v, 0), n - 1)
    if mode != "cubic" and padding == "reflection":
        v = reflect(v, n, align)
    base = math.floor(v)
    weights = {"nearest": [(base, 1)], "linear": [(base, base + 1 - v), (base + 1, v - base)],
               "cubic": [(base + k, cubic(v - base - k)) for k in (-1, 0, 1, 2)]}[mode]
    return [(pixel(i, n, padding, align), w) for i, w in weights]


def sample(image, sizes, point, how):
    """point: of the last axis first."""
    total = 0
    for way in itertools.product(*[taps(g, n, *how) for g, n in zip(reversed(point), sizes)]):
        if any(i is None for i, _ in way):
            continue
        at, weight = 0, 1
        for (i, w), n in zip(way, sizes):
            at, weight = at * n + i, weight * w
        total += weight * image[at]
    return total


def write(sizes):
    path = os.path.join(folder, "x".join(map(str, sizes)))
    os.makedirs(path + "/test_data_set_0")
    rank, count = len(sizes), 12
    image = [round(rng.uniform(-1, 1), 3) for _ in range(math.prod(sizes))]
    points = [[round(rng.uniform(-2.5, 2.5), 3) for _ in range(rank)] for _ in range(count)]
    shape = [1] * (rank - 1) + [count]
    nodes, outputs = [], []
    modes = ("nearest", "linear", "cubic") if rank == 2 else ("nearest", "linear")
    for how in itertools.product(modes, ("zeros", "border", "reflection"), (0, 1)):
        name = "%s_%s_%d" % how
        nodes.append(node("GridSample", ["x", "grid"], [name], "n_" + name, "",
                          [attribute_string("mode", how[0]), attribute_string("padding_mode", how[1]),
                           attribute_int("align_corners", how[2])]))
        write_npy("%s/test_data_set_0/output_%d.pb" % (path, len(outputs)), [1, 1] + shape,
                  [sample(image, sizes, p, how) for p in points])
        outputs.append(value(name, [1, 1] + shape))
    write_npy(path + "/test_data_set_0/input_0.pb", [1, 1] + sizes, image)
    write_npy(path + "/test_data_set_0/input_1.pb", [1] + shape + [rank], [g for p in points for g in p])
    body = graph(nodes, [value("x", [1, 1] + sizes), value("grid", [1] + shape + [rank])], outputs)
    save(path + "/model.onnx", body, 20)


for sizes in ([4, 5], [1, 3], [2, 1], [3, 4, 2], [1, 2, 1]):
    write(sizes)
