#!/bin/bash
# A NaN decides the same wherever it stands: at every position, in rows around the width of a vector, in
# every backend. docs/operators.md says what it decides.
# labels: asan slow
# timeout: 300
set -uo pipefail
command -v python3 >/dev/null || { echo "nan: no python3 here: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/nan.py" "$work/models" || exit 1
cd "$work/models" || exit 1
count=$(ls | wc -l)
ways=("--emit eval" "--emit obj" "--emit c" "--portable")
[ "${LPC_SANITIZED:-0}" = 1 ] && ways=("--emit eval")
for way in "${ways[@]}"; do
    # shellcheck disable=SC2086
    ls | xargs -P 2 -n 4 "$LPC" check $way --rtol 1e-5 --atol 1e-6 --each >"$work/results"
    [ "$(grep -c '^PASS ' "$work/results")" = "$count" ] && continue
    fail "$way:"
    grep -v '^PASS ' "$work/results"
done
echo "nan: $count widths, ${#ways[@]} ways each"
[ "$failures" = 0 ]
