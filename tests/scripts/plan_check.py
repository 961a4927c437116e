#!/usr/bin/env python3
"""Checks `lpc plan` and `lpc simulate` on the cases of docs/planning.md. Arguments: lpc, a folder that
plan_cases.py filled."""
import json
import subprocess
import sys

lpc, folder = sys.argv[1:3]


def run(*arguments):
    return subprocess.run([lpc, *arguments], capture_output=True, text=True, cwd=folder)


def fail(message):
    sys.exit(f"plan: {message}")


def plan(profile, cluster, *options):
    done = run("plan", "--profile", f"{profile}.json", "--cluster", f"{cluster}.json", "--json", *options)
    if done.returncode:
        fail(f"{profile} {options}: {done.stderr}")
    made = json.loads(done.stdout)
    check_plan(profile, cluster, made)
    return made


def refused(profile, cluster, options, *words):
    done = run("plan", "--profile", f"{profile}.json", "--cluster", f"{cluster}.json", *options)
    if done.returncode != 1 or done.stdout:
        fail(f"{profile} {options}: expected an error, got {done.returncode}: {done.stdout}")
    for word in words:
        if word not in done.stderr:
            fail(f"{profile} {options}: '{word}' is not in: {done.stderr}")


def load(name):
    with open(f"{folder}/{name}.json") as file:
        return json.load(file)


def write(name, data):
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(data, file)


def check_plan(profile, cluster, made):
    """Each layer once, in order; memory adds up and is within budget; times add up."""
    names = [layer["name"] for layer in load(profile)["layers"]]
    at = 0
    for stage in made["stages"]:
        if names[at] != stage["first"]:
            fail(f"{profile}: stage of {stage['device']} starts with {stage['first']}, not {names[at]}")
        at = names.index(stage["last"]) + 1
        parts = sum(stage[part] for part in
                    ("weights", "activations", "buffers", "state", "queues", "code"))
        if parts != stage["memory"] or parts > stage["budget"]:
            fail(f"{profile}: {stage['device']}: {parts}, {stage['memory']} of {stage['budget']}")
    if at != len(names):
        fail(f"{profile}: layers from {names[at]} on are left out")
    overlap = made["overlap"]
    periods = [max(s["compute_s"], s["send_s"]) if overlap else s["compute_s"] + s["send_s"]
               for s in made["stages"]]
    latency = sum(s["compute_s"] + s["send_s"] for s in made["stages"])
    for got, expected in ((made["bottleneck_s"], max(periods)), (made["latency_s"], latency)):
        if abs(got - expected) > 1e-9 * expected + 1e-15:
            fail(f"{profile}: {got} s, expected {expected} s")
    if made["gap"] < 0:
        fail(f"{profile}: gap {made['gap']}")


def layers_of(profile, made):
    names = [layer["name"] for layer in load(profile)["layers"]]
    return {s["device"]: names.index(s["last"]) - names.index(s["first"]) + 1 for s in made["stages"]}


def expect(what, got, expected):
    if got != expected:
        fail(f"{what}: got {got}, expected {expected}")


def edge():
    edge_options = ("edge", "edge-cluster", "--targets", "pc,pi,android", "--memory-limit", "0.9")
    used = plan(*edge_options, "--use-all")
    expect("edge, all devices", layers_of("edge", used), {"pc": 8, "pi": 19, "android": 1})
    shares = [round(100 * s["memory"] / s["device_memory"]) for s in used["stages"]]
    expect("edge, all devices, memory", shares, [85, 67, 14])
    best = plan(*edge_options)
    expect("edge", layers_of("edge", best), {"pc": 8, "pi": 20})
    if best["bottleneck_s"] >= used["bottleneck_s"] or best["latency_s"] >= used["latency_s"]:
        fail("edge: leaving android out is not faster")
    even = plan(*edge_options, "--objective", "memory")
    if even["fraction"] >= best["fraction"]:
        fail("edge: the memory objective does not balance")


def full():
    names = ("full", "edge-cluster")
    profile = load("full")
    tensors = sum(layer.get("tensors", 0) for layer in profile["layers"]) + 1
    expect("full: tensors", tensors, 338)
    refused(*names, ["--split", "9,19,3"], "227518720 bytes short", "on pc", "'embed' to 'block7'")
    first = plan(*names)
    expect("full, fixed", layers_of("full", first), {"pc": 6, "pi": 25})
    free = plan(*names, "--order", "free")
    expect("full, free", [s["device"] for s in free["stages"]], ["android", "pc", "pi"])
    if free["bottleneck_s"] >= first["bottleneck_s"]:
        fail("full: the free order is not faster")
    twice = plan(*names, "--use-all")  # embedding and output on different devices: the weight twice
    weights = sum(s["weights"] for s in twice["stages"])
    once = sum(layer.get("weights", 0) for layer in profile["layers"])
    expect("full: tied weight", weights, once + 2 * profile["shared"][0]["bytes"])


