#!/bin/bash
# The official ONNX tests through `lpc check`. tests/conformance/unsupported.txt lists those that lpc does
# not support yet, with the reason; every other one must pass, and a listed one must not (then the list
# is out of date). UPDATE=1 rewrites the list. Then once more, evaluated in two stages. In the sanitizers'
# build the evaluator alone runs them: no program is linked.
# labels: asan slow
# timeout: 1200
set -uo pipefail
root=$SHARED/onnx-tests
list=$LPC_SOURCE/tests/conformance/unsupported.txt
[ -d "$root" ] || { echo "conformance: no $root here: skipped; operators.sh has the own cases"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$root" && ls -d */test_*) >"$work/tests"
. "$LPC_SOURCE/tests/known.sh"

check() { # OPTION...
    (cd "$root" && xargs -a "$work/tests" -P 2 -n 30 "$LPC" check "$@" --each) |
        LC_ALL=C sort >"$work/results"
    compare_known "${*:-one stage}"
}
if [ "${LPC_SANITIZED:-0}" = 1 ]; then
    check --emit eval
else
    check && check --emit eval --stages 2
fi
