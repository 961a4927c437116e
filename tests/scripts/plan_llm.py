#!/usr/bin/env python3
"""Checks `lpc plan` on the model that make_llm writes: case 2 of docs/planning.md, from the graph itself.
Arguments: lpc, a folder with llm.onnx (no matrices are needed) and the files of plan_cases.py."""
import json

import plan_check as cases

DECODE = ["--bind", "seq=1", "--max", "past=256"]
for index in range(28):
    for kind in ("key", "value"):
        DECODE += ["--state", f"past.{index}.{kind}=present.{index}.{kind}"]
MODEL = ["plan", "llm.onnx", "--cluster", "edge-cluster.json", *DECODE]
EMBEDDING = 2 * 151936 * 1536
TOLERANCE = 0.01  # packed weights may be padded


def plan(*options):
    done = cases.run(*MODEL, "--json", "--write-profile", "llm.json", *options)
    if done.returncode:
        cases.fail(f"llm.onnx {options}: {done.stderr}")
    made = json.loads(done.stdout)
    cases.check_plan("llm", None, made)
    return made


def near(what, got, expected):
    if abs(got / expected - 1) > TOLERANCE:
        cases.fail(f"llm.onnx: {what}: got {got}, expected {expected}")


def by_hand():
    """8 layers with the embedding, 19, 1 with the final norm, and the output projection."""
    refused = cases.run(*MODEL, "--cut-after", "layer.7,layer.26")
    for word in ("bytes short", "on pc", "to 'layer.7.down'"):
        if refused.returncode != 1 or word not in refused.stderr:
            cases.fail(f"llm.onnx, 8/19/1: '{word}' is not in: {refused.stderr}")
    edge = cases.load("edge-cluster")
    edge["devices"].append({"name": "more", "gflops": 1, "memory": "10GB"})
    cases.write("four", edge)
    made = plan("--cluster", "four.json", "--capacity", "10GB", "--cut-after", "layer.7,layer.26,norm")
    cases.expect("llm.onnx: tensors", [s["tensors"] for s in made["stages"]], [97, 228, 13, 1])
    for stage, gib in zip(made["stages"], (1.132, 1.656, 89.26 / 1024, 445.1 / 1024)):
        near(f"weights from {stage['first']}", stage["weights"], gib * 2**30)
    return sum(s["weights"] for s in made["stages"]) - EMBEDDING


def best(weights):
    """As good as the plan of whole blocks, and no better than finer cuts can make it."""
    for options, devices in (([], ["pc", "pi"]), (["--order", "free"], ["android", "pc", "pi"])):
        made = plan(*options)
        cases.expect(f"llm.onnx {options}", [s["device"] for s in made["stages"]], devices)
        blocks = cases.plan("full", "edge-cluster", *options)
        if not 0.9 < made["bottleneck_s"] / blocks["bottleneck_s"] < 1 + TOLERANCE:
            cases.fail(f"llm.onnx {options}: {made['bottleneck_s']} s, blocks {blocks['bottleneck_s']} s")
        if made["gap"] > 1e-9:
            cases.fail(f"llm.onnx {options}: gap {made['gap']}")
        near("weights, the tied one on two devices", sum(s["weights"] for s in made["stages"]),
             weights + EMBEDDING)
    one = plan("--capacity", "10GB", "--targets", "pc")
    cases.expect("llm.onnx: tensors", [s["tensors"] for s in one["stages"]], [338])
    near("weights on one device", one["stages"][0]["weights"], weights)


best(by_hand())
