#!/bin/bash
# include/lpc/lpc_client.h: by gcc and clang, as C and as C++, without warnings; its answers are those of `lpc run`, from
# a pipeline of three stages, of one stage, and through a gateway; what is wrong is told.
# timeout: 120
# serial
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
[ -x "$LPC" ] || { echo "client: needs lpc: skipped"; exit 77; }
cd "$work" || exit 1
model=$LPC_SOURCE/models/digits/digits.onnx
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -O2"
"$LPC" "$model" --quiet -o one || fail "cannot compile"
"$LPC" "$model" --quiet -o three --targets host,host,host || fail "cannot compile for three"

compilers=0
for compiler in gcc clang-19; do
    command -v $compiler >/dev/null || continue
    compilers=$((compilers + 1))
    for out in one three; do
        expect 0 '' $compiler -std=c11 -D_POSIX_C_SOURCE=200809L -Wstrict-prototypes $warnings -I $out \
            -I "$LPC_SOURCE/include" "$LPC_SOURCE/examples/client/main.c" -pthread -o app.$out
    done
done
[ $compilers -gt 0 ] || fail "no compiler"
printf '#define LPC_CLIENT_IMPLEMENTATION\n#include "client.h"\nint main() { return lpc_client_package.in.count == 1 ? 0 : 1; }\n' >main.cpp
for compiler in g++ clang++-19; do
    command -v $compiler >/dev/null || continue
    expect 0 '' $compiler -std=c++11 $warnings -I one -I "$LPC_SOURCE/include" main.cpp -pthread -o cpp
    expect 0 '' ./cpp
done

# 50 frames of bytes that are floats between 1 and 2, and what `lpc run` makes of them.
python3 - <<'PY' || fail "no frames"
import random, struct
chance = random.Random(1)
with open("frames", "wb") as frames:
    for i in range(50):
        data = struct.pack("<64f", *[1 + chance.random() for _ in range(64)])
        frames.write(data)
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 8, 8), }"
        header += " " * (-(len(header) + 11) % 64) + "\n"
        with open(f"{i}.npy", "wb") as to:
            to.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
PY
inputs=()
for i in $(seq 0 49); do inputs+=(--input "pixels=$i.npy"); done
expect 0 '' "$LPC" run one --output answers "${inputs[@]}"
for i in $(seq 0 49); do tail -c 40 "answers/probabilities.$i.npy"; done >expected

programs=()
trap 'kill "${programs[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT
start() { # NAME COMMAND...: `address` becomes where it listens
    "${@:2}" >"$1.out" 2>"$1.err" &
    programs+=($!)
    for _ in $(seq 200); do
        address=$(sed -n 's/^listening .*on //p' "$1.out")
        [ -n "$address" ] && return
        sleep 0.05
    done
    fail "$1 does not start: $(cat "$1.err")"
}
stage() { python3 -c "import json,sys; print('$1/' + json.load(open('$1/manifest.json'))['stages'][$2]['program'])"; }
start third "$(stage three 2)" --serve --listen 127.0.0.1:0 && third=$address
start second "$(stage three 1)" --serve --listen 127.0.0.1:0 --forward "$third" && second=$address
start first "$(stage three 0)" --serve --listen 127.0.0.1:0 --forward "$second" && first=$address
start one "$(stage one 0)" --serve --listen 127.0.0.1:0 && one=$address
same() { # PROGRAM FIRST LAST
    expect 0 '' bash -c "timeout 60 ./$1 '$2' '$3' <frames >got"
    cmp -s got expected || fail "$1 $2 $3: other answers than lpc run's"
}
same app.three "$first" "$third"
same app.one "$one" -
start gateway "$LPC" serve three --connect "$first" --collect "$third" --listen 127.0.0.1:0 && gateway=$address
same app.three "$gateway" -
for i in 1 2 3; do (./app.three "$gateway" - <frames >got$i) & jobs[i]=$!; done
for i in 1 2 3; do
    wait ${jobs[i]} || fail "client $i failed"
    cmp -s got$i expected || fail "client $i: other answers"
done
expect 1 'app: the other end does not answer: it is of another build' bash -c "./app.one '$gateway' - <frames"
expect 1 'app: the other end does not answer: it is of another build' bash -c "./app.three '$first' - <frames"
expect 1 'compiled without LPC_CLIENT_TLS' bash -c "./app.three '$first' - keys <frames"

# With keys: from stages, and through a gateway.
mbedtls='-lmbedtls -lmbedx509 -lmbedcrypto'
if ! "$(stage one 0)" --help | grep -q 'without mbed TLS'; then
    for compiler in gcc clang-19 g++ clang++-19; do
        command -v $compiler >/dev/null || continue
        case $compiler in
        *++*) expect 0 '' $compiler -std=c++11 -DLPC_CLIENT_TLS $warnings -I one -I "$LPC_SOURCE/include" main.cpp -pthread $mbedtls -o cpp ;;
        *) expect 0 '' $compiler -std=c11 -D_POSIX_C_SOURCE=200809L -DLPC_CLIENT_TLS $warnings -I one \
            -I "$LPC_SOURCE/include" "$LPC_SOURCE/examples/client/main.c" -pthread $mbedtls -o app.keys ;;
        esac
    done
    "$LPC" keys -o keys && "$LPC" keys -o others
    start secret "$(stage one 0)" --serve --streams 2 --keys keys --listen 127.0.0.1:0 && secret=$address
    start secret_gateway "$LPC" serve one --connect "$secret" --keys keys --listen 127.0.0.1:0 && gateway=$address
    for to in "$secret" "$gateway"; do
        expect 0 '' bash -c "timeout 60 ./app.keys '$to' - keys <frames >got"
        cmp -s got expected || fail "with keys, $to: other answers than lpc run's"
        expect 1 "does not take key 'key-" bash -c "timeout 60 ./app.keys '$to' - others <frames"
        expect 1 "no file of keys" bash -c "timeout 60 ./app.keys '$to' - expected <frames"
    done
fi
expect 1 "expected HOST:PORT" bash -c "./app.three nowhere - <frames"
[ "$failures" = 0 ]
