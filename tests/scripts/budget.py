#!/usr/bin/env python3
"""Runs compiled stages, each in a memory control group of its own, limited to what the plan gives it.
Arguments: lpc, in_group, a working folder, the folder of real models, our own model. budget.sh says what
is checked. --print adds a table for docs/planning.md."""
import atexit
import contextlib
import filecmp
import json
import os
import signal
import subprocess
import sys
import time

from pipeline_models import DECODER, DECODER_CUT

LPC, IN_GROUP, WORK, SHARED, DIGITS = sys.argv[1:6]
TIMEOUT = 60


def fail(message):
    sys.exit(f"budget: {message}")


def skip(message):
    print(f"budget: {message}: skipped")
    sys.exit(77)


class Group:
    """A memory control group, of version 1 or 2."""
    root, version = None, 0
    all = []

    @classmethod
    def find(cls):
        with open("/proc/self/mounts") as file:
            mounts = [line.split()[1:4] for line in file]
        for path, kind, options in mounts:
            if kind == "cgroup" and "memory" in options.split(","):
                cls.root, cls.version = path, 1
            if kind == "cgroup2" and not cls.root:
                with contextlib.suppress(OSError), open(f"{path}/cgroup.subtree_control") as file:
                    if "memory" in file.read().split():
                        cls.root, cls.version = path, 2
        if not cls.root:
            skip("no memory control groups here")

    def __init__(self, name, limit):
        self.path = f"{Group.root}/lpc-test-{os.getpid()}-{name}"
        try:
            os.mkdir(self.path)
        except OSError as error:
            skip(f"no memory control group can be made ({error.strerror})")
        Group.all.append(self)
        try:
            # Without swap, which would hide a limit that is too low.
            if Group.version == 1:
                self.put("memory.limit_in_bytes", limit)
                self.put("memory.swappiness", 0)
            else:
                self.put("memory.max", limit)
                if os.path.exists(f"{self.path}/memory.swap.max"):
                    self.put("memory.swap.max", 0)
            self.kills()
            self.peak()
        except OSError as error:
            skip(f"memory control groups here do not do what is needed ({error})")

    def put(self, name, value):
        with open(f"{self.path}/{name}", "w") as file:
            file.write(str(value))

    def get(self, name):
        with open(f"{self.path}/{name}") as file:
            return file.read()

    def peak(self):
        return int(self.get("memory.max_usage_in_bytes" if Group.version == 1 else "memory.peak"))

    def kills(self):
        fields = self.get("memory.oom_control" if Group.version == 1 else "memory.events").split()
        return int(fields[fields.index("oom_kill") + 1])

    def remove(self):
        Group.all.remove(self)
        for _ in range(100):
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
                return
            time.sleep(0.05)  # its last process is still going


