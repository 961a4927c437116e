#!/bin/bash
# The command line as users meet it: exit statuses, one clear error each, nothing half-written, the
# same bytes for the same input.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
model=$LPC_SOURCE/models/digits/digits.onnx
cd "$work" || exit 1

nothing_left() {
    compgen -G "$work/$1*" >/dev/null && fail "something was left at $1: $(ls -d "$work/$1"*)"
}

expect 2 'usage|lpc ' "$LPC"
expect 0 'compiles one neural network' "$LPC" --help
expect 0 '^lpc [0-9]' "$LPC" --version
expect 2 'unexpected argument' "$LPC" "$model" --nonsense -o out
expect 2 'usage' "$LPC" "$model"
expect 2 "expected NAME=N" "$LPC" "$model" --bind batch -o out
expect 2 "expected obj, c or another" "$LPC" "$model" --emit fortran -o out
expect 2 'usage' "$LPC" check "$model"
expect 2 "missing 'FOLDER'" "$LPC" check --each --emit eval
expect 1 'none.onnx' "$LPC" none.onnx -o out
expect 1 'no_such_target' "$LPC" "$model" --targets no_such_target -o out
nothing_left out
expect 1 "no node 'nowhere'" "$LPC" "$model" --targets pc,pc --cut-after nowhere -o out
nothing_left out

# An output folder that exists, or cannot be made.
mkdir taken
expect 1 'exists already' "$LPC" "$model" -o taken
expect 1 'cannot make output folder' "$LPC" "$model" -o /proc/lpc/out
expect 1 'cannot make output folder' "$LPC" "$model" -o missing/folder/out

# A full disk: /dev/full stands for one through a small file system where root may make it.
mkdir small
if mount -t tmpfs -o size=64k none small 2>/dev/null; then
    expect 1 'No space left|failed' "$LPC" "$model" -o small/out
    [ -z "$(ls -A small)" ] || fail "a full disk left $(ls small)"
    umount small
else
    echo "cli: no right to mount: the full disk is not tested"
fi

# Killed in the middle: nothing half-written stays behind.
for signal in INT TERM KILL; do
    "$LPC" "$model" --targets pc,pi,android,pc,pi,android --emit c -o killed.out >/dev/null 2>&1 &
    victim=$!
    for ((i = 0; i < 100; i++)); do compgen -G "$work/killed.out.*" >/dev/null && break; sleep 0.02; done
    kill -$signal $victim 2>/dev/null
    wait $victim 2>/dev/null
    for ((i = 0; i < 80; i++)); do compgen -G "$work/killed.out.*" >/dev/null || break; sleep 0.1; done
    nothing_left killed.out.
    rm -rf killed.out
done

# A target whose compiler is missing still gets its code; whose file is bad does not.
code=model.o # what comes out
[ "${LPC_HAS_LLVM:-1}" = 1 ] || code=model.c
mkdir targets
sed 's/"cc": *\[[^]]*\]/"cc": ["no-such-compiler"]/' "$LPC_SOURCE/targets/pi5.json" >targets/nocc.json
expect 0 'nocc' "$LPC" "$model" --target-dir targets --targets nocc -o nocc.out
[ -f nocc.out/nocc/$code ] && [ ! -e nocc.out/nocc/stage ] ||
    fail "package without a toolchain"
expect 1 'no program|not linked|was not' "$LPC" run nocc.out
echo '{"name": 3}' >targets/bad.json
expect 1 'bad.json' "$LPC" "$model" --target-dir targets --targets bad -o bad.out
nothing_left bad.out

# The same input gives the same bytes.
for emit in obj c; do
    expect 0 host "$LPC" "$model" --emit $emit -o "$emit.1"
    expect 0 host "$LPC" "$model" --emit $emit -o "$emit.2"
    expect 0 '' diff -r "$emit.1" "$emit.2"
done
expect 0 pi "$LPC" "$model" --targets pc,pi,android -o three.1
expect 0 pi "$LPC" "$model" --targets pc,pi,android -o three.2
expect 0 '' diff -r three.1 three.2
for file in pc/$code pi/weights.o android/model.h android/stage manifest.json pi/manifest.json \
    pc/CMakeLists.txt pc/runtime/lpc_model.h; do
    [ -s "three.1/$file" ] || fail "three.1/$file is missing"
done

# Generated portable C is plain ISO C11, without a warning.
expect 0 host "$LPC" "$model" --portable -o plain
for cc in gcc clang-19 clang; do
    command -v $cc >/dev/null || continue
    expect 0 '' $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -Wconversion -Iplain/host \
        -Iplain/host/runtime -c plain/host/model.c -o plain.o
    expect 0 '' $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -Wconversion -Iplain/host \
        -Iplain/host/runtime -c plain/host/stage.c -o plain.o
done

# No allocator in what runs: the function's object needs none.
nm -u obj.1/host/model.o | grep -qE '\b(malloc|calloc|realloc|free|mmap)\b' &&
    fail "the emitted object calls an allocator"

# Each folder's result stands alone: what fails, crashes or is missing takes no other with it.
if [ -d "$SHARED/onnx-tests/node/test_add" ]; then
    mkdir each
    for name in add abs; do cp -r "$SHARED/onnx-tests/node/test_$name" each/; done
    cp -r each/test_abs each/wrong
    cp each/test_add/model.onnx each/wrong/
    head -c 40 each/test_add/model.onnx >each/test_abs/model.onnx
    expect 3 '^PASS each/test_add$' "$LPC" check --each each/test_abs each/none each/wrong each/test_add
    for said in 'each/test_abs: .*model.onnx: not a valid ONNX model' 'each/none: .*no test_data_set' \
        'each/wrong: .*has 1 inputs, the model has 2'; do
        grep -q "^FAIL $said" log || fail "check --each does not say '$said': $(cat log)"
    done
    expect 0 '^PASS each/test_add$' "$LPC" check --each each/test_add --emit eval
fi

expect 0 'latency' "$LPC" run obj.1 --repeat 5
expect 0 '"latency_ms_median"' "$LPC" run obj.1 --repeat 5 --json
expect 1 "nothing" "$LPC" run obj.1 --input nothing=x.npy
expect 0 'operators:' "$LPC" inspect "$model"
[ "$failures" = 0 ]
