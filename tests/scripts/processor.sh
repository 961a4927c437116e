#!/bin/bash
# A stage on a processor without its instructions says which one is missing, with a status of its own.
# timeout: 120
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
cd "$work" || exit 1
ran=0
try() { # TARGET QEMU CPU WORD: what is missing there ('': nothing)
    command -v "$2" >/dev/null || return
    rm -rf out
    expect 0 '' "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets "$1" --quiet -o out
    [ -x "out/$1/stage" ] || return
    ran=$((ran + 1))
    if [ -n "$4" ]; then
        expect 17 "'$1'.*needs $4, which this processor does not have" "$2" -L "/usr/$5" -cpu "$3" "out/$1/stage" \
            --listen 127.0.0.1:0 --forward 127.0.0.1:9
        [ $(grep -v '^qemu' log | wc -l) = 1 ] || fail "$1: more than one line: $(cat log)"
        grep -q "The processor must have.* $4" "out/$1/model.h" || fail "$1: model.h does not say $4"
    else # goes on, until nobody connects
        expect 10 '' "$2" -L "/usr/$5" -cpu "$3" "out/$1/stage" --listen 127.0.0.1:0 --forward 127.0.0.1:9 --timeout 0.2
    fi
}
try pc qemu-x86_64 Nehalem AVX x86_64-linux-gnu
try pc-avx512 qemu-x86_64 max AVX-512F x86_64-linux-gnu
try pc qemu-x86_64 IvyBridge AVX2 x86_64-linux-gnu
try pc qemu-x86_64 max '' x86_64-linux-gnu
try pi5 qemu-aarch64 cortex-a53 'atomics' aarch64-linux-gnu
try pi5 qemu-aarch64 max '' aarch64-linux-gnu
[ $ran -gt 0 ] || { echo "processor: no qemu-user or no compilers here: skipped"; exit 77; }
[ "$failures" = 0 ]
