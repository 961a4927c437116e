#!/bin/bash
# lpc installed, then used by the projects of examples/: configure, build, run, rebuild on a change.
# timeout: 300
set -euo pipefail
[ -x "$LPC" ] || { echo "examples: needs lpc: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "examples: $*" >&2; exit 1; }

cmake --install "$LPC_BUILD" --prefix "$work/prefix" >/dev/null
for file in bin/lpc bin/lpc-opt share/lpc/targets/pc.json share/lpc/runtime/lpc_model.h \
    include/lpc_model.h lib/cmake/lpc/lpcConfig.cmake; do
    [ -e "$work/prefix/$file" ] || fail "not installed: $file"
done
"$work/prefix/bin/lpc" targets >"$work/table"
grep -q '^pi5 ' "$work/table" || fail "the installed lpc has no targets"

cp -r "$LPC_SOURCE/examples" "$work/examples"
cp "$LPC_SOURCE/models/digits/digits.onnx" "$work/"
configure() { # EXAMPLE BUILD OPTION...
    cmake -S "$work/examples/$1" -B "$work/$2" -DCMAKE_PREFIX_PATH="$work/prefix" \
        -DMODEL="$work/digits.onnx" "${@:3}" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; fail "$1: cannot configure"; }
}
build() { cmake --build "$work/$1" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$1: no build"; }; }
answers() { # BUILD: it sees a zero
    answer=$("$work/$1/app")
    echo "$1: $answer"
    case $answer in '0 '*) ;; *) fail "$1: expected the answer 0" ;; esac
}
for emit in obj c portable arrays; do
    configure bare-c "bare-$emit" -DEMIT=$emit
    build "bare-$emit"
    answers "bare-$emit"
done
answers bare-obj
first=$answer

# What lpc would refuse in the build is refused when that is configured.
refused() { # PATTERN ARGUMENT...: of lpc_add_model
    mkdir -p "$work/refused"
    printf 'cmake_minimum_required(VERSION 3.20)\nproject(p C)\nfind_package(lpc REQUIRED)\nlpc_add_model(%s)\n' \
        "NAME digits MODEL $work/digits.onnx ${*:2}" >"$work/refused/CMakeLists.txt"
    ! cmake -S "$work/refused" -B "$work/refused/build" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" 2>&1 ||
        fail "lpc_add_model ${*:2}: configured"
    [ "$(grep -c 'CMake Error' "$work/log")" = 1 ] && grep -q "lpc_add_model: $1" "$work/log" ||
        { cat "$work/log" >&2; fail "lpc_add_model ${*:2}: another message"; }
}
refused 'WEIGHTS c needs EMIT c' EMIT obj WEIGHTS c
refused 'PORTABLE needs EMIT c' EMIT obj PORTABLE
refused 'WEIGHTS is elf or c, not o' WEIGHTS o
refused 'EMIT is obj or c, not llvm' EMIT llvm
if command -v c++ >/dev/null; then
    configure bare-cpp bare-cpp -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror"
    build bare-cpp
    answers bare-cpp
    [ "$answer" = "$first" ] || fail "C++ and C differ"
fi
for emit in obj c portable; do
    configure custom-op "custom-$emit" -DEMIT=$emit
    build "custom-$emit"
    answer=$("$work/custom-$emit/app")
    echo "custom-op, $emit: $answer"
    [ "$answer" = "10 samples changed, y[7] = -0.0789, y[25] = -0.2895" ] || fail "custom-op, $emit: another answer"
done
# Twice in one program, and cut in two, of which one stage has the operator.
cp -r "$work/examples/custom-op" "$work/examples/custom-twice"
cat >"$work/examples/custom-twice/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(custom_twice C)
find_package(lpc REQUIRED)
lpc_add_model(NAME sensor MODEL sensor.onnx CUSTOM sensors::Despike=despike.c OPTIONS --max n=64)
lpc_add_model(NAME cut MODEL sensor.onnx CUSTOM sensors::Despike=despike.c TARGETS host host
              OPTIONS --max n=64 --cut-after despike)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/more.c
     "#include <cut_host.h>\n#include <cut_host_2.h>\nlpc_run_fn *const stages[] = {cut_host_run, cut_host_2_run};\n")
add_executable(app main.c ${CMAKE_CURRENT_BINARY_DIR}/more.c)
target_link_libraries(app PRIVATE sensor cut_host cut_host_2)
END
configure custom-twice custom-twice
build custom-twice
[ "$("$work/custom-twice/app")" = "$answer" ] || fail "custom-twice: another answer"
configure two-models two
build two
answers two
if command -v qemu-aarch64 >/dev/null && command -v aarch64-linux-gnu-gcc >/dev/null; then
    LPC=$work/prefix/bin/lpc MODEL=$work/digits.onnx "$work/examples/pipeline/run.sh" "$work/out" >"$work/log" ||
        { cat "$work/log" >&2; fail "pipeline"; }
else
    echo "pipeline: not run, there is no arm64 toolchain with its emulator"
fi

# Nothing changed: nothing is compiled again. Then another scale of the pixels: other weights.
before=$(stat -c %y "$work/bare-obj/digits.lpc/host/model.o")
build bare-obj
[ "$before" = "$(stat -c %y "$work/bare-obj/digits.lpc/host/model.o")" ] || fail "built without need"
at=$(LC_ALL=C grep -obUaP '\x00\x00\x80\x3d' "$work/digits.onnx" | head -n 1 | cut -d: -f1)
printf '\x00\x00\x00\x3d' | dd of="$work/digits.onnx" bs=1 seek="$at" conv=notrunc status=none
build bare-obj
second=$("$work/bare-obj/app")
echo "app, after the model changed: $second"
[ "$first" != "$second" ] || fail "the model changed and its answer did not"
