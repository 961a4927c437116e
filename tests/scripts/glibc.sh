#!/bin/bash
# Programs for pc, pi and phones start on systems of 2018 and later: they are static, or need nothing of glibc that
# version 2.28 has not. Where this machine lets us, one runs where there is no file beside it.
# timeout: 120
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
command -v readelf >/dev/null || { echo "glibc: no readelf here: skipped"; exit 77; }
cd "$work" || exit 1

newest() { # PROGRAM: the newest version of glibc that it needs; nothing: none
    readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | cut -d _ -f 2
}
is_dynamic() { readelf -lW "$1" | grep -q INTERP; }

# What is looked for is found where it is.
echo 'int main(void) { return 0; }' >plain.c
"${CC:-cc}" plain.c -o plain || { echo "glibc: no C compiler here: skipped"; exit 77; }
is_dynamic plain && [ -n "$(newest plain)" ] || fail "a dynamic program needs nothing: nothing is tested"

made=0
for target in pc pc-avx512 pi4 pi5 android; do
    expect 0 '' "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets $target --quiet -o out-$target
    program=out-$target/$target/stage
    [ -e $program ] || continue # its toolchain is not here
    made=$((made + 1))
    needs=$(newest $program)
    ! is_dynamic $program || [ "$(printf '%s\n' 2.28 "$needs" | sort -V | tail -n 1)" = 2.28 ] ||
        fail "the program for $target needs glibc $needs"
    readelf -hW $program | grep -q 'Type: *DYN' || [ $target = android ] ||
        fail "the program for $target always lies at the same addresses"
done
[ $made -gt 0 ] || { echo "glibc: no toolchain of a target is here: skipped"; exit 77; }

# Nothing but the program and a tensor's worth of memory: no loader, no libraries, no files of the system.
program=out-pc/pc/stage
if [ -e $program ] && [ "$(uname -m)" = x86_64 ]; then
    mkdir root && cp $program root/stage
    alone=(unshare -r chroot root)
    if "${alone[@]}" /stage --version >/dev/null 2>&1; then
        expect 0 'protocol' "${alone[@]}" /stage --version
        cp plain root/plain
        "${alone[@]}" /plain 2>/dev/null && fail "a dynamic program runs there: nothing is tested"
    elif "${alone[@]}" /nothing 2>&1 | grep -q 'No such file'; then
        fail "the program for pc does not run alone: $("${alone[@]}" /stage --version 2>&1)"
    fi
fi
[ "$failures" = 0 ]
