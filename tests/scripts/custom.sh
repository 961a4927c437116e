#!/bin/bash
# Operators of a user's own: the models of custom_cases.py with the functions of custom_ops/ through the
# evaluator and every backend, as one stage and as two; sizes that are known at run time only; what lies in
# packages, and what is told about whatever is wrong.
# labels: asan slow
# timeout: 1800
set -uo pipefail
command -v python3 >/dev/null || { echo "custom: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/custom_cases.py" "$work/cases" || exit 1
cp -r "$LPC_SOURCE/tests/scripts/custom_ops" "$work/ops"
ops=()
for op in acme::Scale acme::Window acme::Positive acme::Square; do ops+=(--custom "$op=$work/ops/acme.c"); done
for op in org.other::Told org.other::Pick org.other::Wrong Twice ai.onnx::Neg; do
    ops+=(--custom "$op=$work/ops/more.c")
done
cd "$work/cases" || exit 1
count=$(ls | wc -l)

# Every case through the evaluator; in other ways those that differ for them.
some="scale second_output_only transposed concatenated sliced with_a_constant input_left_out type_f16 type_string
type_string_dense type_i4 attributes counted counted_square branch_1 loop"
ways=("--emit eval" "--emit eval --no-plan")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj" "--emit c" "--portable --weights c")
for options in "${ways[@]}"; do
    cases=$(ls)
    [ "$options" = "--emit eval" ] || cases=$some
    # shellcheck disable=SC2086
    xargs -P 2 -n 8 "$LPC" check $options "${ops[@]}" --each <<<"$cases" >"$work/results" 2>&1
    passed=$(grep -c '^PASS ' "$work/results")
    [ "$passed" = "$(wc -w <<<"$cases")" ] ||
        fail "lpc check $options: $passed of $(wc -w <<<"$cases") pass: $(grep -v '^PASS ' "$work/results")"
done

# Composed equals whole.
cut=0
for c in scale twice_in_a_row concatenated counted_then_scaled counted_square channels; do
    for emit in eval c; do
        "$LPC" check --emit $emit --stages 2 "${ops[@]}" --each $c >"$work/results" 2>&1
        grep -q '^PASS ' "$work/results" && cut=$((cut + 1)) || fail "$c in two stages: $(cat "$work/results")"
    done
done

# One program for all sizes; what the shape function says at run time is obeyed or refused.
cd "$work/run" || exit 1
for emit in obj c; do
    "$LPC" sized.onnx -o sized --emit $emit --quiet --max n=8 "${ops[@]}" >log 2>&1 || fail "sized: $(cat log)"
    for n in 2 3 5 8; do
        "$LPC" run sized --input x=x$n.npy --output got >log 2>&1 || fail "sized, n=$n: $(cat log)"
        python3 - got "expected$n" <<'END' || fail "sized, n=$n, --emit $emit"
import struct, sys
for name, line in zip("wqp", open(sys.argv[2])):
    data = open("%s/%s.npy" % (sys.argv[1], name), "rb").read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    values = struct.unpack("<%df" % ((len(data) - start) // 4), data[start:])
    assert list(values) == [float(v) for v in line.split()], (name, values, line)
END
    done
    rm -rf sized got
done
"$LPC" sized.onnx -o sized --quiet --no-link --max n=1000 "${ops[@]}" >log 2>&1 || fail "sized: $(cat log)"
python3 - sized/manifest.json <<'END' || fail "sizes of the outputs of sized.onnx"
import json, sys
w, q, p = [t["dims"] for t in json.load(open(sys.argv[1]))["outputs"]]
assert w == ["floor((n + 1)/3)", "2"], w
assert q == ["square_q_size_0_0", "square_q_size_0_1"] and p == ["positive_p_size_0_0"], (q, p)
END
# runs NAME OPTION...: compiles, then runs
runs() {
    rm -rf out
    "$LPC" "$1.onnx" -o out --quiet "${ops[@]}" "${@:3}" >log 2>&1 || fail "$1: $(cat log)"
    "$LPC" run out --input "x=$2.npy" >log 2>&1
}
runs shorter row4 --max n=8 && grep -q 'y f32\[1,1,2\]' log || fail "shorter than its input by 2: $(cat log)"
runs hill v4 --max n=2000 || fail "hill of 4: $(cat log)"
runs hill v777 --max n=2000 && fail "hill of 777: ran, of a size that nobody foresaw"
grep -q 'out of its bound' log || fail "hill of 777: $(cat log)"
runs too_many v4 && fail "too_many: ran"
grep -q 'out of its bound' log || fail "too_many: $(cat log)"
runs fail v4 && fail "fail: ran"
grep -q 'a value that an operator does not allow' log || fail "fail: $(cat log)"
runs count v4 && grep -q 'y f32\[0\]' log || fail "count: $(cat log)"

# The package: the user's files and those beside them, only in the stages that run them; the same bytes again.
cd "$work/cases" || exit 1
"$LPC" scale/model.onnx -o "$work/p" --quiet --no-link --targets host,host --cut-after abs "${ops[@]}" >"$work/log" 2>&1 ||
    fail "two stages: $(cat "$work/log")"
[ ! -e "$work/p/host/custom.c" ] && cmp -s "$work/p/host-2/custom_1/limits.h" "$work/ops/limits.h" &&
    [ ! -e "$work/p/host-2/custom_2.c" ] || fail "the files of stages: $(ls "$work"/p/*)"
build() { grep -o '"build_id":[[:space:]]*"[^"]*"' "$1/manifest.json"; }
same() { # FOLDER
    rm -rf "$1"
    "$LPC" scale/model.onnx -o "$1" --quiet --no-link "${ops[@]}" >"$work/log" 2>&1 || fail "$1: $(cat "$work/log")"
}
same "$work/a"
same "$work/b"
diff -r "$work/a" "$work/b" >"$work/log" || fail "not the same bytes twice: $(cat "$work/log")"
echo '/* changed */' >>"$work/ops/limits.h"
same "$work/b"
[ "$(build "$work/a")" != "$(build "$work/b")" ] || fail "a file changed, and the build id did not"
# A whole domain from one file.
"$LPC" check --emit eval --custom "acme::*=$work/ops/acme.c" --each scale counted_square >"$work/log" 2>&1
[ "$(grep -c '^PASS ' "$work/log")" = 2 ] && ! grep -q 'has no' "$work/log" || fail "acme::*: $(cat "$work/log")"

# Two models with the same operators in one program: their files' names do not meet.
for name in one other; do
    "$LPC" scale/model.onnx -o "$work/$name" --name $name --emit c --weights c --no-link --quiet "${ops[@]}" \
        >"$work/log" 2>&1 || fail "$name: $(cat "$work/log")"
done
cat >"$work/both.c" <<'END'
#include <one.h>
#include <other.h>
int main(void) { return !one_run == !other_run; }
END
if [ "${LPC_SANITIZED:-0}" != 1 ]; then
    cc -std=c11 -w -I"$work/one/host" -I"$work/other/host" -I"$LPC_SOURCE/runtime" "$work/both.c" "$work"/one/host/*.c \
        "$work"/other/host/*.c -lm -o "$work/both" >"$work/log" 2>&1 || fail "both in one: $(cat "$work/log")"
fi

# What compilers say of it, with the warnings of the strict.
for c in attributes counted_square type_string scale; do
    "$LPC" $c/model.onnx -o "$work/strict" --emit c --portable --weights c --quiet "${ops[@]}" >"$work/log" 2>&1 ||
        fail "$c: $(cat "$work/log")"
    for cc in gcc clang clang-19; do
        command -v $cc >/dev/null || continue
        for file in "$work"/strict/host/custom*.c; do
            $cc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wmissing-prototypes -Wshadow -Werror \
                -I"$work/strict/host/runtime" -c "$file" -o "$work/strict.o" 2>"$work/log" ||
                fail "$cc, $c, $(basename "$file"): $(cat "$work/log")"
        done
    done
    rm -rf "$work/strict"
done
if command -v cmake >/dev/null && [ "${LPC_SANITIZED:-0}" != 1 ]; then
    "$LPC" scale/model.onnx -o "$work/own" --quiet --emit c --weights c "${ops[@]}" >"$work/log" 2>&1
    cmake -S "$work/own/host" -B "$work/own.build" >"$work/log" 2>&1 && cmake --build "$work/own.build" \
        --target model_stage >>"$work/log" 2>&1 || fail "the package's CMake: $(cat "$work/log")"
fi
grep -A12 '"name":.*scale_b"' "$work/a/host/manifest.json" | grep -q '"flops":[[:space:]]*12,' ||
    fail "the operations that the shape function tells are not in the manifest"
if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null && [ "${LPC_SANITIZED:-0}" != 1 ]; then
    for emit in obj c; do
        "$LPC" check --targets pi5 --emit $emit "${ops[@]}" --each counted_square attributes type_f16 >"$work/log" 2>&1
        [ "$(grep -c '^PASS ' "$work/log")" = 3 ] || fail "for another machine, $emit: $(cat "$work/log")"
    done
fi

# ---- What is wrong ----

cd "$work/wrong" || exit 1
# told MODEL MESSAGE OPTION...
told() {
    said=$("$LPC" "$1.onnx" -o "$work/none" --quiet --no-link "${@:3}" 2>&1) && fail "$1: compiled"
    said=$(grep -v 'the model has no' <<<"$said")
    [[ $said == *"$2"* && $(grep -c 'lpc: error' <<<"$said") = 1 ]] || fail "$1: expected '$2', got: $said"
    rm -rf "$work/none"
}
at="node 'wrong_y' (org.other::Wrong, #0): org_other_Wrong_shape"
told refuse "$at refuses: it does not like that" "${ops[@]}"
told silent "$at refuses: it gives no reason" "${ops[@]}"
told abort "$at: it was ended by signal 6" "${ops[@]}"
told hang "$at: its shape function did not answer within 10 s" "${ops[@]}"
told type "$at: output 0: 77 is no type" "${ops[@]}"
told rank "$at: output 0: rank 9, expected 0 to 8" "${ops[@]}"
told negative "$at: output 0: axis 0 has the size -3" "${ops[@]}"
told workspace "$at: -1 bytes of workspace" "${ops[@]}"
told huge "output 0: [4611686018427387903] is too large" "${ops[@]}"
told rank_by_size "$at: output 0: type, rank and what is counted depend on sizes" --max n=8 "${ops[@]}"
told type_of_input "node 'scale_y' (acme::Scale, #0): acme_Scale_shape refuses: expected an input of float" "${ops[@]}"
told constant "node 'wrong_d' (org.other::Wrong, #0): org_other_Wrong refuses: these numbers are wrong" "${ops[@]}"
told graph "node 's' (acme::Scale, #0): attribute 'body' is a graph: --custom takes none" "${ops[@]}"

scale=$work/cases/scale/model
cp "$scale.onnx" scale.onnx
told scale "--custom acme::Scale: cannot read 'nowhere.c': No such file" --custom acme::Scale=nowhere.c
told scale "--custom acme::Scale=acme.o: expected a C file, FILE.c" --custom acme::Scale=acme.o
told scale "--custom acme::Scale is given twice" "${ops[@]}" --custom "acme::Scale=$work/ops/more.c"
told scale "the functions of both are called 'acme_Scale'" "${ops[@]}" --custom "acme.Scale=$work/ops/acme.c"
told scale "--custom 'acme::': expected DOMAIN::OP=FILE.c" --custom "acme::=$work/ops/acme.c"
told scale "does not define the function 'acme_Scale'" --custom "acme::Scale=$work/ops/more.c"
printf '#include "lpc_custom.h"\nint acme_Scale(lpc_custom_call *c) { return c->in_count; }\n' >other_half.c
told scale "'other_half.c' does not define the function 'acme_Scale_shape'" --custom acme::Scale=other_half.c
printf '#include "lpc_custom.h"\nint acme_Scale_shape(lpc_custom_call *call) { return call->in_cont; }\n' >broken.c
told scale "broken.c:2:" --custom acme::Scale=broken.c
printf '#include "lpc_custom.h"\nint acme_Scale_shape(lpc_custom_call *c) { return c->in_count; }\n' >half.c
told scale "'half.c' does not define the function 'acme_Scale'" --custom acme::Scale=half.c
mkdir -p "a folder/below"
cp "$work/ops/acme.c" "a folder/a file.c"
sed -i 's/"limits.h"/"below\/limits.h"/' "a folder/a file.c"
cp "$work/ops/limits.h" "a folder/below"
"$LPC" scale.onnx -o "$work/spaces" --quiet --custom "acme::Scale=a folder/a file.c" >"$work/log" 2>&1 &&
    [ -e "$work/spaces/host/custom_1/below/limits.h" ] || fail "a folder with spaces: $(cat "$work/log")"
mkdir -p inner
printf '#include "../half.c"\n' >inner/outside.c
told scale "'inner/outside.c' includes 'inner/../half.c': packages take files of its own folder only" \
    --custom acme::Scale=inner/outside.c
cp "$work/ops/acme.c" other.c && cp "$work/ops/limits.h" .
told scale "--custom acme::*: '$work/ops/more.c' defines no functions acme_OP and acme_OP_shape" \
    --custom "acme::*=$work/ops/more.c"
told scale "multiple definition" --custom "acme::Scale=$work/ops/acme.c" --custom acme::Window=other.c
expect 2 "--custom 'x': expected DOMAIN::OP=FILE.c" "$LPC" scale.onnx -o "$work/none" --custom x
expect 1 'what lpc lacks can be a C function of yours: --custom acme::Scale=FILE.c' "$LPC" inspect scale.onnx
expect 0 'operators: Abs:1 Mul:1 Sqrt:1 acme::Scale:1' "$LPC" inspect scale.onnx --custom "acme::Scale=$work/ops/acme.c"
expect 0 '--custom: the model has no acme::Window$' "$LPC" inspect scale.onnx --custom "acme::Scale=$work/ops/acme.c" \
    --custom "acme::Window=$work/ops/acme.c"
mkdir "$work/tmp"
TMPDIR=$work/tmp expect 0 'acme::Scale:1' "$LPC" inspect scale.onnx --custom "acme::Scale=$work/ops/acme.c"
TMPDIR=$work/tmp expect 1 'broken.c:2:' "$LPC" inspect scale.onnx --custom acme::Scale=broken.c
[ -z "$(ls "$work/tmp")" ] || fail "temporary folders stay: $(ls "$work/tmp")"
echo "custom: $count cases, ${#ways[@]} ways, $cut in two stages"
[ "$failures" = 0 ]
