#!/bin/bash
# Operators with several outputs: whatever is left out, without a name or because nothing uses it, the
# others are what they are when all are there.
# labels: asan slow
# timeout: 300
set -uo pipefail
command -v python3 >/dev/null || { echo "optional_outputs: no python3 here: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/optional_outputs.py" "$work" "$LPC_SOURCE/ir/ops" || exit 1
cd "$work" || exit 1

# The wanted values are those of the whole operator, which conformance.sh checks.
for model in */whole.onnx; do
    op=${model%/*}
    inputs=()
    for file in "$op"/input_*.npy; do
        i=${file##*input_}
        inputs+=(--input "x${i%.npy}=$file")
    done
    "$LPC" "$model" -o "$op/out" --quiet >log 2>&1 &&
        "$LPC" run "$op/out" "${inputs[@]}" --output "$op/wanted" >log 2>&1 ||
        fail "$op: $(tail -n 2 log)"
done
for wanted in */wanted; do
    [ -d "$wanted" ] && continue
    read -r op left <"$wanted"
    data=${wanted%/*}/test_data_set_0
    mkdir "$data"
    i=0
    for file in "$op"/input_*.npy; do cp "$file" "$data/input_$((i++)).pb"; done
    i=0
    for name in $left; do cp "$op/wanted/$name.npy" "$data/output_$((i++)).pb"; done
done
total=0
check() { # WAY FOLDER...
    local way=$1
    shift
    total=$((total + $#))
    printf '%s\n' "$@" | xargs -P 2 -n 20 "$LPC" check $way --rtol 1e-5 --atol 1e-6 --each >results
    [ "$(grep -c '^PASS ' results)" = $# ] && return
    fail "lpc check $way: not all of $# pass"
    grep -v '^PASS ' results
}
check "--emit eval" ./*-absent-* ./*-unused-*
if [ "${LPC_SANITIZED:-0}" != 1 ]; then
    check "--emit obj" ./*-absent-*
    check "--emit c" ./*-unused-*
    check --portable ./*-absent-*
fi
echo "optional_outputs: $total checks"
[ "$failures" = 0 ]
