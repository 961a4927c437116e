#!/bin/bash
# Random operators: the numbers have their laws; every backend, number of threads and cut has the same
# bits; another seed, and with --random-input another run, has others.
# timeout: 300
set -uo pipefail
command -v python3 >/dev/null || { echo "random_laws: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
laws() {
    python3 "$LPC_SOURCE/tests/scripts/random_laws.py" "$@"
}
cd "$work" || exit 1
laws write random.onnx || exit 1

draw() { # NAME LPC-OPTION...: the outputs are in NAME.out
    "$LPC" random.onnx --quiet -o "$1" "${@:2}" >log 2>&1 || fail "$1: $(tail -n 2 log)"
    "$LPC" run "$1" --output "$1.out" >log 2>&1 || fail "$1: $(tail -n 2 log)"
}

draw whole
said=$(laws check whole.out) || fail "$said"
draw c --emit c
draw portable --portable --threads 1
draw threads --threads 3
draw plain --no-plan
draw two --targets host,host --cut-after normal
for way in c portable threads plain two; do
    diff -r whole.out $way.out >log || fail "$way: other numbers: $(head -n 2 log)"
done

draw other --random-seed 1
for name in uniform double hits; do # without a seed of their own
    cmp -s whole.out/$name.npy other.out/$name.npy && fail "--random-seed 1: $name is the same"
done
cmp -s whole.out/normal.npy other.out/normal.npy || fail "--random-seed: changes a node that has a seed"
said=$(laws check other.out) || fail "--random-seed 1: $said"

"$LPC" random.onnx --quiet -o again --random-input run >log 2>&1 || fail "--random-input: $(tail -n 2 log)"
for number in 0 1; do
    laws number run$number.npy $number
    "$LPC" run again --input run=run$number.npy --output run$number >log 2>&1 || fail "run $number: $(tail -n 2 log)"
done
diff -r whole.out run0 >log || fail "run 0 of --random-input is not what there is without it"
for name in uniform normal hits classes dropped; do
    cmp -s run0/$name.npy run1/$name.npy && fail "--random-input: $name is the same in run 1"
done
said=$(laws check run1) || fail "run 1: $said"

# `lpc check`: other numbers than expected are right only where numbers were drawn.
laws cases . || exit 1
expect 0 "'drawn': f32.3. of other random numbers" "$LPC" check --emit eval right/model.onnx right/test_data_set_0
expect 0 "'carried': f32.3. of other random numbers" "$LPC" check --emit eval right/model.onnx right/test_data_set_0
expect 3 "'plain'.*MISMATCH" "$LPC" check --emit eval wrong/model.onnx wrong/test_data_set_0
expect 3 "'still'.*MISMATCH" "$LPC" check --emit eval wrong/model.onnx wrong/test_data_set_0
expect 3 "'drawn'.*MISMATCH" "$LPC" check --emit eval short/model.onnx short/test_data_set_0
[ "$failures" = 0 ] && echo "random_laws: $(ls whole.out | wc -l) outputs, 6 ways, the same bits"
[ "$failures" = 0 ]
