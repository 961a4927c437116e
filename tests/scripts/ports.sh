#!/bin/bash
# Weights as objects of 32 and 64 bit and as C arrays, with any compiler; big-endian machines are right
# or refused.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
cd "$work" || exit 1
PYTHONPATH=$LPC_SOURCE/tests/scripts python3 - <<'SOURCE' || exit 1
import random
import struct
from onnx_writer import *
def noise(count):
    return struct.pack("<%df" % count, *[((i * 2654435761) % 1009 - 504) / 512 for i in range(count)])
def packed(x, y, bits, level):
    """A product with codes of few bits, by numbers or by bytes."""
    codes = bytes(i * 37 % 256 for i in range(64 * 8 * bits))
    constants.extend([field(1, 64) + field(1, 4) + field(1, 2 * bits) + field(2, 2) + field(8, y + "_b") + field(9, codes),
                      tensor(y + "_s", [64, 4], noise(256))])
    sizes = ("K", 64), ("N", 64), ("bits", bits), ("block_size", 16), ("accuracy_level", level)
    return node("MatMulNBits", [x, y + "_b", y + "_s"], [y], y, "com.microsoft", [attribute_int(*a) for a in sizes])
constants = [tensor("a", [64, 1200], noise(76800)), tensor("b", [1200], noise(1200)),
             tensor("c", [1200, 64], noise(76800))]
save("model.onnx", graph(
    [node("MatMul", ["x", "a"], ["p"]), node("Add", ["p", "b"], ["q"]), node("Relu", ["q"], ["r"]),
     node("MatMul", ["r", "c"], ["s"]), packed("s", "t", 4, 0), packed("t", "u", 4, 4), packed("u", "y", 2, 0)],
    [value("x", [1, 64])], [value("y", [1, 64])], constants), 21, field(8, field(1, "com.microsoft") + field(2, 1)))

# Constants of every type, of sizes around a row of 1024 elements, with random bits: NaNs are among them.
bytes_of = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
sizes = 1, 1023, 1024, 2051
random.seed(1)
def constant(name, size, dtype):
    raw = random.randbytes(size * bytes_of[dtype])
    raw = bytes(b & 1 for b in raw) if dtype == 9 else raw
    return field(1, size) + field(2, dtype) + field(8, name) + field(9, raw)
nodes, constants, outputs = [], [], []
for dtype in bytes_of:
    for size in sizes:
        name = "%d_%d" % (dtype, size)
        constants += [constant("a" + name, size, dtype), constant("b" + name, size, dtype)]
        nodes.append(node("Where", ["x%d" % size, "a" + name, "b" + name], ["y" + name]))
        outputs.append(value("y" + name, [size], dtype))
save("large.onnx", graph([node("Add", ["x", "b"], ["p"]), node("Relu", ["p"], ["y"])],
                         [value("x", [30000, 1])], [value("y", [30000, 30000])],
                         [tensor("b", [30000], noise(30000))]))
