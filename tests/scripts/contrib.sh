#!/bin/bash
# Operators outside ai.onnx, pipelines and optimised models through `lpc check`, against ONNX Runtime's
# outputs, each within its own tolerance (index.json). tests/conformance/contrib.txt lists those that lpc
# does not support yet, with the reason; every other one must pass, and a listed one must not (then the list
# is out of date). UPDATE=1 rewrites the list. Then once more, evaluated in two stages. In the sanitizers'
# build the evaluator alone runs them.
# labels: asan slow
# timeout: 1200
set -uo pipefail
root=$SHARED/contrib-tests
list=$LPC_SOURCE/tests/conformance/contrib.txt
[ -d "$root" ] || { echo "contrib: no $root here: skipped; contrib operators have unit tests of their own"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A file for each pair of tolerances, named by them.
python3 - "$root/index.json" "$work" <<'END'
import json, sys
for case, about in sorted(json.load(open(sys.argv[1])).items()):
    name = "%s/at_%g_%g" % (sys.argv[2], about.get("rtol", 1e-3), about.get("atol", 1e-4))
    print(case, file=open(name, "a"))
END
cat "$work"/at_* | LC_ALL=C sort >"$work/tests"
. "$LPC_SOURCE/tests/known.sh"

check() { # OPTION...
    for cases in "$work"/at_*; do
        IFS=_ read -r _ rtol atol <<<"${cases##*/}"
        (cd "$root" && xargs -a "$cases" -P 2 -n 30 "$LPC" check "$@" --rtol "$rtol" --atol "$atol" --each)
    done | LC_ALL=C sort >"$work/results"
    compare_known "${*:-one stage}"
}
if [ "${LPC_SANITIZED:-0}" = 1 ]; then
    check --emit eval
else
    check && check --emit eval --stages 2
fi
