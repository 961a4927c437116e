"""A family of cases: one model of many nodes with its data, as `lpc check` takes it, and what scripts that make them
share."""
import itertools
import math
import os

from onnx_writer import contents, field, graph, node, save_case, value

F = 1


class Family:
    """Inputs are called x0, x1, ..., constants c0, ..., the outputs of nodes y0, ..., or t... inside of the model."""
    opset = 17
    domain = ""  # of nodes
    imports = ()  # (domain, version): beside ai.onnx
    tensor = staticmethod(contents)  # makes a TensorProto

    def __init__(self, name, opset=None):
        self.name, self.opset = name, opset or self.opset
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def input(self, shape, values, dtype=F):
        self.inputs.append(("x%d" % len(self.inputs), shape, values, dtype))
        return self.inputs[-1][0]

    def constant(self, shape, values, dtype=F):
        name = "c%d" % len(self.constants)
        self.constants.append(self.tensor(name, shape, values, dtype))
        return name

    def scalar(self, number, dtype=F):
        return self.constant([], [number], dtype)

    def add(self, op, inputs, results, *attributes, domain=None):
        """A node whose outputs are the model's; results: (shape, values, type) each. Gives the first one's name."""
        names = ["y%d" % (len(self.outputs) + k) for k in range(len(results))]
        self.nodes.append(node(op, inputs, names, op + names[0], self.domain if domain is None else domain, attributes))
        self.outputs += [(n, *r) for n, r in zip(names, results)]
        return names[0]

    def inner(self, op, inputs, *attributes, domain=None):
        """A node whose output is not one of the model's."""
        name = "t%d" % len(self.nodes)
        self.nodes.append(node(op, inputs, [name], op + name, self.domain if domain is None else domain, attributes))
        return name

    def save(self, folder, more=b""):
        """more: further fields of the model, such as functions."""
        said = [value(n, s, t) for n, s, _, t in self.inputs]
        made = [value(n, s, t) for n, s, _, t in self.outputs]
        more += b"".join(field(8, field(1, d) + field(2, v)) for d, v in self.imports)
        save_case(os.path.join(folder, self.name), graph(self.nodes, said, made, self.constants), self.inputs,
                  self.outputs, self.opset, more, self.tensor)


def size(shape):
    return math.prod(shape)


def points(shape):
    """All positions, the last axis fastest."""
    return itertools.product(*(range(n) for n in shape))


def at(shape, point):
    """Where an element lies; a missing or unit axis broadcasts."""
    where = 0
    for n, i in zip(shape, point[len(point) - len(shape):]):
        where = where * n + (i if n > 1 else 0)
    return where


def flat(lists):
    return [e for row in lists for e in row]


def rows(values, width):
    return [values[i:i + width] for i in range(0, len(values), width)]


def product(a, b):
    """Rows times columns, both as lists of rows."""
    return [[sum(x * w for x, w in zip(row, column)) for column in zip(*b)] for row in a]


def softmax(row):
    e = [math.exp(v - max(row)) for v in row]
    return [v / sum(e) for v in e]


def sigmoid(v):
    return 1 / (1 + math.exp(-v))
