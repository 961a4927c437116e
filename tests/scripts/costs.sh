#!/bin/bash
# What layers do is counted once: planner, kernels, manifests, comments in code, lpc inspect and the report
# tell the same FLOPs, which are those of arithmetic by hand; so too for the official tests of every
# operator and for the real models, where ../shared is here.
# labels: slow
# timeout: 900
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
python3 "$LPC_SOURCE/tests/scripts/costs.py" "$LPC" "$work" "$SHARED" || fail "costs differ"
[ "$failures" = 0 ]
