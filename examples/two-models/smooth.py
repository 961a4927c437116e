"""Writes smooth.onnx: a 3 x 3 filter that keeps half of a pixel and takes the rest from around it."""
import os, struct, sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "tests", "scripts"))
from onnx_writer import *

weights = struct.pack("<9f", *[1 / 16] * 4, 1 / 2, *[1 / 16] * 4)
body = graph([node("Conv", ["drawn", "filter"], ["pixels"], "smooth",
                   attributes=[attribute_ints("kernel_shape", [3, 3]), attribute_ints("pads", [1] * 4)])],
             [value("drawn", [1, 1, 8, 8])], [value("pixels", [1, 1, 8, 8])],
             [tensor("filter", [1, 1, 3, 3], weights)])
save(os.path.join(here, "smooth.onnx"), body)
