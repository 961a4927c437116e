"""RoiAlign with as many samples as a bin has pixels (sampling_ratio 0), with what it gives by the text of
the operator: every sample is taken here. Writes FOLDER/roi_align as `lpc check` takes it."""
import itertools
import math
import os
import random
import sys

from onnx_writer import attribute_int, field, graph, node, save_case, value

F, I = 1, 7
rng = random.Random(6)
HEIGHT, WIDTH, CHANNELS, BINS = 6, 7, 2, 2
# Within the image, larger than it, over each edge, beside it, of no size, turned, and two without end.
BOXES = [(0.6, 1.1, 5.3, 4.9), (-3.2, -2.7, 9.1, 8.3), (-70.3, -40.1, 90.7, 80.9), (4.2, 3.3, 250.6, 5.1),
         (-200.4, 2.2, 3.9, 3.1), (20.3, 20.3, 33.7, 30.9), (2.3, 2.3, 2.3, 2.3), (5.1, 4.2, 1.3, 0.7),
         (0.0, 0.0, 1e30, 1e30), (0.0, 1.2, 1e30, 4.7)]


def text(name, string):
    return field(1, name) + field(4, string) + field(20, 3)


def axis(v, n):
    """(element, weight) of the two neighbours; none outside."""
    if v < -1 or v > n:
        return []
    v = min(max(v, 0), n - 1)
    low = math.floor(v)
    return [(low, 1 - (v - low)), (min(low + 1, n - 1), v - low)]


def places(begin, end, bin_index, half):
    begin, end = (begin - 0.5, end - 0.5) if half else (begin, end)
    length = end - begin if half else max(end - begin, 1)
    size = length / BINS
    count = max(math.ceil(size), 0)
    if count > 1000:  # all lie outside but, at most, a few at the edge, which weigh nothing then
        return [], count
    return [begin + bin_index * size + (i + 0.5) * size / count for i in range(count)], count


def align(image, box, bin_y, bin_x, maximum, half):
    ys, rows = places(box[1], box[3], bin_y, half)
    xs, columns = places(box[0], box[2], bin_x, half)
    if rows * columns == 0:
        return 0
    across, values = [axis(x, WIDTH) for x in xs], []
    for y in ys:
        for near, beside in itertools.product([axis(y, HEIGHT)], across):
            parts = [wy * wx * image[j * WIDTH + i] for j, wy in near for i, wx in beside]
            values.append((max(parts) if maximum else sum(parts)) if parts else 0)
    if maximum:
        return max(values + [0]) if len(values) < rows * columns else max(values)
    return sum(values) / (rows * columns)


def main(folder):
    images = [[-rng.uniform(0.5, 2) if c else rng.uniform(-2, 2) for _ in range(HEIGHT * WIDTH)]
              for c in range(CHANNELS)]
    shape = [len(BOXES), CHANNELS, BINS, BINS]
    nodes, outputs = [], []
    for mode, half in itertools.product(("avg", "max"), (True, False)):
        name = "%s_%d" % (mode, half)
        ways = [text("mode", mode), attribute_int("sampling_ratio", 0), attribute_int("output_height", BINS),
                attribute_int("output_width", BINS),
                text("coordinate_transformation_mode", "half_pixel" if half else "output_half_pixel")]
        nodes.append(node("RoiAlign", ["x", "boxes", "batch"], [name], "n_" + name, "", ways))
        outputs.append((name, shape, [align(image, box, y, x, mode == "max", half) for box in BOXES
                                      for image in images for y in range(BINS) for x in range(BINS)], F))
    inputs = [("x", [1, CHANNELS, HEIGHT, WIDTH], [v for image in images for v in image], F),
              ("boxes", [len(BOXES), 4], [v for box in BOXES for v in box], F),
              ("batch", [len(BOXES)], [0] * len(BOXES), I)]
    body = graph(nodes, [value(n, s, t) for n, s, _, t in inputs], [value(n, s, t) for n, s, _, t in outputs])
    save_case(os.path.join(folder, "roi_align"), body, inputs, outputs, 16)


main(sys.argv[1])
