#!/bin/bash
# The build id: everything that reaches an output changes it, nothing else does. The ids of cuts and stages: what
# stands on one side of a cut leaves the other side's as they are.
# timeout: 300
set -uo pipefail
[ -x "$LPC" ] && command -v python3 >/dev/null || { echo "build_id: needs lpc and python3"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
cd "$work" || exit 1
python3 - "$LPC_SOURCE/tests/scripts" <<'END'
import struct, sys
sys.path.insert(0, sys.argv[1])
from onnx_writer import *

def npy(path, numbers):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % len(numbers)
    head = head.ljust(128 - 10 - 1) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack("<%df" % len(numbers), *numbers))

npy("one.npy", [1.0] * 4), npy("two.npy", [2.0] * 4)
nodes = [node("Softmax", ["x"], ["a"], "first"), node("Mul", ["a", "s"], ["b"], "second"),
         node("Softmax", ["b"], ["c"], "third"), node("Add", ["c", "past"], ["present"], "last")]
save("model.onnx", graph(nodes, [value("x", ["n", 4]), value("s", [4]), value("past", ["n", 4])],
                         [value("present", ["n", 4])]))
# What is before a cut does not show in what crosses it: "sum" makes a state only.
nodes = [node("Softmax", ["x"], ["a"], "first"), node("Add", ["a", "past"], ["present"], "sum"),
         node("Softmax", ["a"], ["b"], "second"), node("Softmax", ["b"], ["y"], "last")]
save("sum.onnx", graph(nodes, [value("x", ["n", 4]), value("past", ["n", 4])],
                       [value("y", ["n", 4]), value("present", ["n", 4])]))
END
id() { # OPTIONS...: the id of a build with them, as a line of its own
    rm -rf out
    "$LPC" model.onnx -o out --no-link --quiet "$@" >log 2>&1 || fail "$*: $(cat log)" >&2
    sed -n 's/.*"build_id":[[:space:]]*"\([0-9a-f]*\)".*/\1/p' out/manifest.json | head -n 1
}
id --max n=8 >first
[ "$(wc -c <first)" = 65 ] || fail "no build id: '$(cat first)'"
id --max n=8 >second
cmp first second || fail "the same build twice has two ids"
id --max n=8 --verbose >second
cmp first second || fail "--verbose reaches no output"
{
    cat first
    id --max n=9
    id --bind n=8
    id --max n=8 --bind-input s=one.npy
    id --max n=8 --bind-input s=two.npy
    id --max n=8 --state past=present
    id --max n=8 --emit c
    id --max n=8 --portable
    id --max n=8 --no-plan
    id --max n=8 --profile
    id --max n=8 --threads 2
    id --max n=8 --name other
    id --max n=8 --targets pi5
    id --max n=8 --targets pi5,pi5 --cut-after first
    id --max n=8 --targets pi5,pi4 --cut-after first
} >ids
[ "$(sort -u ids | wc -l)" = 15 ] || fail "two builds have one id: $(cat ids)"

# Which ids of two packages are the same, as a line "stage 1 2 cut 0 1 3".
same() { # MODEL OPTIONS_A... -- OPTIONS_B...
    local model=$1 out=a words=()
    shift
    rm -rf a b
    for word in "$@" --; do
        if [ "$word" != -- ]; then
            words+=("$word")
            continue
        fi
        "$LPC" "$model" -o $out --no-link --quiet "${words[@]}" >log 2>&1 || fail "${words[*]}: $(cat log)" >&2
        out=b words=()
    done
    python3 - <<'END'
import json
a, b = (json.load(open(f"{side}/manifest.json")) for side in "ab")
assert a["build_id"] != b["build_id"]
for package in a, b:
    assert len({s["build_id"] for s in package["stages"]}) == len(package["stages"])
    assert len({c["id"] for c in package["cuts"]}) == len(package["cuts"])
def equal(what, key):
    return [str(i) for i, (p, q) in enumerate(zip(a[what], b[what])) if p[key] == q[key]]
print("stage", *equal("stages", "build_id"), "cut", *equal("cuts", "id"))
END
}
is() { # EXPECTED GOT
    [ "$1" = "$2" ] || fail "expected '$1', got '$2'"
}
three=(--max n=8 --targets pi5,pi5,pi5)
is 'stage 0 cut 0 1 3' "$(same model.onnx "${three[@]}" --cut-after first,second -- "${three[@]}" --cut-after first,third)"
diff -r -x manifest.json a/pi5 b/pi5 || fail "the first stage's files differ, and its id does not"
cmp -s a/pi5-2/stage.c b/pi5-2/stage.c && fail "the second stage's descriptor is the same"
is 'stage 2 cut 0 2 3' "$(same model.onnx "${three[@]}" --cut-after first,third -- "${three[@]}" --cut-after second,third)"
two=(--max n=8 --cut-after first)
is 'stage 0 cut 0 1 2' "$(same model.onnx "${two[@]}" --targets pi5,pi5 -- "${two[@]}" --targets pi5,pi4)"
is 'stage cut 0 1 2' "$(same model.onnx "${two[@]}" --targets pi5,pi5 -- "${two[@]}" --targets pi5,pi5 --threads 2)"
is 'stage cut' "$(same model.onnx "${two[@]}" --targets pi5,pi5 -- --max n=9 --cut-after first --targets pi5,pi5)"
state=(--max n=8 --state past=present --targets pi5,pi5)
is 'stage cut 0 2' "$(same sum.onnx "${state[@]}" --cut-after first -- "${state[@]}" --cut-after sum)"
python3 - <<'END' || fail "the contracts of the two cuts differ: the test shows nothing"
import json
a, b = (json.load(open(f"{side}/manifest.json"))["cuts"][1] for side in "ab")
assert a["hash"] == b["hash"] and a["tensors"] == b["tensors"]
END

# The id holds a hash of lpc's sources; the hash is theirs, and another byte is another hash.
said=$("$LPC" --version | grep -o '[0-9a-f]\{16\}')
root=$work/source
mkdir "$root"
while read -r file; do
    mkdir -p "$root/$(dirname "$file")" && cp "$LPC_SOURCE/$file" "$root/$file"
done <"$LPC_BUILD/gen/hashed_sources.txt"
hash() {
    cmake -DROOT="$root" -DLIST="$LPC_BUILD/gen/hashed_sources.txt" -DOUT="$work/hash.c" \
        -P "$LPC_SOURCE/cmake/SourceHash.cmake" && grep -o '[0-9a-f]\{64\}' "$work/hash.c"
}
[ -n "$said" ] && [[ "$(hash)" == "$said"* ]] || fail "lpc --version says $said, its sources are $(hash)"
echo >>"$root/ir/arena.c"
[[ "$(hash)" != "$said"* ]] || fail "a changed source has the same hash"
[ "$failures" = 0 ]
