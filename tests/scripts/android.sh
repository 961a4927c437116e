#!/bin/bash
# Android's shadow call stack lives in x18: no instruction in what is made for it may touch that register.
# timeout: 120
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
[ "${LPC_HAS_LLVM:-1}" = 1 ] || { echo "android: lpc is built without LLVM: skipped"; exit 77; }
for tool in aarch64-linux-gnu-gcc aarch64-linux-gnu-objdump; do
    command -v $tool >/dev/null || { echo "android: no $tool here: skipped"; exit 77; }
done
cd "$work" || exit 1
uses() { # OBJECT: how many instructions name x18
    aarch64-linux-gnu-objdump -d "$1" >listing && [ "$(grep -c '^ ' listing)" -gt 100 ] || fail "no listing of $1"
    grep -cwE '[xw]18' listing
}

read -ra flags < <("$LPC" targets --json | python3 -c '
import json, sys
print(*[t for t in json.load(sys.stdin) if t["name"] == "android"][0]["cflags"])')
for emit in obj c; do
    expect 0 '' "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets android --emit $emit --no-link --quiet -o $emit
done
aarch64-linux-gnu-gcc -std=c11 -O3 -fno-math-errno -fno-trapping-math "${flags[@]}" \
    -I"$LPC_SOURCE/runtime" -c c/android/model.c -o c/android/model.o || fail "model.c does not compile"
for emit in obj c; do
    count=$(uses $emit/android/model.o)
    [ "$count" = 0 ] || fail "--emit $emit: $count instructions use x18"
done
# The same model for another device does use it: the search finds what it looks for.
expect 0 '' "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets pi5 --no-link --quiet -o pi
[ "$(uses pi/pi5/model.o)" -gt 0 ] || fail "objects for pi5 do not use x18 either: nothing is tested"
[ "$failures" = 0 ]