def cache():
    for name, count in (("cache16", 16), ("cache4", 4)):
        refused(name, "cache-cluster", ["--objective", "partitions", "--capacity", "50MB"],
                "layer 'l0'", f"and {count - 1} other layers", "tiles fit with a working set of")
        expect(name, len(plan(name, "cache-cluster", "--objective", "partitions")["stages"]), 2)
        pipeline = plan(name, "cache-cluster")
        expect(name, len(pipeline["stages"]), count)
        write("plan", pipeline)
        done = run("simulate", "plan.json", "--frames", "128", "--tokens", "10000", "--json", "--profile",
                   f"{name}.json", "--cluster", "cache-cluster.json", "--tensor-parallel", "8",
                   "--pipeline", "2")
        result = json.loads(done.stdout)
        if abs(result["period_s"] / pipeline["bottleneck_s"] - 1) > 1e-6:
            fail(f"{name}: simulated period {result['period_s']}, planned {pipeline['bottleneck_s']}")
        if abs(result["latency_s"] / pipeline["latency_s"] - 1) > 1e-6:
            fail(f"{name}: simulated latency {result['latency_s']}, planned {pipeline['latency_s']}")
        if not result["alternative"]["tokens_per_second"] > 0:
            fail(f"{name}: no alternative")


def vision():
    """By hand as others split them, and by the planner: no worse."""
    for name, devices, split in (("mobilenetv2", "a,b", "9,11"), ("resnet18", "a,b,c", "4,3,3")):
        hand = plan(name, "phones", "--targets", devices, "--split", split)
        for options in ([], ["--use-all"], ["--order", "free"], ["--objective", "latency"]):
            ours = plan(name, "phones", "--targets", devices, *options)
            value = "latency_s" if "latency" in options else "bottleneck_s"
            if ours[value] > hand[value]:
                fail(f"{name} {options}: {ours[value]} s, by hand {hand[value]} s")
        if "--print" in sys.argv:
            print(name, hand["bottleneck_s"], plan(name, "phones", "--targets", devices)["bottleneck_s"],
                  layers_of(name, plan(name, "phones", "--targets", devices)))


def device(name, **fields):
    return {"name": name, "gflops": 10, "memory": "1GB", **fields}


def chain(count, **fields):
    return {"layers": [{"name": f"l{i}", "weights": "10MB", "flops": 1e8, "out_bytes": 1000, **fields}
                       for i in range(count)]}


def corners():
    write("small", chain(4))
    write("one", {"devices": [device("a")]})
    expect("one device", layers_of("small", plan("small", "one", "--use-all")), {"a": 4})
    write("many", {"devices": [device("a", count=6)]})
    expect("more devices than layers", len(plan("small", "many")["stages"]), 4)
    refused("small", "many", ["--use-all"], "6 devices are to be used", "only 4 layers")
    write("none", {"devices": [device("a", memory=0), device("b")]})
    expect("no memory", layers_of("small", plan("small", "none")), {"b": 4})
    refused("small", "none", ["--use-all"], "device 'a'", "holds no layer")
    write("empty", {"devices": [device("a", memory=0)]})
    refused("small", "empty", [], "layer 'l0'", "fits on no device")
    # What would help depends on what the layer is made of.
    for kind, helps in (("activations", True), ("buffers", False)):
        write("large", {"layers": [{"name": "l0", "weights": 1000, "activations": 2000, kind: "2GB"}]})
        done = run("plan", "--profile", "large.json", "--cluster", "one.json")
        expect(f"{kind}: a smaller batch helps", "a smaller batch" in done.stderr, helps)
    # Equal layers on equal devices: as even as can be.
    write("twelve", chain(12))
    write("equal", {"devices": [device("a", count=4)], "default_link": {"bandwidth": "1GB"}})
    for order in ("fixed", "free"):
        made = plan("twelve", "equal", "--order", order)
        expect("equal devices", sorted(layers_of("twelve", made).values()), [3, 3, 3, 3])
    # Over a link a hundred times slower nothing is sent; in the other order it is worth it.
    slow = {"from": "a", "to": "b", "bandwidth": "1kB"}
    fast = {"from": "b", "to": "a", "bandwidth": "100kB"}
    write("slow", {"devices": [device("a"), device("b")], "links": [slow, fast]})
    expect("slow link", len(plan("twelve", "slow")["stages"]), 1)
    expect("slow link, free order",
           [s["device"] for s in plan("twelve", "slow", "--order", "free")["stages"]], ["b", "a"])
    # A cut through a residual connection carries both tensors.
    profile = chain(3)
    profile["live"] = [{"name": "x", "from": "l0", "to": "l2", "bytes": 500},
                       {"name": "y", "from": "l1", "to": "l2", "bytes": 700}]
    write("residual", profile)
    made = plan("residual", "many", "--use-all", "--targets", "a,a-2,a-3")
    expect("residual", [s["out_bytes"] for s in made["stages"]], [500, 1200, 0])


