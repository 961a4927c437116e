"""Which tests have which operators, for docs/operators.py.

    python3 tested_by.py FOLDER > tests/conformance/operators.txt

writes what cases below FOLDER (../shared, where they are) have: a line for each operator, with how many
cases there are and the shortest one's name. The repository's own cases are made anew by their scripts."""
import os
import re
import subprocess
import sys
import tempfile

from onnx_reader import all_of, last_of, text

SCRIPTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(SCRIPTS, "..", "..")


def operators_of_nodes(nodes, found):
    for node in nodes:
        op, domain = text(last_of(node, 4)), text(last_of(node, 7))
        found.add("%s::%s" % (domain, op) if domain not in ("", "ai.onnx") else op)
        for attribute in all_of(node, 5):
            for graph in all_of(attribute, 6) + all_of(attribute, 11):
                operators_of_nodes(all_of(graph, 1), found)


def operators_of(path):
    """Of a model: in its graphs and functions."""
    found = set()
    with open(path, "rb") as file:
        model = memoryview(file.read())
    operators_of_nodes(all_of(last_of(model, 7), 1), found)
    for function in all_of(model, 25):
        operators_of_nodes(all_of(function, 7), found)
    return found


def models_below(folder):
    for place, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        if "model.onnx" in files:
            yield os.path.basename(place), os.path.join(place, "model.onnx")


def own_cases():
    """Operator: scripts that make cases of it."""
    found = {}
    scripts = sorted(f for f in os.listdir(SCRIPTS) if f.endswith("_cases.py") and f != "plan_cases.py")
    with tempfile.TemporaryDirectory() as folder:
        for script in scripts:
            made = os.path.join(folder, script, "cases")  # some make folders beside theirs
            subprocess.run([sys.executable, os.path.join(SCRIPTS, script), made], check=True,
                           stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
            for _, path in models_below(os.path.dirname(made)):
                for op in operators_of(path):
                    found.setdefault(op, set()).add(script[:-3])
    add_other_scripts(found)
    return found


def add_other_scripts(found):
    """Those that make models one by one, of ai.onnx: by what they say."""
    for name in sorted(os.listdir(SCRIPTS)):
        if not name.endswith(".py") or name.endswith("_cases.py") or name in ("bad_models.py", "tested_by.py"):
            continue
        with open(os.path.join(SCRIPTS, name), encoding="utf-8") as file:
            for op in re.findall(r"node\(\"(\w+)\"", file.read()):
                found.setdefault(op, set()).add(name[:-3])


def unit_tests(ids):
    """Operator: unit tests that build it, as OP_ID or in a graph's text. ids: {operator: ID}."""
    found = {}
    folder = os.path.join(ROOT, "tests", "unit")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            words = set(re.findall(r"\bOP_\w+|= [\w.:]+(?=\()", file.read()))
        for op, number in ids.items():
            if "OP_" + number in words or "= " + op in words:
                found.setdefault(op, set()).add("unit/" + re.sub(r"^test_|\.[ch]$", "", name))
    return found


def others():
    """Operator: (number of cases elsewhere, the name of one)."""
    with open(os.path.join(ROOT, "tests", "conformance", "operators.txt"), encoding="utf-8") as file:
        rows = [line.split() for line in file if not line.startswith("#")]
    return {op: (int(count), name) for op, count, name in rows}


def main(folder):
    cases = {}
    for part in ("onnx-tests/node", "contrib-tests"):
        for name, path in models_below(os.path.join(folder, part)):
            if "_expanded" in name:
                continue  # a function written out: not about its operators
            for op in operators_of(path):
                cases.setdefault(op, set()).add(name)
    print("# Operators in ONNX's own node tests and in cases with ONNX Runtime's outputs: operator, cases, one of"
          " them.\n# Made by tests/scripts/tested_by.py.")
    for op, names in sorted(cases.items()):
        word = op.split("::")[-1].lower()
        own = [n for n in names if word in n.replace("_", "")] or names
        print(op, len(names), min(own, key=lambda n: (len(n), n)))


if __name__ == "__main__":
    main(sys.argv[1])
