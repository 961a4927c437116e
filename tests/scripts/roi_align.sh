#!/bin/bash
# RoiAlign whose samples follow from a box's size, boxes of 1e30 pixels among them, against plain code that
# follows the operator's text. What lies outside of an image takes no time.
# labels: asan
# timeout: 60
set -uo pipefail
command -v python3 >/dev/null || { echo "roi_align: no python3 here: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/roi_align.py" "$work/models" || exit 1
ways=("--emit eval" "--emit obj" "--portable")
[ "${LPC_SANITIZED:-0}" = 1 ] && ways=("--emit eval")
for way in "${ways[@]}"; do
    # shellcheck disable=SC2086
    timeout 15 "$LPC" check $way --rtol 1e-4 --atol 1e-5 --each "$work/models/roi_align" >"$work/results" ||
        fail "$way: $(cat "$work/results")"
done
[ "$failures" = 0 ]
