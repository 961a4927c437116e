#!/bin/bash
# The build id: everything that reaches an output changes it, nothing else does.
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
