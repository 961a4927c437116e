#!/bin/bash
# Programs of 32 bit, run: weights as an ELF32 object and as C arrays, the bare function and whole stages,
# on Arm (qemu-arm). Their outputs are those of 64 bit, bit for bit, and what is expected.
# timeout: 600
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
cross=arm-linux-gnueabihf
for tool in $cross-gcc qemu-arm python3; do
    command -v $tool >/dev/null || { echo "arm32: no $tool here: skipped"; exit 77; }
done
cd "$work" || exit 1
flags=(-std=c11 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$LPC_SOURCE/runtime")

# ---- Targets: the same processor without vectors, of 32 and of 64 bit ----
mkdir targets
target() { # NAME TRIPLE EMULATOR
    sed "s/riscv64-linux-gnu-/$2-/; s/\"triple\": *\"[^\"]*\"/\"triple\": \"$2\"/
         s/\"cpu\": *\"[^\"]*\"/\"cpu\": \"generic\"/; s/\"features\": *\[[^]]*\]/\"features\": []/
         s/\"cflags\": *\[[^]]*\]/\"cflags\": []/; s|\"emulator\": *\[[^]]*\]|\"emulator\": [$3]|" \
        "$LPC_SOURCE/targets/riscv64.json" >"targets/$1.json"
}
target narrow $cross "\"qemu-arm\", \"-L\", \"/usr/$cross\""
machine=$(uname -m)
target wide "$machine-linux-gnu" ""
lpc() { "$LPC" "$@" --portable --quiet --target-dir targets; }

# ---- The runtime has nothing that only 64 bit takes ----
for file in "$LPC_SOURCE"/runtime/*.c; do
    $cross-gcc "${flags[@]}" -c "$file" -o runtime.o >log 2>&1 ||
        fail "$file: $(head -5 log)"
done

# ---- The bare function ----
digits=$LPC_SOURCE/models/digits/digits.onnx
bare() { # CC PACKAGE FILE...: what the example's program says
    local cc=$1 package=$2
    shift 2
    $cc "${flags[@]}" -I"$package" "$LPC_SOURCE/examples/bare-c/main.c" "$package/model.c" "$@" -lm \
        -o program >log 2>&1 || fail "$cc $package: $(head -5 log)"
    case $cc in
        arm-*) qemu-arm -L /usr/$cross ./program ;;
        *) ./program ;;
    esac
}
expect 0 '' lpc "$digits" --targets narrow --no-link --weights elf -o bare-elf
expect 0 '' lpc "$digits" --targets narrow --no-link --weights c -o bare-c
want=$(bare gcc bare-c/narrow bare-c/narrow/weights_*.c)
case $want in '0 '*) ;; *) fail "64 bit sees '$want', not a zero" ;; esac
got=$(bare $cross-gcc bare-c/narrow bare-c/narrow/weights_*.c)
[ "$got" = "$want" ] || fail "C arrays: 32 bit sees '$got', 64 bit '$want'"
LC_ALL=C readelf -h program | grep -q 'Class: *ELF32' || fail "the program is not of 32 bit"
got=$(bare $cross-gcc bare-elf/narrow bare-elf/narrow/weights.o)
[ "$got" = "$want" ] || fail "ELF32: 32 bit sees '$got', 64 bit '$want'"

# ---- Stages, with the runtime ----
run() { # MODEL OUT OPTION...: its outputs for noise, in OUT.npy
    local model=$1 out=$2
    shift 2
    expect 0 '' lpc "$model" -o "$out" "$@"
    expect 0 '' "$LPC" run "$out" --seed 1 --output "$out.outputs"
    cat "$out".outputs/* >"$out.npy"
    rm -rf "$out" "$out.outputs"
}
same() { # NAME MODEL
    run "$2" "$1.64" --targets wide
    run "$2" "$1.elf" --targets narrow --weights elf
    run "$2" "$1.c" --targets narrow --weights c
    run "$2" "$1.both" --targets narrow,wide
    for way in elf c both; do
        [ -s "$1.$way.npy" ] && cmp -s "$1.64.npy" "$1.$way.npy" || fail "$1 ($way) differs from 64 bit"
    done
}
same digits "$digits"
models=$SHARED/models
count=1
for name in mlperf-tiny-resnet8 mlperf-tiny-resnet8-qdq stories260k-static silero-vad-16k-op15; do
    [ -e "$models/$name" ] || continue
    count=$((count + 1))
    expect 0 '^PASS' "$LPC" check "$models/$name/model.onnx" "$models/$name"/test_data_set_* --portable \
        --target-dir targets --targets narrow --weights c
    case $name in
        mlperf-tiny-resnet8|stories*) same $name "$models/$name/model.onnx" ;;
    esac
done
echo "arm32: $count models"
[ "$failures" = 0 ]
