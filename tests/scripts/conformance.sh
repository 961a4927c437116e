#!/bin/bash
# The official ONNX tests through `lpc check`. tests/conformance/unsupported.txt lists those that lpc does
# not support yet, with the reason; every other one must pass, and a listed one must not (then the list
# is out of date). UPDATE=1 rewrites the list. In the sanitizers' build the evaluator runs them: no
# program is linked.
# labels: asan slow
# timeout: 1200
set -uo pipefail
root=$SHARED/onnx-tests
list=$LPC_SOURCE/tests/conformance/unsupported.txt
[ -d "$root" ] || { echo "conformance: no $root here: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
options=
[ "${LPC_SANITIZED:-0}" = 1 ] && options="--emit eval"
export work root LPC options

one() {
    local log=$work/${1//\//_}
    # shellcheck disable=SC2086
    timeout 60 "$LPC" check "$root/$1/model.onnx" "$root/$1"/test_data_set_* $options >"$log" 2>&1
    local status=$?
    [ $status = 0 ] && { echo "pass $1"; return; }
    echo "fail $1 $(grep -E 'error:|MISMATCH' "$log" | head -n 1 | sed "s|$root/||; s|.*model.onnx: ||" | cut -c 1-160)"
}
export -f one

(cd "$root" && ls -d */test_*) | xargs -P 2 -n 1 bash -c 'one "$0"' | LC_ALL=C sort >"$work/results"
grep '^pass ' "$work/results" | cut -d ' ' -f 2 >"$work/passed"
grep '^fail ' "$work/results" | cut -d ' ' -f 2- >"$work/failed"
echo "conformance: $(wc -l <"$work/passed") pass, $(wc -l <"$work/failed") are not supported"
if [ -n "${UPDATE:-}" ]; then
    cp "$work/failed" "$list"
    exit 0
fi
cut -d ' ' -f 1 "$list" | LC_ALL=C sort >"$work/listed"
cut -d ' ' -f 1 "$work/failed" | LC_ALL=C sort >"$work/failing"
regressed=$(LC_ALL=C comm -13 "$work/listed" "$work/failing")
repaired=$(LC_ALL=C comm -23 "$work/listed" "$work/failing")
[ -z "$regressed" ] || { echo "FAILED, and not listed as unsupported:"; grep -F "$regressed" "$work/failed"; }
[ -z "$repaired" ] || echo "pass although listed (take them off the list): $repaired"
[ -z "$regressed$repaired" ]
