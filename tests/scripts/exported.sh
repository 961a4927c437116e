#!/bin/bash
# Models as real exporters write them (exported.py): what they say beside the nodes is read, or told and not
# obeyed. Through the evaluator, every backend and two stages.
# labels: asan
# timeout: 300
set -uo pipefail
command -v python3 >/dev/null || { echo "exported: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/exported.py" "$work" || exit 1
cd "$work" || exit 1
ways=("--emit eval")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj" "--emit c" "--portable" "--emit eval --stages 2")
check_cases

for said in "'a' is of size 5 in dimension 0; it is 4" "'b' is of type i64; it is f32" "'y' is of size 7 in dimension 0"; do
    expect 0 "the model states that $said" "$LPC" check --emit eval contradiction/model.onnx contradiction/test_data_set_0
    [ "$(grep -c "$said" log)" = 1 ] || fail "told more than once: $said"
done
for name in */; do
    [ "$name" = contradiction/ ] && continue
    "$LPC" inspect "$name/model.onnx" >/dev/null 2>log
    grep -q "the model states" log && fail "$name: $(cat log)"
done
echo "exported: $count models, ${#ways[@]} ways"
[ "$failures" = 0 ]