def plan_files():
    """A plan that is written and read back, and edited ones that are refused."""
    good = plan("twelve", "equal")
    write("good", good)
    done = run("plan", "--profile", "twelve.json", "--cluster", "equal.json", "--plan", "good.json", "--json")
    again = json.loads(done.stdout)
    expect("a plan read back", again["stages"], good["stages"])

    def edited(change, *words):
        wrong = json.loads(json.dumps(good))
        change(wrong["stages"])
        write("wrong", wrong)
        refused("twelve", "equal", ["--plan", "wrong.json"], "wrong.json", *words)

    edited(lambda s: s[1].update(first="l4"), "'l3'", "left out")
    edited(lambda s: s[3].update(last="l10"), "'l11'", "left out")
    edited(lambda s: s[1].update(first="l2"), "'l2'", "repeated")
    edited(lambda s: s.__setitem__(slice(1, 3), [s[2], s[1]]), "'l3'", "out of order")
    edited(lambda s: s[1].update(first="l5", last="l3"), "left out or out of order")
    edited(lambda s: s[2].update(layers=["l7", "l6", "l8"]), "out of order")
    edited(lambda s: s[2].update(layers=["l6", "l8"]), "'l7'", "left out")
    edited(lambda s: s[2].update(device="a"), "device 'a' runs a stage already")
    edited(lambda s: s[2].update(device="z"), "no device 'z'")
    edited(lambda s: s[2].update(last="nothing"), "no layer 'nothing'")
    edited(lambda s: s.clear(), "a list of stages")
    tight = {"devices": [device("a", count=4, memory="20MB")]}
    write("tight", tight)
    refused("twelve", "tight", ["--plan", "good.json"], "bytes short")


def by_hand():
    """Cuts after layers are those by numbers of layers; wrong ones are refused."""
    numbers = plan("twelve", "equal", "--split", "2,7,3")
    names = plan("twelve", "equal", "--cut-after", "l1,l8")
    expect("cuts by name", names["stages"], numbers["stages"])
    for cuts, word in (("l1,nothing", "no layer 'nothing'"), ("l11", "nothing is left after layer 'l11'"),
                       ("l8,l1", "'l1' does not come after layer 'l8'"),
                       ("l1,l2,l3,l4", "5 stages: there are 4 devices")):
        refused("twelve", "equal", ["--cut-after", cuts], word)
    done = run("plan", "--profile", "twelve.json", "--cluster", "equal.json", "--split", "12",
               "--cut-after", "l1")
    expect("two ways at once", done.returncode, 2)


def wrong_files():
    for name, data, words in (
            ("no-list", {"layers": 3}, "a list of layers"),
            ("twice", {"layers": [{"name": "a"}, {"name": "a"}]}, "two layers"),
            ("negative", {"layers": [{"name": "a", "weights": -1}]}, "field 'weights'"),
            ("misspelt", {"layers": [{"name": "a", "wieghts": 1}]}, "unknown field 'wieghts'"),
            ("unit", {"layers": [{"name": "a", "weights": "1 gigabyte"}]}, "field 'weights'")):
        write(name, data)
        refused(name, "one", [], f"{name}.json", words)
    write("no-speed", {"devices": [{"name": "a", "memory": 1}]})
    refused("small", "no-speed", [], "device 'a'", "'gflops'")
    write("huge", {"devices": [device("a", memory=1e300)]})
    refused("small", "huge", [], "'memory'")


if __name__ == "__main__":
    edge()
    full()
    cache()
    vision()
    corners()
    plan_files()
    by_hand()
    wrong_files()
