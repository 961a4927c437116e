#!/bin/bash
# liblpc as a stranger finds it: installed, found by pkg-config, by CMake and by a C++ compiler, and what
# it makes is what lpc makes.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
model=$LPC_SOURCE/models/digits/digits.onnx
cd "$work" || exit 1
cmake --install "$LPC_BUILD" --prefix "$work/prefix" >/dev/null || fail "cmake --install"
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
sanitize=
[ "${LPC_SANITIZED:-0}" = 1 ] && sanitize="-fsanitize=address,undefined"
export LD_LIBRARY_PATH=$work/prefix/lib PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
flags=$(pkg-config --cflags --libs lpc) || fail "pkg-config does not know lpc"
example=$LPC_SOURCE/examples/library

expect 0 '' cc -std=c11 $warnings -Wstrict-prototypes $sanitize "$example/main.c" $flags -o app
expect 0 'out/host: [0-9]* layers on host, [0-9]* bytes of weights' ./app "$model" out
grep -q '^input .*: f32\[' log || fail "the example tells no input: $(cat log)"
expect 0 host "$LPC" "$model" -o by_command
expect 0 '' diff -r out by_command
expect 0 'two/pc: ' ./app "$model" two pc,pi
expect 0 '' "$LPC" "$model" --targets pc,pi -o two_by_command
expect 0 '' diff -r two two_by_command
expect 1 "unknown target 'nowhere'" ./app "$model" no nowhere
expect 1 "output folder 'out' exists already" ./app "$model" out
expect 1 'none.onnx: ' ./app none.onnx no
[ -e no ] && fail "something was left of what failed"

# C++, and nothing of the inside shows.
if command -v c++ >/dev/null; then
    cat >main.cpp <<'C'
#include <lpc/lpc.h>
#include <lpc_model.h>
#include <cstdio>
int main()
{
    lpc_compiler *compiler = lpc_create();
    lpc_status status = lpc_set(compiler, "bindd", "n=1");
    std::printf("%s: %s\n", lpc_status_text(status), lpc_message(compiler, 0));
    lpc_destroy(compiler);
    return status == LPC_STATUS_USAGE ? 0 : 1;
}
C
    expect 0 '' c++ -std=c++11 $warnings $sanitize main.cpp $flags -o cpp
    expect 0 "there is no option 'bindd': did you mean 'bind'\?" ./cpp
fi
nm -D --defined-only "$work/prefix/lib/liblpc.so" | awk '$2 ~ /[TDBR]/ {print $3}' | sort >shown
grep -vE '^lpc_[a-z_]*$|^_(init|fini|end|edata)$|^__' shown >others
[ ! -s others ] || fail "liblpc shows $(head -5 others | tr '\n' ' ')"
grep -oE 'LPC_API [^;]*\blpc_[a-z_]+\(' "$LPC_SOURCE/include/lpc/lpc.h" | grep -oE 'lpc_[a-z_]+\($' |
    tr -d '(' | sort -u >declared
[ "$(comm -23 declared shown | wc -l)" = 0 ] || fail "declared only: $(comm -23 declared shown)"

# The commands are users of the header: they include nothing else of the library.
inside=$(grep -H '#include "' "$LPC_SOURCE"/tools/{lpc,opt}/*.[ch] | grep -vE '"(tools/lpc/|include/lpc/)')
[ -z "$inside" ] || fail "not by the public header: $inside"

expect 0 '' cmake -S "$example" -B cmake-build -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DCMAKE_C_FLAGS="$sanitize"
expect 0 '' cmake --build cmake-build
expect 0 'again/host' cmake-build/app "$model" again
[ "$failures" = 0 ]
