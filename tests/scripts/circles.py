"""Circles between files and between folders, read from built objects: who defines a symbol, who uses it.

usage: circles.py BUILD SOURCE. Prints every circle that no comment explains; exits 1 when there is one."""
import collections, os, subprocess, sys

# Files that recurse because what they read does. One of them has to say so.
NATURAL = {
    frozenset("frontend/%s.c" % f for f in ("flex", "inline", "loop", "loop_change", "loop_values", "node",
                                            "sequence_map", "unroll")): "frontend/node.c",
    frozenset(["frontend/growth.c", "frontend/parts.c"]): "frontend/parts.c",
}
FOLDERS = ("ir", "frontend", "passes", "backend", "runtime", "lib", "tools")

build, source = sys.argv[1:3]


def objects():
    for folder, _, files in os.walk(build):
        for file in files:
            path = os.path.join(folder, file)
            if not file.endswith(".c.o") or ".dir/" not in path:
                continue
            name = path.split(".dir/", 1)[1][:-2]
            if name.split("/")[0] in FOLDERS and os.path.exists(os.path.join(source, name)):
                yield name, path


defined, used = {}, {}
names = {path: name for name, path in objects()}
out = subprocess.run(["nm", "-A", *names], capture_output=True, text=True, check=True).stdout if names else ""
for line in out.splitlines():
    path, _, rest = line.partition(":")
    name, parts = names[path], rest.split()
    uses = used.setdefault(name, set())
    if len(parts) == 2 and parts[0] in "Uw":
        uses.add(parts[1])
    elif len(parts) == 3 and parts[1] in "TDBRCVW":
        defined[parts[2]] = name
if len(used) < 100:
    sys.exit("circles: only %d objects below %s" % (len(used), build))

files, folders = collections.defaultdict(dict), collections.defaultdict(dict)
for name, uses in used.items():
    for symbol in sorted(uses):
        other = defined.get(symbol)
        if not other or other == name:
            continue
        files[name].setdefault(other, symbol)
        here, there = os.path.dirname(name), os.path.dirname(other)
        if here != there:
            folders[here].setdefault(there, "%s uses %s of %s" % (name, symbol, other))


def circles(graph):
    """Strongly connected components of more than one, Tarjan's way without recursion."""
    index, low, stack, on, found = {}, {}, [], set(), []
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root), on.add(root)
        while work:
            node, rest = work[-1]
            for next_node in rest:
                if next_node not in index:
                    index[next_node] = low[next_node] = len(index)
                    stack.append(next_node), on.add(next_node)
                    work.append((next_node, iter(sorted(graph.get(next_node, ())))))
                    break
                if next_node in on:
                    low[node] = min(low[node], index[next_node])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = set()
                    while node not in part:
                        part.add(stack.pop())
                    on -= part
                    if len(part) > 1:
                        found.append(part)
    return found


bad = 0
for part in circles(files):
    told = NATURAL.get(frozenset(part))
    if told and "recurse" in open(os.path.join(source, told)).read():
        continue
    bad += 1
    print("circle of files: " + ", ".join(sorted(part)))
    for name in sorted(part):
        for other in sorted(set(files[name]) & part):
            print("    %s uses %s of %s" % (name, files[name][other], other))
for part in circles(folders):
    bad += 1
    print("circle of folders: " + ", ".join(sorted(part)))
    for name in sorted(part):
        for other in sorted(set(folders[name]) & part):
            print("    " + folders[name][other])
print("%d objects, %d circles" % (len(used), bad))
sys.exit(bad > 0)
