#!/bin/bash
# Operators of every family, whose values op_cases.py and its kin compute, through the evaluator and every backend:
# what the official tests (conformance.sh, backends.sh) show of them all, in small and without ../shared. C with vectors
# and plain C take turns from case to case.
# labels: asan
# timeout: 900
set -uo pipefail
command -v python3 >/dev/null || { echo "operators: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
families="op_cases narrow_cases microsoft_cases microsoft_small_cases attention_cases ml_cases training_cases
    quantised_cases packed_cases string_cases one_each_cases"
for family in $families; do
    PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/$family.py" "$work/cases" || exit 1
done
cd "$work/cases" || exit 1
ways=("--emit eval" "--emit eval --no-plan" "--emit eval --portable")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj" "odd --emit c" "even --portable" "--emit eval --stages 2")
check_cases
echo "operators: $count families, ${#ways[@]} ways each"
[ "$failures" = 0 ]
