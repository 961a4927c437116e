#!/bin/bash
# Sizes that a run decides, by what it computes: within bounds that lpc derives or --max gives, in every
# backend, whole and cut; and runs that go beyond them.
# labels: asan
# timeout: 300
set -uo pipefail
command -v python3 >/dev/null || { echo "run_sizes: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/run_sizes.py" "$work/cases" || exit 1
cd "$work/cases" || exit 1
ways=("--emit eval" "--emit eval --stages 2")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj")

check() { # case, bounds
    local case=$1 way
    shift
    for way in "${ways[@]}"; do
        # shellcheck disable=SC2086
        "$LPC" check "$case/model.onnx" "$case/test_data_set_0" "$@" $way >log 2>&1 ||
            fail "$case $way: $(cat log)"
    done
}
check slice
check slice_negative
check slice_behind
check top_k
check reshape
ways=("--emit eval --no-plan" "--emit eval --stages 3")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit c" "--portable" "--stages 2")
check slice_negative
check reshape
ways=("--emit eval")
check range --max limit_value=8
check constant_of_shape --max n_value=6
check expand --max shape_value0=5 --max shape_value1=6
check tile --max n_value=4
check pad --max pads_value0=4 --max pads_value1=2

# Without a bound all that are needed are told at once; beyond one the run ends.
expect 1 "'pads' determines sizes .* --max pads_value0=N --max pads_value1=N" "$LPC" pad/model.onnx -o none
expect 1 'the model has no size .nothing.' "$LPC" pad/model.onnx --max pads_value0=4 --max pads_value1=2 \
    --max nothing=3 -o none
expect 1 'a size is out of its bound' "$LPC" check tile/model.onnx tile/test_data_set_0 --max n_value=3
expect 1 'a value that an operator does not allow' "$LPC" check reshape_wrong/model.onnx \
    reshape_wrong/test_data_set_0
[ "$failures" = 0 ]
