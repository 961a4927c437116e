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
[ -d "$root" ] || { echo "conformance: no $root here: skipped; operators.sh has the own cases"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
options=
[ "${LPC_SANITIZED:-0}" = 1 ] && options="--emit eval"

(cd "$root" && ls -d */test_*) >"$work/tests"
# shellcheck disable=SC2086
(cd "$root" && xargs -a "$work/tests" -P 2 -n 30 "$LPC" check $options --each) |
    LC_ALL=C sort >"$work/results"
sed -n 's/^PASS //p' "$work/results" >"$work/passed"
sed -n 's/^FAIL \([^:]*\): \(lpc: error: \)\{0,1\}\(.*model.onnx: \)\{0,1\}/\1 /p' "$work/results" |
    cut -c 1-200 >"$work/failed"
cat "$work/passed" <(cut -d ' ' -f 1 "$work/failed") | LC_ALL=C sort |
    diff <(LC_ALL=C sort "$work/tests") - || { echo "FAILED: not every test gave one result"; exit 1; }
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
