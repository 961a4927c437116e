#!/bin/bash
# Strings at a model's ends: what the function takes and refuses, bounds, files.
# timeout: 300
set -uo pipefail
[ -x "$LPC" ] && command -v python3 >/dev/null || { echo "strings: needs lpc and python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
cd "$work" || exit 1
python3 - "$LPC_SOURCE/tests/scripts" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from onnx_writer import *

s = value("x", [2], STRING), value("y", [2], STRING), value("z", [2], STRING)
save("join.onnx", graph([node("StringConcat", ["x", "y"], ["z"])], s[:2], s[2:]), 20)
for name, values in (("short", ["caf\u00e9", ""]), ("long", ["x" * 33, "y"])):
    with open(name + ".pb", "wb") as file:
        file.write(contents("x", [2], values, STRING))
header = b"{'descr': '<U4', 'fortran_order': False, 'shape': (2,), }"
header += b" " * (117 - len(header)) + b"\n"
with open("wide.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header + "abc\u00e9de\0\0".encode("utf-32-le"))
END
"$LPC" join.onnx -o out --max-string 20 --quiet || fail "does not compile"
grep -q 'uint8_t\[2\]\[34\] (strings' out/host/model.h || fail "the header does not say what a string is"
grep -q '"str32"' out/manifest.json || fail "the manifest does not say str32"
expect 0 'z str32\[2\]: "caféabcé" "de"' "$LPC" run out --input x=short.pb --input y=wide.npy --output got
expect 0 'z str32\[2\]: "caféabcécaféabcé" "dede"' \
    "$LPC" run out --input x=got/z.npy --input y=got/z.npy
expect 1 'a string of 33 bytes; the model takes 32' "$LPC" run out --input x=long.pb --input y=short.pb
expect 2 'max-string' "$LPC" join.onnx -o none --max-string 5000

# The function itself: x[0] of 33 bytes, a byte behind its end, a result of 40 bytes, and a good call.
"$LPC" join.onnx -o c --emit c --portable --weights c --max-string 32 --no-link --quiet || fail "--emit c"
cat >main.c <<'END'
#include "model.h"
#include <stdio.h>
static _Alignas(64) unsigned char x[68], y[68], z[68], workspace[JOIN_WORKSPACE_BYTES + 64];
static int run(int x_length, int byte, int y_length)
{
    const void *in[] = {x, y};
    void *out[] = {z};
    x[0] = (unsigned char)x_length, x[4] = (unsigned char)byte, y[0] = (unsigned char)y_length;
    return join_run(in, out, NULL, workspace, NULL, NULL);
}
int main(void)
{
    printf("%d ", run(33, 0, 0));
    printf("%d ", run(2, 'b', 0));
    printf("%d ", run(20, 0, 20));
    printf("%d ", run(3, 'b', 2));
    return printf("%d %c\n", z[0], z[4]) < 0;
}
END
cc -std=c11 -Wall -Wextra -Ic/host -I"$LPC_SOURCE/runtime" main.c c/host/model.c -lm -o main || fail "main.c"
[ "$(./main)" = "1 3 1 0 5 b" ] || fail "the function said $(./main)"
echo "strings: files, bounds and what the function refuses"
[ "$failures" = 0 ]
