#!/bin/bash
# Sizes that a run decides, by what it computes: within bounds that lpc derives or --max gives, in every
# backend, whole and cut; and runs that go beyond them.
# labels: asan
# timeout: 600
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

# In loops and scans, nested and in branches.
ways=("--emit eval" "--emit eval --no-plan" "--emit eval --stages 2")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj" "--emit c" "--portable")
for case in loop_slice loop_top_k loop_reshape loop_carried loop_nested loop_branch scan rank_1 rank_-1 rank_loop_-1; do
    check $case
done
ways=("--emit eval")
check loop_tile --max n_value=4
check loop_expand --max shape_value0=4 --max shape_value1=6
check loop_pad --max pads_value0=4 --max pads_value1=2
check loop_range --max limit_value=4
check loop_fill --max n_value=4
check loop_one_hot --max depth_value=4
expect 1 'a size is out of its bound' "$LPC" check loop_tile/model.onnx loop_tile/test_data_set_0 --max n_value=3
expect 1 "'n' determines sizes .* --max n_value=N" "$LPC" loop_tile/model.onnx -o none
expect 1 "node 'loop' .*: what the body makes for output 1 may have another size" "$LPC" ../wrong/stacked.onnx -o none
expect 1 'carried value 0 enters with shape .6. and leaves the body with .1, 6.' "$LPC" ../wrong/rank.onnx -o none
expect 1 "node 'if' .*: the branches give different ranks, 1 and 2" "$LPC" ../wrong/branches.onnx -o none
expect 1 "the branches give different ranks" timeout 20 "$LPC" ../wrong/chain.onnx -o none

# Without a bound all that are needed are told at once; beyond one the run ends.
expect 1 "'pads' determines sizes .* --max pads_value0=N --max pads_value1=N" "$LPC" pad/model.onnx -o none
expect 1 'the model has no size .nothing.' "$LPC" pad/model.onnx --max pads_value0=4 --max pads_value1=2 \
    --max nothing=3 -o none
expect 1 'a size is out of its bound' "$LPC" check tile/model.onnx tile/test_data_set_0 --max n_value=3
expect 1 'a value that an operator does not allow' "$LPC" check reshape_wrong/model.onnx \
    reshape_wrong/test_data_set_0
[ "$failures" = 0 ]