class Stage:
    all = []

    def __init__(self, out, stage, limit, forward):
        self.name = stage["name"]
        self.group = Group(self.name, limit)
        self.stats = f"{WORK}/{self.name}.stats"
        self.process = subprocess.Popen(
            [IN_GROUP, f"{self.group.path}/cgroup.procs", f"{out}/{stage['program']}", "--listen",
             "127.0.0.1:0", *(["--forward", forward] if forward else []), "--stats", self.stats,
             "--timeout", str(TIMEOUT)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        Stage.all.append(self)
        words = self.process.stdout.readline().split()  # "listening on HOST:PORT"; none when killed
        self.address = words[-1] if words else None

    def end(self):
        """Its exit status, what it said and its peaks."""
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.said = self.process.communicate()[1].strip()
        self.status = self.process.returncode
        self.peak, self.kills = self.group.peak(), self.group.kills()
        self.group.remove()


@atexit.register
def clean_up():
    for stage in Stage.all:
        if stage.process.poll() is None:
            stage.process.kill()
    for group in list(Group.all):
        group.remove()


def lpc(*arguments):
    done = subprocess.run([LPC, *arguments], capture_output=True, text=True)
    if done.returncode:
        fail(f"lpc {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def load(path):
    with open(path) as file:
        return json.load(file)


def memory_of(stage):
    """What the plan gives a stage, in bytes: all that is counted, code and runtime too."""
    parts = ("weights", "workspace", "state", "queue", "code")
    assert stage["memory_bytes"] == sum(stage[f"{part}_bytes"] for part in parts), stage
    return stage["memory_bytes"]


def run_limited(out, limits, options):
    """The stages of a package, started by hand from the last to the first, and fed by `lpc run`. Returns
    them ended; an output folder appears only when everything went well."""
    stages, forward = [], None
    for stage, limit in reversed(list(zip(load(f"{out}/manifest.json")["stages"], limits))):
        stages.insert(0, Stage(out, stage, limit, forward))
        forward = stages[0].address
        if not forward:
            break
    feeder = None
    if forward:
        feeder = subprocess.run([LPC, "run", out, "--connect", forward, "--collect", stages[-1].address,
                                 "--timeout", str(TIMEOUT), "--output", f"{out}.limited", *options],
                                capture_output=True, text=True)
    else:
        for stage in stages[1:]:
            stage.process.kill()
    for stage in stages:
        stage.end()
    return stages, feeder


def compile_model(name, file, targets, *options):
    lpc(file, "--quiet", "-o", f"{WORK}/{name}", "--targets", targets, *options)
    return f"{WORK}/{name}"


def same_outputs(name, one, other):
    files = sorted(os.listdir(one))
    if not files or files != sorted(os.listdir(other)):
        fail(f"{name}: outputs {files} and {sorted(os.listdir(other))}")
    for file in files:
        if not filecmp.cmp(f"{one}/{file}", f"{other}/{file}", shallow=False):
            fail(f"{name}: {file} differs from that of the model as one stage")


def rss_of(stage):
    return load(stage.stats)["peak_rss_bytes"]


def check(name, out, limits, options):
    """Right outputs, no stage killed, peaks within limits: those of the group, and of all that is mapped,
    which counts the C library too. Returns the stages."""
    stages, feeder = run_limited(out, limits, options)
    for stage, limit in zip(stages, limits):
        if stage.kills or stage.status or stage.peak > limit:
            fail(f"{name}: stage '{stage.name}': status {stage.status}, {stage.kills} times killed for "
                 f"memory, peak {stage.peak} of {limit}: {stage.said}")
        if rss_of(stage) > limit:
            fail(f"{name}: stage '{stage.name}': {rss_of(stage)} bytes resident of {limit}")
    if len(stages) < len(limits) or feeder.returncode:
        fail(f"{name}: {feeder.stderr if feeder else 'a stage does not start'}")
    same_outputs(name, f"{out}.expected", f"{out}.limited")
    return stages


def expected(name, out, file, compile_options, run_options):
    whole = compile_model(f"{name}.whole", file, "host", *compile_options)
    lpc("run", whole, "--output", f"{out}.expected", *run_options)


NOISE = ("--seed", "7", "--repeat", "16")  # half of the frames one after the other: queues are full


def planned(name, file, targets, compile_options=(), run_options=NOISE):
    """Each stage within what its plan says."""
    out = compile_model(name, file, targets, *compile_options)
    expected(name, out, file, [o for o in compile_options if o not in ("--cut-after", CUTS.get(name))],
             run_options)
    limits = [memory_of(stage) for stage in load(f"{out}/manifest.json")["stages"]]
    stages = check(name, out, limits, run_options)
    for stage, limit in zip(stages, limits):
        if "--print" in sys.argv:
            print(f"| {name} | {stage.name} | {limit:,} | {stage.peak:,} | {100 * stage.peak / limit:.0f} % "
                  f"| {rss_of(stage):,} |")
    return out, limits, [stage.peak for stage in stages]


def tight(name, file):
    """Two devices that hold three fifths of the model each: the planner's choice runs within them."""
    whole = memory_of(load(f"{WORK}/{name}.whole/manifest.json")["stages"][0])
    host = json.loads(lpc("targets", "--json"))[0]
    target = {key: host[key] for key in ("description", "triple", "cpu", "cores", "gflops", "memory_bandwidth",
                                         "call_overhead", "cflags", "cc", "link_flags", "emulator")}
    target["ar"] = ["ar"]
    target["features"] = [feature for feature in host["features"].split(",") if feature]
    target["vector"] = {"bits": host["vector_bits"], "registers": host["vector_registers"]}
    target["isa"] = {key: host[key] for key in ("fma", "fp16", "dot")}
    target["cache"] = {key: host[key] for key in ("l1d", "l2", "l3")}
    target["memory"] = whole * 3 // 5
    with open(f"{WORK}/small.json", "w") as to:
        json.dump(target, to)
    out = compile_model(f"{name}.tight", file, "small,small", "--target-dir", WORK)
    os.rename(f"{WORK}/{name}.expected", f"{out}.expected")
    stages = load(f"{out}/manifest.json")["stages"]
    if len(stages) != 2:
        fail(f"{name}: {len(stages)} stages of devices that hold three fifths each")
    check(f"{name} on small devices", out, [target["memory"]] * 2, NOISE)


def too_little(name, out, limits, peaks):
    """The harness sees a stage that is over its limit: by a megabyte, and with half of its weights."""
    weights = load(f"{out}/manifest.json")["stages"][0]["weights_bytes"]
    for limit in (peaks[0] - (1 << 20), weights // 2):
        stages, feeder = run_limited(out, [limit, *limits[1:]], NOISE)
        if not stages[0].kills or stages[0].status != -signal.SIGKILL:
            fail(f"{name}: {limit} bytes are enough for '{stages[0].name}': status {stages[0].status}, "
                 f"peak {stages[0].peak}")
        if feeder and feeder.returncode == 0:
            fail(f"{name}: results without its first stage")


CUTS = {"mobilenetv2": "block8", "resnet18": "block3,block6", "stories260k-kv": DECODER_CUT}


def main():
    Group.find()
    Group("probe", 1 << 30).remove()
    planned("digits", DIGITS, "host,host,host")
    mobile = planned("mobilenetv2", f"{WORK}/mobilenetv2.onnx", "host,host",
                     ("--cut-after", CUTS["mobilenetv2"]))
    too_little("mobilenetv2", *mobile)
    tight("mobilenetv2", f"{WORK}/mobilenetv2.onnx")
    planned("resnet18", f"{WORK}/resnet18.onnx", "host,host,host", ("--cut-after", CUTS["resnet18"]))
    if not os.path.isdir(SHARED):
        print(f"budget: no {SHARED} here: real models skipped")
        return
    for name in ("ultraface-rfb-320", "mlperf-tiny-resnet8-qdq", "squeezenet1.0-imagenet"):
        planned(name, f"{SHARED}/{name}/model.onnx", "host,host,host")
    planned("stories260k-kv", f"{SHARED}/stories260k-kv/model.onnx", "host,host,host",
            (*DECODER, "--cut-after", CUTS["stories260k-kv"]),
            ("--seed", "7", "--repeat", "256", "--feedback", "input_ids=argmax(logits)"))


main()