save("types.onnx", graph(nodes, [value("x%d" % s, [s], 9) for s in sizes], outputs, constants))
SOURCE
compile() { # OUT OPTION...
    expect 0 '' "$LPC" model.onnx --quiet -o "$@"
}
run() { # OUT: its outputs for noise, in OUT.npy
    expect 0 '' "$LPC" run "$1" --seed 1 --output "$1.outputs"
    cat "$1".outputs/* >"$1.npy"
}

# ---- The same results from both forms ----
compile objects --emit c
compile arrays --emit c --weights c
compile plain --portable
compile plain-arrays --portable --weights c
for out in objects arrays plain plain-arrays; do run $out; done
cmp objects.npy arrays.npy || fail "vector code computes something else with arrays"
cmp plain.npy plain-arrays.npy || fail "plain C computes something else with arrays"
[ -s arrays/host/weights_2.c ] && [ ! -e arrays/host/weights.o ] || fail "arrays: $(ls arrays/host)"
for way in "--emit c" "--portable"; do
    rm -rf types-elf* types-c*
    for weights in elf c; do
        # shellcheck disable=SC2086
        expect 0 '' "$LPC" types.onnx --quiet $way --weights $weights -o types-$weights
        run types-$weights
    done
    cmp types-elf.npy types-c.npy || fail "$way: types: C arrays hold something else than objects"
done
compile again --emit c --weights c
diff -r arrays/host again/host >/dev/null || fail "arrays are not the same twice"
if [ "${LPC_HAS_LLVM:-1}" = 1 ]; then
    expect 1 'not with --emit llvm' "$LPC" model.onnx --emit llvm --weights c -o never
else
    expect 2 "expected obj, c" "$LPC" model.onnx --emit llvm --weights c -o never
fi
[ ! -e never ] || fail "a refused compilation left a folder"
for cc in gcc clang-19 clang; do
    command -v $cc >/dev/null || continue
    for file in model weights_1 weights_2; do
        $cc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$LPC_SOURCE/runtime" \
            -c plain-arrays/host/$file.c -o $file.o >log 2>&1 || fail "$cc $file.c: $(head -3 log)"
    done
    $cc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -c types-c/host/weights_1.c -o types.o \
        >log 2>&1 || fail "$cc, all types: $(head -3 log)"
done

# ---- Machines of 32 bit ----
mkdir targets
target() { # NAME TRIPLE
    sed "s/\"triple\": *\"[^\"]*\"/\"triple\": \"$2\"/; s/\"features\": *\[[^]]*\]/\"features\": []/
         s/\"cc\": *\[[^]]*\]/\"cc\": [\"no-such-compiler\"]/; s/\"aliases\".*//" \
        "$LPC_SOURCE/targets/riscv64.json" >"targets/$1.json"
}
elf() { # NAME TRIPLE CLASS MACHINE FLAGS
    target "$1" "$2"
    compile "$1" --portable --target-dir targets --targets "$1"
    LC_ALL=C readelf -hsW "$1/$1/weights.o" >log 2>&1 && ! grep -i warning log && grep -q "Class: *$3" log &&
        grep -q "Machine: *$4" log && grep -q "Flags: *$5" log && grep -q "GLOBAL HIDDEN .*model_weights" log ||
        fail "$2: $(head -c 600 log)"
}
elf arm arm-linux-gnueabihf ELF32 ARM 0x5000000
elf i686 i686-linux-gnu ELF32 'Intel 80386' 0x0
elf riscv32 riscv32-unknown-elf ELF32 RISC-V 0x0
elf riscv riscv64-linux-gnu ELF64 RISC-V 0x4
# What a program of 32 bit cannot hold is refused, whatever memory there is said to be.
expect 1 "layer 'Relu_1' fits on no device: .* the best device, arm, has" "$LPC" large.onnx --portable \
    --target-dir targets --targets arm -o never
expect 1 "tensor 'y' takes 3600000000 bytes: a program for target 'arm' .* addresses 2147483647$" \
    "$LPC" plan large.onnx --portable --target-dir targets --targets arm --capacity 64GB
expect 0 '' "$LPC" plan large.onnx --portable --target-dir targets --targets riscv --capacity 64GB
sed -i 's/"memory": *"[^"]*"/"memory": "3GB"/' targets/arm.json
expect 1 "arm.json: field 'memory': expected at most 2147483647 bytes.*arm-linux-gnueabihf.*got 3000000000" \
    "$LPC" model.onnx --target-dir targets --targets arm -o never
cat >start.s <<'SOURCE'
.globl _start
_start: movl model_weights, %eax
movl $model_weights+4, %eax
SOURCE
if as --32 start.s -o start.o 2>/dev/null && ld -m elf_i386 -V >/dev/null 2>&1; then
    ld -m elf_i386 start.o i686/i686/weights.o -o start >log 2>&1 || fail "ld: $(cat log)"
    LC_ALL=C readelf -sW start | grep -q model_weights || fail "the weights are not in the program"
fi

# ---- Big-endian machines ----
big=(-U__BYTE_ORDER__ -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__)
for out in objects arrays plain; do
    expect 1 'error.*big-endian' gcc -std=c11 "${big[@]}" -I"$LPC_SOURCE/runtime" -fsyntax-only $out/host/model.c
done
expect 0 '' gcc -std=c11 "${big[@]}" -I"$LPC_SOURCE/runtime" -fsyntax-only plain-arrays/host/model.c
expect 1 'error.*little-endian' gcc -std=c11 "${big[@]}" -I"$LPC_SOURCE/runtime" -fsyntax-only \
    -DLPC_STAGE_MAIN plain-arrays/host/stage.c
