#!/bin/bash
# lpc installed, then used by a small CMake project: configure, build, run, rebuild on a change.
# timeout: 300
set -euo pipefail
[ -x "$LPC" ] || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "consumer: $*" >&2; exit 1; }

cmake --install "$LPC_BUILD" --prefix "$work/prefix" >/dev/null
for file in bin/lpc bin/lpc-opt share/lpc/targets/pc.json share/lpc/runtime/lpc_model.h \
    include/lpc_model.h lib/cmake/lpc/lpcConfig.cmake; do
    [ -e "$work/prefix/$file" ] || fail "not installed: $file"
done
"$work/prefix/bin/lpc" targets >"$work/table"
grep -q '^pi5 ' "$work/table" || fail "the installed lpc has no targets"

cp -r "$LPC_SOURCE/tests/consumer" "$work/project"
cp "$LPC_SOURCE/models/digits/digits.onnx" "$work/project/"
build() { cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "no build"; }; }
cmake -S "$work/project" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail "cannot configure"; }
build
first=$("$work/build/app")
echo "app: $first"
case $first in '0 '*) ;; *) fail "expected the answer 0" ;; esac
for app in app_c app_portable; do
    answer=$("$work/build/$app")
    [ "${answer%% *}" = 0 ] || fail "$app answers $answer"
done

# Nothing changed: nothing is compiled again. Then another scale of the pixels: other weights.
before=$(stat -c %y "$work/build/digits.lpc/host/model.o")
build
[ "$before" = "$(stat -c %y "$work/build/digits.lpc/host/model.o")" ] || fail "built without need"
at=$(LC_ALL=C grep -obUaP '\x00\x00\x80\x3d' "$work/project/digits.onnx" | head -n 1 | cut -d: -f1)
printf '\x00\x00\x00\x3d' | dd of="$work/project/digits.onnx" bs=1 seek="$at" conv=notrunc status=none
build
second=$("$work/build/app")
echo "app, after the model changed: $second"
[ "$first" != "$second" ] || fail "the model changed and its answer did not"
