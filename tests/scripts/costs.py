"""One number for what a layer does: the planner's, the manifest's, the profile's and the report's FLOPs agree,
and are those of arithmetic done by hand. costs.py LPC CASES SHARED"""
import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import onnx_reader
import onnx_writer as onnx

LPC, WORK, SHARED = sys.argv[1], sys.argv[2], sys.argv[3]
LISTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../conformance/unsupported.txt")
# Of ../shared/models: with operators that are not supported, as models.sh knows, too.
FOREIGN = {"espcn-superres", "tree-ensemble-classifier"}
failures = []
refusals = {}  # what lpc said of models that it did not compile, by name


def text(name, string):
    return onnx.field(1, name) + onnx.field(4, string) + onnx.field(20, 3)


def run(*command):
    done = subprocess.run([LPC, *command], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def short(flops):
    """As lib/report prints it."""
    units = ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"]
    unit = 0
    while flops >= 999.5 and unit < 4:
        flops, unit = flops / 1000, unit + 1
    return f"{flops:.3g}&nbsp;{units[unit]}"


def bindings(model):
    """Options for a model that is not compiled as it is: the sizes of its first data, and with them the
    contents of its small inputs, as `lpc check` tries."""
    data = os.path.join(os.path.dirname(model), "test_data_set_0")
    sizes, inputs = {}, []
    for i, (name, symbols) in enumerate(onnx_reader.inputs(model)):
        path = f"{data}/input_{i}.pb"
        if not os.path.exists(path):
            return []
        kind, dims = onnx_reader.tensor(path)
        sizes.update((s, d) for s, d in zip(symbols, dims) if s)
        is_float, count = kind in (1, 10, 11, 16), 1
        for d in dims:
            count *= d
        if (kind in (6, 7) or is_float and len(dims) <= (i > 0)) and len(dims) < 2 and count <= 64:
            inputs += ["--bind-input", f"{name}={path}"]
    shapes = [o for s, d in sizes.items() for o in ("--bind", f"{s}={d}")]
    return [o for o in (shapes, shapes + inputs) if o]


def compile_some_way(name, model, options, out):
    """The options it took; None where nothing helps: refusals[name] is about the first try."""
    for more in [[]] + (bindings(model) if "test_data_set_0" in os.listdir(os.path.dirname(model)) else []):
        command = [LPC, model, *options, *more, "--emit", "c", "--no-link", "--quiet", "-o", out]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            refusals.pop(name, None)
            return [*options, *more]
        refusals.setdefault(name, done.stderr.strip() or f"exit status {done.returncode}")
    return None


def compare(name, model, options=(), deep=False):
    """Compiles; the package's files must agree. Its FLOPs, or None where it is not supported."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        out = os.path.join(folder, "out")
        options = compile_some_way(name, model, options, out)
        if options is None:
            return None
        manifest, profile = read(out + "/manifest.json"), read(out + "/layers.json")
        total, at = 0, 0
        for stage in manifest["stages"]:
            kernels = read(f"{out}/{stage['folder']}/manifest.json")["kernels"]
            with open(f"{out}/{stage['folder']}/model.c", encoding="utf-8", errors="replace") as file:
                said = [float(n) for n in re.findall(r"at most (\d+) operations", file.read())]
            own = sum(k["flops"] for k in kernels)
            prints = [f for f in profile.get("footprints", []) if f["target"] == stage["target"]]
            small = [f for f in prints if f.get("compact")]
            end = at + stage["layers"]
            planned = [sum(f.get("flops", [])[at:end]) for f in prints]
            if planned and own not in planned:
                failures.append(f"{name}: {stage['name']}: kernels do {own}, planned are {planned}")
            if planned and not small and stage["flops"] != planned[0]:
                failures.append(f"{name}: manifest {stage['flops']}, planned {planned[0]}")
            if sum(said) != own or stage["flops"] != own:
                failures.append(f"{name}: kernels {own}, comments {sum(said)}, stage {stage['flops']}")
            total, at = total + stage["flops"], end
        if deep:
            if f"FLOPs: {total:.0f}" not in (run("inspect", model, *options) or "").splitlines():
                failures.append(f"{name}: lpc inspect does not say {total:.0f}")
            with open(out + "/report.html", encoding="utf-8") as file:
                if short(total) not in file.read():
                    failures.append(f"{name}: the report does not say {short(total)}")
        return total


def model(name, op, shapes, out, attributes=(), opset=17, more=(), dtypes=None):
    """One node, and `more` after it."""
    path = f"{WORK}/{name}.onnx"
    names = [f"x{i}" for i in range(len(shapes))]
    inputs = [onnx.value(n, s, (dtypes or {}).get(i, onnx.FLOAT))
              for i, (n, s) in enumerate(zip(names, shapes))]
    first = onnx.node(op, names, ["t" if more else "y"], name, attributes=attributes)
    onnx.save(path, onnx.graph([first, *more], inputs, [onnx.value("y", out)]), opset)
    return path


def stft():
    """7 frames of 16 samples, each 8 behind the one before, multiplied by a window; 9 values of each."""
    path, whole = f"{WORK}/stft.onnx", [("step", 8), ("length", 16)]
    constants = [onnx.contents(name, [], [number], 7) for name, number in whole]
    constants.append(onnx.contents("window", [16], [0.5 + i / 16 for i in range(16)]))
    one = onnx.node("STFT", ["x", "step", "window", "length"], ["y"], "stft")
    onnx.save(path, onnx.graph([one], [onnx.value("x", [1, 64, 1])], [onnx.value("y", [1, 7, 9, 2])],
                               constants), 17)
    return path


def branches():
    """A product on either side, the one half of the other."""
    path, sides = f"{WORK}/if.onnx", []
    for name, a, b in (("then", "x0", "x1"), ("else", "x2", "x3")):
        inner = onnx.graph([onnx.node("MatMul", [a, b], [name + "_y"], name)], (),
                           [onnx.value(name + "_y", [8, 64])])
        sides.append(onnx.attribute_graph(name + "_branch", inner))
    shapes = [[8, 32], [32, 64], [8, 16], [16, 64]]
    inputs = [onnx.value(f"x{i}", s) for i, s in enumerate(shapes)] + [onnx.value("cond", [], 9)]
    one = onnx.node("If", ["cond"], ["y"], "if", attributes=sides)
    onnx.save(path, onnx.graph([one], inputs, [onnx.value("y", [8, 64])]), 17)
    return path


def check(name, path, least, most, *options):
    flops = compare(name, path, options, deep=True)
    if flops is None:
        failures.append(f"{name}: is not compiled: {refusals[name]}")
    elif not least <= flops <= most:
        failures.append(f"{name}: {flops:.0f} FLOP, expected {least:.0f} to {most:.0f}")


def own_cases():
    relu = onnx.node("Relu", ["t"], ["y"], "relu")
    i = onnx.attribute_int
    product = 2 * 8 * 32 * 64
    check("matmul", model("matmul", "MatMul", [[8, 32], [32, 64]], [8, 64]), product, 1.1 * product)
    check("relu", model("relu", "MatMul", [[8, 32], [32, 64]], [8, 64], more=[relu]),
          product + 512, 1.1 * product + 1024)
    check("portable", model("portable", "MatMul", [[8, 32], [32, 64]], [8, 64]), product,
          1.1 * product, "--portable")
    check("plain", model("plain", "MatMul", [[8, 32], [32, 64]], [8, 64]), product, 1.1 * product,
          "--no-plan")
    conv = 2 * 8 * 64 * 36
    check("conv", model("conv", "Conv", [[1, 4, 10, 10], [8, 4, 3, 3]], [1, 8, 8, 8]),
          conv, 1.1 * conv)
    products, scores = 4 * 2 * 64 * 128 * 16, 2 * 64 * 128
    check("attention", model("attention", "Attention", [[1, 2, 64, 16], [1, 2, 128, 16], [1, 2, 128, 16]],
                             [1, 2, 64, 16], opset=23),
          products + 20 * scores, products + 40 * scores)
    einsum = 2 * 2 * 8 * 16 * 32
    check("einsum", model("einsum", "Einsum", [[2, 8, 16], [2, 32, 16]], [2, 8, 32],
                          [text("equation", "bij,bkj->bik")]), einsum, 1.3 * einsum)
    dft = 4 * 64 * 64
    check("dft", model("dft", "DFT", [[1, 64, 2]], [1, 64, 2], [i("axis", 1)]), 2 * dft, 4 * dft)
    terms = 7 * 9 * 16  # of each: the window, a product and a sum for the real and the imaginary part
    check("stft", stft(), 5 * terms, 6 * terms)
    # Both sides of an If count (docs/planning.md), and perhaps a copy of each result.
    check("if", branches(), 1.5 * product, 1.1 * 1.5 * product)
    columns = 4 * 9 * 64
    deform = 2 * 8 * 64 * 36
    check("deform", model("deform", "DeformConv",
                          [[1, 4, 10, 10], [8, 4, 3, 3], [1, 18, 8, 8]], [1, 8, 8, 8], opset=19),
          deform + 10 * columns, deform + 60 * columns)
    check("dynamic", model("dynamic", "MatMul", [["n", 32], [32, 64]], ["n", 64]), 8 * product,
          8.8 * product, "--max", "n=64")


def others():
    cases = []
    for folder in sorted(glob.glob(f"{SHARED}/onnx-tests/*/test_*")):
        if "_expanded" in folder:
            continue  # the same in other operators, all of which have tests of their own
        cases.append((os.path.relpath(folder, f"{SHARED}/onnx-tests"), folder + "/model.onnx", (), False))
    binds = {"kws-m-qdq": ["--bind", "unk__68=1"], "magika-v1": ["--bind", "unk__122=1"],
             "lgbm-classifier": ["--max", "batch=4"],
             "stories260k-kv": ["--bind", "batch=1", "--bind", "seq=1", "--max", "past=64"],
             "yunet-n-dynamic": ["--bind", "batch=1", "--bind", "height=160", "--bind", "width=160"]}
    for folder in sorted(glob.glob(f"{SHARED}/models/*/")):
        name = os.path.basename(folder[:-1])
        if name in FOREIGN:
            continue
        three = ["--targets", "host,host,host"]
        cases.append((name, folder + "model.onnx", binds.get(name, []), True))
        cases.append((name + " in three", folder + "model.onnx", binds.get(name, []) + three, False))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda case: compare(*case), cases))
    print(f"costs: {sum(r is not None for r in results)} of {len(cases)} models of ../shared compile and agree")
    skipped({case[0] for case in cases})


def kind(refusal):
    """Of a reason: its text behind what it is about, without names and numbers."""
    text = re.sub(r".*model\.onnx: ", "", refusal.splitlines()[0])
    text = re.sub(r"^(lpc: error: )?((node|input|output|initializer) '[^']*'( \([^)]*\))?: )?", "", text)
    return re.sub(r"'[^']*'|=\S+|\b\d+\b", "_", text)


def skipped(names):
    """What is not compiled is what conformance.sh knows to be unsupported, and nothing else."""
    with open(LISTED, encoding="utf-8") as file:
        listed = {line.split(" ")[0] for line in file}
    kinds = collections.Counter(kind(refusals[name]) for name in names & refusals.keys())
    print(f"costs: {kinds.total()} are not supported:")
    for what, count in sorted(kinds.items(), key=lambda entry: (-entry[1], entry[0])):
        print(f"{count:6} {what}")
    # `lpc check` takes lengths and presence from the data; here they are not bound
    listless = {name for name, why in refusals.items()
                if re.search(r"is a sequence: give its length|whether there is one is known at run time", why)}
    for name in sorted(names & refusals.keys() - listed - listless):
        failures.append(f"{name}: is not compiled, nor listed: {refusals[name]}")


own_cases()
if os.path.isdir(f"{SHARED}/onnx-tests"):
    others()
else:
    print("costs: no ../shared here: own cases only")
for failure in failures:
    print("FAILED:", failure)
sys.exit(bool(failures))
