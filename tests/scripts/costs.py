"""One number for what a layer does: the planner's, the manifest's, the profile's and the report's FLOPs agree,
and are those of arithmetic done by hand. costs.py LPC CASES SHARED"""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import onnx_writer as onnx

LPC, WORK, SHARED = sys.argv[1], sys.argv[2], sys.argv[3]
failures = []


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


def compare(name, model, options=(), deep=False):
    """Compiles; the package's files must agree. Its FLOPs, or None where it is not supported."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        out = os.path.join(folder, "out")
        if run(model, *options, "--emit", "c", "--no-link", "--quiet", "-o", out) is None:
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


def check(name, path, least, most, *options):
    flops = compare(name, path, options, deep=True)
    if flops is None:
        failures.append(f"{name}: is not compiled")
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
        cases.append((os.path.basename(folder), folder + "/model.onnx", (), False))
    binds = {"kws-m-qdq": ["--bind", "unk__68=1"], "magika-v1": ["--bind", "unk__122=1"],
             "lgbm-classifier": ["--max", "batch=4"],
             "stories260k-kv": ["--bind", "batch=1", "--bind", "seq=1", "--max", "past=64"],
             "yunet-n-dynamic": ["--bind", "batch=1", "--bind", "height=160", "--bind", "width=160"]}
    for folder in sorted(glob.glob(f"{SHARED}/models/*/")):
        name = os.path.basename(folder[:-1])
        three = ["--targets", "host,host,host"]
        cases.append((name, folder + "model.onnx", binds.get(name, []), True))
        cases.append((name + " in three", folder + "model.onnx", binds.get(name, []) + three, False))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda case: compare(*case), cases))
    print(f"costs: {sum(r is not None for r in results)} of {len(cases)} models of ../shared compile and agree")


own_cases()
if os.path.isdir(f"{SHARED}/onnx-tests"):
    others()
else:
    print("costs: no ../shared here: own cases only")
for failure in failures:
    print("FAILED:", failure)
sys.exit(bool(failures))
