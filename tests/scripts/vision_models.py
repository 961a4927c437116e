#!/usr/bin/env python3
"""Writes mobilenetv2.onnx and resnet18.onnx into a folder: their published shapes for 224 x 224 pixels and
1,000 classes, opset 14, seeded weights. The scales of weights and batch normalisations keep the signal's
size through all layers. `blockN` is the node that ends block N, for --cut-after."""
import array
import math
import os
import random
import statistics
import sys

from onnx_writer import (attribute_float, attribute_int, attribute_ints, graph, node, save, tensor,
                         value)

QUANTILES = [statistics.NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)]


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.nodes, self.constants, self.weights = [], [], 0

    def constant(self, name, shape, mean, deviation):
        table = [mean + deviation * q for q in QUANTILES]
        data = array.array("f", map(table.__getitem__, self.random.randbytes(math.prod(shape))))
        if sys.byteorder == "big":
            data.byteswap()
        self.constants.append(tensor(name, shape, data.tobytes()))
        return name

    def weight(self, *arguments):
        name = self.constant(*arguments)
        self.weights += math.prod(arguments[1])
        return name

    def node(self, op, name, inputs, *attributes):
        self.nodes.append(node(op, inputs, [name], name, "", attributes))
        return name

    def conv(self, name, x, inputs, outputs, kernel, stride=1, groups=1, gain=1.0, scale=1.0):
        """Convolution and batch normalisation. gain: 2 where x comes from a Relu, which halves squares."""
        pad = kernel // 2
        deviation = math.sqrt(gain * groups / (inputs * kernel * kernel))
        w = self.weight(f"{name}.weight", [outputs, inputs // groups, kernel, kernel], 0, deviation)
        y = self.node("Conv", f"{name}.conv", [x, w], attribute_ints("kernel_shape", [kernel] * 2),
                      attribute_ints("strides", [stride] * 2), attribute_ints("pads", [pad] * 4),
                      attribute_int("group", groups))
        channels = [outputs]
        statistic = [self.weight(f"{name}.scale", channels, scale, 0.1 * scale),
                     self.weight(f"{name}.shift", channels, 0, 0.1),
                     self.constant(f"{name}.mean", channels, 0, 0.1),
                     self.constant(f"{name}.variance", channels, 1, 0.1)]
        return self.node("BatchNormalization", f"{name}.norm", [y, *statistic],
                         attribute_float("epsilon", 1e-5))

    def classifier(self, x, inputs):
        pooled = self.node("GlobalAveragePool", "pool", [x])
        flat = self.node("Flatten", "flat", [pooled])
        parameters = [self.weight("classifier.weight", [1000, inputs], 0, math.sqrt(2 / inputs)),
                      self.weight("classifier.bias", [1000], 0, 0.1)]
        self.node("Gemm", "scores", [flat, *parameters], attribute_int("transB", 1))

    def save(self, name):
        body = graph(self.nodes, [value("pixels", [1, 3, 224, 224])], [value("scores", [1, 1000])],
                     self.constants)
        save(os.path.join(sys.argv[1], name + ".onnx"), body, 14)
        print(f"{name}.onnx: {self.weights} weights")


def mobilenetv2():
    m = Writer(1)
    for name, bound in (("zero", 0), ("six", 6)):
        m.constant(name, [], bound, 0)

    def relu6(x):
        return m.node("Clip", f"{x}.relu", [x, "zero", "six"])

    x, inputs, number = relu6(m.conv("stem", "pixels", 3, 32, 3, 2)), 32, 0
    for expand, outputs, repeat, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                            (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for k in range(repeat):
            number += 1
            y, wide, name = x, inputs * expand, f"block{number}"
            if expand > 1:
                y = relu6(m.conv(f"{name}.expand", y, inputs, wide, 1))
            y = relu6(m.conv(f"{name}.depthwise", y, wide, wide, 3, 1 if k else stride, wide, 2))
            y = m.conv(f"{name}.project", y, wide, outputs, 1, 1, 1, 2, 0.5 if k else 1)
            x = m.node("Add", name, [x, y]) if k else m.node("Identity", name, [y])
            inputs = outputs
    m.classifier(relu6(m.conv("head", x, 320, 1280, 1)), 1280)
    m.save("mobilenetv2")


def resnet18():
    m = Writer(2)
    x = m.node("Relu", "stem", [m.conv("stem", "pixels", 3, 64, 7, 2)])
    x = m.node("MaxPool", "stem.pool", [x], attribute_ints("kernel_shape", [3, 3]),
               attribute_ints("strides", [2, 2]), attribute_ints("pads", [1] * 4))
    inputs, number = 64, 0
    for outputs in (64, 128, 256, 512):
        for k in range(2):
            number += 1
            name, stride = f"block{number}", 1 if k or outputs == 64 else 2
            y = m.node("Relu", f"{name}.relu", [m.conv(f"{name}.a", x, inputs, outputs, 3, stride, 1, 2)])
            y = m.conv(f"{name}.b", y, outputs, outputs, 3, 1, 1, 2, 0.5)
            if inputs != outputs:
                x = m.conv(f"{name}.shortcut", x, inputs, outputs, 1, stride, 1, 2)
            x = m.node("Relu", name, [m.node("Add", f"{name}.add", [x, y])])
            inputs = outputs
    m.classifier(x, 512)
    m.save("resnet18")


mobilenetv2()
resnet18()
