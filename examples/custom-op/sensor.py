#!/usr/bin/env python3
"""Writes sensor.onnx: x[n] -> sensors::Despike {width = 5} -> (y - mean) / (max - min), and how many samples
were spikes. Run from this folder; tests/scripts/onnx_writer.py needs nothing but Python."""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "tests", "scripts"))
from onnx_writer import attribute_int, field, graph, node, save, value  # noqa: E402

INT32 = 6
nodes = [
    node("Despike", ["x"], ["clean", "spikes"], "despike", "sensors", [attribute_int("width", 5)]),
    node("ReduceMean", ["clean"], ["mean"], "mean"),
    node("ReduceMax", ["clean"], ["top"], "top"),
    node("ReduceMin", ["clean"], ["bottom"], "bottom"),
    node("Sub", ["top", "bottom"], ["range"], "range"),
    node("Sub", ["clean", "mean"], ["centred"], "centre"),
    node("Div", ["centred", "range"], ["y"], "scale"),
]
body = graph(nodes, [value("x", ["n"])], [value("y", ["n"]), value("spikes", [], INT32)])
save(os.path.join(here, "sensor.onnx"), body, 21, field(8, field(1, "sensors") + field(2, 1)))
