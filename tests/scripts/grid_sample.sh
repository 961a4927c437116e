#!/bin/bash
# GridSample in every mode, padding and alignment, in two and three dimensions, against plain code that
# follows the operator's text.
# labels: asan
set -uo pipefail
command -v python3 >/dev/null || { echo "grid_sample: no python3 here: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/grid_sample.py" "$work/models" || exit 1
cd "$work/models" || exit 1
ways=("--emit eval" "--emit obj" "--portable")
[ "${LPC_SANITIZED:-0}" = 1 ] && ways=("--emit eval")
for way in "${ways[@]}"; do
    # shellcheck disable=SC2086
    "$LPC" check $way --rtol 1e-4 --atol 1e-5 --each ./* >results || fail "$way: $(grep -v '^PASS ' results)"
    rm results
done
[ "$failures" = 0 ]