target power powerpc64-linux-gnu
compile big --portable --target-dir targets --targets power
[ -s big/power/weights_1.c ] || fail "power: $(ls big/power)"
clang=$(command -v clang-19 || command -v clang)
linker=$(command -v ld.lld-19 || command -v ld.lld || command -v powerpc64-linux-gnu-ld)
if [ -z "$clang" ] || [ -z "$linker" ] || ! command -v qemu-ppc64 >/dev/null; then
    echo "ports: no clang, linker or qemu for powerpc64 here: big-endian code is not run"
    [ "$failures" = 0 ]
    exit
fi
mkdir shim # what model.c wants of a C library
echo 'void *memcpy(void *, const void *, __SIZE_TYPE__); void *memset(void *, int, __SIZE_TYPE__);' >shim/string.h
echo '#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define fabsf __builtin_fabsf
float rintf(float);' >shim/math.h
cat >main.c <<'SOURCE'
#include "model.h"
_Alignas(64) static unsigned char workspace[MODEL_WORKSPACE_BYTES + 64];
_Alignas(64) static float in[64], out[64];
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{
    for (__SIZE_TYPE__ i = 0; i < n; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int byte, __SIZE_TYPE__ n)
{
    for (__SIZE_TYPE__ i = 0; i < n; i++) ((volatile char *)to)[i] = (char)byte;
    return to;
}
/* The bits of the outputs, most significant first, and the status. */
static int compute(unsigned char text[64 * 4])
{
    const void *inputs[] = {in};
    void *outputs[] = {out};
    for (int i = 0; i < 64; i++) in[i] = (float)(i * 37 % 64 - 32) / 16;
    int code = model_run(inputs, outputs, NULL, workspace, NULL, NULL);
    for (int i = 0; i < 64; i++) {
        union { float f; uint32_t u; } bits = {.f = out[i]};
        for (int k = 0; k < 4; k++) text[4 * i + k] = (unsigned char)(bits.u >> (24 - 8 * k));
    }
    return code;
}
#ifdef __powerpc64__
float rintf(float x) /* of a byte: halves go to even numbers as sums are rounded */
{
    volatile float sum = x + 12582912.0f;
    return sum - 12582912.0f;
}
static long call(long number, long a, long b, long c)
{
    register long r0 __asm__("0") = number, r3 __asm__("3") = a, r4 __asm__("4") = b, r5 __asm__("5") = c;
    __asm__ volatile("sc" : "+r"(r3) : "r"(r0), "r"(r4), "r"(r5) : "memory");
    return r3;
}
void _start(void)
{
    static unsigned char text[64 * 4];
    int code = compute(text);
    call(4, 1, (long)text, sizeof text);
    call(1, code, 0, 0);
    for (;;) continue;
}
#else
#include <unistd.h>
int main(void)
{
    static unsigned char text[64 * 4];
    int code = compute(text);
    return write(1, text, sizeof text) == sizeof text ? code : 99;
}
#endif
SOURCE
for file in big/power/model.c big/power/weights_*.c main.c; do
    "$clang" --target=powerpc64-linux-gnu -mabi=elfv2 -std=c11 -O1 -ffreestanding -fno-stack-protector -Ishim -Ibig/power \
        -I"$LPC_SOURCE/runtime" -c "$file" -o "$(basename "$file" .c).big.o" >log 2>&1 || fail "clang $file: $(head -5 log)"
done
"$linker" -static ./*.big.o -o big-program >log 2>&1 || fail "linking for powerpc64: $(head -5 log)"
gcc -std=c11 -O1 -Iplain-arrays/host -I"$LPC_SOURCE/runtime" main.c plain-arrays/host/model.c \
    plain-arrays/host/weights_*.c -lm -o little-program >log 2>&1 || fail "gcc: $(head -5 log)"
./little-program >little || fail "the program of this machine"
qemu-ppc64 ./big-program >big.out || fail "the program of powerpc64: $?"
[ -s little ] && cmp little big.out || fail "powerpc64 computes something else"
[ "$failures" = 0 ]
