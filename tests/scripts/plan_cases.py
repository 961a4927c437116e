#!/usr/bin/env python3
"""Writes the profiles and clusters of the planner's cases (docs/planning.md) into a folder."""
import json
import sys

out = sys.argv[1]


def write(name, data):
    with open(f"{out}/{name}.json", "w") as file:
        json.dump(data, file, indent=1)


def layer(name, **fields):
    return {"name": name, **fields}


# 1. An edge language model: 28 equal layers, three unequal devices.
devices = [
    {"name": "pc", "target": "pc", "gflops": 62.76, "memory": "988MB"},
    {"name": "pi", "target": "pi", "gflops": 30.46, "memory": "2.99GB"},
    {"name": "android", "target": "android", "gflops": 1.0, "memory": "770MB"},
]
link = {"bandwidth": "110MB", "latency": 0.0005}
write("edge-cluster", {"devices": devices, "default_link": link})
write("edge", {"layers": [layer(f"l{i}", weights="105MB", flops=105e6, out_bytes=3072)
                          for i in range(28)]})

# 2. The same, counted fully: hidden 1,536, feed-forward 8,960, 12 heads and 2 key/value heads of
# 128, vocabulary 151,936, bf16, q/k/v biases, output tied to the embedding: 338 tensors.
hidden, forward, kv, vocabulary = 1536, 8960, 256, 151936
matrices = 2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * forward
block = matrices + hidden + 2 * kv + 2 * hidden
embedding = 2 * vocabulary * hidden
layers = [layer("embed", flops=0, bytes=2 * hidden, out_bytes=2 * hidden)]
for i in range(28):
    layers.append(layer(f"block{i}", weights=2 * block, flops=2 * matrices, tensors=12,
                        out_bytes=2 * hidden))
layers.append(layer("norm", weights=2 * hidden, flops=4 * hidden, tensors=1, out_bytes=2 * hidden))
layers.append(layer("output", flops=2 * vocabulary * hidden, bytes=embedding,
                    out_bytes=2 * vocabulary))
write("full", {"layers": layers, "shared": [{"name": "embedding", "bytes": embedding,
                                             "layers": ["embed", "output"]}]})

# 3. Cache-sized partitions: 30e9 parameters in bf16 in 16 or 4 layers, 32 heads of 128, feed-forward
# 16,384 (so hidden = parameters of a layer / (4 * 4,096 + 3 * 16,384)). A batch of 128 sequences of
# 10,000 goes through as 128 frames of one sequence.
accelerator = {"name": "acc", "target": "acc", "gflops": 400e3, "memory_bandwidth": 2e12,
               "memory": "80GB", "count": 16, "call_overhead": 1e-5}
write("cache-cluster", {"devices": [accelerator],
                        "default_link": {"bandwidth": 100e9, "latency": 5e-6}})
sequence, width = 10000, 32 * 128
for count in (16, 4):
    parameters = 30e9 / count
    hidden = round(parameters / (4 * width + 3 * 16384))
    write(f"cache{count}", {"layers": [
        layer(f"l{i}", weights=int(2 * parameters),
              # its input and output, q, k, v and the two wide products
              activations=2 * sequence * (2 * hidden + 3 * width + 2 * 16384),
              flops=2 * parameters * sequence + 2 * 2 * sequence * sequence * width,
              out_bytes=2 * sequence * hidden, tensors=9)
        for i in range(count)]})

# 4. Vision models that others split by hand, by block, f32, from their published shapes.
phones = {"devices": [{"name": "a", "gflops": 20, "memory": "1GB"},
                      {"name": "b", "gflops": 10, "memory": "1GB"},
                      {"name": "c", "gflops": 5, "memory": "1GB"}],
          "default_link": {"bandwidth": "12.5MB", "latency": 0.001}}
write("phones", phones)


def block(name, weights, multiplies, channels, size):
    return layer(name, weights=4 * weights, flops=2 * multiplies, activations=4 * channels * size * size,
                 out_bytes=4 * channels * size * size)


layers, size, inputs = [block("stem", 864, 864 * 112 * 112, 32, 112)], 112, 32
for expand, outputs, repeat, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                        (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
    for k in range(repeat):
        wide, before = inputs * expand, size
        size //= stride if k == 0 else 1
        first = inputs * wide if expand > 1 else 0
        layers.append(block(f"block{len(layers)}", first + 9 * wide + wide * outputs,
                            first * before * before + (9 * wide + wide * outputs) * size * size,
                            outputs, size))
        inputs = outputs
layers.append(block("head", 320 * 1280, 320 * 1280 * 49, 1280, 1))
layers.append(block("classifier", 1280 * 1000, 1280 * 1000, 1000, 1))
write("mobilenetv2", {"layers": layers})

layers, size, inputs = [block("stem", 9408, 9408 * 112 * 112, 64, 56)], 56, 64
for outputs in (64, 128, 256, 512):
    for k in range(2):
        size //= 2 if k == 0 and outputs > 64 else 1
        weights = 9 * inputs * outputs + 9 * outputs * outputs
        weights += inputs * outputs if inputs != outputs else 0
        layers.append(block(f"block{len(layers)}", weights, weights * size * size, outputs, size))
        inputs = outputs
layers.append(block("classifier", 512000, 512000, 1000, 1))
write("resnet18", {"layers": layers})
