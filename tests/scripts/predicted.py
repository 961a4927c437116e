#!/usr/bin/env python3
"""Predicted beside measured periods of pipelines on three devices with the client on a fourth.

Arguments: lpc, slow_link, a working folder, --print or --check, then models as NAME=FILE[,OPTION...]. A device is a
control group with a part of a processor (cpu.max or cpu.cfs_quota_us), a link a relay that lets 100 Mbit/s pass
(tests/tools/slow_link.c). Each device is measured by lpc in its group: by figures (lpc calibrate) and by layers
(lpc plan --measure). --check asks that what layers predict is within a factor of 1.5 of what is measured, in the best of
three runs, and prints the rest. --print prints a table."""
import json, os, pathlib, subprocess, sys, time

LINK = float(os.environ.get("LPC_LINK", 12.5e6))  # bytes per second: 100 Mbit/s
SHARES = {"a": 0.5, "b": 0.4, "c": 0.3}
PERIOD_US = 10000
WITHIN = 1.5

lpc, slow_link, work, mode = sys.argv[1:5]
work = pathlib.Path(work)


def stop(text):
    sys.exit("predicted: " + text)


def run(*command, group=None, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          preexec_fn=group and group.enter, **more)
    if done.returncode:
        stop("%s: status %d: %s" % (" ".join(map(str, command)), done.returncode, done.stderr[-600:]))
    return done.stdout


class Group:
    """A control group with a part of a processor; None where none can be made."""

    def __init__(self, name, share):
        text = {True: [("cpu.max", "%d %d" % (share * PERIOD_US, PERIOD_US))],
                False: [("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", "%d" % (share * PERIOD_US))]}
        for root, is_v2 in (("/sys/fs/cgroup/cpu", False), ("/sys/fs/cgroup", True)):
            self.folder = pathlib.Path(root) / ("lpc-%s-%d" % (name, os.getpid()))
            try:
                self.folder.mkdir()
            except OSError:
                continue
            try:
                for file, value in text[is_v2]:
                    if not (self.folder / file).exists():
                        raise OSError(file)
                    (self.folder / file).write_text(value)
                return
            except OSError:
                self.folder.rmdir()
        print("predicted: no control group with a CPU quota can be made here: skipped")
        sys.exit(77)

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        for _ in range(50):
            try:
                return self.folder.rmdir()
            except OSError:
                time.sleep(0.1)


class Pipeline:
    """The stages of a package in their groups, a relay before each and one for the results."""

    def __init__(self, package, groups):
        self.children = []
        names = [s["name"] for s in json.loads((package / "manifest.json").read_text())["stages"]]
        ahead = None
        for name in reversed(names):
            command = [package / name / "stage", "--serve", "--listen", "127.0.0.1:0"]
            port = self.start(command + (["--forward", ahead] if ahead else []), groups[name])
            if not ahead:
                self.last = self.relay(port)
            ahead = self.relay(port)
        self.first = ahead

    def start(self, command, group=None):
        child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True, preexec_fn=group and group.enter)
        self.children.append(child)
        return child.stdout.readline().split(":")[-1].strip()

    def relay(self, port):
        return "127.0.0.1:" + self.start([slow_link, port, LINK])

    def end(self):
        for child in self.children:
            child.kill()
        for child in self.children:
            child.wait()


def measure_devices(model, options, groups):
    """Target files by lpc calibrate, and the model's layers with their times on each device."""
    merged = None
    for name, group in groups.items():
        file = work / "targets" / (name + ".json")
        if not file.exists():
            run(lpc, "calibrate", "--quick", "--threads", "1", "-o", file, group=group)
        profile = work / "profile.json"
        run(lpc, "plan", model, "--target-dir", work / "targets", "--targets", name, "--measure", "--threads", "1",
            "--write-profile", profile, *options, group=group)
        read = json.loads(profile.read_text())
        if merged is None:
            merged = read
        else:
            merged["times"] += read["times"]
            merged["footprints"] += read["footprints"]
    return merged


def cluster():
    devices = []
    for name in SHARES:
        target = json.loads((work / "targets" / (name + ".json")).read_text())
        devices.append({"name": name, "target": name, "cores": 1, "memory": target["memory"],
                        **{k: target[k] for k in ("gflops", "memory_bandwidth", "call_overhead")}})
    return {"devices": devices, "default_link": {"bandwidth": LINK}, "client": {"bandwidth": LINK}}


def predict(model, options, merged):
    """The plan by the layers' times, and what figures alone say of the same stages."""
    (work / "cluster.json").write_text(json.dumps(cluster()))
    (work / "merged.json").write_text(json.dumps(merged))
    where = ["--target-dir", work / "targets", "--cluster", work / "cluster.json", "--use-all", "--json"]
    by_layers = json.loads(run(lpc, "plan", "--profile", work / "merged.json", *where))
    (work / "plan.json").write_text(json.dumps(by_layers))
    by_figures = json.loads(run(lpc, "plan", model, "--plan", work / "plan.json", *options, *where))
    return by_layers, by_figures


def measure(model, options, groups, frames):
    package = work / "out"
    run("rm", "-rf", package)
    run(lpc, model, "--quiet", "--target-dir", work / "targets", "--targets", ",".join(SHARES), "--plan",
        work / "plan.json", "-o", package, *options)
    pipeline = Pipeline(package, groups)
    try:
        ran = json.loads(run(lpc, "run", package, "--connect", pipeline.first, "--collect", pipeline.last, "--repeat",
                             frames, "--json"))
    finally:
        pipeline.end()
    return 1 / ran["throughput"], ran["latency_ms_median"] / 1e3


def without_ends(plan):
    return max(max(s["compute_s"], s["send_s"]) for s in plan["stages"])


def one(name, model, options, groups):
    good = False
    for _ in range(1 if mode == "--print" else 3):
        merged = measure_devices(model, options, groups)
        layers, figures = predict(model, options, merged)
        frames = min(max(40, int(2 / layers["bottleneck_s"])), 4000)  # what lies in sockets is a small part
        period, latency = measure(model, options, groups, frames)
        ratio = period / layers["bottleneck_s"]
        print("| %s | %s | %.1f | %.1f | %.1f | %.1f | %.2f | %.1f | %.1f |" % (
            name, layers["limiting"], without_ends(layers) * 1e3, figures["bottleneck_s"] * 1e3,
            layers["bottleneck_s"] * 1e3, period * 1e3, ratio, layers["latency_s"] * 1e3, latency * 1e3), flush=True)
        good = 1 / WITHIN < ratio < WITHIN
        if good or mode == "--print":
            return True
    print("FAILED: %s: a period of %.1f ms is predicted, %.1f measured" % (name, layers["bottleneck_s"] * 1e3,
                                                                      period * 1e3))
    return False


def main():
    (work / "targets").mkdir(exist_ok=True)
    groups = {}
    good = True
    try:
        for name, share in SHARES.items():
            groups[name] = Group(name, share)
        print("| model | limited by | without ends | by figures | by layers | measured | ratio | latency | measured |")
        print("|---|---|---|---|---|---|---|---|---|")
        for argument in sys.argv[5:]:
            name, file = argument.split("=", 1)
            file, *options = file.split(",")
            good = one(name, file, options, groups) and good
    finally:
        for group in groups.values():
            group.remove()
    sys.exit(not good)


main()
