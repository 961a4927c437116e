#!/usr/bin/python3
"""Trains lpc's demo model: handwritten digits, 8 x 8 pixels, to ten probabilities.

The data is scikit-learn's copy of UCI's "Optical Recognition of Handwritten Digits" (1797 images),
which Debian's python3-sklearn brings. `tools/setup --bench` installs all that this needs:

    tools/setup --bench && /usr/bin/python3 models/digits/train.py

Writes, beside itself: digits.onnx; heldout.npy (N,1,8,8 uint8, 0..16) and labels.npy (N uint8), the
images that training never saw; and prints the accuracy on them. Seeded, on one thread.

The network takes the pixels as they are, 0..16, as float32 [1,1,8,8]; the scale is its first step,
so that a user feeds it what the data set holds. Standard operators only, opset 13.
"""
import os
import sys

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))
HELD_OUT = 360
EPOCHS = 60


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.pointwise = nn.Conv2d(16, 32, 1)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x * (1 / 16))))
        x = F.relu6(self.bn2(self.depthwise(x)))
        x = F.max_pool2d(F.relu(self.pointwise(x)), 2)
        x = F.relu(x + self.conv2(x))
        x = F.avg_pool2d(x, 2).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


def augment(x, generator):
    """Shifts each image by at most one pixel in each direction."""
    padded = F.pad(x, (1, 1, 1, 1))
    shifts = torch.randint(0, 3, (len(x), 2), generator=generator)
    return torch.stack([padded[i, :, r:r + 8, c:c + 8] for i, (r, c) in enumerate(shifts.tolist())])


def train(x, y):
    generator = torch.Generator().manual_seed(1)
    model = Digits()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        model.train()
        order = torch.randperm(len(x), generator=generator)
        total = 0.0
        for at in range(0, len(x), 64):
            batch = order[at:at + 64]
            loss = F.cross_entropy(model(augment(x[batch], generator)), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / len(x):.4f}", file=sys.stderr)
    return model.eval()


def to_onnx(model):
    """The same network in ONNX, node by node, so that names and opset are ours."""
    weights = []

    def weight(name, tensor):
        array = tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    nodes = []

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def norm(x, bn, name):
        parts = [weight(f"{name}.{k}", getattr(bn, a)) for k, a in
                 (("scale", "weight"), ("bias", "bias"), ("mean", "running_mean"),
                  ("var", "running_var"))]
        return node("BatchNormalization", [x] + parts, name, epsilon=bn.eps)

    m = model
    same = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = node("Mul", ["pixels", weight("scale", np.float32(1 / 16))], "scaled")
    x = node("Conv", [x, weight("conv1.weight", m.conv1.weight)], "conv1", **same)
    x = node("Relu", [norm(x, m.bn1, "bn1")], "relu1")
    x = node("Conv", [x, weight("depthwise.weight", m.depthwise.weight)], "depthwise", group=16,
             **same)
    low, high = weight("zero", np.float32(0)), weight("six", np.float32(6))
    x = node("Clip", [norm(x, m.bn2, "bn2"), low, high], "relu6")
    x = node("Conv", [x, weight("pointwise.weight", m.pointwise.weight),
                      weight("pointwise.bias", m.pointwise.bias)], "pointwise", kernel_shape=[1, 1])
    x = node("Relu", [x], "relu2")
    x = node("MaxPool", [x], "pool1", kernel_shape=[2, 2], strides=[2, 2])
    y = node("Conv", [x, weight("conv2.weight", m.conv2.weight),
                      weight("conv2.bias", m.conv2.bias)], "conv2", **same)
    x = node("Relu", [node("Add", [x, y], "residual")], "relu3")
    x = node("AveragePool", [x], "pool2", kernel_shape=[2, 2], strides=[2, 2])
    x = node("Flatten", [x], "flat", axis=1)
    x = node("Gemm", [x, weight("fc1.weight", m.fc1.weight), weight("fc1.bias", m.fc1.bias)],
             "fc1", transB=1)
    x = node("Relu", [x], "relu4")
    x = node("Gemm", [x, weight("fc2.weight", m.fc2.weight), weight("fc2.bias", m.fc2.bias)],
             "logits", transB=1)
    node("Softmax", [x], "probabilities", axis=1)
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 10])], weights)
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                               producer_name="lpc models/digits/train.py")
    result.ir_version = 7
    onnx.checker.check_model(result)
    return result


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    data = load_digits()
    images = data.images.astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = data.target.astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(images))
    held, used = order[:HELD_OUT], order[HELD_OUT:]
    model = train(torch.from_numpy(images[used].astype(np.float32)),
                  torch.from_numpy(labels[used].astype(np.int64)))
    with torch.no_grad():
        answers = model(torch.from_numpy(images[held].astype(np.float32))).argmax(1).numpy()
    right = int((answers == labels[held]).sum())
    onnx.save(to_onnx(model), os.path.join(HERE, "digits.onnx"))
    np.save(os.path.join(HERE, "heldout.npy"), images[held])
    np.save(os.path.join(HERE, "labels.npy"), labels[held])
    print(f"held out: {right} of {len(held)} right ({100 * right / len(held):.1f} %)")


if __name__ == "__main__":
    main()
