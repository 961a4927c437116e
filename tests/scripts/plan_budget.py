#!/usr/bin/env python3
"""Plans against the packages that are compiled from them. Arguments: lpc, its source, the shared folder,
a folder to work in."""
import json
import os
import subprocess
import sys

lpc, source, shared, work = sys.argv[1:5]
sanitized = os.environ.get("LPC_SANITIZED") == "1"
FIELDS = {"weights": "weights_bytes", "activations": "workspace_bytes", "state": "state_bytes",
          "queues": "queue_bytes", "code": "code_bytes", "memory": "memory_bytes", "budget": "budget_bytes"}


def fail(message):
    sys.exit(f"plan_budget: {message}")


def run(*arguments):
    return subprocess.run([lpc, *arguments], capture_output=True, text=True, cwd=work)


def plan(*arguments):
    done = run("plan", *arguments, "--json")
    if done.returncode:
        fail(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def model(name):
    return f"{shared}/models/{name}/model.onnx"


def target(name, memory):
    """The pc with so much memory, as a target of that name."""
    with open(f"{source}/targets/pc.json") as file:
        description = json.load(file)
    description["memory"] = memory
    description.pop("aliases", None)
    with open(f"{work}/{name}.json", "w") as file:
        json.dump(description, file)


def package(*arguments):
    """The manifest of a package that is compiled and removed again; None when it is refused."""
    done = run(*arguments, "--no-link", "--quiet", "-o", "out")
    if done.returncode:
        return None, done.stderr
    with open(f"{work}/out/manifest.json") as file:
        manifest = json.load(file)
    subprocess.run(["rm", "-r", f"{work}/out"], check=True)
    return manifest["stages"], ""


def same_figures(name, made, stages):
    if len(made["stages"]) != len(stages):
        fail(f"{name}: {len(made['stages'])} stages planned, {len(stages)} compiled")
    for planned, compiled in zip(made["stages"], stages):
        for field, other in FIELDS.items():
            if planned[field] != compiled[other]:
                fail(f"{name}, {planned['device']}: {field} {planned[field]}, {other} {compiled[other]}")


def same_plan(name, made, again):
    for ours, theirs in zip(made["stages"], again["stages"]):
        for field in ("device", "first", "last", "memory", "budget", "compute_s", "send_s"):
            if ours[field] != theirs[field]:
                fail(f"{name}: {field} {ours[field]} from the model, {theirs[field]} from its profile")


def check_model(name, path, *options):
    targets = ("--targets", "pc,pi,android")
    made = plan(path, *targets, *options, "--use-all", "--write-profile", "profile.json")
    again = plan("--profile", "profile.json", *targets, "--use-all")
    same_plan(name, made, again)
    stages, error = package(path, *targets, *options)
    if not stages:
        fail(f"{name}: {error}")
    same_figures(name, made, stages)


def check_exact(path, *options):
    """One device with exactly what the model needs, and with a byte less."""
    whole = plan(path, *options, "--targets", "pc")["stages"][0]["memory"]
    for memory, limit, fits in ((whole, "1", True), (whole - 1, "1", False), (2 * whole, "0.5", True),
                                (2 * whole - 2, "0.5", False)):
        target("tight", memory)
        tight = ("--target-dir", work, "--targets", "tight", "--memory-limit", limit)
        stages, error = package(path, *options, *tight)
        if bool(stages) != fits:
            fail(f"{memory} bytes, limit {limit}: {error or 'compiled'}; the model needs {whole}")
        if fits != (run("plan", path, *options, *tight).returncode == 0):
            fail(f"{memory} bytes, limit {limit}: lpc plan disagrees")
        if not fits and "needs" not in error:
            fail(f"{memory} bytes, limit {limit}: {error}")


def check_compact(path):
    """A convolution's weights are transformed where there is room, and only there."""
    roomy = plan(path, "--targets", "pc")["stages"][0]
    target("tight", roomy["memory"] - 1)
    tight = ("--target-dir", work, "--targets", "tight")
    made = plan(path, *tight)
    if not made["stages"][0].get("compact") or made["stages"][0]["weights"] >= roomy["weights"]:
        fail("no compact stage where the budget asks for one")
    stages, error = package(path, *tight)
    if not stages:
        fail(f"compact: {error}")
    same_figures("compact", made, stages)


def check_split(path):
    """Two devices of which neither holds the model: the plan is within their budgets."""
    whole = plan(path, "--targets", "pc")["stages"][0]
    part = int((whole["weights"] + whole["activations"]) * 0.6) + whole["queues"] + whole["code"]
    for name in ("one", "two"):
        target(name, part)
    made = plan(path, "--target-dir", work, "--targets", "one,two", "--objective", "memory")
    if len(made["stages"]) != 2 or not made["exact"]:
        fail(f"split: {len(made['stages'])} stages, exact: {made['exact']}")
    for stage in made["stages"]:
        if stage["memory"] > stage["budget"]:
            fail(f"split: {stage['device']} needs {stage['memory']} of {stage['budget']}")
    stages, error = package(path, "--target-dir", work, "--targets", "one,two", "--objective", "memory")
    if not stages:
        fail(f"split: {error}")
    same_figures("split", made, stages)


digits = f"{source}/models/digits/digits.onnx"
check_model("digits", digits)
check_exact(digits)
if os.path.exists(model("squeezenet1.0-imagenet")):
    check_compact(model("squeezenet1.0-imagenet"))
    check_split(model("squeezenet1.0-imagenet"))
    if not sanitized:
        for name in ("ultraface-rfb-320", "gtcrn-simple", "fastestdet", "mlperf-tiny-resnet8-qop"):
            check_model(name, model(name))
        check_model("stories260k-kv", model("stories260k-kv"), "--bind", "batch=1", "--bind", "seq=1",
                    "--max", "past=256", *[option for layer in range(5) for kind in ("key", "value")
                                           for option in ("--state", f"past.{layer}.{kind}=present.{layer}.{kind}")])
print("plan_budget: plans say what stages need")
