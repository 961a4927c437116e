#!/bin/bash
# Names: of models that meet in one program, and of tensors and sizes that would become one identifier.
# timeout: 300
set -uo pipefail
[ -x "$LPC" ] && command -v python3 >/dev/null || { echo "names: needs lpc and python3"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
cd "$work" || exit 1
python3 - "$LPC_SOURCE/tests/scripts" <<'END'
import os, sys
sys.path.insert(0, sys.argv[1])
from onnx_writer import *

def save_as(path, nodes, inputs, outputs):
    save(path, graph(nodes, inputs, outputs))

x, y = value("x", [4]), value("y", [4])
os.makedirs("a"), os.makedirs("b")
save_as("a/model.onnx", [node("Relu", ["x"], ["y"])], [x], [y])
save_as("b/model.onnx", [node("Neg", ["x"], ["y"])], [x], [y])
for name in ["my-model", "my_model", "\u6a21\u578b", "\u732b", "lpc", "8x", "main"]:
    save_as(name + ".onnx", [node("Neg", ["x"], ["y"])], [x], [y])
# Three inputs, outputs and sizes whose names differ only in what an identifier does not hold.
names = ["t/1", "t.1", "t_1", "X", "x", "0_BYTES", "\u732b"]
save_as("tensors.onnx", [node("Neg", [n], [n + "'"]) for n in names],
        [value(n, ["N", "n"] if n == "X" else [i + 1]) for i, n in enumerate(names)],
        [value(n + "'", ["N", "n"] if n == "X" else [i + 1]) for i, n in enumerate(names)])
END
compile() { "$LPC" "$1" -o "$2" --no-link --quiet "${@:3}" >log 2>&1 || fail "$1: $(cat log)"; }
cc="cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I$LPC_SOURCE/runtime"

# Two folders' model.onnx under one name: an error of the compiler in one file, of the linker in two.
for emit in obj c; do
    compile a/model.onnx "a-$emit" --emit $emit
    compile b/model.onnx "b-$emit" --emit $emit
    for m in a b; do
        folder=$m-$emit/host
        [ $emit = c ] && { cc -O1 -w -std=c11 "-I$LPC_SOURCE/runtime" -march=native -c "$folder/model.c" \
            -o "$folder/model.o" || fail "model.c of $m"; }
        ar rcs "lib$m.a" "$folder/model.o"
        printf '#include "%s/model.h"\nint %s(const void *const *in, void *const *out);\n' "$folder" $m >$m.c
        printf 'int %s(const void *const *in, void *const *out)\n{\n' $m >>$m.c
        printf '    return model_run(in, out, 0, 0, 0, 0);\n}\n' >>$m.c
        $cc -c $m.c -o $m.o || fail "the header of $m"
    done
    printf 'int a(const void *const *in, void *const *out);\nint b(const void *const *in, void *const *out);\n' >main.c
    printf 'int main(void)\n{\n    return a(0, 0) + b(0, 0);\n}\n' >>main.c
    $cc -c main.c -o main.o
    expect 1 'multiple definition|duplicate symbol' cc main.o a.o b.o liba.a libb.a -lm -o both
    printf '#include "a-%s/host/model.h"\n#include "b-%s/host/model.h"\n' $emit $emit >both.c
    expect 1 'two models are called model' $cc -c both.c -o both.o
    printf '#include "a-%s/host/model.h"\n#include "a-%s/host/model.h"\n' $emit $emit >twice.c
    expect 0 '' $cc -Wno-unused -c twice.c -o twice.o
done

# With names of their own they live in one program, and each answers for itself.
compile a/model.onnx first --name first
compile b/model.onnx second --name second
cat >apart.c <<'END'
#include "first/host/first.h"
#include "second/host/second.h"
#include <stdio.h>
static _Alignas(64) unsigned char workspace[FIRST_WORKSPACE_BYTES + SECOND_WORKSPACE_BYTES + 64];
int main(void)
{
    _Alignas(64) float x[4] = {-1, 2, -3, 4}, y[4], z[4];
    const void *in[] = {x};
    void *out[] = {y}, *other[] = {z};
    if (first_run(in, out, 0, workspace, 0, 0) || second_run(in, other, 0, workspace, 0, 0)) return 1;
    printf("%g %g\n", (double)y[0], (double)z[0]);
    return 0;
}
END
$cc apart.c first/host/model.o second/host/model.o -lm -o apart && [ "$(./apart)" = "0 1" ] ||
    fail "two models in one program: $(./apart)"

# Names that would become one identifier stay apart; every function is an identifier.
functions=$(for m in my-model my_model 模型 猫 lpc 8x main; do
    compile "$m.onnx" "out-$m" --emit c --portable
    grep -o '[a-zA-Z0-9_]*_run;' "out-$m"/host/model.h
    $cc -w -c "out-$m/host/model.c" -o "$m.o" || echo "model.c of $m does not compile" >&2
done)
[ "$(sort -u <<<"$functions" | wc -l)" = 7 ] || fail "functions: $functions"
grep -qx 'my_model_run;' <<<"$functions" || fail "my_model keeps its name"
ld -r my-model.o my_model.o 模型.o 猫.o lpc.o 8x.o main.o -o all.o || fail "models of different names in one program"

# Macros of tensors and sizes: none is defined twice.
compile tensors.onnx tensors --emit c --portable --max N=5 --max n=6
twice=$(sed -n 's/^#define \([A-Za-z0-9_]*\).*/\1/p' tensors/host/model.h | sort | uniq -d)
[ -z "$twice" ] || fail "defined twice: $twice"
for name in T_1_0 T_1_1 T_1_2 X_3 X_4 0_BYTES_5; do
    grep -q "#define TENSORS_IN_$name " tensors/host/model.h || fail "no TENSORS_IN_$name"
done
grep -q '#define TENSORS_SIZE_N_0 ' tensors/host/model.h && grep -q '#define TENSORS_SIZE_N_1 ' tensors/host/model.h ||
    fail "sizes N and n: $(grep SIZE_ tensors/host/model.h)"
cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$LPC_SOURCE/runtime" -c tensors/host/model.c -o tensors.o &&
    cc -std=c11 -Wall -Wextra -Werror -I"$LPC_SOURCE/runtime" -c tensors/host/stage.c -o stage.o || fail "tensors.onnx in C"
[ "$failures" = 0 ]
